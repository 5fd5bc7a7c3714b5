//! What the samples say: a table for people, and all numbers for programs.

use serde::Serialize;

use super::beside::Beside;
use super::callgrind::Instructions;
use super::machine::Machine;
use super::sample::{Sample, Spread};
use super::{Plan, VARIANTS};

/// Everything that was measured.
#[derive(Serialize)]
pub struct Report {
    machine: Machine,
    bytes: u64,
    rounds: u32,
    native: Vec<Row>,
    wasm: Vec<Row>,
    instructions: Vec<Instructions>,
    beside: Beside,
}

/// One variant with one buffer size.
#[derive(Serialize)]
struct Row {
    buffer: u32,
    variant: &'static str,
    /// CPU time of each round.
    seconds: Vec<f64>,
    gbit_per_s: Spread,
    /// How many times as fast as smoltcp.
    to_smoltcp: Spread,
    /// How many times as fast as with tracing off.
    to_off: Spread,
    /// How many times as fast as with tracing compiled out.
    to_compiled_out: Spread,
    acks_per_data_frame: f64,
    events_per_data_frame: f64,
}

/// What the project aims at: where, which number, and its least value.
type Aim = (&'static str, fn(&Row) -> Spread, &'static str, f64, f64);

#[rustfmt::skip]
const AIMS: [Aim; 3] = [
    ("tracing off, times smoltcp", |row| row.to_smoltcp, "off", 1.25, 1.80),
    ("tracing on, part of off", |row| row.to_off, "on", 0.70, 0.75),
    ("tracing off, part of compiled out", |row| row.to_compiled_out, "off", 0.97, 0.97),
];

impl Report {
    /// Sums up.
    pub fn new(
        machine: Machine,
        plan: &Plan,
        native: &[Sample],
        wasm: &[Sample],
        instructions: Vec<Instructions>,
        beside: Beside,
    ) -> Report {
        let [native, wasm] = [native, wasm].map(|samples| rows(plan, samples));
        Report { machine, bytes: plan.bytes, rounds: plan.rounds, native, wasm, instructions, beside }
    }

    /// Prints the tables.
    pub fn print(&self) {
        let Machine { date, cpu, cores, system, rustc, node, .. } = &self.machine;
        println!(
            "\n{date}, {cpu}, {cores} cores, {system}, {rustc}{}",
            node.as_ref().map_or(String::new(), |v| format!(", Node {v}"))
        );
        println!(
            "{} MiB over one connection, MTU 1500, median of {} (min–max), by CPU time",
            self.bytes >> 20,
            self.rounds
        );
        for (title, rows) in [("native", &self.native), ("WebAssembly in Node", &self.wasm)] {
            if rows.is_empty() {
                continue;
            }
            println!("\n{title}\n{:>8}  {:<13} {:>22} {:>20} {:>8}", "buffer", "", "Gbit/s", "times smoltcp", "of off");
            for row in rows {
                let Row { buffer, variant, gbit_per_s, to_smoltcp, to_off, .. } = row;
                let name = if *variant == "smoltcp" { "smoltcp".to_owned() } else { format!("ours, {variant}") };
                println!(
                    "{:>8}  {name:<18} {:>17} {:>20} {:>8.2}",
                    format!("{} KiB", buffer >> 10),
                    shown(gbit_per_s, 1),
                    shown(to_smoltcp, 2),
                    to_off.median,
                );
            }
        }
        if !self.instructions.is_empty() {
            println!("\ninstructions for one data frame (callgrind, 256 KiB buffers)");
            for Instructions { variant, per_data_frame } in &self.instructions {
                println!("{:>8}  {variant:<13} {per_data_frame:>10.0}", "");
            }
        }
        self.beside.print();
        self.print_aims();
    }

    /// Prints what the aims are and what was reached, over all buffer sizes.
    fn print_aims(&self) {
        println!("\n{:<36} {:>16} {:>16}", "aims (least – most by buffer)", "native", "WebAssembly");
        for (title, number, variant, native, wasm) in AIMS {
            let cell = |rows: &[Row], aim: f64| {
                let of = rows.iter().filter(|row| row.variant == variant).map(|row| number(row).median);
                Spread::of(of).map_or("–".to_owned(), |all| {
                    let sign = if all.min >= aim { "≥" } else { "<" };
                    format!("{:.2}–{:.2} {sign} {aim}", all.min, all.max)
                })
            };
            println!("{title:<36} {:>16} {:>16}", cell(&self.native, native), cell(&self.wasm, wasm));
        }
    }
}

fn shown(spread: &Spread, digits: usize) -> String {
    let Spread { median, min, max } = spread;
    format!("{median:.digits$} ({min:.digits$}–{max:.digits$})")
}

/// One row for each variant and buffer, where there are samples.
fn rows(plan: &Plan, samples: &[Sample]) -> Vec<Row> {
    let pairs = plan.buffers.iter().flat_map(|buffer| VARIANTS.map(|variant| (*buffer, variant)));
    pairs.filter_map(|(buffer, variant)| row(samples, buffer, variant)).collect()
}

fn row(samples: &[Sample], buffer: u32, variant: &'static str) -> Option<Row> {
    let of = |variant: &str| -> Vec<&Sample> {
        samples.iter().filter(|sample| sample.buffer == buffer && sample.variant == variant).collect()
    };
    let own = of(variant);
    let ratio =
        |other: &str| Spread::of(of(other).into_iter().zip(&own).map(|(other, own)| other.seconds / own.seconds));
    let last = own.last()?;
    Some(Row {
        buffer,
        variant,
        seconds: own.iter().map(|sample| sample.seconds).collect(),
        gbit_per_s: Spread::of(own.iter().map(|sample| sample.gbit_per_s()))?,
        to_smoltcp: ratio("smoltcp")?,
        to_off: ratio("off")?,
        to_compiled_out: ratio("compiled-out")?,
        acks_per_data_frame: last.acks as f64 / last.data_frames as f64,
        events_per_data_frame: last.events as f64 / last.data_frames as f64,
    })
}
