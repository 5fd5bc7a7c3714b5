//! What the page finds when it comes to life: what was put into it, its address, the reader's wishes.

use crate::engine::Source;
use crate::store::Link;
use serde::Deserialize;
use stack::trace::EventId;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, FocusOptions, HtmlElement, window};

/// What `prerender` put into the page.
#[derive(Deserialize, Default)]
pub struct Boot {
    /// The scenarios: name and title.
    pub scenarios: Vec<(String, String)>,
    /// The scenario that plays by itself, with its recorded run.
    pub source: Option<Source>,
}

impl Boot {
    /// Reads it; a page without is still a page.
    pub fn read() -> Boot {
        let value = js_sys::Reflect::get(&js_sys::global(), &"sendpathBoot".into()).unwrap_or(JsValue::NULL);
        let text = js_sys::JSON::stringify(&value).ok().and_then(|text| text.as_string());
        text.and_then(|text| serde_json::from_str::<Option<Boot>>(&text).ok().flatten()).unwrap_or_default()
    }
}

/// The state that the address names.
pub fn link() -> Link {
    let hash = window().and_then(|w| w.location().hash().ok());
    Link::parse(&hash.unwrap_or_default())
}

/// Does the reader, or the machine, want less motion? The first picture has found out.
pub fn wants_less_motion() -> bool {
    let page = element("page");
    page.and_then(|page| page.get_attribute("data-less-motion")).as_deref() == Some("true")
}

/// Remembers the switch for motion, where there is storage.
pub fn remember_motion(less: bool) {
    let storage = window().and_then(|w| w.local_storage().ok().flatten());
    if let Some(storage) = storage {
        let _ = storage.set_item("sendpath-motion", if less { "less" } else { "full" });
    }
}

/// Stops the flip-book; gives the event that it shows.
pub fn stop_flip_book() -> Option<EventId> {
    let flip = js_sys::Reflect::get(&js_sys::global(), &"sendpathFlip".into()).ok().filter(JsValue::is_object)?;
    let stop = js_sys::Reflect::get(&flip, &"stop".into()).ok()?.dyn_into::<js_sys::Function>().ok()?;
    let _ = stop.call0(&flip);
    let event = js_sys::Reflect::get(&flip, &"event".into()).ok()?.as_f64()?;
    Some(EventId(event as u32))
}

/// Puts the state into the address, without a new entry in the history.
pub fn set_address(link: &Link) {
    let Some(window) = window() else { return };
    if let Ok(history) = window.history() {
        // A sandboxed frame may refuse; the page works without.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&format!("#{}", link.write())));
    }
}

/// Gives the stage the focus, so that its keys work at once.
pub fn focus_stage() {
    if let Some(stage) = element("stage").and_then(|stage| stage.dyn_into::<HtmlElement>().ok()) {
        // No ring before the reader has used the keyboard: `data-fresh` lasts until the focus moves.
        let _ = stage.set_attribute("data-fresh", "");
        let fresh = stage.clone();
        let once = Closure::once_into_js(move || fresh.remove_attribute("data-fresh"));
        stage.set_onblur(Some(once.unchecked_ref()));
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        let _ = stage.focus_with_options(&options);
    }
}

/// Gives an element the focus.
pub fn focus(id: &str) {
    if let Some(element) = element(id).and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}

/// When somebody puts another link into the address, the page starts anew from it.
pub fn listen_to_address() {
    let Some(window) = window() else { return };
    let reload = || {
        if let Some(window) = web_sys::window() {
            let _ = window.location().reload();
        }
    };
    gloo_events::EventListener::new(&window, "hashchange", move |_| reload()).forget();
}

/// Scrolls program and call trace so far that their current line is seen; never the page.
pub fn keep_line_in_sight() {
    let Some(document) = window().and_then(|w| w.document()) else { return };
    // The trace has a head that stays, and shows what comes next as well.
    for (pane, head, next) in [(".source", 0.0, 0.0), (".calls", 28.0, 52.0)] {
        let frame = document.query_selector(pane).ok().flatten();
        let line = document.query_selector(&format!("{pane} .here")).ok().flatten();
        let (Some(pane), Some(line)) = (frame, line) else { continue };
        let (frame, line) = (pane.get_bounding_client_rect(), line.get_bounding_client_rect());
        let beyond = (line.bottom() + next - frame.bottom()).max(0.0) + (line.top() - head - frame.top()).min(0.0);
        if beyond != 0.0 {
            pane.set_scroll_top(pane.scroll_top() + beyond.round() as i32);
        }
    }
}

/// Where the page is mounted.
pub fn place() -> Option<Element> {
    element("app")
}

/// `ws://…` or `wss://…` of the bridge that served this page.
pub fn bridge_url(token: &str) -> Option<String> {
    let location = window()?.location();
    let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
    let token = String::from(js_sys::encode_uri_component(token));
    Some(format!("{scheme}://{}{}?token={token}", location.host().ok()?, bridge_protocol::WS_PATH))
}

fn element(id: &str) -> Option<Element> {
    window()?.document()?.get_element_by_id(id)
}
