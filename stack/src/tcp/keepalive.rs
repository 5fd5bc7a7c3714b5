//! Keepalive: is the peer of a silent connection still there? And how long an orphan waits in FIN_WAIT2.
//!
//! Linux: `tcp_keepalive_timer`, `tcp_set_keepalive` in `net/ipv4/tcp_timer.c`. RFC 1122 §4.2.3.6, RFC 5482.

use super::{RESOURCE_PROBE_INTERVAL_US, TIMEWAIT_LEN, TcpSock};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::time::Duration;
use crate::timer::Target;
use crate::trace::{TcpState, TimerKind, TimerOp, What};

impl Host {
    /// `keepalive_time_when`: silence before the first probe.
    pub(super) fn keepalive_time_when(&self, tp: &TcpSock) -> Duration {
        tp.keepalive_time.unwrap_or(seconds(self.sysctl.tcp_keepalive_time))
    }

    /// `keepalive_intvl_when`: between probes.
    fn keepalive_intvl_when(&self, tp: &TcpSock) -> Duration {
        tp.keepalive_intvl.unwrap_or(seconds(self.sysctl.tcp_keepalive_intvl))
    }

    /// `keepalive_probes`: how many may stay without an answer.
    fn keepalive_probes(&self, tp: &TcpSock) -> u8 {
        tp.keepalive_probes.unwrap_or(self.sysctl.tcp_keepalive_probes as u8)
    }

    /// `tcp_reset_keepalive_timer`.
    pub(super) fn tcp_reset_keepalive_timer(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, after: Duration) {
        if let Some(token) = tp.keepalive_timer.take() {
            self.timers.cancel(token);
        }
        tp.keepalive_timer = Some(self.timers.set(cx.now + after, Target::Sock(tp.sk.id, TimerKind::Keepalive)));
        cx.trace.emit(|| What::Timer {
            kind: TimerKind::Keepalive,
            op: TimerOp::Set,
            owner: tp.sk.id.0,
            after_us: after.as_micros().min(u128::from(u32::MAX)) as u32,
        });
    }

    /// `tcp_delete_keepalive_timer`.
    pub(super) fn tcp_delete_keepalive_timer(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        self.cancel_timer(cx, tp.sk.id, tp.keepalive_timer.take(), TimerKind::Keepalive);
    }

    /// `tcp_set_keepalive`: `SO_KEEPALIVE` is about to be switched.
    pub(crate) fn tcp_set_keepalive(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, on: bool) {
        if matches!(tp.state, TcpState::Close | TcpState::Listen) {
            return;
        }
        if on && !tp.keepalive {
            let after = self.keepalive_time_when(tp);
            self.tcp_reset_keepalive_timer(cx, tp, after);
        } else if !on {
            self.tcp_delete_keepalive_timer(cx, tp);
        }
    }

    /// The end of `tcp_sock_set_keepidle_locked`: a new time before the first probe; the silence so far counts.
    pub(super) fn tcp_restart_keepalive(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let after = self.keepalive_time_when(tp).saturating_sub(tp.keepalive_time_elapsed(cx));
        self.tcp_reset_keepalive_timer(cx, tp, after);
    }

    /// `tcp_keepalive_timer`.
    pub(super) fn tcp_keepalive_timer(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if tp.state == TcpState::Listen {
            return;
        }
        tp.mstamp_refresh(cx);
        if tp.state == TcpState::FinWait2 && tp.dead {
            return self.tcp_orphan_timer(cx, tp);
        }
        if !tp.keepalive || matches!(tp.state, TcpState::Close | TcpState::SynSent) {
            return;
        }
        let time = self.keepalive_time_when(tp);
        // It is alive without keepalive.
        if tp.packets_out > 0 || !tp.write_queue.is_empty() {
            return self.tcp_reset_keepalive_timer(cx, tp, time);
        }
        let elapsed = tp.keepalive_time_elapsed(cx);
        if elapsed < time {
            return self.tcp_reset_keepalive_timer(cx, tp, time - elapsed);
        }
        // TCP_USER_TIMEOUT, where it is set, decides in place of the number of probes.
        let given_up = if tp.user_timeout.is_zero() {
            tp.probes_out >= self.keepalive_probes(tp)
        } else {
            tp.probes_out > 0 && elapsed >= tp.user_timeout
        };
        if given_up {
            self.tcp_send_active_reset(cx, tp);
            return self.tcp_write_err(cx, tp);
        }
        let after = if self.tcp_write_wakeup(cx, tp, Counter::TcpKeepAlive) <= 0 {
            tp.probes_out = tp.probes_out.saturating_add(1);
            self.keepalive_intvl_when(tp)
        } else {
            // Lost in this host: try harder.
            Duration::from_micros(u64::from(RESOURCE_PROBE_INTERVAL_US))
        };
        self.tcp_reset_keepalive_timer(cx, tp, after);
    }

    /// An orphan in FIN_WAIT2 has waited for the peer's FIN: the small form waits on, or the connection is reset.
    fn tcp_orphan_timer(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if tp.linger2 >= 0 {
            let left = self.tcp_fin_time(tp).saturating_sub(TIMEWAIT_LEN);
            if !left.is_zero() {
                return self.tcp_time_wait(cx, tp, TcpState::FinWait2, left);
            }
        }
        self.tcp_send_active_reset(cx, tp);
        self.tcp_done(cx, tp);
    }
}

impl TcpSock {
    /// `keepalive_time_elapsed`: how long nothing has come from the peer.
    fn keepalive_time_elapsed(&self, cx: &Cx<'_>) -> Duration {
        cx.now.since(self.ack.lrcvtime).min(cx.now.since(self.rcv_tstamp))
    }
}

/// A kernel variable in seconds; a negative one is none.
fn seconds(value: i64) -> Duration {
    Duration::from_secs(value.max(0) as u64)
}
