//! Accepting HTTP connections: a bounded number, with a limit on how long a request may take to arrive.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::stopping;

const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// What the kernel buffers towards one client. Small, so that frames wait where they are counted and fairly shared.
const SEND_BUFFER_BYTES: usize = 256 * 1024;

/// Serves until told to stop, then lets requests under way finish.
pub(crate) async fn serve(listener: TcpListener, app: Router, max_connections: u32, stop: watch::Receiver<bool>) {
    let slots = Arc::new(Semaphore::new(max_connections as usize));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else {
            break;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping(stop.clone()) => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, app.clone(), stop.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(slot);
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: give others time to close some.
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    let _ = timeout(Duration::from_secs(1), slots.acquire_many(max_connections)).await;
}

async fn connection(stream: TcpStream, app: Router, stop: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let _ = setsockopt(&stream, sockopt::SndBuf, &SEND_BUFFER_BYTES);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping(stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}
