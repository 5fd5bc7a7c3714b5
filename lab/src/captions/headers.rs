//! Sentences about headers: written on the way down, read on the way up.

use super::fact::HeaderFact;
use super::sentence::bytes;
use stack::trace::Proto;
use stack::wire::ethernet::MacAddr;
use stack::wire::icmpv4::{ICMP_DEST_UNREACH, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_TIME_EXCEEDED};
use stack::wire::tcp::{ACK, FIN, RST, SYN};
use std::net::Ipv4Addr;

/// A header was written in front of `payload` bytes.
pub(super) fn header_written(header: HeaderFact, len: u16, payload: u32, again: bool) -> String {
    if again {
        return format!("{} wrote its header once more: now its checksum is in it.", writer(header));
    }
    match header {
        HeaderFact::Tcp { flags } => tcp(flags, len, payload),
        HeaderFact::Udp { port } => {
            format!("UDP moved one pointer and wrote {len} bytes in front: for port {port}.")
        }
        HeaderFact::Ipv4 { .. } if payload > 0 => {
            format!("IP moved one pointer and wrote {len} bytes in front. The {} stayed put.", bytes(payload))
        }
        HeaderFact::Ipv4 { dst, ttl } => {
            format!("IP wrote {len} bytes in front: to {}. Each router takes 1 off TTL {ttl}.", Ipv4Addr::from(dst))
        }
        HeaderFact::Forwarded { ttl } => {
            format!("The router took 1 off the TTL, now {ttl}: only that and the checksum change.")
        }
        HeaderFact::Ethernet { dst } if MacAddr(dst) == MacAddr::BROADCAST => {
            format!("Ethernet wrote {len} bytes in front: for every card on this link.")
        }
        HeaderFact::Ethernet { dst } => {
            format!("Ethernet wrote {len} bytes in front: the next card is {}.", MacAddr(dst))
        }
        HeaderFact::Arp { reply: false, target, .. } => {
            format!("ARP asks the cards on this link: who has {}?", Ipv4Addr::from(target))
        }
        HeaderFact::Arp { reply: true, sender, .. } => {
            format!("ARP answers: {} is at this card's MAC address.", Ipv4Addr::from(sender))
        }
        HeaderFact::Icmp { kind: ICMP_ECHO } => format!("ICMP wrote {len} bytes in front: please send this back."),
        HeaderFact::Icmp { kind: ICMP_ECHOREPLY } => format!("ICMP wrote {len} bytes in front: here is your echo."),
        HeaderFact::Icmp { kind: ICMP_DEST_UNREACH } => {
            format!("ICMP wrote {len} bytes in front: your packet could not be delivered.")
        }
        HeaderFact::Icmp { kind: ICMP_TIME_EXCEEDED } => {
            format!("ICMP wrote {len} bytes in front: your packet passed too many routers.")
        }
        HeaderFact::Icmp { kind } => format!("ICMP wrote {len} bytes in front: a message of type {kind}."),
        HeaderFact::Fcs => format!("The card adds {len} check bytes (FCS), to notice damage on the way."),
        HeaderFact::Other => format!("A header of {len} bytes was written in front."),
    }
}

fn tcp(flags: u8, len: u16, payload: u32) -> String {
    let wrote = format!("TCP wrote {len} bytes in front");
    match (flags & (SYN | ACK | FIN | RST), payload) {
        (f, _) if f & RST != 0 => format!("{wrote} with RST: the connection is cut off."),
        (f, _) if f & (SYN | ACK) == SYN => format!("{wrote} with SYN: it asks to open a connection."),
        (f, _) if f & SYN != 0 => format!("{wrote} with SYN and ACK: it agrees to the connection."),
        (f, 0) if f & FIN != 0 => format!("{wrote} with FIN: nothing more will be sent."),
        (_, 0) => format!("{wrote}: an ACK that carries no data."),
        (_, n) => format!("TCP moved one pointer and wrote {len} bytes in front. The {} stayed put.", bytes(n)),
    }
}

fn writer(header: HeaderFact) -> &'static str {
    match header {
        HeaderFact::Ethernet { .. } => "Ethernet",
        HeaderFact::Arp { .. } => "ARP",
        HeaderFact::Ipv4 { .. } | HeaderFact::Forwarded { .. } => "IP",
        HeaderFact::Icmp { .. } => "ICMP",
        HeaderFact::Udp { .. } => "UDP",
        HeaderFact::Tcp { .. } => "TCP",
        HeaderFact::Fcs | HeaderFact::Other => "The kernel",
    }
}

/// A header of a segment that was cut off a super-packet: a copy of the super-packet's with the segment's own numbers.
pub(super) fn segment_header(proto: Proto, len: u16) -> String {
    match proto {
        Proto::Tcp => format!("{len} bytes of TCP for this segment: its own sequence number and checksum."),
        Proto::Ipv4 => format!("{len} bytes of IP for this segment: its own length, ID and checksum."),
        _ => "Now this segment has headers of its own, as if it had been sent alone.".into(),
    }
}

/// A header was read and found good.
pub(super) fn header_read(proto: Proto, len: u16) -> String {
    match proto {
        Proto::Ethernet => format!("The {len} bytes of Ethernet say for whom the frame is and what follows."),
        Proto::Arp => format!("ARP read the message of {len} bytes: a question or an answer about a MAC address."),
        Proto::Ipv4 => format!("IP read its {len} bytes: version, lengths and checksum are right."),
        Proto::Icmp => format!("ICMP read its {len} bytes: the checksum is right."),
        Proto::Udp => format!("UDP read its {len} bytes: length and checksum are right."),
        Proto::Tcp => format!("TCP read its {len} bytes: the checksum is right."),
        Proto::Payload => format!("{} of payload follow.", bytes(len.into())),
        Proto::Fcs => "The card found the check bytes (FCS) right.".into(),
    }
}
