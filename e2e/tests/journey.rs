//! The journey of one `send()`: it plays, stops, steps back, scrubs; and what the page says is what the engine says.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::{Bridge, Page, Viewport};
use serde_json::Value;

const READY: &str = "document.querySelector('#page')?.dataset.state === 'ready'";
const EVENT: &str = "Number(document.querySelector('#page').dataset.event)";
const LIMIT: Duration = Duration::from_secs(20);

/// The events of the scenario, as the headless command tells them. Its number is its place, from 1.
fn events(scenario: &str) -> Result<Vec<Value>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("events.jsonl");
    let lab = e2e::target_dir().join("debug/lab");
    ensure!(lab.is_file(), "{} is not there: `cargo xtask test e2e` builds it", lab.display());
    let status = Command::new(lab)
        .current_dir(e2e::repo_root())
        .args(["run", &format!("www/scenarios/{scenario}.toml"), "--events"])
        .arg(&file)
        .output()?;
    ensure!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    let text = std::fs::read_to_string(&file)?;
    text.lines().map(|line| serde_json::from_str(line).context("one JSON object a line")).collect()
}

async fn ready(page: &Page) -> Result<()> {
    page.wait_until(READY, LIMIT).await
}

async fn event(page: &Page) -> Result<u64> {
    page.eval(EVENT).await?.as_u64().context("an event's number")
}

/// Goes to an event by the page's own link.
async fn go(page: &Page, bridge: &Bridge, scenario: &str, event: u64) -> Result<()> {
    let (address, _) = bridge.url().split_once('#').context("the URL carries a token")?;
    page.goto("about:blank").await?;
    page.goto(&format!("{address}#s={scenario}&e={event}")).await?;
    page.wait_until(&format!("{READY} && {EVENT} === {event}"), LIMIT).await
}

#[tokio::test]
async fn it_plays_by_itself_and_stops_by_itself() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = Page::open(bridge.url(), Viewport::DESKTOP, false).await?;
    page.wait_until("document.querySelector('#page')?.dataset.playing === 'true'", LIMIT).await?;
    // The journey, then the question; the learner has the controls.
    page.wait_until("document.querySelector('[data-testid=question]')", LIMIT).await?;
    page.wait_until("document.querySelector('#page').dataset.playing === 'false'", LIMIT).await?;
    let stood = event(&page).await?;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(event(&page).await?, stood, "it goes on by itself");
    assert_eq!(page.console_errors().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn steps_forward_and_back_return_to_the_same_text() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = Page::open(bridge.url(), Viewport::DESKTOP, true).await?;
    ready(&page).await?;
    go(&page, &bridge, "send", 250).await?;
    let text = "document.querySelector('#stage').innerText";
    let before = page.eval(text).await?;
    for (forward, back) in [("step", "back"), ("layer", "layer-back"), ("packet", "packet-back")] {
        let from = event(&page).await?;
        page.click(&format!("[data-testid={forward}]")).await?;
        page.wait_until(&format!("{EVENT} > {from}"), LIMIT).await?;
        page.click(&format!("[data-testid={back}]")).await?;
        page.wait_until(&format!("{EVENT} <= {from}"), LIMIT).await?;
    }
    go(&page, &bridge, "send", 250).await?;
    assert_eq!(page.eval(text).await?, before);
    page.click("[data-testid=step]").await?;
    page.wait_until(&format!("{EVENT} === 251"), LIMIT).await?;
    page.click("[data-testid=back]").await?;
    page.wait_until(&format!("{EVENT} === 250"), LIMIT).await?;
    assert_eq!(page.eval(text).await?, before, "a step and a step back change nothing");
    Ok(())
}

#[tokio::test]
async fn the_keyboard_steps_and_the_slider_scrubs() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = Page::open(bridge.url(), Viewport::DESKTOP, true).await?;
    ready(&page).await?;
    go(&page, &bridge, "send", 100).await?;
    page.eval("document.querySelector('#stage').focus()").await?;
    page.key("ArrowRight").await?;
    page.wait_until(&format!("{EVENT} === 101"), LIMIT).await?;
    page.key("ArrowLeft").await?;
    page.wait_until(&format!("{EVENT} === 100"), LIMIT).await?;
    page.key("End").await?;
    page.wait_until(&format!("{EVENT} > 1000"), LIMIT).await?;
    page.key("Home").await?;
    page.wait_until(&format!("{EVENT} < 10"), LIMIT).await?;
    // Scrub to the middle as a hand on the slider does.
    page.eval(
        "{ const s = document.querySelector('[data-testid=scrubber]'); s.value = String(Math.floor(s.max / 2)); \
         s.dispatchEvent(new Event('input', { bubbles: true })); }",
    )
    .await?;
    page.wait_until(&format!("{EVENT} > 100"), LIMIT).await?;
    let told = page.attribute("[data-testid=scrubber]", "aria-valuetext").await?.unwrap_or_default();
    ensure!(told.starts_with("beat "), "{told}");
    Ok(())
}

#[tokio::test]
async fn pointers_and_header_bytes_are_those_of_the_headless_run() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = Page::open(bridge.url(), Viewport::DESKTOP, true).await?;
    ready(&page).await?;
    let events = events("send")?;
    let on_alice = |e: &&Value| e["host"] == "alice";
    let pushes: Vec<&Value> =
        events.iter().filter(on_alice).filter(|e| e["event"] == "SkbMove" && e["op"] == "Push").collect();
    ensure!(pushes.len() > 9, "too few pushes: {}", pushes.len());
    for push in pushes.iter().rev().step_by(4).take(3) {
        go(&page, &bridge, "send", push["id"].as_u64().context("an id")?).await?;
        for (attribute, field) in [("data-skb", "skb"), ("data-data", "data"), ("data-tail", "tail")] {
            let shown = page.attribute(".memory", attribute).await?.unwrap_or_default();
            assert_eq!(shown, push[field].to_string(), "{attribute} at {push}");
        }
    }
    let headers: Vec<&Value> =
        events.iter().filter(on_alice).filter(|e| e["event"] == "Header" && e["proto"] == "Tcp").collect();
    let header = headers.last().context("a TCP header")?;
    go(&page, &bridge, "send", header["id"].as_u64().context("an id")?).await?;
    let shown = page
        .eval("[...document.querySelectorAll('.hex .octets [data-byte]')].map(e => e.textContent).join('')")
        .await?;
    let shown = shown.as_str().context("hex")?;
    let written = header["bytes"].as_str().context("bytes")?;
    ensure!(shown.len() >= 40 && written.starts_with(shown), "the page shows {shown}, the engine wrote {written}");
    Ok(())
}

#[tokio::test]
async fn the_strace_pane_reads_as_strace_does() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = Page::open(bridge.url(), Viewport::DESKTOP, true).await?;
    go(&page, &bridge, "send", 100).await?;
    page.click("[data-testid=end]").await?;
    page.wait_until("document.querySelector('#stage').innerText.includes('close(3)')", LIMIT).await?;
    let text = page.eval("document.querySelector('#stage').textContent").await?;
    // The pane sets the result apart with space of its own: blanks are not compared.
    let text = text.as_str().context("text")?.replace(' ', "");
    for line in [
        "socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = 3",
        "connect(3, {sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr(\"192.168.1.100\")}, 16) = 0",
        "sendto(3, \"GET / HTTP/1.1\\r\\nHost: example.com\\r\\n\\r\\n\", 37, 0, NULL, 0) = 37",
    ] {
        ensure!(text.contains(&line.replace(' ', "")), "{line} is not in the page");
    }
    Ok(())
}

#[tokio::test]
async fn an_unknown_scenario_is_told_and_another_can_be_chosen() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let (address, _) = bridge.url().split_once('#').context("the URL carries a token")?;
    let page = Page::open(&format!("{address}#s=nonsense"), Viewport::PHONE, true).await?;
    let said = page.text("[data-testid=failure]").await?;
    ensure!(said.contains("nonsense"), "{said}");
    Ok(())
}

#[tokio::test]
async fn every_scenario_opens() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = Page::open(bridge.url(), Viewport::DESKTOP, true).await?;
    ready(&page).await?;
    for entry in std::fs::read_dir(e2e::repo_root().join("www/scenarios"))? {
        let path = entry?.path();
        let Some(name) =
            path.file_stem().and_then(|s| s.to_str()).filter(|_| path.extension().is_some_and(|e| e == "toml"))
        else {
            continue;
        };
        go(&page, &bridge, name, 40).await.with_context(|| name.to_owned())?;
    }
    assert_eq!(page.console_errors().await?, Vec::<String>::new());
    Ok(())
}
