//! Files that other tools would write, files that are broken, and lists of runs.

use super::{Direction, Packets};
use crate::{Lab, scenario::Scenario};
use proptest::prelude::*;
use std::sync::OnceLock;

fn lab() -> Lab {
    let text = include_str!("fetch.toml");
    let mut lab = Lab::new(Scenario::parse("fetch.toml", text, &mut |_| Ok(String::new())).expect("a scenario"));
    lab.run();
    lab
}

fn pcapng() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| lab().pcapng())
}

/// The classic format, as tcpdump writes it.
fn pcap(packets: &Packets) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4u32.to_le_bytes());
    for half in [2u16, 4] {
        file.extend(half.to_le_bytes());
    }
    for word in [0u32, 0, 262_144, 1] {
        file.extend(word.to_le_bytes());
    }
    for index in 0..packets.len() {
        let view = packets.get(index).expect("a packet");
        let at = view.since_first_ns;
        for word in [(at / 1_000_000_000) as u32, (at % 1_000_000_000 / 1000) as u32] {
            file.extend(word.to_le_bytes());
        }
        file.extend((view.bytes.len() as u32).to_le_bytes());
        file.extend((view.bytes.len() as u32).to_le_bytes());
        file.extend(view.bytes);
    }
    file
}

#[test]
fn what_we_save_we_can_open() {
    let opened = Packets::open(pcapng()).expect("our own file");
    assert_eq!((opened.format, opened.cut), ("pcapng", None));
    let packets = opened.packets;
    assert_eq!(packets.interfaces(), ["alice-eth0", "bob-eth0", "wire"]);
    let first = packets.line(0).expect("a packet");
    assert_eq!((first.protocol.as_str(), first.info.as_str()), ("ARP", "Who has 10.0.0.2? Tell 10.0.0.1"));
    assert_eq!((first.number, first.destination.as_str()), (1, "Broadcast"));
}

#[test]
fn a_pcap_says_the_same_as_the_run_it_came_from() {
    let lab = lab();
    let run = Packets::of_run(lab.log(), lab.config());
    let file = Packets::open(&pcap(&run)).expect("a pcap").packets;
    assert_eq!(file.len(), run.len());
    for index in 0..run.len() {
        let (a, b) = (run.line(index).expect("one"), file.line(index).expect("the other"));
        assert_eq!((a.source, a.destination, a.info, a.stream), (b.source, b.destination, b.info, b.stream));
    }
    let syn = run.line(2).expect("the SYN");
    assert!(syn.info.contains("[SYN] Seq=0 Win="), "{}", syn.info);
    let data = (0..run.len()).filter_map(|i| run.line(i)).find(|l| l.info.contains("Len=1448")).expect("data");
    assert!(data.info.contains("80 → ") && data.info.contains(" Ack=92 "), "{}", data.info);
}

#[test]
fn a_stream_is_followed_byte_for_byte() {
    let lab = lab();
    let packets = Packets::of_run(lab.log(), lab.config());
    let streams = packets.streams();
    assert_eq!(streams.len(), 1);
    assert!(streams[0].from_the_beginning && streams[0].to == "10.0.0.2:80", "{streams:?}");
    let followed = packets.follow(0).expect("the stream");
    assert_eq!(followed.pieces.len(), 2, "a question and an answer");
    assert_eq!(followed.pieces[0].direction, Direction::There);
    assert!(followed.pieces[0].bytes.starts_with(b"GET /bytes/20000 HTTP/1.1"));
    let answer = &followed.pieces[1].bytes;
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    assert_eq!(answer.len() as u64, streams[0].bytes[1]);
    assert!(packets.follow(1).is_none());
}

#[test]
fn lost_reordered_and_repeated_segments_are_put_in_order() {
    let mut packets = Packets::default();
    let all = Packets::open(pcapng()).expect("our own file").packets;
    // The wire's view, with some packets swapped and some twice.
    let wire: Vec<usize> = (0..all.len()).filter(|i| all.line(*i).expect("it").interface == "wire").collect();
    let mut order = wire.clone();
    order.swap(10, 12);
    order.insert(14, wire[9]);
    let mut file = pcap_header();
    for index in &order {
        record(&mut file, all.get(*index).expect("a packet").bytes);
    }
    std::mem::swap(&mut packets, &mut Packets::open(&file).expect("a pcap").packets);
    let (straight, mixed) = (Packets::open(pcapng()).expect("it").packets.follow(0), packets.follow(0));
    let said = |f: Option<super::Followed>| -> Vec<u8> {
        f.expect("a stream")
            .pieces
            .into_iter()
            .filter(|p| p.direction == Direction::Back)
            .flat_map(|p| p.bytes)
            .collect()
    };
    assert_eq!(said(straight), said(mixed));
    assert!((0..packets.len()).any(|i| packets.line(i).expect("it").again));
    // One segment is missing: it says how much, and goes on.
    let mut file = pcap_header();
    let big = |i: &usize| all.line(*i).expect("it").info.contains("Len=1448");
    let third = wire.iter().filter(|i| big(i)).nth(2).copied();
    for index in wire.iter().filter(|i| Some(**i) != third) {
        record(&mut file, all.get(*index).expect("a packet").bytes);
    }
    let packets = Packets::open(&file).expect("a pcap").packets;
    let followed = packets.follow(0).expect("the stream");
    assert_eq!(followed.pieces.iter().map(|p| p.missing).sum::<u64>(), 1448);
}

fn pcap_header() -> Vec<u8> {
    pcap(&Packets::default())
}

fn record(file: &mut Vec<u8>, bytes: &[u8]) {
    for word in [0u32, 0, bytes.len() as u32, bytes.len() as u32] {
        file.extend(word.to_le_bytes());
    }
    file.extend(bytes);
}

#[test]
fn a_bad_file_says_what_and_where() {
    let what = |file: &[u8]| Packets::open(file).map(|o| o.packets.len()).expect_err("it is broken");
    assert_eq!(what(b"").what, "The file is empty.");
    assert!(what(b"hello, world").what.starts_with("It begins with 68 65 6c 6c."));
    assert!(what(&[0x1f, 0x8b, 8, 0]).what.contains("gzip"));
    let whole = pcapng();
    let opened = Packets::open(&whole[..whole.len() - 7]).expect("as far as it goes");
    let cut = opened.cut.expect("it says so");
    assert!(cut.what.starts_with("The file ends in the middle of a block, after "), "{cut:?}");
    assert!(cut.at as usize > whole.len() - 2000);
    let mut file = pcap_header();
    file.extend([1, 2, 3]);
    assert_eq!(what(&file), super::Broken { at: 24, what: "The file ends in the middle of its first packet.".into() });
}

#[test]
fn packets_of_raw_ip_have_no_ethernet_header() {
    let all = Packets::open(pcapng()).expect("our own file").packets;
    let mut file = pcap_header();
    file[20] = 101;
    for index in 0..all.len() {
        record(&mut file, &all.get(index).expect("a packet").bytes[14..]);
    }
    let packets = Packets::open(&file).expect("a pcap").packets;
    let syn = (0..packets.len()).find(|i| packets.line(*i).expect("it").info.contains("[SYN]")).expect("a SYN");
    assert_eq!(packets.scene(syn).expect("a scene").frames[0].regions[0].proto, stack::trace::Proto::Ipv4);
}

#[test]
fn runs_are_compared_by_what_their_packets_say() {
    let lab = lab();
    let run = Packets::of_run(lab.log(), lab.config());
    assert!(super::compare(&run, &run).iter().all(|row| row.same));
    let mut file = pcap_header();
    for index in (0..run.len()).filter(|index| *index != 5) {
        record(&mut file, run.get(index).expect("a packet").bytes);
    }
    let less = Packets::open(&file).expect("a pcap").packets;
    let rows = super::compare(&run, &less);
    let alone: Vec<u32> =
        rows.iter().filter(|row| row.two.is_none()).filter_map(|row| row.one.as_ref()).map(|l| l.number).collect();
    assert_eq!(alone, [6]);
    assert!(rows.iter().all(|row| row.same || row.two.is_none()));
}

proptest! {
    #[test]
    fn nothing_in_a_file_makes_it_panic(at in 0usize..4000, with in any::<[u8; 4]>(), cut in 0usize..6000) {
        let mut file = pcapng()[..pcapng().len().min(cut + 200)].to_vec();
        let at = at % (file.len() - 4);
        file[at..at + 4].copy_from_slice(&with);
        look(&file);
    }

    #[test]
    fn no_packet_makes_it_panic(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..8), link in 0u8..120) {
        let mut file = pcap_header();
        file[20] = link;
        for mut frame in frames {
            if frame.len() > 24 {
                frame[12..14].copy_from_slice(&[8, 0]);
                frame[14] = 0x45;
                frame[23] = 6;
            }
            record(&mut file, &frame);
        }
        look(&file);
    }
}

fn look(file: &[u8]) {
    let Ok(opened) = Packets::open(file) else { return };
    let packets = opened.packets;
    for index in 0..packets.len() {
        let _ = (packets.line(index), packets.scene(index));
    }
    for stream in packets.streams() {
        let _ = packets.follow(stream.stream);
    }
}
