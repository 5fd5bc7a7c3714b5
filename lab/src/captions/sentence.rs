//! One plain sentence for each fact: what just changed and why, with its own numbers.

use super::actor;
use super::fact::Fact;
use super::headers::{header_read, header_written, segment_header};
use crate::scene::{SceneConfig, timer_name};
use stack::syscall::{Errno, Sysno};
use stack::trace::{
    CopyKind, Field, FrameOp, Function, HeaderOffset, HostId, NeighState, QueueKind, QueueOp, TaskId, TcpState,
    TimerKind, TimerOp,
};
use std::borrow::Cow;
use std::net::Ipv4Addr;

/// The longest caption, in characters.
pub const MAX_CAPTION: usize = 90;

/// The sentence for a fact on a host; at most [`MAX_CAPTION`] characters.
pub fn caption(config: &SceneConfig, host: HostId, fact: &Fact) -> String {
    let text = match *fact {
        Fact::Beginning => "Nothing has happened yet.".into(),
        Fact::Enter(f) => format!("{} begins to run.", f.name()),
        Fact::Exit(f) => format!("{} returns to its caller.", f.name()),
        Fact::SyscallEnter { .. }
        | Fact::SyscallExit { .. }
        | Fact::Sleep { .. }
        | Fact::Wake { .. }
        | Fact::Line { .. }
        | Fact::Print { .. }
        | Fact::TaskExit { .. } => task_sentence(config, host, fact),
        Fact::SockCreate { .. }
        | Fact::SockName { .. }
        | Fact::SockState { .. }
        | Fact::SockDestroy
        | Fact::SockFd { .. } => socket_sentence(config, host, fact),
        Fact::Header { header, len, payload, again } => header_written(header, len, payload, again),
        Fact::HeaderRead { proto, len } => header_read(proto, len),
        Fact::Queue { kind, op, depth, function } => queue_sentence(kind, op, depth, function),
        Fact::Set { field, old, new } => set_sentence(field, old, new).into_owned(),
        Fact::Timer { kind, op, after_us } => timer_sentence(kind, op, after_us),
        Fact::Frame { op, len } => frame_sentence(&name(&config.host_name(host)), op, len),
        Fact::FrameBytes { len } => format!("These are the frame's {len} bytes, as they stand on the wire."),
        Fact::FrameDrop { reason } => reason.text().into(),
        Fact::Route { dst, gateway: 0 } => {
            format!("The routing table says: {} is on this link, no router needed.", Ipv4Addr::from(dst))
        }
        Fact::Route { dst, gateway } => {
            format!("The routing table says: {} by way of {}.", Ipv4Addr::from(dst), Ipv4Addr::from(gateway))
        }
        Fact::Neigh { state, addr } => neigh_sentence(state, addr),
        _ => skb_sentence(fact),
    };
    shorten(text)
}

fn task_sentence(config: &SceneConfig, host: HostId, fact: &Fact) -> String {
    let task = |id| task_name(config, host, id);
    match *fact {
        Fact::SyscallEnter { nr, task: id } => {
            format!("{} calls {}(): now the kernel works for it.", task(id), nr.name())
        }
        Fact::SyscallExit { nr, task: id, ret } => returned(&task(id), nr, ret),
        Fact::Sleep { function, task: id } => format!("{} sleeps {}.", task(id), sleep_reason(function)),
        Fact::Wake { task: id, .. } => format!("{} is woken: it may go on where it slept.", task(id)),
        Fact::Line { task: id, line } => match config.source_line(host, id, line) {
            Some(text) => format!("{} is at line {line}: {text}", task(id)),
            None => format!("{} is at line {line}.", task(id)),
        },
        Fact::Print { task: id, len } => format!("{} prints {}.", task(id), bytes(len)),
        Fact::TaskExit { task: id, status } => format!("{} ends with status {status}.", task(id)),
        _ => String::new(),
    }
}

fn returned(task: &str, nr: Sysno, ret: i32) -> String {
    if ret < 0 {
        let errno = ret.checked_neg().and_then(Errno::from_number);
        return match errno {
            Some(e) => format!("{}() fails with {}: {}.", nr.name(), e.name(), e.text()),
            None => format!("{}() fails with error {}.", nr.name(), ret.unsigned_abs()),
        };
    }
    match nr {
        Sysno::Sendto | Sysno::Write => {
            format!("{}() returns {ret}: the kernel took the bytes; the peer may not have them.", nr.name())
        }
        Sysno::Recvfrom | Sysno::Read if ret == 0 => {
            format!("{}() returns 0: the peer will send nothing more.", nr.name())
        }
        Sysno::Recvfrom | Sysno::Read => format!("{}() returns {ret}: so many bytes came.", nr.name()),
        Sysno::Socket | Sysno::Accept | Sysno::Accept4 => {
            format!("{}() returns {ret}: the number by which {task} names the socket.", nr.name())
        }
        Sysno::Connect => "connect() returns 0: the connection is open.".into(),
        _ => format!("{}() returns {ret}: {task} runs on.", nr.name()),
    }
}

fn sleep_reason(function: Function) -> &'static str {
    match function {
        Function::InetWaitForConnect => "in connect(): the peer has not answered yet",
        Function::InetCskWaitForConnect => "in accept(): no client has connected yet",
        Function::SkStreamWaitMemory => "in send(): the send buffer is full",
        Function::SkWaitData => "in recv(): no data has come yet",
        _ => "until the kernel wakes it",
    }
}

fn socket_sentence(config: &SceneConfig, host: HostId, fact: &Fact) -> String {
    match *fact {
        Fact::SockCreate { protocol, task: TaskId(0) } => {
            format!("The kernel made a {} socket for the new connection.", protocol_name(protocol))
        }
        Fact::SockCreate { protocol, task } => {
            format!("The kernel made a {} socket for {}.", protocol_name(protocol), task_name(config, host, task))
        }
        Fact::SockName { peer, port, addr } => {
            let whose = if peer { "peer's" } else { "own" };
            format!("The socket notes its {whose} address: {}:{port}.", Ipv4Addr::from(addr))
        }
        Fact::SockState { protocol: 6, old: TcpState::Listen, new: TcpState::SynRecv } => {
            "A SYN came: the wish for a connection waits in state SYN-RECV.".into()
        }
        Fact::SockState { new: TcpState::Listen, .. } => "The socket listens: clients may connect from now on.".into(),
        Fact::SockState { protocol: 6, old, new } => {
            let (old, new) = (state_name(old), state_name(new));
            format!("The connection goes from {old} to {new}.")
        }
        Fact::SockState { old, new, .. } => {
            format!("The socket goes from {} to {}.", state_name(old), state_name(new))
        }
        Fact::SockDestroy => "The socket's memory is freed.".into(),
        Fact::SockFd { task, fd } if fd < 0 => {
            format!("{} no longer holds the socket.", task_name(config, host, task))
        }
        Fact::SockFd { task, fd } => {
            format!("{} holds the socket as file descriptor {fd}.", task_name(config, host, task))
        }
        _ => String::new(),
    }
}

fn skb_sentence(fact: &Fact) -> String {
    match *fact {
        Fact::SkbAlloc { end, receiving: false } => format!("A packet buffer of {} is made, still empty.", bytes(end)),
        Fact::SkbAlloc { end, receiving: true } => format!("A buffer of {} for a packet that comes in.", bytes(end)),
        Fact::Reserve { len, receiving: false } => {
            format!("{} are kept free in front: every header will fit there.", bytes(len.into()))
        }
        Fact::Reserve { len, receiving: true } => {
            format!("{} stay free in front, so that the IP header is well aligned.", bytes(len.into()))
        }
        Fact::Put { len, function } => {
            format!("{} moved tail right by {}: room at the end.", actor(function), bytes(len.into()))
        }
        Fact::Push { len, function } => {
            format!("{} moved data left by {}: room for its header.", actor(function), bytes(len.into()))
        }
        Fact::Pull { len, function, receiving: true } => {
            format!("{} took off its {}: data moved right, no byte was copied.", header_of(function), bytes(len.into()))
        }
        Fact::Pull { len, .. } => format!("data moved right by {}: they are no longer needed.", bytes(len.into())),
        Fact::Trim { len } => format!("tail moved left by {}: they are not part of the packet.", bytes(len.into())),
        Fact::Clone { again: true, .. } => "Sent again: a new clone goes down over the same bytes.".into(),
        Fact::Clone { len: 0, .. } => "TCP keeps the original, to resend it if need be; a clone goes down.".into(),
        Fact::Clone { len, .. } => {
            format!("TCP keeps the original; a clone goes down. Both share the same {}.", bytes(len))
        }
        Fact::Consumed { function: Function::TcpCleanRtxQueue } => {
            "The peer has acknowledged it: the original kept for resending is freed.".into()
        }
        Fact::Consumed { .. } => "This packet buffer has done its work and is freed.".into(),
        Fact::Dropped { reason } => format!("Dropped. {}", reason.text()),
        Fact::HeaderOffset { which, offset } => {
            let which = match which {
                HeaderOffset::Mac => "Ethernet",
                HeaderOffset::Network => "network",
                HeaderOffset::Transport => "transport",
            };
            format!("The {which} header begins at byte {offset} of the buffer.")
        }
        Fact::Copy { kind, len, paged } => {
            let n = bytes(len);
            match kind {
                CopyKind::FromUser if paged => {
                    format!("The kernel copied the program's {n} into memory pages. There they stay.")
                }
                CopyKind::FromUser => format!("The kernel copied the program's {n} in. Now they stay where they are."),
                CopyKind::ToUser => format!("The kernel copied {n} out to the program's buffer."),
                CopyKind::DmaOut => format!("The card reads {n} from memory by itself (DMA)."),
                CopyKind::DmaIn => format!("The card writes {n} to memory by itself (DMA)."),
                CopyKind::Kernel => format!("The kernel had to copy {n} from one buffer to another."),
            }
        }
        Fact::Frag { len } => format!("{} of a memory page belong to it, behind its own buffer.", bytes(len.into())),
        Fact::Frags { data_len: 0, truesize } => format!("The packet now counts with {}.", bytes(truesize)),
        Fact::Frags { data_len, truesize } => {
            format!("{} lie in memory pages; the packet counts with {}.", bytes(data_len), bytes(truesize))
        }
        Fact::Gso { segs: 0, .. } => "It has been cut: from here on it is one segment.".into(),
        Fact::Gso { size, segs } => {
            format!("It stands for {segs} segments of {size} bytes. They are cut just before the card (GSO).")
        }
        Fact::Shift { len, segment: true } => {
            format!("A segment is cut off: it takes over {}, and none is copied.", bytes(len.into()))
        }
        Fact::Shift { len, segment: false } => {
            format!("{} pass to the packet in front, and none is copied.", bytes(len.into()))
        }
        Fact::Split { len } => {
            format!("It is cut after {}: what follows is a packet of its own.", bytes(len.into()))
        }
        Fact::TrimHead { len } => format!("Its first {} are acknowledged and leave it.", bytes(len.into())),
        Fact::SegmentHeader { proto, len } => segment_header(proto, len),
        Fact::Stream { seq, len: 0 } => format!("Its sequence number is {seq}; it carries no bytes of the stream."),
        Fact::Stream { seq, len } => {
            format!("It carries {} of the stream, from sequence number {seq}.", bytes(len))
        }
        Fact::Owner { receive, truesize } => {
            let buffer = if receive { "receive" } else { "send" };
            match truesize {
                0 => format!("The packet now counts against the socket's {buffer} buffer."),
                n => format!("The packet counts with {} against the socket's {buffer} buffer.", bytes(n)),
            }
        }
        _ => String::new(),
    }
}

/// Whose header a pull drops: `eth_type_trans` takes off Ethernet's.
fn header_of(function: Function) -> &'static str {
    match function {
        Function::EthTypeTrans => "Ethernet",
        _ => actor(function),
    }
}

fn queue_sentence(kind: QueueKind, op: QueueOp, depth: u16, function: Function) -> String {
    let text = match (kind, op) {
        (QueueKind::Write, QueueOp::Enqueue) => "It joins the socket's send queue",
        (QueueKind::Write, QueueOp::Dequeue) => "It leaves the send queue: it has been sent",
        (QueueKind::Retransmit, QueueOp::Enqueue) => "The original waits for its acknowledgment",
        (QueueKind::Retransmit, QueueOp::Dequeue) => "It leaves the retransmit queue",
        (QueueKind::Receive, QueueOp::Enqueue) => "It joins the receive queue, for recv() to fetch",
        (QueueKind::Receive, QueueOp::Dequeue) => "It leaves the receive queue",
        (QueueKind::OutOfOrder, QueueOp::Enqueue) => "Bytes before it are missing: it is put aside",
        (QueueKind::OutOfOrder, QueueOp::Dequeue) => "The gap before it is closed: it goes on",
        (QueueKind::Neigh, QueueOp::Enqueue) => "It waits until the next hop's MAC address is known",
        (QueueKind::Neigh, QueueOp::Dequeue) => "The MAC address is known: it goes on",
        (QueueKind::Qdisc, QueueOp::Enqueue) => "It joins the queue in front of the card",
        (QueueKind::Qdisc, QueueOp::Dequeue) => "It leaves the queue in front of the card",
        (QueueKind::TxRing, QueueOp::Enqueue) => "The driver hands it to the card in the transmit ring",
        (QueueKind::TxRing, QueueOp::Dequeue) => "The card has sent it: its ring slot is free again",
        (QueueKind::RxRing, QueueOp::Enqueue) if function.layer() == stack::trace::Layer::Nic => {
            "The card fills a slot of the receive ring"
        }
        (QueueKind::RxRing, QueueOp::Enqueue) => "A free buffer joins the receive ring",
        (QueueKind::RxRing, QueueOp::Dequeue) => "The driver takes it out of the receive ring",
    };
    match op {
        QueueOp::Enqueue => format!("{text} ({}).", count(depth)),
        QueueOp::Dequeue => format!("{text} ({depth} left)."),
    }
}

fn set_sentence(field: Field, old: u32, new: u32) -> Cow<'static, str> {
    let n = field.name();
    let change = format!("{n} goes from {old} to {new}");
    match field {
        Field::SndUna => format!("Acknowledged: the peer has every byte before {new} ({n}).").into(),
        Field::SndNxt => format!("{change}: the next number to send.").into(),
        Field::RcvNxt => format!("{change}: the next number wanted.").into(),
        Field::WriteSeq => format!("{change}: the end of what was written.").into(),
        Field::CopiedSeq => format!("{change}: the program has read so far.").into(),
        Field::SndWnd => format!("The peer can take {} more ({n}).", bytes(new)).into(),
        Field::RcvWnd => format!("This host can take {} more ({n}).", bytes(new)).into(),
        Field::SndCwnd => format!("The congestion window is now {new} segments, it was {old}.").into(),
        Field::SndSsthresh => format!("Slow start will end at {new} segments (ssthresh).").into(),
        Field::SkErr => match i32::try_from(new).ok().and_then(Errno::from_number) {
            Some(e) => format!("The socket notes an error: {}.", e.text()).into(),
            None => "The socket's error is cleared.".into(),
        },
        _ => format!("{change}.").into(),
    }
}

fn timer_sentence(kind: TimerKind, op: TimerOp, after_us: u32) -> String {
    let name = timer_name(kind);
    match op {
        TimerOp::Set => format!("The {name} timer will go off in {}.", duration(after_us)),
        TimerOp::Cancel => format!("The {name} timer is stopped: it is not needed.").to_string(),
        TimerOp::Fire => match kind {
            TimerKind::Retransmit => "No acknowledgment came in time: the retransmit timer goes off.".into(),
            TimerKind::DelayedAck => "Nothing to send came along: the delayed ACK goes on its own.".into(),
            TimerKind::Probe => "The window is still closed: TCP asks again with a probe.".into(),
            TimerKind::ReoTimeout => "RACK has waited long enough: what did not come counts as lost.".into(),
            TimerKind::LossProbe => "The last segment may be lost and nothing would tell: TCP probes (TLP).".into(),
            TimerKind::Pacing => "The pacing rate lets the next segment go now.".into(),
            TimerKind::CompressedAck => "One ACK goes for several segments that came close together.".into(),
            _ => format!("The {name} timer goes off."),
        },
    }
}

fn frame_sentence(host: &str, op: FrameOp, len: u32) -> String {
    let n = bytes(len);
    match op {
        FrameOp::Transmit => format!("{host}'s card puts the frame on the wire: {n}."),
        FrameOp::Forward => format!("The switch sends the frame on: {n}."),
        FrameOp::Arrive => format!("The frame has reached {host}'s card: {n}."),
        FrameOp::Lost => format!("The wire lost the frame of {n}. Only its sender can mend that."),
        FrameOp::Duplicated => format!("The wire made a second copy of the frame of {n}."),
        FrameOp::Reordered => format!("The wire held the frame of {n} back: later ones pass it."),
        FrameOp::Corrupted => format!("The wire flipped bits in the frame of {n}."),
    }
}

fn neigh_sentence(state: NeighState, addr: u32) -> String {
    let addr = Ipv4Addr::from(addr);
    match state {
        NeighState::Incomplete => format!("The MAC address of {addr} is not known: ARP must ask."),
        NeighState::Reachable => format!("The MAC address of {addr} is now known and confirmed."),
        NeighState::Failed => format!("Nobody answers for {addr}: it cannot be reached."),
        NeighState::Stale => format!("The MAC address of {addr} is known, but not confirmed lately."),
        NeighState::Delay => format!("The old MAC address of {addr} is used; an answer will confirm it."),
        NeighState::Probe => format!("ARP asks {addr} itself whether its MAC address is still right."),
        NeighState::Permanent => format!("The MAC address of {addr} is fixed by hand."),
        NeighState::None => format!("The neighbour table forgets {addr}."),
    }
}

fn state_name(state: TcpState) -> &'static str {
    match state {
        TcpState::Established => "ESTABLISHED",
        TcpState::Close => "CLOSED",
        other => other.name(),
    }
}

fn protocol_name(protocol: u8) -> &'static str {
    match protocol {
        1 => "ping",
        6 => "TCP",
        17 => "UDP",
        _ => "raw",
    }
}

fn task_name(config: &SceneConfig, host: HostId, task: TaskId) -> String {
    config.task(host, task).map_or_else(|| format!("Task {}", task.0), |t| name(&t.name))
}

/// A name that somebody chose, cut to 16 characters.
fn name(name: &str) -> String {
    if name.chars().count() <= 16 { name.to_owned() } else { name.chars().take(15).chain(['…']).collect() }
}

pub(super) fn bytes(n: u32) -> String {
    if n == 1 { "1 byte".into() } else { format!("{n} bytes") }
}

fn count(n: u16) -> String {
    if n == 1 { "1 packet".into() } else { format!("{n} packets") }
}

/// Microseconds, in the unit that reads best.
pub(super) fn duration(us: u32) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        _ if us.is_multiple_of(1_000_000) => format!("{} s", us / 1_000_000),
        _ if us.is_multiple_of(1_000) => format!("{} ms", us / 1_000),
        _ => format!("{}.{:03} ms", us / 1_000, us % 1_000),
    }
}

/// Cuts what is too long (a line of source may be), and says so.
fn shorten(text: String) -> String {
    if text.chars().count() <= MAX_CAPTION {
        return text;
    }
    text.chars().take(MAX_CAPTION - 1).chain(['…']).collect()
}
