//! Neighbour entries, their states, timers and waiting packets.
//!
//! Linux: `net/core/neighbour.c`; the constants are the defaults of `net.ipv4.neigh.default.*`.

use crate::host::{Cx, Host, HostConfig, IfIndex};
use crate::skb::{DropReason, SkBuff};
use crate::time::{Duration, Instant};
use crate::timer::{Target, Token};
use crate::trace::{EventId, Function, NeighState, QueueKind, QueueOp, TimerKind, TimerOp, What};
use crate::wire::ethernet::MacAddr;
use alloc::collections::{BTreeMap, VecDeque};
use core::net::Ipv4Addr;

/// `retrans_time_ms`: between two questions.
const RETRANS_TIME: Duration = Duration::from_secs(1);
/// `delay_first_probe_time`: how long a stale entry is used before it is checked.
const DELAY_PROBE_TIME: Duration = Duration::from_secs(5);
/// `mcast_solicit`, `ucast_solicit`: questions before the neighbour counts as gone.
const SOLICITS: u8 = 3;
/// `unres_qlen_bytes`: truesize that may wait on one entry.
const UNRES_QLEN_BYTES: u32 = 212_992;
/// `gc_thresh3`: entries at the most.
const MAX_ENTRIES: usize = 1024;

/// One neighbour.
#[derive(Clone, Debug)]
pub struct NeighEntry {
    pub(super) mac: MacAddr,
    pub(super) state: NeighState,
    queue: VecDeque<SkBuff>,
    queue_bytes: u32,
    probes: u8,
    timer: Option<Token>,
    confirmed: Instant,
    /// The event that set it last: the answer to "why this MAC?".
    set_by: EventId,
}

impl NeighEntry {
    fn new(mac: MacAddr, state: NeighState) -> NeighEntry {
        NeighEntry {
            mac,
            state,
            queue: VecDeque::new(),
            queue_bytes: 0,
            probes: 0,
            timer: None,
            confirmed: Instant::ZERO,
            set_by: EventId::NONE,
        }
    }

    /// The hardware address, once known.
    pub fn mac(&self) -> MacAddr {
        self.mac
    }

    /// The state.
    pub fn state(&self) -> NeighState {
        self.state
    }
}

/// The neighbours of a host, by interface and address.
#[derive(Clone, Debug, Default)]
pub struct NeighTable {
    entries: BTreeMap<(IfIndex, Ipv4Addr), NeighEntry>,
}

impl NeighTable {
    pub(crate) fn configure(&mut self, config: &HostConfig) {
        for (addr, mac) in &config.neighbours {
            // A permanent entry is known on every card.
            for i in 0..config.interfaces.len() {
                let dev = IfIndex(i as u16 + 2);
                self.entries.insert((dev, *addr), NeighEntry::new(*mac, NeighState::Permanent));
            }
        }
    }

    /// The entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = (IfIndex, Ipv4Addr, &NeighEntry)> {
        self.entries.iter().map(|((dev, addr), entry)| (*dev, *addr, entry))
    }

    /// The hardware address of a neighbour that may be used without a question (`NUD_CONNECTED`, or being asked).
    fn connected(&self, dev: IfIndex, addr: Ipv4Addr) -> Option<(MacAddr, EventId)> {
        let entry = self.entries.get(&(dev, addr))?;
        let usable = matches!(
            entry.state,
            NeighState::Permanent | NeighState::Reachable | NeighState::Delay | NeighState::Probe
        );
        usable.then_some((entry.mac, entry.set_by))
    }

    /// `gc_thresh3`: makes room by forgetting an entry that nothing waits on.
    fn make_room(&mut self) -> bool {
        if self.entries.len() < MAX_ENTRIES {
            return true;
        }
        let idle = self.entries.iter().find(|(_, e)| {
            matches!(e.state, NeighState::Stale | NeighState::Failed) && e.queue.is_empty() && e.timer.is_none()
        });
        let key = idle.map(|(key, _)| *key);
        key.is_some_and(|key| self.entries.remove(&key).is_some())
    }
}

impl Host {
    /// The neighbour table.
    pub fn neighbours(&self) -> &NeighTable {
        &self.neigh
    }

    /// `neigh_output`: pushes the Ethernet header and queues, or waits for the address.
    pub(crate) fn neigh_output(&mut self, cx: &mut Cx<'_>, dev: IfIndex, addr: Ipv4Addr, skb: SkBuff) -> i32 {
        cx.call(Function::NeighResolveOutput, |cx| {
            // `neigh_connected_output`: the address is known and trusted.
            let (mac, cause, mut skb) = match self.neigh.connected(dev, addr) {
                Some((mac, cause)) => (mac, cause, skb),
                None => {
                    let Some((mac, skb)) = self.neigh_event_send(cx, dev, addr, skb) else {
                        return crate::dev::NET_XMIT_SUCCESS;
                    };
                    let cause = self.neigh.entries.get(&(dev, addr)).map_or(EventId::NONE, |e| e.set_by);
                    (mac, cause, skb)
                }
            };
            let before = cx.trace.because(if cause.0 == 0 { cx.trace.cause() } else { cause });
            self.eth_header(cx, dev, mac, &mut skb);
            cx.trace.because(before);
            self.dev_queue_xmit(cx, dev, skb)
        })
    }

    /// `__neigh_event_send`: gives the skb back if the address is known, else queues it and asks.
    fn neigh_event_send(
        &mut self,
        cx: &mut Cx<'_>,
        dev: IfIndex,
        addr: Ipv4Addr,
        skb: SkBuff,
    ) -> Option<(MacAddr, SkBuff)> {
        let known = self.neigh.entries.contains_key(&(dev, addr));
        if !known && !self.neigh.make_room() {
            skb.kfree(DropReason::NeighQueuefull, cx);
            return None;
        }
        let entry = self.neigh.entries.entry((dev, addr)).or_insert(NeighEntry::new(MacAddr::ZERO, NeighState::None));
        match entry.state {
            NeighState::Permanent | NeighState::Reachable | NeighState::Delay | NeighState::Probe => {
                return Some((entry.mac, skb));
            }
            NeighState::Stale => {
                let mac = entry.mac;
                self.neigh_set_state(cx, dev, addr, NeighState::Delay);
                self.neigh_set_timer(cx, dev, addr, DELAY_PROBE_TIME);
                return Some((mac, skb));
            }
            NeighState::None | NeighState::Failed | NeighState::Incomplete => {}
        }
        cx.call(Function::NeighEventSend, |cx| {
            let ask = self.neigh.entries.get(&(dev, addr)).is_some_and(|e| e.state != NeighState::Incomplete);
            self.neigh_enqueue(cx, dev, addr, skb);
            if ask {
                self.neigh_set_state(cx, dev, addr, NeighState::Incomplete);
                if let Some(entry) = self.neigh.entries.get_mut(&(dev, addr)) {
                    entry.probes = 1;
                }
                self.neigh_set_timer(cx, dev, addr, RETRANS_TIME);
                self.arp_solicit(cx, dev, addr, MacAddr::BROADCAST);
            }
        });
        None
    }

    /// The packet waits on the entry; when too many do, the oldest is dropped.
    fn neigh_enqueue(&mut self, cx: &mut Cx<'_>, dev: IfIndex, addr: Ipv4Addr, skb: SkBuff) {
        let Some(entry) = self.neigh.entries.get_mut(&(dev, addr)) else {
            return skb.kfree(DropReason::NeighFailed, cx);
        };
        while entry.queue_bytes + skb.truesize() > UNRES_QLEN_BYTES {
            let Some(oldest) = entry.queue.pop_front() else { break };
            entry.queue_bytes -= oldest.truesize();
            tell_queue(cx, QueueOp::Dequeue, entry.queue.len(), &oldest, addr);
            oldest.kfree(DropReason::NeighQueuefull, cx);
        }
        entry.queue_bytes += skb.truesize();
        tell_queue(cx, QueueOp::Enqueue, entry.queue.len() + 1, &skb, addr);
        entry.queue.push_back(skb);
    }

    /// `neigh_update`: an answer, or a question that shows who asks.
    pub(super) fn neigh_update(
        &mut self,
        cx: &mut Cx<'_>,
        dev: IfIndex,
        addr: Ipv4Addr,
        mac: MacAddr,
        confirmed: bool,
    ) {
        cx.call(Function::NeighUpdate, |cx| {
            let Some(entry) = self.neigh.entries.get_mut(&(dev, addr)) else { return };
            if entry.state == NeighState::Permanent {
                return;
            }
            let changed = entry.mac != mac;
            let was_connected = matches!(entry.state, NeighState::Reachable | NeighState::Delay | NeighState::Probe);
            // A mere question about us does not prove that the neighbour hears us: it makes the entry STALE,
            // and leaves one that is in use as it is.
            if !confirmed && was_connected && !changed {
                return;
            }
            entry.mac = mac;
            entry.confirmed = cx.now;
            entry.probes = 0;
            let state = if confirmed { NeighState::Reachable } else { NeighState::Stale };
            if let Some(token) = entry.timer.take() {
                self.timers.cancel(token);
            }
            self.neigh_set_state(cx, dev, addr, state);
            if confirmed {
                let reachable = self.reachable_time();
                self.neigh_set_timer(cx, dev, addr, reachable);
            }
            self.neigh_flush(cx, dev, addr);
        });
    }

    /// An address that was asked about us gets an entry (`__neigh_lookup` with `creat`).
    pub(super) fn neigh_learn(&mut self, cx: &mut Cx<'_>, dev: IfIndex, addr: Ipv4Addr, mac: MacAddr) {
        if !self.neigh.entries.contains_key(&(dev, addr)) {
            if !self.neigh.make_room() {
                return;
            }
            self.neigh.entries.insert((dev, addr), NeighEntry::new(MacAddr::ZERO, NeighState::None));
        }
        self.neigh_update(cx, dev, addr, mac, false);
    }

    /// Does the table have an entry? An unasked answer makes none.
    pub(super) fn neigh_is_known(&self, dev: IfIndex, addr: Ipv4Addr) -> bool {
        self.neigh.entries.contains_key(&(dev, addr))
    }

    /// `neigh_confirm`: the upper layer saw an answer, so the neighbour is there.
    pub(crate) fn neigh_confirm(&mut self, cx: &mut Cx<'_>, dev: IfIndex, addr: Ipv4Addr) {
        let Some(entry) = self.neigh.entries.get_mut(&(dev, addr)) else { return };
        entry.confirmed = cx.now;
        if matches!(entry.state, NeighState::Delay | NeighState::Probe) {
            if let Some(token) = entry.timer.take() {
                self.timers.cancel(token);
            }
            self.neigh_set_state(cx, dev, addr, NeighState::Reachable);
            let reachable = self.reachable_time();
            self.neigh_set_timer(cx, dev, addr, reachable);
        }
    }

    /// What waited leaves, in order.
    fn neigh_flush(&mut self, cx: &mut Cx<'_>, dev: IfIndex, addr: Ipv4Addr) {
        while let Some(entry) = self.neigh.entries.get_mut(&(dev, addr)) {
            let Some(skb) = entry.queue.pop_front() else { break };
            entry.queue_bytes -= skb.truesize();
            tell_queue(cx, QueueOp::Dequeue, entry.queue.len(), &skb, addr);
            self.neigh_output(cx, dev, addr, skb);
        }
    }

    /// `neigh_timer_handler`.
    pub(crate) fn neigh_timer_handler(&mut self, cx: &mut Cx<'_>, dev: IfIndex, addr: Ipv4Addr) {
        cx.call(Function::NeighTimerHandler, |cx| {
            let Some(entry) = self.neigh.entries.get_mut(&(dev, addr)) else { return };
            entry.timer = None;
            match entry.state {
                NeighState::Reachable => {
                    let reachable_until = entry.confirmed + Duration::from_secs(15);
                    if cx.now < reachable_until {
                        let left = reachable_until.since(cx.now);
                        return self.neigh_set_timer(cx, dev, addr, left);
                    }
                    self.neigh_set_state(cx, dev, addr, NeighState::Stale);
                }
                NeighState::Delay => {
                    let mac = entry.mac;
                    entry.probes = 1;
                    self.neigh_set_state(cx, dev, addr, NeighState::Probe);
                    self.neigh_set_timer(cx, dev, addr, RETRANS_TIME);
                    self.arp_solicit(cx, dev, addr, mac);
                }
                NeighState::Incomplete | NeighState::Probe if entry.probes >= SOLICITS => {
                    self.neigh_fail(cx, dev, addr);
                }
                NeighState::Incomplete | NeighState::Probe => {
                    entry.probes += 1;
                    let to = if entry.state == NeighState::Probe { entry.mac } else { MacAddr::BROADCAST };
                    self.neigh_set_timer(cx, dev, addr, RETRANS_TIME);
                    self.arp_solicit(cx, dev, addr, to);
                }
                _ => {}
            }
        });
    }

    /// Nobody answered: what waits is dropped, and its senders are told (`arp_error_report`).
    fn neigh_fail(&mut self, cx: &mut Cx<'_>, dev: IfIndex, addr: Ipv4Addr) {
        self.neigh_set_state(cx, dev, addr, NeighState::Failed);
        while let Some(entry) = self.neigh.entries.get_mut(&(dev, addr)) {
            let Some(skb) = entry.queue.pop_front() else { break };
            entry.queue_bytes -= skb.truesize();
            tell_queue(cx, QueueOp::Dequeue, entry.queue.len(), &skb, addr);
            self.ipv4_link_failure(cx, &skb);
            skb.kfree(DropReason::NeighFailed, cx);
        }
    }

    /// `base_reachable_time`, 30 s, times a random factor between ½ and 1½.
    fn reachable_time(&mut self) -> Duration {
        Duration::from_millis(15_000 + u64::from(self.rng.below(30_000)))
    }

    fn neigh_set_timer(&mut self, cx: &mut Cx<'_>, dev: IfIndex, addr: Ipv4Addr, after: Duration) {
        let Some(entry) = self.neigh.entries.get_mut(&(dev, addr)) else { return };
        entry.timer = Some(self.timers.modify(entry.timer, cx.now + after, Target::Neigh(dev, addr)));
        cx.trace.emit(|| What::Timer {
            kind: TimerKind::Neigh,
            op: TimerOp::Set,
            owner: addr.to_bits(),
            after_us: after.as_micros() as u32,
        });
    }

    fn neigh_set_state(&mut self, cx: &mut Cx<'_>, dev: IfIndex, addr: Ipv4Addr, state: NeighState) {
        let Some(entry) = self.neigh.entries.get_mut(&(dev, addr)) else { return };
        entry.state = state;
        let mac = entry.mac;
        entry.set_by =
            cx.trace.emit_bytes(&mac.0, |mac| What::Neigh { state, ifindex: dev.0 as u8, addr: addr.to_bits(), mac });
    }
}

fn tell_queue(cx: &mut Cx<'_>, op: QueueOp, depth: usize, skb: &SkBuff, addr: Ipv4Addr) {
    cx.trace.emit(|| What::Queue {
        kind: QueueKind::Neigh,
        op,
        depth: depth as u16,
        skb: skb.id(),
        owner: addr.to_bits(),
    });
}
