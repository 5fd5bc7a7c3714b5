//! The order of system calls, beside that of the real CPython under the real strace.
#![cfg(feature = "interpreter")]

mod common;

use common::Machine;
use python::{Request, Step};
use stack::syscall::Syscall;
use std::process::Command;

const PROGRAMS: &[&str] = &[
    "import socket\nwith socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:\n    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n    s.bind(('127.0.0.1', 0))\n    s.listen()\n    s.listen(5)\n    s.getsockname()\n",
    "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(('127.0.0.1', 0))\ns.sendto(b'x', s.getsockname())\ns.recvfrom(10)\ns.close()\ns.close()\ntry:\n    s.send(b'')\nexcept OSError as e:\n    print(e)\n",
    "import socket\na = socket.socket()\nb = socket.socket()\nprint(b)\nb.close()\nprint(b)\nc = socket.socket()\ntry:\n    a.connect(('127.0.0.1', 1))\nexcept ConnectionRefusedError:\n    pass\ntry:\n    c.getpeername()\nexcept OSError:\n    pass\n",
    "import socket\nserver = socket.create_server(('127.0.0.1', 0))\nserver.close()\ntry:\n    with socket.socket() as s:\n        with socket.socket() as t:\n            t.sendall(b'x')\nexcept BrokenPipeError:\n    pass\n",
];

/// The name and the first argument of each call; `None` without strace or python3.
fn real(source: &str) -> Option<Vec<String>> {
    let dir = std::env::temp_dir().join(format!("sendpath-strace-{}", std::process::id()));
    std::fs::create_dir_all(&dir).ok()?;
    std::fs::write(dir.join("prog.py"), source).ok()?;
    let ran = Command::new("strace")
        .args(["-e", "trace=network,close", "-o", "log", "python3", "prog.py"])
        .current_dir(&dir)
        .output()
        .ok()
        .and_then(|_| std::fs::read_to_string(dir.join("log")).ok());
    std::fs::remove_dir_all(&dir).ok()?;
    let log = ran?;
    let calls: Vec<String> = log
        .lines()
        .skip_while(|line| !line.starts_with("socket(AF_INET"))
        .filter(|line| !line.starts_with("+++") && !line.starts_with("---"))
        .filter_map(|line| line.split_once([',', ')']).map(|(start, _)| start.to_owned()))
        .collect();
    (!calls.is_empty()).then_some(calls)
}

fn ours(step: &Step) -> Option<String> {
    let Request::Syscall(call) = &step.request else { return None };
    let first = match call {
        Syscall::Socket { .. } => "AF_INET".to_owned(),
        Syscall::Bind { fd, .. }
        | Syscall::Listen { fd, .. }
        | Syscall::Connect { fd, .. }
        | Syscall::Sendto { fd, .. }
        | Syscall::Recvfrom { fd, .. }
        | Syscall::Close { fd }
        | Syscall::Getsockname { fd, .. }
        | Syscall::Getpeername { fd }
        | Syscall::Setsockopt { fd, .. } => fd.to_string(),
        other => panic!("{other:?}"),
    };
    Some(format!("{}({first}", call.sysno().name()))
}

#[test]
fn calls_come_in_the_order_of_cpython() {
    for source in PROGRAMS {
        let Some(expected) = real(source) else {
            eprintln!("strace or python3 is missing: not compared");
            return;
        };
        let machine = Machine::run(&[source]);
        let calls: Vec<String> = machine.processes[0].steps.iter().filter_map(ours).collect();
        assert_eq!(calls, expected, "{source}\n{}", machine.processes[0].stderr);
    }
}
