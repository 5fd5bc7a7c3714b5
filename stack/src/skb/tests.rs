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
fn a_receive_buffer_costs_what_tun_alloc_skb_takes() {
    with(|cx| {
        // 64 bytes of headroom and the packet: the small cache, kmalloc-2048, and a page with fragments.
        for (len, truesize) in [(40, 896), (1040, 2304), (1500, 2304), (4040, 8448), (20_040, 20_736), (60_040, 61_696)]
        {
            let skb = SkBuff::build_around(64, len, cx);
            assert_eq!(skb.truesize(), truesize, "{len}");
            skb.consume(cx);
        }
    });
}

#[test]
fn a_frame_from_the_wire_becomes_the_receive_buffer() {
    with(|cx| {
        let frame: Vec<u8> = (0..100).collect();
        let memory = frame.as_ptr();
        let mut skb = SkBuff::build_around(64, 96, cx);
        skb.dma_adopt(frame, 96, cx);
        skb.put(96, cx);
        assert_eq!(skb.bytes(cx), (0..96).collect::<Vec<u8>>());
        assert_eq!((skb.bytes(cx).as_ptr(), cx.mem.bytes_copied(CopyKind::DmaIn)), (memory, 96));
        // Headroom that is used after all gets memory then; so does tailroom.
        let at = skb.push(20, cx);
        skb.write_header(Proto::Ipv4, at, &[7; 20], cx);
        skb.put(32, cx).fill(9);
        assert_eq!(&skb.bytes(cx)[..21], [&[7; 20][..], &[0]].concat());
        assert_eq!(&skb.bytes(cx)[115..], [&[95][..], &[9; 32]].concat());
        skb.consume(cx);
        // The next frame that is sent has the buffer.
        assert!(cx.mem.frame_buffer(64).capacity() >= 100);
    });
}

#[test]
fn freed_memory_and_heads_are_used_again_and_hold_nothing_of_before() {
    with(|cx| {
        let mut page = SkBuff::alloc(0, cx);
        page.append_page(&[1; 5000], cx);
        (page.gso_size, page.owner) = (1448, Some(SockId(7)));
        page.consume(cx);
        let mut skb = SkBuff::alloc(0, cx);
        assert_eq!((skb.gso_size, skb.owner, skb.nr_frags(), skb.len()), (0, None, 0, 0));
        skb.append_page(&[2; 3000], cx);
        assert_eq!((skb.len(), skb.nr_frags()), (3000, 1));
        assert!(skb.pieces(0, 3000, cx).flatten().all(|byte| *byte == 2));
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
