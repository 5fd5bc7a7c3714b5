//! The real bridge, serving the built page.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::process::Process;

/// The token that tests give the bridge, as its `--token`.
const TOKEN: &str = "e2e-token-0123456789abcdef";

/// How long the bridge may take to print its address.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A running `native-bridge`, stopped when dropped.
#[derive(Debug)]
pub struct Bridge {
    process: Process,
    url: String,
}

impl Bridge {
    /// Starts the bridge on a free port with the given arguments, in the network namespace of the calling thread.
    ///
    /// It runs from the root of the repository.
    pub fn start<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Result<Bridge> {
        let program = program_path("native-bridge")?;
        let mut command = Command::new(program);
        command.current_dir(repo_root()).args(["--port", "0", "--token", TOKEN]).args(args);
        let mut process = Process::start(command)?;
        let url = process.wait_for_line(START_LIMIT, "its address", |line| {
            let start = line.find("http://")?;
            line[start..].split_whitespace().next().map(str::to_owned)
        })?;
        Ok(Bridge { process, url })
    }

    /// Starts the bridge without a TAP device, which needs no privilege.
    pub fn without_tap() -> Result<Bridge> {
        Bridge::start(["--no-tap"])
    }

    /// The address it printed, token included.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The token in its address.
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// The process, to read its output or to end it as Ctrl-C does.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// One of our own programs, such as `lab`, as cargo built it beside the running test.
pub fn program_path(name: &str) -> Result<PathBuf> {
    let path = target_dir().join("debug").join(name);
    if !path.is_file() {
        bail!("{} is not there: `cargo xtask test e2e` builds it", path.display());
    }
    Ok(path)
}

/// axe-core, which judges a page's accessibility: `cargo xtask` puts it there.
pub fn axe_core() -> PathBuf {
    repo_root().join("e2e/node_modules/axe-core/axe.min.js")
}

/// The root of the repository that these tests belong to.
pub fn repo_root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    package.parent().map(Path::to_owned).unwrap_or_default()
}

/// Cargo's target folder, found from the running test, which is in `<target>/<profile>/deps`.
pub fn target_dir() -> PathBuf {
    let exe = env::current_exe().unwrap_or_default();
    let profile = exe.ancestors().find(|folder| folder.join("deps").is_dir());
    profile.and_then(Path::parent).map_or_else(|| repo_root().join("target"), Path::to_owned)
}
