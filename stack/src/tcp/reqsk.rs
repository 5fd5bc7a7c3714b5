//! The SYN queue: requests come, wait with a timer, and go.
//!
//! Linux: `net/ipv4/inet_connection_sock.c` (`inet_csk_reqsk_queue_hash_add`, `reqsk_timer_handler`,
//! `inet_csk_reqsk_queue_add`), `include/net/request_sock.h`.

use super::minisocks::Request;
use super::{Listen, TcpSock};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::socket::{Established, Tuple};
use crate::time::Duration;
use crate::timer::Target;
use crate::trace::{Function, SockId, TcpState, TimerKind, TimerOp, What};
use alloc::boxed::Box;

impl Listen {
    /// `sk_acceptq_is_full`: one more than the backlog fits.
    pub(super) fn acceptq_is_full(&self) -> bool {
        self.accept_queue.len() as u64 > u64::from(self.backlog)
    }

    /// `inet_csk_reqsk_queue_is_full`.
    pub(super) fn reqsk_queue_is_full(&self) -> bool {
        self.qlen > self.backlog
    }

    /// How many SYN-ACKs are sent to a client that does not answer. If old requests are about to fill the queue,
    /// they are given up sooner: half of it is kept for young ones.
    fn syn_ack_retries(&self, mut retries: u32) -> u32 {
        if self.qlen.saturating_mul(2) > self.backlog.max(8) {
            let mut young = self.young.saturating_mul(2);
            while retries > 2 && self.qlen >= young {
                retries -= 1;
                young = young.saturating_mul(2);
            }
        }
        retries
    }
}

/// `syn_ack_recalc`: shall the request end, and shall the SYN-ACK be sent again?
fn syn_ack_recalc(req: &Request, retries: u32, defer_accept: u8) -> (bool, bool) {
    let expire = u32::from(req.num_timeout) >= retries;
    if defer_accept == 0 {
        return (expire, true);
    }
    (
        expire && (!req.acked || req.num_timeout >= defer_accept),
        // Not while it waits for data after the ACK; at the end of that once more, as a last chance.
        !req.acked || req.num_timeout >= defer_accept - 1,
    )
}

impl Host {
    /// `tcp_rto_max`.
    pub(super) fn tcp_rto_max(&self, tp: &TcpSock) -> Duration {
        Duration::from_micros(u64::from(self.tcp_rto_max_us(tp)))
    }

    /// `inet_csk_reqsk_queue_hash_add`.
    pub(super) fn inet_csk_reqsk_queue_hash_add(&mut self, cx: &mut Cx<'_>, lp: &mut TcpSock, mut req: Request) {
        self.reqsk_arm(cx, lp, &mut req);
        self.socks.insert_small(req.tuple, req.id, Established::Request(Box::new(req)));
        if let Some(listen) = lp.listen.as_mut() {
            listen.qlen += 1;
            listen.young += 1;
        }
    }

    /// Sets the timer that sends the SYN-ACK again.
    pub(super) fn reqsk_arm(&mut self, cx: &mut Cx<'_>, lp: &TcpSock, req: &mut Request) {
        let after = req.timeout(self.tcp_rto_max(lp));
        req.timer = Some(self.timers.modify(req.timer, cx.now + after, Target::Request(req.id)));
        let (owner, after_us) = (req.id.0, after.as_micros() as u32);
        cx.trace.emit(|| What::Timer { kind: TimerKind::SynAck, op: TimerOp::Set, owner, after_us });
    }

    /// Writes a request back to its place.
    pub(super) fn reqsk_store(&mut self, req: Request) {
        let tuple = req.tuple;
        if let Some(place) = self.socks.request_mut(&tuple) {
            *place = req;
        }
    }

    /// `reqsk_queue_removed`: it is in the SYN queue no more.
    pub(super) fn reqsk_queue_removed(&mut self, lp: &mut TcpSock, req: &Request) {
        if let Some(listen) = lp.listen.as_mut() {
            listen.qlen = listen.qlen.saturating_sub(1);
            if req.num_timeout == 0 {
                listen.young = listen.young.saturating_sub(1);
            }
        }
    }

    /// `inet_csk_reqsk_queue_drop`: the request is forgotten. False if there is none.
    pub(super) fn inet_csk_reqsk_queue_drop(&mut self, cx: &mut Cx<'_>, lp: &mut TcpSock, tuple: &Tuple) -> bool {
        let Some(req) = self.reqsk_unlink(cx, tuple) else { return false };
        self.reqsk_queue_removed(lp, &req);
        true
    }

    /// `reqsk_queue_unlink`, for a request whose listener may be gone.
    pub(super) fn reqsk_unlink(&mut self, cx: &mut Cx<'_>, tuple: &Tuple) -> Option<Box<Request>> {
        self.socks.request_mut(tuple)?;
        let Some(Established::Request(req)) = self.socks.remove_small(tuple) else { return None };
        if let Some(token) = req.timer {
            self.timers.cancel(token);
        }
        let id = req.id;
        cx.trace.emit(|| What::SockState { sock: id, old: TcpState::SynRecv, new: TcpState::Close });
        cx.trace.emit(|| What::SockDestroy { sock: id });
        Some(req)
    }

    /// `inet_csk_reqsk_queue_add`: the new connection waits to be accepted.
    pub(super) fn inet_csk_reqsk_queue_add(&mut self, lp: &mut TcpSock, child: SockId) {
        if let Some(listen) = lp.listen.as_mut() {
            listen.accept_queue.push_back(child);
        }
    }

    /// `reqsk_timer_handler`: no answer to the SYN-ACK: once more, or never again.
    pub(crate) fn reqsk_timer_handler(&mut self, cx: &mut Cx<'_>, id: SockId) {
        cx.call(Function::ReqskTimer, |cx| {
            let Some(tuple) = self.socks.small(id) else { return };
            let Some(listener) = self.socks.request_mut(&tuple).map(|req| {
                req.timer = None;
                req.listener
            }) else {
                return;
            };
            let listens = self.socks.get(listener).is_some_and(|s| s.state == TcpState::Listen);
            if listens {
                self.with_tcp(cx, listener, |host, cx, lp| host.reqsk_timeout(cx, lp, &tuple));
            } else {
                self.reqsk_unlink(cx, &tuple);
            }
        });
    }

    fn reqsk_timeout(&mut self, cx: &mut Cx<'_>, lp: &mut TcpSock, tuple: &Tuple) {
        let Some(mut req) = self.socks.request_mut(tuple).cloned() else { return };
        let retries = lp.syn_retries.map_or(self.sysctl.tcp_synack_retries as u32, u32::from);
        let retries = lp.listen.as_ref().map_or(retries, |l| l.syn_ack_retries(retries));
        let (expire, resend) = syn_ack_recalc(&req, retries, lp.defer_accept);
        self.mib.inc(Counter::TcpTimeouts);
        if !expire && (!resend || self.tcp_rtx_synack(cx, lp, &mut req) || req.acked) {
            if req.num_timeout == 0
                && let Some(listen) = lp.listen.as_mut()
            {
                listen.young = listen.young.saturating_sub(1);
            }
            req.num_timeout = req.num_timeout.saturating_add(1);
            self.reqsk_arm(cx, lp, &mut req);
            self.reqsk_store(req);
        } else {
            self.inet_csk_reqsk_queue_drop(cx, lp, tuple);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_full_of_old_requests_gives_them_up_sooner() {
        let listen = |qlen, young| Listen { backlog: 16, qlen, young, ..Listen::default() };
        assert_eq!(listen(8, 0).syn_ack_retries(5), 5);
        assert_eq!(listen(16, 16).syn_ack_retries(5), 5);
        assert_eq!(listen(16, 4).syn_ack_retries(5), 3);
        assert_eq!(listen(16, 0).syn_ack_retries(5), 2);
    }

    #[test]
    fn deferring_sends_no_synack_while_it_waits_for_data() {
        let tuple = Tuple { local: ([10, 0, 0, 1].into(), 80), peer: ([10, 0, 0, 2].into(), 5000) };
        let mut req = Request::new(SockId(1), SockId(2), tuple);
        assert_eq!(syn_ack_recalc(&req, 5, 3), (false, true));
        req.acked = true;
        assert_eq!(syn_ack_recalc(&req, 5, 3), (false, false));
        req.num_timeout = 2;
        assert_eq!(syn_ack_recalc(&req, 5, 3), (false, true));
        req.num_timeout = 5;
        assert_eq!(syn_ack_recalc(&req, 5, 3), (true, true));
    }
}
