//! The inspector: one header of the packet, as a grid and as bytes, and what its selected field means.

mod cells;
mod grid;
mod hex;
mod tables;

use crate::shared::Shared;
use crate::store::{Action, Inspect, Selection, Subject, Why};
use crate::views::hue::{letter, proto_class, proto_name, proto_short};
use crate::views::why::WhyChain;
use grid::Lights;
use lab::dissect::{FieldView, HeaderView, header};
use lab::scene::{Region, RunInfo, Scene};
use stack::trace::{EventId, HostId, Proto};
use yew::prelude::*;

/// What the inspector shows.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The moment.
    pub scene: Shared<Scene>,
    /// What is selected.
    pub selection: Selection,
    /// The end of the step before: what was written after it is new.
    pub since: EventId,
    /// Why the selected field is as it is, while that is told.
    #[prop_or_default]
    pub why: Option<Why>,
    /// The headers, or a table.
    #[prop_or_default]
    pub tab: Inspect,
    /// What does not change during the run; of a capture there is nothing.
    #[prop_or_default]
    pub info: Shared<RunInfo>,
    /// The host to show when there is no packet.
    #[prop_or(HostId(0))]
    pub shown: HostId,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The inspector.
#[function_component]
pub fn Inspector(props: &Props) -> Html {
    let subject = Subject::of(&props.scene, &props.selection);
    let region = subject.and_then(|subject| subject.region(&props.selection));
    html! {
        <section class="inspector" aria-label="Header" data-k="inspector">
            if !props.info.hosts.is_empty() { { tables::tabs(props.tab, &props.send) } }
            if props.tab == Inspect::Header {
            { subject.map(|subject| tabs(subject, region, &props.send)).unwrap_or_default() }
            { match (subject, region) {
                (Some(_), Some(region)) => body(props, region),
                (Some(_), None) => nothing("This packet has no bytes yet. They appear here as the layers write them."),
                (None, _) => nothing("No packet is in memory right now. Its headers appear here as the layers write them."),
            } }
            } else {
                { tables::table(props, subject) }
            }
        </section>
    }
}

fn nothing(text: &'static str) -> Html {
    html! { <p class="nothing" data-k="nothing">{ text }</p> }
}

fn tabs(subject: Subject, shown: Option<&Region>, send: &Callback<Action>) -> Html {
    let data = match subject {
        Subject::Skb(_, skb) => skb.data,
        Subject::Frame(_) => 0,
    };
    html! {
        <div class="tabs" role="tablist" data-k="tabs">
            { for subject.regions().iter().enumerate().filter(|(i, region)| first_of_payload(subject.regions(), *i, region)).map(|(_, region)| {
                let proto = region.proto;
                let on = shown.is_some_and(|shown| std::ptr::eq(shown, region) || is_payload(shown) && is_payload(region));
                let class = classes!(on.then_some("shown"), (region.at < data).then_some("pulled"));
                let onclick = send.reform(move |_: MouseEvent| Action::PickProto(proto));
                html! {
                    <button type="button" role="tab" aria-selected={on.to_string()} {class} {onclick} data-k={format!("{proto:?}")}
                        data-testid={format!("header-{proto:?}")}>
                        <i class={classes!("chip", proto_class(proto))}>{ letter(proto) }</i>{ proto_short(proto) }
                    </button>
                }
            }) }
        </div>
    }
}

fn is_payload(region: &Region) -> bool {
    region.proto == Proto::Payload
}

/// Payload that lies in several pieces has one tab.
fn first_of_payload(regions: &[Region], index: usize, region: &Region) -> bool {
    !(is_payload(region) && regions[..index].last().is_some_and(is_payload))
}

fn body(props: &Props, region: &Region) -> Html {
    let view = header(region.proto, &region.bytes);
    let selection = &props.selection;
    let lights = Lights {
        selected: selection.bits,
        hover: selection.hover,
        fresh: region.event > props.since && region.event <= props.scene.at,
        send: &props.send,
    };
    let is_data = region.proto == Proto::Payload;
    html! {
        <>
            <h2 class={classes!("header-title", proto_class(region.proto))} data-k="title">
                <span>{ proto_name(region.proto) }</span><small>{ format!("{} bytes", region.len) }</small>
                if region.event != EventId::NONE { <em>{ "written by " }<code>{ region.function.name() }</code></em> }
            </h2>
            if !is_data { { grid::grid(region, &view, lights) } }
            { hex::hex(region, &view, lights) }
            { footer(region, &view, lights) }
            if region.event != EventId::NONE { { why(props, region) } }
        </>
    }
}

/// The field that is pointed at or selected, in words.
fn footer(region: &Region, view: &HeaderView, lights: Lights) -> Html {
    let wanted = lights.hover.or(lights.selected).filter(|bits| bits.proto == region.proto);
    let Some(field) = wanted.and_then(|bits| find(&view.fields, bits.at, bits.len)) else {
        return html! {
            <div class="about" data-k="about">
                <p class="hint">{ "Point at a field, or tap it: its bytes light up, and this says what it means." }</p>
            </div>
        };
    };
    html! {
        <div class="about" data-k="about" data-testid="field-about" data-filter={field.filter}>
            <p><b>{ field.name }</b>{ " " }<code class="mono">{ &field.value }</code>
                { for field.computed.iter().map(|text| html! { <span class="computed">{ " " }{ text }</span> }) }</p>
            <p>{ field.meaning }</p>
            <p class="small">{ "Wireshark: " }<code class="mono">{ field.filter }</code>{ " · bytes " }<code class="mono">{ &field.raw }</code></p>
        </div>
    }
}

/// Why the value is as it is: asked for, since it is a story of its own.
fn why(props: &Props, region: &Region) -> Html {
    let jump = props.send.reform(|_: MouseEvent| Action::JumpToWrite);
    let onclick = props.send.reform(|_: MouseEvent| Action::Why);
    let change = |direction: i32| props.send.reform(move |_: MouseEvent| Action::Change(direction));
    let what = if props.selection.bits.is_some() { "Why this value?" } else { "Why this header?" };
    html! {
        <div class="why-box" data-k="why">
            <div class="why-bar">
                <button type="button" class="quiet" {onclick} aria-expanded={props.why.is_some().to_string()} data-testid="why">{ what }</button>
                <button type="button" class="quiet" onclick={jump} data-testid="jump-to-write" data-event={region.event.0.to_string()} title="J">{ "jump to the write" }</button>
                <button type="button" class="quiet" onclick={change(-1)} data-testid="change-back" title="Last change of the selection ( , )" aria-label="◀ last change">{ "◀" }</button>
                <button type="button" class="quiet" onclick={change(1)} data-testid="change-on" title="Next change of the selection ( . )" aria-label="▶ next change">{ "▶" }</button>
            </div>
            if let Some(why) = &props.why {
                <WhyChain causes={why.causes.clone()} at={props.scene.at} send={props.send.clone()} />
            }
        </div>
    }
}

/// The smallest field with these bits.
fn find(fields: &[FieldView], at: u32, len: u32) -> Option<&FieldView> {
    fields.iter().find_map(|field| {
        let inside = field.bit <= at && at + len <= field.bit + field.bits;
        inside.then(|| find(&field.parts, at, len).unwrap_or(field))
    })
}
