//! A full-duplex cable: each direction has a rate, a delay and its own bad luck.
//!
//! A frame occupies its direction for its own bits, the preamble and the gap between frames (IEEE 802.3
//! §4.2.3); the last bit arrives a delay later. Only then does the other end see the frame. A direction takes
//! no frame while another is on it: the wait goes back to the card's ring and, behind it, to the qdisc.

use crate::rng::{Chance, Rng};
use serde::{Deserialize, Serialize};
use stack::host::Frame;
use stack::time::Duration;

/// Preamble, start-of-frame delimiter and inter-packet gap, bytes.
pub const OVERHEAD_BYTES: u64 = 8 + 12;
/// A full frame of a 1500-byte MTU on the wire, bytes: the unit of reordering.
const FULL_FRAME_BYTES: u64 = 1518 + OVERHEAD_BYTES;

/// One direction of a wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// Bits a second; at least 1.
    pub rate_bps: u64,
    /// Propagation delay.
    pub delay: Duration,
    /// How often a frame is lost.
    pub loss: Chance,
    /// How often a second copy arrives.
    pub duplicate: Chance,
    /// How often a frame is held back behind later ones.
    pub reorder: Chance,
    /// How often one bit is flipped.
    pub corrupt: Chance,
}

impl Default for Line {
    fn default() -> Line {
        Line {
            rate_bps: 1_000_000_000,
            delay: Duration::from_micros(100),
            loss: Chance::NEVER,
            duplicate: Chance::NEVER,
            reorder: Chance::NEVER,
            corrupt: Chance::NEVER,
        }
    }
}

impl Line {
    /// How long `len` bytes of frame (FCS included) occupy the line.
    pub fn occupied_by(&self, len: usize) -> Duration {
        // A frame shorter than 64 bytes is a runt; the line still carries no shorter slot.
        self.bits(((len as u64).max(64) + OVERHEAD_BYTES) * 8)
    }

    fn bits(&self, bits: u64) -> Duration {
        let ns = (u128::from(bits) * 1_000_000_000).div_ceil(u128::from(self.rate_bps.max(1)));
        Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
    }
}

/// What the line does to one frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fate {
    /// It does not arrive.
    pub lost: bool,
    /// A second one arrives right behind it.
    pub duplicated: bool,
    /// It is held back by so much.
    pub held_back: Option<Duration>,
    /// This bit of it is flipped, counted from the first byte's lowest.
    pub flipped_bit: Option<u64>,
}

/// One direction at work.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineState {
    /// Its properties.
    pub line: Line,
    /// Is a frame on its way out?
    pub busy: bool,
    rng: Rng,
}

impl LineState {
    /// A quiet line; `stream` numbers it among all lines that draw from `seed`.
    pub fn new(line: Line, seed: u64, stream: u64) -> LineState {
        LineState { line, busy: false, rng: Rng::new(seed, stream) }
    }

    /// Draws what happens to a frame. As many numbers are drawn for a good line as for a bad one, so a
    /// change of one chance leaves the others' luck as it was.
    pub fn draw(&mut self, frame: &Frame) -> Fate {
        let Line { loss, duplicate, reorder, corrupt, delay, .. } = self.line;
        let lost = self.rng.happens(loss);
        let duplicated = self.rng.happens(duplicate);
        let reordered = self.rng.happens(reorder);
        let frames = 1 + self.rng.below(4) as u32;
        let corrupted = self.rng.happens(corrupt);
        let bit = self.rng.below(frame.bytes.len() as u64 * 8);
        Fate {
            lost,
            duplicated: duplicated && !lost,
            held_back: (reordered && !lost).then(|| self.line.bits(FULL_FRAME_BYTES * 8) * frames + delay / 2),
            flipped_bit: (corrupted && !lost && !frame.bytes.is_empty()).then_some(bit),
        }
    }
}

/// Which way along a wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Way {
    /// From the end named first to the other.
    There,
    /// Back.
    Back,
}

impl Way {
    /// The other way.
    pub fn opposite(self) -> Way {
        match self {
            Way::There => Way::Back,
            Way::Back => Way::There,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stack::trace::{EventId, FrameId};

    fn frame(len: usize) -> Frame {
        Frame { id: FrameId(1), bytes: vec![0; len], sent_by: EventId::NONE }
    }

    #[test]
    fn a_full_frame_takes_12_304_ns_at_a_gigabit() {
        assert_eq!(Line::default().occupied_by(1518), Duration::from_nanos(12_304));
    }

    #[test]
    fn a_slow_line_does_not_overflow() {
        let line = Line { rate_bps: 1, ..Line::default() };
        assert_eq!(line.occupied_by(64), Duration::from_secs(84 * 8));
    }

    #[test]
    fn same_seed_same_fates() {
        let line = Line {
            loss: Chance::percent(10),
            duplicate: Chance::percent(10),
            reorder: Chance::percent(10),
            corrupt: Chance::percent(10),
            ..Line::default()
        };
        let fates = |seed| {
            let mut state = LineState::new(line, seed, 0);
            (0..200).map(|_| state.draw(&frame(100))).collect::<Vec<_>>()
        };
        assert_eq!(fates(1), fates(1));
        assert_ne!(fates(1), fates(2));
        assert!(fates(1).iter().any(|f| f.held_back.is_some()) && fates(1).iter().any(|f| f.flipped_bit.is_some()));
    }

    #[test]
    fn more_loss_leaves_the_other_luck_alone() {
        let duplicates = |loss| {
            let line = Line { loss, duplicate: Chance::percent(20), ..Line::default() };
            let mut state = LineState::new(line, 3, 0);
            (0..100).map(|_| state.draw(&frame(64))).map(|f| f.lost || f.duplicated).collect::<Vec<_>>()
        };
        let (none, some) = (duplicates(Chance::NEVER), duplicates(Chance::percent(5)));
        assert!(none.iter().zip(&some).all(|(a, b)| !a || *b));
    }
}
