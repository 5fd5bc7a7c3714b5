//! Socket options: names and values of `setsockopt` and `getsockopt`.

use super::names::{Flags, constant, named};
use super::quote::{quote, quote_hex};
use super::{STACK_POINTER, STRING_BYTES, sockaddr};
use stack::syscall::{
    ControlMsg, IP_RECVERR, IP_TOS, IP_TTL, SO_ERROR, SO_LINGER, SO_TIMESTAMP, SO_TIMESTAMPING, SO_TIMESTAMPNS,
    SO_TXREHASH, SOL_SOCKET, SockAddr,
};

const SOL_IP: i32 = 0;
const SOL_TCP: i32 = 6;
const SOL_UDP: i32 = 17;
const SO_PEERCRED: i32 = 17;
const SO_TIMESTAMPING_NEW: i32 = 65;
const SO_BUF_LOCK: i32 = 72;

const SO: &[(i32, &str)] = &[
    (1, "SO_DEBUG"),
    (2, "SO_REUSEADDR"),
    (3, "SO_TYPE"),
    (4, "SO_ERROR"),
    (5, "SO_DONTROUTE"),
    (6, "SO_BROADCAST"),
    (7, "SO_SNDBUF"),
    (8, "SO_RCVBUF"),
    (9, "SO_KEEPALIVE"),
    (10, "SO_OOBINLINE"),
    (11, "SO_NO_CHECK"),
    (12, "SO_PRIORITY"),
    (13, "SO_LINGER"),
    (14, "SO_BSDCOMPAT"),
    (15, "SO_REUSEPORT"),
    (16, "SO_PASSCRED"),
    (17, "SO_PEERCRED"),
    (18, "SO_RCVLOWAT"),
    (19, "SO_SNDLOWAT"),
    (20, "SO_RCVTIMEO_OLD"),
    (21, "SO_SNDTIMEO_OLD"),
    (22, "SO_SECURITY_AUTHENTICATION"),
    (23, "SO_SECURITY_ENCRYPTION_TRANSPORT"),
    (24, "SO_SECURITY_ENCRYPTION_NETWORK"),
    (25, "SO_BINDTODEVICE"),
    (26, "SO_GET_FILTER"),
    (27, "SO_DETACH_FILTER"),
    (28, "SO_PEERNAME"),
    (29, "SO_TIMESTAMP_OLD"),
    (30, "SO_ACCEPTCONN"),
    (31, "SO_PEERSEC"),
    (32, "SO_SNDBUFFORCE"),
    (33, "SO_RCVBUFFORCE"),
    (34, "SO_PASSSEC"),
    (35, "SO_TIMESTAMPNS_OLD"),
    (36, "SO_MARK"),
    (37, "SO_TIMESTAMPING_OLD"),
    (38, "SO_PROTOCOL"),
    (39, "SO_DOMAIN"),
    (40, "SO_RXQ_OVFL"),
    (41, "SO_WIFI_STATUS"),
    (42, "SO_PEEK_OFF"),
    (43, "SO_NOFCS"),
    (44, "SO_LOCK_FILTER"),
    (45, "SO_SELECT_ERR_QUEUE"),
    (46, "SO_BUSY_POLL"),
    (47, "SO_MAX_PACING_RATE"),
    (48, "SO_BPF_EXTENSIONS"),
    (49, "SO_INCOMING_CPU"),
    (50, "SO_ATTACH_BPF"),
    (51, "SO_ATTACH_REUSEPORT_CBPF"),
    (52, "SO_ATTACH_REUSEPORT_EBPF"),
    (53, "SO_CNX_ADVICE"),
    (55, "SO_MEMINFO"),
    (56, "SO_INCOMING_NAPI_ID"),
    (57, "SO_COOKIE"),
    (59, "SO_PEERGROUPS"),
    (60, "SO_ZEROCOPY"),
    (61, "SO_TXTIME"),
    (62, "SO_BINDTOIFINDEX"),
    (63, "SO_TIMESTAMP_NEW"),
    (64, "SO_TIMESTAMPNS_NEW"),
    (65, "SO_TIMESTAMPING_NEW"),
    (66, "SO_RCVTIMEO_NEW"),
    (67, "SO_SNDTIMEO_NEW"),
    (68, "SO_DETACH_REUSEPORT_BPF"),
    (69, "SO_PREFER_BUSY_POLL"),
    (70, "SO_BUSY_POLL_BUDGET"),
    (71, "SO_NETNS_COOKIE"),
    (72, "SO_BUF_LOCK"),
    (73, "SO_RESERVE_MEM"),
    (74, "SO_TXREHASH"),
    (75, "SO_RCVMARK"),
];
const SCM: &[(i32, &str)] = &[
    (1, "SCM_RIGHTS"),
    (2, "SCM_CREDENTIALS"),
    (29, "SO_TIMESTAMP_OLD"),
    (35, "SO_TIMESTAMPNS_OLD"),
    (37, "SO_TIMESTAMPING_OLD"),
];
const IP: &[(i32, &str)] = &[
    (1, "IP_TOS"),
    (2, "IP_TTL"),
    (3, "IP_HDRINCL"),
    (4, "IP_OPTIONS"),
    (5, "IP_ROUTER_ALERT"),
    (6, "IP_RECVOPTS"),
    (7, "IP_RETOPTS"),
    (8, "IP_PKTINFO"),
    (9, "IP_PKTOPTIONS"),
    (10, "IP_MTU_DISCOVER"),
    (11, "IP_RECVERR"),
    (12, "IP_RECVTTL"),
    (13, "IP_RECVTOS"),
    (14, "IP_MTU"),
    (15, "IP_FREEBIND"),
    (16, "IP_IPSEC_POLICY"),
    (17, "IP_XFRM_POLICY"),
    (18, "IP_PASSSEC"),
    (19, "IP_TRANSPARENT"),
    (20, "IP_ORIGDSTADDR"),
    (21, "IP_MINTTL"),
    (22, "IP_NODEFRAG"),
    (23, "IP_CHECKSUM"),
    (24, "IP_BIND_ADDRESS_NO_PORT"),
    (25, "IP_RECVFRAGSIZE"),
    (26, "IP_RECVERR_RFC4884"),
    (32, "IP_MULTICAST_IF"),
    (33, "IP_MULTICAST_TTL"),
    (34, "IP_MULTICAST_LOOP"),
    (35, "IP_ADD_MEMBERSHIP"),
    (36, "IP_DROP_MEMBERSHIP"),
    (37, "IP_UNBLOCK_SOURCE"),
    (38, "IP_BLOCK_SOURCE"),
    (39, "IP_ADD_SOURCE_MEMBERSHIP"),
    (40, "IP_DROP_SOURCE_MEMBERSHIP"),
    (41, "IP_MSFILTER"),
    (42, "MCAST_JOIN_GROUP"),
    (43, "MCAST_BLOCK_SOURCE"),
    (44, "MCAST_UNBLOCK_SOURCE"),
    (45, "MCAST_LEAVE_GROUP"),
    (46, "MCAST_JOIN_SOURCE_GROUP"),
    (47, "MCAST_LEAVE_SOURCE_GROUP"),
    (48, "MCAST_MSFILTER"),
    (49, "IP_MULTICAST_ALL"),
    (50, "IP_UNICAST_IF"),
];
const TCP: &[(i32, &str)] = &[
    (1, "TCP_NODELAY"),
    (2, "TCP_MAXSEG"),
    (3, "TCP_CORK"),
    (4, "TCP_KEEPIDLE"),
    (5, "TCP_KEEPINTVL"),
    (6, "TCP_KEEPCNT"),
    (7, "TCP_SYNCNT"),
    (8, "TCP_LINGER2"),
    (9, "TCP_DEFER_ACCEPT"),
    (10, "TCP_WINDOW_CLAMP"),
    (11, "TCP_INFO"),
    (12, "TCP_QUICKACK"),
    (13, "TCP_CONGESTION"),
    (14, "TCP_MD5SIG"),
    (15, "TCP_COOKIE_TRANSACTIONS"),
    (16, "TCP_THIN_LINEAR_TIMEOUTS"),
    (17, "TCP_THIN_DUPACK"),
    (18, "TCP_USER_TIMEOUT"),
    (19, "TCP_REPAIR"),
    (20, "TCP_REPAIR_QUEUE"),
    (21, "TCP_QUEUE_SEQ"),
    (22, "TCP_REPAIR_OPTIONS"),
    (23, "TCP_FASTOPEN"),
    (24, "TCP_TIMESTAMP"),
    (25, "TCP_NOTSENT_LOWAT"),
    (26, "TCP_CC_INFO"),
    (27, "TCP_SAVE_SYN"),
    (28, "TCP_SAVED_SYN"),
    (29, "TCP_REPAIR_WINDOW"),
    (30, "TCP_FASTOPEN_CONNECT"),
    (31, "TCP_ULP"),
    (32, "TCP_MD5SIG_EXT"),
    (33, "TCP_FASTOPEN_KEY"),
    (34, "TCP_FASTOPEN_NO_COOKIE"),
    (35, "TCP_ZEROCOPY_RECEIVE"),
    (36, "TCP_INQ"),
    (37, "TCP_TX_DELAY"),
];
const UDP: &[(i32, &str)] = &[
    (1, "UDP_CORK"),
    (100, "UDP_ENCAP"),
    (101, "UDP_NO_CHECK6_TX"),
    (102, "UDP_NO_CHECK6_RX"),
    (103, "UDP_SEGMENT"),
    (104, "UDP_GRO"),
];

/// `SOL_SOCKET, SO_REUSEADDR`. Two numbers mean another thing when they are set.
pub(super) fn option(level: i32, name: i32, set: bool) -> String {
    let name = match level {
        SOL_SOCKET if set && name == 26 => "SO_ATTACH_FILTER".into(),
        SOL_SOCKET => named(SO, "SO_???", name),
        SOL_IP => named(IP, "IP_???", name),
        SOL_TCP => named(TCP, "TCP_???", name),
        SOL_UDP => named(UDP, "UDP_???", name),
        _ => name.to_string(),
    };
    format!("{}, {name}", constant(Flags::Level, level))
}

/// Level, type and data of a control message.
pub(super) fn control(message: &ControlMsg) -> (String, String, String) {
    let kind = match message.level {
        SOL_SOCKET => named(SCM, "SCM_???", message.kind),
        SOL_IP => named(IP, "IP_???", message.kind),
        _ => format!("{:#x}", message.kind),
    };
    let data = match (message.level, message.kind) {
        _ if message.data.is_empty() => String::new(),
        (SOL_SOCKET, SO_TIMESTAMP) => time(&message.data, "tv_usec").unwrap_or_else(|| "???".into()),
        (SOL_SOCKET, SO_TIMESTAMPNS) => time(&message.data, "tv_nsec").unwrap_or_else(|| "???".into()),
        (SOL_SOCKET, SO_TIMESTAMPING) => {
            let times: Option<Vec<String>> = (0..3).map(|i| time(message.data.get(16 * i..)?, "tv_nsec")).collect();
            times.map_or_else(|| "???".into(), |times| format!("[{}]", times.join(", ")))
        }
        (SOL_IP, IP_RECVERR) => extended_error(&message.data).unwrap_or_else(|| "???".into()),
        (SOL_IP, IP_TTL) if message.data.len() == 4 => number(&message.data).unwrap_or_default(),
        (SOL_IP, IP_TOS) if message.data == [0] => "[0]".into(),
        (SOL_IP, IP_TOS) if message.data.len() == 1 => format!("[{:#x}]", message.data[0]),
        _ => quote_hex(&message.data),
    };
    let data = if data.is_empty() { data } else { format!(", cmsg_data={data}") };
    (constant(Flags::Level, message.level), kind, data)
}

/// `struct timeval` or `struct timespec`.
fn time(value: &[u8], fraction: &str) -> Option<String> {
    let (seconds, rest) = value.split_first_chunk()?;
    let (seconds, part) = (i64::from_le_bytes(*seconds), i64::from_le_bytes(*rest.first_chunk()?));
    Some(format!("{{tv_sec={seconds}, {fraction}={part}}}"))
}

/// `struct sock_extended_err` and its offender.
fn extended_error(value: &[u8]) -> Option<String> {
    let int = |at: usize| Some(u32::from_le_bytes(*value.get(at..)?.first_chunk()?));
    let (origin, kind, code) = (*value.get(4)?, value[5], value[6]);
    let offender: &[u8; 16] = value.get(16..)?.first_chunk()?;
    let offender = SockAddr {
        family: u16::from_le_bytes([offender[0], offender[1]]),
        port: u16::from_be_bytes([offender[2], offender[3]]),
        addr: [offender[4], offender[5], offender[6], offender[7]].into(),
    };
    Some(format!(
        "{{ee_errno={}, ee_origin={origin}, ee_type={kind}, ee_code={code}, ee_info={}, ee_data={}, offender={}}}",
        int(0)?,
        int(8)?,
        int(12)?,
        sockaddr(&offender)
    ))
}

/// The value handed in: `[1]`, `{l_onoff=1, l_linger=0}`, or a string.
pub(super) fn set_value(level: i32, name: i32, value: &[u8]) -> String {
    match (level, name) {
        (SOL_SOCKET, SO_TIMESTAMPING | SO_TIMESTAMPING_NEW) if value.len() >= 4 => number(value).unwrap_or_default(),
        (SOL_SOCKET, SO_TXREHASH) if value.len() >= 4 => txrehash(value),
        (SOL_SOCKET, SO_BUF_LOCK) if value.len() != 4 => quote(value, STRING_BYTES),
        (SOL_SOCKET, SO_LINGER) => linger(value).unwrap_or_else(|| STACK_POINTER.into()),
        _ if is_number(level, name) => number(value).unwrap_or_else(|| STACK_POINTER.into()),
        _ if value.len() == 4 => number(value).unwrap_or_default(),
        _ => quote(value, STRING_BYTES),
    }
}

/// The value handed out, with the length the caller gave and, if it differs, the length it got.
pub(super) fn got_value(level: i32, name: i32, len: usize, value: &[u8]) -> String {
    let text = match (level, name) {
        _ if value.is_empty() && !is_number(level, name) => STACK_POINTER.into(),
        (SOL_SOCKET, SO_PEERCRED) => credentials(value),
        (SOL_SOCKET, SO_TIMESTAMPING | SO_TIMESTAMPING_NEW) if value.len() >= 4 => number(value).unwrap_or_default(),
        (SOL_SOCKET, SO_TXREHASH) if value.len() == 4 => txrehash(value),
        (SOL_SOCKET, SO_LINGER) => match (linger(value), number(value)) {
            (Some(text), _) => text,
            (None, Some(on)) => format!("{{l_onoff={}}}", on.trim_matches(['[', ']'])),
            (None, None) => format!("{{l_onoff={}}}", quote_hex(value)),
        },
        _ if value.len() == 4 => number(value).unwrap_or_default(),
        (SOL_SOCKET, SO_ERROR) => quote_hex(value),
        _ if is_number(level, name) => quote_hex(value),
        _ => quote(value, STRING_BYTES),
    };
    let lengths = if len == value.len() { len.to_string() } else { format!("{len} => {}", value.len()) };
    format!("{text}, [{lengths}]")
}

/// Is the option an `int` that strace knows as one? Those that can only be read it does not.
fn is_number(level: i32, name: i32) -> bool {
    match level {
        SOL_SOCKET => {
            let other = [3, 4, 17, 20, 21, 25, 26, 28, 29, 31, 37, 38, 39, 47, 55, 57, 59, 61, 65, 66, 67, 71];
            !other.contains(&name) && SO.iter().any(|(v, _)| *v == name)
        }
        _ => false,
    }
}

/// `struct ucred`, as far as there was room.
fn credentials(value: &[u8]) -> String {
    let fields = ["pid", "uid", "gid"].iter().zip(value.chunks_exact(4));
    let fields = fields.map(|(name, b)| format!("{name}={}", i32::from_le_bytes([b[0], b[1], b[2], b[3]])));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
}

fn txrehash(value: &[u8]) -> String {
    match value.first_chunk::<4>() {
        Some([0, 0, 0, 0]) => "[SOCK_TXREHASH_DISABLED]".into(),
        Some([1, 0, 0, 0]) => "[SOCK_TXREHASH_ENABLED]".into(),
        _ => number(value).unwrap_or_default(),
    }
}

fn number(value: &[u8]) -> Option<String> {
    value.first_chunk().map(|b| format!("[{}]", i32::from_le_bytes(*b)))
}

fn linger(value: &[u8]) -> Option<String> {
    let (on, rest) = value.split_first_chunk()?;
    let (on, linger) = (i32::from_le_bytes(*on), i32::from_le_bytes(*rest.first_chunk()?));
    Some(format!("{{l_onoff={on}, l_linger={linger}}}"))
}
