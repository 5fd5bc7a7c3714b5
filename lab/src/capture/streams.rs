//! TCP streams, as Wireshark counts them, and what the packets before tell about a packet.

use super::Row;
use crate::dissect::Part;
use serde::{Deserialize, Serialize};
use stack::trace::Proto;
use stack::wire::tcp::{ACK, FIN, RST, SYN};
use std::collections::HashMap;
use std::net::Ipv4Addr;

/// The stream of a packet that has none.
pub const NO_STREAM: u32 = u32::MAX;

/// What the packets before tell about a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Note {
    /// Its TCP stream.
    pub stream: u32,
    /// It goes the way of the stream's first packet.
    pub forward: bool,
    /// Its bytes were sent before.
    pub again: bool,
    /// Bytes before it are missing from the list.
    pub gap: bool,
    /// It repeats an acknowledgment, and nothing else.
    pub same_ack: bool,
}

impl Default for Note {
    fn default() -> Note {
        Note { stream: NO_STREAM, forward: true, again: false, gap: false, same_ack: false }
    }
}

/// One stream in the list of streams.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StreamLine {
    /// Its number, from 0.
    pub stream: u32,
    /// Who sent its first packet, `address:port`.
    pub from: String,
    /// To whom.
    pub to: String,
    /// Packets of it.
    pub packets: u32,
    /// Payload bytes, there and back, each byte counted once.
    pub bytes: [u64; 2],
    /// Packets whose bytes were sent before.
    pub again: u32,
    /// The list holds its SYN.
    pub from_the_beginning: bool,
    /// The place of its first packet, from 0.
    pub first: u32,
}

type End = (Ipv4Addr, u16);

/// One direction of a stream.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// The sequence number that counts as 0, once known.
    base: Option<u32>,
    /// The next sequence number, the highest so far.
    next: u32,
    /// Window scale of its SYN.
    scale: Option<u8>,
    bytes: u64,
}

/// One direction as it was seen at one interface: a packet that passes two of them is not sent twice.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    next: Option<u32>,
    ack: u32,
    window: u16,
}

#[derive(Clone, Debug)]
struct Stream {
    ends: [End; 2],
    ways: [Way; 2],
    seen: Vec<(u16, [Seen; 2])>,
    packets: u32,
    again: u32,
    first: u32,
    syn: Option<u32>,
    closed: bool,
}

/// All streams of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams {
    streams: Vec<Stream>,
    /// The newest stream between two ends, the smaller end first.
    newest: HashMap<[End; 2], u32>,
}

impl Streams {
    /// Takes the next packet in.
    pub(super) fn take(&mut self, number: u32, row: &Row, bytes: &[u8], parts: &[Part]) -> Note {
        let Some(segment) = Segment::of(row, bytes, parts) else { return Note::default() };
        let mut key = segment.ends;
        key.sort();
        let opens = segment.has(SYN) && !segment.has(ACK);
        let known = self.newest.get(&key).copied().filter(|stream| {
            let stream = &self.streams[*stream as usize];
            // The same two ends again, with another first number: another connection.
            !(opens && (stream.closed || stream.syn.is_some_and(|seq| seq != segment.seq)))
        });
        let stream = known.unwrap_or_else(|| {
            let (ways, syn) = ([Way::default(); 2], opens.then_some(segment.seq));
            self.streams.push(Stream {
                ends: segment.ends,
                ways,
                seen: Vec::new(),
                packets: 0,
                again: 0,
                first: number,
                syn,
                closed: false,
            });
            let stream = self.streams.len() as u32 - 1;
            self.newest.insert(key, stream);
            stream
        });
        self.streams[stream as usize].take(stream, &segment)
    }

    /// The numbers that count as 0 there, and back.
    pub(super) fn bases(&self, note: &Note) -> Option<[u32; 2]> {
        let stream = self.streams.get(note.stream as usize)?;
        let (there, back) = if note.forward { (0, 1) } else { (1, 0) };
        // Whose first number is not known yet: the raw one.
        Some([stream.ways[there].base.unwrap_or(0), stream.ways[back].base.unwrap_or(0)])
    }

    /// How far the window of a packet is shifted; `None` if its stream's SYN is not in the list.
    pub(super) fn scale(&self, note: &Note) -> Option<u8> {
        let stream = self.streams.get(note.stream as usize)?;
        let way = usize::from(!note.forward);
        // A scale counts only if both ends offer one.
        stream.ways[way].scale.filter(|_| stream.ways[1 - way].scale.is_some())
    }

    pub(super) fn lines(&self) -> Vec<StreamLine> {
        let line = |(number, stream): (usize, &Stream)| StreamLine {
            stream: number as u32,
            from: format!("{}:{}", stream.ends[0].0, stream.ends[0].1),
            to: format!("{}:{}", stream.ends[1].0, stream.ends[1].1),
            packets: stream.packets,
            bytes: [stream.ways[0].bytes, stream.ways[1].bytes],
            again: stream.again,
            from_the_beginning: stream.syn.is_some(),
            first: stream.first,
        };
        self.streams.iter().enumerate().map(line).collect()
    }

    pub(super) fn ends(&self, stream: u32) -> Option<[End; 2]> {
        self.streams.get(stream as usize).map(|stream| stream.ends)
    }
}

impl Stream {
    fn take(&mut self, number: u32, segment: &Segment) -> Note {
        self.packets += 1;
        let forward = segment.ends == self.ends;
        let (there, back) = if forward { (0, 1) } else { (1, 0) };
        let mut note = Note { stream: number, forward, ..Note::default() };
        let span = segment.len + u32::from(segment.has(SYN)) + u32::from(segment.has(FIN));
        let end = segment.seq.wrapping_add(span);
        let way = &mut self.ways[there];
        if way.base.is_none() {
            // As Wireshark does: the first byte of a stream without SYN is number 1.
            way.base = Some(segment.seq.wrapping_sub(u32::from(!segment.has(SYN))));
            way.next = segment.seq;
        }
        self.see(segment, (there, back), (span, end), &mut note);
        let way = &mut self.ways[there];
        if segment.has(SYN) {
            way.scale = segment.scale;
        }
        let new = end.wrapping_sub(way.next) as i32;
        if new > 0 {
            way.bytes += u64::from(segment.len.min(new as u32));
            way.next = end;
        }
        if segment.has(ACK) {
            // The other way's first number follows from what is acknowledged, if it was never seen.
            let back = &mut self.ways[back];
            if back.base.is_none() {
                (back.base, back.next) = (Some(segment.ack.wrapping_sub(1)), segment.ack);
            }
        }
        self.again += u32::from(note.again);
        self.closed |= segment.has(RST | FIN);
        note
    }

    /// What the packets before it at the same interface tell.
    fn see(&mut self, segment: &Segment, (there, back): (usize, usize), (span, end): (u32, u32), note: &mut Note) {
        let at = self.seen.iter().position(|(interface, _)| *interface == segment.interface).unwrap_or_else(|| {
            self.seen.push((segment.interface, [Seen::default(); 2]));
            self.seen.len() - 1
        });
        let seen = &mut self.seen[at].1;
        let waits = seen[back].next.is_some_and(|next| next != segment.ack);
        let way = &mut seen[there];
        let plain = span == 0 && segment.has(ACK) && !segment.has(RST);
        note.same_ack = plain && waits && (segment.ack, segment.window) == (way.ack, way.window);
        if segment.has(ACK) {
            (way.ack, way.window) = (segment.ack, segment.window);
        }
        let Some(next) = way.next else {
            way.next = Some(end);
            return;
        };
        let ahead = segment.seq.wrapping_sub(next) as i32;
        // One byte just below the next: a keep-alive probe.
        let probe = segment.len == 1 && ahead == -1;
        note.gap = ahead > 0 && span > 0;
        note.again = span > 0 && end.wrapping_sub(next) as i32 <= 0 && !probe;
        if end.wrapping_sub(next) as i32 > 0 {
            way.next = Some(end);
        }
    }
}

/// What of a TCP segment counts here.
struct Segment {
    interface: u16,
    ends: [End; 2],
    seq: u32,
    ack: u32,
    flags: u8,
    window: u16,
    scale: Option<u8>,
    len: u32,
}

impl Segment {
    fn of(row: &Row, bytes: &[u8], parts: &[Part]) -> Option<Segment> {
        let find = |proto: Proto| parts.iter().find(|part| part.proto == proto);
        let at = |part: &Part| bytes.get(part.at..(part.at + part.len).min(bytes.len()));
        let (ip, tcp) = (at(find(Proto::Ipv4)?)?, at(find(Proto::Tcp)?)?);
        let b4 = |b: &[u8], at: usize| b.get(at..at + 4).and_then(|b| b.first_chunk()).map(|b| u32::from_be_bytes(*b));
        let b2 = |b: &[u8], at: usize| b.get(at..at + 2).and_then(|b| b.first_chunk()).map(|b| u16::from_be_bytes(*b));
        let parsed = stack::wire::tcp::TcpRepr::parse(tcp).ok();
        Some(Segment {
            interface: row.interface,
            ends: [(b4(ip, 12)?.into(), b2(tcp, 0)?), (b4(ip, 16)?.into(), b2(tcp, 2)?)],
            seq: b4(tcp, 4)?,
            ack: b4(tcp, 8)?,
            flags: *tcp.get(13)?,
            window: b2(tcp, 14)?,
            scale: parsed.and_then(|tcp| tcp.options.wscale),
            len: find(Proto::Payload).map_or(0, |part| part.len as u32),
        })
    }

    fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }
}
