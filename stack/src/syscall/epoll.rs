//! `epoll(7)`: one descriptor that tells which of many sockets is ready.
//!
//! Linux: `fs/eventpoll.c`. A socket's wake-up puts its item on the ready list (`ep_poll_callback`);
//! `epoll_wait` asks the items of that list only. Sockets can be watched, other epoll descriptors cannot.

use super::poll::fall_asleep;
use super::tasks::{Handle, MAX_FD};
use super::*;
use crate::host::{Cx, Host};
use crate::socket::Waiter;
use crate::time::Duration;
use crate::trace::{Function, SockId, TaskId, What};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

/// `EP_PRIVATE_BITS`: bits of `events` that say how, not what.
const PRIVATE_BITS: u32 = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE;
/// `EP_MAX_EVENTS`
const MAX_EVENTS: i32 = i32::MAX / 12;

/// An epoll instance of a host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct EpollId(u32);

/// What names a watched descriptor: the open socket and its number (`struct epoll_filefd`).
pub(crate) type Key = (SockId, Fd);

/// `struct epitem`.
#[derive(Clone, Debug)]
struct Item {
    event: EpollEvent,
    /// On the ready list.
    linked: bool,
}

/// `struct eventpoll`.
#[derive(Clone, Debug, Default)]
struct EventPoll {
    items: BTreeMap<Key, Item>,
    /// `rdllist`
    ready: VecDeque<Key>,
    /// Tasks in `epoll_wait`.
    waiters: VecDeque<TaskId>,
    /// Tasks in `poll` on the epoll descriptor.
    poll_waiters: Vec<TaskId>,
    files: u32,
}

impl EventPoll {
    /// Puts an item on the ready list, if it is not there.
    fn link(&mut self, key: Key) {
        if let Some(item) = self.items.get_mut(&key)
            && !item.linked
        {
            item.linked = true;
            self.ready.push_back(key);
        }
    }
}

/// The epoll instances of a host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Epolls {
    instances: BTreeMap<EpollId, EventPoll>,
    last: u32,
}

impl Epolls {
    fn get_mut(&mut self, ep: EpollId) -> Result<&mut EventPoll, Errno> {
        self.instances.get_mut(&ep).ok_or(Errno::EBADF)
    }

    pub(super) fn hold(&mut self, ep: EpollId) {
        if let Some(e) = self.instances.get_mut(&ep) {
            e.files += 1;
        }
    }

    /// A task polls the epoll descriptor itself.
    pub(super) fn wait(&mut self, ep: EpollId, task: TaskId) {
        if let Some(e) = self.instances.get_mut(&ep) {
            e.poll_waiters.push(task);
        }
    }

    pub(super) fn no_waiter(&mut self, ep: EpollId, task: TaskId) {
        if let Some(e) = self.instances.get_mut(&ep) {
            e.poll_waiters.retain(|t| *t != task);
            e.waiters.retain(|t| *t != task);
        }
    }
}

impl Host {
    /// `do_epoll_create`.
    pub(super) fn sys_epoll_create(&mut self, task: TaskId, flags: i32) -> Result<SysRet, Stop> {
        if flags & !EPOLL_CLOEXEC != 0 {
            return Err(Errno::EINVAL.into());
        }
        let ep = EpollId(self.epolls.last + 1);
        let file = File { handle: Handle::Epoll(ep), cloexec: flags & EPOLL_CLOEXEC != 0 };
        let fd = self.tasks.get(task).install(file)?;
        self.epolls.last += 1;
        self.epolls.instances.insert(ep, EventPoll { files: 1, ..EventPoll::default() });
        Ok(SysRet::ok(i64::from(fd)))
    }

    fn epoll_of(&mut self, task: TaskId, fd: Fd) -> Result<EpollId, Errno> {
        match self.tasks.get(task).file(fd).map(|f| f.handle) {
            Some(Handle::Epoll(ep)) => Ok(ep),
            Some(Handle::Sock(_)) => Err(Errno::EINVAL),
            None if (0..3).contains(&fd) => Err(Errno::EINVAL),
            None => Err(Errno::EBADF),
        }
    }

    /// `do_epoll_ctl`.
    pub(super) fn sys_epoll_ctl(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        epfd: Fd,
        (op, fd): (i32, Fd),
        event: Option<EpollEvent>,
    ) -> Result<SysRet, Stop> {
        let mut event = match (op, event) {
            (EPOLL_CTL_DEL, _) => EpollEvent { events: 0, data: 0 },
            (_, Some(event)) => event,
            (_, None) => return Err(Errno::EFAULT.into()),
        };
        let known = |n: Fd| (0..3).contains(&n);
        if self.tasks.get(task).file(epfd).is_none() && !known(epfd) {
            return Err(Errno::EBADF.into());
        }
        let sk = match self.tasks.get(task).file(fd).map(|f| f.handle) {
            Some(Handle::Sock(sk)) => sk,
            // A terminal could be watched, another epoll too: not here.
            Some(Handle::Epoll(_)) => return Err(Errno::EINVAL.into()),
            None if known(fd) => return Err(Errno::EPERM.into()),
            None => return Err(Errno::EBADF.into()),
        };
        let ep = self.epoll_of(task, epfd)?;
        if event.events & EPOLLEXCLUSIVE != 0 {
            let allowed = EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;
            if op == EPOLL_CTL_MOD || (op == EPOLL_CTL_ADD && event.events & !allowed != 0) {
                return Err(Errno::EINVAL.into());
            }
        }
        event.events |= EPOLLERR | EPOLLHUP;
        let key = (sk, fd);
        let e = self.epolls.get_mut(ep)?;
        match (op, e.items.contains_key(&key)) {
            (EPOLL_CTL_ADD, false) => {
                e.items.insert(key, Item { event, linked: false });
                if let Some(sock) = self.socks.get_mut(sk) {
                    sock.waiters.push(Waiter::Epoll(ep, fd));
                }
                self.ep_item_ready(cx, ep, key);
            }
            (EPOLL_CTL_MOD, true) => {
                if let Some(item) = e.items.get_mut(&key) {
                    item.event = event;
                }
                self.ep_item_ready(cx, ep, key);
            }
            (EPOLL_CTL_DEL, true) => self.ep_remove(ep, key),
            (EPOLL_CTL_ADD, true) => return Err(Errno::EEXIST.into()),
            (EPOLL_CTL_MOD | EPOLL_CTL_DEL, false) => return Err(Errno::ENOENT.into()),
            _ => return Err(Errno::EINVAL.into()),
        }
        Ok(SysRet::ok(0))
    }

    /// The end of `ep_insert` and `ep_modify`: if the socket is ready now, its item is.
    fn ep_item_ready(&mut self, cx: &mut Cx<'_>, ep: EpollId, key: Key) {
        if self.ep_item_poll(cx, ep, key) != 0 {
            if let Some(e) = self.epolls.instances.get_mut(&ep) {
                e.link(key);
            }
            self.ep_wake(cx, ep, key.0);
        }
    }

    /// `ep_item_poll`: which of the events asked for the socket has now.
    fn ep_item_poll(&mut self, cx: &mut Cx<'_>, ep: EpollId, key: Key) -> u32 {
        let mask = self.sock_poll(cx, key.0);
        let item = self.epolls.instances.get(&ep).and_then(|e| e.items.get(&key));
        item.map_or(0, |item| mask & item.event.events)
    }

    fn ep_wake(&mut self, cx: &mut Cx<'_>, ep: EpollId, sock: SockId) {
        let Some(e) = self.epolls.instances.get_mut(&ep) else { return };
        // Tasks in epoll_wait wait exclusively: one is woken.
        let tasks = e.waiters.pop_front().into_iter().chain(core::mem::take(&mut e.poll_waiters));
        for task in tasks {
            cx.trace.emit(|| What::Wake { task, sock });
            self.tasks.wake(task);
        }
    }

    /// `ep_poll_callback`: something happened on a watched socket; `events` says what, 0 that anything may have.
    pub(crate) fn ep_poll_callback(&mut self, cx: &mut Cx<'_>, (ep, fd): (EpollId, Fd), sock: SockId, events: u32) {
        let Some(e) = self.epolls.instances.get_mut(&ep) else { return };
        let Some(item) = e.items.get(&(sock, fd)) else { return };
        let wanted = item.event.events;
        if wanted & !PRIVATE_BITS == 0 || (events != 0 && events & wanted == 0) {
            return;
        }
        e.link((sock, fd));
        cx.call(Function::EpPollCallback, |cx| self.ep_wake(cx, ep, sock));
    }

    /// `do_epoll_wait`.
    pub(super) fn sys_epoll_wait(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        epfd: Fd,
        (maxevents, timeout_ms): (i32, i32),
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        if maxevents <= 0 || maxevents > MAX_EVENTS {
            return Err(Errno::EINVAL.into());
        }
        let ep = self.epoll_of(task, epfd)?;
        let events = self.ep_send_events(cx, ep, maxevents as usize);
        let over = timeout_ms == 0 || progress.deadline.is_some_and(|at| at <= cx.now);
        if !events.is_empty() || over {
            let count = events.len() as i64;
            return Ok(SysRet { out: Out::Epoll(events), ..SysRet::ok(count) });
        }
        if timeout_ms > 0 {
            progress.deadline.get_or_insert(cx.now + Duration::from_millis(timeout_ms as u64));
        }
        self.epolls.get_mut(ep)?.waiters.push_back(task);
        Err(fall_asleep(cx, task, SockId(0), Function::EpPoll))
    }

    /// `ep_send_events`: asks each item of the ready list whether it still is. Level-triggered ones go back on
    /// the list, one-shot ones are disabled.
    fn ep_send_events(&mut self, cx: &mut Cx<'_>, ep: EpollId, max: usize) -> Vec<EpollEvent> {
        let mut found = Vec::new();
        let Some(e) = self.epolls.instances.get_mut(&ep) else { return found };
        let mut list = core::mem::take(&mut e.ready);
        while found.len() < max {
            let Some(key) = list.pop_front() else { break };
            if let Some(item) = self.epolls.instances.get_mut(&ep).and_then(|e| e.items.get_mut(&key)) {
                item.linked = false;
            }
            let revents = self.ep_item_poll(cx, ep, key);
            let Some(e) = self.epolls.instances.get_mut(&ep).filter(|_| revents != 0) else { continue };
            let Some(item) = e.items.get_mut(&key) else { continue };
            found.push(EpollEvent { events: revents, data: item.event.data });
            if item.event.events & EPOLLONESHOT != 0 {
                item.event.events &= PRIVATE_BITS;
            } else if item.event.events & EPOLLET == 0 {
                e.link(key);
            }
        }
        // What was not asked stays in front (`ep_done_scan`).
        if let Some(e) = self.epolls.instances.get_mut(&ep) {
            list.append(&mut e.ready);
            e.ready = list;
        }
        found
    }

    /// `ep_eventpoll_poll`: an epoll descriptor is readable if an item is ready.
    pub(super) fn ep_eventpoll_poll(&mut self, cx: &mut Cx<'_>, ep: EpollId) -> u32 {
        let ready: Vec<Key> = self.epolls.instances.get(&ep).map_or(Vec::new(), |e| e.ready.iter().copied().collect());
        if ready.into_iter().any(|key| self.ep_item_poll(cx, ep, key) != 0) { EPOLLIN | EPOLLRDNORM } else { 0 }
    }

    /// `ep_remove`.
    fn ep_remove(&mut self, ep: EpollId, key: Key) {
        if let Some(e) = self.epolls.instances.get_mut(&ep) {
            e.items.remove(&key);
            e.ready.retain(|other| *other != key);
        }
        if let Some(sock) = self.socks.get_mut(key.0) {
            sock.waiters.retain(|w| *w != Waiter::Epoll(ep, key.1));
        }
    }

    /// `eventpoll_release`: a socket is closed, so nobody watches it any more.
    pub(crate) fn eventpoll_release(&mut self, sk: SockId) {
        let watchers: Vec<(EpollId, Fd)> = self.socks.get(sk).map_or(Vec::new(), |sock| {
            sock.waiters
                .iter()
                .filter_map(|w| if let Waiter::Epoll(ep, fd) = w { Some((*ep, *fd)) } else { None })
                .collect()
        });
        for (ep, fd) in watchers {
            self.ep_remove(ep, (sk, fd));
        }
    }

    /// `ep_eventpoll_release`: one descriptor less of an epoll instance; the last one ends it.
    pub(crate) fn ep_put(&mut self, ep: EpollId) {
        let Some(e) = self.epolls.instances.get_mut(&ep) else { return };
        e.files = e.files.saturating_sub(1);
        if e.files == 0 {
            let keys: Vec<Key> = e.items.keys().copied().collect();
            for key in keys {
                self.ep_remove(ep, key);
            }
            self.epolls.instances.remove(&ep);
        }
    }
}

/// More would not fit `RLIMIT_NOFILE` anyway.
const _: () = assert!(MAX_FD < MAX_EVENTS as usize);
