//! Header layouts: parsing, emitting, and the tables of fields that a dissector reads.
//!
//! Each protocol's file has the same parts: constants, a checked value (`parse`, `emit`), and `FIELDS`.
//! Parsing never panics, whatever the bytes.

pub mod arp;
pub mod checksum;
pub mod ethernet;
pub mod field;
pub mod icmpv4;
pub mod ipv4;
pub mod tcp;
pub mod tcp_options;
pub mod udp;

pub use field::FieldDef;

/// A header that cannot be what it claims to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Malformed {
    /// Fewer bytes than the header needs.
    Truncated,
    /// A version or type of another kind.
    Version,
    /// A length field that contradicts the bytes.
    Length,
    /// A checksum that does not add up.
    Checksum,
}

pub(crate) fn be16(b: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([b[at], b[at + 1]])
}

pub(crate) fn be32(b: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
}
