//! The host's timers: what shall happen when.
//!
//! Linux: `kernel/time/timer.c`. Ours fire at the exact nanosecond, in the order in which they were set.

#[cfg(test)]
mod tests;
mod wheel;

pub(crate) use wheel::Token;

use crate::host::{Cx, Host, IfIndex};
use crate::trace::{SockId, TaskId, TimerKind, TimerOp, What};
use core::net::Ipv4Addr;

/// The timers of a host.
pub(crate) type Timers = wheel::TimerWheel<Target>;

/// What a timer is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    Sock(SockId, TimerKind),
    /// A request socket, by its own number.
    Request(SockId),
    TimeWait(SockId),
    Neigh(IfIndex, Ipv4Addr),
    Task(TaskId),
    /// A packet's time in a qdisc.
    Qdisc(IfIndex),
}

impl Host {
    /// Fires every timer that is due.
    pub(crate) fn run_timers(&mut self, cx: &mut Cx<'_>) {
        while let Some(target) = self.timers.pop_due(cx.now) {
            let (kind, owner) = match target {
                Target::Sock(sk, kind) => (kind, sk.0),
                Target::Request(id) => (TimerKind::SynAck, id.0),
                Target::TimeWait(id) => (TimerKind::TimeWait, id.0),
                Target::Neigh(_, addr) => (TimerKind::Neigh, addr.to_bits()),
                Target::Task(task) => (TimerKind::SocketTimeout, u32::from(task.0)),
                Target::Qdisc(dev) => (TimerKind::Qdisc, u32::from(dev.0)),
            };
            let fired = cx.trace.emit(|| What::Timer { kind, op: TimerOp::Fire, owner, after_us: 0 });
            let before = cx.trace.because(fired);
            match target {
                Target::Sock(sk, kind) => self.tcp_timer(cx, sk, kind),
                Target::Request(id) => self.reqsk_timer_handler(cx, id),
                Target::TimeWait(id) => self.tw_timer_handler(cx, id),
                Target::Neigh(dev, addr) => self.neigh_timer_handler(cx, dev, addr),
                Target::Task(task) => self.tasks.wake(task),
                Target::Qdisc(dev) => self.qdisc_watchdog(cx, dev),
            }
            cx.trace.because(before);
        }
    }
}
