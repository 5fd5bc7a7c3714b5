//! A worse network on purpose: loss, reordering, duplication and delay at the TAP port, for teaching and tests.
//!
//! Linux: `net/sched/sch_netem.c`. The fate of the n-th frame of a direction depends on the seed alone. Time comes in
//! from outside; nothing here waits.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bridge_protocol::ImpairCounters;

use crate::queue::Frame;

/// How much longer a reordered frame is held back than the others.
const REORDER_HOLD: Duration = Duration::from_millis(2);
/// Frames and bytes held back at most, each direction.
const MAX_HELD: usize = 8192;
const MAX_HELD_BYTES: usize = 16 << 20;
const MAX_DELAY: Duration = Duration::from_secs(10);

/// What to do to frames, as written in `--impair 'loss=2%,reorder=2%,duplicate=2%,delay=5ms,seed=7'`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    loss: Chance,
    reorder: Chance,
    duplicate: Chance,
    delay: Duration,
    seed: u64,
}

/// A probability in parts of 2³².
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Chance(u64);

/// Why a text is not a [`Plan`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A part without `=`, or with a name that does not exist.
    #[error("{0:?}: expected loss=, reorder=, duplicate=, delay= or seed=, joined by commas")]
    Part(String),
    /// Not a percentage.
    #[error("{0:?}: expected a percentage from 0% to 100%, such as 2%")]
    Chance(String),
    /// Not a time.
    #[error("{0:?}: expected a delay up to 10s, such as 5ms")]
    Delay(String),
    /// Not a number.
    #[error("{0:?}: expected a whole number")]
    Seed(String),
}

impl FromStr for Plan {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Plan, PlanError> {
        let mut plan = Plan::default();
        for part in text.split(',') {
            let part = part.trim();
            let (name, value) = part.split_once('=').ok_or_else(|| PlanError::Part(part.into()))?;
            match name {
                "loss" => plan.loss = chance(value)?,
                "reorder" => plan.reorder = chance(value)?,
                "duplicate" => plan.duplicate = chance(value)?,
                "delay" => plan.delay = delay(value).ok_or_else(|| PlanError::Delay(value.into()))?,
                "seed" => plan.seed = value.parse().map_err(|_| PlanError::Seed(value.into()))?,
                _ => return Err(PlanError::Part(part.into())),
            }
        }
        Ok(plan)
    }
}

fn chance(text: &str) -> Result<Chance, PlanError> {
    let wrong = || PlanError::Chance(text.into());
    let percent: f64 = text.strip_suffix('%').ok_or_else(wrong)?.parse().map_err(|_| wrong())?;
    if !(0.0..=100.0).contains(&percent) {
        return Err(wrong());
    }
    Ok(Chance((percent / 100.0 * 4_294_967_296.0) as u64))
}

fn delay(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let delay = match &text[digits..] {
        "us" => Duration::from_micros(number),
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        _ => return None,
    };
    (delay <= MAX_DELAY).then_some(delay)
}

/// What was done, both directions together.
#[derive(Default)]
pub(crate) struct ImpairTally {
    lost: AtomicU64,
    duplicated: AtomicU64,
    reordered: AtomicU64,
    passed: AtomicU64,
}

impl ImpairTally {
    pub(crate) fn read(&self) -> ImpairCounters {
        ImpairCounters {
            lost: self.lost.load(Relaxed),
            duplicated: self.duplicated.load(Relaxed),
            reordered: self.reordered.load(Relaxed),
            passed: self.passed.load(Relaxed),
        }
    }
}

/// What became of a frame given to [`Impair::push`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It (and perhaps a second copy) comes out later.
    Held,
    /// It is lost on purpose.
    Lost,
    /// It is lost because too many are held already.
    Full,
}

/// The frames of one direction. Feed with [`Impair::push`], then take what is due with [`Impair::pop_due`] until
/// there is none, and come back at [`Impair::next_due`].
pub(crate) struct Impair {
    plan: Plan,
    random: u64,
    held: BinaryHeap<Reverse<Held>>,
    held_bytes: usize,
    sequence: u64,
    tally: Arc<ImpairTally>,
}

struct Held {
    due: Duration,
    sequence: u64,
    frame: Frame,
}

impl Impair {
    /// `direction` keeps the two directions of one seed from sharing their fate.
    pub(crate) fn new(plan: Plan, direction: u64, tally: Arc<ImpairTally>) -> Impair {
        Impair {
            plan,
            random: plan.seed ^ direction.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            held: BinaryHeap::new(),
            held_bytes: 0,
            sequence: 0,
            tally,
        }
    }

    /// Decides about a frame that arrives at `now` (time since any fixed start).
    pub(crate) fn push(&mut self, now: Duration, frame: Frame) -> Fate {
        // Three draws for every frame, so that one probability does not change the fate by another.
        let lost = self.draw(self.plan.loss);
        let reordered = self.draw(self.plan.reorder);
        let duplicated = self.draw(self.plan.duplicate);
        if lost {
            self.tally.lost.fetch_add(1, Relaxed);
            return Fate::Lost;
        }
        if self.held.len() + 2 > MAX_HELD || self.held_bytes + 2 * frame.cost() > MAX_HELD_BYTES {
            return Fate::Full;
        }
        let mut due = now + self.plan.delay;
        if reordered {
            due += REORDER_HOLD;
            self.tally.reordered.fetch_add(1, Relaxed);
        }
        if duplicated {
            self.hold(due, frame.clone());
            self.tally.duplicated.fetch_add(1, Relaxed);
        }
        if !reordered && !duplicated {
            self.tally.passed.fetch_add(1, Relaxed);
        }
        self.hold(due, frame);
        Fate::Held
    }

    /// Takes the next frame whose time has come.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<Frame> {
        if self.next_due()? > now {
            return None;
        }
        let Reverse(held) = self.held.pop()?;
        self.held_bytes -= held.frame.cost();
        Some(held.frame)
    }

    /// When the next frame is due.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.held.peek().map(|Reverse(held)| held.due)
    }

    fn hold(&mut self, due: Duration, frame: Frame) {
        self.sequence += 1;
        self.held_bytes += frame.cost();
        self.held.push(Reverse(Held { due, sequence: self.sequence, frame }));
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn draw(&mut self, chance: Chance) -> bool {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 32) < chance.0
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Held) -> std::cmp::Ordering {
        (self.due, self.sequence).cmp(&(other.due, other.sequence))
    }
}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Held) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Held) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Held {}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(tag: u32) -> Frame {
        Frame { bytes: tag.to_be_bytes().to_vec().into(), timestamp_ns: 0 }
    }

    fn tag(frame: &Frame) -> u32 {
        u32::from_be_bytes(frame.bytes[..4].try_into().unwrap())
    }

    /// Sends `count` frames 100 µs apart and returns the order in which they come out.
    fn run(plan: &str, direction: u64, count: u32) -> (Vec<u32>, ImpairCounters) {
        let tally = Arc::new(ImpairTally::default());
        let mut impair = Impair::new(plan.parse().unwrap(), direction, tally.clone());
        let mut out = Vec::new();
        for n in 0..count {
            let now = Duration::from_micros(100 * u64::from(n));
            impair.push(now, frame(n));
            out.extend(std::iter::from_fn(|| impair.pop_due(now)).map(|f| tag(&f)));
        }
        out.extend(std::iter::from_fn(|| impair.pop_due(Duration::MAX)).map(|f| tag(&f)));
        assert_eq!(impair.held_bytes, 0);
        (out, tally.read())
    }

    #[test]
    fn the_same_seed_gives_the_same_fate_and_another_seed_another() {
        let spec = |seed| format!("loss=2%,reorder=2%,duplicate=2%,delay=5ms,seed={seed}");
        assert_eq!(run(&spec(7), 0, 5000), run(&spec(7), 0, 5000));
        assert_ne!(run(&spec(7), 0, 5000).0, run(&spec(8), 0, 5000).0);
        assert_ne!(run(&spec(7), 0, 5000).0, run(&spec(7), 1, 5000).0);
    }

    #[test]
    fn counts_are_those_of_the_probabilities_and_of_what_came_out() {
        let (out, counters) = run("loss=2%,reorder=2%,duplicate=2%,seed=7", 0, 50_000);
        for count in [counters.lost, counters.reordered, counters.duplicated] {
            assert!((800..1200).contains(&count), "{counters:?}");
        }
        assert_eq!(out.len() as u64, 50_000 - counters.lost + counters.duplicated);
        let overtaken = out.windows(2).filter(|pair| pair[0] > pair[1]).count() as u64;
        assert!(overtaken > 800, "{overtaken} frames came after a later one");
    }

    #[test]
    fn nothing_is_changed_without_probabilities() {
        let (out, counters) = run("seed=1", 0, 1000);
        assert_eq!(out, (0..1000).collect::<Vec<u32>>());
        assert_eq!(counters.passed, 1000);
        assert!(run("loss=100%", 0, 1000).0.is_empty());
    }

    #[test]
    fn a_frame_is_due_after_the_delay_and_not_before() {
        let mut impair = Impair::new("delay=5ms".parse().unwrap(), 0, Arc::default());
        impair.push(Duration::from_millis(1), frame(1));
        assert_eq!(impair.next_due(), Some(Duration::from_millis(6)));
        assert!(impair.pop_due(Duration::from_micros(5999)).is_none());
        assert!(impair.pop_due(Duration::from_millis(6)).is_some());
    }

    #[test]
    fn what_is_held_back_is_bounded() {
        let mut impair = Impair::new("delay=10s".parse().unwrap(), 0, Arc::default());
        let full = (0..100_000).filter(|n| impair.push(Duration::ZERO, frame(*n)) == Fate::Full).count();
        assert!(full >= 100_000 - MAX_HELD);
    }

    #[test]
    fn wrong_plans_say_what_was_expected() {
        for (text, expected) in [
            ("", "loss="),
            ("lost=2%", "loss="),
            ("loss=2", "percentage"),
            ("loss=101%", "percentage"),
            ("loss=NaN%", "percentage"),
            ("delay=5", "5ms"),
            ("delay=11s", "up to 10s"),
            ("seed=-1", "whole number"),
        ] {
            let error = text.parse::<Plan>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
