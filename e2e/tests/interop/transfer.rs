//! One transfer, in one direction, with one side as the client.

use std::time::Instant;

use anyhow::{Result, ensure};
use sha2::{Digest, Sha256};

use crate::kernel::{self, Job};
use crate::ours;
use crate::peer::Peer;

/// A stream of bytes in which each place looks different from the next ones.
pub(crate) struct Pattern(Vec<u8>);

impl Pattern {
    const PERIOD: usize = 1_000_003;

    pub(crate) fn new() -> Pattern {
        let byte = |i: usize| ((i as u32).wrapping_mul(2_654_435_761) >> 11) as u8;
        // One chunk longer than the period, so that every chunk is a slice.
        Pattern((0..Self::PERIOD + 65_536).map(|i| byte(i % Self::PERIOD)).collect())
    }

    /// Up to `len` (at most 65,536) bytes of the stream from `offset`.
    pub(crate) fn at(&self, offset: u64, len: usize) -> &[u8] {
        let start = (offset % Self::PERIOD as u64) as usize;
        &self.0[start..start + len]
    }

    fn sha256(&self, len: u64) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut done = 0;
        while done < len {
            let chunk = self.at(done, (len - done).min(65_536) as usize);
            hash.update(chunk);
            done += chunk.len() as u64;
        }
        hash.finalize().into()
    }
}

/// Who opens the connection, and who sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Ours,
    Kernel,
}

/// Sends `len` bytes one way and compares length and SHA-256 at the other end.
pub(crate) fn transfer(peer: &mut Peer, client: Side, sender: Side, len: u64, congestion: Option<&str>) -> Result<()> {
    let port = 5001;
    let began = Instant::now();
    let job = if sender == Side::Kernel { Job::Send(len) } else { Job::Receive };
    let (fd, listener, thread) = match client {
        Side::Ours => {
            let thread = kernel::serve_once(kernel::listen(peer, port, congestion)?, job);
            (ours::connect(peer, port)?, None, thread)
        }
        Side::Kernel => {
            let listener = ours::listen(peer, port, 16)?;
            let thread = kernel::client(peer, port, congestion, job)?;
            (ours::accept(peer, listener)?, Some(listener), thread)
        }
    };
    let expected = (len, Pattern::new().sha256(len));
    if sender == Side::Ours {
        ours::send_all(peer, fd, len)?;
        let got = kernel::join(peer, thread)?;
        ensure!(got == expected, "the kernel read {} bytes of {len}, or other ones", got.0);
        let (rest, _) = ours::receive_all(peer, fd)?;
        ensure!(rest == 0, "{rest} bytes from nowhere");
    } else {
        let got = ours::receive_all(peer, fd)?;
        ensure!(got == expected, "we read {} bytes of {len}, or other ones", got.0);
        ours::close(peer, fd);
        kernel::join(peer, thread)?;
    }
    if sender == Side::Ours {
        ours::close(peer, fd);
    }
    if let Some(listener) = listener {
        ours::close(peer, listener);
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{client:?} opens, {sender:?} sends {len} bytes: {seconds:.2} s, {:.0} MB/s", len as f64 / 1e6 / seconds);
    Ok(())
}
