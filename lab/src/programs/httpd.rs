//! `httpd`: a small HTTP/1.1 server (RFC 9110, RFC 9112).
//!
//! `httpd [--port 80]`; a task of its own for each connection. `/` tells about the connection the page came
//! by, `/bytes/N` gives N bytes of the pattern in `bytes.rs`. It knows no date, so it sends none (RFC 9110
//! §6.6.1).

use super::args::{Args, Opt};
use super::bytes;
use super::echo::{READ_BYTES, connection_fd, tcp_listener};
use super::http::{Head, MAX_HEAD, NotAHead, response_head};
use crate::program::Sys;
use stack::syscall::{Errno, Fd, IPPROTO_TCP, SHUT_WR, SockAddr, TCP_INFO};
use stack::time::Duration;

/// A connection on which nothing comes for so long is closed.
const IDLE: Duration = Duration::from_secs(60);
/// The longest body that is read, to be ignored.
const MAX_BODY: u64 = 65_536;
/// As much as `/bytes/N` gives.
const MAX_BYTES: u64 = 1 << 30;
/// After refusing a request: silence that ends the wait, and bytes that are read at the most.
const LINGER: Duration = Duration::from_secs(2);
const MAX_LINGER: usize = 4 << 20;
const SERVER: &str = concat!("sendpath/", env!("CARGO_PKG_VERSION"));

pub(super) async fn main(sys: Sys, mut args: Args) -> i32 {
    let mut port = 80;
    while let Some(option) = args.next() {
        match option {
            Opt::Long(name) if name == "connection" => {
                let Some(fd) = connection_fd(&mut args) else { return 2 };
                return i32::from(Connection::new(sys, fd).await.serve().await.is_err());
            }
            Opt::Short('p') => port = args.parsed().unwrap_or(port),
            Opt::Long(name) if name == "port" => port = args.parsed().unwrap_or(port),
            _ => {
                sys.eprint("usage: httpd [--port N]\n").await;
                return 2;
            }
        }
    }
    let Some(listener) = tcp_listener(&sys, "httpd", port).await else { return 1 };
    loop {
        match sys.accept(listener).await {
            Ok((fd, _)) => {
                sys.spawn("httpd", vec!["--connection".to_owned(), fd.to_string()], fd).await;
                let _ = sys.close(fd).await;
            }
            Err(Errno::EMFILE | Errno::ENOMEM | Errno::ENOBUFS) => sys.sleep(Duration::from_millis(100)).await,
            Err(Errno::ECONNABORTED) => {}
            Err(error) => {
                sys.eprint(format!("httpd: accept: {}\n", error.text())).await;
                return 1;
            }
        }
    }
}

struct Connection {
    sys: Sys,
    fd: Fd,
    local: Option<SockAddr>,
    peer: Option<SockAddr>,
    /// Bytes received and not yet used.
    input: Vec<u8>,
    requests: u32,
}

/// What goes back.
struct Response {
    status: u16,
    content_type: &'static str,
    body: Body,
}

enum Body {
    Text(String),
    Pattern(u64),
}

impl Connection {
    async fn new(sys: Sys, fd: Fd) -> Connection {
        let _ = sys.set_receive_timeout(fd, IDLE).await;
        let (local, peer) = (sys.local_address(fd).await.ok(), sys.peer_address(fd).await.ok());
        Connection { sys, fd, local, peer, input: Vec::new(), requests: 0 }
    }

    /// Answers requests until one side has enough.
    async fn serve(mut self) -> Result<(), Errno> {
        loop {
            let head = match self.read_head().await? {
                None => return self.sys.close(self.fd).await,
                Some(Err(status)) => return self.refuse(status).await,
                Some(Ok(head)) => head,
            };
            self.requests += 1;
            let old = head.third == "HTTP/1.0";
            let mut close = head.lists("connection", "close") || (old && !head.lists("connection", "keep-alive"));
            if let Err(status) = self.skip_body(&head).await? {
                return self.refuse(status).await;
            }
            let response = self.answer(&head).await;
            close |= response.status == 505;
            self.respond(&response, head.first == "HEAD", close).await?;
            if close {
                return self.sys.close(self.fd).await;
            }
        }
    }

    /// The next request's head; `None` at the end of the stream, or the status that refuses it.
    async fn read_head(&mut self) -> Result<Option<Result<Head, u16>>, Errno> {
        loop {
            // RFC 9112 §2.2: ignore an empty line before the request line.
            let empty = self.input.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
            self.input.drain(..empty);
            match Head::parse(&self.input) {
                Ok(head) => {
                    self.input.drain(..head.len);
                    return Ok(Some(Ok(head)));
                }
                Err(NotAHead::Incomplete) => {}
                Err(NotAHead::LineTooLong) => return Ok(Some(Err(414))),
                Err(NotAHead::TooLong) => return Ok(Some(Err(431))),
                Err(NotAHead::Malformed) => return Ok(Some(Err(400))),
            }
            match self.sys.recv(self.fd, MAX_HEAD).await {
                Ok(data) if data.is_empty() => return Ok((!self.input.is_empty()).then_some(Err(400))),
                Ok(data) => self.input.extend_from_slice(&data),
                Err(Errno::EAGAIN) => return Ok((!self.input.is_empty()).then_some(Err(408))),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads a request's body, which nobody wants; or the status that refuses it.
    async fn skip_body(&mut self, head: &Head) -> Result<Result<(), u16>, Errno> {
        if head.field("transfer-encoding").is_some() {
            return Ok(Err(501));
        }
        let mut left = match head.content_length() {
            Err(_) => return Ok(Err(400)),
            Ok(n) => n.unwrap_or(0),
        };
        if left > MAX_BODY {
            return Ok(Err(413));
        }
        loop {
            let n = (self.input.len() as u64).min(left) as usize;
            self.input.drain(..n);
            left -= n as u64;
            if left == 0 {
                return Ok(Ok(()));
            }
            let data = self.sys.recv(self.fd, READ_BYTES).await?;
            if data.is_empty() {
                return Ok(Err(400));
            }
            self.input.extend_from_slice(&data);
        }
    }

    async fn answer(&self, head: &Head) -> Response {
        if !head.third.starts_with("HTTP/1.") {
            return error_page(if head.third.starts_with("HTTP/") { 505 } else { 400 });
        }
        if !matches!(head.first.as_str(), "GET" | "HEAD") {
            return error_page(405);
        }
        if head.third == "HTTP/1.1" && head.field("host").is_none() {
            return error_page(400);
        }
        let path = head.second.split(['?', '#']).next().unwrap_or_default();
        let path = path.strip_prefix("http://").map_or(path, |p| p.find('/').map_or("/", |i| &p[i..]));
        match path {
            "/" | "/index.html" => Response {
                status: 200,
                content_type: "text/html; charset=utf-8",
                body: Body::Text(self.welcome().await),
            },
            _ => match path.strip_prefix("/bytes/").and_then(|n| n.parse::<u64>().ok()) {
                Some(n) if n <= MAX_BYTES => {
                    Response { status: 200, content_type: "application/octet-stream", body: Body::Pattern(n) }
                }
                _ => error_page(404),
            },
        }
    }

    /// The page that tells what served it.
    async fn welcome(&self) -> String {
        let show = |a: Option<SockAddr>| a.map_or_else(|| "?".to_owned(), |a| format!("{}:{}", a.addr, a.port));
        let mut facts = vec![
            ("This end", show(self.local)),
            ("Your end", show(self.peer)),
            ("Request on this connection", self.requests.to_string()),
        ];
        let info = self.sys.option(self.fd, IPPROTO_TCP, TCP_INFO, 104).await.unwrap_or_default();
        // struct tcp_info, include/uapi/linux/tcp.h.
        let word = |at: usize| Some(u32::from_le_bytes(info.get(at..at + 4)?.try_into().ok()?));
        let known = [
            (16, "Segment size (snd_mss)", "bytes"),
            (80, "Congestion window", "segments"),
            (68, "Round trip (srtt)", "µs"),
        ];
        for (at, name, unit) in known {
            if let Some(value) = word(at).filter(|v| *v > 0) {
                facts.push((name, format!("{value} {unit}")));
            }
        }
        let rows: String =
            facts.iter().map(|(name, value)| format!("<tr><th>{name}</th><td>{value}</td></tr>\n")).collect();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Served by Sendpath</title>\n\
             <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:3em auto;padding:0 1em}}\
             th{{text-align:left;padding-right:2em;font-weight:normal}}td{{font-family:monospace}}</style></head>\n\
             <body>\n<h1>It works: this page came out of Sendpath</h1>\n\
             <p>No operating system's network stack sent these bytes. They went down through a TCP/IP stack written \
             in Rust, shaped after Linux, and every step of their way can be watched.</p>\n\
             <table>\n{rows}</table>\n\
             <p>Try <a href=\"/bytes/1000000\">/bytes/1000000</a>: a million bytes of a known pattern.</p>\n\
             </body>\n</html>\n"
        )
    }

    /// Refuses a request and ends the connection. What the client still sends is read for a while: closing
    /// with unread data would send a reset, and that could overtake the answer (RFC 9112 §9.6).
    async fn refuse(&mut self, status: u16) -> Result<(), Errno> {
        self.respond(&error_page(status), false, true).await?;
        self.sys.shutdown(self.fd, SHUT_WR).await?;
        self.sys.set_receive_timeout(self.fd, LINGER).await?;
        let mut left = MAX_LINGER;
        while left > 0 {
            match self.sys.recv(self.fd, READ_BYTES).await {
                Ok(data) if !data.is_empty() => left = left.saturating_sub(data.len()),
                _ => break,
            }
        }
        self.sys.close(self.fd).await
    }

    async fn respond(&mut self, response: &Response, head_only: bool, close: bool) -> Result<(), Errno> {
        let len = match &response.body {
            Body::Text(text) => text.len() as u64,
            Body::Pattern(n) => *n,
        };
        let len_text = len.to_string();
        let mut fields =
            vec![("Server", SERVER), ("Content-Type", response.content_type), ("Content-Length", &len_text)];
        if response.status == 405 {
            fields.push(("Allow", "GET, HEAD"));
        }
        fields.push(("Connection", if close { "close" } else { "keep-alive" }));
        let mut out = response_head(response.status, &fields).into_bytes();
        match &response.body {
            _ if head_only => self.sys.send_all(self.fd, &out).await,
            Body::Text(text) => {
                out.extend_from_slice(text.as_bytes());
                self.sys.send_all(self.fd, &out).await
            }
            Body::Pattern(n) => {
                self.sys.send_all(self.fd, &out).await?;
                let mut sent = 0;
                while sent < *n {
                    let chunk = bytes::stretch(sent, (n - sent).min(READ_BYTES as u64) as usize);
                    self.sys.send_all(self.fd, &chunk).await?;
                    sent += chunk.len() as u64;
                }
                Ok(())
            }
        }
    }
}

fn error_page(status: u16) -> Response {
    let reason = super::http::reason(status);
    let body = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{status} {reason}</title></head>\n\
         <body><h1>{status} {reason}</h1></body></html>\n"
    );
    Response { status, content_type: "text/html; charset=utf-8", body: Body::Text(body) }
}
