//! Loss: noticing it, sending again, and the congestion window.
//!
//! Linux: `net/ipv4/tcp_input.c` (`tcp_sacktag_write_queue`, `tcp_fastretrans_alert`, `tcp_enter_loss`,
//! `tcp_cwnd_reduction`), `net/ipv4/tcp_recovery.c` (RACK, without its timer), `net/ipv4/tcp_cong.c` (Reno).
//! RFC 2018, 5681, 6582, 6675, 6937, and RFC 8985 §6.2 as far as ACKs drive it.

use super::ack::AckEffect;
use super::ipv4::Segment;
use super::seq::{after, before, not_after};
use super::{CaState, LOST, SACKED_ACKED, SACKED_RETRANS, TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::trace::{Field, Function, SockId};

impl TcpSock {
    /// `tcp_rack_advance`: the newest segment known to be delivered, by the time it was sent.
    pub(super) fn rack_advance(&mut self, sent_at: u64, now: u64) {
        if sent_at >= self.rack_mstamp {
            self.rack_mstamp = sent_at;
            self.rack_rtt_us = (now.saturating_sub(sent_at) / 1000).min(u64::from(u32::MAX)) as u32;
        }
    }

    fn mark_lost(&mut self, index: usize) {
        let Some(skb) = self.rtx_queue.get_mut(index) else { return };
        if skb.cb.sacked & SACKED_RETRANS != 0 {
            skb.cb.sacked &= !SACKED_RETRANS;
            self.retrans_out -= 1;
        }
        if skb.cb.sacked & (LOST | SACKED_ACKED) == 0 {
            skb.cb.sacked |= LOST;
            self.lost_out += 1;
        }
    }

    /// Marks what must be lost: RFC 6675's count of SACKed segments above, and RACK's time.
    fn mark_losses(&mut self, reordering: u32, now: u64) {
        if self.sack_ok {
            let threshold = if self.sacked_out >= reordering { 0 } else { u64::from(self.min_rtt_us / 4) };
            let mut above = self.sacked_out;
            for i in 0..self.rtx_queue.len() {
                let Some((sacked, sent_at)) = self.rtx_queue.get(i).map(|s| (s.cb.sacked, s.cb.sent_at)) else { break };
                if sacked & SACKED_ACKED != 0 {
                    above -= 1;
                    continue;
                }
                if above == 0 && sacked & SACKED_RETRANS == 0 {
                    break;
                }
                let enough_above = above >= reordering && sacked & (LOST | super::EVER_RETRANS) == 0;
                // RFC 8985 §6.2: sent before a segment that was delivered, and overdue.
                let overdue = (u64::from(self.rack_rtt_us) + threshold) * 1000;
                let rack = sent_at < self.rack_mstamp && now.saturating_sub(sent_at) >= overdue && above > 0;
                if enough_above || (rack && sacked & LOST == 0) || (rack && sacked & SACKED_RETRANS != 0) {
                    self.mark_lost(i);
                }
            }
        } else if self.sacked_out >= reordering && self.lost_out == 0 {
            // RFC 6582: without SACK only the first hole is known.
            self.mark_lost(0);
        }
    }
}

impl Host {
    /// Is the connection in fast recovery or in loss?
    pub(super) fn in_recovery(&self, sk: SockId) -> bool {
        self.socks.tcp(sk).is_some_and(|tp| tp.ca_state == CaState::Recovery)
    }

    /// `tcp_sacktag_write_queue`: notes what SACK covers. Gives how many segments it covers for the first time.
    pub(super) fn tcp_sacktag(&mut self, cx: &mut Cx<'_>, sk: SockId, seg: &Segment, prior_una: u32) -> u32 {
        let blocks = seg.tcp.options.sack_blocks();
        if blocks.is_empty() || self.socks.tcp(sk).is_none_or(|tp| !tp.sack_ok) {
            return 0;
        }
        cx.call(Function::TcpSacktag, |cx| {
            let now = cx.now.as_nanos();
            let Some(tp) = self.socks.tcp_mut(sk) else { return 0 };
            let mut newly = 0;
            for &(start, end) in blocks {
                // RFC 2018 §8: a block must lie within what is in flight; a DSACK block does not.
                let sane = before(start, end) && !before(start, prior_una) && not_after(end, tp.snd_nxt);
                if !sane {
                    continue;
                }
                for i in 0..tp.rtx_queue.len() {
                    let Some(skb) = tp.rtx_queue.get_mut(i) else { break };
                    if !before(skb.cb.seq, end) {
                        break;
                    }
                    let inside = !before(skb.cb.seq, start) && not_after(skb.cb.end_seq, end);
                    if !inside || skb.cb.sacked & SACKED_ACKED != 0 {
                        continue;
                    }
                    let (sent_at, before_sack) = (skb.cb.sent_at, skb.cb.sacked);
                    skb.cb.sacked = (before_sack | SACKED_ACKED) & !(LOST | SACKED_RETRANS);
                    tp.lost_out -= u32::from(before_sack & LOST != 0);
                    tp.retrans_out -= u32::from(before_sack & SACKED_RETRANS != 0);
                    tp.sacked_out += 1;
                    newly += 1;
                    // RFC 8985 §6.2: a retransmission that seems too quick was the original's ACK.
                    let quick = before_sack & super::EVER_RETRANS != 0
                        && now.saturating_sub(sent_at) / 1000 < u64::from(tp.min_rtt_us);
                    if !quick {
                        tp.rack_advance(sent_at, now);
                    }
                }
            }
            newly
        })
    }

    /// `tcp_fastretrans_alert`: from what the ACK says to the state of the connection.
    pub(super) fn tcp_fastretrans_alert(&mut self, cx: &mut Cx<'_>, sk: SockId, effect: AckEffect) {
        let reordering = self.sysctl.tcp_reordering as u32;
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        if !tp.sack_ok && effect.duplicate {
            // `tcp_add_reno_sack`: each duplicate ACK is a segment that arrived out of order.
            tp.sacked_out = (tp.sacked_out + 1).min((tp.rtx_queue.len() as u32).saturating_sub(1));
        }
        let calm = tp.ca_state == CaState::Open && tp.sacked_out == 0 && tp.lost_out == 0;
        if calm {
            return;
        }
        cx.call(Function::TcpFastretransAlert, |cx| {
            let Some(tp) = self.socks.tcp_mut(sk) else { return };
            let una = tp.snd_una;
            if tp.ca_state >= CaState::Recovery && !before(una, tp.high_seq) {
                self.tcp_end_recovery(cx, sk);
            }
            let Some(tp) = self.socks.tcp_mut(sk) else { return };
            if !tp.sack_ok && tp.ca_state == CaState::Recovery && after(una, effect.prior_una) {
                // RFC 6582 §3.2, step 5: a partial ACK shows the next hole.
                tp.mark_lost(0);
            }
            tp.mark_losses(reordering, cx.now.as_nanos());
            let (state, lost) = (tp.ca_state, tp.lost_out);
            match state {
                CaState::Loss => {
                    if let Some(tp) = self.socks.tcp_mut(sk) {
                        tp.retransmits = if after(una, effect.prior_una) { 0 } else { tp.retransmits };
                    }
                }
                CaState::Recovery => self.tcp_cwnd_reduction(cx, sk, effect.delivered, after(una, effect.prior_una)),
                CaState::Open | CaState::Disorder if lost > 0 => {
                    self.tcp_enter_recovery(cx, sk);
                    self.tcp_cwnd_reduction(cx, sk, effect.delivered, true);
                }
                CaState::Open | CaState::Disorder => {
                    let disorder = self.socks.tcp(sk).is_some_and(|tp| tp.sacked_out > 0);
                    self.set_ca_state(cx, sk, if disorder { CaState::Disorder } else { CaState::Open });
                }
            }
        });
    }

    /// `tcp_enter_recovery`: half the window (RFC 5681 §3.2), reduced step by step (RFC 6937).
    fn tcp_enter_recovery(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        tp.high_seq = tp.snd_nxt;
        tp.prior_cwnd = tp.snd_cwnd;
        tp.prr_delivered = 0;
        tp.prr_out = 0;
        tp.snd_cwnd_cnt = 0;
        let ssthresh = (tp.snd_cwnd / 2).max(2);
        tcp_set!(self, cx, sk, snd_ssthresh, SndSsthresh, ssthresh);
        self.set_ca_state(cx, sk, CaState::Recovery);
    }

    /// `tcp_cwnd_reduction`: proportional rate reduction (RFC 6937 §3.1).
    fn tcp_cwnd_reduction(&mut self, cx: &mut Cx<'_>, sk: SockId, delivered: u32, advanced: bool) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        if delivered == 0 && tp.prr_out > 0 {
            return;
        }
        tp.prr_delivered += delivered;
        let in_flight = tp.packets_in_flight();
        let room = i64::from(tp.snd_ssthresh) - i64::from(in_flight);
        let mut count = if room < 0 {
            let share = u64::from(tp.snd_ssthresh) * u64::from(tp.prr_delivered) + u64::from(tp.prior_cwnd) - 1;
            (share / u64::from(tp.prior_cwnd.max(1))) as i64 - i64::from(tp.prr_out)
        } else {
            let owed = (i64::from(tp.prr_delivered) - i64::from(tp.prr_out)).max(i64::from(delivered));
            room.min(owed + i64::from(advanced))
        };
        count = count.max(if tp.prr_out == 0 { 1 } else { 0 });
        let cwnd = in_flight + count as u32;
        tcp_set!(self, cx, sk, snd_cwnd, SndCwnd, cwnd.max(1));
    }

    /// Everything that was in flight when the loss was noticed has arrived.
    fn tcp_end_recovery(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        let was_recovery = tp.ca_state == CaState::Recovery;
        if !tp.sack_ok {
            tp.sacked_out = 0;
        }
        tp.retransmits = 0;
        tp.retrans_stamp = None;
        let ssthresh = tp.snd_ssthresh;
        if was_recovery {
            tcp_set!(self, cx, sk, snd_cwnd, SndCwnd, ssthresh);
        }
        self.set_ca_state(cx, sk, CaState::Open);
    }

    /// `tcp_enter_loss`: the retransmission timer went off; nothing in flight counts as received.
    pub(super) fn tcp_enter_loss(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        cx.call(Function::TcpEnterLoss, |cx| {
            let Some(tp) = self.socks.tcp_mut(sk) else { return };
            let first = tp.ca_state != CaState::Loss || tp.retransmits == 0;
            let ssthresh = (tp.snd_cwnd / 2).max(2);
            if !tp.sack_ok {
                tp.sacked_out = 0;
            }
            for i in 0..tp.rtx_queue.len() {
                tp.mark_lost(i);
            }
            tp.high_seq = tp.snd_nxt;
            tp.prior_cwnd = tp.snd_cwnd;
            tp.snd_cwnd_cnt = 0;
            let cwnd = tp.packets_in_flight() + 1;
            if first {
                tcp_set!(self, cx, sk, snd_ssthresh, SndSsthresh, ssthresh);
            }
            tcp_set!(self, cx, sk, snd_cwnd, SndCwnd, cwnd);
            self.set_ca_state(cx, sk, CaState::Loss);
        });
    }

    /// `tcp_xmit_retransmit_queue`: what is lost goes again, as the congestion window allows.
    pub(super) fn tcp_xmit_retransmit_queue(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        if self.socks.tcp(sk).is_none_or(|tp| tp.lost_out <= tp.retrans_out || tp.rtx_queue.is_empty()) {
            return;
        }
        cx.call(Function::TcpXmitRetransmitQueue, |cx| {
            let mut i = 0;
            let mut first = true;
            while let Some(tp) = self.socks.tcp(sk) {
                let Some(skb) = tp.rtx_queue.get(i) else { break };
                if skb.cb.sacked & LOST == 0 || skb.cb.sacked & (SACKED_ACKED | SACKED_RETRANS) != 0 {
                    i += 1;
                    continue;
                }
                if tp.packets_in_flight() >= tp.snd_cwnd || !self.tcp_retransmit_skb(cx, sk, i) {
                    break;
                }
                if let Some(tp) = self.socks.tcp_mut(sk).filter(|tp| tp.ca_state == CaState::Recovery) {
                    tp.prr_out += 1;
                }
                if first && i == 0 {
                    self.tcp_rearm_rto(cx, sk);
                }
                first = false;
                i += 1;
            }
        });
    }

    /// `tcp_reno_cong_avoid`: slow start below the threshold, one segment a round trip above (RFC 5681 §3.1).
    pub(super) fn tcp_cong_avoid(&mut self, cx: &mut Cx<'_>, sk: SockId, effect: AckEffect) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        if tp.ca_state == CaState::Recovery || effect.acked == 0 {
            return;
        }
        let mut acked = effect.acked;
        let mut cwnd = tp.snd_cwnd;
        if cwnd < tp.snd_ssthresh {
            // `tcp_is_cwnd_limited`: a window that is not used does not grow.
            if cwnd >= 2 * tp.max_packets_out.max(1) && !tp.cwnd_limited {
                return;
            }
            let grown = (cwnd + acked).min(tp.snd_ssthresh);
            acked -= grown - cwnd;
            cwnd = grown;
        } else if !tp.cwnd_limited {
            return;
        }
        if acked > 0 && cwnd >= tp.snd_ssthresh {
            tp.snd_cwnd_cnt += acked;
            if tp.snd_cwnd_cnt >= cwnd {
                cwnd += tp.snd_cwnd_cnt / cwnd;
                tp.snd_cwnd_cnt %= cwnd.max(1);
            }
        }
        tcp_set!(self, cx, sk, snd_cwnd, SndCwnd, cwnd);
    }

    fn set_ca_state(&mut self, cx: &mut Cx<'_>, sk: SockId, state: CaState) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        let old = core::mem::replace(&mut tp.ca_state, state);
        self.tell_set(cx, sk, Field::CaState, old as u32, state as u32);
    }
}
