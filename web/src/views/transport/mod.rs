//! The transport: buttons, slider, speed. Every one of them is a `TimeCommand`.

mod icons;
mod overview;

use crate::engine::Branches;
use crate::shared::Shared;
use crate::store::{Action, BranchAction};
use crate::time::{Hero, Speed, beat_at, gear, stay_ms, time};
use crate::views::branches::BranchStrip;
use crate::views::hue::layer_name;
use crate::views::storyboard::Storyboard;
use icons::Icon;
use lab::scene::{Scene, TimeCommand, Timeline};
use overview::Overview;
use stack::trace::EventId;
use yew::prelude::*;

/// What the transport shows.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The moment.
    pub scene: Shared<Scene>,
    /// The run's stops.
    pub timeline: Shared<Timeline>,
    /// The hosts' names, for the tracks.
    pub hosts: Shared<lab::scene::RunInfo>,
    /// Does it play?
    pub playing: bool,
    /// How fast.
    pub speed: Speed,
    /// The moment of the journey's return, for its flag.
    #[prop_or_default]
    pub flag: Option<EventId>,
    /// Does the cursor follow a live network? Then there is no list of stops to scrub in.
    #[prop_or_default]
    pub following: bool,
    /// The branches of the run.
    #[prop_or_default]
    pub tree: Shared<Branches>,
    /// With which branch the shown one is compared.
    #[prop_or_default]
    pub compared: Option<u32>,
    /// The journey, where it is shown as a strip of its states.
    #[prop_or_default]
    pub story: Option<Hero>,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The transport.
#[function_component]
pub fn Transport(props: &Props) -> Html {
    let Props { timeline, scene, send, .. } = props;
    let beat = beat_at(timeline, scene.at);
    html! {
        <section class="transport" aria-label="Time" data-k="transport" data-event={scene.at.0.to_string()}
            data-state={if props.playing { "playing" } else { "paused" }}>
            <div class="buttons" data-k="buttons">
                { button("start", "To the beginning", Icon::Start, TimeCommand::Start, send) }
                { button("packet-back", "One packet back", Icon::PacketBack, TimeCommand::StepPackets(-1), send) }
                { button("layer-back", "One layer back", Icon::LayerBack, TimeCommand::StepBeats(-1), send) }
                { button("back", "One event back", Icon::Back, TimeCommand::StepEvents(-1), send) }
                { play(props.playing, send) }
                { button("step", "One event on", Icon::Step, TimeCommand::StepEvents(1), send) }
                { button("layer", "One layer on", Icon::Layer, TimeCommand::StepBeats(1), send) }
                { button("packet", "One packet on", Icon::Packet, TimeCommand::StepPackets(1), send) }
                { button("end", "To the end", Icon::End, TimeCommand::End, send) }
                if !props.following && !props.tree.list.is_empty() {
                    <button type="button" class="fork" title="Take another turn here: a new branch (B)" onclick={send.reform(|_: MouseEvent| Action::Branch(BranchAction::Fork))}
                        data-testid="fork" data-k="fork">{ Icon::Fork.draw() }<span class="visually-hidden">{ "Fork here" }</span></button>
                }
            </div>
            <div class="readout" data-k="readout">
                if !props.following {
                    <span class="beat">{ "beat " }<b class="mono">{ beat.map_or(0, |i| i + 1) }</b>{ " of " }<span class="mono">{ timeline.beats.len() }</span></span>
                }
                <span class="event mono">{ "event " }{ scene.at.0 }</span>
                <label class="speed"><span class="visually-hidden">{ "Speed" }</span>{ speeds(props.speed, send) }</label>
                if !props.following { { memory(&props.tree) } }
                <span class="gear" title="The journey's axis is by event. This is the scale of time right here.">{ gear_text(props, beat) }</span>
            </div>
            if props.following {
                <p class="scrub following" data-k="following">{ "The timeline of what has happened so far appears here when you pause or step." }</p>
            } else {
                <div class="scrub" data-k="scrub">
                    if let Some(hero) = props.story.clone() {
                        <Storyboard {hero} timeline={timeline.clone()} hosts={props.hosts.hosts.clone()} at={scene.at} send={send.clone()} />
                    }
                    { slider(props, beat) }
                    <Overview timeline={timeline.clone()} info={props.hosts.clone()} at={scene.at} flag={props.flag} send={send.clone()} />
                    <BranchStrip tree={props.tree.clone()} timeline={timeline.clone()} info={props.hosts.clone()} compared={props.compared} send={send.clone()} />
                </div>
            }
        </section>
    }
}

/// What the run's events take of the memory they may take.
fn memory(tree: &Branches) -> Html {
    let (bytes, most) = tree.memory;
    if most == 0 {
        return Html::default();
    }
    let taken = match bytes {
        0..0x10_0000 => format!("{} kB", bytes.div_ceil(1024)),
        _ => format!("{}.{} MB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20),
    };
    let text = format!("{taken} of {} MB", most >> 20);
    match tree.forgotten {
        0 => {
            html! { <span class="run-memory" title="Memory of the run's events, and its limit" data-testid="memory">{ text }</span> }
        }
        n => {
            html! { <span class="run-memory full" data-testid="memory">{ format!("{text}: the first {n} events are forgotten") }</span> }
        }
    }
}

fn button(id: &'static str, name: &'static str, icon: Icon, command: TimeCommand, send: &Callback<Action>) -> Html {
    let onclick = send.reform(move |_: MouseEvent| Action::Time(command));
    html! {
        <button type="button" class={id} title={name} aria-label={name} {onclick} data-testid={id} data-k={id}>{ icon.draw() }</button>
    }
}

fn play(playing: bool, send: &Callback<Action>) -> Html {
    let (name, icon) = if playing { ("Pause", Icon::Pause) } else { ("Play", Icon::Play) };
    let onclick = send.reform(|_: MouseEvent| Action::Toggle);
    html! {
        <button type="button" class="play" title={name} aria-label={name} {onclick} data-testid="play" data-k="play">
            { icon.draw() }<span>{ name }</span>
        </button>
    }
}

fn speeds(now: Speed, send: &Callback<Action>) -> Html {
    let send = send.clone();
    let onchange = Callback::from(move |event: Event| {
        if let Some(speed) = speed_of(&event) {
            send.emit(Action::Speed(speed));
        }
    });
    html! {
        <select {onchange} data-testid="speed" data-k="speed">
            { for Speed::ALL.into_iter().map(|speed| html! {
                <option value={speed.key()} selected={speed == now}>{ speed.label() }</option>
            }) }
        </select>
    }
}

fn gear_text(props: &Props, beat: Option<usize>) -> String {
    let beats = &props.timeline.beats;
    let here = beat.and_then(|i| beats.get(i));
    let next = beat.and_then(|i| beats.get(i + 1));
    match (here, next) {
        (Some(here), Some(next)) => gear(next.at_ns.saturating_sub(here.at_ns), stay_ms(Some(here), props.speed)),
        _ => time(props.scene.now_ns),
    }
}

fn slider(props: &Props, beat: Option<usize>) -> Html {
    let timeline = &props.timeline;
    let last = timeline.beats.len().saturating_sub(1);
    let layer = beat.and_then(|i| timeline.beats.get(i)).map(|beat| layer_name(beat.layer));
    let text = format!(
        "beat {} of {}, {}, {}",
        beat.map_or(0, |i| i + 1),
        timeline.beats.len(),
        layer.unwrap_or("nothing yet"),
        time(props.scene.now_ns)
    );
    let (beats, send) = (timeline.clone(), props.send.clone());
    let oninput = Callback::from(move |event: InputEvent| {
        if let Some(beat) = value_of(&event).and_then(|i| beats.beats.get(i)) {
            send.emit(Action::Time(TimeCommand::Seek(beat.event)));
        }
    });
    html! {
        <input type="range" class="slider" min="0" max={last.to_string()} step="1" value={beat.unwrap_or(0).to_string()}
            aria-label="Time" aria-valuetext={text} {oninput} data-testid="scrubber" data-k="slider" />
    }
}

#[cfg(target_arch = "wasm32")]
fn value_of(event: &InputEvent) -> Option<usize> {
    event.target_dyn_into::<web_sys::HtmlInputElement>()?.value().parse().ok()
}

#[cfg(target_arch = "wasm32")]
fn speed_of(event: &Event) -> Option<Speed> {
    Speed::from_key(&event.target_dyn_into::<web_sys::HtmlSelectElement>()?.value())
}

// Drawn to text, a page has no events.
#[cfg(not(target_arch = "wasm32"))]
fn value_of(_: &InputEvent) -> Option<usize> {
    None
}

#[cfg(not(target_arch = "wasm32"))]
fn speed_of(_: &Event) -> Option<Speed> {
    None
}
