//! The socket tables: by number, by port, by the four numbers of a connection.
//!
//! Linux: `net/ipv4/inet_hashtables.c` (`ehash`, `lhash2`, `bhash`), `net/ipv4/udp.c`. Ordered maps instead of
//! hash tables: the order must be the same on every run.

use super::Sock;
use crate::skb::DropReason;
use crate::tcp::{Request, TcpSock, TimeWaitSock};
use crate::trace::SockId;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// The four numbers that name a connection: local and peer address and port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Tuple {
    pub(crate) local: (Ipv4Addr, u16),
    pub(crate) peer: (Ipv4Addr, u16),
}

/// Who answers for a connection: a full socket, or one of its two small forms.
#[derive(Clone, Debug)]
pub(crate) enum Established {
    Sock(SockId),
    Request(Box<Request>),
    TimeWait(Box<TimeWaitSock>),
}

/// A place in the table.
#[derive(Clone, Debug)]
enum Slot {
    Tcp(Box<TcpSock>),
    Other(Box<Sock>),
}

impl Slot {
    fn sock(&self) -> &Sock {
        match self {
            Slot::Tcp(tp) => &tp.sk,
            Slot::Other(sock) => sock,
        }
    }

    fn sock_mut(&mut self) -> &mut Sock {
        match self {
            Slot::Tcp(tp) => &mut tp.sk,
            Slot::Other(sock) => sock,
        }
    }
}

/// All sockets of a host.
#[derive(Clone, Debug, Default)]
pub struct SockTable {
    socks: Vec<Option<Slot>>,
    pub(crate) ehash: BTreeMap<Tuple, Established>,
    /// TCP listeners, by port.
    pub(crate) listeners: BTreeMap<u16, Vec<SockId>>,
    /// Bound sockets by protocol and port.
    pub(crate) ports: BTreeMap<(u8, u16), Vec<SockId>>,
}

impl SockTable {
    /// A number for a socket to come (a request socket has one too).
    pub(crate) fn new_id(&mut self) -> SockId {
        self.socks.push(None);
        SockId(self.socks.len() as u32)
    }

    fn slot(&mut self, id: SockId) -> Option<&mut Option<Slot>> {
        self.socks.get_mut((id.0 as usize).checked_sub(1)?)
    }

    pub(crate) fn insert(&mut self, sock: Sock) {
        let id = sock.id;
        if let Some(slot) = self.slot(id) {
            *slot = Some(Slot::Other(Box::new(sock)));
        }
    }

    pub(crate) fn get(&self, id: SockId) -> Option<&Sock> {
        self.socks.get((id.0 as usize).checked_sub(1)?)?.as_ref().map(Slot::sock)
    }

    pub(crate) fn get_mut(&mut self, id: SockId) -> Option<&mut Sock> {
        self.slot(id)?.as_mut().map(Slot::sock_mut)
    }

    /// A TCP socket that is in the table: not while a function has it ([`SockTable::take_tcp`]).
    pub(crate) fn tcp(&self, id: SockId) -> Option<&TcpSock> {
        match self.socks.get((id.0 as usize).checked_sub(1)?)?.as_ref()? {
            Slot::Tcp(tp) => Some(tp),
            Slot::Other(_) => None,
        }
    }

    /// A TCP socket that is in the table.
    pub(crate) fn tcp_mut(&mut self, id: SockId) -> Option<&mut TcpSock> {
        match self.slot(id)?.as_mut()? {
            Slot::Tcp(tp) => Some(tp),
            Slot::Other(_) => None,
        }
    }

    /// Takes a TCP socket out, for a function to work on it.
    pub(crate) fn take_tcp(&mut self, id: SockId) -> Option<Box<TcpSock>> {
        let slot = self.slot(id)?;
        match slot.take() {
            Some(Slot::Tcp(tp)) => Some(tp),
            other => {
                *slot = other;
                None
            }
        }
    }

    /// Puts a TCP socket in, for the first time or again.
    pub(crate) fn put_tcp(&mut self, tp: Box<TcpSock>) {
        if let Some(slot) = self.slot(tp.sk.id) {
            *slot = Some(Slot::Tcp(tp));
        }
    }

    pub(crate) fn remove(&mut self, id: SockId) {
        if let Some(slot) = self.slot(id) {
            *slot = None;
        }
    }

    /// The numbers of the sockets that are alive.
    pub(crate) fn ids(&self) -> Vec<SockId> {
        self.iter().map(|s| s.id).collect()
    }

    /// The sockets that are alive.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Sock> {
        self.socks.iter().flatten().map(Slot::sock)
    }

    /// How many sockets are alive, the small forms included.
    pub fn len(&self) -> usize {
        self.iter().count() + self.ehash.values().filter(|e| !matches!(e, Established::Sock(_))).count()
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

    /// Enters a socket under its port.
    pub(crate) fn bind_port(&mut self, protocol: u8, port: u16, id: SockId) {
        self.ports.entry((protocol, port)).or_default().push(id);
    }

    /// Takes a socket from under its port.
    pub(crate) fn unbind_port(&mut self, protocol: u8, port: u16, id: SockId) {
        if let Some(ids) = self.ports.get_mut(&(protocol, port)) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.ports.remove(&(protocol, port));
            }
        }
    }

    /// The datagram socket for a packet: the best match wins (`compute_score`).
    pub(crate) fn datagram(
        &self,
        protocol: u8,
        local: (Ipv4Addr, u16),
        peer: (Ipv4Addr, u16),
    ) -> Result<SockId, DropReason> {
        let ids = self.ports.get(&(protocol, local.1)).ok_or(DropReason::NoSocket)?;
        let score = |s: &Sock| {
            let addr = s.local.0.is_unspecified() || s.local.0 == local.0;
            let from = s.peer.0.is_unspecified() || s.peer == peer;
            (addr && from).then_some(u8::from(s.local.0 == local.0) + 2 * u8::from(!s.peer.0.is_unspecified()))
        };
        let scored = ids.iter().filter_map(|id| Some((score(self.get(*id)?)?, *id)));
        scored.max_by_key(|(score, _)| *score).map(|(_, id)| id).ok_or(DropReason::NoSocket)
    }
}
