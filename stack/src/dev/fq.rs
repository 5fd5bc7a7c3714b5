//! `fq`: a queue for each socket, served in turn, and no packet before its earliest departure time.
//!
//! Linux: `net/sched/sch_fq.c`. TCP writes the time into `skb->tstamp` and needs no pacing timer of its own then
//! (`SK_PACING_FQ`). Without the kernel's hash, red-black tree and priority bands: the order is the same.

use crate::skb::SkBuff;
use crate::trace::SockId;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

/// `plimit`: packets in all.
const PLIMIT: usize = 10_000;
/// `flow_plimit`: packets of one flow.
const FLOW_PLIMIT: usize = 100;
/// `quantum`: what a flow may send before the next one has its turn, bytes: two full frames.
const QUANTUM: i64 = 2 * 1514;
/// `initial_quantum`: what a new flow may send at first, bytes.
const INITIAL_QUANTUM: i64 = 10 * 1514;
/// `horizon`: no packet is planned further ahead, ns.
const HORIZON: u64 = 10_000_000_000;
/// How many flows are remembered that have nothing to send.
const FLOWS: usize = 1024;
/// Most packets that pass by the flows at once (`fq_fastpath_check`).
const INTERNAL: usize = 8;

/// A packet with the time at which it may go (`fq_skb_cb(skb)->time_to_send`).
#[derive(Clone, Debug)]
struct Planned {
    at: u64,
    skb: SkBuff,
}

/// Where a flow is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Place {
    /// It has sent all it had.
    #[default]
    Detached,
    /// On one of the lists of flows that may send.
    Listed,
    /// It waits for its next packet's time.
    Throttled,
}

/// `struct fq_flow`.
#[derive(Clone, Debug, Default)]
struct Flow {
    queue: VecDeque<Planned>,
    credit: i64,
    place: Place,
}

/// The qdisc's private state.
#[derive(Clone, Debug, Default)]
pub(super) struct Fq {
    /// Packets that may go at once and need no flow.
    internal: VecDeque<SkBuff>,
    /// By socket; packets without one share a flow.
    flows: BTreeMap<Option<SockId>, Flow>,
    new_flows: VecDeque<Option<SockId>>,
    old_flows: VecDeque<Option<SockId>>,
    /// `delayed`: flows that wait, by time.
    delayed: BTreeSet<(u64, Option<SockId>)>,
    /// Packets in flows.
    queued: usize,
}

impl Fq {
    pub(super) fn len(&self) -> usize {
        self.internal.len() + self.queued
    }

    /// `fq_enqueue`.
    pub(super) fn enqueue(&mut self, mut skb: SkBuff, now: u64) -> Result<(), SkBuff> {
        if self.len() >= PLIMIT {
            return Err(skb);
        }
        let mut at = if skb.tstamp == 0 { now } else { skb.tstamp };
        if at > now + HORIZON {
            at = now + HORIZON;
            skb.tstamp = at;
        }
        let idle = self.new_flows.is_empty() && self.old_flows.is_empty();
        if at <= now && (self.len() == 0 || (idle && self.internal.len() < INTERNAL)) {
            self.internal.push_back(skb);
            return Ok(());
        }
        let key = skb.owner;
        if self.flows.len() >= FLOWS {
            // `fq_gc`
            self.flows.retain(|_, flow| flow.place != Place::Detached);
        }
        let flow = self.flows.entry(key).or_insert_with(|| Flow { credit: INITIAL_QUANTUM, ..Flow::default() });
        if flow.queue.len() >= FLOW_PLIMIT {
            return Err(skb);
        }
        if flow.place == Place::Detached {
            flow.place = Place::Listed;
            flow.credit = flow.credit.max(QUANTUM);
            self.new_flows.push_back(key);
        }
        // Packets of a flow stay in the order of their times.
        let place = flow.queue.iter().rposition(|p| p.at <= at).map_or(0, |i| i + 1);
        flow.queue.insert(place, Planned { at, skb });
        self.queued += 1;
        Ok(())
    }

    /// `fq_check_throttled`: flows whose time has come may send again.
    fn check_throttled(&mut self, now: u64) {
        while let Some(&(at, key)) = self.delayed.first().filter(|(at, _)| *at <= now) {
            self.delayed.remove(&(at, key));
            if let Some(flow) = self.flows.get_mut(&key) {
                flow.place = Place::Listed;
                self.old_flows.push_back(key);
            }
        }
    }

    /// `fq_dequeue`: deficit round robin over the flows.
    pub(super) fn dequeue(&mut self, now: u64) -> Option<SkBuff> {
        if let Some(skb) = self.internal.pop_front() {
            return Some(skb);
        }
        self.check_throttled(now);
        loop {
            let from_new = !self.new_flows.is_empty();
            let key = if from_new { self.new_flows.pop_front() } else { self.old_flows.pop_front() }?;
            let others_wait = !self.old_flows.is_empty();
            let Some(flow) = self.flows.get_mut(&key) else { continue };
            if flow.credit <= 0 {
                flow.credit += QUANTUM;
                self.old_flows.push_back(key);
                continue;
            }
            match flow.queue.front().map(|p| p.at) {
                Some(at) if at > now => {
                    flow.place = Place::Throttled;
                    self.delayed.insert((at, key));
                }
                // An empty new flow has one more turn among the old ones, so that it gains nothing by pausing.
                None if from_new && others_wait => self.old_flows.push_back(key),
                None => flow.place = Place::Detached,
                Some(_) => {
                    let list = if from_new { &mut self.new_flows } else { &mut self.old_flows };
                    list.push_front(key);
                    let planned = flow.queue.pop_front()?;
                    flow.credit -= planned.skb.len() as i64;
                    self.queued -= 1;
                    return Some(planned.skb);
                }
            }
        }
    }

    /// Would [`Fq::dequeue`] give a packet now?
    pub(super) fn has_ready(&self, now: u64) -> bool {
        let due = |key: &Option<SockId>| self.flows.get(key).and_then(|f| f.queue.front()).is_some_and(|p| p.at <= now);
        !self.internal.is_empty()
            || self.delayed.first().is_some_and(|(at, _)| *at <= now)
            || self.new_flows.iter().chain(&self.old_flows).any(due)
    }

    /// `time_next_delayed_flow`.
    pub(super) fn next_departure(&self) -> Option<u64> {
        let listed = self.new_flows.iter().chain(&self.old_flows);
        let listed = listed.filter_map(|key| self.flows.get(key)?.queue.front()).map(|p| p.at).min();
        let delayed = self.delayed.first().map(|(at, _)| *at);
        listed.into_iter().chain(delayed).min()
    }

    pub(super) fn drain(self) -> VecDeque<SkBuff> {
        let flows = self.flows.into_values().flat_map(|f| f.queue).map(|p| p.skb);
        self.internal.into_iter().chain(flows).collect()
    }
}
