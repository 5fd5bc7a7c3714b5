//! The command line: what the bridge is told, and what it tells its user.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;

use bridge_protocol::TapInfo;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;

use crate::tap::{self, TapOff};
use crate::{Config, Page, Plan, Running, Subnet, Token, privileges, start};

const EXAMPLES: &str = "\
Examples:
  native-bridge                     Serve the page; live mode if this user may open a TAP device
  sudo native-bridge                The same with the right to create sendpath0, given up once it is open
  native-bridge --no-tap            The page only: nothing outside the browser is touched
  native-bridge --port 8080         Another port; --port 0 picks a free one
  native-bridge --impair 'loss=2%,reorder=2%,duplicate=2%,delay=5ms,seed=7'
                                    A worse network on purpose, for teaching and tests

Live mode without root, once for all:
  sudo setcap cap_net_admin+ep $(command -v native-bridge)
or, until the next boot:
  sudo ip tuntap add dev sendpath0 mode tap user $USER
  sudo ip addr add 10.77.0.1/24 dev sendpath0
  sudo ip link set sendpath0 up

Then open the printed URL, switch the page to live mode, and: ping 10.77.0.2";

/// Serves the Sendpath page and joins it to a real network through a TAP device.
///
/// The page's own TCP/IP stack gets an address on the network of the device, so that this machine's kernel can ping
/// and curl the page, and the page the kernel. Everything stays on this machine: the bridge listens on 127.0.0.1
/// only, and answers only those who know the token in the URL that it prints.
#[derive(Parser)]
#[command(name = "native-bridge", version, after_help = EXAMPLES)]
pub struct Cli {
    /// Port of the page; 0 picks a free one
    #[arg(long, default_value_t = 7777, value_name = "PORT")]
    port: u16,

    /// Address to listen on; any other than a loopback address needs --allow-remote
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "ADDR")]
    listen: IpAddr,

    /// Let other machines in, with --listen: whoever reads the traffic reads the token too
    #[arg(long)]
    allow_remote: bool,

    /// Name of the TAP device; opened if it exists, else created (and removed at the end)
    #[arg(long, default_value = "sendpath0", value_name = "NAME", value_parser = device_name)]
    tap: String,

    /// No TAP device: serve the page, and switch frames between its clients only
    #[arg(long, conflicts_with = "tap")]
    no_tap: bool,

    /// The kernel's address on the device; clients get their addresses from the same network
    /// [default: what an existing device has, else 10.77.0.1/24]
    #[arg(long, value_name = "ADDR/PREFIX")]
    address: Option<Subnet>,

    /// Token in the URL instead of a random one; other users of this machine can read it in the process list
    #[arg(long, value_name = "TEXT")]
    token: Option<Token>,

    /// Serve this folder instead of the page inside the program (its files must be readable without root)
    #[arg(long, value_name = "DIR")]
    dist: Option<PathBuf>,

    /// WebSocket clients at the same time
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    max_clients: u32,

    /// For teaching and tests: treat frames badly between switch and TAP device, both ways. PLAN is any of
    /// loss=P%, reorder=P%, duplicate=P%, delay=Nms, seed=N, joined by commas. The same seed gives each frame of a
    /// direction the same fate; all is counted
    #[arg(long, value_name = "PLAN")]
    impair: Option<Plan>,

    /// How much to log to standard error: off, error, warn, info, debug or trace
    #[arg(long, default_value = "info", value_name = "LEVEL")]
    log: LevelFilter,
}

fn device_name(text: &str) -> Result<String, String> {
    if tap::is_device_name(text) {
        Ok(text.into())
    } else {
        Err("expected 1 to 15 letters, digits, '-', '_' or '.'".into())
    }
}

/// Why the bridge did not start; each says what to do.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(
        "port {port} of {listen} is already in use, perhaps by another bridge; end it, or choose another port with --port (0 picks one)"
    )]
    PortInUse { listen: IpAddr, port: u16 },
    #[error("cannot listen on {address}: {source}; choose another port with --port, or another address with --listen")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("--listen {0} would let other machines in; add --allow-remote if that is what you want")]
    Remote(IpAddr),
    #[error("--dist {0}: no such folder")]
    NoDist(PathBuf),
    #[error("no random numbers for a token: {0}; give one with --token")]
    Random(getrandom::Error),
    #[error("{0}")]
    Privileges(#[from] privileges::DropError),
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Runs the command: parses the arguments, serves until Ctrl-C or SIGTERM.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_max_level(cli.log)
        .with_writer(io::stderr)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .with_target(false)
        .init();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "native-bridge: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Opens what needs privileges, gives them up, and only then starts threads and reads from anybody.
fn run(cli: Cli) -> Result<(), StartError> {
    if !cli.listen.is_loopback() && !cli.allow_remote {
        return Err(StartError::Remote(cli.listen));
    }
    let page = match cli.dist {
        None => Page::Embedded,
        Some(folder) if folder.is_dir() => Page::Folder(folder),
        Some(folder) => return Err(StartError::NoDist(folder)),
    };
    let token = cli.token.map_or_else(Token::random, Ok).map_err(StartError::Random)?;
    let listener = listen(cli.listen, cli.port)?;
    let tap = if cli.no_tap {
        Err(TapOff { reason: "the bridge was started with --no-tap".into(), how_to_grant: Vec::new() })
    } else {
        tap::open(&cli.tap, cli.address)
    };
    let removed_at_end = tap.as_ref().is_ok_and(|tap| tap.created);
    tracing::info!("privileges: {}", privileges::drop_all()?);
    let config = Config {
        listener,
        token,
        page,
        tap,
        tap_name: cli.tap,
        subnet: cli.address.unwrap_or(Subnet::DEFAULT),
        impair: cli.impair,
        max_clients: cli.max_clients,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let bridge = start(config)?;
        let banner = banner(&bridge, removed_at_end, !cli.listen.is_loopback());
        let _ = io::stdout().write_all(banner.as_bytes());
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        let _ = writeln!(io::stdout(), "\nstopping");
        tokio::select! {
            () = bridge.stop() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    })
}

fn listen(address: IpAddr, port: u16) -> Result<TcpListener, StartError> {
    let address = SocketAddr::new(address, port);
    TcpListener::bind(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::PortInUse { listen: address.ip(), port },
        _ => StartError::Listen { address, source },
    })
}

fn banner(bridge: &Running, removed_at_end: bool, remote: bool) -> String {
    let mut text = format!("\nSendpath: open  {}\n\n", bridge.url());
    match bridge.tap() {
        TapInfo::Up { name, address, prefix, .. } => {
            let end = if removed_at_end { ", removed at the end" } else { "" };
            text.push_str(&format!("  real network  on: {name}, this machine is {address}/{prefix} there{end}\n"));
        }
        TapInfo::Off { reason, how_to_grant, .. } => {
            text.push_str(&format!("  real network  off: {reason}\n"));
            for (n, command) in how_to_grant.iter().enumerate() {
                let lead = if n == 0 { "to turn it on" } else { "or" };
                text.push_str(&format!("{lead:>16}: {command}\n"));
            }
        }
    }
    if remote {
        text.push_str("  warning       other machines may connect; traffic and token are not encrypted\n");
    }
    text.push_str("  Ctrl-C        ends it\n\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_its_examples_parse() {
        Cli::command().debug_assert();
        let lines = EXAMPLES.lines().filter_map(|line| line.trim().strip_prefix("native-bridge"));
        for line in lines {
            let words = line.split("  ").next().unwrap_or_default();
            let words = words.split_whitespace().map(|word| word.trim_matches('\''));
            let parsed = Cli::try_parse_from(std::iter::once("native-bridge").chain(words));
            assert!(parsed.is_ok(), "{line}: {:?}", parsed.err());
        }
    }

    #[test]
    fn wrong_arguments_say_what_was_expected() {
        for (arguments, expected) in [
            (["--tap", "a/b"], "1 to 15 letters"),
            (["--address", "10.77.0.1"], "10.77.0.1/24"),
            (["--impair", "lost=1%"], "loss="),
            (["--token", "short"], "8 to 128"),
            (["--max-clients", "0"], "1..=1024"),
        ] {
            let error = Cli::try_parse_from(["native-bridge", arguments[0], arguments[1]]).err().unwrap();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
