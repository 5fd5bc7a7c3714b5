//! The options of a script and of the command line.
//!
//! packetdrill: `config.c`.

use super::{CliOption, DEFINES, Parser, Result};
use crate::packetdrill::ast::{IpVersion, Options, Script};
use crate::packetdrill::lexer::{Fault, Tok, decimal};
use crate::scenario::suggest::did_you_mean;
use std::collections::BTreeMap;
use std::ops::Range;

/// Options that say how the original program goes about its work: nothing to do here.
const WITHOUT_EFFECT: &[&str] = &[
    "send_omit_free",
    "verbose",
    "debug",
    "speed",
    "code_command",
    "code_format",
    "code_sockopt",
    "is_anyip",
    "wire_client",
    "wire_server",
    "wire_server_ip",
    "wire_server_port",
    "wire_client_dev",
    "wire_server_dev",
    "so_filename",
    "so_flags",
    "use_expect",
    "psp_udp_port",
    "fm_filename",
    "fm_flags",
];

const WITH_EFFECT: &[&str] = &[
    "ip_version",
    "mss",
    "mtu",
    "tolerance_usecs",
    "tolerance_percent",
    "tcp_ts_tick_usecs",
    "tcp_ts_ecr_scaled",
    "strict_segments",
    "strict",
    "non_fatal",
    "bind_port",
    "connect_port",
    "local_ip",
    "remote_ip",
    "gateway_ip",
    "netmask_ip",
    "define",
    "dry_run",
    "init_scripts",
];

impl Parser<'_> {
    /// The options before everything else, then those of the command line; and the words defined.
    pub(super) fn options(&mut self, cli: &[CliOption]) -> Result<(Options, BTreeMap<String, String>)> {
        let mut options = Options::default();
        let mut defines: BTreeMap<String, String> =
            DEFINES.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        while let Tok::Option(name, value) = &self.peek().tok {
            let (name, value, span) = (name.clone(), value.clone(), self.peek().span.clone());
            self.next();
            set(&mut options, &mut defines, &name, value.as_deref(), span)?;
        }
        for (name, value) in cli {
            // A mistake there has no place in the script: the command line was checked before.
            set(&mut options, &mut defines, name, value.as_deref(), 0..0)?;
        }
        Ok((options, defines))
    }
}

/// Checks an option of the command line.
///
/// # Errors
/// In words, if there is no such option or its value is none.
pub fn check_option(name: &str, value: Option<&str>) -> std::result::Result<(), String> {
    set(&mut Options::default(), &mut BTreeMap::new(), name, value, 0..0)
        .map_err(|fault| format!("{}: {}", fault.message, fault.hint))
}

fn set(
    options: &mut Options,
    defines: &mut BTreeMap<String, String>,
    name: &str,
    value: Option<&str>,
    span: Range<usize>,
) -> std::result::Result<(), Fault> {
    let name = name.replace('-', "_");
    let bad =
        |expected: &str| Fault::new(span.clone(), format!("a bad value of --{name}"), format!("expected {expected}"));
    let value = value.map(|v| v.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(v));
    let text = || value.ok_or_else(|| bad(&format!("--{name}=VALUE")));
    fn number<T: std::str::FromStr>(text: &str, bad: Fault) -> std::result::Result<T, Fault> {
        text.parse().map_err(|_| bad)
    }
    match name.as_str() {
        "ip_version" => {
            let version = IpVersion::parse(text()?).ok_or_else(|| bad("ipv4, ipv6 or ipv4-mapped-ipv6"))?;
            options.ip_version = Some(version);
        }
        "mss" => options.mss = Some(number(text()?, bad("a number of bytes up to 65535"))?),
        "mtu" => {
            let mtu = number(text()?, bad("a number of bytes from 68 to 9000"))?;
            options.mtu = Some(mtu).filter(|m| (68..=9000).contains(m)).ok_or_else(|| bad("68 to 9000 bytes"))?;
        }
        "tolerance_usecs" => {
            let usecs: u32 = number(text()?, bad("microseconds"))?;
            options.tolerance_ns = i64::from(usecs) * 1000;
        }
        "tolerance_percent" => {
            options.tolerance_percent =
                decimal(text()?).filter(|p| *p >= 0).ok_or_else(|| bad("a percentage, e.g. 12.5"))?;
        }
        "tcp_ts_tick_usecs" => options.ts_tick_usecs = number(text()?, bad("microseconds"))?,
        "tcp_ts_ecr_scaled" => options.ts_ecr_scaled = true,
        "strict_segments" => options.strict_segments = true,
        "strict" => options.strict = true,
        "non_fatal" => {
            for part in text()?.split(',') {
                match part {
                    "packet" => options.packets_not_fatal = true,
                    "syscall" => options.calls_not_fatal = true,
                    _ => return Err(bad("packet, syscall, or both with a comma")),
                }
            }
        }
        "bind_port" => options.bind_port = number(text()?, bad("a port"))?,
        "connect_port" => options.connect_port = number(text()?, bad("a port"))?,
        // Addresses of IPv6 come with its version, which is skipped.
        "local_ip" if !is_ipv6(value) => options.local_ip = number(text()?, bad("an IPv4 address"))?,
        "remote_ip" if !is_ipv6(value) => options.remote_ip = number(text()?, bad("an IPv4 address"))?,
        "gateway_ip" if !is_ipv6(value) => options.gateway_ip = number(text()?, bad("an IPv4 address"))?,
        "local_ip" | "remote_ip" | "gateway_ip" => {}
        "netmask_ip" => {
            let mask: std::net::Ipv4Addr = number(text()?, bad("an IPv4 netmask"))?;
            let mask = u32::from(mask);
            options.prefix = mask.leading_ones() as u8;
            if mask.count_ones() != mask.leading_ones() {
                return Err(bad("an IPv4 netmask"));
            }
        }
        "define" => {
            let (symbol, value) = text()?.split_once('=').ok_or_else(|| bad("--define=SYMBOL=VALUE"))?;
            defines.insert(symbol.to_owned(), value.to_owned());
        }
        "dry_run" => options.dry_run = true,
        "init_scripts" => options.init_scripts = Some(text()?.to_owned()),
        name if WITHOUT_EFFECT.contains(&name) => {}
        name => {
            let known = WITH_EFFECT.iter().chain(WITHOUT_EFFECT).copied();
            let hint = did_you_mean(name, known).unwrap_or_else(|| "expected an option of packetdrill".to_owned());
            return Err(Fault::new(span.clone(), format!("no option is called --{name}"), hint));
        }
    }
    Ok(())
}

fn is_ipv6(value: Option<&str>) -> bool {
    value.is_some_and(|v| v.parse::<std::net::Ipv6Addr>().is_ok())
}

/// Why a script that could be read is not run.
pub(super) fn skip_reason(script: &Script) -> Option<String> {
    let version = script.options.ip_version;
    match version {
        Some(IpVersion::Ipv6 | IpVersion::Ipv4MappedIpv6) => {
            Some(format!("it is for --ip_version={}, and this stack has no IPv6", version.unwrap_or_default().name()))
        }
        None if script.file.ends_with("v6.pkt") => {
            Some("its name says that it is for IPv6, which this stack does not have".to_owned())
        }
        _ => None,
    }
}
