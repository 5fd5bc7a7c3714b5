//! Sockets: `struct sock` and the tables that find one.
//!
//! Linux: `include/net/sock.h`, `net/core/sock.c`, `net/ipv4/inet_hashtables.c`.

mod inet;
mod options;
mod table;

pub use table::SockTable;
pub(crate) use table::{Established, Tuple};

use crate::host::{Cx, Host};
use crate::ip::Dst;
use crate::skb::SkBuff;
use crate::syscall::{Errno, Fd};
use crate::tcp::TcpSock;
use crate::time::Duration;
use crate::trace::{Field, Function, QueueKind, QueueOp, SockId, TaskId, TcpState, What};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// `RCV_SHUTDOWN`: nothing more will be received.
pub(crate) const RCV_SHUTDOWN: u8 = 1;
/// `SEND_SHUTDOWN`: nothing more will be sent.
pub(crate) const SEND_SHUTDOWN: u8 = 2;

/// What a socket speaks.
#[derive(Clone, Debug)]
pub(crate) enum Proto {
    Tcp(Box<TcpSock>),
    Udp,
    /// `IPPROTO_ICMP` with `SOCK_DGRAM`: the port is the echo identifier.
    Ping,
}

/// A datagram's sender, beside the skb in the receive queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct From {
    pub(crate) addr: Ipv4Addr,
    pub(crate) port: u16,
}

/// A socket.
#[derive(Clone, Debug)]
pub struct Sock {
    pub(crate) id: SockId,
    pub(crate) proto: Proto,
    pub(crate) state: TcpState,
    pub(crate) local: (Ipv4Addr, u16),
    pub(crate) peer: (Ipv4Addr, u16),
    /// Was the port asked for by `bind`?
    pub(crate) bound: bool,
    /// `bind` named an address, not just a port.
    pub(crate) addr_bound: bool,
    pub(crate) dst: Option<Dst>,
    pub(crate) err: Option<Errno>,
    pub(crate) soft_err: Option<Errno>,
    pub(crate) shutdown: u8,
    pub(crate) nonblock: bool,
    /// Descriptors that refer to it; 0: an orphan (`SOCK_DEAD`) or not accepted yet.
    pub(crate) files: u32,
    pub(crate) reuseaddr: bool,
    pub(crate) reuseport: bool,
    pub(crate) broadcast: bool,
    pub(crate) keepalive: bool,
    pub(crate) linger: Option<Duration>,
    pub(crate) rcvtimeo: Option<Duration>,
    pub(crate) sndtimeo: Option<Duration>,
    pub(crate) rcvlowat: usize,
    pub(crate) tos: u8,
    pub(crate) ttl: Option<u8>,
    pub(crate) ip_id: u16,
    pub(crate) sndbuf: u32,
    pub(crate) rcvbuf: u32,
    pub(crate) sndbuf_locked: bool,
    pub(crate) rcvbuf_locked: bool,
    /// `sk_wmem_queued`: truesize of what waits to be sent or acknowledged.
    pub(crate) wmem_queued: u32,
    /// `sk_rmem_alloc`: truesize of what waits to be read.
    pub(crate) rmem_alloc: u32,
    pub(crate) receive_queue: VecDeque<(SkBuff, From)>,
    pub(crate) waiters: Vec<TaskId>,
}

impl Sock {
    pub(crate) fn new(id: SockId, proto: Proto, sndbuf: u32, rcvbuf: u32) -> Sock {
        Sock {
            id,
            proto,
            state: TcpState::Close,
            local: (Ipv4Addr::UNSPECIFIED, 0),
            peer: (Ipv4Addr::UNSPECIFIED, 0),
            bound: false,
            addr_bound: false,
            dst: None,
            err: None,
            soft_err: None,
            shutdown: 0,
            nonblock: false,
            files: 0,
            reuseaddr: false,
            reuseport: false,
            broadcast: false,
            keepalive: false,
            linger: None,
            rcvtimeo: None,
            sndtimeo: None,
            rcvlowat: 1,
            tos: 0,
            ttl: None,
            ip_id: 0,
            sndbuf,
            rcvbuf,
            sndbuf_locked: false,
            rcvbuf_locked: false,
            wmem_queued: 0,
            rmem_alloc: 0,
            receive_queue: VecDeque::new(),
            waiters: Vec::new(),
        }
    }

    pub(crate) fn protocol(&self) -> u8 {
        match self.proto {
            Proto::Tcp(_) => crate::wire::ipv4::IPPROTO_TCP,
            Proto::Udp => crate::wire::ipv4::IPPROTO_UDP,
            Proto::Ping => crate::wire::ipv4::IPPROTO_ICMP,
        }
    }

    /// Does no program hold it (`SOCK_DEAD`)?
    pub(crate) fn is_orphan(&self) -> bool {
        self.files == 0
    }

    /// Takes the pending error (`sock_error`).
    pub(crate) fn take_err(&mut self) -> Option<Errno> {
        self.err.take()
    }
}

impl Host {
    /// `set_bit` on a state, told.
    pub(crate) fn set_state(&mut self, cx: &mut Cx<'_>, sk: SockId, new: TcpState) {
        let Some(sock) = self.socks.get_mut(sk) else { return };
        let old = core::mem::replace(&mut sock.state, new);
        if old != new {
            cx.trace.emit(|| What::SockState { sock: sk, old, new });
        }
    }

    /// Tells a socket's local and peer address.
    pub(crate) fn tell_names(&self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(sock) = self.socks.get(sk) else { return };
        for (peer, (addr, port)) in [(false, sock.local), (true, sock.peer)] {
            if port != 0 || !addr.is_unspecified() {
                cx.trace.emit(|| What::SockName { sock: sk, peer, port, addr: addr.to_bits() });
            }
        }
    }

    /// Tells that a variable of a socket changed.
    pub(crate) fn tell_set(&self, cx: &mut Cx<'_>, sk: SockId, field: Field, old: u32, new: u32) {
        if old != new {
            cx.trace.emit(|| What::Set { field, sock: sk, old, new });
        }
    }

    /// `sk_error_report`: the error waits for the next system call, and who sleeps is woken.
    pub(crate) fn sk_set_err(&mut self, cx: &mut Cx<'_>, sk: SockId, errno: Errno) {
        if let Some(sock) = self.socks.get_mut(sk) {
            sock.err = Some(errno);
        }
        self.tell_set(cx, sk, Field::SkErr, 0, errno as u32);
        self.sk_wake(cx, sk);
    }

    /// Wakes every task that sleeps on the socket.
    pub(crate) fn sk_wake(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(sock) = self.socks.get_mut(sk) else { return };
        for task in core::mem::take(&mut sock.waiters) {
            cx.trace.emit(|| What::Wake { task, sock: sk });
            self.tasks.wake(task);
        }
    }

    /// `sk_data_ready`.
    pub(crate) fn sock_def_readable(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        cx.call(Function::SockDefReadable, |cx| self.sk_wake(cx, sk));
    }

    /// Charges an skb to a socket's receive buffer (`skb_set_owner_r`) and queues it.
    pub(crate) fn sock_queue_rcv_skb(&mut self, cx: &mut Cx<'_>, sk: SockId, mut skb: SkBuff, from: From) {
        let Some(sock) = self.socks.get_mut(sk) else {
            return skb.kfree(crate::skb::DropReason::NoSocket, cx);
        };
        let old = sock.rmem_alloc;
        sock.rmem_alloc += skb.truesize();
        let new = sock.rmem_alloc;
        skb.owner = Some(sk);
        cx.trace.emit(|| What::Owner { skb: skb.id(), sock: sk, receive: true });
        let depth = sock.receive_queue.len() as u16 + 1;
        tell_queue(cx, QueueKind::Receive, QueueOp::Enqueue, depth, &skb, sk);
        sock.receive_queue.push_back((skb, from));
        self.tell_set(cx, sk, Field::RmemAlloc, old, new);
    }

    /// Takes the first skb off the receive queue and discharges it.
    pub(crate) fn dequeue_rcv_skb(&mut self, cx: &mut Cx<'_>, sk: SockId) -> Option<(SkBuff, From)> {
        let sock = self.socks.get_mut(sk)?;
        let (skb, from) = sock.receive_queue.pop_front()?;
        let old = sock.rmem_alloc;
        sock.rmem_alloc -= skb.truesize();
        let (new, depth) = (sock.rmem_alloc, sock.receive_queue.len() as u16);
        tell_queue(cx, QueueKind::Receive, QueueOp::Dequeue, depth, &skb, sk);
        self.tell_set(cx, sk, Field::RmemAlloc, old, new);
        Some((skb, from))
    }

    /// Tells which descriptor of which task a socket has.
    pub(crate) fn tell_fd(&self, cx: &mut Cx<'_>, sk: SockId, task: TaskId, fd: Fd) {
        cx.trace.emit(|| What::SockFd { sock: sk, task, fd });
    }
}

/// Tells that an skb entered or left a queue of a socket.
pub(crate) fn tell_queue(cx: &mut Cx<'_>, kind: QueueKind, op: QueueOp, depth: u16, skb: &SkBuff, sk: SockId) {
    cx.trace.emit(|| What::Queue { kind, op, depth, skb: skb.id(), owner: sk.0 });
}
