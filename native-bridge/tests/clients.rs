//! Clients of both dialects on one switch, and clients that misbehave.

mod common;

use std::time::{Duration, Instant};

use bridge_protocol::{BridgeControl, ClientControl, DropReason, ErrorCode, Mac, PortKind, TapInfo, Want};
use common::{Client, PATIENCE, bridge, frame, mac};
use futures_util::{SinkExt, StreamExt};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn the_first_message_says_who_the_bridge_is_and_why_live_mode_is_off() {
    let bridge = bridge(8);
    let mut client = Client::connect(bridge.address(), Some("sendpath.v1")).await.unwrap();
    let BridgeControl::Hello { version, tap, .. } = client.control().await else {
        panic!("expected hello");
    };
    let off = TapInfo::Off { name: "sendpath0".into(), reason: "this is a test".into(), how_to_grant: vec![] };
    assert_eq!((version, tap), (1, off));
    bridge.stop().await;
}

#[tokio::test]
async fn raw_and_batched_clients_exchange_frames() {
    let bridge = bridge(8);
    let (mut page, lease) = Client::leased(bridge.address(), &[]).await;
    let (mut other, other_lease) = Client::leased(bridge.address(), &[]).await;
    let mut raw = Client::raw(bridge.address()).await;
    assert_ne!(lease, other_lease);

    let shout = frame(Mac::BROADCAST, mac(9), b"anyone there?");
    raw.binary(shout.clone()).await;
    assert_eq!(page.frame().await, shout);
    assert_eq!(other.frame().await, shout);

    let answers: Vec<Vec<u8>> = (0..100).map(|n| frame(mac(9), lease.mac, &[n])).collect();
    page.batch(&answers).await;
    for answer in &answers {
        assert_eq!(&raw.raw_frame().await, answer);
    }

    let hello = frame(other_lease.mac, lease.mac, b"page to page");
    page.batch(std::slice::from_ref(&hello)).await;
    assert_eq!(other.frame().await, hello);
    bridge.stop().await;
}

#[tokio::test]
async fn a_lease_is_free_again_when_its_socket_closes() {
    let bridge = bridge(8);
    let (mut first, lease) = Client::leased(bridge.address(), &[]).await;
    first.socket.close(None).await.unwrap();
    while timeout(PATIENCE, first.socket.next()).await.unwrap().is_some() {}
    while !bridge.counters().ports.is_empty() {
        sleep(Duration::from_millis(5)).await;
    }
    let (_second, again) = Client::leased(bridge.address(), &[]).await;
    assert_eq!(again, lease);
    bridge.stop().await;
}

#[tokio::test]
async fn wrong_messages_are_answered_counted_and_do_not_end_the_connection() {
    let bridge = bridge(8);
    let (mut page, lease) = Client::leased(bridge.address(), &[]).await;
    let mut raw = Client::raw(bridge.address()).await;
    raw.binary(frame(Mac::BROADCAST, mac(9), &[])).await;
    page.frame().await;

    for (text, expected) in [
        ("{\"type\":\"reboot\"}", "unknown type \"reboot\""),
        ("garbage", "not JSON"),
        ("{\"type\":\"hello\"}", "missing field `client`"),
    ] {
        page.text(text).await;
        expect_error(&mut page, ErrorCode::BadControl, expected).await;
    }
    let good = frame(mac(9), lease.mac, b"still here");
    let mut cut = Vec::new();
    for frame in [&good, &good] {
        cut.extend((frame.len() as u16).to_be_bytes());
        cut.extend([0; 8]);
        cut.extend(frame);
    }
    cut.pop();
    page.binary(cut).await;
    expect_error(&mut page, ErrorCode::BadBatch, "expected 24 bytes, found 23").await;
    assert_eq!(raw.raw_frame().await, good, "the whole record before the cut one was taken");

    page.binary(vec![0, 13]).await;
    expect_error(&mut page, ErrorCode::BadBatch, "batch ends in the header").await;
    page.binary(vec![0; 100_000]).await;
    expect_error(&mut page, ErrorCode::BadBatch, "a batch of 100000 bytes").await;

    raw.binary(vec![1; 13]).await;
    raw.binary(vec![2; 65_550]).await;
    raw.text("hello?").await;
    raw.binary(frame(lease.mac, mac(9), b"raw still here")).await;
    assert_eq!(page.frame().await[14..], *b"raw still here");

    let dropped = |kind| {
        let counters = bridge.counters();
        counters.ports.iter().find(|port| port.kind == kind).unwrap().dropped.clone()
    };
    assert_eq!(
        dropped(PortKind::Page).into_iter().collect::<Vec<_>>(),
        [(DropReason::BadBatch, 3), (DropReason::BadControl, 3)]
    );
    let raw_drops = [(DropReason::TooShort, 1), (DropReason::TooLong, 1), (DropReason::BadControl, 1)];
    assert_eq!(dropped(PortKind::Raw).into_iter().collect::<Vec<_>>(), raw_drops);
    bridge.stop().await;
}

async fn expect_error(client: &mut Client, expected: ErrorCode, words: &str) {
    match client.control().await {
        BridgeControl::Error { code, message } => {
            assert_eq!(code, expected);
            assert!(message.contains(words), "{message}");
        }
        other => panic!("expected an error, got {other:?}"),
    }
}

#[tokio::test]
async fn a_page_that_sends_before_it_has_a_lease_is_told_once() {
    let bridge = bridge(8);
    let mut page = Client::page(bridge.address()).await;
    page.batch(&[frame(Mac::BROADCAST, mac(1), &[])]).await;
    page.batch(&[frame(Mac::BROADCAST, mac(1), &[])]).await;
    expect_error(&mut page, ErrorCode::NoLease, "request_lease").await;
    page.say(&ClientControl::RequestLease).await;
    assert!(matches!(page.control().await, BridgeControl::Lease(_)));
    assert_eq!(bridge.counters().ports[0].dropped[&DropReason::NoLease], 2);
    bridge.stop().await;
}

#[tokio::test]
async fn counters_come_when_they_changed_and_at_most_once_a_second() {
    let bridge = bridge(8);
    let (mut page, lease) = Client::leased(bridge.address(), &[Want::Counters]).await;
    let start = Instant::now();
    let mut reports = 0;
    while reports < 2 {
        page.batch(&[frame(mac(7), lease.mac, &[]), frame(mac(7), mac(8), &[])]).await;
        if let Ok(Some(Ok(Message::Text(text)))) = timeout(Duration::from_millis(50), page.socket.next()).await {
            let BridgeControl::Counters(counters) = BridgeControl::decode(&text).unwrap() else {
                panic!("expected counters");
            };
            let port = &counters.ports[0];
            assert!(port.you && port.mac == Some(lease.mac));
            assert_eq!(port.dropped[&DropReason::WrongSourceMac] * 2, port.rx.frames);
            reports += 1;
        }
    }
    assert!(start.elapsed() >= Duration::from_millis(1900));
    page.say(&ClientControl::RequestCounters).await;
    assert!(matches!(page.control().await, BridgeControl::Counters(_)));
    bridge.stop().await;
}

#[tokio::test]
async fn a_message_of_more_than_128_kib_ends_the_connection() {
    let bridge = bridge(8);
    let mut raw = Client::raw(bridge.address()).await;
    let _ = raw.socket.send(Message::binary(vec![0; 200_000])).await;
    let mut closed = false;
    while let Ok(Some(message)) = timeout(PATIENCE, raw.socket.next()).await {
        closed |= matches!(message, Ok(Message::Close(_)) | Err(_));
    }
    assert!(closed);
    bridge.stop().await;
}

/// A flood towards a client that reads nothing, while two others talk.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_flood_at_a_client_that_does_not_read_stays_bounded_and_starves_nobody() {
    let bridge = bridge(8);
    let (_sleeper, sleeping) = Client::leased(bridge.address(), &[]).await;
    let (mut a, a_lease) = Client::leased(bridge.address(), &[]).await;
    let (mut b, b_lease) = Client::leased(bridge.address(), &[]).await;
    let mut flooder = Client::raw(bridge.address()).await;
    let before = resident_bytes();
    let flood = tokio::spawn(async move {
        let payload = vec![0; 1500];
        let to_sleeper = frame(sleeping.mac, mac(66), &payload);
        let to_all = frame(Mac::BROADCAST, mac(66), &payload);
        for n in 0..60_000 {
            let frame = if n % 4 == 0 { &to_all } else { &to_sleeper };
            if flooder.socket.feed(Message::binary(frame.clone())).await.is_err() {
                break;
            }
        }
        flooder.socket.flush().await.unwrap();
        flooder
    });
    let start = Instant::now();
    let mut rounds = 0;
    let mut slowest = Duration::ZERO;
    while !flood.is_finished() || rounds < 50 {
        let asked = Instant::now();
        a.batch(&[frame(b_lease.mac, a_lease.mac, b"ping")]).await;
        while b.frame().await[14..] != *b"ping" {}
        b.batch(&[frame(a_lease.mac, b_lease.mac, b"pong")]).await;
        while a.frame().await[14..] != *b"pong" {}
        slowest = slowest.max(asked.elapsed());
        rounds += 1;
    }
    let grown = resident_bytes().saturating_sub(before);
    let _flooder = flood.await.unwrap();
    let counters = bridge.counters();
    let sleeper = &counters.ports[0];
    let full = sleeper.dropped[&DropReason::QueueFull];
    println!(
        "{rounds} round trips in {:?}, slowest {slowest:?}; {full} frames dropped at the sleeper; memory grew by {} KiB",
        start.elapsed(),
        grown / 1024
    );
    assert!(full > 40_000, "most of the flood had nowhere to go: {full}");
    assert!(slowest < Duration::from_secs(2), "a round trip took {slowest:?}");
    assert!(grown < 64 << 20, "memory grew by {grown} bytes, the client's buffers included");
    bridge.stop().await;
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test]
async fn stopping_says_goodbye_to_every_client() {
    let bridge = bridge(8);
    let mut page = Client::page(bridge.address()).await;
    let mut raw = Client::raw(bridge.address()).await;
    let stop = tokio::spawn(bridge.stop());
    for client in [&mut page, &mut raw] {
        match client.message().await {
            Message::Close(Some(close)) => assert_eq!(u16::from(close.code), 1001),
            other => panic!("expected a close, got {other:?}"),
        }
    }
    timeout(PATIENCE, stop).await.unwrap().unwrap();
}
