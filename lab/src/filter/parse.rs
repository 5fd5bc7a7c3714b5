//! From words and signs to an expression. `or` binds least, then `xor`, `and`, `not`.

use super::field::{Field, Kind, names};
use super::token::{Token, Wrong, tokens};
use super::{Expr, Op, Value};
use crate::scenario::suggest::nearest;
use std::net::Ipv4Addr;

/// How deep parentheses and `not` may go: the parser calls itself.
const DEPTH: u32 = 64;

pub(super) fn parse(text: &str) -> Result<Option<Expr>, Wrong> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser { tokens, at: 0, end: text.trim_end().len(), depth: 0 };
    let expr = parser.or()?;
    match parser.peek() {
        None => Ok(Some(expr)),
        Some(Token::Sign(")")) => parser.fail("This ) closes nothing."),
        Some(_) => parser.fail("Something is missing before this: &&, || or an operator."),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    end: usize,
    depth: u32,
}

type Parsed<T> = Result<T, Wrong>;

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn place(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |(at, _)| *at)
    }

    fn fail<T>(&self, what: impl Into<String>) -> Parsed<T> {
        Err((self.place(), what.into()))
    }

    /// Takes one of these signs or words, if it comes next.
    fn take(&mut self, any: &[&str]) -> bool {
        let found = match self.peek() {
            Some(Token::Sign(sign)) => any.contains(sign),
            Some(Token::Word(word)) => any.contains(&word.to_ascii_lowercase().as_str()),
            _ => false,
        };
        self.at += usize::from(found);
        found
    }

    fn or(&mut self) -> Parsed<Expr> {
        let mut left = self.xor()?;
        while self.take(&["||", "or"]) {
            left = Expr::Or(left.into(), self.xor()?.into());
        }
        Ok(left)
    }

    fn xor(&mut self) -> Parsed<Expr> {
        let mut left = self.and()?;
        while self.take(&["^^", "xor"]) {
            left = Expr::Xor(left.into(), self.and()?.into());
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Expr> {
        let mut left = self.not()?;
        while self.take(&["&&", "and"]) {
            left = Expr::And(left.into(), self.not()?.into());
        }
        Ok(left)
    }

    fn not(&mut self) -> Parsed<Expr> {
        self.depth += 1;
        if self.depth > DEPTH {
            return self.fail("This is nested too deeply.");
        }
        let expr = if self.take(&["!", "not"]) { Expr::Not(self.not()?.into()) } else { self.atom()? };
        self.depth -= 1;
        Ok(expr)
    }

    fn atom(&mut self) -> Parsed<Expr> {
        let opened = self.place();
        if self.take(&["("]) {
            let inner = self.or()?;
            return if self.take(&[")"]) { Ok(inner) } else { Err((opened, "This ( is not closed.".to_owned())) };
        }
        let field = self.field()?;
        let number = matches!(field.kind, Kind::Number | Kind::Flag | Kind::Ipv4);
        if matches!(self.peek(), Some(Token::Sign("&"))) {
            if !number {
                return self.fail(format!("{} is no number: & needs one.", field.name));
            }
            self.at += 1;
            let mask = self.number(field)?;
            return match self.op()? {
                Some(op) => Ok(Expr::Masked(field, mask, op, self.number(field)?)),
                None => Ok(Expr::Mask(field, mask)),
            };
        }
        if self.take(&["contains"]) {
            if !matches!(field.kind, Kind::Bytes | Kind::Protocol) {
                return Err((
                    self.tokens[self.at - 1].0,
                    format!("contains looks into bytes, and {} is {}.", field.name, a_kind(field.kind)),
                ));
            }
            return Ok(Expr::Contains(field, self.bytes()?));
        }
        if self.take(&["in"]) {
            return self.set(field);
        }
        match self.op()? {
            Some(op) => {
                let value = self.value(field)?;
                if matches!(self.peek(), Some(Token::Sign(".."))) {
                    return self.fail("A range stands in a set: in {1..5}.");
                }
                Ok(Expr::Compare(field, op, value))
            }
            None => Ok(Expr::Has(field)),
        }
    }

    fn op(&mut self) -> Parsed<Option<Op>> {
        const OPS: [(&[&str], Op); 6] = [
            (&["==", "eq", "===", "any_eq"], Op::Equal),
            (&["!=", "ne"], Op::NotEqual),
            (&["<", "lt"], Op::Less),
            (&["<=", "le"], Op::LessEqual),
            (&[">", "gt"], Op::Greater),
            (&[">=", "ge"], Op::GreaterEqual),
        ];
        if let Some((_, op)) = OPS.iter().find(|(names, _)| self.take(names)) {
            return Ok(Some(*op));
        }
        match self.peek() {
            Some(Token::Sign(sign @ ("!==" | "~="))) => {
                self.fail(format!("{sign} is not known here: use != or not (… == …)."))
            }
            Some(Token::Sign("[")) => self.fail("Slices are not known here: use contains."),
            Some(Token::Sign("~")) => self.fail("Regular expressions are not known here: use contains."),
            Some(Token::Word(word)) if word == "matches" => {
                self.fail("Regular expressions are not known here: use contains.")
            }
            _ => Ok(None),
        }
    }

    fn field(&mut self) -> Parsed<Field> {
        let word = match self.peek() {
            None => return self.fail("Something is missing here: the name of a field, such as tcp.port."),
            Some(Token::Word(word)) => word.clone(),
            Some(Token::Text(_)) => return self.fail("The field comes first: tcp.payload contains \"…\"."),
            Some(Token::Sign(sign)) => {
                let what = format!("The name of a field is missing before {sign}.");
                return self.fail(what);
            }
        };
        match Field::find(&word.to_ascii_lowercase()) {
            Some(field) => {
                self.at += 1;
                Ok(field)
            }
            None => self.fail(match nearest(&word, names()) {
                Some(near) => format!("There is no field {word}; did you mean {near}?"),
                None => format!("There is no field {word} here."),
            }),
        }
    }

    fn word(&mut self, wanted: &str) -> Parsed<String> {
        match self.peek() {
            Some(Token::Word(word)) => {
                let word = word.clone();
                self.at += 1;
                Ok(word)
            }
            _ => self.fail(format!("{wanted} is missing here.")),
        }
    }

    fn number(&mut self, field: Field) -> Parsed<u64> {
        let place = self.place();
        let word = self.word("A number")?;
        number(&word).ok_or_else(|| (place, format!("{word} is no number, which {} needs.", field.name)))
    }

    fn bytes(&mut self) -> Parsed<Value> {
        if let Some(Token::Text(bytes)) = self.peek() {
            let value = Value::Bytes(bytes.clone());
            self.at += 1;
            return Ok(value);
        }
        let place = self.place();
        let word = self.word("A string in quotes, or bytes such as 47:45:54,")?;
        bytes(&word)
            .map(Value::Bytes)
            .ok_or_else(|| (place, format!("{word} is neither a string in quotes nor bytes such as 47:45:54.")))
    }

    fn value(&mut self, field: Field) -> Parsed<Value> {
        let place = self.place();
        if let (Some(Token::Text(_)), false) = (self.peek(), matches!(field.kind, Kind::Bytes)) {
            return self.fail(format!("{} is {}, not a string.", field.name, a_kind(field.kind)));
        }
        match field.kind {
            Kind::Bytes => self.bytes(),
            Kind::Protocol => self.fail(format!("{} is there or not: it has no value to compare.", field.name)),
            kind => {
                let word = self.word(a_kind_long(kind))?;
                let value = match kind {
                    Kind::Ipv4 => net(&word).map(|(address, prefix)| Value::Net(address, prefix)),
                    Kind::Mac => mac(&word).map(Value::Number),
                    Kind::Seconds => seconds(&word).map(Value::Number),
                    Kind::Flag => flag(&word).map(Value::Number),
                    _ => number(&word).map(Value::Number),
                };
                value.ok_or_else(|| (place, format!("{word} is not {}, which {} is.", a_kind(kind), field.name)))
            }
        }
    }

    fn set(&mut self, field: Field) -> Parsed<Expr> {
        let opened = self.place();
        if !self.take(&["{"]) {
            return self.fail("in needs a set: {80, 8000..8080}.");
        }
        let mut ranges = Vec::new();
        loop {
            if self.peek().is_none() {
                return Err((opened, "This { is not closed.".to_owned()));
            }
            let from = self.value(field)?;
            let to = if self.take(&[".."]) { self.value(field)? } else { from.clone() };
            ranges.push((from, to));
            if self.take(&["}"]) {
                return Ok(Expr::In(field, ranges));
            }
            // As in older Wireshark, spaces may stand for commas.
            self.take(&[","]);
        }
    }
}

fn a_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => "a number",
        Kind::Flag => "a flag (0 or 1)",
        Kind::Ipv4 => "an IPv4 address",
        Kind::Mac => "a hardware address",
        Kind::Bytes => "bytes",
        Kind::Seconds => "a time in seconds",
        Kind::Protocol => "a protocol",
    }
}

fn a_kind_long(kind: Kind) -> &'static str {
    match kind {
        Kind::Ipv4 => "An IPv4 address",
        Kind::Mac => "A hardware address",
        Kind::Seconds => "A time in seconds",
        Kind::Flag => "0 or 1",
        _ => "A number",
    }
}

fn number(word: &str) -> Option<u64> {
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

fn flag(word: &str) -> Option<u64> {
    match word.to_ascii_lowercase().as_str() {
        "true" => Some(1),
        "false" => Some(0),
        _ => number(word).filter(|n| *n <= 1),
    }
}

fn net(word: &str) -> Option<(u32, u8)> {
    let (address, prefix) = word.split_once('/').unwrap_or((word, "32"));
    let address: Ipv4Addr = address.parse().ok()?;
    Some((address.into(), prefix.parse().ok().filter(|prefix| *prefix <= 32)?))
}

fn mac(word: &str) -> Option<u64> {
    if word.eq_ignore_ascii_case("broadcast") {
        return Some(0xffff_ffff_ffff);
    }
    let bytes = bytes(word).filter(|bytes| bytes.len() == 6)?;
    Some(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn bytes(word: &str) -> Option<Vec<u8>> {
    let two = |part: &str| (part.len() == 2).then(|| u8::from_str_radix(part, 16).ok()).flatten();
    word.split([':', '-']).map(two).collect()
}

/// Decimal seconds as ns, without rounding.
fn seconds(word: &str) -> Option<u64> {
    let (whole, part) = word.split_once('.').unwrap_or((word, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 9 || whole.is_empty() {
        return None;
    }
    let part: u64 = format!("{part:0<9}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(part)
}
