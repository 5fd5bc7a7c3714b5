//! The skb's pointers: what Linux does, and that misuse is caught where bytes from the wire are not.

use super::*;
use crate::time::Instant;
use crate::trace::Tracer;
use alloc::vec::Vec;

fn with<R>(body: impl FnOnce(&mut Cx<'_>) -> R) -> (R, Tracer) {
    let (mut trace, mut mem) = (Tracer::new(true), Mem::default());
    let result = body(&mut Cx { now: Instant::ZERO, trace: &mut trace, mem: &mut mem });
    assert_eq!(mem.in_use(), 0, "an skb was not freed");
    (result, trace)
}

#[test]
fn a_buffer_is_rounded_up_as_kmalloc_does() {
    with(|cx| {
        let skb = SkBuff::alloc(37 + 320, cx);
        // 384 aligned + 320 for skb_shared_info = 704, so a kmalloc-1024 object.
        assert_eq!((skb.end, skb.truesize()), (704, 1280));
        skb.consume(cx);
    });
}

#[test]
fn a_clone_shares_the_bytes_and_moves_alone() {
    with(|cx| {
        let mut skb = SkBuff::alloc(200, cx);
        skb.reserve(100, cx);
        skb.append(CopyKind::FromUser, b"payload", cx);
        let mut clone = skb.skb_clone(cx);
        let at = clone.push(20, cx);
        clone.write_header(Proto::Ipv4, at, &[7; 20], cx);
        assert_eq!((skb.len(), clone.len()), (7, 27));
        assert!(skb.is_cloned(cx));
        assert_eq!(skb.bytes(cx), b"payload");
        assert_eq!(&clone.bytes(cx)[20..], b"payload");
        clone.consume(cx);
        assert!(!skb.is_cloned(cx));
        skb.consume(cx);
    });
}

#[test]
fn pulling_more_than_there_is_moves_nothing() {
    let ((), trace) = with(|cx| {
        let mut skb = SkBuff::alloc(64, cx);
        skb.put(10, cx).fill(1);
        assert_eq!(skb.pull(11, cx), None);
        assert_eq!(skb.len(), 10);
        skb.consume(cx);
    });
    let pulls = trace.log().since(EventId(1)).filter(|(_, e)| matches!(e.what, What::SkbMove { op: SkbOp::Pull, .. }));
    assert_eq!(pulls.count(), 0);
}

#[test]
#[should_panic(expected = "skb_over_panic")]
fn putting_beyond_the_end_panics_as_the_kernel_does() {
    with(|cx| {
        let mut skb = SkBuff::alloc(64, cx);
        let room = skb.tailroom() as usize;
        skb.put(room + 1, cx);
    });
}

#[test]
#[should_panic(expected = "skb_under_panic")]
fn pushing_beyond_the_head_panics_as_the_kernel_does() {
    with(|cx| {
        let mut skb = SkBuff::alloc(64, cx);
        skb.push(1, cx);
    });
}

proptest::proptest! {
    #[test]
    fn the_order_of_the_pointers_always_holds(ops in proptest::collection::vec((0u8..5, 0u32..300), 0..60)) {
        with(|cx| {
            let mut skb = SkBuff::alloc(600, cx);
            for (op, n) in ops {
                match op {
                    0 if skb.is_empty() && n <= skb.tailroom() => skb.reserve(n, cx),
                    1 if n <= skb.tailroom() => { skb.put(n as usize, cx); }
                    2 if n <= skb.headroom() => { skb.push(n, cx); }
                    3 => { let _ = skb.pull(n, cx); }
                    4 => skb.trim(n as usize, cx),
                    _ => {}
                }
                assert!(skb.data <= skb.tail && skb.tail <= skb.end);
            }
            skb.consume(cx);
        });
    }

    #[test]
    fn every_move_is_told(ops in proptest::collection::vec(1u32..50, 1..20)) {
        let (moves, trace) = with(|cx| {
            let mut skb = SkBuff::alloc(2000, cx);
            skb.reserve(1000, cx);
            let mut moves: Vec<(u32, u32)> = Vec::new();
            for (i, n) in ops.iter().enumerate() {
                if i % 2 == 0 { skb.put(*n as usize, cx); } else { skb.push(*n, cx); }
                moves.push((skb.data, skb.tail));
            }
            skb.consume(cx);
            moves
        });
        let told = trace.log().since(EventId(1)).filter_map(|(_, e)| match e.what {
            What::SkbMove { data, tail, .. } => Some((data, tail)),
            _ => None,
        });
        proptest::prop_assert!(told.skip(1).eq(moves));
    }
}
