//! pcap and pcapng files, read with the crate `pcap-file`.
//!
//! A file that ends in the middle of a packet is opened as far as it goes, and says so: captures are cut off
//! every day. A file that is something else is refused, with what it begins with.

use super::{Link, Packets, Row};
use pcap_file::DataLink;
use pcap_file::pcap::{PcapParseError, PcapParser};
use pcap_file::pcapng::blocks::block_common::Block;
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::pcapng::{PcapNgParseError, PcapNgParser};
use serde::{Deserialize, Serialize};
use stack::trace::{EventId, FrameId};
use std::time::Duration;

/// Packets read at the most: more would not fit the memory of a page.
const PACKETS: usize = 4_000_000;

/// A file that could be read, at least its beginning.
#[derive(Clone, Debug)]
pub struct Opened {
    /// `pcap` or `pcapng`.
    pub format: &'static str,
    /// Its packets.
    pub packets: Packets,
    /// Why the rest could not be read, if it could not.
    pub cut: Option<Broken>,
}

/// What is wrong with a file, and where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Broken {
    /// How many bytes into the file.
    pub at: u64,
    /// In words.
    pub what: String,
}

impl Packets {
    /// Reads a file.
    ///
    /// # Errors
    /// If it is neither pcap nor pcapng, or no packet can be read because of an error.
    pub fn open(file: &[u8]) -> Result<Opened, Broken> {
        let broken = |what: String| Err(Broken { at: 0, what });
        let opened = match file {
            [] => return broken("The file is empty.".to_owned()),
            [0x0a, 0x0d, 0x0d, 0x0a, ..] => pcapng(file),
            [0xd4, 0xc3, 0xb2, 0xa1, ..]
            | [0xa1, 0xb2, 0xc3, 0xd4, ..]
            | [0x4d, 0x3c, 0xb2, 0xa1, ..]
            | [0xa1, 0xb2, 0x3c, 0x4d, ..] => pcap(file),
            [0x1f, 0x8b, ..] => return broken("It is compressed with gzip: unpack it first.".to_owned()),
            _ => {
                let begins: Vec<String> = file.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
                let begins = begins.join(" ");
                return broken(format!(
                    "It begins with {begins}. A pcapng file begins with 0a 0d 0d 0a, a pcap file with d4 c3 b2 a1 (or its mirror)."
                ));
            }
        }?;
        match (&opened.cut, opened.packets.is_empty()) {
            (Some(cut), true) => Err(cut.clone()),
            _ => Ok(opened),
        }
    }
}

fn pcap(file: &[u8]) -> Result<Opened, Broken> {
    let place = |rest: &[u8]| (file.len() - rest.len()) as u64;
    let (mut rest, parser) = PcapParser::new(file)
        .map_err(|error| Broken { at: 0, what: format!("The file's header cannot be read: {error}.") })?;
    let link = link_of(parser.header().datalink);
    let mut packets = Packets::default();
    let mut cut = None;
    while !rest.is_empty() {
        match parser.next_packet(rest) {
            Ok((after, packet)) => {
                packets.add(packet.timestamp(), packet.data(), packet.orig_len(), (link, 0));
                rest = after;
            }
            Err(PcapParseError::IncompleteBuffer(..)) => {
                cut = Some(Broken { at: place(rest), what: ends_within("packet", packets.len()) });
                break;
            }
            Err(error) => {
                let what = format!("Packet {} cannot be read: {error}.", packets.len() + 1);
                cut = Some(Broken { at: place(rest), what });
                break;
            }
        }
        if packets.len() >= PACKETS {
            cut = Some(Broken { at: place(rest), what: too_many() });
            break;
        }
    }
    Ok(Opened { format: "pcap", packets, cut })
}

fn pcapng(file: &[u8]) -> Result<Opened, Broken> {
    let place = |rest: &[u8]| (file.len() - rest.len()) as u64;
    let (mut rest, mut parser) = PcapNgParser::new(file)
        .map_err(|error| Broken { at: 0, what: format!("The section header cannot be read: {error}.") })?;
    let mut packets = Packets::default();
    // Interfaces are numbered anew in each section; the list numbers them through.
    let mut here: Vec<(Link, u16)> = Vec::new();
    let mut cut = None;
    while !rest.is_empty() {
        let (after, block) = match parser.next_block(rest) {
            Ok(next) => next,
            Err(error) => {
                let what = match error {
                    PcapNgParseError::IncompleteBuffer(..) => ends_within("block", packets.len()),
                    error => format!("The block after packet {} cannot be read: {error}.", packets.len()),
                };
                cut = Some(Broken { at: place(rest), what });
                break;
            }
        };
        let interface = |number: u32| here.get(number as usize).copied();
        match &block {
            Block::SectionHeader(_) => here.clear(),
            Block::InterfaceDescription(description) => {
                let number = packets.interfaces.len().min(usize::from(u16::MAX)) as u16;
                packets.interfaces.push(name_of(description, packets.interfaces.len()));
                here.push((link_of(description.linktype), number));
            }
            Block::EnhancedPacket(packet) => {
                let at = interface(packet.interface_id).unwrap_or((Link::Unknown, 0));
                packets.add(packet.timestamp, &packet.data, packet.original_len, at);
            }
            Block::SimplePacket(packet) => {
                let before = packets.rows.last().map_or(0, |row| row.at_ns);
                let at = interface(0).unwrap_or((Link::Unknown, 0));
                packets.add(Duration::from_nanos(before), &packet.data, packet.original_len, at);
            }
            Block::Packet(packet) => {
                let at = interface(packet.interface_id.into()).unwrap_or((Link::Unknown, 0));
                packets.add(packet.timestamp, &packet.data, packet.original_len, at);
            }
            _ => {}
        }
        rest = after;
        if packets.len() >= PACKETS {
            cut = Some(Broken { at: place(rest), what: too_many() });
            break;
        }
    }
    Ok(Opened { format: "pcapng", packets, cut })
}

impl Packets {
    fn add(&mut self, at: Duration, bytes: &[u8], original_len: u32, (link, interface): (Link, u16)) {
        let row = Row {
            at_ns: u64::try_from(at.as_nanos()).unwrap_or(u64::MAX),
            start: 0,
            len: 0,
            original_len: original_len.max(bytes.len() as u32),
            link,
            interface,
            event: EventId::NONE,
            frame: FrameId(0),
            note: Default::default(),
        };
        self.push(bytes, row);
    }
}

fn ends_within(what: &str, packets: usize) -> String {
    match packets {
        0 => format!("The file ends in the middle of its first {what}."),
        1 => format!("The file ends in the middle of a {what}, after 1 packet."),
        n => format!("The file ends in the middle of a {what}, after {n} packets."),
    }
}

fn too_many() -> String {
    format!("Only the first {PACKETS} packets are shown.")
}

fn name_of(description: &InterfaceDescriptionBlock, number: usize) -> String {
    let name = description.options.iter().find_map(|option| match option {
        InterfaceDescriptionOption::IfName(name) => Some(name.to_string()),
        _ => None,
    });
    name.unwrap_or_else(|| format!("interface {number}"))
}

fn link_of(link: DataLink) -> Link {
    match link {
        DataLink::ETHERNET => Link::Ethernet,
        DataLink::RAW | DataLink::IPV4 => Link::Ip(0),
        DataLink::NULL | DataLink::LOOP => Link::Ip(4),
        DataLink::LINUX_SLL => Link::Ip(16),
        DataLink::LINUX_SLL2 => Link::Ip(20),
        _ => Link::Unknown,
    }
}
