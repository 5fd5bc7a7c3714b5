//! Generic segmentation offload: a super-packet is cut into segments just before the driver.
//!
//! Linux: `validate_xmit_skb` and `skb_gso_segment` in `net/core/dev.c`, `tcp_gso_segment` in
//! `net/ipv4/tcp_offload.c`, `inet_gso_segment` in `net/ipv4/af_inet.c`. TCP, IPv4, qdisc and neighbour handle
//! one packet; here each segment gets headers of its own. The payload is shared, not copied.

use crate::host::Cx;
use crate::skb::SkBuff;
use crate::tcp::MAX_TCP_HEADER;
use crate::trace::{Function, HeaderOffset, Proto, What};
use crate::wire::checksum::{csum_fold, csum_partial, pseudo_header};
use crate::wire::ethernet::ETH_HLEN;
use crate::wire::ipv4::{IPPROTO_TCP, IPV4_HLEN};
use crate::wire::tcp::{CWR, FIN, PSH};
use crate::wire::{be16, be32};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// `skb_gso_segment` for TCP over IPv4 over Ethernet: the segments, in order. `skb` is used up.
pub(super) fn tcp_gso_segment(skb: SkBuff, cx: &mut Cx<'_>) -> Vec<SkBuff> {
    cx.call(Function::TcpGsoSegment, |cx| {
        let mut template = Template::read(&skb, cx);
        let header_len = template.len as u32;
        let size = usize::from(skb.gso_size);
        let stamp = (skb.tx_flags, skb.tskey);
        let mut rest = skb;
        rest.pull(header_len, cx);
        let mut segments = Vec::with_capacity(rest.len().div_ceil(size.max(1)));
        // The last one keeps its head, unless its headers would lie on the payload of the one before, which the
        // retransmit queue shares.
        while rest.len() > size || (rest.headlen() > 0 && !segments.is_empty()) {
            let size = size.min(rest.len());
            // What lies in the linear area is copied, as skb_segment does.
            let linear = rest.headlen().min(size) as u32;
            let mut segment = SkBuff::alloc(MAX_TCP_HEADER + linear, cx);
            segment.reserve(MAX_TCP_HEADER, cx);
            segment.inherit(&rest);
            segment.move_front(&mut rest, size, cx);
            segments.push(segment);
        }
        if segments.is_empty() || !rest.is_empty() {
            segments.push(rest);
        } else {
            rest.consume(cx);
        }
        let count = segments.len();
        for (index, segment) in segments.iter_mut().enumerate() {
            if segment.gso_size > 0 {
                (segment.gso_size, segment.gso_segs) = (0, 0);
                let skb = segment.id();
                cx.trace.emit(|| What::SkbGso { skb, size: 0, segs: 0 });
            }
            // `tcp_gso_tstamp`: only the segment with the byte tells its times.
            let first = template.seq;
            let has_byte = stamp.1.wrapping_sub(first) < segment.len() as u32;
            (segment.tx_flags, segment.tskey) = if has_byte { stamp } else { (0, 0) };
            segment.xmit_more = index + 1 < count;
            let len = segment.len();
            template.next(len, index + 1 == count, segment.checksum(0, 0, cx));
            let base = segment.push(header_len, cx);
            let (ip, tcp) = (base + ETH_HLEN as u16, base + TCP as u16);
            segment.set_header(HeaderOffset::Mac, base, cx);
            segment.set_header(HeaderOffset::Network, ip, cx);
            segment.set_header(HeaderOffset::Transport, tcp, cx);
            segment.write_header(Proto::Tcp, tcp, &template.headers()[TCP..], cx);
            segment.write_header(Proto::Ipv4, ip, &template.headers()[ETH_HLEN..TCP], cx);
            segment.write_header(Proto::Ethernet, base, &template.headers()[..ETH_HLEN], cx);
        }
        segments
    })
}

/// Where the IPv4 and the TCP header of a super-packet begin; and a TCP header without options.
const IP: usize = ETH_HLEN;
const TCP: usize = ETH_HLEN + IPV4_HLEN;
/// The most that all three headers take, bytes.
const LONGEST: usize = TCP + 60;

/// The headers of a super-packet; and the sums over what in them is the same for every segment.
#[derive(Clone, Debug)]
pub(super) struct Template {
    bytes: [u8; LONGEST],
    /// Bytes of all three.
    len: usize,
    /// Of the next segment.
    id: u16,
    seq: u32,
    flags: u8,
    ip_sum: u64,
    tcp_sum: u64,
}

impl Template {
    pub(super) fn read(skb: &SkBuff, cx: &Cx<'_>) -> Template {
        let at = |which| usize::from(skb.header_offset(which)) - skb.headroom() as usize;
        debug_assert_eq!((at(HeaderOffset::Network), at(HeaderOffset::Transport)), (IP, TCP));
        let headers = skb.bytes(cx);
        let len = TCP + usize::from(headers[TCP + 12] >> 4) * 4;
        let mut bytes = [0; LONGEST];
        bytes[..len].copy_from_slice(&headers[..len]);
        let (id, seq, flags) = (be16(&bytes, IP + 4), be32(&bytes, TCP + 4), bytes[TCP + 13]);
        let (_, packet) = bytes.split_at_mut(IP);
        let (ip, tcp) = packet.split_at_mut(IPV4_HLEN);
        for (header, fields) in [(&mut *ip, &[2..6, 10..12][..]), (&mut *tcp, &[4..8, 13..14, 16..18][..])] {
            for field in fields {
                header[field.clone()].fill(0);
            }
        }
        let addr = |at| Ipv4Addr::from_bits(be32(ip, at));
        let pseudo = pseudo_header(addr(12), addr(16), IPPROTO_TCP, 0);
        let (ip_sum, tcp_sum) = (csum_partial(ip, 0), csum_partial(tcp, pseudo));
        Template { bytes, len, id, seq, flags, ip_sum, tcp_sum }
    }

    /// The three headers.
    #[inline]
    pub(super) fn headers(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Sequence number, flags, lengths, identification and checksums of the next segment, whose payload is `len` bytes
    /// with this sum.
    pub(super) fn next(&mut self, len: usize, last: bool, payload_sum: u64) {
        let tot_len = (self.len - ETH_HLEN + len) as u16;
        let check = csum_fold(self.ip_sum + u64::from(tot_len) + u64::from(self.id));
        let mut set = |at: usize, bytes: &[u8]| self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        set(IP + 2, &tot_len.to_be_bytes());
        set(IP + 4, &self.id.to_be_bytes());
        set(IP + 10, &check.to_be_bytes());
        let flags = if last { self.flags } else { self.flags & !(FIN | PSH) };
        set(TCP + 4, &self.seq.to_be_bytes());
        set(TCP + 13, &[flags]);
        let tcp_len = (self.len - TCP + len) as u64;
        let sum = self.tcp_sum + u64::from(self.seq) + u64::from(flags) + tcp_len + payload_sum;
        set(TCP + 16, &csum_fold(sum).to_be_bytes());
        self.seq = self.seq.wrapping_add(len as u32);
        self.id = self.id.wrapping_add(1);
        // Only the first says that the window was reduced.
        self.flags &= !CWR;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skb::Mem;
    use crate::time::Instant;
    use crate::trace::{CopyKind, Tracer};
    use crate::wire::ethernet::{ETH_P_IP, EthernetRepr, MacAddr};
    use crate::wire::ipv4::{Ipv4Repr, ip_send_check};
    use crate::wire::tcp::{ACK, TcpRepr};
    use crate::wire::tcp_options::TcpOptions;

    const SRC: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const DST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    /// Those of TCP with timestamps, IPv4 and Ethernet.
    fn headers(skb: &mut SkBuff, cx: &mut Cx<'_>) {
        let tcp = TcpRepr { seq: u32::MAX - 2000, ack: 7, flags: ACK | PSH | FIN | CWR, ..TcpRepr::default() };
        let at = skb.push(32, cx);
        skb.write_header(
            Proto::Tcp,
            at,
            &tcp.emit(&TcpOptions { timestamps: Some((0x0001_0203, 0x0405_0607)), ..TcpOptions::default() }),
            cx,
        );
        skb.set_header(HeaderOffset::Transport, at, cx);
        let ip = Ipv4Repr {
            header_len: 20,
            tos: 0,
            tot_len: 0,
            id: u16::MAX,
            frag_off: 0x4000,
            ttl: 64,
            protocol: IPPROTO_TCP,
            src: SRC,
            dst: DST,
        };
        let mut bytes = ip.emit();
        ip_send_check(&mut bytes);
        let at = skb.push(20, cx);
        skb.write_header(Proto::Ipv4, at, &bytes, cx);
        skb.set_header(HeaderOffset::Network, at, cx);
        let ethernet = EthernetRepr { dst: MacAddr::BROADCAST, src: MacAddr::ZERO, ethertype: ETH_P_IP };
        let at = skb.push(14, cx);
        skb.write_header(Proto::Ethernet, at, &ethernet.emit(), cx);
        skb.set_header(HeaderOffset::Mac, at, cx);
    }

    fn super_packet(payload: &[u8], gso_size: u16, cx: &mut Cx<'_>) -> SkBuff {
        let mut skb = SkBuff::alloc(MAX_TCP_HEADER, cx);
        skb.reserve(MAX_TCP_HEADER, cx);
        let mut done = 0;
        while done < payload.len() {
            done += skb.append_page(&payload[done..], cx);
        }
        headers(&mut skb, cx);
        (skb.gso_size, skb.gso_segs) = (gso_size, payload.len().div_ceil(usize::from(gso_size)) as u16);
        skb
    }

    #[test]
    fn every_segment_has_good_headers_and_its_part_of_the_payload() {
        let payload: Vec<u8> = (0..64_000_u32).map(|i| (i * 7 + (i >> 8)) as u8).collect();
        for size in [1448, 1001, 536, 63_999] {
            let (mut trace, mut mem) = (Tracer::new(true), Mem::default());
            let cx = &mut Cx { now: Instant::ZERO, trace: &mut trace, mem: &mut mem };
            let skb = super_packet(&payload, size, cx);
            let (mut got, mut seq) = (Vec::new(), u32::MAX - 2000);
            let segments = tcp_gso_segment(skb, cx);
            let count = segments.len();
            assert_eq!(count, payload.len().div_ceil(usize::from(size)));
            for (index, segment) in segments.into_iter().enumerate() {
                let mut frame = Vec::new();
                segment.copy_out(CopyKind::DmaOut, 0, segment.len(), &mut frame, cx);
                segment.consume(cx);
                let ip = Ipv4Repr::parse(&frame[14..]).expect("a good IPv4 header");
                assert_eq!((usize::from(ip.tot_len), ip.id), (frame.len() - 14, u16::MAX.wrapping_add(index as u16)));
                let tcp = TcpRepr::parse(&frame[34..]).expect("a good TCP header");
                let sum = pseudo_header(SRC, DST, IPPROTO_TCP, frame.len() - 34);
                assert_eq!(csum_fold(csum_partial(&frame[34..], sum)), 0);
                let ends = if index + 1 == count { FIN | PSH } else { 0 };
                assert_eq!((tcp.seq, tcp.flags), (seq, ACK | ends | if index == 0 { CWR } else { 0 }));
                seq = seq.wrapping_add(frame.len() as u32 - 66);
                got.extend_from_slice(&frame[66..]);
            }
            assert!(got == payload, "{size}");
            assert_eq!(mem.in_use(), 0);
            assert_eq!(mem.bytes_copied(CopyKind::Kernel), 0);
        }
    }

    #[test]
    fn cutting_a_clone_leaves_the_linear_payload_of_the_original_as_it_was() {
        let payload: Vec<u8> = (0..1000_u32).map(|i| (i * 3) as u8).collect();
        let (mut trace, mut mem) = (Tracer::new(true), Mem::default());
        let cx = &mut Cx { now: Instant::ZERO, trace: &mut trace, mem: &mut mem };
        let mut original = SkBuff::alloc(MAX_TCP_HEADER + 1000, cx);
        original.reserve(MAX_TCP_HEADER, cx);
        original.append(CopyKind::FromUser, &payload, cx);
        let mut skb = original.skb_clone(cx);
        headers(&mut skb, cx);
        (skb.gso_size, skb.gso_segs) = (988, 2);
        let mut got = Vec::new();
        for segment in tcp_gso_segment(skb, cx) {
            segment.copy_out(CopyKind::DmaOut, 66, segment.len() - 66, &mut got, cx);
            segment.consume(cx);
        }
        assert!(got == payload);
        assert!(original.bytes(cx) == payload);
        original.consume(cx);
        assert_eq!(cx.mem.in_use(), 0);
    }
}
