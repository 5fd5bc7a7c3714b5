//! Ping sockets: echo requests without raw sockets.
//!
//! Linux: `net/ipv4/ping.c`. The socket's port is the echo identifier; the program gives the ICMP header, the
//! kernel fills in identifier and checksum.

use super::Message;
use crate::host::{Cx, Host};
use crate::skb::{DropReason, SkBuff};
use crate::socket::From;
use crate::syscall::{Errno, SockAddr, Stop};
use crate::trace::{CopyKind, Function, SockId};
use crate::wire::icmpv4::{ICMP_ECHO, ICMP_HLEN, IcmpRepr};
use crate::wire::ipv4::{IPPROTO_ICMP, Ipv4Repr};

impl Host {
    /// `ping_v4_sendmsg`: an echo request with the socket's identifier.
    pub(crate) fn ping_sendmsg(
        &mut self,
        cx: &mut Cx<'_>,
        sk: SockId,
        buf: &[u8],
        addr: Option<SockAddr>,
    ) -> Result<usize, Stop> {
        cx.call(Function::PingSendmsg, |cx| {
            let header = IcmpRepr::parse_quoted(buf).map_err(|_| Errno::EINVAL)?;
            if header.kind != ICMP_ECHO || header.code != 0 {
                return Err(Errno::EINVAL.into());
            }
            let (dst, _) = self.datagram_peer(sk, addr)?;
            let to = self.datagram_route(cx, sk, dst)?;
            let mtu = self.dev(to.dev).map_or(0, |d| usize::from(d.mtu()));
            if buf.len() + crate::wire::ipv4::IPV4_HLEN > mtu.min(65_535) {
                return Err(Errno::EMSGSIZE.into());
            }
            self.inet_autobind(cx, sk)?;
            let Some(sock) = self.socks.get(sk) else { return Err(Errno::EBADF.into()) };
            let id = u32::from(sock.local.1);
            let header = IcmpRepr { rest: id << 16 | (header.rest & 0xffff), ..header };
            let src = (!sock.local.0.is_unspecified()).then_some(sock.local.0);
            let message = Message { src, dst, tos: sock.tos, header };
            self.icmp_push_reply(cx, message, CopyKind::FromUser, &buf[ICMP_HLEN..])?;
            Ok(buf.len())
        })
    }

    /// `ping_rcv`: an echo reply for the socket whose identifier it has. The program reads the ICMP header too.
    pub(super) fn ping_rcv(&mut self, cx: &mut Cx<'_>, ip: &Ipv4Repr, header: IcmpRepr, mut skb: SkBuff) {
        cx.call(Function::PingRcv, |cx| {
            let Ok(sk) = self.socks.datagram(IPPROTO_ICMP, (ip.dst, header.id()), (ip.src, 0)) else {
                return skb.kfree(DropReason::NoSocket, cx);
            };
            skb.push(ICMP_HLEN as u32, cx);
            self.datagram_queue(cx, sk, skb, From { addr: ip.src, port: 0 });
        });
    }
}
