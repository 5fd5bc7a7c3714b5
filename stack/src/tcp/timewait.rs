//! TIME_WAIT: what is left of a connection that we closed first.
//!
//! Linux: `net/ipv4/tcp_minisocks.c` (`tcp_time_wait`, `tcp_timewait_state_process`). RFC 9293 §3.6.1, RFC 6191.
//! An orphan in FIN_WAIT2 takes this small form too.

use super::ipv4::Segment;
use super::output::Control;
use super::seq::{after, before};
use super::{TIMEWAIT_LEN, TcpSock};
use crate::host::{Cx, Host};
use crate::skb::{DropReason, SkBuff};
use crate::socket::{Established, Tuple};
use crate::time::{Duration, Instant};
use crate::timer::{Target, Token};
use crate::trace::{Function, SockId, TcpState, TimerKind, TimerOp, What};
use crate::wire::tcp::{ACK, FIN, RST, SYN};
use crate::wire::tcp_options::TcpOptions;
use alloc::boxed::Box;

/// `struct tcp_timewait_sock`.
#[derive(Clone, Debug)]
pub(crate) struct TimeWaitSock {
    pub(crate) id: SockId,
    substate: TcpState,
    tuple: Tuple,
    rcv_nxt: u32,
    snd_nxt: u32,
    rcv_wnd: u32,
    rcv_wscale: u8,
    tstamp_ok: bool,
    ts_recent: u32,
    ts_offset: u32,
    tos: u8,
    timer: Option<Token>,
    last_oow_ack: Option<Instant>,
}

impl Host {
    /// `tcp_time_wait`: the full socket goes, its small form stays for `after`.
    pub(super) fn tcp_time_wait(&mut self, cx: &mut Cx<'_>, sk: SockId, substate: TcpState, after: Duration) {
        cx.call(Function::TcpTimeWait, |cx| {
            let (Some(sock), Some(tp)) = (self.socks.get(sk), self.socks.tcp(sk)) else { return };
            let tuple = Tuple { local: sock.local, peer: sock.peer };
            let small = TimeWaitSock::of(sk, substate, tuple, sock.tos, tp);
            if substate == TcpState::TimeWait {
                self.set_state(cx, sk, TcpState::TimeWait);
            }
            self.tcp_free(cx, sk, false);
            self.socks.ehash.insert(tuple, Established::TimeWait(Box::new(small)));
            self.tw_arm(cx, tuple, after);
        });
    }

    /// Both FINs are through while a program still holds the socket: Linux gives the connection to the small
    /// form and leaves the program a closed socket with what it has not read.
    pub(super) fn tcp_detach_time_wait(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        cx.call(Function::TcpTimeWait, |cx| {
            let id = self.socks.new_id();
            let (Some(sock), Some(tp)) = (self.socks.get(sk), self.socks.tcp(sk)) else { return };
            let tuple = Tuple { local: sock.local, peer: sock.peer };
            let small = TimeWaitSock::of(id, TcpState::TimeWait, tuple, sock.tos, tp);
            cx.trace.emit(|| What::SockState { sock: id, old: TcpState::FinWait2, new: TcpState::TimeWait });
            self.tcp_done(cx, sk);
            self.socks.ehash.insert(tuple, Established::TimeWait(Box::new(small)));
            self.tw_arm(cx, tuple, TIMEWAIT_LEN);
        });
    }

    fn tw_arm(&mut self, cx: &mut Cx<'_>, tuple: Tuple, after: Duration) {
        let Some(Established::TimeWait(tw)) = self.socks.ehash.get_mut(&tuple) else { return };
        if let Some(token) = tw.timer.take() {
            self.timers.cancel(token);
        }
        tw.timer = Some(self.timers.set(cx.now + after, Target::TimeWait(tw.id)));
        let owner = tw.id.0;
        cx.trace.emit(|| What::Timer {
            kind: TimerKind::TimeWait,
            op: TimerOp::Set,
            owner,
            after_us: after.as_micros() as u32,
        });
    }

    fn tw_kill(&mut self, cx: &mut Cx<'_>, tuple: Tuple) {
        let Some(Established::TimeWait(tw)) = self.socks.ehash.remove(&tuple) else { return };
        if let Some(token) = tw.timer {
            self.timers.cancel(token);
        }
        cx.trace.emit(|| What::SockDestroy { sock: tw.id });
    }

    /// `tw_timer_handler`: the time is over.
    pub(crate) fn tw_timer_handler(&mut self, cx: &mut Cx<'_>, id: SockId) {
        cx.call(Function::TwTimer, |cx| {
            let found = self.socks.ehash.iter().find_map(|(tuple, e)| match e {
                Established::TimeWait(tw) if tw.id == id => Some(*tuple),
                _ => None,
            });
            if let Some(tuple) = found {
                self.tw_kill(cx, tuple);
            }
        });
    }

    /// `tcp_timewait_state_process`, and what `tcp_v4_rcv` makes of its verdict.
    pub(super) fn tcp_timewait_rcv(&mut self, cx: &mut Cx<'_>, seg: Segment, skb: SkBuff) {
        cx.call(Function::TcpTimewaitStateProcess, |cx| {
            let tuple = seg.tuple();
            let Some(Established::TimeWait(tw)) = self.socks.ehash.get_mut(&tuple) else {
                return skb.kfree(DropReason::NoSocket, cx);
            };
            let end_seq = seg.end_seq();
            let tsval = seg.tcp.options.timestamps.map(|(value, _)| value).filter(|_| tw.tstamp_ok);
            let paws = tsval.is_some_and(|t| before(t, tw.ts_recent)) && !seg.has(RST);
            if tw.substate == TcpState::FinWait2 {
                let in_window = seg.tcp.seq == end_seq && seg.tcp.seq == tw.rcv_nxt
                    || (before(seg.tcp.seq, tw.rcv_nxt.wrapping_add(tw.rcv_wnd)) && after(end_seq, tw.rcv_nxt));
                if paws || !in_window {
                    return self.tw_out_of_window(cx, tuple, &seg, skb);
                }
                if seg.has(RST) {
                    self.tw_kill(cx, tuple);
                    return skb.kfree(DropReason::TcpReset, cx);
                }
                if seg.has(SYN) && !before(seg.tcp.seq, tw.rcv_nxt) {
                    return self.tw_reset(cx, &seg, skb);
                }
                if !seg.has(ACK) || !after(end_seq, tw.rcv_nxt) || end_seq == seg.tcp.seq {
                    return skb.consume(cx);
                }
                // New data for nobody: reset. The FIN alone is what we wait for.
                if !seg.has(FIN) || end_seq != tw.rcv_nxt.wrapping_add(1) {
                    return self.tw_reset(cx, &seg, skb);
                }
                tw.substate = TcpState::TimeWait;
                tw.rcv_nxt = end_seq;
                tw.ts_recent = tsval.unwrap_or(tw.ts_recent);
                let (id, ack) = (tw.id, tw.ack(cx));
                cx.trace.emit(|| What::SockState { sock: id, old: TcpState::FinWait2, new: TcpState::TimeWait });
                self.tw_arm(cx, tuple, TIMEWAIT_LEN);
                self.tcp_send_control(cx, ack);
                return skb.consume(cx);
            }
            // RFC 9293 §3.10.7.4, TIME-WAIT. RFC 1337: a reset does end it, as `tcp_rfc1337` is 0 in Linux.
            if !paws && seg.tcp.seq == tw.rcv_nxt && (seg.tcp.seq == end_seq || seg.has(RST)) {
                if seg.has(RST) {
                    self.tw_kill(cx, tuple);
                    return skb.kfree(DropReason::TcpReset, cx);
                }
                tw.ts_recent = tsval.unwrap_or(tw.ts_recent);
                self.tw_arm(cx, tuple, TIMEWAIT_LEN);
                return skb.consume(cx);
            }
            // RFC 1122 §4.2.2.13, RFC 6191: a new SYN, beyond everything seen, opens a new connection.
            let newer = after(seg.tcp.seq, tw.rcv_nxt) || tsval.is_some_and(|t| after(t, tw.ts_recent));
            if seg.has(SYN)
                && !seg.has(RST)
                && !seg.has(ACK)
                && !paws
                && newer
                && let Some(listener) = self.socks.listener((seg.ip.dst, seg.tcp.dst_port))
            {
                self.tw_kill(cx, tuple);
                return self.tcp_listen_rcv(cx, listener, &seg, skb);
            }
            self.tw_out_of_window(cx, tuple, &seg, skb);
        });
    }

    fn tw_reset(&mut self, cx: &mut Cx<'_>, seg: &Segment, skb: SkBuff) {
        self.tcp_v4_send_reset(cx, seg);
        self.tw_kill(cx, seg.tuple());
        skb.kfree(DropReason::TcpAbortOnData, cx);
    }

    /// `tcp_timewait_check_oow_rate_limit`: an ACK, at most two a second.
    fn tw_out_of_window(&mut self, cx: &mut Cx<'_>, tuple: Tuple, seg: &Segment, skb: SkBuff) {
        let Some(Established::TimeWait(tw)) = self.socks.ehash.get_mut(&tuple) else { return skb.consume(cx) };
        let limited = tw.last_oow_ack.is_some_and(|at| cx.now.since(at) < super::INVALID_RATELIMIT);
        if !seg.has(RST) {
            let ack = tw.ack(cx);
            if !limited {
                tw.last_oow_ack = Some(cx.now);
                // A FIN sent again means that our last ACK got lost: the wait begins anew.
                if seg.has(FIN) && tw.substate == TcpState::TimeWait {
                    self.tw_arm(cx, tuple, TIMEWAIT_LEN);
                }
                self.tcp_send_control(cx, ack);
            }
        }
        skb.kfree(DropReason::TcpInvalidSequence, cx);
    }
}

impl TimeWaitSock {
    fn of(id: SockId, substate: TcpState, tuple: Tuple, tos: u8, tp: &TcpSock) -> TimeWaitSock {
        TimeWaitSock {
            id,
            substate,
            tuple,
            rcv_nxt: tp.rcv_nxt,
            snd_nxt: tp.snd_nxt,
            rcv_wnd: tp.receive_window(),
            rcv_wscale: tp.rcv_wscale,
            tstamp_ok: tp.tstamp_ok,
            ts_recent: tp.ts_recent,
            ts_offset: tp.ts_offset,
            tos,
            timer: None,
            last_oow_ack: None,
        }
    }

    /// `tcp_v4_timewait_ack`.
    fn ack(&self, cx: &Cx<'_>) -> Control {
        Control {
            path: super::output::Path { src: self.tuple.local, dst: self.tuple.peer },
            seq: self.snd_nxt,
            ack: self.rcv_nxt,
            flags: ACK,
            window: (self.rcv_wnd >> self.rcv_wscale).min(65_535) as u16,
            options: TcpOptions {
                timestamps: self
                    .tstamp_ok
                    .then(|| ((cx.now.as_millis() as u32).wrapping_add(self.ts_offset), self.ts_recent)),
                ..TcpOptions::default()
            },
            tos: self.tos,
        }
    }
}
