//! Where Chromium and ChromeDriver are, and the flags that keep Chromium quiet and at home.

use std::env;
use std::path::PathBuf;

use anyhow::{Result, anyhow};

/// Flags for a headless Chromium. Without the first group it tries to reach servers outside.
///
/// `xtask/webdriver.json` holds the same list for the unit tests that run in a browser.
pub const CHROMIUM_FLAGS: &[&str] = &[
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--mute-audio",
];

/// Where a program is that is named without a folder, or `None`.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Chromium or Chrome: `$CHROME`, or the first one in `$PATH`.
pub fn find_chrome() -> Result<PathBuf> {
    if let Some(path) = env::var_os("CHROME") {
        return Ok(path.into());
    }
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
        .into_iter()
        .find_map(find_program)
        .ok_or_else(|| anyhow!("no Chromium found: `apt-get install chromium`, or set CHROME to its path"))
}

/// ChromeDriver: `$CHROMEDRIVER`, or the one in `$PATH`.
pub fn find_driver() -> Result<PathBuf> {
    if let Some(path) = env::var_os("CHROMEDRIVER") {
        return Ok(path.into());
    }
    find_program("chromedriver").ok_or_else(|| {
        anyhow!("no ChromeDriver found: `apt-get install chromium-driver`, or set CHROMEDRIVER to its path")
    })
}
