//! What expressions come to, as in Python 3.

use super::parse::Expr;
use super::{Session, Value, undefined};
use std::cmp::Ordering;

type Result<T> = std::result::Result<T, String>;

impl Session {
    pub(super) fn eval(&self, expr: &Expr) -> Result<Value> {
        Ok(match expr {
            Expr::Value(value) => value.clone(),
            Expr::Name(name) => self.variables.get(name).cloned().ok_or_else(|| undefined(name))?,
            Expr::Unary(op, a) => unary(op, self.eval(a)?)?,
            Expr::Binary(op, a, b) => binary(op, self.eval(a)?, self.eval(b)?)?,
            Expr::And(a, b) => {
                let a = self.eval(a)?;
                if a.is_true() { self.eval(b)? } else { a }
            }
            Expr::Or(a, b) => {
                let a = self.eval(a)?;
                if a.is_true() { a } else { self.eval(b)? }
            }
            Expr::Choice(parts) => {
                let [test, yes, no] = &**parts;
                self.eval(if self.eval(test)?.is_true() { yes } else { no })?
            }
            Expr::Compare(first, rest) => {
                let mut left = self.eval(first)?;
                for (op, right) in rest {
                    let right = self.eval(right)?;
                    if !compare(op, &left, &right)? {
                        return Ok(Value::Bool(false));
                    }
                    left = right;
                }
                Value::Bool(true)
            }
            Expr::Tuple(items) => Value::Tuple(items.iter().map(|i| self.eval(i)).collect::<Result<_>>()?),
            Expr::Call(name, args) => {
                let args = args.iter().map(|a| self.eval(a)).collect::<Result<Vec<_>>>()?;
                call(name, args)?
            }
            Expr::Index(value, index) => {
                let (value, index) = (self.eval(value)?, self.eval(index)?);
                let index = index.int().ok_or("an index must be an integer")?;
                let Value::Tuple(items) = value else {
                    return Err(format!("'{}' object is not subscriptable", value.type_name()));
                };
                let at = if index < 0 { index + items.len() as i128 } else { index };
                let item = usize::try_from(at).ok().and_then(|at| items.get(at).cloned());
                item.ok_or("tuple index out of range")?
            }
        })
    }
}

fn compare(op: &str, a: &Value, b: &Value) -> Result<bool> {
    let order = || {
        let wrong = || format!("'{op}' not supported between instances of '{}' and '{}'", a.type_name(), b.type_name());
        a.compare(b).ok_or_else(wrong)
    };
    let within = || match b {
        Value::Tuple(items) => Ok(items.iter().any(|i| i.equals(a))),
        Value::Str(text) => match a {
            Value::Str(part) => Ok(text.contains(part.as_str())),
            _ => Err("'in <string>' requires string as left operand".to_owned()),
        },
        _ => Err(format!("argument of type '{}' is not iterable", b.type_name())),
    };
    Ok(match op {
        "==" | "is" => a.equals(b),
        "!=" | "is not" => !a.equals(b),
        "<" => order()? == Ordering::Less,
        "<=" => order()? != Ordering::Greater,
        ">" => order()? == Ordering::Greater,
        ">=" => order()? != Ordering::Less,
        "in" => within()?,
        _ => !within()?,
    })
}

fn unary(op: &str, a: Value) -> Result<Value> {
    let wrong = || format!("bad operand type for unary {op}: '{}'", a.type_name());
    Ok(match (op, a.int()) {
        ("not", _) => Value::Bool(!a.is_true()),
        ("-", Some(n)) => Value::Int(n.checked_neg().ok_or("a number that is too large")?),
        ("+", Some(n)) => Value::Int(n),
        ("~", Some(n)) => Value::Int(!n),
        ("-", None) => Value::Float(-a.float().ok_or_else(wrong)?),
        ("+", None) => Value::Float(a.float().ok_or_else(wrong)?),
        _ => return Err(wrong()),
    })
}

/// `a op b`
pub(super) fn binary(op: &str, a: Value, b: Value) -> Result<Value> {
    match (op, &a, &b) {
        ("%", Value::Str(format), _) => return format_percent(format, b).map(Value::Str),
        ("+", Value::Str(x), Value::Str(y)) => return Ok(Value::Str(format!("{x}{y}"))),
        ("+", Value::Tuple(x), Value::Tuple(y)) => return Ok(Value::Tuple([&x[..], &y[..]].concat())),
        _ => {}
    }
    if let (Some(x), Some(y)) = (a.int(), b.int())
        && let Some(value) = integers(op, x, y)
    {
        return value;
    }
    let wrong = || format!("unsupported operand type(s) for {op}: '{}' and '{}'", a.type_name(), b.type_name());
    let (x, y) = (a.float().ok_or_else(wrong)?, b.float().ok_or_else(wrong)?);
    let divided = |value: f64| if y == 0.0 { Err("division by zero".to_owned()) } else { Ok(Value::Float(value)) };
    match op {
        "+" => Ok(Value::Float(x + y)),
        "-" => Ok(Value::Float(x - y)),
        "*" => Ok(Value::Float(x * y)),
        "**" => Ok(Value::Float(x.powf(y))),
        "/" => divided(x / y),
        "//" => divided((x / y).floor()),
        "%" => divided(x - y * (x / y).floor()),
        _ => Err(wrong()),
    }
}

/// Operations that stay within the integers; `None`: not this one.
fn integers(op: &str, x: i128, y: i128) -> Option<Result<Value>> {
    if matches!(op, "//" | "%" | "/") && y == 0 {
        return Some(Err("division by zero".to_owned()));
    }
    let shift = |f: fn(i128, u32) -> Option<i128>| u32::try_from(y).ok().filter(|y| *y < 127).and_then(|y| f(x, y));
    let value = match op {
        "+" => x.checked_add(y),
        "-" => x.checked_sub(y),
        "*" => x.checked_mul(y),
        "//" => floor_div(x, y),
        "%" => floor_div(x, y).and_then(|q| x.checked_sub(q.checked_mul(y)?)),
        "&" => Some(x & y),
        "|" => Some(x | y),
        "^" => Some(x ^ y),
        "<<" => shift(|x, y| x.checked_mul(1i128.checked_shl(y)?)),
        ">>" => shift(i128::checked_shr),
        "**" if y >= 0 => u32::try_from(y).ok().and_then(|y| x.checked_pow(y)),
        _ => return None,
    };
    Some(value.map(Value::Int).ok_or_else(|| "a number that is too large, or a bad shift".to_owned()))
}

fn floor_div(x: i128, y: i128) -> Option<i128> {
    let quotient = x.checked_div(y)?;
    Some(if x % y != 0 && (x < 0) != (y < 0) { quotient - 1 } else { quotient })
}

fn call(name: &str, mut args: Vec<Value>) -> Result<Value> {
    let one = args.len() == 1;
    let extreme = |wanted: Ordering, args: Vec<Value>| {
        let items = match args.len() {
            1 => match args.into_iter().next() {
                Some(Value::Tuple(items)) => items,
                _ => return Err(format!("{name}() wants numbers")),
            },
            _ => args,
        };
        let mut items = items.into_iter();
        let mut best = items.next().ok_or_else(|| format!("{name}() arg is an empty sequence"))?;
        for item in items {
            if item.compare(&best).ok_or_else(|| format!("{name}() cannot compare these"))? == wanted {
                best = item;
            }
        }
        Ok(best)
    };
    match name {
        "min" => extreme(Ordering::Less, args),
        "max" => extreme(Ordering::Greater, args),
        "abs" | "int" | "float" | "str" | "bool" | "len" | "round" | "hex" if one => {
            let arg = args.swap_remove(0);
            let wrong = || format!("{name}() does not take '{}'", arg.type_name());
            Ok(match (name, arg.int()) {
                ("str", _) => Value::Str(arg.to_string()),
                ("bool", _) => Value::Bool(arg.is_true()),
                ("abs", Some(n)) => Value::Int(n.checked_abs().ok_or_else(wrong)?),
                ("abs", None) => Value::Float(arg.float().ok_or_else(wrong)?.abs()),
                ("int" | "round", Some(n)) => Value::Int(n),
                ("int", None) => match &arg {
                    Value::Str(text) => Value::Int(text.trim().parse().map_err(|_| wrong())?),
                    _ => Value::Int(arg.float().ok_or_else(wrong)?.trunc() as i128),
                },
                ("round", None) => Value::Int(arg.float().ok_or_else(wrong)?.round_ties_even() as i128),
                ("float", _) => Value::Float(arg.float().ok_or_else(wrong)?),
                ("hex", Some(n)) => Value::Str(format!("{}{:#x}", if n < 0 { "-" } else { "" }, n.unsigned_abs())),
                ("len", _) => match &arg {
                    Value::Str(text) => Value::Int(text.chars().count() as i128),
                    Value::Tuple(items) => Value::Int(items.len() as i128),
                    _ => return Err(wrong()),
                },
                _ => return Err(wrong()),
            })
        }
        _ => Err(format!("no function is called {name} with {} arguments", args.len())),
    }
}

/// `format % values`
fn format_percent(format: &str, values: Value) -> Result<String> {
    let mut values = match values {
        Value::Tuple(items) => items,
        other => vec![other],
    }
    .into_iter();
    let mut text = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let mut spec = String::new();
        let kind = loop {
            match chars.next().ok_or("incomplete format")? {
                c @ ('0'..='9' | '.' | '-' | '+' | ' ' | '#') => spec.push(c),
                'l' | 'h' | 'L' => {}
                c => break c,
            }
        };
        if kind == '%' {
            text.push('%');
            continue;
        }
        let value = values.next().ok_or("not enough arguments for format string")?;
        text += &one_format(kind, &spec, &value)?;
    }
    if values.next().is_some() {
        return Err("not all arguments converted during string formatting".to_owned());
    }
    Ok(text)
}

fn one_format(kind: char, spec: &str, value: &Value) -> Result<String> {
    let wrong = || format!("%{kind} format: a number is required, not {}", value.type_name());
    let (flags, rest) =
        spec.split_at(spec.find(|c: char| c.is_ascii_digit() && c != '0' || c == '.').unwrap_or(spec.len()));
    let (width, precision) = rest.split_once('.').map_or((rest, None), |(w, p)| (w, Some(p.parse().unwrap_or(0))));
    let width: usize = width.parse().unwrap_or(0).min(1000);
    let integer = || value.int().or_else(|| value.float().map(|x| x.trunc() as i128)).ok_or_else(wrong);
    let body = match kind {
        'd' | 'i' | 'u' => integer()?.to_string(),
        'x' => format!("{}{:x}", if integer()? < 0 { "-" } else { "" }, integer()?.unsigned_abs()),
        'X' => format!("{}{:X}", if integer()? < 0 { "-" } else { "" }, integer()?.unsigned_abs()),
        'f' | 'F' | 'g' | 'e' => format!("{:.*}", precision.unwrap_or(6).min(1000), value.float().ok_or_else(wrong)?),
        's' => value.to_string(),
        'r' => value.repr(),
        c => return Err(format!("unsupported format character '{c}'")),
    };
    let missing = width.saturating_sub(body.chars().count());
    Ok(match flags {
        f if f.contains('-') => body + &" ".repeat(missing),
        f if f.contains('0') && kind != 's' => "0".repeat(missing) + &body,
        _ => " ".repeat(missing) + &body,
    })
}
