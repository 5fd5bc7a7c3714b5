//! Filters against real packets, against each other, and against nonsense.

use super::{Filter, names};
use crate::capture::Packets;
use crate::{Lab, scenario::Scenario};
use proptest::prelude::*;
use std::sync::OnceLock;

fn packets() -> &'static Packets {
    static PACKETS: OnceLock<Packets> = OnceLock::new();
    PACKETS.get_or_init(|| {
        let text = include_str!("../capture/fetch.toml");
        let scenario = Scenario::parse("fetch.toml", text, &mut |_| Ok(String::new())).expect("a scenario");
        let mut lab = Lab::new(scenario);
        lab.run();
        Packets::of_run(lab.log(), lab.config())
    })
}

fn count(filter: &str) -> usize {
    let filter = Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error:?}"));
    let packets = packets();
    (0..packets.len()).filter(|i| filter.matches(&packets.get(*i).expect("a packet"))).count()
}

#[test]
fn fields_are_compared_with_values() {
    let all = packets().len();
    assert!(all > 20, "{all}");
    assert_eq!(count(""), all);
    assert_eq!(count("frame"), all);
    assert_eq!(count("tcp or arp"), all);
    assert_eq!(count("arp"), 2);
    assert_eq!(count("tcp.flags.syn == 1"), 2);
    assert_eq!(count("tcp.flags.syn == 1 && tcp.flags.ack == 0"), 1);
    assert_eq!(count("tcp.flags & 0x02"), 2);
    assert_eq!(count("tcp.flags & 0x12 == 0x02"), 1);
    assert_eq!(count("ip.addr == 10.0.0.1"), all - 2);
    assert_eq!(count("ip.addr == 10.0.0.0/24"), all - 2);
    assert_eq!(count("ip.src == 10.0.0.1") + count("ip.dst == 10.0.0.1"), all - 2);
    assert_eq!(count("tcp.port == 80"), all - 2);
    assert_eq!(count("tcp.port in {22, 79..81}"), all - 2);
    assert_eq!(count("tcp.seq == 0"), 2, "numbers are relative");
    assert_eq!(count("eth.dst == ff:ff:ff:ff:ff:ff"), 1);
    assert_eq!(count("frame.number == 1"), 1);
    assert_eq!(count("frame.number <= 3"), 3);
    assert_eq!(count("tcp.stream eq 0"), all - 2);
    assert_eq!(count("tcp.payload contains \"GET /\""), 1);
    assert_eq!(count("tcp.payload contains 47:45:54"), 1);
    assert_eq!(count("tcp.options.mss_val == 1460"), 2);
    assert_eq!(count("frame.interface_name == \"alice\"") + count("frame.interface_name == \"bob\""), all);
    assert!(count("tcp.len > 0") < count("tcp.len >= 0"));
    assert!(count("frame.time_relative > 0.001") > 0);
}

#[test]
fn unequal_means_that_no_value_is_equal() {
    assert_eq!(count("tcp.port != 80"), 0);
    assert_eq!(count("!(tcp.port == 80)"), 2, "what has no port passes too");
    assert_eq!(count("arp.opcode != 1"), 1);
}

#[test]
fn not_binds_most_then_and_then_or() {
    let all = packets().len();
    assert_eq!(count("arp or tcp and arp"), 2);
    assert_eq!(count("(arp or tcp) and arp"), 2);
    assert_eq!(count("not arp and tcp"), all - 2);
    assert_eq!(count("arp ^^ tcp"), all);
    assert_eq!(count("!!arp"), 2);
}

#[test]
fn an_error_says_where_and_what() {
    let error = |text: &str| {
        let error = Filter::parse(text).expect_err(text);
        (error.column, error.what)
    };
    assert_eq!(error("tcp.prot == 80"), (1, "There is no field tcp.prot; did you mean tcp.port?".into()));
    assert_eq!(error("tcp && tcp.port == x"), (20, "x is not a number, which tcp.port is.".into()));
    assert_eq!(error("ip.addr == 10.0.0"), (12, "10.0.0 is not an IPv4 address, which ip.addr is.".into()));
    assert_eq!(error("(tcp"), (1, "This ( is not closed.".into()));
    assert_eq!(error("tcp)"), (4, "This ) closes nothing.".into()));
    assert_eq!(error("tcp &&"), (7, "Something is missing here: the name of a field, such as tcp.port.".into()));
    assert_eq!(error("tcp udp"), (5, "Something is missing before this: &&, || or an operator.".into()));
    assert_eq!(error("tcp == 6"), (8, "tcp is there or not: it has no value to compare.".into()));
    assert_eq!(error("tcp.payload contains \"GET"), (22, "The string has no closing quote.".into()));
    assert_eq!(
        error("tcp.payload matches \"G.T\""),
        (13, "Regular expressions are not known here: use contains.".into())
    );
    assert_eq!(error("tcp.port contains 80").0, 10);
    assert_eq!(error("tcp.port in {80").1, "This { is not closed.");
    assert_eq!(error("tcp.port == 1..5").1, "A range stands in a set: in {1..5}.");
    assert_eq!(error("ärp").0, 1);
}

/// Any filter that makes sense, as text.
fn filters() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("tcp".to_owned()),
        Just("arp".to_owned()),
        (0u32..70_000).prop_map(|n| format!("tcp.port == {n}")),
        (0u32..3).prop_map(|n| format!("tcp.flags.syn == {}", n % 2)),
        (any::<[u8; 4]>(), 0u8..=32).prop_map(|([a, b, c, d], p)| format!("ip.addr != {a}.{b}.{c}.{d}/{p}")),
        (0u32..2000, 0u32..2000).prop_map(|(a, b)| format!("tcp.len in {{{a}, {a}..{b}}}")),
        (0u64..3_000_000_000).prop_map(|ns| format!(
            "frame.time_relative >= {}.{:09}",
            ns / 1_000_000_000,
            ns % 1_000_000_000
        )),
        "[a-zA-Z /.]{1,6}".prop_map(|s| format!("tcp.payload contains \"{s}\"")),
        (0u16..512, 0u16..512).prop_map(|(m, v)| format!("tcp.flags & {m:#x} <= {v}")),
        any::<[u8; 6]>().prop_map(|m| format!(
            "eth.addr == {:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}",
            m[0], m[1], m[2], m[3], m[4], m[5]
        )),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} or ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) ^^ ({b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

proptest! {
    #[test]
    fn a_filter_shown_reads_back_the_same(text in filters()) {
        let filter = Filter::parse(&text).expect("a filter");
        prop_assert_eq!(Filter::parse(&filter.to_string()).expect("its text"), filter);
    }

    #[test]
    fn logic_holds(a in filters(), b in filters()) {
        let all = packets().len();
        let (n, m) = (count(&a), count(&b));
        prop_assert_eq!(count(&format!("!({a})")), all - n);
        let (and, or) = (count(&format!("({a}) && ({b})")), count(&format!("({a}) || ({b})")));
        prop_assert_eq!(and + or, n + m);
        prop_assert_eq!(count(&format!("({a}) ^^ ({b})")), or - and);
        prop_assert_eq!(count(&format!("!(({a}) || ({b}))")), count(&format!("!({a}) && !({b})")));
    }

    #[test]
    fn whatever_is_typed_there_is_a_filter_or_a_place_in_the_text(text in ".{0,40}") {
        if let Err(error) = Filter::parse(&text) {
            prop_assert!((1..=text.chars().count() as u32 + 1).contains(&error.column));
            prop_assert!(!error.what.is_empty());
        }
    }

    #[test]
    fn whatever_words_are_typed_it_ends(words in prop::collection::vec(
        prop::sample::select(names().chain(["(", ")", "!", "&&", "or", "==", "in", "{", "}", "..", "&", "contains", "\"x\"", "1", "10.0.0.1"]).collect::<Vec<_>>()), 0..12)) {
        let _ = Filter::parse(&words.join(" "));
    }
}

#[test]
fn deep_nesting_is_refused() {
    let text = "(".repeat(10_000) + "tcp";
    assert!(Filter::parse(&text).expect_err("too deep").what.contains("nested"));
}
