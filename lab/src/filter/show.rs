//! A filter as text again: what it was understood as.

use super::field::Kind;
use super::{Expr, Filter, Op, Value};
use std::fmt;

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(expr) => expr.fmt(f),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expr::And(a, b) => write!(f, "({a} && {b})"),
            Expr::Or(a, b) => write!(f, "({a} || {b})"),
            Expr::Xor(a, b) => write!(f, "({a} ^^ {b})"),
            Expr::Not(a) => write!(f, "!({a})"),
            Expr::Has(field) => f.write_str(field.name),
            Expr::Compare(field, op, v) => write!(f, "{} {} {}", field.name, op.sign(), value(v, field.kind)),
            Expr::Mask(field, mask) => write!(f, "{} & {mask:#x}", field.name),
            Expr::Masked(field, mask, op, value) => write!(f, "{} & {mask:#x} {} {value}", field.name, op.sign()),
            Expr::In(field, ranges) => {
                write!(f, "{} in {{", field.name)?;
                for (i, (from, to)) in ranges.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}{}", value(from, field.kind))?;
                    if from != to {
                        write!(f, "..{}", value(to, field.kind))?;
                    }
                }
                f.write_str("}")
            }
            Expr::Contains(field, v) => write!(f, "{} contains {}", field.name, value(v, field.kind)),
        }
    }
}

impl Op {
    fn sign(self) -> &'static str {
        match self {
            Op::Equal => "==",
            Op::NotEqual => "!=",
            Op::Less => "<",
            Op::LessEqual => "<=",
            Op::Greater => ">",
            Op::GreaterEqual => ">=",
        }
    }
}

fn value(value: &Value, kind: Kind) -> String {
    match value {
        Value::Number(n) if kind == Kind::Mac => {
            let bytes: Vec<String> = n.to_be_bytes()[2..].iter().map(|byte| format!("{byte:02x}")).collect();
            bytes.join(":")
        }
        Value::Number(n) if kind == Kind::Seconds => format!("{}.{:09}", n / 1_000_000_000, n % 1_000_000_000),
        Value::Number(n) => n.to_string(),
        Value::Net(address, 32) => std::net::Ipv4Addr::from(*address).to_string(),
        Value::Net(address, prefix) => format!("{}/{prefix}", std::net::Ipv4Addr::from(*address)),
        Value::Bytes(bytes) => {
            let escaped: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
            format!("\"{escaped}\"")
        }
    }
}
