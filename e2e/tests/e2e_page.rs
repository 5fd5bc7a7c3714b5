//! The page as the bridge serves it: it loads, it says nothing in the console, it fits the screens it is made for.

use anyhow::{Result, ensure};
use e2e::{Bridge, Page, Viewport};

#[tokio::test]
async fn the_bridge_serves_the_page_and_it_loads() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = Page::open(bridge.url(), Viewport::DESKTOP, false).await?;
    page.find("#app > *").await?;
    let title = page.eval("document.title").await?;
    ensure!(title.as_str().is_some_and(|title| title.starts_with("Sendpath")), "{title}");
    assert_eq!(page.console_errors().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn the_page_fits_a_phone() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    for width in [390, 360, 320] {
        let page = Page::open(bridge.url(), Viewport { width, ..Viewport::PHONE }, true).await?;
        page.find("#app > *").await?;
        // Not innerWidth: a phone's browser zooms out until a page that is too wide fits.
        let wide = page.eval("document.documentElement.scrollWidth").await?;
        ensure!(wide == width, "the page is {wide} pixels wide on a screen of {width}");
        assert_eq!(page.console_errors().await?, Vec::<String>::new());
    }
    Ok(())
}

#[tokio::test]
async fn ctrl_c_ends_the_bridge_cleanly() -> Result<()> {
    let mut bridge = Bridge::without_tap()?;
    let _page = Page::open(bridge.url(), Viewport::DESKTOP, false).await?;
    let status = bridge.process().interrupt(std::time::Duration::from_secs(10))?;
    ensure!(status.success(), "{status}: {}", bridge.process().output());
    Ok(())
}
