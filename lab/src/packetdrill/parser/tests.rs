//! Reading scripts: what they say, and where their mistakes are.

use super::*;
use crate::packetdrill::ast::{Body, Echoed, Ecn, Icmp, TcpOption, TcpOptions};
use proptest::prelude::*;

fn script(text: &str) -> Script {
    parse("t.pkt", text, &[]).unwrap_or_else(|e| panic!("{e:?}\n{text}"))
}

/// Line, column, message and hint of the mistake in a script.
#[track_caller]
fn mistake(text: &str) -> (usize, usize, String, String) {
    match parse("t.pkt", text, &[]) {
        Err(Refusal::Problem(problems)) => {
            let p = problems.iter().next().unwrap();
            (p.line, p.column, p.message.clone(), p.hint.clone())
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn mistake_at(text: &str, line: usize, column: usize, message: &str) {
    let (l, c, m, hint) = mistake(text);
    assert_eq!((l, c), (line, column), "{m}: {hint}");
    assert!(m.contains(message), "{m}");
    assert!(!hint.is_empty());
}

fn packet(text: &str) -> crate::packetdrill::ast::Packet {
    let text = format!("0 `true`\n{} {text}", if text.starts_with('>') { "*" } else { "+0" });
    match script(&text).events.swap_remove(1).action {
        Action::Packet(packet) => packet,
        other => panic!("{other:?}"),
    }
}

fn tcp(text: &str) -> crate::packetdrill::ast::Tcp {
    match packet(text).body {
        Body::Tcp(tcp) => tcp,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_script_has_options_events_and_commands_around() {
    let s = script(
        "// a test\n--mss=1000 // one\n--tolerance_usecs=10000\n`./defaults.sh`\n 0 close(3) = 0\n+.1 < S 0:0(0) win 5\n\
         +0...0.2 accept(3, ..., ...) = 4\n0.3~0.31 > . 1:1(0) ack 1 +.3~+.4 > . 1:1(0) ack 1\n* > . 1:1(0)\n\
         +0 %{ assert 1 }%\n+1 `nstat -n`\n`/tmp/x.sh`\n",
    );
    assert_eq!((s.options.mss, s.options.tolerance_ns), (Some(1000), 10_000_000));
    assert_eq!(s.init.as_ref().map(|c| (c.text.as_str(), c.place.line)), Some(("./defaults.sh", 4)));
    assert_eq!(s.cleanup.map(|c| c.text), Some("/tmp/x.sh".to_owned()));
    let ms = 1_000_000;
    let times: Vec<Time> = s.events.iter().map(|e| e.time).collect();
    assert_eq!(
        times,
        [
            Time::Absolute(0),
            Time::Relative(100 * ms),
            Time::Relative(0),
            Time::AbsoluteRange(300 * ms, 310 * ms),
            Time::RelativeRange(300 * ms, 400 * ms),
            Time::Any,
            Time::Relative(0),
            Time::Relative(1000 * ms),
        ]
    );
    let Action::Call(accept) = &s.events[2].action else { panic!() };
    assert_eq!((accept.end, accept.text.as_str()), (Some(200 * ms), "accept(3, ..., ...)"));
    assert_eq!(s.events[4].place, Place { line: 8, column: 27 });
}

#[test]
fn the_command_line_counts_more_than_the_script() {
    let cli = [("tolerance-usecs".to_owned(), Some("7".to_owned())), ("define".to_owned(), Some("N=5".to_owned()))];
    let s = parse("t.pkt", "--tolerance_usecs=10000 --define=N=4\n0 read(3, ..., N) = N", &cli).unwrap();
    assert_eq!(s.options.tolerance_ns, 7_000);
    let Action::Call(call) = &s.events[0].action else { panic!() };
    assert_eq!(call.result, 5);
    assert!(check_option("tolerance_usecs", Some("x")).is_err() && check_option("nope", None).is_err());
}

#[test]
fn flags_are_letters_and_one_digit() {
    let bits = |text: &str| {
        let t = tcp(&format!("> {text} 1:1(0) ack 1"));
        (t.flags, t.ace)
    };
    assert_eq!(bits("S."), (0x12, 0));
    assert_eq!(bits("SEW"), (0x02, 3));
    assert_eq!(bits("SEWA"), (0x02, 7));
    assert_eq!((bits("P5."), bits("P.5"), bits("F5."), bits(".5")), ((0x18, 5), (0x18, 5), (0x11, 5), (0x10, 5)));
    assert_eq!((bits("-"), bits("FPU."), bits("SE.")), ((0, 0), (0x39, 0), (0x12, 1)));
}

#[test]
fn options_stand_in_their_order() {
    let t = tcp("> S. 0:0(0) ack 1 win 9 <mss 1460,nop,nop,sackOK,nop,wscale 8>");
    assert_eq!(t.window, Some(9));
    let nop = TcpOption::Nop;
    assert_eq!(
        t.options,
        TcpOptions::List(vec![
            TcpOption::Mss(1460),
            nop.clone(),
            nop.clone(),
            TcpOption::SackPermitted,
            nop.clone(),
            TcpOption::WindowScale(8)
        ])
    );
    let t = tcp("< . 1:1(0) ack 1 win 9 <sack 1:2 3:4,nop,nop>");
    assert_eq!(t.options, TcpOptions::List(vec![TcpOption::Sack(vec![(1, 2), (3, 4)]), nop.clone(), nop]));
    assert_eq!(tcp("> . 1:1(0) ack 1 <...>").options, TcpOptions::Unchecked);
    assert_eq!(tcp("> . 1:1(0) ack 1").options, TcpOptions::List(Vec::new()));
    let t = tcp("< S 0:0(0) win 9 <FO TFO_COOKIE,FOEXP abcd,ECN e1b 1 ceb 2 e0b 3,md5 001122>");
    let TcpOptions::List(list) = t.options else { panic!() };
    assert_eq!(list[0], TcpOption::FastOpen(vec![0x30, 0x21, 0xb9, 0xd8, 0x89, 0x01, 0x7e, 0xeb]));
    assert_eq!(list[2], TcpOption::AccurateEcn { e1b_first: true, counters: vec![1, 2, 3] });
}

#[test]
fn ip_headers_udp_and_icmp_are_understood() {
    assert_eq!(packet("> [ect0] P. 1:2(1) ack 1").ip.ecn, Some(Ecn::Ect0));
    assert_eq!(packet("> (tos 0x1e) . 1:1(0) ack 1").ip.tos, Some(0x1e));
    assert_eq!(packet("< [ttl 3] . 1:1(0) ack 1 win 3").ip.ttl, Some(3));
    assert_eq!(packet("< udp (20)").body, Body::Udp { ports: None, len: 20 });
    assert_eq!(packet("> udp 5 > 6 (20)").body, Body::Udp { ports: Some((5, 6)), len: 20 });
    let icmp = packet("< icmp unreachable frag_needed mtu 1200 [1:1461(1460)]").body;
    let echoed = Some(Echoed::Tcp { seq: 1, len: 1460 });
    assert_eq!(icmp, Body::Icmp(Icmp { kind: 3, code: 4, mtu: Some(1200), id: None, echoed }));
    assert_eq!(tcp("< 5 > 6 . 1:1(0) ack 1 win 3").ports, Some((5, 6)));
    let around = packet("< ipv4 1.1.1.1 > 2.2.2.2: gre: mpls (label 1, tc 0, [S], ttl 64): udp (1)").encapsulation;
    assert_eq!(around.len(), 3);
}

#[test]
fn mistakes_are_found_where_they_are() {
    mistake_at("0 clsoe(3) = 0", 1, 3, "no system call is called \"clsoe\"");
    mistake_at("0 close(3) = 0\n+0 < S 0:0(0)\n", 3, 1, "unexpected the end of the script");
    mistake_at("0 close(3) = 0\n\t+0 < S 0:1(0) win 1", 2, 9, "contradict");
    mistake_at("0 close(3) = 0\n+0 < X 0:0(0) win 1", 2, 6, "\"X\" is no TCP flag");
    mistake_at("0 close(3) = 0\n+0 < S 0:0(0) win 70000", 2, 19, "70000 is out of range");
    mistake_at("0 close(3) = 0\n+0 < S 0:0(0) win 7 <mss 1000,sackOk>", 2, 31, "sackOk");
    mistake_at("0 close(3) = 0\n+0 < S 0:0(0) win 7 <mss 1000,nop>", 2, 21, "options of 5 bytes");
    mistake_at("0 close(3) = 0\n+0 < S 0:0(0) win 7 <...>", 2, 21, "leaves an inbound");
    mistake_at("0 setsockopt(3, SOL_SOKET, 1, [1], 4) = 0", 1, 17, "SOL_SOKET");
    mistake_at("0 close(3, 4) = 0", 1, 12, "2 arguments for close");
    mistake_at("0 close(3) = -1 EWHAT (x)", 1, 17, "EWHAT");
    mistake_at("0.1 close(3) = 0", 1, 1, "first event is not at time 0");
    mistake_at("0 close(3) = 0\n1 close(3) = 0\n.5 close(3) = 0", 3, 1, "time goes backwards");
    mistake_at("0 close(3) = 0\n* close(3) = 0", 2, 3, "only an outbound packet");
    mistake_at("0 close(3) = 0\n.3~.2 > . 1:1(0)", 2, 1, "backwards");
    mistake_at("0 close(3) = 0\n+0 %{\nassert 1\nassert (2\n}%", 4, 1, "invalid syntax");
    mistake_at("--mms=5\n0 close(3) = 0", 1, 1, "no option is called --mms");
    mistake_at("--mss=x\n0 close(3) = 0", 1, 1, "bad value of --mss");
    mistake_at("0 close(3) = 0\n+0 write(3, \"abc) = 3", 2, 13, "a string that does not end");
    mistake_at("0 close(3) = 0 ü", 1, 16, "unexpected \"ü\"");
    mistake_at("0 read(3, [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]], 1) = 0", 1, 28, "too deep");
    mistake_at(
        "0 recvmsg(3, {msg_name(...)=..., msg_iov(2)=[{..., 1}], msg_flags=0}, 0) = 1",
        1,
        42,
        "2 where the list has 1",
    );
    mistake_at("", 1, 1, "unexpected the end of the script");
    let (_, _, _, hint) = mistake("0 clsoe(3) = 0");
    assert_eq!(hint, "did you mean \"close\"?");
}

#[test]
fn what_is_for_ipv6_is_skipped() {
    let skip = |file: &str, text: &str| match parse(file, text, &[]) {
        Err(Refusal::Skip(reason)) => reason,
        other => panic!("{other:?}"),
    };
    assert!(skip("t.pkt", "--ip_version=ipv6\n0 close(3) = 0").contains("--ip_version=ipv6"));
    assert!(skip("a-v6.pkt", "0 close(3) = 0").contains("name"));
    assert!(skip("t.pkt", "0 socket(AF_INET6, 1, 0) = 3").contains("AF_INET6"));
    assert!(skip("t.pkt", "0 close(3) = 0 * > [flowlabel 0x1] . 1:1(0)").contains("flow label"));
    assert!(skip("t.pkt", "0 close(3) = 0 +0 < icmp packet_too_big mtu 1280 [1:2(1)]").contains("packet_too_big"));
    let cli = [("ip_version".to_owned(), Some("ipv4".to_owned()))];
    assert!(parse("t.pkt", "--ip_version=ipv6\n0 close(3) = 0", &cli).is_ok());
}

/// Pieces of scripts, so that more than the first word is read.
const PIECES: &[&str] = &[
    "0 ",
    "+0 ",
    "+.1",
    "*",
    "~",
    "...",
    " < ",
    " > ",
    "S",
    "P.",
    ".",
    "-",
    " 1:1(0)",
    " 0:10(10)",
    " ack 1",
    " win 5",
    " <mss 1000,",
    "sack 1:2 ",
    "nop",
    ">",
    "TS val 1 ecr 2",
    "[ect0]",
    "(tos 0x1)",
    "icmp ",
    "unreachable ",
    "udp ",
    "close(3) = 0\n",
    "read(3, ..., ",
    "[{fd=4, events=POLLIN",
    "}]",
    ")",
    " = ",
    "-1 EAGAIN",
    " (x)",
    "`cmd`",
    "%{ assert 1 }%",
    "--mss=",
    "10",
    "\"text\"",
    "// c\n",
    "/* c */",
    "{...",
    "|",
    "SOL_TCP",
    "0xff",
    "99999999999999999999",
    "ipv4 1.2.3.4",
    ":",
    ",",
    "é",
    "\n",
];

proptest! {
    #[test]
    fn any_text_is_read_without_panic_and_its_mistake_is_within_it(
        pieces in prop::collection::vec(0..PIECES.len(), 0..30),
        garbage in ".{0,10}",
    ) {
        let mut text: String = pieces.iter().map(|i| PIECES[*i]).collect();
        text += &garbage;
        if let Err(Refusal::Problem(problems)) = parse("t.pkt", &text, &[]) {
            let p = problems.iter().next().unwrap();
            let line = text.split('\n').nth(p.line - 1);
            prop_assert!(line.is_some_and(|l| p.column <= l.chars().count() + 1), "{}:{} in {:?}", p.line, p.column, text);
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(text in "\\PC{0,200}") {
        let _ = parse("t.pkt", &text, &[]);
    }

    /// A character that nothing can begin with is found where it was put, between any two events.
    #[test]
    fn a_mistake_between_events_is_found_where_it_is(events in 1usize..8, at in 0usize..8, spaces in 0usize..6) {
        let at = at.min(events);
        let mut text = String::new();
        for i in 0..=events {
            if i == at {
                text += &format!("{}?\n", " ".repeat(spaces));
            }
            if i < events {
                text += "+0 close(3) = 0 // é\n";
            }
        }
        let (line, column, message, _) = mistake(&text);
        prop_assert_eq!((line, column), (at + 1, spaces + 1), "{}", message);
    }
}
