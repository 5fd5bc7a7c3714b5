//! When there is no run to look at: what went wrong, where, and what to do.

use crate::engine::Trouble;
use yew::prelude::*;

/// The message.
pub fn failure(trouble: &Trouble) -> Html {
    html! {
        <section class="failure" role="alert" data-testid="failure" data-k="failure">
            <h2>{ &trouble.title }</h2>
            { for trouble.details.iter().map(|line| html! { <pre class="mono">{ line }</pre> }) }
        </section>
    }
}
