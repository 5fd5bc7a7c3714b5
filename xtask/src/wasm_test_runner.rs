//! The runner of WebAssembly tests: wasm-bindgen's own, as a library.

use std::ffi::OsString;

use anyhow::Result;
use wasm_bindgen_cli::wasm_bindgen_test_runner;

/// Runs one test binary, in Node or in a headless browser as the `WASM_BINDGEN_…` variables say.
pub fn run(args: Vec<OsString>) -> Result<()> {
    // `cargo test --quiet` passes `--quiet` on, which wasm-bindgen's runner does not know.
    let args = args
        .into_iter()
        .filter(|arg| arg != "--quiet" && arg != "-q");
    wasm_bindgen_test_runner::run_cli_with_args(
        [OsString::from("wasm-test-runner")].into_iter().chain(args),
    )
}
