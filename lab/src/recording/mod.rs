//! A run and its history: going on, looking back, playing again, taking another turn.
//!
//! A recording is the scenario, the programs' tapes, the event log, and two kinds of keyframe: clones of the
//! world at step boundaries, for playing again, and clones of the Scene's fold, for looking. The log has a
//! budget in bytes; the oldest events go first, [`Lab::forgotten`] says how many, and the digest covers them
//! all the same.

mod cursor;
pub(crate) mod digest;
mod export;
mod fork;
pub(crate) mod history;
mod keyframes;

#[cfg(test)]
mod tests;

pub use fork::{Edit, ForkError, Replay};

use crate::panes::{self, PaneQuery, PaneView};
use crate::program::{Frontier, Interpreter};
use crate::scenario::{Code, End, Scenario, WireSpec};
use crate::scene::{
    HostConfig, InterfaceConfig, LineConfig, RouteLine, RunInfo, Scene, SceneConfig, TaskConfig, Timeline,
};
use crate::tape::{Tape, Tapes};
use crate::world::{Stepped, World};
use digest::RunDigest;
use history::History;
use keyframes::Keyframes;
use stack::host::IfIndex;
use stack::time::Instant;
use stack::trace::{EventId, EventLog, HostId, Position, TaskId, Tracer, What};
use std::rc::Rc;

/// What the event log may hold, bytes, unless [`Lab::set_budget`] says otherwise.
pub const DEFAULT_BUDGET_BYTES: usize = if cfg!(target_arch = "wasm32") { 64 << 20 } else { 256 << 20 };
/// Events between two clones of the world at first, and how many clones there are at most.
const WORLD_KEYS: (u32, usize) = (2048, 32);
/// After so many steps in a row that tell nothing, a program goes round in circles.
const QUIET_STEPS: u64 = 1_000_000;

/// How a run stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunState {
    /// There is more to come.
    Running,
    /// A Python program has to be asked: see [`Lab::set_interpreter`].
    NeedsInterpreter,
    /// Nothing can happen any more.
    Ended,
    /// The time that the scenario sets has come.
    TimeIsUp,
    /// A program goes round in circles: it asks and asks, and nothing happens.
    Stuck,
}

/// How far a run has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// How it stands.
    pub state: RunState,
    /// The last event.
    pub last: EventId,
    /// Virtual time.
    pub now: Instant,
}

/// A scenario being run, with its history.
pub struct Lab {
    scenario: Rc<Scenario>,
    world: World,
    tracer: Tracer,
    programs: Frontier,
    state: RunState,
    history: History,
    digest: RunDigest,
    world_keys: Keyframes<WorldKey>,
    cursor: EventId,
    quiet_steps: u64,
    /// Wires that a fork has changed, and after how many steps: for playing again from before.
    rewired: Vec<(u64, usize, WireSpec)>,
}

/// A clone of the world, and what the recording was like then.
#[derive(Clone)]
struct WorldKey {
    world: World,
    position: Position,
    digest: RunDigest,
}

impl Lab {
    /// A run that has not begun.
    pub fn new(scenario: Scenario) -> Lab {
        Lab::with_tapes(scenario, Tapes::default())
    }

    /// A run whose programs have lived before: it plays as far as the tapes go, without an interpreter.
    pub fn with_tapes(scenario: Scenario, tapes: Tapes) -> Lab {
        let mut lab = Lab {
            world: World::new(&scenario),
            tracer: Tracer::new(true),
            programs: Frontier::new(tapes),
            state: RunState::Running,
            history: History::new(Rc::new(scene_config(&scenario)), DEFAULT_BUDGET_BYTES),
            digest: RunDigest::default(),
            world_keys: Keyframes::new(WORLD_KEYS.0, WORLD_KEYS.1, DEFAULT_BUDGET_BYTES / 4),
            cursor: EventId::NONE,
            quiet_steps: 0,
            rewired: Vec::new(),
            scenario: Rc::new(scenario),
        };
        lab.take_in(EventId(1));
        lab
    }

    /// Who runs Python from now on.
    pub fn set_interpreter(&mut self, interpreter: Rc<dyn Interpreter>) {
        self.programs.set_interpreter(Some(interpreter));
        if self.state == RunState::NeedsInterpreter {
            self.state = RunState::Running;
        }
    }

    /// What the event log may hold, bytes; keyframes of the world take up to a quarter of that beside it.
    pub fn set_budget(&mut self, bytes: usize) {
        self.history.budget_bytes = bytes;
        self.world_keys.set_max_bytes(bytes / 4);
        self.keep_budget();
    }

    /// What the event log may hold, bytes.
    pub fn budget(&self) -> usize {
        self.history.budget_bytes
    }

    /// Runs on until about `max_events` more events have happened, or it cannot go on.
    pub fn advance(&mut self, max_events: usize) -> Progress {
        let goal = self.last().0.saturating_add(u32::try_from(max_events).unwrap_or(u32::MAX));
        let until = Instant::ZERO + self.scenario.until;
        while self.state == RunState::Running && self.last().0 < goal {
            let before = self.last();
            match self.world.step(until, &mut self.programs, &mut self.tracer) {
                Stepped::Done => {}
                Stepped::Idle => self.state = RunState::Ended,
                Stepped::Later => self.state = RunState::TimeIsUp,
                Stepped::NeedsInterpreter => self.state = RunState::NeedsInterpreter,
            }
            self.quiet_steps = if self.last() == before { self.quiet_steps + 1 } else { 0 };
            if self.quiet_steps >= QUIET_STEPS {
                self.state = RunState::Stuck;
            }
            self.take_in(EventId(before.0 + 1));
        }
        self.progress()
    }

    /// Runs to the end. A program that never waits runs until the scenario's time is up.
    pub fn run(&mut self) -> Progress {
        while self.state == RunState::Running {
            self.advance(usize::MAX);
        }
        self.progress()
    }

    /// How far the run has come.
    pub fn progress(&self) -> Progress {
        Progress { state: self.state, last: self.last(), now: self.world.now() }
    }

    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// What does not change during the run.
    pub fn info(&self) -> RunInfo {
        self.history.config().run_info()
    }

    /// Names and addresses, as the Scene's fold and the exports need them.
    pub fn config(&self) -> &Rc<SceneConfig> {
        self.history.config()
    }

    /// The world at the end of time.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The events.
    pub fn log(&self) -> &EventLog {
        self.tracer.log()
    }

    /// The last event.
    pub fn last(&self) -> EventId {
        EventId(self.log().next_id().0 - 1)
    }

    /// How many events, the oldest, are forgotten because the budget was spent.
    pub fn forgotten(&self) -> u32 {
        self.log().first_id().0 - 1
    }

    /// What the programs asked and were answered.
    pub fn tapes(&self) -> &Tapes {
        self.programs.tapes()
    }

    /// The tape of a program of the scenario, by its index.
    pub fn tape(&self, program: usize) -> Option<&Tape> {
        self.tapes().get(task_of(program))
    }

    /// Everything a task printed: standard output and standard error as they came.
    pub fn output(&self, task: TaskId) -> String {
        use crate::tape::Ask;
        use python::Request;
        let entries = self.tapes().get(task).map_or(&[][..], Tape::entries);
        entries
            .iter()
            .filter_map(|e| match &e.ask {
                Ask::Request(Request::Print { text, .. }) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    /// One number for all events and all bytes beside them, from the beginning.
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }

    /// The Scene after an event; after the nearest that is still kept, if that one is forgotten.
    pub fn scene(&self, at: EventId) -> Scene {
        self.history.scene(self.log(), at, self.tapes())
    }

    /// The run as a list of stops.
    pub fn timeline(&self) -> Timeline {
        self.history.timeline(!matches!(self.state, RunState::Running | RunState::NeedsInterpreter))
    }

    /// What a drawer shows.
    pub fn pane(&self, query: &PaneQuery) -> PaneView {
        panes::look(self.log(), self.config(), query)
    }

    /// Takes in what a step brought: the events from `first` on.
    fn take_in(&mut self, first: EventId) {
        let log = self.tracer.log();
        self.digest.update(log);
        self.history.take_in(log, &self.world);
        for (_, event) in log.since(first) {
            if let What::TaskExit { task, .. } = event.what {
                self.programs.forget(task);
            }
        }
        if self.world_keys.is_due(self.history.folded()) {
            let (world, position) = (self.world.clone(), self.tracer.position());
            let size = world.size_bytes();
            self.world_keys.push(self.history.folded(), WorldKey { world, position, digest: self.digest }, size);
        }
        self.keep_budget();
    }

    fn keep_budget(&mut self) {
        if let Some(forgotten) = self.history.keep_budget(&mut self.tracer) {
            self.world_keys.cut_before(forgotten);
            self.cursor = self.cursor.max(forgotten);
        }
    }
}

/// The task of a program of the scenario.
pub fn task_of(program: usize) -> TaskId {
    TaskId(program as u16 + 1)
}

/// What a Scene takes from the scenario.
pub(crate) fn scene_config(scenario: &Scenario) -> SceneConfig {
    let mut sources: Vec<(String, String)> = Vec::new();
    let mut tasks: Vec<Vec<TaskConfig>> = vec![Vec::new(); scenario.hosts.len()];
    for (i, program) in scenario.programs.iter().enumerate() {
        let source = match &program.code {
            Code::Builtin(_) | Code::Script(_) => None,
            Code::Python(text) => {
                sources.push((program.name.clone(), text.clone()));
                Some(sources.len() - 1)
            }
        };
        tasks[program.host].push(TaskConfig { id: task_of(i), name: program.name.clone(), source });
    }
    let hosts = scenario.hosts.iter().zip(tasks).map(|(h, tasks)| host_config(&h.config, tasks)).collect();
    let lines = lines(scenario);
    SceneConfig { title: scenario.title.clone(), seed: scenario.seed, sources, hosts, lines }
}

/// Both directions of every wire. Switches are numbered after the hosts.
fn lines(scenario: &Scenario) -> Vec<LineConfig> {
    let node = |end: End| match end {
        End::Host { host, interface } => (HostId(host as u8), interface.0),
        End::Switch { switch, port } => (HostId((scenario.hosts.len() + switch) as u8), port as u16),
    };
    let both = |wire: &WireSpec| {
        let [a, b] = wire.ends.map(node);
        [LineConfig { from: a, to: b, line: wire.there }, LineConfig { from: b, to: a, line: wire.back }]
    };
    scenario.wires.iter().flat_map(both).collect()
}

/// What a Scene takes from a host's configuration.
pub(crate) fn host_config(config: &stack::host::HostConfig, tasks: Vec<TaskConfig>) -> HostConfig {
    let index = |i: usize| IfIndex(i as u16 + 2).0;
    let interfaces: Vec<InterfaceConfig> = config
        .interfaces
        .iter()
        .enumerate()
        .map(|(i, c)| InterfaceConfig { name: c.name.clone(), ifindex: index(i), mac: c.mac, address: c.address })
        .collect();
    let link = |a: &std::net::Ipv4Addr| {
        let on = |c: &&InterfaceConfig| c.address.is_some_and(|(b, p)| same_network(*a, b, p));
        interfaces.iter().find(on).map_or(2, |c| c.ifindex)
    };
    let neighbours = config.neighbours.iter().map(|(a, mac)| (*a, *mac, link(a))).collect();
    let routes = route_lines(config, &interfaces);
    HostConfig { name: config.name.clone(), interfaces, tasks, routes, neighbours }
}

/// The routes that the stack makes of a configuration, as `ip route` lists them: the default route first.
fn route_lines(config: &stack::host::HostConfig, interfaces: &[InterfaceConfig]) -> Vec<RouteLine> {
    let dev = |gateway: std::net::Ipv4Addr| {
        let near = |c: &&InterfaceConfig| c.address.is_some_and(|(b, p)| same_network(gateway, b, p));
        interfaces.iter().find(near).map_or("?", |c| c.name.as_str())
    };
    let any = std::net::Ipv4Addr::UNSPECIFIED;
    let by_default = config.gateway.map(|gateway| (any, 0, gateway));
    let mut lines: Vec<RouteLine> = by_default
        .into_iter()
        .chain(config.routes.iter().copied())
        .map(|(network, prefix, gateway)| {
            let to = if prefix == 0 { "default".to_owned() } else { format!("{network}/{prefix}") };
            let text = format!("{to} via {gateway} dev {}", dev(gateway));
            RouteLine { text, network, prefix, gateway: Some(gateway) }
        })
        .collect();
    for (interface, (address, prefix)) in interfaces.iter().filter_map(|i| Some((i, i.address?))) {
        let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
        let network = std::net::Ipv4Addr::from(u32::from(address) & mask);
        let text = format!("{network}/{prefix} dev {} proto kernel scope link src {address}", interface.name);
        lines.push(RouteLine { text, network, prefix, gateway: None });
    }
    lines
}

fn same_network(a: std::net::Ipv4Addr, b: std::net::Ipv4Addr, prefix: u8) -> bool {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    (u32::from(a) ^ u32::from(b)) & mask == 0
}
