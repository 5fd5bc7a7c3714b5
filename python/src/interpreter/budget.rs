//! What a program may use in one step: nothing hangs, and nothing eats the machine.
//!
//! Instructions are counted, so a loop that makes no request ends at the same place on every machine. A
//! clock guards only against one operation that runs on inside the interpreter (`sum(range(10**15))`), and
//! is set so wide that a program that ends in time never meets it.

use monty_types::{
    BASELINE_MEMORY, ExcType, LIVE_MEMORY, MontyException, PrintWriter, PrintWriterCallback, ResourceLimits,
    ResourceTracker,
};
use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Instructions of monty's machine between two requests.
pub(super) const INSTRUCTIONS: u64 = 50_000_000;
/// monty asks the print hook each so many instructions.
const INSTRUCTIONS_PER_POLL: u64 = 256;
/// Memory a step may add, bytes; counted where [`super::Allocator`] is the allocator. Elsewhere it bounds
/// each single object.
pub(super) const MEMORY_BYTES: usize = 64 << 20;
/// Largest state a program may have between requests, bytes.
pub(super) const STATE_BYTES: usize = 32 << 20;
/// The last guard.
pub(super) const WALL: Duration = Duration::from_secs(10);

/// Deepest nesting of calls.
const RECURSION: usize = 999;

/// The limits of a program, for its start.
pub(super) fn tracker() -> ResourceTracker {
    arm();
    ResourceTracker::new(ResourceLimits {
        max_duration: Some(WALL),
        max_memory: Some(MEMORY_BYTES),
        max_recursion_depth: RECURSION,
        ..ResourceLimits::default()
    })
}

/// Counts memory from here.
pub(super) fn arm() {
    BASELINE_MEMORY.store(LIVE_MEMORY.load(Ordering::Relaxed), Ordering::Relaxed);
}

/// Forgets the time used so far: a state must not depend on how fast the machine was.
pub(super) fn reset(tracker: &mut ResourceTracker) {
    tracker.set_max_duration(WALL);
}

/// Counts the instructions of a step. It sits in the place of monty's print hook, which is polled.
#[derive(Default)]
pub(super) struct Meter {
    polls: u64,
}

impl Meter {
    /// The hook for monty.
    pub(super) fn writer(&mut self) -> PrintWriter<'_> {
        PrintWriter::Callback(self)
    }

    /// Whether the step has used up its instructions.
    pub(super) fn exhausted(&self) -> bool {
        self.polls * INSTRUCTIONS_PER_POLL > INSTRUCTIONS
    }
}

impl PrintWriterCallback for Meter {
    // Programs print through our own `print`, which is a request.
    fn stdout_write(&mut self, _: Cow<'_, str>) -> Result<(), MontyException> {
        Ok(())
    }

    fn stdout_push(&mut self, _: char) -> Result<(), MontyException> {
        Ok(())
    }

    fn poll_flush(&mut self) -> Result<(), MontyException> {
        self.polls += 1;
        if self.exhausted() { Err(MontyException::new(ExcType::RuntimeError, None)) } else { Ok(()) }
    }
}
