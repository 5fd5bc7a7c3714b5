//! Tapes: what every program asked of its host and what it was answered.
//!
//! A program is a function from answers to requests, so its tape stands for it: the past is played again
//! without running a program, and a program in the middle of its life is built anew by handing it the
//! answers of its tape. A tape can be kept and given to another lab that has no interpreter.

use crate::scene::Calls;
use crate::world::{ScriptAnswer, ScriptAsk};
use python::Request;
use serde::{Deserialize, Serialize};
use stack::syscall::{Fd, SysRet, Syscall};
use stack::trace::{EventId, HostId, TaskId};

/// What a program asks.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Ask {
    /// A request that any program can make.
    Request(Request),
    /// `fork(2)` and `execve(2)` in one: a built-in program starts as a new task, with one open descriptor.
    Spawn {
        /// Name of a built-in program.
        program: String,
        /// Its arguments.
        args: Vec<String>,
        /// The descriptor it inherits, under the same number.
        fd: Fd,
    },
    /// What only a packetdrill script asks: it is program and other end of the wire in one.
    Script(ScriptAsk),
}

/// What a program is answered.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// To a system call.
    Syscall(SysRet),
    /// To [`Request::Clock`]: nanoseconds of virtual time.
    Clock(u64),
    /// To what has no other answer.
    Done,
    /// To [`Ask::Script`].
    Script(ScriptAnswer),
}

impl Answer {
    /// The same for a Python program, which asks for nothing that has another answer.
    pub(crate) fn to_python(&self) -> python::Answer {
        match self {
            Answer::Syscall(ret) => python::Answer::Syscall(ret.clone()),
            Answer::Clock(ns) => python::Answer::Clock(*ns),
            Answer::Done | Answer::Script(_) => python::Answer::Done,
        }
    }
}

impl Ask {
    /// The system call that it is.
    pub(crate) fn syscall(&self) -> Option<&Syscall> {
        match self {
            Ask::Request(Request::Syscall(call)) | Ask::Script(ScriptAsk::Begin(call)) => Some(call),
            _ => None,
        }
    }
}

/// One step of a program.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Line of the source; 0 where there is none.
    pub line: u32,
    /// What it asked.
    pub ask: Ask,
    /// The answer, once there is one.
    pub answer: Option<Answer>,
    /// When it asked.
    pub asked: Asked,
}

/// The moment at which a program asks, in numbers of the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// The number that the next event has.
    pub event: EventId,
    /// How many steps the world has taken.
    pub step: u64,
}

/// One program's life.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Tape {
    entries: Vec<Entry>,
    /// Indices of the entries that are system calls.
    calls: Vec<u32>,
}

impl Tape {
    /// The steps so far.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The `index`-th system call.
    pub fn syscall(&self, index: u32) -> Option<(&Syscall, Option<&SysRet>)> {
        let at = *self.calls.get(index as usize)? as usize;
        let entry = self.entries.get(at)?;
        let call = entry.ask.syscall()?;
        let ret = match &entry.answer {
            Some(Answer::Syscall(ret)) => Some(ret),
            // The call slept: its result came with a later answer.
            Some(Answer::Script(ScriptAnswer::Began)) => self.entries[at + 1..].iter().find_map(|e| match &e.answer {
                Some(Answer::Script(ScriptAnswer::Returned { ret, .. })) => Some(ret),
                _ => None,
            }),
            _ => None,
        };
        Some((call, ret))
    }

    /// Every system call with its result.
    pub fn syscalls(&self) -> impl Iterator<Item = (&Syscall, Option<&SysRet>)> {
        (0..self.calls.len() as u32).filter_map(|i| self.syscall(i))
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        if entry.ask.syscall().is_some() {
            self.calls.push(self.entries.len() as u32);
        }
        self.entries.push(entry);
    }

    pub(crate) fn answer(&mut self, index: usize, answer: Answer) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.answer = Some(answer);
        }
    }

    /// Keeps `asked` steps, the first `answered` of them with their answers.
    pub(crate) fn truncate(&mut self, asked: usize, answered: usize) {
        self.entries.truncate(asked);
        self.calls.retain(|i| (*i as usize) < asked);
        for entry in self.entries.iter_mut().skip(answered) {
            entry.answer = None;
        }
    }
}

/// The tapes of a run, by task: the first task's number is 1.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Tapes {
    tasks: Vec<Tape>,
}

impl Tapes {
    /// A task's tape, if it has asked anything yet.
    pub fn get(&self, task: TaskId) -> Option<&Tape> {
        self.tasks.get(usize::from(task.0).checked_sub(1)?)
    }

    /// The tapes as bytes, to be kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// Reads [`Tapes::to_bytes`]; `None` if they are something else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Tapes> {
        postcard::from_bytes(bytes).ok()
    }

    pub(crate) fn get_mut(&mut self, task: TaskId) -> &mut Tape {
        let index = usize::from(task.0.max(1)) - 1;
        if self.tasks.len() <= index {
            self.tasks.resize_with(index + 1, Tape::default);
        }
        &mut self.tasks[index]
    }

    pub(crate) fn truncate(&mut self, tasks: usize) {
        self.tasks.truncate(tasks);
    }
}

impl Calls for Tapes {
    fn call(&self, _: HostId, task: TaskId, index: u32) -> Option<&Syscall> {
        self.get(task)?.syscall(index).map(|(call, _)| call)
    }

    fn result(&self, _: HostId, task: TaskId, index: u32) -> Option<&SysRet> {
        self.get(task)?.syscall(index)?.1
    }
}
