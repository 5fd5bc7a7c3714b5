//! Transmit: from `dev_queue_xmit` through the qdisc to the driver's ring.
//!
//! Linux: `net/core/dev.c` (`__dev_queue_xmit`, `dev_hard_start_xmit`), `net/sched/sch_generic.c`
//! (`__qdisc_run`), `drivers/net/loopback.c`. It runs in the context of whoever sends: usually the system call.

use super::RING_SIZE;
use super::qdisc::{Qdisc, Sched};
use crate::host::{Cx, Host, IfIndex};
use crate::skb::{DropReason, SkBuff};
use crate::socket::{TX_SCHED, TX_SOFTWARE};
use crate::syscall::{Errno, SCM_TSTAMP_SCHED, SCM_TSTAMP_SND};
use crate::tcp::clock_ns;
use crate::time::Duration;
use crate::timer::Target;
use crate::trace::{Function, HeaderOffset, QueueKind, QueueOp, TimerKind, TimerOp, What};
use alloc::vec::Vec;

/// `NET_XMIT_SUCCESS`
pub(crate) const NET_XMIT_SUCCESS: i32 = 0;
/// `NET_XMIT_DROP`: the qdisc dropped the packet.
pub(crate) const NET_XMIT_DROP: i32 = 1;
/// `NET_XMIT_CN`: the qdisc took it, but is congested.
pub(crate) const NET_XMIT_CN: i32 = 2;

impl Host {
    /// `__dev_queue_xmit`: an empty qdisc is passed by (`TCQ_F_CAN_BYPASS`) while the ring has room. Gives
    /// [`NET_XMIT_SUCCESS`], [`NET_XMIT_DROP`] or an errno below zero.
    pub(crate) fn dev_queue_xmit(&mut self, cx: &mut Cx<'_>, dev: IfIndex, skb: SkBuff) -> i32 {
        cx.call(Function::DevQueueXmit, |cx| {
            self.skb_tstamp_tx(cx, &skb, TX_SCHED, SCM_TSTAMP_SCHED);
            let Some(device) = self.dev_mut(dev) else {
                skb.kfree(DropReason::DevReady, cx);
                return -(Errno::ENETDOWN as i32);
            };
            let idle = device.qdisc.can_bypass() && device.qdisc.is_empty() && device.tx_ring.len() < RING_SIZE;
            if device.loopback || idle {
                self.validate_xmit_skb(cx, dev, skb);
                return NET_XMIT_SUCCESS;
            }
            let id = skb.id();
            let refused = cx.call(device.qdisc.enqueue_function(), |cx| {
                let result = device.qdisc.enqueue(skb, clock_ns(cx));
                let depth = device.qdisc.len() as u16;
                if result.is_ok() {
                    cx.trace.emit(|| What::Queue {
                        kind: QueueKind::Qdisc,
                        op: QueueOp::Enqueue,
                        depth,
                        skb: id,
                        owner: u32::from(dev.0),
                    });
                } else {
                    device.stats.tx_dropped += 1;
                }
                result.err()
            });
            let code = if let Some(skb) = refused {
                skb.kfree(DropReason::QdiscDrop, cx);
                NET_XMIT_DROP
            } else {
                NET_XMIT_SUCCESS
            };
            self.qdisc_run(cx, dev);
            code
        })
    }

    /// `__qdisc_run`: fills the ring from the qdisc. If the next packet's time has not come, a timer waits for it.
    pub(super) fn qdisc_run(&mut self, cx: &mut Cx<'_>, dev: IfIndex) {
        let now = clock_ns(cx);
        let ready = |host: &Host| host.dev(dev).is_some_and(|d| d.qdisc.has_ready(now) && d.tx_ring.len() < RING_SIZE);
        if ready(self) {
            cx.call(Function::QdiscRun, |cx| {
                while ready(self) {
                    let Some(skb) = self.qdisc_dequeue(cx, dev, now) else { break };
                    self.validate_xmit_skb(cx, dev, skb);
                }
            });
        }
        self.qdisc_watchdog_schedule(cx, dev, now);
    }

    fn qdisc_dequeue(&mut self, cx: &mut Cx<'_>, dev: IfIndex, now: u64) -> Option<SkBuff> {
        let device = self.dev_mut(dev)?;
        cx.call(device.qdisc.dequeue_function(), |cx| {
            let skb = device.qdisc.dequeue(now)?;
            let depth = device.qdisc.len() as u16;
            cx.trace.emit(|| What::Queue {
                kind: QueueKind::Qdisc,
                op: QueueOp::Dequeue,
                depth,
                skb: skb.id(),
                owner: u32::from(dev.0),
            });
            Some(skb)
        })
    }

    /// `qdisc_watchdog_schedule_ns`.
    fn qdisc_watchdog_schedule(&mut self, cx: &mut Cx<'_>, dev: IfIndex, now: u64) {
        let Some(device) = self.devs.get_mut(usize::from(dev.0).wrapping_sub(1)) else { return };
        if let Some(token) = device.watchdog.take() {
            self.timers.cancel(token);
        }
        if let Some(at) = device.qdisc.next_departure().filter(|at| *at > now) {
            let wait = Duration::from_nanos(at - now);
            cx.trace.emit(|| What::Timer {
                kind: TimerKind::Qdisc,
                op: TimerOp::Set,
                owner: u32::from(dev.0),
                after_us: wait.as_micros() as u32,
            });
            device.watchdog = Some(self.timers.set(cx.now + wait, Target::Qdisc(dev)));
        }
    }

    /// `qdisc_watchdog`: a packet's time has come.
    pub(crate) fn qdisc_watchdog(&mut self, cx: &mut Cx<'_>, dev: IfIndex) {
        if let Some(device) = self.dev_mut(dev) {
            device.watchdog = None;
        }
        self.qdisc_run(cx, dev);
    }

    /// `dev_graft_qdisc`: another qdisc; what the old one held is dropped.
    pub(crate) fn dev_graft_qdisc(&mut self, cx: &mut Cx<'_>, dev: IfIndex, kind: Qdisc) {
        let Some(device) = self.dev_mut(dev) else { return };
        for skb in core::mem::replace(&mut device.qdisc, Sched::new(kind)).drain() {
            let (id, owner) = (skb.id(), u32::from(dev.0));
            cx.trace.emit(|| What::Queue { kind: QueueKind::Qdisc, op: QueueOp::Dequeue, depth: 0, skb: id, owner });
            skb.kfree(DropReason::QdiscDrop, cx);
        }
        self.qdisc_run(cx, dev);
    }

    /// `validate_xmit_skb`: a super-packet is cut apart, for a card that cannot do it. `lo` takes it whole.
    fn validate_xmit_skb(&mut self, cx: &mut Cx<'_>, dev: IfIndex, skb: SkBuff) {
        if skb.gso_size == 0 || self.dev(dev).is_some_and(|d| d.loopback || d.tso) {
            return self.dev_hard_start_xmit(cx, dev, skb);
        }
        for segment in super::gso::tcp_gso_segment(skb, cx) {
            self.dev_hard_start_xmit(cx, dev, segment);
        }
    }

    /// `dev_hard_start_xmit`: hands the skb to the driver.
    fn dev_hard_start_xmit(&mut self, cx: &mut Cx<'_>, dev: IfIndex, mut skb: SkBuff) {
        cx.call(Function::DevHardStartXmit, |cx| {
            cx.call(Function::NdoStartXmit, |cx| {
                self.skb_tstamp_tx(cx, &skb, TX_SOFTWARE, SCM_TSTAMP_SND);
                let Some(device) = self.dev_mut(dev) else { return skb.kfree(DropReason::DevReady, cx) };
                if device.loopback {
                    return self.loopback_xmit(cx, skb);
                }
                if device.tun {
                    skb.orphan(cx);
                }
                let id = skb.id();
                device.tx_ring.push_back(skb);
                let depth = device.tx_ring.len() as u16;
                cx.trace.emit(|| What::Queue {
                    kind: QueueKind::TxRing,
                    op: QueueOp::Enqueue,
                    depth,
                    skb: id,
                    owner: u32::from(dev.0),
                });
            });
        });
    }

    /// `loopback_xmit`: the packet turns round; the soft interrupt takes it up again.
    ///
    /// Linux hands on the skb itself, orphaned. Ours copies a clone's bytes, so that the headers which the
    /// receiver strips and the retransmit queue's data are not one memory.
    fn loopback_xmit(&mut self, cx: &mut Cx<'_>, skb: SkBuff) {
        let bytes: Vec<u8> = skb.pieces(0, skb.len(), cx).flatten().copied().collect();
        let mut up = SkBuff::build(bytes.len() as u32 + super::NET_SKB_PAD, cx);
        up.gso_size = skb.gso_size;
        up.tstamp = clock_ns(cx);
        up.reserve(super::NET_SKB_PAD, cx);
        up.append(crate::trace::CopyKind::Kernel, &bytes, cx);
        skb.consume(cx);
        up.reset_header(HeaderOffset::Mac, cx);
        self.backlog.push_back(up);
    }

    /// The soft interrupt at the end of every input: what came in on `lo`, and what the driver has freed.
    #[inline]
    pub(crate) fn do_softirq(&mut self, cx: &mut Cx<'_>) {
        if !self.backlog.is_empty() || !cx.mem.wfree.is_empty() || !self.tx_stamps.is_empty() {
            self.do_pending_softirq(cx);
        }
    }

    #[inline(never)]
    fn do_pending_softirq(&mut self, cx: &mut Cx<'_>) {
        loop {
            if let Some(skb) = self.backlog.pop_front() {
                let before = cx.trace.set_context(crate::trace::Context::Softirq);
                self.netif_receive_skb(cx, IfIndex(1), skb);
                cx.trace.set_context(before);
            } else if !self.deliver_tx_stamps(cx) && !self.tcp_wfree(cx) {
                return;
            }
        }
    }

    /// `tcp_wfree`, `tcp_tasklet_func`: freed packets give their socket memory back, and who waited for it sends on.
    /// False if there were none.
    fn tcp_wfree(&mut self, cx: &mut Cx<'_>) -> bool {
        if cx.mem.wfree.is_empty() {
            return false;
        }
        let mut freed = core::mem::take(&mut cx.mem.wfree);
        for (id, charged) in freed.drain(..) {
            let Some(sock) = self.socks.get_mut(id) else { continue };
            sock.wmem_alloc = sock.wmem_alloc.saturating_sub(charged);
            if sock.tsq_throttled {
                let before = cx.trace.set_context(crate::trace::Context::Softirq);
                self.with_tcp(cx, id, |host, cx, tp| host.tcp_tsq_handler(cx, tp));
                cx.trace.set_context(before);
            }
        }
        if cx.mem.wfree.is_empty() {
            // The list's memory, for the next.
            cx.mem.wfree = freed;
        }
        true
    }
}
