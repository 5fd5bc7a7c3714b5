//! The drawers above the timeline: opened by keys, remembered in the link, and what is picked in one lights up in the
//! others.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::{Bridge, Page, Viewport};

const READY: &str = "document.querySelector('#page')?.dataset.state === 'ready'";
const EVENT: &str = "Number(document.querySelector('#page').dataset.event)";
const LIMIT: Duration = Duration::from_secs(20);

/// Opens the page at a place in a run.
async fn open(bridge: &Bridge, link: &str, viewport: Viewport) -> Result<Page> {
    let (address, _) = bridge.url().split_once('#').context("the URL carries a token")?;
    let page = Page::open(&format!("{address}#{link}"), viewport, true).await?;
    page.wait_until(READY, LIMIT).await?;
    Ok(page)
}

#[tokio::test]
async fn the_ladder_opens_by_key_moves_time_and_is_in_the_link() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = open(&bridge, "s=hello&e=300", Viewport::DESKTOP).await?;
    page.eval("document.querySelector('#stage').focus()").await?;
    page.key("1").await?;
    page.wait_until("document.querySelectorAll('.stripe').length > 5", LIMIT).await?;
    ensure!(page.text(".drawer-pane").await?.contains("SYN ACK seq 0 ack 1"), "the handshake is labelled");
    // A label leads to its frame: time and selection move, and the frame lights up here and in the tower.
    let before = page.eval(EVENT).await?;
    page.eval("[...document.querySelectorAll('.rungs .label')].find(l => l.textContent.includes('SYN ACK')).click()")
        .await?;
    page.wait_until(&format!("{EVENT} !== {before}"), LIMIT).await?;
    page.wait_until("document.querySelector('.rungs .label.lit')?.textContent.includes('SYN ACK')", LIMIT).await?;
    page.wait_until("document.querySelector('.tower .frame.selected, .tower .selected')", LIMIT).await?;
    // Closer, and taller by the keyboard: both are in the link, and the link restores them.
    page.key("w").await?;
    page.eval("document.querySelector('[data-testid=drawer-handle]').focus()").await?;
    page.key("ArrowUp").await?;
    page.wait_until("/d=ladder&h=288&w=\\d+-\\d+/.test(location.hash)", LIMIT).await?;
    let text = "document.querySelector('#stage').innerText";
    let seen = page.eval(text).await?;
    page.reload().await?;
    page.wait_until(&format!("{READY} && document.querySelectorAll('.stripe').length > 2"), LIMIT).await?;
    assert_eq!(page.eval(text).await?, seen, "the link restores what was seen");
    page.click("[data-testid=drawer-close]").await?;
    page.wait_until("!document.querySelector('.drawer-pane') && !location.hash.includes('d=')", LIMIT).await?;
    assert_eq!(page.console_errors().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_pointer_pulls_the_drawer_taller() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = open(&bridge, "s=hello&e=300&d=ladder", Viewport::DESKTOP).await?;
    page.find(".stripe").await?;
    let pulled = page
        .eval(
            "{ const edge = document.querySelector('[data-testid=drawer-handle]'); \
               const at = edge.getBoundingClientRect(); \
               edge.setPointerCapture = () => {}; edge.hasPointerCapture = () => true; \
               const go = (type, y) => edge.dispatchEvent(new PointerEvent(type, \
                 { bubbles: true, pointerId: 1, buttons: 1, clientX: at.x + 20, clientY: y })); \
               go('pointerdown', at.y + 4); go('pointermove', at.y - 96); at.y }",
        )
        .await?;
    ensure!(pulled.is_number());
    page.wait_until("document.querySelector('.drawer-pane').getBoundingClientRect().height > 330", LIMIT).await
}

#[tokio::test]
async fn drawers_fit_a_phone() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    for width in [390, 320] {
        let page = open(&bridge, "s=loss&e=900&d=ladder", Viewport { width, ..Viewport::PHONE }).await?;
        page.find(".stripe").await?;
        // Not innerWidth: a phone's browser zooms out until a page that is too wide fits.
        let wide = page.eval("document.documentElement.scrollWidth").await?;
        ensure!(wide == width, "{wide} pixels wide on a screen of {width}");
    }
    Ok(())
}

#[tokio::test]
async fn a_click_in_the_plots_moves_time_and_lights_the_segment_in_the_ladder() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = open(&bridge, "s=loss&e=900&d=plots", Viewport::DESKTOP).await?;
    page.find(".plot svg").await?;
    ensure!(page.text(".plots").await?.contains("limited by"), "the ribbon has a name");
    ensure!(page.count("[data-testid=plots-table] td").await? > 50, "the plots are a table as well");
    let before = page.eval(EVENT).await?;
    page.click(".plot svg").await?;
    page.wait_until(&format!("{EVENT} !== {before}"), LIMIT).await?;
    page.eval("document.querySelector('#stage').focus()").await?;
    page.key("1").await?;
    page.wait_until(
        "document.querySelectorAll('.stripe').length > 2 && document.querySelector('[data-testid=ladder-now]')",
        LIMIT,
    )
    .await?;
    ensure!(page.count(".plots").await? == 0, "one drawer at a time");
    assert_eq!(page.console_errors().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn the_calls_follow_the_cursor_and_lead_back_to_it() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = open(&bridge, "s=send&e=480&d=calls", Viewport::DESKTOP).await?;
    page.wait_until(
        "document.querySelector('.calls .here code')?.textContent === \
                     document.querySelector('.caption .kernel b').textContent",
        LIMIT,
    )
    .await?;
    let text = page.text(".calls").await?;
    for name in ["__sys_sendto", "__tcp_transmit_skb", "__ip_queue_xmit", "tcp_v4_rcv", "softirq"] {
        ensure!(text.contains(name), "{name} is not among the calls");
    }
    // The cursor's own line is in sight; another call leads to its moment.
    let bounds = |of: &str| format!("document.querySelector('{of}').getBoundingClientRect()");
    let (line, pane) = (bounds(".calls .here"), bounds(".calls"));
    page.wait_until(&format!("{line}.top >= {pane}.top && {line}.bottom <= {pane}.bottom"), LIMIT).await?;
    page.eval(
        "[...document.querySelectorAll('.calls tr button')].find(b => b.textContent.includes('eth_header')).click()",
    )
    .await?;
    page.wait_until("document.querySelector('.caption .kernel b').textContent === 'eth_header'", LIMIT).await?;
    assert_eq!(page.console_errors().await?, Vec::<String>::new());
    Ok(())
}
