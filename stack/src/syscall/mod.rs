//! The system-call interface: numbers, arguments, results and errors; and the way into the kernel.

mod abi;
mod entry;
mod epoll;
mod errno;
mod ioctl;
mod msg;
mod poll;
mod tasks;
mod tcp_info;

pub use abi::*;
pub(crate) use epoll::{EpollId, Epolls};
pub use errno::Errno;
pub(crate) use tasks::{File, Handle, Pending, Progress, Stop, Tasks};
pub use tcp_info::TcpInfo;
