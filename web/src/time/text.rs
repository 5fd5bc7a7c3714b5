//! Times in words.

/// A virtual time as a reader likes it: `12.4 µs`, `1.204 ms`, `3.002 s`.
pub fn time(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{}.{} µs", ns / 1_000, ns % 1_000 / 100),
        1_000_000..1_000_000_000 => format!("{}.{:03} ms", ns / 1_000_000, ns % 1_000_000 / 1_000),
        _ => format!("{}.{:03} s", ns / 1_000_000_000, ns % 1_000_000_000 / 1_000_000),
    }
}

/// How much virtual time one second on the page shows: `1 s here = 4.2 µs`.
pub fn gear(virtual_ns: u64, stay_ms: u32) -> String {
    if virtual_ns == 0 {
        return "the clock stands still here".to_owned();
    }
    format!("1 s here = {}", time(virtual_ns.saturating_mul(1_000) / u64::from(stay_ms.max(1))))
}
