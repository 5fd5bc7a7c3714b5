//! Hybrid slow start: leaving slow start before the first loss, as soon as a queue builds up.
//!
//! Linux: `hystart_update` in `net/ipv4/tcp_cubic.c`. Ha and Rhee, "Taming the elephants: New TCP slow start"
//! (2011); RFC 9438 §4.10 allows it. Two signs end slow start: a train of closely spaced ACKs that is as long as half
//! a round trip, and a round trip that takes an eighth longer than the shortest.

use crate::mib::{Counter, Mib};
use crate::sysctl::Sysctl;
use crate::tcp::TcpSock;
use crate::tcp::seq::after;
use crate::tcp::xmit::SK_GSO_MAX_SIZE;

/// `HYSTART_ACK_TRAIN`
const ACK_TRAIN: u8 = 1;
/// `HYSTART_DELAY`
const DELAY: u8 = 2;
/// `HYSTART_MIN_SAMPLES`: delays of a round before they are judged.
const MIN_SAMPLES: u8 = 8;
/// `HYSTART_DELAY_MIN`, `HYSTART_DELAY_MAX`, µs: what "an eighth longer" is at least and at most.
const DELAY_MIN: u32 = 4000;
const DELAY_MAX: u32 = 16_000;

/// The second part of `struct bictcp`, and the module's parameters.
#[derive(Clone, Debug)]
pub(super) struct Hystart {
    enabled: bool,
    detect: u8,
    low_window: u32,
    ack_delta_us: u32,
    /// The point to leave slow start was found.
    pub(super) found: bool,
    /// Delays seen in this round.
    sample_cnt: u8,
    /// When the round began, µs.
    round_start: u32,
    /// The round ends when this is acknowledged.
    end_seq: u32,
    /// When the last ACK of the train came, µs.
    last_ack: u32,
    /// The least delay of the round, µs.
    curr_rtt: u32,
}

impl Hystart {
    pub(super) fn new(sysctl: &Sysctl) -> Hystart {
        let positive = |value: i64| value.clamp(0, i64::from(i32::MAX)) as u32;
        Hystart {
            enabled: sysctl.cubic_hystart != 0,
            detect: sysctl.cubic_hystart_detect as u8,
            low_window: positive(sysctl.cubic_hystart_low_window),
            ack_delta_us: positive(sysctl.cubic_hystart_ack_delta_us),
            found: false,
            sample_cnt: 0,
            round_start: 0,
            end_seq: 0,
            last_ack: 0,
            curr_rtt: 0,
        }
    }

    pub(super) fn enabled(&self) -> bool {
        self.enabled
    }

    /// `bictcp_hystart_reset`: a round begins.
    pub(super) fn reset(&mut self, tp: &TcpSock) {
        let now = clock_us(tp);
        (self.round_start, self.last_ack) = (now, now);
        self.end_seq = tp.snd_nxt;
        self.curr_rtt = u32::MAX;
        self.sample_cnt = 0;
    }

    /// `hystart_update`: a delay was measured in slow start.
    pub(super) fn update(&mut self, tp: &mut TcpSock, mib: &mut Mib, delay_min: u32, delay: u32) {
        if after(tp.snd_una, self.end_seq) {
            self.reset(tp);
        }
        if tp.snd_cwnd < self.low_window {
            return;
        }
        if self.detect & ACK_TRAIN != 0 && self.train_is_long(tp, delay_min) {
            self.leave(tp, mib, (Counter::TcpHystartTrainDetect, Counter::TcpHystartTrainCwnd));
        }
        if self.detect & DELAY != 0 {
            self.curr_rtt = self.curr_rtt.min(delay);
            let limit = delay_min.saturating_add((delay_min >> 3).clamp(DELAY_MIN, DELAY_MAX));
            if self.sample_cnt < MIN_SAMPLES {
                self.sample_cnt += 1;
            } else if self.curr_rtt > limit {
                self.leave(tp, mib, (Counter::TcpHystartDelayDetect, Counter::TcpHystartDelayCwnd));
            }
        }
    }

    /// Do closely spaced ACKs come for longer than half the shortest round trip? The path is then full.
    fn train_is_long(&mut self, tp: &TcpSock, delay_min: u32) -> bool {
        let now = clock_us(tp);
        if now.wrapping_sub(self.last_ack) as i32 > self.ack_delta_us as i32 {
            return false;
        }
        self.last_ack = now;
        let mut threshold = delay_min.saturating_add(ack_delay(tp));
        // Pacing alone spreads the segments over half a round trip.
        if tp.pacing_status == 0 {
            threshold >>= 1;
        }
        now.wrapping_sub(self.round_start) > threshold
    }

    fn leave(&mut self, tp: &mut TcpSock, mib: &mut Mib, (detect, cwnd): (Counter, Counter)) {
        self.found = true;
        mib.inc(detect);
        mib.add(cwnd, u64::from(tp.snd_cwnd));
        tp.snd_ssthresh = tp.snd_cwnd;
    }
}

/// `bictcp_clock_us`.
fn clock_us(tp: &TcpSock) -> u32 {
    tp.tcp_mstamp as u32
}

/// `hystart_ack_delay`, µs: what super-packets and GRO add to a delay; at most a millisecond.
fn ack_delay(tp: &TcpSock) -> u32 {
    if tp.pacing_rate == 0 {
        return 0;
    }
    (u64::from(SK_GSO_MAX_SIZE) * 4 * 1_000_000 / tp.pacing_rate).min(1000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::test_sock;

    fn begun(detect: i64) -> (Hystart, TcpSock, Mib) {
        let sysctl = Sysctl { cubic_hystart_detect: detect, ..Sysctl::default() };
        let mut tp = test_sock();
        (tp.snd_cwnd, tp.snd_nxt, tp.tcp_mstamp) = (20, 30_000, 10_000_000);
        let mut hystart = Hystart::new(&sysctl);
        hystart.reset(&tp);
        (hystart, tp, Mib::default())
    }

    #[test]
    fn a_round_that_takes_an_eighth_longer_ends_slow_start() {
        let (mut hystart, mut tp, mut mib) = begun(2);
        for i in 0..9 {
            assert!(!hystart.found, "after {i} samples");
            hystart.update(&mut tp, &mut mib, 100_000, 113_000);
        }
        assert!(hystart.found);
        assert_eq!(tp.snd_ssthresh, 20);
        assert_eq!((mib.get(Counter::TcpHystartDelayDetect), mib.get(Counter::TcpHystartDelayCwnd)), (1, 20));
    }

    #[test]
    fn one_quick_answer_in_the_round_is_enough_to_go_on() {
        let (mut hystart, mut tp, mut mib) = begun(2);
        hystart.update(&mut tp, &mut mib, 100_000, 110_000);
        for _ in 0..20 {
            hystart.update(&mut tp, &mut mib, 100_000, 150_000);
        }
        assert!(!hystart.found);
    }

    #[test]
    fn a_difference_of_less_than_four_milliseconds_does_not_count() {
        let (mut hystart, mut tp, mut mib) = begun(2);
        for _ in 0..20 {
            hystart.update(&mut tp, &mut mib, 1000, 5000);
        }
        assert!(!hystart.found);
        for _ in 0..20 {
            tp.snd_una = tp.snd_nxt + 1;
            tp.snd_nxt += 10;
            hystart.update(&mut tp, &mut mib, 1000, 5001);
        }
        assert!(!hystart.found, "each of these rounds has one sample");
    }

    #[test]
    fn a_train_of_acks_as_long_as_half_a_round_trip_ends_slow_start() {
        let (mut hystart, mut tp, mut mib) = begun(1);
        tp.pacing_rate = u64::MAX;
        for ms in 1..=50 {
            tp.tcp_mstamp = 10_000_000 + ms * 1000;
            hystart.update(&mut tp, &mut mib, 100_000, 100_000);
            assert!(!hystart.found, "after {ms} ms");
        }
        tp.tcp_mstamp += 1000;
        hystart.update(&mut tp, &mut mib, 100_000, 100_000);
        assert!(hystart.found);
        assert_eq!(mib.get(Counter::TcpHystartTrainDetect), 1);
    }

    #[test]
    fn a_gap_in_the_train_makes_it_worthless() {
        let (mut hystart, mut tp, mut mib) = begun(1);
        for ms in [1, 2, 5, 6, 60, 70, 99] {
            tp.tcp_mstamp = 10_000_000 + ms * 1000;
            hystart.update(&mut tp, &mut mib, 100_000, 100_000);
        }
        assert!(!hystart.found);
    }

    #[test]
    fn small_windows_are_left_alone() {
        let (mut hystart, mut tp, mut mib) = begun(3);
        tp.snd_cwnd = 15;
        for _ in 0..20 {
            hystart.update(&mut tp, &mut mib, 100_000, 200_000);
        }
        assert!(!hystart.found);
    }
}
