//! BBR over a model of a path.

use super::super::Algorithm;
use super::super::pipe::{Bucket, MSS, Pipe};
use super::*;

const MBIT: u64 = 125_000;

fn bbr(pipe: &Pipe) -> &Bbr {
    match &pipe.tp.cong.algorithm {
        Algorithm::Bbr(bbr) => bbr,
        _ => panic!("not BBR"),
    }
}

/// What the rate found is, bytes a second.
fn rate_found(pipe: &Pipe) -> u64 {
    (u64::from(bbr(pipe).bw()) * MSS * 1_000_000) >> BW_SCALE
}

#[test]
fn the_rate_of_the_bottleneck_is_found_and_used() {
    for (rate, delay_ms) in [(MBIT, 20), (10 * MBIT, 40), (100 * MBIT, 10), (200 * MBIT, 100)] {
        let mut pipe = Pipe::new("bbr", rate, delay_ms, 100_000);
        pipe.run(3000);
        assert_eq!(bbr(&pipe).mode, Mode::ProbeBw, "{rate} B/s, {delay_ms} ms");
        let found = rate_found(&pipe);
        assert!(found.abs_diff(rate) < rate / 50, "{rate} B/s, {delay_ms} ms: found {found}");
        let used = pipe.run(4000) / 4;
        assert!(used > rate * 95 / 100, "{rate} B/s, {delay_ms} ms: used {used}");
    }
}

#[test]
fn the_queue_stays_short() {
    let mut pipe = Pipe::new("bbr", 20 * MBIT, 50, 100_000);
    pipe.run(3000);
    let mut queues = 0;
    for _ in 0..1000 {
        pipe.run(5);
        assert!(pipe.queued() < pipe.bdp() / 2, "{} segments queued", pipe.queued());
        queues += pipe.queued();
    }
    // A quarter of the path's content in one of eight phases, gone in the next.
    assert!(queues / 1000 < pipe.bdp() / 8, "{} segments on average", queues / 1000);
}

#[test]
fn startup_doubles_and_ends_when_three_rounds_bring_nothing_more() {
    let mut pipe = Pipe::new("bbr", 50 * MBIT, 50, 100_000);
    while !bbr(&pipe).full_bw_reached {
        assert_eq!(bbr(&pipe).mode, Mode::Startup);
        pipe.run(1);
    }
    // log2(215 segments / 10) rounds to fill the path, and three more to be sure.
    let rounds = bbr(&pipe).rtt_cnt;
    assert!((7..=10).contains(&rounds), "left after {rounds} rounds");
    assert_eq!(bbr(&pipe).mode, Mode::Drain);
    assert_eq!((bbr(&pipe).pacing_gain, bbr(&pipe).cwnd_gain), (88, 739));
    pipe.run(300);
    assert_eq!(bbr(&pipe).mode, Mode::ProbeBw);
}

#[test]
fn after_ten_seconds_it_looks_for_the_shortest_round_trip_again() {
    let mut pipe = Pipe::new("bbr", 10 * MBIT, 40, 100_000);
    pipe.run(5000);
    assert!((40_000..42_000).contains(&bbr(&pipe).min_rtt_us), "{} µs", bbr(&pipe).min_rtt_us);
    // The path becomes longer.
    pipe.delay = 60_000_000;
    let (mut least, mut probed_ms) = (u32::MAX, 0);
    for _ in 0..1000 {
        pipe.run(10);
        least = least.min(pipe.tp.snd_cwnd);
        probed_ms += if bbr(&pipe).mode == Mode::ProbeRtt { 10 } else { 0 };
    }
    assert_eq!(least, 4);
    assert!((200..500).contains(&probed_ms), "PROBE_RTT for {probed_ms} ms");
    assert!((60_000..63_000).contains(&bbr(&pipe).min_rtt_us), "{} µs", bbr(&pipe).min_rtt_us);
    let used = pipe.run(2000) / 2;
    assert!(used > 10 * MBIT * 9 / 10, "used {used}");
}

#[test]
fn random_loss_does_not_slow_it_down() {
    // A queue of four segments loses many.
    let mut pipe = Pipe::new("bbr", 20 * MBIT, 40, 20);
    pipe.run(4000);
    assert!(pipe.lost > 0);
    let used = pipe.run(4000) / 4;
    assert!(used > 20 * MBIT * 80 / 100, "used {used}");
}

#[test]
fn a_policer_is_recognized() {
    let mut pipe = Pipe::new("bbr", 100 * MBIT, 40, 100_000);
    pipe.bucket = Some(Bucket::new(5 * MBIT, 200_000));
    let mut ms = 0;
    while bbr(&pipe).policer.bw().is_none() {
        pipe.run(10);
        ms += 10;
        assert!(ms < 20_000, "not recognized");
    }
    let found = rate_found(&pipe);
    assert!(found.abs_diff(5 * MBIT) < 5 * MBIT / 8, "found {found}");
    // What was in flight then is lost yet.
    pipe.run(500);
    let (lost, acked) = (pipe.lost, pipe.acked);
    pipe.run(1000);
    let (lost, acked) = (pipe.lost - lost, pipe.acked - acked);
    assert!(lost * 10 < acked, "{lost} lost, {acked} delivered");
}

#[test]
fn a_pause_is_followed_by_the_known_rate_not_by_a_burst() {
    let mut pipe = Pipe::new("bbr", 10 * MBIT, 40, 100_000);
    pipe.run(3000);
    pipe.silent_until = pipe.now + 2_000_000_000;
    pipe.run(1000);
    assert_eq!(pipe.tp.packets_in_flight(), 0);
    // As `sendmsg` finds it.
    pipe.tp.app_limited = 1;
    pipe.run(1000);
    let found = rate_found(&pipe);
    let used = pipe.run(1000);
    assert!(used > found * 8 / 10, "used {used} of {found}");
    assert!(pipe.queued() < pipe.bdp() / 2, "{} segments queued", pipe.queued());
}

#[test]
fn what_getsockopt_shows_has_the_layout_of_linux() {
    let mut pipe = Pipe::new("bbr", 10 * MBIT, 40, 100_000);
    pipe.run(3000);
    let info = pipe.tp.ca_get_info();
    let word = |i: usize| u32::from_le_bytes([info[i * 4], info[i * 4 + 1], info[i * 4 + 2], info[i * 4 + 3]]);
    assert_eq!(info.len(), 20);
    assert_eq!(u64::from(word(0)), rate_found(&pipe));
    assert_eq!((word(1), word(2), word(4)), (0, bbr(&pipe).min_rtt_us, 512));
}

#[test]
fn the_gain_cycle_begins_anywhere_but_with_less() {
    let tp = crate::tcp::test_sock();
    let mut seen = [false; 8];
    let mut bbr = Bbr::default();
    for _ in 0..200 {
        bbr.reset_probe_bw_mode(&tp);
        seen[usize::from(bbr.cycle_idx)] = true;
    }
    assert_eq!(seen, [true, false, true, true, true, true, true, true]);
}
