//! Errors of system calls as Python's exceptions.
//!
//! monty has a fixed set of exception types and no inheritance, and the family of `ConnectionError` isn't
//! among them. Programs here have no files, so the types for errors of files are free: they stand in for the
//! missing ones, which gives `except ConnectionRefusedError`, `except ConnectionError` and `except OSError`
//! their right meaning. `traceback` prints the right names.

use super::budget;
use monty_types::{ExcType, MontyException, MontyObject};
use stack::syscall::Errno;

/// What the name of a missing type stands for in monty's Python. The empty tuple is for what nothing here
/// raises: `except` takes it, and it catches nothing.
pub(super) const NAMES: &[(&str, &str)] = &[
    ("ConnectionRefusedError", "IsADirectoryError"),
    ("ConnectionResetError", "NotADirectoryError"),
    ("BrokenPipeError", "FileExistsError"),
    ("BlockingIOError", "FileNotFoundError"),
    ("ConnectionError", "(IsADirectoryError, NotADirectoryError, FileExistsError)"),
    ("ConnectionAbortedError", "()"),
    ("InterruptedError", "()"),
    ("EOFError", "()"),
    ("IOError", "OSError"),
    ("EnvironmentError", "OSError"),
];

/// The name CPython would give an exception.
pub(super) fn name(kind: ExcType, message: &str) -> String {
    real_name(&kind.to_string(), message).to_owned()
}

/// The name CPython would give the type that monty calls `name`, for an error with this text.
pub(super) fn real_name<'a>(name: &'a str, message: &str) -> &'a str {
    match name {
        "IsADirectoryError" => "ConnectionRefusedError",
        "NotADirectoryError" => "ConnectionResetError",
        "FileExistsError" => "BrokenPipeError",
        "FileNotFoundError" => "BlockingIOError",
        // Errors of getaddrinfo() have negative numbers.
        "PermissionError" if message.starts_with("[Errno -") => "socket.gaierror",
        "binascii.Error" => "struct.error",
        _ => name,
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
    MontyException::new(ExcType::PermissionError, Some("[Errno -2] Name or service not known".to_owned()))
}

/// A `TypeError`.
pub(super) fn type_error(text: impl Into<String>) -> MontyException {
    MontyException::new(ExcType::TypeError, Some(text.into()))
}

/// A `NotImplementedError`: a gap of ours, named.
pub(super) fn gap(text: impl Into<String>) -> MontyException {
    MontyException::new(ExcType::NotImplementedError, Some(text.into()))
}

/// `(errno, strerror)` of an error's text; `(None, None)` if it has none.
pub(super) fn parts(text: &str) -> MontyObject {
    let found = text
        .strip_prefix("[Errno ")
        .and_then(|rest| rest.split_once("] "))
        .and_then(|(number, text)| Some((number.parse().ok()?, text)));
    MontyObject::Tuple(match found {
        Some((number, text)) => vec![MontyObject::Int(number), MontyObject::String(text.into())],
        None => vec![MontyObject::None, MontyObject::None],
    })
}

/// What follows the name in the last line of a traceback.
pub(super) fn message(error: &MontyException) -> Option<String> {
    let message = error.message()?;
    Some(match error.exc_type() {
        // CPython shows a key as `repr()` does; monty keeps only its text, so what looks like a number or a
        // tuple is taken for one.
        ExcType::KeyError if message.parse::<f64>().is_err() && !message.starts_with('(') => {
            MontyObject::String(message.into()).py_repr()
        }
        ExcType::MemoryError if message.starts_with("memory limit exceeded") => {
            format!("more than {} MiB in one step", budget::MEMORY_BYTES >> 20)
        }
        ExcType::TimeoutError if message.starts_with("time limit exceeded") => {
            format!("one operation took more than {} s", budget::WALL.as_secs())
        }
        ExcType::NotImplementedError => match message.strip_prefix("The monty syntax parser does not yet support ") {
            Some(what) => format!("this Python has no {what} yet"),
            None => message.into(),
        },
        _ if message.is_empty() => return None,
        _ => message.into(),
    })
}
