//! Ethernet II.
//!
//! IEEE 802.3 §3.1.1; Linux: `include/uapi/linux/if_ether.h`. The FCS is the card's affair alone.

use super::field::{FieldDef, Show, field};
use super::{Malformed, be16};

/// Bytes of the header, without preamble and FCS.
pub const ETH_HLEN: usize = 14;
/// The shortest frame without FCS; shorter ones are padded by the card.
pub const ETH_ZLEN: usize = 60;
/// EtherType of IPv4.
pub const ETH_P_IP: u16 = 0x0800;
/// EtherType of ARP.
pub const ETH_P_ARP: u16 = 0x0806;

/// A hardware address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: MacAddr = MacAddr([0xff; 6]);
    /// All zero: "unknown".
    pub const ZERO: MacAddr = MacAddr([0; 6]);

    /// Is the group bit set?
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// Parses `02:00:00:00:00:01`.
    pub fn parse(text: &str) -> Option<MacAddr> {
        let mut mac = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut mac {
            let part = parts.next().filter(|p| p.len() == 2)?;
            *byte = u8::from_str_radix(part, 16).ok()?;
        }
        parts.next().is_none().then_some(MacAddr(mac))
    }
}

impl core::fmt::Display for MacAddr {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl core::fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

/// An Ethernet II header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EthernetRepr {
    /// Destination address.
    pub dst: MacAddr,
    /// Source address.
    pub src: MacAddr,
    /// What follows.
    pub ethertype: u16,
}

impl EthernetRepr {
    /// Reads the header at the front of a frame.
    #[inline]
    pub fn parse(b: &[u8]) -> Result<EthernetRepr, Malformed> {
        let b: &[u8; ETH_HLEN] = b.first_chunk().ok_or(Malformed::Truncated)?;
        let mac = |at: usize| MacAddr([b[at], b[at + 1], b[at + 2], b[at + 3], b[at + 4], b[at + 5]]);
        Ok(EthernetRepr { dst: mac(0), src: mac(6), ethertype: be16(b, 12) })
    }

    /// The header's bytes.
    pub fn emit(&self) -> [u8; ETH_HLEN] {
        let mut b = [0; ETH_HLEN];
        b[..6].copy_from_slice(&self.dst.0);
        b[6..12].copy_from_slice(&self.src.0);
        b[12..].copy_from_slice(&self.ethertype.to_be_bytes());
        b
    }
}

/// The fields, in order.
pub const FIELDS: &[FieldDef] = &[
    field(("Destination", "dst"), (0, 48), Show::Mac, "eth.dst", "The card on this link that shall take the frame."),
    field(("Source", "src"), (48, 48), Show::Mac, "eth.src", "The card that sent the frame."),
    field(("EtherType", "type"), (96, 16), Show::Hex, "eth.type", "What follows: 0x0800 is IPv4, 0x0806 is ARP."),
];
