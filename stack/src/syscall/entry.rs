//! From a system call to the function that does it, and back to the program.
//!
//! Linux: `net/socket.c` (`__sys_socket` … `__sys_recvfrom`), `fs/read_write.c`, `fs/open.c`.

use super::*;
use crate::host::{Cx, Host};
use crate::time::Duration;
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
        if let Some(sock) = self.sock_of(task, &pending.call).and_then(|sk| self.socks.get_mut(sk)) {
            sock.waiters.retain(|t| *t != task);
        }
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
        let fd = match call {
            Syscall::Socket { family, kind, protocol } => {
                return Ok(SysRet::ok(i64::from(self.sys_socket(cx, task, *family, *kind, *protocol)?)));
            }
            Syscall::Close { fd } => return self.sys_close(cx, task, *fd, progress),
            other => other.fd().unwrap_or(-1),
        };
        let sk = self.socket_of(task, fd)?;
        match call {
            Syscall::Bind { addr, .. } => self.inet_bind(cx, sk, *addr).map(|()| SysRet::ok(0)),
            Syscall::Listen { backlog, .. } => self.inet_listen(cx, sk, *backlog).map(|()| SysRet::ok(0)),
            Syscall::Accept { .. } => self.sys_accept(cx, task, sk, 0, progress),
            Syscall::Accept4 { flags, .. } => self.sys_accept(cx, task, sk, *flags, progress),
            Syscall::Connect { addr, .. } => self.sys_connect(cx, task, sk, *addr, progress),
            Syscall::Sendto { buf, flags, addr, .. } => self.sock_sendmsg(cx, task, sk, buf, *flags, *addr, progress),
            Syscall::Write { buf, .. } => self.sock_sendmsg(cx, task, sk, buf, 0, None, progress),
            Syscall::Recvfrom { len, flags, want_addr, .. } => {
                let mut got = self.sock_recvmsg(cx, task, sk, *len, *flags, progress)?;
                if !want_addr {
                    got.addr = None;
                }
                Ok(got)
            }
            Syscall::Read { len, .. } => {
                let mut got = self.sock_recvmsg(cx, task, sk, *len, 0, progress)?;
                got.addr = None;
                Ok(got)
            }
            Syscall::Shutdown { how, .. } => self.inet_shutdown(cx, sk, *how).map(|()| SysRet::ok(0)),
            Syscall::Getsockname { .. } => self.inet_getname(sk, false),
            Syscall::Getpeername { .. } => self.inet_getname(sk, true),
            Syscall::Setsockopt { level, name, value, .. } => {
                self.setsockopt(cx, sk, *level, *name, value).map(|()| SysRet::ok(0))
            }
            Syscall::Getsockopt { level, name, len, .. } => self.getsockopt(sk, *level, *name, *len),
            Syscall::Fcntl { cmd, arg, .. } => self.sys_fcntl(task, fd, sk, *cmd, *arg),
            _ => Err(Errno::ENOSYS.into()),
        }
    }

    /// `sockfd_lookup_light`: 0, 1 and 2 are no sockets, others that are not open are no descriptors.
    fn socket_of(&mut self, task: TaskId, fd: Fd) -> Result<SockId, Errno> {
        match self.tasks.get(task).file(fd) {
            Some(file) => Ok(file.sock),
            None if (0..3).contains(&fd) => Err(Errno::ENOTSOCK),
            None => Err(Errno::EBADF),
        }
    }

    fn sock_of(&mut self, task: TaskId, call: &Syscall) -> Option<SockId> {
        let fd = call.fd()?;
        self.tasks.get(task).file(fd).map(|f| f.sock)
    }

    /// The task sleeps on a socket, in this kernel function.
    pub(crate) fn sleep_on(&mut self, cx: &mut Cx<'_>, task: TaskId, sk: SockId, function: Function) -> Stop {
        cx.trace.enter(function);
        cx.trace.emit(|| What::Sleep { task, sock: sk });
        cx.trace.fall_asleep();
        if let Some(sock) = self.socks.get_mut(sk)
            && !sock.waiters.contains(&task)
        {
            sock.waiters.push(task);
        }
        cx.trace.exit();
        Stop::Sleep
    }

    /// Sleeps unless patience is at its end; `timeo` is the socket's, for the first time it sleeps.
    pub(crate) fn sleep_or_fail(
        &mut self,
        cx: &mut Cx<'_>,
        (task, sk): (TaskId, SockId),
        function: Function,
        progress: &mut Progress,
        (timeo, errno): (Option<Duration>, Errno),
    ) -> Stop {
        let deadline = progress.deadline.or(timeo.map(|t| cx.now + t));
        if deadline.is_some_and(|at| at <= cx.now) {
            return Stop::Fail(errno);
        }
        progress.deadline = deadline;
        self.sleep_on(cx, task, sk, function)
    }

    /// `exit_files`: closes every descriptor of a task.
    pub(crate) fn close_all(&mut self, cx: &mut Cx<'_>, task: TaskId) {
        while let Some(fd) = self.tasks.get(task).first_fd() {
            if let Some(file) = self.tasks.get(task).remove(fd) {
                self.fput(cx, file.sock);
            }
        }
        for sock in self.socks.ids() {
            if let Some(sock) = self.socks.get_mut(sock) {
                sock.waiters.retain(|t| *t != task);
            }
        }
        self.tasks.remove(task);
    }

    /// One descriptor of one open socket for two tasks, as `fork(2)` leaves it.
    pub(crate) fn share_fd(&mut self, cx: &mut Cx<'_>, from: TaskId, fd: Fd, to: TaskId) -> bool {
        let Some(file) = self.tasks.get(from).file(fd).cloned() else { return false };
        if let Some(sock) = self.socks.get_mut(file.sock) {
            sock.files += 1;
        }
        self.tell_fd(cx, file.sock, to, fd);
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
