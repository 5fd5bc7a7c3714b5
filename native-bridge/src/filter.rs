//! Who a frame claims to come from, and whether the port it came in at may claim that.
//!
//! Looks at the Ethernet source, the ARP sender and the IP source; never at anything behind them.

use std::net::{Ipv4Addr, Ipv6Addr};

use bridge_protocol::{DropReason, MAX_FRAME_BYTES, MIN_FRAME_BYTES, Mac};

use crate::lease::Pair;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPES_VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];

/// A frame whose length was checked.
#[derive(Clone, Copy)]
pub(crate) struct Header<'a> {
    pub(crate) destination: Mac,
    pub(crate) source: Mac,
    ethertype: u16,
    payload: &'a [u8],
}

impl<'a> Header<'a> {
    pub(crate) fn parse(frame: &'a [u8]) -> Result<Header<'a>, DropReason> {
        if frame.len() > MAX_FRAME_BYTES {
            return Err(DropReason::TooLong);
        }
        let (header, payload) = frame.split_first_chunk::<MIN_FRAME_BYTES>().ok_or(DropReason::TooShort)?;
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = *header;
        Ok(Header {
            destination: Mac([d0, d1, d2, d3, d4, d5]),
            source: Mac([s0, s1, s2, s3, s4, s5]),
            ethertype: u16::from_be_bytes([t0, t1]),
            payload,
        })
    }

    /// The ARP sender, or the source of an IPv4 packet with its destination.
    fn ipv4_claim(&self) -> Claim {
        match self.ethertype {
            ETHERTYPE_ARP => match self.payload.get(8..18) {
                Some(&[m0, m1, m2, m3, m4, m5, a, b, c, d]) => {
                    Claim::Arp { mac: Mac([m0, m1, m2, m3, m4, m5]), address: Ipv4Addr::new(a, b, c, d) }
                }
                _ => Claim::None,
            },
            ETHERTYPE_IPV4 => match self.payload.get(12..20) {
                Some(&[a, b, c, d, e, f, g, h]) => {
                    Claim::Ipv4 { source: Ipv4Addr::new(a, b, c, d), destination: Ipv4Addr::new(e, f, g, h) }
                }
                _ => Claim::None,
            },
            _ => Claim::None,
        }
    }

    fn ipv6_source(&self) -> Option<Ipv6Addr> {
        if self.ethertype != ETHERTYPE_IPV6 {
            return None;
        }
        let source: [u8; 16] = self.payload.get(8..24)?.try_into().ok()?;
        Some(Ipv6Addr::from(source))
    }
}

enum Claim {
    None,
    Arp { mac: Mac, address: Ipv4Addr },
    Ipv4 { source: Ipv4Addr, destination: Ipv4Addr },
}

/// A leased port may speak for its lease only.
pub(crate) fn check_leased(header: &Header, lease: Pair) -> Result<(), DropReason> {
    if header.source != lease.mac {
        return Err(DropReason::WrongSourceMac);
    }
    if ETHERTYPES_VLAN.contains(&header.ethertype) {
        return Err(DropReason::VlanTagged);
    }
    match header.ipv4_claim() {
        Claim::Arp { mac, .. } if mac != lease.mac => return Err(DropReason::WrongSourceMac),
        // 0.0.0.0 asks whether an address is free (RFC 5227) and claims nothing.
        Claim::Arp { address, .. } if address != lease.address && !address.is_unspecified() => {
            return Err(DropReason::WrongSourceAddress);
        }
        // A DHCP client has no address yet (RFC 2131 §4.1).
        Claim::Ipv4 { source, destination }
            if source != lease.address && !(source.is_unspecified() && destination.is_broadcast()) =>
        {
            return Err(DropReason::WrongSourceAddress);
        }
        _ => {}
    }
    match header.ipv6_source() {
        Some(source) if !source.is_unspecified() && source != link_local(lease.mac) => {
            Err(DropReason::WrongSourceAddress)
        }
        _ => Ok(()),
    }
}

/// A raw port may speak for any address that `is_taken` does not know as somebody else's.
pub(crate) fn check_raw(header: &Header, is_taken: impl Fn(Ipv4Addr) -> bool) -> Result<(), DropReason> {
    match header.ipv4_claim() {
        Claim::Arp { mac, .. } if mac != header.source => Err(DropReason::WrongSourceMac),
        Claim::Arp { address, .. } | Claim::Ipv4 { source: address, .. } if is_taken(address) => {
            Err(DropReason::WrongSourceAddress)
        }
        _ => Ok(()),
    }
}

/// The IPv6 link-local address made from an Ethernet address (RFC 4291, appendix A).
fn link_local(mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    let word = |high, low| u16::from_be_bytes([high, low]);
    Ipv6Addr::new(0xfe80, 0, 0, 0, word(a ^ 2, b), word(c, 0xff), word(0xfe, d), word(e, f))
}

#[cfg(test)]
mod tests {
    use super::*;
    use DropReason::{TooLong, TooShort, VlanTagged, WrongSourceAddress, WrongSourceMac};

    const MAC: Mac = Mac([2, 0x53, 0x50, 0, 0, 2]);
    const OTHER: Mac = Mac([2, 0x53, 0x50, 0, 0, 3]);
    const LEASE: Pair = Pair { mac: MAC, address: Ipv4Addr::new(10, 77, 0, 2) };

    fn frame(source: Mac, ethertype: u16, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0xff; 6];
        frame.extend(source.0);
        frame.extend(ethertype.to_be_bytes());
        frame.extend(payload);
        frame
    }

    fn arp(sender: Mac, address: [u8; 4]) -> Vec<u8> {
        let mut payload = vec![0, 1, 8, 0, 6, 4, 0, 1];
        payload.extend(sender.0);
        payload.extend(address);
        payload.extend([0; 10]);
        payload
    }

    fn ipv4(source: [u8; 4], destination: [u8; 4]) -> Vec<u8> {
        let mut payload = vec![0x45; 12];
        payload.extend(source);
        payload.extend(destination);
        payload
    }

    fn ipv6(source: &str) -> Vec<u8> {
        let mut payload = vec![0x60; 8];
        payload.extend(source.parse::<Ipv6Addr>().unwrap().octets());
        payload
    }

    fn leased(frame: &[u8]) -> Result<(), DropReason> {
        check_leased(&Header::parse(frame)?, LEASE)
    }

    #[test]
    fn a_leased_port_speaks_for_its_lease_only() {
        let mine = [10, 77, 0, 2];
        let kernel = [10, 77, 0, 1];
        for (source, ethertype, payload, expected) in [
            (MAC, ETHERTYPE_IPV4, ipv4(mine, kernel), Ok(())),
            (MAC, ETHERTYPE_IPV4, ipv4(kernel, mine), Err(WrongSourceAddress)),
            (MAC, ETHERTYPE_IPV4, ipv4([0; 4], [255; 4]), Ok(())),
            (MAC, ETHERTYPE_IPV4, ipv4([0; 4], kernel), Err(WrongSourceAddress)),
            (OTHER, ETHERTYPE_IPV4, ipv4(mine, kernel), Err(WrongSourceMac)),
            (MAC, ETHERTYPE_ARP, arp(MAC, mine), Ok(())),
            (MAC, ETHERTYPE_ARP, arp(MAC, [0; 4]), Ok(())),
            (MAC, ETHERTYPE_ARP, arp(MAC, kernel), Err(WrongSourceAddress)),
            (MAC, ETHERTYPE_ARP, arp(OTHER, mine), Err(WrongSourceMac)),
            (MAC, ETHERTYPE_IPV6, ipv6("::"), Ok(())),
            (MAC, ETHERTYPE_IPV6, ipv6("fe80::53:50ff:fe00:2"), Ok(())),
            (MAC, ETHERTYPE_IPV6, ipv6("fe80::1"), Err(WrongSourceAddress)),
            (MAC, 0x8100, vec![0, 0, 8, 0], Err(VlanTagged)),
            (MAC, 0x88b5, vec![], Ok(())),
        ] {
            let frame = frame(source, ethertype, &payload);
            assert_eq!(leased(&frame), expected, "{frame:02x?}");
        }
    }

    #[test]
    fn a_raw_port_speaks_for_nobody_else() {
        let taken = |address: Ipv4Addr| address == Ipv4Addr::new(10, 77, 0, 1);
        let check = |source, ethertype, payload: &[u8]| {
            check_raw(&Header::parse(&frame(source, ethertype, payload)).unwrap(), taken)
        };
        assert_eq!(check(MAC, ETHERTYPE_ARP, &arp(MAC, [10, 77, 0, 9])), Ok(()));
        assert_eq!(check(MAC, ETHERTYPE_ARP, &arp(MAC, [10, 77, 0, 1])), Err(WrongSourceAddress));
        assert_eq!(check(MAC, ETHERTYPE_ARP, &arp(OTHER, [10, 77, 0, 9])), Err(WrongSourceMac));
        assert_eq!(check(MAC, ETHERTYPE_IPV4, &ipv4([10, 77, 0, 1], [1; 4])), Err(WrongSourceAddress));
        assert_eq!(check(MAC, ETHERTYPE_IPV4, &[]), Ok(()), "cut packets claim nothing");
    }

    #[test]
    fn lengths_are_those_of_ethernet_frames() {
        assert_eq!(Header::parse(&[0; 13]).err(), Some(TooShort));
        assert!(Header::parse(&[0; 14]).is_ok());
        assert!(Header::parse(&[0; 65_549]).is_ok());
        assert_eq!(Header::parse(&[0; 65_550]).err(), Some(TooLong));
    }
}
