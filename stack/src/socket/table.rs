//! The socket tables: by number, by port, by the four numbers of a connection.
//!
//! Linux: `net/ipv4/inet_hashtables.c` (`ehash`, `lhash2`, `bhash`), `net/ipv4/udp.c`. Ordered maps instead of
//! hash tables: the order must be the same on every run.

use super::{Proto, Sock};
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

/// All sockets of a host.
#[derive(Clone, Debug, Default)]
pub struct SockTable {
    socks: Vec<Option<Box<Sock>>>,
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

    pub(crate) fn insert(&mut self, sock: Sock) {
        let at = sock.id.0 as usize - 1;
        self.socks[at] = Some(Box::new(sock));
    }

    pub(crate) fn get(&self, id: SockId) -> Option<&Sock> {
        self.socks.get((id.0 as usize).checked_sub(1)?)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, id: SockId) -> Option<&mut Sock> {
        self.socks.get_mut((id.0 as usize).checked_sub(1)?)?.as_deref_mut()
    }

    /// The TCP half of a socket.
    pub(crate) fn tcp(&self, id: SockId) -> Option<&TcpSock> {
        match &self.get(id)?.proto {
            Proto::Tcp(tp) => Some(tp),
            _ => None,
        }
    }

    /// The TCP half of a socket.
    pub(crate) fn tcp_mut(&mut self, id: SockId) -> Option<&mut TcpSock> {
        match &mut self.get_mut(id)?.proto {
            Proto::Tcp(tp) => Some(tp),
            _ => None,
        }
    }

    pub(crate) fn remove(&mut self, id: SockId) -> Option<Box<Sock>> {
        self.socks.get_mut((id.0 as usize).checked_sub(1)?)?.take()
    }

    /// The numbers of the sockets that are alive.
    pub(crate) fn ids(&self) -> Vec<SockId> {
        self.iter().map(|s| s.id).collect()
    }

    /// The sockets that are alive.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Sock> {
        self.socks.iter().filter_map(|s| s.as_deref())
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
