//! TCP input in every state but ESTABLISHED, and what opens a connection.
//!
//! Linux: `tcp_rcv_state_process`, `tcp_rcv_synsent_state_process`, `tcp_finish_connect`, `tcp_init_transfer` in
//! `net/ipv4/tcp_input.c`, `tcp_init_metrics` in `tcp_metrics.c`. RFC 9293 §3.10.7.3, §3.10.7.4.

use super::ack::{FLAG_NO_CHALLENGE_ACK, FLAG_SLOWPATH, FLAG_SYN_ACKED, FLAG_UPDATE_TS_RECENT};
use super::ipv4::Segment;
use super::seq::{after, before};
use super::{
    ACK_SCHED, MAX_QUICKACKS, RateSample, TIMEOUT_FALLBACK_US, TIMEOUT_MIN_US, TIMEWAIT_LEN, TcpSock, tcp_set,
};
use crate::host::{Cx, Host};
use crate::skb::{DropReason, SkBuff};
use crate::socket::{RCV_SHUTDOWN, SEND_SHUTDOWN};
use crate::time::Duration;
use crate::trace::{Field, Function, TcpState, TimerKind};
use crate::wire::tcp::{ACK, FIN, RST, SYN};

/// What becomes of a segment in SYN-SENT.
enum SynSent {
    /// It has done its work.
    Consumed,
    /// The connection is open; urgent data and the send queue are looked at next.
    Open,
    /// Dropped.
    Discard(DropReason),
    /// Answered with a reset.
    Reset(DropReason),
}

impl Host {
    /// `tcp_rcv_state_process`: every state but ESTABLISHED and LISTEN.
    pub(super) fn tcp_rcv_state_process(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seg: &Segment, skb: SkBuff) {
        cx.call(Function::TcpRcvStateProcess, |cx| {
            match tp.state {
                TcpState::Close | TcpState::Listen => return skb.kfree(DropReason::TcpClose, cx),
                TcpState::SynSent => {
                    tp.rx_opt.saw_tstamp = false;
                    tp.mstamp_refresh(cx);
                    return self.tcp_rcv_synsent(cx, tp, seg, skb);
                }
                _ => {}
            }
            tp.mstamp_refresh(cx);
            tp.rx_opt.saw_tstamp = false;
            if seg.tcp.flags & (ACK | RST | SYN) == 0 {
                return skb.kfree(DropReason::TcpFlags, cx);
            }
            if let Err(reason) = self.tcp_validate_incoming(cx, tp, seg, &skb, false) {
                return skb.kfree(reason, cx);
            }
            let flag = FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT | FLAG_NO_CHALLENGE_ACK;
            match self.tcp_ack(cx, tp, seg, flag) {
                Ok(true) => {}
                Ok(false) if tp.state == TcpState::SynRecv => {
                    self.tcp_v4_send_reset(cx, seg);
                    return skb.kfree(DropReason::TcpOldAck, cx);
                }
                // An old ACK is accepted while closing.
                Ok(false) => {}
                Err(reason) => {
                    if tp.state == TcpState::SynRecv {
                        self.tcp_v4_send_reset(cx, seg);
                    } else {
                        self.tcp_send_challenge_ack(cx, tp);
                    }
                    return skb.kfree(reason, cx);
                }
            }
            if self.tcp_after_ack(cx, tp, seg, &skb) {
                return skb.consume(cx);
            }
            self.tcp_urg(cx, tp, seg, &skb);
            self.tcp_rcv_late_data(cx, tp, seg, skb);
        });
    }

    /// What the ACK does to the state. True if the segment has had all its effect.
    fn tcp_after_ack(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seg: &Segment, skb: &SkBuff) -> bool {
        let all_acked = tp.snd_una == tp.write_seq;
        match tp.state {
            TcpState::SynRecv => {
                self.tcp_syn_recv_established(cx, tp, seg);
                false
            }
            TcpState::FinWait1 if all_acked => self.tcp_fin_wait1_acked(cx, tp, seg, skb),
            TcpState::Closing if all_acked => {
                self.tcp_time_wait(cx, tp, TcpState::TimeWait, TIMEWAIT_LEN);
                true
            }
            TcpState::LastAck if all_acked => {
                self.tcp_done(cx, tp);
                true
            }
            _ => false,
        }
    }

    /// The third segment of the handshake, or the SYN-ACK of a simultaneous open: the connection is open.
    fn tcp_syn_recv_established(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seg: &Segment) {
        // The SYN-ACK of a request socket is in no queue.
        tp.delivered += 1;
        if tp.srtt_us == 0 {
            let mut rs = RateSample::default();
            self.tcp_ack_update_rtt(cx, tp, FLAG_SYN_ACKED, (-1, -1, -1), &mut rs);
        }
        tp.try_undo_spurious_syn();
        tp.retrans_stamp = 0;
        self.tcp_init_transfer(cx, tp);
        tp.copied_seq = tp.rcv_nxt;
        self.tcp_set_state(cx, tp, TcpState::Established);
        self.sk_wake(cx, &mut tp.sk);
        tcp_set!(cx, tp, snd_una, SndUna, seg.tcp.ack);
        let window = u32::from(seg.tcp.window) << tp.rx_opt.snd_wscale;
        tcp_set!(cx, tp, snd_wnd, SndWnd, window);
        tp.max_window = tp.max_window.max(window);
        tp.snd_wl1 = seg.tcp.seq;
        if tp.rx_opt.tstamp_ok {
            tp.advmss = tp.advmss.saturating_sub(12);
        }
        if !tp.ca_has_cong_control() {
            self.tcp_update_pacing_rate(tp);
        }
        tp.lsndtime = cx.now;
        tp.initialize_rcv_mss();
        if tp.shutdown & SEND_SHUTDOWN != 0 {
            self.tcp_shutdown(cx, tp);
        }
    }

    fn tcp_fin_wait1_acked(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seg: &Segment, skb: &SkBuff) -> bool {
        self.tcp_set_state(cx, tp, TcpState::FinWait2);
        tp.sk.shutdown |= SEND_SHUTDOWN;
        self.sk_dst_confirm(cx, tp);
        if !tp.dead {
            self.sk_wake(cx, &mut tp.sk);
            return false;
        }
        let fin = u32::from(seg.has(FIN));
        let data = skb.cb.end_seq != skb.cb.seq && after(skb.cb.end_seq.wrapping_sub(fin), tp.rcv_nxt);
        if tp.linger2 < 0 || data {
            // RFC 1122 §4.2.2.13: data for a program that is gone.
            self.tcp_done(cx, tp);
            self.tcp_v4_send_reset(cx, seg);
            return true;
        }
        let tmo = self.tcp_fin_time(tp);
        if tmo > TIMEWAIT_LEN {
            self.tcp_reset_keepalive_timer(cx, tp, tmo - TIMEWAIT_LEN);
        } else if fin > 0 {
            self.tcp_reset_keepalive_timer(cx, tp, tmo);
        } else {
            self.tcp_time_wait(cx, tp, TcpState::FinWait2, tmo);
            return true;
        }
        false
    }

    /// `tcp_fin_time`: how long an orphan stays in FIN_WAIT2.
    pub(super) fn tcp_fin_time(&self, tp: &TcpSock) -> Duration {
        let linger = if tp.linger2 > 0 { i64::from(tp.linger2) } else { self.sysctl.tcp_fin_timeout };
        let rto = u64::from(tp.rto_us);
        Duration::from_secs(linger.max(0) as u64).max(Duration::from_micros((rto << 2) - (rto >> 1)))
    }

    /// Steps six to eight of RFC 9293 §3.10.7.4: the data, and the FIN.
    fn tcp_rcv_late_data(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seg: &Segment, skb: SkBuff) {
        let queue = match tp.state {
            // The peer has sent its FIN; what comes now was sent before.
            TcpState::CloseWait | TcpState::Closing | TcpState::LastAck => before(skb.cb.seq, tp.rcv_nxt),
            TcpState::FinWait1 | TcpState::FinWait2 | TcpState::Established => true,
            _ => false,
        };
        if queue && tp.state != TcpState::Established && tp.shutdown & RCV_SHUTDOWN != 0 {
            let fin = u32::from(seg.has(FIN));
            if skb.cb.end_seq != skb.cb.seq && after(skb.cb.end_seq.wrapping_sub(fin), tp.rcv_nxt) {
                self.tcp_reset(cx, tp);
                self.tcp_v4_send_reset(cx, seg);
                return skb.kfree(DropReason::TcpAbortOnData, cx);
            }
        }
        if queue {
            self.tcp_data_queue(cx, tp, seg, skb);
        } else {
            skb.consume(cx);
        }
        if tp.state != TcpState::Close && !tp.destroyed {
            self.tcp_data_snd_check(cx, tp);
            self.tcp_ack_snd_check(cx, tp);
        }
    }

    /// `tcp_rcv_synsent_state_process` (RFC 9293 §3.10.7.3).
    fn tcp_rcv_synsent(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seg: &Segment, skb: SkBuff) {
        cx.call(Function::TcpRcvSynsent, |cx| {
            let saved_clamp = tp.rx_opt.mss_clamp;
            self.tcp_parse_syn_options(tp, seg);
            let verdict = self.tcp_synsent_verdict(cx, tp, seg);
            if let SynSent::Discard(_) | SynSent::Reset(_) = verdict {
                // `tcp_clear_options`
                let o = &mut tp.rx_opt;
                (o.tstamp_ok, o.sack_ok, o.wscale_ok, o.snd_wscale) = (false, false, false, 0);
                o.mss_clamp = saved_clamp;
            }
            match verdict {
                SynSent::Consumed => skb.consume(cx),
                SynSent::Open => {
                    self.tcp_urg(cx, tp, seg, &skb);
                    skb.consume(cx);
                    self.tcp_data_snd_check(cx, tp);
                }
                SynSent::Discard(reason) => skb.kfree(reason, cx),
                SynSent::Reset(reason) => {
                    self.tcp_v4_send_reset(cx, seg);
                    skb.kfree(reason, cx);
                }
            }
        });
    }

    /// `tcp_parse_options` of a SYN.
    fn tcp_parse_syn_options(&self, tp: &mut TcpSock, seg: &Segment) {
        let from = &seg.tcp.options;
        let o = &mut tp.rx_opt;
        if let (Some(mss), true) = (from.mss, seg.has(SYN)) {
            o.mss_clamp = if o.user_mss > 0 { mss.min(o.user_mss) } else { mss };
        }
        if let (Some(scale), true, true) = (from.wscale, seg.has(SYN), self.sysctl.tcp_window_scaling != 0) {
            o.wscale_ok = true;
            o.snd_wscale = scale.min(14);
        }
        if let (Some((value, echo)), true) = (from.timestamps, self.sysctl.tcp_timestamps != 0) {
            o.saw_tstamp = true;
            o.rcv_tsval = value;
            o.rcv_tsecr = if echo == 0 { 0 } else { echo.wrapping_sub(tp.ts_offset) };
        }
        if from.sack_permitted && seg.has(SYN) && self.sysctl.tcp_sack != 0 {
            o.sack_ok = true;
            (o.dsack, o.num_sacks) = (false, 0);
        }
    }

    fn tcp_synsent_verdict(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seg: &Segment) -> SynSent {
        if seg.has(ACK) {
            // RFC 9293 §3.10.7.3, first:
            //   If SEG.ACK =< ISS or SEG.ACK > SND.NXT, send a reset (unless the RST bit is set, if so drop the
            //   segment and return)
            if !after(seg.tcp.ack, tp.snd_una) || after(seg.tcp.ack, tp.snd_nxt) {
                if tp.retransmits == 0 {
                    self.tcp_reset_xmit_timer(cx, tp, TimerKind::Retransmit, TIMEOUT_MIN_US, false);
                }
                return SynSent::Reset(DropReason::TcpInvalidAckSequence);
            }
            let echo = tp.rx_opt.rcv_tsecr;
            let now = tp.time_stamp_ts();
            if tp.rx_opt.saw_tstamp
                && echo != 0
                && (now.wrapping_sub(tp.retrans_stamp) < echo.wrapping_sub(tp.retrans_stamp))
            {
                return SynSent::Reset(DropReason::TcpRfc7323TsEcr);
            }
            if seg.has(RST) {
                self.tcp_reset(cx, tp);
                return SynSent::Consumed;
            }
            if !seg.has(SYN) {
                return SynSent::Discard(DropReason::TcpFlags);
            }
            return self.tcp_synsent_acked(cx, tp, seg);
        }
        if seg.has(RST) {
            return SynSent::Discard(DropReason::TcpReset);
        }
        if tp.rx_opt.ts_recent_stamp.is_some() && tp.rx_opt.saw_tstamp && !tp.paws_check(cx, 0) {
            return SynSent::Discard(DropReason::TcpRfc7323Paws);
        }
        if !seg.has(SYN) {
            return SynSent::Discard(DropReason::TcpFlags);
        }
        // RFC 9293 §3.5, figure 7: both sides opened at once.
        self.tcp_set_state(cx, tp, TcpState::SynRecv);
        tp.rx_opt.tstamp_ok = tp.rx_opt.saw_tstamp;
        if tp.rx_opt.saw_tstamp {
            tp.store_ts_recent(cx);
        }
        tp.tcp_header_len = if tp.rx_opt.saw_tstamp { 32 } else { 20 };
        self.tcp_take_peer_syn(cx, tp, seg);
        tp.max_window = tp.snd_wnd;
        tp.snd_wl1 = seg.tcp.seq;
        tp.ecn_rcv_syn(seg);
        self.tcp_mtup_init(cx, tp);
        let pmtu = tp.pmtu_cookie;
        self.tcp_sync_mss(cx, tp, pmtu);
        tp.initialize_rcv_mss();
        self.tcp_send_synack(cx, tp);
        SynSent::Consumed
    }

    /// The peer's sequence number and window.
    fn tcp_take_peer_syn(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seg: &Segment) {
        let next = seg.tcp.seq.wrapping_add(1);
        tcp_set!(cx, tp, rcv_nxt, RcvNxt, next);
        tp.rcv_wup = next;
        tp.rcv_mwnd_seq = next.wrapping_add(tp.rcv_wnd);
        tp.copied_seq = next;
        // RFC 7323 §2.2: the window of a SYN is not scaled.
        tcp_set!(cx, tp, snd_wnd, SndWnd, u32::from(seg.tcp.window));
    }

    /// Our SYN is acknowledged: the client side is open.
    fn tcp_synsent_acked(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seg: &Segment) -> SynSent {
        tp.ecn_rcv_synack(seg);
        tp.snd_wl1 = seg.tcp.seq;
        tp.try_undo_spurious_syn();
        if let Err(reason) = self.tcp_ack(cx, tp, seg, FLAG_SLOWPATH) {
            return SynSent::Discard(reason);
        }
        self.tcp_take_peer_syn(cx, tp, seg);
        if !tp.rx_opt.wscale_ok {
            (tp.rx_opt.snd_wscale, tp.rx_opt.rcv_wscale) = (0, 0);
            tp.window_clamp = tp.window_clamp.min(65_535);
        }
        if tp.rx_opt.saw_tstamp {
            tp.rx_opt.tstamp_ok = true;
            tp.tcp_header_len = 32;
            tp.advmss = tp.advmss.saturating_sub(12);
            tp.store_ts_recent(cx);
        } else {
            tp.rx_opt.tstamp_ok = false;
            tp.tcp_header_len = 20;
        }
        cx.tell_set(tp.sk.id, Field::SndWscale, 0, u32::from(tp.rx_opt.snd_wscale));
        cx.tell_set(tp.sk.id, Field::RcvWscale, 0, u32::from(tp.rx_opt.rcv_wscale));
        let pmtu = tp.pmtu_cookie;
        self.tcp_sync_mss(cx, tp, pmtu);
        tp.initialize_rcv_mss();
        self.tcp_finish_connect(cx, tp);
        if tp.defer_accept > 0 || tp.ack.pingpong >= super::PINGPONG_THRESH {
            // Data will soon carry the ACK.
            tp.ack.pending |= ACK_SCHED;
            tp.enter_quickack_mode(MAX_QUICKACKS);
            self.tcp_arm_delack(cx, tp, super::DELACK_MAX_MS);
            return SynSent::Consumed;
        }
        self.tcp_send_ack(cx, tp);
        SynSent::Open
    }

    /// `tcp_finish_connect`: the client side is open.
    fn tcp_finish_connect(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        cx.call(Function::TcpFinishConnect, |cx| {
            self.tcp_set_state(cx, tp, TcpState::Established);
            tp.ack.lrcvtime = cx.now;
            self.tcp_init_transfer(cx, tp);
            tp.lsndtime = cx.now;
            if tp.keepalive {
                self.tcp_set_keepalive(cx, tp, true);
            }
            if !tp.dead {
                self.sk_wake(cx, &mut tp.sk);
            }
        });
    }

    /// `tcp_init_transfer`: MTU, RTT, window and buffers of an open connection.
    pub(super) fn tcp_init_transfer(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        self.tcp_mtup_init(cx, tp);
        if tp.srtt_us == 0 {
            // RFC 6298 §5.7: no sample from the handshake, it was probably retransmitted.
            tp.rttvar_us = TIMEOUT_FALLBACK_US;
            (tp.mdev_us, tp.mdev_max_us) = (TIMEOUT_FALLBACK_US, TIMEOUT_FALLBACK_US);
            tcp_set!(cx, tp, rto_us, RtoUs, TIMEOUT_FALLBACK_US);
        }
        // RFC 6298, RFC 5681: a handshake that was lost more than once begins with one segment.
        let cwnd = if tp.total_retrans > 1 && tp.undo_marker != 0 { 1 } else { tp.init_cwnd() };
        cx.tell_set(tp.sk.id, Field::SndCwnd, 0, cwnd);
        tp.snd_cwnd = cwnd;
        tp.snd_cwnd_stamp = cx.now;
        self.tcp_init_congestion_control(cx, tp);
        self.tcp_init_buffer_space(cx, tp);
    }
}

impl TcpSock {
    /// `tcp_try_undo_spurious_syn`: the echo tells that the first SYN was answered, not its retransmission.
    fn try_undo_spurious_syn(&mut self) {
        let stamp = self.retrans_stamp;
        if self.undo_marker != 0 && stamp != 0 && self.rx_opt.saw_tstamp && stamp == self.rx_opt.rcv_tsecr {
            self.undo_marker = 0;
        }
    }
}
