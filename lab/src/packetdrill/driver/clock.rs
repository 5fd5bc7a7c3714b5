//! When events are to happen, and whether they did then.

use crate::packetdrill::ast::{Options, Time};
use crate::packetdrill::calls::Mismatch;

/// The times of a script's events.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    /// When the script began, ns of virtual time.
    pub(super) start_ns: i64,
    tolerance_ns: i64,
    /// In units of 10⁻⁹ per cent.
    tolerance_percent: i64,
    /// The last event's time, ns since the start, and whether it was a packet to the stack.
    last: Option<(i64, bool)>,
}

/// An event's time, ns since the script's start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct When {
    pub(super) from_ns: i64,
    pub(super) to_ns: i64,
    /// Any time will do.
    pub(super) any: bool,
    /// What relative times are relative to.
    pub(super) anchor_ns: i64,
    /// Is it one?
    pub(super) relative: bool,
    /// The event before, for the tolerance.
    pub(super) before_ns: Option<i64>,
}

impl Clock {
    pub(super) fn new(options: &Options) -> Clock {
        let Options { tolerance_ns, tolerance_percent, .. } = *options;
        Clock { start_ns: 0, tolerance_ns, tolerance_percent, last: None }
    }

    /// What an event's time is, at virtual time `now`.
    pub(super) fn resolve(&self, time: Time, inbound: bool, now: i64) -> When {
        // Between two packets to the stack the scheduled time counts, so that nothing drifts.
        let anchor_ns = match self.last {
            Some((scheduled, true)) if inbound => scheduled,
            _ => now - self.start_ns,
        };
        let (from_ns, to_ns, any) = match time {
            Time::Absolute(t) => (t, t, false),
            Time::Relative(t) => (anchor_ns + t, anchor_ns + t, false),
            Time::Any => (anchor_ns, anchor_ns, true),
            Time::AbsoluteRange(from, to) => (from, to, false),
            Time::RelativeRange(from, to) => (anchor_ns + from, anchor_ns + to, false),
        };
        let relative = matches!(time, Time::Relative(_) | Time::RelativeRange(..));
        When { from_ns, to_ns, any, anchor_ns, relative, before_ns: self.last.map(|(t, _)| t) }
    }

    /// An event is over.
    pub(super) fn done(&mut self, when: When, inbound: bool) {
        self.last = Some((when.from_ns, inbound));
    }

    fn tolerance(&self, expected: i64, before: Option<i64>) -> i64 {
        let delta = before.map_or(0, |b| expected - b);
        let percent = i128::from(self.tolerance_percent) * i128::from(delta) / 100_000_000_000;
        self.tolerance_ns.max(i64::try_from(percent).unwrap_or(i64::MAX))
    }

    /// Did something happen when it was to? `at` is ns since the script's start.
    pub(super) fn check(&self, when: When, at: i64, what: &str) -> Result<(), Mismatch> {
        if when.any {
            return Ok(());
        }
        let tolerance = self.tolerance(when.from_ns, when.before_ns);
        if (when.from_ns - tolerance..=when.to_ns + tolerance).contains(&at) {
            return Ok(());
        }
        let range = if when.to_ns > when.from_ns { format!("~{}", seconds(when.to_ns)) } else { String::new() };
        let expected = format!("{what} at {}{range} s (tolerance {} s)", seconds(when.from_ns), seconds(tolerance));
        Err(Mismatch::new(expected, format!("it at {} s", seconds(at))))
    }
}

/// Seconds with microseconds.
pub(super) fn seconds(ns: i64) -> String {
    let us = ns.div_euclid(1000);
    let sign = if us < 0 { "-" } else { "" };
    format!("{sign}{}.{:06}", us.abs() / 1_000_000, us.abs() % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn clock() -> Clock {
        Clock { start_ns: 5 * MS, ..Clock::new(&Options::default()) }
    }

    #[test]
    fn relative_times_count_from_the_last_event() {
        let mut clock = clock();
        let first = clock.resolve(Time::Absolute(0), false, 5 * MS);
        assert_eq!((first.from_ns, first.before_ns), (0, None));
        clock.done(first, false);
        // The clock has gone on since.
        let second = clock.resolve(Time::Relative(10 * MS), true, 8 * MS);
        assert_eq!((second.from_ns, second.anchor_ns), (13 * MS, 3 * MS));
        clock.done(second, true);
        // Between packets to the stack the schedule counts, not the clock.
        assert_eq!(clock.resolve(Time::Relative(MS), true, 99 * MS).from_ns, 14 * MS);
        assert_eq!(clock.resolve(Time::Relative(MS), false, 99 * MS).from_ns, 95 * MS);
        let range = clock.resolve(Time::RelativeRange(MS, 3 * MS), false, 18 * MS);
        assert_eq!((range.from_ns, range.to_ns, range.any), (14 * MS, 16 * MS, false));
        assert!(clock.resolve(Time::Any, false, 18 * MS).any);
    }

    #[test]
    fn too_early_is_as_wrong_as_too_late() {
        let clock = clock();
        let when =
            |from_ns, before_ns| When { from_ns, to_ns: from_ns, any: false, anchor_ns: 0, relative: true, before_ns };
        let ok = |when, at| clock.check(when, at, "it").is_ok();
        let near = when(20 * MS, Some(10 * MS));
        assert!(ok(near, 16 * MS) && ok(near, 24 * MS) && !ok(near, 16 * MS - 1) && !ok(near, 24 * MS + 1));
        // An eighth of a second.
        let far = when(1000 * MS, Some(0));
        assert!(ok(far, 875 * MS) && ok(far, 1125 * MS) && !ok(far, 874 * MS) && !ok(far, 1126 * MS));
        let range = When { to_ns: 30 * MS, ..near };
        assert!(ok(range, 16 * MS) && ok(range, 34 * MS) && !ok(range, 35 * MS));
        assert!(ok(When { any: true, ..near }, 0));
        let wrong = clock.check(near, 50 * MS, "the packet").unwrap_err();
        assert_eq!(wrong.expected, "the packet at 0.020000 s (tolerance 0.004000 s)");
        assert_eq!(wrong.got, "it at 0.050000 s");
    }

    #[test]
    fn seconds_have_six_digits() {
        assert_eq!(seconds(1_234_567_891), "1.234567");
        assert_eq!(seconds(-1_000), "-0.000001");
    }
}
