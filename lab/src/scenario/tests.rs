//! Good scenarios, and what is said about bad ones.

use super::*;
use crate::rng::Chance;
use stack::wire::ethernet::MacAddr;
use std::net::Ipv4Addr;

fn parse(text: &str) -> Result<Scenario, Problems> {
    Scenario::parse("test.toml", text, &mut |path| match path {
        "a.py" => Ok("print(1)\n".to_owned()),
        _ => Err("No such file or directory".to_owned()),
    })
}

/// The first line of each message, without the file's name, and the hint.
fn complaints(text: &str) -> Vec<String> {
    let problems = parse(text).err().map(|p| p.iter().cloned().collect::<Vec<_>>()).unwrap_or_default();
    problems.iter().map(|p| format!("{}:{}: {} [{}]", p.line, p.column, p.message, p.hint)).collect()
}

const TWO: &str =
    "[[host]]\nname = \"alice\"\naddress = \"10.0.0.1/24\"\n[[host]]\nname = \"bob\"\naddress = \"10.0.0.2/24\"\n";

#[test]
fn what_is_left_out_is_filled_in() {
    let s = parse(TWO).unwrap();
    assert_eq!((s.title.as_str(), s.seed, s.until), ("Untitled", 0, Duration::from_secs(300)));
    let alice = &s.hosts[0].config;
    assert_eq!(alice.interfaces[0].name, "eth0");
    assert_eq!(alice.interfaces[0].mac, MacAddr([2, 0, 0, 0, 0, 1]));
    assert_eq!((alice.interfaces[0].mtu, alice.interfaces[0].fcs), (1500, true));
    assert_ne!(alice.seed, s.hosts[1].config.seed);
    let ends = [0, 1].map(|host| End::Host { host, interface: IfIndex(2) });
    assert_eq!(s.wires, [WireSpec { ends, there: Line::default(), back: Line::default() }]);
}

#[test]
fn all_that_can_be_said_is_understood() {
    let text = r#"
title = "all"
seed = 9
until = "2s"
[[host]]
name = "alice"
address = "10.0.0.1/24"
mac = "02:00:00:00:00:aa"
mtu = 1400
gateway = "10.0.0.254"
routes = [{ to = "172.16.0.0/12", via = "10.0.0.253" }]
neighbours = { "10.0.0.9" = "02:00:00:00:00:09" }
sysctl = { "net.ipv4.tcp_sack" = 0, "net.ipv4.tcp_rmem" = "4096 131072 6291456" }
[[host]]
name = "r"
forward = true
[[host.interface]]
address = "10.0.0.254/24"
[[host.interface]]
name = "wan"
address = "10.1.0.254/24"
[[host]]
name = "bob"
address = "10.1.0.1/24"
neighbours = ["r"]
[[switch]]
name = "sw"
connects = ["alice", "r:eth0"]
delay = "5us"
[[wire]]
between = ["r:wan", "bob"]
rate = ["10Mbit", "1Mbit"]
delay = "1.5ms"
loss = [2, "0.5%"]
reorder = 0.25
[[program]]
host = "alice"
python = "a.py"
args = ["x"]
start = "3ms"
[[program]]
host = "bob"
name = "web"
builtin = "httpd --port 8080"
"#;
    let s = parse(text).unwrap();
    assert_eq!((s.title.as_str(), s.seed, s.until), ("all", 9, Duration::from_secs(2)));
    let alice = &s.hosts[0].config;
    assert_eq!(alice.interfaces[0].mtu, 1400);
    assert_eq!(alice.routes, [(Ipv4Addr::new(172, 16, 0, 0), 12, Ipv4Addr::new(10, 0, 0, 253))]);
    assert_eq!(alice.neighbours, [(Ipv4Addr::new(10, 0, 0, 9), MacAddr([2, 0, 0, 0, 0, 9]))]);
    let sysctl = [("net.ipv4.tcp_rmem", "4096 131072 6291456"), ("net.ipv4.tcp_sack", "0")];
    assert_eq!(s.hosts[0].sysctl, sysctl.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(s.hosts[1].config.interfaces[1].name, "wan");
    assert_eq!(s.hosts[2].config.neighbours, [(Ipv4Addr::new(10, 1, 0, 254), MacAddr([2, 0, 0, 0, 1, 2]))]);
    assert_eq!(s.switches, [SwitchSpec { name: "sw".to_owned(), ports: 2 }]);
    let wan = &s.wires[0];
    assert_eq!(wan.ends, [End::Host { host: 1, interface: IfIndex(3) }, End::Host { host: 2, interface: IfIndex(2) }]);
    assert_eq!((wan.there.rate_bps, wan.back.rate_bps), (10_000_000, 1_000_000));
    assert_eq!((wan.there.loss, wan.back.loss, wan.back.reorder), (Chance(20_000), Chance(5_000), Chance(2_500)));
    assert_eq!(s.wires[1].ends[1], End::Switch { switch: 0, port: 0 });
    assert_eq!(s.wires[2].ends[1], End::Switch { switch: 0, port: 1 });
    assert_eq!((s.programs[0].name.as_str(), s.programs[0].start), ("a.py", Duration::from_millis(3)));
    assert_eq!(s.programs[0].code, Code::Python("print(1)\n".to_owned()));
    assert_eq!((s.programs[1].name.as_str(), s.programs[1].args.join(" ").as_str()), ("web", "--port 8080"));
}

#[test]
fn messages_look_like_a_compilers() {
    let text = "[[host]]\nname = \"alice\"\n\tadress = \"10.0.0.1/24\"\n";
    let expected = "\
test.toml:1:1: alice has no interface
 1 | [[host]]
   | ^^^^^^^^ expected address = \"192.168.1.1/24\" or [[host.interface]]

test.toml:3:2: unknown key \"adress\" in [[host]]
 3 | \tadress = \"10.0.0.1/24\"
   | \t^^^^^^ did you mean \"address\"?
";
    assert_eq!(parse(text).unwrap_err().to_string(), expected);
}

#[test]
fn what_is_no_toml_is_said_with_its_place() {
    for (text, place) in [("title = ", "1:9"), ("[[host]\n", "1:8"), ("a = 1\na = 2\n", "2:1"), ("x = \"\u{e9}", "1:7")]
    {
        let all = complaints(text);
        assert!(!all.is_empty() && all.iter().any(|c| c.starts_with(place)), "{text:?}: {all:?}");
    }
}

#[test]
fn wrong_values_are_named_with_what_was_expected() {
    let with = |more: &str| complaints(&format!("{TWO}{more}"));
    let duration = units::DURATION;
    for (text, expected) in [
        ("seed = \"x\"\n", "1:8: seed must be an integer, not a string [expected an integer, 0 or more]".to_owned()),
        ("seed = -1\n", "1:8: seed is out of range [expected an integer, 0 or more]".to_owned()),
        ("until = \"5\"\n", format!("1:9: bad until \"5\" [{duration}]")),
        ("until = 5\n", format!("1:9: until must be a string, not an integer [{duration}]")),
        ("title = 5\n", "1:9: title must be a string, not an integer []".to_owned()),
        ("hosts = []\n", "1:1: unknown key \"hosts\" in the scenario [did you mean \"host\"?]".to_owned()),
        ("colour = 1\n", "1:1: unknown key \"colour\" in the scenario [expected one of: title, seed, until, host, switch, wire, program]".to_owned()),
        ("host = 1\n", "1:8: host must be an array of tables [expected [[host]]]".to_owned()),
    ] {
        let all = complaints(&if text.starts_with("host =") { text.to_owned() } else { format!("{text}{TWO}") });
        assert!(all.contains(&expected), "{text:?}: {all:#?}");
    }
    for (text, expected) in [
        ("mtu = 40\n", "7:7: mtu is out of range [expected an integer from 68 to 9000]"),
        ("forward = 1\n", "7:11: forward must be a boolean, not an integer [expected true or false]"),
        (
            "mac = \"01:00:00:00:00:01\"\n",
            "7:7: 01:00:00:00:00:01 cannot be a card's address [expected an even first byte, as in 02:…]",
        ),
        (
            "mac = \"02:00:00:00:00:01\"\n",
            "7:7: 02:00:00:00:00:01 is the hardware address of alice too [expected a hardware address of its own for each interface]",
        ),
        ("mac = \"2:0\"\n", "7:7: bad mac \"2:0\" [expected six bytes in hexadecimal, as in \"02:00:00:00:00:01\"]"),
        (
            "gateway = \"10.9.0.1\"\n",
            "7:11: bob cannot reach the gateway 10.9.0.1 [expected a neighbour of 10.0.0.2/24]",
        ),
        ("gateway = \"10.0.0\"\n", "7:11: bad gateway \"10.0.0\" [expected an IPv4 address, as in \"192.168.1.1\"]"),
        (
            "routes = [{ to = \"10.9.0.0/16\" }]\n",
            "7:11: a route without \"via\" [expected { to = \"10.0.0.0/8\", via = \"192.168.1.254\" }]",
        ),
        ("neighbours = [\"alcie\"]\n", "7:15: no host is called \"alcie\" [did you mean \"alice\"?]"),
        (
            "neighbours = 3\n",
            "7:14: neighbours must be an array or a table, not an integer [expected [\"bob\"] or { \"192.168.1.100\" = \"02:00:00:00:00:02\" }]",
        ),
        (
            "sysctl = { \"net.ipv4.tcp_sak\" = 0 }\n",
            "7:12: no kernel variable is called \"net.ipv4.tcp_sak\" [did you mean \"net.ipv4.tcp_sack\"?]",
        ),
        ("sysctl = { \"net.ipv4.tcp_sack\" = 700 }\n", "7:34: net.ipv4.tcp_sack cannot be 700 []"),
        ("[[wire]]\nbetween = [\"alice\"]\n", "7:1: a wire has two ends [expected between = [\"alice\", \"bob\"]]"),
        (
            "[[wire]]\nbetween = [\"alice\", \"alice\"]\n",
            "7:1: a wire from \"alice\" to itself [expected two different ends]",
        ),
        (
            "[[wire]]\nbetween = [\"alice\", \"bop\"]\n",
            "8:21: no host or switch is called \"bop\" [did you mean \"bob\"?]",
        ),
        (
            "[[wire]]\nbetween = [\"alice\", \"bob:eth7\"]\n",
            "8:21: bob has no interface \"eth7\" [expected one of: eth0]",
        ),
        (
            "[[wire]]\nbetween = [\"alice\", \"bob\"]\nrate = \"fast\"\n",
            "9:8: bad rate [expected bits a second with the unit, as in \"64kbit\", \"100Mbit\" or \"1Gbit\"]",
        ),
        (
            "[[wire]]\nbetween = [\"alice\", \"bob\"]\nloss = 101\n",
            "9:8: bad loss [expected per cent from 0 to 100, as in 2, 0.5 or \"2%\"]",
        ),
        (
            "[[wire]]\nbetween = [\"alice\", \"bob\"]\nloss = [1, 2, 3]\n",
            "9:8: loss has one value for both directions, or two [expected [there, back]]",
        ),
        (
            "[[wire]]\nbetween = [\"alice\", \"bob\"]\n[[wire]]\nbetween = [\"bob\", \"alice\"]\n",
            "10:12: the card of \"bob\" has a wire already (\"bob\") [expected one wire a card: add an interface or a switch]",
        ),
        (
            "[[program]]\nhost = \"bob\"\n",
            "7:1: a program without code [expected one of: python = \"file.py\", source = \"\"\"…\"\"\", builtin = \"httpd\"]",
        ),
        ("[[program]]\nbuiltin = \"httpd\"\n", "7:1: a program without a host [expected host = \"…\"]"),
        (
            "[[program]]\nhost = \"bob\"\nbuiltin = \"htpd\"\n",
            "9:11: no built-in program is called \"htpd\" [did you mean \"httpd\"?]",
        ),
        (
            "[[program]]\nhost = \"bob\"\npython = \"b.py\"\n",
            "9:10: cannot read \"b.py\": No such file or directory []",
        ),
        (
            "[[program]]\nhost = \"bob\"\npython = \"a.py\"\nstart = \"soon\"\n",
            "10:9: bad start \"soon\" [expected a time with its unit, as in \"100us\", \"1.5ms\" or \"2s\"]",
        ),
        ("[[switch]]\nname = \"bob\"\n", "8:8: a second \"bob\" [expected a name of its own for each host and switch]"),
        (
            "[[host]]\nname = \"a b\"\naddress = \"10.0.0.3/24\"\n",
            "8:8: bad name \"a b\" [expected letters, digits and hyphens]",
        ),
        ("[[host]]\naddress = \"10.0.0.3/24\"\n", "7:1: a host without a name [expected name = \"…\"]"),
    ] {
        let all = with(text);
        assert!(all.contains(&expected.to_owned()), "{text:?} said {all:#?}");
    }
}

#[test]
fn addresses_must_make_sense() {
    for (address, hint) in [
        ("10.0.0.0/24", "this is the address of the network itself"),
        ("10.0.0.255/24", "this is the network's broadcast address"),
        ("127.0.0.2/8", "expected an address outside 0.0.0.0/8 and 127.0.0.0/8"),
        ("224.0.0.1/24", "expected an address of one host, not of a group"),
        ("10.0.0.1/33", "expected an IPv4 address with its prefix length, as in \"192.168.1.1/24\""),
        ("10.0.0.1", "expected an IPv4 address with its prefix length, as in \"192.168.1.1/24\""),
    ] {
        let all = complaints(&format!("[[host]]\nname = \"a\"\naddress = \"{address}\"\n"));
        assert!(all.iter().any(|c| c.starts_with("3:11: ") && c.contains(hint)), "{address}: {all:?}");
    }
    let same = TWO.replace("10.0.0.2", "10.0.0.1");
    assert_eq!(
        complaints(&same),
        ["6:11: 10.0.0.1 is the address of alice too [expected an address of its own for each interface]"]
    );
    let overlap = "[[host]]\nname = \"a\"\n[[host.interface]]\naddress = \"10.0.0.1/24\"\n[[host.interface]]\naddress = \"10.0.0.9/16\"\n";
    assert_eq!(
        complaints(overlap),
        ["6:11: 10.0.0.9/16 overlaps 10.0.0.1/24 of the same host [expected a network of its own for each interface]"]
    );
    assert!(parse("[[host]]\nname = \"a\"\naddress = \"10.0.0.0/31\"\n").is_ok());
}

#[test]
fn one_look_finds_all_mistakes() {
    let text = "tittle = 1\n[[host]]\nname = \"a\"\naddress = \"10.0.0.1\"\nmtu = 1\n[[program]]\nhost = \"b\"\nbuiltin = \"curl\"\n";
    let lines: Vec<String> =
        complaints(text).iter().map(|c| c.split(':').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(lines, ["1", "2", "4", "5", "7"]);
}

#[test]
fn an_empty_file_wants_a_host() {
    assert_eq!(complaints(""), ["1:1: no host [expected at least one [[host]] with a name and an address]"]);
}
