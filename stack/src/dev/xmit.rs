//! Transmit: from `dev_queue_xmit` through the qdisc to the driver's ring.
//!
//! Linux: `net/core/dev.c` (`__dev_queue_xmit`, `dev_hard_start_xmit`), `net/sched/sch_generic.c`
//! (`__qdisc_run`), `drivers/net/loopback.c`. It runs in the context of whoever sends: usually the system call.

use super::RING_SIZE;
use crate::host::{Cx, Host, IfIndex};
use crate::skb::{DropReason, SkBuff};
use crate::trace::{Function, HeaderOffset, QueueKind, QueueOp, What};

impl Host {
    /// `__dev_queue_xmit`: an empty qdisc is passed by (`TCQ_F_CAN_BYPASS`) while the ring has room.
    pub(crate) fn dev_queue_xmit(&mut self, cx: &mut Cx<'_>, dev: IfIndex, skb: SkBuff) {
        cx.call(Function::DevQueueXmit, |cx| {
            let Some(device) = self.dev_mut(dev) else { return skb.kfree(DropReason::DevReady, cx) };
            if device.loopback || (device.qdisc.is_empty() && device.tx_ring.len() < RING_SIZE) {
                return self.dev_hard_start_xmit(cx, dev, skb);
            }
            let id = skb.id();
            let refused = cx.call(Function::PfifoFastEnqueue, |cx| {
                let result = device.qdisc.enqueue(skb);
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
            if let Some(skb) = refused {
                skb.kfree(DropReason::QdiscDrop, cx);
            }
            self.qdisc_run(cx, dev);
        });
    }

    /// `__qdisc_run`: fills the ring from the qdisc.
    pub(super) fn qdisc_run(&mut self, cx: &mut Cx<'_>, dev: IfIndex) {
        let ready = |host: &Host| host.dev(dev).is_some_and(|d| !d.qdisc.is_empty() && d.tx_ring.len() < RING_SIZE);
        if !ready(self) {
            return;
        }
        cx.call(Function::QdiscRun, |cx| {
            while ready(self) {
                let skb = cx.call(Function::PfifoFastDequeue, |cx| {
                    let device = self.dev_mut(dev)?;
                    let skb = device.qdisc.dequeue()?;
                    let depth = device.qdisc.len() as u16;
                    cx.trace.emit(|| What::Queue {
                        kind: QueueKind::Qdisc,
                        op: QueueOp::Dequeue,
                        depth,
                        skb: skb.id(),
                        owner: u32::from(dev.0),
                    });
                    Some(skb)
                });
                if let Some(skb) = skb {
                    self.dev_hard_start_xmit(cx, dev, skb);
                }
            }
        });
    }

    /// `dev_hard_start_xmit`: hands the skb to the driver.
    fn dev_hard_start_xmit(&mut self, cx: &mut Cx<'_>, dev: IfIndex, skb: SkBuff) {
        cx.call(Function::DevHardStartXmit, |cx| {
            cx.call(Function::NdoStartXmit, |cx| {
                let Some(device) = self.dev_mut(dev) else { return skb.kfree(DropReason::DevReady, cx) };
                if device.loopback {
                    return self.loopback_xmit(cx, skb);
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
        let bytes = skb.bytes(cx).to_vec();
        let mut up = SkBuff::alloc(bytes.len() as u32 + super::NET_SKB_PAD, cx);
        up.reserve(super::NET_SKB_PAD, cx);
        up.append(crate::trace::CopyKind::Kernel, &bytes, cx);
        skb.consume(cx);
        up.reset_header(HeaderOffset::Mac, cx);
        self.backlog.push_back(up);
    }

    /// The soft interrupt at the end of every input: what came in on `lo`.
    pub(crate) fn do_softirq(&mut self, cx: &mut Cx<'_>) {
        while let Some(skb) = self.backlog.pop_front() {
            let before = cx.trace.set_context(crate::trace::Context::Softirq);
            self.netif_receive_skb(cx, IfIndex(1), skb);
            cx.trace.set_context(before);
        }
    }
}
