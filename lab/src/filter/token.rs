//! From text to words and signs.

/// What is wrong, and where: byte offset.
pub(super) type Wrong = (usize, String);

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Token {
    /// A field, a number, an address, `and`, …
    Word(String),
    /// A string in quotes.
    Text(Vec<u8>),
    /// `==`, `&&`, `(`, `..`, …
    Sign(&'static str),
}

/// Longest first.
const SIGNS: [&str; 23] = [
    "===", "!==", "==", "!=", "~=", "<=", ">=", "&&", "||", "^^", "..", "<", ">", "!", "&", "(", ")", "{", "}", ",",
    "[", "]", "~",
];

pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Wrong> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c.is_whitespace() {
            at += c.len_utf8();
        } else if c == '"' {
            let (bytes, len) = string(rest).map_err(|(inside, what)| (at + inside, what))?;
            out.push((at, Token::Text(bytes)));
            at += len;
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            out.push((at, Token::Sign(sign)));
            at += sign.len();
        } else if is_word(c) {
            // A word ends before `..`, which is the sign for a range.
            let len = rest
                .char_indices()
                .find(|(i, c)| !is_word(*c) || rest[*i..].starts_with(".."))
                .map_or(rest.len(), |(i, _)| i);
            out.push((at, Token::Word(rest[..len].to_owned())));
            at += len;
        } else {
            return Err((at, format!("{c:?} has no meaning here.")));
        }
    }
    Ok(out)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '/' | '-')
}

/// A string with `\"`, `\\`, `\n`, `\r`, `\t`, `\xHH`: its bytes, and its length with the quotes.
fn string(text: &str) -> Result<(Vec<u8>, usize), Wrong> {
    let mut bytes = Vec::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((bytes, at + 1)),
            '\\' => match chars.next() {
                Some((_, 'n')) => bytes.push(b'\n'),
                Some((_, 'r')) => bytes.push(b'\r'),
                Some((_, 't')) => bytes.push(b'\t'),
                Some((_, '0')) => bytes.push(0),
                Some((_, 'x')) => {
                    let digits: String = chars.by_ref().take(2).map(|(_, c)| c).collect();
                    let byte = u8::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 2);
                    bytes.push(byte.ok_or_else(|| (at, "\\x needs two hexadecimal digits.".to_owned()))?);
                }
                Some((_, c @ ('"' | '\\' | '\''))) => bytes.push(c as u8),
                _ => {
                    return Err((
                        at,
                        "This escape is unknown: \\n, \\r, \\t, \\xHH, \\\" and \\\\ are known.".to_owned(),
                    ));
                }
            },
            c => bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err((0, "The string has no closing quote.".to_owned()))
}
