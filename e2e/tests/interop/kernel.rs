//! The kernel's end of a connection: ordinary blocking sockets in threads that live in the namespace.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use socket2::{Domain, Socket, Type};

use crate::peer::{KERNEL, OURS, Peer};
use crate::transfer::Pattern;

/// What the kernel's side shall do with a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Job {
    /// Send so many bytes of the pattern, shut down, read to the end.
    Send(u64),
    /// Read to the end, then close.
    Receive,
}

/// What came of it: bytes read and their SHA-256.
pub(crate) type Outcome = (u64, [u8; 32]);

fn do_job(mut stream: TcpStream, job: Job) -> Result<Outcome> {
    stream.set_read_timeout(Some(Duration::from_secs(200)))?;
    if let Job::Send(len) = job {
        let pattern = Pattern::new();
        let mut done = 0;
        while done < len {
            let chunk = pattern.at(done, (len - done).min(65_536) as usize);
            stream.write_all(chunk)?;
            done += chunk.len() as u64;
        }
        stream.shutdown(Shutdown::Write)?;
    }
    let mut hash = Sha256::new();
    let (mut got, mut buffer) = (0, vec![0; 131_072]);
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok((got, hash.finalize().into()));
        }
        got += n as u64;
        hash.update(&buffer[..n]);
    }
}

fn new_socket(congestion: Option<&str>) -> Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if let Some(name) = congestion {
        socket.set_tcp_congestion(name.as_bytes()).with_context(|| format!("congestion control {name}"))?;
    }
    Ok(socket)
}

/// A listener of the kernel.
pub(crate) fn listen(peer: &Peer, port: u16, congestion: Option<&str>) -> Result<TcpListener> {
    let _inside = peer.net.enter()?;
    let socket = new_socket(congestion)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((KERNEL, port)).into())?;
    socket.listen(512)?;
    Ok(socket.into())
}

/// Accepts one connection in a thread and does the job.
pub(crate) fn serve_once(listener: TcpListener, job: Job) -> JoinHandle<Result<Outcome>> {
    std::thread::spawn(move || do_job(listener.accept()?.0, job))
}

/// Connects to our host in a thread and does the job.
pub(crate) fn client(
    peer: &Peer,
    port: u16,
    congestion: Option<&str>,
    job: Job,
) -> Result<JoinHandle<Result<Outcome>>> {
    let _inside = peer.net.enter()?;
    let socket = new_socket(congestion)?;
    Ok(std::thread::spawn(move || {
        socket.connect_timeout(&SocketAddr::from((OURS, port)).into(), Duration::from_secs(60))?;
        do_job(socket.into(), job)
    }))
}

/// Runs the closure with a connected stream to our host, in a thread.
pub(crate) fn with_stream<R: Send + 'static>(
    peer: &Peer,
    port: u16,
    body: impl FnOnce(TcpStream) -> Result<R> + Send + 'static,
) -> Result<JoinHandle<Result<R>>> {
    let _inside = peer.net.enter()?;
    let socket = new_socket(None)?;
    Ok(std::thread::spawn(move || {
        socket.connect_timeout(&SocketAddr::from((OURS, port)).into(), Duration::from_secs(60))?;
        body(socket.into())
    }))
}

/// Lets our host run until the thread has ended; gives what it returned.
pub(crate) fn join<R>(peer: &mut Peer, thread: JoinHandle<Result<R>>) -> Result<R> {
    let began = Instant::now();
    peer.run(crate::ours::LIMIT, |_| Ok(thread.is_finished()))?;
    thread
        .join()
        .map_err(|_| anyhow::anyhow!("the kernel's side panicked"))?
        .with_context(|| format!("the kernel's side, after {:?}", began.elapsed()))
}
