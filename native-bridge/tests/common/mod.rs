//! What the tests over loopback share: a bridge in this process, plain HTTP requests, and a WebSocket client.

#![allow(dead_code, missing_docs)]

pub mod process;

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use bridge_protocol::{BatchBuilder, BridgeControl, ClientControl, Lease, Mac, Records, SUB_PROTOCOL, Want};
use futures_util::{SinkExt, StreamExt};
use native_bridge::tap::TapOff;
use native_bridge::{Config, Page, Running, Subnet};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

pub const TOKEN: &str = "test-token";
pub const PATIENCE: Duration = Duration::from_secs(10);

pub fn bridge(max_clients: u32) -> Running {
    let off = TapOff { reason: "this is a test".into(), how_to_grant: vec![] };
    native_bridge::start(Config {
        listener: TcpListener::bind("127.0.0.1:0").unwrap(),
        token: TOKEN.parse().unwrap(),
        page: Page::Embedded,
        tap: Err(off),
        tap_name: "sendpath0".into(),
        subnet: Subnet::DEFAULT,
        impair: None,
        max_clients,
    })
    .unwrap()
}

/// Sends a request as it stands and returns the whole answer.
pub async fn http(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// The head of a WebSocket upgrade with the given Host, query and further lines.
pub fn upgrade(host: &str, query: &str, more: &str) -> String {
    format!(
        "GET /ws{query} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
}

pub struct Client {
    pub socket: WebSocketStream<TcpStream>,
    /// Frames of a batch that are not yet taken.
    frames: std::collections::VecDeque<Vec<u8>>,
}

impl Client {
    pub async fn raw(address: SocketAddr) -> Client {
        Client::connect(address, None).await.unwrap()
    }

    /// A `sendpath.v1` client that has read the bridge's `hello`.
    pub async fn page(address: SocketAddr) -> Client {
        let mut client = Client::connect(address, Some(SUB_PROTOCOL)).await.unwrap();
        assert!(matches!(client.control().await, BridgeControl::Hello { .. }));
        client
    }

    /// A `sendpath.v1` client with addresses.
    pub async fn leased(address: SocketAddr, want: &[Want]) -> (Client, Lease) {
        let mut client = Client::page(address).await;
        let want = [&[Want::Lease], want].concat();
        client.say(&ClientControl::Hello { version: 1, client: "test".into(), want }).await;
        match client.control().await {
            BridgeControl::Lease(lease) => (client, lease),
            other => panic!("expected a lease, got {other:?}"),
        }
    }

    pub async fn connect(address: SocketAddr, protocol: Option<&str>) -> Result<Client, Error> {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut request = format!("ws://{address}/ws?token={TOKEN}").into_client_request()?;
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        let (socket, _) = client_async(request, stream).await?;
        Ok(Client { socket, frames: Default::default() })
    }

    pub async fn say(&mut self, message: &ClientControl) {
        self.text(&message.encode()).await;
    }

    pub async fn text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub async fn binary(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::binary(bytes)).await.unwrap();
    }

    pub async fn batch(&mut self, frames: &[Vec<u8>]) {
        let mut batch = BatchBuilder::new();
        for frame in frames {
            batch.push(1, frame).unwrap();
        }
        self.binary(batch.take()).await;
    }

    pub async fn message(&mut self) -> Message {
        timeout(PATIENCE, self.socket.next()).await.expect("a message in time").expect("an open socket").unwrap()
    }

    /// The next control message; batches on the way to it are kept.
    pub async fn control(&mut self) -> BridgeControl {
        loop {
            match self.message().await {
                Message::Text(text) => return BridgeControl::decode(&text).unwrap(),
                Message::Binary(batch) => self.keep(&batch),
                _ => {}
            }
        }
    }

    /// The next frame of a batch; control messages on the way to it are skipped.
    pub async fn frame(&mut self) -> Vec<u8> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return frame;
            }
            if let Message::Binary(batch) = self.message().await {
                self.keep(&batch);
            }
        }
    }

    /// The next frame of a raw client.
    pub async fn raw_frame(&mut self) -> Vec<u8> {
        loop {
            if let Message::Binary(frame) = self.message().await {
                return frame.to_vec();
            }
        }
    }

    fn keep(&mut self, batch: &[u8]) {
        for record in Records::new(batch) {
            let record = record.unwrap();
            assert!(record.timestamp_ns > 1_600_000_000_000_000_000, "nanoseconds since 1970");
            self.frames.push_back(record.frame.to_vec());
        }
    }
}

pub fn frame(to: Mac, from: Mac, payload: &[u8]) -> Vec<u8> {
    let mut frame = to.0.to_vec();
    frame.extend(from.0);
    frame.extend([0x88, 0xb5]);
    frame.extend(payload);
    frame
}

pub fn mac(n: u8) -> Mac {
    Mac([0x02, 0, 0, 0, 0, n])
}
