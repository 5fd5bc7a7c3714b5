//! Live mode: the page's own address, the frames as they come, a console. The stage is the same as always.

mod bar;
mod console;
mod frames;

pub use bar::LiveBar;

use crate::live::{Hardship, LinkState};
use crate::store::{Action, LivePage};
use console::console;
use frames::frames;
use stack::trace::EventId;
use yew::prelude::*;

/// What the pane shows.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Live mode.
    pub live: LivePage,
    /// The cursor.
    pub at: EventId,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The pane at the left of the stage.
#[function_component]
pub fn LivePane(props: &Props) -> Html {
    let live = &props.live;
    html! {
        <section class="live-pane" aria-label="Real network" data-k="live-pane" data-testid="live-pane" data-state={live.state.key()}>
            { address(&live.state, &props.send) }
            if matches!(live.state, LinkState::Up { .. }) {
                { console(live, &props.send) }
                { frames(live, props.at, &props.send) }
            }
        </section>
    }
}

fn address(state: &LinkState, send: &Callback<Action>) -> Html {
    match state {
        LinkState::Idle | LinkState::Connecting => html! {
            <p class="joining" role="status" data-k="joining">{ "Joining the network behind the bridge …" }</p>
        },
        LinkState::Up { address, prefix, mac, kernel, .. } => html! {
            <div class="address" data-k="address" data-testid="address" data-address={address.clone()}>
                <p>{ "This page is " }<b class="mono">{ format!("{address}/{prefix}") }</b>{ " " }<span class="mono small">{ mac }</span></p>
                if kernel.is_some() {
                    <p class="try">{ "In a terminal on the bridge's machine:" }</p>
                    { copyable(format!("ping {address}"), send) }
                    { copyable(format!("curl http://{address}/"), send) }
                }
            </div>
        },
        LinkState::Down(hardship) => down(hardship, send),
    }
}

fn copyable(text: String, send: &Callback<Action>) -> Html {
    let copied = text.clone();
    let onclick = send.reform(move |_: MouseEvent| Action::Copy(copied.clone()));
    html! {
        <p class="copyable"><code>{ &text }</code>
            <button type="button" {onclick} aria-label={format!("Copy {text}")}>{ "copy" }</button></p>
    }
}

fn down(hardship: &Hardship, send: &Callback<Action>) -> Html {
    let again = send.reform(|_: MouseEvent| Action::EnterLive);
    html! {
        <div class="hardship" role="alert" data-k="hardship" data-testid="hardship">
            <h2>{ "There is no network here now" }</h2>
            <p>{ &hardship.reason }</p>
            if !hardship.remedies.is_empty() {
                <p>{ "This would grant it:" }</p>
                { for hardship.remedies.iter().map(|remedy| copyable(remedy.clone(), send)) }
            }
            if hardship.again {
                <button type="button" class="again" onclick={again} data-testid="reconnect">{ "Try again" }</button>
            }
        </div>
    }
}
