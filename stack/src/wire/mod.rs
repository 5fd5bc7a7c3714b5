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

/// A header as it is put together: up to 60 bytes, in place.
#[derive(Clone, Copy, Debug)]
pub struct HeaderBytes {
    bytes: [u8; HeaderBytes::MOST],
    len: u8,
}

impl Default for HeaderBytes {
    fn default() -> HeaderBytes {
        HeaderBytes { bytes: [0; HeaderBytes::MOST], len: 0 }
    }
}

impl HeaderBytes {
    /// The longest header, bytes.
    pub const MOST: usize = 60;

    /// The first `len` of these bytes.
    #[inline]
    fn new(bytes: [u8; HeaderBytes::MOST], len: usize) -> HeaderBytes {
        HeaderBytes { bytes, len: len.min(HeaderBytes::MOST) as u8 }
    }

    /// The sum over a header, to be folded: of 32-bit words, of which every header is made.
    #[inline]
    pub(crate) fn sum(&self) -> u64 {
        // What lies behind the header is zero.
        checksum::csum_words(self.bytes.as_chunks().0)
    }

    /// # Panics
    /// If it becomes longer than any header.
    #[inline]
    fn extend(&mut self, bytes: &[u8]) {
        let at = usize::from(self.len);
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len() as u8;
    }
}

impl core::ops::Deref for HeaderBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl core::ops::DerefMut for HeaderBytes {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..usize::from(self.len)]
    }
}

pub(crate) fn be16(b: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([b[at], b[at + 1]])
}

pub(crate) fn be32(b: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
}
