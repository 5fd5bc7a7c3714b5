//! The send queues: entering, leaving, splitting, joining; and what they charge to the socket.
//!
//! Linux: `tcp_stream_alloc_skb`, `tcp_skb_entail`, `tcp_write_queue_purge` in `net/ipv4/tcp.c`; `tcp_fragment`,
//! `tso_fragment`, `tcp_trim_head`, `tcp_set_skb_tso_segs`, `tcp_adjust_pcount`, `tcp_retrans_try_collapse`,
//! `tcp_grow_skb` in `net/ipv4/tcp_output.c`.

use super::seq::before;
use super::{Chrono, LOST, MAX_TCP_HEADER, SACKED_ACKED, SACKED_RETRANS, TcpSock};
use crate::host::{Cx, Host};
use crate::skb::SkBuff;
use crate::socket::tell_queue;
use crate::trace::{Field, Function, QueueKind, QueueOp, What};
use crate::wire::tcp::{ACK, FIN, PSH, SYN};

/// Which of the two send queues.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SendQueue {
    /// `sk_write_queue`
    Write,
    /// `tcp_rtx_queue`
    Rtx,
}

impl SkBuff {
    /// `tcp_skb_pcount`: how many segments it stands for.
    pub(super) fn pcount(&self) -> u32 {
        u32::from(self.cb.gso_segs)
    }

    /// `tcp_set_skb_tso_segs`.
    pub(super) fn set_tso_segs(&mut self, mss: u32) -> u32 {
        let len = self.len() as u32;
        if len <= mss {
            (self.cb.gso_segs, self.cb.gso_size) = (1, 0);
            return 1;
        }
        let segs = len.div_ceil(mss.max(1));
        (self.cb.gso_segs, self.cb.gso_size) = (segs as u16, mss as u16);
        segs
    }
}

impl TcpSock {
    /// `sk_wmem_queued_add`.
    pub(super) fn wmem_queued_add(&mut self, cx: &mut Cx<'_>, truesize: i64) {
        let old = self.sk.wmem_queued;
        self.sk.wmem_queued = (i64::from(old) + truesize).max(0) as u32;
        cx.tell_set(self.sk.id, Field::WmemQueued, old, self.sk.wmem_queued);
    }

    /// `tcp_stream_alloc_skb`: headroom for every header below; `linear` bytes of payload may lie in the linear area,
    /// more goes to pages.
    pub(super) fn stream_alloc_skb(&mut self, cx: &mut Cx<'_>, linear: u32) -> SkBuff {
        let mut skb = SkBuff::alloc(MAX_TCP_HEADER + linear, cx);
        skb.reserve(MAX_TCP_HEADER, cx);
        skb.owner = Some(self.sk.id);
        cx.trace.emit(|| What::Owner { skb: skb.id(), sock: self.sk.id, receive: false });
        skb
    }

    /// `tcp_queue_skb`, `tcp_add_write_queue_tail`: charged, and last of those that wait to be sent.
    pub(super) fn add_write_queue_tail(&mut self, cx: &mut Cx<'_>, skb: SkBuff) {
        self.wmem_queued_add(cx, i64::from(skb.truesize()));
        let depth = self.write_queue.len() as u16 + 1;
        tell_queue(cx, QueueKind::Write, QueueOp::Enqueue, depth, &skb, self.sk.id);
        self.write_queue.push_back(skb);
        if self.write_queue.len() == 1 {
            self.chrono_begin(cx, Chrono::Busy);
        }
    }

    /// `tcp_skb_entail`: an empty segment at `write_seq`.
    pub(super) fn skb_entail(&mut self, cx: &mut Cx<'_>, mut skb: SkBuff) {
        skb.cb.seq = self.write_seq;
        skb.cb.end_seq = self.write_seq;
        skb.cb.flags = ACK;
        self.nagle_push = false;
        self.add_write_queue_tail(cx, skb);
    }

    /// Enters a segment in the retransmit queue, last.
    pub(super) fn rtx_queue_push(&mut self, cx: &mut Cx<'_>, skb: SkBuff) {
        let depth = self.rtx_queue.len() as u16 + 1;
        tell_queue(cx, QueueKind::Retransmit, QueueOp::Enqueue, depth, &skb, self.sk.id);
        self.rtx_queue.push_back(skb);
    }

    /// `tcp_wmem_free_skb`.
    pub(super) fn wmem_free_skb(&mut self, cx: &mut Cx<'_>, skb: SkBuff) {
        self.wmem_queued_add(cx, -i64::from(skb.truesize()));
        skb.consume(cx);
    }

    /// `tcp_rtx_queue_unlink_and_free`: the segment at `index` is acknowledged, or joined with another.
    pub(super) fn rtx_queue_unlink_and_free(&mut self, cx: &mut Cx<'_>, index: usize) {
        let skb = if index == 0 { self.rtx_queue.pop_front() } else { self.rtx_queue.remove(index) };
        let Some(skb) = skb else { return };
        tell_queue(cx, QueueKind::Retransmit, QueueOp::Dequeue, self.rtx_queue.len() as u16, &skb, self.sk.id);
        self.wmem_free_skb(cx, skb);
    }

    /// `tcp_remove_empty_skb`: an skb that was made for bytes that then did not come.
    pub(super) fn remove_empty_skb(&mut self, cx: &mut Cx<'_>) {
        if self.write_queue.back().is_some_and(|s| s.cb.seq == s.cb.end_seq)
            && let Some(skb) = self.write_queue.pop_back()
        {
            tell_queue(cx, QueueKind::Write, QueueOp::Dequeue, self.write_queue.len() as u16, &skb, self.sk.id);
            if self.write_queue.is_empty() {
                self.chrono_stop(cx, Chrono::Busy);
            }
            self.wmem_free_skb(cx, skb);
        }
    }

    fn queue_mut(&mut self, which: SendQueue) -> &mut alloc::collections::VecDeque<SkBuff> {
        match which {
            SendQueue::Write => &mut self.write_queue,
            SendQueue::Rtx => &mut self.rtx_queue,
        }
    }

    /// `tcp_fragment`, `tso_fragment`: cuts the segment at `index` after `len` bytes; fragments of pages are shared,
    /// not copied. False if there is nothing to cut.
    pub(super) fn fragment(&mut self, cx: &mut Cx<'_>, which: SendQueue, index: usize, len: u32, mss: u32) -> bool {
        let function = if which == SendQueue::Rtx { Function::TcpFragment } else { Function::TsoFragment };
        cx.call(function, |cx| self.fragment_at(cx, which, index, len, mss))
    }

    fn fragment_at(&mut self, cx: &mut Cx<'_>, which: SendQueue, index: usize, len: u32, mss: u32) -> bool {
        let snd_nxt = self.snd_nxt;
        let linear = match self.queue_mut(which).get(index) {
            Some(skb) if skb.len() as u32 > len => (skb.headlen() as u32).saturating_sub(len),
            _ => return false,
        };
        let mut second = self.stream_alloc_skb(cx, linear);
        let alloc_truesize = second.truesize();
        let Some(first) = self.queue_mut(which).get_mut(index) else {
            second.consume(cx);
            return false;
        };
        let (old_truesize, old_factor) = (first.truesize(), first.pcount());
        let rest = first.len() as u32 - len;
        let flags = first.cb.flags;
        second.cb = first.cb;
        second.cb.seq = first.cb.seq.wrapping_add(len);
        first.cb.end_seq = second.cb.seq;
        first.cb.flags = flags & !(FIN | PSH);
        second.cb.eor = core::mem::take(&mut first.cb.eor);
        first.split_tx_stamp(&mut second);
        first.split(&mut second, len as usize, cx);
        first.set_truesize(old_truesize.saturating_sub(rest), cx);
        second.set_truesize(alloc_truesize + rest, cx);
        tell_stream(cx, first);
        tell_stream(cx, &second);
        let pcount = first.set_tso_segs(mss) + second.set_tso_segs(mss);
        let sacked = first.cb.sacked;
        let sent = !before(snd_nxt, second.cb.end_seq);
        let id = self.sk.id;
        let kind = if which == SendQueue::Rtx { QueueKind::Retransmit } else { QueueKind::Write };
        let queue = self.queue_mut(which);
        tell_queue(cx, kind, QueueOp::Enqueue, queue.len() as u16 + 1, &second, id);
        queue.insert(index + 1, second);
        self.wmem_queued_add(cx, i64::from(alloc_truesize));
        if sent {
            self.adjust_pcount(sacked, i64::from(old_factor) - i64::from(pcount));
        }
        true
    }

    /// `tcp_adjust_pcount`: a sent segment stands for `decr` segments less.
    pub(super) fn adjust_pcount(&mut self, sacked: u8, decr: i64) {
        let less = |n: u32| (i64::from(n) - decr).max(0) as u32;
        self.packets_out = less(self.packets_out);
        if sacked & SACKED_ACKED != 0 {
            self.sacked_out = less(self.sacked_out);
        }
        if sacked & SACKED_RETRANS != 0 {
            self.retrans_out = less(self.retrans_out);
        }
        if sacked & LOST != 0 {
            self.lost_out = less(self.lost_out);
        }
        if !self.rx_opt.sack_ok && decr > 0 {
            self.sacked_out -= self.sacked_out.min(decr as u32);
        }
    }

    /// `tcp_grow_skb`: moves bytes of the next waiting segment to the first, so that it leaves full.
    pub(super) fn grow_head(&mut self, cx: &mut Cx<'_>, amount: u32) {
        if self.write_queue.len() < 2 {
            return;
        }
        let Some(mut next) = self.write_queue.remove(1) else { return };
        let Some(first) = self.write_queue.front_mut() else { return };
        let len = amount.min(next.len() as u32);
        if first.cb.eor || len == 0 || !first.shift(&mut next, len as usize, cx) {
            self.write_queue.insert(1, next);
            return;
        }
        first.cb.end_seq = first.cb.end_seq.wrapping_add(len);
        next.cb.seq = next.cb.seq.wrapping_add(len);
        if !next.is_empty() {
            tell_stream(cx, first);
            tell_stream(cx, &next);
            self.write_queue.insert(1, next);
            return;
        }
        // `tcp_eat_one_skb`
        first.cb.end_seq = next.cb.end_seq;
        first.cb.flags |= next.cb.flags;
        first.cb.eor = next.cb.eor;
        first.join_tx_stamp(&next);
        tell_stream(cx, first);
        tell_queue(cx, QueueKind::Write, QueueOp::Dequeue, self.write_queue.len() as u16, &next, self.sk.id);
        self.wmem_free_skb(cx, next);
    }

    /// `tcp_trim_head`: the first `len` bytes of the segment at `index` are acknowledged.
    pub(super) fn trim_head(&mut self, cx: &mut Cx<'_>, index: usize, len: u32) {
        let Some(skb) = self.rtx_queue.get_mut(index) else { return };
        let (before_truesize, pages) = (skb.truesize(), skb.data_len());
        skb.trim_head(len as usize, cx);
        skb.cb.seq = skb.cb.seq.wrapping_add(len);
        let now = before_truesize.saturating_sub(pages - skb.data_len());
        skb.set_truesize(now, cx);
        tell_stream(cx, skb);
        let (old, mss) = (skb.pcount(), u32::from(skb.cb.gso_size));
        if old > 1 {
            skb.set_tso_segs(mss);
        }
        self.wmem_queued_add(cx, i64::from(now) - i64::from(before_truesize));
    }

    /// `tcp_retrans_try_collapse`: joins small segments behind the one at `index` into it, up to `space` bytes.
    pub(super) fn retrans_try_collapse(&mut self, cx: &mut Cx<'_>, index: usize, space: u32) {
        let mut space = i64::from(space);
        let mut first = true;
        loop {
            let (Some(skb), Some(next)) = (self.rtx_queue.get(index), self.rtx_queue.get(index + 1)) else { return };
            let joinable = skb.pcount() <= 1
                && skb.cb.flags & SYN == 0
                && !skb.is_cloned(cx)
                && !next.is_cloned(cx)
                && next.cb.sacked & SACKED_ACKED == 0
                && next.headlen() == 0
                && !skb.cb.eor
                && next.cb.flags & SYN == 0;
            space -= if first { skb.len() as i64 } else { 0 };
            let window = before(next.cb.end_seq, self.wnd_end().wrapping_add(1));
            space -= next.len() as i64;
            if !joinable || space < 0 || !window {
                return;
            }
            first = false;
            let Some(mut next) = self.rtx_queue.remove(index + 1) else { return };
            let (len, sacked, pcount) = (next.len(), next.cb.sacked, next.pcount());
            let Some(skb) = self.rtx_queue.get_mut(index) else { return };
            if len > 0 && !skb.shift(&mut next, len, cx) {
                self.rtx_queue.insert(index + 1, next);
                return;
            }
            // `tcp_collapse_retrans`
            skb.cb.end_seq = next.cb.end_seq;
            skb.cb.flags |= next.cb.flags;
            skb.cb.sacked |= sacked & super::EVER_RETRANS;
            skb.cb.eor = next.cb.eor;
            skb.join_tx_stamp(&next);
            tell_stream(cx, skb);
            if self.highest_sack == Some(next.cb.seq) {
                self.highest_sack = Some(skb.cb.seq);
            }
            self.adjust_pcount(sacked, i64::from(pcount));
            tell_queue(cx, QueueKind::Retransmit, QueueOp::Dequeue, self.rtx_queue.len() as u16, &next, self.sk.id);
            self.wmem_free_skb(cx, next);
        }
    }
}

impl Host {
    /// `tcp_write_queue_purge`: everything that waits to be sent or acknowledged is thrown away.
    pub(super) fn tcp_write_queue_purge(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        tp.chrono_stop(cx, Chrono::Busy);
        let rtx = core::mem::take(&mut tp.rtx_queue);
        let write = core::mem::take(&mut tp.write_queue);
        tp.packets_out = 0;
        (tp.sacked_out, tp.lost_out, tp.retrans_out) = (0, 0, 0);
        tp.highest_sack = None;
        tp.backoff = 0;
        tp.chrono_stop(cx, Chrono::Busy);
        let mut freed = 0;
        for (kind, queue) in [(QueueKind::Retransmit, rtx), (QueueKind::Write, write)] {
            let mut depth = queue.len() as u16;
            for skb in queue {
                depth -= 1;
                tell_queue(cx, kind, QueueOp::Dequeue, depth, &skb, tp.sk.id);
                freed += i64::from(skb.truesize());
                skb.consume(cx);
            }
        }
        tp.wmem_queued_add(cx, -freed);
    }
}

/// Tells which bytes of the stream an skb carries.
pub(super) fn tell_stream(cx: &mut Cx<'_>, skb: &SkBuff) {
    let (id, seq, len) = (skb.id(), skb.cb.seq, skb.len() as u32);
    cx.trace.emit(|| What::Stream { skb: id, seq, len });
}
