//! Code blocks: as much Python as scripts use to look at a socket.
//!
//! packetdrill: `code.c`, which hands all blocks of a script to one Python, after the script has ended. Here
//! are: `assert`, assignments, `print`, `if`, and expressions of numbers, strings and tuples. Functions,
//! loops and modules are not.

mod eval;
mod info;
mod parse;
mod tokens;
mod value;

#[cfg(test)]
mod tests;

pub(crate) use info::{TCP_INFO_BYTES, cc_info, constants, mem_info, tcp_info};
pub(crate) use value::Value;

use parse::Statement;
use std::collections::BTreeMap;

/// Why a block failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CodeError {
    /// The line within the block, from 0.
    pub(crate) line: u32,
    /// What is wrong; what was expected, where something was asserted.
    pub(crate) message: String,
    /// The asserted expression's values.
    pub(crate) got: Option<String>,
}

impl CodeError {
    fn new(line: u32, message: impl Into<String>) -> CodeError {
        CodeError { line, message: message.into(), got: None }
    }
}

/// Looks whether a block could run at all.
pub(crate) fn check(text: &str) -> Result<(), CodeError> {
    parse::parse(text).map(drop)
}

/// The variables that live from block to block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    variables: BTreeMap<String, Value>,
    /// What was printed.
    pub(crate) printed: String,
}

impl Session {
    /// Sets a variable.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.variables.insert(name.to_owned(), value.into());
    }

    /// Runs a block.
    pub(crate) fn run(&mut self, text: &str) -> Result<(), CodeError> {
        self.block(&parse::parse(text)?, text)
    }

    fn block(&mut self, statements: &[(u32, Statement)], text: &str) -> Result<(), CodeError> {
        for (line, statement) in statements {
            self.statement(*line, statement, text)?;
        }
        Ok(())
    }

    fn statement(&mut self, line: u32, statement: &Statement, text: &str) -> Result<(), CodeError> {
        let failed = |message: String| CodeError::new(line, message);
        match statement {
            Statement::Nothing => {}
            Statement::Expr(expr) => {
                self.eval(expr).map_err(failed)?;
            }
            Statement::Print(args) => {
                let words: Result<Vec<String>, String> = args.iter().map(|a| Ok(self.eval(a)?.to_string())).collect();
                self.printed += &words.map_err(failed)?.join(" ");
                self.printed.push('\n');
            }
            Statement::Assign(name, expr) => {
                let value = self.eval(expr).map_err(failed)?;
                self.variables.insert(name.clone(), value);
            }
            Statement::Update(name, op, expr) => {
                let old = self.variables.get(name).cloned().ok_or_else(|| failed(undefined(name)))?;
                let value = eval::binary(op, old, self.eval(expr).map_err(failed)?).map_err(failed)?;
                self.variables.insert(name.clone(), value);
            }
            Statement::Assert { test, message, span } => {
                if self.eval(test).map_err(failed)?.is_true() {
                    return Ok(());
                }
                let got = match message {
                    Some(message) => self.eval(message).map_err(failed)?.to_string(),
                    None => self.values_in(test),
                };
                let wanted = text.get(span.clone()).unwrap_or_default();
                let wanted = wanted.split_whitespace().collect::<Vec<_>>().join(" ");
                return Err(CodeError { line, message: wanted, got: Some(got) });
            }
            Statement::If(branches) => {
                for (test, body) in branches {
                    let taken = match test {
                        Some(test) => self.eval(test).map_err(failed)?.is_true(),
                        None => true,
                    };
                    if taken {
                        return self.block(body, text);
                    }
                }
            }
        }
        Ok(())
    }

    /// The values of the names in an expression: `tcpi_lost is 7, tcpi_sacked is 2`.
    fn values_in(&self, expr: &parse::Expr) -> String {
        let mut names = Vec::new();
        expr.names(&mut names);
        names.sort();
        names.dedup();
        let known = names.iter().filter_map(|n| Some(format!("{n} is {}", self.variables.get(*n)?)));
        let words: Vec<String> = known.collect();
        if words.is_empty() { "False".to_owned() } else { words.join(", ") }
    }
}

fn undefined(name: &str) -> String {
    format!("name '{name}' is not defined")
}
