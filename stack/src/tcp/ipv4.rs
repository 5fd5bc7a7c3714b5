//! TCP over IPv4: receiving a segment and finding its socket, and ICMP errors.
//!
//! Linux: `net/ipv4/tcp_ipv4.c`. RFC 9293 §3.10.7.

use super::output::Path;
use crate::socket::Tuple;
use crate::wire::ipv4::Ipv4Repr;
use crate::wire::tcp::{FIN, SYN, TcpRepr};

/// A received segment: both headers, and how many bytes follow.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) ip: Ipv4Repr,
    pub(crate) tcp: TcpRepr,
    /// Payload bytes.
    pub(crate) len: u32,
}

impl Segment {
    pub(crate) fn has(&self, flag: u8) -> bool {
        self.tcp.has(flag)
    }

    /// One past the last sequence number: SYN and FIN count.
    pub(super) fn end_seq(&self) -> u32 {
        self.tcp.seq.wrapping_add(self.len + u32::from(self.has(SYN)) + u32::from(self.has(FIN)))
    }

    pub(super) fn tuple(&self) -> Tuple {
        Tuple { local: (self.ip.dst, self.tcp.dst_port), peer: (self.ip.src, self.tcp.src_port) }
    }

    /// The way back.
    pub(super) fn reply_path(&self) -> Path {
        Path { src: (self.ip.dst, self.tcp.dst_port), dst: (self.ip.src, self.tcp.src_port) }
    }
}
