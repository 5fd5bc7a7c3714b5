//! Does a packet satisfy a filter?

use super::{Expr, Op, Value};
use crate::capture::PacketView;
use std::cmp::Ordering;

pub(super) fn holds(expr: &Expr, packet: &PacketView<'_>) -> bool {
    match expr {
        Expr::And(a, b) => holds(a, packet) && holds(b, packet),
        Expr::Or(a, b) => holds(a, packet) || holds(b, packet),
        Expr::Xor(a, b) => holds(a, packet) != holds(b, packet),
        Expr::Not(a) => !holds(a, packet),
        Expr::Has(field) => field.any(packet, &mut |_| true).is_some(),
        // No value is equal, and there is one.
        Expr::Compare(field, Op::NotEqual, value) => {
            field.any(packet, &mut |found| compare(found, Op::Equal, value)) == Some(false)
        }
        Expr::Compare(field, op, value) => field.any(packet, &mut |found| compare(found, *op, value)) == Some(true),
        Expr::Mask(field, mask) => field.any(packet, &mut |found| masked(found, *mask) != 0) == Some(true),
        Expr::Masked(field, mask, Op::NotEqual, value) => {
            field.any(packet, &mut |found| masked(found, *mask) == *value) == Some(false)
        }
        Expr::Masked(field, mask, op, value) => {
            field.any(packet, &mut |found| ordered(masked(found, *mask).cmp(value), *op)) == Some(true)
        }
        Expr::In(field, ranges) => {
            let inside = |found: &Value, (from, to): &(Value, Value)| {
                if from == to {
                    compare(found, Op::Equal, from)
                } else {
                    compare(found, Op::GreaterEqual, from) && compare(found, Op::LessEqual, to)
                }
            };
            field.any(packet, &mut |found| ranges.iter().any(|range| inside(found, range))) == Some(true)
        }
        Expr::Contains(field, value) => field.any(packet, &mut |found| contains(found, value)) == Some(true),
    }
}

fn masked(found: &Value, mask: u64) -> u64 {
    match found {
        Value::Number(number) => number & mask,
        Value::Net(address, _) => u64::from(*address) & mask,
        Value::Bytes(_) => 0,
    }
}

fn compare(found: &Value, op: Op, value: &Value) -> bool {
    match (found, value) {
        (Value::Number(found), Value::Number(value)) => ordered(found.cmp(value), op),
        (Value::Net(found, _), Value::Net(value, prefix)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(*prefix)).unwrap_or(0);
            ordered((found & mask).cmp(&(value & mask)), op)
        }
        (Value::Bytes(found), Value::Bytes(value)) => ordered(found.cmp(value), op),
        _ => false,
    }
}

fn ordered(ordering: Ordering, op: Op) -> bool {
    match op {
        Op::Equal => ordering.is_eq(),
        Op::NotEqual => ordering.is_ne(),
        Op::Less => ordering.is_lt(),
        Op::LessEqual => ordering.is_le(),
        Op::Greater => ordering.is_gt(),
        Op::GreaterEqual => ordering.is_ge(),
    }
}

fn contains(found: &Value, value: &Value) -> bool {
    match (found, value) {
        (Value::Bytes(found), Value::Bytes(value)) => {
            value.is_empty() || found.windows(value.len()).any(|window| window == value.as_slice())
        }
        _ => false,
    }
}
