//! What CPython prints when a program ends in an error: the learner's lines, never ours.
//!
//! CPython 3.11: `Lib/traceback.py`.

use super::errors;
use super::source::{Prepared, Program, lines_of};
use monty_types::{ExcType, MontyException, StackFrame};
use ruff_python_parser::ParseError;
use ruff_text_size::Ranged;
use std::fmt::Write;

/// Frames alike that are printed before they are only counted.
const REPEATED_SHOWN: usize = 3;

/// Line of the learner's file where a program is that has these frames; outermost first.
pub(super) fn current_line(frames: &[StackFrame], prepared: &Prepared) -> u32 {
    let ours = |frame: &StackFrame| frame.start.line <= prepared.prelude_lines;
    let Some(last) = frames.iter().rposition(|frame| !ours(frame)) else { return 0 };
    let line = frames[last].start.line - prepared.prelude_lines;
    match frames.get(last + 1).and_then(|frame| frame.frame_name.as_deref()) {
        Some("__exit__" | "__enter__") => prepared.with_around(line),
        _ => line,
    }
}

/// The traceback of an error that nobody caught.
pub(super) fn uncaught(error: &MontyException, program: &Program, prepared: &Prepared) -> String {
    let mut text = String::new();
    let frames: Vec<&StackFrame> =
        error.traceback().iter().filter(|frame| frame.start.line > prepared.prelude_lines).collect();
    if error.exc_type() == ExcType::SyntaxError {
        for frame in frames.iter().rev().take(1) {
            let line = frame.start.line - prepared.prelude_lines;
            let _ = writeln!(text, "  File \"{}\", line {line}", program.file_name);
            quote(&mut text, program, line, Some((frame.start.column, frame.end.column.max(frame.start.column + 1))));
        }
    } else {
        if !frames.is_empty() {
            text.push_str("Traceback (most recent call last):\n");
        }
        let mut i = 0;
        while i < frames.len() {
            let same = |other: &&&StackFrame| other.start.line == frames[i].start.line && other.frame_name == frames[i].frame_name;
            let count = frames[i..].iter().take_while(same).count();
            for frame in &frames[i..i + count.min(REPEATED_SHOWN)] {
                one(&mut text, frame, program, prepared.prelude_lines);
            }
            if count > REPEATED_SHOWN {
                let more = count - REPEATED_SHOWN;
                let _ = writeln!(text, "  [Previous line repeated {more} more time{}]", if more == 1 { "" } else { "s" });
            }
            i += count;
        }
    }
    text.push_str(&errors::name(error.exc_type()));
    match error.message() {
        Some(message) if !message.is_empty() => {
            let _ = writeln!(text, ": {message}");
        }
        _ => text.push('\n'),
    }
    text
}

/// An error that the parser found.
pub(super) fn syntax(error: &ParseError, program: &Program) -> String {
    let (first, last) = lines_of(&program.source, error.range());
    // An error at the end of the file is shown at its last line.
    let line = first.min(program.source.lines().count().max(1) as u32);
    let column = |offset: usize| {
        let before = program.source.get(..offset).unwrap_or(&program.source);
        before.rsplit('\n').next().unwrap_or(before).chars().count() as u32 + 1
    };
    let start = column(error.range().start().to_usize());
    let end = if first == last { column(error.range().end().to_usize()).max(start + 1) } else { start + 1 };
    let mut text = String::new();
    let _ = writeln!(text, "  File \"{}\", line {line}", program.file_name);
    quote(&mut text, program, line, (line == first).then_some((start, end)));
    let _ = writeln!(text, "SyntaxError: {}", error.error);
    text
}

fn one(text: &mut String, frame: &StackFrame, program: &Program, prelude_lines: u32) {
    let line = frame.start.line - prelude_lines;
    let place = frame.frame_name.as_deref().unwrap_or("<module>");
    let _ = writeln!(text, "  File \"{}\", line {line}, in {place}", program.file_name);
    let end = if frame.end.line == frame.start.line { frame.end.column } else { u32::MAX };
    let whole = |quoted: &str| end.saturating_sub(frame.start.column) as usize >= quoted.trim().chars().count();
    // A line that was rewritten (an import) has other columns; such lines are marked as a whole anyway.
    let carets = !frame.hide_caret && program.line(line).is_some_and(|quoted| !whole(quoted));
    quote(text, program, line, carets.then_some((frame.start.column, end)));
}

/// Prints a line of the source, and carets under the columns from the first (from 1) to before the last.
fn quote(text: &mut String, program: &Program, line: u32, columns: Option<(u32, u32)>) {
    let Some(quoted) = program.line(line) else { return };
    let trimmed = quoted.trim();
    if trimmed.is_empty() {
        return;
    }
    let _ = writeln!(text, "    {trimmed}");
    let Some((start, end)) = columns else { return };
    let indent = quoted.chars().count() - quoted.trim_start().chars().count();
    let start = (start as usize).saturating_sub(1 + indent).min(trimmed.chars().count());
    let end = (end as usize).saturating_sub(1 + indent).min(trimmed.chars().count()).max(start + 1);
    let _ = writeln!(text, "    {}{}", " ".repeat(start), "^".repeat(end - start));
}
