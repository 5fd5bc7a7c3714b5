//! The executor of built-in programs: one future a task, polled when its answer is there.
//!
//! No wakers and no queue: a future can wait for nothing but the answer to the request that it left in the
//! slot it shares with its runner. So what it does depends on the answers alone.

use crate::tape::{Answer, Ask};
use python::Request;
use stack::syscall::{
    AF_INET, Errno, Fd, MSG_NOSIGNAL, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_STREAM, SockAddr, SysRet, Syscall,
};
use stack::time::Duration;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

#[derive(Default)]
struct Slot {
    ask: Option<Ask>,
    answer: Option<Answer>,
}

/// A built-in program's view of its machine: the system calls.
#[derive(Clone)]
pub struct Sys {
    slot: Rc<RefCell<Slot>>,
}

/// A built-in program being run.
pub struct Runner {
    slot: Rc<RefCell<Slot>>,
    program: Option<Pin<Box<dyn Future<Output = i32>>>>,
}

impl Runner {
    /// A program that has not begun: `start` makes its future.
    pub fn new(start: impl FnOnce(Sys) -> Pin<Box<dyn Future<Output = i32>>>) -> Runner {
        let slot = Rc::new(RefCell::new(Slot::default()));
        let program = start(Sys { slot: Rc::clone(&slot) });
        Runner { slot, program: Some(program) }
    }

    /// Hands over the answer to its last request and runs it to the next.
    pub fn step(&mut self, answer: Option<Answer>) -> Ask {
        self.slot.borrow_mut().answer = answer;
        let Some(program) = &mut self.program else { return exit(0) };
        match program.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(status) => {
                self.program = None;
                exit(status)
            }
            // A future that waits for something else than its host can never go on.
            Poll::Pending => self.slot.borrow_mut().ask.take().unwrap_or_else(|| exit(1)),
        }
    }
}

fn exit(status: i32) -> Ask {
    Ask::Request(Request::Exit { status })
}

/// The future of one request.
struct Asking {
    slot: Rc<RefCell<Slot>>,
    ask: Option<Ask>,
}

impl Future for Asking {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Answer> {
        let ask = self.ask.take();
        let mut slot = self.slot.borrow_mut();
        match ask {
            Some(ask) => {
                slot.ask = Some(ask);
                Poll::Pending
            }
            None => slot.answer.take().map_or(Poll::Pending, Poll::Ready),
        }
    }
}

impl Sys {
    pub(crate) async fn ask(&self, ask: Ask) -> Answer {
        Asking { slot: Rc::clone(&self.slot), ask: Some(ask) }.await
    }

    /// Any system call.
    pub async fn call(&self, call: Syscall) -> SysRet {
        match self.ask(Ask::Request(Request::Syscall(call))).await {
            Answer::Syscall(ret) => ret,
            _ => SysRet::err(Errno::EIO),
        }
    }

    /// `socket(2)`; close-on-exec, as today's programs have it.
    pub async fn socket(&self, kind: i32, protocol: i32) -> Result<Fd, Errno> {
        let call = Syscall::Socket { family: AF_INET, kind: kind | SOCK_CLOEXEC, protocol };
        self.call(call).await.value.map(|fd| fd as Fd)
    }

    /// A TCP socket.
    pub async fn tcp(&self) -> Result<Fd, Errno> {
        self.socket(SOCK_STREAM, 0).await
    }

    /// A UDP socket.
    pub async fn udp(&self) -> Result<Fd, Errno> {
        self.socket(SOCK_DGRAM, 0).await
    }

    /// `bind(2)`
    pub async fn bind(&self, fd: Fd, addr: SockAddr) -> Result<(), Errno> {
        self.call(Syscall::Bind { fd, addr }).await.value.map(drop)
    }

    /// `listen(2)`
    pub async fn listen(&self, fd: Fd, backlog: i32) -> Result<(), Errno> {
        self.call(Syscall::Listen { fd, backlog }).await.value.map(drop)
    }

    /// `accept4(2)`: the new descriptor and the peer.
    pub async fn accept(&self, fd: Fd) -> Result<(Fd, Option<SockAddr>), Errno> {
        let ret = self.call(Syscall::Accept4 { fd, flags: SOCK_CLOEXEC }).await;
        ret.value.map(|fd| (fd as Fd, ret.addr))
    }

    /// `connect(2)`
    pub async fn connect(&self, fd: Fd, addr: SockAddr) -> Result<(), Errno> {
        self.call(Syscall::Connect { fd, addr }).await.value.map(drop)
    }

    /// `send(2)`: how many bytes the kernel took.
    pub async fn send(&self, fd: Fd, buf: &[u8]) -> Result<usize, Errno> {
        let call = Syscall::Sendto { fd, buf: Rc::from(buf), flags: MSG_NOSIGNAL, addr: None };
        self.call(call).await.value.map(|n| n as usize)
    }

    /// `send(2)` until the kernel has taken all.
    pub async fn send_all(&self, fd: Fd, buf: &[u8]) -> Result<(), Errno> {
        let mut rest = buf;
        while !rest.is_empty() {
            let n = self.send(fd, rest).await?;
            rest = &rest[n.min(rest.len())..];
        }
        Ok(())
    }

    /// `sendto(2)`
    pub async fn send_to(&self, fd: Fd, buf: &[u8], addr: SockAddr) -> Result<usize, Errno> {
        let call = Syscall::Sendto { fd, buf: Rc::from(buf), flags: 0, addr: Some(addr) };
        self.call(call).await.value.map(|n| n as usize)
    }

    /// `recv(2)`: up to `len` bytes; none at the end of the stream.
    pub async fn recv(&self, fd: Fd, len: usize) -> Result<Vec<u8>, Errno> {
        let ret = self.call(Syscall::Recvfrom { fd, len, flags: 0, want_addr: false }).await;
        ret.value.map(|_| ret.data)
    }

    /// `recvfrom(2)`
    pub async fn recv_from(&self, fd: Fd, len: usize) -> Result<(Vec<u8>, Option<SockAddr>), Errno> {
        let ret = self.call(Syscall::Recvfrom { fd, len, flags: 0, want_addr: true }).await;
        ret.value.map(|_| (ret.data, ret.addr))
    }

    /// `shutdown(2)`
    pub async fn shutdown(&self, fd: Fd, how: i32) -> Result<(), Errno> {
        self.call(Syscall::Shutdown { fd, how }).await.value.map(drop)
    }

    /// `close(2)`
    pub async fn close(&self, fd: Fd) -> Result<(), Errno> {
        self.call(Syscall::Close { fd }).await.value.map(drop)
    }

    /// `getsockname(2)`
    pub async fn local_address(&self, fd: Fd) -> Result<SockAddr, Errno> {
        let ret = self.call(Syscall::Getsockname { fd, len: 16 }).await;
        ret.value.and_then(|_| ret.addr.ok_or(Errno::EINVAL))
    }

    /// `getpeername(2)`
    pub async fn peer_address(&self, fd: Fd) -> Result<SockAddr, Errno> {
        let ret = self.call(Syscall::Getpeername { fd }).await;
        ret.value.and_then(|_| ret.addr.ok_or(Errno::EINVAL))
    }

    /// `setsockopt(2)` with an `int`.
    pub async fn set_option(&self, fd: Fd, level: i32, name: i32, value: i32) -> Result<(), Errno> {
        let value = value.to_le_bytes().to_vec();
        self.call(Syscall::Setsockopt { fd, level, name, value }).await.value.map(drop)
    }

    /// `SO_RCVTIMEO`: receiving gives [`Errno::EAGAIN`] after so long; zero is "never".
    pub async fn set_receive_timeout(&self, fd: Fd, timeout: Duration) -> Result<(), Errno> {
        use stack::syscall::{SO_RCVTIMEO, SOL_SOCKET};
        let mut value = (timeout.as_secs() as i64).to_le_bytes().to_vec();
        value.extend_from_slice(&i64::from(timeout.subsec_micros()).to_le_bytes());
        self.call(Syscall::Setsockopt { fd, level: SOL_SOCKET, name: SO_RCVTIMEO, value }).await.value.map(drop)
    }

    /// `getsockopt(2)`: the option's bytes.
    pub async fn option(&self, fd: Fd, level: i32, name: i32, len: usize) -> Result<Vec<u8>, Errno> {
        let ret = self.call(Syscall::Getsockopt { fd, level, name, len }).await;
        ret.value.map(|_| ret.data)
    }

    /// `clock_nanosleep(2)`
    pub async fn sleep(&self, time: Duration) {
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.ask(Ask::Request(Request::Sleep { ns })).await;
    }

    /// `clock_gettime(2)`: nanoseconds of the host's time.
    pub async fn clock(&self) -> u64 {
        match self.ask(Ask::Request(Request::Clock)).await {
            Answer::Clock(ns) => ns,
            _ => 0,
        }
    }

    /// Writes to standard output; adds no line break.
    pub async fn print(&self, text: impl Into<String>) {
        self.ask(Ask::Request(Request::Print { stderr: false, text: text.into() })).await;
    }

    /// Writes to standard error; adds no line break.
    pub async fn eprint(&self, text: impl Into<String>) {
        self.ask(Ask::Request(Request::Print { stderr: true, text: text.into() })).await;
    }

    /// Starts a built-in program as a task of its own, with a descriptor of this one.
    pub async fn spawn(&self, program: &str, args: Vec<String>, fd: Fd) {
        self.ask(Ask::Spawn { program: program.to_owned(), args, fd }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_a_function_from_answers_to_requests() {
        let mut runner = Runner::new(|sys| {
            Box::pin(async move {
                let Ok(fd) = sys.tcp().await else { return 2 };
                let before = sys.clock().await;
                sys.sleep(Duration::from_nanos(before)).await;
                sys.print(format!("fd {fd}")).await;
                7
            })
        });
        let socket = Syscall::Socket { family: AF_INET, kind: SOCK_STREAM | SOCK_CLOEXEC, protocol: 0 };
        assert_eq!(runner.step(None), Ask::Request(Request::Syscall(socket)));
        assert_eq!(runner.step(Some(Answer::Syscall(SysRet::ok(3)))), Ask::Request(Request::Clock));
        assert_eq!(runner.step(Some(Answer::Clock(5))), Ask::Request(Request::Sleep { ns: 5 }));
        let print = Request::Print { stderr: false, text: "fd 3".to_owned() };
        assert_eq!(runner.step(Some(Answer::Done)), Ask::Request(print));
        assert_eq!(runner.step(Some(Answer::Done)), exit(7));
        assert_eq!(runner.step(None), exit(0));
    }

    #[test]
    fn waiting_for_something_else_ends_the_program() {
        let mut runner = Runner::new(|_| Box::pin(std::future::pending()));
        assert_eq!(runner.step(None), exit(1));
    }
}
