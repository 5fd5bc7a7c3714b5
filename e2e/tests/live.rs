//! Live mode: headless Chromium and a real kernel in one network namespace, joined by the bridge.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::{Bridge, Namespace, Page, Process, Viewport};

const LIMIT: Duration = Duration::from_secs(90);
const KERNEL: &str = "10.77.0.1";

fn is_root() -> bool {
    let root = std::process::Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n");
    if !root {
        println!("skipped: a TAP device in a network namespace needs root");
    }
    root
}

/// Waits for a command without holding up the page.
async fn wait(mut process: Process) -> Result<String> {
    let until = Instant::now() + LIMIT;
    while process.is_running() {
        ensure!(Instant::now() < until, "it does not end: {}", process.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let status = process.wait(Duration::from_secs(1))?;
    ensure!(status.success(), "{status}: {}", process.output());
    Ok(process.output())
}

/// Opens the page and joins it to the real network; gives the page's own address.
async fn join(bridge: &Bridge) -> Result<(Page, String)> {
    let page = Page::open(bridge.url(), Viewport::DESKTOP, false).await?;
    // The TAP device is new, and Chromium gives up what it loads when the network changes under it.
    for _ in 0..4 {
        if page.wait_until("document.querySelector('[data-testid=live]')", Duration::from_secs(8)).await.is_ok() {
            break;
        }
        page.reload().await?;
    }
    page.click("[data-testid=live]").await?;
    page.wait_until("document.querySelector('#page').dataset.live === 'up'", LIMIT).await?;
    page.wait_until("document.querySelector('[data-testid=address]')?.dataset.address", LIMIT).await?;
    let address = page.eval("document.querySelector('[data-testid=address]').dataset.address").await?;
    let address = address.as_str().context("the page's address")?.to_owned();
    Ok((page, address))
}

async fn exchange(impair: Option<&str>) -> Result<()> {
    let net = Namespace::new()?;
    let _inside = net.enter()?;
    let mut args = vec!["--tap", "tap0"];
    args.extend(impair.iter().flat_map(|i| ["--impair", i]));
    let bridge = Bridge::start(args)?;
    let (page, address) = join(&bridge).await?;

    if impair.is_none() {
        let said = wait(net.start("ping", ["-c", "20", "-i", "0.05", &address])?).await?;
        ensure!(said.contains("20 received, 0% packet loss"), "{said}");
        page.wait_until("document.querySelectorAll('[data-testid=frames] li').length > 20", LIMIT).await?;
    }

    let folder = tempfile::tempdir()?;
    let got = folder.path().join("got");
    let to = got.to_str().context("a plain path")?;
    let home = wait(net.start("curl", ["-sS", "--max-time", "60", &format!("http://{address}/")])?).await?;
    ensure!(home.contains("<html"), "{home}");
    let url = format!("http://{address}/bytes/1000000");
    wait(net.start("curl", ["-sS", "--max-time", "80", "-o", to, &url])?).await?;
    ensure!(std::fs::read(&got)? == lab::programs::bytes::stretch(0, 1_000_000), "what curl got is not what was sent");

    let file = folder.path().join("file");
    let bytes: Vec<u8> = (0..10_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(&file, bytes)?;
    let sum = net.run("sha256sum", [file.to_str().context("a plain path")?])?;
    let sum = sum.split_whitespace().next().unwrap_or_default().to_owned();
    let root = folder.path().to_str().context("a plain path")?;
    let mut server =
        net.start("python3", ["-u", "-m", "http.server", "8000", "--bind", KERNEL, "--directory", root])?;
    server.wait_for_line(Duration::from_secs(10), "that it serves", |l| l.contains("Serving").then_some(()))?;
    let begin = Instant::now();
    page.type_text("[data-testid=command]", &format!("curl http://{KERNEL}:8000/file")).await?;
    page.click("[data-testid=run]").await?;
    page.wait_until("document.querySelector('[data-testid=result-curl]')?.dataset.status === '0'", LIMIT).await?;
    println!("{impair:?}: the page fetched 10 MB in {:?}", begin.elapsed());
    assert_eq!(page.attribute("[data-testid=result-curl]", "data-sha256").await?, Some(sum));
    assert_eq!(page.attribute("[data-testid=result-curl]", "data-bytes").await?.as_deref(), Some("10000000"));
    ensure!(server.output().contains("GET /file"), "{}", server.output());
    let errors = page.console_errors().await?;
    let errors: Vec<_> = errors.iter().filter(|e| !e.contains("ERR_NETWORK_CHANGED")).collect();
    ensure!(errors.is_empty(), "{errors:?}");
    Ok(())
}

#[tokio::test]
async fn a_kernel_pings_and_curls_the_page_and_the_page_curls_the_kernel() -> Result<()> {
    if is_root() { exchange(None).await } else { Ok(()) }
}

#[tokio::test]
async fn the_same_through_a_bridge_that_drops_reorders_and_duplicates() -> Result<()> {
    if !is_root() {
        return Ok(());
    }
    exchange(Some("loss=2%,reorder=2%,duplicate=2%,seed=7")).await
}

#[tokio::test]
async fn looking_back_does_not_stop_the_stack() -> Result<()> {
    if !is_root() {
        return Ok(());
    }
    let net = Namespace::new()?;
    let _inside = net.enter()?;
    let bridge = Bridge::start(["--tap", "tap0"])?;
    let (page, address) = join(&bridge).await?;
    wait(net.start("ping", ["-c", "3", "-i", "0.1", &address])?).await?;
    page.click("[data-testid=look-back]").await?;
    page.wait_until("document.querySelector('[data-testid=live-bar]').dataset.state === 'back'", LIMIT).await?;
    let event = "document.querySelector('#page').dataset.event";
    let stands = page.eval(event).await?;
    let said = wait(net.start("ping", ["-c", "5", "-i", "0.1", &address])?).await?;
    ensure!(said.contains("5 received"), "{said}");
    page.wait_until("Number(document.querySelector('[data-testid=live-bar]').dataset.since) >= 10", LIMIT).await?;
    assert_eq!(page.eval(event).await?, stands, "the picture moved while looking back");
    page.click("[data-testid=back]").await?;
    page.wait_until(&format!("{event} !== '{}'", stands.as_str().unwrap_or_default()), LIMIT).await?;
    page.click("[data-testid=go-live]").await?;
    page.wait_until("document.querySelector('[data-testid=live-bar]').dataset.state === 'live'", LIMIT).await?;
    Ok(())
}

#[tokio::test]
async fn a_bridge_without_tap_says_why_there_is_no_network() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = Page::open(bridge.url(), Viewport::DESKTOP, true).await?;
    // The button comes with the engine: the first picture has none.
    page.wait_until("document.querySelector('[data-testid=live]')", LIMIT).await?;
    page.click("[data-testid=live]").await?;
    page.wait_until("document.querySelector('#page').dataset.live === 'down'", LIMIT).await?;
    let said = page.text("[data-testid=hardship]").await?;
    ensure!(said.contains("TAP"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_bridge_that_goes_away_is_told_and_can_be_joined_again() -> Result<()> {
    if !is_root() {
        return Ok(());
    }
    let net = Namespace::new()?;
    let _inside = net.enter()?;
    let mut bridge = Bridge::start(["--tap", "tap0"])?;
    let (page, _) = join(&bridge).await?;
    bridge.process().interrupt(Duration::from_secs(10))?;
    page.wait_until("document.querySelector('#page').dataset.live === 'down'", LIMIT).await?;
    page.find("[data-testid=reconnect]").await?;
    Ok(())
}
