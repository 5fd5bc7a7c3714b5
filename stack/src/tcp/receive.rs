//! Received data: what may come in, and where it goes.
//!
//! Linux: `tcp_sequence`, `tcp_data_queue`, `tcp_queue_rcv`, `tcp_try_coalesce`, `tcp_fin`, `tcp_data_ready` in
//! `net/ipv4/tcp_input.c`. RFC 9293 §3.10.7.4, RFC 7323 §2.4 (a window that was taken back still counts).

use super::ipv4::Segment;
use super::queue::tell_stream;
use super::seq::{after, before};
use super::{ACK_NOMEM, ACK_NOW, ACK_SCHED, TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::skb::{DropReason, SkBuff};
use crate::socket::{From, RCV_SHUTDOWN, tell_queue};
use crate::time::Duration;
use crate::trace::{CopyKind, Field, Function, QueueKind, QueueOp, TcpState, What};
use crate::wire::tcp::FIN;
use alloc::vec::Vec;

impl TcpSock {
    /// `tcp_sequence`: is the segment outside the window? `fin` if it carries a FIN.
    pub(super) fn tcp_sequence(&self, seq: u32, end_seq: u32, fin: bool) -> Option<DropReason> {
        if before(end_seq, self.rcv_wup) {
            return Some(DropReason::TcpOldSequence);
        }
        let limit = self.rcv_nxt.wrapping_add(self.max_receive_window());
        if !after(end_seq, limit) {
            return None;
        }
        if after(seq, limit) {
            return Some(DropReason::TcpInvalidSequence);
        }
        // A FIN may lie just beyond; it is looked at again when it is queued.
        if fin && !after(end_seq.wrapping_sub(1), limit) {
            return None;
        }
        // Data beyond the window is taken only by a reader who waits for it.
        (!self.sk.receive_queue.is_empty()).then_some(DropReason::TcpInvalidEndSequence)
    }

    /// `tcp_rcv_nxt_update`.
    pub(super) fn rcv_nxt_update(&mut self, cx: &mut Cx<'_>, seq: u32) {
        self.bytes_received += u64::from(seq.wrapping_sub(self.rcv_nxt));
        tcp_set!(cx, self, rcv_nxt, RcvNxt, seq);
    }

    /// `skb_set_owner_r`: the socket pays for it.
    pub(super) fn set_owner_r(&mut self, cx: &mut Cx<'_>, skb: &mut SkBuff) {
        let sock = self.sk.id;
        skb.owner = Some(sock);
        cx.trace.emit(|| What::Owner { skb: skb.id(), sock, receive: true });
        self.sk.rmem_add(cx, i64::from(skb.truesize()));
    }

    /// `tcp_add_receive_queue`: the socket pays for it already.
    pub(super) fn add_receive_queue(&mut self, cx: &mut Cx<'_>, skb: SkBuff) {
        let depth = (self.sk.receive_queue.len() + 1).min(usize::from(u16::MAX)) as u16;
        tell_queue(cx, QueueKind::Receive, QueueOp::Enqueue, depth, &skb, self.sk.id);
        let from = From { addr: self.sk.peer.0, port: self.sk.peer.1 };
        self.sk.receive_queue.push_back((skb, from));
    }
}

/// `skb_try_coalesce`: copies the payload of `from` behind that of `to`, if there is room. Linux may also move
/// page fragments; what our cards receive is linear, in a buffer of its own.
fn skb_try_coalesce(to: &mut SkBuff, from: &SkBuff, cx: &mut Cx<'_>) -> bool {
    let len = from.len();
    if to.gso_size > 0 || to.data_len() > 0 || len > to.tailroom() as usize || to.is_cloned(cx) {
        return false;
    }
    if len > 0 {
        let bytes: Vec<u8> = from.pieces(0, len, cx).flatten().copied().collect();
        to.append(CopyKind::Kernel, &bytes, cx);
    }
    true
}

impl Host {
    /// `tcp_try_coalesce`: joins `from` to the skb before it; the caller frees `from`.
    pub(super) fn tcp_try_coalesce(&mut self, cx: &mut Cx<'_>, to: &mut SkBuff, from: &SkBuff) -> bool {
        if from.cb.seq != to.cb.end_seq || !skb_try_coalesce(to, from, cx) {
            return false;
        }
        self.mib.inc(Counter::TcpRcvCoalesce);
        to.cb.end_seq = from.cb.end_seq;
        to.cb.ack_seq = from.cb.ack_seq;
        to.cb.flags |= from.cb.flags;
        if !from.is_empty() {
            tell_stream(cx, to);
        }
        true
    }

    /// `tcp_queue_rcv`, then `tcp_event_data_recv` and `tcp_fin`: what is in order; its header is stripped.
    pub(super) fn tcp_queue_rcv(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, mut skb: SkBuff, header_len: u32) {
        let (end_seq, fin) = (skb.cb.end_seq, skb.cb.flags & FIN != 0);
        let tail = tp.sk.receive_queue.back_mut();
        let eaten = tail.is_some_and(|(tail, _)| self.tcp_try_coalesce(cx, tail, &skb));
        tp.rcv_nxt_update(cx, end_seq);
        if !eaten {
            tp.set_owner_r(cx, &mut skb);
        }
        if !skb.is_empty() {
            self.tcp_event_data_recv(cx, tp, &skb, header_len);
        }
        if eaten {
            skb.consume(cx);
        } else {
            tp.add_receive_queue(cx, skb);
        }
        if fin {
            self.tcp_fin(cx, tp);
        }
    }

    /// `tcp_data_queue`: strips the TCP header, queues, drops or sets aside.
    pub(super) fn tcp_data_queue(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seg: &Segment, mut skb: SkBuff) {
        if skb.cb.seq == skb.cb.end_seq {
            return skb.consume(cx);
        }
        cx.call(Function::TcpDataQueue, |cx| {
            let header_len = u32::from(seg.tcp.header_len);
            if skb.pull(header_len, cx).is_none() {
                return skb.kfree(DropReason::TcpMalformed, cx);
            }
            if !skb.is_empty() {
                tell_stream(cx, &skb);
            }
            tp.rx_opt.dsack = false;
            if let Err((skb, reason)) = self.tcp_data_place(cx, tp, skb, header_len) {
                self.tcp_ack_out_of_window(tp);
                skb.kfree(reason, cx);
            }
        });
    }

    /// Where the payload belongs; an error gives it back with the reason why it cannot be used.
    fn tcp_data_place(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        skb: SkBuff,
        header_len: u32,
    ) -> Result<(), (SkBuff, DropReason)> {
        let (seq, end_seq, next) = (skb.cb.seq, skb.cb.end_seq, tp.rcv_nxt);
        let window = tp.receive_window();
        if seq == next {
            // Some send a bare FIN again and again into a closed window: take it.
            if window == 0 && !(skb.is_empty() && skb.cb.flags & FIN != 0) {
                self.mib.inc(Counter::TcpZeroWindowDrop);
                return Err((skb, DropReason::TcpZerowindow));
            }
            self.tcp_data_in_order(cx, tp, skb, header_len);
            return Ok(());
        }
        if !after(end_seq, next) {
            // It was received before: our ACK got lost, or the sender was too quick.
            self.mib.inc(Counter::DelayedAckLost);
            self.tcp_dsack_set(tp, seq, end_seq);
            return Err((skb, DropReason::TcpOldData));
        }
        if !before(seq, next.wrapping_add(window)) {
            return Err((skb, DropReason::TcpOverwindow));
        }
        if before(seq, next) {
            self.tcp_dsack_set(tp, seq, next);
            if window == 0 {
                self.mib.inc(Counter::TcpZeroWindowDrop);
                return Err((skb, DropReason::TcpZerowindow));
            }
            self.tcp_data_in_order(cx, tp, skb, header_len);
            return Ok(());
        }
        self.tcp_data_queue_ofo(cx, tp, skb, header_len);
        Ok(())
    }

    /// `tcp_data_queue` from `queue_and_out` on: it begins at `rcv_nxt` or before, and is new.
    fn tcp_data_in_order(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, skb: SkBuff, header_len: u32) {
        if !self.tcp_try_rmem_schedule(cx, tp, &skb) {
            // No room: the window closes until the program reads.
            tp.ack.pending |= ACK_NOMEM | ACK_NOW | ACK_SCHED;
            self.sock_def_readable(cx, &mut tp.sk);
            if !tp.sk.receive_queue.is_empty() && !skb.is_empty() {
                self.mib.inc(Counter::TcpRcvQDrop);
                return skb.kfree(DropReason::ProtoMem, cx);
            }
        }
        self.tcp_queue_rcv(cx, tp, skb, header_len);
        if !tp.ofo_queue.is_empty() {
            self.tcp_ofo_queue(cx, tp);
            if tp.ofo_queue.is_empty() {
                // RFC 5681 §4.2: a filled gap is acknowledged at once.
                tp.ack.pending |= ACK_NOW;
            }
        }
        if tp.rx_opt.num_sacks > 0 {
            tp.sack_remove();
        }
        if !tp.sk.dead {
            self.tcp_data_ready(cx, tp);
        }
    }

    /// `tcp_data_ready`: wakes the reader if there is as much as it wants (`SO_RCVLOWAT`).
    pub(super) fn tcp_data_ready(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if tp.is_readable(tp.sk.rcvlowat) || tp.sk.done {
            self.sock_def_readable(cx, &mut tp.sk);
        }
    }

    /// `tcp_fin`: the peer will send no more (RFC 9293 §3.10.7.4, eighth).
    pub(super) fn tcp_fin(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        cx.call(Function::TcpFin, |cx| {
            tp.ack.pending |= ACK_SCHED;
            let old = tp.sk.shutdown;
            tp.sk.shutdown |= RCV_SHUTDOWN;
            cx.tell_set(tp.sk.id, Field::Shutdown, u32::from(old), u32::from(tp.sk.shutdown));
            tp.sk.done = true;
            match tp.sk.state {
                TcpState::SynRecv | TcpState::Established => {
                    self.tcp_set_state(cx, tp, TcpState::CloseWait);
                    tp.enter_pingpong_mode(&self.sysctl);
                }
                TcpState::FinWait1 => {
                    // Both close at once.
                    self.tcp_send_ack(cx, tp);
                    self.tcp_set_state(cx, tp, TcpState::Closing);
                }
                TcpState::FinWait2 => {
                    self.tcp_send_ack(cx, tp);
                    self.tcp_time_wait(cx, tp, TcpState::TimeWait, Duration::ZERO);
                }
                _ => {}
            }
            // Nothing can come after a FIN.
            self.tcp_ofo_purge(cx, tp, DropReason::TcpOldData);
            if tp.rx_opt.sack_ok {
                tp.sack_reset();
            }
            if !tp.sk.dead {
                self.sk_wake(cx, &mut tp.sk);
            }
        });
    }
}

#[cfg(test)]
mod tests;
