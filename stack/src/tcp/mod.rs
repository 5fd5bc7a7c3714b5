//! TCP: `struct tcp_sock` and what its parts share.
//!
//! Linux: `include/linux/tcp.h`, `net/ipv4/tcp*.c`. RFC 9293, 7323, 2018, 6298, 5681, 6582, 6675, 6937.
//! Each kernel file has its room here: [`output`], [`input`], `ack`, `recovery`, `timer`, `minisocks`, `ipv4`,
//! `user` (`tcp.c`: what system calls do).

mod ack;
mod close;
mod delack;
mod input;
mod ipv4;
mod minisocks;
mod output;
mod queue;
mod receive;
mod recovery;
mod reset;
mod rtt;
mod seq;
mod timer;
mod timewait;
mod user;
mod window;

pub(crate) use minisocks::Request;
pub(crate) use timewait::TimeWaitSock;

use crate::skb::SkBuff;
use crate::sysctl::Sysctl;
use crate::time::{Duration, Instant};
use crate::timer::Token;
use crate::trace::{SockId, TimerKind};
use alloc::collections::VecDeque;

/// `MAX_TCP_HEADER`: headroom that TCP reserves for all headers below the payload, bytes.
pub(crate) const MAX_TCP_HEADER: u32 = 320;
/// `TCP_INIT_CWND` (RFC 6928), segments.
const INIT_CWND: u32 = 10;
/// `TCP_INFINITE_SSTHRESH`.
const INFINITE_SSTHRESH: u32 = 0x7fff_ffff;
/// `TCP_RTO_MIN`.
const RTO_MIN_US: u32 = 200_000;
/// `TCP_RTO_MAX`.
const RTO_MAX_US: u32 = 120_000_000;
/// `TCP_TIMEOUT_INIT` (RFC 6298 §2.1).
const TIMEOUT_INIT_US: u32 = 1_000_000;
/// `TCP_ATO_MIN`, `TCP_DELACK_MIN`.
const ATO_MIN: Duration = Duration::from_millis(40);
/// `TCP_DELACK_MAX`.
const DELACK_MAX: Duration = Duration::from_millis(200);
/// `TCP_TIMEWAIT_LEN`.
const TIMEWAIT_LEN: Duration = Duration::from_secs(60);
/// `TCP_MSS_DEFAULT` (RFC 9293 §3.7.1), bytes.
const MSS_DEFAULT: u16 = 536;
/// `TCP_MIN_MSS`, bytes.
const MIN_MSS: u32 = 88;
/// `tcp_invalid_ratelimit`: between two ACKs that answer segments out of the window.
const INVALID_RATELIMIT: Duration = Duration::from_millis(500);

/// `TCPCB_SACKED_ACKED`: a SACK covers it.
const SACKED_ACKED: u8 = 1;
/// `TCPCB_SACKED_RETRANS`: sent again, and that copy is in flight.
const SACKED_RETRANS: u8 = 2;
/// `TCPCB_LOST`.
const LOST: u8 = 4;
/// `TCPCB_EVER_RETRANS`: Karn's rule.
const EVER_RETRANS: u8 = 0x80;

/// `enum tcp_ca_state`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[repr(u8)]
pub(crate) enum CaState {
    /// Nothing is wrong.
    #[default]
    Open,
    /// Duplicate ACKs or SACKs have come.
    Disorder,
    /// Fast recovery (RFC 6582, 6675).
    Recovery = 3,
    /// After a retransmission time-out.
    Loss,
}

/// `icsk_ack`: when to acknowledge.
#[derive(Clone, Debug, Default)]
pub(crate) struct AckState {
    /// `ICSK_ACK_SCHED`.
    pub(crate) scheduled: bool,
    /// `ICSK_ACK_NOW`.
    pub(crate) now: bool,
    /// ACKs still to be sent without delay.
    pub(crate) quick: u32,
    /// Interactive: replies will carry the ACKs.
    pub(crate) pingpong: bool,
    /// How long an ACK may be delayed; zero before the first data.
    pub(crate) ato: Duration,
    pub(crate) timer: Option<Token>,
    /// When data last came.
    pub(crate) lrcvtime: Instant,
    /// The largest segment seen lately, bytes: what "full-sized" means.
    pub(crate) rcv_mss: u32,
}

/// `struct tcp_sock`.
#[derive(Clone, Debug)]
pub struct TcpSock {
    // What we send.
    pub(crate) snd_una: u32,
    pub(crate) snd_nxt: u32,
    pub(crate) write_seq: u32,
    pub(crate) snd_wnd: u32,
    pub(crate) snd_wl1: u32,
    pub(crate) max_window: u32,
    pub(crate) snd_wscale: u8,
    pub(crate) mss_cache: u32,
    pub(crate) mss_clamp: u16,
    pub(crate) pmtu: u16,
    pub(crate) user_mss: u16,
    pub(crate) advmss: u16,
    /// `sk_write_queue` behind `sk_send_head`: not yet sent.
    pub(crate) write_queue: VecDeque<SkBuff>,
    /// `tcp_rtx_queue`: sent, not yet acknowledged.
    pub(crate) rtx_queue: VecDeque<SkBuff>,
    pub(crate) nodelay: bool,
    pub(crate) cork: bool,
    pub(crate) snd_sml: u32,
    pub(crate) lsndtime: Instant,
    // What we receive.
    pub(crate) rcv_nxt: u32,
    pub(crate) rcv_wup: u32,
    pub(crate) copied_seq: u32,
    pub(crate) rcv_wnd: u32,
    pub(crate) rcv_ssthresh: u32,
    pub(crate) window_clamp: u32,
    pub(crate) rcv_wscale: u8,
    pub(crate) ofo_queue: VecDeque<SkBuff>,
    /// A sequence number inside the block that changed last: it goes first (RFC 2018 §4).
    pub(crate) recent_ofo: u32,
    pub(crate) ack: AckState,
    pub(crate) rcvq_space: (u32, u32, Instant),
    // Options.
    pub(crate) wscale_ok: bool,
    pub(crate) tstamp_ok: bool,
    pub(crate) sack_ok: bool,
    pub(crate) ts_recent: u32,
    pub(crate) ts_recent_at: Option<Instant>,
    pub(crate) ts_offset: u32,
    // RTT and timers.
    pub(crate) srtt_us: u32,
    pub(crate) mdev_us: u32,
    pub(crate) mdev_max_us: u32,
    pub(crate) rttvar_us: u32,
    pub(crate) rtt_seq: u32,
    pub(crate) min_rtt_us: u32,
    pub(crate) rto_us: u32,
    pub(crate) backoff: u32,
    pub(crate) retransmits: u32,
    pub(crate) retrans_stamp: Option<Instant>,
    pub(crate) probes_out: u32,
    pub(crate) probes_since: Option<Instant>,
    pub(crate) rcv_tstamp: Instant,
    /// The retransmission timer, or the probe timer: never both.
    pub(crate) retrans_timer: Option<(Token, TimerKind)>,
    pub(crate) keepalive_timer: Option<Token>,
    pub(crate) keepalive_time: Option<Duration>,
    pub(crate) keepalive_intvl: Option<Duration>,
    pub(crate) keepalive_probes: Option<u8>,
    pub(crate) user_timeout: Duration,
    pub(crate) last_oow_ack: Option<Instant>,
    // Congestion and loss.
    pub(crate) snd_cwnd: u32,
    pub(crate) snd_cwnd_cnt: u32,
    pub(crate) snd_ssthresh: u32,
    pub(crate) max_packets_out: u32,
    pub(crate) max_packets_seq: u32,
    pub(crate) cwnd_limited: bool,
    pub(crate) ca_state: CaState,
    pub(crate) high_seq: u32,
    pub(crate) sacked_out: u32,
    pub(crate) lost_out: u32,
    pub(crate) retrans_out: u32,
    pub(crate) prior_cwnd: u32,
    pub(crate) prr_delivered: u32,
    pub(crate) prr_out: u32,
    /// When the newest delivered segment was sent, ns (RFC 8985's `RACK.xmit_ts`).
    pub(crate) rack_mstamp: u64,
    pub(crate) rack_rtt_us: u32,
    // A listener's.
    pub(crate) accept_queue: VecDeque<SockId>,
    pub(crate) backlog: u32,
    pub(crate) syn_queue_len: u32,
    /// The listener a connection came from, until it is accepted.
    pub(crate) parent: Option<SockId>,
}

impl TcpSock {
    /// `tcp_init_sock`.
    pub(crate) fn new(sysctl: &Sysctl) -> TcpSock {
        let rcv_space = sysctl.tcp_rmem[1] as u32 / 2;
        TcpSock {
            snd_una: 0,
            snd_nxt: 0,
            write_seq: 0,
            snd_wnd: 0,
            snd_wl1: 0,
            max_window: 0,
            snd_wscale: 0,
            mss_cache: u32::from(MSS_DEFAULT),
            mss_clamp: u16::MAX,
            pmtu: 1500,
            user_mss: 0,
            advmss: MSS_DEFAULT,
            write_queue: VecDeque::new(),
            rtx_queue: VecDeque::new(),
            nodelay: false,
            cork: false,
            snd_sml: 0,
            lsndtime: Instant::ZERO,
            rcv_nxt: 0,
            rcv_wup: 0,
            copied_seq: 0,
            rcv_wnd: 0,
            rcv_ssthresh: rcv_space,
            window_clamp: 0,
            rcv_wscale: 0,
            ofo_queue: VecDeque::new(),
            recent_ofo: 0,
            ack: AckState { rcv_mss: u32::from(MSS_DEFAULT), ..AckState::default() },
            rcvq_space: (0, 0, Instant::ZERO),
            wscale_ok: false,
            tstamp_ok: false,
            sack_ok: false,
            ts_recent: 0,
            ts_recent_at: None,
            ts_offset: 0,
            srtt_us: 0,
            mdev_us: TIMEOUT_INIT_US,
            mdev_max_us: 0,
            rttvar_us: 0,
            rtt_seq: 0,
            min_rtt_us: u32::MAX,
            rto_us: TIMEOUT_INIT_US,
            backoff: 0,
            retransmits: 0,
            retrans_stamp: None,
            probes_out: 0,
            probes_since: None,
            rcv_tstamp: Instant::ZERO,
            retrans_timer: None,
            keepalive_timer: None,
            keepalive_time: None,
            keepalive_intvl: None,
            keepalive_probes: None,
            user_timeout: Duration::ZERO,
            last_oow_ack: None,
            snd_cwnd: INIT_CWND,
            snd_cwnd_cnt: 0,
            snd_ssthresh: INFINITE_SSTHRESH,
            max_packets_out: 0,
            max_packets_seq: 0,
            cwnd_limited: false,
            ca_state: CaState::Open,
            high_seq: 0,
            sacked_out: 0,
            lost_out: 0,
            retrans_out: 0,
            prior_cwnd: 0,
            prr_delivered: 0,
            prr_out: 0,
            rack_mstamp: 0,
            rack_rtt_us: 0,
            accept_queue: VecDeque::new(),
            backlog: 0,
            syn_queue_len: 0,
            parent: None,
        }
    }

    /// `tcp_packets_in_flight`, segments.
    pub(crate) fn packets_in_flight(&self) -> u32 {
        (self.rtx_queue.len() as u32 + self.retrans_out).saturating_sub(self.sacked_out + self.lost_out)
    }

    /// `tcp_receive_window`: what the peer may still send, bytes.
    pub(crate) fn receive_window(&self) -> u32 {
        let left = (self.rcv_wup.wrapping_add(self.rcv_wnd)).wrapping_sub(self.rcv_nxt) as i32;
        left.max(0) as u32
    }

    /// `tcp_wnd_end`: one past the last sequence number the peer's window allows.
    pub(crate) fn wnd_end(&self) -> u32 {
        self.snd_una.wrapping_add(self.snd_wnd)
    }

    /// `tcp_time_stamp_ms` with the connection's own offset.
    pub(crate) fn time_stamp(&self, now: Instant) -> u32 {
        (now.as_millis() as u32).wrapping_add(self.ts_offset)
    }
}

/// Sets a variable of a TCP socket and tells so.
macro_rules! tcp_set {
    ($host:expr, $cx:expr, $sk:expr, $field:ident, $name:ident, $value:expr) => {{
        let new = $value;
        let old = $host.socks.tcp_mut($sk).map(|tp| core::mem::replace(&mut tp.$field, new)).unwrap_or(new);
        $host.tell_set($cx, $sk, $crate::trace::Field::$name, old as u32, new as u32);
    }};
}
pub(crate) use tcp_set;
