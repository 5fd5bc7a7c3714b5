//! Scenarios: which hosts there are, how they are joined, what runs on them.
//!
//! A scenario is a TOML file. `read` takes it apart and complains about shapes and values, `check` joins the
//! parts and complains about what does not fit together. Both go on after a mistake, so that one look at the
//! messages is enough to mend the file.
//!
//! ```toml
//! title = "Two hosts on a wire"
//! seed = 1                        # of all that is random
//! until = "10s"                   # where the run ends at the latest
//!
//! [[host]]
//! name = "alice"
//! address = "192.168.1.1/24"      # of eth0; or [[host.interface]] for several cards
//! gateway = "192.168.1.254"
//! neighbours = ["bob"]            # whose hardware addresses are known from the beginning
//! sysctl = { "net.ipv4.tcp_sack" = 0, "net.ipv4.tcp_rmem" = "4096 131072 6291456" }
//!
//! [[host]]
//! name = "bob"
//! address = "192.168.1.100/24"
//!
//! [[wire]]                        # may be left out where there are just two hosts
//! between = ["alice", "bob"]      # a host, "host:eth1", or a switch
//! rate = "1Gbit"
//! delay = "100us"
//! loss = [2, 0]                   # per cent: there, back; or one number for both
//!
//! [[program]]
//! host = "alice"
//! python = "programs/send.py"     # or source = """…""", or builtin = "httpd" with args = [...]
//! start = "0s"
//! ```

mod check;
pub(crate) mod problem;
mod raw;
mod read;
pub(crate) mod suggest;
mod table;
pub mod units;

#[cfg(test)]
mod tests;

pub use problem::{Problem, Problems};

use crate::net::wire::Line;
use crate::packetdrill::{self, Script};
use stack::host::{HostConfig, IfIndex};
use stack::time::Duration;
use std::rc::Rc;

/// A network and what happens in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scenario {
    /// What the page shows as its name.
    pub title: String,
    /// Seed of everything random.
    pub seed: u64,
    /// The run ends then at the latest.
    pub until: Duration,
    /// The hosts; [`stack::trace::HostId`] is the index.
    pub hosts: Vec<HostSpec>,
    /// The switches.
    pub switches: Vec<SwitchSpec>,
    /// The wires.
    pub wires: Vec<WireSpec>,
    /// The programs, in the file's order.
    pub programs: Vec<ProgramSpec>,
}

/// A host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostSpec {
    /// What the stack needs to know.
    pub config: HostConfig,
    /// Kernel variables that differ from their defaults.
    pub sysctl: Vec<(String, String)>,
}

/// A switch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SwitchSpec {
    /// Its name.
    pub name: String,
    /// How many ports it has.
    pub ports: usize,
}

/// One end of a wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum End {
    /// A host's card.
    Host {
        /// Which host.
        host: usize,
        /// Which interface.
        interface: IfIndex,
    },
    /// A switch's port.
    Switch {
        /// Which switch.
        switch: usize,
        /// Which port.
        port: usize,
    },
}

/// A wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WireSpec {
    /// What it joins.
    pub ends: [End; 2],
    /// From the first end to the second.
    pub there: Line,
    /// From the second to the first.
    pub back: Line,
}

/// A program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProgramSpec {
    /// The host it runs on.
    pub host: usize,
    /// e.g. `client.py`, or `httpd`.
    pub name: String,
    /// What runs.
    pub code: Code,
    /// What follows the program's name.
    pub args: Vec<String>,
    /// When it starts.
    pub start: Duration,
}

/// What a program is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Code {
    /// Python source.
    Python(String),
    /// A program of [`crate::programs`], by its name.
    Builtin(String),
    /// A packetdrill script: it makes system calls, and it is the other end of its host's wire.
    Script(Rc<Script>),
}

impl Scenario {
    /// Reads a scenario; a file whose name ends in `.pkt` is a packetdrill script. `load` gives the text of a file that the scenario names, by the path as written
    /// there: the caller knows where that is relative to.
    pub fn parse(
        file_name: &str,
        text: &str,
        load: &mut dyn FnMut(&str) -> Result<String, String>,
    ) -> Result<Scenario, Problems> {
        if file_name.ends_with(".pkt") {
            return match packetdrill::parse(file_name, text, &[]) {
                Ok(script) => Ok(packetdrill::scenario(script, Vec::new())),
                Err(packetdrill::Refusal::Problem(problems)) => Err(problems),
                Err(packetdrill::Refusal::Skip(reason)) => {
                    let mut reporter = problem::Reporter::new(file_name, text);
                    reporter.report(0..0, "this script cannot be run", reason);
                    reporter.finish(()).map(|()| unreachable!("a problem was reported"))
                }
            };
        }
        let mut reporter = problem::Reporter::new(file_name, text);
        let raw = read::read(text, &mut reporter);
        let scenario = check::check(raw, load, &mut reporter);
        reporter.finish(scenario)
    }

    /// The seed of a host, or of another thing with a number, apart from all others.
    pub(crate) fn seed_of(seed: u64, stream: u64) -> u64 {
        crate::rng::Rng::new(seed, stream).next_u64()
    }

    /// Another seed for everything random.
    pub fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
        for (i, host) in self.hosts.iter_mut().enumerate() {
            host.config.seed = Scenario::seed_of(seed, i as u64);
        }
    }
}
