//! The counters of one port: written by the tasks that move frames, read by whoever reports them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bridge_protocol::{DropReason, Traffic};

/// Counters that only grow. A drop is counted here or it did not happen.
#[derive(Default)]
pub(crate) struct Tally {
    rx_frames: AtomicU64,
    rx_bytes: AtomicU64,
    tx_frames: AtomicU64,
    tx_bytes: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
}

impl Tally {
    pub(crate) fn received(&self, bytes: usize) {
        self.rx_frames.fetch_add(1, Relaxed);
        self.rx_bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.tx_frames.fetch_add(1, Relaxed);
        self.tx_bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn dropped(&self, reason: DropReason, count: u64) {
        self.dropped[reason as usize].fetch_add(count, Relaxed);
    }

    pub(crate) fn rx(&self) -> Traffic {
        Traffic { frames: self.rx_frames.load(Relaxed), bytes: self.rx_bytes.load(Relaxed) }
    }

    pub(crate) fn tx(&self) -> Traffic {
        Traffic { frames: self.tx_frames.load(Relaxed), bytes: self.tx_bytes.load(Relaxed) }
    }

    /// The reasons that occurred.
    pub(crate) fn drops(&self) -> BTreeMap<DropReason, u64> {
        DropReason::ALL
            .into_iter()
            .map(|reason| (reason, self.dropped[reason as usize].load(Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

/// `queue_full 12, too_short 1`, or `nothing`.
pub(crate) fn drops_text(drops: &BTreeMap<DropReason, u64>) -> String {
    if drops.is_empty() {
        return "nothing".into();
    }
    let parts: Vec<String> = drops.iter().map(|(reason, count)| format!("{} {count}", reason.name())).collect();
    parts.join(", ")
}
