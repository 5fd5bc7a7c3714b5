//! From text to tokens.
//!
//! packetdrill: `lexer.l`. White space and comments separate tokens and mean nothing else. A number or word is
//! as long as it can be: `P5` and `3whs` are words, `.01` is a decimal, `1.` is an integer and a dot.

use std::ops::Range;

/// What is wrong with a piece of the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    /// Where, in bytes of the text.
    pub(crate) span: Range<usize>,
    /// What is wrong.
    pub(crate) message: String,
    /// What was expected.
    pub(crate) hint: String,
}

impl Fault {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>, hint: impl Into<String>) -> Fault {
        Fault { span, message: message.into(), hint: hint.into() }
    }
}

/// A token's kind and value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Tok {
    /// `12`, `-1`
    Int(i64),
    /// `0xff`
    Hex(i64),
    /// `0.5`, `.01`: its value in units of 10⁻⁹.
    Decimal(i64),
    /// `192.0.2.1`
    Ipv4(std::net::Ipv4Addr),
    /// `connect`, `P5`, `sackOK`
    Word,
    /// `"text"`: its bytes, escapes resolved.
    Str(Vec<u8>),
    /// `` `command` ``
    Backquote(String),
    /// `%{ code }%`: what is between the marks.
    Code(String),
    /// `...`
    Ellipsis,
    /// `--name` or `--name=value`
    Option(String, Option<String>),
    /// Any other single character.
    Punct(char),
    /// The end of the text.
    End,
}

/// A token and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Token {
    pub(crate) tok: Tok,
    /// As written; a defined word's value is its text.
    pub(crate) text: String,
    pub(crate) span: Range<usize>,
}

impl Token {
    /// How a message names it.
    pub(crate) fn describe(&self) -> String {
        match &self.tok {
            Tok::End => "the end of the script".to_owned(),
            Tok::Str(_) => "a string".to_owned(),
            Tok::Backquote(_) => "a `command`".to_owned(),
            Tok::Code(_) => "a %{ code block }%".to_owned(),
            _ => format!("\"{}\"", self.text),
        }
    }
}

/// Takes a text apart; the last token is [`Tok::End`].
pub(crate) fn lex(text: &str) -> Result<Vec<Token>, Fault> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks()?;
        let start = lexer.at;
        let tok = lexer.token()?;
        let span = start..lexer.at;
        let end = tok == Tok::End;
        tokens.push(Token { tok, text: text[span.clone()].to_owned(), span });
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_blanks(&mut self) -> Result<(), Fault> {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            let rest = self.rest();
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                let Some(end) = rest.find("*/") else {
                    return Err(Fault::new(
                        self.at..self.at + 2,
                        "a comment that does not end",
                        "expected */ after it",
                    ));
                };
                self.at += end + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<Tok, Fault> {
        let start = self.at;
        let Some(c) = self.peek() else { return Ok(Tok::End) };
        let rest = self.rest();
        if rest.starts_with("...") {
            self.at += 3;
            return Ok(Tok::Ellipsis);
        }
        if rest.starts_with("%{") {
            let Some(end) = rest.find("}%") else {
                return Err(Fault::new(start..start + 2, "a code block that does not end", "expected }% after it"));
            };
            let code = rest[2..end].to_owned();
            self.at += end + 2;
            return Ok(Tok::Code(code));
        }
        if rest.starts_with("--") && rest[2..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Ok(self.option());
        }
        match c {
            '"' => self.string().map(Tok::Str),
            '`' => {
                let Some(end) = rest[1..].find('`') else {
                    return Err(Fault::new(start..start + 1, "a command that does not end", "expected ` after it"));
                };
                let command = rest[1..=end].to_owned();
                self.at += end + 2;
                Ok(Tok::Backquote(command))
            }
            c if c.is_ascii_alphanumeric() || c == '_' || c == '.' || c == '-' => self.number_or_word(),
            c => {
                self.at += c.len_utf8();
                Ok(Tok::Punct(c))
            }
        }
    }

    /// `--name=value`: the value goes to the next blank, or is quoted.
    fn option(&mut self) -> Tok {
        let word = |text: &str| {
            text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(text.len())
        };
        let rest = &self.rest()[2..];
        let name = rest[..word(rest)].to_owned();
        self.at += 2 + name.len();
        let Some(rest) = self.rest().strip_prefix('=') else { return Tok::Option(name, None) };
        let mut quoted = false;
        let end = rest.find(|c: char| {
            quoted ^= c == '"';
            c.is_whitespace() && !quoted
        });
        let value = rest[..end.unwrap_or(rest.len())].to_owned();
        self.at += 1 + value.len();
        Tok::Option(name, Some(value))
    }

    fn string(&mut self) -> Result<Vec<u8>, Fault> {
        let start = self.at;
        let mut bytes = Vec::new();
        let mut chars = self.text[start + 1..].char_indices();
        let unclosed = || Fault::new(start..start + 1, "a string that does not end", "expected \" after it");
        loop {
            let (at, c) = chars.next().ok_or_else(unclosed)?;
            match c {
                '"' => {
                    self.at = start + 1 + at + 1;
                    return Ok(bytes);
                }
                '\\' => {
                    let (_, escaped) = chars.next().ok_or_else(unclosed)?;
                    match escaped {
                        'n' => bytes.push(b'\n'),
                        'r' => bytes.push(b'\r'),
                        't' => bytes.push(b'\t'),
                        '0' => bytes.push(0),
                        'x' => {
                            let digits: String = chars.clone().take(2).map(|(_, c)| c).collect();
                            let Some(byte) = u8::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 2) else {
                                let at = start + 1 + at;
                                return Err(Fault::new(
                                    at..at + 2,
                                    "a bad escape",
                                    "expected two hex digits after \\x",
                                ));
                            };
                            bytes.push(byte);
                            chars.nth(1);
                        }
                        other => bytes.extend(other.encode_utf8(&mut [0; 4]).bytes()),
                    }
                }
                other => bytes.extend(other.encode_utf8(&mut [0; 4]).bytes()),
            }
        }
    }

    /// The longest of: an address, a decimal, an integer, a hexadecimal number, a word.
    fn number_or_word(&mut self) -> Result<Tok, Fault> {
        let start = self.at;
        let rest = &self.text[start..];
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '#';
        let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let word = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());

        let sign = usize::from(rest.starts_with('-'));
        let whole = sign + digits(&rest[sign..]);
        let fraction = rest[whole..].strip_prefix('.').map_or(0, digits);

        if sign == 0
            && let Some((address, len)) = dotted_quad(rest)
        {
            self.at += len;
            return Ok(Tok::Ipv4(address));
        }
        if fraction > 0 {
            self.at += whole + 1 + fraction;
            let text = &self.text[start..self.at];
            return decimal(text).map(Tok::Decimal).ok_or_else(|| too_large(start..self.at));
        }
        if let Some(hex) = rest.strip_prefix("0x") {
            let len = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
            if len > 0 && 2 + len >= word {
                self.at += 2 + len;
                let value = u64::from_str_radix(&hex[..len], 16).map_err(|_| too_large(start..self.at))?;
                return Ok(Tok::Hex(value as i64));
            }
        }
        if whole > sign && whole >= word {
            self.at += whole;
            return self.text[start..self.at].parse().map(Tok::Int).map_err(|_| too_large(start..self.at));
        }
        if word > 0 {
            self.at += word;
            return Ok(Tok::Word);
        }
        self.at += 1;
        Ok(Tok::Punct(if sign == 1 { '-' } else { '.' }))
    }
}

fn too_large(span: Range<usize>) -> Fault {
    Fault::new(span, "a number that is too large", "expected one of at most 63 bits")
}

/// A decimal in units of 10⁻⁹; further digits are cut off.
pub(crate) fn decimal(text: &str) -> Option<i64> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |t| (true, t));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) || whole.len() + fraction.len() == 0 {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let nano: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let value = whole.checked_mul(1_000_000_000)?.checked_add(nano.parse().ok()?)?;
    Some(if negative { -value } else { value })
}

fn dotted_quad(text: &str) -> Option<(std::net::Ipv4Addr, usize)> {
    let len = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let text = &text[..len];
    // `0...0.300` is a time.
    if text.contains("..") || text.matches('.').count() != 3 {
        return None;
    }
    text.parse().ok().map(|address| (address, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toks(text: &str) -> Vec<Tok> {
        let mut tokens = lex(text).unwrap();
        assert_eq!(tokens.pop().map(|t| t.tok), Some(Tok::End));
        tokens.into_iter().map(|t| t.tok).collect()
    }

    fn texts(text: &str) -> Vec<String> {
        lex(text).unwrap().into_iter().map(|t| t.text).filter(|t| !t.is_empty()).collect()
    }

    #[test]
    fn numbers_are_as_long_as_they_can_be() {
        assert_eq!(
            toks("12 -1 0x1F .01 0.310 1."),
            [
                Tok::Int(12),
                Tok::Int(-1),
                Tok::Hex(31),
                Tok::Decimal(10_000_000),
                Tok::Decimal(310_000_000),
                Tok::Int(1),
                Tok::Punct('.')
            ]
        );
        assert_eq!(toks("0...0.300"), [Tok::Int(0), Tok::Ellipsis, Tok::Decimal(300_000_000)]);
        assert_eq!(
            toks("+.09...0.14"),
            [Tok::Punct('+'), Tok::Decimal(90_000_000), Tok::Ellipsis, Tok::Decimal(140_000_000)]
        );
        assert_eq!(toks("192.0.2.1"), [Tok::Ipv4([192, 0, 2, 1].into())]);
    }

    #[test]
    fn words_may_begin_with_digits() {
        assert_eq!(toks("P5 3whs 3021b9d889017eeb sequence# 0xyz"), vec![Tok::Word; 5]);
        assert_eq!(texts("P5. P.5 S. .5"), ["P5", ".", "P", ".5", "S", ".", ".5"]);
        assert_eq!(texts("- 1:1(0)"), ["-", "1", ":", "1", "(", "0", ")"]);
    }

    #[test]
    fn comments_strings_and_blocks() {
        assert_eq!(toks("a // b \n /* c \n */ d"), [Tok::Word, Tok::Word]);
        assert_eq!(
            toks(r#""a\x41\n\"" `x "y"` %{ z # }%"#),
            [Tok::Str(b"aA\n\"".to_vec()), Tok::Backquote("x \"y\"".to_owned()), Tok::Code(" z # ".to_owned())]
        );
    }

    #[test]
    fn options_take_their_value_to_the_next_blank() {
        assert_eq!(
            toks("--ip_version=ipv4-mapped-ipv6 --mss=10 --dry_run // x"),
            [
                Tok::Option("ip_version".to_owned(), Some("ipv4-mapped-ipv6".to_owned())),
                Tok::Option("mss".to_owned(), Some("10".to_owned())),
                Tok::Option("dry_run".to_owned(), None)
            ]
        );
    }

    #[test]
    fn what_does_not_end_is_named_where_it_begins() {
        for (text, at) in [("a \"b", 2), ("  `b", 2), (" %{ b", 1), ("/* b", 0), ("\"\\xg\"", 1)] {
            assert_eq!(lex(text).unwrap_err().span.start, at, "{text}");
        }
        assert!(lex("99999999999999999999").is_err());
    }
}
