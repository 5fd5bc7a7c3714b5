//! Words that stand for numbers, as Linux's headers define them for x86-64.
//!
//! packetdrill: `symbols_linux.c`, `icmp.h`.

use stack::syscall as s;

macro_rules! table {
    ($($name:ident $(= $value:expr)?),* $(,)?) => {
        &[$((stringify!($name), table!(@ $name $($value)?))),*]
    };
    (@ $name:ident) => { s::$name as i64 };
    (@ $name:ident $value:expr) => { $value };
}

#[rustfmt::skip]
static SYMBOLS: &[(&str, i64)] = table![
    NULL = 0,
    AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, AF_LOCAL = 1, AF_NETLINK = 16, AF_PACKET = 17,
    PF_UNSPEC = 0, PF_UNIX = 1, PF_INET = 2, PF_INET6 = 10, PF_NETLINK = 16, PF_PACKET = 17,
    SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_RDM = 4, SOCK_SEQPACKET = 5, SOCK_NONBLOCK, SOCK_CLOEXEC,
    IPPROTO_IP, IPPROTO_ICMP, IPPROTO_IGMP = 2, IPPROTO_IPIP = 4, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_IPV6 = 41,
    IPPROTO_GRE = 47, IPPROTO_ICMPV6 = 58, IPPROTO_MPLS = 137, IPPROTO_RAW = 255, IPPROTO_UDPLITE = 136,
    SHUT_RD, SHUT_WR, SHUT_RDWR,
    MSG_OOB, MSG_PEEK, MSG_DONTROUTE, MSG_CTRUNC, MSG_PROXY = 0x10, MSG_TRUNC, MSG_DONTWAIT, MSG_EOR, MSG_WAITALL,
    MSG_FIN = 0x200, MSG_SYN = 0x400, MSG_CONFIRM, MSG_RST = 0x1000, MSG_ERRQUEUE, MSG_NOSIGNAL, MSG_MORE,
    MSG_WAITFORONE = 0x1_0000, MSG_BATCH = 0x4_0000, MSG_ZEROCOPY, MSG_FASTOPEN, MSG_CMSG_CLOEXEC, MSG_TRYHARD = 4,
    SOL_SOCKET, SOL_IP, SOL_TCP, SOL_UDP, SOL_IPV6, SOL_ICMPV6 = 58, SOL_RAW = 255,
    SO_DEBUG, SO_REUSEADDR, SO_TYPE, SO_ERROR, SO_DONTROUTE, SO_BROADCAST, SO_SNDBUF, SO_RCVBUF, SO_KEEPALIVE,
    SO_OOBINLINE, SO_NO_CHECK, SO_PRIORITY, SO_LINGER, SO_BSDCOMPAT = 14, SO_REUSEPORT, SO_PASSCRED = 16,
    SO_PEERCRED = 17, SO_RCVLOWAT, SO_SNDLOWAT, SO_RCVTIMEO, SO_SNDTIMEO, SO_BINDTODEVICE, SO_ATTACH_FILTER = 26,
    SO_DETACH_FILTER = 27, SO_PEERNAME = 28, SO_TIMESTAMP, SO_ACCEPTCONN, SO_PEERSEC = 31, SO_SNDBUFFORCE,
    SO_RCVBUFFORCE, SO_PASSSEC = 34, SO_TIMESTAMPNS, SO_MARK, SO_TIMESTAMPING, SO_PROTOCOL, SO_DOMAIN, SO_RXQ_OVFL,
    SO_WIFI_STATUS = 41, SO_PEEK_OFF, SO_NOFCS = 43, SO_LOCK_FILTER = 44, SO_SELECT_ERR_QUEUE = 45, SO_BUSY_POLL,
    SO_MAX_PACING_RATE, SO_BPF_EXTENSIONS = 48, SO_INCOMING_CPU, SO_ATTACH_BPF = 50, SO_CNX_ADVICE = 53, SO_MEMINFO,
    SO_INCOMING_NAPI_ID = 56, SO_COOKIE, SO_PEERGROUPS = 59, SO_ZEROCOPY, SO_TXTIME, SO_BINDTOIFINDEX,
    SO_PREFER_BUSY_POLL = 69, SO_BUSY_POLL_BUDGET = 70, SO_NETNS_COOKIE = 71, SO_BUF_LOCK = 72, SO_RESERVE_MEM,
    SO_TXREHASH, SO_RCVMARK,
    SCM_RIGHTS = 1, SCM_CREDENTIALS = 2, SCM_TIMESTAMP, SCM_TIMESTAMPNS, SCM_TIMESTAMPING, SCM_TIMESTAMPING_OPT_STATS,
    SCM_TIMESTAMPING_PKTINFO = 58, SCM_TXTIME, SCM_TSTAMP_SND, SCM_TSTAMP_SCHED, SCM_TSTAMP_ACK,
    SK_MEMINFO_RMEM_ALLOC, SK_MEMINFO_RCVBUF, SK_MEMINFO_WMEM_ALLOC, SK_MEMINFO_SNDBUF, SK_MEMINFO_FWD_ALLOC,
    SK_MEMINFO_WMEM_QUEUED, SK_MEMINFO_OPTMEM, SK_MEMINFO_BACKLOG, SK_MEMINFO_DROPS,
    IP_TOS, IP_TTL, IP_HDRINCL, IP_OPTIONS, IP_ROUTER_ALERT = 5, IP_RECVOPTS, IP_RETOPTS, IP_PKTINFO, IP_PKTOPTIONS,
    IP_MTU_DISCOVER, IP_RECVERR, IP_RECVTTL, IP_RECVTOS, IP_MTU, IP_FREEBIND, IP_IPSEC_POLICY = 16,
    IP_XFRM_POLICY = 17, IP_PASSSEC = 18, IP_TRANSPARENT, IP_ORIGDSTADDR = 20, IP_RECVORIGDSTADDR = 20, IP_MINTTL,
    IP_NODEFRAG = 22, IP_CHECKSUM, IP_BIND_ADDRESS_NO_PORT, IP_RECVFRAGSIZE = 25, IP_RECVERR_RFC4884 = 26,
    IP_MULTICAST_IF = 32, IP_MULTICAST_TTL = 33, IP_MULTICAST_LOOP = 34, IP_ADD_MEMBERSHIP = 35,
    IP_DROP_MEMBERSHIP = 36, IP_UNICAST_IF = 50, IP_LOCAL_PORT_RANGE,
    IP_PMTUDISC_DONT, IP_PMTUDISC_WANT, IP_PMTUDISC_DO, IP_PMTUDISC_PROBE, IP_PMTUDISC_INTERFACE, IP_PMTUDISC_OMIT,
    IPV6_ADDRFORM = 1, IPV6_CHECKSUM = 7, IPV6_FLOWINFO = 11, IPV6_UNICAST_HOPS = 16, IPV6_MULTICAST_IF = 17,
    IPV6_MULTICAST_HOPS = 18, IPV6_MULTICAST_LOOP = 19, IPV6_MTU_DISCOVER = 23, IPV6_MTU = 24, IPV6_RECVERR = 25,
    IPV6_V6ONLY = 26, IPV6_FLOWLABEL_MGR = 32, IPV6_FLOWINFO_SEND = 33, IPV6_RECVPKTINFO = 49, IPV6_PKTINFO = 50,
    IPV6_RECVHOPLIMIT = 51, IPV6_HOPLIMIT = 52, IPV6_PATHMTU = 61, IPV6_DONTFRAG = 62, IPV6_RECVTCLASS = 66,
    IPV6_TCLASS = 67, IPV6_AUTOFLOWLABEL = 70, IPV6_MINHOPCOUNT = 73, IPV6_FREEBIND = 78,
    TCP_NODELAY, TCP_MAXSEG, TCP_CORK, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_SYNCNT, TCP_LINGER2,
    TCP_DEFER_ACCEPT, TCP_WINDOW_CLAMP, TCP_INFO, TCP_QUICKACK, TCP_CONGESTION, TCP_MD5SIG,
    TCP_COOKIE_TRANSACTIONS = 15, TCP_THIN_LINEAR_TIMEOUTS, TCP_THIN_DUPACK, TCP_USER_TIMEOUT, TCP_REPAIR,
    TCP_REPAIR_QUEUE = 20, TCP_QUEUE_SEQ = 21, TCP_REPAIR_OPTIONS = 22, TCP_FASTOPEN, TCP_TIMESTAMP,
    TCP_NOTSENT_LOWAT, TCP_CC_INFO, TCP_SAVE_SYN, TCP_SAVED_SYN, TCP_REPAIR_WINDOW, TCP_FASTOPEN_CONNECT, TCP_ULP,
    TCP_MD5SIG_EXT, TCP_FASTOPEN_KEY, TCP_FASTOPEN_NO_COOKIE, TCP_ZEROCOPY_RECEIVE, TCP_INQ, TCP_CM_INQ,
    TCP_TX_DELAY, TCP_AO_ADD_KEY = 38, TCP_AO_DEL_KEY = 39, TCP_AO_INFO = 40, TCP_AO_GET_KEYS = 41,
    TCP_AO_REPAIR = 42, TCP_IS_MPTCP, TCP_RTO_MAX_MS, TCP_RTO_MIN_US, TCP_DELACK_MAX_US,
    TCP_NO_QUEUE = 0, TCP_RECV_QUEUE = 1, TCP_SEND_QUEUE = 2,
    TCP_ESTABLISHED = 1, TCP_SYN_SENT = 2, TCP_SYN_RECV = 3, TCP_FIN_WAIT1 = 4, TCP_FIN_WAIT2 = 5, TCP_TIME_WAIT = 6,
    TCP_CLOSE = 7, TCP_CLOSE_WAIT = 8, TCP_LAST_ACK = 9, TCP_LISTEN = 10, TCP_CLOSING = 11,
    TCPI_OPT_TIMESTAMPS, TCPI_OPT_SACK, TCPI_OPT_WSCALE, TCPI_OPT_ECN, TCPI_OPT_ECN_SEEN, TCPI_OPT_SYN_DATA,
    TCPI_OPT_USEC_TS, TCPI_OPT_TFO_CHILD,
    TCP_NLA_PAD = 0, TCP_NLA_BUSY = 1, TCP_NLA_RWND_LIMITED = 2, TCP_NLA_SNDBUF_LIMITED = 3,
    TCP_NLA_DATA_SEGS_OUT = 4, TCP_NLA_TOTAL_RETRANS = 5, TCP_NLA_PACING_RATE = 6, TCP_NLA_DELIVERY_RATE = 7,
    TCP_NLA_SND_CWND = 8, TCP_NLA_REORDERING = 9, TCP_NLA_MIN_RTT = 10, TCP_NLA_RECUR_RETRANS = 11,
    TCP_NLA_DELIVERY_RATE_APP_LMT = 12, TCP_NLA_SNDQ_SIZE = 13, TCP_NLA_CA_STATE = 14, TCP_NLA_SND_SSTHRESH = 15,
    TCP_NLA_DELIVERED = 16, TCP_NLA_DELIVERED_CE = 17, TCP_NLA_BYTES_SENT = 18, TCP_NLA_BYTES_RETRANS = 19,
    TCP_NLA_DSACK_DUPS = 20, TCP_NLA_REORD_SEEN = 21, TCP_NLA_SRTT = 22, TCP_NLA_TIMEOUT_REHASH = 23,
    TCP_NLA_BYTES_NOTSENT = 24, TCP_NLA_EDT = 25, TCP_NLA_TTL = 26, TCP_NLA_REHASH = 27,
    F_DUPFD = 0, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK = 5, F_SETLK = 6, F_SETLKW = 7, F_SETOWN = 8,
    F_GETOWN = 9, F_SETSIG = 10, F_GETSIG = 11, F_SETPIPE_SZ = 1031, F_GETPIPE_SZ = 1032, FD_CLOEXEC,
    O_RDONLY, O_WRONLY, O_RDWR, O_ACCMODE = 3, O_CREAT = 0o100, O_EXCL = 0o200, O_NOCTTY = 0o400, O_TRUNC = 0o1000,
    O_APPEND, O_NONBLOCK, O_NDELAY = 0o4000, O_SYNC = 0o4_010_000, O_ASYNC = 0o20000, O_DIRECT = 0o40000, O_CLOEXEC,
    POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP, POLLNVAL, POLLRDNORM, POLLRDBAND, POLLWRNORM, POLLWRBAND, POLLMSG,
    POLLREMOVE = 0x1000, POLLRDHUP, POLLINIT = 0,
    EPOLLIN, EPOLLPRI, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLNVAL, EPOLLRDNORM, EPOLLRDBAND, EPOLLWRNORM, EPOLLWRBAND,
    EPOLLMSG, EPOLLRDHUP, EPOLLEXCLUSIVE, EPOLLWAKEUP, EPOLLONESHOT, EPOLLET,
    EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLL_CLOEXEC,
    FIONREAD, SIOCINQ, SIOCOUTQ, TIOCOUTQ, SIOCOUTQNSD, FIONBIO, FIOASYNC, SIOCATMARK, SIOCGSTAMP = 0x8906,
    SPLICE_F_MOVE = 1, SPLICE_F_NONBLOCK = 2, SPLICE_F_MORE = 4, SPLICE_F_GIFT = 8,
    SO_EE_ORIGIN_NONE, SO_EE_ORIGIN_LOCAL, SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6, SO_EE_ORIGIN_TIMESTAMPING,
    SO_EE_ORIGIN_TXSTATUS = 4, SO_EE_ORIGIN_ZEROCOPY, SO_EE_ORIGIN_TXTIME = 6, SO_EE_CODE_ZEROCOPY_COPIED,
    SOF_TIMESTAMPING_TX_HARDWARE, SOF_TIMESTAMPING_TX_SOFTWARE, SOF_TIMESTAMPING_RX_HARDWARE,
    SOF_TIMESTAMPING_RX_SOFTWARE, SOF_TIMESTAMPING_SOFTWARE, SOF_TIMESTAMPING_SYS_HARDWARE,
    SOF_TIMESTAMPING_RAW_HARDWARE, SOF_TIMESTAMPING_OPT_ID, SOF_TIMESTAMPING_TX_SCHED, SOF_TIMESTAMPING_TX_ACK,
    SOF_TIMESTAMPING_OPT_CMSG, SOF_TIMESTAMPING_OPT_TSONLY, SOF_TIMESTAMPING_OPT_STATS, SOF_TIMESTAMPING_OPT_PKTINFO,
    SOF_TIMESTAMPING_OPT_TX_SWHW, SOF_TIMESTAMPING_BIND_PHC, SOF_TIMESTAMPING_OPT_ID_TCP,
    SOF_TIMESTAMPING_OPT_RX_FILTER, SOF_TIMESTAMPING_TX_COMPLETION,
    ICMP_ECHOREPLY = 0, ICMP_DEST_UNREACH = 3, ICMP_SOURCE_QUENCH = 4, ICMP_REDIRECT = 5, ICMP_ECHO = 8,
    ICMP_TIME_EXCEEDED = 11, ICMP_PARAMETERPROB = 12, ICMP_NET_UNREACH = 0, ICMP_HOST_UNREACH = 1,
    ICMP_PROT_UNREACH = 2, ICMP_PORT_UNREACH = 3, ICMP_FRAG_NEEDED = 4, ICMP_SR_FAILED = 5,
    CAP_NET_ADMIN = 12, CAP_NET_RAW = 13, CAP_NET_BIND_SERVICE = 10, CAP_EFFECTIVE = 0, CAP_PERMITTED = 1,
    CAP_INHERITABLE = 2, CAP_CLEAR = 0, CAP_SET = 1,
    SEEK_SET = 0, SEEK_CUR = 1, SEEK_END = 2, INT_MAX = 0x7fff_ffff, UINT_MAX = 0xffff_ffff,
];

/// Every errno of Linux: `include/uapi/asm-generic/errno-base.h`, `errno.h`.
#[rustfmt::skip]
static ERRNOS: &[(&str, i64)] = table![
    EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EIO = 5, ENXIO = 6, E2BIG = 7, ENOEXEC = 8, EBADF = 9, ECHILD = 10,
    EAGAIN = 11, EWOULDBLOCK = 11, ENOMEM = 12, EACCES = 13, EFAULT = 14, ENOTBLK = 15, EBUSY = 16, EEXIST = 17,
    EXDEV = 18, ENODEV = 19, ENOTDIR = 20, EISDIR = 21, EINVAL = 22, ENFILE = 23, EMFILE = 24, ENOTTY = 25,
    ETXTBSY = 26, EFBIG = 27, ENOSPC = 28, ESPIPE = 29, EROFS = 30, EMLINK = 31, EPIPE = 32, EDOM = 33, ERANGE = 34,
    EDEADLK = 35, ENAMETOOLONG = 36, ENOLCK = 37, ENOSYS = 38, ENOTEMPTY = 39, ELOOP = 40, ENOMSG = 42, EIDRM = 43,
    ECHRNG = 44, ENODATA = 61, ETIME = 62, ENOSR = 63, ENONET = 64, ENOLINK = 67, ECOMM = 70, EPROTO = 71,
    EBADMSG = 74, EOVERFLOW = 75, ENOTUNIQ = 76, EBADFD = 77, EREMCHG = 78, EILSEQ = 84, ERESTART = 85, EUSERS = 87,
    ENOTSOCK = 88, EDESTADDRREQ = 89, EMSGSIZE = 90, EPROTOTYPE = 91, ENOPROTOOPT = 92, EPROTONOSUPPORT = 93,
    ESOCKTNOSUPPORT = 94, EOPNOTSUPP = 95, ENOTSUP = 95, EPFNOSUPPORT = 96, EAFNOSUPPORT = 97, EADDRINUSE = 98,
    EADDRNOTAVAIL = 99, ENETDOWN = 100, ENETUNREACH = 101, ENETRESET = 102, ECONNABORTED = 103, ECONNRESET = 104,
    ENOBUFS = 105, EISCONN = 106, ENOTCONN = 107, ESHUTDOWN = 108, ETOOMANYREFS = 109, ETIMEDOUT = 110,
    ECONNREFUSED = 111, EHOSTDOWN = 112, EHOSTUNREACH = 113, EALREADY = 114, EINPROGRESS = 115, ESTALE = 116,
    EDQUOT = 122, ECANCELED = 125, ENOKEY = 126,
];

type Codes = &'static [(&'static str, u8)];

/// Types of ICMP, with what their codes are called.
#[rustfmt::skip]
static ICMP: &[(&str, u8, Codes)] = &[
    ("echo_reply", 0, &[]),
    ("unreachable", 3, &[
        ("net_unreachable", 0), ("host_unreachable", 1), ("protocol_unreachable", 2), ("port_unreachable", 3),
        ("frag_needed", 4), ("source_route_failed", 5), ("net_unknown", 6), ("host_unknown", 7),
        ("source_host_isolated", 8), ("net_prohibited", 9), ("host_prohibited", 10), ("net_unreachable_for_tos", 11),
        ("host_unreachable_for_tos", 12), ("packet_filtered", 13), ("precedence_violation", 14),
        ("precedence_cutoff", 15),
    ]),
    ("source_quench", 4, &[]),
    ("redirect", 5, &[]),
    ("echo_request", 8, &[]),
    ("time_exceeded", 11, &[]),
    ("parameter_problem", 12, &[]),
    ("timestamp_request", 13, &[]),
    ("timestamp_reply", 14, &[]),
    ("info_request", 15, &[]),
    ("info_reply", 16, &[]),
    ("address_mask_request", 17, &[]),
    ("address_mask_reply", 18, &[]),
];

static ICMPV6_ONLY: &[&str] =
    &["packet_too_big", "no_route", "admin_prohibited", "not_neighbour", "address_unreachable"];

/// The number a word stands for.
pub(crate) fn value(name: &str) -> Option<i64> {
    let find = |table: &[(&str, i64)]| table.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
    find(SYMBOLS).or_else(|| find(ERRNOS))
}

/// Every word.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    SYMBOLS.iter().chain(ERRNOS).map(|(name, _)| *name)
}

/// The number of an error.
pub(crate) fn errno(name: &str) -> Option<i32> {
    ERRNOS.iter().find(|(n, _)| *n == name).map(|(_, value)| *value as i32)
}

/// The name of an error.
pub(crate) fn errno_name(number: i32) -> String {
    let found = ERRNOS.iter().find(|(_, value)| *value == i64::from(number));
    found.map_or_else(|| format!("errno {number}"), |(name, _)| (*name).to_owned())
}

/// Is the word about IPv6, so that a script that uses it is for IPv6?
pub(crate) fn is_ipv6_only(name: &str) -> bool {
    name.starts_with("IPV6_")
        || ["AF_INET6", "PF_INET6", "SOL_IPV6", "IPPROTO_IPV6", "IPPROTO_ICMPV6", "SOL_ICMPV6"].contains(&name)
}

/// Is it a type or code of ICMP that only IPv6 has?
pub(crate) fn is_icmpv6_only(name: &str) -> bool {
    ICMPV6_ONLY.contains(&name)
}

/// A type of ICMP.
pub(crate) fn icmp_type(name: &str) -> Option<u8> {
    let known = ICMP.iter().find(|(n, _, _)| *n == name).map(|(_, number, _)| *number);
    known.or_else(|| name.strip_prefix("type_")?.parse().ok())
}

/// A code of a type of ICMP.
pub(crate) fn icmp_code(kind: u8, name: &str) -> Option<u8> {
    let codes = ICMP.iter().find(|(_, number, _)| *number == kind).map_or(&[][..], |(_, _, codes)| codes);
    let known = codes.iter().find(|(n, _)| *n == name).map(|(_, number)| *number);
    known.or_else(|| name.strip_prefix("code_")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_linux_numbers() {
        assert_eq!(value("O_NONBLOCK"), Some(0o4000));
        assert_eq!(value("SIOCINQ"), Some(0x541b));
        assert_eq!(value("EPOLLET"), Some(0x8000_0000));
        assert_eq!(value("TCP_NLA_SRTT"), Some(22));
        assert_eq!(value("ENOENT"), Some(2));
        assert_eq!(value("SO_NONSENSE"), None);
        assert_eq!(errno("EWOULDBLOCK"), Some(11));
        assert_eq!(errno("SO_ERROR"), None);
        assert_eq!(errno_name(110), "ETIMEDOUT");
        assert_eq!(icmp_code(3, "frag_needed"), Some(4));
        assert_eq!((icmp_type("type_42"), icmp_code(42, "code_7")), (Some(42), Some(7)));
    }

    #[test]
    fn no_word_has_two_values() {
        for (i, name) in names().enumerate() {
            assert!(names().skip(i + 1).all(|other| other != name), "{name}");
        }
        assert!(names().count() > 409);
    }
}
