//! Probing a shut window.
//!
//! Linux: `tcp_probe_timer` in `net/ipv4/tcp_timer.c`; `tcp_send_probe0`, `tcp_write_wakeup`, `tcp_xmit_probe_skb` in
//! `net/ipv4/tcp_output.c`; `tcp_probe0_base`, `tcp_probe0_when` in `include/net/tcp.h`. RFC 9293 §3.8.6.1,
//! RFC 1122 §4.2.2.17, RFC 5482.

use super::seq::before;
use super::{RESOURCE_PROBE_INTERVAL_US, RTO_MIN_US, TIMEOUT_MIN_US, TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::time::Duration;
use crate::trace::{Function, TcpState, TimerKind};
use crate::wire::tcp::ACK;

/// `ilog2(TCP_RTO_MAX / TCP_RTO_MIN) + 1`: no more doublings than this.
const MOST_DOUBLINGS: u8 = 10;

impl Host {
    /// `tcp_probe0_base`: as long as the retransmission time-out, and at least 200 ms; µs.
    pub(super) fn tcp_probe0_base_us(&self, tp: &TcpSock) -> u32 {
        tp.rto_us.max(RTO_MIN_US)
    }

    /// `tcp_probe0_when`: doubled with each probe; µs.
    pub(super) fn tcp_probe0_when_us(&self, tp: &TcpSock, max_when_us: u32) -> u32 {
        let when = u64::from(self.tcp_probe0_base_us(tp)) << tp.backoff.min(MOST_DOUBLINGS);
        when.min(u64::from(max_when_us)) as u32
    }

    /// `tcp_clamp_probe0_to_user_timeout`: the last probe comes when TCP_USER_TIMEOUT has passed.
    pub(super) fn tcp_clamp_probe0_to_user_timeout(&self, cx: &Cx<'_>, tp: &TcpSock, when_us: u32) -> u32 {
        let Some(since) = tp.probes_tstamp.filter(|_| !tp.user_timeout.is_zero()) else { return when_us };
        let remaining = micros(tp.user_timeout.saturating_sub(cx.now.since(since)));
        remaining.max(TIMEOUT_MIN_US).min(when_us)
    }

    /// `tcp_probe_timer`: is the window still shut?
    ///
    /// RFC 1122 §4.2.2.17: the connection stays open for as long as the peer answers probes, and each answer sets
    /// `probes_out` back. Only an orphan, or one with TCP_USER_TIMEOUT, is given up.
    pub(super) fn tcp_probe_timer(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if tp.packets_out > 0 || tp.write_queue.is_empty() {
            tp.probes_out = 0;
            tp.probes_tstamp = None;
            return;
        }
        match tp.probes_tstamp {
            None => tp.probes_tstamp = Some(cx.now),
            Some(since) if !tp.user_timeout.is_zero() && cx.now.since(since) >= tp.user_timeout => {
                return self.tcp_write_err(cx, tp);
            }
            Some(_) => {}
        }
        let mut max_probes = self.sysctl.tcp_retries2 as u32;
        if tp.dead {
            // `inet_csk_rto_backoff`
            let backed_off = u64::from(tp.rto_us).checked_shl(u32::from(tp.backoff)).unwrap_or(u64::MAX);
            let alive = tp.backoff < 64 && backed_off < u64::from(self.tcp_rto_max_us(tp));
            max_probes = self.tcp_orphan_retries(tp, alive);
            if !alive && u32::from(tp.backoff) >= max_probes {
                return self.tcp_write_err(cx, tp);
            }
        }
        if u32::from(tp.probes_out) >= max_probes {
            self.tcp_write_err(cx, tp);
        } else {
            self.tcp_send_probe0(cx, tp);
        }
    }

    /// `tcp_send_probe0`.
    fn tcp_send_probe0(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let err = self.tcp_write_wakeup(cx, tp, Counter::TcpWinProbe);
        if tp.packets_out > 0 || tp.write_queue.is_empty() {
            tp.probes_out = 0;
            tcp_set!(cx, tp, backoff, Backoff, 0);
            tp.probes_tstamp = None;
            return;
        }
        tp.probes_out = tp.probes_out.saturating_add(1);
        let mut timeout = RESOURCE_PROBE_INTERVAL_US;
        // Above zero: it was not sent, as this host's queues are full. Then it is tried again soon.
        if err <= 0 {
            if i64::from(tp.backoff) < self.sysctl.tcp_retries2 {
                tcp_set!(cx, tp, backoff, Backoff, tp.backoff + 1);
            }
            timeout = self.tcp_probe0_when_us(tp, self.tcp_rto_max_us(tp));
        }
        let timeout = self.tcp_clamp_probe0_to_user_timeout(cx, tp, timeout);
        self.tcp_reset_xmit_timer(cx, tp, TimerKind::Probe, timeout, true);
    }

    /// `tcp_write_wakeup`: as much as the window takes, else a segment that must be answered. Gives what
    /// `tcp_transmit_skb` gives.
    pub(super) fn tcp_write_wakeup(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, counter: Counter) -> i32 {
        if tp.state == TcpState::Close {
            return -1;
        }
        cx.call(Function::TcpWriteWakeup, |cx| {
            let head = tp.write_queue.front().map(|s| (s.cb.seq, s.cb.end_seq, s.len() as u32));
            if let Some((seq, end_seq, len)) = head.filter(|(seq, ..)| before(*seq, tp.wnd_end())) {
                let mss = self.tcp_current_mss(cx, tp);
                if before(tp.pushed_seq, end_seq) {
                    tp.pushed_seq = end_seq;
                }
                // The window is open a little: the sender's avoidance of silly windows held the data back.
                let window = tp.wnd_end().wrapping_sub(seq);
                let send = if window < end_seq.wrapping_sub(seq) || len > mss { window.min(mss) } else { len };
                return self.tcp_transmit_head(cx, tp, send);
            }
            // `between(snd_up, snd_una + 1, snd_una + 0xffff)`
            let urgent = tp.snd_up.wrapping_sub(tp.snd_una);
            if (1..=0xffff).contains(&urgent) {
                self.tcp_xmit_probe_skb(cx, tp, true, counter);
            }
            self.tcp_xmit_probe_skb(cx, tp, false, counter)
        })
    }

    /// `tcp_xmit_probe_skb`: an old sequence number makes the peer answer; an urgent pointer needs the current one.
    fn tcp_xmit_probe_skb(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, urgent: bool, counter: Counter) -> i32 {
        let seq = tp.snd_una.wrapping_sub(u32::from(!urgent));
        self.mib.inc(counter);
        self.tcp_xmit_bare(cx, tp, seq, ACK)
    }
}

/// Whole microseconds, as many as a timer takes.
pub(super) fn micros(time: Duration) -> u32 {
    time.as_micros().min(u128::from(u32::MAX)) as u32
}
