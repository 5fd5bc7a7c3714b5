//! Two hosts and a wire with virtual time: delay, loss, reordering, duplication, all from one seed.
#![allow(dead_code)] // not every test file uses every part

use stack::host::{Frame, Host, HostConfig, IfIndex, InterfaceConfig};
use stack::syscall::*;
use stack::time::{Duration, Instant};
use stack::trace::{HostId, TaskId, Tracer};
use stack::wire::ethernet::MacAddr;
use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::rc::Rc;

pub const CARD: IfIndex = IfIndex(2);
pub const TASK: TaskId = TaskId(1);

/// How the wire treats frames, in per mille.
#[derive(Clone, Copy, Default, Debug)]
pub struct Faults {
    pub loss: u32,
    pub duplicate: u32,
    pub reorder: u32,
    pub corrupt: u32,
    pub seed: u64,
}

pub struct Pair {
    pub hosts: [Host; 2],
    pub trace: Tracer,
    pub now: Instant,
    pub faults: Faults,
    pub delay: Duration,
    pub sent: Vec<(usize, Vec<u8>)>,
    /// Cut: nothing passes.
    pub cut: bool,
    wire: BTreeMap<(Instant, u64), (usize, Frame)>,
    count: u64,
    pub results: VecDeque<(usize, TaskId, SysRet)>,
}

pub fn config(name: &str, last: u8, seed: u64) -> HostConfig {
    HostConfig {
        name: name.into(),
        interfaces: vec![InterfaceConfig {
            name: "eth0".into(),
            mac: MacAddr([2, 0, 0, 0, 0, last]),
            address: Some((Ipv4Addr::new(10, 0, 0, last), 24)),
            mtu: 1500,
            fcs: true,
        }],
        gateway: None,
        routes: vec![],
        forward: false,
        neighbours: vec![],
        seed,
    }
}

pub fn addr(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, last)
}

impl Pair {
    pub fn new() -> Pair {
        Pair::with(Faults::default())
    }

    pub fn with(faults: Faults) -> Pair {
        let hosts =
            [Host::new(HostId(0), &config("a", 1, 11)), Host::new(HostId(1), &config("b", 2, 22 ^ faults.seed))];
        Pair {
            hosts,
            trace: Tracer::new(true),
            now: Instant::ZERO,
            faults,
            delay: Duration::from_micros(500),
            sent: vec![],
            cut: false,
            wire: BTreeMap::new(),
            count: 0,
            results: VecDeque::new(),
        }
    }

    fn dice(&mut self) -> u32 {
        self.faults.seed = self.faults.seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.faults.seed >> 33) % 1000) as u32
    }

    fn post(&mut self, to: usize, frame: Frame) {
        if self.cut || self.dice() < self.faults.loss {
            return;
        }
        let copies = if self.dice() < self.faults.duplicate { 2 } else { 1 };
        for _ in 0..copies {
            let mut frame = frame.clone();
            if self.dice() < self.faults.corrupt {
                let at = self.dice() as usize % frame.bytes.len();
                frame.bytes[at] ^= 0x10;
            }
            let late = if self.dice() < self.faults.reorder { Duration::from_millis(2) } else { Duration::ZERO };
            self.count += 1;
            self.wire.insert((self.now + self.delay + late, self.count), (to, frame));
        }
    }

    /// Puts a frame on the wire to a host.
    pub fn inject(&mut self, to: usize, bytes: Vec<u8>) {
        let frame = Frame { id: self.trace.new_frame(), bytes, sent_by: stack::trace::EventId::NONE };
        self.count += 1;
        self.wire.insert((self.now, self.count), (to, frame));
    }

    /// Polls both hosts until nothing moves at this moment.
    fn settle(&mut self) {
        loop {
            let mut moved = false;
            for i in 0..2 {
                while let Some(task) = self.hosts[i].poll_wakeup() {
                    moved = true;
                    if let Some(ret) = self.hosts[i].resume(self.now, task, &mut self.trace) {
                        self.results.push_back((i, task, ret));
                    }
                }
                while let Some(frame) = self.hosts[i].poll_transmit(self.now, CARD, &mut self.trace) {
                    moved = true;
                    self.sent.push((i, frame.bytes.clone()));
                    self.post(1 - i, frame);
                }
            }
            if !moved {
                return;
            }
        }
    }

    /// The next moment at which something happens.
    fn next(&self) -> Option<Instant> {
        let wire = self.wire.keys().next().map(|(at, _)| *at);
        let timers = self.hosts.iter().filter_map(|h| h.poll_timeout());
        timers.chain(wire).min()
    }

    /// Goes to the next moment. False if nothing will ever happen again.
    pub fn step(&mut self) -> bool {
        self.settle();
        let Some(at) = self.next() else { return !self.results.is_empty() };
        self.now = self.now.max(at);
        while let Some(entry) = self.wire.first_entry().filter(|e| e.key().0 <= self.now) {
            let (to, frame) = entry.remove();
            self.hosts[to].handle_frame(self.now, CARD, frame, &mut self.trace);
            self.settle();
        }
        for i in 0..2 {
            if self.hosts[i].poll_timeout().is_some_and(|at| at <= self.now) {
                self.hosts[i].handle_timeout(self.now, &mut self.trace);
            }
        }
        self.settle();
        true
    }

    pub fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        self.settle();
        while self.next().is_some_and(|at| at <= until) {
            self.step();
        }
        self.now = until;
    }

    /// A system call that must not sleep.
    pub fn call(&mut self, host: usize, call: Syscall) -> SysRet {
        self.call_as(host, TASK, call)
    }

    pub fn call_as(&mut self, host: usize, task: TaskId, call: Syscall) -> SysRet {
        self.try_call(host, task, call).expect("the call sleeps")
    }

    pub fn try_call(&mut self, host: usize, task: TaskId, call: Syscall) -> Option<SysRet> {
        self.trace.begin(self.now, HostId(host as u8), stack::trace::Context::Task, stack::trace::EventId::NONE);
        self.hosts[host].syscall(self.now, task, call, &mut self.trace)
    }

    /// A system call that may sleep: virtual time passes until it returns.
    pub fn block(&mut self, host: usize, call: Syscall) -> SysRet {
        self.block_as(host, TASK, call)
    }

    pub fn block_as(&mut self, host: usize, task: TaskId, call: Syscall) -> SysRet {
        if let Some(ret) = self.try_call(host, task, call) {
            return ret;
        }
        self.wait(host, task)
    }

    pub fn wait(&mut self, host: usize, task: TaskId) -> SysRet {
        for _ in 0..1_000_000 {
            if let Some(at) = self.results.iter().position(|(h, t, _)| *h == host && *t == task) {
                return self.results.remove(at).expect("it is there").2;
            }
            assert!(self.step(), "the task sleeps for ever");
        }
        panic!("no result after a million steps");
    }

    pub fn socket(&mut self, host: usize, kind: i32) -> Fd {
        self.call(host, Syscall::Socket { family: AF_INET, kind, protocol: 0 }).value.expect("socket") as Fd
    }

    pub fn listen(&mut self, host: usize, port: u16) -> Fd {
        let fd = self.socket(host, SOCK_STREAM);
        assert_eq!(self.call(host, Syscall::Bind { fd, addr: SockAddr::v4(Ipv4Addr::UNSPECIFIED, port) }).value, Ok(0));
        assert_eq!(self.call(host, Syscall::Listen { fd, backlog: 16 }).value, Ok(0));
        fd
    }

    /// Host 0 connects to host 1; both descriptors.
    pub fn connect(&mut self, port: u16) -> (Fd, Fd) {
        let listener = self.listen(1, port);
        let fd = self.socket(0, SOCK_STREAM);
        let ret = self.block(0, Syscall::Connect { fd, addr: SockAddr::v4(addr(2), port) });
        assert_eq!(ret.value, Ok(0));
        let peer = self.block(1, Syscall::Accept4 { fd: listener, flags: 0 }).value.expect("accept");
        (fd, peer as Fd)
    }

    pub fn send(&mut self, host: usize, fd: Fd, bytes: &[u8]) -> SysRet {
        self.block(host, Syscall::Sendto { fd, buf: Rc::from(bytes), flags: 0, addr: None })
    }

    pub fn recv(&mut self, host: usize, fd: Fd, len: usize) -> SysRet {
        self.block(host, Syscall::Recvfrom { fd, len, flags: 0, want_addr: false })
    }

    pub fn close(&mut self, host: usize, fd: Fd) {
        assert_eq!(self.call(host, Syscall::Close { fd }).value, Ok(0));
    }
}
