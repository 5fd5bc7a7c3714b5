//! What programs ask of their machine, and on which line.
#![cfg(feature = "interpreter")]

mod common;

use common::Machine;
use python::interpreter::{resume, start};
use python::{Answer, Request, Step};
use stack::syscall::{
    AF_INET, Errno, IPPROTO_IP, SHUT_WR, SO_REUSEADDR, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET, SockAddr,
    SysRet, Syscall,
};

const SEND: &str = r#"import socket
host = '192.168.1.100'
port = 8080
data = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
    s.connect((host, port))
    s.sendall(data)
"#;

/// Runs a program whose calls are answered by `answer`.
fn trace(source: &str, mut answer: impl FnMut(&Syscall) -> SysRet) -> Vec<Step> {
    let mut step = start("send.py", source, &[]);
    let mut steps = Vec::new();
    loop {
        let answer = match &step.request {
            Request::Syscall(call) => Answer::Syscall(answer(call)),
            Request::Clock => Answer::Clock(1_500_000_000),
            Request::Exit { .. } => {
                steps.push(step);
                return steps;
            }
            _ => Answer::Done,
        };
        let next = resume(&step.state, &answer);
        steps.push(std::mem::replace(&mut step, next));
    }
}

/// Everything succeeds; the first descriptor is 3.
fn agreeable(call: &Syscall) -> SysRet {
    match call {
        Syscall::Socket { .. } => SysRet::ok(3),
        Syscall::Sendto { buf, .. } => SysRet::ok(buf.len() as i64),
        _ => SysRet::ok(0),
    }
}

fn texts(steps: &[Step], wanted_stderr: bool) -> String {
    steps
        .iter()
        .filter_map(|step| match &step.request {
            Request::Print { stderr, text } if *stderr == wanted_stderr => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn the_first_script_makes_four_calls_each_on_its_line() {
    let steps = trace(SEND, agreeable);
    let addr = SockAddr::v4([192, 168, 1, 100].into(), 8080);
    let data: &[u8] = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
    let expected = [
        (5, Syscall::Socket { family: AF_INET, kind: SOCK_STREAM | SOCK_CLOEXEC, protocol: IPPROTO_IP }),
        (6, Syscall::Connect { fd: 3, addr }),
        (7, Syscall::Sendto { fd: 3, buf: data.into(), flags: 0, addr: None }),
        (5, Syscall::Close { fd: 3 }),
    ];
    for (step, (line, call)) in steps.iter().zip(expected) {
        assert_eq!((step.line, &step.request), (line, &Request::Syscall(call)));
    }
    assert_eq!(steps[4].request, Request::Exit { status: 0 });
    assert_eq!(steps.len(), 5);
    assert!(steps[4].state.is_empty());
    assert!(steps.iter().all(|step| step.state.len() < 16 << 10), "a state is small");
}

#[test]
fn a_program_gives_the_same_states_each_time() {
    assert_eq!(trace(SEND, agreeable), trace(SEND, agreeable));
}

#[test]
fn a_state_can_be_answered_twice() {
    let first = start("send.py", SEND, &[]);
    let connect = resume(&first.state, &Answer::Syscall(SysRet::ok(3)));
    let other = resume(&first.state, &Answer::Syscall(SysRet::ok(9)));
    assert!(matches!(other.request, Request::Syscall(Syscall::Connect { fd: 9, .. })));
    let refused = resume(&connect.state, &Answer::Syscall(SysRet::err(Errno::ECONNREFUSED)));
    assert_eq!((refused.line, &refused.request), (5, &Request::Syscall(Syscall::Close { fd: 3 })));
    let sent = resume(&connect.state, &Answer::Syscall(SysRet::ok(0)));
    assert!(matches!(sent.request, Request::Syscall(Syscall::Sendto { fd: 3, .. })));
}

#[test]
fn sendall_sends_what_is_left() {
    let source = "import socket\ns = socket.socket()\ns.sendall(b'abcdefgh')\ns.sendall(b'')\ns.close()\n";
    let sent: Vec<Vec<u8>> = trace(source, |call| match call {
        Syscall::Sendto { buf, .. } => SysRet::ok(buf.len().min(3) as i64),
        other => agreeable(other),
    })
    .iter()
    .filter_map(|step| match &step.request {
        Request::Syscall(Syscall::Sendto { buf, .. }) => Some(buf.to_vec()),
        _ => None,
    })
    .collect();
    assert_eq!(sent, [b"abcdefgh".to_vec(), b"defgh".to_vec(), b"gh".to_vec(), Vec::new()]);
}

#[test]
fn an_echo_server_and_its_client() {
    let server = r#"
import socket
with socket.create_server(('', 7)) as listener:
    conn, addr = listener.accept()
    with conn:
        print('from', addr)
        while True:
            data = conn.recv(1024)
            if not data:
                break
            conn.sendall(data)
"#;
    let client = r#"
import socket
s = socket.create_connection(('localhost', 7))
for word in [b'one', b'two']:
    s.sendall(word)
    print(s.recv(100))
s.close()
"#;
    let machine = Machine::run(&[server, client]);
    let [server, client] = &machine.processes[..] else { panic!() };
    assert_eq!(client.stdout, "b'one'\nb'two'\n", "{}", client.stderr);
    assert_eq!(server.stdout, "from ('127.0.0.1', 40001)\n", "{}", server.stderr);
    assert_eq!((server.status, client.status), (Some(0), Some(0)));
    let names: Vec<String> = server.calls().into_iter().map(|(_, name)| name).collect();
    let expected =
        "socket setsockopt bind listen accept4 getsockname recvfrom sendto recvfrom sendto recvfrom close close";
    assert_eq!(names.join(" "), expected);
    let lines: Vec<u32> = server.calls().into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [3, 3, 3, 3, 4, 4, 8, 11, 8, 11, 8, 5, 3]);
}

#[test]
fn arguments_reach_the_kernel_as_in_c() {
    let source = r#"
from socket import *
s = socket(AF_INET, SOCK_DGRAM)
s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
s.setsockopt(SOL_SOCKET, SO_LINGER, b'\x01\x00\x00\x00\x02\x00\x00\x00')
s.sendto(b'hi', MSG_DONTWAIT, ('10.0.0.1', 53))
s.recv(99)
s.recvfrom(98)
s.listen()
s.listen(-5)
s.shutdown(SHUT_WR)
s.getsockopt(SOL_SOCKET, SO_TYPE)
"#;
    let calls: Vec<Syscall> = trace(source, agreeable)
        .into_iter()
        .filter_map(|step| match step.request {
            Request::Syscall(call) => Some(call),
            _ => None,
        })
        .take(10)
        .collect();
    let linger = vec![1, 0, 0, 0, 2, 0, 0, 0];
    let to = Some(SockAddr::v4([10, 0, 0, 1].into(), 53));
    assert_eq!(
        calls,
        [
            Syscall::Socket { family: AF_INET, kind: SOCK_DGRAM | SOCK_CLOEXEC, protocol: 0 },
            Syscall::Setsockopt { fd: 3, level: SOL_SOCKET, name: SO_REUSEADDR, value: vec![1, 0, 0, 0] },
            Syscall::Setsockopt { fd: 3, level: SOL_SOCKET, name: 13, value: linger },
            Syscall::Sendto { fd: 3, buf: b"hi"[..].into(), flags: 0x40, addr: to },
            Syscall::Recvfrom { fd: 3, len: 99, flags: 0, want_addr: false },
            Syscall::Recvfrom { fd: 3, len: 98, flags: 0, want_addr: true },
            Syscall::Listen { fd: 3, backlog: 128 },
            Syscall::Listen { fd: 3, backlog: 0 },
            Syscall::Shutdown { fd: 3, how: SHUT_WR },
            Syscall::Getsockopt { fd: 3, level: SOL_SOCKET, name: 3, len: 4 },
        ]
    );
}

#[test]
fn sockets_left_open_are_closed_at_the_end_in_their_order() {
    let source =
        "import socket\na = socket.socket()\nb = socket.socket()\na.close()\nc = socket.socket()\nprint('end')\n";
    let machine = Machine::run(&[source]);
    let calls: Vec<String> = machine.processes[0].calls().into_iter().map(|(_, name)| name).collect();
    let left = "getsockname getpeername close";
    assert_eq!(calls.join(" "), format!("socket socket close socket {left} {left}"));
}

#[test]
fn prints_come_in_order_with_their_lines() {
    let source = "import sys\nprint('a', 1, sep='-')\nsys.stderr.write('e\\n')\nprint('b', end='!')\nprint('c', file=sys.stderr)\n";
    let steps = trace(source, agreeable);
    let prints: Vec<(u32, bool, &str)> = steps
        .iter()
        .filter_map(|step| match &step.request {
            Request::Print { stderr, text } => Some((step.line, *stderr, text.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(prints, [(2, false, "a-1\n"), (3, true, "e\n"), (4, false, "b!"), (5, true, "c\n")]);
}

#[test]
fn time_is_the_machines() {
    let steps = trace("import time\ntime.sleep(0.25)\nprint(time.time(), time.monotonic_ns())\n", agreeable);
    assert_eq!(steps[0].request, Request::Sleep { ns: 250_000_000 });
    assert_eq!(steps[1].request, Request::Clock);
    assert_eq!(texts(&steps, false), "1.5 1500000000\n");
}

#[test]
fn arguments_and_exit_statuses() {
    let run = |source: &str| {
        let step = start("x.py", source, &["one".to_owned()]);
        match step.request {
            Request::Print { text, .. } => {
                let next = resume(&step.state, &Answer::Done);
                (text, next.request)
            }
            other => (String::new(), other),
        }
    };
    assert_eq!(run("import sys\nprint(sys.argv)\n").0, "['x.py', 'one']\n");
    assert_eq!(run("import sys\nsys.exit()\n").1, Request::Exit { status: 0 });
    assert_eq!(run("import sys\nsys.exit(3)\n").1, Request::Exit { status: 3 });
    assert_eq!(run("exit(4)\n").1, Request::Exit { status: 4 });
    assert_eq!(run("raise SystemExit(5)\n").1, Request::Exit { status: 5 });
    assert_eq!(run("import sys\nsys.exit('bye')\n"), ("bye\n".to_owned(), Request::Exit { status: 1 }));
    assert_eq!(run("").1, Request::Exit { status: 0 });
    assert_eq!(run("\u{feff}x = 1").1, Request::Exit { status: 0 });
}

#[test]
fn a_nonblocking_socket_asks_fcntl() {
    let source = "import socket\ns = socket.socket()\ns.setblocking(False)\ntry:\n    s.recv(1)\nexcept BlockingIOError as e:\n    print(e)\n";
    let steps = trace(source, |call| match call {
        Syscall::Recvfrom { .. } => SysRet::err(Errno::EAGAIN),
        other => agreeable(other),
    });
    assert_eq!(steps[1].request, Request::Syscall(Syscall::Fcntl { fd: 3, cmd: 4, arg: 0o4002 }));
    assert_eq!(texts(&steps, false), "[Errno 11] Resource temporarily unavailable\n");
}

#[test]
fn a_with_statement_closes_on_its_own_line() {
    let source = r#"import socket
def serve(n):
    with socket.socket() as a:
        with socket.socket() as b:
            for i in range(n):
                if i == 1:
                    return i
    return 0
serve(3)
with socket.socket() as c, socket.socket() as d:
    pass
try:
    with socket.socket() as e:
        with socket.socket() as f:
            1 / 0
except ZeroDivisionError:
    pass
"#;
    let mut fd = 2;
    let closes: Vec<(u32, i32)> = trace(source, |call| match call {
        Syscall::Socket { .. } => {
            fd += 1;
            SysRet::ok(fd)
        }
        other => agreeable(other),
    })
    .iter()
    .filter_map(|step| match step.request {
        Request::Syscall(Syscall::Close { fd }) => Some((step.line, fd)),
        _ => None,
    })
    .collect();
    assert_eq!(closes, [(4, 4), (3, 3), (10, 6), (10, 5), (14, 8), (13, 7)]);
}
