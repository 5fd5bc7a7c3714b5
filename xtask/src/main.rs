//! Chores of the repository: `cargo xtask --help`.
//!
//! Everything a developer or the CI does is a command here, written in Rust and built from Cargo.lock, so that a
//! machine with Rust alone can run it. One file a command; `sh` runs programs, `workspace` knows where things are.

mod bench;
mod conformance;
mod page;
mod precompress;
mod screenshot;
mod sh;
mod soak;
mod start;
mod test;
mod tidy;
mod toolchain;
mod tools;
mod wasm_test_runner;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, runs and tests Sendpath.
///
/// `cargo xtask start` is all it takes to see the page; `cargo xtask test` is what the CI runs.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build what has changed, run it, and print its address.
    Start(start::Args),
    /// Build the page into www/dist.
    ///
    /// Compiles the crate `web` (and the Python interpreter of the crate `python`) to WebAssembly, copies the plain
    /// files of www/, and compresses them. Does nothing when nothing has changed.
    Build(page::Args),
    /// Run everything the CI runs: checks, tests, end-to-end tests.
    ///
    /// Installs the programs it needs when it runs as root on Debian or Ubuntu, and names them otherwise.
    Test(test::Args),
    /// Run the packetdrill scripts of the Linux kernel and our own, and print a table.
    ///
    /// Fails if one of our own fails, or more than one of the kernel's.
    Conformance(conformance::Args),
    /// Measure the stack beside smoltcp, natively and in WebAssembly.
    ///
    /// Prints a table and writes bench.json into cargo's target folder. A quiet machine gives steadier numbers.
    Bench(bench::Args),
    /// Send gigabytes between the stack and the kernel, over clean and bad wires: the long form of a test.
    ///
    /// Needs root, for a TAP device in a network namespace. Takes some minutes.
    Soak(soak::Args),
    /// Check what neither the compiler nor clippy checks: file sizes, heads of files, paths named in documents.
    Tidy,
    /// Take a picture of a page in headless Chromium, and print what its console says.
    Screenshot(screenshot::Args),
    /// Run one compiled WebAssembly test: what `.cargo/config.toml` calls, not you.
    #[command(hide = true, disable_help_flag = true)]
    WasmTestRunner {
        /// What cargo passes.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Start(args) => start::run(&args),
        Command::Test(args) => test::run(args),
        Command::Bench(args) => bench::run(&args),
        Command::Soak(args) => soak::run(&args),
        Command::Conformance(args) => conformance::run(&args),
        Command::Tidy => tidy::run(),
        Command::Build(args) => page::run(&args),
        Command::Screenshot(args) => screenshot::run(&args),
        Command::WasmTestRunner { args } => wasm_test_runner::run(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
