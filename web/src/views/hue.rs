//! The visual language: which class, letter and name a thing has. The fills and patterns are in `www/styles/`.
//!
//! Identity is never colour alone: a fill has an outline, a letter and a pattern with it.

use stack::trace::{Layer, Proto};

/// The class that gives a header its fill.
pub fn proto_class(proto: Proto) -> &'static str {
    match proto {
        Proto::Ethernet | Proto::Arp => "hue-eth",
        Proto::Ipv4 | Proto::Icmp => "hue-ip",
        Proto::Udp | Proto::Tcp => "hue-tcp",
        Proto::Payload => "hue-data",
        Proto::Fcs => "hue-nic",
    }
}

/// The letter on a header's car.
pub fn letter(proto: Proto) -> &'static str {
    match proto {
        Proto::Ethernet => "E",
        Proto::Arp => "A",
        Proto::Ipv4 => "I",
        Proto::Icmp => "i",
        Proto::Udp => "U",
        Proto::Tcp => "T",
        Proto::Payload => "",
        Proto::Fcs => "F",
    }
}

/// A header's name in full.
pub fn proto_name(proto: Proto) -> &'static str {
    match proto {
        Proto::Ethernet => "Ethernet",
        Proto::Arp => "ARP",
        Proto::Ipv4 => "IPv4",
        Proto::Icmp => "ICMP",
        Proto::Udp => "UDP",
        Proto::Tcp => "TCP",
        Proto::Payload => "data",
        Proto::Fcs => "FCS",
    }
}

/// A header's name where there is little room.
pub fn proto_short(proto: Proto) -> &'static str {
    match proto {
        Proto::Ethernet => "ETH",
        Proto::Ipv4 => "IP",
        _ => proto_name(proto),
    }
}

/// The class that gives a row of the tower its fill.
pub fn layer_class(layer: Layer) -> &'static str {
    match layer {
        Layer::User => "hue-data",
        Layer::Syscall | Layer::Socket => "hue-sock",
        Layer::Transport => "hue-tcp",
        Layer::Ip => "hue-ip",
        Layer::Neigh => "hue-eth",
        Layer::Qdisc | Layer::Driver | Layer::Nic | Layer::Wire => "hue-nic",
    }
}

/// A row's name.
pub fn layer_name(layer: Layer) -> &'static str {
    match layer {
        Layer::User => "program",
        Layer::Syscall => "SYSCALL",
        Layer::Socket => "socket",
        Layer::Transport => "TCP",
        Layer::Ip => "IP",
        Layer::Neigh => "Ethernet",
        Layer::Qdisc => "qdisc",
        Layer::Driver => "driver",
        Layer::Nic => "NIC",
        Layer::Wire => "wire",
    }
}

/// A row's letter.
pub fn layer_letter(layer: Layer) -> &'static str {
    match layer {
        Layer::User => "",
        Layer::Syscall | Layer::Socket => "S",
        Layer::Transport => "T",
        Layer::Ip => "I",
        Layer::Neigh => "E",
        Layer::Qdisc | Layer::Driver | Layer::Nic | Layer::Wire => "D",
    }
}

/// Bytes as text, as a Python string would have them: line ends as `\r\n`, what is not ASCII as `·`.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            byte => text.push(ascii(*byte)),
        }
    }
    text
}

/// One byte as a character: `·` if it is none.
pub fn ascii(byte: u8) -> char {
    match byte {
        0x20..=0x7e => char::from(byte),
        _ => '·',
    }
}
