//! Python with its words told apart: for reading, so it need not know what the parser knows.

use yew::prelude::*;

/// What a stretch of source is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    /// Names, signs, spaces.
    Plain,
    /// `def`, `while`, …
    Keyword,
    /// `'…'`, `b"…"`, in quotes of any kind.
    Text,
    /// `# …`
    Comment,
    /// `4096`, `0x1f`
    Number,
}

const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// The source line by line, each cut into stretches. Joined, they are the source again.
pub fn lines(source: &str) -> Vec<Vec<(Word, &str)>> {
    let mut lines = vec![Vec::new()];
    let mut at = 0;
    while at < source.len() {
        let (word, len) = next(&source[at..]);
        let stretch = &source[at..at + len];
        for (i, part) in stretch.split('\n').enumerate() {
            if i > 0 {
                lines.push(Vec::new());
            }
            if let Some(line) = lines.last_mut().filter(|_| !part.is_empty()) {
                line.push((word, part));
            }
        }
        at += len;
    }
    if source.ends_with('\n') {
        lines.pop();
    }
    lines
}

/// What begins here, and how long it is: at least one character.
fn next(rest: &str) -> (Word, usize) {
    let letters = |c: char| c.is_alphanumeric() || c == '_';
    let run = |of: &dyn Fn(char) -> bool| rest.find(|c| !of(c)).unwrap_or(rest.len());
    let first = rest.chars().next().unwrap_or_default();
    if first == '#' {
        return (Word::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if first.is_ascii_digit() {
        return (Word::Number, run(&|c| letters(c) || c == '.'));
    }
    let prefix = if letters(first) { run(&letters) } else { 0 };
    let is_prefix = prefix <= 2 && rest[..prefix].chars().all(|c| "rbfuRBFU".contains(c));
    if is_prefix && rest[prefix..].starts_with(['"', '\'']) {
        return (Word::Text, prefix + text(&rest[prefix..]));
    }
    match prefix {
        0 => (Word::Plain, run(&|c| !letters(c) && !matches!(c, '#' | '"' | '\'')).max(first.len_utf8())),
        len if KEYWORDS.contains(&&rest[..len]) => (Word::Keyword, len),
        len => (Word::Plain, len),
    }
}

/// The length of a string with its quotes; of one that is not closed, to the end of the line.
fn text(rest: &str) -> usize {
    let quote = &rest[..1];
    let triple = rest.len() >= 3 && rest[1..].starts_with(&quote.repeat(2));
    let close = if triple { quote.repeat(3) } else { quote.to_owned() };
    let mut at = close.len();
    while let Some(c) = rest[at..].chars().next() {
        if rest[at..].starts_with(&close) {
            return at + close.len();
        }
        if c == '\n' && !triple {
            return at;
        }
        at += c.len_utf8();
        if c == '\\' {
            at += rest[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    rest.len()
}

/// One line drawn.
pub fn draw(line: &[(Word, &str)]) -> Html {
    line.iter()
        .map(|(word, text)| match word {
            Word::Plain => html! { { text } },
            Word::Keyword => html! { <b class="kw">{ text }</b> },
            Word::Text => html! { <span class="str">{ text }</span> },
            Word::Comment => html! { <i class="com">{ text }</i> },
            Word::Number => html! { <span class="num">{ text }</span> },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<(Word, &str)> {
        lines(source).concat().into_iter().filter(|(word, _)| *word != Word::Plain).collect()
    }

    #[test]
    fn words_are_told_apart() {
        let found = words("with s as c:  # x 'y'\n    c.send(b\"a\\\"b\", 0x1f)\n");
        let wanted = [
            (Word::Keyword, "with"),
            (Word::Keyword, "as"),
            (Word::Comment, "# x 'y'"),
            (Word::Text, "b\"a\\\"b\""),
            (Word::Number, "0x1f"),
        ];
        assert_eq!(found, wanted);
        assert_eq!(words("x = '''a\nb''' + 'c"), [(Word::Text, "'''a"), (Word::Text, "b'''"), (Word::Text, "'c")]);
        assert_eq!(words("format = info"), []);
    }

    #[test]
    fn nothing_is_lost_and_nothing_ends_badly() {
        for source in ["", "\n", "ü = 'ä\\", "'''", "a\n\nb", "\\", "\"\"", "rb'x", "1.5e3\n#", "b", "é'"] {
            let joined: Vec<String> =
                lines(source).iter().map(|line| line.iter().map(|(_, text)| *text).collect()).collect();
            assert_eq!(joined.join("\n"), source.strip_suffix('\n').unwrap_or(source), "{source:?}");
        }
    }
}
