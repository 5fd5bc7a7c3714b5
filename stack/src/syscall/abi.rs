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

/// `struct iovec` of a call that sends: bytes, or a NULL pointer with a length.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum IoVec {
    /// A buffer.
    Bytes(Rc<[u8]>),
    /// NULL, said to be this long: reading it is `EFAULT`.
    Null(usize),
}

impl IoVec {
    /// `iov_len`.
    pub fn len(&self) -> usize {
        match self {
            IoVec::Bytes(bytes) => bytes.len(),
            IoVec::Null(len) => *len,
        }
    }

    /// Is there nothing in it?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// `struct iovec` of a call that receives: how many bytes, and whether the pointer is NULL.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Room {
    /// `iov_len`.
    pub len: usize,
    /// The pointer is NULL: writing there is `EFAULT`.
    pub null: bool,
}

/// One control message (`struct cmsghdr` and what stands behind it).
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ControlMsg {
    /// `cmsg_level`.
    pub level: i32,
    /// `cmsg_type`.
    pub kind: i32,
    /// The data, in the machine's (little-endian) order.
    pub data: Vec<u8>,
}

impl ControlMsg {
    /// `CMSG_SPACE`: what the message takes in the buffer, bytes.
    pub fn space(&self) -> usize {
        16 + self.data.len().next_multiple_of(8)
    }
}

/// `struct pollfd` as it goes in; `revents` come out in [`Out::Poll`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PollFd {
    /// The descriptor; a negative one is passed over.
    pub fd: Fd,
    /// `POLLIN`, `POLLOUT`, …
    pub events: i16,
}

/// `struct epoll_event`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EpollEvent {
    /// `EPOLLIN`, `EPOLLOUT`, …, `EPOLLET`, `EPOLLONESHOT`.
    pub events: u32,
    /// What the program gave for itself: a descriptor or a pointer.
    pub data: u64,
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
    /// `readv(2)`
    Readv { fd: Fd, iov: Vec<Room> },
    /// `writev(2)`
    Writev { fd: Fd, iov: Vec<IoVec> },
    /// `sendmsg(2)`
    Sendmsg { fd: Fd, addr: Option<SockAddr>, iov: Vec<IoVec>, control: Vec<ControlMsg>, flags: i32 },
    /// `recvmsg(2)`; `want_addr` is false if `msg_name` is NULL, `controllen` is the room for control messages.
    Recvmsg { fd: Fd, iov: Vec<Room>, want_addr: bool, controllen: usize, flags: i32 },
    /// `poll(2)`; a negative time-out is none.
    Poll { fds: Vec<PollFd>, timeout_ms: i32 },
    /// `epoll_create(2)`
    EpollCreate { size: i32 },
    /// `epoll_create1(2)`
    EpollCreate1 { flags: i32 },
    /// `epoll_ctl(2)`; `event` is `None` for NULL.
    EpollCtl { epfd: Fd, op: i32, fd: Fd, event: Option<EpollEvent> },
    /// `epoll_wait(2)`; a negative time-out is none.
    EpollWait { epfd: Fd, maxevents: i32, timeout_ms: i32 },
    /// `ioctl(2)`: `arg` is the `int` that the pointer points to; what the kernel puts there is [`Out::Int`].
    Ioctl { fd: Fd, request: u32, arg: i32 },
    /// The call inside, with NULL for its buffer (or option value): `write(4, NULL, 1000)` is `Null` of a `Write`
    /// of 1000 bytes, whatever they are.
    Null(alloc::boxed::Box<Syscall>),
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
    Poll = 7,
    Ioctl = 16,
    Readv = 19,
    Writev = 20,
    Socket = 41,
    Connect = 42,
    Accept = 43,
    Sendto = 44,
    Recvfrom = 45,
    Sendmsg = 46,
    Recvmsg = 47,
    Shutdown = 48,
    Bind = 49,
    Listen = 50,
    Getsockname = 51,
    Getpeername = 52,
    Setsockopt = 54,
    Getsockopt = 55,
    Fcntl = 72,
    EpollCreate = 213,
    EpollWait = 232,
    EpollCtl = 233,
    /// Number 291, see [`Sysno::number`].
    EpollCreate1 = 254,
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
        Sysno::Readv,
        Sysno::Writev,
        Sysno::Sendmsg,
        Sysno::Recvmsg,
        Sysno::Poll,
        Sysno::EpollCreate,
        Sysno::EpollCreate1,
        Sysno::EpollCtl,
        Sysno::EpollWait,
        Sysno::Ioctl,
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
            Sysno::Readv => "readv",
            Sysno::Writev => "writev",
            Sysno::Sendmsg => "sendmsg",
            Sysno::Recvmsg => "recvmsg",
            Sysno::Poll => "poll",
            Sysno::EpollCreate => "epoll_create",
            Sysno::EpollCreate1 => "epoll_create1",
            Sysno::EpollCtl => "epoll_ctl",
            Sysno::EpollWait => "epoll_wait",
            Sysno::Ioctl => "ioctl",
        }
    }

    /// The number on x86-64 (`arch/x86/entry/syscalls/syscall_64.tbl`).
    pub const fn number(self) -> u32 {
        match self {
            Sysno::Accept4 => 288,
            Sysno::EpollCreate1 => 291,
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
            Syscall::Readv { .. } => Sysno::Readv,
            Syscall::Writev { .. } => Sysno::Writev,
            Syscall::Sendmsg { .. } => Sysno::Sendmsg,
            Syscall::Recvmsg { .. } => Sysno::Recvmsg,
            Syscall::Poll { .. } => Sysno::Poll,
            Syscall::EpollCreate { .. } => Sysno::EpollCreate,
            Syscall::EpollCreate1 { .. } => Sysno::EpollCreate1,
            Syscall::EpollCtl { .. } => Sysno::EpollCtl,
            Syscall::EpollWait { .. } => Sysno::EpollWait,
            Syscall::Ioctl { .. } => Sysno::Ioctl,
            Syscall::Null(call) => call.sysno(),
        }
    }
}

/// What some calls give back beside the value.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Out {
    /// Nothing more.
    #[default]
    None,
    /// `recvmsg`: control messages and `msg_flags`.
    Message {
        /// `msg_control`, as much of it as there was room for.
        control: Vec<ControlMsg>,
        /// `MSG_TRUNC`, `MSG_CTRUNC`, `MSG_ERRQUEUE`, `MSG_OOB`.
        flags: i32,
    },
    /// `poll`: the `revents` of each `pollfd`.
    Poll(Vec<i16>),
    /// `epoll_wait`: the events.
    Epoll(Vec<EpollEvent>),
    /// `ioctl`: the number.
    Int(i32),
}

/// What a system call gives back.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SysRet {
    /// The value, or the error.
    pub value: Result<i64, Errno>,
    /// What the kernel wrote to the caller's buffer (`recvfrom`, `read`, `recvmsg`, `getsockopt`).
    pub data: Vec<u8>,
    /// The address the kernel filled in (`accept`, `recvfrom`, `recvmsg`, `getsockname`, `getpeername`).
    pub addr: Option<SockAddr>,
    /// What else it filled in.
    pub out: Out,
}

impl SysRet {
    /// Success with a bare value.
    pub const fn ok(value: i64) -> SysRet {
        SysRet { value: Ok(value), data: Vec::new(), addr: None, out: Out::None }
    }

    /// Failure.
    pub const fn err(errno: Errno) -> SysRet {
        SysRet { value: Err(errno), data: Vec::new(), addr: None, out: Out::None }
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
    MSG_OOB = 1; MSG_PEEK = 2; MSG_DONTROUTE = 4; MSG_CTRUNC = 8; MSG_TRUNC = 0x20; MSG_DONTWAIT = 0x40; MSG_EOR = 0x80;
    MSG_WAITALL = 0x100; MSG_CONFIRM = 0x800; MSG_ERRQUEUE = 0x2000; MSG_NOSIGNAL = 0x4000; MSG_MORE = 0x8000;
    MSG_ZEROCOPY = 0x400_0000; MSG_FASTOPEN = 0x2000_0000; MSG_CMSG_CLOEXEC = 0x4000_0000;
    SOL_SOCKET = 1; SOL_IP = 0; SOL_TCP = 6; SOL_UDP = 17; SOL_IPV6 = 41;
    SO_DEBUG = 1; SO_REUSEADDR = 2; SO_TYPE = 3; SO_ERROR = 4; SO_DONTROUTE = 5; SO_BROADCAST = 6; SO_SNDBUF = 7;
    SO_RCVBUF = 8; SO_KEEPALIVE = 9; SO_OOBINLINE = 10; SO_NO_CHECK = 11; SO_PRIORITY = 12; SO_LINGER = 13;
    SO_REUSEPORT = 15; SO_RCVLOWAT = 18; SO_SNDLOWAT = 19; SO_RCVTIMEO = 20; SO_SNDTIMEO = 21; SO_BINDTODEVICE = 25;
    SO_TIMESTAMP = 29; SO_ACCEPTCONN = 30; SO_SNDBUFFORCE = 32; SO_RCVBUFFORCE = 33; SO_TIMESTAMPNS = 35; SO_MARK = 36;
    SO_TIMESTAMPING = 37; SO_PROTOCOL = 38; SO_DOMAIN = 39; SO_RXQ_OVFL = 40; SO_PEEK_OFF = 42; SO_BUSY_POLL = 46;
    SO_MAX_PACING_RATE = 47; SO_INCOMING_CPU = 49; SO_MEMINFO = 55; SO_COOKIE = 57; SO_ZEROCOPY = 60; SO_TXTIME = 61;
    SO_BINDTOIFINDEX = 62; SO_RESERVE_MEM = 73; SO_TXREHASH = 74; SO_RCVMARK = 75;
    SCM_TIMESTAMP = SO_TIMESTAMP; SCM_TIMESTAMPNS = SO_TIMESTAMPNS; SCM_TIMESTAMPING = SO_TIMESTAMPING;
    SCM_TIMESTAMPING_OPT_STATS = 54; SCM_TXTIME = SO_TXTIME;
    SK_MEMINFO_RMEM_ALLOC = 0; SK_MEMINFO_RCVBUF = 1; SK_MEMINFO_WMEM_ALLOC = 2; SK_MEMINFO_SNDBUF = 3;
    SK_MEMINFO_FWD_ALLOC = 4; SK_MEMINFO_WMEM_QUEUED = 5; SK_MEMINFO_OPTMEM = 6; SK_MEMINFO_BACKLOG = 7;
    SK_MEMINFO_DROPS = 8;
    IP_TOS = 1; IP_TTL = 2; IP_HDRINCL = 3; IP_OPTIONS = 4; IP_RECVOPTS = 6; IP_RETOPTS = 7; IP_PKTINFO = 8;
    IP_PKTOPTIONS = 9; IP_MTU_DISCOVER = 10; IP_RECVERR = 11; IP_RECVTTL = 12; IP_RECVTOS = 13; IP_MTU = 14;
    IP_FREEBIND = 15; IP_TRANSPARENT = 19; IP_MINTTL = 21; IP_CHECKSUM = 23; IP_BIND_ADDRESS_NO_PORT = 24;
    IP_LOCAL_PORT_RANGE = 51;
    IP_PMTUDISC_DONT = 0; IP_PMTUDISC_WANT = 1; IP_PMTUDISC_DO = 2; IP_PMTUDISC_PROBE = 3; IP_PMTUDISC_INTERFACE = 4;
    IP_PMTUDISC_OMIT = 5;
    TCP_NODELAY = 1; TCP_MAXSEG = 2; TCP_CORK = 3; TCP_KEEPIDLE = 4; TCP_KEEPINTVL = 5; TCP_KEEPCNT = 6; TCP_SYNCNT = 7;
    TCP_LINGER2 = 8; TCP_DEFER_ACCEPT = 9; TCP_WINDOW_CLAMP = 10; TCP_INFO = 11; TCP_QUICKACK = 12; TCP_CONGESTION = 13;
    TCP_MD5SIG = 14; TCP_THIN_LINEAR_TIMEOUTS = 16; TCP_THIN_DUPACK = 17; TCP_USER_TIMEOUT = 18; TCP_REPAIR = 19;
    TCP_FASTOPEN = 23; TCP_TIMESTAMP = 24; TCP_NOTSENT_LOWAT = 25; TCP_CC_INFO = 26; TCP_SAVE_SYN = 27;
    TCP_SAVED_SYN = 28; TCP_REPAIR_WINDOW = 29; TCP_FASTOPEN_CONNECT = 30; TCP_ULP = 31; TCP_MD5SIG_EXT = 32;
    TCP_FASTOPEN_KEY = 33; TCP_FASTOPEN_NO_COOKIE = 34; TCP_ZEROCOPY_RECEIVE = 35; TCP_INQ = 36; TCP_CM_INQ = TCP_INQ;
    TCP_TX_DELAY = 37; TCP_IS_MPTCP = 43; TCP_RTO_MAX_MS = 44; TCP_RTO_MIN_US = 45; TCP_DELACK_MAX_US = 46;
    F_GETFD = 1; F_SETFD = 2; F_GETFL = 3; F_SETFL = 4; FD_CLOEXEC = 1;
    O_RDONLY = 0; O_WRONLY = 1; O_RDWR = 2; O_NONBLOCK = 0o4000; O_APPEND = 0o2000; O_ASYNC = 0o20000;
    POLLIN = 1; POLLPRI = 2; POLLOUT = 4; POLLERR = 8; POLLHUP = 0x10; POLLNVAL = 0x20; POLLRDNORM = 0x40;
    POLLRDBAND = 0x80; POLLWRNORM = 0x100; POLLWRBAND = 0x200; POLLMSG = 0x400; POLLRDHUP = 0x2000;
    EPOLL_CTL_ADD = 1; EPOLL_CTL_DEL = 2; EPOLL_CTL_MOD = 3; EPOLL_CLOEXEC = O_CLOEXEC; O_CLOEXEC = 0o2000000;
    SO_EE_ORIGIN_NONE = 0; SO_EE_ORIGIN_LOCAL = 1; SO_EE_ORIGIN_ICMP = 2; SO_EE_ORIGIN_ICMP6 = 3;
    SO_EE_ORIGIN_TIMESTAMPING = 4; SO_EE_ORIGIN_ZEROCOPY = 5; SO_EE_CODE_ZEROCOPY_COPIED = 1;
    SCM_TSTAMP_SND = 0; SCM_TSTAMP_SCHED = 1; SCM_TSTAMP_ACK = 2;
    SOF_TIMESTAMPING_TX_HARDWARE = 1; SOF_TIMESTAMPING_TX_SOFTWARE = 2; SOF_TIMESTAMPING_RX_HARDWARE = 4;
    SOF_TIMESTAMPING_RX_SOFTWARE = 8; SOF_TIMESTAMPING_SOFTWARE = 0x10; SOF_TIMESTAMPING_SYS_HARDWARE = 0x20;
    SOF_TIMESTAMPING_RAW_HARDWARE = 0x40; SOF_TIMESTAMPING_OPT_ID = 0x80; SOF_TIMESTAMPING_TX_SCHED = 0x100;
    SOF_TIMESTAMPING_TX_ACK = 0x200; SOF_TIMESTAMPING_OPT_CMSG = 0x400; SOF_TIMESTAMPING_OPT_TSONLY = 0x800;
    SOF_TIMESTAMPING_OPT_STATS = 0x1000; SOF_TIMESTAMPING_OPT_PKTINFO = 0x2000; SOF_TIMESTAMPING_OPT_TX_SWHW = 0x4000;
    SOF_TIMESTAMPING_BIND_PHC = 0x8000; SOF_TIMESTAMPING_OPT_ID_TCP = 0x1_0000;
    SOF_TIMESTAMPING_OPT_RX_FILTER = 0x2_0000; SOF_TIMESTAMPING_TX_COMPLETION = 0x4_0000;
    TCPI_OPT_TIMESTAMPS = 1; TCPI_OPT_SACK = 2; TCPI_OPT_WSCALE = 4; TCPI_OPT_ECN = 8; TCPI_OPT_ECN_SEEN = 16;
    TCPI_OPT_SYN_DATA = 32; TCPI_OPT_USEC_TS = 64; TCPI_OPT_TFO_CHILD = 128;
}

macro_rules! unsigned_constants {
    ($($name:ident = $value:expr;)*) => { $(#[allow(missing_docs)] pub const $name: u32 = $value;)* };
}

unsigned_constants! {
    EPOLLIN = 1; EPOLLPRI = 2; EPOLLOUT = 4; EPOLLERR = 8; EPOLLHUP = 0x10; EPOLLNVAL = 0x20; EPOLLRDNORM = 0x40;
    EPOLLRDBAND = 0x80; EPOLLWRNORM = 0x100; EPOLLWRBAND = 0x200; EPOLLMSG = 0x400; EPOLLRDHUP = 0x2000;
    EPOLLEXCLUSIVE = 1 << 28; EPOLLWAKEUP = 1 << 29; EPOLLONESHOT = 1 << 30; EPOLLET = 1 << 31;
    FIONREAD = 0x541b; SIOCINQ = FIONREAD; TIOCOUTQ = 0x5411; SIOCOUTQ = TIOCOUTQ; FIONBIO = 0x5421; FIOASYNC = 0x5452;
    SIOCATMARK = 0x8905; SIOCOUTQNSD = 0x894b;
}
