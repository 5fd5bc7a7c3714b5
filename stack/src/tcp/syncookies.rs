//! SYN cookies: a SYN queue that takes no memory, because the client keeps it.
//!
//! Linux: `net/ipv4/syncookies.c`. Bernstein 1996; RFC 4987 §3.6. What must be remembered of the SYN is in the
//! initial sequence number (a hash, a minute counter and one of four segment sizes) and, if the client sends
//! timestamps, in the six low bits of the SYN-ACK's (window scale, SACK, ECN).

use super::ipv4::Segment;
use super::minisocks::Request;
use super::secure::{Secrets, siphash};
use super::{TcpSock, clock_ns};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::skb::{DropReason, SkBuff};
use crate::socket::Tuple;
use crate::sysctl::Sysctl;
use crate::time::Duration;
use crate::trace::{Function, SockId};
use crate::wire::tcp::{ACK, RST};

/// `msstab`: the segment sizes that a cookie can stand for.
const MSSTAB: [u16; 4] = [536, 1300, 1440, 1460];
/// `COOKIEBITS`: above them is the minute counter.
const COOKIEBITS: u32 = 24;
const COOKIEMASK: u32 = (1 << COOKIEBITS) - 1;
/// `TCP_SYNCOOKIE_PERIOD`, ns.
const PERIOD_NS: u64 = 60_000_000_000;
/// `MAX_SYNCOOKIE_AGE`, periods.
const MAX_AGE: u32 = 2;
/// `TCP_SYNCOOKIE_VALID`.
const VALID: Duration = Duration::from_secs(120);
/// `TSBITS`: low bits of the timestamp that hold the options.
const TSBITS: u32 = 6;
/// `TS_OPT_WSCALE_MASK`; all ones: no window scaling.
const TS_OPT_WSCALE_MASK: u32 = 0xf;
/// `TS_OPT_SACK`
const TS_OPT_SACK: u32 = 0x10;
/// `TS_OPT_ECN`
const TS_OPT_ECN: u32 = 0x20;

/// What the options of a lost SYN were (`cookie_timestamp_decode`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct CookieOptions {
    sack_ok: bool,
    wscale: Option<u8>,
    ecn_ok: bool,
}

impl Secrets {
    /// `cookie_hash`.
    fn cookie_hash(&self, tuple: &Tuple, count: u32, which: usize) -> u32 {
        let addresses = u64::from(tuple.peer.0.to_bits()) << 32 | u64::from(tuple.local.0.to_bits());
        let ports = u64::from(tuple.peer.1) << 16 | u64::from(tuple.local.1);
        siphash(self.syncookie[which], &[addresses, ports << 32 | u64::from(count)]) as u32
    }

    /// `secure_tcp_syn_cookie`.
    fn syn_cookie(&self, tuple: &Tuple, sseq: u32, count: u32, data: u32) -> u32 {
        let low = self.cookie_hash(tuple, count, 1).wrapping_add(data) & COOKIEMASK;
        self.cookie_hash(tuple, 0, 0).wrapping_add(sseq).wrapping_add(count << COOKIEBITS).wrapping_add(low)
    }

    /// `check_tcp_syn_cookie`: the data in it; some large number if it is none of ours, `None` if it is too old.
    fn check_syn_cookie(&self, cookie: u32, tuple: &Tuple, sseq: u32, now: u32) -> Option<u32> {
        let cookie = cookie.wrapping_sub(self.cookie_hash(tuple, 0, 0).wrapping_add(sseq));
        let age = now.wrapping_sub(cookie >> COOKIEBITS) & (u32::MAX >> COOKIEBITS);
        if age >= MAX_AGE {
            return None;
        }
        Some(cookie.wrapping_sub(self.cookie_hash(tuple, now.wrapping_sub(age), 1)) & COOKIEMASK)
    }
}

/// `tcp_cookie_time`: minutes since boot.
fn cookie_time(cx: &Cx<'_>) -> u32 {
    (clock_ns(cx) / PERIOD_NS) as u32
}

/// `cookie_init_timestamp`: the timestamp (ms) of the SYN-ACK, not later than now.
pub(super) fn cookie_init_timestamp(cx: &Cx<'_>, req: &Request) -> u32 {
    let now = (clock_ns(cx) / 1_000_000) as u32;
    let mut options = if req.wscale_ok { u32::from(req.snd_wscale) } else { TS_OPT_WSCALE_MASK };
    if req.sack_ok {
        options |= TS_OPT_SACK;
    }
    if req.ecn_ok {
        options |= TS_OPT_ECN;
    }
    let stamp = (now >> TSBITS) << TSBITS | options;
    if stamp > now { stamp.wrapping_sub(1 << TSBITS) } else { stamp }
}

/// `cookie_timestamp_decode`; `None`: the echo promises what this host does not do.
fn cookie_timestamp_decode(sysctl: &Sysctl, stamps: Option<u32>) -> Option<CookieOptions> {
    let Some(options) = stamps else { return Some(CookieOptions::default()) };
    if sysctl.tcp_timestamps == 0 {
        return None;
    }
    let mut found =
        CookieOptions { sack_ok: options & TS_OPT_SACK != 0, wscale: None, ecn_ok: options & TS_OPT_ECN != 0 };
    if found.sack_ok && sysctl.tcp_sack == 0 {
        return None;
    }
    if options & TS_OPT_WSCALE_MASK == TS_OPT_WSCALE_MASK {
        return Some(found);
    }
    found.wscale = Some((options & TS_OPT_WSCALE_MASK) as u8);
    Some(found).filter(|_| sysctl.tcp_window_scaling != 0)
}

impl Host {
    /// `cookie_init_sequence`: the initial sequence number that remembers the SYN; `mss` becomes one of the four.
    pub(super) fn cookie_init_sequence(
        &mut self,
        cx: &mut Cx<'_>,
        lp: &mut TcpSock,
        seg: &Segment,
        mss: &mut u16,
    ) -> u32 {
        // `tcp_synq_overflow`: noted once a second.
        if let Some(listen) = lp.listen.as_mut()
            && listen.synq_overflow.is_none_or(|at| cx.now.since(at) > Duration::from_secs(1))
        {
            listen.synq_overflow = Some(cx.now);
        }
        self.mib.inc(Counter::SyncookiesSent);
        let index = MSSTAB.iter().rposition(|m| *m <= *mss).unwrap_or(0);
        *mss = MSSTAB[index];
        self.secrets.syn_cookie(&seg.tuple(), seg.tcp.seq, cookie_time(cx), index as u32)
    }

    /// `cookie_v4_check`: is this ACK the answer to a cookie? Then the request is made anew, and the connection with
    /// it. `Ok(None)`: it is no cookie; `Err`: the segment is dropped.
    pub(super) fn cookie_v4_check(
        &mut self,
        cx: &mut Cx<'_>,
        lp: &mut TcpSock,
        seg: &Segment,
        skb: &SkBuff,
    ) -> Result<Option<SockId>, DropReason> {
        if self.sysctl.tcp_syncookies == 0 || !seg.has(ACK) || seg.has(RST) {
            return Ok(None);
        }
        cx.call(Function::CookieV4Check, |cx| {
            let Some(mut req) = self.cookie_tcp_check(cx, lp, seg) else { return Ok(None) };
            let to = self.ip_route_output(cx, req.tuple.peer.0).map_err(|_| DropReason::IpOutNoRoutes)?;
            // As when the SYN-ACK was sent, as far as can be known.
            let mss = u32::from(req.mss);
            self.tcp_req_select_window(lp, &mut req, &to, mss);
            req.ecn_ok &= self.sysctl.tcp_ecn != 0 || to.ecn;
            match self.tcp_v4_syn_recv_sock(cx, lp, &req, seg, skb) {
                Some(child) => {
                    self.inet_csk_reqsk_queue_add(lp, child);
                    Ok(Some(child))
                }
                None => Err(DropReason::NoSocket),
            }
        })
    }

    /// `cookie_tcp_check`: the request as it was, if the cookie is good.
    fn cookie_tcp_check(&mut self, cx: &mut Cx<'_>, lp: &TcpSock, seg: &Segment) -> Option<Request> {
        // `tcp_synq_no_recent_overflow`
        let sent = lp.listen.as_ref().and_then(|l| l.synq_overflow)?;
        if cx.now.since(sent) > VALID {
            return None;
        }
        let tuple = seg.tuple();
        let (isn, cookie) = (seg.tcp.seq.wrapping_sub(1), seg.tcp.ack.wrapping_sub(1));
        let data = self.secrets.check_syn_cookie(cookie, &tuple, isn, cookie_time(cx));
        let Some(mss) = data.and_then(|d| MSSTAB.get(d as usize)).copied() else {
            self.mib.inc(Counter::SyncookiesFailed);
            return None;
        };
        self.mib.inc(Counter::SyncookiesRecv);
        let stamps = seg.tcp.options.timestamps.filter(|_| self.sysctl.tcp_timestamps != 0);
        let echoed = stamps.is_some_and(|(_, echo)| echo != 0);
        let ts_off =
            if echoed { self.secrets.tcp_ts_off(self.sysctl.tcp_timestamps, tuple.local.0, tuple.peer.0) } else { 0 };
        let options = cookie_timestamp_decode(&self.sysctl, stamps.map(|(_, echo)| echo.wrapping_sub(ts_off)))?;
        let mut req = Request::new(self.socks.new_id(), lp.sk.id, tuple);
        req.rcv_isn = isn;
        req.snt_isn = cookie;
        req.mss = mss;
        req.syn_tos = seg.ip.tos;
        req.tstamp_ok = stamps.is_some();
        req.ts_recent = stamps.map_or(0, |(value, _)| value);
        req.ts_off = ts_off;
        req.sack_ok = options.sack_ok;
        req.ecn_ok = options.ecn_ok;
        req.wscale_ok = options.wscale.is_some();
        req.snd_wscale = options.wscale.unwrap_or(0);
        Some(req)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(port: u16) -> Tuple {
        Tuple { local: ([10, 0, 0, 1].into(), 80), peer: ([10, 0, 0, 2].into(), port) }
    }

    #[test]
    fn a_cookie_gives_its_data_back_for_two_minutes() {
        let s = Secrets::new(7);
        for data in 0..4 {
            let cookie = s.syn_cookie(&tuple(5000), 0xffff_fff0, 255, data);
            assert_eq!(s.check_syn_cookie(cookie, &tuple(5000), 0xffff_fff0, 255), Some(data));
            assert_eq!(s.check_syn_cookie(cookie, &tuple(5000), 0xffff_fff0, 256), Some(data));
            assert_eq!(s.check_syn_cookie(cookie, &tuple(5000), 0xffff_fff0, 257), None);
        }
    }

    #[test]
    fn a_cookie_of_somebody_else_is_none() {
        let s = Secrets::new(7);
        let cookie = s.syn_cookie(&tuple(5000), 100, 3, 2);
        assert!(s.check_syn_cookie(cookie, &tuple(5001), 100, 3).is_none_or(|d| d > 3));
        assert!(s.check_syn_cookie(cookie, &tuple(5000), 5100, 3).is_none_or(|d| d > 3));
        assert!(Secrets::new(8).check_syn_cookie(cookie, &tuple(5000), 100, 3).is_none_or(|d| d > 3));
    }

    #[test]
    fn the_timestamp_carries_the_options() {
        let sysctl = Sysctl::default();
        let all = Some(CookieOptions { sack_ok: true, wscale: Some(10), ecn_ok: true });
        assert_eq!(cookie_timestamp_decode(&sysctl, Some(4000 << TSBITS | 0x3a)), all);
        let none = Some(CookieOptions { sack_ok: true, wscale: None, ecn_ok: false });
        assert_eq!(cookie_timestamp_decode(&sysctl, Some(0x1f)), none);
        assert_eq!(cookie_timestamp_decode(&sysctl, None), Some(CookieOptions::default()));
        let no_sack = Sysctl { tcp_sack: 0, ..Sysctl::default() };
        assert_eq!(cookie_timestamp_decode(&no_sack, Some(0x1f)), None);
    }
}
