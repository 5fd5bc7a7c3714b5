//! The native side of `cargo xtask bench`: runs transfers and prints one line of JSON for each.

use std::process::ExitCode;

use bench::{Beside, Job, Variant};
use clap::{Parser, Subcommand};
use cpu_time::ProcessTime;

#[derive(Parser)]
#[command(disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every variant with every buffer, interleaved; the first round is not printed.
    Measure {
        /// smoltcp, compiled-out, off, on
        #[arg(long, value_delimiter = ',')]
        variants: Vec<String>,
        /// Socket buffers, bytes.
        #[arg(long, value_delimiter = ',')]
        buffers: Vec<usize>,
        /// How much is sent, bytes.
        #[arg(long)]
        bytes: u64,
        /// How often.
        #[arg(long)]
        rounds: u32,
    },
    /// Receive segments on one connection beside idle ones; the first round is not printed.
    Beside {
        /// How many idle connections.
        #[arg(long, value_delimiter = ',')]
        idle: Vec<u32>,
        /// Segments in a round.
        #[arg(long)]
        segments: usize,
        /// How often.
        #[arg(long)]
        rounds: u32,
    },
    /// Run one transfer: for callgrind.
    Once {
        /// Who carries the bytes.
        variant: String,
        /// Socket buffers, bytes.
        buffer: usize,
        /// How much is sent, bytes.
        bytes: u64,
    },
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let all_known = |names: &[String]| names.iter().map(|name| Variant::named(name)).collect::<Option<Vec<_>>>();
    match &command {
        Command::Measure { variants, buffers, bytes, rounds } => {
            let Some(variants) = all_known(variants) else { return unknown() };
            for buffer in buffers {
                for round in 0..=*rounds {
                    for variant in &variants {
                        let line = one(*variant, Job { buffer: *buffer, bytes: *bytes });
                        if round > 0 {
                            println!("{line}");
                        }
                    }
                }
            }
        }
        Command::Beside { idle, segments, rounds } => beside(idle, *segments, *rounds),
        Command::Once { variant, buffer, bytes } => {
            let Some(variant) = Variant::named(variant) else { return unknown() };
            println!("{}", one(variant, Job { buffer: *buffer, bytes: *bytes }));
        }
    }
    ExitCode::SUCCESS
}

fn unknown() -> ExitCode {
    let names: Vec<_> = Variant::ALL.iter().map(|variant| variant.name()).collect();
    eprintln!("error: a variant is one of {}", names.join(", "));
    ExitCode::FAILURE
}

/// All crowds stand side by side, and take turns at a thousand segments: what slows the machine slows them alike.
fn beside(idle: &[u32], segments: usize, rounds: u32) {
    const TURN: usize = 1000;
    let mut servers: Vec<_> = idle.iter().map(|idle| (*idle, Beside::new(*idle), 0.0)).collect();
    for round in 0..=rounds {
        for _ in 0..segments.div_ceil(TURN) {
            for (_, server, seconds) in &mut servers {
                server.prepare(TURN);
                let before = ProcessTime::now();
                server.run();
                *seconds += before.elapsed().as_secs_f64();
            }
        }
        for (idle, _, seconds) in &mut servers {
            let seconds = core::mem::take(seconds);
            let segments = segments.next_multiple_of(TURN);
            if round > 0 {
                println!(r#"{{"idle":{idle},"segments":{segments},"seconds":{seconds:.6}}}"#);
            }
        }
    }
}

/// One transfer, timed, as a line of JSON.
fn one(variant: Variant, job: Job) -> String {
    let mut transfer = bench::prepare(variant, job);
    let before = ProcessTime::now();
    let counts = transfer.run();
    let seconds = before.elapsed().as_secs_f64();
    let (name, buffer, fields) = (variant.name(), job.buffer, counts.json_fields());
    format!(r#"{{"variant":"{name}","buffer":{buffer},"seconds":{seconds:.6},{fields}}}"#)
}
