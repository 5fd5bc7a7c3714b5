//! The stack beside the real Linux kernel: one end of every connection is ours, the other the kernel's.
//!
//! No bridge and no browser: a `Host` reads and writes a TAP device in a network namespace, in real time. What the
//! wire does to frames (loss, reordering, …) is done here, at our end of the device, from a seed.
//!
//! `cargo xtask test` runs the short form; `cargo xtask soak` the long one (`--ignored`): 1 GB on a clean wire, 50 MB
//! on each bad one, windows shut for ten seconds.

mod impair;
mod kernel;
mod matrix;
mod ours;
mod peer;
mod transfer;
