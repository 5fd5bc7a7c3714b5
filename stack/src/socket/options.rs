//! `setsockopt` and `getsockopt`.
//!
//! Linux: `net/core/sock.c` (`SOL_SOCKET`), `net/ipv4/ip_sockglue.c`, `net/ipv4/tcp.c`.

use super::Proto;
use crate::host::{Cx, Host};
use crate::syscall::Stop;
use crate::syscall::*;
use crate::time::Duration;
use crate::trace::{SockId, TcpState};
use alloc::vec::Vec;

/// `SOCK_MIN_SNDBUF`, bytes.
const SOCK_MIN_SNDBUF: u32 = 4608;
/// `SOCK_MIN_RCVBUF`, bytes.
const SOCK_MIN_RCVBUF: u32 = 2304;

impl Host {
    pub(crate) fn setsockopt(
        &mut self,
        cx: &mut Cx<'_>,
        sk: SockId,
        level: i32,
        name: i32,
        value: &[u8],
    ) -> Result<(), Stop> {
        let (rmem_max, wmem_max) = (self.sysctl.rmem_max as u32, self.sysctl.wmem_max as u32);
        let Some(sock) = self.socks.get_mut(sk) else { return Err(Errno::EBADF.into()) };
        let int = value.first_chunk().map(|b| i32::from_le_bytes(*b)).ok_or(Errno::EINVAL);
        match (level, name) {
            (SOL_SOCKET, SO_REUSEADDR) => sock.reuseaddr = int? != 0,
            (SOL_SOCKET, SO_REUSEPORT) => sock.reuseport = int? != 0,
            (SOL_SOCKET, SO_BROADCAST) => sock.broadcast = int? != 0,
            (SOL_SOCKET, SO_SNDBUF) => {
                // Linux doubles the value, for its bookkeeping.
                sock.sndbuf = (int? as u32).min(wmem_max).saturating_mul(2).max(SOCK_MIN_SNDBUF);
                sock.sndbuf_locked = true;
                self.sk_wake(cx, sk);
            }
            (SOL_SOCKET, SO_RCVBUF) => {
                sock.rcvbuf = (int? as u32).min(rmem_max).saturating_mul(2).max(SOCK_MIN_RCVBUF);
                sock.rcvbuf_locked = true;
                let full_space = sock.rcvbuf / 2;
                if let Proto::Tcp(tp) = &mut sock.proto {
                    tp.window_clamp = tp.window_clamp.max(full_space);
                }
            }
            (SOL_SOCKET, SO_KEEPALIVE) => {
                let on = int? != 0;
                sock.keepalive = on;
                self.tcp_set_keepalive(cx, sk, on);
            }
            (SOL_SOCKET, SO_LINGER) => {
                let b: [u8; 8] = *value.first_chunk().ok_or(Errno::EINVAL)?;
                let on = i32::from_le_bytes([b[0], b[1], b[2], b[3]]) != 0;
                let seconds = u32::from_le_bytes([b[4], b[5], b[6], b[7]]);
                sock.linger = on.then(|| Duration::from_secs(u64::from(seconds)));
            }
            (SOL_SOCKET, SO_RCVTIMEO) => sock.rcvtimeo = timeval(value)?,
            (SOL_SOCKET, SO_SNDTIMEO) => sock.sndtimeo = timeval(value)?,
            (SOL_SOCKET, SO_TYPE | SO_ERROR | SO_PROTOCOL | SO_DOMAIN | SO_ACCEPTCONN) => {
                return Err(Errno::ENOPROTOOPT.into());
            }
            (IPPROTO_IP, IP_TOS) => sock.tos = int? as u8,
            (IPPROTO_IP, IP_TTL) => match int? {
                -1 => sock.ttl = None,
                ttl @ 1..=255 => sock.ttl = Some(ttl as u8),
                _ => return Err(Errno::EINVAL.into()),
            },
            (IPPROTO_TCP, _) => {
                let int = int?;
                let state = sock.state;
                let keepalive = sock.keepalive;
                let Proto::Tcp(tp) = &mut sock.proto else { return Err(Errno::ENOPROTOOPT.into()) };
                match name {
                    TCP_NODELAY => {
                        tp.nodelay = int != 0;
                        if tp.nodelay && state != TcpState::Close {
                            self.tcp_push_pending(cx, sk);
                        }
                    }
                    TCP_CORK => {
                        tp.cork = int != 0;
                        if !tp.cork && state != TcpState::Close {
                            self.tcp_push_pending(cx, sk);
                        }
                    }
                    TCP_QUICKACK => tp.ack.pingpong = int == 0,
                    TCP_MAXSEG if int == 0 || (88..=32767).contains(&int) => tp.user_mss = int as u16,
                    TCP_KEEPIDLE if (1..=32767).contains(&int) => {
                        tp.keepalive_time = Some(Duration::from_secs(int as u64));
                        self.tcp_set_keepalive(cx, sk, keepalive);
                    }
                    TCP_KEEPINTVL if (1..=32767).contains(&int) => {
                        tp.keepalive_intvl = Some(Duration::from_secs(int as u64));
                    }
                    TCP_KEEPCNT if (1..=127).contains(&int) => tp.keepalive_probes = Some(int as u8),
                    TCP_USER_TIMEOUT if int >= 0 => tp.user_timeout = Duration::from_millis(int as u64),
                    TCP_MAXSEG | TCP_KEEPIDLE | TCP_KEEPINTVL | TCP_KEEPCNT | TCP_USER_TIMEOUT => {
                        return Err(Errno::EINVAL.into());
                    }
                    _ => return Err(Errno::ENOPROTOOPT.into()),
                }
            }
            _ => return Err(Errno::ENOPROTOOPT.into()),
        }
        Ok(())
    }

    pub(crate) fn getsockopt(&mut self, sk: SockId, level: i32, name: i32, len: usize) -> Result<SysRet, Stop> {
        let sysctl = self.sysctl.clone();
        let Some(sock) = self.socks.get_mut(sk) else { return Err(Errno::EBADF.into()) };
        let mut data: Vec<u8> = Vec::new();
        let mut int = |v: i32| data.extend_from_slice(&v.to_le_bytes());
        let stream = matches!(sock.proto, Proto::Tcp(_));
        match (level, name) {
            (SOL_SOCKET, SO_REUSEADDR) => int(i32::from(sock.reuseaddr)),
            (SOL_SOCKET, SO_REUSEPORT) => int(i32::from(sock.reuseport)),
            (SOL_SOCKET, SO_BROADCAST) => int(i32::from(sock.broadcast)),
            (SOL_SOCKET, SO_KEEPALIVE) => int(i32::from(sock.keepalive)),
            (SOL_SOCKET, SO_SNDBUF) => int(sock.sndbuf as i32),
            (SOL_SOCKET, SO_RCVBUF) => int(sock.rcvbuf as i32),
            (SOL_SOCKET, SO_TYPE) => int(if stream { SOCK_STREAM } else { SOCK_DGRAM }),
            (SOL_SOCKET, SO_PROTOCOL) => int(i32::from(sock.protocol())),
            (SOL_SOCKET, SO_DOMAIN) => int(AF_INET),
            (SOL_SOCKET, SO_ACCEPTCONN) => int(i32::from(sock.state == TcpState::Listen)),
            (SOL_SOCKET, SO_ERROR) => int(sock.take_err().or(sock.soft_err.take()).map_or(0, |e| e as i32)),
            (SOL_SOCKET, SO_LINGER) => {
                int(i32::from(sock.linger.is_some()));
                int(sock.linger.map_or(0, |d| d.as_secs() as i32));
            }
            (SOL_SOCKET, SO_RCVTIMEO | SO_SNDTIMEO) => {
                let t = if name == SO_RCVTIMEO { sock.rcvtimeo } else { sock.sndtimeo }.unwrap_or_default();
                data.extend_from_slice(&(t.as_secs() as i64).to_le_bytes());
                data.extend_from_slice(&i64::from(t.subsec_micros()).to_le_bytes());
            }
            (IPPROTO_IP, IP_TOS) => int(i32::from(sock.tos)),
            (IPPROTO_IP, IP_TTL) => int(sock.ttl.map_or(sysctl.ip_default_ttl as i32, i32::from)),
            (IPPROTO_TCP, _) => {
                let state = sock.state;
                let Proto::Tcp(tp) = &sock.proto else { return Err(Errno::EOPNOTSUPP.into()) };
                let secs = |d: Option<Duration>, default: i64| d.map_or(default as i32, |d| d.as_secs() as i32);
                match name {
                    TCP_NODELAY => int(i32::from(tp.nodelay)),
                    TCP_CORK => int(i32::from(tp.cork)),
                    TCP_QUICKACK => int(i32::from(!tp.ack.pingpong)),
                    TCP_MAXSEG => {
                        let unset = tp.user_mss != 0 && matches!(state, TcpState::Close | TcpState::Listen);
                        int(if unset { i32::from(tp.user_mss) } else { tp.mss_cache as i32 });
                    }
                    TCP_KEEPIDLE => int(secs(tp.keepalive_time, sysctl.tcp_keepalive_time)),
                    TCP_KEEPINTVL => int(secs(tp.keepalive_intvl, sysctl.tcp_keepalive_intvl)),
                    TCP_KEEPCNT => int(tp.keepalive_probes.map_or(sysctl.tcp_keepalive_probes as i32, i32::from)),
                    TCP_USER_TIMEOUT => int(tp.user_timeout.as_millis() as i32),
                    _ => return Err(Errno::ENOPROTOOPT.into()),
                }
            }
            _ => return Err(Errno::ENOPROTOOPT.into()),
        }
        data.truncate(len);
        Ok(SysRet { data, ..SysRet::ok(0) })
    }
}

/// `struct timeval` of two 64-bit numbers; zero is "for ever".
fn timeval(value: &[u8]) -> Result<Option<Duration>, Errno> {
    let b: [u8; 16] = *value.first_chunk().ok_or(Errno::EINVAL)?;
    let number = |at: usize| i64::from_le_bytes(core::array::from_fn(|i| b[at + i]));
    let (seconds, micros) = (number(0), number(8));
    if !(0..1_000_000).contains(&micros) {
        return Err(Errno::EDOM);
    }
    if seconds < 0 || (seconds == 0 && micros == 0) {
        return Ok(None);
    }
    Ok(Some(Duration::from_secs(seconds as u64) + Duration::from_micros(micros as u64)))
}
