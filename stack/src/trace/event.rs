//! One event: 32 bytes of plain data that say what changed, where, when and because of what.
//!
//! Text is made by the viewer. The layout is kept small so that a run of a million events fits a browser tab.

use super::function::Function;
use crate::skb::{DropReason, SkbId};
use crate::syscall::Sysno;
use crate::time::Instant;

/// The number of an event in its run, from 1; 0 is "none".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EventId(pub u32);

impl EventId {
    /// No event: the beginning of the world.
    pub const NONE: EventId = EventId(0);
}

/// Bytes kept beside the events: an offset into the side arena; 0 is "none".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BytesRef(pub u32);

/// A host of the network, by its place in the scenario.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HostId(pub u8);

/// A task (process) of a host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TaskId(pub u16);

/// A socket (`struct sock`) of a host; the number is never used twice in a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SockId(pub u32);

/// A frame outside a host's memory: on its way between two cards.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FrameId(pub u32);

/// Who is running: the context the kernel is in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum Context {
    /// The program, in user space.
    #[default]
    Task,
    /// The kernel, on behalf of a task.
    Syscall,
    /// A software interrupt: NAPI, timers.
    Softirq,
    /// A hardware interrupt.
    Irq,
    /// The network card.
    Nic,
    /// The wire.
    Wire,
}

/// A header that is written or read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Proto {
    Ethernet,
    Arp,
    Ipv4,
    Icmp,
    Udp,
    Tcp,
    /// The user's bytes.
    Payload,
    /// The frame check sequence, appended by the card.
    Fcs,
}

/// How a pointer of an skb moved.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum SkbOp {
    /// `skb_reserve`: data and tail move right.
    Reserve,
    /// `skb_put`: tail moves right.
    Put,
    /// `skb_push`: data moves left.
    Push,
    /// `skb_pull`: data moves right.
    Pull,
    /// `skb_trim`: tail moves left.
    Trim,
}

impl SkbOp {
    /// The kernel's name.
    pub const fn name(self) -> &'static str {
        match self {
            SkbOp::Reserve => "skb_reserve",
            SkbOp::Put => "skb_put",
            SkbOp::Push => "skb_push",
            SkbOp::Pull => "skb_pull",
            SkbOp::Trim => "skb_trim",
        }
    }
}

/// Which header offset of an skb was set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
#[allow(missing_docs)]
pub enum HeaderOffset {
    Mac,
    Network,
    Transport,
}

/// A queue that holds skbs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum QueueKind {
    /// `sk_write_queue`: not yet sent. Owner: the socket.
    Write,
    /// `tcp_rtx_queue`: sent, not yet acknowledged. Owner: the socket.
    Retransmit,
    /// `sk_receive_queue`. Owner: the socket.
    Receive,
    /// `out_of_order_queue`. Owner: the socket.
    OutOfOrder,
    /// `neigh->arp_queue`: waits for a hardware address. Owner: the neighbour's IPv4 address.
    Neigh,
    /// The qdisc, `pfifo_fast`. Owner: the interface.
    Qdisc,
    /// The driver's transmit descriptor ring. Owner: the interface.
    TxRing,
    /// The driver's receive descriptor ring. Owner: the interface.
    RxRing,
}

/// In or out of a queue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum QueueOp {
    /// The skb enters.
    Enqueue,
    /// The skb leaves.
    Dequeue,
}

/// Between whom payload bytes are copied.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum CopyKind {
    /// `copy_from_user`: from the program's buffer to the skb.
    FromUser,
    /// `copy_to_user`: from the skb to the program's buffer.
    ToUser,
    /// The card reads the skb.
    DmaOut,
    /// The card writes the skb.
    DmaIn,
    /// The stack itself had to copy (an skb is split or copied): Linux does so too.
    Kernel,
}

/// A timer of a socket or of a neighbour.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum TimerKind {
    /// `ICSK_TIME_RETRANS`
    Retransmit,
    /// The delayed ACK.
    DelayedAck,
    /// `ICSK_TIME_PROBE0`: zero-window probe.
    Probe,
    /// `ICSK_TIME_REO_TIMEOUT`: RACK waits for reordered segments.
    ReoTimeout,
    /// `ICSK_TIME_LOSS_PROBE`: a tail loss probe.
    LossProbe,
    /// `pacing_timer`: the pacing rate holds the next segment back.
    Pacing,
    /// `compressed_ack_timer`: ACKs held back so that one stands for several.
    CompressedAck,
    /// Keepalive.
    Keepalive,
    /// The SYN-ACK of a request socket.
    SynAck,
    /// End of TIME_WAIT or of an orphaned FIN_WAIT2.
    TimeWait,
    /// A neighbour entry's.
    Neigh,
    /// `SO_RCVTIMEO`, `SO_SNDTIMEO`.
    SocketTimeout,
    /// `qdisc_watchdog`: a packet's time in `fq`. Owner: the interface.
    Qdisc,
}

/// What happened to a timer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum TimerOp {
    /// Armed.
    Set,
    /// Went off.
    Fire,
    /// Disarmed.
    Cancel,
}

/// What happened to a frame between the cards.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum FrameOp {
    /// The card has read the skb and puts the first bit on the wire.
    Transmit,
    /// A switch took it in and sends it on.
    Forward,
    /// It has arrived at a card.
    Arrive,
    /// The wire lost it.
    Lost,
    /// The wire made a second one.
    Duplicated,
    /// The wire held it back behind later ones.
    Reordered,
    /// The wire flipped bits in it.
    Corrupted,
}

/// A variable of a kernel object that an event sets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Field {
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
}

impl Field {
    /// The kernel's name for the variable.
    pub const fn name(self) -> &'static str {
        match self {
            Field::SndUna => "snd_una",
            Field::SndNxt => "snd_nxt",
            Field::WriteSeq => "write_seq",
            Field::SndWnd => "snd_wnd",
            Field::RcvNxt => "rcv_nxt",
            Field::CopiedSeq => "copied_seq",
            Field::RcvWnd => "rcv_wnd",
            Field::SndCwnd => "snd_cwnd",
            Field::SndSsthresh => "snd_ssthresh",
            Field::SrttUs => "srtt_us",
            Field::RtoUs => "icsk_rto",
            Field::MssCache => "mss_cache",
            Field::SndWscale => "snd_wscale",
            Field::RcvWscale => "rcv_wscale",
            Field::WmemQueued => "sk_wmem_queued",
            Field::RmemAlloc => "sk_rmem_alloc",
            Field::Backoff => "icsk_backoff",
            Field::CaState => "icsk_ca_state",
            Field::SkErr => "sk_err",
            Field::Shutdown => "sk_shutdown",
        }
    }
}

/// `NUD_…`: the state of a neighbour entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
#[allow(missing_docs)]
pub enum NeighState {
    None,
    Incomplete,
    Reachable,
    Stale,
    Delay,
    Probe,
    Failed,
    Permanent,
}

impl NeighState {
    /// As `ip neigh` prints it.
    pub const fn name(self) -> &'static str {
        match self {
            NeighState::None => "NONE",
            NeighState::Incomplete => "INCOMPLETE",
            NeighState::Reachable => "REACHABLE",
            NeighState::Stale => "STALE",
            NeighState::Delay => "DELAY",
            NeighState::Probe => "PROBE",
            NeighState::Failed => "FAILED",
            NeighState::Permanent => "PERMANENT",
        }
    }
}

/// A TCP state; other sockets are in `Close`, or in `Established` once connected, as in Linux.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
#[allow(missing_docs)]
pub enum TcpState {
    Established = 1,
    SynSent,
    SynRecv,
    FinWait1,
    FinWait2,
    TimeWait,
    Close,
    CloseWait,
    LastAck,
    Listen,
    Closing,
}

impl TcpState {
    /// As `ss` prints it.
    pub const fn name(self) -> &'static str {
        match self {
            TcpState::Established => "ESTAB",
            TcpState::SynSent => "SYN-SENT",
            TcpState::SynRecv => "SYN-RECV",
            TcpState::FinWait1 => "FIN-WAIT-1",
            TcpState::FinWait2 => "FIN-WAIT-2",
            TcpState::TimeWait => "TIME-WAIT",
            TcpState::Close => "UNCONN",
            TcpState::CloseWait => "CLOSE-WAIT",
            TcpState::LastAck => "LAST-ACK",
            TcpState::Listen => "LISTEN",
            TcpState::Closing => "CLOSING",
        }
    }
}

/// What an event says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs)] // each variant is documented; its fields carry the kernel's names
pub enum What {
    /// [`Event::function`] is entered.
    Enter,
    /// [`Event::function`] returns.
    Exit,
    /// A task makes its `index`-th system call (from 0).
    SyscallEnter { nr: Sysno, task: TaskId, index: u32 },
    /// That system call returns: a value, or minus an errno.
    SyscallExit { nr: Sysno, task: TaskId, index: u32, ret: i32 },
    /// The task sleeps in the current function.
    Sleep { task: TaskId, sock: SockId },
    /// The task may run again.
    Wake { task: TaskId, sock: SockId },
    /// The program is at this line of its source.
    Line { task: TaskId, line: u32 },
    /// The program prints.
    Print { task: TaskId, stderr: bool, bytes: BytesRef },
    /// The program ends.
    TaskExit { task: TaskId, status: i32 },
    /// A socket comes to be: `kind` is `SOCK_STREAM` or `SOCK_DGRAM`, `protocol` an IP protocol number.
    SockCreate { sock: SockId, kind: u8, protocol: u8, task: TaskId },
    /// A socket's local (`peer == false`) or peer address is set.
    SockName { sock: SockId, peer: bool, port: u16, addr: u32 },
    /// A socket's TCP state changes.
    SockState { sock: SockId, old: TcpState, new: TcpState },
    /// A socket is gone.
    SockDestroy { sock: SockId },
    /// A socket's descriptor in a task.
    SockFd { sock: SockId, task: TaskId, fd: i32 },
    /// `alloc_skb`: a buffer of `end` bytes; `truesize` is what it is charged for.
    SkbAlloc { skb: SkbId, end: u32, truesize: u32 },
    /// A pointer moves by `delta` bytes; `data` and `tail` are the new values, from `head`.
    SkbMove { op: SkbOp, delta: u16, skb: SkbId, data: u32, tail: u32 },
    /// `skb_clone`: `skb` is a new head over the data of `of`.
    SkbClone { skb: SkbId, of: SkbId },
    /// `skb_fill_page_desc`: the skb's fragments go on with `len` bytes at `off` of a page, and it is charged for them.
    /// The page's number is the host's own; 1 is its first.
    SkbFrag { skb: SkbId, page: u32, off: u16, len: u16 },
    /// `skb_shift`: the first `len` bytes of `from`, all in fragments, and what they are charged for, go behind those of
    /// `to`. `bytes` holds the first of what stays.
    SkbShift { to: SkbId, from: SkbId, len: u16, bytes: BytesRef },
    /// `skb_split`: what lies beyond the first `len` bytes of `skb` goes `into` another; what of it is linear is copied
    /// next. `bytes` holds the first of what goes in fragments.
    SkbSplit { skb: SkbId, into: SkbId, len: u16, bytes: BytesRef },
    /// `__pskb_trim_head`: the first `len` bytes in fragments are given up. `bytes` holds the first of what stays.
    SkbTrimHead { skb: SkbId, len: u16, bytes: BytesRef },
    /// The skb's page fragments now hold `data_len` bytes, cut at their end if they held more; and it is charged for
    /// `truesize`.
    SkbFrags { skb: SkbId, data_len: u32, truesize: u32 },
    /// The skb stands for `segs` segments of `size` payload bytes each, which are cut apart below (GSO); with 0 of them
    /// it has been cut, and is the last.
    SkbGso { skb: SkbId, size: u16, segs: u16 },
    /// An skb is freed: consumed, or dropped with a reason.
    SkbFree { skb: SkbId, reason: DropReason },
    /// A header offset is set, in bytes from `head`.
    SkbHeaderOffset { which: HeaderOffset, skb: SkbId, offset: u16 },
    /// A header is written at `at` (from `head`); `bytes` is the whole header as it stands now.
    Header { proto: Proto, at: u16, skb: SkbId, bytes: BytesRef },
    /// A header is read and found good.
    HeaderRead { proto: Proto, at: u16, skb: SkbId, len: u16 },
    /// Payload bytes are copied; `bytes` holds the first of them (see [`super::COPY_SAMPLE`]).
    Copy { kind: CopyKind, at: u16, skb: SkbId, len: u32, bytes: BytesRef },
    /// The skb carries these bytes of its socket's stream, by TCP sequence number.
    Stream { skb: SkbId, seq: u32, len: u32 },
    /// The skb's memory is charged to a socket (`skb_set_owner_w`, `skb_set_owner_r`).
    Owner { skb: SkbId, sock: SockId, receive: bool },
    /// An skb enters or leaves a queue, which holds `depth` packets afterwards.
    Queue { kind: QueueKind, op: QueueOp, depth: u16, skb: SkbId, owner: u32 },
    /// A variable of a socket changes.
    Set { field: Field, sock: SockId, old: u32, new: u32 },
    /// A timer of a socket (or of the neighbour whose address `owner` is).
    Timer { kind: TimerKind, op: TimerOp, owner: u32, after_us: u32 },
    /// A route is chosen: `gateway` is 0 for a neighbour on the link.
    Route { dst: u32, gateway: u32, ifindex: u16 },
    /// A neighbour entry changes.
    Neigh { state: NeighState, ifindex: u8, addr: u32, mac: BytesRef },
    /// A frame outside a host's memory; `port` is the interface (or switch port), `skb` where it comes from or goes to.
    Frame { op: FrameOp, port: u16, frame: FrameId, skb: SkbId, len: u32 },
    /// The whole frame, FCS included if it has one: as it leaves a card, or as it came from outside the lab.
    FrameBytes { frame: FrameId, skb: SkbId, bytes: BytesRef },
    /// A frame is refused by the card or switch before there is an skb.
    FrameDrop { frame: FrameId, reason: DropReason },
}

/// One record of what happened.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Event {
    /// Virtual time.
    pub at: Instant,
    /// The event that led to this one; [`EventId::NONE`] at the beginning of the world.
    pub because: EventId,
    /// The kernel function that did it.
    pub function: Function,
    /// The host it happened on.
    pub host: HostId,
    /// Who was running.
    pub context: Context,
    /// What happened.
    pub what: What,
}

const _: () = assert!(core::mem::size_of::<What>() <= 16 && core::mem::size_of::<Event>() == 32);
