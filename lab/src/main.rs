//! The command `lab`: runs scenarios without a page.

use std::process::ExitCode;

mod cli;

/// Counts memory, so that a Python program cannot take the machine's.
#[cfg(not(target_arch = "wasm32"))]
#[global_allocator]
static ALLOCATOR: python::interpreter::Allocator = python::interpreter::Allocator;

fn main() -> ExitCode {
    cli::main()
}
