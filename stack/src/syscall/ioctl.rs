//! `ioctl(2)` on a socket: how much is queued, and non-blocking mode.
//!
//! Linux: `fs/ioctl.c`, `net/socket.c` (`sock_ioctl`), `net/ipv4/tcp.c` (`tcp_ioctl`), `net/ipv4/udp.c`.

use super::tasks::Handle;
use super::*;
use crate::host::Host;
use crate::socket::Proto;
use crate::trace::{SockId, TaskId};

impl Host {
    pub(super) fn sys_ioctl(&mut self, task: TaskId, fd: Fd, request: u32, arg: i32) -> Result<SysRet, Stop> {
        let handle = match self.tasks.get(task).file(fd) {
            Some(file) => file.handle,
            None if (0..3).contains(&fd) => return Err(Errno::ENOTTY.into()),
            None => return Err(Errno::EBADF.into()),
        };
        let Handle::Sock(sk) = handle else {
            return match request {
                FIONBIO => Ok(SysRet::ok(0)),
                _ => Err(Errno::EINVAL.into()),
            };
        };
        if request == FIONBIO {
            if let Some(sock) = self.socks.get_mut(sk) {
                sock.nonblock = arg != 0;
            }
            return Ok(SysRet::ok(0));
        }
        let value = self.sk_ioctl(sk, request)?;
        Ok(SysRet { out: Out::Int(value), ..SysRet::ok(0) })
    }

    fn sk_ioctl(&self, sk: SockId, request: u32) -> Result<i32, Errno> {
        let sock = self.socks.get(sk).ok_or(Errno::EBADF)?;
        match (sock.proto, request) {
            (Proto::Tcp, _) => self.socks.tcp(sk).ok_or(Errno::EBADF)?.ioctl(request),
            (Proto::Udp, SIOCOUTQ) => Ok(0),
            (Proto::Udp, SIOCINQ) => Ok(sock.receive_queue.front().map_or(0, |(skb, _)| skb.len() as i32)),
            _ => Err(Errno::ENOTTY),
        }
    }
}
