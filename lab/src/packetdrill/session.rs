//! Which connection the packets of a script belong to, and how its numbers become live ones.
//!
//! packetdrill: `run_packet.c`, `socket.h`. One socket is under test at a time: the last that `socket()` made,
//! or the child of the last SYN that went to a listener. A script counts sequence numbers from the SYN, which
//! is 0; only SYN packets of the other side carry its initial sequence number itself.

use super::ast::{Body, Direction, Options, Packet, Tcp};
use super::build::Tuple;
use super::live::{Live, LiveBody};
use stack::syscall::{IPPROTO_TCP, IPPROTO_UDP};
use stack::wire::tcp::{ACK, SYN};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// The first port of the other side, one more for each connection.
const FIRST_PORT: u16 = 40_001;

/// How far a socket has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    New,
    /// `listen()` was called.
    Listening,
    /// `connect()` was called.
    Connecting,
    /// The script expects the SYN.
    SynSent,
    /// The SYN was answered.
    SynAcked,
    /// A listener's child: the SYN has come.
    PacketReceived,
    /// The SYN-ACK was sent.
    SynAckSent,
    /// The SYN-ACK was answered.
    SynAckAcked,
}

/// A socket as the script sees it.
#[derive(Clone, Debug)]
pub(crate) struct Socket {
    pub(crate) state: State,
    protocol: i32,
    /// The script's descriptor, once there is one.
    pub(crate) fd: Option<i32>,
    local: (Ipv4Addr, u16),
    remote: (Ipv4Addr, u16),
    /// The stack's initial sequence number, and the other side's.
    local_isn: u32,
    remote_isn: u32,
    /// Outbound time stamps of the script, and what was sent in their place.
    timestamps: BTreeMap<u32, u32>,
    /// The first of them.
    first_timestamp: Option<(u32, u32)>,
    /// The last segment each way, in live numbers: for the reset at the end.
    last_outbound: Option<(u32, u32, bool)>,
    last_inbound: Option<(u32, u32, bool)>,
}

/// All sockets of a script.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    sockets: Vec<Socket>,
    under_test: Option<usize>,
    next_port: u16,
    local: (Ipv4Addr, u16),
    peer: (Ipv4Addr, u16),
    ts_ecr_scaled: bool,
}

impl Session {
    pub(crate) fn new(options: &Options) -> Session {
        Session {
            sockets: Vec::new(),
            under_test: None,
            next_port: FIRST_PORT,
            local: (options.local_ip, options.bind_port),
            peer: (options.remote_ip, options.connect_port),
            ts_ecr_scaled: options.ts_ecr_scaled,
        }
    }

    /// The socket under test.
    pub(crate) fn current(&self) -> Option<&Socket> {
        self.sockets.get(self.under_test?)
    }

    pub(crate) fn current_mut(&mut self) -> Option<&mut Socket> {
        self.sockets.get_mut(self.under_test?)
    }

    fn add(&mut self, state: State, protocol: i32, fd: Option<i32>) -> &mut Socket {
        self.under_test = Some(self.sockets.len());
        self.sockets.push(Socket {
            state,
            protocol,
            fd,
            local: (Ipv4Addr::UNSPECIFIED, 0),
            remote: (Ipv4Addr::UNSPECIFIED, 0),
            local_isn: 0,
            remote_isn: 0,
            timestamps: BTreeMap::new(),
            first_timestamp: None,
            last_outbound: None,
            last_inbound: None,
        });
        let last = self.sockets.len() - 1;
        &mut self.sockets[last]
    }

    fn of_fd(&mut self, fd: i32) -> Option<&mut Socket> {
        self.sockets.iter_mut().rev().find(|s| s.fd == Some(fd))
    }

    /// `socket()` made a descriptor.
    pub(crate) fn socket(&mut self, fd: i32, kind: i32, protocol: i32) {
        let protocol = match (protocol, kind & 15) {
            (0, 1) => IPPROTO_TCP,
            (0, 2) => IPPROTO_UDP,
            (other, _) => other,
        };
        self.add(State::New, protocol, Some(fd));
    }

    /// `bind()` was called: a datagram socket may be sent to from now on.
    pub(crate) fn bind(&mut self, fd: i32) {
        let (local, peer) = (self.local, self.peer);
        if let Some(socket) = self.of_fd(fd).filter(|s| s.protocol == IPPROTO_UDP) {
            (socket.local, socket.remote) = (local, peer);
        }
    }

    /// `listen()` was called.
    pub(crate) fn listen(&mut self, fd: i32) {
        if let Some(socket) = self.of_fd(fd) {
            socket.state = State::Listening;
        }
    }

    /// `connect()`, or a call that sends to an address, is about to be made.
    /// No address: the socket is disconnected.
    pub(crate) fn connect(&mut self, fd: i32, to: Option<(Ipv4Addr, u16)>) {
        let Some(socket) = self.of_fd(fd) else { return };
        match to {
            None => {
                socket.state = State::New;
                socket.local = (Ipv4Addr::UNSPECIFIED, 0);
            }
            Some(to) if socket.state == State::New => {
                socket.state = State::Connecting;
                socket.remote = to;
            }
            Some(_) => {}
        }
    }

    /// `accept()` gave a descriptor for the connection with `port` of the other side.
    pub(crate) fn accept(&mut self, fd: i32, port: u16) -> Result<(), String> {
        let waits = |s: &&mut Socket| matches!(s.state, State::SynAckSent | State::SynAckAcked) && s.remote.1 == port;
        match self.sockets.iter_mut().rev().find(waits) {
            Some(socket) => {
                socket.fd = Some(fd);
                Ok(())
            }
            None => Err("accept() gave a connection that the script has not begun".to_owned()),
        }
    }

    /// `close()` was called: the descriptor's number may be used again.
    pub(crate) fn close(&mut self, fd: i32) {
        if let Some(socket) = self.of_fd(fd) {
            socket.fd = None;
        }
    }

    /// The script comes to a packet: finds the socket that it is for.
    pub(crate) fn begin_packet(&mut self, packet: &Packet) -> Result<(), String> {
        let state = self.current().map(|s| s.state);
        if let Body::Tcp(tcp) = &packet.body {
            if packet.direction == Direction::Inbound && matches!(state, None | Some(State::Listening)) {
                let port = self.next_port;
                self.next_port = self.next_port.checked_add(1).unwrap_or(FIRST_PORT);
                let (local, peer) = (self.local, self.peer);
                let child = self.add(State::PacketReceived, IPPROTO_TCP, None);
                (child.local, child.remote, child.remote_isn) = (local, (peer.0, port), tcp.seq);
                return Ok(());
            }
            if packet.direction == Direction::Outbound && tcp.is_syn_only() && state == Some(State::Connecting) {
                self.set_state(State::SynSent);
                return Ok(());
            }
        }
        let Some(socket) = self.current() else {
            return Err("no socket for this packet".to_owned());
        };
        let (fits, explicit) = match &packet.body {
            Body::Tcp(tcp) => (socket.protocol == IPPROTO_TCP, tcp.ports.is_some()),
            Body::Udp { ports, .. } => (socket.protocol == IPPROTO_UDP, ports.is_some()),
            Body::Icmp(_) => (true, false),
        };
        if fits || explicit {
            Ok(())
        } else {
            Err("the last socket is of another protocol than this packet".to_owned())
        }
    }

    fn set_state(&mut self, state: State) {
        if let Some(socket) = self.current_mut() {
            socket.state = state;
        }
    }

    /// Is this packet of the stack one that the script is to see now? Learns the port from a first packet.
    pub(crate) fn takes(&mut self, live: &Live, script: &Packet) -> bool {
        let tuple = live.tuple();
        let Some(socket) = self.current_mut() else { return false };
        if let LiveBody::Icmp { .. } = live.body {
            return matches!(script.body, Body::Icmp(_)) && tuple.dst.0 == self.peer.0;
        }
        let wanted = match &script.body {
            Body::Tcp(Tcp { ports: Some((source, destination)), .. })
            | Body::Udp { ports: Some((source, destination)), .. } => {
                return tuple.src.1 == *source && tuple.dst.1 == *destination;
            }
            _ => Tuple { src: socket.local, dst: socket.remote },
        };
        if tuple == wanted {
            return true;
        }
        let connects = match &live.body {
            LiveBody::Tcp(tcp) => {
                socket.state == State::SynSent && tcp.has(SYN) && !tcp.has(ACK) && socket.protocol == IPPROTO_TCP
            }
            LiveBody::Udp { .. } => socket.state == State::Connecting && socket.protocol == IPPROTO_UDP,
            _ => false,
        };
        if !connects || tuple.dst != socket.remote {
            return false;
        }
        socket.local = tuple.src;
        if let LiveBody::Tcp(tcp) = &live.body {
            socket.local_isn = tcp.seq;
        }
        true
    }

    /// A packet that the script expects here has come: its numbers become the script's.
    pub(crate) fn map_outbound(&mut self, live: &mut Live, script: &Packet) {
        let Some(socket) = self.current_mut() else { return };
        let (LiveBody::Tcp(tcp), Body::Tcp(wanted)) = (&mut live.body, &script.body) else { return };
        if socket.state == State::PacketReceived && wanted.flags & (SYN | ACK) == SYN | ACK {
            socket.state = State::SynAckSent;
            socket.local_isn = tcp.seq;
        }
        socket.last_outbound = Some((tcp.seq, tcp.ack, tcp.has(ACK)));
        // The stack's own SYN counts as 0, and the other side's as it is written.
        tcp.seq = tcp.seq.wrapping_sub(socket.local_isn);
        let remote = if tcp.has(SYN) { 0 } else { socket.remote_isn };
        if tcp.has(ACK) {
            tcp.ack = tcp.ack.wrapping_sub(remote);
        }
        tcp.offset_sacks(remote.wrapping_neg());
    }

    /// The time stamp of an outbound packet, in the script's count; remembers which live one stands for it.
    pub(crate) fn timestamp(&mut self, script: u32, live: u32) -> u32 {
        let Some(socket) = self.current_mut() else { return live };
        socket.timestamps.insert(script, live);
        let (first_script, first_live) = *socket.first_timestamp.get_or_insert((script, live));
        first_script.wrapping_add(live.wrapping_sub(first_live))
    }

    /// Addresses and ports of a packet to the stack.
    pub(crate) fn inbound_tuple(&self, ports: Option<(u16, u16)>) -> Result<Tuple, String> {
        let socket = self.current().ok_or("no socket for this packet")?;
        let local = if socket.local.1 == 0 { self.local } else { socket.local };
        let remote = if socket.remote.1 == 0 { self.peer } else { socket.remote };
        let mut tuple = Tuple { src: remote, dst: local };
        if let Some((source, destination)) = ports {
            (tuple.src.1, tuple.dst.1) = (source, destination);
        }
        Ok(tuple)
    }

    /// The live numbers of a segment to the stack: sequence number, acknowledgment, what is to be added to
    /// SACK blocks, and the time stamp to echo.
    pub(crate) fn map_inbound(&mut self, tcp: &Tcp, echo: Option<u32>) -> Result<Numbers, String> {
        let scaled = self.ts_ecr_scaled;
        let socket = self.current_mut().ok_or("no socket for this packet")?;
        match socket.state {
            State::SynAckSent if tcp.flags & ACK != 0 => socket.state = State::SynAckAcked,
            State::SynSent if tcp.flags & (SYN | ACK) == SYN | ACK => {
                socket.state = State::SynAcked;
                socket.remote_isn = tcp.seq;
            }
            _ => {}
        }
        let remote = if tcp.flags & SYN != 0 { 0 } else { socket.remote_isn };
        let seq = tcp.seq.wrapping_add(remote);
        let ack = if tcp.flags & ACK != 0 { tcp.ack.wrapping_add(socket.local_isn) } else { tcp.ack };
        let echo = match echo {
            Some(script) if tcp.flags & ACK != 0 => match (socket.timestamps.get(&script), socket.first_timestamp) {
                (Some(live), _) => Some(*live),
                (None, Some((first_script, first_live))) if scaled => {
                    Some(first_live.wrapping_add(script.wrapping_sub(first_script)))
                }
                _ => return Err(format!("ecr {script}: no packet of the stack had this time stamp")),
            },
            other => other,
        };
        let behind = seq
            .wrapping_add(u32::from(tcp.len))
            .wrapping_add(u32::from(tcp.flags & SYN != 0))
            .wrapping_add(u32::from(tcp.flags & stack::wire::tcp::FIN != 0));
        socket.last_inbound = Some((behind, ack, tcp.flags & ACK != 0));
        Ok(Numbers { seq, ack, sack_offset: socket.local_isn, echo })
    }

    /// The live number of a sequence number of the stack's that an ICMP message quotes.
    pub(crate) fn quoted_seq(&self, script: u32) -> u32 {
        self.current().map_or(script, |s| script.wrapping_add(s.local_isn))
    }

    /// Resets that free what the connections still hold, at the end: tuple, sequence number, acknowledgment.
    pub(crate) fn resets(&self) -> Vec<(Tuple, u32, u32)> {
        let tcp = self.sockets.iter().filter(|s| s.protocol == IPPROTO_TCP && s.local.1 != 0 && s.remote.1 != 0);
        tcp.filter_map(|s| {
            let (seq, ack) = match (s.last_inbound, s.last_outbound) {
                (Some((behind, ack, true)), _) => (behind, ack),
                (_, Some((seq, ack, true))) => (ack, seq),
                (_, Some((seq, _, false))) => (0, seq.wrapping_add(1)),
                _ => return None,
            };
            Some((Tuple { src: s.remote, dst: s.local }, seq, ack))
        })
        .collect()
    }
}

/// The numbers of a segment to the stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Numbers {
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) sack_offset: u32,
    pub(crate) echo: Option<u32>,
}

impl Tcp {
    fn is_syn_only(&self) -> bool {
        self.flags & (SYN | ACK) == SYN
    }
}
