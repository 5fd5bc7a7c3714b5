//! UDP.
//!
//! RFC 768; Linux: `include/uapi/linux/udp.h`.

use super::field::{FieldDef, Show, field};
use super::{Malformed, be16};

/// Bytes of the header.
pub const UDP_HLEN: usize = 8;

/// A UDP header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UdpRepr {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Length, header included.
    pub len: u16,
    /// Checksum; 0 means: none was computed.
    pub check: u16,
}

impl UdpRepr {
    /// Reads the header; the caller verifies the checksum, which needs the IPv4 addresses.
    pub fn parse(b: &[u8]) -> Result<UdpRepr, Malformed> {
        let repr = UdpRepr::parse_quoted(b)?;
        if usize::from(repr.len) < UDP_HLEN || usize::from(repr.len) > b.len() {
            return Err(Malformed::Length);
        }
        Ok(repr)
    }

    /// Reads a header quoted without its whole datagram: lengths are not checked.
    pub fn parse_quoted(b: &[u8]) -> Result<UdpRepr, Malformed> {
        let h: &[u8; UDP_HLEN] = b.first_chunk().ok_or(Malformed::Truncated)?;
        Ok(UdpRepr { src_port: be16(h, 0), dst_port: be16(h, 2), len: be16(h, 4), check: be16(h, 6) })
    }

    /// The header's bytes.
    pub fn emit(&self) -> [u8; UDP_HLEN] {
        let mut b = [0; UDP_HLEN];
        b[0..2].copy_from_slice(&self.src_port.to_be_bytes());
        b[2..4].copy_from_slice(&self.dst_port.to_be_bytes());
        b[4..6].copy_from_slice(&self.len.to_be_bytes());
        b[6..8].copy_from_slice(&self.check.to_be_bytes());
        b
    }
}

/// The fields, in order.
pub const FIELDS: &[FieldDef] = &[
    field(("Source port", "sport"), (0, 16), Show::Dec, "udp.srcport", "The sender's port."),
    field(("Destination port", "dport"), (16, 16), Show::Dec, "udp.dstport", "The port that shall take the datagram."),
    field(("Length", "len"), (32, 16), Show::Dec, "udp.length", "Bytes of header and data."),
    field(
        ("Checksum", "csum"),
        (48, 16),
        Show::Checksum,
        "udp.checksum",
        "Over the pseudo header, this header and the data.",
    ),
];
