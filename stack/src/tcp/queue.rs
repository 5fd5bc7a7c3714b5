//! The send queues: entering, leaving, splitting; and what they charge to the socket.
//!
//! Linux: `tcp_add_write_queue_tail`, `tcp_rtx_queue_unlink_and_free`, `tcp_fragment`, `sk_wmem_queued_add`.

use super::MAX_TCP_HEADER;
use crate::host::{Cx, Host};
use crate::skb::SkBuff;
use crate::socket::tell_queue;
use crate::trace::{CopyKind, Field, QueueKind, QueueOp, SockId, What};
use crate::wire::tcp::{FIN, PSH};

impl Host {
    /// Charges memory to the socket's send buffer, or gives it back.
    pub(super) fn wmem_queued_add(&mut self, cx: &mut Cx<'_>, sk: SockId, truesize: i64) {
        let Some(sock) = self.socks.get_mut(sk) else { return };
        let old = sock.wmem_queued;
        sock.wmem_queued = (i64::from(old) + truesize).max(0) as u32;
        let new = sock.wmem_queued;
        self.tell_set(cx, sk, Field::WmemQueued, old, new);
    }

    /// `tcp_stream_alloc_skb`: a buffer with headroom for every header below, and room for one segment.
    pub(super) fn tcp_stream_alloc_skb(&mut self, cx: &mut Cx<'_>, sk: SockId, size: u32) -> SkBuff {
        let mut skb = SkBuff::alloc(MAX_TCP_HEADER + size, cx);
        skb.reserve(MAX_TCP_HEADER, cx);
        skb.owner = Some(sk);
        cx.trace.emit(|| What::Owner { skb: skb.id(), sock: sk, receive: false });
        self.wmem_queued_add(cx, sk, i64::from(skb.truesize()));
        skb
    }

    /// `tcp_add_write_queue_tail`.
    pub(super) fn write_queue_push(&mut self, cx: &mut Cx<'_>, sk: SockId, skb: SkBuff) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return skb.consume(cx) };
        let depth = tp.write_queue.len() as u16 + 1;
        tell_queue(cx, QueueKind::Write, QueueOp::Enqueue, depth, &skb, sk);
        tp.write_queue.push_back(skb);
    }

    /// `tcp_event_new_data_sent`: the segment at the head has been sent and now waits for its ACK.
    pub(super) fn write_queue_to_rtx(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        let Some(skb) = tp.write_queue.pop_front() else { return };
        tell_queue(cx, QueueKind::Write, QueueOp::Dequeue, tp.write_queue.len() as u16, &skb, sk);
        self.rtx_queue_push(cx, sk, skb);
    }

    /// Enters a segment in the retransmit queue.
    pub(super) fn rtx_queue_push(&mut self, cx: &mut Cx<'_>, sk: SockId, skb: SkBuff) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return skb.consume(cx) };
        let depth = tp.rtx_queue.len() as u16 + 1;
        tell_queue(cx, QueueKind::Retransmit, QueueOp::Enqueue, depth, &skb, sk);
        tp.rtx_queue.push_back(skb);
    }

    /// `tcp_rtx_queue_unlink_and_free`: the first segment is acknowledged. Gives its control block.
    pub(super) fn rtx_queue_pop(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        let Some(skb) = tp.rtx_queue.pop_front() else { return };
        tell_queue(cx, QueueKind::Retransmit, QueueOp::Dequeue, tp.rtx_queue.len() as u16, &skb, sk);
        let truesize = skb.truesize();
        skb.consume(cx);
        self.wmem_queued_add(cx, sk, -i64::from(truesize));
    }

    /// `tcp_write_queue_purge`: everything that waits to be sent or acknowledged is thrown away.
    pub(super) fn tcp_write_queue_purge(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        let rtx = core::mem::take(&mut tp.rtx_queue);
        let write = core::mem::take(&mut tp.write_queue);
        (tp.sacked_out, tp.lost_out, tp.retrans_out) = (0, 0, 0);
        let mut freed = 0;
        for (kind, queue) in [(QueueKind::Retransmit, rtx), (QueueKind::Write, write)] {
            let mut depth = queue.len() as u16;
            for skb in queue {
                depth -= 1;
                tell_queue(cx, kind, QueueOp::Dequeue, depth, &skb, sk);
                freed += i64::from(skb.truesize());
                skb.consume(cx);
            }
        }
        self.wmem_queued_add(cx, sk, -freed);
    }

    /// `tcp_fragment`: cuts the segment at `index` of a send queue after `len` bytes.
    pub(super) fn tcp_fragment(&mut self, cx: &mut Cx<'_>, sk: SockId, rtx: bool, index: usize, len: u32) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        let (kind, queue) =
            if rtx { (QueueKind::Retransmit, &mut tp.rtx_queue) } else { (QueueKind::Write, &mut tp.write_queue) };
        let Some(first) = queue.get_mut(index).filter(|s| s.len() > len as usize) else { return };
        let rest = first.bytes(cx)[len as usize..].to_vec();
        let mut second = SkBuff::alloc(MAX_TCP_HEADER + rest.len() as u32, cx);
        second.reserve(MAX_TCP_HEADER, cx);
        second.append(CopyKind::Kernel, &rest, cx);
        second.owner = Some(sk);
        cx.trace.emit(|| What::Owner { skb: second.id(), sock: sk, receive: false });
        second.cb = first.cb;
        second.cb.seq = first.cb.seq.wrapping_add(len);
        first.cb.end_seq = second.cb.seq;
        first.cb.flags &= !(FIN | PSH);
        first.trim(len as usize, cx);
        tell_stream(cx, first);
        tell_stream(cx, &second);
        let truesize = i64::from(second.truesize());
        let depth = queue.len() as u16 + 1;
        tell_queue(cx, kind, QueueOp::Enqueue, depth, &second, sk);
        // The halves of a segment in the retransmit queue count one by one.
        let sacked = second.cb.sacked;
        queue.insert(index + 1, second);
        if rtx {
            tp.sacked_out += u32::from(sacked & super::SACKED_ACKED != 0);
            tp.lost_out += u32::from(sacked & super::LOST != 0);
            tp.retrans_out += u32::from(sacked & super::SACKED_RETRANS != 0);
        }
        self.wmem_queued_add(cx, sk, truesize);
    }
}

/// Tells which bytes of the stream an skb carries.
pub(super) fn tell_stream(cx: &mut Cx<'_>, skb: &SkBuff) {
    let (id, seq, len) = (skb.id(), skb.cb.seq, skb.len() as u32);
    cx.trace.emit(|| What::Stream { skb: id, seq, len });
}
