//! What the program reads.
//!
//! Linux: `tcp_recvmsg_locked` in `net/ipv4/tcp.c`. RFC 9293 §3.9.1.4.

use super::seq::{after, before};
use super::{TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::socket::RCV_SHUTDOWN;
use crate::syscall::{Errno, MSG_DONTWAIT, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, Progress, Stop, SysRet};
use crate::trace::{CopyKind, Function, TaskId, TcpState};
use crate::wire::tcp::FIN;

/// A read that is going on: `*seq` in `tcp_recvmsg_locked`.
struct Cursor {
    /// The next byte.
    seq: u32,
    /// The skb of the receive queue to look at; always the first unless we only peek.
    at: usize,
    peek: bool,
    discard: bool,
}

impl Cursor {
    fn step(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, by: u32) {
        self.seq = self.seq.wrapping_add(by);
        if !self.peek {
            tcp_set!(cx, tp, copied_seq, CopiedSeq, self.seq);
        }
    }

    /// `tcp_eat_recv_skb`: all of it is read.
    fn eat(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if self.peek {
            self.at += 1;
        } else if let Some((skb, _)) = tp.sk.dequeue_rcv_skb(cx) {
            skb.consume(cx);
        }
    }
}

/// What one look at the queue gave.
enum Look {
    /// Bytes, or an skb that is done with: look again.
    Some,
    /// The end of the stream.
    Fin,
    /// The queue is empty, as far as we have read.
    Nothing,
}

impl Host {
    /// `tcp_recvmsg`: up to `len` bytes; `progress` keeps what was read before the task slept.
    pub(crate) fn tcp_recvmsg(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        tp: &mut TcpSock,
        len: usize,
        flags: i32,
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        if tp.sk.state == TcpState::Listen {
            return Err(Errno::ENOTCONN.into());
        }
        if flags & MSG_OOB != 0 {
            return Ok(tp.recv_urg(len, flags)?);
        }
        let peek = flags & MSG_PEEK != 0;
        if peek {
            // What was seen before the task slept is seen again.
            progress.done = 0;
            progress.data.clear();
        }
        let mut cursor = Cursor { seq: tp.copied_seq, at: 0, peek, discard: flags & MSG_TRUNC != 0 };
        let nonblock = tp.sk.nonblock || flags & MSG_DONTWAIT != 0;
        let target = if flags & MSG_WAITALL != 0 { len } else { tp.sk.rcvlowat.min(len) }.max(1);
        let stop = self.tcp_recvmsg_locked(cx, tp, len, target, &mut cursor, progress, nonblock);
        if let Err(Stop::Sleep) = stop {
            self.tcp_cleanup_rbuf(cx, tp, progress.done as i32);
            let patience = (tp.sk.rcvtimeo, Errno::EAGAIN);
            let stop = tp.sk.sleep_or_fail(cx, task, Function::SkWaitData, progress, patience);
            if stop == Stop::Sleep || progress.done == 0 {
                return Err(stop);
            }
        }
        self.tcp_cleanup_rbuf(cx, tp, progress.done as i32);
        match stop {
            Err(Stop::Fail(errno)) => Err(errno.into()),
            _ => {
                let value = progress.done as i64;
                Ok(SysRet { data: core::mem::take(&mut progress.data), ..SysRet::ok(value) })
            }
        }
    }

    /// `tcp_recvmsg_locked`: `Ok` if the call is done, with what is in `progress`; [`Stop::Sleep`] if it should sleep.
    #[allow(clippy::too_many_arguments)] // the locals of the kernel's function
    fn tcp_recvmsg_locked(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        len: usize,
        target: usize,
        cursor: &mut Cursor,
        progress: &mut Progress,
        nonblock: bool,
    ) -> Result<(), Stop> {
        loop {
            // Before the urgent byte a read ends.
            if tp.urg_data != 0 && tp.urg_seq == cursor.seq && progress.done > 0 {
                return Ok(());
            }
            match self.tcp_recv_chunk(cx, tp, len - progress.done, cursor, progress) {
                Look::Some if progress.done < len => continue,
                Look::Some | Look::Fin => return Ok(()),
                Look::Nothing => {}
            }
            let sk = &mut tp.sk;
            if progress.done >= target {
                return Ok(());
            }
            let shut = sk.shutdown & RCV_SHUTDOWN != 0;
            if progress.done > 0 {
                if nonblock || sk.err.is_some() || sk.state == TcpState::Close || shut {
                    return Ok(());
                }
                return Err(Stop::Sleep);
            }
            if sk.done {
                return Ok(());
            }
            if let Some(errno) = sk.take_err() {
                return Err(errno.into());
            }
            if shut {
                return Ok(());
            }
            if sk.state == TcpState::Close {
                return Err(Errno::ENOTCONN.into());
            }
            return Err(if nonblock { Errno::EAGAIN.into() } else { Stop::Sleep });
        }
    }

    /// `found_ok_skb` … `found_fin_ok`: takes up to `room` bytes from one skb.
    fn tcp_recv_chunk(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        room: usize,
        cursor: &mut Cursor,
        progress: &mut Progress,
    ) -> Look {
        let Some((skb, _)) = tp.sk.receive_queue.get(cursor.at) else { return Look::Nothing };
        let (size, fin) = (skb.len(), skb.cb.flags & FIN != 0);
        if before(cursor.seq, skb.cb.seq) {
            return Look::Nothing;
        }
        let mut offset = cursor.seq.wrapping_sub(skb.cb.seq) as usize;
        if offset >= size {
            if fin {
                return self.tcp_recv_fin(cx, tp, cursor);
            }
            cursor.eat(cx, tp);
            return Look::Some;
        }
        let mut used = (size - offset).min(room);
        if tp.urg_data != 0 {
            let to_mark = tp.urg_seq.wrapping_sub(cursor.seq) as usize;
            if to_mark == 0 && used > 0 && !tp.sk.oobinline {
                // The urgent byte is not part of the stream.
                cursor.step(cx, tp, 1);
                offset += 1;
                used -= 1;
            } else if to_mark > 0 && to_mark < used {
                used = to_mark;
            }
        }
        if used > 0 {
            if !cursor.discard
                && let Some((skb, _)) = tp.sk.receive_queue.get(cursor.at)
            {
                skb.copy_out(CopyKind::ToUser, offset, used, &mut progress.data, cx);
            }
            cursor.step(cx, tp, used as u32);
            progress.done += used;
            self.tcp_rcv_space_adjust(cx, tp);
        }
        if tp.urg_data != 0 && after(tp.copied_seq, tp.urg_seq) {
            tp.urg_data = 0;
        }
        if offset + used < size {
            return Look::Some;
        }
        if tp.sk.wants_timestamps() {
            // `tcp_update_recv_tstamps`
            tp.read_stamp = tp.sk.receive_queue.get(cursor.at).map_or(0, |(skb, _)| skb.tstamp);
        }
        if fin {
            return self.tcp_recv_fin(cx, tp, cursor);
        }
        cursor.eat(cx, tp);
        Look::Some
    }

    /// The FIN takes a sequence number.
    fn tcp_recv_fin(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, cursor: &mut Cursor) -> Look {
        cursor.step(cx, tp, 1);
        cursor.eat(cx, tp);
        Look::Fin
    }
}
