//! The helpers themselves: what they promise about cleaning up, namespaces, keys and errors.

use std::time::Duration;

use anyhow::Result;
use e2e::{Namespace, Page, StaticServer, Viewport};

/// A page that writes down what happens to it.
const SCRATCH_PAGE: &str = r##"<!doctype html><title>scratch</title>
<link rel="icon" href="data:,">
<button id="button" onclick="said.textContent = 'clicked'">press</button>
<input id="input"><p id="said"></p>
<script>
  const said = document.querySelector("#said");
  addEventListener("keydown", event => {
    if (!["Shift"].includes(event.key)) said.textContent = (event.shiftKey ? "Shift+" : "") + event.code;
  });
</script>"##;

fn scratch_server() -> Result<(tempfile::TempDir, StaticServer)> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("index.html"), SCRATCH_PAGE)?;
    let server = StaticServer::start(folder.path())?;
    Ok((folder, server))
}

#[tokio::test]
async fn clicks_keys_and_text_arrive() -> Result<()> {
    let (_folder, server) = scratch_server()?;
    let page = Page::open(server.url(), Viewport::DESKTOP, false).await?;
    page.click("#button").await?;
    assert_eq!(page.text("#said").await?, "clicked");
    page.key("Shift+ArrowLeft").await?;
    assert_eq!(page.text("#said").await?, "Shift+ArrowLeft");
    page.type_text("#input", "abc").await?;
    page.wait_until("document.querySelector('#input').value == 'abc'", Duration::from_secs(5)).await?;
    assert_eq!(page.count("button").await?, 1);
    assert_eq!(page.eval("await 1 + innerWidth").await?, 1441);
    Ok(())
}

#[tokio::test]
async fn errors_of_the_page_are_seen() -> Result<()> {
    let (_folder, server) = scratch_server()?;
    let page = Page::open(server.url(), Viewport::DESKTOP, true).await?;
    assert_eq!(page.eval("matchMedia('(prefers-reduced-motion: reduce)').matches").await?, true);
    assert_eq!(page.console_errors().await?, Vec::<String>::new());
    let error = page.eval("nothing.at.all").await.unwrap_err();
    assert!(error.to_string().contains("nothing is not defined"), "{error}");
    page.eval(
        "console.error('oh no'); setTimeout(() => { throw new Error('uncaught') }); fetch('missing').then(() => 1)",
    )
    .await?;
    let errors = page.console_errors().await?.join("\n");
    for word in ["oh no", "uncaught", "404"] {
        assert!(errors.contains(word), "{word} is not in {errors}");
    }
    Ok(())
}

#[tokio::test]
async fn chromium_runs_in_a_namespace_and_leaves_nothing_behind() -> Result<()> {
    let net = Namespace::new()?;
    {
        let _inside = net.enter()?;
        let (_folder, server) = scratch_server()?;
        let page = Page::open(server.url(), Viewport::PHONE, false).await?;
        page.click("#button").await?;
        assert_eq!(page.text("#said").await?, "clicked");
        // Nothing but lo: what Chromium shows came from inside.
        assert_eq!(net.run("ip", ["-brief", "link"])?.lines().count(), 1);
        assert_ne!(net.run("ip", ["netns", "pids", net.name()])?, "");
    }
    let until = std::time::Instant::now() + Duration::from_secs(5);
    loop {
        let pids = net.run("ip", ["netns", "pids", net.name()])?;
        // `ip` itself is in there.
        if pids.lines().count() <= 1 {
            break;
        }
        assert!(std::time::Instant::now() < until, "still there: {pids}");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
