//! The directives of a `%` template, translated to those of `format()`.
//!
//! Python library reference, "printf-style String Formatting".

use monty_types::{ExcType, MontyException, MontyObject};

/// A list of `(text before, conversion, name or None, specification for format())`; the last has no
/// conversion.
pub(super) fn directives(template: &str) -> Result<MontyObject, MontyException> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut chars = template.char_indices().peekable();
    while let Some((_, c)) = chars.next() {
        if c != '%' {
            literal.push(c);
            continue;
        }
        let mut name = MontyObject::None;
        if chars.next_if(|(_, c)| *c == '(').is_some() {
            let mut text = String::new();
            loop {
                match chars.next() {
                    Some((_, ')')) => break,
                    Some((_, c)) => text.push(c),
                    None => return Err(value_error("incomplete format key".into())),
                }
            }
            name = MontyObject::String(text);
        }
        let (mut left, mut plus, mut space, mut zero, mut sharp) = (false, false, false, false, false);
        while let Some((_, flag)) = chars.next_if(|(_, c)| "-+ 0#".contains(*c)) {
            match flag {
                '-' => left = true,
                '+' => plus = true,
                ' ' => space = true,
                '0' => zero = true,
                _ => sharp = true,
            }
        }
        let mut width = String::new();
        while let Some((_, digit)) = chars.next_if(|(_, c)| c.is_ascii_digit()) {
            width.push(digit);
        }
        let mut precision = String::new();
        if chars.next_if(|(_, c)| *c == '.').is_some() {
            precision.push('.');
            while let Some((_, digit)) = chars.next_if(|(_, c)| c.is_ascii_digit()) {
                precision.push(digit);
            }
            if precision == "." {
                precision.push('0');
            }
        }
        while chars.next_if(|(_, c)| "hlL".contains(*c)).is_some() {}
        let Some((place, kind)) = chars.next() else { return Err(value_error("incomplete format".into())) };
        let mut spec = String::new();
        let kind = match kind {
            '%' => '%',
            's' | 'r' | 'a' | 'b' | 'c' => {
                spec.push(if left { '<' } else { '>' });
                spec.push_str(&width);
                spec.push_str(&precision);
                kind
            }
            'd' | 'i' | 'u' | 'x' | 'X' | 'o' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let integer = matches!(kind, 'd' | 'i' | 'u' | 'x' | 'X' | 'o');
                spec.push_str(if left {
                    "<"
                } else if zero {
                    ""
                } else {
                    ">"
                });
                spec.push_str(if plus {
                    "+"
                } else if space {
                    " "
                } else {
                    ""
                });
                spec.push_str(if sharp && matches!(kind, 'x' | 'X' | 'o') { "#" } else { "" });
                spec.push_str(if zero && !left { "0" } else { "" });
                spec.push_str(&width);
                if !integer {
                    spec.push_str(if precision.is_empty() && kind != 'g' && kind != 'G' { ".6" } else { &precision });
                }
                let kind = if matches!(kind, 'i' | 'u') { 'd' } else { kind };
                spec.push(kind);
                kind
            }
            other => {
                let text = format!("unsupported format character '{other}' ({:#x}) at index {place}", other as u32);
                return Err(value_error(text));
            }
        };
        parts.push(part(&mut literal, &kind.to_string(), name, spec));
    }
    parts.push(part(&mut literal, "", MontyObject::None, String::new()));
    Ok(MontyObject::List(parts))
}

fn part(literal: &mut String, kind: &str, name: MontyObject, spec: String) -> MontyObject {
    let literal = MontyObject::String(std::mem::take(literal));
    MontyObject::Tuple(vec![literal, MontyObject::String(kind.into()), name, MontyObject::String(spec)])
}

fn value_error(text: String) -> MontyException {
    MontyException::new(ExcType::ValueError, Some(text))
}
