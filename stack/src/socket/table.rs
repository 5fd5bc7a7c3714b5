//! The socket tables: by number, by port, and [by connection](super::Ehash).
//!
//! Linux: `net/ipv4/inet_hashtables.c` (`lhash2`, `bhash`), `net/ipv4/udp.c`. Each look-up takes the same time for ten
//! sockets and for a hundred thousand, and a socket that is gone leaves nothing behind.

use super::hash::{Map, Secret, trim};
use super::{Ehash, Established, Sock, Tuple};
use crate::skb::DropReason;
use crate::tcp::{Request, TcpSock, TimeWaitSock};
use crate::trace::{SockId, TaskId};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// What has a number.
#[derive(Clone, Debug)]
enum Slot {
    Tcp(Box<TcpSock>),
    Other(Box<Sock>),
    /// A small form: which connection's.
    Small(Tuple),
    /// A function works on it, or it is not made yet.
    Taken,
}

impl Slot {
    fn sock(&self) -> Option<&Sock> {
        match self {
            Slot::Tcp(tp) => Some(&tp.sk),
            Slot::Other(sock) => Some(sock),
            Slot::Small(_) | Slot::Taken => None,
        }
    }

    fn sock_mut(&mut self) -> Option<&mut Sock> {
        match self {
            Slot::Tcp(tp) => Some(&mut tp.sk),
            Slot::Other(sock) => Some(sock),
            Slot::Small(_) | Slot::Taken => None,
        }
    }
}

/// A protocol and a port of it.
type Port = (u8, u16);

/// No socket has this number.
const NOBODY: SockId = SockId(0);

/// A socket in the table, and its place among those of its port: a ring, in the order of binding (`sk_bind_node`).
#[derive(Clone, Debug)]
struct Entry {
    slot: Slot,
    /// The protocol is 0 if it has no port.
    port: Port,
    next: SockId,
    prev: SockId,
}

/// All sockets of a host.
#[derive(Clone, Debug)]
pub struct SockTable {
    last_id: SockId,
    socks: Map<SockId, Entry>,
    /// The connection that was worked on last: most segments are for the same one as that before. Its slot is
    /// [`Slot::Taken`].
    hot: Option<Box<TcpSock>>,
    pub(crate) ehash: Ehash,
    /// TCP listeners, by port.
    pub(crate) listeners: Map<u16, Vec<SockId>>,
    /// The first socket bound to a port.
    ports: Map<Port, SockId>,
    /// Connections in TIME_WAIT (`tw_refcount`).
    pub(crate) tw_count: u32,
    /// Sockets that no program holds any more (`tcp_orphan_count`).
    pub(crate) orphans: u32,
}

impl SockTable {
    /// Empty; the seed makes the hashes.
    pub(crate) fn new(seed: u64) -> SockTable {
        let secret = Secret::new(seed);
        SockTable {
            last_id: NOBODY,
            socks: Map::with_hasher(secret),
            hot: None,
            ehash: Ehash::new(secret),
            listeners: Map::with_hasher(secret),
            ports: Map::with_hasher(secret),
            tw_count: 0,
            orphans: 0,
        }
    }

    /// A number for a socket to come (a request socket has one too).
    pub(crate) fn new_id(&mut self) -> SockId {
        self.last_id.0 += 1;
        self.last_id
    }

    fn put(&mut self, id: SockId, slot: Slot) {
        match self.socks.get_mut(&id) {
            Some(entry) => entry.slot = slot,
            None => {
                self.socks.insert(id, Entry { slot, port: (0, 0), next: NOBODY, prev: NOBODY });
            }
        }
    }

    pub(crate) fn insert(&mut self, sock: Sock) {
        self.put(sock.id, Slot::Other(Box::new(sock)));
    }

    #[inline]
    pub(crate) fn get(&self, id: SockId) -> Option<&Sock> {
        match &self.hot {
            Some(tp) if tp.sk.id == id => Some(&tp.sk),
            _ => self.socks.get(&id)?.slot.sock(),
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: SockId) -> Option<&mut Sock> {
        match &mut self.hot {
            Some(tp) if tp.sk.id == id => Some(&mut tp.sk),
            _ => self.socks.get_mut(&id)?.slot.sock_mut(),
        }
    }

    /// A TCP socket that is in the table: not while a function has it ([`SockTable::take_tcp`]).
    pub(crate) fn tcp(&self, id: SockId) -> Option<&TcpSock> {
        if let Some(tp) = self.hot.as_ref().filter(|tp| tp.sk.id == id) {
            return Some(tp);
        }
        match &self.socks.get(&id)?.slot {
            Slot::Tcp(tp) => Some(tp),
            _ => None,
        }
    }

    /// A TCP socket that is in the table.
    pub(crate) fn tcp_mut(&mut self, id: SockId) -> Option<&mut TcpSock> {
        if let Some(tp) = self.hot.as_mut().filter(|tp| tp.sk.id == id) {
            return Some(tp);
        }
        match &mut self.socks.get_mut(&id)?.slot {
            Slot::Tcp(tp) => Some(tp),
            _ => None,
        }
    }

    /// Takes a TCP socket out, for a function to work on it. It keeps its number and port, until it is put back or
    /// removed.
    #[inline]
    pub(crate) fn take_tcp(&mut self, id: SockId) -> Option<Box<TcpSock>> {
        match self.hot.take() {
            Some(tp) if tp.sk.id == id => Some(tp),
            other => {
                self.hot = other;
                self.take_cold(id)
            }
        }
    }

    #[inline(never)]
    fn take_cold(&mut self, id: SockId) -> Option<Box<TcpSock>> {
        let slot = &mut self.socks.get_mut(&id)?.slot;
        match core::mem::replace(slot, Slot::Taken) {
            Slot::Tcp(tp) => Some(tp),
            other => {
                *slot = other;
                None
            }
        }
    }

    /// Puts a TCP socket in, for the first time.
    pub(crate) fn insert_tcp(&mut self, tp: Box<TcpSock>) {
        self.put(tp.sk.id, Slot::Tcp(tp));
    }

    /// Puts back a TCP socket that was taken.
    #[inline]
    pub(crate) fn put_tcp(&mut self, tp: Box<TcpSock>) {
        if let Some(before) = self.hot.replace(tp) {
            self.cool(before);
        }
    }

    /// Another connection was worked on before.
    #[inline(never)]
    fn cool(&mut self, tp: Box<TcpSock>) {
        self.put(tp.sk.id, Slot::Tcp(tp));
    }

    /// Forgets a socket, and its port. A small form of the same number stays.
    pub(crate) fn remove(&mut self, id: SockId) {
        if self.small(id).is_none() {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: SockId) {
        self.unbind_port(id);
        self.hot.take_if(|tp| tp.sk.id == id);
        self.socks.remove(&id);
        trim(&mut self.socks);
    }

    /// Enters a small form: a request, or what is left of a connection.
    pub(crate) fn insert_small(&mut self, tuple: Tuple, id: SockId, form: Established) {
        self.remove_small(&tuple);
        self.tw_count += u32::from(matches!(form, Established::TimeWait(_)));
        self.put(id, Slot::Small(tuple));
        self.ehash.insert(tuple, form);
    }

    /// Takes a small form out of the tables, and from under its port.
    pub(crate) fn remove_small(&mut self, tuple: &Tuple) -> Option<Established> {
        let id = match self.ehash.get(tuple)? {
            Established::Sock(_) => return None,
            Established::Request(request) => request.id,
            Established::TimeWait(tw) => {
                self.tw_count -= 1;
                tw.id
            }
        };
        self.forget(id);
        self.ehash.remove(tuple)
    }

    /// The connection of the small form of this number.
    pub(crate) fn small(&self, id: SockId) -> Option<Tuple> {
        match self.socks.get(&id)?.slot {
            Slot::Small(tuple) => Some(tuple),
            _ => None,
        }
    }

    /// A request, by its addresses.
    pub(crate) fn request_mut(&mut self, tuple: &Tuple) -> Option<&mut Request> {
        match self.ehash.get_mut(tuple)? {
            Established::Request(request) => Some(request),
            _ => None,
        }
    }

    /// What is left of a connection, by its addresses.
    pub(crate) fn timewait_mut(&mut self, tuple: &Tuple) -> Option<&mut TimeWaitSock> {
        match self.ehash.get_mut(tuple)? {
            Established::TimeWait(tw) => Some(tw),
            _ => None,
        }
    }

    /// What is left of a connection, by its number.
    pub(crate) fn timewait(&self, id: SockId) -> Option<&TimeWaitSock> {
        match self.ehash.get(&self.small(id)?)? {
            Established::TimeWait(tw) => Some(tw),
            _ => None,
        }
    }

    /// A task waits for no socket any more.
    pub(crate) fn forget_waiter(&mut self, task: TaskId) {
        // In no order, but nothing of it is seen.
        let hot = self.hot.iter_mut().map(|tp| &mut tp.sk);
        for sock in self.socks.values_mut().filter_map(|e| e.slot.sock_mut()).chain(hot) {
            sock.no_waiter(task);
        }
    }

    /// The full sockets, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Sock> {
        let hot = self.hot.iter().map(|tp| &tp.sk);
        self.socks.values().filter_map(|e| e.slot.sock()).chain(hot)
    }

    /// How many sockets are alive, the small forms included.
    pub fn len(&self) -> usize {
        self.socks.len()
    }

    /// Places of the tables, taken or free.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.socks.capacity().max(self.ports.capacity())
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The listener for a segment to this address and port.
    pub(crate) fn listener(&self, local: (Ipv4Addr, u16)) -> Option<SockId> {
        let at_port = self.listeners.get(&local.1)?;
        let matches = |any: bool| {
            at_port.iter().copied().find(|id| {
                self.get(*id).is_some_and(|s| if any { s.local.0.is_unspecified() } else { s.local.0 == local.0 })
            })
        };
        matches(false).or_else(|| matches(true))
    }

    /// Enters a socket, or a small form, under its port. It may come into the table later.
    pub(crate) fn bind_port(&mut self, protocol: u8, port: u16, id: SockId) {
        let port = (protocol, port);
        if self.socks.get(&id).is_some_and(|entry| entry.port == port) {
            return;
        }
        self.unbind_port(id);
        let first = *self.ports.entry(port).or_insert(id);
        let last = match self.socks.get_mut(&first) {
            Some(entry) if first != id => core::mem::replace(&mut entry.prev, id),
            _ => id,
        };
        if let Some(entry) = self.socks.get_mut(&last) {
            entry.next = id;
        }
        let slot = match self.socks.get_mut(&id) {
            Some(entry) => core::mem::replace(&mut entry.slot, Slot::Taken),
            None => Slot::Taken,
        };
        self.socks.insert(id, Entry { slot, port, next: first, prev: last });
    }

    /// Takes a socket from under its port, if it has one.
    pub(crate) fn unbind_port(&mut self, id: SockId) {
        let Some(entry) = self.socks.get_mut(&id).filter(|e| e.port.0 != 0) else { return };
        let Entry { port, next, prev, .. } = *entry;
        (entry.port, entry.next, entry.prev) = ((0, 0), NOBODY, NOBODY);
        if next == id {
            self.ports.remove(&port);
            return trim(&mut self.ports);
        }
        if let Some(entry) = self.socks.get_mut(&next) {
            entry.prev = prev;
        }
        if let Some(entry) = self.socks.get_mut(&prev) {
            entry.next = next;
        }
        if let Some(first) = self.ports.get_mut(&port).filter(|first| **first == id) {
            *first = next;
        }
    }

    /// Is a socket bound to the port?
    pub(crate) fn is_port_taken(&self, protocol: u8, port: u16) -> bool {
        self.ports.contains_key(&(protocol, port))
    }

    /// The sockets and small forms bound to a port, in the order of binding.
    pub(crate) fn on_port(&self, protocol: u8, port: u16) -> impl Iterator<Item = SockId> {
        let first = self.ports.get(&(protocol, port)).copied();
        core::iter::successors(first, move |id| {
            let next = self.socks.get(id)?.next;
            (Some(next) != first).then_some(next)
        })
    }

    /// The datagram socket for a packet: the best match wins (`compute_score`).
    pub(crate) fn datagram(
        &self,
        protocol: u8,
        local: (Ipv4Addr, u16),
        peer: (Ipv4Addr, u16),
    ) -> Result<SockId, DropReason> {
        let score = |s: &Sock| {
            let addr = s.local.0.is_unspecified() || s.local.0 == local.0;
            let from = s.peer.0.is_unspecified() || s.peer == peer;
            (addr && from).then_some(u8::from(s.local.0 == local.0) + 2 * u8::from(!s.peer.0.is_unspecified()))
        };
        let scored = self.on_port(protocol, local.1).filter_map(|id| Some((score(self.get(id)?)?, id)));
        scored.max_by_key(|(score, _)| *score).map(|(_, id)| id).ok_or(DropReason::NoSocket)
    }
}
