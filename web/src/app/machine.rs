//! The machine: takes actions, changes the page, carries out effects.

use super::boot::{self, Boot};
use super::files;
use super::{Sender, mount};
use crate::engine::{Client, EngineReply, EngineRequest, Source, Trouble, file_name, files_named, words};
use crate::live::LiveRequest;
use crate::store::{Action, Effect, Page, Phase, is_name};
use gloo_timers::callback::Timeout;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Response, window};
use yew::Callback;

/// Changes of the address are told to the browser at most so often: some count them.
const ADDRESS_MS: u32 = 300;

/// The page with everything around it.
pub struct Machine {
    page: RefCell<Page>,
    boot: Boot,
    client: OnceCell<Rc<Client>>,
    redraw: RefCell<Option<Callback<()>>>,
    sender: OnceCell<Sender>,
    is_mounting: Cell<bool>,
    address: RefCell<Option<Timeout>>,
}

impl Machine {
    /// Starts engine and page.
    pub fn start() {
        let page = Page::open(boot::link(), boot::wants_less_motion());
        let machine = Rc::new(Machine {
            page: RefCell::new(page),
            boot: Boot::read(),
            client: OnceCell::new(),
            redraw: RefCell::new(None),
            sender: OnceCell::new(),
            is_mounting: Cell::new(false),
            address: RefCell::new(None),
        });
        let to = Rc::clone(&machine);
        let _ = machine.sender.set(Callback::from(move |action| to.dispatch(action)));
        let to = Rc::clone(&machine);
        let _ = machine.client.set(Client::start(move |reply| to.hear(reply)));
        boot::listen_to_address();
        files::listen_to_drops(machine.sender());
        let effects = machine.page.borrow_mut().begin();
        machine.carry_out(effects);
        machine.show();
    }

    /// The page as it is now.
    pub fn page(&self) -> Page {
        self.page.borrow().clone()
    }

    /// The scenarios to choose from.
    pub fn scenarios(&self) -> &[(String, String)] {
        &self.boot.scenarios
    }

    /// A way to send it actions.
    pub fn sender(&self) -> Sender {
        self.sender.get().cloned().unwrap_or_default()
    }

    /// The page is in the document: from now on changes are drawn.
    pub fn mounted(&self, redraw: Callback<()>) {
        *self.redraw.borrow_mut() = Some(redraw);
    }

    /// Takes an action.
    pub fn dispatch(self: &Rc<Machine>, action: Action) {
        let effects = self.page.borrow_mut().apply(action);
        self.carry_out(effects);
        self.show();
    }

    fn hear(self: &Rc<Machine>, reply: EngineReply) {
        if matches!(reply, EngineReply::Loaded { .. })
            && let Some(event) = boot::stop_flip_book()
        {
            self.page.borrow_mut().take_over_at(event);
        }
        self.dispatch(Action::Engine(Box::new(reply)));
    }

    /// Draws the page; mounts it once there is something better to see than the first picture.
    fn show(self: &Rc<Machine>) {
        if let Some(redraw) = &*self.redraw.borrow() {
            return redraw.emit(());
        }
        let page = self.page.borrow();
        let worth_it = match page.phase {
            Phase::Loading => page.live.is_some(),
            Phase::Running(_) | Phase::Failed(_) => true,
            Phase::Ready => page.has_scene(),
        };
        drop(page);
        if worth_it && !self.is_mounting.replace(true) {
            let _ = boot::stop_flip_book();
            mount(Rc::clone(self));
        }
    }

    fn carry_out(self: &Rc<Machine>, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask(request) => self.ask(request),
                Effect::Wait(wait, ms) => {
                    let to = Rc::clone(self);
                    Timeout::new(ms, move || to.dispatch(Action::Tick(wait))).forget();
                }
                Effect::Fetch(name) => self.fetch(name),
                Effect::Address => self.address(),
                Effect::RememberMotion(less) => boot::remember_motion(less),
                Effect::Connect(token) => {
                    if let Some(url) = boot::bridge_url(&token) {
                        self.ask(EngineRequest::Live(LiveRequest::Connect { url }));
                    }
                }
                Effect::SavePicture(pane, name) => files::save_picture(pane, name),
                Effect::Download(saved) => files::download(&saved),
                Effect::Copy(text) => {
                    if let Some(window) = window() {
                        // Where the clipboard is refused, the text can still be selected.
                        let _ = window.navigator().clipboard().write_text(&text);
                    }
                }
            }
        }
    }

    fn ask(&self, request: EngineRequest) {
        if let Some(client) = self.client.get() {
            client.send(request);
        }
    }

    fn address(self: &Rc<Machine>) {
        let to = Rc::clone(self);
        let later = Timeout::new(ADDRESS_MS, move || boot::set_address(&to.page.borrow().link()));
        *self.address.borrow_mut() = Some(later);
    }

    fn fetch(self: &Rc<Machine>, name: String) {
        if let Some(source) = self.boot.source.as_ref().filter(|source| source.name == name) {
            return self.ask(EngineRequest::Load(source.clone()));
        }
        let to = Rc::clone(self);
        wasm_bindgen_futures::spawn_local(async move {
            let action = match fetch_source(&name).await {
                Ok(source) => Action::Fetched(source),
                Err(reason) => Action::Trouble(Trouble {
                    title: format!("There is no scenario {name:?} here"),
                    details: vec![reason],
                }),
            };
            to.dispatch(action);
        });
    }
}

/// Fetches a scenario, its programs, and what was recorded of it.
async fn fetch_source(name: &str) -> Result<Source, String> {
    if !is_name(name) {
        return Err("a scenario's name is made of letters, digits, - and _".to_owned());
    }
    let (text, script) = match text_of(&format!("scenarios/{}", file_name(name, false))).await {
        Ok(text) => (text, false),
        // It may be a script; if it is not either, the first complaint says more.
        Err(reason) => match text_of(&format!("scenarios/{}", file_name(name, true))).await {
            Ok(text) => (text, true),
            Err(_) => return Err(reason),
        },
    };
    let mut programs = Vec::new();
    for path in if script { Vec::new() } else { files_named(&text) } {
        let program = text_of(&format!("scenarios/{path}")).await;
        // The engine says which line of the scenario names a file that is not there.
        programs.extend(program.ok().map(|text| (path, text)));
    }
    // Built-in programs run in the engine itself: only what Python did is recorded.
    let tapes = match programs.is_empty() {
        true => None,
        false => text_of(&format!("scenarios/{name}.tapes.json")).await.ok(),
    };
    Ok(Source { name: name.to_owned(), script, text, programs, tapes })
}

async fn text_of(url: &str) -> Result<String, String> {
    let window = window().ok_or("there is no window")?;
    let response =
        JsFuture::from(window.fetch_with_str(url)).await.map_err(|error| format!("{url}: {}", words(&error)))?;
    let response: Response = response.dyn_into().map_err(|error: JsValue| words(&error))?;
    if !response.ok() {
        return Err(format!("{url}: the server says {}", response.status()));
    }
    let text = response.text().map_err(|error| words(&error))?;
    let text = JsFuture::from(text).await.map_err(|error| words(&error))?;
    text.as_string().ok_or_else(|| format!("{url}: not text"))
}
