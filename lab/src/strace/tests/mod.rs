//! Our text beside that of the real strace, and our kernel's answers beside the real kernel's, call by call.
//!
//! The comparison needs root, a network namespace, strace and python3; it says so and passes where it has not.

mod answers;
mod calls;
mod oracle;

use super::*;
use calls::{calls, recv, send, socket};
use oracle::from_json;
use stack::syscall::*;
use std::net::Ipv4Addr;

/// Pointers are anybody's: one word for all. A program that fails a call gets a signal sometimes.
fn comparable(line: &str) -> String {
    let mut text = line.to_owned();
    let mut from = 0;
    while let Some(at) = text[from..].find("0x").map(|at| from + at) {
        let len = text[at + 2..].bytes().take_while(u8::is_ascii_hexdigit).count();
        if len == 12 {
            text.replace_range(at..at + 14, "POINTER");
        }
        from = at + 3;
    }
    // The column of the result moves with the pointer's width, which is the same on both sides.
    text
}

#[test]
fn the_text_is_that_of_the_real_strace() {
    let calls = calls();
    let Some(real) = oracle::run(&calls) else { return };
    let mut wrong = Vec::new();
    for ((line, call), result) in real.lines.iter().zip(&calls).zip(&real.results) {
        let Some(ret) = from_json(result) else { continue };
        let (real, ours) = (comparable(line), comparable(&format_line(call, &ret)));
        if real != ours {
            wrong.push(format!("real {real}\nours {ours}"));
        }
        assert!(format_line(call, &ret).starts_with(&format_call(call)), "{ours}");
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), calls.len(), wrong.join("\n"));
    eprintln!("{} calls read as under the real strace", calls.len());
}

#[test]
fn the_four_calls_of_a_send_read_as_on_linux() {
    let addr = SockAddr::v4(Ipv4Addr::new(192, 168, 1, 100), 8080);
    let data = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
    let lines = [
        format_line(&socket(SOCK_STREAM | SOCK_CLOEXEC), &SysRet::ok(3)),
        format_line(&Syscall::Connect { fd: 3, addr }, &SysRet::ok(0)),
        format_line(&send(3, data, 0), &SysRet::ok(37)),
        format_line(&Syscall::Close { fd: 3 }, &SysRet::ok(0)),
    ];
    assert_eq!(
        lines.join("\n"),
        r#"socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = 3
connect(3, {sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr("192.168.1.100")}, 16) = 0
sendto(3, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", 37, 0, NULL, 0) = 37
close(3)                                = 0"#
    );
}

#[test]
fn a_call_in_the_kernel_is_an_open_line() {
    assert_eq!(format_call(&send(3, b"hello", 0)), "sendto(3, \"hello\", 5, 0, NULL, 0");
    assert_eq!(format_call(&recv(3, 1024, 0)), "recvfrom(3, ");
    assert_eq!(format_call(&Syscall::Accept4 { fd: 3, flags: SOCK_CLOEXEC }), "accept4(3, ");
    assert_eq!(bare_line(Sysno::Sendto, None), "sendto(");
    assert_eq!(
        bare_line(Sysno::Close, Some(Err(Errno::EBADF))),
        format!("{:<39} = -1 EBADF (Bad file descriptor)", "close(...)")
    );
}

#[test]
fn the_filter_of_strace_leaves_out_what_works_on_any_descriptor() {
    assert!(is_traced(Sysno::Close) && is_traced(Sysno::Sendto) && is_traced(Sysno::Accept4));
    assert!(!is_traced(Sysno::Read) && !is_traced(Sysno::Write) && !is_traced(Sysno::Fcntl));
}
