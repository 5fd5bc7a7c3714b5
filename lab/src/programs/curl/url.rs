//! The URLs that `curl` takes: `http://HOST[:PORT][/PATH]`, the scheme may be left out.

use super::{Failure, failure};
use std::net::Ipv4Addr;

#[derive(PartialEq, Eq, Debug)]
pub(super) struct Url {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) path: String,
}

impl Url {
    pub(super) fn parse(text: &str) -> Result<Url, Failure> {
        let malformed = || failure(3, "URL using bad/illegal format or missing URL");
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some((scheme, _)) => {
                return Err(failure(1, format!("Protocol \"{scheme}\" not supported or disabled in libcurl")));
            }
            None => text,
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let authority = authority.rsplit('@').next().unwrap_or(authority);
        let (host, port) = match authority.split_once(':') {
            None => (authority, 80),
            Some((host, "")) => (host, 80),
            Some((host, port)) => (host, port.parse().map_err(|_| malformed())?),
        };
        if host.is_empty() || host.contains(char::is_whitespace) || path.contains(char::is_whitespace) {
            return Err(malformed());
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Url { host: host.to_owned(), port, path })
    }

    /// The host's address. There is no resolver yet.
    pub(super) fn address(&self) -> Result<Ipv4Addr, Failure> {
        if self.host.eq_ignore_ascii_case("localhost") {
            return Ok(Ipv4Addr::LOCALHOST);
        }
        self.host.parse().map_err(|_| failure(6, format!("Could not resolve host: {}", self.host)))
    }

    /// What the `Host` field says.
    pub(super) fn authority(&self) -> String {
        if self.port == 80 { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let parse = |text| Url::parse(text).map(|u| (u.authority(), u.path)).map_err(|f| f.code);
        let ok = |a: &str, p: &str| Ok((a.to_owned(), p.to_owned()));
        assert_eq!(parse("http://10.0.0.1:8000/a?b#c"), ok("10.0.0.1:8000", "/a?b"));
        assert_eq!(parse("10.0.0.1"), ok("10.0.0.1", "/"));
        assert_eq!(parse("HTTP://u:p@h?q"), ok("h", "/?q"));
        assert_eq!(
            [parse("https://h/"), parse("http://"), parse("http://h:x/"), parse("a b")].map(|r| r.err()),
            [Some(1), Some(3), Some(3), Some(3)]
        );
        let host = |h: &str| Url::parse(h).ok().unwrap().address().map_err(|f| f.text);
        assert_eq!(host("localhost"), Ok(Ipv4Addr::LOCALHOST));
        assert_eq!(host("example.com"), Err("Could not resolve host: example.com".to_owned()));
    }
}
