//! The shell commands that scripts use, recognised one by one: there is no shell.
//!
//! What is not recognised is a failure, never passed over. `defaults.sh` stands for the settings that the
//! suites' file of that name makes.

use crate::world::Change;
use std::net::Ipv4Addr;

/// What `defaults.sh` sets, without what this stack has no variable for.
#[rustfmt::skip]
const DEFAULTS: &[(&str, &str)] = &[
    ("net.ipv4.tcp_rmem", "4096 540000 15728640"),
    ("net.ipv4.tcp_wmem", "4096 262144 4194304"),
    ("net.ipv4.tcp_timestamps", "1"),
    ("net.ipv4.tcp_syn_retries", "5"),
    ("net.ipv4.tcp_synack_retries", "5"),
    ("net.ipv4.tcp_frto", "2"),
    ("net.ipv4.tcp_sack", "1"),
    ("net.ipv4.tcp_dsack", "1"),
    ("net.ipv4.tcp_fack", "0"),
    ("net.ipv4.tcp_reordering", "3"),
    ("net.ipv4.tcp_congestion_control", "cubic"),
    ("net.ipv4.tcp_slow_start_after_idle", "0"),
    ("net.ipv4.tcp_early_retrans", "4"),
    ("net.ipv4.tcp_recovery", "1"),
    ("net.ipv4.tcp_tso_win_divisor", "3"),
    ("net.ipv4.tcp_ecn", "0"),
    ("net.ipv4.tcp_pacing_ss_ratio", "200"),
    ("net.ipv4.tcp_pacing_ca_ratio", "120"),
    ("net.ipv4.tcp_notsent_lowat", "4294967295"),
    ("net.ipv4.tcp_syncookies", "1"),
];

/// One thing that a command line does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// A change of configuration; the second part says whether it may be one that the stack does not know.
    Change(Change, Strict),
    /// `nstat`, with what its output is piped through; success is that the last command finds something.
    Nstat(Nstat),
    /// `sleep`, ns.
    Sleep(u64),
}

/// Must the thing to change be there?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Strict {
    /// Yes.
    Must,
    /// It may be missing: `sysctl -e`.
    May,
}

/// A look at the counters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Nstat {
    /// `-a`: since boot, not since the last look.
    pub(crate) absolute: bool,
    /// `-z`: also those that are zero.
    pub(crate) zeros: bool,
    /// `-s`: the next look counts from the same point as this one.
    pub(crate) keep: bool,
    /// `-n`: shows nothing.
    pub(crate) silent: bool,
    /// Patterns for names; none is all.
    pub(crate) names: Vec<String>,
    /// `grep`s behind it.
    pub(crate) greps: Vec<Grep>,
}

/// One `grep`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Grep {
    /// Lines that do not match: `-v`.
    pub(crate) invert: bool,
    /// Case does not matter: `-i`.
    pub(crate) ignore_case: bool,
    /// What is looked for: fixed text, but for `^`, `$`, `.*` and blanks repeated by ` *` or ` +`.
    pub(crate) pattern: String,
}

/// The steps of a command; an error says which part of it is not recognised.
pub(crate) fn parse(command: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    for line in split(command)? {
        steps.extend(simple(&line)?);
    }
    Ok(steps)
}

/// The settings of `defaults.sh`.
pub(crate) fn defaults() -> Vec<Step> {
    let sysctl = |(name, value): &(&str, &str)| sysctl(name, value, Strict::May);
    let qdisc = Change::Qdisc { kind: "pfifo".to_owned(), limit: None };
    DEFAULTS.iter().map(sysctl).chain([Step::Change(qdisc, Strict::May)]).collect()
}

fn sysctl(name: &str, value: &str, strict: Strict) -> Step {
    Step::Change(Change::Sysctl { name: name.to_owned(), value: value.to_owned() }, strict)
}

/// A command of one line: the words of each part of its pipe.
type Pipe = Vec<Vec<String>>;

/// Takes a command apart: lines, `;` and `&&` separate; quotes, `\` and `$((…))` are resolved.
fn split(command: &str) -> Result<Vec<Pipe>, String> {
    let mut all: Vec<Pipe> = Vec::new();
    let mut pipe: Pipe = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut chars = command.chars().peekable();
    let end_word = |word: &mut Option<String>, pipe: &mut Pipe| {
        if let (Some(word), Some(words)) = (word.take(), pipe.last_mut()) {
            words.push(word);
        }
    };
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' => end_word(&mut word, &mut pipe),
            '\n' | ';' => {
                end_word(&mut word, &mut pipe);
                all.push(std::mem::replace(&mut pipe, vec![Vec::new()]));
            }
            '&' if chars.peek() == Some(&'&') => {
                chars.next();
                end_word(&mut word, &mut pipe);
                all.push(std::mem::replace(&mut pipe, vec![Vec::new()]));
            }
            '|' if chars.peek() == Some(&'|') => return Err("|| is more shell than this runner knows".to_owned()),
            '|' => {
                end_word(&mut word, &mut pipe);
                pipe.push(Vec::new());
            }
            '#' if word.is_none() => while chars.next_if(|c| *c != '\n').is_some() {},
            '\\' => match chars.next() {
                Some('\n') => end_word(&mut word, &mut pipe),
                other => word.get_or_insert_default().extend(other),
            },
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or("a quote that does not end")? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or("a quote that does not end")? {
                        '"' => break,
                        '$' if chars.peek() == Some(&'(') => word.push_str(&arithmetic(&mut chars)?),
                        '\\' => word.extend(chars.next()),
                        c => word.push(c),
                    }
                }
            }
            '$' if chars.peek() == Some(&'(') => {
                let value = arithmetic(&mut chars)?;
                word.get_or_insert_default().push_str(&value);
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    end_word(&mut word, &mut pipe);
    all.push(pipe);
    all.retain(|pipe| pipe.iter().any(|words| !words.is_empty()));
    Ok(all)
}

/// `((EXPR))` behind a `$`.
fn arithmetic(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, String> {
    let mut text = String::new();
    let mut depth = 0;
    for c in chars.by_ref() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        text.push(c);
        if depth == 0 {
            break;
        }
    }
    let inner = text.strip_prefix("((").and_then(|t| t.strip_suffix("))"));
    let inner = inner.ok_or_else(|| format!("${text} is more shell than this runner knows"))?;
    let mut session = super::code::Session::default();
    // The shell divides as Python's // does, for what is not negative.
    let expr = inner.replace('/', "//");
    session.run(&format!("print({expr})")).map_err(|e| format!("$(({inner})): {}", e.message))?;
    Ok(session.printed.trim().to_owned())
}

/// What one command does.
fn simple(pipe: &Pipe) -> Result<Vec<Step>, String> {
    let shown = || pipe.iter().map(|w| w.join(" ")).collect::<Vec<_>>().join(" | ");
    let unknown = || format!("this runner has no shell, and does not know the command \"{}\"", shown());
    let words = redirected(&pipe[0]);
    let Some((program, args)) = words.split_first() else { return Err(unknown()) };
    let name = program.rsplit('/').next().unwrap_or(program);
    if pipe.len() > 1 && name != "nstat" {
        return Err(unknown());
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match name {
        "defaults.sh" if args.is_empty() => Ok(defaults()),
        name if name.starts_with("sysctl_restore_") => Ok(Vec::new()),
        "sysctl" => sysctls(&args).ok_or_else(unknown),
        "set_sysctls.py" => args.iter().map(|a| proc_file(a)).collect::<Option<_>>().ok_or_else(unknown),
        "tc" => tc(&args).ok_or_else(unknown),
        "ip" => ip(&args).ok_or_else(unknown),
        "ethtool" => ethtool(&args).ok_or_else(unknown),
        "nstat" => nstat(&args, &pipe[1..]).ok_or_else(unknown),
        "echo" => echo(&pipe[0][1..]).ok_or_else(unknown),
        "sleep" => match &args[..] {
            [seconds] => {
                let ns = super::lexer::decimal(seconds.trim_end_matches('s')).and_then(|ns| u64::try_from(ns).ok());
                Ok(vec![Step::Sleep(ns.ok_or_else(unknown)?)])
            }
            _ => Err(unknown()),
        },
        "true" | ":" | "modprobe" => Ok(Vec::new()),
        _ => Err(unknown()),
    }
}

/// Without what throws output away.
fn redirected(words: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            ">" | "2>" | "&>" | ">>" => {
                words.next();
            }
            w if w.starts_with("2>") || w.starts_with("&>") || w.starts_with(">/dev/null") => {}
            _ => kept.push(word.clone()),
        }
    }
    kept
}

/// `sysctl [-q] [-e] [-w] name=value …`
fn sysctls(args: &[&str]) -> Option<Vec<Step>> {
    let mut strict = Strict::Must;
    let mut steps = Vec::new();
    for arg in args {
        match *arg {
            "-q" | "-w" | "--quiet" | "--write" => {}
            "-e" | "--ignore" | "-eq" | "-qe" => strict = Strict::May,
            "-wq" | "-qw" => {}
            pair => {
                let (name, value) = pair.split_once('=')?;
                steps.push(sysctl(&name.replace('/', "."), value, strict));
            }
        }
    }
    Some(steps).filter(|s| !s.is_empty())
}

/// `/proc/sys/net/ipv4/NAME=VALUE`
fn proc_file(pair: &str) -> Option<Step> {
    let (path, value) = pair.split_once('=')?;
    Some(sysctl(&path.strip_prefix("/proc/sys/")?.replace('/', "."), value, Strict::Must))
}

/// `echo VALUE > FILE`
fn echo(words: &[String]) -> Option<Vec<Step>> {
    let text = words.join(" ");
    let (value, path) = text.split_once('>')?;
    let (value, path) = (value.trim(), path.trim());
    if path.starts_with("/proc/sys/") {
        return Some(vec![proc_file(&format!("{path}={value}"))?]);
    }
    let (module, name) = path.strip_prefix("/sys/module/")?.split_once("/parameters/")?;
    let change = Change::Parameter { module: module.to_owned(), name: name.to_owned(), value: value.to_owned() };
    Some(vec![Step::Change(change, Strict::Must)])
}

/// `tc qdisc replace|add|change|delete dev tun0 root …`
fn tc(args: &[&str]) -> Option<Vec<Step>> {
    let args: Vec<&str> = args.iter().copied().filter(|w| *w != "root").collect();
    let ["qdisc", verb, "dev", _, rest @ ..] = &args[..] else { return None };
    let change = match (*verb, rest) {
        ("delete" | "del", _) => Change::Qdisc { kind: "pfifo_fast".to_owned(), limit: None },
        ("replace" | "add" | "change", [kind, options @ ..]) => {
            let limit = match options {
                ["limit", n] => Some(n.parse().ok()?),
                [] => None,
                _ => return None,
            };
            Change::Qdisc { kind: (*kind).to_owned(), limit }
        }
        _ => return None,
    };
    Some(vec![Step::Change(change, Strict::Must)])
}

/// `ip link set …`, `ip route change …`, `ip tcp_metrics flush all`
fn ip(args: &[&str]) -> Option<Vec<Step>> {
    let args: Vec<&str> = args.iter().copied().filter(|a| *a != "-4").collect();
    match &args[..] {
        ["link", "set", "dev", _, "mtu", mtu] | ["link", "set", _, "mtu", mtu] => {
            Some(vec![Step::Change(Change::Mtu(mtu.parse().ok()?), Strict::Must)])
        }
        ["tcp_metrics" | "tcp_metric" | "tcpmetrics", "flush", ..] => Some(Vec::new()),
        ["route" | "ro" | "r", "change" | "replace" | "add", to, rest @ ..] => {
            let to: Ipv4Addr = to.trim_end_matches("/32").parse().ok()?;
            let mut metrics = Vec::new();
            let mut rest = rest.iter();
            while let Some(word) = rest.next() {
                match *word {
                    "via" | "dev" | "src" | "proto" | "scope" | "table" => {
                        rest.next()?;
                    }
                    name => {
                        let mut value = *rest.next()?;
                        let mut name = name.to_owned();
                        if value == "lock" {
                            name = format!("lock {name}");
                            value = rest.next()?;
                        }
                        let number = value.trim_end_matches("ms").parse().ok()?;
                        metrics.push((name, number));
                    }
                }
            }
            Some(vec![Step::Change(Change::Route { to, metrics }, Strict::Must)])
        }
        _ => None,
    }
}

/// `ethtool -K tun0 FEATURE on|off …`
fn ethtool(args: &[&str]) -> Option<Vec<Step>> {
    let ["-K" | "--offload", _, rest @ ..] = args else { return None };
    if rest.is_empty() || rest.len() % 2 != 0 {
        return None;
    }
    rest.chunks(2)
        .map(|pair| {
            let on = match pair[1] {
                "on" => true,
                "off" => false,
                _ => return None,
            };
            Some(Step::Change(Change::Offload { feature: pair[0].to_owned(), on }, Strict::Must))
        })
        .collect()
}

fn nstat(args: &[&str], pipe: &[Vec<String>]) -> Option<Vec<Step>> {
    let mut look = Nstat::default();
    for arg in args {
        match arg.strip_prefix('-') {
            Some(letters) => {
                for letter in letters.chars() {
                    match letter {
                        'a' => look.absolute = true,
                        'z' => look.zeros = true,
                        's' => look.keep = true,
                        'n' => look.silent = true,
                        'r' | 'q' => {}
                        _ => return None,
                    }
                }
            }
            None => look.names.push((*arg).to_owned()),
        }
    }
    for words in pipe {
        let words = redirected(words);
        let ("grep" | "egrep" | "fgrep", args) = (words.first()?.as_str(), &words[1..]) else { return None };
        let mut grep = Grep::default();
        let mut pattern = None;
        for arg in args {
            match arg.strip_prefix('-') {
                Some(letters) if pattern.is_none() => {
                    for letter in letters.chars() {
                        match letter {
                            'v' => grep.invert = true,
                            'i' => grep.ignore_case = true,
                            'q' | 'E' | 'F' | 'e' | 'w' => {}
                            _ => return None,
                        }
                    }
                }
                _ if pattern.is_none() => pattern = Some(arg.clone()),
                _ => return None,
            }
        }
        grep.pattern = pattern?;
        look.greps.push(grep);
    }
    Some(vec![Step::Nstat(look)])
}

impl Nstat {
    /// The lines that are left of the counters' values, `(name, value)`.
    pub(crate) fn lines(&self, counters: &[(String, u64)]) -> Vec<String> {
        if self.silent {
            return Vec::new();
        }
        let wanted = |name: &str| self.names.is_empty() || self.names.iter().any(|n| matches_name(n, name));
        let mut lines = vec!["#kernel".to_owned()];
        for (name, value) in counters.iter().filter(|(name, value)| wanted(name) && (*value != 0 || self.zeros)) {
            lines.push(format!("{name:<32}{value:<16}{:>6}", "0.0"));
        }
        for grep in &self.greps {
            lines.retain(|line| grep.matches(line) != grep.invert);
        }
        lines
    }
}

/// A pattern of nstat's: `*` stands for anything.
fn matches_name(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => {
            let Some(rest) = name.strip_prefix(before) else { return false };
            (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| matches_name(after, &rest[at..]))
        }
    }
}

impl Grep {
    fn matches(&self, line: &str) -> bool {
        let (pattern, line) = match self.ignore_case {
            true => (self.pattern.to_lowercase(), line.to_lowercase()),
            false => (self.pattern.clone(), line.to_owned()),
        };
        let pattern: Vec<char> = pattern.chars().collect();
        let line: Vec<char> = line.chars().collect();
        if let ['^', rest @ ..] = &pattern[..] {
            return matches_here(rest, &line);
        }
        (0..=line.len()).any(|at| matches_here(&pattern, &line[at..]))
    }
}

/// Basic regular expressions: characters, `.`, `*` and `+` behind one, `$` at the end, `\` before one.
fn matches_here(pattern: &[char], line: &[char]) -> bool {
    let (is_one, width): (Box<dyn Fn(char) -> bool>, usize) = match pattern {
        [] => return true,
        ['$'] => return line.is_empty(),
        ['\\', c, ..] => {
            let c = *c;
            (Box::new(move |d| d == c), 2)
        }
        ['.', ..] => (Box::new(|_| true), 1),
        [c, ..] => {
            let c = *c;
            (Box::new(move |d| d == c), 1)
        }
    };
    let rest = &pattern[width..];
    if let [repeat @ ('*' | '+'), rest @ ..] = rest {
        let most = line.iter().take_while(|c| is_one(**c)).count();
        return (usize::from(*repeat == '+')..=most).any(|n| matches_here(rest, &line[n..]));
    }
    line.first().is_some_and(|c| is_one(*c)) && matches_here(rest, &line[1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(command: &str) -> Step {
        let mut steps = parse(command).unwrap();
        assert_eq!(steps.len(), 1, "{command}");
        steps.swap_remove(0)
    }

    fn change(command: &str) -> Change {
        match one(command) {
            Step::Change(change, _) => change,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn variables_are_set_in_every_way_that_scripts_use() {
        let ecn = |name: &str, value: &str| Change::Sysctl { name: name.to_owned(), value: value.to_owned() };
        assert_eq!(change("sysctl -q net.ipv4.tcp_ecn=1\n"), ecn("net.ipv4.tcp_ecn", "1"));
        assert_eq!(change("sysctl -e -q net/ipv4/tcp_ecn=2"), ecn("net.ipv4.tcp_ecn", "2"));
        assert_eq!(one("sysctl -e -q net/ipv4/x=2"), sysctl("net.ipv4.x", "2", Strict::May));
        let rmem = "4096 131072 33554432";
        assert_eq!(
            change("sysctl -q net.ipv4.tcp_rmem=\"4096 131072 $((32*1024*1024))\""),
            ecn("net.ipv4.tcp_rmem", rmem)
        );
        assert_eq!(change("echo 2 > /proc/sys/net/ipv4/tcp_ecn"), ecn("net.ipv4.tcp_ecn", "2"));
        let steps =
            parse("./set_sysctls.py /proc/sys/net/ipv4/a=1 \\\n\t\t /proc/sys/net/ipv4/b=2`".trim_end_matches('`'));
        let wanted = vec![sysctl("net.ipv4.a", "1", Strict::Must), sysctl("net.ipv4.b", "2", Strict::Must)];
        assert_eq!(steps, Ok(wanted));
        assert_eq!(parse("/tmp/sysctl_restore_${PPID}.sh"), Ok(Vec::new()));
        assert_eq!(parse("../../common/defaults.sh"), Ok(defaults()));
        assert_eq!(parse("./defaults.sh\nsysctl -q net.ipv4.tcp_ecn=1\n").map(|s| s.len()), Ok(defaults().len() + 1));
    }

    #[test]
    fn devices_and_routes_are_changed() {
        let pfifo = Change::Qdisc { kind: "pfifo".to_owned(), limit: Some(0) };
        let steps =
            parse("tc qdisc delete dev tun0 root 2>/dev/null ; tc qdisc add dev tun0 root pfifo limit 0").unwrap();
        assert_eq!(steps[1], Step::Change(pfifo.clone(), Strict::Must));
        assert_eq!(change("tc qdisc replace dev tun0 root pfifo limit 0"), pfifo);
        assert_eq!(change("tc qdisc replace dev tun0 root fq"), Change::Qdisc { kind: "fq".to_owned(), limit: None });
        assert_eq!(change("ip link set dev tun0 mtu 9000"), Change::Mtu(9000));
        let metrics = [("advmss", 1000), ("lock mtu", 1200), ("initcwnd", 4)].map(|(n, v)| (n.to_owned(), v)).to_vec();
        assert_eq!(
            change("ip route change 192.0.2.1 via 192.168.0.1 dev tun0 advmss 1000 mtu lock 1200 initcwnd 4"),
            Change::Route { to: Ipv4Addr::new(192, 0, 2, 1), metrics }
        );
        let off = |f: &str| Step::Change(Change::Offload { feature: f.to_owned(), on: false }, Strict::Must);
        assert_eq!(parse("ethtool -K tun0 tso off gso off"), Ok(vec![off("tso"), off("gso")]));
        assert_eq!(
            change("echo 2 > /sys/module/tcp_cubic/parameters/hystart_detect"),
            Change::Parameter {
                module: "tcp_cubic".to_owned(),
                name: "hystart_detect".to_owned(),
                value: "2".to_owned()
            }
        );
    }

    #[test]
    fn counters_are_shown_and_searched() {
        let Step::Nstat(look) = one("nstat | grep TcpExtBeyondWindow | grep -q \" 3 \"") else { panic!() };
        let counters = |n| vec![("TcpExtBeyondWindow".to_owned(), n), ("TcpInSegs".to_owned(), 3)];
        assert_eq!(look.lines(&counters(3)), ["TcpExtBeyondWindow              3                  0.0"]);
        assert!(look.lines(&counters(13)).is_empty());
        let Step::Nstat(reset) = one("nstat -n") else { panic!() };
        assert!(reset.silent && reset.lines(&counters(3)).is_empty());
        let Step::Nstat(all) = one("nstat -asz TcpIn* | grep -v kernel") else { panic!() };
        assert_eq!(all.lines(&counters(0)).len(), 1);
        let grep = |pattern: &str| Grep { pattern: pattern.to_owned(), ..Grep::default() };
        assert!(grep("^Tcp.*  3 *0.0$").matches("TcpX    3    0.0"));
        assert!(!grep("^cp").matches("TcpX") && grep("p\\*").matches("p*"));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for command in [
            "rm -rf /",
            "sysctl -q",
            "tc qdisc add dev tun0 root netem delay 10ms",
            "ip rule add",
            "a || b",
            "x $(y)",
            "ss -t | grep x",
            "echo 1 > /tmp/x",
            "ip link set dev tun0 mtu",
        ] {
            assert!(parse(command).is_err(), "{command}");
        }
    }
}
