//! The runner of WebAssembly tests: wasm-bindgen's own, as a library.

use std::ffi::OsString;

use anyhow::Result;
use wasm_bindgen_cli::wasm_bindgen_test_runner;

/// Runs one test binary, in Node or in a headless browser as the `WASM_BINDGEN_…` variables say.
pub fn run(args: Vec<OsString>) -> Result<()> {
    // `cargo test --quiet` passes `--quiet` on, which wasm-bindgen's runner does not know.
    let args = args.into_iter().filter(|arg| arg != "--quiet" && arg != "-q");
    wasm_bindgen_test_runner::run_cli_with_args([OsString::from("wasm-test-runner")].into_iter().chain(args))
}

#[cfg(test)]
mod tests {
    /// Tests of both kinds run in the same browser: webdriver.json may not fall behind.
    #[test]
    fn webdriver_json_has_the_flags_of_the_end_to_end_tests() {
        let json: serde_json::Value = serde_json::from_str(include_str!("../webdriver.json")).unwrap();
        let flags = json.pointer("/goog:chromeOptions/args").unwrap();
        for flag in flags.as_array().unwrap() {
            let flag = flag.as_str().unwrap();
            assert!(e2e::CHROMIUM_FLAGS.contains(&flag), "{flag}");
        }
        assert!(flags.as_array().unwrap().len() >= 8);
    }
}
