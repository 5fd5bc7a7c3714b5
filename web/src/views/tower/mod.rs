//! The journey: two hosts as columns of layers, joined by the wire; only packets move.
//!
//! Hidden from screen readers: `views::tree` says the same in words.

mod column;
mod rows;
mod train;

use crate::shared::Shared;
use crate::store::{Action, PacketRef};
use crate::views::hue::{layer_class, layer_letter, layer_name};
use lab::scene::{HostScene, Place, Scene};
use rows::{row, rows};
use stack::trace::{HostId, Layer};
use train::{Look, frame_train, skb_train};
use yew::prelude::*;

pub use train::contents;

/// Frames drawn on the wire at the most: the newest.
const FRAMES: usize = 3;

/// Packets in hand on one row that are drawn apart: further ones lie on the last.
const PILE: usize = 3;

/// What the tower draws.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The moment.
    pub scene: Shared<Scene>,
    /// The packet the page is about.
    pub packet: Option<PacketRef>,
    /// The host that a narrow screen shows.
    pub shown: HostId,
    /// In live mode, the address of the machine beyond the wire, which cannot be looked into.
    #[prop_or_default]
    pub outside: Option<AttrValue>,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The tower.
#[function_component]
pub fn Tower(props: &Props) -> Html {
    let scene = &*props.scene;
    let look = Look { packet: props.packet, send: &props.send };
    let hosts = pair(scene);
    let column_of = |id: HostId| hosts.iter().position(|host| host.id == id);
    let shown = column_of(props.shown).unwrap_or(0);
    let active = scene.event.as_ref().map(|event| event.layer);
    let mut ways = Vec::new();
    let frames = scene.frames.iter().rev().take(FRAMES).filter_map(|frame| {
        let from = column_of(frame.from).or_else(|| frame.to.and_then(column_of).map(|to| 1 - to.min(1)))?;
        let nth = ways.iter().filter(|way| **way == (from, frame.arrived)).count();
        ways.push((from, frame.arrived));
        Some(frame_train(look, frame, from, nth))
    });
    html! {
        <section class="tower" aria-hidden="true" data-show={shown.to_string()} data-k="tower"
            data-outside={props.outside.as_ref().map(|_| "true")}>
            <div class="host-names" data-k="names">
                { for hosts.iter().enumerate().map(|(i, host)| host_name(i, host, scene, i == shown, &props.send)) }
                if let Some(name) = &props.outside {
                    <div class="host-name" data-col="1" data-k="outside-name"><b>{ "kernel" }</b><span class="mono">{ name }</span></div>
                }
            </div>
            <div class="stack-area" data-k="area">
                { for rows().map(|row| html! {
                    <div class={classes!("row", (active == Some(row.layer)).then_some("active"))} data-layer={format!("{:?}", row.layer)}
                        data-k={format!("row{:?}", row.layer)} style={row.style()}>
                        <span class={classes!("row-name", layer_class(row.layer))}>
                            <i class="chip">{ layer_letter(row.layer) }</i>{ row_name(row.layer, scene) }
                        </span>
                    </div>
                }) }
                { wire() }
                { for hosts.iter().enumerate().map(|(i, host)| column::column(scene, host, i)) }
                if props.outside.is_some() { { outside() } }
                <div class="trains" data-k="trains">
                    { for hosts.iter().enumerate().flat_map(|(i, host)| trains(look, i, host)) }
                    { for frames }
                </div>
            </div>
        </section>
    }
}

/// A row's name; the transport row is called after the protocol that is at work.
fn row_name(layer: Layer, scene: &Scene) -> &'static str {
    let file = scene
        .event
        .as_ref()
        .filter(|event| layer == Layer::Transport && event.layer == layer)
        .map(|event| event.function.file());
    match file {
        Some("net/ipv4/icmp.c" | "net/ipv4/ping.c") => "ICMP",
        Some("net/ipv4/udp.c") => "UDP",
        _ => layer_name(layer),
    }
}

/// The two hosts to draw: the first, and the one it talks to.
fn pair(scene: &Scene) -> Vec<&HostScene> {
    let here = scene.event.as_ref().map(|event| event.host);
    let mut hosts = scene.hosts.iter();
    let first = hosts.next();
    let other = hosts.clone().find(|host| Some(host.id) == here).or_else(|| hosts.next());
    first.into_iter().chain(other).collect()
}

fn trains(look: Look, column: usize, host: &HostScene) -> Vec<Html> {
    let mut in_hand: Vec<Layer> = Vec::new();
    let mut trains = Vec::new();
    for skb in &host.skbs {
        let nth = in_hand.iter().filter(|layer| **layer == skb.layer).count().min(PILE);
        if skb.place == Place::InHand {
            in_hand.push(skb.layer);
        }
        trains.extend(skb_train(look, column, host, skb, nth));
    }
    trains
}

fn host_name(column: usize, host: &HostScene, scene: &Scene, shown: bool, send: &Callback<Action>) -> Html {
    let address = host.interfaces.iter().find(|dev| !dev.address.is_empty() && dev.name != "lo");
    let address = address.map(|dev| dev.address.split('/').next().unwrap_or_default().to_owned());
    let here = scene.event.as_ref().is_some_and(|event| event.host == host.id);
    let id = host.id;
    let onclick = send.reform(move |_: MouseEvent| Action::ShowHost(id));
    html! {
        <button type="button" tabindex="-1" class={classes!("host-name", here.then_some("here"), shown.then_some("shown"))}
            data-col={column.to_string()} data-k={format!("name{column}")} {onclick}>
            <b>{ &host.name }</b><span class="mono">{ address }</span>
        </button>
    }
}

/// The wire: from one card to the other, along the bottom.
fn wire() -> Html {
    let row = row(Layer::Wire);
    html! {
        <svg class="wire" data-k="wire" style={row.style()} viewBox="0 0 100 20" preserveAspectRatio="none">
            <path d="M 0 0 V 10 H 100 V 0" />
        </svg>
    }
}

/// The real network: a closed box.
fn outside() -> Html {
    html! {
        <div class="outside" data-col="1" data-k="outside">
            <b>{ "The real network" }</b>
            <p>{ "A real kernel: its frames come here, but nobody can look inside it from this page." }</p>
        </div>
    }
}
