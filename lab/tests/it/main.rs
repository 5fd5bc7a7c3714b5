//! Tests of the lab as a whole: shipped scenarios, the command, live mode, luck of every kind.
#![cfg(not(target_family = "wasm"))]
#![allow(missing_docs)]

#[path = "../common/mod.rs"]
mod common;

mod cli;
mod http;
mod live;
mod luck;
mod packetdrill;
mod scenarios;
mod strace;
