//! The system calls a script can make, with what they are to give back.
//!
//! packetdrill: `run_system_call.c`. Arguments are checked when the script is read (`compile`); descriptors
//! are the script's own numbers until a call is made (`make`); `check` compares what came back.

mod check;
mod compile;
mod make;

#[cfg(test)]
mod tests;

pub(crate) use check::{Mismatch, check, makes_descriptor};
pub(crate) use compile::compile;
pub(crate) use make::{Descriptors, make};

use stack::syscall::{EpollEvent, SockAddr};

/// A system call: its arguments, and what is expected beside its result.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // the fields are the arguments of the manual page; `fd` is the script's number
pub enum CallKind {
    Socket {
        family: i32,
        kind: i32,
        protocol: i32,
    },
    Bind {
        fd: i32,
        addr: Address,
    },
    Listen {
        fd: i32,
        backlog: i32,
    },
    Accept {
        fd: i32,
    },
    Connect {
        fd: i32,
        addr: Address,
    },
    Read {
        fd: i32,
        buffer: Buffer,
    },
    Write {
        fd: i32,
        buffer: Buffer,
    },
    Recv {
        fd: i32,
        buffer: Buffer,
        flags: i32,
        from: bool,
    },
    Send {
        fd: i32,
        buffer: Buffer,
        flags: i32,
        to: Option<Address>,
    },
    Readv {
        fd: i32,
        lens: Vec<usize>,
    },
    Writev {
        fd: i32,
        lens: Vec<usize>,
    },
    Sendmsg {
        fd: i32,
        message: Message,
        flags: i32,
    },
    Recvmsg {
        fd: i32,
        message: Message,
        flags: i32,
    },
    Fcntl {
        fd: i32,
        cmd: i32,
        arg: i32,
    },
    Ioctl {
        fd: i32,
        request: u32,
        value: Option<i32>,
    },
    Close {
        fd: i32,
    },
    Shutdown {
        fd: i32,
        how: i32,
    },
    Getsockopt {
        fd: i32,
        level: i32,
        name: i32,
        value: OptionValue,
        len: usize,
    },
    Setsockopt {
        fd: i32,
        level: i32,
        name: i32,
        value: OptionValue,
        len: usize,
    },
    Poll {
        fds: Vec<PollEntry>,
        timeout: i32,
    },
    EpollCreate {
        size: i32,
    },
    EpollCtl {
        epfd: i32,
        op: i32,
        fd: i32,
        event: Option<EpollEntry>,
    },
    EpollWait {
        epfd: i32,
        events: Vec<EpollEntry>,
        max: i32,
        timeout: i32,
    },
    /// A call that changes nothing here, e.g. `cap_set`: it always gives 0.
    Nothing,
    /// A call that this stack does not have.
    Missing(String),
}

/// An address argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Address {
    /// `...`: the one that the options give.
    Given,
    /// A family without an address.
    Family(u16),
    /// Written out.
    Explicit(SockAddr),
}

/// A buffer argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Buffer {
    /// The pointer is NULL.
    pub null: bool,
    /// Its length, bytes.
    pub len: usize,
}

/// A `struct msghdr`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// The lengths of its buffers.
    pub lens: Vec<usize>,
    /// `msg_flags`: what `recvmsg` is to leave there.
    pub flags: i32,
    /// Control messages: to send, or expected.
    pub control: Vec<Control>,
}

/// A control message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Control {
    /// `cmsg_level`
    pub level: i32,
    /// `cmsg_type`
    pub kind: i32,
    /// Its data.
    pub data: ControlData,
}

/// What is in a control message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ControlData {
    /// An `int`.
    Int(i32),
    /// `struct scm_timestamping`: the first time stamp, in script time, ns; 0 is not compared.
    Timestamp(i64),
    /// `struct sock_extended_err`, without the address behind it.
    ExtendedError {
        /// `ee_errno`
        errno: u32,
        /// `ee_origin`
        origin: u8,
        /// `ee_type`
        kind: u8,
        /// `ee_code`
        code: u8,
        /// `ee_info`
        info: u32,
        /// `ee_data`
        data: u32,
    },
    /// Attributes (`TCP_NLA_…`) and their values; `...` is not compared.
    Stats(Vec<(u16, Option<u64>)>),
}

/// The value of a socket option.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OptionValue {
    /// `[N]`
    Int(i32),
    /// `"text"`, or a structure's bytes.
    Bytes(Vec<u8>),
    /// `NULL`
    Null,
    /// `...`: any, where the kernel gives it.
    Any,
}

/// A `struct pollfd`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PollEntry {
    /// The script's number.
    pub fd: i32,
    /// `events`
    pub events: i16,
    /// `revents`, as expected.
    pub revents: i16,
}

/// A `struct epoll_event`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpollEntry {
    /// `events` and `data`; a descriptor is the script's number.
    pub event: EpollEvent,
    /// As many bits of `data` as count.
    pub bits: u32,
}
