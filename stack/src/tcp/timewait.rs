//! TIME_WAIT: what is left of a connection that we closed first. An orphan in FIN_WAIT2 takes this small form too.
//!
//! Linux: `tcp_time_wait`, `tcp_timewait_state_process` in `net/ipv4/tcp_minisocks.c`,
//! `net/ipv4/inet_timewait_sock.c`. RFC 9293 §3.6.1, RFC 1122 §4.2.2.13, RFC 6191, RFC 1337.

use super::ipv4::Segment;
use super::minisocks::{in_window, paws_reject};
use super::output::Path;
use super::reset::Ack;
use super::seq::{after, before};
use super::{TIMEWAIT_LEN, TcpSock, clock_ns};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::skb::{DropReason, SkBuff};
use crate::socket::{Established, Tuple};
use crate::time::{Duration, Instant};
use crate::timer::{Target, Token};
use crate::trace::{Function, SockId, TcpState, TimerKind, TimerOp, What};
use crate::wire::ipv4::IPPROTO_TCP;
use crate::wire::tcp::{ACK, FIN, RST, SYN};
use alloc::boxed::Box;

/// `struct tcp_timewait_sock`.
#[derive(Clone, Debug)]
pub(crate) struct TimeWaitSock {
    pub(crate) id: SockId,
    pub(crate) substate: TcpState,
    pub(crate) tuple: Tuple,
    rcv_nxt: u32,
    pub(super) snd_nxt: u32,
    rcv_wnd: u32,
    rcv_wscale: u8,
    pub(super) ts_recent: u32,
    /// When it was noted; `None`: the connection has no timestamps.
    pub(super) ts_recent_stamp: Option<Instant>,
    ts_offset: u32,
    tos: u8,
    pub(crate) reuse: bool,
    pub(crate) reuseport: bool,
    pub(crate) connect_bind: bool,
    /// `tw_entry_stamp`: when true TIME_WAIT began.
    pub(super) entered: Instant,
    timer: Option<Token>,
    last_oow_ack: Option<Instant>,
}

/// `enum tcp_tw_status`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum TwStatus {
    Success,
    Reset,
    Ack,
    /// A new connection, whose initial sequence number shall be this.
    Syn(u32),
}

impl TimeWaitSock {
    fn of(id: SockId, substate: TcpState, tp: &TcpSock, now: Instant) -> TimeWaitSock {
        TimeWaitSock {
            id,
            substate,
            tuple: Tuple { local: tp.sk.local, peer: tp.sk.peer },
            rcv_nxt: tp.rcv_nxt,
            snd_nxt: tp.snd_nxt,
            rcv_wnd: tp.receive_window(),
            rcv_wscale: tp.rx_opt.rcv_wscale,
            ts_recent: tp.rx_opt.ts_recent,
            ts_recent_stamp: tp.rx_opt.ts_recent_stamp,
            ts_offset: tp.ts_offset,
            tos: tp.sk.tos,
            reuse: tp.sk.reuseaddr,
            reuseport: tp.sk.reuseport,
            connect_bind: tp.sk.connect_bind,
            entered: now,
            timer: None,
            last_oow_ack: None,
        }
    }

    /// The sequence number of a connection that takes over: beyond everything that the old one sent.
    pub(super) fn next_isn(&self) -> u32 {
        self.snd_nxt.wrapping_add(65_535 + 2).max(1)
    }

    /// `tcp_v4_timewait_ack`.
    fn ack(&self, cx: &Cx<'_>) -> Ack {
        let now = (clock_ns(cx) / 1_000_000) as u32;
        Ack {
            path: Path { src: self.tuple.local, dst: self.tuple.peer },
            seq: self.snd_nxt,
            ack: self.rcv_nxt,
            window: self.rcv_wnd >> self.rcv_wscale,
            timestamps: (now.wrapping_add(self.ts_offset), self.ts_recent),
            tos: self.tos & !super::ecn::INET_ECN_MASK,
        }
    }
}

impl Host {
    /// `tcp_time_wait`: the small form takes the connection over; the full socket is done.
    pub(super) fn tcp_time_wait(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, substate: TcpState, after: Duration) {
        cx.call(Function::TcpTimeWait, |cx| {
            if i64::from(self.socks.tw_count) >= self.sysctl.tcp_max_tw_buckets {
                self.mib.inc(Counter::TcpTimeWaitOverflow);
                return self.tcp_done(cx, tp);
            }
            let rto = Duration::from_micros(u64::from(tp.rto_us) * 7 / 2);
            let after = if substate == TcpState::TimeWait { TIMEWAIT_LEN } else { after.max(rto) };
            // An orphan lives on under its own number; a program's socket stays behind, closed.
            let id = if tp.sk.dead { tp.sk.id } else { self.socks.new_id() };
            let old = tp.state;
            if substate != old || !tp.sk.dead {
                cx.trace.emit(|| What::SockState { sock: id, old, new: substate });
            }
            let tw = TimeWaitSock::of(id, substate, tp, cx.now);
            let tuple = tw.tuple;
            if tp.sk.dead {
                self.tcp_clear_xmit_timers(cx, tp);
                self.tcp_unhash(tp);
                tp.sk.state = TcpState::Close;
                self.tcp_destroy_sock(tp);
            } else {
                self.tcp_done(cx, tp);
            }
            let kill = after <= Duration::from_secs(4);
            self.mib.inc(if kill { Counter::TwKilled } else { Counter::Tw });
            self.socks.bind_port(IPPROTO_TCP, tuple.local.1, id);
            self.socks.insert_small(tuple, id, Established::TimeWait(Box::new(tw)));
            self.tw_arm(cx, &tuple, after);
        });
    }

    /// `inet_twsk_reschedule`.
    fn tw_arm(&mut self, cx: &mut Cx<'_>, tuple: &Tuple, after: Duration) {
        let Some(tw) = self.socks.timewait_mut(tuple) else { return };
        let (id, old) = (tw.id, tw.timer);
        let timer = self.timers.modify(old, cx.now + after, Target::TimeWait(id));
        if let Some(tw) = self.socks.timewait_mut(tuple) {
            tw.timer = Some(timer);
        }
        let after_us = after.as_micros() as u32;
        cx.trace.emit(|| What::Timer { kind: TimerKind::TimeWait, op: TimerOp::Set, owner: id.0, after_us });
    }

    /// `inet_twsk_deschedule_put`.
    pub(super) fn tw_kill(&mut self, cx: &mut Cx<'_>, tuple: &Tuple) {
        if self.socks.timewait_mut(tuple).is_none() {
            return;
        }
        let Some(Established::TimeWait(tw)) = self.socks.remove_small(tuple) else { return };
        if let Some(token) = tw.timer {
            self.timers.cancel(token);
        }
        cx.trace.emit(|| What::SockState { sock: tw.id, old: tw.substate, new: TcpState::Close });
        cx.trace.emit(|| What::SockDestroy { sock: tw.id });
    }

    /// `tw_timer_handler`: the time is over.
    pub(crate) fn tw_timer_handler(&mut self, cx: &mut Cx<'_>, id: SockId) {
        cx.call(Function::TwTimer, |cx| {
            if let Some(tuple) = self.socks.small(id) {
                self.tw_kill(cx, &tuple);
            }
        });
    }

    /// What `tcp_v4_rcv` makes of `tcp_timewait_state_process`'s verdict.
    pub(super) fn tcp_v4_timewait(&mut self, cx: &mut Cx<'_>, seg: &Segment, skb: SkBuff) {
        let tuple = seg.tuple();
        let mut reason = DropReason::NotSpecified;
        let mut status =
            cx.call(Function::TcpTimewaitStateProcess, |cx| self.tcp_timewait_state_process(cx, seg, &mut reason));
        if let TwStatus::Syn(isn) = status {
            if let Some(listener) = self.socks.listener(tuple.local) {
                self.tw_kill(cx, &tuple);
                return self.tcp_v4_listen_rcv(cx, listener, seg, skb, Some(isn));
            }
            status = TwStatus::Ack;
        }
        match status {
            TwStatus::Ack | TwStatus::Syn(_) => {
                if let Some(tw) = self.socks.timewait_mut(&tuple) {
                    let ack = tw.ack(cx);
                    self.tcp_v4_send_ack(cx, ack);
                }
            }
            TwStatus::Reset => {
                self.tcp_v4_send_reset(cx, seg);
                self.tw_kill(cx, &tuple);
            }
            TwStatus::Success => {}
        }
        skb.kfree(reason, cx);
    }

    /// `tcp_timewait_state_process`.
    fn tcp_timewait_state_process(&mut self, cx: &mut Cx<'_>, seg: &Segment, reason: &mut DropReason) -> TwStatus {
        let tuple = seg.tuple();
        let timestamps = self.sysctl.tcp_timestamps != 0;
        let Some(tw) = self.socks.timewait_mut(&tuple) else { return TwStatus::Success };
        let (rcv_nxt, end_seq) = (tw.rcv_nxt, seg.end_seq());
        let tsval = seg.tcp.options.timestamps.map(|(value, _)| value).filter(|_| timestamps);
        let stamped = tsval.zip(tw.ts_recent_stamp);
        let paws = stamped.is_some_and(|(tsval, stamp)| paws_reject(cx, tsval, tw.ts_recent, stamp, seg.has(RST)));
        if tw.substate == TcpState::FinWait2 {
            if paws || !in_window(seg.tcp.seq, end_seq, rcv_nxt, rcv_nxt.wrapping_add(tw.rcv_wnd)) {
                *reason = DropReason::TcpInvalidSequence;
                return self.tw_oow(cx, seg, Counter::TcpAckSkippedFinWait2);
            }
            if seg.has(RST) {
                *reason = DropReason::TcpReset;
                self.tw_kill(cx, &tuple);
                return TwStatus::Success;
            }
            if seg.has(SYN) && !before(seg.tcp.seq, rcv_nxt) {
                *reason = DropReason::TcpInvalidSyn;
                return TwStatus::Reset;
            }
            if !seg.has(ACK) || !after(end_seq, rcv_nxt) || end_seq == seg.tcp.seq {
                *reason = DropReason::Consumed;
                return TwStatus::Success;
            }
            // Data for nobody is answered with a reset: only the FIN alone is awaited.
            if !seg.has(FIN) || end_seq != rcv_nxt.wrapping_add(1) {
                *reason = DropReason::TcpAbortOnData;
                return TwStatus::Reset;
            }
            tw.substate = TcpState::TimeWait;
            tw.rcv_nxt = end_seq;
            if let Some((tsval, _)) = stamped {
                (tw.entered, tw.ts_recent, tw.ts_recent_stamp) = (cx.now, tsval, Some(cx.now));
            }
            let id = tw.id;
            cx.trace.emit(|| What::SockState { sock: id, old: TcpState::FinWait2, new: TcpState::TimeWait });
            self.tw_arm(cx, &tuple, TIMEWAIT_LEN);
            *reason = DropReason::Consumed;
            return TwStatus::Ack;
        }
        if !paws && seg.tcp.seq == rcv_nxt && (seg.tcp.seq == end_seq || seg.has(RST)) {
            if seg.has(RST) {
                *reason = DropReason::TcpReset;
                // RFC 1337: TIME-WAIT assassination. It works, unless forbidden.
                if self.sysctl.tcp_rfc1337 == 0 {
                    self.tw_kill(cx, &tuple);
                    return TwStatus::Success;
                }
            } else {
                *reason = DropReason::Consumed;
                self.tw_arm(cx, &tuple, TIMEWAIT_LEN);
            }
            if let (Some((tsval, _)), Some(tw)) = (stamped, self.socks.timewait_mut(&tuple)) {
                (tw.ts_recent, tw.ts_recent_stamp) = (tsval, Some(cx.now));
            }
            return TwStatus::Success;
        }
        // RFC 1122 §4.2.2.13, RFC 6191: a new SYN, beyond everything seen, opens a new connection.
        let newer = after(seg.tcp.seq, rcv_nxt) || stamped.is_some_and(|(tsval, _)| after(tsval, tw.ts_recent));
        if seg.has(SYN) && !seg.has(RST) && !seg.has(ACK) && !paws && newer {
            return TwStatus::Syn(tw.next_isn());
        }
        *reason = DropReason::TcpInvalidSequence;
        if paws {
            *reason = DropReason::TcpRfc7323Paws;
            self.mib.inc(Counter::PawsTimewait);
        }
        if seg.has(RST) {
            return TwStatus::Success;
        }
        // A SYN without an ACK may be an old one, or a new one with an unlucky number: it prolongs nothing.
        if paws || seg.has(ACK) {
            self.tw_arm(cx, &tuple, TIMEWAIT_LEN);
        }
        self.tw_oow(cx, seg, Counter::TcpAckSkippedTimeWait)
    }

    /// `tcp_timewait_check_oow_rate_limit`: an ACK, at most two a second.
    fn tw_oow(&mut self, cx: &mut Cx<'_>, seg: &Segment, counter: Counter) -> TwStatus {
        let tuple = seg.tuple();
        let mut last = self.socks.timewait_mut(&tuple).and_then(|tw| tw.last_oow_ack);
        let limited = self.seg_rate_limited(cx, seg, &mut last, counter);
        if let Some(tw) = self.socks.timewait_mut(&tuple) {
            tw.last_oow_ack = last;
        }
        if limited { TwStatus::Success } else { TwStatus::Ack }
    }
}
