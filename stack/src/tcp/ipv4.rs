//! TCP over IPv4: connecting, receiving a segment, finding its socket, and ICMP errors.
//!
//! Linux: `net/ipv4/tcp_ipv4.c`. RFC 9293 §3.10.7.

use super::minisocks::Checked;
use super::output::Path;
use super::window::select_initial_window;
use super::{MSS_DEFAULT, tcp_set};
use crate::host::{Cx, Host};
use crate::icmp::Quoted;
use crate::skb::{DropReason, PktType, SkBuff};
use crate::socket::{Established, Tuple};
use crate::syscall::{AF_INET, Errno, SockAddr, Stop};
use crate::trace::{Function, Proto, SockId, TcpState};
use crate::wire::checksum::{csum_fold, csum_partial, pseudo_header};
use crate::wire::ipv4::{IPPROTO_TCP, Ipv4Repr};
use crate::wire::tcp::{ACK, FIN, RST, SYN, TcpRepr};
use core::net::Ipv4Addr;

/// A received segment: both headers, and how many bytes follow.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) ip: Ipv4Repr,
    pub(crate) tcp: TcpRepr,
    /// Payload bytes.
    pub(crate) len: u32,
}

impl Segment {
    pub(super) fn has(&self, flag: u8) -> bool {
        self.tcp.has(flag)
    }

    /// One past the last sequence number: SYN and FIN count.
    pub(super) fn end_seq(&self) -> u32 {
        self.tcp.seq.wrapping_add(self.len + u32::from(self.has(SYN)) + u32::from(self.has(FIN)))
    }

    pub(super) fn tuple(&self) -> Tuple {
        Tuple { local: (self.ip.dst, self.tcp.dst_port), peer: (self.ip.src, self.tcp.src_port) }
    }

    /// The way back.
    pub(super) fn reply_path(&self) -> Path {
        Path { src: (self.ip.dst, self.tcp.dst_port), dst: (self.ip.src, self.tcp.src_port) }
    }
}

impl Host {
    /// `tcp_v4_connect`: route, source address, port, initial sequence number; then the SYN.
    pub(crate) fn tcp_v4_connect(&mut self, cx: &mut Cx<'_>, sk: SockId, addr: SockAddr) -> Result<(), Stop> {
        cx.call(Function::TcpV4Connect, |cx| {
            if i32::from(addr.family) != AF_INET {
                return Err(Errno::EAFNOSUPPORT.into());
            }
            let dst = if addr.addr.is_unspecified() { Ipv4Addr::LOCALHOST } else { addr.addr };
            let to = self.ip_route_output(cx, dst)?;
            if dst.is_multicast() || self.is_broadcast_address(dst) {
                return Err(Errno::ENETUNREACH.into());
            }
            let mtu = self.dev(to.dev).map_or(1500, |d| d.mtu());
            let Some(sock) = self.socks.get_mut(sk) else { return Err(Errno::EBADF.into()) };
            if sock.local.0.is_unspecified() {
                sock.local.0 = to.src;
            }
            sock.peer = (dst, addr.port);
            sock.dst = Some(to);
            let unbound = sock.local.1 == 0;
            if unbound {
                let local = sock.local.0;
                let port = self.get_port(sk, local, 0).map_err(|_| Errno::EADDRNOTAVAIL)?;
                if let Some(sock) = self.socks.get_mut(sk) {
                    sock.local.1 = port;
                }
            }
            let Some(sock) = self.socks.get(sk) else { return Err(Errno::EBADF.into()) };
            let tuple = Tuple { local: sock.local, peer: sock.peer };
            if self.socks.ehash.contains_key(&tuple) {
                return Err(Errno::EADDRNOTAVAIL.into());
            }
            self.socks.ehash.insert(tuple, Established::Sock(sk));
            self.tell_names(cx, sk);
            self.set_state(cx, sk, TcpState::SynSent);
            self.tcp_connect_init(cx, sk, mtu);
            self.tcp_connect(cx, sk);
            Ok(())
        })
    }

    /// `tcp_connect_init`: sequence number, MSS and the first window.
    fn tcp_connect_init(&mut self, cx: &mut Cx<'_>, sk: SockId, mtu: u16) {
        let isn = self.rng.next_u32();
        let ts_offset = self.rng.next_u32();
        let (timestamps, sack) = (self.sysctl.tcp_timestamps != 0, self.sysctl.tcp_sack != 0);
        let (scaling, rmem_max) = (self.sysctl.tcp_window_scaling != 0, self.sysctl.tcp_rmem[2] as u32);
        let Some(full_space) = self.socks.get(sk).map(|s| super::window::win_from_space(s.rcvbuf)) else { return };
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        tp.pmtu = mtu;
        tp.mss_clamp = u16::MAX;
        tp.advmss = mtu.saturating_sub(40).max(MSS_DEFAULT.min(88));
        if tp.user_mss > 0 {
            tp.advmss = tp.advmss.min(tp.user_mss);
        }
        (tp.tstamp_ok, tp.sack_ok, tp.wscale_ok) = (timestamps, sack, scaling);
        tp.ts_offset = ts_offset;
        tp.sync_mss();
        let (window, wscale) = select_initial_window(full_space, u32::from(tp.advmss), scaling, rmem_max);
        tp.rcv_wscale = wscale;
        tp.rcv_ssthresh = window;
        tp.window_clamp = full_space;
        tp.snd_una = isn;
        tp.snd_nxt = isn;
        tp.snd_sml = isn;
        tp.rcv_tstamp = cx.now;
        tcp_set!(self, cx, sk, write_seq, WriteSeq, isn);
        tcp_set!(self, cx, sk, rcv_wnd, RcvWnd, window);
    }

    /// `tcp_v4_rcv`: checks a segment and finds who answers for it.
    pub(crate) fn tcp_v4_rcv(&mut self, cx: &mut Cx<'_>, ip: Ipv4Repr, mut skb: SkBuff) {
        cx.call(Function::TcpV4Rcv, |cx| {
            if skb.pkt_type != PktType::Host {
                return skb.kfree(DropReason::NotSpecified, cx);
            }
            let bytes = skb.bytes(cx);
            let Ok(tcp) = TcpRepr::parse(bytes) else { return skb.kfree(DropReason::TcpMalformed, cx) };
            let sum = pseudo_header(ip.src, ip.dst, IPPROTO_TCP, bytes.len());
            if csum_fold(csum_partial(bytes, sum)) != 0 {
                return skb.kfree(DropReason::TcpCsum, cx);
            }
            skb.header_read(Proto::Tcp, usize::from(tcp.header_len), cx);
            let len = (skb.len() - usize::from(tcp.header_len)) as u32;
            let seg = Segment { ip, tcp, len };
            skb.cb.seq = seg.tcp.seq;
            skb.cb.end_seq = seg.end_seq();
            skb.cb.ack_seq = seg.tcp.ack;
            skb.cb.flags = seg.tcp.flags;
            self.tcp_demux(cx, seg, skb);
        });
    }

    fn tcp_demux(&mut self, cx: &mut Cx<'_>, seg: Segment, skb: SkBuff) {
        match self.socks.ehash.get(&seg.tuple()) {
            Some(Established::Sock(sk)) => {
                let sk = *sk;
                self.tcp_v4_do_rcv(cx, sk, &seg, skb);
            }
            Some(Established::Request(_)) => match self.tcp_check_req(cx, &seg) {
                Checked::Child(sk) => self.tcp_v4_do_rcv(cx, sk, &seg, skb),
                Checked::Reset => {
                    self.tcp_v4_send_reset(cx, &seg);
                    skb.kfree(DropReason::TcpFlags, cx);
                }
                Checked::Drop(reason) => skb.kfree(reason, cx),
            },
            Some(Established::TimeWait(_)) => self.tcp_timewait_rcv(cx, seg, skb),
            None => match self.socks.listener((seg.ip.dst, seg.tcp.dst_port)) {
                Some(listener) => self.tcp_listen_rcv(cx, listener, &seg, skb),
                None => {
                    self.tcp_v4_send_reset(cx, &seg);
                    skb.kfree(DropReason::NoSocket, cx);
                }
            },
        }
    }

    /// A segment for a listener: only a SYN is welcome (RFC 9293 §3.10.7.2).
    pub(super) fn tcp_listen_rcv(&mut self, cx: &mut Cx<'_>, listener: SockId, seg: &Segment, skb: SkBuff) {
        cx.call(Function::TcpV4DoRcv, |cx| {
            if seg.has(RST) {
                return skb.kfree(DropReason::TcpReset, cx);
            }
            if seg.has(ACK) {
                self.tcp_v4_send_reset(cx, seg);
                return skb.kfree(DropReason::TcpFlags, cx);
            }
            if !seg.has(SYN) || seg.has(FIN) {
                return skb.kfree(DropReason::TcpFlags, cx);
            }
            match self.tcp_conn_request(cx, listener, seg) {
                Ok(()) => skb.consume(cx),
                Err(reason) => skb.kfree(reason, cx),
            }
        });
    }

    /// `tcp_v4_do_rcv`.
    pub(super) fn tcp_v4_do_rcv(&mut self, cx: &mut Cx<'_>, sk: SockId, seg: &Segment, skb: SkBuff) {
        cx.call(Function::TcpV4DoRcv, |cx| match self.socks.get(sk).map(|s| s.state) {
            Some(TcpState::Established) => self.tcp_rcv_established(cx, sk, seg, skb),
            Some(_) => self.tcp_rcv_state_process(cx, sk, seg, skb),
            None => skb.kfree(DropReason::TcpClose, cx),
        });
    }

    /// `tcp_v4_err`: an ICMP error quotes a segment of ours.
    pub(crate) fn tcp_v4_err(&mut self, cx: &mut Cx<'_>, q: &Quoted, errno: Errno, fatal: bool, mtu: Option<u16>) {
        cx.call(Function::TcpV4Err, |cx| {
            let tuple = Tuple { local: (q.src, q.src_port), peer: (q.dst, q.dst_port) };
            let Some(Established::Sock(sk)) = self.socks.ehash.get(&tuple) else { return };
            let sk = *sk;
            let Some(tp) = self.socks.tcp(sk) else { return };
            // RFC 5927 §4.1: the quoted sequence number must be one that is in flight.
            if super::seq::before(q.seq, tp.snd_una) || super::seq::after(q.seq, tp.snd_nxt) {
                return;
            }
            let state = self.socks.get(sk).map(|s| s.state);
            if let Some(mtu) = mtu {
                return self.tcp_mtu_reduced(cx, sk, mtu);
            }
            if matches!(state, Some(TcpState::SynSent | TcpState::SynRecv)) {
                self.sk_set_err(cx, sk, errno);
                self.tcp_done(cx, sk);
            } else if let Some(sock) = self.socks.get_mut(sk) {
                // RFC 1122 §4.2.3.9: an established connection lives on.
                let _ = fatal;
                sock.soft_err = Some(errno);
            }
        });
    }

    /// `tcp_v4_mtu_reduced`: the path takes smaller packets only (RFC 1191).
    fn tcp_mtu_reduced(&mut self, cx: &mut Cx<'_>, sk: SockId, mtu: u16) {
        let Some(tp) = self.socks.tcp_mut(sk) else { return };
        if mtu >= tp.pmtu {
            return;
        }
        tp.pmtu = mtu.max(552);
        tp.sync_mss();
        let mss = tp.mss_cache;
        self.tell_set(cx, sk, crate::trace::Field::MssCache, 0, mss);
        // `tcp_simple_retransmit`: what is larger than the path was lost.
        if let Some(tp) = self.socks.tcp_mut(sk) {
            for skb in &mut tp.rtx_queue {
                if skb.len() as u32 > mss && skb.cb.sacked & (super::SACKED_ACKED | super::LOST) == 0 {
                    if skb.cb.sacked & super::SACKED_RETRANS != 0 {
                        skb.cb.sacked &= !super::SACKED_RETRANS;
                        tp.retrans_out -= 1;
                    }
                    skb.cb.sacked |= super::LOST;
                    tp.lost_out += 1;
                }
            }
        }
        self.tcp_xmit_retransmit_queue(cx, sk);
    }
}
