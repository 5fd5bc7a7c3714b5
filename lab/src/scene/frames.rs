//! Frames between the cards: sent, forwarded, lost, arrived.

use super::builder::{SceneBuilder, piece};
use super::memory::Piece;
use super::state::FrameState;
use super::types::SkbRef;
use crate::dissect::{split, without_fcs};
use stack::skb::{DropReason, SkbId};
use stack::trace::{COPY_SAMPLE, Event, EventId, EventLog, FrameId, FrameOp, Function, HostId, Proto, What};
use stack::wire::ethernet::MacAddr;
use std::rc::Rc;

impl SceneBuilder {
    pub(super) fn apply_frame(&mut self, id: EventId, event: &Event, log: &EventLog) {
        match event.what {
            What::FrameBytes { frame, skb, bytes } => self.frame_bytes(event, (frame, skb), log.bytes(bytes)),
            What::Frame { op, frame, skb, len, .. } => {
                self.frame(event, op, (frame, skb, len));
                if let Some(frame) = self.frame_mut(frame) {
                    frame.last = id;
                }
            }
            What::FrameDrop { frame, reason } => self.refuse(event.host, frame, reason),
            _ => {}
        }
    }

    /// A frame's bytes are known: just before it is sent, or, from outside the lab, when it has arrived.
    fn frame_bytes(&mut self, event: &Event, (id, skb): (FrameId, SkbId), bytes: &[u8]) {
        let written = self.packet(event.host, skb);
        let len = without_fcs(bytes);
        let mut pieces: Vec<Piece> = Vec::new();
        for part in split(bytes, len) {
            let end = part.at + part.len.min(COPY_SAMPLE);
            let sample: Rc<[u8]> = bytes.get(part.at..end).unwrap_or(&[]).into();
            // Whoever wrote the header into the skb wrote it: the card only copies.
            let by = written.iter().find(|p| p.proto == part.proto);
            let (function, event_id) = by.map_or((event.function, self.at()), |p| (p.function, p.event));
            pieces.push(piece((part.proto, part.at as u32, part.len as u32), sample, function, event_id));
        }
        if len < bytes.len() {
            let fcs: Rc<[u8]> = bytes[len..].into();
            pieces.push(piece((Proto::Fcs, len as u32, 4), fcs, Function::NicTransmit, self.at()));
        }
        let sent_here = skb != SkbId::NONE;
        if !sent_here && self.frames.iter().any(|f| f.id == id) {
            return;
        }
        let mut frame = new_frame(id, event, self.receiver(bytes), bytes.len() as u32, pieces);
        if !sent_here {
            (frame.arrived, frame.to) = (true, Some(event.host));
        }
        self.frames.retain(|f| f.id != id);
        self.frames.push(Rc::new(frame));
    }

    /// The host whose card has the destination address.
    fn receiver(&self, frame: &[u8]) -> Option<HostId> {
        frame.first_chunk().and_then(|mac| self.config.host_of_mac(MacAddr(*mac)))
    }

    fn frame(&mut self, event: &Event, op: FrameOp, (id, skb, len): (FrameId, SkbId, u32)) {
        match op {
            FrameOp::Transmit => {
                self.frames.retain(|f| f.lost.is_none() && !f.arrived);
                if !self.frames.iter().any(|f| f.id == id) {
                    let pieces = self.packet(event.host, skb);
                    let at = pieces.first().map_or(0, |p| p.at);
                    let to = pieces.first().and_then(|p| self.receiver(&p.bytes));
                    let pieces = pieces.into_iter().map(|p| Piece { at: p.at - at, ..p }).collect();
                    self.frames.push(Rc::new(new_frame(id, event, to, len, pieces)));
                }
                if let Some(frame) = self.frame_mut(id) {
                    (frame.len, frame.sent_at_ns) = (len, event.at.as_nanos());
                }
                if self.packet_exists(event.host, skb) {
                    self.focus = Some(SkbRef { host: event.host, skb });
                }
            }
            FrameOp::Forward => {
                if let Some(frame) = self.frame_mut(id) {
                    // A flooded frame is sent on once a port.
                    frame.copies += u32::from(frame.forwarded);
                    frame.forwarded = true;
                }
            }
            FrameOp::Duplicated => {
                // The copy has a number of its own; its cause is the last event of the original.
                let original = self.frames.iter().find(|f| f.last == event.because && f.id != id);
                if let Some(copy) = original.map(|f| FrameState { id, copies: 1, ..FrameState::clone(f) }) {
                    self.frames.push(Rc::new(copy));
                }
            }
            FrameOp::Arrive => {
                if let Some(frame) = self.frame_mut(id) {
                    frame.copies = frame.copies.saturating_sub(1);
                    if frame.copies == 0 || frame.to == Some(event.host) {
                        (frame.arrived, frame.to) = (true, Some(event.host));
                    }
                }
            }
            FrameOp::Lost => self.lose(id, DropReason::WireLost),
            FrameOp::Reordered | FrameOp::Corrupted => {}
        }
    }

    /// A card or a switch does not take the frame.
    fn refuse(&mut self, node: HostId, id: FrameId, reason: DropReason) {
        if usize::from(node.0) >= self.config.hosts.len() {
            return self.lose(id, reason);
        }
        match self.frame_mut(id) {
            // It was for another card: nothing is lost.
            Some(frame) if frame.arrived && frame.to == Some(node) && reason == DropReason::OtherHost => {
                self.frames.retain(|f| f.id != id);
            }
            Some(frame) if frame.arrived && frame.to == Some(node) => frame.lost = Some(reason),
            _ => {}
        }
    }

    fn lose(&mut self, id: FrameId, reason: DropReason) {
        if let Some(frame) = self.frame_mut(id) {
            frame.copies = frame.copies.saturating_sub(1);
            if frame.copies == 0 {
                frame.lost = Some(reason);
            }
        }
    }

    fn frame_mut(&mut self, id: FrameId) -> Option<&mut FrameState> {
        self.frames.iter_mut().find(|f| f.id == id).map(Rc::make_mut)
    }

    pub(super) fn packet_exists(&self, host: HostId, id: SkbId) -> bool {
        self.hosts.get(usize::from(host.0)).is_some_and(|h| h.skbs.contains_key(&id))
    }

    /// What is written between data and tail of an skb, and in its page fragments as if they followed there.
    fn packet(&self, host: HostId, id: SkbId) -> Vec<Piece> {
        let Some(host) = self.hosts.get(usize::from(host.0)) else { return Vec::new() };
        let Some(skb) = host.skbs.get(&id) else { return Vec::new() };
        let Some(area) = host.areas.get(&skb.area) else { return Vec::new() };
        let mut pieces: Vec<Piece> = area.between(skb.data, skb.tail).collect();
        let mut at = skb.tail;
        for frag in skb.frags.iter() {
            pieces.push(piece((Proto::Payload, at, frag.len), Rc::clone(&frag.bytes), frag.function, frag.event));
            at = at.saturating_add(frag.len);
        }
        pieces
    }
}

fn new_frame(id: FrameId, event: &Event, to: Option<HostId>, len: u32, pieces: Vec<Piece>) -> FrameState {
    FrameState {
        id,
        from: event.host,
        to,
        len,
        pieces,
        sent_at_ns: event.at.as_nanos(),
        copies: 1,
        forwarded: false,
        arrived: false,
        last: EventId::NONE,
        lost: None,
    }
}
