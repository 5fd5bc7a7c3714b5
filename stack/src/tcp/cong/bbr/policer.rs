//! The long-term rate: what BBR goes by where a token bucket drops all that is above a rate.
//!
//! Linux: `bbr_lt_bw_sampling` and its kin in `net/ipv4/tcp_bbr.c`. A policer lets a burst pass and then drops a fifth
//! or more: the greatest rate is then too high for good. Two intervals between losses with the same rate give it away.

use super::{BBR_SCALE, BBR_UNIT, BW_UNIT, Bbr, Mode, rate_bytes_per_sec};
use crate::tcp::TcpSock;
use crate::tcp::rate::RateSample;

/// `bbr_lt_intvl_min_rtts`
const INTVL_MIN_RTTS: u8 = 4;
/// `bbr_lt_loss_thresh`: lost per delivered, in 1/256.
const LOSS_THRESH: u32 = 50;
/// `bbr_lt_bw_ratio`: two rates are the same if they differ by an eighth at the most…
const BW_RATIO: u32 = BBR_UNIT / 8;
/// `bbr_lt_bw_diff`: …or by 4 kbit/s.
const BW_DIFF: u64 = 4000 / 8;
/// `bbr_lt_bw_max_rtts`: then the path is tried anew.
const BW_MAX_RTTS: u8 = 48;

/// The `lt_*` part of `struct bbr`.
#[derive(Clone, Debug, Default)]
pub(super) struct Policer {
    is_sampling: bool,
    rtt_cnt: u8,
    use_bw: bool,
    bw: u32,
    last_delivered: u32,
    /// ms
    last_stamp: u32,
    last_lost: u32,
}

fn stamp_ms(tp: &TcpSock) -> u32 {
    (tp.delivered_mstamp / 1000) as u32
}

impl Policer {
    /// The rate to go by, if there seems to be a policer.
    pub(super) fn bw(&self) -> Option<u32> {
        self.use_bw.then_some(self.bw)
    }

    /// `bbr_reset_lt_bw_sampling_interval`
    fn reset_interval(&mut self, tp: &TcpSock) {
        self.last_stamp = stamp_ms(tp);
        self.last_delivered = tp.delivered;
        self.last_lost = tp.lost;
        self.rtt_cnt = 0;
    }

    /// `bbr_reset_lt_bw_sampling`
    pub(super) fn reset(&mut self, tp: &TcpSock) {
        (self.bw, self.use_bw, self.is_sampling) = (0, false, false);
        self.reset_interval(tp);
    }
}

impl Bbr {
    /// `bbr_lt_bw_sampling`
    pub(super) fn lt_bw_sampling(&mut self, tp: &TcpSock, rs: &RateSample) {
        let lt = &mut self.policer;
        if lt.use_bw {
            if self.mode == Mode::ProbeBw && self.round_start {
                lt.rtt_cnt += 1;
                if lt.rtt_cnt >= BW_MAX_RTTS {
                    lt.reset(tp);
                    self.reset_probe_bw_mode(tp);
                }
            }
            return;
        }
        // The first loss says that the tokens are used up.
        if !lt.is_sampling {
            if rs.losses == 0 {
                return;
            }
            lt.reset_interval(tp);
            lt.is_sampling = true;
        }
        if rs.is_app_limited {
            return lt.reset(tp);
        }
        if self.round_start {
            lt.rtt_cnt += 1;
        }
        if lt.rtt_cnt < INTVL_MIN_RTTS {
            return;
        }
        if lt.rtt_cnt > 4 * INTVL_MIN_RTTS {
            return lt.reset(tp);
        }
        // So does the loss at the end of the interval.
        if rs.losses == 0 {
            return;
        }
        let lost = tp.lost.wrapping_sub(lt.last_lost);
        let delivered = tp.delivered.wrapping_sub(lt.last_delivered);
        if delivered == 0 || lost.wrapping_shl(BBR_SCALE) < LOSS_THRESH.wrapping_mul(delivered) {
            return;
        }
        let ms = stamp_ms(tp).wrapping_sub(lt.last_stamp);
        if (ms as i32) < 1 {
            return;
        }
        if ms >= u32::MAX / 1000 {
            return lt.reset(tp);
        }
        let bw = (u64::from(delivered) * BW_UNIT / u64::from(ms * 1000)) as u32;
        self.lt_bw_interval_done(tp, bw);
    }

    /// `bbr_lt_bw_interval_done`
    fn lt_bw_interval_done(&mut self, tp: &TcpSock, bw: u32) {
        let lt = &mut self.policer;
        if lt.bw > 0 {
            let diff = bw.abs_diff(lt.bw);
            let close = diff.wrapping_mul(BBR_UNIT) <= BW_RATIO.wrapping_mul(lt.bw);
            if close || rate_bytes_per_sec(tp, u64::from(diff), BBR_UNIT) <= BW_DIFF {
                lt.bw = ((u64::from(bw) + u64::from(lt.bw)) >> 1) as u32;
                lt.use_bw = true;
                lt.rtt_cnt = 0;
                self.pacing_gain = BBR_UNIT;
                return;
            }
        }
        lt.bw = bw;
        lt.reset_interval(tp);
    }
}
