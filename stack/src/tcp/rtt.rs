//! The round-trip time and the retransmission time-out.
//!
//! Linux: `tcp_rtt_estimator`, `tcp_set_rto`, `tcp_bound_rto` in `net/ipv4/tcp_input.c`. RFC 6298, with Linux's
//! faster decay of the variance and its 200 ms floor.

use super::seq::after;
use super::{RTO_MAX_US, RTO_MIN_US, TcpSock};

impl TcpSock {
    /// `tcp_rtt_estimator`: takes a sample in microseconds. `srtt_us` is eight times the smoothed time.
    pub(super) fn rtt_estimator(&mut self, sample_us: u32) {
        let mut m = sample_us as i32;
        if self.srtt_us == 0 {
            // RFC 6298 §2.2, with RTTVAR never below the floor.
            self.srtt_us = sample_us.max(1) << 3;
            self.mdev_us = sample_us << 1;
            self.rttvar_us = self.mdev_us.max(RTO_MIN_US);
            self.mdev_max_us = self.rttvar_us;
            self.rtt_seq = self.snd_nxt;
            return;
        }
        let srtt = self.srtt_us as i32;
        m -= srtt >> 3;
        self.srtt_us = ((srtt + m) as u32).max(1);
        if m < 0 {
            m = -m;
            m -= (self.mdev_us >> 2) as i32;
            // A sudden drop of the time shall not raise the variance: Eifel-like weighting.
            if m > 0 {
                m >>= 3;
            }
        } else {
            m -= (self.mdev_us >> 2) as i32;
        }
        self.mdev_us = (self.mdev_us as i32 + m).max(0) as u32;
        if self.mdev_us > self.mdev_max_us {
            self.mdev_max_us = self.mdev_us;
            self.rttvar_us = self.rttvar_us.max(self.mdev_max_us);
        }
        if after(self.snd_una, self.rtt_seq) {
            if self.mdev_max_us < self.rttvar_us {
                self.rttvar_us -= (self.rttvar_us - self.mdev_max_us) >> 2;
            }
            self.rtt_seq = self.snd_nxt;
            self.mdev_max_us = RTO_MIN_US;
        }
    }

    /// `__tcp_set_rto`: SRTT + 4·RTTVAR, where `rttvar_us` already holds four times the deviation.
    pub(super) fn computed_rto_us(&self) -> u32 {
        ((self.srtt_us >> 3) + self.rttvar_us).min(RTO_MAX_US)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sysctl::Sysctl;

    #[test]
    fn the_first_sample_gives_linux_time_out() {
        let mut tp = TcpSock::new(&Sysctl::default());
        tp.rtt_estimator(10_000);
        assert_eq!(tp.srtt_us >> 3, 10_000);
        // RTTVAR has a floor of 200 ms, so a quick path times out after 200 ms and a little.
        assert_eq!(tp.computed_rto_us(), 210_000);
    }

    #[test]
    fn steady_samples_bring_the_time_out_to_its_floor() {
        let mut tp = TcpSock::new(&Sysctl::default());
        for i in 0..200 {
            tp.snd_una = i * 10;
            tp.snd_nxt = i * 10 + 5;
            tp.rtt_estimator(50_000);
        }
        assert_eq!(tp.computed_rto_us(), 250_000);
    }
}
