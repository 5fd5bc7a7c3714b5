//! Sockets: `struct sock` and the tables that find one.
//!
//! Linux: `include/net/sock.h`, `net/core/sock.c`, `net/ipv4/inet_hashtables.c`.

mod cmsg;
mod ehash;
mod errqueue;
mod hash;
mod inet;
mod options;
mod table;
#[cfg(test)]
mod tests;
mod tstamp;
mod view;

pub(crate) use ehash::{Ehash, Established, Tuple};
pub(crate) use errqueue::ExtendedError;
pub(crate) use options::{int_of, value_of};
pub use table::SockTable;
pub(crate) use tstamp::{TX_RECORD_MASK, TX_SCHED, TX_SOFTWARE, TxStamp, tx_flags};
pub use view::SocketView;

use crate::host::{Cx, Host};
use crate::ip::Dst;
use crate::skb::SkBuff;
use crate::syscall::{
    EPOLLERR, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDBAND, EPOLLRDNORM, EPOLLWRBAND, EPOLLWRNORM, EpollId, Errno, Fd,
    IP_PMTUDISC_DO, IP_PMTUDISC_WANT, Progress, SO_TXREHASH, Stop,
};
use crate::time::Duration;
use crate::trace::{Field, Function, QueueKind, QueueOp, SockId, TaskId, TcpState, What};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// `RCV_SHUTDOWN`: nothing more will be received.
pub(crate) const RCV_SHUTDOWN: u8 = 1;
/// `SEND_SHUTDOWN`: nothing more will be sent.
pub(crate) const SEND_SHUTDOWN: u8 = 2;

/// What a socket speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Proto {
    Tcp,
    Udp,
    /// `IPPROTO_ICMP` with `SOCK_DGRAM`: the port is the echo identifier.
    Ping,
}

/// Who is told when something happens on a socket (`struct wait_queue_entry`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Waiter {
    /// A task that sleeps; with `events`, only if one of them may have happened.
    Task { task: TaskId, events: u32 },
    /// An epoll instance that watches it under this descriptor.
    Epoll(EpollId, Fd),
}

impl Waiter {
    pub(crate) fn task(task: TaskId, events: u32) -> Waiter {
        Waiter::Task { task, events }
    }
}

/// `socket->state`: how far the program has brought the socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum SocketState {
    /// `SS_UNCONNECTED`
    #[default]
    Unconnected,
    /// `SS_CONNECTING`: `connect` has begun, and no call has seen its end yet.
    Connecting,
    /// `SS_CONNECTED`
    Connected,
    /// `SS_DISCONNECTING`
    Disconnecting,
}

/// A datagram's sender, beside the skb in the receive queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct From {
    pub(crate) addr: Ipv4Addr,
    pub(crate) port: u16,
}

/// Who asks for a port: what counts when others have it already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binder {
    pub(crate) id: SockId,
    pub(crate) protocol: u8,
    pub(crate) reuseaddr: bool,
    pub(crate) reuseport: bool,
}

/// A socket.
#[derive(Clone, Debug)]
pub struct Sock {
    pub(crate) id: SockId,
    pub(crate) proto: Proto,
    pub(crate) state: TcpState,
    pub(crate) socket_state: SocketState,
    pub(crate) local: (Ipv4Addr, u16),
    pub(crate) peer: (Ipv4Addr, u16),
    /// `inet_num`: the port that it holds in the tables; 0 is none. `local` may show a port no longer held.
    pub(crate) num: u16,
    /// Was the port asked for by `bind` (`SOCK_BINDPORT_LOCK`)?
    pub(crate) bound: bool,
    /// The port was found by `connect` (`SOCK_CONNECT_BIND`): others to other peers may share it.
    pub(crate) connect_bind: bool,
    /// `bind` named an address, not just a port.
    pub(crate) addr_bound: bool,
    pub(crate) dst: Option<Dst>,
    pub(crate) err: Option<Errno>,
    pub(crate) soft_err: Option<Errno>,
    pub(crate) shutdown: u8,
    pub(crate) nonblock: bool,
    /// `O_APPEND`, `O_ASYNC`: kept, without effect.
    pub(crate) f_flags: i32,
    /// Descriptors that refer to it; 0: an orphan (`SOCK_DEAD`) or not accepted yet.
    pub(crate) files: u32,
    /// `SOCK_DEAD`: no program holds it, and none will.
    pub(crate) dead: bool,
    /// `SOCK_NOSPACE`: a writer was told that there is no room.
    pub(crate) nospace: bool,
    /// `SOCK_URGINLINE`
    pub(crate) oobinline: bool,
    /// `sk_pmtudisc`: `IP_PMTUDISC_*`.
    pub(crate) pmtudisc: u8,
    /// `IP_RECVERR`: ICMP errors end the call they concern.
    pub(crate) recverr: bool,
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
    /// `sk_wmem_alloc`: truesize of what is in the qdisc and the driver.
    pub(crate) wmem_alloc: u32,
    /// `TSQ_THROTTLED`: it waits until the driver has freed some of that.
    pub(crate) tsq_throttled: bool,
    /// `sk_rmem_alloc`: truesize of what waits to be read.
    pub(crate) rmem_alloc: u32,
    pub(crate) receive_queue: VecDeque<(SkBuff, From)>,
    /// Options of `SOL_SOCKET` that are only on or off, by number.
    pub(crate) so_flags: u128,
    /// Options of `SOL_IP` that are only on or off, by number.
    pub(crate) ip_flags: u64,
    pub(crate) priority: u32,
    pub(crate) mark: u32,
    pub(crate) min_ttl: u8,
    /// `IP_LOCAL_PORT_RANGE`: low in the low half.
    pub(crate) local_port_range: u32,
    /// `sk_tsflags`: `SOF_TIMESTAMPING_*`.
    pub(crate) tsflags: i32,
    /// `sk_tskey`: what `SOF_TIMESTAMPING_OPT_ID` counts from.
    pub(crate) tskey: u32,
    /// `SO_TIMESTAMP` or `SO_TIMESTAMPNS` (or their `_NEW` twins), whichever is on; 0 is none.
    pub(crate) rcv_timestamp: u8,
    /// `SOCK_DONE`: the peer's FIN has come.
    pub(crate) done: bool,
    /// `sk_error_queue`: ICMP errors and time stamps for `MSG_ERRQUEUE`.
    pub(crate) error_queue: VecDeque<ExtendedError>,
    /// `sk_wq`: who is told when something happens.
    pub(crate) waiters: Vec<Waiter>,
}

impl Sock {
    /// `set_bit` on a state, told.
    pub(crate) fn set_state(&mut self, cx: &mut Cx<'_>, new: TcpState) {
        let old = core::mem::replace(&mut self.state, new);
        if old != new {
            cx.trace.emit(|| What::SockState { sock: self.id, old, new });
        }
    }

    /// Tells the local and peer address.
    pub(crate) fn tell_names(&self, cx: &mut Cx<'_>) {
        for (peer, (addr, port)) in [(false, self.local), (true, self.peer)] {
            if port != 0 || !addr.is_unspecified() {
                cx.trace.emit(|| What::SockName { sock: self.id, peer, port, addr: addr.to_bits() });
            }
        }
    }

    /// Charges memory to the receive buffer, or gives it back.
    pub(crate) fn rmem_add(&mut self, cx: &mut Cx<'_>, truesize: i64) {
        let old = self.rmem_alloc;
        self.rmem_alloc = (i64::from(old) + truesize).max(0) as u32;
        cx.tell_set(self.id, Field::RmemAlloc, old, self.rmem_alloc);
    }

    /// Charges an skb to the receive buffer (`skb_set_owner_r`) and queues it.
    pub(crate) fn queue_rcv_skb(&mut self, cx: &mut Cx<'_>, mut skb: SkBuff, from: From) {
        skb.owner = Some(self.id);
        cx.trace.emit(|| What::Owner { skb: skb.id(), sock: self.id, receive: true });
        let depth = self.receive_queue.len() as u16 + 1;
        tell_queue(cx, QueueKind::Receive, QueueOp::Enqueue, depth, &skb, self.id);
        self.rmem_add(cx, i64::from(skb.truesize()));
        self.receive_queue.push_back((skb, from));
    }

    /// Takes the first skb off the receive queue and discharges it.
    pub(crate) fn dequeue_rcv_skb(&mut self, cx: &mut Cx<'_>) -> Option<(SkBuff, From)> {
        let (skb, from) = self.receive_queue.pop_front()?;
        tell_queue(cx, QueueKind::Receive, QueueOp::Dequeue, self.receive_queue.len() as u16, &skb, self.id);
        self.rmem_add(cx, -i64::from(skb.truesize()));
        Some((skb, from))
    }

    /// A task sleeps on the socket, in this kernel function.
    pub(crate) fn sleep_on(&mut self, cx: &mut Cx<'_>, task: TaskId, function: Function) -> Stop {
        cx.trace.enter(function);
        cx.trace.emit(|| What::Sleep { task, sock: self.id });
        cx.trace.fall_asleep();
        self.waiters.push(Waiter::task(task, 0));
        cx.trace.exit();
        Stop::Sleep
    }

    /// Sleeps unless patience is at its end; `timeo` is the socket's, for the first time the call sleeps.
    pub(crate) fn sleep_or_fail(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        function: Function,
        progress: &mut Progress,
        (timeo, errno): (Option<Duration>, Errno),
    ) -> Stop {
        let deadline = progress.deadline.or(timeo.map(|t| cx.now + t));
        if deadline.is_some_and(|at| at <= cx.now) {
            return Stop::Fail(errno);
        }
        progress.deadline = deadline;
        self.sleep_on(cx, task, function)
    }

    pub(crate) fn new(id: SockId, proto: Proto, sndbuf: u32, rcvbuf: u32) -> Sock {
        Sock {
            id,
            proto,
            state: TcpState::Close,
            socket_state: SocketState::Unconnected,
            local: (Ipv4Addr::UNSPECIFIED, 0),
            peer: (Ipv4Addr::UNSPECIFIED, 0),
            num: 0,
            bound: false,
            connect_bind: false,
            addr_bound: false,
            dst: None,
            err: None,
            soft_err: None,
            shutdown: 0,
            nonblock: false,
            f_flags: 0,
            files: 0,
            dead: false,
            nospace: false,
            oobinline: false,
            pmtudisc: 1,
            recverr: false,
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
            wmem_alloc: 0,
            tsq_throttled: false,
            rmem_alloc: 0,
            receive_queue: VecDeque::new(),
            // `net.core.txrehash`
            so_flags: 1 << SO_TXREHASH,
            ip_flags: 0,
            priority: 0,
            mark: 0,
            min_ttl: 0,
            local_port_range: 0,
            tsflags: 0,
            tskey: 0,
            rcv_timestamp: 0,
            done: false,
            error_queue: VecDeque::new(),
            waiters: Vec::new(),
        }
    }

    pub(crate) fn protocol(&self) -> u8 {
        match self.proto {
            Proto::Tcp => crate::wire::ipv4::IPPROTO_TCP,
            Proto::Udp => crate::wire::ipv4::IPPROTO_UDP,
            Proto::Ping => crate::wire::ipv4::IPPROTO_ICMP,
        }
    }

    /// `ip_dont_fragment`: is DF set on what it sends this way?
    pub(crate) fn ip_dont_fragment(&self, to: &Dst) -> bool {
        match i32::from(self.pmtudisc) {
            IP_PMTUDISC_DO => true,
            IP_PMTUDISC_WANT => !to.mtu_lock,
            _ => false,
        }
    }

    /// The task waits no longer.
    pub(crate) fn no_waiter(&mut self, task: TaskId) {
        self.waiters.retain(|w| !matches!(w, Waiter::Task { task: t, .. } if *t == task));
    }

    /// As one who asks for a port.
    pub(crate) fn binder(&self) -> Binder {
        Binder { id: self.id, protocol: self.protocol(), reuseaddr: self.reuseaddr, reuseport: self.reuseport }
    }

    /// Takes the pending error (`sock_error`).
    pub(crate) fn take_err(&mut self) -> Option<Errno> {
        self.err.take()
    }
}

impl Host {
    /// `sk_state_change`: anything may have happened, so everybody who waits is told.
    pub(crate) fn sk_wake(&mut self, cx: &mut Cx<'_>, sock: &mut Sock) {
        self.wake_up(cx, sock.id, &mut sock.waiters, 0);
    }

    /// [`Host::sk_wake`] for a socket in the table.
    pub(crate) fn sk_wake_id(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(sock) = self.socks.get_mut(sk) else { return };
        let mut waiters = core::mem::take(&mut sock.waiters);
        self.wake_up(cx, sk, &mut waiters, 0);
        if let Some(sock) = self.socks.get_mut(sk) {
            sock.waiters = waiters;
        }
    }

    /// `wake_up_interruptible_poll`: tells who waits for one of these events (0: for any). Tasks leave the queue.
    fn wake_up(&mut self, cx: &mut Cx<'_>, sk: SockId, waiters: &mut Vec<Waiter>, events: u32) {
        waiters.retain(|waiter| match *waiter {
            Waiter::Task { task, events: wanted } => {
                if wanted != 0 && events != 0 && wanted & events == 0 {
                    return true;
                }
                cx.trace.emit(|| What::Wake { task, sock: sk });
                self.tasks.wake(task);
                false
            }
            Waiter::Epoll(ep, fd) => {
                self.ep_poll_callback(cx, (ep, fd), sk, events);
                true
            }
        });
    }

    /// `sk_error_report`: the error waits for the next system call, and who waits is told.
    pub(crate) fn sk_set_err(&mut self, cx: &mut Cx<'_>, sock: &mut Sock, errno: Errno) {
        sock.err = Some(errno);
        cx.tell_set(sock.id, Field::SkErr, 0, errno as u32);
        self.sk_error_report(cx, sock);
    }

    /// `sock_def_error_report`.
    pub(crate) fn sk_error_report(&mut self, cx: &mut Cx<'_>, sock: &mut Sock) {
        self.wake_up(cx, sock.id, &mut sock.waiters, EPOLLERR);
    }

    /// `sk_data_ready`.
    pub(crate) fn sock_def_readable(&mut self, cx: &mut Cx<'_>, sock: &mut Sock) {
        const READABLE: u32 = EPOLLIN | EPOLLPRI | EPOLLRDNORM | EPOLLRDBAND;
        cx.call(Function::SockDefReadable, |cx| self.wake_up(cx, sock.id, &mut sock.waiters, READABLE));
    }

    /// The end of `sk_stream_write_space`: tells who waits for room.
    pub(crate) fn sk_wake_writers(&mut self, cx: &mut Cx<'_>, sock: &mut Sock) {
        self.wake_up(cx, sock.id, &mut sock.waiters, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
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
