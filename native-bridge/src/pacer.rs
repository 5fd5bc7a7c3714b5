//! How often a page gets a message: a few at once, then at most 2,000 a second, so that a busy page gets fewer and
//! fuller ones. A browser pays about 100 µs for each, whatever it holds.

use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_micros(500);
/// Messages that may go at once after a pause, so that a dialogue of single frames is not slowed down.
const BURST: u32 = 8;

/// The generic cell rate algorithm (ITU-T I.371): one instant holds the whole state.
pub(crate) struct Pacer {
    /// When the bucket is full again.
    full_at: Option<Instant>,
}

impl Pacer {
    pub(crate) fn new() -> Pacer {
        Pacer { full_at: None }
    }

    /// When the next message may go; `None`: now.
    pub(crate) fn wait(&self, now: Instant) -> Option<Instant> {
        let free_at = self.full_at?.checked_sub(INTERVAL * (BURST - 1))?;
        (free_at > now).then_some(free_at)
    }

    /// Notes that a message goes at `now`.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.full_at = Some(self.full_at.map_or(now, |at| at.max(now)) + INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_then_one_each_interval() {
        let start = Instant::now() + Duration::from_secs(1);
        let mut pacer = Pacer::new();
        for _ in 0..BURST {
            assert_eq!(pacer.wait(start), None);
            pacer.sent(start);
        }
        assert_eq!(pacer.wait(start), Some(start + INTERVAL));
        assert_eq!(pacer.wait(start + INTERVAL), None);
        pacer.sent(start + INTERVAL);
        assert_eq!(pacer.wait(start + INTERVAL), Some(start + 2 * INTERVAL));
        assert_eq!(pacer.wait(start + Duration::from_secs(1)), None);
    }
}
