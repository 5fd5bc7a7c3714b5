//! The Worker's side: `worker.js` has loaded the same module and keeps in a list what came meanwhile.

use super::driver::Driver;
use super::{EngineReply, EngineRequest};
use js_sys::{Array, Reflect, Uint8Array};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// Serves the page that made this Worker.
pub fn serve(scope: DedicatedWorkerGlobalScope) {
    let out = scope.clone();
    let driver = Driver::new(move |reply: EngineReply| {
        if let Ok(bytes) = postcard::to_allocvec(&reply) {
            let bytes = Uint8Array::from(bytes.as_slice());
            let _ = out.post_message_with_transfer(&bytes, &Array::of1(&bytes.buffer()));
        }
    });
    let waiting = Reflect::get(&scope, &"sendpathWaiting".into()).ok().and_then(|list| list.dyn_into::<Array>().ok());
    let hear = {
        let driver = Rc::clone(&driver);
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| take(&driver, &event.data()))
    };
    scope.set_onmessage(Some(hear.as_ref().unchecked_ref()));
    // It is needed as long as the Worker lives.
    hear.forget();
    for message in waiting.iter().flat_map(|list| list.iter()) {
        take(&driver, &message);
    }
}

fn take(driver: &Rc<Driver>, message: &JsValue) {
    let Some(bytes) = message.dyn_ref::<Uint8Array>() else { return };
    if let Ok(request) = postcard::from_bytes::<EngineRequest>(&bytes.to_vec()) {
        driver.request(request);
    }
}
