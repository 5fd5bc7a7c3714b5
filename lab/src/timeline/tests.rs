//! Beats and spans on hand-made journeys; real runs are in `scene/runs.rs`.

use super::*;
use crate::scene::story::*;
use stack::trace::*;

fn build(story: &Story) -> TimelineBuilder {
    let mut timeline = TimelineBuilder::new(config());
    let log = story.tracer.log();
    for (id, event) in log.since(EventId(1)) {
        timeline.apply(id, event, log);
    }
    timeline
}

#[test]
fn a_send_is_told_in_a_dozen_beats_from_the_line_to_the_ring() {
    let mut story = Story::new();
    let _skbs = story.send();
    let timeline = build(&story).timeline();
    let captions: Vec<&str> = timeline.beats.iter().map(|b| b.caption.as_str()).collect();
    assert_eq!(
        captions,
        [
            "alice.py is at line 2: s.sendall(b\"hello\")",
            "alice.py calls sendto(): now the kernel works for it.",
            "The kernel made a TCP socket for alice.py.",
            "192 bytes are kept free in front: every header will fit there.",
            "It joins the socket's send queue (1 packet).",
            "The kernel copied the program's 5 bytes in. Now they stay where they are.",
            "The original waits for its acknowledgment (1 packet).",
            "TCP keeps the original; a clone goes down. Both share the same 5 bytes.",
            "TCP moved one pointer and wrote 32 bytes in front. The 5 bytes stayed put.",
            "IP moved one pointer and wrote 20 bytes in front. The 5 bytes stayed put.",
            "Ethernet wrote 14 bytes in front: the next card is 02:00:00:00:00:02.",
            "It joins the queue in front of the card (1 packet).",
            "It leaves the queue in front of the card (1 left).",
            "The driver hands it to the card in the transmit ring (1 packet).",
            "sendto() returns 5: the kernel took the bytes; the peer may not have them.",
        ]
    );
    let starts: Vec<usize> = (0..captions.len()).filter(|i| timeline.beats[*i].packet_start).collect();
    assert_eq!(starts, [3]);
}

#[test]
fn a_call_is_a_span_that_stays_open_until_it_returns() {
    let mut story = Story::new();
    story.tell(ALICE, Context::Task, What::SyscallEnter { nr: Sysno::Connect, task: TASK, index: 0 });
    let open = &build(&story).timeline().syscalls[0];
    assert_eq!((open.name.as_str(), open.exit, open.exit_ns), ("connect", EventId::NONE, u64::MAX));
    story.tell(ALICE, Context::Syscall, What::SyscallExit { nr: Sysno::Connect, task: TASK, index: 0, ret: 0 });
    let closed = &build(&story).timeline().syscalls[0];
    assert_eq!((closed.enter, closed.exit, closed.exit_ns - closed.enter_ns), (EventId(1), EventId(2), 1000));
}

#[test]
fn what_is_rewound_can_be_told_again() {
    let mut story = Story::new();
    let _skbs = story.send();
    let whole = build(&story);
    let log = story.tracer.log();
    let mut fold = SceneBuilder::new(config());
    for at in 1..log.next_id().0 {
        fold.apply(EventId(at), log.get(EventId(at)).unwrap(), log);
        let mut again = whole.clone();
        again.rewind_to(&fold);
        assert!(again.timeline().beats.iter().all(|b| b.event.0 <= at));
        for (id, event) in log.since(EventId(at + 1)) {
            again.apply(id, event, log);
        }
        assert_eq!(again.timeline(), whole.timeline());
    }
}

#[test]
fn what_is_cut_off_is_gone_and_the_rest_stays() {
    let mut story = Story::new();
    let _skbs = story.send();
    let mut timeline = build(&story);
    let before = timeline.timeline();
    let cut = before.beats[5].event;
    timeline.cut_before(cut);
    let after = timeline.timeline();
    assert_eq!(after.first, cut);
    assert_eq!(after.beats, before.beats[5..]);
    assert_eq!(after.syscalls, before.syscalls, "the call still ran then");
    assert_eq!(after.seek(cut, TimeCommand::StepBeats(-1)), cut);
    assert_eq!(after.seek(EventId(1), TimeCommand::Seek(EventId(1))), cut);
}

#[test]
fn an_empty_timeline_leaves_the_cursor_where_it_is() {
    let timeline = TimelineBuilder::new(config());
    for command in [TimeCommand::End, TimeCommand::StepBeats(-3), TimeCommand::StepPackets(i32::MIN)] {
        assert_eq!(timeline.seek(EventId(7), command), EventId(7));
    }
}
