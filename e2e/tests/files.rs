//! Files in and out: what the page saves it opens again; captures are listed, filtered, taken apart, followed.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use e2e::{Bridge, Page, Viewport};

const READY: &str = "document.querySelector('#page')?.dataset.state === 'ready'";
const LIMIT: Duration = Duration::from_secs(20);

/// Opens a scenario at an event, so that nothing plays.
async fn open(bridge: &Bridge, scenario: &str) -> Result<Page> {
    let (address, _) = bridge.url().split_once('#').context("the URL carries a token")?;
    let page = Page::open(&format!("{address}#s={scenario}&e=60"), Viewport::DESKTOP, true).await?;
    page.wait_until(READY, LIMIT).await?;
    // Downloads land here instead of on the disk.
    page.eval("globalThis.saved = {}; globalThis.blobs = {}; const make = URL.createObjectURL; URL.createObjectURL = (blob) => { const url = make.call(URL, blob); blobs[url] = blob; return url; }; HTMLAnchorElement.prototype.click = function () { saved[this.download] = blobs[this.href]; }; 0").await?;
    Ok(page)
}

/// Clicks an entry of the menu of files and gives what it saved.
async fn save(page: &Page, entry: &str, name: &str) -> Result<Vec<u8>> {
    page.click("[data-testid=file-menu]").await?;
    page.click(&format!("[data-testid={entry}]")).await?;
    page.wait_until(&format!("saved['{name}']"), LIMIT).await?;
    page.eval(&format!(
        "{{ globalThis.text = null; saved['{name}'].arrayBuffer().then(b => {{ let s = ''; for (const x of new Uint8Array(b)) s += String.fromCharCode(x); globalThis.text = btoa(s) }}); 0 }}"
    ))
    .await?;
    page.wait_until("globalThis.text", LIMIT).await?;
    let text = page.eval("globalThis.text").await?;
    Ok(base64::engine::general_purpose::STANDARD.decode(text.as_str().context("base64")?)?)
}

/// Drops a file on the page.
async fn drop_file(page: &Page, name: &str, bytes: &[u8]) -> Result<()> {
    let data = base64::engine::general_purpose::STANDARD.encode(bytes);
    page.eval(&format!(
        "{{ const bytes = Uint8Array.from(atob('{data}'), c => c.charCodeAt(0)); const dataTransfer = new DataTransfer(); dataTransfer.items.add(new File([bytes], '{name}')); for (const type of ['dragover', 'drop']) document.body.dispatchEvent(new DragEvent(type, {{ dataTransfer, bubbles: true, cancelable: true }})); 0 }}"
    ))
    .await?;
    Ok(())
}

async fn filter(page: &Page, text: &str) -> Result<()> {
    let text = serde_json::to_string(text)?;
    page.eval(&format!("{{ const f = document.querySelector('#filter'); f.value = {text}; f.dispatchEvent(new InputEvent('input', {{ bubbles: true }})); 0 }}")).await?;
    Ok(())
}

async fn count(page: &Page, text: &str) -> Result<()> {
    page.wait_until(&format!("document.querySelector('[data-testid=packet-count]')?.textContent === '{text}'"), LIMIT)
        .await
}

#[tokio::test]
async fn a_saved_run_opens_as_a_capture() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = open(&bridge, "send").await?;
    let events = String::from_utf8(save(&page, "save-events", "send.events.jsonl").await?)?;
    ensure!(events.lines().count() > 500 && events.starts_with('{'), "{}", &events[..200]);
    let file = save(&page, "save-pcapng", "send.pcapng").await?;
    let picture = String::from_utf8(save(&page, "picture-hosts", "send-60-hosts.svg").await?)?;
    ensure!(picture.starts_with("<svg") && picture.contains("socket") && picture.contains("--purple"));
    drop_file(&page, "send.pcapng", &file).await?;
    count(&page, "30 packets").await?;
    // The same grid shows any packet; a filter with a slip says where; a right one filters.
    filter(&page, "tcp.flags.synn == 1").await?;
    let wrong = page.text("[data-testid=filter-wrong]").await?;
    ensure!(wrong.contains("Column 1") && wrong.contains("did you mean tcp.flags.syn?"), "{wrong}");
    filter(&page, "tcp.flags.syn == 1 && frame.interface_name == \"wire\"").await?;
    count(&page, "2 of 30 packets").await?;
    page.click("[data-testid=packet-list] [data-line='1']").await?;
    page.wait_until("document.querySelector('.capture-caption').textContent.includes('[SYN, ACK]')", LIMIT).await?;
    page.click(".capture .tabs button:nth-child(3)").await?;
    page.find("[data-field='tcp.seq_raw']").await?;
    page.click("[data-field='tcp.window_size_value']").await?;
    ensure!(page.text("[data-testid=field-about]").await?.contains("tcp.window_size_value"));
    // The keyboard alone goes through the list.
    page.eval("document.querySelector('[data-testid=packet-list]').focus()").await?;
    page.key("ArrowUp").await?;
    page.wait_until("document.querySelector('.capture-caption').textContent.includes('[SYN]')", LIMIT).await?;
    page.click("[data-testid=show-streams]").await?;
    page.click("[data-testid=follow-0]").await?;
    let said = page.text("[data-testid=followed]").await?;
    ensure!(said.contains("GET / HTTP/1.1") && said.contains("37 bytes"), "{said}");
    page.click("[data-testid=capture-close]").await?;
    page.wait_until(
        "document.querySelector('#page').dataset.event === '60' && document.querySelector('.tower')",
        LIMIT,
    )
    .await?;
    assert_eq!(page.console_errors().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn the_packets_of_a_run_and_its_cursor_are_linked() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = open(&bridge, "send").await?;
    page.click("[data-testid=drawer-packets]").await?;
    count(&page, "10 packets").await?;
    page.click("[data-testid=packet-list] [data-line='5']").await?;
    page.wait_until("document.querySelector('[data-line=\"5\"]').getAttribute('aria-selected') === 'true' && document.querySelector('#page').dataset.event > 60", LIMIT).await?;
    page.click("[data-testid=end]").await?;
    page.wait_until("document.querySelector('[data-line=\"9\"]')?.getAttribute('aria-selected') === 'true'", LIMIT)
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_scenario_goes_out_and_in_and_a_bad_file_says_what_and_where() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = open(&bridge, "http").await?;
    drop_file(&page, "holiday.jpg", &[0xff, 0xd8, 0xff, 0xe0]).await?;
    let trouble = page.text("[data-testid=file-trouble]").await?;
    ensure!(trouble.contains("holiday.jpg cannot be opened") && trouble.contains("ff d8 ff e0"), "{trouble}");
    page.click("[data-testid=file-trouble-close]").await?;
    let scenario = String::from_utf8(save(&page, "save-scenario", "http.toml").await?)?;
    drop_file(&page, "mine.toml", scenario.replace("title = \"", "title = \"Mine: ").as_bytes()).await?;
    page.wait_until(READY, LIMIT).await?;
    drop_file(&page, "broken.toml", b"title = 3\n").await?;
    page.wait_until("document.querySelector('#page').dataset.state === 'failed'", LIMIT).await?;
    ensure!(page.text("[data-testid=failure]").await?.contains("broken.toml:1:9"));
    assert_eq!(page.console_errors().await?, Vec::<String>::new());
    Ok(())
}

/// A million packets: the classic format, one UDP datagram over and over, numbered in its payload.
fn million() -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65_535, 101] {
        file.extend(word.to_le_bytes());
    }
    for number in 0..1_000_000u32 {
        for word in [number / 1000, number % 1000 * 1000, 32, 32] {
            file.extend(word.to_le_bytes());
        }
        file.extend([0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 0, 53, 0, 12, 0, 0]);
        file.extend(number.to_be_bytes());
    }
    file
}

#[tokio::test]
async fn a_list_of_a_million_packets_stays_quick() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = open(&bridge, "send").await?;
    // Too large for one command of the DevTools: the page makes it from the same recipe.
    let one = base64::engine::general_purpose::STANDARD.encode(&million()[..24 + 48]);
    page.eval(&format!(
        "{{ const one = Uint8Array.from(atob('{one}'), c => c.charCodeAt(0)); const n = 1000000; const all = new Uint8Array(24 + 48 * n); all.set(one.subarray(0, 24)); const view = new DataView(all.buffer); for (let i = 0; i < n; i++) {{ const at = 24 + 48 * i; all.set(one.subarray(24), at); view.setUint32(at, Math.floor(i / 1000), true); view.setUint32(at + 4, i % 1000 * 1000, true); view.setUint32(at + 44, i); }} const dataTransfer = new DataTransfer(); dataTransfer.items.add(new File([all], 'million.pcap')); document.body.dispatchEvent(new DragEvent('drop', {{ dataTransfer, bubbles: true, cancelable: true }})); 0 }}"
    ))
    .await?;
    page.wait_until(
        "document.querySelector('[data-testid=packet-count]')?.textContent === '1000000 packets'",
        Duration::from_secs(60),
    )
    .await?;
    let begin = std::time::Instant::now();
    page.eval("document.querySelector('[data-testid=packet-list]').scrollTop = 1e9; 0").await?;
    page.wait_until("document.querySelector('[data-number=\"1000000\"]')", LIMIT).await?;
    ensure!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    ensure!(page.count("[role=option]").await? < 400);
    filter(&page, "data.data contains 00:0f:42:3f").await?;
    page.wait_until(
        "document.querySelector('[data-testid=packet-count]')?.textContent === '1 of 1000000 packets'",
        Duration::from_secs(60),
    )
    .await?;
    page.find("[data-number=\"1000000\"]").await?;
    Ok(())
}
