//! Reno, and what the other algorithms share with it: slow start and additive increase.
//!
//! Linux: `net/ipv4/tcp_cong.c`, `tcp_is_cwnd_limited` in `include/net/tcp.h`. RFC 5681 §3.1, RFC 7661.

use crate::tcp::TcpSock;

impl TcpSock {
    /// `tcp_is_cwnd_limited`: is the window what holds the sender back? If not, it has no reason to grow.
    pub(in crate::tcp) fn is_cwnd_limited(&self) -> bool {
        // In slow start the window may be twice what is used, lest a burst of ACKs be wasted.
        self.is_cwnd_limited || (self.in_slow_start() && self.snd_cwnd < self.max_packets_out.saturating_mul(2))
    }

    /// `tcp_slow_start`: one segment more for each delivered, up to the threshold. Gives the deliveries left over.
    pub(super) fn slow_start(&mut self, acked: u32) -> u32 {
        let cwnd = self.snd_cwnd.saturating_add(acked).min(self.snd_ssthresh);
        let left = acked - (cwnd - self.snd_cwnd);
        self.snd_cwnd = cwnd.min(self.snd_cwnd_clamp);
        left
    }

    /// `tcp_cong_avoid_ai`: one segment more for each `w` delivered.
    pub(super) fn cong_avoid_ai(&mut self, w: u32, acked: u32) {
        let w = w.max(1);
        // What was saved up at a larger `w` counts once.
        if self.snd_cwnd_cnt >= w {
            self.snd_cwnd_cnt = 0;
            self.snd_cwnd = self.snd_cwnd.saturating_add(1);
        }
        self.snd_cwnd_cnt = self.snd_cwnd_cnt.saturating_add(acked);
        if self.snd_cwnd_cnt >= w {
            let delta = self.snd_cwnd_cnt / w;
            self.snd_cwnd_cnt -= delta * w;
            self.snd_cwnd = self.snd_cwnd.saturating_add(delta);
        }
        self.snd_cwnd = self.snd_cwnd.min(self.snd_cwnd_clamp);
    }

    /// `tcp_reno_cong_avoid`.
    pub(super) fn reno_cong_avoid(&mut self, mut acked: u32) {
        if !self.is_cwnd_limited() {
            return;
        }
        if self.in_slow_start() {
            acked = self.slow_start(acked);
            if acked == 0 {
                return;
            }
        }
        self.cong_avoid_ai(self.snd_cwnd, acked);
    }

    /// `tcp_reno_ssthresh`.
    pub(super) fn reno_ssthresh(&self) -> u32 {
        (self.snd_cwnd >> 1).max(2)
    }

    /// `tcp_reno_undo_cwnd`.
    pub(super) fn reno_undo_cwnd(&self) -> u32 {
        self.snd_cwnd.max(self.prior_cwnd)
    }
}

#[cfg(test)]
mod tests {
    use crate::tcp::{TcpSock, test_sock};

    fn limited(cwnd: u32, ssthresh: u32) -> TcpSock {
        let mut tp = test_sock();
        (tp.snd_cwnd, tp.snd_ssthresh, tp.is_cwnd_limited) = (cwnd, ssthresh, true);
        tp
    }

    #[test]
    fn slow_start_doubles_the_window_in_a_round_trip() {
        let mut tp = limited(10, 1000);
        for _ in 0..10 {
            tp.reno_cong_avoid(1);
        }
        assert_eq!(tp.snd_cwnd, 20);
    }

    #[test]
    fn congestion_avoidance_adds_a_segment_in_a_round_trip() {
        let mut tp = limited(10, 10);
        for _ in 0..9 {
            tp.reno_cong_avoid(1);
        }
        assert_eq!(tp.snd_cwnd, 10);
        tp.reno_cong_avoid(1);
        assert_eq!((tp.snd_cwnd, tp.snd_cwnd_cnt), (11, 0));
    }

    #[test]
    fn slow_start_stops_at_the_threshold_and_the_rest_counts_as_avoidance() {
        let mut tp = limited(10, 12);
        tp.reno_cong_avoid(5);
        assert_eq!((tp.snd_cwnd, tp.snd_cwnd_cnt), (12, 3));
    }

    #[test]
    fn a_window_that_is_not_used_does_not_grow() {
        let mut tp = limited(20, 1000);
        (tp.is_cwnd_limited, tp.max_packets_out) = (false, 10);
        tp.reno_cong_avoid(3);
        assert_eq!(tp.snd_cwnd, 20, "it is already twice what is used");
        tp.max_packets_out = 11;
        tp.reno_cong_avoid(3);
        assert_eq!(tp.snd_cwnd, 23);
        tp.snd_ssthresh = 5;
        tp.reno_cong_avoid(30);
        assert_eq!(tp.snd_cwnd, 23);
    }

    #[test]
    fn the_window_never_passes_its_clamp() {
        let mut tp = limited(10, 1000);
        tp.snd_cwnd_clamp = 12;
        tp.reno_cong_avoid(10);
        assert_eq!(tp.snd_cwnd, 12);
    }

    #[test]
    fn a_loss_halves_the_window_but_not_below_two() {
        assert_eq!(limited(21, 1000).reno_ssthresh(), 10);
        assert_eq!(limited(2, 1000).reno_ssthresh(), 2);
        let mut tp = limited(5, 5);
        tp.prior_cwnd = 11;
        assert_eq!(tp.reno_undo_cwnd(), 11);
    }
}
