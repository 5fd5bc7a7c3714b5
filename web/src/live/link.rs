//! The WebSocket to the bridge, and the timers of the stack.

use super::{Hardship, LinkState, LiveReply, LiveRequest, Session};
use bridge_protocol::{
    BatchBuilder, BridgeControl, ClientControl, Lease, PushError, Records, SUB_PROTOCOL, TapInfo, Want,
};
use gloo_timers::callback::Timeout;
use js_sys::{ArrayBuffer, Reflect, Uint8Array};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent, Performance, WebSocket};

/// Bytes that may wait in the socket before the stack's own queues have to hold the rest.
const BUFFERED: u32 = 1 << 20;
/// Between two pieces of news, ms.
const NEWS_MS: u32 = 100;
/// How often the stack may be run on before the browser gets its turn.
const ROUNDS: usize = 64;

/// The link.
pub struct Link {
    reply: Box<dyn Fn(LiveReply)>,
    socket: RefCell<Option<Socket>>,
    /// Stays when the bridge goes: what has happened can still be looked at.
    session: RefCell<Option<Session>>,
    bridge: RefCell<String>,
    alarm: RefCell<Option<Timeout>>,
    news: Cell<bool>,
}

/// An open socket and what hears it.
struct Socket {
    socket: WebSocket,
    _open: Closure<dyn FnMut(Event)>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _close: Closure<dyn FnMut(CloseEvent)>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close();
    }
}

impl Link {
    /// A link that is not joined yet.
    pub fn new(reply: impl Fn(LiveReply) + 'static) -> Rc<Link> {
        Rc::new(Link {
            reply: Box::new(reply),
            socket: RefCell::new(None),
            session: RefCell::new(None),
            bridge: RefCell::new(String::new()),
            alarm: RefCell::new(None),
            news: Cell::new(false),
        })
    }

    /// Takes a request.
    pub fn request(self: &Rc<Link>, request: LiveRequest) {
        match request {
            LiveRequest::Connect { url } => {
                if let Err(error) = self.connect(&url) {
                    let reason = format!("The browser refuses the connection: {}", crate::engine::words(&error));
                    self.down(reason, false);
                }
            }
            LiveRequest::Disconnect => {
                self.hang_up();
                self.session.borrow_mut().take();
                (self.reply)(LiveReply::State(LinkState::Idle));
            }
            LiveRequest::Look { ticket, at, command } => {
                if let Some(session) = &*self.session.borrow() {
                    let scene = Box::new(session.look(at, command));
                    (self.reply)(LiveReply::Scene { ticket, scene });
                }
            }
            LiveRequest::Pane { ticket, query } => {
                if let Some(session) = &*self.session.borrow() {
                    let view = session.pane(&query);
                    (self.reply)(LiveReply::Pane { ticket, view });
                }
            }
            LiveRequest::Past => {
                if let Some(session) = &*self.session.borrow() {
                    let (info, timeline) = session.past();
                    (self.reply)(LiveReply::Past { info, timeline });
                }
            }
            LiveRequest::Run { line } => self.with_session(|session, now| session.run(now, &line)),
            LiveRequest::Kill { task } => self.with_session(|session, now| session.kill(now, task)),
        }
    }

    fn with_session(self: &Rc<Link>, act: impl FnOnce(&mut Session, u64)) {
        if let Some(session) = &mut *self.session.borrow_mut() {
            act(session, now_ns());
        }
        self.run_on();
    }

    fn connect(self: &Rc<Link>, url: &str) -> Result<(), JsValue> {
        self.hang_up();
        self.session.borrow_mut().take();
        (self.reply)(LiveReply::State(LinkState::Connecting));
        let socket = WebSocket::new_with_str(url, SUB_PROTOCOL)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let open = {
            let link = Rc::clone(self);
            Closure::<dyn FnMut(Event)>::new(move |_| {
                let want = vec![Want::Lease];
                let hello = ClientControl::Hello {
                    version: bridge_protocol::VERSION,
                    client: "sendpath page".to_owned(),
                    want,
                };
                link.send_text(&hello.encode());
            })
        };
        let message = {
            let link = Rc::clone(self);
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| link.hear(&event.data()))
        };
        let close = {
            let link = Rc::clone(self);
            Closure::<dyn FnMut(CloseEvent)>::new(move |event: CloseEvent| link.closed(&event))
        };
        socket.set_onopen(Some(open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(close.as_ref().unchecked_ref()));
        *self.socket.borrow_mut() = Some(Socket { socket, _open: open, _message: message, _close: close });
        Ok(())
    }

    fn hear(self: &Rc<Link>, data: &JsValue) {
        if let Some(buffer) = data.dyn_ref::<ArrayBuffer>() {
            return self.frames(&Uint8Array::new(buffer).to_vec());
        }
        let Some(text) = data.as_string() else { return };
        // What a later bridge says and this page does not know is passed over.
        match BridgeControl::decode(&text) {
            Ok(BridgeControl::Hello { bridge, tap, .. }) => {
                *self.bridge.borrow_mut() = bridge;
                self.tap(&tap);
            }
            Ok(BridgeControl::Tap { tap }) => self.tap(&tap),
            Ok(BridgeControl::Lease(lease)) => self.lease(&lease),
            Ok(BridgeControl::Error { message, .. }) if self.session.borrow().is_none() => self.down(message, true),
            Ok(BridgeControl::Error { .. } | BridgeControl::Counters(_)) | Err(_) => {}
        }
    }

    fn tap(&self, tap: &TapInfo) {
        if let Some(state) = LinkState::without_tap(tap) {
            (self.reply)(LiveReply::State(state));
        }
    }

    fn lease(self: &Rc<Link>, lease: &Lease) {
        // Without a TAP device there is nobody to talk to: the page has said why.
        if lease.gateway.is_none() || self.session.borrow().is_some() {
            return;
        }
        let seed = (js_sys::Math::random() * (1u64 << 53) as f64) as u64;
        *self.session.borrow_mut() = Some(Session::new(lease, seed, now_ns()));
        (self.reply)(LiveReply::State(LinkState::up(&self.bridge.borrow(), lease)));
        self.run_on();
    }

    fn frames(self: &Rc<Link>, batch: &[u8]) {
        if let Some(session) = &mut *self.session.borrow_mut() {
            for record in Records::new(batch).map_while(Result::ok) {
                session.frame_in(now_ns(), record.frame);
            }
        }
        self.run_on();
    }

    /// Sends what the stack has to send, and comes back when its next timer is due.
    fn run_on(self: &Rc<Link>) {
        if self.socket.borrow().is_none() {
            return;
        }
        let mut wait = None;
        if let Some(session) = &mut *self.session.borrow_mut() {
            for _ in 0..ROUNDS {
                let now = now_ns();
                session.poll(now);
                let sent = self.send_frames(session);
                wait = session.deadline().map(|at| at.saturating_sub(now_ns()) / 1_000_000);
                if !sent && wait != Some(0) {
                    break;
                }
            }
            if self.buffered() > BUFFERED {
                wait = Some(2);
            }
        }
        let link = Rc::clone(self);
        *self.alarm.borrow_mut() =
            wait.map(|ms| Timeout::new(u32::try_from(ms).unwrap_or(u32::MAX).min(60_000), move || link.run_on()));
        self.tell();
    }

    fn send_frames(&self, session: &mut Session) -> bool {
        let mut batch = BatchBuilder::new();
        let mut sent = false;
        while self.buffered() <= BUFFERED {
            let frames = session.frames_out(now_ns());
            if frames.is_empty() {
                break;
            }
            sent = true;
            for frame in &frames {
                if batch.push(now_ns(), frame) == Err(PushError::Full) {
                    self.send_batch(&mut batch);
                    // A frame that no batch can hold is refused by the bridge as well.
                    let _ = batch.push(now_ns(), frame);
                }
            }
            self.send_batch(&mut batch);
        }
        sent
    }

    fn send_batch(&self, batch: &mut BatchBuilder) {
        if let (Some(socket), false) = (&*self.socket.borrow(), batch.is_empty()) {
            // A socket that is closing refuses: its close event tells the rest.
            let _ = socket.socket.send_with_u8_array(&batch.take());
        }
    }

    fn send_text(&self, text: &str) {
        if let Some(socket) = &*self.socket.borrow() {
            let _ = socket.socket.send_with_str(text);
        }
    }

    fn buffered(&self) -> u32 {
        self.socket.borrow().as_ref().map_or(0, |socket| socket.socket.buffered_amount())
    }

    /// Sends news soon, once.
    fn tell(self: &Rc<Link>) {
        if self.session.borrow().is_none() || self.news.replace(true) {
            return;
        }
        let link = Rc::clone(self);
        Timeout::new(NEWS_MS, move || {
            link.news.set(false);
            if let Some(session) = &mut *link.session.borrow_mut() {
                (link.reply)(LiveReply::News(session.news()));
            }
        })
        .forget();
    }

    fn closed(self: &Rc<Link>, event: &CloseEvent) {
        let was_up = self.session.borrow().is_some();
        let reason = match (event.reason().as_str(), was_up) {
            ("", true) => "The bridge is gone: the connection to it has closed.".to_owned(),
            ("", false) => {
                "The bridge does not answer, or refuses this page: is it still running, and is the link its newest one?"
                    .to_owned()
            }
            (reason, _) => format!("The bridge has closed the connection: {reason}"),
        };
        // The socket must not be dropped inside its own event.
        let link = Rc::clone(self);
        Timeout::new(0, move || {
            link.hang_up();
            link.down(reason, true);
        })
        .forget();
    }

    fn down(&self, reason: String, again: bool) {
        (self.reply)(LiveReply::State(LinkState::Down(Hardship { reason, remedies: Vec::new(), again })));
    }

    fn hang_up(&self) {
        self.alarm.borrow_mut().take();
        self.socket.borrow_mut().take();
    }
}

/// The browser's monotonic clock, ns.
fn now_ns() -> u64 {
    let performance = Reflect::get(&js_sys::global(), &"performance".into()).unwrap_or(JsValue::NULL);
    (performance.unchecked_into::<Performance>().now() * 1e6) as u64
}
