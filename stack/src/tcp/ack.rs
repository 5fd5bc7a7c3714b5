//! What an acknowledgment does.
//!
//! Linux: `tcp_ack`, `tcp_clean_rtx_queue`, `tcp_check_space` in `net/ipv4/tcp_input.c`. RFC 9293 §3.10.7.4,
//! RFC 5681 §3, RFC 7323 §4.

use super::ipv4::Segment;
use super::seq::{after, before, not_after};
use super::{CaState, EVER_RETRANS, LOST, SACKED_ACKED, SACKED_RETRANS, tcp_set};
use crate::host::{Cx, Host};
use crate::skb::DropReason;
use crate::trace::{Field, Function, SockId, TimerKind};
use crate::wire::tcp::{FIN, SYN};

/// What one ACK brought.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AckEffect {
    /// `snd_una` before.
    pub(super) prior_una: u32,
    /// Segments acknowledged in order.
    pub(super) acked: u32,
    /// Segments acknowledged, in order or by SACK, for the first time.
    pub(super) delivered: u32,
    /// Segments that SACK newly covers.
    pub(super) newly_sacked: u32,
    /// A duplicate ACK (RFC 5681 §2).
    pub(super) duplicate: bool,
}

impl Host {
    /// `tcp_ack`. The error is why the segment goes no further.
    pub(super) fn tcp_ack(&mut self, cx: &mut Cx<'_>, sk: SockId, seg: &Segment) -> Result<(), DropReason> {
        cx.call(Function::TcpAck, |cx| {
            let Some(tp) = self.socks.tcp_mut(sk) else { return Err(DropReason::TcpClose) };
            let ack = seg.tcp.ack;
            let prior_una = tp.snd_una;
            if before(ack, prior_una) {
                // RFC 5961 §5.2: far too old is an attack; a little old may still carry SACKs and data.
                if before(ack, prior_una.wrapping_sub(tp.max_window)) {
                    self.tcp_send_challenge_ack(cx, sk);
                    return Err(DropReason::TcpTooOldAck);
                }
                return Ok(());
            }
            if after(ack, tp.snd_nxt) {
                // RFC 9293: "If the ACK acks something not yet sent, then send an ACK, drop the segment".
                self.tcp_send_challenge_ack(cx, sk);
                return Err(DropReason::TcpAckUnsentData);
            }
            tp.rcv_tstamp = cx.now;
            tp.probes_out = 0;
            tp.probes_since = None;
            let had_data_out = !tp.rtx_queue.is_empty();
            let old_wnd = tp.snd_wnd;
            self.tcp_replace_ts_recent(cx, sk, seg);
            self.tcp_ack_update_window(cx, sk, seg);
            let mut effect = AckEffect { prior_una, ..AckEffect::default() };
            tcp_set!(self, cx, sk, snd_una, SndUna, ack);
            let window_same = self.socks.tcp(sk).is_some_and(|tp| tp.snd_wnd == old_wnd);
            if had_data_out {
                effect.newly_sacked = self.tcp_sacktag(cx, sk, seg, prior_una);
                effect.acked = self.tcp_clean_rtx_queue(cx, sk, seg);
            }
            effect.delivered += effect.acked + effect.newly_sacked;
            effect.duplicate =
                ack == prior_una && had_data_out && seg.len == 0 && !seg.has(SYN) && !seg.has(FIN) && window_same;
            if had_data_out {
                self.tcp_fastretrans_alert(cx, sk, effect);
                self.tcp_cong_avoid(cx, sk, effect);
            } else {
                self.tcp_ack_probe(cx, sk);
            }
            if effect.acked > 0 {
                self.dst_confirm(cx, sk);
                self.tcp_rearm_rto(cx, sk);
            }
            if had_data_out {
                self.tcp_xmit_retransmit_queue(cx, sk);
            }
            Ok(())
        })
    }

    /// `tcp_ack_update_window`.
    fn tcp_ack_update_window(&mut self, cx: &mut Cx<'_>, sk: SockId, seg: &Segment) {
        let Some(tp) = self.socks.tcp(sk) else { return };
        let scale = if seg.has(SYN) { 0 } else { tp.snd_wscale };
        let window = u32::from(seg.tcp.window) << scale;
        // RFC 9293: SND.WL1 and SND.WL2 keep an old segment from setting the window.
        let may = after(seg.tcp.ack, tp.snd_una)
            || after(seg.tcp.seq, tp.snd_wl1)
            || (seg.tcp.seq == tp.snd_wl1 && (window > tp.snd_wnd || window == 0));
        if may {
            self.tcp_set_snd_wnd(cx, sk, window, seg.tcp.seq);
        }
    }

    /// `tcp_clean_rtx_queue`: frees what is acknowledged, takes an RTT sample. Gives the number of segments.
    fn tcp_clean_rtx_queue(&mut self, cx: &mut Cx<'_>, sk: SockId, seg: &Segment) -> u32 {
        cx.call(Function::TcpCleanRtxQueue, |cx| {
            let now = cx.now.as_nanos();
            let mut acked = 0u32;
            let mut first_sent: Option<u64> = None;
            let mut retransmitted = false;
            while let Some(tp) = self.socks.tcp_mut(sk) {
                let una = tp.snd_una;
                let Some(skb) = tp.rtx_queue.front() else { break };
                if after(skb.cb.end_seq, una) {
                    break;
                }
                let sacked = skb.cb.sacked;
                tp.sacked_out -= u32::from(sacked & SACKED_ACKED != 0);
                tp.lost_out -= u32::from(sacked & LOST != 0);
                tp.retrans_out -= u32::from(sacked & SACKED_RETRANS != 0);
                if sacked & EVER_RETRANS != 0 {
                    retransmitted = true;
                } else if sacked & SACKED_ACKED == 0 {
                    first_sent.get_or_insert(skb.cb.sent_at);
                }
                if sacked & (EVER_RETRANS | SACKED_ACKED) == 0 {
                    tp.rack_advance(skb.cb.sent_at, now);
                }
                acked += 1;
                self.rtx_queue_pop(cx, sk);
            }
            // Karn: a segment that was sent twice gives no sample, unless timestamps tell which was received.
            let echo = seg.tcp.options.timestamps.map(|(_, echo)| echo);
            let Some(tp) = self.socks.tcp_mut(sk) else { return acked };
            let sample = match first_sent {
                Some(sent) if !retransmitted => Some((now.saturating_sub(sent) / 1000).max(1)),
                _ if acked > 0 && tp.tstamp_ok => echo
                    .filter(|echo| *echo != 0)
                    .map(|echo| u64::from(tp.time_stamp(cx.now).wrapping_sub(echo)).max(1) * 1000),
                _ => None,
            };
            if let Some(us) = sample.filter(|us| *us < 1 << 31) {
                tp.min_rtt_us = tp.min_rtt_us.min(us as u32);
                let old = (tp.srtt_us >> 3, tp.rto_us);
                tp.rtt_estimator(us as u32);
                tp.rto_us = tp.computed_rto_us();
                let new = (tp.srtt_us >> 3, tp.rto_us);
                self.tell_set(cx, sk, Field::SrttUs, old.0, new.0);
                self.tell_set(cx, sk, Field::RtoUs, old.1, new.1);
            }
            let Some(tp) = self.socks.tcp_mut(sk) else { return acked };
            if acked > 0 {
                tp.backoff = 0;
                if tp.retransmits > 0 && tp.ca_state == CaState::Open {
                    tp.retransmits = 0;
                }
                if !tp.sack_ok {
                    // `tcp_remove_reno_sacks`: the hole is filled, the rest were guesses.
                    tp.sacked_out = tp.sacked_out.saturating_sub(acked.saturating_sub(1));
                    tp.sacked_out = tp.sacked_out.min(tp.rtx_queue.len() as u32);
                }
                if tp.rtx_queue.is_empty() {
                    tp.retrans_stamp = None;
                }
            }
            acked
        })
    }

    /// `tcp_ack_probe`: an answer to a zero-window probe.
    fn tcp_ack_probe(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        let Some(head) = tp.write_queue.front() else { return };
        let end = head.cb.seq.wrapping_add((head.len() as u32).min(tp.mss_cache));
        if not_after(end, tp.wnd_end()) {
            tp.backoff = 0;
            if tp.retrans_timer.is_some_and(|(_, kind)| kind == TimerKind::Probe) {
                self.tcp_cancel_xmit_timer(cx, sk);
            }
        } else {
            let after = self.probe0_when_us(sk);
            self.tcp_reset_xmit_timer(cx, sk, TimerKind::Probe, after);
        }
    }

    /// The ACK proves that the neighbour is there.
    fn dst_confirm(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(sock) = self.socks.get(sk) else { return };
        if let Some(to) = sock.dst.filter(|to| to.dev.0 != 1) {
            let peer = sock.peer.0;
            self.neigh_confirm(cx, to.dev, to.gateway.unwrap_or(peer));
        }
    }

    /// `tcp_check_space`: a third of the send buffer is free again: writers may go on.
    pub(super) fn tcp_check_space(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let wmem_max = self.sysctl.tcp_wmem[2] as u32;
        let limited = self.socks.tcp(sk).is_some_and(|tp| tp.cwnd_limited && tp.ca_state == CaState::Open);
        if limited {
            self.tcp_sndbuf_expand(sk, wmem_max);
        }
        let Some(sock) = self.socks.get(sk) else { return };
        let free = sock.sndbuf.saturating_sub(sock.wmem_queued);
        if !sock.waiters.is_empty() && free >= sock.wmem_queued / 2 && sock.state != crate::trace::TcpState::SynSent {
            cx.call(Function::SkStreamWriteSpace, |cx| self.sk_wake(cx, sk));
        }
    }
}
