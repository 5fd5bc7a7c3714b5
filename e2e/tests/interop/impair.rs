//! A bad wire, from a seed.

use std::collections::BTreeMap;
use std::time::Duration;

/// What happens to frames, per mille.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) loss: u32,
    pub(crate) reorder: u32,
    pub(crate) duplicate: u32,
    pub(crate) corrupt: u32,
    pub(crate) seed: u64,
}

/// One direction of a wire.
#[derive(Debug)]
pub(crate) struct Wire {
    faults: Faults,
    state: u64,
    count: u64,
    waiting: BTreeMap<(u64, u64), Vec<u8>>,
}

impl Wire {
    pub(crate) fn new(faults: Faults, direction: u64) -> Wire {
        let state = faults.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ direction;
        Wire { faults, state, count: 0, waiting: BTreeMap::new() }
    }

    /// A number below 1000.
    fn dice(&mut self) -> u32 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.state >> 33) % 1000) as u32
    }

    /// A frame begins its way; what shall arrive at once comes back through [`Wire::due`] with the rest.
    pub(crate) fn carry(&mut self, now_ns: u64, mut frame: Vec<u8>) {
        let ipv4 = frame.len() > 14 && frame[12..14] == [8, 0];
        // ARP goes unharmed: what is tested is TCP.
        if !ipv4 {
            return self.enqueue(now_ns, frame);
        }
        if self.dice() < self.faults.loss {
            return;
        }
        if self.dice() < self.faults.corrupt {
            let at = 14 + self.dice() as usize * 7 % (frame.len() - 14);
            frame[at] ^= 1 << (self.dice() % 8);
        }
        let late = if self.dice() < self.faults.reorder { Duration::from_micros(800).as_nanos() as u64 } else { 0 };
        if self.dice() < self.faults.duplicate {
            self.enqueue(now_ns, frame.clone());
        }
        self.enqueue(now_ns + late, frame);
    }

    fn enqueue(&mut self, at: u64, frame: Vec<u8>) {
        self.count += 1;
        self.waiting.insert((at, self.count), frame);
    }

    /// The next frame that has arrived by now.
    pub(crate) fn due(&mut self, now_ns: u64) -> Option<Vec<u8>> {
        let entry = self.waiting.first_entry().filter(|e| e.key().0 <= now_ns)?;
        Some(entry.remove())
    }

    /// When the next frame arrives.
    pub(crate) fn next(&self) -> Option<u64> {
        self.waiting.keys().next().map(|(at, _)| *at)
    }
}
