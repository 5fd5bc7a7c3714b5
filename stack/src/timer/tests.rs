//! The wheels against an ordered map; and that a hundred thousand timers cost no more than ten.

use super::Target;
use super::wheel::{TimerWheel, Token};
use crate::time::{Duration, Instant};
use crate::trace::SockId;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use proptest::prelude::*;

/// What a caller can do.
#[derive(Clone, Copy, Debug)]
enum Op {
    Set(u64),
    /// Disarms the n-th timer ever armed, if it still is.
    Cancel(usize),
    /// Arms the n-th timer for another time.
    Modify(usize, u64),
    /// Time passes, and what is due fires.
    Run(u64),
    /// Time passes up to the next timer.
    RunToNext,
}

/// Times of all scales, many of them equal.
fn time() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..70u64,
        (0..8u64).prop_map(|n| n * 40_000_000),
        (0..4u64, 0..3u64).prop_map(|(s, ns)| s * 7_200_000_000_000 + ns),
        (0..64u32, 0..2u64).prop_map(|(bit, more)| (1 << bit) + more),
        any::<u64>(),
        Just(u64::MAX),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => time().prop_map(Op::Set),
        2 => (0..200usize).prop_map(Op::Cancel),
        2 => (0..200usize, time()).prop_map(|(n, at)| Op::Modify(n, at)),
        1 => time().prop_map(Op::Run),
        2 => Just(Op::RunToNext),
    ]
}

/// The model: by time, then by order of arming.
#[derive(Default)]
struct Model {
    queue: BTreeMap<(Instant, u64), usize>,
    keys: Vec<(Instant, u64)>,
    armed: u64,
}

impl Model {
    fn arm(&mut self, n: usize, at: Instant) {
        self.armed += 1;
        let key = (at, self.armed);
        self.queue.insert(key, n);
        self.keys.resize(self.keys.len().max(n + 1), key);
        self.keys[n] = key;
    }

    fn next(&self) -> Option<Instant> {
        self.queue.first_key_value().map(|(key, _)| key.0)
    }

    fn pop_due(&mut self, now: Instant) -> Option<usize> {
        Some(self.queue.first_entry().filter(|e| e.key().0 <= now)?.remove())
    }
}

proptest! {
    #[test]
    fn timers_fire_as_from_an_ordered_map(ops in prop::collection::vec(op(), 1..300)) {
        let mut wheel = TimerWheel::default();
        let mut model = Model::default();
        let mut tokens: Vec<Token> = Vec::new();
        let mut now = Instant::ZERO;
        for op in ops {
            match op {
                // Some are armed for a time that has passed.
                Op::Set(ns) => {
                    let at = Instant::from_nanos(ns);
                    model.arm(tokens.len(), at);
                    tokens.push(wheel.set(at, tokens.len()));
                }
                Op::Cancel(n) => {
                    if let Some(token) = tokens.get(n) {
                        let was = model.queue.remove(&model.keys[n]).is_some();
                        prop_assert_eq!(wheel.cancel(*token), was);
                    }
                }
                Op::Modify(n, ns) => {
                    if n < tokens.len() {
                        let at = now + Duration::from_nanos(ns);
                        model.queue.remove(&model.keys[n]);
                        model.arm(n, at);
                        tokens[n] = wheel.modify(Some(tokens[n]), at, n);
                    }
                }
                Op::Run(_) | Op::RunToNext => {
                    now = match op {
                        Op::Run(ns) => now.max(Instant::from_nanos(ns)),
                        _ => now.max(model.next().unwrap_or(now)),
                    };
                    // A clone goes on alike.
                    let mut clone = wheel.clone();
                    loop {
                        let due = model.pop_due(now);
                        prop_assert_eq!(wheel.pop_due(now), due);
                        prop_assert_eq!(clone.pop_due(now), due);
                        if due.is_none() {
                            break;
                        }
                    }
                }
            }
            prop_assert_eq!(wheel.next(), model.next());
            wheel.check();
        }
        // All that is left fires.
        loop {
            let due = model.pop_due(Instant::from_nanos(u64::MAX));
            prop_assert_eq!(wheel.pop_due(Instant::from_nanos(u64::MAX)), due);
            if due.is_none() {
                break;
            }
        }
        wheel.check();
    }
}

#[test]
fn a_token_names_one_arming_only() {
    let mut wheel = TimerWheel::default();
    let old = wheel.set(Instant::from_nanos(5), 'a');
    let other = wheel.set(Instant::from_nanos(7), 'b');
    assert!(wheel.cancel(old));
    let new = wheel.set(Instant::from_nanos(6), 'c');
    assert!(!wheel.cancel(old), "the place was used again");
    assert_eq!(wheel.next(), Some(Instant::from_nanos(6)));
    assert_eq!(wheel.pop_due(Instant::from_nanos(6)), Some('c'));
    assert!(!wheel.cancel(new), "it fired");
    assert!(wheel.cancel(other));
    assert_eq!(wheel.next(), None);
}

#[test]
fn a_timer_is_compact() {
    const { assert!(TimerWheel::<Target>::NODE_SIZE <= 48) };
    assert_eq!(size_of::<Option<Token>>(), 8);
}

/// Steps along wheels and lists of a busy connection's timer beside `idle` keepalive timers: the most that one arming
/// took, and their sum.
fn steps_beside(idle: u32) -> (u64, u64) {
    let mut wheel = TimerWheel::default();
    for n in 0..idle {
        // Connections opened 1 µs apart, which will all ask for a sign of life in two hours.
        wheel.set(Instant::from_nanos(7_200_000_000_000 + u64::from(n) * 1_000), Target::TimeWait(SockId(n)));
    }
    wheel.take_steps();
    let (mut most, mut sum) = (0, 0);
    let mut timer = None;
    for n in 0..10_000u64 {
        let now = Instant::from_nanos(n * 12_000);
        // An ACK: the retransmission timer starts anew, or stops.
        match timer.take() {
            Some(token) if n % 5 == 0 => assert!(wheel.cancel(token)),
            timer_was => {
                timer = Some(wheel.modify(timer_was, now + Duration::from_millis(200), Target::Request(SockId(0))))
            }
        }
        assert!(wheel.next().is_some());
        let steps = wheel.take_steps();
        most = most.max(steps);
        sum += steps;
    }
    (most, sum)
}

#[test]
fn a_hundred_thousand_timers_cost_no_more_than_ten() {
    let few = steps_beside(10);
    let many = steps_beside(100_000);
    assert!(many.0 <= 32, "steps of one arming: {}", many.0);
    assert!(many.1 <= few.1 * 2, "steps of all: {} beside ten, {} beside a hundred thousand", few.1, many.1);
}

#[test]
fn firing_and_disarming_in_order_is_linear() {
    // Each timer is moved down ten levels at most, though every one of them was the next at some time.
    for disarm in [false, true] {
        let mut wheel = TimerWheel::default();
        let count = 100_000u64;
        let tokens: Vec<_> =
            (0..count).map(|n| wheel.set(Instant::from_nanos(7_200_000_000_000 + n * 1_000), n)).collect();
        for (n, token) in tokens.into_iter().enumerate() {
            if disarm {
                assert!(wheel.cancel(token));
            } else {
                assert_eq!(wheel.pop_due(Instant::from_nanos(u64::MAX)), Some(n as u64));
            }
        }
        assert_eq!(wheel.next(), None);
        assert!(wheel.take_steps() <= count * 30);
    }
}
