//! One host's network stack, shaped after Linux.
//!
//! Sans-I/O: a host is driven by system calls, received frames, the passing of time and configuration
//! changes, and is polled for frames to transmit, tasks to wake and its next deadline. It reads no clock and
//! opens no socket; everything it does is told to a [`trace`] as it happens.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod syscall;
pub mod time;
