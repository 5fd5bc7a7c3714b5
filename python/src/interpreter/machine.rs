//! Running monty from one request to the next.

use super::budget::{self, Meter};
use super::calls::{self, Call};
use super::modules::{self, Module};
use super::source::{Prepared, Program};
use super::state::{self, Next, Raised, Saved, Suspended};
use super::{errors, syntax, traceback};
use crate::step::{Answer, Request, Step};
use monty::{FunctionCall, MontyRun, NameLookup, RunProgress};
use monty_types::{
    AssertMessageAnnotations, CompileOptions, ExcType, ExtFunctionResult, MontyException, MontyObject,
    NameLookupResult, PrintWriter, StackFrame,
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
        Err(error) => return failed(0, syntax::text(&error, &program)),
    };
    let names = prepared.modules.iter().map(|module| module.global()).collect();
    let inputs = prepared.modules.iter().map(|module| module.object(&program.argv)).collect();
    let mut machine =
        Machine { program, prepared, line: 0, open: Vec::new(), exit: None, raised: None, meter: Meter::default() };
    let options = CompileOptions { assert_message_annotations: AssertMessageAnnotations::Off };
    let progress = MontyRun::new(machine.prepared.text.clone(), "program", names, options)
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
        raised: saved.raised,
        meter: Meter::default(),
    };
    machine.note(&call, answer);
    let result = match calls::answered(&call, answer) {
        Ok(value) => ExtFunctionResult::Return(value),
        Err(error) => {
            let again = suspended.unpack(&machine.prepared.text);
            machine.remember(&error, again);
            ExtFunctionResult::Error(error)
        }
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

/// Where each frame of a suspended program stands. Aborting shows it, and uses the program up.
fn frames(progress: RunProgress) -> Vec<StackFrame> {
    let RunProgress::FunctionCall(call) = progress else { return Vec::new() };
    match call.abort(MontyException::new(ExcType::RuntimeError, None), PrintWriter::Disabled) {
        Err(error) => error.traceback().to_vec(),
        Ok(_) => Vec::new(),
    }
}

/// A program that is running.
struct Machine {
    program: Program,
    prepared: Prepared,
    line: u32,
    open: Vec<Fd>,
    exit: Option<i32>,
    raised: Option<Raised>,
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
                    Ok(Call::Line) => {
                        let (call, copy) = self.copy(call);
                        let line = copy.map_or(0, |copy| traceback::current_line(&frames(copy), &self.prepared));
                        self.go_on(call, MontyObject::Int(i64::from(line)).into())
                    }
                    Err(error) => {
                        let (call, copy) = self.copy(call);
                        self.remember(&error, copy);
                        self.go_on(call, ExtFunctionResult::Error(error))
                    }
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

    /// A program that waits in `call`, once more.
    fn copy(&self, call: FunctionCall) -> (FunctionCall, Option<RunProgress>) {
        let progress = RunProgress::FunctionCall(call);
        let text = &self.prepared.text;
        let copy = Suspended::pack(&progress, text).and_then(|packed| packed.unpack(text));
        match progress {
            RunProgress::FunctionCall(call) => (call, copy),
            _ => unreachable!("it was made three lines above"),
        }
    }

    /// Keeps an error that a call is about to raise, with the frames of `copy`, which is used up.
    fn remember(&mut self, error: &MontyException, copy: Option<RunProgress>) {
        let mut frames = copy.map(frames).unwrap_or_default();
        for frame in &mut frames {
            frame.preview_line = None;
        }
        let message = error.message().map(str::to_owned);
        self.raised = Some(Raised { kind: error.exc_type(), message, frames });
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
        let stated = calls::stated_line(&call);
        let progress = RunProgress::FunctionCall(call);
        let Some(suspended) = Suspended::pack(&progress, &self.prepared.text) else {
            return failed(self.line, "sendpath: this program's state can't be kept\n".to_owned());
        };
        if suspended.len() > budget::STATE_BYTES {
            let text = format!("MemoryError: the program holds more than {} MiB\n", budget::STATE_BYTES >> 20);
            return self.end(1, Some(text));
        }
        self.line = stated.unwrap_or_else(|| traceback::current_line(&frames(progress), &self.prepared));
        let saved = Saved {
            program: self.program,
            line: self.line,
            open: self.open,
            exit: self.exit,
            raised: self.raised,
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
            // `raise SystemExit(3)` leaves only the text of its number.
            let status = self.exit.or_else(|| error.message().unwrap_or("0").parse().ok());
            let words = error.message().filter(|_| self.exit.is_some() || status.is_none());
            let words = words.map(|message| format!("{message}\n"));
            return self.end(status.unwrap_or(1), words);
        }
        let whole = self.raised.as_ref().filter(|raised| {
            raised.kind == error.exc_type()
                && raised.message.as_deref() == error.message()
                && raised.frames.len() >= error.traceback().len()
        });
        let frames = whole.map_or(error.traceback(), |raised| &raised.frames);
        let text = traceback::uncaught(error, frames, &self.program, &self.prepared);
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
            let calls = [Syscall::Getsockname { fd, len: 16 }, Syscall::Getpeername { fd }, Syscall::Close { fd }];
            requests.extend(calls.map(Request::Syscall));
        }
        requests.push(Request::Exit { status });
        state::ending(self.line, requests)
    }
}
