//! From the learner's file to what monty compiles, line by line the same.
//!
//! The prelude goes before the learner's text, and its lines are subtracted again wherever a line is shown.
//! What monty lacks is rewritten in its place, without adding or removing a line (`rewrite`). What is shown to the learner (source lines,
//! tracebacks) always comes from the file as it was written.

use super::errors;
use super::modules::Module;
use super::{rewrite, syntax};
use monty_types::CodeLoc;
use ruff_python_parser::parse_module;
use ruff_text_size::TextRange;
use serde::{Deserialize, Serialize};

const PRELUDE: &str = include_str!("../prelude.py");
const PRELUDE_SOCKET: &str = include_str!("../prelude_socket.py");
const PRELUDE_STRUCT: &str = include_str!("../prelude_struct.py");
const PRELUDE_EXTRAS: &str = include_str!("../prelude_extras.py");

/// A program as the learner wrote it.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Program {
    /// Name in tracebacks and `sys.argv[0]`.
    pub(super) file_name: String,
    /// Its text.
    pub(super) source: String,
    /// What follows the name in `sys.argv`.
    pub(super) argv: Vec<String>,
}

/// A program made ready for monty.
pub(super) struct Prepared {
    /// The text to compile.
    pub(super) text: String,
    /// Lines of it that come before the learner's first.
    pub(super) prelude_lines: u32,
    /// Modules of ours that it imports.
    pub(super) modules: Vec<Module>,
    /// Bytes of the text that come before the learner's first.
    prelude_bytes: usize,
    /// What was rewritten: where, and the size of what is there now.
    edits: Vec<(TextRange, usize)>,
}

impl Program {
    /// Parses and rewrites the source.
    pub(super) fn prepare(&self) -> Result<Prepared, syntax::Error> {
        if let Some(line) = syntax::too_deep(&self.source) {
            return Err(syntax::Error::TooDeep(line));
        }
        let parsed = parse_module(&self.source).map_err(syntax::Error::Parse)?;
        let found = rewrite::find(&self.source, &parsed.syntax().body);
        if let Some(range) = found.stray_return {
            return Err(syntax::Error::StrayReturn(range));
        }

        let mut text = String::from(PRELUDE);
        for (name, stand_in) in errors::NAMES.iter().filter(|(name, _)| found.names.contains(name)) {
            text.push_str(&format!("{name} = {stand_in}\n"));
        }
        if found.modules.contains(&Module::Socket) {
            text.push_str(PRELUDE_SOCKET);
        }
        if found.modules.contains(&Module::Struct) {
            text.push_str(PRELUDE_STRUCT);
        }
        if found.extras {
            text.push_str(PRELUDE_EXTRAS);
        }
        let prelude_lines = text.lines().count() as u32;
        let prelude_bytes = text.len();
        let mut edits = found.edits;
        // An insertion goes before a replacement that starts where it is.
        edits.sort_by_key(|(range, _)| (range.start(), range.end()));
        let mut at = 0;
        for (range, replacement) in &edits {
            text.push_str(&self.source[at..range.start().to_usize()]);
            text.push_str(replacement);
            at = range.end().to_usize();
        }
        text.push_str(&self.source[at..]);
        let edits = edits.into_iter().map(|(range, replacement)| (range, replacement.len())).collect();
        Ok(Prepared { text, prelude_lines, modules: found.modules, prelude_bytes, edits })
    }

    /// A line of the source, from 1.
    pub(super) fn line(&self, line: u32) -> Option<&str> {
        self.source.lines().nth(line.checked_sub(1)? as usize)
    }
}

impl Prepared {
    /// Byte of the learner's file for a place in the compiled text; the end of what was rewritten if `end`.
    pub(super) fn original(&self, place: CodeLoc, end: bool) -> Option<usize> {
        let line_start = match place.line {
            0 | 1 => 0,
            line => self.text.match_indices('\n').nth(line as usize - 2)?.0 + 1,
        };
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let column = place.column.saturating_sub(1) as usize;
        let in_line = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        let mut at = (line_start + in_line).checked_sub(self.prelude_bytes)?;
        for (range, len) in &self.edits {
            let (from, to) = (range.start().to_usize(), range.end().to_usize());
            if at < from || (at == from && !(end && *len == 0)) {
                break;
            }
            if at < from + len {
                return Some(if end { to } else { from });
            }
            at = at - len + (to - from);
        }
        Some(at)
    }
}

/// First and last line of a range, from 1.
pub(super) fn lines_of(source: &str, range: TextRange) -> (u32, u32) {
    let line = |offset: usize| {
        source.as_bytes()[..offset.min(source.len())].iter().filter(|b| **b == b'\n').count() as u32 + 1
    };
    (line(range.start().to_usize()), line(range.end().to_usize()))
}
