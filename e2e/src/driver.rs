//! ChromeDriver as a child process, and the two commands that WebDriver does not have: DevTools and logs.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use http::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

use crate::chrome::{CHROMIUM_FLAGS, find_chrome, find_driver};
use crate::process::Process;

/// How long ChromeDriver may take to listen, and Chromium to open its first window.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A ChromeDriver with its own port.
#[derive(Debug)]
pub(crate) struct Driver {
    process: Process,
    port: u16,
}

impl Driver {
    /// Starts ChromeDriver on a free port, in the network namespace of the calling thread.
    pub(crate) fn start() -> Result<Driver> {
        let mut command = Command::new(find_driver()?);
        command.arg("--port=0");
        let mut process = Process::start(command)?;
        let port = process.wait_for_line(START_LIMIT, "its port", |line| {
            // The first line says "Starting … on port 0".
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        })?;
        Ok(Driver { process, port })
    }

    /// Opens a Chromium window with the log of its console kept.
    pub(crate) async fn connect(&self) -> Result<Client> {
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": find_chrome()?, "args": CHROMIUM_FLAGS },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": 30_000, "pageLoad": 30_000 },
        });
        let capabilities: Capabilities = serde_json::from_value(capabilities)?;
        let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        builder.capabilities(capabilities);
        let url = format!("http://127.0.0.1:{}", self.port);
        tokio::time::timeout(START_LIMIT, builder.connect(&url))
            .await
            .with_context(|| format!("Chromium did not start within {START_LIMIT:?}: {}", self.process.output()))?
            .with_context(|| format!("Chromium did not start: {}", self.process.output()))
    }
}

/// A command of the DevTools protocol, through ChromeDriver.
#[derive(Debug)]
pub(crate) struct DevTools {
    pub(crate) cmd: &'static str,
    pub(crate) params: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        base_url.join(&format!("session/{}/goog/cdp/execute", session_id.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "cmd": self.cmd, "params": self.params }).to_string()))
    }
}

/// Takes the lines of the browser's console since the last time.
#[derive(Debug)]
pub(crate) struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        base_url.join(&format!("session/{}/se/log", session_id.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}
