//! A `Host` at the end of a TAP device, driven by the clock of the machine.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::Namespace;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use stack::host::{Frame, Host, HostConfig, IfIndex, InterfaceConfig};
use stack::syscall::{SysRet, Syscall};
use stack::trace::{EventId, HostId, TaskId, Tracer};
use stack::wire::ethernet::MacAddr;
use tun_rs::{DeviceBuilder, Layer, SyncDevice};

use crate::impair::{Faults, Wire};

/// Our address.
pub(crate) const OURS: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 2);
/// The kernel's.
pub(crate) const KERNEL: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);
const CARD: IfIndex = IfIndex(2);
const TASK: TaskId = TaskId(1);

/// A namespace with a kernel on one side of a TAP device and our host on the other.
pub(crate) struct Peer {
    pub(crate) net: Namespace,
    host: Host,
    trace: Tracer,
    tap: SyncDevice,
    began: Instant,
    out: Wire,
    into: Wire,
    buffer: Vec<u8>,
}

impl Peer {
    /// `sysctls` are the kernel side's, e.g. `net.ipv4.tcp_sack=0`.
    pub(crate) fn new(mtu: u16, faults: Faults, sysctls: &[&str]) -> Result<Peer> {
        let net = Namespace::new()?;
        for sysctl in sysctls {
            net.run("sysctl", ["-q", "-w", sysctl])?;
        }
        let inside = net.enter()?;
        let tap = DeviceBuilder::new().name("tap0").layer(Layer::L2).mtu(mtu).build_sync().context("a TAP device")?;
        tap.set_network_address(KERNEL, 24, None)?;
        tap.enabled(true)?;
        tap.set_nonblocking(true)?;
        drop(inside);
        let config = HostConfig {
            name: "ours".into(),
            interfaces: vec![InterfaceConfig {
                name: "eth0".into(),
                mac: MacAddr([2, 0x53, 0x50, 0, 0, 2]),
                address: Some((OURS, 24)),
                mtu,
                fcs: false,
            }],
            gateway: None,
            routes: vec![],
            forward: false,
            neighbours: vec![],
            seed: 0x5eed ^ faults.seed,
        };
        Ok(Peer {
            net,
            host: Host::new(HostId(0), &config),
            trace: Tracer::new(false),
            tap,
            began: Instant::now(),
            out: Wire::new(faults, 1),
            into: Wire::new(faults, 2),
            buffer: vec![0; 65_600],
        })
    }

    fn now(&self) -> stack::time::Instant {
        stack::time::Instant::from_nanos(self.began.elapsed().as_nanos() as u64)
    }

    /// Makes a system call on our host; none may sleep.
    pub(crate) fn call(&mut self, call: Syscall) -> SysRet {
        let now = self.now();
        self.trace.begin(now, HostId(0), stack::trace::Context::Task, EventId::NONE);
        self.host.syscall(now, TASK, call, &mut self.trace).expect("a call without MSG_DONTWAIT slept")
    }

    /// Lets frames and timers do what is due. True if something happened.
    fn turn(&mut self) -> Result<bool> {
        let mut busy = false;
        for _ in 0..64 {
            match self.tap.recv(&mut self.buffer) {
                Ok(len) => {
                    let now = self.now().as_nanos();
                    self.into.carry(now, self.buffer[..len].to_vec());
                }
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(e) => return Err(e).context("reading the TAP device"),
            }
        }
        while let Some(bytes) = self.into.due(self.now().as_nanos()) {
            busy = true;
            let frame = Frame { id: self.trace.new_frame(), bytes, sent_by: EventId::NONE };
            let now = self.now();
            self.host.handle_frame(now, CARD, frame, &mut self.trace);
            self.transmit();
        }
        let now = self.now();
        if self.host.poll_timeout().is_some_and(|at| at <= now) {
            busy = true;
            self.host.handle_timeout(now, &mut self.trace);
        }
        self.transmit();
        while let Some(frame) = self.out.due(self.now().as_nanos()) {
            busy = true;
            // A full device queue is a loss like any other.
            let _ = self.tap.send(&frame);
        }
        Ok(busy)
    }

    fn transmit(&mut self) {
        let now = self.now();
        while let Some(frame) = self.host.poll_transmit(now, CARD, &mut self.trace) {
            self.out.carry(now.as_nanos(), frame.bytes);
        }
    }

    /// Runs until `step` says that it is done.
    pub(crate) fn run(&mut self, limit: Duration, mut step: impl FnMut(&mut Peer) -> Result<bool>) -> Result<()> {
        let give_up = Instant::now() + limit;
        loop {
            if step(self)? {
                return Ok(());
            }
            ensure!(Instant::now() < give_up, "nothing came of it in {} s", limit.as_secs());
            if self.turn()? {
                continue;
            }
            let deadlines = [self.host.poll_timeout().map(|t| t.as_nanos()), self.out.next(), self.into.next()];
            let wait =
                deadlines.into_iter().flatten().min().map_or(u64::MAX, |at| at.saturating_sub(self.now().as_nanos()));
            let wait = wait.min(2_000_000);
            let timeout = Timespec { tv_sec: 0, tv_nsec: wait as i64 };
            let _ = poll(&mut [PollFd::new(&self.tap, PollFlags::IN)], Some(&timeout));
        }
    }

    /// Lets time pass.
    pub(crate) fn run_for(&mut self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        self.run(time + Duration::from_secs(5), |_| Ok(Instant::now() >= until))
    }
}
