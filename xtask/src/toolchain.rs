//! The part of the Rust toolchain that the page needs and that a fresh machine lacks.

use std::path::Path;

use anyhow::{Context, Result, bail};
use e2e::find_program;

use crate::sh;
use crate::workspace::{WASM, Workspace};

/// Adds the wasm target to the toolchain in use when it is missing. Nothing else of the toolchain is touched.
pub fn ensure_wasm_target(workspace: &Workspace) -> Result<()> {
    let mut rustc = sh::command("rustc", &workspace.root);
    let folder = sh::read(rustc.args(["--print", "target-libdir", "--target", WASM]))?;
    if Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    if find_program("rustup").is_none() {
        bail!(
            "this Rust cannot compile to WebAssembly, and there is no rustup to add it: \
             install the target {WASM} (Debian: `apt-get install libstd-rust-dev-wasm32`), or Rust from https://rustup.rs"
        );
    }
    eprintln!("      adding the target {WASM} to the toolchain in use");
    let mut rustup = sh::command("rustup", &workspace.root);
    sh::run(rustup.args(["target", "add", WASM])).context("the page needs this target")
}
