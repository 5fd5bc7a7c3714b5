//! What of the write queue may leave now: congestion window, receive window, Nagle, TSO, pacing, small queues.
//!
//! Linux: `tcp_write_xmit` and its tests in `net/ipv4/tcp_output.c`. RFC 9293 §3.8, RFC 5681, RFC 896 with
//! Minshall's change.

use super::queue::SendQueue;
use super::seq::after;
use super::{CaState, Chrono, GSO_MAX_SEGS, GSO_MAX_SIZE, MAX_TCP_HEADER, TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::skb::SkBuff;
use crate::socket::tell_queue;
use crate::trace::{Function, QueueKind, QueueOp, TcpState, TimerKind};
use crate::wire::tcp::FIN;

/// `TCP_NAGLE_OFF`
pub(super) const NAGLE_OFF: u8 = 1;
/// `TCP_NAGLE_CORK`
pub(super) const NAGLE_CORK: u8 = 2;
/// `TCP_NAGLE_PUSH`
pub(super) const NAGLE_PUSH: u8 = 4;
/// `sk_gso_max_size`: what the device takes less the headers, bytes.
pub(super) const SK_GSO_MAX_SIZE: u32 = GSO_MAX_SIZE - (MAX_TCP_HEADER + 1);
/// `sk_pacing_shift`: a super-packet shall not last longer than about a millisecond.
pub(super) const PACING_SHIFT: u32 = 10;

/// How `tcp_write_xmit` was called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Push {
    /// Everything that may go.
    All,
    /// One segment.
    One,
    /// One segment, whatever the congestion window says (`push_one == 2`).
    Probe,
}

impl TcpSock {
    /// `tp->nonagle`.
    pub(super) fn nonagle(&self) -> u8 {
        u8::from(self.nodelay) * NAGLE_OFF + u8::from(self.cork) * NAGLE_CORK + u8::from(self.nagle_push) * NAGLE_PUSH
    }

    /// `tcp_cwnd_test`: how many segments the congestion window allows; at most half of it at once.
    fn cwnd_test(&self) -> u32 {
        let (in_flight, cwnd) = (self.packets_in_flight(), self.snd_cwnd);
        if in_flight >= cwnd { 0 } else { (cwnd >> 1).max(1).min(cwnd - in_flight) }
    }

    /// `tcp_snd_wnd_test`.
    pub(super) fn snd_wnd_test(&self, skb: &SkBuff, mss: u32) -> bool {
        let end = if skb.len() as u32 > mss { skb.cb.seq.wrapping_add(mss) } else { skb.cb.end_seq };
        !after(end, self.wnd_end())
    }

    /// `tcp_nagle_check`: must a partial segment wait?
    fn nagle_check(&self, partial: bool, nonagle: u8) -> bool {
        // Minshall: only while a small segment is in flight.
        let small = after(self.snd_sml, self.snd_una) && !after(self.snd_sml, self.snd_nxt);
        partial && (nonagle & NAGLE_CORK != 0 || (nonagle == 0 && self.packets_out > 0 && small))
    }

    /// `tcp_nagle_test`.
    fn nagle_test(&self, skb: &SkBuff, mss: u32, nonagle: u8) -> bool {
        nonagle & NAGLE_PUSH != 0
            || self.urg_mode()
            || skb.cb.flags & FIN != 0
            || !self.nagle_check((skb.len() as u32) < mss, nonagle)
    }

    /// `tcp_mss_split_point`: how much of a long segment leaves now.
    fn mss_split_point(&self, skb: &SkBuff, mss: u32, max_segs: u32, nonagle: u8) -> u32 {
        let window = self.wnd_end().wrapping_sub(skb.cb.seq);
        let max_len = mss.saturating_mul(max_segs);
        let last = self.write_queue.len() == 1;
        if max_len <= window && !last {
            return max_len;
        }
        let needed = (skb.len() as u32).min(window);
        if max_len <= needed {
            return max_len;
        }
        let partial = needed % mss;
        if self.nagle_check(partial != 0, nonagle) { needed - partial } else { needed }
    }
}

impl Host {
    /// `tcp_tso_segs`: segments of a super-packet, so that one leaves about every millisecond.
    pub(super) fn tcp_tso_segs(&self, tp: &TcpSock, mss: u32) -> u32 {
        let min_tso = tp.ca_min_tso_segs().unwrap_or(self.sysctl.tcp_min_tso_segs as u32);
        let mut bytes = tp.pacing_rate >> PACING_SHIFT;
        let r = tp.min_rtt() >> self.sysctl.tcp_tso_rtt_log.clamp(0, 31);
        if r < 32 {
            bytes = bytes.saturating_add(u64::from(SK_GSO_MAX_SIZE >> r));
        }
        let bytes = bytes.min(u64::from(SK_GSO_MAX_SIZE)) as u32;
        (bytes / mss.max(1)).max(min_tso).min(GSO_MAX_SEGS)
    }

    /// `tcp_write_xmit`: sends what may go. True if nothing is in flight and something still waits: a probe timer is
    /// needed.
    pub(super) fn tcp_write_xmit(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        mss: u32,
        nonagle: u8,
        push: Push,
    ) -> bool {
        cx.call(Function::TcpWriteXmit, |cx| {
            let mut sent = 0;
            tp.mstamp_refresh(cx);
            if push == Push::All {
                match self.tcp_mtu_probe(cx, tp) {
                    None => return false,
                    Some(probed) => sent = u32::from(probed),
                }
            }
            let (mut cwnd_limited, mut rwnd_limited) = (false, false);
            let max_segs = self.tcp_tso_segs(tp, mss);
            while !tp.write_queue.is_empty() {
                if self.tcp_pacing_check(cx, tp) {
                    break;
                }
                let mut quota = tp.cwnd_test();
                if quota == 0 {
                    if push != Push::Probe {
                        break;
                    }
                    quota = 1;
                }
                quota = quota.min(max_segs);
                let len = tp.write_queue.front().map_or(0, |s| s.len() as u32);
                if let Some(missing) = quota.saturating_mul(mss).checked_sub(len).filter(|m| *m > 0) {
                    tp.grow_head(cx, missing);
                }
                let last = tp.write_queue.len() == 1;
                let Some(skb) = tp.write_queue.front_mut() else { break };
                let tso_segs = skb.set_tso_segs(mss);
                let Some(skb) = tp.write_queue.front() else { break };
                if !tp.snd_wnd_test(skb, mss) {
                    rwnd_limited = true;
                    break;
                }
                if tso_segs == 1 {
                    if !tp.nagle_test(skb, mss, if last { nonagle } else { NAGLE_PUSH }) {
                        break;
                    }
                } else if push == Push::All
                    && self.tcp_tso_should_defer(tp, skb, (&mut cwnd_limited, &mut rwnd_limited), max_segs)
                {
                    break;
                }
                let mut limit = mss;
                if tso_segs > 1 && !tp.urg_mode() {
                    limit = tp.mss_split_point(skb, mss, quota, nonagle);
                }
                let len = skb.len() as u32;
                if len > limit && !tp.fragment(cx, SendQueue::Write, 0, limit, mss) {
                    break;
                }
                let Some(skb) = tp.write_queue.front() else { break };
                let (truesize, empty) = (skb.truesize(), skb.cb.end_seq == skb.cb.seq);
                if self.tcp_small_queue_check(cx, tp, truesize, 0) || empty {
                    break;
                }
                if self.tcp_transmit_write_head(cx, tp) != 0 {
                    break;
                }
                let (len, pcount, end_seq) =
                    tp.write_queue.front().map_or((0, 0, 0), |s| (s.len() as u32, s.pcount(), s.cb.end_seq));
                self.tcp_event_new_data_sent(cx, tp);
                // `tcp_minshall_update`
                if len < pcount * mss {
                    tp.snd_sml = end_seq;
                }
                sent += pcount;
                if push != Push::All {
                    break;
                }
            }
            if rwnd_limited {
                tp.chrono_begin(cx, Chrono::RwndLimited);
            } else {
                tp.chrono_stop(cx, Chrono::RwndLimited);
            }
            cwnd_limited |= tp.packets_in_flight() >= tp.snd_cwnd;
            if sent > 0 || cwnd_limited {
                self.tcp_cwnd_validate(cx, tp, cwnd_limited);
            }
            if sent > 0 {
                if tp.in_cwnd_reduction() {
                    tp.prr_out += sent;
                }
                if push != Push::Probe {
                    self.tcp_schedule_loss_probe(cx, tp, false);
                }
                return false;
            }
            tp.packets_out == 0 && !tp.write_queue.is_empty()
        })
    }

    /// `tcp_tso_should_defer`: shall a super-packet wait for the next ACK, to become longer?
    fn tcp_tso_should_defer(
        &self,
        tp: &TcpSock,
        skb: &SkBuff,
        (cwnd_limited, rwnd_limited): (&mut bool, &mut bool),
        max_segs: u32,
    ) -> bool {
        const MILLISECOND: i64 = 1_000_000;
        if tp.ca_state >= CaState::Recovery {
            return false;
        }
        // Only if something was sent within the last millisecond.
        if tp.tcp_clock_cache as i64 - tp.tcp_wstamp_ns as i64 - MILLISECOND > 0 {
            return false;
        }
        let in_flight = tp.packets_in_flight();
        let send_win = tp.wnd_end().wrapping_sub(skb.cb.seq);
        let cong_win = tp.snd_cwnd.saturating_sub(in_flight).saturating_mul(tp.mss_cache);
        let limit = send_win.min(cong_win);
        let len = skb.len() as u32;
        if limit >= max_segs.saturating_mul(tp.mss_cache) || (tp.write_queue.len() > 1 && limit >= len) {
            return false;
        }
        let window = tp.snd_wnd.min(tp.snd_cwnd.saturating_mul(tp.mss_cache));
        let enough = window.checked_div(self.sysctl.tcp_tso_win_divisor as u32);
        if enough.map_or(limit > 3 * tp.mss_cache, |chunk| limit >= chunk) {
            return false;
        }
        let Some(head) = tp.rtx_queue.front() else { return false };
        let srtt_ns = (i64::from(tp.srtt_us) * 1000) >> 3;
        let how_far = head.cb.sent_at as i64 + srtt_ns - tp.tcp_clock_cache as i64;
        // Would the next ACK come too late?
        if how_far - (srtt_ns >> 1).min(MILLISECOND) > 0 {
            return false;
        }
        if cong_win < send_win {
            if cong_win <= len {
                *cwnd_limited = true;
                return true;
            }
        } else if send_win <= len {
            *rwnd_limited = true;
            return true;
        }
        skb.cb.flags & FIN == 0 && !skb.cb.eor
    }

    /// What freed packets have given back counts at once, not only in the soft interrupt; unless that must wake the
    /// connection up.
    #[inline]
    pub(super) fn tcp_take_wfree(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if cx.mem.wfree.is_empty() || tp.sk.tsq_throttled {
            return;
        }
        let id = tp.sk.id;
        cx.mem.wfree.retain(|(owner, charged)| {
            if *owner == id {
                tp.sk.wmem_alloc = tp.sk.wmem_alloc.saturating_sub(*charged);
            }
            *owner != id
        });
    }

    /// `tcp_small_queue_check`: is enough of this connection in the qdisc and the driver already?
    pub(super) fn tcp_small_queue_check(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        truesize: u32,
        factor: u32,
    ) -> bool {
        self.tcp_take_wfree(cx, tp);
        let limit = u64::from(2 * truesize).max(tp.pacing_rate >> PACING_SHIFT);
        let limit = limit.min(self.sysctl.tcp_limit_output_bytes as u64) << factor;
        if u64::from(tp.sk.wmem_alloc) > limit {
            // One segment may always be on its way down, whatever the queues hold.
            if tp.rtx_queue.len() <= 1 {
                return false;
            }
            tp.sk.tsq_throttled = true;
            return true;
        }
        false
    }

    /// The first waiting segment goes down the stack as a clone; it stays in the queue until that has worked.
    pub(super) fn tcp_transmit_write_head(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) -> i32 {
        let Some(skb) = tp.write_queue.front() else { return 0 };
        let clone = skb.skb_clone(cx);
        let mut cb = skb.cb;
        let rcv_nxt = tp.rcv_nxt;
        let err = self.tcp_transmit_skb(cx, tp, clone, Some(&mut cb), rcv_nxt);
        if let Some(skb) = tp.write_queue.front_mut() {
            skb.cb = cb;
        }
        err
    }

    /// `tcp_event_new_data_sent`: the segment at the head has been sent and now waits for its ACK.
    pub(super) fn tcp_event_new_data_sent(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let Some(skb) = tp.write_queue.pop_front() else { return };
        let prior_packets = tp.packets_out;
        let (seq, pcount) = (skb.cb.seq, skb.pcount());
        tcp_set!(cx, tp, snd_nxt, SndNxt, skb.cb.end_seq);
        tell_queue(cx, QueueKind::Write, QueueOp::Dequeue, tp.write_queue.len() as u16, &skb, tp.sk.id);
        tp.rtx_queue_push(cx, skb);
        if tp.highest_sack.is_none() {
            tp.highest_sack = Some(seq);
        }
        tp.packets_out += pcount;
        if prior_packets == 0 || tp.retrans_timer.is_some_and(|t| t.kind == TimerKind::LossProbe) {
            self.tcp_rearm_rto(cx, tp);
        }
        self.tcp_check_space(cx, tp);
    }

    /// `__tcp_push_pending_frames`.
    pub(super) fn __tcp_push_pending_frames(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, mss: u32, nonagle: u8) {
        if tp.state != TcpState::Close && self.tcp_write_xmit(cx, tp, mss, nonagle, Push::All) {
            self.tcp_check_probe_timer(cx, tp);
        }
    }

    /// `tcp_push_pending_frames`.
    pub(crate) fn tcp_push_pending_frames(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if !tp.write_queue.is_empty() {
            let mss = self.tcp_current_mss(cx, tp);
            let nonagle = tp.nonagle();
            self.__tcp_push_pending_frames(cx, tp, mss, nonagle);
        }
    }

    /// `tcp_check_probe_timer`: nothing is in flight and the window is shut: probe it from time to time.
    fn tcp_check_probe_timer(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if tp.packets_out == 0 && tp.retrans_timer.is_none() {
            let after = self.tcp_probe0_base_us(tp);
            self.tcp_reset_xmit_timer(cx, tp, TimerKind::Probe, after, true);
        }
    }

    /// `tcp_tsq_write`: the driver has freed segments: more may go down.
    pub(crate) fn tcp_tsq_handler(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        tp.sk.tsq_throttled = false;
        let open = matches!(
            tp.state,
            TcpState::Established | TcpState::FinWait1 | TcpState::Closing | TcpState::CloseWait | TcpState::LastAck
        );
        if !open {
            return;
        }
        if tp.lost_out > tp.retrans_out && tp.snd_cwnd > tp.packets_in_flight() {
            tp.mstamp_refresh(cx);
            self.tcp_xmit_retransmit_queue(cx, tp);
        }
        let mss = self.tcp_current_mss(cx, tp);
        let nonagle = tp.nonagle();
        self.tcp_write_xmit(cx, tp, mss, nonagle, Push::All);
    }
}
