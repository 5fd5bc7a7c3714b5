//! Programs at work: who answers "what does this task ask next?".
//!
//! Three can answer. A tape knows the past. A built-in program is a future on the executor of `exec`. A
//! Python program is an [`Interpreter`] and a few kilobytes of state. The world knows none of them: it asks
//! through [`Programs`].

mod exec;
mod frontier;

pub use exec::{Runner, Sys};
pub use frontier::{Frontier, Playback};
pub(crate) use frontier::{Live, first_difference};

use crate::scenario::{Code, ProgramSpec};
use crate::tape::{Answer, Ask, Asked};
use python::Step;
use stack::trace::TaskId;
use std::rc::Rc;

/// Whoever runs Python: in this program, in another WASM module, or a fake in a test.
pub trait Interpreter {
    /// Starts a program and runs it to its first request.
    fn start(&self, file_name: &str, source: &str, argv: &[String]) -> Step;
    /// Hands it an answer and runs it to its next request.
    fn resume(&self, state: &[u8], answer: &python::Answer) -> Step;
}

/// The interpreter that is linked in.
#[cfg(feature = "python")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Monty;

#[cfg(feature = "python")]
impl Interpreter for Monty {
    fn start(&self, file_name: &str, source: &str, argv: &[String]) -> Step {
        python::interpreter::start(file_name, source, argv)
    }

    fn resume(&self, state: &[u8], answer: &python::Answer) -> Step {
        python::interpreter::resume(state, answer)
    }
}

/// What a task runs; fixed when it is made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Executable {
    /// e.g. `client.py`, or `httpd`.
    pub name: String,
    /// The code.
    pub code: Code,
    /// What follows the name on the command line.
    pub args: Vec<String>,
}

impl Executable {
    /// A built-in program.
    pub fn builtin(name: &str, args: Vec<String>) -> Rc<Executable> {
        Rc::new(Executable { name: name.to_owned(), code: Code::Builtin(name.to_owned()), args })
    }

    /// A scenario's program.
    pub fn of(spec: &ProgramSpec) -> Rc<Executable> {
        Rc::new(Executable { name: spec.name.clone(), code: spec.code.clone(), args: spec.args.clone() })
    }
}

/// The world's way to its programs.
pub trait Programs {
    /// What does the task ask, at the line it stands on, as its `index`-th request? `None`: nobody can tell
    /// now (the interpreter is not there).
    fn next(&mut self, task: TaskId, what: &Executable, index: usize, asked: Asked) -> Option<(u32, Ask)>;

    /// The answer to its `index`-th request.
    fn answered(&mut self, task: TaskId, index: usize, answer: Answer);
}
