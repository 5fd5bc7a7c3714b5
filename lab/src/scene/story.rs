//! For tests: two hosts and the journey of five letters, told by real skbs.

use super::config::{HostConfig, InterfaceConfig, SceneConfig, TaskConfig};
use stack::host::Cx;
use stack::skb::{Mem, SkBuff, SkbId};
use stack::syscall::Sysno;
use stack::time::Instant;
use stack::trace::*;
use stack::wire::checksum::{csum_fold, csum_partial, fcs, pseudo_header};
use stack::wire::ethernet::{EthernetRepr, MacAddr};
use stack::wire::ipv4::{IP_DF, Ipv4Repr, ip_send_check};
use stack::wire::tcp::{ACK, PSH, TcpRepr};
use stack::wire::tcp_options::TcpOptions;
use std::net::Ipv4Addr;
use std::rc::Rc;

pub(crate) const ALICE: HostId = HostId(0);
pub(crate) const BOB: HostId = HostId(1);
pub(crate) const TASK: TaskId = TaskId(1);
pub(crate) const SOCK: SockId = SockId(1);

pub(crate) fn config() -> Rc<SceneConfig> {
    let host = |name: &str, n: u8| HostConfig {
        name: name.into(),
        interfaces: vec![InterfaceConfig {
            name: "eth0".into(),
            ifindex: 2,
            mac: MacAddr([2, 0, 0, 0, 0, n]),
            address: Some((Ipv4Addr::new(10, 0, 0, n), 24)),
        }],
        tasks: vec![TaskConfig { id: TASK, name: format!("{name}.py"), source: Some(0) }],
        routes: Vec::new(),
        neighbours: vec![(Ipv4Addr::new(10, 0, 0, 3 - n), MacAddr([2, 0, 0, 0, 0, 3 - n]), 2)],
    };
    Rc::new(SceneConfig {
        title: "a story".into(),
        seed: 7,
        sources: vec![("alice.py".into(), "import socket\ns.sendall(b\"hello\")\n".into())],
        hosts: vec![host("alice", 1), host("bob", 2)],
        lines: Vec::new(),
    })
}

/// Tells a journey; `tracer` and both memories live as long as it.
pub(crate) struct Story {
    pub(crate) tracer: Tracer,
    memory: [Mem; 3],
    at_ns: u64,
}

impl Story {
    pub(crate) fn new() -> Story {
        Story { tracer: Tracer::new(true), memory: Default::default(), at_ns: 1_000 }
    }

    /// Something happens on a host, a microsecond after the last.
    pub(crate) fn on<R>(&mut self, host: HostId, context: Context, body: impl FnOnce(&mut Cx<'_>) -> R) -> R {
        self.at_ns += 1_000;
        let now = Instant::from_nanos(self.at_ns);
        let cause = EventId(self.tracer.position().next_event.0 - 1);
        self.tracer.begin(now, host, context, cause);
        let mem = &mut self.memory[usize::from(host.0)];
        body(&mut Cx { now, trace: &mut self.tracer, mem })
    }

    pub(crate) fn tell(&mut self, host: HostId, context: Context, what: What) {
        self.on(host, context, |cx| cx.trace.emit(|| what));
    }

    /// Five letters down to the ring: the original (in the retransmit queue) and the clone (in the ring).
    pub(crate) fn send(&mut self) -> (SkBuff, SkBuff) {
        self.tell(ALICE, Context::Task, What::Line { task: TASK, line: 2 });
        self.tell(ALICE, Context::Syscall, What::SyscallEnter { nr: Sysno::Sendto, task: TASK, index: 0 });
        let skbs = self.on(ALICE, Context::Syscall, |cx| cx.call(Function::TcpSendmsg, send));
        self.tell(ALICE, Context::Syscall, What::SyscallExit { nr: Sysno::Sendto, task: TASK, index: 0, ret: 5 });
        skbs
    }

    /// The card reads the clone and sends it: the frame with FCS.
    pub(crate) fn transmit(&mut self, skb: SkBuff) -> (FrameId, Vec<u8>) {
        self.on(ALICE, Context::Nic, |cx| {
            cx.call(Function::NicTransmit, |cx| {
                let mut bytes = Vec::new();
                skb.copy_out(CopyKind::DmaOut, 0, skb.len(), &mut bytes, cx);
                bytes.resize(bytes.len().max(60), 0);
                let check = fcs(&bytes);
                bytes.extend_from_slice(&check);
                let id = skb.id();
                cx.trace.emit_bytes(&check, |bytes| What::Header { proto: Proto::Fcs, at: 0, skb: id, bytes });
                let frame = cx.trace.new_frame();
                cx.trace.emit_bytes(&bytes, |bytes| What::FrameBytes { frame, skb: id, bytes });
                let len = bytes.len() as u32;
                cx.trace.emit(|| What::Frame { op: FrameOp::Transmit, port: 2, frame, skb: id, len });
                queue(cx, QueueKind::TxRing, QueueOp::Dequeue, id, 2);
                skb.consume(cx);
                (frame, bytes)
            })
        })
    }

    /// Bob's card takes the frame in; the skb as the driver gets it.
    pub(crate) fn receive(&mut self, frame: FrameId, bytes: &[u8]) -> SkBuff {
        let len = bytes.len() - 4;
        let mut skb = self.on(BOB, Context::Nic, |cx| {
            cx.call(Function::NicReceive, |cx| {
                let what = What::Frame { op: FrameOp::Arrive, port: 2, frame, skb: SkbId::NONE, len: len as u32 + 4 };
                cx.trace.emit(|| what);
                let mut skb = SkBuff::alloc(2048, cx);
                skb.reserve(64, cx);
                queue(cx, QueueKind::RxRing, QueueOp::Enqueue, skb.id(), 2);
                skb.dma_adopt(bytes.to_vec(), len, cx);
                skb
            })
        });
        self.on(BOB, Context::Softirq, |cx| {
            cx.call(Function::NapiPoll, |cx| {
                queue(cx, QueueKind::RxRing, QueueOp::Dequeue, skb.id(), 2);
                skb.put(len, cx);
            })
        });
        skb
    }

    /// The headers come off, one layer after the other.
    pub(crate) fn pull(&mut self, skb: &mut SkBuff, function: Function, len: u32) {
        self.on(BOB, Context::Softirq, |cx| cx.call(function, |cx| skb.pull(len, cx)));
    }
}

pub(crate) fn queue(cx: &mut Cx<'_>, kind: QueueKind, op: QueueOp, skb: SkbId, owner: u32) {
    cx.trace.emit(|| What::Queue { kind, op, depth: 1, skb, owner });
}

fn send(cx: &mut Cx<'_>) -> (SkBuff, SkBuff) {
    cx.trace.emit(|| What::SockCreate { sock: SOCK, kind: 1, protocol: 6, task: TASK });
    let mut skb = SkBuff::alloc(300, cx);
    skb.reserve(192, cx);
    cx.trace.emit(|| What::Owner { skb: skb.id(), sock: SOCK, receive: false });
    queue(cx, QueueKind::Write, QueueOp::Enqueue, skb.id(), SOCK.0);
    skb.append(CopyKind::FromUser, b"hello", cx);
    cx.trace.emit(|| What::Stream { skb: skb.id(), seq: 1000, len: 5 });
    queue(cx, QueueKind::Write, QueueOp::Dequeue, skb.id(), SOCK.0);
    queue(cx, QueueKind::Retransmit, QueueOp::Enqueue, skb.id(), SOCK.0);
    let clone = cx.call(Function::TcpTransmitSkb, |cx| {
        let mut clone = skb.skb_clone(cx);
        down(&mut clone, cx);
        clone
    });
    (skb, clone)
}

/// TCP, IP and Ethernet headers, and into the ring.
pub(crate) fn down(skb: &mut SkBuff, cx: &mut Cx<'_>) {
    let (src, dst) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
    let tcp = TcpRepr { src_port: 40000, dst_port: 8080, seq: 1000, ack: 1, flags: ACK | PSH, ..TcpRepr::default() };
    let mut header = tcp.emit(&TcpOptions { timestamps: Some((1, 2)), ..TcpOptions::default() });
    let sum = csum_partial(&header, pseudo_header(src, dst, 6, header.len() + skb.len()));
    let check = csum_fold(csum_partial(skb.bytes(cx), sum));
    header[16..18].copy_from_slice(&check.to_be_bytes());
    let at = skb.push(32, cx);
    skb.reset_header(HeaderOffset::Transport, cx);
    skb.write_header(Proto::Tcp, at, &header, cx);
    cx.call(Function::IpQueueXmit, |cx| {
        let tot_len = skb.len() as u16 + 20;
        let (header_len, tos, id, ttl, protocol) = (20, 0, 1, 64, 6);
        let repr = Ipv4Repr { header_len, tos, tot_len, id, frag_off: IP_DF, ttl, protocol, src, dst };
        let mut header = repr.emit();
        ip_send_check(&mut header);
        let at = skb.push(20, cx);
        skb.reset_header(HeaderOffset::Network, cx);
        skb.write_header(Proto::Ipv4, at, &header, cx);
        cx.call(Function::EthHeader, |cx| {
            let (dst, src) = (MacAddr([2, 0, 0, 0, 0, 2]), MacAddr([2, 0, 0, 0, 0, 1]));
            let at = skb.push(14, cx);
            skb.write_header(Proto::Ethernet, at, &EthernetRepr { dst, src, ethertype: 0x0800 }.emit(), cx);
        });
        cx.call(Function::DevQueueXmit, |cx| queue(cx, QueueKind::Qdisc, QueueOp::Enqueue, skb.id(), 2));
        cx.call(Function::QdiscRun, |cx| queue(cx, QueueKind::Qdisc, QueueOp::Dequeue, skb.id(), 2));
        cx.call(Function::NdoStartXmit, |cx| queue(cx, QueueKind::TxRing, QueueOp::Enqueue, skb.id(), 2));
    });
}
