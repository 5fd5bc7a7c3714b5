//! What a hundred thousand idle connections add to the cost of a segment on another connection of the host.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::sample::Spread;
use crate::sh;
use crate::workspace::Workspace;

/// The crowd. It is compared with none.
const IDLE: u32 = 100_000;
/// The most that it may add.
const AIM: f64 = 0.10;

/// The result.
#[derive(Serialize)]
pub struct Beside {
    idle: u32,
    /// CPU time of a segment that is received and read, its part of an ACK included.
    ns_alone: Spread,
    ns_beside: Spread,
    /// By how much more it costs beside the crowd: 0.1 is a tenth.
    added: Spread,
}

/// One line of the program's output.
#[derive(Deserialize)]
struct Round {
    idle: u32,
    segments: u32,
    seconds: f64,
}

impl Round {
    fn ns(&self) -> f64 {
        self.seconds * 1e9 / f64::from(self.segments)
    }
}

/// Measures so many rounds.
pub fn measure(workspace: &Workspace, program: &Path, rounds: u32) -> Result<Beside> {
    let mut command = sh::command(program, &workspace.root);
    command.args(["beside", "--idle", &format!("0,{IDLE}"), "--segments", "100000", "--rounds", &rounds.to_string()]);
    sum_up(&sh::read(&mut command)?)
}

fn sum_up(text: &str) -> Result<Beside> {
    let read = |line| serde_json::from_str(line).with_context(|| format!("cannot understand `{line}`"));
    let rounds = text.lines().map(read).collect::<Result<Vec<Round>>>()?;
    let of = |idle| rounds.iter().filter(move |round| round.idle == idle).map(Round::ns);
    let added = of(0).zip(of(IDLE)).map(|(alone, beside)| beside / alone - 1.0);
    let spread = Spread::of(of(0)).zip(Spread::of(of(IDLE))).zip(Spread::of(added));
    let ((ns_alone, ns_beside), added) = spread.context("the program printed no round")?;
    Ok(Beside { idle: IDLE, ns_alone, ns_beside, added })
}

impl Beside {
    /// Prints a line.
    pub fn print(&self) {
        let Beside { idle, ns_alone, ns_beside, added } = self;
        println!("\na received segment beside {idle} idle connections");
        println!(
            "          {:.0} ns beside none, {:.0} ns beside all: {:+.1} % ({:+.1}–{:+.1}) {} {:.0} %",
            ns_alone.median,
            ns_beside.median,
            added.median * 100.0,
            added.min * 100.0,
            added.max * 100.0,
            if added.median < AIM { "<" } else { "≥" },
            AIM * 100.0
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_compared_with_each_other() {
        let line = |idle: u32, seconds: f64| format!(r#"{{"idle":{idle},"segments":1000,"seconds":{seconds}}}"#);
        let text = [line(0, 1e-3), line(IDLE, 1.1e-3), line(0, 2e-3), line(IDLE, 2e-3)].join("\n");
        let beside = sum_up(&text).unwrap();
        assert_eq!(beside.ns_alone.min.round(), 1000.0);
        assert!((beside.added.median - 0.05).abs() < 1e-9);
        assert!(sum_up("").is_err());
    }
}
