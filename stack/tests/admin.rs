//! What an administrator changes while a host runs: qdisc, MTU, offload, routes.

mod support;

use stack::dev::Qdisc;
use stack::ip::{Route, RouteMetrics};
use stack::syscall::*;
use stack::time::{Duration, Instant};
use stack::wire::ipv4::Ipv4Repr;
use std::net::Ipv4Addr;
use std::rc::Rc;
use support::{CARD, Pair, addr};

fn info(p: &mut Pair, host: usize, fd: Fd) -> TcpInfo {
    let ret = p.call(host, Syscall::Getsockopt { fd, level: SOL_TCP, name: TCP_INFO, len: TcpInfo::SIZE });
    TcpInfo::from_bytes(&ret.data)
}

fn qdisc(p: &mut Pair, kind: Qdisc) {
    p.hosts[0].set_qdisc(p.now, CARD, kind, &mut p.trace);
}

/// Lengths of the IPv4 packets with TCP payload that host 0 has sent since `from`.
fn lengths(p: &Pair, from: usize) -> Vec<u16> {
    let sent = p.sent[from..].iter().filter(|(host, frame)| *host == 0 && frame[12..14] == [8, 0]);
    sent.filter_map(|(_, frame)| Ipv4Repr::parse(&frame[14..]).ok()).map(|ip| ip.tot_len).filter(|l| *l > 60).collect()
}

#[test]
fn a_queue_without_room_drops_everything_and_says_so() {
    let mut p = Pair::new();
    let (fd, peer) = p.connect(80);
    qdisc(&mut p, Qdisc::Pfifo { limit: 0 });
    let frames = p.sent.len();
    p.send(0, fd, &[0; 5000]);
    assert_eq!(p.sent.len(), frames);
    // TCP keeps what was dropped here and tries again by its timer.
    p.run_for(Duration::from_millis(150));
    assert_eq!(p.sent.len(), frames);
    let udp = p.socket(0, SOCK_DGRAM);
    let send = |fd| Syscall::Sendto { fd, buf: Rc::from(&b"x"[..]), flags: 0, addr: Some(SockAddr::v4(addr(2), 9)) };
    assert_eq!(p.call(0, send(udp)).value, Ok(1), "who did not ask for errors is not told");
    let value = 1i32.to_le_bytes().into();
    p.call(0, Syscall::Setsockopt { fd: udp, level: SOL_IP, name: IP_RECVERR, value });
    assert_eq!(p.call(0, send(udp)).value, Err(Errno::ENOBUFS));
    qdisc(&mut p, Qdisc::PfifoFast);
    let mut got = 0;
    while got < 5000 {
        got += p.recv(1, peer, 5000).value.unwrap();
    }
    p.run_for(Duration::from_secs(1));
    assert_eq!(p.hosts[0].mem().in_use(), 0, "what was dropped is freed");
}

#[test]
fn fq_sends_each_packet_at_its_time() {
    let mut p = Pair::new();
    let (fd, peer) = p.connect(80);
    qdisc(&mut p, Qdisc::Fq);
    let rate = 100_000u32;
    let value = rate.to_le_bytes().into();
    p.call(0, Syscall::Setsockopt { fd, level: SOL_SOCKET, name: SO_MAX_PACING_RATE, value });
    let start = p.now;
    let total = 300_000;
    assert!(
        p.try_call(0, support::TASK, Syscall::Write { fd, buf: vec![0; total].into() })
            .is_some_and(|r| r.value.is_ok())
            || p.wait(0, support::TASK).value.is_ok()
    );
    let mut got = 0;
    while got < total as i64 {
        got += p.recv(1, peer, total).value.unwrap();
    }
    let took = p.now.since(start);
    let wanted = Duration::from_secs(total as u64) / rate;
    // The first ten segments are not paced.
    assert!(took > wanted * 8 / 10 && took < wanted * 11 / 10, "{took:?} for {total} bytes, not {wanted:?}");
}

#[test]
fn fq_wakes_by_itself_and_gives_other_sockets_their_turn() {
    let mut p = Pair::new();
    let (slow, _) = p.connect(80);
    qdisc(&mut p, Qdisc::Fq);
    let value = 20_000u32.to_le_bytes().into();
    p.call(0, Syscall::Setsockopt { fd: slow, level: SOL_SOCKET, name: SO_MAX_PACING_RATE, value });
    p.call(0, Syscall::Fcntl { fd: slow, cmd: F_SETFL, arg: O_NONBLOCK });
    for _ in 0..50 {
        let _ = p.call(0, Syscall::Write { fd: slow, buf: vec![0; 4000].into() });
        p.run_for(Duration::from_millis(10));
    }
    assert!(p.hosts[0].devices()[1].qdisc_len() > 0, "a packet waits for its time");
    let udp = p.socket(0, SOCK_DGRAM);
    let frames = p.sent.len();
    let to = Some(SockAddr::v4(addr(2), 9));
    p.call(0, Syscall::Sendto { fd: udp, buf: Rc::from(&b"at once"[..]), flags: 0, addr: to });
    p.run_for(Duration::from_micros(1));
    assert!(p.sent[frames..].iter().any(|(host, f)| *host == 0 && f.windows(7).any(|w| w == b"at once")));
}

/// The frames of both hosts while 200 KB cross.
fn frames_of_a_transfer(tso: bool) -> Vec<(usize, Vec<u8>)> {
    let mut p = Pair::new();
    assert!(p.hosts[0].set_tso(CARD, tso) && !p.hosts[0].set_tso(stack::host::IfIndex(1), tso));
    let (fd, peer) = p.connect(80);
    let payload: Vec<u8> = (0..200_000_u32).map(|i| (i ^ (i >> 8)) as u8).collect();
    p.send(0, fd, &payload);
    let mut got = Vec::new();
    while got.len() < payload.len() {
        got.extend(p.recv(1, peer, 65_536).data);
    }
    assert!(got == payload);
    p.run_for(Duration::from_secs(1));
    assert_eq!(p.hosts[0].mem().in_use(), 0, "a super-packet is freed when its last frame is sent");
    assert_eq!(p.hosts[0].devices()[1].tso(), tso);
    p.sent
}

#[test]
fn a_card_that_cuts_super_packets_sends_the_frames_that_the_stack_would() {
    let (cut_by_stack, cut_by_card) = (frames_of_a_transfer(false), frames_of_a_transfer(true));
    let data = |frames: &[(usize, Vec<u8>)]| -> Vec<Vec<u8>> {
        frames.iter().filter(|(host, frame)| *host == 0 && frame.len() > 200).map(|(_, frame)| frame.clone()).collect()
    };
    let (by_stack, by_card) = (data(&cut_by_stack), data(&cut_by_card));
    assert!(by_card.len() >= 200_000 / 1448);
    assert!(by_card == by_stack);
}

#[test]
fn another_mtu_is_noticed_by_open_connections() {
    let mut p = Pair::new();
    let (fd, peer) = p.connect(80);
    assert_eq!(info(&mut p, 0, fd).tcpi_snd_mss, 1448);
    assert!(p.hosts[0].set_mtu(CARD, 1000) && !p.hosts[0].set_mtu(CARD, 60));
    let from = p.sent.len();
    p.send(0, fd, &[7; 5000]);
    p.run_for(Duration::from_secs(1));
    assert!(lengths(&p, from).iter().all(|len| *len <= 1000), "{:?}", lengths(&p, from));
    assert_eq!(info(&mut p, 0, fd).tcpi_pmtu, 1000);
    assert_eq!(p.recv(1, peer, 5000).value, Ok(5000));
}

#[test]
fn route_metrics_are_what_a_connection_begins_with() {
    let mut p = Pair::new();
    let metrics = RouteMetrics { mtu: Some(1200), advmss: Some(900), initcwnd: Some(4), ..RouteMetrics::default() };
    assert!(p.hosts[0].change_route(addr(2), metrics));
    let (fd, peer) = p.connect(80);
    let info = info(&mut p, 0, fd);
    assert_eq!((info.tcpi_pmtu, info.tcpi_snd_mss, info.tcpi_snd_cwnd), (1200, 1148, 4));
    let theirs = self::info(&mut p, 1, peer);
    assert_eq!(theirs.tcpi_snd_mss, 900 - 12);
    assert!(!p.hosts[0].change_route(Ipv4Addr::new(8, 8, 8, 8), metrics), "no route leads there");
    let route = Route {
        dst: Ipv4Addr::new(10, 0, 0, 2),
        prefix: 32,
        gateway: None,
        dev: CARD,
        src: addr(1),
        metrics: RouteMetrics { mtu: Some(700), mtu_lock: true, ..RouteMetrics::default() },
    };
    p.hosts[0].replace_route(route);
    let from = p.sent.len();
    let (fd, _) = p.connect(81);
    assert_eq!(self::info(&mut p, 0, fd).tcpi_pmtu, 700);
    let fragment = |(host, f): &(usize, Vec<u8>)| *host == 0 && f[12..14] == [8, 0] && f[20] & 0x40 == 0;
    assert!(p.sent[from..].iter().any(fragment), "a locked MTU may be fragmented: DF is not set");
}

#[test]
fn a_router_that_wants_smaller_packets_is_remembered_for_ten_minutes() {
    let mut p = Pair::new();
    let (fd, _) = p.connect(80);
    p.cut = true;
    p.send(0, fd, &[0; 1448]);
    p.run_for(Duration::from_millis(1));
    let (_, frame) = p.sent.iter().rev().find(|(host, f)| *host == 0 && f.len() > 1400).unwrap().clone();
    // ICMP "fragmentation needed" from 10.0.0.2, next-hop MTU 1300.
    let quote = &frame[14..14 + 28];
    let mut icmp = vec![3, 4, 0, 0, 0, 0, 5, 0x14];
    icmp.extend_from_slice(quote);
    let sum = |b: &[u8]| {
        let s: u32 = b.chunks(2).map(|c| u32::from(u16::from_be_bytes([c[0], *c.get(1).unwrap_or(&0)]))).sum();
        !((s & 0xffff) + (s >> 16)) as u16
    };
    let check = sum(&icmp).to_be_bytes();
    icmp[2..4].copy_from_slice(&check);
    let mut ip = vec![0x45, 0, 0, (20 + icmp.len()) as u8, 0, 1, 0, 0, 64, 1, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1];
    let check = sum(&ip).to_be_bytes();
    ip[10..12].copy_from_slice(&check);
    let mut message = [&frame[6..12], &frame[..6], &[8, 0]].concat();
    message.extend_from_slice(&ip);
    message.extend_from_slice(&icmp);
    message.extend_from_slice(&stack::wire::checksum::fcs(&message));
    p.inject(0, message);
    p.cut = false;
    p.run_for(Duration::from_millis(100));
    assert_eq!(info(&mut p, 0, fd).tcpi_pmtu, 1300);
    let (later, _) = p.connect(81);
    assert_eq!(info(&mut p, 0, later).tcpi_pmtu, 1300, "the next connection knows");
    p.now = Instant::from_nanos(p.now.as_nanos() + 601_000_000_000);
    let (much_later, _) = p.connect(82);
    assert_eq!(info(&mut p, 0, much_later).tcpi_pmtu, 1500);
}

#[test]
fn the_sockets_of_a_host_are_listed_as_ss_lists_them() {
    use stack::trace::TcpState;
    let mut p = Pair::new();
    let (fd, peer) = p.connect(80);
    p.send(0, fd, b"hello");
    p.run_for(Duration::from_millis(10));
    let views = p.hosts[1].sockets(p.now);
    assert_eq!(views.iter().map(|v| v.state).collect::<Vec<_>>(), [TcpState::Listen, TcpState::Established]);
    let child = &views[1];
    assert_eq!((child.local, child.recv_q, child.send_q), ((addr(2), 80), 5, 0));
    assert_eq!((child.congestion, child.info.map(|i| i.tcpi_bytes_received)), (Some("cubic"), Some(5)));
    p.recv(1, peer, 10);
    p.close(0, fd);
    p.run_for(Duration::from_millis(10));
    p.close(1, peer);
    p.run_for(Duration::from_millis(10));
    let left: Vec<TcpState> = p.hosts[0].sockets(p.now).iter().map(|v| v.state).collect();
    assert_eq!(left, [TcpState::TimeWait]);
}
