//! A page in headless Chromium, in the words of someone who uses it: open, click, read, press a key, look.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use fantoccini::actions::{Actions, InputSource, KeyAction, KeyActions, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::{Client, Locator};
use serde_json::{Value, json};

use crate::driver::{ConsoleLog, DevTools, Driver};
use crate::keys::code_points;

/// How long any one step may take.
const STEP_LIMIT: Duration = Duration::from_secs(30);

/// How long an element may take to appear.
const FIND_LIMIT: Duration = Duration::from_secs(10);

/// Size and kind of the screen.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Viewport {
    /// Width in CSS pixels.
    pub width: u32,
    /// Height in CSS pixels.
    pub height: u32,
    /// A phone: touch instead of a mouse, and the viewport `meta` element counts.
    pub mobile: bool,
    /// Screen pixels for each CSS pixel.
    pub scale: f64,
}

impl Viewport {
    /// A laptop, 1440×900.
    pub const DESKTOP: Viewport = Viewport { width: 1440, height: 900, mobile: false, scale: 1.0 };
    /// A phone held upright, 390×844 at two screen pixels each.
    pub const PHONE: Viewport = Viewport { width: 390, height: 844, mobile: true, scale: 2.0 };
}

/// One line of the browser's console, or an uncaught exception, or a failed request.
#[derive(Clone, PartialEq, Debug)]
pub struct ConsoleLine {
    /// `SEVERE`, `WARNING`, `INFO` or `DEBUG`.
    pub level: String,
    /// Where it comes from: `console-api`, `javascript`, `network`, …
    pub source: String,
    /// Place and text.
    pub message: String,
}

/// A page in a Chromium of its own, which ends when this value is dropped.
///
/// ```no_run
/// # async fn test() -> anyhow::Result<()> {
/// let page = e2e::Page::open("http://127.0.0.1:8080/", e2e::Viewport::DESKTOP, false).await?;
/// page.key("ArrowRight").await?;
/// assert_eq!(page.text("#caption").await?, "The program asks for a socket.");
/// assert!(page.console_errors().await?.is_empty());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Page {
    client: Client,
    console: std::sync::Mutex<Vec<ConsoleLine>>,
    _driver: Driver,
}

impl Page {
    /// Starts Chromium, in the network namespace of the calling thread, and loads `url`.
    ///
    /// `reduced_motion` is what the page sees as `prefers-reduced-motion`.
    pub async fn open(url: &str, viewport: Viewport, reduced_motion: bool) -> Result<Page> {
        let driver = Driver::start()?;
        let client = driver.connect().await?;
        let page = Page { client, console: Default::default(), _driver: driver };
        page.set_viewport(viewport).await?;
        let motion = if reduced_motion { "reduce" } else { "no-preference" };
        let features = json!([{ "name": "prefers-reduced-motion", "value": motion }]);
        page.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await?;
        page.goto(url).await?;
        Ok(page)
    }

    /// Loads another address in the same window.
    pub async fn goto(&self, url: &str) -> Result<()> {
        within(STEP_LIMIT, &format!("load {url}"), self.client.goto(url)).await
    }

    /// Loads the page again.
    pub async fn reload(&self) -> Result<()> {
        within(STEP_LIMIT, "reload the page", self.client.refresh()).await
    }

    /// The address as the address bar has it, with its fragment.
    pub async fn url(&self) -> Result<String> {
        Ok(within(STEP_LIMIT, "read the address", self.client.current_url()).await?.into())
    }

    /// Changes the size of the screen while the page runs.
    pub async fn set_viewport(&self, viewport: Viewport) -> Result<()> {
        let Viewport { width, height, mobile, scale } = viewport;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await?;
        self.devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": mobile })).await?;
        Ok(())
    }

    /// Waits until an element exists, and returns it.
    pub async fn find(&self, css: &str) -> Result<Element> {
        let wait = self.client.wait().at_most(FIND_LIMIT).for_element(Locator::Css(css));
        within(STEP_LIMIT, &format!("find {css}"), wait).await
    }

    /// How many elements match now, without waiting.
    pub async fn count(&self, css: &str) -> Result<usize> {
        let found = within(STEP_LIMIT, &format!("find {css}"), self.client.find_all(Locator::Css(css))).await?;
        Ok(found.len())
    }

    /// Clicks an element with the mouse; fails when another element covers it.
    pub async fn click(&self, css: &str) -> Result<()> {
        let element = self.find(css).await?;
        within(STEP_LIMIT, &format!("click {css}"), element.click()).await
    }

    /// Moves the mouse over an element.
    pub async fn hover(&self, css: &str) -> Result<()> {
        let element = self.find(css).await?;
        let to = PointerAction::MoveToElement { element, duration: None, x: 0.0, y: 0.0 };
        let mouse = MouseActions::new("mouse".to_owned()).then(to);
        within(STEP_LIMIT, &format!("hover over {css}"), self.client.perform_actions(mouse)).await
    }

    /// The visible text of an element.
    pub async fn text(&self, css: &str) -> Result<String> {
        let element = self.find(css).await?;
        within(STEP_LIMIT, &format!("read {css}"), element.text()).await
    }

    /// An attribute of an element.
    pub async fn attribute(&self, css: &str, name: &str) -> Result<Option<String>> {
        let element = self.find(css).await?;
        within(STEP_LIMIT, &format!("read {name} of {css}"), element.attr(name)).await
    }

    /// Types text into an element.
    pub async fn type_text(&self, css: &str, text: &str) -> Result<()> {
        let element = self.find(css).await?;
        within(STEP_LIMIT, &format!("type into {css}"), element.send_keys(text)).await
    }

    /// Presses and releases a key where the focus is: `"a"`, `"Space"`, `"ArrowRight"`, `"Shift+ArrowLeft"`.
    pub async fn key(&self, keys: &str) -> Result<()> {
        let codes = code_points(keys)?;
        let mut actions = KeyActions::new("keyboard".to_owned());
        for &value in &codes {
            actions = actions.then(KeyAction::Down { value });
        }
        for &value in codes.iter().rev() {
            actions = actions.then(KeyAction::Up { value });
        }
        let actions: Actions = actions.into();
        within(STEP_LIMIT, &format!("press {keys}"), self.client.perform_actions(actions)).await
    }

    /// The value of a JavaScript expression or script; promises are awaited, exceptions are errors.
    pub async fn eval(&self, js: &str) -> Result<Value> {
        let params = json!({ "expression": js, "awaitPromise": true, "returnByValue": true, "replMode": true, "userGesture": true });
        let mut answer = self.devtools("Runtime.evaluate", params).await?;
        if let Some(exception) = answer.get("exceptionDetails") {
            let text = exception.pointer("/exception/description").or_else(|| exception.get("text"));
            bail!("{js}: {}", text.and_then(Value::as_str).unwrap_or("an exception"));
        }
        Ok(answer.pointer_mut("/result/value").map(Value::take).unwrap_or_default())
    }

    /// Waits until a JavaScript expression is true.
    pub async fn wait_until(&self, js: &str, limit: Duration) -> Result<()> {
        let until = Instant::now() + limit;
        loop {
            let value = self.eval(&format!("!!({js})")).await?;
            if value == Value::Bool(true) {
                return Ok(());
            }
            if Instant::now() > until {
                bail!("{js} is still not true after {limit:?}");
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Writes what the screen shows as PNG.
    pub async fn screenshot(&self, to: impl AsRef<Path>) -> Result<()> {
        let answer = self.devtools("Page.captureScreenshot", json!({ "format": "png" })).await?;
        let data = answer["data"].as_str().context("Chromium sent no picture")?;
        let png = base64::engine::general_purpose::STANDARD.decode(data)?;
        let to = to.as_ref();
        std::fs::write(to, png).with_context(|| format!("cannot write {}", to.display()))
    }

    /// All lines of the console since the page was opened, uncaught exceptions and failed requests among them.
    pub async fn console(&self) -> Result<Vec<ConsoleLine>> {
        // Chromium's parts send their lines by ways of their own: let those that are under way arrive.
        tokio::time::sleep(Duration::from_millis(100)).await;
        // ChromeDriver hands each line out once.
        let new = within(STEP_LIMIT, "read the console", self.client.issue_cmd(ConsoleLog)).await?;
        let field = |line: &Value, name| line[name].as_str().unwrap_or_default().to_owned();
        let new = new.as_array().into_iter().flatten().map(|line| ConsoleLine {
            level: field(line, "level"),
            source: field(line, "source"),
            message: field(line, "message"),
        });
        let mut lines = self.console.lock().map_err(|_| anyhow!("a test panicked while it read the console"))?;
        lines.extend(new);
        Ok(lines.clone())
    }

    /// The messages of errors in the console: `console.error`, uncaught exceptions, failed requests.
    pub async fn console_errors(&self) -> Result<Vec<String>> {
        let lines = self.console().await?;
        Ok(lines.into_iter().filter(|line| line.level == "SEVERE").map(|line| line.message).collect())
    }

    /// Any command of the DevTools protocol.
    pub async fn devtools(&self, cmd: &'static str, params: Value) -> Result<Value> {
        within(STEP_LIMIT, cmd, self.client.issue_cmd(DevTools { cmd, params })).await
    }

    /// fantoccini's own client, for what has no word here.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// Awaits a step with a time limit, and says which step it was when it fails.
async fn within<T, E>(limit: Duration, what: &str, step: impl Future<Output = Result<T, E>>) -> Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    tokio::time::timeout(limit, step)
        .await
        .with_context(|| format!("could not {what} within {limit:?}"))?
        .with_context(|| format!("could not {what}"))
}
