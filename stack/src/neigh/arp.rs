//! ARP: who has this address? I have.
//!
//! RFC 826. Linux: `net/ipv4/arp.c` (`arp_solicit`, `arp_create`, `arp_rcv`, `arp_process`).

use crate::dev::LL_RESERVED_SPACE;
use crate::host::{Cx, Host, IfIndex};
use crate::skb::{DropReason, PktType, SkBuff};
use crate::trace::{Function, HeaderOffset, Proto};
use crate::wire::arp::{ARP_LEN, ARPOP_REPLY, ARPOP_REQUEST, ArpRepr};
use crate::wire::ethernet::{ETH_P_ARP, MacAddr};
use core::net::Ipv4Addr;

impl Host {
    /// `arp_solicit`: asks for `addr`, everybody or (to check an entry) the neighbour itself.
    pub(super) fn arp_solicit(&mut self, cx: &mut Cx<'_>, dev: IfIndex, addr: Ipv4Addr, to: MacAddr) {
        cx.call(Function::ArpSolicit, |cx| {
            let Some((device, (spa, _))) = self.dev(dev).and_then(|d| Some((d, d.address()?))) else { return };
            let sha = device.mac();
            let request = ArpRepr { op: ARPOP_REQUEST, sha, spa, tha: MacAddr::ZERO, tpa: addr };
            self.arp_send(cx, dev, request, to);
        });
    }

    /// `arp_create` and `arp_xmit`.
    fn arp_send(&mut self, cx: &mut Cx<'_>, dev: IfIndex, packet: ArpRepr, to: MacAddr) {
        let skb = cx.call(Function::ArpCreate, |cx| {
            let mut skb = SkBuff::alloc(ARP_LEN as u32 + LL_RESERVED_SPACE, cx);
            skb.reserve(LL_RESERVED_SPACE, cx);
            skb.reset_header(HeaderOffset::Network, cx);
            let at = skb.headroom() as u16;
            skb.put(ARP_LEN, cx);
            skb.protocol = ETH_P_ARP;
            self.eth_header(cx, dev, to, &mut skb);
            skb.write_header(Proto::Arp, at, &packet.emit(), cx);
            skb
        });
        self.dev_queue_xmit(cx, dev, skb);
    }

    /// `arp_rcv`: takes ARP packets to us or to all.
    pub(crate) fn arp_rcv(&mut self, cx: &mut Cx<'_>, at: IfIndex, skb: SkBuff) {
        cx.call(Function::ArpRcv, |cx| {
            if skb.pkt_type == PktType::OtherHost || self.dev(at).is_none_or(|d| d.is_loopback()) {
                return skb.kfree(DropReason::OtherHost, cx);
            }
            let Ok(packet) = ArpRepr::parse(skb.bytes(cx)) else {
                return skb.kfree(DropReason::ArpMalformed, cx);
            };
            skb.header_read(Proto::Arp, ARP_LEN, cx);
            cx.call(Function::ArpProcess, |cx| self.arp_process(cx, at, packet, skb.pkt_type));
            skb.consume(cx);
        });
    }

    fn arp_process(&mut self, cx: &mut Cx<'_>, at: IfIndex, packet: ArpRepr, pkt_type: PktType) {
        if packet.tpa.is_multicast() || packet.tpa.is_loopback() || packet.sha.is_multicast() {
            return;
        }
        let Some((mac, address)) = self.dev(at).map(|d| (d.mac(), d.address())) else { return };
        // RFC 5227 §2.1.1: a probe has no sender address; it is answered, but teaches nothing.
        let probe = packet.spa.is_unspecified();
        let ours = self.is_local_address(packet.tpa) && address.is_some();
        match packet.op {
            ARPOP_REQUEST if ours => {
                if !probe {
                    self.neigh_learn(cx, at, packet.spa, packet.sha);
                }
                let reply = ArpRepr { op: ARPOP_REPLY, sha: mac, spa: packet.tpa, tha: packet.sha, tpa: packet.spa };
                self.arp_send(cx, at, reply, packet.sha);
            }
            ARPOP_REPLY | ARPOP_REQUEST if !probe && self.neigh_is_known(at, packet.spa) => {
                let confirmed = packet.op == ARPOP_REPLY && pkt_type == PktType::Host;
                self.neigh_update(cx, at, packet.spa, packet.sha, confirmed);
            }
            _ => {}
        }
    }
}
