//! The second half of reading a scenario: joining names, filling in what was left out, finding what does
//! not fit together.

use super::problem::Reporter;
use super::raw::{At, RawHost, RawInterface, RawNeighbour, RawProgram, RawScenario};
use super::suggest::did_you_mean;
use super::{Code, End, HostSpec, ProgramSpec, Scenario, SwitchSpec, WireSpec};
use crate::net::wire::Line;
use crate::programs;
use stack::host::{HostConfig, IfIndex, InterfaceConfig};
use stack::sysctl::{Sysctl, SysctlError};
use stack::time::Duration;
use stack::wire::ethernet::MacAddr;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::Range;

/// A run that nobody ended goes on for so long.
const DEFAULT_UNTIL: Duration = Duration::from_secs(300);
/// As many hosts and switches as the numbers of events have room for.
const MAX_NODES: usize = 100;

/// Joins the parts.
pub(super) fn check(
    raw: RawScenario,
    load: &mut dyn FnMut(&str) -> Result<String, String>,
    report: &mut Reporter<'_>,
) -> Scenario {
    if raw.hosts.is_empty() && report.is_clean() {
        report.report(0..0, "no host", "expected at least one [[host]] with a name and an address");
    }
    if raw.hosts.len() + raw.switches.len() > MAX_NODES {
        report.report(0..0, "too many hosts and switches", format!("expected at most {MAX_NODES}"));
    }
    let names = node_names(&raw, report);
    let mut hosts: Vec<HostSpec> = raw.hosts.iter().enumerate().map(|(i, h)| host(i, h, raw.seed, report)).collect();
    addresses(&raw.hosts, report);
    for (i, h) in raw.hosts.iter().enumerate() {
        let known = neighbours(i, h, &raw, &hosts, &names, report);
        hosts[i].config.neighbours = known;
    }
    let mut cabling = Cabling {
        names: &names,
        hosts: &hosts,
        switches: raw.switches.len(),
        ports: vec![0; raw.switches.len()],
        used: BTreeMap::new(),
        wires: Vec::new(),
    };
    for w in &raw.wires {
        if let [a, b] = &w.between[..] {
            cabling.join(a, b, w.span.clone(), w.lines, report);
        }
    }
    for s in &raw.switches {
        let Some(name) = &s.name else { continue };
        for host in &s.connects {
            cabling.join(
                host,
                &At { value: name.value.clone(), span: host.span.clone() },
                s.span.clone(),
                s.lines,
                report,
            );
        }
    }
    if let ([a, b], []) = (&hosts[..], &raw.switches[..])
        && raw.wires.is_empty()
        && !a.config.interfaces.is_empty()
        && !b.config.interfaces.is_empty()
    {
        let ends = [0, 1].map(|host| End::Host { host, interface: IfIndex(2) });
        cabling.wires.push(WireSpec { ends, there: Line::default(), back: Line::default() });
    }
    let Cabling { ports, wires, .. } = cabling;
    let switches = raw
        .switches
        .iter()
        .zip(ports)
        .map(|(s, ports)| SwitchSpec { name: s.name.as_ref().map_or(String::new(), |n| n.value.clone()), ports })
        .collect();
    let programs = raw.programs.iter().filter_map(|p| program(p, &names, hosts.len(), load, report)).collect();
    Scenario {
        title: raw.title.unwrap_or_else(|| "Untitled".to_owned()),
        seed: raw.seed,
        until: raw.until.unwrap_or(DEFAULT_UNTIL),
        hosts,
        switches,
        wires,
        programs,
    }
}

/// Hosts first, then switches, by name.
type Names = BTreeMap<String, usize>;

fn node_names(raw: &RawScenario, report: &mut Reporter<'_>) -> Names {
    let mut names = Names::new();
    let nodes = raw
        .hosts
        .iter()
        .map(|h| (&h.name, &h.span, "host"))
        .chain(raw.switches.iter().map(|s| (&s.name, &s.span, "switch")));
    for (i, (name, span, what)) in nodes.enumerate() {
        let Some(name) = name else {
            report.report(span.clone(), format!("a {what} without a name"), "expected name = \"…\"");
            continue;
        };
        if name.value.is_empty() || !name.value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            report.report(
                name.span.clone(),
                format!("bad name \"{}\"", name.value),
                "expected letters, digits and hyphens",
            );
        }
        if names.insert(name.value.clone(), i).is_some() {
            report.report(
                name.span.clone(),
                format!("a second \"{}\"", name.value),
                "expected a name of its own for each host and switch",
            );
        }
    }
    names
}

fn host(index: usize, raw: &RawHost, seed: u64, report: &mut Reporter<'_>) -> HostSpec {
    let name = raw.name.as_ref().map_or_else(|| format!("host{index}"), |n| n.value.clone());
    if raw.interfaces.is_empty() {
        report.report(
            raw.span.clone(),
            format!("{name} has no interface"),
            "expected address = \"192.168.1.1/24\" or [[host.interface]]",
        );
    }
    let mut interfaces: Vec<InterfaceConfig> = Vec::new();
    for (i, raw) in raw.interfaces.iter().enumerate() {
        let card = interface(index, i, raw);
        if let (Some(at), true) = (&raw.name, interfaces.iter().any(|c| c.name == card.name) || card.name == "lo") {
            report.report(
                at.span.clone(),
                format!("{name} has two interfaces \"{}\"", card.name),
                "expected another name",
            );
        }
        interfaces.push(card);
    }
    let on_link = |gateway: Ipv4Addr| {
        interfaces.iter().filter_map(|c| c.address).any(|(a, p)| same_network(a, gateway, p) && a != gateway)
    };
    let gateways = raw.gateway.iter().map(|g| ("gateway", g)).chain(raw.routes.iter().map(|r| ("route's via", &r.via)));
    for (what, gateway) in gateways {
        if !on_link(gateway.value) {
            let networks: Vec<String> =
                interfaces.iter().filter_map(|c| c.address).map(|(a, p)| format!("{a}/{p}")).collect();
            let message = format!("{name} cannot reach the {what} {}", gateway.value);
            report.report(gateway.span.clone(), message, format!("expected a neighbour of {}", networks.join(" or ")));
        }
    }
    let routes = raw.routes.iter().map(|r| (r.to.0, r.to.1, r.via.value)).collect();
    let sysctl = sysctl(raw, report);
    let config = HostConfig {
        name,
        interfaces,
        gateway: raw.gateway.as_ref().map(|g| g.value),
        routes,
        forward: raw.forward,
        neighbours: Vec::new(),
        seed: Scenario::seed_of(seed, index as u64),
    };
    HostSpec { config, sysctl }
}

fn sysctl(raw: &RawHost, report: &mut Reporter<'_>) -> Vec<(String, String)> {
    let mut trial = Sysctl::default();
    for (name, value) in &raw.sysctl {
        match trial.set(&name.value, &value.value) {
            Ok(()) => {}
            Err(SysctlError::Unknown) => {
                let hint = did_you_mean(&name.value, Sysctl::NAMES.iter().copied())
                    .unwrap_or_else(|| format!("expected one of: {}", Sysctl::NAMES.join(", ")));
                report.report(name.span.clone(), format!("no kernel variable is called \"{}\"", name.value), hint);
            }
            Err(_) => report.report(value.span.clone(), format!("{} cannot be {}", name.value, value.value), ""),
        }
    }
    raw.sysctl.iter().map(|(k, v)| (k.value.clone(), v.value.clone())).collect()
}

fn interface(host: usize, index: usize, raw: &RawInterface) -> InterfaceConfig {
    InterfaceConfig {
        name: raw.name.as_ref().map_or_else(|| format!("eth{index}"), |n| n.value.clone()),
        mac: raw.mac.as_ref().map_or(MacAddr([2, 0, 0, 0, index as u8, host as u8 + 1]), |m| m.value),
        address: raw.address.as_ref().map(|a| a.value),
        mtu: raw.mtu,
        fcs: true,
    }
}

/// Addresses that cannot be a host's, or that two have.
fn addresses(hosts: &[RawHost], report: &mut Reporter<'_>) {
    let mut seen: BTreeMap<Ipv4Addr, String> = BTreeMap::new();
    let mut macs: BTreeMap<MacAddr, String> = BTreeMap::new();
    for (h, host) in hosts.iter().enumerate() {
        let name = host.name.as_ref().map_or("?", |n| n.value.as_str());
        let mut networks: Vec<(Ipv4Addr, u8)> = Vec::new();
        for (i, raw) in host.interfaces.iter().enumerate() {
            let card = interface(h, i, raw);
            if let Some(At { value: (a, p), span }) = &raw.address {
                if let Some(why) = unfit(*a, *p) {
                    report.report(span.clone(), format!("{a}/{p} cannot be a host's address"), why);
                }
                if let Some((b, q)) = networks.iter().find(|(b, q)| same_network(*a, *b, (*p).min(*q))) {
                    report.report(
                        span.clone(),
                        format!("{a}/{p} overlaps {b}/{q} of the same host"),
                        "expected a network of its own for each interface",
                    );
                }
                networks.push((*a, *p));
                if let Some(other) = seen.insert(*a, name.to_owned()) {
                    report.report(
                        span.clone(),
                        format!("{a} is the address of {other} too"),
                        "expected an address of its own for each interface",
                    );
                }
            }
            if let Some(mac) = raw.mac.as_ref().filter(|m| m.value.is_multicast() || m.value == MacAddr::ZERO) {
                report.report(
                    mac.span.clone(),
                    format!("{} cannot be a card's address", mac.value),
                    "expected an even first byte, as in 02:…",
                );
            }
            if let Some(other) = macs.insert(card.mac, name.to_owned()) {
                let span = raw.mac.as_ref().map_or(host.span.clone(), |m| m.span.clone());
                report.report(
                    span,
                    format!("{} is the hardware address of {other} too", card.mac),
                    "expected a hardware address of its own for each interface",
                );
            }
        }
    }
}

fn unfit(address: Ipv4Addr, prefix: u8) -> Option<&'static str> {
    let host_bits = if prefix == 0 { u32::MAX } else { (1u64 << (32 - prefix)).wrapping_sub(1) as u32 };
    let host = u32::from(address) & host_bits;
    if address.is_loopback() || address.is_unspecified() || address.octets()[0] == 0 {
        Some("expected an address outside 0.0.0.0/8 and 127.0.0.0/8")
    } else if address.is_multicast() || address.is_broadcast() || address.octets()[0] >= 240 {
        Some("expected an address of one host, not of a group")
    } else if prefix < 31 && host == 0 {
        Some("this is the address of the network itself")
    } else if prefix < 31 && host == host_bits {
        Some("this is the network's broadcast address")
    } else {
        None
    }
}

fn same_network(a: Ipv4Addr, b: Ipv4Addr, prefix: u8) -> bool {
    let mask = if prefix == 0 { 0 } else { u32::MAX << (32 - prefix) };
    (u32::from(a) ^ u32::from(b)) & mask == 0
}

fn neighbours(
    index: usize,
    raw: &RawHost,
    all: &RawScenario,
    hosts: &[HostSpec],
    names: &Names,
    report: &mut Reporter<'_>,
) -> Vec<(Ipv4Addr, MacAddr)> {
    let mut known = Vec::new();
    for neighbour in &raw.neighbours {
        match neighbour {
            RawNeighbour::Entry(address, mac) => known.push((address.value, *mac)),
            RawNeighbour::Host(name) => {
                let other = names.get(&name.value).copied().filter(|i| *i < all.hosts.len());
                let Some(other) = other else {
                    unknown_node(name, "host", names, report);
                    continue;
                };
                let mine: Vec<(Ipv4Addr, u8)> =
                    hosts[index].config.interfaces.iter().filter_map(|c| c.address).collect();
                let cards = hosts[other].config.interfaces.iter().filter_map(|c| Some((c.address?.0, c.mac)));
                let before = known.len();
                known.extend(cards.filter(|(a, _)| mine.iter().any(|(m, p)| same_network(*m, *a, *p) && m != a)));
                if known.len() == before {
                    let message = format!("\"{}\" is no neighbour: no network in common", name.value);
                    report.report(name.span.clone(), message, "");
                }
            }
        }
    }
    known
}

fn unknown_node(name: &At<String>, what: &str, names: &Names, report: &mut Reporter<'_>) {
    let hint = did_you_mean(&name.value, names.keys().map(String::as_str)).unwrap_or_else(|| {
        let all: Vec<&str> = names.keys().map(String::as_str).collect();
        format!("expected one of: {}", all.join(", "))
    });
    report.report(name.span.clone(), format!("no {what} is called \"{}\"", name.value), hint);
}

/// Wires being laid.
struct Cabling<'a> {
    names: &'a Names,
    hosts: &'a [HostSpec],
    switches: usize,
    ports: Vec<usize>,
    used: BTreeMap<End, String>,
    wires: Vec<WireSpec>,
}

impl Cabling<'_> {
    fn join(
        &mut self,
        a: &At<String>,
        b: &At<String>,
        span: Range<usize>,
        lines: [Line; 2],
        report: &mut Reporter<'_>,
    ) {
        if a.value == b.value {
            report.report(span, format!("a wire from \"{}\" to itself", a.value), "expected two different ends");
            return;
        }
        let (Some(first), Some(second)) = (self.end(a, report), self.end(b, report)) else { return };
        self.wires.push(WireSpec { ends: [first, second], there: lines[0], back: lines[1] });
    }

    fn end(&mut self, at: &At<String>, report: &mut Reporter<'_>) -> Option<End> {
        let (node, card) = at.value.split_once(':').map_or((at.value.as_str(), None), |(n, c)| (n, Some(c)));
        let Some(index) = self.names.get(node).copied() else {
            unknown_node(&At { value: node.to_owned(), span: at.span.clone() }, "host or switch", self.names, report);
            return None;
        };
        let Some(host) = self.hosts.get(index) else {
            let switch = index - self.hosts.len();
            debug_assert!(switch < self.switches);
            let port = self.ports[switch];
            self.ports[switch] += 1;
            return Some(End::Switch { switch, port });
        };
        let cards = &host.config.interfaces;
        let place = |i: usize| End::Host { host: index, interface: IfIndex(i as u16 + 2) };
        let end = match card {
            Some(card) => match cards.iter().position(|c| c.name == card) {
                Some(i) => place(i),
                None => {
                    let all: Vec<&str> = cards.iter().map(|c| c.name.as_str()).collect();
                    report.report(
                        at.span.clone(),
                        format!("{node} has no interface \"{card}\""),
                        format!("expected one of: {}", all.join(", ")),
                    );
                    return None;
                }
            },
            // The first card that is still free.
            None => (0..cards.len()).map(place).find(|e| !self.used.contains_key(e)).unwrap_or_else(|| place(0)),
        };
        if let Some(other) = self.used.insert(end, at.value.clone()) {
            let message = format!("the card of \"{}\" has a wire already (\"{other}\")", at.value);
            report.report(at.span.clone(), message, "expected one wire a card: add an interface or a switch");
            return None;
        }
        Some(end)
    }
}

fn program(
    raw: &RawProgram,
    names: &Names,
    hosts: usize,
    load: &mut dyn FnMut(&str) -> Result<String, String>,
    report: &mut Reporter<'_>,
) -> Option<ProgramSpec> {
    let host = match &raw.host {
        None => {
            report.report(raw.span.clone(), "a program without a host", "expected host = \"…\"");
            None
        }
        Some(name) => {
            let host = names.get(&name.value).copied().filter(|i| *i < hosts);
            if host.is_none() {
                unknown_node(name, "host", names, report);
            }
            host
        }
    };
    let given = [&raw.python, &raw.source, &raw.builtin].into_iter().flatten().count();
    if given != 1 {
        let what = if given == 0 { "a program without code" } else { "a program with more than one code" };
        report.report(
            raw.span.clone(),
            what,
            "expected one of: python = \"file.py\", source = \"\"\"…\"\"\", builtin = \"httpd\"",
        );
        return None;
    }
    let mut args: Vec<String> = raw.args.iter().map(|a| a.value.clone()).collect();
    let (code, default_name) = if let Some(path) = &raw.python {
        match load(&path.value) {
            Ok(text) => (Code::Python(text), path.value.rsplit('/').next().unwrap_or(&path.value).to_owned()),
            Err(why) => {
                report.report(path.span.clone(), format!("cannot read \"{}\": {why}", path.value), "");
                return None;
            }
        }
    } else if let Some(source) = &raw.source {
        (Code::Python(source.value.clone()), "program.py".to_owned())
    } else {
        let builtin = raw.builtin.as_ref()?;
        let mut words = builtin.value.split_whitespace().map(str::to_owned);
        let name = words.next().unwrap_or_default();
        if !programs::NAMES.contains(&name.as_str()) {
            let hint = did_you_mean(&name, programs::NAMES.iter().copied())
                .unwrap_or_else(|| format!("expected one of: {}", programs::NAMES.join(", ")));
            report.report(builtin.span.clone(), format!("no built-in program is called \"{name}\""), hint);
            return None;
        }
        args.splice(0..0, words);
        (Code::Builtin(name.clone()), name)
    };
    let name = raw.name.as_ref().map_or(default_name, |n| n.value.clone());
    Some(ProgramSpec { host: host?, name, code, args, start: raw.start })
}
