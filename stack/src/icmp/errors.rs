//! ICMP errors: sending one about a packet, and telling the transport about one received.
//!
//! Linux: `__icmp_send`, `icmp_unreach` in `net/ipv4/icmp.c`. RFC 1122 §3.2.2, RFC 1812 §4.3.2.

use super::Message;
use crate::host::{Cx, Host};
use crate::skb::{DropReason, SkBuff};
use crate::syscall::Errno;
use crate::trace::{CopyKind, Function, HeaderOffset};
use crate::wire::icmpv4::{
    ICMP_DEST_UNREACH, ICMP_ECHO, ICMP_FRAG_NEEDED, ICMP_HOST_UNREACH, ICMP_NET_UNREACH, ICMP_PARAMETERPROB,
    ICMP_PORT_UNREACH, ICMP_PROT_UNREACH, ICMP_TIME_EXCEEDED, IcmpRepr,
};
use crate::wire::ipv4::{IP_OFFSET, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPV4_HLEN, Ipv4Repr};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// What an ICMP error quotes: enough to find the socket.
#[derive(Clone, Debug)]
pub(crate) struct Quoted {
    pub(crate) src: Ipv4Addr,
    pub(crate) dst: Ipv4Addr,
    pub(crate) src_port: u16,
    pub(crate) dst_port: u16,
    /// TCP's sequence number.
    pub(crate) seq: u32,
    /// Type, code and second word of the ICMP message, and who sent it.
    pub(crate) icmp: (u8, u8, u32, Ipv4Addr),
    /// What is quoted of the transport: its header and what follows.
    pub(crate) transport: Vec<u8>,
}

/// `icmp_err_convert`: the errno of a "destination unreachable", and whether it ends what it concerns.
pub(crate) fn icmp_err_convert(code: u8) -> (Errno, bool) {
    match code {
        ICMP_NET_UNREACH => (Errno::ENETUNREACH, false),
        ICMP_PROT_UNREACH => (Errno::ENOPROTOOPT, true),
        ICMP_PORT_UNREACH => (Errno::ECONNREFUSED, true),
        ICMP_FRAG_NEEDED => (Errno::EMSGSIZE, false),
        // Source route failed; unknown or forbidden networks and hosts; for this type of service; filtered.
        5 => (Errno::EOPNOTSUPP, false),
        6 | 9 => (Errno::ENETUNREACH, true),
        7 => (Errno::EHOSTDOWN, true),
        8 => (Errno::ENONET, true),
        10 | 13..=15 => (Errno::EHOSTUNREACH, true),
        11 => (Errno::ENETUNREACH, false),
        _ => (Errno::EHOSTUNREACH, false),
    }
}

impl Host {
    /// `__icmp_send`: an error about `skb`, whose network header is still there.
    pub(crate) fn icmp_send(&mut self, cx: &mut Cx<'_>, ip: &Ipv4Repr, skb: &SkBuff, kind: u8, code: u8, info: u32) {
        cx.call(Function::IcmpSend, |cx| {
            let packet = skb.from_header(HeaderOffset::Network, cx);
            // RFC 1122 §3.2.2: never about an ICMP error, a broadcast, or a fragment that is not the first.
            let about_error = ip.protocol == IPPROTO_ICMP
                && packet.get(usize::from(ip.header_len)).is_none_or(|kind| *kind != ICMP_ECHO && *kind != 0);
            let group = self.is_broadcast_address(ip.dst) || ip.dst.is_multicast();
            if about_error || group || ip.frag_off & IP_OFFSET != 0 || ip.src.is_unspecified() {
                return;
            }
            // RFC 1812 §4.3.2.3: as much of the packet as fits 576 bytes.
            let quote = packet[..packet.len().min(576 - IPV4_HLEN - 8)].to_vec();
            let src = self.is_local_address(ip.dst).then_some(ip.dst);
            let header = IcmpRepr { kind, code, rest: info };
            let message = Message { src, dst: ip.src, tos: ip.tos & 0x1e | 0xc0, header };
            let _ = self.icmp_push_reply(cx, message, CopyKind::Kernel, &quote);
        });
    }

    /// `icmp_unreach`: finds the transport that the quoted packet belongs to.
    pub(super) fn icmp_unreach(&mut self, cx: &mut Cx<'_>, header: IcmpRepr, skb: SkBuff) {
        cx.call(Function::IcmpUnreach, |cx| {
            let mut told = quoted(skb.bytes(cx));
            let ip = skb.from_header(HeaderOffset::Network, cx);
            let sender =
                ip.get(12..16).and_then(|a| <[u8; 4]>::try_from(a).ok()).map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from);
            if let Some((_, q)) = &mut told {
                q.icmp = (header.kind, header.code, header.rest, sender);
            }
            let (errno, fatal) = match header.kind {
                ICMP_TIME_EXCEEDED => (Errno::EHOSTUNREACH, false),
                ICMP_PARAMETERPROB => (Errno::EPROTO, true),
                _ => icmp_err_convert(header.code),
            };
            match told {
                Some((IPPROTO_TCP, q)) => self.tcp_v4_err(cx, &q),
                Some((IPPROTO_UDP, q)) => self.udp_err(cx, &q, errno, fatal),
                Some((IPPROTO_ICMP, _)) => {}
                _ => return skb.kfree(DropReason::IcmpIgnored, cx),
            }
            skb.consume(cx);
        });
    }

    /// `ipv4_link_failure`: a packet of our own could not be delivered on the link. Linux sends itself an
    /// ICMP "host unreachable"; ours tells the transport directly.
    pub(crate) fn ipv4_link_failure(&mut self, cx: &mut Cx<'_>, skb: &SkBuff) {
        let packet = skb.from_header(HeaderOffset::Network, cx);
        let (errno, fatal) = icmp_err_convert(ICMP_HOST_UNREACH);
        let Ok(ip) = Ipv4Repr::parse(packet) else { return };
        if !self.is_local_address(ip.src) {
            return self.icmp_send(cx, &ip, skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
        }
        match quoted(packet) {
            Some((IPPROTO_TCP, q)) => self.tcp_v4_err(cx, &q),
            Some((IPPROTO_UDP, q)) => self.udp_err(cx, &q, errno, fatal),
            _ => {}
        }
    }
}

/// Reads the quoted packet: RFC 792 promises the IPv4 header and 8 bytes more.
fn quoted(b: &[u8]) -> Option<(u8, Quoted)> {
    let header_len = usize::from(b.first()? & 15) * 4;
    if b[0] >> 4 != 4 || header_len < IPV4_HLEN {
        return None;
    }
    let addr = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(b.get(at..at + 4)?).ok()?));
    let protocol = *b.get(9)?;
    let t: &[u8; 8] = b.get(header_len..)?.first_chunk()?;
    let quoted = Quoted {
        src: addr(12)?,
        dst: addr(16)?,
        src_port: u16::from_be_bytes([t[0], t[1]]),
        dst_port: u16::from_be_bytes([t[2], t[3]]),
        seq: u32::from_be_bytes([t[4], t[5], t[6], t[7]]),
        icmp: (ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0, addr(12)?),
        transport: b.get(header_len..)?.to_vec(),
    };
    Some((protocol, quoted))
}
