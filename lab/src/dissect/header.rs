//! A header's fields with their values, and a whole frame's headers with what only the whole frame tells.

use super::split::{Part, split, without_fcs};
use super::value::{computed, text};
use super::{icmp, options, summary};
use serde::Serialize;
use stack::trace::Proto;
use stack::wire::checksum::{csum_fold, csum_partial, ip_compute_csum, pseudo_header};
use stack::wire::field::FieldDef;
use stack::wire::{arp, ethernet, ipv4, tcp, udp};
use std::net::Ipv4Addr;

/// A frame taken apart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Dissection {
    /// The headers and the payload, with their place in the frame.
    pub headers: Vec<HeaderView>,
    /// One line, as in Wireshark's list of packets.
    pub summary: String,
}

/// A header taken apart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HeaderView {
    /// What it is.
    pub proto: Proto,
    /// e.g. `Transmission Control Protocol, 40000 → 8080`.
    pub title: String,
    /// Where it begins in the frame; 0 for a header by itself.
    pub at: usize,
    /// Its length, bytes.
    pub len: usize,
    /// Its fields, in order.
    pub fields: Vec<FieldView>,
}

/// A field with its value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FieldView {
    /// The RFC's name.
    pub name: &'static str,
    /// The name in a narrow cell.
    pub short: &'static str,
    /// First bit, from the header's beginning.
    pub bit: u32,
    /// Width in bits.
    pub bits: u32,
    /// The value as Wireshark shows it; empty if the header is too short to hold it.
    pub value: String,
    /// The bytes it lies in, in hexadecimal.
    pub raw: String,
    /// Wireshark's display-filter name.
    pub filter: &'static str,
    /// One sentence for a learner.
    pub meaning: &'static str,
    /// What can be computed from it, in brackets: it is not on the wire.
    pub computed: Vec<String>,
    /// Its parts: single flags, single options.
    pub parts: Vec<FieldView>,
}

impl FieldView {
    pub(super) fn new(
        (name, short): (&'static str, &'static str),
        (bit, bits): (u32, u32),
        (filter, meaning): (&'static str, &'static str),
        header: &[u8],
        value: String,
    ) -> FieldView {
        let raw = raw(header, bit, bits);
        let (computed, parts) = (Vec::new(), Vec::new());
        FieldView { name, short, bit, bits, value, raw, filter, meaning, computed, parts }
    }
}

/// The bytes that a field lies in, in hexadecimal.
fn raw(header: &[u8], bit: u32, bits: u32) -> String {
    let (from, to) = ((bit / 8) as usize, (bit + bits).div_ceil(8) as usize);
    let bytes = header.get(from..to.min(header.len()).max(from)).unwrap_or(&[]);
    let mut hex = String::with_capacity(bytes.len() * 3);
    for (i, b) in bytes.iter().enumerate() {
        use core::fmt::Write;
        let space = if i > 0 { " " } else { "" };
        let _ = write!(hex, "{space}{b:02x}");
    }
    hex
}

/// Takes a header apart. Fields beyond its end are there, with no value: so an empty slice gives the layout.
pub fn header(proto: Proto, bytes: &[u8]) -> HeaderView {
    let len = bytes.len();
    let defs = match proto {
        Proto::Ethernet => ethernet::FIELDS,
        Proto::Arp => arp::FIELDS,
        Proto::Ipv4 => ipv4::FIELDS,
        Proto::Udp => udp::FIELDS,
        Proto::Tcp => tcp::FIELDS,
        Proto::Icmp => {
            return HeaderView { proto, title: icmp::title(bytes), at: 0, len, fields: icmp::fields(bytes) };
        }
        Proto::Payload => {
            return HeaderView { proto, title: format!("Data ({len} bytes)"), at: 0, len, fields: data(bytes) };
        }
        Proto::Fcs => {
            let names = ("Frame check sequence", "fcs");
            let value = bytes.first_chunk().map_or_else(String::new, |b| format!("0x{:08x}", u32::from_be_bytes(*b)));
            let about = ("eth.fcs", "CRC-32 over the whole frame; the card adds it and checks it.");
            let fields = vec![FieldView::new(names, (0, 32), about, bytes, value)];
            return HeaderView { proto, title: "Frame check sequence".into(), at: 0, len, fields };
        }
    };
    let fields = defs.iter().filter(|d| d.bits > 0 || len * 8 > usize::from(d.bit)).map(|d| field(d, bytes)).collect();
    HeaderView { proto, title: title(proto, bytes), at: 0, len, fields }
}

pub(super) fn field(def: &FieldDef, bytes: &[u8]) -> FieldView {
    let bit = u32::from(def.bit);
    let bits = match def.bits {
        0 => (bytes.len() as u32 * 8).saturating_sub(bit),
        n => n.into(),
    };
    let value = text(def, bytes);
    let mut view = FieldView::new((def.name, def.short), (bit, bits), (def.filter, def.meaning), bytes, value);
    view.computed = computed(def, bytes);
    view.parts = match def.filter {
        "tcp.options" => options::fields(bytes),
        "tcp.flags" => options::flags(bytes),
        "ip.flags" => options::ip_flags(bytes),
        "ip.dsfield" => options::dsfield(bytes),
        _ => Vec::new(),
    };
    view
}

fn data(bytes: &[u8]) -> Vec<FieldView> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let printable = |b: &u8| if matches!(b, 0x20..=0x7e) { char::from(*b) } else { '·' };
    let value = bytes.iter().take(64).map(printable).collect();
    let about = ("data.data", "The program's own bytes; no layer below looks at them.");
    vec![FieldView::new(("Data", "data"), (0, bytes.len() as u32 * 8), about, bytes, value)]
}

fn title(proto: Proto, b: &[u8]) -> String {
    let be16 = |at: usize| b.get(at..)?.first_chunk().map(|c| u16::from_be_bytes(*c));
    let ports = || Some(format!(", {} → {}", be16(0)?, be16(2)?));
    match proto {
        Proto::Ethernet => "Ethernet II".into(),
        Proto::Arp => match be16(6) {
            Some(arp::ARPOP_REQUEST) => "Address Resolution Protocol (request)".into(),
            Some(arp::ARPOP_REPLY) => "Address Resolution Protocol (reply)".into(),
            _ => "Address Resolution Protocol".into(),
        },
        Proto::Ipv4 => {
            let addr = |at: usize| b.get(at..)?.first_chunk().map(|c: &[u8; 4]| Ipv4Addr::from(*c));
            let ends = || Some(format!(", {} → {}", addr(12)?, addr(16)?));
            format!("Internet Protocol Version 4{}", ends().unwrap_or_default())
        }
        Proto::Udp => format!("User Datagram Protocol{}", ports().unwrap_or_default()),
        Proto::Tcp => format!("Transmission Control Protocol{}", ports().unwrap_or_default()),
        Proto::Icmp | Proto::Payload | Proto::Fcs => String::new(),
    }
}

/// Takes a frame apart, with or without its FCS.
pub fn frame(bytes: &[u8]) -> Dissection {
    let len = without_fcs(bytes);
    let mut headers = Vec::new();
    let parts = split(bytes, len);
    for part in &parts {
        let end = (part.at + part.len).min(bytes.len());
        let mut view = header(part.proto, &bytes[part.at.min(end)..end]);
        view.at = part.at;
        view.len = part.len;
        with_the_frame(&mut view, part, &parts, &bytes[..len]);
        headers.push(view);
    }
    if len < bytes.len() {
        let mut view = header(Proto::Fcs, &bytes[len..]);
        view.at = len;
        if let Some(field) = view.fields.first_mut() {
            field.computed.push("[correct]".into());
        }
        headers.push(view);
    }
    Dissection { headers, summary: summary(bytes) }
}

/// Adds what only the whole frame tells: checksums over the payload, lengths.
fn with_the_frame(view: &mut HeaderView, part: &Part, parts: &[Part], frame: &[u8]) {
    let payload = parts.iter().find(|p| p.proto == Proto::Payload).map_or(0, |p| p.len);
    let end = part.at + part.len + payload;
    let Some(message) = frame.get(part.at..end) else { return };
    let Some(ip) = parts.iter().find(|p| p.proto == Proto::Ipv4).and_then(|p| frame.get(p.at..p.at + 20)) else {
        return;
    };
    let whole = ip[6] & 0x3f == 0 && ip[7] == 0;
    let verdict = match part.proto {
        Proto::Tcp | Proto::Udp if whole => {
            let src = Ipv4Addr::new(ip[12], ip[13], ip[14], ip[15]);
            let dst = Ipv4Addr::new(ip[16], ip[17], ip[18], ip[19]);
            let sum = csum_fold(csum_partial(message, pseudo_header(src, dst, ip[9], message.len())));
            let none = part.proto == Proto::Udp && message[6..8] == [0, 0];
            Some(if none { "[not computed]" } else { verdict(sum) })
        }
        Proto::Icmp if whole => Some(verdict(ip_compute_csum(message))),
        _ => None,
    };
    for field in &mut view.fields {
        match field.filter {
            "tcp.checksum" | "udp.checksum" | "icmp.checksum" => field.computed.extend(verdict.map(Into::into)),
            "tcp.seq_raw" => {
                let [s0, s1, s2, s3] = [message[4], message[5], message[6], message[7]];
                let flags = u32::from(message[13] & tcp::SYN != 0) + u32::from(message[13] & tcp::FIN != 0);
                let next = u32::from_be_bytes([s0, s1, s2, s3]).wrapping_add(payload as u32 + flags);
                field.computed.push(format!("[TCP Segment Len: {payload}]"));
                field.computed.push(format!("[Next Sequence Number: {next}]"));
            }
            _ => {}
        }
    }
}

fn verdict(sum: u16) -> &'static str {
    if sum == 0 { "[correct]" } else { "[incorrect]" }
}
