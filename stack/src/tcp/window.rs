//! The receive window: how much we offer, and what room there is for it.
//!
//! Linux: `tcp_select_initial_window`, `tcp_select_window`, `__tcp_select_window` in `net/ipv4/tcp_output.c`;
//! `tcp_grow_window`, `tcp_clamp_window`, `tcp_init_buffer_space` in `net/ipv4/tcp_input.c`; `tcp_space` in
//! `include/net/tcp.h`. RFC 7323 §2, RFC 1122 §4.2.3.3 (silly windows).

use super::seq::after;
use super::{ACK_NOMEM, INIT_CWND, MIN_MSS, MSS_DEFAULT, TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::skb::SkBuff;
use crate::sysctl::Sysctl;

/// `TCP_RMEM_TO_WIN_SCALE`: `scaling_ratio` counts 1/256.
const RMEM_TO_WIN_SCALE: u32 = 8;
/// `TCP_MAX_WSCALE`
const MAX_WSCALE: u32 = 14;
/// `MAX_TCP_WINDOW`: the largest window that is positive as a signed number.
const MAX_TCP_WINDOW: u32 = 32_767;

/// `ALIGN`: up to the next multiple of `1 << shift`.
const fn align_up(value: u32, shift: u8) -> u32 {
    let mask = (1 << shift) - 1;
    value.saturating_add(mask) & !mask
}

/// `tcp_select_initial_window`: (`rcv_wnd`, `window_clamp`, `rcv_wscale`).
pub(super) fn select_initial_window(
    sysctl: &Sysctl,
    space: i32,
    mss: u32,
    clamp: u32,
    wscale_ok: bool,
    init_rcv_wnd: u32,
) -> (u32, u32, u8) {
    let clamp = if clamp == 0 { u32::from(u16::MAX) << MAX_WSCALE } else { clamp };
    let mut space = clamp.min(space.max(0) as u32);
    if space > mss && mss > 0 {
        space -= space % mss;
    }
    let mut rcv_wnd = if sysctl.tcp_workaround_signed_windows != 0 { space.min(MAX_TCP_WINDOW) } else { space };
    if init_rcv_wnd > 0 {
        rcv_wnd = rcv_wnd.min(init_rcv_wnd.saturating_mul(mss));
    }
    let mut wscale = 0;
    if wscale_ok {
        let most = space.max(sysctl.tcp_rmem[2] as u32).max(sysctl.rmem_max as u32).min(clamp);
        wscale = (most.max(1).ilog2().saturating_sub(15)).min(MAX_WSCALE) as u8;
    }
    (rcv_wnd, clamp.min(u32::from(u16::MAX) << wscale), wscale)
}

impl TcpSock {
    /// `tcp_receive_window`: what the peer may still send, bytes.
    pub(crate) fn receive_window(&self) -> u32 {
        let win = self.rcv_wup.wrapping_add(self.rcv_wnd).wrapping_sub(self.rcv_nxt) as i32;
        win.max(0) as u32
    }

    /// `tcp_max_receive_window`: the same, up to the furthest right edge that was ever offered.
    pub(super) fn max_receive_window(&self) -> u32 {
        (self.rcv_mwnd_seq.wrapping_sub(self.rcv_nxt) as i32).max(0) as u32
    }

    /// `tcp_update_max_rcv_wnd_seq`.
    pub(super) fn update_max_rcv_wnd_seq(&mut self) {
        let edge = self.rcv_wup.wrapping_add(self.rcv_wnd);
        if after(edge, self.rcv_mwnd_seq) {
            self.rcv_mwnd_seq = edge;
        }
    }

    /// `tcp_win_from_space`: how much of this memory is payload, by what was seen.
    pub(crate) fn win_from_space(&self, space: i32) -> i32 {
        ((i64::from(space) * i64::from(self.scaling_ratio)) >> RMEM_TO_WIN_SCALE) as i32
    }

    /// `tcp_space_from_win`.
    pub(super) fn space_from_win(&self, win: u32) -> u32 {
        ((u64::from(win) << RMEM_TO_WIN_SCALE) / u64::from(self.scaling_ratio.max(1))) as u32
    }

    /// `tcp_space`: payload bytes that still fit; negative if the buffer is over its limit.
    pub(crate) fn space(&self) -> i32 {
        self.win_from_space(self.sk.rcvbuf as i32 - self.sk.rmem_alloc as i32)
    }

    /// `tcp_full_space`: payload bytes that fit an empty buffer.
    pub(crate) fn full_space(&self) -> i32 {
        self.win_from_space(self.sk.rcvbuf as i32)
    }

    /// `tcp_initialize_rcv_mss`: a careful first guess.
    pub(super) fn initialize_rcv_mss(&mut self) {
        let hint = u32::from(self.advmss).min(self.mss_cache).min(self.rcv_wnd / 2).min(u32::from(MSS_DEFAULT));
        self.ack.rcv_mss = hint.max(MIN_MSS);
    }
}

impl Host {
    /// `__tcp_select_window`: what fits the buffer, without silly steps (RFC 1122 §4.2.3.3).
    pub(super) fn tcp_select_window_bytes(&mut self, tp: &mut TcpSock) -> u32 {
        let mut mss = tp.ack.rcv_mss as i32;
        let mut free = tp.space();
        let allowed = tp.full_space();
        let full = (tp.window_clamp.min(i32::MAX as u32) as i32).min(allowed);
        if mss > full {
            mss = full;
            if mss <= 0 {
                return 0;
            }
        }
        let wscale = tp.rx_opt.rcv_wscale;
        let may_shrink = self.sysctl.tcp_shrink_window != 0 && wscale > 0;
        if may_shrink {
            free = free >> wscale << wscale;
        }
        if free < full >> 1 {
            tp.ack.quick = 0;
            free = free >> wscale << wscale;
            if free < allowed >> 4 || free < mss || (may_shrink && free < 1 << wscale) {
                return 0;
            }
        }
        let free = (free.max(0) as u32).min(tp.rcv_ssthresh);
        if wscale > 0 {
            // Rounded up, lest it be scaled away.
            return align_up(free, wscale);
        }
        let (mss, full, window) = (mss as u32, full as u32, tp.rcv_wnd);
        if i64::from(window) <= i64::from(free) - i64::from(mss) || window > free {
            return free - free % mss.max(1);
        }
        if mss == full && free > window + (full >> 1) {
            return free;
        }
        window
    }

    /// `tcp_select_window`: what stands in the header, scaled. The right edge moves left only where the kernel
    /// variable `tcp_shrink_window` lets it, or when there is no memory at all.
    pub(super) fn tcp_select_window(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) -> u16 {
        let old = tp.rcv_wnd;
        if tp.ack.pending & ACK_NOMEM != 0 {
            tcp_set!(cx, tp, rcv_wnd, RcvWnd, 0);
            tp.rcv_wup = tp.rcv_nxt;
            tp.update_max_rcv_wnd_seq();
            return 0;
        }
        let current = tp.receive_window();
        let mut window = self.tcp_select_window_bytes(tp);
        let wscale = tp.rx_opt.rcv_wscale;
        if window < current && (self.sysctl.tcp_shrink_window == 0 || wscale == 0) {
            if window == 0 {
                self.mib.inc(Counter::TcpWantZeroWindowAdv);
            }
            window = align_up(current, wscale);
        }
        tcp_set!(cx, tp, rcv_wnd, RcvWnd, window);
        tp.rcv_wup = tp.rcv_nxt;
        tp.update_max_rcv_wnd_seq();
        let most = if wscale == 0 && self.sysctl.tcp_workaround_signed_windows != 0 {
            MAX_TCP_WINDOW
        } else {
            u32::from(u16::MAX) << wscale
        };
        let scaled = window.min(most) >> wscale;
        if scaled == 0 && old > 0 {
            self.mib.inc(Counter::TcpToZeroWindowAdv);
        } else if scaled > 0 && old == 0 {
            self.mib.inc(Counter::TcpFromZeroWindowAdv);
        }
        scaled as u16
    }

    /// `tcp_grow_window`: segments that use their memory well open the window further.
    pub(super) fn tcp_grow_window(&mut self, tp: &mut TcpSock, skb: &SkBuff) {
        let most = (tp.window_clamp.min(i32::MAX as u32) as i32).min(tp.space());
        let room = most - tp.rcv_ssthresh as i32;
        if room <= 0 {
            return;
        }
        let (truesize, len) = (skb.truesize(), skb.len() as i32);
        let incr = if tp.win_from_space(truesize as i32) <= len {
            2 * i32::from(tp.advmss)
        } else {
            self.tcp_grow_window_incr(tp, len, truesize)
        };
        if incr > 0 {
            tp.rcv_ssthresh += room.min(incr.max(2 * len)) as u32;
            tp.ack.quick |= 1;
        }
    }

    /// `__tcp_grow_window`: the smaller the window still is, the more waste is borne.
    fn tcp_grow_window_incr(&self, tp: &TcpSock, len: i32, truesize: u32) -> i32 {
        let mut truesize = tp.win_from_space(truesize as i32) >> 1;
        let mut window = tp.win_from_space(self.sysctl.tcp_rmem[2] as i32) >> 1;
        while tp.rcv_ssthresh as i32 <= window {
            if truesize <= len {
                return 2 * tp.ack.rcv_mss as i32;
            }
            truesize >>= 1;
            window >>= 1;
        }
        0
    }

    /// `tcp_clamp_window`: the buffer is full. It may grow; if it may not, the window gets small.
    pub(super) fn tcp_clamp_window(&mut self, tp: &mut TcpSock) {
        tp.ack.quick = 0;
        let most = self.sysctl.tcp_rmem[2] as u32;
        if tp.sk.rcvbuf < most && !tp.sk.rcvbuf_locked {
            tp.sk.rcvbuf = tp.sk.rmem_alloc.min(most);
        }
        if tp.sk.rmem_alloc > tp.sk.rcvbuf {
            tp.rcv_ssthresh = tp.window_clamp.min(2 * u32::from(tp.advmss));
        }
    }

    /// `tcp_init_buffer_space`: buffers and their windows, now that the connection is open.
    pub(super) fn tcp_init_buffer_space(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if !tp.sk.sndbuf_locked {
            self.tcp_sndbuf_expand(tp);
        }
        tp.mstamp_refresh(cx);
        let app_win = self.sysctl.tcp_app_win as u32;
        let advmss = u32::from(tp.advmss);
        let most = tp.full_space().max(0) as u32;
        if tp.window_clamp >= most {
            tp.window_clamp = most;
            if app_win > 0 && most > 4 * advmss {
                tp.window_clamp = (most - (most >> app_win)).max(4 * advmss);
            }
        }
        // Room for one segment is kept free.
        if app_win > 0 && tp.window_clamp > 2 * advmss && tp.window_clamp + advmss > most {
            tp.window_clamp = (2 * advmss).max(most.saturating_sub(advmss));
        }
        tp.rcv_ssthresh = tp.rcv_ssthresh.min(tp.window_clamp);
        tp.snd_cwnd_stamp = cx.now;
        let space = tp.rcv_ssthresh.min(tp.rcv_wnd).min(INIT_CWND * advmss);
        tp.rcvq_space = (space, tp.copied_seq, tp.tcp_mstamp);
    }
}

#[cfg(test)]
mod tests;
