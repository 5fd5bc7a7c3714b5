//! Errors of system calls as Python's exceptions.
//!
//! monty has a fixed set of exception types and no inheritance, and the family of `ConnectionError` isn't
//! among them. Programs here have no files, so the types for errors of files are free: they stand in for the
//! missing ones, which gives `except ConnectionRefusedError`, `except ConnectionError` and `except OSError`
//! their right meaning. `traceback` prints the right names.

use monty_types::{ExcType, MontyException, MontyObject, MontyType};
use stack::syscall::Errno;

/// A missing type and the one that stands in for it.
const STAND_INS: &[(&str, ExcType)] = &[
    ("ConnectionRefusedError", ExcType::IsADirectoryError),
    ("ConnectionResetError", ExcType::NotADirectoryError),
    ("BrokenPipeError", ExcType::FileExistsError),
    ("BlockingIOError", ExcType::FileNotFoundError),
    ("socket.gaierror", ExcType::UnsupportedOperation),
];

/// The types below `ConnectionError`.
const CONNECTION: &[ExcType] = &[ExcType::IsADirectoryError, ExcType::NotADirectoryError, ExcType::FileExistsError];

/// The name CPython would give an exception.
pub(super) fn name(kind: ExcType) -> String {
    STAND_INS.iter().find(|(_, stand_in)| *stand_in == kind).map_or_else(|| kind.to_string(), |(name, _)| (*name).to_owned())
}

/// The type with a name that monty doesn't know, as a value that `except` takes.
pub(super) fn by_name(name: &str) -> Option<MontyObject> {
    let of = |kind: ExcType| MontyObject::Type(MontyType::Exception(kind));
    match name {
        "ConnectionError" => Some(MontyObject::Tuple(CONNECTION.iter().copied().map(of).collect())),
        // Types that nothing here raises: `except` takes the empty tuple, and it catches nothing.
        "ConnectionAbortedError" | "InterruptedError" | "ProcessLookupError" | "ChildProcessError" | "EOFError"
        | "GeneratorExit" | "BufferError" | "FloatingPointError" => Some(MontyObject::Tuple(Vec::new())),
        "IOError" | "EnvironmentError" => Some(of(ExcType::OSError)),
        _ => STAND_INS.iter().find(|(known, _)| *known == name).map(|(_, kind)| of(*kind)),
    }
}

/// The exception for an error number.
pub(super) fn from_errno(errno: Errno) -> MontyException {
    let kind = match errno {
        Errno::ECONNREFUSED => ExcType::IsADirectoryError,
        Errno::ECONNRESET => ExcType::NotADirectoryError,
        Errno::EPIPE => ExcType::FileExistsError,
        Errno::EAGAIN | Errno::EALREADY | Errno::EINPROGRESS => ExcType::FileNotFoundError,
        Errno::EPERM | Errno::EACCES => ExcType::PermissionError,
        Errno::ETIMEDOUT => ExcType::TimeoutError,
        _ => ExcType::OSError,
    };
    MontyException::new(kind, Some(format!("[Errno {}] {}", errno as i32, errno.text())))
}

/// `socket.gaierror` for a name that nobody knows.
pub(super) fn unknown_host() -> MontyException {
    MontyException::new(ExcType::UnsupportedOperation, Some("[Errno -2] Name or service not known".to_owned()))
}

/// A `TypeError`.
pub(super) fn type_error(text: impl Into<String>) -> MontyException {
    MontyException::new(ExcType::TypeError, Some(text.into()))
}

/// A `NotImplementedError`: a gap of ours, named.
pub(super) fn gap(text: impl Into<String>) -> MontyException {
    MontyException::new(ExcType::NotImplementedError, Some(text.into()))
}
