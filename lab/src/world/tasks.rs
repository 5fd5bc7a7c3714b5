//! Tasks: each runs to its next request, has it done, sleeps if the kernel says so.

use super::script::Scripted;
use super::{Note, World};
use crate::program::{Executable, Programs};
use crate::tape::{Answer, Ask, Asked};
use python::Request;
use stack::time::Duration;
use stack::trace::{Context, EventId, HostId, TaskId, Tracer, What};
use std::rc::Rc;

/// As much of a text as one event keeps.
const PRINT_CHUNK: usize = 32_768;

/// What a task is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TaskState {
    /// Its next request is to be made.
    Ready,
    /// Asleep in a system call.
    Blocked,
    /// Asleep until its time has come.
    Sleeping,
    /// A script that waits for a frame, or for its call to return.
    Waiting,
    /// Ended with this status.
    Exited(i32),
}

/// A program's place in the world.
#[derive(Clone, Debug)]
pub struct Task {
    id: TaskId,
    host: usize,
    what: Rc<Executable>,
    state: TaskState,
    /// How many requests it has made, the one it waits for included.
    asked: usize,
    line: u32,
    /// The event that led to what it does next.
    because: EventId,
    /// Is it in the agenda?
    noted: bool,
    /// What a script's task holds beside that.
    pub(super) script: Option<Box<Scripted>>,
}

impl Task {
    pub(super) fn new(id: TaskId, host: usize, what: Rc<Executable>) -> Task {
        Task {
            id,
            host,
            what,
            state: TaskState::Ready,
            asked: 0,
            line: 0,
            because: EventId::NONE,
            noted: true,
            script: None,
        }
    }

    /// Its number.
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// Its host.
    pub fn host(&self) -> HostId {
        HostId(self.host as u8)
    }

    /// What it runs.
    pub fn executable(&self) -> &Executable {
        &self.what
    }

    /// What it is doing.
    pub fn state(&self) -> TaskState {
        self.state
    }

    /// How many requests it has made, and how many of them were answered.
    pub fn progress(&self) -> (usize, usize) {
        let waits = matches!(self.state, TaskState::Blocked | TaskState::Sleeping | TaskState::Waiting);
        (self.asked, self.asked - usize::from(waits))
    }

    pub(crate) fn replace(&mut self, what: Rc<Executable>) {
        self.what = what;
    }
}

/// What a task is about to do.
pub(super) enum Next {
    /// To make this request, at this line.
    Ask(u32, Ask),
    /// To go on in its system call, or to wake from sleep.
    GoOn,
}

impl World {
    /// Finds out what a task will do when it runs; changes nothing. `None` if its program cannot be asked.
    pub(super) fn prepare(&self, id: TaskId, programs: &mut dyn Programs, trace: &Tracer) -> Option<Next> {
        let Some(task) = self.task(id).filter(|t| t.state == TaskState::Ready) else { return Some(Next::GoOn) };
        let asked = Asked { event: trace.position().next_event, step: self.steps };
        programs.next(id, &task.what, task.asked, asked).map(|(line, ask)| Next::Ask(line, ask))
    }

    pub(super) fn run_task(&mut self, id: TaskId, next: Next, programs: &mut dyn Programs, trace: &mut Tracer) {
        let Some(task) = self.task_mut(id) else { return };
        task.noted = false;
        let (host, state) = (task.host, task.state);
        match next {
            Next::Ask(line, ask) => self.make_request(id, line, ask, programs, trace),
            Next::GoOn if state == TaskState::Sleeping => self.answer(id, Answer::Done, programs),
            Next::GoOn if state == TaskState::Blocked => {
                let first = trace.position().next_event;
                if let Some(ret) = self.hosts[host].resume(self.now, id, trace) {
                    self.returned(id, first, trace);
                    self.answer(id, Answer::Syscall(ret), programs);
                }
            }
            Next::GoOn => {}
        }
        self.settle(host, trace);
    }

    fn make_request(&mut self, id: TaskId, line: u32, ask: Ask, programs: &mut dyn Programs, trace: &mut Tracer) {
        let now = self.now;
        let Some(task) = self.task_mut(id) else { return };
        task.asked += 1;
        let (host, mut cause) = (task.host, task.because);
        let host_id = HostId(host as u8);
        trace.begin(now, host_id, Context::Task, cause);
        if line != 0 && line != task.line {
            task.line = line;
            cause = trace.emit(|| What::Line { task: id, line });
            trace.because(cause);
        }
        match ask {
            Ask::Request(Request::Syscall(call)) => {
                let first = trace.position().next_event;
                match self.hosts[host].syscall(now, id, call, trace) {
                    Some(ret) => {
                        self.returned(id, first, trace);
                        self.answer(id, Answer::Syscall(ret), programs);
                    }
                    None => self.set_state(id, TaskState::Blocked),
                }
            }
            Ask::Request(Request::Sleep { ns }) => {
                self.set_state(id, TaskState::Sleeping);
                self.run_at(id, Duration::from_nanos(ns).max(self.pace));
            }
            Ask::Request(Request::Clock) => self.answer(id, Answer::Clock(now.as_nanos()), programs),
            Ask::Request(Request::Print { stderr, text }) => {
                for chunk in text.as_bytes().chunks(PRINT_CHUNK) {
                    trace.emit_bytes(chunk, |bytes| What::Print { task: id, stderr, bytes });
                }
                self.answer(id, Answer::Done, programs);
            }
            Ask::Request(Request::Exit { status }) => self.exit(id, status, trace),
            Ask::Script(ask) => self.make_script_request(id, ask, programs, trace),
            Ask::Spawn { program, args, fd } => {
                let child = self.add_task(host, Executable::builtin(&program, args), now + self.pace);
                self.hosts[host].dup_fd(now, id, fd, child, trace);
                if let Some(child) = self.task_mut(child) {
                    child.because = cause;
                }
                self.answer(id, Answer::Done, programs);
            }
        }
    }

    /// Ends a task from outside, whatever it is doing, as a signal would.
    pub fn kill(&mut self, id: TaskId, status: i32, trace: &mut Tracer) {
        let Some(task) = self.task(id).filter(|t| !matches!(t.state, TaskState::Exited(_))) else { return };
        let (host, cause) = (task.host, task.because);
        self.steps += 1;
        trace.begin(self.now, HostId(host as u8), Context::Task, cause);
        self.exit(id, status, trace);
        self.settle(host, trace);
    }

    fn exit(&mut self, id: TaskId, status: i32, trace: &mut Tracer) {
        let Some(host) = self.task(id).map(|t| t.host) else { return };
        let event = trace.emit(|| What::TaskExit { task: id, status });
        trace.because(event);
        self.hosts[host].exit_task(self.now, id, trace);
        self.set_state(id, TaskState::Exited(status));
    }

    pub(super) fn answer(&mut self, id: TaskId, answer: Answer, programs: &mut dyn Programs) {
        let Some(task) = self.task_mut(id) else { return };
        task.state = TaskState::Ready;
        let index = task.asked - 1;
        programs.answered(id, index, answer);
        self.run_at(id, self.pace);
    }

    /// A system call has returned: that is why the task goes on.
    pub(super) fn returned(&mut self, id: TaskId, first: EventId, trace: &Tracer) {
        let log = trace.log();
        let last = log.next_id().0;
        let is_return = |n: &u32| {
            log.get(EventId(*n)).is_some_and(|e| matches!(e.what, What::SyscallExit { task, .. } if task == id))
        };
        if let (Some(event), Some(task)) = ((first.0..last).rev().find(is_return), self.task_mut(id)) {
            task.because = EventId(event);
        }
    }

    pub(super) fn collect_wakeups(&mut self, host: usize) {
        while let Some(id) = self.hosts.get_mut(host).and_then(|h| h.poll_wakeup()) {
            if self.task(id).is_some_and(|t| t.state == TaskState::Blocked && !t.noted) {
                self.run_at(id, Duration::ZERO);
            } else {
                self.wake_script(id);
            }
        }
    }

    pub(super) fn run_at(&mut self, id: TaskId, after: Duration) {
        let at = self.now + after;
        if let Some(task) = self.task_mut(id) {
            task.noted = true;
            self.note(at, Note::Run(id));
        }
    }

    pub(super) fn set_state(&mut self, id: TaskId, state: TaskState) {
        if let Some(task) = self.task_mut(id) {
            task.state = state;
        }
    }

    pub(crate) fn task_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        self.tasks.get_mut(usize::from(id.0).checked_sub(1)?)
    }
}
