//! From the arguments as written to a call.

use super::{Address, Buffer, CallKind, Control, ControlData, EpollEntry, Message, OptionValue, PollEntry};
use crate::packetdrill::lexer::Fault;
use crate::packetdrill::parser::{Expr, Item, Sub};
use crate::packetdrill::symbols;
use crate::scenario::suggest::did_you_mean;
use stack::syscall::{AF_INET, EpollEvent, SockAddr};
use std::ops::Range;

type Result<T> = std::result::Result<T, Fault>;

/// The largest buffer that a script may hand over: it is really there.
const MAX_BUFFER: usize = 1 << 28;

const NAMES: &[&str] = &[
    "socket",
    "bind",
    "listen",
    "accept",
    "connect",
    "read",
    "readv",
    "recv",
    "recvfrom",
    "recvmsg",
    "write",
    "writev",
    "send",
    "sendto",
    "sendmsg",
    "fcntl",
    "ioctl",
    "close",
    "shutdown",
    "getsockopt",
    "setsockopt",
    "poll",
    "epoll_create",
    "epoll_ctl",
    "epoll_wait",
    "cap_set",
];
/// Calls of the original that have no place here.
const MISSING: &[&str] = &["open", "sendfile", "pipe", "splice", "psp_rx_assoc", "psp_tx_assoc"];

/// Reads a call's arguments. `name_span` is where its name stands, `end` where its list of arguments closes.
pub(crate) fn compile(name: &str, name_span: Range<usize>, end: Range<usize>, args: &[Expr]) -> Result<CallKind> {
    let a = Args { args, end };
    Ok(match name {
        "socket" => {
            a.count(name, 3..=3)?;
            let family = if a.is_ellipsis(0) { AF_INET } else { a.int(0)? };
            CallKind::Socket { family, kind: a.int(1)?, protocol: a.int(2)? }
        }
        "bind" => {
            a.count(name, 3..=3)?;
            CallKind::Bind { fd: a.int(0)?, addr: a.address(1)? }
        }
        "listen" => {
            a.count(name, 2..=2)?;
            CallKind::Listen { fd: a.int(0)?, backlog: a.int(1)? }
        }
        "accept" => {
            a.count(name, 3..=3)?;
            CallKind::Accept { fd: a.int(0)? }
        }
        "connect" => {
            a.count(name, 3..=3)?;
            CallKind::Connect { fd: a.int(0)?, addr: a.address(1)? }
        }
        "read" | "write" => {
            a.count(name, 3..=3)?;
            let (fd, buffer) = (a.int(0)?, a.buffer(1)?);
            if name == "read" { CallKind::Read { fd, buffer } } else { CallKind::Write { fd, buffer } }
        }
        "recv" | "recvfrom" => {
            let from = name == "recvfrom";
            a.count(name, if from { 6..=6 } else { 4..=4 })?;
            CallKind::Recv { fd: a.int(0)?, buffer: a.buffer(1)?, flags: a.int(3)?, from }
        }
        "send" => {
            a.count(name, 4..=4)?;
            CallKind::Send { fd: a.int(0)?, buffer: a.buffer(1)?, flags: a.int(3)?, to: None }
        }
        "sendto" => {
            a.count(name, 6..=6)?;
            let to = Some(a.address(4)?);
            CallKind::Send { fd: a.int(0)?, buffer: a.buffer(1)?, flags: a.int(3)?, to }
        }
        "readv" | "writev" => {
            a.count(name, 3..=3)?;
            let (fd, lens, count) = (a.int(0)?, a.iovec(a.get(1)?)?, a.int::<i64>(2)?);
            same_count(a.get(2)?, count, lens.len())?;
            if name == "readv" { CallKind::Readv { fd, lens } } else { CallKind::Writev { fd, lens } }
        }
        "sendmsg" | "recvmsg" => {
            a.count(name, 3..=3)?;
            let (fd, message, flags) = (a.int(0)?, a.message(1)?, a.int(2)?);
            if name == "recvmsg" {
                return Ok(CallKind::Recvmsg { fd, message, flags });
            }
            if message.flags != 0 {
                let hint = "expected msg_flags=0: sendmsg ignores the field";
                return Err(Fault::new(a.get(1)?.span.clone(), "flags that mean nothing", hint));
            }
            CallKind::Sendmsg { fd, message, flags }
        }
        "fcntl" => {
            a.count(name, 2..=3)?;
            CallKind::Fcntl { fd: a.int(0)?, cmd: a.int(1)?, arg: if args.len() == 3 { a.int(2)? } else { 0 } }
        }
        "ioctl" => {
            a.count(name, 2..=3)?;
            let value = if args.len() == 3 { Some(a.bracketed(2)?) } else { None };
            CallKind::Ioctl { fd: a.int(0)?, request: a.int(1)?, value }
        }
        "close" => {
            a.count(name, 1..=1)?;
            CallKind::Close { fd: a.int(0)? }
        }
        "shutdown" => {
            a.count(name, 2..=2)?;
            CallKind::Shutdown { fd: a.int(0)?, how: a.int(1)? }
        }
        "getsockopt" => {
            a.count(name, 5..=5)?;
            let len: u32 = if a.is_ellipsis(4) { 4 } else { a.bracketed(4)? };
            let value = a.option_value(3)?;
            if matches!(value, OptionValue::Int(_)) && len != 4 {
                let hint = "expected [4]: a number is compared as an int";
                return Err(Fault::new(a.get(4)?.span.clone(), format!("an int of {len} bytes"), hint));
            }
            CallKind::Getsockopt { fd: a.int(0)?, level: a.int(1)?, name: a.int(2)?, value, len: len as usize }
        }
        "setsockopt" => {
            a.count(name, 5..=5)?;
            let len: u16 = a.int(4)?;
            let value = a.option_value(3)?;
            CallKind::Setsockopt { fd: a.int(0)?, level: a.int(1)?, name: a.int(2)?, value, len: len.into() }
        }
        "poll" => {
            a.count(name, 3..=3)?;
            let fds: Vec<PollEntry> = a.list(0)?.iter().map(poll_entry).collect::<Result<_>>()?;
            same_count(a.get(1)?, a.int(1)?, fds.len())?;
            CallKind::Poll { fds, timeout: a.int(2)? }
        }
        "epoll_create" => {
            a.count(name, 1..=1)?;
            CallKind::EpollCreate { size: a.int(0)? }
        }
        "epoll_ctl" => {
            a.count(name, 4..=4)?;
            let event = if a.is_null(3) { None } else { Some(epoll_entry(a.get(3)?)?) };
            CallKind::EpollCtl { epfd: a.int(0)?, op: a.int(1)?, fd: a.int(2)?, event }
        }
        "epoll_wait" => {
            a.count(name, 4..=4)?;
            let events = match &a.get(1)?.item {
                Item::List(list) => list.iter().map(epoll_entry).collect::<Result<_>>()?,
                _ => vec![epoll_entry(a.get(1)?)?],
            };
            CallKind::EpollWait { epfd: a.int(0)?, events, max: a.int(2)?, timeout: a.int(3)? }
        }
        "cap_set" => CallKind::Nothing,
        name if MISSING.contains(&name) => CallKind::Missing(name.to_owned()),
        name => {
            let hint = did_you_mean(name, NAMES.iter().copied());
            let hint = hint.unwrap_or_else(|| format!("expected one of {}", NAMES.join(", ")));
            return Err(Fault::new(name_span, format!("no system call is called \"{name}\""), hint));
        }
    })
}

struct Args<'a> {
    args: &'a [Expr],
    end: Range<usize>,
}

impl Args<'_> {
    fn count(&self, name: &str, wanted: std::ops::RangeInclusive<usize>) -> Result<()> {
        if wanted.contains(&self.args.len()) {
            return Ok(());
        }
        let last = self.args.last().map_or(self.end.clone(), |a| a.span.clone());
        let message = format!("{} arguments for {name}", self.args.len());
        let (from, to) = (wanted.start(), wanted.end());
        let expected = if from == to { format!("expected {from}") } else { format!("expected {from} or {to}") };
        Err(Fault::new(last, message, expected))
    }

    fn get(&self, index: usize) -> Result<&Expr> {
        self.args.get(index).ok_or_else(|| Fault::new(self.end.clone(), "too few arguments", "expected another"))
    }

    fn is_ellipsis(&self, index: usize) -> bool {
        self.args.get(index).is_some_and(|a| a.item == Item::Ellipsis)
    }

    fn is_null(&self, index: usize) -> bool {
        self.args.get(index).is_some_and(|a| a.item == Item::Int(0))
    }

    fn int<T: Narrow>(&self, index: usize) -> Result<T> {
        int(self.get(index)?)
    }

    fn bracketed<T: Narrow>(&self, index: usize) -> Result<T> {
        match self.list(index)? {
            [one] => int(one),
            _ => Err(wrong(self.get(index)?, "[NUMBER]")),
        }
    }

    fn list(&self, index: usize) -> Result<&[Expr]> {
        list(self.get(index)?)
    }

    fn address(&self, index: usize) -> Result<Address> {
        let expr = self.get(index)?;
        match &expr.item {
            Item::Ellipsis => Ok(Address::Given),
            Item::Int(family) => Ok(Address::Family(*family as u16)),
            Item::Struct(subs) => {
                let fields = Fields::new(expr, subs, &["sa_family", "sin_port", "sin_addr"])?;
                let Item::Ipv4(addr) = fields.get("sin_addr")?.item else {
                    return Err(wrong(fields.get("sin_addr")?, "inet_addr(\"ADDRESS\")"));
                };
                let (family, port) = (fields.int("sa_family")?, fields.int("sin_port")?);
                Ok(Address::Explicit(SockAddr { family, port, addr }))
            }
            _ => Err(wrong(expr, "..., a family, or {sa_family=, sin_port=, sin_addr=}")),
        }
    }

    /// A buffer, and its length behind it.
    fn buffer(&self, index: usize) -> Result<Buffer> {
        let null = match self.get(index)?.item {
            Item::Ellipsis => false,
            Item::Int(0) => true,
            _ => return Err(wrong(self.get(index)?, "... or NULL")),
        };
        Ok(Buffer { null, len: length(self.get(index + 1)?)? })
    }

    fn iovec(&self, expr: &Expr) -> Result<Vec<usize>> {
        list(expr)?
            .iter()
            .map(|one| match &one.item {
                Item::Struct(subs) => match &subs[..] {
                    [base, len] if base.value.item == Item::Ellipsis => length(&len.value),
                    _ => Err(wrong(one, "{..., LENGTH}")),
                },
                _ => Err(wrong(one, "{..., LENGTH}")),
            })
            .collect()
    }

    fn message(&self, index: usize) -> Result<Message> {
        let expr = self.get(index)?;
        let Item::Struct(subs) = &expr.item else {
            return Err(wrong(expr, "{msg_name(...)=..., msg_iov(N)=[...], msg_flags=N}"));
        };
        let fields = Fields::new(expr, subs, &["msg_name", "msg_iov", "msg_flags", "msg_control"])?;
        let lens = self.iovec(fields.get("msg_iov")?)?;
        if let Some(count) = fields.find("msg_iov").and_then(|s| s.count.as_ref()) {
            same_count(count, int(count)?, lens.len())?;
        }
        let flags = fields.int("msg_flags")?;
        let control = match fields.find("msg_control") {
            Some(sub) => list(&sub.value)?.iter().map(control).collect::<Result<_>>()?,
            None => Vec::new(),
        };
        Ok(Message { lens, flags, control })
    }

    fn option_value(&self, index: usize) -> Result<OptionValue> {
        let expr = self.get(index)?;
        Ok(match &expr.item {
            Item::Ellipsis => OptionValue::Any,
            Item::Int(0) => OptionValue::Null,
            Item::Str(bytes) => OptionValue::Bytes(bytes.clone()),
            Item::List(list) => match &list[..] {
                [one] => OptionValue::Int(int(one)?),
                _ => return Err(wrong(expr, "[NUMBER]")),
            },
            Item::Struct(subs) => {
                let fields = Fields::new(expr, subs, &["onoff", "linger"])?;
                let pair: [i32; 2] = [fields.int("onoff")?, fields.int("linger")?];
                OptionValue::Bytes(pair.iter().flat_map(|n| n.to_le_bytes()).collect())
            }
            _ => return Err(wrong(expr, "[NUMBER], a string, {onoff=N, linger=N}, NULL or ...")),
        })
    }
}

/// The parts of a `{…}` by their names.
struct Fields<'a> {
    whole: &'a Expr,
    subs: &'a [Sub],
}

impl<'a> Fields<'a> {
    fn new(whole: &'a Expr, subs: &'a [Sub], names: &[&str]) -> Result<Fields<'a>> {
        for (i, sub) in subs.iter().enumerate() {
            let known = sub.name.as_deref().filter(|n| names.contains(n));
            let Some(name) = known else {
                let what = sub.name.as_deref().map_or("a value without a name".to_owned(), |n| format!("\"{n}\""));
                return Err(Fault::new(
                    sub.span.clone(),
                    format!("unexpected {what}"),
                    format!("expected {}", names.join(", ")),
                ));
            };
            if subs[..i].iter().any(|s| s.name.as_deref() == Some(name)) {
                return Err(Fault::new(sub.span.clone(), format!("{name} twice"), "expected it once"));
            }
        }
        Ok(Fields { whole, subs })
    }

    fn find(&self, name: &str) -> Option<&'a Sub> {
        self.subs.iter().find(|s| s.name.as_deref() == Some(name))
    }

    fn get(&self, name: &str) -> Result<&'a Expr> {
        let missing =
            || Fault::new(self.whole.span.clone(), format!("{name} is missing"), format!("expected {name}=VALUE"));
        self.find(name).map(|s| &s.value).ok_or_else(missing)
    }

    fn int<T: Narrow>(&self, name: &str) -> Result<T> {
        int(self.get(name)?)
    }
}

fn wrong(expr: &Expr, expected: &str) -> Fault {
    Fault::new(expr.span.clone(), format!("unexpected {}", expr.describe()), format!("expected {expected}"))
}

fn list(expr: &Expr) -> Result<&[Expr]> {
    match &expr.item {
        Item::List(list) => Ok(list),
        _ => Err(wrong(expr, "a list [...]")),
    }
}

fn same_count(expr: &Expr, count: i64, there: usize) -> Result<()> {
    let same = usize::try_from(count) == Ok(there);
    let fault =
        || Fault::new(expr.span.clone(), format!("{count} where the list has {there}"), format!("expected {there}"));
    if same { Ok(()) } else { Err(fault()) }
}

fn length(expr: &Expr) -> Result<usize> {
    let len: u32 = int(expr)?;
    let len = len as usize;
    let fault =
        || Fault::new(expr.span.clone(), format!("a buffer of {len} bytes"), format!("expected at most {MAX_BUFFER}"));
    if len <= MAX_BUFFER { Ok(len) } else { Err(fault()) }
}

/// A number of a C type: both the signed and the unsigned values of its width fit.
trait Narrow: Sized {
    fn narrow(value: i64) -> Option<Self>;
}

macro_rules! narrow {
    ($($t:ty, $min:expr, $max:expr;)*) => {
        $(impl Narrow for $t {
            fn narrow(value: i64) -> Option<$t> {
                ($min..=$max).contains(&value).then_some(value as $t)
            }
        })*
    };
}

narrow! {
    u8, i64::from(i8::MIN), i64::from(u8::MAX);
    i16, i64::from(i16::MIN), i64::from(u16::MAX);
    u16, 0, i64::from(u16::MAX);
    i32, i64::from(i32::MIN), i64::from(u32::MAX);
    u32, i64::from(i32::MIN), i64::from(u32::MAX);
    i64, i64::MIN, i64::MAX;
    u64, i64::MIN, i64::MAX;
}

fn int<T: Narrow>(expr: &Expr) -> Result<T> {
    let Item::Int(value) = expr.item else { return Err(wrong(expr, "a number or symbols")) };
    T::narrow(value).ok_or_else(|| {
        Fault::new(
            expr.span.clone(),
            format!("{value} is out of range"),
            "expected a number that fits the argument's type",
        )
    })
}

fn poll_entry(expr: &Expr) -> Result<PollEntry> {
    let Item::Struct(subs) = &expr.item else { return Err(wrong(expr, "{fd=N, events=N, revents=N}")) };
    let fields = Fields::new(expr, subs, &["fd", "events", "revents"])?;
    let revents = if fields.find("revents").is_some() { fields.int("revents")? } else { 0 };
    Ok(PollEntry { fd: fields.int("fd")?, events: fields.int("events")?, revents })
}

fn epoll_entry(expr: &Expr) -> Result<EpollEntry> {
    let Item::Struct(subs) = &expr.item else { return Err(wrong(expr, "{events=N, fd=N}")) };
    let fields = Fields::new(expr, subs, &["events", "fd", "ptr", "u32", "u64"])?;
    let events = fields.int("events")?;
    let (data, bits) = if fields.find("fd").is_some() {
        (u64::from(fields.int::<u32>("fd")?), 32)
    } else if fields.find("u32").is_some() {
        (u64::from(fields.int::<u32>("u32")?), 32)
    } else if fields.find("u64").is_some() {
        (fields.int("u64")?, 64)
    } else {
        (fields.int("ptr")?, 64)
    };
    Ok(EpollEntry { event: EpollEvent { events, data }, bits })
}

fn control(expr: &Expr) -> Result<Control> {
    let expected = "{cmsg_level=N, cmsg_type=N, cmsg_data=VALUE}";
    let Item::Struct(subs) = &expr.item else { return Err(wrong(expr, expected)) };
    let fields = Fields::new(expr, subs, &["cmsg_level", "cmsg_type", "cmsg_data"])?;
    let (level, kind) = (fields.int("cmsg_level")?, fields.int("cmsg_type")?);
    Ok(Control { level, kind, data: control_data(fields.get("cmsg_data")?)? })
}

fn control_data(expr: &Expr) -> Result<ControlData> {
    let subs = match &expr.item {
        Item::Int(_) => return Ok(ControlData::Int(int(expr)?)),
        Item::Struct(subs) => subs,
        _ => return Err(wrong(expr, "a number, {scm_sec=, scm_nsec=}, {ee_errno=, …} or {TCP_NLA_…=, …}")),
    };
    let first = subs.first().and_then(|s| s.name.as_deref()).unwrap_or_default();
    if first.starts_with("scm_") {
        let fields = Fields::new(expr, subs, &["scm_sec", "scm_nsec"])?;
        let (sec, nsec): (u32, u32) = (fields.int("scm_sec")?, fields.int("scm_nsec")?);
        return Ok(ControlData::Timestamp(i64::from(sec) * 1_000_000_000 + i64::from(nsec)));
    }
    if first.starts_with("ee_") {
        let fields = Fields::new(expr, subs, &["ee_errno", "ee_origin", "ee_type", "ee_code", "ee_info", "ee_data"])?;
        return Ok(ControlData::ExtendedError {
            errno: fields.int("ee_errno")?,
            origin: fields.int("ee_origin")?,
            kind: fields.int("ee_type")?,
            code: fields.int("ee_code")?,
            info: fields.int("ee_info")?,
            data: fields.int("ee_data")?,
        });
    }
    let stats = subs.iter().map(|sub| {
        let name = sub.name.as_deref().filter(|n| n.starts_with("TCP_NLA_")).and_then(symbols::value);
        let name = name.ok_or_else(|| Fault::new(sub.span.clone(), "not an attribute", "expected TCP_NLA_…=VALUE"))?;
        let value = if sub.value.item == Item::Ellipsis { None } else { Some(int(&sub.value)?) };
        Ok((name as u16, value))
    });
    Ok(ControlData::Stats(stats.collect::<Result<_>>()?))
}
