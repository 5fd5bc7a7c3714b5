//! Whatever the wire does, each side reads what the other wrote, byte for byte; and nothing is left behind.

mod support;

use stack::syscall::*;
use stack::time::{Duration, Instant};
use stack::trace::{TaskId, Tracer};
use std::rc::Rc;
use support::{Faults, Pair};

const WRITER: TaskId = TaskId(1);
const READER: TaskId = TaskId(2);

/// How a program uses its socket.
#[derive(Clone, Copy, Debug)]
struct Habits {
    write: usize,
    read: usize,
    /// Between two reads.
    pause: Duration,
    /// `MSG_WAITALL`, `MSG_PEEK` before each read.
    flags: i32,
}

const EAGER: Habits = Habits { write: 40_000, read: 65_536, pause: Duration::ZERO, flags: 0 };

fn pattern(len: usize, salt: u8) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 251) as u8 ^ salt).collect()
}

/// One direction: a task that writes, and one at the other end that reads to the end of the stream.
struct Flow {
    from: (usize, Fd),
    to: (usize, Fd),
    data: Vec<u8>,
    sent: usize,
    shut: bool,
    writing: bool,
    got: Vec<u8>,
    reading: bool,
    peeked: Option<Vec<u8>>,
    done: bool,
    next_read: Instant,
    habits: Habits,
}

impl Flow {
    fn new(from: (usize, Fd), to: (usize, Fd), data: Vec<u8>, habits: Habits) -> Flow {
        Flow {
            from,
            to,
            data,
            sent: 0,
            shut: false,
            writing: false,
            got: vec![],
            reading: false,
            peeked: None,
            done: false,
            next_read: Instant::ZERO,
            habits,
        }
    }

    fn on_read(&mut self, pair: &Pair, ret: SysRet) {
        let n = ret.value.unwrap_or_else(|e| panic!("read: {}", e.name())) as usize;
        assert_eq!(n, ret.data.len());
        if self.habits.flags & MSG_PEEK != 0 && self.peeked.is_none() && n > 0 {
            self.peeked = Some(ret.data);
            return;
        }
        if let Some(peeked) = self.peeked.take() {
            assert_eq!(ret.data[..peeked.len().min(n)], peeked[..peeked.len().min(n)], "what was peeked at changed");
        }
        self.done = n == 0;
        self.got.extend(ret.data);
        self.next_read = pair.now + self.habits.pause;
    }

    /// Makes the calls that can be made now.
    fn run(&mut self, pair: &mut Pair) {
        while !self.writing && self.sent < self.data.len() {
            let to = (self.sent + self.habits.write).min(self.data.len());
            let buf: Rc<[u8]> = Rc::from(&self.data[self.sent..to]);
            match pair.try_call(self.from.0, WRITER, Syscall::Sendto { fd: self.from.1, buf, flags: 0, addr: None }) {
                Some(ret) => self.sent += ret.value.expect("send") as usize,
                None => self.writing = true,
            }
        }
        if self.sent == self.data.len() && !self.shut && !self.writing {
            pair.call(self.from.0, Syscall::Shutdown { fd: self.from.1, how: SHUT_WR });
            self.shut = true;
        }
        while !self.reading && !self.done && pair.now >= self.next_read {
            let peek = if self.peeked.is_none() { self.habits.flags & MSG_PEEK } else { 0 };
            let flags = peek | if peek == 0 { self.habits.flags & MSG_WAITALL } else { 0 };
            let call = Syscall::Recvfrom { fd: self.to.1, len: self.habits.read, flags, want_addr: false };
            match pair.try_call(self.to.0, READER, call) {
                Some(ret) => self.on_read(pair, ret),
                None => self.reading = true,
            }
        }
    }
}

/// A connection whose client's sequence numbers begin `before` bytes before they wrap.
fn connect_near_wrap(faults: Faults, before: u32) -> (Pair, Fd, Fd) {
    let mut probe = Pair::new();
    probe.connect(80);
    let syn = &probe.sent.iter().find(|(host, frame)| *host == 0 && frame.len() > 60 && frame[23] == 6).unwrap().1;
    let isn = u32::from_be_bytes(syn[38..42].try_into().unwrap());
    // The clock of sequence numbers ticks every 64 ns.
    let ticks = 0u32.wrapping_sub(before).wrapping_sub(isn);
    let mut pair = Pair::new();
    pair.now = Instant::from_nanos(u64::from(ticks) * 64);
    let (a, b) = pair.connect(80);
    pair.faults = faults;
    (pair, a, b)
}

fn both_ways(pair: &mut Pair, a: Fd, b: Fd, sizes: (usize, usize), habits: (Habits, Habits)) {
    for (host, fd) in [(0, a), (1, b)] {
        let mut trace = core::mem::replace(&mut pair.trace, Tracer::new(false));
        assert!(pair.hosts[host].dup_fd(pair.now, WRITER, fd, READER, &mut trace));
        pair.trace = trace;
    }
    let mut flows = [
        Flow::new((0, a), (1, b), pattern(sizes.0, 0), habits.0),
        Flow::new((1, b), (0, a), pattern(sizes.1, 77), habits.1),
    ];
    for _ in 0..3_000_000 {
        for flow in &mut flows {
            flow.run(pair);
        }
        while let Some((host, task, ret)) = pair.results.pop_front() {
            if task == WRITER {
                let flow = &mut flows[host];
                flow.writing = false;
                flow.sent += ret.value.unwrap_or_else(|e| panic!("write: {}", e.name())) as usize;
            } else {
                let flow = &mut flows[1 - host];
                flow.reading = false;
                flow.on_read(pair, ret);
            }
        }
        if flows.iter().all(|f| f.done) {
            break;
        }
        // A reader that pauses is woken by the clock.
        let pause = flows.iter().filter(|f| !f.reading && !f.done && f.next_read > pair.now).map(|f| f.next_read).min();
        match pause {
            Some(at) => {
                let ahead = at.since(pair.now);
                pair.run_for(ahead.min(Duration::from_millis(1)));
            }
            None if flows.iter().all(|f| f.done || f.reading) => {
                assert!(pair.step(), "nothing moves any more: {:?}", flows.each_ref().map(|f| f.got.len()));
            }
            None => {}
        }
    }
    for flow in &flows {
        assert!(flow.done, "{} of {} bytes, sent {}", flow.got.len(), flow.data.len(), flow.sent);
        assert!(flow.got == flow.data, "the stream is not what was written");
    }
    for (host, fd) in [(0, a), (1, b)] {
        for task in [WRITER, READER] {
            assert_eq!(pair.call_as(host, task, Syscall::Close { fd }).value, Ok(0));
        }
    }
    pair.run_for(Duration::from_secs(1000));
    for host in &pair.hosts {
        assert_eq!(host.mem().in_use(), 0, "{} still holds skbs", host.name());
    }
}

fn set_rcvbuf(pair: &mut Pair, host: usize, fd: Fd, bytes: i32) {
    let value = bytes.to_le_bytes().to_vec();
    let ret = pair.call(host, Syscall::Setsockopt { fd, level: SOL_SOCKET, name: SO_RCVBUF, value });
    assert_eq!(ret.value, Ok(0));
}

#[test]
fn both_directions_at_once_over_a_bad_wire() {
    for seed in 0..20 {
        let faults = Faults { loss: 20, duplicate: 30, reorder: 80, corrupt: 5, seed };
        let mut pair = Pair::with(faults);
        let (a, b) = pair.connect(80);
        both_ways(&mut pair, a, b, (150_000, 120_000), (EAGER, EAGER));
    }
}

#[test]
fn sequence_numbers_wrap_under_way() {
    for seed in 0..10 {
        let faults = Faults { loss: 20, duplicate: 20, reorder: 100, corrupt: 0, seed };
        let (mut pair, a, b) = connect_near_wrap(faults, 3000 * (seed as u32 + 1));
        both_ways(&mut pair, a, b, (120_000, 5_000), (EAGER, EAGER));
        let ours = pair.sent.iter().filter(|(host, frame)| *host == 0 && frame.len() > 60 && frame[23] == 6);
        let seqs: Vec<u32> = ours.map(|(_, f)| u32::from_be_bytes(f[38..42].try_into().unwrap())).collect();
        assert!(seqs[0] > u32::MAX - 40_000 && seqs.last().is_some_and(|seq| *seq < 200_000), "{seqs:?}");
    }
}

#[test]
fn small_buffers_and_slow_readers_close_the_window_and_open_it_again() {
    for (seed, rcvbuf) in (0..12u64).map(|s| (s, (s * 4337) as i32)) {
        let faults = Faults { loss: 10, duplicate: 10, reorder: 50, corrupt: 0, seed };
        let mut pair = Pair::with(faults);
        let (a, b) = pair.connect(80);
        set_rcvbuf(&mut pair, 1, b, rcvbuf);
        let slow = Habits { write: 20_000, read: 3000, pause: Duration::from_millis(7), flags: 0 };
        both_ways(&mut pair, a, b, (60_000, 60_000), (slow, EAGER));
    }
}

#[test]
fn the_window_may_shrink_when_the_kernel_variable_says_so() {
    for seed in 0..6 {
        let mut pair = Pair::new();
        for host in &mut pair.hosts {
            host.sysctl_mut().set("net.ipv4.tcp_shrink_window", "1").unwrap();
        }
        let (a, b) = pair.connect(80);
        pair.faults = Faults { loss: 5, duplicate: 5, reorder: 50, corrupt: 0, seed };
        let slow = Habits { write: 300, read: 3000, pause: Duration::from_millis(3), flags: 0 };
        both_ways(&mut pair, a, b, (400_000, 1000), (slow, EAGER));
    }
}

#[test]
fn peeking_and_waiting_for_all_change_nothing() {
    for flags in [MSG_PEEK, MSG_WAITALL, MSG_PEEK | MSG_WAITALL] {
        let faults = Faults { loss: 10, duplicate: 10, reorder: 80, corrupt: 0, seed: flags as u64 };
        let mut pair = Pair::with(faults);
        let (a, b) = pair.connect(80);
        let habits = Habits { write: 7001, read: 5003, pause: Duration::ZERO, flags };
        both_ways(&mut pair, a, b, (90_000, 90_000), (habits, habits));
    }
}

#[test]
fn without_options_too() {
    for (seed, off) in [(1, "tcp_sack"), (2, "tcp_timestamps"), (3, "tcp_window_scaling"), (4, "tcp_dsack")] {
        let mut pair = Pair::new();
        for host in &mut pair.hosts {
            host.sysctl_mut().set(&format!("net.ipv4.{off}"), "0").unwrap();
        }
        let (a, b) = pair.connect(80);
        pair.faults = Faults { loss: 20, duplicate: 20, reorder: 80, corrupt: 0, seed };
        both_ways(&mut pair, a, b, (120_000, 80_000), (EAGER, EAGER));
    }
}

#[test]
fn a_reader_is_woken_only_when_there_is_as_much_as_it_wants() {
    let mut pair = Pair::new();
    let (a, b) = pair.connect(80);
    let value = 2500i32.to_le_bytes().to_vec();
    pair.call(1, Syscall::Setsockopt { fd: b, level: SOL_SOCKET, name: SO_RCVLOWAT, value });
    let call = Syscall::Recvfrom { fd: b, len: 10_000, flags: 0, want_addr: false };
    assert_eq!(pair.try_call(1, WRITER, call), None);
    for _ in 0..2 {
        pair.send(0, a, &[7; 1000]);
        pair.run_for(Duration::from_millis(100));
        assert!(pair.results.is_empty());
    }
    pair.send(0, a, &[7; 1000]);
    assert_eq!(pair.wait(1, WRITER).value, Ok(3000));
}
