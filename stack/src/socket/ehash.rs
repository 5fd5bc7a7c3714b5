//! The table of connections, by the four numbers that name one.
//!
//! Linux: `ehash` in `net/ipv4/inet_hashtables.c`. The small forms of a socket lie here; they are found by their
//! number too, which is what their timers know.

use super::hash::{Map, Secret, trim};
use crate::tcp::{Request, TimeWaitSock};
use crate::trace::SockId;
use alloc::boxed::Box;
use core::hash::{Hash, Hasher};
use core::net::Ipv4Addr;

/// The four numbers that name a connection: local and peer address and port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Tuple {
    pub(crate) local: (Ipv4Addr, u16),
    pub(crate) peer: (Ipv4Addr, u16),
}

impl Hash for Tuple {
    /// `inet_ehashfn`.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from(self.local.0.to_bits()) << 32 | u64::from(self.peer.0.to_bits()));
        state.write_u32(u32::from(self.local.1) << 16 | u32::from(self.peer.1));
    }
}

/// Who answers for a connection: a full socket, or one of its two small forms.
#[derive(Clone, Debug)]
pub(crate) enum Established {
    Sock(SockId),
    Request(Box<Request>),
    TimeWait(Box<TimeWaitSock>),
}

impl Established {
    /// The number of a small form.
    fn small(&self) -> Option<SockId> {
        match self {
            Established::Sock(_) => None,
            Established::Request(request) => Some(request.id),
            Established::TimeWait(tw) => Some(tw.id),
        }
    }
}

/// The connections of a host.
#[derive(Clone, Debug)]
pub(crate) struct Ehash {
    connections: Map<Tuple, Established>,
    /// The small forms, by number.
    small: Map<SockId, Tuple>,
    /// How many connections are in TIME_WAIT, by local port and address; [`Ipv4Addr::UNSPECIFIED`] is all of the port.
    waiting: Map<(u16, u32), u32>,
}

impl Ehash {
    pub(crate) fn new(secret: Secret) -> Ehash {
        Ehash {
            connections: Map::with_hasher(secret),
            small: Map::with_hasher(secret),
            waiting: Map::with_hasher(secret),
        }
    }

    pub(crate) fn contains_key(&self, tuple: &Tuple) -> bool {
        self.connections.contains_key(tuple)
    }

    pub(crate) fn get(&self, tuple: &Tuple) -> Option<&Established> {
        self.connections.get(tuple)
    }

    /// To change what a small form knows; another form needs [`Ehash::insert`].
    pub(crate) fn get_mut(&mut self, tuple: &Tuple) -> Option<&mut Established> {
        self.connections.get_mut(tuple)
    }

    /// Enters who answers for a connection from now on; gives back who did.
    pub(crate) fn insert(&mut self, tuple: Tuple, who: Established) -> Option<Established> {
        if let Some(id) = who.small() {
            self.small.insert(id, tuple);
        }
        let waits = matches!(who, Established::TimeWait(_));
        let small = who.small();
        let old = self.connections.insert(tuple, who);
        if let Some(old) = &old {
            self.forget(tuple, old, small);
        }
        if waits {
            for key in waiting_keys(tuple) {
                *self.waiting.entry(key).or_default() += 1;
            }
        }
        old
    }

    pub(crate) fn remove(&mut self, tuple: &Tuple) -> Option<Established> {
        let old = self.connections.remove(tuple)?;
        self.forget(*tuple, &old, None);
        trim(&mut self.connections);
        Some(old)
    }

    /// The connection of a request or of a socket in TIME_WAIT.
    pub(crate) fn tuple_of(&self, small: SockId) -> Option<Tuple> {
        self.small.get(&small).copied()
    }

    /// How many are requests or in TIME_WAIT.
    pub(crate) fn small_len(&self) -> usize {
        self.small.len()
    }

    /// Does a connection in TIME_WAIT hold this local port, at this address (or at any, if it is unspecified)?
    pub(crate) fn is_waiting(&self, port: u16, addr: Ipv4Addr) -> bool {
        self.waiting.contains_key(&(port, addr.to_bits()))
    }

    fn forget(&mut self, tuple: Tuple, old: &Established, successor: Option<SockId>) {
        if let Some(id) = old.small().filter(|id| successor != Some(*id)) {
            self.small.remove(&id);
            trim(&mut self.small);
        }
        if matches!(old, Established::TimeWait(_)) {
            for key in waiting_keys(tuple) {
                match self.waiting.get_mut(&key) {
                    Some(count) if *count > 1 => *count -= 1,
                    _ => drop(self.waiting.remove(&key)),
                }
            }
            trim(&mut self.waiting);
        }
    }
}

fn waiting_keys(tuple: Tuple) -> [(u16, u32); 2] {
    [(tuple.local.1, tuple.local.0.to_bits()), (tuple.local.1, Ipv4Addr::UNSPECIFIED.to_bits())]
}
