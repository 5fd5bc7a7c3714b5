//! Congestion control and TCP's timers between two hosts.

mod support;

use stack::mib::Counter;
use stack::syscall::*;
use stack::time::{Duration, Instant};
use stack::trace::{EventId, Field, TaskId, TimerKind, TimerOp, What};
use std::rc::Rc;
use support::{Faults, Pair};

const SECOND: Duration = Duration::from_secs(1);

fn set(p: &mut Pair, host: usize, fd: Fd, (level, name): (i32, i32), value: &[u8]) {
    let value = value.to_vec();
    assert_eq!(p.call(host, Syscall::Setsockopt { fd, level, name, value }).value, Ok(0));
}

fn set_int(p: &mut Pair, host: usize, fd: Fd, option: (i32, i32), value: i32) {
    set(p, host, fd, option, &value.to_le_bytes());
}

/// Host 0 sends so many bytes, host 1 reads them all; how long that took.
fn carry(p: &mut Pair, from: Fd, to: Fd, bytes: usize) -> Duration {
    let (writer, reader) = (TaskId(1), TaskId(2));
    assert!(p.hosts[1].dup_fd(p.now, TaskId(1), to, reader, &mut p.trace));
    let buf: Rc<[u8]> = (0..bytes).map(|i| (i % 251) as u8).collect();
    let begin = p.now;
    let mut got = 0;
    let mut sent = p.try_call(0, writer, Syscall::Sendto { fd: from, buf, flags: 0, addr: None }).is_some();
    while got < bytes {
        let call = Syscall::Recvfrom { fd: to, len: 65_536, flags: 0, want_addr: false };
        let ret = match p.try_call(1, reader, call) {
            Some(ret) => ret,
            None => p.wait(1, reader),
        };
        for byte in &ret.data {
            assert_eq!(*byte, (got % 251) as u8, "byte {got}");
            got += 1;
        }
        sent |= p.results.drain(..).any(|(host, ..)| host == 0);
    }
    assert!(sent, "the writer still sleeps");
    p.now.since(begin)
}

fn with_algorithm(name: &str, delay_ms: u64, faults: Faults) -> (Pair, Fd, Fd) {
    let mut p = Pair::with(faults);
    p.delay = Duration::from_millis(delay_ms);
    let (a, b) = p.connect(80);
    p.hosts[0].set_privileged(true);
    set(&mut p, 0, a, (SOL_TCP, TCP_CONGESTION), name.as_bytes());
    (p, a, b)
}

/// When a timer of host 0's sockets went off.
fn fired(p: &Pair, wanted: TimerKind) -> Vec<Instant> {
    let events = p.trace.log().since(EventId::NONE).filter(|(_, e)| e.host.0 == 0);
    let when = events.filter(|(_, e)| matches!(e.what, What::Timer { kind, op: TimerOp::Fire, .. } if kind == wanted));
    when.map(|(_, e)| e.at).collect()
}

#[test]
fn every_algorithm_carries_a_megabyte_over_a_long_path() {
    for name in ["reno", "cubic", "bbr"] {
        let (mut p, a, b) = with_algorithm(name, 20, Faults::default());
        let took = carry(&mut p, a, b, 1_000_000);
        // 685 segments: seven round trips of 40 ms when the window doubles in each.
        assert!(took < Duration::from_millis(600), "{name} took {took:?}");
        assert_eq!(p.hosts[0].mib().get(Counter::RetransSegs), 0, "{name}");
    }
}

#[test]
fn every_algorithm_survives_loss() {
    for name in ["reno", "cubic", "bbr"] {
        for seed in 0..4 {
            let (mut p, a, b) = with_algorithm(name, 10, Faults { loss: 20, reorder: 10, seed, ..Faults::default() });
            let took = carry(&mut p, a, b, 1_000_000);
            assert!(took < 60 * SECOND, "{name} took {took:?}");
            assert!(p.hosts[0].mib().get(Counter::RetransSegs) > 0);
        }
    }
}

#[test]
fn bbr_does_not_mind_a_loss_of_one_in_a_hundred() {
    let took: Vec<Duration> = ["cubic", "bbr"]
        .iter()
        .map(|name| {
            let (mut p, a, b) = with_algorithm(name, 20, Faults { loss: 10, seed: 5, ..Faults::default() });
            carry(&mut p, a, b, 4_000_000)
        })
        .collect();
    assert!(took[1] * 2 < took[0], "cubic {:?}, bbr {:?}", took[0], took[1]);
}

#[test]
fn a_pacing_rate_that_the_program_set_is_kept() {
    let (mut p, a, b) = with_algorithm("cubic", 5, Faults::default());
    set_int(&mut p, 0, a, (SOL_SOCKET, SO_MAX_PACING_RATE), 1_000_000);
    let took = carry(&mut p, a, b, 1_000_000);
    assert!((900..1050).contains(&took.as_millis()), "a megabyte took {took:?}");
    assert!(fired(&p, TimerKind::Pacing).len() > 200);
}

#[test]
fn the_window_grows_by_what_was_acknowledged() {
    let (mut p, a, b) = with_algorithm("reno", 20, Faults::default());
    carry(&mut p, a, b, 200_000);
    let mut windows: Vec<u32> = p
        .trace
        .log()
        .since(EventId::NONE)
        .filter(|(_, e)| e.host.0 == 0)
        .filter_map(|(_, e)| match e.what {
            What::Set { field: Field::SndCwnd, old, new, .. } => {
                assert!(new > old);
                Some(new)
            }
            _ => None,
        })
        .collect();
    windows.dedup();
    assert!(windows.len() > 5 && windows.is_sorted(), "{windows:?}");
}

#[test]
fn keepalive_finds_a_dead_peer_and_leaves_a_living_one_alone() {
    let mut p = Pair::new();
    let (a, _b) = p.connect(80);
    set_int(&mut p, 0, a, (SOL_SOCKET, SO_KEEPALIVE), 1);
    // The defaults: two hours, then nine probes 75 seconds apart.
    p.run_for(5 * 7200 * SECOND);
    assert_eq!(p.hosts[0].mib().get(Counter::TcpKeepAlive), 4);
    p.cut = true;
    let begin = p.now;
    assert_eq!(p.recv(0, a, 100).value, Err(Errno::ETIMEDOUT));
    let took = p.now.since(begin).as_secs();
    assert!((9 * 75..9 * 75 + 7300).contains(&took), "after {took} s");
    assert_eq!(p.hosts[0].mib().get(Counter::TcpKeepAlive), 4 + 9);
}

#[test]
fn a_reader_that_sleeps_for_an_hour_costs_only_probes() {
    let mut p = Pair::new();
    let (a, b) = p.connect(80);
    let data: Rc<[u8]> = (0..3_000_000).map(|i| (i % 251) as u8).collect();
    assert!(p.try_call(0, TaskId(1), Syscall::Sendto { fd: a, buf: data, flags: 0, addr: None }).is_none());
    p.run_for(3600 * SECOND);
    // Where the window shut over data in flight, that data is the probe.
    let mut probes = [TimerKind::Probe, TimerKind::Retransmit].map(|kind| fired(&p, kind)).concat();
    probes.sort_unstable();
    // From 0.2 s on they double up to two minutes: ten, and then one every two minutes.
    assert!((30..45).contains(&probes.len()), "{} probes", probes.len());
    let last = probes.windows(2).next_back().map(|w| w[1].since(w[0]));
    assert_eq!(last.map(|d| d.as_secs()), Some(120));
    assert!(p.results.is_empty(), "the writer sleeps");
    let mut got = 0;
    while got < 3_000_000 {
        got += p.recv(1, b, 65_536).data.len();
    }
}

#[test]
fn time_outs_double_until_the_path_is_mended() {
    let mut p = Pair::new();
    let (a, b) = p.connect(80);
    p.cut = true;
    p.send(0, a, b"hello");
    p.run_for(60 * SECOND);
    let at = fired(&p, TimerKind::Retransmit);
    let gaps: Vec<u128> = at.windows(2).map(|w| w[1].since(w[0]).as_millis()).collect();
    assert!(gaps.len() >= 5, "{gaps:?}");
    assert!(gaps.windows(2).all(|w| w[1] / w[0] == 2 || (w[1] + 1) / w[0] == 2), "{gaps:?}");
    p.cut = false;
    assert_eq!(p.recv(1, b, 100).data, b"hello");
}
