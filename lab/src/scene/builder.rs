//! The fold: each event changes the state a little.

use super::config::{SceneConfig, TaskConfig};
use super::memory::{Area, Piece};
use super::pages::{Frags, fragments};
use super::state::{CallLine, FrameState, Host, Neigh, STRACE_LINES, Skb, Sock, Task, queue_layer};
use super::types::{Place, SkbMoveScene, SkbRef, TaskState};
use crate::captions::{Fact, Narrator};
use crate::dissect::split;
use stack::skb::SkbId;
use stack::trace::{
    BytesRef, CopyKind, Event, EventId, EventLog, Function, HeaderOffset, HostId, Layer, NeighState, Proto, QueueKind,
    QueueOp, SkbOp, TcpState, TimerKind, TimerOp, What,
};
use stack::wire::ethernet::MacAddr;
use stack::wire::ipv4::IPPROTO_TCP;
use std::rc::Rc;

/// Folds events, in order, into what a [`super::Scene`] shows. A clone is a keyframe, and cheap.
#[derive(Clone, Debug)]
pub struct SceneBuilder {
    pub(super) config: Rc<SceneConfig>,
    pub(super) hosts: Vec<Rc<Host>>,
    pub(super) frames: Vec<Rc<FrameState>>,
    pub(super) last: Option<(EventId, Event)>,
    /// Bytes that the words for the last event need: what was printed, a hardware address.
    pub(super) last_bytes: Rc<[u8]>,
    pub(super) fact: (HostId, Fact),
    pub(super) focus: Option<SkbRef>,
    narrator: Narrator,
}

impl SceneBuilder {
    /// The beginning of a run.
    pub fn new(config: Rc<SceneConfig>) -> SceneBuilder {
        let host = |h: &super::HostConfig| {
            let mut host = Host::default();
            for task in &h.tasks {
                host.tasks.insert(task.id, Rc::new(Task::new(Rc::new(task.clone()))));
            }
            for (addr, mac, ifindex) in &h.neighbours {
                let (state, event) = (NeighState::Permanent, EventId::NONE);
                let neigh = Neigh { mac: Some(*mac), state, ifindex: *ifindex, event, queue: Vec::new() };
                host.neighbours.insert(u32::from(*addr), neigh);
            }
            Rc::new(host)
        };
        SceneBuilder {
            hosts: config.hosts.iter().map(host).collect(),
            frames: Vec::new(),
            last: None,
            last_bytes: Rc::new([]),
            fact: (HostId(0), Fact::Beginning),
            focus: None,
            narrator: Narrator::default(),
            config,
        }
    }

    /// Names a program that was not there at the beginning.
    pub fn add_task(&mut self, host: HostId, task: TaskConfig) {
        if self.config.task(host, task.id) != Some(&task) {
            Rc::make_mut(&mut self.config).add_task(host, task.clone());
        }
        let host = self.host(host);
        let id = task.id;
        let config = Rc::new(task);
        match host.tasks.get_mut(&id) {
            Some(known) => Rc::make_mut(known).config = config,
            None => {
                host.tasks.insert(id, Rc::new(Task::new(config)));
            }
        }
    }

    /// Changes the constant part: another branch of the run may have other programs. Programs named by
    /// [`SceneBuilder::add_task`] must be named again.
    pub fn set_config(&mut self, config: Rc<SceneConfig>) {
        for (host, h) in config.hosts.iter().enumerate() {
            for task in &h.tasks {
                let known = self.hosts.get(host).and_then(|h| h.tasks.get(&task.id));
                if known.is_some_and(|t| *t.config != *task) {
                    self.host(HostId(host as u8)).task(task.id).config = Rc::new(task.clone());
                }
            }
        }
        self.config = config;
    }

    /// The event that was applied last.
    pub fn at(&self) -> EventId {
        self.last.map_or(EventId::NONE, |(id, _)| id)
    }

    /// Takes the next event in.
    pub fn apply(&mut self, id: EventId, event: &Event, log: &EventLog) {
        let told = self.narrator.tell(event, log);
        self.fact = (event.host, told.fact);
        self.last = Some((id, *event));
        let bytes = match event.what {
            What::Print { bytes, .. } => log.bytes(bytes),
            What::Neigh { mac, .. } => log.bytes(mac),
            _ => &[],
        };
        if !(bytes.is_empty() && self.last_bytes.is_empty()) {
            self.last_bytes = bytes.into();
        }
        let host = event.host;
        match event.what {
            What::Enter => self.enter(host, event.function),
            What::Exit => self.host(host).exit(event.function),
            What::SyscallEnter { .. }
            | What::SyscallExit { .. }
            | What::Sleep { .. }
            | What::Wake { .. }
            | What::Line { .. }
            | What::Print { .. }
            | What::TaskExit { .. } => self.apply_task(id, event, log),
            What::SockCreate { .. }
            | What::SockName { .. }
            | What::SockState { .. }
            | What::SockDestroy { .. }
            | What::SockFd { .. }
            | What::Set { .. }
            | What::Timer { .. }
            | What::Neigh { .. } => self.apply_object(id, event, log),
            What::Frame { .. } | What::FrameDrop { .. } | What::FrameBytes { .. } => self.apply_frame(id, event, log),
            What::Route { .. } => {}
            _ => self.apply_skb(id, event, log),
        }
    }

    /// What is known of each skb for the words about it.
    pub(crate) fn narrator(&self) -> &Narrator {
        &self.narrator
    }

    pub(super) fn host(&mut self, host: HostId) -> &mut Host {
        let at = usize::from(host.0);
        if at >= self.hosts.len() {
            self.hosts.resize_with(at + 1, Rc::default);
        }
        Rc::make_mut(&mut self.hosts[at])
    }

    fn enter(&mut self, host: HostId, function: Function) {
        let host = self.host(host);
        // A new input begins with no function running; a log that starts in the middle may leave some behind.
        if host.calls.len() > 64 {
            host.calls.clear();
        }
        host.calls.push(function);
        let Some(skb) = host.hand.last().copied().and_then(|id| host.skb(id)) else { return };
        match function {
            Function::EthTypeTrans | Function::NetifReceiveSkb | Function::IpRcv | Function::ArpRcv => {
                skb.receiving = true;
            }
            Function::IpForward => skb.receiving = false,
            _ => {}
        }
        skb.layer = function.layer();
    }

    fn apply_task(&mut self, id: EventId, event: &Event, log: &EventLog) {
        let host = self.host(event.host);
        match event.what {
            What::SyscallEnter { nr, task, index } => {
                let task = host.task(task);
                task.state = TaskState::InKernel;
                if task.calls.len() >= 2 * STRACE_LINES {
                    task.calls.drain(..STRACE_LINES);
                    task.calls_cut += STRACE_LINES as u32;
                }
                task.calls.push(CallLine { nr, index, enter: id, exit: EventId::NONE, ret: 0 });
            }
            What::SyscallExit { task, index, ret, .. } => {
                let task = host.task(task);
                task.state = TaskState::Running;
                task.asleep_in.clear();
                if let Some(call) = task.calls.iter_mut().rev().find(|c| c.index == index) {
                    (call.exit, call.ret) = (id, ret);
                }
            }
            What::Sleep { task, .. } => {
                // The functions it is in do not return before it wakes.
                let calls = core::mem::take(&mut host.calls);
                let task = host.task(task);
                task.asleep_in = calls;
                task.state = TaskState::Sleeping { function: event.function, since: id };
            }
            What::Wake { task, .. } => {
                let task = host.task(task);
                if matches!(task.state, TaskState::Sleeping { .. }) {
                    task.state = TaskState::InKernel;
                }
            }
            What::Line { task, line } => {
                let task = host.task(task);
                (task.line, task.state) = (line, TaskState::Running);
            }
            What::Print { task, bytes, .. } => host.task(task).print(log.bytes(bytes)),
            What::TaskExit { task, status } => host.task(task).state = TaskState::Exited(status),
            _ => {}
        }
    }

    fn apply_object(&mut self, id: EventId, event: &Event, log: &EventLog) {
        let host = self.host(event.host);
        match event.what {
            What::SockCreate { sock, protocol, .. } => {
                // A request socket is there already.
                Rc::make_mut(host.sockets.entry(sock).or_insert_with(|| Rc::new(Sock::new(protocol)))).protocol =
                    protocol;
            }
            What::SockName { sock, peer, port, addr } => {
                let Some(sock) = host.sock(sock) else { return };
                let name = if peer { &mut sock.peer } else { &mut sock.local };
                *name = (port != 0 || addr != 0).then_some((addr, port));
            }
            What::SockState { sock, new, .. } => {
                // A SYN makes a request socket, which is no whole socket yet: nothing else tells of it.
                if new == TcpState::SynRecv {
                    host.sockets.entry(sock).or_insert_with(|| Rc::new(Sock::new(IPPROTO_TCP)));
                }
                if let Some(sock) = host.sock(sock) {
                    sock.state = new;
                }
            }
            What::SockDestroy { sock } => {
                host.sockets.remove(&sock);
            }
            What::SockFd { sock, task, fd } => {
                if let Some(sock) = host.sock(sock) {
                    sock.fd = (fd >= 0).then_some((task, fd));
                }
            }
            What::Set { field, sock, new, .. } => {
                if let Some(sock) = host.sock(sock) {
                    sock.variables.insert(field, (new, id));
                }
            }
            What::Timer { kind, op, owner, after_us } => {
                if let Some(sock) = host.sock(stack::trace::SockId(owner)) {
                    match op {
                        TimerOp::Set => {
                            if is_transmit_timer(kind) {
                                sock.timers.retain(|other, _| !is_transmit_timer(*other));
                            }
                            let due = event.at.as_nanos().saturating_add(u64::from(after_us) * 1_000);
                            sock.timers.insert(kind, (due, id));
                        }
                        TimerOp::Fire | TimerOp::Cancel => {
                            sock.timers.remove(&kind);
                        }
                    }
                }
            }
            What::Neigh { state: NeighState::None, addr, .. } => {
                host.neighbours.remove(&addr);
            }
            What::Neigh { state, ifindex, addr, mac } => {
                let mac = log.bytes(mac).first_chunk().map(|m| MacAddr(*m)).filter(|m| *m != MacAddr::ZERO);
                let queue = host.neighbours.remove(&addr).map_or_else(Vec::new, |n| n.queue);
                host.neighbours.insert(addr, Neigh { mac, state, ifindex: ifindex.into(), event: id, queue });
            }
            _ => {}
        }
    }

    fn apply_skb(&mut self, id: EventId, event: &Event, log: &EventLog) {
        let Some(skb_id) = skb_of(&event.what) else { return };
        self.focus = Some(SkbRef { host: event.host, skb: skb_id });
        let layer = event.function.layer();
        let host = self.host(event.host);
        host.touch(skb_id, layer, id);
        match event.what {
            What::SkbAlloc { skb, end, truesize } => {
                let receiving = matches!(layer, Layer::Driver | Layer::Nic);
                host.areas.insert(skb, Rc::new(Area::new()));
                let new = Skb {
                    area: skb,
                    clone_of: None,
                    layer,
                    place: Place::InHand,
                    receiving,
                    data: 0,
                    tail: 0,
                    end,
                    truesize,
                    frags: Frags::default(),
                    gso: None,
                    offsets: [None; 3],
                    last_move: None,
                    owner: None,
                    stream: None,
                    touched: id,
                };
                host.skbs.insert(skb, Rc::new(new));
                host.touch(skb, layer, id);
            }
            What::SkbClone { skb, of } => {
                let Some(original) = host.skbs.get(&of) else { return };
                let clone = Skb {
                    clone_of: Some(of),
                    layer,
                    place: Place::InHand,
                    owner: None,
                    touched: id,
                    ..Skb::clone(original)
                };
                if let Some(area) = host.areas.get_mut(&clone.area) {
                    Rc::make_mut(area).references += 1;
                }
                host.skbs.insert(skb, Rc::new(clone));
                host.touch(skb, layer, id);
            }
            What::SkbMove { op, delta, skb, data, tail } => {
                let Some(skb) = host.skb(skb) else { return };
                let moved = (op, u32::from(delta));
                let (old_data, old_tail) = before_move(moved, skb, data, tail);
                skb.last_move = Some(SkbMoveScene { op, delta: delta.into(), old_data, old_tail, event: id });
                (skb.data, skb.tail) = (data, tail);
            }
            What::SkbFrag { .. }
            | What::SkbFrags { .. }
            | What::SkbShift { .. }
            | What::SkbSplit { .. }
            | What::SkbTrimHead { .. }
            | What::SkbGso { .. } => fragments(host, id, event, log),
            What::SkbFree { skb, .. } => free(host, skb),
            What::SkbHeaderOffset { which, skb, offset } => {
                let Some(skb) = host.skb(skb) else { return };
                let which = match which {
                    HeaderOffset::Mac => 0,
                    HeaderOffset::Network => 1,
                    HeaderOffset::Transport => 2,
                };
                skb.offsets[which] = Some(offset.into());
            }
            // The FCS is never in the buffer: the card sends it behind the last byte.
            What::Header { proto: Proto::Fcs, .. } => {}
            What::Header { proto, at, skb, bytes } => {
                let bytes: Rc<[u8]> = log.bytes(bytes).into();
                let len = bytes.len() as u32;
                write(host, skb, piece((proto, at.into(), len), bytes, event.function, id));
            }
            What::Copy { kind, at, skb, len, bytes } => self.copied(event, (id, skb, kind), (at, len, bytes), log),
            What::Stream { skb, seq, len } => {
                if let Some(skb) = host.skb(skb) {
                    skb.stream = Some((seq, len));
                }
            }
            What::Owner { skb, sock, .. } => {
                if let Some(skb) = host.skb(skb) {
                    skb.owner = (sock.0 != 0).then_some(sock);
                }
            }
            What::Queue { kind, op, skb, owner, .. } => queue(host, (kind, op, owner), skb, layer),
            _ => {}
        }
    }

    fn copied(
        &mut self,
        event: &Event,
        (id, skb, kind): (EventId, SkbId, CopyKind),
        (at, len, bytes): (u16, u32, BytesRef),
        log: &EventLog,
    ) {
        let bytes = log.bytes(bytes);
        let host = self.host(event.host);
        match kind {
            CopyKind::ToUser | CopyKind::DmaOut => {}
            CopyKind::Kernel => host.payload_bytes_moved += u64::from(len),
            CopyKind::FromUser => {}
            CopyKind::DmaIn => {
                if let Some(skb) = host.skb(skb) {
                    skb.receiving = true;
                }
                for part in split(bytes, len as usize) {
                    let sample = &bytes[part.at.min(bytes.len())..(part.at + part.len).min(bytes.len())];
                    let place = (part.proto, u32::from(at) + part.at as u32, part.len as u32);
                    write(host, skb, piece(place, sample.into(), event.function, id));
                }
                self.frames.retain(|f| !(f.arrived && f.to == Some(event.host)));
            }
        }
        if matches!(kind, CopyKind::FromUser | CopyKind::Kernel) {
            if let Some(skb) = self.host(event.host).skb(skb)
                && u32::from(at) >= skb.end
            {
                return skb.frags.write_last(len, bytes, event.function, id);
            }
            let place = (Proto::Payload, at.into(), len);
            write(self.host(event.host), skb, piece(place, bytes.into(), event.function, id));
        }
    }
}

/// One timer of a socket stands for these, in turn (`icsk_retransmit_timer`, `icsk_pending`).
fn is_transmit_timer(kind: TimerKind) -> bool {
    matches!(kind, TimerKind::Retransmit | TimerKind::ReoTimeout | TimerKind::LossProbe | TimerKind::Probe)
}

/// The skb an event is about.
pub(crate) fn skb_of(what: &What) -> Option<SkbId> {
    match *what {
        What::SkbAlloc { skb, .. }
        | What::SkbMove { skb, .. }
        | What::SkbClone { skb, .. }
        | What::SkbFrag { skb, .. }
        | What::SkbFrags { skb, .. }
        | What::SkbShift { to: skb, .. }
        | What::SkbSplit { skb, .. }
        | What::SkbTrimHead { skb, .. }
        | What::SkbGso { skb, .. }
        | What::SkbFree { skb, .. }
        | What::SkbHeaderOffset { skb, .. }
        | What::Header { skb, .. }
        | What::HeaderRead { skb, .. }
        | What::Copy { skb, .. }
        | What::Stream { skb, .. }
        | What::Owner { skb, .. }
        | What::Queue { skb, .. } => Some(skb),
        What::Frame { skb, .. } | What::FrameBytes { skb, .. } => Some(skb).filter(|s| *s != SkbId::NONE),
        _ => None,
    }
}

/// `data` and `tail` before a move: as remembered, or computed where the log began later.
fn before_move((op, delta): (SkbOp, u32), skb: &Skb, data: u32, tail: u32) -> (u32, u32) {
    if skb.data != 0 || skb.tail != 0 {
        return (skb.data, skb.tail);
    }
    match op {
        SkbOp::Reserve => (data.saturating_sub(delta), tail.saturating_sub(delta)),
        SkbOp::Put => (data, tail.saturating_sub(delta)),
        SkbOp::Push => (data.saturating_add(delta), tail),
        SkbOp::Pull => (data.saturating_sub(delta), tail),
        SkbOp::Trim => (data, tail.saturating_add(delta)),
    }
}

pub(super) fn piece((proto, at, len): (Proto, u32, u32), bytes: Rc<[u8]>, function: Function, event: EventId) -> Piece {
    Piece { proto, at, len, bytes, before: None, function, event }
}

fn write(host: &mut Host, skb: SkbId, piece: Piece) {
    let area = host.skbs.get(&skb).map(|s| s.area);
    if let Some(area) = area.and_then(|a| host.areas.get_mut(&a)) {
        Rc::make_mut(area).write(piece);
    }
}

fn free(host: &mut Host, id: SkbId) {
    host.hand.retain(|s| *s != id);
    let Some(skb) = host.skbs.remove(&id) else { return };
    // The stack tells first that it left its queue; this is for a log that lost it.
    if let Place::Queued(_) = skb.place {
        host.remove_from_queues(id);
    }
    if let Some(area) = host.areas.get_mut(&skb.area) {
        let area = Rc::make_mut(area);
        area.references = area.references.saturating_sub(1);
        if area.references == 0 {
            host.areas.remove(&skb.area);
        }
    }
}

fn queue(host: &mut Host, (kind, op, owner): (QueueKind, QueueOp, u32), id: SkbId, layer: Layer) {
    let known = host.skbs.contains_key(&id);
    if kind == QueueKind::Neigh && op == QueueOp::Enqueue {
        // The first packet for a neighbour comes before the entry tells of itself.
        let (state, ifindex, event) = (NeighState::None, 0, EventId::NONE);
        host.neighbours.entry(owner).or_insert(Neigh { mac: None, state, ifindex, event, queue: Vec::new() });
    }
    if let Some(queue) = host.queue(kind, owner) {
        match op {
            QueueOp::Enqueue if known => {
                if !queue.contains(&id) {
                    queue.push(id);
                }
            }
            QueueOp::Enqueue => {}
            QueueOp::Dequeue => {
                if let Some(at) = queue.iter().position(|s| *s == id) {
                    queue.remove(at);
                }
            }
        }
    }
    match op {
        QueueOp::Enqueue => {
            host.hand.retain(|s| *s != id);
            if let Some(skb) = host.skb(id) {
                (skb.place, skb.layer) = (Place::Queued(kind), queue_layer(kind));
            }
        }
        QueueOp::Dequeue => {
            if let Some(skb) = host.skb(id) {
                skb.place = Place::InHand;
                skb.layer = layer;
                host.hand.push(id);
            }
        }
    }
}
