//! Files judged by tshark; without it the test says so and passes.

use super::*;
use crate::scene::story::{ALICE, BOB, Story, config};
use stack::skb::SkbId;
use stack::trace::Context;
use std::process::Command;

/// Runs tshark on a file: lines of tab-separated fields.
fn tshark(name: &str, file: &[u8], fields: &[&str]) -> Option<Vec<Vec<String>>> {
    let path = std::env::temp_dir().join(format!("sendpath-{name}-{}.pcapng", std::process::id()));
    std::fs::write(&path, file).unwrap();
    let mut command = Command::new("tshark");
    command.arg("-r").arg(&path).args(["-T", "fields"]);
    for option in ["ip.check_checksum", "tcp.check_checksum", "udp.check_checksum", "eth.check_fcs"] {
        command.args(["-o", &format!("{option}:TRUE")]);
    }
    for field in fields {
        command.args(["-e", field]);
    }
    let output = command.output();
    std::fs::remove_file(&path).unwrap();
    let Ok(output) = output else {
        eprintln!("skipped: no tshark");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|l| l.split('\t').map(str::to_owned).collect()).collect())
}

const FIELDS: [&str; 9] = [
    "frame.interface_name",
    "frame.len",
    "frame.time_relative",
    "_ws.malformed",
    "ip.checksum.status",
    "tcp.checksum.status",
    "eth.fcs.status",
    "frame.comment",
    "_ws.expert.severity",
];

/// Checks every line: nothing malformed, every checksum good (1) or not there.
fn assert_clean(lines: &[Vec<String>]) {
    for line in lines {
        assert_eq!(line[3], "", "malformed: {line:?}");
        for status in &line[4..7] {
            // The header that an ICMP error quotes has a status of its own.
            assert!(status.split(',').all(|s| matches!(s, "" | "1")), "bad checksum: {line:?}");
        }
        assert_eq!(line[6], if line[0] == "wire" { "1" } else { "" }, "FCS: {line:?}");
        assert!(!line[7].is_empty(), "no comment: {line:?}");
    }
}

#[test]
fn one_frame_is_seen_at_three_taps() {
    let mut story = Story::new();
    let (_original, clone) = story.send();
    let (frame, bytes) = story.transmit(clone);
    let skb = story.receive(frame, &bytes);
    let file = write(story.tracer.log(), &config());
    let Some(lines) = tshark("story", &file, &FIELDS) else { return };
    assert_clean(&lines);
    let seen: Vec<(&str, &str)> = lines.iter().map(|l| (l[0].as_str(), l[1].as_str())).collect();
    assert_eq!(seen, [("alice-eth0", "71"), ("wire", "75"), ("bob-eth0", "71")]);
    assert_eq!(lines[0][2], "0.000000000");
    assert!(lines[0][7].starts_with("TX ring of alice: ndo_start_xmit, skb #2, event "));
    assert!(lines[1][7].starts_with("On the wire: sent by alice, frame 1, event "));
    assert!(lines[2][7].starts_with(&format!("DMA into the memory of bob: skb #{}, event ", skb.id().0)));
}

#[test]
fn a_frame_from_outside_is_seen_where_it_came_in() {
    let mut story = Story::new();
    let (_original, clone) = story.send();
    let (frame, bytes) = story.transmit(clone);
    // Only the receiving half of the log is kept.
    let first = story.tracer.log().next_id();
    story.on(BOB, Context::Nic, |cx| {
        cx.trace.emit_bytes(&bytes, |bytes| What::FrameBytes { frame, skb: SkbId::NONE, bytes });
    });
    let _skb = story.receive(frame, &bytes);
    let mut log = story.tracer.log().clone();
    let kept = log.next_bytes();
    let _ = kept;
    log.cut_before(first, 0);
    let Some(lines) = tshark("outside", &write(&log, &config()), &FIELDS) else { return };
    assert_clean(&lines);
    assert_eq!((lines.len(), lines[0][0].as_str()), (1, "bob-eth0"));
}

#[test]
fn a_log_whose_bytes_are_gone_still_gives_a_file() {
    let mut story = Story::new();
    let (_original, clone) = story.send();
    let (frame, bytes) = story.transmit(clone);
    let _skb = story.receive(frame, &bytes);
    for first in 1..story.tracer.log().next_id().0 {
        let mut log = story.tracer.log().clone();
        let keep = log.next_bytes();
        log.cut_before(EventId(first), keep);
        assert!(write(&log, &config()).len() > 100);
    }
    assert_eq!(story.tracer.log().get(EventId(1)).unwrap().host, ALICE);
}

#[test]
fn tshark_finds_nothing_wrong_with_a_bad_wire_and_a_router() {
    let scenario = |wire: &str, program: &str| {
        format!(
            "title = \"t\"\nseed = 5\n\
             [[host]]\nname = \"alice\"\naddress = \"192.168.1.1/24\"\ngateway = \"192.168.1.254\"\n\
             [[host]]\nname = \"router\"\nforward = true\n\
             [[host.interface]]\naddress = \"192.168.1.254/24\"\n[[host.interface]]\naddress = \"10.0.0.254/24\"\n\
             [[host]]\nname = \"bob\"\naddress = \"10.0.0.1/24\"\ngateway = \"10.0.0.254\"\n\
             [[wire]]\nbetween = [\"alice\", \"router:eth0\"]\nrate = \"100Mbit\"\ndelay = \"1ms\"\n{wire}\n\
             [[wire]]\nbetween = [\"router:eth1\", \"bob\"]\nrate = \"100Mbit\"\ndelay = \"1ms\"\n\
             [[program]]\nhost = \"bob\"\nbuiltin = \"httpd\"\n\
             [[program]]\nhost = \"alice\"\nbuiltin = \"{program}\"\nstart = \"1ms\"\n"
        )
    };
    for (name, wire, program) in [
        ("bad", "loss = 3\nduplicate = 2\nreorder = 3", "curl -s http://10.0.0.1/bytes/60000"),
        ("refused", "", "curl -s http://10.0.0.1:81/"),
        ("ping", "", "ping -c 2 10.0.0.1"),
        ("nobody", "", "ping -c 1 10.0.0.77"),
    ] {
        let text = scenario(wire, program);
        let scenario = crate::scenario::Scenario::parse("t", &text, &mut |_| Err("no files".into())).unwrap();
        let mut lab = crate::Lab::new(scenario);
        lab.run();
        let Some(lines) = tshark(name, &lab.pcapng(), &FIELDS) else { return };
        assert!(lines.len() > 8, "{name}: {} frames", lines.len());
        assert_clean(&lines);
    }
}
