//! The command `lab`: runs scenarios without a page.

use std::process::ExitCode;

mod cli;

/// Counts memory, so that a Python program cannot take the machine's.
#[global_allocator]
static ALLOCATOR: python::interpreter::Allocator = python::interpreter::Allocator;

fn main() -> ExitCode {
    cli::main()
}
