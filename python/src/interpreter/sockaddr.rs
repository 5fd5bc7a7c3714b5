//! Python's `(host, port)` and the kernel's `sockaddr_in`.
//!
//! CPython: `Modules/socketmodule.c` (`getsockaddrarg`, `setipaddr`, `makesockaddr`). There is no resolver
//! yet: numbers, the empty string, `localhost` and `<broadcast>` are all the names there are.

use super::errors::{type_error, unknown_host};
use super::value;
use core::net::Ipv4Addr;
use monty_types::{ExcType, MontyException, MontyObject};
use stack::syscall::SockAddr;

/// The address a program gave to `caller`.
pub(super) fn parse(caller: &str, address: &MontyObject) -> Result<SockAddr, MontyException> {
    let MontyObject::Tuple(parts) = address else {
        return Err(type_error(format!(
            "{caller}(): AF_INET address must be tuple, not {}",
            value::type_name(address)
        )));
    };
    let [host, port] = parts.as_slice() else {
        return Err(type_error("AF_INET address must be a pair (host, port)"));
    };
    let host = match host {
        MontyObject::String(host) => host.as_str(),
        MontyObject::Bytes(host) => core::str::from_utf8(host).map_err(|_| unknown_host())?,
        other => {
            return Err(type_error(format!("str, bytes or bytearray expected, not {}", value::type_name(other))));
        }
    };
    let port = value::int(port)?;
    let addr = resolve(host)?;
    let port = u16::try_from(port)
        .map_err(|_| MontyException::new(ExcType::OverflowError, Some(format!("{caller}(): port must be 0-65535."))))?;
    Ok(SockAddr::v4(addr, port))
}

/// A host's name or number.
pub(super) fn resolve(host: &str) -> Result<Ipv4Addr, MontyException> {
    match host {
        "" => Ok(Ipv4Addr::UNSPECIFIED),
        "<broadcast>" => Ok(Ipv4Addr::BROADCAST),
        "localhost" | "localhost.localdomain" => Ok(Ipv4Addr::LOCALHOST),
        _ => aton(host).ok_or_else(unknown_host),
    }
}

/// `inet_aton(3)`: one to four numbers, decimal, octal or hexadecimal, the last filling what is left.
pub(super) fn aton(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = text.split('.').collect();
    let (last, first) = parts.split_last()?;
    if first.len() > 3 {
        return None;
    }
    let mut addr: u32 = 0;
    for (i, part) in first.iter().enumerate() {
        addr |= u32::from(u8::try_from(number(part)?).ok()?) << (24 - 8 * i);
    }
    let last = number(last)?;
    let room_bits = 32 - 8 * first.len() as u32;
    if room_bits < 32 && last >= 1 << room_bits {
        return None;
    }
    Some(Ipv4Addr::from(addr | last))
}

fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    if digits.starts_with('+') { None } else { u32::from_str_radix(digits, radix).ok() }
}

/// The address as Python shows it.
pub(super) fn object(addr: Option<SockAddr>) -> MontyObject {
    let addr = addr.unwrap_or(SockAddr::v4(Ipv4Addr::UNSPECIFIED, 0));
    MontyObject::Tuple(vec![MontyObject::String(addr.addr.to_string()), MontyObject::Int(i64::from(addr.port))])
}
