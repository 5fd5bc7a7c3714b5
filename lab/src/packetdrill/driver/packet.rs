//! Packets of a script: to the stack, and expected from it.

use super::clock::{When, seconds};
use super::{Driver, Failure, Result};
use crate::packetdrill::ast::{Body, Direction, Echoed, Ecn, Icmp, IpInfo, Packet, Tcp, TcpOption, TcpOptions};
use crate::packetdrill::build::{Builder, Segment, Tuple, options_bytes, quoted};
use crate::packetdrill::live::Live;
use crate::packetdrill::{MAC, PEER_MAC, compare, show};
use crate::tape::Answer;
use crate::world::{Captured, ScriptAnswer, ScriptAsk};
use stack::syscall::Syscall;
use stack::wire::icmpv4::{ICMP_DEST_UNREACH, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_FRAG_NEEDED};
use stack::wire::ipv4::{IPPROTO_TCP, IPPROTO_UDP};
use stack::wire::tcp::{ACK, RST};

/// So long after its time a packet is waited for, ns.
const PATIENCE_NS: i64 = 2_000_000_000;
/// The same for one that may come at any time.
const ANY_TIME_PATIENCE_NS: i64 = 300_000_000_000;

impl Driver {
    /// Puts a packet into the stack.
    pub(super) async fn inject(&mut self, line: u32, packet: &Packet) -> Result {
        if self.script.options.strict {
            self.refuse_unread(line).await?;
        }
        let frame = self.build(packet).map_err(|e| Failure::new(line, e))?;
        let now = self.now().await;
        self.note(now, &show::packet(packet)).await;
        let gso_size = match (&packet.body, self.script.options.mss) {
            // What is no longer than one segment is one.
            (Body::Tcp(tcp), Some(mss)) if tcp.len > mss => mss,
            _ => 0,
        };
        self.ask(ScriptAsk::Inject { bytes: frame.into(), gso_size }).await;
        Ok(())
    }

    fn build(&mut self, packet: &Packet) -> std::result::Result<Vec<u8>, String> {
        let ports = match &packet.body {
            Body::Tcp(Tcp { ports, .. }) | Body::Udp { ports, .. } => *ports,
            Body::Icmp(_) => None,
        };
        let tuple = self.session.inbound_tuple(ports)?;
        let builder = Builder {
            tuple,
            tos: tos(&packet.ip),
            ttl: packet.ip.ttl,
            around: &packet.encapsulation,
            macs: (PEER_MAC, MAC),
        };
        match &packet.body {
            Body::Tcp(tcp) => builder.tcp(&self.segment(tcp)?),
            Body::Udp { len, .. } => builder.udp(usize::from(*len)),
            Body::Icmp(icmp) => self.icmp(icmp, &builder),
        }
    }

    /// The segment in live numbers.
    fn segment(&mut self, tcp: &Tcp) -> std::result::Result<Segment, String> {
        let list = match &tcp.options {
            TcpOptions::List(list) => list.clone(),
            TcpOptions::Unchecked => Vec::new(),
        };
        let echo = list.iter().find_map(|o| if let TcpOption::Timestamps { ecr, .. } = o { Some(*ecr) } else { None });
        let numbers = self.session.map_inbound(tcp, echo)?;
        let live = |option: TcpOption| match option {
            TcpOption::Sack(blocks) => {
                let shift = |n: u32| n.wrapping_add(numbers.sack_offset);
                TcpOption::Sack(blocks.into_iter().map(|(left, right)| (shift(left), shift(right))).collect())
            }
            TcpOption::Timestamps { val, ecr } => TcpOption::Timestamps { val, ecr: numbers.echo.unwrap_or(ecr) },
            other => other,
        };
        let options: Vec<TcpOption> = list.into_iter().map(live).collect();
        Ok(Segment {
            seq: numbers.seq,
            ack: numbers.ack,
            flags: tcp.flags,
            ace: tcp.ace,
            window: tcp.window.unwrap_or(0),
            urgent: tcp.urgent,
            options: options_bytes(&options),
            len: usize::from(tcp.len),
        })
    }

    fn icmp(&self, icmp: &Icmp, builder: &Builder<'_>) -> std::result::Result<Vec<u8>, String> {
        if matches!(icmp.kind, ICMP_ECHO | ICMP_ECHOREPLY) {
            let rest = u32::from(icmp.id.unwrap_or(0)) << 16;
            return builder.icmp((icmp.kind, icmp.code, rest), &[]);
        }
        // RFC 1191 §4: the next hop's MTU stands in the low half.
        let frag_needed = icmp.kind == ICMP_DEST_UNREACH && icmp.code == ICMP_FRAG_NEEDED;
        let rest = icmp.mtu.unwrap_or(0) & if frag_needed { 0xffff } else { u32::MAX };
        let ours: Tuple = builder.tuple.reversed();
        let mut first = [0; 8];
        first[..2].copy_from_slice(&ours.src.1.to_be_bytes());
        first[2..4].copy_from_slice(&ours.dst.1.to_be_bytes());
        let (protocol, len) = match icmp.echoed.unwrap_or(Echoed::Tcp { seq: 0, len: 0 }) {
            Echoed::Tcp { seq, len } => {
                first[4..].copy_from_slice(&self.session.quoted_seq(seq).to_be_bytes());
                (IPPROTO_TCP, 20 + usize::from(len))
            }
            Echoed::Udp(len) => {
                first[4..6].copy_from_slice(&(8u16.saturating_add(len)).to_be_bytes());
                (IPPROTO_UDP, 8 + usize::from(len))
            }
            Echoed::Raw(len) => (255, usize::from(len)),
        };
        builder.icmp((icmp.kind, icmp.code, rest), &quoted(ours, protocol, len, first))
    }

    /// Takes the stack's next packet and compares it.
    pub(super) async fn expect(&mut self, line: u32, packet: &Packet, when: When) -> Result {
        let wanted = match &packet.body {
            Body::Tcp(tcp) => usize::from(tcp.len),
            Body::Udp { len, .. } => usize::from(*len),
            Body::Icmp(_) => 0,
        };
        let patience = if when.any { ANY_TIME_PATIENCE_NS } else { PATIENCE_NS };
        let deadline = self.clock.start_ns + when.to_ns + patience;
        let mut parts: Vec<Live> = Vec::new();
        let mut collected = 0;
        loop {
            let Some(mut live) = self.next_packet(packet, deadline).await? else {
                let so_far = match parts.len() {
                    0 => "nothing".to_owned(),
                    _ => format!("only {collected} bytes of it: \"{}\"", show::live(&parts[parts.len() - 1])),
                };
                let text = format!(
                    "expected \"{}\", got {so_far} by {} s",
                    show::packet(packet),
                    seconds(deadline - self.clock.start_ns)
                );
                return Err(Failure::new(line, text));
            };
            self.session.map_outbound(&mut live, packet);
            self.note(live.at_ns as i64, &self.deviation(&live, when)).await;
            if let Some(last) = parts.last() {
                compare::joins(last, &live, collected, wanted).map_err(|why| {
                    let got = format!("\"{}\" and then \"{}\": {why}", show::live(last), show::live(&live));
                    Failure::new(line, format!("expected \"{}\", got {got}", show::packet(packet)))
                })?;
            }
            collected += live.payload_len();
            parts.push(live);
            if collected >= wanted || self.script.options.strict_segments {
                break;
            }
        }
        let mut parts = parts.into_iter();
        let Some(mut whole) = parts.next() else { return Ok(()) };
        parts.for_each(|part| whole.append(part));
        let options = self.script.options.clone();
        compare::packet(packet, &whole, &mut self.session, &options).map_err(|m| Failure::mismatch(line, m))?;
        let at = whole.at_ns as i64 - self.clock.start_ns;
        let what = format!("\"{}\"", show::packet(packet));
        self.unfinished = self.rest_follows.then_some(line);
        self.clock.check(when, at, &what).map_err(|m| Failure::mismatch(line, m))
    }

    /// A packet and how far its time is off.
    fn deviation(&self, live: &Live, when: When) -> String {
        let at = live.at_ns as i64 - self.clock.start_ns;
        let off = match at {
            at if when.any || (when.from_ns..=when.to_ns).contains(&at) => 0,
            at if at < when.from_ns => at - when.from_ns,
            at => at - when.to_ns,
        };
        let off = if off.abs() < 1000 {
            String::new()
        } else {
            format!("  [{}{} s]", if off > 0 { "+" } else { "" }, seconds(off))
        };
        format!("{}{off}", show::live(live))
    }

    /// The next packet of the connection under test; others are passed over. What was one packet until the
    /// card cut it comes whole where one packet is to match one line, and else piece by piece, each of which
    /// may match a line of its own.
    async fn next_packet(&mut self, packet: &Packet, deadline: i64) -> Result<Option<Live>> {
        loop {
            let Some(frame) = self.capture(deadline).await else { return Ok(None) };
            let Some(mut live) = Live::parse(frame.at_ns, &frame.bytes) else { continue };
            if !self.session.takes(&live, packet) {
                self.note(live.at_ns as i64, &format!("(not of this connection) {}", show::live(&live))).await;
                continue;
            }
            let mut more = frame.more && self.segmentation;
            while more && self.script.options.strict_segments {
                let Some(frame) = self.capture(deadline).await else { break };
                more = frame.more;
                if let Some(part) = Live::parse(frame.at_ns, &frame.bytes) {
                    live.append(part);
                }
            }
            self.rest_follows = more;
            return Ok(Some(live));
        }
    }

    async fn capture(&self, deadline: i64) -> Option<Captured> {
        match self.ask(ScriptAsk::Capture { until_ns: deadline.max(0) as u64 }).await {
            Answer::Script(ScriptAnswer::Captured(frame)) => Some(frame),
            _ => None,
        }
    }

    /// `--strict`: no packet of the connection may be left that no line has read.
    pub(super) async fn refuse_unread(&mut self, line: u32) -> Result {
        let any = Packet {
            direction: Direction::Outbound,
            encapsulation: Vec::new(),
            ip: IpInfo::default(),
            body: Body::Tcp(Tcp::default()),
        };
        let Some(mut live) = self.next_packet(&any, 0).await? else { return Ok(()) };
        self.session.map_outbound(&mut live, &any);
        Err(Failure::new(line, format!("expected no packet before this, got \"{}\"", show::live(&live))))
    }

    /// Closes what is open and resets the connections: nothing goes on after the script.
    pub(super) async fn reset(&mut self) {
        let open: Vec<i32> = self.fds.all_live().collect();
        for fd in open {
            if !matches!(self.ask(ScriptAsk::Begin(Syscall::Close { fd })).await, Answer::Syscall(_)) {
                // It lingers: the reset will end that.
                break;
            }
        }
        for (tuple, seq, ack) in self.session.resets() {
            let (flags, options) = (RST | ACK, Vec::new());
            let segment = Segment { seq, ack, flags, ace: 0, window: 0, urgent: 0, options, len: 0 };
            let builder = Builder { tuple, tos: 0, ttl: None, around: &[], macs: (PEER_MAC, MAC) };
            if let Ok(frame) = builder.tcp(&segment) {
                self.ask(ScriptAsk::Inject { bytes: frame.into(), gso_size: 0 }).await;
            }
        }
    }
}

/// The TOS byte of a packet to the stack.
fn tos(ip: &IpInfo) -> u8 {
    ip.tos.unwrap_or(match ip.ecn {
        None | Some(Ecn::NotEct) => 0,
        Some(Ecn::Ect1) => 1,
        Some(Ecn::Ect0 | Ecn::Ect01) => 2,
        Some(Ecn::Ce) => 3,
    })
}
