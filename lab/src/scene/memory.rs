//! What is written in an skb's data area: coloured pieces, shared by all heads over it.

use super::types::Region;
use stack::trace::{EventId, Function, Proto};
use std::rc::Rc;

/// A stretch that one write filled.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) proto: Proto,
    pub(super) at: u32,
    pub(super) len: u32,
    /// Of a long payload only the beginning.
    pub(super) bytes: Rc<[u8]>,
    pub(super) before: Option<Rc<[u8]>>,
    pub(super) function: Function,
    pub(super) event: EventId,
}

impl Piece {
    fn end(&self) -> u32 {
        self.at.saturating_add(self.len)
    }

    /// The part of it in `[from, to)`.
    fn clip(&self, from: u32, to: u32) -> Option<Piece> {
        let (at, end) = (self.at.max(from), self.end().min(to));
        if at >= end {
            return None;
        }
        if at == self.at && end == self.end() {
            return Some(self.clone());
        }
        let cut = |b: &Rc<[u8]>| -> Rc<[u8]> {
            let start = ((at - self.at) as usize).min(b.len());
            let stop = ((end - self.at) as usize).min(b.len());
            b[start..stop].into()
        };
        let (bytes, before) = (cut(&self.bytes), self.before.as_ref().map(cut));
        Some(Piece { at, len: end - at, bytes, before, ..self.clone() })
    }

    pub(super) fn region(&self, with_bytes: bool) -> Region {
        Region {
            proto: self.proto,
            at: self.at,
            len: self.len,
            bytes: if with_bytes { self.bytes.to_vec() } else { Vec::new() },
            before: self.before.as_ref().map(|b| b.to_vec()),
            function: self.function,
            event: self.event,
        }
    }
}

/// A data area.
#[derive(Clone, Debug)]
pub(super) struct Area {
    pieces: Vec<Piece>,
    /// Heads over it.
    pub(super) references: u32,
}

impl Area {
    /// The area of one new skb.
    pub(super) fn new() -> Area {
        Area { pieces: Vec::new(), references: 1 }
    }

    /// Writes a piece over what was there.
    pub(super) fn write(&mut self, mut piece: Piece) {
        let same = |p: &&Piece| p.proto == piece.proto && p.at == piece.at && p.len == piece.len;
        piece.before = self.pieces.iter().find(same).map(|old| old.bytes.clone()).filter(|old| **old != *piece.bytes);
        let mut kept = Vec::with_capacity(self.pieces.len() + 1);
        for old in self.pieces.drain(..) {
            if old.end() <= piece.at || old.at >= piece.end() {
                kept.push(old);
                continue;
            }
            kept.extend(old.clip(0, piece.at));
            kept.extend(old.clip(piece.end(), u32::MAX));
        }
        let place = kept.iter().position(|p| p.at > piece.at).unwrap_or(kept.len());
        kept.insert(place, piece);
        self.pieces = kept;
    }

    /// The pieces before `tail`: what lies behind it is no longer part of the packet.
    pub(super) fn before_tail(&self, tail: u32) -> impl Iterator<Item = Piece> {
        self.pieces.iter().filter_map(move |p| p.clip(0, tail))
    }

    /// The pieces between `data` and `tail`: the packet as it stands.
    pub(super) fn between(&self, data: u32, tail: u32) -> impl Iterator<Item = Piece> {
        self.pieces.iter().filter_map(move |p| p.clip(data, tail))
    }
}
