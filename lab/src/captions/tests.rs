//! Every sentence fits, whatever the numbers; and the sentences of one journey are the right ones.

use super::fact::{Fact, HeaderFact};
use super::{MAX_CAPTION, caption};
use crate::scene::{HostConfig, SceneConfig, TaskConfig};
use stack::skb::DropReason;
use stack::syscall::{Errno, Sysno};
use stack::trace::*;

const LONG: u32 = u32::MAX;
const T: TaskId = TaskId(1);

fn config() -> SceneConfig {
    let task = |id, name: &str, source| TaskConfig { id: TaskId(id), name: name.into(), source };
    let host = HostConfig {
        name: "a-host-with-a-very-long-name".into(),
        tasks: vec![task(1, "a_program_with_a_very_long_name.py", Some(0)), task(2, "short.py", Some(0))],
        ..HostConfig::default()
    };
    let source = format!("import socket\n{}\n    s.sendall(data)\n", "x = 1; ".repeat(40));
    SceneConfig { sources: vec![("x.py".into(), source)], hosts: vec![host], ..SceneConfig::default() }
}

fn all_facts() -> Vec<Fact> {
    use TcpState::*;
    let mut facts = vec![
        Fact::Beginning,
        Fact::Wake { function: Function::SockDefReadable, task: T },
        Fact::Print { task: T, len: LONG },
        Fact::TaskExit { task: T, status: i32::MIN },
        Fact::SockDestroy,
        Fact::Trim { len: u16::MAX },
        Fact::Route { dst: LONG, gateway: 0 },
        Fact::Route { dst: LONG, gateway: LONG },
        Fact::FrameBytes { len: LONG },
        Fact::Stream { seq: LONG, len: LONG },
        Fact::Stream { seq: LONG, len: 0 },
        Fact::Frag { len: u16::MAX },
        Fact::Frags { data_len: 0, truesize: LONG },
        Fact::Frags { data_len: u32::from(u16::MAX), truesize: 999_999 },
        Fact::Gso { size: u16::MAX, segs: 999 },
        Fact::Gso { size: 1448, segs: 0 },
        Fact::Shift { len: u16::MAX, segment: true },
        Fact::Shift { len: u16::MAX, segment: false },
        Fact::Split { len: u16::MAX },
        Fact::TrimHead { len: u16::MAX },
        Fact::SockFd { task: T, fd: i32::MAX },
        Fact::SockFd { task: T, fd: -1 },
    ];
    for f in Function::ALL {
        let (function, len) = (*f, u16::MAX);
        facts.extend([Fact::Enter(function), Fact::Exit(function), Fact::Sleep { function, task: T }]);
        facts.extend([Fact::Put { len, function }, Fact::Push { len, function }, Fact::Consumed { function }]);
        facts.extend([true, false].map(|receiving| Fact::Pull { len, function, receiving }));
    }
    for nr in Sysno::ALL.iter().copied() {
        facts.push(Fact::SyscallEnter { nr, task: T });
        facts.extend([0, i32::MAX, -4095, i32::MIN].map(|ret| Fact::SyscallExit { nr, task: T, ret }));
        facts.extend(Errno::ALL.iter().map(|e| Fact::SyscallExit { nr, task: T, ret: -(*e as i32) }));
    }
    for protocol in [0, 1, 6, 17, 255] {
        facts.extend([T, TaskId(0), TaskId(u16::MAX)].map(|task| Fact::SockCreate { protocol, task }));
        let states = [Established, SynSent, SynRecv, FinWait1, FinWait2, TimeWait, Close, CloseWait, LastAck, Listen];
        facts.extend(states.map(|new| Fact::SockState { protocol, old: FinWait2, new }));
        facts.extend(states.map(|old| Fact::SockState { protocol, old, new: Closing }));
    }
    for on in [true, false] {
        facts.push(Fact::SockName { peer: on, port: u16::MAX, addr: LONG });
        facts.push(Fact::SkbAlloc { end: LONG, receiving: on });
        facts.push(Fact::Reserve { len: u16::MAX, receiving: on });
        facts.extend([LONG, 0].map(|len| Fact::Clone { len, again: on }));
        facts.extend([LONG, 0].map(|truesize| Fact::Owner { receive: on, truesize }));
    }
    for reason in DropReason::ALL.iter().copied() {
        facts.extend([Fact::Dropped { reason }, Fact::FrameDrop { reason }]);
    }
    for which in [HeaderOffset::Mac, HeaderOffset::Network, HeaderOffset::Transport] {
        facts.push(Fact::HeaderOffset { which, offset: u16::MAX });
    }
    let mut headers = vec![
        HeaderFact::Ethernet { dst: [0xff; 6] },
        HeaderFact::Ethernet { dst: [0xfe; 6] },
        HeaderFact::Arp { reply: true, sender: LONG, target: LONG },
        HeaderFact::Arp { reply: false, sender: LONG, target: LONG },
        HeaderFact::Ipv4 { dst: LONG, ttl: 255 },
        HeaderFact::Forwarded { ttl: 255 },
        HeaderFact::Udp { port: u16::MAX },
        HeaderFact::Fcs,
        HeaderFact::Other,
    ];
    headers.extend((0..=255).map(|flags| HeaderFact::Tcp { flags }));
    headers.extend((0..=255).map(|kind| HeaderFact::Icmp { kind }));
    for header in headers {
        for again in [true, false] {
            facts.extend([0, LONG].map(|payload| Fact::Header { header, len: u16::MAX, payload, again }));
        }
    }
    use Proto::*;
    for proto in [Ethernet, Arp, Ipv4, Icmp, Udp, Tcp, Payload, Fcs] {
        facts.extend([Fact::HeaderRead { proto, len: u16::MAX }, Fact::SegmentHeader { proto, len: u16::MAX }]);
    }
    for kind in [CopyKind::FromUser, CopyKind::ToUser, CopyKind::DmaOut, CopyKind::DmaIn, CopyKind::Kernel] {
        facts.extend([true, false].map(|paged| Fact::Copy { kind, len: LONG, paged }));
    }
    use QueueKind::{Neigh, OutOfOrder, Qdisc, Receive, Retransmit, RxRing, TxRing, Write};
    for kind in [Write, Retransmit, Receive, OutOfOrder, Neigh, Qdisc, TxRing, RxRing] {
        for op in [QueueOp::Enqueue, QueueOp::Dequeue] {
            for function in [Function::NicReceive, Function::NapiPoll] {
                facts.push(Fact::Queue { kind, op, depth: u16::MAX, function });
            }
        }
    }
    use Field::*;
    for field in [
        SndUna,
        SndNxt,
        WriteSeq,
        SndWnd,
        RcvNxt,
        CopiedSeq,
        RcvWnd,
        SndCwnd,
        SndSsthresh,
        SrttUs,
        RtoUs,
        MssCache,
        SndWscale,
        RcvWscale,
        WmemQueued,
        RmemAlloc,
        Backoff,
        CaState,
        SkErr,
        Shutdown,
    ] {
        facts.extend([0, 111, LONG].map(|new| Fact::Set { field, old: LONG, new }));
    }
    use TimerKind as K;
    for kind in [
        K::Retransmit,
        K::DelayedAck,
        K::Probe,
        K::ReoTimeout,
        K::LossProbe,
        K::Pacing,
        K::CompressedAck,
        K::Keepalive,
        K::SynAck,
        K::TimeWait,
        K::Neigh,
        K::SocketTimeout,
    ] {
        for op in [TimerOp::Set, TimerOp::Fire, TimerOp::Cancel] {
            facts.extend([0, 40_001, LONG].map(|after_us| Fact::Timer { kind, op, after_us }));
        }
    }
    use NeighState as N;
    for state in [N::None, N::Incomplete, N::Reachable, N::Stale, N::Delay, N::Probe, N::Failed, N::Permanent] {
        facts.push(Fact::Neigh { state, addr: LONG });
    }
    use FrameOp as F;
    for op in [F::Transmit, F::Forward, F::Arrive, F::Lost, F::Duplicated, F::Reordered, F::Corrupted] {
        facts.push(Fact::Frame { op, len: LONG });
    }
    facts
}

#[test]
fn every_caption_is_a_whole_sentence_of_at_most_90_characters() {
    let config = config();
    for fact in all_facts() {
        for host in [HostId(0), HostId(255)] {
            let text = caption(&config, host, &fact);
            assert!(text.chars().count() <= MAX_CAPTION, "{} characters: {text}", text.chars().count());
            assert!(text.ends_with(['.', '?']), "{fact:?} was cut or is no sentence: {text}");
            assert!(!text.contains("  "), "{fact:?}: {text}");
        }
    }
}

#[test]
fn a_long_line_of_source_is_cut_to_the_length_of_a_caption() {
    let config = config();
    let text = |line| caption(&config, HostId(0), &Fact::Line { task: TaskId(2), line });
    assert_eq!(text(3), "short.py is at line 3: s.sendall(data)");
    assert_eq!(text(2).chars().count(), MAX_CAPTION);
    assert!(text(2).ends_with('…'));
    assert_eq!(text(99), "short.py is at line 99.");
}

#[test]
fn captions_name_the_numbers_of_their_event() {
    let config = config();
    let say = |fact| caption(&config, HostId(0), &fact);
    let header = |header, len| Fact::Header { header, len, payload: 37, again: false };
    assert_eq!(
        say(header(HeaderFact::Ipv4 { dst: 0, ttl: 64 }, 20)),
        "IP moved one pointer and wrote 20 bytes in front. The 37 bytes stayed put."
    );
    assert_eq!(
        say(header(HeaderFact::Tcp { flags: 0x18 }, 32)),
        "TCP moved one pointer and wrote 32 bytes in front. The 37 bytes stayed put."
    );
    assert_eq!(
        say(Fact::SyscallExit { nr: Sysno::Connect, task: TaskId(2), ret: -111 }),
        "connect() fails with ECONNREFUSED: Connection refused."
    );
    assert_eq!(say(Fact::Dropped { reason: DropReason::IpCsum }), "Dropped. The IPv4 header checksum is wrong.");
    assert_eq!(
        say(Fact::Pull { len: 14, function: Function::EthTypeTrans, receiving: true }),
        "Ethernet took off its 14 bytes: data moved right, no byte was copied."
    );
}

#[test]
fn kernel_words_are_the_kernels() {
    use super::kernel_words;
    use stack::skb::SkbId;
    use stack::time::Instant;
    let words = |function, what| {
        let (at, because, host, context) = (Instant::ZERO, EventId::NONE, HostId(0), Context::Syscall);
        kernel_words(&Event { at, because, function, host, context, what }, &[2, 0, 0, 0, 0, 1], 1000)
    };
    let skb = SkbId(7);
    let f = Function::IpQueueXmit;
    assert_eq!(words(f, What::Enter), "→ __ip_queue_xmit");
    assert_eq!(
        words(f, What::SkbMove { op: SkbOp::Push, delta: 20, skb, data: 100, tail: 157 }),
        "skb_push(20)  len 1057"
    );
    let queue = What::Queue { kind: QueueKind::Write, op: QueueOp::Enqueue, depth: 1, skb, owner: 1 };
    assert_eq!(words(f, queue), "sk_write_queue += skb #7  (1 packet)");
    let set = What::Set { field: Field::SndNxt, sock: SockId(1), old: 1000, new: 1037 };
    assert_eq!(words(f, set), "snd_nxt 1000 → 1037");
    assert_eq!(
        words(f, What::SkbFree { skb, reason: DropReason::TcpCsum }),
        "kfree_skb(#7)  reason SKB_DROP_REASON_TCP_CSUM"
    );
    let neigh = What::Neigh { state: NeighState::Reachable, ifindex: 2, addr: 0x0a00_0001, mac: BytesRef(1) };
    assert_eq!(words(f, neigh), "neigh 10.0.0.1  lladdr 02:00:00:00:00:01  REACHABLE");
}
