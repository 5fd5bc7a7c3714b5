//! Queueing disciplines: `pfifo_fast` with its three bands, and `pfifo`. `fq` is in `dev/fq.rs`.
//!
//! Linux: `net/sched/sch_generic.c`, `net/sched/sch_fifo.c`.

use super::fq::Fq;
use crate::skb::SkBuff;
use crate::trace::Function;
use alloc::boxed::Box;
use alloc::collections::VecDeque;

/// `txqueuelen`: packets that all bands together hold.
const TX_QUEUE_LEN: usize = 1000;

/// `prio2band`: priority to band.
const PRIO2BAND: [u8; 16] = [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];

/// A queueing discipline, as `tc qdisc replace` names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Qdisc {
    /// `pfifo_fast`: three bands, the lowest number first.
    #[default]
    PfifoFast,
    /// `pfifo limit N`: one queue of N packets; 0 drops every packet.
    Pfifo {
        /// The most packets it holds.
        limit: usize,
    },
    /// `fq`: a queue for each socket, and each packet at its time (earliest departure time).
    Fq,
}

/// What stands between the stack and the driver of one device.
#[derive(Clone, Debug)]
pub(super) enum Sched {
    PfifoFast([VecDeque<SkBuff>; 3]),
    Pfifo { limit: usize, queue: VecDeque<SkBuff> },
    Fq(Box<Fq>),
}

impl Default for Sched {
    fn default() -> Sched {
        Sched::new(Qdisc::default())
    }
}

impl Sched {
    pub(super) fn new(kind: Qdisc) -> Sched {
        match kind {
            Qdisc::PfifoFast => Sched::PfifoFast(Default::default()),
            Qdisc::Pfifo { limit } => Sched::Pfifo { limit, queue: VecDeque::new() },
            Qdisc::Fq => Sched::Fq(Box::default()),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Sched::PfifoFast(bands) => bands.iter().map(VecDeque::len).sum(),
            Sched::Pfifo { queue, .. } => queue.len(),
            Sched::Fq(fq) => fq.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `TCQ_F_CAN_BYPASS`: may a packet pass by while the queue is empty?
    pub(super) fn can_bypass(&self) -> bool {
        match self {
            Sched::PfifoFast(_) => true,
            Sched::Pfifo { limit, .. } => *limit >= 1,
            Sched::Fq(_) => false,
        }
    }

    /// The kernel function that takes a packet.
    pub(super) fn enqueue_function(&self) -> Function {
        match self {
            Sched::PfifoFast(_) => Function::PfifoFastEnqueue,
            Sched::Pfifo { .. } => Function::PfifoEnqueue,
            Sched::Fq(_) => Function::FqEnqueue,
        }
    }

    /// The kernel function that gives one.
    pub(super) fn dequeue_function(&self) -> Function {
        match self {
            Sched::PfifoFast(_) => Function::PfifoFastDequeue,
            Sched::Pfifo { .. } => Function::QdiscDequeueHead,
            Sched::Fq(_) => Function::FqDequeue,
        }
    }

    /// Takes the skb, or gives it back if there is no room. `now` is the kernel's clock, ns.
    pub(super) fn enqueue(&mut self, skb: SkBuff, now: u64) -> Result<(), SkBuff> {
        let len = self.len();
        match self {
            Sched::PfifoFast(_) if len >= TX_QUEUE_LEN => return Err(skb),
            Sched::Pfifo { limit, .. } if len >= *limit => return Err(skb),
            Sched::PfifoFast(bands) => bands[usize::from(PRIO2BAND[usize::from(skb.priority & 15)])].push_back(skb),
            Sched::Pfifo { queue, .. } => queue.push_back(skb),
            Sched::Fq(fq) => return fq.enqueue(skb, now),
        }
        Ok(())
    }

    /// The next packet that may go now.
    pub(super) fn dequeue(&mut self, now: u64) -> Option<SkBuff> {
        match self {
            Sched::PfifoFast(bands) => bands.iter_mut().find_map(VecDeque::pop_front),
            Sched::Pfifo { queue, .. } => queue.pop_front(),
            Sched::Fq(fq) => fq.dequeue(now),
        }
    }

    /// Is there a packet that may go now?
    pub(super) fn has_ready(&self, now: u64) -> bool {
        match self {
            Sched::Fq(fq) => fq.has_ready(now),
            other => !other.is_empty(),
        }
    }

    /// When the next packet may go that must wait (`qdisc_watchdog_schedule_ns`), ns of the kernel's clock.
    pub(super) fn next_departure(&self) -> Option<u64> {
        match self {
            Sched::Fq(fq) => fq.next_departure(),
            _ => None,
        }
    }

    /// Every packet it holds, to drop it (`qdisc_reset`).
    pub(super) fn drain(self) -> VecDeque<SkBuff> {
        match self {
            Sched::PfifoFast(bands) => bands.into_iter().flatten().collect(),
            Sched::Pfifo { queue, .. } => queue,
            Sched::Fq(fq) => fq.drain(),
        }
    }
}
