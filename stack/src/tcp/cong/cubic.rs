//! CUBIC: the window as a cubic function of the time since the last loss.
//!
//! Linux: `net/ipv4/tcp_cubic.c`. RFC 9438: W(t) = C·(t − K)³ + W_max, with C = 0.4 and β = 0.7; times are kept in
//! units of 2⁻¹⁰ seconds, and all arithmetic is that of the kernel, bit for bit. Hybrid slow start is in `hystart`.

use super::hystart::Hystart;
use super::{CaEvent, jiffies_at};
use crate::mib::Mib;
use crate::sysctl::Sysctl;
use crate::tcp::seq::after;
use crate::tcp::{CaState, TcpSock};

/// `BICTCP_BETA_SCALE`
const BETA_SCALE: u32 = 1024;
/// `BICTCP_HZ`: time is counted in 2⁻¹⁰ seconds.
const BICTCP_HZ: u32 = 10;
/// Ticks a second.
const HZ: u32 = 1000;

/// The module's parameters, as they were when the connection began.
#[derive(Clone, Debug)]
struct Params {
    beta: u32,
    bic_scale: u32,
    initial_ssthresh: u32,
    fast_convergence: bool,
    tcp_friendliness: bool,
}

/// `struct bictcp`.
#[derive(Clone, Debug)]
pub(super) struct Cubic {
    params: Params,
    /// Deliveries for one segment more.
    cnt: u32,
    /// W_max.
    last_max_cwnd: u32,
    last_cwnd: u32,
    /// When `last_cwnd` was noted, ms.
    last_time: u32,
    /// The plateau of the curve.
    bic_origin_point: u32,
    /// K: from the beginning of the epoch to the plateau, 2⁻¹⁰ s.
    bic_k: u32,
    /// The least round-trip time, µs; 0 is none.
    delay_min: u32,
    /// When the curve begins, ms; 0: with the next delivery.
    epoch_start: u32,
    ack_cnt: u32,
    /// W_est: the window that Reno would have.
    tcp_cwnd: u32,
    hystart: Hystart,
}

impl Cubic {
    pub(super) fn new(sysctl: &Sysctl) -> Cubic {
        let positive = |value: i64| value.clamp(0, i64::from(u32::MAX)) as u32;
        Cubic {
            params: Params {
                beta: sysctl.cubic_beta.clamp(0, i64::from(BETA_SCALE) - 1) as u32,
                bic_scale: sysctl.cubic_bic_scale.clamp(1, 100_000) as u32,
                initial_ssthresh: positive(sysctl.cubic_initial_ssthresh),
                fast_convergence: sysctl.cubic_fast_convergence != 0,
                tcp_friendliness: sysctl.cubic_tcp_friendliness != 0,
            },
            cnt: 0,
            last_max_cwnd: 0,
            last_cwnd: 0,
            last_time: 0,
            bic_origin_point: 0,
            bic_k: 0,
            delay_min: 0,
            epoch_start: 0,
            ack_cnt: 0,
            tcp_cwnd: 0,
            hystart: Hystart::new(sysctl),
        }
    }

    /// `bictcp_reset`.
    fn reset(&mut self) {
        (self.cnt, self.last_max_cwnd, self.last_cwnd, self.last_time) = (0, 0, 0, 0);
        (self.bic_origin_point, self.bic_k, self.delay_min, self.epoch_start) = (0, 0, 0, 0);
        (self.ack_cnt, self.tcp_cwnd) = (0, 0);
        self.hystart.found = false;
    }

    /// `cubictcp_init`.
    pub(super) fn init(&mut self, tp: &mut TcpSock) {
        self.reset();
        if self.hystart.enabled() {
            self.hystart.reset(tp);
        } else if self.params.initial_ssthresh > 0 {
            tp.snd_ssthresh = self.params.initial_ssthresh;
        }
    }

    /// `cubictcp_cwnd_event`: a pause of the application does not let the curve run on.
    pub(super) fn cwnd_event(&mut self, tp: &TcpSock, event: CaEvent) {
        if event != CaEvent::TxStart {
            return;
        }
        let now = tp.jiffies32();
        let idle = now.wrapping_sub(jiffies_at(tp.lsndtime)) as i32;
        if self.epoch_start != 0 && idle > 0 {
            self.epoch_start = self.epoch_start.wrapping_add(idle as u32);
            if after(self.epoch_start, now) {
                self.epoch_start = now;
            }
        }
    }

    /// `bictcp_update`: how many deliveries the next segment takes.
    fn update(&mut self, now: u32, cwnd: u32, acked: u32) {
        self.ack_cnt = self.ack_cnt.wrapping_add(acked);
        if self.last_cwnd == cwnd && now.wrapping_sub(self.last_time) as i32 <= (HZ / 32) as i32 {
            return;
        }
        // At most once in a tick.
        if self.epoch_start == 0 || now != self.last_time {
            self.last_cwnd = cwnd;
            self.last_time = now;
            self.update_curve(now, cwnd, acked);
        }
        if self.params.tcp_friendliness {
            self.update_friendly(cwnd);
        }
        // Never faster than one segment for two delivered: 1.5 times in a round trip.
        self.cnt = self.cnt.max(2);
    }

    fn update_curve(&mut self, now: u32, cwnd: u32, acked: u32) {
        let scale = u64::from(self.params.bic_scale) * 10;
        if self.epoch_start == 0 {
            self.epoch_start = now;
            self.ack_cnt = acked;
            self.tcp_cwnd = cwnd;
            if self.last_max_cwnd <= cwnd {
                self.bic_k = 0;
                self.bic_origin_point = cwnd;
            } else {
                // K³ = (W_max - cwnd) / C
                let cube_factor = (1u64 << (10 + 3 * BICTCP_HZ)) / scale;
                self.bic_k = cubic_root(cube_factor.wrapping_mul(u64::from(self.last_max_cwnd - cwnd)));
                self.bic_origin_point = self.last_max_cwnd;
            }
        }
        let elapsed = u64::from(now.wrapping_sub(self.epoch_start));
        let t = ((elapsed + u64::from(self.delay_min.div_ceil(1000))) << BICTCP_HZ) / u64::from(HZ);
        let k = u64::from(self.bic_k);
        let offs = t.abs_diff(k);
        let cubed = scale.wrapping_mul(offs).wrapping_mul(offs).wrapping_mul(offs);
        let delta = (cubed >> (10 + 3 * BICTCP_HZ)) as u32;
        let target =
            if t < k { self.bic_origin_point.wrapping_sub(delta) } else { self.bic_origin_point.wrapping_add(delta) };
        self.cnt = if target > cwnd { cwnd / (target - cwnd) } else { cwnd.saturating_mul(100) };
        // While nothing is known of the path: 5 % in a round trip.
        if self.last_max_cwnd == 0 && self.cnt > 20 {
            self.cnt = 20;
        }
    }

    /// Never slower than Reno would be with the same β (RFC 9438 §4.3).
    fn update_friendly(&mut self, cwnd: u32) {
        let beta = self.params.beta;
        let beta_scale = 8 * (BETA_SCALE + beta) / 3 / (BETA_SCALE - beta);
        let delta = (cwnd.wrapping_mul(beta_scale) >> 3).max(1);
        // As `while (ack_cnt > delta)` does it.
        let steps = self.ack_cnt.saturating_sub(1) / delta;
        self.ack_cnt -= steps * delta;
        self.tcp_cwnd = self.tcp_cwnd.wrapping_add(steps);
        if self.tcp_cwnd > cwnd {
            self.cnt = self.cnt.min(cwnd / (self.tcp_cwnd - cwnd));
        }
    }

    /// `cubictcp_cong_avoid`.
    pub(super) fn cong_avoid(&mut self, tp: &mut TcpSock, mut acked: u32) {
        if !tp.is_cwnd_limited() {
            return;
        }
        if tp.in_slow_start() {
            acked = tp.slow_start(acked);
            if acked == 0 {
                return;
            }
        }
        self.update(tp.jiffies32(), tp.snd_cwnd, acked);
        tp.cong_avoid_ai(self.cnt, acked);
    }

    /// `cubictcp_recalc_ssthresh`: β times the window; with fast convergence (RFC 9438 §4.7) a flow that is losing
    /// ground gives way sooner.
    pub(super) fn recalc_ssthresh(&mut self, tp: &TcpSock) -> u32 {
        self.epoch_start = 0;
        let (cwnd, beta) = (u64::from(tp.snd_cwnd), u64::from(self.params.beta));
        let scale = u64::from(BETA_SCALE);
        self.last_max_cwnd = if tp.snd_cwnd < self.last_max_cwnd && self.params.fast_convergence {
            (cwnd * (scale + beta) / (2 * scale)) as u32
        } else {
            tp.snd_cwnd
        };
        ((cwnd * beta / scale) as u32).max(2)
    }

    /// `cubictcp_state`.
    pub(super) fn set_state(&mut self, tp: &TcpSock, new: CaState) {
        if new == CaState::Loss {
            self.reset();
            self.hystart.reset(tp);
        }
    }

    /// `cubictcp_acked`: a delay was measured.
    pub(super) fn acked(&mut self, tp: &mut TcpSock, mib: &mut Mib, rtt_us: i64) {
        if rtt_us < 0 {
            return;
        }
        // Delays right after a recovery say little.
        if self.epoch_start != 0 && (tp.jiffies32().wrapping_sub(self.epoch_start) as i32) < HZ as i32 {
            return;
        }
        let delay = (rtt_us as u32).max(1);
        if self.delay_min == 0 || self.delay_min > delay {
            self.delay_min = delay;
        }
        if !self.hystart.found && tp.in_slow_start() && self.hystart.enabled() {
            self.hystart.update(tp, mib, self.delay_min, delay);
        }
    }
}

/// `cubic_root`: from a table, then one step of Newton and Raphson's method; wrong by 0.2 % on average.
fn cubic_root(a: u64) -> u32 {
    /// `v[x] = cbrt(x << 18) - 1`
    const V: [u8; 64] = [
        0, 54, 54, 54, 118, 118, 118, 118, 123, 129, 134, 138, 143, 147, 151, 156, 157, 161, 164, 168, 170, 173, 176,
        179, 181, 185, 187, 190, 192, 194, 197, 199, 200, 202, 204, 206, 209, 211, 213, 215, 217, 219, 221, 222, 224,
        225, 227, 229, 231, 232, 234, 236, 237, 239, 240, 242, 244, 245, 246, 248, 250, 251, 252, 254,
    ];
    let bits = u64::BITS - a.leading_zeros();
    if bits < 7 {
        return (u32::from(V[a as usize]) + 35) >> 6;
    }
    let b = ((bits * 84) >> 8) - 1;
    let shift = (a >> (b * 3)) as usize;
    let x = ((u32::from(V[shift]) + 10) << b) >> 6;
    let x = (2 * u64::from(x) + a / (u64::from(x) * u64::from(x - 1))) as u32;
    ((u64::from(x) * 341) >> 10) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::test_sock;
    use alloc::vec::Vec;

    fn cubic() -> Cubic {
        Cubic::new(&Sysctl::default())
    }

    #[test]
    fn cubic_roots_are_right_within_a_percent() {
        // Exact cubes up to the largest argument that occurs: 2^40 / 410 times a million segments.
        for root in [2u64, 3, 4, 5, 7, 10, 33, 100, 555, 1000, 4096, 10_000, 40_000, 100_000, 150_000, 208_063] {
            let found = i64::from(cubic_root(root * root * root));
            let error = (found - root as i64).abs();
            assert!(error <= 1.max(root as i64 / 100), "cubic root of {root} cubed: {found}");
        }
        let small: Vec<u32> = [0, 1, 7, 8, 26, 27, 63].iter().map(|a| cubic_root(*a)).collect();
        assert_eq!(small, [0, 1, 2, 2, 3, 3, 4]);
        assert!((0..2_000_000).step_by(37).all(|a| cubic_root(a) < 130));
    }

    /// W(t) of RFC 9438 §4.2: C (t - K)³ + W_max, K = cbrt((W_max - cwnd) / C), C = 0.4.
    fn rfc_window(w_max: f64, cwnd: f64, t: f64) -> f64 {
        let k = ((w_max - cwnd) / 0.4).cbrt();
        0.4 * (t - k).powi(3) + w_max
    }

    #[test]
    fn the_window_follows_the_curve_of_rfc_9438() {
        let mut tp = test_sock();
        tp.snd_cwnd = 1000;
        let mut ca = cubic();
        ca.params.tcp_friendliness = false;
        tp.snd_ssthresh = ca.recalc_ssthresh(&tp);
        assert_eq!(tp.snd_ssthresh, 700, "717/1024 of 1000");
        tp.snd_cwnd = tp.snd_ssthresh;
        tp.is_cwnd_limited = true;
        // 100 ms round trips, all of the window acknowledged in each.
        let rtt_ms = 100;
        let mut now_ms = 10_000u64;
        for round in 0..150 {
            let cwnd = tp.snd_cwnd;
            for i in 0..cwnd {
                tp.tcp_mstamp = (now_ms + u64::from(i) * rtt_ms / u64::from(cwnd)) * 1000;
                ca.cong_avoid(&mut tp, 1);
            }
            now_ms += rtt_ms;
            // K = cbrt(300 / 0.4) = 9.09 s
            let expected = rfc_window(1000.0, 700.0, f64::from(round + 1) * 0.1);
            let error = (f64::from(tp.snd_cwnd) - expected).abs() / expected;
            assert!(error < 0.02, "after {round} rounds: {} segments, RFC 9438 says {expected}", tp.snd_cwnd);
        }
        assert!(tp.snd_cwnd > 1050, "beyond the plateau it probes: {}", tp.snd_cwnd);
    }

    #[test]
    fn on_short_paths_it_is_as_fast_as_reno() {
        // RFC 9438 §4.3: W_est grows by 3 (1 - β) / (1 + β) = 0.53 segments in a round trip.
        let mut tp = test_sock();
        tp.snd_cwnd = 40;
        let mut ca = cubic();
        tp.snd_ssthresh = ca.recalc_ssthresh(&tp);
        tp.snd_cwnd = tp.snd_ssthresh;
        tp.is_cwnd_limited = true;
        let begin = tp.snd_cwnd;
        for round in 0..20u64 {
            for _ in 0..tp.snd_cwnd {
                tp.tcp_mstamp = 10_000_000 + round * 5_000;
                ca.cong_avoid(&mut tp, 1);
            }
        }
        let grown = tp.snd_cwnd - begin;
        assert!((9..=11).contains(&grown), "20 rounds gave {grown} segments");
    }

    #[test]
    fn a_flow_that_loses_ground_gives_way() {
        let mut tp = test_sock();
        let mut ca = cubic();
        tp.snd_cwnd = 100;
        ca.recalc_ssthresh(&tp);
        assert_eq!(ca.last_max_cwnd, 100);
        tp.snd_cwnd = 80;
        assert_eq!(ca.recalc_ssthresh(&tp), 56);
        // RFC 9438 §4.7: W_max = cwnd (1 + β) / 2.
        assert_eq!(ca.last_max_cwnd, 80 * (1024 + 717) / 2048);
        ca.params.fast_convergence = false;
        tp.snd_cwnd = 60;
        ca.recalc_ssthresh(&tp);
        assert_eq!(ca.last_max_cwnd, 60);
    }

    #[test]
    fn a_pause_moves_the_curve() {
        let mut tp = test_sock();
        tp.tcp_mstamp = 20_000_000;
        tp.lsndtime = crate::time::Instant::from_nanos(7_000_000_000);
        let mut ca = cubic();
        ca.epoch_start = 16_000;
        // The last segment left at 17 s of the kernel's clock; now it is 20 s.
        ca.cwnd_event(&tp, CaEvent::TxStart);
        assert_eq!(ca.epoch_start, 19_000);
        ca.cwnd_event(&tp, CaEvent::TxStart);
        assert_eq!(ca.epoch_start, 20_000, "never in the future");
    }

    #[test]
    fn without_knowledge_of_the_path_it_grows_by_a_twentieth() {
        let mut tp = test_sock();
        (tp.snd_cwnd, tp.snd_ssthresh, tp.is_cwnd_limited) = (100, 100, true);
        let mut ca = cubic();
        ca.params.tcp_friendliness = false;
        tp.tcp_mstamp = 10_000_000;
        ca.cong_avoid(&mut tp, 100);
        assert_eq!((ca.cnt, tp.snd_cwnd), (20, 105));
    }
}
