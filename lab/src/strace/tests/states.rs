//! One connection after the other through its states: what each call answers there, and what poll says.

use super::calls::{recv, send, set, socket};
use stack::syscall::*;
use std::net::Ipv4Addr;
use std::rc::Rc;

/// The listener of the first list: descriptor 3, port 8080.
const LISTENER: Fd = 3;

fn at(port: u16) -> SockAddr {
    SockAddr::v4(Ipv4Addr::LOCALHOST, port)
}

fn poll(fds: &[Fd]) -> Syscall {
    let events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM | POLLRDBAND | POLLWRBAND;
    Syscall::Poll { fds: fds.iter().map(|fd| PollFd { fd: *fd, events: events as i16 }).collect(), timeout_ms: 0 }
}

fn queues(fd: Fd) -> [Syscall; 4] {
    [SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK].map(|request| Syscall::Ioctl { fd, request, arg: 0 })
}

fn error(fd: Fd) -> Syscall {
    Syscall::Getsockopt { fd, level: SOL_SOCKET, name: SO_ERROR, len: 4 }
}

/// The state, `TCP_INFO`'s first byte.
fn state(fd: Fd) -> Syscall {
    Syscall::Getsockopt { fd, level: SOL_TCP, name: TCP_INFO, len: 1 }
}

fn shutdown(fd: Fd, how: i32) -> Syscall {
    Syscall::Shutdown { fd, how }
}

fn close(fd: Fd) -> Syscall {
    Syscall::Close { fd }
}

fn nonblock(fd: Fd, on: bool) -> Syscall {
    Syscall::Fcntl { fd, cmd: F_SETFL, arg: if on { O_NONBLOCK } else { 0 } }
}

/// All that a socket can be asked without being changed.
fn look(fd: Fd) -> Vec<Syscall> {
    let mut c = vec![poll(&[fd]), state(fd)];
    c.extend(queues(fd));
    c.extend([Syscall::Getpeername { fd }, error(fd)]);
    for name in [SO_SNDBUF, SO_RCVBUF, SO_RCVLOWAT, SO_ACCEPTCONN, SO_LINGER, SO_KEEPALIVE, SO_PRIORITY] {
        c.push(Syscall::Getsockopt { fd, level: SOL_SOCKET, name, len: 8 });
    }
    for name in [TCP_MAXSEG, TCP_NODELAY, TCP_QUICKACK, TCP_CONGESTION, TCP_SYNCNT, TCP_LINGER2, TCP_DEFER_ACCEPT] {
        c.push(Syscall::Getsockopt { fd, level: SOL_TCP, name, len: 16 });
    }
    for name in [IP_TTL, IP_TOS, IP_MTU, IP_MTU_DISCOVER] {
        c.push(Syscall::Getsockopt { fd, level: SOL_IP, name, len: 4 });
    }
    c
}

/// Descriptors 6 and 7: a connection to the listener; the client keeps its options, the child inherits.
fn connected() -> Vec<Syscall> {
    vec![
        socket(SOCK_STREAM),
        Syscall::Connect { fd: 6, addr: at(8080) },
        Syscall::Accept { fd: LISTENER },
        nonblock(7, true),
    ]
}

pub(super) fn states() -> Vec<Syscall> {
    let mut c = vec![nonblock(LISTENER, false)];
    c.extend(unconnected());
    c.extend(connecting());
    c.extend(inheritance());
    c.extend(half_closed());
    c.extend(reset());
    c.extend(reading());
    c.extend(urgent());
    c.extend(stamps());
    c.extend(edge_triggered());
    c
}

fn unconnected() -> Vec<Syscall> {
    let mut c = vec![socket(SOCK_STREAM | SOCK_NONBLOCK)];
    c.extend(look(6));
    c.extend([send(6, b"x", MSG_NOSIGNAL), recv(6, 10, 0), recv(6, 0, 0), Syscall::Accept { fd: 6 }]);
    c.extend([0, 1, 2].map(|how| shutdown(6, how)));
    c.extend([
        Syscall::Connect { fd: 6, addr: SockAddr { family: AF_UNSPEC as u16, ..at(0) } },
        Syscall::Connect { fd: 6, addr: SockAddr { family: AF_INET6 as u16, ..at(80) } },
        set(6, SOL_TCP, TCP_MAXSEG, &[0xd4, 4, 0, 0]),
        set(6, SOL_TCP, TCP_MAXSEG, &[87, 0, 0, 0]),
        set(6, SOL_TCP, TCP_WINDOW_CLAMP, &[0; 4]),
        set(6, SOL_TCP, TCP_WINDOW_CLAMP, &[1, 0, 0, 0]),
        Syscall::Getsockopt { fd: 6, level: SOL_TCP, name: TCP_WINDOW_CLAMP, len: 4 },
        set(6, SOL_SOCKET, SO_TIMESTAMPING, &(SOF_TIMESTAMPING_OPT_ID).to_le_bytes()),
        set(6, SOL_SOCKET, SO_TIMESTAMPING, &(1i32 << 25).to_le_bytes()),
        set(6, SOL_SOCKET, SO_RCVLOWAT, &(-1i32).to_le_bytes()),
    ]);
    c.extend(look(6));
    c.extend([Syscall::Listen { fd: 6, backlog: 1 }]);
    c.extend(look(6));
    c.extend([send(6, b"x", MSG_NOSIGNAL), recv(6, 10, 0), Syscall::Accept { fd: 6 }, shutdown(6, 1)]);
    c.extend([Syscall::Connect { fd: 6, addr: at(8080) }, shutdown(6, 0), poll(&[6]), state(6), close(6)]);
    c
}

fn connecting() -> Vec<Syscall> {
    let mut c = vec![socket(SOCK_STREAM), Syscall::Connect { fd: 6, addr: at(9) }];
    c.extend([poll(&[6]), error(6), send(6, b"x", MSG_NOSIGNAL), recv(6, 1, 0), state(6)]);
    c.extend([nonblock(6, true), Syscall::Connect { fd: 6, addr: at(9) }, poll(&[6]), error(6), poll(&[6])]);
    c.extend([Syscall::Connect { fd: 6, addr: at(8080) }, poll(&[6]), error(6)]);
    c.extend([Syscall::Connect { fd: 6, addr: at(8080) }, Syscall::Connect { fd: 6, addr: at(8080) }]);
    c.extend([Syscall::Accept { fd: LISTENER }]);
    c.extend(look(6));
    // Disconnected, and connected again.
    c.extend([Syscall::Connect { fd: 6, addr: SockAddr { family: AF_UNSPEC as u16, ..at(0) } }]);
    c.extend(look(6));
    c.extend([poll(&[7]), recv(7, 1, MSG_DONTWAIT), recv(7, 1, MSG_DONTWAIT), error(7), state(7), close(7)]);
    c.extend([Syscall::Connect { fd: 6, addr: at(8080) }, Syscall::Accept { fd: LISTENER }]);
    c.extend([poll(&[6, 7]), close(6), close(7)]);
    c
}

fn inheritance() -> Vec<Syscall> {
    let int = |v: i32| v.to_le_bytes();
    let before = [
        (SOL_SOCKET, SO_SNDBUF, int(100_000)),
        (SOL_SOCKET, SO_RCVBUF, int(50_000)),
        (SOL_SOCKET, SO_KEEPALIVE, int(1)),
        (SOL_SOCKET, SO_RCVLOWAT, int(7)),
        (SOL_SOCKET, SO_PRIORITY, int(3)),
        (SOL_TCP, TCP_NODELAY, int(1)),
        (SOL_TCP, TCP_KEEPIDLE, int(11)),
        (SOL_TCP, TCP_KEEPINTVL, int(12)),
        (SOL_TCP, TCP_KEEPCNT, int(13)),
        (SOL_TCP, TCP_SYNCNT, int(3)),
        (SOL_TCP, TCP_LINGER2, int(5)),
        (SOL_TCP, TCP_USER_TIMEOUT, int(9000)),
        (SOL_TCP, TCP_MAXSEG, int(1000)),
        (SOL_TCP, TCP_NOTSENT_LOWAT, int(2000)),
        (SOL_TCP, TCP_INQ, int(1)),
        (SOL_TCP, TCP_CORK, int(1)),
        (SOL_TCP, TCP_RTO_MAX_MS, int(5000)),
        (SOL_IP, IP_TTL, int(33)),
        (SOL_IP, IP_TOS, int(0x10)),
        (SOL_IP, IP_MTU_DISCOVER, int(IP_PMTUDISC_DO)),
        (SOL_IP, IP_RECVERR, int(1)),
        (SOL_IP, IP_MINTTL, int(2)),
    ];
    let mut c = vec![socket(SOCK_STREAM), Syscall::Bind { fd: 6, addr: at(8181) }];
    c.extend(before.iter().map(|(level, name, value)| set(6, *level, *name, value)));
    c.extend([set(6, SOL_TCP, TCP_CONGESTION, b"reno"), set(6, SOL_SOCKET, SO_LINGER, &[1, 0, 0, 0, 3, 0, 0, 0])]);
    c.extend([Syscall::Listen { fd: 6, backlog: 3 }, socket(SOCK_STREAM)]);
    c.extend([Syscall::Connect { fd: 7, addr: at(8181) }, poll(&[6, 7]), Syscall::Accept4 { fd: 6, flags: 0 }]);
    c.extend(before.iter().map(|(level, name, _)| Syscall::Getsockopt { fd: 8, level: *level, name: *name, len: 4 }));
    c.extend(look(8));
    c.extend([close(8), close(7), close(6)]);
    c
}

fn half_closed() -> Vec<Syscall> {
    let mut c = connected();
    c.extend([send(6, b"hello", 0), shutdown(6, SHUT_WR), shutdown(6, SHUT_WR), send(6, b"x", MSG_NOSIGNAL)]);
    c.extend([poll(&[6, 7]), recv(7, 3, 0), recv(7, 30, 0), recv(7, 30, 0), recv(7, 30, 0), poll(&[6, 7])]);
    c.extend([state(6), state(7)].into_iter().chain(queues(6)).chain(queues(7)));
    c.extend([send(7, b"still here", 0), recv(6, 100, 0), shutdown(7, SHUT_RD), recv(7, 1, 0), poll(&[7])]);
    c.extend([shutdown(7, SHUT_WR), poll(&[6, 7]), recv(6, 10, 0), state(6), state(7), shutdown(7, SHUT_RDWR)]);
    c.extend([error(6), error(7), Syscall::Getpeername { fd: 7 }, close(6), close(7)]);
    // The reader says no more; what comes is acknowledged and kept.
    c.extend(connected());
    c.extend([shutdown(6, SHUT_RD), poll(&[6]), recv(6, 10, 0), send(7, b"late", 0), poll(&[6]), recv(6, 10, 0)]);
    c.extend([shutdown(6, SHUT_RDWR), poll(&[6, 7]), recv(7, 1, 0), close(7), state(6), close(6)]);
    c
}

fn reset() -> Vec<Syscall> {
    // Closed with unread data.
    let mut c = connected();
    c.extend([send(6, b"unread", 0), close(7), poll(&[6]), state(6), send(6, b"x", MSG_NOSIGNAL), poll(&[6])]);
    c.extend([send(6, b"x", MSG_NOSIGNAL), recv(6, 10, 0), error(6), poll(&[6]), Syscall::Getpeername { fd: 6 }]);
    c.extend([shutdown(6, SHUT_WR), close(6)]);
    // Closed with a linger time of zero.
    c.extend(connected());
    c.extend([set(6, SOL_SOCKET, SO_LINGER, &[1, 0, 0, 0, 0, 0, 0, 0]), close(6), poll(&[7])]);
    c.extend([error(7), poll(&[7]), recv(7, 10, 0), send(7, b"x", MSG_NOSIGNAL), state(7), close(7)]);
    // The peer is gone: the first write is answered with RST.
    c.extend(connected());
    c.extend([close(7), poll(&[6]), send(6, b"x", MSG_NOSIGNAL), poll(&[6]), send(6, b"x", MSG_NOSIGNAL)]);
    c.extend([recv(6, 10, 0), recv(6, 10, 0), close(6)]);
    c
}

fn reading() -> Vec<Syscall> {
    let mut c = connected();
    c.extend([send(6, b"0123456789", 0), recv(7, 4, MSG_PEEK), recv(7, 4, MSG_PEEK | MSG_WAITALL), recv(7, 4, 0)]);
    c.extend([recv(7, 3, MSG_TRUNC), recv(7, 100, MSG_WAITALL), recv(7, 1, 0), recv(7, 0, 0)]);
    // As much as SO_RCVLOWAT asks for.
    c.extend([set(7, SOL_SOCKET, SO_RCVLOWAT, &[5, 0, 0, 0]), send(6, b"abc", 0), poll(&[7]), recv(7, 10, MSG_PEEK)]);
    c.extend([send(6, b"de", 0), poll(&[7]), recv(7, 10, 0), set(7, SOL_SOCKET, SO_RCVLOWAT, &[1, 0, 0, 0])]);
    // Patience of 20 ms.
    let timeval = |us: i64| [0i64.to_le_bytes(), us.to_le_bytes()].concat();
    c.extend([nonblock(7, false), set(7, SOL_SOCKET, SO_RCVTIMEO, &timeval(20_000)), recv(7, 10, 0)]);
    c.extend([send(6, b"x", 0), recv(7, 10, MSG_WAITALL), recv(7, 10, MSG_DONTWAIT)]);
    c.extend([set(7, SOL_SOCKET, SO_RCVTIMEO, &[[0xff; 8], [0; 8]].concat()), recv(7, 10, 0)]);
    // Full buffers.
    c.extend([nonblock(6, true), set(6, SOL_SOCKET, SO_SNDBUF, &[1, 0, 0, 0]), poll(&[6])]);
    c.push(Syscall::Getsockopt { fd: 6, level: SOL_SOCKET, name: SO_SNDBUF, len: 4 });
    c.extend([close(6), close(7)]);
    c
}

fn urgent() -> Vec<Syscall> {
    let mut c = connected();
    c.extend([recv(7, 1, MSG_OOB), send(6, b"ab!", MSG_OOB), poll(&[7])]);
    c.extend(queues(7));
    c.extend([recv(7, 10, 0), poll(&[7])]);
    c.extend(queues(7));
    c.extend([recv(7, 1, MSG_OOB | MSG_PEEK), recv(7, 1, MSG_OOB), recv(7, 1, MSG_OOB), send(6, b"cd", 0)]);
    c.extend([poll(&[7]), recv(7, 10, 0), set(7, SOL_SOCKET, SO_OOBINLINE, &[1, 0, 0, 0])]);
    c.extend([send(6, b"e?", MSG_OOB), send(6, b"f", 0), recv(7, 10, 0), recv(7, 1, MSG_OOB)]);
    c.extend(queues(7));
    c.extend([recv(7, 10, 0), close(6), close(7)]);
    c
}

/// What `SO_TIMESTAMPING` tells of what was sent.
fn stamps() -> Vec<Syscall> {
    let all = SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK;
    let all = all | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID;
    let errors = |len| Syscall::Recvmsg {
        fd: 6,
        iov: vec![Room { len, null: false }],
        want_addr: true,
        controllen: 512,
        flags: MSG_ERRQUEUE,
    };
    let mut c = connected();
    c.extend([send(6, b"before", 0), set(6, SOL_SOCKET, SO_TIMESTAMPING, &all.to_le_bytes())]);
    c.extend([send(6, b"stamped", 0), poll(&[6]), errors(0), errors(0), errors(0), errors(0), poll(&[6])]);
    let only = (all | SOF_TIMESTAMPING_OPT_TSONLY).to_le_bytes();
    c.extend([set(6, SOL_SOCKET, SO_TIMESTAMPING, &only), send(6, b"again", 0)]);
    c.extend([errors(100), errors(100), errors(100), errors(100)]);
    // For one message only.
    let off = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY | SOF_TIMESTAMPING_OPT_ID;
    let ask = |what: i32| Syscall::Sendmsg {
        fd: 6,
        addr: None,
        iov: vec![IoVec::Bytes(Rc::from(&b"asked"[..]))],
        control: vec![ControlMsg { level: SOL_SOCKET, kind: SO_TIMESTAMPING, data: what.to_le_bytes().into() }],
        flags: 0,
    };
    c.extend([set(6, SOL_SOCKET, SO_TIMESTAMPING, &off.to_le_bytes()), send(6, b"silent", 0), errors(10)]);
    c.extend([ask(SOF_TIMESTAMPING_TX_ACK), errors(10), errors(10), ask(SOF_TIMESTAMPING_OPT_ID), ask(0), errors(10)]);
    c.extend([close(6), close(7)]);
    c
}

/// Descriptors 6 and 7 connected, 8 an epoll instance on 6: told once, and again when something new happens.
fn edge_triggered() -> Vec<Syscall> {
    let ctl = |op, events: u32| Syscall::EpollCtl { epfd: 8, op, fd: 6, event: Some(EpollEvent { events, data: 6 }) };
    let wait = || Syscall::EpollWait { epfd: 8, maxevents: 4, timeout_ms: 0 };
    let mut c = connected();
    c.extend([Syscall::EpollCreate1 { flags: 0 }, ctl(EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT | EPOLLET), wait(), wait()]);
    c.extend([
        send(7, b"a", 0),
        wait(),
        wait(),
        send(7, b"b", 0),
        wait(),
        recv(6, 1, 0),
        wait(),
        recv(6, 9, 0),
        wait(),
    ]);
    c.extend([ctl(EPOLL_CTL_MOD, EPOLLIN | EPOLLET), wait(), send(7, b"c", 0), wait(), ctl(EPOLL_CTL_MOD, EPOLLIN)]);
    c.extend([wait(), wait(), recv(6, 9, 0), wait(), ctl(EPOLL_CTL_MOD, EPOLLIN | EPOLLONESHOT), send(7, b"d", 0)]);
    c.extend([wait(), wait(), send(7, b"e", 0), wait(), ctl(EPOLL_CTL_MOD, EPOLLIN | EPOLLONESHOT), wait(), wait()]);
    c.extend([ctl(EPOLL_CTL_MOD, EPOLLOUT | EPOLLET | EPOLLRDHUP), wait(), send(7, b"f", 0), wait()]);
    c.extend([shutdown(7, SHUT_WR), wait(), wait(), close(7), wait(), send(6, b"x", MSG_NOSIGNAL), wait(), wait()]);
    c.extend([poll(&[8]), Syscall::Poll { fds: vec![PollFd { fd: 8, events: POLLIN as i16 }], timeout_ms: 1 }]);
    c.extend([close(6), wait(), close(8)]);
    c
}
