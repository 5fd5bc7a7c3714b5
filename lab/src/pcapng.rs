//! A run as a pcapng file: one interface a tap point, and a comment on each packet that names the step.
//!
//! Tap points: each host's interface (`alice-eth0`), where a frame is seen as the driver hands it to its ring
//! (before padding and FCS) and as the card wrote it to memory (without FCS); and `wire`, where it is seen
//! with all that the card adds. Times are virtual, from the beginning of the run.

use crate::scene::SceneConfig;
use pcap_file::DataLink;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use stack::skb::SkbId;
use stack::trace::{BytesRef, CopyKind, Event, EventId, EventLog, FrameId, FrameOp, HostId, QueueKind, QueueOp, What};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// The frames of a log, as a pcapng file.
pub fn write(log: &EventLog, config: &SceneConfig) -> Vec<u8> {
    let mut taps = Taps::new(log, config);
    for (id, event) in log.since(EventId(1)) {
        taps.apply(id, event);
    }
    taps.records.sort_by_key(|r| r.at_ns);
    // Writing to memory fails only on a block that contradicts the format, and ours are built right.
    taps.file().unwrap_or_default()
}

/// One frame seen at one point.
struct Record<'a> {
    interface: u32,
    at_ns: u64,
    bytes: &'a [u8],
    /// How long it was; `bytes` may be its beginning only.
    len: usize,
    comment: String,
}

/// An skb that the driver has handed to the card.
struct InRing {
    at_ns: u64,
    event: EventId,
    ifindex: u16,
    /// Its length, known once the card has read it.
    len: Option<u32>,
}

struct Taps<'a> {
    log: &'a EventLog,
    config: &'a SceneConfig,
    records: Vec<Record<'a>>,
    /// skbs that lie in a transmit ring.
    in_ring: BTreeMap<(HostId, SkbId), InRing>,
    /// The bytes of frames, and the skb they were read from.
    frames: BTreeMap<FrameId, BytesRef>,
    /// The frame that an event was about.
    frame_of: BTreeMap<EventId, FrameId>,
    /// The frame that a host's card took in last, and at which interface.
    arrived: BTreeMap<HostId, (FrameId, u16)>,
}

impl<'a> Taps<'a> {
    fn new(log: &'a EventLog, config: &'a SceneConfig) -> Taps<'a> {
        Taps {
            log,
            config,
            records: Vec::new(),
            in_ring: BTreeMap::new(),
            frames: BTreeMap::new(),
            frame_of: BTreeMap::new(),
            arrived: BTreeMap::new(),
        }
    }

    fn apply(&mut self, id: EventId, event: &Event) {
        let (host, at_ns) = (event.host, event.at.as_nanos());
        match event.what {
            What::Queue { kind: QueueKind::TxRing, op: QueueOp::Enqueue, skb, owner, .. } => {
                self.in_ring.insert((host, skb), InRing { at_ns, event: id, ifindex: owner as u16, len: None });
            }
            What::Copy { kind: CopyKind::DmaOut, skb, len, .. } => {
                if let Some(ring) = self.in_ring.get_mut(&(host, skb)) {
                    ring.len = Some(len);
                }
            }
            What::FrameBytes { frame, skb, bytes } => {
                self.frames.insert(frame, bytes);
                if let Some(ring) = self.in_ring.remove(&(host, skb)) {
                    let name = self.config.host_name(host);
                    let comment = format!("TX ring of {name}: ndo_start_xmit, skb #{}, event {}", skb.0, ring.event.0);
                    let bytes = self.log.bytes(bytes);
                    let bytes = ring.len.and_then(|len| bytes.get(..len as usize)).unwrap_or(bytes);
                    self.record(self.interface(host, ring.ifindex), ring.at_ns, bytes, bytes.len(), comment);
                }
            }
            What::Frame { op, frame, port, .. } => {
                self.frame_of.insert(id, frame);
                let name = self.config.host_name(host);
                match op {
                    FrameOp::Transmit => {
                        let comment = format!("On the wire: sent by {name}, frame {}, event {}", frame.0, id.0);
                        self.on_wire(frame, at_ns, comment);
                    }
                    FrameOp::Duplicated => {
                        let original = self.frame_of.get(&event.because).and_then(|f| self.frames.get(f));
                        if let Some(bytes) = original.copied() {
                            self.frames.insert(frame, bytes);
                            let comment = format!("On the wire: a second copy, frame {}, event {}", frame.0, id.0);
                            self.on_wire(frame, at_ns, comment);
                        }
                    }
                    FrameOp::Arrive => {
                        self.arrived.insert(host, (frame, port));
                    }
                    _ => {}
                }
            }
            What::Copy { kind: CopyKind::DmaIn, skb, len, bytes, .. } => {
                let (frame, port) = self.arrived.get(&host).copied().unwrap_or_default();
                let whole = self.frames.get(&frame).map(|b| self.log.bytes(*b)).and_then(|b| b.get(..len as usize));
                let sample = self.log.bytes(bytes);
                // A whole frame that does not begin with what the card wrote is another frame.
                let bytes = whole.filter(|w| w.starts_with(sample)).unwrap_or(sample);
                let name = self.config.host_name(host);
                let comment = format!("DMA into the memory of {name}: skb #{}, event {}", skb.0, id.0);
                self.record(self.interface(host, port), at_ns, bytes, len as usize, comment);
            }
            _ => {}
        }
    }

    fn on_wire(&mut self, frame: FrameId, at_ns: u64, comment: String) {
        if let Some(bytes) = self.frames.get(&frame).map(|b| self.log.bytes(*b)).filter(|b| !b.is_empty()) {
            self.record(self.wire(), at_ns, bytes, bytes.len(), comment);
        }
    }

    fn record(&mut self, interface: u32, at_ns: u64, bytes: &'a [u8], len: usize, comment: String) {
        self.records.push(Record { interface, at_ns, bytes, len: len.max(bytes.len()), comment });
    }

    /// Interfaces are numbered host by host; the wire comes last.
    fn interface(&self, host: HostId, ifindex: u16) -> u32 {
        let mut number = 0;
        for (i, h) in self.config.hosts.iter().enumerate() {
            for interface in &h.interfaces {
                if i == usize::from(host.0) && interface.ifindex == ifindex {
                    return number;
                }
                number += 1;
            }
        }
        number
    }

    fn wire(&self) -> u32 {
        self.config.hosts.iter().map(|h| h.interfaces.len() as u32).sum()
    }

    fn file(&self) -> Option<Vec<u8>> {
        let about = format!("{} (seed {})", self.config.title, self.config.seed);
        let section = SectionHeaderBlock {
            // Little-endian on every machine: the same run gives the same file.
            endianness: pcap_file::Endianness::Little,
            options: vec![
                SectionHeaderOption::UserApplication(Cow::Borrowed("Sendpath")),
                SectionHeaderOption::Common(CommonOption::Comment(Cow::Owned(about))),
            ],
            ..SectionHeaderBlock::default()
        };
        let mut writer = PcapNgWriter::with_section_header(Vec::new(), section).ok()?;
        for host in &self.config.hosts {
            for interface in &host.interfaces {
                let name = format!("{}-{}", host.name, interface.name);
                let about = format!("{} of {}: above the card, no FCS", interface.name, host.name);
                writer.write_pcapng_block(describe(name, about, 0)).ok()?;
            }
        }
        let about = "between the cards: padded, FCS included".to_owned();
        writer.write_pcapng_block(describe("wire".to_owned(), about, 4)).ok()?;
        for record in &self.records {
            let block = EnhancedPacketBlock {
                interface_id: record.interface,
                timestamp: Duration::from_nanos(record.at_ns),
                original_len: record.len as u32,
                data: Cow::Borrowed(record.bytes),
                options: vec![EnhancedPacketOption::Common(CommonOption::Comment(Cow::Borrowed(&record.comment)))],
            };
            writer.write_pcapng_block(block).ok()?;
        }
        Some(writer.into_inner())
    }
}

fn describe(name: String, about: String, fcs_len: u8) -> InterfaceDescriptionBlock<'static> {
    InterfaceDescriptionBlock {
        linktype: DataLink::ETHERNET,
        snaplen: 0,
        options: vec![
            InterfaceDescriptionOption::IfName(Cow::Owned(name)),
            InterfaceDescriptionOption::IfDescription(Cow::Owned(about)),
            InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
            InterfaceDescriptionOption::IfFcsLen(fcs_len),
        ],
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests;
