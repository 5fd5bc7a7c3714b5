//! What page and engine say to each other. They may be in different threads, so it is plain data.

use crate::live::{LiveReply, LiveRequest};
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
    /// Something for the real network.
    Live(LiveRequest),
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
    /// It cannot go on.
    Failed(Trouble),
    /// Something from the real network.
    Live(LiveReply),
}

/// What went wrong, in words.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Trouble {
    /// One line.
    pub title: String,
    /// Where and what: file, line and what was expected.
    pub details: Vec<String>,
}
