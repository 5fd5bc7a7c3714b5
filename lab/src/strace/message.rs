//! `struct msghdr`, `struct iovec`, `struct pollfd`, `struct epoll_event` and what `ioctl` points to.

use super::names::{Flags, constant, flags, flags_or_zero, has_name};
use super::quote::quote;
use super::{BUFFER_POINTER, STACK_POINTER, STRING_BYTES, sockaddr, sockopt};
use stack::syscall::{ControlMsg, EpollEvent, IoVec, Out, PollFd, Room, SockAddr, SysRet};

/// How much of an array is printed (`-s 100` holds for arrays too).
const ITEMS: usize = STRING_BYTES;

fn list<T>(items: &[T], show: impl FnMut(&T) -> String) -> String {
    let mut parts: Vec<String> = items.iter().take(ITEMS).map(show).collect();
    if items.len() > ITEMS {
        parts.push("...".into());
    }
    format!("[{}]", parts.join(", "))
}

/// The buffers of a call that sends.
pub(super) fn iovec(iov: &[IoVec]) -> String {
    list(iov, |v| match v {
        IoVec::Bytes(bytes) => format!("{{iov_base={}, iov_len={}}}", quote(bytes, STRING_BYTES), bytes.len()),
        IoVec::Null(len) => format!("{{iov_base=NULL, iov_len={len}}}"),
    })
}

/// The buffers of a call that has received `data`.
pub(super) fn filled(rooms: &[Room], data: &[u8]) -> String {
    let mut rest = data;
    list(rooms, |room| {
        let (here, after) = rest.split_at(room.len.min(rest.len()));
        rest = after;
        let base = if room.null { "NULL".into() } else { quote(here, STRING_BYTES) };
        format!("{{iov_base={base}, iov_len={}}}", room.len)
    })
}

/// The buffers of a call that has received nothing: their pointers.
pub(super) fn untouched(rooms: &[Room]) -> String {
    list(rooms, |room| {
        let base = if room.null { "NULL" } else { BUFFER_POINTER };
        format!("{{iov_base={base}, iov_len={}}}", room.len)
    })
}

fn control(messages: &[ControlMsg], room: usize) -> String {
    if messages.is_empty() {
        return format!("msg_controllen={room}");
    }
    let one = |m: &ControlMsg| {
        let (level, kind, data) = sockopt::control(m);
        format!("{{cmsg_len={}, cmsg_level={level}, cmsg_type={kind}{data}}}", 16 + m.data.len())
    };
    format!("msg_control={}, msg_controllen={room}", list(messages, one))
}

/// The `msghdr` of `sendmsg`.
pub(super) fn sent(addr: Option<&SockAddr>, iov: &[IoVec], messages: &[ControlMsg]) -> String {
    let name = addr
        .map_or_else(|| "msg_name=NULL, msg_namelen=0".into(), |a| format!("msg_name={}, msg_namelen=16", sockaddr(a)));
    let room = messages.iter().map(ControlMsg::space).sum();
    let control = control(messages, room);
    format!("{{{name}, msg_iov={}, msg_iovlen={}, {control}, msg_flags=0}}", iovec(iov), iov.len())
}

/// The `msghdr` of `recvmsg`.
pub(super) fn received(rooms: &[Room], want_addr: bool, ret: &SysRet) -> String {
    let namelen = if want_addr { 16 } else { 0 };
    if ret.value.is_err() {
        return format!("{{msg_namelen={namelen}}}");
    }
    let name = match (&ret.addr, want_addr) {
        (Some(addr), true) => format!("msg_name={}, msg_namelen=16", sockaddr(addr)),
        (None, true) => format!("msg_name={STACK_POINTER}, msg_namelen=16 => 0"),
        (_, false) => "msg_name=NULL, msg_namelen=0".into(),
    };
    let (messages, f): (&[ControlMsg], i32) = match &ret.out {
        Out::Message { control, flags } => (control, *flags),
        _ => (&[], 0),
    };
    let control = control(messages, messages.iter().map(ControlMsg::space).sum());
    let f = flags(Flags::Message, f);
    let iov = filled(rooms, &ret.data);
    format!("{{{name}, msg_iov={iov}, msg_iovlen={}, {control}, msg_flags={f}}}", rooms.len())
}

/// The descriptors that `poll` is asked about.
pub(super) fn pollfds(fds: &[PollFd]) -> String {
    list(fds, |p| {
        if p.fd < 0 {
            return format!("{{fd={}}}", p.fd);
        }
        format!("{{fd={}, events={}}}", p.fd, flags_or_zero(Flags::Poll, i32::from(p.events as u16)))
    })
}

/// What `poll` found, as it stands behind its result.
pub(super) fn polled(fds: &[PollFd], ret: &SysRet) -> Option<String> {
    let Out::Poll(revents) = &ret.out else { return None };
    let ready: Vec<(i32, i16)> =
        fds.iter().zip(revents).filter(|(p, r)| p.fd >= 0 && **r != 0).map(|(p, r)| (p.fd, *r)).collect();
    if ready.is_empty() {
        return Some("Timeout".into());
    }
    Some(list(&ready, |(fd, revents)| {
        format!("{{fd={fd}, revents={}}}", flags_or_zero(Flags::Poll, i32::from(*revents as u16)))
    }))
}

/// `{events=EPOLLIN, data={u32=4, u64=4}}`.
pub(super) fn epoll_event(event: &EpollEvent) -> String {
    let events = flags_or_zero(Flags::Epoll, event.events as i32);
    format!("{{events={events}, data={{u32={}, u64={}}}}}", event.data as u32, event.data)
}

/// What `epoll_wait` found.
pub(super) fn epoll_events(ret: &SysRet) -> String {
    match &ret.out {
        Out::Epoll(events) => list(events, epoll_event),
        _ if ret.value.is_ok() => "[]".into(),
        _ => STACK_POINTER.into(),
    }
}

/// The request of `ioctl`, taken apart if it has no name.
pub(super) fn ioctl_request(request: u32) -> String {
    if has_name(Flags::Ioctl, request as i32) {
        return constant(Flags::Ioctl, request as i32);
    }
    let direction = ["_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE"][(request >> 30) as usize];
    let part = |shift: u32, mask: u32| match request >> shift & mask {
        0 => "0".into(),
        n => format!("{n:#x}"),
    };
    format!("_IOC({direction}, {}, {}, {})", part(8, 0xff), part(0, 0xff), part(16, 0x3fff))
}
