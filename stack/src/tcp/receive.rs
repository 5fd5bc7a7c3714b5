//! Received data: in order to the reader, out of order aside, and the SACK blocks that tell of it.
//!
//! Linux: `tcp_data_queue`, `tcp_data_queue_ofo`, `tcp_ofo_queue`, `tcp_fin` in `net/ipv4/tcp_input.c`.
//! RFC 9293 §3.10.7.4, RFC 2018 §4. DSACK (RFC 2883) is not sent.

use super::ipv4::Segment;
use super::queue::tell_stream;
use super::seq::{after, before, max_seq, not_after};
use super::{TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::skb::{DropReason, SkBuff};
use crate::socket::{From, RCV_SHUTDOWN, tell_queue};
use crate::trace::{Field, Function, QueueKind, QueueOp, SockId, TcpState, What};
use crate::wire::tcp::FIN;
use crate::wire::tcp_options::TcpOptions;
use alloc::vec::Vec;

impl Host {
    /// `tcp_data_queue`: strips the header; the payload goes where its sequence number says.
    pub(super) fn tcp_data_queue(&mut self, cx: &mut Cx<'_>, sk: SockId, seg: &Segment, mut skb: SkBuff) {
        if skb.cb.seq == skb.cb.end_seq {
            return skb.consume(cx);
        }
        cx.call(Function::TcpDataQueue, |cx| {
            if skb.pull(u32::from(seg.tcp.header_len), cx).is_none() {
                return skb.kfree(DropReason::TcpMalformed, cx);
            }
            if seg.len > 0 {
                tell_stream(cx, &skb);
            }
            let Some(tp) = self.socks.tcp_mut(sk) else { return skb.kfree(DropReason::TcpClose, cx) };
            let (next, window) = (tp.rcv_nxt, tp.receive_window());
            if !before(skb.cb.seq, next.wrapping_add(window)) && (skb.cb.seq != next || window == 0) {
                // Out of the window: acknowledge at once, so the peer learns where it ends.
                tp.ack.scheduled = true;
                self.tcp_enter_quickack(sk, 16);
                let reason = if window == 0 { DropReason::TcpZerowindow } else { DropReason::TcpOverwindow };
                if let Some(tp) = self.socks.tcp_mut(sk) {
                    tp.ack.now = true;
                }
                return skb.kfree(reason, cx);
            }
            if not_after(skb.cb.end_seq, next) {
                // A retransmission of what is here already: our ACK got lost.
                tp.ack.scheduled = true;
                tp.ack.now = true;
                self.tcp_enter_quickack(sk, 16);
                return skb.kfree(DropReason::TcpOldData, cx);
            }
            if !self.tcp_try_rmem_schedule(cx, sk, skb.truesize()) {
                if let Some(tp) = self.socks.tcp_mut(sk) {
                    tp.ack.scheduled = true;
                    tp.ack.now = true;
                }
                return skb.kfree(DropReason::ProtoMem, cx);
            }
            if after(skb.cb.seq, next) {
                return self.tcp_data_queue_ofo(cx, sk, skb);
            }
            self.tcp_queue_rcv(cx, sk, skb, seg.len);
            self.tcp_ofo_queue(cx, sk);
            if self.socks.get(sk).is_some_and(|s| !s.is_orphan()) {
                self.sock_def_readable(cx, sk);
            }
        });
    }

    /// `tcp_queue_rcv`: in order; `rcv_nxt` moves on.
    fn tcp_queue_rcv(&mut self, cx: &mut Cx<'_>, sk: SockId, skb: SkBuff, len: u32) {
        let (end_seq, fin) = (skb.cb.end_seq, skb.cb.flags & FIN != 0);
        tcp_set!(self, cx, sk, rcv_nxt, RcvNxt, end_seq);
        if len > 0 {
            self.tcp_event_data_recv(cx, sk, len);
        }
        let from = self.socks.get(sk).map_or(From { addr: core::net::Ipv4Addr::UNSPECIFIED, port: 0 }, |s| From {
            addr: s.peer.0,
            port: s.peer.1,
        });
        self.sock_queue_rcv_skb(cx, sk, skb, from);
        if fin {
            self.tcp_fin(cx, sk);
        }
    }

    /// `tcp_try_rmem_schedule`: when the buffer is over its limit, what lies out of order goes first.
    fn tcp_try_rmem_schedule(&mut self, cx: &mut Cx<'_>, sk: SockId, truesize: u32) -> bool {
        let over = |host: &Host| host.socks.get(sk).is_none_or(|s| s.rmem_alloc > s.rcvbuf);
        while over(self) {
            let Some(skb) = self.socks.tcp_mut(sk).and_then(|tp| tp.ofo_queue.pop_back()) else { break };
            self.ofo_free(cx, sk, skb, DropReason::ProtoMem);
        }
        let _ = truesize;
        !over(self)
    }

    /// `tcp_data_queue_ofo`: keeps a segment that came too early, in order of sequence numbers.
    fn tcp_data_queue_ofo(&mut self, cx: &mut Cx<'_>, sk: SockId, mut skb: SkBuff) {
        cx.call(Function::TcpDataQueueOfo, |cx| {
            let Some(tp) = self.socks.tcp_mut(sk) else { return skb.kfree(DropReason::TcpClose, cx) };
            tp.ack.scheduled = true;
            tp.recent_ofo = skb.cb.seq;
            let (seq, end) = (skb.cb.seq, skb.cb.end_seq);
            let covered = tp.ofo_queue.iter().any(|o| not_after(o.cb.seq, seq) && !before(o.cb.end_seq, end));
            if covered {
                return skb.kfree(DropReason::TcpOfomerge, cx);
            }
            // What the new segment wholly covers is of no more use.
            let mut gone = Vec::new();
            let mut i = 0;
            while let Some(o) = tp.ofo_queue.get(i) {
                if not_after(seq, o.cb.seq) && !before(end, o.cb.end_seq) {
                    gone.extend(tp.ofo_queue.remove(i));
                } else {
                    i += 1;
                }
            }
            let at = tp.ofo_queue.iter().position(|o| after(o.cb.seq, seq)).unwrap_or(tp.ofo_queue.len());
            skb.owner = Some(sk);
            cx.trace.emit(|| What::Owner { skb: skb.id(), sock: sk, receive: true });
            let depth = tp.ofo_queue.len() as u16 + 1;
            tell_queue(cx, QueueKind::OutOfOrder, QueueOp::Enqueue, depth, &skb, sk);
            let truesize = skb.truesize();
            tp.ofo_queue.insert(at, skb);
            self.rmem_add(cx, sk, i64::from(truesize));
            for skb in gone {
                self.ofo_free(cx, sk, skb, DropReason::TcpOfomerge);
            }
        });
    }

    /// `tcp_ofo_queue`: what was early is now in order.
    fn tcp_ofo_queue(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let ready = |host: &Host| {
            host.socks.tcp(sk).is_some_and(|tp| tp.ofo_queue.front().is_some_and(|s| not_after(s.cb.seq, tp.rcv_nxt)))
        };
        if !ready(self) {
            return;
        }
        cx.call(Function::TcpOfoQueue, |cx| {
            while ready(self) {
                let Some(tp) = self.socks.tcp_mut(sk) else { break };
                let Some(skb) = tp.ofo_queue.pop_front() else { break };
                // The hole is filled: say so at once (RFC 5681 §4.2).
                tp.ack.now = true;
                if not_after(skb.cb.end_seq, tp.rcv_nxt) {
                    self.ofo_free(cx, sk, skb, DropReason::TcpOfomerge);
                    continue;
                }
                let depth = tp.ofo_queue.len() as u16;
                tell_queue(cx, QueueKind::OutOfOrder, QueueOp::Dequeue, depth, &skb, sk);
                self.rmem_add(cx, sk, -i64::from(skb.truesize()));
                let len = skb.len() as u32;
                self.tcp_queue_rcv(cx, sk, skb, len);
            }
        });
    }

    /// Frees a segment that was taken off the out-of-order queue.
    pub(super) fn ofo_free(&mut self, cx: &mut Cx<'_>, sk: SockId, skb: SkBuff, reason: DropReason) {
        let depth = self.socks.tcp(sk).map_or(0, |tp| tp.ofo_queue.len() as u16);
        tell_queue(cx, QueueKind::OutOfOrder, QueueOp::Dequeue, depth, &skb, sk);
        self.rmem_add(cx, sk, -i64::from(skb.truesize()));
        skb.kfree(reason, cx);
    }

    fn rmem_add(&mut self, cx: &mut Cx<'_>, sk: SockId, truesize: i64) {
        let Some(sock) = self.socks.get_mut(sk) else { return };
        let old = sock.rmem_alloc;
        sock.rmem_alloc = (i64::from(old) + truesize).max(0) as u32;
        let new = sock.rmem_alloc;
        self.tell_set(cx, sk, Field::RmemAlloc, old, new);
    }

    /// `tcp_fin`: the peer will send no more (RFC 9293 §3.10.7.4, eighth).
    fn tcp_fin(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        cx.call(Function::TcpFin, |cx| {
            let Some(tp) = self.socks.tcp_mut(sk) else { return };
            tp.ack.scheduled = true;
            // It is not a delayed matter: the FIN is acknowledged at once, unless data goes along.
            let early = core::mem::take(&mut tp.ofo_queue);
            for skb in early {
                self.ofo_free(cx, sk, skb, DropReason::TcpOldData);
            }
            let Some(sock) = self.socks.get_mut(sk) else { return };
            sock.shutdown |= RCV_SHUTDOWN;
            match sock.state {
                TcpState::SynRecv | TcpState::Established => {
                    self.set_state(cx, sk, TcpState::CloseWait);
                    if let Some(tp) = self.socks.tcp_mut(sk) {
                        // `inet_csk_enter_pingpong_mode`: our own FIN will probably follow soon.
                        tp.ack.pingpong = true;
                    }
                }
                TcpState::FinWait1 => {
                    self.tcp_send_ack(cx, sk);
                    self.set_state(cx, sk, TcpState::Closing);
                }
                TcpState::FinWait2 => {
                    self.tcp_send_ack(cx, sk);
                    self.tcp_time_wait_or_keep(cx, sk);
                }
                _ => {}
            }
            if self.socks.get(sk).is_some_and(|s| !s.is_orphan()) {
                self.sk_wake(cx, sk);
            }
        });
    }

    /// Both FINs are through. What the program has not read yet keeps the full socket alive.
    fn tcp_time_wait_or_keep(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(sock) = self.socks.get(sk) else { return };
        if sock.is_orphan() {
            self.tcp_time_wait(cx, sk, TcpState::TimeWait, super::TIMEWAIT_LEN);
        } else {
            self.tcp_detach_time_wait(cx, sk);
        }
    }

    /// Bytes of the SACK option: up to `most` blocks, the one that changed last first (RFC 2018 §4).
    fn sack_ranges(tp: &TcpSock) -> Vec<(u32, u32)> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for skb in &tp.ofo_queue {
            match ranges.last_mut() {
                Some(last) if not_after(skb.cb.seq, last.1) => last.1 = max_seq(last.1, skb.cb.end_seq),
                _ => ranges.push((skb.cb.seq, skb.cb.end_seq)),
            }
        }
        let recent = ranges.iter().position(|r| not_after(r.0, tp.recent_ofo) && before(tp.recent_ofo, r.1));
        if let Some(at) = recent {
            let first = ranges.remove(at);
            ranges.insert(0, first);
        }
        ranges
    }
}

impl TcpSock {
    /// Fills in the SACK blocks.
    pub(super) fn fill_sacks(&self, o: &mut TcpOptions, most: usize) {
        for range in Host::sack_ranges(self).into_iter().take(most) {
            o.sacks[usize::from(o.sack_count)] = range;
            o.sack_count += 1;
        }
    }
}
