//! What an administrator changes while a host runs: MTU, offload, qdisc, routes, privilege.
//!
//! Linux: what `ip link set`, `ethtool -K`, `tc qdisc replace` and `ip route change` do (`net/core/rtnetlink.c`,
//! `net/sched/sch_api.c`, `net/ipv4/fib_frontend.c`). Kernel variables are set by [`Host::sysctl_mut`].

use crate::dev::Qdisc;
use crate::host::{Host, IfIndex};
use crate::ip::{Route, RouteMetrics};
use crate::time::Instant;
use crate::trace::{Context, EventId, Tracer};
use core::net::Ipv4Addr;

impl Host {
    /// `ip link set dev IF mtu N`: connections notice when they send next. False if there is no such interface
    /// or no IPv4 on so small an MTU.
    pub fn set_mtu(&mut self, at: IfIndex, mtu: u16) -> bool {
        match self.dev_mut(at).filter(|_| mtu >= 68) {
            Some(device) => {
                device.set_mtu(mtu);
                true
            }
            None => false,
        }
    }

    /// `ethtool -K IF tso on`, or `off`: who cuts super-packets, the card or the stack above it? False if there is no such
    /// card.
    pub fn set_tso(&mut self, at: IfIndex, on: bool) -> bool {
        match self.dev_mut(at).filter(|device| !device.is_loopback()) {
            Some(device) => {
                device.set_tso(on);
                true
            }
            None => false,
        }
    }

    /// Makes an interface behave as a TUN device does (`drivers/net/tun.c`), or a card again: a packet that is handed to
    /// it is charged to its socket no longer (`skb_orphan`), so TCP's small queues never wait for it.
    pub fn set_tun(&mut self, at: IfIndex, on: bool) {
        if let Some(device) = self.dev_mut(at) {
            device.set_tun(on);
        }
    }

    /// `tc qdisc replace dev IF root ...`: what the old one held is dropped.
    pub fn set_qdisc(&mut self, now: Instant, at: IfIndex, qdisc: Qdisc, trace: &mut Tracer) {
        trace.begin(now, self.id(), Context::Syscall, EventId::NONE);
        self.with_cx(now, trace, |host, cx| host.dev_graft_qdisc(cx, at, qdisc));
    }

    /// `ip route replace`: the route to this network, instead of one there may be. New connections use it.
    pub fn replace_route(&mut self, route: Route) {
        self.routes.replace(route);
    }

    /// `ip route change DST ...`: other metrics for the route that a packet to `dst` takes; the route itself
    /// stays as it is. False if no route leads there.
    pub fn change_route(&mut self, dst: Ipv4Addr, metrics: RouteMetrics) -> bool {
        self.routes.set_metrics(dst, metrics)
    }

    /// Gives its tasks `CAP_NET_ADMIN`, or takes it: with it they may choose any congestion control, set buffers
    /// beyond `rmem_max` and mark packets.
    pub fn set_privileged(&mut self, on: bool) {
        self.privileged = on;
    }
}
