//! The new connection of a listener: what it takes over from the listener, and what from the handshake.
//!
//! Linux: `tcp_v4_syn_recv_sock` in `net/ipv4/tcp_ipv4.c`, `tcp_create_openreq_child`, `tcp_ca_openreq_child` in
//! `net/ipv4/tcp_minisocks.c`, `inet_csk_clone_lock`, `sk_clone_lock`.

use super::ecn::{ECN_OK, INET_ECN_MASK};
use super::ipv4::Segment;
use super::minisocks::Request;
use super::{AckState, CaState, MSS_DEFAULT, TIMEOUT_INIT_US, TcpSock, clock_ns};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::skb::SkBuff;
use crate::socket::Established;
use crate::time::Instant;
use crate::trace::{SockId, TaskId, TcpState, What};
use crate::wire::ipv4::IPPROTO_TCP;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

impl Host {
    /// `tcp_v4_syn_recv_sock`: the full socket, in SYN_RECV. `None`: there is no room (or no route) for it.
    pub(super) fn tcp_v4_syn_recv_sock(
        &mut self,
        cx: &mut Cx<'_>,
        lp: &mut TcpSock,
        req: &Request,
        seg: &Segment,
        skb: &SkBuff,
    ) -> Option<SockId> {
        cx.call(crate::trace::Function::TcpV4SynRecvSock, |cx| {
            if lp.listen.as_ref().is_none_or(|l| l.acceptq_is_full()) {
                self.mib.inc(Counter::ListenOverflows);
                self.mib.inc(Counter::ListenDrops);
                return None;
            }
            let Ok(to) = self.ip_route_output(cx, req.tuple.peer.0) else {
                self.mib.inc(Counter::ListenDrops);
                return None;
            };
            let mut tp = self.tcp_create_openreq_child(cx, lp, req, seg, skb);
            tp.sk.ip_id = self.rng.next_u32() as u16;
            if self.sysctl.tcp_reflect_tos != 0 {
                tp.sk.tos = req.syn_tos & !INET_ECN_MASK;
            }
            tp.sk.dst = Some(to);
            self.tcp_ca_openreq_child(&mut tp);
            let mtu = self.dst_mtu(&tp);
            self.tcp_sync_mss(cx, &mut tp, mtu);
            tp.advmss = lp.mss_clamp(self.dst_metric_advmss(&to));
            tp.initialize_rcv_mss();
            let id = tp.sk.id;
            if self.socks.request_mut(&req.tuple).is_none() {
                // From a cookie: nobody has heard of it yet.
                cx.trace.emit(|| What::SockState { sock: id, old: TcpState::Listen, new: TcpState::SynRecv });
            }
            cx.trace.emit(|| What::SockCreate { sock: id, kind: 1, protocol: IPPROTO_TCP, task: TaskId(0) });
            tp.sk.tell_names(cx);
            // `__inet_inherit_port`, `inet_ehash_nolisten`
            self.socks.remove_small(&req.tuple);
            self.socks.bind_port(IPPROTO_TCP, req.tuple.local.1, id);
            if let Some(token) = req.timer {
                self.timers.cancel(token);
            }
            self.socks.ehash.insert(req.tuple, Established::Sock(id));
            if tp.sk.keepalive {
                let after = self.keepalive_time_when(&tp);
                self.tcp_reset_keepalive_timer(cx, &mut tp, after);
            }
            self.socks.insert_tcp(tp);
            Some(id)
        })
    }

    /// `tcp_create_openreq_child`: a copy of the listener, with the handshake's results.
    fn tcp_create_openreq_child(
        &mut self,
        cx: &mut Cx<'_>,
        lp: &mut TcpSock,
        req: &Request,
        seg: &Segment,
        skb: &SkBuff,
    ) -> Box<TcpSock> {
        let listen = lp.listen.take();
        let mut tp = Box::new(lp.clone());
        lp.listen = listen;
        // `sk_clone_lock`, `inet_csk_clone_lock`: what is not inherited.
        let sk = &mut tp.sk;
        sk.id = req.id;
        sk.state = TcpState::SynRecv;
        (sk.local, sk.peer, sk.num) = (req.tuple.local, req.tuple.peer, req.tuple.local.1);
        (sk.bound, sk.connect_bind) = (false, false);
        (sk.err, sk.soft_err, sk.shutdown) = (None, None, 0);
        (sk.files, sk.dead, sk.nonblock, sk.nospace) = (0, false, false, false);
        (sk.wmem_queued, sk.wmem_alloc, sk.rmem_alloc, sk.tsq_throttled) = (0, 0, 0, false);
        (sk.receive_queue, sk.error_queue, sk.waiters) = (VecDeque::new(), VecDeque::new(), Vec::new());
        (sk.priority, sk.done, sk.tskey) = (0, false, 0);
        tp.parent = Some(req.listener);
        (tp.retrans_timer, tp.keepalive_timer, tp.pacing_timer, tp.compressed_ack_timer) = (None, None, None, None);
        (tp.retransmits, tp.backoff, tp.probes_out, tp.probes_tstamp) = (0, 0, 0, None);
        tp.rto_us = TIMEOUT_INIT_US;
        tp.ack = AckState { lrcvtime: cx.now, ..AckState::default() };

        let seq = req.rcv_nxt();
        (tp.rcv_wup, tp.copied_seq, tp.rcv_nxt) = (seq, seq, seq);
        tp.rcv_mwnd_seq = seq.wrapping_add(req.rcv_wnd);
        tp.segs_in = 1;
        let seq = req.snt_isn.wrapping_add(1);
        (tp.snd_sml, tp.snd_una, tp.snd_nxt, tp.snd_up) = (seq, seq, seq, seq);
        (tp.write_seq, tp.pushed_seq) = (seq, seq);
        tp.snd_wl1 = req.rcv_isn;
        tp.mstamp_refresh(cx);
        tp.rtt_min = [((tp.tcp_mstamp / 1000) as u32, u32::MAX); 3];
        tp.lsndtime = cx.now;
        tp.rcv_tstamp = cx.now;
        tp.total_retrans = u32::from(req.num_retrans);

        tp.rx_opt.tstamp_ok = req.tstamp_ok;
        tp.rx_opt.sack_ok = req.sack_ok;
        tp.window_clamp = req.window_clamp;
        tp.rcv_ssthresh = req.rcv_wnd;
        tp.rcv_wnd = req.rcv_wnd;
        tp.rx_opt.wscale_ok = req.wscale_ok;
        if req.wscale_ok {
            (tp.rx_opt.snd_wscale, tp.rx_opt.rcv_wscale) = (req.snd_wscale, req.rcv_wscale);
        } else {
            (tp.rx_opt.snd_wscale, tp.rx_opt.rcv_wscale) = (0, 0);
            tp.window_clamp = tp.window_clamp.min(65_535);
        }
        tp.snd_wnd = u32::from(seg.tcp.window) << tp.rx_opt.snd_wscale;
        tp.max_window = tp.snd_wnd;
        tp.rx_opt.ts_recent = 0;
        tp.rx_opt.ts_recent_stamp = None;
        tp.tcp_header_len = 20;
        if req.tstamp_ok {
            tp.rx_opt.ts_recent = req.ts_recent;
            tp.rx_opt.ts_recent_stamp = Some(cx.now);
            tp.tcp_header_len = 32;
        }
        if req.num_timeout > 0 {
            // Should the ACK prove that the SYN-ACK was sent again for nothing, the window is not reduced.
            tp.total_rto = u16::from(req.num_timeout);
            tp.undo_marker = req.snt_isn;
            tp.retrans_stamp = (req.snt_synack / 1000) as u32;
            tp.total_rto_time = ((clock_ns(cx) / 1_000_000) as u32).wrapping_sub(tp.retrans_stamp);
            tp.total_rto_recoveries = 1;
        }
        tp.ts_offset = req.ts_off;
        let len = skb.len() as u32;
        if len >= u32::from(MSS_DEFAULT) + u32::from(tp.tcp_header_len) {
            tp.ack.last_seg_size = len - u32::from(tp.tcp_header_len);
        }
        tp.rx_opt.mss_clamp = req.mss;
        tp.ecn_flags = if req.ecn_ok { ECN_OK } else { 0 };
        tp.last_oow_ack = None::<Instant>;
        self.mib.inc(Counter::PassiveOpens);
        tp
    }

    /// `tcp_ca_openreq_child`: the listener's algorithm if a program chose it, else the host's.
    fn tcp_ca_openreq_child(&mut self, tp: &mut TcpSock) {
        tp.cong = tp.cong.openreq_child(tp.sk.dst.and_then(|to| to.congctl), &self.sysctl);
        tp.ca_state = CaState::Open;
    }
}
