//! The rules by which packets are mapped and compared, on packets made by hand.

use super::ast::{Action, Body, Options, Packet};
use super::build::{Builder, Segment, Tuple, options_bytes};
use super::live::{Live, LiveBody};
use super::session::Session;
use super::{MAC, PEER_MAC, compare, parse, show};
use stack::wire::ethernet::MacAddr;
use std::net::Ipv4Addr;

/// The stack's initial sequence number in these tests, near the wrap.
const ISN: u32 = u32::MAX - 5;

fn packet(text: &str) -> Packet {
    let time = if text.starts_with('>') { "*" } else { "+0" };
    let script = parse("t.pkt", &format!("0 `true`\n{time} {text}"), &[]).unwrap_or_else(|e| panic!("{e:?}"));
    match script.events.into_iter().nth(1).map(|e| e.action) {
        Some(Action::Packet(packet)) => packet,
        other => panic!("{other:?}"),
    }
}

/// A connection that a script has begun: a listener's child whose SYN had the sequence number 123.
fn server() -> Session {
    let mut session = Session::new(&Options::default());
    session.socket(3, 1, 6);
    session.listen(3);
    let syn = packet("< S 123:123(0) win 1000 <mss 1000>");
    session.begin_packet(&syn).unwrap();
    map(&mut session, &syn);
    session
}

/// The live numbers of a packet to the stack.
fn map(session: &mut Session, packet: &Packet) -> super::session::Numbers {
    let Body::Tcp(tcp) = &packet.body else { panic!() };
    session.map_inbound(tcp, None).unwrap()
}

/// What the stack sends, written in live numbers but for its own initial sequence number.
fn sent(session: &Session, text: &str, change: impl FnOnce(&mut Segment)) -> Live {
    let Body::Tcp(tcp) = packet(text).body else { panic!() };
    let super::ast::TcpOptions::List(options) = tcp.options else { panic!() };
    let mut segment = Segment {
        seq: tcp.seq.wrapping_add(ISN),
        ack: tcp.ack,
        flags: tcp.flags,
        ace: tcp.ace,
        window: tcp.window.unwrap_or(77),
        urgent: tcp.urgent,
        options: options_bytes(&options),
        len: tcp.len.into(),
    };
    change(&mut segment);
    let tuple = session.inbound_tuple(None).unwrap().reversed();
    frame(tuple, 0, &segment)
}

fn frame(tuple: Tuple, tos: u8, segment: &Segment) -> Live {
    let builder = Builder { tuple, tos, ttl: Some(64), around: &[], macs: (MAC, PEER_MAC) };
    Live::parse(1000, &builder.tcp(segment).unwrap()).unwrap()
}

/// Compares a line with what the stack sent.
fn matches(session: &mut Session, line: &str, live: Live) -> Result<(), String> {
    matches_with(session, line, live, &Options::default())
}

fn matches_with(session: &mut Session, line: &str, mut live: Live, options: &Options) -> Result<(), String> {
    let line = packet(line);
    session.begin_packet(&line)?;
    assert!(session.takes(&live, &line));
    session.map_outbound(&mut live, &line);
    compare::packet(&line, &live, session, options).map_err(|m| format!("{} / {}", m.expected, m.got))
}

const SYN_ACK: &str = "> S. 0:0(0) ack 124 <mss 1460>";

/// A connection with the handshake behind it.
fn established() -> Session {
    let mut session = server();
    let live = sent(&session, SYN_ACK, |_| ());
    assert_eq!(matches(&mut session, SYN_ACK, live), Ok(()));
    map(&mut session, &packet("< . 1:1(0) ack 1 win 9"));
    session
}

#[test]
fn numbers_count_from_the_syn_except_the_other_side_s() {
    let mut session = server();
    // The other side's initial number stands as it is, on SYN packets, and so does what acknowledges it.
    let syn_ack = sent(&session, SYN_ACK, |_| ());
    assert_eq!(matches(&mut session, SYN_ACK, syn_ack), Ok(()));
    let numbers = map(&mut session, &packet("< . 1:11(10) ack 1 win 9"));
    assert_eq!((numbers.seq, numbers.ack, numbers.sack_offset), (124, ISN.wrapping_add(1), ISN));
    // Everything else is relative, across the wrap too.
    let data = sent(&session, "> P. 1:1001(1000) ack 134", |_| ());
    assert_eq!(matches(&mut session, "> P. 1:1001(1000) ack 11", data), Ok(()));
    let sack = sent(&session, "> . 1001:1001(0) ack 134 <nop,nop,sack 144:154>", |_| ());
    assert_eq!(matches(&mut session, "> . 1001:1001(0) ack 11 <nop,nop,sack 21:31>", sack), Ok(()));
}

#[test]
fn the_stack_s_own_syn_is_number_0() {
    let mut session = server();
    let syn_ack = sent(&session, SYN_ACK, |_| ());
    let wrong = matches(&mut session, "> S. 5:5(0) ack 124 <mss 1460>", syn_ack).unwrap_err();
    assert!(wrong.starts_with("sequence number 5 in"), "{wrong}");
}

#[test]
fn a_client_s_port_and_number_are_learned_from_its_syn() {
    let mut session = Session::new(&Options::default());
    session.socket(3, 1, 6);
    session.connect(3, Some((Ipv4Addr::new(192, 0, 2, 1), 8080)));
    let line = packet("> S 0:0(0) <mss 1460>");
    let tuple = Tuple { src: (Ipv4Addr::new(192, 168, 0, 1), 33_333), dst: (Ipv4Addr::new(192, 0, 2, 1), 8080) };
    let options = options_bytes(&[super::ast::TcpOption::Mss(1460)]);
    let syn = Segment { seq: ISN, ack: 0, flags: 2, ace: 0, window: 9, urgent: 0, options, len: 0 };
    let live = frame(tuple, 0, &syn);
    assert!(!session.takes(&live, &line), "the script has not come to the SYN yet");
    session.begin_packet(&line).unwrap();
    let mut other = live.clone();
    other.ip.dst = Ipv4Addr::new(192, 0, 2, 9);
    assert!(!session.takes(&other, &line));
    assert_eq!(matches(&mut session, "> S 0:0(0) <mss 1460>", live), Ok(()));
    assert_eq!(session.inbound_tuple(None).unwrap(), tuple.reversed());
    let numbers = map(&mut session, &packet("< S. 700:700(0) ack 1 win 9"));
    assert_eq!((numbers.seq, numbers.ack), (700, ISN.wrapping_add(1)));
    assert_eq!(map(&mut session, &packet("< . 1:1(0) ack 1 win 9")).seq, 701);
}

#[test]
fn each_syn_to_a_listener_comes_from_a_port_of_its_own() {
    let mut session = server();
    let first = session.inbound_tuple(None).unwrap();
    session.socket(5, 1, 6);
    session.listen(5);
    session.begin_packet(&packet("< S 0:0(0) win 9")).unwrap();
    assert_ne!(session.inbound_tuple(None).unwrap().src, first.src);
    assert_eq!(session.inbound_tuple(Some((1, 2))).unwrap().src.1, 1);
}

#[test]
fn a_difference_in_any_field_is_found() {
    let line = "> P. 1:11(10) ack 1 <nop,nop,TS val 5 ecr 6>";
    let try_with = |text: &str, change: fn(&mut Segment)| {
        let mut session = established();
        let live = sent(&session, "> P. 1:11(10) ack 124 <nop,nop,TS val 500 ecr 6>", change);
        matches(&mut session, text, live)
    };
    assert_eq!(try_with(line, |_| ()), Ok(()));
    type Change = (&'static str, fn(&mut Segment));
    let wrong: [Change; 10] = [
        ("flags", |s| s.flags ^= 8),
        ("flags", |s| s.flags |= 1),
        ("flags", |s| s.ace = 1),
        ("sequence number", |s| s.seq = s.seq.wrapping_add(1)),
        ("length", |s| s.len += 1),
        ("length", |s| s.len -= 1),
        ("ack", |s| s.ack += 1),
        ("urg", |s| s.urgent = 1),
        ("options", |s| s.options = vec![1, 1, 1, 1]),
        ("options", |s| s.options[0] = 0),
    ];
    for (field, change) in wrong {
        let text = try_with(line, change).expect_err(field);
        assert!(text.starts_with(field), "{field}: {text}");
    }
    // The window only where it is given; an echo never.
    assert_eq!(try_with(line, |s| s.window = 1), Ok(()));
    assert_eq!(try_with(line, |s| s.options[11] = 99), Ok(()));
    let windowed = line.replace("ack 1", "ack 1 win 77");
    assert_eq!(try_with(&windowed, |_| ()), Ok(()));
    assert!(try_with(&windowed, |s| s.window = 1).unwrap_err().starts_with("win 77"));
    // No options at all is a statement, <...> is none.
    assert!(try_with("> P. 1:11(10) ack 1", |_| ()).unwrap_err().starts_with("no options"));
    assert_eq!(try_with("> P. 1:11(10) ack 1 <...>", |_| ()), Ok(()));
}

#[test]
fn data_has_to_be_zero() {
    let mut session = established();
    let mut live = sent(&session, "> P. 1:11(10) ack 124", |_| ());
    let LiveBody::Tcp(tcp) = &mut live.body else { panic!() };
    tcp.payload[3] = 7;
    let wrong = matches(&mut session, "> P. 1:11(10) ack 1", live).unwrap_err();
    assert!(wrong.contains("0x07 at offset 3"), "{wrong}");
}

#[test]
fn the_ip_header_is_compared_as_far_as_it_is_given() {
    let with_tos = |line: &str, tos: u8| {
        let mut session = established();
        let mut live = sent(&session, "> . 1:1(0) ack 124", |_| ());
        live.ip.tos = tos;
        matches(&mut session, line, live)
    };
    assert_eq!(with_tos("> . 1:1(0) ack 1", 0xff), Ok(()));
    assert_eq!(with_tos("> [ect0] . 1:1(0) ack 1", 0x1e), Ok(()));
    assert!(with_tos("> [ect0] . 1:1(0) ack 1", 1).unwrap_err().starts_with("ect0 in"));
    assert!(with_tos("> [noecn] . 1:1(0) ack 1", 2).is_err() && with_tos("> [ce] . 1:1(0) ack 1", 2).is_err());
    assert_eq!(with_tos("> [ect01] . 1:1(0) ack 1", 1), Ok(()));
    assert!(with_tos("> [ect01] . 1:1(0) ack 1", 3).is_err());
    assert_eq!(with_tos("> [tos 0x1e] . 1:1(0) ack 1", 0x1e), Ok(()));
    assert!(with_tos("> [tos 0x1e] . 1:1(0) ack 1", 0x1c).is_err());
    assert_eq!(with_tos("> [ttl 64] . 1:1(0) ack 1", 0), Ok(()));
    assert!(with_tos("> [ttl 63] . 1:1(0) ack 1", 0).is_err());
}

#[test]
fn time_stamps_are_mapped_and_compared_by_their_tick() {
    let mut session = server();
    let options = Options { ts_tick_usecs: 1000, ..Options::default() };
    let line = |val: u32, live: u32, session: &mut Session, o: &Options| {
        let sent = sent(session, &format!("> . 1:1(0) ack 124 <nop,nop,TS val {live} ecr 0>"), |_| ());
        matches_with(session, &format!("> . 1:1(0) ack 1 <nop,nop,TS val {val} ecr 9>"), sent, o)
    };
    let syn_ack = sent(&session, "> S. 0:0(0) ack 124 <nop,nop,TS val 4000 ecr 0>", |_| ());
    let text = "> S. 0:0(0) ack 124 <nop,nop,TS val 100 ecr 7>";
    assert_eq!(matches_with(&mut session, text, syn_ack, &options), Ok(()));
    assert_eq!(line(110, 4013, &mut session, &options), Ok(()));
    let wrong = line(110, 4020, &mut session, &options).unwrap_err();
    assert!(wrong.starts_with("TS val 110") && wrong.contains("/ 120"), "{wrong}");
    assert_eq!(line(200, 9999, &mut session, &Options::default()), Ok(()));
    // What a script echoes is what was sent in its place.
    let Body::Tcp(ack) = packet("< . 1:1(0) ack 1 win 9").body else { panic!() };
    assert_eq!(session.map_inbound(&ack, Some(100)).unwrap().echo, Some(4000));
    assert_eq!(session.map_inbound(&ack, Some(200)).unwrap().echo, Some(9999));
    assert!(session.map_inbound(&ack, Some(150)).unwrap_err().contains("ecr 150"));
    let Body::Tcp(syn) = packet("< S 0:0(0) win 9").body else { panic!() };
    assert_eq!(session.map_inbound(&syn, Some(150)).unwrap().echo, Some(150), "without ACK it is no echo");
}

#[test]
fn an_echo_may_be_scaled_where_the_script_says_so() {
    let mut session = Session::new(&Options { ts_ecr_scaled: true, ..Options::default() });
    session.socket(3, 1, 6);
    session.timestamp(100, 4000);
    let Body::Tcp(ack) = packet("< . 1:1(0) ack 1 win 9").body else { panic!() };
    assert_eq!(session.map_inbound(&ack, Some(150)).unwrap().echo, Some(4050));
}

#[test]
fn consecutive_segments_of_one_length_make_a_long_one() {
    let session = established();
    let part = |seq: u32, len: u32, flags: &str| {
        sent(&session, &format!("> {flags} {seq}:{}({len}) ack 124", seq + len), |_| ())
    };
    let joins = |a: &Live, b: &Live, collected| compare::joins(a, b, collected, 2500);
    let (first, second) = (part(1, 1000, "."), part(1001, 1000, "."));
    assert_eq!(joins(&first, &second, 1000), Ok(()));
    assert_eq!(joins(&second, &part(2001, 500, "FP."), 2000), Ok(()));
    // Only the last may be shorter.
    assert!(joins(&first, &part(1001, 500, "."), 1000).is_err());
    assert!(joins(&first, &part(1002, 1000, "."), 1000).unwrap_err().contains("sequence number"));
    let mut other = part(1001, 1000, ".");
    let LiveBody::Tcp(tcp) = &mut other.body else { panic!() };
    tcp.ack += 1;
    assert!(joins(&first, &other, 1000).unwrap_err().contains("ack"));
    let LiveBody::Tcp(tcp) = &mut other.body else { panic!() };
    (tcp.ack, tcp.window) = (tcp.ack - 1, 3);
    assert!(joins(&first, &other, 1000).unwrap_err().contains("window"));

    let mut whole = part(1, 1000, "W.");
    whole.append(second);
    whole.append(Live { at_ns: 5000, ..part(2001, 500, "FP.") });
    let tcp = whole.tcp().unwrap();
    assert_eq!(
        (whole.at_ns, tcp.flags, tcp.ace, tcp.seq, tcp.payload.len()),
        (5000, 0x19, 2, ISN.wrapping_add(1), 2500)
    );
}

#[test]
fn packets_are_shown_in_the_language_of_scripts() {
    for text in [
        "> S. 0:0(0) ack 1 win 9 <mss 1460,nop,nop,sackOK,TS val 1 ecr 2,wscale 8,eol,nop,nop>",
        "< P5. 1:11(10) ack 1 win 9 urg 3",
        "> [ect0] FP. 1:11(10) ack 7 <nop,nop,sack 1:2 3:4>",
        "> R 1:1(0)",
        "> - 1:1(0) <...>",
        "< udp (20)",
    ] {
        assert_eq!(packet(&show::packet(&packet(text))), packet(text), "{text}");
    }
}

#[test]
fn the_scenario_of_a_script_has_its_addresses() {
    let script = parse("a/b.pkt", "--mtu=1400 0 close(3) = 0", &[]).unwrap();
    let scenario = super::scenario(script, Vec::new());
    assert_eq!((scenario.title.as_str(), scenario.hosts.len()), ("b.pkt", 1));
    let config = &scenario.hosts[0].config;
    assert_eq!(config.interfaces[0].address, Some((Ipv4Addr::new(192, 168, 0, 1), 16)));
    assert_eq!(config.interfaces[0].mtu, 1400);
    assert_eq!(config.gateway, Some(Ipv4Addr::new(192, 168, 0, 2)));
    assert!(config.neighbours.contains(&(Ipv4Addr::new(192, 168, 0, 2), MacAddr([2, 0, 0, 0, 0, 2]))));
}
