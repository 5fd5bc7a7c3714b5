//! The command line: what there is to say, and to which part it goes.

mod check;
mod load;
mod packetdrill;
mod run;
mod strace;

use clap::{Args, Parser, Subcommand};
use stack::time::Duration;
use std::path::PathBuf;
use std::process::ExitCode;

/// The scenario or one of its programs has a problem.
const PROBLEM: u8 = 1;

/// Run a small network of hosts in one process, each with a TCP/IP stack of its own, on a virtual clock.
#[derive(Parser)]
#[command(name = "lab", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a scenario to its end and print what its programs print
    #[command(after_help = "Exit status: 0 if all went well, 1 if the scenario has a problem or one of its programs \
                            ends with a status other than 0, 2 if the command line is wrong.")]
    Run(Box<RunArgs>),
    /// Read scenarios and list every mistake, with file, line and what was expected
    Check {
        /// Scenario files
        #[arg(required = true, value_name = "SCENARIO")]
        scenarios: Vec<PathBuf>,
    },
    /// Run packetdrill scripts, each on a stack of its own, and say which of them pass
    #[command(after_help = "One line a script: PASS, FAIL with the line and what was expected, or SKIP with the \
                            reason. Exit status: 1 if a script fails, 2 if the command line is wrong.")]
    Packetdrill(Box<PacketdrillArgs>),
}

#[derive(Args)]
struct PacketdrillArgs {
    /// Scripts, or folders with scripts
    #[arg(required = true, value_name = "FILE.pkt")]
    scripts: Vec<PathBuf>,

    /// Of what the sockets and packets are: ipv4, ipv6 or ipv4-mapped-ipv6
    #[arg(long = "ip-version", value_name = "VERSION", alias = "ip_version")]
    ip_version: Option<String>,

    /// How far a time may be off, in microseconds
    #[arg(long = "tolerance_usecs", value_name = "N", alias = "tolerance-usecs")]
    tolerance_usecs: Option<String>,

    /// A packet that no line of the script reads is a failure
    #[arg(long)]
    strict: bool,

    /// Print every packet, call and command with its time
    #[arg(long)]
    trace: bool,

    /// Replace a word of the scripts by a value
    #[arg(short = 'D', long, value_name = "SYMBOL=VALUE")]
    define: Vec<String>,

    /// Any other option of packetdrill, e.g. `-o mss=1000`
    #[arg(short = 'o', long = "option", value_name = "NAME[=VALUE]")]
    options: Vec<String>,
}

#[derive(Args)]
struct RunArgs {
    /// The scenario file: TOML, or a packetdrill script (.pkt)
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,

    /// Print the programs' system calls, as `strace -s 100 -e trace=network,close` does; with NAME, of that
    /// program only. What the programs print goes to standard error then
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    strace: Option<String>,

    /// Write every event to FILE, one JSON object a line
    #[arg(long, value_name = "FILE.jsonl")]
    events: Option<PathBuf>,

    /// Write every frame to FILE, for Wireshark: one interface a tap point, comments that name the step
    #[arg(long, value_name = "FILE")]
    pcapng: Option<PathBuf>,

    /// Print one hash of the whole event log: the same on every machine
    #[arg(long)]
    digest: bool,

    /// End the run at this virtual time, e.g. 500ms or 10s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    until: Option<Duration>,

    /// Give up after so many events
    #[arg(long, value_name = "N", default_value_t = 20_000_000)]
    max_events: u32,

    /// Use this seed in place of the scenario's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Write what every program asked and was answered to FILE: `--play` needs no interpreter then
    #[arg(long, value_name = "FILE")]
    tape: Option<PathBuf>,

    /// Take the programs' requests from a FILE that `--tape` wrote
    #[arg(long, value_name = "FILE")]
    play: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, String> {
    lab::scenario::units::duration(text).ok_or_else(|| lab::scenario::units::DURATION.to_owned())
}

/// Reads the command line and does what it says.
pub(crate) fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Check { scenarios } => check::check(&scenarios),
        Command::Packetdrill(args) => packetdrill::packetdrill(&args),
    };
    match result {
        Ok(code) => code,
        Err(message) => {
            eprintln!("lab: {message}");
            ExitCode::from(PROBLEM)
        }
    }
}
