//! One port of the switch: where frames and control messages wait until its task takes them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bridge_protocol::{BridgeControl, DropReason, PortKind};
use tokio::sync::Notify;

use crate::counters::Tally;
use crate::queue::{FairQueue, Frame};

/// Frames that wait at one port; about what an Ethernet device queues under Linux.
const QUEUE_FRAMES: usize = 2048;
/// Bytes that wait at one port, book-keeping included.
const QUEUE_BYTES: usize = 4 << 20;
/// Control messages that wait at one port.
const QUEUE_REPLIES: usize = 32;

/// Number of a port; never used again while the bridge runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PortId(pub(crate) u32);

impl fmt::Display for PortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "port {}", self.0)
    }
}

/// The part of a port that the switch writes and the port's own task reads.
pub(crate) struct Port {
    pub(crate) id: PortId,
    pub(crate) kind: PortKind,
    pub(crate) tally: Tally,
    /// Rung when something was queued.
    pub(crate) wake: Notify,
    queue: Mutex<FairQueue>,
    replies: Mutex<VecDeque<String>>,
}

impl Port {
    pub(crate) fn new(id: PortId, kind: PortKind) -> Port {
        Port {
            id,
            kind,
            tally: Tally::default(),
            wake: Notify::new(),
            queue: Mutex::new(FairQueue::new(QUEUE_FRAMES, QUEUE_BYTES)),
            replies: Mutex::new(VecDeque::new()),
        }
    }

    /// Queues a frame that came in at port `from`.
    pub(crate) fn deliver(&self, from: PortId, frame: Frame) {
        let dropped = lock(&self.queue).push(from, frame);
        if dropped > 0 {
            self.tally.dropped(DropReason::QueueFull, dropped);
        }
        self.wake.notify_one();
    }

    /// Takes the next frame if it is at most `room` bytes long.
    pub(crate) fn next_frame(&self, room: usize) -> Option<Frame> {
        lock(&self.queue).pop(room)
    }

    /// Cost of the frames that wait.
    pub(crate) fn waiting(&self) -> usize {
        lock(&self.queue).cost()
    }

    /// Whether frames wait.
    pub(crate) fn has_frames(&self) -> bool {
        !lock(&self.queue).is_empty()
    }

    /// Queues a control message for the client.
    pub(crate) fn reply(&self, message: &BridgeControl) {
        let mut replies = lock(&self.replies);
        if replies.len() >= QUEUE_REPLIES {
            drop(replies);
            self.tally.dropped(DropReason::RepliesFull, 1);
            return;
        }
        replies.push_back(message.encode());
        drop(replies);
        self.wake.notify_one();
    }

    /// Takes the next control message.
    pub(crate) fn next_reply(&self) -> Option<String> {
        lock(&self.replies).pop_front()
    }
}

/// Locks; a task that panicked while it held the lock has left nothing half-done that matters here.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_nobody_reads_stays_bounded_and_counts_what_it_drops() {
        let port = Port::new(PortId(1), PortKind::Page);
        for _ in 0..10_000 {
            let frame = Frame { bytes: vec![0; 1514].into(), timestamp_ns: 0 };
            port.deliver(PortId(2), frame);
        }
        assert!(port.waiting() <= QUEUE_BYTES);
        let kept = std::iter::from_fn(|| port.next_frame(usize::MAX)).count() as u64;
        assert!(kept <= QUEUE_FRAMES as u64);
        assert_eq!(port.tally.drops()[&DropReason::QueueFull] + kept, 10_000);
    }

    #[test]
    fn replies_are_bounded_and_counted_too() {
        let port = Port::new(PortId(1), PortKind::Page);
        let message = BridgeControl::Error { code: bridge_protocol::ErrorCode::BadControl, message: "m".into() };
        for _ in 0..100 {
            port.reply(&message);
        }
        assert_eq!(port.tally.drops()[&DropReason::RepliesFull], 100 - QUEUE_REPLIES as u64);
    }
}
