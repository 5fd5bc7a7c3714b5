//! What tells a program that it may go on: `poll`, `epoll`, and the wake-ups behind them.

mod support;

use stack::syscall::*;
use stack::time::Duration;
use stack::trace::TaskId;
use std::rc::Rc;
use support::{Pair, addr};

const OTHER: TaskId = TaskId(2);

fn poll(fds: &[(Fd, i32)], timeout_ms: i32) -> Syscall {
    let fds = fds.iter().map(|(fd, events)| PollFd { fd: *fd, events: *events as i16 }).collect();
    Syscall::Poll { fds, timeout_ms }
}

fn revents(ret: &SysRet) -> Vec<i32> {
    match &ret.out {
        Out::Poll(revents) => revents.iter().map(|r| i32::from(*r)).collect(),
        other => panic!("{other:?}"),
    }
}

fn events(ret: &SysRet) -> Vec<(u32, u64)> {
    match &ret.out {
        Out::Epoll(events) => events.iter().map(|e| (e.events, e.data)).collect(),
        other => panic!("{other:?}"),
    }
}

fn set(p: &mut Pair, host: usize, fd: Fd, (level, name): (i32, i32), value: i32) {
    let value = value.to_le_bytes().into();
    assert_eq!(p.call(host, Syscall::Setsockopt { fd, level, name, value }).value, Ok(0));
}

fn nonblock(p: &mut Pair, host: usize, fd: Fd) {
    assert_eq!(p.call(host, Syscall::Fcntl { fd, cmd: F_SETFL, arg: O_NONBLOCK }).value, Ok(0));
}

/// The other task of a host has the descriptor too.
fn share(p: &mut Pair, host: usize, fd: Fd) {
    assert!(p.hosts[host].dup_fd(p.now, support::TASK, fd, OTHER, &mut p.trace));
}

/// An epoll instance of host 0 that watches `fd`.
fn epoll(p: &mut Pair, fd: Fd, events: u32) -> Fd {
    let epfd = p.call(0, Syscall::EpollCreate1 { flags: 0 }).value.unwrap() as Fd;
    let event = Some(EpollEvent { events, data: 7 });
    assert_eq!(p.call(0, Syscall::EpollCtl { epfd, op: EPOLL_CTL_ADD, fd, event }).value, Ok(0));
    epfd
}

fn wait(epfd: Fd, timeout_ms: i32) -> Syscall {
    Syscall::EpollWait { epfd, maxevents: 8, timeout_ms }
}

#[test]
fn poll_sleeps_until_data_comes_or_its_time_is_up() {
    let mut p = Pair::new();
    let (fd, peer) = p.connect(80);
    let before = p.now;
    let ret = p.block(0, poll(&[(fd, POLLIN)], 30));
    assert_eq!((ret.value, revents(&ret), p.now.since(before)), (Ok(0), vec![0], Duration::from_millis(30)));
    share(&mut p, 0, fd);
    assert!(p.try_call(0, OTHER, poll(&[(fd, POLLIN), (fd, POLLPRI)], -1)).is_none());
    p.send(1, peer, b"x");
    let ret = p.wait(0, OTHER);
    assert_eq!((ret.value, revents(&ret)), (Ok(1), vec![POLLIN, 0]));
}

#[test]
fn poll_is_not_woken_by_what_it_did_not_ask_for() {
    let mut p = Pair::new();
    let (fd, peer) = p.connect(80);
    share(&mut p, 0, fd);
    assert!(p.try_call(0, OTHER, poll(&[(fd, POLLPRI)], -1)).is_none());
    p.send(1, peer, b"x");
    p.run_for(Duration::from_secs(1));
    assert!(p.results.is_empty(), "a byte that is not urgent is no reason to wake");
    p.close(1, peer);
    p.run_for(Duration::from_secs(1));
    assert!(p.results.is_empty(), "nor is the end of the stream");
    p.call(0, Syscall::Shutdown { fd, how: SHUT_WR });
    let ret = p.wait(0, OTHER);
    assert_eq!(revents(&ret), vec![POLLHUP]);
}

#[test]
fn two_who_wait_for_one_socket_are_both_woken() {
    let mut p = Pair::new();
    let (fd, peer) = p.connect(80);
    share(&mut p, 0, fd);
    for task in [support::TASK, OTHER] {
        assert!(p.try_call(0, task, poll(&[(fd, POLLIN)], -1)).is_none());
    }
    p.send(1, peer, b"x");
    for task in [support::TASK, OTHER] {
        assert_eq!(revents(&p.wait(0, task)), vec![POLLIN]);
    }
}

#[test]
fn a_listener_is_readable_when_somebody_waits() {
    let mut p = Pair::new();
    let listener = p.listen(1, 80);
    share(&mut p, 1, listener);
    assert!(p.try_call(1, OTHER, poll(&[(listener, POLLIN)], -1)).is_none());
    let fd = p.socket(0, SOCK_STREAM);
    p.block(0, Syscall::Connect { fd, addr: SockAddr::v4(addr(2), 80) });
    assert_eq!(revents(&p.wait(1, OTHER)), vec![POLLIN]);
}

#[test]
fn a_nonblocking_connect_is_writable_when_it_is_done() {
    let mut p = Pair::new();
    let listener = p.listen(1, 80);
    let fd = p.socket(0, SOCK_STREAM | SOCK_NONBLOCK);
    let connect = || Syscall::Connect { fd, addr: SockAddr::v4(addr(2), 80) };
    assert_eq!(p.call(0, connect()).value, Err(Errno::EINPROGRESS));
    assert_eq!(p.call(0, connect()).value, Err(Errno::EALREADY));
    assert_eq!(revents(&p.call(0, poll(&[(fd, POLLOUT)], 0))), vec![0]);
    let ret = p.block(0, poll(&[(fd, POLLOUT)], -1));
    assert_eq!(revents(&ret), vec![POLLOUT]);
    assert_eq!(p.call(0, connect()).value, Ok(0));
    assert_eq!(p.call(0, connect()).value, Err(Errno::EISCONN));
    p.close(1, listener);
}

#[test]
fn a_full_send_buffer_is_writable_again_when_a_third_is_free() {
    let mut p = Pair::new();
    let (fd, peer) = p.connect(80);
    nonblock(&mut p, 0, fd);
    let block: Rc<[u8]> = vec![0; 65_536].into();
    while p.call(0, Syscall::Write { fd, buf: block.clone() }).value.is_ok() {
        p.run_for(Duration::from_millis(5));
    }
    assert_eq!(revents(&p.call(0, poll(&[(fd, POLLOUT)], 0))), vec![0]);
    let epfd = epoll(&mut p, fd, EPOLLOUT | EPOLLET);
    assert_eq!(events(&p.call(0, wait(epfd, 0))), []);
    share(&mut p, 0, fd);
    assert!(p.try_call(0, OTHER, poll(&[(fd, POLLOUT)], -1)).is_none());
    let mut read = 0;
    while p.results.is_empty() && read < 100 << 20 {
        read += p.recv(1, peer, 65_536).value.unwrap();
        p.run_for(Duration::from_millis(1));
    }
    assert_eq!(revents(&p.wait(0, OTHER)), vec![POLLOUT]);
    assert_eq!(events(&p.call(0, wait(epfd, 0))), [(EPOLLOUT, 7)]);
    assert_eq!(events(&p.call(0, wait(epfd, 0))), [], "edge-triggered: told once");
}

#[test]
fn notsent_lowat_keeps_a_writer_waiting_while_little_is_unsent() {
    let mut p = Pair::new();
    let (fd, _peer) = p.connect(80);
    nonblock(&mut p, 0, fd);
    set(&mut p, 0, fd, (SOL_TCP, TCP_NOTSENT_LOWAT), 4000);
    set(&mut p, 0, fd, (SOL_TCP, TCP_CORK), 1);
    let epfd = epoll(&mut p, fd, EPOLLOUT | EPOLLET);
    assert_eq!(events(&p.call(0, wait(epfd, 0))), [(EPOLLOUT, 7)]);
    // Less than half of the mark: corked, it is not sent.
    p.send(0, fd, &[0; 1400]);
    assert_eq!(revents(&p.call(0, poll(&[(fd, POLLOUT)], 0))), vec![POLLOUT]);
    p.cut = true;
    p.send(0, fd, &[0; 60_000]);
    assert_eq!(revents(&p.call(0, poll(&[(fd, POLLOUT)], 0))), vec![0], "the window is full: the rest is not sent");
    assert_eq!(events(&p.call(0, wait(epfd, 0))), []);
    p.cut = false;
    let ret = p.block(0, wait(epfd, 5000));
    assert_eq!(events(&ret), [(EPOLLOUT, 7)]);
}

#[test]
fn epoll_wait_sleeps_and_tells_level_edge_and_one_shot_apart() {
    for (mode, again) in [(0, true), (EPOLLET, false), (EPOLLONESHOT, false)] {
        let mut p = Pair::new();
        let (fd, peer) = p.connect(80);
        let epfd = epoll(&mut p, fd, EPOLLIN | mode);
        assert!(p.try_call(0, support::TASK, wait(epfd, -1)).is_none());
        p.send(1, peer, b"x");
        let ret = p.wait(0, support::TASK);
        assert_eq!(events(&ret), [(EPOLLIN, 7)]);
        let second = events(&p.call(0, wait(epfd, 0)));
        assert_eq!(!second.is_empty(), again, "{mode:#x}");
        p.send(1, peer, b"y");
        p.run_for(Duration::from_millis(10));
        let third = events(&p.call(0, wait(epfd, 0)));
        assert_eq!(!third.is_empty(), mode != EPOLLONESHOT, "{mode:#x}");
    }
}

#[test]
fn an_epoll_instance_tells_ready_sockets_in_the_order_in_which_they_became_ready() {
    let mut p = Pair::new();
    let listener = p.listen(1, 80);
    let mut pairs = Vec::new();
    for _ in 0..3 {
        let fd = p.socket(0, SOCK_STREAM);
        p.block(0, Syscall::Connect { fd, addr: SockAddr::v4(addr(2), 80) });
        let peer = p.block(1, Syscall::Accept { fd: listener }).value.unwrap() as Fd;
        pairs.push((fd, peer));
    }
    let epfd = p.call(0, Syscall::EpollCreate { size: 1 }).value.unwrap() as Fd;
    for (fd, _) in &pairs {
        let event = Some(EpollEvent { events: EPOLLIN, data: *fd as u64 });
        p.call(0, Syscall::EpollCtl { epfd, op: EPOLL_CTL_ADD, fd: *fd, event });
    }
    for at in [2, 0, 1] {
        p.send(1, pairs[at].1, b"x");
        p.run_for(Duration::from_millis(2));
    }
    let two = p.call(0, Syscall::EpollWait { epfd, maxevents: 2, timeout_ms: 0 });
    assert_eq!(events(&two), [(EPOLLIN, pairs[2].0 as u64), (EPOLLIN, pairs[0].0 as u64)]);
    let rest = p.call(0, Syscall::EpollWait { epfd, maxevents: 1, timeout_ms: 0 });
    assert_eq!(events(&rest), [(EPOLLIN, pairs[1].0 as u64)], "what had no room comes first");
    // A closed socket is watched no longer.
    p.close(0, pairs[2].0);
    assert_eq!(p.call(0, wait(epfd, 0)).value, Ok(2));
    p.close(0, epfd);
    assert_eq!(p.call(0, wait(epfd, 0)).value, Err(Errno::EBADF));
}

#[test]
fn reset_and_icmp_errors_are_told() {
    let mut p = Pair::new();
    let (fd, peer) = p.connect(80);
    let epfd = epoll(&mut p, fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
    p.send(0, fd, b"never read");
    p.run_for(Duration::from_millis(10));
    p.close(1, peer);
    p.run_for(Duration::from_millis(10));
    assert_eq!(events(&p.call(0, wait(epfd, 0))), [(EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP, 7)]);
    assert_eq!(p.recv(0, fd, 10).value, Err(Errno::ECONNRESET));

    let udp = p.socket(0, SOCK_DGRAM);
    set(&mut p, 0, udp, (SOL_IP, IP_RECVERR), 1);
    let to = Some(SockAddr::v4(addr(2), 9));
    p.block(0, Syscall::Sendto { fd: udp, buf: Rc::from(&b"nobody"[..]), flags: 0, addr: to });
    let ret = p.block(0, poll(&[(udp, POLLIN)], -1));
    assert_eq!(revents(&ret), vec![POLLERR]);
    let errors = |flags| Syscall::Recvmsg {
        fd: udp,
        iov: vec![Room { len: 100, null: false }],
        want_addr: true,
        controllen: 100,
        flags,
    };
    let ret = p.call(0, errors(MSG_ERRQUEUE));
    assert_eq!((ret.data.as_slice(), ret.addr), (&b"nobody"[..], to));
    let Out::Message { control, flags } = ret.out else { panic!("{:?}", ret.out) };
    let wanted = [&111u32.to_le_bytes()[..], &[2, 3, 3, 0], &[0; 8], &[2, 0, 0, 0, 10, 0, 0, 2], &[0; 8]].concat();
    assert_eq!(control, [ControlMsg { level: SOL_IP, kind: IP_RECVERR, data: wanted }]);
    assert_eq!(flags, MSG_ERRQUEUE);
    assert_eq!(p.call(0, errors(MSG_ERRQUEUE)).value, Err(Errno::EAGAIN));
}
