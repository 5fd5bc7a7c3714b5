//! Running a step's program: with a time limit for it and all its descendants, its tests counted as they go by.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::signal::unix::{SignalKind, signal};

use super::Count;
use crate::sh;

/// The process group of the program that runs now.
static CURRENT: Mutex<Option<Pid>> = Mutex::new(None);

/// Has Ctrl-C end the running step's program with all its descendants, and xtask with it.
///
/// The program is in a process group of its own (so that a time limit can end all of it), where the terminal's
/// Ctrl-C does not reach it.
pub(super) fn end_children_on_signals() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            let (Ok(mut interrupt), Ok(mut terminate)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            let name = tokio::select! {
                _ = interrupt.recv() => "Ctrl-C (SIGINT)",
                _ = terminate.recv() => "SIGTERM",
            };
            kill_current();
            eprintln!("\nstopped by {name}");
            std::process::exit(130);
        });
    });
    Ok(())
}

fn kill_current() {
    if let Some(group) = CURRENT.lock().ok().and_then(|mut current| current.take()) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Runs a program that is not a test.
pub(super) fn check(command: &mut Command, limit: Duration) -> Result<Count> {
    run(command, limit)?;
    Ok(Count::default())
}

/// Runs `cargo test` and adds up what its test programs report.
pub(super) fn tests(command: &mut Command, limit: Duration) -> Result<Count> {
    let (count, ok) = supervise(command, limit)?;
    if !ok && count.failed == 0 {
        bail!("`{}` failed outside of its tests", sh::shown(command));
    }
    Ok(count)
}

fn run(command: &mut Command, limit: Duration) -> Result<()> {
    let (_, ok) = supervise(command, limit)?;
    if !ok {
        bail!("`{}` failed", sh::shown(command));
    }
    Ok(())
}

/// Runs a program to its end, its output passed on; returns what its tests reported and whether it succeeded.
fn supervise(command: &mut Command, limit: Duration) -> Result<(Count, bool)> {
    eprintln!("$ {}", sh::shown(command));
    let start = Instant::now();
    command.process_group(0).stdout(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {}", sh::shown(command)))?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    *CURRENT.lock().map_err(|_| anyhow!("the lock is poisoned"))? = group;
    let stdout = child.stdout.take().context("the output is not piped")?;
    let reader = std::thread::spawn(move || pass_on(BufReader::new(stdout)));
    let mut late = false;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > limit {
            late = true;
            kill_current();
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    // What the program left behind would keep the output open, and go on for ever.
    kill_current();
    let count = reader.join().map_err(|_| anyhow!("the reader panicked"))?;
    if late {
        bail!("`{}` was not done within {} s, and was ended", sh::shown(command), limit.as_secs());
    }
    Ok((count, status.success()))
}

/// Copies lines to our own output and adds up the test results among them.
fn pass_on(mut from: impl BufRead) -> Count {
    let mut count = Count::default();
    let mut bytes = Vec::new();
    while matches!(from.read_until(b'\n', &mut bytes), Ok(n) if n > 0) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(&bytes).and_then(|()| out.flush());
        if let Some(more) = test_result(&String::from_utf8_lossy(&bytes)) {
            count.passed += more.passed;
            count.failed += more.failed;
        }
        bytes.clear();
    }
    count
}

/// Reads a line such as `test result: ok. 5 passed; 0 failed; 1 ignored; …`.
fn test_result(line: &str) -> Option<Count> {
    let (_, numbers) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
    let number = |word| {
        let part = numbers.split(';').find_map(|part| part.trim().strip_suffix(word))?;
        part.trim().parse().ok()
    };
    Some(Count { passed: number("passed")?, failed: number("failed")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read() {
        let line =
            "test result: FAILED. 5 passed; 2 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s\n";
        assert_eq!(test_result(line), Some(Count { passed: 5, failed: 2 }));
        assert_eq!(test_result("test skb::push ... ok"), None);
    }

    #[test]
    fn what_takes_too_long_is_ended_with_its_children() {
        let start = Instant::now();
        let mut command = Command::new("sh");
        let error = check(command.args(["-c", "sleep 60 & sleep 60"]), Duration::from_millis(100)).unwrap_err();
        assert!(error.to_string().contains("not done within"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
