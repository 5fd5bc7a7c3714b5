//! Who may talk to the bridge: the checks of `Host`, `Origin` and token.
//!
//! `Host` must be exact, or a name that an attacker points to 127.0.0.1 would do (DNS rebinding). `Origin` must be
//! exact, or any page in the same browser could open the WebSocket. The token keeps out other users of the machine.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

/// The secret in the printed URL.
#[derive(Clone)]
pub struct Token(String);

/// The text cannot be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 8 to 128 letters, digits, '-' or '_'")]
pub struct TokenError;

impl Token {
    /// A new one, of 128 random bits.
    pub fn random() -> Result<Token, getrandom::Error> {
        let mut bytes = [0u8; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Token(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// The text, as it stands in the URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Token, TokenError> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if plain && (8..=128).contains(&text.len()) { Ok(Token(text.into())) } else { Err(TokenError) }
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("one Host header expected")]
    NoHost,
    #[error("this bridge does not answer for host {found:?}; expected {expected}")]
    WrongHost { found: String, expected: String },
    #[error("pages from origin {found:?} may not talk to this bridge; expected {expected:?}")]
    WrongOrigin { found: String, expected: String },
    #[error("token missing: open the URL that the bridge printed, or add ?token=… to the WebSocket's address")]
    NoToken,
    #[error("wrong token: the bridge makes a new one at each start; open the URL that it printed last")]
    WrongToken,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Refusal::NoHost => StatusCode::BAD_REQUEST,
            Refusal::WrongHost { .. } => StatusCode::MISDIRECTED_REQUEST,
            Refusal::WrongOrigin { .. } => StatusCode::FORBIDDEN,
            Refusal::NoToken | Refusal::WrongToken => StatusCode::UNAUTHORIZED,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status(), format!("{self}\n")).into_response()
    }
}

/// The names under which the bridge answers, and its token.
pub(crate) struct Guard {
    port: u16,
    hosts: Vec<String>,
    /// Listening on all addresses, so any of them in figures will do. A name would not: see the head of this file.
    any_address: bool,
    token: Token,
}

impl Guard {
    pub(crate) fn new(listening: SocketAddr, token: Token) -> Guard {
        let port = listening.port();
        let mut names = vec!["127.0.0.1".to_string(), "localhost".into(), "[::1]".into()];
        names.push(match listening.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        });
        let mut hosts: Vec<String> = names.iter().map(|name| format!("{name}:{port}")).collect();
        if port == 80 {
            hosts.extend(names);
        }
        Guard { port, hosts, any_address: listening.ip().is_unspecified(), token }
    }

    /// Checks `Host` and, if there is one, `Origin`.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(Refusal::NoHost);
        };
        let host = host.to_str().map_err(|_| Refusal::NoHost)?.to_ascii_lowercase();
        self.check_host(&host)?;
        if let Some(authority) = uri.authority() {
            self.check_host(&authority.as_str().to_ascii_lowercase())?;
        }
        let expected = format!("http://{host}");
        for origin in headers.get_all(header::ORIGIN) {
            if origin.as_bytes() != expected.as_bytes() {
                let found = shortened(&String::from_utf8_lossy(origin.as_bytes()));
                return Err(Refusal::WrongOrigin { found, expected });
            }
        }
        Ok(())
    }

    fn check_host(&self, host: &str) -> Result<(), Refusal> {
        let by_address = || host.parse::<SocketAddr>().is_ok_and(|address| address.port() == self.port);
        if self.hosts.iter().any(|known| known == host) || (self.any_address && by_address()) {
            return Ok(());
        }
        Err(Refusal::WrongHost { found: shortened(host), expected: self.hosts[..3].join(", ") })
    }

    /// Checks the token in a query such as `token=…`.
    pub(crate) fn check_token(&self, query: Option<&str>) -> Result<(), Refusal> {
        let mut tokens = query.unwrap_or_default().split('&').filter_map(|pair| pair.strip_prefix("token="));
        let token = tokens.next().ok_or(Refusal::NoToken)?;
        if bool::from(token.as_bytes().ct_eq(self.token.0.as_bytes())) { Ok(()) } else { Err(Refusal::WrongToken) }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(listening: &str) -> Guard {
        Guard::new(listening.parse().unwrap(), "secret-token".parse().unwrap())
    }

    fn status(guard: &Guard, hosts: &[&str], origin: Option<&str>) -> u16 {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        if let Some(origin) = origin {
            headers.append(header::ORIGIN, origin.parse().unwrap());
        }
        match guard.check(&Uri::from_static("/"), &headers) {
            Ok(()) => 200,
            Err(refusal) => refusal.into_response().status().as_u16(),
        }
    }

    #[test]
    fn only_exact_hosts_and_origins_pass() {
        let guard = guard("127.0.0.1:7777");
        for (hosts, origin, expected) in [
            (&["127.0.0.1:7777"][..], None, 200),
            (&["localhost:7777"], None, 200),
            (&["LOCALHOST:7777"], Some("http://localhost:7777"), 200),
            (&["[::1]:7777"], Some("http://[::1]:7777"), 200),
            (&["127.0.0.1:7777"], Some("http://127.0.0.1:7777"), 200),
            (&[], None, 400),
            (&["127.0.0.1:7777", "evil.example"], None, 400),
            (&["127.0.0.1"], None, 421),
            (&["127.0.0.1:7778"], None, 421),
            (&["evil.example:7777"], None, 421),
            (&["127.0.0.1:7777.evil.example"], None, 421),
            (&["192.168.1.5:7777"], None, 421),
            (&["127.0.0.1:7777"], Some("http://localhost:7777"), 403),
            (&["127.0.0.1:7777"], Some("http://127.0.0.1:8080"), 403),
            (&["127.0.0.1:7777"], Some("https://127.0.0.1:7777"), 403),
            (&["127.0.0.1:7777"], Some("http://127.0.0.1:7777.evil.example"), 403),
            (&["127.0.0.1:7777"], Some("https://evil.example"), 403),
            (&["127.0.0.1:7777"], Some("null"), 403),
        ] {
            assert_eq!(status(&guard, hosts, origin), expected, "{hosts:?} {origin:?}");
        }
    }

    #[test]
    fn listening_on_all_addresses_answers_for_addresses_but_not_for_names() {
        let guard = guard("0.0.0.0:7777");
        assert_eq!(status(&guard, &["192.168.1.5:7777"], Some("http://192.168.1.5:7777")), 200);
        assert_eq!(status(&guard, &["192.168.1.5:80"], None), 421);
        assert_eq!(status(&guard, &["rebound.example:7777"], None), 421);
    }

    #[test]
    fn port_80_needs_no_figures() {
        assert_eq!(status(&guard("127.0.0.1:80"), &["localhost"], Some("http://localhost")), 200);
    }

    #[test]
    fn the_token_is_compared_whole() {
        let guard = guard("127.0.0.1:7777");
        for (query, expected) in [
            (Some("token=secret-token"), Ok(())),
            (Some("a=1&token=secret-token"), Ok(())),
            (Some("token=secret-toke"), Err(Refusal::WrongToken)),
            (Some("token=secret-token1"), Err(Refusal::WrongToken)),
            (Some("token="), Err(Refusal::WrongToken)),
            (Some("tokens=secret-token"), Err(Refusal::NoToken)),
            (None, Err(Refusal::NoToken)),
        ] {
            assert_eq!(guard.check_token(query), expected, "{query:?}");
        }
    }

    #[test]
    fn tokens_are_random_and_plain() {
        let token = Token::random().unwrap();
        assert_eq!(token.as_str().len(), 32);
        assert_ne!(token.as_str(), Token::random().unwrap().as_str());
        assert!(token.as_str().parse::<Token>().is_ok());
        for text in ["short", "with space in", "ampersand&x=1", &"x".repeat(129)] {
            assert!(text.parse::<Token>().is_err(), "{text}");
        }
    }
}
