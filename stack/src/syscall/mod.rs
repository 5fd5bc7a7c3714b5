//! The system-call interface: numbers, arguments, results and errors.

mod abi;
mod errno;

pub use abi::*;
pub use errno::Errno;
