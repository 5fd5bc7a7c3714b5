//! BBR version 1: the window and the rate from a model of the path, not from losses.
//!
//! Linux: `net/ipv4/tcp_bbr.c`. Cardwell, Cheng, Gunn, Yeganeh and Jacobson, "BBR: Congestion-Based Congestion
//! Control" (2016); draft-cardwell-iccrg-bbr-congestion-control-00. The model is the greatest delivery rate of the
//! last ten round trips and the least round-trip time of the last ten seconds; their product is what the path holds.
//!
//! STARTUP doubles the rate each round trip until three of them bring no more; DRAIN empties the queue which that
//! left; PROBE_BW sends at the rate found, with a little more and then a little less every eight round trips; and
//! PROBE_RTT goes down to four segments, should the least round-trip time not have been seen for ten seconds.

mod policer;
#[cfg(test)]
mod tests;

use super::CaEvent;
use crate::rng::Rng;
use crate::tcp::minmax::{MinMax, minmax_reset, minmax_running_max};
use crate::tcp::pacing::{PACING_NEEDED, PACING_NONE};
use crate::tcp::rate::{RateSample, delta_us};
use crate::tcp::seq::{after, before};
use crate::tcp::xmit::{PACING_SHIFT, SK_GSO_MAX_SIZE};
use crate::tcp::{CaState, INFINITE_SSTHRESH, INIT_CWND, TcpSock};
use alloc::vec::Vec;
use policer::Policer;

/// Rates are kept in segments per µs, times 2²⁴.
const BW_SCALE: u32 = 24;
const BW_UNIT: u64 = 1 << BW_SCALE;
/// Gains are kept in 1/256.
const BBR_SCALE: u32 = 8;
const BBR_UNIT: u32 = 1 << BBR_SCALE;

/// `CYCLE_LEN`: phases of the gain cycle.
const CYCLE_LEN: u8 = 8;
/// `bbr_bw_rtts`: window of the greatest rate, round trips.
const BW_RTTS: u32 = CYCLE_LEN as u32 + 2;
/// `bbr_min_rtt_win_sec`, ms.
const MIN_RTT_WIN_MS: u32 = 10_000;
/// `bbr_probe_rtt_mode_ms`
const PROBE_RTT_MODE_MS: u32 = 200;
/// `bbr_min_tso_rate`, bits a second.
const MIN_TSO_RATE: u64 = 1_200_000;
/// `bbr_pacing_margin_percent`: so much below the rate found, to keep queues short.
const PACING_MARGIN_PERCENT: u64 = 1;
/// `bbr_high_gain`: 2/ln 2, the least that doubles the rate in a round trip.
const HIGH_GAIN: u32 = BBR_UNIT * 2885 / 1000 + 1;
/// `bbr_drain_gain`
const DRAIN_GAIN: u32 = BBR_UNIT * 1000 / 2885;
/// `bbr_cwnd_gain`
const CWND_GAIN: u32 = BBR_UNIT * 2;
/// `bbr_pacing_gain`
const PACING_GAIN: [u32; CYCLE_LEN as usize] =
    [BBR_UNIT * 5 / 4, BBR_UNIT * 3 / 4, BBR_UNIT, BBR_UNIT, BBR_UNIT, BBR_UNIT, BBR_UNIT, BBR_UNIT];
/// `bbr_cycle_rand`: how many of the phases a cycle may begin with.
const CYCLE_RAND: u32 = 7;
/// `bbr_cwnd_min_target`, segments.
const CWND_MIN_TARGET: u32 = 4;
/// `bbr_full_bw_thresh`: the pipe is full if the rate grows by less than a quarter…
const FULL_BW_THRESH: u64 = BBR_UNIT as u64 * 5 / 4;
/// `bbr_full_bw_cnt`: …for three round trips.
const FULL_BW_CNT: u8 = 3;
/// `bbr_extra_acked_win_rtts`
const EXTRA_ACKED_WIN_RTTS: u8 = 5;
/// `bbr_ack_epoch_acked_reset_thresh`
const ACK_EPOCH_ACKED_RESET: u32 = 1 << 20;
/// `bbr_extra_acked_max_us`
const EXTRA_ACKED_MAX_US: u64 = 100_000;

/// `enum bbr_mode`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Mode {
    #[default]
    Startup,
    Drain,
    ProbeBw,
    ProbeRtt,
}

/// `struct bbr`.
#[derive(Clone, Debug)]
pub(super) struct Bbr {
    /// Where a gain cycle begins is a matter of chance.
    rng: Rng,
    min_rtt_us: u32,
    /// When that was seen, ms.
    min_rtt_stamp: u32,
    /// End of PROBE_RTT, ms; 0: not known yet.
    probe_rtt_done_stamp: u32,
    /// The greatest rate of the last round trips.
    bw: MinMax,
    /// Round trips, counted by segments.
    rtt_cnt: u32,
    /// The round ends when so much is delivered.
    next_rtt_delivered: u32,
    /// When this phase of the cycle began, µs.
    cycle_mstamp: u64,
    mode: Mode,
    prev_ca_state: CaState,
    packet_conservation: bool,
    round_start: bool,
    idle_restart: bool,
    probe_rtt_round_done: bool,
    policer: Policer,
    pacing_gain: u32,
    cwnd_gain: u32,
    full_bw_reached: bool,
    full_bw_cnt: u8,
    cycle_idx: u8,
    has_seen_rtt: bool,
    /// The window before a recovery or PROBE_RTT.
    prior_cwnd: u32,
    full_bw: u32,
    ack_epoch_mstamp: u64,
    ack_epoch_acked: u32,
    /// The most that was acknowledged beyond what the rate explains, in this window and the one before.
    extra_acked: [u32; 2],
    extra_acked_win_rtts: u8,
    extra_acked_win_idx: u8,
}

impl Default for Bbr {
    fn default() -> Bbr {
        Bbr {
            rng: Rng::new(0),
            min_rtt_us: u32::MAX,
            min_rtt_stamp: 0,
            probe_rtt_done_stamp: 0,
            bw: MinMax::default(),
            rtt_cnt: 0,
            next_rtt_delivered: 0,
            cycle_mstamp: 0,
            mode: Mode::Startup,
            prev_ca_state: CaState::Open,
            packet_conservation: false,
            round_start: false,
            idle_restart: false,
            probe_rtt_round_done: false,
            policer: Policer::default(),
            pacing_gain: 0,
            cwnd_gain: 0,
            full_bw_reached: false,
            full_bw_cnt: 0,
            cycle_idx: 0,
            has_seen_rtt: false,
            prior_cwnd: 0,
            full_bw: 0,
            ack_epoch_mstamp: 0,
            ack_epoch_acked: 0,
            extra_acked: [0; 2],
            extra_acked_win_rtts: 0,
            extra_acked_win_idx: 0,
        }
    }
}

/// `bbr_rate_bytes_per_sec`: a rate of the model, times a gain, less the margin.
fn rate_bytes_per_sec(tp: &TcpSock, bw: u64, gain: u32) -> u64 {
    let rate = bw.wrapping_mul(u64::from(tp.mss_cache)).wrapping_mul(u64::from(gain)) >> BBR_SCALE;
    rate.wrapping_mul(1_000_000 / 100 * (100 - PACING_MARGIN_PERCENT)) >> BW_SCALE
}

/// `bbr_bw_to_pacing_rate`
fn bw_to_pacing_rate(tp: &TcpSock, bw: u64, gain: u32) -> u64 {
    rate_bytes_per_sec(tp, bw, gain).min(tp.max_pacing_rate)
}

/// `bbr_min_tso_segs`
pub(super) fn min_tso_segs(tp: &TcpSock) -> u32 {
    if tp.pacing_rate < MIN_TSO_RATE >> 3 { 1 } else { 2 }
}

/// `bbr_tso_segs_goal`: segments of a super-packet at this rate.
fn tso_segs_goal(tp: &TcpSock) -> u32 {
    let bytes = (tp.pacing_rate >> PACING_SHIFT).min(u64::from(SK_GSO_MAX_SIZE)) as u32;
    (bytes / tp.mss_cache.max(1)).max(min_tso_segs(tp)).min(0x7f)
}

impl Bbr {
    /// `bbr_init`.
    pub(super) fn init(&mut self, tp: &mut TcpSock, rng: Rng) {
        *self = Bbr {
            rng,
            next_rtt_delivered: tp.delivered,
            min_rtt_us: tp.min_rtt(),
            min_rtt_stamp: tp.jiffies32(),
            ack_epoch_mstamp: tp.tcp_mstamp,
            ..Bbr::default()
        };
        tp.snd_ssthresh = INFINITE_SSTHRESH;
        minmax_reset(&mut self.bw, 0, 0);
        self.init_pacing_rate_from_rtt(tp);
        self.policer.reset(tp);
        if tp.pacing_status == PACING_NONE {
            tp.pacing_status = PACING_NEEDED;
        }
    }

    /// `bbr_main`: an ACK came.
    pub(super) fn main(&mut self, tp: &mut TcpSock, rs: &RateSample) {
        self.update_bw(tp, rs);
        self.update_ack_aggregation(tp, rs);
        if self.mode == Mode::ProbeBw && self.is_next_cycle_phase(tp, rs) {
            self.advance_cycle_phase(tp);
        }
        self.check_full_bw_reached(rs);
        self.check_drain(tp);
        self.update_min_rtt(tp, rs);
        self.update_gains();
        let bw = self.bw();
        self.set_pacing_rate(tp, bw, self.pacing_gain);
        self.set_cwnd(tp, rs, bw);
    }

    /// `bbr_max_bw`
    fn max_bw(&self) -> u32 {
        self.bw[0].1
    }

    /// `bbr_bw`: the rate to go by.
    fn bw(&self) -> u32 {
        self.policer.bw().unwrap_or(self.max_bw())
    }

    fn init_pacing_rate_from_rtt(&mut self, tp: &mut TcpSock) {
        let rtt_us = if tp.srtt_us > 0 {
            self.has_seen_rtt = true;
            (tp.srtt_us >> 3).max(1)
        } else {
            1000
        };
        let bw = u64::from(tp.snd_cwnd) * BW_UNIT / u64::from(rtt_us);
        tp.pacing_rate = bw_to_pacing_rate(tp, bw, HIGH_GAIN);
    }

    /// `bbr_set_pacing_rate`: it only grows until the pipe was once full.
    fn set_pacing_rate(&mut self, tp: &mut TcpSock, bw: u32, gain: u32) {
        let rate = bw_to_pacing_rate(tp, u64::from(bw), gain);
        if !self.has_seen_rtt && tp.srtt_us > 0 {
            self.init_pacing_rate_from_rtt(tp);
        }
        if self.full_bw_reached || rate > tp.pacing_rate {
            tp.pacing_rate = rate;
        }
    }

    /// `bbr_save_cwnd`
    fn save_cwnd(&mut self, tp: &TcpSock) {
        let good = self.prev_ca_state < CaState::Recovery && self.mode != Mode::ProbeRtt;
        self.prior_cwnd = if good { tp.snd_cwnd } else { self.prior_cwnd.max(tp.snd_cwnd) };
    }

    /// `bbr_cwnd_event`: sending begins again after a pause of the application.
    pub(super) fn cwnd_event(&mut self, tp: &mut TcpSock, event: CaEvent) {
        if event != CaEvent::TxStart || tp.app_limited == 0 {
            return;
        }
        self.idle_restart = true;
        self.ack_epoch_mstamp = tp.tcp_mstamp;
        self.ack_epoch_acked = 0;
        match self.mode {
            Mode::ProbeBw => self.set_pacing_rate(tp, self.bw(), BBR_UNIT),
            Mode::ProbeRtt => self.check_probe_rtt_done(tp),
            _ => {}
        }
    }

    /// `bbr_bdp`: what the path holds, times a gain, segments.
    fn bdp(&self, bw: u32, gain: u32) -> u32 {
        if self.min_rtt_us == u32::MAX {
            return INIT_CWND;
        }
        let w = u64::from(bw) * u64::from(self.min_rtt_us);
        ((w.wrapping_mul(u64::from(gain)) >> BBR_SCALE).wrapping_add(BW_UNIT - 1) / BW_UNIT) as u32
    }

    /// `bbr_quantization_budget`: room for super-packets and delayed ACKs.
    fn quantization_budget(&self, tp: &TcpSock, cwnd: u32) -> u32 {
        let mut cwnd = cwnd.saturating_add(3 * tso_segs_goal(tp));
        cwnd = cwnd.saturating_add(1) & !1;
        if self.mode == Mode::ProbeBw && self.cycle_idx == 0 {
            cwnd = cwnd.saturating_add(2);
        }
        cwnd
    }

    /// `bbr_inflight`
    fn inflight(&self, tp: &TcpSock, bw: u32, gain: u32) -> u32 {
        self.quantization_budget(tp, self.bdp(bw, gain))
    }

    /// `bbr_packets_in_net_at_edt`: what will be in flight when the next segment departs.
    fn packets_in_net_at_edt(&self, tp: &TcpSock, inflight_now: u32) -> u32 {
        let interval_us = tp.tcp_wstamp_ns.saturating_sub(tp.tcp_clock_cache) / 1000;
        let delivered = (u64::from(self.bw()).wrapping_mul(interval_us) >> BW_SCALE) as u32;
        let mut at_edt = inflight_now;
        if self.pacing_gain > BBR_UNIT {
            at_edt = at_edt.saturating_add(tso_segs_goal(tp));
        }
        at_edt.saturating_sub(delivered)
    }

    /// `bbr_ack_aggregation_cwnd`: room for ACKs that come in bunches.
    fn ack_aggregation_cwnd(&self) -> u32 {
        if !self.full_bw_reached {
            return 0;
        }
        let most = (u64::from(self.bw()) * EXTRA_ACKED_MAX_US / BW_UNIT) as u32;
        self.extra_acked[0].max(self.extra_acked[1]).min(most)
    }

    /// `bbr_set_cwnd_to_recover_or_restore`: the window, and whether only what was delivered may be sent.
    fn cwnd_to_recover_or_restore(&mut self, tp: &TcpSock, rs: &RateSample) -> (u32, bool) {
        let (prev, state) = (self.prev_ca_state, tp.ca_state);
        let mut cwnd = tp.snd_cwnd;
        if rs.losses > 0 {
            cwnd = cwnd.saturating_sub(rs.losses as u32).max(1);
        }
        if state == CaState::Recovery && prev != CaState::Recovery {
            self.packet_conservation = true;
            self.next_rtt_delivered = tp.delivered;
            cwnd = tp.packets_in_flight() + rs.acked_sacked;
        } else if prev >= CaState::Recovery && state < CaState::Recovery {
            cwnd = cwnd.max(self.prior_cwnd);
            self.packet_conservation = false;
        }
        self.prev_ca_state = state;
        if self.packet_conservation {
            cwnd = cwnd.max(tp.packets_in_flight() + rs.acked_sacked);
        }
        (cwnd, self.packet_conservation)
    }

    /// `bbr_set_cwnd`: slow start towards twice what the path holds.
    fn set_cwnd(&mut self, tp: &mut TcpSock, rs: &RateSample, bw: u32) {
        let acked = rs.acked_sacked;
        let mut cwnd = tp.snd_cwnd;
        if acked > 0 {
            let conserve;
            (cwnd, conserve) = self.cwnd_to_recover_or_restore(tp, rs);
            if !conserve {
                let target = self.bdp(bw, self.cwnd_gain).saturating_add(self.ack_aggregation_cwnd());
                let target = self.quantization_budget(tp, target);
                if self.full_bw_reached {
                    cwnd = cwnd.saturating_add(acked).min(target);
                } else if cwnd < target || tp.delivered < INIT_CWND {
                    cwnd = cwnd.saturating_add(acked);
                }
                cwnd = cwnd.max(CWND_MIN_TARGET);
            }
        }
        tp.snd_cwnd = cwnd.min(tp.snd_cwnd_clamp);
        if self.mode == Mode::ProbeRtt {
            tp.snd_cwnd = tp.snd_cwnd.min(CWND_MIN_TARGET);
        }
    }

    /// `bbr_is_next_cycle_phase`
    fn is_next_cycle_phase(&self, tp: &TcpSock, rs: &RateSample) -> bool {
        let full_length = delta_us(tp.delivered_mstamp, self.cycle_mstamp) > i64::from(self.min_rtt_us);
        if self.pacing_gain == BBR_UNIT {
            return full_length;
        }
        let inflight = self.packets_in_net_at_edt(tp, rs.prior_in_flight);
        let bw = self.max_bw();
        if self.pacing_gain > BBR_UNIT {
            // More is tried until it is in flight, or lost.
            full_length && (rs.losses > 0 || inflight >= self.inflight(tp, bw, self.pacing_gain))
        } else {
            full_length || inflight <= self.inflight(tp, bw, BBR_UNIT)
        }
    }

    /// `bbr_advance_cycle_phase`
    fn advance_cycle_phase(&mut self, tp: &TcpSock) {
        self.cycle_idx = (self.cycle_idx + 1) & (CYCLE_LEN - 1);
        self.cycle_mstamp = tp.delivered_mstamp;
    }

    /// `bbr_reset_probe_bw_mode`
    fn reset_probe_bw_mode(&mut self, tp: &TcpSock) {
        self.mode = Mode::ProbeBw;
        self.cycle_idx = CYCLE_LEN - 1 - self.rng.below(CYCLE_RAND) as u8;
        self.advance_cycle_phase(tp);
    }

    /// `bbr_update_bw`: counts rounds; a new sample of the rate.
    fn update_bw(&mut self, tp: &TcpSock, rs: &RateSample) {
        self.round_start = false;
        if rs.delivered < 0 || rs.interval_us <= 0 {
            return;
        }
        if !before(rs.prior_delivered, self.next_rtt_delivered) {
            self.next_rtt_delivered = tp.delivered;
            self.rtt_cnt = self.rtt_cnt.wrapping_add(1);
            self.round_start = true;
            self.packet_conservation = false;
        }
        self.lt_bw_sampling(tp, rs);
        let bw = (rs.delivered as u64 * BW_UNIT) / rs.interval_us as u64;
        // An application that pauses says nothing of the path, unless the rate was high all the same.
        if !rs.is_app_limited || bw >= u64::from(self.max_bw()) {
            minmax_running_max(&mut self.bw, BW_RTTS, self.rtt_cnt, bw as u32);
        }
    }

    /// `bbr_update_ack_aggregation`
    fn update_ack_aggregation(&mut self, tp: &TcpSock, rs: &RateSample) {
        if rs.acked_sacked == 0 || rs.delivered < 0 || rs.interval_us <= 0 {
            return;
        }
        if self.round_start {
            self.extra_acked_win_rtts = (self.extra_acked_win_rtts + 1).min(0x1f);
            if self.extra_acked_win_rtts >= EXTRA_ACKED_WIN_RTTS {
                self.extra_acked_win_rtts = 0;
                self.extra_acked_win_idx ^= 1;
                self.extra_acked[usize::from(self.extra_acked_win_idx)] = 0;
            }
        }
        let epoch_us = delta_us(tp.delivered_mstamp, self.ack_epoch_mstamp) as u32;
        let mut expected = (u64::from(self.bw()) * u64::from(epoch_us) / BW_UNIT) as u32;
        if self.ack_epoch_acked <= expected || self.ack_epoch_acked + rs.acked_sacked >= ACK_EPOCH_ACKED_RESET {
            self.ack_epoch_acked = 0;
            self.ack_epoch_mstamp = tp.delivered_mstamp;
            expected = 0;
        }
        self.ack_epoch_acked = (self.ack_epoch_acked + rs.acked_sacked).min(0xf_ffff);
        let extra = self.ack_epoch_acked.wrapping_sub(expected).min(tp.snd_cwnd).min(u32::from(u16::MAX));
        let kept = &mut self.extra_acked[usize::from(self.extra_acked_win_idx)];
        *kept = extra.max(*kept);
    }

    /// `bbr_check_full_bw_reached`
    fn check_full_bw_reached(&mut self, rs: &RateSample) {
        if self.full_bw_reached || !self.round_start || rs.is_app_limited {
            return;
        }
        if u64::from(self.max_bw()) >= (u64::from(self.full_bw) * FULL_BW_THRESH) >> BBR_SCALE {
            self.full_bw = self.max_bw();
            self.full_bw_cnt = 0;
            return;
        }
        self.full_bw_cnt += 1;
        self.full_bw_reached = self.full_bw_cnt >= FULL_BW_CNT;
    }

    /// `bbr_check_drain`
    fn check_drain(&mut self, tp: &mut TcpSock) {
        if self.mode == Mode::Startup && self.full_bw_reached {
            self.mode = Mode::Drain;
            tp.snd_ssthresh = self.inflight(tp, self.max_bw(), BBR_UNIT);
        }
        if self.mode == Mode::Drain
            && self.packets_in_net_at_edt(tp, tp.packets_in_flight()) <= self.inflight(tp, self.max_bw(), BBR_UNIT)
        {
            self.reset_probe_bw_mode(tp);
        }
    }

    /// `bbr_check_probe_rtt_done`
    fn check_probe_rtt_done(&mut self, tp: &mut TcpSock) {
        let now = tp.jiffies32();
        if self.probe_rtt_done_stamp == 0 || !after(now, self.probe_rtt_done_stamp) {
            return;
        }
        self.min_rtt_stamp = now;
        tp.snd_cwnd = tp.snd_cwnd.max(self.prior_cwnd);
        // `bbr_reset_mode`
        if self.full_bw_reached {
            self.reset_probe_bw_mode(tp);
        } else {
            self.mode = Mode::Startup;
        }
    }

    /// `bbr_update_min_rtt`: a shorter round trip; or none for ten seconds, and PROBE_RTT.
    fn update_min_rtt(&mut self, tp: &mut TcpSock, rs: &RateSample) {
        let now = tp.jiffies32();
        let expired = after(now, self.min_rtt_stamp.wrapping_add(MIN_RTT_WIN_MS));
        if rs.rtt_us >= 0 && (rs.rtt_us < i64::from(self.min_rtt_us) || (expired && !rs.is_ack_delayed)) {
            self.min_rtt_us = rs.rtt_us as u32;
            self.min_rtt_stamp = now;
        }
        if expired && !self.idle_restart && self.mode != Mode::ProbeRtt {
            // As in the kernel, the mode counts first: what is saved is never less than what was.
            self.mode = Mode::ProbeRtt;
            self.save_cwnd(tp);
            self.probe_rtt_done_stamp = 0;
        }
        if self.mode == Mode::ProbeRtt {
            // The low rates of this mode are no samples.
            tp.app_limited = tp.app_limited_mark();
            if self.probe_rtt_done_stamp == 0 && tp.packets_in_flight() <= CWND_MIN_TARGET {
                self.probe_rtt_done_stamp = now.wrapping_add(PROBE_RTT_MODE_MS);
                self.probe_rtt_round_done = false;
                self.next_rtt_delivered = tp.delivered;
            } else if self.probe_rtt_done_stamp != 0 {
                self.probe_rtt_round_done |= self.round_start;
                if self.probe_rtt_round_done {
                    self.check_probe_rtt_done(tp);
                }
            }
        }
        if rs.delivered > 0 {
            self.idle_restart = false;
        }
    }

    /// `bbr_update_gains`
    fn update_gains(&mut self) {
        (self.pacing_gain, self.cwnd_gain) = match self.mode {
            Mode::Startup => (HIGH_GAIN, HIGH_GAIN),
            Mode::Drain => (DRAIN_GAIN, HIGH_GAIN),
            Mode::ProbeBw if self.policer.bw().is_some() => (BBR_UNIT, CWND_GAIN),
            Mode::ProbeBw => (PACING_GAIN[usize::from(self.cycle_idx) % PACING_GAIN.len()], CWND_GAIN),
            Mode::ProbeRtt => (BBR_UNIT, BBR_UNIT),
        };
    }

    /// `bbr_ssthresh`: a loss says nothing, but the window before it is kept.
    pub(super) fn ssthresh(&mut self, tp: &TcpSock) -> u32 {
        self.save_cwnd(tp);
        tp.snd_ssthresh
    }

    /// `bbr_undo_cwnd`
    pub(super) fn undo_cwnd(&mut self, tp: &TcpSock) -> u32 {
        (self.full_bw, self.full_bw_cnt) = (0, 0);
        self.policer.reset(tp);
        tp.snd_cwnd
    }

    /// `bbr_set_state`: a time-out is like the end of a round.
    pub(super) fn set_state(&mut self, tp: &TcpSock, new: CaState) {
        if new == CaState::Loss {
            self.prev_ca_state = CaState::Loss;
            self.full_bw = 0;
            self.round_start = true;
            self.lt_bw_sampling(tp, &RateSample { losses: 1, ..RateSample::default() });
        }
    }

    /// `bbr_get_info`: `struct tcp_bbr_info`.
    pub(super) fn get_info(&self, tp: &TcpSock) -> Vec<u8> {
        let bw = u64::from(self.bw()).wrapping_mul(u64::from(tp.mss_cache)).wrapping_mul(1_000_000) >> BW_SCALE;
        let words = [bw as u32, (bw >> 32) as u32, self.min_rtt_us, self.pacing_gain, self.cwnd_gain];
        words.iter().flat_map(|w| w.to_le_bytes()).collect()
    }
}
