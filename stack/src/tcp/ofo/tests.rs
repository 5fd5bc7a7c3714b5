//! Segments that come early, twice, or over each other.

use super::super::seq::max_seq;
use super::super::testing::{Bench, bench, byte_at};
use super::*;
use alloc::vec::Vec;

fn queue(b: &Bench) -> Vec<(u32, u32)> {
    b.tp.ofo_queue.iter().map(|s| (s.cb.seq, s.cb.end_seq)).collect()
}

fn dsack(b: &Bench) -> Option<(u32, u32)> {
    b.tp.rx_opt.dsack.then_some(b.tp.duplicate_sack[0])
}

/// Queued, without the ACK that tells of the duplicate.
fn receive(b: &mut Bench, seq: u32, len: u32, flags: u8) {
    let (seg, skb) = b.segment(seq, len, flags);
    b.run(|host, cx, tp| host.tcp_data_queue(cx, tp, &seg, skb));
}

#[test]
fn early_segments_wait_in_order_and_go_when_the_gap_is_filled() {
    let mut b = bench();
    for seq in [5001, 3001, 4001] {
        receive(&mut b, seq, 1000, 0);
    }
    assert_eq!(queue(&b), [(3001, 4001), (4001, 5001), (5001, 6001)]);
    assert_eq!((b.tp.rx_opt.num_sacks, b.tp.selective_acks[0]), (1, (3001, 6001)));
    receive(&mut b, 1, 1000, 0);
    assert_eq!((b.tp.rcv_nxt, queue(&b).len()), (1001, 3));
    receive(&mut b, 1001, 2000, 0);
    assert_eq!((b.tp.rcv_nxt, queue(&b).len(), b.tp.rx_opt.num_sacks), (6001, 0, 0));
    assert!(b.tp.ack.pending & super::super::ACK_NOW != 0);
    let data = b.read(10_000, 0).unwrap();
    assert_eq!(data, (1..6001).map(byte_at).collect::<Vec<u8>>());
    b.end();
}

#[test]
fn what_is_there_already_is_dropped_and_reported() {
    let mut b = bench();
    receive(&mut b, 2001, 2000, 0);
    receive(&mut b, 2501, 500, 0);
    assert_eq!((queue(&b), dsack(&b)), ([(2001, 4001)].into(), Some((2501, 3001))));
    b.end();
}

#[test]
fn a_longer_segment_replaces_those_that_it_covers() {
    let mut b = bench();
    for seq in [2001, 3501, 5001] {
        receive(&mut b, seq, 500, 0);
    }
    // It covers the first two, and a part of the third.
    receive(&mut b, 2001, 3100, 0);
    assert_eq!(queue(&b), [(2001, 5101), (5001, 5501)]);
    // Blocks of duplicates that do not touch are not told together.
    assert_eq!(dsack(&b), Some((2001, 2501)));
    assert_eq!(b.tp.selective_acks[0], (2001, 5501));
    receive(&mut b, 1, 2000, 0);
    assert_eq!(b.tp.rcv_nxt, 5501);
    assert_eq!(b.read(10_000, 0).unwrap(), (1..5501).map(byte_at).collect::<Vec<u8>>());
    b.end();
}

#[test]
fn an_overlap_is_told_and_read_once() {
    let mut b = bench();
    receive(&mut b, 2001, 1000, 0);
    receive(&mut b, 2501, 1000, 0);
    assert_eq!(dsack(&b), Some((2501, 3001)));
    receive(&mut b, 1, 2500, 0);
    // In order up to 2501: 500 bytes came twice.
    assert_eq!(dsack(&b), Some((2001, 2501)));
    assert_eq!(b.read(10_000, 0).unwrap(), (1..3501).map(byte_at).collect::<Vec<u8>>());
    b.end();
}

#[test]
fn the_first_run_of_duplicates_is_told_when_a_segment_covers_several() {
    let mut b = bench();
    for (seq, len) in [(501, 500), (1001, 250), (1501, 500)] {
        receive(&mut b, seq, len, 0);
    }
    receive(&mut b, 1, 2000, 0);
    assert_eq!((b.tp.rcv_nxt, dsack(&b)), (2001, Some((501, 1251))));
    b.end();
}

#[test]
fn small_neighbours_are_packed_into_one_buffer() {
    let mut b = bench();
    for i in 0..5 {
        receive(&mut b, 101 + i * 10, 10, 0);
    }
    assert_eq!(queue(&b), [(101, 151)]);
    assert_eq!(b.host.mib.get(Counter::TcpRcvCoalesce), 4);
    assert_eq!(b.tp.sk.rmem_alloc, 896);
    receive(&mut b, 1, 100, 0);
    // The head's tailroom takes them all.
    assert_eq!((b.tp.sk.receive_queue.len(), b.tp.sk.rmem_alloc), (1, 896));
    assert_eq!(b.read(10_000, 0).unwrap(), (1..151).map(byte_at).collect::<Vec<u8>>());
    b.end();
}

#[test]
fn an_early_fin_ends_the_stream_when_its_turn_comes() {
    let mut b = bench();
    receive(&mut b, 1001, 1000, FIN);
    assert!(!b.tp.sk.done);
    receive(&mut b, 1, 1000, 0);
    assert!(b.tp.sk.done);
    assert_eq!((b.tp.rcv_nxt, b.tp.sk.state), (2002, crate::trace::TcpState::CloseWait));
    assert_eq!(b.read(10_000, 0).unwrap().len(), 2000);
    assert_eq!((b.tp.copied_seq, b.tp.inq_hint()), (2002, 1));
    assert!(b.read(10_000, 0).unwrap().is_empty());
    b.end();
}

/// What the kernel's own bookkeeping must be after every segment.
fn check(b: &Bench) {
    let tp = &b.tp;
    let sizes = |skbs: &mut dyn Iterator<Item = &SkBuff>| skbs.map(|s| s.truesize()).sum::<u32>();
    let queued = sizes(&mut tp.ofo_queue.iter()) + sizes(&mut tp.sk.receive_queue.iter().map(|(s, _)| s));
    assert_eq!(tp.sk.rmem_alloc, queued);
    let pairs = tp.ofo_queue.iter().zip(tp.ofo_queue.iter().skip(1));
    for (a, b) in pairs {
        assert!(before(a.cb.seq, b.cb.seq) && before(a.cb.end_seq, b.cb.end_seq));
    }
    if let Some(first) = tp.ofo_queue.front() {
        assert!(after(first.cb.seq, tp.rcv_nxt));
    }
    let blocks = &tp.selective_acks[..usize::from(tp.rx_opt.num_sacks)];
    for (i, (seq, end)) in blocks.iter().enumerate() {
        assert!(after(*seq, tp.rcv_nxt) && before(*seq, *end), "{blocks:?} at {}", tp.rcv_nxt);
        // Every byte of it is here.
        let covered =
            tp.ofo_queue.iter().fold(*seq, |at, s| if after(s.cb.seq, at) { at } else { max_seq(at, s.cb.end_seq) });
        assert!(!before(covered, *end), "{blocks:?} for {:?}", queue(b));
        assert!(blocks[..i].iter().all(|other| before(other.1, *seq) || before(*end, other.0)));
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
    #[test]
    fn any_order_of_segments_gives_the_stream(
        start in proptest::prelude::prop_oneof![0u32..5, u32::MAX - 9000..u32::MAX, proptest::prelude::any::<u32>()],
        rcvbuf in proptest::prelude::prop_oneof![5_000u32..40_000, 100_000u32..500_000],
        steps in proptest::collection::vec((0u32..9000, 1u32..3000, 0usize..4000, 0u32..30), 1..120),
    ) {
        const TOTAL: u32 = 12_000;
        let mut b = super::super::testing::bench_with(Some(rcvbuf), false);
        b.start_at(start);
        let end = start.wrapping_add(TOTAL);
        let mut got = Vec::new();
        for (from, len, read, pause) in steps {
            let len = len.min(TOTAL - from);
            let fin = if from + len == TOTAL { FIN } else { 0 };
            let seq = start.wrapping_add(from);
            let (seg, skb) = b.segment(seq, len, fin);
            b.run(|host, cx, tp| match tp.tcp_sequence(seq, skb.cb.end_seq, fin != 0) {
                Some(reason) => skb.kfree(reason, cx),
                None => host.tcp_data_queue(cx, tp, &seg, skb),
            });
            check(&b);
            b.run(|host, cx, tp| host.tcp_ack_snd_check(cx, tp));
            got.extend(b.read(read, 0).unwrap_or_default());
            check(&b);
            b.pass(u64::from(pause));
        }
        // The peer sends again what is missing, in order.
        while !b.tp.sk.done {
            let seq = b.tp.rcv_nxt;
            let left = end.wrapping_sub(seq);
            let len = left.min(700);
            b.receive(seq, len, if len == left { FIN } else { 0 });
            check(&b);
            got.extend(b.read(50_000, 0).unwrap_or_default());
        }
        got.extend(b.read(50_000, 0).unwrap_or_default());
        let want: Vec<u8> = (0..TOTAL).map(|i| byte_at(start.wrapping_add(i))).collect();
        assert_eq!(got, want);
        b.end();
    }
}
