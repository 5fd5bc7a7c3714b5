//! Two of our hosts, joined in memory: no lab, no recording. Compiled twice, over `stack` with and without tracing.

use std::net::Ipv4Addr;
use std::rc::Rc;

use super::stack::host::{Frame, Host, HostConfig, IfIndex, InterfaceConfig};
use super::stack::syscall::{
    AF_INET, Fd, SO_RCVBUF, SO_RCVLOWAT, SO_SNDBUF, SOCK_STREAM, SOL_SOCKET, SockAddr, SysRet, Syscall,
};
use super::stack::time::{Duration, Instant};
use super::stack::trace::{Context, Event, EventId, HostId, TaskId, Tracer};
use super::stack::wire::ethernet::MacAddr;
use crate::{Counts, FRAME_TIME_NS, Job, LOG_BUDGET, MTU, Transfer, is_data, payload, sample};

const CARD: IfIndex = IfIndex(2);
const TASK: TaskId = TaskId(1);
const PORT: u16 = 5001;

/// `NAPI_POLL_WEIGHT`
const BUDGET: usize = 64;

/// The writer's host and the reader's.
const WRITER: usize = 0;
const READER: usize = 1;

/// The two hosts, and their programs.
pub struct Pair {
    hosts: [Host; 2],
    trace: Tracer,
    now: Instant,
    job: Job,
    fds: [Fd; 2],
    chunk: Rc<[u8]>,
    counts: Counts,
    written: u64,
    /// Does the program sleep in its system call?
    asleep: [bool; 2],
    wire: Vec<Frame>,
}

fn host(number: u8) -> Host {
    let card = InterfaceConfig {
        name: "eth0".into(),
        mac: MacAddr([2, 0, 0, 0, 0, number + 1]),
        address: Some((address(number), 24)),
        mtu: MTU as u16,
        // smoltcp computes no frame check sequence either.
        fcs: false,
    };
    let config = HostConfig {
        name: format!("host{number}"),
        interfaces: vec![card],
        gateway: None,
        routes: vec![],
        forward: false,
        neighbours: vec![],
        seed: u64::from(number) + 1,
    };
    let mut host = Host::new(HostId(number), &config);
    // As most cards do, this one cuts super-packets and makes their checksums.
    host.set_tso(CARD, true);
    for name in ["net.core.wmem_max", "net.core.rmem_max"] {
        host.sysctl_mut().set(name, "8388608").expect("the variable exists");
    }
    host
}

fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, number + 1)
}

impl Pair {
    /// Two hosts with a connection.
    pub fn new(job: Job, traced: bool) -> Pair {
        let mut pair = Pair {
            hosts: [host(0), host(1)],
            trace: Tracer::new(traced),
            now: Instant::ZERO,
            job,
            fds: [0; 2],
            chunk: payload(job.chunk()).into(),
            counts: Counts::default(),
            written: 0,
            asleep: [false; 2],
            wire: Vec::new(),
        };
        let [writer, listener] = [WRITER, READER].map(|host| pair.socket(host));
        pair.must(READER, Syscall::Bind { fd: listener, addr: SockAddr::v4(Ipv4Addr::UNSPECIFIED, PORT) });
        pair.must(READER, Syscall::Listen { fd: listener, backlog: 1 });
        let there = SockAddr::v4(address(READER as u8), PORT);
        let connected = pair.wait_for(WRITER, Syscall::Connect { fd: writer, addr: there });
        connected.value.expect("connect");
        let accepted = pair.wait_for(READER, Syscall::Accept4 { fd: listener, flags: 0 });
        pair.fds = [writer, accepted.value.expect("accept") as Fd];
        pair.set_lowat();
        pair.counts = Counts::default();
        pair
    }

    /// A socket with the buffers under test. The kernel doubles what it is asked for, to have room for its own
    /// structures: so many bytes of payload fit, as in smoltcp's.
    fn socket(&mut self, host: usize) -> Fd {
        let fd = self.must(host, Syscall::Socket { family: AF_INET, kind: SOCK_STREAM, protocol: 0 }) as Fd;
        for name in [SO_SNDBUF, SO_RCVBUF] {
            let value = (self.job.buffer as i32).to_le_bytes().to_vec();
            self.must(host, Syscall::Setsockopt { fd, level: SOL_SOCKET, name, value });
        }
        fd
    }

    /// The reader reads in large pieces, as smoltcp's does, and says so (`SO_RCVLOWAT`): Linux then acknowledges
    /// every second segment though nothing is read in between.
    fn set_lowat(&mut self) {
        let value = (self.job.chunk() as i32).to_le_bytes().to_vec();
        let fd = self.fds[READER];
        self.must(READER, Syscall::Setsockopt { fd, level: SOL_SOCKET, name: SO_RCVLOWAT, value });
    }

    fn must(&mut self, host: usize, call: Syscall) -> i64 {
        let ret = self.syscall(host, call).expect("it does not sleep");
        ret.value.expect("the call is good")
    }

    fn syscall(&mut self, host: usize, call: Syscall) -> Option<SysRet> {
        self.trace.begin(self.now, HostId(host as u8), Context::Task, EventId::NONE);
        self.hosts[host].syscall(self.now, TASK, call, &mut self.trace)
    }

    /// A system call at set-up, with all the time it needs.
    fn wait_for(&mut self, host: usize, call: Syscall) -> SysRet {
        if let Some(ret) = self.syscall(host, call) {
            return ret;
        }
        loop {
            let moved = self.pump();
            for i in 0..2 {
                while let Some(task) = self.hosts[i].poll_wakeup() {
                    if let Some(ret) = self.hosts[i].resume(self.now, task, &mut self.trace) {
                        return ret;
                    }
                }
            }
            if !moved {
                self.let_time_pass();
            }
        }
    }

    /// Carries frames until both rings are empty. Did any move?
    fn pump(&mut self) -> bool {
        let before = self.counts;
        while self.carry(WRITER) | self.carry(READER) {}
        self.counts != before
    }

    /// One card sends what is on its ring, the other takes it in: so many frames at a time, as NAPI polls.
    fn carry(&mut self, from: usize) -> bool {
        let mut wire = std::mem::take(&mut self.wire);
        while wire.len() < BUDGET
            && let Some(frame) = self.hosts[from].poll_transmit(self.now, CARD, &mut self.trace)
        {
            let data = is_data(frame.bytes.len());
            self.counts.data_frames += u64::from(data && from == WRITER);
            self.counts.acks += u64::from(!data && from == READER);
            wire.push(frame);
        }
        let moved = !wire.is_empty();
        // Buffers go back where frames come from, as they do in smoltcp's rings.
        for _ in 0..wire.len() {
            let Some(buffer) = self.hosts[1 - from].take_frame_buffer() else { break };
            self.hosts[from].give_frame_buffer(buffer);
        }
        for frame in wire.drain(..) {
            self.now = self.now + Duration::from_nanos(FRAME_TIME_NS);
            self.hosts[1 - from].handle_frame(self.now, CARD, frame, &mut self.trace);
        }
        self.wire = wire;
        moved
    }

    /// Fires what is due; if nothing else moves, goes to the moment at which something is.
    fn let_time_pass(&mut self) {
        let next = self.hosts.iter().filter_map(Host::poll_timeout).min();
        let Some(next) = next else { panic!("nothing will ever happen again: {:?}", self.counts) };
        self.now = self.now.max(next);
        self.fire();
    }

    fn fire(&mut self) {
        for host in &mut self.hosts {
            if host.poll_timeout().is_some_and(|at| at <= self.now) {
                host.handle_timeout(self.now, &mut self.trace);
            }
        }
    }

    /// A program gets what its system call returns.
    fn returned(&mut self, host: usize, ret: Option<SysRet>) {
        self.asleep[host] = ret.is_none();
        let Some(ret) = ret else { return };
        let n = ret.value.expect("the call is good");
        if host == WRITER {
            self.written += n as u64;
        } else {
            sample(&mut self.counts, &ret.data);
        }
    }

    /// The reader reads while there is something to read, the writer writes a chunk.
    fn programs(&mut self) {
        self.wake(READER);
        self.wake(WRITER);
        self.read();
        if !self.asleep[WRITER] && self.written < self.job.bytes {
            let buf = self.chunk.clone();
            let ret = self.syscall(WRITER, Syscall::Write { fd: self.fds[WRITER], buf });
            self.returned(WRITER, ret);
        }
    }

    /// A program that was woken goes on.
    fn wake(&mut self, host: usize) {
        while let Some(task) = self.hosts[host].poll_wakeup() {
            let ret = self.hosts[host].resume(self.now, task, &mut self.trace);
            self.returned(host, ret);
        }
    }

    /// The reader reads until it sleeps.
    fn read(&mut self) {
        while !self.asleep[READER] && self.counts.bytes < self.job.bytes {
            let ret = self.syscall(READER, Syscall::Read { fd: self.fds[READER], len: self.job.chunk() });
            self.returned(READER, ret);
        }
    }

    /// Keeps the log within its budget: the oldest eighth goes.
    fn cut_log(&mut self) {
        let log = self.trace.log_mut();
        if log.size_bytes() > LOG_BUDGET {
            let events = log.len() as u32 / 8;
            let bytes = (log.size_bytes() - log.len() * size_of::<Event>()) as u32 * 7 / 8;
            self.counts.events += u64::from(events);
            let (first, next_bytes) = (log.first_id(), log.next_bytes());
            log.cut_before(EventId(first.0 + events), next_bytes - bytes);
        }
    }
}

impl Transfer for Pair {
    fn run(&mut self) -> Counts {
        while self.counts.bytes < self.job.bytes {
            self.programs();
            let moved = self.pump();
            self.cut_log();
            if moved {
                self.fire();
            } else if self.asleep == [true, true] {
                self.let_time_pass();
            }
        }
        self.counts.events += self.trace.log().len() as u64;
        self.counts
    }
}
