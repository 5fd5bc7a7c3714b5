//! The routing table: longest prefix first, and a default gateway.
//!
//! Linux: `net/ipv4/fib_trie.c`, `net/ipv4/route.c`. One table, no policy routing. What ICMP says of a path's MTU
//! (RFC 1191) is kept for ten minutes by destination, as Linux's next-hop exceptions are.

use crate::host::{Cx, Host, HostConfig, IfIndex};
use crate::syscall::Errno;
use crate::time::{Duration, Instant};
use crate::trace::{EventId, Function, What};
use alloc::collections::BTreeMap;
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
    /// What connections over this route begin with.
    pub metrics: RouteMetrics,
}

/// `RTAX_*`: what `ip route change ... mtu 1400 initcwnd 10` sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RouteMetrics {
    /// `mtu`: largest packet, bytes.
    pub mtu: Option<u32>,
    /// `mtu lock`: path-MTU discovery does not touch it, and packets may be fragmented.
    pub mtu_lock: bool,
    /// `advmss`: the MSS to advertise, bytes.
    pub advmss: Option<u16>,
    /// `initcwnd`: first congestion window, segments.
    pub initcwnd: Option<u32>,
    /// `initrwnd`: first receive window, segments.
    pub initrwnd: Option<u32>,
    /// `rto_min`, µs.
    pub rto_min_us: Option<u32>,
    /// `quickack`: acknowledge without delay.
    pub quickack: bool,
    /// `congctl`: the congestion control of connections over this route.
    pub congctl: Option<&'static str>,
    /// `features ecn`.
    pub ecn: bool,
}

/// What a look-up gives: `struct rtable`, as sockets cache it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Dst {
    pub(crate) dev: IfIndex,
    pub(crate) gateway: Option<Ipv4Addr>,
    pub(crate) src: Ipv4Addr,
    /// The event of the look-up.
    pub(crate) chosen_by: EventId,
    /// `RTAX_MTU`, or what an ICMP message said of the path, bytes.
    pub(crate) mtu: Option<u32>,
    /// `RTAX_ADVMSS`, bytes.
    pub(crate) advmss: Option<u16>,
    /// `RTAX_INITCWND`, segments.
    pub(crate) initcwnd: Option<u32>,
    /// `RTAX_INITRWND`, segments.
    pub(crate) initrwnd: Option<u32>,
    /// `ip_mtu_locked`: path-MTU discovery leaves it alone, and DF is not set.
    pub(crate) mtu_lock: bool,
    /// `RTAX_RTO_MIN`, µs.
    pub(crate) rto_min: Option<u32>,
    /// `RTAX_QUICKACK`
    pub(crate) quickack: bool,
    /// `RTAX_CC_ALGO`
    pub(crate) congctl: Option<&'static str>,
    /// `RTAX_FEATURE_ECN`
    pub(crate) ecn: bool,
}

/// `struct fib_nh_exception`: what ICMP said of the path to one destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Exception {
    mtu: u32,
    lock: bool,
    expires: Instant,
}

/// `ip_rt_min_pmtu`: no smaller path MTU is believed, bytes.
const MIN_PMTU: u32 = 552;
/// `ip_rt_mtu_expires`
const MTU_EXPIRES: Duration = Duration::from_secs(600);

/// The routes of a host, longest prefix first.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    routes: Vec<Route>,
    exceptions: BTreeMap<Ipv4Addr, Exception>,
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
            self.routes.push(Route {
                dst,
                prefix: *prefix,
                gateway: None,
                dev: *dev,
                src: *addr,
                metrics: RouteMetrics::default(),
            });
        }
        let default = config.gateway.map(|g| (Ipv4Addr::UNSPECIFIED, 0, g));
        for (dst, prefix, gateway) in config.routes.iter().copied().chain(default) {
            if let Some((dev, src)) = via(gateway) {
                self.routes.push(Route {
                    dst,
                    prefix,
                    gateway: Some(gateway),
                    dev,
                    src,
                    metrics: RouteMetrics::default(),
                });
            }
        }
        self.routes.sort_by_key(|r| core::cmp::Reverse(r.prefix));
    }

    fn lookup(&self, dst: Ipv4Addr) -> Option<&Route> {
        self.routes.iter().find(|r| network(dst, r.prefix) == network(r.dst, r.prefix))
    }

    /// Puts a route in, instead of one to the same network.
    pub(crate) fn replace(&mut self, route: Route) {
        let prefix = route.prefix.min(32);
        let route = Route { dst: Ipv4Addr::from_bits(network(route.dst, prefix)), prefix, ..route };
        self.routes.retain(|r| (r.dst, r.prefix) != (route.dst, route.prefix));
        let place = self.routes.partition_point(|r| r.prefix > prefix);
        self.routes.insert(place, route);
        self.exceptions.clear();
    }

    /// Gives the route that a packet to `dst` takes other metrics.
    pub(crate) fn set_metrics(&mut self, dst: Ipv4Addr, metrics: RouteMetrics) -> bool {
        let found = self.routes.iter_mut().find(|r| network(dst, r.prefix) == network(r.dst, r.prefix));
        self.exceptions.clear();
        found.map(|r| r.metrics = metrics).is_some()
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
            let none = RouteMetrics::default();
            let (dev, gateway, src, m) = if self.is_local_address(dst) {
                (IfIndex(1), None, dst, none)
            } else if dst.is_broadcast() {
                let card = self.devs.iter().find(|d| !d.is_loopback() && d.address().is_some());
                let card = card.ok_or(Errno::ENETUNREACH)?;
                (card.index(), None, card.address().map_or(Ipv4Addr::UNSPECIFIED, |a| a.0), none)
            } else {
                let route = self.routes.lookup(dst).ok_or(Errno::ENETUNREACH)?;
                (route.dev, route.gateway, route.src, route.metrics)
            };
            let chosen_by = cx.trace.emit(|| What::Route {
                dst: dst.to_bits(),
                gateway: gateway.map_or(0, Ipv4Addr::to_bits),
                ifindex: dev.0,
            });
            let told = self.routes.exceptions.get(&dst).filter(|e| e.expires > cx.now);
            Ok(Dst {
                dev,
                gateway,
                src,
                chosen_by,
                mtu: told.map(|e| e.mtu).or(m.mtu),
                advmss: m.advmss,
                initcwnd: m.initcwnd,
                initrwnd: m.initrwnd,
                mtu_lock: m.mtu_lock || told.is_some_and(|e| e.lock),
                rto_min: m.rto_min_us,
                quickack: m.quickack,
                congctl: m.congctl,
                ecn: m.ecn,
            })
        })
    }

    /// `dst_mtu`: the largest packet on this way, bytes.
    pub(crate) fn route_mtu(&self, to: &Dst) -> u32 {
        let link = self.dev(to.dev).map_or(1500, |d| u32::from(d.mtu()));
        to.mtu.map_or(link, |mtu| mtu.min(link))
    }

    /// `__ip_rt_update_pmtu`: a router on the way to `dst` says how long packets may be. Kept for ten minutes, for
    /// later connections too. A way whose MTU is locked stays as it is; less than 552 bytes is not believed, and DF
    /// is not set from then on. The way is brought up to date.
    pub(crate) fn ip_rt_update_pmtu(&mut self, cx: &Cx<'_>, dst: Ipv4Addr, to: &mut Dst, mtu: u32) {
        let old = self.route_mtu(to);
        if to.mtu_lock || old < mtu {
            return;
        }
        let lock = mtu < MIN_PMTU;
        let mtu = if lock { old.min(MIN_PMTU) } else { mtu };
        self.routes.exceptions.retain(|_, e| e.expires > cx.now);
        self.routes.exceptions.insert(dst, Exception { mtu, lock, expires: cx.now + MTU_EXPIRES });
        (to.mtu, to.mtu_lock) = (Some(mtu), lock);
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
