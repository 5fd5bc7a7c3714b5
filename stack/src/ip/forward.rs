//! Forwarding: a router's work.
//!
//! Linux: `net/ipv4/ip_forward.c`. RFC 1812 §5: TTL, checksum, and an ICMP error where it goes no further.

use crate::host::{Cx, Host};
use crate::skb::{DropReason, SkBuff};
use crate::trace::{CopyKind, Function, HeaderOffset, Proto};
use crate::wire::icmpv4::{ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_NET_UNREACH, ICMP_TIME_EXCEEDED};
use crate::wire::ipv4::{IP_DF, Ipv4Repr};

impl Host {
    /// `ip_forward`: one hop less to live, and on to the next hop.
    pub(super) fn ip_forward(&mut self, cx: &mut Cx<'_>, header: Ipv4Repr, mut skb: SkBuff) {
        cx.call(Function::IpForward, |cx| {
            if header.ttl <= 1 {
                self.icmp_send(cx, &header, &skb, ICMP_TIME_EXCEEDED, 0, 0);
                return skb.kfree(DropReason::TtlExceeded, cx);
            }
            let Ok(to) = self.ip_route_output(cx, header.dst) else {
                self.icmp_send(cx, &header, &skb, ICMP_DEST_UNREACH, ICMP_NET_UNREACH, 0);
                return skb.kfree(DropReason::IpOutNoRoutes, cx);
            };
            let mtu = self.dev(to.dev).map_or(0, |d| d.mtu());
            if header.tot_len > mtu && header.frag_off & IP_DF != 0 {
                self.icmp_send(cx, &header, &skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, u32::from(mtu));
                return skb.kfree(DropReason::PktTooBig, cx);
            }
            // `skb_cow`: the headroom of a receive buffer always holds an Ethernet header here.
            if skb.headroom() < crate::dev::LL_RESERVED_SPACE {
                let bytes = skb.bytes(cx).to_vec();
                let mut roomy = SkBuff::alloc(bytes.len() as u32 + crate::dev::NET_SKB_PAD, cx);
                roomy.reserve(crate::dev::NET_SKB_PAD, cx);
                roomy.append(CopyKind::Kernel, &bytes, cx);
                roomy.reset_header(HeaderOffset::Network, cx);
                roomy.protocol = skb.protocol;
                core::mem::replace(&mut skb, roomy).consume(cx);
            }
            // `ip_decrease_ttl`: RFC 1624's incremental update of the checksum.
            let at = skb.header_offset(HeaderOffset::Network);
            let mut bytes = skb.bytes(cx)[..usize::from(header.header_len)].to_vec();
            bytes[8] -= 1;
            let check = u32::from(u16::from_be_bytes([bytes[10], bytes[11]])) + 0x0100;
            let check = (check + u32::from(check >= 0xffff)) as u16;
            bytes[10..12].copy_from_slice(&check.to_be_bytes());
            skb.write_header(Proto::Ipv4, at, &bytes, cx);
            // `skb_clear_tstamp`: when it came is not when it shall go.
            skb.tstamp = 0;
            self.ip_output(cx, &to, header.dst, skb);
        });
    }
}
