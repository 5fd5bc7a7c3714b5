//! Cleaning up for a test that can't: one that was killed, or stopped with Ctrl-C.
//!
//! A value's `drop` runs when a test returns or panics, and not when its process dies. A guard is a small shell that
//! waits for exactly that: it reads from a pipe whose other end only this process holds.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// Runs a shell script when this process dies before the guard is dropped.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
}

impl Guard {
    /// Sets the guard; `args` are the script's `$1`, `$2`, ….
    pub(crate) fn new<const N: usize>(script: &str, args: [&OsStr; N]) -> Result<Guard> {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("read -r _; {script}"), "guard"]).args(args);
        // In a group of its own: what ends this process's group does not end the guard.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let shell = command.spawn().context("cannot start sh")?;
        Ok(Guard { shell })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Killed before its pipe closes, so it does nothing.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
