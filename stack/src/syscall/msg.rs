//! Calls with several buffers, with control messages, or with a pointer that points nowhere.
//!
//! Linux: `net/socket.c` (`____sys_sendmsg`, `____sys_recvmsg`), `net/core/scm.c` (`put_cmsg`), `lib/iov_iter.c`.

use super::*;
use crate::host::{Cx, Host};
use crate::socket::Proto;
use crate::trace::{Function, SockId, TaskId};
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// `UIO_MAXIOV`
const UIO_MAXIOV: usize = 1024;
/// `MAX_RW_COUNT`: no call moves more, bytes.
const MAX_RW_COUNT: usize = 0x7fff_f000;
/// `SKB_FRAG_PAGE_ORDER`: what is copied at once, bytes.
const PAGE_FRAG: usize = 32_768;
/// `sizeof(struct cmsghdr)`, bytes.
const CMSG_HEADER: usize = 16;

/// The bytes of a call that sends, and from which on there are none because a pointer is NULL.
pub(super) struct Source<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) fault: bool,
}

impl<'a> Source<'a> {
    pub(super) fn bytes(bytes: &'a [u8]) -> Source<'a> {
        Source { bytes: Cow::Borrowed(bytes), fault: false }
    }

    /// A buffer that is NULL; one without length is never read.
    pub(super) fn null(len: usize) -> Source<'a> {
        Source { bytes: Cow::Borrowed(&[]), fault: len > 0 }
    }

    pub(super) fn gather(iov: &'a [IoVec], too_many: Errno) -> Result<Source<'a>, Errno> {
        if iov.len() > UIO_MAXIOV {
            return Err(too_many);
        }
        let mut full = iov.iter().filter(|v| !v.is_empty());
        if let (Some(IoVec::Bytes(only)), None) = (full.next(), full.next()) {
            return Ok(Source::bytes(only));
        }
        let mut bytes = Vec::new();
        for v in iov {
            match v {
                IoVec::Bytes(part) => bytes.extend_from_slice(part),
                IoVec::Null(0) => {}
                IoVec::Null(_) => return Ok(Source { bytes: Cow::Owned(bytes), fault: true }),
            }
        }
        bytes.truncate(MAX_RW_COUNT);
        Ok(Source { bytes: Cow::Owned(bytes), fault: false })
    }
}

/// The room of a call that receives, and where in it a pointer is NULL.
#[derive(Clone, Copy)]
pub(super) struct Sink {
    len: usize,
    fault_at: Option<usize>,
}

impl Sink {
    pub(super) fn of(len: usize) -> Sink {
        Sink { len: len.min(MAX_RW_COUNT), fault_at: None }
    }

    pub(super) fn null(len: usize) -> Sink {
        Sink { len: len.min(MAX_RW_COUNT), fault_at: (len > 0).then_some(0) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn gather(iov: &[Room], too_many: Errno) -> Result<Sink, Errno> {
        if iov.len() > UIO_MAXIOV {
            return Err(too_many);
        }
        let (mut len, mut fault_at) = (0usize, None);
        for room in iov.iter().filter(|r| r.len > 0) {
            fault_at = fault_at.or(room.null.then_some(len));
            len = len.saturating_add(room.len);
        }
        Ok(Sink { len: len.min(MAX_RW_COUNT), fault_at })
    }
}

impl Host {
    /// Sends what there is. `copy_from_iter` stops where the buffer does: with nothing sent, that is `EFAULT`.
    pub(super) fn send_from(
        &mut self,
        cx: &mut Cx<'_>,
        (task, sk): (TaskId, SockId),
        source: &Source<'_>,
        flags: i32,
        addr: Option<SockAddr>,
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        let stream = self.socks.get(sk).is_some_and(|s| s.proto == Proto::Tcp);
        if source.fault && !stream {
            return Err(Errno::EFAULT.into());
        }
        // The kernel copies a page fragment at a time, and throws away one that it could not fill.
        let whole = if source.fault { source.bytes.len() / PAGE_FRAG * PAGE_FRAG } else { source.bytes.len() };
        let ret = self.sock_sendmsg(cx, task, sk, &source.bytes[..whole], flags, addr, progress)?;
        if source.fault && ret.value == Ok(0) { Err(Errno::EFAULT.into()) } else { Ok(ret) }
    }

    /// Receives what there is room for. Where the room ends at a NULL pointer nothing is taken off the queue,
    /// unless it is to be discarded (`MSG_TRUNC`).
    pub(super) fn receive_into(
        &mut self,
        cx: &mut Cx<'_>,
        (task, sk): (TaskId, SockId),
        sink: Sink,
        flags: i32,
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        let stream = self.socks.get(sk).is_some_and(|s| s.proto == Proto::Tcp);
        match sink.fault_at {
            Some(at) if at == 0 && !(stream && flags & MSG_TRUNC != 0) => {}
            Some(at) if at > 0 && stream => return self.sock_recvmsg(cx, task, sk, at, flags, progress),
            _ => return self.sock_recvmsg(cx, task, sk, sink.len, flags, progress),
        }
        let peek = if stream { flags | MSG_PEEK } else { flags };
        let ret = self.sock_recvmsg(cx, task, sk, 1, peek, progress)?;
        if ret.value == Ok(0) { Ok(ret) } else { Err(Errno::EFAULT.into()) }
    }

    /// `____sys_recvmsg`.
    pub(super) fn sys_recvmsg(
        &mut self,
        cx: &mut Cx<'_>,
        (task, sk): (TaskId, SockId),
        sink: Sink,
        (flags, controllen): (i32, usize),
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        let mut ret = self.receive_into(cx, (task, sk), sink, flags, progress)?;
        let (mut control, mut msg_flags) = match ret.out {
            Out::Message { control, flags } => (control, flags),
            _ => (Vec::new(), 0),
        };
        let mut room = controllen;
        control.retain_mut(|message| put_cmsg(message, &mut room, &mut msg_flags));
        if flags & MSG_CMSG_CLOEXEC != 0 {
            msg_flags |= MSG_CMSG_CLOEXEC;
        }
        ret.out = Out::Message { control, flags: msg_flags };
        Ok(ret)
    }

    /// `sock_cmsg_send` as far as it goes without privilege: what a program may say about one message.
    pub(super) fn check_control(control: &[ControlMsg]) -> Result<(), Errno> {
        for message in control {
            match (message.level, message.kind) {
                (SOL_SOCKET, SO_TIMESTAMPING) if message.data.len() == 4 => {}
                (SOL_SOCKET, _) => return Err(Errno::EINVAL),
                _ => {}
            }
        }
        Ok(())
    }

    /// `sock_recvmsg` of a TCP socket with what stands around the bytes: the error queue and `TCP_CM_INQ`.
    pub(crate) fn tcp_recvmsg_full(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        tp: &mut crate::tcp::TcpSock,
        (len, flags): (usize, i32),
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        if flags & MSG_ERRQUEUE != 0 {
            return tp.sk.recv_error(len);
        }
        tp.read_stamp = 0;
        let mut ret = cx.call(Function::TcpRecvmsg, |cx| self.tcp_recvmsg(cx, task, tp, len, flags, progress))?;
        let mut messages = Vec::new();
        if ret.value != Ok(0) && tp.read_stamp != 0 {
            // `tcp_recv_timestamp`
            tp.timestamp_cmsgs(tp.read_stamp, &mut messages);
        }
        if tp.recvmsg_inq {
            messages.push(ControlMsg { level: SOL_TCP, kind: TCP_CM_INQ, data: tp.inq_hint().to_le_bytes().into() });
        }
        match &mut ret.out {
            Out::Message { control, .. } => control.extend(messages),
            out if !messages.is_empty() => *out = Out::Message { control: messages, flags: 0 },
            _ => {}
        }
        Ok(ret)
    }
}

/// `put_cmsg`: cuts a message to the room there is; false if not even its header fits.
fn put_cmsg(message: &mut ControlMsg, room: &mut usize, msg_flags: &mut i32) -> bool {
    if *room < CMSG_HEADER {
        *msg_flags |= MSG_CTRUNC;
        return false;
    }
    if *room < CMSG_HEADER + message.data.len() {
        *msg_flags |= MSG_CTRUNC;
        message.data.truncate(*room - CMSG_HEADER);
    }
    *room -= message.space().min(*room);
    true
}
