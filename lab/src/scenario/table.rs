//! One table of the file: taking values by key and kind, and complaining about all that is left.

use super::problem::Reporter;
use super::raw::At;
use super::suggest::nearest;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table being read.
pub(super) struct Table<'d> {
    /// What it is called in messages, e.g. `[[host]]`.
    what: &'static str,
    pub(super) span: Range<usize>,
    entries: Vec<(&'d str, Range<usize>, &'d Spanned<DeValue<'d>>)>,
    known: Vec<&'static str>,
}

impl<'d> Table<'d> {
    pub(super) fn new(what: &'static str, span: Range<usize>, table: &'d DeTable<'d>) -> Table<'d> {
        let entries = table.iter().map(|(k, v)| (k.get_ref().as_ref(), k.span(), v)).collect();
        Table { what, span, entries, known: Vec::new() }
    }

    /// The value of a key.
    pub(super) fn take(&mut self, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.known.push(key);
        self.entries.iter().find(|(k, _, _)| *k == key).map(|(_, _, v)| *v)
    }

    /// Every entry, for tables whose keys are free.
    pub(super) fn take_all(&mut self) -> Vec<(At<String>, &'d Spanned<DeValue<'d>>)> {
        let entries = std::mem::take(&mut self.entries);
        entries.into_iter().map(|(k, span, v)| (At { value: k.to_owned(), span }, v)).collect()
    }

    /// Complains about the keys nobody took.
    pub(super) fn finish(self, report: &mut Reporter<'_>) {
        for (key, span, _) in &self.entries {
            if !self.known.contains(key) {
                let hint = match nearest(key, self.known.iter().copied()) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("expected one of: {}", self.known.join(", ")),
                };
                report.report(span.clone(), format!("unknown key \"{key}\" in {}", self.what), hint);
            }
        }
    }

    pub(super) fn string(&mut self, key: &'static str, report: &mut Reporter<'_>) -> Option<At<String>> {
        let value = self.take(key)?;
        string(value, report, &format!("{key} must be a string"), "")
    }

    /// A string that `parse` understands; `hint` says what that is.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        report: &mut Reporter<'_>,
        hint: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<At<T>> {
        let value = self.take(key)?;
        let text = string(value, report, &format!("{key} must be a string"), hint)?;
        match parse(&text.value) {
            Some(value) => Some(At { value, span: text.span }),
            None => {
                report.report(text.span, format!("bad {key} \"{}\"", text.value), hint);
                None
            }
        }
    }

    pub(super) fn boolean(&mut self, key: &'static str, report: &mut Reporter<'_>) -> Option<bool> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::Boolean(b) => Some(*b),
            other => {
                report.report(
                    value.span(),
                    format!("{key} must be a boolean, not {}", kind(other)),
                    "expected true or false",
                );
                None
            }
        }
    }

    pub(super) fn integer(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<i64>,
        report: &mut Reporter<'_>,
    ) -> Option<At<i64>> {
        let value = self.take(key)?;
        integer(value, key, range, report)
    }

    pub(super) fn strings(&mut self, key: &'static str, report: &mut Reporter<'_>) -> Vec<At<String>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            let message = format!("{key} must be an array of strings, not {}", kind(value.get_ref()));
            report.report(value.span(), message, format!("as in {key} = [\"…\"]"));
            return Vec::new();
        };
        items.iter().filter_map(|item| string(item, report, &format!("{key} must hold strings"), "")).collect()
    }

    /// The tables of `[[key]]`.
    pub(super) fn tables(
        &mut self,
        key: &'static str,
        what: &'static str,
        report: &mut Reporter<'_>,
    ) -> Vec<Table<'d>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let wrong = |span: Range<usize>, report: &mut Reporter<'_>| {
            report.report(span, format!("{key} must be an array of tables"), format!("expected {what}"));
        };
        let DeValue::Array(items) = value.get_ref() else {
            wrong(value.span(), report);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(table) => tables.push(Table::new(what, item.span(), table)),
                _ => wrong(item.span(), report),
            }
        }
        tables
    }
}

/// What a value is, for messages.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// A string, or a complaint: `message` with what it is instead.
pub(super) fn string(
    value: &Spanned<DeValue<'_>>,
    report: &mut Reporter<'_>,
    message: &str,
    hint: &str,
) -> Option<At<String>> {
    match value.get_ref() {
        DeValue::String(text) => Some(At { value: text.to_string(), span: value.span() }),
        other => {
            report.report(value.span(), format!("{message}, not {}", kind(other)), hint);
            None
        }
    }
}

/// An integer in a range, or a complaint.
pub(super) fn integer(
    value: &Spanned<DeValue<'_>>,
    key: &str,
    range: std::ops::RangeInclusive<i64>,
    report: &mut Reporter<'_>,
) -> Option<At<i64>> {
    let expected = match (*range.start(), *range.end()) {
        (low, i64::MAX) => format!("expected an integer, {low} or more"),
        (low, high) => format!("expected an integer from {low} to {high}"),
    };
    let DeValue::Integer(n) = value.get_ref() else {
        report.report(value.span(), format!("{key} must be an integer, not {}", kind(value.get_ref())), expected);
        return None;
    };
    match i64::from_str_radix(n.as_str(), n.radix()) {
        Ok(n) if range.contains(&n) => Some(At { value: n, span: value.span() }),
        _ => {
            report.report(value.span(), format!("{key} is out of range"), expected);
            None
        }
    }
}
