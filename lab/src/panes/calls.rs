//! The call trace: the kernel functions that a packet met, nested, on every host, as `pwru` lists them.

use crate::scene::SkbRef;
use serde::{Deserialize, Serialize};
use stack::skb::{DropReason, SkbId};
use stack::trace::{
    Context, CopyKind, Event, EventId, EventLog, FrameId, FrameOp, Function, HostId, Layer, Proto, QueueKind, QueueOp,
    SkbOp, TaskId, What,
};
use std::collections::{BTreeMap, BTreeSet};

/// Rows at the most.
const ROWS: usize = 260;

/// A packet's way through the kernels.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct CallTrace {
    /// The calls, in the order in which they begin.
    pub rows: Vec<CallRow>,
    /// Calls that are not among them.
    pub left_out: u32,
    /// It was made for a packet; without one, only the kernel's run under the cursor is shown.
    pub packet: bool,
}

impl CallTrace {
    /// Does one of the calls shown hold this event?
    pub fn shows(&self, at: EventId) -> bool {
        self.rows.iter().any(|row| row.enter <= at && (row.exit == EventId::NONE || at <= row.exit))
    }
}

impl CallRow {
    /// Did it work on the packet itself?
    pub fn touches(&self) -> bool {
        self.touched != EventId::NONE
    }
}

/// One call.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CallRow {
    /// How deep it is nested.
    pub depth: u8,
    /// Where.
    pub host: HostId,
    /// Who was running.
    pub context: Context,
    /// The function.
    pub function: Function,
    /// The event of its beginning.
    pub enter: EventId,
    /// The event of its end; `NONE` if it has not returned.
    pub exit: EventId,
    /// When it began, ns.
    pub at_ns: u64,
    /// The first event in it that was about the packet; `NONE`: it did not work on it itself.
    pub touched: EventId,
    /// What it did, in short.
    pub notes: Vec<String>,
    /// Why the packet ended here.
    pub dropped: Option<DropReason>,
    /// Where this stack does it differently from Linux; or empty.
    pub differs: String,
}

/// The trace for the packet, or for the run of the kernel that the event is in.
pub(super) fn calls(log: &EventLog, at: EventId, skb: Option<SkbRef>, frame: Option<FrameId>) -> CallTrace {
    let family = Family::find(log, skb, frame);
    let mut reader = Reader { at, family: &family, hosts: BTreeMap::new(), kept: Vec::new() };
    for (id, event) in log.since(log.first_id()) {
        reader.event(id, event);
    }
    let mut roots: Vec<Vec<CallRow>> = reader.finish();
    if skb.is_none() && frame.is_none() {
        // Tasks that sleep were there before: the youngest is the one that runs.
        let host = log.get(at).map(|event| event.host);
        roots.retain(|rows| rows.first().map(|row| row.host) == host);
        roots = roots.into_iter().max_by_key(|rows| rows.first().map(|row| row.enter)).into_iter().collect();
    }
    // A call that waited for the packet comes where the packet comes to it.
    roots.sort_by_key(|rows| rows.iter().filter(|row| row.touches()).map(|row| row.touched).min());
    let mut rows: Vec<CallRow> = roots.into_iter().flatten().collect();
    let count = rows.len();
    if count > ROWS {
        // Around the cursor.
        let here = rows.partition_point(|row| row.enter <= at);
        let from = here.saturating_sub(ROWS / 2).min(count - ROWS);
        rows = rows[from..from + ROWS].to_vec();
    }
    CallTrace { left_out: (count - rows.len()) as u32, rows, packet: skb.is_some() || frame.is_some() }
}

/// All the names that one packet has on its way: clones, segments, frames, and the skbs of those who receive it.
#[derive(Default)]
struct Family {
    skbs: BTreeSet<(HostId, SkbId)>,
    frames: BTreeSet<FrameId>,
}

impl Family {
    fn find(log: &EventLog, skb: Option<SkbRef>, frame: Option<FrameId>) -> Family {
        let mut family = Family::default();
        family.skbs.extend(skb.map(|at| (at.host, at.skb)));
        family.frames.extend(frame);
        if family.skbs.is_empty() && family.frames.is_empty() {
            return family;
        }
        // Backwards to what it was made of, then forwards to what is made of it.
        let events: Vec<(EventId, Event)> =
            log.since(log.first_id()).filter(|(_, e)| joins(e)).map(|(i, e)| (i, *e)).collect();
        for (at, (_, event)) in events.iter().enumerate().rev() {
            let host = event.host;
            match event.what {
                What::SkbClone { skb, of } if family.skbs.contains(&(host, skb)) => {
                    family.skbs.insert((host, of));
                }
                What::Frame { op: FrameOp::Transmit, frame, skb, .. } if family.frames.contains(&frame) => {
                    family.skbs.insert((host, skb));
                }
                // The card fills an skb for what has just arrived.
                What::SkbAlloc { skb, .. } if family.skbs.contains(&(host, skb)) => {
                    family.frames.extend(arrived_before(&events[..at], host, event));
                }
                _ => {}
            }
        }
        for (at, (_, event)) in events.iter().enumerate() {
            let host = event.host;
            match event.what {
                What::SkbClone { skb, of } if family.skbs.contains(&(host, of)) => {
                    family.skbs.insert((host, skb));
                }
                What::SkbSplit { skb, into, .. }
                    if family.skbs.contains(&(host, skb)) && event.function == Function::TcpGsoSegment =>
                {
                    family.skbs.insert((host, into));
                }
                What::Frame { op: FrameOp::Transmit, frame, skb, .. } if family.skbs.contains(&(host, skb)) => {
                    family.frames.insert(frame);
                }
                What::SkbAlloc { skb, .. }
                    if arrived_before(&events[..at], host, event)
                        .is_some_and(|frame| family.frames.contains(&frame)) =>
                {
                    family.skbs.insert((host, skb));
                }
                _ => {}
            }
        }
        family
    }

    fn has(&self, event: &Event) -> bool {
        match event.what {
            What::Frame { frame, skb, .. } => self.frames.contains(&frame) || self.skbs.contains(&(event.host, skb)),
            What::FrameDrop { frame, .. } | What::FrameBytes { frame, .. } => self.frames.contains(&frame),
            _ => crate::scene::skb_of(&event.what).is_some_and(|skb| self.skbs.contains(&(event.host, skb))),
        }
    }
}

/// Events that join one name to another.
fn joins(event: &Event) -> bool {
    match event.what {
        What::SkbClone { .. } | What::SkbSplit { .. } => true,
        What::Frame { op, .. } => matches!(op, FrameOp::Transmit | FrameOp::Arrive),
        What::SkbAlloc { .. } => matches!(event.function.layer(), Layer::Driver | Layer::Nic),
        _ => false,
    }
}

/// The frame that the card of this host has just taken, if this skb was allocated for one.
fn arrived_before(events: &[(EventId, Event)], host: HostId, alloc: &Event) -> Option<FrameId> {
    let last = events.iter().rev().find(|(_, event)| event.host == host)?;
    match last.1.what {
        What::Frame { op: FrameOp::Arrive, frame, .. } if last.1.at == alloc.at => Some(frame),
        _ => None,
    }
}

/// The calls of a host that are open, from the outermost.
#[derive(Default)]
struct Open {
    /// All calls of the run of the kernel that is going on.
    rows: Vec<CallRow>,
    /// Places in `rows`, outermost first.
    stack: Vec<usize>,
    /// Those of tasks that sleep.
    asleep: Vec<(TaskId, Vec<CallRow>, Vec<usize>)>,
}

struct Reader<'a> {
    at: EventId,
    family: &'a Family,
    hosts: BTreeMap<HostId, Open>,
    kept: Vec<Vec<CallRow>>,
}

impl Reader<'_> {
    fn event(&mut self, id: EventId, event: &Event) {
        let open = self.hosts.entry(event.host).or_default();
        match event.what {
            What::Enter => {
                // A log that begins in the middle may leave some open.
                if open.stack.len() > 64 {
                    *open = Open::default();
                }
                let depth = open.stack.len() as u8;
                open.stack.push(open.rows.len());
                open.rows.push(row(id, event, depth));
            }
            What::Exit => {
                if !open.stack.iter().any(|at| open.rows[*at].function == event.function) {
                    // One that nobody is in returns to a task that has just woken.
                    let woken = open.asleep.iter().position(|(_, rows, stack)| {
                        stack.last().is_some_and(|at| rows[*at].function == event.function)
                    });
                    if let Some(woken) = woken {
                        let (_, rows, stack) = open.asleep.remove(woken);
                        let interrupted = std::mem::replace(&mut open.rows, rows);
                        open.stack = stack;
                        keep(&mut self.kept, interrupted, self.at, self.family);
                    }
                }
                if let Some(at) = open.stack.iter().rposition(|at| open.rows[*at].function == event.function) {
                    for row in open.stack.drain(at..) {
                        open.rows[row].exit = id;
                    }
                }
                if open.stack.is_empty() {
                    keep(&mut self.kept, std::mem::take(&mut open.rows), self.at, self.family);
                }
            }
            What::Sleep { task, .. } => {
                note(open, event, "the task falls asleep".to_owned());
                let (rows, stack) = (std::mem::take(&mut open.rows), std::mem::take(&mut open.stack));
                open.asleep.push((task, rows, stack));
            }
            _ => {
                let mine = self.family.has(event);
                if open.stack.is_empty() {
                    // The wire calls no function.
                    if mine && matches!(event.what, What::Frame { .. } | What::FrameDrop { .. }) {
                        let mut row = row(id, event, 0);
                        (row.exit, row.touched) = (id, id);
                        row.notes.extend(words(event));
                        row.dropped = reason(event);
                        self.kept.push(vec![row]);
                    }
                    return;
                }
                let top = open.stack.last().copied().and_then(|at| open.rows.get_mut(at));
                let Some(top) = top else { return };
                if mine {
                    top.touched = if top.touched == EventId::NONE { id } else { top.touched };
                    top.dropped = top.dropped.or(reason(event));
                }
                if let Some(text) = words(event).filter(|_| mine || !is_about_packet(event)) {
                    note(open, event, text);
                }
            }
        }
    }

    fn finish(mut self) -> Vec<Vec<CallRow>> {
        for (_, open) in std::mem::take(&mut self.hosts) {
            keep(&mut self.kept, open.rows, self.at, self.family);
            for (_, rows, _) in open.asleep {
                keep(&mut self.kept, rows, self.at, self.family);
            }
        }
        self.kept
    }
}

/// Keeps a run of the kernel if the cursor is in it, or the part of it that has to do with the packet.
fn keep(kept: &mut Vec<Vec<CallRow>>, rows: Vec<CallRow>, at: EventId, family: &Family) {
    let Some(first) = rows.first() else { return };
    let last = rows.iter().map(|row| if row.exit == EventId::NONE { EventId(u32::MAX) } else { row.exit }).max();
    let here = first.enter <= at && last.is_some_and(|last| at <= last);
    let about = rows.iter().any(CallRow::touches);
    let alone = family.skbs.is_empty() && family.frames.is_empty();
    if about {
        kept.push(path(rows));
    } else if here && alone {
        kept.push(rows);
    }
}

/// The calls that touch the packet, and those that led there.
fn path(rows: Vec<CallRow>) -> Vec<CallRow> {
    let mut wanted = vec![false; rows.len()];
    let mut above: Vec<usize> = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        above.truncate(usize::from(row.depth));
        above.push(i);
        if row.touches() {
            above.iter().for_each(|at| wanted[*at] = true);
        }
    }
    rows.into_iter().zip(wanted).filter_map(|(row, wanted)| wanted.then_some(row)).collect()
}

fn row(id: EventId, event: &Event, depth: u8) -> CallRow {
    CallRow {
        depth,
        host: event.host,
        context: event.context,
        function: event.function,
        enter: id,
        exit: EventId::NONE,
        at_ns: event.at.as_nanos(),
        touched: EventId::NONE,
        notes: Vec::new(),
        dropped: None,
        differs: differs(event.function).to_owned(),
    }
}

fn note(open: &mut Open, _: &Event, text: String) {
    if let Some(row) = open.stack.last().and_then(|at| open.rows.get_mut(*at))
        && row.notes.len() < 4
        && row.notes.last() != Some(&text)
    {
        row.notes.push(text);
    }
}

fn reason(event: &Event) -> Option<DropReason> {
    match event.what {
        What::SkbFree { reason, .. } if reason != DropReason::Consumed => Some(reason),
        What::FrameDrop { reason, .. } => Some(reason),
        What::Frame { op: FrameOp::Lost, .. } => Some(DropReason::WireLost),
        _ => None,
    }
}

fn is_about_packet(event: &Event) -> bool {
    crate::scene::skb_of(&event.what).is_some()
}

/// What an event did, in short; `None` if the trace is better without.
fn words(event: &Event) -> Option<String> {
    Some(match event.what {
        What::Header { proto, .. } => format!("writes {}", proto_word(proto)),
        What::SkbAlloc { skb, .. } => format!("allocates skb {}", skb.0),
        What::SkbClone { skb, of } => format!("clones skb {} as {}", of.0, skb.0),
        What::SkbMove { op: op @ (SkbOp::Push | SkbOp::Pull), delta, .. } => format!("{}({delta})", op.name()),
        What::SkbFree { reason: DropReason::Consumed, skb } => format!("frees skb {}", skb.0),
        What::Queue { kind, op: QueueOp::Enqueue, depth, .. } => {
            format!("into the {} ({depth} there)", queue_word(kind))
        }
        What::Queue { kind, op: QueueOp::Dequeue, .. } => format!("out of the {}", queue_word(kind)),
        What::Copy { kind: CopyKind::FromUser, len, .. } => format!("copies {len} B from the program"),
        What::Copy { kind: CopyKind::ToUser, len, .. } => format!("copies {len} B to the program"),
        What::Copy { kind: CopyKind::DmaOut, len, .. } => format!("the card reads {len} B"),
        What::Copy { kind: CopyKind::DmaIn, len, .. } => format!("the card writes {len} B"),
        What::Route { .. } => "a route is chosen".to_owned(),
        What::Wake { .. } => "wakes the task".to_owned(),
        What::SockState { new, .. } => format!("the socket is now {}", new.name()),
        What::Frame { op: FrameOp::Transmit, .. } => "the first bit is on the wire".to_owned(),
        What::Frame { op: FrameOp::Arrive, .. } => "the frame is here".to_owned(),
        What::Frame { op: FrameOp::Lost, .. } => "the wire loses the frame".to_owned(),
        What::Frame { op: FrameOp::Duplicated, .. } => "the wire doubles the frame".to_owned(),
        What::Frame { op: FrameOp::Forward, .. } => "the switch sends it on".to_owned(),
        What::Frame { op: FrameOp::Reordered, .. } => "the wire holds the frame back".to_owned(),
        What::Frame { op: FrameOp::Corrupted, .. } => "the wire flips a bit".to_owned(),
        _ => return None,
    })
}

/// Where this stack does it differently from Linux: docs/known-gaps.md has the whole list.
fn differs(function: Function) -> &'static str {
    match function {
        Function::TcpSendmsg => "a short first write is linear, as before Linux 5.16",
        Function::TcpGsoSegment => "Linux leaves this to the card where it can (TSO)",
        Function::TcpV4SendCheck => "Linux leaves the sum to the card where it can",
        Function::NetifReceiveSkb => "no GRO: Linux may join several frames first",
        Function::NicReceive => "the buffer is allocated now; Linux fills the ring beforehand",
        Function::TcpSacktag => "SACKed segments are not joined (tcp_shift_skb_data)",
        _ => "",
    }
}

fn proto_word(proto: Proto) -> &'static str {
    match proto {
        Proto::Ethernet => "Ethernet",
        Proto::Arp => "ARP",
        Proto::Ipv4 => "IPv4",
        Proto::Icmp => "ICMP",
        Proto::Udp => "UDP",
        Proto::Tcp => "TCP",
        Proto::Payload => "payload",
        Proto::Fcs => "FCS",
    }
}

fn queue_word(kind: QueueKind) -> &'static str {
    match kind {
        QueueKind::Write => "send queue",
        QueueKind::Retransmit => "retransmit queue",
        QueueKind::Receive => "receive queue",
        QueueKind::OutOfOrder => "out-of-order queue",
        QueueKind::Neigh => "neighbour's queue",
        QueueKind::Qdisc => "qdisc",
        QueueKind::TxRing => "transmit ring",
        QueueKind::RxRing => "receive ring",
    }
}
