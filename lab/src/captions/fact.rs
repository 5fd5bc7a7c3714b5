//! What an event says, with the numbers that a sentence about it needs.

use stack::skb::DropReason;
use stack::syscall::Sysno;
use stack::trace::{
    CopyKind, Field, FrameOp, Function, HeaderOffset, NeighState, Proto, QueueKind, QueueOp, TaskId, TcpState,
    TimerKind, TimerOp,
};

/// One thing that happened; small, so that a long run can keep many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // the variants are those of `What`, the fields carry its names
pub enum Fact {
    /// Nothing has happened yet.
    Beginning,
    Enter(Function),
    Exit(Function),
    SyscallEnter {
        nr: Sysno,
        task: TaskId,
    },
    SyscallExit {
        nr: Sysno,
        task: TaskId,
        ret: i32,
    },
    Sleep {
        function: Function,
        task: TaskId,
    },
    Wake {
        function: Function,
        task: TaskId,
    },
    Line {
        task: TaskId,
        line: u32,
    },
    Print {
        task: TaskId,
        len: u32,
    },
    TaskExit {
        task: TaskId,
        status: i32,
    },
    SockCreate {
        protocol: u8,
        task: TaskId,
    },
    SockName {
        peer: bool,
        port: u16,
        addr: u32,
    },
    SockState {
        protocol: u8,
        old: TcpState,
        new: TcpState,
    },
    SockDestroy,
    SockFd {
        task: TaskId,
        fd: i32,
    },
    SkbAlloc {
        end: u32,
        receiving: bool,
    },
    Reserve {
        len: u16,
        receiving: bool,
    },
    Put {
        len: u16,
        function: Function,
    },
    Push {
        len: u16,
        function: Function,
    },
    /// `receiving`: on its way up.
    Pull {
        len: u16,
        function: Function,
        receiving: bool,
    },
    Trim {
        len: u16,
    },
    /// `again`: it was cloned before; this is a retransmission.
    Clone {
        len: u32,
        again: bool,
    },
    Consumed {
        function: Function,
    },
    Dropped {
        reason: DropReason,
    },
    HeaderOffset {
        which: HeaderOffset,
        offset: u16,
    },
    /// A header is written; `payload` bytes stand behind it.
    Header {
        header: HeaderFact,
        len: u16,
        payload: u32,
        again: bool,
    },
    HeaderRead {
        proto: Proto,
        len: u16,
    },
    /// `paged`: into page fragments.
    Copy {
        kind: CopyKind,
        len: u32,
        paged: bool,
    },
    /// Bytes of a page belong to the packet.
    Frag {
        len: u16,
    },
    Frags {
        data_len: u32,
        truesize: u32,
    },
    Gso {
        size: u16,
        segs: u16,
    },
    /// `segment`: to one that is cut off a super-packet.
    Shift {
        len: u16,
        segment: bool,
    },
    Split {
        len: u16,
    },
    TrimHead {
        len: u16,
    },
    /// A segment that was cut off a super-packet gets a header.
    SegmentHeader {
        proto: Proto,
        len: u16,
    },
    Stream {
        seq: u32,
        len: u32,
    },
    Owner {
        receive: bool,
        truesize: u32,
    },
    Queue {
        kind: QueueKind,
        op: QueueOp,
        depth: u16,
        function: Function,
    },
    Set {
        field: Field,
        old: u32,
        new: u32,
    },
    Timer {
        kind: TimerKind,
        op: TimerOp,
        after_us: u32,
    },
    Route {
        dst: u32,
        gateway: u32,
    },
    Neigh {
        state: NeighState,
        addr: u32,
    },
    Frame {
        op: FrameOp,
        len: u32,
    },
    FrameBytes {
        len: u32,
    },
    FrameDrop {
        reason: DropReason,
    },
}

/// What a header that is written says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum HeaderFact {
    Ethernet {
        dst: [u8; 6],
    },
    Arp {
        reply: bool,
        sender: u32,
        target: u32,
    },
    Ipv4 {
        dst: u32,
        ttl: u8,
    },
    /// A router changed the header of a packet that it passes on.
    Forwarded {
        ttl: u8,
    },
    Icmp {
        kind: u8,
    },
    Udp {
        port: u16,
    },
    Tcp {
        flags: u8,
    },
    Fcs,
    Other,
}

impl HeaderFact {
    /// Reads what matters from a header's bytes.
    pub fn read(proto: Proto, bytes: &[u8]) -> HeaderFact {
        let be32 = |at: usize| bytes.get(at..)?.first_chunk().map(|b| u32::from_be_bytes(*b));
        let be16 = |at: usize| bytes.get(at..)?.first_chunk().map(|b| u16::from_be_bytes(*b));
        let read = || {
            Some(match proto {
                Proto::Ethernet => HeaderFact::Ethernet { dst: *bytes.first_chunk()? },
                Proto::Arp => HeaderFact::Arp { reply: be16(6)? == 2, sender: be32(14)?, target: be32(24)? },
                Proto::Ipv4 => HeaderFact::Ipv4 { dst: be32(16)?, ttl: *bytes.get(8)? },
                Proto::Icmp => HeaderFact::Icmp { kind: *bytes.first()? },
                Proto::Udp => HeaderFact::Udp { port: be16(2)? },
                Proto::Tcp => HeaderFact::Tcp { flags: *bytes.get(13)? },
                Proto::Fcs => HeaderFact::Fcs,
                Proto::Payload => HeaderFact::Other,
            })
        };
        read().unwrap_or(HeaderFact::Other)
    }
}
