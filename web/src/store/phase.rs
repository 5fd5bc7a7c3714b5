//! The small states that the page's state is made of.

use crate::engine::Trouble;
use crate::time::Moment;
use stack::trace::EventId;

/// How far the page is.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Phase {
    /// The engine is not there yet, or runs the scenario: events so far.
    #[default]
    Loading,
    /// It runs a long scenario.
    Running(Run),
    /// There is a run to look at.
    Ready,
    /// There is none.
    Failed(Trouble),
}

/// A run that is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Run {
    /// Events so far.
    pub events: u32,
    /// Virtual time, ns.
    pub now_ns: u64,
    /// When the scenario ends at the latest, ns.
    pub until_ns: u64,
}

/// How the last change of time is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Motion {
    /// At once: the reader scrubs, or goes back.
    #[default]
    Still,
    /// Packets travel.
    Travel,
}

/// A run that plays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Playing {
    /// Where to stop.
    pub until: EventId,
    /// The page started it, not the reader.
    pub by_itself: bool,
}

/// The question after the journey.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Question {
    /// Not now.
    #[default]
    Hidden,
    /// In a moment.
    Due,
    /// Waits for an answer.
    Asked,
    /// Was answered so.
    Answered(Moment),
}

/// What the inspector shows: the packet's headers, or a table of its host.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Inspect {
    /// The headers.
    #[default]
    Header,
    /// The socket's variables.
    Socket,
    /// `ip route`.
    Route,
    /// `ip neigh`.
    Neigh,
    /// `ss`.
    Ss,
}

impl Inspect {
    /// All, in order.
    pub const ALL: [Inspect; 5] = [Inspect::Header, Inspect::Socket, Inspect::Route, Inspect::Neigh, Inspect::Ss];

    /// The name it has in links and attributes.
    pub fn key(self) -> &'static str {
        match self {
            Inspect::Header => "header",
            Inspect::Socket => "socket",
            Inspect::Route => "route",
            Inspect::Neigh => "neigh",
            Inspect::Ss => "ss",
        }
    }

    /// What its tab says.
    pub fn name(self) -> &'static str {
        match self {
            Inspect::Header => "Header",
            Inspect::Socket => "Socket",
            Inspect::Route => "Route",
            Inspect::Neigh => "Neigh",
            Inspect::Ss => "ss",
        }
    }

    /// The tab with this name.
    pub fn from_key(key: &str) -> Option<Inspect> {
        Inspect::ALL.into_iter().find(|tab| tab.key() == key)
    }
}

/// The cards of a narrow screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Card {
    /// The header's fields.
    #[default]
    Fields,
    /// The program.
    Code,
    /// strace.
    Calls,
}

impl Card {
    /// All, in order.
    pub const ALL: [Card; 3] = [Card::Fields, Card::Code, Card::Calls];

    /// The name it has in an attribute.
    pub fn key(self) -> &'static str {
        match self {
            Card::Fields => "fields",
            Card::Code => "code",
            Card::Calls => "calls",
        }
    }

    /// What its tab says.
    pub fn name(self) -> &'static str {
        match self {
            Card::Fields => "Fields",
            Card::Code => "Program",
            Card::Calls => "strace",
        }
    }
}
