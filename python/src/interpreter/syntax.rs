//! Errors of the parser, in CPython's words where it has better ones.

use super::source::{Program, lines_of};
use super::traceback::{Marks, quote};
use ruff_python_ast::PySourceType;
use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{ParseError, ParseErrorType, parse_unchecked_source};
use ruff_text_size::{Ranged, TextRange, TextSize};
use std::fmt::Write;

/// Why a file isn't Python.
pub(super) enum Error {
    /// The parser says so.
    Parse(ParseError),
    /// A `return` outside a function.
    StrayReturn(TextRange),
}

/// What is printed for a file that isn't Python.
pub(super) fn text(error: &Error, program: &Program) -> String {
    let (kind, message, range) = match error {
        Error::Parse(error) => describe(error, program),
        Error::StrayReturn(range) => ("SyntaxError", "'return' outside function".to_owned(), *range),
    };
    let (first, last) = lines_of(&program.source, range);
    // An error at the end of the file is shown at its last line.
    let lines = program.source.lines().count().max(1) as u32;
    let line = first.min(lines);
    let column = |at: TextSize| {
        let before = program.source.get(..at.to_usize()).unwrap_or(&program.source);
        before.rsplit('\n').next().unwrap_or(before).chars().count()
    };
    let start = column(range.start());
    let end = if first == last { column(range.end()) } else { start + 1 };
    let mut text = String::new();
    let _ = writeln!(text, "  File \"{}\", line {line}", program.file_name);
    quote(&mut text, program, line, (line == first).then(|| Marks::plain(start, end)));
    let _ = writeln!(text, "{kind}: {message}");
    text
}

fn describe(error: &ParseError, program: &Program) -> (&'static str, String, TextRange) {
    let message = error.error.to_string();
    let line = lines_of(&program.source, error.range()).0;
    if let Some((bracket, range)) = unclosed(&program.source) {
        return ("SyntaxError", format!("'{bracket}' was never closed"), range);
    }
    if let Some(rest) = message.strip_prefix("Expected an indented block after ") {
        // The statement is on the line before, whatever blank lines lie between.
        let above = program.source.lines().take(line as usize - 1).collect::<Vec<_>>();
        let on = above.iter().rposition(|text| !text.trim().is_empty()).map_or(line, |at| at as u32 + 1);
        return ("IndentationError", format!("expected an indented block after {rest} on line {on}"), error.range());
    }
    match message.as_str() {
        "Unexpected indentation" => ("IndentationError", "unexpected indent".into(), error.range()),
        "unindent does not match any outer indentation level" => ("IndentationError", message, error.range()),
        "missing closing quote in string literal" => {
            ("SyntaxError", format!("unterminated string literal (detected at line {line})"), error.range())
        }
        _ => match &error.error {
            ParseErrorType::ExpectedToken { expected: TokenKind::Colon, found: TokenKind::Equal } => {
                let message = "invalid syntax. Maybe you meant '==' or ':=' instead of '='?";
                ("SyntaxError", message.into(), error.range())
            }
            ParseErrorType::ExpectedToken { expected: TokenKind::Colon, .. } => {
                ("SyntaxError", "expected ':'".into(), error.range())
            }
            _ => ("SyntaxError", message, error.range()),
        },
    }
}

/// The innermost bracket that nothing closes.
fn unclosed(source: &str) -> Option<(char, TextRange)> {
    let parsed = parse_unchecked_source(source, PySourceType::Python);
    let mut open: Vec<(char, TextRange)> = Vec::new();
    for token in parsed.tokens().iter() {
        match token.kind() {
            TokenKind::Lpar => open.push(('(', token.range())),
            TokenKind::Lsqb => open.push(('[', token.range())),
            TokenKind::Lbrace => open.push(('{', token.range())),
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop()
}
