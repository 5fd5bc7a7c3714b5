//! `lab packetdrill`.

use super::{PROBLEM, PacketdrillArgs};
use lab::packetdrill::{CliOption, Refusal, check_option, parse, run};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(super) fn packetdrill(args: &PacketdrillArgs) -> Result<ExitCode, String> {
    let options = options(args)?;
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for path in scripts(&args.scripts)? {
        let file = path.display().to_string();
        let text = std::fs::read(&path).map_err(|e| format!("cannot read {file}: {e}"))?;
        match parse(&file, &String::from_utf8_lossy(&text), &options) {
            Ok(script) => {
                let outcome = run(script, args.trace);
                say(&outcome.text);
                if outcome.passed { passed += 1 } else { failed += 1 }
            }
            Err(Refusal::Skip(reason)) => {
                say(&format!("SKIP {file}: {reason}\n"));
                skipped += 1;
            }
            Err(Refusal::Problem(problems)) => {
                for p in problems.iter() {
                    say(&format!("FAIL {file}:{}:{}: {}; {}\n", p.line, p.column, p.message, p.hint));
                }
                failed += 1;
            }
        }
    }
    say(&format!("{passed} passed, {failed} failed, {skipped} skipped\n"));
    Ok(ExitCode::from(if failed > 0 { PROBLEM } else { 0 }))
}

/// Prints; a reader that has gone (`| head`) is no mistake.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// The options as packetdrill takes them, checked.
fn options(args: &PacketdrillArgs) -> Result<Vec<CliOption>, String> {
    let mut options: Vec<CliOption> = Vec::new();
    let mut add = |name: &str, value: Option<&str>| {
        check_option(name, value)?;
        options.push((name.to_owned(), value.map(str::to_owned)));
        Ok::<(), String>(())
    };
    if let Some(version) = &args.ip_version {
        add("ip_version", Some(version))?;
    }
    if let Some(usecs) = &args.tolerance_usecs {
        add("tolerance_usecs", Some(usecs))?;
    }
    if args.strict {
        add("strict", None)?;
    }
    for define in &args.define {
        add("define", Some(define))?;
    }
    for option in &args.options {
        let (name, value) = option.split_once('=').map_or((option.as_str(), None), |(n, v)| (n, Some(v)));
        add(name.trim_start_matches('-'), value)?;
    }
    Ok(options)
}

/// The scripts: of a folder all whose names end in `.pkt`, in the order of their names.
fn scripts(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut all = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = all.len();
            folder(path, &mut all)?;
            if all.len() == before {
                return Err(format!("{} holds no script: expected files that end in .pkt", path.display()));
            }
        } else {
            all.push(path.clone());
        }
    }
    Ok(all)
}

fn folder(path: &Path, all: &mut Vec<PathBuf>) -> Result<(), String> {
    let cannot = |e: std::io::Error| format!("cannot read {}: {e}", path.display());
    let entries: Result<Vec<PathBuf>, _> =
        std::fs::read_dir(path).map_err(cannot)?.map(|e| e.map(|e| e.path())).collect();
    let mut entries = entries.map_err(cannot)?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            folder(&entry, all)?;
        } else if entry.extension().is_some_and(|e| e == "pkt") {
            all.push(entry);
        }
    }
    Ok(())
}
