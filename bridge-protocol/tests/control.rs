//! Control messages: their JSON, and what a wrong one is told.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use bridge_protocol::{
    BridgeControl, ClientControl, ControlError, Counters, DropReason, ErrorCode, ImpairCounters, Lease,
    MAX_CONTROL_BYTES, Mac, PortCounters, PortKind, TapInfo, Traffic, VERSION, Want,
};
use proptest::prelude::*;

const MAC: Mac = Mac([2, 0x53, 0x50, 0, 0, 2]);

fn bridge_messages() -> Vec<BridgeControl> {
    let up =
        TapInfo::Up { name: "sendpath0".into(), mtu: 1500, address: Ipv4Addr::new(10, 77, 0, 1), prefix: 24, mac: MAC };
    let off = TapInfo::Off {
        name: "sendpath0".into(),
        reason: "not permitted".into(),
        how_to_grant: vec!["sudo setcap …".into()],
    };
    let port = PortCounters {
        port: 3,
        kind: PortKind::Page,
        you: true,
        mac: Some(MAC),
        rx: Traffic { frames: 1, bytes: 60 },
        tx: Traffic { frames: u64::MAX, bytes: 0 },
        dropped: BTreeMap::from([(DropReason::QueueFull, 9), (DropReason::WrongSourceMac, 1)]),
    };
    vec![
        BridgeControl::Hello { version: VERSION, bridge: "native-bridge".into(), tap: up },
        BridgeControl::Tap { tap: off },
        BridgeControl::Lease(Lease {
            mac: MAC,
            address: Ipv4Addr::new(10, 77, 0, 2),
            prefix: 24,
            gateway: None,
            kernel_mac: Some(MAC),
            mtu: 1500,
        }),
        BridgeControl::Counters(Counters {
            ports: vec![port],
            impair: Some(ImpairCounters { lost: 1, ..ImpairCounters::default() }),
        }),
        BridgeControl::Error { code: ErrorCode::BadBatch, message: "cut".into() },
    ]
}

#[test]
fn every_message_reads_back_and_its_type_is_listed() {
    for (message, kind) in bridge_messages().into_iter().zip(BridgeControl::TYPES) {
        let text = message.encode();
        assert!(text.starts_with(&format!("{{\"type\":\"{kind}\"")), "{text}");
        assert_eq!(BridgeControl::decode(&text), Ok(message));
    }
    let client = [
        ClientControl::Hello { version: VERSION, client: "page".into(), want: vec![Want::Lease, Want::Counters] },
        ClientControl::RequestLease,
        ClientControl::RequestCounters,
    ];
    for (message, kind) in client.into_iter().zip(ClientControl::TYPES) {
        let text = message.encode();
        assert!(text.contains(&format!("\"type\":\"{kind}\"")), "{text}");
        assert_eq!(ClientControl::decode(&text), Ok(message));
    }
}

#[test]
fn the_json_is_what_the_documentation_shows() {
    let text = r#"{"type":"hello","client":"sendpath page","want":["lease","counters"]}"#;
    let expected =
        ClientControl::Hello { version: 1, client: "sendpath page".into(), want: vec![Want::Lease, Want::Counters] };
    assert_eq!(ClientControl::decode(text), Ok(expected));
    assert_eq!(
        bridge_messages()[2].encode(),
        r#"{"type":"lease","mac":"02:53:50:00:00:02","address":"10.77.0.2","prefix":24,"gateway":null,"kernel_mac":"02:53:50:00:00:02","mtu":1500}"#
    );
    assert!(
        bridge_messages()[0]
            .encode()
            .contains(r#""tap":{"state":"up","name":"sendpath0","mtu":1500,"address":"10.77.0.1""#)
    );
}

#[test]
fn every_drop_reason_has_its_json_name() {
    for reason in DropReason::ALL {
        assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{}\"", reason.name()));
        assert_eq!(DropReason::ALL[reason as usize], reason);
    }
}

#[test]
fn errors_say_what_was_expected() {
    let message = |text: &str| ClientControl::decode(text).unwrap_err().to_string();
    assert_eq!(
        message(r#"{"type":"helo"}"#),
        r#"unknown type "helo"; expected one of: hello, request_lease, request_counters"#
    );
    assert_eq!(
        message("[1]"),
        r#"expected a JSON object whose "type" is one of: hello, request_lease, request_counters"#
    );
    assert_eq!(message(r#"{"type":5}"#), message("{}"));
    assert_eq!(message(r#"{"type":"hello"}"#), r#"in a message of type "hello": missing field `client`"#);
    assert!(message(r#"{"type":"hello","client":"x","want":["all"]}"#).contains("expected `lease` or `counters`"));
    assert!(message("{").starts_with("not JSON: "));
    assert_eq!(
        ClientControl::decode(&" ".repeat(MAX_CONTROL_BYTES + 1)),
        Err(ControlError::TooLong(MAX_CONTROL_BYTES + 1))
    );
}

#[test]
fn deep_nesting_is_an_error_and_not_a_crash() {
    assert!(matches!(ClientControl::decode(&"[".repeat(MAX_CONTROL_BYTES)), Err(ControlError::NotJson(_))));
}

#[test]
fn an_error_code_of_a_later_version_is_still_an_error_message() {
    let message = BridgeControl::decode(r#"{"type":"error","code":"too_blue","message":"m"}"#);
    assert_eq!(message, Ok(BridgeControl::Error { code: ErrorCode::Unknown, message: "m".into() }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_text_never_panics(text in "[\\[\\]{}\":,a-z0-9\\\\ \u{e9}]{0,64}") {
        if let Err(error) = ClientControl::decode(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn random_fields_never_panic(key in "(client|want|version|type)", value in "(1|-1|null|\"x\"|\\[\\]|\\[1\\]|\\{\\}|1e99|true)") {
        for kind in BridgeControl::TYPES.iter().chain(ClientControl::TYPES) {
            let text = format!("{{\"type\":\"{kind}\",\"{key}\":{value}}}");
            let _ = ClientControl::decode(&text);
            let _ = BridgeControl::decode(&text);
        }
    }
}
