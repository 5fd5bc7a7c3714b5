//! The system calls a program can make: their numbers, arguments and results.
//!
//! Linux: `include/uapi/linux/{socket,in,tcp}.h`, `include/linux/socket.h`. Values are those of x86-64.
//! Pointers of the C ABI become owned values: a buffer that goes in is carried by the call, one that comes
//! out by [`SysRet`].

use super::errno::Errno;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// A file descriptor.
pub type Fd = i32;

/// `struct sockaddr_in`, or another family's bare number so that the errno is Linux's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SockAddr {
    /// `sin_family`: [`AF_INET`], or what the program gave.
    pub family: u16,
    /// `sin_port`, host order.
    pub port: u16,
    /// `sin_addr`.
    pub addr: Ipv4Addr,
}

impl SockAddr {
    /// An `AF_INET` address.
    pub const fn v4(addr: Ipv4Addr, port: u16) -> SockAddr {
        SockAddr { family: AF_INET as u16, port, addr }
    }
}

/// One system call with its arguments.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs)] // the fields are the arguments of the manual page
pub enum Syscall {
    /// `socket(2)`; `kind` carries `SOCK_NONBLOCK` and `SOCK_CLOEXEC` too.
    Socket { family: i32, kind: i32, protocol: i32 },
    /// `bind(2)`
    Bind { fd: Fd, addr: SockAddr },
    /// `listen(2)`
    Listen { fd: Fd, backlog: i32 },
    /// `accept(2)`
    Accept { fd: Fd },
    /// `accept4(2)`
    Accept4 { fd: Fd, flags: i32 },
    /// `connect(2)`
    Connect { fd: Fd, addr: SockAddr },
    /// `sendto(2)`; `send(2)` is this with no address.
    Sendto { fd: Fd, buf: Rc<[u8]>, flags: i32, addr: Option<SockAddr> },
    /// `recvfrom(2)`; `want_addr` is false for `recv(2)`, whose address pointer is NULL.
    Recvfrom { fd: Fd, len: usize, flags: i32, want_addr: bool },
    /// `read(2)`
    Read { fd: Fd, len: usize },
    /// `write(2)`
    Write { fd: Fd, buf: Rc<[u8]> },
    /// `shutdown(2)`: `how` is `SHUT_RD`, `SHUT_WR` or `SHUT_RDWR`.
    Shutdown { fd: Fd, how: i32 },
    /// `close(2)`
    Close { fd: Fd },
    /// `getsockname(2)`; `len` is the size of the caller's address buffer, bytes: 16 for most programs.
    Getsockname { fd: Fd, len: usize },
    /// `getpeername(2)`
    Getpeername { fd: Fd },
    /// `setsockopt(2)`; the value as bytes, in the machine's (little-endian) order.
    Setsockopt { fd: Fd, level: i32, name: i32, value: Vec<u8> },
    /// `getsockopt(2)`; `len` is the size of the caller's buffer, bytes.
    Getsockopt { fd: Fd, level: i32, name: i32, len: usize },
    /// `fcntl(2)`: `F_GETFL`, `F_SETFL`, `F_GETFD`, `F_SETFD`.
    Fcntl { fd: Fd, cmd: i32, arg: i32 },
}

/// Which system call: the name and the x86-64 number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Sysno {
    Read = 0,
    Write = 1,
    Close = 3,
    Socket = 41,
    Connect = 42,
    Accept = 43,
    Sendto = 44,
    Recvfrom = 45,
    Shutdown = 48,
    Bind = 49,
    Listen = 50,
    Getsockname = 51,
    Getpeername = 52,
    Setsockopt = 54,
    Getsockopt = 55,
    Fcntl = 72,
    /// `accept4` is number 288: this enum keeps a byte, so see [`Sysno::number`].
    Accept4 = 255,
}

impl Sysno {
    /// Every system call.
    pub const ALL: &'static [Sysno] = &[
        Sysno::Read,
        Sysno::Write,
        Sysno::Close,
        Sysno::Socket,
        Sysno::Connect,
        Sysno::Accept,
        Sysno::Sendto,
        Sysno::Recvfrom,
        Sysno::Shutdown,
        Sysno::Bind,
        Sysno::Listen,
        Sysno::Getsockname,
        Sysno::Getpeername,
        Sysno::Setsockopt,
        Sysno::Getsockopt,
        Sysno::Fcntl,
        Sysno::Accept4,
    ];

    /// The name, as `strace` prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Sysno::Read => "read",
            Sysno::Write => "write",
            Sysno::Close => "close",
            Sysno::Socket => "socket",
            Sysno::Connect => "connect",
            Sysno::Accept => "accept",
            Sysno::Accept4 => "accept4",
            Sysno::Sendto => "sendto",
            Sysno::Recvfrom => "recvfrom",
            Sysno::Shutdown => "shutdown",
            Sysno::Bind => "bind",
            Sysno::Listen => "listen",
            Sysno::Getsockname => "getsockname",
            Sysno::Getpeername => "getpeername",
            Sysno::Setsockopt => "setsockopt",
            Sysno::Getsockopt => "getsockopt",
            Sysno::Fcntl => "fcntl",
        }
    }

    /// The number on x86-64 (`arch/x86/entry/syscalls/syscall_64.tbl`).
    pub const fn number(self) -> u32 {
        match self {
            Sysno::Accept4 => 288,
            other => other as u32,
        }
    }
}

impl Syscall {
    /// Which call this is.
    pub fn sysno(&self) -> Sysno {
        match self {
            Syscall::Socket { .. } => Sysno::Socket,
            Syscall::Bind { .. } => Sysno::Bind,
            Syscall::Listen { .. } => Sysno::Listen,
            Syscall::Accept { .. } => Sysno::Accept,
            Syscall::Accept4 { .. } => Sysno::Accept4,
            Syscall::Connect { .. } => Sysno::Connect,
            Syscall::Sendto { .. } => Sysno::Sendto,
            Syscall::Recvfrom { .. } => Sysno::Recvfrom,
            Syscall::Read { .. } => Sysno::Read,
            Syscall::Write { .. } => Sysno::Write,
            Syscall::Shutdown { .. } => Sysno::Shutdown,
            Syscall::Close { .. } => Sysno::Close,
            Syscall::Getsockname { .. } => Sysno::Getsockname,
            Syscall::Getpeername { .. } => Sysno::Getpeername,
            Syscall::Setsockopt { .. } => Sysno::Setsockopt,
            Syscall::Getsockopt { .. } => Sysno::Getsockopt,
            Syscall::Fcntl { .. } => Sysno::Fcntl,
        }
    }
}

/// What a system call gives back.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SysRet {
    /// The value, or the error.
    pub value: Result<i64, Errno>,
    /// What the kernel wrote to the caller's buffer (`recvfrom`, `read`, `getsockopt`).
    pub data: Vec<u8>,
    /// The address the kernel filled in (`accept`, `recvfrom`, `getsockname`, `getpeername`).
    pub addr: Option<SockAddr>,
}

impl SysRet {
    /// Success with a bare value.
    pub const fn ok(value: i64) -> SysRet {
        SysRet { value: Ok(value), data: Vec::new(), addr: None }
    }

    /// Failure.
    pub const fn err(errno: Errno) -> SysRet {
        SysRet { value: Err(errno), data: Vec::new(), addr: None }
    }
}

macro_rules! constants {
    ($($(#[$doc:meta])* $name:ident = $value:expr;)*) => {
        $($(#[$doc])* #[allow(missing_docs)] pub const $name: i32 = $value;)*
    };
}

constants! {
    AF_UNSPEC = 0; AF_UNIX = 1; AF_INET = 2; AF_INET6 = 10;
    SOCK_STREAM = 1; SOCK_DGRAM = 2; SOCK_RAW = 3; SOCK_NONBLOCK = 0o4000; SOCK_CLOEXEC = 0o2000000;
    IPPROTO_IP = 0; IPPROTO_ICMP = 1; IPPROTO_TCP = 6; IPPROTO_UDP = 17;
    SHUT_RD = 0; SHUT_WR = 1; SHUT_RDWR = 2;
    MSG_OOB = 1; MSG_PEEK = 2; MSG_DONTROUTE = 4; MSG_TRUNC = 0x20; MSG_DONTWAIT = 0x40; MSG_WAITALL = 0x100;
    MSG_NOSIGNAL = 0x4000; MSG_MORE = 0x8000;
    SOL_SOCKET = 1;
    SO_REUSEADDR = 2; SO_TYPE = 3; SO_ERROR = 4; SO_BROADCAST = 6; SO_SNDBUF = 7; SO_RCVBUF = 8; SO_KEEPALIVE = 9;
    SO_LINGER = 13; SO_REUSEPORT = 15; SO_RCVTIMEO = 20; SO_SNDTIMEO = 21; SO_ACCEPTCONN = 30;
    SO_PROTOCOL = 38; SO_DOMAIN = 39;
    IP_TOS = 1; IP_TTL = 2;
    TCP_NODELAY = 1; TCP_MAXSEG = 2; TCP_CORK = 3; TCP_KEEPIDLE = 4; TCP_KEEPINTVL = 5; TCP_KEEPCNT = 6;
    TCP_INFO = 11; TCP_QUICKACK = 12; TCP_USER_TIMEOUT = 18;
    F_GETFD = 1; F_SETFD = 2; F_GETFL = 3; F_SETFL = 4; FD_CLOEXEC = 1;
    O_RDWR = 2; O_NONBLOCK = 0o4000;
}
