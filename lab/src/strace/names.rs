//! The names of constants and flags, and how strace prints those it does not know.

/// Which set of names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flags {
    Family,
    Protocol,
    Message,
    Shutdown,
    Open,
    Descriptor,
    Fcntl,
    Level,
    Socket,
    Poll,
    Epoll,
    EpollCreate,
    EpollCtl,
    Ioctl,
}

type Names = &'static [(i32, &'static str)];

const FAMILIES: Names = &[
    (0, "AF_UNSPEC"),
    (1, "AF_UNIX"),
    (2, "AF_INET"),
    (3, "AF_AX25"),
    (4, "AF_IPX"),
    (5, "AF_APPLETALK"),
    (10, "AF_INET6"),
    (16, "AF_NETLINK"),
    (17, "AF_PACKET"),
    (29, "AF_CAN"),
    (31, "AF_BLUETOOTH"),
    (38, "AF_ALG"),
    (40, "AF_VSOCK"),
    (44, "AF_XDP"),
];
const PROTOCOLS: Names = &[
    (0, "IPPROTO_IP"),
    (1, "IPPROTO_ICMP"),
    (2, "IPPROTO_IGMP"),
    (4, "IPPROTO_IPIP"),
    (6, "IPPROTO_TCP"),
    (8, "IPPROTO_EGP"),
    (17, "IPPROTO_UDP"),
    (33, "IPPROTO_DCCP"),
    (41, "IPPROTO_IPV6"),
    (46, "IPPROTO_RSVP"),
    (47, "IPPROTO_GRE"),
    (50, "IPPROTO_ESP"),
    (51, "IPPROTO_AH"),
    (58, "IPPROTO_ICMPV6"),
    (103, "IPPROTO_PIM"),
    (132, "IPPROTO_SCTP"),
    (136, "IPPROTO_UDPLITE"),
    (255, "IPPROTO_RAW"),
    (262, "IPPROTO_MPTCP"),
];
const MESSAGE_FLAGS: Names = &[
    (0x1, "MSG_OOB"),
    (0x2, "MSG_PEEK"),
    (0x4, "MSG_DONTROUTE"),
    (0x8, "MSG_CTRUNC"),
    (0x10, "MSG_PROBE"),
    (0x20, "MSG_TRUNC"),
    (0x40, "MSG_DONTWAIT"),
    (0x80, "MSG_EOR"),
    (0x100, "MSG_WAITALL"),
    (0x200, "MSG_FIN"),
    (0x400, "MSG_SYN"),
    (0x800, "MSG_CONFIRM"),
    (0x1000, "MSG_RST"),
    (0x2000, "MSG_ERRQUEUE"),
    (0x4000, "MSG_NOSIGNAL"),
    (0x8000, "MSG_MORE"),
    (0x10000, "MSG_WAITFORONE"),
    (0x40000, "MSG_BATCH"),
    (0x400_0000, "MSG_ZEROCOPY"),
    (0x2000_0000, "MSG_FASTOPEN"),
    (0x4000_0000, "MSG_CMSG_CLOEXEC"),
    (i32::MIN, "MSG_CMSG_COMPAT"),
];
const SHUTDOWN: Names = &[(0, "SHUT_RD"), (1, "SHUT_WR"), (2, "SHUT_RDWR")];
const OPEN_FLAGS: Names =
    &[(0o100, "O_CREAT"), (0o1000, "O_TRUNC"), (0o2000, "O_APPEND"), (0o4000, "O_NONBLOCK"), (0o20000, "O_ASYNC")];
const DESCRIPTOR_FLAGS: Names = &[(1, "FD_CLOEXEC")];
const FCNTL: Names = &[(0, "F_DUPFD"), (1, "F_GETFD"), (2, "F_SETFD"), (3, "F_GETFL"), (4, "F_SETFL")];
const LEVELS: Names =
    &[(0, "SOL_IP"), (1, "SOL_SOCKET"), (6, "SOL_TCP"), (17, "SOL_UDP"), (41, "SOL_IPV6"), (255, "SOL_RAW")];

const POLL: Names = &[
    (0x1, "POLLIN"),
    (0x2, "POLLPRI"),
    (0x4, "POLLOUT"),
    (0x8, "POLLERR"),
    (0x10, "POLLHUP"),
    (0x20, "POLLNVAL"),
    (0x40, "POLLRDNORM"),
    (0x80, "POLLRDBAND"),
    (0x100, "POLLWRNORM"),
    (0x200, "POLLWRBAND"),
    (0x400, "POLLMSG"),
    (0x1000, "POLLREMOVE"),
    (0x2000, "POLLRDHUP"),
];
const EPOLL: Names = &[
    (0x1, "EPOLLIN"),
    (0x2, "EPOLLPRI"),
    (0x4, "EPOLLOUT"),
    (0x40, "EPOLLRDNORM"),
    (0x80, "EPOLLRDBAND"),
    (0x100, "EPOLLWRNORM"),
    (0x200, "EPOLLWRBAND"),
    (0x400, "EPOLLMSG"),
    (0x8, "EPOLLERR"),
    (0x10, "EPOLLHUP"),
    (0x2000, "EPOLLRDHUP"),
    (1 << 28, "EPOLLEXCLUSIVE"),
    (1 << 29, "EPOLLWAKEUP"),
    (1 << 30, "EPOLLONESHOT"),
    (i32::MIN, "EPOLLET"),
];
const EPOLL_CTL: Names = &[(1, "EPOLL_CTL_ADD"), (2, "EPOLL_CTL_DEL"), (3, "EPOLL_CTL_MOD")];
const IOCTL: Names =
    &[(0x541b, "FIONREAD"), (0x5411, "TIOCOUTQ"), (0x5421, "FIONBIO"), (0x8905, "SIOCATMARK"), (0x894b, "SIOCOUTQNSD")];

impl Flags {
    fn names(self) -> (Names, &'static str) {
        match self {
            Flags::Family => (FAMILIES, "AF_???"),
            Flags::Protocol => (PROTOCOLS, "IPPROTO_???"),
            Flags::Message => (MESSAGE_FLAGS, "MSG_???"),
            Flags::Shutdown => (SHUTDOWN, "SHUT_???"),
            Flags::Open => (OPEN_FLAGS, "O_???"),
            Flags::Descriptor => (DESCRIPTOR_FLAGS, "FD_???"),
            Flags::Fcntl => (FCNTL, "F_???"),
            Flags::Level => (LEVELS, "SOL_??"),
            Flags::Socket => (SOCKET_FLAGS, "SOCK_???"),
            Flags::Poll => (POLL, "POLL???"),
            Flags::Epoll => (EPOLL, "EPOLL???"),
            Flags::EpollCreate => (EPOLL_CREATE, "EPOLL_???"),
            Flags::EpollCtl => (EPOLL_CTL, "EPOLL_CTL_???"),
            Flags::Ioctl => (IOCTL, "_IOC_???"),
        }
    }
}

/// Has the value a name?
pub(super) fn has_name(set: Flags, value: i32) -> bool {
    set.names().0.iter().any(|(v, _)| *v == value)
}

/// The name of a value, or `0x63 /* IPPROTO_??? */`.
pub(super) fn constant(set: Flags, value: i32) -> String {
    let (names, unknown) = set.names();
    named(names, unknown, value)
}

pub(super) fn named(names: &[(i32, &str)], unknown: &str, value: i32) -> String {
    match names.iter().find(|(v, _)| *v == value) {
        Some((_, name)) => (*name).into(),
        None if value == 0 => format!("0 /* {unknown} */"),
        None => format!("{value:#x} /* {unknown} */"),
    }
}

/// Flags joined by `|`; what has no name comes last, in hexadecimal.
pub(super) fn flags(set: Flags, value: i32) -> String {
    let (names, unknown) = set.names();
    let mut parts: Vec<String> = Vec::new();
    let mut rest = value;
    if set == Flags::Open {
        parts.push(["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"][(value & 3) as usize].into());
        rest &= !3;
    }
    for (flag, name) in names {
        if rest & flag != 0 {
            parts.push((*name).into());
            rest &= !flag;
        }
    }
    match (rest, parts.is_empty()) {
        (0, true) => return "0".into(),
        (0, false) => {}
        (rest, true) => return format!("{rest:#x} /* {unknown} */"),
        (rest, false) => parts.push(format!("{rest:#x}")),
    }
    parts.join("|")
}

/// As [`flags`], for sets whose zero is printed as a number.
pub(super) fn flags_or_zero(set: Flags, value: i32) -> String {
    if value == 0 { "0".into() } else { flags(set, value) }
}

/// `SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK`.
pub(super) fn socket_kind(value: i32) -> String {
    const KINDS: Names = &[
        (1, "SOCK_STREAM"),
        (2, "SOCK_DGRAM"),
        (3, "SOCK_RAW"),
        (4, "SOCK_RDM"),
        (5, "SOCK_SEQPACKET"),
        (6, "SOCK_DCCP"),
        (10, "SOCK_PACKET"),
    ];
    match KINDS.iter().find(|(kind, _)| *kind == value & 0xf) {
        Some((kind, name)) if value == *kind => (*name).into(),
        Some((kind, name)) => format!("{name}|{}", flags(Flags::Socket, value & !kind)),
        None => flags(Flags::Socket, value),
    }
}

const SOCKET_FLAGS: Names = &[(0o2_000_000, "SOCK_CLOEXEC"), (0o4_000, "SOCK_NONBLOCK")];

/// The flags of `epoll_create1`.
pub(super) fn epoll_create_flags(value: i32) -> String {
    flags(Flags::EpollCreate, value)
}

const EPOLL_CREATE: Names = &[(0o2_000_000, "EPOLL_CLOEXEC"), (0o4_000, "EPOLL_NONBLOCK")];
