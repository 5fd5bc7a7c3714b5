//! Which Ethernet address is behind which port.
//!
//! Linux: `net/bridge/br_fdb.c`. Addresses of clients are fixed while their port is open; the others are learned
//! from frames, age, and are bounded in number.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bridge_protocol::Mac;

use crate::port::PortId;

/// Learned addresses; more are flooded instead of learned.
const MAX_LEARNED: usize = 1024;
/// How long an address is remembered after its last frame, as in Linux.
const AGEING: Duration = Duration::from_secs(300);

struct Entry {
    port: PortId,
    /// `None`: fixed.
    seen: Option<Instant>,
}

#[derive(Default)]
pub(crate) struct MacTable {
    entries: HashMap<Mac, Entry>,
}

/// The address belongs to another port.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InUse;

impl MacTable {
    pub(crate) fn lookup(&self, mac: Mac, now: Instant) -> Option<PortId> {
        let entry = self.entries.get(&mac)?;
        fresh(entry, now).then_some(entry.port)
    }

    /// Notes that `mac` sent from `port`. Moves a learned address, never a fixed one.
    pub(crate) fn learn(&mut self, mac: Mac, port: PortId, now: Instant) -> Result<(), InUse> {
        if let Some(entry) = self.entries.get_mut(&mac) {
            return match entry.seen {
                None if entry.port == port => Ok(()),
                None => Err(InUse),
                Some(_) => {
                    *entry = Entry { port, seen: Some(now) };
                    Ok(())
                }
            };
        }
        if self.entries.len() >= MAX_LEARNED {
            self.entries.retain(|_, entry| fresh(entry, now));
        }
        if self.entries.len() < MAX_LEARNED {
            let seen = Some(now);
            self.entries.insert(mac, Entry { port, seen });
        }
        Ok(())
    }

    /// Makes `mac` the address of `port` until [`MacTable::forget`].
    pub(crate) fn fix(&mut self, mac: Mac, port: PortId, now: Instant) -> Result<(), InUse> {
        match self.lookup(mac, now) {
            Some(owner) if owner != port => Err(InUse),
            _ => {
                self.entries.insert(mac, Entry { port, seen: None });
                Ok(())
            }
        }
    }

    /// Forgets all addresses of `port`.
    pub(crate) fn forget(&mut self, port: PortId) {
        self.entries.retain(|_, entry| entry.port != port);
    }
}

fn fresh(entry: &Entry, now: Instant) -> bool {
    entry.seen.is_none_or(|seen| now.saturating_duration_since(seen) < AGEING)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: PortId = PortId(1);
    const B: PortId = PortId(2);

    fn mac(n: u32) -> Mac {
        let [a, b, c, d] = n.to_be_bytes();
        Mac([2, 0, a, b, c, d])
    }

    #[test]
    fn a_learned_address_moves_and_ages() {
        let start = Instant::now();
        let mut table = MacTable::default();
        table.learn(mac(1), A, start).unwrap();
        table.learn(mac(1), B, start).unwrap();
        assert_eq!(table.lookup(mac(1), start), Some(B));
        assert_eq!(table.lookup(mac(1), start + AGEING), None);
        assert_eq!(table.fix(mac(1), A, start), Err(InUse));
        assert_eq!(table.fix(mac(1), A, start + AGEING), Ok(()));
    }

    #[test]
    fn a_fixed_address_neither_moves_nor_ages() {
        let start = Instant::now();
        let mut table = MacTable::default();
        table.fix(mac(1), A, start).unwrap();
        assert_eq!(table.learn(mac(1), B, start), Err(InUse));
        assert_eq!(table.lookup(mac(1), start + 10 * AGEING), Some(A));
        table.forget(A);
        assert_eq!(table.lookup(mac(1), start), None);
    }

    #[test]
    fn the_table_is_bounded_and_old_entries_make_room() {
        let start = Instant::now();
        let mut table = MacTable::default();
        for n in 0..5000 {
            table.learn(mac(n), A, start).unwrap();
        }
        assert_eq!(table.entries.len(), MAX_LEARNED);
        assert_eq!(table.lookup(mac(4999), start), None);
        table.learn(mac(4999), A, start + AGEING).unwrap();
        assert_eq!(table.lookup(mac(4999), start + AGEING), Some(A));
        assert_eq!(table.entries.len(), 1);
    }
}
