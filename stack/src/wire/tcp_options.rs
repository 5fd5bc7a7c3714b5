//! TCP's options: what they mean, and Linux's way of laying them out.
//!
//! RFC 9293 §3.2, RFC 7323 (window scale, timestamps), RFC 2018 (SACK). Linux: `tcp_parse_options` in
//! `net/ipv4/tcp_input.c`, `tcp_options_write` in `net/ipv4/tcp_output.c`.

use super::{HeaderBytes, be16, be32};

/// The most SACK blocks a header can hold.
pub const MAX_SACKS: usize = 4;
/// `TCPOLEN_TSTAMP_ALIGNED`: what timestamps take, with the two NOPs before them, bytes.
pub const TIMESTAMPS_ALIGNED: usize = 12;

/// The options of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcpOptions {
    /// Maximum segment size; in SYN segments only.
    pub mss: Option<u16>,
    /// Window scale shift; in SYN segments only.
    pub wscale: Option<u8>,
    /// SACK permitted; in SYN segments only.
    pub sack_permitted: bool,
    /// Timestamps: value and echo reply.
    pub timestamps: Option<(u32, u32)>,
    /// SACK blocks, `[start, end)`, the first `sack_count` of them.
    pub sacks: [(u32, u32); MAX_SACKS],
    /// How many of `sacks` count.
    pub sack_count: u8,
}

impl TcpOptions {
    /// Reads options; stops at the first that makes no sense.
    #[inline]
    pub fn parse(b: &[u8]) -> TcpOptions {
        // `tcp_parse_aligned_timestamp`: what nearly every segment has.
        if let Ok(b) = <&[u8; TIMESTAMPS_ALIGNED]>::try_from(b)
            && be32(b, 0) == 0x0101_080a
        {
            return TcpOptions { timestamps: Some((be32(b, 4), be32(b, 8))), ..TcpOptions::default() };
        }
        TcpOptions::parse_one_by_one(b)
    }

    fn parse_one_by_one(mut b: &[u8]) -> TcpOptions {
        let mut o = TcpOptions::default();
        while let [kind, rest @ ..] = b {
            match kind {
                0 => break,
                1 => {
                    b = rest;
                    continue;
                }
                _ => {}
            }
            let Some(len) = rest.first().map(|l| usize::from(*l)).filter(|l| *l >= 2 && *l <= b.len()) else { break };
            let body = &b[2..len];
            match (kind, body.len()) {
                (2, 2) => o.mss = Some(be16(body, 0)).filter(|mss| *mss > 0),
                // RFC 7323 §2.3: a shift above 14 counts as 14.
                (3, 1) => o.wscale = Some(body[0].min(14)),
                (4, 0) => o.sack_permitted = true,
                (5, n) if n > 0 && n % 8 == 0 => {
                    for block in body.chunks_exact(8).take(MAX_SACKS) {
                        o.sacks[usize::from(o.sack_count)] = (be32(block, 0), be32(block, 4));
                        o.sack_count += 1;
                        if usize::from(o.sack_count) == MAX_SACKS {
                            break;
                        }
                    }
                }
                (8, 8) => o.timestamps = Some((be32(body, 0), be32(body, 4))),
                _ => {}
            }
            b = &b[len..];
        }
        o
    }

    /// The SACK blocks.
    pub fn sack_blocks(&self) -> &[(u32, u32)] {
        &self.sacks[..usize::from(self.sack_count)]
    }

    /// The timestamps, if there is nothing else: what nearly every segment has.
    #[inline]
    pub fn only_timestamps(&self) -> Option<(u32, u32)> {
        let others = self.mss.is_some() || self.wscale.is_some() || self.sack_permitted || self.sack_count > 0;
        self.timestamps.filter(|_| !others)
    }

    /// Lays the options out in Linux's order and padding (`tcp_options_write`):
    /// MSS, then SACK permitted + timestamps (or NOP NOP timestamps), NOP window scale, NOP NOP SACK.
    pub fn emit(&self) -> HeaderBytes {
        let mut b = HeaderBytes::default();
        if let Some(mss) = self.mss {
            b.extend(&[2, 4]);
            b.extend(&mss.to_be_bytes());
        }
        if let Some((value, echo)) = self.timestamps {
            b.extend(if self.sack_permitted { &[4, 2] } else { &[1, 1] });
            b.extend(&[8, 10]);
            b.extend(&value.to_be_bytes());
            b.extend(&echo.to_be_bytes());
        } else if self.sack_permitted {
            b.extend(&[1, 1, 4, 2]);
        }
        if let Some(shift) = self.wscale {
            b.extend(&[1, 3, 3, shift]);
        }
        if self.sack_count > 0 {
            b.extend(&[1, 1, 5, 2 + 8 * self.sack_count]);
            for (start, end) in self.sack_blocks() {
                b.extend(&start.to_be_bytes());
                b.extend(&end.to_be_bytes());
            }
        }
        b
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syn_carries_its_options_in_linux_order() {
        let o = TcpOptions {
            mss: Some(1460),
            sack_permitted: true,
            timestamps: Some((1, 0)),
            wscale: Some(7),
            ..TcpOptions::default()
        };
        assert_eq!(*o.emit(), [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7]);
        assert_eq!(TcpOptions::parse(&o.emit()), o);
    }

    #[test]
    fn a_length_beyond_the_end_stops_the_reading() {
        assert_eq!(TcpOptions::parse(&[8, 10, 1, 2]), TcpOptions::default());
        assert_eq!(TcpOptions::parse(&[5, 0]), TcpOptions::default());
        assert_eq!(TcpOptions::parse(&[3]), TcpOptions::default());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60)) {
            let _ = TcpOptions::parse(&bytes);
        }
    }
}
