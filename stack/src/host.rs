//! One host: everything the kernel of one machine knows, and the ways in and out.
//!
//! A host is driven by four inputs, each with the virtual time: a system call ([`Host::syscall`],
//! [`Host::resume`]), a received frame ([`Host::handle_frame`]), the passing of time
//! ([`Host::handle_timeout`]) and a change of configuration. After any of them, poll in this order until
//! nothing is left: [`Host::poll_wakeup`], [`Host::poll_transmit`] for each interface whose wire is free,
//! [`Host::poll_timeout`].

use crate::dev::NetDevice;
use crate::ip::RouteTable;
use crate::mib::Mib;
use crate::neigh::NeighTable;
use crate::rng::Rng;
use crate::skb::{Mem, SkBuff};
use crate::socket::{SockTable, TxStamp};
use crate::syscall::{Epolls, Fd, SysRet, Syscall, Tasks};
use crate::sysctl::Sysctl;
use crate::time::Instant;
use crate::timer::Timers;
use crate::trace::{Context, EventId, Field, FrameId, Function, HostId, SockId, TaskId, Tracer, What};
use crate::wire::ethernet::MacAddr;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// An interface of a host: 1 is `lo`, the first Ethernet card is 2, as on Linux.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct IfIndex(pub u16);

/// A frame between two cards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Its number.
    pub id: FrameId,
    /// Ethernet header to the end of the payload, padding included, then the four bytes of the FCS
    /// unless the device has none ([`InterfaceConfig::fcs`]).
    pub bytes: Vec<u8>,
    /// The event that sent it: the cause of all that its arrival leads to.
    pub sent_by: EventId,
}

/// An Ethernet interface's configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InterfaceConfig {
    /// Name, e.g. `eth0`.
    pub name: String,
    /// Hardware address.
    pub mac: MacAddr,
    /// IPv4 address and prefix length.
    pub address: Option<(Ipv4Addr, u8)>,
    /// Largest IPv4 packet, bytes: 68 to 9000.
    pub mtu: u16,
    /// Does the card append and check the FCS? A TAP device's frames carry none.
    pub fcs: bool,
}

/// A host's configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostConfig {
    /// Host name.
    pub name: String,
    /// Its Ethernet interfaces; the first gets [`IfIndex`] 2.
    pub interfaces: Vec<InterfaceConfig>,
    /// Default gateway.
    pub gateway: Option<Ipv4Addr>,
    /// More routes: destination, prefix length, gateway.
    pub routes: Vec<(Ipv4Addr, u8, Ipv4Addr)>,
    /// Does it forward packets between its interfaces (`net.ipv4.ip_forward`)?
    pub forward: bool,
    /// Neighbours known from the beginning (permanent ARP entries).
    pub neighbours: Vec<(Ipv4Addr, MacAddr)>,
    /// Seed of everything random: initial sequence numbers, ports, IP identifications.
    pub seed: u64,
}

/// What every kernel function is handed: the time, the tracer, packet memory.
pub struct Cx<'a> {
    /// Virtual time.
    pub now: Instant,
    /// Where events go.
    pub trace: &'a mut Tracer,
    /// Packet memory.
    pub mem: &'a mut Mem,
}

impl Cx<'_> {
    /// Tells that a variable of a socket changed.
    #[inline]
    pub fn tell_set(&mut self, sock: SockId, field: Field, old: u32, new: u32) {
        if old != new {
            self.trace.emit(|| What::Set { field, sock, old, new });
        }
    }

    /// Runs `body` as the kernel function `function`: its entry and exit are told.
    #[inline]
    pub fn call<R>(&mut self, function: Function, body: impl FnOnce(&mut Self) -> R) -> R {
        self.trace.enter(function);
        let result = body(self);
        self.trace.exit();
        result
    }
}

/// One host's kernel.
#[derive(Clone)]
pub struct Host {
    id: HostId,
    name: String,
    /// Packet memory; out only while a call runs, which is handed it by [`Cx`].
    mem: Option<Box<Mem>>,
    pub(crate) devs: Vec<NetDevice>,
    pub(crate) routes: RouteTable,
    pub(crate) neigh: NeighTable,
    pub(crate) socks: SockTable,
    pub(crate) tasks: Tasks,
    pub(crate) epolls: Epolls,
    /// Time stamps of packets sent, until their sockets are at rest.
    pub(crate) tx_stamps: Vec<TxStamp>,
    pub(crate) timers: Timers,
    pub(crate) sysctl: Sysctl,
    pub(crate) rng: Rng,
    pub(crate) secrets: crate::tcp::Secrets,
    pub(crate) forward: bool,
    /// Have its tasks `CAP_NET_ADMIN`?
    pub(crate) privileged: bool,
    pub(crate) mib: Mib,
    /// Packets that came in on the loopback device, for the next soft interrupt.
    pub(crate) backlog: VecDeque<SkBuff>,
}

impl Host {
    /// A host that has just booted.
    pub fn new(id: HostId, config: &HostConfig) -> Host {
        let mut host = Host {
            id,
            name: config.name.clone(),
            mem: Some(Box::default()),
            devs: NetDevice::all(&config.interfaces),
            routes: RouteTable::default(),
            neigh: NeighTable::default(),
            socks: SockTable::new(config.seed),
            tasks: Tasks::default(),
            epolls: Epolls::default(),
            tx_stamps: Vec::new(),
            timers: Timers::default(),
            sysctl: Sysctl::default(),
            rng: Rng::new(config.seed),
            secrets: crate::tcp::Secrets::new(config.seed),
            forward: config.forward,
            privileged: false,
            mib: Mib::default(),
            backlog: VecDeque::new(),
        };
        host.routes.configure(config);
        host.neigh.configure(config);
        host
    }

    /// The host's number.
    pub fn id(&self) -> HostId {
        self.id
    }

    /// The host's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Packet memory: for counters and leak checks.
    pub fn mem(&self) -> &Mem {
        self.mem.as_deref().expect("nothing calls the stack from inside a stack call")
    }

    /// A buffer that a frame came in, no longer in use: for the host that sends most, see [`Host::give_frame_buffer`].
    pub fn take_frame_buffer(&mut self) -> Option<Vec<u8>> {
        self.mem.as_mut()?.take_spare_frame()
    }

    /// A buffer for a frame that this host will send. What it holds does not matter.
    pub fn give_frame_buffer(&mut self, buffer: Vec<u8>) {
        if let Some(mem) = &mut self.mem {
            mem.give_spare_frame(buffer);
        }
    }

    /// The counters that `nstat` prints.
    pub fn mib(&self) -> &Mib {
        &self.mib
    }

    /// The interfaces, `lo` first.
    pub fn devices(&self) -> &[NetDevice] {
        &self.devs
    }

    /// The kernel variables.
    pub fn sysctl_mut(&mut self) -> &mut Sysctl {
        &mut self.sysctl
    }

    /// The kernel variables, to read.
    pub fn sysctl(&self) -> &Sysctl {
        &self.sysctl
    }

    /// A task makes a system call. `None`: it sleeps, and [`Host::poll_wakeup`] names it when it may go on.
    ///
    /// A task that sleeps makes no other call before [`Host::resume`] has given it the result of this one.
    pub fn syscall(&mut self, now: Instant, task: TaskId, call: Syscall, trace: &mut Tracer) -> Option<SysRet> {
        let cause = trace.cause();
        trace.begin(now, self.id, Context::Task, cause);
        self.with_cx(now, trace, |host, cx| host.enter_syscall(cx, task, call))
    }

    /// A task that was woken goes on with its system call; `None`: it sleeps again.
    pub fn resume(&mut self, now: Instant, task: TaskId, trace: &mut Tracer) -> Option<SysRet> {
        trace.begin(now, self.id, Context::Syscall, EventId::NONE);
        self.with_cx(now, trace, |host, cx| host.resume_syscall(cx, task))
    }

    /// Gives task `to` the same descriptor of the same open socket as `from` has, as `fork(2)` does.
    /// False if `from` has no such descriptor.
    pub fn dup_fd(&mut self, now: Instant, from: TaskId, fd: Fd, to: TaskId, trace: &mut Tracer) -> bool {
        trace.begin(now, self.id, Context::Syscall, trace.cause());
        self.with_cx(now, trace, |host, cx| host.share_fd(cx, from, fd, to))
    }

    /// A task ends: its descriptors are closed.
    pub fn exit_task(&mut self, now: Instant, task: TaskId, trace: &mut Tracer) {
        trace.begin(now, self.id, Context::Syscall, trace.cause());
        self.with_cx(now, trace, |host, cx| host.close_all(cx, task));
    }

    /// A frame arrives at a card.
    pub fn handle_frame(&mut self, now: Instant, at: IfIndex, frame: Frame, trace: &mut Tracer) {
        trace.begin(now, self.id, Context::Nic, frame.sent_by);
        self.with_cx(now, trace, |host, cx| host.nic_receive(cx, at, frame, 0));
    }

    /// A packet that the driver has joined from several (GRO): as one frame, whose TCP payload is cut into
    /// segments of `gso_size` bytes. It may be longer than the MTU, up to 65,549 bytes.
    pub fn handle_gro_frame(&mut self, now: Instant, at: IfIndex, frame: Frame, gso_size: u16, trace: &mut Tracer) {
        trace.begin(now, self.id, Context::Nic, frame.sent_by);
        self.with_cx(now, trace, |host, cx| host.nic_receive(cx, at, frame, gso_size));
    }

    /// Time has come: every timer due at `now` fires.
    pub fn handle_timeout(&mut self, now: Instant, trace: &mut Tracer) {
        trace.begin(now, self.id, Context::Softirq, EventId::NONE);
        self.with_cx(now, trace, |host, cx| host.run_timers(cx));
    }

    /// A task that may go on, if there is one: call [`Host::resume`] for it.
    pub fn poll_wakeup(&mut self) -> Option<TaskId> {
        self.tasks.poll_wakeup()
    }

    /// The card sends: the next frame of its ring, if there is one. Call it when the wire is free.
    pub fn poll_transmit(&mut self, now: Instant, from: IfIndex, trace: &mut Tracer) -> Option<Frame> {
        if !self.dev(from)?.has_descriptor() {
            return None;
        }
        trace.begin(now, self.id, Context::Nic, EventId::NONE);
        self.with_cx(now, trace, |host, cx| host.nic_transmit(cx, from))
    }

    /// The next deadline: call [`Host::handle_timeout`] then.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// An interface.
    pub fn dev(&self, index: IfIndex) -> Option<&NetDevice> {
        self.devs.get(usize::from(index.0).checked_sub(1)?)
    }

    pub(crate) fn dev_mut(&mut self, index: IfIndex) -> Option<&mut NetDevice> {
        self.devs.get_mut(usize::from(index.0).checked_sub(1)?)
    }

    /// Is this one of the host's own addresses (or 127.0.0.0/8)?
    pub fn is_local_address(&self, addr: Ipv4Addr) -> bool {
        addr.is_loopback() || self.devs.iter().any(|d| d.address().is_some_and(|(a, _)| a == addr))
    }

    #[inline]
    pub(crate) fn with_cx<R>(
        &mut self,
        now: Instant,
        trace: &mut Tracer,
        body: impl FnOnce(&mut Host, &mut Cx<'_>) -> R,
    ) -> R {
        let mut mem = self.mem.take().unwrap_or_default();
        let mut cx = Cx { now, trace, mem: &mut mem };
        let result = body(self, &mut cx);
        self.do_softirq(&mut cx);
        if self.mem.is_none() {
            self.mem = Some(mem);
        }
        result
    }
}
