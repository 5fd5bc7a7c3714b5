//! The run as a list of stops: beats (layer-level steps of the journey) and system calls as spans.
//!
//! A beat stands on the event that completes a step: a header is written or taken off, a packet enters or
//! leaves a queue, a task sleeps or wakes, a call begins or ends, a frame is sent or arrives. Kernel function
//! calls, variables and pointer moves that prepare a header lie between beats.

use crate::captions::{Fact, Narrator, Told, caption, layer_of};
use crate::scene::{Beat, SceneBuilder, SceneConfig, SyscallSpan, TaskConfig, TimeCommand, Timeline};
use stack::skb::SkbId;
use stack::syscall::Sysno;
use stack::trace::{Event, EventId, EventLog, HostId, Layer, TaskId, What};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A beat without its words: about 64 bytes.
#[derive(Clone, Copy, Debug)]
struct Stop {
    event: EventId,
    at_ns: u64,
    skb: SkbId,
    fact: Fact,
    host: HostId,
    layer: Layer,
    packet_start: bool,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    host: HostId,
    task: TaskId,
    nr: Sysno,
    index: u32,
    enter: EventId,
    exit: EventId,
    enter_ns: u64,
    exit_ns: u64,
}

/// Builds the timeline event by event.
#[derive(Clone, Debug)]
pub struct TimelineBuilder {
    config: Rc<SceneConfig>,
    narrator: Narrator,
    first: EventId,
    last: EventId,
    stops: Vec<Stop>,
    spans: Vec<Span>,
    /// The call each task is in: place in `spans`.
    open: BTreeMap<(HostId, TaskId), usize>,
    ended: bool,
}

impl TimelineBuilder {
    /// An empty timeline.
    pub fn new(config: Rc<SceneConfig>) -> TimelineBuilder {
        TimelineBuilder {
            config,
            narrator: Narrator::default(),
            first: EventId::NONE,
            last: EventId::NONE,
            stops: Vec::new(),
            spans: Vec::new(),
            open: BTreeMap::new(),
            ended: false,
        }
    }

    /// Changes the constant part: another branch of the run may have other programs. Programs named by
    /// [`TimelineBuilder::add_task`] must be named again.
    pub fn set_config(&mut self, config: Rc<SceneConfig>) {
        self.config = config;
    }

    /// Names a program that was not there at the beginning.
    pub fn add_task(&mut self, host: HostId, task: TaskConfig) {
        if self.config.task(host, task.id) != Some(&task) {
            Rc::make_mut(&mut self.config).add_task(host, task);
        }
    }

    /// Takes the next event in.
    pub fn apply(&mut self, id: EventId, event: &Event, log: &EventLog) {
        if self.first == EventId::NONE {
            self.first = id;
        }
        self.last = id;
        let Told { fact, beat, packet_start, skb } = self.narrator.tell(event, log);
        let at_ns = event.at.as_nanos();
        if beat {
            let (host, layer, skb) = (event.host, layer_of(event), skb.unwrap_or(SkbId::NONE));
            self.stops.push(Stop { event: id, at_ns, skb, fact, host, layer, packet_start });
        }
        match event.what {
            What::SyscallEnter { nr, task, index } => {
                self.open.insert((event.host, task), self.spans.len());
                let (exit, exit_ns) = (EventId::NONE, u64::MAX);
                let (host, enter, enter_ns) = (event.host, id, at_ns);
                self.spans.push(Span { host, task, nr, index, enter, exit, enter_ns, exit_ns });
            }
            What::SyscallExit { task, index, .. } => {
                let open = self.open.remove(&(event.host, task)).and_then(|at| self.spans.get_mut(at));
                if let Some(span) = open.filter(|s| s.index == index) {
                    (span.exit, span.exit_ns) = (id, at_ns);
                }
            }
            _ => {}
        }
    }

    /// Says whether the run has come to its end.
    pub fn set_ended(&mut self, ended: bool) {
        self.ended = ended;
    }

    /// How many beats there are.
    pub fn beat_count(&self) -> usize {
        self.stops.len()
    }

    /// The whole timeline.
    pub fn timeline(&self) -> Timeline {
        Timeline {
            first: self.first,
            last: self.last,
            beats: self.beats_from(0),
            syscalls: self.spans.iter().map(span).collect(),
            ended: self.ended,
        }
    }

    /// The beats from the `n`-th on (from 0): what a reader that has `n` does not know yet.
    pub fn beats_from(&self, n: usize) -> Vec<Beat> {
        self.stops.iter().skip(n).map(|s| self.beat(s)).collect()
    }

    /// Where a command leads from `cursor`, without making the words of a timeline.
    pub fn seek(&self, cursor: EventId, command: TimeCommand) -> EventId {
        let stops = |at: usize| (self.stops[at].event, self.stops[at].packet_start);
        seek((self.first, self.last), self.stops.len(), stops, cursor, command)
    }

    /// Forgets the beats and calls before `first`: the oldest history goes first.
    pub fn cut_before(&mut self, first: EventId) {
        self.first = self.first.max(first);
        let gone = self.stops.partition_point(|s| s.event < first);
        self.stops.drain(..gone);
        self.spans.retain(|s| s.exit == EventId::NONE || s.exit >= first);
        self.reopen();
    }

    /// Forgets what came after the last event of `fold`: the run takes another way from there.
    pub fn rewind_to(&mut self, fold: &SceneBuilder) {
        let event = fold.at();
        self.narrator = fold.narrator().clone();
        self.last = self.last.min(event);
        if event < self.first {
            self.first = EventId::NONE;
        }
        self.ended = false;
        let kept = self.stops.partition_point(|s| s.event <= event);
        self.stops.truncate(kept);
        self.spans.retain(|s| s.enter <= event);
        for span in self.spans.iter_mut().filter(|s| s.exit > event) {
            (span.exit, span.exit_ns) = (EventId::NONE, u64::MAX);
        }
        self.reopen();
    }

    fn reopen(&mut self) {
        let open = self.spans.iter().enumerate().filter(|(_, s)| s.exit == EventId::NONE);
        self.open = open.map(|(at, s)| ((s.host, s.task), at)).collect();
    }

    fn beat(&self, stop: &Stop) -> Beat {
        Beat {
            event: stop.event,
            at_ns: stop.at_ns,
            host: stop.host,
            layer: stop.layer,
            skb: Some(stop.skb).filter(|s| *s != SkbId::NONE),
            packet_start: stop.packet_start,
            caption: caption(&self.config, stop.host, &stop.fact),
        }
    }
}

impl Timeline {
    /// Where a command leads from `cursor`: always an event that is held, `cursor` itself if there are none.
    pub fn seek(&self, cursor: EventId, command: TimeCommand) -> EventId {
        let stops = |at: usize| (self.beats[at].event, self.beats[at].packet_start);
        seek((self.first, self.last), self.beats.len(), stops, cursor, command)
    }
}

fn seek(
    (first, last): (EventId, EventId),
    count: usize,
    stop: impl Fn(usize) -> (EventId, bool),
    cursor: EventId,
    command: TimeCommand,
) -> EventId {
    if last == EventId::NONE {
        return cursor;
    }
    let within = |id: i64| EventId(id.clamp(first.0.into(), last.0.into()) as u32);
    // The n-th stop after (n > 0) or before (n < 0) the cursor, among those that count.
    let step = |n: i32, counts: &dyn Fn(bool) -> bool| {
        let nth = n.unsigned_abs() as usize - 1;
        let found = if n > 0 {
            let start = partition(count, |at| stop(at).0 <= cursor);
            (start..count).map(&stop).filter(|(_, packet)| counts(*packet)).nth(nth)
        } else {
            let end = partition(count, |at| stop(at).0 < cursor);
            (0..end).rev().map(&stop).filter(|(_, packet)| counts(*packet)).nth(nth)
        };
        found.map_or(if n > 0 { last } else { first }, |(event, _)| event)
    };
    match command {
        TimeCommand::Seek(event) => within(event.0.into()),
        TimeCommand::StepEvents(n) => within(i64::from(cursor.0) + i64::from(n)),
        TimeCommand::StepBeats(0) | TimeCommand::StepPackets(0) => within(cursor.0.into()),
        TimeCommand::StepBeats(n) => step(n, &|_| true),
        TimeCommand::StepPackets(n) => step(n, &|packet| packet),
        TimeCommand::Start => first,
        TimeCommand::End => last,
    }
}

/// The first place where `before` no longer holds, among `count` places in order.
fn partition(count: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

fn span(s: &Span) -> SyscallSpan {
    SyscallSpan {
        host: s.host,
        task: s.task,
        name: s.nr.name().into(),
        enter: s.enter,
        exit: s.exit,
        enter_ns: s.enter_ns,
        exit_ns: s.exit_ns,
    }
}

#[cfg(test)]
mod tests;
