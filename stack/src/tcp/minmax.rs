//! The least or greatest value of the last while, kept in three samples: best, second and third best.
//!
//! Linux: `lib/win_minmax.c`, after Kathleen Nichols' algorithm: each sample is the best since the one before it.

/// A sample: when it was taken (in any unit), and its value.
pub(crate) type Sample = (u32, u32);

/// `struct minmax`.
pub(crate) type MinMax = [Sample; 3];

/// `minmax_reset`: forgets everything but this value, and gives it.
pub(crate) fn minmax_reset(m: &mut MinMax, t: u32, value: u32) -> u32 {
    *m = [(t, value); 3];
    value
}

/// `minmax_subwin_update`: as time goes on, the best sample grows old and the next takes its place.
fn subwin_update(m: &mut MinMax, win: u32, sample: Sample) -> u32 {
    let (t, _) = sample;
    let dt = t.wrapping_sub(m[0].0);
    if dt > win {
        // The whole window passed without a better one.
        *m = [m[1], m[2], sample];
        if t.wrapping_sub(m[0].0) > win {
            *m = [m[1], m[2], sample];
        }
    } else if m[1].0 == m[0].0 && dt > win / 4 {
        // A quarter passed: the second best is from the second quarter on.
        m[1] = sample;
        m[2] = sample;
    } else if m[2].0 == m[1].0 && dt > win / 2 {
        // Half of it passed: the third best is from the last half.
        m[2] = sample;
    }
    m[0].1
}

fn running(m: &mut MinMax, win: u32, sample: Sample, better: impl Fn(u32, u32) -> bool) -> u32 {
    let (t, value) = sample;
    if better(value, m[0].1) || t.wrapping_sub(m[2].0) > win {
        return minmax_reset(m, t, value);
    }
    if better(value, m[1].1) {
        m[1] = sample;
        m[2] = sample;
    } else if better(value, m[2].1) {
        m[2] = sample;
    }
    subwin_update(m, win, sample)
}

/// `minmax_running_min`: the least value of the last `win`, after this one came at `t`.
pub(crate) fn minmax_running_min(m: &mut MinMax, win: u32, t: u32, value: u32) -> u32 {
    running(m, win, (t, value), |new, old| new <= old)
}

/// `minmax_running_max`: the greatest value.
pub(crate) fn minmax_running_max(m: &mut MinMax, win: u32, t: u32, value: u32) -> u32 {
    running(m, win, (t, value), |new, old| new >= old)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_value_is_forgotten_when_the_window_has_passed() {
        let mut m = [(0, u32::MAX); 3];
        assert_eq!(minmax_running_min(&mut m, 100, 0, 50), 50);
        assert_eq!(minmax_running_min(&mut m, 100, 30, 70), 50);
        assert_eq!(minmax_running_min(&mut m, 100, 60, 60), 50);
        assert_eq!(minmax_running_min(&mut m, 100, 100, 80), 50);
        assert_eq!(minmax_running_min(&mut m, 100, 101, 90), 60);
        assert_eq!(minmax_running_min(&mut m, 100, 102, 40), 40);
    }

    #[test]
    fn the_greatest_value_is_found_among_the_samples_of_the_window() {
        let mut m = [(0, 0); 3];
        for (t, value, most) in [(0, 5, 5), (1, 9, 9), (2, 7, 9), (6, 8, 9), (12, 3, 8), (20, 1, 3)] {
            assert_eq!(minmax_running_max(&mut m, 10, t, value), most, "at {t}");
        }
    }
}
