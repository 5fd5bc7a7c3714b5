//! The command `lab`: runs scenarios without a page.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    cli::main()
}
