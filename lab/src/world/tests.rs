//! The world's order, and what wires do in it.

use super::*;
use crate::program::Frontier;
use crate::tape::Tapes;
use stack::trace::{FrameOp, What};

fn scenario(text: &str) -> Scenario {
    Scenario::parse("test.toml", text, &mut |_| Err("no files here".to_owned())).unwrap_or_else(|p| panic!("{p}"))
}

fn run(scenario: &Scenario) -> (World, Tracer) {
    let mut world = World::new(scenario);
    let mut tracer = Tracer::new(true);
    let mut programs = Frontier::new(Tapes::default());
    let until = Instant::ZERO + scenario.until;
    while world.step(until, &mut programs, &mut tracer) == Stepped::Done {}
    (world, tracer)
}

fn ping(wire: &str, count: u32) -> Scenario {
    scenario(&format!(
        "seed = 1\n[[host]]\nname = \"a\"\naddress = \"10.0.0.1/24\"\n[[host]]\nname = \"b\"\naddress = \"10.0.0.2/24\"\n\
         [[wire]]\nbetween = [\"a\", \"b\"]\n{wire}\n\
         [[program]]\nhost = \"a\"\nbuiltin = \"ping -c {count} -i 0.01 10.0.0.2\"\n"
    ))
}

fn ops(tracer: &Tracer, wanted: FrameOp) -> usize {
    tracer
        .log()
        .since(stack::trace::EventId(1))
        .filter(|(_, e)| matches!(e.what, What::Frame { op, .. } if op == wanted))
        .count()
}

#[test]
fn a_frame_takes_its_bits_and_the_delay() {
    let (_, tracer) = run(&ping("rate = \"1Mbit\"\ndelay = \"3ms\"", 1));
    let mut times = tracer.log().since(stack::trace::EventId(1)).filter_map(|(_, e)| match e.what {
        What::Frame { op: FrameOp::Transmit | FrameOp::Arrive, .. } => Some(e.at.as_nanos()),
        _ => None,
    });
    let (sent, arrived) = (times.next().unwrap(), times.next().unwrap());
    // ARP: 64 bytes with FCS, 20 of preamble and gap.
    assert_eq!(arrived - sent, 84 * 8 * 1000 + 3_000_000);
}

#[test]
fn every_trick_of_a_wire_is_told() {
    let (_, tracer) = run(&ping("loss = 20\nduplicate = 20\nreorder = 20\ncorrupt = 20", 40));
    for op in [FrameOp::Lost, FrameOp::Duplicated, FrameOp::Reordered, FrameOp::Corrupted] {
        assert!(ops(&tracer, op) > 0, "{op:?}");
    }
    let (_, tracer) = run(&ping("", 40));
    for op in [FrameOp::Lost, FrameOp::Duplicated, FrameOp::Reordered, FrameOp::Corrupted] {
        assert_eq!(ops(&tracer, op), 0, "{op:?}");
    }
}

#[test]
fn a_dead_wire_ends_in_silence() {
    let (world, tracer) = run(&ping("loss = 100", 2));
    assert_eq!(ops(&tracer, FrameOp::Arrive), 0);
    assert!(matches!(world.tasks()[0].state(), TaskState::Exited(1)));
}

#[test]
fn frames_of_one_direction_wait_for_each_other() {
    // Both pings' requests go at once on a line that is slow: the second leaves when the first has left.
    let text = "[[host]]\nname = \"a\"\naddress = \"10.0.0.1/24\"\nneighbours = [\"b\"]\n[[host]]\nname = \"b\"\n\
                address = \"10.0.0.2/24\"\nneighbours = [\"a\"]\n[[wire]]\nbetween = [\"a\", \"b\"]\nrate = \"100kbit\"\n\
                [[program]]\nhost = \"a\"\nbuiltin = \"ping -c 1 10.0.0.2\"\n[[program]]\nhost = \"a\"\nbuiltin = \"ping -c 1 10.0.0.2\"\n";
    let (_, tracer) = run(&scenario(text));
    let sent: Vec<u64> = tracer
        .log()
        .since(stack::trace::EventId(1))
        .filter(|(_, e)| e.host == HostId(0) && matches!(e.what, What::Frame { op: FrameOp::Transmit, .. }))
        .map(|(_, e)| e.at.as_nanos())
        .collect();
    // 98 bytes, FCS, preamble and gap: 122 bytes at 100 kbit/s.
    assert_eq!(sent[1] - sent[0], 122 * 8 * 10_000);
}

#[test]
fn a_switch_floods_first_and_then_knows() {
    let text = "[[host]]\nname = \"a\"\naddress = \"10.0.0.1/24\"\n[[host]]\nname = \"b\"\naddress = \"10.0.0.2/24\"\n\
                [[host]]\nname = \"c\"\naddress = \"10.0.0.3/24\"\n[[switch]]\nname = \"s\"\nconnects = [\"a\", \"b\", \"c\"]\n\
                [[program]]\nhost = \"a\"\nbuiltin = \"ping -c 2 -i 0.01 10.0.0.2\"\n";
    let (world, tracer) = run(&scenario(text));
    assert!(matches!(world.tasks()[0].state(), TaskState::Exited(0)));
    let ports: Vec<u16> = tracer
        .log()
        .since(stack::trace::EventId(1))
        .filter_map(|(_, e)| match e.what {
            What::Frame { op: FrameOp::Forward, port, .. } => Some(port),
            _ => None,
        })
        .collect();
    // The ARP request goes to both others; everything else to one.
    assert_eq!(ports[..2], [1, 2]);
    assert_eq!(ports[2..6], [0, 1, 0, 1]);
    assert!(
        tracer
            .log()
            .since(stack::trace::EventId(1))
            .all(|(_, e)| e.host != HostId(3) || e.function == stack::trace::Function::Link)
    );
}
