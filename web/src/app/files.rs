//! Files between the page and the reader's disk: chosen, dropped, saved.

use super::Sender;
use crate::engine::{Saved, words};
use crate::store::{Action, FileAction, Pane};
use gloo_events::{EventListener, EventListenerOptions};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, DragEvent, File, FileList, HtmlAnchorElement, HtmlInputElement, Url, window};
use yew::{Callback, Event};

/// Bytes of a file at the most: it has to fit the page's memory twice.
const MOST_BYTES: f64 = 1e9;

/// Hears what was chosen in an `<input type="file">`.
pub fn chosen(send: Sender) -> Callback<Event> {
    Callback::from(move |event: Event| {
        let Some(input) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else { return };
        if let Some(files) = input.files() {
            read(files, send.clone());
        }
        // The same file can be chosen again.
        input.set_value("");
    })
}

/// Hears what is dropped anywhere on the page, and shows that it may be.
pub fn listen_to_drops(send: Sender) {
    let Some(window) = window() else { return };
    let active = EventListenerOptions::enable_prevent_default;
    for name in ["dragenter", "dragover"] {
        EventListener::new_with_options(&window, name, active(), |event| {
            event.prevent_default();
            mark(true);
        })
        .forget();
    }
    EventListener::new(&window, "dragleave", |event| {
        let event: Option<&DragEvent> = event.dyn_ref();
        // Out of the window, not from one element into another.
        if event.is_some_and(|event| event.related_target().is_none()) {
            mark(false);
        }
    })
    .forget();
    EventListener::new_with_options(&window, "drop", active(), move |event| {
        event.prevent_default();
        mark(false);
        let files = event.dyn_ref::<DragEvent>().and_then(|event| event.data_transfer()).and_then(|data| data.files());
        if let Some(files) = files {
            read(files, send.clone());
        }
    })
    .forget();
}

fn mark(on: bool) {
    let root = window().and_then(|window| window.document()).and_then(|document| document.document_element());
    if let Some(root) = root {
        let _ = root.toggle_attribute_with_force("data-dropping", on);
    }
}

fn read(files: FileList, send: Sender) {
    let files: Vec<File> = (0..files.length()).filter_map(|i| files.get(i)).collect();
    if files.is_empty() {
        return;
    }
    wasm_bindgen_futures::spawn_local(async move {
        let mut all = Vec::new();
        for file in files {
            match bytes(&file).await {
                Ok(bytes) => all.push((file.name(), bytes)),
                Err(reason) => {
                    return send.emit(Action::File(FileAction::Unread(format!("{}: {reason}", file.name()))));
                }
            }
        }
        send.emit(Action::File(FileAction::Chosen(all)));
    });
}

async fn bytes(file: &File) -> Result<Vec<u8>, String> {
    if file.size() > MOST_BYTES {
        return Err("it is larger than 1 GB, more than fits a page".to_owned());
    }
    let buffer = JsFuture::from(file.array_buffer()).await.map_err(|error| words(&error))?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// Saves a file where the browser saves files.
pub fn download(saved: &Saved) {
    // Where it is refused, as in a sandboxed frame, there is nothing else to do.
    let _ = try_download(saved);
}

#[wasm_bindgen(module = "/src/app/picture.js")]
extern "C" {
    #[wasm_bindgen(js_name = paneAsSvg, catch)]
    fn pane_as_svg(selector: &str) -> Result<Option<String>, JsValue>;
}

/// Saves the picture of a pane as SVG.
pub fn save_picture(pane: Pane, name: String) {
    if let Ok(Some(text)) = pane_as_svg(pane.selector()) {
        download(&Saved { name, mime: "image/svg+xml".to_owned(), bytes: text.into_bytes() });
    }
}

fn try_download(saved: &Saved) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(&saved.mime);
    let parts = Array::of1(&Uint8Array::from(saved.bytes.as_slice()));
    let url = Url::create_object_url_with_blob(&Blob::new_with_u8_array_sequence_and_options(&parts, &options)?)?;
    let document = window().and_then(|window| window.document()).ok_or(JsValue::NULL)?;
    let link: HtmlAnchorElement = document.create_element("a")?.dyn_into()?;
    link.set_href(&url);
    link.set_download(&saved.name);
    link.click();
    gloo_timers::callback::Timeout::new(10_000, move || drop(Url::revoke_object_url(&url))).forget();
    Ok(())
}
