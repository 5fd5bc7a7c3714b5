//! The first half of reading a scenario: from text to values, each with its place.

use super::problem::Reporter;
use super::raw::{At, RawHost, RawInterface, RawNeighbour, RawProgram, RawRoute, RawScenario, RawSwitch, RawWire};
use super::table::{self, Table, kind};
use super::units;
use crate::net::wire::Line;
use crate::rng::Chance;
use stack::time::Duration;
use stack::wire::ethernet::MacAddr;
use std::net::Ipv4Addr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

const ADDRESS: &str = "expected an IPv4 address, as in \"192.168.1.1\"";
const NETWORK: &str = "expected an IPv4 address with its prefix length, as in \"192.168.1.1/24\"";
const MAC: &str = "expected six bytes in hexadecimal, as in \"02:00:00:00:00:01\"";

/// Takes the text apart.
pub(super) fn read(text: &str, report: &mut Reporter<'_>) -> RawScenario {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        report.report(error.span().unwrap_or(0..0), error.message().trim().replace('\n', "; "), "");
    }
    if !report.is_clean() {
        return RawScenario::default();
    }
    let mut top = Table::new("the scenario", 0..0, document.get_ref());
    let scenario = RawScenario {
        title: top.string("title", report).map(|t| t.value),
        seed: top.integer("seed", 0..=i64::MAX, report).map_or(0, |s| s.value as u64),
        until: top.parsed("until", report, units::DURATION, units::duration).map(|d| d.value),
        hosts: top.tables("host", "[[host]]", report).into_iter().map(|t| host(t, report)).collect(),
        switches: top.tables("switch", "[[switch]]", report).into_iter().map(|t| switch(t, report)).collect(),
        wires: top.tables("wire", "[[wire]]", report).into_iter().map(|t| wire(t, report)).collect(),
        programs: top.tables("program", "[[program]]", report).into_iter().map(|t| program(t, report)).collect(),
    };
    top.finish(report);
    scenario
}

fn host(mut t: Table<'_>, report: &mut Reporter<'_>) -> RawHost {
    let span = t.span.clone();
    let name = t.string("name", report);
    // The short form: one card, described in the host itself.
    let (address, mac, mtu) = interface_values(&mut t, report);
    let short = address.is_some() || mac.is_some() || mtu.is_some();
    let mut interfaces: Vec<RawInterface> = Vec::new();
    let tables = t.tables("interface", "[[host.interface]]", report);
    if let Some(at) = address.as_ref().map(|a| a.span.clone()).filter(|_| !tables.is_empty()) {
        report.report(at, "an address both here and in [[host.interface]]", "move it into the first interface");
    }
    if short {
        interfaces.push(RawInterface { name: None, mac, address, mtu: mtu.unwrap_or(1500) });
    }
    interfaces.extend(tables.into_iter().map(|t| interface(t, report)));
    let host = RawHost {
        span,
        name,
        interfaces,
        gateway: t.parsed("gateway", report, ADDRESS, |s| s.parse().ok()),
        routes: t
            .tables("routes", "routes = [{ to = \"10.0.0.0/8\", via = \"192.168.1.254\" }]", report)
            .into_iter()
            .filter_map(|t| route(t, report))
            .collect(),
        forward: t.boolean("forward", report).unwrap_or(false),
        neighbours: t.take("neighbours").map_or(Vec::new(), |v| neighbours(v, report)),
        sysctl: t.take("sysctl").map_or(Vec::new(), |v| sysctl(v, report)),
    };
    t.finish(report);
    host
}

type InterfaceValues = (Option<At<(Ipv4Addr, u8)>>, Option<At<MacAddr>>, Option<u16>);

fn interface_values(t: &mut Table<'_>, report: &mut Reporter<'_>) -> InterfaceValues {
    let address = t.parsed("address", report, NETWORK, network);
    let mac = t.parsed("mac", report, MAC, MacAddr::parse);
    let mtu = t.integer("mtu", 68..=9000, report).map(|m| m.value as u16);
    (address, mac, mtu)
}

fn interface(mut t: Table<'_>, report: &mut Reporter<'_>) -> RawInterface {
    let name = t.string("name", report);
    let (address, mac, mtu) = interface_values(&mut t, report);
    t.finish(report);
    RawInterface { name, mac, address, mtu: mtu.unwrap_or(1500) }
}

fn route(mut t: Table<'_>, report: &mut Reporter<'_>) -> Option<RawRoute> {
    let span = t.span.clone();
    let to = t.parsed("to", report, "expected a network, as in \"10.0.0.0/8\"", network);
    let via = t.parsed("via", report, ADDRESS, |s| s.parse().ok());
    for (key, missing) in [("to", t.take("to").is_none()), ("via", t.take("via").is_none())] {
        if missing {
            report.report(
                span.clone(),
                format!("a route without \"{key}\""),
                "expected { to = \"10.0.0.0/8\", via = \"192.168.1.254\" }",
            );
        }
    }
    t.finish(report);
    Some(RawRoute { to: to?.value, via: via? })
}

fn neighbours(value: &Spanned<DeValue<'_>>, report: &mut Reporter<'_>) -> Vec<RawNeighbour> {
    match value.get_ref() {
        DeValue::Array(names) => names
            .iter()
            .filter_map(|n| table::string(n, report, "neighbours must hold names of hosts", ""))
            .map(RawNeighbour::Host)
            .collect(),
        DeValue::Table(entries) => {
            let mut out = Vec::new();
            for (key, value) in Table::new("neighbours", value.span(), entries).take_all() {
                let Ok(address) = key.value.parse::<Ipv4Addr>() else {
                    report.report(key.span, format!("bad address \"{}\"", key.value), ADDRESS);
                    continue;
                };
                let Some(text) = table::string(value, report, "a neighbour's hardware address must be a string", MAC)
                else {
                    continue;
                };
                match MacAddr::parse(&text.value) {
                    Some(mac) => out.push(RawNeighbour::Entry(key.map(|_| address), mac)),
                    None => report.report(text.span, format!("bad hardware address \"{}\"", text.value), MAC),
                }
            }
            out
        }
        other => {
            let message = format!("neighbours must be an array or a table, not {}", kind(other));
            report.report(value.span(), message, "expected [\"bob\"] or { \"192.168.1.100\" = \"02:00:00:00:00:02\" }");
            Vec::new()
        }
    }
}

/// Kernel variables: numbers, or text as it is written to `/proc/sys`.
fn sysctl(value: &Spanned<DeValue<'_>>, report: &mut Reporter<'_>) -> Vec<(At<String>, At<String>)> {
    let DeValue::Table(entries) = value.get_ref() else {
        let message = format!("sysctl must be a table, not {}", kind(value.get_ref()));
        report.report(value.span(), message, "expected { \"net.ipv4.tcp_sack\" = 0 }");
        return Vec::new();
    };
    let mut out = Vec::new();
    for (key, value) in Table::new("sysctl", value.span(), entries).take_all() {
        if let DeValue::String(text) = value.get_ref() {
            out.push((key, At { span: value.span(), value: text.to_string() }));
        } else if let Some(n) = table::integer(value, &format!("sysctl {}", key.value), i64::MIN..=i64::MAX, report) {
            out.push((key, n.map(|n| n.to_string())));
        }
    }
    out
}

fn switch(mut t: Table<'_>, report: &mut Reporter<'_>) -> RawSwitch {
    let switch = RawSwitch {
        span: t.span.clone(),
        name: t.string("name", report),
        connects: t.strings("connects", report),
        lines: lines(&mut t, report),
    };
    t.finish(report);
    switch
}

fn wire(mut t: Table<'_>, report: &mut Reporter<'_>) -> RawWire {
    let span = t.span.clone();
    let between = t.strings("between", report);
    if between.len() != 2 {
        report.report(span.clone(), "a wire has two ends", "expected between = [\"alice\", \"bob\"]");
    }
    let wire = RawWire { span, between, lines: lines(&mut t, report) };
    t.finish(report);
    wire
}

/// The properties of both directions: one value for both, or an array of two.
fn lines(t: &mut Table<'_>, report: &mut Reporter<'_>) -> [Line; 2] {
    let default = Line::default();
    let rate = pair(t, "rate", report, units::RATE, units::rate, default.rate_bps);
    let delay = pair(t, "delay", report, units::DURATION, units::duration, default.delay);
    let mut chance = |key| pair(t, key, report, units::PERCENT, units::percent, Chance::NEVER);
    let (loss, duplicate, reorder, corrupt) =
        (chance("loss"), chance("duplicate"), chance("reorder"), chance("corrupt"));
    [0, 1].map(|i| Line {
        rate_bps: rate[i],
        delay: delay[i],
        loss: loss[i],
        duplicate: duplicate[i],
        reorder: reorder[i],
        corrupt: corrupt[i],
    })
}

fn pair<T: Copy>(
    t: &mut Table<'_>,
    key: &'static str,
    report: &mut Reporter<'_>,
    hint: &str,
    parse: fn(&str) -> Option<T>,
    default: T,
) -> [T; 2] {
    let Some(value) = t.take(key) else { return [default; 2] };
    let mut one = |value: &Spanned<DeValue<'_>>| {
        let parsed = match value.get_ref() {
            DeValue::String(text) => parse(text),
            DeValue::Integer(n) if n.radix() == 10 => parse(n.as_str()),
            DeValue::Float(n) => parse(n.as_str()),
            _ => None,
        };
        if parsed.is_none() {
            report.report(value.span(), format!("bad {key}"), hint);
        }
        parsed.unwrap_or(default)
    };
    match value.get_ref() {
        DeValue::Array(both) if both.len() == 2 => [one(&both[0]), one(&both[1])],
        DeValue::Array(_) => {
            report.report(
                value.span(),
                format!("{key} has one value for both directions, or two"),
                "expected [there, back]",
            );
            [default; 2]
        }
        _ => [one(value); 2],
    }
}

fn program(mut t: Table<'_>, report: &mut Reporter<'_>) -> RawProgram {
    let program = RawProgram {
        span: t.span.clone(),
        host: t.string("host", report),
        name: t.string("name", report),
        python: t.string("python", report),
        source: t.string("source", report),
        builtin: t.string("builtin", report),
        args: t.strings("args", report),
        start: t.parsed("start", report, units::DURATION, units::duration).map_or(Duration::ZERO, |d| d.value),
    };
    t.finish(report);
    program
}

/// `192.168.1.1/24`.
fn network(text: &str) -> Option<(Ipv4Addr, u8)> {
    let (address, prefix) = text.split_once('/')?;
    let prefix = prefix.parse().ok().filter(|p| *p <= 32)?;
    Some((address.parse().ok()?, prefix))
}
