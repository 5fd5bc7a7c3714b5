//! Explicit congestion notification: the network marks instead of dropping.
//!
//! Linux: `tcp_ecn_*` in `include/net/tcp_ecn.h` (before 6.18 in `tcp_input.c` and `tcp_output.c`). RFC 3168.
//! Accurate ECN (RFC 9768) is not negotiated: a SYN that asks for it gets the answer of RFC 3168.

use super::ipv4::Segment;
use super::seq::before;
use super::{ACK_NOW, TcpSock};
use crate::host::{Cx, Host};
use crate::skb::{SkBuff, TcpSkbCb};
use crate::wire::tcp::{CWR, ECE, SYN};

/// `TCP_ECN_MODE_RFC3168`: both sides agreed (`TCP_ECN_OK`).
pub(crate) const ECN_OK: u8 = 1;
/// `TCP_ECN_QUEUE_CWR`: the next new segment says that the window was reduced.
pub(crate) const ECN_QUEUE_CWR: u8 = 2;
/// `TCP_ECN_DEMAND_CWR`: congestion is echoed until the sender says that it has heard.
pub(crate) const ECN_DEMAND_CWR: u8 = 4;
/// `TCP_ECN_SEEN`: a segment came with ECT or CE.
pub(crate) const ECN_SEEN: u8 = 8;

/// `INET_ECN_MASK`: the two bits of the TOS byte.
pub(crate) const INET_ECN_MASK: u8 = 3;
/// `INET_ECN_ECT_0`: the sender understands marks.
pub(crate) const INET_ECN_ECT_0: u8 = 2;
/// `INET_ECN_CE`: a router on the way is congested.
pub(crate) const INET_ECN_CE: u8 = 3;

impl Host {
    /// `tcp_ecn_send_syn`: the flags to add to a SYN.
    pub(super) fn tcp_ecn_send_syn(&mut self, tp: &mut TcpSock) -> u8 {
        tp.ecn_flags = 0;
        let route = tp.sk.dst.is_some_and(|to| to.ecn);
        if self.sysctl.tcp_ecn != 1 && !route {
            return 0;
        }
        tp.ecn_flags = ECN_OK;
        ECE | CWR
    }

    /// `tcp_ecn_send`: what a segment that is not a SYN says; `payload` if it has any.
    pub(super) fn tcp_ecn_send(
        &mut self,
        tp: &mut TcpSock,
        cb: &TcpSkbCb,
        payload: bool,
        tos: &mut u8,
        flags: &mut u8,
    ) {
        if tp.ecn_flags & ECN_OK == 0 || cb.flags & SYN != 0 {
            return;
        }
        if payload && !before(cb.seq, tp.snd_nxt) {
            // New data is worth a mark (RFC 3168 §6.1.4, §6.1.5: no ACK, no retransmission is).
            *tos = *tos & !INET_ECN_MASK | INET_ECN_ECT_0;
            if tp.ecn_flags & ECN_QUEUE_CWR != 0 {
                tp.ecn_flags &= !ECN_QUEUE_CWR;
                *flags |= CWR;
            }
        } else {
            *tos &= !INET_ECN_MASK;
        }
        if tp.ecn_flags & ECN_DEMAND_CWR != 0 {
            *flags |= ECE;
        }
    }

    /// `tcp_data_ecn_check`: what the network wrote on a segment with data.
    pub(super) fn tcp_data_ecn_check(&mut self, _cx: &mut Cx<'_>, tp: &mut TcpSock, skb: &SkBuff) {
        if tp.ecn_flags & ECN_OK == 0 {
            return;
        }
        match skb.cb.tos & INET_ECN_MASK {
            0 => {
                // Not marked, after marked ones: probably a retransmission.
                if tp.ecn_flags & ECN_SEEN != 0 {
                    tp.enter_quickack_mode(2);
                }
                return;
            }
            INET_ECN_CE if tp.ecn_flags & ECN_DEMAND_CWR == 0 => {
                // The sender's window may be small by now: no ACK is held back.
                tp.enter_quickack_mode(2);
                tp.ecn_flags |= ECN_DEMAND_CWR;
            }
            _ => {}
        }
        tp.ecn_flags |= ECN_SEEN;
    }
}

impl TcpSock {
    /// `tcp_ecn_accept_cwr`: the peer has slowed down; nothing more need be echoed.
    pub(super) fn ecn_accept_cwr(&mut self, seg: &Segment) {
        if self.ecn_flags & ECN_OK != 0 && seg.has(CWR) {
            self.ecn_flags &= !ECN_DEMAND_CWR;
            if seg.tcp.seq != seg.end_seq() {
                self.ack.pending |= ACK_NOW;
            }
        }
    }

    /// `tcp_ecn_rcv_synack`: did the peer agree?
    pub(super) fn ecn_rcv_synack(&mut self, seg: &Segment) {
        if !seg.has(ECE) || seg.has(CWR) {
            self.ecn_flags &= !ECN_OK;
        }
    }

    /// `tcp_ecn_rcv_syn`: the peer's SYN crossed ours: does it ask too?
    pub(super) fn ecn_rcv_syn(&mut self, seg: &Segment) {
        if !seg.has(ECE) || !seg.has(CWR) {
            self.ecn_flags &= !ECN_OK;
        }
    }

    /// `tcp_ecn_rcv_ecn_echo`: does this ACK echo congestion?
    pub(super) fn ecn_rcv_ecn_echo(&self, seg: &Segment) -> bool {
        seg.has(ECE) && !seg.has(SYN) && self.ecn_flags & ECN_OK != 0
    }

    /// `tcp_ecn_queue_cwr`: the window is reduced: say so once.
    pub(super) fn ecn_queue_cwr(&mut self) {
        if self.ecn_flags & ECN_OK != 0 {
            self.ecn_flags |= ECN_QUEUE_CWR;
        }
    }

    /// `tcp_ecn_withdraw_cwr`: the reduction is undone.
    pub(super) fn ecn_withdraw_cwr(&mut self) {
        self.ecn_flags &= !ECN_QUEUE_CWR;
    }
}
