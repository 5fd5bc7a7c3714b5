//! What the receiver measures, and how its buffer grows.

use super::super::testing::{Bench, bench};
use super::super::{ACK_PUSHED, ACK_PUSHED2};
use super::PSH;

#[test]
fn the_largest_segment_is_full_sized_and_a_smaller_one_seen_twice() {
    let mut b = bench();
    b.receive(1, 1000, 0);
    assert_eq!(b.tp.ack.rcv_mss, 1000);
    // With PSH it may be the end of what the program wrote, so it says nothing; without, it must be full.
    b.receive(1001, 400, PSH);
    b.receive(1401, 400, PSH);
    assert_eq!(b.tp.ack.rcv_mss, 1000);
    b.receive(1801, 400, 0);
    assert_eq!((b.tp.ack.rcv_mss, b.tp.ack.last_seg_size), (1000, 400));
    b.receive(2201, 400, 0);
    assert_eq!(b.tp.ack.rcv_mss, 400);
    b.receive(2601, 5000, 0);
    assert_eq!(b.tp.ack.rcv_mss, 1000);
    b.end();
}

#[test]
fn two_small_segments_with_data_still_unacknowledged_are_noted() {
    let mut b = bench();
    let pushed = |b: &mut Bench, seq| {
        let (_, skb) = b.segment(seq, 100, PSH);
        b.run(|_, cx, tp| {
            tp.measure_rcv_mss(&skb, 20);
            skb.consume(cx);
        });
        b.tp.ack.pending
    };
    assert_eq!(pushed(&mut b, 1), ACK_PUSHED);
    assert_eq!(pushed(&mut b, 101), ACK_PUSHED | ACK_PUSHED2);
}

#[test]
fn the_ratio_of_payload_to_memory_sets_the_window() {
    let mut b = bench();
    assert_eq!((b.tp.scaling_ratio, b.tp.full_space()), (128, 65_536));
    b.mss = 1460;
    b.receive(1, 1460, 0);
    // 1460 of 2304 bytes
    assert_eq!((b.tp.scaling_ratio, b.tp.full_space()), (162, 82_944));
    assert_eq!(b.tp.window_clamp, 82_944);
    b.end();
}

#[test]
fn the_round_trip_is_the_shortest_seen_and_follows_longer_ones_only_when_all_is_read() {
    let mut b = bench();
    let echo = |b: &mut Bench, ago: u32, len: u32| {
        b.pass(1000);
        let seq = b.tp.rcv_nxt;
        let (_, skb) = b.segment(seq, len, 0);
        b.run(|_, cx, tp| {
            tp.mstamp_refresh(cx);
            tp.rx_opt.rcv_tsecr = tp.time_stamp_ts().wrapping_sub(ago);
            tp.rcv_rtt_measure_ts(&skb);
            skb.consume(cx);
        });
        b.tp.rcv_rtt_est.0 >> 3
    };
    // Less than a full segment, and no time at all, are no samples.
    assert_eq!(echo(&mut b, 50, 100), 0);
    assert_eq!(echo(&mut b, 0, 1000), 0);
    assert_eq!(echo(&mut b, 80, 1000), 80_000);
    assert_eq!(echo(&mut b, 20, 1000), 20_000);
    assert_eq!(echo(&mut b, 100, 1000), 30_000);
    b.tp.copied_seq = b.tp.copied_seq.wrapping_sub(1);
    assert_eq!(echo(&mut b, 100, 1000), 30_000);
}

/// Ten round trips, of as much as the window allows each time, read at once.
fn after_round_trips(b: &mut Bench) -> u32 {
    b.mss = 1460;
    for _ in 0..10 {
        let segments = b.tp.receive_window() / 1460;
        for _ in 0..segments {
            let seq = b.tp.rcv_nxt;
            b.receive(seq, 1460, 0);
            b.read(100_000, 0).unwrap();
        }
        b.pass(50);
    }
    b.tp.sk.rcvbuf
}

#[test]
fn the_buffer_grows_with_what_is_read_in_a_round_trip() {
    let mut b = super::super::testing::bench_with(None, true);
    let grown = after_round_trips(&mut b);
    assert!(grown > 1_000_000, "{grown}");
    assert!(b.tp.rcv_rtt_est.0 >> 3 >= 49_000);
    let mut b = super::super::testing::bench_with(None, true);
    b.host.sysctl.tcp_moderate_rcvbuf = 0;
    assert_eq!(after_round_trips(&mut b), 131_072);
    let mut b = super::super::testing::bench_with(Some(100_000), true);
    assert_eq!(after_round_trips(&mut b), 100_000);
}

#[test]
fn early_segments_make_room_only_once_the_connection_is_accepted() {
    let far = |files| {
        let mut b = super::super::testing::bench_with(None, true);
        b.tp.sk.files = files;
        b.receive(2001, 39_000, 0);
        b.receive(41_001, 60_000, 0);
        b.tp.sk.rcvbuf
    };
    assert_eq!(far(0), 131_072);
    assert!(far(1) > 131_072);
}
