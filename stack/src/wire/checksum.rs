//! The Internet checksum (RFC 1071) and Ethernet's frame check sequence (IEEE 802.3 §3.2.9).

use core::net::Ipv4Addr;

/// The running one's-complement sum of `bytes`, added to `sum`. An odd last byte is padded with zero.
pub fn csum_partial(bytes: &[u8], sum: u64) -> u64 {
    // Four bytes at a time, as two halves: a u64 holds the carries, in WASM too.
    let mut sum = sum;
    let mut chunks = bytes.chunks_exact(8);
    for c in &mut chunks {
        let w = u64::from_be_bytes([c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]]);
        sum += (w & 0xffff_ffff) + (w >> 32);
    }
    let mut rest = chunks.remainder().chunks_exact(2);
    for c in &mut rest {
        sum += u64::from(u16::from_be_bytes([c[0], c[1]]));
    }
    if let [last] = rest.remainder() {
        sum += u64::from(*last) << 8;
    }
    sum
}

/// Folds a running sum to 16 bits and complements it (`csum_fold`).
pub fn csum_fold(mut sum: u64) -> u16 {
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The sum of the TCP and UDP pseudo header (RFC 9293 §3.1, `csum_tcpudp_nofold`).
pub fn pseudo_header(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, len: usize) -> u64 {
    csum_partial(&src.octets(), csum_partial(&dst.octets(), u64::from(protocol) + len as u64))
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
    fn the_crc_of_the_check_string_is_known() {
        assert_eq!(fcs(b"123456789"), 0xcbf4_3926u32.to_le_bytes());
    }
}
