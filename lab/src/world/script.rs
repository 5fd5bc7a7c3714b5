//! Scripts: one task that is a program on its host and the other end of the host's wire.
//!
//! A packetdrill script makes system calls, puts frames into its host's first Ethernet card, and takes what
//! that card sends. It goes on while one of its calls sleeps, as the original's second thread lets it.

use super::{Note, TaskState, World};
use crate::program::Programs;
use crate::tape::Answer;
use serde::{Deserialize, Serialize};
use stack::dev::Qdisc;
use stack::host::{Frame, IfIndex};
use stack::ip::RouteMetrics;
use stack::syscall::{Fd, SysRet, Syscall};
use stack::time::{Duration, Instant};
use stack::trace::{EventId, TaskId, Tracer};
use std::collections::VecDeque;
use std::rc::Rc;

/// The card whose wire a script holds.
pub(super) const CARD: IfIndex = IfIndex(2);
/// Looks at sockets without being a program: no such task is in the world.
const INSPECTOR: TaskId = TaskId(u16::MAX);

/// What a script asks.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum ScriptAsk {
    /// Makes a system call and does not wait if it sleeps.
    Begin(Syscall),
    /// Waits for that call to return, until this time at the most.
    Await {
        /// Virtual time, ns.
        until_ns: u64,
    },
    /// Waits until this time.
    SleepUntil {
        /// Virtual time, ns.
        ns: u64,
    },
    /// Puts a frame into the card.
    Inject {
        /// From the Ethernet header on, no FCS.
        bytes: Rc<[u8]>,
        /// If not 0: the card has put it together from segments of so many bytes of data.
        gso_size: u16,
    },
    /// Waits for the next frame that the card sends, until this time at the most.
    Capture {
        /// Virtual time, ns.
        until_ns: u64,
    },
    /// Changes what an administrator can change.
    Change(Change),
    /// Looks at a socket option without making a system call.
    Inspect {
        /// The script's descriptor.
        fd: Fd,
        /// `level` of `getsockopt`.
        level: i32,
        /// `optname`.
        name: i32,
        /// `optlen`, bytes.
        len: usize,
    },
    /// Reads the counters that `nstat` shows.
    Counters,
}

/// What a script is answered.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum ScriptAnswer {
    /// The call sleeps.
    Began,
    /// The call that slept has returned.
    Returned {
        /// When, ns of virtual time.
        at_ns: u64,
        /// What it gave.
        ret: SysRet,
    },
    /// The time came first.
    TimeIsUp,
    /// A frame.
    Captured(Captured),
    /// The change is made, or why not.
    Changed(Result<(), String>),
    /// What `getsockopt` would have given.
    Inspected(SysRet),
    /// The counters that are not zero.
    Counters(Vec<(String, u64)>),
}

/// A frame that the card has sent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Captured {
    /// When, ns of virtual time.
    pub at_ns: u64,
    /// From the Ethernet header on, no FCS.
    pub bytes: Rc<[u8]>,
    /// The next frame was one packet with this one, until segmentation.
    pub more: bool,
}

/// A change of configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Change {
    /// `sysctl name=value`
    Sysctl {
        /// e.g. `net.ipv4.tcp_ecn`
        name: String,
        /// One number or several.
        value: String,
    },
    /// `ip link set dev … mtu N`
    Mtu(u16),
    /// `tc qdisc replace dev … root KIND [limit N]`
    Qdisc {
        /// e.g. `fq`
        kind: String,
        /// Packets that it holds.
        limit: Option<u32>,
    },
    /// `ethtool -K … FEATURE on|off`
    Offload {
        /// e.g. `tso`
        feature: String,
        /// On?
        on: bool,
    },
    /// `ip route change ADDRESS … METRIC N`: the route to this address only.
    Route {
        /// Where to.
        to: std::net::Ipv4Addr,
        /// e.g. `advmss` and its value; a locked one is `lock mtu`.
        metrics: Vec<(String, u32)>,
    },
    /// A parameter of a module, e.g. `tcp_cubic` `hystart_detect`.
    Parameter {
        /// The module.
        module: String,
        /// The parameter.
        name: String,
        /// Its value.
        value: String,
    },
}

/// What a script's task holds beside the rest.
#[derive(Clone, Debug, Default)]
pub(super) struct Scripted {
    /// Frames that it has not taken yet.
    tap: VecDeque<Captured>,
    /// A call of its sleeps.
    in_call: bool,
    /// The call that slept has returned.
    returned: Option<(Instant, SysRet)>,
    waits: Option<Wait>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wait {
    Frame,
    Return,
}

impl World {
    pub(super) fn make_script_request(
        &mut self,
        id: TaskId,
        ask: ScriptAsk,
        programs: &mut dyn Programs,
        trace: &mut Tracer,
    ) {
        let now = self.now;
        let Some(host) = self.task(id).map(|t| usize::from(t.host().0)) else { return };
        let answer = match ask {
            ScriptAsk::Begin(call) => {
                let first = trace.position().next_event;
                match self.hosts[host].syscall(now, id, call, trace) {
                    Some(ret) => {
                        self.returned(id, first, trace);
                        Answer::Syscall(ret)
                    }
                    None => {
                        self.scripted(id).in_call = true;
                        Answer::Script(ScriptAnswer::Began)
                    }
                }
            }
            ScriptAsk::Await { until_ns } => {
                if self.scripted(id).returned.is_none() && self.scripted(id).in_call && now.as_nanos() < until_ns {
                    return self.wait(id, Wait::Return, until_ns);
                }
                Answer::Script(self.call_result(id))
            }
            ScriptAsk::SleepUntil { ns } => {
                self.set_state(id, TaskState::Sleeping);
                return self.run_at(id, Duration::from_nanos(ns.saturating_sub(now.as_nanos())));
            }
            ScriptAsk::Inject { bytes, gso_size } => {
                let frame = Frame { id: trace.new_frame(), bytes: bytes.to_vec(), sent_by: EventId::NONE };
                match gso_size {
                    0 => self.hosts[host].handle_frame(now, CARD, frame, trace),
                    size => self.hosts[host].handle_gro_frame(now, CARD, frame, size, trace),
                }
                Answer::Done
            }
            ScriptAsk::Capture { until_ns } => {
                if self.scripted(id).tap.is_empty() && now.as_nanos() < until_ns {
                    return self.wait(id, Wait::Frame, until_ns);
                }
                Answer::Script(self.next_frame(id))
            }
            ScriptAsk::Change(change) => Answer::Script(ScriptAnswer::Changed(self.change(host, &change, trace))),
            ScriptAsk::Inspect { fd, level, name, len } => Answer::Script(ScriptAnswer::Inspected(self.inspect(
                host,
                id,
                Syscall::Getsockopt { fd, level, name, len },
            ))),
            ScriptAsk::Counters => Answer::Script(ScriptAnswer::Counters(self.counters(host))),
        };
        self.answer(id, answer, programs);
    }

    fn scripted(&mut self, id: TaskId) -> &mut Scripted {
        // Only a script's task gets here, and it has one.
        match self.task_mut(id) {
            Some(task) => task.script.get_or_insert_default(),
            None => unreachable!("a request is made by a task of this world"),
        }
    }

    fn wait(&mut self, id: TaskId, what: Wait, until_ns: u64) {
        self.scripted(id).waits = Some(what);
        self.set_state(id, TaskState::Waiting);
        let asked = self.task(id).map_or(0, |t| t.progress().0);
        self.note(Instant::from_nanos(until_ns), Note::TimeIsUp(id, asked));
    }

    fn next_frame(&mut self, id: TaskId) -> ScriptAnswer {
        self.scripted(id).tap.pop_front().map_or(ScriptAnswer::TimeIsUp, ScriptAnswer::Captured)
    }

    fn call_result(&mut self, id: TaskId) -> ScriptAnswer {
        match self.scripted(id).returned.take() {
            Some((at, ret)) => ScriptAnswer::Returned { at_ns: at.as_nanos(), ret },
            None => ScriptAnswer::TimeIsUp,
        }
    }

    /// The kernel has woken a script's task: only its call goes on.
    pub(super) fn wake_script(&mut self, id: TaskId) {
        if self.task(id).is_some_and(|t| t.script.as_ref().is_some_and(|s| s.in_call)) {
            self.note(self.now, Note::Resume(id));
        }
    }

    pub(super) fn resume_script(&mut self, id: TaskId, programs: &mut dyn Programs, trace: &mut Tracer) {
        let Some(host) = self.task(id).map(|t| usize::from(t.host().0)) else { return };
        if !self.scripted(id).in_call {
            return;
        }
        let first = trace.position().next_event;
        if let Some(ret) = self.hosts[host].resume(self.now, id, trace) {
            self.returned(id, first, trace);
            let now = self.now;
            let scripted = self.scripted(id);
            (scripted.in_call, scripted.returned) = (false, Some((now, ret)));
            self.feed_script(id, programs);
        }
        self.settle(host, trace);
    }

    /// Hands a waiting script what it waits for, if that is there.
    pub(super) fn feed_script(&mut self, id: TaskId, programs: &mut dyn Programs) {
        let scripted = self.scripted(id);
        let there = match scripted.waits {
            Some(Wait::Frame) => !scripted.tap.is_empty(),
            Some(Wait::Return) => scripted.returned.is_some(),
            None => false,
        };
        if there {
            self.end_wait(id, programs);
        }
    }

    /// The time that a script would wait has passed.
    pub(super) fn time_is_up(&mut self, id: TaskId, asked: usize, programs: &mut dyn Programs) {
        let waits = self.task(id).is_some_and(|t| t.state() == TaskState::Waiting && t.progress().0 == asked);
        if waits {
            self.end_wait(id, programs);
        }
    }

    fn end_wait(&mut self, id: TaskId, programs: &mut dyn Programs) {
        let answer = match self.scripted(id).waits.take() {
            Some(Wait::Frame) => self.next_frame(id),
            Some(Wait::Return) => self.call_result(id),
            None => return,
        };
        self.answer(id, Answer::Script(answer), programs);
    }

    /// Takes everything that a script's host sends.
    pub(super) fn transmit_to_script(&mut self, host: usize, script: TaskId, trace: &mut Tracer) -> bool {
        let mut any = false;
        while let Some(frame) = self.hosts[host].poll_transmit(self.now, CARD, trace) {
            let more = self.hosts[host].dev(CARD).is_some_and(|card| card.xmit_more());
            let captured = Captured { at_ns: self.now.as_nanos(), bytes: frame.bytes.into(), more };
            self.scripted(script).tap.push_back(captured);
            any = true;
        }
        if any && self.scripted(script).waits == Some(Wait::Frame) {
            self.note(self.now, Note::Feed(script));
        }
        any
    }

    fn change(&mut self, host: usize, change: &Change, trace: &mut Tracer) -> Result<(), String> {
        let now = self.now;
        let host = &mut self.hosts[host];
        match change {
            Change::Sysctl { name, value } => {
                host.sysctl_mut().set(name, value).map_err(|e| format!("{name}={value}: {e:?}"))
            }
            Change::Mtu(mtu) => {
                if host.set_mtu(CARD, *mtu) {
                    Ok(())
                } else {
                    Err(format!("an MTU of {mtu} is too small for IPv4"))
                }
            }
            Change::Qdisc { kind, limit } => {
                let qdisc = match (kind.as_str(), limit) {
                    ("pfifo_fast", _) => Qdisc::PfifoFast,
                    ("pfifo", limit) => Qdisc::Pfifo { limit: limit.unwrap_or(1000) as usize },
                    ("fq", _) => Qdisc::Fq,
                    (other, _) => return Err(format!("there is no qdisc {other} here")),
                };
                host.set_qdisc(now, CARD, qdisc, trace);
                Ok(())
            }
            // TCP always builds super-packets, and the card never cuts them: neither switch changes what is seen.
            Change::Offload { feature, .. } => match feature.as_str() {
                "tso" | "gso" | "gro" | "sg" | "tx" => Ok(()),
                other => Err(format!("there is no offload {other} here")),
            },
            Change::Route { to, metrics } => {
                let metrics = route_metrics(metrics)?;
                if host.change_route(*to, metrics) { Ok(()) } else { Err(format!("no route leads to {to}")) }
            }
            Change::Parameter { module, name, value } => {
                let path = format!("/sys/module/{module}/parameters/{name}");
                host.sysctl_mut().set(&path, value).map_err(|e| format!("{path}={value}: {e:?}"))
            }
        }
    }

    /// What a call that only reads would give; it leaves no trace.
    fn inspect(&mut self, host: usize, task: TaskId, call: Syscall) -> SysRet {
        let mut quiet = Tracer::new(false);
        let missing = SysRet::err(stack::syscall::Errno::EBADF);
        let Some(fd) = call.fd() else { return missing };
        if !self.hosts[host].dup_fd(self.now, task, fd, INSPECTOR, &mut quiet) {
            return missing;
        }
        let ret = self.hosts[host].syscall(self.now, INSPECTOR, call, &mut quiet).unwrap_or(missing);
        self.hosts[host].exit_task(self.now, INSPECTOR, &mut quiet);
        ret
    }

    fn counters(&self, host: usize) -> Vec<(String, u64)> {
        self.hosts[host].mib().iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.to_owned(), n)).collect()
    }
}

/// The metrics of a route, by `ip route`'s names.
fn route_metrics(words: &[(String, u32)]) -> Result<RouteMetrics, String> {
    let mut metrics = RouteMetrics::default();
    for (name, value) in words {
        match name.trim_start_matches("lock ") {
            "mtu" => {
                metrics.mtu = Some(*value);
                metrics.mtu_lock = name.starts_with("lock ");
            }
            "advmss" => metrics.advmss = Some((*value).min(u32::from(u16::MAX)) as u16),
            "initcwnd" => metrics.initcwnd = Some(*value),
            "initrwnd" => metrics.initrwnd = Some(*value),
            "rto_min" => metrics.rto_min_us = Some(value.saturating_mul(1000)),
            "quickack" => metrics.quickack = *value != 0,
            other => return Err(format!("there is no route metric {other} here")),
        }
    }
    Ok(metrics)
}
