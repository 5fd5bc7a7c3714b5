//! A child process with all its descendants in one process group, killed when dropped.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::guard::Guard;

/// A running program whose output is collected, and whose process group dies with this value.
///
/// A panicking test unwinds through here, so it leaves no Chromium behind.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: Arc<Mutex<String>>,
    lines: Receiver<String>,
    _guard: Guard,
    // Deleted after the processes that write to it have ended.
    _folder: TempDir,
}

impl Process {
    /// Starts `command` in a process group of its own with a `TMPDIR` of its own, its output and errors collected.
    pub fn start(mut command: Command) -> Result<Process> {
        let name = command.get_program().to_string_lossy().into_owned();
        let folder = tempfile::Builder::new().prefix("sendpath-").tempdir()?;
        command.process_group(0).env("TMPDIR", folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let group = child.id().to_string();
        let script = r#"kill -s KILL -- "-$1"; sleep 0.2; rm -rf -- "$2""#;
        let guard = Guard::new(script, [group.as_ref(), folder.path().as_os_str()])?;
        let log = Arc::new(Mutex::new(String::new()));
        let (to, lines) = channel();
        let streams: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|stream| Box::new(stream) as _),
            child.stderr.take().map(|stream| Box::new(stream) as _),
        ];
        for stream in streams.into_iter().flatten() {
            let (to, log) = (to.clone(), Arc::clone(&log));
            // Reads to the end: a child whose pipe is full would stop.
            std::thread::spawn(move || {
                let mut stream = BufReader::new(stream);
                let mut bytes = Vec::new();
                while matches!(stream.read_until(b'\n', &mut bytes), Ok(n) if n > 0) {
                    let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
                    bytes.clear();
                    if let Ok(mut log) = log.lock() {
                        log.push_str(&line);
                        log.push('\n');
                    }
                    let _ = to.send(line);
                }
            });
        }
        Ok(Process { name, child, log, lines, _guard: guard, _folder: folder })
    }

    /// Waits for a line of output from which `pick` gets something; fails when the program ends or the time is up.
    pub fn wait_for_line<T>(
        &mut self,
        limit: Duration,
        what: &str,
        mut pick: impl FnMut(&str) -> Option<T>,
    ) -> Result<T> {
        let until = Instant::now() + limit;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(found) = pick(&line) {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{} did not print {what} within {limit:?}; it printed:\n{}", self.name, self.output())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("{} ended before it printed {what}; it printed:\n{}", self.name, self.output())
                }
            }
        }
    }

    /// Everything printed until now, on both streams.
    pub fn output(&self) -> String {
        self.log.lock().map(|log| log.clone()).unwrap_or_default()
    }

    /// The process id, which is also the id of its group.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGINT, what Ctrl-C sends, and waits for the end.
    pub fn interrupt(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.signal(Signal::INT);
        self.wait(limit)
    }

    /// Waits for the end of the program itself (not of its descendants).
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > until {
                bail!("{} still runs after {limit:?}; it printed:\n{}", self.name, self.output());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether the program still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The group exists as long as one of its members does, so this also ends what outlived the leader.
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Runs a program to its end and returns what it printed; an error holds its own words.
pub(crate) fn run<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>) -> Result<String> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null());
    let output = command.output().with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        bail!("{command:?} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
