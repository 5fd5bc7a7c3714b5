//! The socket layer: what the system calls do before and after the protocol.
//!
//! Linux: `net/socket.c`, `net/ipv4/af_inet.c`, `net/ipv4/inet_connection_sock.c` (ports).

use super::{Binder, Proto, RCV_SHUTDOWN, SEND_SHUTDOWN, Sock, SocketState};
use crate::host::{Cx, Host};
use crate::syscall::*;
use crate::syscall::{File, Handle, Progress, Stop};
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
            (SOCK_RAW, IPPROTO_IP) => return Err(Errno::EPROTONOSUPPORT),
            // Raw sockets are not made here; without CAP_NET_RAW Linux refuses them like this.
            (SOCK_RAW, _) => return Err(Errno::EPERM),
            _ => return Err(Errno::ESOCKTNOSUPPORT),
        };
        cx.call(Function::InetCreate, |cx| {
            let id = self.socks.new_id();
            let (proto_state, sndbuf, rcvbuf) = if tcp {
                (Proto::Tcp, self.sysctl.tcp_wmem[1], self.sysctl.tcp_rmem[1])
            } else {
                let p = if proto == IPPROTO_UDP { Proto::Udp } else { Proto::Ping };
                (p, self.sysctl.wmem_default, self.sysctl.rmem_default)
            };
            let mut sock = Sock::new(id, proto_state, sndbuf as u32, rcvbuf as u32);
            sock.nonblock = flags & SOCK_NONBLOCK != 0;
            sock.files = 1;
            if self.sysctl.ip_no_pmtu_disc != 0 {
                sock.pmtudisc = IP_PMTUDISC_DONT as u8;
            }
            sock.ip_id = self.rng.next_u32() as u16;
            let fd =
                self.tasks.get(task).install(File { handle: Handle::Sock(id), cloexec: flags & SOCK_CLOEXEC != 0 })?;
            if tcp {
                self.socks.insert_tcp(Box::new(TcpSock::new(sock, &self.sysctl)));
            } else {
                self.socks.insert(sock);
            }
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
            if sock.state != TcpState::Close || sock.num != 0 {
                return Err(Errno::EINVAL.into());
            }
            let binder = sock.binder();
            let port = self.get_port(binder, addr.addr, addr.port)?;
            if let Some(sock) = self.socks.get_mut(sk) {
                sock.local = (addr.addr, port);
                sock.bound = addr.port != 0;
                sock.addr_bound = !addr.addr.is_unspecified();
                sock.tell_names(cx);
            }
            Ok(())
        })
    }

    /// `inet_csk_get_port`, `udp_lib_get_port`: enters the socket under `port`, or under a free one for 0.
    pub(crate) fn get_port(&mut self, who: Binder, addr: Ipv4Addr, port: u16) -> Result<u16, Errno> {
        let port = if port != 0 {
            if self.port_conflict(who, addr, port) {
                return Err(Errno::EADDRINUSE);
            }
            port
        } else {
            self.free_port(who, addr).ok_or(Errno::EADDRINUSE)?
        };
        self.socks.bind_port(who.protocol, port, who.id);
        if let Some(sock) = self.socks.get_mut(who.id) {
            sock.num = port;
            sock.connect_bind = false;
        }
        Ok(port)
    }

    fn free_port(&mut self, who: Binder, addr: Ipv4Addr) -> Option<u16> {
        let [low, high] = self.sysctl.ip_local_port_range.map(|port| port as u32);
        let count = high - low + 1;
        let start = self.rng.below(count);
        (0..count)
            .map(|i| (low + (start + i) % count) as u16)
            .find(|port| !self.socks.is_port_taken(who.protocol, *port) && !self.port_conflict(who, addr, *port))
    }

    /// `inet_bind_conflict`: may a socket share the port with who has it? A connection in TIME_WAIT has it too.
    fn port_conflict(&self, who: Binder, addr: Ipv4Addr, port: u16) -> bool {
        let tcp = who.protocol == crate::wire::ipv4::IPPROTO_TCP;
        let conflict = |theirs: Ipv4Addr, reuseaddr: bool, reuseport: bool, listens: bool| {
            let overlap = theirs.is_unspecified() || addr.is_unspecified() || theirs == addr;
            let both = who.reuseaddr && reuseaddr && !(tcp && listens);
            overlap && !both && !(who.reuseport && reuseport)
        };
        self.socks.on_port(who.protocol, port).filter(|id| *id != who.id).any(|id| match self.socks.get(id) {
            Some(o) => conflict(o.local.0, o.reuseaddr, o.reuseport, o.state == TcpState::Listen),
            None => self.socks.timewait(id).is_some_and(|tw| conflict(tw.tuple.local.0, tw.reuse, tw.reuseport, false)),
        })
    }

    /// A port for a socket that did not bind (`inet_autobind`).
    pub(crate) fn inet_autobind(&mut self, cx: &mut Cx<'_>, sk: SockId) -> Result<(), Errno> {
        let Some(sock) = self.socks.get(sk) else { return Err(Errno::EBADF) };
        if sock.num != 0 {
            return Ok(());
        }
        let (binder, addr) = (sock.binder(), sock.local.0);
        let port = self.get_port(binder, addr, 0).map_err(|_| Errno::EAGAIN)?;
        if let Some(sock) = self.socks.get_mut(sk) {
            sock.local.1 = port;
            sock.tell_names(cx);
        }
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
        if self.socks.get(sk).is_some_and(|s| s.proto == Proto::Tcp) {
            return cx.call(Function::InetStreamConnect, |cx| {
                let connect = |host: &mut Host, cx: &mut Cx<'_>, tp: &mut TcpSock| {
                    host.inet_stream_connect(cx, task, tp, addr, progress)
                };
                self.with_tcp(cx, sk, connect).unwrap_or(Err(Errno::EBADF.into()))
            });
        }
        cx.call(Function::InetDgramConnect, |cx| self.inet_dgram_connect(cx, sk, addr).map(|()| SysRet::ok(0)))
    }

    fn inet_stream_connect(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        tp: &mut TcpSock,
        addr: SockAddr,
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        if !progress.started && i32::from(addr.family) == AF_UNSPEC {
            tp.sk.socket_state = SocketState::Unconnected;
            return self.tcp_disconnect(cx, tp).map(|()| SysRet::ok(0));
        }
        let pending = match tp.socket_state {
            SocketState::Connected => return Err(Errno::EISCONN.into()),
            SocketState::Disconnecting => return Err(Errno::EINVAL.into()),
            SocketState::Connecting if progress.started => Errno::EINPROGRESS,
            SocketState::Connecting => Errno::EALREADY,
            SocketState::Unconnected if tp.state != TcpState::Close => return Err(Errno::EISCONN.into()),
            SocketState::Unconnected => {
                if i32::from(addr.family) != AF_INET {
                    return Err(Errno::EAFNOSUPPORT.into());
                }
                self.tcp_v4_connect(cx, tp, addr)?;
                tp.sk.socket_state = SocketState::Connecting;
                progress.started = true;
                Errno::EINPROGRESS
            }
        };
        match tp.state {
            TcpState::SynSent | TcpState::SynRecv if tp.nonblock => Err(pending.into()),
            TcpState::SynSent | TcpState::SynRecv => {
                let patience = (tp.sndtimeo, pending);
                Err(tp.sk.sleep_or_fail(cx, task, Function::InetWaitForConnect, progress, patience))
            }
            // Refused, reset or timed out: the socket is as good as new.
            TcpState::Close => {
                let errno = tp.sk.take_err().unwrap_or(Errno::ECONNABORTED);
                tp.sk.socket_state = SocketState::Unconnected;
                self.tcp_disconnect(cx, tp)?;
                Err(errno.into())
            }
            _ => {
                tp.sk.socket_state = SocketState::Connected;
                Ok(SysRet::ok(0))
            }
        }
    }

    /// `inet_listen`.
    pub(crate) fn inet_listen(&mut self, cx: &mut Cx<'_>, sk: SockId, backlog: i32) -> Result<(), Stop> {
        cx.call(Function::InetListen, |cx| {
            let somaxconn = self.sysctl.somaxconn as u32;
            let Some(sock) = self.socks.get(sk) else { return Err(Errno::EBADF.into()) };
            if sock.proto != Proto::Tcp {
                return Err(Errno::EOPNOTSUPP.into());
            }
            let unconnected = sock.socket_state == SocketState::Unconnected;
            if !unconnected || !matches!(sock.state, TcpState::Close | TcpState::Listen) {
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
                if let Some(sock) = self.socks.get_mut(sk) {
                    sock.set_state(cx, TcpState::Listen);
                }
            }
            if let Some(tp) = self.socks.tcp_mut(sk) {
                tp.listen.get_or_insert_default().backlog = backlog;
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
            if self.socks.get(sk).is_none_or(|s| s.proto != Proto::Tcp) {
                return Err(Errno::EOPNOTSUPP.into());
            }
            let accept = |_: &mut Host, cx: &mut Cx<'_>, tp: &mut TcpSock| {
                let Some(listen) = tp.listen.as_mut().filter(|_| tp.sk.state == TcpState::Listen) else {
                    return Err(Errno::EINVAL.into());
                };
                if let Some(child) = listen.accept_queue.pop_front() {
                    return Ok(child);
                }
                if tp.nonblock {
                    return Err(Errno::EAGAIN.into());
                }
                let patience = (tp.rcvtimeo, Errno::EAGAIN);
                Err(tp.sk.sleep_or_fail(cx, task, Function::InetCskWaitForConnect, progress, patience))
            };
            self.with_tcp(cx, sk, accept).unwrap_or(Err(Stop::Fail(Errno::EBADF)))
        })?;
        let fd = self.tasks.get(task).install(File { handle: Handle::Sock(child), cloexec: flags & SOCK_CLOEXEC != 0 });
        let fd = match fd {
            Ok(fd) => fd,
            Err(errno) => {
                // As Linux does, the connection is lost: the descriptor is asked for first there, so none is.
                if let Some(listen) = self.socks.tcp_mut(sk).and_then(|tp| tp.listen.as_mut()) {
                    listen.accept_queue.push_front(child);
                }
                return Err(errno.into());
            }
        };
        let Some(sock) = self.socks.get_mut(child) else { return Err(Errno::ECONNABORTED.into()) };
        sock.files = 1;
        sock.socket_state = SocketState::Connected;
        sock.nonblock = flags & SOCK_NONBLOCK != 0;
        let peer = sock.peer;
        if let Some(tp) = self.socks.tcp_mut(child) {
            tp.parent = None;
        }
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
            let sent = match self.socks.get(sk).map(|s| s.proto) {
                Some(Proto::Tcp) => {
                    let send = |host: &mut Host, cx: &mut Cx<'_>, tp: &mut TcpSock| {
                        host.tcp_sendmsg(cx, task, tp, buf, flags, progress)
                    };
                    self.with_tcp(cx, sk, send).unwrap_or(Err(Errno::EBADF.into()))?
                }
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
        cx.call(Function::SockRecvmsg, |cx| match self.socks.get(sk).map(|s| s.proto) {
            Some(Proto::Tcp) => {
                let receive = |host: &mut Host, cx: &mut Cx<'_>, tp: &mut TcpSock| {
                    host.tcp_recvmsg_full(cx, task, tp, (len, flags), progress)
                };
                self.with_tcp(cx, sk, receive).unwrap_or(Err(Errno::EBADF.into()))
            }
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
            if self.socks.get(sk).is_some_and(|s| s.proto == Proto::Tcp) {
                let shut = |host: &mut Host, cx: &mut Cx<'_>, tp: &mut TcpSock| host.tcp_inet_shutdown(cx, tp, how);
                return self.with_tcp(cx, sk, shut).unwrap_or(Err(Errno::EBADF.into()));
            }
            let Some(sock) = self.socks.get_mut(sk) else { return Err(Errno::EBADF.into()) };
            let old = sock.shutdown;
            sock.shutdown |= how;
            cx.tell_set(sk, crate::trace::Field::Shutdown, u32::from(old), u32::from(sock.shutdown));
            let connected = sock.state != TcpState::Close;
            self.sk_wake_id(cx, sk);
            // Linux wakes readers of an unconnected datagram socket and says ENOTCONN all the same.
            if connected { Ok(()) } else { Err(Errno::ENOTCONN.into()) }
        })
    }

    fn tcp_inet_shutdown(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, how: u8) -> Result<(), Stop> {
        let mut result = Ok(());
        if tp.socket_state == SocketState::Connecting {
            tp.sk.socket_state = match tp.state {
                TcpState::SynSent | TcpState::SynRecv | TcpState::Close => SocketState::Disconnecting,
                _ => SocketState::Connected,
            };
        }
        match tp.state {
            TcpState::Close => {
                result = Err(Errno::ENOTCONN.into());
                tp.sk.shutdown |= how;
            }
            TcpState::Listen if how & RCV_SHUTDOWN == 0 => return Ok(()),
            TcpState::Listen | TcpState::SynSent => {
                tp.sk.socket_state = SocketState::Unconnected;
                self.tcp_disconnect(cx, tp)?;
            }
            _ => {
                let old = tp.sk.shutdown;
                tp.sk.shutdown |= how;
                cx.tell_set(tp.sk.id, crate::trace::Field::Shutdown, u32::from(old), u32::from(tp.sk.shutdown));
                if how & SEND_SHUTDOWN != 0 {
                    self.tcp_shutdown(cx, tp);
                }
            }
        }
        self.sk_wake(cx, &mut tp.sk);
        result
    }

    /// `close(2)`: the last descriptor of a socket closes it.
    pub(crate) fn sys_close(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        fd: Fd,
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        if let Some(sk) = progress.lingers {
            // It lingers; the descriptor is long gone.
            self.inet_release(cx, task, sk, progress)?;
            return Ok(SysRet::ok(0));
        }
        if (0..3).contains(&fd) {
            return Ok(SysRet::ok(0));
        }
        let file = self.tasks.get(task).remove(fd).ok_or(Errno::EBADF)?;
        if let Handle::Sock(sk) = file.handle {
            self.tell_fd(cx, sk, task, -1);
        }
        if let Some(sk) = self.fput_sock(file.handle) {
            self.inet_release(cx, task, sk, progress)?;
        }
        Ok(SysRet::ok(0))
    }

    /// `inet_release`: nobody has a descriptor of the socket any more. With `SO_LINGER` the task waits for the end of
    /// the connection.
    fn inet_release(&mut self, cx: &mut Cx<'_>, task: TaskId, sk: SockId, progress: &mut Progress) -> Result<(), Stop> {
        cx.call(Function::InetRelease, |cx| {
            if self.socks.get(sk).is_some_and(|s| s.proto == Proto::Tcp) {
                let close =
                    |host: &mut Host, cx: &mut Cx<'_>, tp: &mut TcpSock| host.tcp_close_linger(cx, task, tp, progress);
                return self.with_tcp(cx, sk, close).unwrap_or(Ok(()));
            }
            self.sock_destroy(cx, sk);
            Ok(())
        })
    }

    /// `fput`: one descriptor less refers to the open file.
    pub(crate) fn fput(&mut self, cx: &mut Cx<'_>, handle: Handle) {
        let Some(sk) = self.fput_sock(handle) else { return };
        cx.call(Function::InetRelease, |cx| {
            if self.socks.get(sk).is_some_and(|s| s.proto == Proto::Tcp) {
                self.with_tcp(cx, sk, |host, cx, tp| host.tcp_close(cx, tp));
            } else {
                self.sock_destroy(cx, sk);
            }
        });
    }

    /// The socket, if this was its last descriptor.
    fn fput_sock(&mut self, handle: Handle) -> Option<SockId> {
        let sk = match handle {
            Handle::Sock(sk) => sk,
            Handle::Epoll(ep) => {
                self.ep_put(ep);
                return None;
            }
        };
        let sock = self.socks.get_mut(sk)?;
        sock.files = sock.files.saturating_sub(1);
        if sock.files > 0 {
            return None;
        }
        self.eventpoll_release(sk);
        Some(sk)
    }

    /// Frees a socket: its queues, its port, its place in the tables.
    pub(crate) fn sock_destroy(&mut self, cx: &mut Cx<'_>, sk: SockId) {
        self.sk_wake_id(cx, sk);
        let Some(sock) = self.socks.get_mut(sk) else { return };
        while let Some((skb, _)) = sock.dequeue_rcv_skb(cx) {
            skb.kfree(crate::skb::DropReason::Consumed, cx);
        }
        self.socks.remove(sk);
        cx.trace.emit(|| What::SockDestroy { sock: sk });
    }

    /// `inet_getname`.
    pub(crate) fn inet_getname(&mut self, sk: SockId, peer: bool) -> Result<SysRet, Stop> {
        let Some(sock) = self.socks.get(sk) else { return Err(Errno::EBADF.into()) };
        let connected =
            sock.peer.1 != 0 && !matches!(sock.state, TcpState::Close | TcpState::SynSent | TcpState::Listen);
        let datagram = sock.proto != Proto::Tcp && sock.state == TcpState::Established;
        if peer && !connected && !datagram {
            return Err(Errno::ENOTCONN.into());
        }
        let (addr, port) = if peer { sock.peer } else { sock.local };
        Ok(SysRet { addr: Some(SockAddr::v4(addr, port)), ..SysRet::ok(0) })
    }

    /// `fcntl(2)` as far as sockets need it.
    pub(crate) fn sys_fcntl(&mut self, task: TaskId, fd: Fd, cmd: i32, arg: i32) -> Result<SysRet, Stop> {
        let handle = match self.tasks.get(task).file(fd) {
            Some(file) => file.handle,
            None if (0..3).contains(&fd) => return Err(Errno::EINVAL.into()),
            None => return Err(Errno::EBADF.into()),
        };
        let sock = match handle {
            Handle::Sock(sk) => self.socks.get_mut(sk),
            Handle::Epoll(_) => None,
        };
        match cmd {
            F_GETFL => {
                let flags = sock.map_or(0, |s| s.f_flags | if s.nonblock { O_NONBLOCK } else { 0 });
                return Ok(SysRet::ok(i64::from(O_RDWR | flags)));
            }
            F_SETFL => {
                if let Some(sock) = sock {
                    sock.nonblock = arg & O_NONBLOCK != 0;
                    sock.f_flags = arg & (O_APPEND | O_ASYNC);
                }
            }
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
