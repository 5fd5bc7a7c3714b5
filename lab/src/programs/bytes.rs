//! Bytes to send and to check: a pattern that says where in a stream each byte belongs.

use sha2::{Digest, Sha256};

/// The byte at `at` of the pattern. It repeats after 2^32 bytes only; a lost, doubled or swapped stretch shows.
pub fn pattern(at: u64) -> u8 {
    ((at as u32).wrapping_mul(0x9e37_79b1) >> 24) as u8
}

/// `len` bytes of the pattern, from `from` on.
pub fn stretch(from: u64, len: usize) -> Vec<u8> {
    (from..from + len as u64).map(pattern).collect()
}

/// SHA-256 in hexadecimal, as `sha256sum` prints it.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes).as_slice())
}

/// A running SHA-256 with a count.
#[derive(Clone, Default)]
pub(super) struct Summer {
    sum: Sha256,
    pub(super) count: u64,
}

impl Summer {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.sum.update(bytes);
        self.count += bytes.len() as u64;
    }

    pub(super) fn hex(&self) -> String {
        hex(self.sum.clone().finalize().as_slice())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_sha256sum() {
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let mut summer = Summer::default();
        summer.add(b"a");
        summer.add(b"bc");
        assert_eq!((summer.count, summer.hex()), (3, sha256_hex(b"abc")));
    }

    #[test]
    fn stretches_join() {
        assert_eq!([stretch(0, 10), stretch(10, 7)].concat(), stretch(0, 17));
    }
}
