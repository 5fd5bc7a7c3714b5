//! ICMP for IPv4.
//!
//! RFC 792; Linux: `include/uapi/linux/icmp.h`.

use super::checksum::ip_compute_csum;
use super::field::{FieldDef, Show, field};
use super::{Malformed, be16, be32};

/// Bytes of the header that every message has.
pub const ICMP_HLEN: usize = 8;
/// Echo reply.
pub const ICMP_ECHOREPLY: u8 = 0;
/// Destination unreachable.
pub const ICMP_DEST_UNREACH: u8 = 3;
/// Echo request.
pub const ICMP_ECHO: u8 = 8;
/// Time exceeded.
pub const ICMP_TIME_EXCEEDED: u8 = 11;
/// A header field makes no sense.
pub const ICMP_PARAMETERPROB: u8 = 12;
/// Codes of destination unreachable.
pub const ICMP_NET_UNREACH: u8 = 0;
/// Codes of destination unreachable.
pub const ICMP_HOST_UNREACH: u8 = 1;
/// Codes of destination unreachable.
pub const ICMP_PROT_UNREACH: u8 = 2;
/// Codes of destination unreachable.
pub const ICMP_PORT_UNREACH: u8 = 3;
/// Codes of destination unreachable: would need fragmentation; the rest holds the next hop's MTU.
pub const ICMP_FRAG_NEEDED: u8 = 4;

/// An ICMP header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IcmpRepr {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// The rest of the header: identifier and sequence number of an echo.
    pub rest: u32,
}

impl IcmpRepr {
    /// An echo's identifier.
    pub fn id(&self) -> u16 {
        (self.rest >> 16) as u16
    }

    /// Reads a message: the checksum covers all of it.
    pub fn parse(b: &[u8]) -> Result<IcmpRepr, Malformed> {
        let h: &[u8; ICMP_HLEN] = b.first_chunk().ok_or(Malformed::Truncated)?;
        if ip_compute_csum(b) != 0 {
            return Err(Malformed::Checksum);
        }
        Ok(IcmpRepr { kind: h[0], code: h[1], rest: be32(h, 4) })
    }

    /// Reads a header quoted without its whole message: nothing is checked.
    pub fn parse_quoted(b: &[u8]) -> Result<IcmpRepr, Malformed> {
        let h: &[u8; ICMP_HLEN] = b.first_chunk().ok_or(Malformed::Truncated)?;
        Ok(IcmpRepr { kind: h[0], code: h[1], rest: be32(h, 4) })
    }

    /// The header's bytes, with the checksum over header and `payload`.
    pub fn emit(&self, payload: &[u8]) -> [u8; ICMP_HLEN] {
        use super::checksum::{csum_fold, csum_partial};
        let mut b = [0; ICMP_HLEN];
        b[0] = self.kind;
        b[1] = self.code;
        b[4..8].copy_from_slice(&self.rest.to_be_bytes());
        let check = csum_fold(csum_partial(payload, csum_partial(&b, 0)));
        b[2..4].copy_from_slice(&check.to_be_bytes());
        debug_assert_eq!(be16(&b, 2), check);
        b
    }
}

/// The fields, in order.
pub const FIELDS: &[FieldDef] = &[
    field(("Type", "type"), (0, 8), Show::Dec, "icmp.type", "8 asks for an echo, 0 answers, 3 says \"unreachable\"."),
    field(("Code", "code"), (8, 8), Show::Dec, "icmp.code", "Says more about the type."),
    field(("Checksum", "csum"), (16, 16), Show::Checksum, "icmp.checksum", "Over the whole message."),
    field(("Identifier", "id"), (32, 16), Show::Dec, "icmp.ident", "Tells one ping program from another."),
    field(("Sequence number", "seq"), (48, 16), Show::Dec, "icmp.seq", "Tells one echo from the next."),
];
