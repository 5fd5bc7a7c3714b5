//! The fold, captions, timeline and pcapng on real runs.

use super::*;
use crate::Lab;
use crate::dissect;
use crate::scenario::Scenario;
use crate::timeline::TimelineBuilder;
use stack::skb::SkbId;
use stack::syscall::Sysno;
use stack::trace::*;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Two hosts on a wire, an HTTP server and a client that fetches `path`.
fn web(wire: &str, path: &str) -> Lab {
    run(&format!(
        "title = \"t\"\nseed = 3\n\
         [[host]]\nname = \"alice\"\naddress = \"192.168.1.1/24\"\n\
         [[host]]\nname = \"bob\"\naddress = \"192.168.1.100/24\"\n\
         [[wire]]\nbetween = [\"alice\", \"bob\"]\nrate = \"100Mbit\"\ndelay = \"1ms\"\n{wire}\n\
         [[program]]\nhost = \"bob\"\nbuiltin = \"httpd\"\n\
         [[program]]\nhost = \"alice\"\nbuiltin = \"curl -s http://192.168.1.100{path}\"\nstart = \"1ms\"\n"
    ))
}

fn run(scenario: &str) -> Lab {
    let scenario = Scenario::parse("t.toml", scenario, &mut |_| Err("no files".into())).unwrap();
    let mut lab = Lab::new(scenario);
    lab.run();
    lab
}

fn each(lab: &Lab, mut look: impl FnMut(EventId, &Event, &SceneBuilder)) -> SceneBuilder {
    let mut fold = SceneBuilder::new(Rc::clone(lab.config()));
    for (id, event) in lab.log().since(EventId(1)) {
        fold.apply(id, event, lab.log());
        look(id, event, &fold);
    }
    fold
}

fn beats(lab: &Lab) -> Vec<Beat> {
    let mut timeline = TimelineBuilder::new(Rc::clone(lab.config()));
    for (id, event) in lab.log().since(EventId(1)) {
        timeline.apply(id, event, lab.log());
    }
    timeline.beats_from(0)
}

#[test]
fn the_pointers_of_every_skb_are_in_order_at_every_event() {
    let lab = web("", "/");
    each(&lab, |id, _, fold| {
        for host in &fold.hosts {
            for (skb, s) in &host.skbs {
                assert!(s.data <= s.tail && s.tail <= s.end, "{id:?} {skb:?}: {} {} {}", s.data, s.tail, s.end);
            }
            for queues in host.devices.values() {
                let all = queues.qdisc.iter().chain(&queues.tx_ring).chain(&queues.rx_ring);
                for skb in all {
                    assert!(host.skbs.contains_key(skb), "{id:?}: {skb:?} is queued and gone");
                }
            }
        }
    });
}

#[test]
fn at_the_end_of_a_run_nothing_is_left_over() {
    let lab = web("", "/");
    let fold = each(&lab, |_, _, _| {});
    let scene = fold.scene(lab.tapes());
    for (host, real) in scene.hosts.iter().zip(lab.world().hosts()) {
        assert_eq!(host.skbs.len(), real.mem().in_use(), "{}", host.name);
        assert!(host.calls.is_empty(), "{}: {:?}", host.name, host.calls);
        assert_eq!(host.payload_bytes_moved, 0);
    }
    assert!(scene.frames.iter().all(|f| f.lost.is_some()));
    assert!(scene.hosts[0].tasks[0].strace.iter().all(|l| l.returned));
    assert!(scene.hosts[0].tasks[0].strace[0].text.starts_with("socket(AF_INET, SOCK_STREAM"));
}

#[test]
fn each_skb_holds_the_bytes_that_the_card_sends() {
    // What the fold shows between data and tail, put together, is the frame.
    for (path, frames) in [("/", 10), ("/bytes/100000 -o x", 80)] {
        let compared = compare_frames(&web("", path));
        assert!(compared > frames, "{path}: {compared} frames");
    }
    // What is sent again is cut and joined first.
    assert!(compare_frames(&web("loss = 5\nreorder = 5", "/bytes/200000 -o x")) > 150);
}

fn compare_frames(lab: &Lab) -> usize {
    let mut compared = 0;
    each(lab, |id, event, fold| {
        let What::FrameBytes { skb, bytes, .. } = event.what else { return };
        let frame = lab.log().bytes(bytes);
        let scene = fold.scene(lab.tapes());
        let Some(skb) = scene.hosts[usize::from(event.host.0)].skbs.iter().find(|s| s.id == skb) else {
            panic!("{id:?}: {skb:?} is not there");
        };
        let mut at = skb.data;
        for r in skb.regions.iter().filter(|r| r.at >= skb.data && r.at < skb.end) {
            assert_eq!(r.at, at, "{id:?}: a gap");
            let from = (r.at - skb.data) as usize;
            assert_eq!(r.bytes, frame[from..from + r.bytes.len()], "{id:?} {:?}", r.proto);
            at += r.len;
        }
        assert_eq!(at, skb.tail, "{id:?}");
        let (mut at, mut from) = (skb.end, (skb.tail - skb.data) as usize);
        for (frag, r) in skb.frags.iter().zip(skb.regions.iter().filter(|r| r.at >= skb.end)) {
            assert_eq!((r.at, r.len), (at, frag.len), "{id:?}: a gap between fragments");
            assert_eq!(r.bytes, frame[from..from + r.bytes.len()], "{id:?} page {}", frag.page);
            (at, from) = (at + r.len, from + r.len as usize);
        }
        assert_eq!((at - skb.end, skb.len as usize), (skb.data_len, from), "{id:?}");
        compared += 1;
    });
    compared
}

#[test]
fn the_payload_of_every_skb_is_as_long_as_tcp_says() {
    let lab = web("loss = 5\nreorder = 5", "/bytes/200000 -o x");
    let mut paged = 0;
    each(&lab, |id, event, fold| {
        let What::Stream { skb, len, .. } = event.what else { return };
        let host = &fold.hosts[usize::from(event.host.0)];
        let Some(s) = host.skbs.get(&skb) else { panic!("{id:?}: {skb:?} is not there") };
        assert_eq!(s.tail - s.data + s.frags.len(), len, "{id:?} {skb:?}");
        assert!(s.frags.iter().all(|f| f.page > 0 && f.len > 0), "{id:?} {skb:?}");
        paged += usize::from(s.frags.len() > 0);
    });
    assert!(paged > 100, "{paged} with page fragments");
}

#[test]
fn a_super_packet_goes_down_once_and_is_cut_just_before_the_driver() {
    let lab = web("", "/bytes/100000 -o x");
    let (mut whole, mut segments, mut sizes) = (None, 0, Vec::new());
    each(&lab, |id, event, fold| match event.what {
        What::SkbGso { skb, size, segs } if segs > 0 => {
            let scene = fold.scene(&NoCalls);
            let scene = &scene.hosts[usize::from(event.host.0)];
            let seen = scene.skbs.iter().find(|s| s.id == skb).unwrap();
            assert_eq!((seen.gso, seen.len), (Some((size, segs)), seen.data_len), "{id:?}");
            assert_eq!(u32::from(segs), seen.len.div_ceil(size.into()), "{id:?}");
            let original = scene.skbs.iter().find(|s| Some(s.id) == seen.clone_of).unwrap();
            assert_eq!((original.gso, &original.frags), (seen.gso, &seen.frags), "{id:?}: one shared info");
            assert!(seen.frags.iter().all(|f| f.references >= 2), "{id:?}: {:?}", seen.frags);
            (whole, segments) = (Some((skb, segs)), 0);
            sizes.push(segs);
        }
        What::Header { proto: Proto::Ethernet, skb, .. } if event.function == Function::TcpGsoSegment => {
            segments += 1;
            let scene = fold.scene(&NoCalls);
            let segment = scene.hosts[usize::from(event.host.0)].skbs.iter().find(|s| s.id == skb).unwrap();
            let (_, segs) = whole.unwrap();
            assert_eq!(segment.gso, None);
            let payload: Vec<u32> =
                segment.regions.iter().filter(|r| r.proto == Proto::Payload).map(|r| r.len).collect();
            assert_eq!(segment.data_len, payload.iter().sum::<u32>(), "{id:?}");
            assert!(segment.regions.iter().all(|r| !r.bytes.is_empty()), "{id:?}: every segment has letters");
            assert!(segments <= segs, "{id:?}");
            assert_eq!(scene.hosts[usize::from(event.host.0)].payload_bytes_moved, 0, "{id:?}");
        }
        What::Header { proto: Proto::Tcp, skb, .. } if whole.is_some_and(|(id, _)| id == skb) && segments == 0 => {
            let text = &fold.scene(&NoCalls).caption;
            assert!(text.starts_with("TCP moved one pointer and wrote 32 bytes in front."), "{id:?} {text}");
        }
        _ => {}
    });
    assert!(sizes.iter().any(|segs| *segs > 2), "{sizes:?}");
}

#[test]
fn every_sent_frame_is_well_formed_and_its_checksums_are_right() {
    let lab = web("loss = 2\nduplicate = 2\nreorder = 2", "/bytes/100000 -o x");
    for (_, event) in lab.log().since(EventId(1)) {
        let What::FrameBytes { bytes, .. } = event.what else { continue };
        let d = dissect::frame(lab.log().bytes(bytes));
        let verdicts: Vec<&String> = d.headers.iter().flat_map(|h| &h.fields).flat_map(|f| &f.computed).collect();
        assert!(verdicts.iter().all(|v| !v.contains("incorrect")), "{} {verdicts:?}", d.summary);
        assert_eq!(d.headers.last().unwrap().proto, Proto::Fcs);
    }
}

#[test]
fn the_journey_of_a_request_has_between_14_and_40_beats_in_every_layer() {
    let lab = web("", "/");
    let beats = beats(&lab);
    let what = |b: &Beat| lab.log().get(b.event).unwrap().what;
    let first = |from: usize, f: &dyn Fn(&Beat) -> bool| from + beats[from..].iter().position(f).unwrap();
    let send = first(0, &|b| matches!(what(b), What::SyscallEnter { nr: Sysno::Sendto, .. }));
    let sent = first(send, &|b| matches!(what(b), What::Frame { op: FrameOp::Transmit, .. }));
    let What::Frame { frame: request, .. } = what(&beats[sent]) else { panic!() };
    let arrives =
        first(sent, &|b| matches!(what(b), What::Frame { op: FrameOp::Arrive, frame, .. } if frame == request));
    let queued = first(arrives, &|b| matches!(what(b), What::Queue { kind: QueueKind::Receive, .. }));
    let read = first(queued, &|b| matches!(what(b), What::Copy { kind: CopyKind::ToUser, .. }));
    let mut journey = beats[send..=sent].to_vec();
    journey.extend_from_slice(&beats[arrives..=queued]);
    journey.push(beats[read].clone());
    assert!((14..=40).contains(&journey.len()), "{} beats", journey.len());
    let layers: BTreeSet<Layer> = journey.iter().map(|b| b.layer).collect();
    for layer in Layer::ALL.into_iter().filter(|l| !matches!(l, Layer::User | Layer::Qdisc)) {
        assert!(layers.contains(&layer), "no beat in {layer:?}");
    }
    let captions: Vec<&str> = journey.iter().map(|b| b.caption.as_str()).collect();
    for expected in [
        "TCP keeps the original; a clone goes down. Both share the same 85 bytes.",
        "IP moved one pointer and wrote 20 bytes in front. The 85 bytes stayed put.",
        "Ethernet took off its 14 bytes: data moved right, no byte was copied.",
        "TCP took off its 32 bytes: data moved right, no byte was copied.",
    ] {
        assert!(captions.contains(&expected), "{captions:#?}");
    }
}

#[test]
fn the_caption_of_a_beat_is_the_caption_of_its_scene() {
    let lab = web("", "/");
    let captions: BTreeMap<EventId, String> = beats(&lab).into_iter().map(|b| (b.event, b.caption)).collect();
    each(&lab, |id, event, fold| {
        let scene = fold.scene(&NoCalls);
        assert!(scene.caption.chars().count() <= 90 && !scene.caption.is_empty(), "{id:?}");
        let told = scene.event.as_ref().unwrap();
        assert!(!told.text.is_empty() && told.function == event.function);
        if let Some(caption) = captions.get(&id) {
            assert_eq!(*caption, scene.caption);
        }
    });
}

#[test]
fn each_packet_starts_once() {
    let lab = web("", "/");
    let starts: Vec<Option<SkbId>> = beats(&lab).iter().filter(|b| b.packet_start).map(|b| b.skb).collect();
    let sent = lab.log().since(EventId(1)).filter(|(_, e)| matches!(e.what, What::Frame { op: FrameOp::Transmit, .. }));
    let unique: BTreeSet<_> = starts.iter().collect();
    assert_eq!(unique.len(), starts.len(), "{starts:?}");
    assert_eq!(starts.len(), sent.count());
}

#[test]
fn a_retransmission_is_a_packet_of_its_own() {
    let lab = web("loss = 10", "/bytes/60000 -o x");
    let beats = beats(&lab);
    let again: Vec<&Beat> = beats.iter().filter(|b| b.caption.starts_with("Sent again")).collect();
    assert!(!again.is_empty());
    assert!(again.iter().all(|b| b.packet_start));
}

#[test]
fn a_fold_from_any_keyframe_gives_the_same_scene() {
    let lab = web("", "/");
    let mut keys = Vec::new();
    let end = each(&lab, |id, _, fold| {
        if id.0 % 97 == 0 {
            keys.push((id, fold.clone()));
        }
    });
    let end = end.scene(lab.tapes());
    for (id, mut key) in keys {
        for (next, event) in lab.log().since(EventId(id.0 + 1)) {
            key.apply(next, event, lab.log());
        }
        assert_eq!(key.scene(lab.tapes()), end, "from {id:?}");
    }
}

#[test]
fn time_commands_walk_along_the_beats_and_back() {
    let lab = web("", "/");
    let timeline = lab.timeline();
    let mut at = timeline.seek(EventId(1), TimeCommand::Start);
    let mut there = Vec::new();
    while at != timeline.last {
        let next = timeline.seek(at, TimeCommand::StepBeats(1));
        assert!(next > at);
        there.push(at);
        at = next;
    }
    assert!(there.len() >= timeline.beats.len() - 1);
    for expected in there.into_iter().rev() {
        at = timeline.seek(at, TimeCommand::StepBeats(-1));
        assert_eq!(at, expected.max(timeline.first));
    }
    let packet = timeline.seek(timeline.first, TimeCommand::StepPackets(1));
    assert!(timeline.beats.iter().any(|b| b.event == packet && b.packet_start));
    assert_eq!(timeline.seek(packet, TimeCommand::StepPackets(-1)), timeline.first);
    assert_eq!(timeline.seek(packet, TimeCommand::StepEvents(-1)), EventId(packet.0 - 1));
    assert_eq!(timeline.seek(packet, TimeCommand::Seek(EventId(u32::MAX))), timeline.last);
}

#[test]
fn a_pcapng_of_a_run_has_a_tap_for_each_interface_and_the_wire() {
    use pcap_file::pcapng::{Block, PcapNgReader};
    let lab = web("", "/");
    let file = lab.pcapng();
    let mut reader = PcapNgReader::new(&file[..]).unwrap();
    let (mut interfaces, mut packets, mut last) = (0, vec![0; 3], std::time::Duration::ZERO);
    while let Some(block) = reader.next_block() {
        match block.unwrap().0 {
            Block::InterfaceDescription(_) => interfaces += 1,
            Block::EnhancedPacket(p) => {
                packets[p.interface_id as usize] += 1;
                assert!(p.timestamp >= last, "in order of time");
                last = p.timestamp;
                assert_eq!(p.options.len(), 1, "a comment");
                let full = dissect::without_fcs(&p.data);
                assert_eq!(full < p.data.len(), p.interface_id == 2, "FCS on the wire only");
            }
            _ => {}
        }
    }
    assert_eq!(interfaces, 3);
    assert_eq!(packets[0] + packets[1], 2 * packets[2], "each frame is sent once and received once");
}
