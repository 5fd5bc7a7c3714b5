//! The world: hosts, wires, switches, the clock, and where each program stands.
//!
//! A world can be cloned: that is a keyframe. It holds no program, only how many requests each task has made,
//! and moves by [`World::step`], one input of one host at a time, in the order of (time, number of the note
//! in the agenda). Nothing else decides: the same world with the same programs does the same again.

mod frames;
mod script;
mod tasks;

#[cfg(test)]
mod tests;

pub use script::{Captured, Change, ScriptAnswer, ScriptAsk};
pub use tasks::{Task, TaskState};

use crate::net::switch::Switch;
use crate::net::wire::{LineState, Way};
use crate::program::{Executable, Programs};
use crate::scenario::{Code, End, Scenario, WireSpec};
use stack::host::{Frame, Host, IfIndex};
use stack::time::{Duration, Instant};
use stack::trace::{HostId, TaskId, Tracer};
use std::collections::BTreeMap;
use std::rc::Rc;

/// How long a program takes for one step of its own, between two requests. Real ones take about that; and a
/// program that never waits cannot stop the clock.
pub const PACE: Duration = Duration::from_micros(1);

/// From so many tasks on, numbers are given again.
pub const MAX_TASKS: usize = 4096;

/// Hosts, what joins them, and what is going to happen.
#[derive(Clone)]
pub struct World {
    now: Instant,
    steps: u64,
    notes: u64,
    agenda: BTreeMap<(Instant, u64), Note>,
    hosts: Vec<Host>,
    switches: Vec<Switch>,
    wires: Vec<Wire>,
    /// The wire at each end, and the way that leads away from it.
    plugs: BTreeMap<End, (usize, Way)>,
    tasks: Vec<Task>,
    /// The script that holds the other end of a host's wire.
    scripts: BTreeMap<usize, TaskId>,
    pace: Duration,
}

#[derive(Clone)]
struct Wire {
    ends: [End; 2],
    lines: [LineState; 2],
}

/// What is going to happen.
#[derive(Clone, Debug)]
enum Note {
    /// A task goes on.
    Run(TaskId),
    /// A frame has left a line's first end: the line is free.
    Free(usize, Way),
    /// A frame reaches a line's other end.
    Arrive(usize, Way, Frame),
    /// A frame vanishes halfway.
    Lose(usize, Way, Frame),
    /// A script's sleeping call goes on.
    Resume(TaskId),
    /// A script that waits for a frame gets it.
    Feed(TaskId),
    /// A script would wait no longer, if this is still the request it waits for.
    TimeIsUp(TaskId, usize),
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stepped {
    /// Something happened.
    Done,
    /// Nothing can happen any more.
    Idle,
    /// The next thing lies after the given time.
    Later,
    /// A Python program has to be asked, and there is no interpreter.
    NeedsInterpreter,
}

impl World {
    /// A scenario's world before anything has happened.
    pub fn new(scenario: &Scenario) -> World {
        let is_script = |p: &&crate::scenario::ProgramSpec| matches!(p.code, Code::Script(_));
        // A script says to the microsecond when things happen.
        let pace = if scenario.programs.iter().any(|p| is_script(&p)) { Duration::ZERO } else { PACE };
        let mut world = World::empty(pace);
        for spec in &scenario.hosts {
            let host = HostId(world.hosts.len() as u8);
            let mut host = Host::new(host, &spec.config);
            for (name, value) in &spec.sysctl {
                // Checked when the scenario was read.
                let _ = host.sysctl_mut().set(name, value);
            }
            world.hosts.push(host);
        }
        world.switches = scenario.switches.iter().map(|s| Switch::new(s.ports)).collect();
        for (i, spec) in scenario.wires.iter().enumerate() {
            // Streams of the seed: hosts have the numbers below 1000.
            let line = |line, way: u64| LineState::new(line, scenario.seed, 1000 + 2 * i as u64 + way);
            world.wires.push(Wire { ends: spec.ends, lines: [line(spec.there, 0), line(spec.back, 1)] });
            world.plugs.insert(spec.ends[0], (i, Way::There));
            world.plugs.insert(spec.ends[1], (i, Way::Back));
        }
        for program in &scenario.programs {
            let task = world.add_task(program.host, Executable::of(program), Instant::ZERO + program.start);
            if is_script(&program) {
                // packetdrill runs as root, and on a TUN device.
                if let Some(host) = world.hosts.get_mut(program.host) {
                    host.set_privileged(true);
                    host.set_tun(script::CARD, true);
                }
                world.scripts.insert(program.host, task);
            }
        }
        world
    }

    /// A world without anything in it.
    pub fn empty(pace: Duration) -> World {
        World {
            now: Instant::ZERO,
            steps: 0,
            notes: 0,
            agenda: BTreeMap::new(),
            hosts: Vec::new(),
            switches: Vec::new(),
            wires: Vec::new(),
            plugs: BTreeMap::new(),
            tasks: Vec::new(),
            scripts: BTreeMap::new(),
            pace,
        }
    }

    /// Adds a host that no wire of the world leads to.
    pub fn add_host(&mut self, host: Host) {
        self.hosts.push(host);
    }

    /// Adds a task that begins at `start`.
    ///
    /// When there are [`MAX_TASKS`], the number of one that has ended is given again.
    pub fn add_task(&mut self, host: usize, what: Rc<Executable>, start: Instant) -> TaskId {
        let ended = |t: &Task| matches!(t.state(), TaskState::Exited(_));
        let free = if self.tasks.len() < MAX_TASKS { None } else { self.tasks.iter().position(ended) };
        let id = TaskId(free.unwrap_or(self.tasks.len()) as u16 + 1);
        let task = Task::new(id, host, what);
        match free {
            Some(free) => self.tasks[free] = task,
            None => self.tasks.push(task),
        }
        self.note(start.max(self.now), Note::Run(id));
        id
    }

    /// Virtual time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// How many steps were taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The hosts.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The tasks; the first has number 1.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// A task.
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.get(usize::from(id.0).checked_sub(1)?)
    }

    /// About what a clone takes, bytes: a full data area for every packet, and room for the tables.
    pub fn size_bytes(&self) -> usize {
        let hosts: usize = self.hosts.iter().map(|h| 16_384 + h.mem().in_use() * 2304).sum();
        hosts + self.agenda.len() * 256 + self.tasks.len() * 128
    }

    /// When the next thing happens.
    pub fn next_at(&self) -> Option<Instant> {
        let note = self.agenda.first_key_value().map(|((at, _), _)| *at);
        let timer = self.next_timer().map(|(at, _)| at);
        note.into_iter().chain(timer).min()
    }

    /// Gives a wire other properties. What is on it already arrives as it would have.
    pub fn set_wire(&mut self, index: usize, spec: &WireSpec) {
        if let Some(wire) = self.wires.get_mut(index) {
            wire.lines[0].line = spec.there;
            wire.lines[1].line = spec.back;
        }
    }

    /// Lets the next thing happen, if that is not after `until`.
    pub fn step(&mut self, until: Instant, programs: &mut dyn Programs, trace: &mut Tracer) -> Stepped {
        let note = self.agenda.first_key_value().map(|(key, _)| *key);
        let timer = self.next_timer();
        // Of things at the same time, what is noted comes before a timer.
        let timer = timer.filter(|(at, _)| note.is_none_or(|(noted, _)| *at < noted));
        let at = match (note, timer) {
            (_, Some((at, _))) | (Some((at, _)), None) => at,
            (None, None) => return Stepped::Idle,
        };
        if at > until {
            return Stepped::Later;
        }
        if let Some((at, host)) = timer {
            self.begin_step(at);
            self.hosts[host].handle_timeout(self.now, trace);
            self.settle(host, trace);
            return Stepped::Done;
        }
        let Some(entry) = self.agenda.first_entry() else { return Stepped::Idle };
        if let Note::Run(task) = *entry.get() {
            let Some(next) = self.prepare(task, programs, trace) else { return Stepped::NeedsInterpreter };
            self.agenda.pop_first();
            self.begin_step(at);
            self.run_task(task, next, programs, trace);
            return Stepped::Done;
        }
        let note = entry.remove();
        self.begin_step(at);
        match note {
            Note::Run(_) => {}
            Note::Resume(task) => self.resume_script(task, programs, trace),
            Note::Feed(task) => self.feed_script(task, programs),
            Note::TimeIsUp(task, asked) => self.time_is_up(task, asked, programs),
            Note::Free(wire, way) => self.line_is_free(wire, way, trace),
            Note::Arrive(wire, way, frame) => self.arrive(wire, way, frame, trace),
            Note::Lose(wire, way, frame) => self.lose(wire, way, frame, trace),
        }
        Stepped::Done
    }

    /// A frame from outside reaches a host's card.
    pub fn frame_in(&mut self, now: Instant, host: usize, at: IfIndex, frame: Frame, trace: &mut Tracer) {
        self.begin_step(now);
        if let Some(h) = self.hosts.get_mut(host) {
            h.handle_frame(self.now, at, frame, trace);
            self.settle(host, trace);
        }
    }

    /// Takes the next frame from a card that no wire of the world leads to.
    pub fn frame_out(&mut self, now: Instant, host: usize, from: IfIndex, trace: &mut Tracer) -> Option<Frame> {
        self.begin_step(now);
        let frame = self.hosts.get_mut(host)?.poll_transmit(self.now, from, trace);
        self.settle(host, trace);
        frame
    }

    fn begin_step(&mut self, at: Instant) {
        self.now = self.now.max(at);
        self.steps += 1;
    }

    fn next_timer(&self) -> Option<(Instant, usize)> {
        self.hosts.iter().enumerate().filter_map(|(i, h)| Some((h.poll_timeout()?, i))).min()
    }

    fn note(&mut self, at: Instant, note: Note) {
        self.agenda.insert((at, self.notes), note);
        self.notes += 1;
    }

    /// After an input to a host: lets its wires and tasks have what came of it.
    fn settle(&mut self, host: usize, trace: &mut Tracer) {
        loop {
            self.collect_wakeups(host);
            if !self.transmit(host, trace) {
                return;
            }
        }
    }
}

fn side(way: Way) -> usize {
    match way {
        Way::There => 0,
        Way::Back => 1,
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World at {} ns after {} steps, {} notes", self.now.as_nanos(), self.steps, self.agenda.len())
    }
}
