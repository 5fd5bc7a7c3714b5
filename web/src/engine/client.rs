//! The page's side: a Worker if the browser grants one, else the engine in the page itself.
//!
//! A sandboxed frame and a page opened from a file are refused a Worker, at once or by an `error` event.

use super::driver::Driver;
use super::{EngineReply, EngineRequest};
use js_sys::{Array, Reflect, Uint8Array};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{Event, MessageEvent, Worker, WorkerOptions, WorkerType};

/// Where the engine is.
enum Place {
    Worker { worker: Worker, _hear: Closure<dyn FnMut(MessageEvent)>, _fail: Closure<dyn FnMut(Event)> },
    Inline(Rc<Driver>),
    Nowhere,
}

/// A way to the engine.
pub struct Client {
    place: RefCell<Place>,
    reply: Rc<dyn Fn(EngineReply)>,
    heard: Cell<bool>,
    /// Requests sent before the Worker said anything: they are sent again if it is refused.
    unanswered: RefCell<Vec<EngineRequest>>,
}

impl Client {
    /// Starts an engine whose replies go to `reply`; never from inside [`Client::send`].
    pub fn start(reply: impl Fn(EngineReply) + 'static) -> Rc<Client> {
        let client = Rc::new(Client {
            place: RefCell::new(Place::Nowhere),
            reply: Rc::new(reply),
            heard: Cell::new(false),
            unanswered: RefCell::new(Vec::new()),
        });
        if client.start_worker().is_err() {
            client.start_inline();
        }
        client
    }

    /// Is the engine in a thread of its own?
    pub fn is_worker(&self) -> bool {
        matches!(*self.place.borrow(), Place::Worker { .. })
    }

    /// Sends a request.
    pub fn send(self: &Rc<Client>, request: EngineRequest) {
        if !self.heard.get() {
            self.unanswered.borrow_mut().push(request.clone());
        }
        match &*self.place.borrow() {
            Place::Worker { worker, .. } => {
                if let Ok(bytes) = postcard::to_allocvec(&request) {
                    let bytes = Uint8Array::from(bytes.as_slice());
                    let _ = worker.post_message_with_transfer(&bytes, &Array::of1(&bytes.buffer()));
                }
            }
            Place::Inline(driver) => later(driver, request),
            Place::Nowhere => {}
        }
    }

    fn start_worker(self: &Rc<Client>) -> Result<(), JsValue> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options("worker.js", &options)?;
        let hear = {
            let client = Rc::clone(self);
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| client.hear(&event.data()))
        };
        let fail = {
            let client = Rc::clone(self);
            Closure::<dyn FnMut(Event)>::new(move |event: Event| {
                event.prevent_default();
                client.start_inline();
            })
        };
        worker.set_onmessage(Some(hear.as_ref().unchecked_ref()));
        worker.set_onerror(Some(fail.as_ref().unchecked_ref()));
        *self.place.borrow_mut() = Place::Worker { worker, _hear: hear, _fail: fail };
        Ok(())
    }

    /// Runs the engine here. A Worker that has already answered is not given up.
    fn start_inline(self: &Rc<Client>) {
        if self.heard.get() {
            return;
        }
        let reply = Rc::clone(&self.reply);
        let driver = Driver::new(move |answer| reply(answer));
        for request in self.unanswered.take() {
            later(&driver, request);
        }
        self.heard.set(true);
        // The old place holds the closure that may be running: it is dropped when that has returned.
        let old = self.place.replace(Place::Inline(driver));
        gloo_timers::callback::Timeout::new(0, move || drop(old)).forget();
    }

    fn hear(self: &Rc<Client>, message: &JsValue) {
        let Some(bytes) = message.dyn_ref::<Uint8Array>() else {
            // Only the Worker's own loader speaks text: it could not load the module.
            return self.start_inline();
        };
        self.heard.set(true);
        self.unanswered.borrow_mut().clear();
        if let Ok(reply) = postcard::from_bytes::<EngineReply>(&bytes.to_vec()) {
            (self.reply)(reply);
        }
    }
}

/// Nothing calls the engine from inside a call of the page: the request waits for its turn.
fn later(driver: &Rc<Driver>, request: EngineRequest) {
    let driver = Rc::clone(driver);
    gloo_timers::callback::Timeout::new(0, move || driver.request(request)).forget();
}

/// A JavaScript error in words.
pub fn words(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into()).ok().and_then(|message| message.as_string());
    message.or_else(|| error.as_string()).unwrap_or_else(|| "no reason is given".to_owned())
}
