//! From a system call to the function that does it, and back to the program.
//!
//! Linux: `net/socket.c` (`__sys_socket` … `__sys_recvfrom`), `fs/read_write.c`, `fs/open.c`.

use super::msg::{Sink, Source};
use super::*;
use crate::host::{Cx, Host};
use crate::trace::{Context, Function, SockId, TaskId, What};

impl Host {
    pub(crate) fn enter_syscall(&mut self, cx: &mut Cx<'_>, task: TaskId, call: Syscall) -> Option<SysRet> {
        let t = self.tasks.get(task);
        debug_assert!(t.pending.is_none(), "a sleeping task makes no system call");
        let index = t.calls;
        t.calls += 1;
        let nr = call.sysno();
        let entered = cx.trace.emit(|| What::SyscallEnter { nr, task, index });
        cx.trace.because(entered);
        cx.trace.set_context(Context::Syscall);
        self.run_syscall(cx, task, call, index, Progress::default())
    }

    pub(crate) fn resume_syscall(&mut self, cx: &mut Cx<'_>, task: TaskId) -> Option<SysRet> {
        let pending = self.tasks.get(task).pending.take()?;
        if let Some(token) = pending.timer {
            self.timers.cancel(token);
        }
        self.finish_wait(task, &pending.call);
        if let Some(wait) = pending.wait {
            cx.trace.wake_up(wait);
        }
        self.run_syscall(cx, task, pending.call, pending.index, pending.progress)
    }

    fn run_syscall(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        call: Syscall,
        index: u32,
        mut progress: Progress,
    ) -> Option<SysRet> {
        let nr = call.sysno();
        let result = cx.call(entry_function(nr), |cx| self.do_syscall(cx, task, &call, &mut progress));
        let result = match result {
            Err(Stop::Sleep) => {
                let timer = progress.deadline.map(|at| self.timers.set(at, crate::timer::Target::Task(task)));
                let wait = cx.trace.take_sleep();
                self.tasks.get(task).pending = Some(Pending { call, index, progress, wait, timer });
                return None;
            }
            Err(Stop::Fail(errno)) => SysRet::err(errno),
            Ok(result) => result,
        };
        let ret = match result.value {
            Ok(value) => value as i32,
            Err(errno) => -(errno as i32),
        };
        cx.trace.emit(|| What::SyscallExit { nr, task, index, ret });
        Some(result)
    }

    fn do_syscall(
        &mut self,
        cx: &mut Cx<'_>,
        task: TaskId,
        call: &Syscall,
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        let (call, null) = match call {
            Syscall::Null(inner) => (&**inner, true),
            other => (other, false),
        };
        match call {
            Syscall::Socket { family, kind, protocol } => {
                return Ok(SysRet::ok(i64::from(self.sys_socket(cx, task, *family, *kind, *protocol)?)));
            }
            Syscall::Close { fd } => return self.sys_close(cx, task, *fd, progress),
            Syscall::Poll { fds, .. } if null && !fds.is_empty() => return Err(Errno::EFAULT.into()),
            Syscall::Poll { fds, timeout_ms } => return self.sys_poll(cx, task, fds, *timeout_ms, progress),
            Syscall::EpollCreate { size: ..=0 } => return Err(Errno::EINVAL.into()),
            Syscall::EpollCreate { .. } => return self.sys_epoll_create(task, 0),
            Syscall::EpollCreate1 { flags } => return self.sys_epoll_create(task, *flags),
            Syscall::EpollCtl { epfd, op, fd, event } => {
                return self.sys_epoll_ctl(cx, task, *epfd, (*op, *fd), event.filter(|_| !null));
            }
            Syscall::EpollWait { maxevents: 1.., .. } if null => return Err(Errno::EFAULT.into()),
            Syscall::EpollWait { epfd, maxevents, timeout_ms } => {
                return self.sys_epoll_wait(cx, task, *epfd, (*maxevents, *timeout_ms), progress);
            }
            Syscall::Ioctl { fd, request, arg } => {
                let ret = self.sys_ioctl(task, *fd, *request, *arg);
                return if null && ret.is_ok() { Err(Errno::EFAULT.into()) } else { ret };
            }
            Syscall::Fcntl { fd, cmd, arg } => return self.sys_fcntl(task, *fd, *cmd, *arg),
            // `readv` and `writev` copy the array before they look at the descriptor.
            Syscall::Read { .. } | Syscall::Write { .. } | Syscall::Readv { .. } | Syscall::Writev { .. } => {
                if let Some(Handle::Epoll(_)) = self.tasks.get(task).file(call.fd().unwrap_or(-1)).map(|f| f.handle) {
                    return Err(Errno::EINVAL.into());
                }
            }
            _ => {}
        }
        let sk = self.socket_of(task, call.fd().unwrap_or(-1))?;
        self.do_socket_call(cx, (task, sk), call, null, progress)
    }

    /// The calls that are about one socket.
    fn do_socket_call(
        &mut self,
        cx: &mut Cx<'_>,
        (task, sk): (TaskId, SockId),
        call: &Syscall,
        null: bool,
        progress: &mut Progress,
    ) -> Result<SysRet, Stop> {
        let at = (task, sk);
        let out = |buf| if null { Source::null(<[u8]>::len(buf)) } else { Source::bytes(buf) };
        let room = |len| if null { Sink::null(len) } else { Sink::of(len) };
        let fault = || Err(Errno::EFAULT.into());
        match call {
            Syscall::Bind { .. } | Syscall::Connect { .. } | Syscall::Sendmsg { .. } | Syscall::Recvmsg { .. }
                if null =>
            {
                fault()
            }
            Syscall::Bind { addr, .. } => self.inet_bind(cx, sk, *addr).map(|()| SysRet::ok(0)),
            Syscall::Listen { backlog, .. } => self.inet_listen(cx, sk, *backlog).map(|()| SysRet::ok(0)),
            Syscall::Accept { .. } => self.sys_accept(cx, task, sk, 0, progress),
            Syscall::Accept4 { flags, .. } => self.sys_accept(cx, task, sk, *flags, progress),
            Syscall::Connect { addr, .. } => self.sys_connect(cx, task, sk, *addr, progress),
            Syscall::Sendto { buf, flags, addr, .. } => self.send_from(cx, at, &out(buf), *flags, *addr, progress),
            Syscall::Write { buf, .. } => self.send_from(cx, at, &out(buf), 0, None, progress),
            Syscall::Writev { iov, .. } => {
                let source = Source::gather(iov, Errno::EINVAL)?;
                self.send_from(cx, at, &source, 0, None, progress)
            }
            Syscall::Sendmsg { addr, iov, control, flags, .. } => {
                let source = Source::gather(iov, Errno::EMSGSIZE)?;
                Host::check_control(control)?;
                self.send_from(cx, at, &source, *flags, *addr, progress)
            }
            Syscall::Recvfrom { len, flags, want_addr, .. } => {
                let got = self.receive_into(cx, at, room(*len), *flags, progress)?;
                Ok(SysRet { out: Out::None, addr: got.addr.filter(|_| *want_addr), ..got })
            }
            // "Match SYS5 behaviour": nothing to read is nothing to do.
            Syscall::Read { len: 0, .. } => Ok(SysRet::ok(0)),
            Syscall::Read { len, .. } => {
                let got = self.receive_into(cx, at, room(*len), 0, progress)?;
                Ok(SysRet { out: Out::None, addr: None, ..got })
            }
            Syscall::Readv { iov, .. } => {
                let sink = Sink::gather(iov, Errno::EINVAL)?;
                if sink.is_empty() {
                    return Ok(SysRet::ok(0));
                }
                let got = self.receive_into(cx, at, sink, 0, progress)?;
                Ok(SysRet { out: Out::None, addr: None, ..got })
            }
            Syscall::Recvmsg { iov, flags, want_addr, controllen, .. } => {
                let sink = Sink::gather(iov, Errno::EMSGSIZE)?;
                let got = self.sys_recvmsg(cx, at, sink, (*flags, *controllen), progress)?;
                Ok(SysRet { addr: got.addr.filter(|_| *want_addr), ..got })
            }
            Syscall::Shutdown { how, .. } => self.inet_shutdown(cx, sk, *how).map(|()| SysRet::ok(0)),
            Syscall::Getsockname { .. } => self.inet_getname(sk, false),
            Syscall::Getpeername { .. } => self.inet_getname(sk, true),
            Syscall::Setsockopt { level, name, value, .. } => {
                if null && !value.is_empty() {
                    return fault();
                }
                self.setsockopt(cx, sk, (*level, *name), value).map(|()| SysRet::ok(0))
            }
            Syscall::Getsockopt { level, name, len, .. } => {
                let ret = self.getsockopt(cx, sk, (*level, *name), *len)?;
                if null && !ret.data.is_empty() { fault() } else { Ok(ret) }
            }
            _ => Err(Errno::ENOSYS.into()),
        }
    }

    /// `sockfd_lookup_light`: 0, 1 and 2 are no sockets, others that are not open are no descriptors.
    fn socket_of(&mut self, task: TaskId, fd: Fd) -> Result<SockId, Errno> {
        match self.tasks.get(task).file(fd).map(|f| f.handle) {
            Some(Handle::Sock(sk)) => Ok(sk),
            Some(Handle::Epoll(_)) => Err(Errno::ENOTSOCK),
            None if (0..3).contains(&fd) => Err(Errno::ENOTSOCK),
            None => Err(Errno::EBADF),
        }
    }

    /// `finish_wait`: the task leaves the wait queues that its call put it on.
    fn finish_wait(&mut self, task: TaskId, call: &Syscall) {
        if let Syscall::Poll { fds, .. } = call {
            return self.poll_freewait(task, fds);
        }
        match call.fd().and_then(|fd| self.tasks.get(task).file(fd)).map(|f| f.handle) {
            Some(Handle::Sock(sk)) => {
                if let Some(sock) = self.socks.get_mut(sk) {
                    sock.no_waiter(task);
                }
            }
            Some(Handle::Epoll(ep)) => self.epolls.no_waiter(ep, task),
            None => {}
        }
    }

    /// `exit_files`: closes every descriptor of a task.
    pub(crate) fn close_all(&mut self, cx: &mut Cx<'_>, task: TaskId) {
        while let Some(fd) = self.tasks.get(task).first_fd() {
            if let Some(file) = self.tasks.get(task).remove(fd) {
                self.fput(cx, file.handle);
            }
        }
        self.socks.forget_waiter(task);
        self.tasks.remove(task);
    }

    /// One descriptor of one open socket for two tasks, as `fork(2)` leaves it.
    pub(crate) fn share_fd(&mut self, cx: &mut Cx<'_>, from: TaskId, fd: Fd, to: TaskId) -> bool {
        let Some(file) = self.tasks.get(from).file(fd).cloned() else { return false };
        match file.handle {
            Handle::Sock(sk) => {
                if let Some(sock) = self.socks.get_mut(sk) {
                    sock.files += 1;
                }
                self.tell_fd(cx, sk, to, fd);
            }
            Handle::Epoll(ep) => self.epolls.hold(ep),
        }
        self.tasks.get(to).install_at(fd, file);
        true
    }
}

impl Syscall {
    /// The descriptor it is about; `socket(2)` has none.
    pub fn fd(&self) -> Option<Fd> {
        match self {
            Syscall::Socket { .. }
            | Syscall::Poll { .. }
            | Syscall::EpollCreate { .. }
            | Syscall::EpollCreate1 { .. } => None,
            Syscall::Null(call) => call.fd(),
            Syscall::Bind { fd, .. }
            | Syscall::Listen { fd, .. }
            | Syscall::Accept { fd }
            | Syscall::Accept4 { fd, .. }
            | Syscall::Connect { fd, .. }
            | Syscall::Sendto { fd, .. }
            | Syscall::Recvfrom { fd, .. }
            | Syscall::Read { fd, .. }
            | Syscall::Write { fd, .. }
            | Syscall::Shutdown { fd, .. }
            | Syscall::Close { fd }
            | Syscall::Getsockname { fd, .. }
            | Syscall::Getpeername { fd }
            | Syscall::Setsockopt { fd, .. }
            | Syscall::Getsockopt { fd, .. }
            | Syscall::Fcntl { fd, .. }
            | Syscall::Readv { fd, .. }
            | Syscall::Writev { fd, .. }
            | Syscall::Sendmsg { fd, .. }
            | Syscall::Recvmsg { fd, .. }
            | Syscall::Ioctl { fd, .. }
            | Syscall::EpollCtl { epfd: fd, .. }
            | Syscall::EpollWait { epfd: fd, .. } => Some(*fd),
        }
    }
}

fn entry_function(nr: Sysno) -> Function {
    match nr {
        Sysno::Socket => Function::SysSocket,
        Sysno::Bind => Function::SysBind,
        Sysno::Listen => Function::SysListen,
        Sysno::Accept | Sysno::Accept4 => Function::SysAccept4,
        Sysno::Connect => Function::SysConnect,
        Sysno::Sendto => Function::SysSendto,
        Sysno::Recvfrom => Function::SysRecvfrom,
        Sysno::Read => Function::SysRead,
        Sysno::Write => Function::SysWrite,
        Sysno::Shutdown => Function::SysShutdown,
        Sysno::Close => Function::SysClose,
        Sysno::Getsockname => Function::SysGetsockname,
        Sysno::Getpeername => Function::SysGetpeername,
        Sysno::Setsockopt => Function::SysSetsockopt,
        Sysno::Getsockopt => Function::SysGetsockopt,
        Sysno::Fcntl => Function::SysFcntl,
        Sysno::Readv => Function::SysReadv,
        Sysno::Writev => Function::SysWritev,
        Sysno::Sendmsg => Function::SysSendmsg,
        Sysno::Recvmsg => Function::SysRecvmsg,
        Sysno::Poll => Function::SysPoll,
        Sysno::EpollCreate | Sysno::EpollCreate1 => Function::SysEpollCreate,
        Sysno::EpollCtl => Function::SysEpollCtl,
        Sysno::EpollWait => Function::SysEpollWait,
        Sysno::Ioctl => Function::SysIoctl,
    }
}
