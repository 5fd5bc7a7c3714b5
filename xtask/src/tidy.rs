//! `cargo xtask tidy`: what neither the compiler nor clippy checks.
//!
//! Short files with a head that says what they are, documents that name only files that exist, and `unsafe` in one
//! place. Each complaint has a place and says what to do.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path};

use anyhow::{Result, bail};

use crate::sh;
use crate::workspace::Workspace;

/// Longer files are refused.
const MAX_LINES: usize = 700;

/// Longer files get a word.
const MANY_LINES: usize = 600;

/// `cargo xtask tidy`.
pub fn run() -> Result<()> {
    check(&Workspace::load()?)
}

/// Checks all files that git knows or would add.
pub fn check(workspace: &Workspace) -> Result<()> {
    let mut git = sh::command("git", &workspace.root);
    let list = sh::read(git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))?;
    let mut tidy = Tidy::default();
    let mut names = BTreeSet::new();
    for name in list.split('\0').filter(|name| !name.is_empty() && workspace.root.join(name).is_file()) {
        names.insert(name.to_owned());
    }
    for name in &names {
        // Not text: nothing to say about it.
        if let Ok(text) = fs::read_to_string(workspace.root.join(name)) {
            tidy.file(name, &text, &names);
        }
    }
    tidy.finish(names.len())
}

/// The complaints so far.
#[derive(Default)]
struct Tidy {
    errors: Vec<String>,
    with_unsafe: Vec<String>,
}

impl Tidy {
    fn file(&mut self, name: &str, text: &str, names: &BTreeSet<String>) {
        let lines = text.lines().count();
        let is_code = [".rs", ".css", ".js", ".html", ".py", ".md"].iter().any(|kind| name.ends_with(kind));
        if is_code && lines > MAX_LINES {
            self.errors.push(format!("{name}: {lines} lines, at most {MAX_LINES}: split it"));
        } else if is_code && lines > MANY_LINES {
            eprintln!("warning: {name}: {lines} lines, more than {MANY_LINES}: think of splitting it");
        }
        if !text.is_empty() && !text.ends_with('\n') && is_code {
            self.errors.push(format!("{name}:{lines}: the last line does not end"));
        }
        if name.ends_with(".rs") {
            self.rust(name, text);
        }
        if matches!(name, "README.md" | "ARCHITECTURE.md") || (name.starts_with("docs/") && name.ends_with(".md")) {
            self.document(name, text, names);
        }
    }

    fn rust(&mut self, name: &str, text: &str) {
        // The names of these say what they are.
        let speaks_for_itself = name.ends_with("/tests.rs") || name.ends_with("/build.rs");
        if !text.starts_with("//!") && !speaks_for_itself {
            self.errors.push(format!("{name}:1: begin with `//!` and what this file is"));
        }
        if text.lines().any(has_unsafe) {
            self.with_unsafe.push(name.to_owned());
        }
    }

    fn document(&mut self, name: &str, text: &str, names: &BTreeSet<String>) {
        let folder = Path::new(name).parent().unwrap_or(Path::new(""));
        for (index, line) in text.lines().enumerate() {
            for path in paths_in(line) {
                if !exists(path, folder, names) {
                    self.errors.push(format!("{name}:{}: there is no {path}", index + 1));
                }
            }
        }
    }

    fn finish(mut self, files: usize) -> Result<()> {
        // The bridge may have one file with `unsafe`, for the TAP device; nothing else may.
        let allowed = self.with_unsafe.iter().position(|name| name.starts_with("native-bridge/src/"));
        if let Some(index) = allowed {
            self.with_unsafe.remove(index);
        }
        for name in &self.with_unsafe {
            self.errors.push(format!("{name}: `unsafe` has its place in one file of native-bridge only"));
        }
        for error in &self.errors {
            eprintln!("error: {error}");
        }
        if !self.errors.is_empty() {
            bail!("{} things to tidy up", self.errors.len());
        }
        eprintln!("{files} files are tidy");
        Ok(())
    }
}

/// Whether a line of Rust has the keyword `unsafe`, outside of comments and attributes.
fn has_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let word = |rest: &str| rest.starts_with([' ', '{']);
    // In quotes or backquotes it is spoken of, not used.
    let mut places = code.match_indices("unsafe");
    places.any(|(at, _)| {
        let before = code[..at].chars().next_back();
        before.is_none_or(char::is_whitespace) && word(&code[at + "unsafe".len()..]) && !code[..at].contains('"')
    })
}

/// The words of a line of Markdown that look like a file or a folder of ours: in backquotes or as the target of a link.
fn paths_in(line: &str) -> Vec<&str> {
    let quoted = line.split('`').skip(1).step_by(2);
    let linked = line.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let is_link = |path: &&str| !path.is_empty() && !path.contains("://");
    let looks_like_one = |path: &&str| {
        let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
        plain && (path.ends_with(".rs") || (path.contains('/') && !path.starts_with('/')))
    };
    quoted.filter(looks_like_one).chain(linked.filter(is_link)).collect()
}

/// Whether a path is there: from the root, from the document's folder, or, for Rust, inside one of the packages.
fn exists(path: &str, folder: &Path, names: &BTreeSet<String>) -> bool {
    let at = |full: &str| {
        let inside = format!("{full}/");
        let next = names.range(inside.clone()..).next();
        names.contains(full) || next.is_some_and(|name| name.starts_with(&inside))
    };
    let from_root = plain(Path::new(path));
    let from_folder = plain(&folder.join(path));
    if at(&from_root) || at(&from_folder) || from_root.starts_with("www/dist") {
        return true;
    }
    if path.ends_with(".rs") {
        return names.iter().any(|name| name.ends_with(&format!("/{from_root}")));
    }
    // What does not begin with a folder of ours is a path of the kernel, an address, a fraction.
    let first = from_root.split('/').next().unwrap_or_default();
    !at(first) && !path.ends_with(".md")
}

/// A path without `.` and `..`, and without a slash at its end.
fn plain(path: &Path) -> String {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::Normal(part) => parts.push(part.to_string_lossy()),
            _ => {}
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_is_found_where_it_is_used() {
        assert!(has_unsafe("    unsafe { libc::ioctl(fd) }"));
        assert!(has_unsafe("pub unsafe fn raw() {"));
        assert!(!has_unsafe("#![forbid(unsafe_code)]"));
        assert!(!has_unsafe("// an unsafe block"));
        assert!(!has_unsafe(r#"    assert!(has("unsafe {"));"#));
    }

    #[test]
    fn documents_name_what_exists() {
        let names: BTreeSet<String> = ["stack/src/tcp/input.rs", "docs/a.md", "README.md"].map(str::to_owned).into();
        let docs = Path::new("docs");
        for path in ["stack", "stack/src/tcp/", "tcp/input.rs", "input.rs", "a.md", "net/ipv4/ip_input.c", "0/1"] {
            assert!(exists(path, docs, &names), "{path}");
        }
        for path in ["stack/src/udp", "tcp/output.rs", "b.md", "docs/b.md"] {
            assert!(!exists(path, docs, &names), "{path}");
        }
        assert_eq!(paths_in("see `tcp/input.rs`, `a + b` and [that](a.md#part)"), ["tcp/input.rs", "a.md"]);
    }
}
