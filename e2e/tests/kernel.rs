//! The stack and a real Linux kernel, joined by the bridge and a TAP device: no browser between them.
//!
//! The browser's own turn is in `e2e_live.rs`; here the same `LiveLab` runs in the test, which is quicker and
//! shows at once whether it is the stack that fails.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use e2e::{Bridge, Namespace, Process};
use futures_util::{SinkExt, StreamExt};
use lab::live::{LiveConfig, LiveLab};
use stack::wire::ethernet::MacAddr;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const OURS: &str = "10.77.0.50";
const KERNEL: &str = "10.77.0.1";
const LIMIT: Duration = Duration::from_secs(60);

/// Our host at the end of a raw WebSocket of the bridge.
struct Peer {
    lab: LiveLab,
    ws: WebSocketStream<MaybeTlsStream<TcpStream>>,
    began: Instant,
}

impl Peer {
    async fn connect(bridge: &Bridge) -> Result<Peer> {
        let (address, _) = bridge.url().split_once("/#").context("the URL carries a token")?;
        let url = format!("{}/ws?token={}", address.replace("http://", "ws://"), bridge.token());
        let (ws, _) = tokio_tungstenite::connect_async(url).await?;
        let config = LiveConfig {
            mac: MacAddr([2, 0x53, 0x50, 0, 0, 0x50]),
            address: (OURS.parse()?, 24),
            seed: 5,
            ..LiveConfig::default()
        };
        Ok(Peer { lab: LiveLab::new(&config, 0), ws, began: Instant::now() })
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    /// Lets frames pass until `done` says so.
    async fn run_until(&mut self, mut done: impl FnMut(&mut LiveLab) -> bool) -> Result<()> {
        let give_up = Instant::now() + LIMIT;
        while !done(&mut self.lab) {
            ensure!(Instant::now() < give_up, "nothing came of it in {} s", LIMIT.as_secs());
            let now = self.now();
            self.lab.poll(now);
            for frame in self.lab.frames_out(now) {
                self.ws.feed(Message::binary(frame)).await?;
            }
            self.ws.flush().await?;
            let wait = self.lab.deadline().map_or(u64::MAX, |at| at.saturating_sub(self.now()));
            let wait = Duration::from_nanos(wait).min(Duration::from_millis(20));
            match tokio::time::timeout(wait, self.ws.next()).await {
                Ok(Some(message)) => {
                    let mut next = Some(message?);
                    while let Some(message) = next {
                        let now = self.now();
                        self.lab.frame_in(now, &message.into_data());
                        next = match futures_util::FutureExt::now_or_never(self.ws.next()) {
                            Some(Some(message)) => Some(message?),
                            _ => None,
                        };
                    }
                }
                Ok(None) => bail!("the bridge hung up"),
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Lets frames pass until a command of the kernel's side has ended; gives what it printed.
    async fn run_with(&mut self, mut process: Process) -> Result<String> {
        self.run_until(|_| !process.is_running()).await?;
        let status = process.wait(Duration::from_secs(1))?;
        ensure!(status.success(), "{status}: {}", process.output());
        Ok(process.output())
    }

    /// Runs a program on our host; gives what it printed.
    async fn run_here(&mut self, command: &str) -> Result<String> {
        let now = self.now();
        let task = self.lab.run_builtin(now, command).map_err(anyhow::Error::msg)?;
        self.run_until(|lab| lab.exit_status(task).is_some()).await?;
        let output = self.lab.output(task).to_owned();
        ensure!(self.lab.exit_status(task) == Some(0), "{command}: {output}");
        Ok(output)
    }
}

fn needs_root() -> bool {
    let root = rustix_root();
    if !root {
        println!("skipped: a TAP device in a network namespace needs root");
    }
    root
}

fn rustix_root() -> bool {
    std::process::Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n")
}

/// 10 MB at `file` in a folder of its own, and its SHA-256 as the kernel's side computes it.
fn ten_megabytes(net: &Namespace) -> Result<(tempfile::TempDir, String)> {
    let folder = tempfile::tempdir()?;
    let bytes: Vec<u8> = (0..10_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(folder.path().join("file"), bytes)?;
    let path = folder.path().join("file");
    let sum = net.run("sha256sum", [path.to_str().context("a plain path")?])?;
    Ok((folder, sum.split_whitespace().next().unwrap_or_default().to_owned()))
}

async fn exchange(impair: Option<&str>) -> Result<()> {
    let net = Namespace::new()?;
    let _inside = net.enter()?;
    let mut args = vec!["--tap", "tap0"];
    args.extend(impair.iter().flat_map(|i| ["--impair", i]));
    let bridge = Bridge::start(args)?;
    let mut peer = Peer::connect(&bridge).await?;

    if impair.is_none() {
        let ping = net.start("ping", ["-c", "20", "-i", "0.02", OURS])?;
        let said = peer.run_with(ping).await?;
        ensure!(said.contains("20 received, 0% packet loss"), "{said}");
        let said = peer.run_here(&format!("ping -c 3 -i 0.2 {KERNEL}")).await?;
        ensure!(said.contains("3 received, 0% packet loss"), "{said}");
    }

    let url = format!("http://{OURS}/bytes/1000000");
    let folder = tempfile::tempdir()?;
    let to = folder.path().join("got");
    let to = to.to_str().context("a plain path")?;
    let begin = Instant::now();
    let curl = net.start("curl", ["-sS", "--max-time", "50", "-o", to, &url])?;
    peer.run_with(curl).await?;
    println!("{impair:?}: the kernel fetched 1 MB in {:?}", begin.elapsed());
    let expected = lab::programs::bytes::stretch(0, 1_000_000);
    ensure!(std::fs::read(to)? == expected, "what curl got is not what the stack sent");

    let (folder, sum) = ten_megabytes(&net)?;
    let root = folder.path().to_str().context("a plain path")?;
    let mut server =
        net.start("python3", ["-u", "-m", "http.server", "8000", "--bind", KERNEL, "--directory", root])?;
    server.wait_for_line(Duration::from_secs(10), "that it serves", |l| l.contains("Serving").then_some(()))?;
    let begin = Instant::now();
    let command = format!("curl -s -o file -w '%{{sha256_download}} %{{size_download}}' http://{KERNEL}:8000/file");
    let said = peer.run_here(&command).await?;
    println!("{impair:?}: the stack fetched 10 MB in {:?}", begin.elapsed());
    ensure!(said.contains(&sum) && said.contains("10000000"), "{said} is not {sum}");
    Ok(())
}

#[tokio::test]
async fn the_kernel_pings_and_fetches_and_so_do_we() -> Result<()> {
    if needs_root() { exchange(None).await } else { Ok(()) }
}

#[tokio::test]
async fn loss_reordering_and_duplication_on_the_way_do_no_harm() -> Result<()> {
    if !needs_root() {
        return Ok(());
    }
    exchange(Some("loss=2%,reorder=2%,duplicate=2%,seed=7")).await
}
