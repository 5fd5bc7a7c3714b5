//! The command itself: what it prints, how it ends, and what it says when it cannot start.

mod common;

use std::process::{Command, Stdio};

use common::http;
use common::process::{BRIDGE, Bridge, Namespace, output_of, run};
use nix::sys::signal::Signal;

fn fails(arguments: &[&str]) -> (Option<i32>, String) {
    let child = Command::new(BRIDGE).args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    output_of(child.unwrap())
}

#[tokio::test]
async fn it_prints_its_url_serves_and_ends_with_code_0_on_either_signal() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let bridge = Bridge::start(&[BRIDGE], &["--no-tap"]);
        assert!(bridge.banner.contains("/#token=test-token"), "{}", bridge.banner);
        assert!(bridge.banner.contains("off: the bridge was started with --no-tap"), "{}", bridge.banner);
        let request = format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", bridge.address);
        let answer = http(bridge.address, &request).await;
        assert!(answer.contains("content-type: text/html"), "{answer}");
        let client = common::Client::page(bridge.address).await;
        assert_eq!(bridge.end(signal).code(), Some(0));
        drop(client);
    }
}

#[test]
fn a_port_in_use_is_named_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, text) = fails(&["--no-tap", "--port", &port]);
    assert_eq!(code, Some(1));
    assert!(text.contains(&format!("port {port}")) && text.contains("--port"), "{text}");
}

#[test]
fn other_machines_are_let_in_on_purpose_only() {
    let (code, text) = fails(&["--no-tap", "--port", "0", "--listen", "0.0.0.0"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("--allow-remote"), "{text}");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let (code, text) = fails(&["--no-tap", "--port", "0", "--dist", "/no/such/folder"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("/no/such/folder"), "{text}");
}

#[test]
fn help_shows_examples_and_how_to_grant() {
    let (ok, text) = run(&[BRIDGE, "--help"]);
    assert!(ok);
    for words in ["--no-tap", "Examples:", "setcap cap_net_admin+ep", "ping 10.77.0.2", "loss=2%", "[default: 7777]"] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[tokio::test]
async fn without_the_right_to_a_tap_device_it_serves_and_says_how_to_grant_it() {
    // In a namespace, so that no device of the machine is in question; and as nobody.
    let Some(namespace) = Namespace::new() else {
        return;
    };
    let bridge = Bridge::start(&namespace.as_nobody(BRIDGE), &[]);
    for words in [
        "off: this user may not create the TAP device sendpath0",
        "sudo setcap cap_net_admin+ep /",
        "sudo ip tuntap add dev sendpath0 mode tap user $USER && sudo ip addr add 10.77.0.1/24 dev sendpath0",
    ] {
        assert!(bridge.banner.contains(words), "{words}: {}", bridge.banner);
    }
    let address = bridge.address;
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let (answer, hello) = namespace.block_on(async move {
        let mut client = common::Client::connect(address, Some("sendpath.v1")).await.unwrap();
        (http(address, &request).await, client.control().await)
    });
    assert!(answer.contains("content-type: text/html"), "{answer}");
    assert!(format!("{hello:?}").contains("CAP_NET_ADMIN is missing"), "{hello:?}");
    assert_eq!(bridge.end(Signal::SIGTERM).code(), Some(0));
}
