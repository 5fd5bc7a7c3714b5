//! From a header's fields to the cells of a 32-column grid, in RFC order. Numbers only, no drawing.

use lab::dissect::FieldView;
use stack::trace::Proto;

use crate::store::Bits;

/// One piece of a field on one row of the grid.
#[derive(Clone, PartialEq, Debug)]
pub struct Cell<'a> {
    /// The field.
    pub field: &'a FieldView,
    /// Its bits.
    pub bits: Bits,
    /// Row from 0.
    pub row: u32,
    /// First column, 0 to 31.
    pub column: u32,
    /// How many columns.
    pub span: u32,
    /// Carries name and value; false for the rest of a field that continues on another row.
    pub main: bool,
    /// The bytes between an option's kind and its values: the name alone.
    pub name_only: bool,
}

/// The cells of a header.
pub fn cells(proto: Proto, fields: &[FieldView]) -> Vec<Cell<'_>> {
    let mut cells = Vec::new();
    for field in fields {
        add(proto, field, &mut cells);
    }
    cells
}

fn add<'a>(proto: Proto, field: &'a FieldView, cells: &mut Vec<Cell<'a>>) {
    let whole_bytes = |part: &FieldView| part.bits.is_multiple_of(8) && part.bits > 0;
    if field.parts.is_empty() || !field.parts.iter().all(whole_bytes) {
        return push(proto, field, (field.bit, field.bit + field.bits), false, cells);
    }
    let mut at = field.bit;
    for part in &field.parts {
        if part.bit > at {
            push(proto, field, (at, part.bit), true, cells);
        }
        add(proto, part, cells);
        at = part.bit + part.bits;
    }
    let end = field.bit + field.bits;
    if end > at {
        push(proto, field, (at, end), true, cells);
    }
}

/// Cuts a run of bits at the ends of the rows; the longest piece carries name and value.
fn push<'a>(proto: Proto, field: &'a FieldView, (from, to): (u32, u32), name_only: bool, cells: &mut Vec<Cell<'a>>) {
    let first = cells.len();
    let mut at = from;
    while at < to {
        let end = to.min((at / 32 + 1) * 32);
        let bits = Bits { proto, at: field.bit, len: field.bits };
        let (row, column, span) = (at / 32, at % 32, end - at);
        cells.push(Cell { field, bits, row, column, span, main: false, name_only });
        at = end;
    }
    let longest = cells[first..].iter().map(|cell| cell.span).max();
    if let Some(cell) = cells[first..].iter_mut().find(|cell| Some(cell.span) == longest) {
        cell.main = true;
    }
}

/// A field's value for a small cell: addresses and hexadecimal as they are, else the number in its bits.
pub fn short_value(field: &FieldView, header: &[u8]) -> String {
    if !field.parts.is_empty() && field.parts.iter().all(|part| part.bits == 1) {
        let set: Vec<&str> =
            field.parts.iter().filter(|part| bits(header, part.bit, 1) == Some(1)).map(|part| part.short).collect();
        return if set.is_empty() { "–".to_owned() } else { set.join(" ") };
    }
    let value = field.value.as_str();
    if value.is_empty() {
        return String::new();
    }
    let is_address = value.contains(':') || value.matches('.').count() == 3;
    match bits(header, field.bit, field.bits) {
        Some(_) if value.contains("0x") => {
            let from = value.find("0x").unwrap_or(0);
            value[from..].split([' ', ',', ')']).next().unwrap_or(value).to_owned()
        }
        Some(number) if !is_address => number.to_string(),
        _ => value.to_owned(),
    }
}

/// The number in some bits.
pub fn bits(header: &[u8], at: u32, len: u32) -> Option<u64> {
    if len == 0 || len > 64 {
        return None;
    }
    (at..at + len).try_fold(0u64, |value, bit| {
        let byte = *header.get((bit / 8) as usize)?;
        Some(value << 1 | u64::from(byte >> (7 - bit % 8) & 1))
    })
}

/// Did the last write change these bits?
pub fn changed(before: Option<&[u8]>, now: &[u8], run: Bits) -> bool {
    let Some(before) = before else { return false };
    let (from, to) = ((run.at / 8) as usize, (run.at + run.len).div_ceil(8) as usize);
    if run.len <= 64 && !run.len.is_multiple_of(8) {
        return bits(before, run.at, run.len) != bits(now, run.at, run.len);
    }
    before.get(from..to.min(before.len()).max(from)) != now.get(from..to.min(now.len()).max(from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab::dissect::header;

    fn layout(proto: Proto, bytes: &[u8]) -> Vec<(u32, u32, u32)> {
        cells(proto, &header(proto, bytes).fields).iter().map(|c| (c.row, c.column, c.span)).collect()
    }

    #[test]
    fn an_ipv4_header_fills_five_rows_without_gap_or_overlap() {
        let cells = layout(Proto::Ipv4, &[0; 20]);
        assert_eq!(cells.iter().map(|c| c.2).sum::<u32>(), 160);
        assert!(cells.windows(2).all(|w| w[0].0 * 32 + w[0].1 + w[0].2 == w[1].0 * 32 + w[1].1), "{cells:?}");
    }

    #[test]
    fn a_hardware_address_continues_on_the_next_row_and_is_named_once() {
        let view = header(Proto::Ethernet, &[0; 14]);
        let cells = cells(Proto::Ethernet, &view.fields);
        let dst: Vec<_> = cells.iter().filter(|c| c.field.filter == "eth.dst").collect();
        assert_eq!(
            dst.iter().map(|c| (c.row, c.column, c.span, c.main)).collect::<Vec<_>>(),
            [(0, 0, 32, true), (1, 0, 16, false)]
        );
    }

    #[test]
    fn tcp_options_fill_their_rows() {
        let mut bytes = vec![0u8; 20];
        bytes[12] = 0x80;
        bytes.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
        let cells = layout(Proto::Tcp, &bytes);
        assert_eq!(cells.iter().map(|c| c.2).sum::<u32>(), 32 * 8, "{cells:?}");
    }

    #[test]
    fn small_cells_show_the_number_in_the_bits() {
        let bytes = [0x45, 0, 0, 89, 0x1c, 0x46, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 2, 10, 0, 0, 3];
        let view = header(Proto::Ipv4, &bytes);
        let value = |filter: &str| {
            let field = view.fields.iter().find(|field| field.filter == filter).expect("the field");
            short_value(field, &bytes)
        };
        assert_eq!(value("ip.hdr_len"), "5");
        assert_eq!(value("ip.proto"), "6");
        assert_eq!(value("ip.id"), "0x1c46");
        assert_eq!(value("ip.src"), "10.0.0.2");
        let bytes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0];
        let view = header(Proto::Ethernet, &bytes);
        assert_eq!(short_value(&view.fields[2], &bytes), "0x0800");
    }

    #[test]
    fn only_bits_that_differ_have_changed() {
        let run = |at, len| Bits { proto: Proto::Ipv4, at, len };
        assert!(changed(Some(&[0x45]), &[0x46], run(4, 4)));
        assert!(!changed(Some(&[0x45]), &[0x46], run(0, 4)));
        assert!(!changed(None, &[0x46], run(0, 4)));
    }
}
