//! Running one script, and what came of it.

use super::ast::Script;
use super::scenario;
use crate::program::Frontier;
use crate::recording::task_of;
use crate::tape::{Ask, Tapes};
use crate::world::{Stepped, TaskState, World};
use python::Request;
use stack::time::Instant;
use stack::trace::Tracer;

/// What came of a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Did everything happen as it says?
    pub passed: bool,
    /// Everything that was printed: the trace, if it was asked for, and at the end a line that begins with
    /// `PASS` or `FAIL`.
    pub text: String,
}

impl Outcome {
    /// The last line.
    pub fn verdict(&self) -> &str {
        self.text.lines().last().unwrap_or_default()
    }
}

/// Runs a script on a stack of its own. With `trace` every packet and call is printed.
pub fn run(script: Script, trace: bool) -> Outcome {
    let args = if trace { vec!["--trace".to_owned()] } else { Vec::new() };
    let file = script.file.clone();
    let scenario = scenario(script, args);
    let mut world = World::new(&scenario);
    let mut tracer = Tracer::new(false);
    let mut programs = Frontier::new(Tapes::default());
    let until = Instant::ZERO + scenario.until;
    let task = task_of(0);
    loop {
        if let Some(TaskState::Exited(status)) = world.task(task).map(|t| t.state()) {
            let entries = programs.tapes().get(task).map_or(&[][..], |t| t.entries());
            let text = entries.iter().filter_map(|e| match &e.ask {
                Ask::Request(Request::Print { text, .. }) => Some(text.as_str()),
                _ => None,
            });
            return Outcome { passed: status == 0, text: text.collect() };
        }
        if world.step(until, &mut programs, &mut tracer) != Stepped::Done {
            let text = format!("FAIL {file}: the script never comes to its end\n");
            return Outcome { passed: false, text };
        }
    }
}
