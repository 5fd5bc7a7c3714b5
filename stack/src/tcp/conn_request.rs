//! A SYN for a listener: what is remembered of it, and the SYN-ACK.
//!
//! Linux: `tcp_conn_request` in `net/ipv4/tcp_input.c`, `tcp_openreq_init_rwin` in `net/ipv4/tcp_minisocks.c`,
//! `tcp_make_synack`, `tcp_rtx_synack` in `net/ipv4/tcp_output.c`, `tcp_v4_send_synack` in `net/ipv4/tcp_ipv4.c`.
//! RFC 9293 §3.10.7.2, RFC 7323 §2.2, RFC 3168 §6.1.1.

use super::ecn::INET_ECN_MASK;
use super::ipv4::Segment;
use super::minisocks::Request;
use super::output::{Control, Path};
use super::syncookies::cookie_init_timestamp;
use super::{MSS_DEFAULT, TcpSock, clock_ns};
use crate::host::{Cx, Host};
use crate::ip::Dst;
use crate::mib::Counter;
use crate::skb::DropReason;
use crate::trace::{Function, TcpState, What};
use crate::wire::tcp::{ACK, CWR, ECE, SYN};
use crate::wire::tcp_options::TcpOptions;

/// `TCPOLEN_TSTAMP_ALIGNED`
const TSTAMP_ALIGNED: u32 = 12;

impl TcpSock {
    /// `tcp_mss_clamp`: `TCP_MAXSEG` bounds what is announced.
    pub(super) fn mss_clamp(&self, mss: u16) -> u16 {
        if self.rx_opt.user_mss > 0 { mss.min(self.rx_opt.user_mss) } else { mss }
    }
}

impl Host {
    /// `dst_metric_advmss`: the MSS to announce on a route (`ipv4_default_advmss`).
    pub(super) fn dst_metric_advmss(&self, to: &Dst) -> u16 {
        to.advmss.unwrap_or_else(|| self.route_mtu(to).saturating_sub(40).clamp(256, 65_495) as u16)
    }

    /// `tcp_listendrop`.
    fn tcp_listendrop(&mut self) {
        self.mib.inc(Counter::ListenDrops);
    }

    /// `tcp_conn_request`: a SYN. `tw_isn` is the sequence number to use if it took over a connection in TIME_WAIT.
    pub(super) fn tcp_conn_request(
        &mut self,
        cx: &mut Cx<'_>,
        lp: &mut TcpSock,
        seg: &Segment,
        tw_isn: Option<u32>,
    ) -> Result<(), DropReason> {
        cx.call(Function::TcpConnRequest, |cx| {
            let result = self.conn_request(cx, lp, seg, tw_isn);
            if result.is_err() {
                self.tcp_listendrop();
            }
            result
        })
    }

    fn conn_request(
        &mut self,
        cx: &mut Cx<'_>,
        lp: &mut TcpSock,
        seg: &Segment,
        tw_isn: Option<u32>,
    ) -> Result<(), DropReason> {
        let Some(listen) = lp.listen.as_ref() else { return Err(DropReason::NoSocket) };
        let (full, acceptq_full, qlen) = (listen.reqsk_queue_is_full(), listen.acceptq_is_full(), listen.qlen);
        let syncookies = self.sysctl.tcp_syncookies;
        let mut want_cookie = false;
        if tw_isn.is_none() && (syncookies == 2 || full) {
            // `tcp_syn_flood_action`
            want_cookie = syncookies != 0;
            self.mib.inc(if want_cookie { Counter::TcpReqQFullDoCookies } else { Counter::TcpReqQFullDrop });
            if !want_cookie {
                return Err(DropReason::TcpListenOverflow);
            }
        }
        if acceptq_full {
            self.mib.inc(Counter::ListenOverflows);
            return Err(DropReason::TcpListenOverflow);
        }
        let to = self.ip_route_output(cx, seg.ip.src).map_err(|_| DropReason::IpOutNoRoutes)?;
        let tuple = seg.tuple();
        if !want_cookie && tw_isn.is_none() && syncookies == 0 {
            // Without cookies the last quarter of the backlog is for peers known to be alive: here, for nobody.
            let most = self.sysctl.tcp_max_syn_backlog;
            if most - i64::from(qlen) < most >> 2 {
                return Err(DropReason::TcpListenOverflow);
            }
        }
        let mut req = Request::new(self.socks.new_id(), lp.sk.id, tuple);
        self.openreq_init(lp, &mut req, seg, want_cookie);
        if req.tstamp_ok {
            req.ts_off = self.secrets.tcp_ts_off(self.sysctl.tcp_timestamps, tuple.local.0, tuple.peer.0);
        }
        self.ecn_create_request(&mut req, &to, seg);
        req.snt_isn = if want_cookie {
            req.ecn_ok &= req.tstamp_ok;
            let mut mss = req.mss;
            let isn = self.cookie_init_sequence(cx, lp, seg, &mut mss);
            req.mss = mss;
            isn
        } else {
            tw_isn.unwrap_or_else(|| self.secrets.tcp_seq(cx, &tuple))
        };
        // `tcp_openreq_init_rwin`
        let mss = u32::from(lp.mss_clamp(self.dst_metric_advmss(&to)));
        let options = if req.tstamp_ok { TSTAMP_ALIGNED } else { 0 };
        self.tcp_req_select_window(lp, &mut req, &to, mss.saturating_sub(options));
        if want_cookie {
            self.tcp_v4_send_synack(cx, lp, &mut req, Some(to), true);
            return Ok(());
        }
        let id = req.id;
        cx.trace.emit(|| What::SockState { sock: id, old: TcpState::Listen, new: TcpState::SynRecv });
        self.inet_csk_reqsk_queue_hash_add(cx, lp, req);
        if let Some(mut req) = self.socks.request_mut(&tuple).cloned() {
            self.tcp_v4_send_synack(cx, lp, &mut req, Some(to), false);
            self.reqsk_store(req);
        }
        Ok(())
    }

    /// `tcp_openreq_init`, with what `tcp_parse_options` takes of a SYN's options.
    fn openreq_init(&self, lp: &TcpSock, req: &mut Request, seg: &Segment, want_cookie: bool) {
        let o = &seg.tcp.options;
        let stamps = o.timestamps.filter(|_| self.sysctl.tcp_timestamps != 0);
        req.rcv_isn = seg.tcp.seq;
        req.mss = o.mss.map_or(MSS_DEFAULT, |mss| lp.mss_clamp(mss));
        req.syn_tos = seg.ip.tos;
        // A cookie without timestamps has no room for the other options (`tcp_clear_options`).
        let options = !want_cookie || stamps.is_some();
        let wscale = o.wscale.filter(|_| self.sysctl.tcp_window_scaling != 0 && options);
        req.sack_ok = o.sack_permitted && self.sysctl.tcp_sack != 0 && options;
        req.wscale_ok = wscale.is_some();
        req.snd_wscale = wscale.unwrap_or(0);
        req.tstamp_ok = stamps.is_some();
        req.ts_recent = stamps.map_or(0, |(value, _)| value);
    }

    /// `tcp_ecn_create_request` (RFC 3168 §6.1.1): does the client ask, and do we agree? A client that asks for
    /// Accurate ECN (RFC 9768) sets AE too.
    fn ecn_create_request(&self, req: &mut Request, to: &Dst, seg: &Segment) {
        if !(seg.has(ECE) && seg.has(CWR)) {
            return;
        }
        let ect = seg.ip.tos & INET_ECN_MASK != 0;
        let reserved = seg.res != 0;
        let wanted = self.sysctl.tcp_ecn != 0 || to.ecn;
        req.ecn_ok = (!ect || reserved) && wanted;
    }

    /// The first window, by the route and the listener's receive buffer.
    pub(super) fn tcp_req_select_window(&self, lp: &TcpSock, req: &mut Request, to: &Dst, mss: u32) {
        let full_space = lp.full_space();
        let mut clamp = lp.window_clamp;
        if lp.sk.rcvbuf_locked && (clamp > full_space.max(0) as u32 || clamp == 0) {
            clamp = full_space.max(0) as u32;
        }
        let init_rcv_wnd = to.initrwnd.unwrap_or(0);
        let (wnd, clamp, wscale) =
            super::select_initial_window(&self.sysctl, full_space, mss, clamp, req.wscale_ok, init_rcv_wnd);
        (req.rcv_wnd, req.window_clamp, req.rcv_wscale) = (wnd, clamp, wscale);
    }

    /// `tcp_rtx_synack`: the SYN-ACK once more. False if it could not be sent.
    pub(super) fn tcp_rtx_synack(&mut self, cx: &mut Cx<'_>, lp: &TcpSock, req: &mut Request) -> bool {
        if !self.tcp_v4_send_synack(cx, lp, req, None, false) {
            return false;
        }
        self.mib.inc(Counter::RetransSegs);
        self.mib.inc(Counter::TcpSynRetrans);
        req.num_retrans = req.num_retrans.saturating_add(1);
        true
    }

    /// `tcp_v4_send_synack`.
    fn tcp_v4_send_synack(
        &mut self,
        cx: &mut Cx<'_>,
        lp: &TcpSock,
        req: &mut Request,
        to: Option<Dst>,
        cookie: bool,
    ) -> bool {
        let to = match to {
            Some(to) => to,
            None => match self.ip_route_output(cx, req.tuple.peer.0) {
                Ok(to) => to,
                Err(_) => return false,
            },
        };
        cx.call(Function::TcpMakeSynack, |cx| {
            let now = clock_ns(cx);
            let stamp = if cookie && req.tstamp_ok { cookie_init_timestamp(cx, req) } else { (now / 1_000_000) as u32 };
            if !(cookie && req.tstamp_ok) && req.snt_synack == 0 {
                req.snt_synack = now / 1000;
            }
            let tsval = stamp.wrapping_add(req.ts_off);
            if req.tstamp_ok {
                req.snt_tsval = Some((req.snt_tsval.map_or(tsval, |(first, _)| first), tsval));
            }
            let options = TcpOptions {
                mss: Some(lp.mss_clamp(self.dst_metric_advmss(&to))),
                wscale: req.wscale_ok.then_some(req.rcv_wscale),
                sack_permitted: req.sack_ok,
                timestamps: req.tstamp_ok.then_some((tsval, req.ts_recent)),
                ..TcpOptions::default()
            };
            let tos = if self.sysctl.tcp_reflect_tos != 0 {
                req.syn_tos & !INET_ECN_MASK | lp.sk.tos & INET_ECN_MASK
            } else {
                lp.sk.tos
            };
            let control = Control {
                path: Path { src: req.tuple.local, dst: req.tuple.peer },
                seq: req.snt_isn,
                ack: req.rcv_nxt(),
                flags: SYN | ACK | if req.ecn_ok { ECE } else { 0 },
                window: req.synack_window() as u16,
                options,
                tos,
                ttl: lp.sk.ttl,
                to: Some(to),
            };
            self.tcp_send_control(cx, control);
            true
        })
    }
}
