//! IPv4 output: the header, its checksum, and the way to the neighbour.
//!
//! Linux: `net/ipv4/ip_output.c` (`__ip_queue_xmit`, `__ip_local_out`, `ip_output`, `ip_finish_output2`).
//! Packets larger than the link's MTU are not fragmented: they are dropped, told as such.

use super::Dst;
use crate::dev::LL_RESERVED_SPACE;
use crate::host::{Cx, Host};
use crate::skb::{DropReason, SkBuff};
use crate::syscall::Errno;
use crate::trace::{Function, HeaderOffset, Proto};
use crate::wire::ethernet::{ETH_HLEN, ETH_P_ARP, ETH_P_IP, EthernetRepr, MacAddr};
use crate::wire::ipv4::{IP_DF, IPV4_HLEN, Ipv4Repr, ip_send_check};
use core::net::Ipv4Addr;

/// Headroom for link and IPv4 header: what UDP and ICMP reserve, bytes.
pub(crate) const fn output_headroom() -> u32 {
    LL_RESERVED_SPACE + IPV4_HLEN as u32
}

/// What a transport asks of IPv4.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Send {
    pub(crate) src: Ipv4Addr,
    pub(crate) dst: Ipv4Addr,
    pub(crate) protocol: u8,
    pub(crate) tos: u8,
    pub(crate) ttl: u8,
    /// Set "don't fragment"?
    pub(crate) df: bool,
    pub(crate) id: u16,
}

/// `rt_tos2priority`: the priority, hence the band of `pfifo_fast`, that a type of service asks for.
pub(crate) fn tos_priority(tos: u8) -> u8 {
    match (tos & 0x1e) >> 1 {
        0..=3 => 0,
        4..=7 => 2,
        8..=11 => 6,
        _ => 4,
    }
}

/// `skb_gso_network_seglen`: the longest IPv4 packet that a TCP super-packet becomes.
fn gso_network_seglen(skb: &SkBuff, cx: &Cx<'_>) -> usize {
    let transport = usize::from(skb.header_offset(HeaderOffset::Transport)).saturating_sub(skb.headroom() as usize);
    let tcp_len = skb.bytes(cx).get(transport + 12).map_or(0, |b| usize::from(b >> 4) * 4);
    transport + tcp_len + usize::from(skb.gso_size)
}

impl Host {
    /// `__ip_queue_xmit` (TCP) and `ip_send_skb` (the others): pushes the header and sends.
    pub(crate) fn ip_queue_xmit(
        &mut self,
        cx: &mut Cx<'_>,
        function: Function,
        to: &Dst,
        send: Send,
        mut skb: SkBuff,
    ) -> i32 {
        cx.call(function, |cx| {
            skb.priority = tos_priority(send.tos);
            skb.protocol = ETH_P_IP;
            let before = cx.trace.because(if to.chosen_by.0 == 0 { cx.trace.cause() } else { to.chosen_by });
            let at = skb.push(IPV4_HLEN as u32, cx);
            skb.reset_header(HeaderOffset::Network, cx);
            let header = Ipv4Repr {
                header_len: IPV4_HLEN as u8,
                tos: send.tos,
                tot_len: 0,
                id: send.id,
                frag_off: if send.df { IP_DF } else { 0 },
                ttl: send.ttl,
                protocol: send.protocol,
                src: send.src,
                dst: send.dst,
            };
            skb.write_header(Proto::Ipv4, at, &header.emit(), cx);
            cx.trace.because(before);
            self.ip_local_out(cx, to, header, skb)
        })
    }

    /// `__ip_local_out`: total length and checksum.
    fn ip_local_out(&mut self, cx: &mut Cx<'_>, to: &Dst, mut header: Ipv4Repr, mut skb: SkBuff) -> i32 {
        cx.call(Function::IpLocalOut, |cx| {
            header.tot_len = skb.len().min(usize::from(u16::MAX)) as u16;
            let mut bytes = header.emit();
            ip_send_check(&mut bytes);
            let at = skb.header_offset(HeaderOffset::Network);
            skb.write_header(Proto::Ipv4, at, &bytes, cx);
            self.ip_output(cx, to, header.dst, skb)
        })
    }

    /// `ip_output`: the packet fits the link, or goes no further.
    pub(crate) fn ip_output(&mut self, cx: &mut Cx<'_>, to: &Dst, dst: Ipv4Addr, skb: SkBuff) -> i32 {
        cx.call(Function::IpOutput, |cx| {
            // `skb_gso_validate_network_len`: what counts is the segment that will leave.
            let len = if skb.gso_size > 0 { gso_network_seglen(&skb, cx) } else { skb.len() };
            if self.dev(to.dev).is_none_or(|d| len > usize::from(d.mtu())) {
                skb.kfree(DropReason::PktTooBig, cx);
                return -(Errno::EMSGSIZE as i32);
            }
            self.ip_finish_output2(cx, to, dst, skb)
        })
    }

    /// `ip_finish_output2`: who is the next hop, and what is its hardware address?
    fn ip_finish_output2(&mut self, cx: &mut Cx<'_>, to: &Dst, dst: Ipv4Addr, skb: SkBuff) -> i32 {
        cx.call(Function::IpFinishOutput2, |cx| {
            let loopback = self.dev(to.dev).is_some_and(|d| d.is_loopback());
            if loopback || self.is_broadcast_address(dst) || dst.is_multicast() {
                let mac = if loopback { MacAddr::ZERO } else { MacAddr::BROADCAST };
                return self.dev_hard_header_xmit(cx, to, mac, skb);
            }
            self.neigh_output(cx, to.dev, to.gateway.unwrap_or(dst), skb)
        })
    }

    fn dev_hard_header_xmit(&mut self, cx: &mut Cx<'_>, to: &Dst, mac: MacAddr, mut skb: SkBuff) -> i32 {
        self.eth_header(cx, to.dev, mac, &mut skb);
        self.dev_queue_xmit(cx, to.dev, skb)
    }

    /// `eth_header`: pushes the Ethernet header.
    pub(crate) fn eth_header(&mut self, cx: &mut Cx<'_>, dev: crate::host::IfIndex, dst: MacAddr, skb: &mut SkBuff) {
        cx.call(Function::EthHeader, |cx| {
            debug_assert!(skb.protocol == ETH_P_IP || skb.protocol == ETH_P_ARP);
            let src = self.dev(dev).map_or(MacAddr::ZERO, |d| d.mac());
            let at = skb.push(ETH_HLEN as u32, cx);
            skb.reset_header(HeaderOffset::Mac, cx);
            let header = EthernetRepr { dst, src, ethertype: skb.protocol };
            skb.write_header(Proto::Ethernet, at, &header.emit(), cx);
        });
    }
}
