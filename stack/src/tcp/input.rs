//! TCP input: what a segment does in each state.
//!
//! Linux: `net/ipv4/tcp_input.c` (`tcp_rcv_established`, `tcp_rcv_state_process`,
//! `tcp_rcv_synsent_state_process`, `tcp_validate_incoming`). RFC 9293 §3.10.7, RFC 5961, RFC 7323 §5.

use super::ipv4::Segment;
use super::seq::{after, before};
use super::{INVALID_RATELIMIT, tcp_set};
use crate::host::{Cx, Host};
use crate::skb::{DropReason, SkBuff};
use crate::socket::{RCV_SHUTDOWN, SEND_SHUTDOWN};
use crate::time::Duration;
use crate::trace::{Field, Function, SockId, TcpState};
use crate::wire::tcp::{ACK, FIN, RST, SYN};

/// `TCP_PAWS_WINDOW`, in ticks of the timestamp.
const PAWS_WINDOW: i32 = 1;
/// `TCP_PAWS_24DAYS`: after so long, the remembered timestamp means nothing.
const PAWS_24DAYS: Duration = Duration::from_secs(60 * 60 * 24 * 24);

impl Host {
    /// `tcp_rcv_established`. Linux's header prediction is a short cut through the same steps.
    pub(super) fn tcp_rcv_established(&mut self, cx: &mut Cx<'_>, sk: SockId, seg: &Segment, skb: SkBuff) {
        cx.call(Function::TcpRcvEstablished, |cx| {
            if let Err(reason) = self.tcp_validate_incoming(cx, sk, seg) {
                return skb.kfree(reason, cx);
            }
            if !seg.has(ACK) {
                return skb.kfree(DropReason::TcpFlags, cx);
            }
            if let Err(reason) = self.tcp_ack(cx, sk, seg) {
                return skb.kfree(reason, cx);
            }
            self.tcp_data_queue(cx, sk, seg, skb);
            self.tcp_data_snd_check(cx, sk);
            self.tcp_ack_snd_check(cx, sk);
        });
    }

    /// `tcp_data_snd_check`: the ACK may have opened a window, and made room in the send buffer.
    pub(super) fn tcp_data_snd_check(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        self.tcp_push_pending(cx, sk);
        self.tcp_check_space(cx, sk);
    }

    /// `tcp_validate_incoming`: PAWS, sequence number, RST, SYN.
    fn tcp_validate_incoming(&mut self, cx: &mut Cx<'_>, sk: SockId, seg: &Segment) -> Result<(), DropReason> {
        let Some(tp) = self.socks.tcp(sk) else { return Err(DropReason::TcpClose) };
        // RFC 7323 §5.3: PAWS. A reset is let through.
        if let (true, Some((tsval, _))) = (tp.tstamp_ok, seg.tcp.options.timestamps) {
            let old = (tp.ts_recent.wrapping_sub(tsval) as i32) > PAWS_WINDOW - 1;
            let fresh = tp.ts_recent_at.is_some_and(|at| cx.now.since(at) < PAWS_24DAYS);
            if old && fresh && !seg.has(RST) && !self.is_disordered_ack(sk, seg) {
                self.tcp_send_dupack_limited(cx, sk);
                return Err(DropReason::TcpRfc7323Paws);
            }
        }
        let Some(tp) = self.socks.tcp(sk) else { return Err(DropReason::TcpClose) };
        // RFC 9293 §3.10.7.4, first: sequence number.
        let window_end = tp.rcv_nxt.wrapping_add(tp.receive_window());
        let too_old = before(seg.end_seq(), tp.rcv_wup);
        if too_old || after(seg.tcp.seq, window_end) {
            if !seg.has(RST) {
                if seg.has(SYN) {
                    self.tcp_send_challenge_ack(cx, sk);
                } else if seg.len > 0 || seg.has(FIN) {
                    self.tcp_enter_quickack(sk, 16);
                    self.tcp_send_dupack_limited(cx, sk);
                } else {
                    self.tcp_send_dupack_limited(cx, sk);
                }
            }
            return Err(if too_old { DropReason::TcpOldSequence } else { DropReason::TcpInvalidSequence });
        }
        // Second: RST. RFC 5961 §3: exactly at RCV.NXT it ends the connection, elsewhere it is challenged.
        if seg.has(RST) {
            let exact = seg.tcp.seq == tp.rcv_nxt || tp.ofo_queue.back().is_some_and(|s| s.cb.end_seq == seg.tcp.seq);
            if exact {
                self.tcp_reset(cx, sk);
            } else {
                self.tcp_send_challenge_ack(cx, sk);
            }
            return Err(DropReason::TcpReset);
        }
        // Fourth: SYN. RFC 5961 §4: whatever its sequence number, it is challenged.
        if seg.has(SYN) {
            self.tcp_send_challenge_ack(cx, sk);
            return Err(DropReason::TcpInvalidSyn);
        }
        Ok(())
    }

    /// `tcp_disordered_ack`: a pure ACK that was overtaken tells nothing new, and is no attack.
    fn is_disordered_ack(&self, sk: SockId, seg: &Segment) -> bool {
        let Some(tp) = self.socks.tcp(sk) else { return false };
        let age = seg.tcp.options.timestamps.map_or(0, |(tsval, _)| tp.ts_recent.wrapping_sub(tsval));
        seg.has(ACK)
            && seg.len == 0
            && seg.tcp.seq == tp.rcv_nxt
            && seg.tcp.ack == tp.snd_una
            && (u32::from(seg.tcp.window) << tp.snd_wscale) == tp.snd_wnd
            && age <= tp.rto_us / 1000
    }

    /// `tcp_oow_rate_limited`: ACKs that answer what lies outside the window are few, or two hosts could
    /// keep each other busy for ever.
    fn tcp_send_dupack_limited(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        if tp.last_oow_ack.is_some_and(|at| cx.now.since(at) < INVALID_RATELIMIT) {
            return;
        }
        tp.last_oow_ack = Some(cx.now);
        self.tcp_send_ack(cx, sk);
    }

    /// `tcp_send_challenge_ack` (RFC 5961 §7).
    pub(super) fn tcp_send_challenge_ack(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        self.tcp_send_dupack_limited(cx, sk);
    }

    /// `tcp_replace_ts_recent`: the timestamp to echo (RFC 7323 §4.3).
    pub(super) fn tcp_replace_ts_recent(&mut self, cx: &Cx<'_>, sk: SockId, seg: &Segment) {
        let Some((tsval, _)) = seg.tcp.options.timestamps else { return };
        let Some(tp) = self.socks.tcp_mut(sk).filter(|tp| tp.tstamp_ok) else { return };
        if !after(seg.tcp.seq, tp.rcv_wup) && !before(tsval, tp.ts_recent) {
            tp.ts_recent = tsval;
            tp.ts_recent_at = Some(cx.now);
        }
    }

    /// `tcp_rcv_state_process`: every state but ESTABLISHED.
    pub(super) fn tcp_rcv_state_process(&mut self, cx: &mut Cx<'_>, sk: SockId, seg: &Segment, skb: SkBuff) {
        cx.call(Function::TcpRcvStateProcess, |cx| {
            match self.socks.get(sk).map(|s| s.state) {
                None | Some(TcpState::Close) => return skb.kfree(DropReason::TcpClose, cx),
                Some(TcpState::SynSent) => return self.tcp_rcv_synsent(cx, sk, seg, skb),
                _ => {}
            }
            if let Err(reason) = self.tcp_validate_incoming(cx, sk, seg) {
                return skb.kfree(reason, cx);
            }
            if !seg.has(ACK) {
                return skb.kfree(DropReason::TcpFlags, cx);
            }
            let syn_recv = self.socks.get(sk).is_some_and(|s| s.state == TcpState::SynRecv);
            if syn_recv {
                let Some(tp) = self.socks.tcp(sk) else { return skb.kfree(DropReason::TcpClose, cx) };
                if before(seg.tcp.ack, tp.snd_una.wrapping_add(1)) || after(seg.tcp.ack, tp.snd_nxt) {
                    // RFC 9293 §3.10.7.4: the ACK of something else is answered with a reset.
                    self.tcp_v4_send_reset(cx, seg);
                    return skb.kfree(DropReason::TcpFlags, cx);
                }
                self.tcp_syn_recv_established(cx, sk, seg);
            }
            if let Err(reason) = self.tcp_ack(cx, sk, seg) {
                return skb.kfree(reason, cx);
            }
            if !self.tcp_after_ack(cx, sk, seg) {
                return skb.consume(cx);
            }
            self.tcp_rcv_late_data(cx, sk, seg, skb);
        });
    }

    /// The third segment of the handshake: the server side is open.
    fn tcp_syn_recv_established(&mut self, cx: &mut Cx<'_>, sk: SockId, seg: &Segment) {
        let window = self.socks.tcp(sk).map_or(0, |tp| u32::from(seg.tcp.window) << tp.snd_wscale);
        self.set_state(cx, sk, TcpState::Established);
        let una = self.socks.tcp(sk).map_or(0, |tp| tp.snd_una);
        // The SYN was sent by the request socket: it is in no queue here.
        if self.socks.tcp(sk).is_some_and(|tp| tp.rtx_queue.is_empty()) {
            tcp_set!(self, cx, sk, snd_una, SndUna, una.wrapping_add(1));
        }
        self.tcp_set_snd_wnd(cx, sk, window, seg.tcp.seq);
        self.tcp_init_transfer(cx, sk);
        if let Some(tp) = self.socks.tcp_mut(sk) {
            tp.lsndtime = cx.now;
        }
        let parent = self.socks.tcp(sk).and_then(|tp| tp.parent);
        if let Some(listener) = parent {
            self.sock_def_readable(cx, listener);
        }
        self.sk_wake(cx, sk);
    }

    /// `tcp_init_transfer`: metrics and buffers of an open connection.
    pub(super) fn tcp_init_transfer(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        self.tcp_init_buffer_space(cx, sk);
        let keepalive = self.socks.get(sk).is_some_and(|s| s.keepalive);
        if keepalive {
            self.tcp_set_keepalive(cx, sk, true);
        }
        let cwnd = self.socks.tcp(sk).map_or(0, |tp| tp.snd_cwnd);
        let mss = self.socks.tcp(sk).map_or(0, |tp| tp.mss_cache);
        self.tell_set(cx, sk, Field::SndCwnd, 0, cwnd);
        self.tell_set(cx, sk, Field::MssCache, 0, mss);
    }

    /// What an ACK does on the way out of a connection. False if the segment has had all its effect.
    fn tcp_after_ack(&mut self, cx: &mut Cx<'_>, sk: SockId, seg: &Segment) -> bool {
        let Some(sock) = self.socks.get(sk) else { return false };
        let (state, orphan) = (sock.state, sock.is_orphan());
        let all_acked = self.socks.tcp(sk).is_some_and(|tp| tp.snd_una == tp.write_seq);
        if !all_acked {
            return true;
        }
        match state {
            TcpState::FinWait1 => {
                self.set_state(cx, sk, TcpState::FinWait2);
                if let Some(sock) = self.socks.get_mut(sk) {
                    sock.shutdown |= SEND_SHUTDOWN;
                }
                if !orphan {
                    self.sk_wake(cx, sk);
                    return true;
                }
                let rcv_nxt = self.socks.tcp(sk).map_or(0, |tp| tp.rcv_nxt);
                if seg.len > 0 && after(seg.end_seq().wrapping_sub(u32::from(seg.has(FIN))), rcv_nxt) {
                    // Data for a program that is gone (RFC 9293 §3.10.4): reset.
                    self.tcp_v4_send_reset(cx, seg);
                    self.tcp_done(cx, sk);
                    return false;
                }
                if !seg.has(FIN) {
                    let after = Duration::from_secs(self.sysctl.tcp_fin_timeout as u64);
                    self.tcp_time_wait(cx, sk, TcpState::FinWait2, after);
                    return false;
                }
                true
            }
            TcpState::Closing => {
                self.tcp_time_wait(cx, sk, TcpState::TimeWait, super::TIMEWAIT_LEN);
                false
            }
            TcpState::LastAck => {
                self.tcp_done(cx, sk);
                false
            }
            _ => true,
        }
    }

    /// Steps six to eight of RFC 9293 §3.10.7.4: the data, and the FIN.
    fn tcp_rcv_late_data(&mut self, cx: &mut Cx<'_>, sk: SockId, seg: &Segment, skb: SkBuff) {
        let Some(sock) = self.socks.get(sk) else { return skb.consume(cx) };
        let shut = sock.shutdown & RCV_SHUTDOWN != 0;
        match sock.state {
            TcpState::CloseWait | TcpState::Closing | TcpState::LastAck => {
                // The peer has sent its FIN; what comes now was sent before.
                let next = self.socks.tcp(sk).map_or(0, |tp| tp.rcv_nxt);
                if before(seg.tcp.seq, next) && (seg.len > 0 || seg.has(FIN)) {
                    self.tcp_data_queue(cx, sk, seg, skb);
                } else {
                    skb.consume(cx);
                }
            }
            TcpState::FinWait1 | TcpState::FinWait2 if shut && seg.len > 0 => {
                let next = self.socks.tcp(sk).map_or(0, |tp| tp.rcv_nxt);
                if after(seg.end_seq().wrapping_sub(u32::from(seg.has(FIN))), next) {
                    // RFC 1122 §4.2.2.13: the program is gone, so the data is lost and the peer must know.
                    self.tcp_v4_send_reset(cx, seg);
                    skb.kfree(DropReason::TcpAbortOnData, cx);
                    self.sk_set_err(cx, sk, crate::syscall::Errno::ECONNRESET);
                    return self.tcp_done(cx, sk);
                }
                self.tcp_data_queue(cx, sk, seg, skb);
            }
            _ => self.tcp_data_queue(cx, sk, seg, skb),
        }
        if self.socks.get(sk).is_some_and(|s| s.state != TcpState::Close) {
            self.tcp_data_snd_check(cx, sk);
            self.tcp_ack_snd_check(cx, sk);
        }
    }

    /// `tcp_rcv_synsent_state_process` (RFC 9293 §3.10.7.3).
    fn tcp_rcv_synsent(&mut self, cx: &mut Cx<'_>, sk: SockId, seg: &Segment, skb: SkBuff) {
        cx.call(Function::TcpRcvSynsent, |cx| {
            let Some(tp) = self.socks.tcp(sk) else { return skb.kfree(DropReason::TcpClose, cx) };
            if seg.has(ACK) {
                let acceptable = after(seg.tcp.ack, tp.snd_una) && !after(seg.tcp.ack, tp.snd_nxt);
                let echo_ok = seg
                    .tcp
                    .options
                    .timestamps
                    .is_none_or(|(_, echo)| !tp.tstamp_ok || echo == 0 || !after(echo, tp.time_stamp(cx.now)));
                if !acceptable || !echo_ok {
                    self.tcp_v4_send_reset(cx, seg);
                    return skb.kfree(DropReason::TcpFlags, cx);
                }
                if seg.has(RST) {
                    self.tcp_reset(cx, sk);
                    return skb.kfree(DropReason::TcpReset, cx);
                }
                if !seg.has(SYN) {
                    return skb.kfree(DropReason::TcpFlags, cx);
                }
                self.tcp_synsent_options(cx, sk, seg);
                if let Err(reason) = self.tcp_ack(cx, sk, seg) {
                    return skb.kfree(reason, cx);
                }
                self.tcp_finish_connect(cx, sk);
                skb.consume(cx);
                return;
            }
            if seg.has(RST) || !seg.has(SYN) {
                return skb.kfree(DropReason::TcpFlags, cx);
            }
            // RFC 9293 §3.5, figure 7: both sides opened at once.
            self.tcp_synsent_options(cx, sk, seg);
            self.set_state(cx, sk, TcpState::SynRecv);
            skb.consume(cx);
            self.tcp_send_simultaneous_synack(cx, sk);
        });
    }

    /// Our SYN once more, now with an ACK.
    fn tcp_send_simultaneous_synack(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        if let Some(syn) = tp.rtx_queue.front_mut() {
            syn.cb.flags |= ACK;
        }
        self.tcp_retransmit_skb(cx, sk, 0);
    }

    /// What the peer's SYN brought: its sequence number, window and options.
    fn tcp_synsent_options(&mut self, cx: &mut Cx<'_>, sk: SockId, seg: &Segment) {
        let isn = seg.tcp.seq;
        let o = seg.tcp.options;
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        tp.tstamp_ok &= o.timestamps.is_some();
        tp.sack_ok &= o.sack_permitted;
        tp.wscale_ok &= o.wscale.is_some();
        tp.snd_wscale = if tp.wscale_ok { o.wscale.unwrap_or(0) } else { 0 };
        if !tp.wscale_ok {
            tp.rcv_wscale = 0;
            tp.window_clamp = tp.window_clamp.min(65_535);
        }
        if let (true, Some((tsval, _))) = (tp.tstamp_ok, o.timestamps) {
            tp.ts_recent = tsval;
            tp.ts_recent_at = Some(cx.now);
        }
        tp.mss_clamp = o.mss.unwrap_or(super::MSS_DEFAULT);
        tp.sync_mss();
        tp.ack.rcv_mss = tp.mss_cache.min(u32::from(super::MSS_DEFAULT));
        tp.rcv_wup = isn.wrapping_add(1);
        tp.copied_seq = isn.wrapping_add(1);
        let (snd_wscale, rcv_wscale) = (tp.snd_wscale, tp.rcv_wscale);
        tcp_set!(self, cx, sk, rcv_nxt, RcvNxt, isn.wrapping_add(1));
        self.tell_set(cx, sk, Field::SndWscale, 0, u32::from(snd_wscale));
        self.tell_set(cx, sk, Field::RcvWscale, 0, u32::from(rcv_wscale));
        // RFC 7323 §2.2: the window of a SYN is not scaled.
        self.tcp_set_snd_wnd(cx, sk, u32::from(seg.tcp.window), isn);
    }

    /// `tcp_finish_connect`: the client side is open; the ACK completes the handshake.
    fn tcp_finish_connect(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        cx.call(Function::TcpFinishConnect, |cx| {
            self.set_state(cx, sk, TcpState::Established);
            self.tcp_init_transfer(cx, sk);
            if let Some(tp) = self.socks.tcp_mut(sk) {
                tp.lsndtime = cx.now;
                tp.retrans_stamp = None;
            }
            self.sk_wake(cx, sk);
            self.tcp_send_ack(cx, sk);
            self.tcp_data_snd_check(cx, sk);
        });
    }
}
