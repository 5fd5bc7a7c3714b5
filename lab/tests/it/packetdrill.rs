//! packetdrill scripts: those that are here and those that are given, and what becomes of them when they lie.

use crate::cli::{lab, stdout};
use lab::packetdrill::ast::{Action, Body, Direction, Event, Script, TcpOption, TcpOptions, Time};
use lab::packetdrill::{CallKind, ControlData, OptionValue, parse, run};
use std::path::{Path, PathBuf};

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// The lie that a line has only half of its data.
const HALF: &str = "half the length";

fn folder(path: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("there is no {}: its scripts are not tried", folder.display());
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "pkt"));
    files.sort();
    files
}

fn read(path: &Path) -> Script {
    let text = std::fs::read_to_string(path).unwrap();
    parse(&path.file_name().unwrap().to_string_lossy(), &text, &[]).unwrap_or_else(|e| panic!("{e:?}"))
}

#[test]
fn the_scripts_that_are_here_pass() {
    let scripts = folder("tests/packetdrill");
    assert!(scripts.len() >= 3);
    for path in scripts {
        let outcome = run(read(&path), false);
        assert!(outcome.passed, "{}", outcome.text);
    }
}

/// A way to make an event say what is not so; the name says which field.
type Lie = (String, Box<dyn Fn(&mut Event)>);

fn lie(name: &str, change: impl Fn(&mut Event) + 'static) -> Lie {
    (name.to_owned(), Box::new(change))
}

fn tcp(change: impl Fn(&mut lab::packetdrill::ast::Tcp) + 'static) -> impl Fn(&mut Event) {
    move |event| {
        if let Action::Packet(packet) = &mut event.action
            && let Body::Tcp(tcp) = &mut packet.body
        {
            change(tcp);
        }
    }
}

/// Every lie about an event.
fn lies(event: &Event) -> Vec<Lie> {
    match &event.action {
        Action::Packet(packet) if packet.direction == Direction::Outbound => {
            let mut all = Vec::new();
            if let Body::Tcp(tcp) = &packet.body {
                all.extend(segment_lies(tcp));
            }
            if event.time != Time::Any {
                all.push(lie("time", |event| {
                    // More than any tolerance: an eighth of what lies between, or 4 ms.
                    const LATER: i64 = 1_000_000_000;
                    event.time = match event.time {
                        Time::Absolute(t) => Time::Absolute(t + LATER),
                        Time::Relative(t) => Time::Relative(t * 2 + LATER),
                        Time::AbsoluteRange(a, b) => Time::AbsoluteRange(a + LATER, b + LATER),
                        Time::RelativeRange(a, b) => Time::RelativeRange(a * 2 + LATER, b * 2 + LATER),
                        Time::Any => Time::Any,
                    };
                }));
            }
            all
        }
        Action::Call(call) => call_lies(call),
        Action::Code(code) => code_lies(&code.text),
        _ => Vec::new(),
    }
}

fn segment_lies(segment: &lab::packetdrill::ast::Tcp) -> Vec<Lie> {
    let mut all = vec![
        lie("sequence number", tcp(|t| t.seq = t.seq.wrapping_add(1))),
        lie("sequence number", tcp(|t| t.seq = t.seq.wrapping_sub(1000))),
        lie("length", tcp(|t| t.len += 1)),
        lie("flags", tcp(|t| t.ace ^= 1)),
    ];
    for bit in [FIN, SYN, RST, PSH, ACK] {
        all.push(lie("flags", tcp(move |t| t.flags ^= bit)));
    }
    if segment.flags & ACK != 0 {
        all.push(lie("ack", tcp(|t| t.ack = t.ack.wrapping_add(1))));
    }
    if segment.len > 0 {
        all.push(lie("length", tcp(|t| t.len -= 1)));
        all.push(lie(HALF, tcp(|t| t.len /= 2)));
    }
    if segment.window.is_some() {
        all.push(lie("window", tcp(|t| t.window = t.window.map(|w| w ^ 1))));
    }
    if let TcpOptions::List(list) = &segment.options {
        let with = |change: fn(&mut Vec<TcpOption>)| {
            tcp(move |t| {
                if let TcpOptions::List(list) = &mut t.options {
                    change(list);
                }
            })
        };
        all.push(lie(
            "options",
            with(|list| list.extend([TcpOption::Nop, TcpOption::Nop, TcpOption::Nop, TcpOption::Nop])),
        ));
        if !list.is_empty() {
            all.push(lie("options", with(Vec::clear)));
        }
        for at in 0..list.len() {
            if matches!(
                list[at],
                TcpOption::Timestamps { .. } | TcpOption::Nop | TcpOption::SackPermitted | TcpOption::Eol
            ) {
                continue;
            }
            all.push(lie(
                "option",
                tcp(move |t| {
                    if let TcpOptions::List(list) = &mut t.options {
                        match &mut list[at] {
                            TcpOption::Mss(mss) => *mss ^= 1,
                            TcpOption::WindowScale(shift) => *shift ^= 1,
                            TcpOption::Sack(blocks) => blocks[0].0 ^= 1,
                            TcpOption::FastOpen(cookie) | TcpOption::FastOpenExperimental(cookie) => cookie.push(0),
                            TcpOption::Md5(digest) => digest[0] ^= 1,
                            TcpOption::AccurateEcn { counters, .. } => counters[0] ^= 1,
                            _ => {}
                        }
                    }
                }),
            ));
        }
    }
    all
}

fn call(change: impl Fn(&mut lab::packetdrill::ast::Call) + 'static) -> impl Fn(&mut Event) {
    move |event| {
        if let Action::Call(call) = &mut event.action {
            change(call);
        }
    }
}

fn call_lies(spec: &lab::packetdrill::ast::Call) -> Vec<Lie> {
    let makes_fd =
        matches!(spec.kind, CallKind::Socket { .. } | CallKind::Accept { .. } | CallKind::EpollCreate { .. });
    let mut all = Vec::new();
    if spec.result >= 0 {
        all.push(lie("result", call(|c| c.result = -1)));
        if !makes_fd {
            all.push(lie("result", call(|c| c.result += 1)));
        }
        all.push(lie("errno", call(|c| c.errno = Some(1))));
    } else {
        all.push(lie("result", call(|c| c.result = 0)));
        all.push(lie("errno", call(|c| c.errno = Some(c.errno.map_or(1, |e| e ^ 1)))));
    }
    if spec.end.is_some() {
        all.push(lie("time of return", call(|c| c.end = c.end.map(|end| end * 2 + 1_000_000_000))));
    }
    match &spec.kind {
        CallKind::Getsockopt { value: OptionValue::Int(_), .. } => {
            all.push(lie(
                "option's value",
                call(|c| {
                    if let CallKind::Getsockopt { value: OptionValue::Int(value), .. } = &mut c.kind {
                        *value ^= 1;
                    }
                }),
            ));
        }
        CallKind::Ioctl { value: Some(_), .. } => all.push(lie(
            "ioctl's value",
            call(|c| {
                if let CallKind::Ioctl { value: Some(value), .. } = &mut c.kind {
                    *value ^= 1;
                }
            }),
        )),
        CallKind::Poll { .. } => all.push(lie(
            "revents",
            call(|c| {
                if let CallKind::Poll { fds, .. } = &mut c.kind {
                    fds[0].revents ^= 1;
                }
            }),
        )),
        CallKind::EpollWait { .. } => all.push(lie(
            "events",
            call(|c| {
                if let CallKind::EpollWait { events, .. } = &mut c.kind {
                    events[0].event.events ^= 1;
                }
            }),
        )),
        CallKind::Recvmsg { message, .. } => {
            all.push(lie(
                "msg_flags",
                call(|c| {
                    if let CallKind::Recvmsg { message, .. } = &mut c.kind {
                        message.flags ^= 0x20;
                    }
                }),
            ));
            if !message.control.is_empty() {
                all.push(lie(
                    "control message",
                    call(|c| {
                        if let CallKind::Recvmsg { message, .. } = &mut c.kind {
                            message.control.pop();
                        }
                    }),
                ));
                all.push(lie(
                    "control message",
                    call(|c| {
                        if let CallKind::Recvmsg { message, .. } = &mut c.kind
                            && let ControlData::Int(value) = &mut message.control[0].data
                        {
                            *value ^= 1;
                        }
                    }),
                ));
            }
        }
        _ => {}
    }
    all
}

/// Numbers that asserted fields are compared with, changed one at a time; and comparisons turned round.
fn code_lies(text: &str) -> Vec<Lie> {
    let set = |text: String| {
        move |event: &mut Event| {
            if let Action::Code(code) = &mut event.action {
                code.text.clone_from(&text);
            }
        }
    };
    let mut all = Vec::new();
    for (at, _) in text.match_indices("==") {
        all.push(lie("asserted field", set(format!("{}!={}", &text[..at], &text[at + 2..]))));
        let rest = text[at + 2..].trim_start();
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if let Ok(value) = rest[..digits].parse::<u64>() {
            let start = text.len() - rest.len();
            all.push(lie("asserted field", set(format!("{}{}{}", &text[..start], value + 1, &rest[digits..]))));
        }
    }
    for (at, _) in text.match_indices("<=") {
        all.push(lie("asserted field", set(format!("{}>{}", &text[..at], &text[at + 2..]))));
    }
    all
}

/// What is altered in any field that is compared must make the script fail.
#[test]
fn a_script_that_lies_about_anything_fails() {
    let given = folder("../../shared/packetdrill");
    let scripts = given.into_iter().chain(folder("tests/packetdrill"));
    let mut survivors = Vec::new();
    let (mut tried, mut passing) = (0, 0);
    for path in scripts {
        let honest = read(&path);
        if !run(honest.clone(), false).passed {
            eprintln!("{} does not pass: its lies are not tried", honest.file);
            continue;
        }
        passing += 1;
        let is_outbound = |e: &Event| matches!(&e.action, Action::Packet(p) if p.direction == Direction::Outbound);
        let last = honest.events.iter().rposition(is_outbound);
        for (index, event) in honest.events.iter().enumerate() {
            for (field, change) in lies(event) {
                // Where several packets make the last line, its first half may well be the first of them; and
                // what is left unread at the end is no failure.
                if field == HALF && Some(index) == last {
                    continue;
                }
                let mut script = honest.clone();
                change(&mut script.events[index]);
                tried += 1;
                if run(script, false).passed {
                    survivors.push(format!("{}:{}: {field}", honest.file, event.place.line));
                }
            }
        }
    }
    eprintln!("{tried} lies of {passing} scripts were tried");
    assert!(survivors.is_empty(), "these passed all the same:\n{}", survivors.join("\n"));
}

#[test]
fn the_command_prints_a_line_a_script_and_a_summary() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packetdrill");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("a.pkt", "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 close(3) = 0\n");
    write("b.pkt", "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 close(3) = 1\n");
    write("c.pkt", "--ip_version=ipv6\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n");
    write("d.pkt", "0 socket(..., SOCK_STRAEM, IPPROTO_TCP) = 3\n");
    let dir = folder.to_str().unwrap();
    let output = lab(&["packetdrill", dir]);
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "PASS {dir}/a.pkt\nFAIL {dir}/b.pkt:2: expected result 1 for close(3), got 0\n\
         SKIP {dir}/c.pkt: it is for --ip_version=ipv6, and this stack has no IPv6\n\
         FAIL {dir}/d.pkt:1:15: \"SOCK_STRAEM\" is no symbol that Linux defines; did you mean \"SOCK_STREAM\"?\n\
         1 passed, 2 failed, 1 skipped\n"
    );
    assert_eq!(stdout(&output), expected);
    let a = format!("{dir}/a.pkt");
    let output = lab(&["packetdrill", "--ip-version=ipv4", "--tolerance_usecs=1", "-D", "X=1", "--trace", &a]);
    assert!(output.status.success());
    assert!(stdout(&output).starts_with("0.000000 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"), "{}", stdout(&output));
    assert_eq!(lab(&["packetdrill", "--ip-version=ipv5", &a]).status.code(), Some(1));
}

#[test]
fn a_packet_that_no_line_reads_is_a_failure_if_it_is_to_be() {
    let text = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 fcntl(3, F_SETFL, O_NONBLOCK) = 0\n\
                +0 connect(3, ..., ...) = -1 EINPROGRESS (x)\n+0 > S 0:0(0) <...>\n+2.5 close(3) = 0\n";
    let strict = [("strict".to_owned(), None)];
    assert!(run(parse("t.pkt", text, &[]).unwrap(), false).passed);
    let outcome = run(parse("t.pkt", text, &strict).unwrap(), false);
    assert!(outcome.verdict().starts_with("FAIL t.pkt:5: expected no packet before this, got \"> S 0:0(0) win "));
}

#[test]
fn a_script_is_a_scenario() {
    let path = folder("tests/packetdrill").into_iter().next().unwrap();
    let file = path.to_str().unwrap();
    let frames = Path::new(env!("CARGO_TARGET_TMPDIR")).join("script.pcapng");
    let frames_file = frames.to_str().unwrap();
    let output = lab(&["run", file, "--strace", "--digest", "--pcapng", frames_file]);
    assert!(output.status.success());
    assert!(stdout(&output).starts_with("socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3\n"), "{}", stdout(&output));
    assert!(std::fs::read(&frames).unwrap().len() > 1000);
    assert_eq!(stdout(&output), stdout(&lab(&["run", file, "--strace", "--digest"])));
    assert!(lab(&["check", file]).status.success());
}

/// The past of a script can be played again, and forked, as any other's.
#[test]
fn a_script_s_past_is_played_again() {
    for path in folder("tests/packetdrill") {
        let scenario = lab::packetdrill::scenario(read(&path), Vec::new());
        let mut lab = ::lab::Lab::new(scenario);
        lab.run();
        let replay = lab.replay_from(stack::trace::EventId(lab.last().0 / 2)).unwrap();
        assert_eq!((replay.difference, replay.same_answers), (None, true));
        let mut fork = lab.fork(stack::trace::EventId(lab.last().0 / 2), ::lab::Edit::Nothing).unwrap();
        fork.run();
        assert_eq!(fork.digest(), lab.digest());
    }
}
