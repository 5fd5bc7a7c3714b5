//! Tasks: their descriptors, and the system calls in which they sleep.
//!
//! Linux: `fs/file.c` (descriptor table), `kernel/sched/wait.c`. A sleeping call is kept with how far it got;
//! when the task wakes, the call runs again from there.

use super::{EpollId, Errno, Fd, Syscall};
use crate::time::Instant;
use crate::timer::Token;
use crate::trace::{SockId, TaskId, Wait};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// The first descriptor a program can get: 0, 1 and 2 are its terminal.
const FIRST_FD: usize = 3;
/// `RLIMIT_NOFILE`.
pub(super) const MAX_FD: usize = 1024;

/// Why a system call does not return a value now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    /// It fails.
    Fail(Errno),
    /// The task sleeps.
    Sleep,
}

impl From<Errno> for Stop {
    fn from(e: Errno) -> Stop {
        Stop::Fail(e)
    }
}

/// How far a system call got before it slept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// Bytes taken or given so far.
    pub(crate) done: usize,
    /// What `MSG_WAITALL` has collected.
    pub(crate) data: Vec<u8>,
    /// It began to connect.
    pub(crate) started: bool,
    /// `close` waits for the end of this connection (`SO_LINGER`).
    pub(crate) lingers: Option<SockId>,
    /// When its patience (`SO_RCVTIMEO`, `SO_SNDTIMEO`, `SO_LINGER`) ends.
    pub(crate) deadline: Option<Instant>,
}

/// A system call that sleeps.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) call: Syscall,
    pub(crate) index: u32,
    pub(crate) progress: Progress,
    pub(crate) wait: Option<Wait>,
    pub(crate) timer: Option<Token>,
}

/// What a descriptor refers to (`struct file`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Handle {
    Sock(SockId),
    Epoll(EpollId),
}

#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) handle: Handle,
    pub(crate) cloexec: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Task {
    files: Vec<Option<File>>,
    pub(crate) calls: u32,
    pub(crate) pending: Option<Pending>,
}

impl Task {
    pub(crate) fn file(&self, fd: Fd) -> Option<&File> {
        self.files.get(usize::try_from(fd).ok()?.checked_sub(FIRST_FD)?)?.as_ref()
    }

    pub(crate) fn file_mut(&mut self, fd: Fd) -> Option<&mut File> {
        self.files.get_mut(usize::try_from(fd).ok()?.checked_sub(FIRST_FD)?)?.as_mut()
    }

    /// `get_unused_fd`: the lowest free number.
    pub(crate) fn install(&mut self, file: File) -> Result<Fd, Errno> {
        let free = self.files.iter().position(Option::is_none).unwrap_or(self.files.len());
        if free + FIRST_FD >= MAX_FD {
            return Err(Errno::EMFILE);
        }
        self.install_at((free + FIRST_FD) as Fd, file);
        Ok((free + FIRST_FD) as Fd)
    }

    pub(crate) fn install_at(&mut self, fd: Fd, file: File) {
        let at = fd as usize - FIRST_FD;
        if self.files.len() <= at {
            self.files.resize(at + 1, None);
        }
        self.files[at] = Some(file);
    }

    pub(crate) fn remove(&mut self, fd: Fd) -> Option<File> {
        self.files.get_mut(usize::try_from(fd).ok()?.checked_sub(FIRST_FD)?)?.take()
    }

    /// Any descriptor that is open, lowest first.
    pub(crate) fn first_fd(&self) -> Option<Fd> {
        self.files.iter().position(Option::is_some).map(|at| (at + FIRST_FD) as Fd)
    }
}

/// The tasks of a host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    /// By number.
    tasks: Vec<Option<Box<Task>>>,
    ready: VecDeque<TaskId>,
}

impl Tasks {
    pub(crate) fn get(&mut self, task: TaskId) -> &mut Task {
        let at = usize::from(task.0);
        if at >= self.tasks.len() {
            self.tasks.resize(at + 1, None);
        }
        self.tasks[at].get_or_insert_default()
    }

    pub(crate) fn remove(&mut self, task: TaskId) {
        if let Some(task) = self.tasks.get_mut(usize::from(task.0)) {
            *task = None;
        }
        self.ready.retain(|t| *t != task);
    }

    /// The task may go on; once is enough.
    pub(crate) fn wake(&mut self, task: TaskId) {
        let task_of = self.tasks.get(usize::from(task.0)).and_then(Option::as_ref);
        if task_of.is_some_and(|t| t.pending.is_some()) && !self.ready.contains(&task) {
            self.ready.push_back(task);
        }
    }

    pub(crate) fn poll_wakeup(&mut self) -> Option<TaskId> {
        self.ready.pop_front()
    }
}
