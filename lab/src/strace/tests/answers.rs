//! What our kernel answers to the same calls, beside the real one's answers.

use super::calls::calls;
use super::oracle::{self, from_json};
use crate::strace::format_line;
use stack::host::{Host, HostConfig};
use stack::syscall::*;
use stack::time::{Duration, Instant};
use stack::trace::{Context, EventId, HostId, TaskId, Tracer};

const TASK: TaskId = TaskId(1);

/// One host with nothing but `lo`.
struct Machine {
    host: Host,
    trace: Tracer,
    now: Instant,
}

impl Machine {
    fn new() -> Machine {
        let config = HostConfig {
            name: "a".into(),
            interfaces: vec![],
            gateway: None,
            routes: vec![],
            forward: false,
            neighbours: vec![],
            seed: 1,
        };
        let mut host = Host::new(HostId(0), &config);
        host.set_privileged(true);
        host.sysctl_mut().set("net.ipv4.tcp_congestion_control", "reno").unwrap();
        Machine { host, trace: Tracer::new(false), now: Instant::from_nanos(1_000_000_000) }
    }

    /// Makes a call; while it sleeps, time passes. `None` if it would sleep for ever.
    fn call(&mut self, call: &Syscall) -> Option<SysRet> {
        self.now = self.now + Duration::from_micros(50);
        while let Some(due) = self.host.poll_timeout().filter(|at| *at <= self.now) {
            self.host.handle_timeout(due, &mut self.trace);
        }
        self.trace.begin(self.now, HostId(0), Context::Task, EventId::NONE);
        if let Some(ret) = self.host.syscall(self.now, TASK, call.clone(), &mut self.trace) {
            return Some(ret);
        }
        for _ in 0..1000 {
            while let Some(task) = self.host.poll_wakeup() {
                if let Some(ret) = self.host.resume(self.now, task, &mut self.trace) {
                    return Some(ret);
                }
            }
            self.now = self.now.max(self.host.poll_timeout()?);
            self.host.handle_timeout(self.now, &mut self.trace);
        }
        None
    }
}

/// What depends on the machine, on its clock or on chance.
fn is_local(call: &Syscall) -> bool {
    let local = [
        (SOL_SOCKET, SO_COOKIE),
        (SOL_SOCKET, SO_MEMINFO),
        (SOL_SOCKET, SO_INCOMING_CPU),
        (SOL_SOCKET, 71),
        (SOL_TCP, TCP_INFO),
        (SOL_TCP, TCP_TIMESTAMP),
        (SOL_TCP, TCP_CC_INFO),
        // Left out: zero copy, and a delay for testing.
        (SOL_TCP, TCP_ZEROCOPY_RECEIVE),
        (SOL_TCP, TCP_TX_DELAY),
    ];
    matches!(call, Syscall::Getsockopt { level, name, .. } | Syscall::Setsockopt { level, name, .. } if local.contains(&(*level, *name)))
}

/// The answer without what a clock writes into it.
fn timeless(call: &Syscall, mut ret: SysRet) -> SysRet {
    match &mut ret.out {
        Out::Message { control, .. } => {
            for m in control.iter_mut().filter(|m| m.level == SOL_SOCKET) {
                m.data.fill(0);
            }
        }
        // What goes in comes out.
        Out::Int(_) if matches!(call, Syscall::Ioctl { request: FIONBIO, .. }) => ret.out = Out::None,
        _ => {}
    }
    ret
}

#[test]
fn the_answers_are_those_of_the_real_kernel() {
    let calls = calls();
    let Some(real) = oracle::run(&calls) else { return };
    let mut machine = Machine::new();
    let mut wrong = Vec::new();
    for (call, result) in calls.iter().zip(&real.results) {
        let ours = machine.call(call);
        let (Some(real), Some(ours)) = (from_json(result), ours) else {
            wrong.push(format!("{call:?}: {result}"));
            continue;
        };
        if timeless(call, real.clone()) != timeless(call, ours.clone()) && !is_local(call) {
            wrong.push(format!("real {}\nours {}", format_line(call, &real), format_line(call, &ours)));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), calls.len(), wrong.join("\n"));
    eprintln!("{} calls are answered as by the real kernel", calls.len());
}
