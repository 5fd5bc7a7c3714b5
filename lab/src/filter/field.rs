//! The fields that a filter can name: those of the header tables, and what is computed from them.

use super::Value;
use crate::capture::{NO_STREAM, PacketView};
use stack::trace::Proto;
use stack::wire::field::{FieldDef, Show};
use stack::wire::tcp::TcpRepr;
use stack::wire::{arp, ethernet, icmpv4, ipv4, tcp, udp};
use std::sync::OnceLock;

/// How a field's values read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Number,
    /// 0 or 1, true or false.
    Flag,
    Ipv4,
    Mac,
    Bytes,
    /// Seconds, kept as ns.
    Seconds,
    /// A protocol: it is there, or not.
    Protocol,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Get {
    Header(Proto),
    /// Bits of a header: first, how many.
    Bits(Proto, u16, u16),
    /// Either of two runs of bits.
    Either(Proto, (u16, u16), (u16, u16)),
    Computed(Computed),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Computed {
    Frame,
    FrameNumber,
    FrameLen,
    CapLen,
    Time,
    Delta,
    Interface,
    Stream,
    TcpLen,
    Seq,
    NextSeq,
    Ack,
    Window,
    Scale,
    Payload,
    UdpPayload,
    Mss,
    WindowScale,
    SackPermitted,
    TsVal,
    TsEcr,
    SackLeft,
    SackRight,
    Again,
    Gap,
    SameAck,
    ZeroWindow,
}

/// A field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    get: Get,
}

const fn computed(name: &'static str, kind: Kind, get: Computed) -> Field {
    Field { name, kind, get: Get::Computed(get) }
}

const fn protocol(name: &'static str, proto: Proto) -> Field {
    Field { name, kind: Kind::Protocol, get: Get::Header(proto) }
}

const fn flag(name: &'static str, proto: Proto, bit: u16) -> Field {
    Field { name, kind: Kind::Flag, get: Get::Bits(proto, bit, 1) }
}

const fn number(name: &'static str, proto: Proto, (bit, bits): (u16, u16)) -> Field {
    Field { name, kind: Kind::Number, get: Get::Bits(proto, bit, bits) }
}

const MORE: [Field; 53] = [
    computed("frame", Kind::Protocol, Computed::Frame),
    protocol("eth", Proto::Ethernet),
    protocol("arp", Proto::Arp),
    protocol("ip", Proto::Ipv4),
    protocol("icmp", Proto::Icmp),
    protocol("udp", Proto::Udp),
    protocol("tcp", Proto::Tcp),
    protocol("data", Proto::Payload),
    computed("frame.number", Kind::Number, Computed::FrameNumber),
    computed("frame.len", Kind::Number, Computed::FrameLen),
    computed("frame.cap_len", Kind::Number, Computed::CapLen),
    computed("frame.time_relative", Kind::Seconds, Computed::Time),
    computed("frame.time_delta", Kind::Seconds, Computed::Delta),
    computed("frame.interface_name", Kind::Bytes, Computed::Interface),
    Field { name: "eth.addr", kind: Kind::Mac, get: Get::Either(Proto::Ethernet, (0, 48), (48, 48)) },
    Field { name: "ip.addr", kind: Kind::Ipv4, get: Get::Either(Proto::Ipv4, (96, 32), (128, 32)) },
    Field { name: "tcp.port", kind: Kind::Number, get: Get::Either(Proto::Tcp, (0, 16), (16, 16)) },
    Field { name: "udp.port", kind: Kind::Number, get: Get::Either(Proto::Udp, (0, 16), (16, 16)) },
    number("ip.dsfield.dscp", Proto::Ipv4, (8, 6)),
    number("ip.dsfield.ecn", Proto::Ipv4, (14, 2)),
    flag("ip.flags.rb", Proto::Ipv4, 48),
    flag("ip.flags.df", Proto::Ipv4, 49),
    flag("ip.flags.mf", Proto::Ipv4, 50),
    flag("tcp.flags.cwr", Proto::Tcp, 104),
    flag("tcp.flags.ece", Proto::Tcp, 105),
    flag("tcp.flags.urg", Proto::Tcp, 106),
    flag("tcp.flags.ack", Proto::Tcp, 107),
    flag("tcp.flags.push", Proto::Tcp, 108),
    flag("tcp.flags.reset", Proto::Tcp, 109),
    flag("tcp.flags.syn", Proto::Tcp, 110),
    flag("tcp.flags.fin", Proto::Tcp, 111),
    computed("tcp.stream", Kind::Number, Computed::Stream),
    computed("tcp.len", Kind::Number, Computed::TcpLen),
    computed("tcp.seq", Kind::Number, Computed::Seq),
    computed("tcp.nxtseq", Kind::Number, Computed::NextSeq),
    computed("tcp.ack", Kind::Number, Computed::Ack),
    computed("tcp.window_size", Kind::Number, Computed::Window),
    computed("tcp.window_size_scalefactor", Kind::Number, Computed::Scale),
    computed("tcp.payload", Kind::Bytes, Computed::Payload),
    computed("udp.payload", Kind::Bytes, Computed::UdpPayload),
    Field { name: "data.data", kind: Kind::Bytes, get: Get::Header(Proto::Payload) },
    computed("tcp.options.mss_val", Kind::Number, Computed::Mss),
    computed("tcp.options.wscale.shift", Kind::Number, Computed::WindowScale),
    computed("tcp.options.sack_perm", Kind::Protocol, Computed::SackPermitted),
    computed("tcp.options.timestamp.tsval", Kind::Number, Computed::TsVal),
    computed("tcp.options.timestamp.tsecr", Kind::Number, Computed::TsEcr),
    computed("tcp.options.sack_le", Kind::Number, Computed::SackLeft),
    computed("tcp.options.sack_re", Kind::Number, Computed::SackRight),
    computed("tcp.analysis.retransmission", Kind::Protocol, Computed::Again),
    computed("tcp.analysis.lost_segment", Kind::Protocol, Computed::Gap),
    computed("tcp.analysis.duplicate_ack", Kind::Protocol, Computed::SameAck),
    computed("tcp.analysis.zero_window", Kind::Protocol, Computed::ZeroWindow),
    Field { name: "eth.fcs", kind: Kind::Number, get: Get::Bits(Proto::Fcs, 0, 32) },
];

fn all() -> &'static [Field] {
    static ALL: OnceLock<Vec<Field>> = OnceLock::new();
    ALL.get_or_init(|| {
        let tables: [(Proto, &[FieldDef]); 6] = [
            (Proto::Ethernet, ethernet::FIELDS),
            (Proto::Arp, arp::FIELDS),
            (Proto::Ipv4, ipv4::FIELDS),
            (Proto::Icmp, icmpv4::FIELDS),
            (Proto::Udp, udp::FIELDS),
            (Proto::Tcp, tcp::FIELDS),
        ];
        let mut fields = MORE.to_vec();
        for (proto, def) in tables.iter().flat_map(|(proto, defs)| defs.iter().map(|def| (*proto, def))) {
            let kind = match def.show {
                Show::Ipv4 => Kind::Ipv4,
                Show::Mac => Kind::Mac,
                Show::Bytes => Kind::Bytes,
                Show::Dec | Show::Hex | Show::Flags | Show::Checksum => Kind::Number,
            };
            if def.bits > 0 && kind != Kind::Bytes && fields.iter().all(|field| field.name != def.filter) {
                fields.push(Field { name: def.filter, kind, get: Get::Bits(proto, def.bit, def.bits) });
            }
        }
        fields.sort_by_key(|field| field.name);
        fields
    })
}

/// The names of all fields, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    all().iter().map(|field| field.name)
}

impl Field {
    pub(super) fn find(name: &str) -> Option<Field> {
        all().binary_search_by(|field| field.name.cmp(name)).ok().map(|at| all()[at])
    }

    /// Does some value of the field satisfy this? `None`: the packet does not have the field.
    pub(super) fn any(&self, packet: &PacketView<'_>, holds: &mut dyn FnMut(&Value) -> bool) -> Option<bool> {
        let mut number = |value: u64| holds(&self.value(value));
        match self.get {
            Get::Bits(proto, at, len) => Some(number(bits(packet.part(proto)?, at, len)?)),
            Get::Either(proto, one, other) => {
                let header = packet.part(proto)?;
                let one = bits(header, one.0, one.1).map(&mut number);
                let other = bits(header, other.0, other.1).map(&mut number);
                one.or(other).map(|_| one == Some(true) || other == Some(true))
            }
            Get::Header(proto) => {
                let bytes = packet.part(proto)?;
                Some(holds(&Value::Bytes(bytes.to_vec())))
            }
            Get::Computed(what) => self.computed(what, packet, holds),
        }
    }

    fn value(&self, number: u64) -> Value {
        if self.kind == Kind::Ipv4 { Value::Net(number as u32, 32) } else { Value::Number(number) }
    }

    fn computed(&self, what: Computed, packet: &PacketView<'_>, holds: &mut dyn FnMut(&Value) -> bool) -> Option<bool> {
        let row = packet.row;
        let note = row.note;
        let mut bytes = |bytes: &[u8]| Some(holds(&Value::Bytes(bytes.to_vec())));
        let tcp = || packet.part(Proto::Tcp).filter(|tcp| tcp.len() >= 20);
        let raw = |at: u16| tcp().and_then(|tcp| bits(tcp, at, 32)).map(|value| value as u32);
        let len = || packet.part_len(Proto::Payload).unwrap_or(0) as u32;
        let scale = || packet.scale.map_or(0, |scale| scale.min(14));
        let value = match what {
            Computed::Frame => return bytes(packet.bytes),
            Computed::Interface if packet.interface.is_empty() => return None,
            Computed::Interface => return bytes(packet.interface.as_bytes()),
            Computed::Payload => return tcp().and(packet.part(Proto::Payload)).and_then(bytes),
            Computed::UdpPayload => return packet.part(Proto::Udp).and(packet.part(Proto::Payload)).and_then(bytes),
            Computed::Again => return note.again.then_some(true),
            Computed::Gap => return note.gap.then_some(true),
            Computed::SameAck => return note.same_ack.then_some(true),
            Computed::ZeroWindow => {
                let plain = tcp().is_some_and(|tcp| tcp[13] & 0x07 == 0 && tcp[14..16] == [0, 0]);
                return plain.then_some(true);
            }
            Computed::Mss
            | Computed::WindowScale
            | Computed::SackPermitted
            | Computed::TsVal
            | Computed::TsEcr
            | Computed::SackLeft
            | Computed::SackRight => return self.option(what, tcp()?, packet.bases[1], holds),
            Computed::FrameNumber => packet.number.into(),
            Computed::FrameLen => row.original_len.into(),
            Computed::CapLen => packet.bytes.len() as u64,
            Computed::Time => packet.since_first_ns,
            Computed::Delta => packet.since_last_ns,
            Computed::Stream => Some(note.stream).filter(|stream| *stream != NO_STREAM)?.into(),
            Computed::TcpLen => tcp().map(|_| len())?.into(),
            Computed::Seq => raw(32)?.wrapping_sub(packet.bases[0]).into(),
            Computed::NextSeq => {
                let flags = tcp()?[13];
                let span = len() + u32::from(flags & tcp::SYN != 0) + u32::from(flags & tcp::FIN != 0);
                raw(32)?.wrapping_sub(packet.bases[0]).wrapping_add(span).into()
            }
            Computed::Ack => raw(64)?.wrapping_sub(packet.bases[1]).into(),
            Computed::Window => {
                let header = tcp()?;
                let scale = if header[13] & tcp::SYN != 0 { 0 } else { scale() };
                u64::from(u16::from_be_bytes([header[14], header[15]])) << scale
            }
            Computed::Scale => tcp().and(packet.scale).map(|_| 1 << scale())?,
        };
        Some(holds(&self.value(value)))
    }

    fn option(&self, what: Computed, tcp: &[u8], base: u32, holds: &mut dyn FnMut(&Value) -> bool) -> Option<bool> {
        let options = TcpRepr::parse(tcp).ok()?.options;
        let blocks = || options.sack_blocks();
        let mut edges = |edge: &dyn Fn((u32, u32)) -> u32| {
            let found: Vec<bool> =
                blocks().iter().map(|block| holds(&self.value(edge(*block).wrapping_sub(base).into()))).collect();
            (!found.is_empty()).then(|| found.contains(&true))
        };
        let value = match what {
            Computed::SackLeft => return edges(&|block| block.0),
            Computed::SackRight => return edges(&|block| block.1),
            Computed::SackPermitted => return options.sack_permitted.then_some(true),
            Computed::Mss => options.mss?.into(),
            Computed::WindowScale => options.wscale?.into(),
            Computed::TsVal => options.timestamps?.0.into(),
            _ => options.timestamps?.1.into(),
        };
        Some(holds(&self.value(value)))
    }
}

fn bits(header: &[u8], at: u16, len: u16) -> Option<u64> {
    if at.is_multiple_of(8) && len.is_multiple_of(8) {
        let bytes = header.get(usize::from(at / 8)..usize::from((at + len) / 8))?;
        return Some(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)));
    }
    (at..at + len).try_fold(0, |value, bit| {
        let byte = *header.get(usize::from(bit / 8))?;
        Some(value << 1 | u64::from(byte >> (7 - bit % 8) & 1))
    })
}
