//! From a call of the script to a call of the stack.

use super::{Address, Buffer, CallKind, Control, ControlData, OptionValue};
use crate::packetdrill::ast::Options;
use stack::syscall::{ControlMsg, EpollEvent, Fd, IoVec, PollFd, Room, SockAddr, Syscall};
use std::rc::Rc;

/// Room for control messages, as the original program gives it, bytes.
const CONTROL_ROOM: usize = 4096;

/// The script's descriptors and the real ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Descriptors {
    open: Vec<(i32, Fd)>,
}

impl Descriptors {
    /// The real descriptor.
    pub(crate) fn live(&self, script: i32) -> Result<Fd, String> {
        let found = self.open.iter().find(|(s, _)| *s == script).map(|(_, live)| *live);
        found.ok_or_else(|| format!("descriptor {script} is not open in the script"))
    }

    /// A call has made a descriptor.
    pub(crate) fn add(&mut self, script: i32, live: Fd) -> Result<(), String> {
        if self.live(script).is_ok() {
            return Err(format!("descriptor {script} is open in the script already"));
        }
        self.open.push((script, live));
        Ok(())
    }

    /// A call has closed one.
    pub(crate) fn remove(&mut self, script: i32) {
        self.open.retain(|(s, _)| *s != script);
    }

    /// Every open one: the real numbers.
    pub(crate) fn all_live(&self) -> impl Iterator<Item = Fd> {
        self.open.iter().map(|(_, live)| *live)
    }
}

/// The stack's call, or in words why there is none.
pub(crate) fn make(kind: &CallKind, fds: &Descriptors, options: &Options) -> Result<Syscall, String> {
    let given = |addr: &Address, ip, port| match addr {
        Address::Given => SockAddr::v4(ip, port),
        Address::Family(family) => SockAddr { family: *family, port: 0, addr: std::net::Ipv4Addr::UNSPECIFIED },
        Address::Explicit(addr) => *addr,
    };
    let peer = |addr: &Address| given(addr, options.remote_ip, options.connect_port);
    Ok(match kind {
        CallKind::Socket { family, kind, protocol } => {
            Syscall::Socket { family: *family, kind: *kind, protocol: *protocol }
        }
        CallKind::Bind { fd, addr } => {
            Syscall::Bind { fd: fds.live(*fd)?, addr: given(addr, options.local_ip, options.bind_port) }
        }
        CallKind::Listen { fd, backlog } => Syscall::Listen { fd: fds.live(*fd)?, backlog: *backlog },
        CallKind::Accept { fd } => Syscall::Accept { fd: fds.live(*fd)? },
        CallKind::Connect { fd, addr } => Syscall::Connect { fd: fds.live(*fd)?, addr: peer(addr) },
        CallKind::Read { fd, buffer } => perhaps_null(buffer, Syscall::Read { fd: fds.live(*fd)?, len: buffer.len }),
        CallKind::Write { fd, buffer } => {
            perhaps_null(buffer, Syscall::Write { fd: fds.live(*fd)?, buf: zeros(buffer.len) })
        }
        CallKind::Recv { fd, buffer, flags, from } => {
            let call = Syscall::Recvfrom { fd: fds.live(*fd)?, len: buffer.len, flags: *flags, want_addr: *from };
            perhaps_null(buffer, call)
        }
        CallKind::Send { fd, buffer, flags, to } => {
            let (fd, addr) = (fds.live(*fd)?, to.as_ref().map(peer));
            perhaps_null(buffer, Syscall::Sendto { fd, buf: zeros(buffer.len), flags: *flags, addr })
        }
        CallKind::Readv { fd, lens } => Syscall::Readv { fd: fds.live(*fd)?, iov: rooms(lens) },
        CallKind::Writev { fd, lens } => Syscall::Writev { fd: fds.live(*fd)?, iov: iovec(lens) },
        CallKind::Sendmsg { fd, message, flags } => Syscall::Sendmsg {
            fd: fds.live(*fd)?,
            addr: Some(peer(&Address::Given)),
            iov: iovec(&message.lens),
            control: message.control.iter().map(control).collect(),
            flags: *flags,
        },
        CallKind::Recvmsg { fd, message, flags } => Syscall::Recvmsg {
            fd: fds.live(*fd)?,
            iov: rooms(&message.lens),
            want_addr: true,
            controllen: CONTROL_ROOM,
            flags: *flags,
        },
        CallKind::Fcntl { fd, cmd, arg } => Syscall::Fcntl { fd: fds.live(*fd)?, cmd: *cmd, arg: *arg },
        CallKind::Ioctl { fd, request, value } => {
            Syscall::Ioctl { fd: fds.live(*fd)?, request: *request, arg: value.unwrap_or(0) }
        }
        CallKind::Close { fd } => Syscall::Close { fd: fds.live(*fd)? },
        CallKind::Shutdown { fd, how } => Syscall::Shutdown { fd: fds.live(*fd)?, how: *how },
        CallKind::Getsockopt { fd, level, name, value, len } => {
            let call = Syscall::Getsockopt { fd: fds.live(*fd)?, level: *level, name: *name, len: *len };
            if *value == OptionValue::Null { Syscall::Null(Box::new(call)) } else { call }
        }
        CallKind::Setsockopt { fd, level, name, value, len } => {
            let mut bytes = match value {
                OptionValue::Int(value) => value.to_le_bytes().to_vec(),
                OptionValue::Bytes(bytes) => bytes.clone(),
                OptionValue::Null | OptionValue::Any => Vec::new(),
            };
            bytes.resize(*len, 0);
            let call = Syscall::Setsockopt { fd: fds.live(*fd)?, level: *level, name: *name, value: bytes };
            if *value == OptionValue::Null { Syscall::Null(Box::new(call)) } else { call }
        }
        CallKind::Poll { fds: entries, timeout } => {
            let live = |e: &super::PollEntry| Ok(PollFd { fd: fds.live(e.fd)?, events: e.events });
            Syscall::Poll { fds: entries.iter().map(live).collect::<Result<_, String>>()?, timeout_ms: *timeout }
        }
        CallKind::EpollCreate { size } => Syscall::EpollCreate { size: *size },
        CallKind::EpollCtl { epfd, op, fd, event } => {
            let event = event.map(|e| EpollEvent { events: e.event.events, data: e.event.data });
            Syscall::EpollCtl { epfd: fds.live(*epfd)?, op: *op, fd: fds.live(*fd)?, event }
        }
        CallKind::EpollWait { epfd, max, timeout, .. } => {
            Syscall::EpollWait { epfd: fds.live(*epfd)?, maxevents: *max, timeout_ms: *timeout }
        }
        CallKind::Nothing => return Err("the call does nothing here".to_owned()),
        CallKind::Missing(name) => return Err(format!("this stack has no {name}(2)")),
    })
}

fn perhaps_null(buffer: &Buffer, call: Syscall) -> Syscall {
    if buffer.null { Syscall::Null(Box::new(call)) } else { call }
}

/// What scripts send is all zero.
fn zeros(len: usize) -> Rc<[u8]> {
    vec![0; len].into()
}

fn rooms(lens: &[usize]) -> Vec<Room> {
    lens.iter().map(|len| Room { len: *len, null: false }).collect()
}

fn iovec(lens: &[usize]) -> Vec<IoVec> {
    lens.iter().map(|len| IoVec::Bytes(zeros(*len))).collect()
}

fn control(message: &Control) -> ControlMsg {
    let data = match &message.data {
        ControlData::Int(value) => value.to_le_bytes().to_vec(),
        // No program sends these to the kernel.
        ControlData::Timestamp(_) | ControlData::ExtendedError { .. } | ControlData::Stats(_) => Vec::new(),
    };
    ControlMsg { level: message.level, kind: message.kind, data }
}
