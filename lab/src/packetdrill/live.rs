//! Packets from the stack, read field by field.
//!
//! Frames that were one packet until the card's segmentation are put together again here: packetdrill reads
//! from a device that takes such packets whole.

use super::build::Tuple;
use stack::wire::ipv4::{IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Ipv4Repr};
use stack::wire::tcp::{CWR, ECE, FIN, PSH};

/// A packet that the stack sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Live {
    /// When, ns of virtual time.
    pub(crate) at_ns: u64,
    pub(crate) ip: Ipv4Repr,
    pub(crate) body: LiveBody,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum LiveBody {
    Tcp(LiveTcp),
    Udp {
        ports: (u16, u16),
        payload: Vec<u8>,
    },
    Icmp {
        kind: u8,
        code: u8,
    },
    /// Another protocol.
    Other,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct LiveTcp {
    pub(crate) ports: (u16, u16),
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    /// FIN, SYN, RST, PSH, ACK, URG.
    pub(crate) flags: u8,
    /// AE, CWR, ECE.
    pub(crate) ace: u8,
    /// The three reserved bits.
    pub(crate) reserved: u8,
    pub(crate) window: u16,
    pub(crate) urgent: u16,
    /// The options' bytes.
    pub(crate) options: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

/// A TCP option as it stands in the header: its kind and what follows the length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RawOption<'a> {
    pub(crate) kind: u8,
    pub(crate) data: &'a [u8],
}

impl Live {
    /// Reads an Ethernet frame; `None` if it is no IPv4 packet.
    pub(crate) fn parse(at_ns: u64, frame: &[u8]) -> Option<Live> {
        if frame.get(12..14)? != [0x08, 0x00] {
            return None;
        }
        let packet = frame.get(14..)?;
        let ip = Ipv4Repr::parse(packet).ok()?;
        // What is behind the packet is the card's padding.
        let payload = packet.get(usize::from(ip.header_len)..usize::from(ip.tot_len))?;
        let be16 = |at: usize| payload.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]]));
        let body = match ip.protocol {
            IPPROTO_TCP => LiveBody::Tcp(LiveTcp::parse(payload)?),
            IPPROTO_UDP => LiveBody::Udp { ports: (be16(0)?, be16(2)?), payload: payload.get(8..)?.to_vec() },
            IPPROTO_ICMP => LiveBody::Icmp { kind: *payload.first()?, code: *payload.get(1)? },
            _ => LiveBody::Other,
        };
        Some(Live { at_ns, ip, body })
    }

    /// Addresses and ports.
    pub(crate) fn tuple(&self) -> Tuple {
        let ports = match &self.body {
            LiveBody::Tcp(tcp) => tcp.ports,
            LiveBody::Udp { ports, .. } => *ports,
            LiveBody::Icmp { .. } | LiveBody::Other => (0, 0),
        };
        Tuple { src: (self.ip.src, ports.0), dst: (self.ip.dst, ports.1) }
    }

    pub(crate) fn tcp(&self) -> Option<&LiveTcp> {
        match &self.body {
            LiveBody::Tcp(tcp) => Some(tcp),
            _ => None,
        }
    }

    /// Bytes of data.
    pub(crate) fn payload_len(&self) -> usize {
        match &self.body {
            LiveBody::Tcp(tcp) => tcp.payload.len(),
            LiveBody::Udp { payload, .. } => payload.len(),
            LiveBody::Icmp { .. } | LiveBody::Other => 0,
        }
    }

    /// Puts a later packet behind this one: the header of the later, sequence number and CWR of the first.
    pub(crate) fn append(&mut self, later: Live) {
        if let (LiveBody::Tcp(first), LiveBody::Tcp(mut last)) = (&mut self.body, later.body) {
            first.payload.append(&mut last.payload);
            last.payload = std::mem::take(&mut first.payload);
            last.seq = first.seq;
            last.ace = last.ace & !2 | first.ace & 2;
            *self = Live { at_ns: later.at_ns, ip: later.ip, body: LiveBody::Tcp(last) };
        }
    }
}

impl LiveTcp {
    fn parse(b: &[u8]) -> Option<LiveTcp> {
        let be16 = |at: usize| Some(u16::from_be_bytes(*b.get(at..)?.first_chunk()?));
        let be32 = |at: usize| Some(u32::from_be_bytes(*b.get(at..)?.first_chunk()?));
        let (offset, bits) = (*b.get(12)?, *b.get(13)?);
        let header_len = usize::from(offset >> 4) * 4;
        Some(LiveTcp {
            ports: (be16(0)?, be16(2)?),
            seq: be32(4)?,
            ack: be32(8)?,
            flags: bits & !(ECE | CWR),
            ace: (offset & 1) << 2 | bits >> 6,
            reserved: offset >> 1 & 7,
            window: be16(14)?,
            urgent: be16(18)?,
            options: b.get(20..header_len)?.to_vec(),
            payload: b.get(header_len..)?.to_vec(),
        })
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The options in order; what makes no sense ends them.
    pub(crate) fn raw_options(&self) -> impl Iterator<Item = RawOption<'_>> {
        let mut rest = &self.options[..];
        std::iter::from_fn(move || {
            let (&kind, behind) = rest.split_first()?;
            if kind <= 1 {
                rest = behind;
                return Some(RawOption { kind, data: &[] });
            }
            let len = behind.first().map(|l| usize::from(*l)).filter(|l| *l >= 2 && *l <= rest.len())?;
            let data = &rest[2..len];
            rest = &rest[len..];
            Some(RawOption { kind, data })
        })
    }

    /// Time stamps: value and echo.
    pub(crate) fn timestamps(&self) -> Option<(u32, u32)> {
        let option = self.raw_options().find(|o| o.kind == 8 && o.data.len() == 8)?;
        let half = |at: usize| option.data[at..].first_chunk().map(|b| u32::from_be_bytes(*b));
        Some((half(0)?, half(4)?))
    }

    /// Adds to every SACK block's ends.
    pub(crate) fn offset_sacks(&mut self, offset: u32) {
        let mut at = 0;
        while let Some(&kind) = self.options.get(at) {
            if kind <= 1 {
                at += 1;
                continue;
            }
            let Some(len) = self.options.get(at + 1).map(|l| usize::from(*l)).filter(|l| *l >= 2) else { return };
            let Some(option) = self.options.get_mut(at..at + len) else { return };
            if kind == 5 {
                offset_blocks(&mut option[2..], offset);
            }
            at += len;
        }
    }

    /// May `next` be joined to this one? Headers have to agree but for FIN, PSH and CWR; and `next` follows.
    pub(crate) fn joins(&self, next: &LiveTcp) -> Result<(), String> {
        let open = FIN | PSH;
        let pairs = [
            ("options' length", self.options.len() as u32, next.options.len() as u32),
            ("flags", u32::from(self.flags & !open), u32::from(next.flags & !open)),
            ("ECN bits", u32::from(self.ace & !2), u32::from(next.ace & !2)),
            ("sequence number", self.seq.wrapping_add(self.payload.len() as u32), next.seq),
            ("ack", self.ack, next.ack),
            ("window", self.window.into(), next.window.into()),
            ("urgent pointer", self.urgent.into(), next.urgent.into()),
        ];
        match pairs.iter().find(|(_, a, b)| a != b) {
            Some((what, a, b)) => Err(format!("the {what} is {b} and not {a}")),
            None => Ok(()),
        }
    }
}

/// Adds to the ends of SACK blocks.
pub(crate) fn offset_blocks(blocks: &mut [u8], offset: u32) {
    for end in blocks.chunks_exact_mut(4) {
        let value = u32::from_be_bytes([end[0], end[1], end[2], end[3]]).wrapping_add(offset);
        end.copy_from_slice(&value.to_be_bytes());
    }
}
