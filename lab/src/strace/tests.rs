//! Our text beside that of the real strace, call by call, on the real kernel.
//!
//! The comparison needs root, a network namespace, strace and python3; it says so and passes where it has not.

use super::*;
use serde_json::{Value, json};
use stack::syscall::*;
use std::net::Ipv4Addr;
use std::process::Command;
use std::rc::Rc;

const LO: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn send(fd: Fd, bytes: &[u8], flags: i32) -> Syscall {
    Syscall::Sendto { fd, buf: Rc::from(bytes), flags, addr: None }
}

fn recv(fd: Fd, len: usize, flags: i32) -> Syscall {
    Syscall::Recvfrom { fd, len, flags, want_addr: false }
}

fn set(fd: Fd, level: i32, name: i32, value: &[u8]) -> Syscall {
    Syscall::Setsockopt { fd, level, name, value: value.to_vec() }
}

fn socket(kind: i32) -> Syscall {
    Syscall::Socket { family: AF_INET, kind, protocol: 0 }
}

/// Every call with every kind of argument; descriptors begin at 3.
fn calls() -> Vec<Syscall> {
    let at = |port| SockAddr::v4(LO, port);
    let mut c = Vec::new();
    for (family, kind, protocol) in [
        (AF_INET, SOCK_STREAM, 17),
        (AF_INET, SOCK_STREAM, 99),
        (AF_INET, SOCK_STREAM | 0o2000000, IPPROTO_ICMP),
        (AF_INET, 13, 0),
        (AF_INET, 9 | SOCK_CLOEXEC, 0),
        (AF_INET, 0o100, 0),
        (AF_INET, SOCK_STREAM | 0o40000000, 0),
        (999, SOCK_STREAM, 0),
        (AF_UNSPEC, SOCK_DGRAM, 5),
        (AF_INET, SOCK_RAW, 0),
        (-1, -1, -1),
    ] {
        c.push(Syscall::Socket { family, kind, protocol });
    }
    for (kind, protocol) in [(SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP), (SOCK_DGRAM, IPPROTO_UDP)] {
        c.push(Syscall::Socket { family: AF_INET, kind, protocol });
        c.push(Syscall::Close { fd: 3 });
    }
    c.extend([Syscall::Close { fd: 77 }, Syscall::Close { fd: -1 }, Syscall::Close { fd: 123_456_789 }]);
    // A server, 3, and a client, 4; the accepted socket is 5.
    c.extend([socket(SOCK_STREAM), set(3, SOL_SOCKET, SO_REUSEADDR, &[1, 0, 0, 0])]);
    c.extend([Syscall::Bind { fd: 3, addr: at(8080) }, Syscall::Bind { fd: 3, addr: at(8081) }]);
    c.extend([Syscall::Listen { fd: 3, backlog: 5 }, Syscall::Listen { fd: 3, backlog: -1 }, socket(SOCK_STREAM)]);
    c.push(Syscall::Connect { fd: 4, addr: at(9) });
    c.extend([Syscall::Close { fd: 4 }, socket(SOCK_STREAM), Syscall::Bind { fd: 4, addr: at(40000) }]);
    c.extend([Syscall::Connect { fd: 4, addr: at(8080) }, Syscall::Connect { fd: 4, addr: at(8080) }]);
    c.extend([Syscall::Accept4 { fd: 3, flags: SOCK_CLOEXEC | SOCK_NONBLOCK }]);
    for flags in [F_GETFL, F_GETFD] {
        c.extend([3, 4, 5, 99].map(|fd| Syscall::Fcntl { fd, cmd: flags, arg: 0 }));
    }
    for (cmd, arg) in [
        (F_SETFL, O_RDWR | O_NONBLOCK),
        (F_SETFL, 0o2000 | O_NONBLOCK),
        (F_SETFL, O_RDWR),
        (F_SETFL, 0),
        (F_SETFD, 1),
        (F_SETFD, 0),
    ] {
        c.extend([Syscall::Fcntl { fd: 4, cmd, arg }, Syscall::Fcntl { fd: 4, cmd: F_GETFL, arg: 0 }]);
    }
    c.extend([4, 5, 3, 99].map(|fd| Syscall::Getpeername { fd }));
    for len in [16, 128, 8] {
        c.extend([4, 5, 3, 99].map(|fd| Syscall::Getsockname { fd, len }));
    }
    c.extend([Syscall::Fcntl { fd: 3, cmd: F_SETFL, arg: O_NONBLOCK }, Syscall::Accept { fd: 3 }]);
    c.extend([Syscall::Accept4 { fd: 3, flags: 0 }, Syscall::Accept4 { fd: 3, flags: 3 }, Syscall::Accept { fd: 99 }]);
    // Strings.
    let all: Vec<u8> = (0..=255).collect();
    c.extend([send(4, b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", 0), recv(5, 4096, 0)]);
    for at in (0..256).step_by(16) {
        c.extend([send(4, &all[at..at + 16], 0), recv(5, 100, 0)]);
    }
    let mut long = vec![b'x'; 99];
    long.extend_from_slice(b"\x01" as &[u8]);
    for bytes in [
        &all[..],
        &[b'x'; 100],
        &[b'x'; 101],
        &long,
        &[&long[..], b"5"].concat(),
        b"",
        b"\x001\x002\x003a",
        b"\x7f\x80a",
    ] {
        c.extend([send(4, bytes, 0), recv(5, 1000, 0)]);
    }
    for flags in [MSG_NOSIGNAL, MSG_DONTWAIT | MSG_MORE, MSG_OOB, MSG_PEEK, MSG_DONTROUTE, 0x4000_0000, MSG_MORE << 16]
    {
        c.push(send(4, b"abc", flags));
    }
    for flags in [MSG_PEEK, MSG_WAITALL | MSG_PEEK, MSG_DONTWAIT, MSG_DONTROUTE, 0, 0, 0, 0, 0, 0, 0, 0, 0] {
        c.push(recv(5, 2, flags));
    }
    c.extend([recv(99, 10, 0), Syscall::Recvfrom { fd: 5, len: 10, flags: MSG_DONTWAIT, want_addr: true }]);
    c.extend([Syscall::Write { fd: 4, buf: Rc::from(&b"by write"[..]) }, Syscall::Read { fd: 5, len: 100 }]);
    c.extend([Syscall::Read { fd: 5, len: 100 }, Syscall::Read { fd: 99, len: 1 }]);
    c.push(Syscall::Write { fd: 99, buf: Rc::from(&b""[..]) });
    c.extend(options());
    c.extend([0, 1, 2, 7, -1].map(|how| Syscall::Shutdown { fd: 4, how }));
    c.extend([send(4, b"x", MSG_NOSIGNAL), recv(5, 10, 0), Syscall::Shutdown { fd: 99, how: 1 }]);
    c.extend([5, 4].map(|fd| Syscall::Close { fd }));
    // Datagrams: 4 and 5.
    c.extend([socket(SOCK_DGRAM), socket(SOCK_DGRAM | SOCK_NONBLOCK)]);
    c.extend([Syscall::Bind { fd: 4, addr: at(5353) }, Syscall::Bind { fd: 5, addr: at(5354) }]);
    let to = |bytes: &[u8], flags| Syscall::Sendto { fd: 5, buf: Rc::from(bytes), flags, addr: Some(at(5353)) };
    let from = |fd, flags| Syscall::Recvfrom { fd, len: 100, flags, want_addr: true };
    c.extend([to(b"q", 0), from(4, 0), to(b"abc", MSG_DONTWAIT), recv(4, 2, 0), to(b"", 0), from(4, MSG_PEEK)]);
    c.extend([from(4, 0), from(4, MSG_DONTWAIT), from(5, 0), to(&[b'q'; 70_000], 0), send(5, b"x", 0)]);
    c.extend([Syscall::Connect { fd: 5, addr: at(5353) }, send(5, b"z", 0), Syscall::Listen { fd: 4, backlog: 1 }]);
    c.push(Syscall::Bind { fd: 5, addr: SockAddr::v4(Ipv4Addr::new(1, 2, 3, 4), 80) });
    for family in [0, 1, 10, 77, 2000] {
        let addr = SockAddr { family, port: 0x3412, addr: Ipv4Addr::new(1, 2, 3, 4) };
        c.extend([Syscall::Connect { fd: 5, addr }, Syscall::Bind { fd: 5, addr }]);
    }
    c
}

fn options() -> Vec<Syscall> {
    let mut c = Vec::new();
    let mut names: Vec<(i32, i32)> = [
        SO_REUSEADDR,
        SO_TYPE,
        SO_ERROR,
        SO_BROADCAST,
        SO_SNDBUF,
        SO_RCVBUF,
        SO_KEEPALIVE,
        SO_REUSEPORT,
        SO_ACCEPTCONN,
        SO_PROTOCOL,
        SO_DOMAIN,
        SO_LINGER,
        SO_RCVTIMEO,
        SO_SNDTIMEO,
        5,
        10,
        12,
        18,
        19,
        36,
        999,
    ]
    .map(|n| (SOL_SOCKET, n))
    .to_vec();
    names.extend([IP_TOS, IP_TTL, 3, 10, 999].map(|n| (IPPROTO_IP, n)));
    names.extend(
        [TCP_NODELAY, TCP_MAXSEG, TCP_CORK, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_QUICKACK, TCP_USER_TIMEOUT]
            .map(|n| (IPPROTO_TCP, n)),
    );
    names.extend([(IPPROTO_TCP, TCP_INFO), (IPPROTO_TCP, 13), (IPPROTO_TCP, 999), (77, 3), (IPPROTO_UDP, 1)]);
    for (level, name) in names {
        for len in [4, 8, 16, 2] {
            c.push(Syscall::Getsockopt { fd: 4, level, name, len });
        }
        for value in [&[1, 0, 0, 0][..], &[0xff; 4], &[2], &[1, 0, 0, 0, 2, 0, 0, 0, 3], b"cubic", &[]] {
            c.push(set(4, level, name, value));
        }
    }
    c.push(set(4, SOL_SOCKET, SO_LINGER, &[1, 0, 0, 0, 0, 0, 0, 0]));
    c.push(set(4, SOL_SOCKET, SO_RCVTIMEO, &[2, 0, 0, 0, 0, 0, 0, 0, 0x20, 0xa1, 7, 0, 0, 0, 0, 0]));
    c.push(Syscall::Getsockopt { fd: 99, level: SOL_SOCKET, name: SO_ERROR, len: 4 });
    c
}

/// The call for the driver.
fn to_json(call: &Syscall) -> Value {
    let name = call.sysno().name();
    let addr = |a: &SockAddr| json!([a.family, a.port, a.addr.to_string()]);
    match call {
        Syscall::Socket { family, kind, protocol } => json!([name, family, kind, protocol]),
        Syscall::Bind { fd, addr: a } | Syscall::Connect { fd, addr: a } => json!([name, fd, addr(a)]),
        Syscall::Listen { fd, backlog } => json!([name, fd, backlog]),
        Syscall::Accept { fd } | Syscall::Getpeername { fd } | Syscall::Close { fd } => json!([name, fd]),
        Syscall::Getsockname { fd, len } => json!([name, fd, len]),
        Syscall::Accept4 { fd, flags } => json!([name, fd, flags]),
        Syscall::Sendto { fd, buf, flags, addr: a } => json!([name, fd, buf.to_vec(), flags, a.as_ref().map(addr)]),
        Syscall::Recvfrom { fd, len, flags, want_addr } => json!([name, fd, len, flags, want_addr]),
        Syscall::Read { fd, len } => json!([name, fd, len]),
        Syscall::Write { fd, buf } => json!([name, fd, buf.to_vec()]),
        Syscall::Shutdown { fd, how } => json!([name, fd, how]),
        Syscall::Setsockopt { fd, level, name: n, value } => json!([name, fd, level, n, value]),
        Syscall::Getsockopt { fd, level, name: n, len } => json!([name, fd, level, n, len]),
        Syscall::Fcntl { fd, cmd, arg } => json!([name, fd, cmd, arg]),
        other => unreachable!("{other:?}"),
    }
}

/// What the kernel gave back; `None` for an errno that the stack never returns.
fn from_json(result: &Value) -> Option<SysRet> {
    let number = |v: &Value| v.as_i64().unwrap();
    let value = match number(&result["errno"]) {
        0 => Ok(number(&result["value"])),
        errno => Err(Errno::from_number(errno as i32)?),
    };
    let data = result["data"].as_array().unwrap().iter().map(|b| number(b) as u8).collect();
    let addr = result["addr"].as_array().map(|a| SockAddr {
        family: number(&a[0]) as u16,
        port: number(&a[1]) as u16,
        addr: a[2].as_str().unwrap().parse().unwrap(),
    });
    Some(SysRet { value, data, addr, ..SysRet::ok(0) })
}

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
    let dir = std::env::temp_dir().join(format!("sendpath-strace-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let calls = calls();
    std::fs::write(path("driver.py"), include_str!("driver.py")).unwrap();
    let list: Vec<Value> = calls.iter().map(to_json).collect();
    std::fs::write(path("calls"), json!(list).to_string()).unwrap();
    let script = "ip link set lo up || exit 77; python=$(python3 -c 'import sys; print(sys.executable)') || exit 78; \
                  exec timeout 30 strace -qq -s 100 -e trace=network,close,read,write,fcntl -o \"$1\" \"$python\" \"$2\" \"$3\" \"$4\"";
    let mut command = Command::new("unshare");
    command.args(["--net", "sh", "-c", script, "sh"]);
    command.args([path("trace"), path("driver.py"), path("calls"), path("results")]);
    let output = match command.output() {
        Err(error) => return eprintln!("skipped: no unshare: {error}"),
        Ok(output) => output,
    };
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        assert!(!reason.contains("Traceback"), "the driver failed: {reason}");
        return eprintln!("skipped: no namespace, strace or python3 ({}): {reason}", output.status);
    }
    let trace = std::fs::read_to_string(path("trace")).unwrap();
    let results: Vec<Value> = serde_json::from_slice(&std::fs::read(path("results")).unwrap()).unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    let lines = trace.lines().skip_while(|l| !l.starts_with("close(999)")).skip(1);
    let lines = lines.take_while(|l| !l.starts_with("close(998)")).filter(|l| !l.starts_with("---"));
    let lines: Vec<&str> = lines.collect();
    assert_eq!((lines.len(), results.len()), (calls.len(), calls.len()));
    let mut wrong = Vec::new();
    for ((line, call), result) in lines.iter().zip(&calls).zip(&results) {
        let Some(ret) = from_json(result) else { continue };
        let (real, ours) = (comparable(line), comparable(&format_line(call, &ret)));
        if real != ours {
            wrong.push(format!("real {real}\nours {ours}"));
        }
        assert!(format_line(call, &ret).starts_with(&format_call(call)), "{ours}");
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), lines.len(), wrong.join("\n"));
    eprintln!("{} calls read as under the real strace", lines.len());
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
