//! `cargo xtask test`: everything the CI runs, step by step, with a table at the end.
//!
//! A step that fails does not stop the others, so that one run shows everything that is wrong.

mod child;
mod steps;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::workspace::Workspace;
use steps::{STEPS, Step};

/// Run the tests.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask test                       everything, as the CI does
  cargo xtask test --quick               what needs neither a browser nor WebAssembly
  cargo xtask test wasm                  the steps with `wasm` in their name
  cargo xtask test e2e -- journey        the end-to-end tests with `journey` in their name

The last line of the output is `N passed, N failed`: each test counts one, and so does each step without tests.")]
pub struct Args {
    /// Only what needs neither a browser nor WebAssembly.
    #[arg(long)]
    quick: bool,
    /// List the steps and do nothing.
    #[arg(long)]
    list: bool,
    /// Only the steps whose names contain one of these, and what they rest on.
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Passed to the test programs.
    #[arg(last = true, value_name = "TEST ARGS")]
    harness: Vec<String>,
}

/// What the steps work with.
struct Context {
    workspace: Workspace,
    harness: Vec<String>,
}

/// How many tests a step ran.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
struct Count {
    passed: usize,
    failed: usize,
}

/// How a step went.
struct Report {
    step: &'static Step,
    count: Count,
    error: Option<String>,
    time: Duration,
}

/// `cargo xtask test`.
pub fn run(args: Args) -> Result<()> {
    if args.list {
        for step in STEPS {
            println!("{:<14} {}", step.name, step.title);
        }
        return Ok(());
    }
    let chosen = choose(&args)?;
    child::end_children_on_signals()?;
    let context = Context { workspace: Workspace::load()?, harness: args.harness };
    let start = Instant::now();
    let mut reports: Vec<Report> = Vec::new();
    for (index, &step) in chosen.iter().enumerate() {
        eprintln!("\n=== [{}/{}] {}: {}", index + 1, chosen.len(), step.name, step.title);
        let broken = reports.iter().find(|report| report.error.is_some() && step.needs.contains(&report.step.name));
        let report = match broken {
            Some(broken) => {
                let error = format!("not run, because `{}` failed", broken.step.name);
                Report { step, count: Count { passed: 0, failed: 1 }, error: Some(error), time: Duration::ZERO }
            }
            None => take(step, &context),
        };
        match &report.error {
            Some(error) => eprintln!("=== {} FAILED: {error}", step.name),
            None => eprintln!("=== {} ok, {:.1} s", step.name, report.time.as_secs_f64()),
        }
        let stop = step.name == "tools" && report.error.is_some();
        reports.push(report);
        if stop {
            break;
        }
    }
    summarise(&reports, start.elapsed())
}

/// The steps to take, in order, with those they rest on.
fn choose(args: &Args) -> Result<Vec<&'static Step>> {
    let wanted = |step: &&Step| {
        let named = args.filters.is_empty() || args.filters.iter().any(|filter| step.name.contains(filter.as_str()));
        named && (step.quick || !args.quick)
    };
    let wanted: Vec<_> = STEPS.iter().filter(wanted).collect();
    if wanted.is_empty() {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        bail!("no step is named like {}; the steps are: {}", args.filters.join(" or "), names.join(", "));
    }
    let needed = |name| wanted.iter().any(|step| step.name == name || step.needs.contains(&name));
    Ok(STEPS.iter().filter(|step| needed(step.name)).collect())
}

fn take(step: &'static Step, context: &Context) -> Report {
    let start = Instant::now();
    let (count, error) = match (step.run)(context) {
        Ok(count) if count.failed > 0 => (count, Some(format!("{} tests failed", count.failed))),
        // A step without tests counts as one.
        Ok(count) if count == Count::default() => (Count { passed: 1, failed: 0 }, None),
        Ok(count) => (count, None),
        Err(error) => (Count { passed: 0, failed: 1 }, Some(format!("{error:#}"))),
    };
    Report { step, count, error, time: start.elapsed() }
}

fn summarise(reports: &[Report], time: Duration) -> Result<()> {
    println!("\n{:<14} {:<7} {:>8}  tests", "step", "", "seconds");
    for Report { step, count, error, time } in reports {
        let word = if error.is_some() { "FAILED" } else { "ok" };
        let tests = match count {
            _ if !step.has_tests => String::new(),
            Count { passed, failed: 0 } => format!("{passed}"),
            Count { passed, failed } => format!("{passed} passed, {failed} failed"),
        };
        println!("{:<14} {word:<7} {:>8.1}  {tests}", step.name, time.as_secs_f64());
    }
    println!("{:<14} {:<7} {:>8.1}\n", "in all", "", time.as_secs_f64());
    for report in reports {
        if let Some(error) = &report.error {
            println!("{}: {error}", report.step.name);
        }
    }
    let passed: usize = reports.iter().map(|report| report.count.passed).sum();
    let failed: usize = reports.iter().map(|report| report.count.failed).sum();
    println!("{passed} passed, {failed} failed");
    if failed > 0 {
        std::process::exit(1);
    }
    Ok(())
}
