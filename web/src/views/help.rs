//! The list of keys, and how to read the picture.

use crate::store::Action;
use yew::prelude::*;

/// What the list needs.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Less motion?
    pub less_motion: bool,
    /// Where keys go.
    pub onkeydown: Callback<KeyboardEvent>,
    /// Where clicks go.
    pub send: Callback<Action>,
}

const KEYS: [(&str, &str); 13] = [
    ("Space", "play, pause"),
    ("← →", "one event back, on"),
    ("Shift + ← →", "one layer back, on"),
    ("[ ]", "one packet back, on"),
    (", .", "last, next change of the selected packet"),
    ("Home End", "to the beginning, to the end"),
    ("J", "jump to the event that wrote the selected field"),
    ("1 2 3", "open or close a drawer"),
    ("B", "fork: another turn from here"),
    ("4", "the list of packets"),
    ("W S A D F", "in a drawer: closer, further, earlier, later, fit"),
    ("M", "motion on, off"),
    ("?", "this list"),
];

/// The list.
#[function_component]
pub fn Help(props: &Props) -> Html {
    let motion = props.send.reform(|_: MouseEvent| Action::ToggleMotion);
    let close = props.send.reform(|_: MouseEvent| Action::Help(false));
    html! {
        <div class="help" onkeydown={props.onkeydown.clone()} role="dialog" aria-modal="true" aria-labelledby="help-title" data-testid="help">
            <div class="sheet">
                <h2 id="help-title">{ "Keys" }</h2>
                <p>{ "They work while the stage has the focus: click it, or reach it with Tab." }</p>
                <dl>{ for KEYS.iter().map(|(key, does)| html! { <><dt><kbd>{ key }</kbd></dt><dd>{ does }</dd></> }) }</dl>
                <h2>{ "The picture" }</h2>
                <ul>
                    <li>{ "A train is one packet: each car is a header, the last one carries your bytes." }</li>
                    <li>{ "Going down, a layer adds its car in front. Going up, it takes it off." }</li>
                    <li>{ "The strip below is the packet's memory. Only the flags move; the letters stay where they are." }</li>
                    <li>{ "Yellow with a black frame: this just changed, or you selected it." }</li>
                </ul>
                <button type="button" onclick={motion} aria-pressed={(!props.less_motion).to_string()}>
                    { if props.less_motion { "Motion off" } else { "Motion on" } }
                </button>
                <button type="button" onclick={close} id="help-close" data-testid="help-close">{ "Close" }</button>
            </div>
        </div>
    }
}
