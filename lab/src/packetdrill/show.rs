//! Packets in the script's language, for messages.

use super::ast::{Body, Direction, Ecn, Icmp, Packet, Tcp, TcpOptions};
use super::build::options_bytes;
use super::live::{Live, LiveBody, LiveTcp, RawOption};
use stack::wire::tcp::{ACK, FIN, PSH, RST, SYN, URG};

/// A packet of the script.
pub(crate) fn packet(packet: &Packet) -> String {
    let mark = if packet.direction == Direction::Inbound { '<' } else { '>' };
    let ip = match (packet.ip.ecn, packet.ip.tos, packet.ip.ttl) {
        (Some(e), _, _) => format!("[{}] ", ecn_name(e)),
        (_, Some(tos), _) => format!("[tos {tos:#04x}] "),
        (_, _, Some(ttl)) => format!("[ttl {ttl}] "),
        _ => String::new(),
    };
    let body = match &packet.body {
        Body::Tcp(tcp) => script_segment(tcp),
        Body::Udp { len, .. } => format!("udp ({len})"),
        Body::Icmp(Icmp { kind, code, .. }) => format!("icmp type_{kind} code_{code}"),
    };
    format!("{mark} {ip}{body}")
}

/// A packet of the stack, its numbers already the script's.
pub(crate) fn live(live: &Live) -> String {
    match &live.body {
        LiveBody::Tcp(tcp) => format!("> {}", segment(tcp)),
        LiveBody::Udp { payload, .. } => format!("> udp ({})", payload.len()),
        LiveBody::Icmp { kind, code } => format!("> icmp type_{kind} code_{code}"),
        LiveBody::Other => format!("> protocol {}", live.ip.protocol),
    }
}

pub(crate) fn ecn_name(ecn: Ecn) -> &'static str {
    match ecn {
        Ecn::NotEct => "noecn",
        Ecn::Ect0 => "ect0",
        Ecn::Ect1 => "ect1",
        Ecn::Ce => "ce",
        Ecn::Ect01 => "ect01",
    }
}

/// The letters of flags and ECN bits; `-` for none.
pub(crate) fn flags(flags: u8, ace: u8) -> String {
    let letters = [(FIN, 'F'), (SYN, 'S'), (RST, 'R'), (PSH, 'P')];
    let mut text: String = letters.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, c)| *c).collect();
    text.extend([(1, 'E'), (2, 'W'), (4, 'A')].iter().filter(|(bit, _)| ace & bit != 0).map(|(_, c)| *c));
    text.extend([(ACK, '.'), (URG, 'U')].iter().filter(|(bit, _)| flags & bit != 0).map(|(_, c)| *c));
    if text.is_empty() { "-".to_owned() } else { text }
}

fn line(tcp: (u8, u8, u32, usize), ack: Option<u32>, window: Option<u16>, urgent: u16, options: &str) -> String {
    let (bits, ace, seq, len) = tcp;
    let mut text = format!("{} {seq}:{}({len})", flags(bits, ace), seq.wrapping_add(len as u32));
    if let Some(ack) = ack {
        text += &format!(" ack {ack}");
    }
    if let Some(window) = window {
        text += &format!(" win {window}");
    }
    if urgent != 0 {
        text += &format!(" urg {urgent}");
    }
    if !options.is_empty() {
        text += &format!(" <{options}>");
    }
    text
}

fn script_segment(tcp: &Tcp) -> String {
    let ack = (tcp.flags & ACK != 0).then_some(tcp.ack);
    let options = match &tcp.options {
        TcpOptions::Unchecked => "...".to_owned(),
        TcpOptions::List(list) => {
            let bytes = options_bytes(list);
            raw_options(LiveTcp { options: bytes, ..LiveTcp::default() }.raw_options())
        }
    };
    line((tcp.flags, tcp.ace, tcp.seq, tcp.len.into()), ack, tcp.window, tcp.urgent, &options)
}

/// A segment of the stack.
pub(crate) fn segment(tcp: &LiveTcp) -> String {
    let ack = tcp.has(ACK).then_some(tcp.ack);
    let options = raw_options(tcp.raw_options());
    line((tcp.flags, tcp.ace, tcp.seq, tcp.payload.len()), ack, Some(tcp.window), tcp.urgent, &options)
}

/// Options in the order in which they stand.
pub(crate) fn raw_options<'a>(options: impl Iterator<Item = RawOption<'a>>) -> String {
    options.map(|o| option(&o)).collect::<Vec<_>>().join(",")
}

/// One option.
pub(crate) fn option(option: &RawOption<'_>) -> String {
    let d = option.data;
    let be32 = |at: usize| d.get(at..at + 4).map_or(0, |b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    let hex = |b: &[u8]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
    match (option.kind, d.len()) {
        (0, _) => "eol".to_owned(),
        (1, _) => "nop".to_owned(),
        (2, 2) => format!("mss {}", u16::from_be_bytes([d[0], d[1]])),
        (3, 1) => format!("wscale {}", d[0]),
        (4, 0) => "sackOK".to_owned(),
        (5, _) => {
            let blocks = (0..d.len() / 8).map(|i| format!(" {}:{}", be32(8 * i), be32(8 * i + 4)));
            format!("sack{}", blocks.collect::<String>())
        }
        (8, 8) => format!("TS val {} ecr {}", be32(0), be32(4)),
        (19, _) => format!("md5 {}", hex(d)),
        (34, _) => format!("FO {}", hex(d)),
        (172 | 174, _) => {
            let names = if option.kind == 172 { ["e0b", "ceb", "e1b"] } else { ["e1b", "ceb", "e0b"] };
            let counters = d
                .chunks_exact(3)
                .zip(names)
                .map(|(c, name)| format!(" {name} {}", u32::from_be_bytes([0, c[0], c[1], c[2]])));
            format!("ECN{}", counters.collect::<String>())
        }
        (254, 2..) if d[..2] == [0xf9, 0x89] => format!("FOEXP {}", hex(&d[2..])),
        (kind, _) => format!("option {kind} {}", hex(d)),
    }
}
