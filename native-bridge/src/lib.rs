//! The native bridge: serves the page and joins it to a real network through a TAP device.
//!
//! ```text
//!  kernel ── TAP ── tap.rs ──┐
//!                            ├── switch.rs ── port.rs, queue.rs, table.rs, lease.rs, filter.rs
//!  page ─── /ws ─── ws.rs ───┘
//!  page ─── GET ─── listen.rs ── guard.rs ── serve.rs
//! ```
//!
//! A frame from the kernel is read in [`tap`], checked and switched under one lock, queued at the ports it leaves
//! by, and written by the task of each port. Every queue is bounded; what is dropped is counted by reason.
//! `cli.rs` opens socket and device, gives up all privileges (`privileges.rs`), then starts this.

#![forbid(unsafe_code)]

pub mod cli;
mod counters;
mod filter;
mod guard;
mod impair;
mod lease;
mod listen;
mod pacer;
mod port;
mod privileges;
mod queue;
mod serve;
mod switch;
mod table;
pub mod tap;
mod ws;

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use bridge_protocol::{Counters, PortKind, TapInfo, WS_PATH};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

pub use guard::{Token, TokenError};
pub use impair::{Plan, PlanError};
pub use lease::{Subnet, SubnetError};
pub use serve::Page;

use guard::Guard;
use impair::{Impair, ImpairTally};
use switch::Switch;
use tap::{Tap, TapOff};

/// What a bridge needs to start.
pub struct Config {
    /// An open socket; where it listens decides which hosts and origins are right.
    pub listener: TcpListener,
    /// The secret that clients must show.
    pub token: Token,
    /// Where the page comes from.
    pub page: Page,
    /// The TAP device, or why there is none.
    pub tap: Result<Tap, TapOff>,
    /// The name that the device has or was to have.
    pub tap_name: String,
    /// The subnet of leases when there is no device.
    pub subnet: Subnet,
    /// What to do to frames at the TAP port.
    pub impair: Option<Plan>,
    /// WebSocket clients at the same time.
    pub max_clients: u32,
}

/// What all tasks share.
struct Shared {
    guard: Guard,
    page: Page,
    switch: Arc<Switch>,
    clients: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

/// A bridge at work; ends when told to, or with its runtime.
pub struct Running {
    address: SocketAddr,
    url: String,
    max_clients: u32,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    others: Vec<JoinHandle<()>>,
}

/// Starts the tasks of a bridge on the current runtime.
pub fn start(config: Config) -> io::Result<Running> {
    let address = config.listener.local_addr()?;
    config.listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(config.listener)?;
    let (stop, stopped) = watch::channel(false);
    let impair = config.impair.map(|plan| (plan, Arc::new(ImpairTally::default())));
    let (info, subnet) = match &config.tap {
        Ok(tap) => (tap.info(), tap.subnet),
        Err(off) => (off.info(&config.tap_name), config.subnet),
    };
    let switch = Switch::new(subnet, info, impair.as_ref().map(|(_, tally)| tally.clone()));
    let mut others = vec![tokio::spawn(log_drops(switch.clone()))];
    if let Ok(tap) = config.tap {
        others.push(join_tap(tap, &switch, impair)?);
    }
    let url = url(address, &config.token);
    let shared = Arc::new(Shared {
        guard: Guard::new(address, config.token),
        page: config.page,
        switch,
        clients: Arc::new(Semaphore::new(config.max_clients as usize)),
        stop: stopped.clone(),
    });
    let max_connections = config.max_clients + 128;
    let server = tokio::spawn(listen::serve(listener, app(shared.clone()), max_connections, stopped));
    Ok(Running { address, url, max_clients: config.max_clients, shared, stop, server, others })
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to open in a browser, token included.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The counters of every port.
    pub fn counters(&self) -> Counters {
        self.shared.switch.counters(None)
    }

    /// The state of the TAP device.
    pub fn tap(&self) -> TapInfo {
        self.shared.switch.tap()
    }

    /// Closes every connection and the TAP device; takes two seconds at most.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let clients = self.shared.clients.acquire_many(self.max_clients);
        let _ = timeout(Duration::from_millis(1500), clients).await;
        let _ = timeout(Duration::from_millis(500), self.server).await;
        for task in self.others {
            task.abort();
            let _ = task.await;
        }
    }
}

fn url(address: SocketAddr, token: &Token) -> String {
    let port = address.port();
    let host = match address.ip() {
        ip if ip.is_unspecified() => "127.0.0.1".to_string(),
        ip if ip.is_ipv6() => format!("[{ip}]"),
        ip => ip.to_string(),
    };
    format!("http://{host}:{port}/#token={}", token.as_str())
}

fn app(shared: Arc<Shared>) -> Router {
    let wrong_method =
        || async { serve::text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here\n") };
    Router::new()
        .route(WS_PATH, any(ws::connect))
        .fallback(get(file).fallback(wrong_method))
        .layer(from_fn_with_state(shared.clone(), check))
        .with_state(shared)
}

/// Every request passes here first.
async fn check(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let mut response = match shared.guard.check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            tracing::warn!("refused a request: {refusal}");
            refusal.into_response()
        }
    };
    serve::secure(response.headers_mut());
    response
}

async fn file(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    shared.page.answer(request.uri(), request.headers())
}

/// Gives the device a port and starts its relays.
fn join_tap(tap: Tap, switch: &Arc<Switch>, impair: Option<(Plan, Arc<ImpairTally>)>) -> io::Result<JoinHandle<()>> {
    let device = Arc::new(tun_rs::AsyncDevice::new(tap.device)?);
    let open = switch.open(PortKind::Tap);
    let direction = |n| impair.as_ref().map(|(plan, tally)| Impair::new(*plan, n, tally.clone()));
    let from = tap::from_kernel(device.clone(), switch.clone(), open.port.clone(), direction(0));
    let to = tap::to_kernel(device, open.port.clone(), direction(1));
    let (name, switch) = (tap.name, switch.clone());
    Ok(tokio::spawn(async move {
        let error = tokio::select! {
            error = from => error,
            error = to => error,
        };
        tracing::error!("{name} failed: {error}");
        drop(open);
        switch.set_tap(TapInfo::Off {
            reason: format!("{name} is gone ({error}); start the bridge again"),
            name,
            how_to_grant: Vec::new(),
        });
    }))
}

/// Says in the log what was dropped, every five seconds in which something was.
async fn log_drops(switch: Arc<Switch>) {
    let mut known = BTreeMap::new();
    loop {
        sleep(Duration::from_secs(5)).await;
        let mut now = BTreeMap::new();
        for port in switch.counters(None).ports {
            let drops = counters::drops_text(&port.dropped);
            if !port.dropped.is_empty() && known.get(&port.port) != Some(&drops) {
                tracing::info!("port {} ({:?}) has dropped: {drops}", port.port, port.kind);
            }
            now.insert(port.port, drops);
        }
        known = now;
    }
}

/// Ends when the bridge is told to stop.
async fn stopping(mut stop: watch::Receiver<bool>) {
    // An error means that the bridge is gone, which is the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Nanoseconds since the Unix epoch.
fn timestamp_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}
