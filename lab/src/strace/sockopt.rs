//! Socket options: names and values of `setsockopt` and `getsockopt`.

use super::names::{Flags, constant, named};
use super::quote::{quote, quote_hex};
use super::{STACK_POINTER, STRING_BYTES};
use stack::syscall::{ControlMsg, SO_ERROR, SO_LINGER, SOL_SOCKET};

const SOL_IP: i32 = 0;
const SOL_TCP: i32 = 6;
const SOL_UDP: i32 = 17;

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
    (12, "SO_PRIORITY"),
    (13, "SO_LINGER"),
    (15, "SO_REUSEPORT"),
    (18, "SO_RCVLOWAT"),
    (19, "SO_SNDLOWAT"),
    (20, "SO_RCVTIMEO_OLD"),
    (21, "SO_SNDTIMEO_OLD"),
    (25, "SO_BINDTODEVICE"),
    (29, "SO_TIMESTAMP_OLD"),
    (30, "SO_ACCEPTCONN"),
    (32, "SO_SNDBUFFORCE"),
    (33, "SO_RCVBUFFORCE"),
    (36, "SO_MARK"),
    (38, "SO_PROTOCOL"),
    (39, "SO_DOMAIN"),
    (46, "SO_BUSY_POLL"),
    (47, "SO_MAX_PACING_RATE"),
    (49, "SO_INCOMING_CPU"),
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
    (10, "IP_MTU_DISCOVER"),
    (11, "IP_RECVERR"),
    (12, "IP_RECVTTL"),
    (14, "IP_MTU"),
    (15, "IP_FREEBIND"),
    (24, "IP_BIND_ADDRESS_NO_PORT"),
    (32, "IP_MULTICAST_IF"),
    (33, "IP_MULTICAST_TTL"),
    (34, "IP_MULTICAST_LOOP"),
    (35, "IP_ADD_MEMBERSHIP"),
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
    (18, "TCP_USER_TIMEOUT"),
    (23, "TCP_FASTOPEN"),
    (25, "TCP_NOTSENT_LOWAT"),
    (30, "TCP_FASTOPEN_CONNECT"),
];
const UDP: &[(i32, &str)] = &[(1, "UDP_CORK"), (100, "UDP_ENCAP"), (103, "UDP_SEGMENT"), (104, "UDP_GRO")];

/// `SOL_SOCKET, SO_REUSEADDR`.
pub(super) fn option(level: i32, name: i32) -> String {
    let name = match level {
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
    (constant(Flags::Level, message.level), kind, format!(", cmsg_data={}", quote_hex(&message.data)))
}

/// The value handed in: `[1]`, `{l_onoff=1, l_linger=0}`, or a string.
pub(super) fn set_value(level: i32, name: i32, value: &[u8]) -> String {
    match (level, name) {
        (SOL_SOCKET, SO_LINGER) => linger(value).unwrap_or_else(|| STACK_POINTER.into()),
        _ if is_number(level, name) => number(value).unwrap_or_else(|| STACK_POINTER.into()),
        _ if value.len() == 4 => number(value).unwrap_or_default(),
        _ => quote(value, STRING_BYTES),
    }
}

/// The value handed out, with the length the caller gave and, if it differs, the length it got.
pub(super) fn got_value(level: i32, name: i32, len: usize, value: &[u8]) -> String {
    let text = match (level, name) {
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
        SOL_SOCKET => !matches!(name, 3 | 4 | 20 | 21 | 25 | 29 | 38 | 39) && SO.iter().any(|(v, _)| *v == name),
        _ => false,
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
