//! The ladder: hosts side by side, time downwards and true to scale, a stripe for every frame.

use super::flow::{Flow, Leg, Node, Packet};
use crate::scene::{SceneConfig, timer_name};
use serde::{Deserialize, Serialize};
use stack::skb::{DropReason, SkbId};
use stack::trace::{EventId, EventLog, FrameId, HostId, Proto, SockId, TaskId, TimerKind, TimerOp, What};
use stack::wire::tcp::{ACK, FIN, PSH, RST, SYN};
use std::collections::{BTreeMap, BTreeSet};

/// Frames shown at the most: more could neither be read nor be drawn in time.
const RUNGS: usize = 64;
/// Frames that the ladder shows around the cursor when nobody says which.
const BEFORE: usize = 4;
const AFTER: usize = 9;
/// Bands shown at the most.
const BANDS: usize = 16;

/// A span of a run.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Ladder {
    /// What is shown, ns.
    pub window: (u64, u64),
    /// The first and the last moment of the run, ns.
    pub run: (u64, u64),
    /// The vertical lines, from left to right.
    pub columns: Vec<(Node, String)>,
    /// The frames, in the order in which they were sent.
    pub rungs: Vec<Rung>,
    /// Tasks that sleep, timers that run.
    pub bands: Vec<Band>,
    /// Frames in the window that are not among `rungs`.
    pub left_out: u32,
}

/// A frame's way along one line.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Rung {
    /// The frame.
    pub frame: FrameId,
    /// The skb it left in.
    pub skb: SkbId,
    /// Where it begins.
    pub from: Node,
    /// Where it leads.
    pub to: Node,
    /// The event of its leaving.
    pub sent: EventId,
    /// The first bit leaves, ns.
    pub sent_ns: u64,
    /// The last bit leaves, ns.
    pub out_ns: u64,
    /// The event of its arrival or loss; `NONE` if it is under way at the end of the run.
    pub end: EventId,
    /// When that was, ns; `u64::MAX` if it is under way.
    pub end_ns: u64,
    /// Why it did not get further.
    pub lost: Option<DropReason>,
    /// It carries bytes that were sent before.
    pub again: bool,
    /// The wire doubled it.
    pub copy: bool,
    /// Its protocol, for the colour.
    pub proto: Proto,
    /// Flags, range, ack, window and length; empty on all ways but a frame's first.
    pub label: String,
    /// The same where there is little room.
    pub short: String,
    /// The bytes of the stream that it carries: sequence number of the first, count.
    pub stream: Option<(u32, u32)>,
}

/// What a band stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BandKind {
    /// A task sleeps in a system call.
    Asleep,
    /// A timer runs.
    Timer,
}

/// A stretch of time beside a host's line.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Band {
    /// What it stands for.
    pub kind: BandKind,
    /// Beside whose line.
    pub node: Node,
    /// In words.
    pub text: String,
    /// The event that began it.
    pub from: EventId,
    /// When, ns.
    pub from_ns: u64,
    /// When it ended, ns; `u64::MAX` if it has not.
    pub end_ns: u64,
    /// A timer that went off.
    pub fired: bool,
}

/// The ladder around an event.
pub(super) fn ladder(log: &EventLog, config: &SceneConfig, at: EventId, window: Option<(u64, u64)>) -> Ladder {
    let flow = Flow::read(log, config);
    let time = |id: EventId| log.get(id).map(|event| event.at.as_nanos());
    let last = EventId(log.next_id().0.saturating_sub(1));
    let run = (time(log.first_id()).unwrap_or(0), time(last).unwrap_or(0));
    let now = time(at.clamp(log.first_id(), last)).unwrap_or(run.1);
    let window = window.filter(|(from, to)| from < to).unwrap_or_else(|| around(&flow, now, run));
    let inside = |leg: &&Leg| leg.sent_ns <= window.1 && leg.end_ns.max(leg.out_ns) >= window.0;
    let legs: Vec<&Leg> = flow.legs.iter().filter(inside).collect();
    let count = legs.len();
    let mut first = BTreeSet::new();
    let rungs: Vec<Rung> = thin(legs, &flow).into_iter().map(|leg| rung(&flow, leg, &mut first)).collect();
    Ladder {
        window,
        run,
        columns: columns(&flow, config),
        left_out: (count - rungs.len()) as u32,
        bands: bands(log, config, window),
        rungs,
    }
}

/// As much time as can be read around the cursor.
fn around(flow: &Flow, now: u64, run: (u64, u64)) -> (u64, u64) {
    let legs = &flow.legs;
    let next = legs.partition_point(|leg| leg.sent_ns <= now);
    let (from, to) = match legs.len() {
        0 => run,
        n if n <= BEFORE + AFTER + 4 => (0, n).into_span(legs),
        n => {
            let end = (next + AFTER).clamp(BEFORE + AFTER, n);
            (end - BEFORE - AFTER, end).into_span(legs)
        }
    };
    let room = ((to - from.min(to)) / 16).max(1_000);
    (from.saturating_sub(room), to + room)
}

trait IntoSpan {
    fn into_span(self, legs: &[Leg]) -> (u64, u64);
}

impl IntoSpan for (usize, usize) {
    fn into_span(self, legs: &[Leg]) -> (u64, u64) {
        let legs = &legs[self.0..self.1];
        let ends = legs.iter().map(|leg| if leg.end_ns == u64::MAX { leg.out_ns } else { leg.end_ns });
        (legs.iter().map(|leg| leg.sent_ns).min().unwrap_or(0), ends.max().unwrap_or(0))
    }
}

/// Not more than can be shown; what was lost or sent again stays.
fn thin<'a>(legs: Vec<&'a Leg>, flow: &Flow) -> Vec<&'a Leg> {
    if legs.len() <= RUNGS {
        return legs;
    }
    let special = |leg: &Leg| leg.lost.is_some() || flow.packets[leg.packet].segment.as_ref().is_some_and(|s| s.again);
    let specials = legs.iter().filter(|leg| special(leg)).count().min(RUNGS / 2);
    let step = legs.len().div_ceil(RUNGS - specials);
    let mut taken = 0;
    let keep = |(i, leg): (usize, &'a Leg)| {
        let one = special(leg) && taken < specials;
        taken += usize::from(one);
        (one || i % step == 0).then_some(leg)
    };
    let mut kept: Vec<&Leg> = legs.into_iter().enumerate().filter_map(keep).collect();
    kept.truncate(RUNGS);
    kept
}

fn rung(flow: &Flow, leg: &Leg, seen: &mut BTreeSet<(FrameId, bool)>) -> Rung {
    let packet = &flow.packets[leg.packet];
    let segment = packet.segment.as_ref();
    let first = seen.insert((packet.frame, leg.copy));
    Rung {
        frame: packet.frame,
        skb: packet.skb,
        from: leg.from,
        to: leg.to,
        sent: leg.sent,
        sent_ns: leg.sent_ns,
        out_ns: leg.out_ns,
        end: leg.end,
        end_ns: leg.end_ns,
        lost: leg.lost,
        again: segment.is_some_and(|s| s.again),
        copy: leg.copy,
        proto: packet.proto,
        label: if first { label(flow, packet) } else { String::new() },
        short: if first { short(flow, packet) } else { String::new() },
        stream: segment.filter(|s| s.len > 0).map(|s| (s.seq, s.len)),
    }
}

/// Flags, range, ack, win and len, with numbers from the connection's first; or the packet in one line.
pub(super) fn label(flow: &Flow, packet: &Packet) -> String {
    let Some(s) = &packet.segment else { return packet.summary.clone() };
    let names = [(SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (ACK, "ACK")];
    let flags: Vec<&str> = names.iter().filter(|(bit, _)| s.flags & bit != 0).map(|(_, name)| *name).collect();
    let mut text = flags.join(" ");
    let seq = flow.relative(s.ends, s.seq);
    match s.len {
        0 => text += &format!(" seq {seq}"),
        len => text += &format!(" seq {seq}–{}", seq.wrapping_add(len)),
    }
    if s.flags & ACK != 0 {
        text += &format!(" ack {}", flow.relative(super::flow::reverse(s.ends), s.ack));
    }
    text += &format!(" win {}", flow.window(s));
    if s.len > 0 {
        text += &format!(" len {}", s.len);
    }
    text
}

/// What matters most of it: the range of its bytes, else its flags.
fn short(flow: &Flow, packet: &Packet) -> String {
    let Some(s) = &packet.segment else { return format!("{:?}", packet.proto).to_uppercase() };
    let seq = flow.relative(s.ends, s.seq);
    match (s.flags & (SYN | FIN | RST), s.len) {
        (0, 0) => format!("ACK {}", flow.relative(super::flow::reverse(s.ends), s.ack)),
        (0, len) => format!("{seq}–{}", seq.wrapping_add(len)),
        (flags, _) if flags & RST != 0 => "RST".to_owned(),
        (flags, _) if flags & SYN != 0 => if s.flags & ACK != 0 { "SYN ACK" } else { "SYN" }.to_owned(),
        _ => "FIN".to_owned(),
    }
}

/// Hosts in the scenario's order, a switch between the first and the others; what is outside last.
fn columns(flow: &Flow, config: &SceneConfig) -> Vec<(Node, String)> {
    let used: BTreeSet<Node> = flow.legs.iter().flat_map(|leg| [leg.from, leg.to]).collect();
    let hosts = config.hosts.len();
    let mut nodes: Vec<Node> = (0..hosts).map(|i| Node(i as u8)).collect();
    let switches: Vec<Node> =
        used.iter().copied().filter(|n| *n != Node::OUTSIDE && usize::from(n.0) >= hosts).collect();
    let between = nodes.len().min(1);
    nodes.splice(between..between, switches);
    if used.contains(&Node::OUTSIDE) {
        nodes.push(Node::OUTSIDE);
    }
    let name = |node: Node| match usize::from(node.0) {
        _ if node == Node::OUTSIDE => "network".to_owned(),
        i if i < hosts => config.host_name(HostId(node.0)),
        _ => "switch".to_owned(),
    };
    nodes.into_iter().map(|node| (node, name(node))).collect()
}

/// What sleeps and what is armed, if it is long enough to be seen.
fn bands(log: &EventLog, config: &SceneConfig, window: (u64, u64)) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    let mut asleep: BTreeMap<(HostId, TaskId), usize> = BTreeMap::new();
    let mut armed: BTreeMap<(HostId, TimerKind, u32), usize> = BTreeMap::new();
    let task_name = |host: HostId, task: TaskId| {
        config.task(host, task).map_or_else(|| format!("task {}", task.0), |task| task.name.clone())
    };
    for (id, event) in log.since(log.first_id()) {
        let (at, host) = (event.at.as_nanos(), event.host);
        if at > window.1 && asleep.is_empty() && armed.is_empty() {
            break;
        }
        let begin =
            |kind, text| Band { kind, node: host.into(), text, from: id, from_ns: at, end_ns: u64::MAX, fired: false };
        match event.what {
            What::Sleep { task, .. } => {
                let text = format!("{} sleeps in {}", task_name(host, task), event.function.name());
                asleep.insert((host, task), bands.len());
                bands.push(begin(BandKind::Asleep, text));
            }
            What::Wake { task, .. } => {
                if let Some(band) = asleep.remove(&(host, task)) {
                    bands[band].end_ns = at;
                }
            }
            What::Timer { kind, op, owner, .. } if of_interest(kind) => {
                match (op, armed.get(&(host, kind, owner)).copied()) {
                    (TimerOp::Set, None) => {
                        armed.insert((host, kind, owner), bands.len());
                        bands.push(begin(BandKind::Timer, format!("{} timer", timer_name(kind))));
                    }
                    // Armed again: the band goes on.
                    (TimerOp::Set, Some(_)) => {}
                    (TimerOp::Fire | TimerOp::Cancel, Some(band)) => {
                        armed.remove(&(host, kind, owner));
                        (bands[band].end_ns, bands[band].fired) = (at, op == TimerOp::Fire);
                    }
                    (TimerOp::Fire | TimerOp::Cancel, None) => {}
                }
            }
            What::SockDestroy { sock: SockId(sock) } => {
                armed.retain(|(of, _, owner), band| {
                    let gone = *of == host && *owner == sock;
                    if gone {
                        bands[*band].end_ns = at;
                    }
                    !gone
                });
            }
            _ => {}
        }
    }
    let shortest = (window.1 - window.0) / 40;
    let seen = |band: &Band| band.end_ns.min(window.1).saturating_sub(band.from_ns.max(window.0));
    bands.retain(|band| band.from_ns <= window.1 && band.end_ns >= window.0 && seen(band) >= shortest);
    bands.sort_by_key(|band| std::cmp::Reverse(seen(band)));
    bands.truncate(BANDS);
    bands.sort_by_key(|band| (band.node, band.from));
    bands
}

/// Timers of TCP that a reader waits for.
fn of_interest(kind: TimerKind) -> bool {
    matches!(
        kind,
        TimerKind::Retransmit
            | TimerKind::DelayedAck
            | TimerKind::Probe
            | TimerKind::ReoTimeout
            | TimerKind::LossProbe
            | TimerKind::SynAck
            | TimerKind::Keepalive
    )
}
