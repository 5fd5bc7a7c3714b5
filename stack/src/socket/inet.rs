//! The socket layer: what the system calls do before and after the protocol.
//!
//! Linux: `net/socket.c`, `net/ipv4/af_inet.c`, `net/ipv4/inet_connection_sock.c` (ports).

use super::{Proto, RCV_SHUTDOWN, SEND_SHUTDOWN, Sock};
use crate::host::{Cx, Host};
use crate::syscall::*;
use crate::syscall::{File, Progress, Stop};
use crate::tcp::TcpSock;
use crate::trace::{Function, SockId, TaskId, TcpState, What};
use alloc::boxed::Box;
use core::net::Ipv4Addr;

impl Host {
    /// `__sys_socket`: a socket and a descriptor for it.
    pub(crate) fn sys_socket(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        family: i32,
        kind: i32,
        protocol: i32,
    ) -> Result<Fd, Errno> {
        let flags = kind & !0xf;
        let kind = kind & 0xf;
        if flags & !(SOCK_CLOEXEC | SOCK_NONBLOCK) != 0 || !(1..=10).contains(&kind) {
            return Err(Errno::EINVAL);
        }
        if family != AF_INET {
            return Err(Errno::EAFNOSUPPORT);
        }
        let (tcp, proto) = match (kind, protocol) {
            (SOCK_STREAM, IPPROTO_IP | IPPROTO_TCP) => (true, IPPROTO_TCP),
            (SOCK_DGRAM, IPPROTO_IP | IPPROTO_UDP) => (false, IPPROTO_UDP),
            (SOCK_DGRAM, IPPROTO_ICMP) => (false, IPPROTO_ICMP),
            (SOCK_STREAM | SOCK_DGRAM, p) if (0..256).contains(&p) => return Err(Errno::EPROTONOSUPPORT),
            (SOCK_STREAM | SOCK_DGRAM, _) => return Err(Errno::EINVAL),
            // Raw sockets are not made here; without CAP_NET_RAW Linux refuses them like this.
            (SOCK_RAW, _) => return Err(Errno::EPERM),
            _ => return Err(Errno::ESOCKTNOSUPPORT),
        };
        cx.call(Function::InetCreate, |cx| {
            let id = self.socks.new_id();
            let (proto_state, sndbuf, rcvbuf) = if tcp {
                let tp = Proto::Tcp(Box::new(TcpSock::new(&self.sysctl)));
                (tp, self.sysctl.tcp_wmem[1], self.sysctl.tcp_rmem[1])
            } else {
                let p = if proto == IPPROTO_UDP { Proto::Udp } else { Proto::Ping };
                (p, self.sysctl.wmem_default, self.sysctl.rmem_default)
            };
            let mut sock = Sock::new(id, proto_state, sndbuf as u32, rcvbuf as u32);
            sock.nonblock = flags & SOCK_NONBLOCK != 0;
            sock.files = 1;
            sock.ip_id = self.rng.next_u32() as u16;
            let fd = self.tasks.get(task).install(File { sock: id, cloexec: flags & SOCK_CLOEXEC != 0 })?;
            self.socks.insert(sock);
            cx.trace.emit(|| What::SockCreate { sock: id, kind: kind as u8, protocol: proto as u8, task });
            self.tell_fd(cx, id, task, fd);
            Ok(fd)
        })
    }

    /// `inet_bind`.
    pub(crate) fn inet_bind(&mut self, cx: &mut Cx<'_>, sk: SockId, addr: SockAddr) -> Result<(), Stop> {
        cx.call(Function::InetBind, |cx| {
            let any = addr.family == AF_UNSPEC as u16 && addr.addr.is_unspecified();
            if addr.family != AF_INET as u16 && !any {
                return Err(Errno::EAFNOSUPPORT.into());
            }
            let ours = addr.addr.is_unspecified()
                || self.is_local_address(addr.addr)
                || self.is_broadcast_address(addr.addr)
                || addr.addr.is_multicast();
            if !ours {
                return Err(Errno::EADDRNOTAVAIL.into());
            }
            let Some(sock) = self.socks.get(sk) else { return Err(Errno::EBADF.into()) };
            if sock.state != TcpState::Close || sock.local.1 != 0 {
                return Err(Errno::EINVAL.into());
            }
            let port = self.get_port(sk, addr.addr, addr.port)?;
            if let Some(sock) = self.socks.get_mut(sk) {
                sock.local = (addr.addr, port);
                sock.bound = addr.port != 0;
                sock.addr_bound = !addr.addr.is_unspecified();
            }
            self.tell_names(cx, sk);
            Ok(())
        })
    }

    /// `inet_csk_get_port`, `udp_lib_get_port`: enters the socket under `port`, or under a free one for 0.
    pub(crate) fn get_port(&mut self, sk: SockId, addr: Ipv4Addr, port: u16) -> Result<u16, Errno> {
        let protocol = self.socks.get(sk).map_or(0, Sock::protocol);
        let port = if port != 0 {
            if self.port_conflict(sk, protocol, addr, port) {
                return Err(Errno::EADDRINUSE);
            }
            port
        } else {
            self.free_port(sk, protocol, addr).ok_or(Errno::EADDRINUSE)?
        };
        self.socks.bind_port(protocol, port, sk);
        Ok(port)
    }

    fn free_port(&mut self, sk: SockId, protocol: u8, addr: Ipv4Addr) -> Option<u16> {
        let [low, high] = self.sysctl.ip_local_port_range.map(|port| port as u32);
        let count = high - low + 1;
        let start = self.rng.below(count);
        (0..count).map(|i| (low + (start + i) % count) as u16).find(|port| {
            !self.socks.ports.contains_key(&(protocol, *port)) && !self.port_conflict(sk, protocol, addr, *port)
        })
    }

    /// `inet_bind_conflict`: may `sk` share the port with who has it?
    fn port_conflict(&self, sk: SockId, protocol: u8, addr: Ipv4Addr, port: u16) -> bool {
        let me = self.socks.get(sk);
        let (reuse, reuseport) = me.map_or((false, false), |s| (s.reuseaddr, s.reuseport));
        let overlap = |other: Ipv4Addr| other.is_unspecified() || addr.is_unspecified() || other == addr;
        let tcp = protocol == crate::wire::ipv4::IPPROTO_TCP;
        let taken = self.socks.ports.get(&(protocol, port)).into_iter().flatten().any(|other| {
            self.socks.get(*other).is_some_and(|o| {
                let both = reuse && o.reuseaddr && (!tcp || o.state != TcpState::Listen);
                *other != sk && overlap(o.local.0) && !both && !(reuseport && o.reuseport)
            })
        });
        // A connection in TIME_WAIT holds the port too, unless SO_REUSEADDR is set.
        let waiting = || {
            self.socks.ehash.iter().any(|(tuple, e)| {
                matches!(e, super::Established::TimeWait(_)) && tuple.local.1 == port && overlap(tuple.local.0)
            })
        };
        taken || (tcp && !reuse && waiting())
    }

    /// A port for a socket that did not bind (`inet_autobind`).
    pub(crate) fn inet_autobind(&mut self, cx: &mut Cx<'_>, sk: SockId) -> Result<(), Errno> {
        let Some(sock) = self.socks.get(sk) else { return Err(Errno::EBADF) };
        if sock.local.1 != 0 {
            return Ok(());
        }
        let addr = sock.local.0;
        let port = self.get_port(sk, addr, 0).map_err(|_| Errno::EAGAIN)?;
        if let Some(sock) = self.socks.get_mut(sk) {
            sock.local.1 = port;
        }
        self.tell_names(cx, sk);
        Ok(())
    }

    /// `__sys_connect`: `inet_stream_connect` or `inet_dgram_connect`.
    pub(crate) fn sys_connect(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        sk: SockId,
        addr: SockAddr,
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        if matches!(self.socks.get(sk).map(|s| &s.proto), Some(Proto::Tcp(_))) {
            return cx.call(Function::InetStreamConnect, |cx| self.inet_stream_connect(cx, task, sk, addr, progress));
        }
        cx.call(Function::InetDgramConnect, |cx| self.inet_dgram_connect(cx, sk, addr).map(|()| SysRet::ok(0)))
    }

    fn inet_stream_connect(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        sk: SockId,
        addr: SockAddr,
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        let Some(sock) = self.socks.get_mut(sk) else { return Err(Errno::EBADF.into()) };
        let waits = progress.started;
        if !waits {
            if i32::from(addr.family) == AF_UNSPEC {
                return self.tcp_disconnect(cx, sk).map(|()| SysRet::ok(0));
            }
            match sock.state {
                TcpState::Close => {
                    if i32::from(addr.family) != AF_INET {
                        return Err(Errno::EAFNOSUPPORT.into());
                    }
                    if let Some(errno) = sock.take_err() {
                        return Err(errno.into());
                    }
                    self.tcp_v4_connect(cx, sk, addr)?;
                    progress.started = true;
                    let Some(sock) = self.socks.get(sk) else { return Err(Errno::EBADF.into()) };
                    if sock.nonblock && sock.state != TcpState::Established {
                        return Err(Errno::EINPROGRESS.into());
                    }
                }
                TcpState::SynSent | TcpState::SynRecv if sock.nonblock => return Err(Errno::EALREADY.into()),
                TcpState::SynSent | TcpState::SynRecv => progress.started = true,
                _ => return Err(Errno::EISCONN.into()),
            }
        }
        let Some(sock) = self.socks.get_mut(sk) else { return Err(Errno::EBADF.into()) };
        match sock.state {
            TcpState::SynSent | TcpState::SynRecv => {
                let patience = (sock.sndtimeo, Errno::EINPROGRESS);
                Err(self.sleep_or_fail(cx, (task, sk), Function::InetWaitForConnect, progress, patience))
            }
            TcpState::Close => Err(sock.take_err().unwrap_or(Errno::ECONNABORTED).into()),
            _ => Ok(SysRet::ok(0)),
        }
    }

    /// `inet_listen`.
    pub(crate) fn inet_listen(&mut self, cx: &mut Cx<'_>, sk: SockId, backlog: i32) -> Result<(), Stop> {
        cx.call(Function::InetListen, |cx| {
            let somaxconn = self.sysctl.somaxconn as u32;
            let Some(sock) = self.socks.get(sk) else { return Err(Errno::EBADF.into()) };
            if !matches!(sock.proto, Proto::Tcp(_)) {
                return Err(Errno::EOPNOTSUPP.into());
            }
            if !matches!(sock.state, TcpState::Close | TcpState::Listen) {
                return Err(Errno::EINVAL.into());
            }
            // As an unsigned number, so -1 asks for the most there is.
            let backlog = (backlog as u32).min(somaxconn);
            let first = sock.state == TcpState::Close;
            if first {
                self.inet_autobind(cx, sk).map_err(|_| Errno::EADDRINUSE)?;
                let Some(sock) = self.socks.get(sk) else { return Err(Errno::EBADF.into()) };
                let (addr, port) = sock.local;
                let others = self.socks.listeners.get(&port).into_iter().flatten();
                let taken = others.filter_map(|id| self.socks.get(*id)).any(|o| {
                    (o.local.0.is_unspecified() || addr.is_unspecified() || o.local.0 == addr)
                        && !(o.reuseport && sock.reuseport)
                });
                if taken {
                    return Err(Errno::EADDRINUSE.into());
                }
                self.socks.listeners.entry(port).or_default().push(sk);
                self.set_state(cx, sk, TcpState::Listen);
            }
            if let Some(tp) = self.socks.tcp_mut(sk) {
                tp.backlog = backlog;
            }
            Ok(())
        })
    }

    /// `__sys_accept4`.
    pub(crate) fn sys_accept(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        sk: SockId,
        flags: i32,
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        if flags & !(SOCK_CLOEXEC | SOCK_NONBLOCK) != 0 {
            return Err(Errno::EINVAL.into());
        }
        let child = cx.call(Function::InetAccept, |cx| {
            let Some(sock) = self.socks.get_mut(sk) else { return Err(Stop::Fail(Errno::EBADF)) };
            let (nonblock, timeo, state) = (sock.nonblock, sock.rcvtimeo, sock.state);
            let Proto::Tcp(tp) = &mut sock.proto else { return Err(Errno::EOPNOTSUPP.into()) };
            if state != TcpState::Listen {
                return Err(Errno::EINVAL.into());
            }
            if let Some(child) = tp.accept_queue.pop_front() {
                return Ok(child);
            }
            if nonblock {
                return Err(Errno::EAGAIN.into());
            }
            Err(self.sleep_or_fail(cx, (task, sk), Function::InetCskWaitForConnect, progress, (timeo, Errno::EAGAIN)))
        })?;
        let fd = self.tasks.get(task).install(File { sock: child, cloexec: flags & SOCK_CLOEXEC != 0 });
        let fd = match fd {
            Ok(fd) => fd,
            Err(errno) => {
                // As Linux does, the connection is lost: the descriptor is asked for first there, so none is.
                if let Some(tp) = self.socks.tcp_mut(sk) {
                    tp.accept_queue.push_front(child);
                }
                return Err(errno.into());
            }
        };
        let Some(sock) = self.socks.get_mut(child) else { return Err(Errno::ECONNABORTED.into()) };
        sock.files = 1;
        sock.nonblock = flags & SOCK_NONBLOCK != 0;
        let peer = sock.peer;
        self.tell_fd(cx, child, task, fd);
        Ok(SysRet { addr: Some(SockAddr::v4(peer.0, peer.1)), ..SysRet::ok(i64::from(fd)) })
    }

    /// `sock_sendmsg`.
    #[allow(clippy::too_many_arguments)] // the arguments of sendto(2)
    pub(crate) fn sock_sendmsg(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        sk: SockId,
        buf: &[u8],
        flags: i32,
        addr: Option<SockAddr>,
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        cx.call(Function::SockSendmsg, |cx| {
            let sent = match self.socks.get(sk).map(|s| &s.proto) {
                Some(Proto::Tcp(_)) => self.tcp_sendmsg(cx, (task, sk), buf, flags, progress)?,
                Some(Proto::Udp) => self.udp_sendmsg(cx, sk, buf, addr)?,
                Some(Proto::Ping) => self.ping_sendmsg(cx, sk, buf, addr)?,
                None => return Err(Errno::EBADF.into()),
            };
            Ok(SysRet::ok(sent as i64))
        })
    }

    /// `sock_recvmsg`.
    pub(crate) fn sock_recvmsg(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        sk: SockId,
        len: usize,
        flags: i32,
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        cx.call(Function::SockRecvmsg, |cx| match self.socks.get(sk).map(|s| &s.proto) {
            Some(Proto::Tcp(_)) => self.tcp_recvmsg(cx, (task, sk), len, flags, progress),
            Some(Proto::Udp) => self.datagram_recvmsg(cx, (task, sk), Function::UdpRecvmsg, len, flags, progress),
            Some(Proto::Ping) => self.datagram_recvmsg(cx, (task, sk), Function::PingRecvmsg, len, flags, progress),
            None => Err(Errno::EBADF.into()),
        })
    }

    /// `inet_shutdown`.
    pub(crate) fn inet_shutdown(&mut self, cx: &mut Cx<'_>, sk: SockId, how: i32) -> Result<(), Stop> {
        if !(SHUT_RD..=SHUT_RDWR).contains(&how) {
            return Err(Errno::EINVAL.into());
        }
        cx.call(Function::InetShutdown, |cx| {
            let how = how as u8 + 1;
            let Some(sock) = self.socks.get_mut(sk) else { return Err(Errno::EBADF.into()) };
            let tcp = matches!(sock.proto, Proto::Tcp(_));
            match sock.state {
                TcpState::Close => {
                    // Linux wakes readers of an unconnected datagram socket and says ENOTCONN all the same.
                    sock.shutdown |= how;
                    self.sk_wake(cx, sk);
                    return Err(Errno::ENOTCONN.into());
                }
                TcpState::Listen if how & RCV_SHUTDOWN == 0 => return Ok(()),
                TcpState::Listen | TcpState::SynSent => {
                    self.tcp_disconnect(cx, sk)?;
                }
                _ => {
                    let old = sock.shutdown;
                    sock.shutdown |= how;
                    let new = sock.shutdown;
                    self.tell_set(cx, sk, crate::trace::Field::Shutdown, u32::from(old), u32::from(new));
                    if tcp && how & SEND_SHUTDOWN != 0 {
                        self.tcp_shutdown(cx, sk);
                    }
                }
            }
            self.sk_wake(cx, sk);
            Ok(())
        })
    }

    /// `close(2)`: the last descriptor of a socket closes it.
    pub(crate) fn sys_close(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        fd: Fd,
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        if progress.started {
            // It lingered; the descriptor is long gone.
            return Ok(SysRet::ok(0));
        }
        if (0..3).contains(&fd) {
            return Ok(SysRet::ok(0));
        }
        let file = self.tasks.get(task).remove(fd).ok_or(Errno::EBADF)?;
        self.tell_fd(cx, file.sock, task, -1);
        self.fput(cx, file.sock);
        Ok(SysRet::ok(0))
    }

    /// `fput`: one descriptor less refers to the socket.
    pub(crate) fn fput(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        let Some(sock) = self.socks.get_mut(sk) else { return };
        sock.files = sock.files.saturating_sub(1);
        if sock.files > 0 {
            return;
        }
        cx.call(Function::InetRelease, |cx| {
            if matches!(self.socks.get(sk).map(|s| &s.proto), Some(Proto::Tcp(_))) {
                self.tcp_close(cx, sk);
            } else {
                self.sock_destroy(cx, sk);
            }
        });
    }

    /// Frees a socket: its queues, its port, its place in the tables.
    pub(crate) fn sock_destroy(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        self.sk_wake(cx, sk);
        while let Some((skb, _)) = self.dequeue_rcv_skb(cx, sk) {
            skb.kfree(crate::skb::DropReason::Consumed, cx);
        }
        let Some(sock) = self.socks.remove(sk) else { return };
        if sock.local.1 != 0 {
            self.socks.unbind_port(sock.protocol(), sock.local.1, sk);
        }
        cx.trace.emit(|| What::SockDestroy { sock: sk });
    }

    /// `inet_getname`.
    pub(crate) fn inet_getname(&mut self, sk: SockId, peer: bool) -> Result<SysRet, Stop> {
        let Some(sock) = self.socks.get(sk) else { return Err(Errno::EBADF.into()) };
        let connected =
            sock.peer.1 != 0 && !matches!(sock.state, TcpState::Close | TcpState::SynSent | TcpState::Listen);
        let datagram = !matches!(sock.proto, Proto::Tcp(_)) && sock.state == TcpState::Established;
        if peer && !connected && !datagram {
            return Err(Errno::ENOTCONN.into());
        }
        let (addr, port) = if peer { sock.peer } else { sock.local };
        Ok(SysRet { addr: Some(SockAddr::v4(addr, port)), ..SysRet::ok(0) })
    }

    /// `fcntl(2)` as far as sockets need it.
    pub(crate) fn sys_fcntl(&mut self, task: TaskId, fd: Fd, sk: SockId, cmd: i32, arg: i32) -> Result<SysRet, Stop> {
        let Some(sock) = self.socks.get_mut(sk) else { return Err(Errno::EBADF.into()) };
        match cmd {
            F_GETFL => return Ok(SysRet::ok(i64::from(O_RDWR | if sock.nonblock { O_NONBLOCK } else { 0 }))),
            F_SETFL => sock.nonblock = arg & O_NONBLOCK != 0,
            F_GETFD | F_SETFD => {
                let file = self.tasks.get(task).file_mut(fd).ok_or(Errno::EBADF)?;
                if cmd == F_GETFD {
                    return Ok(SysRet::ok(i64::from(file.cloexec)));
                }
                file.cloexec = arg & FD_CLOEXEC != 0;
            }
            _ => return Err(Errno::EINVAL.into()),
        }
        Ok(SysRet::ok(0))
    }
}
