//! Request sockets: connections whose handshake is not finished.
//!
//! Linux: `tcp_conn_request` in `net/ipv4/tcp_input.c`, `tcp_check_req` in `net/ipv4/tcp_minisocks.c`,
//! `tcp_make_synack` in `net/ipv4/tcp_output.c`, `tcp_v4_syn_recv_sock` in `net/ipv4/tcp_ipv4.c`,
//! `reqsk_timer_handler` in `net/ipv4/inet_connection_sock.c`. A listener whose queue is full drops the SYN:
//! SYN cookies are not made.

use super::ipv4::Segment;
use super::output::Control;
use super::seq::{after, before};
use super::window::{select_initial_window, win_from_space};
use super::{MSS_DEFAULT, TIMEOUT_INIT_US, TcpSock};
use crate::host::{Cx, Host};
use crate::skb::DropReason;
use crate::socket::{Established, Proto, Sock, Tuple};
use crate::time::Duration;
use crate::timer::{Target, Token};
use crate::trace::{Function, SockId, TcpState, TimerKind, TimerOp, What};
use crate::wire::tcp::{ACK, RST, SYN};
use crate::wire::tcp_options::TcpOptions;
use alloc::boxed::Box;

/// `struct tcp_request_sock`.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) id: SockId,
    pub(crate) listener: SockId,
    tuple: Tuple,
    rcv_isn: u32,
    snt_isn: u32,
    peer_mss: u16,
    advmss: u16,
    mtu: u16,
    wscale: Option<u8>,
    tstamp_ok: bool,
    sack_ok: bool,
    ts_recent: u32,
    ts_offset: u32,
    rcv_wnd: u32,
    rcv_wscale: u8,
    num_timeout: u32,
    timer: Option<Token>,
    peer_window: u16,
}

/// What `tcp_check_req` found.
pub(super) enum Checked {
    /// The handshake is complete: the segment goes to the new socket.
    Child(SockId),
    /// Answer with a reset.
    Reset,
    /// Nothing more to do with the segment.
    Drop(DropReason),
}

impl Host {
    /// `tcp_conn_request`: a SYN for a listener. Remembers it and answers with a SYN-ACK.
    pub(super) fn tcp_conn_request(
        &mut self,
        cx: &mut Cx<'_>,
        listener: SockId,
        seg: &Segment,
    ) -> Result<(), DropReason> {
        cx.call(Function::TcpConnRequest, |cx| {
            let sysctl = self.sysctl.clone();
            let Some(parent) = self.socks.get(listener) else { return Err(DropReason::NoSocket) };
            let full_space = win_from_space(parent.rcvbuf);
            let Proto::Tcp(tp) = &parent.proto else { return Err(DropReason::NoSocket) };
            let user_mss = tp.user_mss;
            if tp.accept_queue.len() as u32 > tp.backlog {
                return Err(DropReason::TcpListenOverflow);
            }
            if tp.syn_queue_len > tp.backlog.max(8).min(sysctl.tcp_max_syn_backlog as u32) {
                return Err(DropReason::TcpListenOverflow);
            }
            let to = self.ip_route_output(cx, seg.ip.src).map_err(|_| DropReason::IpOutNoRoutes)?;
            let mtu = self.dev(to.dev).map_or(1500, |d| d.mtu());
            let o = &seg.tcp.options;
            let mut advmss = mtu.saturating_sub(40);
            if user_mss > 0 {
                advmss = advmss.min(user_mss);
            }
            let tstamp_ok = sysctl.tcp_timestamps != 0 && o.timestamps.is_some();
            let wscale = o.wscale.filter(|_| sysctl.tcp_window_scaling != 0);
            let mss = u32::from(advmss) - if tstamp_ok { 12 } else { 0 };
            let (rcv_wnd, rcv_wscale) =
                select_initial_window(full_space, mss, wscale.is_some(), sysctl.tcp_rmem[2] as u32);
            let id = self.socks.new_id();
            let request = Request {
                id,
                listener,
                tuple: seg.tuple(),
                rcv_isn: seg.tcp.seq,
                snt_isn: self.rng.next_u32(),
                peer_mss: o.mss.unwrap_or(MSS_DEFAULT).min(if user_mss > 0 { user_mss } else { u16::MAX }),
                advmss,
                mtu,
                wscale,
                tstamp_ok,
                sack_ok: sysctl.tcp_sack != 0 && o.sack_permitted,
                ts_recent: o.timestamps.map_or(0, |(value, _)| value),
                ts_offset: self.rng.next_u32(),
                rcv_wnd,
                rcv_wscale,
                num_timeout: 0,
                timer: None,
                peer_window: seg.tcp.window,
            };
            cx.trace.emit(|| What::SockState { sock: id, old: TcpState::Listen, new: TcpState::SynRecv });
            self.tcp_send_synack(cx, &request);
            self.socks.ehash.insert(seg.tuple(), Established::Request(Box::new(request)));
            if let Some(tp) = self.socks.tcp_mut(listener) {
                tp.syn_queue_len += 1;
            }
            self.reqsk_arm(cx, seg.tuple());
            Ok(())
        })
    }

    /// `tcp_make_synack`.
    fn tcp_send_synack(&mut self, cx: &mut Cx<'_>, request: &Request) {
        cx.call(Function::TcpMakeSynack, |cx| {
            let options = TcpOptions {
                mss: Some(request.advmss),
                wscale: request.wscale.map(|_| request.rcv_wscale),
                sack_permitted: request.sack_ok,
                timestamps: request
                    .tstamp_ok
                    .then(|| ((cx.now.as_millis() as u32).wrapping_add(request.ts_offset), request.ts_recent)),
                ..TcpOptions::default()
            };
            let path = super::output::Path { src: request.tuple.local, dst: request.tuple.peer };
            let control = Control {
                path,
                seq: request.snt_isn,
                ack: request.rcv_isn.wrapping_add(1),
                flags: SYN | ACK,
                window: request.rcv_wnd.min(65_535) as u16,
                options,
                tos: 0,
            };
            self.tcp_send_control(cx, control);
        });
    }

    /// Sets the timer that sends the SYN-ACK again: 1 s, then twice as long each time.
    fn reqsk_arm(&mut self, cx: &mut Cx<'_>, tuple: Tuple) {
        let Some(Established::Request(request)) = self.socks.ehash.get_mut(&tuple) else { return };
        let after = Duration::from_micros(u64::from(TIMEOUT_INIT_US) << request.num_timeout.min(7));
        request.timer = Some(self.timers.set(cx.now + after, Target::Request(request.id)));
        let owner = request.id.0;
        cx.trace.emit(|| What::Timer {
            kind: TimerKind::SynAck,
            op: TimerOp::Set,
            owner,
            after_us: after.as_micros() as u32,
        });
    }

    /// `reqsk_timer_handler`.
    pub(crate) fn reqsk_timer_handler(&mut self, cx: &mut Cx<'_>, id: SockId) {
        cx.call(Function::ReqskTimer, |cx| {
            let retries = self.sysctl.tcp_synack_retries as u32;
            let found = self.socks.ehash.iter_mut().find_map(|(tuple, e)| match e {
                Established::Request(r) if r.id == id => Some((*tuple, r)),
                _ => None,
            });
            let Some((tuple, request)) = found else { return };
            request.timer = None;
            request.num_timeout += 1;
            if request.num_timeout > retries {
                return self.reqsk_drop(cx, tuple);
            }
            let request = request.clone();
            self.tcp_send_synack(cx, &request);
            self.reqsk_arm(cx, tuple);
        });
    }

    /// `inet_csk_reqsk_queue_drop`: the request is forgotten.
    pub(super) fn reqsk_drop(&mut self, cx: &mut Cx<'_>, tuple: Tuple) {
        let Some(Established::Request(request)) = self.socks.ehash.remove(&tuple) else { return };
        if let Some(token) = request.timer {
            self.timers.cancel(token);
        }
        if let Some(tp) = self.socks.tcp_mut(request.listener) {
            tp.syn_queue_len = tp.syn_queue_len.saturating_sub(1);
        }
        cx.trace.emit(|| What::SockDestroy { sock: request.id });
    }

    /// `tcp_check_req`: a segment for a connection in SYN_RECV.
    pub(super) fn tcp_check_req(&mut self, cx: &mut Cx<'_>, seg: &Segment) -> Checked {
        cx.call(Function::TcpCheckReq, |cx| {
            let tuple = seg.tuple();
            let Some(Established::Request(request)) = self.socks.ehash.get(&tuple) else {
                return Checked::Drop(DropReason::NoSocket);
            };
            let request = request.clone();
            let flags = seg.tcp.flags & (RST | SYN | ACK);
            if seg.tcp.seq == request.rcv_isn && flags == SYN {
                // The SYN once more: our answer got lost.
                self.tcp_send_synack(cx, &request);
                return Checked::Drop(DropReason::NotSpecified);
            }
            // RFC 9293 §3.10.7.4: an ACK of something else is answered with a reset.
            if flags & ACK != 0 && seg.tcp.ack != request.snt_isn.wrapping_add(1) {
                return Checked::Reset;
            }
            let next = request.rcv_isn.wrapping_add(1);
            let beyond = next.wrapping_add(request.rcv_wnd.min(65_535));
            let in_window = !before(seg.tcp.seq, next) && !after(seg.tcp.seq, beyond);
            if !in_window {
                if flags & RST == 0 {
                    self.tcp_send_control(cx, request.ack(cx));
                }
                return Checked::Drop(DropReason::TcpInvalidSequence);
            }
            if flags & (RST | SYN) != 0 {
                // RFC 5961 allows less, but a half-open connection costs nobody anything: it is dropped.
                self.reqsk_drop(cx, tuple);
                return if flags & RST != 0 { Checked::Drop(DropReason::TcpReset) } else { Checked::Reset };
            }
            if flags & ACK == 0 {
                return Checked::Drop(DropReason::TcpFlags);
            }
            let full = self.socks.tcp(request.listener).is_none_or(|tp| tp.accept_queue.len() as u32 > tp.backlog);
            if full {
                // The client will send again; the request waits.
                return Checked::Drop(DropReason::TcpListenOverflow);
            }
            Checked::Child(self.tcp_v4_syn_recv_sock(cx, &request))
        })
    }

    /// `tcp_v4_syn_recv_sock`, `tcp_create_openreq_child`: the full socket, in SYN_RECV.
    fn tcp_v4_syn_recv_sock(&mut self, cx: &mut Cx<'_>, request: &Request) -> SockId {
        cx.call(Function::TcpV4SynRecvSock, |cx| {
            let id = request.id;
            let route = self.ip_route_output(cx, request.tuple.peer.0).ok();
            let ip_id = self.rng.next_u32() as u16;
            let mut tp = TcpSock::new(&self.sysctl);
            request.init(&mut tp, cx);
            let parent = self.socks.get(request.listener);
            let (sndbuf, rcvbuf) = parent.map_or((16_384, 131_072), |p| (p.sndbuf, p.rcvbuf));
            if let Some(Proto::Tcp(listener)) = parent.map(|p| &p.proto) {
                (tp.nodelay, tp.cork, tp.user_mss) = (listener.nodelay, listener.cork, listener.user_mss);
                tp.user_timeout = listener.user_timeout;
                tp.keepalive_time = listener.keepalive_time;
                tp.keepalive_intvl = listener.keepalive_intvl;
                tp.keepalive_probes = listener.keepalive_probes;
            }
            let mut sock = Sock::new(id, Proto::Tcp(Box::new(tp)), sndbuf, rcvbuf);
            if let Some(p) = parent {
                (sock.reuseaddr, sock.reuseport, sock.keepalive) = (p.reuseaddr, p.reuseport, p.keepalive);
                (sock.linger, sock.tos, sock.ttl) = (p.linger, p.tos, p.ttl);
                (sock.rcvtimeo, sock.sndtimeo) = (p.rcvtimeo, p.sndtimeo);
                (sock.sndbuf_locked, sock.rcvbuf_locked) = (p.sndbuf_locked, p.rcvbuf_locked);
            }
            sock.local = request.tuple.local;
            sock.peer = request.tuple.peer;
            sock.dst = route;
            sock.ip_id = ip_id;
            sock.state = TcpState::SynRecv;
            let protocol = sock.protocol();
            cx.trace.emit(|| What::SockCreate { sock: id, kind: 1, protocol, task: crate::trace::TaskId(0) });
            self.socks.insert(sock);
            self.socks.bind_port(protocol, request.tuple.local.1, id);
            self.socks.ehash.insert(request.tuple, Established::Sock(id));
            self.tell_names(cx, id);
            if let Some(token) = request.timer {
                self.timers.cancel(token);
            }
            if let Some(tp) = self.socks.tcp_mut(request.listener) {
                tp.syn_queue_len = tp.syn_queue_len.saturating_sub(1);
                tp.accept_queue.push_back(id);
            }
            id
        })
    }
}

impl Request {
    /// The ACK that answers a segment out of the window.
    fn ack(&self, cx: &Cx<'_>) -> Control {
        Control {
            path: super::output::Path { src: self.tuple.local, dst: self.tuple.peer },
            seq: self.snt_isn.wrapping_add(1),
            ack: self.rcv_isn.wrapping_add(1),
            flags: ACK,
            window: (self.rcv_wnd >> self.rcv_wscale).min(65_535) as u16,
            options: TcpOptions {
                timestamps: self
                    .tstamp_ok
                    .then(|| ((cx.now.as_millis() as u32).wrapping_add(self.ts_offset), self.ts_recent)),
                ..TcpOptions::default()
            },
            tos: 0,
        }
    }

    /// What the new socket takes over from the handshake.
    fn init(&self, tp: &mut TcpSock, cx: &Cx<'_>) {
        tp.snd_una = self.snt_isn;
        tp.snd_nxt = self.snt_isn.wrapping_add(1);
        tp.write_seq = tp.snd_nxt;
        tp.snd_sml = tp.snd_nxt;
        tp.rcv_nxt = self.rcv_isn.wrapping_add(1);
        tp.rcv_wup = tp.rcv_nxt;
        tp.copied_seq = tp.rcv_nxt;
        tp.rcv_wnd = self.rcv_wnd;
        tp.rcv_ssthresh = self.rcv_wnd;
        tp.rcv_wscale = self.rcv_wscale;
        tp.wscale_ok = self.wscale.is_some();
        tp.snd_wscale = self.wscale.unwrap_or(0);
        tp.tstamp_ok = self.tstamp_ok;
        tp.sack_ok = self.sack_ok;
        tp.ts_recent = self.ts_recent;
        tp.ts_recent_at = Some(cx.now);
        tp.ts_offset = self.ts_offset;
        tp.pmtu = self.mtu;
        tp.advmss = self.advmss;
        tp.mss_clamp = self.peer_mss;
        tp.snd_wnd = u32::from(self.peer_window);
        tp.max_window = tp.snd_wnd;
        tp.snd_wl1 = self.rcv_isn;
        tp.rcv_tstamp = cx.now;
        tp.parent = Some(self.listener);
        tp.sync_mss();
        tp.ack.rcv_mss = tp.mss_cache.min(u32::from(MSS_DEFAULT));
        // RFC 6298 §5.7: a SYN-ACK sent twice starts the data phase at 3 s in the RFC, at 1 s in Linux.
    }
}
