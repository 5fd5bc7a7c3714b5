//! The learning switch that joins the TAP device and all clients.
//!
//! Linux: `net/bridge/br_input.c`, `br_forward.c`. A frame is checked where it comes in, then queued where it goes
//! out; nothing here waits. One lock guards the tables; it is held for a few frames at a time.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bridge_protocol::{
    BridgeControl, Counters, DropReason, Lease, MAX_RECORD_FRAME_BYTES, Mac, PortCounters, PortKind, TapInfo,
};
use bytes::Bytes;

use crate::filter::{self, Header};
use crate::impair::ImpairTally;
use crate::lease::{LeasePool, Pair, Subnet};
use crate::port::{Port, PortId, lock};
use crate::queue::Frame;
use crate::table::MacTable;

/// MTU that clients are told when there is no TAP device.
const DEFAULT_MTU: u16 = 1500;

pub(crate) struct Switch {
    state: Mutex<State>,
    impair: Option<Arc<ImpairTally>>,
}

struct State {
    ports: BTreeMap<PortId, Member>,
    table: MacTable,
    leases: LeasePool,
    next_port: u32,
    tap: TapInfo,
}

struct Member {
    port: Arc<Port>,
    /// The port's fixed address, if it has one.
    mac: Option<Mac>,
    lease: Option<Pair>,
}

/// A port that closes when this is dropped; its addresses are free again.
pub(crate) struct OpenPort {
    pub(crate) port: Arc<Port>,
    switch: Arc<Switch>,
}

impl Drop for OpenPort {
    fn drop(&mut self) {
        self.switch.close(self.port.id);
    }
}

impl Switch {
    pub(crate) fn new(subnet: Subnet, tap: TapInfo, impair: Option<Arc<ImpairTally>>) -> Arc<Switch> {
        let state = State {
            ports: BTreeMap::new(),
            table: MacTable::default(),
            leases: LeasePool::new(subnet),
            next_port: 1,
            tap,
        };
        Arc::new(Switch { state: Mutex::new(state), impair })
    }

    /// Opens a port. A TAP port has the kernel's address as its own from the start.
    pub(crate) fn open(self: &Arc<Self>, kind: PortKind) -> OpenPort {
        let mut state = lock(&self.state);
        let id = PortId(state.next_port);
        state.next_port += 1;
        let port = Arc::new(Port::new(id, kind));
        let mac = match (&state.tap, kind) {
            (TapInfo::Up { mac, .. }, PortKind::Tap) => Some(*mac),
            _ => None,
        };
        if let Some(mac) = mac {
            // The TAP port is the first one, so its address is free.
            let _ = state.table.fix(mac, id, Instant::now());
        }
        let member = Member { port: port.clone(), mac, lease: None };
        state.ports.insert(id, member);
        drop(state);
        OpenPort { port, switch: self.clone() }
    }

    fn close(&self, id: PortId) {
        let mut state = lock(&self.state);
        state.table.forget(id);
        if let Some(lease) = state.ports.remove(&id).and_then(|member| member.lease) {
            state.leases.give_back(lease);
        }
    }

    /// The port's lease; takes one if it has none. `None`: no address is free.
    pub(crate) fn lease(&self, port: &Port) -> Option<Lease> {
        let mut state = lock(&self.state);
        let state = &mut *state;
        let member = state.ports.get_mut(&port.id)?;
        if member.lease.is_none() {
            let pair = take_free(&mut state.leases, &mut state.table, port.id)?;
            member.lease = Some(pair);
            member.mac = Some(pair.mac);
        }
        let pair = member.lease?;
        let (gateway, kernel_mac, mtu) = match &state.tap {
            TapInfo::Up { address, mac, mtu, .. } => (Some(*address), Some(*mac), *mtu),
            TapInfo::Off { .. } => (None, None, DEFAULT_MTU),
        };
        Some(Lease {
            mac: pair.mac,
            address: pair.address,
            prefix: state.leases.subnet.prefix,
            gateway,
            kernel_mac,
            mtu,
        })
    }

    /// Takes in frames that arrived at `from` at the given time (nanoseconds since the Unix epoch).
    pub(crate) fn forward<'a>(&self, from: &Port, timestamp_ns: u64, frames: impl IntoIterator<Item = &'a [u8]>) {
        let now = Instant::now();
        let mut state = lock(&self.state);
        for bytes in frames {
            from.tally.received(bytes.len());
            if let Err(reason) = state.forward_one(from, bytes, timestamp_ns, now) {
                from.tally.dropped(reason, 1);
            }
        }
    }

    /// The state of the TAP device.
    pub(crate) fn tap(&self) -> TapInfo {
        lock(&self.state).tap.clone()
    }

    /// Notes a change of the TAP device and tells every page.
    pub(crate) fn set_tap(&self, tap: TapInfo) {
        let mut state = lock(&self.state);
        state.tap = tap.clone();
        let message = BridgeControl::Tap { tap };
        for member in state.ports.values() {
            if member.port.kind == PortKind::Page {
                member.port.reply(&message);
            }
        }
    }

    /// The counters of every port, as port `you` sees them.
    pub(crate) fn counters(&self, you: Option<PortId>) -> Counters {
        let state = lock(&self.state);
        let ports = state.ports.values().map(|member| PortCounters {
            port: member.port.id.0,
            kind: member.port.kind,
            you: you == Some(member.port.id),
            mac: member.mac,
            rx: member.port.tally.rx(),
            tx: member.port.tally.tx(),
            dropped: member.port.tally.drops(),
        });
        Counters { ports: ports.collect(), impair: self.impair.as_deref().map(ImpairTally::read) }
    }
}

/// Takes the lowest lease whose Ethernet address no raw client uses.
fn take_free(leases: &mut LeasePool, table: &mut MacTable, port: PortId) -> Option<Pair> {
    let mut unusable = Vec::new();
    let found = loop {
        let Some(pair) = leases.take() else {
            break None;
        };
        if table.fix(pair.mac, port, Instant::now()).is_ok() {
            break Some(pair);
        }
        unusable.push(pair);
    };
    for pair in unusable {
        leases.give_back(pair);
    }
    found
}

impl State {
    fn forward_one(&mut self, from: &Port, bytes: &[u8], timestamp_ns: u64, now: Instant) -> Result<(), DropReason> {
        let header = Header::parse(bytes)?;
        self.admit(from, &header, now)?;
        let to = if header.destination.is_group() { None } else { self.table.lookup(header.destination, now) };
        if to == Some(from.id) {
            return Err(DropReason::SamePort);
        }
        let frame = Frame { bytes: Bytes::copy_from_slice(bytes), timestamp_ns };
        match to.and_then(|to| self.ports.get(&to)) {
            Some(member) => member.deliver(from.id, frame),
            // A group, or a station that nobody has heard of: to all other ports.
            None => {
                for member in self.ports.values() {
                    if member.port.id != from.id {
                        member.deliver(from.id, frame.clone());
                    }
                }
            }
        }
        Ok(())
    }

    /// Checks that the port may send this frame, and learns where the sender is.
    fn admit(&mut self, from: &Port, header: &Header, now: Instant) -> Result<(), DropReason> {
        let source = header.source;
        if source.is_group() || source.is_zero() {
            return Err(DropReason::WrongSourceMac);
        }
        let member = self.ports.get(&from.id);
        match from.kind {
            PortKind::Page => {
                let lease = member.and_then(|member| member.lease);
                filter::check_leased(header, lease.ok_or(DropReason::NoLease)?)
            }
            PortKind::Tap => self.table.learn(source, from.id, now).map_err(|_| DropReason::WrongSourceMac),
            PortKind::Raw => {
                let bound = member.and_then(|member| member.mac);
                if bound.is_some_and(|mac| mac != source) {
                    return Err(DropReason::WrongSourceMac);
                }
                filter::check_raw(header, |address| self.is_taken(address))?;
                if bound.is_none() {
                    let fixed = self.table.fix(source, from.id, now);
                    fixed.map_err(|_| DropReason::MacInUse)?;
                    if let Some(member) = self.ports.get_mut(&from.id) {
                        member.mac = Some(source);
                    }
                }
                Ok(())
            }
        }
    }

    /// Whether the address is the kernel's or a client's lease.
    fn is_taken(&self, address: Ipv4Addr) -> bool {
        let kernel = matches!(&self.tap, TapInfo::Up { address: own, .. } if *own == address);
        let mut leases = self.ports.values().filter_map(|member| member.lease);
        kernel || leases.any(|lease| lease.address == address)
    }
}

impl Member {
    fn deliver(&self, from: PortId, frame: Frame) {
        // A page without addresses is no station yet: it would only listen to others.
        if self.port.kind == PortKind::Page && self.lease.is_none() {
            return;
        }
        if self.port.kind == PortKind::Page && frame.bytes.len() > MAX_RECORD_FRAME_BYTES {
            self.port.tally.dropped(DropReason::TooLong, 1);
            return;
        }
        self.port.deliver(from, frame);
    }
}

#[cfg(test)]
#[path = "switch_tests.rs"]
mod tests;
