//! The whole run at a glance: system calls as bars, packets' beats as ticks, on the slider's own axis.

use crate::shared::Shared;
use crate::store::Action;
use crate::time::position;
use crate::views::hue::layer_class;
use lab::scene::{RunInfo, SyscallSpan, TimeCommand, Timeline};
use stack::trace::{EventId, HostId, Layer};
use yew::prelude::*;

/// Ticks and bars drawn at the most: a long run is thinned out.
const MARKS: usize = 160;

/// What the strip shows.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The run's stops.
    pub timeline: Shared<Timeline>,
    /// The hosts' names.
    pub info: Shared<RunInfo>,
    /// The cursor.
    pub at: EventId,
    /// Where the sending call returned.
    pub flag: Option<EventId>,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The strip.
#[function_component]
pub fn Overview(props: &Props) -> Html {
    let Props { timeline, info, .. } = props;
    html! {
        <div class="overview" aria-hidden="true" data-k="overview">
            { for busiest(timeline, info).into_iter().map(|(host, name)| calls(timeline, host, name, &props.send)) }
            { packets(timeline, &props.send) }
            <i class="cursor" data-k="cursor" style={format!("--at:{}", rounded(position(timeline, props.at)))}></i>
            if let Some(flag) = props.flag {
                <i class="flag-mark" data-k="flag" style={format!("--at:{}", rounded(position(timeline, flag)))}><b>{ "returned" }</b></i>
            }
        </div>
    }
}

/// The two hosts that make the most system calls, in the scenario's order.
fn busiest<'a>(timeline: &Timeline, info: &'a RunInfo) -> Vec<(HostId, &'a str)> {
    let count = |host: HostId| timeline.syscalls.iter().filter(|call| call.host == host).count();
    let mut hosts: Vec<(HostId, &str)> =
        info.hosts.iter().zip(0..).map(|(name, i)| (HostId(i), name.as_str())).collect();
    hosts.sort_by_key(|(host, _)| std::cmp::Reverse(count(*host)));
    hosts.truncate(2);
    hosts.sort_by_key(|(host, _)| *host);
    hosts
}

fn calls(timeline: &Timeline, host: HostId, name: &str, send: &Callback<Action>) -> Html {
    let mine: Vec<&SyscallSpan> = timeline.syscalls.iter().filter(|call| call.host == host).collect();
    let thin = mine.len().div_ceil(MARKS).max(1);
    html! {
        <div class="track" data-k={format!("track{}", host.0)}>
            <span class="track-name">{ name }</span>
            <div class="lane">
                { for mine.into_iter().step_by(thin).map(|call| {
                    let from = position(timeline, call.enter);
                    let to = if call.exit == EventId::NONE { 1.0 } else { position(timeline, call.exit) };
                    let enter = call.enter;
                    let onclick = send.reform(move |_: MouseEvent| Action::Time(TimeCommand::Seek(enter)));
                    html! {
                        <i class="call" {onclick} title={format!("{}()", call.name)}
                            style={format!("left:{}%;width:{}%", percent(from), percent(to - from).max(0.3))}><b>{ &call.name }</b></i>
                    }
                }) }
            </div>
        </div>
    }
}

fn packets(timeline: &Timeline, send: &Callback<Action>) -> Html {
    let on_path = timeline.beats.iter().filter(|beat| beat.skb.is_some() || beat.layer == Layer::Wire);
    let beats: Vec<_> = on_path.collect();
    let thin = beats.len().div_ceil(MARKS).max(1);
    html! {
        <div class="track" data-k="packets">
            <span class="track-name">{ "packets" }</span>
            <div class="lane">
                { for beats.into_iter().step_by(thin).map(|beat| {
                    let event = beat.event;
                    let onclick = send.reform(move |_: MouseEvent| Action::Time(TimeCommand::Seek(event)));
                    let class = classes!("tick", layer_class(beat.layer), beat.packet_start.then_some("first"));
                    html! { <i {class} {onclick} style={format!("left:{}%", percent(position(timeline, beat.event)))}></i> }
                }) }
            </div>
        </div>
    }
}

fn percent(x: f32) -> f32 {
    (x * 10_000.0).round() / 100.0
}

fn rounded(x: f32) -> f32 {
    (x * 10_000.0).round() / 10_000.0
}
