//! One WebSocket client: the upgrade, what it says, and what it is told.
//!
//! Reading and writing run side by side, so a client that does not read delays nobody: its port's queue fills and
//! drops. At most one message is on its way to a client outside that queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bridge_protocol::{
    BatchBuilder, BridgeControl, ClientControl, DropReason, ErrorCode, MAX_BATCH_BYTES, MAX_FRAME_BYTES, PortKind,
    RECORD_HEADER_BYTES, Records, SUB_PROTOCOL, VERSION, Want,
};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::time::{sleep_until, timeout};

use crate::pacer::Pacer;
use crate::port::Port;
use crate::serve::text;
use crate::switch::{OpenPort, Switch};
use crate::{Shared, counters, stopping, timestamp_ns};

/// A longer message ends the connection before it is held in memory; a shorter one that is too long is only refused.
const MAX_MESSAGE_BYTES: usize = 128 * 1024;
const COUNTERS_EVERY: Duration = Duration::from_secs(1);
/// Frames that are switched before other ports get their turn.
const CHUNK: usize = 64;

/// Answers a request for `/ws`. Host and Origin are checked already.
pub(crate) async fn connect(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if let Err(refusal) = shared.guard.check_token(uri.query()) {
        tracing::warn!("refused a client: {refusal}");
        return refusal.into_response();
    }
    let Ok(upgrade) = upgrade else {
        return text(StatusCode::UPGRADE_REQUIRED, "the token is right; open this address as a WebSocket\n");
    };
    let asked: Vec<String> = upgrade.requested_protocols().map(|name| format!("{name:?}")).collect();
    let upgrade = upgrade.protocols([SUB_PROTOCOL]);
    let kind = match upgrade.selected_protocol() {
        Some(_) => PortKind::Page,
        None if asked.is_empty() => PortKind::Raw,
        None => {
            let found = asked.join(", ");
            let message = format!(
                "sub-protocol {found} is not spoken here; expected \"{SUB_PROTOCOL}\", or none for raw frames\n"
            );
            return text(StatusCode::BAD_REQUEST, message);
        }
    };
    let Ok(slot) = shared.clients.clone().try_acquire_owned() else {
        return text(StatusCode::SERVICE_UNAVAILABLE, "too many clients; see --max-clients\n");
    };
    upgrade
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .write_buffer_size(MAX_BATCH_BYTES)
        .max_write_buffer_size(4 * MAX_BATCH_BYTES)
        .on_upgrade(move |socket| async move {
            let client = Client::new(shared.switch.clone(), kind);
            client.run(socket, &shared).await;
            drop(slot);
        })
}

/// How a connection ends: what to tell the client, if it is still there.
type Ending = Option<(u16, String)>;

struct Client {
    open: OpenPort,
    switch: Arc<Switch>,
    wants_counters: AtomicBool,
    asked_counters: AtomicBool,
}

impl Client {
    fn new(switch: Arc<Switch>, kind: PortKind) -> Client {
        Client {
            open: switch.open(kind),
            switch,
            wants_counters: AtomicBool::new(false),
            asked_counters: AtomicBool::new(false),
        }
    }

    fn port(&self) -> &Port {
        &self.open.port
    }

    async fn run(&self, socket: WebSocket, shared: &Shared) {
        let port = self.port();
        tracing::info!("{}: {:?} client connected", port.id, port.kind);
        if port.kind == PortKind::Page {
            port.reply(&BridgeControl::Hello {
                version: VERSION,
                bridge: concat!("native-bridge ", env!("CARGO_PKG_VERSION")).into(),
                tap: self.switch.tap(),
            });
        }
        let (mut sink, mut stream) = socket.split();
        let ending = tokio::select! {
            ending = self.read(&mut stream) => ending,
            ending = self.write(&mut sink) => ending,
            () = stopping(shared.stop.clone()) => Some((close_code::AWAY, "the bridge is stopping".into())),
        };
        if let Some((code, reason)) = ending {
            let goodbye = async {
                let reason = reason.as_str().into();
                let _ = sink.send(Message::Close(Some(CloseFrame { code, reason }))).await;
                while let Some(Ok(_)) = stream.next().await {}
            };
            let _ = timeout(Duration::from_millis(500), goodbye).await;
        }
        let (rx, tx) = (port.tally.rx().frames, port.tally.tx().frames);
        let drops = counters::drops_text(&port.tally.drops());
        tracing::info!("{}: closed; took {rx} frames in, sent {tx} out, dropped {drops}", port.id);
    }

    async fn read(&self, stream: &mut SplitStream<WebSocket>) -> Ending {
        let mut reader = Reader { client: self, leased: false, told_no_lease: false };
        loop {
            match stream.next().await {
                None | Some(Ok(Message::Close(_))) => return None,
                Some(Err(error)) => {
                    let reason: String = error.to_string().chars().take(100).collect();
                    return Some((close_code::PROTOCOL, reason));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(text))) => reader.control(text.as_str()),
                Some(Ok(Message::Binary(message))) => match self.port().kind {
                    PortKind::Page => reader.batch(&message).await,
                    _ => self.switch.forward(self.port(), timestamp_ns(), [&*message]),
                },
            }
            // A client that floods is always ready: let the others run.
            tokio::task::yield_now().await;
        }
    }

    async fn write(&self, sink: &mut SplitSink<WebSocket, Message>) -> Ending {
        let sent = match self.port().kind {
            PortKind::Page => self.write_page(sink).await,
            _ => self.write_raw(sink).await,
        };
        // Writing ends by an error only; then nobody is there to be told.
        if let Err(error) = sent {
            tracing::debug!("{}: {error}", self.port().id);
        }
        None
    }

    /// Control messages first, then whatever frames wait, together.
    async fn write_page(&self, sink: &mut SplitSink<WebSocket, Message>) -> Result<(), axum::Error> {
        let port = self.port();
        let mut pacer = Pacer::new();
        let mut report_at = Instant::now() + COUNTERS_EVERY;
        let mut reported = None;
        loop {
            while let Some(reply) = port.next_reply() {
                sink.send(Message::text(reply)).await?;
            }
            let now = Instant::now();
            if now >= report_at {
                report_at = now + COUNTERS_EVERY;
                let asked = self.asked_counters.swap(false, Relaxed);
                if asked || self.wants_counters.load(Relaxed) {
                    let counters = self.switch.counters(Some(port.id));
                    if asked || reported.as_ref() != Some(&counters) {
                        let message = BridgeControl::Counters(counters.clone()).encode();
                        reported = Some(counters);
                        sink.send(Message::text(message)).await?;
                    }
                }
            }
            let mut until = report_at;
            if port.has_frames() {
                match pacer.wait(now) {
                    Some(free_at) if port.waiting() < MAX_BATCH_BYTES => until = until.min(free_at),
                    _ => {
                        pacer.sent(now);
                        sink.send(Message::binary(next_batch(port))).await?;
                        continue;
                    }
                }
            }
            tokio::select! {
                () = port.wake.notified() => {}
                () = sleep_until(until.into()) => {}
            }
        }
    }

    /// One message a frame; the socket is flushed when nothing waits or about 64 KiB are written.
    async fn write_raw(&self, sink: &mut SplitSink<WebSocket, Message>) -> Result<(), axum::Error> {
        let port = self.port();
        loop {
            let mut fed = 0;
            while fed < MAX_BATCH_BYTES {
                let Some(frame) = port.next_frame(usize::MAX) else {
                    break;
                };
                fed += frame.bytes.len();
                port.tally.sent(frame.bytes.len());
                sink.feed(Message::Binary(frame.bytes)).await?;
            }
            if fed > 0 {
                sink.flush().await?;
            } else {
                port.wake.notified().await;
            }
        }
    }
}

/// Takes as many waiting frames as fit one message.
fn next_batch(port: &Port) -> Vec<u8> {
    let mut batch = BatchBuilder::new();
    loop {
        let room = MAX_BATCH_BYTES.saturating_sub(batch.len() + RECORD_HEADER_BYTES);
        let Some(frame) = port.next_frame(room) else {
            return batch.take();
        };
        match batch.push(frame.timestamp_ns, &frame.bytes) {
            Ok(()) => port.tally.sent(frame.bytes.len()),
            // Cannot happen, as the room was asked for; counted all the same.
            Err(_) => port.tally.dropped(DropReason::TooLong, 1),
        }
    }
}

/// What the reading side remembers of its client.
struct Reader<'a> {
    client: &'a Client,
    leased: bool,
    told_no_lease: bool,
}

impl Reader<'_> {
    fn control(&mut self, text: &str) {
        let port = self.client.port();
        if port.kind != PortKind::Page {
            port.tally.dropped(DropReason::BadControl, 1);
            return;
        }
        match ClientControl::decode(text) {
            Ok(ClientControl::Hello { version, client, want }) => {
                let name: String = client.chars().take(60).collect();
                tracing::info!("{}: is {name:?}, wants {want:?}", port.id);
                if version != VERSION {
                    let message = format!("this bridge speaks version {VERSION}, the client speaks {version}");
                    self.refuse(ErrorCode::UnsupportedVersion, message);
                }
                self.client.wants_counters.store(want.contains(&Want::Counters), Relaxed);
                if want.contains(&Want::Lease) {
                    self.lease();
                }
            }
            Ok(ClientControl::RequestLease) => self.lease(),
            Ok(ClientControl::RequestCounters) => self.client.asked_counters.store(true, Relaxed),
            Err(error) => {
                port.tally.dropped(DropReason::BadControl, 1);
                self.refuse(ErrorCode::BadControl, error.to_string());
            }
        }
    }

    fn lease(&mut self) {
        match self.client.switch.lease(self.client.port()) {
            Some(lease) => {
                self.leased = true;
                self.client.port().reply(&BridgeControl::Lease(lease));
            }
            None => self.refuse(ErrorCode::NoFreeLease, "every address of the subnet is taken".into()),
        }
    }

    async fn batch(&mut self, message: &[u8]) {
        let port = self.client.port();
        if message.len() > MAX_BATCH_BYTES {
            port.tally.dropped(DropReason::BadBatch, 1);
            let found = message.len();
            self.refuse(ErrorCode::BadBatch, format!("a batch of {found} bytes; expected at most {MAX_BATCH_BYTES}"));
            return;
        }
        if !self.leased && !self.told_no_lease {
            self.told_no_lease = true;
            self.refuse(ErrorCode::NoLease, "frames are dropped until there is a lease: send request_lease".into());
        }
        let timestamp_ns = timestamp_ns();
        let mut records = Records::new(message);
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            let next = records.next();
            if let Some(Ok(record)) = next {
                chunk.push(record.frame);
                if chunk.len() < CHUNK {
                    continue;
                }
            }
            self.client.switch.forward(port, timestamp_ns, chunk.drain(..));
            match next {
                Some(Ok(_)) => tokio::task::yield_now().await,
                Some(Err(error)) => {
                    port.tally.dropped(DropReason::BadBatch, 1);
                    self.refuse(ErrorCode::BadBatch, error.to_string());
                }
                None => return,
            }
        }
    }

    fn refuse(&self, code: ErrorCode, message: String) {
        tracing::debug!("{}: {message}", self.client.port().id);
        self.client.port().reply(&BridgeControl::Error { code, message });
    }
}

const _: () = assert!(MAX_MESSAGE_BYTES > MAX_FRAME_BYTES && MAX_MESSAGE_BYTES > MAX_BATCH_BYTES);
