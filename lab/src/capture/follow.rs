//! What the two ends of a TCP stream said: payload in order of its sequence numbers, each byte once.

use super::Packets;
use serde::{Deserialize, Serialize};
use stack::trace::Proto;
use std::collections::BTreeMap;

/// Bytes of a stream that are given at the most.
const MOST: usize = 256 << 10;

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Direction {
    /// As the stream's first packet.
    There,
    /// The other way.
    Back,
}

/// Bytes that one end said before the other said something.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Piece {
    /// Which way they went.
    pub direction: Direction,
    /// The packet, from 1, that brought the first of them.
    pub number: u32,
    /// Bytes before them that are missing from the list.
    pub missing: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A stream, read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Followed {
    /// The stream's number.
    pub stream: u32,
    /// Its two ends, `address:port`: the first packet's source, and its destination.
    pub ends: [String; 2],
    /// What was said, in the order of arrival.
    pub pieces: Vec<Piece>,
    /// Bytes left out at the end because there are too many.
    pub left_out: u64,
}

/// One direction, put in order.
#[derive(Default)]
struct Way {
    next: Option<u32>,
    /// Bytes that came too early, by sequence number.
    early: BTreeMap<u32, (u32, Vec<u8>)>,
}

/// Bytes in order, with the packet that brought them and what is missing before them.
type Ready = (u32, u64, Vec<u8>);

impl Way {
    fn take(&mut self, seq: u32, bytes: &[u8], number: u32, out: &mut Vec<Ready>) {
        let next = *self.next.get_or_insert(seq);
        let ahead = seq.wrapping_sub(next) as i32;
        if ahead > 0 {
            self.early.entry(seq).or_insert_with(|| (number, bytes.to_vec()));
            return;
        }
        let Some(new) = bytes.get(ahead.unsigned_abs() as usize..).filter(|new| !new.is_empty()) else { return };
        out.push((number, 0, new.to_vec()));
        self.next = Some(next.wrapping_add(new.len() as u32));
        self.release(0, out);
    }

    /// What came too early and fits now. With `missing`, the first of it fits although bytes are missing.
    fn release(&mut self, missing: u64, out: &mut Vec<Ready>) {
        let mut missing = missing;
        while let Some(next) = self.next {
            let nearest = self.early.keys().copied().min_by_key(|seq| seq.wrapping_sub(next) as i32);
            let Some(seq) = nearest.filter(|seq| missing > 0 || seq.wrapping_sub(next) as i32 <= 0) else { break };
            let Some((number, bytes)) = self.early.remove(&seq) else { break };
            let behind = (next.wrapping_sub(seq) as i32).max(0) as usize;
            if let Some(new) = bytes.get(behind..).filter(|new| !new.is_empty()) {
                self.next = Some(seq.max_wrapping(next).wrapping_add(new.len() as u32));
                out.push((number, std::mem::take(&mut missing), new.to_vec()));
            }
        }
    }

    /// The end of the list: whatever is missing does not come any more.
    fn finish(&mut self, out: &mut Vec<Ready>) {
        while let (Some(next), false) = (self.next, self.early.is_empty()) {
            let nearest = self.early.keys().map(|seq| seq.wrapping_sub(next) as i32).min().unwrap_or(0);
            self.next = Some(next.wrapping_add(nearest.max(0) as u32));
            let missing = u64::from(nearest.max(0) as u32);
            let before = out.len();
            self.release(0, out);
            if let Some(first) = out.get_mut(before) {
                first.1 = missing;
            }
        }
    }
}

trait Wrapping {
    /// The later of two sequence numbers.
    fn max_wrapping(self, other: Self) -> Self;
}

impl Wrapping for u32 {
    fn max_wrapping(self, other: u32) -> u32 {
        if (self.wrapping_sub(other) as i32) < 0 { other } else { self }
    }
}

pub(super) fn follow(packets: &Packets, stream: u32) -> Option<Followed> {
    let ends = packets.streams.ends(stream)?.map(|(address, port)| format!("{address}:{port}"));
    let mut ways = [Way::default(), Way::default()];
    let mut pieces: Vec<Piece> = Vec::new();
    let (mut total, mut left_out) = (0, 0);
    let mut say = |pieces: &mut Vec<Piece>, direction: Direction, ready: Vec<Ready>| {
        for (number, missing, bytes) in ready {
            if total >= MOST {
                left_out += bytes.len() as u64;
                continue;
            }
            total += bytes.len();
            match pieces.last_mut().filter(|last| last.direction == direction && missing == 0) {
                Some(last) => last.bytes.extend(bytes),
                None => pieces.push(Piece { direction, number, missing, bytes }),
            }
        }
    };
    for (index, _) in packets.rows.iter().enumerate().filter(|(_, row)| row.note.stream == stream) {
        let Some(view) = packets.get(index) else { continue };
        let Some(tcp) = view.part(Proto::Tcp).filter(|tcp| tcp.len() >= 20) else { continue };
        let seq = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
        let syn = tcp[13] & stack::wire::tcp::SYN != 0;
        let (way, direction) = if view.row.note.forward { (0, Direction::There) } else { (1, Direction::Back) };
        let first = seq.wrapping_add(u32::from(syn));
        if syn {
            ways[way].next = Some(first);
        }
        let Some(bytes) = view.part(Proto::Payload).filter(|bytes| !bytes.is_empty()) else { continue };
        let mut ready = Vec::new();
        ways[way].take(first, bytes, view.number, &mut ready);
        say(&mut pieces, direction, ready);
    }
    for (way, direction) in ways.iter_mut().zip([Direction::There, Direction::Back]) {
        let mut ready = Vec::new();
        way.finish(&mut ready);
        say(&mut pieces, direction, ready);
    }
    Some(Followed { stream, ends, pieces, left_out })
}
