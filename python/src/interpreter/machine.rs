//! Running monty from one request to the next.

use super::budget::{self, Meter};
use super::calls::{self, Call};
use super::modules::{self, Module};
use super::source::{Prepared, Program};
use super::state::{self, Next, Saved, Suspended};
use super::{errors, traceback};
use crate::step::{Answer, Request, Step};
use monty::{FunctionCall, MontyRun, NameLookup, RunProgress};
use monty_types::{
    CompileOptions, ExcType, ExtFunctionResult, MontyException, MontyObject, NameLookupResult, PrintWriter,
};
use stack::syscall::{Fd, Syscall};

/// What monty says after running.
type Progress = Result<RunProgress, MontyException>;

pub(super) fn start(file_name: &str, source: &str, argv: &[String]) -> Step {
    let mut full_argv = vec![file_name.to_owned()];
    full_argv.extend_from_slice(argv);
    let program = Program { file_name: file_name.to_owned(), source: source.to_owned(), argv: full_argv };
    let prepared = match program.prepare() {
        Ok(prepared) => prepared,
        Err(error) => return failed(0, traceback::syntax(&error, &program)),
    };
    let names = prepared.modules.iter().map(|module| module.global()).collect();
    let inputs = prepared.modules.iter().map(|module| module.object(&program.argv)).collect();
    let mut machine = Machine { program, prepared, line: 0, open: Vec::new(), exit: None, meter: Meter::default() };
    let progress = MontyRun::new(machine.prepared.text.clone(), "program", names, CompileOptions::default())
        .and_then(|run| run.start(inputs, budget::tracker(), machine.meter.writer()));
    machine.run(progress)
}

pub(super) fn resume(state: &[u8], answer: &Answer) -> Step {
    let Some(saved) = Saved::from_bytes(state) else { return corrupt() };
    let suspended = match saved.next {
        Next::Ending(_) => return saved.end_step(),
        Next::Python(suspended) => suspended,
    };
    let Ok(prepared) = saved.program.prepare() else { return corrupt() };
    let Some(RunProgress::FunctionCall(call)) = suspended.unpack(&prepared.text) else { return corrupt() };
    budget::arm();
    let mut machine = Machine {
        program: saved.program,
        prepared,
        line: saved.line,
        open: saved.open,
        exit: saved.exit,
        meter: Meter::default(),
    };
    machine.note(&call, answer);
    let result = match calls::answered(&call, answer) {
        Ok(value) => ExtFunctionResult::Return(value),
        Err(error) => ExtFunctionResult::Error(error),
    };
    let progress = call.resume(result, machine.meter.writer());
    machine.run(progress)
}

fn corrupt() -> Step {
    failed(0, "sendpath: this isn't the state of a Python program\n".to_owned())
}

/// Says why, then ends with status 1.
fn failed(line: u32, text: String) -> Step {
    state::ending(line, vec![Request::Print { stderr: true, text }, Request::Exit { status: 1 }])
}

/// A program that is running.
struct Machine {
    program: Program,
    prepared: Prepared,
    line: u32,
    open: Vec<Fd>,
    exit: Option<i32>,
    meter: Meter,
}

impl Machine {
    /// Runs on until there is a request to make.
    fn run(mut self, mut progress: Progress) -> Step {
        loop {
            progress = match progress {
                Ok(RunProgress::FunctionCall(call)) => match calls::ask(&call) {
                    Ok(Call::Ask(request)) => return self.suspend(call, request),
                    Ok(Call::Value(value)) => self.go_on(call, value.into()),
                    Ok(Call::Leave { status, message }) => {
                        self.exit = Some(status);
                        self.go_on(call, ExtFunctionResult::Error(MontyException::new(ExcType::SystemExit, message)))
                    }
                    Ok(Call::Detach { fd }) => {
                        self.open.retain(|open| *open != fd);
                        self.go_on(call, MontyObject::None.into())
                    }
                    Ok(Call::Unknown) => {
                        let name = calls::name_of(&call);
                        self.go_on(call, ExtFunctionResult::NotFound(name))
                    }
                    Err(error) => self.go_on(call, ExtFunctionResult::Error(error)),
                },
                Ok(RunProgress::NameLookup(lookup)) => {
                    let found = self.look_up(&lookup);
                    lookup.resume(found, self.meter.writer())
                }
                Ok(RunProgress::OsCall(call)) => {
                    let error = errors::gap("a program here has no files and no environment");
                    call.resume(ExtFunctionResult::Error(error), self.meter.writer())
                }
                Ok(RunProgress::ResolveFutures(futures)) => {
                    futures.abort(errors::gap("asyncio has nothing to wait for here"), self.meter.writer())
                }
                Ok(RunProgress::Complete(_)) => return self.end(0, None),
                Err(error) => return self.uncaught(&error),
            }
        }
    }

    fn go_on(&mut self, call: FunctionCall, result: ExtFunctionResult) -> Progress {
        call.resume(result, self.meter.writer())
    }

    fn look_up(&self, lookup: &NameLookup) -> NameLookupResult {
        match lookup.object_id().and_then(Module::by_id) {
            Some(module) => match module.attribute(&lookup.name) {
                Some(value) => NameLookupResult::Value(value),
                None => NameLookupResult::Error(calls::missing_attribute(module, &lookup.name)),
            },
            None => modules::builtin(&lookup.name, &self.program.file_name).into(),
        }
    }

    /// Packs the program up to wait for the answer to `request`.
    fn suspend(mut self, mut call: FunctionCall, request: Request) -> Step {
        budget::reset(call.tracker_mut());
        let progress = RunProgress::FunctionCall(call);
        let Some(suspended) = Suspended::pack(&progress, &self.prepared.text) else {
            return failed(self.line, "sendpath: this program's state can't be kept\n".to_owned());
        };
        if suspended.len() > budget::STATE_BYTES {
            let text = format!("MemoryError: the program holds more than {} MiB\n", budget::STATE_BYTES >> 20);
            return self.end(1, Some(text));
        }
        // Aborting shows where each frame stands. It uses the program up, so what goes on is the packed one.
        if let RunProgress::FunctionCall(call) = progress
            && let Err(error) = call.abort(MontyException::new(ExcType::RuntimeError, None), PrintWriter::Disabled)
        {
            self.line = traceback::current_line(error.traceback(), &self.prepared);
        }
        let saved = Saved {
            program: self.program,
            line: self.line,
            open: self.open,
            exit: self.exit,
            next: Next::Python(suspended),
        };
        saved.step(request)
    }

    /// Keeps the list of open sockets.
    fn note(&mut self, call: &FunctionCall, answer: &Answer) {
        let Answer::Syscall(ret) = answer else { return };
        match (calls::ask(call), ret.value) {
            (Ok(Call::Ask(Request::Syscall(Syscall::Socket { .. } | Syscall::Accept4 { .. }))), Ok(fd)) => {
                self.open.extend(Fd::try_from(fd));
            }
            (Ok(Call::Ask(Request::Syscall(Syscall::Close { fd }))), _) => self.open.retain(|open| *open != fd),
            _ => {}
        }
    }

    fn uncaught(self, error: &MontyException) -> Step {
        if self.meter.exhausted() {
            let since = if self.line == 0 { String::new() } else { format!(" since line {}", self.line) };
            let text = format!(
                "RuntimeError: no system call{since} in {} million instructions; is there a loop that never ends?\n",
                budget::INSTRUCTIONS / 1_000_000
            );
            return self.end(1, Some(text));
        }
        if error.exc_type() == ExcType::SystemExit {
            let message = error.message().map(|message| format!("{message}\n"));
            let status = self.exit.unwrap_or(i32::from(message.is_some()));
            return self.end(status, message);
        }
        let text = traceback::uncaught(error, &self.program, &self.prepared);
        self.end(1, Some(text))
    }

    /// The end: the last words, then the sockets that are still open, then the status.
    ///
    /// CPython closes a socket that is dropped, and asks its names first: they are for the warning that it
    /// doesn't print by default.
    fn end(self, status: i32, words: Option<String>) -> Step {
        let mut requests = Vec::new();
        requests.extend(words.map(|text| Request::Print { stderr: true, text }));
        for fd in self.open {
            let calls = [Syscall::Getsockname { fd }, Syscall::Getpeername { fd }, Syscall::Close { fd }];
            requests.extend(calls.map(Request::Syscall));
        }
        requests.push(Request::Exit { status });
        state::ending(self.line, requests)
    }
}
