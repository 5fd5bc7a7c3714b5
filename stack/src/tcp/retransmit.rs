//! Sending again.
//!
//! Linux: `__tcp_retransmit_skb`, `tcp_xmit_retransmit_queue`, `tcp_schedule_loss_probe`, `tcp_send_loss_probe` in
//! `net/ipv4/tcp_output.c`; `tcp_rearm_rto` in `tcp_input.c`. RFC 6675, RFC 8985 §7 (TLP), RFC 6298 §5.

use super::queue::SendQueue;
use super::seq::before;
use super::xmit::{NAGLE_OFF, Push};
use super::{CaState, EVER_RETRANS, LOST, SACKED_ACKED, SACKED_RETRANS, TIMEOUT_INIT_US, TIMEOUT_MIN_US, TcpSock};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::syscall::Errno;
use crate::trace::{Function, TimerKind};
use crate::wire::tcp::{CWR, ECE, SYN};

impl TcpSock {
    /// `tcp_rto_delta_us`: how far in the future the time-out of the first segment is, µs.
    fn rto_delta_us(&self) -> i64 {
        let sent_us = self.rtx_queue.front().map_or(self.tcp_mstamp, |s| s.cb.sent_at / 1000);
        (sent_us + u64::from(self.rto_us)) as i64 - self.tcp_mstamp as i64
    }
}

impl Host {
    /// `tcp_rearm_rto`: as long as something is unacknowledged.
    pub(super) fn tcp_rearm_rto(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if tp.packets_out == 0 {
            return self.tcp_cancel_xmit_timer(cx, tp);
        }
        let mut rto = tp.rto_us;
        // The time since the regular time-out would have been set counts.
        if tp.retrans_timer.is_some_and(|t| matches!(t.kind, TimerKind::ReoTimeout | TimerKind::LossProbe)) {
            rto = tp.rto_delta_us().max(1) as u32;
        }
        self.tcp_reset_xmit_timer(cx, tp, TimerKind::Retransmit, rto, true);
    }

    /// `tcp_set_xmit_timer`: a loss probe if one makes sense, else the time-out.
    pub(super) fn tcp_set_xmit_timer(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if !self.tcp_schedule_loss_probe(cx, tp, true) {
            self.tcp_rearm_rto(cx, tp);
        }
    }

    /// `tcp_schedule_loss_probe`: in two round trips, should no ACK come (RFC 8985 §7.2). False if none is due.
    pub(super) fn tcp_schedule_loss_probe(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, advancing_rto: bool) -> bool {
        let enabled = matches!(self.sysctl.tcp_early_retrans, 3 | 4);
        if !enabled || tp.packets_out == 0 || !tp.rx_opt.sack_ok || !matches!(tp.ca_state, CaState::Open | CaState::Cwr)
        {
            return false;
        }
        let mut timeout = TIMEOUT_INIT_US;
        if tp.srtt_us > 0 {
            timeout = tp.srtt_us >> 2;
            timeout += if tp.packets_out == 1 { self.tcp_rto_min_us(tp) } else { TIMEOUT_MIN_US };
        }
        let rto_delta = if advancing_rto { i64::from(tp.rto_us) } else { tp.rto_delta_us() };
        if rto_delta > 0 {
            timeout = timeout.min(rto_delta as u32);
        }
        self.tcp_reset_xmit_timer(cx, tp, TimerKind::LossProbe, timeout, true);
        true
    }

    /// `tcp_send_loss_probe`: new data if there is some, else the last segment again.
    pub(super) fn tcp_send_loss_probe(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        cx.call(Function::TcpSendLossProbe, |cx| {
            if self.tcp_try_loss_probe(cx, tp) {
                tp.tlp_high_seq = tp.snd_nxt;
                self.mib.inc(Counter::TcpLossProbes);
                // The time-out counts from now.
                self.tcp_cancel_xmit_timer(cx, tp);
            }
            self.tcp_rearm_rto(cx, tp);
        });
    }

    fn tcp_try_loss_probe(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) -> bool {
        if tp.tlp_high_seq != 0 {
            return false;
        }
        tp.tlp_retrans = false;
        let mss = self.tcp_current_mss(cx, tp);
        if tp.write_queue.front().is_some_and(|skb| tp.snd_wnd_test(skb, mss)) {
            let before_out = tp.packets_out;
            self.tcp_write_xmit(cx, tp, mss, NAGLE_OFF, Push::Probe);
            return tp.packets_out > before_out;
        }
        let Some(last) = tp.rtx_queue.back() else { return false };
        if last.is_cloned(cx) {
            return false;
        }
        let (pcount, len) = (last.pcount(), last.len() as u32);
        let mut index = tp.rtx_queue.len() - 1;
        if pcount > 1 && len > (pcount - 1) * mss {
            if !tp.fragment(cx, SendQueue::Rtx, index, (pcount - 1) * mss, mss) {
                return false;
            }
            index += 1;
        }
        if self.__tcp_retransmit_skb(cx, tp, index, 1) != 0 {
            return false;
        }
        tp.tlp_retrans = true;
        true
    }

    /// `__tcp_retransmit_skb`: sends up to `segs` segments of the one at `index` of the retransmit queue again.
    fn __tcp_retransmit_skb(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, index: usize, segs: u32) -> i32 {
        // An MTU probe is inconclusive now.
        tp.mtup_probe_size = 0;
        let Some(skb) = tp.rtx_queue.get_mut(index) else { return -(Errno::EINVAL as i32) };
        // `skb_still_in_host_queue`: the last copy has not even left this host.
        if skb.is_cloned(cx) {
            return -(Errno::EBUSY as i32);
        }
        if before(skb.cb.seq, tp.snd_una) {
            if skb.cb.flags & SYN != 0 {
                skb.cb.flags &= !SYN;
                skb.cb.seq = skb.cb.seq.wrapping_add(1);
            }
            let acked = tp.snd_una.wrapping_sub(skb.cb.seq);
            if acked > 0 && before(skb.cb.seq, tp.snd_una) {
                let acked = acked.min(skb.len() as u32);
                tp.trim_head(cx, index, acked);
            }
        }
        let cur_mss = self.tcp_current_mss(cx, tp);
        let Some(skb) = tp.rtx_queue.get(index) else { return -(Errno::EINVAL as i32) };
        let mut avail = tp.wnd_end().wrapping_sub(skb.cb.seq) as i32;
        // A shrunken window: only the first segment may go, as a probe.
        if avail <= 0 {
            if skb.cb.seq != tp.snd_una {
                return -(Errno::EAGAIN as i32);
            }
            avail = cur_mss as i32;
        }
        let avail = avail as u32;
        let mut len = cur_mss.saturating_mul(segs);
        if len > avail {
            len = avail - avail % cur_mss;
            if len == 0 {
                len = avail;
            }
        }
        if skb.len() as u32 > len {
            if !tp.fragment(cx, SendQueue::Rtx, index, len, cur_mss) {
                return -(Errno::ENOMEM as i32);
            }
        } else if let Some(skb) = tp.rtx_queue.get_mut(index) {
            let (old, sacked) = (skb.pcount(), skb.cb.sacked);
            let diff = i64::from(old) - i64::from(skb.set_tso_segs(cur_mss));
            let len = skb.len() as u32;
            if diff != 0 {
                tp.adjust_pcount(sacked, diff);
            }
            let space = avail.min(cur_mss);
            if len < space && self.sysctl.tcp_retrans_collapse != 0 {
                tp.retrans_try_collapse(cx, index, space);
            }
        }
        let Some(skb) = tp.rtx_queue.get_mut(index) else { return -(Errno::EINVAL as i32) };
        // RFC 3168 §6.1.1.1: a SYN that may have been lost to ECN goes again without.
        if skb.cb.flags & (SYN | ECE | CWR) == SYN | ECE | CWR && self.sysctl.tcp_ecn_fallback != 0 {
            skb.cb.flags &= !(ECE | CWR);
        }
        let (segs, len) = (skb.pcount(), skb.len() as u64);
        self.mib.add(Counter::RetransSegs, u64::from(segs));
        tp.total_retrans = tp.total_retrans.wrapping_add(segs);
        tp.bytes_retrans += len;
        let clone = skb.skb_clone(cx);
        let mut cb = skb.cb;
        let rcv_nxt = tp.rcv_nxt;
        let err = self.tcp_transmit_skb(cx, tp, clone, Some(&mut cb), rcv_nxt);
        cb.sacked |= EVER_RETRANS;
        if let Some(skb) = tp.rtx_queue.get_mut(index) {
            skb.cb = cb;
        }
        err
    }

    /// `tcp_retransmit_skb`: [`Host::__tcp_retransmit_skb`], counted.
    pub(super) fn tcp_retransmit_skb(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, index: usize, segs: u32) -> i32 {
        cx.call(Function::TcpRetransmitSkb, |cx| {
            let err = self.__tcp_retransmit_skb(cx, tp, index, segs);
            let Some(skb) = tp.rtx_queue.get_mut(index) else { return err };
            let pcount = skb.pcount();
            if err == 0 {
                skb.cb.sacked |= SACKED_RETRANS | EVER_RETRANS;
                tp.retrans_out += pcount;
            }
            if tp.retrans_stamp == 0 {
                tp.retrans_stamp = ((skb.cb.sent_at / 1_000_000) as u32).max(1);
            }
            tp.undo_retrans = tp.undo_retrans.max(0) + pcount as i32;
            err
        })
    }

    /// `tcp_xmit_retransmit_queue`: what is lost goes again, as the congestion window allows.
    pub(super) fn tcp_xmit_retransmit_queue(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if tp.packets_out == 0 || tp.retrans_out >= tp.lost_out {
            return;
        }
        cx.call(Function::TcpXmitRetransmitQueue, |cx| {
            let mss = self.tcp_current_mss(cx, tp);
            let max_segs = self.tcp_tso_segs(tp, mss);
            let mut rearm = false;
            let mut index = 0;
            while let Some(skb) = tp.rtx_queue.get(index) {
                let (sacked, truesize) = (skb.cb.sacked, skb.truesize());
                if tp.retrans_out >= tp.lost_out {
                    break;
                }
                if sacked & LOST == 0 || sacked & (SACKED_ACKED | SACKED_RETRANS) != 0 {
                    index += 1;
                    continue;
                }
                if self.tcp_pacing_check(cx, tp) {
                    break;
                }
                let segs = tp.snd_cwnd.saturating_sub(tp.packets_in_flight()).min(max_segs);
                if segs == 0 || self.tcp_small_queue_check(cx, tp, truesize, 1) {
                    break;
                }
                if self.tcp_retransmit_skb(cx, tp, index, segs) != 0 {
                    break;
                }
                let pcount = tp.rtx_queue.get(index).map_or(1, |s| s.pcount());
                let kind =
                    if tp.ca_state == CaState::Loss { Counter::TcpSlowStartRetrans } else { Counter::TcpFastRetrans };
                self.mib.add(kind, u64::from(pcount));
                if tp.in_cwnd_reduction() {
                    tp.prr_out += pcount;
                }
                if index == 0 && tp.retrans_timer.is_none_or(|t| t.kind != TimerKind::ReoTimeout) {
                    rearm = true;
                }
                index += 1;
            }
            if rearm {
                let rto = tp.rto_us;
                self.tcp_reset_xmit_timer(cx, tp, TimerKind::Retransmit, rto, true);
            }
        });
    }

    /// `tcp_transmit_skb` of the write queue's head, cut to `len` bytes first (`tcp_write_wakeup`).
    pub(super) fn tcp_transmit_head(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, len: u32) -> i32 {
        let mss = self.tcp_current_mss(cx, tp);
        if tp.write_queue.front().is_some_and(|s| s.len() as u32 > len) {
            tp.fragment(cx, SendQueue::Write, 0, len, mss);
        }
        let Some(skb) = tp.write_queue.front_mut() else { return 0 };
        skb.set_tso_segs(mss);
        skb.cb.flags |= crate::wire::tcp::PSH;
        let err = self.tcp_transmit_write_head(cx, tp);
        if err == 0 {
            self.tcp_event_new_data_sent(cx, tp);
        }
        err
    }
}
