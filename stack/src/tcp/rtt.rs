//! The round-trip time and the retransmission time-out.
//!
//! Linux: `tcp_rtt_estimator`, `tcp_set_rto`, `tcp_update_rtt_min` in `net/ipv4/tcp_input.c`, `tcp_rto_min` in
//! `net/ipv4/tcp_output.c`. RFC 6298, with Linux's faster decay of the variance and its 200 ms floor.

use super::TcpSock;
use super::minmax::minmax_running_min;
use super::seq::after;
use crate::host::Host;
use crate::sysctl::Sysctl;

impl TcpSock {
    /// `tcp_rto_min`, µs: the route's, or the socket's.
    pub(super) fn rto_min(&self) -> u32 {
        self.dst.and_then(|d| d.rto_min).unwrap_or(self.rto_min_us)
    }

    /// `tcp_rtt_estimator`: takes a sample in microseconds. `srtt_us` is eight times the smoothed time.
    pub(super) fn rtt_estimator(&mut self, sample_us: u32) {
        let mut m = i64::from(sample_us);
        let srtt = i64::from(self.srtt_us);
        if srtt == 0 {
            // RFC 6298 §2.2, with RTTVAR never below the floor.
            self.srtt_us = sample_us.saturating_mul(8).max(1);
            self.mdev_us = sample_us.saturating_mul(2);
            self.rttvar_us = self.mdev_us.max(self.rto_min());
            self.mdev_max_us = self.rttvar_us;
            self.rtt_seq = self.snd_nxt;
            return;
        }
        m -= srtt >> 3;
        self.srtt_us = (srtt + m).clamp(1, i64::from(u32::MAX)) as u32;
        let quarter = i64::from(self.mdev_us >> 2);
        if m < 0 {
            m = -m - quarter;
            // A sudden drop of the time shall not raise the variance: Eifel-like weighting.
            if m > 0 {
                m >>= 3;
            }
        } else {
            m -= quarter;
        }
        self.mdev_us = (i64::from(self.mdev_us) + m).clamp(0, i64::from(u32::MAX)) as u32;
        if self.mdev_us > self.mdev_max_us {
            self.mdev_max_us = self.mdev_us;
            self.rttvar_us = self.rttvar_us.max(self.mdev_max_us);
        }
        // Once a round trip the variance comes down to the greatest of that round trip.
        if after(self.snd_una, self.rtt_seq) {
            if self.mdev_max_us < self.rttvar_us {
                self.rttvar_us -= (self.rttvar_us - self.mdev_max_us) >> 2;
            }
            self.rtt_seq = self.snd_nxt;
            self.mdev_max_us = self.rto_min();
        }
    }

    /// `__tcp_set_rto`: SRTT + 4·RTTVAR, where `rttvar_us` already holds four times the deviation.
    pub(super) fn computed_rto_us(&self) -> u32 {
        (self.srtt_us >> 3).saturating_add(self.rttvar_us)
    }

    /// `tcp_set_rto`, `tcp_bound_rto`: the time-out follows from srtt and rttvar, and has an upper bound.
    pub(super) fn set_rto(&mut self) {
        self.rto_us = self.computed_rto_us().min(self.rto_max_us);
    }

    /// `tcp_update_rtt_min`: the least time of the last `tcp_min_rtt_wlen` seconds. A sample that the peer's delayed
    /// ACK may have made longer (`may_move_up` is false) can only lower it.
    pub(super) fn update_rtt_min(&mut self, sysctl: &Sysctl, rtt_us: u32, may_move_up: bool) {
        if !may_move_up && rtt_us > self.min_rtt() {
            return;
        }
        let window_ms = (sysctl.tcp_min_rtt_wlen as u32).saturating_mul(1000);
        let now_ms = self.time_stamp_ts();
        let least = if rtt_us == 0 { 1000 } else { rtt_us };
        minmax_running_min(&mut self.rtt_min, window_ms, now_ms, least);
    }

    /// `tcp_min_rtt`, µs; `u32::MAX` if there is no sample.
    pub(crate) fn min_rtt(&self) -> u32 {
        self.rtt_min[0].1
    }
}

impl Host {
    /// `tcp_rto_min`, µs.
    pub(super) fn tcp_rto_min_us(&self, tp: &TcpSock) -> u32 {
        tp.rto_min()
    }

    /// `tcp_rto_max`, µs.
    pub(super) fn tcp_rto_max_us(&self, tp: &TcpSock) -> u32 {
        tp.rto_max_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::test_sock;

    #[test]
    fn the_first_sample_gives_linux_time_out() {
        let mut tp = test_sock();
        tp.rtt_estimator(10_000);
        tp.set_rto();
        assert_eq!(tp.srtt_us >> 3, 10_000);
        // RTTVAR has a floor of 200 ms, so a quick path times out after 200 ms and a little.
        assert_eq!(tp.rto_us, 210_000);
    }

    #[test]
    fn a_slow_first_sample_gives_three_times_itself() {
        // RFC 6298 §2.2: RTO = SRTT + 4 * RTTVAR, RTTVAR = R/2.
        let mut tp = test_sock();
        tp.rtt_estimator(300_000);
        tp.set_rto();
        assert_eq!(tp.rto_us, 900_000);
    }

    #[test]
    fn steady_samples_bring_the_time_out_to_its_floor() {
        let mut tp = test_sock();
        for i in 0..200 {
            tp.snd_una = i * 10;
            tp.snd_nxt = i * 10 + 5;
            tp.rtt_estimator(50_000);
        }
        tp.set_rto();
        assert_eq!(tp.rto_us, 250_000);
    }

    #[test]
    fn the_time_out_stays_within_its_bounds() {
        let mut tp = test_sock();
        tp.rto_max_us = 1_000_000;
        tp.rtt_estimator(900_000);
        tp.set_rto();
        assert_eq!(tp.rto_us, 1_000_000);
        let mut tp = test_sock();
        tp.rto_min_us = 5_000;
        tp.rtt_estimator(1_000);
        tp.set_rto();
        assert_eq!(tp.rto_us, 6_000);
        tp.rtt_estimator(u32::MAX);
        tp.set_rto();
        assert!(tp.rto_us <= 120_000_000);
    }

    #[test]
    fn a_delayed_acknowledgment_cannot_raise_the_least_time() {
        let sysctl = Sysctl::default();
        let mut tp = test_sock();
        for (at_ms, rtt, may_move_up, least) in [
            (1_000, 20_000, false, 20_000),
            (1_100, 15_000, false, 15_000),
            (400_000, 60_000, false, 15_000),
            (400_001, 50_000, true, 50_000),
            (400_002, 0, true, 1000),
        ] {
            tp.tcp_mstamp = at_ms * 1000;
            tp.update_rtt_min(&sysctl, rtt, may_move_up);
            assert_eq!(tp.min_rtt(), least, "at {at_ms}");
        }
    }
}
