//! Segment sizes and the path's MTU: what a segment may hold, and probing for more.
//!
//! Linux: `tcp_sync_mss`, `tcp_current_mss`, `tcp_mtu_to_mss`, `tcp_mtup_init`, `tcp_mtu_probe` in
//! `net/ipv4/tcp_output.c`, `tcp_mtup_probe_success` in `tcp_input.c`, `tcp_mtu_probing` in `tcp_timer.c`.
//! RFC 1191, RFC 4821.

use super::queue::{SendQueue, tell_stream};
use super::{TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::time::Duration;

impl TcpSock {
    /// `__tcp_mtu_to_mss`: payload of a packet of `pmtu` bytes without TCP options.
    fn mtu_to_mss_plain(&self, pmtu: u32, min_snd_mss: u32) -> u32 {
        let mss = pmtu.saturating_sub(40);
        mss.min(u32::from(self.rx_opt.mss_clamp)).max(min_snd_mss)
    }

    /// `tcp_mtu_to_mss`.
    pub(super) fn mtu_to_mss(&self, pmtu: u32, min_snd_mss: u32) -> u32 {
        let options = u32::from(self.tcp_header_len) - 20;
        self.mtu_to_mss_plain(pmtu, min_snd_mss).saturating_sub(options).max(1)
    }

    /// `tcp_mss_to_mtu`.
    pub(super) fn mss_to_mtu(&self, mss: u32) -> u32 {
        mss + u32::from(self.tcp_header_len) + 20
    }

    /// `tcp_bound_to_half_wnd`: a segment shall not take more than half of the largest window ever offered.
    pub(super) fn bound_to_half_wnd(&self, pktsize: u32) -> u32 {
        let cutoff =
            if self.max_window > u32::from(super::MSS_DEFAULT) { self.max_window >> 1 } else { self.max_window };
        if cutoff > 0 && pktsize > cutoff {
            cutoff.max(68u32.saturating_sub(u32::from(self.tcp_header_len)))
        } else {
            pktsize
        }
    }
}

impl Host {
    /// `tcp_mtup_init`.
    pub(super) fn tcp_mtup_init(&mut self, cx: &Cx<'_>, tp: &mut TcpSock) {
        tp.mtup_enabled = self.sysctl.tcp_mtu_probing > 1;
        tp.mtup_search_high = u32::from(tp.rx_opt.mss_clamp) + 20 + 20;
        tp.mtup_search_low = tp.mss_to_mtu(self.sysctl.tcp_base_mss as u32);
        tp.mtup_probe_size = 0;
        if tp.mtup_enabled {
            tp.mtup_probe_timestamp = cx.now;
        }
    }

    /// `tcp_sync_mss`; gives the new `mss_cache`.
    pub(super) fn tcp_sync_mss(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, pmtu: u32) -> u32 {
        let least = self.sysctl.tcp_min_snd_mss as u32;
        if tp.mtup_search_high > pmtu {
            tp.mtup_search_high = pmtu;
        }
        let mut mss = tp.mtu_to_mss(pmtu, least);
        mss = tp.bound_to_half_wnd(mss);
        tp.pmtu_cookie = pmtu;
        if tp.mtup_enabled {
            mss = mss.min(tp.mtu_to_mss(tp.mtup_search_low, least));
        }
        tcp_set!(cx, tp, mss_cache, MssCache, mss);
        mss
    }

    /// The MTU of the connection's route.
    pub(super) fn dst_mtu(&self, tp: &TcpSock) -> u32 {
        tp.dst.map_or(tp.pmtu_cookie, |to| self.route_mtu(&to))
    }

    /// `tcp_current_mss`: payload of a full segment, with the options it would carry now.
    pub(super) fn tcp_current_mss(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) -> u32 {
        let mtu = self.dst_mtu(tp);
        if mtu != tp.pmtu_cookie {
            self.tcp_sync_mss(cx, tp, mtu);
        }
        let delta = tp.header_len_now() as i64 - i64::from(tp.tcp_header_len);
        (i64::from(tp.mss_cache) - delta).max(1) as u32
    }

    /// `tcp_mtu_probing`: repeated time-outs suggest a black hole: smaller segments (RFC 4821 §7.7).
    pub(super) fn tcp_mtu_probing(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if self.sysctl.tcp_mtu_probing == 0 {
            return;
        }
        if !tp.mtup_enabled {
            tp.mtup_enabled = true;
            tp.mtup_probe_timestamp = cx.now;
        } else {
            let least = self.sysctl.tcp_min_snd_mss as u32;
            let mut mss = tp.mtu_to_mss(tp.mtup_search_low, least) >> 1;
            mss = mss.min(self.sysctl.tcp_base_mss as u32).max(self.sysctl.tcp_mtu_probe_floor as u32).max(least);
            tp.mtup_search_low = tp.mss_to_mtu(mss);
        }
        let pmtu = tp.pmtu_cookie;
        self.tcp_sync_mss(cx, tp, pmtu);
    }

    /// `tcp_mtup_probe_success`: the larger packet arrived.
    pub(super) fn tcp_mtup_probe_success(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        tp.prior_ssthresh = tp.current_ssthresh();
        let mss = tp.mtu_to_mss(tp.mtup_probe_size, self.sysctl.tcp_min_snd_mss as u32);
        let cwnd = (u64::from(tp.snd_cwnd) * u64::from(tp.mss_cache)).div_ceil(u64::from(mss.max(1))) as u32;
        tcp_set!(cx, tp, snd_cwnd, SndCwnd, cwnd.max(1));
        tp.snd_cwnd_cnt = 0;
        tp.snd_cwnd_stamp = cx.now;
        tp.snd_ssthresh = tp.current_ssthresh();
        tp.mtup_search_low = tp.mtup_probe_size;
        tp.mtup_probe_size = 0;
        let pmtu = tp.pmtu_cookie;
        self.tcp_sync_mss(cx, tp, pmtu);
    }

    /// `tcp_mtup_probe_failed`.
    pub(super) fn tcp_mtup_probe_failed(&mut self, tp: &mut TcpSock) {
        tp.mtup_search_high = tp.mtup_probe_size - 1;
        tp.mtup_probe_size = 0;
    }

    /// `tcp_mtu_check_reprobe`: after ten minutes the path may have changed.
    fn tcp_mtu_check_reprobe(&mut self, cx: &Cx<'_>, tp: &mut TcpSock) {
        let interval = Duration::from_secs(self.sysctl.tcp_probe_interval as u64);
        if cx.now.since(tp.mtup_probe_timestamp) >= interval {
            tp.mtup_probe_size = 0;
            tp.mtup_search_high = u32::from(tp.rx_opt.mss_clamp) + 40;
            tp.mtup_search_low = tp.mss_to_mtu(self.sysctl.tcp_base_mss as u32);
            tp.mtup_probe_timestamp = cx.now;
        }
    }

    /// `tcp_mtu_probe`: sends a larger segment to see whether the path takes it. `None`: wait; `Some(true)`: sent.
    pub(super) fn tcp_mtu_probe(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) -> Option<bool> {
        if !tp.mtup_enabled
            || tp.mtup_probe_size > 0
            || tp.ca_state != super::CaState::Open
            || tp.snd_cwnd < 11
            || tp.rx_opt.num_sacks > 0
            || tp.rx_opt.dsack
        {
            return Some(false);
        }
        let least = self.sysctl.tcp_min_snd_mss as u32;
        let mss_now = self.tcp_current_mss(cx, tp);
        let probe_size = tp.mtu_to_mss((tp.mtup_search_high + tp.mtup_search_low) >> 1, least);
        let size_needed = probe_size + (tp.reordering + 1) * tp.mss_cache;
        let interval = i64::from(tp.mtup_search_high) - i64::from(tp.mtup_search_low);
        if probe_size > tp.mtu_to_mss(tp.mtup_search_high, least) || interval < self.sysctl.tcp_probe_threshold {
            self.tcp_mtu_check_reprobe(cx, tp);
            return Some(false);
        }
        if tp.write_seq.wrapping_sub(tp.snd_nxt) < size_needed {
            return Some(false);
        }
        if tp.snd_wnd < size_needed {
            return Some(false);
        }
        if super::seq::after(tp.snd_nxt.wrapping_add(size_needed), tp.wnd_end()) {
            return None;
        }
        if tp.packets_in_flight() + 2 > tp.snd_cwnd {
            return if tp.packets_in_flight() == 0 { Some(false) } else { None };
        }
        // `tcp_can_coalesce_send_queue_head`
        if tp
            .write_queue
            .iter()
            .take_while(|s| super::seq::before(s.cb.seq, tp.snd_nxt.wrapping_add(probe_size)))
            .any(|s| s.cb.eor || s.headlen() > 0)
        {
            return Some(false);
        }
        if tp.write_queue.front().is_some_and(|s| (s.len() as u32) < probe_size) {
            let missing = probe_size - tp.write_queue.front().map_or(0, |s| s.len() as u32);
            let mut left = missing;
            while left > 0 && tp.write_queue.len() > 1 {
                let before = tp.write_queue.front().map_or(0, |s| s.len() as u32);
                tp.grow_head(cx, left);
                let grown = tp.write_queue.front().map_or(0, |s| s.len() as u32) - before;
                if grown == 0 {
                    return Some(false);
                }
                left -= grown.min(left);
            }
        }
        tp.fragment(cx, SendQueue::Write, 0, probe_size, mss_now);
        let Some(skb) = tp.write_queue.front_mut() else { return Some(false) };
        if skb.len() as u32 != probe_size {
            return Some(false);
        }
        // One packet, however large.
        (skb.cb.gso_segs, skb.cb.gso_size) = (1, 0);
        tell_stream(cx, skb);
        if self.tcp_transmit_write_head(cx, tp) != 0 {
            return None;
        }
        let (seq, end_seq) = tp.write_queue.front().map_or((0, 0), |s| (s.cb.seq, s.cb.end_seq));
        tcp_set!(cx, tp, snd_cwnd, SndCwnd, tp.snd_cwnd - 1);
        self.tcp_event_new_data_sent(cx, tp);
        tp.mtup_probe_size = tp.mss_to_mtu(probe_size);
        (tp.mtu_probe_start, tp.mtu_probe_end) = (seq, end_seq);
        Some(true)
    }
}
