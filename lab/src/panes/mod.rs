//! What the drawers of the page show, as plain data: folds over the event log, like a Scene, but over a span of
//! time instead of one moment.
//!
//! A pane is asked for by a [`PaneQuery`] and is small enough to be sent between threads: it covers a window of
//! time, and says what it left out. Nothing in it comes from anywhere but the events and the constant part.

mod calls;
mod flow;
mod ladder;
mod plots;

#[cfg(test)]
mod tests;

pub use calls::{CallRow, CallTrace};
pub use flow::{Ends, Flow, Leg, Node, Packet, Segment};
pub use ladder::{Band, BandKind, Ladder, Rung};
pub use plots::{Limit, Plots, SegmentPoint, Steps};

use crate::scene::{SceneConfig, SkbRef};
use serde::{Deserialize, Serialize};
use stack::trace::{EventId, EventLog, FrameId};

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
    /// The plots of a connection.
    Plots {
        /// Which: its place among [`Plots::connections`].
        connection: u16,
        /// The time to show, ns from and to; `None`: all of the connection.
        window: Option<(u64, u64)>,
    },
    /// The calls that a packet met; without one, those of the kernel's run that the event is in.
    Calls {
        /// The event.
        at: EventId,
        /// The packet in a host's memory.
        skb: Option<SkbRef>,
        /// The packet on a wire.
        frame: Option<FrameId>,
    },
}

/// What a pane shows.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum PaneView {
    /// The ladder.
    Ladder(Ladder),
    /// The plots.
    Plots(Box<Plots>),
    /// The call trace.
    Calls(CallTrace),
}

/// Answers a query.
pub fn look(log: &EventLog, config: &SceneConfig, query: &PaneQuery) -> PaneView {
    match *query {
        PaneQuery::Ladder { at, window } => PaneView::Ladder(ladder::ladder(log, config, at, window)),
        PaneQuery::Calls { at, skb, frame } => PaneView::Calls(calls::calls(log, at, skb, frame)),
        PaneQuery::Plots { connection, window } => {
            PaneView::Plots(Box::new(plots::plots(log, config, connection.into(), window)))
        }
    }
}
