//! Requests that the bridge refuses, and what it says; and the page with its headers.

mod common;

use common::{Client, TOKEN, bridge, http, upgrade};
use tokio_tungstenite::tungstenite::Error;

#[tokio::test]
async fn wrong_host_origin_token_and_protocol_each_get_their_status_and_a_sentence() {
    let bridge = bridge(8);
    let host = bridge.address().to_string();
    let port = bridge.address().port();
    let good = format!("?token={TOKEN}");
    let origin = |origin: &str| format!("Origin: {origin}\r\n");
    for (request, status, sentence) in [
        (upgrade(&host, &good, ""), "101", ""),
        (upgrade(&host, &good, &origin(&format!("http://{host}"))), "101", ""),
        (upgrade("evil.example", &good, ""), "421", "does not answer for host \"evil.example\""),
        (upgrade(&format!("evil.example:{port}"), &good, ""), "421", "expected 127.0.0.1:"),
        (upgrade(&host, &good, "Host: evil.example\r\n"), "400", ""),
        (upgrade(&host, &good, &origin("https://evil.example")), "403", "\"https://evil.example\" may not talk"),
        (upgrade(&host, &good, &origin("null")), "403", "expected \"http://127.0.0.1:"),
        (upgrade(&host, &good, &origin(&format!("http://localhost:{port}"))), "403", ""),
        (upgrade(&host, "", ""), "401", "token missing"),
        (upgrade(&host, "?token=wrong-token", ""), "401", "wrong token"),
        (upgrade(&host, &good, "Sec-WebSocket-Protocol: mqtt\r\n"), "400", "expected \"sendpath.v1\""),
        (format!("GET /ws{good} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), "426", "the token is right"),
        (format!("GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), "401", "token missing"),
        (
            format!("POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
            "405",
            "only GET",
        ),
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n".into(), "400", ""),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".into(), "421", ""),
        (format!("GET http://evil.example/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), "421", ""),
        (format!("GET /none HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), "404", "no such file"),
        (format!("GET /../x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), "400", ""),
    ] {
        let answer = if status == "101" {
            // An open WebSocket does not end; close it from this side after the head.
            first_line(bridge.address(), &request).await
        } else {
            let request = if request.contains("Upgrade") {
                request.replace("Connection: Upgrade", "Connection: Upgrade, close")
            } else {
                request.clone()
            };
            http(bridge.address(), &request).await
        };
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}\n{answer}");
        assert!(answer.contains(sentence), "{request}\n{answer}");
    }
    bridge.stop().await;
}

async fn first_line(address: std::net::SocketAddr, request: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    String::from_utf8_lossy(&head).into_owned()
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let bridge = bridge(8);
    let host = bridge.address().to_string();
    for (path, host) in [("/", host.as_str()), ("/none", &host), ("/", "evil.example")] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = http(bridge.address(), &request).await;
        for header in [
            "script-src 'self' 'wasm-unsafe-eval'",
            "connect-src 'self'",
            "x-content-type-options: nosniff",
            "cache-control: no-cache",
        ] {
            assert!(answer.contains(header), "{header}: {answer}");
        }
    }
    bridge.stop().await;
}

#[tokio::test]
async fn one_client_too_many_is_told_so() {
    let bridge = bridge(1);
    let first = Client::raw(bridge.address()).await;
    match Client::connect(bridge.address(), None).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 503),
        other => panic!("expected 503, got {:?}", other.err()),
    }
    drop(first);
    let mut tries = 0;
    while Client::connect(bridge.address(), None).await.is_err() {
        tries += 1;
        assert!(tries < 100, "the slot of a closed client is free again");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    bridge.stop().await;
}
