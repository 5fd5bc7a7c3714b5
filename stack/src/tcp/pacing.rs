//! Pacing: segments leave at a rate, not in bursts.
//!
//! Linux: `tcp_update_pacing_rate` in `net/ipv4/tcp_input.c`; `tcp_update_skb_after_send`, `tcp_pacing_check`,
//! `tcp_pace_kick` in `net/ipv4/tcp_output.c`. Each segment has an earliest departure time. With the `fq` qdisc the
//! segment carries it and waits there; without, a timer of the connection holds back the next one.

use super::TcpSock;
use crate::host::{Cx, Host};
use crate::time::{Duration, Instant};
use crate::timer::Target;
use crate::trace::{TimerKind, TimerOp, What};

/// `SK_PACING_NONE`
pub(crate) const PACING_NONE: u8 = 0;
/// `SK_PACING_NEEDED`: by the connection's own timer.
pub(crate) const PACING_NEEDED: u8 = 1;

impl Host {
    /// `tcp_update_pacing_rate`: the window in a round trip, and more: 200 % in slow start, 120 % later.
    pub(super) fn tcp_update_pacing_rate(&mut self, tp: &mut TcpSock) {
        let percent = if tp.snd_cwnd < tp.snd_ssthresh / 2 {
            self.sysctl.tcp_pacing_ss_ratio
        } else {
            self.sysctl.tcp_pacing_ca_ratio
        };
        let mut rate = u64::from(tp.mss_cache) * ((1_000_000 / 100) << 3);
        rate = rate.wrapping_mul(percent as u64).wrapping_mul(u64::from(tp.snd_cwnd.max(tp.packets_out)));
        if tp.srtt_us > 0 {
            rate /= u64::from(tp.srtt_us);
        }
        tp.pacing_rate = rate.min(tp.max_pacing_rate);
    }

    /// `tcp_pacing_check`: true if the next segment must wait; a timer then calls [`Host::tcp_tsq_handler`].
    pub(super) fn tcp_pacing_check(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) -> bool {
        if tp.pacing_status != PACING_NEEDED || tp.tcp_wstamp_ns <= tp.tcp_clock_cache {
            return false;
        }
        if tp.pacing_timer.is_none() {
            let wait = tp.tcp_wstamp_ns - tp.tcp_clock_cache;
            let at = Instant::from_nanos(cx.now.as_nanos().saturating_add(wait));
            tp.pacing_timer = Some(self.timers.set(at, Target::Sock(tp.sk.id, TimerKind::Pacing)));
            cx.trace.emit(|| What::Timer {
                kind: TimerKind::Pacing,
                op: TimerOp::Set,
                owner: tp.sk.id.0,
                after_us: super::probe::micros(Duration::from_nanos(wait)),
            });
        }
        true
    }
}

impl TcpSock {
    /// `tcp_update_skb_after_send`: the next segment departs when this one's `len` bytes have passed at the pacing rate.
    pub(super) fn update_skb_after_send(&mut self, len: u32, prior_wstamp: u64) {
        // As `fq` does, the first ten segments are not paced.
        if self.pacing_status == PACING_NONE
            || self.pacing_rate == u64::MAX
            || self.pacing_rate == 0
            || self.data_segs_out < 10
        {
            return;
        }
        let len_ns = u64::from(len) * 1_000_000_000 / self.pacing_rate;
        // Time lost since the last departure is made good, up to half of it.
        let credit = self.tcp_wstamp_ns.saturating_sub(prior_wstamp);
        self.tcp_wstamp_ns += len_ns - credit.min(len_ns / 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::test_sock;

    fn paced() -> TcpSock {
        let mut tp = test_sock();
        // 1000 bytes in a millisecond.
        (tp.pacing_status, tp.pacing_rate, tp.data_segs_out) = (PACING_NEEDED, 1_000_000, 10);
        tp.tcp_wstamp_ns = 50_000_000;
        tp
    }

    #[test]
    fn the_next_segment_waits_for_the_length_of_this_one() {
        let mut tp = paced();
        tp.update_skb_after_send(2000, 50_000_000);
        assert_eq!(tp.tcp_wstamp_ns, 52_000_000);
    }

    #[test]
    fn lost_time_is_made_good_up_to_half() {
        let mut tp = paced();
        tp.update_skb_after_send(2000, 49_700_000);
        assert_eq!(tp.tcp_wstamp_ns, 51_700_000);
        let mut tp = paced();
        tp.update_skb_after_send(2000, 10_000_000);
        assert_eq!(tp.tcp_wstamp_ns, 51_000_000);
    }

    #[test]
    fn the_first_ten_segments_go_unpaced() {
        let mut tp = paced();
        tp.data_segs_out = 9;
        tp.update_skb_after_send(2000, 50_000_000);
        assert_eq!(tp.tcp_wstamp_ns, 50_000_000);
    }
}
