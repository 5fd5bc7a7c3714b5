//! Packets to the stack, as bytes.

use super::ast::{Encapsulation, TcpOption};
use stack::wire::checksum::{csum_fold, csum_partial, ip_compute_csum, pseudo_header};
use stack::wire::ethernet::{ETH_P_IP, EthernetRepr, MacAddr};
use stack::wire::icmpv4::IcmpRepr;
use stack::wire::ipv4::{IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Ipv4Repr, ip_send_check};
use stack::wire::tcp::TCP_HLEN;
use stack::wire::udp::{UDP_HLEN, UdpRepr};
use std::net::Ipv4Addr;

/// Time to live of packets to the stack, unless the script says another.
const TTL: u8 = 255;
const IPPROTO_IPIP: u8 = 4;
const IPPROTO_GRE: u8 = 47;
const IPPROTO_MPLS: u8 = 137;
const ETH_P_MPLS: u16 = 0x8847;

/// Addresses and ports: source, destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tuple {
    pub(crate) src: (Ipv4Addr, u16),
    pub(crate) dst: (Ipv4Addr, u16),
}

impl Tuple {
    /// The other way.
    pub(crate) fn reversed(self) -> Tuple {
        Tuple { src: self.dst, dst: self.src }
    }
}

/// The bytes of TCP options, one after the other.
pub(crate) fn options_bytes(options: &[TcpOption]) -> Vec<u8> {
    let mut b = Vec::new();
    for option in options {
        match option {
            TcpOption::Eol => b.push(0),
            TcpOption::Nop => b.push(1),
            TcpOption::Mss(mss) => {
                b.extend([2, 4]);
                b.extend(mss.to_be_bytes());
            }
            TcpOption::WindowScale(shift) => b.extend([3, 3, *shift]),
            TcpOption::SackPermitted => b.extend([4, 2]),
            TcpOption::Sack(blocks) => {
                b.extend([5, (2 + 8 * blocks.len()) as u8]);
                for (left, right) in blocks {
                    b.extend(left.to_be_bytes());
                    b.extend(right.to_be_bytes());
                }
            }
            TcpOption::Timestamps { val, ecr } => {
                b.extend([8, 10]);
                b.extend(val.to_be_bytes());
                b.extend(ecr.to_be_bytes());
            }
            TcpOption::FastOpen(cookie) => {
                b.extend([34, (2 + cookie.len()) as u8]);
                b.extend(cookie);
            }
            TcpOption::FastOpenExperimental(cookie) => {
                b.extend([254, (4 + cookie.len()) as u8, 0xf9, 0x89]);
                b.extend(cookie);
            }
            TcpOption::Md5(digest) => {
                b.extend([19, (2 + digest.len()) as u8]);
                b.extend(digest);
            }
            TcpOption::AccurateEcn { e1b_first, counters } => {
                b.extend([if *e1b_first { 174 } else { 172 }, (2 + 3 * counters.len()) as u8]);
                counters.iter().for_each(|c| b.extend(&c.to_be_bytes()[1..]));
            }
        }
    }
    b
}

/// A TCP segment, in live numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Segment {
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    /// AE, CWR, ECE.
    pub(crate) ace: u8,
    pub(crate) window: u16,
    pub(crate) urgent: u16,
    pub(crate) options: Vec<u8>,
    /// Bytes of zeros.
    pub(crate) len: usize,
}

impl Segment {
    /// Header and data, with the checksum.
    fn bytes(&self, tuple: Tuple) -> Vec<u8> {
        let header_len = TCP_HLEN + self.options.len();
        let mut b = Vec::with_capacity(header_len + self.len);
        b.extend(tuple.src.1.to_be_bytes());
        b.extend(tuple.dst.1.to_be_bytes());
        b.extend(self.seq.to_be_bytes());
        b.extend(self.ack.to_be_bytes());
        b.push((header_len as u8 / 4) << 4 | self.ace >> 2);
        b.push(self.flags | (self.ace & 3) << 6);
        b.extend(self.window.to_be_bytes());
        b.extend([0, 0]);
        b.extend(self.urgent.to_be_bytes());
        b.extend(&self.options);
        b.resize(header_len + self.len, 0);
        let check = csum_fold(csum_partial(&b, pseudo_header(tuple.src.0, tuple.dst.0, IPPROTO_TCP, b.len())));
        b[16..18].copy_from_slice(&check.to_be_bytes());
        b
    }
}

/// An IP packet's payload and what is to stand around it.
pub(crate) struct Builder<'a> {
    pub(crate) tuple: Tuple,
    pub(crate) tos: u8,
    pub(crate) ttl: Option<u8>,
    pub(crate) around: &'a [Encapsulation],
    /// From, to.
    pub(crate) macs: (MacAddr, MacAddr),
}

impl Builder<'_> {
    /// A frame with a TCP segment.
    pub(crate) fn tcp(&self, segment: &Segment) -> Result<Vec<u8>, String> {
        self.frame(IPPROTO_TCP, &segment.bytes(self.tuple))
    }

    /// A frame with a datagram of zeros.
    pub(crate) fn udp(&self, len: usize) -> Result<Vec<u8>, String> {
        let Tuple { src, dst } = self.tuple;
        let total = UDP_HLEN + len;
        let header = UdpRepr { src_port: src.1, dst_port: dst.1, len: total as u16, check: 0 };
        let mut b = header.emit().to_vec();
        b.resize(total, 0);
        let check = csum_fold(csum_partial(&b, pseudo_header(src.0, dst.0, IPPROTO_UDP, total)));
        // RFC 768: a checksum that comes out as zero is sent as all ones.
        b[6..8].copy_from_slice(&if check == 0 { 0xffff } else { check }.to_be_bytes());
        self.frame(IPPROTO_UDP, &b)
    }

    /// A frame with an ICMP message.
    pub(crate) fn icmp(&self, (kind, code, rest): (u8, u8, u32), quoted: &[u8]) -> Result<Vec<u8>, String> {
        let header = IcmpRepr { kind, code, rest }.emit(quoted);
        let message = [&header[..], quoted].concat();
        debug_assert_eq!(ip_compute_csum(&message), 0);
        self.frame(IPPROTO_ICMP, &message)
    }

    fn frame(&self, protocol: u8, payload: &[u8]) -> Result<Vec<u8>, String> {
        let mut packet =
            ipv4(self.tuple.src.0, self.tuple.dst.0, protocol, (self.tos, self.ttl.unwrap_or(TTL)), payload)?;
        let mut protocol = IPPROTO_IPIP;
        for around in self.around.iter().rev() {
            (packet, protocol) = match around {
                Encapsulation::Ipv4 { src, dst } => (ipv4(*src, *dst, protocol, (0, TTL), &packet)?, IPPROTO_IPIP),
                Encapsulation::Gre => {
                    let inside = if protocol == IPPROTO_MPLS { ETH_P_MPLS } else { ETH_P_IP };
                    ([&[0, 0], &inside.to_be_bytes()[..], &packet].concat(), IPPROTO_GRE)
                }
                Encapsulation::Mpls(stack) => {
                    let labels: Vec<u8> = stack.iter().flat_map(|entry| entry.to_be_bytes()).collect();
                    ([labels, packet].concat(), IPPROTO_MPLS)
                }
            };
        }
        let header = EthernetRepr { dst: self.macs.1, src: self.macs.0, ethertype: ETH_P_IP };
        Ok([&header.emit()[..], &packet].concat())
    }
}

fn ipv4(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, (tos, ttl): (u8, u8), payload: &[u8]) -> Result<Vec<u8>, String> {
    let len = 20 + payload.len();
    let tot_len = u16::try_from(len).map_err(|_| format!("the packet would have {len} bytes: IPv4 holds 65535"))?;
    let header = Ipv4Repr { header_len: 20, tos, tot_len, id: 0, frag_off: 0, ttl, protocol, src, dst };
    let mut header = header.emit();
    ip_send_check(&mut header);
    Ok([&header[..], payload].concat())
}

/// What an ICMP message quotes of a packet of the stack's: its IP header and the first 8 bytes behind it.
pub(crate) fn quoted(tuple: Tuple, protocol: u8, len: usize, first: [u8; 8]) -> Vec<u8> {
    let header = Ipv4Repr {
        header_len: 20,
        tos: 0,
        tot_len: u16::try_from(20 + len).unwrap_or(u16::MAX),
        id: 0,
        frag_off: 0,
        ttl: TTL,
        protocol,
        src: tuple.src.0,
        dst: tuple.dst.0,
    };
    let mut header = header.emit();
    ip_send_check(&mut header);
    [&header[..], &first].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stack::wire::tcp::{ACK, PSH, SYN, TcpRepr};

    const TUPLE: Tuple =
        Tuple { src: (Ipv4Addr::new(192, 0, 2, 1), 40000), dst: (Ipv4Addr::new(192, 168, 0, 1), 8080) };

    fn builder(around: &[Encapsulation]) -> Builder<'_> {
        Builder { tuple: TUPLE, tos: 2, ttl: None, around, macs: (MacAddr([2; 6]), MacAddr([4; 6])) }
    }

    fn segment(len: usize) -> Segment {
        let options = options_bytes(&[TcpOption::Mss(1000), TcpOption::Nop, TcpOption::WindowScale(7)]);
        Segment { seq: 5, ack: 6, flags: SYN | ACK | PSH, ace: 5, window: 7, urgent: 0, options, len }
    }

    #[test]
    fn a_segment_reads_back_as_it_was_written() {
        let frame = builder(&[]).tcp(&segment(100)).unwrap();
        let ip = Ipv4Repr::parse(&frame[14..]).unwrap();
        assert_eq!((ip.tos, ip.ttl, ip.payload_len()), (2, TTL, 28 + 100));
        let tcp = TcpRepr::parse(&frame[34..]).unwrap();
        assert_eq!((tcp.seq, tcp.ack, tcp.window, tcp.header_len), (5, 6, 7, 28));
        assert_eq!((tcp.flags, frame[34 + 12] & 15), (SYN | ACK | PSH | 0x40, 1));
        assert_eq!((tcp.options.mss, tcp.options.wscale), (Some(1000), Some(7)));
        let sum = csum_partial(&frame[34..], pseudo_header(TUPLE.src.0, TUPLE.dst.0, IPPROTO_TCP, 128));
        assert_eq!(csum_fold(sum), 0);
    }

    #[test]
    fn headers_go_around_in_order() {
        let (src, dst) = (Ipv4Addr::new(1, 1, 1, 1), Ipv4Addr::new(2, 2, 2, 2));
        let around = [Encapsulation::Ipv4 { src, dst }, Encapsulation::Gre, Encapsulation::Mpls(vec![0x1140])];
        let frame = builder(&around).udp(10).unwrap();
        let outer = Ipv4Repr::parse(&frame[14..]).unwrap();
        assert_eq!((outer.protocol, outer.src, outer.dst), (IPPROTO_GRE, src, dst));
        assert_eq!(frame[34..42], [0, 0, 0x88, 0x47, 0, 0, 0x11, 0x40]);
        assert_eq!(Ipv4Repr::parse(&frame[42..]).unwrap().protocol, IPPROTO_UDP);
    }

    #[test]
    fn a_packet_too_large_for_ipv4_is_refused() {
        assert!(builder(&[]).tcp(&segment(65_535)).is_err());
        assert!(builder(&[]).tcp(&segment(65_487)).is_ok());
    }
}
