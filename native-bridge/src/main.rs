//! The command `native-bridge`; see `cli.rs`.

use std::process::ExitCode;

fn main() -> ExitCode {
    native_bridge::cli::main()
}
