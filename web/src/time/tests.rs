//! What the page makes of a timeline.

use super::*;
use lab::scene::{Beat, SyscallSpan, Timeline};
use stack::skb::SkbId;
use stack::trace::{HostId, TaskId};

fn beat(event: u32, host: u8, layer: Layer) -> Beat {
    Beat {
        event: EventId(event),
        at_ns: u64::from(event) * 100,
        host: HostId(host),
        layer,
        skb: None,
        packet_start: false,
        caption: String::new(),
    }
}

fn call(host: u8, name: &str, enter: u32, exit: u32) -> SyscallSpan {
    SyscallSpan {
        host: HostId(host),
        task: TaskId(1),
        name: name.to_owned(),
        enter: EventId(enter),
        exit: EventId(exit),
        enter_ns: 0,
        exit_ns: 0,
    }
}

fn run() -> Timeline {
    Timeline {
        first: EventId(1),
        last: EventId(60),
        beats: vec![
            beat(5, 0, Layer::User),
            beat(10, 0, Layer::Transport),
            beat(20, 0, Layer::Ip),
            beat(40, 0, Layer::Wire),
            beat(60, 1, Layer::User),
        ],
        syscalls: vec![call(1, "recvfrom", 2, 58), call(0, "sendto", 6, 35)],
        ended: true,
    }
}

#[test]
fn the_cursor_is_in_the_beat_that_has_happened_last() {
    let run = run();
    assert_eq!(beat_at(&run, EventId(10)), Some(1));
    assert_eq!(beat_at(&run, EventId(19)), Some(1));
    assert_eq!(beat_at(&run, EventId(99)), Some(4));
    assert_eq!(beat_at(&run, EventId(1)), Some(0));
    assert_eq!(beat_at(&Timeline::default(), EventId(1)), None);
}

#[test]
fn positions_grow_with_events_and_stay_on_the_axis() {
    let run = run();
    let all: Vec<f32> = (0..70).map(|e| position(&run, EventId(e))).collect();
    assert!(all.windows(2).all(|w| w[0] <= w[1]), "{all:?}");
    assert_eq!((all[0], all[69]), (0.0, 1.0));
    assert_eq!(position(&run, EventId(20)), 0.5);
    assert_eq!(position(&Timeline::default(), EventId(7)), 0.0);
}

/// A run in which skb 1 is copied, its clone 2 goes down, and skb 3 goes up.
fn journey() -> Timeline {
    let on = |event: u32, host: u8, layer: Layer, skb: u32| Beat { skb: Some(SkbId(skb)), ..beat(event, host, layer) };
    Timeline {
        first: EventId(1),
        last: EventId(90),
        beats: vec![
            beat(6, 0, Layer::Syscall),
            on(7, 0, Layer::Transport, 1),
            on(9, 0, Layer::Transport, 1),
            on(12, 0, Layer::Transport, 2),
            on(20, 0, Layer::Ip, 2),
            on(24, 0, Layer::Neigh, 2),
            on(26, 0, Layer::Driver, 2),
            on(30, 0, Layer::Transport, 1),
            beat(35, 0, Layer::Syscall),
            on(36, 0, Layer::Wire, 99),
            on(40, 0, Layer::Wire, 2),
            on(44, 1, Layer::Nic, 3),
            on(46, 1, Layer::Ip, 3),
            on(50, 1, Layer::Socket, 3),
            on(56, 1, Layer::Transport, 3),
            beat(58, 1, Layer::Syscall),
        ],
        syscalls: vec![call(1, "recvfrom", 2, 58), call(0, "sendto", 6, 35)],
        ended: true,
    }
}

#[test]
fn the_journey_follows_the_bytes_from_the_call_that_sends_to_the_call_that_receives() {
    let hero = Hero::find(&journey()).expect("a journey");
    assert_eq!((hero.from, hero.exit, hero.wire, hero.to), (EventId(6), EventId(35), EventId(40), EventId(58)));
    let stops: Vec<u32> = hero.stops.iter().map(|stop| stop.event.0).collect();
    assert_eq!(stops, [6, 9, 12, 20, 24, 35, 40, 44, 46, 50, 56, 58]);
    assert_eq!(hero.next(EventId(35)).map(|stop| stop.event), Some(EventId(40)));
    assert_eq!(hero.returned(), Moment::BeforeTheWire);
    assert_eq!(Hero { exit: EventId(50), ..hero }.returned(), Moment::OnItsWay);
}

#[test]
fn a_run_without_a_receiver_has_no_journey() {
    let mut run = journey();
    run.syscalls.remove(0);
    assert_eq!(Hero::find(&run), None);
}

#[test]
fn times_read_in_their_own_unit() {
    assert_eq!(time(999), "999 ns");
    assert_eq!(time(12_430), "12.4 µs");
    assert_eq!(time(1_204_300), "1.204 ms");
    assert_eq!(time(3_002_000_000), "3.002 s");
    assert_eq!(gear(2_000, 500), "1 s here = 4.0 µs");
}

#[test]
fn speeds_have_names_that_read_back() {
    for speed in Speed::ALL {
        assert_eq!(Speed::from_key(speed.key()), Some(speed));
    }
    assert_eq!(stay_ms(None, Speed::Double) * 2, stay_ms(None, Speed::Normal));
}
