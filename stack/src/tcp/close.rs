//! Closing: in order, at once, and what becomes of a socket that nobody holds.
//!
//! Linux: `__tcp_close`, `tcp_shutdown`, `tcp_disconnect`, `tcp_done` in `net/ipv4/tcp.c`,
//! `inet_csk_listen_stop` in `net/ipv4/inet_connection_sock.c`. RFC 9293 §3.6, §3.10.4; RFC 2525 §2.17.

use super::seq::before;
use crate::host::{Cx, Host};
use crate::socket::{Established, Proto, RCV_SHUTDOWN, SEND_SHUTDOWN, Tuple};
use crate::syscall::{Errno, Stop};
use crate::time::Duration;
use crate::trace::{Function, SockId, TcpState, What};
use alloc::vec::Vec;

impl Host {
    /// `tcp_shutdown`: no more will be sent.
    pub(crate) fn tcp_shutdown(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        cx.call(Function::TcpShutdown, |cx| {
            if self.tcp_close_state(cx, sk) {
                self.tcp_send_fin(cx, sk);
            }
        });
    }

    /// `tcp_close_state`: the next state on the way out. True if a FIN is due.
    fn tcp_close_state(&mut self, cx: &mut Cx<'_>, sk: SockId) -> bool {
        let (next, fin) = match self.socks.get(sk).map(|s| s.state) {
            Some(TcpState::Established | TcpState::SynRecv) => (TcpState::FinWait1, true),
            Some(TcpState::CloseWait) => (TcpState::LastAck, true),
            Some(TcpState::SynSent | TcpState::Listen | TcpState::Close) => (TcpState::Close, false),
            _ => return false,
        };
        self.set_state(cx, sk, next);
        fin
    }

    /// `__tcp_close`: the last descriptor is gone.
    pub(crate) fn tcp_close(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        cx.call(Function::TcpClose, |cx| {
            let Some(sock) = self.socks.get_mut(sk) else { return };
            sock.shutdown = RCV_SHUTDOWN | SEND_SHUTDOWN;
            sock.waiters.clear();
            let (state, linger) = (sock.state, sock.linger);
            if state == TcpState::Listen {
                self.listen_stop(cx, sk);
                self.set_state(cx, sk, TcpState::Close);
                return self.tcp_free(cx, sk, true);
            }
            let unread = self.discard_receive_queue(cx, sk);
            match state {
                TcpState::Close => {}
                // RFC 2525 §2.17: data was thrown away unread, so the peer must hear of it.
                _ if unread && !matches!(state, TcpState::SynSent | TcpState::SynRecv) => {
                    self.tcp_send_active_reset(cx, sk);
                    self.set_state(cx, sk, TcpState::Close);
                }
                _ if linger == Some(Duration::ZERO) => {
                    if need_reset(state) {
                        self.tcp_send_active_reset(cx, sk);
                    }
                    self.set_state(cx, sk, TcpState::Close);
                }
                _ => {
                    if self.tcp_close_state(cx, sk) {
                        self.tcp_send_fin(cx, sk);
                    }
                }
            }
            self.tcp_orphan(cx, sk);
        });
    }

    /// What is left once nobody holds the socket: nothing, a small TIME_WAIT form, or an orphan that finishes.
    fn tcp_orphan(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        match self.socks.get(sk).map(|s| s.state) {
            Some(TcpState::Close) => self.tcp_free(cx, sk, true),
            Some(TcpState::FinWait2) => {
                let after = Duration::from_secs(self.sysctl.tcp_fin_timeout as u64);
                self.tcp_time_wait(cx, sk, TcpState::FinWait2, after);
            }
            _ => {}
        }
    }

    /// Throws away what was never read. True if there was data.
    fn discard_receive_queue(&mut self, cx: &mut Cx<'_>, sk: SockId) -> bool {
        let copied = self.socks.tcp(sk).map_or(0, |tp| tp.copied_seq);
        let mut unread = false;
        while let Some((skb, _)) = self.dequeue_rcv_skb(cx, sk) {
            let fin = u32::from(skb.cb.flags & crate::wire::tcp::FIN != 0);
            unread |= before(copied, skb.cb.end_seq.wrapping_sub(fin));
            skb.consume(cx);
        }
        unread
    }

    /// `inet_csk_listen_stop`: connections that nobody accepted are reset, requests forgotten.
    fn listen_stop(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        let children: Vec<SockId> = tp.accept_queue.drain(..).collect();
        for child in children {
            if self.socks.get(child).is_some_and(|s| need_reset(s.state)) {
                self.tcp_send_active_reset(cx, child);
            }
            self.set_state(cx, child, TcpState::Close);
            self.tcp_free(cx, child, true);
        }
        let of_us = |e: &Established| matches!(e, Established::Request(r) if r.listener == sk);
        let requests: Vec<Tuple> = self.socks.ehash.iter().filter(|(_, e)| of_us(e)).map(|(t, _)| *t).collect();
        for tuple in requests {
            self.reqsk_drop(cx, tuple);
        }
        self.unlisten(sk);
    }

    fn unlisten(&mut self, sk: SockId) {
        let Some(port) = self.socks.get(sk).map(|s| s.local.1) else { return };
        if let Some(ids) = self.socks.listeners.get_mut(&port) {
            ids.retain(|id| *id != sk);
            if ids.is_empty() {
                self.socks.listeners.remove(&port);
            }
        }
    }

    /// `tcp_disconnect`: back to an unconnected socket, with a reset where the peer must know.
    pub(crate) fn tcp_disconnect(&mut self, cx: &mut Cx<'_>, sk: SockId) -> Result<(), Stop> {
        let Some(state) = self.socks.get(sk).map(|s| s.state) else { return Err(Errno::EBADF.into()) };
        if state == TcpState::Listen {
            self.listen_stop(cx, sk);
        } else if need_reset(state) {
            self.tcp_send_active_reset(cx, sk);
        }
        self.set_state(cx, sk, TcpState::Close);
        self.discard_receive_queue(cx, sk);
        self.tcp_unhash(cx, sk);
        let err = match state {
            TcpState::SynSent => Some(Errno::ECONNRESET),
            s if need_reset(s) => Some(Errno::ECONNRESET),
            _ => None,
        };
        let fresh = super::TcpSock::new(&self.sysctl);
        let Some(sock) = self.socks.get_mut(sk) else { return Ok(()) };
        sock.err = err;
        sock.shutdown = 0;
        sock.dst = None;
        sock.peer = (core::net::Ipv4Addr::UNSPECIFIED, 0);
        let release_port = !sock.bound && sock.local.1 != 0;
        let (protocol, port) = (sock.protocol(), sock.local.1);
        if !sock.addr_bound {
            sock.local.0 = core::net::Ipv4Addr::UNSPECIFIED;
        }
        if release_port {
            sock.local.1 = 0;
        }
        if let Proto::Tcp(tp) = &mut sock.proto {
            let old = core::mem::replace(&mut **tp, fresh);
            (tp.nodelay, tp.cork, tp.user_mss) = (old.nodelay, old.cork, old.user_mss);
        }
        if release_port {
            self.socks.unbind_port(protocol, port, sk);
        }
        self.sk_wake(cx, sk);
        Ok(())
    }

    /// `tcp_done`: the connection is over; the socket stays while a program holds it.
    pub(super) fn tcp_done(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        cx.call(Function::TcpDone, |cx| {
            self.set_state(cx, sk, TcpState::Close);
            self.tcp_unhash(cx, sk);
            let Some(sock) = self.socks.get_mut(sk) else { return };
            sock.shutdown = RCV_SHUTDOWN | SEND_SHUTDOWN;
            let waiting = self.is_waiting_for_accept(sk);
            let orphan = self.socks.get(sk).is_some_and(|s| s.is_orphan()) && !waiting;
            if orphan {
                self.tcp_free(cx, sk, true);
            } else {
                self.sk_wake(cx, sk);
            }
        });
    }

    /// Is it in its listener's accept queue? Then no program holds it yet, but one will.
    fn is_waiting_for_accept(&self, sk: SockId) -> bool {
        let parent = self.socks.tcp(sk).and_then(|tp| tp.parent);
        parent.and_then(|p| self.socks.tcp(p)).is_some_and(|tp| tp.accept_queue.contains(&sk))
    }

    /// Takes the connection out of the tables, stops its timers, frees what it meant to send.
    fn tcp_unhash(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        self.tcp_clear_timers(cx, sk);
        self.tcp_write_queue_purge(cx, sk);
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        for skb in core::mem::take(&mut tp.ofo_queue) {
            self.ofo_free(cx, sk, skb, crate::skb::DropReason::Consumed);
        }
        let Some(sock) = self.socks.get(sk) else { return };
        let tuple = Tuple { local: sock.local, peer: sock.peer };
        if matches!(self.socks.ehash.get(&tuple), Some(Established::Sock(id)) if *id == sk) {
            self.socks.ehash.remove(&tuple);
        }
    }

    /// Frees the socket; `told` if its end shall be told (a TIME_WAIT form goes on under the same number).
    pub(super) fn tcp_free(&mut self, cx: &mut Cx<'_>, sk: SockId, told: bool) {
        self.tcp_unhash(cx, sk);
        self.discard_receive_queue(cx, sk);
        self.sk_wake(cx, sk);
        let Some(sock) = self.socks.remove(sk) else { return };
        if sock.local.1 != 0 {
            self.socks.unbind_port(sock.protocol(), sock.local.1, sk);
        }
        if told {
            cx.trace.emit(|| What::SockDestroy { sock: sk });
        }
    }
}

/// `tcp_need_reset`: states in which the peer still counts on us.
fn need_reset(state: TcpState) -> bool {
    matches!(
        state,
        TcpState::Established | TcpState::CloseWait | TcpState::FinWait1 | TcpState::FinWait2 | TcpState::SynRecv
    )
}
