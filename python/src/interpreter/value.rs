//! Reading the arguments of a call, with CPython's complaints.

use super::errors::type_error;
use monty_types::{ExcType, MontyException, MontyObject};

/// The type's name as Python prints it.
pub(super) fn type_name(value: &MontyObject) -> &'static str {
    match value {
        MontyObject::None => "NoneType",
        MontyObject::Bool(_) => "bool",
        MontyObject::Int(_) | MontyObject::BigInt(_) => "int",
        MontyObject::Float(_) => "float",
        MontyObject::String(_) => "str",
        MontyObject::Bytes(_) => "bytes",
        MontyObject::List(_) => "list",
        MontyObject::Tuple(_) | MontyObject::NamedTuple { .. } => "tuple",
        MontyObject::Dict(_) => "dict",
        MontyObject::Set(_) | MontyObject::FrozenSet(_) => "set",
        _ => "object",
    }
}

/// An integer of any size.
pub(super) fn int(value: &MontyObject) -> Result<i64, MontyException> {
    match value {
        MontyObject::Int(n) => Ok(*n),
        MontyObject::Bool(b) => Ok(i64::from(*b)),
        MontyObject::BigInt(_) => {
            Err(MontyException::new(ExcType::OverflowError, Some("Python int too large to convert to C int".into())))
        }
        other => Err(type_error(format!("'{}' object cannot be interpreted as an integer", type_name(other)))),
    }
}

/// A C `int`.
pub(super) fn int32(value: &MontyObject) -> Result<i32, MontyException> {
    i32::try_from(int(value)?).map_err(|_| {
        MontyException::new(ExcType::OverflowError, Some("Python int too large to convert to C int".into()))
    })
}

/// A bytes-like object.
pub(super) fn bytes(value: &MontyObject) -> Result<&[u8], MontyException> {
    match value {
        MontyObject::Bytes(bytes) => Ok(bytes),
        other => Err(type_error(format!("a bytes-like object is required, not '{}'", type_name(other)))),
    }
}

/// A string.
pub(super) fn string(value: &MontyObject) -> Result<&str, MontyException> {
    match value {
        MontyObject::String(text) => Ok(text),
        other => Err(type_error(format!("str expected, not {}", type_name(other)))),
    }
}

/// The elements of a tuple or a list.
pub(super) fn items(value: &MontyObject) -> Option<&[MontyObject]> {
    match value {
        MontyObject::Tuple(items) | MontyObject::List(items) => Some(items),
        _ => None,
    }
}
