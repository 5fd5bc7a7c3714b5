//! Going back, playing again, taking another turn: with programs that need no interpreter, and with a fake one.

use super::*;
use crate::net::wire::Line;
use crate::rng::Chance;
use crate::scene::TimeCommand;
use python::{Answer, Request, Step};
use stack::syscall::{SockAddr, Syscall};
use std::cell::Cell;
use std::net::Ipv4Addr;

const HOSTS: &str = "seed = 1\nuntil = \"5s\"\n[[host]]\nname = \"a\"\naddress = \"10.0.0.1/24\"\n\
                     [[host]]\nname = \"b\"\naddress = \"10.0.0.2/24\"\n";
const PING: &str = "[[program]]\nhost = \"a\"\nbuiltin = \"ping -c 20 -i 0.01 10.0.0.2\"\n";
const FAKE: &str = "[[program]]\nhost = \"a\"\nsource = \"send 3\"\n";

fn scenario(programs: &str) -> Scenario {
    let text = format!("{HOSTS}{programs}");
    Scenario::parse("test.toml", &text, &mut |_| Err(String::new())).unwrap_or_else(|p| panic!("{p}"))
}

fn lab(programs: &str) -> Lab {
    let mut lab = Lab::new(scenario(programs));
    lab.set_interpreter(Rc::new(Fake::default()));
    lab.run();
    lab
}

/// A language of one sentence: `send N` sends N datagrams, one a millisecond, each on a line of its own.
#[derive(Default)]
struct Fake {
    asked: Cell<usize>,
}

impl Fake {
    fn step(&self, count: u32, at: u32) -> Step {
        self.asked.set(self.asked.get() + 1);
        let to = SockAddr::v4(Ipv4Addr::new(10, 0, 0, 2), 9);
        let request = match at {
            0 => Request::Syscall(Syscall::Socket { family: 2, kind: 2, protocol: 0 }),
            n if n > 2 * count => Request::Exit { status: 0 },
            n if n % 2 == 1 => Request::Sleep { ns: 1_000_000 },
            n => Request::Syscall(Syscall::Sendto { fd: 3, buf: Rc::from(n.to_be_bytes()), flags: 0, addr: Some(to) }),
        };
        Step { line: at + 1, request, state: [count, at + 1].iter().flat_map(|n| n.to_le_bytes()).collect() }
    }
}

impl Interpreter for Fake {
    fn start(&self, _: &str, source: &str, _: &[String]) -> Step {
        let count = source.strip_prefix("send ").and_then(|n| n.parse().ok()).unwrap_or(0);
        self.step(count, 0)
    }

    fn resume(&self, state: &[u8], _: &Answer) -> Step {
        let word = |at: usize| u32::from_le_bytes([state[at], state[at + 1], state[at + 2], state[at + 3]]);
        self.step(word(0), word(4))
    }
}

#[test]
fn the_same_again() {
    let (one, two) = (lab(PING), lab(PING));
    assert_eq!(one.digest(), two.digest());
    let mut other = scenario(PING);
    other.set_seed(2);
    let mut other = Lab::new(other);
    other.run();
    assert_ne!(one.digest(), other.digest());
}

#[test]
fn the_size_of_the_slices_changes_nothing() {
    let whole = lab(PING);
    let mut sliced = Lab::new(scenario(PING));
    while sliced.advance(7).state == RunState::Running {}
    assert_eq!(whole.digest(), sliced.digest());
}

#[test]
fn playing_again_from_the_middle_gives_the_same_events() {
    let lab = lab(PING);
    for at in [0, lab.last().0 / 2, lab.last().0] {
        let replay = lab.replay_from(EventId(at)).unwrap();
        assert_eq!((replay.difference, replay.digest), (None, lab.digest()));
        assert!(replay.same_answers && replay.from.0 <= at);
    }
    assert!(lab.replay_from(lab.last()).unwrap().events < lab.replay_from(EventId(0)).unwrap().events);
}

#[test]
fn a_scene_is_the_same_by_whatever_way_one_comes_to_it() {
    let lab = lab(PING);
    let mut fold = crate::scene::SceneBuilder::new(Rc::clone(lab.config()));
    for (id, event) in lab.log().since(EventId(1)) {
        fold.apply(id, event, lab.log());
        if id.0 % 97 == 0 || id == lab.last() {
            assert_eq!(lab.scene(id), fold.scene(lab.tapes()), "{id:?}");
        }
    }
}

#[test]
fn the_oldest_goes_first_and_the_digest_keeps_it() {
    let whole = lab(PING);
    let mut small = Lab::new(scenario(PING));
    small.set_budget(whole.log().size_bytes() / 3);
    small.run();
    assert_eq!(small.digest(), whole.digest());
    assert!(small.forgotten() > 0 && small.log().size_bytes() <= whole.log().size_bytes() / 3);
    assert_eq!(small.timeline().first, small.log().first_id());
    let at = EventId(small.forgotten() + 5);
    assert_eq!(small.scene(at), whole.scene(at));
    assert_eq!(small.scene(EventId(1)).at, EventId(small.forgotten()));
    assert_eq!(small.replay_from(small.last()).unwrap().difference, None);
    assert_eq!(small.fork(EventId(1), Edit::Nothing).err(), Some(ForkError::Forgotten));
    assert_eq!(small.time(TimeCommand::Seek(EventId(1))), small.log().first_id());
}

#[test]
fn a_tape_plays_without_an_interpreter() {
    let live = lab(FAKE);
    let end = live.progress().state;
    assert_ne!(end, RunState::NeedsInterpreter);
    let tapes = Tapes::from_bytes(&live.tapes().to_bytes()).unwrap();
    let mut played = Lab::with_tapes(scenario(FAKE), tapes);
    assert_eq!(played.run().state, end);
    assert_eq!(played.digest(), live.digest());
    let mut bare = Lab::new(scenario(FAKE));
    assert_eq!(bare.run().state, RunState::NeedsInterpreter);
    bare.set_interpreter(Rc::new(Fake::default()));
    assert_eq!((bare.run().state, bare.digest()), (end, live.digest()));
}

#[test]
fn a_fork_without_an_edit_is_the_same_run() {
    let lab = lab(&format!("{PING}{FAKE}"));
    for at in (0..lab.last().0).step_by(lab.last().0 as usize / 7 + 1) {
        let mut fork = lab.fork(EventId(at), Edit::Nothing).unwrap();
        assert!(fork.last().0 <= at);
        fork.run();
        assert_eq!(fork.digest(), lab.digest(), "forked at {at}");
        assert_eq!(fork.scene(fork.last()), lab.scene(lab.last()));
        assert_eq!(fork.timeline(), lab.timeline());
    }
}

#[test]
fn another_wire_changes_only_what_comes_after() {
    let lab = lab(PING);
    let at = EventId(lab.last().0 / 2);
    let spec = WireSpec { there: Line { loss: Chance::ALWAYS, ..Line::default() }, ..lab.scenario().wires[0].clone() };
    let mut fork = lab.fork(at, Edit::Wire { wire: 0, spec }).unwrap();
    let shared = fork.last();
    assert!(shared <= at && shared.0 + 2000 > at.0);
    fork.run();
    assert_ne!(fork.digest(), lab.digest());
    assert!(
        fork.log().since(EventId(1)).take_while(|(id, _)| *id <= shared).all(|(id, e)| lab.log().get(id) == Some(e))
    );
    // The branch can be played again, also from before the fork.
    for from in [EventId(0), fork.last()] {
        assert_eq!(fork.replay_from(from).unwrap().difference, None);
    }
}

#[test]
fn an_edited_program_keeps_the_past_it_shares() {
    let lab = lab(FAKE);
    let edit = |text: &str| Edit::Source { program: 0, text: text.to_owned() };
    // Two of three datagrams are the same: the branch begins where the third would have been awaited.
    let mut fewer = lab.fork(lab.last(), edit("send 2")).unwrap();
    assert!(fewer.last() > EventId(0) && fewer.last() < lab.last());
    fewer.run();
    let sent = |lab: &Lab| lab.tape(0).unwrap().syscalls().count();
    assert_eq!((sent(&lab), sent(&fewer)), (4, 3));
    let mut fresh = Lab::new(scenario("[[program]]\nhost = \"a\"\nsource = \"send 2\"\n"));
    fresh.set_interpreter(Rc::new(Fake::default()));
    fresh.run();
    assert_eq!(fewer.digest(), fresh.digest());
    // And from the branch another: the programs in its keyframes are the edited ones.
    let mut more = fewer.fork(fewer.last(), edit("send 3")).unwrap();
    more.run();
    assert_eq!(more.digest(), lab.digest());
    assert_eq!(
        lab.fork(EventId(0), Edit::Source { program: 5, text: String::new() }).err(),
        Some(ForkError::NoSuchThing)
    );
}

#[test]
fn the_cursor_runs_on_where_it_steps_past_the_end() {
    let mut lab = Lab::new(scenario(PING));
    let first = lab.time(TimeCommand::StepBeats(1));
    assert!(first > EventId::NONE);
    let second = lab.time(TimeCommand::StepBeats(1));
    assert!(second > first);
    assert_eq!(lab.time(TimeCommand::StepBeats(-1)), first);
    let packet = lab.time(TimeCommand::StepPackets(1));
    assert!(packet > first);
    let far = lab.time(TimeCommand::StepEvents(3000));
    assert_eq!(far.0, packet.0 + 3000);
    lab.run();
    assert_eq!(lab.time(TimeCommand::Seek(EventId(u32::MAX))), lab.last());
    assert_eq!(lab.time(TimeCommand::Start), EventId(1));
    assert_eq!(lab.time(TimeCommand::End), lab.last());
}

#[test]
fn events_are_lines_of_json() {
    let lab = lab(FAKE);
    let text = lab.events_jsonl();
    assert_eq!(text.lines().count() as u32, lab.last().0);
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let strings = ["event", "host", "function", "layer", "context", "text"];
        assert!(strings.iter().all(|key| value[key].is_string()) && value["id"].is_u64(), "{line}");
    }
}
