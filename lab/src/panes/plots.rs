//! The plots of one connection, seen from the end that sends most: sequence numbers over time in tcptrace's geometry,
//! the windows, the queue and the round-trip time, and what holds the sender back.

use super::flow::{Ends, Flow, Leg, Node, Segment, reverse};
use crate::scene::SceneConfig;
use serde::{Deserialize, Serialize};
use stack::trace::{EventId, EventLog, Field, FrameId, HostId, QueueKind, QueueOp, SockId, What};
use stack::wire::tcp::{ACK, SYN};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Points of one line at the most; of more, the lowest and highest of each stretch are kept.
const POINTS: usize = 600;
/// Segments drawn at the most.
const SEGMENTS: usize = 900;

/// A value that changes in steps: when, ns, and what it is from then on.
pub type Steps = Vec<(u64, u32)>;

/// What holds the sender back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Limit {
    /// The program has given no more to send.
    App,
    /// The peer's window is full.
    Rwnd,
    /// The congestion window is full.
    Cwnd,
    /// It may send, and is about to: pacing, Nagle, or the queue below.
    Qdisc,
}

/// A segment in the sequence plot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SegmentPoint {
    /// The frame.
    pub frame: FrameId,
    /// The event that sent it.
    pub event: EventId,
    /// When, ns.
    pub at_ns: u64,
    /// From which number, relative to the connection's first.
    pub seq: u32,
    /// How many numbers it takes.
    pub len: u32,
    /// Some of it was sent before.
    pub again: bool,
    /// It did not arrive.
    pub lost: bool,
}

/// The plots.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Plots {
    /// What is shown, ns.
    pub window: (u64, u64),
    /// The first and the last moment of the run, ns.
    pub run: (u64, u64),
    /// The connections there are, the one with the most bytes first: name, and bytes from the end that sends most.
    pub connections: Vec<(String, u64)>,
    /// Which of them is shown.
    pub shown: usize,
    /// Who sends.
    pub sender: Option<HostId>,
    /// Sequence number of the connection's first, which the others are relative to.
    pub isn: u32,
    /// Segments as they leave.
    pub segments: Vec<SegmentPoint>,
    /// Segments in the window that are not among them.
    pub left_out: u32,
    /// The acknowledgment number that has come back.
    pub acks: Steps,
    /// The end of the window: acknowledgment number and window.
    pub wends: Steps,
    /// SACK blocks as they come back: when, from, to.
    pub sacks: Vec<(u64, u32, u32)>,
    /// Congestion window, bytes.
    pub cwnd: Steps,
    /// The peer's window, bytes.
    pub rwnd: Steps,
    /// Sent and not acknowledged, bytes.
    pub flight: Steps,
    /// Slow start threshold, bytes; nothing while it is infinite.
    pub ssthresh: Steps,
    /// Packets that wait in the sender's qdisc and transmit ring.
    pub queue: Steps,
    /// Smoothed round-trip time, µs.
    pub srtt: Steps,
    /// What holds the sender back, from when on.
    pub limits: Vec<(u64, Limit)>,
}

/// Which connection, and the span of time.
pub(super) fn plots(log: &EventLog, config: &SceneConfig, wanted: usize, window: Option<(u64, u64)>) -> Plots {
    let flow = Flow::read(log, config);
    let time = |id: EventId| log.get(id).map_or(0, |event| event.at.as_nanos());
    let run = (time(log.first_id()), time(EventId(log.next_id().0.saturating_sub(1))));
    let totals = totals(&flow);
    let mut plots = Plots { run, window: run, ..Plots::default() };
    plots.connections = totals.iter().map(|(ends, bytes)| (name(*ends), *bytes)).collect();
    plots.shown = if wanted < totals.len() { wanted } else { 0 };
    let Some((ends, _)) = totals.get(plots.shown).copied() else { return plots };
    plots.isn = flow.firsts.get(&ends).map_or(0, |(isn, _)| *isn);
    let mine = |leg: &&Leg| {
        flow.packets[leg.packet].segment.as_ref().is_some_and(|s| s.ends == ends || s.ends == reverse(ends))
    };
    let span = || flow.legs.iter().filter(mine);
    let whole =
        (span().map(|l| l.sent_ns).min().unwrap_or(run.0), span().map(|l| l.end_ns.min(run.1)).max().unwrap_or(run.1));
    let room = (whole.1 - whole.0) / 50;
    plots.window = window.filter(|(from, to)| from < to).unwrap_or((whole.0.saturating_sub(room), whole.1 + room));
    let sender = host_of(config, ends);
    plots.sender = sender;
    frames(&mut plots, &flow, ends, sender);
    if let Some(sender) = sender {
        variables(&mut plots, log, sender, ends);
    }
    for line in [
        &mut plots.acks,
        &mut plots.wends,
        &mut plots.cwnd,
        &mut plots.rwnd,
        &mut plots.flight,
        &mut plots.ssthresh,
        &mut plots.queue,
        &mut plots.srtt,
    ] {
        thin(line, plots.window);
    }
    plots
}

/// The connections by the direction that carries most bytes, the largest first.
fn totals(flow: &Flow) -> Vec<(Ends, u64)> {
    let mut bytes: BTreeMap<Ends, u64> = BTreeMap::new();
    for segment in flow.packets.iter().filter_map(|packet| packet.segment.as_ref()) {
        *bytes.entry(segment.ends).or_default() += u64::from(segment.len);
    }
    let mut totals: Vec<(Ends, u64)> = bytes
        .iter()
        .filter(|(ends, count)| {
            let back = bytes.get(&reverse(**ends)).copied().unwrap_or(0);
            **count > back || (**count == back && **ends <= reverse(**ends))
        })
        .map(|(ends, count)| (*ends, *count))
        .collect();
    totals.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    totals.truncate(24);
    totals
}

fn name([from, to]: Ends) -> String {
    format!("{}:{} → {}:{}", Ipv4Addr::from(from.0), from.1, Ipv4Addr::from(to.0), to.1)
}

/// The host that has the source address.
fn host_of(config: &SceneConfig, [from, _]: Ends) -> Option<HostId> {
    let has = |host: &crate::scene::HostConfig| {
        host.interfaces.iter().any(|i| i.address.is_some_and(|(address, _)| u32::from(address) == from.0))
    };
    config.hosts.iter().position(has).map(|i| HostId(i as u8))
}

/// Segments, ACKs, windows and SACKs as they pass the sender's card.
fn frames(plots: &mut Plots, flow: &Flow, ends: Ends, sender: Option<HostId>) {
    let node = sender.map_or(Node::OUTSIDE, Node::from);
    let mut segments = Vec::new();
    // When a frame ends where it leads: lost ones never do.
    let mut lost_frames = std::collections::BTreeSet::new();
    for leg in flow.legs.iter().filter(|leg| leg.lost.is_some()) {
        lost_frames.insert(flow.packets[leg.packet].frame);
    }
    let mut back: Vec<(u64, &Segment)> = Vec::new();
    for leg in &flow.legs {
        let packet = &flow.packets[leg.packet];
        let Some(segment) = &packet.segment else { continue };
        if segment.ends == ends && leg.from == node && segment.span() > 0 {
            segments.push(SegmentPoint {
                frame: packet.frame,
                event: leg.sent,
                at_ns: leg.sent_ns,
                seq: flow.relative(ends, segment.seq),
                len: segment.span(),
                again: segment.again,
                lost: lost_frames.contains(&packet.frame),
            });
        }
        if segment.ends == reverse(ends) && leg.to == node && leg.lost.is_none() && leg.end_ns != u64::MAX {
            back.push((leg.end_ns, segment));
        }
    }
    back.sort_by_key(|(at, _)| *at);
    for (at, segment) in back.into_iter().filter(|(_, s)| s.flags & ACK != 0) {
        let ack = flow.relative(ends, segment.ack);
        plots.acks.push((at, ack));
        plots.wends.push((at, ack.wrapping_add(flow.window(segment))));
        plots.rwnd.push((at, flow.window(segment)));
        if segment.flags & SYN == 0 {
            plots
                .sacks
                .extend(segment.sacks.iter().map(|(l, r)| (at, flow.relative(ends, *l), flow.relative(ends, *r))));
        }
    }
    let (from, to) = plots.window;
    segments.retain(|s| (from..=to).contains(&s.at_ns));
    plots.sacks.retain(|(at, ..)| (from..=to).contains(at));
    plots.sacks.truncate(SEGMENTS);
    let count = segments.len();
    if count > SEGMENTS {
        let step = count.div_ceil(SEGMENTS / 2);
        let mut i = 0;
        segments.retain(|s| {
            i += 1;
            s.again || s.lost || i % step == 0
        });
        segments.truncate(SEGMENTS);
    }
    plots.left_out = (count - segments.len()) as u32;
    plots.segments = segments;
}

/// The sender's own variables, from the events that set them.
fn variables(plots: &mut Plots, log: &EventLog, sender: HostId, [from, to]: Ends) {
    let mut names: BTreeMap<SockId, [Option<(u32, u16)>; 2]> = BTreeMap::new();
    let mut sock = None;
    let mut v = Variables::default();
    let mut depths: BTreeMap<(QueueKind, u32), u16> = BTreeMap::new();
    for (_, event) in log.since(log.first_id()).filter(|(_, event)| event.host == sender) {
        let at = event.at.as_nanos();
        match event.what {
            What::SockName { sock: id, peer, port, addr } => {
                let ends = names.entry(id).or_default();
                ends[usize::from(peer)] = Some((addr, port));
                if *ends == [Some(from), Some(to)] {
                    sock = Some(id);
                }
            }
            What::SockDestroy { sock: id } if sock == Some(id) => sock = None,
            What::Set { field, sock: id, new, .. } => {
                // What was set before the socket got its name counts as well.
                let known = v.of.entry(id).or_default();
                known.insert(field, new);
                if sock == Some(id) {
                    v.at = at;
                    v.note(plots, id);
                }
            }
            What::Queue {
                kind: kind @ (QueueKind::Qdisc | QueueKind::TxRing),
                op: QueueOp::Enqueue | QueueOp::Dequeue,
                depth,
                owner,
                ..
            } => {
                depths.insert((kind, owner), depth);
                push(&mut plots.queue, at, depths.values().map(|depth| u32::from(*depth)).sum());
            }
            _ => {}
        }
    }
}

#[derive(Default)]
struct Variables {
    of: BTreeMap<SockId, BTreeMap<Field, u32>>,
    at: u64,
}

impl Variables {
    fn note(&self, plots: &mut Plots, sock: SockId) {
        let Some(known) = self.of.get(&sock) else { return };
        let get = |field: Field| known.get(&field).copied();
        let at = self.at;
        let mss = get(Field::MssCache).unwrap_or(1448).max(1);
        let (Some(una), Some(nxt)) = (get(Field::SndUna), get(Field::SndNxt)) else { return };
        let flight = nxt.wrapping_sub(una);
        push(&mut plots.flight, at, flight);
        let cwnd = get(Field::SndCwnd).map(|packets| packets.saturating_mul(mss));
        if let Some(cwnd) = cwnd {
            push(&mut plots.cwnd, at, cwnd);
        }
        if let Some(packets) = get(Field::SndSsthresh).filter(|packets| *packets < 0x7fff_ffff) {
            push(&mut plots.ssthresh, at, packets.saturating_mul(mss));
        }
        if let Some(srtt) = get(Field::SrttUs).filter(|srtt| *srtt > 0) {
            push(&mut plots.srtt, at, srtt);
        }
        let unsent = get(Field::WriteSeq).map_or(0, |written| written.wrapping_sub(nxt));
        let next = unsent.min(mss);
        let limit = if unsent == 0 || unsent > i32::MAX as u32 {
            Limit::App
        } else if get(Field::SndWnd).is_some_and(|window| flight.saturating_add(next) > window) {
            Limit::Rwnd
        } else if cwnd.is_some_and(|cwnd| flight.saturating_add(next) > cwnd) {
            Limit::Cwnd
        } else {
            Limit::Qdisc
        };
        match plots.limits.last_mut() {
            Some((_, last)) if *last == limit => {}
            // Within one moment the last word counts.
            Some((when, last)) if *when == at => *last = limit,
            _ => plots.limits.push((at, limit)),
        }
    }
}

/// A step, if it is one; within one moment the last value counts.
fn push(steps: &mut Steps, at: u64, value: u32) {
    match steps.last_mut() {
        Some((_, last)) if *last == value => {}
        Some((when, last)) if *when == at => *last = value,
        _ => steps.push((at, value)),
    }
}

/// Only what is in the window, with the value it begins with; and not more than can be seen.
fn thin(steps: &mut Steps, (from, to): (u64, u64)) {
    let start = steps.partition_point(|(at, _)| *at < from).saturating_sub(1);
    let end = steps.partition_point(|(at, _)| *at <= to);
    *steps = steps[start.min(end)..end].to_vec();
    if steps.len() <= POINTS {
        return;
    }
    let stretch = steps.len().div_ceil(POINTS / 2);
    let extremes = |part: &[(u64, u32)]| {
        let low = part.iter().copied().min_by_key(|(_, v)| *v);
        let high = part.iter().copied().max_by_key(|(_, v)| *v);
        let mut both: Vec<(u64, u32)> = low.into_iter().chain(high).collect();
        both.sort_unstable();
        both.dedup();
        both
    };
    *steps = steps.chunks(stretch).flat_map(extremes).collect();
}
