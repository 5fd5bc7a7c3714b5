//! TCP output: segments, their headers, and what may be sent now.
//!
//! Linux: `net/ipv4/tcp_output.c`. RFC 9293 §3.8, RFC 5681, RFC 896 (Nagle) with Minshall's change. Segments are at most one MSS: there
//! is no TSO. A clone goes down the stack; the original waits in the retransmit queue for its ACK.

use super::queue::tell_stream;
use super::seq::{after, before};
use super::{MAX_TCP_HEADER, TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::ip::Send;
use crate::skb::{DropReason, SkBuff};
use crate::trace::{Field, Function, HeaderOffset, Proto, SockId, TcpState, TimerKind};
use crate::wire::checksum::{csum_fold, csum_partial, pseudo_header};
use crate::wire::ipv4::IPPROTO_TCP;
use crate::wire::tcp::{ACK, FIN, PSH, RST, SYN, TcpRepr};
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
}

impl TcpSock {
    /// `tcp_syn_options` and `tcp_established_options`.
    fn options(&self, cx: &Cx<'_>, flags: u8, room: usize) -> TcpOptions {
        let mut o = TcpOptions::default();
        if flags & SYN != 0 {
            o.mss = Some(self.advmss);
            o.wscale = self.wscale_ok.then_some(self.rcv_wscale);
            o.sack_permitted = self.sack_ok;
        }
        if self.tstamp_ok {
            o.timestamps = Some((self.time_stamp(cx.now), self.ts_recent));
        }
        if self.sack_ok && flags & SYN == 0 && !self.ofo_queue.is_empty() {
            // A SACK option on a full-sized segment would not fit the link.
            let most = if self.tstamp_ok { 3 } else { 4 };
            self.fill_sacks(&mut o, most.min(room.saturating_sub(16) / 8));
        }
        o
    }
}

impl Host {
    /// `__tcp_transmit_skb`: writes the header of `skb` (a clone, or a bare ACK) and hands it to IPv4.
    ///
    /// Sequence number and flags are those of `skb.cb`.
    pub(super) fn tcp_transmit_skb(&mut self, cx: &mut Cx<'_>, sk: SockId, skb: &SkBuff, clone_it: bool) {
        cx.call(Function::TcpTransmitSkb, |cx| {
            let mut skb = if clone_it { skb.skb_clone(cx) } else { skb.clone() };
            let flags = skb.cb.flags;
            let window = if flags & SYN != 0 {
                // RFC 7323 §2.2: the window of a SYN is never scaled.
                self.socks.tcp(sk).map_or(0, |tp| tp.rcv_wnd.min(65_535)) as u16
            } else {
                self.tcp_select_window(cx, sk)
            };
            let (Some(sock), Some(tp)) = (self.socks.get(sk), self.socks.tcp(sk)) else {
                return skb.kfree(DropReason::NoSocket, cx);
            };
            let room = usize::from(tp.pmtu).saturating_sub(40 + skb.len());
            let options = tp.options(cx, flags, room);
            let header = TcpRepr {
                src_port: sock.local.1,
                dst_port: sock.peer.1,
                seq: skb.cb.seq,
                ack: if flags & ACK != 0 { tp.rcv_nxt } else { 0 },
                flags,
                window,
                ..TcpRepr::default()
            };
            let path = Path { src: sock.local, dst: sock.peer };
            let (dst, tos, ttl) = (sock.dst, sock.tos, sock.ttl);
            let len = skb.len() as u32;
            tell_stream(cx, &skb);
            self.tcp_push_header(cx, &path, &header, &options, &mut skb);
            if flags & ACK != 0 {
                self.tcp_event_ack_sent(cx, sk);
            }
            let Some(sock) = self.socks.get_mut(sk) else { return skb.kfree(DropReason::NoSocket, cx) };
            sock.ip_id = sock.ip_id.wrapping_add(1);
            let id = sock.ip_id;
            if len > 0 {
                self.tcp_event_data_sent(cx, sk);
            }
            let ttl = ttl.unwrap_or(self.sysctl.ip_default_ttl as u8);
            let send = Send { src: path.src.0, dst: path.dst.0, protocol: IPPROTO_TCP, tos, ttl, df: true, id };
            let to = match dst {
                Some(to) => to,
                None => match self.ip_route_output(cx, path.dst.0) {
                    Ok(to) => to,
                    Err(_) => return skb.kfree(DropReason::IpOutNoRoutes, cx),
                },
            };
            self.ip_queue_xmit(cx, Function::IpQueueXmit, &to, send, skb);
        });
    }

    /// Pushes and writes the header, then its checksum (`__tcp_v4_send_check`).
    fn tcp_push_header(
        &mut self,
        cx: &mut Cx<'_>,
        path: &Path,
        header: &TcpRepr,
        options: &TcpOptions,
        skb: &mut SkBuff,
    ) {
        let mut bytes = header.emit(&options.emit());
        let at = skb.push(bytes.len() as u32, cx);
        skb.reset_header(HeaderOffset::Transport, cx);
        skb.write_header(Proto::Tcp, at, &bytes, cx);
        cx.call(Function::TcpV4SendCheck, |cx| {
            let segment = skb.bytes(cx);
            let sum = pseudo_header(path.src.0, path.dst.0, IPPROTO_TCP, segment.len());
            let check = csum_fold(csum_partial(segment, sum));
            bytes[16..18].copy_from_slice(&check.to_be_bytes());
            skb.write_header(Proto::Tcp, at, &bytes, cx);
        });
    }

    /// `ip_send_unicast_reply` and its kin: a segment that no full socket sends.
    pub(super) fn tcp_send_control(&mut self, cx: &mut Cx<'_>, control: Control) {
        let Ok(to) = self.ip_route_output(cx, control.path.dst.0) else { return };
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
        let send = Send {
            src: control.path.src.0,
            dst: control.path.dst.0,
            protocol: IPPROTO_TCP,
            tos: control.tos,
            ttl: self.sysctl.ip_default_ttl as u8,
            df: true,
            id: 0,
        };
        self.ip_queue_xmit(cx, Function::IpSendSkb, &to, send, skb);
    }

    /// `tcp_write_xmit`: sends what congestion window, receive window and Nagle allow. True if something was sent.
    pub(super) fn tcp_write_xmit(&mut self, cx: &mut Cx<'_>, sk: SockId, push_one: bool) -> bool {
        cx.call(Function::TcpWriteXmit, |cx| {
            let mut sent = false;
            let mut limited = false;
            while let Some(tp) = self.socks.tcp(sk) {
                let Some(skb) = tp.write_queue.front() else { break };
                let mss = tp.mss_cache;
                if tp.packets_in_flight() >= tp.snd_cwnd {
                    limited = true;
                    break;
                }
                // `tcp_snd_wnd_test`
                let end = if skb.len() as u32 > mss { skb.cb.seq.wrapping_add(mss) } else { skb.cb.end_seq };
                if after(end, tp.wnd_end()) {
                    break;
                }
                if skb.len() as u32 > mss {
                    self.tcp_fragment(cx, sk, false, 0, mss);
                } else if !self.tcp_nagle_test(sk, push_one) {
                    break;
                }
                self.tcp_send_head(cx, sk);
                sent = true;
                if push_one {
                    break;
                }
            }
            if let Some(tp) = self.socks.tcp_mut(sk) {
                let in_flight = tp.packets_in_flight();
                limited |= in_flight >= tp.snd_cwnd;
                // `tcp_cwnd_validate`
                if tp.max_packets_out == 0 || before(tp.max_packets_seq, tp.snd_una) || in_flight > tp.max_packets_out {
                    tp.max_packets_out = in_flight;
                    tp.max_packets_seq = tp.snd_nxt;
                    tp.cwnd_limited = limited;
                } else {
                    tp.cwnd_limited |= limited;
                }
            }
            sent
        })
    }

    /// Sends the segment at the head of the write queue and moves it to the retransmit queue.
    fn tcp_send_head(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let now = cx.now.as_nanos();
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        let Some(skb) = tp.write_queue.front_mut() else { return };
        skb.cb.sent_at = now;
        let len = skb.len() as u32;
        let (copy, end_seq, mss) = (skb.clone(), skb.cb.end_seq, tp.mss_cache);
        if len < mss {
            // Minshall: remember where the last small segment ends.
            tp.snd_sml = end_seq;
        }
        let first = tp.rtx_queue.is_empty();
        let (state, in_recovery) = (self.socks.get(sk).map(|s| s.state), self.in_recovery(sk));
        self.tcp_transmit_skb(cx, sk, &copy, true);
        tcp_set!(self, cx, sk, snd_nxt, SndNxt, end_seq);
        self.write_queue_to_rtx(cx, sk);
        if in_recovery && let Some(tp) = self.socks.tcp_mut(sk) {
            tp.prr_out += 1;
        }
        if first || state == Some(TcpState::SynSent) {
            self.tcp_rearm_rto(cx, sk);
        }
    }

    /// `tcp_nagle_test`: may a segment that is not full leave while others are unacknowledged?
    fn tcp_nagle_test(&self, sk: SockId, push_one: bool) -> bool {
        let Some(tp) = self.socks.tcp(sk) else { return false };
        let Some(skb) = tp.write_queue.front() else { return false };
        let last = tp.write_queue.len() == 1;
        let full = skb.len() as u32 >= tp.mss_cache;
        if full || !last || skb.cb.flags & FIN != 0 {
            return true;
        }
        if tp.cork && !push_one {
            return false;
        }
        let small_in_flight = after(tp.snd_sml, tp.snd_una) && !after(tp.snd_sml, tp.snd_nxt);
        tp.nodelay || tp.rtx_queue.is_empty() || !small_in_flight
    }

    /// `__tcp_push_pending_frames`.
    pub(crate) fn tcp_push_pending(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(tp) = self.socks.tcp(sk) else { return };
        if tp.write_queue.is_empty() || self.socks.get(sk).is_none_or(|s| !can_send(s.state)) {
            return;
        }
        self.tcp_write_xmit(cx, sk, false);
        self.tcp_check_probe_timer(cx, sk);
    }

    /// `tcp_check_probe_timer`: nothing is in flight and the window is shut: probe it from time to time.
    pub(super) fn tcp_check_probe_timer(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(tp) = self.socks.tcp(sk) else { return };
        if tp.rtx_queue.is_empty() && !tp.write_queue.is_empty() && tp.retrans_timer.is_none() {
            self.tcp_reset_xmit_timer(cx, sk, TimerKind::Probe, self.probe0_base_us(sk));
        }
    }

    /// `__tcp_send_ack`: an ACK without data.
    pub(super) fn tcp_send_ack(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        cx.call(Function::TcpSendAck, |cx| {
            let Some(tp) = self.socks.tcp(sk) else { return };
            let seq = tp.snd_nxt;
            self.tcp_send_bare(cx, sk, seq, ACK);
        });
    }

    /// A segment without data that the socket's own options and window go with.
    pub(super) fn tcp_send_bare(&mut self, cx: &mut Cx<'_>, sk: SockId, seq: u32, flags: u8) {
        if self.socks.get(sk).is_none_or(|s| s.state == TcpState::Close) {
            return;
        }
        let mut skb = SkBuff::alloc(MAX_TCP_HEADER, cx);
        skb.reserve(MAX_TCP_HEADER, cx);
        skb.cb.seq = seq;
        skb.cb.end_seq = seq;
        skb.cb.flags = flags;
        self.tcp_transmit_skb(cx, sk, &skb, false);
    }

    /// `tcp_connect`: the SYN.
    pub(super) fn tcp_connect(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        cx.call(Function::TcpConnect, |cx| {
            let Some(tp) = self.socks.tcp(sk) else { return };
            let seq = tp.write_seq;
            let mut skb = self.tcp_stream_alloc_skb(cx, sk, 0);
            skb.cb.seq = seq;
            skb.cb.end_seq = seq.wrapping_add(1);
            skb.cb.flags = SYN;
            if let Some(tp) = self.socks.tcp_mut(sk) {
                tp.retrans_stamp = Some(cx.now);
            }
            tcp_set!(self, cx, sk, write_seq, WriteSeq, seq.wrapping_add(1));
            self.write_queue_push(cx, sk, skb);
            self.tcp_send_head(cx, sk);
        });
    }

    /// `tcp_send_fin`: the FIN rides on the last segment that waits, or goes alone.
    pub(super) fn tcp_send_fin(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        cx.call(Function::TcpSendFin, |cx| {
            let Some(tp) = self.socks.tcp_mut(sk) else { return };
            let seq = tp.write_seq;
            if let Some(last) = tp.write_queue.back_mut() {
                last.cb.flags |= FIN;
                last.cb.end_seq = last.cb.end_seq.wrapping_add(1);
            } else {
                let mut skb = self.tcp_stream_alloc_skb(cx, sk, 0);
                skb.cb.seq = seq;
                skb.cb.end_seq = seq.wrapping_add(1);
                skb.cb.flags = ACK | FIN;
                self.write_queue_push(cx, sk, skb);
            }
            tcp_set!(self, cx, sk, write_seq, WriteSeq, seq.wrapping_add(1));
            self.tcp_push_pending(cx, sk);
        });
    }

    /// `tcp_send_active_reset`: we give the connection up.
    pub(super) fn tcp_send_active_reset(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        cx.call(Function::TcpSendActiveReset, |cx| {
            let Some(tp) = self.socks.tcp(sk) else { return };
            let seq = if before(tp.wnd_end(), tp.snd_nxt) { tp.wnd_end() } else { tp.snd_nxt };
            self.tcp_send_bare(cx, sk, seq, ACK | RST);
        });
    }

    /// `__tcp_retransmit_skb`: sends the segment at `index` of the retransmit queue again. False if it
    /// could not be sent now.
    pub(super) fn tcp_retransmit_skb(&mut self, cx: &mut Cx<'_>, sk: SockId, index: usize) -> bool {
        cx.call(Function::TcpRetransmitSkb, |cx| {
            let Some(tp) = self.socks.tcp_mut(sk) else { return false };
            let (una, wnd_end, mss) = (tp.snd_una, tp.wnd_end(), tp.mss_cache);
            let Some(skb) = tp.rtx_queue.get_mut(index) else { return false };
            // `skb_still_in_host_queue`: the last copy has not even left this host.
            if skb.is_cloned(cx) {
                return false;
            }
            // `tcp_trim_head`: the beginning has been acknowledged.
            if before(skb.cb.seq, una) && after(skb.cb.end_seq, una) {
                let gone = una.wrapping_sub(skb.cb.seq).min(skb.len() as u32);
                skb.pull(gone, cx);
                skb.cb.seq = una;
                tell_stream(cx, skb);
            }
            if skb.cb.flags & SYN == 0 && !before(skb.cb.seq, wnd_end) && skb.cb.seq != una {
                return false;
            }
            if skb.len() as u32 > mss {
                self.tcp_fragment(cx, sk, true, index, mss);
            }
            let Some(tp) = self.socks.tcp_mut(sk) else { return false };
            let Some(skb) = tp.rtx_queue.get_mut(index) else { return false };
            skb.cb.sent_at = cx.now.as_nanos();
            if skb.cb.sacked & super::SACKED_RETRANS == 0 {
                skb.cb.sacked |= super::SACKED_RETRANS;
                tp.retrans_out += 1;
            }
            skb.cb.sacked |= super::EVER_RETRANS;
            tp.retrans_stamp.get_or_insert(cx.now);
            let copy = skb.clone();
            self.tcp_transmit_skb(cx, sk, &copy, true);
            true
        })
    }

    /// `tcp_push`: the last segment of a write carries PSH.
    pub(super) fn tcp_push(&mut self, cx: &mut Cx<'_>, sk: SockId, more: bool) {
        cx.call(Function::TcpPush, |cx| {
            let Some(tp) = self.socks.tcp_mut(sk) else { return };
            if let Some(last) = tp.write_queue.back_mut() {
                if !more {
                    last.cb.flags |= PSH;
                }
            } else {
                return;
            }
            let corked = tp.cork;
            tp.cork |= more;
            self.tcp_push_pending(cx, sk);
            if let Some(tp) = self.socks.tcp_mut(sk) {
                tp.cork = corked;
            }
        });
    }

    /// `tcp_event_data_sent`: after a pause the congestion window starts anew; a quick answer is pingpong.
    fn tcp_event_data_sent(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        // RFC 2861: `tcp_cwnd_restart`.
        let idle = cx.now.since(tp.lsndtime).as_micros() as u64;
        let fresh = tp.rtx_queue.is_empty() && tp.lsndtime.as_nanos() > 0;
        if fresh && idle > u64::from(tp.rto_us) {
            let mut cwnd = tp.snd_cwnd;
            let restart = super::INIT_CWND.min(cwnd);
            let mut left = idle - u64::from(tp.rto_us);
            tp.snd_ssthresh = tp.snd_ssthresh.max((cwnd >> 1) + (cwnd >> 2));
            while cwnd > restart && left > 0 {
                cwnd >>= 1;
                left = left.saturating_sub(u64::from(tp.rto_us.max(1)));
            }
            let (old, new) = (tp.snd_cwnd, cwnd.max(restart));
            tp.snd_cwnd = new;
            tp.snd_cwnd_cnt = 0;
            self.tell_set(cx, sk, Field::SndCwnd, old, new);
        }
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        if cx.now.since(tp.ack.lrcvtime) < tp.ack.ato {
            tp.ack.pingpong = true;
        }
        tp.lsndtime = cx.now;
    }
}

/// States in which data may still be sent.
pub(super) fn can_send(state: TcpState) -> bool {
    !matches!(
        state,
        TcpState::Close
            | TcpState::Listen
            | TcpState::SynSent
            | TcpState::SynRecv
            | TcpState::TimeWait
            | TcpState::FinWait2
    )
}
