//! IPv4 input: from the device to the transport layer.
//!
//! Linux: `net/ipv4/ip_input.c` (`ip_rcv`, `ip_local_deliver`), `net/ipv4/route.c` (`ip_route_input_noref`).
//! RFC 791 §3.1, RFC 1122 §3.2.1. Invariant: reads the header in place, never copies payload. Fragments are
//! not reassembled: they are dropped with a reason.

use crate::host::{Cx, Host, IfIndex};
use crate::skb::{DropReason, PktType, SkBuff};
use crate::trace::{Function, HeaderOffset, Proto};
use crate::wire::Malformed;
use crate::wire::icmpv4::{ICMP_DEST_UNREACH, ICMP_PROT_UNREACH};
use crate::wire::ipv4::{IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Ipv4Repr};

impl Host {
    /// `ip_rcv`: is it a good packet, and is it for us?
    pub(crate) fn ip_rcv(&mut self, cx: &mut Cx<'_>, at: IfIndex, mut skb: SkBuff) {
        cx.call(Function::IpRcv, |cx| {
            if skb.pkt_type == PktType::OtherHost {
                return skb.kfree(DropReason::OtherHost, cx);
            }
            let header = match Ipv4Repr::parse(skb.bytes(cx)) {
                Ok(header) => header,
                Err(Malformed::Checksum) => return skb.kfree(DropReason::IpCsum, cx),
                Err(Malformed::Truncated) => return skb.kfree(DropReason::PktTooSmall, cx),
                Err(_) => return skb.kfree(DropReason::IpInhdr, cx),
            };
            skb.header_read(Proto::Ipv4, usize::from(header.header_len), cx);
            // Ethernet pads short frames: the IPv4 length tells where the packet ends.
            skb.trim(usize::from(header.tot_len), cx);
            let transport = skb.headroom() as u16 + u16::from(header.header_len);
            skb.set_header(HeaderOffset::Transport, transport, cx);
            self.ip_rcv_finish(cx, at, header, skb);
        });
    }

    /// `ip_rcv_finish` and `ip_route_input_noref`: deliver here, forward, or drop.
    fn ip_rcv_finish(&mut self, cx: &mut Cx<'_>, at: IfIndex, header: Ipv4Repr, skb: SkBuff) {
        enum Way {
            Local,
            Forward,
            Drop(DropReason),
        }
        let way = cx.call(Function::IpRouteInput, |_| {
            let from_card = self.dev(at).is_some_and(|d| !d.is_loopback());
            if header.src.is_multicast() || header.src.is_broadcast() || (from_card && header.src.is_loopback()) {
                return Way::Drop(DropReason::IpInvalidSource);
            }
            // A packet that claims to come from one of our own addresses did not.
            if from_card && (header.dst.is_loopback() || self.is_local_address(header.src)) {
                return Way::Drop(DropReason::IpInvalidSource);
            }
            if self.is_local_address(header.dst) || self.is_broadcast_address(header.dst) {
                return Way::Local;
            }
            if header.dst.is_multicast() || !self.forward || skb.pkt_type != PktType::Host {
                return Way::Drop(DropReason::IpInAddrErrors);
            }
            Way::Forward
        });
        match way {
            Way::Local => self.ip_local_deliver(cx, header, skb),
            Way::Forward => self.ip_forward(cx, header, skb),
            Way::Drop(reason) => skb.kfree(reason, cx),
        }
    }

    /// `ip_local_deliver`: strips the header and hands up by protocol.
    fn ip_local_deliver(&mut self, cx: &mut Cx<'_>, header: Ipv4Repr, mut skb: SkBuff) {
        cx.call(Function::IpLocalDeliver, |cx| {
            if header.is_fragment() {
                return skb.kfree(DropReason::IpFragment, cx);
            }
            if skb.pull(u32::from(header.header_len), cx).is_none() {
                return skb.kfree(DropReason::PktTooSmall, cx);
            }
            match header.protocol {
                IPPROTO_TCP => self.tcp_v4_rcv(cx, header, skb),
                IPPROTO_UDP => self.udp_rcv(cx, header, skb),
                IPPROTO_ICMP => self.icmp_rcv(cx, header, skb),
                _ => {
                    self.icmp_send(cx, &header, &skb, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0);
                    skb.kfree(DropReason::IpNoProto, cx);
                }
            }
        });
    }
}
