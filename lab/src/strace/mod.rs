//! System calls as `strace -s 100 -e trace=network,close` prints them (strace 6.1, x86-64).
//!
//! What the stack cannot know is made up: the address of a buffer that the kernel did not fill (after an
//! error strace prints the pointer) is always the same. Where a call does not carry the length that a program
//! gives for a `sockaddr` it wants filled in, it is taken to be 16, as programs give it for `AF_INET`.

mod message;
mod names;
mod quote;
mod sockopt;
#[cfg(all(test, not(target_family = "wasm")))]
mod tests;

use names::{Flags, constant, flags};
use quote::quote;
use stack::syscall::{
    AF_INET, AF_UNIX, EPOLL_CTL_DEL, Errno, F_GETFD, F_GETFL, F_SETFD, F_SETFL, FIONBIO, Out, SockAddr, SysRet,
    Syscall, Sysno,
};

/// Column of the result, as strace aligns it.
const RESULT_COLUMN: usize = 40;
/// Longest string printed (`-s 100`).
const STRING_BYTES: usize = 100;
/// A pointer to a stack variable that the kernel did not fill.
const STACK_POINTER: &str = "0x7ffd5a3c1b40";
/// A pointer to a buffer that the kernel did not fill.
const BUFFER_POINTER: &str = "0x7f4e1c9d2070";

/// Is this call printed under `-e trace=network,close`?
pub fn is_traced(nr: Sysno) -> bool {
    use Sysno::{EpollCreate, EpollCreate1, EpollCtl, EpollWait, Fcntl, Ioctl, Poll, Read, Readv, Write, Writev};
    let any = matches!(nr, Read | Write | Readv | Writev | Fcntl | Ioctl);
    !any && !matches!(nr, Poll | EpollCreate | EpollCreate1 | EpollCtl | EpollWait)
}

/// The line of a call that has not returned: open-ended, without what the kernel will fill in.
pub fn format_call(call: &Syscall) -> String {
    format!("{}({}", call.sysno().name(), entry_arguments(call))
}

/// The line of a call that has returned.
pub fn format_line(call: &Syscall, ret: &SysRet) -> String {
    let text = format!("{}{})", format_call(call), exit_arguments(call, ret));
    let result = match (call, ret.value) {
        (Syscall::Fcntl { cmd: F_GETFL, .. }, Ok(v)) => format!("{v:#x} (flags {})", flags(Flags::Open, v as i32)),
        (Syscall::Fcntl { cmd: F_GETFD, .. }, Ok(v)) if v != 0 => {
            format!("{v:#x} (flags {})", flags(Flags::Descriptor, v as i32))
        }
        (Syscall::Poll { fds, .. }, Ok(v)) => match message::polled(fds, ret) {
            Some(text) => format!("{v} ({text})"),
            None => result(ret.value),
        },
        (_, value) => result(value),
    };
    close(text, &result)
}

/// The line of a call whose arguments are not known.
pub fn bare_line(nr: Sysno, ret: Option<Result<i64, Errno>>) -> String {
    match ret {
        None => format!("{}(", nr.name()),
        Some(value) => close(format!("{}(...)", nr.name()), &result(value)),
    }
}

fn close(mut text: String, result: &str) -> String {
    // Every character that is printed is ASCII, so bytes are columns.
    while text.len() < RESULT_COLUMN - 1 {
        text.push(' ');
    }
    text.push_str(" = ");
    text.push_str(result);
    text
}

fn result(value: Result<i64, Errno>) -> String {
    match value {
        Ok(v) => v.to_string(),
        Err(e) => format!("-1 {} ({})", e.name(), e.text()),
    }
}

/// What strace prints when the call is made: all that goes in.
fn entry_arguments(call: &Syscall) -> String {
    match call {
        Syscall::Socket { family, kind, protocol } => {
            let protocol = match *family {
                AF_INET | stack::syscall::AF_INET6 => constant(Flags::Protocol, *protocol),
                _ => (i64::from(*protocol) as u64).to_string(),
            };
            format!("{}, {}, {protocol}", constant(Flags::Family, *family), names::socket_kind(*kind))
        }
        Syscall::Bind { fd, addr } | Syscall::Connect { fd, addr } => format!("{fd}, {}, 16", sockaddr(addr)),
        Syscall::Listen { fd, backlog } => format!("{fd}, {backlog}"),
        Syscall::Accept { fd }
        | Syscall::Accept4 { fd, .. }
        | Syscall::Recvfrom { fd, .. }
        | Syscall::Read { fd, .. }
        | Syscall::Getsockname { fd, .. }
        | Syscall::Getpeername { fd } => format!("{fd}, "),
        Syscall::Sendto { fd, buf, flags: f, addr } => {
            let addr = addr.as_ref().map_or_else(|| "NULL, 0".into(), |a| format!("{}, 16", sockaddr(a)));
            let data = quote(buf, STRING_BYTES);
            format!("{fd}, {data}, {}, {}, {addr}", buf.len(), flags(Flags::Message, *f))
        }
        Syscall::Write { fd, buf } => format!("{fd}, {}, {}", quote(buf, STRING_BYTES), buf.len()),
        Syscall::Shutdown { fd, how } => format!("{fd}, {}", constant(Flags::Shutdown, *how)),
        Syscall::Close { fd } => fd.to_string(),
        Syscall::Setsockopt { fd, level, name, value } => {
            let value_text = sockopt::set_value(*level, *name, value);
            format!("{fd}, {}, {value_text}, {}", sockopt::option(*level, *name, true), value.len())
        }
        Syscall::Getsockopt { fd, level, name, .. } => format!("{fd}, {}, ", sockopt::option(*level, *name, false)),
        Syscall::Fcntl { fd, cmd, arg } => {
            let arg = match *cmd {
                F_GETFD | F_GETFL => String::new(),
                F_SETFD => format!(", {}", flags(Flags::Descriptor, *arg)),
                F_SETFL => format!(", {}", flags(Flags::Open, *arg)),
                _ => format!(", {arg:#x}"),
            };
            format!("{fd}, {}{arg}", constant(Flags::Fcntl, *cmd))
        }
        Syscall::Readv { fd, .. } | Syscall::Recvmsg { fd, .. } | Syscall::EpollWait { epfd: fd, .. } => {
            format!("{fd}, ")
        }
        Syscall::Writev { fd, iov } => format!("{fd}, {}, {}", message::iovec(iov), iov.len()),
        Syscall::Sendmsg { fd, addr, iov, control, flags: f } => {
            let message = message::sent(addr.as_ref(), iov, control);
            format!("{fd}, {message}, {}", flags(Flags::Message, *f))
        }
        Syscall::Poll { fds, timeout_ms } => format!("{}, {}, {timeout_ms}", message::pollfds(fds), fds.len()),
        Syscall::EpollCreate { size } => size.to_string(),
        Syscall::EpollCreate1 { flags: f } => names::epoll_create_flags(*f),
        Syscall::EpollCtl { epfd, op, fd, event } => {
            let event = match (event, *op) {
                (None, _) => "NULL".into(),
                (Some(_), EPOLL_CTL_DEL) => STACK_POINTER.into(),
                (Some(event), _) => message::epoll_event(event),
            };
            format!("{epfd}, {}, {fd}, {event}", constant(Flags::EpollCtl, *op))
        }
        Syscall::Ioctl { fd, request, arg } => {
            let arg = if *request == FIONBIO { format!("[{arg}]") } else { String::new() };
            format!("{fd}, {}, {arg}", message::ioctl_request(*request))
        }
        Syscall::Null(call) => null_arguments(call),
    }
}

/// What strace prints when the call returns: all that comes out, and what stands behind it.
fn exit_arguments(call: &Syscall, ret: &SysRet) -> String {
    let good = ret.value.is_ok();
    match call {
        Syscall::Getsockname { len, .. } => match &ret.addr {
            Some(addr) if good => {
                let name = if *len < 16 { cut_sockaddr(addr, *len) } else { sockaddr(addr) };
                let lengths = if *len == 16 { "16".into() } else { format!("{len} => 16") };
                format!("{name}, [{lengths}]")
            }
            _ => format!("{STACK_POINTER}, [{len}]"),
        },
        Syscall::Accept { .. } | Syscall::Getpeername { .. } => address(ret),
        Syscall::Accept4 { flags: f, .. } => format!("{}, {}", address(ret), flags(Flags::Socket, *f)),
        Syscall::Recvfrom { len, flags: f, want_addr, .. } => {
            let addr = match (want_addr, &ret.addr) {
                (false, _) => "NULL, NULL".into(),
                (true, None) if good => format!("{STACK_POINTER}, [16 => 0]"),
                (true, _) => address(ret),
            };
            format!("{}, {len}, {}, {addr}", received(ret, good), flags(Flags::Message, *f))
        }
        Syscall::Read { len, .. } => format!("{}, {len}", received(ret, good)),
        Syscall::Getsockopt { level, name, len, .. } => match good {
            true => sockopt::got_value(*level, *name, *len, &ret.data),
            false => format!("{STACK_POINTER}, [{len}]"),
        },
        Syscall::Readv { iov, .. } => {
            let buffers = if good { message::filled(iov, &ret.data) } else { message::untouched(iov) };
            format!("{buffers}, {}", iov.len())
        }
        Syscall::Recvmsg { iov, want_addr, flags: f, .. } => {
            format!("{}, {}", message::received(iov, *want_addr, ret), flags(Flags::Message, *f))
        }
        Syscall::EpollWait { maxevents, timeout_ms, .. } => {
            format!("{}, {maxevents}, {timeout_ms}", message::epoll_events(ret))
        }
        Syscall::Ioctl { request, .. } if *request != FIONBIO => match ret.out {
            Out::Int(value) => format!("[{value}]"),
            _ => STACK_POINTER.into(),
        },
        Syscall::Null(call) => null_results(call),
        _ => String::new(),
    }
}

/// What goes in, for a call whose buffer is NULL.
fn null_arguments(call: &Syscall) -> String {
    match call {
        Syscall::Sendto { fd, buf, flags: f, addr } => {
            let addr = addr.as_ref().map_or_else(|| "NULL, 0".into(), |a| format!("{}, 16", sockaddr(a)));
            format!("{fd}, NULL, {}, {}, {addr}", buf.len(), flags(Flags::Message, *f))
        }
        Syscall::Write { fd, buf } => format!("{fd}, NULL, {}", buf.len()),
        Syscall::Setsockopt { fd, level, name, value } => {
            format!("{fd}, {}, NULL, {}", sockopt::option(*level, *name, true), value.len())
        }
        Syscall::Ioctl { fd, request, .. } => format!("{fd}, {}, NULL", message::ioctl_request(*request)),
        Syscall::Poll { fds, timeout_ms } => format!("NULL, {}, {timeout_ms}", fds.len()),
        Syscall::Sendmsg { fd, flags: f, .. } => format!("{fd}, NULL, {}", flags(Flags::Message, *f)),
        Syscall::Connect { fd, .. } | Syscall::Bind { fd, .. } => format!("{fd}, NULL, 16"),
        other => entry_arguments(other),
    }
}

/// What comes out, for a call whose buffer is NULL.
fn null_results(call: &Syscall) -> String {
    match call {
        Syscall::Recvfrom { len, flags: f, want_addr, .. } => {
            let addr = if *want_addr { format!("{STACK_POINTER}, [16]") } else { "NULL, NULL".into() };
            format!("NULL, {len}, {}, {addr}", flags(Flags::Message, *f))
        }
        Syscall::Read { len, .. } => format!("NULL, {len}"),
        Syscall::Getsockopt { len, .. } => format!("NULL, [{len}]"),
        Syscall::EpollWait { maxevents, timeout_ms, .. } => format!("NULL, {maxevents}, {timeout_ms}"),
        Syscall::Recvmsg { flags: f, .. } => format!("NULL, {}", flags(Flags::Message, *f)),
        _ => String::new(),
    }
}

fn received(ret: &SysRet, good: bool) -> String {
    if good { quote(&ret.data, STRING_BYTES) } else { BUFFER_POINTER.into() }
}

fn address(ret: &SysRet) -> String {
    match (&ret.addr, ret.value) {
        (Some(addr), Ok(_)) => format!("{}, [16]", sockaddr(addr)),
        _ => format!("{STACK_POINTER}, [16]"),
    }
}

fn sockaddr(addr: &SockAddr) -> String {
    let family = constant(Flags::Family, addr.family.into());
    let data = sa_data(addr);
    match i32::from(addr.family) {
        AF_INET => {
            format!("{{sa_family={family}, sin_port=htons({}), sin_addr=inet_addr(\"{}\")}}", addr.port, addr.addr)
        }
        AF_UNIX => {
            let end = data.iter().position(|b| *b == 0).unwrap_or(data.len());
            format!("{{sa_family={family}, sun_path={}}}", quote(&data[..end], STRING_BYTES))
        }
        _ => format!("{{sa_family={family}, sa_data={}}}", quote(&data, STRING_BYTES)),
    }
}

/// An address of which only the first `len` bytes were given room.
fn cut_sockaddr(addr: &SockAddr, len: usize) -> String {
    let family = constant(Flags::Family, addr.family.into());
    format!("{{sa_family={family}, sa_data={}}}", quote(&sa_data(addr)[..len.saturating_sub(2)], STRING_BYTES))
}

/// What stands behind the family in a `sockaddr`.
fn sa_data(addr: &SockAddr) -> [u8; 14] {
    let mut data = [0; 14];
    data[..2].copy_from_slice(&addr.port.to_be_bytes());
    data[2..6].copy_from_slice(&addr.addr.octets());
    data
}
