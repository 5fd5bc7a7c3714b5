//! `setsockopt` and `getsockopt`.
//!
//! Linux: `net/socket.c` (`do_sock_setsockopt`); `net/core/sock.c` for `SOL_SOCKET`, `net/ipv4/ip_sockglue.c` for
//! `SOL_IP`, `net/ipv4/tcp.c` for `SOL_TCP` (here `tcp/sockopt.rs`), `net/ipv4/udp.c`.

mod generic;
mod ip;

use super::Proto;
use crate::host::{Cx, Host};
use crate::syscall::Stop;
use crate::syscall::*;
use crate::tcp::TcpSock;
use crate::trace::SockId;

/// The `int` that an option's value begins with; `EINVAL` if it is shorter.
pub(crate) fn int_of(value: &[u8]) -> Result<i32, Errno> {
    value.first_chunk().map(|b| i32::from_le_bytes(*b)).ok_or(Errno::EINVAL)
}

/// The answer to `getsockopt`: as much of the value as there is room for.
pub(crate) fn value_of(bytes: &[u8], len: usize) -> SysRet {
    SysRet { data: bytes[..bytes.len().min(len)].to_vec(), ..SysRet::ok(0) }
}

impl Host {
    /// `do_sock_setsockopt`.
    pub(crate) fn setsockopt(
        &mut self,
        cx: &mut Cx<'_>,
        sk: SockId,
        (level, name): (i32, i32),
        value: &[u8],
    ) -> Result<(), Stop> {
        let Some(sock) = self.socks.get_mut(sk) else { return Err(Errno::EBADF.into()) };
        match (level, sock.proto) {
            (SOL_SOCKET, _) => self.sk_setsockopt(cx, sk, name, value)?,
            (SOL_TCP, Proto::Tcp) => {
                let set =
                    |host: &mut Host, cx: &mut Cx<'_>, tp: &mut TcpSock| host.do_tcp_setsockopt(cx, tp, name, value);
                self.with_tcp(cx, sk, set).unwrap_or(Err(Errno::EBADF))?;
            }
            (SOL_UDP, Proto::Udp) => udp_setsockopt(name, value)?,
            (SOL_IP, _) => sock.do_ip_setsockopt(name, value)?,
            _ => return Err(Errno::ENOPROTOOPT.into()),
        }
        Ok(())
    }

    /// `do_sock_getsockopt`.
    pub(crate) fn getsockopt(
        &mut self,
        cx: &mut Cx<'_>,
        sk: SockId,
        (level, name): (i32, i32),
        len: usize,
    ) -> Result<SysRet, Stop> {
        if i32::try_from(len).is_err() {
            return Err(Errno::EINVAL.into());
        }
        let Some(sock) = self.socks.get(sk) else { return Err(Errno::EBADF.into()) };
        match (level, sock.proto) {
            (SOL_SOCKET, _) => Ok(self.sk_getsockopt(cx, sk, name, len)?),
            (SOL_TCP, Proto::Tcp) => {
                let get =
                    |host: &mut Host, cx: &mut Cx<'_>, tp: &mut TcpSock| host.do_tcp_getsockopt(cx, tp, name, len);
                Ok(self.with_tcp(cx, sk, get).unwrap_or(Err(Errno::EBADF))?)
            }
            (SOL_UDP, Proto::Udp) => match name {
                UDP_CORK | UDP_ENCAP | UDP_NO_CHECK6_TX | UDP_NO_CHECK6_RX | UDP_SEGMENT | UDP_GRO => {
                    Ok(value_of(&[0; 4], len))
                }
                _ => Err(Errno::ENOPROTOOPT.into()),
            },
            (SOL_IP, _) => Ok(self.do_ip_getsockopt(sk, name, len)?),
            _ => Err(Errno::EOPNOTSUPP.into()),
        }
    }
}

const UDP_CORK: i32 = 1;
const UDP_ENCAP: i32 = 100;
const UDP_NO_CHECK6_TX: i32 = 101;
const UDP_NO_CHECK6_RX: i32 = 102;
const UDP_SEGMENT: i32 = 103;
const UDP_GRO: i32 = 104;

/// `udp_lib_setsockopt`: what would change how datagrams are cut is refused unless it asks for nothing.
fn udp_setsockopt(name: i32, value: &[u8]) -> Result<(), Errno> {
    let value = int_of(value)?;
    match name {
        UDP_CORK | UDP_NO_CHECK6_TX | UDP_NO_CHECK6_RX | UDP_GRO => Ok(()),
        UDP_ENCAP | UDP_SEGMENT if value == 0 => Ok(()),
        UDP_ENCAP => Err(Errno::ENOPROTOOPT),
        UDP_SEGMENT => Err(Errno::EINVAL),
        _ => Err(Errno::ENOPROTOOPT),
    }
}
