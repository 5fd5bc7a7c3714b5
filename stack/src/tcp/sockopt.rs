//! Options of a TCP socket: `SOL_TCP`.
//!
//! Linux: `do_tcp_setsockopt`, `do_tcp_getsockopt`, `tcp_set_rcvlowat`, `tcp_set_window_clamp` in
//! `net/ipv4/tcp.c`. What belongs to TCP Fast Open is taken and has no effect.

use super::{ACK_PUSHED, ACK_SCHED, DELACK_MAX_MS, MIN_MSS, RTO_MIN_US, TIMEOUT_MIN_US, TcpSock};
use crate::host::{Cx, Host};
use crate::socket::{int_of, value_of};
use crate::syscall::*;
use crate::time::Duration;
use crate::trace::TcpState;

/// `MAX_TCP_WINDOW`, bytes.
const MAX_TCP_WINDOW: i32 = 32_767;
/// `MAX_TCP_KEEPIDLE`, `MAX_TCP_KEEPINTVL`, seconds.
const MAX_KEEP: i32 = 32_767;
/// `TCP_FIN_TIMEOUT_MAX`, seconds.
const FIN_TIMEOUT_MAX: i32 = 120;
/// `TCP_CA_NAME_MAX`, bytes.
const CA_NAME_MAX: usize = 16;
/// `TCP_TIMEOUT_INIT`, seconds.
const TIMEOUT_INIT: i32 = 1;
/// `TCP_RTO_MAX`, seconds.
const RTO_MAX: i32 = 120;
/// `SOCK_MIN_RCVBUF`, bytes.
const SOCK_MIN_RCVBUF: i32 = 2304;

const TCP_REPAIR_QUEUE: i32 = 20;
const TCP_QUEUE_SEQ: i32 = 21;
const TCP_REPAIR_OPTIONS: i32 = 22;
const TCP_AO_ADD_KEY: i32 = 38;
const TCP_AO_REPAIR: i32 = 42;

/// `secs_to_retrans`: how many SYN-ACKs are sent in so many seconds.
fn secs_to_retrans(seconds: i32) -> u8 {
    let (mut count, mut timeout, mut period) = (0u8, TIMEOUT_INIT, TIMEOUT_INIT);
    if seconds > 0 {
        count = 1;
        while seconds > period && count < 255 {
            count += 1;
            timeout = (timeout << 1).min(RTO_MAX);
            period += timeout;
        }
    }
    count
}

/// `retrans_to_secs`.
fn retrans_to_secs(count: u8) -> i32 {
    let (mut timeout, mut period) = (TIMEOUT_INIT, 0);
    for _ in 0..count {
        period += timeout;
        timeout = (timeout << 1).min(RTO_MAX);
    }
    period
}

impl Host {
    /// `do_tcp_setsockopt`.
    pub(crate) fn do_tcp_setsockopt(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        name: i32,
        value: &[u8],
    ) -> Result<(), Errno> {
        match name {
            TCP_CONGESTION => return self.set_congestion(cx, tp, value),
            TCP_ULP if value.is_empty() => return Err(Errno::EINVAL),
            TCP_ULP => return Err(Errno::ENOENT),
            TCP_FASTOPEN_KEY if matches!(value.len(), 16 | 32) => return Ok(()),
            TCP_FASTOPEN_KEY => return Err(Errno::EINVAL),
            _ => {}
        }
        let int = int_of(value)?;
        let on = int != 0;
        let flag = || if (0..=1).contains(&int) { Ok(on) } else { Err(Errno::EINVAL) };
        let fresh = matches!(tp.state, TcpState::Close | TcpState::Listen);
        match name {
            TCP_NODELAY => {
                tp.nodelay = on;
                if on {
                    tp.nagle_push = true;
                    self.tcp_push_pending_frames(cx, tp);
                }
            }
            TCP_CORK => {
                tp.cork = on;
                if !on {
                    tp.nagle_push |= tp.nodelay;
                    self.tcp_push_pending_frames(cx, tp);
                }
            }
            TCP_MAXSEG if on && !(MIN_MSS as i32..=MAX_TCP_WINDOW).contains(&int) => return Err(Errno::EINVAL),
            TCP_MAXSEG => tp.rx_opt.user_mss = int as u16,
            TCP_KEEPIDLE if !(1..=MAX_KEEP).contains(&int) => return Err(Errno::EINVAL),
            TCP_KEEPIDLE => {
                tp.keepalive_time = Some(Duration::from_secs(int as u64));
                if tp.keepalive && !fresh {
                    self.tcp_restart_keepalive(cx, tp);
                }
            }
            TCP_KEEPINTVL if !(1..=MAX_KEEP).contains(&int) => return Err(Errno::EINVAL),
            TCP_KEEPINTVL => tp.keepalive_intvl = Some(Duration::from_secs(int as u64)),
            TCP_KEEPCNT if !(1..=127).contains(&int) => return Err(Errno::EINVAL),
            TCP_KEEPCNT => tp.keepalive_probes = Some(int as u8),
            TCP_SYNCNT if !(1..=127).contains(&int) => return Err(Errno::EINVAL),
            TCP_SYNCNT => tp.syn_retries = Some(int as u8),
            TCP_USER_TIMEOUT if int < 0 => return Err(Errno::EINVAL),
            TCP_USER_TIMEOUT => tp.user_timeout = Duration::from_millis(int as u64),
            TCP_LINGER2 => tp.linger2 = int.clamp(-1, FIN_TIMEOUT_MAX),
            TCP_DEFER_ACCEPT => tp.defer_accept = secs_to_retrans(int),
            TCP_WINDOW_CLAMP => return tp.set_window_clamp(int),
            TCP_QUICKACK => self.set_quickack(cx, tp, int & 1 != 0),
            TCP_NOTSENT_LOWAT => {
                tp.notsent_lowat = on.then_some(int as u32);
                self.sk_stream_write_space(cx, tp);
            }
            TCP_INQ => tp.recvmsg_inq = flag()?,
            TCP_THIN_LINEAR_TIMEOUTS => tp.thin_lto = flag()?,
            TCP_THIN_DUPACK => drop(flag()?),
            TCP_RTO_MAX_MS if !(1000..=RTO_MAX * 1000).contains(&int) => return Err(Errno::EINVAL),
            TCP_RTO_MAX_MS => tp.rto_max_us = int as u32 * 1000,
            TCP_RTO_MIN_US => tp.rto_min_us = jiffies_us(int, RTO_MIN_US)?,
            TCP_DELACK_MAX_US => tp.delack_max_us = Some(jiffies_us(int, DELACK_MAX_MS * 1000)?),
            TCP_SAVE_SYN if !(0..=2).contains(&int) => return Err(Errno::EINVAL),
            TCP_SAVE_SYN => {}
            TCP_FASTOPEN if int < 0 || !fresh => return Err(Errno::EINVAL),
            TCP_FASTOPEN => {}
            TCP_FASTOPEN_CONNECT if self.sysctl.tcp_fastopen & 1 == 0 && flag().is_ok() => {
                return Err(Errno::EOPNOTSUPP);
            }
            TCP_FASTOPEN_CONNECT if tp.state != TcpState::Close => return Err(Errno::EINVAL),
            TCP_FASTOPEN_NO_COOKIE if !fresh => return Err(Errno::EINVAL),
            TCP_FASTOPEN_CONNECT | TCP_FASTOPEN_NO_COOKIE => drop(flag()?),
            TCP_REPAIR | TCP_REPAIR_QUEUE | TCP_QUEUE_SEQ | TCP_REPAIR_WINDOW | TCP_TIMESTAMP => {
                return Err(Errno::EPERM);
            }
            TCP_REPAIR_OPTIONS => return Err(Errno::EINVAL),
            _ => return Err(Errno::ENOPROTOOPT),
        }
        Ok(())
    }

    /// `tcp_set_congestion_control` with what comes before it: the name ends at a NUL or after 15 bytes.
    fn set_congestion(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, value: &[u8]) -> Result<(), Errno> {
        if value.is_empty() {
            return Err(Errno::EINVAL);
        }
        let name = &value[..value.len().min(CA_NAME_MAX - 1)];
        let name = name.split(|b| *b == 0).next().unwrap_or(name);
        let name = core::str::from_utf8(name).map_err(|_| Errno::ENOENT)?;
        let known = crate::sysctl::CONGESTION_CONTROLS.contains(&name);
        let allowed = self.privileged || self.sysctl.tcp_allowed_congestion_control.contains(&name);
        match (known, allowed || name == tp.ca_name()) {
            (false, _) => Err(Errno::ENOENT),
            (true, false) => Err(Errno::EPERM),
            (true, true) => self.tcp_set_congestion_control(cx, tp, name),
        }
    }

    /// `__tcp_sock_set_quickack`: the program takes part in when to acknowledge.
    fn set_quickack(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, on: bool) {
        if !on {
            tp.ack.pingpong = self.sysctl.tcp_pingpong_thresh as u8;
            return;
        }
        tp.ack.pingpong = 0;
        let open = matches!(tp.state, TcpState::Established | TcpState::CloseWait);
        if open && tp.ack.pending & ACK_SCHED != 0 {
            tp.ack.pending |= ACK_PUSHED;
            self.tcp_cleanup_rbuf(cx, tp, 1);
        }
    }

    /// `tcp_set_rcvlowat`: the receive buffer must be able to hold what the reader wants to wait for.
    pub(crate) fn tcp_set_rcvlowat(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, wanted: u32) {
        let most = if tp.rcvbuf_locked { tp.rcvbuf } else { self.sysctl.tcp_rmem[2] as u32 };
        let wanted = wanted.min(most >> 1);
        tp.sk.rcvlowat = wanted.max(1) as usize;
        // `tcp_data_ready`
        if tp.is_readable(tp.rcvlowat) || tp.done {
            self.sock_def_readable(cx, &mut tp.sk);
        }
        let space = (u64::from(wanted) << 8) / u64::from(tp.scaling_ratio.max(1));
        if !tp.rcvbuf_locked && space > u64::from(tp.rcvbuf) {
            tp.sk.rcvbuf = space.min(i32::MAX as u64) as u32;
            if tp.window_clamp != 0 && tp.window_clamp < wanted {
                tp.window_clamp = wanted;
            }
        }
    }

    /// `do_tcp_getsockopt`.
    pub(crate) fn do_tcp_getsockopt(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        name: i32,
        len: usize,
    ) -> Result<SysRet, Errno> {
        let s = &self.sysctl;
        let seconds = |d: Option<Duration>, default: i64| d.map_or(default as i32, |d| d.as_secs() as i32);
        let fresh = matches!(tp.state, TcpState::Close | TcpState::Listen);
        let int = match name {
            TCP_MAXSEG if fresh && tp.rx_opt.user_mss != 0 => i32::from(tp.rx_opt.user_mss),
            TCP_MAXSEG => tp.mss_cache as i32,
            TCP_NODELAY => i32::from(tp.nodelay),
            TCP_CORK => i32::from(tp.cork),
            TCP_KEEPIDLE => seconds(tp.keepalive_time, s.tcp_keepalive_time),
            TCP_KEEPINTVL => seconds(tp.keepalive_intvl, s.tcp_keepalive_intvl),
            TCP_KEEPCNT => tp.keepalive_probes.map_or(s.tcp_keepalive_probes as i32, i32::from),
            TCP_SYNCNT => tp.syn_retries.map_or(s.tcp_syn_retries as i32, i32::from),
            TCP_LINGER2 if tp.linger2 == 0 => s.tcp_fin_timeout as i32,
            TCP_LINGER2 => tp.linger2,
            TCP_DEFER_ACCEPT => retrans_to_secs(tp.defer_accept),
            TCP_WINDOW_CLAMP => tp.window_clamp as i32,
            TCP_QUICKACK => i32::from(i64::from(tp.ack.pingpong) < s.tcp_pingpong_thresh),
            TCP_USER_TIMEOUT => tp.user_timeout.as_millis() as i32,
            TCP_NOTSENT_LOWAT => tp.notsent_lowat.unwrap_or(0) as i32,
            TCP_INQ => i32::from(tp.recvmsg_inq),
            TCP_TIMESTAMP => {
                tp.mstamp_refresh(cx);
                tp.time_stamp_ts().wrapping_add(tp.ts_offset) as i32
            }
            TCP_THIN_LINEAR_TIMEOUTS => i32::from(tp.thin_lto),
            TCP_RTO_MAX_MS => (tp.rto_max_us / 1000) as i32,
            TCP_RTO_MIN_US => tp.rto_min_us as i32,
            TCP_DELACK_MAX_US => tp.delack_max_us.unwrap_or(DELACK_MAX_MS * 1000) as i32,
            TCP_THIN_DUPACK | TCP_REPAIR | TCP_SAVE_SYN | TCP_TX_DELAY | TCP_IS_MPTCP => 0,
            TCP_FASTOPEN | TCP_FASTOPEN_CONNECT | TCP_FASTOPEN_NO_COOKIE => 0,
            TCP_INFO => return Ok(value_of(&self.tcp_get_info(cx, tp).to_bytes(), len)),
            TCP_CC_INFO => return Ok(value_of(&tp.ca_get_info(), len)),
            TCP_CONGESTION => {
                let mut name = [0; CA_NAME_MAX];
                name[..tp.ca_name().len()].copy_from_slice(tp.ca_name().as_bytes());
                return Ok(value_of(&name, len));
            }
            TCP_ULP | TCP_FASTOPEN_KEY | TCP_SAVED_SYN => return Ok(value_of(&[], len)),
            TCP_REPAIR_QUEUE | TCP_QUEUE_SEQ | TCP_REPAIR_WINDOW | TCP_ZEROCOPY_RECEIVE => return Err(Errno::EINVAL),
            TCP_AO_ADD_KEY..=TCP_AO_REPAIR => return Err(Errno::ENOPROTOOPT),
            _ => return Err(Errno::ENOPROTOOPT),
        };
        Ok(value_of(&int.to_le_bytes(), len))
    }
}

impl TcpSock {
    /// `tcp_set_window_clamp`.
    pub(super) fn set_window_clamp(&mut self, value: i32) -> Result<(), Errno> {
        if value == 0 {
            if self.state != TcpState::Close {
                return Err(Errno::EINVAL);
            }
            self.window_clamp = 0;
            return Ok(());
        }
        let (old, new) = (self.window_clamp, value.max(SOCK_MIN_RCVBUF / 2) as u32);
        self.window_clamp = new;
        if new < old {
            self.rcv_ssthresh = self.rcv_ssthresh.min(new);
        } else if new > old {
            self.rcv_ssthresh = self.rcv_ssthresh.max(self.rcv_wnd.min(new));
        }
        Ok(())
    }
}

/// A time in µs that becomes whole ticks of 1 ms: at least two, at most `most_us`.
fn jiffies_us(value: i32, most_us: u32) -> Result<u32, Errno> {
    let us = u32::try_from(value).map_err(|_| Errno::EINVAL)?.div_ceil(1000).saturating_mul(1000);
    if (TIMEOUT_MIN_US..=most_us).contains(&us) { Ok(us) } else { Err(Errno::EINVAL) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_of_deferred_accept_are_kept_as_a_number_of_syn_acks() {
        for (seconds, count, back) in [(-1, 0, 0), (0, 0, 0), (1, 1, 1), (2, 2, 3), (3, 2, 3), (4, 3, 7), (120, 7, 127)]
        {
            assert_eq!((secs_to_retrans(seconds), retrans_to_secs(count)), (count, back), "{seconds}");
        }
        assert_eq!(secs_to_retrans(i32::MAX), 255);
    }
}
