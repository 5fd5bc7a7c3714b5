//! What an acknowledgment does.
//!
//! Linux: `tcp_ack`, `tcp_clean_rtx_queue`, `tcp_ack_update_rtt`, `tcp_cong_control` in `net/ipv4/tcp_input.c`.
//! RFC 9293 §3.10.7.4, RFC 5681 §3, RFC 7323 §4.

use super::ipv4::Segment;
use super::sacktag::SacktagState;
use super::seq::{after, before};
use super::{CaState, Chrono, EVER_RETRANS, LOST, RETRANS, RateSample, SACKED_ACKED, SACKED_RETRANS, TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::skb::{DropReason, SkBuff};
use crate::trace::{Field, Function, TimerKind};
use crate::wire::tcp::SYN;

/// `FLAG_DATA`: the segment carries data.
pub(super) const FLAG_DATA: u32 = 0x01;
/// `FLAG_WIN_UPDATE`
pub(super) const FLAG_WIN_UPDATE: u32 = 0x02;
/// `FLAG_DATA_ACKED`: new data was acknowledged.
pub(super) const FLAG_DATA_ACKED: u32 = 0x04;
/// `FLAG_RETRANS_DATA_ACKED`: some of it had been sent again.
pub(super) const FLAG_RETRANS_DATA_ACKED: u32 = 0x08;
/// `FLAG_SYN_ACKED`
pub(super) const FLAG_SYN_ACKED: u32 = 0x10;
/// `FLAG_DATA_SACKED`: SACK covers something new.
pub(super) const FLAG_DATA_SACKED: u32 = 0x20;
/// `FLAG_ECE`
pub(super) const FLAG_ECE: u32 = 0x40;
/// `FLAG_LOST_RETRANS`: a retransmission is lost too.
pub(super) const FLAG_LOST_RETRANS: u32 = 0x80;
/// `FLAG_SLOWPATH`
pub(super) const FLAG_SLOWPATH: u32 = 0x100;
/// `FLAG_ORIG_SACK_ACKED`: what was never sent again is (S)ACKed.
pub(super) const FLAG_ORIG_SACK_ACKED: u32 = 0x200;
/// `FLAG_SND_UNA_ADVANCED`
pub(super) const FLAG_SND_UNA_ADVANCED: u32 = 0x400;
/// `FLAG_DSACKING_ACK`
pub(super) const FLAG_DSACKING_ACK: u32 = 0x800;
/// `FLAG_SET_XMIT_TIMER`
pub(super) const FLAG_SET_XMIT_TIMER: u32 = 0x1000;
/// `FLAG_SACK_RENEGING`: the receiver forgot what it had SACKed.
pub(super) const FLAG_SACK_RENEGING: u32 = 0x2000;
/// `FLAG_UPDATE_TS_RECENT`
pub(super) const FLAG_UPDATE_TS_RECENT: u32 = 0x4000;
/// `FLAG_NO_CHALLENGE_ACK`
pub(super) const FLAG_NO_CHALLENGE_ACK: u32 = 0x8000;
/// `FLAG_ACK_MAYBE_DELAYED`
pub(super) const FLAG_ACK_MAYBE_DELAYED: u32 = 0x1_0000;
/// `FLAG_DSACK_TLP`: a DSACK of a tail loss probe.
pub(super) const FLAG_DSACK_TLP: u32 = 0x2_0000;
/// `FLAG_ACKED`
pub(super) const FLAG_ACKED: u32 = FLAG_DATA_ACKED | FLAG_SYN_ACKED;
/// `FLAG_NOT_DUP`
pub(super) const FLAG_NOT_DUP: u32 = FLAG_DATA | FLAG_WIN_UPDATE | FLAG_ACKED;
/// `FLAG_CA_ALERT`
pub(super) const FLAG_CA_ALERT: u32 = FLAG_DATA_SACKED | FLAG_ECE | FLAG_DSACKING_ACK;
/// `FLAG_FORWARD_PROGRESS`
pub(super) const FLAG_FORWARD_PROGRESS: u32 = FLAG_ACKED | FLAG_DATA_SACKED;

/// What shall be sent once the window is known (`REXMIT_*`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rexmit {
    /// Nothing.
    None,
    /// What is lost.
    Lost,
    /// New data, to see whether the time-out was spurious (F-RTO).
    New,
}

impl Host {
    /// `tcp_ack`. `Ok(false)`: an old ACK. The error is why the segment goes no further.
    pub(super) fn tcp_ack(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        seg: &Segment,
        mut flag: u32,
    ) -> Result<bool, DropReason> {
        cx.call(Function::TcpAck, |cx| {
            let (ack, ack_seq) = (seg.tcp.ack, seg.tcp.seq);
            let prior_snd_una = tp.snd_una;
            let (prior_packets, prior_delivered, prior_lost) = (tp.packets_out, tp.delivered, tp.lost);
            let is_sack_reneg = tp.is_sack_reneg;
            let mut sack = SacktagState::new(tp);
            let has_sack = tp.rx_opt.sack_ok && seg.tcp.options.sack_count > 0;
            if before(ack, prior_snd_una) {
                // RFC 5961 §5.2: far too old is an attack; a little old may still carry SACKs.
                let max_window = u64::from(tp.max_window).min(tp.bytes_acked) as u32;
                if before(ack, prior_snd_una.wrapping_sub(max_window)) {
                    if flag & FLAG_NO_CHALLENGE_ACK == 0 {
                        self.tcp_send_challenge_ack(cx, tp);
                    }
                    return Err(DropReason::TcpTooOldAck);
                }
                if has_sack {
                    flag |= self.tcp_sacktag_write_queue(cx, tp, seg, prior_snd_una, &mut sack);
                    tp.count_delivered(sack.sack_delivered, flag & FLAG_ECE != 0);
                    let rexmit = self.tcp_fastretrans_alert(cx, tp, prior_snd_una, 0, &mut flag);
                    self.tcp_xmit_recovery(cx, tp, rexmit);
                }
                return Ok(false);
            }
            if after(ack, tp.snd_nxt) {
                // RFC 9293 §3.10.7.4: "If the ACK acks something not yet sent, then send an ACK, drop the segment".
                if flag & FLAG_NO_CHALLENGE_ACK == 0 {
                    self.tcp_send_challenge_ack(cx, tp);
                }
                return Err(DropReason::TcpAckUnsentData);
            }
            if after(ack, prior_snd_una) {
                flag |= FLAG_SND_UNA_ADVANCED;
                tp.retransmits = 0;
            }
            let prior_fack = if tp.rx_opt.sack_ok { tp.highest_sack_seq() } else { tp.snd_una };
            sack.rate.prior_in_flight = tp.packets_in_flight();
            if flag & FLAG_UPDATE_TS_RECENT != 0 {
                tp.replace_ts_recent(cx, ack_seq);
            }
            if flag & (FLAG_SLOWPATH | FLAG_SND_UNA_ADVANCED) == FLAG_SND_UNA_ADVANCED {
                // Predicted: the window is as it was, and there is no SACK and no echo.
                tp.snd_wl1 = ack_seq;
                tp.snd_una_update(cx, ack);
                flag |= FLAG_WIN_UPDATE;
                self.mib.inc(Counter::TcpHpAcks);
            } else {
                if ack_seq != seg.end_seq() {
                    flag |= FLAG_DATA;
                } else {
                    self.mib.inc(Counter::TcpPureAcks);
                }
                flag |= self.tcp_ack_update_window(cx, tp, seg);
                if has_sack {
                    flag |= self.tcp_sacktag_write_queue(cx, tp, seg, prior_snd_una, &mut sack);
                }
                if tp.ecn_rcv_ecn_echo(seg) {
                    flag |= FLAG_ECE;
                }
                tp.count_delivered(sack.sack_delivered, flag & FLAG_ECE != 0);
            }
            tp.ecn_accept_cwr(seg);
            tp.sk.soft_err = None;
            tp.probes_out = 0;
            tp.rcv_tstamp = cx.now;
            if prior_packets == 0 {
                if flag & FLAG_DSACKING_ACK != 0 {
                    self.tcp_fastretrans_alert(cx, tp, prior_snd_una, 0, &mut flag);
                }
                self.tcp_ack_probe(cx, tp);
                if tp.tlp_high_seq != 0 {
                    self.tcp_process_tlp_ack(cx, tp, ack, flag);
                }
                return Ok(true);
            }
            flag |= self.tcp_clean_rtx_queue(cx, tp, (prior_fack, prior_snd_una), flag, &mut sack);
            self.tcp_rack_update_reo_wnd(tp, &sack.rate);
            if tp.tlp_high_seq != 0 {
                self.tcp_process_tlp_ack(cx, tp, ack, flag);
            }
            let mut rexmit = Rexmit::None;
            // `tcp_ack_is_dubious`
            if flag & FLAG_NOT_DUP == 0 || flag & FLAG_CA_ALERT != 0 || tp.ca_state != CaState::Open {
                let dup = flag & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DSACKING_ACK) == 0;
                rexmit = self.tcp_fastretrans_alert(cx, tp, prior_snd_una, u32::from(dup), &mut flag);
            }
            if flag & FLAG_SET_XMIT_TIMER != 0 {
                self.tcp_set_xmit_timer(cx, tp);
            }
            if flag & FLAG_FORWARD_PROGRESS != 0 || flag & FLAG_NOT_DUP == 0 {
                self.sk_dst_confirm(cx, tp);
            }
            let delivered = tp.delivered.wrapping_sub(prior_delivered);
            let lost = tp.lost.wrapping_sub(prior_lost);
            sack.rate.is_ack_delayed = flag & FLAG_ACK_MAYBE_DELAYED != 0;
            tp.rate_gen(delivered, lost, is_sack_reneg, &mut sack.rate);
            self.tcp_cong_control(cx, tp, (delivered, flag), &sack.rate);
            self.tcp_xmit_recovery(cx, tp, rexmit);
            Ok(true)
        })
    }

    /// `tcp_ack_update_window`.
    fn tcp_ack_update_window(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seg: &Segment) -> u32 {
        let scale = if seg.has(SYN) { 0 } else { tp.rx_opt.snd_wscale };
        let window = u32::from(seg.tcp.window) << scale;
        let mut flag = 0;
        // RFC 9293: SND.WL1 and SND.WL2 keep an old segment from setting the window.
        if tp.may_update_window(seg.tcp.ack, seg.tcp.seq, window) {
            flag |= FLAG_WIN_UPDATE;
            tp.snd_wl1 = seg.tcp.seq;
            if tp.snd_wnd != window {
                tcp_set!(cx, tp, snd_wnd, SndWnd, window);
                if !tp.write_queue.is_empty() {
                    self.tcp_slow_start_after_idle_check(cx, tp);
                }
                if window > tp.max_window {
                    tp.max_window = window;
                    let pmtu = tp.pmtu_cookie;
                    self.tcp_sync_mss(cx, tp, pmtu);
                }
            }
        }
        tp.snd_una_update(cx, seg.tcp.ack);
        flag
    }

    /// `tcp_clean_rtx_queue`: frees what is acknowledged, takes an RTT sample.
    fn tcp_clean_rtx_queue(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        (prior_fack, prior_snd_una): (u32, u32),
        ack_flag: u32,
        sack: &mut SacktagState,
    ) -> u32 {
        cx.call(Function::TcpCleanRtxQueue, |cx| {
            let ece_ack = ack_flag & FLAG_ECE != 0;
            let prior_sacked = tp.sacked_out;
            let mut reord = tp.snd_nxt;
            let (mut first_ackt, mut last_ackt) = (0, 0);
            let (mut flag, mut pkts_acked, mut fully_acked) = (0, 0, true);
            while let Some(skb) = tp.rtx_queue.front() {
                let (cb, mut pcount) = (skb.cb, skb.pcount());
                self.tcp_ack_tstamp(cx, tp, skb, prior_snd_una);
                if after(cb.end_seq, tp.snd_una) {
                    if pcount == 1 || !after(tp.snd_una, cb.seq) {
                        break;
                    }
                    // `tcp_tso_acked`: only the first segments of a longer one.
                    let acked = tp.snd_una.wrapping_sub(cb.seq);
                    tp.trim_head(cx, 0, acked);
                    pcount -= tp.rtx_queue.front().map_or(0, SkBuff::pcount);
                    if pcount == 0 {
                        break;
                    }
                    fully_acked = false;
                }
                let sent_us = cb.sent_at / 1000;
                if cb.sacked & RETRANS != 0 {
                    if cb.sacked & SACKED_RETRANS != 0 {
                        tp.retrans_out -= pcount;
                    }
                    flag |= FLAG_RETRANS_DATA_ACKED;
                } else if cb.sacked & SACKED_ACKED == 0 {
                    last_ackt = sent_us;
                    if first_ackt == 0 {
                        first_ackt = sent_us;
                    }
                    if before(cb.seq, reord) {
                        reord = cb.seq;
                    }
                    if !after(cb.end_seq, tp.high_seq) {
                        flag |= FLAG_ORIG_SACK_ACKED;
                    }
                }
                if cb.sacked & SACKED_ACKED != 0 {
                    tp.sacked_out -= pcount;
                } else if tp.rx_opt.sack_ok {
                    tp.count_delivered(pcount, ece_ack);
                    let spurious = cb.sacked & RETRANS != 0 && tp.tsopt_ecr_before((sent_us / 1000) as u32);
                    if !spurious {
                        tp.rack_advance(cb.sacked, cb.end_seq, sent_us);
                    }
                }
                if cb.sacked & LOST != 0 {
                    tp.lost_out -= pcount;
                }
                tp.packets_out -= pcount;
                pkts_acked += pcount;
                let mut noted = cb;
                tp.rate_skb_delivered(&mut noted, &mut sack.rate);
                if let Some(skb) = tp.rtx_queue.front_mut() {
                    skb.cb.tx = noted.tx;
                }
                if cb.flags & SYN != 0 {
                    flag |= FLAG_SYN_ACKED;
                    tp.retrans_stamp = 0;
                } else {
                    flag |= FLAG_DATA_ACKED;
                }
                if !fully_acked {
                    break;
                }
                if tp.highest_sack == Some(cb.seq) {
                    tp.highest_sack = tp.rtx_queue.get(1).map(|s| s.cb.seq);
                }
                tp.rtx_queue_unlink_and_free(cx, 0);
            }
            match tp.rtx_queue.front() {
                None => tp.chrono_stop(cx, Chrono::Busy),
                Some(head) if head.cb.sacked & SACKED_ACKED != 0 => flag |= FLAG_SACK_RENEGING,
                Some(_) => {}
            }
            // `tp->snd_up` does not fall behind.
            if tp.snd_una.wrapping_sub(prior_snd_una) >= tp.snd_up.wrapping_sub(prior_snd_una) {
                tp.snd_up = tp.snd_una;
            }
            let age = |at: u64| tp.tcp_mstamp.saturating_sub(at) as i64;
            let (mut seq_rtt, mut sack_rtt, mut ca_rtt) = (-1, -1, -1);
            if first_ackt != 0 && flag & FLAG_RETRANS_DATA_ACKED == 0 {
                seq_rtt = age(first_ackt);
                ca_rtt = age(last_ackt);
                if pkts_acked == 1
                    && fully_acked
                    && prior_sacked == 0
                    && tp.snd_una.wrapping_sub(prior_snd_una) < tp.mss_cache
                    && sack.rate.prior_delivered.wrapping_add(1) == tp.delivered
                    && flag & (FLAG_CA_ALERT | FLAG_SYN_ACKED) == 0
                {
                    flag |= FLAG_ACK_MAYBE_DELAYED;
                }
            }
            if sack.first_sackt != 0 {
                sack_rtt = age(sack.first_sackt);
                ca_rtt = age(sack.last_sackt);
            }
            let rtt_update = self.tcp_ack_update_rtt(cx, tp, flag, (seq_rtt, sack_rtt, ca_rtt), &mut sack.rate);
            if flag & FLAG_ACKED != 0 {
                flag |= FLAG_SET_XMIT_TIMER;
                if tp.mtup_probe_size > 0 && !after(tp.mtu_probe_end, tp.snd_una) {
                    self.tcp_mtup_probe_success(cx, tp);
                }
                if !tp.rx_opt.sack_ok {
                    self.tcp_remove_reno_sacks(tp, pkts_acked, ece_ack);
                    // Without SACK nobody knows whether it was the original.
                    if flag & FLAG_RETRANS_DATA_ACKED != 0 {
                        flag &= !FLAG_ORIG_SACK_ACKED;
                    }
                } else if before(reord, prior_fack) {
                    // A hole that was never sent again is filled: that is reordering.
                    self.tcp_check_sack_reordering(tp, reord);
                }
            } else if rtt_update && sack_rtt >= 0 {
                // Not if the sample was sent after the head: the time-out would be put off for ever.
                let head = tp.rtx_queue.front().map(|s| tp.tcp_mstamp.saturating_sub(s.cb.sent_at / 1000) as i64);
                if head.is_some_and(|age| sack_rtt > age) {
                    flag |= FLAG_SET_XMIT_TIMER;
                }
            }
            tp.ca_pkts_acked(cx, &mut self.mib, sack.rate.rtt_us);
            flag
        })
    }

    /// `tcp_ack_update_rtt`: from the segment's own times, else from the echoed timestamp. True if there was a sample.
    pub(super) fn tcp_ack_update_rtt(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        flag: u32,
        (mut seq_rtt_us, sack_rtt_us, mut ca_rtt_us): (i64, i64, i64),
        rs: &mut RateSample,
    ) -> bool {
        if seq_rtt_us < 0 {
            seq_rtt_us = sack_rtt_us;
        }
        // RFC 7323 §4.1: an echo counts only if the segment acknowledges something new.
        if seq_rtt_us < 0 && tp.rx_opt.saw_tstamp && tp.rx_opt.rcv_tsecr != 0 && flag & FLAG_ACKED != 0 {
            let delta = tp.time_stamp_ts().wrapping_sub(tp.rx_opt.rcv_tsecr);
            if delta < (i32::MAX / 1000) as u32 {
                seq_rtt_us = i64::from(delta.max(1)) * 1000;
                ca_rtt_us = seq_rtt_us;
            }
        }
        rs.rtt_us = ca_rtt_us;
        if seq_rtt_us < 0 {
            return false;
        }
        let old = (tp.srtt_us >> 3, tp.rto_us);
        let may_be_delayed = flag & FLAG_ACK_MAYBE_DELAYED != 0;
        tp.update_rtt_min(&self.sysctl, ca_rtt_us.max(0) as u32, !may_be_delayed);
        tp.rtt_estimator(seq_rtt_us.min(i64::from(i32::MAX)) as u32);
        tp.set_rto();
        cx.tell_set(tp.sk.id, Field::SrttUs, old.0, tp.srtt_us >> 3);
        cx.tell_set(tp.sk.id, Field::RtoUs, old.1, tp.rto_us);
        // RFC 6298: only a valid sample ends the back-off.
        tcp_set!(cx, tp, backoff, Backoff, 0);
        true
    }

    /// `tcp_cong_control`: the window follows from what was delivered.
    fn tcp_cong_control(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        (acked_sacked, flag): (u32, u32),
        rs: &RateSample,
    ) {
        let old = (tp.snd_cwnd, tp.snd_ssthresh);
        if !tp.ca_cong_control(rs) {
            if tp.in_cwnd_reduction() {
                self.tcp_cwnd_reduction(cx, tp, acked_sacked, rs.losses.max(0) as u32, flag);
                return self.tcp_update_pacing_rate(tp);
            }
            // `tcp_may_raise_cwnd`
            let may = if tp.reordering > self.sysctl.tcp_reordering as u32 {
                flag & FLAG_FORWARD_PROGRESS != 0
            } else {
                flag & FLAG_DATA_ACKED != 0
            };
            if may {
                tp.ca_cong_avoid(acked_sacked);
                tp.snd_cwnd_stamp = cx.now;
            }
            self.tcp_update_pacing_rate(tp);
        }
        cx.tell_set(tp.sk.id, Field::SndCwnd, old.0, tp.snd_cwnd);
        cx.tell_set(tp.sk.id, Field::SndSsthresh, old.1, tp.snd_ssthresh);
    }

    /// `tcp_ack_probe`: an answer to a zero-window probe.
    fn tcp_ack_probe(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let Some(head) = tp.write_queue.front() else { return };
        if !after(head.cb.end_seq, tp.wnd_end()) {
            tcp_set!(cx, tp, backoff, Backoff, 0);
            tp.probes_tstamp = None;
            if tp.retrans_timer.is_some_and(|t| t.kind == TimerKind::Probe) {
                self.tcp_cancel_xmit_timer(cx, tp);
            }
        } else {
            let when = self.tcp_probe0_when_us(tp, self.tcp_rto_max_us(tp));
            let when = self.tcp_clamp_probe0_to_user_timeout(cx, tp, when);
            self.tcp_reset_xmit_timer(cx, tp, TimerKind::Probe, when, true);
        }
    }
}

impl TcpSock {
    /// `tcp_snd_una_update`.
    fn snd_una_update(&mut self, cx: &mut Cx<'_>, ack: u32) {
        self.bytes_acked += u64::from(ack.wrapping_sub(self.snd_una));
        if !self.urg_mode() {
            self.snd_up = ack;
        }
        tcp_set!(cx, self, snd_una, SndUna, ack);
    }

    /// `tcp_count_delivered`.
    pub(super) fn count_delivered(&mut self, delivered: u32, ece_ack: bool) {
        self.delivered = self.delivered.wrapping_add(delivered);
        if ece_ack {
            self.delivered_ce = self.delivered_ce.wrapping_add(delivered);
        }
    }

    /// `tcp_tsopt_ecr_before`: the peer echoes a timestamp older than `when`.
    pub(super) fn tsopt_ecr_before(&self, when: u32) -> bool {
        self.rx_opt.saw_tstamp && self.rx_opt.rcv_tsecr != 0 && before(self.rx_opt.rcv_tsecr, when)
    }

    /// `tcp_any_retrans_done`.
    pub(super) fn any_retrans_done(&self) -> bool {
        self.retrans_out > 0 || self.rtx_queue.front().is_some_and(|s| s.cb.sacked & EVER_RETRANS != 0)
    }
}
