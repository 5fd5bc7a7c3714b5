//! `struct tcp_sock`: everything TCP knows of one connection (or listener), under the kernel's names.
//!
//! Linux: `include/linux/tcp.h`, `include/net/inet_connection_sock.h`. As there, the general socket is the
//! first member ([`TcpSock::sk`]), so a TCP function is handed one thing.

use super::cong::CongState;
use super::{INFINITE_SSTHRESH, INIT_CWND, MSS_DEFAULT, TIMEOUT_INIT_US};
use crate::skb::SkBuff;
use crate::socket::Sock;
use crate::sysctl::Sysctl;
use crate::time::{Duration, Instant};
use crate::timer::Token;
use crate::trace::{SockId, TimerKind};
use alloc::boxed::Box;
use alloc::collections::VecDeque;

/// `enum tcp_ca_state`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[repr(u8)]
pub(crate) enum CaState {
    /// Nothing is wrong.
    #[default]
    Open,
    /// Duplicate ACKs or SACKs have come.
    Disorder,
    /// ECN (or local congestion) asked for a smaller window.
    Cwr,
    /// Fast recovery (RFC 6675, 8985).
    Recovery,
    /// After a retransmission time-out.
    Loss,
}

/// What the one transmit timer is armed for (`icsk_pending`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pending {
    pub(crate) kind: TimerKind,
    pub(crate) token: Token,
    /// `icsk_timeout`.
    pub(crate) at: Instant,
}

/// `icsk_ack`: when to acknowledge.
#[derive(Clone, Debug, Default)]
pub(crate) struct AckState {
    /// `ICSK_ACK_*` bits.
    pub(crate) pending: u8,
    /// ACKs still to be sent without delay.
    pub(crate) quick: u8,
    /// Interactive: replies will carry the ACKs.
    pub(crate) pingpong: u8,
    pub(crate) retry: u8,
    /// How long an ACK may be delayed, ms; zero before the first data.
    pub(crate) ato: u32,
    pub(crate) timer: Option<(Token, Instant)>,
    /// When data last came.
    pub(crate) lrcvtime: Instant,
    /// The largest segment seen lately, bytes: what "full-sized" means.
    pub(crate) rcv_mss: u32,
    pub(crate) last_seg_size: u32,
}

/// `ICSK_ACK_SCHED`: an ACK is due.
pub(crate) const ACK_SCHED: u8 = 1;
/// `ICSK_ACK_TIMER`: the delayed-ACK timer runs.
pub(crate) const ACK_TIMER: u8 = 2;
/// `ICSK_ACK_PUSHED`.
pub(crate) const ACK_PUSHED: u8 = 4;
/// `ICSK_ACK_PUSHED2`.
pub(crate) const ACK_PUSHED2: u8 = 8;
/// `ICSK_ACK_NOW`.
pub(crate) const ACK_NOW: u8 = 16;
/// `ICSK_ACK_NOMEM`: there was no memory for what came; the window is zero.
pub(crate) const ACK_NOMEM: u8 = 32;

/// `struct tcp_rack`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rack {
    /// When the newest delivered segment was sent, µs.
    pub(crate) mstamp: u64,
    pub(crate) rtt_us: u32,
    pub(crate) end_seq: u32,
    pub(crate) last_delivered: u32,
    pub(crate) reo_wnd_steps: u8,
    pub(crate) reo_wnd_persist: u8,
    pub(crate) dsack_seen: bool,
    pub(crate) advanced: bool,
}

/// `struct tcp_options_received`: what the last segment's options said, and what was agreed.
#[derive(Clone, Debug, Default)]
pub(crate) struct RxOpt {
    pub(crate) ts_recent: u32,
    /// When `ts_recent` was noted; `None` if it never was.
    pub(crate) ts_recent_stamp: Option<Instant>,
    pub(crate) rcv_tsval: u32,
    pub(crate) rcv_tsecr: u32,
    pub(crate) saw_tstamp: bool,
    pub(crate) tstamp_ok: bool,
    pub(crate) wscale_ok: bool,
    pub(crate) sack_ok: bool,
    /// `TCP_DSACK_SEEN`.
    pub(crate) dsack_seen: bool,
    pub(crate) dsack: bool,
    pub(crate) snd_wscale: u8,
    pub(crate) rcv_wscale: u8,
    pub(crate) num_sacks: u8,
    pub(crate) user_mss: u16,
    pub(crate) mss_clamp: u16,
}

/// A retransmission as SACK remembers the last blocks (`recv_sack_cache`).
pub(crate) type SackBlock = (u32, u32);

/// `tcp_chrono`: what a connection spends its time on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[repr(u8)]
pub(crate) enum Chrono {
    /// `TCP_CHRONO_UNSPEC`
    #[default]
    Unspec,
    /// Data is on its way.
    Busy,
    /// Held back by the peer's window.
    RwndLimited,
    /// Held back by the send buffer.
    SndbufLimited,
}

/// `struct tcp_sock`.
#[derive(Clone, Debug)]
pub struct TcpSock {
    /// `struct sock` and `struct inet_sock`.
    pub(crate) sk: Sock,
    /// The connection is over and nobody holds it: freed when the function that has it is done.
    pub(crate) destroyed: bool,

    // Sequence numbers and windows.
    pub(crate) snd_una: u32,
    pub(crate) snd_nxt: u32,
    pub(crate) write_seq: u32,
    pub(crate) pushed_seq: u32,
    pub(crate) snd_wnd: u32,
    pub(crate) snd_wl1: u32,
    pub(crate) max_window: u32,
    pub(crate) snd_sml: u32,
    pub(crate) snd_up: u32,
    pub(crate) mss_cache: u32,
    pub(crate) advmss: u16,
    /// `icsk_pmtu_cookie`, bytes.
    pub(crate) pmtu_cookie: u32,
    /// `icsk_ext_hdr_len` and IPv4 header: bytes below TCP's header.
    pub(crate) tcp_header_len: u16,
    pub(crate) rcv_nxt: u32,
    pub(crate) rcv_wup: u32,
    /// The furthest right edge of the window that was ever offered (RFC 7323 §2.4).
    pub(crate) rcv_mwnd_seq: u32,
    pub(crate) copied_seq: u32,
    pub(crate) rcv_wnd: u32,
    pub(crate) rcv_ssthresh: u32,
    pub(crate) window_clamp: u32,
    /// `TCP_RCVBUF`-to-window factor, in 1/256 (`scaling_ratio`).
    pub(crate) scaling_ratio: u8,
    pub(crate) urg_seq: u32,
    /// `urg_data`: `TCP_URG_*` bits and the byte.
    pub(crate) urg_data: u16,

    // Queues.
    /// `sk_write_queue` behind `sk_send_head`: not yet sent.
    pub(crate) write_queue: VecDeque<SkBuff>,
    /// `tcp_rtx_queue`: sent, not yet acknowledged; in order of sequence numbers.
    pub(crate) rtx_queue: VecDeque<SkBuff>,
    /// `out_of_order_queue`, in order of sequence numbers.
    pub(crate) ofo_queue: VecDeque<SkBuff>,
    pub(crate) packets_out: u32,

    // Options of the socket.
    /// `TCP_NAGLE_OFF`
    pub(crate) nodelay: bool,
    /// `TCP_NAGLE_CORK`
    pub(crate) cork: bool,
    /// `TCP_NAGLE_PUSH`: once.
    pub(crate) nagle_push: bool,
    pub(crate) recvmsg_inq: bool,
    /// When the last segment came that was read from, ns: only kept for who wants time stamps.
    pub(crate) read_stamp: u64,
    pub(crate) keepalive_time: Option<Duration>,
    pub(crate) keepalive_intvl: Option<Duration>,
    pub(crate) keepalive_probes: Option<u8>,
    pub(crate) user_timeout: Duration,
    pub(crate) syn_retries: Option<u8>,
    /// `TCP_LINGER2`, seconds: negative means none.
    pub(crate) linger2: i32,
    pub(crate) notsent_lowat: Option<u32>,
    pub(crate) defer_accept: u8,

    // What is received.
    pub(crate) ack: AckState,
    pub(crate) rx_opt: RxOpt,
    /// `rcvq_space.{space, seq, time}`; time in µs.
    pub(crate) rcvq_space: (u32, u32, u64),
    /// `rcv_rtt_est.{rtt_us, seq, time}`.
    pub(crate) rcv_rtt_est: (u32, u32, u64),
    pub(crate) rcv_rtt_last_tsecr: u32,
    pub(crate) duplicate_sack: [SackBlock; 1],
    pub(crate) selective_acks: [SackBlock; 4],
    pub(crate) compressed_ack: u8,
    pub(crate) dup_ack_counter: u8,
    /// For which `rcv_nxt` they are counted.
    pub(crate) compressed_ack_rcv_nxt: u32,
    pub(crate) compressed_ack_timer: Option<Token>,
    pub(crate) rcv_tstamp: Instant,
    pub(crate) last_oow_ack: Option<Instant>,
    pub(crate) ts_offset: u32,
    pub(crate) bytes_received: u64,
    pub(crate) segs_in: u32,
    pub(crate) data_segs_in: u32,
    pub(crate) rcv_ooopack: u32,

    // Clocks, RTT and timers.
    /// `tcp_mstamp`: the most recent packet received or sent, µs.
    pub(crate) tcp_mstamp: u64,
    /// `tcp_clock_cache`, ns.
    pub(crate) tcp_clock_cache: u64,
    pub(crate) tcp_wstamp_ns: u64,
    pub(crate) srtt_us: u32,
    pub(crate) mdev_us: u32,
    pub(crate) mdev_max_us: u32,
    pub(crate) rttvar_us: u32,
    pub(crate) rtt_seq: u32,
    /// `rtt_min`: a windowed minimum, three (time ms, µs) samples.
    pub(crate) rtt_min: [(u32, u32); 3],
    pub(crate) rto_us: u32,
    /// `icsk_rto_min`, µs.
    pub(crate) rto_min_us: u32,
    /// `icsk_rto_max`, µs.
    pub(crate) rto_max_us: u32,
    /// `TCP_DELACK_MAX_US`
    pub(crate) delack_max_us: Option<u32>,
    /// `TCP_THIN_LINEAR_TIMEOUTS`
    pub(crate) thin_lto: bool,
    pub(crate) backoff: u8,
    pub(crate) retransmits: u8,
    /// Timestamp clock (ms) of the first retransmission of the episode; 0 is none.
    pub(crate) retrans_stamp: u32,
    pub(crate) probes_out: u8,
    /// `icsk_probes_tstamp`.
    pub(crate) probes_tstamp: Option<Instant>,
    pub(crate) total_rto: u16,
    pub(crate) total_rto_recoveries: u16,
    pub(crate) total_rto_time: u32,
    pub(crate) rto_stamp: u32,
    pub(crate) lsndtime: Instant,
    /// RTO, probe, RACK reordering or TLP: never two.
    pub(crate) retrans_timer: Option<Pending>,
    pub(crate) keepalive_timer: Option<Token>,
    pub(crate) pacing_timer: Option<Token>,

    // Congestion and loss.
    pub(crate) snd_cwnd: u32,
    pub(crate) snd_cwnd_cnt: u32,
    pub(crate) snd_cwnd_clamp: u32,
    pub(crate) snd_cwnd_used: u32,
    pub(crate) snd_cwnd_stamp: Instant,
    pub(crate) snd_ssthresh: u32,
    pub(crate) prior_cwnd: u32,
    pub(crate) prior_ssthresh: u32,
    pub(crate) prr_delivered: u32,
    pub(crate) prr_out: u32,
    pub(crate) max_packets_out: u32,
    pub(crate) cwnd_usage_seq: u32,
    pub(crate) is_cwnd_limited: bool,
    pub(crate) ca_state: CaState,
    pub(crate) cong: CongState,
    /// `sk_pacing_rate`, bytes a second; `u64::MAX` is unlimited.
    pub(crate) pacing_rate: u64,
    pub(crate) max_pacing_rate: u64,
    /// `sk_pacing_status`: 0 none, 1 needed (internal timer), 2 by fq.
    pub(crate) pacing_status: u8,
    pub(crate) high_seq: u32,
    pub(crate) undo_marker: u32,
    /// Retransmissions that an undo would have to prove needless; -1 is "none counted".
    pub(crate) undo_retrans: i32,
    pub(crate) sacked_out: u32,
    pub(crate) lost_out: u32,
    pub(crate) retrans_out: u32,
    pub(crate) lost: u32,
    pub(crate) total_retrans: u32,
    pub(crate) reordering: u32,
    pub(crate) reord_seen: u32,
    /// `highest_sack`: first sequence number of the segment after the highest SACKed; `None` if all new.
    pub(crate) highest_sack: Option<u32>,
    pub(crate) retransmit_high: u32,
    pub(crate) rack: Rack,
    pub(crate) frto: bool,
    pub(crate) is_sack_reneg: bool,
    pub(crate) tlp_high_seq: u32,
    pub(crate) tlp_retrans: bool,
    pub(crate) dsack_dups: u32,

    // Delivery rate (`tcp_rate.c`).
    pub(crate) delivered: u32,
    pub(crate) delivered_ce: u32,
    /// Until when the application limits the rate: a value of `delivered`; 0 is "not".
    pub(crate) app_limited: u32,
    pub(crate) first_tx_mstamp: u64,
    pub(crate) delivered_mstamp: u64,
    pub(crate) rate_delivered: u32,
    pub(crate) rate_interval_us: u32,
    pub(crate) rate_app_limited: bool,

    // ECN.
    /// `TCP_ECN_*` bits.
    pub(crate) ecn_flags: u8,

    // Path MTU (`icsk_mtup`).
    pub(crate) mtup_enabled: bool,
    pub(crate) mtup_search_high: u32,
    pub(crate) mtup_search_low: u32,
    pub(crate) mtup_probe_size: u32,
    pub(crate) mtup_probe_timestamp: Instant,
    pub(crate) mtu_probe_start: u32,
    pub(crate) mtu_probe_end: u32,

    // Counters of TCP_INFO.
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_acked: u64,
    pub(crate) bytes_retrans: u64,
    pub(crate) segs_out: u32,
    pub(crate) data_segs_out: u32,
    pub(crate) chrono_type: Chrono,
    /// When the chrono began, µs.
    pub(crate) chrono_start: u64,
    pub(crate) chrono_stat: [u64; 3],
    pub(crate) syn_data: bool,
    pub(crate) reused_port: bool,
    pub(crate) gso_segs: u16,

    // A listener's.
    /// Rarely used parts: only a listener has them.
    pub(crate) listen: Option<Box<Listen>>,
    /// The listener a connection came from, until it is accepted.
    pub(crate) parent: Option<SockId>,
}

/// What only a listener has: `icsk_accept_queue`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listen {
    pub(crate) accept_queue: VecDeque<SockId>,
    /// `sk_max_ack_backlog`
    pub(crate) backlog: u32,
    /// `reqsk_queue_len`: requests whose handshake is open.
    pub(crate) qlen: u32,
    /// `young`: those that were not sent a second SYN-ACK.
    pub(crate) young: u32,
    /// When a SYN cookie was last sent.
    pub(crate) synq_overflow: Option<Instant>,
}

impl core::ops::Deref for TcpSock {
    type Target = Sock;
    fn deref(&self) -> &Sock {
        &self.sk
    }
}

impl core::ops::DerefMut for TcpSock {
    fn deref_mut(&mut self) -> &mut Sock {
        &mut self.sk
    }
}

impl TcpSock {
    /// `tcp_init_sock`.
    pub(crate) fn new(sk: Sock, sysctl: &Sysctl) -> TcpSock {
        TcpSock {
            sk,
            destroyed: false,
            snd_una: 0,
            snd_nxt: 0,
            write_seq: 0,
            pushed_seq: 0,
            snd_wnd: 0,
            snd_wl1: 0,
            max_window: 0,
            snd_sml: 0,
            snd_up: 0,
            mss_cache: u32::from(MSS_DEFAULT),
            advmss: MSS_DEFAULT,
            pmtu_cookie: 1500,
            tcp_header_len: 20,
            rcv_nxt: 0,
            rcv_wup: 0,
            rcv_mwnd_seq: 0,
            copied_seq: 0,
            rcv_wnd: 0,
            rcv_ssthresh: 0,
            window_clamp: 0,
            scaling_ratio: super::DEFAULT_SCALING_RATIO,
            urg_seq: 0,
            urg_data: 0,
            write_queue: VecDeque::new(),
            rtx_queue: VecDeque::new(),
            ofo_queue: VecDeque::new(),
            packets_out: 0,
            nodelay: false,
            cork: false,
            nagle_push: false,
            recvmsg_inq: false,
            read_stamp: 0,
            keepalive_time: None,
            keepalive_intvl: None,
            keepalive_probes: None,
            user_timeout: Duration::ZERO,
            syn_retries: None,
            linger2: 0,
            notsent_lowat: None,
            defer_accept: 0,
            ack: AckState { rcv_mss: u32::from(MSS_DEFAULT), ..AckState::default() },
            rx_opt: RxOpt { mss_clamp: MSS_DEFAULT, ..RxOpt::default() },
            rcvq_space: (0, 0, 0),
            rcv_rtt_est: (0, 0, 0),
            rcv_rtt_last_tsecr: 0,
            duplicate_sack: [(0, 0); 1],
            selective_acks: [(0, 0); 4],
            compressed_ack: 0,
            dup_ack_counter: 0,
            compressed_ack_rcv_nxt: 0,
            compressed_ack_timer: None,
            rcv_tstamp: Instant::ZERO,
            last_oow_ack: None,
            ts_offset: 0,
            bytes_received: 0,
            segs_in: 0,
            data_segs_in: 0,
            rcv_ooopack: 0,
            tcp_mstamp: 0,
            tcp_clock_cache: 0,
            tcp_wstamp_ns: 0,
            srtt_us: 0,
            mdev_us: TIMEOUT_INIT_US,
            mdev_max_us: 0,
            rttvar_us: 0,
            rtt_seq: 0,
            rtt_min: [(0, u32::MAX); 3],
            rto_us: TIMEOUT_INIT_US,
            rto_min_us: sysctl.tcp_rto_min_us as u32,
            rto_max_us: sysctl.tcp_rto_max_ms as u32 * 1000,
            delack_max_us: None,
            thin_lto: false,
            backoff: 0,
            retransmits: 0,
            retrans_stamp: 0,
            probes_out: 0,
            probes_tstamp: None,
            total_rto: 0,
            total_rto_recoveries: 0,
            total_rto_time: 0,
            rto_stamp: 0,
            lsndtime: Instant::ZERO,
            retrans_timer: None,
            keepalive_timer: None,
            pacing_timer: None,
            snd_cwnd: INIT_CWND,
            snd_cwnd_cnt: 0,
            snd_cwnd_clamp: u32::MAX,
            snd_cwnd_used: 0,
            snd_cwnd_stamp: Instant::ZERO,
            snd_ssthresh: INFINITE_SSTHRESH,
            prior_cwnd: 0,
            prior_ssthresh: 0,
            prr_delivered: 0,
            prr_out: 0,
            max_packets_out: 0,
            cwnd_usage_seq: 0,
            is_cwnd_limited: false,
            ca_state: CaState::Open,
            cong: CongState::new(sysctl),
            pacing_rate: u64::MAX,
            max_pacing_rate: u64::MAX,
            pacing_status: 0,
            high_seq: 0,
            undo_marker: 0,
            undo_retrans: 0,
            sacked_out: 0,
            lost_out: 0,
            retrans_out: 0,
            lost: 0,
            total_retrans: 0,
            reordering: sysctl.tcp_reordering as u32,
            reord_seen: 0,
            highest_sack: None,
            retransmit_high: 0,
            rack: Rack { reo_wnd_steps: 1, ..Rack::default() },
            frto: false,
            is_sack_reneg: false,
            tlp_high_seq: 0,
            tlp_retrans: false,
            dsack_dups: 0,
            delivered: 0,
            delivered_ce: 0,
            app_limited: u32::MAX,
            first_tx_mstamp: 0,
            delivered_mstamp: 0,
            rate_delivered: 0,
            rate_interval_us: 0,
            rate_app_limited: true,
            ecn_flags: 0,
            mtup_enabled: sysctl.tcp_mtu_probing > 1,
            mtup_search_high: 0,
            mtup_search_low: 0,
            mtup_probe_size: 0,
            mtup_probe_timestamp: Instant::ZERO,
            mtu_probe_start: 0,
            mtu_probe_end: 0,
            bytes_sent: 0,
            bytes_acked: 0,
            bytes_retrans: 0,
            segs_out: 0,
            data_segs_out: 0,
            chrono_type: Chrono::Unspec,
            chrono_start: 0,
            chrono_stat: [0; 3],
            syn_data: false,
            reused_port: false,
            gso_segs: 0,
            listen: None,
            parent: None,
        }
    }
}
