//! C strings as strace quotes them.

/// Quotes at most `limit` bytes; three dots behind the quotes say that there are more.
pub(super) fn quote(bytes: &[u8], limit: usize) -> String {
    let shown = &bytes[..bytes.len().min(limit)];
    let mut text = String::with_capacity(shown.len() + 8);
    text.push('"');
    for (i, b) in shown.iter().enumerate() {
        match b {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'\r' => text.push_str("\\r"),
            0x0b => text.push_str("\\v"),
            0x0c => text.push_str("\\f"),
            0x20..=0x7e => text.push(char::from(*b)),
            _ => {
                // As short as can be: the leading zeros only where a digit would join the number.
                let digit_follows = shown.get(i + 1).is_some_and(|b| (b'0'..=b'7').contains(b));
                let octal = if digit_follows { format!("\\{b:03o}") } else { format!("\\{b:o}") };
                text.push_str(&octal);
            }
        }
    }
    text.push('"');
    if bytes.len() > limit {
        text.push_str("...");
    }
    text
}

/// Every byte in hexadecimal: `"\x01\x00"`.
pub(super) fn quote_hex(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|b| format!("\\x{b:02x}")).collect();
    format!("\"{hex}\"")
}
