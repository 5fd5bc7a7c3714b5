//! What the drawers show of real runs.

use super::*;
use crate::Lab;
use crate::scenario::Scenario;
use stack::trace::{FrameOp, HostId, What};

fn run(wire: &str, builtin: &str) -> Lab {
    let text = format!(
        "title = \"t\"\nseed = 3\n\
         [[host]]\nname = \"alice\"\naddress = \"192.168.1.1/24\"\n\
         [[host]]\nname = \"bob\"\naddress = \"192.168.1.100/24\"\n\
         [[wire]]\nbetween = [\"alice\", \"bob\"]\nrate = \"10Mbit\"\ndelay = \"5ms\"\n{wire}\n\
         [[program]]\nhost = \"bob\"\nbuiltin = \"httpd\"\n\
         [[program]]\nhost = \"alice\"\nbuiltin = \"{builtin}\"\nstart = \"1ms\"\n"
    );
    let scenario = Scenario::parse("t.toml", &text, &mut |_| Err("no files".into())).unwrap();
    let mut lab = Lab::new(scenario);
    lab.run();
    lab
}

fn web(wire: &str, path: &str) -> Lab {
    run(wire, &format!("curl -s http://192.168.1.100{path}"))
}

fn ladder(lab: &Lab, at: EventId, window: Option<(u64, u64)>) -> Ladder {
    match lab.pane(&PaneQuery::Ladder { at, window }) {
        PaneView::Ladder(ladder) => ladder,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_frame_of_a_short_run_is_a_rung_and_true_to_time() {
    let lab = web("", "/");
    let ladder = ladder(&lab, lab.last(), None);
    let sent = lab.log().since(EventId(1)).filter(|(_, e)| matches!(e.what, What::Frame { op: FrameOp::Transmit, .. }));
    assert_eq!(ladder.rungs.len(), sent.count());
    assert_eq!(ladder.left_out, 0);
    for rung in &ladder.rungs {
        assert_eq!(rung.end_ns - rung.out_ns, 5_000_000, "the delay of the wire: {rung:?}");
        let Some(What::Frame { len, .. }) = lab.log().get(rung.sent).map(|event| event.what) else {
            panic!("{rung:?}")
        };
        assert_eq!(rung.out_ns - rung.sent_ns, u64::from(len.max(64) + 20) * 800, "{rung:?}");
    }
    let names: Vec<&str> = ladder.columns.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["alice", "bob"]);
}

#[test]
fn labels_count_from_the_handshake() {
    let lab = web("", "/");
    let ladder = ladder(&lab, lab.last(), None);
    let labels: Vec<&str> =
        ladder.rungs.iter().filter(|r| r.proto == stack::trace::Proto::Tcp).map(|r| r.label.as_str()).collect();
    assert!(labels[0].starts_with("SYN seq 0 win 6"), "{}", labels[0]);
    assert!(labels[1].starts_with("SYN ACK seq 0 ack 1 win 6"), "{}", labels[1]);
    assert!(labels[2].starts_with("ACK seq 1 ack 1 win 6"), "{}", labels[2]);
    assert!(labels[3].starts_with("PSH ACK seq 1–") && labels[3].contains(" len "), "{}", labels[3]);
}

#[test]
fn what_is_lost_ends_on_the_way_and_what_is_sent_again_says_so() {
    let lab = web("loss = 8", "/bytes/60000 -o x");
    let all = Flow::read(lab.log(), lab.config());
    let end = all.legs.last().unwrap().end_ns;
    let (mut lost, mut again) = (0, 0);
    for window in (0..end).step_by(20_000_000) {
        let ladder = ladder(&lab, EventId(1), Some((window, window + 20_000_000)));
        lost += ladder.rungs.iter().filter(|r| r.lost.is_some()).count();
        again += ladder.rungs.iter().filter(|r| r.again).count();
        for rung in ladder.rungs.iter().filter(|r| r.lost.is_some()) {
            assert!(rung.end_ns > rung.out_ns && rung.end_ns < rung.out_ns + 5_000_000, "{rung:?}");
        }
    }
    assert!(lost > 0 && again > 0, "{lost} {again}");
}

#[test]
fn a_long_run_makes_a_small_answer_around_the_cursor() {
    let lab = web("loss = 1", "/bytes/400000 -o x");
    let middle = EventId(lab.last().0 / 2);
    let now = lab.log().get(middle).unwrap().at.as_nanos();
    let near = ladder(&lab, middle, None);
    assert!(near.window.0 <= now && now <= near.window.1, "{:?} {now}", near.window);
    assert!(near.rungs.len() < 40, "{}", near.rungs.len());
    let whole = ladder(&lab, middle, Some(near.run));
    assert!(whole.rungs.len() <= 64 && whole.left_out > 100, "{} {}", whole.rungs.len(), whole.left_out);
    assert!(whole.rungs.iter().any(|r| r.lost.is_some()), "losses stay when frames are left out");
}

#[test]
fn a_task_that_waits_and_a_timer_that_runs_are_bands() {
    let lab = web("loss = 8", "/bytes/60000 -o x");
    let run = ladder(&lab, lab.last(), None).run;
    let ladder = ladder(&lab, lab.last(), Some(run));
    assert!(
        ladder.bands.iter().any(|b| b.kind == BandKind::Asleep && b.text.contains("sleeps in ")),
        "{:?}",
        ladder.bands
    );
    for band in &ladder.bands {
        assert!(band.from_ns < band.end_ns && band.node < Node(2), "{band:?}");
    }
}

#[test]
fn through_a_switch_a_frame_has_a_way_for_each_wire() {
    let text = "title = \"t\"\nseed = 3\n\
         [[host]]\nname = \"alice\"\naddress = \"192.168.1.1/24\"\n\
         [[host]]\nname = \"bob\"\naddress = \"192.168.1.100/24\"\n\
         [[switch]]\nname = \"sw\"\nconnects = [\"alice\", \"bob\"]\ndelay = \"2ms\"\n\
         [[program]]\nhost = \"alice\"\nbuiltin = \"ping -c 1 192.168.1.100\"\n";
    let Ok(scenario) = Scenario::parse("t.toml", text, &mut |_| Err("no files".into())) else {
        panic!("{:?}", Scenario::parse("t.toml", text, &mut |_| Err("no files".into())).err().map(|e| e.to_string()))
    };
    let mut lab = Lab::new(scenario);
    lab.run();
    let ladder = ladder(&lab, lab.last(), None);
    let bob = Node::from(HostId(1));
    let switch = Node(2);
    let (onto, out_of) = (
        ladder.rungs.iter().filter(|r| r.to == switch).count(),
        ladder.rungs.iter().filter(|r| r.from == switch).count(),
    );
    assert_eq!(onto, out_of, "{:#?}", ladder.rungs);
    assert_eq!(ladder.columns.iter().map(|(node, _)| *node).collect::<Vec<_>>(), [Node(0), switch, bob]);
    for rung in ladder.rungs.iter().filter(|r| r.to == bob) {
        assert_eq!(rung.end_ns - rung.out_ns, 2_000_000, "{rung:?}");
        assert!(rung.label.is_empty(), "one label a frame: {rung:?}");
    }
}

fn plots(lab: &Lab, window: Option<(u64, u64)>) -> Plots {
    match lab.pane(&PaneQuery::Plots { connection: 0, window }) {
        PaneView::Plots(plots) => *plots,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_sequence_plot_lies_between_the_ack_line_and_the_window_line() {
    let lab = web("loss = 3", "/bytes/200000 -o x");
    let plots = plots(&lab, None);
    assert_eq!(plots.sender, Some(HostId(1)), "the server sends most");
    assert!(plots.connections[0].0.starts_with("192.168.1.100:80 "), "{:?}", plots.connections);
    let at = |line: &Steps, now: u64| {
        let after = line.partition_point(|(when, _)| *when <= now);
        after.checked_sub(1).map(|i| line[i].1)
    };
    for s in plots.segments.iter().filter(|s| s.seq > 0) {
        let (ack, end) = (at(&plots.acks, s.at_ns).unwrap(), at(&plots.wends, s.at_ns).unwrap());
        assert!(s.again || s.seq >= ack, "{s:?} {ack}");
        assert!(s.seq + s.len <= end, "{s:?} {end}");
    }
    assert!(plots.segments.iter().any(|s| s.again) && plots.segments.iter().any(|s| s.lost));
    assert!(!plots.sacks.is_empty());
    assert!(plots.acks.last().unwrap().1 > 200_000);
}

#[test]
fn the_windows_are_those_of_the_kernel() {
    let lab = web("", "/bytes/300000 -o x");
    let plots = plots(&lab, None);
    assert!(plots.cwnd.len() > 3 && plots.cwnd[0].1 >= 10 * 1_400, "{:?}", &plots.cwnd[..3]);
    for (at, flight) in &plots.flight {
        let cwnd = plots.cwnd.iter().rev().find(|(when, _)| when <= at).map_or(u32::MAX, |(_, cwnd)| *cwnd);
        assert!(*flight <= cwnd.saturating_add(3_000), "{at}: {flight} in flight, cwnd {cwnd}");
    }
    // 5 ms there, 5 ms back, and what the slow wire adds.
    assert!(plots.srtt.iter().skip(2).all(|(_, us)| (10_000..200_000).contains(us)), "{:?}", plots.srtt);
    let limits: std::collections::BTreeSet<u8> = plots.limits.iter().map(|(_, limit)| *limit as u8).collect();
    assert!(limits.contains(&(Limit::Cwnd as u8)) && limits.contains(&(Limit::App as u8)), "{:?}", plots.limits);
}

#[test]
fn plots_of_a_long_run_are_small() {
    let lab = web("loss = 1", "/bytes/2000000 -o x");
    let view = lab.pane(&PaneQuery::Plots { connection: 0, window: None });
    let bytes = postcard::to_allocvec(&view).unwrap().len();
    assert!(bytes < 96_000, "{bytes} bytes");
}

fn trace(lab: &Lab, at: EventId, skb: Option<crate::scene::SkbRef>) -> CallTrace {
    match lab.pane(&PaneQuery::Calls { at, skb, frame: None }) {
        PaneView::Calls(trace) => trace,
        other => panic!("{other:?}"),
    }
}

/// The skb of the first segment with payload, as the sender's card has it.
fn request(lab: &Lab) -> crate::scene::SkbRef {
    let flow = Flow::read(lab.log(), lab.config());
    let packet = flow.packets.iter().find(|p| p.segment.as_ref().is_some_and(|s| s.len > 0)).unwrap();
    crate::scene::SkbRef { host: HostId(0), skb: packet.skb }
}

#[test]
fn the_trace_of_a_packet_goes_down_one_host_and_up_the_other() {
    let lab = web("", "/");
    let trace = trace(&lab, lab.last(), Some(request(&lab)));
    let on = |host: u8| -> Vec<&str> {
        trace.rows.iter().filter(|r| r.host == HostId(host) && r.touches()).map(|r| r.function.name()).collect()
    };
    let in_order = |functions: &[&str], expected: &[&str]| {
        let mut rest = functions.iter();
        for name in expected {
            assert!(rest.any(|f| f == name), "{name} in {functions:?}");
        }
    };
    in_order(&on(0), &["tcp_sendmsg_locked", "__tcp_transmit_skb", "__ip_queue_xmit", "eth_header", "ndo_start_xmit"]);
    in_order(&on(1), &["eth_type_trans", "ip_rcv", "tcp_v4_rcv", "tcp_rcv_established", "tcp_recvmsg_locked"]);
    for row in &trace.rows {
        assert!(row.exit == EventId::NONE || row.exit >= row.enter, "{row:?}");
    }
    let syscall = trace.rows.iter().find(|r| r.depth == 0).unwrap();
    assert_eq!(syscall.function.name(), "__sys_sendto", "{:?}", &trace.rows[..3]);
}

#[test]
fn without_a_packet_the_trace_is_the_run_of_the_kernel_under_the_cursor() {
    let lab = web("", "/");
    let (at, event) = lab.log().since(EventId(1)).find(|(_, e)| matches!(e.what, What::Route { .. })).unwrap();
    let trace = trace(&lab, at, None);
    let depth_0: Vec<&CallRow> = trace.rows.iter().filter(|r| r.depth == 0).collect();
    assert_eq!(depth_0.len(), 1, "{depth_0:?}");
    assert_eq!(depth_0[0].function.name(), "__sys_connect");
    assert!(
        trace.rows.iter().any(|r| r.function == event.function && r.notes.contains(&"a route is chosen".to_owned()))
    );
    assert!(trace.rows.iter().all(|r| r.host == event.host));
}

#[test]
fn a_dropped_packet_ends_with_its_reason() {
    let lab = web("loss = 8", "/bytes/60000 -o x");
    let flow = Flow::read(lab.log(), lab.config());
    let leg = flow.legs.iter().find(|leg| leg.lost.is_some()).unwrap();
    let frame = Some(flow.packets[leg.packet].frame);
    let PaneView::Calls(trace) = lab.pane(&PaneQuery::Calls { at: leg.sent, skb: None, frame }) else { panic!() };
    assert!(trace.rows.iter().any(|r| r.dropped == leg.lost), "{:#?}", trace.rows.last());
    assert!(trace.rows.len() <= 260);
}
