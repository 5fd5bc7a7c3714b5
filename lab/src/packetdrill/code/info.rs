//! What a block knows of the socket: the fields of `struct tcp_info` and its kin by their names.
//!
//! Linux: `include/uapi/linux/tcp.h` (`struct tcp_info`), `inet_diag.h` (`struct tcp_bbr_info`),
//! `sock_diag.h` (`SK_MEMINFO_…`).

use super::Session;
use stack::syscall as s;

/// Fields of `struct tcp_info`: name, offset, width in bytes.
#[rustfmt::skip]
const TCP_INFO: &[(&str, usize, usize)] = &[
    ("state", 0, 1), ("ca_state", 1, 1), ("retransmits", 2, 1), ("probes", 3, 1), ("backoff", 4, 1), ("options", 5, 1),
    ("rto", 8, 4), ("ato", 12, 4), ("snd_mss", 16, 4), ("rcv_mss", 20, 4), ("unacked", 24, 4), ("sacked", 28, 4),
    ("lost", 32, 4), ("retrans", 36, 4), ("fackets", 40, 4), ("last_data_sent", 44, 4), ("last_ack_sent", 48, 4),
    ("last_data_recv", 52, 4), ("last_ack_recv", 56, 4), ("pmtu", 60, 4), ("rcv_ssthresh", 64, 4), ("rtt", 68, 4),
    ("rttvar", 72, 4), ("snd_ssthresh", 76, 4), ("snd_cwnd", 80, 4), ("advmss", 84, 4), ("reordering", 88, 4),
    ("rcv_rtt", 92, 4), ("rcv_space", 96, 4), ("total_retrans", 100, 4), ("pacing_rate", 104, 8),
    ("max_pacing_rate", 112, 8), ("bytes_acked", 120, 8), ("bytes_received", 128, 8), ("segs_out", 136, 4),
    ("segs_in", 140, 4), ("notsent_bytes", 144, 4), ("min_rtt", 148, 4), ("data_segs_in", 152, 4),
    ("data_segs_out", 156, 4), ("delivery_rate", 160, 8), ("busy_time", 168, 8), ("rwnd_limited", 176, 8),
    ("sndbuf_limited", 184, 8), ("delivered", 192, 4), ("delivered_ce", 196, 4), ("bytes_sent", 200, 8),
    ("bytes_retrans", 208, 8), ("dsack_dups", 216, 4), ("reord_seen", 220, 4), ("rcv_ooopack", 224, 4),
    ("snd_wnd", 228, 4), ("rcv_wnd", 232, 4), ("rehash", 236, 4), ("total_rto", 240, 2),
    ("total_rto_recoveries", 242, 2), ("total_rto_time", 244, 4), ("received_ce", 248, 4),
    ("delivered_e1_bytes", 252, 4), ("delivered_e0_bytes", 256, 4), ("delivered_ce_bytes", 260, 4),
    ("received_e1_bytes", 264, 4), ("received_e0_bytes", 268, 4), ("received_ce_bytes", 272, 4),
    ("accecn_fail_mode", 276, 2), ("accecn_opt_seen", 278, 2),
];

/// What `getsockopt(TCP_INFO)` is asked for, bytes: more than there is.
pub(crate) const TCP_INFO_BYTES: usize = 512;

#[rustfmt::skip]
const CONSTANTS: &[(&str, i64)] = &[
    ("TCP_ESTABLISHED", 1), ("TCP_SYN_SENT", 2), ("TCP_SYN_RECV", 3), ("TCP_FIN_WAIT1", 4), ("TCP_FIN_WAIT2", 5),
    ("TCP_TIME_WAIT", 6), ("TCP_CLOSE", 7), ("TCP_CLOSE_WAIT", 8), ("TCP_LAST_ACK", 9), ("TCP_LISTEN", 10),
    ("TCP_CLOSING", 11),
    ("TCP_CA_Open", 0), ("TCP_CA_Disorder", 1), ("TCP_CA_CWR", 2), ("TCP_CA_Recovery", 3), ("TCP_CA_Loss", 4),
    ("TCPI_OPT_TIMESTAMPS", s::TCPI_OPT_TIMESTAMPS as i64), ("TCPI_OPT_SACK", s::TCPI_OPT_SACK as i64),
    ("TCPI_OPT_WSCALE", s::TCPI_OPT_WSCALE as i64), ("TCPI_OPT_ECN", s::TCPI_OPT_ECN as i64),
    ("TCPI_OPT_ECN_SEEN", s::TCPI_OPT_ECN_SEEN as i64), ("TCPI_OPT_SYN_DATA", s::TCPI_OPT_SYN_DATA as i64),
    ("TCPI_OPT_USEC_TS", s::TCPI_OPT_USEC_TS as i64), ("TCPI_OPT_TFO_CHILD", s::TCPI_OPT_TFO_CHILD as i64),
];

const MEM_INFO: &[&str] = &[
    "SK_MEMINFO_RMEM_ALLOC",
    "SK_MEMINFO_RCVBUF",
    "SK_MEMINFO_WMEM_ALLOC",
    "SK_MEMINFO_SNDBUF",
    "SK_MEMINFO_FWD_ALLOC",
    "SK_MEMINFO_WMEM_QUEUED",
    "SK_MEMINFO_OPTMEM",
    "SK_MEMINFO_BACKLOG",
    "SK_MEMINFO_DROPS",
];

/// The names of states and flags.
pub(crate) fn constants(session: &mut Session) {
    for (name, value) in CONSTANTS {
        session.set(name, *value);
    }
}

/// A number of so many bytes, little-endian; `None` if the bytes end before.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + width)?;
    Some(bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
}

/// What `TCP_INFO` gave.
pub(crate) fn tcp_info(session: &mut Session, bytes: &[u8]) {
    for (name, at, width) in TCP_INFO {
        if let Some(value) = number(bytes, *at, *width) {
            session.set(&format!("tcpi_{name}"), value);
        }
    }
    if let Some(scales) = number(bytes, 6, 1) {
        session.set("tcpi_snd_wscale", scales & 15);
        session.set("tcpi_rcv_wscale", scales >> 4);
    }
    if let Some(bits) = number(bytes, 7, 1) {
        session.set("tcpi_delivery_rate_app_limited", bits & 1);
        session.set("tcpi_fastopen_client_fail", bits >> 1 & 3);
    }
}

/// What `TCP_CC_INFO` gave: nothing, unless the congestion control has something to say.
pub(crate) fn cc_info(session: &mut Session, bytes: &[u8]) {
    let fields = ["bbr_bw_lo", "bbr_bw_hi", "bbr_min_rtt", "bbr_pacing_gain", "bbr_cwnd_gain"];
    if bytes.len() < fields.len() * 4 {
        return;
    }
    for (i, name) in fields.iter().enumerate() {
        session.set(name, number(bytes, i * 4, 4).unwrap_or(0));
    }
    session.set("bbr_bw", number(bytes, 0, 8).unwrap_or(0));
}

/// What `SO_MEMINFO` gave.
pub(crate) fn mem_info(session: &mut Session, bytes: &[u8]) {
    for (i, name) in MEM_INFO.iter().enumerate() {
        if let Some(value) = number(bytes, i * 4, 4) {
            session.set(name, value);
        }
    }
}
