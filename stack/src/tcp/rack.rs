//! RACK: a segment is lost if one sent later has arrived and enough time has passed.
//!
//! Linux: `net/ipv4/tcp_recovery.c`. RFC 8985 §6. Segments are looked at in the order of sequence numbers, not of
//! transmission: the answer is the same.

use super::seq::after;
use super::{
    CaState, LOST, RACK_RECOVERY_THRESH, RETRANS, RateSample, SACKED_ACKED, SACKED_RETRANS, TIMEOUT_MIN_US, TcpSock,
};
use crate::host::{Cx, Host};
use crate::trace::{Function, TimerKind};

/// `TCP_RACK_STATIC_REO_WND`
const STATIC_REO_WND: i64 = 2;
/// `TCP_RACK_NO_DUPTHRESH`
const NO_DUPTHRESH: i64 = 4;

/// `tcp_skb_sent_after`.
fn sent_after(t1: u64, t2: u64, seq1: u32, seq2: u32) -> bool {
    t1 > t2 || (t1 == t2 && after(seq1, seq2))
}

impl TcpSock {
    /// `tcp_rack_advance`: the newest segment known to be delivered, by the time it was sent, µs.
    pub(super) fn rack_advance(&mut self, sacked: u8, end_seq: u32, sent_us: u64) {
        let rtt_us = self.tcp_mstamp.saturating_sub(sent_us).min(u64::from(u32::MAX)) as u32;
        // A retransmission that seems too quick: the ACK was for the original.
        if rtt_us < self.min_rtt() && sacked & RETRANS != 0 {
            return;
        }
        self.rack.advanced = true;
        self.rack.rtt_us = rtt_us;
        if sent_after(sent_us, self.rack.mstamp, end_seq, self.rack.end_seq) {
            self.rack.mstamp = sent_us;
            self.rack.end_seq = end_seq;
        }
    }

    /// `tcp_rack_skb_timeout`: how long a segment sent at that time may still be on its way, µs.
    pub(super) fn rack_skb_timeout(&self, sent_us: u64, reo_wnd: u32) -> i64 {
        i64::from(self.rack.rtt_us) + i64::from(reo_wnd) - self.tcp_mstamp.saturating_sub(sent_us) as i64
    }

    /// `tcp_mark_skb_lost`.
    pub(super) fn mark_skb_lost(&mut self, index: usize) {
        let Some(skb) = self.rtx_queue.get_mut(index) else { return };
        let pcount = u32::from(skb.cb.gso_segs);
        let sacked = &mut skb.cb.sacked;
        if *sacked & SACKED_ACKED != 0 {
            return;
        }
        if *sacked & LOST != 0 {
            if *sacked & SACKED_RETRANS != 0 {
                // The retransmission is lost again.
                *sacked &= !SACKED_RETRANS;
                self.retrans_out -= pcount;
                self.lost = self.lost.wrapping_add(pcount);
            }
        } else {
            *sacked |= LOST;
            self.lost_out += pcount;
            self.lost = self.lost.wrapping_add(pcount);
        }
    }

    /// `tcp_rack_reo_wnd`: how much later than its successors a segment may come, µs.
    fn rack_reo_wnd(&self, recovery: i64) -> u32 {
        if self.reord_seen == 0 {
            if self.ca_state >= CaState::Recovery {
                return 0;
            }
            if self.sacked_out >= self.reordering && recovery & NO_DUPTHRESH == 0 {
                return 0;
            }
        }
        ((self.min_rtt() >> 2).saturating_mul(u32::from(self.rack.reo_wnd_steps))).min(self.srtt_us >> 3)
    }

    /// `tcp_rack_detect_loss`: marks what is overdue; gives how long the rest may still take, µs.
    fn rack_detect_loss(&mut self, recovery: i64) -> u32 {
        let reo_wnd = self.rack_reo_wnd(recovery);
        let mut timeout = 0;
        for index in 0..self.rtx_queue.len() {
            let cb = self.rtx_queue[index].cb;
            if cb.sacked & SACKED_ACKED != 0 || (cb.sacked & LOST != 0 && cb.sacked & SACKED_RETRANS == 0) {
                continue;
            }
            let sent_us = cb.sent_at / 1000;
            if !sent_after(self.rack.mstamp, sent_us, self.rack.end_seq, cb.end_seq) {
                continue;
            }
            let remaining = self.rack_skb_timeout(sent_us, reo_wnd);
            if remaining <= 0 {
                self.mark_skb_lost(index);
            } else {
                timeout = timeout.max(remaining as u32);
            }
        }
        timeout
    }
}

impl Host {
    /// `tcp_rack_mark_lost`: true if the reordering timer was armed.
    pub(super) fn tcp_rack_mark_lost(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) -> bool {
        if !tp.rack.advanced {
            return false;
        }
        tp.rack.advanced = false;
        let timeout = tp.rack_detect_loss(self.sysctl.tcp_recovery);
        if timeout > 0 {
            self.tcp_reset_xmit_timer(cx, tp, TimerKind::ReoTimeout, timeout + TIMEOUT_MIN_US, false);
        }
        timeout > 0
    }

    /// `tcp_rack_reo_timeout`: reordering does not explain it any more.
    pub(super) fn tcp_rack_reo_timeout(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        cx.call(Function::TcpRackReoTimeout, |cx| {
            let (prior_in_flight, lost) = (tp.packets_in_flight(), tp.lost);
            tp.mstamp_refresh(cx);
            tp.rack_detect_loss(self.sysctl.tcp_recovery);
            if prior_in_flight != tp.packets_in_flight() {
                if tp.ca_state != CaState::Recovery {
                    self.tcp_enter_recovery(cx, tp, false);
                    if !tp.ca_has_cong_control() {
                        let lost = tp.lost.wrapping_sub(lost);
                        self.tcp_cwnd_reduction(cx, tp, 1, lost, 0);
                    }
                }
                self.tcp_xmit_retransmit_queue(cx, tp);
            }
            if tp.retrans_timer.is_none_or(|t| t.kind != TimerKind::Retransmit) {
                self.tcp_rearm_rto(cx, tp);
            }
        });
    }

    /// `tcp_rack_update_reo_wnd`: DSACKs widen the reordering window, quiet recoveries narrow it.
    pub(super) fn tcp_rack_update_reo_wnd(&mut self, tp: &mut TcpSock, rs: &RateSample) {
        if self.sysctl.tcp_recovery & STATIC_REO_WND != 0 || rs.prior_delivered == 0 {
            return;
        }
        // A round trip has not passed since the last change.
        if super::seq::before(rs.prior_delivered, tp.rack.last_delivered) {
            tp.rack.dsack_seen = false;
        }
        if tp.rack.dsack_seen {
            tp.rack.reo_wnd_steps = tp.rack.reo_wnd_steps.saturating_add(1);
            tp.rack.dsack_seen = false;
            tp.rack.last_delivered = tp.delivered;
            tp.rack.reo_wnd_persist = RACK_RECOVERY_THRESH;
        } else if tp.rack.reo_wnd_persist == 0 {
            tp.rack.reo_wnd_steps = 1;
        }
    }

    /// `tcp_newreno_mark_lost`: without SACK only the first hole is known (RFC 6582).
    pub(super) fn tcp_newreno_mark_lost(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, snd_una_advanced: bool) {
        let due = (tp.ca_state < CaState::Recovery && tp.sacked_out >= tp.reordering)
            || (tp.ca_state == CaState::Recovery && snd_una_advanced);
        let Some(skb) = tp.rtx_queue.front().filter(|s| due && s.cb.sacked & LOST == 0) else { return };
        let mss = u32::from(skb.cb.gso_size);
        if skb.cb.gso_segs > 1 && skb.len() as u32 > mss {
            tp.fragment(cx, super::queue::SendQueue::Rtx, 0, mss, mss);
        }
        tp.mark_skb_lost(0);
    }
}
