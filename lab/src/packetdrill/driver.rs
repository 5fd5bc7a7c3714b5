//! A script at work: event by event, as a program.
//!
//! packetdrill: `run.c`. An event of the script's own (a packet to the stack, a call, a command, a look) waits
//! for its time; a packet from the stack is taken as soon as it is there, and its time is compared.

mod call;
mod clock;
mod packet;

use super::ast::{Action, Direction, Event, Script};
use super::calls::{Descriptors, Mismatch};
use super::code;
use super::session::Session;
use super::shell::{self, Nstat, Step, Strict};
use crate::program::Sys;
use crate::tape::{Answer, Ask};
use crate::world::{Change, ScriptAnswer, ScriptAsk};
use clock::{Clock, When, seconds};
use stack::syscall::{SO_MEMINFO, SOL_SOCKET, SOL_TCP, TCP_CC_INFO, TCP_INFO};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// The program that a script is. It prints one line, `PASS` or `FAIL` and why, and ends with 0 or 1. With the
/// argument `--trace` it prints packets and calls too.
pub fn start(sys: Sys, script: Rc<Script>, args: &[String]) -> Pin<Box<dyn Future<Output = i32>>> {
    let trace = args.iter().any(|a| a == "--trace");
    Box::pin(async move {
        let mut driver = Driver::new(sys, Rc::clone(&script), trace);
        let result = driver.run().await;
        let (line, status) = match result {
            Ok(()) => (format!("PASS {}\n", script.file), 0),
            Err(failure) => (format!("FAIL {}:{}: {}\n", script.file, failure.line, failure.text), 1),
        };
        driver.sys.print(line).await;
        status
    })
}

/// Why a script fails.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Failure {
    line: u32,
    text: String,
}

impl Failure {
    fn new(line: u32, text: impl Into<String>) -> Failure {
        Failure { line, text: text.into() }
    }

    fn mismatch(line: u32, difference: Mismatch) -> Failure {
        Failure::new(line, format!("expected {}, got {}", difference.expected, difference.got))
    }
}

type Result<T = ()> = std::result::Result<T, Failure>;

struct Driver {
    sys: Sys,
    script: Rc<Script>,
    trace: bool,
    session: Session,
    fds: Descriptors,
    clock: Clock,
    /// The call that sleeps.
    in_flight: Option<call::InFlight>,
    /// Packets leave whole, and the card cuts them: what `ethtool -K … tso off gso off` ends.
    segmentation: bool,
    /// The packet taken last was the beginning of one, whose rest follows.
    rest_follows: bool,
    /// The line that has read the beginning of such a packet, while no line has read its rest.
    unfinished: Option<u32>,
    /// What was seen for code blocks.
    looks: Vec<Look>,
    /// The counters at nstat's last look.
    counted: BTreeMap<String, u64>,
}

/// The socket under test at a code block's time.
struct Look {
    line: u32,
    text: String,
    tcp_info: Vec<u8>,
    cc_info: Vec<u8>,
    mem_info: Vec<u8>,
}

impl Driver {
    fn new(sys: Sys, script: Rc<Script>, trace: bool) -> Driver {
        Driver {
            sys,
            session: Session::new(&script.options),
            clock: Clock::new(&script.options),
            script,
            trace,
            fds: Descriptors::default(),
            in_flight: None,
            segmentation: true,
            rest_follows: false,
            unfinished: None,
            looks: Vec::new(),
            counted: BTreeMap::new(),
        }
    }

    async fn run(&mut self) -> Result {
        let script = Rc::clone(&self.script);
        if let Some(commands) = &script.options.init_scripts {
            self.command(1, commands).await?;
        }
        if let Some(command) = &script.init {
            self.command(command.place.line, &command.text).await?;
        }
        if script.options.dry_run {
            return Ok(());
        }
        self.clock.start_ns = self.now().await;
        for event in &script.events {
            self.event(event).await?;
        }
        self.finish().await?;
        if let Some(command) = &script.cleanup {
            self.command(command.place.line, &command.text).await?;
        }
        self.run_code().await?;
        self.reset().await;
        Ok(())
    }

    async fn event(&mut self, event: &Event) -> Result {
        self.poll_call().await?;
        let line = event.place.line;
        let now = self.now().await;
        let inbound = matches!(&event.action, Action::Packet(p) if p.direction == Direction::Inbound);
        let when = self.clock.resolve(event.time, inbound, now);
        match &event.action {
            Action::Packet(packet) if inbound => {
                self.session.begin_packet(packet).map_err(|e| Failure::new(line, e))?;
                self.wait(line, when, "the packet to the stack").await?;
                self.inject(line, packet).await?;
            }
            Action::Packet(packet) => {
                self.session.begin_packet(packet).map_err(|e| Failure::new(line, e))?;
                let result = self.expect(line, packet, when).await;
                self.forgive(result, script_options(&self.script).packets_not_fatal).await?;
            }
            Action::Call(call) => {
                let result = self.call(line, call, when).await;
                self.forgive(result, script_options(&self.script).calls_not_fatal).await?;
            }
            Action::Command(command) => {
                self.wait(line, when, "the command").await?;
                self.command(line, &command.text).await?;
            }
            Action::Code(code) => {
                self.wait(line, when, "the code block").await?;
                self.look(code.line, &code.text).await?;
            }
        }
        self.clock.done(when, inbound);
        Ok(())
    }

    /// `--non_fatal`: a failure is only told.
    async fn forgive(&mut self, result: Result, not_fatal: bool) -> Result {
        match result {
            Err(failure) if not_fatal => {
                let warning = format!("warning: {}:{}: {}\n", self.script.file, failure.line, failure.text);
                self.sys.print(warning).await;
                Ok(())
            }
            other => other,
        }
    }

    /// Virtual time, ns.
    async fn now(&self) -> i64 {
        self.sys.clock().await as i64
    }

    /// Script time, ns.
    async fn ask(&self, ask: ScriptAsk) -> Answer {
        self.sys.ask(Ask::Script(ask)).await
    }

    /// Waits for an event's time; it must not have passed by more than the tolerance.
    async fn wait(&mut self, line: u32, when: When, what: &str) -> Result {
        let at = self.clock.start_ns + when.from_ns;
        if self.now().await < at {
            self.ask(ScriptAsk::SleepUntil { ns: at as u64 }).await;
        }
        let now = self.now().await - self.clock.start_ns;
        self.clock.check(when, now, what).map_err(|m| Failure::mismatch(line, m))
    }

    async fn note(&self, at_ns: i64, text: &str) {
        if self.trace {
            self.sys.print(format!("{} {text}\n", seconds(at_ns - self.clock.start_ns))).await;
        }
    }

    /// What is left after the last event.
    async fn finish(&mut self) -> Result {
        let last = self.script.events.last().map_or(0, |e| e.place.line);
        if self.script.options.strict {
            self.refuse_unread(last).await?;
        }
        if let Some(line) = self.unfinished {
            return Err(Failure::new(line, "expected a packet of this length, got a longer one that begins with it"));
        }
        self.await_call(last, 1_000_000_000).await
    }

    async fn command(&mut self, line: u32, text: &str) -> Result {
        let at = self.now().await;
        self.note(at, &format!("`{}`", text.trim())).await;
        let steps = shell::parse(text).map_err(|e| Failure::new(line, e))?;
        for step in steps {
            match step {
                Step::Change(change, strict) => self.change(line, change, strict).await?,
                Step::Nstat(look) => self.nstat(line, &look, text).await?,
                Step::Sleep(ns) => {
                    let until = self.now().await as u64 + ns;
                    self.ask(ScriptAsk::SleepUntil { ns: until }).await;
                }
            }
        }
        Ok(())
    }

    async fn change(&mut self, line: u32, change: Change, strict: Strict) -> Result {
        if let Change::Offload { feature, on } = &change
            && matches!(feature.as_str(), "tso" | "gso")
        {
            self.segmentation = *on;
        }
        match self.ask(ScriptAsk::Change(change)).await {
            Answer::Script(ScriptAnswer::Changed(Err(error))) if strict == Strict::Must => {
                Err(Failure::new(line, error))
            }
            _ => Ok(()),
        }
    }

    async fn nstat(&mut self, line: u32, look: &Nstat, command: &str) -> Result {
        let Answer::Script(ScriptAnswer::Counters(counters)) = self.ask(ScriptAsk::Counters).await else {
            return Ok(());
        };
        let since = |(name, value): &(String, u64)| {
            let before = if look.absolute { 0 } else { self.counted.get(name).copied().unwrap_or(0) };
            (name.clone(), value.saturating_sub(before))
        };
        let shown: Vec<(String, u64)> = counters.iter().map(since).collect();
        if !look.keep {
            self.counted = counters.into_iter().collect();
        }
        if look.greps.is_empty() || !look.lines(&shown).is_empty() {
            return Ok(());
        }
        // What the names that are searched for really are.
        let named = |name: &str| look.greps.iter().any(|g| name.contains(g.pattern.trim()));
        let values: Vec<String> =
            shown.iter().filter(|(n, v)| *v != 0 && named(n)).map(|(n, v)| format!("{n} {v}")).collect();
        let got = if values.is_empty() { "no such counter has changed".to_owned() } else { values.join(", ") };
        Err(Failure::new(line, format!("expected `{}` to find something, got: {got}", command.trim())))
    }

    async fn look(&mut self, line: u32, text: &str) -> Result {
        let Some(socket) = self.session.current() else {
            return Err(Failure::new(line, "there is no socket for this code to look at"));
        };
        let Some(fd) = socket.fd.and_then(|fd| self.fds.live(fd).ok()) else {
            return Err(Failure::new(
                line,
                "the socket under test has no descriptor: it was not accepted, or it is closed",
            ));
        };
        let tcp_info = self.inspect(fd, SOL_TCP, TCP_INFO, code::TCP_INFO_BYTES).await;
        let tcp_info = tcp_info.map_err(|e| Failure::new(line, format!("getsockopt(TCP_INFO): {e}")))?;
        let cc_info = self.inspect(fd, SOL_TCP, TCP_CC_INFO, 64).await.unwrap_or_default();
        let mem_info = self.inspect(fd, SOL_SOCKET, SO_MEMINFO, 64).await.unwrap_or_default();
        self.looks.push(Look { line, text: text.to_owned(), tcp_info, cc_info, mem_info });
        Ok(())
    }

    async fn inspect(&self, fd: i32, level: i32, name: i32, len: usize) -> std::result::Result<Vec<u8>, String> {
        match self.ask(ScriptAsk::Inspect { fd, level, name, len }).await {
            Answer::Script(ScriptAnswer::Inspected(ret)) => match ret.value {
                Ok(_) => Ok(ret.data),
                Err(errno) => Err(errno.name().to_owned()),
            },
            _ => Err("no answer".to_owned()),
        }
    }

    /// Runs all code blocks, in order.
    async fn run_code(&mut self) -> Result {
        let mut python = code::Session::default();
        for look in std::mem::take(&mut self.looks) {
            code::constants(&mut python);
            code::tcp_info(&mut python, &look.tcp_info);
            code::cc_info(&mut python, &look.cc_info);
            code::mem_info(&mut python, &look.mem_info);
            let result = python.run(&look.text);
            let printed = std::mem::take(&mut python.printed);
            if !printed.is_empty() {
                self.sys.print(printed).await;
            }
            if let Err(error) = result {
                let text = match &error.got {
                    Some(got) => format!("expected {}, got {got}", error.message),
                    None => error.message.clone(),
                };
                return Err(Failure::new(look.line + error.line, text));
            }
        }
        Ok(())
    }
}

fn script_options(script: &Script) -> &super::ast::Options {
    &script.options
}
