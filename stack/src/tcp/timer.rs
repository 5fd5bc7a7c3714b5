//! TCP's timers: retransmission, zero-window probe, keepalive.
//!
//! Linux: `net/ipv4/tcp_timer.c`. RFC 6298 §5, RFC 9293 §3.8.6.1, RFC 1122 §4.2.3.6.

use super::{RTO_MAX_US, RTO_MIN_US, TIMEOUT_INIT_US, TcpSock};
use crate::host::{Cx, Host};
use crate::syscall::Errno;
use crate::time::Duration;
use crate::timer::Target;
use crate::trace::{Field, Function, SockId, TcpState, TimerKind, TimerOp, What};
use crate::wire::tcp::ACK;

/// `tcp_syn_linear_timeouts`: so many SYNs go out a second apart before the time-out doubles.
const SYN_LINEAR_TIMEOUTS: u32 = 4;
/// `tcp_orphan_retries` when it is 0.
const ORPHAN_RETRIES: u32 = 8;

impl Host {
    /// A timer of a socket went off.
    pub(crate) fn tcp_timer(&mut self, cx: &mut Cx<'_>, sk: SockId, kind: TimerKind) {
        if let Some(tp) = self.socks.tcp_mut(sk) {
            match kind {
                TimerKind::Retransmit | TimerKind::Probe => tp.retrans_timer = None,
                TimerKind::Keepalive => tp.keepalive_timer = None,
                _ => {}
            }
        }
        match kind {
            TimerKind::Retransmit => cx.call(Function::TcpRetransmitTimer, |cx| self.tcp_retransmit_timer(cx, sk)),
            TimerKind::DelayedAck => self.tcp_delack_timer(cx, sk),
            TimerKind::Probe => cx.call(Function::TcpProbeTimer, |cx| self.tcp_probe_timer(cx, sk)),
            TimerKind::Keepalive => cx.call(Function::TcpKeepaliveTimer, |cx| self.tcp_keepalive_timer(cx, sk)),
            _ => {}
        }
    }

    /// `tcp_rearm_rto`: as long as something is unacknowledged.
    pub(super) fn tcp_rearm_rto(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(tp) = self.socks.tcp(sk) else { return };
        if tp.rtx_queue.is_empty() {
            self.tcp_cancel_xmit_timer(cx, sk);
        } else {
            let after = tp.rto_us;
            self.tcp_reset_xmit_timer(cx, sk, TimerKind::Retransmit, after);
        }
    }

    /// `tcp_reset_xmit_timer`: retransmission or probe; one timer serves both.
    pub(super) fn tcp_reset_xmit_timer(&mut self, cx: &mut Cx<'_>, sk: SockId, kind: TimerKind, after_us: u32) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        if let Some((token, _)) = tp.retrans_timer.take() {
            self.timers.cancel(token);
        }
        let at = cx.now + Duration::from_micros(u64::from(after_us.min(RTO_MAX_US)));
        tp.retrans_timer = Some((self.timers.set(at, Target::Sock(sk, kind)), kind));
        cx.trace.emit(|| What::Timer { kind, op: TimerOp::Set, owner: sk.0, after_us });
    }

    pub(super) fn tcp_cancel_xmit_timer(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some((token, kind)) = self.socks.tcp_mut(sk).and_then(|tp| tp.retrans_timer.take()) else { return };
        self.timers.cancel(token);
        cx.trace.emit(|| What::Timer { kind, op: TimerOp::Cancel, owner: sk.0, after_us: 0 });
    }

    /// `tcp_clear_xmit_timers`.
    pub(super) fn tcp_clear_timers(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        self.tcp_cancel_xmit_timer(cx, sk);
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        for (token, kind) in
            [(tp.ack.timer.take(), TimerKind::DelayedAck), (tp.keepalive_timer.take(), TimerKind::Keepalive)]
        {
            if let Some(token) = token {
                self.timers.cancel(token);
                cx.trace.emit(|| What::Timer { kind, op: TimerOp::Cancel, owner: sk.0, after_us: 0 });
            }
        }
    }

    /// `tcp_retransmit_timer`.
    fn tcp_retransmit_timer(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(state) = self.socks.get(sk).map(|s| s.state) else { return };
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        if tp.rtx_queue.is_empty() || state == TcpState::Close {
            return;
        }
        let syn = matches!(state, TcpState::SynSent | TcpState::SynRecv);
        if tp.snd_wnd == 0 && !syn {
            // The peer shrank its window to nothing: probe with the segment, for at least two minutes.
            if cx.now.since(tp.rcv_tstamp) > Duration::from_micros(u64::from(RTO_MAX_US)) {
                return self.tcp_write_err(cx, sk);
            }
            self.tcp_enter_loss(cx, sk);
            self.tcp_retransmit_skb(cx, sk, 0);
        } else {
            if self.tcp_write_timeout(cx, sk, state) {
                return;
            }
            self.tcp_enter_loss(cx, sk);
            let Some(tp) = self.socks.tcp_mut(sk) else { return };
            tp.retransmits += 1;
            if !self.tcp_retransmit_skb(cx, sk, 0) {
                // The last copy is still in the host: nothing was sent, try again soon.
                return self.tcp_reset_xmit_timer(cx, sk, TimerKind::Retransmit, 500_000);
            }
        }
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        let old = (tp.backoff, tp.rto_us);
        if !syn || state == TcpState::SynRecv || tp.retransmits > SYN_LINEAR_TIMEOUTS {
            tp.backoff += 1;
            tp.rto_us = (tp.rto_us * 2).min(RTO_MAX_US);
        }
        let (backoff, rto) = (tp.backoff, tp.rto_us);
        self.tell_set(cx, sk, Field::Backoff, old.0, backoff);
        self.tell_set(cx, sk, Field::RtoUs, old.1, rto);
        self.tcp_reset_xmit_timer(cx, sk, TimerKind::Retransmit, rto);
    }

    /// `tcp_write_timeout`: has it been tried often enough? Then the connection ends.
    fn tcp_write_timeout(&mut self, cx: &mut Cx<'_>, sk: SockId, state: TcpState) -> bool {
        let Some(sock) = self.socks.get(sk) else { return true };
        let orphan = sock.is_orphan() && state != TcpState::SynRecv;
        let Some(tp) = self.socks.tcp(sk) else { return true };
        let expired = if state == TcpState::SynSent {
            let most = self.sysctl.tcp_syn_retries as u32 + SYN_LINEAR_TIMEOUTS;
            tp.user_timeout_passed(cx).unwrap_or(tp.retransmits >= most)
        } else {
            let most = match (orphan, self.sysctl.tcp_orphan_retries as u32) {
                (true, 0) => ORPHAN_RETRIES,
                (true, n) => n,
                (false, _) => self.sysctl.tcp_retries2 as u32,
            };
            tp.user_timeout_passed(cx).unwrap_or_else(|| tp.retransmits_timed_out(cx, most))
        };
        if expired {
            self.tcp_write_err(cx, sk);
        }
        expired
    }

    /// `tcp_write_err`: nobody answers any more.
    fn tcp_write_err(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let soft = self.socks.get_mut(sk).and_then(|s| s.soft_err.take());
        self.sk_set_err(cx, sk, soft.unwrap_or(Errno::ETIMEDOUT));
        self.tcp_write_queue_purge(cx, sk);
        self.tcp_done(cx, sk);
    }

    /// `tcp_probe0_base`: as long as the retransmission time-out, and at least 200 ms.
    pub(super) fn probe0_base_us(&self, sk: SockId) -> u32 {
        self.socks.tcp(sk).map_or(RTO_MIN_US, |tp| tp.rto_us.max(RTO_MIN_US))
    }

    /// `tcp_probe0_when`: doubled with each probe.
    pub(super) fn probe0_when_us(&self, sk: SockId) -> u32 {
        let backoff = self.socks.tcp(sk).map_or(0, |tp| tp.backoff);
        let when = u64::from(self.probe0_base_us(sk)) << backoff.min(16);
        when.min(u64::from(RTO_MAX_US)) as u32
    }

    /// `tcp_probe_timer`: is the window still shut?
    fn tcp_probe_timer(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(sock) = self.socks.get(sk) else { return };
        let orphan = sock.is_orphan();
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        if !tp.rtx_queue.is_empty() || tp.write_queue.is_empty() {
            tp.probes_out = 0;
            return;
        }
        let since = *tp.probes_since.get_or_insert(cx.now);
        let timeout = tp.user_timeout;
        if !timeout.is_zero() && cx.now.since(since) >= timeout {
            return self.tcp_write_err(cx, sk);
        }
        let most = if orphan { ORPHAN_RETRIES } else { self.sysctl.tcp_retries2 as u32 };
        if tp.probes_out >= most {
            return self.tcp_write_err(cx, sk);
        }
        self.tcp_send_probe0(cx, sk);
    }

    /// `tcp_send_probe0`.
    fn tcp_send_probe0(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        self.tcp_write_wakeup(cx, sk);
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        if !tp.rtx_queue.is_empty() || tp.write_queue.is_empty() {
            tp.probes_out = 0;
            tp.backoff = 0;
            return;
        }
        tp.probes_out += 1;
        tp.backoff = (tp.backoff + 1).min(self.sysctl.tcp_retries2 as u32);
        let after = self.probe0_when_us(sk);
        self.tcp_reset_xmit_timer(cx, sk, TimerKind::Probe, after);
    }

    /// `tcp_write_wakeup`: a piece of data if a piece fits the window, else a segment that must be answered.
    fn tcp_write_wakeup(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        cx.call(Function::TcpWriteWakeup, |cx| {
            let Some(tp) = self.socks.tcp(sk) else { return };
            let (una, end) = (tp.snd_una, tp.wnd_end());
            let head = tp.write_queue.front().map(|s| (s.cb.seq, s.len() as u32));
            if let Some((seq, len)) = head.filter(|(seq, _)| super::seq::before(*seq, end)) {
                let fits = end.wrapping_sub(seq).min(tp.mss_cache);
                if fits < len {
                    self.tcp_fragment(cx, sk, false, 0, fits);
                }
                if let Some(skb) = self.socks.tcp_mut(sk).and_then(|tp| tp.write_queue.front_mut()) {
                    skb.cb.flags |= crate::wire::tcp::PSH;
                }
                self.tcp_write_xmit(cx, sk, true);
            } else {
                // `tcp_xmit_probe_skb`: an old sequence number makes the peer answer.
                self.tcp_send_bare(cx, sk, una.wrapping_sub(1), ACK);
            }
        });
    }

    /// `tcp_set_keepalive`.
    pub(crate) fn tcp_set_keepalive(&mut self, cx: &mut Cx<'_>, sk: SockId, on: bool) {
        let time = Duration::from_secs(self.sysctl.tcp_keepalive_time as u64);
        let Some(sock) = self.socks.get(sk) else { return };
        if matches!(sock.state, TcpState::Close | TcpState::Listen) {
            return;
        }
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        if let Some(token) = tp.keepalive_timer.take() {
            self.timers.cancel(token);
        }
        if on {
            let after = tp.keepalive_time.unwrap_or(time);
            self.keepalive_arm(cx, sk, after);
        }
    }

    fn keepalive_arm(&mut self, cx: &mut Cx<'_>, sk: SockId, after: Duration) {
        let token = self.timers.set(cx.now + after, Target::Sock(sk, TimerKind::Keepalive));
        if let Some(tp) = self.socks.tcp_mut(sk) {
            tp.keepalive_timer = Some(token);
        }
        cx.trace.emit(|| What::Timer {
            kind: TimerKind::Keepalive,
            op: TimerOp::Set,
            owner: sk.0,
            after_us: after.as_micros().min(u128::from(u32::MAX)) as u32,
        });
    }

    /// `tcp_keepalive_timer`.
    fn tcp_keepalive_timer(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let sysctl = &self.sysctl;
        let time = Duration::from_secs(sysctl.tcp_keepalive_time as u64);
        let interval = Duration::from_secs(sysctl.tcp_keepalive_intvl as u64);
        let probes = sysctl.tcp_keepalive_probes as u32;
        let Some(sock) = self.socks.get(sk) else { return };
        if !sock.keepalive || matches!(sock.state, TcpState::Close | TcpState::SynSent) {
            return;
        }
        let Some(tp) = self.socks.tcp(sk) else { return };
        let time = tp.keepalive_time.unwrap_or(time);
        let interval = tp.keepalive_intvl.unwrap_or(interval);
        let most = tp.keepalive_probes.map_or(probes, u32::from);
        if !tp.rtx_queue.is_empty() || !tp.write_queue.is_empty() {
            return self.keepalive_arm(cx, sk, time);
        }
        let idle = cx.now.since(tp.rcv_tstamp.max(tp.ack.lrcvtime));
        if idle < time {
            return self.keepalive_arm(cx, sk, time - idle);
        }
        let timeout = tp.user_timeout;
        let given_up = if timeout.is_zero() { tp.probes_out >= most } else { tp.probes_out > 0 && idle >= timeout };
        if given_up {
            self.tcp_send_active_reset(cx, sk);
            return self.tcp_write_err(cx, sk);
        }
        let seq = tp.snd_una.wrapping_sub(1);
        self.tcp_send_bare(cx, sk, seq, ACK);
        if let Some(tp) = self.socks.tcp_mut(sk) {
            tp.probes_out += 1;
        }
        self.keepalive_arm(cx, sk, interval);
    }
}

impl TcpSock {
    /// `TCP_USER_TIMEOUT`: `None` where none is set.
    fn user_timeout_passed(&self, cx: &Cx<'_>) -> Option<bool> {
        let since = self.retrans_stamp?;
        (!self.user_timeout.is_zero()).then(|| cx.now.since(since) >= self.user_timeout)
    }

    /// `retransmits_timed_out`: have so many time-outs' worth of time passed since the first?
    fn retransmits_timed_out(&self, cx: &Cx<'_>, boundary: u32) -> bool {
        let Some(since) = self.retrans_stamp.filter(|_| self.retransmits > 0) else { return false };
        let base = if self.srtt_us == 0 { TIMEOUT_INIT_US } else { RTO_MIN_US };
        let linear_from = (RTO_MAX_US / base).ilog2();
        let timeout_us = if boundary <= linear_from {
            ((2u64 << boundary) - 1) * u64::from(base)
        } else {
            ((2u64 << linear_from) - 1) * u64::from(base) + u64::from(boundary - linear_from) * u64::from(RTO_MAX_US)
        };
        cx.now.since(since).as_micros() as u64 >= timeout_us
    }
}
