//! The web server, spoken to byte by byte; and curl's complaints.

use crate::common::{parse, run};
use lab::recording::task_of;

/// A network with `httpd` on b; `programs` is more TOML, its first program is number 1.
fn with_server(programs: &str) -> lab::Lab {
    let hosts = "seed = 1\nuntil = \"600s\"\n[[host]]\nname = \"a\"\naddress = \"10.0.0.1/24\"\n[[host]]\nname = \"b\"\naddress = \"10.0.0.2/24\"\n";
    run(parse("http.toml", &format!("{hosts}[[program]]\nhost = \"b\"\nbuiltin = \"httpd\"\n{programs}")))
}

/// Sends bytes, ends its side, and gives what comes back.
fn speak(request: &str) -> String {
    let source = format!(
        "import socket\ns = socket.socket()\ns.connect((\"10.0.0.2\", 80))\ns.sendall({})\ns.shutdown(socket.SHUT_WR)\n\
         answer = b\"\"\nwhile True:\n    data = s.recv(65536)\n    if not data:\n        break\n    answer = answer + data\n\
         print(answer.decode(), end=\"\")\n",
        python_bytes(request)
    );
    let lab = with_server(&format!("[[program]]\nhost = \"a\"\nstart = \"1ms\"\nsource = '''\n{source}'''\n"));
    lab.output(task_of(1))
}

fn python_bytes(text: &str) -> String {
    let escaped: String = text.bytes().map(|b| format!("\\x{b:02x}")).collect();
    format!("b\"{escaped}\"")
}

fn curl(args: &str) -> (String, Option<i32>) {
    let lab = with_server(&format!("[[program]]\nhost = \"a\"\nstart = \"1ms\"\nbuiltin = \"curl {args}\"\n"));
    let status = match lab.world().tasks()[1].state() {
        lab::world::TaskState::Exited(status) => Some(status),
        _ => None,
    };
    (lab.output(task_of(1)), status)
}

#[test]
fn bad_requests_get_their_status() {
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: b\r\n\r\n", "200 OK"),
        ("HEAD /bytes/5 HTTP/1.1\r\nHost: b\r\n\r\n", "200 OK"),
        ("GET / HTTP/1.0\r\n\r\n", "200 OK"),
        ("GET /nothing HTTP/1.1\r\nHost: b\r\n\r\n", "404 Not Found"),
        ("GET / HTTP/1.1\r\n\r\n", "400 Bad Request"),
        ("hello?\r\n\r\n", "400 Bad Request"),
        ("GET / HTT", "400 Bad Request"),
        ("GET / HTTP/2.0\r\n\r\n", "505 HTTP Version Not Supported"),
        ("POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\nabc", "405 Method Not Allowed"),
        ("POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 70000\r\n\r\n", "413 Content Too Large"),
        ("POST / HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n", "501 Not Implemented"),
        ("GET / HTTP/1.1\r\nHost: b\r\nContent-Length: x\r\n\r\n", "400 Bad Request"),
    ] {
        let answer = speak(request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request:?} got {answer}");
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: b\r\n\r\n", "x".repeat(9000));
    assert!(speak(&long).starts_with("HTTP/1.1 414 URI Too Long\r\n"));
    assert!(speak("POST / HTTP/1.1\r\nHost: b\r\n\r\n").contains("Allow: GET, HEAD\r\n"));
}

#[test]
fn one_connection_takes_several_requests() {
    let answer = speak(
        "GET /bytes/0 HTTP/1.1\r\nHost: b\r\n\r\nHEAD / HTTP/1.1\r\nHost: b\r\n\r\nGET /x HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n",
    );
    let statuses: Vec<&str> = answer.lines().filter(|l| l.starts_with("HTTP/1.1")).collect();
    assert_eq!(statuses, ["HTTP/1.1 200 OK", "HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found"]);
}

#[test]
fn curl_complains_as_curl_does() {
    for (args, code, expected) in [
        ("http://10.0.0.2:81/", 7, "curl: (7) Failed to connect to 10.0.0.2 port 81 after "),
        ("http://example.com/", 6, "curl: (6) Could not resolve host: example.com\n"),
        ("https://10.0.0.2/", 1, "curl: (1) Protocol \\\"https\\\" not supported"),
        ("-f http://10.0.0.2/nothing", 22, "curl: (22) The requested URL returned error: 404\n"),
        ("http://10.0.0.2/bytes/10000", 23, "Warning: Binary output can mess up your terminal."),
        ("--frob", 2, "curl: option --frob: is unknown\ncurl: try 'curl --help' for more information\n"),
    ] {
        let (output, status) = curl(args);
        assert!(output.starts_with(&expected.replace("\\\"", "\"")), "{args}: {output}");
        assert_eq!(status, Some(code), "{args}");
    }
    let (output, _) = curl("http://10.0.0.2:81/");
    assert!(output.ends_with(" ms: Couldn't connect to server\n"), "{output}");
    assert_eq!(curl("-s -I http://10.0.0.2/bytes/7").0.lines().filter(|l| *l == "Content-Length: 7").count(), 1);
    assert_eq!(curl("-s http://10.0.0.2:81/"), (String::new(), Some(7)));
}

#[test]
fn a_slow_client_does_not_keep_others_waiting() {
    let slow = "[[program]]\nhost = \"a\"\nsource = '''\nimport socket, time\ns = socket.socket()\ns.connect((\"10.0.0.2\", 80))\ntime.sleep(5)\ns.close()\n'''\n";
    let lab = with_server(&format!(
        "{slow}[[program]]\nhost = \"a\"\nstart = \"1s\"\nbuiltin = \"curl -s -o x http://10.0.0.2/\"\nargs = [\"-w\", \"%{{http_code}} %{{time_total}}\"]\n"
    ));
    let output = lab.output(task_of(2));
    assert!(output.starts_with("200 0.0"), "{output}");
}
