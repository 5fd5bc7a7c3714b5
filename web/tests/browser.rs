//! The page's machinery where it lives: in a browser, with the engine inline and in a Worker's place.
#![cfg(target_arch = "wasm32")]

use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web::engine::{Client, EngineReply, EngineRequest, Source};
use web::store::{Action, Effect, Link, Page};
use web::views::{Shell, ShellProps};
use web_sys::{Element, HtmlElement, window};
use yew::Callback;

wasm_bindgen_test_configure!(run_in_browser);

const SCENARIO: &str = r#"
title = "A fetch"
seed = 7
until = "2s"
[[host]]
name = "alice"
address = "10.0.0.1/24"
neighbours = ["bob"]
[[host]]
name = "bob"
address = "10.0.0.2/24"
neighbours = ["alice"]
[[program]]
host = "bob"
builtin = "httpd"
[[program]]
host = "alice"
builtin = "curl"
args = ["-s", "http://10.0.0.2/"]
start = "10ms"
"#;

async fn pause(ms: i32) {
    let wait = js_sys::Promise::new(&mut |done, _| {
        let window = window().expect("a window");
        let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(&done, ms);
    });
    let _ = JsFuture::from(wait).await;
}

fn source() -> Source {
    Source { name: "sample".to_owned(), text: SCENARIO.to_owned(), ..Source::default() }
}

/// Waits until something was heard that `wanted` picks.
async fn hear<T>(heard: &RefCell<Vec<EngineReply>>, wanted: impl Fn(&EngineReply) -> Option<T>) -> T {
    for _ in 0..200 {
        if let Some(found) = heard.borrow().iter().find_map(&wanted) {
            return found;
        }
        pause(25).await;
    }
    panic!("nothing in 5 s, only {:?}", heard.borrow());
}

#[wasm_bindgen_test]
async fn where_a_worker_is_refused_the_engine_runs_inline() {
    // The test's server has no worker.js: the Worker fails, and the requests go to the page's own engine.
    let heard = Rc::new(RefCell::new(Vec::new()));
    let list = Rc::clone(&heard);
    let client = Client::start(move |reply| list.borrow_mut().push(reply));
    client.send(EngineRequest::Load(source()));
    let last = hear(&heard, |reply| match reply {
        EngineReply::Loaded { timeline, .. } => Some(timeline.last),
        _ => None,
    })
    .await;
    assert!(!client.is_worker());
    client.send(EngineRequest::Time { ticket: 1, at: last, command: lab::scene::TimeCommand::StepEvents(-1) });
    let at = hear(&heard, |reply| match reply {
        EngineReply::Scene { ticket: 1, scene } => Some(scene.at),
        _ => None,
    })
    .await;
    assert_eq!(at.0 + 1, last.0);
}

/// A page in the document that answers itself, without a machine around it.
async fn shown(page: &Page, sent: Rc<RefCell<Vec<Action>>>) -> Element {
    let document = window().and_then(|window| window.document()).expect("a document");
    let place = document.create_element("div").expect("an element");
    document.body().expect("a body").append_child(&place).expect("a place in it");
    let props = ShellProps {
        page: page.clone(),
        scenarios: vec![("sample".to_owned(), "A fetch".to_owned())],
        send: Callback::from(move |action| sent.borrow_mut().push(action)),
        onkeydown: Callback::noop(),
        onfiles: Callback::noop(),
    };
    yew::Renderer::<Shell>::with_root_and_props(place.clone(), props).render();
    pause(50).await;
    place
}

/// A page at a stop of the journey where headers are in sight.
fn ready_page() -> Page {
    let mut engine = web::engine::Engine::new();
    let mut page = Page::open(Link::default(), false);
    let _ = page.begin();
    let _ = engine.handle(EngineRequest::Load(source()));
    let mut effects = Vec::new();
    while engine.is_busy() {
        for reply in engine.work() {
            effects.extend(page.apply(Action::Engine(Box::new(reply))));
        }
    }
    serve(&mut page, &mut engine, effects);
    let stop = page.hero.as_ref().map(|hero| hero.stops[3].event).expect("a journey");
    let effects = page.apply(Action::Time(lab::scene::TimeCommand::Seek(stop)));
    serve(&mut page, &mut engine, effects);
    page
}

fn serve(page: &mut Page, engine: &mut web::engine::Engine, mut effects: Vec<Effect>) {
    while let Some(effect) = effects.pop() {
        if let Effect::Ask(request) = effect {
            for reply in engine.handle(request) {
                effects.extend(page.apply(Action::Engine(Box::new(reply))));
            }
        }
    }
}

fn click(place: &Element, selector: &str) {
    let element = place.query_selector(selector).ok().flatten().unwrap_or_else(|| panic!("no {selector}"));
    element.unchecked_into::<HtmlElement>().click();
}

#[wasm_bindgen_test]
async fn buttons_send_time_commands_and_nothing_else_moves_time() {
    use lab::scene::TimeCommand::{End, Start, StepBeats, StepEvents, StepPackets};
    let sent = Rc::new(RefCell::new(Vec::new()));
    let place = shown(&ready_page(), Rc::clone(&sent)).await;
    for (id, command) in [
        ("start", Start),
        ("packet-back", StepPackets(-1)),
        ("layer-back", StepBeats(-1)),
        ("back", StepEvents(-1)),
        ("step", StepEvents(1)),
        ("layer", StepBeats(1)),
        ("packet", StepPackets(1)),
        ("end", End),
    ] {
        click(&place, &format!("[data-testid={id}]"));
        assert_eq!(sent.borrow_mut().pop(), Some(Action::Time(command)), "{id}");
    }
    click(&place, "[data-testid=play]");
    assert_eq!(sent.borrow_mut().pop(), Some(Action::Toggle));
    place.remove();
}

#[wasm_bindgen_test]
async fn a_click_on_a_field_selects_its_bits() {
    let sent = Rc::new(RefCell::new(Vec::new()));
    let mut page = ready_page();
    // Some moment with a header in sight.
    let regions = page.subject().map_or(0, |subject| subject.regions().len());
    assert!(regions > 0, "the moment has no packet: {:?}", page.scene.caption);
    let proto = page.subject().map(|subject| subject.regions()[0].proto).expect("a header");
    let _ = page.apply(Action::PickProto(proto));
    let place = shown(&page, Rc::clone(&sent)).await;
    click(&place, ".grid button[data-field]");
    assert!(matches!(sent.borrow_mut().pop(), Some(Action::PickBits(Some(bits))) if bits.proto == proto));
    place.remove();
}

#[wasm_bindgen_test]
async fn the_slider_seeks_to_a_beat() {
    let sent = Rc::new(RefCell::new(Vec::new()));
    let page = ready_page();
    let place = shown(&page, Rc::clone(&sent)).await;
    let slider: web_sys::HtmlInputElement = place
        .query_selector("[data-testid=scrubber]")
        .ok()
        .flatten()
        .and_then(|element| element.dyn_into().ok())
        .expect("a slider");
    slider.set_value("3");
    let event = web_sys::Event::new_with_event_init_dict("input", &bubbling()).expect("an event");
    slider.dispatch_event(&event).expect("it is heard");
    let beat = page.timeline.beats[3].event;
    assert_eq!(sent.borrow_mut().pop(), Some(Action::Time(lab::scene::TimeCommand::Seek(beat))));
    place.remove();
}

fn bubbling() -> web_sys::EventInit {
    let init = web_sys::EventInit::new();
    init.set_bubbles(true);
    init
}

#[wasm_bindgen_test]
fn errors_of_the_browser_read_as_words() {
    assert_eq!(web::engine::words(&js_sys::Error::new("no").into()), "no");
    assert_eq!(web::engine::words(&JsValue::from_str("text")), "text");
    assert_eq!(web::engine::words(&JsValue::NULL), "no reason is given");
}
