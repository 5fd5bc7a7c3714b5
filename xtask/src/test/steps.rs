//! The steps of `cargo xtask test`.
//!
//! The selections of packages are few and repeat: cargo builds a library again for each new set of features, and
//! each new selection of packages is one. `--workspace` serves the checks, `Workspace::product` the tests, and xtask
//! is built alone, as `cargo xtask` builds it.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::child::{check, tests};
use super::{Context, Count};
use crate::sh::{self, Steps};
use crate::workspace::WASM;
use crate::{conformance, page, tidy, tools};

/// One step of the run.
pub(super) struct Step {
    /// What the user filters by.
    pub(super) name: &'static str,
    /// What it does.
    pub(super) title: &'static str,
    /// Part of `--quick`.
    pub(super) quick: bool,
    /// Its tests are counted one by one.
    pub(super) has_tests: bool,
    /// Steps that have to be taken before.
    pub(super) needs: &'static [&'static str],
    /// Does it.
    pub(super) run: fn(&Context) -> Result<Count>,
}

impl Step {
    /// A step of every run, that counts as one.
    const fn new(name: &'static str, title: &'static str, run: fn(&Context) -> Result<Count>) -> Step {
        Step { name, title, quick: true, has_tests: false, needs: &[], run }
    }

    /// Not part of `--quick`.
    const fn slow(self) -> Step {
        Step { quick: false, ..self }
    }

    /// Its tests are counted one by one.
    const fn counted(self) -> Step {
        Step { has_tests: true, ..self }
    }

    /// Not taken when one of these failed.
    const fn after(self, needs: &'static [&'static str]) -> Step {
        Step { needs, ..self }
    }
}

/// All steps, in order: what fails fastest first.
#[rustfmt::skip]
pub(super) const STEPS: &[Step] = &[
    Step::new("tools", "the programs that the tests need", need_tools).slow(),
    Step::new("format", "cargo fmt --check", format),
    Step::new("tidy", "cargo xtask tidy", tidy_up),
    Step::new("clippy", "clippy on everything, native", clippy),
    Step::new("clippy-wasm", "clippy on what runs in the browser", clippy_wasm).slow().after(&["tools"]),
    Step::new("docs", "cargo doc without a warning", docs).slow(),
    Step::new("page", "cargo xtask build", build_page).slow().after(&["tools"]),
    Step::new("test", "native tests of what we ship", native_tests).counted(),
    Step::new("conformance", "packetdrill scripts: the Linux kernel's and our own", scripts).counted(),
    Step::new("test-chores", "native tests of xtask", chores_tests).slow().counted(),
    Step::new("wasm-node", "WebAssembly tests in Node", wasm_node).slow().counted().after(&["tools"]),
    Step::new("wasm-browser", "WebAssembly tests in headless Chromium", wasm_browser).slow().counted().after(&["tools"]),
    Step::new("e2e", "the page and the bridge in headless Chromium", end_to_end).slow().counted().after(&["tools", "page"]),
    Step::new("release", "the bridge as it is shipped, with the page inside", release).slow().after(&["tools", "page"]),
];

/// What runs in the browser.
const IN_BROWSER: &[&str] = &["stack", "lab", "bridge-protocol", "web", "python"];

/// For what mostly compiles; a cold machine is slow.
const COMPILE_LIMIT: Duration = Duration::from_secs(30 * 60);

fn cargo(context: &Context, args: &[&[&str]]) -> Command {
    let mut cargo = sh::cargo(&context.workspace.root);
    cargo.args(args.concat());
    cargo
}

fn need_tools(context: &Context) -> Result<Count> {
    tools::ensure(&context.workspace)?;
    crate::toolchain::ensure_wasm_target(&context.workspace)?;
    Ok(Count::default())
}

fn format(context: &Context) -> Result<Count> {
    check(&mut cargo(context, &[&["fmt", "--all", "--check"]]), COMPILE_LIMIT)
}

fn tidy_up(context: &Context) -> Result<Count> {
    tidy::check(&context.workspace)?;
    Ok(Count::default())
}

fn clippy(context: &Context) -> Result<Count> {
    let args = ["clippy", "--workspace", "--all-targets"];
    let features = context.workspace.page_features();
    check(&mut cargo(context, &[&args, features, &["--", "-D", "warnings"]]), COMPILE_LIMIT)
}

fn clippy_wasm(context: &Context) -> Result<Count> {
    let mut args = vec!["clippy", "--target", WASM];
    args.extend(IN_BROWSER.iter().flat_map(|name| ["--package", name]));
    if context.workspace.has_interpreter() {
        args.extend(["--features", "python/wasm"]);
    }
    check(&mut cargo(context, &[&args, &["--", "-D", "warnings"]]), COMPILE_LIMIT)
}

fn docs(context: &Context) -> Result<Count> {
    let features = context.workspace.page_features();
    let mut cargo = cargo(context, &[&["doc", "--workspace", "--no-deps"], features]);
    check(cargo.env("RUSTDOCFLAGS", "-D warnings"), COMPILE_LIMIT)
}

fn native_tests(context: &Context) -> Result<Count> {
    let programs = context.workspace.test_programs(|package| package.name != "e2e" && package.name != "xtask");
    let mut targets = vec!["--lib", "--bins"];
    targets.extend(programs.into_iter().flat_map(|name| ["--test", name]));
    let product = context.workspace.product();
    let unit = run_tests(context, cargo(context, &[&["test", "--no-fail-fast"], &product, &targets]))?;
    // The examples in the documentation are a mode of their own.
    let docs = run_tests(context, cargo(context, &[&["test", "--no-fail-fast", "--doc"], &product]))?;
    Ok(Count { passed: unit.passed + docs.passed, failed: unit.failed + docs.failed })
}

/// Each script counts one.
fn scripts(context: &Context) -> Result<Count> {
    let (passed, failed) = conformance::check(&context.workspace)?;
    Ok(Count { passed, failed })
}

fn chores_tests(context: &Context) -> Result<Count> {
    run_tests(context, cargo(context, &[&["test", "--package", "xtask", "--bins"]]))
}

fn wasm_node(context: &Context) -> Result<Count> {
    wasm_tests(context, ("WASM_BINDGEN_TEST_ONLY_NODE", "1"))
}

fn wasm_browser(context: &Context) -> Result<Count> {
    wasm_tests(context, ("WASM_BINDGEN_USE_BROWSER", "1"))
}

/// The tests of the packages that depend on `wasm-bindgen-test`; the others have none that WebAssembly could run.
fn wasm_tests(context: &Context, (name, value): (&str, &str)) -> Result<Count> {
    let packages = context.workspace.packages.iter();
    let with_tests =
        packages.filter(|package| package.dependencies.iter().any(|other| other.name == "wasm-bindgen-test"));
    let selection: Vec<_> = with_tests.flat_map(|package| ["--package", &package.name]).collect();
    if selection.is_empty() {
        eprintln!("no package depends on wasm-bindgen-test");
        return Ok(Count::default());
    }
    // `--tests` leaves the examples in the documentation to the native run.
    let args = ["test", "--no-fail-fast", "--target", WASM, "--tests"];
    let mut cargo = cargo(context, &[&args, &selection]);
    cargo.env(name, value);
    run_tests(context, cargo)
}

fn build_page(context: &Context) -> Result<Count> {
    page::build(&context.workspace, &page::Args { dev: false }, &mut Steps::new(page::STEPS))?;
    page::print_sizes(&context.workspace.dist())?;
    Ok(Count::default())
}

fn end_to_end(context: &Context) -> Result<Count> {
    // What the native tests built, and the programs: without `--tests` other features, and the libraries once more.
    let product = context.workspace.product();
    check(&mut cargo(context, &[&["build", "--tests", "--bins"], &product]), COMPILE_LIMIT)?;
    let programs = context.workspace.test_programs(|package| package.name == "e2e");
    let targets: Vec<_> = programs.into_iter().flat_map(|name| ["--test", name]).collect();
    run_tests(context, cargo(context, &[&["test", "--no-fail-fast"], &product, &targets]))
}

fn release(context: &Context) -> Result<Count> {
    check(&mut cargo(context, &[&["build", "--release", "--package", "native-bridge"]]), COMPILE_LIMIT)
}

/// Runs `cargo test` with what the user wants to pass to the test programs.
fn run_tests(context: &Context, mut cargo: Command) -> Result<Count> {
    if !context.harness.is_empty() {
        cargo.arg("--").args(&context.harness);
    }
    tests(&mut cargo, COMPILE_LIMIT).context("the tests did not run")
}
