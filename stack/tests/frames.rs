//! Frames of every kind of badness, a million of them: nothing panics, nothing is leaked, nothing is silent.

mod support;

use stack::syscall::*;
use stack::time::Duration;
use stack::wire::checksum::{csum_fold, csum_partial, fcs, pseudo_header};
use support::{CARD, Pair, addr};

/// A small generator: the tests must be the same on every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    fn below(&mut self, n: u32) -> u32 {
        self.next() % n
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

fn with_fcs(mut frame: Vec<u8>) -> Vec<u8> {
    let check = fcs(&frame);
    frame.extend(check);
    frame
}

/// A frame to host b that gets past the card, and with luck further: the addresses and checksums are right as
/// often as not, the rest is noise.
fn plausible(d: &mut Dice, local_port: u16, peer_port: u16, seq: u32) -> Vec<u8> {
    let mut f = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    if d.below(8) == 0 {
        f.extend([8, 6]);
        let mut arp = vec![0, 1, 8, 0, 6, 4, 0, d.below(3) as u8];
        arp.extend(d.bytes(20));
        arp.truncate(d.below(29) as usize + d.below(2) as usize * 20);
        f.extend(arp);
        return f;
    }
    f.extend([8, 0]);
    let protocol = [6, 6, 6, 17, 1, 2][d.below(6) as usize];
    let len = d.below(80) as usize;
    let mut t = d.bytes(len);
    if protocol == 6 && t.len() >= 20 {
        t[..2].copy_from_slice(&peer_port.to_be_bytes());
        t[2..4].copy_from_slice(&local_port.to_be_bytes());
        if d.below(2) == 0 {
            t[4..8].copy_from_slice(&seq.wrapping_add(d.below(3)).to_be_bytes());
        }
        t[12] = (5 + d.below(6) as u8) << 4;
        if d.below(3) > 0 {
            t[13] = 0x10 | d.below(256) as u8 & d.below(256) as u8;
        }
    }
    if protocol == 17 && t.len() >= 8 {
        t[2..4].copy_from_slice(&local_port.to_be_bytes());
        let len = t.len() as u16 + d.below(2) as u16 * 3;
        t[4..6].copy_from_slice(&len.to_be_bytes());
    }
    if d.below(8) > 0 && t.len() >= 20 {
        let at = [16, 6, 2][usize::from(protocol != 6) + usize::from(protocol == 1)];
        t[at..at + 2].fill(0);
        let pseudo = if protocol == 1 { 0 } else { pseudo_header(addr(1), addr(2), protocol, t.len()) };
        let check = csum_fold(csum_partial(&t, pseudo));
        t[at..at + 2].copy_from_slice(&check.to_be_bytes());
    }
    let options = d.below(10) as usize / 9 * 4;
    let total = 20 + options + t.len();
    let mut ip = vec![0x45 + options as u8 / 4, 0, (total >> 8) as u8, total as u8, 0, 0, 0, 0, 64, protocol, 0, 0];
    if d.below(10) == 0 {
        ip[6] = d.below(64) as u8;
    }
    if d.below(20) == 0 {
        ip[3] ^= d.below(64) as u8;
    }
    ip.extend(addr(1).octets());
    ip.extend(addr(2).octets());
    ip.extend(vec![1; options]);
    if d.below(10) > 0 {
        let check = csum_fold(csum_partial(&ip, 0));
        ip[10..12].copy_from_slice(&check.to_be_bytes());
    }
    f.extend(ip);
    f.extend(t);
    f
}

#[test]
fn a_million_bad_frames_do_no_harm() {
    let mut d = Dice(7);
    let mut left = 1_000_000;
    while left > 0 {
        let mut p = Pair::new();
        p.trace.set_on(left % 100_000 == 0);
        let (_a, _b) = p.connect(8080);
        let udp = p.socket(1, SOCK_DGRAM);
        p.call(1, Syscall::Bind { fd: udp, addr: SockAddr::v4(addr(2), 8080) });
        // The client's port stands in the SYN-ACK that host b sent.
        let synack = p.sent.iter().find(|(from, f)| *from == 1 && f.len() > 54 && f[23] == 6).map(|(_, f)| f.clone());
        let synack = synack.expect("a SYN-ACK");
        let peer_port = u16::from_be_bytes([synack[36], synack[37]]);
        let seq = u32::from_be_bytes([synack[42], synack[43], synack[44], synack[45]]);
        for _ in 0..20_000 {
            left -= 1;
            let frame = match d.below(10) {
                0 => {
                    let len = d.below(200) as usize;
                    d.bytes(len)
                }
                1 => {
                    let len = d.below(200) as usize;
                    with_fcs(d.bytes(len))
                }
                2 => {
                    let whole = plausible(&mut d, 8080, peer_port, seq);
                    let cut = d.below(whole.len() as u32) as usize;
                    with_fcs(whole[..cut].to_vec())
                }
                3 => with_fcs([plausible(&mut d, 8080, peer_port, seq), vec![0; d.below(3000) as usize]].concat()),
                _ => with_fcs(plausible(&mut d, 8080, peer_port, seq)),
            };
            let frame = stack::host::Frame { id: p.trace.new_frame(), bytes: frame, sent_by: Default::default() };
            p.hosts[1].handle_frame(p.now, CARD, frame, &mut p.trace);
            while p.hosts[1].poll_transmit(p.now, CARD, &mut p.trace).is_some() {}
        }
        p.sent.clear();
        p.run_for(Duration::from_millis(50));
        // Whatever is still held is in a queue of bounded size.
        assert!(p.hosts[1].mem().in_use() < 5000, "{} skbs are held", p.hosts[1].mem().in_use());
    }
}
