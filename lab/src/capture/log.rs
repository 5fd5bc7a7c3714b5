//! The packets of a run: what went over its wires, from the event log.

use super::{Link, Packets, Row};
use crate::scene::SceneConfig;
use stack::trace::{BytesRef, EventId, EventLog, FrameId, FrameOp, What};
use std::collections::BTreeMap;

impl Packets {
    /// The frames that the cards have sent, with the name of the host that sent each as its interface.
    pub fn of_run(log: &EventLog, config: &SceneConfig) -> Packets {
        let mut packets =
            Packets { interfaces: config.hosts.iter().map(|h| h.name.clone()).collect(), ..Packets::default() };
        let mut frames: BTreeMap<FrameId, BytesRef> = BTreeMap::new();
        for (id, event) in log.since(EventId(1)) {
            match event.what {
                What::FrameBytes { frame, bytes, .. } => {
                    frames.insert(frame, bytes);
                }
                What::Frame { op: FrameOp::Transmit, frame, .. } => {
                    // Each frame is sent once; switches forward it under the same number.
                    let Some(bytes) = frames.remove(&frame).map(|at| log.bytes(at)).filter(|b| !b.is_empty()) else {
                        continue;
                    };
                    let row = Row {
                        at_ns: event.at.as_nanos(),
                        start: 0,
                        len: 0,
                        original_len: bytes.len() as u32,
                        link: Link::Ethernet,
                        interface: event.host.0.into(),
                        event: id,
                        frame,
                        note: Default::default(),
                    };
                    packets.push(bytes, row);
                }
                _ => {}
            }
        }
        packets
    }
}
