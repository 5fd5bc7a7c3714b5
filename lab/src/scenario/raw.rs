//! A scenario as it stands in the file: values with their places, names not yet joined.

use crate::net::wire::Line;
use stack::time::Duration;
use stack::wire::ethernet::MacAddr;
use std::net::Ipv4Addr;
use std::ops::Range;

/// A value and where it stands, in bytes of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

impl<T> At<T> {
    pub(super) fn map<U>(self, f: impl FnOnce(T) -> U) -> At<U> {
        At { value: f(self.value), span: self.span }
    }
}

#[derive(Default)]
pub(super) struct RawScenario {
    pub(super) title: Option<String>,
    pub(super) seed: u64,
    pub(super) until: Option<Duration>,
    pub(super) hosts: Vec<RawHost>,
    pub(super) switches: Vec<RawSwitch>,
    pub(super) wires: Vec<RawWire>,
    pub(super) programs: Vec<RawProgram>,
}

pub(super) struct RawHost {
    pub(super) span: Range<usize>,
    pub(super) name: Option<At<String>>,
    pub(super) interfaces: Vec<RawInterface>,
    pub(super) gateway: Option<At<Ipv4Addr>>,
    pub(super) routes: Vec<RawRoute>,
    pub(super) forward: bool,
    pub(super) neighbours: Vec<RawNeighbour>,
    pub(super) sysctl: Vec<(At<String>, At<String>)>,
}

pub(super) struct RawInterface {
    pub(super) name: Option<At<String>>,
    pub(super) mac: Option<At<MacAddr>>,
    pub(super) address: Option<At<(Ipv4Addr, u8)>>,
    pub(super) mtu: u16,
}

pub(super) struct RawRoute {
    pub(super) to: (Ipv4Addr, u8),
    pub(super) via: At<Ipv4Addr>,
}

pub(super) enum RawNeighbour {
    Host(At<String>),
    Entry(At<Ipv4Addr>, MacAddr),
}

pub(super) struct RawSwitch {
    pub(super) span: Range<usize>,
    pub(super) name: Option<At<String>>,
    pub(super) connects: Vec<At<String>>,
    pub(super) lines: [Line; 2],
}

pub(super) struct RawWire {
    pub(super) span: Range<usize>,
    pub(super) between: Vec<At<String>>,
    pub(super) lines: [Line; 2],
}

pub(super) struct RawProgram {
    pub(super) span: Range<usize>,
    pub(super) host: Option<At<String>>,
    pub(super) name: Option<At<String>>,
    pub(super) python: Option<At<String>>,
    pub(super) source: Option<At<String>>,
    pub(super) builtin: Option<At<String>>,
    pub(super) args: Vec<At<String>>,
    pub(super) start: Duration,
}
