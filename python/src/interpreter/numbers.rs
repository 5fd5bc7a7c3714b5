//! `int.from_bytes` and `int.to_bytes`.

use super::value;
use monty_types::{ExcType, MontyException, MontyObject};

/// Largest number of bytes that is looked at.
const MOST: usize = 15;

fn big(byteorder: &MontyObject) -> Result<bool, MontyException> {
    match value::string(byteorder)? {
        "big" => Ok(true),
        "little" => Ok(false),
        _ => Err(error(ExcType::ValueError, "byteorder must be either 'little' or 'big'")),
    }
}

fn error(kind: ExcType, text: &str) -> MontyException {
    MontyException::new(kind, Some(text.into()))
}

fn number(n: i128) -> MontyObject {
    i64::try_from(n).map_or_else(|_| MontyObject::BigInt(n.into()), MontyObject::Int)
}

/// `int.from_bytes(bytes, byteorder, signed=…)`, up to 15 bytes.
pub(super) fn from_bytes(
    bytes: &[u8],
    byteorder: &MontyObject,
    signed: &MontyObject,
) -> Result<MontyObject, MontyException> {
    let mut bytes = bytes.to_vec();
    if !big(byteorder)? {
        bytes.reverse();
    }
    if bytes.len() > MOST {
        return Err(super::errors::gap("int.from_bytes() of more than 15 bytes"));
    }
    let n = bytes.iter().fold(0_i128, |n, byte| n << 8 | i128::from(*byte));
    let negative = matches!(signed, MontyObject::Bool(true)) && bytes.first().is_some_and(|first| first & 0x80 != 0);
    Ok(number(if negative { n - (1 << (8 * bytes.len())) } else { n }))
}

/// `value.to_bytes(length, byteorder, signed=…)`, up to 15 bytes.
pub(super) fn to_bytes(
    given: &MontyObject,
    length: &MontyObject,
    byteorder: &MontyObject,
    signed: &MontyObject,
) -> Result<MontyObject, MontyException> {
    let n = match given {
        MontyObject::BigInt(n) => n.to_string().parse().unwrap_or(i128::MAX),
        other => i128::from(value::int(other)?),
    };
    let length = usize::try_from(value::int(length)?)
        .map_err(|_| error(ExcType::ValueError, "length argument must be non-negative"))?;
    if length > MOST {
        return Err(super::errors::gap("int.to_bytes() of more than 15 bytes"));
    }
    let signed = matches!(signed, MontyObject::Bool(true));
    if n < 0 && !signed {
        return Err(error(ExcType::OverflowError, "can't convert negative int to unsigned"));
    }
    let limit = 1_i128 << (8 * length);
    let fits = if signed { n >= -(limit / 2) && n < limit - limit / 2 } else { n < limit };
    if !fits {
        return Err(error(ExcType::OverflowError, "int too big to convert"));
    }
    let mut bytes = n.to_le_bytes()[..length].to_vec();
    if big(byteorder)? {
        bytes.reverse();
    }
    Ok(MontyObject::Bytes(bytes))
}
