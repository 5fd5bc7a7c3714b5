//! Two hosts on one wire: what a program sees, and that nothing is left behind.

mod support;

use stack::skb::DropReason;
use stack::syscall::*;
use stack::time::Duration;
use stack::trace::{CopyKind, Function, SkbOp, TaskId, What};
use std::rc::Rc;
use support::{Faults, Pair, addr};

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}

/// One side writes all of `data` while the other reads it to the end of the stream.
fn transfer(pair: &mut Pair, from: (usize, Fd), to: (usize, Fd), data: &[u8]) -> Vec<u8> {
    let mut got = Vec::new();
    let mut sent = 0;
    let writer = TaskId(1);
    let mut writing = false;
    let mut shut = false;
    let mut reading = false;
    loop {
        if !writing && sent < data.len() {
            let buf: Rc<[u8]> = Rc::from(&data[sent..(sent + 40_000).min(data.len())]);
            match pair.try_call(from.0, writer, Syscall::Sendto { fd: from.1, buf, flags: 0, addr: None }) {
                Some(ret) => sent += ret.value.expect("send") as usize,
                None => writing = true,
            }
        }
        if sent == data.len() && !shut {
            assert_eq!(pair.call(from.0, Syscall::Shutdown { fd: from.1, how: SHUT_WR }).value, Ok(0));
            shut = true;
        }
        if !reading {
            let call = Syscall::Recvfrom { fd: to.1, len: 65_536, flags: 0, want_addr: false };
            match pair.try_call(to.0, writer, call) {
                Some(ret) if ret.data.is_empty() => return got,
                Some(ret) => got.extend(ret.data),
                None => reading = true,
            }
        }
        while let Some((host, _, ret)) = pair.results.pop_front() {
            let n = ret.value.unwrap_or_else(|e| panic!("host {host}: {}", e.name())) as usize;
            if host == from.0 {
                sent += n;
                writing = false;
            } else {
                reading = false;
                if n == 0 {
                    return got;
                }
                got.extend(ret.data);
            }
        }
        if (writing || sent == data.len()) && reading {
            assert!(pair.step(), "nothing moves any more: {} of {} bytes", got.len(), data.len());
        }
    }
}

fn drained(pair: &mut Pair) {
    pair.run_for(Duration::from_secs(400));
    for host in &pair.hosts {
        assert_eq!(host.mem().in_use(), 0, "{} still holds skbs", host.name());
    }
}

#[test]
fn a_connection_carries_37_bytes_and_closes() {
    let mut p = Pair::new();
    let (a, b) = p.connect(8080);
    let data = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
    assert_eq!(p.send(0, a, data).value, Ok(37));
    assert_eq!(p.recv(1, b, 1024).data, data);
    p.close(0, a);
    assert_eq!(p.recv(1, b, 1024).value, Ok(0));
    p.close(1, b);
    drained(&mut p);
}

#[test]
fn the_pointers_move_as_in_linux() {
    let mut p = Pair::new();
    let (a, _) = p.connect(8080);
    p.run_for(Duration::from_secs(1));
    let from = p.trace.log().next_id();
    p.send(0, a, &pattern(37));
    let moves: Vec<_> = p
        .trace
        .log()
        .since(from)
        .filter(|(_, e)| e.host.0 == 0)
        .filter_map(|(_, e)| match e.what {
            What::SkbMove { op, delta, data, tail, .. } => Some((op, delta, data, tail, e.function)),
            _ => None,
        })
        .collect();
    assert_eq!(
        moves,
        [
            (SkbOp::Reserve, 320, 320, 320, Function::TcpSendmsg),
            (SkbOp::Put, 37, 320, 357, Function::TcpSendmsg),
            (SkbOp::Push, 32, 288, 357, Function::TcpTransmitSkb),
            (SkbOp::Push, 20, 268, 357, Function::IpQueueXmit),
            (SkbOp::Push, 14, 254, 357, Function::EthHeader),
        ]
    );
    p.run_for(Duration::from_millis(1));
    let pulls: Vec<_> = p
        .trace
        .log()
        .since(from)
        .filter(|(_, e)| e.host.0 == 1)
        .filter_map(|(_, e)| match e.what {
            What::SkbMove { op: SkbOp::Pull, delta, .. } => Some((delta, e.function)),
            _ => None,
        })
        .collect();
    assert_eq!(
        pulls,
        [(14, Function::EthTypeTrans), (20, Function::IpLocalDeliver), (32, Function::TcpRcvEstablished)]
    );
    assert_eq!(p.hosts[0].mem().bytes_copied(CopyKind::Kernel), 0, "the kernel itself copied payload");
}

#[test]
fn a_megabyte_goes_each_way_unharmed() {
    let mut p = Pair::new();
    let (a, b) = p.connect(80);
    let data = pattern(1_000_000);
    assert!(transfer(&mut p, (0, a), (1, b), &data) == data);
    assert!(transfer(&mut p, (1, b), (0, a), &data) == data);
    p.close(0, a);
    p.close(1, b);
    drained(&mut p);
}

#[test]
fn loss_reordering_duplication_and_corruption_do_no_harm() {
    for seed in 0..12 {
        let faults = Faults { loss: 30, duplicate: 20, reorder: 50, corrupt: 10, seed };
        let mut p = Pair::with(faults);
        let (a, b) = p.connect(80);
        let data = pattern(200_000);
        assert!(transfer(&mut p, (0, a), (1, b), &data) == data, "seed {seed}");
        p.close(0, a);
        p.close(1, b);
        drained(&mut p);
    }
}

#[test]
fn a_closed_port_refuses() {
    let mut p = Pair::new();
    let fd = p.socket(0, SOCK_STREAM);
    let ret = p.block(0, Syscall::Connect { fd, addr: SockAddr::v4(addr(2), 81) });
    assert_eq!(ret.value, Err(Errno::ECONNREFUSED));
    p.close(0, fd);
    drained(&mut p);
}

#[test]
fn a_neighbour_that_is_not_there_gives_ehostunreach_after_three_questions() {
    let mut p = Pair::new();
    let fd = p.socket(0, SOCK_STREAM);
    let ret = p.block(0, Syscall::Connect { fd, addr: SockAddr::v4(addr(77), 81) });
    assert_eq!(ret.value, Err(Errno::EHOSTUNREACH));
    assert_eq!(p.now.as_millis(), 3000);
    assert_eq!(p.sent.len(), 3);
}

#[test]
fn no_route_gives_enetunreach() {
    let mut p = Pair::new();
    let fd = p.socket(0, SOCK_STREAM);
    let ret = p.call(0, Syscall::Connect { fd, addr: SockAddr::v4([8, 8, 8, 8].into(), 81) });
    assert_eq!(ret.value, Err(Errno::ENETUNREACH));
}

#[test]
fn closing_with_unread_data_resets() {
    let mut p = Pair::new();
    let (a, b) = p.connect(80);
    p.send(0, a, b"nobody reads this");
    p.run_for(Duration::from_millis(10));
    p.close(1, b);
    p.run_for(Duration::from_millis(10));
    assert_eq!(p.recv(0, a, 10).value, Err(Errno::ECONNRESET));
    assert_eq!(p.send(0, a, b"x").value, Err(Errno::EPIPE));
}

#[test]
fn half_a_connection_can_be_closed() {
    let mut p = Pair::new();
    let (a, b) = p.connect(80);
    assert_eq!(p.call(0, Syscall::Shutdown { fd: a, how: SHUT_WR }).value, Ok(0));
    assert_eq!(p.recv(1, b, 10).value, Ok(0));
    p.send(1, b, b"still open this way");
    assert_eq!(p.recv(0, a, 100).data, b"still open this way");
    assert_eq!(p.send(0, a, b"x").value, Err(Errno::EPIPE));
    p.close(1, b);
    assert_eq!(p.recv(0, a, 10).value, Ok(0));
    p.close(0, a);
    drained(&mut p);
}

#[test]
fn a_writer_sleeps_until_the_reader_makes_room() {
    let mut p = Pair::new();
    let (a, b) = p.connect(80);
    let data = pattern(2_000_000);
    let call = Syscall::Sendto { fd: a, buf: Rc::from(&data[..]), flags: 0, addr: None };
    assert_eq!(p.try_call(0, TaskId(1), call), None);
    p.run_for(Duration::from_secs(30));
    assert!(p.results.is_empty(), "the window must be shut by now");
    let mut got = Vec::new();
    while got.len() < data.len() {
        got.extend(p.recv(1, b, 100_000).data);
    }
    assert!(got == data);
    assert_eq!(p.wait(0, TaskId(1)).value, Ok(2_000_000));
}

#[test]
fn a_lost_window_update_is_found_by_probing() {
    let mut p = Pair::new();
    let (a, b) = p.connect(80);
    let data = pattern(600_000);
    let call = Syscall::Sendto { fd: a, buf: Rc::from(&data[..]), flags: 0, addr: None };
    assert_eq!(p.try_call(0, TaskId(1), call), None);
    p.run_for(Duration::from_secs(5));
    p.cut = true;
    let first = p.recv(1, b, 600_000).data;
    p.run_for(Duration::from_secs(3));
    p.cut = false;
    let mut got = first;
    while got.len() < data.len() {
        got.extend(p.recv(1, b, 100_000).data);
    }
    assert!(got == data);
}

#[test]
fn datagrams_go_both_ways_and_a_closed_port_is_told() {
    let mut p = Pair::new();
    let a = p.socket(0, SOCK_DGRAM);
    let b = p.socket(1, SOCK_DGRAM);
    p.call(1, Syscall::Bind { fd: b, addr: SockAddr::v4(addr(2), 53) });
    let to = SockAddr::v4(addr(2), 53);
    let ret = p.call(0, Syscall::Sendto { fd: a, buf: Rc::from(&b"ask"[..]), flags: 0, addr: Some(to) });
    assert_eq!(ret.value, Ok(3));
    let got = p.block(1, Syscall::Recvfrom { fd: b, len: 100, flags: 0, want_addr: true });
    assert_eq!(got.data, b"ask");
    let back = got.addr.expect("an address");
    p.call(1, Syscall::Sendto { fd: b, buf: Rc::from(&b"answer"[..]), flags: 0, addr: Some(back) });
    assert_eq!(p.recv(0, a, 3).data, b"ans");
    p.call(0, Syscall::Connect { fd: a, addr: SockAddr::v4(addr(2), 54) });
    p.send(0, a, b"nobody");
    assert_eq!(p.recv(0, a, 3).value, Err(Errno::ECONNREFUSED));
    p.close(0, a);
    p.close(1, b);
    drained(&mut p);
}

#[test]
fn an_echo_request_comes_back() {
    let mut p = Pair::new();
    let fd = p.call(0, Syscall::Socket { family: AF_INET, kind: SOCK_DGRAM, protocol: IPPROTO_ICMP });
    let fd = fd.value.expect("ping socket") as Fd;
    let mut request = vec![8, 0, 0, 0, 0, 0, 0, 1];
    request.extend(pattern(56));
    let to = SockAddr::v4(addr(2), 0);
    p.block(0, Syscall::Sendto { fd, buf: Rc::from(request.clone()), flags: 0, addr: Some(to) });
    let reply = p.recv(0, fd, 100).data;
    assert_eq!((reply[0], &reply[8..]), (0, &request[8..]));
}

#[test]
fn a_host_talks_to_itself_over_lo() {
    let mut p = Pair::new();
    let listener = p.listen(0, 80);
    let fd = p.socket(0, SOCK_STREAM);
    let ret = p.block(0, Syscall::Connect { fd, addr: SockAddr::v4([127, 0, 0, 1].into(), 80) });
    assert_eq!(ret.value, Ok(0));
    let peer = p.block(0, Syscall::Accept { fd: listener }).value.expect("accept") as Fd;
    p.send(0, fd, b"to myself");
    assert_eq!(p.recv(0, peer, 100).data, b"to myself");
    assert!(p.sent.is_empty());
}

#[test]
fn a_dead_path_ends_in_an_error_after_a_quarter_of_an_hour() {
    let mut p = Pair::new();
    let (a, _) = p.connect(80);
    p.cut = true;
    p.send(0, a, b"into the void");
    let ret = p.recv(0, a, 10);
    // ARP fails meanwhile, and its error is the one that is told, as in Linux (`sk_err_soft`).
    assert_eq!(ret.value, Err(Errno::EHOSTUNREACH));
    // tcp_retries2 = 15 is about a quarter of an hour (Documentation/networking/ip-sysctl.rst).
    assert!((900..1000).contains(&(p.now.as_millis() / 1000)), "{} s", p.now.as_millis() / 1000);
}

#[test]
fn corrupted_frames_are_dropped_by_the_card() {
    let mut p = Pair::new();
    p.inject(1, vec![0xff; 64]);
    p.run_for(Duration::from_millis(1));
    let dropped = p
        .trace
        .log()
        .since(p.trace.log().first_id())
        .any(|(_, e)| matches!(e.what, What::FrameDrop { reason: DropReason::BadFcs, .. }));
    assert!(dropped);
}
