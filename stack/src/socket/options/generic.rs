//! Options of every socket: `SOL_SOCKET`.
//!
//! Linux: `sk_setsockopt`, `sk_getsockopt`, `sk_get_meminfo` in `net/core/sock.c`.

use super::{int_of, value_of};
use crate::host::{Cx, Host};
use crate::socket::{Proto, Sock};
use crate::syscall::*;
use crate::tcp::TcpSock;
use crate::time::Duration;
use crate::trace::{SockId, TcpState};
use alloc::vec::Vec;

/// `SOCK_MIN_SNDBUF`, bytes.
const SOCK_MIN_SNDBUF: u32 = 4608;
/// `SOCK_MIN_RCVBUF`, bytes.
const SOCK_MIN_RCVBUF: u32 = 2304;
/// `SOF_TIMESTAMPING_MASK`
const SOF_TIMESTAMPING_MASK: i32 = (SOF_TIMESTAMPING_TX_COMPLETION << 1) - 1;

const SO_BSDCOMPAT: i32 = 14;
const SO_PASSCRED: i32 = 16;
const SO_PEERCRED: i32 = 17;
const SO_ATTACH_FILTER: i32 = 26;
const SO_PEERNAME: i32 = 28;
const SO_PASSSEC: i32 = 34;
const SO_WIFI_STATUS: i32 = 41;
const SO_NOFCS: i32 = 43;
const SO_LOCK_FILTER: i32 = 44;
const SO_SELECT_ERR_QUEUE: i32 = 45;
const SO_BPF_EXTENSIONS: i32 = 48;
const SO_INCOMING_NAPI_ID: i32 = 56;
const SO_PEERGROUPS: i32 = 59;
const SO_TIMESTAMP_NEW: i32 = 63;
const SO_TIMESTAMPNS_NEW: i32 = 64;
const SO_TIMESTAMPING_NEW: i32 = 65;
const SO_RCVTIMEO_NEW: i32 = 66;
const SO_SNDTIMEO_NEW: i32 = 67;
const SO_PREFER_BUSY_POLL: i32 = 69;
const SO_NETNS_COOKIE: i32 = 71;
const SO_BUF_LOCK: i32 = 72;
const SO_PASSPIDFD: i32 = 76;
const SO_PEERPIDFD: i32 = 77;
const SO_RCVPRIORITY: i32 = 82;
const SO_PASSRIGHTS: i32 = 83;

impl Sock {
    /// An option that is only on or off, and of which nothing but its number is known here.
    pub(crate) fn so_flag(&self, name: i32) -> bool {
        self.so_flags >> (name & 127) & 1 != 0
    }

    fn set_so_flag(&mut self, name: i32, on: bool) {
        self.so_flags = self.so_flags & !(1 << (name & 127)) | u128::from(on) << (name & 127);
    }

    /// `sock_set_timestamp`: one kind at a time.
    fn set_timestamp(&mut self, name: i32, on: bool) {
        self.rcv_timestamp = if on { name as u8 } else { 0 };
    }

    /// `set_sndbuf`: Linux doubles the value, for its bookkeeping.
    fn set_sndbuf(&mut self, value: u32) {
        self.sndbuf = value.min(i32::MAX as u32 / 2).saturating_mul(2).max(SOCK_MIN_SNDBUF);
        self.sndbuf_locked = true;
    }

    /// `__sock_set_rcvbuf`.
    fn set_rcvbuf(&mut self, value: u32) {
        self.rcvbuf = value.min(i32::MAX as u32 / 2).saturating_mul(2).max(SOCK_MIN_RCVBUF);
        self.rcvbuf_locked = true;
    }

    /// `sk_get_meminfo`.
    pub(crate) fn meminfo(&self) -> [u32; 9] {
        let forward = self.wmem_queued.next_multiple_of(4096) - self.wmem_queued;
        [self.rmem_alloc, self.rcvbuf, self.wmem_alloc, self.sndbuf, forward, self.wmem_queued, 0, 0, 0]
    }
}

impl Host {
    pub(super) fn sk_setsockopt(&mut self, cx: &mut Cx<'_>, sk: SockId, name: i32, value: &[u8]) -> Result<(), Errno> {
        let privileged = self.privileged;
        let Some(sock) = self.socks.get_mut(sk) else { return Err(Errno::EBADF) };
        if name == SO_BINDTODEVICE {
            let none = value.iter().all(|b| *b == 0);
            return if none { Ok(()) } else { Err(Errno::ENODEV) };
        }
        let int = int_of(value)?;
        let on = int != 0;
        let capable = if privileged { Ok(()) } else { Err(Errno::EPERM) };
        match name {
            SO_DEBUG if on && !privileged => return Err(Errno::EACCES),
            SO_DEBUG | SO_DONTROUTE | SO_NO_CHECK | SO_RXQ_OVFL | SO_WIFI_STATUS | SO_NOFCS | SO_LOCK_FILTER
            | SO_SELECT_ERR_QUEUE | SO_RCVMARK | SO_RCVPRIORITY => sock.set_so_flag(name, on),
            SO_REUSEADDR => sock.reuseaddr = on,
            SO_REUSEPORT => sock.reuseport = on,
            SO_BROADCAST => sock.broadcast = on,
            SO_OOBINLINE => sock.oobinline = on,
            SO_SNDBUF | SO_SNDBUFFORCE => {
                if name == SO_SNDBUFFORCE {
                    capable?;
                    sock.set_sndbuf(int.max(0) as u32);
                } else {
                    sock.set_sndbuf((int as u32).min(self.sysctl.wmem_max as u32));
                }
                self.sk_write_space(cx, sk);
            }
            SO_RCVBUF => sock.set_rcvbuf((int as u32).min(self.sysctl.rmem_max as u32)),
            SO_RCVBUFFORCE => {
                capable?;
                sock.set_rcvbuf(int.max(0) as u32);
            }
            SO_KEEPALIVE => {
                self.with_tcp(cx, sk, |host, cx, tp| host.tcp_set_keepalive(cx, tp, on));
                if let Some(sock) = self.socks.get_mut(sk) {
                    sock.keepalive = on;
                }
            }
            SO_LINGER => {
                let seconds = int_of(value.get(4..).unwrap_or(&[]))? as u32;
                sock.linger = on.then(|| Duration::from_secs(u64::from(seconds)));
            }
            SO_PRIORITY if (0..=6).contains(&int) || privileged => sock.priority = int as u32,
            SO_PRIORITY => return Err(Errno::EPERM),
            SO_MARK => {
                capable?;
                sock.mark = int as u32;
            }
            SO_RCVLOWAT => {
                let wanted = if int < 0 { i32::MAX } else { int } as usize;
                sock.rcvlowat = wanted.max(1);
                self.with_tcp(cx, sk, |host, cx, tp| host.tcp_set_rcvlowat(cx, tp, wanted as u32));
            }
            SO_RCVTIMEO | SO_RCVTIMEO_NEW => sock.rcvtimeo = timeval(value)?,
            SO_SNDTIMEO | SO_SNDTIMEO_NEW => sock.sndtimeo = timeval(value)?,
            SO_TIMESTAMP | SO_TIMESTAMPNS | SO_TIMESTAMP_NEW | SO_TIMESTAMPNS_NEW => sock.set_timestamp(name, on),
            SO_TIMESTAMPING | SO_TIMESTAMPING_NEW => {
                sock.set_so_flag(SO_TIMESTAMPING_NEW, name == SO_TIMESTAMPING_NEW);
                return self.sock_set_timestamping(sk, int);
            }
            SO_MAX_PACING_RATE => {
                let rate = match value.first_chunk() {
                    Some(b) => u64::from_le_bytes(*b),
                    None if int == -1 => u64::MAX,
                    None => u64::from(int as u32),
                };
                self.with_tcp(cx, sk, |_, _, tp| set_max_pacing_rate(tp, rate));
            }
            SO_BUSY_POLL if int < 0 => return Err(Errno::EINVAL),
            SO_PREFER_BUSY_POLL | SO_BUSY_POLL if on => capable?,
            SO_PREFER_BUSY_POLL | SO_BUSY_POLL | SO_INCOMING_CPU | SO_BSDCOMPAT => {}
            SO_ZEROCOPY if sock.proto == Proto::Ping => return Err(Errno::EOPNOTSUPP),
            SO_ZEROCOPY | SO_TXREHASH if !(0..=1).contains(&int) => return Err(Errno::EINVAL),
            SO_ZEROCOPY | SO_TXREHASH => sock.set_so_flag(name, on),
            SO_BINDTOIFINDEX if int < 0 => return Err(Errno::EINVAL),
            SO_BINDTOIFINDEX if int == 0 => {}
            SO_BINDTOIFINDEX => return Err(Errno::ENODEV),
            SO_BUF_LOCK if int & !3 != 0 => return Err(Errno::EINVAL),
            SO_BUF_LOCK => (sock.sndbuf_locked, sock.rcvbuf_locked) = (int & 1 != 0, int & 2 != 0),
            SO_PASSCRED | SO_PASSSEC | SO_PASSPIDFD | SO_PASSRIGHTS | SO_PEEK_OFF | SO_RESERVE_MEM => {
                return Err(Errno::EOPNOTSUPP);
            }
            _ => return Err(Errno::ENOPROTOOPT),
        }
        Ok(())
    }

    /// `sk_write_space`, for who may find room now.
    fn sk_write_space(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        if self.with_tcp(cx, sk, |host, cx, tp| host.sk_stream_write_space(cx, tp)).is_none() {
            self.sk_wake_id(cx, sk);
        }
    }

    /// `sock_set_timestamping`.
    fn sock_set_timestamping(&mut self, sk: SockId, value: i32) -> Result<(), Errno> {
        let with_id = |flags: i32| flags & SOF_TIMESTAMPING_OPT_ID != 0;
        let stats_alone = value & SOF_TIMESTAMPING_OPT_STATS != 0 && value & SOF_TIMESTAMPING_OPT_TSONLY == 0;
        let id_alone = value & SOF_TIMESTAMPING_OPT_ID_TCP != 0 && !with_id(value);
        if value & !SOF_TIMESTAMPING_MASK != 0 || stats_alone || id_alone {
            return Err(Errno::EINVAL);
        }
        let first = self
            .socks
            .tcp(sk)
            .map(|tp| if value & SOF_TIMESTAMPING_OPT_ID_TCP != 0 { tp.write_seq } else { tp.snd_una });
        let Some(sock) = self.socks.get_mut(sk) else { return Err(Errno::EBADF) };
        if with_id(value) && !with_id(sock.tsflags) {
            if sock.proto == Proto::Tcp && matches!(sock.state, TcpState::Close | TcpState::Listen) {
                return Err(Errno::EINVAL);
            }
            sock.tskey = first.unwrap_or(0);
        }
        sock.tsflags = value;
        Ok(())
    }

    pub(super) fn sk_getsockopt(
        &mut self,
        cx: &mut Cx<'_>,
        sk: SockId,
        name: i32,
        len: usize,
    ) -> Result<SysRet, Errno> {
        let max_pacing_rate = self.socks.tcp(sk).map_or(u64::MAX, |tp| tp.max_pacing_rate);
        let netns = u64::from(self.id().0) + 1;
        let Some(sock) = self.socks.get_mut(sk) else { return Err(Errno::EBADF) };
        let int = match name {
            SO_DEBUG | SO_DONTROUTE | SO_NO_CHECK | SO_RXQ_OVFL | SO_WIFI_STATUS | SO_NOFCS | SO_LOCK_FILTER
            | SO_SELECT_ERR_QUEUE | SO_RCVMARK | SO_RCVPRIORITY | SO_ZEROCOPY | SO_TXREHASH => {
                i32::from(sock.so_flag(name))
            }
            SO_REUSEADDR => i32::from(sock.reuseaddr),
            SO_REUSEPORT => i32::from(sock.reuseport),
            SO_BROADCAST => i32::from(sock.broadcast),
            SO_KEEPALIVE => i32::from(sock.keepalive),
            SO_OOBINLINE => i32::from(sock.oobinline),
            SO_SNDBUF => sock.sndbuf as i32,
            SO_RCVBUF => sock.rcvbuf as i32,
            SO_RCVLOWAT => sock.rcvlowat as i32,
            SO_SNDLOWAT => 1,
            SO_PRIORITY => sock.priority as i32,
            SO_MARK => sock.mark as i32,
            SO_TYPE if sock.proto == Proto::Tcp => SOCK_STREAM,
            SO_TYPE => SOCK_DGRAM,
            SO_PROTOCOL => i32::from(sock.protocol()),
            SO_DOMAIN => AF_INET,
            SO_ACCEPTCONN => i32::from(sock.state == TcpState::Listen),
            SO_ERROR => {
                let (hard, soft) = (sock.take_err(), sock.soft_err);
                let errno = hard.or_else(|| sock.soft_err.take()).map_or(0, |e| e as i32);
                cx.tell_set(sk, crate::trace::Field::SkErr, hard.or(soft).map_or(0, |e| e as u32), 0);
                errno
            }
            SO_TIMESTAMP | SO_TIMESTAMPNS | SO_TIMESTAMP_NEW | SO_TIMESTAMPNS_NEW => {
                i32::from(sock.rcv_timestamp == name as u8)
            }
            SO_PEEK_OFF => -1,
            SO_INCOMING_CPU | SO_INCOMING_NAPI_ID | SO_BUSY_POLL | SO_PREFER_BUSY_POLL | SO_BINDTOIFINDEX => 0,
            SO_RESERVE_MEM | SO_BSDCOMPAT => 0,
            SO_BPF_EXTENSIONS => 64,
            SO_BUF_LOCK => i32::from(sock.sndbuf_locked) | i32::from(sock.rcvbuf_locked) << 1,
            SO_MAX_PACING_RATE if len < 8 => max_pacing_rate.min(u64::from(u32::MAX)) as u32 as i32,
            SO_MAX_PACING_RATE => return Ok(value_of(&max_pacing_rate.to_le_bytes(), len)),
            SO_LINGER => {
                let seconds = sock.linger.map_or(0, |d| d.as_secs() as u32);
                return Ok(value_of(&pair(u32::from(sock.linger.is_some()), seconds), len));
            }
            SO_TIMESTAMPING_NEW if !sock.so_flag(SO_TIMESTAMPING_NEW) => return Ok(value_of(&[0; 8], len)),
            SO_TIMESTAMPING | SO_TIMESTAMPING_NEW => return Ok(value_of(&pair(sock.tsflags as u32, 0), len)),
            SO_TXTIME => return Ok(value_of(&[0; 8], len)),
            SO_RCVTIMEO | SO_SNDTIMEO | SO_RCVTIMEO_NEW | SO_SNDTIMEO_NEW => {
                let receive = matches!(name, SO_RCVTIMEO | SO_RCVTIMEO_NEW);
                let t = if receive { sock.rcvtimeo } else { sock.sndtimeo }.unwrap_or_default();
                let mut bytes = (t.as_secs() as i64).to_le_bytes().to_vec();
                bytes.extend_from_slice(&i64::from(t.subsec_micros()).to_le_bytes());
                return Ok(value_of(&bytes, len));
            }
            SO_MEMINFO => {
                let bytes: Vec<u8> = sock.meminfo().iter().flat_map(|v| v.to_le_bytes()).collect();
                return Ok(value_of(&bytes, len));
            }
            SO_PEERCRED => {
                // No process: pid 0, uid and gid -1.
                let bytes = [[0; 4], [0xff; 4], [0xff; 4]].concat();
                return Ok(value_of(&bytes, len));
            }
            SO_BINDTODEVICE | SO_ATTACH_FILTER => return Ok(value_of(&[], len)),
            SO_PEERNAME if sock.peer.1 == 0 => return Err(Errno::ENOTCONN),
            SO_PEERNAME if len > 16 => return Err(Errno::EINVAL),
            SO_PEERNAME => {
                let mut bytes = [0; 16];
                bytes[..2].copy_from_slice(&(AF_INET as u16).to_le_bytes());
                bytes[2..4].copy_from_slice(&sock.peer.1.to_be_bytes());
                bytes[4..8].copy_from_slice(&sock.peer.0.octets());
                return Ok(value_of(&bytes, len));
            }
            SO_COOKIE if len < 8 => return Err(Errno::EINVAL),
            SO_COOKIE => return Ok(value_of(&u64::from(sk.0).to_le_bytes(), len)),
            SO_NETNS_COOKIE if len != 8 => return Err(Errno::EINVAL),
            SO_NETNS_COOKIE => return Ok(value_of(&netns.to_le_bytes(), len)),
            SO_PASSCRED | SO_PASSSEC | SO_PASSPIDFD | SO_PASSRIGHTS => return Err(Errno::EOPNOTSUPP),
            SO_PEERGROUPS | SO_PEERPIDFD => return Err(Errno::ENODATA),
            _ => return Err(Errno::ENOPROTOOPT),
        };
        Ok(value_of(&int.to_le_bytes(), len))
    }
}

/// `SO_MAX_PACING_RATE`: from now on the connection is paced, at this rate at the most.
fn set_max_pacing_rate(tp: &mut TcpSock, rate: u64) {
    if rate != u64::MAX && tp.pacing_status == 0 {
        tp.pacing_status = 1;
    }
    tp.max_pacing_rate = rate;
    tp.pacing_rate = tp.pacing_rate.min(rate);
}

fn pair(first: u32, second: u32) -> [u8; 8] {
    (u64::from(first) | u64::from(second) << 32).to_le_bytes()
}

/// `sock_set_timeout`: a `struct timeval` of two 64-bit numbers; zero is "for ever", a negative one "not at all".
fn timeval(value: &[u8]) -> Result<Option<Duration>, Errno> {
    let b: [u8; 16] = *value.first_chunk().ok_or(Errno::EINVAL)?;
    let number = |at: usize| i64::from_le_bytes(core::array::from_fn(|i| b[at + i]));
    let (seconds, micros) = (number(0), number(8));
    if !(0..1_000_000).contains(&micros) {
        return Err(Errno::EDOM);
    }
    if seconds < 0 {
        return Ok(Some(Duration::ZERO));
    }
    if seconds == 0 && micros == 0 {
        return Ok(None);
    }
    Ok(Some(Duration::from_secs(seconds as u64) + Duration::from_micros(micros as u64)))
}
