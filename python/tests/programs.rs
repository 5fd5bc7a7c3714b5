//! Programs of learners, against a machine that answers by a script.
#![cfg(feature = "interpreter")]

use python::interpreter::{resume, start};
use python::{Answer, Request, Step};
use stack::syscall::{SysRet, Syscall};

fn trace(source: &str, mut answer: impl FnMut(&Request) -> Answer) -> Vec<Step> {
    let mut step = start("send.py", source, &[]);
    let mut steps = Vec::new();
    loop {
        let done = matches!(step.request, Request::Exit { .. });
        let next = (!done).then(|| resume(&step.state, &answer(&step.request)));
        steps.push(step);
        match next {
            Some(next) => step = next,
            None => return steps,
        }
    }
}

#[test]
fn the_script_of_the_issue_makes_its_four_calls() {
    let source = "import socket\nhost = '192.168.1.100'\nport = 8080\ndata = b\"GET / HTTP/1.1\\r\\nHost: example.com\\r\\n\\r\\n\"\nwith socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:\n    s.connect((host, port))\n    s.sendall(data)\n";
    let steps = trace(source, |request| match request {
        Request::Syscall(Syscall::Socket { .. }) => Answer::Syscall(SysRet::ok(3)),
        Request::Syscall(Syscall::Sendto { buf, .. }) => Answer::Syscall(SysRet::ok(buf.len() as i64)),
        Request::Syscall(_) => Answer::Syscall(SysRet::ok(0)),
        _ => Answer::Done,
    });
    for s in &steps { println!("{} {:?} {}", s.line, s.request, s.state.len()); }
}
