//! System calls and the expressions that are their arguments.

use super::{Parser, Result, Stop};
use crate::packetdrill::ast::Call;
use crate::packetdrill::calls;
use crate::packetdrill::lexer::{Fault, Tok};
use crate::packetdrill::symbols;
use crate::scenario::suggest::did_you_mean;
use std::net::Ipv4Addr;
use std::ops::Range;

/// As deep as brackets may be nested.
const MAX_DEPTH: usize = 16;

/// An argument, and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Expr {
    pub(crate) span: Range<usize>,
    pub(crate) item: Item,
}

/// What an argument is; words are looked up already.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Item {
    /// `...`
    Ellipsis,
    /// A number, or symbols or-ed.
    Int(i64),
    /// `"text"`
    Str(Vec<u8>),
    /// `inet_addr("192.0.2.1")`
    Ipv4(Ipv4Addr),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `{name=value, …}`
    Struct(Vec<Sub>),
}

/// One part of a `{…}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sub {
    /// Its name, if it has one, and where that stands.
    pub(crate) name: Option<String>,
    pub(crate) span: Range<usize>,
    /// What stands in parentheses behind the name: `msg_iov(1)=…`.
    pub(crate) count: Option<Expr>,
    pub(crate) value: Expr,
}

impl Expr {
    /// How a message names it.
    pub(crate) fn describe(&self) -> &'static str {
        match self.item {
            Item::Ellipsis => "...",
            Item::Int(_) => "a number",
            Item::Str(_) => "a string",
            Item::Ipv4(_) => "an address",
            Item::List(_) => "a list [...]",
            Item::Struct(_) => "a structure {...}",
        }
    }
}

impl Parser<'_> {
    /// `name(args) = result [ERRNO] [(words)]`
    pub(super) fn call(&mut self, end: Option<i64>) -> Result<Call> {
        let name = self.next();
        if name.tok != Tok::Word {
            return Err(self.unexpected(&name, "the name of a system call"));
        }
        self.expect('(')?;
        let mut args = Vec::new();
        if !self.is_punct(')') {
            args.push(self.expr()?);
            while self.accept(',') {
                args.push(self.expr()?);
            }
        }
        let close = self.next();
        if close.tok != Tok::Punct(')') {
            return Err(self.unexpected(&close, "\",\" and another argument, or \")\""));
        }
        let span = name.span.start..self.end_of_last();
        let text = self.text[span.clone()].split_whitespace().collect::<Vec<_>>().join(" ");
        self.expect('=')?;
        let result = self.expr()?;
        let Item::Int(result) = result.item else {
            let message = format!("{} where the result should be", result.describe());
            return Err(Fault::new(result.span, message, "expected a number or symbols").into());
        };
        let errno = self.errno()?;
        self.note()?;
        let place = self.place(name.span.start);
        let kind = calls::compile(&name.text, name.span, span.end - 1..span.end, &args)?;
        Ok(Call { place, end, text, kind, result, errno })
    }

    fn errno(&mut self) -> Result<Option<i32>> {
        if self.peek().tok != Tok::Word {
            return Ok(None);
        }
        let token = self.next();
        match symbols::errno(&token.text) {
            Some(errno) => Ok(Some(errno)),
            None => Err(self.unexpected(&token, "the name of an error, e.g. EAGAIN")),
        }
    }

    /// Words in parentheses behind a result: for the reader only.
    fn note(&mut self) -> Result<()> {
        if !self.accept('(') {
            return Ok(());
        }
        loop {
            let token = self.next();
            match token.tok {
                Tok::Punct(')') => return Ok(()),
                Tok::Word | Tok::Int(_) | Tok::Hex(_) | Tok::Decimal(_) | Tok::Punct(_) => {}
                _ => return Err(self.unexpected(&token, "words and \")\"")),
            }
        }
    }

    fn expr(&mut self) -> Result<Expr> {
        let first = self.single()?;
        if !self.is_punct('|') {
            return Ok(first);
        }
        let start = first.span.start;
        let mut value = number(&first)?;
        while self.accept('|') {
            let next = self.single()?;
            value |= number(&next)?;
        }
        Ok(Expr { span: start..self.end_of_last(), item: Item::Int(value) })
    }

    fn single(&mut self) -> Result<Expr> {
        let token = self.next();
        let start = token.span.start;
        let item = match token.tok {
            Tok::Ellipsis => Item::Ellipsis,
            Tok::Int(value) | Tok::Hex(value) => Item::Int(value),
            Tok::Str(mut bytes) => {
                while let Tok::Str(more) = &self.peek().tok {
                    bytes.extend_from_slice(more);
                    self.next();
                }
                // `"text"...`, as strace abbreviates.
                if self.peek().tok == Tok::Ellipsis {
                    self.next();
                }
                Item::Str(bytes)
            }
            Tok::Word if self.is_punct('(') => self.function(&token.text, token.span.clone())?,
            Tok::Word => match symbols::value(&token.text) {
                Some(_) if symbols::is_ipv6_only(&token.text) => {
                    let reason = format!("{} is of IPv6, which this stack does not have", token.text);
                    return Err(Stop::Skip(reason));
                }
                Some(value) => Item::Int(value),
                None => {
                    let hint = did_you_mean(&token.text, symbols::names());
                    let message = format!("\"{}\" is no symbol that Linux defines", token.text);
                    let hint = hint.unwrap_or_else(|| "expected a number, a symbol, \"...\", [ or {".to_owned());
                    return Err(Fault::new(token.span, message, hint).into());
                }
            },
            Tok::Punct('[') => Item::List(self.nested(|p| p.list(']', Parser::expr))?),
            Tok::Punct('{') => Item::Struct(self.nested(|p| p.list('}', Parser::sub))?),
            _ => return Err(self.unexpected(&token, "an argument: a number, a symbol, \"...\", a string, [ or {")),
        };
        Ok(Expr { span: start..self.end_of_last(), item })
    }

    fn nested<T>(&mut self, inside: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let span = self.peek().span.clone();
            return Err(Fault::new(span, "brackets too deep", "expected no more than 16 within each other").into());
        }
        let result = inside(self);
        self.depth -= 1;
        result
    }

    fn list<T>(&mut self, close: char, one: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        if self.accept(close) {
            return Ok(items);
        }
        loop {
            items.push(one(self)?);
            let token = self.next();
            match token.tok {
                Tok::Punct(',') => {}
                Tok::Punct(c) if c == close => return Ok(items),
                _ => return Err(self.unexpected(&token, &format!("\",\" or \"{close}\""))),
            }
        }
    }

    /// `name=value`, `name(count)=value`, or a bare value.
    fn sub(&mut self) -> Result<Sub> {
        let token = self.peek().clone();
        let named = token.tok == Tok::Word && matches!(self.peek_at(1).tok, Tok::Punct('=' | '('));
        if !named {
            let value = self.expr()?;
            return Ok(Sub { name: None, span: value.span.clone(), count: None, value });
        }
        self.next();
        let mut count = None;
        if self.accept('(') {
            count = Some(self.expr()?);
            self.expect(')')?;
        }
        self.expect('=')?;
        let value = self.expr()?;
        Ok(Sub { name: Some(token.text), span: token.span, count, value })
    }

    /// `htons(8080)`, `inet_addr("…")`
    fn function(&mut self, name: &str, span: Range<usize>) -> Result<Item> {
        self.expect('(')?;
        let arg = self.nested(Parser::expr)?;
        self.expect(')')?;
        match (name, arg.item) {
            ("htons" | "htonl", Item::Int(value)) => Ok(Item::Int(value)),
            ("inet_addr", Item::Str(text)) => {
                let address = std::str::from_utf8(&text).ok().and_then(|t| t.parse().ok());
                let bad = || Fault::new(arg.span, "not an IPv4 address", "expected e.g. \"192.0.2.1\"");
                Ok(Item::Ipv4(address.ok_or_else(bad)?))
            }
            ("inet6_addr", _) => Err(Stop::Skip("it has an IPv6 address, which this stack does not have".to_owned())),
            _ => Err(Fault::new(span, format!("\"{name}\" is no function"), "expected htons or inet_addr").into()),
        }
    }
}

fn number(expr: &Expr) -> Result<i64> {
    match expr.item {
        Item::Int(value) => Ok(value),
        _ => Err(Fault::new(expr.span.clone(), format!("{} beside |", expr.describe()), "expected a number").into()),
    }
}
