//! ICMP errors that quote a segment of ours.
//!
//! Linux: `tcp_v4_err`, `tcp_v4_mtu_reduced`, `tcp_ld_RTO_revert`, `tcp_req_err` in `net/ipv4/tcp_ipv4.c`.
//! RFC 1122 §4.2.3.9, RFC 1191, RFC 5927, RFC 6069.

use super::TcpSock;
use super::seq::{after, before};
use crate::host::{Cx, Host};
use crate::icmp::{Quoted, icmp_err_convert};
use crate::mib::Counter;
use crate::socket::{Established, Tuple};
use crate::syscall::{Errno, IP_PMTUDISC_DONT, IP_PMTUDISC_INTERFACE, IP_PMTUDISC_OMIT};
use crate::trace::{Field, Function, TcpState, TimerKind};
use crate::wire::icmpv4::{
    ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_HOST_UNREACH, ICMP_NET_UNREACH, ICMP_PARAMETERPROB, ICMP_TIME_EXCEEDED,
};

/// `NR_ICMP_UNREACH`
const NR_ICMP_UNREACH: u8 = 15;

impl Host {
    /// `tcp_v4_err`: an ICMP message quotes a segment of ours.
    pub(crate) fn tcp_v4_err(&mut self, cx: &mut Cx<'_>, q: &Quoted) {
        cx.call(Function::TcpV4Err, |cx| {
            let (kind, code, ..) = q.icmp;
            let tuple = Tuple { local: (q.src, q.src_port), peer: (q.dst, q.dst_port) };
            match self.socks.ehash.get(&tuple) {
                Some(Established::Sock(id)) => {
                    let id = *id;
                    let err = |host: &mut Host, cx: &mut Cx<'_>, tp: &mut TcpSock| {
                        host.tcp_sock_err(cx, tp, q);
                    };
                    if self.with_tcp(cx, id, err).is_none() {
                        self.mib.inc(Counter::LockDroppedIcmps);
                    }
                }
                Some(Established::Request(req)) => {
                    let listener = req.listener;
                    let unreachable = kind == ICMP_DEST_UNREACH && matches!(code, ICMP_NET_UNREACH | ICMP_HOST_UNREACH);
                    let abort = unreachable || matches!(kind, ICMP_PARAMETERPROB | ICMP_TIME_EXCEEDED);
                    let seq = q.seq;
                    if self.socks.request_mut(&tuple).is_some_and(|req| req.snt_isn != seq) {
                        self.mib.inc(Counter::OutOfWindowIcmps);
                    } else if abort {
                        // `tcp_req_err`: nobody waits for it yet who could be told.
                        self.with_tcp(cx, listener, |host, cx, lp| host.inet_csk_reqsk_queue_drop(cx, lp, &tuple));
                        self.mib.inc(Counter::ListenDrops);
                    }
                }
                Some(Established::TimeWait(_)) | None => {}
            }
        });
    }

    fn tcp_sock_err(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, q: &Quoted) {
        let (seq, (kind, code, rest, _)) = (q.seq, q.icmp);
        if tp.state == TcpState::Close {
            return;
        }
        // RFC 5927 §4.1: the quoted sequence number must be one that is in flight.
        if before(seq, tp.snd_una) || after(seq, tp.snd_nxt) {
            return self.mib.inc(Counter::OutOfWindowIcmps);
        }
        let errno = match kind {
            ICMP_PARAMETERPROB => Errno::EPROTO,
            ICMP_TIME_EXCEEDED => Errno::EHOSTUNREACH,
            ICMP_DEST_UNREACH if code > NR_ICMP_UNREACH => return,
            ICMP_DEST_UNREACH if code == ICMP_FRAG_NEEDED => return self.tcp_v4_mtu_reduced(cx, tp, rest & 0xffff),
            ICMP_DEST_UNREACH => {
                if matches!(code, ICMP_NET_UNREACH | ICMP_HOST_UNREACH) {
                    self.tcp_ld_rto_revert(cx, tp, seq);
                }
                icmp_err_convert(code).0
            }
            // Redirects are for the routing table; a source quench is obsolete (RFC 6633).
            _ => return,
        };
        if matches!(tp.state, TcpState::SynSent | TcpState::SynRecv) {
            if tp.sk.recverr {
                tp.sk.ip_icmp_error(q, errno);
            }
            self.tcp_done_with_error(cx, tp, errno);
        } else if tp.sk.recverr {
            self.sk_set_err(cx, &mut tp.sk, errno);
        } else {
            // RFC 1122 §4.2.3.9: an established connection lives on. Should it time out, this was why.
            tp.sk.soft_err = Some(errno);
        }
    }

    /// `tcp_v4_mtu_reduced`: the path takes smaller packets only (RFC 1191).
    fn tcp_v4_mtu_reduced(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, mtu: u32) {
        let Some(mut to) = tp.sk.dst else { return };
        self.ip_rt_update_pmtu(cx, tp.sk.peer.0, &mut to, mtu);
        tp.sk.dst = Some(to);
        let path = self.dst_mtu(tp);
        if mtu < path && tp.sk.ip_dont_fragment(&to) {
            tp.sk.soft_err = Some(Errno::EMSGSIZE);
        }
        // `ip_sk_accept_pmtu`
        let accepts = !matches!(i32::from(tp.sk.pmtudisc), IP_PMTUDISC_DONT | IP_PMTUDISC_INTERFACE | IP_PMTUDISC_OMIT);
        if accepts && tp.pmtu_cookie > path {
            self.tcp_sync_mss(cx, tp, path);
            // What was larger is lost for certain.
            self.tcp_simple_retransmit(cx, tp);
        }
    }

    /// `tcp_ld_RTO_revert`: the link is broken, not congested: the last doubling of the time-out is taken back
    /// (RFC 6069).
    fn tcp_ld_rto_revert(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seq: u32) {
        if seq != tp.snd_una || tp.retransmits == 0 || tp.backoff == 0 {
            return;
        }
        let Some(sent_at) = tp.rtx_queue.front().map(|skb| skb.cb.sent_at) else { return };
        let (backoff, rto) = (tp.backoff, tp.rto_us);
        tp.backoff -= 1;
        if tp.srtt_us != 0 {
            tp.set_rto();
        } else {
            tp.rto_us = super::TIMEOUT_INIT_US;
        }
        let reverted = (u64::from(tp.rto_us) << tp.backoff.min(32)).min(u64::from(self.tcp_rto_max_us(tp))) as u32;
        tp.rto_us = reverted;
        cx.tell_set(tp.sk.id, Field::Backoff, u32::from(backoff), u32::from(tp.backoff));
        cx.tell_set(tp.sk.id, Field::RtoUs, rto, reverted);
        tp.mstamp_refresh(cx);
        let passed = tp.tcp_mstamp.saturating_sub(sent_at / 1000);
        // Nothing left: the timer fires at once.
        let remaining = u64::from(reverted).saturating_sub(passed) as u32;
        self.tcp_reset_xmit_timer(cx, tp, TimerKind::Retransmit, remaining, false);
    }
}
