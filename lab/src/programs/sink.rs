//! `sink`: reads connections to their end, one after another, and says what came: for checking streams.
//!
//! `sink [--port 9000] [--count N]`: after N connections it ends.

use super::args::{Args, Opt};
use super::bytes::Summer;
use super::echo::{READ_BYTES, tcp_listener};
use crate::program::Sys;

pub(super) async fn main(sys: Sys, mut args: Args) -> i32 {
    let (mut port, mut left) = (9000, u32::MAX);
    while let Some(option) = args.next() {
        match option {
            Opt::Long(name) if name == "port" => port = args.parsed().unwrap_or(port),
            Opt::Long(name) if name == "count" => left = args.parsed().unwrap_or(left),
            _ => {
                sys.eprint("usage: sink [--port N] [--count N]\n").await;
                return 2;
            }
        }
    }
    let Some(listener) = tcp_listener(&sys, "sink", port).await else { return 1 };
    while left > 0 {
        left -= 1;
        let (fd, peer) = match sys.accept(listener).await {
            Ok(connection) => connection,
            Err(error) => {
                sys.eprint(format!("sink: accept: {}\n", error.text())).await;
                return 1;
            }
        };
        let mut sum = Summer::default();
        let end = loop {
            match sys.recv(fd, READ_BYTES).await {
                Ok(data) if data.is_empty() => break "end of stream",
                Ok(data) => sum.add(&data),
                Err(error) => break error.text(),
            }
        };
        let _ = sys.close(fd).await;
        let from = peer.map_or_else(|| "?".to_owned(), |p| format!("{}:{}", p.addr, p.port));
        sys.print(format!("{} bytes from {from}, sha256 {}, {end}\n", sum.count, sum.hex())).await;
    }
    0
}
