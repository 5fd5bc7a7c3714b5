//! Frames between cards: onto a line, along it, through a switch, into the next card.

use super::{Note, World, side};
use crate::net::switch::Verdict;
use crate::net::wire::Way;
use crate::scenario::End;
use stack::host::{Frame, IfIndex};
use stack::skb::{DropReason, SkbId};
use stack::trace::{Context, EventId, FrameOp, HostId, Tracer, What};

impl World {
    /// Lets every card of a host send that has something to send and whose line is free. Did one?
    pub(super) fn transmit(&mut self, host: usize, trace: &mut Tracer) -> bool {
        if let Some(&script) = self.scripts.get(&host) {
            return self.transmit_to_script(host, script, trace);
        }
        let cards = self.hosts.get(host).map_or(0, |h| h.devices().len());
        let mut any = false;
        for card in 2..=cards {
            let interface = IfIndex(card as u16);
            let Some(&(wire, way)) = self.plugs.get(&End::Host { host, interface }) else { continue };
            if self.wires[wire].lines[side(way)].busy {
                continue;
            }
            if let Some(frame) = self.hosts[host].poll_transmit(self.now, interface, trace) {
                self.put_on_line(wire, way, frame, trace);
                any = true;
            }
        }
        any
    }

    /// The first bit of a frame goes onto a line.
    fn put_on_line(&mut self, wire: usize, way: Way, mut frame: Frame, trace: &mut Tracer) {
        let from = self.node(self.wires[wire].ends[side(way)]);
        let line = &mut self.wires[wire].lines[side(way)];
        let fate = line.draw(&frame);
        let occupied = line.line.occupied_by(frame.bytes.len());
        let delay = line.line.delay;
        line.busy = true;
        let gone = self.now + occupied;
        self.note(gone, Note::Free(wire, way));
        if fate.lost {
            self.note(gone + delay / 2, Note::Lose(wire, way, frame));
            return;
        }
        let copy = fate.duplicated.then(|| frame.clone());
        if let Some(bit) = fate.flipped_bit {
            if let Some(byte) = frame.bytes.get_mut((bit / 8) as usize) {
                *byte ^= 1 << (bit % 8);
            }
            self.tell(from, &mut frame, FrameOp::Corrupted, trace);
        }
        if fate.held_back.is_some() {
            self.tell(from, &mut frame, FrameOp::Reordered, trace);
        }
        self.note(gone + delay + fate.held_back.unwrap_or_default(), Note::Arrive(wire, way, frame));
        if let Some(mut copy) = copy {
            copy.id = trace.new_frame();
            self.tell(from, &mut copy, FrameOp::Duplicated, trace);
            self.note(gone + occupied + delay, Note::Arrive(wire, way, copy));
        }
    }

    pub(super) fn line_is_free(&mut self, wire: usize, way: Way, trace: &mut Tracer) {
        let line = &mut self.wires[wire].lines[side(way)];
        line.busy = false;
        match self.wires[wire].ends[side(way)] {
            End::Host { host, .. } => self.settle(host, trace),
            End::Switch { switch, port } => self.switch_out(switch, port, trace),
        }
    }

    pub(super) fn lose(&mut self, wire: usize, way: Way, mut frame: Frame, trace: &mut Tracer) {
        let from = self.node(self.wires[wire].ends[side(way)]);
        self.tell(from, &mut frame, FrameOp::Lost, trace);
    }

    pub(super) fn arrive(&mut self, wire: usize, way: Way, frame: Frame, trace: &mut Tracer) {
        match self.wires[wire].ends[side(way.opposite())] {
            End::Host { host, interface } => {
                self.hosts[host].handle_frame(self.now, interface, frame, trace);
                self.settle(host, trace);
            }
            End::Switch { switch, port } => self.switch_in(switch, port, frame, trace),
        }
    }

    fn switch_in(&mut self, switch: usize, port: usize, frame: Frame, trace: &mut Tracer) {
        let node = self.switch_node(switch);
        let verdict = self.switches[switch].decide(self.now, port, &frame.bytes);
        let ports = match verdict {
            Verdict::Forward(ports) => ports,
            Verdict::Filtered => return,
            Verdict::BadFcs => return self.refuse(node, &frame, DropReason::BadFcs, trace),
            Verdict::Runt => return self.refuse(node, &frame, DropReason::Runt, trace),
        };
        for port in ports {
            let mut copy = frame.clone();
            self.tell((node, port as u16), &mut copy, FrameOp::Forward, trace);
            match self.switches[switch].enqueue(port, copy) {
                Ok(()) => self.switch_out(switch, port, trace),
                Err(frame) => self.refuse(node, &frame, DropReason::QdiscDrop, trace),
            }
        }
    }

    fn switch_out(&mut self, switch: usize, port: usize, trace: &mut Tracer) {
        let Some(&(wire, way)) = self.plugs.get(&End::Switch { switch, port }) else { return };
        if self.wires[wire].lines[side(way)].busy {
            return;
        }
        if let Some(frame) = self.switches[switch].dequeue(port) {
            self.put_on_line(wire, way, frame, trace);
        }
    }

    /// Switches are numbered after the hosts.
    fn switch_node(&self, switch: usize) -> HostId {
        HostId((self.hosts.len() + switch) as u8)
    }

    fn node(&self, end: End) -> (HostId, u16) {
        match end {
            End::Host { host, interface } => (HostId(host as u8), interface.0),
            End::Switch { switch, port } => (self.switch_node(switch), port as u16),
        }
    }

    /// Tells what the wire does to a frame; that becomes the cause of its arrival.
    fn tell(&self, (node, port): (HostId, u16), frame: &mut Frame, op: FrameOp, trace: &mut Tracer) {
        trace.begin(self.now, node, Context::Wire, frame.sent_by);
        let (id, len) = (frame.id, frame.bytes.len() as u32);
        let event = trace.emit(|| What::Frame { op, port, frame: id, skb: SkbId::NONE, len });
        if event != EventId::NONE {
            frame.sent_by = event;
        }
    }

    fn refuse(&self, node: HostId, frame: &Frame, reason: DropReason, trace: &mut Tracer) {
        trace.begin(self.now, node, Context::Wire, frame.sent_by);
        trace.emit(|| What::FrameDrop { frame: frame.id, reason });
    }
}
