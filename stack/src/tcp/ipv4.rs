//! TCP over IPv4: receiving a segment and finding its socket.
//!
//! Linux: `tcp_v4_rcv`, `tcp_v4_do_rcv`, `tcp_v4_fill_cb` in `net/ipv4/tcp_ipv4.c`. RFC 9293 §3.10.7.

use super::TcpSock;
use super::minisocks::Checked;
use super::output::Path;
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::skb::{DropReason, PktType, SkBuff};
use crate::socket::{Established, Tuple};
use crate::trace::{Function, Proto, SockId, TcpState};
use crate::wire::Malformed;
use crate::wire::checksum::{csum_fold, pseudo_header};
use crate::wire::ipv4::{IPPROTO_TCP, Ipv4Repr};
use crate::wire::tcp::{ACK, FIN, RST, SYN, TcpRepr};

/// A received segment: both headers, and how many bytes follow.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) ip: Ipv4Repr,
    pub(crate) tcp: TcpRepr,
    /// The reserved bits; the lowest is AE (RFC 9768).
    pub(crate) res: u8,
    /// Payload bytes.
    pub(crate) len: u32,
}

impl Segment {
    pub(crate) fn has(&self, flag: u8) -> bool {
        self.tcp.has(flag)
    }

    /// One past the last sequence number: SYN and FIN count.
    pub(super) fn end_seq(&self) -> u32 {
        self.tcp.seq.wrapping_add(self.len + u32::from(self.has(SYN)) + u32::from(self.has(FIN)))
    }

    pub(super) fn tuple(&self) -> Tuple {
        Tuple { local: (self.ip.dst, self.tcp.dst_port), peer: (self.ip.src, self.tcp.src_port) }
    }

    /// The way back.
    pub(super) fn reply_path(&self) -> Path {
        Path { src: (self.ip.dst, self.tcp.dst_port), dst: (self.ip.src, self.tcp.src_port) }
    }
}

impl Host {
    /// `tcp_v4_rcv`: checks a segment and finds who answers for it.
    pub(crate) fn tcp_v4_rcv(&mut self, cx: &mut Cx<'_>, ip: Ipv4Repr, mut skb: SkBuff) {
        cx.call(Function::TcpV4Rcv, |cx| {
            if skb.pkt_type != PktType::Host {
                return skb.kfree(DropReason::NotSpecified, cx);
            }
            self.mib.inc(Counter::InSegs);
            let bytes = skb.bytes(cx);
            let res = bytes.get(12).map_or(0, |b| b & 15);
            let tcp = match TcpRepr::parse(bytes) {
                Ok(tcp) => tcp,
                Err(malformed) => {
                    if malformed == Malformed::Length {
                        self.mib.inc(Counter::InErrs);
                    }
                    return skb.kfree(DropReason::TcpMalformed, cx);
                }
            };
            // What was joined from several segments was checked when they were.
            if skb.gso_size == 0 {
                let sum = pseudo_header(ip.src, ip.dst, IPPROTO_TCP, skb.len());
                if csum_fold(skb.checksum(0, sum, cx)) != 0 {
                    self.mib.inc(Counter::InCsumErrors);
                    self.mib.inc(Counter::InErrs);
                    return skb.kfree(DropReason::TcpCsum, cx);
                }
            }
            skb.header_read(Proto::Tcp, usize::from(tcp.header_len), cx);
            let len = (skb.len() - usize::from(tcp.header_len)) as u32;
            let seg = Segment { ip, tcp, res, len };
            // `tcp_v4_fill_cb`
            skb.cb.seq = seg.tcp.seq;
            skb.cb.end_seq = seg.end_seq();
            skb.cb.ack_seq = seg.tcp.ack;
            skb.cb.flags = seg.tcp.flags;
            skb.cb.tos = ip.tos;
            skb.cb.sacked = 0;
            self.tcp_v4_lookup(cx, &seg, skb);
        });
    }

    /// Who answers for the segment?
    fn tcp_v4_lookup(&mut self, cx: &mut Cx<'_>, seg: &Segment, skb: SkBuff) {
        let tuple = seg.tuple();
        match self.socks.ehash.get(&tuple) {
            Some(Established::Sock(id)) => {
                let id = *id;
                self.tcp_v4_established(cx, id, seg, skb);
            }
            Some(Established::Request(req)) => {
                let listener = req.listener;
                if !self.is_listening(listener) {
                    self.reqsk_unlink(cx, &tuple);
                    return self.tcp_v4_listener(cx, seg, skb);
                }
                let checked = self.with_tcp(cx, listener, |host, cx, lp| host.tcp_check_req(cx, lp, seg, &skb));
                match checked {
                    Some(Checked::Child(child)) => self.tcp_child_process(cx, listener, child, seg, skb),
                    Some(Checked::Listener) => self.tcp_v4_listen_rcv(cx, listener, seg, skb, None),
                    Some(Checked::Drop(reason)) => skb.kfree(reason, cx),
                    None => skb.kfree(DropReason::NoSocket, cx),
                }
            }
            Some(Established::TimeWait(_)) => self.tcp_v4_timewait(cx, seg, skb),
            None => self.tcp_v4_listener(cx, seg, skb),
        }
    }

    fn is_listening(&self, id: SockId) -> bool {
        self.socks.tcp(id).is_some_and(|tp| tp.state == TcpState::Listen)
    }

    /// A segment of no connection: a listener's, or nobody's.
    fn tcp_v4_listener(&mut self, cx: &mut Cx<'_>, seg: &Segment, skb: SkBuff) {
        match self.socks.listener((seg.ip.dst, seg.tcp.dst_port)) {
            Some(listener) => self.tcp_v4_listen_rcv(cx, listener, seg, skb, None),
            None => {
                self.tcp_v4_send_reset(cx, seg);
                skb.kfree(DropReason::NoSocket, cx);
            }
        }
    }

    /// `IP_MINTTL` (RFC 5082): has it come from further away than the socket allows?
    fn below_min_ttl(&mut self, id: SockId, seg: &Segment) -> bool {
        let below = self.socks.get(id).is_some_and(|s| seg.ip.ttl < s.min_ttl);
        if below {
            self.mib.inc(Counter::TcpMinTTLDrop);
        }
        below
    }

    /// `tcp_v4_do_rcv` of a connection.
    fn tcp_v4_established(&mut self, cx: &mut Cx<'_>, id: SockId, seg: &Segment, skb: SkBuff) {
        let Some(mut tp) = self.socks.take_tcp(id) else {
            return skb.kfree(DropReason::NoSocket, cx);
        };
        if seg.ip.ttl < tp.sk.min_ttl {
            self.mib.inc(Counter::TcpMinTTLDrop);
            self.socks.put_tcp(tp);
            return skb.kfree(DropReason::TcpMinTtl, cx);
        }
        tp.segs_in(seg, &skb);
        cx.call(Function::TcpV4DoRcv, |cx| match tp.state {
            TcpState::Established => self.tcp_rcv_established(cx, &mut tp, seg, skb),
            _ => self.tcp_rcv_state_process(cx, &mut tp, seg, skb),
        });
        self.return_tcp(cx, tp);
    }

    /// `tcp_v4_do_rcv` of a listener: an ACK may answer a SYN cookie; else only a SYN is welcome (RFC 9293 §3.10.7.2).
    /// `tw_isn` is the sequence number to use if it took over a connection in TIME_WAIT.
    pub(super) fn tcp_v4_listen_rcv(
        &mut self,
        cx: &mut Cx<'_>,
        listener: SockId,
        seg: &Segment,
        skb: SkBuff,
        tw_isn: Option<u32>,
    ) {
        if self.below_min_ttl(listener, seg) {
            return skb.kfree(DropReason::TcpMinTtl, cx);
        }
        cx.call(Function::TcpV4DoRcv, |cx| {
            if !seg.has(SYN) {
                let check =
                    |host: &mut Host, cx: &mut Cx<'_>, lp: &mut TcpSock| host.cookie_v4_check(cx, lp, seg, &skb);
                match self.with_tcp(cx, listener, check) {
                    Some(Ok(Some(child))) => return self.tcp_child_process(cx, listener, child, seg, skb),
                    Some(Err(reason)) => return skb.kfree(reason, cx),
                    Some(Ok(None)) | None => {}
                }
            }
            cx.call(Function::TcpRcvStateProcess, |cx| {
                if seg.has(ACK) {
                    self.tcp_v4_send_reset(cx, seg);
                    return skb.kfree(DropReason::TcpFlags, cx);
                }
                if seg.has(RST) {
                    return skb.kfree(DropReason::TcpReset, cx);
                }
                if !seg.has(SYN) || seg.has(FIN) {
                    return skb.kfree(DropReason::TcpFlags, cx);
                }
                let request =
                    |host: &mut Host, cx: &mut Cx<'_>, lp: &mut TcpSock| host.tcp_conn_request(cx, lp, seg, tw_isn);
                match self.with_tcp(cx, listener, request).unwrap_or(Err(DropReason::NoSocket)) {
                    Ok(()) => skb.consume(cx),
                    Err(reason) => skb.kfree(reason, cx),
                }
            });
        });
    }
}
