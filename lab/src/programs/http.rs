//! HTTP/1.1 messages: heads, and the framing of bodies (RFC 9112).

use std::fmt::Write as _;

/// As much as a head may have.
pub(super) const MAX_HEAD: usize = 16_384;

/// The head of a message: the first line in three parts, and the fields.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Head {
    /// Method, or version.
    pub(super) first: String,
    /// Target, or status code.
    pub(super) second: String,
    /// Version, or reason.
    pub(super) third: String,
    fields: Vec<(String, String)>,
    /// The bytes of the head, the empty line included.
    pub(super) len: usize,
}

/// Why bytes are no head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NotAHead {
    /// It is not all there yet.
    Incomplete,
    /// The first line is longer than a head may be.
    LineTooLong,
    /// The fields are longer than a head may be.
    TooLong,
    /// It is not HTTP.
    Malformed,
}

impl Head {
    /// Reads the head at the front of `bytes`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Head, NotAHead> {
        let Some((end, skip)) = end_of_head(bytes) else {
            return Err(match bytes.iter().position(|b| *b == b'\n') {
                None if bytes.len() > MAX_HEAD / 2 => NotAHead::LineTooLong,
                Some(line) if line > MAX_HEAD / 2 => NotAHead::LineTooLong,
                _ if bytes.len() > MAX_HEAD => NotAHead::TooLong,
                _ => NotAHead::Incomplete,
            });
        };
        let text = std::str::from_utf8(&bytes[..end]).map_err(|_| NotAHead::Malformed)?;
        let mut lines = text.split('\n').map(|l| l.strip_suffix('\r').unwrap_or(l));
        let mut parts = lines.next().unwrap_or_default().splitn(3, ' ').map(str::to_owned);
        let (Some(first), Some(second)) = (parts.next(), parts.next()) else { return Err(NotAHead::Malformed) };
        if first.is_empty() || second.is_empty() {
            return Err(NotAHead::Malformed);
        }
        if first.len() + second.len() > MAX_HEAD / 2 {
            return Err(NotAHead::LineTooLong);
        }
        let mut fields = Vec::new();
        for line in lines.filter(|l| !l.is_empty()) {
            let (name, value) = line.split_once(':').ok_or(NotAHead::Malformed)?;
            if name.is_empty() || name.contains([' ', '\t']) {
                return Err(NotAHead::Malformed);
            }
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(Head { first, second, third: parts.next().unwrap_or_default(), fields, len: end + skip })
    }

    /// A field's value.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Does a field's comma-separated list hold this word?
    pub(super) fn lists(&self, name: &str, word: &str) -> bool {
        let values = self.fields.iter().filter(|(n, _)| n == name);
        values.flat_map(|(_, v)| v.split(',')).any(|w| w.trim().eq_ignore_ascii_case(word))
    }

    /// `Content-Length`; an error if it is no number, or there are several that differ.
    pub(super) fn content_length(&self) -> Result<Option<u64>, NotAHead> {
        let mut found = None;
        for (_, value) in self.fields.iter().filter(|(n, _)| n == "content-length") {
            let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
            let n: u64 = value.parse().ok().filter(|_| digits).ok_or(NotAHead::Malformed)?;
            if found.is_some_and(|f| f != n) {
                return Err(NotAHead::Malformed);
            }
            found = Some(n);
        }
        Ok(found)
    }
}

/// Where the head's last line ends, and how many bytes of empty line follow.
fn end_of_head(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut at = 0;
    while let Some(n) = bytes[at..].iter().position(|b| *b == b'\n') {
        let next = at + n + 1;
        match &bytes[next..] {
            [b'\n', ..] => return Some((next, 1)),
            [b'\r', b'\n', ..] => return Some((next, 2)),
            _ => at = next,
        }
    }
    None
}

/// The head of a response.
pub(super) fn response_head(status: u16, fields: &[(&str, &str)]) -> String {
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in fields {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head + "\r\n"
}

/// The phrase of a status code (RFC 9110 §15).
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

/// Takes apart a body that comes in chunks (RFC 9112 §7.1).
#[derive(Default)]
pub(super) struct Chunked {
    line: Vec<u8>,
    left: u64,
    state: ChunkState,
}

#[derive(Default, PartialEq)]
enum ChunkState {
    #[default]
    Size,
    Data,
    DataEnd,
    Trailer,
    Done,
}

impl Chunked {
    /// Takes bytes in and gives the body's; `None` if they are malformed.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        while !bytes.is_empty() && self.state != ChunkState::Done {
            if self.state == ChunkState::Data {
                let n = (self.left.min(bytes.len() as u64)) as usize;
                body.extend_from_slice(&bytes[..n]);
                bytes = &bytes[n..];
                self.left -= n as u64;
                if self.left == 0 {
                    self.state = ChunkState::DataEnd;
                }
                continue;
            }
            let (byte, rest) = bytes.split_first()?;
            bytes = rest;
            if *byte != b'\n' {
                self.line.push(*byte);
                if self.line.len() > 1024 {
                    return None;
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            self.state = match self.state {
                ChunkState::Size => {
                    let digits = line.split(|b| *b == b';').next()?;
                    let digits = std::str::from_utf8(digits).ok()?.trim();
                    self.left = u64::from_str_radix(digits, 16).ok()?;
                    if self.left == 0 { ChunkState::Trailer } else { ChunkState::Data }
                }
                ChunkState::DataEnd if line.is_empty() => ChunkState::Size,
                ChunkState::Trailer if line.is_empty() => ChunkState::Done,
                ChunkState::Trailer => ChunkState::Trailer,
                _ => return None,
            };
        }
        Some(body)
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == ChunkState::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let head = Head::parse(b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Close\r\n\r\nrest").unwrap();
        assert_eq!((head.first.as_str(), head.second.as_str(), head.third.as_str()), ("GET", "/a", "HTTP/1.1"));
        assert_eq!(head.field("host"), Some("x"));
        assert!(head.lists("connection", "close"));
        assert_eq!(head.len, 59);
        assert_eq!(Head::parse(b"HTTP/1.0 200 OK\n\n").unwrap().third, "OK");
    }

    #[test]
    fn what_is_no_head_says_why() {
        assert_eq!(Head::parse(b"GET / HTTP/1.1\r\nHost"), Err(NotAHead::Incomplete));
        assert_eq!(Head::parse(b""), Err(NotAHead::Incomplete));
        assert_eq!(Head::parse(&[b'a'; 9000]), Err(NotAHead::LineTooLong));
        assert_eq!(Head::parse(b"nonsense\r\n\r\n"), Err(NotAHead::Malformed));
        assert_eq!(Head::parse(b"GET / HTTP/1.1\r\nno colon\r\n\r\n"), Err(NotAHead::Malformed));
        assert_eq!(Head::parse(b"GET /\xff HTTP/1.1\r\n\r\n"), Err(NotAHead::Malformed));
        let mut long = b"GET / HTTP/1.1\r\n".to_vec();
        long.extend(std::iter::repeat_n(b"a: b\r\n", 4000).flatten());
        assert_eq!(Head::parse(&long), Err(NotAHead::TooLong));
        let twice = Head::parse(b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n").unwrap();
        assert_eq!(twice.content_length(), Err(NotAHead::Malformed));
    }

    #[test]
    fn chunks_join_however_they_come() {
        let message = b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: a\r\n\r\n";
        for size in 1..message.len() {
            let mut chunked = Chunked::default();
            let body: Vec<u8> = message.chunks(size).flat_map(|c| chunked.take(c).unwrap()).collect();
            assert_eq!((body.as_slice(), chunked.is_done()), (&b"hello world"[..], true));
        }
        assert_eq!(Chunked::default().take(b"x\r\n"), None);
        assert_eq!(Chunked::default().take(b"1\r\nab\r\n"), None);
    }
}
