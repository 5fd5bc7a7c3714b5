//! Where the headers of a frame lie: no values, only places.

use stack::trace::Proto;
use stack::wire::arp::ARP_LEN;
use stack::wire::checksum::fcs;
use stack::wire::ethernet::{ETH_HLEN, ETH_P_ARP, ETH_P_IP};
use stack::wire::icmpv4::ICMP_HLEN;
use stack::wire::ipv4::{IP_OFFSET, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPV4_HLEN};
use stack::wire::tcp::TCP_HLEN;
use stack::wire::udp::UDP_HLEN;

/// A header, or the payload, of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// What it is.
    pub proto: Proto,
    /// Where it begins in the frame.
    pub at: usize,
    /// How long it is.
    pub len: usize,
}

/// The parts of an Ethernet frame without FCS, in order. Of a long frame `bytes` may hold only the
/// beginning; `len` is its real length. Padding behind the IPv4 packet belongs to no part.
pub fn split(bytes: &[u8], len: usize) -> Vec<Part> {
    let mut parts = Vec::with_capacity(4);
    if bytes.len() < ETH_HLEN {
        push_payload(&mut parts, 0, len);
        return parts;
    }
    parts.push(Part { proto: Proto::Ethernet, at: 0, len: ETH_HLEN });
    match be16(bytes, 12) {
        ETH_P_IP => split_ipv4(bytes, ETH_HLEN, len, &mut parts),
        ETH_P_ARP if bytes.len() >= ETH_HLEN + ARP_LEN => {
            parts.push(Part { proto: Proto::Arp, at: ETH_HLEN, len: ARP_LEN });
        }
        _ => push_payload(&mut parts, ETH_HLEN, len),
    }
    parts
}

/// The parts of a packet whose IPv4 header begins after `skip` bytes of another link's header.
pub fn split_ip(bytes: &[u8], skip: usize, len: usize) -> Vec<Part> {
    let mut parts = Vec::with_capacity(3);
    split_ipv4(bytes, skip.min(bytes.len()), len, &mut parts);
    parts
}

/// The length of a frame without its FCS: does it end with a right one?
pub fn without_fcs(frame: &[u8]) -> usize {
    match frame.split_last_chunk::<4>() {
        Some((rest, last)) if !rest.is_empty() && fcs(rest) == *last => rest.len(),
        _ => frame.len(),
    }
}

fn split_ipv4(bytes: &[u8], at: usize, len: usize, parts: &mut Vec<Part>) {
    let Some(header) = bytes.get(at..at + IPV4_HLEN) else { return push_payload(parts, at, len) };
    let header_len = usize::from(header[0] & 15) * 4;
    let total = usize::from(be16(header, 2));
    let end = len.min(at + total);
    if header[0] >> 4 != 4 || header_len < IPV4_HLEN || total < header_len || at + header_len > bytes.len() {
        return push_payload(parts, at, len);
    }
    parts.push(Part { proto: Proto::Ipv4, at, len: header_len });
    let at = at + header_len;
    let rest = &bytes[at.min(end)..end.min(bytes.len()).max(at.min(end))];
    let next = match header[9] {
        _ if be16(header, 6) & IP_OFFSET != 0 => None,
        IPPROTO_TCP => {
            let len = rest.get(12).map_or(0, |b| usize::from(b >> 4) * 4);
            (len >= TCP_HLEN).then_some((Proto::Tcp, len))
        }
        IPPROTO_UDP => Some((Proto::Udp, UDP_HLEN)),
        IPPROTO_ICMP => Some((Proto::Icmp, ICMP_HLEN)),
        _ => None,
    };
    match next.filter(|(_, len)| *len <= rest.len()) {
        Some((proto, len)) => {
            parts.push(Part { proto, at, len });
            push_payload(parts, at + len, end);
        }
        None => push_payload(parts, at, end),
    }
}

fn push_payload(parts: &mut Vec<Part>, at: usize, end: usize) {
    if end > at {
        parts.push(Part { proto: Proto::Payload, at, len: end - at });
    }
}

fn be16(b: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([b[at], b[at + 1]])
}
