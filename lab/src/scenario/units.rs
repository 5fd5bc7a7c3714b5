//! Numbers with units: durations, rates, percentages. Exact: no float is involved.

use crate::rng::Chance;
use stack::time::Duration;

/// What [`duration`] takes, for messages.
pub const DURATION: &str = "expected a time with its unit, as in \"100us\", \"1.5ms\" or \"2s\"";
/// What [`rate`] takes, for messages.
pub const RATE: &str = "expected bits a second with the unit, as in \"64kbit\", \"100Mbit\" or \"1Gbit\"";
/// What [`percent`] takes, for messages.
pub const PERCENT: &str = "expected per cent from 0 to 100, as in 2, 0.5 or \"2%\"";

/// `1.5ms` and the like.
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let digits = match unit {
        "ns" => 0,
        "us" | "µs" | "μs" => 3,
        "ms" => 6,
        "s" => 9,
        "min" => return Some(Duration::from_nanos(scaled(number, 9)?.checked_mul(60)?)),
        _ => return None,
    };
    Some(Duration::from_nanos(scaled(number, digits)?))
}

/// `100Mbit` and the like, in bits a second; more than none.
pub fn rate(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let unit = unit.to_ascii_lowercase();
    let digits = match unit.strip_suffix("/s").unwrap_or(&unit) {
        "bit" => 0,
        "kbit" => 3,
        "mbit" => 6,
        "gbit" => 9,
        _ => return None,
    };
    scaled(number, digits).filter(|bps| (1..=1_000_000_000_000).contains(bps))
}

/// `2`, `0.5` or `2%`.
pub fn percent(text: &str) -> Option<Chance> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    let ppm = scaled(number, 4)?;
    u32::try_from(ppm).ok().filter(|ppm| *ppm <= Chance::ALWAYS.0).map(Chance)
}

fn split(text: &str) -> Option<(&str, &str)> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(at);
    Some((number, unit.trim_start()))
}

/// A decimal number times 10 to the power of `digits`; `None` if that is no whole number.
fn scaled(number: &str, digits: u32) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let fraction = fraction.trim_end_matches('0');
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || fraction.len() > digits as usize {
        return None;
    }
    let mut value: u64 = whole.parse().ok()?;
    value = value.checked_mul(10u64.checked_pow(digits)?)?;
    if !fraction.is_empty() {
        let part: u64 = fraction.parse().ok()?;
        value = value.checked_add(part * 10u64.pow(digits - fraction.len() as u32))?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("100us"), Some(Duration::from_micros(100)));
        assert_eq!(duration("1.5 ms"), Some(Duration::from_micros(1500)));
        assert_eq!(duration("0s"), Some(Duration::ZERO));
        assert_eq!(duration("2min"), Some(Duration::from_secs(120)));
        for bad in ["", "5", "ms", "1.5ns", "-1s", "1e3s", "99999999999999999999s", ".5s", "1h"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn rates() {
        assert_eq!(rate("100Mbit"), Some(100_000_000));
        assert_eq!(rate("1.5 Gbit/s"), Some(1_500_000_000));
        assert_eq!(rate("56kbit"), Some(56_000));
        for bad in ["", "0bit", "100", "100MB", "2Tbit"] {
            assert_eq!(rate(bad), None, "{bad}");
        }
    }

    #[test]
    fn percentages() {
        assert_eq!(percent("2"), Some(Chance(20_000)));
        assert_eq!(percent("0.5%"), Some(Chance(5_000)));
        assert_eq!(percent("0.0001"), Some(Chance(1)));
        assert_eq!(percent("100"), Some(Chance::ALWAYS));
        for bad in ["100.1", "-1", "0.00001", "half", ""] {
            assert_eq!(percent(bad), None, "{bad}");
        }
    }
}
