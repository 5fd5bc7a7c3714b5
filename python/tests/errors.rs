//! What a program's terminal shows when something is wrong.
#![cfg(feature = "interpreter")]

mod common;

use common::Machine;

/// Standard output, standard error and status of a program on a machine where nobody listens.
fn run(source: &str) -> (String, String, i32) {
    let machine = Machine::run(&[source]);
    let process = &machine.processes[0];
    (process.stdout.clone(), process.stderr.clone(), process.status.expect("it ends"))
}

fn stderr(source: &str) -> String {
    let (_, stderr, status) = run(source);
    assert_eq!(status, 1, "{stderr}");
    stderr
}

#[test]
fn a_refused_connection_is_caught_by_each_of_its_names() {
    for name in ["ConnectionRefusedError", "ConnectionError", "OSError", "socket.error", "IOError", "Exception"] {
        let source = format!(
            "import socket\ntry:\n    socket.create_connection(('10.0.0.1', 80))\nexcept (BrokenPipeError, TimeoutError, socket.gaierror):\n    print('wrong')\nexcept {name} as e:\n    print(e, e.errno, e.strerror, e.args, repr(e), type(e).__name__)\n"
        );
        let expected = "[Errno 111] Connection refused 111 Connection refused (111, 'Connection refused') \
                        ConnectionRefusedError(111, 'Connection refused') ConnectionRefusedError\n";
        assert_eq!(run(&source).0, expected, "{name}: {}", run(&source).1);
    }
}

#[test]
fn an_uncaught_error_is_a_traceback_of_the_learners_lines() {
    let source = "import socket\ndef go(s):\n    s.connect(('10.0.0.1', 80))\nwith socket.socket() as s:\n    go(s)\n";
    let expected = "Traceback (most recent call last):\n  File \"prog.py\", line 5, in <module>\n    go(s)\n  File \"prog.py\", line 3, in go\n    s.connect(('10.0.0.1', 80))\nConnectionRefusedError: [Errno 111] Connection refused\n";
    assert_eq!(stderr(source), expected);
}

#[test]
fn syntax_errors_name_the_line() {
    assert_eq!(
        stderr("x = 1\nfor i in range(3)\n    pass\n"),
        "  File \"prog.py\", line 2\n    for i in range(3)\n                     ^\nSyntaxError: expected ':'\n"
    );
    assert_eq!(
        stderr("print(1\n"),
        "  File \"prog.py\", line 1\n    print(1\n         ^\nSyntaxError: '(' was never closed\n"
    );
    assert!(
        stderr("def f():\npass\n")
            .contains("IndentationError: expected an indented block after function definition on line 1")
    );
    assert!(stderr("return 3\n").ends_with("SyntaxError: 'return' outside function\n"));
}

#[test]
fn unknown_names_and_attributes() {
    let text = stderr("import socket\nsocket.nope\n");
    assert!(
        text.ends_with(
            "line 2, in <module>\n    socket.nope\nAttributeError: module 'socket' has no attribute 'nope'\n"
        ),
        "{text}"
    );
    let text = stderr("import socket\ns = socket.socket()\ns.foo()\n");
    assert!(
        text.ends_with("    s.foo()\n    ^^^^^\nAttributeError: 'socket' object has no attribute 'foo'\n"),
        "{text}"
    );
    assert!(stderr("print(x)\n").ends_with("    print(x)\n          ^\nNameError: name 'x' is not defined\n"));
    assert!(stderr("import nope\n").ends_with("ModuleNotFoundError: No module named 'nope'\n"));
    assert!(stderr("from socket import nope\n").ends_with("ImportError: cannot import name 'nope' from 'socket'\n"));
}

#[test]
fn gaps_are_named() {
    assert!(
        stderr("def f():\n    yield 1\n").ends_with("NotImplementedError: this Python has no yield expressions yet\n")
    );
    let text = stderr("import socket\ns = socket.socket()\ns.settimeout(2.5)\n");
    assert!(text.contains("NotImplementedError: socket timeouts are not there yet: they need poll(2)"), "{text}");
    let text = stderr("import socket\nsocket.create_connection(('example.com', 80))\n");
    assert!(text.ends_with("socket.gaierror: [Errno -2] Name or service not known\n"), "{text}");
}

/// Runs the same source under the real python3: its standard output, standard error and status.
fn cpython(source: &str) -> Option<(String, String, i32)> {
    let dir = std::env::temp_dir().join(format!("sendpath-python-{}", std::process::id()));
    std::fs::create_dir_all(&dir).ok()?;
    std::fs::write(dir.join("prog.py"), source).ok()?;
    let output = std::process::Command::new("python3").arg("prog.py").current_dir(&dir).output().ok()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&format!("{}/", dir.display()), "");
    let result = (text(&output.stdout), text(&output.stderr), output.status.code()?);
    std::fs::remove_dir_all(&dir).ok()?;
    Some(result)
}

/// Versions of CPython mark the place in a line in different ways.
fn without_marks(text: &str) -> String {
    text.lines()
        .filter(|line| line.trim().is_empty() || !line.trim().chars().all(|c| "^~ ".contains(c)))
        .fold(String::new(), |all, line| all + line + "\n")
}

#[test]
fn programs_print_what_cpython_prints() {
    let cases = [
        "print('%d %s %r %5.2f|%-5s|%05d|%x|%%' % (1, 'a', 'b', 3.14159, 'ab', 42, 255))\n",
        "print('%s' % [1], '%(a)s %(b)03d' % {'a': 1, 'b': 2}, b'%d-%s' % (1, b'x'))\n",
        "d = {'a': 1, 'b': 2}\ndel d['a']\nl = [1, 2, 3]\ndel l[0]\nprint(d, l)\n",
        "try:\n    raise OSError(5, 'boo')\nexcept OSError as e:\n    print(e, e.errno, e.strerror, e.args)\nraise ValueError('a', 3)\n",
        "class Foo(object):\n    def __init__(self, x):\n        self.args = x\n    def bar(self):\n        return self.args\nprint(Foo(3).bar())\n",
        "from socket import (socket as S,\n    AF_INET,\n    SOCK_STREAM)\ns = S(AF_INET, SOCK_STREAM)\nprint(s.family, s.type, s.proto)\ns.close()\nprint(s)\n1/0\n",
        "import socket\nprint(socket.htons(80), socket.inet_aton('1.2.3.4'), socket.inet_ntoa(b'\\x01\\x02\\x03\\x04'))\nsocket.inet_aton('x')\n",
        "import socket\nsocket.socket().connect('127.0.0.1')\n",
        "import socket\nsocket.socket().connect(('127.0.0.1',))\n",
        "import socket\nsocket.socket().connect(('127.0.0.1', 'a'))\n",
        "import socket\nsocket.socket().connect(('127.0.0.1', 70000))\n",
        "import socket\nsocket.socket().sendall('text')\n",
        "import socket\nsocket.socket().recv(-1)\n",
        "import struct\nprint(struct.pack('!4sH2x?', b'ab', 65535, True), struct.unpack('<i', b'\\xff' * 4), struct.pack('bi', 1, 2))\nstruct.unpack('!H', b'a')\n",
        "n = 500\nprint(n.to_bytes(2, 'big'), int.from_bytes(b'\\xff\\xfe', 'big', signed=True), b'caf\\xe9'.decode('latin-1'))\n",
        "def f(n):\n    return f(n - 1)\nf(3)\n",
        "x = [0] * 3\ny = 1 + x[5]\n",
        "d = {}\nd['a']['b']\n",
        "assert 1 == 2, 'bad'\n",
        "raise KeyError('a')\n",
        "if x = 3: pass\n",
        "x = [1, 2\ny = 3\n",
    ];
    for source in cases {
        let Some((out, err, status)) = cpython(source) else {
            eprintln!("python3 is missing: not compared");
            return;
        };
        let (our_out, our_err, our_status) = run(source);
        assert_eq!((our_out, without_marks(&our_err), our_status), (out, without_marks(&err), status), "{source}");
    }
}
