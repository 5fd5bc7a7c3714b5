//! The fold, on hand-made journeys of real skbs and on logs that make no sense.

use super::story::*;
use super::*;
use stack::skb::{DropReason, SkbId};
use stack::syscall::Sysno;
use stack::time::Instant;
use stack::trace::*;

fn fold(story: &Story) -> SceneBuilder {
    let mut fold = SceneBuilder::new(config());
    let log = story.tracer.log();
    for (id, event) in log.since(EventId(1)) {
        fold.apply(id, event, log);
    }
    fold
}

fn scene(story: &Story) -> Scene {
    fold(story).scene(&NoCalls)
}

/// The Scene just after the first event that `matches`.
fn scene_at(story: &Story, matches: impl Fn(&Event) -> bool) -> Scene {
    let mut fold = SceneBuilder::new(config());
    let log = story.tracer.log();
    for (id, event) in log.since(EventId(1)) {
        fold.apply(id, event, log);
        if matches(event) {
            return fold.scene(&NoCalls);
        }
    }
    panic!("no such event");
}

fn regions(skb: &SkbScene) -> Vec<(Proto, u32, u32)> {
    skb.regions.iter().map(|r| (r.proto, r.at, r.len)).collect()
}

#[test]
fn a_header_that_the_clone_pushed_lies_in_the_memory_that_the_original_shares() {
    let mut story = Story::new();
    let (original, clone) = story.send();
    let scene = scene(&story);
    let [a, b] = &scene.hosts[0].skbs[..] else { panic!("two skbs") };
    assert_eq!((a.id, b.id, b.clone_of), (original.id(), clone.id(), Some(original.id())));
    assert_eq!((a.references, b.references), (2, 2));
    use Proto::*;
    let all = [(Ethernet, 126, 14), (Ipv4, 140, 20), (Tcp, 160, 32), (Payload, 192, 5)];
    assert_eq!(regions(a), all);
    assert_eq!(regions(b), all);
    assert_eq!((a.data, a.tail, a.len), (192, 197, 5));
    assert_eq!((b.data, b.tail, b.len), (126, 197, 71));
    assert_eq!(b.regions[3].bytes, b"hello");
    assert_eq!(b.regions[1].function, Function::IpQueueXmit);
    assert_eq!((b.transport_header, b.network_header), (Some(160), Some(140)));
    assert_eq!((a.place, a.layer), (Place::Queued(QueueKind::Retransmit), Layer::Transport));
    assert_eq!((b.place, b.layer), (Place::Queued(QueueKind::TxRing), Layer::Driver));
    assert_eq!(scene.hosts[0].sockets[0].rtx_queue, [original.id()]);
    assert_eq!(scene.hosts[0].interfaces[0].tx_ring, [clone.id()]);
    assert_eq!(a.stream, Some((1000, 5)));
    assert_eq!(scene.hosts[0].payload_bytes_moved, 0);
    assert!(scene.hosts[0].calls.is_empty());
}

#[test]
fn each_push_is_told_with_the_pointers_before_it() {
    let mut story = Story::new();
    let _skbs = story.send();
    let pushed = |e: &Event| matches!(e.what, What::SkbMove { op: SkbOp::Push, delta: 20, .. });
    let scene = scene_at(&story, pushed);
    let skb = scene.hosts[0].skbs.last().unwrap();
    let last = skb.last_move.unwrap();
    assert_eq!((last.op, last.delta, last.old_data, skb.data), (SkbOp::Push, 20, 160, 140));
    assert_eq!(skb.layer, Layer::Ip);
    assert_eq!(scene.focus, Some(SkbRef { host: ALICE, skb: skb.id }));
    assert_eq!(scene.event.unwrap().text, "skb_push(20)  len 57");
    assert_eq!(scene.hosts[0].calls, [Function::TcpSendmsg, Function::TcpTransmitSkb, Function::IpQueueXmit]);
}

#[test]
fn a_header_written_again_shows_what_was_there_before() {
    let mut story = Story::new();
    let (_, mut clone) = story.send();
    story.on(ALICE, Context::Softirq, |cx| {
        clone.write_header(Proto::Ethernet, 126, &[9; 14], cx);
    });
    let scene = scene(&story);
    let eth = &scene.hosts[0].skbs[0].regions[0];
    assert_eq!(eth.bytes, [9; 14]);
    assert_eq!(eth.before.as_deref(), Some(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0][..]));
}

#[test]
fn a_frame_carries_the_regions_and_their_writers_then_peels_off_in_reverse() {
    let mut story = Story::new();
    let (_original, clone) = story.send();
    let (frame, bytes) = story.transmit(clone);
    let sent = scene(&story);
    let on_wire = &sent.frames[0];
    assert_eq!((on_wire.from, on_wire.to, on_wire.len), (ALICE, Some(BOB), 75));
    let protos: Vec<Proto> = on_wire.regions.iter().map(|r| r.proto).collect();
    use Proto::*;
    assert_eq!(protos, [Ethernet, Ipv4, Tcp, Payload, Fcs]);
    assert_eq!(on_wire.regions[1].function, Function::IpQueueXmit);
    assert_eq!(sent.hosts[0].skbs.len(), 1, "the clone is freed, the original waits for its ACK");
    assert!(sent.hosts[0].interfaces[0].tx_ring.is_empty());

    let mut skb = story.receive(frame, &bytes);
    let dma = scene_at(&story, |e| matches!(e.what, What::Copy { kind: CopyKind::DmaIn, .. }));
    assert!(dma.frames.is_empty(), "it is in memory now");
    let all = [(Ethernet, 64, 14), (Ipv4, 78, 20), (Tcp, 98, 32), (Payload, 130, 5)];
    assert_eq!(regions(&dma.hosts[1].skbs[0]), all);
    assert!(dma.hosts[1].skbs[0].receiving);
    for (function, len, data, layer) in [
        (Function::EthTypeTrans, 14, 78, Layer::Neigh),
        (Function::IpRcv, 20, 98, Layer::Ip),
        (Function::TcpV4Rcv, 32, 130, Layer::Transport),
    ] {
        story.pull(&mut skb, function, len);
        let now = scene(&story);
        assert_eq!((now.hosts[1].skbs[0].data, now.hosts[1].skbs[0].layer), (data, layer));
        assert_eq!(regions(&now.hosts[1].skbs[0]), all, "what was pulled is still in memory");
    }
}

#[test]
fn a_lost_frame_says_why_until_the_next_is_sent() {
    let mut story = Story::new();
    let (_original, clone) = story.send();
    let (frame, _) = story.transmit(clone);
    let lost = What::Frame { op: FrameOp::Lost, port: 2, frame, skb: SkbId::NONE, len: 75 };
    story.tell(ALICE, Context::Wire, lost);
    assert_eq!(scene(&story).frames[0].lost, Some(DropReason::WireLost));
    let (_original, clone) = story.send();
    story.transmit(clone);
    let frames = scene(&story).frames;
    assert_eq!((frames.len(), frames[0].lost), (1, None));
}

#[test]
fn a_flooded_frame_stays_until_its_receiver_has_it() {
    let mut story = Story::new();
    let (_original, clone) = story.send();
    let (frame, bytes) = story.transmit(clone);
    let forward = |port| What::Frame { op: FrameOp::Forward, port, frame, skb: SkbId::NONE, len: 75 };
    story.tell(HostId(2), Context::Wire, forward(1));
    story.tell(HostId(2), Context::Wire, forward(2));
    let elsewhere = What::Frame { op: FrameOp::Arrive, port: 2, frame, skb: SkbId::NONE, len: 75 };
    story.tell(ALICE, Context::Nic, elsewhere);
    story.tell(ALICE, Context::Nic, What::FrameDrop { frame, reason: DropReason::OtherHost });
    let frames = scene(&story).frames;
    assert_eq!((frames.len(), frames[0].arrived, frames[0].lost), (1, false, None));
    let _skb = story.receive(frame, &bytes);
    assert!(scene(&story).frames.is_empty());
}

#[test]
fn a_second_copy_is_a_frame_of_its_own() {
    let mut story = Story::new();
    let (_original, clone) = story.send();
    let (frame, _) = story.transmit(clone);
    let log = story.tracer.log();
    let sent = log.since(EventId(1)).filter(|(_, e)| matches!(e.what, What::Frame { .. })).last().unwrap().0;
    story.on(ALICE, Context::Wire, |cx| {
        cx.trace.because(sent);
        let copy = cx.trace.new_frame();
        cx.trace.emit(|| What::Frame { op: FrameOp::Duplicated, port: 2, frame: copy, skb: SkbId::NONE, len: 75 });
    });
    let frames = scene(&story).frames;
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[0].id, frame);
    assert_eq!(frames[0].regions, frames[1].regions);
}

#[test]
fn a_sleeping_task_keeps_its_functions_and_goes_on_in_them() {
    let mut story = Story::new();
    let enter = What::SyscallEnter { nr: Sysno::Recvfrom, task: TASK, index: 0 };
    story.tell(BOB, Context::Task, enter);
    story.on(BOB, Context::Syscall, |cx| {
        cx.trace.enter(Function::SysRecvfrom);
        cx.trace.enter(Function::SkWaitData);
        cx.trace.emit(|| What::Sleep { task: TASK, sock: SOCK });
        cx.trace.fall_asleep();
        cx.trace.exit();
        cx.trace.exit();
    });
    let asleep = scene(&story);
    let since = asleep.at;
    assert_eq!(asleep.hosts[1].tasks[0].state, TaskState::Sleeping { function: Function::SkWaitData, since });
    assert!(asleep.hosts[1].calls.is_empty(), "nobody runs");
    story.tell(BOB, Context::Softirq, What::Wake { task: TASK, sock: SOCK });
    // The wait returns; the call it is in goes on.
    let exit = |function| Event {
        at: Instant::from_nanos(9_000),
        because: EventId::NONE,
        function,
        host: BOB,
        context: Context::Syscall,
        what: What::Exit,
    };
    let mut fold = fold(&story);
    let log = story.tracer.log();
    fold.apply(log.next_id(), &exit(Function::SkWaitData), log);
    let awake = fold.scene(&NoCalls);
    assert_eq!(awake.hosts[1].calls, [Function::SysRecvfrom]);
    assert_eq!(awake.hosts[1].tasks[0].state, TaskState::InKernel);
    assert_eq!(awake.hosts[1].tasks[0].strace[0].text, "recvfrom(");
}

#[test]
fn a_keyframe_is_a_clone_that_goes_its_own_way() {
    let mut story = Story::new();
    let (_original, clone) = story.send();
    let key = fold(&story);
    let before = key.scene(&NoCalls);
    let first_new = story.tracer.log().next_id();
    story.transmit(clone);
    let mut replay = key.clone();
    for (id, event) in story.tracer.log().since(first_new) {
        replay.apply(id, event, story.tracer.log());
    }
    assert_eq!(key.scene(&NoCalls), before);
    assert_eq!(replay.scene(&NoCalls), scene(&story));
}

#[test]
fn a_log_whose_beginning_was_cut_is_folded_without_panic() {
    let mut story = Story::new();
    let (original, clone) = story.send();
    let (frame, bytes) = story.transmit(clone);
    let mut skb = story.receive(frame, &bytes);
    story.pull(&mut skb, Function::EthTypeTrans, 14);
    story.on(ALICE, Context::Softirq, |cx| original.consume(cx));
    let log = story.tracer.log();
    for first in 1..log.next_id().0 {
        let mut fold = SceneBuilder::new(config());
        for (id, event) in log.since(EventId(first)) {
            fold.apply(id, event, log);
            let _ = fold.scene(&NoCalls);
        }
    }
}

/// Events picked at random from a real log, with hosts and numbers mixed up.
#[test]
fn events_in_any_order_on_any_host_never_panic() {
    let mut story = Story::new();
    let (_original, clone) = story.send();
    let (frame, bytes) = story.transmit(clone);
    let mut skb = story.receive(frame, &bytes);
    story.pull(&mut skb, Function::IpRcv, 20);
    let log = story.tracer.log();
    let events: Vec<Event> = log.since(EventId(1)).map(|(_, e)| *e).collect();
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for _ in 0..200 {
        let mut fold = SceneBuilder::new(config());
        for n in 1..200u32 {
            let mut event = events[next() % events.len()];
            event.host = HostId((next() % 4) as u8);
            if next() % 50 == 0 {
                event.host = HostId(255);
            }
            fold.apply(EventId(n), &event, log);
        }
        let scene = fold.scene(&NoCalls);
        assert!(scene.caption.chars().count() <= 90);
    }
}

#[test]
fn a_scene_of_a_thousand_packets_keeps_only_the_newest_bytes() {
    let mut story = Story::new();
    let kept: Vec<_> = (0..300).map(|_| story.send().0).collect();
    let scene = scene(&story);
    let with_bytes = scene.hosts[0].skbs.iter().filter(|s| s.regions.iter().any(|r| !r.bytes.is_empty())).count();
    assert_eq!(with_bytes, 128);
    assert!(kept.len() > with_bytes);
}

#[test]
fn one_timer_of_a_socket_stands_for_all_that_send_again() {
    let mut story = Story::new();
    let _skbs = story.send();
    let set = |kind| What::Timer { kind, op: TimerOp::Set, owner: SOCK.0, after_us: 1_000 };
    let armed = |story: &Story| -> Vec<String> {
        scene(story).hosts[0].sockets[0].timers.iter().map(|(name, ..)| name.clone()).collect()
    };
    story.tell(ALICE, Context::Softirq, set(TimerKind::DelayedAck));
    story.tell(ALICE, Context::Softirq, set(TimerKind::Retransmit));
    story.tell(ALICE, Context::Softirq, set(TimerKind::LossProbe));
    assert_eq!(armed(&story), ["delayed ACK", "loss probe"]);
    let fire = What::Timer { kind: TimerKind::LossProbe, op: TimerOp::Fire, owner: SOCK.0, after_us: 0 };
    story.tell(ALICE, Context::Softirq, fire);
    assert_eq!(armed(&story), ["delayed ACK"]);
}
