//! IPv4.
//!
//! RFC 791 §3.1; Linux: `include/uapi/linux/ip.h`. Options are skipped on input and never sent.

use super::checksum::{csum_fold, csum_partial, csum_words};
use super::field::{FieldDef, Show, field};
use super::{Malformed, be16};
use core::net::Ipv4Addr;

/// Bytes of a header without options.
pub const IPV4_HLEN: usize = 20;
/// Protocol numbers.
pub const IPPROTO_ICMP: u8 = 1;
/// Protocol numbers.
pub const IPPROTO_TCP: u8 = 6;
/// Protocol numbers.
pub const IPPROTO_UDP: u8 = 17;
/// "Don't fragment", in the flags and fragment offset word.
pub const IP_DF: u16 = 0x4000;
/// "More fragments".
pub const IP_MF: u16 = 0x2000;
/// The fragment offset's bits, in units of 8 bytes.
pub const IP_OFFSET: u16 = 0x1fff;

/// An IPv4 header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv4Repr {
    /// Header length, bytes: 20 to 60.
    pub header_len: u8,
    /// Type of service: DSCP and ECN.
    pub tos: u8,
    /// Total length, header included.
    pub tot_len: u16,
    /// Identification.
    pub id: u16,
    /// Flags and fragment offset.
    pub frag_off: u16,
    /// Time to live.
    pub ttl: u8,
    /// Protocol of the payload.
    pub protocol: u8,
    /// Source.
    pub src: Ipv4Addr,
    /// Destination.
    pub dst: Ipv4Addr,
}

impl Ipv4Repr {
    /// Reads and checks the header at the front of a packet: version, lengths, checksum.
    #[inline]
    pub fn parse(b: &[u8]) -> Result<Ipv4Repr, Malformed> {
        let h: &[u8; IPV4_HLEN] = b.first_chunk().ok_or(Malformed::Truncated)?;
        if h[0] >> 4 != 4 {
            return Err(Malformed::Version);
        }
        let header_len = (h[0] & 15) * 4;
        let tot_len = be16(h, 2);
        if header_len < 20 || u16::from(header_len) > tot_len {
            return Err(Malformed::Length);
        }
        let header = b.get(..usize::from(header_len)).ok_or(Malformed::Truncated)?;
        if usize::from(tot_len) > b.len() {
            return Err(Malformed::Truncated);
        }
        let sum = if header_len == 20 { ip_fast_csum(h) } else { csum_partial(header, 0) };
        if csum_fold(sum) != 0 {
            return Err(Malformed::Checksum);
        }
        Ok(Ipv4Repr {
            header_len,
            tos: h[1],
            tot_len,
            id: be16(h, 4),
            frag_off: be16(h, 6),
            ttl: h[8],
            protocol: h[9],
            src: Ipv4Addr::new(h[12], h[13], h[14], h[15]),
            dst: Ipv4Addr::new(h[16], h[17], h[18], h[19]),
        })
    }

    /// The header's bytes with a checksum of zero: [`ip_send_check`] fills it in.
    #[inline]
    pub fn emit(&self) -> [u8; IPV4_HLEN] {
        let mut b = [0; IPV4_HLEN];
        b[0] = 0x45;
        b[1] = self.tos;
        b[2..4].copy_from_slice(&self.tot_len.to_be_bytes());
        b[4..6].copy_from_slice(&self.id.to_be_bytes());
        b[6..8].copy_from_slice(&self.frag_off.to_be_bytes());
        b[8] = self.ttl;
        b[9] = self.protocol;
        b[12..16].copy_from_slice(&self.src.octets());
        b[16..20].copy_from_slice(&self.dst.octets());
        b
    }

    /// Is it a fragment of a larger packet?
    pub fn is_fragment(&self) -> bool {
        self.frag_off & (IP_MF | IP_OFFSET) != 0
    }

    /// Bytes behind the header.
    pub fn payload_len(&self) -> usize {
        usize::from(self.tot_len) - usize::from(self.header_len)
    }
}

/// `ip_send_check`: computes the header checksum in place.
#[inline]
pub fn ip_send_check(header: &mut [u8; IPV4_HLEN]) {
    header[10..12].fill(0);
    let check = csum_fold(ip_fast_csum(header));
    header[10..12].copy_from_slice(&check.to_be_bytes());
}

/// The sum of a header without options (`ip_fast_csum`, not yet folded).
#[inline]
fn ip_fast_csum(header: &[u8; IPV4_HLEN]) -> u64 {
    csum_words(header.as_chunks().0)
}

/// The fields, in order.
pub const FIELDS: &[FieldDef] = &[
    field(("Version", "ver"), (0, 4), Show::Dec, "ip.version", "4."),
    field(("Header length", "ihl"), (4, 4), Show::Dec, "ip.hdr_len", "In units of 4 bytes: 5 is 20 bytes, no options."),
    field(
        ("Type of service", "tos"),
        (8, 8),
        Show::Hex,
        "ip.dsfield",
        "DSCP and ECN: how to treat the packet on its way.",
    ),
    field(("Total length", "len"), (16, 16), Show::Dec, "ip.len", "Bytes of the whole packet, this header included."),
    field(("Identification", "id"), (32, 16), Show::Hex, "ip.id", "Ties the fragments of one packet together."),
    field(
        ("Flags", "flags"),
        (48, 3),
        Show::Flags,
        "ip.flags",
        "DF forbids to cut the packet up; MF says more fragments follow.",
    ),
    field(
        ("Fragment offset", "frag off"),
        (51, 13),
        Show::Dec,
        "ip.frag_offset",
        "Where this fragment belongs, in units of 8 bytes.",
    ),
    field(("Time to live", "ttl"), (64, 8), Show::Dec, "ip.ttl", "How many routers may still pass it on."),
    field(("Protocol", "proto"), (72, 8), Show::Dec, "ip.proto", "What follows: 1 ICMP, 6 TCP, 17 UDP."),
    field(
        ("Header checksum", "csum"),
        (80, 16),
        Show::Checksum,
        "ip.checksum",
        "Over these 20 bytes only; every router computes it anew.",
    ),
    field(("Source address", "src"), (96, 32), Show::Ipv4, "ip.src", "The host it comes from; no router changes it."),
    field(("Destination address", "dst"), (128, 32), Show::Ipv4, "ip.dst", "The host it is for; no router changes it."),
];
