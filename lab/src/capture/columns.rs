//! The columns of the list, in Wireshark's words: numbers relative to the stream's first, windows scaled.

use super::{Link, PacketView};
use crate::dissect::{icmp_words, push_tcp_options, tcp_flags};
use serde::{Deserialize, Serialize};
use stack::trace::{EventId, FrameId, Proto};
use stack::wire::arp::{ARPOP_REPLY, ARPOP_REQUEST, ArpRepr};
use stack::wire::ethernet::{EthernetRepr, MacAddr};
use stack::wire::icmpv4::{ICMP_ECHO, ICMP_ECHOREPLY};
use stack::wire::tcp::{ACK, SYN, TcpRepr};
use std::fmt::Write;
use std::net::Ipv4Addr;

/// One line of the list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PacketLine {
    /// Its number in the list, from 1.
    pub number: u32,
    /// ns since the first packet of a file; since the beginning of a run.
    pub at_ns: u64,
    /// Where it was captured, or who sent it.
    pub interface: String,
    /// Address it comes from.
    pub source: String,
    /// Address it goes to.
    pub destination: String,
    /// The innermost protocol: `TCP`.
    pub protocol: String,
    /// Bytes on the wire.
    pub length: u32,
    /// What it says.
    pub info: String,
    /// Its TCP stream; [`super::NO_STREAM`] if it has none.
    pub stream: u32,
    /// Its bytes were sent before.
    pub again: bool,
    /// In a run: the event that sent it.
    pub event: EventId,
    /// In a run: the frame.
    pub frame: FrameId,
}

/// The line of a packet.
pub(super) fn line(view: &PacketView<'_>) -> PacketLine {
    let row = view.row;
    let (source, destination, protocol, info) = words(view);
    PacketLine {
        number: view.number,
        at_ns: if row.event == EventId::NONE { view.since_first_ns } else { row.at_ns },
        interface: view.interface.to_owned(),
        source,
        destination,
        protocol: protocol.to_owned(),
        length: row.original_len,
        info,
        stream: row.note.stream,
        again: row.note.again,
        event: row.event,
        frame: row.frame,
    }
}

fn words(view: &PacketView<'_>) -> (String, String, &'static str, String) {
    let payload = view.part_len(Proto::Payload).unwrap_or(0);
    if let Some(arp) = view.part(Proto::Arp).and_then(|bytes| ArpRepr::parse(bytes).ok()) {
        let eth = EthernetRepr::parse(view.bytes).ok();
        let name = |mac: MacAddr| if mac == MacAddr::BROADCAST { "Broadcast".to_owned() } else { mac.to_string() };
        let (from, to) = eth.map_or_else(Default::default, |eth| (name(eth.src), name(eth.dst)));
        return (from, to, "ARP", self::arp(&arp));
    }
    let Some(ip) = view.part(Proto::Ipv4).filter(|ip| ip.len() >= 20) else {
        return match EthernetRepr::parse(view.bytes).ok().filter(|_| view.row.link == Link::Ethernet) {
            Some(eth) => {
                let (protocol, what) = match eth.ethertype {
                    0x86dd => ("IPv6", "IPv6: not taken apart here".to_owned()),
                    0x8100 => ("VLAN", "802.1Q Virtual LAN: not taken apart here".to_owned()),
                    kind => ("Ethernet", format!("Ethernet type 0x{kind:04x}")),
                };
                (eth.src.to_string(), eth.dst.to_string(), protocol, format!("{what}, {payload} bytes"))
            }
            None => (String::new(), String::new(), "?", format!("{} bytes of an unknown kind", view.row.original_len)),
        };
    };
    let address = |at: usize| Ipv4Addr::new(ip[at], ip[at + 1], ip[at + 2], ip[at + 3]).to_string();
    let (from, to) = (address(12), address(16));
    if let Some(tcp) = view.part(Proto::Tcp).and_then(|bytes| TcpRepr::parse(bytes).ok()) {
        return (from, to, "TCP", self::tcp(view, &tcp, payload));
    }
    if let Some(&[s0, s1, d0, d1, ..]) = view.part(Proto::Udp) {
        let ports = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
        return (from, to, "UDP", format!("{} → {} Len={payload}", ports.0, ports.1));
    }
    if let Some(&[kind, code, _, _, i0, i1, s0, s1, ..]) = view.part(Proto::Icmp) {
        let text = icmp_words(kind, code);
        let (id, seq) = (u16::from_be_bytes([i0, i1]), u16::from_be_bytes([s0, s1]));
        let more = match kind {
            ICMP_ECHO | ICMP_ECHOREPLY => format!(" id=0x{id:04x}, seq={seq}, ttl={}", ip[8]),
            _ => String::new(),
        };
        return (from, to, "ICMP", format!("{text}{more}"));
    }
    let offset = (u16::from_be_bytes([ip[6], ip[7]]) & 0x1fff) * 8;
    let info = match offset {
        0 => format!("IPv4 protocol {}, {payload} bytes", ip[9]),
        _ => format!("Fragmented IP protocol (proto={}, off={offset})", ip[9]),
    };
    (from, to, "IPv4", info)
}

fn arp(arp: &ArpRepr) -> String {
    match arp.op {
        ARPOP_REQUEST if arp.spa == arp.tpa => format!("ARP Announcement for {}", arp.spa),
        ARPOP_REQUEST if arp.spa.is_unspecified() => format!("Who has {}? (ARP Probe)", arp.tpa),
        ARPOP_REQUEST => format!("Who has {}? Tell {}", arp.tpa, arp.spa),
        ARPOP_REPLY => format!("{} is at {}", arp.spa, arp.sha),
        op => format!("Unknown ARP opcode 0x{op:04x}"),
    }
}

fn tcp(view: &PacketView<'_>, tcp: &TcpRepr, payload: usize) -> String {
    let note = &view.row.note;
    let [there, back] = view.bases;
    let mark = match (note.again, note.gap, note.same_ack) {
        (true, ..) => "[again] ",
        (_, true, _) => "[bytes before it are missing] ",
        (.., true) => "[the same ACK] ",
        _ => "",
    };
    let seq = tcp.seq.wrapping_sub(there);
    let mut line = format!("{mark}{} → {} [{}] Seq={seq}", tcp.src_port, tcp.dst_port, tcp_flags(tcp.flags));
    // Writing to a String cannot fail.
    if tcp.has(ACK) {
        let _ = write!(line, " Ack={}", tcp.ack.wrapping_sub(back));
    }
    let scale = if tcp.has(SYN) { 0 } else { view.scale.unwrap_or(0).min(14) };
    let _ = write!(line, " Win={} Len={payload}", u32::from(tcp.window) << scale);
    push_tcp_options(&mut line, &tcp.options, back);
    line
}
