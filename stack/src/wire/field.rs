//! The description of a header field: what a dissector and the header grid need to know.

/// How a field's value reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Show {
    /// Decimal.
    Dec,
    /// Hexadecimal.
    Hex,
    /// A dotted quad.
    Ipv4,
    /// A hardware address.
    Mac,
    /// Single bits with letters, highest first.
    Flags,
    /// A checksum.
    Checksum,
    /// Nothing but bytes.
    Bytes,
}

/// One field of a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldDef {
    /// The RFC's name.
    pub name: &'static str,
    /// The name in a narrow cell.
    pub short: &'static str,
    /// First bit, from the header's beginning.
    pub bit: u16,
    /// Width in bits; 0 means: to the header's end.
    pub bits: u16,
    /// How the value reads.
    pub show: Show,
    /// Wireshark's display-filter name.
    pub filter: &'static str,
    /// One sentence for a learner.
    pub meaning: &'static str,
}

/// A shorthand for the tables.
pub(super) const fn field(
    (name, short): (&'static str, &'static str),
    (bit, bits): (u16, u16),
    show: Show,
    filter: &'static str,
    meaning: &'static str,
) -> FieldDef {
    FieldDef { name, short, bit, bits, show, filter, meaning }
}

impl FieldDef {
    /// The field's value, if it has at most 64 bits and the header is long enough.
    pub fn value(&self, header: &[u8]) -> Option<u64> {
        if self.bits == 0 || self.bits > 64 {
            return None;
        }
        let mut value = 0u64;
        for bit in self.bit..self.bit + self.bits {
            let byte = *header.get(usize::from(bit / 8))?;
            value = value << 1 | u64::from(byte >> (7 - bit % 8) & 1);
        }
        Some(value)
    }
}
