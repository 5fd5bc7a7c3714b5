//! The delivery rate: how many segments arrived in what time.
//!
//! Linux: `net/ipv4/tcp_rate.c`. draft-cheng-iccrg-delivery-rate-estimation: each segment notes, when it is sent, how
//! many were delivered until then and when the last of them was. Its ACK then tells how many more were delivered
//! since, and in what time: that of sending them or that of their ACKs, whichever is longer.

use super::seq::after;
use super::{RETRANS, SACKED_ACKED, TcpSock};
use crate::skb::{TcpSkbCb, TxState, skb_truesize};

/// `struct rate_sample`: what one ACK tells.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RateSample {
    /// When `prior_delivered` was counted, µs; 0: nothing is known.
    pub(crate) prior_mstamp: u64,
    /// `tp.delivered` when the newest segment that this ACK covers was sent.
    pub(crate) prior_delivered: u32,
    pub(crate) prior_delivered_ce: u32,
    /// Segments delivered in the interval; -1: not known.
    pub(crate) delivered: i32,
    pub(crate) delivered_ce: i32,
    /// The longer of the next two; -1: no valid sample.
    pub(crate) interval_us: i64,
    pub(crate) snd_interval_us: u32,
    pub(crate) rcv_interval_us: u32,
    /// Round-trip time of the newest segment; -1: not known.
    pub(crate) rtt_us: i64,
    /// Segments that this ACK showed to be lost.
    pub(crate) losses: i32,
    /// Segments that this ACK acknowledged, by sequence number or by SACK.
    pub(crate) acked_sacked: u32,
    /// In flight before this ACK.
    pub(crate) prior_in_flight: u32,
    pub(crate) last_end_seq: u32,
    pub(crate) is_app_limited: bool,
    pub(crate) is_retrans: bool,
    pub(crate) is_ack_delayed: bool,
}

impl TcpSock {
    /// `tcp_rate_skb_sent`: notes on a segment what was delivered before it left.
    pub(super) fn rate_skb_sent(&mut self, cb: &mut TcpSkbCb) {
        // With nothing in flight the interval begins now: the time of silence does not count.
        if self.packets_out == 0 {
            let sent_us = cb.sent_at / 1000;
            (self.first_tx_mstamp, self.delivered_mstamp) = (sent_us, sent_us);
        }
        cb.tx = TxState {
            first_tx_mstamp: self.first_tx_mstamp,
            delivered_mstamp: self.delivered_mstamp,
            delivered: self.delivered,
            delivered_ce: self.delivered_ce,
            is_app_limited: self.app_limited != 0,
        };
    }

    /// `tcp_rate_skb_delivered`: a segment is acknowledged or SACKed. The one sent last of them makes the sample.
    pub(super) fn rate_skb_delivered(&mut self, cb: &mut TcpSkbCb, rs: &mut RateSample) {
        if cb.tx.delivered_mstamp == 0 {
            return;
        }
        let sent_us = cb.sent_at / 1000;
        let newer =
            sent_us > self.first_tx_mstamp || (sent_us == self.first_tx_mstamp && after(cb.end_seq, rs.last_end_seq));
        if rs.prior_delivered == 0 || newer {
            rs.prior_delivered_ce = cb.tx.delivered_ce;
            rs.prior_delivered = cb.tx.delivered;
            rs.prior_mstamp = cb.tx.delivered_mstamp;
            rs.is_app_limited = cb.tx.is_app_limited;
            rs.is_retrans = cb.sacked & RETRANS != 0;
            rs.last_end_seq = cb.end_seq;
            self.first_tx_mstamp = sent_us;
            // The time of sending this window.
            rs.interval_us = delta_us(sent_us, cb.tx.first_tx_mstamp);
        }
        // What was SACKed does not count again when it is acknowledged.
        if cb.sacked & SACKED_ACKED != 0 {
            cb.tx.delivered_mstamp = 0;
        }
    }

    /// `tcp_rate_gen`: completes the sample of an ACK.
    pub(super) fn rate_gen(&mut self, delivered: u32, lost: u32, is_sack_reneg: bool, rs: &mut RateSample) {
        // The gap that the application left has passed through the pipe.
        if self.app_limited != 0 && after(self.delivered, self.app_limited) {
            self.app_limited = 0;
        }
        if delivered > 0 {
            self.delivered_mstamp = self.tcp_mstamp;
        }
        rs.acked_sacked = delivered;
        rs.losses = lost as i32;
        if rs.prior_mstamp == 0 || is_sack_reneg {
            (rs.delivered, rs.interval_us) = (-1, -1);
            return;
        }
        rs.delivered = self.delivered.wrapping_sub(rs.prior_delivered) as i32;
        rs.delivered_ce = self.delivered_ce.wrapping_sub(rs.prior_delivered_ce) as i32;
        // ACKs usually take longer to come than the segments took to leave; where they come in a bunch, it is the
        // other way round.
        let ack_us = delta_us(self.tcp_mstamp, rs.prior_mstamp);
        (rs.snd_interval_us, rs.rcv_interval_us) = (rs.interval_us as u32, ack_us as u32);
        rs.interval_us = rs.interval_us.max(ack_us);
        // Shorter than any round trip: the original was acknowledged, not what was sent again.
        if rs.interval_us < i64::from(self.min_rtt()) {
            rs.interval_us = -1;
            return;
        }
        let (sample, kept) = (
            (i64::from(rs.delivered) as u64).wrapping_mul(u64::from(self.rate_interval_us)),
            u64::from(self.rate_delivered).wrapping_mul(rs.interval_us as u64),
        );
        if !rs.is_app_limited || sample >= kept {
            self.rate_delivered = rs.delivered as u32;
            self.rate_interval_us = rs.interval_us as u32;
            self.rate_app_limited = rs.is_app_limited;
        }
    }

    /// `tcp_rate_check_app_limited`: is it the application that has nothing to send?
    pub(super) fn rate_check_app_limited(&mut self) {
        if self.write_seq.wrapping_sub(self.snd_nxt) < self.mss_cache
            && self.sk.wmem_alloc < skb_truesize(1)
            && self.packets_in_flight() < self.snd_cwnd
            && self.lost_out <= self.retrans_out
        {
            self.app_limited = self.app_limited_mark();
        }
    }

    /// What will have been delivered when all that is in flight now has arrived; never 0.
    pub(super) fn app_limited_mark(&self) -> u32 {
        self.delivered.wrapping_add(self.packets_in_flight()).max(1)
    }
}

/// `tcp_stamp_us_delta`: never negative.
pub(super) fn delta_us(later: u64, earlier: u64) -> i64 {
    (later as i64 - earlier as i64).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::test_sock;

    /// Sends segment `n` of 1000 bytes at this microsecond.
    fn send(tp: &mut TcpSock, n: u32, at_us: u64) -> TcpSkbCb {
        let mut cb = TcpSkbCb { seq: n * 1000, end_seq: (n + 1) * 1000, sent_at: at_us * 1000, ..TcpSkbCb::default() };
        tp.rate_skb_sent(&mut cb);
        tp.packets_out += 1;
        cb
    }

    fn acknowledge(tp: &mut TcpSock, cbs: &mut [TcpSkbCb], at_us: u64) -> RateSample {
        let mut rs = RateSample::default();
        tp.tcp_mstamp = at_us;
        for cb in cbs.iter_mut() {
            tp.rate_skb_delivered(cb, &mut rs);
            tp.delivered += 1;
            tp.packets_out -= 1;
        }
        tp.rate_gen(cbs.len() as u32, 0, false, &mut rs);
        rs
    }

    fn sock() -> TcpSock {
        let mut tp = test_sock();
        (tp.app_limited, tp.delivered) = (0, 1);
        tp.rtt_min = [(0, 9_000); 3];
        tp
    }

    #[test]
    fn the_rate_is_what_was_delivered_over_the_time_of_the_acks() {
        let mut tp = sock();
        // Ten segments leave at once at 1 s; the bottleneck delivers one each millisecond, the first after 10 ms.
        let mut sent: alloc::vec::Vec<_> = (0..10).map(|n| send(&mut tp, n, 1_000_000)).collect();
        for n in 0..10 {
            let at = 1_010_000 + n as u64 * 1000;
            let rs = acknowledge(&mut tp, &mut sent[n..=n], at);
            assert_eq!((rs.delivered, rs.interval_us), (n as i32 + 1, 10_000 + n as i64 * 1000));
        }
        // The next window: ten again, each sent when an ACK came; a round trip later all ten are delivered.
        let mut next = send(&mut tp, 10, 1_019_000);
        let rs = acknowledge(&mut tp, core::slice::from_mut(&mut next), 1_029_000);
        assert_eq!((rs.delivered, rs.interval_us), (1, 10_000));
    }

    #[test]
    fn acks_that_come_in_a_bunch_do_not_feign_a_high_rate() {
        let mut tp = sock();
        // One segment each 5 ms; all ACKs are held back and come together 22 ms after the first left.
        let mut sent: alloc::vec::Vec<_> = (0..5).map(|n| send(&mut tp, n, 1_000_000 + u64::from(n) * 5_000)).collect();
        let rs = acknowledge(&mut tp, &mut sent, 1_022_000);
        assert_eq!((rs.snd_interval_us, rs.rcv_interval_us), (20_000, 22_000));
        assert_eq!((rs.delivered, rs.interval_us), (5, 22_000));
        assert_eq!((tp.rate_delivered, tp.rate_interval_us), (5, 22_000));
    }

    #[test]
    fn a_sample_shorter_than_any_round_trip_is_refused() {
        let mut tp = sock();
        let mut cb = send(&mut tp, 0, 1_000_000);
        let rs = acknowledge(&mut tp, core::slice::from_mut(&mut cb), 1_008_999);
        assert_eq!(rs.interval_us, -1);
        assert_eq!(tp.rate_delivered, 0);
    }

    #[test]
    fn what_was_sacked_is_not_sampled_twice() {
        let mut tp = sock();
        let mut cb = send(&mut tp, 0, 1_000_000);
        cb.sacked |= SACKED_ACKED;
        let mut rs = RateSample::default();
        tp.rate_skb_delivered(&mut cb, &mut rs);
        assert_eq!(rs.prior_delivered, 1);
        let mut again = RateSample::default();
        tp.rate_skb_delivered(&mut cb, &mut again);
        assert_eq!(again.prior_mstamp, 0);
    }

    #[test]
    fn samples_of_an_idle_application_count_only_if_they_are_higher() {
        let mut tp = sock();
        let mut sent: alloc::vec::Vec<_> = (0..4).map(|n| send(&mut tp, n, 1_000_000)).collect();
        acknowledge(&mut tp, &mut sent, 1_010_000);
        assert_eq!((tp.rate_delivered, tp.rate_interval_us, tp.rate_app_limited), (4, 10_000, false));
        tp.rate_check_app_limited();
        assert_eq!(tp.app_limited, 5);
        let mut lone = send(&mut tp, 4, 2_000_000);
        let rs = acknowledge(&mut tp, core::slice::from_mut(&mut lone), 2_010_000);
        assert!(rs.is_app_limited);
        assert_eq!(tp.rate_delivered, 4, "the better sample is kept");
        assert_eq!(tp.app_limited, 0, "the gap has passed");
    }
}
