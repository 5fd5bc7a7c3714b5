//! What the drawers of the page show, as plain data: folds over the event log, like a Scene, but over a span of
//! time instead of one moment.
//!
//! A pane is asked for by a [`PaneQuery`] and is small enough to be sent between threads: it covers a window of
//! time, and says what it left out. Nothing in it comes from anywhere but the events and the constant part.

mod flow;
mod ladder;

#[cfg(test)]
mod tests;

pub use flow::{Ends, Flow, Leg, Node, Packet, Segment};
pub use ladder::{Band, BandKind, Ladder, Rung};

use crate::scene::SceneConfig;
use serde::{Deserialize, Serialize};
use stack::trace::{EventId, EventLog};

/// What a pane is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PaneQuery {
    /// The ladder around an event.
    Ladder {
        /// The event.
        at: EventId,
        /// The time to show, ns from and to; `None`: as much as can be read around the event.
        window: Option<(u64, u64)>,
    },
}

/// What a pane shows.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum PaneView {
    /// The ladder.
    Ladder(Ladder),
}

/// Answers a query.
pub fn look(log: &EventLog, config: &SceneConfig, query: &PaneQuery) -> PaneView {
    match *query {
        PaneQuery::Ladder { at, window } => PaneView::Ladder(ladder::ladder(log, config, at, window)),
    }
}
