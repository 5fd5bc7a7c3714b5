//! Addresses for clients: the lowest free one of the kernel's subnet, and an Ethernet address made from it.

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use bridge_protocol::Mac;

/// An address with the length of its network prefix, such as `10.77.0.1/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// The kernel's own address.
    pub address: Ipv4Addr,
    /// Length of the network prefix, 8 to 30.
    pub prefix: u8,
}

impl Subnet {
    /// What the bridge uses unless told otherwise: 10.77.0.1/24.
    pub const DEFAULT: Subnet = Subnet { address: Ipv4Addr::new(10, 77, 0, 1), prefix: 24 };

    /// Checks that hosts fit the network and that `address` can be one of them.
    pub fn new(address: Ipv4Addr, prefix: u8) -> Result<Subnet, SubnetError> {
        if !(8..=30).contains(&prefix) {
            return Err(SubnetError::Prefix);
        }
        let subnet = Subnet { address, prefix };
        let host = u32::from(address) - subnet.network();
        if host == 0 || host >= subnet.broadcast_host() || !plausible(address) {
            return Err(SubnetError::Host);
        }
        Ok(subnet)
    }

    fn network(self) -> u32 {
        u32::from(self.address) & (u32::MAX << (32 - self.prefix))
    }

    fn broadcast_host(self) -> u32 {
        (1 << (32 - self.prefix)) - 1
    }
}

fn plausible(address: Ipv4Addr) -> bool {
    !(address.is_loopback() || address.is_multicast() || address.octets()[0] == 0) && address.octets()[0] < 240
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Why a text is not a subnet for the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubnetError {
    /// Not `a.b.c.d/n`.
    #[error("expected an IPv4 address and a prefix length, such as 10.77.0.1/24")]
    Text,
    /// A prefix that leaves no room for hosts or takes too much.
    #[error("expected a prefix length from 8 to 30")]
    Prefix,
    /// The network's own address, its broadcast address, or no unicast address.
    #[error("expected the address of a host inside the network, such as 10.77.0.1/24")]
    Host,
}

impl FromStr for Subnet {
    type Err = SubnetError;

    fn from_str(text: &str) -> Result<Subnet, SubnetError> {
        let (address, prefix) = text.split_once('/').ok_or(SubnetError::Text)?;
        let address = address.parse().map_err(|_| SubnetError::Text)?;
        let prefix = prefix.parse().map_err(|_| SubnetError::Text)?;
        Subnet::new(address, prefix)
    }
}

/// An Ethernet and an IP address that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) mac: Mac,
    pub(crate) address: Ipv4Addr,
}

/// Hands out each address of the subnet once; the kernel's own is never free.
pub(crate) struct LeasePool {
    pub(crate) subnet: Subnet,
    taken: BTreeSet<u32>,
}

impl LeasePool {
    pub(crate) fn new(subnet: Subnet) -> LeasePool {
        let own = u32::from(subnet.address) - subnet.network();
        LeasePool { subnet, taken: BTreeSet::from([own]) }
    }

    /// The lowest free address, the same every time for the same set of clients.
    pub(crate) fn take(&mut self) -> Option<Pair> {
        let host = (1..self.subnet.broadcast_host()).find(|host| !self.taken.contains(host))?;
        self.taken.insert(host);
        let [_, a, b, c] = host.to_be_bytes();
        Some(Pair { mac: Mac([0x02, 0x53, 0x50, a, b, c]), address: Ipv4Addr::from(self.subnet.network() + host) })
    }

    pub(crate) fn give_back(&mut self, pair: Pair) {
        if pair.address != self.subnet.address {
            self.taken.remove(&(u32::from(pair.address) - self.subnet.network()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_the_lowest_free_address_and_a_local_mac() {
        let mut pool = LeasePool::new(Subnet::DEFAULT);
        let first = pool.take().unwrap();
        assert_eq!(first.address, Ipv4Addr::new(10, 77, 0, 2));
        assert_eq!(first.mac.to_string(), "02:53:50:00:00:02");
        assert_eq!(pool.take().unwrap().address, Ipv4Addr::new(10, 77, 0, 3));
        pool.give_back(first);
        assert_eq!(pool.take(), Some(first));
    }

    #[test]
    fn a_used_up_subnet_has_no_lease() {
        let mut pool = LeasePool::new("192.168.7.2/30".parse().unwrap());
        assert_eq!(pool.take().unwrap().address, Ipv4Addr::new(192, 168, 7, 1));
        assert_eq!(pool.take(), None, "the other host is the kernel");
    }

    #[test]
    fn subnets_read_from_text() {
        assert_eq!("10.77.0.1/24".parse(), Ok(Subnet::DEFAULT));
        for (text, error) in [
            ("10.77.0.1", SubnetError::Text),
            ("10.77.0/24", SubnetError::Text),
            ("10.77.0.1/x", SubnetError::Text),
            ("10.77.0.1/31", SubnetError::Prefix),
            ("10.77.0.1/0", SubnetError::Prefix),
            ("10.77.0.0/24", SubnetError::Host),
            ("10.77.0.255/24", SubnetError::Host),
            ("127.0.0.1/8", SubnetError::Host),
            ("224.0.0.1/24", SubnetError::Host),
        ] {
            assert_eq!(text.parse::<Subnet>(), Err(error), "{text}");
        }
    }
}
