//! Python's answers to what scripts ask.

use super::*;

fn session() -> Session {
    let mut s = Session::default();
    constants(&mut s);
    s.set("tcpi_snd_cwnd", 10i64);
    s.set("tcpi_busy_time", 50_000i64);
    s.set("tcpi_options", 7i64);
    s
}

fn run(text: &str) -> Result<(), CodeError> {
    session().run(text)
}

#[track_caller]
fn holds(expr: &str) {
    assert_eq!(run(&format!(" assert {expr} ")), Ok(()), "{expr}");
    let negated = run(&format!("assert not ({expr}), 'no'"));
    assert_eq!(negated.unwrap_err().got.as_deref(), Some("no"), "{expr}");
}

#[test]
fn expressions_come_to_what_python_says() {
    for expr in [
        "tcpi_snd_cwnd == 10",
        "49000 <= tcpi_busy_time <= 52000",
        "not (1 < 3 < 2)",
        "(tcpi_options & TCPI_OPT_SACK) != 0",
        "(tcpi_options & TCPI_OPT_ECN) == 0",
        "tcpi_snd_cwnd == 1460 - 12 - 1438",
        "2 + 3 * 4 == 14 and (2 + 3) * 4 == 20",
        "7 // 2 == 3 and -7 // 2 == -4 and -7 % 3 == 2 and 7 / 2 == 3.5",
        "0x7fffffff == 2147483647 and 1 << 4 == 16 and 2 ** 10 == 1024",
        "~0 == -1 and 6 ^ 3 == 5 and 6 | 1 == 7",
        "'a%d%%' % 5 == 'a5%' and '%s-%x' % ('b', 255) == 'b-ff'",
        "'%05d|%-4s|%.2f' % (42, 'x', 1.5) == '00042|x   |1.50'",
        "1 if tcpi_snd_cwnd > 9 else 0",
        "tcpi_snd_cwnd in (9, 10) and 3 not in [1, 2]",
        "abs(-3) == 3 and max(1, 2) == 2 and min((4, 3)) == 3 and int(3.9) == 3",
        "0 or 5 and 7",
        "1e3 == 1000 and 1_000 == 1000",
        "str(1.0) == '1.0' and len('abc') == 3",
        "-2 ** 2 == -4",
        "TCP_CA_Recovery == 3 and TCP_CLOSING == 11",
    ] {
        holds(expr);
    }
}

#[test]
fn statements_are_separated_by_lines_and_semicolons() {
    let text = " assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd; \\\n\t assert tcpi_options == 7, tcpi_options \n";
    assert_eq!(run(text), Ok(()));
    assert_eq!(run("\nassert 1 == 1 # as it must\nx = 3; x += 1\nassert x == 4\nassert (x ==\n   4)\n"), Ok(()));
    assert_eq!(run("# nothing\n\n"), Ok(()));
    let failed = run("\nassert True\nassert tcpi_snd_cwnd == 11, tcpi_snd_cwnd\n").unwrap_err();
    let got = Some("10".to_owned());
    assert_eq!(failed, CodeError { line: 2, message: "tcpi_snd_cwnd == 11".to_owned(), got });
}

#[test]
fn a_failed_assertion_without_a_message_shows_the_values() {
    let failed = run("assert tcpi_snd_cwnd == tcpi_options").unwrap_err();
    assert_eq!(failed.got.as_deref(), Some("tcpi_options is 7, tcpi_snd_cwnd is 10"));
}

#[test]
fn variables_live_on_and_prints_are_kept() {
    let mut s = session();
    assert_eq!(s.run("INFINITE = 0x7fffffff"), Ok(()));
    assert_eq!(s.run("assert INFINITE == 2147483647\nprint(INFINITE, 'x', 1.5)\nprint 'two'"), Ok(()));
    assert_eq!(s.printed, "2147483647 x 1.5\ntwo\n");
}

#[test]
fn branches_are_taken() {
    let text = "\nif tcpi_snd_cwnd > 10:\n  assert False\nelif tcpi_snd_cwnd == 10:\n  x = 1\n  y = 2\nelse:\n  assert False\nassert x + y == 3";
    assert_eq!(run(text), Ok(()));
    assert_eq!(run("if 0: assert False\nassert 1"), Ok(()));
}

#[test]
fn mistakes_say_what_and_where() {
    let message = |text: &str| run(text).map_err(|e| (e.line, e.message));
    assert_eq!(message("\nassert nope == 1"), Err((1, "name 'nope' is not defined".to_owned())));
    assert_eq!(message("assert 1 / 0"), Err((0, "division by zero".to_owned())));
    assert_eq!(message("assert 'a' < 1").unwrap_err().0, 0);
    assert!(message("import os").unwrap_err().1.contains("more Python than this runner knows"));
    assert!(message("assert (1").unwrap_err().1.starts_with("invalid syntax"));
    assert!(message("x = 'abc").is_err() && message("x = $").is_err() && message("x = 10 ** 1000").is_err());
    assert!(message(&format!("x = {}1{}", "(".repeat(500), ")".repeat(500))).is_err());
    assert!(message(&format!("x = {}1", "-".repeat(500))).is_err());
    assert!(message(&format!("x = {}1", "not ".repeat(500))).is_err());
}

#[test]
fn the_bytes_of_tcp_info_get_names() {
    let mut bytes = vec![0; 248];
    bytes[6] = 0x7a;
    bytes[7] = 1;
    bytes[80..84].copy_from_slice(&17u32.to_le_bytes());
    bytes[168..176].copy_from_slice(&5_000_000_000u64.to_le_bytes());
    bytes[242..244].copy_from_slice(&3u16.to_le_bytes());
    let mut s = Session::default();
    tcp_info(&mut s, &bytes);
    mem_info(&mut s, &[1, 0, 0, 0, 2, 0, 0, 0]);
    let text = "assert tcpi_snd_wscale == 10 and tcpi_rcv_wscale == 7 and tcpi_delivery_rate_app_limited == 1\n\
                assert tcpi_snd_cwnd == 17 and tcpi_busy_time == 5000000000 and tcpi_total_rto_recoveries == 3\n\
                assert SK_MEMINFO_RCVBUF == 2";
    assert_eq!(s.run(text), Ok(()));
    assert!(s.run("assert tcpi_received_ce == 0").is_err(), "a field behind the bytes is not defined");
    cc_info(&mut s, &[]);
    assert!(s.run("bbr_bw").is_err());
    cc_info(&mut s, &[1, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
    assert_eq!(s.run("assert bbr_bw == 0x100000001 and bbr_min_rtt == 9"), Ok(()));
}

#[cfg(not(target_family = "wasm"))]
proptest::proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in "[a-z0-9 ()+*/%<>=!,;:#\"'\\\\\n.&|~^\\[\\]-]{0,80}") {
        let _ = run(&text);
    }
}
