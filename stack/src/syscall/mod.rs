//! The system-call interface: numbers, arguments, results and errors; and the way into the kernel.

mod abi;
mod entry;
mod errno;
mod tasks;

pub use abi::*;
pub use errno::Errno;
pub(crate) use tasks::{File, Pending, Progress, Stop, Tasks};
