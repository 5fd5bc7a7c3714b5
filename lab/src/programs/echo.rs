//! `echo`: sends back what comes, over TCP and UDP (RFC 862).
//!
//! `echo [--port 7]`; a task of its own for UDP and for each connection.

use super::args::{Args, Opt};
use crate::program::Sys;
use stack::syscall::{Fd, SO_REUSEADDR, SOL_SOCKET, SockAddr};
use std::net::Ipv4Addr;

/// As much as is read at a time.
pub(super) const READ_BYTES: usize = 65_536;

pub(super) async fn main(sys: Sys, mut args: Args) -> i32 {
    let mut port = 7;
    while let Some(option) = args.next() {
        match option {
            Opt::Long(name) if name == "connection" => {
                return match connection_fd(&mut args) {
                    Some(fd) => connection(sys, fd).await,
                    None => 2,
                };
            }
            Opt::Long(name) if name == "udp" => {
                return match connection_fd(&mut args) {
                    Some(fd) => datagrams(sys, fd).await,
                    None => 2,
                };
            }
            Opt::Long(name) if name == "port" => port = args.parsed().unwrap_or(port),
            _ => {
                sys.eprint("usage: echo [--port N]\n").await;
                return 2;
            }
        }
    }
    if let Ok(udp) = sys.udp().await
        && sys.bind(udp, SockAddr::v4(Ipv4Addr::UNSPECIFIED, port)).await.is_ok()
    {
        sys.spawn("echo", vec!["--udp".to_owned(), udp.to_string()], udp).await;
        let _ = sys.close(udp).await;
    }
    let Some(listener) = tcp_listener(&sys, "echo", port).await else { return 1 };
    loop {
        match sys.accept(listener).await {
            Ok((fd, _)) => {
                sys.spawn("echo", vec!["--connection".to_owned(), fd.to_string()], fd).await;
                let _ = sys.close(fd).await;
            }
            Err(error) => {
                sys.eprint(format!("echo: accept: {}\n", error.text())).await;
                return 1;
            }
        }
    }
}

async fn connection(sys: Sys, fd: Fd) -> i32 {
    while let Ok(data) = sys.recv(fd, READ_BYTES).await {
        if data.is_empty() {
            return 0;
        }
        if sys.send_all(fd, &data).await.is_err() {
            break;
        }
    }
    1
}

async fn datagrams(sys: Sys, fd: Fd) -> i32 {
    loop {
        // An error here is an ICMP message about an earlier answer: no reason to end.
        if let Ok((data, Some(peer))) = sys.recv_from(fd, READ_BYTES).await {
            let _ = sys.send_to(fd, &data, peer).await;
        }
    }
}

/// The descriptor that a task was started with.
pub(super) fn connection_fd(args: &mut Args) -> Option<Fd> {
    args.parsed()
}

/// A socket that listens on all addresses; says why if there is none.
pub(super) async fn tcp_listener(sys: &Sys, program: &str, port: u16) -> Option<Fd> {
    let open = async {
        let fd = sys.tcp().await?;
        sys.set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1).await?;
        sys.bind(fd, SockAddr::v4(Ipv4Addr::UNSPECIFIED, port)).await?;
        sys.listen(fd, 128).await?;
        Ok::<Fd, stack::syscall::Errno>(fd)
    };
    match open.await {
        Ok(fd) => Some(fd),
        Err(error) => {
            sys.eprint(format!("{program}: port {port}: {}\n", error.text())).await;
            None
        }
    }
}
