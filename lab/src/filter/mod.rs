//! Display filters: which packets of a list to show, in Wireshark's language, for the fields that we have.
//!
//! `tcp.port == 8080 && (tcp.flags.syn == 1 or tcp.len > 0)`, `ip.addr == 10.0.0.0/24`, `not arp`,
//! `tcp.port in {80, 8000..8080}`, `tcp.payload contains "GET"`, `tcp.flags & 0x02`. As in Wireshark 4, `!=` means
//! that no value of the field is equal. What Wireshark has and we do not is refused with the reason, never
//! passed over.

mod eval;
mod field;
mod parse;
mod show;
#[cfg(all(test, not(target_family = "wasm")))]
mod tests;
mod token;

pub use field::names;

use crate::capture::PacketView;
use field::Field;
use serde::{Deserialize, Serialize};

/// A filter, understood.
#[derive(Clone, PartialEq, Debug)]
pub struct Filter(Option<Expr>);

/// What is wrong with a filter, and where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FilterError {
    /// The column, from 1, counted in characters.
    pub column: u32,
    /// In words.
    pub what: String,
}

impl Filter {
    /// Reads a filter; an empty one lets everything through.
    ///
    /// # Errors
    /// With the first thing that is not understood.
    pub fn parse(text: &str) -> Result<Filter, FilterError> {
        parse::parse(text).map(Filter).map_err(|(at, what)| {
            let before = text.get(..at.min(text.len())).unwrap_or(text);
            FilterError { column: before.chars().count() as u32 + 1, what }
        })
    }

    /// The filter that lets everything through.
    pub fn all() -> Filter {
        Filter(None)
    }

    /// Does it let everything through?
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Does it let this packet through?
    pub fn matches(&self, packet: &PacketView<'_>) -> bool {
        self.0.as_ref().is_none_or(|expr| eval::holds(expr, packet))
    }
}

#[derive(Clone, PartialEq, Debug)]
enum Expr {
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Xor(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    /// The packet has the field.
    Has(Field),
    /// `field op value`.
    Compare(Field, Op, Value),
    /// `field & mask`: some bit of the mask is set.
    Mask(Field, u64),
    /// `field & mask op value`.
    Masked(Field, u64, Op, u64),
    /// `field in {…}`: from and to, both in.
    In(Field, Vec<(Value, Value)>),
    /// `field contains value`.
    Contains(Field, Value),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Op {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// What a field is compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Value {
    Number(u64),
    /// An address, and how many of its bits count.
    Net(u32, u8),
    Bytes(Vec<u8>),
}
