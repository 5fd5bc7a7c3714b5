//! Two hosts of smoltcp, joined in memory, driven as its examples drive them.
//!
//! Its devices lend frame buffers that are used again and never cleared; a ring holds 256 of them, as ours does.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr};

use crate::{Counts, FRAME_TIME_NS, Job, MTU, Transfer, is_data, payload, sample};

/// Ethernet's header, which smoltcp counts in.
const FRAME: usize = MTU + 14;
/// Descriptors of a ring.
const RING: usize = 256;
const PORT: u16 = 5001;

const WRITER: usize = 0;
const READER: usize = 1;

/// One direction of the wire.
#[derive(Default)]
struct Lane {
    ring: VecDeque<(Vec<u8>, usize)>,
    free: Vec<Vec<u8>>,
    frames: u64,
    data_frames: u64,
}

/// A card: what it sends, and what the other one sent.
struct Card {
    out: Rc<RefCell<Lane>>,
    into: Rc<RefCell<Lane>>,
}

struct Rx(Rc<RefCell<Lane>>, Vec<u8>, usize);
struct Tx(Rc<RefCell<Lane>>);

impl phy::RxToken for Rx {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let result = f(&self.1[..self.2]);
        self.0.borrow_mut().free.push(self.1);
        result
    }
}

impl phy::TxToken for Tx {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut lane = self.0.borrow_mut();
        let mut buffer = lane.free.pop().unwrap_or_else(|| vec![0; FRAME]);
        let result = f(&mut buffer[..len]);
        lane.ring.push_back((buffer, len));
        lane.frames += 1;
        lane.data_frames += u64::from(is_data(len));
        result
    }
}

impl Device for Card {
    type RxToken<'a> = Rx;
    type TxToken<'a> = Tx;

    fn receive(&mut self, _: Instant) -> Option<(Rx, Tx)> {
        let (buffer, len) = self.into.borrow_mut().ring.pop_front()?;
        Some((Rx(self.into.clone(), buffer, len), Tx(self.out.clone())))
    }

    fn transmit(&mut self, _: Instant) -> Option<Tx> {
        (self.out.borrow().ring.len() < RING).then(|| Tx(self.out.clone()))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        // Checksums are computed and verified: the default.
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ethernet;
        caps.max_transmission_unit = FRAME;
        caps
    }
}

struct Host {
    card: Card,
    iface: Interface,
    sockets: SocketSet<'static>,
    tcp: SocketHandle,
}

impl Host {
    fn new(number: usize, mut card: Card, buffer: usize) -> Host {
        let mac = EthernetAddress([2, 0, 0, 0, 0, number as u8 + 1]);
        let mut config = Config::new(HardwareAddress::Ethernet(mac));
        config.random_seed = number as u64 + 1;
        let mut iface = Interface::new(config, &mut card, Instant::ZERO);
        iface.update_ip_addrs(|addrs| {
            addrs.push(IpCidr::new(address(number), 24)).expect("there is room for one address");
        });
        let [rx, tx] = [(); 2].map(|()| tcp::SocketBuffer::new(vec![0; buffer]));
        let mut sockets = SocketSet::new(vec![]);
        let tcp = sockets.add(tcp::Socket::new(rx, tx));
        Host { card, iface, sockets, tcp }
    }

    fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.tcp)
    }
}

fn address(number: usize) -> IpAddress {
    IpAddress::v4(10, 0, 0, number as u8 + 1)
}

/// The two hosts, and their programs.
pub(crate) struct Pair {
    hosts: [Host; 2],
    lanes: [Rc<RefCell<Lane>>; 2],
    job: Job,
    now_ns: u64,
    frames: u64,
    chunk: Vec<u8>,
    read: Vec<u8>,
}

impl Pair {
    pub(crate) fn new(job: Job) -> Pair {
        let lanes = [(); 2].map(|()| Rc::new(RefCell::new(Lane::default())));
        let card = |own: usize| Card { out: lanes[own].clone(), into: lanes[1 - own].clone() };
        let mut hosts = [WRITER, READER].map(|number| Host::new(number, card(number), job.buffer));
        hosts[READER].socket().listen(PORT).expect("listen");
        let Host { iface, sockets, tcp, .. } = &mut hosts[WRITER];
        let socket = sockets.get_mut::<tcp::Socket>(*tcp);
        socket.connect(iface.context(), (address(READER), PORT), 49152).expect("connect");
        let [chunk, read] = [payload(job.chunk()), vec![0; job.chunk()]];
        let mut pair = Pair { hosts, lanes, job, now_ns: 0, frames: 0, chunk, read };
        while !pair.hosts.iter_mut().all(|host| host.socket().may_send()) {
            pair.poll();
        }
        for lane in &pair.lanes {
            let mut lane = lane.borrow_mut();
            (lane.frames, lane.data_frames) = (0, 0);
        }
        pair
    }

    /// Each host takes in what has come and sends what it may; if none does, time passes.
    fn poll(&mut self) {
        for host in &mut self.hosts {
            let now = Instant::from_micros((self.now_ns / 1000) as i64);
            host.iface.poll(now, &mut host.card, &mut host.sockets);
            let frames = self.lanes.iter().map(|lane| lane.borrow().frames).sum();
            let passed = u64::saturating_sub(frames, self.frames);
            self.now_ns += passed * FRAME_TIME_NS;
            self.frames = frames;
        }
    }

    /// If frames wait in neither ring, goes to the moment at which something is due.
    fn let_time_pass(&mut self) {
        if self.lanes.iter().all(|lane| lane.borrow().ring.is_empty()) {
            let now = Instant::from_micros((self.now_ns / 1000) as i64);
            let due = self.hosts.iter_mut().filter_map(|host| host.iface.poll_at(now, &host.sockets)).min();
            let due = due.expect("something will happen");
            self.now_ns = self.now_ns.max(due.total_micros() as u64 * 1000);
        }
    }
}

impl Transfer for Pair {
    fn run(&mut self) -> Counts {
        let (mut counts, mut written, mut at) = (Counts::default(), 0, 0);
        while counts.bytes < self.job.bytes {
            let before = (counts.bytes, written);
            // The writer writes a chunk, or as much of it as there is room for.
            if written < self.job.bytes {
                let n = self.hosts[WRITER].socket().send_slice(&self.chunk[at..]).expect("send");
                written += n as u64;
                at = (at + n) % self.chunk.len();
            }
            self.poll();
            loop {
                let n = self.hosts[READER].socket().recv_slice(&mut self.read).expect("recv");
                sample(&mut counts, &self.read[..n]);
                if n < self.read.len() {
                    break;
                }
            }
            if (counts.bytes, written) == before {
                self.let_time_pass();
            }
        }
        counts.data_frames = self.lanes[WRITER].borrow().data_frames;
        counts.acks = self.lanes[READER].borrow().frames;
        counts
    }
}
