//! The view model: what a page needs to draw one moment of a run, as plain data.
//!
//! A Scene is a fold over the event log: nothing in it comes from anywhere else, so it is exact at every
//! event, also in the middle of a kernel function. Text in it is ready to show; addresses are ready to link.

use serde::{Deserialize, Serialize};
use stack::skb::{DropReason, SkbId};
use stack::trace::{
    Context, EventId, FrameId, Function, HostId, Layer, NeighState, Proto, QueueKind, SkbOp, SockId, TaskId, TcpState,
};

/// One moment of a run.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Scene {
    /// The event the cursor is on: the last one that has happened.
    pub at: EventId,
    /// Virtual time, ns.
    pub now_ns: u64,
    /// The hosts, in the scenario's order.
    pub hosts: Vec<HostScene>,
    /// Frames between cards.
    pub frames: Vec<FrameScene>,
    /// The event under the cursor, told.
    pub event: Option<EventScene>,
    /// The skb in focus: the one the last skb event was about; if that is freed, the living one touched last.
    pub focus: Option<SkbRef>,
    /// One sentence of at most 90 characters: what just changed and why.
    pub caption: String,
}

/// An skb of a host.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct SkbRef {
    /// Whose memory it is in.
    pub host: HostId,
    /// Which.
    pub skb: SkbId,
}

/// An event in words.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EventScene {
    /// Its number.
    pub id: EventId,
    /// The event that led to it.
    pub because: EventId,
    /// The host; switches are numbered after the hosts, so it may be none of [`Scene::hosts`].
    pub host: HostId,
    /// Who is running.
    pub context: Context,
    /// The kernel function.
    pub function: Function,
    /// The layer it shows in.
    pub layer: Layer,
    /// What happened, in one line of the kernel's own words, e.g. `skb_push(20)  len 57`.
    pub text: String,
}

/// One host.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct HostScene {
    /// Its number.
    pub id: HostId,
    /// Its name, e.g. `alice`.
    pub name: String,
    /// Ethernet interfaces.
    pub interfaces: Vec<InterfaceScene>,
    /// Its programs.
    pub tasks: Vec<TaskScene>,
    /// skbs that are alive, oldest first.
    pub skbs: Vec<SkbScene>,
    /// Sockets that are alive, oldest first.
    pub sockets: Vec<SocketScene>,
    /// The neighbour table.
    pub neighbours: Vec<NeighScene>,
    /// The kernel functions that are running, outermost first.
    pub calls: Vec<Function>,
    /// Payload bytes copied so far by the kernel itself (neither user copies nor DMA).
    pub payload_bytes_moved: u64,
}

/// An interface.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct InterfaceScene {
    /// e.g. `eth0`.
    pub name: String,
    /// Interface index.
    pub ifindex: u16,
    /// Hardware address.
    pub mac: String,
    /// `192.168.1.1/24`, or empty.
    pub address: String,
    /// Packets in the qdisc.
    pub qdisc: Vec<SkbId>,
    /// Descriptors in use of the transmit ring.
    pub tx_ring: Vec<SkbId>,
    /// Descriptors in use of the receive ring.
    pub rx_ring: Vec<SkbId>,
}

/// What a task is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum TaskState {
    /// Not started yet.
    Waiting,
    /// In user space.
    Running,
    /// In a system call.
    InKernel,
    /// Asleep in a system call, in this function, since that event.
    Sleeping {
        /// Where.
        function: Function,
        /// Since when.
        since: EventId,
    },
    /// Ended with this status.
    Exited(i32),
}

/// A program on a host.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TaskScene {
    /// Its number.
    pub id: TaskId,
    /// e.g. `client.py`, or `httpd` for a built-in program.
    pub name: String,
    /// Index into [`RunInfo::sources`]; `None` for a built-in program.
    pub source: Option<usize>,
    /// The line it is at, from 1; 0 before it starts or where there is none.
    pub line: u32,
    /// What it is doing.
    pub state: TaskState,
    /// System calls before the first line of `strace`, no longer shown.
    pub strace_cut: u32,
    /// Its system calls so far, in strace's words: the last 200.
    pub strace: Vec<StraceLine>,
    /// What it printed: the last 16 KiB.
    pub output: String,
}

/// One line of strace.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StraceLine {
    /// The text so far: without the result while the call is in the kernel.
    pub text: String,
    /// Has it returned?
    pub returned: bool,
    /// The event of the call.
    pub enter: EventId,
    /// The event of the return; [`EventId::NONE`] while in the kernel.
    pub exit: EventId,
}

/// Where an skb is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Place {
    /// A function works on it.
    InHand,
    /// It waits in a queue.
    Queued(QueueKind),
}

/// One skb.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SkbScene {
    /// Its number.
    pub id: SkbId,
    /// The skb it was cloned from (or a sibling): they share the bytes.
    pub clone_of: Option<SkbId>,
    /// Heads that share the bytes, this one included.
    pub references: u32,
    /// The row of the tower it is on.
    pub layer: Layer,
    /// In hand or in a queue.
    pub place: Place,
    /// Is it on its way up?
    pub receiving: bool,
    /// `data`, bytes from head.
    pub data: u32,
    /// `tail`.
    pub tail: u32,
    /// `end`.
    pub end: u32,
    /// `truesize`, bytes.
    pub truesize: u32,
    /// `len` = tail − data + `data_len`.
    pub len: u32,
    /// Bytes in page fragments.
    pub data_len: u32,
    /// The page fragments, in order (`skb_shinfo(skb)->frags`).
    pub frags: Vec<FragScene>,
    /// Payload bytes of each segment that it will be cut into, and how many (`gso_size`, `gso_segs`); `None` if it is
    /// one segment.
    pub gso: Option<(u16, u16)>,
    /// Where the Ethernet header begins, from head, once known (`skb->mac_header`).
    pub mac_header: Option<u32>,
    /// Where the IPv4 or ARP header begins (`skb->network_header`).
    pub network_header: Option<u32>,
    /// Where the TCP, UDP or ICMP header begins (`skb->transport_header`).
    pub transport_header: Option<u32>,
    /// The last move of a pointer: which, by how much, and the values before it.
    pub last_move: Option<SkbMoveScene>,
    /// What is written in the buffer, in order from head: headers and payload. A header that was
    /// pulled is still there (below `data`). Payload in page fragments goes on from `end`, one region a fragment.
    pub regions: Vec<Region>,
    /// The socket it is charged to.
    pub owner: Option<SockId>,
    /// The bytes of the TCP stream it carries: sequence number of the first, count.
    pub stream: Option<(u32, u32)>,
    /// The event that touched it last.
    pub touched: EventId,
}

/// A page fragment of an skb: a stretch of a page, which others may refer to as well.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FragScene {
    /// The page's number; 0 if it was filled before the log begins.
    pub page: u32,
    /// Where in the page it begins.
    pub offset: u32,
    /// How long it is.
    pub len: u32,
    /// Fragments of all packets of this host that refer to the page, this one included.
    pub references: u32,
}

/// A pointer's move.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SkbMoveScene {
    /// Which operation.
    pub op: SkbOp,
    /// By how many bytes.
    pub delta: u32,
    /// `data` before.
    pub old_data: u32,
    /// `tail` before.
    pub old_tail: u32,
    /// The event.
    pub event: EventId,
}

/// A stretch of an skb's buffer that is written.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Region {
    /// What it is.
    pub proto: Proto,
    /// Where it begins, from head.
    pub at: u32,
    /// How long it is; of a long payload `bytes` holds only the beginning.
    pub len: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The bytes before the last write, if that write changed some.
    pub before: Option<Vec<u8>>,
    /// The function that wrote it.
    pub function: Function,
    /// The event that wrote it.
    pub event: EventId,
}

/// A frame between two cards.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FrameScene {
    /// Its number.
    pub id: FrameId,
    /// The host whose card sent it.
    pub from: HostId,
    /// Where it goes, once known; broadcast frames go to several.
    pub to: Option<HostId>,
    /// Bytes on the wire, FCS included.
    pub len: u32,
    /// Its headers and payload, as the train's cars.
    pub regions: Vec<Region>,
    /// When it was sent, ns.
    pub sent_at_ns: u64,
    /// Has it reached the card of `to`, which has not copied it to memory yet?
    pub arrived: bool,
    /// Lost on the way, with the reason? It stays in the Scene until the next frame is sent.
    pub lost: Option<DropReason>,
}

/// One socket.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SocketScene {
    /// Its number.
    pub id: SockId,
    /// IP protocol number: 6 TCP, 17 UDP, 1 ICMP.
    pub protocol: u8,
    /// TCP state.
    pub state: TcpState,
    /// `192.168.1.1:40000`, or empty.
    pub local: String,
    /// `192.168.1.100:8080`, or empty.
    pub peer: String,
    /// Task and descriptor, if a program holds it.
    pub fd: Option<(TaskId, i32)>,
    /// `sk_write_queue`.
    pub write_queue: Vec<SkbId>,
    /// `tcp_rtx_queue`.
    pub rtx_queue: Vec<SkbId>,
    /// `sk_receive_queue`.
    pub receive_queue: Vec<SkbId>,
    /// `out_of_order_queue`.
    pub ofo_queue: Vec<SkbId>,
    /// Kernel variables by name, with value and the event that set it last.
    pub variables: Vec<(String, u32, EventId)>,
    /// Timers that are armed: name, when they go off (ns), the event that armed them.
    pub timers: Vec<(String, u64, EventId)>,
}

/// One entry of the neighbour table.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NeighScene {
    /// IPv4 address.
    pub address: String,
    /// Hardware address, or empty.
    pub mac: String,
    /// State.
    pub state: NeighState,
    /// Interface.
    pub ifindex: u16,
    /// The event that set it last.
    pub event: EventId,
    /// skbs that wait for it.
    pub queue: Vec<SkbId>,
}

/// What does not change during a run.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct RunInfo {
    /// The scenario's title.
    pub title: String,
    /// Source files of the programs: name and text.
    pub sources: Vec<(String, String)>,
    /// The hosts' names.
    pub hosts: Vec<String>,
    /// The hosts' routes, in the order in which `ip route` lists them.
    #[serde(default)]
    pub routes: Vec<Vec<RouteLine>>,
}

/// A route, as `ip route` prints it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RouteLine {
    /// The line.
    pub text: String,
    /// The network.
    pub network: std::net::Ipv4Addr,
    /// Its prefix length.
    pub prefix: u8,
    /// The next hop, if it is not on the link.
    pub gateway: Option<std::net::Ipv4Addr>,
}

/// The run as a list of stops, for the transport: small, one a beat.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Timeline {
    /// First event still held.
    pub first: EventId,
    /// Last event so far.
    pub last: EventId,
    /// The beats: layer-level steps of the journey.
    pub beats: Vec<Beat>,
    /// System calls as spans: host, task, name, enter, exit (`NONE` while it runs), ns and ns.
    pub syscalls: Vec<SyscallSpan>,
    /// Has the run come to its end?
    pub ended: bool,
}

/// A layer-level step.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Beat {
    /// The last event of the step: seek here to see it done.
    pub event: EventId,
    /// Virtual time, ns.
    pub at_ns: u64,
    /// The host; switches are numbered after the hosts.
    pub host: HostId,
    /// The layer.
    pub layer: Layer,
    /// The skb or frame it is about.
    pub skb: Option<SkbId>,
    /// True where a packet's journey begins (its first beat).
    pub packet_start: bool,
    /// The caption.
    pub caption: String,
}

/// A system call as a span of time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SyscallSpan {
    /// The host.
    pub host: HostId,
    /// The task.
    pub task: TaskId,
    /// e.g. `sendto`.
    pub name: String,
    /// The event of the call.
    pub enter: EventId,
    /// The event of the return; `NONE` while it runs.
    pub exit: EventId,
    /// When it was made, ns.
    pub enter_ns: u64,
    /// When it returned, ns; `u64::MAX` while it runs.
    pub exit_ns: u64,
}

/// What the page may ask of time. Nobody else moves the cursor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum TimeCommand {
    /// To this event, or the nearest there is.
    Seek(EventId),
    /// So many events on, or back.
    StepEvents(i32),
    /// So many beats on, or back.
    StepBeats(i32),
    /// So many packets on, or back.
    StepPackets(i32),
    /// To the beginning.
    Start,
    /// To the end of what has happened.
    End,
}
