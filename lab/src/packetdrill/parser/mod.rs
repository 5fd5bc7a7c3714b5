//! From tokens to a script.
//!
//! packetdrill: `parser.y`. Reading stops at the first mistake, and says where it is and what was expected.

mod expr;
mod options;
mod packet;

#[cfg(all(test, not(target_family = "wasm")))]
mod tests;

pub(crate) use expr::{Expr, Item, Sub};
pub use options::check_option;

use super::ast::{Action, Code, Command, Direction, Event, Place, Script, Time};
use super::code;
use super::lexer::{Fault, Tok, Token, lex};
use crate::scenario::Problems;
use crate::scenario::problem::Reporter;
use std::collections::BTreeMap;
use std::ops::Range;

/// An option of the command line: its name without `--`, and its value.
pub type CliOption = (String, Option<String>);

/// Why a script is not run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It has a mistake.
    Problem(Problems),
    /// It needs something that this stack does not have, and says so: the reason.
    Skip(String),
}

/// Words that the runners of the test suites define, and their values for IPv4.
const DEFINES: &[(&str, &str)] = &[
    ("CMSG_LEVEL_IP", "SOL_IP"),
    ("CMSG_TYPE_RECVERR", "IP_RECVERR"),
    ("CODE", "host_unreachable"),
    ("TFO_COOKIE", "3021b9d889017eeb"),
    ("TFO_COOKIE_ZERO", "b7c12350a90dc8f5"),
];

/// Reads a script. Options of the command line count more than its own.
///
/// # Errors
/// If the script has a mistake, or needs what this stack does not have.
pub fn parse(file: &str, text: &str, cli: &[CliOption]) -> Result<Script, Refusal> {
    match read(file, text, cli) {
        Ok(script) => match options::skip_reason(&script) {
            Some(reason) => Err(Refusal::Skip(reason)),
            None => Ok(script),
        },
        Err(Stop::Skip(reason)) => Err(Refusal::Skip(reason)),
        Err(Stop::Fault(fault)) => {
            let mut reporter = Reporter::new(file, text);
            reporter.report(fault.span, fault.message, fault.hint);
            Err(reporter.finish(()).map_or_else(Refusal::Problem, |()| Refusal::Skip(String::new())))
        }
    }
}

/// Why reading stops.
#[derive(Debug)]
pub(crate) enum Stop {
    Fault(Fault),
    Skip(String),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

type Result<T, E = Stop> = std::result::Result<T, E>;

fn read(file: &str, text: &str, cli: &[CliOption]) -> Result<Script> {
    let tokens = lex(text)?;
    let mut parser = Parser { text, tokens, at: 0, line_starts: line_starts(text), depth: 0 };
    let (options, defines) = parser.options(cli)?;
    parser.define(&defines)?;
    let init = parser.command();
    let mut events = Vec::new();
    let mut cleanup = None;
    let mut at_least: Option<i64> = None;
    while parser.peek().tok != Tok::End {
        if let Some(command) = parser.command() {
            if parser.peek().tok != Tok::End {
                let token = parser.peek().clone();
                return Err(parser.unexpected(&token, "the end of the script after the cleanup command"));
            }
            cleanup = Some(command);
            break;
        }
        let event = parser.event(events.is_empty())?;
        if let Time::Absolute(ns) | Time::AbsoluteRange(ns, _) = event.1.time {
            if at_least.is_some_and(|before| ns < before) {
                return Err(
                    Fault::new(event.0, "time goes backwards", "expected a time not before the last event's").into()
                );
            }
            at_least = Some(ns);
        } else {
            at_least = None;
        }
        events.push(event.1);
    }
    if events.is_empty() {
        let token = parser.peek().clone();
        return Err(parser.unexpected(&token, "an event: a time, then a packet, call, command or code"));
    }
    Ok(Script { file: file.to_owned(), text: text.to_owned(), options, init, events, cleanup })
}

/// Where each line begins, in bytes.
fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

pub(crate) struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    line_starts: Vec<usize>,
    /// How deep brackets are nested.
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.peek_at(0)
    }

    /// The token `ahead` places further; the last one stands for all behind it.
    fn peek_at(&self, ahead: usize) -> &Token {
        &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    /// Where the last token taken ends.
    fn end_of_last(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |at| self.tokens[at].span.end)
    }

    fn place(&self, at: usize) -> Place {
        let line = self.line_starts.partition_point(|start| *start <= at);
        let start = self.line_starts[line - 1];
        let column = self.text.get(start..at).map_or(0, |t| t.chars().count());
        Place { line: line as u32, column: column as u32 + 1 }
    }

    fn unexpected(&self, token: &Token, expected: &str) -> Stop {
        let message = format!("unexpected {}", token.describe());
        Fault::new(token.span.clone(), message, format!("expected {expected}")).into()
    }

    fn is_punct(&self, c: char) -> bool {
        self.peek().tok == Tok::Punct(c)
    }

    /// Takes the character, if it is next.
    fn accept(&mut self, c: char) -> bool {
        let is = self.is_punct(c);
        if is {
            self.next();
        }
        is
    }

    fn expect(&mut self, c: char) -> Result<Token> {
        let token = self.next();
        if token.tok == Tok::Punct(c) { Ok(token) } else { Err(self.unexpected(&token, &format!("\"{c}\""))) }
    }

    fn is_word(&self, word: &str) -> bool {
        self.peek().tok == Tok::Word && self.peek().text == word
    }

    fn accept_word(&mut self, word: &str) -> bool {
        let is = self.is_word(word);
        if is {
            self.next();
        }
        is
    }

    fn expect_word(&mut self, word: &str) -> Result<()> {
        let token = self.next();
        let is = token.tok == Tok::Word && token.text == word;
        if is { Ok(()) } else { Err(self.unexpected(&token, &format!("\"{word}\""))) }
    }

    /// An integer within a range.
    fn integer<T: TryFrom<i64>>(&mut self, what: &str) -> Result<T> {
        let token = self.next();
        let Tok::Int(value) = token.tok else { return Err(self.unexpected(&token, what)) };
        T::try_from(value)
            .map_err(|_| Fault::new(token.span, format!("{value} is out of range"), format!("expected {what}")).into())
    }

    /// Replaces the words that are defined by their values.
    fn define(&mut self, defines: &BTreeMap<String, String>) -> Result<()> {
        for token in self.tokens.iter_mut().skip(self.at).filter(|t| t.tok == Tok::Word) {
            let Some(value) = defines.get(&token.text) else { continue };
            let mut lexed = lex(value).map_err(|f| Fault { span: token.span.clone(), ..f })?;
            let single = lexed.len() == 2;
            token.tok = if single { lexed.swap_remove(0).tok } else { Tok::Word };
            token.text.clone_from(value);
        }
        Ok(())
    }

    fn command(&mut self) -> Option<Command> {
        let Tok::Backquote(text) = &self.peek().tok else { return None };
        let text = text.clone();
        let place = self.place(self.peek().span.start);
        self.next();
        Some(Command { place, text })
    }

    /// An event, and where its time stands.
    fn event(&mut self, first: bool) -> Result<(Range<usize>, Event)> {
        let start = self.peek().span.start;
        let place = self.place(start);
        let time = self.time()?;
        let span = start..self.end_of_last();
        if first && !matches!(time, Time::Absolute(0) | Time::Relative(0)) {
            return Err(Fault::new(span, "the first event is not at time 0", "expected 0 or +0").into());
        }
        let action_span = self.peek().span.clone();
        let action = self.action()?;
        let outbound = matches!(&action, Action::Packet(p) if p.direction == Direction::Outbound);
        if !outbound && matches!(time, Time::Any | Time::AbsoluteRange(..) | Time::RelativeRange(..)) {
            let hint = "expected a packet from the stack (>) after a time of this kind";
            return Err(
                Fault::new(action_span, "only an outbound packet may come at any of several times", hint).into()
            );
        }
        Ok((span, Event { place, time, action }))
    }

    fn time(&mut self) -> Result<Time> {
        if self.accept('*') {
            return Ok(Time::Any);
        }
        let relative = self.accept('+');
        let start = self.peek().span.start;
        let from = self.seconds()?;
        if !self.accept('~') {
            return Ok(if relative { Time::Relative(from) } else { Time::Absolute(from) });
        }
        if relative {
            self.expect('+')?;
        }
        let to = self.seconds()?;
        if to < from {
            let span = start..self.end_of_last();
            return Err(Fault::new(span, "the range of times is backwards", "expected the earlier time first").into());
        }
        Ok(if relative { Time::RelativeRange(from, to) } else { Time::AbsoluteRange(from, to) })
    }

    /// Seconds, as nanoseconds.
    fn seconds(&mut self) -> Result<i64> {
        let token = self.next();
        let ns = match token.tok {
            Tok::Int(seconds) => seconds.checked_mul(1_000_000_000),
            Tok::Decimal(ns) => Some(ns),
            _ => return Err(self.unexpected(&token, "a time in seconds")),
        };
        // A year is more than any script waits, and keeps sums of times small.
        ns.filter(|ns| (0..=31_536_000_000_000_000).contains(ns)).ok_or_else(|| {
            Fault::new(token.span, "a time that cannot be", "expected seconds, not negative, less than a year").into()
        })
    }

    /// A mistake on a line of a code block.
    fn code_fault(&self, block: Range<usize>, line: u32, message: String) -> Fault {
        let start = self.line_starts.get(line as usize - 1).copied().unwrap_or(0).max(block.start);
        let end = self.text[start..].find('\n').map_or(self.text.len(), |at| start + at).min(block.end);
        let blank = self.text[start..end].len() - self.text[start..end].trim_start().len();
        Fault::new(start + blank..end, message, "expected Python: assert, NAME = VALUE, print or if")
    }

    fn action(&mut self) -> Result<Action> {
        let token = self.peek().clone();
        match token.tok {
            Tok::Punct('<' | '>') => self.packet().map(Action::Packet),
            Tok::Backquote(_) => match self.command() {
                Some(command) => Ok(Action::Command(command)),
                None => Err(self.unexpected(&token, "a command")),
            },
            Tok::Code(text) => {
                self.next();
                let line = self.place(token.span.start).line;
                code::check(&text).map_err(|e| self.code_fault(token.span.clone(), line + e.line, e.message))?;
                Ok(Action::Code(Code { line, text }))
            }
            Tok::Ellipsis => {
                self.next();
                let end = self.seconds()?;
                self.call(Some(end)).map(|call| Action::Call(Box::new(call)))
            }
            Tok::Word => self.call(None).map(|call| Action::Call(Box::new(call))),
            _ => Err(self.unexpected(&token, "a packet (< or >), a system call, a `command` or a %{ code block }%")),
        }
    }
}
