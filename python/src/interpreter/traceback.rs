//! What CPython prints when a program ends in an error: the learner's lines, never ours.
//!
//! CPython 3.11: `Lib/traceback.py` (`format_frame_summary`, `_extract_caret_anchors_from_line_segment`).

use super::errors;
use super::source::{Prepared, Program};
use monty_types::{ExcType, MontyException, StackFrame};
use ruff_python_ast::Expr;
use ruff_python_parser::parse_expression;
use ruff_text_size::Ranged;
use std::fmt::Write;

/// Frames alike that are printed before they are only counted.
const REPEATED_SHOWN: usize = 3;

/// Line of the learner's file where a program is that has these frames; outermost first.
pub(super) fn current_line(frames: &[StackFrame], prepared: &Prepared) -> u32 {
    let last = frames.iter().rfind(|frame| frame.start.line > prepared.prelude_lines);
    last.map_or(0, |frame| frame.start.line - prepared.prelude_lines)
}

/// The traceback of an error that nobody caught, raised at the last of `frames`.
pub(super) fn uncaught(
    error: &MontyException,
    frames: &[StackFrame],
    program: &Program,
    prepared: &Prepared,
) -> String {
    let mut text = String::new();
    let ours = frames.last().is_some_and(|frame| frame.start.line <= prepared.prelude_lines);
    let frames: Vec<&StackFrame> = frames.iter().filter(|frame| frame.start.line > prepared.prelude_lines).collect();
    if error.exc_type() == ExcType::SyntaxError {
        if let Some(frame) = frames.last() {
            let line = frame.start.line - prepared.prelude_lines;
            let _ = writeln!(text, "  File \"{}\", line {line}", program.file_name);
            let marks = place(frame, program, prepared).map(|place| Marks::plain(place.start, place.end));
            quote(&mut text, program, line, marks);
        }
    } else {
        if !frames.is_empty() {
            text.push_str("Traceback (most recent call last):\n");
        }
        let mut i = 0;
        while i < frames.len() {
            let same = |other: &&&StackFrame| {
                other.start.line == frames[i].start.line && other.frame_name == frames[i].frame_name
            };
            let count = frames[i..].iter().take_while(same).count();
            for (j, frame) in frames[i..i + count.min(REPEATED_SHOWN)].iter().enumerate() {
                one(
                    &mut text,
                    frame,
                    program,
                    prepared,
                    (!ours && i + j + 1 == frames.len()).then_some(error.exc_type()),
                );
            }
            if count > REPEATED_SHOWN {
                let more = count - REPEATED_SHOWN;
                let _ =
                    writeln!(text, "  [Previous line repeated {more} more time{}]", if more == 1 { "" } else { "s" });
            }
            i += count;
        }
    }
    text.push_str(&errors::name(error.exc_type(), error.message().unwrap_or_default()));
    match errors::message(error) {
        Some(message) => {
            let _ = writeln!(text, ": {message}");
        }
        None => text.push('\n'),
    }
    text
}

/// A piece of one line: its number from 1, and columns from 0, to before `end`.
struct Place {
    line: u32,
    start: usize,
    end: usize,
}

/// What to put under a piece: `~` around the `^` of an operator, or `^` alone.
pub(super) struct Marks {
    start: usize,
    end: usize,
    operator: Option<(usize, usize)>,
}

impl Marks {
    /// `^` from a column to before another.
    pub(super) fn plain(start: usize, end: usize) -> Marks {
        Marks { start, end: end.max(start + 1), operator: None }
    }
}

/// Where a frame stands in the file as it was written; to the end of its line if it goes on there.
fn place(frame: &StackFrame, program: &Program, prepared: &Prepared) -> Option<Place> {
    let line = frame.start.line.checked_sub(prepared.prelude_lines)?;
    let quoted = program.line(line)?;
    let line_start = quoted.as_ptr() as usize - program.source.as_ptr() as usize;
    let column = |byte: usize| {
        let byte = byte.saturating_sub(line_start).min(quoted.len());
        quoted.get(..byte).map_or(0, |before| before.chars().count())
    };
    let start = column(prepared.original(frame.start, false)?);
    let end = if frame.end.line == frame.start.line {
        column(prepared.original(frame.end, true)?)
    } else {
        quoted.trim_end().chars().count()
    };
    Some(Place { line, start, end })
}

/// One frame; the last one knows what was raised there.
fn one(text: &mut String, frame: &StackFrame, program: &Program, prepared: &Prepared, raised: Option<ExcType>) {
    let line = frame.start.line - prepared.prelude_lines;
    let name = frame.frame_name.as_deref().unwrap_or("<module>");
    let _ = writeln!(text, "  File \"{}\", line {line}, in {name}", program.file_name);
    let marks = place(frame, program, prepared).and_then(|place| marks(&place, frame, program, raised));
    quote(text, program, line, marks);
}

/// What CPython 3.11 marks: nothing if the piece is the whole line.
fn marks(place: &Place, frame: &StackFrame, program: &Program, raised: Option<ExcType>) -> Option<Marks> {
    let quoted = program.line(place.line)?;
    let trimmed = quoted.trim();
    if frame.hide_caret
        && (trimmed.starts_with("raise") || trimmed.starts_with("import") || trimmed.starts_with("from"))
    {
        return None;
    }
    let segment: String = quoted.chars().skip(place.start).take(place.end.saturating_sub(place.start)).collect();
    let mut marks = Marks::plain(place.start, place.end);
    // Columns of a segment are bytes to the parser: only text where both are one is looked into.
    if segment.is_ascii()
        && let Ok(parsed) = parse_expression(&segment)
    {
        match parsed.expr() {
            Expr::BinOp(op) => {
                let (left, right) = (op.left.end().to_usize(), op.right.start().to_usize());
                let gap = &segment[left..right];
                let lead = gap.len() - gap.trim_start().len();
                let long = gap[lead..].trim_end().chars().take_while(|c| "+-*/%@&|^<>".contains(*c)).count();
                marks.operator = Some((left + lead, left + lead + long.clamp(1, 2)));
            }
            Expr::Subscript(item) => {
                marks.operator = Some((item.value.end().to_usize(), item.slice.end().to_usize() + 1));
            }
            // monty marks the call where the attribute is what is missing.
            Expr::Call(call) if raised == Some(ExcType::AttributeError) && call.func.is_attribute_expr() => {
                marks.end = place.start + call.func.end().to_usize();
            }
            _ => {}
        }
    }
    let whole = marks.end - marks.start >= trimmed.chars().count();
    (!whole || marks.operator.is_some()).then_some(marks)
}

/// Prints a line of the source without its indent, and marks under it.
pub(super) fn quote(text: &mut String, program: &Program, line: u32, marks: Option<Marks>) {
    let Some(quoted) = program.line(line) else { return };
    let trimmed = quoted.trim();
    if trimmed.is_empty() {
        return;
    }
    let _ = writeln!(text, "    {trimmed}");
    let Some(marks) = marks else { return };
    let indent = quoted.chars().count() - quoted.trim_start().chars().count();
    let _ = write!(text, "    {}", " ".repeat(marks.start.saturating_sub(indent)));
    let length = marks.end - marks.start;
    match marks.operator {
        Some((from, to)) if to <= length => {
            let _ = writeln!(text, "{}{}{}", "~".repeat(from), "^".repeat(to - from), "~".repeat(length - to));
        }
        _ => {
            let _ = writeln!(text, "{}", "^".repeat(length));
        }
    }
}
