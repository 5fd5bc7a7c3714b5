//! Programs of a live host: they go on, and only the last of what they did is kept.

use crate::program::{Executable, Interpreter, Live, Programs};
use crate::scene::Calls;
use crate::tape::{Answer, Ask, Asked};
use python::Request;
use stack::syscall::{SysRet, Syscall};
use stack::trace::{HostId, TaskId};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// System calls that are remembered for strace: how many, and how many bytes in their buffers.
const CALLS: usize = 4096;
const CALL_BYTES: usize = 4 << 20;
/// What is kept of a task's output, bytes.
const OUTPUT_BYTES: usize = 1 << 20;
/// How many tasks' outputs are kept.
const OUTPUTS: usize = 256;

#[derive(Default)]
struct Program {
    live: Option<Live>,
    answer: Option<Answer>,
    calls: u32,
    output: String,
    ended: bool,
}

#[derive(Default)]
pub(super) struct LivePrograms {
    programs: BTreeMap<TaskId, Program>,
    interpreter: Option<Rc<dyn Interpreter>>,
    calls: BTreeMap<(TaskId, u32), (Syscall, Option<SysRet>)>,
    order: VecDeque<(TaskId, u32)>,
    call_bytes: usize,
}

impl LivePrograms {
    pub(super) fn set_interpreter(&mut self, interpreter: Rc<dyn Interpreter>) {
        self.interpreter = Some(interpreter);
    }

    pub(super) fn has_interpreter(&self) -> bool {
        self.interpreter.is_some()
    }

    pub(super) fn output(&self, task: TaskId) -> &str {
        self.programs.get(&task).map_or("", |p| p.output.as_str())
    }

    /// Drops a program that has ended; its output stays for a while.
    pub(super) fn forget(&mut self, task: TaskId) {
        if let Some(program) = self.programs.get_mut(&task) {
            (program.live, program.answer, program.ended) = (None, None, true);
        }
        while self.programs.len() > OUTPUTS {
            let Some(oldest) = self.programs.iter().find(|(_, p)| p.ended).map(|(task, _)| *task) else { return };
            self.programs.remove(&oldest);
        }
    }

    fn remember(&mut self, key: (TaskId, u32), call: Syscall) {
        self.call_bytes += size(&call);
        let replaced = self.calls.insert(key, (call, None));
        self.order.push_back(key);
        self.release(replaced);
        while self.order.len() > CALLS || (self.call_bytes > CALL_BYTES && self.order.len() > 1) {
            let oldest = self.order.pop_front().and_then(|key| self.calls.remove(&key));
            self.release(oldest);
        }
    }

    fn release(&mut self, gone: Option<(Syscall, Option<SysRet>)>) {
        if let Some((call, ret)) = gone {
            self.call_bytes -= size(&call) + ret.map_or(0, |r| r.data.len());
        }
    }
}

fn size(call: &Syscall) -> usize {
    match call {
        Syscall::Sendto { buf, .. } | Syscall::Write { buf, .. } => buf.len(),
        _ => 0,
    }
}

impl Programs for LivePrograms {
    fn next(&mut self, task: TaskId, what: &Executable, index: usize, _: Asked) -> Option<(u32, Ask)> {
        let interpreter = self.interpreter.as_deref();
        if index == 0 {
            // The number of a task that has ended is given again.
            self.programs.remove(&task);
        }
        let program = self.programs.entry(task).or_default();
        let (line, ask) = match &mut program.live {
            Some(live) => live.resume(program.answer.take()?, interpreter)?,
            None => {
                let (live, step) = Live::start(what, interpreter)?;
                program.live = Some(live);
                step
            }
        };
        match &ask {
            Ask::Request(Request::Syscall(call)) => {
                let index = program.calls;
                program.calls += 1;
                self.remember((task, index), call.clone());
            }
            Ask::Request(Request::Print { text, .. }) => {
                program.output += text;
                if program.output.len() > OUTPUT_BYTES {
                    let mut cut = program.output.len() - OUTPUT_BYTES / 2;
                    while !program.output.is_char_boundary(cut) {
                        cut += 1;
                    }
                    program.output.drain(..cut);
                }
            }
            Ask::Request(Request::Exit { .. }) => self.forget(task),
            _ => {}
        }
        Some((line, ask))
    }

    fn answered(&mut self, task: TaskId, _: usize, answer: Answer) {
        let Some(program) = self.programs.get_mut(&task) else { return };
        if let (Answer::Syscall(ret), Some(last)) = (&answer, program.calls.checked_sub(1))
            && let Some(call) = self.calls.get_mut(&(task, last))
        {
            self.call_bytes += ret.data.len();
            call.1 = Some(ret.clone());
        }
        program.answer = Some(answer);
    }
}

impl Calls for LivePrograms {
    fn call(&self, _: HostId, task: TaskId, index: u32) -> Option<&Syscall> {
        self.calls.get(&(task, index)).map(|(call, _)| call)
    }

    fn result(&self, _: HostId, task: TaskId, index: u32) -> Option<&SysRet> {
        self.calls.get(&(task, index))?.1.as_ref()
    }
}
