//! Taking back a reduction that proved needless: Eifel, DSACK, F-RTO.
//!
//! Linux: `tcp_try_undo_*`, `tcp_undo_cwnd_reduction`, `tcp_process_loss`, `tcp_packet_delayed` in
//! `net/ipv4/tcp_input.c`. RFC 3522, RFC 4015, RFC 3708, RFC 5682.

use super::ack::{FLAG_DATA_SACKED, FLAG_ECE, FLAG_ORIG_SACK_ACKED, FLAG_SND_UNA_ADVANCED, Rexmit};
use super::seq::{after, before};
use super::{CaState, LOST, RACK_RECOVERY_THRESH, TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::trace::TcpState;

impl TcpSock {
    /// `tcp_init_undo`: from here on an undo is possible.
    pub(super) fn init_undo(&mut self) {
        self.undo_marker = self.snd_una;
        // Retransmissions in flight may cause DSACKs later.
        self.undo_retrans = self.retrans_out as i32 + i32::from(self.tlp_high_seq != 0 && self.tlp_retrans);
        if self.undo_retrans == 0 {
            self.undo_retrans = -1;
        }
    }

    /// `tcp_packet_delayed`: the echoed timestamp is older than the first retransmission (Eifel), or nothing was
    /// sent again at all.
    fn packet_delayed(&self) -> bool {
        if self.retrans_stamp != 0 {
            return self.tsopt_ecr_before(self.retrans_stamp);
        }
        // Two cases in which something was sent again, and the stamp cleared: without SACK the state is held at
        // `high_seq`, and a SYN that was sent again is acknowledged.
        let held = !self.rx_opt.sack_ok && !before(self.snd_una, self.high_seq);
        !held && self.state != TcpState::SynSent
    }

    /// `tcp_may_undo`.
    fn may_undo(&self) -> bool {
        self.undo_marker != 0 && (self.undo_retrans == 0 || self.packet_delayed())
    }

    /// `tcp_update_rto_time`: for TCP_INFO.
    pub(super) fn update_rto_time(&mut self) {
        if self.rto_stamp != 0 {
            self.total_rto_time = self.total_rto_time.wrapping_add(self.time_stamp_ts().wrapping_sub(self.rto_stamp));
            self.rto_stamp = 0;
        }
    }
}

impl Host {
    /// `tcp_undo_cwnd_reduction`.
    fn tcp_undo_cwnd_reduction(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, unmark_loss: bool) {
        if unmark_loss {
            for skb in &mut tp.rtx_queue {
                skb.cb.sacked &= !LOST;
            }
            tp.lost_out = 0;
        }
        if tp.prior_ssthresh > 0 {
            let cwnd = tp.ca_undo_cwnd();
            tcp_set!(cx, tp, snd_cwnd, SndCwnd, cwnd);
            if tp.prior_ssthresh > tp.snd_ssthresh {
                let ssthresh = tp.prior_ssthresh;
                tcp_set!(cx, tp, snd_ssthresh, SndSsthresh, ssthresh);
                tp.ecn_withdraw_cwr();
            }
        }
        tp.snd_cwnd_stamp = cx.now;
        tp.undo_marker = 0;
        // RACK looks at everything again.
        tp.rack.advanced = true;
    }

    /// `tcp_is_non_sack_preventing_reopen`: without SACK the state is held until something above `high_seq` is
    /// acknowledged (RFC 6582 §4.1).
    fn tcp_is_non_sack_preventing_reopen(tp: &mut TcpSock) -> bool {
        if tp.snd_una == tp.high_seq && !tp.rx_opt.sack_ok {
            if !tp.any_retrans_done() {
                tp.retrans_stamp = 0;
            }
            return true;
        }
        false
    }

    /// `tcp_try_undo_recovery`: true if the state must be held.
    pub(super) fn tcp_try_undo_recovery(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) -> bool {
        if tp.may_undo() {
            let loss = tp.ca_state == CaState::Loss;
            self.tcp_undo_cwnd_reduction(cx, tp, false);
            self.mib.inc(if loss { Counter::TcpLossUndo } else { Counter::TcpFullUndo });
        } else if tp.rack.reo_wnd_persist > 0 {
            tp.rack.reo_wnd_persist -= 1;
        }
        if Host::tcp_is_non_sack_preventing_reopen(tp) {
            return true;
        }
        self.tcp_set_ca_state(cx, tp, CaState::Open);
        tp.is_sack_reneg = false;
        false
    }

    /// `tcp_try_undo_dsack`: every retransmission was needless.
    pub(super) fn tcp_try_undo_dsack(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) -> bool {
        if tp.undo_marker == 0 || tp.undo_retrans != 0 {
            return false;
        }
        tp.rack.reo_wnd_persist = RACK_RECOVERY_THRESH.min(tp.rack.reo_wnd_persist + 1);
        self.tcp_undo_cwnd_reduction(cx, tp, false);
        self.mib.inc(Counter::TcpDsackUndo);
        true
    }

    /// `tcp_try_undo_partial`: a partial ACK that the original caused. True if nothing more shall be sent again now.
    pub(super) fn tcp_try_undo_partial(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, prior_snd_una: u32) -> bool {
        if tp.undo_marker == 0 || !tp.packet_delayed() {
            return false;
        }
        self.tcp_check_sack_reordering(tp, prior_snd_una);
        if tp.retrans_out > 0 {
            return true;
        }
        if !tp.any_retrans_done() {
            tp.retrans_stamp = 0;
        }
        self.tcp_undo_cwnd_reduction(cx, tp, true);
        self.mib.inc(Counter::TcpPartialUndo);
        self.tcp_try_keep_open(cx, tp);
        false
    }

    /// `tcp_try_undo_loss`.
    fn tcp_try_undo_loss(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, frto_undo: bool) -> bool {
        if !frto_undo && !tp.may_undo() {
            return false;
        }
        self.tcp_undo_cwnd_reduction(cx, tp, true);
        self.mib.inc(Counter::TcpLossUndo);
        if frto_undo {
            self.mib.inc(Counter::TcpSpuriousRtos);
        }
        tp.retransmits = 0;
        if Host::tcp_is_non_sack_preventing_reopen(tp) {
            return true;
        }
        if frto_undo || tp.rx_opt.sack_ok {
            self.tcp_set_ca_state(cx, tp, CaState::Open);
            tp.is_sack_reneg = false;
        }
        true
    }

    /// `tcp_process_loss`: an ACK after a time-out. Was the time-out spurious (F-RTO)?
    pub(super) fn tcp_process_loss(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, flag: u32, num_dupack: u32) -> Rexmit {
        let advanced = flag & FLAG_SND_UNA_ADVANCED != 0;
        let recovered = !before(tp.snd_una, tp.high_seq);
        if advanced && self.tcp_try_undo_loss(cx, tp, false) {
            return Rexmit::None;
        }
        if tp.frto {
            // RFC 5682 §3.1, step 3.b: what was never sent again has arrived: the time-out was spurious.
            if flag & FLAG_ORIG_SACK_ACKED != 0 && self.tcp_try_undo_loss(cx, tp, true) {
                return Rexmit::None;
            }
            if after(tp.snd_nxt, tp.high_seq) {
                // Step 3.a: the loss was real.
                if flag & FLAG_DATA_SACKED != 0 || num_dupack > 0 {
                    tp.frto = false;
                }
            } else if advanced && !recovered {
                tp.high_seq = tp.snd_nxt;
                // Step 2.b: new data, if there is some and the window takes it.
                if !tp.write_queue.is_empty() && after(tp.wnd_end(), tp.snd_nxt) {
                    return Rexmit::New;
                }
                tp.frto = false;
            }
        }
        if recovered {
            self.tcp_try_undo_recovery(cx, tp);
            return Rexmit::None;
        }
        if !tp.rx_opt.sack_ok {
            // Without SACK a duplicate ACK means that the new data of step 2.b has arrived.
            if after(tp.snd_nxt, tp.high_seq) {
                self.tcp_add_reno_sack(tp, num_dupack, flag & FLAG_ECE != 0);
            } else if advanced {
                tp.sacked_out = 0;
            }
        }
        Rexmit::Lost
    }
}
