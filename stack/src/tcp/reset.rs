//! Resets: sending one for a segment that belongs to nobody, and taking one.
//!
//! Linux: `tcp_v4_send_reset` in `net/ipv4/tcp_ipv4.c`, `tcp_reset` in `net/ipv4/tcp_input.c`.
//! RFC 9293 §3.5.2, RFC 5961 §3.

use super::ipv4::Segment;
use super::output::Control;
use crate::host::{Cx, Host};
use crate::syscall::Errno;
use crate::trace::{Function, SockId, TcpState};
use crate::wire::tcp::{ACK, RST};
use crate::wire::tcp_options::TcpOptions;

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
                tos: seg.ip.tos & 0xfc,
            };
            self.tcp_send_control(cx, control);
        });
    }

    /// `tcp_reset`: the peer gave the connection up.
    pub(super) fn tcp_reset(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        cx.call(Function::TcpReset, |cx| {
            let errno = match self.socks.get(sk).map(|s| s.state) {
                Some(TcpState::SynSent) => Errno::ECONNREFUSED,
                Some(TcpState::CloseWait) => Errno::EPIPE,
                Some(TcpState::Close) | None => return,
                Some(_) => Errno::ECONNRESET,
            };
            self.sk_set_err(cx, sk, errno);
            self.tcp_write_queue_purge(cx, sk);
            self.tcp_done(cx, sk);
        });
    }
}
