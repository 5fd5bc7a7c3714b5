//! System calls of a script: made, waited for, checked.

use super::clock::When;
use super::{Driver, Failure, Result};
use crate::packetdrill::ast::Call;
use crate::packetdrill::calls::{Address, CallKind, Mismatch, check, make, makes_descriptor};
use crate::packetdrill::symbols::errno_name;
use crate::tape::Answer;
use crate::world::{ScriptAnswer, ScriptAsk};
use stack::syscall::{SockAddr, SysRet, Syscall};

/// So long may a call sleep that the script does not expect to, ns.
const PATIENCE_NS: i64 = 3_600_000_000_000;
/// So long is a call waited for when the next is due, ns.
const BETWEEN_CALLS_NS: i64 = 1_000_000_000;

/// A call that sleeps.
#[derive(Clone, Debug)]
pub(super) struct InFlight {
    line: u32,
    call: Call,
    /// When it is to return.
    end: When,
}

impl Driver {
    pub(super) async fn call(&mut self, line: u32, call: &Call, when: When) -> Result {
        // Only one call is made at a time: this one waits for the one that sleeps.
        self.wait_with_call(line, when, call).await?;
        let kind = &call.kind;
        if *kind == CallKind::Nothing {
            let now = self.now().await;
            return self.returned(line, call, &SysRet::ok(0), now).await;
        }
        let made = make(kind, &self.fds, &self.script.options)
            .map_err(|e| Failure::new(line, format!("{}: {e}", call.text)))?;
        self.before(kind, &made);
        let now = self.now().await;
        let end = call.end.map(|end| Self::end_of(when, end));
        match (self.ask(ScriptAsk::Begin(made)).await, end) {
            (Answer::Syscall(ret), end) => {
                let at = self.now().await;
                if let Some(end) = end {
                    self.check_end(line, end, at - self.clock.start_ns)?;
                }
                self.returned(line, call, &ret, at).await
            }
            (_, Some(end)) => {
                self.note(now, &format!("{} ...", call.text)).await;
                self.in_flight = Some(InFlight { line, call: call.clone(), end });
                Ok(())
            }
            (_, None) => {
                let until = now + PATIENCE_NS;
                match self.ask(ScriptAsk::Await { until_ns: until as u64 }).await {
                    Answer::Script(ScriptAnswer::Returned { at_ns, ret }) => {
                        self.returned(line, call, &ret, at_ns as i64).await
                    }
                    _ => Err(Failure::new(line, format!("expected {} to return, got no end of its sleep", call.text))),
                }
            }
        }
    }

    /// The end of a call that blocks, as a time to check. Its tolerance counts from its beginning.
    fn end_of(when: When, end: i64) -> When {
        // A relative end is relative to the same anchor as the beginning.
        let end = if when.relative { when.anchor_ns + end } else { end };
        When { from_ns: end, to_ns: end, before_ns: Some(when.from_ns), ..when }
    }

    fn check_end(&self, line: u32, end: When, at: i64) -> Result {
        self.clock.check(end, at, "the call to return").map_err(|m| Failure::mismatch(line, m))
    }

    /// Waits for the time of a call; if another sleeps, for that too.
    async fn wait_with_call(&mut self, line: u32, when: When, call: &Call) -> Result {
        let at = self.clock.start_ns + when.from_ns;
        if self.now().await < at {
            self.ask(ScriptAsk::SleepUntil { ns: at as u64 }).await;
        }
        self.poll_call().await?;
        if self.in_flight.is_some() {
            let until = self.now().await + BETWEEN_CALLS_NS;
            self.collect(until).await?;
        }
        if let Some(sleeping) = &self.in_flight {
            let text = format!("{} while {} of line {} still sleeps", call.text, sleeping.call.text, sleeping.line);
            return Err(Failure::new(line, text));
        }
        let now = self.now().await - self.clock.start_ns;
        self.clock.check(when, now, "the call").map_err(|m| Failure::mismatch(line, m))
    }

    /// Has the call that sleeps returned?
    pub(super) async fn poll_call(&mut self) -> Result {
        if self.in_flight.is_none() {
            return Ok(());
        }
        self.collect(0).await
    }

    /// At the end of the script: the call must return within `patience_ns`.
    pub(super) async fn await_call(&mut self, line: u32, patience_ns: i64) -> Result {
        if self.in_flight.is_none() {
            return Ok(());
        }
        let until = self.now().await + patience_ns;
        self.collect(until).await?;
        match &self.in_flight {
            None => Ok(()),
            Some(sleeping) => {
                let text = format!("the script ends (line {line}) while {} still sleeps", sleeping.call.text);
                Err(Failure::new(sleeping.line, text))
            }
        }
    }

    async fn collect(&mut self, until: i64) -> Result {
        let answer = self.ask(ScriptAsk::Await { until_ns: until.max(0) as u64 }).await;
        let Answer::Script(ScriptAnswer::Returned { at_ns, ret }) = answer else { return Ok(()) };
        let Some(sleeping) = self.in_flight.take() else { return Ok(()) };
        let result = self.check_end(sleeping.line, sleeping.end, at_ns as i64 - self.clock.start_ns);
        let result = match result {
            Ok(()) => self.returned(sleeping.line, &sleeping.call, &ret, at_ns as i64).await,
            wrong => wrong,
        };
        self.forgive(result, self.script.options.calls_not_fatal).await
    }

    /// What the script's view of its sockets needs to know before a call is made.
    fn before(&mut self, kind: &CallKind, made: &Syscall) {
        match (kind, made) {
            (CallKind::Connect { fd, addr }, Syscall::Connect { addr: to, .. }) => self.connect(*fd, addr, *to),
            (CallKind::Send { fd, to: Some(addr), .. }, call) => {
                if let Syscall::Sendto { addr: Some(to), .. } = inner(call) {
                    self.connect(*fd, addr, *to);
                }
            }
            (CallKind::Sendmsg { fd, .. }, Syscall::Sendmsg { addr: Some(to), .. }) => {
                self.connect(*fd, &Address::Given, *to);
            }
            _ => {}
        }
    }

    fn connect(&mut self, fd: i32, addr: &Address, to: SockAddr) {
        let disconnect = matches!(addr, Address::Family(0));
        self.session.connect(fd, (!disconnect).then_some((to.addr, to.port)));
    }

    async fn returned(&mut self, line: u32, call: &Call, ret: &SysRet, at_ns: i64) -> Result {
        let shown = match ret.value {
            Ok(value) => value.to_string(),
            Err(error) => format!("-1 {}", errno_name(error as i32)),
        };
        self.note(at_ns, &format!("{} = {shown}", call.text)).await;
        let expected = (call.result, call.errno);
        let tolerance = (self.script.options.tolerance_ns, self.clock.start_ns);
        check(&call.kind, expected, ret, tolerance).map_err(|m| {
            Failure::mismatch(line, Mismatch { expected: format!("{} for {}", m.expected, call.text), got: m.got })
        })?;
        self.after(call, ret).map_err(|e| Failure::new(line, e))
    }

    /// Keeps the books after a call.
    fn after(&mut self, call: &Call, ret: &SysRet) -> std::result::Result<(), String> {
        let Ok(value) = ret.value else { return Ok(()) };
        let script_fd = call.result as i32;
        if makes_descriptor(&call.kind) {
            self.fds.add(script_fd, value as i32)?;
        }
        match call.kind {
            CallKind::Socket { kind, protocol, .. } => self.session.socket(script_fd, kind, protocol),
            CallKind::Bind { fd, .. } => self.session.bind(fd),
            CallKind::Listen { fd, .. } => self.session.listen(fd),
            CallKind::Accept { .. } => self.session.accept(script_fd, ret.addr.map_or(0, |a| a.port))?,
            CallKind::Close { fd } => {
                self.fds.remove(fd);
                self.session.close(fd);
            }
            _ => {}
        }
        Ok(())
    }
}

fn inner(call: &Syscall) -> &Syscall {
    match call {
        Syscall::Null(call) => call,
        other => other,
    }
}
