//! Time as the page sees it: a list of stops, a cursor among them, and how long to stay at each.
//!
//! Invariant: nothing here moves the cursor. The engine does, when it is sent a `TimeCommand`.

mod hero;
mod text;

pub use hero::{Hero, Moment, Stop};
pub use text::{gear, time};

use lab::scene::{Beat, Timeline};
use stack::trace::{EventId, Layer};

/// How fast the run is played.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Speed {
    /// A quarter.
    Quarter,
    /// A half.
    Half,
    /// One layer about every four tenths of a second.
    #[default]
    Normal,
    /// Twice as fast.
    Double,
    /// Four times as fast.
    Quadruple,
}

impl Speed {
    /// All, slowest first.
    pub const ALL: [Speed; 5] = [Speed::Quarter, Speed::Half, Speed::Normal, Speed::Double, Speed::Quadruple];

    /// As the page writes it.
    pub fn label(self) -> &'static str {
        match self {
            Speed::Quarter => "¼×",
            Speed::Half => "½×",
            Speed::Normal => "1×",
            Speed::Double => "2×",
            Speed::Quadruple => "4×",
        }
    }

    /// The name it has in a `value` attribute.
    pub fn key(self) -> &'static str {
        match self {
            Speed::Quarter => "0.25",
            Speed::Half => "0.5",
            Speed::Normal => "1",
            Speed::Double => "2",
            Speed::Quadruple => "4",
        }
    }

    /// The inverse of [`Speed::key`].
    pub fn from_key(key: &str) -> Option<Speed> {
        Speed::ALL.into_iter().find(|speed| speed.key() == key)
    }

    fn scale(self, ms: u32) -> u32 {
        match self {
            Speed::Quarter => ms * 4,
            Speed::Half => ms * 2,
            Speed::Normal => ms,
            Speed::Double => ms / 2,
            Speed::Quadruple => ms / 4,
        }
    }
}

/// The beat that the cursor is at or in: its index.
pub fn beat_at(timeline: &Timeline, at: EventId) -> Option<usize> {
    let after = timeline.beats.partition_point(|beat| beat.event <= at);
    if timeline.beats.is_empty() { None } else { Some(after.saturating_sub(1)) }
}

/// Where an event lies on the axis of beats, 0 to 1.
pub fn position(timeline: &Timeline, at: EventId) -> f32 {
    let beats = &timeline.beats;
    let Some(last) = beats.len().checked_sub(1).filter(|last| *last > 0) else { return 0.0 };
    let next = beats.partition_point(|beat| beat.event < at);
    if next > last {
        return 1.0;
    }
    let end = beats[next].event.0;
    let start = next.checked_sub(1).map_or(timeline.first.0, |i| beats[i].event.0);
    let inside = if end > start { at.0.saturating_sub(start) as f32 / (end - start) as f32 } else { 1.0 };
    ((next as f32 - 1.0 + inside) / last as f32).clamp(0.0, 1.0)
}

/// How long the journey that plays by itself stays at a stop, ms: about a dozen stops in five seconds.
pub fn stay_in_journey_ms(layer: Option<Layer>) -> u32 {
    if layer == Some(Layer::Wire) { 620 } else { 380 }
}

/// How long to stay at a beat before the next one, ms.
pub fn stay_ms(beat: Option<&Beat>, speed: Speed) -> u32 {
    // The wire is the one place where the packet has a way to go.
    let ms = match beat.map(|beat| beat.layer) {
        Some(Layer::Wire) => 660,
        _ => 480,
    };
    speed.scale(ms)
}

#[cfg(test)]
mod tests;
