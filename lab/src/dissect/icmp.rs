//! ICMP: what the second half of its header means depends on the type.

use super::header::{FieldView, field};
use stack::wire::icmpv4::{FIELDS, ICMP_DEST_UNREACH, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_FRAG_NEEDED, ICMP_TIME_EXCEEDED};
use std::net::Ipv4Addr;

const ICMP_REDIRECT: u8 = 5;

pub(super) fn title(b: &[u8]) -> String {
    match b {
        [kind, code, ..] => format!("Internet Control Message Protocol, {}", describe(*kind, *code)),
        _ => "Internet Control Message Protocol".into(),
    }
}

pub(super) fn fields(b: &[u8]) -> Vec<FieldView> {
    let mut fields: Vec<FieldView> = FIELDS.iter().take(3).map(|d| field(d, b)).collect();
    if let ([kind, code, ..], [first, second, ..]) = (b, &mut fields[..]) {
        first.value = format!("{kind} ({})", type_name(*kind));
        second.value = match code_name(*kind, *code) {
            "" => code.to_string(),
            name => format!("{code} ({name})"),
        };
    }
    let be16 = |at: usize| b.get(at..).and_then(|b| b.first_chunk()).map(|c| u16::from_be_bytes(*c));
    let unused = |bits| {
        let about = ("icmp.unused", "Zero: nothing is said here.");
        FieldView::new(("Unused", "unused"), (32, bits), about, b, String::new())
    };
    match (b.first().copied().unwrap_or(ICMP_ECHO), b.get(1)) {
        (ICMP_ECHO | ICMP_ECHOREPLY, _) => fields.extend(FIELDS.iter().skip(3).map(|d| field(d, b))),
        (ICMP_DEST_UNREACH, Some(&ICMP_FRAG_NEEDED)) => {
            let about = ("icmp.mtu", "The largest packet that the next link can carry.");
            let value = be16(6).map_or_else(String::new, |v| v.to_string());
            fields.push(unused(16));
            fields.push(FieldView::new(("MTU of next hop", "mtu"), (48, 16), about, b, value));
        }
        (ICMP_REDIRECT, _) => {
            let addr = b.get(4..).and_then(|b| b.first_chunk::<4>()).map(|a| Ipv4Addr::from(*a).to_string());
            let about = ("icmp.redir_gw", "The router to use from now on.");
            fields.push(FieldView::new(("Gateway address", "gw"), (32, 32), about, b, addr.unwrap_or_default()));
        }
        _ => fields.push(unused(32)),
    }
    fields
}

/// As in Wireshark's list: `Destination unreachable (Port unreachable)`.
pub(crate) fn describe(kind: u8, code: u8) -> String {
    match (kind, code_name(kind, code)) {
        (_, "") => type_name(kind).into(),
        (_, code) => format!("{} ({code})", type_name(kind)),
    }
}

fn type_name(kind: u8) -> &'static str {
    match kind {
        ICMP_ECHOREPLY => "Echo (ping) reply",
        ICMP_DEST_UNREACH => "Destination unreachable",
        4 => "Source quench",
        ICMP_REDIRECT => "Redirect",
        ICMP_ECHO => "Echo (ping) request",
        9 => "Router advertisement",
        10 => "Router solicitation",
        ICMP_TIME_EXCEEDED => "Time-to-live exceeded",
        12 => "Parameter problem",
        13 => "Timestamp request",
        14 => "Timestamp reply",
        _ => "Unknown ICMP",
    }
}

fn code_name(kind: u8, code: u8) -> &'static str {
    match (kind, code) {
        (ICMP_DEST_UNREACH, 0) => "Network unreachable",
        (ICMP_DEST_UNREACH, 1) => "Host unreachable",
        (ICMP_DEST_UNREACH, 2) => "Protocol unreachable",
        (ICMP_DEST_UNREACH, 3) => "Port unreachable",
        (ICMP_DEST_UNREACH, 4) => "Fragmentation needed",
        (ICMP_DEST_UNREACH, 5) => "Source route failed",
        (ICMP_DEST_UNREACH, 9) => "Network administratively prohibited",
        (ICMP_DEST_UNREACH, 10) => "Host administratively prohibited",
        (ICMP_DEST_UNREACH, 13) => "Communication administratively filtered",
        (ICMP_REDIRECT, 0) => "Redirect for network",
        (ICMP_REDIRECT, 1) => "Redirect for host",
        (ICMP_TIME_EXCEEDED, 0) => "Time to live exceeded in transit",
        (ICMP_TIME_EXCEEDED, 1) => "Fragment reassembly time exceeded",
        _ => "",
    }
}
