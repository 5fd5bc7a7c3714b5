//! A scale: where a value lies, and round marks along it.

/// A linear scale from a span of values to pixels or per cent.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    from: f64,
    to: f64,
    length: f64,
}

impl Scale {
    /// From `from..to` to `0..length`.
    pub fn new((from, to): (u64, u64), length: f64) -> Scale {
        Scale { from: from as f64, to: (to as f64).max(from as f64 + 1.0), length }
    }

    /// Where a value lies; what is outside lies outside, but not far.
    pub fn at(&self, value: u64) -> f64 {
        let x = (value as f64 - self.from) / (self.to - self.from) * self.length;
        round(x.clamp(-self.length * 4.0, self.length * 5.0))
    }

    /// Is it inside?
    pub fn holds(&self, value: u64) -> bool {
        (self.from..=self.to).contains(&(value as f64))
    }

    /// Round values, at least `apart` pixels from each other.
    pub fn marks(&self, apart: f64) -> Vec<u64> {
        let step = step((self.to - self.from) * apart / self.length.max(1.0));
        let first = (self.from as u64).div_ceil(step);
        (first..).map(|i| i * step).take_while(|mark| *mark as f64 <= self.to).take(64).collect()
    }
}

/// The next of 1, 2, 5, 10, 20, 50, … that is not smaller.
fn step(at_least: f64) -> u64 {
    let mut unit: u64 = 1;
    loop {
        for times in [1, 2, 5] {
            if (unit * times) as f64 >= at_least {
                return unit * times;
            }
        }
        if unit > u64::MAX / 100 {
            return unit;
        }
        unit *= 10;
    }
}

/// To a tenth: enough for a screen, short in a document.
pub fn round(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

/// A mark on the axis of time, as short as its neighbours allow: `1.2 ms`, `850 µs`, `3 s`.
pub fn mark(ns: u64) -> String {
    let (unit, name) = match ns {
        0 => return "0".to_owned(),
        1_000_000_000.. => (1_000_000_000, "s"),
        1_000_000.. => (1_000_000, "ms"),
        1_000.. => (1_000, "µs"),
        _ => (1, "ns"),
    };
    let fraction = format!("{:.6}", (ns % unit) as f64 / unit as f64);
    let fraction = fraction.trim_start_matches('0').trim_end_matches('0').trim_end_matches('.');
    format!("{}{fraction} {name}", ns / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_apart() {
        let scale = Scale::new((3_120_000, 9_870_000), 300.0);
        let marks = scale.marks(40.0);
        assert_eq!(marks, [4_000_000, 5_000_000, 6_000_000, 7_000_000, 8_000_000, 9_000_000]);
        assert!(marks.windows(2).all(|m| scale.at(m[1]) - scale.at(m[0]) >= 40.0));
    }

    #[test]
    fn marks_read_well() {
        let read: Vec<String> = [0, 900, 2_500, 1_000_000, 12_400_000, 3_000_000_000].into_iter().map(mark).collect();
        assert_eq!(read, ["0", "900 ns", "2.5 µs", "1 ms", "12.4 ms", "3 s"]);
    }

    #[test]
    fn an_empty_span_has_a_scale_all_the_same() {
        let scale = Scale::new((5, 5), 100.0);
        assert!(scale.at(5).is_finite() && scale.marks(50.0).len() <= 64);
    }
}
