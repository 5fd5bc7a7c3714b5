//! Resets and bare ACKs for segments that no full socket answers; and taking a reset.
//!
//! Linux: `tcp_v4_send_reset`, `tcp_v4_send_ack` in `net/ipv4/tcp_ipv4.c`; `tcp_reset` in `net/ipv4/tcp_input.c`. RFC 9293 §3.5.2, RFC 5961 §3.

use super::TcpSock;
use super::ecn::INET_ECN_MASK;
use super::ipv4::Segment;
use super::output::{Control, Path};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::syscall::Errno;
use crate::trace::{Function, TcpState};
use crate::wire::tcp::{ACK, RST};
use crate::wire::tcp_options::TcpOptions;

/// What `tcp_v4_send_ack` says.
pub(super) struct Ack {
    pub(super) path: Path,
    pub(super) seq: u32,
    pub(super) ack: u32,
    /// As it stands in the header.
    pub(super) window: u32,
    /// Timestamp and echo; without an echo there is no option.
    pub(super) timestamps: (u32, u32),
    pub(super) tos: u8,
}

impl Host {
    /// `tcp_v4_send_reset`: a reset is never answered with one.
    pub(super) fn tcp_v4_send_reset(&mut self, cx: &mut Cx<'_>, seg: &Segment) {
        if seg.has(RST) {
            return;
        }
        cx.call(Function::TcpV4SendReset, |cx| {
            // RFC 9293 §3.5.2:
            //   If the incoming segment has an ACK field, the reset takes its sequence number from the ACK
            //   field of the segment; otherwise the reset has sequence number zero and the ACK field is set
            //   to the sum of the sequence number and segment length of the incoming segment.
            let (seq, ack, flags) = if seg.has(ACK) { (seg.tcp.ack, 0, RST) } else { (0, seg.end_seq(), RST | ACK) };
            let control = Control {
                path: seg.reply_path(),
                seq,
                ack,
                flags,
                window: 0,
                options: TcpOptions::default(),
                tos: seg.ip.tos & !INET_ECN_MASK,
                ttl: None,
                to: None,
            };
            self.mib.inc(Counter::OutRsts);
            self.tcp_send_control(cx, control);
        });
    }

    /// `tcp_v4_send_ack`: an ACK from a request or a connection in TIME_WAIT.
    pub(super) fn tcp_v4_send_ack(&mut self, cx: &mut Cx<'_>, ack: Ack) {
        cx.call(Function::TcpV4SendAck, |cx| {
            let timestamps = Some(ack.timestamps).filter(|(_, echo)| *echo != 0);
            let control = Control {
                path: ack.path,
                seq: ack.seq,
                ack: ack.ack,
                flags: ACK,
                window: ack.window as u16,
                options: TcpOptions { timestamps, ..TcpOptions::default() },
                tos: ack.tos,
                ttl: None,
                to: None,
            };
            self.tcp_send_control(cx, control);
        });
    }

    /// `tcp_reset`: the peer gave the connection up.
    pub(super) fn tcp_reset(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        cx.call(Function::TcpReset, |cx| {
            let errno = match tp.state {
                TcpState::SynSent => Errno::ECONNREFUSED,
                TcpState::CloseWait => Errno::EPIPE,
                TcpState::Close => return,
                _ => Errno::ECONNRESET,
            };
            self.tcp_done_with_error(cx, tp, errno);
        });
    }
}
