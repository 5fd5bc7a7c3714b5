//! Serving a folder: types, tags, compressed siblings, and paths that try to leave it.

use super::*;

fn folder() -> (tempfile::TempDir, Page) {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "s").unwrap();
    let dist = outside.path().join("dist");
    std::fs::create_dir_all(dist.join("scenarios")).unwrap();
    std::fs::write(dist.join("index.html"), "<p>page").unwrap();
    std::fs::write(dist.join("app.wasm"), "\0asm-plain").unwrap();
    std::fs::write(dist.join("app.wasm.br"), "squeezed").unwrap();
    std::fs::write(dist.join("scenarios/send.toml"), "a = 1").unwrap();
    std::os::unix::fs::symlink("../secret", dist.join("link")).unwrap();
    (outside, Page::Folder(dist))
}

fn get(page: &Page, path: &str, request: &[(HeaderName, &str)]) -> Response<Body> {
    let request = request.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
    page.answer(&path.parse().unwrap(), &request)
}

fn header_of<'a>(response: &'a Response<Body>, name: &HeaderName) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn files_come_with_their_type() {
    let (_keep, page) = folder();
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/app.wasm", "application/wasm"),
        ("/scenarios/send.toml", "text/plain; charset=utf-8"),
        ("/scenarios/send%2Etoml", "text/plain; charset=utf-8"),
    ] {
        let response = get(&page, path, &[]);
        assert_eq!((response.status(), header_of(&response, &header::CONTENT_TYPE)), (StatusCode::OK, kind), "{path}");
    }
    assert_eq!(content_type("a/b.js"), "text/javascript; charset=utf-8");
}

#[test]
fn no_path_leaves_the_folder() {
    let (_keep, page) = folder();
    for path in [
        "/../secret",
        "/%2e%2e/secret",
        "/scenarios/../../secret",
        "/..%2fsecret",
        "//secret",
        "/.git/config",
        "/a%00",
        "/link",
        "/nothing",
        "/scenarios",
    ] {
        let status = get(&page, path, &[]).status();
        assert!(status == StatusCode::BAD_REQUEST || status == StatusCode::NOT_FOUND, "{path}: {status}");
    }
}

#[test]
fn an_unchanged_file_is_not_sent_again() {
    let (_keep, page) = folder();
    let first = get(&page, "/", &[]);
    let tag = header_of(&first, &header::ETAG).to_string();
    for condition in [tag.clone(), format!("\"x\", W/{tag}"), "*".into()] {
        assert_eq!(get(&page, "/", &[(header::IF_NONE_MATCH, &condition)]).status(), StatusCode::NOT_MODIFIED);
    }
    assert_eq!(get(&page, "/", &[(header::IF_NONE_MATCH, "\"x\"")]).status(), StatusCode::OK);
}

#[test]
fn a_compressed_sibling_is_sent_to_those_who_accept_it() {
    let (_keep, page) = folder();
    let tag = |accepted: &str| {
        let response = get(&page, "/app.wasm", &[(header::ACCEPT_ENCODING, accepted)]);
        assert_eq!(header_of(&response, &header::CONTENT_TYPE), "application/wasm");
        (header_of(&response, &header::CONTENT_ENCODING).to_string(), header_of(&response, &header::ETAG).to_string())
    };
    let (squeezed, squeezed_tag) = tag("gzip, deflate, br");
    let (plain, plain_tag) = tag("gzip, br;q=0");
    assert_eq!((squeezed.as_str(), plain.as_str()), ("br", ""));
    assert_ne!(squeezed_tag, plain_tag);
    assert_eq!(tag("br;q=0.5").0, "br");
}

#[test]
fn a_page_that_was_never_built_says_so() {
    let empty = tempfile::tempdir().unwrap();
    let response = get(&Page::Folder(empty.path().into()), "/", &[]);
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(NOT_BUILT.contains("cargo xtask start"));
}
