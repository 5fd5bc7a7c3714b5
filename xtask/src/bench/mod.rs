//! `cargo xtask bench`: how fast our stack is, beside smoltcp, natively and in WebAssembly.
//!
//! The crate `bench` says what is measured. Here it is built, run, and summed up: a table is printed, and everything
//! measured is written to `bench.json` in cargo's target folder. CPU times of one round stand beside each other, so the
//! ratios are medians over the rounds' ratios: a busy machine slows both.

mod beside;
mod callgrind;
mod machine;
mod report;
mod sample;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use wasm_bindgen_cli::wasm_bindgen;

use crate::sh::{self, Steps};
use crate::workspace::{WASM, Workspace};
use crate::{toolchain, tools};
use sample::Sample;

/// How to measure.
#[derive(clap::Args)]
pub struct Args {
    /// Measure in seconds: less data, fewer rounds, one buffer size.
    #[arg(long)]
    quick: bool,
    /// Leave out the runs in Node.
    #[arg(long)]
    no_wasm: bool,
    /// Leave out the count of instructions.
    #[arg(long)]
    no_callgrind: bool,
}

/// Cargo's profile for it: everything for speed.
const PROFILE: &str = "speed";

/// The variants, in the order in which a round runs them. Names are those of the crate `bench`.
const VARIANTS: [&str; 4] = ["smoltcp", "compiled-out", "off", "on"];

/// How much, how often, with which buffers.
struct Plan {
    bytes: u64,
    rounds: u32,
    buffers: &'static [u32],
}

impl Plan {
    fn new(quick: bool) -> Plan {
        if quick {
            return Plan { bytes: 32 << 20, rounds: 3, buffers: &[256 << 10] };
        }
        Plan { bytes: 256 << 20, rounds: 5, buffers: &[64 << 10, 256 << 10, 1 << 20, 4 << 20] }
    }

    fn buffers(&self) -> String {
        self.buffers.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
    }
}

/// `cargo xtask bench`.
pub fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let plan = Plan::new(args.quick);
    let mut steps = Steps::new(3 + 2 * usize::from(!args.no_wasm) + usize::from(!args.no_callgrind));

    let program = steps.step("build for this machine", || build_native(&workspace))?;
    let native = steps.step("measure natively", || measure_native(&workspace, &program, &plan))?;
    let beside =
        steps.step("measure beside idle connections", || beside::measure(&workspace, &program, plan.rounds))?;
    let mut wasm = Vec::new();
    if !args.no_wasm {
        let module = steps.step("build for WebAssembly", || {
            tools::ensure_some(&workspace, &["node"])?;
            toolchain::ensure_wasm_target(&workspace)?;
            build_wasm(&workspace)
        })?;
        wasm = steps.step("measure in Node", || measure_wasm(&workspace, &module, &plan))?;
    }
    let mut instructions = Vec::new();
    if !args.no_callgrind {
        instructions = steps.step("count instructions with callgrind", || {
            tools::ensure_some(&workspace, &["valgrind"])?;
            callgrind::count(&workspace, &program)
        })?;
    }

    let machine = machine::describe(&workspace, !args.no_wasm)?;
    let report = report::Report::new(machine, &plan, &native, &wasm, instructions, beside);
    report.print();
    let file = workspace.target.join("bench.json");
    fs::write(&file, serde_json::to_string_pretty(&report)? + "\n")
        .with_context(|| format!("cannot write {}", file.display()))?;
    println!("\nAll that was measured: {}", file.display());
    Ok(())
}

fn build_native(workspace: &Workspace) -> Result<PathBuf> {
    let args = ["build", "--quiet", "--package", "bench", "--bin", "bench", "--profile", PROFILE];
    sh::run(sh::cargo(&workspace.root).args(args))?;
    Ok(workspace.target.join(PROFILE).join("bench"))
}

fn measure_native(workspace: &Workspace, program: &PathBuf, plan: &Plan) -> Result<Vec<Sample>> {
    let mut command = sh::command(program, &workspace.root);
    command.args(["measure", "--variants", &VARIANTS.join(","), "--buffers", &plan.buffers()]);
    command.args(["--bytes", &plan.bytes.to_string(), "--rounds", &plan.rounds.to_string()]);
    Sample::read_all(&sh::read(&mut command)?)
}

fn build_wasm(workspace: &Workspace) -> Result<PathBuf> {
    let package = ["rustc", "--quiet", "--package", "bench", "--lib", "--crate-type", "cdylib"];
    sh::run(sh::cargo(&workspace.root).args(package).args(["--profile", PROFILE, "--target", WASM]))?;
    let out = workspace.scratch("bench");
    let wasm = workspace.target.join(WASM).join(PROFILE).join("bench.wasm");
    let [wasm_path, out_path] = [&wasm, &out].map(|path| path.as_os_str().to_owned());
    let mut args = vec!["wasm-bindgen".into(), wasm_path, "--out-dir".into(), out_path];
    args.extend(["--target", "nodejs", "--no-typescript", "--out-name", "bench"].map(Into::into));
    wasm_bindgen::run_cli_with_args(args).with_context(|| format!("wasm-bindgen failed on {}", wasm.display()))?;
    Ok(out.join("bench.js"))
}

fn measure_wasm(workspace: &Workspace, module: &PathBuf, plan: &Plan) -> Result<Vec<Sample>> {
    let mut node = sh::command("node", &workspace.root);
    node.arg(workspace.root.join("bench/src/run.mjs")).arg(module);
    node.args([VARIANTS.join(","), plan.buffers(), plan.bytes.to_string(), plan.rounds.to_string()]);
    Sample::read_all(&sh::read(&mut node)?)
}
