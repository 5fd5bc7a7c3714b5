//! How the values of kernel variables are written and read.
//!
//! Linux: `kernel/sysctl.c` (`proc_dointvec`, `proc_dou8vec_minmax`): numbers in any base that C knows, several
//! of them with blanks between, tabs when read back.

use super::{CONGESTION_CONTROLS, SysctlError};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A value that a variable can have; `bounds` are those of each number in it.
pub(super) trait Value: Sized {
    fn show(&self) -> String;
    fn parsed(&self, text: &str, bounds: (i64, i64)) -> Result<Self, SysctlError>;
}

/// `proc_get_long`: a number in base 10, 16 (`0x`) or 8 (`0`).
fn number(word: &str) -> Result<i64, SysctlError> {
    let (negative, digits) = word.strip_prefix('-').map_or((false, word), |rest| (true, rest));
    let (digits, base) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (&digits[1..], 8),
        None => (digits, 10),
    };
    if digits.starts_with(['+', '-']) {
        return Err(SysctlError::NotANumber);
    }
    let value = i64::from_str_radix(digits, base).map_err(|_| SysctlError::NotANumber)?;
    Ok(if negative { -value } else { value })
}

fn within(value: i64, (min, max): (i64, i64)) -> Result<i64, SysctlError> {
    if (min..=max).contains(&value) { Ok(value) } else { Err(SysctlError::OutOfRange) }
}

impl Value for i64 {
    fn show(&self) -> String {
        self.to_string()
    }

    fn parsed(&self, text: &str, bounds: (i64, i64)) -> Result<i64, SysctlError> {
        within(number(text.trim())?, bounds)
    }
}

impl<const N: usize> Value for [i64; N] {
    fn show(&self) -> String {
        let parts: Vec<String> = self.iter().map(ToString::to_string).collect();
        parts.join("\t")
    }

    /// Fewer numbers than there are set the first of them.
    fn parsed(&self, text: &str, bounds: (i64, i64)) -> Result<[i64; N], SysctlError> {
        let mut new = *self;
        let mut words = text.split_ascii_whitespace();
        let mut count = 0;
        for (place, word) in new.iter_mut().zip(words.by_ref()) {
            *place = within(number(word)?, bounds)?;
            count += 1;
        }
        // Two numbers are a range of ports.
        let backwards = N == 2 && new[0] > new[N - 1];
        match (count, words.next()) {
            (0, _) | (_, Some(_)) => Err(SysctlError::NotANumber),
            _ if backwards => Err(SysctlError::OutOfRange),
            _ => Ok(new),
        }
    }
}

fn algorithm(name: &str) -> Result<&'static str, SysctlError> {
    CONGESTION_CONTROLS.iter().copied().find(|a| *a == name).ok_or(SysctlError::NoSuchName)
}

/// The name of a congestion control algorithm.
impl Value for &'static str {
    fn show(&self) -> String {
        (*self).into()
    }

    fn parsed(&self, text: &str, _: (i64, i64)) -> Result<&'static str, SysctlError> {
        algorithm(text.trim())
    }
}

/// Names of congestion control algorithms.
impl Value for Vec<&'static str> {
    fn show(&self) -> String {
        self.join(" ")
    }

    fn parsed(&self, text: &str, _: (i64, i64)) -> Result<Vec<&'static str>, SysctlError> {
        text.split_ascii_whitespace().map(algorithm).collect()
    }
}

/// Names that cannot be written.
impl Value for &'static [&'static str] {
    fn show(&self) -> String {
        self.join(" ")
    }

    fn parsed(&self, _: &str, _: (i64, i64)) -> Result<Self, SysctlError> {
        Err(SysctlError::ReadOnly)
    }
}

/// `tcp_fastopen_key`: one or two keys of four words in hexadecimal.
impl Value for String {
    fn show(&self) -> String {
        self.clone()
    }

    fn parsed(&self, text: &str, _: (i64, i64)) -> Result<String, SysctlError> {
        let text = text.trim();
        let word = |w: &str| (1..=8).contains(&w.len()) && w.bytes().all(|b| b.is_ascii_hexdigit());
        let key = |k: &str| k.split('-').count() == 4 && k.split('-').all(word);
        let keys = text.split(',').count();
        if keys <= 2 && text.split(',').all(key) { Ok(text.into()) } else { Err(SysctlError::NotANumber) }
    }
}
