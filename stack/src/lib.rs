//! One host's network stack, shaped after Linux.
//!
//! Sans-I/O: a host is driven by system calls, received frames, the passing of time and configuration
//! changes, and is polled for frames to transmit, tasks to wake and its next deadline. It reads no clock and
//! opens no socket; everything it does is told to a [`trace`] as it happens.
//!
//! Folders are layers, top to bottom: [`syscall`], [`socket`], `tcp`, [`udp`], [`icmp`], [`ip`], [`neigh`],
//! [`dev`]; beside them [`skb`], [`wire`], [`trace`], [`sysctl`] and [`mib`]. Inputs arrive at a [`host::Host`].
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod admin;
pub mod dev;
pub mod host;
pub mod icmp;
pub mod ip;
pub mod mib;
pub mod neigh;
mod rng;
pub mod skb;
pub mod socket;
pub mod syscall;
pub mod sysctl;
mod tcp;
pub mod time;
mod timer;
pub mod trace;
pub mod udp;
pub mod wire;
