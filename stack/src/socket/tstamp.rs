//! `SO_TIMESTAMPING` of what is sent: when a byte of the stream went to the qdisc, to the driver, and was
//! acknowledged. The stamps wait in the error queue.
//!
//! Linux: `__skb_tstamp_tx` in `net/core/skbuff.c`, `tcp_tx_timestamp` and `tcp_get_timestamping_opt_stats` in
//! `net/ipv4/tcp.c`, `tcp_ack_tstamp` in `net/ipv4/tcp_input.c`; `Documentation/networking/timestamping.rst`.

use super::{ExtendedError, Sock};
use crate::host::{Cx, Host};
use crate::skb::SkBuff;
use crate::syscall::{
    Errno, SCM_TSTAMP_ACK, SO_EE_ORIGIN_TIMESTAMPING, SOF_TIMESTAMPING_OPT_ID, SOF_TIMESTAMPING_OPT_STATS,
    SOF_TIMESTAMPING_OPT_TSONLY, SOF_TIMESTAMPING_TX_ACK, SOF_TIMESTAMPING_TX_SCHED, SOF_TIMESTAMPING_TX_SOFTWARE,
    TcpInfo,
};
use crate::tcp::seq::before;
use crate::tcp::{TcpSock, clock_ns};
use crate::trace::SockId;
use alloc::vec::Vec;

/// `SKBTX_SCHED_TSTAMP`: tell when it enters the qdisc.
pub(crate) const TX_SCHED: u8 = 1;
/// `SKBTX_SW_TSTAMP`: tell when the driver has it.
pub(crate) const TX_SOFTWARE: u8 = 2;
/// `TSTAMP_ACK_SK`: tell when its last byte is acknowledged.
pub(crate) const TX_ACK: u8 = 4;

/// `SOF_TIMESTAMPING_TX_RECORD_MASK`: what a control message may ask for.
pub(crate) const TX_RECORD_MASK: i32 =
    SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_ACK | 1;

/// `sock_tx_timestamp`: what an skb carries for these `SOF_TIMESTAMPING_*`.
pub(crate) fn tx_flags(tsflags: i32) -> u8 {
    let bit = |asked: i32, flag: u8| if tsflags & asked != 0 { flag } else { 0 };
    bit(SOF_TIMESTAMPING_TX_SCHED, TX_SCHED)
        | bit(SOF_TIMESTAMPING_TX_SOFTWARE, TX_SOFTWARE)
        | bit(SOF_TIMESTAMPING_TX_ACK, TX_ACK)
}

/// A stamp on its way to the error queue: its socket may be at work just now.
#[derive(Clone, Debug)]
pub(crate) struct TxStamp {
    sock: SockId,
    /// `SCM_TSTAMP_*`
    kind: i32,
    /// `shinfo->tskey`: the byte.
    key: u32,
    /// When, ns of the kernel's clock.
    at: u64,
    /// Earliest departure time of the packet.
    departure: u64,
    /// TTL of the ACK, if it was one.
    ttl: Option<u8>,
    /// The packet.
    bytes: Vec<u8>,
}

impl SkBuff {
    /// `tcp_fragment_tstamp`: the stamp goes with the part that has its byte.
    pub(crate) fn split_tx_stamp(&mut self, second: &mut SkBuff) {
        if self.tx_flags != 0 && !before(self.tskey, second.cb.seq) {
            second.tskey = self.tskey;
            second.tx_flags = core::mem::take(&mut self.tx_flags);
        }
    }

    /// `tcp_skb_collapse_tstamp`: the stamp of an skb that was joined to this one.
    pub(crate) fn join_tx_stamp(&mut self, next: &SkBuff) {
        if next.tx_flags != 0 {
            self.tx_flags |= next.tx_flags;
            self.tskey = next.tskey;
        }
    }
}

impl Host {
    /// `__skb_tstamp_tx` for a packet on its way down.
    #[inline]
    pub(crate) fn skb_tstamp_tx(&mut self, cx: &Cx<'_>, skb: &SkBuff, flag: u8, kind: i32) {
        if skb.tx_flags & flag != 0
            && let Some(sock) = skb.owner
        {
            let bytes = skb.pieces(0, skb.len(), cx).flatten().copied().collect();
            let (key, at, departure) = (skb.tskey, clock_ns(cx), skb.cb.sent_at);
            self.tx_stamps.push(TxStamp { sock, kind, key, at, departure, ttl: None, bytes });
        }
    }

    /// `tcp_ack_tstamp`: `skb` of the retransmit queue is acknowledged, or its first part is.
    #[inline]
    pub(crate) fn tcp_ack_tstamp(&mut self, cx: &Cx<'_>, tp: &TcpSock, skb: &SkBuff, prior_snd_una: u32) {
        let now = !before(skb.tskey, prior_snd_una) && before(skb.tskey, tp.snd_una);
        if skb.tx_flags & TX_ACK != 0 && now {
            let bytes = skb.pieces(0, skb.len(), cx).flatten().copied().collect();
            let (kind, key, at) = (SCM_TSTAMP_ACK, skb.tskey, clock_ns(cx));
            let stamp = TxStamp { sock: tp.sk.id, kind, key, at, departure: skb.cb.sent_at, ttl: Some(64), bytes };
            self.tx_stamps.push(stamp);
        }
    }

    /// `__skb_complete_tx_timestamp`: the stamps enter their sockets' error queues. False if there were none.
    pub(crate) fn deliver_tx_stamps(&mut self, cx: &mut Cx<'_>) -> bool {
        if self.tx_stamps.is_empty() {
            return false;
        }
        for stamp in core::mem::take(&mut self.tx_stamps) {
            let id = stamp.sock;
            let deliver = |host: &mut Host, cx: &mut Cx<'_>, tp: &mut TcpSock| {
                let only = tp.tsflags & SOF_TIMESTAMPING_OPT_TSONLY != 0;
                let stats = only && tp.tsflags & SOF_TIMESTAMPING_OPT_STATS != 0;
                let stats = stats.then(|| opt_stats(&host.tcp_get_info(cx, tp), tp, &stamp));
                let payload = if only { Vec::new() } else { stamp.bytes };
                tp.sk.queue_stamp((stamp.kind, stamp.key, stamp.at), payload, stats);
                host.sk_error_report(cx, &mut tp.sk);
            };
            self.with_tcp(cx, id, deliver);
        }
        true
    }
}

impl Sock {
    fn queue_stamp(&mut self, (kind, key, at): (i32, u32, u64), payload: Vec<u8>, stats: Option<Vec<u8>>) {
        let with_id = self.tsflags & SOF_TIMESTAMPING_OPT_ID != 0;
        self.queue_error(ExtendedError {
            errno: Errno::ENOMSG,
            origin: SO_EE_ORIGIN_TIMESTAMPING as u8,
            kind: 0,
            code: 0,
            info: kind as u32,
            data: if with_id { key.wrapping_sub(self.tskey) } else { 0 },
            destination: None,
            offender: core::net::Ipv4Addr::UNSPECIFIED,
            payload: stats.clone().unwrap_or(payload),
            stamp: at,
            stats,
        });
    }
}

/// `tcp_get_timestamping_opt_stats`: `TCP_NLA_*` attributes.
fn opt_stats(info: &TcpInfo, tp: &TcpSock, stamp: &TxStamp) -> Vec<u8> {
    let mut b = Vec::with_capacity(256);
    let mut put = |kind: u16, value: &[u8]| {
        b.extend_from_slice(&(4 + value.len() as u16).to_le_bytes());
        b.extend_from_slice(&kind.to_le_bytes());
        b.extend_from_slice(value);
        while b.len() % 4 != 0 {
            b.push(0);
        }
    };
    put(1, &info.tcpi_busy_time.to_le_bytes());
    put(2, &info.tcpi_rwnd_limited.to_le_bytes());
    put(3, &info.tcpi_sndbuf_limited.to_le_bytes());
    put(4, &u64::from(info.tcpi_data_segs_out).to_le_bytes());
    put(5, &u64::from(info.tcpi_total_retrans).to_le_bytes());
    put(6, &info.tcpi_pacing_rate.to_le_bytes());
    put(7, &info.tcpi_delivery_rate.to_le_bytes());
    put(8, &info.tcpi_snd_cwnd.to_le_bytes());
    put(9, &info.tcpi_reordering.to_le_bytes());
    put(10, &info.tcpi_min_rtt.to_le_bytes());
    put(11, &[info.tcpi_retransmits]);
    put(12, &[info.tcpi_delivery_rate_app_limited]);
    put(15, &info.tcpi_snd_ssthresh.to_le_bytes());
    put(16, &info.tcpi_delivered.to_le_bytes());
    put(17, &info.tcpi_delivered_ce.to_le_bytes());
    put(13, &tp.write_seq.wrapping_sub(tp.snd_una).to_le_bytes());
    put(14, &[info.tcpi_ca_state]);
    put(18, &info.tcpi_bytes_sent.to_le_bytes());
    put(19, &info.tcpi_bytes_retrans.to_le_bytes());
    put(20, &info.tcpi_dsack_dups.to_le_bytes());
    put(21, &info.tcpi_reord_seen.to_le_bytes());
    put(22, &tp.srtt_us.to_le_bytes());
    put(23, &(info.tcpi_rehash as u16).to_le_bytes());
    put(24, &info.tcpi_notsent_bytes.to_le_bytes());
    put(25, &stamp.departure.to_le_bytes());
    if let Some(ttl) = stamp.ttl {
        put(26, &[ttl]);
    }
    put(27, &info.tcpi_rehash.to_le_bytes());
    b
}
