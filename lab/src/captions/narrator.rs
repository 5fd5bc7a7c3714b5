//! Who remembers just enough of each skb to say what an event means, and where a step of the journey ends.

use super::fact::{Fact, HeaderFact};
use stack::skb::{DropReason, SkbId};
use stack::trace::{
    CopyKind, Event, EventLog, FrameId, FrameOp, Function, HostId, Layer, NeighState, Proto, QueueKind, QueueOp, SkbOp,
    SockId, TaskId, TimerOp, What,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What the narrator says of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told {
    /// What happened.
    pub fact: Fact,
    /// Does a step of the journey end here?
    pub beat: bool,
    /// Does a packet's journey begin with this step?
    pub packet_start: bool,
    /// The skb it is about.
    pub skb: Option<SkbId>,
}

/// What is remembered of an skb.
#[derive(Clone, Copy, Default, Debug)]
struct Story {
    /// Bytes between data and tail.
    headlen: u32,
    /// Bytes in page fragments, and where the linear buffer ends.
    data_len: u32,
    end: u32,
    /// Payload bytes in it.
    payload: u32,
    truesize: u32,
    receiving: bool,
    /// Protocols written so far, as bits.
    written: u16,
    /// Its journey has not begun to be told.
    fresh: bool,
    /// A clone of it went down before.
    cloned: bool,
    /// A segment was cut off it.
    cut: bool,
}

impl Story {
    /// `len` payload bytes in fragments, and what they are charged for, come or go.
    fn add(&mut self, len: u32) {
        self.data_len = self.data_len.saturating_add(len);
        self.payload = self.payload.saturating_add(len);
        self.truesize = self.truesize.saturating_add(len);
    }

    fn remove(&mut self, len: u32) {
        self.data_len = self.data_len.saturating_sub(len);
        self.payload = self.payload.saturating_sub(len);
        self.truesize = self.truesize.saturating_sub(len);
    }
}

/// Tells events one after the other. A clone goes on from the same place.
#[derive(Clone, Default, Debug)]
pub struct Narrator {
    skbs: Rc<BTreeMap<(HostId, SkbId), Story>>,
    protocols: Rc<BTreeMap<(HostId, SockId), u8>>,
    lines: Rc<BTreeMap<(HostId, TaskId), u32>>,
    neighbours: Rc<BTreeMap<(HostId, u32), NeighState>>,
    /// Frames that were seen to be sent.
    frames: Rc<BTreeSet<FrameId>>,
}

impl Narrator {
    /// Tells the next event.
    pub fn tell(&mut self, event: &Event, log: &EventLog) -> Told {
        let (fact, beat) = self.fact(event, log);
        let skb = crate::scene::skb_of(&event.what);
        let mut packet_start = matches!(event.what, What::Frame { op: FrameOp::Arrive, frame, .. }
            if !self.frames.contains(&frame));
        if beat && let Some(story) = skb.and_then(|id| self.story(event.host, id)) {
            packet_start |= story.fresh && !story.receiving;
            story.fresh = false;
        }
        match event.what {
            What::Frame { op: FrameOp::Transmit | FrameOp::Duplicated, frame, .. } => {
                Rc::make_mut(&mut self.frames).insert(frame);
            }
            // Remembered for later copies of a flooded frame, but not for ever.
            What::Frame { .. } if self.frames.len() > 4096 => {
                Rc::make_mut(&mut self.frames).pop_first();
            }
            What::SkbFree { skb, .. } => {
                Rc::make_mut(&mut self.skbs).remove(&(event.host, skb));
            }
            _ => {}
        }
        Told { fact, beat, packet_start, skb }
    }

    /// What the skb that an event is about has in page fragments now.
    pub fn data_len(&self, event: &Event) -> u32 {
        let skb = crate::scene::skb_of(&event.what);
        skb.and_then(|id| self.skbs.get(&(event.host, id))).map_or(0, |story| story.data_len)
    }

    fn story(&mut self, host: HostId, skb: SkbId) -> Option<&mut Story> {
        if !self.skbs.contains_key(&(host, skb)) {
            return None;
        }
        Rc::make_mut(&mut self.skbs).get_mut(&(host, skb))
    }

    fn fact(&mut self, event: &Event, log: &EventLog) -> (Fact, bool) {
        let function = event.function;
        match event.what {
            What::Enter => (Fact::Enter(function), false),
            What::Exit => (Fact::Exit(function), false),
            What::SyscallEnter { nr, task, .. } => (Fact::SyscallEnter { nr, task }, true),
            What::SyscallExit { nr, task, ret, .. } => (Fact::SyscallExit { nr, task, ret }, true),
            What::Sleep { task, .. } => (Fact::Sleep { function, task }, true),
            What::Wake { task, .. } => (Fact::Wake { function, task }, true),
            What::Line { task, line } => {
                let before = Rc::make_mut(&mut self.lines).insert((event.host, task), line);
                (Fact::Line { task, line }, before != Some(line))
            }
            What::Print { task, bytes, .. } => (Fact::Print { task, len: log.bytes(bytes).len() as u32 }, false),
            What::TaskExit { task, status } => (Fact::TaskExit { task, status }, true),
            What::SockCreate { sock, protocol, task, .. } => {
                Rc::make_mut(&mut self.protocols).insert((event.host, sock), protocol);
                (Fact::SockCreate { protocol, task }, true)
            }
            What::SockName { peer, port, addr, .. } => (Fact::SockName { peer, port, addr }, false),
            What::SockState { sock, old, new } => {
                let protocol = self.protocols.get(&(event.host, sock)).copied().unwrap_or(6);
                (Fact::SockState { protocol, old, new }, protocol == 6)
            }
            What::SockDestroy { sock } => {
                Rc::make_mut(&mut self.protocols).remove(&(event.host, sock));
                (Fact::SockDestroy, false)
            }
            What::SockFd { task, fd, .. } => (Fact::SockFd { task, fd }, false),
            What::Set { field, old, new, .. } => (Fact::Set { field, old, new }, false),
            What::Timer { kind, op, after_us, .. } => (Fact::Timer { kind, op, after_us }, op == TimerOp::Fire),
            What::Route { dst, gateway, .. } => (Fact::Route { dst, gateway }, true),
            What::Neigh { state, addr, .. } => {
                let before = Rc::make_mut(&mut self.neighbours).insert((event.host, addr), state);
                let news = matches!(state, NeighState::Incomplete | NeighState::Reachable | NeighState::Failed);
                (Fact::Neigh { state, addr }, news && before != Some(state))
            }
            What::Frame { op, len, .. } => (Fact::Frame { op, len }, true),
            What::FrameBytes { bytes, .. } => (Fact::FrameBytes { len: log.bytes(bytes).len() as u32 }, false),
            What::FrameDrop { reason, .. } => (Fact::FrameDrop { reason }, true),
            _ => self.skb_fact(event, log),
        }
    }

    fn skb_fact(&mut self, event: &Event, log: &EventLog) -> (Fact, bool) {
        let (host, function) = (event.host, event.function);
        match event.what {
            What::SkbAlloc { skb, end, truesize } => {
                let receiving = matches!(function.layer(), Layer::Driver | Layer::Nic);
                let story = Story { truesize, receiving, end, fresh: !is_cut(function), ..Story::default() };
                Rc::make_mut(&mut self.skbs).insert((host, skb), story);
                (Fact::SkbAlloc { end, receiving }, false)
            }
            What::SkbClone { skb, of } => {
                let (mut clone, again) = self.story(host, of).map_or((Story::default(), false), |original| {
                    let again = core::mem::replace(&mut original.cloned, true);
                    (*original, again)
                });
                (clone.fresh, clone.cloned, clone.cut, clone.written) = (again, false, false, 0);
                Rc::make_mut(&mut self.skbs).insert((host, skb), clone);
                (Fact::Clone { len: clone.headlen.saturating_add(clone.data_len), again }, true)
            }
            What::SkbMove { op, delta, skb, data, tail } => {
                let mut receiving = false;
                if let Some(story) = self.story(host, skb) {
                    story.headlen = tail.saturating_sub(data);
                    receiving = story.receiving;
                }
                let len = delta;
                match op {
                    SkbOp::Reserve => (Fact::Reserve { len, receiving }, !receiving && !is_cut(function)),
                    SkbOp::Put => (Fact::Put { len, function }, false),
                    SkbOp::Push => (Fact::Push { len, function }, false),
                    SkbOp::Pull => (Fact::Pull { len, function, receiving }, receiving),
                    SkbOp::Trim => (Fact::Trim { len }, false),
                }
            }
            What::SkbFrag { .. }
            | What::SkbFrags { .. }
            | What::SkbGso { .. }
            | What::SkbShift { .. }
            | What::SkbSplit { .. }
            | What::SkbTrimHead { .. } => self.pages_fact(event),
            What::SkbFree { reason: DropReason::Consumed, .. } => {
                (Fact::Consumed { function }, function == Function::TcpCleanRtxQueue)
            }
            What::SkbFree { reason, .. } => (Fact::Dropped { reason }, true),
            What::SkbHeaderOffset { which, offset, .. } => (Fact::HeaderOffset { which, offset }, false),
            What::Header { proto, skb, bytes, .. } => {
                let bytes = log.bytes(bytes);
                let (mut payload, mut again) = (0, false);
                if let Some(story) = self.story(host, skb) {
                    let bit = 1 << (proto as u16);
                    again = story.written & bit != 0;
                    story.written |= bit;
                    payload = story.payload;
                }
                let header = match HeaderFact::read(proto, bytes) {
                    HeaderFact::Ipv4 { ttl, .. } if function == Function::IpForward => HeaderFact::Forwarded { ttl },
                    header => header,
                };
                if function == Function::TcpGsoSegment {
                    // One step a segment, when its last header stands.
                    return (Fact::SegmentHeader { proto, len: bytes.len() as u16 }, proto == Proto::Ethernet);
                }
                (Fact::Header { header, len: bytes.len() as u16, payload, again }, !again)
            }
            What::HeaderRead { proto, len, .. } => {
                (Fact::HeaderRead { proto, len }, matches!(proto, Proto::Arp | Proto::Icmp))
            }
            What::Copy { kind, at, skb, len, .. } => {
                let mut paged = false;
                if let Some(story) = self.story(host, skb) {
                    paged = u32::from(at) >= story.end;
                    match kind {
                        // What lies in pages was counted when they came.
                        CopyKind::FromUser if paged => {}
                        CopyKind::FromUser | CopyKind::Kernel => story.payload = story.payload.saturating_add(len),
                        CopyKind::DmaIn => story.receiving = true,
                        CopyKind::ToUser | CopyKind::DmaOut => {}
                    }
                }
                (Fact::Copy { kind, len, paged }, true)
            }
            What::Stream { seq, len, .. } => (Fact::Stream { seq, len }, false),
            What::Owner { skb, receive, .. } => {
                let truesize = self.story(host, skb).map_or(0, |s| s.truesize);
                (Fact::Owner { receive, truesize }, false)
            }
            What::Queue { kind, op, depth, .. } => {
                let beat = match (kind, op) {
                    (QueueKind::RxRing, _) => false,
                    (_, QueueOp::Enqueue) => true,
                    (QueueKind::Qdisc | QueueKind::Neigh, QueueOp::Dequeue) => true,
                    _ => false,
                };
                (Fact::Queue { kind, op, depth, function }, beat)
            }
            _ => (Fact::Beginning, false),
        }
    }

    /// Page fragments come, pass from skb to skb, and go.
    fn pages_fact(&mut self, event: &Event) -> (Fact, bool) {
        let (host, segment) = (event.host, event.function == Function::TcpGsoSegment);
        match event.what {
            What::SkbFrag { skb, len, .. } => {
                if let Some(story) = self.story(host, skb) {
                    story.add(len.into());
                }
                (Fact::Frag { len }, false)
            }
            What::SkbFrags { skb, data_len, truesize } => {
                if let Some(story) = self.story(host, skb) {
                    (story.data_len, story.truesize) = (data_len, truesize);
                }
                (Fact::Frags { data_len, truesize }, false)
            }
            What::SkbGso { skb, size, segs } => {
                if let Some(story) = self.story(host, skb).filter(|_| segs == 0) {
                    // What is left of a super-packet is its last segment.
                    story.fresh = true;
                }
                (Fact::Gso { size, segs }, segs > 0)
            }
            What::SkbShift { to, from, len, .. } => {
                let mut cut = false;
                if let Some(story) = self.story(host, from) {
                    cut = core::mem::replace(&mut story.cut, segment);
                    story.remove(len.into());
                }
                if let Some(story) = self.story(host, to) {
                    // The first segment goes on with the journey of the super-packet.
                    story.fresh |= segment && cut;
                    story.add(len.into());
                }
                (Fact::Shift { len, segment }, true)
            }
            What::SkbSplit { skb, into, len, .. } => {
                let keep = u32::from(len);
                let Some(first) = self.story(host, skb) else { return (Fact::Split { len }, true) };
                let moved = first.data_len.saturating_sub(keep.saturating_sub(first.headlen));
                first.payload = first.payload.min(keep);
                first.data_len -= moved;
                let cloned = first.cloned;
                if let Some(second) = self.story(host, into) {
                    // Of what is linear, a copy tells.
                    (second.data_len, second.payload, second.cloned) = (moved, moved, cloned);
                }
                (Fact::Split { len }, true)
            }
            What::SkbTrimHead { skb, len, .. } => {
                if let Some(story) = self.story(host, skb) {
                    story.remove(len.into());
                }
                (Fact::TrimHead { len }, true)
            }
            _ => (Fact::Beginning, false),
        }
    }
}

/// Do skbs that this function makes carry on another's journey?
fn is_cut(function: Function) -> bool {
    matches!(function, Function::TcpGsoSegment | Function::TcpFragment | Function::TsoFragment)
}
