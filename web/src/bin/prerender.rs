//! `prerender TEMPLATE OUT`: draws the first picture of the page into `index.html`.
//!
//! It runs the scenarios beside the template with the Python interpreter, keeps what the programs did (their
//! tapes) beside `OUT`, and puts into the page: the first picture, the recorded run of the scenario that
//! plays by itself, and a flip-book of its first beats that a few lines of script play until the WebAssembly
//! is there.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [template, out] = args.as_slice() else {
        eprintln!("usage: prerender TEMPLATE OUT");
        return ExitCode::FAILURE;
    };
    match web::prerender::run(Path::new(template), Path::new(out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
