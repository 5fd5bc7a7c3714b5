//! `lab run`.

use super::{PROBLEM, RunArgs, load, strace};
use lab::program::Monty;
use lab::tape::Tapes;
use lab::world::TaskState;
use lab::{Lab, RunState};
use stack::trace::{EventId, What};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;

/// Events between two looks at what was printed.
const SLICE_EVENTS: usize = 50_000;
/// The log may take that much.
const BUDGET_BYTES: usize = 4 << 30;

pub(super) fn run(args: &RunArgs) -> Result<ExitCode, String> {
    let mut scenario = load::scenario(&args.scenario)?;
    if let Some(seed) = args.seed {
        scenario.set_seed(seed);
    }
    if let Some(until) = args.until {
        scenario.until = until;
    }
    if let Some(name) = args.strace.as_deref().filter(|n| !n.is_empty())
        && !scenario.programs.iter().any(|p| p.name == name)
    {
        let names: Vec<&str> = scenario.programs.iter().map(|p| p.name.as_str()).collect();
        return Err(format!("--strace: no program is called \"{name}\"; there are: {}", names.join(", ")));
    }
    let mut lab = match &args.play {
        None => Lab::new(scenario),
        Some(path) => {
            let bytes = std::fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
            let tapes = Tapes::from_bytes(&bytes).ok_or_else(|| format!("{} is not a tape", path.display()))?;
            Lab::with_tapes(scenario, tapes)
        }
    };
    lab.set_interpreter(Rc::new(Monty));
    lab.set_budget(BUDGET_BYTES);

    let mut printer = Printer::new(&lab, args.strace.is_some());
    while lab.advance(SLICE_EVENTS).state == RunState::Running {
        printer.print_new(&lab).map_err(cannot_print)?;
        if lab.last().0 > args.max_events {
            let ms = lab.progress().now.as_millis();
            return Err(format!(
                "stopped after {} events, at {ms} ms of virtual time: see --until and --max-events",
                lab.last().0
            ));
        }
    }
    printer.print_new(&lab).map_err(cannot_print)?;

    if let Some(only) = &args.strace {
        strace::print(&lab, only).map_err(cannot_print)?;
    }
    if let Some(path) = &args.events {
        save(path, lab.events_jsonl().as_bytes())?;
    }
    if let Some(path) = &args.pcapng {
        save(path, &lab.pcapng())?;
    }
    if let Some(path) = &args.tape {
        save(path, &lab.tapes().to_bytes())?;
    }
    if args.digest {
        println!("{:016x}", lab.digest());
    }
    Ok(verdict(&lab))
}

/// Says which programs ended badly.
fn verdict(lab: &Lab) -> ExitCode {
    let mut code = 0;
    if lab.progress().state == RunState::Stuck {
        eprintln!("lab: a program goes round in circles: it never waits, and nothing happens");
        code = PROBLEM;
    }
    for task in lab.world().tasks().iter().take(lab.scenario().programs.len()) {
        if let TaskState::Exited(status) = task.state()
            && status != 0
        {
            let host = lab.config().host_name(task.host());
            eprintln!("lab: {} on {host} ended with status {status}", task.executable().name);
            code = PROBLEM;
        }
    }
    if lab.forgotten() > 0 {
        eprintln!("lab: the first {} events were too many to keep", lab.forgotten());
    }
    ExitCode::from(code)
}

fn save(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|e| format!("cannot write {}: {e}", path.display()))
}

fn cannot_print(error: std::io::Error) -> String {
    format!("cannot print: {error}")
}

/// Prints what programs print, as it happens; where there are several programs, each line says whose it is.
struct Printer {
    seen: EventId,
    to_stderr: bool,
    prefixed: bool,
    /// The unfinished line of each task and stream that has one.
    open: Vec<(stack::trace::TaskId, bool, String)>,
}

impl Printer {
    fn new(lab: &Lab, to_stderr: bool) -> Printer {
        Printer { seen: EventId::NONE, to_stderr, prefixed: lab.scenario().programs.len() > 1, open: Vec::new() }
    }

    fn print_new(&mut self, lab: &Lab) -> std::io::Result<()> {
        for (id, event) in lab.log().since(EventId(self.seen.0 + 1)) {
            self.seen = id;
            if let What::Print { task, stderr, bytes } = event.what {
                let text = String::from_utf8_lossy(lab.log().bytes(bytes));
                self.print(lab, task, stderr, &text)?;
            }
        }
        if lab.progress().state != RunState::Running {
            for (task, stderr, rest) in std::mem::take(&mut self.open) {
                self.line(lab, task, stderr, &rest)?;
            }
        }
        Ok(())
    }

    fn print(&mut self, lab: &Lab, task: stack::trace::TaskId, stderr: bool, text: &str) -> std::io::Result<()> {
        if !self.prefixed {
            return self.write(stderr, text);
        }
        let at = self.open.iter().position(|(t, s, _)| (*t, *s) == (task, stderr));
        let mut rest = at.map_or_else(String::new, |at| self.open.remove(at).2);
        rest += text;
        while let Some(end) = rest.find('\n') {
            let line: String = rest.drain(..=end).collect();
            self.line(lab, task, stderr, line.trim_end_matches('\n'))?;
        }
        if !rest.is_empty() {
            self.open.push((task, stderr, rest));
        }
        Ok(())
    }

    fn line(&self, lab: &Lab, task: stack::trace::TaskId, stderr: bool, line: &str) -> std::io::Result<()> {
        let whose = lab
            .world()
            .task(task)
            .map_or_else(String::new, |t| format!("{} {}", lab.config().host_name(t.host()), t.executable().name));
        self.write(stderr, &format!("{whose} | {line}\n"))
    }

    fn write(&self, stderr: bool, text: &str) -> std::io::Result<()> {
        if stderr || self.to_stderr {
            std::io::stderr().write_all(text.as_bytes())
        } else {
            std::io::stdout().write_all(text.as_bytes())
        }
    }
}
