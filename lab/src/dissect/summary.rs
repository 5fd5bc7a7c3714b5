//! One line for a frame, as in Wireshark's list of packets.

use super::icmp;
use super::split::{Part, split, without_fcs};
use super::value::tcp_flags;
use stack::trace::Proto;
use stack::wire::arp::{ARPOP_REPLY, ARPOP_REQUEST, ArpRepr};
use stack::wire::ethernet::EthernetRepr;
use stack::wire::icmpv4::{ICMP_ECHO, ICMP_ECHOREPLY};
use stack::wire::tcp::{ACK, TcpRepr};
use stack::wire::tcp_options::TcpOptions;
use std::fmt::Write;
use std::net::Ipv4Addr;

/// The line for a frame, with or without its FCS.
///
/// Sequence numbers and windows are those in the header: neither relative nor scaled.
pub fn summary(frame: &[u8]) -> String {
    let len = without_fcs(frame);
    let parts = split(frame, len);
    let bytes = |p: &Part| &frame[p.at.min(frame.len())..(p.at + p.len).min(frame.len())];
    let find = |proto: Proto| parts.iter().find(|p| p.proto == proto);
    let payload = find(Proto::Payload).map_or(0, |p| p.len);
    if let Some(arp) = find(Proto::Arp).and_then(|p| ArpRepr::parse(bytes(p)).ok()) {
        return self::arp(&arp);
    }
    let Some(ip) = find(Proto::Ipv4).map(bytes).filter(|b| b.len() >= 20) else {
        return match EthernetRepr::parse(frame) {
            Ok(eth) => format!("{} > {} Ethernet type 0x{:04x} Len={payload}", eth.src, eth.dst, eth.ethertype),
            Err(_) => format!("Frame of {len} bytes, too short for Ethernet"),
        };
    };
    let src = Ipv4Addr::new(ip[12], ip[13], ip[14], ip[15]);
    let dst = Ipv4Addr::new(ip[16], ip[17], ip[18], ip[19]);
    if let Some(tcp) = find(Proto::Tcp).and_then(|p| TcpRepr::parse(bytes(p)).ok()) {
        return self::tcp(src, dst, &tcp, payload);
    }
    match (find(Proto::Udp).map(bytes), find(Proto::Icmp).map(bytes)) {
        (Some([s0, s1, d0, d1, ..]), _) => {
            let (sport, dport) = (u16::from_be_bytes([*s0, *s1]), u16::from_be_bytes([*d0, *d1]));
            format!("{src}:{sport} > {dst}:{dport} UDP Len={payload}")
        }
        (_, Some([kind, code, _, _, i0, i1, s0, s1])) => {
            let (id, seq) = (u16::from_be_bytes([*i0, *i1]), u16::from_be_bytes([*s0, *s1]));
            let text = icmp::describe(*kind, *code);
            match *kind {
                ICMP_ECHO | ICMP_ECHOREPLY => format!("{src} > {dst} {text} id=0x{id:04x}, seq={seq}, ttl={}", ip[8]),
                _ => format!("{src} > {dst} {text}"),
            }
        }
        _ => {
            let offset = (u16::from_be_bytes([ip[6], ip[7]]) & 0x1fff) * 8;
            match offset {
                0 => format!("{src} > {dst} IPv4 protocol {} Len={payload}", ip[9]),
                _ => format!("{src} > {dst} Fragmented IP protocol (proto={}, off={offset})", ip[9]),
            }
        }
    }
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

fn tcp(src: Ipv4Addr, dst: Ipv4Addr, tcp: &TcpRepr, payload: usize) -> String {
    let mut line =
        format!("{src}:{} > {dst}:{} [{}] Seq={}", tcp.src_port, tcp.dst_port, tcp_flags(tcp.flags), tcp.seq);
    // Writing to a String cannot fail.
    if tcp.has(ACK) {
        let _ = write!(line, " Ack={}", tcp.ack);
    }
    let _ = write!(line, " Win={} Len={payload}", tcp.window);
    push_tcp_options(&mut line, &tcp.options, 0);
    line
}

/// Adds the options as Wireshark names them; SACK blocks count from `origin` on.
pub(crate) fn push_tcp_options(line: &mut String, o: &TcpOptions, origin: u32) {
    // Writing to a String cannot fail.
    if let Some(mss) = o.mss {
        let _ = write!(line, " MSS={mss}");
    }
    if o.sack_permitted {
        line.push_str(" SACK_PERM");
    }
    if let Some((val, ecr)) = o.timestamps {
        let _ = write!(line, " TSval={val} TSecr={ecr}");
    }
    if let Some(shift) = o.wscale {
        let _ = write!(line, " WS={}", 1u32 << shift.min(14));
    }
    for (left, right) in o.sack_blocks() {
        let _ = write!(line, " SLE={} SRE={}", left.wrapping_sub(origin), right.wrapping_sub(origin));
    }
}
