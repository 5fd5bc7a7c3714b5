//! Every call with every kind of argument, one after the other.

use stack::syscall::*;
use std::net::Ipv4Addr;
use std::rc::Rc;

const LO: Ipv4Addr = Ipv4Addr::LOCALHOST;

pub(super) fn send(fd: Fd, bytes: &[u8], flags: i32) -> Syscall {
    Syscall::Sendto { fd, buf: Rc::from(bytes), flags, addr: None }
}

pub(super) fn recv(fd: Fd, len: usize, flags: i32) -> Syscall {
    Syscall::Recvfrom { fd, len, flags, want_addr: false }
}

fn set(fd: Fd, level: i32, name: i32, value: &[u8]) -> Syscall {
    Syscall::Setsockopt { fd, level, name, value: value.to_vec() }
}

pub(super) fn socket(kind: i32) -> Syscall {
    Syscall::Socket { family: AF_INET, kind, protocol: 0 }
}

/// Every call with every kind of argument; descriptors begin at 3.
pub(super) fn calls() -> Vec<Syscall> {
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
    c.extend(messages());
    c.extend(readiness());
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
    let recvmsg = |fd, flags| Syscall::Recvmsg { fd, iov: vec![room(100)], want_addr: true, controllen: 200, flags };
    for (level, name) in
        [(SOL_IP, IP_RECVTTL), (SOL_IP, IP_RECVTOS), (SOL_SOCKET, SO_TIMESTAMP), (SOL_SOCKET, SO_TIMESTAMPNS)]
    {
        c.extend([set(4, level, name, &[1, 0, 0, 0]), to(b"stamped", 0), recvmsg(4, 0)]);
    }
    c.extend([set(4, SOL_SOCKET, SO_TIMESTAMPING, &[0x18, 0, 0, 0]), to(b"stamped", 0), recvmsg(4, 0)]);
    c.extend([set(5, SOL_IP, IP_TOS, &[16]), to(b"stamped", 0), recvmsg(4, 0)]);
    c.extend([set(5, SOL_IP, IP_RECVERR, &[1, 0, 0, 0]), recvmsg(5, MSG_ERRQUEUE)]);
    c.push(Syscall::Sendto { fd: 5, buf: Rc::from(&b"nobody"[..]), flags: 0, addr: Some(at(9)) });
    c.extend([recvmsg(5, 0), recvmsg(5, MSG_ERRQUEUE), set(5, SOL_IP, IP_RECVERR, &[0; 4])]);
    c.extend([Syscall::Connect { fd: 5, addr: at(5353) }, send(5, b"z", 0), Syscall::Listen { fd: 4, backlog: 1 }]);
    c.push(Syscall::Bind { fd: 5, addr: SockAddr::v4(Ipv4Addr::new(1, 2, 3, 4), 80) });
    for family in [0, 1, 10, 77, 2000] {
        let addr = SockAddr { family, port: 0x3412, addr: Ipv4Addr::new(1, 2, 3, 4) };
        c.extend([Syscall::Connect { fd: 5, addr }, Syscall::Bind { fd: 5, addr }]);
    }
    c
}

fn bytes(b: &[u8]) -> IoVec {
    IoVec::Bytes(Rc::from(b))
}

fn room(len: usize) -> Room {
    Room { len, null: false }
}

/// Calls with several buffers, and with NULL; 4 and 5 are connected.
fn messages() -> Vec<Syscall> {
    let sendmsg = |iov: Vec<IoVec>, flags| Syscall::Sendmsg { fd: 4, addr: None, iov, control: vec![], flags };
    let recvmsg = |iov: Vec<Room>, want_addr, controllen, flags| Syscall::Recvmsg {
        fd: 5,
        iov,
        want_addr,
        controllen,
        flags: flags | MSG_DONTWAIT,
    };
    let null = |call| Syscall::Null(Box::new(call));
    let zeros = |len: usize| Rc::from(vec![0; len]);
    let mut c = vec![
        Syscall::Writev { fd: 4, iov: vec![bytes(b"one"), bytes(b""), bytes(b"two\n")] },
        Syscall::Writev { fd: 4, iov: vec![] },
        Syscall::Writev { fd: 99, iov: vec![bytes(b"x")] },
        Syscall::Writev { fd: 4, iov: vec![bytes(b"three"), IoVec::Null(5)] },
        Syscall::Writev { fd: 4, iov: vec![IoVec::Null(5)] },
        Syscall::Readv { fd: 5, iov: vec![room(2), room(0), room(3), room(100)] },
        Syscall::Readv { fd: 5, iov: vec![room(2), Room { len: 3, null: true }] },
        Syscall::Readv { fd: 5, iov: vec![] },
        Syscall::Readv { fd: 5, iov: vec![room(5)] },
        sendmsg(vec![bytes(b""), bytes(b"forty"), bytes(b""), bytes(&[7; 150])], MSG_MORE),
        sendmsg(vec![bytes(b"the rest")], 0),
        sendmsg(vec![], 0),
        sendmsg(vec![IoVec::Null(3)], MSG_NOSIGNAL | MSG_EOR),
        Syscall::Sendmsg {
            fd: 4,
            addr: Some(SockAddr::v4(LO, 9)),
            iov: vec![bytes(b"to")],
            control: vec![ControlMsg { level: SOL_SOCKET, kind: SO_TIMESTAMPING, data: vec![0; 4] }],
            flags: 0,
        },
        recvmsg(vec![room(5), room(20)], false, 0, MSG_PEEK),
        recvmsg(vec![room(5), room(20)], true, 100, 0),
        recvmsg(vec![], false, 0, 0),
        recvmsg(vec![room(500)], false, 0, MSG_TRUNC),
        recvmsg(vec![room(500)], true, 0, 0),
        set(5, SOL_TCP, TCP_INQ, &[1, 0, 0, 0]),
        send(4, b"twelve bytes", 0),
        recvmsg(vec![room(4)], false, 64, 0),
        recvmsg(vec![room(4)], false, 18, 0),
        recvmsg(vec![room(4)], false, 8, 0),
        set(5, SOL_TCP, TCP_INQ, &[0, 0, 0, 0]),
        send(4, b"nowhere", 0),
    ];
    for call in [
        Syscall::Write { fd: 4, buf: zeros(1000) },
        Syscall::Sendto { fd: 4, buf: zeros(10), flags: MSG_NOSIGNAL, addr: None },
        Syscall::Read { fd: 5, len: 1000 },
        recv(5, 1000, 0),
        recv(5, 3, MSG_TRUNC),
        Syscall::Recvfrom { fd: 5, len: 10, flags: 0, want_addr: true },
        set(4, SOL_SOCKET, SO_RCVBUF, &[0; 4]),
        set(4, SOL_TCP, TCP_NODELAY, &[0; 4]),
        Syscall::Getsockopt { fd: 4, level: SOL_SOCKET, name: SO_TYPE, len: 4 },
        Syscall::Connect { fd: 4, addr: SockAddr::v4(LO, 1) },
        recvmsg(vec![room(3)], false, 0, 0),
        sendmsg(vec![bytes(b"x")], 0),
        Syscall::Ioctl { fd: 5, request: SIOCINQ, arg: 0 },
        Syscall::Poll { fds: vec![PollFd { fd: 4, events: 1 }], timeout_ms: 0 },
    ] {
        c.push(null(call));
    }
    c.extend([recv(5, 100, 0)]);
    c
}

/// `poll`, `epoll` and `ioctl`; 3 listens, 4 and 5 are connected, 6 will be the epoll descriptor.
fn readiness() -> Vec<Syscall> {
    let poll = |fds: &[(Fd, i32)], timeout_ms| Syscall::Poll {
        fds: fds.iter().map(|(fd, events)| PollFd { fd: *fd, events: *events as i16 }).collect(),
        timeout_ms,
    };
    let all = POLLIN | POLLOUT | POLLPRI | POLLRDHUP;
    let ctl =
        |op, fd, events: u32, data| Syscall::EpollCtl { epfd: 6, op, fd, event: Some(EpollEvent { events, data }) };
    let wait = |maxevents, timeout_ms| Syscall::EpollWait { epfd: 6, maxevents, timeout_ms };
    let ioctl = |fd, request| Syscall::Ioctl { fd, request, arg: 0 };
    let mut c = vec![
        poll(&[(5, POLLIN)], 0),
        poll(&[(5, POLLIN)], 1),
        poll(&[(4, all), (5, all), (3, all), (99, POLLIN), (-1, POLLIN)], 1000),
        poll(&[(4, 0)], 0),
        poll(&[(4, 0x3fff), (5, POLLIN | POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLWRBAND)], 0),
        poll(&[], 0),
        send(4, b"abc", 0),
        poll(&[(5, all), (4, POLLIN)], -1),
        Syscall::EpollCreate { size: 0 },
        Syscall::EpollCreate1 { flags: 4 },
        Syscall::EpollCreate1 { flags: EPOLL_CLOEXEC },
        Syscall::EpollCreate { size: 1 },
        Syscall::Close { fd: 7 },
        ctl(EPOLL_CTL_ADD, 5, EPOLLIN | EPOLLET | EPOLLRDHUP, 5),
        ctl(EPOLL_CTL_ADD, 5, EPOLLIN, 5),
        ctl(EPOLL_CTL_ADD, 4, EPOLLIN | EPOLLOUT | EPOLLONESHOT, u64::MAX),
        ctl(EPOLL_CTL_ADD, 99, EPOLLIN, 0),
        ctl(EPOLL_CTL_ADD, 6, EPOLLIN, 0),
        ctl(EPOLL_CTL_MOD, 3, EPOLLIN, 0),
        ctl(9, 5, EPOLLIN, 0),
        Syscall::EpollCtl { epfd: 4, op: EPOLL_CTL_ADD, fd: 5, event: None },
        Syscall::EpollCtl { epfd: 99, op: EPOLL_CTL_DEL, fd: 5, event: None },
        wait(8, 0),
        wait(8, 0),
        ctl(EPOLL_CTL_MOD, 4, EPOLLOUT, 4),
        wait(8, -1),
        wait(8, 0),
        wait(0, 0),
        Syscall::EpollWait { epfd: 4, maxevents: 1, timeout_ms: 0 },
        Syscall::EpollWait { epfd: 99, maxevents: 1, timeout_ms: 0 },
        ctl(EPOLL_CTL_DEL, 4, EPOLLIN, 4),
        Syscall::EpollCtl { epfd: 6, op: EPOLL_CTL_DEL, fd: 4, event: None },
        ioctl(6, SIOCINQ),
        Syscall::Fcntl { fd: 6, cmd: F_GETFL, arg: 0 },
        Syscall::Fcntl { fd: 6, cmd: F_GETFD, arg: 0 },
        Syscall::Read { fd: 6, len: 10 },
        recv(6, 10, 0),
        Syscall::Close { fd: 6 },
    ];
    for request in [SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK, 0x1234, 0xffff_ffff] {
        c.extend([3, 5, 99].map(|fd| ioctl(fd, request)));
    }
    c.push(Syscall::Ioctl { fd: 5, request: FIONBIO, arg: 1 });
    c.push(Syscall::Ioctl { fd: 5, request: FIONBIO, arg: 0 });
    c.push(recv(5, 100, 0));
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
    for (level, last) in [(SOL_SOCKET, 85), (SOL_IP, 55), (SOL_TCP, 50), (SOL_UDP, 105)] {
        for name in 0..last {
            c.extend([4, 64, 300].map(|len| Syscall::Getsockopt { fd: 4, level, name, len }));
        }
    }
    for (level, names) in [
        (
            SOL_SOCKET,
            &[1, 5, 10, 11, 12, 14, 32, 33, 35, 37, 40, 41, 43, 45, 46, 47, 49, 60, 63, 69, 71, 72, 73, 74, 75, 99][..],
        ),
        (SOL_IP, &[6, 7, 8, 12, 13, 15, 18, 20, 21, 22, 23, 24, 25, 26, 33, 34, 49, 50, 51]),
        (SOL_TCP, &[7, 8, 9, 10, 16, 17, 23, 25, 27, 30, 33, 34, 36, 37, 44, 45, 46]),
    ] {
        for name in names {
            c.extend([&[1, 0, 0, 0][..], &[0; 4], &[0; 8]].map(|value| set(4, level, *name, value)));
        }
    }
    c
}
