//! The lab's own seeded generator: what a wire does to a frame is drawn from it.
//!
//! SplitMix64 (Steele, Lea, Flood 2014): one word of state, the same numbers on every target. Chances are
//! whole parts per million; no float comes near the state of the world.

/// A chance in parts per million: 1,000,000 is "always".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Chance(pub u32);

impl Chance {
    /// It never happens.
    pub const NEVER: Chance = Chance(0);
    /// It always happens.
    pub const ALWAYS: Chance = Chance(1_000_000);

    /// So many per cent.
    pub const fn percent(percent: u32) -> Chance {
        Chance(percent * 10_000)
    }
}

/// A generator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator for one user of the scenario's seed: `stream` keeps users apart.
    pub fn new(seed: u64, stream: u64) -> Rng {
        let mut rng = Rng(seed ^ stream.wrapping_mul(0xd6e8_feb8_6659_fd93));
        rng.next_u64();
        rng
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// Does it happen this time? One number is drawn whatever the chance.
    pub fn happens(&mut self, chance: Chance) -> bool {
        self.below(1_000_000) < u64::from(chance.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_numbers_other_stream_other_numbers() {
        let draw = |stream| {
            let mut rng = Rng::new(7, stream);
            (0..4).map(|_| rng.next_u64()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn a_chance_is_met_as_often_as_it_says() {
        let mut rng = Rng::new(1, 0);
        let hits = (0..100_000).filter(|_| rng.happens(Chance::percent(2))).count();
        assert!((1_800..2_200).contains(&hits), "{hits} of 100,000 for 2 %");
        assert!(!rng.happens(Chance::NEVER) && rng.happens(Chance::ALWAYS));
    }
}
