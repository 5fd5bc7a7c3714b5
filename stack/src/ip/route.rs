//! The routing table: longest prefix first, and a default gateway.
//!
//! Linux: `net/ipv4/fib_trie.c`, `net/ipv4/route.c`. One table, no policy routing, no metrics.

use crate::host::{Cx, Host, HostConfig, IfIndex};
use crate::syscall::Errno;
use crate::trace::{EventId, Function, What};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// One route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// Destination network.
    pub dst: Ipv4Addr,
    /// Prefix length, 0 to 32.
    pub prefix: u8,
    /// The next hop; `None` where the destination is on the link.
    pub gateway: Option<Ipv4Addr>,
    /// The interface.
    pub dev: IfIndex,
    /// The preferred source address.
    pub src: Ipv4Addr,
}

/// What a look-up gives: `struct rtable`, as sockets cache it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Dst {
    pub(crate) dev: IfIndex,
    pub(crate) gateway: Option<Ipv4Addr>,
    pub(crate) src: Ipv4Addr,
    /// The event of the look-up.
    pub(crate) chosen_by: EventId,
}

/// The routes of a host, longest prefix first.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    routes: Vec<Route>,
}

/// The network that `addr` with this prefix length lies in.
fn network(addr: Ipv4Addr, prefix: u8) -> u32 {
    addr.to_bits() & u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

impl RouteTable {
    /// The routes, in the order of look-up.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    pub(crate) fn configure(&mut self, config: &HostConfig) {
        let links: Vec<(IfIndex, Ipv4Addr, u8)> = config
            .interfaces
            .iter()
            .enumerate()
            .filter_map(|(i, c)| c.address.map(|(a, p)| (IfIndex(i as u16 + 2), a, p.min(32))))
            .collect();
        let via = |gateway: Ipv4Addr| {
            links.iter().find(|(_, a, p)| network(*a, *p) == network(gateway, *p)).map(|(dev, a, _)| (*dev, *a))
        };
        for (dev, addr, prefix) in &links {
            let dst = Ipv4Addr::from_bits(network(*addr, *prefix));
            self.routes.push(Route { dst, prefix: *prefix, gateway: None, dev: *dev, src: *addr });
        }
        let default = config.gateway.map(|g| (Ipv4Addr::UNSPECIFIED, 0, g));
        for (dst, prefix, gateway) in config.routes.iter().copied().chain(default) {
            if let Some((dev, src)) = via(gateway) {
                self.routes.push(Route { dst, prefix, gateway: Some(gateway), dev, src });
            }
        }
        self.routes.sort_by_key(|r| core::cmp::Reverse(r.prefix));
    }

    fn lookup(&self, dst: Ipv4Addr) -> Option<&Route> {
        self.routes.iter().find(|r| network(dst, r.prefix) == network(r.dst, r.prefix))
    }
}

impl Host {
    /// `ip_route_output_key_hash`: how to send to `dst`.
    ///
    /// # Errors
    /// `ENETUNREACH` if no route matches.
    pub(crate) fn ip_route_output(&mut self, cx: &mut Cx<'_>, dst: Ipv4Addr) -> Result<Dst, Errno> {
        cx.call(Function::IpRouteOutput, |cx| {
            // A datagram to 0.0.0.0 goes to this host itself.
            let dst = if dst.is_unspecified() { Ipv4Addr::LOCALHOST } else { dst };
            let (dev, gateway, src) = if self.is_local_address(dst) {
                (IfIndex(1), None, dst)
            } else if dst.is_broadcast() {
                let card = self.devs.iter().find(|d| !d.is_loopback() && d.address().is_some());
                let card = card.ok_or(Errno::ENETUNREACH)?;
                (card.index(), None, card.address().map_or(Ipv4Addr::UNSPECIFIED, |a| a.0))
            } else {
                let route = self.routes.lookup(dst).ok_or(Errno::ENETUNREACH)?;
                (route.dev, route.gateway, route.src)
            };
            let chosen_by = cx.trace.emit(|| What::Route {
                dst: dst.to_bits(),
                gateway: gateway.map_or(0, Ipv4Addr::to_bits),
                ifindex: dev.0,
            });
            Ok(Dst { dev, gateway, src, chosen_by })
        })
    }

    /// Is `addr` a broadcast address of one of our links?
    pub(crate) fn is_broadcast_address(&self, addr: Ipv4Addr) -> bool {
        addr.is_broadcast()
            || self.devs.iter().filter(|d| !d.is_loopback()).filter_map(|d| d.address()).any(|(a, p)| {
                p < 31 && network(a, p) == network(addr, p) && addr.to_bits() == network(a, p) | (u32::MAX >> p)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::InterfaceConfig;
    use crate::wire::ethernet::MacAddr;
    use alloc::vec;

    fn table() -> RouteTable {
        let card = |name: &str, a: [u8; 4], p| InterfaceConfig {
            name: name.into(),
            mac: MacAddr::ZERO,
            address: Some((a.into(), p)),
            mtu: 1500,
            fcs: true,
        };
        let mut table = RouteTable::default();
        table.configure(&HostConfig {
            name: "a".into(),
            interfaces: vec![card("eth0", [10, 0, 0, 1], 24), card("eth1", [10, 0, 1, 1], 24)],
            gateway: Some([10, 0, 0, 254].into()),
            routes: vec![([10, 9, 0, 0].into(), 16, [10, 0, 1, 2].into())],
            forward: false,
            neighbours: vec![],
            seed: 1,
        });
        table
    }

    #[test]
    fn the_longest_prefix_wins() {
        let t = table();
        assert_eq!(t.lookup([10, 0, 1, 7].into()).map(|r| (r.dev, r.gateway)), Some((IfIndex(3), None)));
        assert_eq!(t.lookup([10, 9, 3, 4].into()).and_then(|r| r.gateway), Some([10, 0, 1, 2].into()));
    }

    #[test]
    fn what_nothing_else_matches_goes_to_the_default_gateway() {
        assert_eq!(table().lookup([8, 8, 8, 8].into()).and_then(|r| r.gateway), Some([10, 0, 0, 254].into()));
    }
}
