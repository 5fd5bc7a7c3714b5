//! A small network in one process: hosts, wires, programs, recording and time travel.

pub mod scene;
