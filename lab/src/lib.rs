//! A small network in one process: hosts, wires, programs, recording and time travel.
//!
//! [`scenario`] reads a TOML file, [`Lab`] runs it and keeps its history, [`live`] joins one host to a real
//! network. [`scene`] and [`timeline`] turn the event log into what a page draws, [`panes`] into what its drawers
//! show. Nothing in here reads a clock, opens a file or starts a thread: it builds for the browser as it is.

pub mod captions;
pub mod capture;
pub mod dissect;
pub mod filter;
pub mod live;
pub mod net;
pub mod packetdrill;
pub mod panes;
pub mod pcapng;
pub mod program;
pub mod programs;
pub mod recording;
pub mod rng;
pub mod scenario;
pub mod scene;
pub mod strace;
pub mod tables;
pub mod tape;
pub mod timeline;
pub mod why;
pub mod world;

pub use recording::{Edit, ForkError, Lab, Progress, Replay, RunState};
