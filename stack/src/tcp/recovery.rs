//! Loss recovery: the states Open, Disorder, CWR, Recovery and Loss, and the window in them.
//!
//! Linux: `tcp_fastretrans_alert`, `tcp_enter_recovery`, `tcp_enter_loss`, `tcp_cwnd_reduction` (PRR),
//! `tcp_process_tlp_ack`, `tcp_simple_retransmit` in `net/ipv4/tcp_input.c`. RFC 5681, 6582, 6675, 6937, 8985 §7.

use super::ack::{
    FLAG_DATA_SACKED, FLAG_DSACK_TLP, FLAG_ECE, FLAG_LOST_RETRANS, FLAG_NOT_DUP, FLAG_SACK_RENEGING,
    FLAG_SET_XMIT_TIMER, FLAG_SND_UNA_ADVANCED, Rexmit,
};
use super::seq::{after, before};
use super::xmit::NAGLE_OFF;
use super::{CaEvent, CaState, INFINITE_SSTHRESH, SACKED_ACKED, TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::trace::{Field, Function, TcpState, TimerKind};

impl Host {
    /// `tcp_set_ca_state`.
    pub(super) fn tcp_set_ca_state(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, state: CaState) {
        tp.ca_set_state(state);
        let old = core::mem::replace(&mut tp.ca_state, state);
        cx.tell_set(tp.sk.id, Field::CaState, old as u32, state as u32);
    }

    /// `tcp_fastretrans_alert`: from what the ACK says to the state of the connection, and what shall be sent.
    pub(super) fn tcp_fastretrans_alert(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        prior_snd_una: u32,
        num_dupack: u32,
        ack_flag: &mut u32,
    ) -> Rexmit {
        cx.call(Function::TcpFastretransAlert, |cx| {
            let flag = *ack_flag;
            let ece_ack = flag & FLAG_ECE != 0;
            let advanced = flag & FLAG_SND_UNA_ADVANCED != 0;
            if tp.packets_out == 0 && tp.sacked_out > 0 {
                tp.sacked_out = 0;
            }
            if ece_ack {
                tp.prior_ssthresh = 0;
            }
            if self.tcp_check_sack_reneging(cx, tp, ack_flag) {
                return Rexmit::None;
            }
            // The state ends when everything that was in flight when it began is acknowledged.
            if tp.ca_state == CaState::Open {
                tp.retrans_stamp = 0;
            } else if !before(tp.snd_una, tp.high_seq) {
                match tp.ca_state {
                    // CWR is held until something above high_seq is acknowledged.
                    CaState::Cwr if tp.snd_una != tp.high_seq => {
                        self.tcp_end_cwnd_reduction(cx, tp);
                        self.tcp_set_ca_state(cx, tp, CaState::Open);
                    }
                    CaState::Recovery => {
                        if !tp.rx_opt.sack_ok {
                            tp.sacked_out = 0;
                        }
                        if self.tcp_try_undo_recovery(cx, tp) {
                            return Rexmit::None;
                        }
                        self.tcp_end_cwnd_reduction(cx, tp);
                    }
                    _ => {}
                }
            }
            match tp.ca_state {
                CaState::Recovery => {
                    if !advanced {
                        if !tp.rx_opt.sack_ok {
                            self.tcp_add_reno_sack(tp, num_dupack, ece_ack);
                        }
                    } else if self.tcp_try_undo_partial(cx, tp, prior_snd_una) {
                        return Rexmit::None;
                    }
                    if self.tcp_try_undo_dsack(cx, tp) {
                        self.tcp_try_to_open(cx, tp, flag);
                    }
                    self.tcp_identify_packet_loss(cx, tp, ack_flag);
                    if tp.ca_state != CaState::Recovery {
                        if tp.lost_out == 0 {
                            return Rexmit::None;
                        }
                        // An undo ended the recovery, but loss is evident.
                        self.tcp_enter_recovery(cx, tp, ece_ack);
                    }
                    return Rexmit::Lost;
                }
                CaState::Loss => {
                    let rexmit = self.tcp_process_loss(cx, tp, flag, num_dupack);
                    if tp.ca_state != CaState::Loss {
                        tp.update_rto_time();
                    }
                    self.tcp_identify_packet_loss(cx, tp, ack_flag);
                    if tp.ca_state != CaState::Open && *ack_flag & FLAG_LOST_RETRANS == 0 {
                        return rexmit;
                    }
                    if let Some(ends) = self.tcp_alert_default(cx, tp, (flag, num_dupack, advanced), ack_flag) {
                        return if ends { rexmit } else { Rexmit::None };
                    }
                }
                _ => {
                    if self.tcp_alert_default(cx, tp, (flag, num_dupack, advanced), ack_flag).is_some() {
                        return Rexmit::None;
                    }
                }
            }
            Rexmit::Lost
        })
    }

    /// Open, Disorder and CWR: is it time to recover? `Some`: no; with whether what was decided before holds.
    fn tcp_alert_default(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        (flag, num_dupack, advanced): (u32, u32, bool),
        ack_flag: &mut u32,
    ) -> Option<bool> {
        let ece_ack = flag & FLAG_ECE != 0;
        if !tp.rx_opt.sack_ok {
            if advanced {
                tp.sacked_out = 0;
            }
            self.tcp_add_reno_sack(tp, num_dupack, ece_ack);
        }
        if tp.ca_state <= CaState::Disorder {
            self.tcp_try_undo_dsack(cx, tp);
        }
        self.tcp_identify_packet_loss(cx, tp, ack_flag);
        // `tcp_time_to_recover`
        if tp.lost_out == 0 {
            self.tcp_try_to_open(cx, tp, flag);
            return Some(true);
        }
        if tp.ca_state < CaState::Cwr && tp.mtup_probe_size > 0 && tp.snd_una == tp.mtu_probe_start {
            // The probe was too large for the path: that is no congestion.
            self.tcp_mtup_probe_failed(tp);
            tcp_set!(cx, tp, snd_cwnd, SndCwnd, tp.snd_cwnd + 1);
            self.tcp_simple_retransmit(cx, tp);
            return Some(false);
        }
        self.tcp_enter_recovery(cx, tp, ece_ack);
        None
    }

    /// `tcp_identify_packet_loss`.
    fn tcp_identify_packet_loss(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, ack_flag: &mut u32) {
        if tp.rtx_queue.is_empty() {
            return;
        }
        if !tp.rx_opt.sack_ok {
            return self.tcp_newreno_mark_lost(cx, tp, *ack_flag & FLAG_SND_UNA_ADVANCED != 0);
        }
        let prior_retrans = tp.retrans_out;
        if self.tcp_rack_mark_lost(cx, tp) {
            *ack_flag &= !FLAG_SET_XMIT_TIMER;
        }
        if prior_retrans > tp.retrans_out {
            *ack_flag |= FLAG_LOST_RETRANS;
        }
    }

    /// `tcp_check_sack_reneging`: the receiver threw away what it had SACKed: soon everything goes again.
    fn tcp_check_sack_reneging(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, ack_flag: &mut u32) -> bool {
        if *ack_flag & FLAG_SACK_RENEGING == 0 || *ack_flag & FLAG_SND_UNA_ADVANCED == 0 {
            return false;
        }
        let delay = (tp.srtt_us >> 4).max(10_000);
        self.tcp_reset_xmit_timer(cx, tp, TimerKind::Retransmit, delay, false);
        *ack_flag &= !FLAG_SET_XMIT_TIMER;
        true
    }

    /// `tcp_enter_recovery`.
    pub(super) fn tcp_enter_recovery(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, ece_ack: bool) {
        // `tcp_retrans_stamp_cleanup`
        if !tp.any_retrans_done() {
            tp.retrans_stamp = 0;
        }
        self.mib.inc(if tp.rx_opt.sack_ok { Counter::TcpSackRecovery } else { Counter::TcpRenoRecovery });
        tp.prior_ssthresh = 0;
        tp.init_undo();
        if !tp.in_cwnd_reduction() {
            if !ece_ack {
                tp.prior_ssthresh = tp.current_ssthresh();
            }
            self.tcp_init_cwnd_reduction(cx, tp);
        }
        self.tcp_set_ca_state(cx, tp, CaState::Recovery);
    }

    /// `tcp_init_cwnd_reduction`.
    fn tcp_init_cwnd_reduction(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        tp.high_seq = tp.snd_nxt;
        tp.tlp_high_seq = 0;
        tp.snd_cwnd_cnt = 0;
        tp.prior_cwnd = tp.snd_cwnd;
        (tp.prr_delivered, tp.prr_out) = (0, 0);
        let ssthresh = tp.ca_ssthresh();
        tcp_set!(cx, tp, snd_ssthresh, SndSsthresh, ssthresh);
        tp.ecn_queue_cwr();
    }

    /// `tcp_cwnd_reduction`: proportional rate reduction (RFC 6937 §3.1).
    pub(super) fn tcp_cwnd_reduction(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        newly_acked_sacked: u32,
        newly_lost: u32,
        flag: u32,
    ) {
        if newly_acked_sacked == 0 || tp.prior_cwnd == 0 {
            return;
        }
        let in_flight = tp.packets_in_flight();
        let delta = i64::from(tp.snd_ssthresh) - i64::from(in_flight);
        tp.prr_delivered += newly_acked_sacked;
        let mut sndcnt = if delta < 0 {
            let dividend = u64::from(tp.snd_ssthresh) * u64::from(tp.prr_delivered) + u64::from(tp.prior_cwnd) - 1;
            (dividend / u64::from(tp.prior_cwnd)) as i64 - i64::from(tp.prr_out)
        } else {
            let mut count = (i64::from(tp.prr_delivered) - i64::from(tp.prr_out)).max(i64::from(newly_acked_sacked));
            if flag & FLAG_SND_UNA_ADVANCED != 0 && newly_lost == 0 {
                count += 1;
            }
            count.min(delta)
        };
        // The first retransmission goes in any case.
        sndcnt = sndcnt.max(i64::from(tp.prr_out == 0));
        let cwnd = (i64::from(in_flight) + sndcnt).max(1) as u32;
        tcp_set!(cx, tp, snd_cwnd, SndCwnd, cwnd);
    }

    /// `tcp_end_cwnd_reduction`.
    pub(super) fn tcp_end_cwnd_reduction(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if tp.ca_has_cong_control() {
            return;
        }
        if tp.snd_ssthresh < INFINITE_SSTHRESH && (tp.ca_state == CaState::Cwr || tp.undo_marker != 0) {
            let ssthresh = tp.snd_ssthresh;
            tcp_set!(cx, tp, snd_cwnd, SndCwnd, ssthresh);
            tp.snd_cwnd_stamp = cx.now;
        }
        tp.ca_cwnd_event(cx, CaEvent::CompleteCwr);
    }

    /// `tcp_enter_cwr`: ECN, or a queue of this host, asks for less.
    pub(super) fn tcp_enter_cwr(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        tp.prior_ssthresh = 0;
        if tp.ca_state < CaState::Cwr {
            tp.undo_marker = 0;
            self.tcp_init_cwnd_reduction(cx, tp);
            self.tcp_set_ca_state(cx, tp, CaState::Cwr);
        }
    }

    /// `tcp_try_keep_open`.
    pub(super) fn tcp_try_keep_open(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let disorder = tp.sacked_out + tp.lost_out > 0 || tp.any_retrans_done();
        let state = if disorder { CaState::Disorder } else { CaState::Open };
        if tp.ca_state != state {
            self.tcp_set_ca_state(cx, tp, state);
            tp.high_seq = tp.snd_nxt;
        }
    }

    /// `tcp_try_to_open`.
    pub(super) fn tcp_try_to_open(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, flag: u32) {
        if !tp.any_retrans_done() {
            tp.retrans_stamp = 0;
        }
        if flag & FLAG_ECE != 0 {
            self.tcp_enter_cwr(cx, tp);
        }
        if tp.ca_state != CaState::Cwr {
            self.tcp_try_keep_open(cx, tp);
        }
    }

    /// `tcp_process_tlp_ack`: did the loss probe repair a loss? Then the window is reduced.
    pub(super) fn tcp_process_tlp_ack(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, ack: u32, flag: u32) {
        if before(ack, tp.tlp_high_seq) {
            return;
        }
        if !tp.tlp_retrans || flag & FLAG_DSACK_TLP != 0 {
            // New data was acknowledged, or both copies arrived: nothing was lost.
            tp.tlp_high_seq = 0;
        } else if after(ack, tp.tlp_high_seq) {
            self.tcp_init_cwnd_reduction(cx, tp);
            self.tcp_set_ca_state(cx, tp, CaState::Cwr);
            self.tcp_end_cwnd_reduction(cx, tp);
            self.tcp_try_keep_open(cx, tp);
            self.mib.inc(Counter::TcpLossProbeRecovery);
        } else if flag & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DATA_SACKED) == 0 {
            tp.tlp_high_seq = 0;
        }
    }

    /// `tcp_enter_loss`: the retransmission timer went off.
    pub(super) fn tcp_enter_loss(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        cx.call(Function::TcpEnterLoss, |cx| {
            let new_recovery = tp.ca_state < CaState::Recovery;
            self.tcp_timeout_mark_lost(tp);
            if tp.ca_state <= CaState::Disorder
                || !after(tp.high_seq, tp.snd_una)
                || (tp.ca_state == CaState::Loss && tp.retransmits == 0)
            {
                tp.prior_ssthresh = tp.current_ssthresh();
                tp.prior_cwnd = tp.snd_cwnd;
                let ssthresh = tp.ca_ssthresh();
                tcp_set!(cx, tp, snd_ssthresh, SndSsthresh, ssthresh);
                tp.ca_cwnd_event(cx, CaEvent::Loss);
                tp.init_undo();
            }
            tcp_set!(cx, tp, snd_cwnd, SndCwnd, tp.packets_in_flight() + 1);
            tp.snd_cwnd_cnt = 0;
            tp.snd_cwnd_stamp = cx.now;
            let reordering = self.sysctl.tcp_reordering as u32;
            if tp.ca_state <= CaState::Disorder && tp.sacked_out >= reordering {
                tp.reordering = tp.reordering.min(reordering);
            }
            self.tcp_set_ca_state(cx, tp, CaState::Loss);
            tp.high_seq = tp.snd_nxt;
            tp.tlp_high_seq = 0;
            tp.ecn_queue_cwr();
            // RFC 5682 §3.1, step 1: only if no earlier recovery is under way.
            tp.frto = self.sysctl.tcp_frto != 0 && (new_recovery || tp.retransmits > 0) && tp.mtup_probe_size == 0;
        });
    }

    /// `tcp_timeout_mark_lost`: what was in flight when the timer went off counts as lost.
    fn tcp_timeout_mark_lost(&mut self, tp: &mut TcpSock) {
        let reneg = tp.rtx_queue.front().is_some_and(|s| s.cb.sacked & SACKED_ACKED != 0);
        if reneg {
            self.mib.inc(Counter::TcpSackReneging);
            tp.sacked_out = 0;
            tp.is_sack_reneg = true;
        } else if !tp.rx_opt.sack_ok {
            tp.sacked_out = 0;
        }
        for index in 0..tp.rtx_queue.len() {
            let sent_us = tp.rtx_queue[index].cb.sent_at / 1000;
            if reneg {
                tp.rtx_queue[index].cb.sacked &= !SACKED_ACKED;
            } else if index > 0 && tp.rack_skb_timeout(sent_us, 0) > 0 {
                // Sent too lately to be called lost.
                continue;
            }
            tp.mark_skb_lost(index);
        }
    }

    /// `tcp_simple_retransmit`: the path takes smaller segments only: what is larger goes again, cut (RFC 1191).
    pub(super) fn tcp_simple_retransmit(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let mss = self.tcp_current_mss(cx, tp);
        for index in 0..tp.rtx_queue.len() {
            let skb = &tp.rtx_queue[index];
            let segment = if skb.cb.gso_segs > 1 { u32::from(skb.cb.gso_size) } else { skb.len() as u32 };
            if segment > mss {
                tp.mark_skb_lost(index);
            }
        }
        if tp.lost_out == 0 {
            return;
        }
        if !tp.rx_opt.sack_ok {
            tp.limit_reno_sacked();
        }
        // The window stays: what changed is the unit.
        if tp.ca_state != CaState::Loss {
            tp.high_seq = tp.snd_nxt;
            let ssthresh = tp.current_ssthresh();
            tcp_set!(cx, tp, snd_ssthresh, SndSsthresh, ssthresh);
            tp.prior_ssthresh = 0;
            tp.undo_marker = 0;
            self.tcp_set_ca_state(cx, tp, CaState::Loss);
        }
        self.tcp_xmit_retransmit_queue(cx, tp);
    }

    /// `tcp_xmit_recovery`: sends what the alert decided, now that the window is known.
    pub(super) fn tcp_xmit_recovery(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, rexmit: Rexmit) {
        if rexmit == Rexmit::None || tp.state == TcpState::SynSent {
            return;
        }
        if rexmit == Rexmit::New {
            let mss = self.tcp_current_mss(cx, tp);
            self.__tcp_push_pending_frames(cx, tp, mss, NAGLE_OFF);
            if after(tp.snd_nxt, tp.high_seq) {
                return;
            }
            tp.frto = false;
        }
        self.tcp_xmit_retransmit_queue(cx, tp);
    }
}
