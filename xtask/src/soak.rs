//! `cargo xtask soak`: the long form of the test beside the kernel.

use anyhow::Result;

use crate::sh;
use crate::tools;
use crate::workspace::Workspace;

/// What `cargo xtask soak` takes.
#[derive(clap::Args)]
pub struct Args {
    /// Only the tests whose names contain this.
    filter: Option<String>,
}

/// Runs the tests that are too long for `cargo xtask test`: gigabytes and bad wires, the kernel at the other end.
pub fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    tools::ensure_some(&workspace, &["ip"])?;
    let mut cargo = sh::cargo(&workspace.root);
    cargo.args(["test", "--release", "--package", "e2e", "--test", "interop", "--"]);
    cargo.args(args.filter.as_deref());
    // One at a time: a transfer wants both cores, one for each end.
    cargo.args(["--include-ignored", "--nocapture", "--test-threads", "1"]);
    sh::run(&mut cargo)
}
