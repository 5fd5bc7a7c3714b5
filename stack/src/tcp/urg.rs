//! Urgent data: the byte that the urgent pointer points to.
//!
//! Linux: `tcp_check_urg`, `tcp_urg` in `net/ipv4/tcp_input.c`, `tcp_recv_urg` in `net/ipv4/tcp.c`. RFC 9293 §3.8.5,
//! RFC 6093. `SIGURG` is not sent.

use super::TcpSock;
use super::ipv4::Segment;
use super::seq::{after, before};
use super::tcp_set;
use crate::host::{Cx, Host};
use crate::skb::SkBuff;
use crate::socket::RCV_SHUTDOWN;
use crate::syscall::{Errno, MSG_OOB, MSG_PEEK, MSG_TRUNC, Out, SysRet};
use crate::trace::TcpState;
use crate::wire::tcp::{SYN, URG};
use alloc::vec;
use alloc::vec::Vec;

/// `TCP_URG_VALID`: the byte is here, in the low eight bits.
pub(crate) const URG_VALID: u16 = 0x100;
/// `TCP_URG_NOTYET`: it is announced.
const URG_NOTYET: u16 = 0x200;
/// `TCP_URG_READ`: the program has it.
const URG_READ: u16 = 0x400;

impl TcpSock {
    /// `tcp_recv_urg`: `recv(MSG_OOB)` never sleeps.
    pub(super) fn recv_urg(&mut self, len: usize, flags: i32) -> Result<SysRet, Errno> {
        if self.sk.oobinline || self.urg_data == 0 || self.urg_data == URG_READ {
            return Err(Errno::EINVAL);
        }
        if self.sk.state == TcpState::Close && !self.sk.done {
            return Err(Errno::ENOTCONN);
        }
        if self.urg_data & URG_VALID != 0 {
            let byte = self.urg_data as u8;
            if flags & MSG_PEEK == 0 {
                self.urg_data = URG_READ;
            }
            let data = if len > 0 && flags & MSG_TRUNC == 0 { vec![byte] } else { vec![] };
            let flags = if len > 0 { MSG_OOB } else { MSG_OOB | MSG_TRUNC };
            let out = Out::Message { control: Vec::new(), flags };
            return Ok(SysRet { data, out, ..SysRet::ok(i64::from(len > 0)) });
        }
        if self.sk.state == TcpState::Close || self.sk.shutdown & RCV_SHUTDOWN != 0 {
            return Ok(SysRet::ok(0));
        }
        Err(Errno::EAGAIN)
    }
}

impl Host {
    /// `tcp_urg`: the segment's header is not stripped yet.
    #[inline]
    pub(super) fn tcp_urg(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seg: &Segment, skb: &SkBuff) {
        if seg.has(URG) {
            self.tcp_check_urg(cx, tp, seg);
        }
        if tp.urg_data == URG_NOTYET {
            let syn = u32::from(seg.has(SYN));
            let at = tp.urg_seq.wrapping_sub(seg.tcp.seq).wrapping_add(u32::from(seg.tcp.header_len)).wrapping_sub(syn);
            let byte = skb.pieces(at as usize, 1, cx).next().and_then(|piece| piece.first().copied());
            if let Some(byte) = byte.filter(|_| (at as usize) < skb.len()) {
                tp.urg_data = URG_VALID | u16::from(byte);
                if !tp.sk.dead {
                    self.sock_def_readable(cx, &mut tp.sk);
                }
            }
        }
    }

    /// `tcp_check_urg`: a new urgent pointer?
    fn tcp_check_urg(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seg: &Segment) {
        let mut pointer = u32::from(seg.tcp.urgent);
        if pointer > 0 && self.sysctl.tcp_stdurg == 0 {
            // As BSD has it: the pointer is to the byte after.
            pointer -= 1;
        }
        let at = seg.tcp.seq.wrapping_add(pointer);
        let old = after(tp.copied_seq, at) || before(at, tp.rcv_nxt);
        if old || (tp.urg_data != 0 && !after(at, tp.urg_seq)) {
            return;
        }
        // The byte before was urgent, and nobody took it: it stays out of the stream.
        let at_mark = tp.urg_data != 0 && tp.urg_seq == tp.copied_seq;
        let passed = at_mark && !tp.sk.oobinline && tp.copied_seq != tp.rcv_nxt;
        if passed {
            let next = tp.copied_seq.wrapping_add(1);
            tcp_set!(cx, tp, copied_seq, CopiedSeq, next);
            let all_read = tp.sk.receive_queue.front().is_some_and(|(skb, _)| !before(next, skb.cb.end_seq));
            if all_read && let Some((skb, _)) = tp.sk.dequeue_rcv_skb(cx) {
                skb.consume(cx);
            }
        }
        tp.urg_data = URG_NOTYET;
        tp.urg_seq = at;
    }
}
