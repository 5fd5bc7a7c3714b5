//! The page's head: name, scenario, network, motion, help.

use super::files::{FileMenu, FileMenuState};
use super::wires::BreakMenu;
use crate::engine::Branches;
use crate::shared::Shared;
use crate::store::Action;
use lab::net::wire::Line;
use yew::prelude::*;

/// What the head shows.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The scenario's name.
    pub scenario: AttrValue,
    /// The scenarios to choose from: name and title.
    pub scenarios: Vec<(String, String)>,
    /// Is there a real network behind this page, and is it on?
    pub live: Option<bool>,
    /// Less motion?
    pub less_motion: bool,
    /// What the menu of files can do.
    pub files: FileMenuState,
    /// The branches of the run, and its wires.
    pub tree: Shared<Branches>,
    /// The wires as the scenario has them.
    pub wires_before: Vec<[Line; 2]>,
    /// Where chosen files go.
    pub onfiles: Callback<Event>,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The head.
#[function_component]
pub fn Header(props: &Props) -> Html {
    let less = props.less_motion;
    let motion = props.send.reform(|_: MouseEvent| Action::ToggleMotion);
    let help = props.send.reform(|_: MouseEvent| Action::Help(true));
    html! {
        <header class="page-head" data-k="head">
            <h1>{ mark() }{ "Sendpath" }</h1>
            if props.live != Some(true) {
                <label class="scenario"><span>{ "Scenario" }</span>{ picker(props) }</label>
            }
            <FileMenu state={props.files} onfiles={props.onfiles.clone()} send={props.send.clone()} />
            if props.files.can_list {
                <BreakMenu tree={props.tree.clone()} before={props.wires_before.clone()} can={props.files.can_save} send={props.send.clone()} />
            }
            <span class="spacer"></span>
            if let Some(on) = props.live { { live_button(on, &props.send) } }
            <button type="button" class="motion" aria-pressed={(!less).to_string()} onclick={motion} data-testid="motion" data-k="motion">
                { if less { "Motion off" } else { "Motion on" } }
            </button>
            <button type="button" class="help-button" aria-label="Keys and how to read the picture" onclick={help} data-testid="help-open" data-k="help">{ "?" }</button>
        </header>
    }
}

/// The mark: a packet's train.
fn mark() -> Html {
    html! {
        <svg class="mark" viewBox="0 0 40 20" width="40" height="20" aria-hidden="true">
            <rect x="1" y="3" width="8" height="14" class="hue-eth" /><rect x="9" y="3" width="8" height="14" class="hue-ip" />
            <rect x="17" y="3" width="8" height="14" class="hue-tcp" /><rect x="25" y="3" width="14" height="14" class="hue-data" />
        </svg>
    }
}

fn picker(props: &Props) -> Html {
    let send = props.send.clone();
    let onchange = Callback::from(move |event: Event| {
        if let Some(name) = chosen(&event) {
            send.emit(Action::Scenario(name));
        }
    });
    html! {
        <select {onchange} aria-label="Scenario" data-testid="scenario">
            { for props.scenarios.iter().map(|(name, title)| html! {
                <option value={name.clone()} selected={*name == *props.scenario}>{ title }</option>
            }) }
        </select>
    }
}

fn live_button(on: bool, send: &Callback<Action>) -> Html {
    let onclick = send.reform(move |_: MouseEvent| if on { Action::LeaveLive } else { Action::EnterLive });
    html! {
        <button type="button" class="live-button" aria-pressed={on.to_string()} {onclick} data-testid="live" data-k="live">
            if on { { "Leave" }<span>{ " the real network" }</span> } else { { "Real network" } }
        </button>
    }
}

#[cfg(target_arch = "wasm32")]
fn chosen(event: &Event) -> Option<String> {
    Some(event.target_dyn_into::<web_sys::HtmlSelectElement>()?.value())
}

// Drawn to text, a page has no events.
#[cfg(not(target_arch = "wasm32"))]
fn chosen(_: &Event) -> Option<String> {
    None
}
