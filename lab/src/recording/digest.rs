//! One number for a whole run: every event and every byte beside it, also those long forgotten.

use stack::trace::{BytesRef, Digest, EventId, EventLog};
use std::hash::{Hash, Hasher};

/// A digest that grows with the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RunDigest {
    events: Digest,
    bytes: Digest,
    next_event: EventId,
    next_bytes: u32,
}

impl Default for RunDigest {
    fn default() -> RunDigest {
        RunDigest { events: Digest::default(), bytes: Digest::default(), next_event: EventId(1), next_bytes: 1 }
    }
}

impl RunDigest {
    /// Takes in what the log has gained.
    pub(crate) fn update(&mut self, log: &EventLog) {
        log.digest_since(self.next_event, &mut self.events);
        self.next_event = log.next_id();
        while self.next_bytes < log.next_bytes() {
            let record = log.bytes(BytesRef(self.next_bytes));
            (record.len() as u16).hash(&mut self.bytes);
            self.bytes.write(record);
            self.next_bytes += 2 + record.len() as u32;
        }
    }

    /// The number.
    pub(crate) fn value(&self) -> u64 {
        let mut both = Digest::default();
        both.write_u64(self.events.finish());
        both.write_u64(self.bytes.finish());
        both.write_u32(self.next_event.0);
        both.finish()
    }
}
