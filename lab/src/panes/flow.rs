//! Frames and their ways along the lines, from the events of cards, wires and switches.

use crate::dissect::{split, without_fcs};
use crate::scene::SceneConfig;
use serde::{Deserialize, Serialize};
use stack::skb::{DropReason, SkbId};
use stack::trace::{EventId, EventLog, FrameId, FrameOp, HostId, Proto, What};
use stack::wire::tcp::{FIN, SYN, TcpRepr};
use std::collections::BTreeMap;

/// A host or a switch; [`Node::OUTSIDE`] is whatever is beyond the lab.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Node(pub u8);

impl Node {
    /// Beyond the lab: the real network, or the script that plays it.
    pub const OUTSIDE: Node = Node(u8::MAX);
}

impl From<HostId> for Node {
    fn from(host: HostId) -> Node {
        Node(host.0)
    }
}

/// Source and destination of a segment: address and port.
pub type Ends = [(u32, u16); 2];

/// One TCP segment as its header has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Source and destination, address and port.
    pub ends: Ends,
    /// The flag bits.
    pub flags: u8,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// Window as in the header.
    pub window: u16,
    /// Payload bytes.
    pub len: u32,
    /// Window scale, in a SYN.
    pub wscale: Option<u8>,
    /// SACK blocks.
    pub sacks: Vec<(u32, u32)>,
    /// Some of these bytes were sent before.
    pub again: bool,
}

impl Segment {
    /// Sequence numbers it takes: its bytes, and one each for SYN and FIN.
    pub fn span(&self) -> u32 {
        self.len + u32::from(self.flags & SYN != 0) + u32::from(self.flags & FIN != 0)
    }
}

/// A frame.
#[derive(Clone, PartialEq, Debug)]
pub struct Packet {
    /// Its number.
    pub frame: FrameId,
    /// The skb it was in, on the host that sent it; none if it came from outside.
    pub skb: SkbId,
    /// Bytes on the wire.
    pub len: u32,
    /// The outermost protocol that a reader cares for.
    pub proto: Proto,
    /// One line about it, if it is not TCP.
    pub summary: String,
    /// Its TCP header.
    pub segment: Option<Segment>,
}

/// A frame's way along one line.
#[derive(Clone, PartialEq, Debug)]
pub struct Leg {
    /// Which of [`Flow::packets`].
    pub packet: usize,
    /// Where it begins.
    pub from: Node,
    /// Where it leads.
    pub to: Node,
    /// The event that put it there.
    pub sent: EventId,
    /// The first bit leaves, ns.
    pub sent_ns: u64,
    /// The last bit leaves, ns.
    pub out_ns: u64,
    /// The event of its arrival or loss; `NONE` while it is under way.
    pub end: EventId,
    /// When that was: the last bit arrives, ns.
    pub end_ns: u64,
    /// Lost, or refused where it arrived.
    pub lost: Option<DropReason>,
    /// The wire made it: a second copy.
    pub copy: bool,
}

/// All of them, in the order in which they were sent.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Flow {
    /// Frames.
    pub packets: Vec<Packet>,
    /// Their ways.
    pub legs: Vec<Leg>,
    /// For each connection and direction: initial sequence number and window scale.
    pub firsts: BTreeMap<Ends, (u32, Option<u8>)>,
}

impl Flow {
    /// Reads the log.
    pub fn read(log: &EventLog, config: &SceneConfig) -> Flow {
        let mut reader = Reader {
            config,
            flow: Flow::default(),
            known: BTreeMap::new(),
            open: BTreeMap::new(),
            highest: BTreeMap::new(),
            last: BTreeMap::new(),
        };
        for (id, event) in log.since(log.first_id()) {
            let at = event.at.as_nanos();
            match event.what {
                What::FrameBytes { frame, skb, bytes } => reader.bytes(frame, skb, log.bytes(bytes)),
                What::Frame { op, port, frame, len, .. } => {
                    reader.frame((id, at), (event.host, port), event.because, (op, frame, len))
                }
                What::FrameDrop { frame, reason } => reader.refused((id, at), event.host, frame, reason),
                _ => {}
            }
        }
        reader.flow
    }

    /// The number relative to the connection's first, if that was seen.
    pub fn relative(&self, ends: Ends, seq: u32) -> u32 {
        self.firsts.get(&ends).map_or(seq, |(first, _)| seq.wrapping_sub(*first))
    }

    /// The window in bytes, if it can be known.
    pub fn window(&self, segment: &Segment) -> u32 {
        let (ours, theirs) = (self.firsts.get(&segment.ends), self.firsts.get(&reverse(segment.ends)));
        let scaled = segment.flags & SYN == 0 && theirs.is_none_or(|(_, shift)| shift.is_some());
        let shift = ours.and_then(|(_, shift)| *shift).filter(|_| scaled).unwrap_or(0);
        u32::from(segment.window) << shift.min(14)
    }
}

/// The other direction.
pub fn reverse([a, b]: Ends) -> Ends {
    [b, a]
}

struct Reader<'a> {
    config: &'a SceneConfig,
    flow: Flow,
    /// The packet of each frame.
    known: BTreeMap<FrameId, usize>,
    /// The legs of a frame that have not ended.
    open: BTreeMap<FrameId, Vec<usize>>,
    /// The highest sequence number sent in each direction.
    highest: BTreeMap<Ends, u32>,
    /// The last event about each frame: a copy names it as its cause.
    last: BTreeMap<EventId, FrameId>,
}

impl Reader<'_> {
    fn bytes(&mut self, frame: FrameId, skb: SkbId, bytes: &[u8]) {
        let mut packet = parse(frame, skb, bytes);
        if let Some(segment) = &mut packet.segment {
            if segment.flags & SYN != 0 {
                self.flow.firsts.insert(segment.ends, (segment.seq, segment.wscale));
            }
            let end = segment.seq.wrapping_add(segment.span());
            let high = self.highest.entry(segment.ends).or_insert(segment.seq);
            segment.again = segment.span() > 0 && (segment.seq.wrapping_sub(*high) as i32) < 0;
            if (end.wrapping_sub(*high) as i32) > 0 {
                *high = end;
            }
        }
        self.known.insert(frame, self.flow.packets.len());
        self.flow.packets.push(packet);
    }

    fn frame(
        &mut self,
        (id, at): (EventId, u64),
        (host, port): (HostId, u16),
        because: EventId,
        (op, frame, len): (FrameOp, FrameId, u32),
    ) {
        let place = (host, port);
        match op {
            FrameOp::Transmit => {
                let Some(packet) = self.known.get(&frame).copied() else { return };
                self.begin(packet, place, (id, at), (at, len), false);
            }
            FrameOp::Duplicated => {
                let original = self.last.get(&because).and_then(|frame| self.known.get(frame)).copied();
                if let Some(packet) = original {
                    let copy = Packet { frame, ..self.flow.packets[packet].clone() };
                    self.known.insert(frame, self.flow.packets.len());
                    self.flow.packets.push(copy);
                    // It follows the original, whose bits occupy the line first.
                    let first = self.config.line(host, port).map_or(at, |line| at + line.occupied_ns(len));
                    self.begin(self.flow.packets.len() - 1, place, (id, at), (first, len), true);
                }
            }
            FrameOp::Forward => {
                self.end(frame, |leg| leg.to == host.into(), (id, at), None);
                if let Some(packet) = self.known.get(&frame).copied() {
                    self.begin(packet, place, (id, at), (at, len), false);
                }
            }
            FrameOp::Arrive => {
                let ended = self.end(frame, |leg| leg.to == host.into(), (id, at), None);
                if !ended && let Some(packet) = self.known.get(&frame).copied() {
                    // From outside: nobody knows when it was sent.
                    self.flow.legs.push(Leg {
                        packet,
                        from: Node::OUTSIDE,
                        to: host.into(),
                        sent: id,
                        sent_ns: at,
                        out_ns: at,
                        end: id,
                        end_ns: at,
                        lost: None,
                        copy: false,
                    });
                }
            }
            FrameOp::Lost => {
                self.end(frame, |leg| leg.from == host.into(), (id, at), Some(DropReason::WireLost));
            }
            FrameOp::Reordered | FrameOp::Corrupted => {}
        }
        self.last.insert(id, frame);
    }

    fn begin(
        &mut self,
        packet: usize,
        (host, port): (HostId, u16),
        (sent, _): (EventId, u64),
        (first_ns, len): (u64, u32),
        copy: bool,
    ) {
        let line = self.config.line(host, port);
        let (to, out_ns) = match line {
            Some(line) => (line.to.0.into(), first_ns + line.occupied_ns(len)),
            None => (Node::OUTSIDE, first_ns),
        };
        // Beyond the lab nothing is seen: the way ends where it begins.
        let (end, end_ns) = if line.is_some() { (EventId::NONE, u64::MAX) } else { (sent, first_ns) };
        let leg = Leg { packet, from: host.into(), to, sent, sent_ns: first_ns, out_ns, end, end_ns, lost: None, copy };
        if line.is_some() {
            self.open.entry(self.flow.packets[packet].frame).or_default().push(self.flow.legs.len());
        }
        self.flow.legs.push(leg);
    }

    fn end(
        &mut self,
        frame: FrameId,
        which: impl Fn(&Leg) -> bool,
        (id, at): (EventId, u64),
        lost: Option<DropReason>,
    ) -> bool {
        let Some(open) = self.open.get_mut(&frame) else { return false };
        let Some(place) = open.iter().position(|leg| which(&self.flow.legs[*leg])) else { return false };
        let leg = &mut self.flow.legs[open.remove(place)];
        if open.is_empty() {
            self.open.remove(&frame);
        }
        (leg.end, leg.end_ns, leg.lost) = (id, at, lost);
        // A switch sends when its port is free: its first bit left so long before the last one arrived.
        if lost.is_none() && usize::from(leg.from.0) >= self.config.hosts.len() {
            let way = leg.out_ns - leg.sent_ns;
            let delay = self
                .config
                .lines
                .iter()
                .find(|l| Node::from(l.from.0) == leg.from && Node::from(l.to.0) == leg.to)
                .map_or(0, |l| l.line.delay.as_nanos() as u64);
            leg.sent_ns = leg.sent_ns.max(at.saturating_sub(delay + way));
            leg.out_ns = leg.sent_ns + way;
        }
        true
    }

    /// A card or a switch does not take it.
    fn refused(&mut self, (id, at): (EventId, u64), host: HostId, frame: FrameId, reason: DropReason) {
        if self.end(frame, |leg| leg.to == host.into(), (id, at), Some(reason)) {
            return;
        }
        let mine = |leg: &&mut Leg| leg.to == host.into() && self.flow.packets[leg.packet].frame == frame;
        // It was for another card: nothing is lost.
        if reason != DropReason::OtherHost
            && let Some(leg) = self.flow.legs.iter_mut().rev().take(512).find(mine)
        {
            leg.lost = Some(reason);
        }
    }
}

fn parse(frame: FrameId, skb: SkbId, bytes: &[u8]) -> Packet {
    let len = without_fcs(bytes);
    let parts = split(bytes, len);
    let find = |proto: Proto| parts.iter().find(|part| part.proto == proto);
    let slice = |proto: Proto| find(proto).and_then(|part| bytes.get(part.at..part.at + part.len));
    let payload: usize = parts.iter().filter(|part| part.proto == Proto::Payload).map(|part| part.len).sum();
    let segment = slice(Proto::Tcp).zip(slice(Proto::Ipv4)).and_then(|(tcp, ip)| {
        let tcp = TcpRepr::parse(tcp).ok()?;
        let address = |at: usize| ip.get(at..at + 4).and_then(|a| a.try_into().ok()).map(u32::from_be_bytes);
        Some(Segment {
            ends: [(address(12)?, tcp.src_port), (address(16)?, tcp.dst_port)],
            flags: tcp.flags,
            seq: tcp.seq,
            ack: tcp.ack,
            window: tcp.window,
            len: payload as u32,
            wscale: tcp.options.wscale,
            sacks: tcp.options.sack_blocks().to_vec(),
            again: false,
        })
    });
    let protos = [Proto::Tcp, Proto::Udp, Proto::Icmp, Proto::Arp, Proto::Ipv4];
    let proto = protos.into_iter().find(|proto| find(*proto).is_some()).unwrap_or(Proto::Ethernet);
    let summary = if segment.is_some() { String::new() } else { crate::dissect::summary(bytes) };
    Packet { frame, skb, len: bytes.len() as u32, proto, summary, segment }
}
