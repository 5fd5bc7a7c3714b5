//! Keeping the congestion window honest: is it used, and what of it is left after a pause?
//!
//! Linux: `tcp_cwnd_validate`, `tcp_cwnd_restart`, `tcp_cwnd_application_limited` in `net/ipv4/tcp_output.c`,
//! `tcp_current_ssthresh`, `tcp_init_cwnd`. RFC 2861, RFC 7661, RFC 6928.

use super::{CaEvent, CaState, Chrono, INFINITE_SSTHRESH, INIT_CWND, TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::trace::TcpState;

impl TcpSock {
    /// `tcp_in_initial_slowstart`
    pub(super) fn in_initial_slowstart(&self) -> bool {
        self.snd_ssthresh >= INFINITE_SSTHRESH
    }

    /// `tcp_in_slow_start`
    pub(super) fn in_slow_start(&self) -> bool {
        self.snd_cwnd < self.snd_ssthresh
    }

    /// `tcp_in_cwnd_reduction`
    pub(super) fn in_cwnd_reduction(&self) -> bool {
        matches!(self.ca_state, CaState::Cwr | CaState::Recovery)
    }

    /// `tcp_current_ssthresh`: the threshold that a pause would leave behind.
    pub(super) fn current_ssthresh(&self) -> u32 {
        if self.in_cwnd_reduction() {
            return self.snd_ssthresh;
        }
        self.snd_ssthresh.max((self.snd_cwnd >> 1) + (self.snd_cwnd >> 2))
    }

    /// `tcp_init_cwnd`: the route's initial window, or ten segments (RFC 6928).
    pub(super) fn init_cwnd(&self) -> u32 {
        let cwnd = self.dst.and_then(|d| d.initcwnd).filter(|n| *n > 0).unwrap_or(INIT_CWND);
        cwnd.min(self.snd_cwnd_clamp)
    }
}

impl Host {
    /// `tcp_slow_start_after_idle_check`.
    pub(super) fn tcp_slow_start_after_idle_check(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if self.sysctl.tcp_slow_start_after_idle == 0 || tp.packets_out > 0 || tp.ca_has_cong_control() {
            return;
        }
        let idle = cx.now.since(tp.lsndtime).as_micros() as u64;
        if idle > u64::from(tp.rto_us) {
            self.tcp_cwnd_restart(cx, tp, idle);
        }
    }

    /// `tcp_cwnd_restart`: half the window for each time-out of silence (RFC 2861).
    fn tcp_cwnd_restart(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, idle_us: u64) {
        let mut cwnd = tp.snd_cwnd;
        let restart = tp.init_cwnd().min(cwnd);
        tp.ca_cwnd_event(cx, CaEvent::CwndRestart);
        let ssthresh = tp.current_ssthresh();
        tcp_set!(cx, tp, snd_ssthresh, SndSsthresh, ssthresh);
        let mut left = idle_us as i64 - i64::from(tp.rto_us);
        while left > 0 && cwnd > restart {
            cwnd >>= 1;
            left -= i64::from(tp.rto_us.max(1));
        }
        tcp_set!(cx, tp, snd_cwnd, SndCwnd, cwnd.max(restart));
        tp.snd_cwnd_stamp = cx.now;
        tp.snd_cwnd_used = 0;
    }

    /// `tcp_cwnd_validate`: notes whether the window is what holds the sender back.
    pub(super) fn tcp_cwnd_validate(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, is_cwnd_limited: bool) {
        if !super::seq::before(tp.snd_una, tp.cwnd_usage_seq)
            || is_cwnd_limited
            || (!tp.is_cwnd_limited && tp.packets_out > tp.max_packets_out)
        {
            tp.is_cwnd_limited = is_cwnd_limited;
            tp.max_packets_out = tp.packets_out;
            tp.cwnd_usage_seq = tp.snd_nxt;
        }
        if tp.is_cwnd_limited() {
            tp.snd_cwnd_used = 0;
            tp.snd_cwnd_stamp = cx.now;
            return;
        }
        tp.snd_cwnd_used = tp.snd_cwnd_used.max(tp.packets_out);
        let unused = cx.now.since(tp.snd_cwnd_stamp).as_micros() as u64;
        if self.sysctl.tcp_slow_start_after_idle != 0 && unused >= u64::from(tp.rto_us) && !tp.ca_has_cong_control() {
            self.tcp_cwnd_application_limited(cx, tp);
        }
        if tp.write_queue.is_empty() && tp.sk.nospace && matches!(tp.state, TcpState::Established | TcpState::CloseWait)
        {
            tp.chrono_begin(cx, Chrono::SndbufLimited);
        }
    }

    /// `tcp_cwnd_application_limited`: the application never used the window: it shrinks (RFC 7661).
    fn tcp_cwnd_application_limited(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if tp.ca_state == CaState::Open && !tp.sk.dead && !tp.sk.nospace {
            let used = tp.snd_cwnd_used.max(tp.init_cwnd());
            if used < tp.snd_cwnd {
                let ssthresh = tp.current_ssthresh();
                tcp_set!(cx, tp, snd_ssthresh, SndSsthresh, ssthresh);
                tcp_set!(cx, tp, snd_cwnd, SndCwnd, (tp.snd_cwnd + used) >> 1);
            }
            tp.snd_cwnd_used = 0;
        }
        tp.snd_cwnd_stamp = cx.now;
    }
}
