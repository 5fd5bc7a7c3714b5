//! The conversation between a network lab and a program: one step at a time.
//!
//! A program is a function from answers to requests. The lab hands it the answer to its last request, and
//! gets back the next one with the line it stands on; what the program needs to go on is `state`, plain bytes.
//! So a program can be kept, sent between threads or WASM modules, forked and taken back in time.

use serde::{Deserialize, Serialize};
use stack::syscall::{SysRet, Syscall};

/// What a program asks of the machine it runs on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// A system call of the network.
    Syscall(Syscall),
    /// `clock_nanosleep(2)`: sleep for so many nanoseconds.
    Sleep {
        /// Nanoseconds.
        ns: u64,
    },
    /// `clock_gettime(2)`: the answer is the host's virtual time in nanoseconds.
    Clock,
    /// Text for the terminal, in whole lines or parts of lines.
    Print {
        /// True for standard error.
        stderr: bool,
        /// The text.
        text: String,
    },
    /// The end, with the exit status; nothing follows.
    Exit {
        /// 0 is success.
        status: i32,
    },
}

/// The machine's answer to a [`Request`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// To [`Request::Syscall`].
    Syscall(SysRet),
    /// To [`Request::Clock`]: nanoseconds of virtual time.
    Clock(u64),
    /// To [`Request::Sleep`] and [`Request::Print`].
    Done,
}

/// One step of a program: where it stands and what it asks.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Line of the program's source that is running, from 1; 0 where there is none.
    pub line: u32,
    /// What it asks.
    pub request: Request,
    /// What the interpreter needs to go on from here; empty after [`Request::Exit`].
    pub state: Vec<u8>,
}
