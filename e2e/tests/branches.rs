//! Other turns of a run: programs edited on the real interpreter, wires cut, branches compared, causes followed.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::{Bridge, Page, Viewport};

const LIMIT: Duration = Duration::from_secs(30);
const READY: &str = "document.querySelector('#page')?.dataset.state === 'ready'";

async fn open(bridge: &Bridge, state: &str) -> Result<Page> {
    let (address, _) = bridge.url().split_once('#').context("the URL carries a token")?;
    let page = Page::open(&format!("{address}#{state}"), Viewport::DESKTOP, true).await?;
    page.wait_until(READY, LIMIT).await?;
    Ok(page)
}

/// Puts a text into the editor, as a paste does.
async fn write(page: &Page, text: &str) -> Result<()> {
    page.click("[data-testid=edit]").await?;
    page.find("[data-testid=editor-text]").await?;
    let text = serde_json::to_string(text)?;
    page.eval(&format!("{{ const t = document.querySelector('[data-testid=editor-text]'); t.value = {text}; t.dispatchEvent(new InputEvent('input', {{ bubbles: true }})); t.focus(); 0 }}")).await?;
    Ok(())
}

const CLIENT: &str = "import socket\n\ns = socket.socket()\ns.connect((\"192.168.1.100\", 8080))\ns.sendall(b\"another greeting\")\ns.close()\n";

#[tokio::test]
async fn an_edited_program_runs_on_the_fetched_interpreter_and_the_link_carries_it() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = open(&bridge, "s=send&e=60").await?;
    // The recorded run needs no interpreter.
    let fetched = "performance.getEntriesByType('resource').some(r => r.name.includes('python_bg.wasm'))";
    ensure!(page.eval(fetched).await? == false);
    write(&page, CLIENT).await?;
    page.key("Control+Enter").await?;
    page.wait_until("document.querySelector('[data-testid=branch-1][aria-pressed=true]')", LIMIT).await?;
    page.click("[data-testid=end]").await?;
    page.wait_until("document.querySelector('.strace').innerText.includes('another greeting')", LIMIT).await?;
    // The address is written after a moment.
    page.wait_until("location.hash.includes('z=')", LIMIT).await?;
    let url = page.url().await?;
    ensure!(url.len() < 2_000, "{}", url.len());
    let text = page.eval("document.querySelector('.strace').innerText").await?;
    page.goto("about:blank").await?;
    page.goto(&url).await?;
    page.wait_until(&format!("{READY} && document.querySelector('[data-testid=branch-1][aria-pressed=true]') && document.querySelector('.strace').innerText.includes('another greeting')"), LIMIT).await?;
    assert_eq!(page.eval("document.querySelector('.strace').innerText").await?, text);
    // The recorded run is still there.
    page.click("[data-testid=branch-0]").await?;
    page.wait_until("!document.querySelector('.strace').innerText.includes('another greeting')", LIMIT).await?;
    assert_eq!(page.console_errors().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_mistake_in_a_program_is_marked_at_its_line() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = open(&bridge, "s=send&e=60").await?;
    write(&page, &CLIENT.replace("s.close()", "s.clothe()")).await?;
    page.click("[data-testid=run]").await?;
    page.wait_until("document.querySelector('.source .wrong')", LIMIT).await?;
    ensure!(page.text(".source .wrong").await?.contains("s.clothe()"));
    let output = page.text(".output.failed").await?;
    ensure!(output.contains("AttributeError") && output.contains("line 6"), "{output}");
    // A mistake of grammar is told as well.
    write(&page, "import socket\nx = (\n").await?;
    page.click("[data-testid=run]").await?;
    page.wait_until("document.querySelector('.output.failed')?.innerText.includes('SyntaxError')", LIMIT).await?;
    assert_eq!(page.console_errors().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_cut_wire_makes_a_branch_that_can_be_compared() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = open(&bridge, "s=send&e=500").await?;
    page.click("[data-testid=break-menu]").await?;
    page.click("[data-testid=cut-0]").await?;
    page.wait_until("document.querySelector('[data-testid=branch-1][aria-pressed=true]')", LIMIT).await?;
    ensure!(page.text("[data-testid=branch-1]").await?.contains("alice–bob: cut"));
    page.click("[data-testid=compare-0]").await?;
    let said = page.text("[data-testid=comparison] [role=status]").await?;
    ensure!(said.ends_with("packets differ."), "{said}");
    ensure!(page.count("[data-testid=comparison] .different").await? > 0);
    page.click("[data-testid=compare-close]").await?;
    // A key alone forks too.
    page.eval("document.querySelector('#stage').focus()").await?;
    page.key("b").await?;
    page.wait_until("document.querySelector('[data-testid=branch-2][aria-pressed=true]')", LIMIT).await?;
    assert_eq!(page.console_errors().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_value_tells_why_it_is_so() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = open(&bridge, "s=send&e=500").await?;
    let event = "Number(document.querySelector('#page').dataset.event)";
    page.click("[data-testid=header-Ipv4]").await?;
    page.click("[data-field='ip.checksum']").await?;
    page.click("[data-testid=why]").await?;
    page.wait_until("document.querySelectorAll('[data-testid=causes] li').length > 1", LIMIT).await?;
    ensure!(page.text("[data-testid=causes] li:first-child").await?.contains("written in"));
    // The write, and the change before it: the field was empty then.
    page.click("[data-testid=jump-to-write]").await?;
    page.wait_until(&format!("{event} < 500"), LIMIT).await?;
    let write = page.eval(event).await?;
    page.eval("document.querySelector('#stage').focus()").await?;
    page.key(",").await?;
    page.wait_until(&format!("{event} < {write}"), LIMIT).await?;
    page.key(".").await?;
    page.wait_until(&format!("{event} === {write}"), LIMIT).await?;
    ensure!(page.attribute("[data-field='ip.checksum']", "aria-pressed").await?.as_deref() == Some("true"));
    Ok(())
}

/// A transfer of a million events and more.
const LONG: &str = r#"
title = "A long run"
seed = 1
until = "60s"
[[host]]
name = "alice"
address = "10.0.0.1/24"
[[host]]
name = "bob"
address = "10.0.0.2/24"
[[wire]]
between = ["alice", "bob"]
rate = "100Mbit"
delay = "1ms"
[[program]]
host = "bob"
builtin = "httpd"
[[program]]
host = "alice"
builtin = "curl"
args = ["-s", "-o", "x", "http://10.0.0.2/bytes/60000000"]
start = "10ms"
"#;

#[tokio::test]
async fn a_long_run_shows_how_far_it_is_and_can_be_stopped() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = open(&bridge, "s=send&e=60").await?;
    let text = serde_json::to_string(LONG)?;
    page.eval(&format!("{{ const dataTransfer = new DataTransfer(); dataTransfer.items.add(new File([{text}], 'long.toml')); document.body.dispatchEvent(new DragEvent('drop', {{ dataTransfer, bubbles: true, cancelable: true }})); 0 }}")).await?;
    page.wait_until("document.querySelector('[data-testid=running] progress')?.value > 0", LIMIT).await?;
    page.click("[data-testid=stop]").await?;
    page.wait_until(
        &format!("{READY} && document.querySelector('.notice')?.innerText.includes('You stopped the run')"),
        LIMIT,
    )
    .await?;
    // What there is can be looked at: to its end, and back.
    page.click("[data-testid=end]").await?;
    page.wait_until("Number(document.querySelector('#page').dataset.event) > 8000", LIMIT).await?;
    ensure!(page.text("[data-testid=memory]").await?.contains(" of 64 MB"));
    page.click("[data-testid=start]").await?;
    page.wait_until("Number(document.querySelector('#page').dataset.event) < 10", LIMIT).await?;
    assert_eq!(page.console_errors().await?, Vec::<String>::new());
    Ok(())
}
