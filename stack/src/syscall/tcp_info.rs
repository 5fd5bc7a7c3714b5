//! `struct tcp_info`: what `getsockopt(TCP_INFO)` gives.
//!
//! Linux: `include/uapi/linux/tcp.h` (6.18). RFC 4898 names many of the same things.

use alloc::vec::Vec;

macro_rules! tcp_info {
    ($($(#[$doc:meta])* $name:ident: $ty:ty = $at:literal;)*) => {
        /// The state of a connection, as a program sees it. Bit fields of C are bytes of their own here.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct TcpInfo {
            /// Window scale of the peer.
            pub tcpi_snd_wscale: u8,
            /// Window scale of this side.
            pub tcpi_rcv_wscale: u8,
            /// The rate is what the program gave, not what the path could do.
            pub tcpi_delivery_rate_app_limited: u8,
            $($(#[$doc])* pub $name: $ty,)*
        }

        impl TcpInfo {
            /// The bytes of the C structure, in the machine's (little-endian) order.
            pub fn to_bytes(&self) -> [u8; TcpInfo::SIZE] {
                let mut b = [0; TcpInfo::SIZE];
                b[6] = self.tcpi_snd_wscale & 15 | self.tcpi_rcv_wscale << 4;
                b[7] = self.tcpi_delivery_rate_app_limited & 1;
                $(b[$at..$at + size_of::<$ty>()].copy_from_slice(&self.$name.to_le_bytes());)*
                b
            }

            /// Reads the C structure; what is missing is zero.
            pub fn from_bytes(bytes: &[u8]) -> TcpInfo {
                let mut b = [0; TcpInfo::SIZE];
                let len = bytes.len().min(TcpInfo::SIZE);
                b[..len].copy_from_slice(&bytes[..len]);
                TcpInfo {
                    tcpi_snd_wscale: b[6] & 15,
                    tcpi_rcv_wscale: b[6] >> 4,
                    tcpi_delivery_rate_app_limited: b[7] & 1,
                    $($name: <$ty>::from_le_bytes(core::array::from_fn(|i| b[$at + i])),)*
                }
            }

            /// Every field's name and value.
            pub fn fields(&self) -> Vec<(&'static str, u64)> {
                let mut fields = alloc::vec![
                    ("tcpi_snd_wscale", u64::from(self.tcpi_snd_wscale)),
                    ("tcpi_rcv_wscale", u64::from(self.tcpi_rcv_wscale)),
                    ("tcpi_delivery_rate_app_limited", u64::from(self.tcpi_delivery_rate_app_limited)),
                ];
                $(fields.push((stringify!($name), u64::from(self.$name)));)*
                fields
            }
        }
    };
}

impl TcpInfo {
    /// `sizeof(struct tcp_info)`, bytes.
    pub const SIZE: usize = 280;
}

tcp_info! {
    /// `TCP_ESTABLISHED` is 1, and so on.
    tcpi_state: u8 = 0;
    /// `TCP_CA_Open` is 0, Disorder 1, CWR 2, Recovery 3, Loss 4.
    tcpi_ca_state: u8 = 1;
    /// Time-outs in a row.
    tcpi_retransmits: u8 = 2;
    /// Probes without an answer: zero window or keepalive.
    tcpi_probes: u8 = 3;
    /// How often the time-out has doubled.
    tcpi_backoff: u8 = 4;
    /// `TCPI_OPT_*`.
    tcpi_options: u8 = 5;
    /// Retransmission time-out, µs.
    tcpi_rto: u32 = 8;
    /// How long an ACK may be delayed, µs.
    tcpi_ato: u32 = 12;
    /// Largest payload of a segment sent, bytes.
    tcpi_snd_mss: u32 = 16;
    /// Largest payload of a segment received lately, bytes.
    tcpi_rcv_mss: u32 = 20;
    /// Segments on their way; of a listener, connections that wait for `accept`.
    tcpi_unacked: u32 = 24;
    /// Segments that a SACK covers; of a listener, its backlog.
    tcpi_sacked: u32 = 28;
    /// Segments taken to be lost.
    tcpi_lost: u32 = 32;
    /// Segments sent again and on their way.
    tcpi_retrans: u32 = 36;
    /// Not used any more.
    tcpi_fackets: u32 = 40;
    /// ms since data was sent.
    tcpi_last_data_sent: u32 = 44;
    /// Not remembered by Linux.
    tcpi_last_ack_sent: u32 = 48;
    /// ms since data was received.
    tcpi_last_data_recv: u32 = 52;
    /// ms since an ACK was received.
    tcpi_last_ack_recv: u32 = 56;
    /// Path MTU, bytes.
    tcpi_pmtu: u32 = 60;
    /// How far the receive window may be opened now, bytes.
    tcpi_rcv_ssthresh: u32 = 64;
    /// Smoothed round-trip time, µs.
    tcpi_rtt: u32 = 68;
    /// Its mean deviation, µs.
    tcpi_rttvar: u32 = 72;
    /// Slow start threshold, segments.
    tcpi_snd_ssthresh: u32 = 76;
    /// Congestion window, segments.
    tcpi_snd_cwnd: u32 = 80;
    /// The MSS that this side advertises, bytes.
    tcpi_advmss: u32 = 84;
    /// How far reordering has been seen, segments.
    tcpi_reordering: u32 = 88;
    /// Round-trip time as the receiver sees it, µs.
    tcpi_rcv_rtt: u32 = 92;
    /// What the program reads in a round trip, bytes.
    tcpi_rcv_space: u32 = 96;
    /// Segments sent again so far.
    tcpi_total_retrans: u32 = 100;
    /// Bytes a second; all ones is unlimited.
    tcpi_pacing_rate: u64 = 104;
    /// The most it may be.
    tcpi_max_pacing_rate: u64 = 112;
    /// RFC 4898 tcpEStatsAppHCThruOctetsAcked.
    tcpi_bytes_acked: u64 = 120;
    /// RFC 4898 tcpEStatsAppHCThruOctetsReceived.
    tcpi_bytes_received: u64 = 128;
    /// RFC 4898 tcpEStatsPerfSegsOut.
    tcpi_segs_out: u32 = 136;
    /// RFC 4898 tcpEStatsPerfSegsIn.
    tcpi_segs_in: u32 = 140;
    /// Bytes written and not sent yet.
    tcpi_notsent_bytes: u32 = 144;
    /// Least round-trip time, µs.
    tcpi_min_rtt: u32 = 148;
    /// RFC 4898 tcpEStatsDataSegsIn.
    tcpi_data_segs_in: u32 = 152;
    /// RFC 4898 tcpEStatsDataSegsOut.
    tcpi_data_segs_out: u32 = 156;
    /// Bytes a second that arrived lately.
    tcpi_delivery_rate: u64 = 160;
    /// µs with data on its way or waiting.
    tcpi_busy_time: u64 = 168;
    /// µs of them held back by the peer's window.
    tcpi_rwnd_limited: u64 = 176;
    /// µs of them held back by the send buffer.
    tcpi_sndbuf_limited: u64 = 184;
    /// Segments delivered, also again.
    tcpi_delivered: u32 = 192;
    /// Of them, those that met congestion (ECN).
    tcpi_delivered_ce: u32 = 196;
    /// RFC 4898 tcpEStatsPerfHCDataOctetsOut.
    tcpi_bytes_sent: u64 = 200;
    /// RFC 4898 tcpEStatsPerfOctetsRetrans.
    tcpi_bytes_retrans: u64 = 208;
    /// RFC 4898 tcpEStatsStackDSACKDups.
    tcpi_dsack_dups: u32 = 216;
    /// How often reordering was seen.
    tcpi_reord_seen: u32 = 220;
    /// Segments that came out of order.
    tcpi_rcv_ooopack: u32 = 224;
    /// The peer's window, bytes.
    tcpi_snd_wnd: u32 = 228;
    /// The window offered to the peer, bytes.
    tcpi_rcv_wnd: u32 = 232;
    /// How often another path was tried.
    tcpi_rehash: u32 = 236;
    /// Retransmission time-outs so far.
    tcpi_total_rto: u16 = 240;
    /// Of them, runs that ended well.
    tcpi_total_rto_recoveries: u16 = 242;
    /// ms spent in them.
    tcpi_total_rto_time: u32 = 244;
    /// AccECN (RFC 9768): packets received with CE.
    tcpi_received_ce: u32 = 248;
    /// AccECN: bytes delivered with ECT(1).
    tcpi_delivered_e1_bytes: u32 = 252;
    /// AccECN: bytes delivered with ECT(0).
    tcpi_delivered_e0_bytes: u32 = 256;
    /// AccECN: bytes delivered with CE.
    tcpi_delivered_ce_bytes: u32 = 260;
    /// AccECN: bytes received with ECT(1).
    tcpi_received_e1_bytes: u32 = 264;
    /// AccECN: bytes received with ECT(0).
    tcpi_received_e0_bytes: u32 = 268;
    /// AccECN: bytes received with CE.
    tcpi_received_ce_bytes: u32 = 272;
    /// AccECN: why it is not used.
    tcpi_accecn_fail_mode: u16 = 276;
    /// AccECN: whether its option was seen.
    tcpi_accecn_opt_seen: u16 = 278;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structure_goes_to_bytes_and_back() {
        let info = TcpInfo {
            tcpi_snd_wscale: 8,
            tcpi_rcv_wscale: 10,
            tcpi_state: 1,
            tcpi_rto: 204_000,
            tcpi_pacing_rate: u64::MAX,
            tcpi_accecn_opt_seen: 0x1234,
            ..TcpInfo::default()
        };
        let bytes = info.to_bytes();
        assert_eq!((bytes[6], bytes[104], bytes[278], bytes[279]), (0xa8, 0xff, 0x34, 0x12));
        assert_eq!(TcpInfo::from_bytes(&bytes), info);
        assert_eq!(TcpInfo::from_bytes(&bytes[..12]).tcpi_rto, 204_000);
        assert_eq!(TcpInfo::from_bytes(&bytes[..10]).tcpi_rto, 204_000 & 0xffff);
        assert!(info.fields().contains(&("tcpi_rto", 204_000)));
    }
}
