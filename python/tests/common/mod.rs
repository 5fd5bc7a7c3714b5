//! A machine for programs under test: one host's sockets, all of them on the loopback, nothing lost.

#![allow(dead_code)] // each test file uses its part

use python::interpreter::{resume, start};
use python::{Answer, Request, Step};
use stack::syscall::{Errno, Fd, O_NONBLOCK, SOCK_DGRAM, SockAddr, SysRet, Syscall};
use std::collections::{BTreeMap, VecDeque};

/// A program with all it has done so far.
pub struct Process {
    pub step: Step,
    pub steps: Vec<Step>,
    pub stdout: String,
    pub stderr: String,
    pub status: Option<i32>,
    fds: BTreeMap<Fd, Socket>,
}

#[derive(Default, Clone)]
struct Socket {
    kind: i32,
    protocol: i32,
    nonblocking: bool,
    local: Option<SockAddr>,
    peer: Option<SockAddr>,
    listening: bool,
    /// Connections that wait to be accepted: the address of the peer.
    backlog: VecDeque<SockAddr>,
    received: VecDeque<u8>,
    datagrams: VecDeque<(Vec<u8>, SockAddr)>,
    ended: bool,
}

/// The machine.
#[derive(Default)]
pub struct Machine {
    pub processes: Vec<Process>,
    pub now_ns: u64,
    /// The most that one `sendto` takes.
    pub send_limit: Option<usize>,
    next_port: u16,
}

impl Machine {
    pub fn run(programs: &[&str]) -> Machine {
        let mut machine = Machine::default();
        for source in programs {
            machine.add(source);
        }
        machine.finish();
        machine
    }

    pub fn add(&mut self, source: &str) {
        let step = start("prog.py", source, &[]);
        self.processes.push(Process {
            step,
            steps: Vec::new(),
            stdout: String::new(),
            stderr: String::new(),
            status: None,
            fds: BTreeMap::new(),
        });
    }

    /// Runs until every program has ended or waits.
    pub fn finish(&mut self) {
        self.next_port = 40_000;
        loop {
            let mut moved = false;
            for i in 0..self.processes.len() {
                while self.turn(i) {
                    moved = true;
                }
            }
            if !moved {
                return;
            }
        }
    }

    /// One step of a program; false if it waits or has ended.
    fn turn(&mut self, i: usize) -> bool {
        let process = &mut self.processes[i];
        if process.status.is_some() {
            return false;
        }
        let answer = match process.step.request.clone() {
            Request::Print { stderr, text } => {
                if stderr { &mut process.stderr } else { &mut process.stdout }.push_str(&text);
                Answer::Done
            }
            Request::Sleep { ns } => {
                self.now_ns += ns;
                Answer::Done
            }
            Request::Clock => Answer::Clock(self.now_ns),
            Request::Exit { status } => {
                process.status = Some(status);
                process.steps.push(process.step.clone());
                return true;
            }
            Request::Syscall(call) => match self.call(i, &call) {
                Some(ret) => Answer::Syscall(ret),
                None => return false,
            },
        };
        let process = &mut self.processes[i];
        let next = resume(&process.step.state, &answer);
        process.steps.push(std::mem::replace(&mut process.step, next));
        true
    }

    fn find(&mut self, wanted: impl Fn(&Socket) -> bool) -> Option<&mut Socket> {
        self.processes.iter_mut().flat_map(|process| process.fds.values_mut()).find(|socket| wanted(socket))
    }

    fn port(&mut self) -> SockAddr {
        self.next_port += 1;
        SockAddr::v4([127, 0, 0, 1].into(), self.next_port)
    }

    /// `None`: it blocks.
    fn call(&mut self, i: usize, call: &Syscall) -> Option<SysRet> {
        let err = |errno| Some(SysRet::err(errno));
        let ok = |value: i64| Some(SysRet::ok(value));
        if let Syscall::Socket { kind, protocol, .. } = call {
            let fds = &mut self.processes[i].fds;
            let fd = (3..).find(|fd| !fds.contains_key(fd)).unwrap();
            fds.insert(fd, Socket { kind: kind & 0xf, protocol: *protocol, ..Socket::default() });
            return ok(i64::from(fd));
        }
        let fd = match call {
            Syscall::Bind { fd, .. }
            | Syscall::Listen { fd, .. }
            | Syscall::Accept4 { fd, .. }
            | Syscall::Connect { fd, .. }
            | Syscall::Sendto { fd, .. }
            | Syscall::Recvfrom { fd, .. }
            | Syscall::Shutdown { fd, .. }
            | Syscall::Close { fd }
            | Syscall::Getsockname { fd, .. }
            | Syscall::Getpeername { fd }
            | Syscall::Setsockopt { fd, .. }
            | Syscall::Getsockopt { fd, .. }
            | Syscall::Fcntl { fd, .. } => *fd,
            other => panic!("a program can't make this call: {other:?}"),
        };
        let Some(socket) = self.processes[i].fds.get(&fd).cloned() else { return err(Errno::EBADF) };
        let set = |machine: &mut Machine, socket: Socket| {
            machine.processes[i].fds.insert(fd, socket);
        };
        let loopback = |addr: &SockAddr| SockAddr { addr: [127, 0, 0, 1].into(), ..*addr };
        match call {
            Syscall::Bind { addr, .. } => {
                set(self, Socket { local: Some(loopback(addr)), ..socket });
                ok(0)
            }
            Syscall::Listen { .. } => {
                set(self, Socket { listening: true, ..socket });
                ok(0)
            }
            Syscall::Connect { addr, .. } => {
                let local = self.port();
                let to = loopback(addr);
                let Some(server) = self.find(|s| s.listening && s.local == Some(to)) else {
                    // A server that is yet to start may still come: wait for a program that hasn't ended.
                    let others = self.processes.iter().enumerate().any(|(j, p)| j > i && p.status.is_none());
                    return if others { None } else { err(Errno::ECONNREFUSED) };
                };
                server.backlog.push_back(local);
                set(self, Socket { local: Some(local), peer: Some(to), ..socket });
                ok(0)
            }
            Syscall::Accept4 { .. } => {
                let mut socket = socket;
                let Some(peer) = socket.backlog.pop_front() else {
                    return if socket.nonblocking { err(Errno::EAGAIN) } else { None };
                };
                let conn = Socket { kind: socket.kind, local: socket.local, peer: Some(peer), ..Socket::default() };
                set(self, socket);
                // What came before it was accepted waits with the one who sent it.
                let fds = &mut self.processes[i].fds;
                let new = (3..).find(|fd| !fds.contains_key(fd)).unwrap();
                fds.insert(new, conn);
                Some(SysRet { addr: Some(peer), ..SysRet::ok(i64::from(new)) })
            }
            Syscall::Sendto { buf, addr, .. } => {
                let n = self.send_limit.unwrap_or(usize::MAX).min(buf.len());
                if socket.kind == SOCK_DGRAM {
                    let from = socket.local.unwrap_or(SockAddr::v4([127, 0, 0, 1].into(), 1));
                    let to = loopback(&addr.unwrap());
                    if let Some(peer) = self.find(|s| s.kind == SOCK_DGRAM && s.local == Some(to)) {
                        peer.datagrams.push_back((buf.to_vec(), from));
                    }
                    return ok(buf.len() as i64);
                }
                let (Some(local), Some(peer)) = (socket.local, socket.peer) else { return err(Errno::EPIPE) };
                let Some(other) = self.find(|s| s.local == Some(peer) && s.peer == Some(local)) else {
                    let pending = self.find(|s| s.listening && s.backlog.contains(&local)).is_some();
                    return if pending { None } else { err(Errno::ECONNRESET) };
                };
                other.received.extend(&buf[..n]);
                ok(n as i64)
            }
            Syscall::Recvfrom { len, want_addr, .. } => {
                let mut socket = socket;
                if socket.kind == SOCK_DGRAM {
                    let Some((data, from)) = socket.datagrams.pop_front() else {
                        return if socket.nonblocking { err(Errno::EAGAIN) } else { None };
                    };
                    set(self, socket);
                    let size = data.len() as i64;
                    return Some(SysRet { data, addr: want_addr.then_some(from), ..SysRet::ok(size) });
                }
                let (local, peer) = (socket.local, socket.peer);
                if peer.is_none() {
                    return err(Errno::ENOTCONN);
                }
                if socket.received.is_empty() {
                    let alive = self.find(|s| {
                        (s.local == peer && s.peer == local && !s.ended)
                            || (s.listening && local.is_some_and(|local| s.backlog.contains(&local)))
                    });
                    return match (alive.is_some(), socket.nonblocking) {
                        (false, _) => ok(0),
                        (true, true) => err(Errno::EAGAIN),
                        (true, false) => None,
                    };
                }
                let n = socket.received.len().min(*len);
                let data: Vec<u8> = socket.received.drain(..n).collect();
                set(self, socket);
                Some(SysRet { data, ..SysRet::ok(n as i64) })
            }
            Syscall::Shutdown { .. } => {
                set(self, Socket { ended: true, ..socket });
                ok(0)
            }
            Syscall::Close { .. } => {
                self.processes[i].fds.remove(&fd);
                ok(0)
            }
            Syscall::Getsockname { .. } => {
                let addr = socket.local.unwrap_or(SockAddr::v4([0, 0, 0, 0].into(), 0));
                Some(SysRet { addr: Some(addr), ..SysRet::ok(0) })
            }
            Syscall::Getpeername { .. } => match socket.peer {
                Some(peer) => Some(SysRet { addr: Some(peer), ..SysRet::ok(0) }),
                None => err(Errno::ENOTCONN),
            },
            Syscall::Getsockopt { name, len, .. } => {
                let value = if *name == 3 { socket.kind } else { 0 };
                let mut data = value.to_le_bytes().to_vec();
                data.resize(*len, 0);
                Some(SysRet { data, ..SysRet::ok(0) })
            }
            Syscall::Fcntl { arg, .. } => {
                set(self, Socket { nonblocking: arg & O_NONBLOCK != 0, ..socket });
                ok(0)
            }
            _ => ok(0),
        }
    }
}

impl Process {
    /// The names of the calls it made, with the line of each.
    pub fn calls(&self) -> Vec<(u32, String)> {
        self.steps
            .iter()
            .filter_map(|step| match &step.request {
                Request::Syscall(call) => Some((step.line, call.sysno().name().to_owned())),
                _ => None,
            })
            .collect()
    }
}
