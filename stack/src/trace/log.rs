//! The event log: events in order, their bytes in a side arena, and a digest over both.
//!
//! The oldest history goes first when the log is cut; numbers never change, so a reference to what is gone
//! is found to be gone.

use super::event::{BytesRef, Event, EventId};
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

/// Events and their bytes, from some event on.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EventLog {
    first: u32,
    events: Vec<Event>,
    first_byte: u32,
    arena: Vec<u8>,
}

impl Default for EventLog {
    fn default() -> EventLog {
        EventLog::new()
    }
}

impl EventLog {
    /// An empty log at the beginning of a run.
    pub fn new() -> EventLog {
        EventLog::starting_at(EventId(1), 1)
    }

    /// An empty log whose next event and next bytes get these numbers.
    pub fn starting_at(next_event: EventId, next_bytes: u32) -> EventLog {
        EventLog { first: next_event.0, events: Vec::new(), first_byte: next_bytes, arena: Vec::new() }
    }

    /// Adds an event; gives its number.
    pub fn push(&mut self, event: Event) -> EventId {
        let id = self.next_id();
        self.events.push(event);
        id
    }

    /// Adds bytes to the arena (65,535 at the most are kept).
    pub fn push_bytes(&mut self, bytes: &[u8]) -> BytesRef {
        let at = self.next_bytes();
        let len = bytes.len().min(usize::from(u16::MAX));
        self.arena.extend_from_slice(&(len as u16).to_be_bytes());
        self.arena.extend_from_slice(&bytes[..len]);
        BytesRef(at)
    }

    /// The number the next event gets.
    pub fn next_id(&self) -> EventId {
        EventId(self.first.wrapping_add(self.events.len() as u32))
    }

    /// The offset the next bytes get.
    pub fn next_bytes(&self) -> u32 {
        self.first_byte.wrapping_add(self.arena.len() as u32)
    }

    /// The number of the oldest event still kept.
    pub fn first_id(&self) -> EventId {
        EventId(self.first)
    }

    /// How many events are kept.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Is nothing kept?
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The event with this number, if it is kept.
    pub fn get(&self, id: EventId) -> Option<&Event> {
        self.events.get(id.0.checked_sub(self.first)? as usize)
    }

    /// The bytes an event refers to; empty if there are none or they are gone.
    pub fn bytes(&self, at: BytesRef) -> &[u8] {
        let read = || {
            let start = at.0.checked_sub(self.first_byte)? as usize;
            let head = self.arena.get(start..start + 2)?;
            let len = usize::from(u16::from_be_bytes([head[0], head[1]]));
            self.arena.get(start + 2..start + 2 + len)
        };
        if at.0 == 0 { &[] } else { read().unwrap_or(&[]) }
    }

    /// The events from `id` on, with their numbers.
    pub fn since(&self, id: EventId) -> impl Iterator<Item = (EventId, &Event)> {
        let skip = id.0.saturating_sub(self.first) as usize;
        let first = self.first;
        self.events.iter().enumerate().skip(skip).map(move |(i, e)| (EventId(first + i as u32), e))
    }

    /// Memory held, bytes.
    pub fn size_bytes(&self) -> usize {
        self.events.len() * core::mem::size_of::<Event>() + self.arena.len()
    }

    /// Adds another log that begins where this one ends.
    ///
    /// # Panics
    /// If it does not begin there.
    pub fn append(&mut self, other: &EventLog) {
        assert!(other.first == self.next_id().0 && other.first_byte == self.next_bytes(), "logs do not join");
        self.events.extend_from_slice(&other.events);
        self.arena.extend_from_slice(&other.arena);
    }

    /// Forgets all events before `id`; and their bytes, up to the first that a kept event has (`keep_bytes`).
    pub fn cut_before(&mut self, id: EventId, keep_bytes: u32) {
        let n = (id.0.saturating_sub(self.first) as usize).min(self.events.len());
        self.events.drain(..n);
        self.first += n as u32;
        let b = (keep_bytes.saturating_sub(self.first_byte) as usize).min(self.arena.len());
        self.arena.drain(..b);
        self.first_byte += b as u32;
    }

    /// Forgets all that comes after `id` and after the arena offset `next_bytes`.
    pub fn cut_after(&mut self, id: EventId, next_bytes: u32) {
        self.events.truncate((id.0 + 1).saturating_sub(self.first) as usize);
        self.arena.truncate(next_bytes.saturating_sub(self.first_byte) as usize);
    }

    /// Adds everything kept from `id` on to a digest.
    pub fn digest_since(&self, id: EventId, digest: &mut Digest) {
        for (_, event) in self.since(id) {
            event.hash(digest);
        }
    }

    /// Adds the arena to a digest.
    pub fn digest_bytes(&self, digest: &mut Digest) {
        digest.write(&self.arena);
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
