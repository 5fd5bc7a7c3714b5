//! What system calls do to a TCP socket: send and receive.
//!
//! Linux: `net/ipv4/tcp.c` (`tcp_sendmsg_locked`, `tcp_recvmsg_locked`). RFC 9293 §3.9.1.

use super::queue::tell_stream;
use super::seq::before;
use super::tcp_set;
use crate::host::{Cx, Host};
use crate::skb::DropReason;
use crate::socket::{RCV_SHUTDOWN, SEND_SHUTDOWN};
use crate::syscall::{
    Errno, MSG_DONTWAIT, MSG_MORE, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, Progress, Stop, SysRet,
};
use crate::trace::{CopyKind, Function, SockId, TaskId, TcpState};
use crate::wire::tcp::{ACK, PSH};
use alloc::vec::Vec;

impl Host {
    /// `tcp_sendmsg_locked`: copies the bytes into segments and sends what may go.
    pub(crate) fn tcp_sendmsg(
        &mut self,
        cx: &mut Cx<'_>,
        (task, sk): (TaskId, SockId),
        buf: &[u8],
        flags: i32,
        progress: &mut Progress,
    ) -> Result<usize, Stop> {
        cx.call(Function::TcpSendmsg, |cx| {
            if flags & MSG_OOB != 0 {
                return Err(Errno::EOPNOTSUPP.into());
            }
            let Some(sock) = self.socks.get_mut(sk) else { return Err(Errno::EBADF.into()) };
            let nonblock = sock.nonblock || flags & MSG_DONTWAIT != 0;
            let timeo = sock.sndtimeo;
            match sock.state {
                TcpState::Established | TcpState::CloseWait => {}
                TcpState::SynSent | TcpState::SynRecv if sock.err.is_none() => {
                    if nonblock {
                        return Err(Errno::EAGAIN.into());
                    }
                    let patience = (timeo, Errno::EAGAIN);
                    return Err(self.sleep_or_fail(cx, (task, sk), Function::SkStreamWaitMemory, progress, patience));
                }
                _ => {}
            }
            loop {
                let Some(sock) = self.socks.get_mut(sk) else { return Err(Errno::EBADF.into()) };
                let open = matches!(sock.state, TcpState::Established | TcpState::CloseWait);
                if sock.err.is_some() || sock.shutdown & SEND_SHUTDOWN != 0 || !open {
                    if progress.done > 0 {
                        return Ok(progress.done);
                    }
                    return Err(sock.take_err().unwrap_or(Errno::EPIPE).into());
                }
                if progress.done == buf.len() {
                    break;
                }
                if self.tcp_send_some(cx, sk, buf, progress) {
                    continue;
                }
                // `wait_for_space`: send what there is, then sleep until ACKs make room.
                self.tcp_push(cx, sk, flags & MSG_MORE != 0);
                if self.sk_stream_memory_free(sk) {
                    continue;
                }
                if nonblock {
                    return if progress.done > 0 { Ok(progress.done) } else { Err(Errno::EAGAIN.into()) };
                }
                let stop =
                    self.sleep_or_fail(cx, (task, sk), Function::SkStreamWaitMemory, progress, (timeo, Errno::EAGAIN));
                if stop != Stop::Sleep && progress.done > 0 {
                    return Ok(progress.done);
                }
                return Err(stop);
            }
            if !buf.is_empty() {
                self.tcp_push(cx, sk, flags & MSG_MORE != 0);
            }
            Ok(progress.done)
        })
    }

    /// `sk_stream_memory_free`.
    pub(super) fn sk_stream_memory_free(&self, sk: SockId) -> bool {
        self.socks.get(sk).is_some_and(|s| s.wmem_queued < s.sndbuf)
    }

    /// Copies into the last segment that has room, or into a new one. False if there is no memory for one.
    fn tcp_send_some(&mut self, cx: &mut Cx<'_>, sk: SockId, buf: &[u8], progress: &mut Progress) -> bool {
        let Some(tp) = self.socks.tcp_mut(sk) else { return false };
        let mss = tp.mss_cache;
        let has_room = tp.write_queue.back().is_some_and(|s| (s.len() as u32) < mss && s.tailroom() > 0);
        if !has_room {
            if !self.sk_stream_memory_free(sk) {
                return false;
            }
            let mut skb = self.tcp_stream_alloc_skb(cx, sk, mss);
            let Some(tp) = self.socks.tcp(sk) else {
                skb.kfree(DropReason::NoSocket, cx);
                return false;
            };
            skb.cb.seq = tp.write_seq;
            skb.cb.end_seq = tp.write_seq;
            skb.cb.flags = ACK;
            self.write_queue_push(cx, sk, skb);
        }
        let Some(tp) = self.socks.tcp_mut(sk) else { return false };
        let (max_window, snd_nxt) = (tp.max_window, tp.snd_nxt);
        let Some(skb) = tp.write_queue.back_mut() else { return false };
        let room = (mss as usize - skb.len()).min(skb.tailroom() as usize);
        let chunk = &buf[progress.done..];
        let chunk = &chunk[..chunk.len().min(room)];
        skb.append(CopyKind::FromUser, chunk, cx);
        skb.cb.end_seq = skb.cb.end_seq.wrapping_add(chunk.len() as u32);
        tell_stream(cx, skb);
        let end = skb.cb.end_seq;
        progress.done += chunk.len();
        let full = skb.len() as u32 >= mss;
        // `forced_push`: half of the largest window ever offered is waiting.
        let force = end.wrapping_sub(snd_nxt) > max_window / 2;
        if force {
            skb.cb.flags |= PSH;
        }
        tcp_set!(self, cx, sk, write_seq, WriteSeq, end);
        if full && force {
            self.tcp_push_pending(cx, sk);
        } else if full && self.socks.tcp(sk).is_some_and(|tp| tp.write_queue.len() == 1) {
            self.tcp_write_xmit(cx, sk, true);
        }
        true
    }

    /// `tcp_recvmsg_locked`: copies from the receive queue to the program.
    pub(crate) fn tcp_recvmsg(
        &mut self,
        cx: &mut Cx<'_>,
        (task, sk): (TaskId, SockId),
        len: usize,
        flags: i32,
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        cx.call(Function::TcpRecvmsg, |cx| {
            let Some(sock) = self.socks.get(sk) else { return Err(Errno::EBADF.into()) };
            if sock.state == TcpState::Listen {
                return Err(Errno::ENOTCONN.into());
            }
            if flags & MSG_OOB != 0 {
                return Err(Errno::EINVAL.into());
            }
            let nonblock = sock.nonblock || flags & MSG_DONTWAIT != 0;
            let target = if flags & MSG_WAITALL != 0 { len } else { sock.rcvlowat.min(len) }.max(1);
            let before_read = progress.data.len();
            if flags & MSG_PEEK != 0 {
                progress.data = self.tcp_peek(cx, sk, len);
            } else {
                self.tcp_read_queue(cx, sk, len, flags & MSG_TRUNC != 0, progress);
                let copied = (progress.data.len() - before_read) as u32;
                if copied > 0 {
                    self.tcp_rcv_space_adjust(cx, sk);
                    self.tcp_cleanup_rbuf(cx, sk, copied);
                }
            }
            let done = progress.data.len() >= target.min(len);
            if done {
                return Ok(bytes_read(progress));
            }
            let Some(sock) = self.socks.get_mut(sk) else { return Ok(bytes_read(progress)) };
            let ended = sock.shutdown & RCV_SHUTDOWN != 0 || sock.state == TcpState::Close;
            if !progress.data.is_empty() && (sock.err.is_some() || ended || nonblock) {
                return Ok(bytes_read(progress));
            }
            if let Some(errno) = sock.take_err() {
                return Err(errno.into());
            }
            if sock.shutdown & RCV_SHUTDOWN != 0 || had_fin(sock.state) {
                return Ok(SysRet::ok(0));
            }
            if sock.state == TcpState::Close {
                return Err(Errno::ENOTCONN.into());
            }
            if nonblock {
                return Err(Errno::EAGAIN.into());
            }
            let timeo = sock.rcvtimeo;
            let stop = self.sleep_or_fail(cx, (task, sk), Function::SkWaitData, progress, (timeo, Errno::EAGAIN));
            if stop != Stop::Sleep && !progress.data.is_empty() {
                return Ok(bytes_read(progress));
            }
            Err(stop)
        })
    }

    /// Takes bytes in order off the receive queue, up to `len` in all.
    fn tcp_read_queue(&mut self, cx: &mut Cx<'_>, sk: SockId, len: usize, discard: bool, progress: &mut Progress) {
        while progress.data.len() < len {
            let Some(copied_seq) = self.socks.tcp(sk).map(|tp| tp.copied_seq) else { break };
            let Some((skb, _)) = self.socks.get(sk).and_then(|s| s.receive_queue.front()) else { break };
            let offset = copied_seq.wrapping_sub(skb.cb.seq) as usize;
            let (end, fin) = (skb.len(), skb.cb.flags & crate::wire::tcp::FIN != 0);
            if offset < end {
                let take = (end - offset).min(len - progress.data.len());
                let bytes = &skb.bytes(cx)[offset..offset + take];
                progress.data.extend_from_slice(bytes);
                if !discard {
                    skb.copied_out(CopyKind::ToUser, offset, take, cx);
                }
                tcp_set!(self, cx, sk, copied_seq, CopiedSeq, copied_seq.wrapping_add(take as u32));
                if offset + take < end {
                    break;
                }
            }
            if let Some((skb, _)) = self.dequeue_rcv_skb(cx, sk) {
                skb.consume(cx);
            }
            if fin {
                let after_fin = self.socks.tcp(sk).map_or(0, |tp| tp.copied_seq.wrapping_add(1));
                tcp_set!(self, cx, sk, copied_seq, CopiedSeq, after_fin);
                break;
            }
        }
    }

    /// `MSG_PEEK`: the same bytes, left where they are.
    fn tcp_peek(&mut self, cx: &mut Cx<'_>, sk: SockId, len: usize) -> Vec<u8> {
        let mut data = Vec::new();
        let Some(mut seq) = self.socks.tcp(sk).map(|tp| tp.copied_seq) else { return data };
        let Some(sock) = self.socks.get(sk) else { return data };
        for (skb, _) in &sock.receive_queue {
            if data.len() >= len || before(seq, skb.cb.seq) {
                break;
            }
            let offset = seq.wrapping_sub(skb.cb.seq) as usize;
            let bytes = skb.bytes(cx).get(offset..).unwrap_or(&[]);
            let take = bytes.len().min(len - data.len());
            data.extend_from_slice(&bytes[..take]);
            seq = seq.wrapping_add(take as u32);
        }
        data
    }
}

fn bytes_read(progress: &mut Progress) -> SysRet {
    let data = core::mem::take(&mut progress.data);
    SysRet { value: Ok(data.len() as i64), data, ..SysRet::ok(0) }
}

/// States in which the peer has said that it will send no more.
fn had_fin(state: TcpState) -> bool {
    matches!(state, TcpState::CloseWait | TcpState::LastAck | TcpState::Closing | TcpState::TimeWait)
}
