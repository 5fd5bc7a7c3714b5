//! Telling what the stack does: events, and the tracer that every function of the path is handed.
//!
//! One concrete [`Tracer`] with a run-time switch, as `&mut`: when it is off, an event is not even built. Without
//! the crate's feature `trace` it is always off, and the compiler leaves out what would make events.

mod event;
mod function;
mod log;

pub use event::*;
pub use function::{Function, Layer};
pub use log::{Digest, EventLog};

use crate::skb::SkbId;
use crate::time::Instant;
use alloc::vec::Vec;

/// How many payload bytes a [`What::Copy`] event keeps at the most.
pub const COPY_SAMPLE: usize = 256;

/// Takes down events; hands out the numbers of skbs and frames.
///
/// It knows who is running and why: [`Tracer::begin`] is called at each input, [`Tracer::enter`] and
/// [`Tracer::exit`] around each kernel function, and [`Tracer::because`] where a value has a cause of its own.
#[derive(Clone, Debug)]
pub struct Tracer {
    on: bool,
    log: EventLog,
    /// The next event but for what it says and its function: when, where, because of what.
    next: Event,
    /// The function entered last, or who stands for none. Not in `next`: a wide load of what was just stored in part
    /// would wait for the store.
    function: Function,
    /// The functions entered and not yet left.
    calls: Vec<Function>,
    asleep: Option<Wait>,
    quiet: usize,
    next_skb: u32,
    next_frame: u32,
}

/// Where in the kernel a task sleeps: the function it waits in, and how many calls deep that is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wait {
    function: Option<Function>,
    depth: usize,
}

/// Where a tracer stands: enough for another to go on from the same place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// The number the next event gets.
    pub next_event: EventId,
    /// The offset the next bytes in the arena get.
    pub next_bytes: u32,
    next_skb: u32,
    next_frame: u32,
}

impl Default for Tracer {
    fn default() -> Tracer {
        Tracer::new(true)
    }
}

impl Tracer {
    /// A tracer at the beginning of a run.
    pub fn new(on: bool) -> Tracer {
        Tracer {
            on,
            log: EventLog::new(),
            next: Event {
                at: Instant::ZERO,
                because: EventId::NONE,
                function: outermost(Context::Task),
                host: HostId(0),
                context: Context::Task,
                what: What::Enter,
            },
            function: outermost(Context::Task),
            calls: Vec::new(),
            asleep: None,
            quiet: 0,
            next_skb: 1,
            next_frame: 1,
        }
    }

    /// A tracer that goes on where another stood: for replay from a keyframe.
    pub fn resume_at(position: Position) -> Tracer {
        Tracer {
            log: EventLog::starting_at(position.next_event, position.next_bytes),
            next_skb: position.next_skb,
            next_frame: position.next_frame,
            ..Tracer::new(true)
        }
    }

    /// Where it stands now.
    pub fn position(&self) -> Position {
        Position {
            next_event: self.log.next_id(),
            next_bytes: self.log.next_bytes(),
            next_skb: self.next_skb,
            next_frame: self.next_frame,
        }
    }

    /// Is it on?
    #[inline]
    pub fn is_on(&self) -> bool {
        cfg!(feature = "trace") && self.on
    }

    /// Switches it on or off.
    pub fn set_on(&mut self, on: bool) {
        self.on = on;
    }

    /// What was taken down so far.
    pub fn log(&self) -> &EventLog {
        &self.log
    }

    /// What was taken down so far, to cut it at its budget.
    pub fn log_mut(&mut self) -> &mut EventLog {
        &mut self.log
    }

    /// An input begins: `cause` is the event that led to it.
    pub fn begin(&mut self, at: Instant, host: HostId, context: Context, cause: EventId) {
        let function = outermost(context);
        self.next = Event { at, because: cause, function, host, context, what: What::Enter };
        self.function = function;
        self.calls.clear();
        self.asleep = None;
        self.quiet = 0;
    }

    /// The task sleeps in the function entered last: the functions it is in do not return until it wakes.
    pub fn fall_asleep(&mut self) {
        self.asleep = Some(Wait { function: self.calls.last().copied(), depth: self.calls.len() });
    }

    /// Where the task fell asleep, if it did. Asked once it is off the CPU: what follows is told again.
    pub fn take_sleep(&mut self) -> Option<Wait> {
        self.asleep.take()
    }

    /// The task wakes: the function it waited in returns, and the way down to it is not told a second time.
    pub fn wake_up(&mut self, wait: Wait) {
        if let Some(function) = wait.function {
            self.calls.push(function);
            self.function = function;
            self.exit();
        }
        self.quiet = wait.depth.saturating_sub(1);
    }

    /// Changes who is running (from a system call into a soft interrupt, say); returns who was.
    pub fn set_context(&mut self, context: Context) -> Context {
        if self.calls.is_empty() {
            self.function = outermost(context);
        }
        core::mem::replace(&mut self.next.context, context)
    }

    /// Changes the cause of what follows; returns the cause before.
    pub fn because(&mut self, cause: EventId) -> EventId {
        core::mem::replace(&mut self.next.because, cause)
    }

    /// The cause of what is being done.
    pub fn cause(&self) -> EventId {
        self.next.because
    }

    /// Takes down an event and gives its number; [`EventId::NONE`] when off.
    #[inline]
    pub fn emit(&mut self, what: impl FnOnce() -> What) -> EventId {
        if !self.is_on() {
            return EventId::NONE;
        }
        core::hint::cold_path();
        self.record(what())
    }

    /// As [`Tracer::emit`], for an event with bytes beside it.
    #[inline]
    pub fn emit_bytes(&mut self, bytes: &[u8], what: impl FnOnce(BytesRef) -> What) -> EventId {
        if !self.is_on() {
            return EventId::NONE;
        }
        core::hint::cold_path();
        let bytes = self.log.push_bytes(bytes);
        self.record(what(bytes))
    }

    /// A kernel function is entered.
    #[inline]
    pub fn enter(&mut self, function: Function) {
        if self.is_on() {
            core::hint::cold_path();
            self.record_enter(function);
        }
    }

    /// The kernel function entered last returns.
    #[inline]
    pub fn exit(&mut self) {
        if self.is_on() {
            core::hint::cold_path();
            self.record_exit();
        }
    }

    #[inline(never)]
    fn record_enter(&mut self, function: Function) {
        if self.calls.len() == self.calls.capacity() {
            return self.enter_deeper(function);
        }
        self.calls.push(function);
        self.function = function;
        if self.quiet == 0 {
            self.log.record(&self.next, self.function, What::Enter);
        } else {
            self.quiet -= 1;
        }
    }

    #[cold]
    #[inline(never)]
    fn enter_deeper(&mut self, function: Function) {
        self.calls.reserve(64);
        self.record_enter(function);
    }

    #[inline(never)]
    fn record_exit(&mut self) {
        if self.asleep.is_none() {
            self.log.record(&self.next, self.function, What::Exit);
        }
        self.calls.pop();
        self.function = self.calls.last().copied().unwrap_or(outermost(self.next.context));
    }

    #[inline(always)]
    fn record(&mut self, what: What) -> EventId {
        self.log.record(&self.next, self.function, what)
    }

    /// A number for a new skb.
    pub fn new_skb(&mut self) -> SkbId {
        let id = SkbId(self.next_skb);
        self.next_skb = self.next_skb.wrapping_add(1).max(1);
        id
    }

    /// A number for a new frame.
    pub fn new_frame(&mut self) -> FrameId {
        let id = FrameId(self.next_frame);
        self.next_frame = self.next_frame.wrapping_add(1).max(1);
        id
    }
}

/// Who acts when no kernel function is entered.
fn outermost(context: Context) -> Function {
    match context {
        Context::Task | Context::Syscall => Function::User,
        Context::Nic => Function::NicReceive,
        Context::Wire => Function::Link,
        _ => Function::NapiPoll,
    }
}
