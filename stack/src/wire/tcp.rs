//! TCP's header.
//!
//! RFC 9293 §3.1; Linux: `include/uapi/linux/tcp.h`. Options are in [`super::tcp_options`].

use super::field::{FieldDef, Show, field};
use super::tcp_options::{TIMESTAMPS_ALIGNED, TcpOptions};
use super::{HeaderBytes, Malformed, be16, be32};

/// Bytes of a header without options.
pub const TCP_HLEN: usize = 20;
/// No more data.
pub const FIN: u8 = 0x01;
/// Synchronise sequence numbers.
pub const SYN: u8 = 0x02;
/// Reset.
pub const RST: u8 = 0x04;
/// Push.
pub const PSH: u8 = 0x08;
/// The acknowledgment field counts.
pub const ACK: u8 = 0x10;
/// The urgent pointer counts.
pub const URG: u8 = 0x20;
/// ECN echo.
pub const ECE: u8 = 0x40;
/// Congestion window reduced.
pub const CWR: u8 = 0x80;

/// A TCP header with its options.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TcpRepr {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// The eight flag bits.
    pub flags: u8,
    /// Window as it stands in the header: not scaled.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Header length, bytes, options included.
    pub header_len: u8,
    /// Options.
    pub options: TcpOptions,
}

impl TcpRepr {
    /// Reads the header; the caller verifies the checksum, which needs the IPv4 addresses.
    ///
    /// Options that make no sense are skipped, as Linux does (`tcp_parse_options`).
    #[inline]
    pub fn parse(b: &[u8]) -> Result<TcpRepr, Malformed> {
        let h: &[u8; TCP_HLEN] = b.first_chunk().ok_or(Malformed::Truncated)?;
        let header_len = (h[12] >> 4) * 4;
        if usize::from(header_len) < TCP_HLEN {
            return Err(Malformed::Length);
        }
        let options = b.get(TCP_HLEN..usize::from(header_len)).ok_or(Malformed::Truncated)?;
        Ok(TcpRepr {
            src_port: be16(h, 0),
            dst_port: be16(h, 2),
            seq: be32(h, 4),
            ack: be32(h, 8),
            flags: h[13],
            window: be16(h, 14),
            urgent: be16(h, 18),
            header_len,
            options: TcpOptions::parse(options),
        })
    }

    /// Is this flag set?
    #[inline]
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The header's bytes with a checksum of zero, with these options: its own, and its length, do not count.
    #[inline]
    pub fn emit(&self, options: &TcpOptions) -> HeaderBytes {
        let mut b = [0; HeaderBytes::MOST];
        b[0..2].copy_from_slice(&self.src_port.to_be_bytes());
        b[2..4].copy_from_slice(&self.dst_port.to_be_bytes());
        b[4..8].copy_from_slice(&self.seq.to_be_bytes());
        b[8..12].copy_from_slice(&self.ack.to_be_bytes());
        b[13] = self.flags;
        b[14..16].copy_from_slice(&self.window.to_be_bytes());
        b[18..20].copy_from_slice(&self.urgent.to_be_bytes());
        let len = match options.only_timestamps() {
            Some((value, echo)) => {
                b[20..24].copy_from_slice(&[1, 1, 8, 10]);
                b[24..28].copy_from_slice(&value.to_be_bytes());
                b[28..32].copy_from_slice(&echo.to_be_bytes());
                TCP_HLEN + TIMESTAMPS_ALIGNED
            }
            None => {
                let options = options.emit();
                debug_assert!(options.len().is_multiple_of(4));
                b[TCP_HLEN..TCP_HLEN + options.len()].copy_from_slice(&options);
                TCP_HLEN + options.len()
            }
        };
        b[12] = (len as u8 / 4) << 4;
        HeaderBytes::new(b, len)
    }
}

/// The fields, in order.
pub const FIELDS: &[FieldDef] = &[
    field(("Source port", "sport"), (0, 16), Show::Dec, "tcp.srcport", "The sender's port."),
    field(("Destination port", "dport"), (16, 16), Show::Dec, "tcp.dstport", "The receiver's port."),
    field(
        ("Sequence number", "seq"),
        (32, 32),
        Show::Dec,
        "tcp.seq_raw",
        "The number of the first byte of data in this segment.",
    ),
    field(
        ("Acknowledgment number", "ack"),
        (64, 32),
        Show::Dec,
        "tcp.ack_raw",
        "The next byte the sender wants to see.",
    ),
    field(("Data offset", "doff"), (96, 4), Show::Dec, "tcp.hdr_len", "Header length in units of 4 bytes."),
    field(("Reserved", "res"), (100, 4), Show::Dec, "tcp.flags.res", "Zero."),
    field(("Flags", "flags"), (104, 8), Show::Flags, "tcp.flags", "CWR ECE URG ACK PSH RST SYN FIN."),
    field(
        ("Window", "win"),
        (112, 16),
        Show::Dec,
        "tcp.window_size_value",
        "Bytes the sender can take, before scaling.",
    ),
    field(
        ("Checksum", "csum"),
        (128, 16),
        Show::Checksum,
        "tcp.checksum",
        "Over the pseudo header, this header and the data.",
    ),
    field(
        ("Urgent pointer", "urg"),
        (144, 16),
        Show::Dec,
        "tcp.urgent_pointer",
        "Where urgent data ends; counts only with URG.",
    ),
    field(("Options", "options"), (160, 0), Show::Bytes, "tcp.options", "MSS, SACK, timestamps, window scale."),
];
