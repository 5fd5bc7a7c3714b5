//! From a block's text to tokens, and to logical lines.

use super::CodeError;
use std::ops::Range;

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Tok {
    Int(i128),
    Float(f64),
    Name(String),
    Str(String),
    /// An operator or a bracket.
    Op(&'static str),
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Token {
    pub(super) tok: Tok,
    pub(super) line: u32,
    pub(super) span: Range<usize>,
}

/// A logical line: how far it is indented, and what is on it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    pub(super) indent: usize,
    pub(super) number: u32,
    pub(super) tokens: Vec<Token>,
}

/// The longer ones first.
const OPS: &[&str] = &[
    "**=", "//=", "<<=", ">>=", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "+=", "-=", "*=", "/=", "%=", "&=",
    "|=", "^=", "+", "-", "*", "/", "%", "&", "|", "^", "~", "<", ">", "(", ")", "[", "]", "{", "}", ",", ":", ".",
    ";", "=",
];

pub(super) fn lines(text: &str) -> Result<Vec<Line>, CodeError> {
    let mut lines: Vec<Line> = Vec::new();
    let mut current: Option<Line> = None;
    let (mut at, mut number, mut depth) = (0, 0, 0usize);
    // A block's first line stands where its mark leaves it: its indentation says nothing.
    let mut indent = 0;
    let mut at_start = true;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c == '\n' {
            at += 1;
            number += 1;
            if depth == 0 {
                lines.extend(current.take().filter(|l| !l.tokens.is_empty()));
                (indent, at_start) = (0, true);
            }
        } else if rest.starts_with("\\\n") {
            at += 2;
            number += 1;
        } else if rest.starts_with("\\\r\n") {
            at += 3;
            number += 1;
        } else if c == '#' {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if c.is_whitespace() {
            indent += usize::from(at_start && number > 0);
            at += c.len_utf8();
        } else {
            at_start = false;
            let (tok, len) = token(rest).map_err(|message| CodeError::new(number, message))?;
            match tok {
                Tok::Op("(" | "[" | "{") => depth += 1,
                Tok::Op(")" | "]" | "}") => depth = depth.saturating_sub(1),
                _ => {}
            }
            let line = current.get_or_insert(Line { indent, number, tokens: Vec::new() });
            line.tokens.push(Token { tok, line: number, span: at..at + len });
            at += len;
        }
    }
    lines.extend(current);
    Ok(lines)
}

fn token(rest: &str) -> Result<(Tok, usize), String> {
    let c = rest.chars().next().unwrap_or_default();
    if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|d: char| d.is_ascii_digit())) {
        return number(rest);
    }
    if c.is_alphabetic() || c == '_' {
        let len = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        return Ok((Tok::Name(rest[..len].to_owned()), len));
    }
    if c == '"' || c == '\'' {
        return string(rest, c);
    }
    let op = OPS.iter().find(|op| rest.starts_with(**op));
    op.map(|op| (Tok::Op(op), op.len())).ok_or_else(|| format!("unexpected \"{c}\""))
}

fn number(rest: &str) -> Result<(Tok, usize), String> {
    let radix = match rest.get(..2) {
        Some("0x" | "0X") => 16,
        Some("0o" | "0O") => 8,
        Some("0b" | "0B") => 2,
        _ => 10,
    };
    if radix != 10 {
        let len = 2 + rest[2..].find(|c: char| !(c.is_digit(radix) || c == '_')).unwrap_or(rest.len() - 2);
        let digits = rest[2..len].replace('_', "");
        let value = i128::from_str_radix(&digits, radix).map_err(|_| format!("bad number \"{}\"", &rest[..len]))?;
        return Ok((Tok::Int(value), len));
    }
    let mut len = 0;
    let mut is_float = false;
    for (at, c) in rest.char_indices() {
        let exponent_sign = matches!(c, '+' | '-') && rest[..at].ends_with(['e', 'E']);
        match c {
            '0'..='9' | '_' => {}
            '.' | 'e' | 'E' => is_float = true,
            _ if exponent_sign => {}
            _ => break,
        }
        len = at + 1;
    }
    let digits = rest[..len].replace('_', "");
    let bad = || format!("bad number \"{}\"", &rest[..len]);
    if is_float {
        return Ok((Tok::Float(digits.parse().map_err(|_| bad())?), len));
    }
    Ok((Tok::Int(digits.parse().map_err(|_| bad())?), len))
}

fn string(rest: &str, quote: char) -> Result<(Tok, usize), String> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    loop {
        let (at, c) = chars.next().ok_or("a string that does not end")?;
        match c {
            '\n' => return Err("a string that does not end".to_owned()),
            '\\' => match chars.next().ok_or("a string that does not end")?.1 {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                '\n' => {}
                c @ ('\\' | '\'' | '"') => text.push(c),
                c => text.extend(['\\', c]),
            },
            c if c == quote => return Ok((Tok::Str(text), at + 1)),
            c => text.push(c),
        }
    }
}
