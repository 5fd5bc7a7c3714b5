//! The out-of-order queue: segments that came too early, in order of their sequence numbers.
//!
//! Linux: `tcp_data_queue_ofo`, `tcp_ofo_queue` in `net/ipv4/tcp_input.c`. There it is a red-black tree; ours is
//! a deque, searched by halves. RFC 9293 §3.10.7.4, RFC 2018.
//! Invariant: both ends of the segments rise from front to back; they may overlap.

use super::seq::{after, before};
use super::{ACK_SCHED, TcpSock};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::skb::{DropReason, SkBuff};
use crate::socket::tell_queue;
use crate::trace::{Function, QueueKind, QueueOp};
use crate::wire::tcp::FIN;

impl TcpSock {
    /// Enters an skb at this place of the queue; the socket does not pay for it yet.
    fn ofo_insert(&mut self, cx: &mut Cx<'_>, at: usize, skb: SkBuff) {
        let depth = (self.ofo_queue.len() + 1).min(usize::from(u16::MAX)) as u16;
        tell_queue(cx, QueueKind::OutOfOrder, QueueOp::Enqueue, depth, &skb, self.sk.id);
        if at >= self.ofo_queue.len() {
            self.ofo_queue.push_back(skb);
        } else {
            self.ofo_queue.insert(at, skb);
        }
    }

    /// Takes an skb out of the queue; the socket still pays for it.
    pub(super) fn ofo_remove(&mut self, cx: &mut Cx<'_>, at: usize) -> Option<SkBuff> {
        let skb = if at == 0 { self.ofo_queue.pop_front() } else { self.ofo_queue.remove(at) }?;
        let depth = self.ofo_queue.len().min(usize::from(u16::MAX)) as u16;
        tell_queue(cx, QueueKind::OutOfOrder, QueueOp::Dequeue, depth, &skb, self.sk.id);
        Some(skb)
    }

    /// Takes an skb out of the queue and drops it.
    pub(super) fn ofo_drop(&mut self, cx: &mut Cx<'_>, at: usize, reason: DropReason) {
        if let Some(skb) = self.ofo_remove(cx, at) {
            self.sk.rmem_add(cx, -i64::from(skb.truesize()));
            skb.kfree(reason, cx);
        }
    }

    /// How many segments begin at `seq` or before.
    fn ofo_place(&self, seq: u32) -> usize {
        match self.ofo_queue.back() {
            Some(last) if before(seq, last.cb.seq) => self.ofo_queue.partition_point(|s| !after(s.cb.seq, seq)),
            _ => self.ofo_queue.len(),
        }
    }
}

impl Host {
    /// `tcp_data_queue_ofo`: it begins beyond `rcv_nxt`, inside the window.
    pub(super) fn tcp_data_queue_ofo(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, skb: SkBuff, header_len: u32) {
        cx.call(Function::TcpDataQueueOfo, |cx| {
            self.tcp_data_ecn_check(cx, tp, &skb);
            if !self.tcp_try_rmem_schedule(cx, tp, &skb) {
                self.mib.inc(Counter::TcpOfoDrop);
                self.sock_def_readable(cx, &mut tp.sk);
                return skb.kfree(DropReason::ProtoMem, cx);
            }
            tp.measure_rcv_mss(&skb, header_len);
            tp.ack.pending |= ACK_SCHED;
            tp.rcv_ooopack = tp.rcv_ooopack.wrapping_add(u32::from(skb.gso_segs.max(1)));
            self.mib.inc(Counter::TcpOfoQueue);
            let (seq, end_seq) = (skb.cb.seq, skb.cb.end_seq);
            if tp.ofo_queue.is_empty() {
                if tp.rx_opt.sack_ok {
                    tp.rx_opt.num_sacks = 1;
                    tp.selective_acks[0] = (seq, end_seq);
                }
                self.tcp_ofo_keep(cx, tp, 0, skb);
            } else {
                self.tcp_ofo_place(cx, tp, skb);
                if tp.rx_opt.sack_ok {
                    self.tcp_sack_new_ofo_skb(cx, tp, seq, end_seq);
                }
            }
            // A socket that is not accepted yet gets no larger buffer.
            if tp.sk.files > 0 {
                self.tcp_rcvbuf_grow(tp, tp.rcvq_space.0);
            }
        });
    }

    /// Finds its place among those that are there, and what it makes superfluous.
    fn tcp_ofo_place(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, skb: SkBuff) {
        let (seq, end_seq) = (skb.cb.seq, skb.cb.end_seq);
        let mut at = tp.ofo_place(seq);
        // The last that begins no later than this one.
        if let Some(prev) = at.checked_sub(1).and_then(|i| tp.ofo_queue.get_mut(i)) {
            let (prev_seq, prev_end) = (prev.cb.seq, prev.cb.end_seq);
            if before(seq, prev_end) {
                if !after(end_seq, prev_end) {
                    // Every byte is there.
                    self.mib.inc(Counter::TcpOfoMerge);
                    skb.kfree(DropReason::TcpOfomerge, cx);
                    return self.tcp_dsack_set(tp, seq, end_seq);
                }
                if after(seq, prev_seq) {
                    self.tcp_dsack_set(tp, seq, prev_end);
                } else {
                    // It begins where that one does, and covers it.
                    at -= 1;
                    self.tcp_dsack_extend(tp, prev_seq, prev_end);
                    self.mib.inc(Counter::TcpOfoMerge);
                    tp.ofo_drop(cx, at, DropReason::TcpOfomerge);
                }
            } else if self.tcp_try_coalesce(cx, prev, &skb) {
                let segs = prev.gso_segs.max(1).saturating_add(skb.gso_segs.max(1));
                prev.gso_segs = segs;
                if tp.rx_opt.sack_ok {
                    self.tcp_grow_window(tp, &skb);
                }
                return skb.consume(cx);
            }
        }
        // Those that it covers go.
        while let Some(next) = tp.ofo_queue.get(at) {
            let (next_seq, next_end) = (next.cb.seq, next.cb.end_seq);
            if !after(end_seq, next_seq) {
                break;
            }
            if before(end_seq, next_end) {
                self.tcp_dsack_extend(tp, next_seq, end_seq);
                break;
            }
            self.tcp_dsack_extend(tp, next_seq, next_end);
            self.mib.inc(Counter::TcpOfoMerge);
            tp.ofo_drop(cx, at, DropReason::TcpOfomerge);
        }
        self.tcp_ofo_keep(cx, tp, at, skb);
    }

    /// Enters it; the window grows by it only with SACK: without, the ACKs shall be plain duplicates.
    fn tcp_ofo_keep(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, at: usize, mut skb: SkBuff) {
        if tp.rx_opt.sack_ok {
            self.tcp_grow_window(tp, &skb);
        }
        tp.set_owner_r(cx, &mut skb);
        tp.ofo_insert(cx, at, skb);
    }

    /// `tcp_ofo_queue`: what was early is now in order.
    pub(super) fn tcp_ofo_queue(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if tp.ofo_queue.front().is_none_or(|s| after(s.cb.seq, tp.rcv_nxt)) {
            return;
        }
        cx.call(Function::TcpOfoQueue, |cx| {
            let dsack_high = tp.rcv_nxt;
            while let Some(first) = tp.ofo_queue.front() {
                let (seq, end_seq, fin) = (first.cb.seq, first.cb.end_seq, first.cb.flags & FIN != 0);
                if after(seq, tp.rcv_nxt) {
                    break;
                }
                if before(seq, dsack_high) {
                    // What came in order has these bytes too.
                    let end = if before(end_seq, dsack_high) { end_seq } else { dsack_high };
                    self.tcp_dsack_extend(tp, seq, end);
                }
                if !after(end_seq, tp.rcv_nxt) {
                    tp.ofo_drop(cx, 0, DropReason::TcpOfoDrop);
                    continue;
                }
                let Some(skb) = tp.ofo_remove(cx, 0) else { break };
                let tail = tp.sk.receive_queue.back_mut();
                let eaten = tail.is_some_and(|(tail, _)| self.tcp_try_coalesce(cx, tail, &skb));
                tp.rcv_nxt_update(cx, end_seq);
                if eaten {
                    tp.sk.rmem_add(cx, -i64::from(skb.truesize()));
                    skb.consume(cx);
                } else {
                    tp.add_receive_queue(cx, skb);
                }
                if fin {
                    // It empties the queue.
                    self.tcp_fin(cx, tp);
                    break;
                }
            }
        });
    }

    /// Frees the whole out-of-order queue with this reason.
    pub(super) fn tcp_ofo_purge(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, reason: DropReason) {
        while !tp.ofo_queue.is_empty() {
            tp.ofo_drop(cx, 0, reason);
        }
    }
}

#[cfg(test)]
mod tests;
