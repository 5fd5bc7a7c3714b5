//! UDP: datagrams out and in.
//!
//! Linux: `net/ipv4/udp.c`, `net/ipv4/datagram.c`. RFC 768, RFC 1122 §4.1. A datagram that does not fit one
//! packet is refused with `EMSGSIZE`: IPv4 fragments are not made.

use crate::dev::NET_XMIT_CN;
use crate::host::{Cx, Host};
use crate::icmp::Quoted;
use crate::ip::{Dst, Send, output_headroom};
use crate::skb::{DropReason, SkBuff};
use crate::socket::{From, RCV_SHUTDOWN, SEND_SHUTDOWN};
use crate::syscall::{
    AF_INET, AF_UNSPEC, Errno, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_PEEK, MSG_TRUNC, Out, Progress, SockAddr, Stop, SysRet,
};
use crate::trace::{CopyKind, Field, Function, HeaderOffset, Proto, SockId, TaskId, TcpState};
use crate::wire::checksum::{csum_fold, csum_partial, pseudo_header};
use crate::wire::icmpv4::{ICMP_DEST_UNREACH, ICMP_PORT_UNREACH};
use crate::wire::ipv4::{IPPROTO_UDP, IPV4_HLEN, Ipv4Repr};
use crate::wire::udp::{UDP_HLEN, UdpRepr};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

impl Host {
    /// `__ip4_datagram_connect`: remembers the peer, picks route and source address. `AF_UNSPEC` forgets it.
    pub(crate) fn inet_dgram_connect(&mut self, cx: &mut Cx<'_>, sk: SockId, addr: SockAddr) -> Result<(), Stop> {
        if i32::from(addr.family) == AF_UNSPEC {
            if let Some(sock) = self.socks.get_mut(sk) {
                sock.peer = (Ipv4Addr::UNSPECIFIED, 0);
                sock.set_state(cx, TcpState::Close);
            }
            return Ok(());
        }
        if i32::from(addr.family) != AF_INET {
            return Err(Errno::EAFNOSUPPORT.into());
        }
        let to = self.datagram_route(cx, sk, addr.addr)?;
        self.inet_autobind(cx, sk)?;
        if let Some(sock) = self.socks.get_mut(sk) {
            if sock.local.0.is_unspecified() {
                sock.local.0 = to.src;
            }
            sock.peer = (addr.addr, addr.port);
            sock.set_state(cx, TcpState::Established);
            sock.tell_names(cx);
        }
        Ok(())
    }

    /// The route of a datagram; a broadcast needs `SO_BROADCAST`.
    pub(crate) fn datagram_route(&mut self, cx: &mut Cx<'_>, sk: SockId, to: Ipv4Addr) -> Result<Dst, Errno> {
        if self.is_broadcast_address(to) && !self.socks.get(sk).is_some_and(|s| s.broadcast) {
            return Err(Errno::EACCES);
        }
        self.ip_route_output(cx, to)
    }

    /// Whom to send to, after the checks that every datagram socket makes.
    pub(crate) fn datagram_peer(&mut self, sk: SockId, addr: Option<SockAddr>) -> Result<(Ipv4Addr, u16), Errno> {
        let sock = self.socks.get_mut(sk).ok_or(Errno::EBADF)?;
        if sock.shutdown & SEND_SHUTDOWN != 0 {
            return Err(Errno::EPIPE);
        }
        if let Some(errno) = sock.take_err() {
            return Err(errno);
        }
        match addr {
            Some(a) if !matches!(i32::from(a.family), AF_INET | AF_UNSPEC) => Err(Errno::EAFNOSUPPORT),
            Some(a) => Ok((a.addr, a.port)),
            None if sock.state == TcpState::Established => Ok(sock.peer),
            None => Err(Errno::EDESTADDRREQ),
        }
    }

    /// `udp_sendmsg`.
    pub(crate) fn udp_sendmsg(
        &mut self,
        cx: &mut Cx<'_>,
        sk: SockId,
        buf: &[u8],
        addr: Option<SockAddr>,
    ) -> Result<usize, Stop> {
        cx.call(Function::UdpSendmsg, |cx| {
            let (dst, port) = self.datagram_peer(sk, addr)?;
            if port == 0 {
                return Err(Errno::EINVAL.into());
            }
            let to = self.datagram_route(cx, sk, dst)?;
            let mtu = self.dev(to.dev).map_or(0, |d| usize::from(d.mtu()));
            if buf.len() + UDP_HLEN + IPV4_HLEN > mtu.min(65_535) {
                return Err(Errno::EMSGSIZE.into());
            }
            self.inet_autobind(cx, sk)?;
            let room = output_headroom() + UDP_HLEN as u32;
            let mut skb = SkBuff::alloc(room + buf.len() as u32, cx);
            skb.reserve(room, cx);
            skb.append(CopyKind::FromUser, buf, cx);
            let err = self.udp_send_skb(cx, sk, &to, (dst, port), skb);
            // `net_xmit_errno`: a full qdisc is an error only for who asked for errors.
            match err {
                0 | NET_XMIT_CN => Ok(buf.len()),
                1.. if self.socks.get(sk).is_some_and(|s| s.recverr) => Err(Errno::ENOBUFS.into()),
                1.. => Ok(buf.len()),
                errno => Err(Errno::from_number(-errno).unwrap_or(Errno::EIO).into()),
            }
        })
    }

    /// `udp_send_skb`: the header and its checksum.
    fn udp_send_skb(&mut self, cx: &mut Cx<'_>, sk: SockId, to: &Dst, peer: (Ipv4Addr, u16), mut skb: SkBuff) -> i32 {
        let Some(sock) = self.socks.get_mut(sk) else {
            skb.kfree(DropReason::NoSocket, cx);
            return 0;
        };
        let src = if sock.local.0.is_unspecified() { to.src } else { sock.local.0 };
        sock.ip_id = sock.ip_id.wrapping_add(1);
        let send = Send {
            src,
            dst: peer.0,
            protocol: IPPROTO_UDP,
            tos: sock.tos,
            ttl: sock.ttl.unwrap_or(self.sysctl.ip_default_ttl as u8),
            df: sock.ip_dont_fragment(to),
            id: sock.ip_id,
        };
        let src_port = sock.local.1;
        cx.call(Function::UdpSendSkb, |cx| {
            let at = skb.push(UDP_HLEN as u32, cx);
            skb.reset_header(HeaderOffset::Transport, cx);
            let len = skb.len();
            let mut header = UdpRepr { src_port, dst_port: peer.1, len: len as u16, check: 0 };
            let payload = csum_partial(&skb.bytes(cx)[UDP_HLEN..], pseudo_header(src, peer.0, IPPROTO_UDP, len));
            // RFC 768: a checksum of zero is sent as all ones.
            header.check = match csum_fold(csum_partial(&header.emit(), payload)) {
                0 => 0xffff,
                check => check,
            };
            skb.write_header(Proto::Udp, at, &header.emit(), cx);
            self.ip_queue_xmit(cx, Function::IpSendSkb, to, send, skb)
        })
    }

    /// `__udp4_lib_rcv`.
    pub(crate) fn udp_rcv(&mut self, cx: &mut Cx<'_>, ip: Ipv4Repr, mut skb: SkBuff) {
        cx.call(Function::UdpRcv, |cx| {
            let bytes = skb.bytes(cx);
            let Ok(header) = UdpRepr::parse(bytes) else { return skb.kfree(DropReason::PktTooSmall, cx) };
            let len = usize::from(header.len);
            let sum = csum_partial(&bytes[..len], pseudo_header(ip.src, ip.dst, IPPROTO_UDP, len));
            if header.check != 0 && csum_fold(sum) != 0 {
                return skb.kfree(DropReason::UdpCsum, cx);
            }
            skb.header_read(Proto::Udp, UDP_HLEN, cx);
            skb.trim(len, cx);
            let found = self.socks.datagram(IPPROTO_UDP, (ip.dst, header.dst_port), (ip.src, header.src_port));
            let Ok(sk) = found else {
                self.icmp_send(cx, &ip, &skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
                return skb.kfree(DropReason::NoSocket, cx);
            };
            if skb.pull(UDP_HLEN as u32, cx).is_none() {
                return skb.kfree(DropReason::PktTooSmall, cx);
            }
            cx.call(Function::UdpQueueRcvSkb, |cx| {
                self.datagram_queue(cx, sk, skb, From { addr: ip.src, port: header.src_port });
            });
        });
    }

    /// Queues a datagram for its reader, if the receive buffer has room.
    pub(crate) fn datagram_queue(&mut self, cx: &mut Cx<'_>, sk: SockId, skb: SkBuff, from: From) {
        let full = self.socks.get(sk).is_none_or(|s| s.rmem_alloc + skb.truesize() > s.rcvbuf);
        if full {
            return skb.kfree(DropReason::SocketRcvbuff, cx);
        }
        let Some(sock) = self.socks.get_mut(sk) else { return skb.kfree(DropReason::NoSocket, cx) };
        sock.queue_rcv_skb(cx, skb, from);
        cx.call(Function::SockDefReadable, |cx| self.sk_wake_id(cx, sk));
    }

    /// `udp_recvmsg`, `ping_recvmsg`: one datagram; what does not fit the buffer is lost.
    pub(crate) fn datagram_recvmsg(
        &mut self,
        cx: &mut Cx<'_>,
        (task, sk): (TaskId, SockId),
        function: Function,
        len: usize,
        flags: i32,
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        cx.call(function, |cx| {
            let Some(sock) = self.socks.get_mut(sk) else { return Err(Errno::EBADF.into()) };
            if flags & MSG_ERRQUEUE != 0 {
                return sock.recv_error(len);
            }
            if let Some(errno) = sock.take_err() {
                return Err(errno.into());
            }
            let Some((skb, from)) = sock.receive_queue.front().map(|(skb, from)| (skb.clone(), *from)) else {
                if sock.shutdown & RCV_SHUTDOWN != 0 {
                    return Ok(SysRet::ok(0));
                }
                if sock.nonblock || flags & MSG_DONTWAIT != 0 {
                    return Err(Errno::EAGAIN.into());
                }
                let patience = (sock.rcvtimeo, Errno::EAGAIN);
                return Err(sock.sleep_or_fail(cx, task, Function::SkWaitData, progress, patience));
            };
            let count = skb.len().min(len);
            let mut data = Vec::new();
            skb.copy_out(CopyKind::ToUser, 0, count, &mut data, cx);
            let value = if flags & MSG_TRUNC != 0 { skb.len() } else { count };
            let cut = if skb.len() > count { MSG_TRUNC } else { 0 };
            let control = sock.datagram_cmsgs(cx, &skb);
            if flags & MSG_PEEK == 0
                && let Some((skb, _)) = sock.dequeue_rcv_skb(cx)
            {
                skb.consume(cx);
            }
            Ok(SysRet {
                data,
                addr: Some(SockAddr::v4(from.addr, from.port)),
                out: Out::Message { control, flags: cut },
                ..SysRet::ok(value as i64)
            })
        })
    }

    /// `__udp4_lib_err`: an ICMP error for a datagram of ours. Only a connected socket is told, and only of what is
    /// final; with `IP_RECVERR` any socket of anything, and the error queue says more.
    pub(crate) fn udp_err(&mut self, cx: &mut Cx<'_>, quoted: &Quoted, errno: Errno, fatal: bool) {
        cx.call(Function::UdpErr, |cx| {
            let local = (quoted.src, quoted.src_port);
            let Ok(sk) = self.socks.datagram(IPPROTO_UDP, local, (quoted.dst, quoted.dst_port)) else { return };
            let Some(sock) = self.socks.get_mut(sk) else { return };
            if sock.recverr {
                sock.ip_icmp_error(quoted, errno);
            } else if !fatal || sock.state != TcpState::Established {
                return;
            }
            sock.err = Some(errno);
            cx.tell_set(sk, Field::SkErr, 0, errno as u32);
            self.sk_wake_id(cx, sk);
        });
    }
}
