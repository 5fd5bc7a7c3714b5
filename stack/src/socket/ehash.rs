//! The table of connections, by the four numbers that name one.
//!
//! Linux: `ehash` in `net/ipv4/inet_hashtables.c`.

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

/// The connections of a host.
#[derive(Clone, Debug)]
pub(crate) struct Ehash(Map<Tuple, Established>);

impl Ehash {
    pub(crate) fn new(secret: Secret) -> Ehash {
        Ehash(Map::with_hasher(secret))
    }

    pub(crate) fn get(&self, tuple: &Tuple) -> Option<&Established> {
        self.0.get(tuple)
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Tuple, &Established)> {
        self.0.iter()
    }

    pub(super) fn get_mut(&mut self, tuple: &Tuple) -> Option<&mut Established> {
        self.0.get_mut(tuple)
    }

    /// Enters a full socket; the small forms come by [`super::SockTable::insert_small`].
    pub(crate) fn insert(&mut self, tuple: Tuple, who: Established) -> Option<Established> {
        self.0.insert(tuple, who)
    }

    pub(crate) fn remove(&mut self, tuple: &Tuple) -> Option<Established> {
        let old = self.0.remove(tuple);
        trim(&mut self.0);
        old
    }
}
