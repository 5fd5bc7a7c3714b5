//! Instructions for one data frame, counted by callgrind: the same on a busy machine.
//!
//! Two transfers of different length are counted; what they have in common, the start and the set-up, falls out of
//! the difference.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::VARIANTS;
use super::sample::Sample;
use crate::sh;
use crate::workspace::Workspace;

/// Socket buffers, bytes.
const BUFFER: &str = "262144";
/// How much the two transfers send, bytes.
const BYTES: [u64; 2] = [8 << 20, 24 << 20];

/// What one variant takes.
#[derive(Serialize)]
pub struct Instructions {
    /// Who carried the bytes.
    pub variant: &'static str,
    /// Instructions for one data frame, with its share of acknowledgments, system calls and copies; both hosts.
    pub per_data_frame: f64,
}

/// Counts for every variant.
pub fn count(workspace: &Workspace, program: &Path) -> Result<Vec<Instructions>> {
    let one = |variant: &'static str| {
        let [few, many] = BYTES.map(|bytes| measure(workspace, program, variant, bytes));
        let (few, many) = (few?, many?);
        let per_data_frame = (many.0 - few.0) as f64 / (many.1 - few.1) as f64;
        Ok(Instructions { variant, per_data_frame })
    };
    VARIANTS.into_iter().map(one).collect()
}

/// Instructions and data frames of one transfer.
fn measure(workspace: &Workspace, program: &Path, variant: &str, bytes: u64) -> Result<(u64, u64)> {
    let mut valgrind = sh::command("valgrind", &workspace.root);
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    valgrind.args(["once", variant, BUFFER, &bytes.to_string()]);
    let output = valgrind.stderr(Stdio::piped()).output().context("cannot start valgrind")?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("`{}` failed ({})\n{log}", sh::shown(&valgrind), output.status);
    }
    let samples = Sample::read_all(&String::from_utf8_lossy(&output.stdout))?;
    let sample = samples.first().context("the program printed nothing")?;
    Ok((collected(&log).context("callgrind did not say what it counted")?, sample.data_frames))
}

/// The number behind `Collected :`.
fn collected(log: &str) -> Option<u64> {
    let line = log.lines().find(|line| line.contains("Collected"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_callgrind_collected_is_read() {
        let log = "==1== Events    : Ir\n==1== Collected : 421787\n==1== \n";
        assert_eq!(super::collected(log), Some(421_787));
        assert_eq!(super::collected("nothing"), None);
    }
}
