//! Does a packet of the stack match the script's line?
//!
//! packetdrill: `verify_outbound_live_packet` in `run_packet.c`. Not compared: the IP identification, DF, the
//! TCP checksum, a time stamp's echo; the window only where the line gives it, a time stamp's value only where
//! the script gives its tick.

use super::ast::{Body, Ecn, IpInfo, Options, Packet, Tcp, TcpOptions};
use super::build::options_bytes;
use super::calls::Mismatch;
use super::live::{Live, LiveBody, LiveTcp, RawOption};
use super::session::Session;
use super::show;

const TIMESTAMP: u8 = 8;

/// Compares a packet whose numbers are already the script's.
pub(crate) fn packet(script: &Packet, live: &Live, session: &mut Session, options: &Options) -> Result<(), Mismatch> {
    let whole = || (show::packet(script), show::live(live));
    let wrong = |what: String, got: String| {
        let (script, live) = whole();
        Mismatch::new(format!("{what} in \"{script}\""), format!("{got} in \"{live}\""))
    };
    if !script.encapsulation.is_empty() {
        return Err(Mismatch::new(format!("tunnelled \"{}\"", whole().0), format!("\"{}\"", whole().1)));
    }
    ip(&script.ip, live).map_err(|(e, g)| wrong(e, g))?;
    match (&script.body, &live.body) {
        (Body::Tcp(wanted), LiveBody::Tcp(got)) => tcp(wanted, got, session, options).map_err(|(e, g)| wrong(e, g)),
        (Body::Udp { len, .. }, LiveBody::Udp { payload, .. }) => {
            number("length", u64::from(*len), payload.len() as u64).map_err(|(e, g)| wrong(e, g))?;
            zeros(payload).map_err(|(e, g)| wrong(e, g))
        }
        (Body::Icmp(wanted), LiveBody::Icmp { kind, code }) => {
            number("type", wanted.kind, *kind).map_err(|(e, g)| wrong(e, g))?;
            number("code", wanted.code, *code).map_err(|(e, g)| wrong(e, g))
        }
        _ => Err(Mismatch::new(format!("\"{}\"", whole().0), format!("\"{}\"", whole().1))),
    }
}

/// What was expected, what came.
type Difference = (String, String);

fn number(what: &str, wanted: impl Into<u64>, got: impl Into<u64>) -> Result<(), Difference> {
    let (wanted, got) = (wanted.into(), got.into());
    if wanted == got { Ok(()) } else { Err((format!("{what} {wanted}"), got.to_string())) }
}

fn zeros(payload: &[u8]) -> Result<(), Difference> {
    match payload.iter().position(|b| *b != 0) {
        None => Ok(()),
        Some(at) => Err(("zeros as data".to_owned(), format!("{:#04x} at offset {at}", payload[at]))),
    }
}

fn ip(wanted: &IpInfo, live: &Live) -> Result<(), Difference> {
    number("an IP header of length", 20u8, live.ip.header_len)?;
    let bits = live.ip.tos & 3;
    let name = |bits| show::ecn_name([Ecn::NotEct, Ecn::Ect1, Ecn::Ect0, Ecn::Ce][usize::from(bits & 3)]);
    let right = match wanted.ecn {
        None => true,
        Some(Ecn::NotEct) => bits == 0,
        Some(Ecn::Ect1) => bits == 1,
        Some(Ecn::Ect0) => bits == 2,
        Some(Ecn::Ce) => bits == 3,
        Some(Ecn::Ect01) => bits == 1 || bits == 2,
    };
    if !right {
        return Err((wanted.ecn.map_or("", show::ecn_name).to_owned(), name(bits).to_owned()));
    }
    if let Some(tos) = wanted.tos
        && tos != live.ip.tos
    {
        return Err((format!("tos {tos:#04x}"), format!("{:#04x}", live.ip.tos)));
    }
    wanted.ttl.map_or(Ok(()), |ttl| number("ttl", ttl, live.ip.ttl))
}

fn tcp(wanted: &Tcp, got: &LiveTcp, session: &mut Session, options: &Options) -> Result<(), Difference> {
    if (wanted.flags, wanted.ace) != (got.flags, got.ace) {
        return Err((format!("flags {}", show::flags(wanted.flags, wanted.ace)), show::flags(got.flags, got.ace)));
    }
    number("reserved bits", 0u8, got.reserved)?;
    number("sequence number", wanted.seq, got.seq)?;
    number("length", u64::from(wanted.len), got.payload.len() as u64)?;
    number("ack", wanted.ack, got.ack)?;
    wanted.window.map_or(Ok(()), |window| number("win", window, got.window))?;
    number("urg", wanted.urgent, got.urgent)?;
    tcp_options(wanted, got, session, options)?;
    zeros(&got.payload)
}

fn tcp_options(wanted: &Tcp, got: &LiveTcp, session: &mut Session, options: &Options) -> Result<(), Difference> {
    let list = match &wanted.options {
        TcpOptions::List(list) => LiveTcp { options: options_bytes(list), ..LiveTcp::default() },
        TcpOptions::Unchecked => return Ok(()),
    };
    // Where both have time stamps, the live one is remembered even if something else is wrong.
    let stamps = list.timestamps().zip(got.timestamps());
    let in_script = stamps.map(|((script, _), (live, _))| session.timestamp(script, live));
    let text = |tcp: &LiveTcp| {
        let text = show::raw_options(tcp.raw_options());
        if text.is_empty() { "no options".to_owned() } else { format!("options <{text}>") }
    };
    let same = |a: &RawOption<'_>, b: &RawOption<'_>| a.kind == b.kind && (a.kind == TIMESTAMP || a.data == b.data);
    let lengths = list.options.len() == got.options.len() && list.raw_options().count() == got.raw_options().count();
    if !lengths || !list.raw_options().zip(got.raw_options()).all(|(a, b)| same(&a, &b)) {
        return Err((text(&list), text(got)));
    }
    if let (Some(((script, _), _)), Some(mapped)) = (stamps, in_script) {
        let ticks = i64::from(mapped.wrapping_sub(script) as i32).abs();
        if options.ts_tick_usecs != 0 && ticks * i64::from(options.ts_tick_usecs) * 1000 > options.tolerance_ns {
            return Err((format!("TS val {script}"), mapped.to_string()));
        }
    }
    Ok(())
}

/// Do two packets of the stack make one line of `wanted` bytes, of which `collected` are there?
///
/// All but the last have to be of one length.
pub(crate) fn joins(first: &Live, next: &Live, collected: usize, wanted: usize) -> Result<(), String> {
    let (Some(a), Some(b)) = (first.tcp(), next.tcp()) else { return Err("one of them is not TCP".to_owned()) };
    a.joins(b)?;
    let (before, now) = (a.payload.len(), b.payload.len());
    if now < wanted.saturating_sub(collected) && now != before {
        return Err(format!("its {now} bytes follow {before}, and it is not the last"));
    }
    Ok(())
}
