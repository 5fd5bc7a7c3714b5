//! The journey as a strip of its states, for readers who want no motion: all of it is seen at once.

use crate::shared::Shared;
use crate::store::Action;
use crate::time::Hero;
use crate::views::hue::{layer_class, layer_name};
use lab::scene::{TimeCommand, Timeline};
use stack::trace::{EventId, HostId, Layer};
use yew::prelude::*;

/// What the strip shows.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The journey.
    pub hero: Hero,
    /// The run's stops, with their words.
    pub timeline: Shared<Timeline>,
    /// The hosts' names.
    pub hosts: Vec<String>,
    /// The cursor.
    pub at: EventId,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The strip.
#[function_component]
pub fn Storyboard(props: &Props) -> Html {
    let Props { hero, timeline, hosts, at, send } = props;
    let now = hero.stops.iter().rposition(|stop| stop.event <= *at);
    html! {
        <ol class="storyboard" aria-label="The journey, state by state" data-k="storyboard" data-testid="storyboard">
            { for hero.stops.iter().enumerate().map(|(i, stop)| {
                let event = stop.event;
                let beat = timeline.beats.binary_search_by_key(&event, |beat| beat.event).ok().and_then(|i| timeline.beats.get(i));
                let layer = beat.map_or(Layer::Syscall, |beat| beat.layer);
                let words = beat.map_or_else(|| format!("{}()", hero.call), |beat| beat.caption.clone());
                let host = beat.map_or(hero.host, |beat| beat.host);
                let first = i == 0 || host_before(hero, timeline, i) != host;
                let onclick = send.reform(move |_: MouseEvent| Action::Time(TimeCommand::Seek(event)));
                let here = now == Some(i);
                html! {
                    <li key={event.0} class={classes!(here.then_some("here"))}>
                        if first { <b>{ hosts.get(usize::from(host.0)).map_or("", String::as_str) }</b> }
                        <button type="button" class={layer_class(layer)} {onclick} title={words.clone()} aria-current={here.then_some("step")} data-event={event.0.to_string()}>
                            { layer_name(layer) }<span class="visually-hidden">{ ": " }{ words }</span>
                        </button>
                    </li>
                }
            }) }
        </ol>
    }
}

/// The host of the stop before.
fn host_before(hero: &Hero, timeline: &Timeline, index: usize) -> HostId {
    let event = hero.stops[index - 1].event;
    let beat = timeline.beats.binary_search_by_key(&event, |beat| beat.event).ok().and_then(|i| timeline.beats.get(i));
    beat.map_or(hero.host, |beat| beat.host)
}
