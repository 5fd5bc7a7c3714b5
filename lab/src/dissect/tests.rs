//! Values as Wireshark shows them; no bytes at all make it panic.

use super::*;
use proptest::prelude::*;
use stack::trace::Proto;
use stack::wire::checksum::{csum_fold, csum_partial, fcs, pseudo_header};
use stack::wire::ethernet::{EthernetRepr, MacAddr};
use stack::wire::ipv4::{IP_DF, Ipv4Repr, ip_send_check};
use stack::wire::tcp::{ACK, PSH, SYN, TCP_HLEN, TcpRepr};
use stack::wire::tcp_options::TcpOptions;
use std::net::Ipv4Addr;

const ALICE: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
const BOB: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 100);

pub(crate) fn ip_frame(protocol: u8, message: &[u8]) -> Vec<u8> {
    let mac = |n| MacAddr([2, 0, 0, 0, 0, n]);
    let mut frame = EthernetRepr { dst: mac(2), src: mac(1), ethertype: 0x0800 }.emit().to_vec();
    let tot_len = 20 + message.len() as u16;
    let repr = Ipv4Repr {
        header_len: 20,
        tos: 0,
        tot_len,
        id: 7238,
        frag_off: IP_DF,
        ttl: 64,
        protocol,
        src: ALICE,
        dst: BOB,
    };
    let mut header = repr.emit();
    ip_send_check(&mut header);
    frame.extend_from_slice(&header);
    frame.extend_from_slice(message);
    frame
}

pub(crate) fn tcp_frame(flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let (src_port, dst_port, window) = (40000, 8080, 64240);
    let repr = TcpRepr { src_port, dst_port, seq: 1000, ack: 2000, flags, window, ..TcpRepr::default() };
    let mut segment = repr.emit(&TcpOptions::default()).to_vec();
    segment[12] = ((TCP_HLEN + options.len()) as u8 / 4) << 4;
    segment.extend_from_slice(options);
    segment.extend_from_slice(payload);
    let sum = csum_fold(csum_partial(&segment, pseudo_header(ALICE, BOB, 6, segment.len())));
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    ip_frame(6, &segment)
}

fn syn() -> Vec<u8> {
    let options = TcpOptions {
        mss: Some(1460),
        sack_permitted: true,
        timestamps: Some((1, 0)),
        wscale: Some(7),
        ..TcpOptions::default()
    };
    tcp_frame(SYN, &options.emit(), &[])
}

fn field<'a>(view: &'a HeaderView, filter: &str) -> &'a FieldView {
    view.fields.iter().find(|f| f.filter == filter).unwrap_or_else(|| panic!("no {filter}"))
}

#[test]
fn a_syn_reads_as_in_wireshark() {
    let d = frame(&syn());
    assert_eq!(
        d.summary,
        "192.168.1.1:40000 > 192.168.1.100:8080 [SYN] Seq=1000 Win=64240 Len=0 MSS=1460 SACK_PERM TSval=1 TSecr=0 WS=128"
    );
    let [eth, ip, tcp] = &d.headers[..] else { panic!("{} headers", d.headers.len()) };
    assert_eq!(field(eth, "eth.type").value, "IPv4 (0x0800)");
    assert_eq!(field(ip, "ip.hdr_len").value, "20 bytes (5)");
    assert_eq!(field(ip, "ip.dsfield").value, "0x00 (DSCP: CS0, ECN: Not-ECT)");
    assert_eq!(field(ip, "ip.id").value, "0x1c46 (7238)");
    assert_eq!(field(ip, "ip.flags").value, "0x2, Don't fragment");
    assert_eq!(field(ip, "ip.proto").value, "TCP (6)");
    assert_eq!(field(ip, "ip.checksum").computed, ["[correct]"]);
    assert_eq!(field(tcp, "tcp.hdr_len").value, "40 bytes (10)");
    assert_eq!(field(tcp, "tcp.flags").value, "0x002 (SYN)");
    assert_eq!(field(tcp, "tcp.checksum").computed, ["[correct]"]);
    assert_eq!(field(tcp, "tcp.seq_raw").computed, ["[TCP Segment Len: 0]", "[Next Sequence Number: 1001]"]);
    let options: Vec<(&str, &str, u32)> =
        field(tcp, "tcp.options").parts.iter().map(|o| (o.short, o.value.as_str(), o.bit / 8)).collect();
    assert_eq!(
        options,
        [
            ("MSS", "1460 bytes", 20),
            ("SACK_PERM", "", 24),
            ("TS", "TSval 1, TSecr 0", 26),
            ("NOP", "", 36),
            ("WS", "7 (multiply by 128)", 37),
        ]
    );
}

#[test]
fn a_wrong_checksum_is_called_wrong() {
    let mut frame_bytes = tcp_frame(ACK | PSH, &[], b"hello");
    frame_bytes[24] ^= 1;
    frame_bytes[50] ^= 1;
    let d = frame(&frame_bytes);
    assert!(field(&d.headers[1], "ip.checksum").computed[0].starts_with("[incorrect, should be 0x"));
    assert_eq!(field(&d.headers[2], "tcp.checksum").computed, ["[incorrect]"]);
}

#[test]
fn padding_and_fcs_are_not_payload() {
    let mut bytes = tcp_frame(ACK, &[], b"hi");
    bytes.resize(60, 0);
    let check = fcs(&bytes);
    bytes.extend_from_slice(&check);
    let protos: Vec<(Proto, usize)> = frame(&bytes).headers.iter().map(|h| (h.proto, h.len)).collect();
    use Proto::*;
    assert_eq!(protos, [(Ethernet, 14), (Ipv4, 20), (Tcp, 20), (Payload, 2), (Fcs, 4)]);
    assert!(summary(&bytes).ends_with("[ACK] Seq=1000 Ack=2000 Win=64240 Len=2"));
}

#[test]
fn sack_blocks_arp_ping_and_errors_have_their_line() {
    let mut sack = TcpOptions { timestamps: Some((5, 6)), sack_count: 1, ..TcpOptions::default() };
    sack.sacks[0] = (3000, 4000);
    assert!(summary(&tcp_frame(ACK, &sack.emit(), &[])).ends_with("TSval=5 TSecr=6 SLE=3000 SRE=4000"));
    let arp = |op: u8| {
        let mut f = EthernetRepr { dst: MacAddr::BROADCAST, src: MacAddr::ZERO, ethertype: 0x0806 }.emit().to_vec();
        f.extend_from_slice(&[0, 1, 8, 0, 6, 4, 0, op, 2, 0, 0, 0, 0, 1, 192, 168, 1, 1, 0, 0, 0, 0, 0, 0]);
        f.extend_from_slice(&[192, 168, 1, 100]);
        summary(&f)
    };
    assert_eq!(arp(1), "Who has 192.168.1.100? Tell 192.168.1.1");
    assert_eq!(arp(2), "192.168.1.1 is at 02:00:00:00:00:01");
    assert_eq!(
        summary(&ip_frame(1, &[8, 0, 0, 0, 0, 9, 0, 2])),
        "192.168.1.1 > 192.168.1.100 Echo (ping) request id=0x0009, seq=2, ttl=64"
    );
    assert_eq!(
        summary(&ip_frame(1, &[3, 3, 0, 0, 0, 0, 0, 0])),
        "192.168.1.1 > 192.168.1.100 Destination unreachable (Port unreachable)"
    );
    let frag_needed = header(Proto::Icmp, &[3, 4, 0, 0, 0, 0, 5, 0xdc]);
    assert_eq!(field(&frag_needed, "icmp.mtu").value, "1500");
}

#[test]
fn an_empty_header_gives_the_layout_without_values() {
    for proto in [Proto::Ethernet, Proto::Arp, Proto::Ipv4, Proto::Icmp, Proto::Udp, Proto::Tcp] {
        let view = header(proto, &[]);
        assert!(view.fields.len() >= 3, "{proto:?}");
        let mut next = 0;
        for f in &view.fields {
            assert_eq!(f.bit, next, "{proto:?} {}", f.name);
            assert!(f.value.is_empty() && f.raw.is_empty(), "{proto:?} {}", f.name);
            next = f.bit + f.bits;
        }
    }
}

#[test]
fn fields_cover_every_bit_of_a_full_header() {
    let d = frame(&syn());
    for h in &d.headers {
        assert_eq!(h.fields.iter().map(|f| f.bits).sum::<u32>() as usize, h.len * 8, "{:?}", h.proto);
        assert!(h.fields.iter().all(|f| !f.raw.is_empty()));
    }
}

/// Random bytes that often look like a frame: a valid one, with bytes changed and cut.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let spoilt =
        (any::<prop::sample::Index>(), prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6));
    let spoil = |(cut, changes): (prop::sample::Index, Vec<(prop::sample::Index, u8)>)| {
        let mut frame = syn();
        for (at, value) in changes {
            let len = frame.len();
            frame[at.index(len)] = value;
        }
        frame.truncate(cut.index(frame.len() + 1));
        frame
    };
    prop_oneof![prop::collection::vec(any::<u8>(), 0..90), spoilt.prop_map(spoil)]
}

/// A quick generator: a hundred thousand cases in about a second.
#[test]
fn a_hundred_thousand_random_frames_never_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let good = [syn(), tcp_frame(ACK, &[], b"data"), ip_frame(1, &[3, 4, 0, 0, 0, 0, 0, 0]), ip_frame(17, &[0; 12])];
    for _ in 0..100_000 {
        let mut f = good[next() as usize % good.len()].clone();
        for _ in 0..next() % 8 {
            let at = next() as usize % f.len();
            f[at] = next() as u8;
        }
        f.truncate(next() as usize % (f.len() + 1));
        let parts = split(&f, f.len() + (next() % 3) as usize);
        assert!(parts.windows(2).all(|w| w[0].at + w[0].len <= w[1].at));
        let _ = summary(&f);
        let _ = header(Proto::Tcp, &f);
        let _ = header(Proto::Icmp, &f);
        if next() % 8 == 0 {
            let _ = frame(&f);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_taken_apart_without_panic(bytes in bytes()) {
        let _ = frame(&bytes);
        for proto in [Proto::Ethernet, Proto::Arp, Proto::Ipv4, Proto::Icmp, Proto::Udp, Proto::Tcp, Proto::Payload, Proto::Fcs] {
            let view = header(proto, &bytes);
            prop_assert_eq!(view.len, bytes.len());
        }
    }
}
