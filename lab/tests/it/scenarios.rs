//! The shipped scenarios: each runs, says what it should, leaks nothing, and plays again as it was.

use crate::common::{self, SCENARIOS, parse, run, shipped};
use lab::Lab;
use lab::programs::bytes::{sha256_hex, stretch};
use lab::recording::task_of;
use lab::world::TaskState;
use stack::trace::{EventId, FrameOp, What};

fn statuses(lab: &Lab) -> Vec<Option<i32>> {
    let programs = lab.world().tasks().iter().take(lab.scenario().programs.len());
    programs.map(|t| if let TaskState::Exited(status) = t.state() { Some(status) } else { None }).collect()
}

fn ops(lab: &Lab, wanted: FrameOp) -> usize {
    lab.log().since(EventId(1)).filter(|(_, e)| matches!(e.what, What::Frame { op, .. } if op == wanted)).count()
}

#[test]
fn the_digests_are_those_written_down() {
    let digests = common::digests();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/digests.txt"), &digests).unwrap();
    } else {
        assert_eq!(digests, common::DIGESTS, "if that is meant, run the tests with UPDATE_EXPECT=1");
    }
}

#[test]
fn every_scenario_gives_the_same_twice_and_from_the_middle() {
    for (name, text) in SCENARIOS {
        let (one, two) = (run(parse(name, text)), run(parse(name, text)));
        assert_eq!(one.digest(), two.digest(), "{name}");
        for at in [0, one.last().0 / 2, one.last().0] {
            let replay = one.replay_from(EventId(at)).unwrap();
            assert_eq!((replay.difference, replay.digest), (None, one.digest()), "{name} from {at}");
            assert!(replay.same_answers, "{name}");
        }
    }
}

#[test]
fn every_scenario_can_be_forked_anywhere() {
    for (name, text) in SCENARIOS {
        let lab = run(parse(name, text));
        for part in 0..5 {
            let at = EventId(lab.last().0 / 5 * part);
            let mut fork = lab.fork(at, lab::Edit::Nothing).unwrap();
            fork.run();
            assert_eq!(fork.digest(), lab.digest(), "{name} forked at {at:?}");
        }
    }
}

#[test]
fn no_packet_memory_is_left_when_all_is_quiet() {
    for (name, text) in SCENARIOS {
        let lab = run(parse(name, text));
        for host in lab.world().hosts() {
            assert_eq!(host.mem().in_use(), 0, "{name}: {}", host.name());
        }
    }
}

#[test]
fn tapes_play_without_an_interpreter() {
    for (name, text) in SCENARIOS {
        let lab = run(parse(name, text));
        let tapes = lab::tape::Tapes::from_bytes(&lab.tapes().to_bytes()).unwrap();
        let mut played = Lab::with_tapes(parse(name, text), tapes);
        played.run();
        assert_eq!(played.digest(), lab.digest(), "{name}");
    }
}

#[test]
fn send_delivers_its_37_bytes_after_asking_for_the_address() {
    let lab = run(shipped("send.toml"));
    assert_eq!(statuses(&lab), [Some(0), Some(0)]);
    let expected = "received 37 bytes: b'GET / HTTP/1.1\\r\\nHost: example.com\\r\\n\\r\\n'\n";
    assert_eq!(lab.output(task_of(0)), expected);
    let first = lab.log().since(EventId(1)).find_map(|(_, e)| match e.what {
        What::FrameBytes { bytes, .. } => Some(lab.log().bytes(bytes)[..14].to_vec()),
        _ => None,
    });
    let arp_broadcast = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6];
    assert_eq!(first.as_deref(), Some(&arp_broadcast[..]));
}

#[test]
fn hello_says_hello() {
    let lab = run(shipped("hello.toml"));
    assert_eq!(statuses(&lab), [Some(0), Some(0)]);
    assert_eq!((lab.output(task_of(0)).as_str(), lab.output(task_of(1)).as_str()), ("sent\n", "received b'hello'\n"));
    // The addresses are known: no ARP, the first frame is IPv4.
    let arp = lab.log().since(EventId(1)).any(|(_, e)| e.function == stack::trace::Function::ArpSolicit);
    assert!(!arp);
}

#[test]
fn a_bad_wire_delivers_every_byte() {
    let lab = run(shipped("loss.toml"));
    assert_eq!(statuses(&lab), [Some(0), Some(0)]);
    for op in [FrameOp::Lost, FrameOp::Duplicated, FrameOp::Reordered] {
        assert!(ops(&lab, op) > 0, "{op:?}");
    }
    let sum = sha256_hex(&b"0123456789abcdef".repeat(12_500));
    let output = lab.output(task_of(1));
    assert!(output.starts_with("200000 bytes from 192.168.1.1:") && output.contains(&sum), "{output}");
}

#[test]
fn a_switch_carries_tcp_and_ping() {
    let lab = run(shipped("switch.toml"));
    assert_eq!(statuses(&lab)[1..], [Some(0), Some(0)]);
    assert_eq!(lab.output(task_of(1)), "hello, bob\n");
    assert!(lab.output(task_of(2)).contains("2 packets transmitted, 2 received, 0% packet loss"));
}

#[test]
fn a_router_forwards_and_counts_down() {
    let lab = run(shipped("gateway.toml"));
    assert_eq!(statuses(&lab)[1..], [Some(0), Some(0)]);
    assert!(lab.output(task_of(1)).contains("1 received, 0% packet loss"));
    assert!(lab.output(task_of(2)).contains("this page came out of Sendpath"));
}

#[test]
fn nobody_listens_and_python_says_so() {
    let lab = run(shipped("refused.toml"));
    assert_eq!(statuses(&lab), [Some(1)]);
    let expected = "Traceback (most recent call last):\n  File \"refused.py\", line 4, in <module>\n    \
                    s.connect(('192.168.1.100', 8080))";
    let output = lab.output(task_of(0));
    assert!(output.starts_with(expected), "{output}");
    assert!(output.ends_with("ConnectionRefusedError: [Errno 111] Connection refused\n"), "{output}");
}

#[test]
fn ping_prints_what_ping_prints() {
    let lab = run(shipped("ping.toml"));
    let output = lab.output(task_of(0));
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], "PING 192.168.1.100 (192.168.1.100) 56(84) bytes of data.");
    for (i, line) in lines[1..5].iter().enumerate() {
        assert!(line.starts_with(&format!("64 bytes from 192.168.1.100: icmp_seq={} time=", i + 1)), "{line}");
    }
    assert_eq!(lines[6], "--- 192.168.1.100 ping statistics ---");
    assert!(lines[7].starts_with("4 packets transmitted, 4 received, 0% packet loss, time "), "{}", lines[7]);
    assert!(lines[8].starts_with("rtt min/avg/max/mdev = "), "{}", lines[8]);
}

#[test]
fn http_fetches_a_page_and_a_pattern() {
    let lab = run(shipped("http.toml"));
    assert_eq!(statuses(&lab)[1..], [Some(0), Some(0)]);
    let page = lab.output(task_of(1));
    assert!(page.starts_with("HTTP/1.1 200 OK\r\nServer: sendpath/"), "{page}");
    assert_eq!(lab.output(task_of(2)), format!("200 100000 {}\n", sha256_hex(&stretch(0, 100_000))));
}
