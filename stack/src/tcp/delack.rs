//! When to acknowledge: at once, or a little later with something else.
//!
//! Linux: `__tcp_ack_snd_check`, `tcp_event_data_recv` in `net/ipv4/tcp_input.c`, `tcp_send_delayed_ack` in
//! `net/ipv4/tcp_output.c`, `tcp_delack_timer_handler` in `net/ipv4/tcp_timer.c`. RFC 1122 §4.2.3.2.

use super::{ATO_MIN, DELACK_MAX};
use crate::host::{Cx, Host};
use crate::time::Duration;
use crate::timer::Target;
use crate::trace::{Function, SockId, TcpState, TimerKind, TimerOp, What};

/// `TCP_MAX_QUICKACKS`.
const MAX_QUICKACKS: u32 = 16;

impl Host {
    /// `tcp_enter_quickack_mode`: so many ACKs shall not be delayed.
    pub(super) fn tcp_enter_quickack(&mut self, sk: SockId, most: u32) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        let quick = (tp.rcv_wnd / (2 * tp.ack.rcv_mss.max(1))).clamp(2, most.clamp(2, MAX_QUICKACKS));
        tp.ack.quick = tp.ack.quick.max(quick);
        tp.ack.pingpong = false;
        tp.ack.ato = ATO_MIN;
    }

    /// `tcp_event_data_recv`: data has come; an ACK is due sooner or later.
    pub(super) fn tcp_event_data_recv(&mut self, cx: &mut Cx<'_>, sk: SockId, len: u32) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        tp.ack.scheduled = true;
        // `tcp_measure_rcv_mss`
        if len >= tp.ack.rcv_mss || len >= u32::from(tp.advmss).min(536) {
            tp.ack.rcv_mss = len.min(u32::from(tp.advmss)).max(tp.ack.rcv_mss.min(len));
        }
        let now = cx.now;
        if tp.ack.ato.is_zero() {
            tp.ack.ato = ATO_MIN;
            let quick = tp.rcv_wnd / (2 * tp.ack.rcv_mss.max(1));
            tp.ack.quick = tp.ack.quick.max(quick.clamp(2, MAX_QUICKACKS));
        } else {
            let gap = now.since(tp.ack.lrcvtime);
            if gap <= ATO_MIN / 2 {
                tp.ack.ato = tp.ack.ato / 2 + ATO_MIN / 2;
            } else if gap < tp.ack.ato {
                tp.ack.ato = (tp.ack.ato / 2 + gap).min(Duration::from_micros(u64::from(tp.rto_us)));
            }
        }
        tp.ack.lrcvtime = now;
        self.tcp_grow_window(sk, len);
    }

    /// `tcp_ack_snd_check`: now, or by the delayed-ACK timer.
    pub(super) fn tcp_ack_snd_check(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let window = self.tcp_calc_window(sk);
        let Some(tp) = self.socks.tcp(sk) else { return };
        if !tp.ack.scheduled && !tp.ack.now {
            return;
        }
        let unread = tp.rcv_nxt.wrapping_sub(tp.copied_seq) as usize;
        let lowat = self.socks.get(sk).map_or(1, |s| s.rcvlowat);
        // More than one full segment is unacknowledged, and the reader keeps up or the window did not shrink.
        let two = tp.rcv_nxt.wrapping_sub(tp.rcv_wup) > tp.ack.rcv_mss && (unread < lowat || window >= tp.rcv_wnd);
        let quick = tp.ack.quick > 0 && !tp.ack.pingpong;
        if two || quick || tp.ack.now || !tp.ofo_queue.is_empty() {
            self.tcp_send_ack(cx, sk);
        } else {
            self.tcp_send_delayed_ack(cx, sk);
        }
    }

    fn tcp_send_delayed_ack(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        if tp.ack.timer.is_some() {
            return;
        }
        let after = tp.ack.ato.clamp(ATO_MIN, DELACK_MAX);
        tp.ack.timer = Some(self.timers.set(cx.now + after, Target::Sock(sk, TimerKind::DelayedAck)));
        cx.trace.emit(|| What::Timer {
            kind: TimerKind::DelayedAck,
            op: TimerOp::Set,
            owner: sk.0,
            after_us: after.as_micros() as u32,
        });
    }

    /// `tcp_event_ack_sent`: an ACK leaves, alone or with data; nothing is owed.
    pub(super) fn tcp_event_ack_sent(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        if tp.ack.scheduled || tp.ack.now {
            tp.ack.quick = tp.ack.quick.saturating_sub(1);
        }
        tp.ack.scheduled = false;
        tp.ack.now = false;
        if let Some(token) = tp.ack.timer.take() {
            self.timers.cancel(token);
            cx.trace.emit(|| What::Timer {
                kind: TimerKind::DelayedAck,
                op: TimerOp::Cancel,
                owner: sk.0,
                after_us: 0,
            });
        }
    }

    /// `tcp_delack_timer_handler`.
    pub(super) fn tcp_delack_timer(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        cx.call(Function::TcpDelackTimer, |cx| {
            let closed = self.socks.get(sk).is_none_or(|s| matches!(s.state, TcpState::Close | TcpState::Listen));
            let Some(tp) = self.socks.tcp_mut(sk) else { return };
            tp.ack.timer = None;
            if closed || !tp.ack.scheduled {
                return;
            }
            if tp.ack.pingpong {
                // The reply did not come in time: leave interactive mode.
                tp.ack.pingpong = false;
                tp.ack.ato = ATO_MIN;
            } else {
                tp.ack.ato = (tp.ack.ato * 2).min(Duration::from_micros(u64::from(tp.rto_us)));
            }
            self.tcp_send_ack(cx, sk);
        });
    }

    /// `__tcp_cleanup_rbuf`: the program has read; is an ACK or a window update due?
    pub(super) fn tcp_cleanup_rbuf(&mut self, cx: &mut Cx<'_>, sk: SockId, copied: u32) {
        cx.call(Function::TcpCleanupRbuf, |cx| {
            let window = self.tcp_calc_window(sk);
            let Some(sock) = self.socks.get(sk) else { return };
            let (empty, shut) = (sock.rmem_alloc == 0, sock.shutdown & crate::socket::RCV_SHUTDOWN != 0);
            let Some(tp) = self.socks.tcp(sk) else { return };
            let mut due = tp.ack.scheduled
                && (tp.rcv_nxt.wrapping_sub(tp.rcv_wup) > tp.ack.rcv_mss || (copied > 0 && empty && !tp.ack.pingpong));
            if copied > 0 && !due && !shut {
                let now = tp.receive_window();
                // The window may be opened by as much as it is now: worth a segment.
                due = now.saturating_mul(2) <= tp.window_clamp && window > 0 && window >= now.saturating_mul(2);
            }
            if due {
                self.tcp_send_ack(cx, sk);
            }
        });
    }
}
