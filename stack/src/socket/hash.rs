//! The hash of the socket tables: the same on every run and every target.
//!
//! Linux: `inet_ehashfn` with `inet_ehash_secret`, so that a stranger can't choose ports that all fall into one bucket.
//! Ours shifts and multiplies instead of `jhash`. The order in which a hash table lies in memory
//! depends on the machine: nothing that is seen may come from walking through one.

use core::hash::{BuildHasher, Hasher};

/// A table by hash.
pub(crate) type Map<K, V> = hashbrown::HashMap<K, V, Secret>;

/// What a host's hashes start from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secret(u64);

/// An odd number without a pattern: the fraction of the golden ratio.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

impl Secret {
    /// From a host's seed. Draws nothing from its generator.
    pub(crate) fn new(seed: u64) -> Secret {
        Secret(fold(seed ^ 0x2545_f491_4f6c_dd1d))
    }
}

/// Each bit of `n` reaches the whole of the result: down by a shift, up by the product, and down again. No 128-bit
/// product, which WebAssembly has not.
#[inline]
fn fold(n: u64) -> u64 {
    let product = (n ^ (n >> 32)).wrapping_mul(MULTIPLIER);
    product ^ (product >> 29)
}

impl BuildHasher for Secret {
    type Hasher = Mix;

    fn build_hasher(&self) -> Mix {
        Mix(self.0)
    }
}

/// A hash in the making.
#[derive(Debug)]
pub(crate) struct Mix(u64);

impl Hasher for Mix {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    #[inline]
    fn write_u8(&mut self, n: u8) {
        self.write_u64(n.into());
    }

    #[inline]
    fn write_u16(&mut self, n: u16) {
        self.write_u64(n.into());
    }

    #[inline]
    fn write_u32(&mut self, n: u32) {
        self.write_u64(n.into());
    }

    #[inline]
    fn write_u64(&mut self, n: u64) {
        self.0 = fold(self.0.rotate_left(23) ^ n);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

/// Gives memory back when a table has become much smaller: a clone of it copies all its places.
pub(crate) fn trim<K: Eq + core::hash::Hash, V>(map: &mut Map<K, V>) {
    if map.capacity() > 64 && map.len() < map.capacity() / 8 {
        map.shrink_to(map.len() * 2);
    }
}
