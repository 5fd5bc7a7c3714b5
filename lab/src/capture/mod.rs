//! Lists of packets: those of a pcap or pcapng file, or those that went over the wires of a run.
//!
//! A list holds places, times and what must be known from the packets before (TCP streams, retransmissions);
//! a packet is taken apart only when its line or its bytes are asked for, so a list of a million stays small.
//! Reading never panics, whatever the file.

mod columns;
mod compare;
mod follow;
mod log;
mod read;
mod streams;
#[cfg(all(test, not(target_family = "wasm")))]
mod tests;

pub use columns::PacketLine;
pub use compare::{Compared, compare};
pub use follow::{Direction, Followed, Piece};
pub use read::{Broken, Opened};
pub use streams::{NO_STREAM, StreamLine};

use crate::dissect::{Part, split, split_ip, without_fcs};
use crate::scene::{FrameScene, Region, Scene};
use stack::trace::{EventId, FrameId, Function, HostId, Proto};
use streams::{Note, Streams};

/// What the bytes of a packet begin with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// An Ethernet header.
    Ethernet,
    /// So many bytes of another link header, then IP.
    Ip(u8),
    /// Something that is not taken apart.
    Unknown,
}

/// A packet of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    /// ns; of a file since 1970, of a run since its beginning.
    pub at_ns: u64,
    start: usize,
    len: u32,
    /// How long it was on the wire.
    pub original_len: u32,
    link: Link,
    /// The interface it was captured at: index into [`Packets::interfaces`].
    interface: u16,
    /// In a run: the event that sent it, and the frame.
    pub event: EventId,
    pub frame: FrameId,
    /// What its TCP stream says about it.
    pub note: Note,
}

/// A list of packets.
#[derive(Clone, Debug, Default)]
pub struct Packets {
    bytes: Vec<u8>,
    rows: Vec<Row>,
    interfaces: Vec<String>,
    streams: Streams,
}

/// A packet with everything that a filter or a line can ask of it.
#[derive(Clone, Debug)]
pub struct PacketView<'a> {
    pub(crate) row: &'a Row,
    /// Its number, from 1.
    pub number: u32,
    /// Its bytes, as far as they were captured.
    pub bytes: &'a [u8],
    /// ns since the first packet of the list.
    pub since_first_ns: u64,
    /// ns since the packet before.
    pub since_last_ns: u64,
    /// The interface's name; empty if there is none.
    pub interface: &'a str,
    /// The sequence numbers that count as 0 in its TCP stream: its own way, and the other.
    pub(crate) bases: [u32; 2],
    /// How far its window is shifted, if its stream's SYNs are known.
    pub(crate) scale: Option<u8>,
    parts: Vec<Part>,
}

impl PacketView<'_> {
    /// The bytes of its first header of this kind, or its payload.
    pub fn part(&self, proto: Proto) -> Option<&[u8]> {
        let part = self.parts.iter().find(|part| part.proto == proto)?;
        self.bytes.get(part.at..(part.at + part.len).min(self.bytes.len()))
    }

    /// How long a part is on the wire; the bytes may be cut.
    pub fn part_len(&self, proto: Proto) -> Option<usize> {
        self.parts.iter().find(|part| part.proto == proto).map(|part| part.len)
    }
}

impl Packets {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The names of the interfaces.
    pub fn interfaces(&self) -> &[String] {
        &self.interfaces
    }

    /// Looks at a packet, by its place from 0.
    pub fn get(&self, index: usize) -> Option<PacketView<'_>> {
        let row = self.rows.get(index)?;
        let bytes = self.bytes.get(row.start..row.start + row.len as usize)?;
        let first = self.rows.first().map_or(0, |row| row.at_ns);
        let before = index.checked_sub(1).map_or(row.at_ns, |at| self.rows[at].at_ns);
        Some(PacketView {
            row,
            number: index as u32 + 1,
            bytes,
            since_first_ns: row.at_ns.saturating_sub(first),
            since_last_ns: row.at_ns.saturating_sub(before),
            interface: self.interfaces.get(usize::from(row.interface)).map_or("", String::as_str),
            bases: self.streams.bases(&row.note).unwrap_or_default(),
            scale: self.streams.scale(&row.note),
            parts: parts(row, bytes),
        })
    }

    /// One line of the list.
    pub fn line(&self, index: usize) -> Option<PacketLine> {
        self.get(index).map(|view| columns::line(&view))
    }

    /// The TCP streams, in the order of their first packets.
    pub fn streams(&self) -> Vec<StreamLine> {
        self.streams.lines()
    }

    /// What the two ends of a TCP stream said, in order.
    pub fn follow(&self, stream: u32) -> Option<Followed> {
        follow::follow(self, stream)
    }

    /// The place of the packet that stands for a moment of a run: the last one sent at or before it.
    pub fn at_event(&self, event: EventId) -> Option<usize> {
        self.rows.partition_point(|row| row.event <= event).checked_sub(1)
    }

    /// A moment in which nothing exists but this packet, so that the panes for packets can show it.
    pub fn scene(&self, index: usize) -> Option<Scene> {
        let view = self.get(index)?;
        let region = |part: &Part| Region {
            proto: part.proto,
            at: part.at as u32,
            len: part.len as u32,
            bytes: view.bytes.get(part.at..(part.at + part.len).min(view.bytes.len())).unwrap_or(&[]).to_vec(),
            before: None,
            // Whoever wrote it is not known: no event did.
            function: Function::ALL[0],
            event: EventId::NONE,
        };
        let frame = FrameScene {
            id: FrameId(view.number),
            from: HostId(0),
            to: None,
            len: view.row.original_len,
            regions: view.parts.iter().map(region).collect(),
            sent_at_ns: view.since_first_ns,
            arrived: true,
            lost: None,
        };
        let line = columns::line(&view);
        Some(Scene {
            now_ns: view.since_first_ns,
            frames: vec![frame],
            caption: format!("{} {} → {} {}", line.protocol, line.source, line.destination, line.info),
            ..Scene::default()
        })
    }

    fn push(&mut self, bytes: &[u8], row: Row) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let mut row = Row { start, len: bytes.len() as u32, ..row };
        let parts = parts(&row, bytes);
        row.note = self.streams.take(self.rows.len() as u32, &row, bytes, &parts);
        self.rows.push(row);
    }
}

fn parts(row: &Row, bytes: &[u8]) -> Vec<Part> {
    let whole = bytes.len() == row.original_len as usize;
    match row.link {
        Link::Ethernet => {
            let len = if whole { without_fcs(bytes) } else { row.original_len as usize };
            let mut parts = split(bytes, len.max(bytes.len().min(len)));
            if len < bytes.len() {
                parts.push(Part { proto: Proto::Fcs, at: len, len: bytes.len() - len });
            }
            parts
        }
        Link::Ip(skip) => split_ip(bytes, usize::from(skip), row.original_len as usize),
        Link::Unknown => vec![Part { proto: Proto::Payload, at: 0, len: row.original_len as usize }],
    }
}
