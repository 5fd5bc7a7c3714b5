//! Stubs: replaced one by one.
#![allow(unused_variables, clippy::needless_pass_by_value, dead_code)]

use super::ipv4::Segment;
use super::{CaState, TcpSock};
use crate::host::{Cx, Host};
use crate::icmp::Quoted;
use crate::skb::{SkBuff, TcpSkbCb};
use crate::syscall::{Errno, SockAddr, Stop};
use crate::sysctl::Sysctl;
use crate::time::Duration;
use crate::trace::{SockId, TcpState, TimerKind};
use crate::wire::ipv4::Ipv4Repr;
use alloc::boxed::Box;

// me (lead): what others call
impl Host {}
impl TcpSock {}

// conn
impl Host {
    pub(crate) fn tcp_v4_connect(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, addr: SockAddr) -> Result<(), Stop> {
        Err(Errno::ENOSYS.into())
    }
    pub(crate) fn tcp_v4_rcv(&mut self, cx: &mut Cx<'_>, ip: Ipv4Repr, skb: SkBuff) {
        skb.consume(cx);
    }
    pub(crate) fn tcp_v4_err(&mut self, cx: &mut Cx<'_>, q: &Quoted, errno: Errno, fatal: bool, mtu: Option<u16>) {}
    pub(super) fn tcp_v4_send_reset(&mut self, cx: &mut Cx<'_>, seg: &Segment) {}
    /// `tcp_reset`: the peer's RST.
    pub(super) fn tcp_reset(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {}
    /// `__tcp_close`: the last descriptor is gone (sets `dead`).
    pub(crate) fn tcp_close(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {}
    pub(crate) fn tcp_shutdown(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {}
    pub(crate) fn tcp_disconnect(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) -> Result<(), Stop> {
        Ok(())
    }
    pub(super) fn tcp_done(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {}
    /// Frees a socket that was taken out of the table: queues, page, port, tables; tells its end.
    pub(crate) fn tcp_free(&mut self, cx: &mut Cx<'_>, tp: Box<TcpSock>) {}
    /// `tcp_time_wait`: the small form takes the connection over; `tp` is done.
    pub(super) fn tcp_time_wait(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, substate: TcpState, after: Duration) {}
    pub(crate) fn reqsk_timer_handler(&mut self, cx: &mut Cx<'_>, id: SockId) {}
    pub(crate) fn tw_timer_handler(&mut self, cx: &mut Cx<'_>, id: SockId) {}
    /// A child's handshake is complete: it enters its listener's accept queue was done before; wakes the listener.
    pub(super) fn tcp_child_established(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {}
    /// `tcp_ecn_send_syn`: flags to add to a SYN (ECE, CWR), by `tcp_ecn`.
    pub(super) fn tcp_ecn_send_syn(&mut self, tp: &mut TcpSock) -> u8 {
        0
    }
    /// `tcp_ecn_send`: sets ECT in `tos` and ECE/CWR in `flags` of an outgoing segment with `payload` new bytes.
    pub(super) fn tcp_ecn_send(
        &mut self,
        tp: &mut TcpSock,
        cb: &TcpSkbCb,
        payload: bool,
        tos: &mut u8,
        flags: &mut u8,
    ) {
    }
    /// `tcp_data_ecn_check`
    pub(super) fn tcp_data_ecn_check(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, skb: &SkBuff) {}
    /// `tcp_ecn_accept_cwr`
    pub(super) fn tcp_ecn_accept_cwr(&mut self, tp: &mut TcpSock, skb: &SkBuff) {}
}
impl TcpSock {
    /// `tcp_ecn_rcv_synack`
    pub(super) fn ecn_rcv_synack(&mut self, seg: &Segment) {}
    /// `tcp_ecn_rcv_syn` (simultaneous open)
    pub(super) fn ecn_rcv_syn(&mut self, seg: &Segment) {}
    /// `tcp_ecn_rcv_ecn_echo`
    pub(super) fn ecn_rcv_ecn_echo(&self, seg: &Segment) -> bool {
        false
    }
    pub(super) fn ecn_queue_cwr(&mut self) {}
    pub(super) fn ecn_withdraw_cwr(&mut self) {}
}
