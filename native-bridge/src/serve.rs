//! The page over HTTP: files embedded in the binary, or read from a folder with `--dist`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../www/dist"]
struct Dist;

/// Where the page's files come from.
#[derive(Clone, Debug)]
pub enum Page {
    /// The binary itself.
    Embedded,
    /// A folder, read at every request.
    Folder(PathBuf),
}

struct File {
    bytes: Bytes,
    /// Changes whenever the bytes do.
    version: String,
}

/// Shown for `/` when the page was never built.
const NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Sendpath: page not built</title>
<style>body{font:18px/1.6 system-ui;max-width:36em;margin:15vh auto;padding:0 1em}code{background:#8883;padding:.1em .3em}</style>
<h1>The page is not built</h1>
<p>The bridge runs, but it has no page to show: run <code>cargo xtask start</code> in the project's folder.</p>
<p>(This bridge serves the page that was in <code>www/dist</code> when it was compiled. <code>--dist DIR</code> serves another folder.)</p></html>
";

const SECURITY: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; \
         object-src 'none'; base-uri 'self'; form-action 'none'; frame-ancestors 'self'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-cache"),
];

/// Adds the headers that every answer carries.
pub(crate) fn secure(headers: &mut HeaderMap) {
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

impl Page {
    /// Answers a GET or HEAD for one path.
    pub(crate) fn answer(&self, uri: &Uri, request: &HeaderMap) -> Response<Body> {
        let Some(path) = clean_path(uri.path()) else {
            return text(StatusCode::BAD_REQUEST, "this path is not the path of a file\n");
        };
        let Some(plain) = self.read(&path) else {
            if path == "index.html" {
                return html(StatusCode::SERVICE_UNAVAILABLE, NOT_BUILT);
            }
            return text(StatusCode::NOT_FOUND, "there is no such file; the page is at /\n");
        };
        let compressed = if accepts_brotli(request) { self.read(&format!("{path}.br")) } else { None };
        let encoding = if compressed.is_some() { "-br" } else { "" };
        let file = compressed.unwrap_or(plain);
        let tag = format!("\"{}{encoding}\"", file.version);
        let mut response = Response::builder()
            .header(header::CONTENT_TYPE, content_type(&path))
            .header(header::ETAG, &tag)
            .header(header::VARY, "accept-encoding");
        if same_tag(request, &tag) {
            return finish(response.status(StatusCode::NOT_MODIFIED), Bytes::new());
        }
        if !encoding.is_empty() {
            response = response.header(header::CONTENT_ENCODING, "br");
        }
        finish(response, file.bytes)
    }

    fn read(&self, path: &str) -> Option<File> {
        match self {
            Page::Embedded => {
                let file = Dist::get(path)?;
                let hash = file.metadata.sha256_hash();
                Some(File {
                    version: hash[..12].iter().map(|byte| format!("{byte:02x}")).collect(),
                    bytes: match file.data {
                        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                        Cow::Owned(bytes) => bytes.into(),
                    },
                })
            }
            Page::Folder(folder) => read_below(folder, path),
        }
    }
}

/// Reads a file, unless a link leads out of the folder.
fn read_below(folder: &Path, path: &str) -> Option<File> {
    let folder = folder.canonicalize().ok()?;
    let file = folder.join(path).canonicalize().ok()?;
    if !file.starts_with(&folder) || !file.is_file() {
        return None;
    }
    let metadata = file.metadata().ok()?;
    let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(File {
        version: format!("{:x}-{:x}", metadata.len(), changed.as_nanos()),
        bytes: std::fs::read(file).ok()?.into(),
    })
}

/// The relative path of a file; `None` for what could leave the folder or name a hidden file.
fn clean_path(path: &str) -> Option<String> {
    let path = percent_decode_str(path).decode_utf8().ok()?;
    let path = path.strip_prefix('/')?;
    if path.is_empty() {
        return Some("index.html".into());
    }
    let bad = |part: &str| part.is_empty() || part.starts_with('.') || part.contains(['\\', '\0']);
    let folder = path.ends_with('/');
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.split('/').any(bad) {
        return None;
    }
    Some(if folder { format!("{path}/index.html") } else { path.into() })
}

fn accepts_brotli(request: &HeaderMap) -> bool {
    let values = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        name.trim().eq_ignore_ascii_case("br") && weight.trim().parse() != Ok(0.0)
    })
}

fn same_tag(request: &HeaderMap, tag: &str) -> bool {
    let values = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|candidate| candidate == "*" || candidate.strip_prefix("W/").unwrap_or(candidate) == tag)
}

fn content_type(path: &str) -> &'static str {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" | "py" | "toml" | "jsonl" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let builder = Response::builder().status(status);
    finish(builder.header(header::CONTENT_TYPE, "text/plain; charset=utf-8"), body.into())
}

fn html(status: StatusCode, body: &'static str) -> Response<Body> {
    let builder = Response::builder().status(status);
    finish(builder.header(header::CONTENT_TYPE, "text/html; charset=utf-8"), Bytes::from_static(body.as_bytes()))
}

fn finish(builder: axum::http::response::Builder, body: Bytes) -> Response<Body> {
    // Fails on a header that cannot be written only, and all of them are plain text made here.
    builder.body(Body::from(body)).unwrap_or_default()
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
