//! `pfifo_fast`: three bands, the lowest number first.
//!
//! Linux: `net/sched/sch_generic.c`.

use crate::skb::SkBuff;
use alloc::collections::VecDeque;

/// `txqueuelen`: packets that all bands together hold.
const TX_QUEUE_LEN: usize = 1000;

/// `prio2band`: priority (from the TOS byte) to band.
const PRIO2BAND: [u8; 16] = [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];

#[derive(Clone, Debug, Default)]
pub(super) struct PfifoFast {
    bands: [VecDeque<SkBuff>; 3],
}

impl PfifoFast {
    pub(super) fn len(&self) -> usize {
        self.bands.iter().map(VecDeque::len).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bands.iter().all(VecDeque::is_empty)
    }

    /// Takes the skb, or gives it back if the queue is full.
    pub(super) fn enqueue(&mut self, skb: SkBuff) -> Result<(), SkBuff> {
        if self.len() >= TX_QUEUE_LEN {
            return Err(skb);
        }
        self.bands[usize::from(PRIO2BAND[usize::from(skb.priority & 15)])].push_back(skb);
        Ok(())
    }

    pub(super) fn dequeue(&mut self) -> Option<SkBuff> {
        self.bands.iter_mut().find_map(VecDeque::pop_front)
    }
}
