//! Snapshots along a run: close together at first, thinned out as it grows.

use stack::trace::EventId;

/// Snapshots by the event after which they were taken.
#[derive(Clone, Debug)]
pub(super) struct Keyframes<T> {
    taken: Vec<(EventId, T)>,
    interval: u32,
    limit: usize,
    /// What each is thought to take, bytes, and what all may.
    sizes: Vec<usize>,
    max_bytes: usize,
}

impl<T> Keyframes<T> {
    /// At first one every `interval` events; never more than `limit`, nor more than `max_bytes` of them.
    pub(super) fn new(interval: u32, limit: usize, max_bytes: usize) -> Keyframes<T> {
        Keyframes { taken: Vec::new(), interval, limit, sizes: Vec::new(), max_bytes }
    }

    /// What they may take, bytes.
    pub(super) fn set_max_bytes(&mut self, max_bytes: usize) {
        self.max_bytes = max_bytes;
        self.thin_out();
    }

    /// Is it time for one after event `at`?
    pub(super) fn is_due(&self, at: EventId) -> bool {
        self.taken.last().is_none_or(|(last, _)| at.0.saturating_sub(last.0) >= self.interval)
    }

    /// Takes one of about `size` bytes. When there are too many, every second goes and the interval doubles;
    /// the oldest stays.
    pub(super) fn push(&mut self, at: EventId, snapshot: T, size: usize) {
        self.taken.push((at, snapshot));
        self.sizes.push(size);
        self.thin_out();
    }

    fn thin_out(&mut self) {
        while self.taken.len() > 2
            && (self.taken.len() > self.limit || self.sizes.iter().sum::<usize>() > self.max_bytes)
        {
            keep_even(&mut self.taken);
            keep_even(&mut self.sizes);
            self.interval = self.interval.saturating_mul(2);
        }
    }

    /// The last one at or before `at`; the oldest if all are later.
    pub(super) fn nearest(&self, at: EventId) -> Option<&(EventId, T)> {
        let after = self.taken.partition_point(|(taken, _)| *taken <= at);
        self.taken.get(after.saturating_sub(1))
    }

    /// All of them, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(EventId, T)> {
        self.taken.iter()
    }

    /// Forgets those before `at`.
    pub(super) fn cut_before(&mut self, at: EventId) {
        let gone = self.taken.partition_point(|(taken, _)| *taken < at);
        self.taken.drain(..gone);
        self.sizes.drain(..gone);
    }

    /// Forgets those after `at`.
    pub(super) fn cut_after(&mut self, at: EventId) {
        let kept = self.taken.partition_point(|(taken, _)| *taken <= at);
        self.taken.truncate(kept);
        self.sizes.truncate(kept);
    }
}

fn keep_even<T>(items: &mut Vec<T>) {
    let mut even = false;
    items.retain(|_| {
        even = !even;
        even
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_too_many_and_the_first_stays() {
        let mut frames = Keyframes::new(10, 8, usize::MAX);
        for at in 0..10_000 {
            if frames.is_due(EventId(at)) {
                frames.push(EventId(at), at, 10);
            }
        }
        let taken: Vec<u32> = frames.iter().map(|(_, at)| *at).collect();
        assert!(taken.len() <= 8 && taken.len() > 3 && taken[0] == 0, "{taken:?}");
        assert!(taken.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn nearest_is_at_or_before() {
        let mut frames = Keyframes::new(1, 100, usize::MAX);
        for at in [0, 5, 9] {
            frames.push(EventId(at), at, 10);
        }
        let nearest = |at| frames.nearest(EventId(at)).map(|(_, v)| *v);
        assert_eq!([nearest(0), nearest(4), nearest(5), nearest(100)], [Some(0), Some(0), Some(5), Some(9)]);
        frames.cut_before(EventId(5));
        assert_eq!(frames.nearest(EventId(2)).map(|(_, v)| *v), Some(5));
        frames.cut_after(EventId(5));
        assert_eq!(frames.nearest(EventId(100)).map(|(_, v)| *v), Some(5));
    }

    #[test]
    fn large_ones_are_fewer() {
        let mut frames = Keyframes::new(1, 100, 1000);
        for at in 0..50 {
            frames.push(EventId(at), at, 100);
        }
        assert!((3..=10).contains(&frames.iter().count()));
        frames.set_max_bytes(250);
        assert_eq!(frames.iter().count(), 2);
    }
}
