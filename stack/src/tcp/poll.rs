//! What a TCP socket is ready for, and how much is queued.
//!
//! Linux: `net/ipv4/tcp.c` (`tcp_poll`, `tcp_ioctl`, `tcp_inq`).

use super::TcpSock;
use super::seq::before;
use super::urg::URG_VALID;
use crate::host::Host;
use crate::socket::{RCV_SHUTDOWN, SEND_SHUTDOWN};
use crate::syscall::{
    EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP, EPOLLRDNORM, EPOLLWRNORM, Errno, SIOCATMARK, SIOCINQ,
    SIOCOUTQ, SIOCOUTQNSD,
};
use crate::trace::TcpState;

impl Host {
    /// `tcp_poll`. If there is no room to write it notes that somebody wants to know when there is.
    pub(crate) fn tcp_poll(&self, tp: &mut TcpSock) -> u32 {
        if tp.state == TcpState::Listen {
            let waiting = tp.listen.as_ref().is_some_and(|l| !l.accept_queue.is_empty());
            return if waiting { EPOLLIN | EPOLLRDNORM } else { 0 };
        }
        let mut mask = 0;
        if tp.shutdown == RCV_SHUTDOWN | SEND_SHUTDOWN || tp.state == TcpState::Close {
            mask |= EPOLLHUP;
        }
        if tp.shutdown & RCV_SHUTDOWN != 0 {
            mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
        }
        if !matches!(tp.state, TcpState::SynSent | TcpState::SynRecv) {
            let urgent = tp.urg_data != 0 && tp.urg_seq == tp.copied_seq && !tp.oobinline;
            let target = tp.rcvlowat.clamp(1, i32::MAX as usize) + usize::from(urgent);
            if tp.is_readable(target) {
                mask |= EPOLLIN | EPOLLRDNORM;
            }
            if tp.shutdown & SEND_SHUTDOWN != 0 || self.sk_stream_is_writeable(tp) {
                mask |= EPOLLOUT | EPOLLWRNORM;
            } else {
                tp.sk.nospace = true;
            }
            if tp.urg_data & URG_VALID != 0 {
                mask |= EPOLLPRI;
            }
        }
        if tp.err.is_some() || tp.has_error_queue() {
            mask |= EPOLLERR;
        }
        mask
    }
}

impl TcpSock {
    /// `tcp_epollin_ready`: enough to read for `SO_RCVLOWAT`, or the peer cannot send more.
    pub(crate) fn is_readable(&self, target: usize) -> bool {
        let avail = self.rcv_nxt.wrapping_sub(self.copied_seq) as i32;
        // `tcp_rmem_pressure`: the buffer is nearly full.
        let pressure = || self.rmem_alloc > self.rcvbuf - (self.rcvbuf >> 3);
        avail > 0 && (avail as usize >= target || pressure() || self.receive_window() <= self.ack.rcv_mss)
    }

    /// `tcp_ioctl`.
    pub(crate) fn ioctl(&self, request: u32) -> Result<i32, Errno> {
        let opening = matches!(self.state, TcpState::SynSent | TcpState::SynRecv);
        match request {
            SIOCATMARK => return Ok(i32::from(self.urg_data != 0 && self.urg_seq == self.copied_seq)),
            SIOCINQ | SIOCOUTQ | SIOCOUTQNSD if self.state == TcpState::Listen => return Err(Errno::EINVAL),
            SIOCINQ | SIOCOUTQ | SIOCOUTQNSD => {}
            _ => return Err(Errno::ENOTTY),
        }
        Ok(match request {
            _ if opening => 0,
            SIOCINQ => self.inq() as i32,
            SIOCOUTQ => self.write_seq.wrapping_sub(self.snd_una) as i32,
            _ => self.write_seq.wrapping_sub(self.snd_nxt) as i32,
        })
    }

    /// `tcp_inq`: bytes that can be read before urgent data or the end.
    fn inq(&self) -> u32 {
        let no_mark = self.oobinline
            || self.urg_data == 0
            || before(self.urg_seq, self.copied_seq)
            || !before(self.urg_seq, self.rcv_nxt);
        if !no_mark {
            return self.urg_seq.wrapping_sub(self.copied_seq);
        }
        // The FIN counts in `rcv_nxt`.
        let queued = self.rcv_nxt.wrapping_sub(self.copied_seq);
        queued.saturating_sub(u32::from(self.done))
    }

    /// `tcp_inq_hint`: what `TCP_CM_INQ` says. After the FIN it is never 0, so that the program reads on.
    pub(crate) fn inq_hint(&self) -> i32 {
        let inq = self.rcv_nxt.wrapping_sub(self.copied_seq) as i32;
        if inq == 0 && self.done { 1 } else { inq }
    }
}
