//! `nc`: bytes from and to a connection, with the texts of netcat-openbsd.
//!
//! `nc [-v] HOST PORT [TEXT …]` sends TEXT (there is no keyboard), ends its side, and prints what comes.
//! `nc [-v] -l -p PORT` waits for one connection and prints what comes. `-u` is UDP.

use super::args::{Args, Opt};
use super::echo::READ_BYTES;
use crate::program::Sys;
use stack::syscall::{Errno, SHUT_WR, SO_REUSEADDR, SOL_SOCKET, SockAddr};
use stack::time::Duration;
use std::net::Ipv4Addr;

/// How long a UDP client waits for an answer.
const UDP_WAIT: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Options {
    listen: bool,
    udp: bool,
    verbose: bool,
    port: Option<u16>,
}

pub(super) async fn main(sys: Sys, mut args: Args) -> i32 {
    let mut options = Options::default();
    while let Some(option) = args.next() {
        match option {
            Opt::Short('l') => options.listen = true,
            Opt::Short('u') => options.udp = true,
            Opt::Short('v') => options.verbose = true,
            Opt::Short('n' | 'N') => {}
            Opt::Short('p') => options.port = args.parsed(),
            _ => return usage(&sys).await,
        }
    }
    let operands = args.operands();
    let result = if options.listen {
        let Some(port) = options.port.or_else(|| operands.last()?.parse().ok()) else { return usage(&sys).await };
        listen(&sys, &options, port).await
    } else {
        let [host, port, text @ ..] = &operands[..] else { return usage(&sys).await };
        let Ok(addr) = host.parse::<Ipv4Addr>() else {
            let why = "forward host lookup failed: Name or service not known";
            sys.eprint(format!("nc: getaddrinfo for host \"{host}\" port {port}: {why}\n")).await;
            return 1;
        };
        let Ok(port) = port.parse() else {
            sys.eprint(format!("nc: port number invalid: {port}\n")).await;
            return 1;
        };
        connect(&sys, &options, SockAddr::v4(addr, port), &text.join(" ")).await
    };
    match result {
        Ok(()) => 0,
        Err(Some(text)) => {
            sys.eprint(format!("nc: {text}\n")).await;
            1
        }
        Err(None) => 1,
    }
}

async fn usage(sys: &Sys) -> i32 {
    sys.eprint("usage: nc [-uv] HOST PORT [TEXT ...]\n       nc [-uv] -l -p PORT\n").await;
    2
}

type Outcome = Result<(), Option<String>>;

async fn connect(sys: &Sys, options: &Options, to: SockAddr, text: &str) -> Outcome {
    let kind = if options.udp { "udp" } else { "tcp" };
    let refused = |e: Errno| {
        let why = format!("connect to {} port {} ({kind}) failed: {}", to.addr, to.port, e.text());
        options.verbose.then_some(why)
    };
    let fd = if options.udp { sys.udp().await } else { sys.tcp().await }.map_err(refused)?;
    sys.connect(fd, to).await.map_err(refused)?;
    if options.verbose {
        sys.eprint(format!("Connection to {} {} port [{kind}/*] succeeded!\n", to.addr, to.port)).await;
    }
    let said = |what: &str, e: Errno| Some(format!("{what}: {}", e.text()));
    if !text.is_empty() {
        let line = format!("{text}\n");
        sys.send_all(fd, line.as_bytes()).await.map_err(|e| said("write", e))?;
    }
    if options.udp {
        sys.set_receive_timeout(fd, UDP_WAIT).await.map_err(|e| said("setsockopt", e))?;
    } else {
        sys.shutdown(fd, SHUT_WR).await.map_err(|e| said("shutdown", e))?;
    }
    print_all(sys, fd, options.udp).await.map_err(|e| said("read", e))?;
    let _ = sys.close(fd).await;
    Ok(())
}

async fn listen(sys: &Sys, options: &Options, port: u16) -> Outcome {
    let here = SockAddr::v4(Ipv4Addr::UNSPECIFIED, port);
    let said = |e: Errno| Some(e.text().to_owned());
    if options.udp {
        let fd = sys.udp().await.map_err(said)?;
        sys.bind(fd, here).await.map_err(said)?;
        // The first datagram says whom it talks with.
        let (data, peer) = sys.recv_from(fd, READ_BYTES).await.map_err(said)?;
        sys.print(String::from_utf8_lossy(&data)).await;
        if let Some(peer) = peer {
            sys.connect(fd, peer).await.map_err(said)?;
        }
        return print_all(sys, fd, false).await.map_err(said);
    }
    let listener = sys.tcp().await.map_err(said)?;
    sys.set_option(listener, SOL_SOCKET, SO_REUSEADDR, 1).await.map_err(said)?;
    sys.bind(listener, here).await.map_err(said)?;
    sys.listen(listener, 1).await.map_err(said)?;
    if options.verbose {
        sys.eprint(format!("Listening on 0.0.0.0 {port}\n")).await;
    }
    let (fd, peer) = sys.accept(listener).await.map_err(said)?;
    if let (true, Some(peer)) = (options.verbose, peer) {
        sys.eprint(format!("Connection received on {} {}\n", peer.addr, peer.port)).await;
    }
    let _ = sys.close(listener).await;
    print_all(sys, fd, false).await.map_err(said)?;
    let _ = sys.close(fd).await;
    Ok(())
}

/// Prints what comes, to the end of the stream; where `patience` is limited, until nothing comes any more.
async fn print_all(sys: &Sys, fd: stack::syscall::Fd, patience_limited: bool) -> Result<(), Errno> {
    loop {
        match sys.recv(fd, READ_BYTES).await {
            Ok(data) if data.is_empty() => return Ok(()),
            Ok(data) => sys.print(String::from_utf8_lossy(&data)).await,
            Err(Errno::EAGAIN) if patience_limited => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
