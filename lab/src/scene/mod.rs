//! The view model and the fold that makes it: events in, a [`Scene`] out.
//!
//! Invariant: whatever the events, also when the oldest are missing, nothing here panics; what an event says
//! about an unknown skb, socket or frame is left out.

mod config;
mod types;

pub use config::{Calls, HostConfig, InterfaceConfig, NoCalls, SceneConfig, TaskConfig};
pub use types::*;
