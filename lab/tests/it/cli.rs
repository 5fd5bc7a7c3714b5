//! The command `lab`, as a user has it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub fn lab(args: &[&str]) -> Output {
    let www = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    Command::new(env!("CARGO_BIN_EXE_lab")).args(args).current_dir(www).output().unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn temporary(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

pub const SEND_STRACE: &str = "\
socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = 3
connect(3, {sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr(\"192.168.1.100\")}, 16) = 0
sendto(3, \"GET / HTTP/1.1\\r\\nHost: example.com\\r\\n\\r\\n\", 37, 0, NULL, 0) = 37
close(3)                                = 0
";

#[test]
fn strace_prints_what_strace_prints() {
    let all = lab(&["run", "www/scenarios/send.toml", "--strace"]);
    assert!(all.status.success(), "{}", stderr(&all));
    let text = stdout(&all);
    let (server, client) = text.split_once("== send.py on alice ==\n").unwrap();
    assert_eq!(client, SEND_STRACE);
    assert!(server.starts_with("== server.py on bob ==\nsocket("), "{server}");
    assert_eq!(stderr(&all).lines().count(), 1, "{}", stderr(&all));
    assert_eq!(stdout(&lab(&["run", "www/scenarios/send.toml", "--strace=send.py"])), SEND_STRACE);
    let unknown = lab(&["run", "www/scenarios/send.toml", "--strace=x.py"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert_eq!(stderr(&unknown), "lab: --strace: no program is called \"x.py\"; there are: server.py, send.py\n");
}

#[test]
fn lines_say_whose_they_are() {
    let output = lab(&["run", "www/scenarios/hello.toml"]);
    assert_eq!(stdout(&output), "alice hello.py | sent\nbob hello_server.py | received b'hello'\n");
    let output = lab(&["run", "www/scenarios/ping.toml"]);
    assert!(stdout(&output).starts_with("PING 192.168.1.100"));
}

#[test]
fn the_digest_is_the_same_and_the_seed_changes_it() {
    let digest = |args: &[&str]| stdout(&lab(&[&["run", "www/scenarios/loss.toml", "--digest"], args].concat()));
    let one = digest(&[]);
    let line = one.lines().last().unwrap();
    assert!(line.len() == 16 && line.bytes().all(|b| b.is_ascii_hexdigit()), "{one}");
    assert_eq!(one, digest(&[]));
    assert_eq!(one, digest(&["--seed", "3"]));
    assert_ne!(one, digest(&["--seed", "4"]));
    assert_ne!(one, digest(&["--until", "20ms"]));
}

#[test]
fn events_frames_and_tapes_are_written() {
    let [events, frames, tape] = ["send.jsonl", "send.pcapng", "send.tape"].map(temporary);
    let paths = [&events, &frames, &tape].map(|p| p.to_str().unwrap());
    let run = ["run", "www/scenarios/send.toml", "--digest"];
    let files = ["--events", paths[0], "--pcapng", paths[1], "--tape", paths[2]];
    let output = lab(&[&run[..], &files[..]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let events = std::fs::read_to_string(&events).unwrap();
    assert!(events.lines().count() > 100 && events.contains("\"function\":\"tcp_v4_connect\""));
    assert_eq!(std::fs::read(&frames).unwrap()[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
    let played = lab(&[&run[..], &["--play", paths[2]]].concat());
    assert_eq!(stdout(&played), stdout(&output));
    let bad = lab(&[&run[..], &["--play", paths[1]]].concat());
    assert_eq!((bad.status.code(), stderr(&bad)), (Some(1), format!("lab: {} is not a tape\n", paths[1])));
    let unwritable = lab(&[&run[..], &["--events", "/nonexistent/x"]].concat());
    assert_eq!(unwritable.status.code(), Some(1));
    assert!(stderr(&unwritable).contains("cannot write /nonexistent/x: No such file or directory"));
}

#[test]
fn a_program_that_fails_shows_in_the_exit_status() {
    let output = lab(&["run", "www/scenarios/refused.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains("ConnectionRefusedError: [Errno 111] Connection refused\n"), "{text}");
    assert!(text.ends_with("lab: refused.py on alice ended with status 1\n"), "{text}");
}

#[test]
fn what_never_ends_is_ended() {
    let scenario = |name: &str, body: &str| {
        let path = temporary(name);
        let host = "[[host]]\nname = \"a\"\naddress = \"10.0.0.1/24\"\n[[program]]\nhost = \"a\"\n";
        std::fs::write(&path, format!("{host}{body}")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let noisy = scenario("noisy.toml", "builtin = \"ping -i 0.001 10.0.0.1\"\n");
    let output = lab(&["run", &noisy, "--max-events", "100000"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("lab: stopped after 1"), "{}", stderr(&output));
}

#[test]
fn check_lists_every_problem() {
    let scenarios = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../www/scenarios")).unwrap();
    let names: Vec<String> = scenarios.map(|e| e.unwrap().path().display().to_string()).collect();
    let good = lab(&[&["check"], &names.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat());
    assert!(good.status.success(), "{}", stderr(&good));
    assert!(stdout(&good).lines().all(|l| l.contains(": ok: ")));

    let bad = temporary("bad.toml");
    std::fs::write(&bad, "[[host]]\nname = \"alice\"\nadress = \"10.0.0.1/24\"\n").unwrap();
    let path = bad.to_str().unwrap();
    let output = lab(&["check", path]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.starts_with(&format!("lab: {path} has 2 problems\n\n{path}:1:1: alice has no interface\n")), "{text}");
    assert!(text.contains(&format!("{path}:3:1: unknown key \"adress\" in [[host]]\n 3 | adress = ")), "{text}");
    assert!(text.contains("did you mean \"address\"?"), "{text}");
    let missing = lab(&["run", "no.toml"]);
    assert_eq!(missing.status.code(), Some(1));
    assert_eq!(stderr(&missing), "lab: cannot read no.toml: No such file or directory (os error 2)\n");
}

#[test]
fn a_wrong_command_line_is_status_2() {
    for args in [&["run"][..], &["fly"], &["run", "x.toml", "--until", "soon"], &["run", "x.toml", "--seed", "-1"]] {
        let output = lab(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains("Usage: lab") || stderr(&output).contains("--help"), "{}", stderr(&output));
    }
    assert!(stderr(&lab(&["run", "x.toml", "--until", "soon"])).contains("expected a time with its unit"));
    let help = stdout(&lab(&["run", "--help"]));
    for word in ["--strace", "--events", "--pcapng", "--digest", "--until", "--seed", "--tape", "Exit status"] {
        assert!(help.contains(word), "{word} is not in the help");
    }
}
