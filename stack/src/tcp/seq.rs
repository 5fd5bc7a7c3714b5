//! Sequence numbers: comparison modulo 2³² (RFC 9293 §3.4).

/// `before`: does `a` come before `b`?
pub(crate) const fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

/// `after`: does `a` come after `b`?
pub(crate) const fn after(a: u32, b: u32) -> bool {
    before(b, a)
}

/// The later of two.
pub(crate) const fn max_seq(a: u32, b: u32) -> u32 {
    if after(a, b) { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_holds_across_the_wrap() {
        assert!(before(u32::MAX, 0) && after(5, u32::MAX - 5));
        assert_eq!(max_seq(u32::MAX, 3), 3);
    }
}
