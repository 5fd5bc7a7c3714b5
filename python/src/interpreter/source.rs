//! From the learner's file to what monty compiles, line by line the same.
//!
//! The prelude goes before the learner's text, and its lines are subtracted again wherever a line is shown.
//! A statement that monty lacks is rewritten in its place, without adding or removing a line:
//! `import socket` becomes an assignment from a hidden global. What is shown to the learner (source lines,
//! tracebacks) always comes from the file as it was written.

use super::modules::Module;
use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Alias, Expr, Stmt, StmtImport, StmtImportFrom};
use ruff_python_parser::{ParseError, parse_module};
use ruff_text_size::{Ranged, TextRange};
use serde::{Deserialize, Serialize};

const PRELUDE: &str = include_str!("../prelude.py");
const PRELUDE_SOCKET: &str = include_str!("../prelude_socket.py");

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
    /// First and last line of each `with` statement, outer ones first.
    withs: Vec<(u32, u32)>,
}

impl Program {
    /// Parses and rewrites the source.
    pub(super) fn prepare(&self) -> Result<Prepared, ParseError> {
        let parsed = parse_module(&self.source)?;
        let mut found = Found { source: &self.source, ..Found::default() };
        found.visit_body(&parsed.syntax().body);
        found.finish_stars();

        let mut text = String::from(PRELUDE);
        if found.modules.contains(&Module::Socket) {
            text.push_str(PRELUDE_SOCKET);
        }
        let prelude_lines = text.lines().count() as u32;
        text.push_str(&edited(&self.source, found.edits));
        let withs = found.withs.iter().map(|range| lines_of(&self.source, *range)).collect();
        Ok(Prepared { text, prelude_lines, modules: found.modules, withs })
    }

    /// A line of the source, from 1.
    pub(super) fn line(&self, line: u32) -> Option<&str> {
        self.source.lines().nth(line.checked_sub(1)? as usize)
    }
}

impl Prepared {
    /// Line of the innermost `with` statement around `line`: where CPython is while `__exit__` runs.
    pub(super) fn with_around(&self, line: u32) -> u32 {
        self.withs.iter().rev().find(|(first, last)| (*first..=*last).contains(&line)).map_or(line, |(first, _)| *first)
    }
}

/// First and last line of a range, from 1.
pub(super) fn lines_of(source: &str, range: TextRange) -> (u32, u32) {
    let line = |offset: usize| source.as_bytes()[..offset.min(source.len())].iter().filter(|b| **b == b'\n').count() as u32 + 1;
    (line(range.start().to_usize()), line(range.end().to_usize()))
}

/// `source` with each range replaced; a replacement takes as many lines as what it replaces.
fn edited(source: &str, mut edits: Vec<(TextRange, String)>) -> String {
    edits.sort_by_key(|(range, _)| range.start());
    let mut text = String::with_capacity(source.len() + 64 * edits.len());
    let mut at = 0;
    for (range, replacement) in edits {
        text.push_str(&source[at..range.start().to_usize()]);
        text.push_str(&replacement);
        at = range.end().to_usize();
    }
    text.push_str(&source[at..]);
    text
}

/// What a walk over the program finds.
#[derive(Default)]
struct Found<'a> {
    source: &'a str,
    edits: Vec<(TextRange, String)>,
    modules: Vec<Module>,
    withs: Vec<TextRange>,
    stars: Vec<(TextRange, Module)>,
    names: Vec<&'a str>,
}

impl<'a> Visitor<'a> for Found<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::With(with) => self.withs.push(with.range()),
            _ => {}
        }
        walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Name(name) = expr
            && !self.names.contains(&name.id.as_str())
        {
            self.names.push(name.id.as_str());
        }
        walk_expr(self, expr);
    }
}

impl Found<'_> {
    fn uses(&mut self, module: Module) -> String {
        if !self.modules.contains(&module) {
            self.modules.push(module);
        }
        module.global()
    }

    /// Newlines to put inside a bracket, so that the lines that follow keep their numbers.
    fn padding(&self, range: TextRange) -> String {
        let (first, last) = lines_of(self.source, range);
        "\n".repeat((last - first) as usize)
    }

    fn import(&mut self, import: &StmtImport) {
        if !import.names.iter().any(|alias| Module::by_name(&alias.name).is_some()) {
            return;
        }
        let parts: Vec<String> = import
            .names
            .iter()
            .map(|alias| {
                let bound = bound_name(alias);
                match Module::by_name(&alias.name) {
                    Some(module) => format!("{bound} = {}", self.uses(module)),
                    None if alias.asname.is_some() => format!("import {} as {bound}", alias.name),
                    None => format!("import {}", alias.name),
                }
            })
            .collect();
        self.edits.push((import.range(), parts.join("; ")));
    }

    fn import_from(&mut self, import: &StmtImportFrom) {
        let Some(module) = import.module.as_ref().filter(|_| import.level == 0).and_then(|name| Module::by_name(name))
        else {
            return;
        };
        let global = self.uses(module);
        let range = import.range();
        let padding = self.padding(range);
        if import.names.iter().any(|alias| &*alias.name == "*") {
            self.stars.push((range, module));
            return;
        }
        let bound: Vec<&str> = import.names.iter().map(bound_name).collect();
        let values: Vec<String> = import
            .names
            .iter()
            .map(|alias| {
                if module.exports(&alias.name) {
                    format!("{global}.{}", alias.name)
                } else {
                    format!("_sp_import_error('{}', '{}')", module.name(), alias.name)
                }
            })
            .collect();
        self.edits.push((range, assignment(&bound, &values, &padding)));
    }

    /// `from module import *` binds the names of the module that the program uses.
    fn finish_stars(&mut self) {
        for (range, module) in std::mem::take(&mut self.stars) {
            let names: Vec<&str> = self.names.iter().copied().filter(|name| module.star(name)).collect();
            let values: Vec<String> = names.iter().map(|name| format!("{}.{name}", module.global())).collect();
            let replacement = if names.is_empty() { "pass".to_owned() } else { assignment(&names, &values, "") };
            self.edits.push((range, replacement));
        }
    }
}

fn assignment(names: &[&str], values: &[String], padding: &str) -> String {
    let comma = if names.len() == 1 { "" } else { "," };
    format!("{}{comma} = ({padding}{}{comma})", names.join(", "), values.join(", "))
}

fn bound_name(alias: &Alias) -> &str {
    alias.asname.as_ref().unwrap_or(&alias.name).as_str()
}
