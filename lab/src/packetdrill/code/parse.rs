//! From logical lines to statements and expressions.

use super::CodeError;
use super::tokens::{Line, Tok, Token, lines};
use std::ops::Range;

/// Statements, each with its line.
pub(super) type Block = Vec<(u32, Statement)>;

/// As deep as expressions may be nested.
const MAX_DEPTH: usize = 64;

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Statement {
    Nothing,
    Expr(Expr),
    Print(Vec<Expr>),
    Assign(String, Expr),
    /// `name op= expr`
    Update(String, &'static str, Expr),
    Assert {
        test: Expr,
        message: Option<Expr>,
        span: Range<usize>,
    },
    /// Conditions with their bodies; `else` has none.
    If(Vec<(Option<Expr>, Block)>),
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Expr {
    Value(super::Value),
    Name(String),
    Unary(&'static str, Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    /// `a < b <= c`: the first, then each with its operator.
    Compare(Box<Expr>, Vec<(&'static str, Expr)>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    /// `a if test else b`: the test, both values.
    Choice(Box<[Expr; 3]>),
    Tuple(Vec<Expr>),
    Call(String, Vec<Expr>),
    Index(Box<Expr>, Box<Expr>),
}

impl Expr {
    /// The names in it.
    pub(super) fn names<'a>(&'a self, to: &mut Vec<&'a str>) {
        match self {
            Expr::Value(_) => {}
            Expr::Name(name) => to.push(name),
            Expr::Unary(_, a) => a.names(to),
            Expr::Binary(_, a, b) | Expr::And(a, b) | Expr::Or(a, b) | Expr::Index(a, b) => {
                a.names(to);
                b.names(to);
            }
            Expr::Compare(a, rest) => {
                a.names(to);
                rest.iter().for_each(|(_, b)| b.names(to));
            }
            Expr::Choice(parts) => parts.iter().for_each(|p| p.names(to)),
            Expr::Tuple(items) | Expr::Call(_, items) => items.iter().for_each(|i| i.names(to)),
        }
    }
}

/// Reads a block.
pub(super) fn parse(text: &str) -> Result<Block, CodeError> {
    let lines = lines(text)?;
    let mut at = 0;
    let Some(first) = lines.first() else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    while let Some(line) = lines.get(at) {
        if line.indent != first.indent {
            return Err(CodeError::new(line.number, "unexpected indent"));
        }
        statements(&lines, &mut at, &mut all)?;
    }
    Ok(all)
}

/// The statements of one logical line, with the block that belongs to it.
fn statements(lines: &[Line], at: &mut usize, to: &mut Block) -> Result<(), CodeError> {
    let line = &lines[*at];
    *at += 1;
    let mut parser = Parser { tokens: &line.tokens, at: 0, line: line.number, depth: 0 };
    if parser.is_name("if") {
        let statement = if_statement(lines, at, line)?;
        to.push((line.number, statement));
        return Ok(());
    }
    parser.simple_statements(to)
}

fn if_statement(lines: &[Line], at: &mut usize, first: &Line) -> Result<Statement, CodeError> {
    let mut branches = Vec::new();
    let mut line = first;
    loop {
        let mut parser = Parser { tokens: &line.tokens, at: 0, line: line.number, depth: 0 };
        let is_else = parser.is_name("else");
        parser.at += 1;
        let test = if is_else { None } else { Some(parser.expr()?) };
        parser.expect(":")?;
        let mut body = Vec::new();
        if parser.peek().is_some() {
            parser.simple_statements(&mut body)?;
        } else {
            let inner = lines.get(*at).map_or(0, |l| l.indent);
            if lines.get(*at).is_none() || inner <= line.indent {
                return Err(CodeError::new(line.number, "expected an indented block"));
            }
            while lines.get(*at).is_some_and(|l| l.indent == inner) {
                statements(lines, at, &mut body)?;
            }
        }
        branches.push((test, body));
        let next = lines.get(*at).filter(|l| !is_else && l.indent == first.indent);
        let goes_on =
            |l: &&Line| matches!(l.tokens.first().map(|t| &t.tok), Some(Tok::Name(n)) if n == "elif" || n == "else");
        match next.filter(goes_on) {
            Some(next) => {
                line = next;
                *at += 1;
            }
            None => return Ok(Statement::If(branches)),
        }
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    line: u32,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Tok> {
        self.tokens.get(self.at).map(|t| &t.tok)
    }

    fn is_op(&self, op: &str) -> bool {
        matches!(self.peek(), Some(Tok::Op(o)) if *o == op)
    }

    fn is_name(&self, name: &str) -> bool {
        matches!(self.peek(), Some(Tok::Name(n)) if n == name)
    }

    fn accept(&mut self, op: &str) -> bool {
        let is = self.is_op(op);
        self.at += usize::from(is);
        is
    }

    fn accept_name(&mut self, name: &str) -> bool {
        let is = self.is_name(name);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, op: &str) -> Result<(), CodeError> {
        if self.accept(op) { Ok(()) } else { Err(self.wrong(&format!("\"{op}\""))) }
    }

    fn here(&self) -> u32 {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(self.line, |t| t.line)
    }

    fn wrong(&self, expected: &str) -> CodeError {
        let got = match self.peek() {
            None => "the end of the line".to_owned(),
            Some(Tok::Int(n)) => n.to_string(),
            Some(Tok::Float(x)) => x.to_string(),
            Some(Tok::Name(n)) => format!("\"{n}\""),
            Some(Tok::Str(s)) => format!("'{s}'"),
            Some(Tok::Op(op)) => format!("\"{op}\""),
        };
        CodeError::new(self.here(), format!("invalid syntax: expected {expected}, got {got}"))
    }

    fn simple_statements(&mut self, to: &mut Block) -> Result<(), CodeError> {
        loop {
            if self.peek().is_none() {
                return Ok(());
            }
            let line = self.here();
            let statement = self.statement()?;
            to.push((line, statement));
            if self.peek().is_some() {
                self.expect(";")?;
            }
        }
    }

    fn statement(&mut self) -> Result<Statement, CodeError> {
        if self.accept_name("assert") {
            let start = self.tokens.get(self.at).map_or(0, |t| t.span.start);
            let test = self.expr()?;
            let end = self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(start, |t| t.span.end);
            let message = if self.accept(",") { Some(self.expr()?) } else { None };
            return Ok(Statement::Assert { test, message, span: start..end.max(start) });
        }
        if self.accept_name("pass") {
            return Ok(Statement::Nothing);
        }
        if self.accept_name("print") {
            // Python 2 has print as a statement.
            if !self.is_op("(") {
                return Ok(Statement::Print(self.list(|_| false)?));
            }
            self.at += 1;
            let args = self.list(|p| p.is_op(")"))?;
            self.expect(")")?;
            return Ok(Statement::Print(args));
        }
        for word in
            ["import", "from", "def", "for", "while", "class", "try", "with", "return", "raise", "global", "del"]
        {
            if self.is_name(word) {
                return Err(CodeError::new(self.here(), format!("\"{word}\" is more Python than this runner knows")));
            }
        }
        let target = match (self.peek(), self.tokens.get(self.at + 1).map(|t| &t.tok)) {
            (Some(Tok::Name(name)), Some(Tok::Op(op)))
                if op.ends_with('=') && !["==", "<=", ">=", "!="].contains(op) =>
            {
                Some((name.clone(), *op))
            }
            _ => None,
        };
        let Some((name, op)) = target else { return self.expr_list().map(Statement::Expr) };
        self.at += 2;
        let value = self.expr_list()?;
        Ok(if op == "=" { Statement::Assign(name, value) } else { Statement::Update(name, &op[..op.len() - 1], value) })
    }

    /// Expressions with commas between, up to where `end` says.
    fn list(&mut self, end: impl Fn(&Self) -> bool) -> Result<Vec<Expr>, CodeError> {
        let mut items = Vec::new();
        while self.peek().is_some() && !end(self) {
            items.push(self.expr()?);
            if !self.accept(",") {
                break;
            }
        }
        Ok(items)
    }

    /// An expression, or a tuple without parentheses.
    fn expr_list(&mut self) -> Result<Expr, CodeError> {
        let first = self.expr()?;
        if !self.accept(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        items.extend(self.list(|p| p.is_op(";"))?);
        Ok(Expr::Tuple(items))
    }

    fn expr(&mut self) -> Result<Expr, CodeError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(CodeError::new(self.here(), "an expression nested too deeply"));
        }
        let mut value = self.or()?;
        if self.accept_name("if") {
            let test = self.or()?;
            if !self.accept_name("else") {
                return Err(self.wrong("\"else\""));
            }
            value = Expr::Choice(Box::new([test, value, self.expr()?]));
        }
        self.depth -= 1;
        Ok(value)
    }

    fn or(&mut self) -> Result<Expr, CodeError> {
        let mut left = self.and()?;
        while self.accept_name("or") {
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, CodeError> {
        let mut left = self.not()?;
        while self.accept_name("and") {
            left = Expr::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expr, CodeError> {
        if !self.accept_name("not") {
            return self.comparison();
        }
        self.deeper(|p| Ok(Expr::Unary("not", Box::new(p.not()?))))
    }

    /// Counts a level of what comes before its operand.
    fn deeper(&mut self, inside: impl FnOnce(&mut Self) -> Result<Expr, CodeError>) -> Result<Expr, CodeError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(CodeError::new(self.here(), "an expression nested too deeply"));
        }
        let value = inside(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn comparison(&mut self) -> Result<Expr, CodeError> {
        let first = self.binary(0)?;
        let mut rest = Vec::new();
        loop {
            let op = match self.peek() {
                Some(Tok::Op(op @ ("<" | ">" | "<=" | ">=" | "==" | "!="))) => op,
                Some(Tok::Name(n)) if n == "in" => "in",
                Some(Tok::Name(n)) if n == "is" => "is",
                Some(Tok::Name(n)) if n == "not" => {
                    let is_in = matches!(self.tokens.get(self.at + 1).map(|t| &t.tok), Some(Tok::Name(n)) if n == "in");
                    if !is_in {
                        return Err(self.wrong("\"in\""));
                    }
                    self.at += 1;
                    "not in"
                }
                _ => break,
            };
            self.at += 1;
            let op = if op == "is" && self.accept_name("not") { "is not" } else { op };
            rest.push((op, self.binary(0)?));
        }
        Ok(if rest.is_empty() { first } else { Expr::Compare(Box::new(first), rest) })
    }

    /// Operators that take two, the loosest first.
    fn binary(&mut self, level: usize) -> Result<Expr, CodeError> {
        const LEVELS: &[&[&str]] = &[&["|"], &["^"], &["&"], &["<<", ">>"], &["+", "-"], &["*", "/", "//", "%"]];
        let Some(ops) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(Tok::Op(op)) = self.peek()
            && ops.contains(op)
        {
            let op: &'static str = op;
            self.at += 1;
            left = Expr::Binary(op, Box::new(left), Box::new(self.binary(level + 1)?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, CodeError> {
        for op in ["-", "+", "~"] {
            if self.accept(op) {
                return self.deeper(|p| Ok(Expr::Unary(op, Box::new(p.unary()?))));
            }
        }
        let base = self.postfix()?;
        if self.accept("**") {
            return self.deeper(|p| Ok(Expr::Binary("**", Box::new(base), Box::new(p.unary()?))));
        }
        Ok(base)
    }

    fn postfix(&mut self) -> Result<Expr, CodeError> {
        let mut value = self.atom()?;
        while self.accept("[") {
            let index = self.expr()?;
            self.expect("]")?;
            value = Expr::Index(Box::new(value), Box::new(index));
        }
        Ok(value)
    }

    fn atom(&mut self) -> Result<Expr, CodeError> {
        use super::Value;
        let token = self.peek().cloned();
        self.at += 1;
        match token {
            Some(Tok::Int(n)) => Ok(Expr::Value(Value::Int(n))),
            Some(Tok::Float(x)) => Ok(Expr::Value(Value::Float(x))),
            Some(Tok::Str(mut text)) => {
                while let Some(Tok::Str(more)) = self.peek() {
                    text += more;
                    self.at += 1;
                }
                Ok(Expr::Value(Value::Str(text)))
            }
            Some(Tok::Name(name)) => match name.as_str() {
                "True" => Ok(Expr::Value(Value::Bool(true))),
                "False" => Ok(Expr::Value(Value::Bool(false))),
                "None" => Ok(Expr::Value(Value::None)),
                _ if self.accept("(") => {
                    let args = self.list(|p| p.is_op(")"))?;
                    self.expect(")")?;
                    Ok(Expr::Call(name, args))
                }
                _ => Ok(Expr::Name(name)),
            },
            Some(Tok::Op(open @ ("(" | "["))) => {
                let close = if open == "(" { ")" } else { "]" };
                let mut items = self.list(|p| p.is_op(close))?;
                let comma = matches!(self.tokens.get(self.at.wrapping_sub(1)).map(|t| &t.tok), Some(Tok::Op(",")));
                self.expect(close)?;
                if open == "(" && items.len() == 1 && !comma {
                    Ok(items.swap_remove(0))
                } else {
                    Ok(Expr::Tuple(items))
                }
            }
            _ => {
                self.at -= 1;
                Err(self.wrong("an expression"))
            }
        }
    }
}
