//! `cargo xtask start`: builds what has changed, then becomes the bridge.

use std::os::unix::process::CommandExt;

use anyhow::{Context, Result, bail};

use crate::page;
use crate::sh::{self, Steps};
use crate::workspace::Workspace;

/// Build everything and run it.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask start                      the page on this machine, live mode where that is allowed
  cargo xtask start --no-tap             the page alone
  cargo xtask start --port 9000 --tap tap0
  cargo xtask start -- --help            what the bridge understands

Ctrl-C ends it.")]
pub struct Args {
    /// Port to serve the page on [default: the bridge's own].
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Name of the TAP device that joins the page to this machine's network.
    #[arg(long, value_name = "NAME", conflicts_with = "no_tap")]
    tap: Option<String>,
    /// Only serve the page; needs no privilege.
    #[arg(long)]
    no_tap: bool,
    /// Build the bridge optimised: slower to build, for measuring.
    #[arg(long)]
    release: bool,
    /// Build the page in seconds, without optimisation.
    #[arg(long)]
    dev: bool,
    /// Passed to the bridge as they are.
    #[arg(value_name = "BRIDGE ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    bridge: Vec<String>,
}

/// `cargo xtask start`.
pub fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let mut steps = Steps::new(page::STEPS + 1);
    page::build(&workspace, &page::Args { dev: args.dev }, &mut steps)?;
    steps.step("the bridge, which serves the page", || {
        let profile = if args.release { "release" } else { "dev" };
        let options = ["build", "--bin", "native-bridge", "--profile", profile];
        sh::run(sh::cargo(&workspace.root).args(options).args(workspace.product()))
    })?;

    let program = workspace.target.join(if args.release { "release" } else { "debug" }).join("native-bridge");
    if !program.is_file() {
        bail!("cargo did not make {}", program.display());
    }
    let mut bridge = sh::command(&program, &workspace.root);
    bridge.stdin(std::process::Stdio::inherit());
    bridge.args(args.port.map(|port| format!("--port={port}")));
    bridge.args(args.tap.as_ref().map(|name| format!("--tap={name}")));
    bridge.args(args.no_tap.then_some("--no-tap")).args(&args.bridge);
    // The bridge takes this process's place: Ctrl-C and the exit code are its own.
    Err(bridge.exec()).with_context(|| format!("cannot start {}", program.display()))
}
