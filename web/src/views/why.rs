//! Why a value is as it is: the write, and what led to it.

use crate::shared::Shared;
use crate::store::Action;
use crate::time::time;
use crate::views::hue::{layer_class, layer_name};
use lab::scene::TimeCommand;
use lab::why::Cause;
use stack::trace::EventId;
use yew::prelude::*;

/// What is told.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The write first.
    pub causes: Shared<Vec<Cause>>,
    /// The cursor.
    pub at: EventId,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The chain of causes.
#[function_component]
pub fn WhyChain(props: &Props) -> Html {
    html! {
        <ol class="causes" aria-label="What led to it, the last cause first" data-k="causes" data-testid="causes">
            { for props.causes.iter().enumerate().map(|(i, cause)| {
                let id = cause.event.id;
                let onclick = props.send.reform(move |_: MouseEvent| Action::Time(TimeCommand::Seek(id)));
                let here = id == props.at;
                html! {
                    <li key={id.0} class={classes!(layer_class(cause.event.layer), here.then_some("here"))}>
                        <button type="button" {onclick} aria-current={here.then_some("step")} data-event={id.0.to_string()} title="Go there">
                            <b>{ if i == 0 { "It was written in " } else { "because of " } }<code>{ cause.event.function.name() }</code></b>
                            <span>{ format!("{}, {}, {}, event {}", cause.host, layer_name(cause.event.layer), time(cause.at_ns), id.0) }</span>
                            <span class="mono">{ &cause.event.text }</span>
                        </button>
                    </li>
                }
            }) }
        </ol>
    }
}
