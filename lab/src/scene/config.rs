//! What a Scene takes from outside the event log: names and addresses, fixed for the run.

use super::types::{RouteLine, RunInfo};
use crate::net::wire::Line;
use stack::syscall::{SysRet, Syscall};
use stack::trace::{HostId, TaskId};
use stack::wire::ethernet::MacAddr;
use std::net::Ipv4Addr;

/// The constant part of a run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SceneConfig {
    /// The scenario's title.
    pub title: String,
    /// The scenario's seed.
    pub seed: u64,
    /// Source files of the programs: name and text.
    pub sources: Vec<(String, String)>,
    /// The hosts, by their number.
    pub hosts: Vec<HostConfig>,
    /// The wires, each direction by itself.
    pub lines: Vec<LineConfig>,
}

/// One direction of a wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LineConfig {
    /// The card or the switch's port that it begins at; switches are numbered after the hosts.
    pub from: (HostId, u16),
    /// Where it leads.
    pub to: (HostId, u16),
    /// Its rate, delay and luck.
    pub line: Line,
}

impl LineConfig {
    /// How long a frame occupies it, ns.
    pub fn occupied_ns(&self, len: u32) -> u64 {
        self.line.occupied_by(len as usize).as_nanos() as u64
    }
}

/// One host's constant part.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct HostConfig {
    /// e.g. `alice`.
    pub name: String,
    /// Ethernet interfaces.
    pub interfaces: Vec<InterfaceConfig>,
    /// Programs that are known from the beginning.
    pub tasks: Vec<TaskConfig>,
    /// Its routes.
    pub routes: Vec<RouteLine>,
    /// Permanent neighbours: address, hardware address, interface index.
    pub neighbours: Vec<(Ipv4Addr, MacAddr, u16)>,
}

/// One Ethernet interface.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct InterfaceConfig {
    /// e.g. `eth0`.
    pub name: String,
    /// Interface index: 2 for the first.
    pub ifindex: u16,
    /// Hardware address.
    pub mac: MacAddr,
    /// Address and prefix length.
    pub address: Option<(Ipv4Addr, u8)>,
}

/// One program.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TaskConfig {
    /// Its number.
    pub id: TaskId,
    /// e.g. `client.py`, or `httpd` for a built-in program.
    pub name: String,
    /// Index into [`SceneConfig::sources`]; `None` for a built-in program.
    pub source: Option<usize>,
}

impl SceneConfig {
    /// The part of it that the page needs.
    pub fn run_info(&self) -> RunInfo {
        RunInfo {
            title: self.title.clone(),
            sources: self.sources.clone(),
            hosts: self.hosts.iter().map(|h| h.name.clone()).collect(),
            routes: self.hosts.iter().map(|h| h.routes.clone()).collect(),
        }
    }

    /// A host's name; `host 3` if there is no such host.
    pub fn host_name(&self, host: HostId) -> String {
        self.hosts.get(usize::from(host.0)).map_or_else(|| format!("host {}", host.0), |h| h.name.clone())
    }

    /// The line that begins at this card or port.
    pub fn line(&self, node: HostId, port: u16) -> Option<&LineConfig> {
        self.lines.iter().find(|line| line.from == (node, port))
    }

    /// The host that has this hardware address.
    pub fn host_of_mac(&self, mac: MacAddr) -> Option<HostId> {
        let has = |h: &HostConfig| h.interfaces.iter().any(|i| i.mac == mac);
        self.hosts.iter().position(has).map(|i| HostId(i as u8))
    }

    /// The program of a host with this number.
    pub fn task(&self, host: HostId, task: TaskId) -> Option<&TaskConfig> {
        self.hosts.get(usize::from(host.0))?.tasks.iter().find(|t| t.id == task)
    }

    /// Names a program that was not there at the beginning.
    pub(crate) fn add_task(&mut self, host: HostId, task: TaskConfig) {
        let Some(host) = self.hosts.get_mut(usize::from(host.0)) else { return };
        match host.tasks.iter_mut().find(|t| t.id == task.id) {
            Some(known) => *known = task,
            None => host.tasks.push(task),
        }
    }

    /// A line of a program's source (from 1), without the blanks around it.
    pub fn source_line(&self, host: HostId, task: TaskId, line: u32) -> Option<&str> {
        let (_, text) = self.sources.get(self.task(host, task)?.source?)?;
        text.lines().nth((line as usize).checked_sub(1)?).map(str::trim).filter(|l| !l.is_empty())
    }
}

/// The system calls of a run with their arguments and results: events hold only their numbers.
pub trait Calls {
    /// The `index`-th call (from 0) that the task made.
    fn call(&self, host: HostId, task: TaskId, index: u32) -> Option<&Syscall>;
    /// What it gave back, if it has returned.
    fn result(&self, host: HostId, task: TaskId, index: u32) -> Option<&SysRet>;
}

/// No calls are known: lines of strace show names only.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCalls;

impl Calls for NoCalls {
    fn call(&self, _: HostId, _: TaskId, _: u32) -> Option<&Syscall> {
        None
    }

    fn result(&self, _: HostId, _: TaskId, _: u32) -> Option<&SysRet> {
        None
    }
}
