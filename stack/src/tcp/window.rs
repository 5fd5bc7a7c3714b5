//! The receive window: how much we offer, and how it grows.
//!
//! Linux: `tcp_select_initial_window`, `__tcp_select_window`, `tcp_select_window` in `net/ipv4/tcp_output.c`;
//! `tcp_grow_window`, `tcp_rcv_space_adjust` in `net/ipv4/tcp_input.c`. RFC 7323 §2, RFC 1122 §4.2.3.3.

use super::{TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::socket::Sock;
use crate::time::Duration;
use crate::trace::{Field, SockId};

/// `tcp_win_from_space`: half of the memory is for payload, half for what carries it.
pub(super) const fn win_from_space(space: u32) -> u32 {
    space / 2
}

/// `tcp_space`: payload bytes that still fit the receive buffer.
pub(super) fn tcp_space(sock: &Sock) -> u32 {
    win_from_space(sock.rcvbuf.saturating_sub(sock.rmem_alloc))
}

/// `tcp_select_initial_window`: the first window, in bytes, and the scale to ask for.
pub(super) fn select_initial_window(space: u32, mss: u32, wscale_ok: bool, rmem_max: u32) -> (u32, u8) {
    let wscale = if wscale_ok {
        let most = space.max(rmem_max).max(1);
        (most.ilog2() as i32 - 15).clamp(0, 14) as u8
    } else {
        0
    };
    let space = if space > mss { space - space % mss } else { space };
    (space.min(65_535), wscale)
}

impl Host {
    /// `__tcp_select_window`: silly-window avoidance (RFC 1122 §4.2.3.3) and what fits the buffer.
    pub(super) fn tcp_calc_window(&self, sk: SockId) -> u32 {
        let (Some(sock), Some(tp)) = (self.socks.get(sk), self.socks.tcp(sk)) else { return 0 };
        let full_space = win_from_space(sock.rcvbuf).min(tp.window_clamp);
        let mss = tp.ack.rcv_mss.min(full_space);
        let mut free = tcp_space(sock).min(full_space);
        let scale = tp.rcv_wscale;
        if free < full_space / 2 {
            free = free >> scale << scale;
            if free < win_from_space(sock.rcvbuf) / 16 || free < mss {
                return 0;
            }
        }
        free = free.min(tp.rcv_ssthresh);
        if tp.wscale_ok && scale > 0 {
            return (free + (1 << scale) - 1) >> scale << scale;
        }
        let window = tp.rcv_wnd;
        if mss > 0 && (window + mss <= free || window > free) {
            return free - free % mss;
        }
        window
    }

    /// `tcp_select_window`: the number for the header, already scaled. The right edge never moves left.
    pub(super) fn tcp_select_window(&mut self, cx: &mut Cx<'_>, sk: SockId) -> u16 {
        let wanted = self.tcp_calc_window(sk);
        let Some(tp) = self.socks.tcp(sk) else { return 0 };
        let (current, scale, scaled) = (tp.receive_window(), tp.rcv_wscale, tp.wscale_ok);
        let window = if wanted < current { (current + (1 << scale) - 1) >> scale << scale } else { wanted };
        let window = if scaled { window.min(65_535 << scale) } else { window.min(65_535) };
        tcp_set!(self, cx, sk, rcv_wnd, RcvWnd, window);
        if let Some(tp) = self.socks.tcp_mut(sk) {
            tp.rcv_wup = tp.rcv_nxt;
        }
        (window >> scale) as u16
    }

    /// `tcp_grow_window`: full-sized segments open the window further.
    pub(super) fn tcp_grow_window(&mut self, sk: SockId, len: u32) {
        let Some(room) = self.socks.get(sk).map(tcp_space) else { return };
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        let room = room.min(tp.window_clamp).saturating_sub(tp.rcv_ssthresh);
        if room > 0 && len > 128 {
            tp.ack.quick = tp.ack.quick.max(1);
            tp.rcv_ssthresh += room.min(2 * u32::from(tp.advmss));
        }
    }

    /// `tcp_rcv_space_adjust`: what was read in one round trip decides how large the buffer should be.
    pub(super) fn tcp_rcv_space_adjust(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let max = self.sysctl.tcp_rmem[2] as u32;
        let Some(sock) = self.socks.get(sk) else { return };
        let locked = sock.rcvbuf_locked;
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        let (space, since_seq, since) = tp.rcvq_space;
        let rtt = Duration::from_micros(u64::from((tp.srtt_us >> 3).max(1_000)));
        if cx.now.since(since) < rtt {
            return;
        }
        let copied = tp.copied_seq.wrapping_sub(since_seq);
        if copied > space {
            let advmss = u32::from(tp.advmss);
            let wanted = (2 * u64::from(copied) + 16 * u64::from(advmss)).min(u64::from(max / 2)) as u32;
            tp.rcvq_space.0 = copied;
            if !locked {
                let rcvbuf = (wanted * 2).min(max);
                let clamp = win_from_space(rcvbuf);
                tp.window_clamp = tp.window_clamp.max(clamp);
                if let Some(sock) = self.socks.get_mut(sk) {
                    sock.rcvbuf = sock.rcvbuf.max(rcvbuf);
                }
            }
        }
        if let Some(tp) = self.socks.tcp_mut(sk) {
            tp.rcvq_space.1 = tp.copied_seq;
            tp.rcvq_space.2 = cx.now;
        }
    }

    /// `tcp_init_buffer_space` and `tcp_sndbuf_expand`: buffers of a connection that is open.
    pub(super) fn tcp_init_buffer_space(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let wmem_max = self.sysctl.tcp_wmem[2] as u32;
        let Some(sock) = self.socks.get(sk) else { return };
        let clamp = win_from_space(sock.rcvbuf);
        if let Some(tp) = self.socks.tcp_mut(sk) {
            tp.window_clamp = if tp.window_clamp == 0 { clamp } else { tp.window_clamp.min(clamp).max(tp.rcv_wnd) };
            tp.rcv_ssthresh = tp.rcv_ssthresh.min(tp.window_clamp);
            tp.rcvq_space = (tp.rcv_wnd.min(10 * u32::from(tp.advmss)), tp.copied_seq, cx.now);
        }
        self.tcp_sndbuf_expand(sk, wmem_max);
    }

    /// `tcp_sndbuf_expand`: room for twice the congestion window.
    pub(super) fn tcp_sndbuf_expand(&mut self, sk: SockId, wmem_max: u32) {
        let Some(tp) = self.socks.tcp(sk) else { return };
        let per_mss = (u32::from(tp.mss_clamp.min(1460)).max(tp.mss_cache) + super::MAX_TCP_HEADER + 320)
            .next_power_of_two()
            + 256;
        let segments = tp.snd_cwnd.max(10).max(4);
        let wanted = (2 * segments).saturating_mul(per_mss).min(wmem_max);
        if let Some(sock) = self.socks.get_mut(sk).filter(|s| !s.sndbuf_locked) {
            sock.sndbuf = sock.sndbuf.max(wanted);
        }
    }

    /// Tells the window that a segment brought.
    pub(super) fn tcp_set_snd_wnd(&mut self, cx: &mut Cx<'_>, sk: SockId, window: u32, seq: u32) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        tp.snd_wl1 = seq;
        tp.max_window = tp.max_window.max(window);
        let old = core::mem::replace(&mut tp.snd_wnd, window);
        self.tell_set(cx, sk, Field::SndWnd, old, window);
    }
}

impl TcpSock {
    /// `tcp_sync_mss`: payload bytes of a full segment, from the path's MTU, the peer's MSS and our options.
    pub(super) fn sync_mss(&mut self) {
        let options = if self.tstamp_ok { 12 } else { 0 };
        let mss = (u32::from(self.pmtu).saturating_sub(40)).min(u32::from(self.mss_clamp));
        let mss = if self.user_mss > 0 { mss.min(u32::from(self.user_mss)) } else { mss };
        self.mss_cache = mss.saturating_sub(options).max(MIN_PAYLOAD);
    }
}

/// The least payload of a full segment: `TCP_MIN_MSS` less the options.
const MIN_PAYLOAD: u32 = super::MIN_MSS - 40;
