//! Numbers that an outsider cannot guess: initial sequence numbers, timestamp offsets, ports, SYN cookies.
//!
//! Linux: `net/core/secure_seq.c`, `lib/siphash.c`. RFC 6528 (sequence numbers), RFC 7323 §5.4 (timestamps),
//! RFC 6056 §3.3.4 (ports). The keys come from the host's seed: the same run gives the same numbers.

use super::clock_ns;
use crate::host::Cx;
use crate::rng::Rng;
use crate::socket::Tuple;
use alloc::collections::BTreeMap;
use core::net::Ipv4Addr;

/// `siphash_key_t`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key(u64, u64);

/// The keys of a host.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    net: Key,
    timestamps: Key,
    /// `syncookie_secret`.
    pub(super) syncookie: [Key; 2],
    /// What `table_perturb` was moved by, where it was: the table itself is a hash of its index.
    perturb: BTreeMap<u16, u32>,
}

impl Secrets {
    pub(crate) fn new(seed: u64) -> Secrets {
        let mut rng = Rng::new(seed ^ 0x7365_6375_7265_5f73);
        let mut word = || u64::from(rng.next_u32()) << 32 | u64::from(rng.next_u32());
        let mut key = || Key(word(), word());
        Secrets { net: key(), timestamps: key(), syncookie: [key(), key()], perturb: BTreeMap::new() }
    }

    /// `secure_tcp_seq`: a hash of the four numbers, and a clock that ticks every 64 ns.
    pub(super) fn tcp_seq(&self, cx: &Cx<'_>, tuple: &Tuple) -> u32 {
        let ports = u64::from(tuple.local.1) << 16 | u64::from(tuple.peer.1);
        let hash = siphash(self.net, &[pair(tuple.local.0, tuple.peer.0), ports]) as u32;
        hash.wrapping_add((clock_ns(cx) >> 6) as u32)
    }

    /// `secure_tcp_ts_off`: where the timestamp clock towards a peer begins.
    pub(super) fn tcp_ts_off(&self, tcp_timestamps: i64, local: Ipv4Addr, peer: Ipv4Addr) -> u32 {
        if tcp_timestamps != 1 {
            return 0;
        }
        siphash(self.timestamps, &[pair(local, peer)]) as u32
    }

    /// `secure_ipv4_port_ephemeral`: where the search for a port towards a peer begins.
    pub(super) fn port_ephemeral(&self, local: Ipv4Addr, peer: (Ipv4Addr, u16)) -> u64 {
        siphash(self.net, &[pair(local, peer.0), u64::from(peer.1)])
    }

    /// `table_perturb[index]`.
    pub(super) fn perturb(&self, index: u16) -> u32 {
        let base = siphash(self.net, &[u64::from(index), 0, 0]) as u32;
        base.wrapping_add(self.perturb.get(&index).copied().unwrap_or(0))
    }

    /// Moves it on, so that the next search begins elsewhere.
    pub(super) fn perturb_add(&mut self, index: u16, step: u32) {
        let moved = self.perturb.entry(index).or_default();
        *moved = moved.wrapping_add(step);
    }
}

fn pair(a: Ipv4Addr, b: Ipv4Addr) -> u64 {
    u64::from(a.to_bits()) << 32 | u64::from(b.to_bits())
}

/// SipHash-2-4 (Aumasson, Bernstein 2012) of whole words.
pub(super) fn siphash(key: Key, words: &[u64]) -> u64 {
    let mut v = [
        key.0 ^ 0x736f_6d65_7073_6575,
        key.1 ^ 0x646f_7261_6e64_6f6d,
        key.0 ^ 0x6c79_6765_6e65_7261,
        key.1 ^ 0x7465_6462_7974_6573,
    ];
    let length = (words.len() as u64 * 8) << 56;
    for word in words.iter().copied().chain([length]) {
        v[3] ^= word;
        round(&mut v);
        round(&mut v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    for _ in 0..4 {
        round(&mut v);
    }
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siphash_gives_the_reference_values() {
        // vectors_sip64 of the reference implementation: key 00..0f, messages of 0 and 8 bytes 00, 01, ...
        let key = Key(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
        assert_eq!(siphash(key, &[]), 0x726f_db47_dd0e_0e31);
        assert_eq!(siphash(key, &[0x0706_0504_0302_0100]), 0x93f5_f579_9a93_2462);
    }

    #[test]
    fn another_seed_gives_other_keys() {
        let (a, b) = (Ipv4Addr::new(10, 0, 0, 1), (Ipv4Addr::new(10, 0, 0, 2), 80));
        assert_eq!(Secrets::new(1).port_ephemeral(a, b), Secrets::new(1).port_ephemeral(a, b));
        assert_ne!(Secrets::new(1).port_ephemeral(a, b), Secrets::new(2).port_ephemeral(a, b));
    }

    #[test]
    fn timestamps_begin_at_zero_only_if_asked() {
        let (a, b) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        assert_eq!(Secrets::new(1).tcp_ts_off(2, a, b), 0);
        assert_ne!(Secrets::new(1).tcp_ts_off(1, a, b), 0);
    }
}
