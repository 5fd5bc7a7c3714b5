//! When to acknowledge: at once, a little later with something else, or one ACK for several.
//!
//! Linux: `tcp_event_data_recv`, `__tcp_ack_snd_check`, `tcp_enter_quickack_mode` in `net/ipv4/tcp_input.c`;
//! `tcp_send_delayed_ack`, `tcp_event_ack_sent` in `net/ipv4/tcp_output.c`; `tcp_delack_timer_handler`,
//! `tcp_compressed_ack_kick` in `net/ipv4/tcp_timer.c`; `__tcp_cleanup_rbuf` in `net/ipv4/tcp.c`.
//! RFC 1122 §4.2.3.2, RFC 5681 §4.2.

use super::{
    ACK_NOW, ACK_PUSHED, ACK_PUSHED2, ACK_SCHED, ACK_TIMER, ATO_MIN_MS, DELACK_MAX_MS, MAX_QUICKACKS, TcpSock,
};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::skb::SkBuff;
use crate::socket::RCV_SHUTDOWN;
use crate::sysctl::Sysctl;
use crate::time::{Duration, Instant};
use crate::timer::Target;
use crate::trace::{Function, TcpState, TimerKind, TimerOp, What};

/// `TCP_FASTRETRANS_THRESH`: so many duplicate ACKs are never held back.
const FASTRETRANS_THRESH: u8 = 3;
/// From which length on a segment can open the window, bytes.
const GROW_WINDOW_LEN: usize = 128;

impl TcpSock {
    /// `inet_csk_ack_scheduled`.
    pub(super) fn ack_scheduled(&self) -> bool {
        self.ack.pending & ACK_SCHED != 0
    }

    /// `inet_csk_in_pingpong_mode`: requests and replies take turns.
    pub(super) fn in_pingpong_mode(&self, sysctl: &Sysctl) -> bool {
        i64::from(self.ack.pingpong) >= sysctl.tcp_pingpong_thresh
    }

    /// `inet_csk_enter_pingpong_mode`.
    pub(super) fn enter_pingpong_mode(&mut self, sysctl: &Sysctl) {
        self.ack.pingpong = sysctl.tcp_pingpong_thresh.clamp(0, 255) as u8;
    }

    /// `tcp_incr_quickack`: half a window of ACKs is not delayed.
    fn incr_quickack(&mut self, max_quickacks: u32) {
        let quick = match self.rcv_wnd / (2 * self.ack.rcv_mss.max(1)) {
            0 => 2,
            n => n,
        };
        self.ack.quick = self.ack.quick.max(quick.min(max_quickacks).min(255) as u8);
    }

    /// `tcp_enter_quickack_mode`.
    pub(super) fn enter_quickack_mode(&mut self, max_quickacks: u32) {
        self.incr_quickack(max_quickacks);
        self.ack.pingpong = 0;
        self.ack.ato = ATO_MIN_MS;
    }

    /// `tcp_in_quickack_mode`.
    fn in_quickack_mode(&self, sysctl: &Sysctl) -> bool {
        self.ack.quick > 0 && !self.in_pingpong_mode(sysctl)
    }

    /// `icsk_rto`, ms.
    fn rto_ms(&self) -> u32 {
        self.rto_us / 1000
    }
}

impl Host {
    /// `tcp_event_data_recv`: data has come in order; an ACK is due, sooner or later.
    pub(super) fn tcp_event_data_recv(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, skb: &SkBuff, header_len: u32) {
        tp.ack.pending |= ACK_SCHED;
        tp.measure_rcv_mss(skb, header_len);
        tp.rcv_rtt_measure();
        if tp.ack.ato == 0 {
            tp.incr_quickack(MAX_QUICKACKS);
            tp.ack.ato = ATO_MIN_MS;
        } else {
            let gap = cx.now.as_millis().saturating_sub(tp.ack.lrcvtime.as_millis()).min(u64::from(u32::MAX)) as u32;
            if gap <= ATO_MIN_MS / 2 {
                tp.ack.ato = (tp.ack.ato >> 1) + ATO_MIN_MS / 2;
            } else if gap < tp.ack.ato {
                tp.ack.ato = ((tp.ack.ato >> 1) + gap).min(tp.rto_ms());
            } else if gap > tp.rto_ms() {
                // The sender was idle and begins anew: it needs ACKs.
                tp.incr_quickack(MAX_QUICKACKS);
            }
        }
        tp.ack.lrcvtime = cx.now;
        self.tcp_data_ecn_check(cx, tp, skb);
        if skb.len() >= GROW_WINDOW_LEN {
            self.tcp_grow_window(tp, skb);
        }
    }

    /// `tcp_ack_snd_check`: if no segment has carried the ACK, when shall it go?
    pub(super) fn tcp_ack_snd_check(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if !tp.ack_scheduled() {
            return;
        }
        // More than a full segment waits, and the reader keeps up or wants more than there is; else reading will ack.
        let two = tp.rcv_nxt.wrapping_sub(tp.rcv_wup) > tp.ack.rcv_mss
            && ((tp.rcv_nxt.wrapping_sub(tp.copied_seq) as usize) < tp.sk.rcvlowat
                || self.tcp_select_window_bytes(tp) >= tp.rcv_wnd);
        if two || tp.in_quickack_mode(&self.sysctl) || tp.ack.pending & ACK_NOW != 0 {
            return self.tcp_send_ack(cx, tp);
        }
        if tp.ofo_queue.is_empty() {
            return self.tcp_send_delayed_ack(cx, tp);
        }
        if !tp.rx_opt.sack_ok || i64::from(tp.compressed_ack) >= self.sysctl.tcp_comp_sack_nr {
            return self.tcp_send_ack(cx, tp);
        }
        if tp.compressed_ack_rcv_nxt != tp.rcv_nxt {
            tp.compressed_ack_rcv_nxt = tp.rcv_nxt;
            tp.dup_ack_counter = 0;
        }
        if tp.dup_ack_counter < FASTRETRANS_THRESH {
            tp.dup_ack_counter += 1;
            return self.tcp_send_ack(cx, tp);
        }
        tp.compressed_ack += 1;
        if tp.compressed_ack_timer.is_none() {
            self.tcp_set_compressed_ack_timer(cx, tp);
        }
    }

    /// A part of the round trip, but no more than `tcp_comp_sack_delay_ns`.
    fn tcp_set_compressed_ack_timer(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let mut rtt = u64::from(tp.rcv_rtt_est.0);
        if tp.srtt_us > 0 {
            rtt = rtt.min(u64::from(tp.srtt_us));
        }
        // rtt is in eighths of a µs: rtt/8 · 1000 · percent/100, ns.
        let delay = (rtt + (rtt >> 2)).saturating_mul(self.sysctl.tcp_comp_sack_rtt_percent.max(0) as u64);
        let delay = Duration::from_nanos(delay.min(self.sysctl.tcp_comp_sack_delay_ns.max(0) as u64));
        tp.compressed_ack_timer =
            Some(self.timers.set(cx.now + delay, Target::Sock(tp.sk.id, TimerKind::CompressedAck)));
        tell_timer(cx, tp, TimerKind::CompressedAck, TimerOp::Set, delay.as_micros() as u32);
    }

    pub(super) fn tcp_cancel_compressed_ack_timer(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if let Some(token) = tp.compressed_ack_timer.take() {
            self.timers.cancel(token);
            tell_timer(cx, tp, TimerKind::CompressedAck, TimerOp::Cancel, 0);
        }
    }

    /// `tcp_compressed_ack_kick`: the timer of held-back ACKs.
    pub(super) fn tcp_compressed_ack_kick(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        tp.compressed_ack_timer = None;
        if tp.compressed_ack > 0 {
            tp.compressed_ack -= 1;
            tp.mstamp_refresh(cx);
            self.tcp_send_ack(cx, tp);
        }
    }

    /// `tcp_delack_max`, ms: below the peer's least retransmission time-out.
    fn tcp_delack_max_ms(&self, tp: &TcpSock) -> u32 {
        let most = tp.delack_max_us.map_or(DELACK_MAX_MS, |us| us.div_ceil(1000));
        most.min(tp.rto_min_us.div_ceil(1000).max(2) - 1)
    }

    /// `tcp_send_delayed_ack`: the ACK waits for data to go along, or for the timer.
    pub(super) fn tcp_send_delayed_ack(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let mut ato = tp.ack.ato;
        if ato > ATO_MIN_MS {
            let pushed = tp.ack.pending & ACK_PUSHED != 0;
            let mut most = if pushed || tp.in_pingpong_mode(&self.sysctl) { DELACK_MAX_MS } else { 500 };
            if tp.srtt_us > 0 {
                most = most.min((tp.srtt_us >> 3).div_ceil(1000).max(ATO_MIN_MS));
            }
            ato = ato.min(most);
        }
        let ato = ato.min(self.tcp_delack_max_ms(tp));
        let mut at = cx.now + Duration::from_millis(u64::from(ato));
        if let Some((token, due)) = tp.ack.timer.filter(|_| tp.ack.pending & ACK_TIMER != 0) {
            // About to fire: rather now.
            if due <= cx.now + Duration::from_millis(u64::from(ato >> 2)) {
                return self.tcp_send_ack(cx, tp);
            }
            at = at.min(due);
            if at == due {
                tp.ack.pending |= ACK_SCHED;
                return;
            }
            self.timers.cancel(token);
        }
        tp.ack.pending |= ACK_SCHED | ACK_TIMER;
        self.tcp_set_delack_timer(cx, tp, at);
    }

    /// `inet_csk_reset_xmit_timer(ICSK_TIME_DACK)`.
    pub(super) fn tcp_arm_delack(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, after_ms: u32) {
        tp.ack.pending |= ACK_TIMER;
        if let Some((token, _)) = tp.ack.timer.take() {
            self.timers.cancel(token);
        }
        self.tcp_set_delack_timer(cx, tp, cx.now + Duration::from_millis(u64::from(after_ms)));
    }

    fn tcp_set_delack_timer(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, at: Instant) {
        // A kernel timer fires in the next tick at the earliest.
        let at = at.max(cx.now + Duration::from_millis(1));
        let token = self.timers.set(at, Target::Sock(tp.sk.id, TimerKind::DelayedAck));
        tp.ack.timer = Some((token, at));
        tell_timer(cx, tp, TimerKind::DelayedAck, TimerOp::Set, at.since(cx.now).as_micros() as u32);
    }

    /// `inet_csk_clear_xmit_timer(ICSK_TIME_DACK)`: no ACK is owed.
    pub(super) fn tcp_clear_delack(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        tp.ack.pending = 0;
        tp.ack.retry = 0;
        if let Some((token, _)) = tp.ack.timer.take() {
            self.timers.cancel(token);
            tell_timer(cx, tp, TimerKind::DelayedAck, TimerOp::Cancel, 0);
        }
    }

    /// `tcp_event_ack_sent`: an ACK leaves, alone or with data.
    pub(super) fn tcp_event_ack_sent(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, rcv_nxt: u32) {
        if tp.compressed_ack > 0 {
            self.mib.add(Counter::TcpAckCompressed, u64::from(tp.compressed_ack));
            tp.compressed_ack = 0;
            self.tcp_cancel_compressed_ack_timer(cx, tp);
        }
        if rcv_nxt != tp.rcv_nxt {
            // An ACK of an earlier state (DCTCP); the one for what came last is still due.
            return;
        }
        // `tcp_dec_quickack_mode`
        if tp.ack.quick > 0 && tp.ack_scheduled() {
            tp.ack.quick -= 1;
            if tp.ack.quick == 0 {
                tp.ack.ato = ATO_MIN_MS;
            }
        }
        self.tcp_clear_delack(cx, tp);
    }

    /// `tcp_delack_timer_handler`.
    pub(super) fn tcp_delack_timer_handler(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        cx.call(Function::TcpDelackTimer, |cx| {
            tp.ack.timer = None;
            if matches!(tp.sk.state, TcpState::Close | TcpState::Listen) {
                return;
            }
            if tp.compressed_ack > 0 {
                tp.mstamp_refresh(cx);
                return self.tcp_sack_compress_send_ack(cx, tp);
            }
            if tp.ack.pending & ACK_TIMER == 0 {
                return;
            }
            tp.ack.pending &= !ACK_TIMER;
            if !tp.ack_scheduled() {
                return;
            }
            if tp.in_pingpong_mode(&self.sysctl) {
                // The reply did not come in time.
                tp.ack.pingpong = 0;
                tp.ack.ato = ATO_MIN_MS;
            } else {
                tp.ack.ato = (tp.ack.ato << 1).min(tp.rto_ms());
            }
            tp.mstamp_refresh(cx);
            self.tcp_send_ack(cx, tp);
            self.mib.inc(Counter::DelayedAcks);
        });
    }

    /// `__tcp_cleanup_rbuf`: the program has read; is an ACK or a window update due? `copied` is what it got.
    pub(crate) fn tcp_cleanup_rbuf(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, copied: i32) {
        cx.call(Function::TcpCleanupRbuf, |cx| {
            if self.cleanup_acks(tp, copied) {
                tp.mstamp_refresh(cx);
                self.tcp_send_ack(cx, tp);
            }
        });
    }

    fn cleanup_acks(&mut self, tp: &mut TcpSock, copied: i32) -> bool {
        let pending = tp.ack.pending;
        if tp.ack_scheduled() {
            // Small segments came last, and all is read: nothing more will come soon.
            let pushed =
                pending & ACK_PUSHED2 != 0 || (pending & ACK_PUSHED != 0 && !tp.in_pingpong_mode(&self.sysctl));
            if tp.rcv_nxt.wrapping_sub(tp.rcv_wup) > tp.ack.rcv_mss || (copied > 0 && pushed && tp.sk.rmem_alloc == 0) {
                return true;
            }
        }
        let now = u64::from(tp.receive_window());
        if copied <= 0 || tp.sk.shutdown & RCV_SHUTDOWN != 0 || now * 2 > u64::from(tp.window_clamp) {
            return false;
        }
        // Twice the window or more is worth a segment.
        let new = self.tcp_select_window_bytes(tp);
        new > 0 && u64::from(new) >= 2 * now
    }
}

fn tell_timer(cx: &mut Cx<'_>, tp: &TcpSock, kind: TimerKind, op: TimerOp, after_us: u32) {
    let owner = tp.sk.id.0;
    cx.trace.emit(|| What::Timer { kind, op, owner, after_us });
}

#[cfg(test)]
mod tests;
