//! TCP input: is a segment acceptable, and what it does in ESTABLISHED.
//!
//! Linux: `net/ipv4/tcp_input.c` (`tcp_rcv_established`, `tcp_validate_incoming`, `tcp_paws_check`,
//! `tcp_send_challenge_ack`). RFC 9293 §3.10.7.4, RFC 5961, RFC 7323 §5.

use super::TcpSock;
use super::ack::{FLAG_DATA, FLAG_SLOWPATH, FLAG_UPDATE_TS_RECENT};
use super::ipv4::Segment;
use super::seq::{after, before};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::skb::{DropReason, SkBuff};
use crate::time::{Duration, Instant};
use crate::trace::{Function, TcpState};
use crate::wire::tcp::{ACK, FIN, PSH, RST, SYN, TCP_HLEN};
use crate::wire::tcp_options::TIMESTAMPS_ALIGNED;

/// `TCP_PAWS_WINDOW`, in ticks of the timestamp.
const PAWS_WINDOW: i32 = 1;
/// `TCP_PAWS_WRAP`: after so long, the remembered timestamp means nothing.
const PAWS_WRAP: Duration = Duration::from_secs((i32::MAX as u64) / 1000);

impl TcpSock {
    /// `tcp_fast_parse_options`: the timestamps of an established connection's segment.
    pub(super) fn parse_timestamps(&mut self, seg: &Segment) {
        self.rx_opt.saw_tstamp = false;
        if let (true, Some((value, echo))) = (self.rx_opt.tstamp_ok, seg.tcp.options.timestamps) {
            self.rx_opt.saw_tstamp = true;
            self.rx_opt.rcv_tsval = value;
            self.rx_opt.rcv_tsecr = if echo == 0 { 0 } else { echo.wrapping_sub(self.ts_offset) };
        }
    }

    /// `tcp_paws_check`: the segment's timestamp is not older than one already seen.
    pub(super) fn paws_check(&self, cx: &Cx<'_>, window: i32) -> bool {
        let o = &self.rx_opt;
        (o.ts_recent.wrapping_sub(o.rcv_tsval) as i32) <= window
            || o.ts_recent_stamp.is_none_or(|at| cx.now.since(at) >= PAWS_WRAP)
            // Some send a first timestamp of 0 and meaningful ones later.
            || o.ts_recent == 0
    }

    /// `tcp_store_ts_recent`.
    pub(super) fn store_ts_recent(&mut self, cx: &Cx<'_>) {
        self.rx_opt.ts_recent = self.rx_opt.rcv_tsval;
        self.rx_opt.ts_recent_stamp = Some(cx.now);
    }

    /// `tcp_replace_ts_recent`: the timestamp to echo (RFC 7323 §4.3).
    pub(super) fn replace_ts_recent(&mut self, cx: &Cx<'_>, seq: u32) {
        if self.rx_opt.saw_tstamp && !super::seq::after(seq, self.rcv_wup) && self.paws_check(cx, 0) {
            self.store_ts_recent(cx);
        }
    }

    /// `tcp_may_update_window`.
    pub(super) fn may_update_window(&self, ack: u32, ack_seq: u32, window: u32) -> bool {
        super::seq::after(ack, self.snd_una)
            || super::seq::after(ack_seq, self.snd_wl1)
            || (ack_seq == self.snd_wl1 && (window > self.snd_wnd || window == 0))
    }

    /// `tcp_disordered_ack_check`: a pure ACK that was overtaken tells nothing new, and is no attack.
    fn disordered_ack_check(&self, seg: &Segment) -> Option<DropReason> {
        let seq = seg.tcp.seq;
        if !seg.has(ACK) || seq != seg.end_seq() {
            return Some(DropReason::TcpRfc7323Paws);
        }
        if seq != self.rcv_nxt {
            let old = before(seq, self.rcv_nxt);
            return Some(if old { DropReason::TcpRfc7323PawsAck } else { DropReason::TcpRfc7323Paws });
        }
        let window = u32::from(seg.tcp.window) << self.rx_opt.snd_wscale;
        let replay = (u64::from(self.rto_us) * 1200 / 1_000_000) as i32;
        let age = self.rx_opt.ts_recent.wrapping_sub(self.rx_opt.rcv_tsval) as i32;
        (seg.tcp.ack != self.snd_una || self.may_update_window(seg.tcp.ack, seq, window) || age > replay)
            .then_some(DropReason::TcpRfc7323Paws)
    }

    /// Header prediction: is it what comes nearly always? The next in order, ACK and at most PSH, the window as it was,
    /// no option but timestamps, nothing out of order here; it acknowledges nothing unsent, and is not older than the
    /// last.
    fn is_predicted(&mut self, seg: &Segment, truesize: u32) -> bool {
        let (tcp, o) = (&seg.tcp, &self.rx_opt);
        let header_len = TCP_HLEN + if o.tstamp_ok { TIMESTAMPS_ALIGNED } else { 0 };
        // `pred_flags`, which Linux keeps, and works out anew where one of these may have changed.
        let expected = usize::from(tcp.header_len) == header_len
            && tcp.flags & !PSH == ACK
            && u32::from(tcp.window) << o.snd_wscale == self.snd_wnd
            && seg.res & 1 == 0
            && self.ofo_queue.is_empty()
            && self.rcv_wnd > 0
            && self.urg_data == 0
            // It fits the window and the buffer.
            && seg.len <= self.max_receive_window()
            && u64::from(self.sk.rmem_alloc) + u64::from(truesize) <= u64::from(self.sk.rcvbuf);
        if !expected || tcp.seq != self.rcv_nxt || after(tcp.ack, self.snd_nxt) {
            return false;
        }
        self.parse_timestamps(seg);
        let o = &self.rx_opt;
        o.saw_tstamp == o.tstamp_ok && (!o.saw_tstamp || o.rcv_tsval.wrapping_sub(o.ts_recent) as i32 >= 0)
    }

    /// `tcp_reset_check`: a RST one before `rcv_nxt` counts after the peer's FIN.
    fn reset_check(&self, seg: &Segment) -> bool {
        seg.tcp.seq == self.rcv_nxt.wrapping_sub(1)
            && matches!(self.state, TcpState::CloseWait | TcpState::LastAck | TcpState::Closing)
    }
}

impl Host {
    /// `tcp_rcv_established`.
    pub(super) fn tcp_rcv_established(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seg: &Segment, skb: SkBuff) {
        cx.call(Function::TcpRcvEstablished, |cx| {
            tp.mstamp_refresh(cx);
            if tp.is_predicted(seg, skb.truesize()) {
                return if seg.len == 0 {
                    self.tcp_rcv_predicted_ack(cx, tp, seg, skb)
                } else {
                    self.tcp_rcv_predicted_data(cx, tp, seg, skb)
                };
            }
            if seg.tcp.flags & (ACK | RST | SYN) == 0 {
                return skb.kfree(DropReason::TcpFlags, cx);
            }
            if let Err(reason) = self.tcp_validate_incoming(cx, tp, seg, &skb, true) {
                return skb.kfree(reason, cx);
            }
            if let Err(reason) = self.tcp_ack(cx, tp, seg, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT) {
                return skb.kfree(reason, cx);
            }
            tp.rcv_rtt_measure_ts(&skb);
            self.tcp_urg(cx, tp, seg, &skb);
            self.tcp_data_queue(cx, tp, seg, skb);
            if tp.state != TcpState::Close {
                self.tcp_data_snd_check(cx, tp);
                self.tcp_ack_snd_check(cx, tp);
            }
        });
    }

    /// `tcp_store_ts_recent` of a predicted segment: `seq <= rcv_wup` comes down to this.
    fn predicted_ts_recent(cx: &Cx<'_>, tp: &mut TcpSock) {
        if tp.rx_opt.saw_tstamp && tp.rcv_nxt == tp.rcv_wup {
            tp.store_ts_recent(cx);
        }
    }

    /// A predicted segment without data.
    fn tcp_rcv_predicted_ack(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seg: &Segment, skb: SkBuff) {
        Self::predicted_ts_recent(cx, tp);
        // Nothing is done about an error: what it would say, was predicted not to be.
        let _ = self.tcp_ack(cx, tp, seg, 0);
        skb.consume(cx);
        self.tcp_data_snd_check(cx, tp);
        tp.rcv_rtt_last_tsecr = tp.rx_opt.rcv_tsecr;
    }

    /// A predicted segment with data: it is queued before its acknowledgment is looked at.
    fn tcp_rcv_predicted_data(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seg: &Segment, mut skb: SkBuff) {
        Self::predicted_ts_recent(cx, tp);
        tp.rcv_rtt_measure_ts(&skb);
        self.mib.inc(Counter::TcpHpHits);
        let header_len = u32::from(seg.tcp.header_len);
        if skb.pull(header_len, cx).is_none() {
            return skb.kfree(DropReason::TcpMalformed, cx);
        }
        super::queue::tell_stream(cx, &skb);
        let (seq, ack) = (seg.tcp.seq, seg.tcp.ack);
        self.tcp_queue_rcv(cx, tp, skb, header_len);
        if ack == tp.snd_una {
            tp.snd_wl1 = seq;
        } else {
            let _ = self.tcp_ack(cx, tp, seg, FLAG_DATA);
            self.tcp_data_snd_check(cx, tp);
        }
        self.tcp_ack_snd_check(cx, tp);
        self.tcp_data_ready(cx, tp);
    }

    /// `tcp_data_snd_check`: the ACK may have opened a window, and made room in the send buffer.
    pub(super) fn tcp_data_snd_check(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        self.tcp_push_pending_frames(cx, tp);
        self.tcp_check_space(cx, tp);
    }

    /// `tcp_validate_incoming`: PAWS, sequence number, RST, SYN. The error is why the segment goes no further.
    pub(super) fn tcp_validate_incoming(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        seg: &Segment,
        skb: &SkBuff,
        syn_inerr: bool,
    ) -> Result<(), DropReason> {
        // RFC 7323 §5.3: PAWS first. A reset is let through.
        tp.parse_timestamps(seg);
        if tp.rx_opt.saw_tstamp
            && !tp.paws_check(cx, PAWS_WINDOW)
            && let Some(reason) = tp.disordered_ack_check(seg)
            && !seg.has(RST)
        {
            if seg.has(SYN) {
                return Err(self.tcp_syn_challenge(cx, tp, syn_inerr));
            }
            if reason == DropReason::TcpRfc7323PawsAck {
                self.mib.inc(Counter::PawsOldAck);
                return Err(reason);
            }
            self.mib.inc(Counter::PawsEstab);
            if !self.tcp_oow_rate_limited(cx, seg, &mut tp.last_oow_ack) {
                self.tcp_send_dupack(cx, tp, skb);
            }
            return Err(reason);
        }
        // RFC 9293 §3.10.7.4, first, check sequence number:
        //   If an incoming segment is not acceptable, an acknowledgment should be sent in reply (unless the RST
        //   bit is set, if so drop the segment and return).
        if let Some(reason) = tp.tcp_sequence(seg.tcp.seq, seg.end_seq(), seg.has(FIN)) {
            if seg.has(RST) {
                if tp.reset_check(seg) {
                    self.tcp_reset(cx, tp);
                    return Err(DropReason::TcpReset);
                }
                return Err(reason);
            }
            if seg.has(SYN) {
                return Err(self.tcp_syn_challenge(cx, tp, syn_inerr));
            }
            if matches!(reason, DropReason::TcpInvalidSequence | DropReason::TcpInvalidEndSequence) {
                self.mib.inc(Counter::BeyondWindow);
            }
            if !self.tcp_oow_rate_limited(cx, seg, &mut tp.last_oow_ack) {
                self.tcp_send_dupack(cx, tp, skb);
            }
            return Err(reason);
        }
        // Second: RST. RFC 5961 §3: exactly at RCV.NXT (or where SACK says the peer is) it ends the connection,
        // elsewhere it is challenged.
        if seg.has(RST) {
            let sacks = &tp.selective_acks[..usize::from(tp.rx_opt.num_sacks).min(4)];
            let newest = sacks.iter().map(|b| b.1).reduce(super::seq::max_seq).filter(|_| tp.rx_opt.sack_ok);
            if seg.tcp.seq == tp.rcv_nxt || tp.reset_check(seg) || newest == Some(seg.tcp.seq) {
                self.tcp_reset(cx, tp);
            } else {
                self.tcp_send_challenge_ack(cx, tp);
            }
            return Err(DropReason::TcpReset);
        }
        // Fourth: SYN. RFC 5961 §4: whatever its sequence number, it is challenged; but for the SYN-ACK of a
        // simultaneous open.
        if seg.has(SYN) {
            let crossed = tp.state == TcpState::SynRecv
                && tp.sk.files > 0
                && seg.has(ACK)
                && seg.tcp.seq.wrapping_add(1) == seg.end_seq()
                && seg.tcp.seq.wrapping_add(1) == tp.rcv_nxt
                && seg.tcp.ack == tp.snd_nxt;
            if !crossed {
                return Err(self.tcp_syn_challenge(cx, tp, syn_inerr));
            }
        }
        Ok(())
    }

    fn tcp_syn_challenge(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, syn_inerr: bool) -> DropReason {
        if syn_inerr {
            self.mib.inc(Counter::InErrs);
        }
        self.mib.inc(Counter::TcpSynChallenge);
        self.tcp_send_challenge_ack(cx, tp);
        DropReason::TcpInvalidSyn
    }

    /// `tcp_oow_rate_limited`: ACKs that answer what lies outside the window are few, or two hosts could keep each
    /// other busy for ever. Data is always answered.
    pub(super) fn tcp_oow_rate_limited(&mut self, cx: &Cx<'_>, seg: &Segment, last: &mut Option<Instant>) -> bool {
        if seg.tcp.seq != seg.end_seq() && !seg.has(SYN) {
            return false;
        }
        self.oow_rate_limited(cx, last)
    }

    /// `__tcp_oow_rate_limited`: true if an ACK for such a segment was sent lately; notes the time otherwise.
    pub(super) fn oow_rate_limited(&mut self, cx: &Cx<'_>, last: &mut Option<Instant>) -> bool {
        let interval = Duration::from_millis(self.sysctl.tcp_invalid_ratelimit as u64);
        if last.is_some_and(|at| cx.now.since(at) < interval) {
            return true;
        }
        *last = Some(cx.now);
        false
    }

    /// `tcp_send_challenge_ack` (RFC 5961 §7).
    pub(super) fn tcp_send_challenge_ack(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let mut last = tp.last_oow_ack;
        let limited = self.oow_rate_limited(cx, &mut last);
        tp.last_oow_ack = last;
        if !limited {
            self.mib.inc(Counter::TcpChallengeAck);
            self.tcp_send_ack(cx, tp);
        }
    }

    /// The peer acknowledged: its neighbour entry is confirmed (`sk_dst_confirm`).
    pub(super) fn sk_dst_confirm(&mut self, cx: &mut Cx<'_>, tp: &TcpSock) {
        if let Some(to) = tp.dst.filter(|to| to.dev.0 != 1) {
            let peer = tp.peer.0;
            self.neigh_confirm(cx, to.dev, to.gateway.unwrap_or(peer));
        }
    }
}
