//! The built-in programs: each an `async fn` over the system calls of [`Sys`].
//!
//! They take the arguments and print the texts of the programs whose names they bear.

mod args;
pub mod bytes;
mod curl;
mod discard;
mod echo;
mod http;
mod httpd;
mod nc;
mod ping;
mod sink;

use crate::program::Sys;
use args::Args;
use std::future::Future;
use std::pin::Pin;

/// Every built-in program.
pub const NAMES: &[&str] = &["curl", "discard", "echo", "httpd", "nc", "ping", "sink"];

/// The future of a built-in program. An unknown name gives one that says so and ends with status 127.
pub fn start(name: &str, sys: Sys, args: Vec<String>) -> Pin<Box<dyn Future<Output = i32>>> {
    let name = name.to_owned();
    let args = Args::new(args);
    Box::pin(async move {
        match name.as_str() {
            "curl" => curl::main(sys, args).await,
            "discard" => discard::main(sys, args).await,
            "echo" => echo::main(sys, args).await,
            "httpd" => httpd::main(sys, args).await,
            "nc" => nc::main(sys, args).await,
            "ping" => ping::main(sys, args).await,
            "sink" => sink::main(sys, args).await,
            _ => {
                sys.eprint(format!("{name}: command not found\n")).await;
                127
            }
        }
    })
}

/// Splits a command line into words: blanks separate, quotes and backslashes keep together.
///
/// # Errors
/// If a quote is not closed.
pub fn split_command_line(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        None => return Err(format!("unexpected end of line while looking for matching {c}")),
                        Some(q) if q == c => break,
                        // Within double quotes a backslash escapes only what is special there (POSIX, 2.2.3).
                        Some('\\') if c == '"' => match chars.next() {
                            Some(q @ ('$' | '`' | '"' | '\\')) => word.push(q),
                            other => word.extend(['\\'].into_iter().chain(other)),
                        },
                        Some(q) => word.push(q),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_are_split_as_a_shell_does() {
        let split = |line| split_command_line(line).unwrap();
        assert_eq!(split("curl -s  http://a/"), ["curl", "-s", "http://a/"]);
        assert_eq!(split(r#"nc h 80 'a b' "c \" d" e\ f"#), ["nc", "h", "80", "a b", "c \" d", "e f"]);
        assert_eq!(split("nc ''"), ["nc", ""]);
        assert_eq!(split(r#"curl -w "%{size_download}\n" u"#), ["curl", "-w", r"%{size_download}\n", "u"]);
        assert!(split_command_line("nc 'a").is_err());
        assert!(split("  ").is_empty());
    }
}
