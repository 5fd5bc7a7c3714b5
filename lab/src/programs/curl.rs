//! `curl`: fetches a URL over HTTP/1.1, with curl's options, messages and exit codes.
//!
//! `curl [-f] [-i] [-I] [-s] [-S] [-o FILE] [-w FORMAT] URL`. There are no files: `-o` keeps the
//! body off the terminal, and `-w` knows, beside curl's own variables, `%{sha256_download}`.

mod output;
mod url;

use super::args::{Args, Opt};
use super::bytes::Summer;
use super::echo::READ_BYTES;
use super::http::{Chunked, Head, NotAHead};
use crate::program::Sys;
use output::Transfer;
use stack::syscall::{Errno, Fd, SockAddr};
use url::Url;

#[derive(Default)]
struct Options {
    fail: bool,
    include: bool,
    head: bool,
    silent: bool,
    show_error: bool,
    output: Option<String>,
    write_out: Option<String>,
    url: String,
}

/// A failure: curl's exit code and its words.
struct Failure {
    code: i32,
    text: String,
}

fn failure(code: i32, text: impl Into<String>) -> Failure {
    Failure { code, text: text.into() }
}

pub(super) async fn main(sys: Sys, args: Args) -> i32 {
    let options = match options(args) {
        Ok(options) => options,
        Err(failure) => {
            sys.eprint(format!("curl: {}\ncurl: try 'curl --help' for more information\n", failure.text)).await;
            return failure.code;
        }
    };
    let begin = sys.clock().await;
    let mut transfer = Transfer::default();
    let result = fetch(&sys, &options, &mut transfer, begin).await;
    transfer.total_ns = sys.clock().await - begin;
    if options.output.is_some() && !options.silent {
        sys.eprint(transfer.meter()).await;
    }
    let code = match result {
        Ok(()) => 0,
        Err(failure) => {
            if !options.silent || options.show_error {
                sys.eprint(format!("curl: ({}) {}\n", failure.code, failure.text)).await;
            }
            failure.code
        }
    };
    if let Some(format) = &options.write_out {
        sys.print(transfer.write_out(format, code)).await;
    }
    code
}

fn options(mut args: Args) -> Result<Options, Failure> {
    let mut options = Options::default();
    while let Some(option) = args.next() {
        let name = match &option {
            Opt::Short(c) => format!("-{c}"),
            Opt::Long(name) => format!("--{name}"),
        };
        let needs_value = || failure(2, format!("option {name}: requires parameter"));
        match name.as_str() {
            "-f" | "--fail" => options.fail = true,
            "-i" | "--include" => options.include = true,
            "-I" | "--head" => options.head = true,
            "-s" | "--silent" => options.silent = true,
            "-S" | "--show-error" => options.show_error = true,
            "-o" | "--output" => options.output = Some(args.value().ok_or_else(needs_value)?),
            "-w" | "--write-out" => options.write_out = Some(args.value().ok_or_else(needs_value)?),
            "--url" => options.url = args.value().ok_or_else(needs_value)?,
            _ => return Err(failure(2, format!("option {name}: is unknown"))),
        }
    }
    if let Some(url) = args.operands().pop() {
        options.url = url;
    }
    if options.url.is_empty() {
        return Err(failure(2, "(2) no URL specified"));
    }
    Ok(options)
}

async fn fetch(sys: &Sys, options: &Options, transfer: &mut Transfer, begin: u64) -> Result<(), Failure> {
    let url = Url::parse(&options.url)?;
    let addr = SockAddr::v4(url.address()?, url.port);
    transfer.remote = Some(addr);
    let fd = sys.tcp().await.map_err(|e| failure(7, format!("Couldn't open socket: {}", e.text())))?;
    if let Err(error) = sys.connect(fd, addr).await {
        let ms = (sys.clock().await - begin) / 1_000_000;
        let text =
            format!("Failed to connect to {} port {} after {ms} ms: Couldn't connect to server", url.host, url.port);
        let _ = sys.close(fd).await;
        return Err(failure(if error == Errno::ETIMEDOUT { 28 } else { 7 }, text));
    }
    transfer.connect_ns = sys.clock().await - begin;
    let method = if options.head { "HEAD" } else { "GET" };
    let request = format!(
        "{method} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: curl/sendpath-{}\r\nAccept: */*\r\n\r\n",
        url.path,
        url.authority(),
        env!("CARGO_PKG_VERSION")
    );
    sys.send_all(fd, request.as_bytes()).await.map_err(|e| failure(55, format!("Send failure: {}", e.text())))?;
    let result = receive(sys, options, transfer, fd).await;
    let _ = sys.close(fd).await;
    result
}

/// Reads until the response is complete.
async fn receive(sys: &Sys, options: &Options, transfer: &mut Transfer, fd: Fd) -> Result<(), Failure> {
    let broken = |e: Errno| failure(56, format!("Recv failure: {}", e.text()));
    let mut input = Vec::new();
    let head = loop {
        match Head::parse(&input) {
            // An interim response is not the one.
            Ok(head) if head.second.starts_with('1') => {
                input.drain(..head.len);
                continue;
            }
            Ok(head) if head.first.starts_with("HTTP/1.") => break head,
            Ok(_) | Err(NotAHead::Malformed) => return Err(failure(1, "Received HTTP/0.9 when not allowed")),
            Err(NotAHead::LineTooLong | NotAHead::TooLong) => return Err(failure(56, "Too large response headers")),
            Err(NotAHead::Incomplete) => {}
        }
        let data = sys.recv(fd, READ_BYTES).await.map_err(broken)?;
        if data.is_empty() {
            return Err(failure(52, "Empty reply from server"));
        }
        input.extend_from_slice(&data);
    };
    transfer.status = head.second.parse().unwrap_or(0);
    if options.fail && transfer.status >= 400 {
        return Err(failure(22, format!("The requested URL returned error: {}", transfer.status)));
    }
    let mut out = Out { sys, options, sum: Summer::default(), text: Utf8Tail::default() };
    if options.head || options.include {
        out.head(&input[..head.len]).await;
    }
    let first = input.split_off(head.len);
    let bodyless = options.head || matches!(transfer.status, 204 | 304);
    let result = if bodyless { Ok(()) } else { body(sys, &head, first, fd, &mut out).await };
    transfer.size = out.sum.count;
    transfer.sha256 = out.sum.hex();
    out.end().await;
    result
}

async fn body(sys: &Sys, head: &Head, first: Vec<u8>, fd: Fd, out: &mut Out<'_>) -> Result<(), Failure> {
    let mut chunked = head.lists("transfer-encoding", "chunked").then(Chunked::default);
    let mut left = match head.content_length() {
        Ok(n) => n.filter(|_| chunked.is_none()),
        Err(_) => return Err(failure(8, "Invalid Content-Length: value")),
    };
    let mut data = first;
    loop {
        match (&mut chunked, &mut left) {
            (Some(chunked), _) => {
                let part = chunked.take(&data);
                let part =
                    part.ok_or_else(|| failure(56, "Illegal or missing hexadecimal sequence in chunked-encoding"))?;
                out.body(&part).await?;
                if chunked.is_done() {
                    return Ok(());
                }
            }
            (None, Some(left)) => {
                data.truncate((*left).min(data.len() as u64) as usize);
                out.body(&data).await?;
                *left -= data.len() as u64;
                if *left == 0 {
                    return Ok(());
                }
            }
            (None, None) => out.body(&data).await?,
        }
        data = sys.recv(fd, READ_BYTES).await.map_err(|e| failure(56, format!("Recv failure: {}", e.text())))?;
        if data.is_empty() {
            return match (chunked, left) {
                (Some(_), _) => Err(failure(18, "transfer closed with outstanding read data remaining")),
                (None, Some(left)) => Err(failure(18, format!("transfer closed with {left} bytes remaining to read"))),
                (None, None) => Ok(()),
            };
        }
    }
}

/// Where the response goes.
struct Out<'a> {
    sys: &'a Sys,
    options: &'a Options,
    sum: Summer,
    text: Utf8Tail,
}

impl Out<'_> {
    async fn head(&mut self, head: &[u8]) {
        if self.options.output.is_none() {
            self.sys.print(String::from_utf8_lossy(head)).await;
        }
    }

    async fn body(&mut self, data: &[u8]) -> Result<(), Failure> {
        if data.is_empty() {
            return Ok(());
        }
        let first = self.sum.count == 0;
        self.sum.add(data);
        if self.options.output.is_some() {
            return Ok(());
        }
        if first && data.contains(&0) {
            let warning = "Warning: Binary output can mess up your terminal. Use \"--output -\" to tell \n\
                           Warning: curl to output it to your terminal anyway, or consider \"--output \n\
                           Warning: <FILE>\" to save to a file.\n";
            self.sys.eprint(warning).await;
            return Err(failure(23, "client returned ERROR on write, binary output"));
        }
        let text = self.text.take(data);
        if !text.is_empty() {
            self.sys.print(text).await;
        }
        Ok(())
    }

    async fn end(&mut self) {
        let text = self.text.rest();
        if !text.is_empty() {
            self.sys.print(text).await;
        }
    }
}

/// Text that comes in pieces: a character that is cut waits for its end.
#[derive(Default)]
struct Utf8Tail(Vec<u8>);

impl Utf8Tail {
    fn take(&mut self, data: &[u8]) -> String {
        self.0.extend_from_slice(data);
        // The last character's first byte is among the last three, and says how long it is.
        let last = (1..=self.0.len().min(3)).find(|back| self.0[self.0.len() - back] >= 0xc0);
        let cut = match last {
            Some(back) if self.0[self.0.len() - back].leading_ones() as usize > back => self.0.len() - back,
            _ => self.0.len(),
        };
        let rest = self.0.split_off(cut);
        let text = String::from_utf8_lossy(&self.0).into_owned();
        self.0 = rest;
        text
    }

    fn rest(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.0)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_character_waits_for_its_end() {
        let mut tail = Utf8Tail::default();
        let bytes = "aµb".as_bytes();
        assert_eq!([tail.take(&bytes[..2]), tail.take(&bytes[2..]), tail.rest()], ["a", "µb", ""]);
        assert_eq!([tail.take(b"a\xff\xce"), tail.rest()], ["a\u{fffd}", "\u{fffd}"]);
    }

    #[test]
    fn options_are_curls() {
        let parse = |words: &[&str]| options(Args::new(words.iter().map(|w| (*w).to_owned()).collect()));
        let o = parse(&["-sSo", "f", "-w", "%{http_code}", "http://h/"]).ok().unwrap();
        assert!(o.silent && o.show_error && o.output.as_deref() == Some("f") && o.url == "http://h/");
        assert_eq!(parse(&["-Z", "u"]).err().unwrap().text, "option -Z: is unknown");
        assert_eq!(parse(&["u", "-o"]).err().unwrap().text, "option -o: requires parameter");
        assert_eq!(parse(&[]).err().unwrap().text, "(2) no URL specified");
    }
}
