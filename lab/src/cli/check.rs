//! `lab check`.

use super::{PROBLEM, load};
use std::path::PathBuf;
use std::process::ExitCode;

pub(super) fn check(scenarios: &[PathBuf]) -> Result<ExitCode, String> {
    let mut bad = false;
    for path in scenarios {
        match load::scenario(path) {
            Ok(s) => {
                let count = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
                println!(
                    "{}: ok: {}, {}, {}",
                    path.display(),
                    count(s.hosts.len(), "host"),
                    count(s.wires.len(), "wire"),
                    count(s.programs.len(), "program")
                );
            }
            Err(message) => {
                eprintln!("lab: {message}");
                bad = true;
            }
        }
    }
    Ok(ExitCode::from(if bad { PROBLEM } else { 0 }))
}
