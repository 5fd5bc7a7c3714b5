//! The matrix: wires, sizes, options and ends of connections.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use stack::syscall::{Errno, SHUT_WR, SO_RCVBUF, SOL_SOCKET, Syscall};

use crate::impair::Faults;
use crate::kernel;
use crate::ours;
use crate::peer::Peer;
use crate::transfer::{Side, transfer};

const BOTH: [Side; 2] = [Side::Ours, Side::Kernel];

/// Is there a kernel to talk to? A TAP device in a network namespace needs root.
fn needs_root() -> bool {
    let root = std::process::Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n");
    if !root {
        println!("skipped: a TAP device in a network namespace needs root");
    }
    root
}

/// Every client with every sender.
fn all_ways(mtu: u16, faults: Faults, sysctls: &[&str], congestion: Option<&str>, len: u64) -> Result<()> {
    if !needs_root() {
        return Ok(());
    }
    for client in BOTH {
        for sender in BOTH {
            let mut peer = Peer::new(mtu, faults, sysctls)?;
            println!("mtu {mtu}, {faults:?}, {sysctls:?}, {congestion:?}:");
            transfer(&mut peer, client, sender, len, congestion)?;
        }
    }
    Ok(())
}

const CLEAN: Faults = Faults { loss: 0, reorder: 0, duplicate: 0, corrupt: 0, seed: 1 };
const LOSS_1: Faults = Faults { loss: 10, seed: 2, ..CLEAN };
const LOSS_5: Faults = Faults { loss: 50, seed: 3, ..CLEAN };
const REORDER: Faults = Faults { reorder: 30, seed: 4, ..CLEAN };
const DUPLICATE: Faults = Faults { duplicate: 30, seed: 5, ..CLEAN };
const CORRUPT: Faults = Faults { corrupt: 10, seed: 6, ..CLEAN };
const ALL: Faults = Faults { loss: 10, reorder: 20, duplicate: 20, corrupt: 5, seed: 7 };

macro_rules! transfers {
    ($($name:ident, $long:ident: $mtu:expr, $faults:expr, $sysctls:expr, $cc:expr, $short_mb:expr, $long_mb:expr;)*) => {
        $(
            #[test]
            fn $name() -> Result<()> {
                all_ways($mtu, $faults, $sysctls, $cc, $short_mb * 1_000_000)
            }

            #[test]
            #[ignore = "long: cargo xtask soak"]
            fn $long() -> Result<()> {
                all_ways($mtu, $faults, $sysctls, $cc, $long_mb * 1_000_000)
            }
        )*
    };
}

#[rustfmt::skip]
transfers! {
    clean, soak_clean: 1500, CLEAN, &[], None, 20, 1000;
    one_per_cent_lost, soak_one_per_cent_lost: 1500, LOSS_1, &[], None, 2, 50;
    five_per_cent_lost, soak_five_per_cent_lost: 1500, LOSS_5, &[], None, 1, 50;
    reordered, soak_reordered: 1500, REORDER, &[], None, 4, 50;
    duplicated, soak_duplicated: 1500, DUPLICATE, &[], None, 4, 50;
    corrupted, soak_corrupted: 1500, CORRUPT, &[], None, 2, 50;
    everything_at_once, soak_everything_at_once: 1500, ALL, &[], None, 1, 50;
    small_frames, soak_small_frames: 576, CLEAN, &[], None, 4, 50;
    jumbo_frames, soak_jumbo_frames: 9000, CLEAN, &[], None, 20, 200;
    kernel_with_reno, soak_kernel_with_reno: 1500, LOSS_1, &[], Some("reno"), 2, 50;
    kernel_with_cubic, soak_kernel_with_cubic: 1500, LOSS_1, &[], Some("cubic"), 2, 50;
    kernel_with_bbr, soak_kernel_with_bbr: 1500, LOSS_1, &[], Some("bbr"), 2, 50;
    without_timestamps, soak_without_timestamps: 1500, LOSS_1, &["net.ipv4.tcp_timestamps=0"], None, 2, 50;
    without_sack, soak_without_sack: 1500, LOSS_1, &["net.ipv4.tcp_sack=0"], None, 1, 20;
    without_window_scaling, soak_without_window_scaling: 1500, LOSS_1, &["net.ipv4.tcp_window_scaling=0"], None, 2, 50;
    with_ecn, soak_with_ecn: 1500, LOSS_1, &["net.ipv4.tcp_ecn=1"], None, 2, 50;
    without_any_option, soak_without_any_option: 1500, LOSS_1,
        &["net.ipv4.tcp_timestamps=0", "net.ipv4.tcp_sack=0", "net.ipv4.tcp_window_scaling=0"], None, 1, 20;
}

/// Opens and closes `total` connections to the kernel, `at_once` at a time; each carries a few bytes both ways.
fn many(total: usize, at_once: usize) -> Result<()> {
    let mut peer = Peer::new(1500, CLEAN, &[])?;
    let listener = kernel::listen(&peer, 5002, None)?;
    let server = std::thread::spawn(move || -> Result<()> {
        for _ in 0..total {
            let (mut stream, _) = listener.accept()?;
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ = stream.read_to_end(&mut bytes);
                let _ = stream.write_all(&bytes);
            });
        }
        Ok(())
    });
    let mut open: Vec<(i32, usize, Vec<u8>, u8)> = Vec::new();
    let (mut started, mut finished) = (0, 0);
    peer.run(ours::LIMIT, |peer| {
        while open.len() < at_once && started < total {
            open.push((ours::start_connect(peer, 5002)?, started, Vec::new(), 0));
            started += 1;
        }
        let mut done = Vec::new();
        for (at, (fd, number, got, phase)) in open.iter_mut().enumerate() {
            let text = format!("connection {number}");
            if *phase == 0 && ours::connected(peer, *fd, 5002)? {
                ensure!(ours::try_send(peer, *fd, text.as_bytes())? == text.len(), "short send");
                ensure!(peer.call(Syscall::Shutdown { fd: *fd, how: SHUT_WR }).value == Ok(0), "shutdown");
                *phase = 1;
            }
            if *phase == 1
                && let Some(bytes) = ours::try_recv(peer, *fd, 100).map_err(|e| anyhow::anyhow!("{e:?}"))?
            {
                if bytes.is_empty() {
                    ensure!(got == text.as_bytes(), "{text} came back as {got:?}");
                    ours::close(peer, *fd);
                    done.push(at);
                } else {
                    got.extend_from_slice(&bytes);
                }
            }
        }
        finished += done.len();
        for at in done.into_iter().rev() {
            open.swap_remove(at);
        }
        Ok(finished == total)
    })?;
    kernel::join(&mut peer, server)
}

#[test]
fn a_thousand_connections_two_hundred_at_once() -> Result<()> {
    if needs_root() { many(1000, 200) } else { Ok(()) }
}

#[test]
fn either_half_may_be_closed_first() -> Result<()> {
    if !needs_root() {
        return Ok(());
    }
    // We close our half and go on reading.
    let mut peer = Peer::new(1500, CLEAN, &[])?;
    let listener = ours::listen(&mut peer, 5003, 4)?;
    let kernel_side = kernel::with_stream(&peer, 5003, |mut stream| {
        let mut asked = Vec::new();
        stream.read_to_end(&mut asked)?;
        stream.write_all(&vec![7; 300_000])?;
        Ok(asked)
    })?;
    let fd = ours::accept(&mut peer, listener)?;
    ensure!(ours::try_send(&mut peer, fd, b"the question")? == 12, "short send");
    ensure!(peer.call(Syscall::Shutdown { fd, how: SHUT_WR }).value == Ok(0), "shutdown");
    let (got, _) = ours::receive_all(&mut peer, fd)?;
    ensure!(got == 300_000, "{got} bytes after our FIN");
    ensure!(kernel::join(&mut peer, kernel_side)? == b"the question", "what the kernel read");
    ours::close(&mut peer, fd);
    // The kernel closes its half and goes on reading.
    let kernel_side = kernel::with_stream(&peer, 5003, |mut stream| {
        stream.shutdown(Shutdown::Write)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer.len())
    })?;
    let fd = ours::accept(&mut peer, listener)?;
    let (got, _) = ours::receive_all(&mut peer, fd)?;
    ensure!(got == 0, "{got} bytes from nowhere");
    ours::send_all(&mut peer, fd, 300_000)?;
    ensure!(kernel::join(&mut peer, kernel_side)? == 300_000, "what the kernel read after its FIN");
    ours::close(&mut peer, fd);
    Ok(())
}

#[test]
fn closing_with_unread_data_resets_either_way() -> Result<()> {
    if !needs_root() {
        return Ok(());
    }
    let mut peer = Peer::new(1500, CLEAN, &[])?;
    let listener = ours::listen(&mut peer, 5004, 4)?;
    // We close without having read: the kernel's program hears of it.
    let kernel_side = kernel::with_stream(&peer, 5004, |mut stream| {
        stream.write_all(b"nobody reads this")?;
        let mut buffer = [0; 10];
        Ok(stream.read(&mut buffer).map_err(|e| e.kind()))
    })?;
    let fd = ours::accept(&mut peer, listener)?;
    peer.run_for(Duration::from_millis(200))?;
    ours::close(&mut peer, fd);
    let said = kernel::join(&mut peer, kernel_side)?;
    ensure!(said == Err(std::io::ErrorKind::ConnectionReset), "the kernel's read said {said:?}");
    // The kernel closes without having read: so do we.
    let kernel_side = kernel::with_stream(&peer, 5004, |stream| {
        std::thread::sleep(Duration::from_millis(300));
        drop(stream);
        Ok(())
    })?;
    let fd = ours::accept(&mut peer, listener)?;
    ensure!(ours::try_send(&mut peer, fd, b"nor this")? == 8, "short send");
    kernel::join(&mut peer, kernel_side)?;
    let mut said = None;
    peer.run(Duration::from_secs(5), |peer| {
        said = Some(ours::try_recv(peer, fd, 10)).filter(|r| *r != Ok(None));
        Ok(said.is_some())
    })?;
    ensure!(said == Some(Err(Errno::ECONNRESET)), "our read said {said:?}");
    ours::close(&mut peer, fd);
    Ok(())
}

/// The receiver reads nothing for a while: the window shuts, is probed, and opens again without loss.
fn shut_window(pause: Duration) -> Result<()> {
    let len = 3_000_000;
    // The kernel does not read.
    let mut peer = Peer::new(1500, CLEAN, &[])?;
    let listener = ours::listen(&mut peer, 5005, 4)?;
    let kernel_side = kernel::with_stream(&peer, 5005, move |mut stream| {
        std::thread::sleep(pause);
        let mut got = Vec::new();
        stream.read_to_end(&mut got)?;
        Ok(got.len() as u64)
    })?;
    let fd = ours::accept(&mut peer, listener)?;
    let began = Instant::now();
    ours::send_all(&mut peer, fd, len)?;
    ensure!(kernel::join(&mut peer, kernel_side)? == len, "what the kernel read");
    ensure!(began.elapsed() >= pause, "the window was never shut");
    ours::close(&mut peer, fd);
    // We do not read.
    let kernel_side = kernel::with_stream(&peer, 5005, move |mut stream| {
        stream.write_all(&vec![3; 3_000_000])?;
        Ok(())
    })?;
    let fd = ours::accept(&mut peer, listener)?;
    let value = 65_536i32.to_le_bytes().to_vec();
    peer.call(Syscall::Setsockopt { fd, level: SOL_SOCKET, name: SO_RCVBUF, value });
    peer.run_for(pause)?;
    let (got, _) = ours::receive_all(&mut peer, fd)?;
    ensure!(got == len, "we read {got}");
    kernel::join(&mut peer, kernel_side)?;
    ours::close(&mut peer, fd);
    Ok(())
}

#[test]
fn a_shut_window_opens_again() -> Result<()> {
    if needs_root() { shut_window(Duration::from_secs(2)) } else { Ok(()) }
}

#[test]
#[ignore = "long: cargo xtask soak"]
fn soak_a_window_shut_for_ten_seconds() -> Result<()> {
    if needs_root() { shut_window(Duration::from_secs(10)) } else { Ok(()) }
}
