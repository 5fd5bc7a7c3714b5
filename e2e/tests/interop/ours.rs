//! Our end of a connection: non-blocking system calls on the `Host`.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use sha2::{Digest, Sha256};
use stack::syscall::{
    AF_INET, Errno, Fd, MSG_DONTWAIT, SHUT_WR, SO_REUSEADDR, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET, SockAddr, Syscall,
};

use crate::peer::{KERNEL, OURS, Peer};
use crate::transfer::Pattern;

pub(crate) const LIMIT: Duration = Duration::from_secs(240);

pub(crate) fn socket(peer: &mut Peer) -> Fd {
    let kind = SOCK_STREAM | SOCK_NONBLOCK;
    peer.call(Syscall::Socket { family: AF_INET, kind, protocol: 0 }).value.expect("socket") as Fd
}

pub(crate) fn listen(peer: &mut Peer, port: u16, backlog: i32) -> Result<Fd> {
    let fd = socket(peer);
    let value = 1i32.to_le_bytes().to_vec();
    peer.call(Syscall::Setsockopt { fd, level: SOL_SOCKET, name: SO_REUSEADDR, value });
    let bound = peer.call(Syscall::Bind { fd, addr: SockAddr::v4(OURS, port) });
    ensure!(bound.value == Ok(0), "bind: {:?}", bound.value);
    ensure!(peer.call(Syscall::Listen { fd, backlog }).value == Ok(0), "listen");
    Ok(fd)
}

/// Begins to connect to the kernel.
pub(crate) fn start_connect(peer: &mut Peer, port: u16) -> Result<Fd> {
    let fd = socket(peer);
    let ret = peer.call(Syscall::Connect { fd, addr: SockAddr::v4(KERNEL, port) });
    ensure!(ret.value == Err(Errno::EINPROGRESS), "connect: {:?}", ret.value);
    Ok(fd)
}

/// Is it connected? An error if it never will be.
pub(crate) fn connected(peer: &mut Peer, fd: Fd, port: u16) -> Result<bool> {
    match peer.call(Syscall::Connect { fd, addr: SockAddr::v4(KERNEL, port) }).value {
        Err(Errno::EALREADY | Errno::EINPROGRESS) => Ok(false),
        Ok(0) | Err(Errno::EISCONN) => Ok(true),
        other => bail!("connect: {other:?}"),
    }
}

pub(crate) fn connect(peer: &mut Peer, port: u16) -> Result<Fd> {
    let fd = start_connect(peer, port)?;
    peer.run(LIMIT, |peer| connected(peer, fd, port))?;
    Ok(fd)
}

pub(crate) fn try_accept(peer: &mut Peer, listener: Fd) -> Result<Option<Fd>> {
    match peer.call(Syscall::Accept4 { fd: listener, flags: SOCK_NONBLOCK }).value {
        Ok(fd) => Ok(Some(fd as Fd)),
        Err(Errno::EAGAIN) => Ok(None),
        Err(errno) => bail!("accept: {errno:?}"),
    }
}

pub(crate) fn accept(peer: &mut Peer, listener: Fd) -> Result<Fd> {
    let mut got = None;
    peer.run(LIMIT, |peer| {
        got = try_accept(peer, listener)?;
        Ok(got.is_some())
    })?;
    got.ok_or_else(|| anyhow::anyhow!("no connection"))
}

pub(crate) fn close(peer: &mut Peer, fd: Fd) {
    assert_eq!(peer.call(Syscall::Close { fd }).value, Ok(0));
}

/// Sends what the socket takes; gives how much that was.
pub(crate) fn try_send(peer: &mut Peer, fd: Fd, bytes: &[u8]) -> Result<usize> {
    let call = Syscall::Sendto { fd, buf: Rc::from(bytes), flags: MSG_DONTWAIT, addr: None };
    match peer.call(call).value {
        Ok(sent) => Ok(sent as usize),
        Err(Errno::EAGAIN) => Ok(0),
        Err(errno) => bail!("send: {errno:?}"),
    }
}

/// Reads what there is: `None` if there is nothing now, an empty buffer at the end of the stream.
pub(crate) fn try_recv(peer: &mut Peer, fd: Fd, len: usize) -> Result<Option<Vec<u8>>, Errno> {
    let ret = peer.call(Syscall::Recvfrom { fd, len, flags: MSG_DONTWAIT, want_addr: false });
    match ret.value {
        Ok(_) => Ok(Some(ret.data)),
        Err(Errno::EAGAIN) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Sends `len` bytes of the pattern, then shuts down our half.
pub(crate) fn send_all(peer: &mut Peer, fd: Fd, len: u64) -> Result<()> {
    let pattern = Pattern::new();
    let mut done = 0;
    peer.run(LIMIT, |peer| {
        while done < len {
            let sent = try_send(peer, fd, pattern.at(done, (len - done).min(65_536) as usize))?;
            if sent == 0 {
                return Ok(false);
            }
            done += sent as u64;
        }
        Ok(true)
    })?;
    ensure!(peer.call(Syscall::Shutdown { fd, how: SHUT_WR }).value == Ok(0), "shutdown");
    Ok(())
}

/// Reads to the end of the stream; gives how many bytes, and their SHA-256.
pub(crate) fn receive_all(peer: &mut Peer, fd: Fd) -> Result<(u64, [u8; 32])> {
    let mut hash = Sha256::new();
    let mut got = 0;
    peer.run(LIMIT, |peer| {
        while let Some(bytes) = try_recv(peer, fd, 131_072).map_err(|e| anyhow::anyhow!("recv: {e:?}"))? {
            if bytes.is_empty() {
                return Ok(true);
            }
            got += bytes.len() as u64;
            hash.update(&bytes);
        }
        Ok(false)
    })?;
    Ok((got, hash.finalize().into()))
}
