//! The modules that monty lacks: `socket`, `time`, `sys`, `errno`, `struct`.
//!
//! A module is a host object: what isn't stored in it is asked of us by name when it is used, so constants
//! and functions cost a suspended program nothing. What needs Python (the class `socket`) is put into it by
//! the prelude.

use monty_types::{DictPairs, MontyClassInstance, MontyClassType, MontyObject, MontyUuid};
use stack::syscall::{self as sys, Errno};

/// A module, or an object inside one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Module {
    Socket,
    Time,
    Sys,
    Errno,
    Struct,
    /// `sys.stdout`
    Stdout,
    /// `sys.stderr`
    Stderr,
}

/// The modules a program can import.
pub(super) const IMPORTABLE: &[Module] = &[Module::Socket, Module::Time, Module::Sys, Module::Errno, Module::Struct];

/// Functions of a module that are host calls.
const SOCKET_FUNCTIONS: &[&str] = &[
    "htons",
    "ntohs",
    "htonl",
    "ntohl",
    "inet_aton",
    "inet_ntoa",
    "inet_pton",
    "inet_ntop",
    "gethostbyname",
    "gethostname",
    "getaddrinfo",
    "getdefaulttimeout",
    "setdefaulttimeout",
    "close",
];
const TIME_FUNCTIONS: &[&str] =
    &["sleep", "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"];
const STRUCT_FUNCTIONS: &[&str] = &["pack", "unpack", "unpack_from", "calcsize"];
const SYS_FUNCTIONS: &[&str] = &["exit"];
const STREAM_FUNCTIONS: &[&str] = &["write", "flush", "isatty", "fileno"];

/// What the prelude puts into `socket`.
const SOCKET_IN_PYTHON: &[&str] =
    &["socket", "SocketType", "create_connection", "create_server", "error", "timeout", "gaierror", "herror"];

impl Module {
    /// The name in an `import`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Module::Socket => "socket",
            Module::Time => "time",
            Module::Sys => "sys",
            Module::Errno => "errno",
            Module::Struct => "struct",
            Module::Stdout => "sys.stdout",
            Module::Stderr => "sys.stderr",
        }
    }

    /// The module with this name.
    pub(super) fn by_name(name: &str) -> Option<Module> {
        IMPORTABLE.iter().copied().find(|module| module.name() == name)
    }

    /// The hidden global that holds it.
    pub(super) fn global(self) -> String {
        format!("_sp_module_{}", self.name())
    }

    fn id(self) -> MontyUuid {
        MontyUuid::from_u128(0x5350_0000 + self as u128)
    }

    /// The module with this identity.
    pub(super) fn by_id(id: MontyUuid) -> Option<Module> {
        [Module::Socket, Module::Time, Module::Sys, Module::Errno, Module::Struct, Module::Stdout, Module::Stderr]
            .into_iter()
            .find(|module| module.id() == id)
    }

    /// The module as a Python object; `argv` is for `sys`.
    pub(super) fn object(self, argv: &[String]) -> MontyObject {
        let attrs: DictPairs = match self {
            Module::Sys => {
                let argv = argv.iter().cloned().map(MontyObject::String).collect();
                vec![(MontyObject::String("argv".into()), MontyObject::List(argv))].into()
            }
            _ => Vec::new().into(),
        };
        let class = match self {
            Module::Stdout | Module::Stderr => "TextIOWrapper",
            _ => "module",
        };
        MontyObject::ClassInstance(Box::new(MontyClassInstance {
            class_type: MontyClassType {
                name: class.into(),
                id: MontyUuid::from_u128(if class == "module" { 0x5350_0100 } else { 0x5350_0101 }),
                host_defined: true,
                is_dataclass: false,
                attrs: Vec::new().into(),
            },
            instance_id: self.id(),
            attrs,
        }))
    }

    fn functions(self) -> &'static [&'static str] {
        match self {
            Module::Socket => SOCKET_FUNCTIONS,
            Module::Time => TIME_FUNCTIONS,
            Module::Sys => SYS_FUNCTIONS,
            Module::Errno => &[],
            Module::Struct => STRUCT_FUNCTIONS,
            Module::Stdout | Module::Stderr => STREAM_FUNCTIONS,
        }
    }

    /// Whether `name` is a function of the module.
    pub(super) fn has_function(self, name: &str) -> bool {
        self.functions().contains(&name)
    }

    /// Whether `from module import name` finds something.
    pub(super) fn exports(self, name: &str) -> bool {
        (self == Module::Socket && SOCKET_IN_PYTHON.contains(&name))
            || (self == Module::Sys && name == "argv")
            || (self == Module::Struct && name == "error")
            || self.attribute(name).is_some()
    }

    /// The value of an attribute that isn't stored in the object.
    pub(super) fn attribute(self, name: &str) -> Option<MontyObject> {
        if self.has_function(name) {
            return Some(MontyObject::Function { name: format!("{}.{name}", self.name()), docstring: None });
        }
        let int = |n: i64| Some(MontyObject::Int(n));
        let text = |text: &str| Some(MontyObject::String(text.into()));
        match self {
            Module::Socket => match name {
                "has_ipv6" => Some(MontyObject::Bool(false)),
                _ => SOCKET_CONSTANTS.iter().find(|(known, _)| *known == name).and_then(|(_, value)| int(*value)),
            },
            Module::Errno => match name {
                "EWOULDBLOCK" => int(Errno::EAGAIN as i64),
                _ => Errno::ALL.iter().find(|errno| errno.name() == name).and_then(|errno| int(*errno as i64)),
            },
            Module::Sys => match name {
                "stdout" => Some(Module::Stdout.object(&[])),
                "stderr" => Some(Module::Stderr.object(&[])),
                "platform" => text("linux"),
                "byteorder" => text("little"),
                "maxsize" => int(i64::MAX),
                "version" => text("3.11.0 (Sendpath)"),
                "version_info" => Some(MontyObject::NamedTuple {
                    type_name: "sys.version_info".into(),
                    field_names: ["major", "minor", "micro", "releaselevel", "serial"].map(String::from).to_vec(),
                    values: vec![
                        MontyObject::Int(3),
                        MontyObject::Int(11),
                        MontyObject::Int(0),
                        MontyObject::String("final".into()),
                        MontyObject::Int(0),
                    ],
                }),
                _ => None,
            },
            Module::Time | Module::Struct | Module::Stdout | Module::Stderr => None,
        }
    }

    /// The names that `from module import *` binds.
    pub(super) fn star(self, name: &str) -> bool {
        !name.starts_with('_') && self.exports(name) && !(self == Module::Socket && name == "close")
    }
}

macro_rules! constants {
    ($($name:ident)*; $($other:literal = $value:expr,)*) => {
        const SOCKET_CONSTANTS: &[(&str, i64)] =
            &[$((stringify!($name), sys::$name as i64),)* $(($other, $value)),*];
    };
}

constants! {
    AF_UNSPEC AF_UNIX AF_INET AF_INET6 SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_NONBLOCK SOCK_CLOEXEC
    IPPROTO_IP IPPROTO_ICMP IPPROTO_TCP IPPROTO_UDP SHUT_RD SHUT_WR SHUT_RDWR
    MSG_OOB MSG_PEEK MSG_DONTROUTE MSG_TRUNC MSG_DONTWAIT MSG_WAITALL MSG_NOSIGNAL MSG_MORE SOL_SOCKET
    SO_REUSEADDR SO_TYPE SO_ERROR SO_BROADCAST SO_SNDBUF SO_RCVBUF SO_KEEPALIVE SO_LINGER SO_REUSEPORT
    SO_ACCEPTCONN SO_PROTOCOL SO_DOMAIN IP_TOS IP_TTL
    TCP_NODELAY TCP_MAXSEG TCP_CORK TCP_KEEPIDLE TCP_KEEPINTVL TCP_KEEPCNT TCP_INFO TCP_QUICKACK TCP_USER_TIMEOUT;
    "SO_RCVTIMEO" = 20, "SO_SNDTIMEO" = 21, "SOL_IP" = 0, "SOL_TCP" = 6, "SOL_UDP" = 17, "SOMAXCONN" = 4096,
    "INADDR_ANY" = 0, "INADDR_LOOPBACK" = 0x7f00_0001, "INADDR_BROADCAST" = 0xffff_ffff, "INADDR_NONE" = 0xffff_ffff,
    "AI_PASSIVE" = 1, "AI_CANONNAME" = 2, "AI_NUMERICHOST" = 4, "EAI_NONAME" = -2,
}

/// A name that isn't bound anywhere, or `None`: a `NameError`.
pub(super) fn builtin(name: &str, file_name: &str) -> Option<MontyObject> {
    match name {
        "__name__" => Some(MontyObject::String("__main__".into())),
        "__file__" => Some(MontyObject::String(file_name.into())),
        "__doc__" => Some(MontyObject::None),
        "exit" | "quit" | "input" => Some(MontyObject::Function { name: name.into(), docstring: None }),
        _ => None,
    }
}
