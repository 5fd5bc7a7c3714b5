//! The view model and the fold that makes it: events in, a [`Scene`] out.
//!
//! Invariant: whatever the events, also when the oldest are missing, nothing here panics; what an event says
//! about an unknown skb, socket or frame is left out.

mod builder;
mod config;
mod frames;
mod memory;
mod pages;
mod render;
#[cfg(test)]
mod runs;
mod state;
#[cfg(test)]
pub(crate) mod story;
#[cfg(test)]
mod tests;
mod types;

pub use builder::SceneBuilder;
pub use config::{Calls, HostConfig, InterfaceConfig, LineConfig, NoCalls, SceneConfig, TaskConfig};
pub use types::*;

pub(crate) use builder::skb_of;
pub(crate) use render::timer_name;
pub(crate) use state::queue_layer;
