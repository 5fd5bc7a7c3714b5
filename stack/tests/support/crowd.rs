//! A server and its crowd: one host with many connections to peers that this file plays, frame by frame.
//!
//! Used by the test of what an idle connection costs in memory, and by the bench of what a crowd of them costs
//! another connection.

#![allow(dead_code)] // not every user uses every part

use stack::host::{Frame, Host, HostConfig, IfIndex, InterfaceConfig};
use stack::syscall::*;
use stack::time::{Duration, Instant};
use stack::trace::{Context, EventId, HostId, TaskId, Tracer};
use stack::wire::checksum::{csum_fold, csum_partial, pseudo_header};
use stack::wire::ethernet::MacAddr;
use stack::wire::ipv4::{IP_DF, IPPROTO_TCP, IPV4_HLEN, Ipv4Repr, ip_send_check};
use stack::wire::tcp::{ACK, PSH, SYN, TcpRepr};
use stack::wire::tcp_options::TcpOptions;
use std::net::Ipv4Addr;
use std::rc::Rc;

const CARD: IfIndex = IfIndex(2);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const SERVER_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const GATEWAY_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 254]);
const PORT: u16 = 80;
const LISTENER: Fd = 3;
/// Connections of one task: it has a thousand descriptors.
const OF_ONE_TASK: u32 = 1_000;
/// What a full frame takes on a gigabit wire.
const FRAME_TIME: Duration = Duration::from_nanos(12_304);
/// Payload of a full segment with timestamps, bytes.
pub const SEGMENT: usize = 1448;

/// One peer's end of its connection, and the server's.
#[derive(Clone, Copy)]
struct Peer {
    snd_nxt: u32,
    rcv_nxt: u32,
    ts_recent: u32,
    task: TaskId,
    fd: Fd,
}

/// A server with its connections.
pub struct Crowd {
    host: Host,
    trace: Tracer,
    now: Instant,
    peers: Vec<Peer>,
    payload: Rc<[u8]>,
}

impl Crowd {
    /// A server that listens, with room for so many peers.
    pub fn new(room: u32) -> Crowd {
        let gateway = Ipv4Addr::new(10, 0, 0, 254);
        let config = HostConfig {
            name: "server".into(),
            interfaces: vec![InterfaceConfig {
                name: "eth0".into(),
                mac: SERVER_MAC,
                address: Some((SERVER, 24)),
                mtu: 1500,
                fcs: false,
            }],
            gateway: Some(gateway),
            routes: vec![],
            forward: false,
            neighbours: vec![(gateway, GATEWAY_MAC)],
            seed: 1,
        };
        let mut crowd = Crowd {
            host: Host::new(HostId(0), &config),
            trace: Tracer::new(false),
            now: Instant::from_nanos(1_000_000_000),
            peers: Vec::with_capacity(room as usize),
            payload: vec![b'x'; SEGMENT].into(),
        };
        let task = TaskId(1);
        let fd = crowd.must(task, Syscall::Socket { family: AF_INET, kind: SOCK_STREAM, protocol: 0 }) as Fd;
        assert_eq!(fd, LISTENER);
        crowd.must(task, Syscall::Bind { fd, addr: SockAddr::v4(Ipv4Addr::UNSPECIFIED, PORT) });
        crowd.must(task, Syscall::Listen { fd, backlog: 16 });
        crowd
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// A peer connects, asks for something, gets its answer, and falls silent. Gives its number.
    pub fn connect(&mut self) -> usize {
        let n = self.peers.len();
        let task = TaskId(1 + (n as u32 / OF_ONE_TASK) as u16);
        if (n as u32).is_multiple_of(OF_ONE_TASK) && n > 0 {
            assert!(self.host.dup_fd(self.now, TaskId(1), LISTENER, task, &mut self.trace));
        }
        self.peers.push(Peer { snd_nxt: 1_000, rcv_nxt: 0, ts_recent: 0, task, fd: 0 });
        self.send(n, SYN, 0);
        let got = self.receive();
        assert_eq!(got, 1, "a SYN-ACK");
        self.send(n, ACK, 0);
        let fd = self.must(task, Syscall::Accept4 { fd: LISTENER, flags: 0 }) as Fd;
        self.peers[n].fd = fd;
        let on = vec![1, 0, 0, 0];
        self.must(task, Syscall::Setsockopt { fd, level: SOL_SOCKET, name: SO_KEEPALIVE, value: on });
        self.exchange(n, 100, SEGMENT);
        n
    }

    /// A request of `request` bytes, read by the server, and an answer of `answer` bytes, acknowledged.
    pub fn exchange(&mut self, n: usize, request: usize, answer: usize) {
        self.data(n, request);
        self.read(n, request);
        let Peer { task, fd, .. } = self.peers[n];
        let buf = if answer == SEGMENT { self.payload.clone() } else { self.payload[..answer].into() };
        assert_eq!(self.must(task, Syscall::Write { fd, buf }), answer as i64);
        assert!(self.receive() > 0, "an answer");
        self.send(n, ACK, 0);
        self.receive();
    }

    /// The next full segments of a peer, for [`Crowd::hand_over`].
    pub fn segments(&mut self, n: usize, count: usize) -> Vec<(Instant, Frame)> {
        (0..count).map(|_| (self.now + FRAME_TIME, self.frame(n, ACK | PSH, SEGMENT))).collect()
    }

    /// Hands over segments, two at a time: the server reads them, and acknowledges. This is what is timed: little but
    /// the stack's own work.
    pub fn hand_over(&mut self, n: usize, segments: Vec<(Instant, Frame)>) {
        for (i, (at, frame)) in segments.into_iter().enumerate() {
            self.host.handle_frame(at, CARD, frame, &mut self.trace);
            if i % 2 == 1 {
                self.read(n, 2 * SEGMENT);
                while self.host.poll_transmit(at, CARD, &mut self.trace).is_some() {}
            }
        }
    }

    /// A peer sends data.
    fn data(&mut self, n: usize, len: usize) {
        self.send(n, ACK | PSH, len);
    }

    /// The server reads so many bytes.
    fn read(&mut self, n: usize, len: usize) {
        let Peer { task, fd, .. } = self.peers[n];
        assert_eq!(self.must(task, Syscall::Read { fd, len }), len as i64);
    }

    /// Time passes; what is due happens.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.host.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.host.handle_timeout(self.now, &mut self.trace);
            self.receive();
        }
        self.now = until;
    }

    fn must(&mut self, task: TaskId, call: Syscall) -> i64 {
        self.trace.begin(self.now, HostId(0), Context::Task, EventId::NONE);
        let ret = self.host.syscall(self.now, task, call, &mut self.trace);
        ret.expect("it does not sleep").value.expect("the call is good")
    }

    fn address(n: usize) -> (Ipv4Addr, u16) {
        (Ipv4Addr::from_bits(0xac10_0000 + n as u32 / 16), 40_000 + n as u16 % 16)
    }

    fn number((addr, port): (Ipv4Addr, u16)) -> usize {
        (addr.to_bits() - 0xac10_0000) as usize * 16 + usize::from(port - 40_000)
    }

    /// A peer sends a segment to the server.
    fn send(&mut self, n: usize, flags: u8, len: usize) {
        let frame = self.frame(n, flags, len);
        self.host.handle_frame(self.now, CARD, frame, &mut self.trace);
    }

    /// The next segment of a peer, after the time that it takes on the wire.
    fn frame(&mut self, n: usize, flags: u8, len: usize) -> Frame {
        self.now = self.now + FRAME_TIME;
        let (addr, port) = Crowd::address(n);
        let peer = &mut self.peers[n];
        let syn = flags & SYN != 0;
        let options = TcpOptions {
            mss: syn.then_some(1460),
            wscale: syn.then_some(7),
            sack_permitted: syn,
            timestamps: Some((self.now.as_millis() as u32, peer.ts_recent)),
            ..TcpOptions::default()
        };
        let header = TcpRepr {
            src_port: port,
            dst_port: PORT,
            seq: peer.snd_nxt,
            ack: peer.rcv_nxt,
            flags,
            window: 60_000,
            urgent: 0,
            header_len: 0,
            options: TcpOptions::default(),
        };
        let mut segment = header.emit(&options).to_vec();
        segment.extend_from_slice(&self.payload[..len]);
        let sum = csum_partial(&segment, pseudo_header(addr, SERVER, IPPROTO_TCP, segment.len()));
        segment[16..18].copy_from_slice(&csum_fold(sum).to_be_bytes());
        peer.snd_nxt = peer.snd_nxt.wrapping_add(len as u32 + u32::from(syn));
        let ip = Ipv4Repr {
            header_len: IPV4_HLEN as u8,
            tos: 0,
            tot_len: (IPV4_HLEN + segment.len()) as u16,
            id: 0,
            frag_off: IP_DF,
            ttl: 60,
            protocol: IPPROTO_TCP,
            src: addr,
            dst: SERVER,
        };
        let mut ip = ip.emit();
        ip_send_check(&mut ip);
        let mut bytes = Vec::with_capacity(14 + ip.len() + segment.len());
        bytes.extend(SERVER_MAC.0);
        bytes.extend(GATEWAY_MAC.0);
        bytes.extend([8, 0]);
        bytes.extend(ip);
        bytes.extend(segment);
        Frame { id: self.trace.new_frame(), bytes, sent_by: EventId::NONE }
    }

    /// The peers get what the server sends. How many frames?
    fn receive(&mut self) -> usize {
        let mut frames = 0;
        while let Some(frame) = self.host.poll_transmit(self.now, CARD, &mut self.trace) {
            let ip = Ipv4Repr::parse(&frame.bytes[14..]).expect("an IPv4 packet");
            let segment = &frame.bytes[14 + usize::from(ip.header_len)..14 + usize::from(ip.tot_len)];
            let tcp = TcpRepr::parse(segment).expect("a segment");
            let peer = &mut self.peers[Crowd::number((ip.dst, tcp.dst_port))];
            let len = segment.len() as u32 - u32::from(tcp.header_len) + u32::from(tcp.has(SYN));
            if len > 0 {
                peer.rcv_nxt = tcp.seq.wrapping_add(len);
            }
            peer.ts_recent = tcp.options.timestamps.map_or(0, |(value, _)| value);
            frames += 1;
        }
        frames
    }
}
