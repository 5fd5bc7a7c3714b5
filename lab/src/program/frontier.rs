//! Programs at the end of time, and programs played from their tapes.

use super::exec::Runner;
use super::{Executable, Interpreter, Programs};
use crate::packetdrill;
use crate::programs;
use crate::scenario::Code;
use crate::tape::{Answer, Ask, Asked, Entry, Tapes};
use stack::trace::TaskId;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A program that can go on.
pub(crate) enum Live {
    Builtin(Runner),
    Python { state: Vec<u8> },
}

/// Runs programs and keeps their tapes; where a tape goes on, the tape is played.
#[derive(Default)]
pub struct Frontier {
    tapes: Tapes,
    live: BTreeMap<TaskId, Live>,
    interpreter: Option<Rc<dyn Interpreter>>,
}

impl Frontier {
    /// Programs that have lived these tapes.
    pub fn new(tapes: Tapes) -> Frontier {
        Frontier { tapes, live: BTreeMap::new(), interpreter: None }
    }

    /// Who runs Python.
    pub fn set_interpreter(&mut self, interpreter: Option<Rc<dyn Interpreter>>) {
        self.interpreter = interpreter;
    }

    /// Who runs Python.
    pub fn interpreter(&self) -> Option<Rc<dyn Interpreter>> {
        self.interpreter.clone()
    }

    /// What the programs asked and were answered.
    pub fn tapes(&self) -> &Tapes {
        &self.tapes
    }

    pub(crate) fn tapes_mut(&mut self) -> &mut Tapes {
        &mut self.tapes
    }

    /// Forgets a program that has ended, but not its tape.
    pub fn forget(&mut self, task: TaskId) {
        self.live.remove(&task);
    }

    /// The request after the `index` first ones, which are on the tape with their answers.
    fn ask(&mut self, task: TaskId, what: &Executable, index: usize) -> Option<(u32, Ask)> {
        let tape = self.tapes.get(task).map_or(&[][..], |t| t.entries());
        if index > 0
            && let Some(live) = self.live.get_mut(&task)
        {
            let answer = tape.get(index - 1)?.answer.clone()?;
            return live.resume(answer, self.interpreter.as_deref());
        }
        // It is not running: build it anew from its tape.
        let answers = tape.iter().take(index).map(|e| e.answer.clone());
        let (live, step) = Live::rebuild(what, answers, self.interpreter.as_deref())?;
        self.live.insert(task, live);
        Some(step)
    }
}

impl Live {
    /// Starts a program and hands it `answers`; gives what it asks then.
    fn rebuild(
        what: &Executable,
        answers: impl Iterator<Item = Option<Answer>>,
        interpreter: Option<&dyn Interpreter>,
    ) -> Option<(Live, (u32, Ask))> {
        let (mut live, mut step) = Live::start(what, interpreter)?;
        for answer in answers {
            step = live.resume(answer?, interpreter)?;
        }
        Some((live, step))
    }

    /// Starts a program: itself, the line it stands on, its first request.
    pub(crate) fn start(what: &Executable, interpreter: Option<&dyn Interpreter>) -> Option<(Live, (u32, Ask))> {
        match &what.code {
            Code::Builtin(name) => {
                let mut runner = Runner::new(|sys| programs::start(name, sys, what.args.clone()));
                let ask = runner.step(None);
                Some((Live::Builtin(runner), (0, ask)))
            }
            Code::Script(script) => {
                let mut runner = Runner::new(|sys| packetdrill::start(sys, Rc::clone(script), &what.args));
                let ask = runner.step(None);
                Some((Live::Builtin(runner), (0, ask)))
            }
            Code::Python(source) => {
                let step = interpreter?.start(&what.name, source, &what.args);
                Some((Live::Python { state: step.state }, (step.line, Ask::Request(step.request))))
            }
        }
    }

    /// Hands it an answer; gives its next request and the line it stands on.
    pub(crate) fn resume(&mut self, answer: Answer, interpreter: Option<&dyn Interpreter>) -> Option<(u32, Ask)> {
        match self {
            Live::Builtin(runner) => Some((0, runner.step(Some(answer)))),
            Live::Python { state } => {
                let step = interpreter?.resume(state, &answer.to_python());
                *state = step.state;
                Some((step.line, Ask::Request(step.request)))
            }
        }
    }
}

/// How many of the tape's steps a program would take again in the same way: the index of the first request
/// that differs. `None` if nobody can tell.
pub(crate) fn first_difference(
    what: &Executable,
    tape: &[Entry],
    interpreter: Option<&dyn Interpreter>,
) -> Option<usize> {
    let (mut live, mut step) = Live::start(what, interpreter)?;
    for (index, entry) in tape.iter().enumerate() {
        if step != (entry.line, entry.ask.clone()) {
            return Some(index);
        }
        let Some(answer) = &entry.answer else { return Some(index + 1) };
        if index + 1 < tape.len() {
            step = live.resume(answer.clone(), interpreter)?;
        }
    }
    Some(tape.len())
}

impl Programs for Frontier {
    fn next(&mut self, task: TaskId, what: &Executable, index: usize, asked: Asked) -> Option<(u32, Ask)> {
        if let Some(entry) = self.tapes.get_mut(task).entries().get(index) {
            return Some((entry.line, entry.ask.clone()));
        }
        let (line, ask) = self.ask(task, what, index)?;
        self.tapes.get_mut(task).push(Entry { line, ask: ask.clone(), answer: None, asked });
        Some((line, ask))
    }

    fn answered(&mut self, task: TaskId, index: usize, answer: Answer) {
        self.tapes.get_mut(task).answer(index, answer);
    }
}

/// The past again: every request comes from the tape, and every answer is compared with it.
pub struct Playback<'t> {
    tapes: &'t Tapes,
    /// Did every answer equal the one on the tape?
    pub faithful: bool,
}

impl<'t> Playback<'t> {
    /// Plays these tapes.
    pub fn new(tapes: &'t Tapes) -> Playback<'t> {
        Playback { tapes, faithful: true }
    }
}

impl Programs for Playback<'_> {
    fn next(&mut self, task: TaskId, _: &Executable, index: usize, _: Asked) -> Option<(u32, Ask)> {
        let entry = self.tapes.get(task)?.entries().get(index)?;
        Some((entry.line, entry.ask.clone()))
    }

    fn answered(&mut self, task: TaskId, index: usize, answer: Answer) {
        let known = self.tapes.get(task).and_then(|t| t.entries().get(index)).and_then(|e| e.answer.as_ref());
        self.faithful &= known.is_none_or(|known| *known == answer);
    }
}
