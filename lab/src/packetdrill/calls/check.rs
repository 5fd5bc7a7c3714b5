//! What a call gave back, against what the script says.

use super::{CallKind, Control, ControlData, EpollEntry, OptionValue};
use crate::packetdrill::symbols::{errno_name, names, value};
use stack::syscall::{ControlMsg, EpollEvent, Out, SysRet};

/// `sizeof(struct sock_extended_err)` and the `struct sockaddr_in` behind it.
const EXTENDED_ERROR_BYTES: usize = 16 + 16;
/// `sizeof(struct scm_timestamping)`
const TIMESTAMPING_BYTES: usize = 3 * 16;
/// Attributes whose values are times, in microseconds.
const TIMES: std::ops::RangeInclusive<u16> = 1..=3;

/// A difference, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mismatch {
    pub(crate) expected: String,
    pub(crate) got: String,
}

impl Mismatch {
    pub(crate) fn new(expected: impl Into<String>, got: impl Into<String>) -> Mismatch {
        Mismatch { expected: expected.into(), got: got.into() }
    }
}

type Verdict = Result<(), Mismatch>;

fn same<T: PartialEq + std::fmt::Display>(what: &str, expected: T, got: T) -> Verdict {
    if expected == got { Ok(()) } else { Err(Mismatch::new(format!("{what} {expected}"), got.to_string())) }
}

/// Compares what came back. `start_ns` is the virtual time at which the script began.
pub(crate) fn check(
    kind: &CallKind,
    (result, errno): (i64, Option<i32>),
    ret: &SysRet,
    (tolerance_ns, start_ns): (i64, i64),
) -> Verdict {
    let (value, error) = match ret.value {
        Ok(value) => (value, None),
        Err(error) => (-1, Some(error as i32)),
    };
    let shown = || error.map_or_else(|| value.to_string(), |e| format!("-1 {}", errno_name(e)));
    let wanted = || errno.map_or_else(|| result.to_string(), |e| format!("{result} {}", errno_name(e)));
    // A call that makes a descriptor may give any: the script's number is a name.
    let right = if makes_descriptor(kind) && result >= 0 { value >= 0 } else { value == result };
    if !right || errno.is_some_and(|wanted| Some(wanted) != error) {
        return Err(Mismatch::new(format!("result {}", wanted()), shown()));
    }
    match kind {
        CallKind::Getsockopt { value, len, .. } => option(value, *len, ret),
        CallKind::Ioctl { value: Some(wanted), .. } => match ret.out {
            Out::Int(got) if ret.value.is_ok() => same("the value", *wanted, got),
            _ => Ok(()),
        },
        CallKind::Poll { fds, .. } => {
            let got = if let Out::Poll(revents) = &ret.out { &revents[..] } else { &[] };
            for (i, wanted) in fds.iter().enumerate() {
                let got = got.get(i).copied().unwrap_or(0);
                if wanted.revents != got {
                    let expected = format!("revents {} for descriptor {}", poll_bits(wanted.revents), wanted.fd);
                    return Err(Mismatch::new(expected, poll_bits(got)));
                }
            }
            Ok(())
        }
        CallKind::EpollWait { events, .. } => {
            let got = if let Out::Epoll(events) = &ret.out { &events[..] } else { &[] };
            events.iter().enumerate().try_for_each(|(i, wanted)| epoll(wanted, got.get(i)))
        }
        CallKind::Recvmsg { message, .. } if ret.value.is_ok() => {
            let nothing = (Vec::new(), 0);
            let (control, flags) = if let Out::Message { control, flags } = &ret.out {
                (control, flags)
            } else {
                (&nothing.0, &nothing.1)
            };
            if message.flags != *flags {
                return Err(Mismatch::new(format!("msg_flags {:#x}", message.flags), format!("{flags:#x}")));
            }
            controls(&message.control, control, tolerance_ns, start_ns)
        }
        _ => Ok(()),
    }
}

/// Is the result a new descriptor?
pub(crate) fn makes_descriptor(kind: &CallKind) -> bool {
    matches!(kind, CallKind::Socket { .. } | CallKind::Accept { .. } | CallKind::EpollCreate { .. })
}

fn option(wanted: &OptionValue, len: usize, ret: &SysRet) -> Verdict {
    // A call that fails leaves the caller's buffer as it was: zero, and the length too.
    let zero = vec![0; len];
    let got = if ret.value.is_ok() { &ret.data } else { &zero };
    if *wanted == OptionValue::Any || *wanted == OptionValue::Null {
        return Ok(());
    }
    same("an option of length", len, got.len())?;
    match wanted {
        OptionValue::Int(wanted) => {
            let got = got.first_chunk().map_or(0, |b| i32::from_le_bytes(*b));
            same("the value", *wanted, got)
        }
        OptionValue::Bytes(wanted) if wanted != got => {
            let text = |b: &[u8]| format!("\"{}\"", b.escape_ascii());
            Err(Mismatch::new(format!("the value {}", text(wanted)), text(got)))
        }
        _ => Ok(()),
    }
}

fn epoll(wanted: &EpollEntry, got: Option<&EpollEvent>) -> Verdict {
    let got = got.copied().unwrap_or(EpollEvent { events: 0, data: 0 });
    if wanted.event.events != got.events {
        let bits = |bits| flag_names("EPOLL", i64::from(bits));
        return Err(Mismatch::new(format!("events {}", bits(wanted.event.events)), bits(got.events)));
    }
    let mask = u64::MAX >> (64 - wanted.bits.clamp(1, 64));
    same("the event's data", wanted.event.data & mask, got.data & mask)
}

fn poll_bits(bits: i16) -> String {
    flag_names("POLL", i64::from(bits as u16))
}

/// Bits by their symbols.
fn flag_names(prefix: &str, bits: i64) -> String {
    let mut rest = bits;
    let mut words = Vec::new();
    for name in names().filter(|n| n.starts_with(prefix) && !n.contains("_CTL_")) {
        let bit = value(name).unwrap_or(0);
        if bit.count_ones() == 1 && rest & bit != 0 {
            rest &= !bit;
            words.push(name.to_owned());
        }
    }
    if rest != 0 || words.is_empty() {
        words.push(format!("{rest:#x}"));
    }
    words.join("|")
}

fn controls(wanted: &[Control], got: &[ControlMsg], tolerance_ns: i64, start_ns: i64) -> Verdict {
    for (i, (wanted, got)) in wanted.iter().zip(got).enumerate() {
        let about = |what: &str| format!("{what} of control message {}", i + 1);
        same(&about("level"), wanted.level, got.level)?;
        same(&about("type"), wanted.kind, got.kind)?;
        let u32_at = |at: usize| got.data.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
        match &wanted.data {
            ControlData::Int(value) => {
                same(&about("length"), 4, got.data.len())?;
                same(&about("data"), *value, u32_at(0) as i32)?;
            }
            ControlData::Timestamp(wanted_ns) => {
                same(&about("length"), TIMESTAMPING_BYTES, got.data.len())?;
                let u64_at = |at: usize| i64::from(u32_at(at)) | i64::from(u32_at(at + 4)) << 32;
                let got_ns = u64_at(0).saturating_mul(1_000_000_000).saturating_add(u64_at(8)) - start_ns;
                if *wanted_ns != 0 && (got_ns - wanted_ns).abs() > tolerance_ns {
                    let seconds = |ns: i64| format!("{}.{:09}", ns / 1_000_000_000, (ns % 1_000_000_000).abs());
                    return Err(Mismatch::new(
                        format!("{} {}", about("time stamp"), seconds(*wanted_ns)),
                        seconds(got_ns),
                    ));
                }
            }
            ControlData::ExtendedError { errno, origin, kind, code, info, data } => {
                same(&about("length"), EXTENDED_ERROR_BYTES, got.data.len())?;
                same(&about("ee_errno"), *errno, u32_at(0))?;
                same(&about("ee_origin"), *origin, got.data[4])?;
                same(&about("ee_type"), *kind, got.data[5])?;
                same(&about("ee_code"), *code, got.data[6])?;
                same(&about("ee_info"), *info, u32_at(8))?;
                same(&about("ee_data"), *data, u32_at(12))?;
            }
            ControlData::Stats(wanted) => stats(wanted, &got.data, tolerance_ns / 1000)?,
        }
    }
    same("control messages:", wanted.len(), got.len())
}

/// Attributes in order, as `TCP_NLA_…` come with `SCM_TIMESTAMPING_OPT_STATS`.
fn stats(wanted: &[(u16, Option<u64>)], mut got: &[u8], tolerance_us: i64) -> Verdict {
    for (kind, value) in wanted {
        let header =
            got.first_chunk::<4>().map(|h| (u16::from_le_bytes([h[0], h[1]]), u16::from_le_bytes([h[2], h[3]])));
        let Some((len, got_kind)) = header.filter(|(len, _)| (4..=12).contains(len) && usize::from(*len) <= got.len())
        else {
            return Err(Mismatch::new(format!("attribute {kind}"), "no more attributes"));
        };
        same("attribute", *kind, got_kind)?;
        let mut bytes = [0; 8];
        bytes[..usize::from(len) - 4].copy_from_slice(&got[4..usize::from(len)]);
        let got_value = u64::from_le_bytes(bytes);
        let near = |wanted: u64| {
            TIMES.contains(kind)
                && wanted != 0
                && (wanted as i64).saturating_sub(got_value as i64).abs() <= tolerance_us
        };
        if value.is_some_and(|wanted| wanted != got_value && !near(wanted)) {
            same(&format!("attribute {kind}:"), value.unwrap_or_default(), got_value)?;
        }
        got = got.get(usize::from(len).next_multiple_of(4)..).unwrap_or(&[]);
    }
    if got.is_empty() { Ok(()) } else { Err(Mismatch::new("no more attributes", format!("{} bytes more", got.len()))) }
}
