//! The interpreter: unmodified Python source as a function from answers to requests.
//!
//! monty suspends at each call it doesn't know, and its suspended state is plain data. So a program between
//! two requests is a byte string, and [`start`] and [`resume`] are pure: same bytes in, same bytes out, on
//! every machine. No clock is read but as the last guard against a single operation that never ends, and
//! nothing is drawn at random.
//!
//! `source` and `rewrite` make the learner's file run on monty, `prelude*.py` are the Python side of our
//! modules, `modules` and `calls` the Rust side, `traceback` prints what CPython would print.

mod budget;
mod calls;
mod errors;
mod machine;
mod modules;
mod numbers;
mod packed;
mod percent;
mod rewrite;
mod sockaddr;
mod source;
mod state;
mod syntax;
mod traceback;
mod value;

use crate::step::{Answer, Request, Step};

/// The system's allocator with a count. A binary that runs programs it doesn't trust makes this its
/// `#[global_allocator]`: only then does the limit of memory hold for more than single objects.
pub use monty_alloc::LimitedAllocator as Allocator;

/// Starts a program and runs it to its first request. `argv` is what follows the file's name in `sys.argv`.
pub fn start(file_name: &str, source: &str, argv: &[String]) -> Step {
    // As CPython, without the mark that some editors put first.
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    guarded(|| machine::start(file_name, source, argv))
}

/// Gives a program the answer to its request and runs it to the next one.
///
/// A state that isn't one of ours gives an explanation on standard error and, next, exit status 1.
pub fn resume(state: &[u8], answer: &Answer) -> Step {
    guarded(|| machine::resume(state, answer))
}

/// A fault inside the interpreter ends the program, not the lab (where panics unwind).
fn guarded(run: impl FnOnce() -> Step) -> Step {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let text = "sendpath: a fault inside the Python interpreter; the program can't go on\n".to_owned();
        state::ending(0, vec![Request::Print { stderr: true, text }, Request::Exit { status: 1 }])
    })
}
