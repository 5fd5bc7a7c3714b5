//! What waits to leave a port: one bounded queue, shared fairly between the ports that send to it.
//!
//! Each sender has a queue of its own inside, served by deficit round robin, as in Linux's `sch_drr.c`. When the
//! whole is full, the sender that holds most of it loses a frame (as in `sch_fq_codel.c`), so a flood pays for itself.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::port::PortId;

/// One frame on its way, in memory of its own: a slice of a larger message would keep the whole message alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) bytes: Bytes,
    pub(crate) timestamp_ns: u64,
}

impl Frame {
    /// What the frame costs in a queue: its bytes and the book-keeping around them.
    pub(crate) fn cost(&self) -> usize {
        self.bytes.len() + 64
    }
}

/// Bytes that each sender may send in its turn.
const QUANTUM: usize = 4096;

#[derive(Default)]
struct Flow {
    frames: VecDeque<Frame>,
    cost: usize,
    deficit: usize,
}

pub(crate) struct FairQueue {
    flows: BTreeMap<PortId, Flow>,
    turns: VecDeque<PortId>,
    frames: usize,
    cost: usize,
    max_frames: usize,
    max_cost: usize,
}

impl FairQueue {
    pub(crate) fn new(max_frames: usize, max_cost: usize) -> FairQueue {
        FairQueue { flows: BTreeMap::new(), turns: VecDeque::new(), frames: 0, cost: 0, max_frames, max_cost }
    }

    /// Queues a frame of `from`; returns how many frames (this one or others) had to go.
    pub(crate) fn push(&mut self, from: PortId, frame: Frame) -> u64 {
        let mut dropped = 0;
        while self.frames + 1 > self.max_frames || self.cost + frame.cost() > self.max_cost {
            let own = self.flows.get(&from).map_or(0, |flow| flow.cost);
            let longest = self.flows.iter().max_by_key(|(_, flow)| flow.cost);
            dropped += 1;
            match longest {
                Some((&longest, flow)) if flow.cost > own + frame.cost() => {
                    self.drop_newest_of(longest);
                }
                _ => return dropped,
            }
        }
        self.frames += 1;
        self.cost += frame.cost();
        let flow = self.flows.entry(from).or_default();
        if flow.frames.is_empty() {
            flow.deficit = QUANTUM;
            self.turns.push_back(from);
        }
        flow.cost += frame.cost();
        flow.frames.push_back(frame);
        dropped
    }

    /// Takes the next frame, unless it is longer than `room` bytes.
    pub(crate) fn pop(&mut self, room: usize) -> Option<Frame> {
        loop {
            let turn = *self.turns.front()?;
            let flow = self.flows.get_mut(&turn)?;
            let next = flow.frames.front()?;
            let (length, cost) = (next.bytes.len(), next.cost());
            if flow.deficit < cost {
                flow.deficit += QUANTUM;
                self.turns.rotate_left(1);
                continue;
            }
            if length > room {
                return None;
            }
            let frame = flow.frames.pop_front()?;
            flow.deficit -= cost;
            flow.cost -= cost;
            self.frames -= 1;
            self.cost -= cost;
            if flow.frames.is_empty() {
                self.flows.remove(&turn);
                self.turns.pop_front();
            }
            return Some(frame);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames == 0
    }

    /// Cost of all that waits.
    pub(crate) fn cost(&self) -> usize {
        self.cost
    }

    fn drop_newest_of(&mut self, port: PortId) {
        let Some(flow) = self.flows.get_mut(&port) else {
            return;
        };
        if let Some(frame) = flow.frames.pop_back() {
            flow.cost -= frame.cost();
            self.cost -= frame.cost();
            self.frames -= 1;
        }
        if flow.frames.is_empty() {
            self.flows.remove(&port);
            self.turns.retain(|turn| *turn != port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: PortId = PortId(1);
    const B: PortId = PortId(2);

    fn frame(tag: u8, len: usize) -> Frame {
        Frame { bytes: vec![tag; len].into(), timestamp_ns: 0 }
    }

    fn tags(queue: &mut FairQueue) -> Vec<u8> {
        std::iter::from_fn(|| queue.pop(usize::MAX)).map(|f| f.bytes[0]).collect()
    }

    #[test]
    fn frames_of_one_sender_keep_their_order() {
        let mut queue = FairQueue::new(10, 100_000);
        for tag in 0..10 {
            assert_eq!(queue.push(A, frame(tag, 60)), 0);
        }
        assert_eq!(tags(&mut queue), (0..10).collect::<Vec<u8>>());
        assert!(queue.is_empty() && queue.cost() == 0);
    }

    #[test]
    fn a_full_queue_drops_and_counts_the_frame_too_many() {
        let mut by_frames = FairQueue::new(2, 100_000);
        let mut by_bytes = FairQueue::new(100, 2 * (60 + 64));
        for queue in [&mut by_frames, &mut by_bytes] {
            let drops: u64 = (0..5).map(|tag| queue.push(A, frame(tag, 60))).sum();
            assert_eq!((drops, tags(queue)), (3, vec![0, 1]));
        }
    }

    #[test]
    fn a_flood_pays_for_itself_and_others_get_their_turn() {
        let mut queue = FairQueue::new(100, 1 << 20);
        let flood: u64 = (0..1000).map(|_| queue.push(A, frame(b'a', 1000))).sum();
        let other: u64 = (0..10).map(|_| queue.push(B, frame(b'b', 1000))).sum();
        assert_eq!((flood, other), (900, 10), "each frame of B pushed one of A out");
        let order = tags(&mut queue);
        assert_eq!(order.len(), 100);
        let last_b = order.iter().rposition(|tag| *tag == b'b').unwrap();
        assert_eq!(order.iter().filter(|tag| **tag == b'b').count(), 10);
        assert!(last_b < 30, "B waited for {last_b} frames");
    }

    #[test]
    fn the_longest_frame_gets_through() {
        let mut queue = FairQueue::new(10, 1 << 20);
        queue.push(A, frame(1, 65_549));
        queue.push(B, frame(2, 60));
        assert_eq!(tags(&mut queue), [2, 1]);
    }

    #[test]
    fn a_frame_that_does_not_fit_stays() {
        let mut queue = FairQueue::new(10, 1 << 20);
        queue.push(A, frame(1, 1000));
        assert_eq!(queue.pop(999), None);
        assert_eq!(queue.pop(1000).unwrap().bytes.len(), 1000);
    }
}
