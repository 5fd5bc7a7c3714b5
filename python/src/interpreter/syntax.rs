//! Errors of the parser, in CPython's words where it has better ones.

use super::source::{Program, lines_of};
use super::traceback::{Marks, quote};
use ruff_python_ast::PySourceType;
use ruff_python_ast::token::TokenKind;
use ruff_python_parser::lexer::lex;
use ruff_python_parser::{Mode, ParseError, ParseErrorType, parse_unchecked_source};
use ruff_text_size::{Ranged, TextRange, TextSize};
use std::fmt::Write;

/// Why a file isn't Python.
pub(super) enum Error {
    /// The parser says so.
    Parse(ParseError),
    /// A `return` outside a function.
    StrayReturn(TextRange),
    /// An expression that would overflow the stack of whoever walks over it, on this line.
    TooDeep(u32),
}

/// What is printed for a file that isn't Python.
pub(super) fn text(error: &Error, program: &Program) -> String {
    let (kind, message, range) = match error {
        Error::Parse(error) => describe(error, program),
        Error::StrayReturn(range) => ("SyntaxError", "'return' outside function".to_owned(), *range),
        Error::TooDeep(line) => {
            let before = program.source.split_inclusive('\n').take(*line as usize - 1).map(str::len).sum::<usize>();
            let range = TextRange::empty(TextSize::from(before as u32));
            ("SyntaxError", "too many operators in one expression".to_owned(), range)
        }
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

/// Operators, dots and brackets that may follow each other in one expression. Each is a level of the tree,
/// and monty itself refuses some 200.
const MOST_IN_A_CHAIN: u32 = 1000;

/// Line of the first expression that is too long a chain, such as `1+1+1+…`.
pub(super) fn too_deep(source: &str) -> Option<u32> {
    let mut lexer = lex(source, Mode::Module);
    let mut levels = vec![0_u32];
    let mut line = 1;
    loop {
        let kind = lexer.next_token();
        match kind {
            TokenKind::EndOfFile => return None,
            TokenKind::Newline | TokenKind::NonLogicalNewline => line += 1,
            _ => {}
        }
        let closes = matches!(kind, TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace);
        if closes && levels.len() > 1 {
            levels.pop();
            continue;
        }
        let opens = matches!(kind, TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace);
        let level = levels.last_mut()?;
        if opens || (kind.is_operator() && !closes) {
            *level += 1;
            if *level > MOST_IN_A_CHAIN {
                return Some(line);
            }
        }
        if matches!(kind, TokenKind::Comma | TokenKind::Newline | TokenKind::Colon | TokenKind::Semi | TokenKind::Equal)
        {
            *level = 0;
        }
        if opens {
            levels.push(0);
        }
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
