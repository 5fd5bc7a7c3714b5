//! `cargo xtask conformance`: packetdrill scripts, those of the Linux kernel and the project's own.
//!
//! The kernel's lie beside the repository, in `../shared/packetdrill`: data that is not part of it. Where they are
//! missing the table says so.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::sh;
use crate::workspace::Workspace;

/// Run the scripts and print a table.
#[derive(clap::Args, Default)]
pub struct Args {
    /// Scripts, or folders with scripts, in place of the suites: all have to pass.
    #[arg(value_name = "FILE.pkt")]
    scripts: Vec<PathBuf>,
    /// Passed to `lab packetdrill`, e.g. `-- --tolerance_usecs=10000`.
    #[arg(last = true, value_name = "OPTION")]
    options: Vec<String>,
}

/// Scripts in one place.
struct Suite {
    name: &'static str,
    path: PathBuf,
    /// So many may fail.
    may_fail: usize,
    /// It is a mistake if the scripts are not there.
    must_be_there: bool,
}

/// How a suite went.
#[derive(Default, PartialEq, Debug)]
struct Outcome {
    passed: usize,
    skipped: usize,
    /// The lines of those that failed.
    failures: Vec<String>,
}

/// `cargo xtask conformance`.
pub fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let paths = args.scripts.iter().map(|path| Suite {
        name: "given",
        path: std::env::current_dir().unwrap_or_default().join(path),
        may_fail: 0,
        must_be_there: true,
    });
    let suites = if args.scripts.is_empty() { suites(&workspace) } else { paths.collect() };
    let (_, wrong) = judge(&workspace, &suites, &args.options)?;
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("; ")) }
}

/// Runs the suites and prints the table: how many scripts passed, and how many failed that should not.
pub fn check(workspace: &Workspace) -> Result<(usize, usize)> {
    let (outcomes, wrong) = judge(workspace, &suites(workspace), &[])?;
    for reason in &wrong {
        eprintln!("error: {reason}");
    }
    let failed = outcomes.iter().map(|(suite, o)| o.failures.len().saturating_sub(*suite)).sum::<usize>();
    Ok((outcomes.iter().map(|(_, o)| o.passed).sum(), failed.max(wrong.len())))
}

fn suites(workspace: &Workspace) -> Vec<Suite> {
    let root = &workspace.root;
    vec![
        // Linux 6.18 passes all 36 of them; one may be beyond us.
        Suite { name: "kernel", path: root.join("../shared/packetdrill"), may_fail: 1, must_be_there: false },
        Suite { name: "own", path: root.join("lab/tests/packetdrill"), may_fail: 0, must_be_there: true },
    ]
}

/// What each suite came to, with how many of its scripts may fail; and what is wrong, in words.
type Judgement = (Vec<(usize, Outcome)>, Vec<String>);

/// Runs suites and prints the table.
fn judge(workspace: &Workspace, suites: &[Suite], options: &[String]) -> Result<Judgement> {
    sh::run(sh::cargo(&workspace.root).args(["build", "--quiet", "--package", "lab"]))?;
    let (mut outcomes, mut wrong) = (Vec::new(), Vec::new());
    let mut table = format!("{:<10}{:>8}{:>8}{:>9}\n", "suite", "passed", "failed", "skipped");
    for suite in suites {
        if !suite.path.exists() {
            table += &format!("{:<10}not there: {}\n", suite.name, suite.path.display());
            if suite.must_be_there {
                wrong.push(format!("there is no {}", suite.path.display()));
            }
            continue;
        }
        let mut cargo = sh::cargo(&workspace.root);
        cargo.args(["run", "--quiet", "--package", "lab", "--", "packetdrill"]).args(options).arg(&suite.path);
        let output = cargo.output().with_context(|| format!("cannot start {}", sh::shown(&cargo)))?;
        let outcome = read(&String::from_utf8_lossy(&output.stdout));
        if outcome.passed + outcome.skipped + outcome.failures.len() == 0 {
            bail!("`{}` ran nothing: {}", sh::shown(&cargo), String::from_utf8_lossy(&output.stderr).trim());
        }
        let failed = outcome.failures.len();
        table += &format!("{:<10}{:>8}{failed:>8}{:>9}\n", suite.name, outcome.passed, outcome.skipped);
        if failed > suite.may_fail {
            wrong.push(format!("{failed} scripts of the suite `{}` fail, at most {} may", suite.name, suite.may_fail));
        }
        outcomes.push((suite.may_fail, outcome));
    }
    print!("{table}");
    for line in outcomes.iter().flat_map(|(_, o)| &o.failures) {
        println!("{line}");
    }
    Ok((outcomes, wrong))
}

/// The lines that `lab packetdrill` prints.
fn read(text: &str) -> Outcome {
    let mut outcome = Outcome::default();
    for line in text.lines() {
        match line.split(' ').next() {
            Some("PASS") => outcome.passed += 1,
            Some("SKIP") => outcome.skipped += 1,
            Some("FAIL") => outcome.failures.push(line.to_owned()),
            _ => {}
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_by_their_first_word() {
        let text = "PASS a.pkt\nFAIL b.pkt:3: expected 1, got 2\nSKIP c.pkt: x\n1 passed, 1 failed, 1 skipped\n";
        let failures = vec!["FAIL b.pkt:3: expected 1, got 2".to_owned()];
        assert_eq!(read(text), Outcome { passed: 1, skipped: 1, failures });
    }
}
