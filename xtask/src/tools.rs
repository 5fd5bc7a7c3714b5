//! The programs of the machine that the tests need: found, installed where that is allowed, or named.

use std::fs;

use anyhow::{Result, bail};
use e2e::{find_chrome, find_driver, find_program};
use rustix::process::geteuid;

use crate::sh;
use crate::workspace::Workspace;

/// A program, the Debian package that has it, and what it is for.
struct Tool {
    program: &'static str,
    package: &'static str,
    purpose: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool { program: "chromium", package: "chromium", purpose: "runs the page in tests" },
    Tool { program: "chromedriver", package: "chromium-driver", purpose: "drives Chromium" },
    Tool { program: "node", package: "nodejs", purpose: "runs WebAssembly tests" },
    Tool { program: "npm", package: "npm", purpose: "fetches axe-core, which judges the page's accessibility" },
    Tool { program: "tshark", package: "tshark", purpose: "judges our frames and captures" },
    Tool { program: "strace", package: "strace", purpose: "judges our system calls" },
    Tool { program: "ip", package: "iproute2", purpose: "makes network namespaces and TAP devices" },
    Tool { program: "ping", package: "iputils-ping", purpose: "a peer for live mode" },
    Tool { program: "curl", package: "curl", purpose: "a peer for live mode" },
    Tool { program: "tcpdump", package: "tcpdump", purpose: "captures in tests" },
    Tool { program: "valgrind", package: "valgrind", purpose: "counts instructions in `cargo xtask bench`" },
    Tool { program: "python3", package: "python3", purpose: "a peer for live mode, and the reference for our Python" },
];

impl Tool {
    fn is_there(&self) -> bool {
        match self.program {
            "chromium" => find_chrome().is_ok(),
            "chromedriver" => find_driver().is_ok(),
            program => find_program(program).is_some(),
        }
    }

    /// The package's name on this machine.
    fn package(&self) -> &'static str {
        match self.program {
            "chromium" if is_ubuntu() => "chromium-browser",
            "chromedriver" if is_ubuntu() => "chromium-chromedriver",
            _ => self.package,
        }
    }
}

fn is_ubuntu() -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|text| text.lines().any(|line| line == "ID=ubuntu"))
}

/// Makes sure that every program is there: installs as root with apt-get, otherwise fails and names what is missing.
pub fn ensure(workspace: &Workspace) -> Result<()> {
    ensure_those(workspace, |_| true)?;
    ensure_axe(workspace)?;
    ensure_components()
}

/// axe-core, the version that `e2e/package.json` names, in `e2e/node_modules`.
fn ensure_axe(workspace: &Workspace) -> Result<()> {
    if e2e::axe_core().is_file() {
        return Ok(());
    }
    let mut npm = sh::command("npm", &workspace.root.join("e2e"));
    sh::run(npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--silent"]))
}

/// Makes sure that these programs are there, in the same way.
pub fn ensure_some(workspace: &Workspace, programs: &[&str]) -> Result<()> {
    ensure_those(workspace, |tool| programs.contains(&tool.program))
}

fn ensure_those(workspace: &Workspace, wanted: impl Fn(&Tool) -> bool) -> Result<()> {
    let missing = || TOOLS.iter().filter(|tool| wanted(tool) && !tool.is_there()).collect::<Vec<_>>();
    let first = missing();
    if !first.is_empty() && geteuid().is_root() && find_program("apt-get").is_some() {
        let packages: Vec<_> = first.iter().map(|tool| tool.package()).collect();
        eprintln!("      installing {}", packages.join(" "));
        let apt = |args: &[&str]| {
            let mut command = sh::command("apt-get", &workspace.root);
            sh::run(command.env("DEBIAN_FRONTEND", "noninteractive").args(args))
        };
        apt(&["update", "-qq"])?;
        apt(&[&["install", "-y", "-qq", "--no-install-recommends"], &packages[..]].concat())?;
    }
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let list: Vec<_> = missing.iter().map(|tool| format!("  {:<14} {}", tool.program, tool.purpose)).collect();
    let packages: Vec<_> = missing.iter().map(|tool| tool.package()).collect();
    bail!(
        "these programs are missing:\n{}\ninstall them, on Debian and Ubuntu with:\n  sudo apt-get install --no-install-recommends {}",
        list.join("\n"),
        packages.join(" ")
    )
}

/// rustfmt and clippy belong to every usual Rust; which toolchain is in use stays the user's choice.
fn ensure_components() -> Result<()> {
    let missing: Vec<_> = [("cargo-fmt", "rustfmt"), ("cargo-clippy", "clippy")]
        .into_iter()
        .filter(|(program, _)| find_program(program).is_none())
        .map(|(_, component)| component)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!("this Rust lacks {}: `rustup component add {}`", missing.join(" and "), missing.join(" "))
}
