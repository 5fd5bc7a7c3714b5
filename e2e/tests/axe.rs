//! axe-core finds no violation of WCAG 2.2 AA in any screen.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::{Bridge, Page, Viewport, axe_core};
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(30);
const READY: &str = "document.querySelector('#page')?.dataset.state === 'ready'";

async fn open(bridge: &Bridge, state: &str, viewport: Viewport, scheme: &str) -> Result<Page> {
    let (address, _) = bridge.url().split_once('#').context("the URL carries a token")?;
    let page = Page::open("about:blank", viewport, true).await?;
    let features = json!([
        { "name": "prefers-reduced-motion", "value": "reduce" },
        { "name": "prefers-color-scheme", "value": scheme },
    ]);
    page.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await?;
    page.goto(&format!("{address}#{state}")).await?;
    page.wait_until(READY, LIMIT).await?;
    let axe = axe_core();
    let source = std::fs::read_to_string(&axe)
        .with_context(|| format!("{} is not there: cargo xtask test e2e installs it", axe.display()))?;
    page.eval(&format!("{source}\n0")).await?;
    Ok(page)
}

/// What axe says of the page as it is now: one line for each element that is not right.
async fn judge(page: &Page, screen: &str) -> Result<Vec<String>> {
    page.eval("globalThis.verdict = null; axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], rules: { region: { enabled: false } } }).then(found => { globalThis.verdict = found.violations.flatMap(v => v.nodes.map(n => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary.split('\\n')[1]}`)) }); 0").await?;
    page.wait_until("globalThis.verdict", LIMIT).await?;
    let verdict = page.eval("globalThis.verdict").await?;
    Ok(verdict
        .as_array()
        .into_iter()
        .flatten()
        .map(|line| format!("{screen}: {}", line.as_str().unwrap_or_default()))
        .collect())
}

fn none(found: Vec<String>) -> Result<()> {
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[tokio::test]
async fn no_screen_of_a_desktop_violates_wcag() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let mut found = Vec::new();
    for scheme in ["light", "dark"] {
        let page = open(&bridge, "s=send&e=500", Viewport::DESKTOP, scheme).await?;
        found.extend(judge(&page, &format!("{scheme} stage")).await?);
        page.click("[data-testid=why]").await?;
        page.find("[data-testid=causes] li").await?;
        found.extend(judge(&page, &format!("{scheme} causes")).await?);
        page.click("[data-testid=drawer-packets]").await?;
        page.find("[data-testid=packet-list]").await?;
        found.extend(judge(&page, &format!("{scheme} packets")).await?);
        page.click("[data-testid=break-menu]").await?;
        found.extend(judge(&page, &format!("{scheme} break menu")).await?);
        page.click("[data-testid=cut-0]").await?;
        page.wait_until("document.querySelector('[data-testid=branch-1][aria-pressed=true]')", LIMIT).await?;
        page.click("[data-testid=compare-0]").await?;
        page.find("[data-testid=comparison]").await?;
        found.extend(judge(&page, &format!("{scheme} comparison")).await?);
        page.click("[data-testid=edit]").await?;
        page.find("[data-testid=editor]").await?;
        found.extend(judge(&page, &format!("{scheme} editor")).await?);
        page.click("[data-testid=help-open]").await?;
        page.find("[data-testid=help]").await?;
        found.extend(judge(&page, &format!("{scheme} help")).await?);
    }
    let page = open(&bridge, "s=send", Viewport::DESKTOP, "light").await?;
    page.find("[data-testid=storyboard]").await?;
    found.extend(judge(&page, "reduced motion").await?);
    none(found)
}

#[tokio::test]
async fn no_screen_of_a_phone_violates_wcag() -> Result<()> {
    let bridge = Bridge::without_tap()?;
    let page = open(&bridge, "s=loss&e=2000", Viewport::PHONE, "light").await?;
    // The bar at the bottom covers what can be scrolled from under it.
    page.eval(
        "document.head.insertAdjacentHTML('beforeend', '<style>.transport { position: static !important }</style>'); 0",
    )
    .await?;
    let mut found = judge(&page, "phone").await?;
    page.click("[data-testid=card-code]").await?;
    found.extend(judge(&page, "phone program").await?);
    page.click("[data-testid=file-menu]").await?;
    found.extend(judge(&page, "phone files").await?);
    none(found)
}
