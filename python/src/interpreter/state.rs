//! A program between two requests, as bytes.
//!
//! Layout: a mark, a checksum, then `Saved` in postcard. monty's state holds the whole text that it
//! compiled; that text can be made again from the learner's file, so it is cut out. A checksum that doesn't
//! match is refused before anything is decoded: what comes out of here was put in by us.

use super::source::Program;
use crate::step::{Request, Step};
use monty::RunProgress;
use monty_types::{ExcType, StackFrame};
use serde::{Deserialize, Serialize};
use stack::syscall::Fd;
use std::collections::VecDeque;

/// The mark of this format; its last byte is the version.
const MARK: &[u8; 4] = b"SPy\x01";
/// Bytes before the payload.
const HEADER: usize = MARK.len() + size_of::<u64>();

/// All there is to a program.
#[derive(Serialize, Deserialize)]
pub(super) struct Saved {
    /// The learner's file.
    pub(super) program: Program,
    /// Line of the request that waits for its answer.
    pub(super) line: u32,
    /// Sockets that the program has open, in the order of their making.
    pub(super) open: Vec<Fd>,
    /// The status `sys.exit` was called with.
    pub(super) exit: Option<i32>,
    /// The last error that a call raised.
    pub(super) raised: Option<Raised>,
    /// What goes on after the answer.
    pub(super) next: Next,
}

/// An error that a call raised, with the frames of that moment: monty forgets the inner ones when an error
/// passes a `finally` or the end of a `with`.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Raised {
    pub(super) kind: ExcType,
    pub(super) message: Option<String>,
    pub(super) frames: Vec<StackFrame>,
}

/// How a program goes on.
#[derive(Serialize, Deserialize)]
pub(super) enum Next {
    /// The answer goes to Python.
    Python(Suspended),
    /// Python has ended; these requests are left, and their answers change nothing.
    Ending(VecDeque<Request>),
}

/// monty's state without the text that it compiled.
#[derive(Serialize, Deserialize)]
pub(super) struct Suspended {
    bytes: Vec<u8>,
    cut_at: u32,
}

impl Suspended {
    /// Packs `progress`; `text` is what monty compiled.
    pub(super) fn pack(progress: &RunProgress, text: &str) -> Option<Suspended> {
        let mut bytes = postcard::to_allocvec(progress).ok()?;
        let at = bytes.windows(text.len()).position(|window| window == text.as_bytes())?;
        bytes.drain(at..at + text.len());
        Some(Suspended { bytes, cut_at: u32::try_from(at).ok()? })
    }

    /// Undoes [`Suspended::pack`].
    pub(super) fn unpack(&self, text: &str) -> Option<RunProgress> {
        let at = self.cut_at as usize;
        let mut bytes = Vec::with_capacity(self.bytes.len() + text.len());
        bytes.extend_from_slice(self.bytes.get(..at)?);
        bytes.extend_from_slice(text.as_bytes());
        bytes.extend_from_slice(&self.bytes[at..]);
        postcard::from_bytes(&bytes).ok()
    }

    /// Size, bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// A program that has nothing to do but to make these requests.
pub(super) fn ending(line: u32, requests: Vec<Request>) -> Step {
    Saved {
        program: Program::default(),
        line,
        open: Vec::new(),
        exit: None,
        raised: None,
        next: Next::Ending(requests.into()),
    }
    .end_step()
}

impl Saved {
    /// The next of the requests that are left.
    pub(super) fn end_step(mut self) -> Step {
        let request = match &mut self.next {
            Next::Ending(queue) => queue.pop_front(),
            Next::Python(_) => None,
        }
        .unwrap_or(Request::Exit { status: 1 });
        self.step(request)
    }

    /// A step that makes `request` and goes on as `self` says.
    pub(super) fn step(self, request: Request) -> Step {
        let line = self.line;
        let state = if matches!(request, Request::Exit { .. }) { Vec::new() } else { self.to_bytes() };
        Step { line, request, state }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let payload = postcard::to_allocvec(self).unwrap_or_default();
        let mut bytes = Vec::with_capacity(HEADER + payload.len());
        bytes.extend_from_slice(MARK);
        bytes.extend_from_slice(&checksum(&payload).to_le_bytes());
        bytes.extend_from_slice(&payload);
        bytes
    }

    /// Reads a state; `None` if it isn't one.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Saved> {
        let payload = bytes.get(HEADER..)?;
        let sum = bytes.get(MARK.len()..HEADER)?;
        if bytes.get(..MARK.len())? != MARK || sum != checksum(payload).to_le_bytes() {
            return None;
        }
        postcard::from_bytes(payload).ok()
    }
}

/// FNV-1a, 64 bits.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
