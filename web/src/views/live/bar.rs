//! Live mode's line of state: at the frontier, or looking back while the stack goes on.

use crate::live::LinkState;
use crate::store::{Action, LivePage};
use yew::prelude::*;

/// What the line shows.
#[derive(Properties, PartialEq)]
pub struct BarProps {
    /// Live mode.
    pub live: LivePage,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The line.
#[function_component]
pub fn LiveBar(props: &BarProps) -> Html {
    let live = &props.live;
    let toggle = props.send.reform(|_: MouseEvent| Action::Toggle);
    let state = if live.follows() { "live" } else { "back" };
    let not_up = match live.state {
        LinkState::Up { .. } => None,
        LinkState::Down(_) => Some("not connected"),
        LinkState::Idle | LinkState::Connecting => Some("connecting …"),
    };
    if let Some(text) = not_up {
        return html! {
            <div class="live-bar" data-k="live-bar" data-testid="live-bar" data-state={live.state.key()}>
                <b class="real">{ "REAL NETWORK" }</b><span class="where" role="status">{ text }</span>
            </div>
        };
    }
    html! {
        <div class={classes!("live-bar", state)} data-k="live-bar" data-testid="live-bar" data-state={state} data-since={live.frames_since().to_string()}>
            <b class="real">{ "REAL NETWORK" }</b>
            if live.follows() {
                <span class="where">{ "LIVE ▶" }<em>{ " newest exchange, slowed down" }</em></span>
                <button type="button" onclick={toggle} data-testid="look-back">{ "Look back" }</button>
            } else {
                <span class="where">{ format!("Looking back, {} frames since. ", live.frames_since()) }<em>{ "The stack keeps answering." }</em></span>
                <button type="button" onclick={toggle} data-testid="go-live">{ "Go live ▶" }</button>
            }
            if live.forgotten > 0 {
                <span class="forgotten">{ "the oldest history is forgotten: the memory for it is spent" }</span>
            }
        </div>
    }
}
