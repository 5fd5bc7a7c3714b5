//! Generic segmentation offload: a super-packet is cut into segments just before the driver.
//!
//! Linux: `validate_xmit_skb` and `skb_gso_segment` in `net/core/dev.c`, `tcp_gso_segment` in
//! `net/ipv4/tcp_offload.c`, `inet_gso_segment` in `net/ipv4/af_inet.c`. TCP, IPv4, qdisc and neighbour handle
//! one packet; here each segment gets headers of its own. The payload is shared, not copied.

use crate::host::Cx;
use crate::skb::SkBuff;
use crate::tcp::MAX_TCP_HEADER;
use crate::trace::{Function, HeaderOffset, Proto};
use crate::wire::checksum::{csum_fold, csum_partial, pseudo_header};
use crate::wire::ipv4::{IPPROTO_TCP, ip_send_check};
use crate::wire::tcp::{CWR, FIN, PSH};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// `skb_gso_segment` for TCP over IPv4 over Ethernet: the segments, in order. `skb` is used up.
pub(super) fn tcp_gso_segment(skb: SkBuff, cx: &mut Cx<'_>) -> Vec<SkBuff> {
    cx.call(Function::TcpGsoSegment, |cx| {
        let at = |which| usize::from(skb.header_offset(which)) - skb.headroom() as usize;
        let (network, transport) = (at(HeaderOffset::Network), at(HeaderOffset::Transport));
        let headers = skb.bytes(cx);
        let header_len = transport + usize::from(headers[transport + 12] >> 4) * 4;
        let headers = headers[..header_len].to_vec();
        let size = usize::from(skb.gso_size);
        let mut rest = skb;
        rest.pull(header_len as u32, cx);
        let mut segments = Vec::with_capacity(usize::from(rest.gso_segs));
        let mut offset = 0;
        while rest.len() > size {
            let mut segment = SkBuff::alloc(MAX_TCP_HEADER, cx);
            segment.reserve(MAX_TCP_HEADER, cx);
            segment.inherit(&rest);
            segment.move_front(&mut rest, size, cx);
            segments.push(segment);
        }
        segments.push(rest);
        let count = segments.len();
        for (index, segment) in segments.iter_mut().enumerate() {
            (segment.gso_size, segment.gso_segs) = (0, 0);
            let len = segment.len();
            let mut bytes = headers.clone();
            write_segment_headers(&mut bytes, (network, transport), index as u16, (offset, len, index + 1 == count));
            offset += len;
            let sum = pseudo(&bytes, network, bytes.len() - transport + len);
            let sum = csum_partial(&bytes[transport..], segment.checksum(0, sum, cx));
            bytes[transport + 16..transport + 18].copy_from_slice(&csum_fold(sum).to_be_bytes());
            let base = segment.push(header_len as u32, cx);
            segment.set_header(HeaderOffset::Mac, base, cx);
            segment.set_header(HeaderOffset::Network, base + network as u16, cx);
            segment.set_header(HeaderOffset::Transport, base + transport as u16, cx);
            segment.write_header(Proto::Tcp, base + transport as u16, &bytes[transport..], cx);
            segment.write_header(Proto::Ipv4, base + network as u16, &bytes[network..transport], cx);
            segment.write_header(Proto::Ethernet, base, &bytes[..network], cx);
        }
        segments
    })
}

/// Sequence number, flags, lengths and identification of the `index`-th segment.
fn write_segment_headers(
    b: &mut [u8],
    (network, transport): (usize, usize),
    index: u16,
    (offset, len, last): (usize, usize, bool),
) {
    let tot_len = (b.len() - network + len) as u16;
    let ip = &mut b[network..transport];
    ip[2..4].copy_from_slice(&tot_len.to_be_bytes());
    let id = u16::from_be_bytes([ip[4], ip[5]]).wrapping_add(index);
    ip[4..6].copy_from_slice(&id.to_be_bytes());
    if let Some(header) = ip.first_chunk_mut() {
        ip_send_check(header);
    }
    let tcp = &mut b[transport..];
    let seq = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]).wrapping_add(offset as u32);
    tcp[4..8].copy_from_slice(&seq.to_be_bytes());
    if !last {
        tcp[13] &= !(FIN | PSH);
    }
    if index > 0 {
        tcp[13] &= !CWR;
    }
    tcp[16..18].fill(0);
}

fn pseudo(b: &[u8], network: usize, len: usize) -> u64 {
    let addr =
        |at: usize| Ipv4Addr::new(b[network + at], b[network + at + 1], b[network + at + 2], b[network + at + 3]);
    pseudo_header(addr(12), addr(16), IPPROTO_TCP, len)
}
