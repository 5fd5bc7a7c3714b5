//! TCP's timers: what each does when it goes off, and the retransmission time-out.
//!
//! Linux: `net/ipv4/tcp_timer.c`; `tcp_reset_xmit_timer` in `include/net/tcp.h`. RFC 6298 §5, RFC 9293 §3.8.1,
//! RFC 1122 §4.2.3.5, RFC 5482. The window probes are in `probe`, keepalive in `keepalive`.

use super::probe::micros;
use super::{CaState, Pending, RESOURCE_PROBE_INTERVAL_US, RTO_MIN_US, TIMEOUT_INIT_US, TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::syscall::Errno;
use crate::time::Duration;
use crate::timer::{Target, Token};
use crate::trace::{Field, Function, SockId, TcpState, TimerKind, TimerOp, What};

/// `TCP_THIN_LINEAR_RETRIES`: from then on a thin stream backs off, too.
const THIN_LINEAR_RETRIES: u8 = 6;

impl Host {
    /// A timer of a socket went off.
    pub(crate) fn tcp_timer(&mut self, cx: &mut Cx<'_>, sk: SockId, kind: TimerKind) {
        self.with_tcp(cx, sk, |host, cx, tp| match kind {
            TimerKind::DelayedAck => host.tcp_delack_timer_handler(cx, tp),
            TimerKind::CompressedAck => host.tcp_compressed_ack_kick(cx, tp),
            TimerKind::Keepalive => {
                tp.keepalive_timer = None;
                cx.call(Function::TcpKeepaliveTimer, |cx| host.tcp_keepalive_timer(cx, tp));
            }
            TimerKind::Pacing => {
                tp.pacing_timer = None;
                cx.call(Function::TcpPaceKick, |cx| host.tcp_tsq_handler(cx, tp));
            }
            _ => host.tcp_write_timer_handler(cx, tp),
        });
    }

    /// `tcp_write_timer_handler`: the one transmit timer went off; `icsk_pending` says what it stood for.
    fn tcp_write_timer_handler(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let Some(pending) = tp.retrans_timer else { return };
        if matches!(tp.state, TcpState::Close | TcpState::Listen) {
            tp.retrans_timer = None;
            return;
        }
        tp.mstamp_refresh(cx);
        match pending.kind {
            // These two go on counting towards the time-out that they stood in for: `tcp_rearm_rto`.
            TimerKind::ReoTimeout => self.tcp_rack_reo_timeout(cx, tp),
            TimerKind::LossProbe => self.tcp_send_loss_probe(cx, tp),
            TimerKind::Probe => {
                tp.retrans_timer = None;
                cx.call(Function::TcpProbeTimer, |cx| self.tcp_probe_timer(cx, tp));
            }
            _ => {
                tp.retrans_timer = None;
                cx.call(Function::TcpRetransmitTimer, |cx| self.tcp_retransmit_timer(cx, tp));
            }
        }
    }

    /// `tcp_reset_xmit_timer`: RTO, probe, reordering or loss probe; one timer serves them all. With `pace_delay` the
    /// time counts from when the segment last sent departs.
    pub(super) fn tcp_reset_xmit_timer(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        kind: TimerKind,
        after_us: u32,
        pace_delay: bool,
    ) {
        let pending = tp.retrans_timer.take().map(|pending| pending.token);
        let pacing_us = if pace_delay { tp.pacing_delay_us() } else { 0 };
        let after_us = after_us.saturating_add(pacing_us).min(self.tcp_rto_max_us(tp));
        let at = cx.now + Duration::from_micros(u64::from(after_us));
        let token = self.timers.modify(pending, at, Target::Sock(tp.sk.id, kind));
        tp.retrans_timer = Some(Pending { kind, token, at });
        cx.trace.emit(|| What::Timer { kind, op: TimerOp::Set, owner: tp.sk.id.0, after_us });
    }

    /// `inet_csk_clear_xmit_timer(sk, ICSK_TIME_RETRANS)`.
    pub(super) fn tcp_cancel_xmit_timer(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if let Some(pending) = tp.retrans_timer.take() {
            self.cancel_timer(cx, tp.sk.id, Some(pending.token), pending.kind);
        }
    }

    /// `tcp_clear_xmit_timers`: every timer of the connection.
    pub(super) fn tcp_clear_xmit_timers(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let id = tp.sk.id;
        self.cancel_timer(cx, id, tp.pacing_timer.take(), TimerKind::Pacing);
        self.cancel_timer(cx, id, tp.compressed_ack_timer.take(), TimerKind::CompressedAck);
        self.tcp_cancel_xmit_timer(cx, tp);
        tp.ack.pending = 0;
        self.cancel_timer(cx, id, tp.ack.timer.take().map(|(token, _)| token), TimerKind::DelayedAck);
        self.cancel_timer(cx, id, tp.keepalive_timer.take(), TimerKind::Keepalive);
    }

    /// Disarms a timer of a socket, and tells so if it was armed.
    pub(super) fn cancel_timer(&mut self, cx: &mut Cx<'_>, sk: SockId, token: Option<Token>, kind: TimerKind) {
        if token.is_some_and(|token| self.timers.cancel(token)) {
            cx.trace.emit(|| What::Timer { kind, op: TimerOp::Cancel, owner: sk.0, after_us: 0 });
        }
    }

    /// `tcp_done_with_error`: the connection ends, and the program is told why.
    pub(super) fn tcp_done_with_error(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, errno: Errno) {
        let old = tp.sk.err.replace(errno).map_or(0, |e| e as u32);
        cx.tell_set(tp.sk.id, Field::SkErr, old, errno as u32);
        self.tcp_write_queue_purge(cx, tp);
        self.tcp_done(cx, tp);
        if !tp.dead {
            self.sk_error_report(cx, &mut tp.sk);
        }
    }

    /// `tcp_write_err`: nobody answers any more.
    pub(super) fn tcp_write_err(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let errno = tp.soft_err.unwrap_or(Errno::ETIMEDOUT);
        self.tcp_done_with_error(cx, tp, errno);
        self.mib.inc(Counter::TcpAbortOnTimeout);
    }

    /// `tcp_orphan_retries`.
    pub(super) fn tcp_orphan_retries(&self, tp: &TcpSock, alive: bool) -> u32 {
        let mut retries = self.sysctl.tcp_orphan_retries as u32;
        // An ICMP message told that something is wrong.
        if tp.soft_err.is_some() && !alive {
            retries = 0;
        }
        // Something was sent lately: 8 is more than 100 seconds with the least time-out.
        if retries == 0 && alive { 8 } else { retries }
    }

    /// `tcp_write_timeout`: was it tried often enough? Then the connection ends.
    fn tcp_write_timeout(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) -> bool {
        let mut expired = false;
        let mut retry_until;
        if matches!(tp.state, TcpState::SynSent | TcpState::SynRecv) {
            retry_until = tp.syn_retries.map_or(self.sysctl.tcp_syn_retries as u32, u32::from);
            let linear = if tp.state == TcpState::SynSent { self.sysctl.tcp_syn_linear_timeouts as u32 } else { 0 };
            expired = u32::from(tp.retransmits) >= retry_until + linear;
        } else {
            if tp.retransmits_timed_out(self.sysctl.tcp_retries1 as u32, Duration::ZERO) {
                // Perhaps the path swallows large packets.
                self.tcp_mtu_probing(cx, tp);
            }
            retry_until = self.sysctl.tcp_retries2 as u32;
            if tp.dead {
                let alive = tp.rto_us < self.tcp_rto_max_us(tp);
                retry_until = self.tcp_orphan_retries(tp, alive);
            }
        }
        expired |= tp.retransmits_timed_out(retry_until, tp.user_timeout);
        if expired {
            self.tcp_write_err(cx, tp);
        }
        expired
    }

    /// `tcp_retransmit_timer`: no acknowledgment came in time.
    fn tcp_retransmit_timer(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let Some(head) = tp.rtx_queue.front().filter(|_| tp.packets_out > 0) else { return };
        let sent_at_ms = (head.cb.sent_at / 1_000_000) as u32;
        if tp.snd_wnd == 0 && !tp.dead && !matches!(tp.state, TcpState::SynSent | TcpState::SynRecv) {
            // The peer shut its window over data in flight: this segment is the probe. Its answers keep the
            // connection; an orphan is given up below.
            let since = if tp.retrans_stamp == 0 { sent_at_ms } else { tp.retrans_stamp };
            let waited = tp.time_stamp_ts().wrapping_sub(since);
            if self.tcp_rtx_probe0_timed_out(cx, tp, Duration::from_millis(u64::from(waited))) {
                return self.tcp_write_err(cx, tp);
            }
            self.tcp_enter_loss(cx, tp);
            self.tcp_retransmit_skb(cx, tp, 0, 1);
        } else {
            self.mib.inc(Counter::TcpTimeouts);
            if self.tcp_write_timeout(cx, tp) {
                return;
            }
            if tp.retransmits == 0
                && let Some(counter) = tp.what_failed()
            {
                self.mib.inc(counter);
            }
            self.tcp_enter_loss(cx, tp);
            tp.update_rto_stats();
            if self.tcp_retransmit_skb(cx, tp, 0, 1) > 0 {
                // This host's own queues are full: no reason to back off, but none to hurry.
                let after = RESOURCE_PROBE_INTERVAL_US;
                return self.tcp_reset_xmit_timer(cx, tp, TimerKind::Retransmit, after, false);
            }
        }
        self.tcp_back_off(cx, tp);
    }

    /// `out_reset_timer` of `tcp_retransmit_timer`: the time-out doubles (RFC 6298 §5.5).
    fn tcp_back_off(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let rto_max = self.tcp_rto_max_us(tp);
        let thin = tp.state == TcpState::Established
            && (tp.thin_lto || self.sysctl.tcp_thin_linear_timeouts != 0)
            && tp.stream_is_thin()
            && tp.retransmits <= THIN_LINEAR_RETRIES;
        if thin {
            let rto = tp.computed_rto_us().max(tp.rto_min()).min(rto_max);
            tcp_set!(cx, tp, backoff, Backoff, 0);
            tcp_set!(cx, tp, rto_us, RtoUs, rto);
        } else if tp.state != TcpState::SynSent || i64::from(tp.total_rto) > self.sysctl.tcp_syn_linear_timeouts {
            tcp_set!(cx, tp, backoff, Backoff, tp.backoff.saturating_add(1));
            tcp_set!(cx, tp, rto_us, RtoUs, tp.rto_us.saturating_mul(2).min(rto_max));
        }
        let after = tp.clamp_rto_to_user_timeout();
        self.tcp_reset_xmit_timer(cx, tp, TimerKind::Retransmit, after, false);
    }

    /// `tcp_rtx_probe0_timed_out`: has the peer said nothing for two longest time-outs, or TCP_USER_TIMEOUT?
    fn tcp_rtx_probe0_timed_out(&self, cx: &Cx<'_>, tp: &TcpSock, waited: Duration) -> bool {
        let mut timeout = 2 * Duration::from_micros(u64::from(self.tcp_rto_max_us(tp)));
        if !tp.user_timeout.is_zero() {
            // A window of zero in answer is no progress.
            if waited > tp.user_timeout {
                return true;
            }
            timeout = timeout.min(tp.user_timeout);
        }
        cx.now.since(tp.rcv_tstamp) > timeout && waited > timeout
    }
}

impl TcpSock {
    /// `tcp_clamp_rto_to_user_timeout`, µs: the last time-out comes when TCP_USER_TIMEOUT has passed.
    fn clamp_rto_to_user_timeout(&self) -> u32 {
        if self.user_timeout.is_zero() {
            return self.rto_us;
        }
        let elapsed_ms = self.time_stamp_ts().wrapping_sub(self.retrans_stamp);
        let remaining = self.user_timeout.saturating_sub(Duration::from_millis(u64::from(elapsed_ms)));
        // Passed already: as soon as possible.
        if remaining.is_zero() { 1 } else { self.rto_us.min(micros(remaining)) }
    }

    /// `tcp_model_timeout`: how long `boundary` time-outs take that begin with `rto_base` and double, ms.
    fn model_timeout_ms(&self, boundary: u32, rto_base_us: u32) -> u64 {
        let (base, max) = (u64::from(rto_base_us), u64::from(self.rto_max_us));
        let linear_from = (max / base).max(1).ilog2();
        let us = if boundary <= linear_from {
            ((2 << boundary) - 1) * base
        } else {
            ((2 << linear_from) - 1) * base + u64::from(boundary - linear_from) * max
        };
        us / 1000
    }

    /// `retransmits_timed_out`: has as much time passed since the first retransmission as `boundary` of them take, or
    /// `timeout` if it is not zero?
    pub(super) fn retransmits_timed_out(&self, boundary: u32, timeout: Duration) -> bool {
        if self.retransmits == 0 {
            return false;
        }
        let timeout_ms = if timeout.is_zero() {
            let opening = matches!(self.state, TcpState::SynSent | TcpState::SynRecv);
            self.model_timeout_ms(boundary, if opening { TIMEOUT_INIT_US } else { RTO_MIN_US })
        } else {
            timeout.as_millis() as u64
        };
        u64::from(self.time_stamp_ts().wrapping_sub(self.retrans_stamp)) >= timeout_ms
    }

    /// `tcp_update_rto_stats`.
    fn update_rto_stats(&mut self) {
        if self.retransmits == 0 {
            self.total_rto_recoveries = self.total_rto_recoveries.wrapping_add(1);
            self.rto_stamp = self.time_stamp_ts();
        }
        self.retransmits = self.retransmits.saturating_add(1);
        self.total_rto = self.total_rto.wrapping_add(1);
    }

    /// `tcp_stream_is_thin`: so little is in flight that fast retransmit has no chance.
    fn stream_is_thin(&self) -> bool {
        self.packets_out < 4 && !self.in_initial_slowstart()
    }

    /// `tcp_pacing_delay`, µs: how far ahead the last segment's departure is.
    pub(super) fn pacing_delay_us(&self) -> u32 {
        (self.tcp_wstamp_ns.saturating_sub(self.tcp_clock_cache) / 1000).min(u64::from(u32::MAX)) as u32
    }

    /// Which repair the first time-out of an episode puts an end to.
    fn what_failed(&self) -> Option<Counter> {
        let by_sack = |sack, reno| Some(if self.rx_opt.sack_ok { sack } else { reno });
        match self.ca_state {
            CaState::Recovery => by_sack(Counter::TcpSackRecoveryFail, Counter::TcpRenoRecoveryFail),
            CaState::Loss => Some(Counter::TcpLossFailures),
            CaState::Disorder => by_sack(Counter::TcpSackFailures, Counter::TcpRenoFailures),
            _ if self.sacked_out > 0 => by_sack(Counter::TcpSackFailures, Counter::TcpRenoFailures),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::test_sock;

    fn timed_out_at(tp: &mut TcpSock, boundary: u32) -> u64 {
        tp.retransmits = 1;
        tp.retrans_stamp = 10_000;
        (0..2_000_000)
            .step_by(100)
            .find(|ms| {
                tp.tcp_mstamp = (10_000 + ms) * 1000;
                tp.retransmits_timed_out(boundary, Duration::ZERO)
            })
            .unwrap_or(0)
    }

    #[test]
    fn fifteen_retries_are_924_seconds() {
        // Documentation/networking/ip-sysctl.rst, tcp_retries2: "The default value of 15 yields a hypothetical
        // timeout of 924.6 seconds".
        let mut tp = test_sock();
        tp.sk.state = TcpState::Established;
        assert_eq!(timed_out_at(&mut tp, 15), 924_600);
        assert_eq!(timed_out_at(&mut tp, 3), 3_000);
        tp.rto_max_us = 1_000_000;
        assert_eq!(timed_out_at(&mut tp, 3), 1400 + 1000);
    }

    #[test]
    fn six_retries_of_a_syn_are_127_seconds() {
        let mut tp = test_sock();
        tp.sk.state = TcpState::SynSent;
        assert_eq!(timed_out_at(&mut tp, 6), 127_000);
    }

    #[test]
    fn the_user_timeout_cuts_the_last_time_out_short() {
        let mut tp = test_sock();
        tp.rto_us = 800_000;
        tp.retrans_stamp = 10_000;
        tp.tcp_mstamp = 12_500_000;
        assert_eq!(tp.clamp_rto_to_user_timeout(), 800_000);
        tp.user_timeout = Duration::from_millis(3000);
        assert_eq!(tp.clamp_rto_to_user_timeout(), 500_000);
        tp.tcp_mstamp = 13_500_000;
        assert_eq!(tp.clamp_rto_to_user_timeout(), 1);
    }
}
