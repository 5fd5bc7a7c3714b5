//! Dynamic right-sizing: the receive buffer grows with what the program reads in a round trip; and what the
//! receiver can measure: the round trip, the peer's segment size, how well its packets use their memory.
//!
//! Linux: `tcp_rcv_space_adjust`, `tcp_rcvbuf_grow`, `tcp_rcv_rtt_update`, `tcp_rcv_rtt_measure`,
//! `tcp_rcv_rtt_measure_ts`, `tcp_measure_rcv_mss` in `net/ipv4/tcp_input.c`.

use super::seq::before;
use super::{ACK_PUSHED, ACK_PUSHED2, MIN_MSS, MSS_DEFAULT, TcpSock};
use crate::host::{Cx, Host};
use crate::skb::SkBuff;
use crate::wire::tcp::{FIN, PSH, SYN, TCP_HLEN, URG};

impl TcpSock {
    /// `tcp_rcv_rtt_update`: a sample of the round trip, µs; `win_dep` if a window's worth of data measured it.
    fn rcv_rtt_update(&mut self, sample: u32, win_dep: bool) {
        let old = self.rcv_rtt_est.0;
        let scaled = sample.saturating_mul(8);
        if old == 0 || scaled < old {
            self.rcv_rtt_est.0 = scaled;
        } else if !win_dep && self.rcv_nxt == self.copied_seq {
            // A reader that is late would make the round trip look long.
            self.rcv_rtt_est.0 = old - (old >> 3) + sample;
        }
    }

    /// `tcp_rcv_rtt_measure`: how long a whole window takes to arrive.
    pub(super) fn rcv_rtt_measure(&mut self) {
        let (_, seq, time) = self.rcv_rtt_est;
        if time != 0 {
            if before(self.rcv_nxt, seq) {
                return;
            }
            let delta = self.tcp_mstamp.saturating_sub(time).clamp(1, u64::from(u32::MAX));
            self.rcv_rtt_update(delta as u32, true);
        }
        self.rcv_rtt_est.1 = self.rcv_nxt.wrapping_add(self.rcv_wnd);
        self.rcv_rtt_est.2 = self.tcp_mstamp;
    }

    /// `tcp_rcv_rtt_measure_ts`: a full segment echoes the timestamp of an ACK of ours.
    pub(super) fn rcv_rtt_measure_ts(&mut self, skb: &SkBuff) {
        let echo = self.rx_opt.rcv_tsecr;
        if echo == self.rcv_rtt_last_tsecr {
            return;
        }
        self.rcv_rtt_last_tsecr = echo;
        if skb.cb.end_seq.wrapping_sub(skb.cb.seq) < self.ack.rcv_mss {
            return;
        }
        let ms = self.time_stamp_ts().wrapping_sub(echo);
        if ms > 0 && ms < i32::MAX as u32 / 1000 {
            self.rcv_rtt_update(ms * 1000, false);
        }
    }

    /// `tcp_measure_rcv_mss`: what a full segment of the peer's is; `header_len` is that of the TCP header that
    /// was stripped.
    pub(super) fn measure_rcv_mss(&mut self, skb: &SkBuff, header_len: u32) {
        let lss = core::mem::take(&mut self.ack.last_seg_size);
        let mut len = if skb.gso_size > 0 { u32::from(skb.gso_size) } else { skb.len() as u32 };
        if len >= self.ack.rcv_mss {
            if len != self.ack.rcv_mss {
                self.update_scaling_ratio(skb);
            }
            self.ack.rcv_mss = len.min(u32::from(self.advmss));
            // A full segment with PSH is probably the end of what the program wrote.
            if skb.cb.flags & PSH != 0 {
                self.ack.pending |= ACK_PUSHED;
            }
            return;
        }
        len += header_len;
        let fixed = TCP_HLEN as u32;
        let whole = skb.cb.flags & (FIN | URG | SYN | PSH) == 0;
        if len >= u32::from(MSS_DEFAULT) + fixed || (len >= MIN_MSS + fixed && whole) {
            // Less what every segment has of header; SACK blocks come and go.
            len = len.saturating_sub(u32::from(self.tcp_header_len));
            self.ack.last_seg_size = len;
            if len == lss {
                self.ack.rcv_mss = len;
                return;
            }
        }
        if self.ack.pending & ACK_PUSHED != 0 {
            self.ack.pending |= ACK_PUSHED2;
        }
        self.ack.pending |= ACK_PUSHED;
    }

    /// How much of an skb is payload: the window follows.
    fn update_scaling_ratio(&mut self, skb: &SkBuff) {
        let ratio = ((skb.len() as u64) << 8) / u64::from(skb.truesize().max(1));
        let old = core::mem::replace(&mut self.scaling_ratio, ratio.clamp(1, 255) as u8);
        if old != self.scaling_ratio {
            // An empty buffer is no reason to stop.
            let _ = self.set_window_clamp(self.full_space());
            self.rcvq_space.0 = self.rcvq_space.0.min(self.window_clamp);
        }
    }
}

impl Host {
    /// `tcp_rcv_space_adjust`: how much was read in the last round trip?
    pub(super) fn tcp_rcv_space_adjust(&mut self, _cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let rtt = tp.rcv_rtt_est.0 >> 3;
        if tp.rcv_rtt_est.0 == 0 || tp.tcp_mstamp.saturating_sub(tp.rcvq_space.2) < u64::from(rtt) {
            return;
        }
        // What still waits in the queue does not count.
        let waiting = tp.rcv_nxt.wrapping_sub(tp.copied_seq);
        let copied = tp.copied_seq.wrapping_sub(tp.rcvq_space.1).wrapping_sub(waiting) as i32;
        if copied > tp.rcvq_space.0 as i32 {
            self.tcp_rcvbuf_grow(tp, copied as u32);
        }
        tp.rcvq_space.1 = tp.copied_seq;
        tp.rcvq_space.2 = tp.tcp_mstamp;
    }

    /// `tcp_rcvbuf_grow`: room for twice what is read in a round trip, and for the sender to speed up.
    pub(super) fn tcp_rcvbuf_grow(&mut self, tp: &mut TcpSock, new: u32) {
        let old = core::mem::replace(&mut tp.rcvq_space.0, new);
        if self.sysctl.tcp_moderate_rcvbuf == 0 || tp.sk.rcvbuf_locked {
            return;
        }
        let mut window = u64::from(new) << 1;
        let rtt = u64::from(tp.rcv_rtt_est.0 >> 3);
        let low = self.sysctl.tcp_rcvbuf_low_rtt.max(0) as u64;
        window += if rtt < low {
            // A short round trip: line rate is reached soon enough with a smaller buffer.
            window * rtt / low
        } else {
            // Slow start: the sender may double its rate.
            (window << 1) * u64::from(new.saturating_sub(old)) / u64::from(old.max(1))
        };
        if let Some(last) = tp.ofo_queue.back() {
            window += u64::from(last.cb.end_seq.wrapping_sub(tp.rcv_nxt));
        }
        let cap = self.sysctl.tcp_rmem[2] as u32;
        let rcvbuf = tp.space_from_win(window.min(u64::from(u32::MAX)) as u32).min(cap);
        if rcvbuf > tp.sk.rcvbuf {
            tp.sk.rcvbuf = rcvbuf;
            tp.window_clamp = tp.full_space().max(0) as u32;
        }
    }
}

#[cfg(test)]
mod tests;
