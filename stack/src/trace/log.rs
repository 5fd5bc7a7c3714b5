//! The event log: events in order, their bytes in a side arena, and a digest over both.
//!
//! Events lie in blocks, so that the log grows and is cut without moving them. The oldest history goes first when the
//! log is cut; numbers never change, so a reference to what is gone is found to be gone.

use super::event::{BytesRef, Context, Event, EventId, HostId, What};
use super::function::Function;
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

/// Events of a block.
const BLOCK: usize = 512;
/// How many blocks are kept for reuse, 4 MB: what a log of 24 MB loses at a time when it is cut.
const SPARE_BLOCKS: usize = 256;
type Block = Box<[Event; BLOCK]>;

/// Events and their bytes, from some event on.
#[derive(Clone, Debug)]
pub struct EventLog {
    /// Number of the oldest event kept.
    first: u32,
    /// Number the next event gets.
    next: u32,
    /// Number of the first event in the oldest block: not always kept.
    base: u32,
    /// Full blocks, oldest first; and the one that is being filled.
    full: VecDeque<Block>,
    open: Block,
    /// Blocks of what was cut, for the next to be filled.
    spare: Vec<Block>,
    /// Offset of the oldest byte kept.
    first_byte: u32,
    /// The bytes; `gone` of them, at the front, are not kept any more.
    arena: Vec<u8>,
    gone: usize,
}

impl Default for EventLog {
    fn default() -> EventLog {
        EventLog::new()
    }
}

/// What an empty place in a block holds.
const NO_EVENT: Event = Event {
    at: Instant::ZERO,
    because: EventId::NONE,
    function: Function::User,
    host: HostId(0),
    context: Context::Task,
    what: What::Enter,
};

impl EventLog {
    /// An empty log at the beginning of a run.
    pub fn new() -> EventLog {
        EventLog::starting_at(EventId(1), 1)
    }

    /// An empty log whose next event and next bytes get these numbers.
    pub fn starting_at(EventId(next): EventId, next_bytes: u32) -> EventLog {
        EventLog {
            first: next,
            next,
            base: next,
            full: VecDeque::new(),
            open: Box::new([NO_EVENT; BLOCK]),
            spare: Vec::new(),
            first_byte: next_bytes,
            arena: Vec::new(),
            gone: 0,
        }
    }

    /// Adds an event; gives its number.
    pub fn push(&mut self, event: Event) -> EventId {
        self.record(&event, event.function, event.what)
    }

    /// Adds an event that is like `event` but of `function`, and says `what`; gives its number.
    #[inline(always)]
    pub(super) fn record(&mut self, event: &Event, function: Function, what: What) -> EventId {
        let id = self.next;
        let at = id.wrapping_sub(self.base) as usize % BLOCK;
        // Two wide stores, and what is different over them: nothing is put together elsewhere first.
        let slot = &mut self.open[at];
        *slot = *event;
        (slot.function, slot.what) = (function, what);
        self.next = id.wrapping_add(1);
        if at == BLOCK - 1 {
            self.open_block();
        }
        EventId(id)
    }

    #[cold]
    #[inline(never)]
    fn open_block(&mut self) {
        let block = self.spare.pop().unwrap_or_else(|| Box::new([NO_EVENT; BLOCK]));
        self.full.push_back(core::mem::replace(&mut self.open, block));
    }

    /// Adds bytes to the arena (65,535 at the most are kept).
    pub fn push_bytes(&mut self, bytes: &[u8]) -> BytesRef {
        let at = self.next_bytes();
        let len = bytes.len().min(usize::from(u16::MAX));
        self.arena.reserve(2 + len);
        self.arena.extend_from_slice(&(len as u16).to_be_bytes());
        self.arena.extend_from_slice(&bytes[..len]);
        BytesRef(at)
    }

    /// The number the next event gets.
    pub fn next_id(&self) -> EventId {
        EventId(self.next)
    }

    /// The offset the next bytes get.
    pub fn next_bytes(&self) -> u32 {
        self.first_byte.wrapping_add(self.kept_bytes().len() as u32)
    }

    fn kept_bytes(&self) -> &[u8] {
        &self.arena[self.gone..]
    }

    /// The number of the oldest event still kept.
    pub fn first_id(&self) -> EventId {
        EventId(self.first)
    }

    /// How many events are kept.
    pub fn len(&self) -> usize {
        self.next.wrapping_sub(self.first) as usize
    }

    /// Is nothing kept?
    pub fn is_empty(&self) -> bool {
        self.next == self.first
    }

    /// The event with this number, if it is kept.
    pub fn get(&self, id: EventId) -> Option<&Event> {
        let kept = (id.0.checked_sub(self.first)? as usize) < self.len();
        kept.then(|| self.at(id.0))
    }

    /// The event of this number, which is kept.
    fn at(&self, number: u32) -> &Event {
        let at = number.wrapping_sub(self.base) as usize;
        let block = self.full.get(at / BLOCK).unwrap_or(&self.open);
        &block[at % BLOCK]
    }

    /// The bytes an event refers to; empty if there are none or they are gone.
    pub fn bytes(&self, at: BytesRef) -> &[u8] {
        let read = || {
            let start = at.0.checked_sub(self.first_byte)? as usize;
            let kept = self.kept_bytes();
            let head = kept.get(start..start + 2)?;
            let len = usize::from(u16::from_be_bytes([head[0], head[1]]));
            kept.get(start + 2..start + 2 + len)
        };
        if at.0 == 0 { &[] } else { read().unwrap_or(&[]) }
    }

    /// The events from `id` on, with their numbers.
    pub fn since(&self, id: EventId) -> impl Iterator<Item = (EventId, &Event)> {
        (id.0.max(self.first)..self.next).map(|number| (EventId(number), self.at(number)))
    }

    /// Memory held, bytes.
    pub fn size_bytes(&self) -> usize {
        self.len() * core::mem::size_of::<Event>() + self.kept_bytes().len()
    }

    /// Adds another log that begins where this one ends.
    ///
    /// # Panics
    /// If it does not begin there.
    pub fn append(&mut self, other: &EventLog) {
        assert!(other.first == self.next_id().0 && other.first_byte == self.next_bytes(), "logs do not join");
        for (_, event) in other.since(EventId(other.first)) {
            self.push(*event);
        }
        self.arena.extend_from_slice(other.kept_bytes());
    }

    /// Forgets all events before `id`; and their bytes, up to the first that a kept event has (`keep_bytes`).
    pub fn cut_before(&mut self, id: EventId, keep_bytes: u32) {
        self.first = id.0.clamp(self.first, self.next);
        while (self.first.wrapping_sub(self.base) as usize) >= BLOCK {
            // What is kept begins behind the oldest block.
            self.spare.extend(self.full.pop_front().filter(|_| self.spare.len() < SPARE_BLOCKS));
            self.base = self.base.wrapping_add(BLOCK as u32);
        }
        let b = (keep_bytes.saturating_sub(self.first_byte) as usize).min(self.kept_bytes().len());
        self.first_byte += b as u32;
        self.gone += b;
        // Moving what is kept costs less than what was put in since it was last moved.
        if self.gone > self.arena.len() / 2 {
            self.arena.drain(..self.gone);
            self.gone = 0;
        }
    }

    /// Forgets all that comes after `id` and after the arena offset `next_bytes`.
    pub fn cut_after(&mut self, id: EventId, next_bytes: u32) {
        self.next = id.0.saturating_add(1).clamp(self.first, self.next);
        let blocks = self.next.wrapping_sub(self.base) as usize / BLOCK;
        if let Some(open) = self.full.drain(blocks.min(self.full.len())..).next() {
            self.open = open;
        }
        self.arena.truncate(self.gone + next_bytes.saturating_sub(self.first_byte) as usize);
    }

    /// Adds everything kept from `id` on to a digest.
    pub fn digest_since(&self, id: EventId, digest: &mut Digest) {
        for (_, event) in self.since(id) {
            event.hash(digest);
        }
    }

    /// Adds the arena to a digest.
    pub fn digest_bytes(&self, digest: &mut Digest) {
        digest.write(self.kept_bytes());
    }
}

/// A 64-bit FNV-1a hash whose value is the same on every target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Digest {
        Digest(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Digest {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = (self.0 ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    // A derived `Hash` writes enum tags as `isize`, whose width and order differ between targets.
    fn write_isize(&mut self, i: isize) {
        self.write(&(i as i64).to_le_bytes());
    }

    fn write_usize(&mut self, i: usize) {
        self.write(&(i as u64).to_le_bytes());
    }

    fn write_u16(&mut self, i: u16) {
        self.write(&i.to_le_bytes());
    }

    fn write_u32(&mut self, i: u32) {
        self.write(&i.to_le_bytes());
    }

    fn write_u64(&mut self, i: u64) {
        self.write(&i.to_le_bytes());
    }

    fn write_i32(&mut self, i: i32) {
        self.write(&i.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(number: u32) -> Event {
        Event { because: EventId(number), ..NO_EVENT }
    }

    proptest! {
        #[test]
        fn a_log_holds_what_was_added_and_not_cut(
            start in prop_oneof![Just(1_u32), 1..5000_u32],
            steps in prop::collection::vec((0..3_u8, 0..1500_u32), 1..40),
        ) {
            let mut log = EventLog::starting_at(EventId(start), start * 6);
            let (mut first, mut next) = (start, start);
            for (kind, n) in steps {
                match kind {
                    0 => {
                        for _ in 0..n {
                            prop_assert_eq!(log.push(event(next)), EventId(next));
                            let at = log.push_bytes(&next.to_be_bytes());
                            prop_assert_eq!(at, BytesRef(next * 6));
                            next += 1;
                        }
                    }
                    1 => {
                        let at = (first + n / 3).min(next);
                        log.cut_before(EventId(at), at * 6);
                        first = at;
                    }
                    _ => {
                        let at = next.saturating_sub(n / 3).max(first);
                        log.cut_after(EventId(at.saturating_sub(1)), at * 6);
                        next = at;
                    }
                }
                prop_assert_eq!((log.first_id(), log.next_id()), (EventId(first), EventId(next)));
                prop_assert_eq!((log.len(), log.is_empty()), ((next - first) as usize, next == first));
                prop_assert!(log.since(EventId(0)).map(|(id, e)| (id.0, e.because.0)).eq((first..next).map(|i| (i, i))));
                for at in [first.wrapping_sub(1), first, (first + next) / 2, next.wrapping_sub(1), next] {
                    let kept = (first..next).contains(&at).then(|| at.to_be_bytes());
                    prop_assert_eq!(log.bytes(BytesRef(at.wrapping_mul(6))), kept.as_ref().map_or(&[][..], |k| &k[..]));
                }
                prop_assert_eq!(log.size_bytes(), (next - first) as usize * 38);
                prop_assert_eq!(log.get(EventId(next)), None);
                prop_assert_eq!(log.get(EventId(first.wrapping_sub(1))), None);
            }
        }
    }
}
