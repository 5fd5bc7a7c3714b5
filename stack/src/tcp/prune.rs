//! When the receive buffer is full: make the window small, pack the bytes closer, drop what is out of order.
//!
//! Linux: `tcp_try_rmem_schedule`, `tcp_prune_queue`, `tcp_collapse`, `tcp_prune_ofo_queue` in
//! `net/ipv4/tcp_input.c`. RFC 2018 §8 lets a receiver drop what it has SACKed.

use super::TcpSock;
use super::queue::tell_stream;
use super::seq::{after, before};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::skb::{DropReason, SHARED_INFO_SIZE, SkBuff};
use crate::socket::{From, tell_queue};
use crate::trace::{CopyKind, Function, QueueKind, QueueOp};
use crate::wire::tcp::{FIN, SYN};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// `SKB_MAX_ORDER(0, 0)`: what fits one page beside `skb_shared_info`, bytes.
const PAGE_PAYLOAD: u32 = 4096 - SHARED_INFO_SIZE;

impl TcpSock {
    /// `tcp_can_ingest`: does it fit the receive buffer?
    fn can_ingest(&self, skb: &SkBuff) -> bool {
        self.sk.rmem_alloc as usize + skb.len() <= self.sk.rcvbuf as usize
    }

    /// May the skb lose its identity? Not what carries a flag with a sequence number.
    fn is_plain(skb: &SkBuff) -> bool {
        skb.cb.flags & (SYN | FIN) == 0
    }
}

impl Host {
    /// `tcp_try_rmem_schedule`: makes room for an skb that came; false if there is none.
    #[inline]
    pub(super) fn tcp_try_rmem_schedule(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, skb: &SkBuff) -> bool {
        tp.can_ingest(skb) || self.tcp_prune_queue(cx, tp, skb)
    }

    /// `tcp_prune_queue`: false if nothing helped.
    fn tcp_prune_queue(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, skb: &SkBuff) -> bool {
        if tp.sk.rmem_alloc == 0 {
            return false;
        }
        cx.call(Function::TcpPruneQueue, |cx| {
            self.mib.inc(Counter::PruneCalled);
            self.tcp_clamp_window(tp);
            if tp.can_ingest(skb) {
                return true;
            }
            self.tcp_collapse_ofo_queue(cx, tp);
            self.tcp_collapse_receive_queue(cx, tp);
            if tp.can_ingest(skb) {
                return true;
            }
            self.tcp_prune_ofo_queue(cx, tp, skb);
            if tp.can_ingest(skb) {
                return true;
            }
            // The sender does not heed the window.
            self.mib.inc(Counter::RcvPruned);
            false
        })
    }

    /// `tcp_prune_ofo_queue`: drops from the end, an eighth of the buffer at a time, but nothing before the new skb.
    fn tcp_prune_ofo_queue(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, skb: &SkBuff) {
        let step = i64::from(tp.sk.rcvbuf >> 3);
        let mut goal = step;
        let mut pruned = false;
        while let Some(last) = tp.ofo_queue.back().filter(|last| !after(skb.cb.seq, last.cb.seq)) {
            pruned = true;
            goal -= i64::from(last.truesize());
            tp.ofo_drop(cx, tp.ofo_queue.len() - 1, DropReason::TcpOfoQueuePrune);
            if tp.ofo_queue.is_empty() || goal <= 0 {
                if tp.can_ingest(skb) {
                    break;
                }
                goal = step;
            }
        }
        if pruned {
            self.mib.inc(Counter::OfoPruned);
            if tp.rx_opt.sack_ok {
                tp.sack_reset();
            }
        }
    }

    /// `tcp_collapse_ofo_queue`: packs each run of segments without a gap.
    fn tcp_collapse_ofo_queue(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let mut tiny = 0;
        let mut first = 0;
        while let Some(head) = tp.ofo_queue.get(first) {
            let (mut start, mut end) = (head.cb.seq, head.cb.end_seq);
            let head_size = head.truesize();
            let mut size = head_size;
            let mut next = first + 1;
            while let Some(skb) =
                tp.ofo_queue.get(next).filter(|s| !after(s.cb.seq, end) && !before(s.cb.end_seq, start))
            {
                size += skb.truesize();
                if before(skb.cb.seq, start) {
                    start = skb.cb.seq;
                }
                if after(skb.cb.end_seq, end) {
                    end = skb.cb.end_seq;
                }
                next += 1;
            }
            // A single small one is not worth it.
            if size == head_size && end.wrapping_sub(start) < PAGE_PAYLOAD {
                tiny += size;
                if tiny > tp.sk.rcvbuf >> 3 {
                    return;
                }
                first = next;
                continue;
            }
            let mut rest = tp.ofo_queue.split_off(first);
            let tail = rest.split_off(next - first);
            let packed = self.tcp_collapse(cx, tp, QueueKind::OutOfOrder, rest, (start, end));
            tp.ofo_queue.extend(packed);
            first = tp.ofo_queue.len();
            tp.ofo_queue.extend(tail);
        }
    }

    /// `tcp_collapse` of the receive queue.
    fn tcp_collapse_receive_queue(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let queue = core::mem::take(&mut tp.sk.receive_queue);
        if queue.is_empty() {
            return;
        }
        let skbs = queue.into_iter().map(|(skb, _)| skb).collect();
        let range = (tp.copied_seq, tp.rcv_nxt);
        let packed = self.tcp_collapse(cx, tp, QueueKind::Receive, skbs, range);
        let from = From { addr: tp.sk.peer.0, port: tp.sk.peer.1 };
        tp.sk.receive_queue = packed.into_iter().map(|skb| (skb, from)).collect();
    }

    /// `tcp_collapse`: copies the bytes of `range` into buffers that they fill.
    fn tcp_collapse(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        kind: QueueKind,
        mut skbs: VecDeque<SkBuff>,
        (mut start, end): (u32, u32),
    ) -> VecDeque<SkBuff> {
        let mut out = VecDeque::new();
        // Up to the first that wastes memory, or holds bytes that another has too, nothing changes.
        while let Some(skb) = skbs.pop_front() {
            if !before(start, skb.cb.end_seq) {
                self.tcp_collapse_one(cx, tp, kind, skb, out.len() + skbs.len());
                continue;
            }
            let bloated = tp.win_from_space(skb.truesize() as i32) > skb.len() as i32 || before(skb.cb.seq, start);
            let overlaps = skbs.front().is_some_and(|next| next.cb.seq != skb.cb.end_seq);
            if (TcpSock::is_plain(&skb) && bloated) || overlaps {
                skbs.push_front(skb);
                break;
            }
            start = skb.cb.end_seq;
            out.push_back(skb);
        }
        while before(start, end) && skbs.front().is_some_and(TcpSock::is_plain) {
            let mut copy = end.wrapping_sub(start).min(PAGE_PAYLOAD);
            let mut packed = SkBuff::alloc(copy, cx);
            if let Some(first) = skbs.front() {
                packed.cb = first.cb;
                packed.inherit(first);
            }
            (packed.cb.seq, packed.cb.end_seq) = (start, start);
            while let Some(skb) = skbs.front().filter(|s| copy > 0 && TcpSock::is_plain(s)) {
                let offset = start.wrapping_sub(skb.cb.seq);
                let size = skb.cb.end_seq.wrapping_sub(start).min(copy);
                if after(skb.cb.seq, start) {
                    break;
                }
                let skb_end = skb.cb.end_seq;
                if before(start, skb_end) {
                    let bytes: Vec<u8> = skb.pieces(offset as usize, size as usize, cx).flatten().copied().collect();
                    packed.append(CopyKind::Kernel, &bytes, cx);
                    start = start.wrapping_add(size);
                    packed.cb.end_seq = start;
                    copy -= size;
                }
                if !before(start, skb_end)
                    && let Some(skb) = skbs.pop_front()
                {
                    self.tcp_collapse_one(cx, tp, kind, skb, out.len() + skbs.len());
                }
            }
            if packed.is_empty() {
                packed.consume(cx);
                break;
            }
            tell_stream(cx, &packed);
            tp.set_owner_r(cx, &mut packed);
            let depth = (out.len() + skbs.len() + 1).min(usize::from(u16::MAX)) as u16;
            tell_queue(cx, kind, QueueOp::Enqueue, depth, &packed, tp.sk.id);
            out.push_back(packed);
        }
        out.extend(skbs);
        out
    }

    /// `tcp_collapse_one`: its bytes are elsewhere now.
    fn tcp_collapse_one(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, kind: QueueKind, skb: SkBuff, depth: usize) {
        tell_queue(cx, kind, QueueOp::Dequeue, depth.min(usize::from(u16::MAX)) as u16, &skb, tp.sk.id);
        tp.sk.rmem_add(cx, -i64::from(skb.truesize()));
        skb.consume(cx);
        self.mib.inc(Counter::TcpRcvCollapsed);
    }
}

#[cfg(test)]
mod tests;
