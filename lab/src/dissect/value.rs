//! A field's value in words, as Wireshark shows it.

use stack::wire::checksum::ip_compute_csum;
use stack::wire::ethernet::{ETH_P_ARP, ETH_P_IP, MacAddr};
use stack::wire::field::{FieldDef, Show};
use std::net::Ipv4Addr;

/// The value's text; empty if the header does not hold the whole field.
pub(super) fn text(def: &FieldDef, header: &[u8]) -> String {
    let Some(v) = def.value(header) else {
        // Options: a list, told in its parts.
        let len = header.len().saturating_sub(usize::from(def.bit / 8));
        return if def.bits == 0 && len > 0 { format!("({len} bytes)") } else { String::new() };
    };
    match def.filter {
        "eth.type" | "arp.proto.type" => named(ethertype(v), format!("0x{v:04x}")),
        "arp.hw.type" => named(if v == 1 { "Ethernet" } else { "" }, v.to_string()),
        "arp.opcode" => named(["", "request", "reply"].get(v as usize).copied().unwrap_or(""), v.to_string()),
        "ip.hdr_len" | "tcp.hdr_len" => format!("{} bytes ({v})", v * 4),
        "ip.id" => format!("0x{v:04x} ({v})"),
        "ip.flags" => ip_flags(v),
        "ip.frag_offset" => (v * 8).to_string(),
        "ip.proto" => named(ip_protocol(v), v.to_string()),
        "ip.dsfield" => format!("0x{v:02x} (DSCP: {}, ECN: {})", dscp(v), ecn(v)),
        "tcp.flags" => format!("0x{v:03x} ({})", tcp_flags(v as u8)),
        "icmp.ident" | "icmp.seq" => format!("{v} (0x{v:04x})"),
        _ => match def.show {
            Show::Dec => v.to_string(),
            Show::Hex => format!("0x{v:0width$x}", width = usize::from(def.bits).div_ceil(4)),
            Show::Flags | Show::Checksum => format!("0x{v:04x}"),
            Show::Ipv4 => Ipv4Addr::from(v as u32).to_string(),
            Show::Mac => mac(v),
            Show::Bytes => String::new(),
        },
    }
}

/// What follows from the value, in brackets.
pub(super) fn computed(def: &FieldDef, header: &[u8]) -> Vec<String> {
    let Some(v) = def.value(header) else { return Vec::new() };
    let one = match def.filter {
        "eth.dst" if v == 0xffff_ffff_ffff => "[every card on the link]".into(),
        "eth.dst" if v >> 40 & 1 == 1 => "[a group of cards]".into(),
        "ip.checksum" => match header.get(..usize::from(header[0] & 15) * 4).filter(|h| h.len() >= 20) {
            Some(h) if ip_compute_csum(h) == 0 => "[correct]".into(),
            Some(h) => {
                let mut right = h.to_vec();
                right[10..12].fill(0);
                format!("[incorrect, should be 0x{:04x}]", ip_compute_csum(&right))
            }
            None => return Vec::new(),
        },
        "ip.len" => format!("[{} bytes of payload]", v.saturating_sub(u64::from(header[0] & 15) * 4)),
        "tcp.hdr_len" if v > 5 => format!("[{} bytes of options]", (v - 5) * 4),
        "tcp.window_size_value" => match header.get(13) {
            Some(flags) if flags & 2 != 0 => format!("[Calculated window size: {v}]"),
            _ => "[times the window scale of the sender's SYN]".into(),
        },
        "udp.length" => format!("[{} bytes of data]", v.saturating_sub(8)),
        _ => return Vec::new(),
    };
    vec![one]
}

fn named(name: &str, number: String) -> String {
    if name.is_empty() { format!("Unknown ({number})") } else { format!("{name} ({number})") }
}

fn mac(v: u64) -> String {
    let [_, _, mac @ ..] = v.to_be_bytes();
    let mac = MacAddr(mac);
    if mac == MacAddr::BROADCAST { format!("Broadcast ({mac})") } else { mac.to_string() }
}

fn ethertype(v: u64) -> &'static str {
    match v as u16 {
        ETH_P_IP => "IPv4",
        ETH_P_ARP => "ARP",
        0x86dd => "IPv6",
        0x8100 => "802.1Q Virtual LAN",
        _ => "",
    }
}

fn ip_protocol(v: u64) -> &'static str {
    match v {
        1 => "ICMP",
        2 => "IGMP",
        6 => "TCP",
        17 => "UDP",
        _ => "",
    }
}

fn ip_flags(v: u64) -> String {
    let mut text = format!("0x{v:x}");
    for (bit, name) in [(4, "Reserved bit"), (2, "Don't fragment"), (1, "More fragments")] {
        if v & bit != 0 {
            text = format!("{text}, {name}");
        }
    }
    text
}

/// The flags' names, lowest bit first: `PSH, ACK`.
pub(crate) fn tcp_flags(v: u8) -> String {
    let names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
    let set: Vec<&str> = names.iter().enumerate().filter(|(bit, _)| v >> bit & 1 == 1).map(|(_, n)| *n).collect();
    if set.is_empty() { "<None>".into() } else { set.join(", ") }
}

/// The name of the DSCP in a type-of-service byte (RFC 2474, RFC 2597, RFC 3246).
pub(super) fn dscp(tos: u64) -> String {
    match tos >> 2 {
        46 => "EF PHB".into(),
        n if n % 8 == 0 => format!("CS{}", n / 8),
        n if (10..40).contains(&n) && n % 2 == 0 => format!("AF{}{}", n / 8, n % 8 / 2),
        _ => "Unknown".into(),
    }
}

/// The name of the ECN bits (RFC 3168).
pub(super) fn ecn(tos: u64) -> &'static str {
    match tos & 3 {
        0 => "Not-ECT",
        1 => "ECT(1)",
        2 => "ECT(0)",
        _ => "CE",
    }
}
