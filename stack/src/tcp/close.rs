//! Closing: in order, at once, and what becomes of a socket that nobody holds.
//!
//! Linux: `__tcp_close`, `tcp_shutdown`, `tcp_disconnect`, `tcp_done`, `tcp_set_state` in `net/ipv4/tcp.c`,
//! `inet_csk_listen_stop`, `inet_csk_destroy_sock` in `net/ipv4/inet_connection_sock.c`. RFC 9293 §3.6, §3.10.4;
//! RFC 2525 §2.17.

use super::seq::after;
use super::{AckState, CaState, INFINITE_SSTHRESH, INIT_CWND, MIN_MSS, Rack, RxOpt, TIMEOUT_INIT_US, TIMEWAIT_LEN};
use super::{TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::skb::DropReason;
use crate::socket::{Established, RCV_SHUTDOWN, SEND_SHUTDOWN, Tuple};
use crate::syscall::{Errno, Progress, Stop};
use crate::time::Duration;
use crate::trace::{Field, Function, TaskId, TcpState, What};
use crate::wire::tcp::FIN;
use alloc::boxed::Box;
use core::net::Ipv4Addr;

/// `SHUTDOWN_MASK`
const SHUTDOWN_MASK: u8 = RCV_SHUTDOWN | SEND_SHUTDOWN;

/// `tcp_close_state`'s table: the next state on the way out, and whether a FIN is due.
fn new_state(state: TcpState) -> (TcpState, bool) {
    match state {
        TcpState::Established | TcpState::SynRecv => (TcpState::FinWait1, true),
        TcpState::CloseWait => (TcpState::LastAck, true),
        TcpState::FinWait1 | TcpState::FinWait2 | TcpState::LastAck | TcpState::Closing => (state, false),
        TcpState::SynSent | TcpState::TimeWait | TcpState::Close | TcpState::Listen => (TcpState::Close, false),
    }
}

/// `tcp_need_reset`: states in which the peer still counts on us.
fn need_reset(state: TcpState) -> bool {
    matches!(
        state,
        TcpState::Established | TcpState::CloseWait | TcpState::FinWait1 | TcpState::FinWait2 | TcpState::SynRecv
    )
}

impl Host {
    /// `tcp_set_state`: counts, and takes a closed connection out of the tables.
    pub(super) fn tcp_set_state(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, new: TcpState) {
        let old = tp.state;
        let open = |s| matches!(s, TcpState::Established | TcpState::CloseWait);
        match new {
            TcpState::Established if old != TcpState::Established => self.mib.inc(Counter::CurrEstab),
            TcpState::CloseWait if old == TcpState::SynRecv => self.mib.inc(Counter::CurrEstab),
            TcpState::Established | TcpState::CloseWait => {}
            _ => {
                if open(old) {
                    self.mib.dec(Counter::CurrEstab);
                }
                if new == TcpState::Close {
                    if open(old) {
                        self.mib.inc(Counter::EstabResets);
                    }
                    self.tcp_unhash(tp);
                }
            }
        }
        tp.sk.set_state(cx, new);
    }

    /// `inet_unhash`, and `inet_put_port` unless the program asked for the port.
    pub(super) fn tcp_unhash(&mut self, tp: &mut TcpSock) {
        let id = tp.sk.id;
        let tuple = Tuple { local: tp.sk.local, peer: tp.sk.peer };
        if matches!(self.socks.ehash.get(&tuple), Some(Established::Sock(other)) if *other == id) {
            self.socks.ehash.remove(&tuple);
        }
        if tp.state == TcpState::Listen
            && let Some(ids) = self.socks.listeners.get_mut(&tp.sk.local.1)
        {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.socks.listeners.remove(&tp.sk.local.1);
            }
        }
        if !tp.sk.bound {
            self.inet_put_port(tp);
        }
    }

    /// `inet_put_port`.
    fn inet_put_port(&mut self, tp: &mut TcpSock) {
        let port = core::mem::take(&mut tp.sk.num);
        tp.sk.connect_bind = false;
        if port != 0 {
            self.socks.unbind_port(tp.sk.id);
        }
    }

    /// `tcp_shutdown`: no more will be sent.
    pub(crate) fn tcp_shutdown(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        // A FIN that was sent already is not sent again.
        if !matches!(tp.state, TcpState::Established | TcpState::SynSent | TcpState::CloseWait) {
            return;
        }
        cx.call(Function::TcpShutdown, |cx| {
            if self.tcp_close_state(cx, tp) {
                self.tcp_send_fin(cx, tp);
            }
        });
    }

    /// `tcp_close_state`: the next state on the way out. True if a FIN is due.
    fn tcp_close_state(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) -> bool {
        let (next, fin) = new_state(tp.state);
        self.tcp_set_state(cx, tp, next);
        fin
    }

    /// `__tcp_close`: the last descriptor is gone.
    pub(crate) fn tcp_close(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        cx.call(Function::TcpClose, |cx| {
            self.tcp_close_begin(cx, tp);
            self.tcp_close_end(cx, tp);
        });
    }

    /// `__tcp_close` for a program that may wait for the end of the connection (`SO_LINGER`, `sk_stream_wait_close`).
    pub(crate) fn tcp_close_linger(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        tp: &mut TcpSock,
        progress: &mut Progress,
    ) -> Result<(), Stop> {
        cx.call(Function::TcpClose, |cx| {
            if progress.lingers.replace(tp.sk.id).is_none() {
                self.tcp_close_begin(cx, tp);
            }
            let closing = matches!(tp.state, TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck);
            if closing && let Some(time) = tp.sk.linger.filter(|time| !time.is_zero()) {
                let patience = (Some(time), Errno::EAGAIN);
                let stop = tp.sk.sleep_or_fail(cx, task, Function::SkStreamWaitClose, progress, patience);
                if stop == Stop::Sleep {
                    return Err(stop);
                }
            }
            self.tcp_close_end(cx, tp);
            Ok(())
        })
    }

    /// The first part of `__tcp_close`: what the peer hears.
    fn tcp_close_begin(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        self.tcp_set_shutdown(cx, tp, SHUTDOWN_MASK);
        if tp.state == TcpState::Listen {
            self.tcp_set_state(cx, tp, TcpState::Close);
            self.inet_csk_listen_stop(cx, tp);
            return;
        }
        let mut unread = false;
        while let Some((skb, _)) = tp.sk.dequeue_rcv_skb(cx) {
            let fin = u32::from(skb.cb.flags & FIN != 0);
            unread |= after(skb.cb.end_seq.wrapping_sub(fin), tp.copied_seq);
            skb.consume(cx);
        }
        if tp.state == TcpState::Close {
            return;
        }
        if unread {
            // RFC 2525 §2.17: data was thrown away unread, so the peer must hear of it.
            self.mib.inc(Counter::TcpAbortOnClose);
            self.tcp_set_state(cx, tp, TcpState::Close);
            self.tcp_send_active_reset(cx, tp);
        } else if tp.sk.linger == Some(Duration::ZERO) {
            let _ = self.tcp_disconnect(cx, tp);
            self.mib.inc(Counter::TcpAbortOnData);
        } else if self.tcp_close_state(cx, tp) {
            self.tcp_send_fin(cx, tp);
        }
    }

    /// The second part of `__tcp_close`, `adjudge_to_death`: the socket is an orphan: it ends now, as a small form,
    /// or when the connection does.
    fn tcp_close_end(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        // `sock_orphan`
        tp.sk.dead = true;
        tp.sk.waiters.clear();
        self.socks.orphans += 1;
        if tp.state == TcpState::FinWait2 {
            if tp.linger2 < 0 {
                self.tcp_set_state(cx, tp, TcpState::Close);
                self.tcp_send_active_reset(cx, tp);
                self.mib.inc(Counter::TcpAbortOnLinger);
            } else {
                let time = self.tcp_fin_time(tp);
                if time > TIMEWAIT_LEN {
                    self.tcp_reset_keepalive_timer(cx, tp, time - TIMEWAIT_LEN);
                } else {
                    return self.tcp_time_wait(cx, tp, TcpState::FinWait2, time);
                }
            }
        }
        // `tcp_check_oom`
        if tp.state != TcpState::Close && i64::from(self.socks.orphans) > self.sysctl.tcp_max_orphans {
            self.tcp_set_state(cx, tp, TcpState::Close);
            self.tcp_send_active_reset(cx, tp);
            self.mib.inc(Counter::TcpAbortOnMemory);
        }
        if tp.state == TcpState::Close {
            self.tcp_destroy_sock(tp);
        }
    }

    /// `inet_csk_destroy_sock`: it is freed as soon as the function that has it lets go.
    pub(super) fn tcp_destroy_sock(&mut self, tp: &mut TcpSock) {
        if !tp.destroyed {
            tp.destroyed = true;
            self.socks.orphans = self.socks.orphans.saturating_sub(1);
        }
    }

    fn tcp_set_shutdown(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, shutdown: u8) {
        let old = core::mem::replace(&mut tp.sk.shutdown, shutdown);
        cx.tell_set(tp.sk.id, Field::Shutdown, u32::from(old), u32::from(shutdown));
    }

    /// `inet_csk_listen_stop`: connections that nobody accepted are reset. Requests go when their timers fire.
    fn inet_csk_listen_stop(&mut self, cx: &mut Cx<'_>, lp: &mut TcpSock) {
        cx.call(Function::InetCskListenStop, |cx| {
            while let Some(child) = lp.listen.as_mut().and_then(|l| l.accept_queue.pop_front()) {
                // `inet_child_forget`
                self.with_tcp(cx, child, |host, cx, tp| {
                    let _ = host.tcp_disconnect(cx, tp);
                    tp.parent = None;
                    tp.sk.dead = true;
                    host.socks.orphans += 1;
                    host.tcp_destroy_sock(tp);
                });
            }
            lp.listen = None;
        });
    }

    /// `tcp_disconnect`: back to an unconnected socket, with a reset where the peer must know (ABORT of RFC 9293
    /// §3.10.5).
    pub(crate) fn tcp_disconnect(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) -> Result<(), Stop> {
        cx.call(Function::TcpDisconnect, |cx| {
            let old = tp.state;
            if old != TcpState::Close {
                self.tcp_set_state(cx, tp, TcpState::Close);
            }
            let late = tp.snd_nxt != tp.write_seq && matches!(old, TcpState::Closing | TcpState::LastAck);
            let mut err = tp.sk.err;
            if old == TcpState::Listen {
                self.inet_csk_listen_stop(cx, tp);
            } else if need_reset(old) || late {
                self.tcp_send_active_reset(cx, tp);
                err = Some(Errno::ECONNRESET);
            } else if old == TcpState::SynSent {
                err = Some(Errno::ECONNRESET);
            }
            cx.tell_set(tp.sk.id, Field::SkErr, tp.sk.err.map_or(0, |e| e as u32), err.map_or(0, |e| e as u32));
            tp.sk.err = err;
            self.tcp_clear_xmit_timers(cx, tp);
            while let Some((skb, _)) = tp.sk.dequeue_rcv_skb(cx) {
                skb.consume(cx);
            }
            self.tcp_write_queue_purge(cx, tp);
            self.tcp_ofo_purge(cx, tp, DropReason::Consumed);
            self.tcp_set_shutdown(cx, tp, 0);
            self.tcp_reset_vars(cx, tp);
            self.sk_error_report(cx, &mut tp.sk);
            Ok(())
        })
    }

    /// The variables that `tcp_disconnect` sets back; the socket's options stay, `TCP_MAXSEG` excepted.
    fn tcp_reset_vars(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let fresh = TcpSock::new(tp.sk.clone(), &self.sysctl);
        tp.sk.peer = (Ipv4Addr::UNSPECIFIED, 0);
        if !tp.sk.addr_bound {
            tp.sk.local.0 = Ipv4Addr::UNSPECIFIED;
        }
        if tp.sk.num == 0 {
            tp.sk.local.1 = 0;
        }
        tp.sk.dst = None;
        tcp_set!(cx, tp, copied_seq, CopiedSeq, tp.rcv_nxt);
        tp.urg_data = 0;
        tcp_set!(cx, tp, srtt_us, SrttUs, 0);
        tp.mdev_us = TIMEOUT_INIT_US;
        tp.rcv_rtt_last_tsecr = 0;
        // The next connection begins beyond what this one may have sent.
        let seq = tp.write_seq.wrapping_add(tp.max_window).wrapping_add(2).max(1);
        tcp_set!(cx, tp, write_seq, WriteSeq, seq);
        tcp_set!(cx, tp, backoff, Backoff, 0);
        (tp.probes_out, tp.probes_tstamp) = (0, None);
        tcp_set!(cx, tp, rto_us, RtoUs, TIMEOUT_INIT_US);
        (tp.rto_min_us, tp.delack_max_us) = (self.sysctl.tcp_rto_min_us as u32, None);
        tcp_set!(cx, tp, snd_ssthresh, SndSsthresh, INFINITE_SSTHRESH);
        tcp_set!(cx, tp, snd_cwnd, SndCwnd, INIT_CWND);
        (tp.snd_cwnd_cnt, tp.is_cwnd_limited, tp.max_packets_out) = (0, false, 0);
        tp.window_clamp = 0;
        (tp.delivered, tp.delivered_ce) = (0, 0);
        tp.cong = tp.cong.disconnect(&self.sysctl);
        tcp_set!(cx, tp, ca_state, CaState, CaState::Open);
        tp.is_sack_reneg = false;
        self.tcp_clear_retrans(tp);
        tp.total_retrans = 0;
        tp.ack = AckState { rcv_mss: MIN_MSS, ..AckState::default() };
        tp.rx_opt = RxOpt::default();
        (tp.compressed_ack, tp.dup_ack_counter) = (0, 0);
        (tp.segs_in, tp.segs_out, tp.data_segs_in, tp.data_segs_out) = (0, 0, 0, 0);
        (tp.bytes_sent, tp.bytes_acked, tp.bytes_received, tp.bytes_retrans) = (0, 0, 0, 0);
        (tp.duplicate_sack, tp.dsack_dups, tp.reord_seen) = ([(0, 0); 1], 0, 0);
        (tp.retrans_out, tp.sacked_out, tp.lost_out, tp.packets_out) = (0, 0, 0, 0);
        tp.tlp_high_seq = 0;
        tp.last_oow_ack = None;
        (tp.app_limited, tp.rate_app_limited) = (u32::MAX, true);
        tp.rack = Rack { reo_wnd_steps: 1, ..Rack::default() };
        tp.rcv_ooopack = 0;
        tp.ecn_flags = 0;
        tp.parent = None;
        (tp.highest_sack, tp.undo_marker, tp.undo_retrans) = (None, 0, fresh.undo_retrans);
        (tp.retrans_stamp, tp.retransmits) = (0, 0);
    }

    /// `tcp_done`: the connection is over; the socket stays while a program holds it.
    pub(super) fn tcp_done(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        cx.call(Function::TcpDone, |cx| {
            if matches!(tp.state, TcpState::SynSent | TcpState::SynRecv) {
                self.mib.inc(Counter::AttemptFails);
            }
            self.tcp_set_state(cx, tp, TcpState::Close);
            self.tcp_clear_xmit_timers(cx, tp);
            self.tcp_set_shutdown(cx, tp, SHUTDOWN_MASK);
            if tp.sk.dead {
                self.tcp_destroy_sock(tp);
            } else {
                self.sk_wake(cx, &mut tp.sk);
            }
        });
    }

    /// `tcp_v4_destroy_sock`, `sk_stream_kill_queues`: frees a socket that was taken out of the table.
    pub(crate) fn tcp_free(&mut self, cx: &mut Cx<'_>, mut tp: Box<TcpSock>) {
        let id = tp.sk.id;
        self.tcp_clear_xmit_timers(cx, &mut tp);
        self.tcp_write_queue_purge(cx, &mut tp);
        self.tcp_ofo_purge(cx, &mut tp, DropReason::Consumed);
        while let Some((skb, _)) = tp.sk.dequeue_rcv_skb(cx) {
            skb.consume(cx);
        }
        self.tcp_unhash(&mut tp);
        self.sk_wake(cx, &mut tp.sk);
        // In TIME_WAIT it goes on as a small form, under the same number and port.
        self.socks.remove(id);
        if self.socks.small(id).is_none() {
            cx.trace.emit(|| What::SockDestroy { sock: id });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fin_is_due_only_where_none_was_sent() {
        assert_eq!(new_state(TcpState::Established), (TcpState::FinWait1, true));
        assert_eq!(new_state(TcpState::CloseWait), (TcpState::LastAck, true));
        assert_eq!(new_state(TcpState::SynSent), (TcpState::Close, false));
        for state in [TcpState::FinWait1, TcpState::FinWait2, TcpState::Closing, TcpState::LastAck] {
            assert_eq!(new_state(state), (state, false));
        }
    }
}
