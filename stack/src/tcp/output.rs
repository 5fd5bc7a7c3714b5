//! TCP output: one segment's header, and the segments that carry no data of a queue.
//!
//! Linux: `net/ipv4/tcp_output.c` (`__tcp_transmit_skb`, `tcp_connect`, `tcp_send_ack`, `tcp_send_fin`,
//! `tcp_send_active_reset`). RFC 9293 §3.10. What of the queues may leave is decided in `xmit`.

use super::queue::tell_stream;
use super::seq::{after, before};
use super::{CaEvent, MAX_TCP_HEADER, TcpSock, clock_ns, tcp_set};
use crate::dev::{NET_XMIT_CN, NetDevice};
use crate::host::{Cx, Host};
use crate::ip::{Dst, Send};
use crate::mib::Counter;
use crate::skb::{DropReason, SkBuff, TcpSkbCb};
use crate::syscall::Errno;
use crate::trace::{Function, HeaderOffset, Proto, TcpState, TimerKind};
use crate::wire::checksum::{csum_fold, pseudo_header};
use crate::wire::ipv4::IPPROTO_TCP;
use crate::wire::tcp::{ACK, CWR, ECE, FIN, PSH, RST, SYN, TcpRepr, URG};
use crate::wire::tcp_options::TcpOptions;
use core::net::Ipv4Addr;

/// The addresses of a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    pub(super) src: (Ipv4Addr, u16),
    pub(super) dst: (Ipv4Addr, u16),
}

/// A segment without a socket behind it: a SYN-ACK, a reset, an ACK of TIME_WAIT.
pub(super) struct Control {
    pub(super) path: Path,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) flags: u8,
    pub(super) window: u16,
    pub(super) options: TcpOptions,
    pub(super) tos: u8,
    /// The socket's own `IP_TTL`, if it has one.
    pub(super) ttl: Option<u8>,
    /// Where it goes, if that was looked up.
    pub(super) to: Option<Dst>,
}

impl TcpSock {
    /// `tcp_mstamp_refresh`.
    pub(crate) fn mstamp_refresh(&mut self, cx: &Cx<'_>) {
        self.tcp_clock_cache = clock_ns(cx);
        self.tcp_mstamp = self.tcp_clock_cache / 1000;
    }

    /// `tcp_time_stamp_ts`: the timestamp clock (ms) without the connection's offset.
    pub(crate) fn time_stamp_ts(&self) -> u32 {
        (self.tcp_mstamp / 1000) as u32
    }

    /// `tcp_packets_in_flight`, segments.
    pub(crate) fn packets_in_flight(&self) -> u32 {
        (self.packets_out + self.retrans_out).saturating_sub(self.sacked_out + self.lost_out)
    }

    /// `tcp_wnd_end`: one past the last sequence number that the peer's window allows.
    pub(crate) fn wnd_end(&self) -> u32 {
        self.snd_una.wrapping_add(self.snd_wnd)
    }

    /// `tcp_urg_mode`: urgent data is not yet acknowledged.
    pub(super) fn urg_mode(&self) -> bool {
        self.snd_una != self.snd_up
    }

    /// Is nothing sent and nothing waiting (`tcp_rtx_and_write_queues_empty`)?
    pub(crate) fn write_queues_empty(&self) -> bool {
        self.write_queue.is_empty() && self.rtx_queue.is_empty()
    }

    /// The urgent pointer of a segment that begins at `seq`, if it has one.
    fn urgent_pointer(&self, seq: u32) -> Option<u16> {
        if !self.urg_mode() || !before(seq, self.snd_up) {
            return None;
        }
        if before(self.snd_up, seq.wrapping_add(0x1_0000)) {
            Some(self.snd_up.wrapping_sub(seq) as u16)
        } else {
            after(seq.wrapping_add(0xffff), self.snd_nxt).then_some(0xffff)
        }
    }
}

impl Host {
    /// `__tcp_transmit_skb`: writes the header of `skb` (a clone of what waits in a queue, or a bare ACK) and hands it
    /// to IPv4. `original` is the control block of the segment in the queue: when it was sent is noted there.
    ///
    /// Gives 0, an errno below zero, or a code of the qdisc.
    pub(super) fn tcp_transmit_skb(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        mut skb: SkBuff,
        original: Option<&mut TcpSkbCb>,
        rcv_nxt: u32,
    ) -> i32 {
        cx.call(Function::TcpTransmitSkb, |cx| {
            let prior_wstamp = tp.tcp_wstamp_ns;
            tp.tcp_wstamp_ns = tp.tcp_wstamp_ns.max(tp.tcp_clock_cache);
            let stamp = tp.tcp_wstamp_ns;
            skb.cb.sent_at = stamp;
            if tp.dst.and_then(|d| self.dev(d.dev)).is_some_and(NetDevice::is_paced) {
                // `SK_PACING_FQ`: the qdisc keeps packets until their time.
                tp.pacing_status = 2;
            }
            skb.tstamp = if tp.pacing_status == 2 { stamp } else { 0 };
            let mut flags = skb.cb.flags;
            let pcount = skb.pcount().max(1);
            let options = if flags & SYN != 0 {
                tp.syn_options(&self.sysctl, flags & ACK != 0)
            } else {
                // A super-packet ends with PSH: the receiver's GRO then hands it up at once.
                if pcount > 1 {
                    flags |= PSH;
                }
                tp.established_options()
            };
            tp.rx_opt.dsack = false;
            let window = if flags & SYN != 0 {
                // RFC 7323 §2.2: the window of a SYN is never scaled.
                tp.rcv_wnd.min(65_535) as u16
            } else {
                self.tcp_select_window(cx, tp)
            };
            let urgent = tp.urgent_pointer(skb.cb.seq).filter(|_| flags & SYN == 0);
            if urgent.is_some() {
                flags |= URG;
            }
            let len = skb.len() as u32;
            let mut tos = tp.sk.tos;
            let ack = if flags & ACK != 0 { rcv_nxt } else { 0 };
            self.tcp_ecn_send(tp, &skb.cb, len > 0, &mut tos, &mut flags);
            let header = TcpRepr {
                src_port: tp.sk.local.1,
                dst_port: tp.sk.peer.1,
                seq: skb.cb.seq,
                ack,
                flags,
                window,
                urgent: urgent.unwrap_or(0),
                ..TcpRepr::default()
            };
            let path = Path { src: tp.sk.local, dst: tp.sk.peer };
            if pcount > 1 {
                (skb.gso_size, skb.gso_segs) = (skb.cb.gso_size, skb.cb.gso_segs);
                let (id, size, segs) = (skb.id(), skb.gso_size, skb.gso_segs);
                cx.trace.emit(|| crate::trace::What::SkbGso { skb: id, size, segs });
            }
            tell_stream(cx, &skb);
            self.tcp_push_header(cx, &path, &header, &options, &mut skb);
            if flags & ACK != 0 {
                self.tcp_event_ack_sent(cx, tp, rcv_nxt);
            }
            if len > 0 {
                self.tcp_event_data_sent(cx, tp);
                tp.data_segs_out = tp.data_segs_out.wrapping_add(pcount);
                tp.bytes_sent += u64::from(len);
            }
            if after(skb.cb.end_seq, tp.snd_nxt) || skb.cb.seq == skb.cb.end_seq {
                self.mib.add(Counter::OutSegs, u64::from(pcount));
            }
            tp.segs_out = tp.segs_out.wrapping_add(pcount);
            let id = tp.sk.ip_id.wrapping_add(1);
            tp.sk.ip_id = tp.sk.ip_id.wrapping_add(pcount as u16);
            let ttl = tp.sk.ttl.unwrap_or(self.sysctl.ip_default_ttl as u8);
            let to = match tp.sk.dst {
                Some(to) => to,
                None => match self.ip_route_output(cx, path.dst.0) {
                    Ok(to) => to,
                    Err(_) => {
                        skb.kfree(DropReason::IpOutNoRoutes, cx);
                        return -(Errno::EHOSTUNREACH as i32);
                    }
                },
            };
            let df = tp.sk.ip_dont_fragment(&to);
            let send = Send { src: path.src.0, dst: path.dst.0, protocol: IPPROTO_TCP, tos, ttl, df, id };
            skb.charge_wmem(&mut tp.sk);
            let mut err = self.ip_queue_xmit(cx, Function::IpQueueXmit, &to, send, skb);
            if err > 0 {
                self.tcp_enter_cwr(cx, tp);
                if err == NET_XMIT_CN {
                    err = 0;
                }
            }
            if let Some(cb) = original {
                cb.sent_at = stamp;
                if err == 0 {
                    tp.update_skb_after_send(len, prior_wstamp);
                    tp.rate_skb_sent(cb);
                }
            }
            err
        })
    }

    /// Pushes and writes the header, then its checksum (`__tcp_v4_send_check`); a super-packet's checksums are made
    /// where it is cut apart.
    fn tcp_push_header(
        &mut self,
        cx: &mut Cx<'_>,
        path: &Path,
        header: &TcpRepr,
        options: &TcpOptions,
        skb: &mut SkBuff,
    ) {
        let mut bytes = header.emit(options);
        let at = skb.push(bytes.len() as u32, cx);
        skb.reset_header(HeaderOffset::Transport, cx);
        skb.write_header(Proto::Tcp, at, &bytes, cx);
        if skb.gso_size > 0 {
            return;
        }
        cx.call(Function::TcpV4SendCheck, |cx| {
            let mut sum = pseudo_header(path.src.0, path.dst.0, IPPROTO_TCP, skb.len()) + bytes.sum();
            if skb.len() > bytes.len() {
                sum = skb.checksum(bytes.len(), sum, cx);
            }
            bytes[16..18].copy_from_slice(&csum_fold(sum).to_be_bytes());
            skb.write_header(Proto::Tcp, at, &bytes, cx);
        });
    }

    /// `ip_send_unicast_reply` and its kin: a segment that no full socket sends.
    pub(super) fn tcp_send_control(&mut self, cx: &mut Cx<'_>, control: Control) {
        let to = match control.to {
            Some(to) => to,
            None => match self.ip_route_output(cx, control.path.dst.0) {
                Ok(to) => to,
                Err(_) => return,
            },
        };
        let mut skb = SkBuff::alloc(MAX_TCP_HEADER, cx);
        skb.reserve(MAX_TCP_HEADER, cx);
        let header = TcpRepr {
            src_port: control.path.src.1,
            dst_port: control.path.dst.1,
            seq: control.seq,
            ack: control.ack,
            flags: control.flags,
            window: control.window,
            ..TcpRepr::default()
        };
        self.tcp_push_header(cx, &control.path, &header, &control.options, &mut skb);
        self.mib.inc(Counter::OutSegs);
        let send = Send {
            src: control.path.src.0,
            dst: control.path.dst.0,
            protocol: IPPROTO_TCP,
            tos: control.tos,
            ttl: control.ttl.unwrap_or(self.sysctl.ip_default_ttl as u8),
            df: true,
            id: 0,
        };
        self.ip_queue_xmit(cx, Function::IpSendSkb, &to, send, skb);
    }

    /// `tcp_event_data_sent`: when data last left; a quick answer is interactive.
    fn tcp_event_data_sent(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if tp.packets_in_flight() == 0 {
            tp.ca_cwnd_event(cx, CaEvent::TxStart);
        }
        tp.lsndtime = cx.now;
        if (cx.now.since(tp.ack.lrcvtime).as_millis() as u64) < u64::from(tp.ack.ato) {
            tp.ack.pingpong = tp.ack.pingpong.saturating_add(1);
        }
    }

    /// `tcp_send_ack`.
    pub(super) fn tcp_send_ack(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let rcv_nxt = tp.rcv_nxt;
        self.tcp_send_ack_rcv_nxt(cx, tp, rcv_nxt);
    }

    /// `__tcp_send_ack`: acknowledges up to `rcv_nxt`.
    pub(super) fn tcp_send_ack_rcv_nxt(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, rcv_nxt: u32) {
        if tp.state == TcpState::Close {
            return;
        }
        cx.call(Function::TcpSendAck, |cx| {
            tp.mstamp_refresh(cx);
            let seq = tp.acceptable_seq();
            self.tcp_transmit_bare(cx, tp, seq, ACK, rcv_nxt);
        });
    }

    /// `tcp_xmit_probe_skb` and its kin: a segment without data that the socket's own options and window go with.
    pub(super) fn tcp_xmit_bare(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seq: u32, flags: u8) -> i32 {
        let rcv_nxt = tp.rcv_nxt;
        self.tcp_transmit_bare(cx, tp, seq, flags, rcv_nxt)
    }

    fn tcp_transmit_bare(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seq: u32, flags: u8, rcv_nxt: u32) -> i32 {
        let mut skb = SkBuff::alloc(MAX_TCP_HEADER, cx);
        skb.reserve(MAX_TCP_HEADER, cx);
        (skb.cb.seq, skb.cb.end_seq, skb.cb.flags, skb.cb.gso_segs) = (seq, seq, flags, 1);
        self.tcp_transmit_skb(cx, tp, skb, None, rcv_nxt)
    }

    /// `tcp_connect_init`: MSS and the first window; `write_seq` is the initial sequence number.
    fn tcp_connect_init(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        tp.tcp_header_len = if self.sysctl.tcp_timestamps != 0 { 32 } else { 20 };
        if tp.rx_opt.user_mss > 0 {
            tp.rx_opt.mss_clamp = tp.rx_opt.user_mss;
        }
        tp.max_window = 0;
        self.tcp_mtup_init(cx, tp);
        let mtu = self.dst_mtu(tp);
        self.tcp_sync_mss(cx, tp, mtu);
        let mut advmss = tp.dst.and_then(|d| d.advmss).unwrap_or(mtu.saturating_sub(40) as u16);
        if tp.rx_opt.user_mss > 0 {
            advmss = advmss.min(tp.rx_opt.user_mss);
        }
        tp.advmss = advmss;
        tp.initialize_rcv_mss();
        let full = tp.full_space();
        // Whether the peer will use timestamps is not known yet, unless it did before.
        let options = if tp.rx_opt.ts_recent_stamp.is_some() { u32::from(tp.tcp_header_len) - 20 } else { 0 };
        let init_rcv_wnd = tp.dst.and_then(|d| d.initrwnd).unwrap_or(0);
        let (wnd, clamp, wscale) = super::select_initial_window(
            &self.sysctl,
            full,
            u32::from(advmss).saturating_sub(options),
            tp.window_clamp,
            self.sysctl.tcp_window_scaling != 0,
            init_rcv_wnd,
        );
        tp.rx_opt.rcv_wscale = wscale;
        tp.window_clamp = clamp;
        tcp_set!(cx, tp, rcv_wnd, RcvWnd, wnd);
        tp.rcv_ssthresh = tp.rcv_wnd;
        tp.sk.err = None;
        tp.snd_wnd = 0;
        tp.snd_wl1 = 0;
        let isn = tp.write_seq;
        (tp.snd_una, tp.snd_sml, tp.snd_up, tp.snd_nxt, tp.pushed_seq) = (isn, isn, isn, isn, isn);
        tp.rcv_nxt = 0;
        (tp.rcv_wup, tp.copied_seq) = (0, 0);
        tp.rcv_tstamp = cx.now;
        tp.retransmits = 0;
        tcp_set!(cx, tp, rto_us, RtoUs, super::TIMEOUT_INIT_US);
        self.tcp_clear_retrans(tp);
    }

    /// `tcp_connect`: the SYN.
    pub(super) fn tcp_connect(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        cx.call(Function::TcpConnect, |cx| {
            self.tcp_connect_init(cx, tp);
            let seq = tp.write_seq;
            let mut skb = tp.stream_alloc_skb(cx, 0);
            skb.cb.seq = seq;
            skb.cb.end_seq = seq.wrapping_add(1);
            skb.cb.flags = SYN | self.tcp_ecn_send_syn(tp);
            skb.cb.gso_segs = 1;
            tcp_set!(cx, tp, write_seq, WriteSeq, seq.wrapping_add(1));
            tp.mstamp_refresh(cx);
            tp.retrans_stamp = tp.time_stamp_ts();
            tp.wmem_queued_add(cx, i64::from(skb.truesize()));
            tp.packets_out += 1;
            let clone = skb.skb_clone(cx);
            let mut cb = skb.cb;
            tp.rtx_queue_push(cx, skb);
            self.tcp_transmit_skb(cx, tp, clone, Some(&mut cb), 0);
            if let Some(skb) = tp.rtx_queue.back_mut() {
                skb.cb = cb;
            }
            // The SYN may not have left: it is sent again by the timer.
            tcp_set!(cx, tp, snd_nxt, SndNxt, tp.write_seq);
            tp.pushed_seq = tp.write_seq;
            self.mib.inc(Counter::ActiveOpens);
            let rto = tp.rto_us;
            self.tcp_reset_xmit_timer(cx, tp, TimerKind::Retransmit, rto, false);
        });
    }

    /// `tcp_send_synack`: our SYN once more, now with an ACK (simultaneous open).
    pub(super) fn tcp_send_synack(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        let Some(skb) = tp.rtx_queue.front_mut().filter(|s| s.cb.flags & SYN != 0) else { return };
        if skb.cb.flags & ACK == 0 {
            skb.cb.flags |= ACK;
            // `tcp_ecn_send_synack`
            skb.cb.flags &= if tp.ecn_flags & super::ecn::ECN_OK != 0 { !CWR } else { !(ECE | CWR) };
        }
        let clone = skb.skb_clone(cx);
        let mut cb = skb.cb;
        let rcv_nxt = tp.rcv_nxt;
        tp.mstamp_refresh(cx);
        self.tcp_transmit_skb(cx, tp, clone, Some(&mut cb), rcv_nxt);
        if let Some(skb) = tp.rtx_queue.front_mut() {
            skb.cb = cb;
        }
    }

    /// `tcp_send_fin`: the FIN rides on the last segment that waits, or goes alone.
    pub(super) fn tcp_send_fin(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        cx.call(Function::TcpSendFin, |cx| {
            let seq = tp.write_seq;
            let cur_mss = self.tcp_current_mss(cx, tp);
            if let Some(last) = tp.write_queue.back_mut() {
                last.cb.flags |= FIN;
                last.cb.end_seq = last.cb.end_seq.wrapping_add(1);
                tcp_set!(cx, tp, write_seq, WriteSeq, seq.wrapping_add(1));
            } else {
                let mut skb = tp.stream_alloc_skb(cx, 0);
                skb.cb.seq = seq;
                skb.cb.end_seq = seq.wrapping_add(1);
                skb.cb.flags = ACK | FIN;
                tp.add_write_queue_tail(cx, skb);
                tcp_set!(cx, tp, write_seq, WriteSeq, seq.wrapping_add(1));
            }
            self.__tcp_push_pending_frames(cx, tp, cur_mss, super::xmit::NAGLE_OFF);
        });
    }

    /// `tcp_send_active_reset`: we give the connection up.
    pub(super) fn tcp_send_active_reset(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        cx.call(Function::TcpSendActiveReset, |cx| {
            self.mib.inc(Counter::OutRsts);
            tp.mstamp_refresh(cx);
            let seq = tp.acceptable_seq();
            self.tcp_xmit_bare(cx, tp, seq, ACK | RST);
        });
    }

    /// `tcp_clear_retrans`: nothing is known to be lost.
    pub(super) fn tcp_clear_retrans(&mut self, tp: &mut TcpSock) {
        (tp.retrans_out, tp.lost_out, tp.undo_marker) = (0, 0, 0);
        tp.undo_retrans = -1;
        tp.sacked_out = 0;
        (tp.rto_stamp, tp.total_rto, tp.total_rto_recoveries, tp.total_rto_time) = (0, 0, 0, 0);
    }
}

impl TcpSock {
    /// `tcp_acceptable_seq`: the sequence number of a segment without data: what the peer takes for certain, even
    /// when it has shrunk its window.
    pub(super) fn acceptable_seq(&self) -> u32 {
        let end = self.wnd_end();
        let tolerance = if self.rx_opt.wscale_ok { 1 << self.rx_opt.snd_wscale } else { 0 };
        if !before(end, self.snd_nxt) || (self.rx_opt.wscale_ok && self.snd_nxt.wrapping_sub(end) < tolerance) {
            self.snd_nxt
        } else {
            end
        }
    }
}
