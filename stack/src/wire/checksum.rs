//! The Internet checksum (RFC 1071) and Ethernet's frame check sequence (IEEE 802.3 §3.2.9).

use core::net::Ipv4Addr;

/// The running one's-complement sum of `bytes`, added to `sum`. An odd last byte is padded with zero.
pub fn csum_partial(bytes: &[u8], sum: u64) -> u64 {
    // RFC 1071 §2: the sum may be taken in either byte order, and swapped at the end. Little-endian words are what
    // machines read. Per word: one addition that may wrap, and one of the high half. What the low halves sum to
    // follows from both: no word needs a mask, and the compiler makes vectors of it.
    let (chunks, rest) = bytes.as_chunks::<8>();
    let (mut all, mut high) = (0_u64, 0_u64);
    for chunk in chunks {
        let word = u64::from_le_bytes(*chunk);
        all = all.wrapping_add(word);
        high = high.wrapping_add(word >> 32);
    }
    let mut words = all.wrapping_sub(high << 32) + high;
    let (chunks, rest) = rest.as_chunks::<4>();
    for chunk in chunks {
        words += u64::from(u32::from_le_bytes(*chunk));
    }
    let (chunks, rest) = rest.as_chunks::<2>();
    for chunk in chunks {
        words += u64::from(u16::from_le_bytes(*chunk));
    }
    if let [last] = rest {
        words += u64::from(*last);
    }
    sum + u64::from(fold(words).swap_bytes())
}

/// The sum over whole words, for what is short: a header.
#[inline]
pub(super) fn csum_words(words: &[[u8; 4]]) -> u64 {
    let sum = words.iter().map(|word| u64::from(u32::from_le_bytes(*word))).sum();
    u64::from(fold(sum).swap_bytes())
}

/// Folds a running sum to 16 bits and complements it (`csum_fold`).
pub fn csum_fold(sum: u64) -> u16 {
    !fold(sum)
}

#[inline]
fn fold(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

/// The sum of the TCP and UDP pseudo header (RFC 9293 §3.1, `csum_tcpudp_nofold`).
pub fn pseudo_header(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, len: usize) -> u64 {
    u64::from(src.to_bits()) + u64::from(dst.to_bits()) + u64::from(protocol) + len as u64
}

/// The checksum of a header without a pseudo header (`ip_fast_csum`).
pub fn ip_compute_csum(bytes: &[u8]) -> u16 {
    csum_fold(csum_partial(bytes, 0))
}

/// The CRC-32 that the card appends as FCS, as its four bytes stand on the wire.
pub fn fcs(frame: &[u8]) -> [u8; 4] {
    let mut crc = u32::MAX;
    for b in frame {
        crc = CRC_TABLE[usize::from(crc as u8 ^ b)] ^ (crc >> 8);
    }
    (!crc).to_le_bytes()
}

static CRC_TABLE: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut i = 0;
    while i < 256 {
        let mut c = i as u32;
        let mut k = 0;
        while k < 8 {
            c = if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 };
            k += 1;
        }
        table[i] = c;
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn the_example_of_rfc_1071_adds_up() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(csum_fold(csum_partial(&bytes, 0)), !0xddf2);
    }

    #[test]
    fn an_odd_byte_counts_as_the_high_half() {
        assert_eq!(csum_fold(csum_partial(&[0xab], 0)), !0xab00);
    }

    #[test]
    fn the_sum_is_that_of_the_words_one_by_one() {
        let bytes: Vec<u8> = (0..300_u32).map(|i| (i * i + 200) as u8).collect();
        for start in 0..3 {
            for end in start..bytes.len() {
                let bytes = &bytes[start..end];
                let word = |c: &[u8]| u64::from(c[0]) << 8 | c.get(1).map_or(0, |b| u64::from(*b));
                let plain: u64 = bytes.chunks(2).map(word).sum();
                assert_eq!(csum_fold(csum_partial(bytes, 0)), csum_fold(plain), "{start}..{end}");
            }
        }
        assert_eq!(csum_fold(csum_partial(&[0xff; 65_536], u64::MAX >> 1)), csum_fold(u64::MAX >> 1));
    }

    #[test]
    fn the_pseudo_header_is_summed_as_its_twelve_bytes() {
        let (src, dst) = (Ipv4Addr::new(10, 20, 30, 41), Ipv4Addr::new(255, 254, 253, 252));
        let bytes = [10, 20, 30, 41, 255, 254, 253, 252, 0, 6, 0x12, 0x34];
        assert_eq!(csum_fold(pseudo_header(src, dst, 6, 0x1234)), csum_fold(csum_partial(&bytes, 0)));
    }

    #[test]
    fn the_crc_of_the_check_string_is_known() {
        assert_eq!(fcs(b"123456789"), 0xcbf4_3926u32.to_le_bytes());
    }
}
