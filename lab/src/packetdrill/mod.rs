//! packetdrill scripts: what a TCP/IP stack is to do, packet by packet and call by call, and when.
//!
//! The language is that of <https://github.com/google/packetdrill>, which the Linux kernel's own tests are
//! written in. A script is two things: a program that makes system calls, and the other end of the wire, that
//! sends packets and looks at those that come. Here both are one task of a [`crate::world::World`] on virtual
//! time, so a script is a scenario like any other: it can be recorded, looked at and played again.
//!
//! `lexer`, `parser` read a script into `ast`; `calls` knows the system calls, `shell` the commands, `code`
//! the Python of code blocks; `session` knows which connection packets belong to and how the script's numbers
//! become live ones; `build`, `live`, `compare` make, read and compare packets; `driver` runs it all.

pub mod ast;
mod build;
mod calls;
mod code;
mod compare;
mod driver;
mod lexer;
mod live;
mod parser;
mod session;
mod shell;
mod show;
mod symbols;
mod verdict;

#[cfg(test)]
mod tests;

pub use ast::Script;
pub use calls::{Address, Buffer, CallKind, Control, ControlData, EpollEntry, Message, OptionValue, PollEntry};
pub use driver::start;
pub use parser::{CliOption, Refusal, check_option, parse};
pub use verdict::{Outcome, run};

use crate::scenario::{Code, HostSpec, ProgramSpec, Scenario};
use stack::host::{HostConfig, InterfaceConfig};
use stack::time::Duration;
use stack::wire::ethernet::MacAddr;
use std::net::Ipv4Addr;
use std::rc::Rc;

/// The card of the host under test.
const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
/// What its frames go to.
const PEER_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);
/// No script takes longer.
const UNTIL: Duration = Duration::from_secs(24 * 3600);

/// The scenario that a script is: one host, whose wire the script holds. `args` are of [`start`].
pub fn scenario(script: Script, args: Vec<String>) -> Scenario {
    let options = &script.options;
    let name = script.file.rsplit('/').next().unwrap_or(&script.file).to_owned();
    // The gateway only has to be another host of the network: its address is never seen.
    let network = u32::from(options.local_ip) & u32::MAX.checked_shl(32 - u32::from(options.prefix)).unwrap_or(0);
    let other = [1, 2].map(|n| Ipv4Addr::from(network | n)).into_iter().find(|a| *a != options.local_ip);
    let gateway = Some(options.gateway_ip).filter(|g| *g != options.local_ip).or(other).unwrap_or(options.remote_ip);
    let config = HostConfig {
        name: "host".to_owned(),
        interfaces: vec![InterfaceConfig {
            name: "tun0".to_owned(),
            mac: MAC,
            address: Some((options.local_ip, options.prefix)),
            mtu: options.mtu,
            fcs: false,
        }],
        gateway: Some(gateway),
        routes: Vec::new(),
        forward: false,
        neighbours: vec![(gateway, PEER_MAC), (options.remote_ip, PEER_MAC)],
        seed: 1,
    };
    Scenario {
        title: name.clone(),
        seed: 1,
        until: UNTIL,
        hosts: vec![HostSpec { config, sysctl: Vec::new() }],
        switches: Vec::new(),
        wires: Vec::new(),
        programs: vec![ProgramSpec { host: 0, name, code: Code::Script(Rc::new(script)), args, start: Duration::ZERO }],
    }
}
