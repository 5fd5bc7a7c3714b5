//! Request sockets: connections whose handshake is not finished, and the segment that finishes it.
//!
//! Linux: `struct tcp_request_sock` in `include/linux/tcp.h`, `tcp_check_req`, `tcp_child_process` in
//! `net/ipv4/tcp_minisocks.c`. RFC 9293 §3.10.7.4, first to fourth check, for SYN-RECEIVED.

use super::ipv4::Segment;
use super::output::Path;
use super::reset::Ack;
use super::seq::{after, before};
use super::{TIMEOUT_INIT_US, TcpSock, clock_ns};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::skb::{DropReason, SkBuff};
use crate::socket::Tuple;
use crate::time::{Duration, Instant};
use crate::timer::Token;
use crate::trace::{Function, SockId, TcpState};
use crate::wire::tcp::{ACK, RST, SYN};

/// `TCP_PAWS_24DAYS`: after such a silence timestamps prove nothing.
pub(super) const PAWS_24DAYS: Duration = Duration::from_secs(60 * 60 * 24 * 24);
/// `TCP_PAWS_MSL`: a reset is believed after such a silence.
pub(super) const PAWS_MSL: Duration = Duration::from_secs(60);

/// `struct tcp_request_sock`.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) id: SockId,
    pub(crate) listener: SockId,
    pub(super) tuple: Tuple,
    pub(super) rcv_isn: u32,
    pub(super) snt_isn: u32,
    /// The peer's MSS.
    pub(super) mss: u16,
    pub(super) tstamp_ok: bool,
    pub(super) sack_ok: bool,
    pub(super) wscale_ok: bool,
    pub(super) ecn_ok: bool,
    pub(super) snd_wscale: u8,
    pub(super) rcv_wscale: u8,
    pub(super) ts_recent: u32,
    pub(super) ts_off: u32,
    /// First and last timestamp that was sent; the echo must lie between.
    pub(super) snt_tsval: Option<(u32, u32)>,
    pub(super) rcv_wnd: u32,
    pub(super) window_clamp: u32,
    pub(super) syn_tos: u8,
    /// When the first SYN-ACK was sent, µs; 0: not yet.
    pub(super) snt_synack: u64,
    /// The client has acknowledged, but there is no socket yet (`TCP_DEFER_ACCEPT`, a full accept queue).
    pub(super) acked: bool,
    pub(super) num_retrans: u8,
    pub(super) num_timeout: u8,
    pub(super) timer: Option<Token>,
    pub(super) last_oow_ack: Option<Instant>,
}

impl Request {
    pub(super) fn new(id: SockId, listener: SockId, tuple: Tuple) -> Request {
        Request {
            id,
            listener,
            tuple,
            rcv_isn: 0,
            snt_isn: 0,
            mss: super::MSS_DEFAULT,
            tstamp_ok: false,
            sack_ok: false,
            wscale_ok: false,
            ecn_ok: false,
            snd_wscale: 0,
            rcv_wscale: 0,
            ts_recent: 0,
            ts_off: 0,
            snt_tsval: None,
            rcv_wnd: 0,
            window_clamp: 0,
            syn_tos: 0,
            snt_synack: 0,
            acked: false,
            num_retrans: 0,
            num_timeout: 0,
            timer: None,
            last_oow_ack: None,
        }
    }

    /// `tcp_rsk(req)->rcv_nxt`.
    pub(super) fn rcv_nxt(&self) -> u32 {
        self.rcv_isn.wrapping_add(1)
    }

    /// `tcp_synack_window`: the window that stood in the SYN-ACK.
    pub(super) fn synack_window(&self) -> u32 {
        self.rcv_wnd.min(65_535)
    }

    /// `tcp_reqsk_timeout`: 1 s, then twice as long each time.
    pub(super) fn timeout(&self, rto_max: Duration) -> Duration {
        let us = u64::from(TIMEOUT_INIT_US) << self.num_timeout.min(30);
        Duration::from_micros(us).min(rto_max)
    }

    /// `tcp_v4_reqsk_send_ack`.
    fn ack(&self, cx: &Cx<'_>, seg: &Segment) -> Ack {
        let now = (clock_ns(cx) / 1_000_000) as u32;
        Ack {
            path: Path { src: self.tuple.local, dst: self.tuple.peer },
            seq: self.snt_isn.wrapping_add(1),
            ack: self.rcv_nxt(),
            window: self.synack_window() >> self.rcv_wscale,
            timestamps: (now.wrapping_add(self.ts_off), self.ts_recent),
            tos: seg.ip.tos & !super::ecn::INET_ECN_MASK,
        }
    }
}

/// `tcp_in_window`.
pub(super) fn in_window(seq: u32, end_seq: u32, s_win: u32, e_win: u32) -> bool {
    seq == s_win || (after(end_seq, s_win) && before(seq, e_win)) || (seq == e_win && seq == end_seq)
}

/// `tcp_paws_reject`: is the timestamp older than one already seen? `stamp` is when that was.
pub(super) fn paws_reject(cx: &Cx<'_>, tsval: u32, ts_recent: u32, stamp: Instant, rst: bool) -> bool {
    // `tcp_paws_check`
    if ts_recent.wrapping_sub(tsval) as i32 <= 0 || cx.now.since(stamp) >= PAWS_24DAYS || ts_recent == 0 {
        return false;
    }
    // RFC 1323: a reset that lies in the window is good, old timestamp or not, if it comes late enough.
    !(rst && cx.now.since(stamp) >= PAWS_MSL)
}

/// What `tcp_check_req` found.
pub(super) enum Checked {
    /// The handshake is complete: the segment goes to the new socket.
    Child(SockId),
    /// The listener shall look at it (and will answer with a reset).
    Listener,
    /// Nothing more to do with the segment.
    Drop(DropReason),
}

impl Host {
    /// [`Host::tcp_oow_rate_limited`], counted.
    pub(super) fn seg_rate_limited(
        &mut self,
        cx: &Cx<'_>,
        seg: &Segment,
        last: &mut Option<Instant>,
        counter: Counter,
    ) -> bool {
        let limited = self.tcp_oow_rate_limited(cx, seg, last);
        if limited {
            self.mib.inc(counter);
        }
        limited
    }

    /// `tcp_check_req`: a segment for a connection in SYN_RECV. `lp` is its listener.
    pub(super) fn tcp_check_req(&mut self, cx: &mut Cx<'_>, lp: &mut TcpSock, seg: &Segment, skb: &SkBuff) -> Checked {
        cx.call(Function::TcpCheckReq, |cx| self.check_req(cx, lp, seg, skb))
    }

    fn check_req(&mut self, cx: &mut Cx<'_>, lp: &mut TcpSock, seg: &Segment, skb: &SkBuff) -> Checked {
        let tuple = seg.tuple();
        // The request is worked on as a copy and written back: it is small.
        let Some(mut req) = self.socks.request_mut(&tuple).cloned() else {
            return Checked::Drop(DropReason::NoSocket);
        };
        let rto_max = self.tcp_rto_max(lp);
        let mut flags = seg.tcp.flags & (RST | SYN | ACK);
        let stamps = seg.tcp.options.timestamps.filter(|_| self.sysctl.tcp_timestamps != 0);
        let (mut paws, mut tsecr) = (false, false);
        if let Some((tsval, echo)) = stamps {
            if echo != 0 && req.tstamp_ok {
                tsecr = req.snt_tsval.is_none_or(|(first, last)| before(echo, first) || after(echo, last));
            }
            // When the timestamp was noted is not kept; about when the SYN came.
            let ago = req.timeout(rto_max).as_nanos() as u64;
            let stamp = Instant::from_nanos(cx.now.as_nanos().saturating_sub(ago));
            paws = paws_reject(cx, tsval, req.ts_recent, stamp, seg.has(RST));
        }
        if seg.tcp.seq == req.rcv_isn && flags == SYN && !paws {
            // The SYN once more: our answer got lost. The timer begins anew.
            let counter = Counter::TcpAckSkippedSynRecv;
            if !self.seg_rate_limited(cx, seg, &mut req.last_oow_ack, counter) && self.tcp_rtx_synack(cx, lp, &mut req)
            {
                self.reqsk_arm(cx, lp, &mut req);
            }
            self.reqsk_store(req);
            return Checked::Drop(DropReason::NotSpecified);
        }
        // RFC 9293 §3.10.7.4: an ACK of something else is answered with a reset, by the listener.
        if flags & ACK != 0 && seg.tcp.ack != req.snt_isn.wrapping_add(1) {
            return Checked::Listener;
        }
        let end = req.rcv_nxt().wrapping_add(req.synack_window());
        if paws || tsecr || !in_window(seg.tcp.seq, seg.end_seq(), req.rcv_nxt(), end) {
            let counter = Counter::TcpAckSkippedSynRecv;
            if flags & RST == 0 && !self.seg_rate_limited(cx, seg, &mut req.last_oow_ack, counter) {
                let ack = req.ack(cx, seg);
                self.tcp_v4_send_ack(cx, ack);
            }
            self.reqsk_store(req);
            let (counter, reason) = match (paws, tsecr) {
                (true, _) => (Some(Counter::PawsEstab), DropReason::TcpRfc7323Paws),
                (_, true) => (Some(Counter::TsEcrRejected), DropReason::TcpRfc7323TsEcr),
                _ => (None, DropReason::TcpOverwindow),
            };
            if let Some(counter) = counter {
                self.mib.inc(counter);
            }
            return Checked::Drop(reason);
        }
        if seg.tcp.seq == req.rcv_isn {
            // The SYN lies before the window: it is cut off.
            flags &= !SYN;
        }
        if flags & (RST | SYN) != 0 {
            self.mib.inc(Counter::AttemptFails);
            return self.embryonic_reset(cx, lp, seg, flags);
        }
        if flags & ACK == 0 {
            return Checked::Drop(DropReason::TcpFlags);
        }
        // `TCP_DEFER_ACCEPT`: a bare ACK makes no socket yet.
        if req.num_timeout < lp.defer_accept && seg.end_seq() == req.rcv_nxt() {
            req.acked = true;
            self.reqsk_store(req);
            self.mib.inc(Counter::TcpDeferAcceptDrop);
            return Checked::Drop(DropReason::NotSpecified);
        }
        match self.tcp_v4_syn_recv_sock(cx, lp, &req, seg, skb) {
            Some(child) => {
                if let Some(tp) = self.socks.tcp_mut(child) {
                    if let Some((tsval, _)) = stamps.filter(|_| !after(seg.tcp.seq, req.rcv_nxt())) {
                        tp.rx_opt.ts_recent = tsval;
                    }
                    tp.synack_rtt_meas(cx, &self.sysctl, &req);
                }
                // `inet_csk_complete_hashdance`
                self.reqsk_queue_removed(lp, &req);
                self.inet_csk_reqsk_queue_add(lp, child);
                Checked::Child(child)
            }
            None if self.sysctl.tcp_abort_on_overflow == 0 => {
                // The client believes to be connected; the SYN-ACK will ask it to say so again.
                req.acked = true;
                self.reqsk_store(req);
                Checked::Drop(DropReason::TcpListenOverflow)
            }
            None => self.embryonic_reset(cx, lp, seg, flags),
        }
    }

    fn embryonic_reset(&mut self, cx: &mut Cx<'_>, lp: &mut TcpSock, seg: &Segment, flags: u8) -> Checked {
        if flags & RST == 0 {
            self.tcp_v4_send_reset(cx, seg);
        }
        if self.inet_csk_reqsk_queue_drop(cx, lp, &seg.tuple()) {
            self.mib.inc(Counter::EmbryonicRsts);
        }
        Checked::Drop(if flags & RST != 0 { DropReason::TcpReset } else { DropReason::TcpInvalidSyn })
    }

    /// `tcp_child_process`: the segment that completed the handshake is the new socket's first.
    pub(super) fn tcp_child_process(
        &mut self,
        cx: &mut Cx<'_>,
        parent: SockId,
        child: SockId,
        seg: &Segment,
        skb: SkBuff,
    ) {
        if self.socks.tcp(child).is_none() {
            return skb.kfree(DropReason::NoSocket, cx);
        }
        let woken = self.with_tcp(cx, child, |host, cx, tp| {
            tp.segs_in(seg, &skb);
            let state = tp.state;
            host.tcp_rcv_state_process(cx, tp, seg, skb);
            state == TcpState::SynRecv && tp.state != state
        });
        if woken == Some(true) {
            // `sk_data_ready` of the listener: a connection can be accepted.
            self.with_tcp(cx, parent, |host, cx, lp| host.sock_def_readable(cx, &mut lp.sk));
        }
    }
}

impl TcpSock {
    /// `tcp_synack_rtt_meas`: from the SYN-ACK to its ACK, if it was sent once.
    fn synack_rtt_meas(&mut self, cx: &mut Cx<'_>, sysctl: &crate::sysctl::Sysctl, req: &Request) {
        if req.num_retrans > 0 || req.snt_synack == 0 {
            return;
        }
        let rtt_us = (clock_ns(cx) / 1000).saturating_sub(req.snt_synack).min(u64::from(u32::MAX)) as u32;
        let (srtt, rto) = (self.srtt_us, self.rto_us);
        self.update_rtt_min(sysctl, rtt_us, false);
        self.rtt_estimator(rtt_us);
        self.set_rto();
        self.backoff = 0;
        cx.tell_set(self.sk.id, crate::trace::Field::SrttUs, srtt >> 3, self.srtt_us >> 3);
        cx.tell_set(self.sk.id, crate::trace::Field::RtoUs, rto, self.rto_us);
    }

    /// `tcp_segs_in`.
    pub(super) fn segs_in(&mut self, seg: &Segment, skb: &SkBuff) {
        let segs = u32::from(skb.gso_segs.max(1));
        self.segs_in = self.segs_in.wrapping_add(segs);
        if seg.len > 0 {
            self.data_segs_in = self.data_segs_in.wrapping_add(segs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_in_the_window_if_a_byte_of_it_is() {
        assert!(in_window(100, 100, 100, 100));
        assert!(in_window(90, 101, 100, 200));
        assert!(!in_window(90, 100, 100, 200));
        assert!(in_window(200, 200, 100, 200));
        assert!(!in_window(200, 201, 100, 200));
        assert!(in_window(u32::MAX, 5, u32::MAX, 10));
    }
}
