//! When ACKs go.

use super::super::testing::{Bench, bench};
use super::*;
use crate::wire::tcp::PSH;

/// Was everything acknowledged when the last segment came?
fn acked(b: &Bench) -> bool {
    b.tp.rcv_wup == b.tp.rcv_nxt
}

/// A connection that has left quick-ACK mode.
fn settled() -> Bench {
    let mut b = bench();
    b.receive(1, 1000, 0);
    b.read(1000, 0).unwrap();
    b.tp.ack.quick = 0;
    b
}

#[test]
fn the_first_segments_are_acknowledged_at_once() {
    let mut b = bench();
    b.receive(1, 1000, 0);
    assert!(acked(&b));
    assert_eq!((b.tp.ack.ato, b.tp.ack.quick), (ATO_MIN_MS, 15));
    b.end();
}

#[test]
fn later_every_second_full_segment_is() {
    let mut b = bench();
    b.mss = 1460;
    b.receive(1, 1460, 0);
    for i in 1..20 {
        // Opening the window makes ACKs quick once more (`quick |= 1`): here it does not.
        b.tp.rcv_ssthresh = b.tp.window_clamp;
        b.tp.ack.quick = 0;
        b.read(10_000, 0).unwrap();
        b.receive(1 + i * 1460, 1460, 0);
        assert_eq!((acked(&b), b.tp.ack.timer.is_none()), (i % 2 == 0, i % 2 == 0), "{i}");
    }
    b.end();
}

#[test]
fn a_lone_segment_waits_for_forty_milliseconds() {
    let mut b = settled();
    b.tp.rcv_ssthresh = b.tp.window_clamp;
    b.receive(1001, 500, 0);
    let (_, at) = b.tp.ack.timer.unwrap();
    assert_eq!(at.since(b.now), Duration::from_millis(40));
    b.pass(40);
    b.run(|host, cx, tp| host.tcp_delack_timer_handler(cx, tp));
    assert!(acked(&b));
    // It was late: the next one is given more time.
    assert_eq!(b.tp.ack.ato, 80);
    assert_eq!(b.host.mib.get(Counter::DelayedAcks), 1);
    b.end();
}

#[test]
fn in_ping_pong_the_timer_ends_the_mode() {
    let mut b = settled();
    b.tp.rcv_ssthresh = b.tp.window_clamp;
    b.run(|host, _, tp| tp.enter_pingpong_mode(&host.sysctl));
    b.tp.ack.quick = 8;
    b.receive(1001, 500, PSH);
    assert!(!acked(&b));
    b.pass(40);
    b.run(|host, cx, tp| host.tcp_delack_timer_handler(cx, tp));
    assert!(acked(&b) && b.tp.ack.pingpong == 0);
    b.end();
}

#[test]
fn the_delay_follows_the_gap_between_segments_and_stays_below_the_least_rto() {
    let mut b = settled();
    b.tp.ack.ato = 400;
    b.run(|host, cx, tp| host.tcp_send_delayed_ack(cx, tp));
    assert_eq!(b.tp.ack.timer.unwrap().1.since(b.now), Duration::from_millis(199));
    let mut b = settled();
    b.tp.ack.ato = 400;
    b.tp.srtt_us = 60_000 << 3;
    b.run(|host, cx, tp| host.tcp_send_delayed_ack(cx, tp));
    assert_eq!(b.tp.ack.timer.unwrap().1.since(b.now), Duration::from_millis(60));
}

#[test]
fn reading_a_small_last_segment_acknowledges_it() {
    let mut b = settled();
    b.tp.rcv_ssthresh = b.tp.window_clamp;
    b.receive(1001, 300, PSH);
    assert!(!acked(&b));
    b.read(300, 0).unwrap();
    assert!(acked(&b));
    b.end();
}

#[test]
fn four_gaps_show_and_then_acks_are_held_back() {
    let mut b = settled();
    b.tp.rcv_rtt_est.0 = 100_000 << 3;
    for i in 0..3 {
        b.receive(3001 + i * 1000, 1000, 0);
        b.tp.ack.quick = 0;
        assert_eq!(b.tp.compressed_ack, 0);
    }
    b.receive(6001, 1000, 0);
    assert_eq!(b.tp.compressed_ack, 1);
    assert!(b.tp.compressed_ack_timer.is_some());
    b.tp.ack.quick = 0;
    b.receive(7001, 1000, 0);
    assert_eq!(b.tp.compressed_ack, 2);
    b.pass(1);
    b.run(|host, cx, tp| host.tcp_compressed_ack_kick(cx, tp));
    assert_eq!((b.tp.compressed_ack, b.host.mib.get(Counter::TcpAckCompressed)), (0, 1));
    b.end();
}

#[test]
fn without_sack_every_early_segment_is_answered() {
    let mut b = settled();
    b.tp.rx_opt.sack_ok = false;
    for i in 0..8 {
        b.receive(3001 + i * 1000, 1000, 0);
        b.tp.ack.quick = 0;
    }
    assert_eq!(b.tp.compressed_ack, 0);
    b.end();
}
