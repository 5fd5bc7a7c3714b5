//! `tcp_sendmsg`: from the program's buffer to the write queue, and the send buffer's limits.
//!
//! Linux: `tcp_sendmsg_locked`, `tcp_push` in `net/ipv4/tcp.c`; `sk_stream_wait_memory` in `net/core/stream.c`;
//! `tcp_sndbuf_expand`, `tcp_check_space` in `net/ipv4/tcp_input.c`. RFC 9293 §3.9.1.2.

use super::queue::tell_stream;
use super::seq::after;
use super::xmit::{NAGLE_CORK, NAGLE_PUSH, Push, SK_GSO_MAX_SIZE};
use super::{Chrono, GSO_MAX_SEGS, MAX_TCP_HEADER, TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::socket::{SEND_SHUTDOWN, tx_flags};
use crate::syscall::{Errno, MSG_DONTWAIT, MSG_EOR, MSG_MORE, MSG_OOB, Progress, Stop};
use crate::trace::{CopyKind, Function, TaskId, TcpState};
use crate::wire::tcp::PSH;

/// The most bytes of a first segment that lie in its linear area and not in a page.
const LINEAR_PAYLOAD: usize = 1408;

impl TcpSock {
    /// `forced_push`: half of the largest window ever offered waits without PSH.
    fn forced_push(&self) -> bool {
        after(self.write_seq, self.pushed_seq.wrapping_add(self.max_window >> 1))
    }

    /// `tcp_tx_timestamp`: the last byte written so far is the one whose times are told.
    fn tx_timestamp(&mut self, tsflags: i32) {
        let flags = tx_flags(tsflags);
        if let Some(last) = self.write_queue.back_mut().filter(|_| flags != 0) {
            last.tx_flags |= flags;
            last.tskey = last.cb.seq.wrapping_add(last.len() as u32).wrapping_sub(1);
        }
    }

    /// `tcp_mark_push` on the last segment.
    fn mark_push(&mut self) {
        if let Some(last) = self.write_queue.back_mut() {
            last.cb.flags |= PSH;
        }
        self.pushed_seq = self.write_seq;
    }

    /// `tcp_xmit_size_goal`: how long a segment may become.
    fn xmit_size_goal(&mut self, mss: u32, large: bool) -> u32 {
        if !large {
            return mss;
        }
        let most = self.bound_to_half_wnd(SK_GSO_MAX_SIZE);
        let mut goal = u32::from(self.gso_segs) * mss;
        if most < goal || most >= goal + mss {
            self.gso_segs = (most / mss.max(1)).min(GSO_MAX_SEGS) as u16;
            goal = u32::from(self.gso_segs) * mss;
        }
        goal.max(mss)
    }
}

impl Host {
    /// `tcp_stream_memory_free`: may more wait that is not sent (`TCP_NOTSENT_LOWAT`)?
    pub(crate) fn tcp_stream_memory_free(&self, tp: &TcpSock, wake: u32) -> bool {
        let lowat = tp.notsent_lowat.unwrap_or(self.sysctl.tcp_notsent_lowat as u32);
        let notsent = tp.write_seq.wrapping_sub(tp.snd_nxt);
        (u64::from(notsent) << wake) < u64::from(lowat)
    }

    /// `__sk_stream_memory_free`.
    pub(crate) fn sk_stream_memory_free(&self, tp: &TcpSock, wake: u32) -> bool {
        tp.wmem_queued < tp.sndbuf && self.tcp_stream_memory_free(tp, wake)
    }

    /// `sk_stream_is_writeable`: a third of the buffer is free.
    pub(crate) fn sk_stream_is_writeable(&self, tp: &TcpSock) -> bool {
        i64::from(tp.sndbuf) - i64::from(tp.wmem_queued) >= i64::from(tp.wmem_queued >> 1)
            && self.sk_stream_memory_free(tp, 1)
    }

    /// `tcp_sendmsg_locked`: copies the bytes into segments and sends what may go. Gives how many were taken.
    pub(crate) fn tcp_sendmsg(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        tp: &mut TcpSock,
        buf: &[u8],
        flags: i32,
        progress: &mut Progress,
    ) -> Result<usize, Stop> {
        cx.call(Function::TcpSendmsg, |cx| {
            tp.rate_check_app_limited();
            let result = self.tcp_sendmsg_loop(cx, task, tp, buf, flags, progress);
            match result {
                Ok(()) => {}
                Err(Stop::Sleep) => return Err(Stop::Sleep),
                Err(Stop::Fail(errno)) => {
                    tp.remove_empty_skb(cx);
                    if progress.done == 0 {
                        // `sk_stream_error`
                        let errno = if errno == Errno::EPIPE { tp.sk.take_err().unwrap_or(errno) } else { errno };
                        if tp.write_queues_empty() && errno == Errno::EAGAIN {
                            self.sk_stream_write_space(cx, tp);
                            tp.chrono_stop(cx, Chrono::SndbufLimited);
                        }
                        return Err(errno.into());
                    }
                }
            }
            if progress.done > 0 {
                tp.tx_timestamp(progress.tsflags.unwrap_or(tp.tsflags));
                let (mss, goal) = self.tcp_send_mss(cx, tp, flags);
                let nonagle = tp.nonagle();
                self.tcp_push(cx, tp, flags, (mss, goal), nonagle);
            }
            Ok(progress.done)
        })
    }

    /// `tcp_send_mss`.
    fn tcp_send_mss(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, flags: i32) -> (u32, u32) {
        let mss = self.tcp_current_mss(cx, tp);
        (mss, tp.xmit_size_goal(mss, flags & MSG_OOB == 0))
    }

    fn tcp_sendmsg_loop(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        tp: &mut TcpSock,
        buf: &[u8],
        flags: i32,
        progress: &mut Progress,
    ) -> Result<(), Stop> {
        let nonblock = tp.nonblock || flags & MSG_DONTWAIT != 0;
        if !matches!(tp.state, TcpState::Established | TcpState::CloseWait) {
            self.sk_stream_wait_connect(cx, task, tp, nonblock, progress)?;
        }
        let (mut mss, mut goal) = self.tcp_send_mss(cx, tp, flags);
        if tp.err.is_some() || tp.shutdown & SEND_SHUTDOWN != 0 {
            return Err(Errno::EPIPE.into());
        }
        while progress.done < buf.len() {
            let room = tp.write_queue.back().filter(|s| !s.cb.eor).map_or(0, |s| goal.saturating_sub(s.len() as u32));
            if room == 0 && !self.tcp_new_segment(cx, tp, buf.len() - progress.done) {
                self.tcp_wait_for_space(cx, task, tp, (flags, mss, goal), nonblock, progress)?;
                (mss, goal) = self.tcp_send_mss(cx, tp, flags);
                continue;
            }
            let room = if room == 0 { goal } else { room };
            let chunk = &buf[progress.done..];
            let chunk = &chunk[..chunk.len().min(room as usize)];
            let Some(skb) = tp.write_queue.back_mut() else { return Err(Errno::EPIPE.into()) };
            let before_truesize = skb.truesize();
            let linear = skb.data_len() == 0 && skb.tailroom() as usize >= chunk.len();
            let copied = if linear {
                skb.append(CopyKind::FromUser, chunk, cx);
                chunk.len()
            } else {
                skb.append_page(chunk, cx)
            };
            if copied == 0 {
                tp.mark_push();
                if !self.tcp_new_segment(cx, tp, buf.len() - progress.done) {
                    self.tcp_wait_for_space(cx, task, tp, (flags, mss, goal), nonblock, progress)?;
                    (mss, goal) = self.tcp_send_mss(cx, tp, flags);
                }
                continue;
            }
            if progress.done == 0 {
                skb.cb.flags &= !PSH;
            }
            skb.cb.end_seq = skb.cb.end_seq.wrapping_add(copied as u32);
            skb.cb.gso_segs = 0;
            tell_stream(cx, skb);
            let (len, grown) = (skb.len() as u32, skb.truesize() - before_truesize);
            progress.done += copied;
            let last = progress.done == buf.len();
            skb.cb.eor |= last && flags & MSG_EOR != 0;
            tp.wmem_queued_add(cx, i64::from(grown));
            tcp_set!(cx, tp, write_seq, WriteSeq, tp.write_seq.wrapping_add(copied as u32));
            if last || len < goal || flags & MSG_OOB != 0 {
                continue;
            }
            if tp.forced_push() {
                tp.mark_push();
                self.__tcp_push_pending_frames(cx, tp, mss, NAGLE_PUSH);
            } else if tp.write_queue.len() == 1 {
                self.tcp_write_xmit(cx, tp, mss, NAGLE_PUSH, Push::One);
            }
        }
        Ok(())
    }

    /// `new_segment`: an empty segment at the end of the write queue. False if the send buffer is full.
    fn tcp_new_segment(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, left: usize) -> bool {
        if !self.sk_stream_memory_free(tp, 0) {
            return false;
        }
        // A short first segment lies in the linear area whole; all else goes to pages.
        let linear = if tp.write_queues_empty() && left <= LINEAR_PAYLOAD { left as u32 } else { 0 };
        self.tcp_slow_start_after_idle_check(cx, tp);
        let skb = tp.stream_alloc_skb(cx, linear);
        tp.skb_entail(cx, skb);
        true
    }

    /// `wait_for_space`: sends what there is, then sleeps until ACKs make room.
    fn tcp_wait_for_space(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        tp: &mut TcpSock,
        (flags, mss, goal): (i32, u32, u32),
        nonblock: bool,
        progress: &mut Progress,
    ) -> Result<(), Stop> {
        tp.sk.nospace = true;
        tp.remove_empty_skb(cx);
        if progress.done > 0 {
            self.tcp_push(cx, tp, flags & !MSG_MORE, (mss, goal), NAGLE_PUSH);
        }
        if tp.err.is_some() || tp.shutdown & SEND_SHUTDOWN != 0 {
            return Err(Errno::EPIPE.into());
        }
        if self.sk_stream_memory_free(tp, 0) {
            return Ok(());
        }
        if nonblock {
            return Err(Errno::EAGAIN.into());
        }
        let patience = (tp.sndtimeo, Errno::EAGAIN);
        Err(tp.sk.sleep_or_fail(cx, task, Function::SkStreamWaitMemory, progress, patience))
    }

    /// `sk_stream_wait_connect`.
    fn sk_stream_wait_connect(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        tp: &mut TcpSock,
        nonblock: bool,
        progress: &mut Progress,
    ) -> Result<(), Stop> {
        if tp.err.is_some() {
            return Err(Errno::EPIPE.into());
        }
        if !matches!(tp.state, TcpState::SynSent | TcpState::SynRecv) {
            return Err(Errno::EPIPE.into());
        }
        if nonblock {
            return Err(Errno::EAGAIN.into());
        }
        let patience = (tp.sndtimeo, Errno::EAGAIN);
        Err(tp.sk.sleep_or_fail(cx, task, Function::SkStreamWaitMemory, progress, patience))
    }

    /// `tcp_push`: the last segment of a write carries PSH.
    fn tcp_push(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, flags: i32, (mss, goal): (u32, u32), nonagle: u8) {
        if tp.write_queue.is_empty() {
            return;
        }
        cx.call(Function::TcpPush, |cx| {
            if flags & MSG_MORE == 0 || tp.forced_push() {
                tp.mark_push();
            }
            if flags & MSG_OOB != 0 {
                tp.snd_up = tp.write_seq;
            }
            self.tcp_take_wfree(cx, tp);
            if self.tcp_should_autocork(tp, goal) {
                tp.sk.tsq_throttled = true;
                return;
            }
            let nonagle = if flags & MSG_MORE != 0 { NAGLE_CORK } else { nonagle };
            self.__tcp_push_pending_frames(cx, tp, mss, nonagle);
        });
    }

    /// `tcp_should_autocork`: while earlier segments wait in qdisc or driver, a small one may still grow.
    fn tcp_should_autocork(&self, tp: &TcpSock, goal: u32) -> bool {
        let Some(last) = tp.write_queue.back() else { return false };
        (last.len() as u32) < goal
            && self.sysctl.tcp_autocorking != 0
            && !tp.rtx_queue.is_empty()
            && tp.wmem_alloc > last.truesize()
            && !last.cb.eor
    }

    /// `tcp_sndbuf_expand`: room for twice the congestion window (three times for BBR).
    pub(super) fn tcp_sndbuf_expand(&mut self, tp: &mut TcpSock) {
        let per_mss = u32::from(tp.rx_opt.mss_clamp).max(tp.mss_cache) + MAX_TCP_HEADER + 320;
        let per_mss = per_mss.next_power_of_two() + 256;
        let segments = tp.init_cwnd().max(tp.snd_cwnd).max(tp.reordering + 1);
        let wanted = u64::from(segments) * u64::from(per_mss) * u64::from(tp.ca_sndbuf_expand());
        let wanted = wanted.min(self.sysctl.tcp_wmem[2] as u64) as u32;
        if tp.sndbuf < wanted {
            tp.sk.sndbuf = wanted;
        }
    }

    /// `tcp_check_space`: a writer that was turned away may find room now.
    pub(super) fn tcp_check_space(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if tp.dead || !tp.sk.nospace {
            return;
        }
        // `tcp_new_space`
        if !tp.sndbuf_locked && tp.packets_in_flight() < tp.snd_cwnd {
            self.tcp_sndbuf_expand(tp);
            tp.snd_cwnd_stamp = cx.now;
        }
        self.sk_stream_write_space(cx, tp);
        if !tp.sk.nospace {
            tp.chrono_stop(cx, Chrono::SndbufLimited);
        }
    }

    /// `sk_stream_write_space`.
    pub(crate) fn sk_stream_write_space(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if self.sk_stream_is_writeable(tp) {
            tp.sk.nospace = false;
            if !tp.waiters.is_empty() {
                cx.call(Function::SkStreamWriteSpace, |cx| self.sk_wake_writers(cx, &mut tp.sk));
            }
        }
    }
}
