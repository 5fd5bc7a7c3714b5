//! The scenarios that are shipped, as text: for tests that run where there are no files.

use lab::Lab;
use lab::program::Interpreter;
use lab::scenario::Scenario;
use python::{Answer, Step};
use std::rc::Rc;

macro_rules! texts {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../../../www/", $name)))),*] };
}

/// Every scenario, by its path below `www`.
pub const SCENARIOS: &[(&str, &str)] = texts![
    "scenarios/gateway.toml",
    "scenarios/hello.toml",
    "scenarios/http.toml",
    "scenarios/loss.toml",
    "scenarios/ping.toml",
    "scenarios/refused.toml",
    "scenarios/send.toml",
    "scenarios/switch.toml",
];

const PROGRAMS: &[(&str, &str)] = texts![
    "programs/hello.py",
    "programs/hello_server.py",
    "programs/refused.py",
    "programs/send.py",
    "programs/server.py",
    "programs/upload.py",
];

/// What the scenarios' digests are to be: a line for each, `name digest`.
pub const DIGESTS: &str = include_str!("../digests.txt");

/// Python, whatever features the library was built with.
pub struct Monty;

impl Interpreter for Monty {
    fn start(&self, file_name: &str, source: &str, argv: &[String]) -> Step {
        python::interpreter::start(file_name, source, argv)
    }

    fn resume(&self, state: &[u8], answer: &Answer) -> Step {
        python::interpreter::resume(state, answer)
    }
}

/// Reads a scenario's text; programs are those that are shipped.
pub fn parse(name: &str, text: &str) -> Scenario {
    let load = |path: &str| {
        let wanted = path.trim_start_matches("../");
        let found = PROGRAMS.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| "no such file".to_owned())
    };
    Scenario::parse(name, text, &mut { load }).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A shipped scenario, by its file name.
#[allow(dead_code)]
pub fn shipped(file: &str) -> Scenario {
    let name = format!("scenarios/{file}");
    let (name, text) = SCENARIOS.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no {name}"));
    parse(name, text)
}

/// A scenario run to its end.
pub fn run(scenario: Scenario) -> Lab {
    let mut lab = Lab::new(scenario);
    lab.set_interpreter(Rc::new(Monty));
    lab.run();
    lab
}

/// The lines of [`DIGESTS`] as they come out here.
pub fn digests() -> String {
    let line = |(name, text): &(&str, &str)| {
        let lab = run(parse(name, text));
        format!("{name} {:016x} {} events\n", lab.digest(), lab.last().0)
    };
    SCENARIOS.iter().map(line).collect()
}
