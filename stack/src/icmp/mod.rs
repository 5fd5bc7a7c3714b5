//! ICMP for IPv4: echo, errors in both directions, and ping sockets.
//!
//! Linux: `net/ipv4/icmp.c`, `net/ipv4/ping.c`. RFC 792, RFC 1122 §3.2.2.

mod errors;
mod ping;

pub(crate) use errors::{Quoted, icmp_err_convert};

use crate::host::{Cx, Host};
use crate::ip::{Send, output_headroom};
use crate::skb::{DropReason, SkBuff};
use crate::trace::{CopyKind, Function, HeaderOffset, Proto};
use crate::wire::Malformed;
use crate::wire::icmpv4::{
    ICMP_DEST_UNREACH, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_HLEN, ICMP_PARAMETERPROB, ICMP_TIME_EXCEEDED, IcmpRepr,
};
use crate::wire::ipv4::{IPPROTO_ICMP, Ipv4Repr};
use core::net::Ipv4Addr;

/// An ICMP message to send: where from and to, and its header.
struct Message {
    src: Option<Ipv4Addr>,
    dst: Ipv4Addr,
    tos: u8,
    header: IcmpRepr,
}

impl Host {
    /// `icmp_rcv`.
    pub(crate) fn icmp_rcv(&mut self, cx: &mut Cx<'_>, ip: Ipv4Repr, mut skb: SkBuff) {
        cx.call(Function::IcmpRcv, |cx| {
            let header = match IcmpRepr::parse(skb.bytes(cx)) {
                Ok(header) => header,
                Err(Malformed::Checksum) => return skb.kfree(DropReason::IcmpCsum, cx),
                Err(_) => return skb.kfree(DropReason::IcmpMalformed, cx),
            };
            skb.header_read(Proto::Icmp, ICMP_HLEN, cx);
            if skb.pull(ICMP_HLEN as u32, cx).is_none() {
                return skb.kfree(DropReason::IcmpMalformed, cx);
            }
            match header.kind {
                // RFC 1122 §3.2.2.6: an echo request to a broadcast address may be ignored, and is.
                ICMP_ECHO if self.is_local_address(ip.dst) => self.icmp_echo(cx, &ip, header, skb),
                ICMP_ECHOREPLY => self.ping_rcv(cx, &ip, header, skb),
                ICMP_DEST_UNREACH | ICMP_TIME_EXCEEDED | ICMP_PARAMETERPROB => self.icmp_unreach(cx, header, skb),
                _ => skb.kfree(DropReason::IcmpIgnored, cx),
            }
        });
    }

    /// `icmp_echo` and `icmp_reply`: the same payload back.
    fn icmp_echo(&mut self, cx: &mut Cx<'_>, ip: &Ipv4Repr, request: IcmpRepr, skb: SkBuff) {
        cx.call(Function::IcmpEcho, |cx| {
            let payload = skb.bytes(cx).to_vec();
            let header = IcmpRepr { kind: ICMP_ECHOREPLY, code: 0, rest: request.rest };
            cx.call(Function::IcmpReply, |cx| {
                let message = Message { src: Some(ip.dst), dst: ip.src, tos: ip.tos, header };
                let _ = self.icmp_push_reply(cx, message, CopyKind::Kernel, &payload);
            });
            skb.consume(cx);
        });
    }

    /// `icmp_push_reply`: builds the message and sends it. Gives the number of payload bytes.
    fn icmp_push_reply(
        &mut self,
        cx: &mut Cx<'_>,
        message: Message,
        kind: CopyKind,
        payload: &[u8],
    ) -> Result<(), crate::syscall::Errno> {
        let to = self.ip_route_output(cx, message.dst)?;
        let room = output_headroom() + ICMP_HLEN as u32;
        let mut skb = SkBuff::alloc(room + payload.len() as u32, cx);
        skb.reserve(room, cx);
        skb.append(kind, payload, cx);
        let at = skb.push(ICMP_HLEN as u32, cx);
        skb.reset_header(HeaderOffset::Transport, cx);
        skb.write_header(Proto::Icmp, at, &message.header.emit(payload), cx);
        let send = Send {
            src: message.src.unwrap_or(to.src),
            dst: message.dst,
            protocol: IPPROTO_ICMP,
            tos: message.tos,
            ttl: self.sysctl.ip_default_ttl as u8,
            df: false,
            id: self.rng.next_u32() as u16,
        };
        self.ip_queue_xmit(cx, Function::IpSendSkb, &to, send, skb);
        Ok(())
    }
}
