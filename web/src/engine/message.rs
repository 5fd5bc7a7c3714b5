//! What page and engine say to each other. They may be in different threads, so it is plain data.

use crate::live::{LiveReply, LiveRequest};
use lab::capture::{Broken, Followed, PacketLine, StreamLine};
use lab::panes::{PaneQuery, PaneView};
use lab::scene::{RunInfo, Scene, TimeCommand, Timeline};
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
}

/// What went wrong, in words.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Trouble {
    /// One line.
    pub title: String,
    /// Where and what: file, line and what was expected.
    pub details: Vec<String>,
}
