//! Runs the engine on the browser's event loop: in a Worker's, or in the page's own.

use super::{Engine, EngineReply, EngineRequest, python};
use crate::live::Link;
use gloo_timers::callback::Timeout;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// An engine, and where its replies go.
pub struct Driver {
    engine: RefCell<Engine>,
    reply: Box<dyn Fn(EngineReply)>,
    live: Rc<Link>,
    pumping: Cell<bool>,
    fetching: Cell<bool>,
}

impl Driver {
    /// An engine that replies to `reply`.
    pub fn new(reply: impl Fn(EngineReply) + Clone + 'static) -> Rc<Driver> {
        let live_reply = reply.clone();
        Rc::new(Driver {
            engine: RefCell::new(Engine::new()),
            reply: Box::new(reply),
            live: Link::new(move |reply| live_reply(EngineReply::Live(reply))),
            pumping: Cell::new(false),
            fetching: Cell::new(false),
        })
    }

    /// Takes a request.
    pub fn request(self: &Rc<Driver>, request: EngineRequest) {
        if let EngineRequest::Live(request) = request {
            return self.live.request(request);
        }
        let replies = self.engine.borrow_mut().handle(request);
        self.send(replies);
        if self.engine.borrow().wants_interpreter() {
            self.fetch_interpreter();
        }
        self.pump();
    }

    /// Goes on with the run in pieces, so that requests are heard in between.
    fn pump(self: &Rc<Driver>) {
        if self.pumping.get() || !self.engine.borrow().is_busy() {
            return;
        }
        self.pumping.set(true);
        let driver = Rc::clone(self);
        Timeout::new(0, move || {
            driver.pumping.set(false);
            let replies = driver.engine.borrow_mut().work();
            driver.send(replies);
            if driver.engine.borrow().wants_interpreter() {
                driver.fetch_interpreter();
            }
            driver.pump();
        })
        .forget();
    }

    fn fetch_interpreter(self: &Rc<Driver>) {
        if self.fetching.replace(true) {
            return;
        }
        let driver = Rc::clone(self);
        wasm_bindgen_futures::spawn_local(async move {
            let fetched = python::fetch().await;
            driver.fetching.set(false);
            match fetched {
                Ok(interpreter) => driver.engine.borrow_mut().set_interpreter(Rc::new(interpreter)),
                Err(reason) => {
                    let reason = format!("The Python interpreter could not be fetched ({reason}): the run ends here.");
                    let replies = driver.engine.borrow_mut().without_interpreter(reason);
                    driver.send(replies);
                }
            }
            driver.pump();
        });
    }

    fn send(&self, replies: Vec<EngineReply>) {
        for reply in replies {
            (self.reply)(reply);
        }
    }
}
