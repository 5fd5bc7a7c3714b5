//! `discard`: reads what comes and forgets it (RFC 863).
//!
//! `discard [--port 9]`; a task of its own for each connection.

use super::args::{Args, Opt};
use super::echo::{READ_BYTES, connection_fd, tcp_listener};
use crate::program::Sys;

pub(super) async fn main(sys: Sys, mut args: Args) -> i32 {
    let mut port = 9;
    while let Some(option) = args.next() {
        match option {
            Opt::Long(name) if name == "connection" => {
                let Some(fd) = connection_fd(&mut args) else { return 2 };
                while sys.recv(fd, READ_BYTES).await.is_ok_and(|data| !data.is_empty()) {}
                return 0;
            }
            Opt::Long(name) if name == "port" => port = args.parsed().unwrap_or(port),
            _ => {
                sys.eprint("usage: discard [--port N]\n").await;
                return 2;
            }
        }
    }
    let Some(listener) = tcp_listener(&sys, "discard", port).await else { return 1 };
    loop {
        match sys.accept(listener).await {
            Ok((fd, _)) => {
                sys.spawn("discard", vec!["--connection".to_owned(), fd.to_string()], fd).await;
                let _ = sys.close(fd).await;
            }
            Err(error) => {
                sys.eprint(format!("discard: accept: {}\n", error.text())).await;
                return 1;
            }
        }
    }
}
