//! One sentence: what just changed and why. And below it, the same in the kernel's own words.

use crate::shared::Shared;
use crate::time::time;
use lab::scene::Scene;
use yew::prelude::*;

/// What the line says.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The moment.
    pub scene: Shared<Scene>,
    /// Read it out? Not while the run plays by itself.
    pub aloud: bool,
}

/// The caption.
#[function_component]
pub fn Caption(props: &Props) -> Html {
    let scene = &*props.scene;
    let live = if props.aloud { "polite" } else { "off" };
    html! {
        <section class="caption" data-k="caption">
            <p id="caption" role="status" aria-live={live} aria-atomic="true" data-event={scene.at.0.to_string()}>{ &scene.caption }</p>
            if let Some(event) = &scene.event {
                <p class="kernel mono" data-k="kernel">
                    <span>{ time(scene.now_ns) }</span>
                    <b>{ event.function.name() }</b>
                    <span class="text">{ &event.text }</span>
                    <span class="file">{ event.function.file() }</span>
                </p>
            }
        </section>
    }
}
