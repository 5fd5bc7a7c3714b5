//! What of a program monty can't take as it is, and what to put in its place.
//!
//! | written | compiled |
//! |---|---|
//! | `import socket` | an assignment from a hidden global |
//! | `'…' % x` | `_sp_percent('…', x)` |
//! | `del d[k]`, `del x` | `_sp_delete(d, k)`, `x = None` |
//! | `OSError(1, 'text')`, `ValueError(3)` | the same of one string: monty's exceptions hold no more |
//! | `e.errno`, `e.strerror`, `e.args` | calls that read them from that string |
//! | `type(e)`, `repr(e)`, `{e!r}` of a caught error | calls that know its right name |
//! | `int.from_bytes(…)`, `n.to_bytes(…)`, `x.decode('latin-1')` | calls of functions of ours |
//! | `class C(object):` | `class C():` |
//!
//! An edit never adds or removes a line, and edits nest without overlapping.

use super::modules::Module;
use ruff_python_ast::visitor::{Visitor, walk_except_handler, walk_expr, walk_interpolated_string_element, walk_stmt};
use ruff_python_ast::{
    Alias, ConversionFlag, ExceptHandler, Expr, ExprAttribute, ExprBinOp, ExprCall, ExprName,
    InterpolatedStringElement, Operator, Stmt, StmtClassDef, StmtDelete, StmtImport, StmtImportFrom,
};
use ruff_text_size::{Ranged, TextRange, TextSize};

/// Exceptions that take any arguments in CPython.
const EXCEPTIONS: &[&str] = &[
    "BaseException",
    "Exception",
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "ImportError",
    "IndexError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "MemoryError",
    "NameError",
    "NotImplementedError",
    "OverflowError",
    "RecursionError",
    "RuntimeError",
    "StopIteration",
    "SystemExit",
    "TypeError",
    "ValueError",
    "ZeroDivisionError",
];
/// Those among them whose two arguments are a number and its text.
const OS_ERRORS: &[&str] = &[
    "OSError",
    "IOError",
    "TimeoutError",
    "PermissionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "BrokenPipeError",
    "BlockingIOError",
];

/// What was found in a program.
#[derive(Default)]
pub(super) struct Found<'a> {
    source: &'a str,
    /// Ranges of the source, and what to put there.
    pub(super) edits: Vec<(TextRange, String)>,
    /// Modules of ours that are imported.
    pub(super) modules: Vec<Module>,
    /// Whether an edit calls a function of the extras.
    pub(super) extras: bool,
    stars: Vec<(TextRange, Module)>,
    /// Names that `except … as` binds.
    errors: Vec<&'a str>,
    /// The file has a `return` outside a function.
    pub(super) stray_return: Option<TextRange>,
    functions: u32,
    /// Every name that is used.
    pub(super) names: Vec<&'a str>,
}

/// Walks over a program.
pub(super) fn find<'a>(source: &'a str, body: &'a [Stmt]) -> Found<'a> {
    let mut found = Found { source, ..Found::default() };
    found.visit_body(body);
    found.finish_stars();
    found
}

impl<'a> Visitor<'a> for Found<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::Delete(delete) => self.delete(delete),
            Stmt::ClassDef(class) => self.class(class),
            Stmt::Return(stray) if self.functions == 0 => self.stray_return = Some(stray.range()),
            _ => {}
        }
        let function = u32::from(matches!(stmt, Stmt::FunctionDef(_)));
        self.functions += function;
        walk_stmt(self, stmt);
        self.functions -= function;
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(named) = handler;
        self.errors.extend(named.name.as_ref().map(|name| name.as_str()));
        walk_except_handler(self, handler);
    }

    fn visit_interpolated_string_element(&mut self, element: &'a InterpolatedStringElement) {
        if let InterpolatedStringElement::Interpolation(piece) = element
            && piece.conversion == ConversionFlag::Repr
            && self.is_error(&piece.expression)
        {
            let at = piece.expression.end();
            if self.source[at.to_usize()..].starts_with("!r") {
                self.extras = true;
                self.insert(piece.expression.start(), "_sp_repr(");
                self.replace(at, at + TextSize::from(2), ")");
            }
        }
        walk_interpolated_string_element(self, element);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) if !self.names.contains(&name.id.as_str()) => self.names.push(name.id.as_str()),
            Expr::BinOp(op) => self.percent(op),
            Expr::Call(call) => self.call(call),
            Expr::Attribute(attribute) => self.attribute(attribute),
            _ => {}
        }
        walk_expr(self, expr);
    }
}

impl Found<'_> {
    fn replace(&mut self, start: TextSize, end: TextSize, text: impl Into<String>) {
        self.edits.push((TextRange::new(start, end), text.into()));
    }

    fn insert(&mut self, at: TextSize, text: impl Into<String>) {
        self.replace(at, at, text);
    }

    /// The source between two places.
    fn between(&self, start: TextSize, end: TextSize) -> &str {
        &self.source[start.to_usize()..end.to_usize()]
    }

    /// The newlines of a piece, to keep the numbers of the lines that follow.
    fn newlines(&self, start: TextSize, end: TextSize) -> String {
        self.between(start, end).chars().filter(|c| *c == '\n').collect()
    }

    fn uses(&mut self, module: Module) -> String {
        if !self.modules.contains(&module) {
            self.modules.push(module);
        }
        module.global()
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
        self.replace(import.start(), import.end(), parts.join("; "));
    }

    fn import_from(&mut self, import: &StmtImportFrom) {
        let Some(module) = import.module.as_ref().filter(|_| import.level == 0).and_then(|name| Module::by_name(name))
        else {
            return;
        };
        let global = self.uses(module);
        if import.names.iter().any(|alias| &*alias.name == "*") {
            self.stars.push((import.range(), module));
            return;
        }
        let padding = self.newlines(import.start(), import.end());
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
        self.replace(import.start(), import.end(), assignment(&bound, &values, &padding));
    }

    /// `from module import *` binds the names of the module that the program uses.
    fn finish_stars(&mut self) {
        for (range, module) in std::mem::take(&mut self.stars) {
            let names: Vec<&str> = self.names.iter().copied().filter(|name| module.star(name)).collect();
            let values: Vec<String> = names.iter().map(|name| format!("{}.{name}", module.global())).collect();
            let text = if names.is_empty() { "pass".to_owned() } else { assignment(&names, &values, "") };
            self.replace(range.start(), range.end(), text);
        }
    }

    fn delete(&mut self, delete: &StmtDelete) {
        let plain = |target: &Expr| match target {
            Expr::Name(_) => true,
            Expr::Subscript(item) => {
                !matches!(*item.slice, Expr::Slice(_) | Expr::Tuple(_))
                    && self.between(item.value.end(), item.slice.start()).trim() == "["
            }
            _ => false,
        };
        let (Some(first), Some(last)) = (delete.targets.first(), delete.targets.last()) else { return };
        let commas = delete.targets.windows(2).all(|pair| self.between(pair[0].end(), pair[1].start()).trim() == ",");
        if !delete.targets.iter().all(plain) || !commas || self.source[delete.range()].contains('\n') {
            return;
        }
        if self.between(delete.start(), first.start()).trim() != "del" || last.end() != delete.end() {
            return;
        }
        let mut at = delete.start();
        for (i, target) in delete.targets.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            match target {
                Expr::Subscript(item) => {
                    self.extras = true;
                    self.replace(at, target.start(), format!("{separator}_sp_delete("));
                    self.replace(item.value.end(), item.slice.start(), ", ");
                    self.replace(item.slice.end(), target.end(), ")");
                }
                _ => {
                    self.replace(at, target.start(), separator);
                    self.insert(target.end(), " = None");
                }
            }
            at = target.end();
        }
    }

    fn class(&mut self, class: &StmtClassDef) {
        if let Some(arguments) = &class.arguments
            && arguments.keywords.is_empty()
            && let [Expr::Name(base)] = &*arguments.args
            && base.id.as_str() == "object"
        {
            self.replace(base.start(), base.end(), "");
        }
    }

    fn percent(&mut self, op: &ExprBinOp) {
        if op.op == Operator::Mod && is_text(&op.left) && self.between(op.left.end(), op.right.start()).trim() == "%" {
            self.extras = true;
            let gap = format!(", {}", self.newlines(op.left.end(), op.right.start()));
            self.insert(op.left.start(), "_sp_percent(");
            self.replace(op.left.end(), op.right.start(), gap);
            self.insert(op.right.end(), ")");
        }
    }

    fn is_error(&self, expr: &Expr) -> bool {
        matches!(expr, Expr::Name(name) if self.errors.contains(&name.id.as_str()))
    }

    fn call(&mut self, call: &ExprCall) {
        match &*call.func {
            Expr::Name(name) => self.function(call, name),
            Expr::Attribute(method) => self.method(call, method),
            _ => {}
        }
    }

    fn method(&mut self, call: &ExprCall, method: &ExprAttribute) {
        let latin1 = |call: &ExprCall| match &*call.arguments.args {
            [Expr::StringLiteral(name), ..] => {
                matches!(
                    name.value.to_str().to_ascii_lowercase().replace('_', "-").as_str(),
                    "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1"
                )
            }
            _ => false,
        };
        let name = method.attr.as_str();
        if name == "from_bytes" && matches!(&*method.value, Expr::Name(int) if int.id.as_str() == "int") {
            self.extras = true;
            self.replace(method.start(), method.end(), "_sp_from_bytes");
        } else if name == "to_bytes" || (matches!(name, "decode" | "encode") && latin1(call)) {
            let bracket = call.arguments.start() + TextSize::from(1);
            let gap = self.between(method.value.end(), bracket);
            // What a bracketed receiver ends in stays with it.
            let Some(dot) = gap.find('.') else { return };
            let dot = method.value.end() + TextSize::from(dot as u32);
            let gap = format!(", {}", self.newlines(dot, bracket));
            self.extras = true;
            self.insert(call.start(), format!("_sp_{name}("));
            self.replace(dot, bracket, gap);
        }
    }

    fn function(&mut self, call: &ExprCall, name: &ExprName) {
        if matches!(name.id.as_str(), "type" | "repr") {
            if let [only] = &*call.arguments.args
                && self.is_error(only)
            {
                self.extras = true;
                self.insert(name.start(), "_sp_");
            }
            return;
        }
        let os = OS_ERRORS.contains(&name.id.as_str());
        let known = os || EXCEPTIONS.contains(&name.id.as_str());
        let one_text = matches!(&*call.arguments.args, [] | [Expr::StringLiteral(_) | Expr::FString(_)]);
        if known && !one_text && call.arguments.keywords.is_empty() {
            self.extras = true;
            let one = TextSize::from(1);
            self.insert(call.arguments.start() + one, if os { "_sp_os_text(" } else { "_sp_text(" });
            self.insert(call.arguments.end() - one, ")");
        }
    }

    fn attribute(&mut self, attribute: &ExprAttribute) {
        let name = attribute.attr.as_str();
        if matches!(name, "errno" | "strerror" | "args") && attribute.ctx.is_load() {
            // `self.args` is an attribute of the learner's own; an error is never called self.
            if matches!(&*attribute.value, Expr::Name(value) if value.id.as_str() == "self") {
                return;
            }
            let gap = self.between(attribute.value.end(), attribute.attr.start());
            let Some(dot) = gap.rfind('.') else { return };
            let dot = attribute.value.end() + TextSize::from(dot as u32);
            let close = self.newlines(dot, attribute.end()) + ")";
            self.extras = true;
            self.insert(attribute.start(), format!("_sp_{name}("));
            self.replace(dot, attribute.end(), close);
        }
    }
}

/// Whether an expression is text on sight.
fn is_text(expr: &Expr) -> bool {
    match expr {
        Expr::StringLiteral(_) | Expr::BytesLiteral(_) | Expr::FString(_) => true,
        Expr::BinOp(op) => op.op == Operator::Add && (is_text(&op.left) || is_text(&op.right)),
        _ => false,
    }
}

fn assignment(names: &[&str], values: &[String], padding: &str) -> String {
    let comma = if names.len() == 1 { "" } else { "," };
    format!("{}{comma} = ({padding}{}{comma})", names.join(", "), values.join(", "))
}

fn bound_name(alias: &Alias) -> &str {
    alias.asname.as_ref().unwrap_or(&alias.name).as_str()
}
