//! A plain file server for the built page, where no bridge is needed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

/// Serves the files of a folder on a free port of the loopback device, as long as the process lives.
#[derive(Debug)]
pub struct StaticServer {
    url: String,
}

impl StaticServer {
    /// Starts to serve a folder.
    pub fn start(root: impl Into<PathBuf>) -> Result<StaticServer> {
        let root = root.into();
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen on the loopback device")?;
        let url = format!("http://{}/", listener.local_addr()?);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let root = root.clone();
                std::thread::spawn(move || answer(stream, &root));
            }
        });
        Ok(StaticServer { url })
    }

    /// The address of the folder, with a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Answers one request and closes: a browser on the same machine does not mind.
fn answer(mut stream: TcpStream, root: &Path) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    for line in lines {
        if line.is_empty() {
            break;
        }
    }
    let target = request.split(' ').nth(1).unwrap_or("/");
    let path = target.split(['?', '#']).next().unwrap_or_default().trim_start_matches('/');
    let mut file = root.join(path);
    if file.is_dir() {
        file.push("index.html");
    }
    let safe = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    let (status, kind, body) = match fs::read(&file) {
        Ok(body) if safe => ("200 OK", media_type(&file), body),
        _ => ("404 Not Found", "text/plain", format!("no file {path}\n").into_bytes()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

fn media_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json") => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}
