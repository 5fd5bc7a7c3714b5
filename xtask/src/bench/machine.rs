//! What was measured on, and when: without it a number says nothing.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use serde::Serialize;

use crate::sh;
use crate::workspace::Workspace;

/// The machine and its programs.
#[derive(Serialize)]
pub struct Machine {
    /// The day, UTC.
    pub date: String,
    /// The processor's name.
    pub cpu: String,
    /// How many processors this process may use.
    pub cores: usize,
    /// The system's name and release.
    pub system: String,
    /// The compiler.
    pub rustc: String,
    /// Node, if it took part.
    pub node: Option<String>,
    /// The commit, if git knows it.
    pub commit: Option<String>,
}

/// Looks round.
pub fn describe(workspace: &Workspace, node: bool) -> Result<Machine> {
    let say = |program: &str, args: &[&str]| {
        sh::read(sh::command(program, &workspace.root).args(args)).map(|text| text.trim().to_owned())
    };
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    Ok(Machine {
        date: date(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs()),
        cpu: model.map_or("unknown", |(_, name)| name.trim()).to_owned(),
        cores: std::thread::available_parallelism()?.get(),
        system: say("uname", &["-srm"])?,
        rustc: say("rustc", &["--version"])?,
        node: node.then(|| say("node", &["--version"])).transpose()?,
        commit: say("git", &["rev-parse", "--short", "HEAD"]).ok(),
    })
}

/// The day, UTC, by the Gregorian calendar.
fn date(unix_secs: u64) -> String {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut days, mut year, mut month) = (unix_secs / 86_400, 1970, 1);
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_are_counted_by_the_calendar() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(951_782_400), "2000-02-29");
        assert_eq!(date(1_798_761_599), "2026-12-31");
    }
}
