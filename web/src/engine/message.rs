//! What page and engine say to each other. They may be in different threads, so it is plain data.

use crate::live::{LiveReply, LiveRequest};
use lab::capture::{Broken, Compared, Followed, PacketLine, StreamLine};
use lab::net::wire::Line;
use lab::panes::{PaneQuery, PaneView};
use lab::scene::{RunInfo, Scene, TimeCommand, Timeline};
use lab::why::{Cause, FieldRef};
use serde::{Deserialize, Serialize};
use stack::trace::EventId;

/// From the page.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum EngineRequest {
    /// Run this scenario from its beginning.
    Load(Source),
    /// Move the cursor from `at` and draw what is there. The answer carries the ticket.
    Time {
        /// A number that grows with each request.
        ticket: u32,
        /// Where the cursor is.
        at: EventId,
        /// Where to.
        command: TimeCommand,
    },
    /// What a drawer shows. The answer carries the ticket.
    Pane {
        /// A number that grows with each request.
        ticket: u32,
        /// What it is asked.
        query: PaneQuery,
    },
    /// Something for the real network.
    Live(LiveRequest),
    /// Open a capture: its name and its bytes.
    Open {
        /// The file's name.
        name: String,
        /// What is in it.
        bytes: Vec<u8>,
    },
    /// Forget the capture.
    Close,
    /// Some lines of a list of packets.
    Lines(ListQuery),
    /// A packet of a list, by its number from 1, as a moment of its own.
    Packet(ListOf, u32),
    /// What was said in a TCP stream.
    Follow(ListOf, u32),
    /// A file made of the run.
    Save(SaveWhat),
    /// Take another turn at an event, and show it.
    Fork {
        /// Where.
        at: EventId,
        /// What is different.
        edit: ForkEdit,
    },
    /// Show this branch.
    Branch(u32),
    /// Go on no further with the run: show what there is.
    Stop,
    /// What differs between the branch that is shown and this one.
    Compare(u32),
    /// Why is a field so at `at`? Without a field: why did the event happen?
    Why {
        /// The cursor.
        at: EventId,
        /// The field.
        field: Option<FieldRef>,
        /// The event that wrote it, as far as the page knows.
        event: EventId,
    },
    /// Where the last (−1) or next (+1) change of a field is.
    Change {
        /// The cursor.
        at: EventId,
        /// The field.
        field: FieldRef,
        /// Which way.
        direction: i32,
    },
}

/// What is different in another branch.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum ForkEdit {
    /// Nothing.
    #[default]
    Nothing,
    /// A program.
    Source {
        /// Which of the scenario.
        program: u32,
        /// Its new text.
        text: String,
    },
    /// What a wire does, there and back.
    Wire {
        /// Which of the scenario.
        wire: u32,
        /// Its directions.
        lines: [Line; 2],
    },
}

/// A wire of the branch that is shown.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct WireLine {
    /// The names of what it joins.
    pub ends: [String; 2],
    /// From the first to the second, and back.
    pub lines: [Line; 2],
}

/// A branch.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct BranchInfo {
    /// The branch it parts from.
    pub parent: Option<u32>,
    /// The last event that both have.
    pub at: EventId,
    /// What is different.
    pub edit: ForkEdit,
    /// Its last event.
    pub last: EventId,
    /// The event at which the program that was edited ended in an error.
    pub failed: Option<EventId>,
}

/// All branches.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Branches {
    /// In the order they were made; the first is the recorded run.
    pub list: Vec<BranchInfo>,
    /// The one that is shown.
    pub now: u32,
    /// Its wires.
    pub wires: Vec<WireLine>,
    /// What its events take, bytes, and what they may.
    pub memory: (u64, u64),
    /// How many of its events, the oldest, are forgotten.
    pub forgotten: u32,
}

/// Which list of packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum ListOf {
    /// What went over the wires of the run.
    #[default]
    Run,
    /// What is in the file that was opened.
    File,
}

/// What is wanted of a list of packets.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ListQuery {
    /// Which list.
    pub of: ListOf,
    /// The display filter; one that could be read.
    pub filter: String,
    /// First line wanted, from 0, of those that pass.
    pub from: u32,
    /// How many lines.
    pub count: u32,
    /// The cursor, in a run.
    pub at: Option<EventId>,
}

/// Some lines of a list of packets.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ListPage {
    /// Packets in all.
    pub total: u32,
    /// How many of them the filter has looked at so far.
    pub scanned: u32,
    /// How many lines there are: packets that passed.
    pub shown: u32,
    /// The first line here.
    pub from: u32,
    /// The lines.
    pub lines: Vec<PacketLine>,
    /// The line of the last packet sent at or before the cursor.
    pub here: Option<u32>,
}

/// A capture that was opened.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct FileOpened {
    /// The file's name.
    pub name: String,
    /// `pcap` or `pcapng`.
    pub format: String,
    /// How many packets it has.
    pub packets: u32,
    /// Its TCP streams; of very many the first.
    pub streams: Vec<StreamLine>,
    /// How many streams it has.
    pub stream_count: u32,
    /// Why its end could not be read, if it could not.
    pub cut: Option<Broken>,
}

/// What can be saved of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SaveWhat {
    /// The frames, as pcapng.
    Pcapng,
    /// The events, as lines of JSON.
    Events,
    /// The scenario, with the programs in it.
    Scenario,
}

/// A file to give to the reader.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Saved {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub mime: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// A scenario, and what was recorded of it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Source {
    /// Its name: `send` for `scenarios/send.toml`.
    pub name: String,
    /// It is a packetdrill script: `scenarios/NAME.pkt`.
    #[serde(default)]
    pub script: bool,
    /// The scenario file.
    pub text: String,
    /// The program files it names.
    pub programs: Vec<(String, String)>,
    /// `lab::tape::Tapes` of a run of it, as JSON; with it no interpreter is needed.
    pub tapes: Option<String>,
}

impl Source {
    /// The name of its file.
    pub fn file(&self) -> String {
        file_name(&self.name, self.script)
    }
}

/// The name of a scenario's file: a packetdrill script's, or a TOML file's.
pub fn file_name(name: &str, script: bool) -> String {
    format!("{name}.{}", if script { "pkt" } else { "toml" })
}

/// From the engine.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum EngineReply {
    /// It is there.
    Ready,
    /// So far the run has come; the scenario is long.
    Progress {
        /// Events so far.
        events: u32,
        /// Virtual time, ns.
        now_ns: u64,
        /// When the scenario ends at the latest, ns.
        until_ns: u64,
    },
    /// The scenario has run.
    Loaded {
        /// What does not change.
        info: RunInfo,
        /// Its stops.
        timeline: Timeline,
        /// What stopped it before its end, if something did.
        halted: Option<String>,
    },
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
    /// It cannot go on.
    Failed(Trouble),
    /// Something from the real network.
    Live(LiveReply),
    /// A capture was opened.
    Opened(FileOpened),
    /// It could not be.
    NotOpened(Trouble),
    /// Lines of a list.
    Lines(ListOf, ListPage),
    /// A packet of a list: its number, and the moment.
    Packet(ListOf, u32, Box<Scene>),
    /// What was said in a stream.
    Followed(ListOf, Followed),
    /// A file to save.
    Saved(Saved),
    /// The branches, before the one that is shown is told.
    Branches(Branches),
    /// No other turn can be taken there, in words.
    NotForked(String),
    /// What differs between two branches.
    Compared {
        /// With which branch.
        other: u32,
        /// The packets of both.
        rows: Vec<Compared>,
    },
    /// Why: the write first, then what led to it.
    Why(Vec<Cause>),
    /// Where the change is, if there is one.
    Change(Option<EventId>),
}

/// What went wrong, in words.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Trouble {
    /// One line.
    pub title: String,
    /// Where and what: file, line and what was expected.
    pub details: Vec<String>,
}
