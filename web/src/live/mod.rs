//! The real network: one host of ours, joined to a kernel through the bridge.
//!
//! [`Session`] is the host with its lists, driven by frames and time; `link` is the WebSocket and the timers
//! around it, in the engine's thread, so that a page in the background still answers.

#[cfg(target_arch = "wasm32")]
mod link;
mod message;
mod session;

#[cfg(target_arch = "wasm32")]
pub use link::Link;
pub use message::{CommandView, FrameLine, Hardship, LinkState, LiveReply, LiveRequest, News};
pub use session::Session;
