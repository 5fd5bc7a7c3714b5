//! What the fold remembers of hosts, frames, skbs and sockets between two events.
//!
//! Everything that can be large hangs on an `Rc`: a copy of it all, for a keyframe, is a few counters.

use super::config::TaskConfig;
use super::memory::{Area, Piece};
use super::pages::Frags;
use super::types::{Place, SkbMoveScene, TaskState};
use stack::skb::{DropReason, SkbId};
use stack::syscall::Sysno;
use stack::trace::{
    EventId, Field, FrameId, Function, HostId, Layer, NeighState, QueueKind, SockId, TaskId, TcpState, TimerKind,
};
use stack::wire::ethernet::MacAddr;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Lines of strace kept for each task.
pub(super) const STRACE_LINES: usize = 200;
/// Bytes of output kept for each task.
pub(super) const OUTPUT_BYTES: usize = 16 * 1024;

#[derive(Clone, Debug)]
pub(super) struct Skb {
    /// The key of its data area: the skb that was allocated with it.
    pub(super) area: SkbId,
    pub(super) clone_of: Option<SkbId>,
    pub(super) layer: Layer,
    pub(super) place: Place,
    pub(super) receiving: bool,
    pub(super) data: u32,
    pub(super) tail: u32,
    pub(super) end: u32,
    pub(super) truesize: u32,
    pub(super) frags: Frags,
    /// Size and number of the segments it stands for.
    pub(super) gso: Option<(u16, u16)>,
    /// Mac, network and transport header.
    pub(super) offsets: [Option<u32>; 3],
    pub(super) last_move: Option<SkbMoveScene>,
    pub(super) owner: Option<SockId>,
    pub(super) stream: Option<(u32, u32)>,
    pub(super) touched: EventId,
}

#[derive(Clone, Debug)]
pub(super) struct Sock {
    pub(super) protocol: u8,
    pub(super) state: TcpState,
    pub(super) local: Option<(u32, u16)>,
    pub(super) peer: Option<(u32, u16)>,
    pub(super) fd: Option<(TaskId, i32)>,
    /// Write, retransmit, receive, out-of-order.
    pub(super) queues: [Vec<SkbId>; 4],
    pub(super) variables: BTreeMap<Field, (u32, EventId)>,
    pub(super) timers: BTreeMap<TimerKind, (u64, EventId)>,
}

impl Sock {
    pub(super) fn new(protocol: u8) -> Sock {
        Sock {
            protocol,
            state: TcpState::Close,
            local: None,
            peer: None,
            fd: None,
            queues: Default::default(),
            variables: BTreeMap::new(),
            timers: BTreeMap::new(),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Neigh {
    pub(super) mac: Option<MacAddr>,
    pub(super) state: NeighState,
    pub(super) ifindex: u16,
    pub(super) event: EventId,
    pub(super) queue: Vec<SkbId>,
}

#[derive(Clone, Debug)]
pub(super) struct CallLine {
    pub(super) nr: Sysno,
    pub(super) index: u32,
    pub(super) enter: EventId,
    pub(super) exit: EventId,
    pub(super) ret: i32,
}

#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) config: Rc<TaskConfig>,
    pub(super) line: u32,
    pub(super) state: TaskState,
    /// The kernel functions it is in while it sleeps, outermost first.
    pub(super) asleep_in: Vec<Function>,
    pub(super) calls: Vec<CallLine>,
    pub(super) calls_cut: u32,
    pub(super) output: String,
}

impl Task {
    pub(super) fn new(config: Rc<TaskConfig>) -> Task {
        Task {
            config,
            line: 0,
            state: TaskState::Waiting,
            asleep_in: Vec::new(),
            calls: Vec::new(),
            calls_cut: 0,
            output: String::new(),
        }
    }

    pub(super) fn unknown(id: TaskId) -> Task {
        Task::new(Rc::new(TaskConfig { id, name: format!("task {}", id.0), source: None }))
    }

    pub(super) fn print(&mut self, bytes: &[u8]) {
        self.output.push_str(&String::from_utf8_lossy(bytes));
        if self.output.len() > 2 * OUTPUT_BYTES {
            self.output = last_lines(&self.output).to_owned();
        }
    }
}

/// The last [`OUTPUT_BYTES`] of a text, from the beginning of a line if there is one.
pub(super) fn last_lines(text: &str) -> &str {
    let mut start = text.len().saturating_sub(OUTPUT_BYTES);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let tail = &text[start..];
    match tail.find('\n') {
        Some(at) if start > 0 => &tail[at + 1..],
        _ => tail,
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct DevQueues {
    pub(super) qdisc: Vec<SkbId>,
    pub(super) tx_ring: Vec<SkbId>,
    pub(super) rx_ring: Vec<SkbId>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Host {
    pub(super) tasks: BTreeMap<TaskId, Rc<Task>>,
    pub(super) skbs: BTreeMap<SkbId, Rc<Skb>>,
    pub(super) areas: BTreeMap<SkbId, Rc<Area>>,
    pub(super) sockets: BTreeMap<SockId, Rc<Sock>>,
    pub(super) neighbours: BTreeMap<u32, Neigh>,
    pub(super) devices: BTreeMap<u32, DevQueues>,
    pub(super) calls: Vec<Function>,
    /// skbs that functions work on, the one touched last at the end.
    pub(super) hand: Vec<SkbId>,
    pub(super) payload_bytes_moved: u64,
}

impl Host {
    pub(super) fn skb(&mut self, id: SkbId) -> Option<&mut Skb> {
        self.skbs.get_mut(&id).map(Rc::make_mut)
    }

    pub(super) fn task(&mut self, id: TaskId) -> &mut Task {
        Rc::make_mut(self.tasks.entry(id).or_insert_with(|| Rc::new(Task::unknown(id))))
    }

    pub(super) fn sock(&mut self, id: SockId) -> Option<&mut Sock> {
        self.sockets.get_mut(&id).map(Rc::make_mut)
    }

    /// A function returns. One that nobody is in returns to a task that has just woken.
    pub(super) fn exit(&mut self, function: Function) {
        if let Some(at) = self.calls.iter().rposition(|f| *f == function) {
            return self.calls.truncate(at);
        }
        let woken = |t: &&mut Rc<Task>| t.state == TaskState::InKernel && t.asleep_in.last() == Some(&function);
        if let Some(task) = self.tasks.values_mut().find(woken) {
            self.calls = core::mem::take(&mut Rc::make_mut(task).asleep_in);
            self.calls.pop();
        }
    }

    /// The skb is worked on: it comes to the end of [`Host::hand`], and to this layer unless it is queued.
    pub(super) fn touch(&mut self, id: SkbId, layer: Layer, event: EventId) {
        let Some(skb) = self.skb(id) else { return };
        skb.touched = event;
        if skb.place == Place::InHand {
            skb.layer = layer;
            self.hand.retain(|s| *s != id);
            self.hand.push(id);
        }
    }

    pub(super) fn remove_from_queues(&mut self, id: SkbId) {
        for device in self.devices.values_mut() {
            for queue in [&mut device.qdisc, &mut device.tx_ring, &mut device.rx_ring] {
                queue.retain(|s| *s != id);
            }
        }
        for neigh in self.neighbours.values_mut() {
            neigh.queue.retain(|s| *s != id);
        }
        for sock in self.sockets.values_mut().filter(|s| s.queues.iter().any(|q| q.contains(&id))) {
            for queue in &mut Rc::make_mut(sock).queues {
                queue.retain(|s| *s != id);
            }
        }
    }

    pub(super) fn queue(&mut self, kind: QueueKind, owner: u32) -> Option<&mut Vec<SkbId>> {
        let of_socket = |i: usize| (SockId(owner), i);
        let (sock, i) = match kind {
            QueueKind::Write => of_socket(0),
            QueueKind::Retransmit => of_socket(1),
            QueueKind::Receive => of_socket(2),
            QueueKind::OutOfOrder => of_socket(3),
            QueueKind::Neigh => return self.neighbours.get_mut(&owner).map(|n| &mut n.queue),
            QueueKind::Qdisc => return Some(&mut self.devices.entry(owner).or_default().qdisc),
            QueueKind::TxRing => return Some(&mut self.devices.entry(owner).or_default().tx_ring),
            QueueKind::RxRing => return Some(&mut self.devices.entry(owner).or_default().rx_ring),
        };
        self.sock(sock).map(|s| &mut s.queues[i])
    }
}

#[derive(Clone, Debug)]
pub(super) struct FrameState {
    pub(super) id: FrameId,
    pub(super) from: HostId,
    pub(super) to: Option<HostId>,
    pub(super) len: u32,
    pub(super) pieces: Vec<Piece>,
    pub(super) sent_at_ns: u64,
    /// Copies on their way: a flooded or duplicated frame has several.
    pub(super) copies: u32,
    /// Has a switch sent it on?
    pub(super) forwarded: bool,
    pub(super) arrived: bool,
    /// The last event about it: what happens to it next names this as its cause.
    pub(super) last: EventId,
    pub(super) lost: Option<DropReason>,
}

/// The row of the tower in which an skb of this queue waits.
pub(crate) fn queue_layer(kind: QueueKind) -> Layer {
    match kind {
        QueueKind::Write | QueueKind::Receive => Layer::Socket,
        QueueKind::Retransmit | QueueKind::OutOfOrder => Layer::Transport,
        QueueKind::Neigh => Layer::Neigh,
        QueueKind::Qdisc => Layer::Qdisc,
        QueueKind::TxRing | QueueKind::RxRing => Layer::Driver,
    }
}
