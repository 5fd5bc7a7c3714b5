//! What the page asks of the engine in live mode, and what it hears.

use bridge_protocol::{Lease, TapInfo};
use lab::panes::{PaneQuery, PaneView};
use lab::scene::{RunInfo, Scene, TimeCommand, Timeline};
use serde::{Deserialize, Serialize};
use stack::trace::{EventId, TaskId};

/// From the page.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum LiveRequest {
    /// Join the network behind this WebSocket.
    Connect {
        /// `ws://…/ws?token=…`.
        url: String,
    },
    /// Leave it.
    Disconnect,
    /// Draw a moment. The cursor is the page's alone: the stack goes on.
    Look {
        /// A number that grows with each request.
        ticket: u32,
        /// Where the cursor is.
        at: EventId,
        /// Where to; nothing: to the latest packet.
        command: Option<TimeCommand>,
    },
    /// What a drawer shows. The answer carries the ticket.
    Pane {
        /// A number that grows with each request.
        ticket: u32,
        /// What it is asked.
        query: PaneQuery,
    },
    /// The stops so far, for looking back.
    Past,
    /// Run a program by its command line.
    Run {
        /// As typed.
        line: String,
    },
    /// End a program, as Ctrl-C does.
    Kill {
        /// Which.
        task: TaskId,
    },
}

/// From the engine.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum LiveReply {
    /// How the link stands.
    State(LinkState),
    /// What happened since the last news; ten times a second at the most.
    News(News),
    /// A moment.
    Scene {
        /// The request's ticket.
        ticket: u32,
        /// The moment.
        scene: Box<Scene>,
    },
    /// What a drawer shows.
    Pane {
        /// The request's ticket.
        ticket: u32,
        /// What it shows.
        view: PaneView,
    },
    /// The stops so far.
    Past {
        /// What does not change.
        info: RunInfo,
        /// The stops.
        timeline: Timeline,
    },
}

/// How the link to the bridge stands.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum LinkState {
    /// Nobody asked for it.
    #[default]
    Idle,
    /// On the way.
    Connecting,
    /// The host is up.
    Up {
        /// The bridge's name and version.
        bridge: String,
        /// The host's own address.
        address: String,
        /// Its prefix length.
        prefix: u8,
        /// Its hardware address.
        mac: String,
        /// The kernel's address, if there is a TAP device.
        kernel: Option<String>,
    },
    /// There is no network.
    Down(Hardship),
}

/// Why there is no network, and what helps.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Hardship {
    /// One line.
    pub reason: String,
    /// Commands that help.
    pub remedies: Vec<String>,
    /// Is it worth trying again?
    pub again: bool,
}

impl LinkState {
    /// The state for a lease.
    pub fn up(bridge: &str, lease: &Lease) -> LinkState {
        LinkState::Up {
            bridge: bridge.to_owned(),
            address: lease.address.to_string(),
            prefix: lease.prefix,
            mac: lease.mac.to_string(),
            kernel: lease.gateway.map(|address| address.to_string()),
        }
    }

    /// The state for a bridge without a TAP device.
    pub fn without_tap(tap: &TapInfo) -> Option<LinkState> {
        match tap {
            TapInfo::Up { .. } => None,
            TapInfo::Off { name, reason, how_to_grant } => Some(LinkState::Down(Hardship {
                reason: format!("The bridge has no TAP device {name}: {reason}"),
                remedies: how_to_grant.clone(),
                again: true,
            })),
        }
    }

    /// The name it has in an attribute.
    pub fn key(&self) -> &'static str {
        match self {
            LinkState::Idle => "idle",
            LinkState::Connecting => "connecting",
            LinkState::Up { .. } => "up",
            LinkState::Down(_) => "down",
        }
    }
}

/// What happened since the last news.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct News {
    /// The last event.
    pub last: EventId,
    /// Events forgotten because the budget is spent.
    pub forgotten: u32,
    /// Frames that have come.
    pub frames_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Frames that have gone.
    pub frames_out: u64,
    /// The newest frames, oldest first.
    pub frames: Vec<FrameLine>,
    /// Programs started from the page.
    pub commands: Vec<CommandView>,
}

/// A frame that came or went, in a line.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FrameLine {
    /// Its number, from 1.
    pub number: u64,
    /// When, ns since the host is up.
    pub at_ns: u64,
    /// Did we send it?
    pub out: bool,
    /// Its length.
    pub len: u32,
    /// As in Wireshark's list.
    pub summary: String,
    /// Where in the run it came or went.
    pub event: EventId,
}

/// A program started from the page.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CommandView {
    /// Its number in the page's list.
    pub number: u32,
    /// Its command line.
    pub line: String,
    /// The task, unless it could not be started.
    pub task: Option<TaskId>,
    /// The last of what it printed.
    pub output: String,
    /// Its status, once it has ended.
    pub status: Option<i32>,
    /// Bytes that have come from the network since it began.
    pub received: u64,
}

impl CommandView {
    /// A value that `curl -w` printed as `name=value`.
    pub fn told(&self, name: &str) -> Option<&str> {
        let mut words = self.output.split_whitespace();
        words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }
}
