//! `poll(2)`: what a descriptor is ready for, and sleeping until one is.
//!
//! Linux: `fs/select.c` (`do_sys_poll`), `net/socket.c` (`sock_poll`), `net/core/datagram.c` (`datagram_poll`).

use super::tasks::{Handle, MAX_FD};
use super::*;
use crate::host::{Cx, Host};
use crate::socket::{Proto, RCV_SHUTDOWN, SEND_SHUTDOWN, Sock, Waiter};
use crate::time::Duration;
use crate::trace::{Function, SockId, TaskId, What};
use alloc::vec::Vec;

/// What `poll` reports without being asked.
const ALWAYS: u32 = EPOLLERR | EPOLLHUP;

impl Host {
    /// `do_sys_poll`.
    pub(super) fn sys_poll(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        fds: &[PollFd],
        timeout_ms: i32,
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        if fds.len() > MAX_FD {
            return Err(Errno::EINVAL.into());
        }
        let mut revents = Vec::with_capacity(fds.len());
        for p in fds {
            let wanted = u32::from(p.events as u16) | ALWAYS;
            let mask = match self.tasks.get(task).file(p.fd).map(|f| f.handle) {
                _ if p.fd < 0 => 0,
                Some(handle) => self.vfs_poll(cx, handle) & wanted,
                // The terminal can be written to.
                None if p.fd < 3 => (EPOLLOUT | EPOLLWRNORM) & wanted,
                None => EPOLLNVAL,
            };
            revents.push(mask as i16);
        }
        let count = revents.iter().filter(|r| **r != 0).count();
        let over = timeout_ms == 0 || progress.deadline.is_some_and(|at| at <= cx.now);
        if count > 0 || over {
            return Ok(SysRet { out: Out::Poll(revents), ..SysRet::ok(count as i64) });
        }
        if timeout_ms > 0 {
            progress.deadline.get_or_insert(cx.now + Duration::from_millis(timeout_ms as u64));
        }
        let mut first = SockId(0);
        for p in fds {
            match self.tasks.get(task).file(p.fd).map(|f| f.handle) {
                Some(Handle::Sock(sk)) => {
                    if let Some(sock) = self.socks.get_mut(sk) {
                        sock.waiters.push(Waiter::task(task, u32::from(p.events as u16) | ALWAYS));
                    }
                    first = if first == SockId(0) { sk } else { first };
                }
                Some(Handle::Epoll(ep)) => self.epolls.wait(ep, task),
                None => {}
            }
        }
        Err(fall_asleep(cx, task, first, Function::PollScheduleTimeout))
    }

    /// `poll_freewait`: the task is on no wait queue any more.
    pub(super) fn poll_freewait(&mut self, task: TaskId, fds: &[PollFd]) {
        for p in fds {
            match self.tasks.get(task).file(p.fd).map(|f| f.handle) {
                Some(Handle::Sock(sk)) => {
                    if let Some(sock) = self.socks.get_mut(sk) {
                        sock.no_waiter(task);
                    }
                }
                Some(Handle::Epoll(ep)) => self.epolls.no_waiter(ep, task),
                None => {}
            }
        }
    }

    /// `vfs_poll`: what an open file is ready for.
    pub(super) fn vfs_poll(&mut self, cx: &mut Cx<'_>, handle: Handle) -> u32 {
        match handle {
            Handle::Sock(sk) => self.sock_poll(cx, sk),
            Handle::Epoll(ep) => self.ep_eventpoll_poll(cx, ep),
        }
    }

    /// `sock_poll`.
    pub(super) fn sock_poll(&mut self, cx: &mut Cx<'_>, sk: SockId) -> u32 {
        cx.call(Function::SockPoll, |cx| match self.socks.get(sk) {
            Some(sock) if sock.proto == Proto::Tcp => {
                cx.call(Function::TcpPoll, |cx| self.with_tcp(cx, sk, |host, _, tp| host.tcp_poll(tp)).unwrap_or(0))
            }
            Some(sock) => datagram_poll(sock),
            None => 0,
        })
    }
}

/// `datagram_poll`. What is sent leaves at once here, so there is always room for more.
fn datagram_poll(sock: &Sock) -> u32 {
    let mut mask = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
    if sock.err.is_some() || sock.has_error_queue() {
        mask |= EPOLLERR;
    }
    if sock.shutdown & RCV_SHUTDOWN != 0 {
        mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
    }
    if sock.shutdown & (RCV_SHUTDOWN | SEND_SHUTDOWN) == RCV_SHUTDOWN | SEND_SHUTDOWN {
        mask |= EPOLLHUP;
    }
    if !sock.receive_queue.is_empty() {
        mask |= EPOLLIN | EPOLLRDNORM;
    }
    mask
}

/// The task sleeps in this function; it is on the wait queues already.
pub(super) fn fall_asleep(cx: &mut Cx<'_>, task: TaskId, sock: SockId, function: Function) -> Stop {
    cx.trace.enter(function);
    cx.trace.emit(|| What::Sleep { task, sock });
    cx.trace.fall_asleep();
    cx.trace.exit();
    Stop::Sleep
}
