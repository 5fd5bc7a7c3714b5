//! What is wrong with a scenario file: where, what, and what was expected.

use std::fmt;
use std::ops::Range;

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What was expected there, or what to do; may be empty.
    pub hint: String,
    /// The line of the file.
    snippet: String,
    /// How many characters of it are meant.
    width: usize,
}

/// All that is wrong with a file, in the order of its lines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problems {
    file: String,
    problems: Vec<Problem>,
}

impl Problems {
    /// The file's name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Each problem.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.problems.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    /// As compilers print it: place and message, the line, and a mark under what is meant.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, p) in self.problems.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            writeln!(f, "{}:{}:{}: {}", self.file, p.line, p.column, p.message)?;
            let number = p.line.to_string();
            writeln!(f, " {number} | {}", p.snippet)?;
            // Tabs stay tabs, so that the mark stands right whatever their width.
            let indent: String =
                p.snippet.chars().take(p.column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            let mark = "^".repeat(p.width.max(1));
            writeln!(
                f,
                " {} | {indent}{mark}{}{}",
                " ".repeat(number.len()),
                if p.hint.is_empty() { "" } else { " " },
                p.hint
            )?;
        }
        Ok(())
    }
}

/// Collects problems while a file is read.
pub(crate) struct Reporter<'t> {
    file: &'t str,
    text: &'t str,
    problems: Vec<(usize, Problem)>,
}

impl<'t> Reporter<'t> {
    pub(crate) fn new(file: &'t str, text: &'t str) -> Reporter<'t> {
        Reporter { file, text, problems: Vec::new() }
    }

    /// Notes a problem with the bytes in `span`.
    pub(crate) fn report(&mut self, span: Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        let mut start = span.start.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let line_start = self.text[..start].rfind('\n').map_or(0, |n| n + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |n| start + n);
        let mut end = span.end.clamp(start, line_end);
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        let problem = Problem {
            line: self.text[..line_start].matches('\n').count() + 1,
            column: self.text[line_start..start].chars().count() + 1,
            message: message.into(),
            hint: hint.into(),
            snippet: self.text[line_start..line_end].trim_end_matches('\r').to_owned(),
            width: self.text[start..end].trim_end().chars().count(),
        };
        self.problems.push((start, problem));
    }

    /// `value` if nothing is wrong.
    pub(crate) fn finish<T>(mut self, value: T) -> Result<T, Problems> {
        if self.problems.is_empty() {
            return Ok(value);
        }
        self.problems.sort_by_key(|(at, _)| *at);
        Err(Problems { file: self.file.to_owned(), problems: self.problems.into_iter().map(|(_, p)| p).collect() })
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}
