//! The browser around the page: where actions come from and effects go to.

mod boot;
mod files;
mod keys;
mod machine;

use crate::store::{Action, Page};
use crate::views::Shell;
use machine::Machine;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::DedicatedWorkerGlobalScope;
use yew::prelude::*;

/// Starts what this copy of the module is: the engine in a Worker, else the page.
pub fn start() {
    match js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() {
        Ok(scope) => crate::engine::serve(scope),
        Err(_) => Machine::start(),
    }
}

/// The root of the page: draws it again when the machine says that it has changed.
struct Root {
    page: Page,
    helped: bool,
}

/// What the root is made with.
#[derive(Properties, Clone)]
struct RootProps {
    machine: Rc<Machine>,
}

impl PartialEq for RootProps {
    fn eq(&self, other: &RootProps) -> bool {
        Rc::ptr_eq(&self.machine, &other.machine)
    }
}

impl Component for Root {
    type Message = ();
    type Properties = RootProps;

    fn create(context: &Context<Root>) -> Root {
        let machine = &context.props().machine;
        machine.mounted(context.link().callback(|()| ()));
        Root { page: machine.page(), helped: false }
    }

    fn update(&mut self, context: &Context<Root>, (): ()) -> bool {
        self.page = context.props().machine.page();
        true
    }

    fn view(&self, context: &Context<Root>) -> Html {
        let machine = &context.props().machine;
        html! {
            <Shell page={self.page.clone()} scenarios={machine.scenarios().to_vec()} send={machine.sender()} onkeydown={keys::listen(machine.sender())}
                onfiles={files::chosen(machine.sender())} />
        }
    }

    fn rendered(&mut self, _: &Context<Root>, first: bool) {
        // When what has changed below is in the document as well.
        gloo_timers::callback::Timeout::new(0, boot::keep_line_in_sight).forget();
        if self.page.help != std::mem::replace(&mut self.helped, self.page.help) {
            // A dialog takes the focus when it opens, and gives it back.
            boot::focus(if self.page.help { "help-close" } else { "stage" });
        }
        if first {
            boot::focus_stage();
        }
    }
}

/// Mounts the page where the first picture was.
fn mount(machine: Rc<Machine>) {
    if let Some(place) = boot::place() {
        yew::Renderer::<Root>::with_root_and_props(place, RootProps { machine }).render();
    }
}

/// A way to send actions from anywhere.
type Sender = Callback<Action>;
