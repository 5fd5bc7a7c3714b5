//! A path for tests of the algorithms: one bottleneck with a queue, perhaps a policer before it, and a delay.
//!
//! An endless stream of full segments goes through it. Each is acknowledged by itself; three that overtake one show
//! that it was lost. What is lost is not sent again: the stream has no end anyway.

use super::{CaEvent, CongState};
use crate::host::Cx;
use crate::mib::Mib;
use crate::rng::Rng;
use crate::skb::{Mem, TcpSkbCb};
use crate::sysctl::Sysctl;
use crate::tcp::rate::RateSample;
use crate::tcp::{CaState, TcpSock, test_sock};
use crate::time::Instant;
use crate::trace::Tracer;
use alloc::collections::VecDeque;

pub(super) const MSS: u64 = 1448;
const SECOND: u64 = 1_000_000_000;

/// A token bucket that drops what exceeds it.
pub(super) struct Bucket {
    /// Bytes a second.
    pub(super) rate: u64,
    /// Bytes.
    pub(super) burst: u64,
    tokens: u64,
    filled_at: u64,
}

pub(super) struct Pipe {
    pub(super) tp: TcpSock,
    /// Bytes a second.
    pub(super) rate: u64,
    /// Without any queue, ns.
    pub(super) delay: u64,
    /// Segments that the queue holds.
    pub(super) buffer: u64,
    pub(super) bucket: Option<Bucket>,
    /// Until when the application is silent, ns.
    pub(super) silent_until: u64,
    pub(super) now: u64,
    pub(super) acked: u64,
    pub(super) lost: u64,
    pub(super) mib: Mib,
    sysctl: Sysctl,
    /// What was sent and when its ACK comes, if it does.
    sent: VecDeque<(TcpSkbCb, Option<u64>)>,
    busy_until: u64,
    tracer: Tracer,
    mem: Mem,
}

impl Bucket {
    pub(super) fn new(rate: u64, burst: u64) -> Bucket {
        Bucket { rate, burst, tokens: burst, filled_at: 0 }
    }

    fn takes(&mut self, now: u64) -> bool {
        let more = (now - self.filled_at) * self.rate / SECOND;
        self.filled_at += more * SECOND / self.rate;
        self.tokens = (self.tokens + more).min(self.burst);
        let enough = self.tokens >= MSS;
        self.tokens -= if enough { MSS } else { 0 };
        enough
    }
}

impl Pipe {
    /// A connection with this algorithm over a path of this rate (bytes a second), delay (ms) and queue (segments).
    pub(super) fn new(algorithm: &'static str, rate: u64, delay_ms: u64, buffer: u64) -> Pipe {
        let sysctl = Sysctl { tcp_congestion_control: algorithm, ..Sysctl::default() };
        let mut tp = test_sock();
        tp.cong = CongState::new(&sysctl);
        tp.mss_cache = MSS as u32;
        (tp.delivered, tp.app_limited, tp.is_cwnd_limited) = (1, 0, true);
        let now = 10 * SECOND;
        (tp.tcp_clock_cache, tp.tcp_mstamp) = (now, now / 1000);
        // The handshake took a round trip.
        tp.rtt_estimator(delay_ms as u32 * 1000);
        tp.update_rtt_min(&sysctl, delay_ms as u32 * 1000, true);
        tp.with_ca(|tp, ca| match ca {
            super::Algorithm::Reno => {}
            super::Algorithm::Cubic(ca) => ca.init(tp),
            super::Algorithm::Bbr(ca) => ca.init(tp, Rng::new(1)),
        });
        Pipe {
            tp,
            rate,
            delay: delay_ms * 1_000_000,
            buffer,
            bucket: None,
            silent_until: 0,
            now,
            acked: 0,
            lost: 0,
            mib: Mib::default(),
            sysctl,
            sent: VecDeque::new(),
            busy_until: now,
            tracer: Tracer::new(false),
            mem: Mem::default(),
        }
    }

    /// Lets milliseconds pass; gives the bytes that were acknowledged in them.
    pub(super) fn run(&mut self, ms: u64) -> u64 {
        let (end, before) = (self.now + ms * 1_000_000, self.acked);
        loop {
            let ack_at = self.sent.iter().find_map(|(_, at)| *at).unwrap_or(u64::MAX);
            let mut send_at = u64::MAX;
            if self.tp.packets_in_flight() < self.tp.snd_cwnd {
                send_at = self.now.max(self.silent_until);
                if self.tp.pacing_status != 0 {
                    send_at = send_at.max(self.tp.tcp_wstamp_ns);
                }
            }
            let next = ack_at.min(send_at);
            if next > end {
                self.now = end;
                return (self.acked - before) * MSS;
            }
            self.now = next;
            (self.tp.tcp_clock_cache, self.tp.tcp_mstamp) = (next, next / 1000);
            if ack_at <= send_at { self.acknowledge() } else { self.send() }
        }
    }

    /// What is in the queue, segments.
    pub(super) fn queued(&self) -> u64 {
        self.busy_until.saturating_sub(self.now) * self.rate / SECOND / MSS
    }

    /// What the path holds, segments.
    pub(super) fn bdp(&self) -> u64 {
        self.rate * self.delay / SECOND / MSS
    }

    fn send(&mut self) {
        if self.tp.packets_in_flight() == 0 {
            let at = Instant::from_nanos(self.now - 10 * SECOND);
            let mut cx = Cx { now: at, trace: &mut self.tracer, mem: &mut self.mem };
            self.tp.ca_cwnd_event(&mut cx, CaEvent::TxStart);
            self.tp.lsndtime = at;
        }
        let tp = &mut self.tp;
        let prior = tp.tcp_wstamp_ns;
        tp.tcp_wstamp_ns = prior.max(self.now);
        let mut cb = TcpSkbCb { seq: tp.snd_nxt, sent_at: tp.tcp_wstamp_ns, ..TcpSkbCb::default() };
        cb.end_seq = cb.seq.wrapping_add(MSS as u32);
        tp.data_segs_out += 1;
        tp.update_skb_after_send(MSS as u32, prior);
        tp.rate_skb_sent(&mut cb);
        tp.snd_nxt = cb.end_seq;
        tp.packets_out += 1;
        let queued = self.queued();
        let passes = self.bucket.as_mut().is_none_or(|b| b.takes(self.now)) && queued < self.buffer;
        let ack_at = passes.then(|| {
            self.busy_until = self.busy_until.max(self.now) + MSS * SECOND / self.rate;
            self.busy_until + self.delay
        });
        self.sent.push_back((cb, ack_at));
    }

    fn acknowledge(&mut self) {
        let Some(index) = self.sent.iter().position(|(_, at)| at.is_some()) else { return };
        let Some((mut cb, _)) = self.sent.remove(index) else { return };
        let tp = &mut self.tp;
        let mut rs = RateSample { prior_in_flight: tp.packets_in_flight(), ..RateSample::default() };
        tp.rate_skb_delivered(&mut cb, &mut rs);
        tp.delivered += 1;
        tp.packets_out -= 1;
        self.acked += 1;
        rs.rtt_us = (tp.tcp_mstamp - cb.sent_at / 1000) as i64;
        tp.update_rtt_min(&self.sysctl, rs.rtt_us as u32, true);
        tp.rtt_estimator(rs.rtt_us as u32);
        tp.snd_una = cb.end_seq;
        // Three overtook it.
        let mut losses = 0;
        while self.sent.front().is_some_and(|(old, at)| at.is_none() && old.seq.wrapping_add(4 * MSS as u32) <= cb.seq)
        {
            self.sent.pop_front();
            tp.packets_out -= 1;
            tp.lost += 1;
            losses += 1;
        }
        self.lost += u64::from(losses);
        if losses > 0 && tp.ca_state != CaState::Recovery {
            tp.prior_cwnd = tp.snd_cwnd;
            tp.high_seq = tp.snd_nxt;
            tp.snd_ssthresh = tp.ca_ssthresh();
            tp.ca_set_state(CaState::Recovery);
            tp.ca_state = CaState::Recovery;
            if !tp.ca_has_cong_control() {
                tp.snd_cwnd = tp.snd_ssthresh;
            }
        } else if tp.ca_state == CaState::Recovery && self.sent.front().is_none_or(|(old, _)| old.seq >= tp.high_seq) {
            tp.ca_set_state(CaState::Open);
            tp.ca_state = CaState::Open;
        }
        let mut cx =
            Cx { now: Instant::from_nanos(self.now - 10 * SECOND), trace: &mut self.tracer, mem: &mut self.mem };
        tp.ca_pkts_acked(&mut cx, &mut self.mib, rs.rtt_us);
        tp.rate_gen(1, losses, false, &mut rs);
        if !tp.ca_cong_control(&rs) && tp.ca_state == CaState::Open {
            tp.max_packets_out = tp.packets_out;
            tp.ca_cong_avoid(1);
        }
    }
}
