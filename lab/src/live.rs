//! Live: one host of ours joined to a network outside.
//!
//! Time comes from outside, as nanoseconds of a monotonic clock, and there is no going back in it: the stack
//! goes on while the viewer looks at the past. Nothing is replayed, so no tape is kept: only the log, within
//! its budget, and the last system calls for strace.

mod programs;

use crate::program::{Executable, Interpreter};
use crate::programs as builtin;
use crate::recording::{DEFAULT_BUDGET_BYTES, history::History, host_config};
use crate::scenario::Code;
use crate::scene::{RunInfo, Scene, SceneConfig, Timeline};
use crate::world::{Stepped, TaskState, World};
use programs::LivePrograms;
use stack::host::{Frame, Host, HostConfig, IfIndex, InterfaceConfig};
use stack::time::{Duration, Instant};
use stack::trace::{EventId, EventLog, HostId, TaskId, Tracer};
use stack::wire::ethernet::MacAddr;
use std::net::Ipv4Addr;
use std::rc::Rc;

/// The one card's index.
const CARD: IfIndex = IfIndex(2);
/// Steps that one call takes at the most; the rest waits for the next.
const STEPS_A_POLL: usize = 20_000;
/// Frames that one call of [`LiveLab::frames_out`] gives at the most.
pub const FRAMES_A_CALL: usize = 256;

/// What the host is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveConfig {
    /// Its name.
    pub name: String,
    /// Its hardware address.
    pub mac: MacAddr,
    /// Its address and prefix length.
    pub address: (Ipv4Addr, u8),
    /// Its default gateway.
    pub gateway: Option<Ipv4Addr>,
    /// Largest IPv4 packet, bytes.
    pub mtu: u16,
    /// Seed of what is random.
    pub seed: u64,
    /// What the event log may hold, bytes.
    pub budget_bytes: usize,
    /// Does a web server run on port 80 from the beginning?
    pub httpd: bool,
}

impl Default for LiveConfig {
    fn default() -> LiveConfig {
        LiveConfig {
            name: "page".to_owned(),
            mac: MacAddr([2, 0, 0, 0, 0, 1]),
            address: (Ipv4Addr::new(10, 0, 0, 2), 24),
            gateway: None,
            mtu: 1500,
            seed: 0,
            budget_bytes: DEFAULT_BUDGET_BYTES,
            httpd: true,
        }
    }
}

/// The host, its programs and its past.
pub struct LiveLab {
    world: World,
    tracer: Tracer,
    programs: LivePrograms,
    history: History,
    begin_ns: u64,
}

impl LiveLab {
    /// A host that boots now.
    pub fn new(config: &LiveConfig, now_ns: u64) -> LiveLab {
        let host = HostConfig {
            name: config.name.clone(),
            interfaces: vec![InterfaceConfig {
                name: "eth0".to_owned(),
                mac: config.mac,
                address: Some(config.address),
                mtu: config.mtu,
                fcs: false,
            }],
            gateway: config.gateway,
            routes: Vec::new(),
            forward: false,
            neighbours: Vec::new(),
            seed: config.seed,
        };
        let scene = SceneConfig {
            title: "Live".to_owned(),
            seed: config.seed,
            sources: Vec::new(),
            hosts: vec![host_config(&host, Vec::new())],
            lines: Vec::new(),
        };
        let mut world = World::empty(Duration::ZERO);
        world.add_host(Host::new(HostId(0), &host));
        let mut live = LiveLab {
            world,
            tracer: Tracer::new(true),
            programs: LivePrograms::default(),
            history: History::new(Rc::new(scene), config.budget_bytes),
            begin_ns: now_ns,
        };
        if config.httpd {
            live.start(now_ns, Executable::builtin("httpd", Vec::new()));
        }
        live
    }

    /// Who runs Python from now on.
    pub fn set_interpreter(&mut self, interpreter: Rc<dyn Interpreter>) {
        self.programs.set_interpreter(interpreter);
    }

    /// A frame has come, without FCS.
    pub fn frame_in(&mut self, now_ns: u64, bytes: &[u8]) {
        let now = self.at(now_ns);
        let frame = Frame { id: self.tracer.new_frame(), bytes: bytes.to_vec(), sent_by: EventId::NONE };
        self.world.frame_in(now, 0, CARD, frame, &mut self.tracer);
        self.poll(now_ns);
    }

    /// Frames to send, without FCS: some more may wait if there are [`FRAMES_A_CALL`].
    pub fn frames_out(&mut self, now_ns: u64) -> Vec<Vec<u8>> {
        let now = self.at(now_ns);
        let mut frames = Vec::new();
        while frames.len() < FRAMES_A_CALL {
            match self.world.frame_out(now, 0, CARD, &mut self.tracer) {
                Some(frame) => frames.push(frame.bytes),
                None => break,
            }
        }
        self.poll(now_ns);
        frames
    }

    /// Time passes: timers that are due fire, programs that can go on do.
    pub fn poll(&mut self, now_ns: u64) {
        let now = self.at(now_ns);
        for _ in 0..STEPS_A_POLL {
            if self.world.step(now, &mut self.programs, &mut self.tracer) != Stepped::Done {
                break;
            }
        }
        self.history.take_in(self.tracer.log(), &self.world);
        self.history.keep_budget(&mut self.tracer);
    }

    /// When [`LiveLab::poll`] is to be called next, on the clock that the other calls get: in the past if
    /// there is more to do at once.
    pub fn deadline(&self) -> Option<u64> {
        self.world.next_at().map(|at| self.begin_ns.saturating_add(at.as_nanos()))
    }

    /// Runs a built-in program, by its command line.
    ///
    /// # Errors
    /// If there is no such program, in the shell's words.
    pub fn run_builtin(&mut self, now_ns: u64, command_line: &str) -> Result<TaskId, String> {
        let mut words = builtin::split_command_line(command_line)?.into_iter();
        let name = words.next().unwrap_or_default();
        if !builtin::NAMES.contains(&name.as_str()) {
            return Err(format!("{name}: command not found"));
        }
        Ok(self.start(now_ns, Executable::builtin(&name, words.collect())))
    }

    /// Runs a Python program.
    ///
    /// # Errors
    /// If there is no interpreter.
    pub fn run_python(&mut self, now_ns: u64, name: &str, source: &str, args: Vec<String>) -> Result<TaskId, String> {
        if !self.programs.has_interpreter() {
            return Err("the Python interpreter is not there yet".to_owned());
        }
        let code = Code::Python(source.to_owned());
        Ok(self.start(now_ns, Rc::new(Executable { name: name.to_owned(), code, args })))
    }

    /// Ends a program, as Ctrl-C does.
    pub fn kill(&mut self, now_ns: u64, task: TaskId) {
        self.world.kill(task, 130, &mut self.tracer);
        self.programs.forget(task);
        self.poll(now_ns);
    }

    fn start(&mut self, now_ns: u64, what: Rc<Executable>) -> TaskId {
        let now = self.at(now_ns);
        let task = self.world.add_task(0, what, now);
        self.poll(now_ns);
        task
    }

    /// What a task has printed so far, the last of it if that is much.
    pub fn output(&self, task: TaskId) -> &str {
        self.programs.output(task)
    }

    /// The status that a task has ended with, if it has.
    pub fn exit_status(&self, task: TaskId) -> Option<i32> {
        match self.world.task(task)?.state() {
            TaskState::Exited(status) => Some(status),
            _ => None,
        }
    }

    /// What does not change.
    pub fn info(&self) -> RunInfo {
        self.history.config().run_info()
    }

    /// Names and addresses.
    pub fn config(&self) -> &Rc<SceneConfig> {
        self.history.config()
    }

    /// The events that are kept.
    pub fn log(&self) -> &EventLog {
        self.tracer.log()
    }

    /// The last event.
    pub fn last(&self) -> EventId {
        EventId(self.log().next_id().0 - 1)
    }

    /// How many events, the oldest, are forgotten.
    pub fn forgotten(&self) -> u32 {
        self.log().first_id().0 - 1
    }

    /// The Scene after an event that is kept.
    pub fn scene(&self, at: EventId) -> Scene {
        self.history.scene(self.log(), at, &self.programs)
    }

    /// What a drawer shows of what is kept.
    pub fn pane(&self, query: &crate::panes::PaneQuery) -> crate::panes::PaneView {
        crate::panes::look(self.log(), self.config(), query)
    }

    /// The past as a list of stops.
    pub fn timeline(&self) -> Timeline {
        self.history.timeline(false)
    }

    /// Where a command leads from `cursor`. The cursor is the viewer's: it stops nothing here.
    pub fn seek(&self, cursor: EventId, command: crate::scene::TimeCommand) -> EventId {
        self.history.seek(cursor, command)
    }

    /// The frames that are kept, as a pcapng file.
    pub fn pcapng(&self) -> Vec<u8> {
        crate::pcapng::write(self.log(), self.history.config())
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.world.hosts()[0]
    }

    fn at(&self, now_ns: u64) -> Instant {
        Instant::from_nanos(now_ns.saturating_sub(self.begin_ns)).max(self.world.now())
    }
}
