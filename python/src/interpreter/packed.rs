//! The module `struct`: C values in bytes.
//!
//! Python library reference, "struct". The sizes are those of x86-64.

use super::value;
use monty_types::{ExcType, MontyException, MontyObject};

/// One item of a format.
struct Item {
    code: char,
    /// Bytes of padding before it.
    pad: usize,
    /// Bytes it takes.
    size: usize,
}

struct Format {
    items: Vec<Item>,
    big: bool,
}

/// `struct.error`; a stand-in, see `errors`.
pub(super) fn error(text: impl Into<String>) -> MontyException {
    MontyException::new(ExcType::BinasciiError, Some(text.into()))
}

fn parse(format: &MontyObject) -> Result<Format, MontyException> {
    let text = match format {
        MontyObject::Bytes(bytes) => core::str::from_utf8(bytes).map_err(|_| error("bad char in struct format"))?,
        other => value::string(other)?,
    };
    let (native, big, rest) = match text.chars().next() {
        Some('@') => (true, false, &text[1..]),
        Some('=' | '<') => (false, false, &text[1..]),
        Some('>' | '!') => (false, true, &text[1..]),
        _ => (true, false, text),
    };
    let mut items = Vec::new();
    let mut at = 0_usize;
    let mut count: Option<usize> = None;
    for code in rest.chars().filter(|c| !c.is_ascii_whitespace()) {
        if let Some(digit) = code.to_digit(10) {
            let next = count.unwrap_or(0).saturating_mul(10).saturating_add(digit as usize);
            if next > 1 << 20 {
                return Err(error("overflow in item count"));
            }
            count = Some(next);
            continue;
        }
        let size = match code {
            'x' | 'c' | 'b' | 'B' | '?' | 's' => 1,
            'h' | 'H' => 2,
            'i' | 'I' | 'f' => 4,
            'l' | 'L' if native => 8,
            'l' | 'L' => 4,
            'q' | 'Q' | 'd' => 8,
            'n' | 'N' if native => 8,
            _ => return Err(error("bad char in struct format")),
        };
        let pad = if native { at.next_multiple_of(size) - at } else { 0 };
        let repeat = count.take().unwrap_or(1);
        if code == 's' {
            items.push(Item { code, pad, size: repeat });
            at += pad + repeat;
        } else {
            for i in 0..repeat {
                items.push(Item { code, pad: if i == 0 { pad } else { 0 }, size });
            }
            at += pad + size * repeat;
        }
    }
    Ok(Format { items, big })
}

impl Format {
    fn size(&self) -> usize {
        self.items.iter().map(|item| item.pad + item.size).sum()
    }
}

/// `struct.calcsize(format)`
pub(super) fn calcsize(format: &MontyObject) -> Result<MontyObject, MontyException> {
    Ok(MontyObject::Int(parse(format)?.size() as i64))
}

/// `struct.pack(format, *values)`
pub(super) fn pack(format: &MontyObject, values: &[MontyObject]) -> Result<MontyObject, MontyException> {
    let format = parse(format)?;
    let wanted = format.items.iter().filter(|item| item.code != 'x').count();
    if wanted != values.len() {
        return Err(error(format!("pack expected {wanted} items for packing (got {})", values.len())));
    }
    let mut bytes = Vec::with_capacity(format.size());
    let mut values = values.iter();
    for item in &format.items {
        bytes.resize(bytes.len() + item.pad, 0);
        if item.code == 'x' {
            bytes.push(0);
            continue;
        }
        let Some(given) = values.next() else { break };
        let raw = encode(item, given)?;
        if format.big && !matches!(item.code, 's' | 'c') { bytes.extend(raw.iter().rev()) } else { bytes.extend(raw) }
    }
    Ok(MontyObject::Bytes(bytes))
}

/// Little-endian bytes of one value.
fn encode(item: &Item, given: &MontyObject) -> Result<Vec<u8>, MontyException> {
    let code = item.code;
    let float = || match given {
        MontyObject::Float(number) => Ok(*number),
        other => value::int(other).map(|n| n as f64).map_err(|_| error("required argument is not a float")),
    };
    Ok(match code {
        's' | 'c' => {
            let MontyObject::Bytes(given) = given else {
                let what = if code == 's' {
                    "argument for 's' must be a bytes object"
                } else {
                    "char format requires a bytes object of length 1"
                };
                return Err(error(what));
            };
            if code == 'c' && given.len() != 1 {
                return Err(error("char format requires a bytes object of length 1"));
            }
            let mut bytes = given.clone();
            bytes.resize(item.size, 0);
            bytes
        }
        '?' => vec![u8::from(!matches!(given, MontyObject::Bool(false) | MontyObject::Int(0) | MontyObject::None))],
        'f' => (float()? as f32).to_le_bytes().to_vec(),
        'd' => float()?.to_le_bytes().to_vec(),
        _ => {
            let number: i128 = match given {
                MontyObject::BigInt(big) => big.to_string().parse().unwrap_or(i128::MAX),
                other => i128::from(value::int(other).map_err(|_| error("required argument is not an integer"))?),
            };
            let bits = 8 * item.size as u32;
            let (low, high) = if code.is_ascii_lowercase() {
                (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1)
            } else {
                (0, (1_i128 << bits) - 1)
            };
            if number < low || number > high {
                let text = match code {
                    'b' => "byte format requires -128 <= number <= 127".to_owned(),
                    'B' => "ubyte format requires 0 <= number <= 255".to_owned(),
                    'h' => "short format requires (-0x7fff -1) <= number <= 0x7fff".to_owned(),
                    'H' => "ushort format requires 0 <= number <= 0xffff".to_owned(),
                    _ => format!("'{code}' format requires {low} <= number <= {high}"),
                };
                return Err(error(text));
            }
            number.to_le_bytes()[..item.size].to_vec()
        }
    })
}

/// `struct.unpack(format, buffer)` and, with an offset, `struct.unpack_from(format, buffer, offset)`.
pub(super) fn unpack(
    format: &MontyObject,
    buffer: &MontyObject,
    from: Option<usize>,
) -> Result<MontyObject, MontyException> {
    let format = parse(format)?;
    let size = format.size();
    let buffer = value::bytes(buffer)?;
    let buffer = match from {
        None if buffer.len() != size => return Err(error(format!("unpack requires a buffer of {size} bytes"))),
        None => buffer,
        Some(from) => buffer.get(from..from.saturating_add(size)).ok_or_else(|| {
            error(format!("unpack_from requires a buffer of at least {} bytes", from.saturating_add(size)))
        })?,
    };
    let mut at = 0;
    let mut values = Vec::new();
    for item in &format.items {
        at += item.pad;
        let raw = &buffer[at..at + item.size];
        at += item.size;
        if item.code == 'x' {
            continue;
        }
        values.push(decode(item, raw, format.big));
    }
    Ok(MontyObject::Tuple(values))
}

fn decode(item: &Item, raw: &[u8], big: bool) -> MontyObject {
    if matches!(item.code, 's' | 'c') {
        return MontyObject::Bytes(raw.to_vec());
    }
    let mut little = [0_u8; 8];
    for (i, byte) in raw.iter().enumerate() {
        little[if big { raw.len() - 1 - i } else { i }] = *byte;
    }
    let unsigned = u64::from_le_bytes(little);
    let spare_bits = 64 - 8 * item.size as u32;
    match item.code {
        '?' => MontyObject::Bool(unsigned != 0),
        'f' => MontyObject::Float(f64::from(f32::from_bits(unsigned as u32))),
        'd' => MontyObject::Float(f64::from_bits(unsigned)),
        code if code.is_ascii_lowercase() => MontyObject::Int(((unsigned << spare_bits) as i64) >> spare_bits),
        _ => i64::try_from(unsigned).map_or_else(|_| MontyObject::BigInt(unsigned.into()), MontyObject::Int),
    }
}
