//! ARP for IPv4 over Ethernet.
//!
//! RFC 826; Linux: `include/uapi/linux/if_arp.h`.

use super::ethernet::MacAddr;
use super::field::{FieldDef, Show, field};
use super::{Malformed, be16};
use core::net::Ipv4Addr;

/// Bytes of an ARP packet for IPv4 over Ethernet.
pub const ARP_LEN: usize = 28;
/// `ar$op`: who has?
pub const ARPOP_REQUEST: u16 = 1;
/// `ar$op`: it is at.
pub const ARPOP_REPLY: u16 = 2;

/// An ARP packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArpRepr {
    /// Request or reply.
    pub op: u16,
    /// Sender hardware address.
    pub sha: MacAddr,
    /// Sender protocol address.
    pub spa: Ipv4Addr,
    /// Target hardware address.
    pub tha: MacAddr,
    /// Target protocol address.
    pub tpa: Ipv4Addr,
}

impl ArpRepr {
    /// Reads an ARP packet; only IPv4 over Ethernet is known.
    pub fn parse(b: &[u8]) -> Result<ArpRepr, Malformed> {
        let b: &[u8; ARP_LEN] = b.first_chunk().ok_or(Malformed::Truncated)?;
        if be16(b, 0) != 1 || be16(b, 2) != 0x0800 {
            return Err(Malformed::Version);
        }
        if b[4] != 6 || b[5] != 4 {
            return Err(Malformed::Length);
        }
        let mac = |at: usize| MacAddr([b[at], b[at + 1], b[at + 2], b[at + 3], b[at + 4], b[at + 5]]);
        let ip = |at: usize| Ipv4Addr::new(b[at], b[at + 1], b[at + 2], b[at + 3]);
        Ok(ArpRepr { op: be16(b, 6), sha: mac(8), spa: ip(14), tha: mac(18), tpa: ip(24) })
    }

    /// The packet's bytes.
    pub fn emit(&self) -> [u8; ARP_LEN] {
        let mut b = [0, 1, 8, 0, 6, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        b[6..8].copy_from_slice(&self.op.to_be_bytes());
        b[8..14].copy_from_slice(&self.sha.0);
        b[14..18].copy_from_slice(&self.spa.octets());
        b[18..24].copy_from_slice(&self.tha.0);
        b[24..28].copy_from_slice(&self.tpa.octets());
        b
    }
}

/// The fields, in order.
pub const FIELDS: &[FieldDef] = &[
    field(("Hardware type", "hw type"), (0, 16), Show::Dec, "arp.hw.type", "1 is Ethernet."),
    field(("Protocol type", "proto"), (16, 16), Show::Hex, "arp.proto.type", "0x0800 is IPv4."),
    field(("Hardware size", "hlen"), (32, 8), Show::Dec, "arp.hw.size", "Bytes of a hardware address."),
    field(("Protocol size", "plen"), (40, 8), Show::Dec, "arp.proto.size", "Bytes of a protocol address."),
    field(("Opcode", "op"), (48, 16), Show::Dec, "arp.opcode", "1 asks \"who has this address?\", 2 answers."),
    field(("Sender MAC", "sender mac"), (64, 48), Show::Mac, "arp.src.hw_mac", "The asker's (or answerer's) card."),
    field(("Sender IP", "sender ip"), (112, 32), Show::Ipv4, "arp.src.proto_ipv4", "The sender's own IPv4 address."),
    field(
        ("Target MAC", "target mac"),
        (144, 48),
        Show::Mac,
        "arp.dst.hw_mac",
        "All zero in a request: that is the question.",
    ),
    field(
        ("Target IP", "target ip"),
        (192, 32),
        Show::Ipv4,
        "arp.dst.proto_ipv4",
        "The IPv4 address that is looked for.",
    ),
];
