//! Stubs: replaced one by one.
#![allow(unused_variables, clippy::needless_pass_by_value, dead_code)]

use super::ipv4::Segment;
use super::{CaState, TcpSock};
use crate::host::{Cx, Host};
use crate::icmp::Quoted;
use crate::skb::{SkBuff, TcpSkbCb};
use crate::syscall::{Errno, SockAddr, Stop};
use crate::sysctl::Sysctl;
use crate::time::Duration;
use crate::trace::{SockId, TcpState, TimerKind};
use crate::wire::ipv4::Ipv4Repr;
use alloc::boxed::Box;

// me (lead): what others call
impl Host {}
impl TcpSock {}

// conn
impl Host {
    pub(crate) fn tcp_v4_connect(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, addr: SockAddr) -> Result<(), Stop> {
        Err(Errno::ENOSYS.into())
    }
    pub(crate) fn tcp_v4_rcv(&mut self, cx: &mut Cx<'_>, ip: Ipv4Repr, skb: SkBuff) {
        skb.consume(cx);
    }
    pub(crate) fn tcp_v4_err(&mut self, cx: &mut Cx<'_>, q: &Quoted, errno: Errno, fatal: bool, mtu: Option<u16>) {}
    pub(super) fn tcp_v4_send_reset(&mut self, cx: &mut Cx<'_>, seg: &Segment) {}
    /// `tcp_reset`: the peer's RST.
    pub(super) fn tcp_reset(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {}
    /// `__tcp_close`: the last descriptor is gone (sets `dead`).
    pub(crate) fn tcp_close(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {}
    pub(crate) fn tcp_shutdown(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {}
    pub(crate) fn tcp_disconnect(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) -> Result<(), Stop> {
        Ok(())
    }
    pub(super) fn tcp_done(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {}
    /// Frees a socket that was taken out of the table: queues, page, port, tables; tells its end.
    pub(crate) fn tcp_free(&mut self, cx: &mut Cx<'_>, tp: Box<TcpSock>) {}
    /// `tcp_time_wait`: the small form takes the connection over; `tp` is done.
    pub(super) fn tcp_time_wait(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, substate: TcpState, after: Duration) {}
    pub(crate) fn reqsk_timer_handler(&mut self, cx: &mut Cx<'_>, id: SockId) {}
    pub(crate) fn tw_timer_handler(&mut self, cx: &mut Cx<'_>, id: SockId) {}
    /// A child's handshake is complete: it enters its listener's accept queue was done before; wakes the listener.
    pub(super) fn tcp_child_established(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {}
    /// `tcp_ecn_send_syn`: flags to add to a SYN (ECE, CWR), by `tcp_ecn`.
    pub(super) fn tcp_ecn_send_syn(&mut self, tp: &mut TcpSock) -> u8 {
        0
    }
    /// `tcp_ecn_send`: sets ECT in `tos` and ECE/CWR in `flags` of an outgoing segment with `payload` new bytes.
    pub(super) fn tcp_ecn_send(
        &mut self,
        tp: &mut TcpSock,
        cb: &TcpSkbCb,
        payload: bool,
        tos: &mut u8,
        flags: &mut u8,
    ) {
    }
    /// `tcp_data_ecn_check`
    pub(super) fn tcp_data_ecn_check(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, skb: &SkBuff) {}
    /// `tcp_ecn_accept_cwr`
    pub(super) fn tcp_ecn_accept_cwr(&mut self, tp: &mut TcpSock, skb: &SkBuff) {}
}
impl TcpSock {
    /// `tcp_ecn_rcv_synack`
    pub(super) fn ecn_rcv_synack(&mut self, seg: &Segment) {}
    /// `tcp_ecn_rcv_syn` (simultaneous open)
    pub(super) fn ecn_rcv_syn(&mut self, seg: &Segment) {}
    /// `tcp_ecn_rcv_ecn_echo`
    pub(super) fn ecn_rcv_ecn_echo(&self, seg: &Segment) -> bool {
        false
    }
    pub(super) fn ecn_queue_cwr(&mut self) {}
    pub(super) fn ecn_withdraw_cwr(&mut self) {}
}

// cc
impl TcpSock {
    /// Does the algorithm have a `cong_control`?
    pub(super) fn ca_has_cong_control(&self) -> bool {
        false
    }
}
impl Host {
    /// `tcp_update_pacing_rate`
    pub(super) fn tcp_update_pacing_rate(&mut self, tp: &mut TcpSock) {}
    /// `tcp_pacing_check`: true if a pacing timer must fire first (arms it).
    pub(super) fn tcp_pacing_check(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) -> bool {
        false
    }
    /// `tcp_set_congestion_control` (init included if the connection is open). `ENOENT` if there is none of that name.
    pub(crate) fn tcp_set_congestion_control(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        name: &str,
    ) -> Result<(), Errno> {
        Ok(())
    }
    /// `tcp_init_congestion_control`
    pub(super) fn tcp_init_congestion_control(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {}
}
impl TcpSock {
    /// `tcp_update_skb_after_send`: `tcp_wstamp_ns` moves on by the skb's length at the pacing rate.
    pub(super) fn update_skb_after_send(&mut self, len: u32, prior_wstamp: u64) {}
    /// `tcp_rate_skb_sent`
    pub(super) fn rate_skb_sent(&mut self, cb: &mut TcpSkbCb) {}
    /// `tcp_rate_skb_delivered`
    pub(super) fn rate_skb_delivered(&mut self, cb: &mut TcpSkbCb, rs: &mut RateSample) {}
    /// `tcp_rate_gen`
    pub(super) fn rate_gen(&mut self, delivered: u32, lost: u32, is_sack_reneg: bool, rs: &mut RateSample) {}
    /// `tcp_rate_check_app_limited`
    pub(super) fn rate_check_app_limited(&mut self) {}
    /// `icsk_ca_ops->name`
    pub(crate) fn ca_name(&self) -> &'static str {
        "cubic"
    }
    /// `icsk_ca_ops->get_info`: the bytes of `TCP_CC_INFO`, none if the algorithm has nothing to say.
    pub(crate) fn ca_get_info(&self) -> alloc::vec::Vec<u8> {
        alloc::vec::Vec::new()
    }
    /// `icsk_ca_ops->ssthresh`
    pub(super) fn ca_ssthresh(&mut self) -> u32 {
        2
    }
    /// `icsk_ca_ops->cong_avoid`
    pub(super) fn ca_cong_avoid(&mut self, ack: u32, acked: u32) {}
    pub(super) fn ca_set_state(&mut self, new: CaState) {}
    pub(super) fn ca_undo_cwnd(&mut self) -> u32 {
        self.snd_cwnd
    }
    pub(super) fn ca_cwnd_event(&mut self, event: CaEvent) {}
    /// `in_ack_event`, with `FLAG_*`-free bits: CA_ACK_*.
    pub(super) fn ca_in_ack_event(&mut self, flags: u32) {}
    pub(super) fn ca_pkts_acked(&mut self, pkts_acked: u32, rtt_us: i64, in_flight: u32) {}
    /// `cong_control`: true if the algorithm (BBR) set cwnd and pacing itself.
    pub(super) fn ca_cong_control(&mut self, ack: u32, flag: u32, rs: &RateSample) -> bool {
        false
    }
    /// `min_tso_segs`, if the algorithm has a say.
    pub(super) fn ca_min_tso_segs(&self) -> Option<u32> {
        None
    }
    /// `sndbuf_expand`: 2, or 3 for BBR.
    pub(super) fn ca_sndbuf_expand(&self) -> u32 {
        2
    }
    /// `TCP_CONG_NEEDS_ECN`
    pub(super) fn ca_needs_ecn(&self) -> bool {
        false
    }
    /// `tcp_is_cwnd_limited`
    pub(super) fn is_cwnd_limited(&self) -> bool {
        true
    }
}
/// `enum tcp_ca_event`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CaEvent {
    TxStart,
    CwndRestart,
    CompleteCwr,
    Loss,
    EcnNoCe,
    EcnIsCe,
}
/// `struct rate_sample`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RateSample {
    pub(crate) prior_mstamp: u64,
    pub(crate) prior_delivered: u32,
    pub(crate) prior_delivered_ce: u32,
    pub(crate) delivered: i32,
    pub(crate) delivered_ce: i32,
    pub(crate) interval_us: i64,
    pub(crate) snd_interval_us: u32,
    pub(crate) rcv_interval_us: u32,
    pub(crate) rtt_us: i64,
    pub(crate) losses: i32,
    pub(crate) acked_sacked: u32,
    pub(crate) prior_in_flight: u32,
    pub(crate) last_end_seq: u32,
    pub(crate) is_app_limited: bool,
    pub(crate) is_retrans: bool,
    pub(crate) is_ack_delayed: bool,
}
