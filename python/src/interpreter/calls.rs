//! Calls that leave Python: what each asks of the machine, and what its answer means.
//!
//! The prelude calls `_sp_…` with arguments as the learner gave them; their checks are here, with CPython's
//! words. CPython: `Modules/socketmodule.c`, `Lib/socket.py`, `Modules/timemodule.c`.

use super::errors::{from_errno, gap, type_error};
use super::modules::Module;
use super::{numbers, packed, sockaddr, value};
use crate::step::{Answer, Request};
use core::net::Ipv4Addr;
use monty::FunctionCall;
use monty_types::{ExcType, MontyException, MontyObject};
use stack::syscall::{
    AF_INET, F_SETFL, IPPROTO_TCP, IPPROTO_UDP, O_NONBLOCK, O_RDWR, SO_PROTOCOL, SO_TYPE, SOCK_CLOEXEC, SOCK_DGRAM,
    SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET, SockAddr, SysRet, Syscall,
};

/// What a call comes to.
pub(super) enum Call {
    /// It asks the machine, and waits.
    Ask(Request),
    /// It has a value at once.
    Value(MontyObject),
    /// `sys.exit`: leave, with this status.
    Leave { status: i32, message: Option<String> },
    /// A descriptor that Python no longer owns.
    Detach { fd: i32 },
    /// It has the learner's current line as its value.
    Line,
    /// A function that nobody knows.
    Unknown,
}

type Outcome = Result<Call, MontyException>;

/// The full name of what is called: `socket.htons` for a function of a module.
pub(super) fn name_of(call: &FunctionCall) -> String {
    match call.object_id.and_then(Module::by_id) {
        Some(module) => format!("{}.{}", module.name(), call.function_name),
        None => call.function_name.clone(),
    }
}

/// What `call` asks.
pub(super) fn ask(call: &FunctionCall) -> Outcome {
    let name = name_of(call);
    if let Some(module) = call.object_id.and_then(Module::by_id)
        && !module.has_function(&call.function_name)
    {
        return Err(missing_attribute(module, &call.function_name));
    }
    if !call.kwargs.is_empty() {
        return Err(type_error(format!("{}() takes no keyword arguments", call.function_name)));
    }
    match name.strip_prefix("_sp_") {
        Some(name) => prelude(name, &call.args),
        None => public(&name, &call.args),
    }
}

/// The line that a call says it stands on, if it does.
pub(super) fn stated_line(call: &FunctionCall) -> Option<u32> {
    match (call.function_name.as_str(), call.args.get(1)) {
        ("_sp_close", Some(MontyObject::Int(line))) => u32::try_from(*line).ok(),
        _ => None,
    }
}

/// `AttributeError`, as for a module.
pub(super) fn missing_attribute(module: Module, name: &str) -> MontyException {
    let text = match module {
        Module::Stdout | Module::Stderr => format!("'_io.TextIOWrapper' object has no attribute '{name}'"),
        _ => format!("module '{}' has no attribute '{name}'", module.name()),
    };
    MontyException::new(ExcType::AttributeError, Some(text))
}

fn system(call: Syscall) -> Outcome {
    Ok(Call::Ask(Request::Syscall(call)))
}

fn done(object: MontyObject) -> Outcome {
    Ok(Call::Value(object))
}

/// Calls of the prelude, which gives each the arguments it needs.
fn prelude(name: &str, args: &[MontyObject]) -> Outcome {
    let arg = |i: usize| args.get(i).unwrap_or(&MontyObject::None);
    let fd = || value::int32(arg(0));
    match name {
        "print" => Ok(Call::Ask(Request::Print { stderr: false, text: value::string(arg(0))?.to_owned() })),
        "import_error" => {
            let text = format!("cannot import name '{}' from '{}'", value::string(arg(1))?, value::string(arg(0))?);
            Err(MontyException::new(ExcType::ImportError, Some(text)))
        }
        "directives" => super::percent::directives(value::string(arg(0))?).map(Call::Value),
        "error_parts" => done(super::errors::parts(value::string(arg(0))?)),
        "real_name" => {
            let name = super::errors::real_name(value::string(arg(0))?, value::string(arg(1))?);
            done(MontyObject::String(name.to_owned()))
        }
        "from_latin1" => {
            done(MontyObject::String(value::bytes(arg(0))?.iter().map(|byte| char::from(*byte)).collect()))
        }
        "to_latin1" => to_latin1(value::string(arg(0))?),
        "bytes_to_int" => numbers::from_bytes(value::bytes(arg(0))?, arg(1), arg(2)).map(Call::Value),
        "int_to_bytes" => numbers::to_bytes(arg(0), arg(1), arg(2), arg(3)).map(Call::Value),
        "gap" => Err(gap(value::string(arg(0))?)),
        "socket" => {
            let kind = value::int32(arg(1))? | SOCK_CLOEXEC;
            system(Syscall::Socket { family: value::int32(arg(0))?, kind, protocol: value::int32(arg(2))? })
        }
        "close" => system(Syscall::Close { fd: fd()? }),
        "line" => Ok(Call::Line),
        "detach" => Ok(Call::Detach { fd: fd()? }),
        "bind" => system(Syscall::Bind { fd: fd()?, addr: sockaddr::parse("bind", arg(1))? }),
        "connect" | "connect_ex" => system(Syscall::Connect { fd: fd()?, addr: sockaddr::parse(name, arg(1))? }),
        "check_address" => sockaddr::parse("create_connection", arg(0)).and_then(|_| done(MontyObject::None)),
        "listen" => system(Syscall::Listen { fd: fd()?, backlog: value::int32(arg(1))?.max(0) }),
        "accept" => system(Syscall::Accept4 { fd: fd()?, flags: SOCK_CLOEXEC }),
        "send" => {
            let buf = value::bytes(arg(1))?.into();
            system(Syscall::Sendto { fd: fd()?, buf, flags: value::int32(arg(2))?, addr: None })
        }
        "sendto" => {
            let rest = value::items(arg(1)).unwrap_or_default();
            let (data, flags, address) = match rest {
                [data, address] => (data, 0, address),
                [data, flags, address] => (data, value::int32(flags)?, address),
                _ => return Err(type_error(format!("sendto() takes 2 or 3 arguments ({} given)", rest.len()))),
            };
            let buf = value::bytes(data)?.into();
            system(Syscall::Sendto { fd: fd()?, buf, flags, addr: Some(sockaddr::parse("sendto", address)?) })
        }
        "recv" | "recvfrom" => {
            let len = usize::try_from(value::int32(arg(1))?).map_err(|_| {
                MontyException::new(ExcType::ValueError, Some(format!("negative buffersize in {name}")))
            })?;
            let want_addr = name == "recvfrom";
            system(Syscall::Recvfrom { fd: fd()?, len, flags: value::int32(arg(2))?, want_addr })
        }
        "shutdown" => system(Syscall::Shutdown { fd: fd()?, how: value::int32(arg(1))? }),
        "getsockname" | "sockname_or_none" => system(Syscall::Getsockname { fd: fd()?, len: 16 }),
        // CPython finds out what a given descriptor is with a buffer for any family.
        "sockname_any" => system(Syscall::Getsockname { fd: fd()?, len: 128 }),
        "getpeername" | "peername_or_none" => system(Syscall::Getpeername { fd: fd()? }),
        "setsockopt" => {
            let value = match arg(3) {
                number @ (MontyObject::Int(_) | MontyObject::Bool(_) | MontyObject::BigInt(_)) => {
                    value::int32(number)?.to_le_bytes().to_vec()
                }
                other => value::bytes(other)?.to_vec(),
            };
            system(Syscall::Setsockopt { fd: fd()?, level: value::int32(arg(1))?, name: value::int32(arg(2))?, value })
        }
        "getsockopt" => {
            let len = usize::try_from(value::int32(arg(3))?)
                .ok()
                .filter(|len| *len <= 1024)
                .ok_or_else(|| MontyException::new(ExcType::OSError, Some("getsockopt buflen out of range".into())))?;
            let len = if len == 0 { size_of::<i32>() } else { len };
            system(Syscall::Getsockopt { fd: fd()?, level: value::int32(arg(1))?, name: value::int32(arg(2))?, len })
        }
        "getkind" => system(Syscall::Getsockopt { fd: fd()?, level: SOL_SOCKET, name: SO_TYPE, len: size_of::<i32>() }),
        "getproto" => {
            system(Syscall::Getsockopt { fd: fd()?, level: SOL_SOCKET, name: SO_PROTOCOL, len: size_of::<i32>() })
        }
        "setblocking" => {
            let arg = if matches!(arg(1), MontyObject::Bool(true)) { O_RDWR } else { O_RDWR | O_NONBLOCK };
            system(Syscall::Fcntl { fd: fd()?, cmd: F_SETFL, arg })
        }
        "kind" => done(MontyObject::Int(i64::from(value::int32(arg(0))? & !(SOCK_CLOEXEC | SOCK_NONBLOCK)))),
        _ => Ok(Call::Unknown),
    }
}

/// Functions the learner can name.
fn public(name: &str, args: &[MontyObject]) -> Outcome {
    let arg = |i: usize| {
        args.get(i).ok_or_else(|| type_error(format!("{name}() missing a required argument (position {})", i + 1)))
    };
    match name {
        "exit" | "quit" | "sys.exit" => Ok(match args.first() {
            None | Some(MontyObject::None) => Call::Leave { status: 0, message: None },
            Some(MontyObject::Int(status)) => Call::Leave { status: (*status & 0xff) as i32, message: None },
            Some(MontyObject::Bool(status)) => Call::Leave { status: i32::from(*status), message: None },
            Some(other) => Call::Leave { status: 1, message: Some(other.to_string()) },
        }),
        "input" => Err(gap("input(): a program here has no keyboard")),
        "sys.stdout.write" | "sys.stderr.write" => {
            let text = match arg(0)? {
                MontyObject::String(text) => text.clone(),
                other => {
                    return Err(type_error(format!("write() argument must be str, not {}", value::type_name(other))));
                }
            };
            Ok(Call::Ask(Request::Print { stderr: name == "sys.stderr.write", text }))
        }
        "sys.stdout.flush" | "sys.stderr.flush" => done(MontyObject::None),
        "sys.stdout.isatty" | "sys.stderr.isatty" => done(MontyObject::Bool(false)),
        "sys.stdout.fileno" => done(MontyObject::Int(1)),
        "sys.stderr.fileno" => done(MontyObject::Int(2)),
        "time.sleep" => sleep(arg(0)?),
        "time.time"
        | "time.time_ns"
        | "time.monotonic"
        | "time.monotonic_ns"
        | "time.perf_counter"
        | "time.perf_counter_ns" => Ok(Call::Ask(Request::Clock)),
        "struct.calcsize" => packed::calcsize(arg(0)?).map(Call::Value),
        "struct.pack" => packed::pack(arg(0)?, args.get(1..).unwrap_or_default()).map(Call::Value),
        "struct.unpack" => packed::unpack(arg(0)?, arg(1)?, None).map(Call::Value),
        "struct.unpack_from" => {
            let from = args.get(2).map_or(Ok(0), value::int)?;
            let from = usize::try_from(from).map_err(|_| packed::error("offset out of range"))?;
            packed::unpack(arg(0)?, arg(1)?, Some(from)).map(Call::Value)
        }
        "socket.close" => system(Syscall::Close { fd: value::int32(arg(0)?)? }),
        "socket.htons" | "socket.ntohs" => {
            let host =
                u16::try_from(value::int(arg(0)?)?).map_err(|_| out_of_range(name, "16-bit unsigned integer"))?;
            done(MontyObject::Int(i64::from(host.to_be())))
        }
        "socket.htonl" | "socket.ntohl" => {
            let host =
                u32::try_from(value::int(arg(0)?)?).map_err(|_| out_of_range(name, "32-bit unsigned integer"))?;
            done(MontyObject::Int(i64::from(host.to_be())))
        }
        "socket.inet_aton" => {
            let addr = sockaddr::aton(value::string(arg(0)?)?).ok_or_else(|| illegal("inet_aton"))?;
            done(MontyObject::Bytes(addr.octets().to_vec()))
        }
        "socket.inet_pton" => {
            inet_only(arg(0)?)?;
            let addr: Ipv4Addr = value::string(arg(1)?)?.parse().map_err(|_| illegal("inet_pton"))?;
            done(MontyObject::Bytes(addr.octets().to_vec()))
        }
        "socket.inet_ntoa" => ntoa(arg(0)?),
        "socket.inet_ntop" => {
            inet_only(arg(0)?)?;
            ntoa(arg(1)?)
        }
        "socket.gethostbyname" => done(MontyObject::String(sockaddr::resolve(value::string(arg(0)?)?)?.to_string())),
        "socket.gethostname" => done(MontyObject::String("localhost".into())),
        "socket.getaddrinfo" => addrinfo(args),
        "socket.getdefaulttimeout" => done(MontyObject::None),
        "socket.setdefaulttimeout" => match arg(0)? {
            MontyObject::None => done(MontyObject::None),
            _ => Err(gap("socket timeouts are not there yet: they need poll(2)")),
        },
        _ => Ok(Call::Unknown),
    }
}

fn out_of_range(name: &str, what: &str) -> MontyException {
    let name = name.trim_start_matches("socket.");
    MontyException::new(ExcType::OverflowError, Some(format!("{name}: Python int too large to convert to C {what}")))
}

fn illegal(name: &str) -> MontyException {
    MontyException::new(ExcType::OSError, Some(format!("illegal IP address string passed to {name}")))
}

fn inet_only(family: &MontyObject) -> Result<(), MontyException> {
    if value::int32(family)? == AF_INET { Ok(()) } else { Err(from_errno(stack::syscall::Errno::EAFNOSUPPORT)) }
}

fn ntoa(packed: &MontyObject) -> Outcome {
    let octets: [u8; 4] = value::bytes(packed)?
        .try_into()
        .map_err(|_| MontyException::new(ExcType::OSError, Some("packed IP wrong length".into())))?;
    done(MontyObject::String(Ipv4Addr::from(octets).to_string()))
}

fn to_latin1(text: &str) -> Outcome {
    let bytes: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
    bytes.map(|bytes| Call::Value(MontyObject::Bytes(bytes))).map_err(|_| {
        let text = "'latin-1' codec can't encode a character: ordinal not in range(256)";
        MontyException::new(ExcType::UnicodeEncodeError, Some(text.into()))
    })
}

/// `getaddrinfo(host, port, family=0, type=0, proto=0)`.
fn addrinfo(args: &[MontyObject]) -> Outcome {
    let number = |i: usize| args.get(i).map_or(Ok(0), value::int32);
    let addr = match args.first() {
        None | Some(MontyObject::None) => Ipv4Addr::LOCALHOST,
        Some(host) => sockaddr::resolve(value::string(host)?)?,
    };
    let port = match args.get(1) {
        None | Some(MontyObject::None) => 0,
        Some(MontyObject::String(text)) => text.parse().map_err(|_| super::errors::unknown_host())?,
        Some(port) => value::int(port)? as u16,
    };
    let (kind, proto) = (number(3)?, number(4)?);
    let entries = [(SOCK_STREAM, IPPROTO_TCP), (SOCK_DGRAM, IPPROTO_UDP)]
        .into_iter()
        .filter(|(k, p)| (kind == 0 || kind == *k) && (proto == 0 || proto == *p))
        .map(|(kind, proto)| {
            MontyObject::Tuple(vec![
                MontyObject::Int(i64::from(AF_INET)),
                MontyObject::Int(i64::from(kind)),
                MontyObject::Int(i64::from(proto)),
                MontyObject::String(String::new()),
                sockaddr::object(Some(SockAddr::v4(addr, port))),
            ])
        })
        .collect();
    done(MontyObject::List(entries))
}

fn sleep(seconds: &MontyObject) -> Outcome {
    let seconds = match seconds {
        MontyObject::Float(seconds) => *seconds,
        other => value::int(other)? as f64,
    };
    if seconds.is_nan() || seconds < 0.0 {
        return Err(MontyException::new(ExcType::ValueError, Some("sleep length must be non-negative".into())));
    }
    // Truncated as CPython rounds a sleep: up, so that a program never wakes early.
    Ok(Call::Ask(Request::Sleep { ns: (seconds * 1e9).ceil() as u64 }))
}

/// What the answer means to the `call` that waits for it.
pub(super) fn answered(call: &FunctionCall, answer: &Answer) -> Result<MontyObject, MontyException> {
    let name = name_of(call);
    match answer {
        Answer::Done => Ok(match (name.as_str(), call.args.first()) {
            ("sys.stdout.write" | "sys.stderr.write", Some(MontyObject::String(text))) => {
                MontyObject::Int(text.chars().count() as i64)
            }
            _ => MontyObject::None,
        }),
        Answer::Clock(ns) => Ok(if name.ends_with("_ns") {
            MontyObject::Int(i64::try_from(*ns).unwrap_or(i64::MAX))
        } else {
            MontyObject::Float(*ns as f64 / 1e9)
        }),
        Answer::Syscall(ret) => returned(&name, call, ret),
    }
}

fn returned(name: &str, call: &FunctionCall, ret: &SysRet) -> Result<MontyObject, MontyException> {
    let number = match (ret.value, name) {
        (Ok(number), _) => number,
        (Err(errno), "_sp_connect_ex") => return Ok(MontyObject::Int(errno as i64)),
        (Err(_), "_sp_sockname_or_none" | "_sp_peername_or_none") => return Ok(MontyObject::None),
        (Err(errno), _) => return Err(from_errno(errno)),
    };
    Ok(match name {
        "_sp_recv" => MontyObject::Bytes(ret.data.clone()),
        "_sp_recvfrom" => {
            let from = if ret.addr.is_some() { sockaddr::object(ret.addr) } else { MontyObject::None };
            MontyObject::Tuple(vec![MontyObject::Bytes(ret.data.clone()), from])
        }
        "_sp_accept" => MontyObject::Tuple(vec![MontyObject::Int(number), sockaddr::object(ret.addr)]),
        "_sp_getsockname"
        | "_sp_sockname_any"
        | "_sp_getpeername"
        | "_sp_sockname_or_none"
        | "_sp_peername_or_none" => sockaddr::object(ret.addr),
        "_sp_getsockopt" if !matches!(call.args.get(3), Some(MontyObject::Int(0)) | None) => {
            MontyObject::Bytes(ret.data.clone())
        }
        "_sp_getsockopt" | "_sp_getkind" | "_sp_getproto" => {
            let mut int = [0; 4];
            for (to, from) in int.iter_mut().zip(&ret.data) {
                *to = *from;
            }
            MontyObject::Int(i64::from(i32::from_le_bytes(int)))
        }
        "_sp_socket" | "_sp_send" | "_sp_sendto" | "_sp_connect_ex" => MontyObject::Int(number),
        _ => MontyObject::None,
    })
}
