//! A packet as a train: one car a header, the payload last.
//!
//! Moving is left to the style sheet: a train's place is a pair of custom properties, and a change of them
//! is a transition on its rail, or none where motion is off.

use super::rows::{is_narrow, row, slots};
use crate::store::{Action, PacketRef};
use crate::views::hue::{letter, printable, proto_class, proto_name};
use lab::scene::{FrameScene, HostScene, InterfaceScene, Place, Region, SkbRef, SkbScene, SocketScene};
use stack::trace::{Layer, Proto, QueueKind};
use yew::prelude::*;

/// What all trains of one drawing share.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// The packet the page is about.
    pub packet: Option<PacketRef>,
    /// Where clicks go.
    pub send: &'a Callback<Action>,
}

/// Where in its queue an skb is, if that slot is drawn.
pub fn slot_of(host: &HostScene, skb: &SkbScene) -> Option<(QueueKind, usize)> {
    let Place::Queued(queue) = skb.place else { return None };
    let at = |list: &[_]| list.iter().position(|id| *id == skb.id);
    let in_sockets = |of: fn(&SocketScene) -> &[stack::skb::SkbId]| host.sockets.iter().find_map(|sock| at(of(sock)));
    let index = match queue {
        QueueKind::Write => in_sockets(|sock| &sock.write_queue),
        QueueKind::Retransmit => in_sockets(|sock| &sock.rtx_queue),
        QueueKind::Receive => in_sockets(|sock| &sock.receive_queue),
        QueueKind::OutOfOrder => {
            host.sockets.iter().find_map(|sock| Some(sock.receive_queue.len() + at(&sock.ofo_queue)?))
        }
        QueueKind::Neigh => host.neighbours.iter().find_map(|neigh| at(&neigh.queue)),
        QueueKind::Qdisc => host.interfaces.iter().find_map(|dev| at(&dev.qdisc)),
        QueueKind::TxRing => host.interfaces.iter().find_map(|dev| at(&dev.tx_ring)),
        QueueKind::RxRing => host.interfaces.iter().find_map(|dev| at(&dev.rx_ring)),
    };
    Some((queue, index.unwrap_or(0)))
}

/// How many packets a host's queues of a kind hold.
pub fn depth(host: &HostScene, queue: QueueKind) -> usize {
    let sockets = |of: fn(&SocketScene) -> usize| host.sockets.iter().map(of).sum();
    let devices = |of: fn(&InterfaceScene) -> usize| host.interfaces.iter().map(of).sum();
    match queue {
        QueueKind::Write => sockets(|sock| sock.write_queue.len()),
        QueueKind::Retransmit => sockets(|sock| sock.rtx_queue.len()),
        // Both stand in the slots of what was received.
        QueueKind::Receive | QueueKind::OutOfOrder => sockets(|sock| sock.receive_queue.len() + sock.ofo_queue.len()),
        QueueKind::Neigh => host.neighbours.iter().map(|neigh| neigh.queue.len()).sum(),
        QueueKind::Qdisc => devices(|dev| dev.qdisc.len()),
        QueueKind::TxRing => devices(|dev| dev.tx_ring.len()),
        QueueKind::RxRing => devices(|dev| dev.rx_ring.len()),
    }
}

/// An skb of the host in column `column`; `nth` counts those in hand on the same row.
pub fn skb_train(look: Look, column: usize, host: &HostScene, skb: &SkbScene, nth: usize) -> Option<Html> {
    let (place, layer, left) = match slot_of(host, skb) {
        Some((queue, index)) => {
            let slots = slots(queue);
            // The last slot says how many more there are.
            let drawn = if depth(host, queue) > slots.count { slots.count - 1 } else { slots.count };
            if index >= drawn {
                return None;
            }
            ("slotted", slots.layer, slots.left(column, index))
        }
        None => ("in-hand", visible_layer(skb.layer), "var(--rail)".to_owned()),
    };
    let row = row(layer);
    let size = match place {
        "slotted" => "mini",
        _ if is_narrow(layer) => "small",
        _ => "full",
    };
    let packet = PacketRef::Skb(SkbRef { host: host.id, skb: skb.id });
    let selected = look.packet == Some(packet);
    let way = if skb.receiving { "up" } else { "down" };
    let style = format!("--top:{}%;--left:{left};--nth:{nth}", row.middle());
    let class = classes!("train", place, size, way, selected.then_some("selected"));
    let pick = look.send.reform(move |_: MouseEvent| Action::Pick(packet));
    let key = format!("k{}.{}", host.id.0, skb.id.0);
    let title = format!("sk_buff #{}, {} bytes: {}", skb.id.0, skb.len, contents(&skb.regions, skb.data));
    let inside = |region: &Region| (skb.data..skb.tail).contains(&region.at) || region.at >= skb.end;
    Some(html! {
        <div key={key.clone()} data-k={key} class={class} data-col={column.to_string()} {style} {title} onclick={pick}
            data-skb={skb.id.0.to_string()} data-layer={format!("{layer:?}")}>
            { cars(&skb.regions, inside, size) }
        </div>
    })
}

/// A frame on the wire, the `nth` that stands at that place.
pub fn frame_train(look: Look, frame: &FrameScene, from_column: usize, nth: usize) -> Html {
    let packet = PacketRef::Frame(frame.id);
    let selected = look.packet == Some(packet);
    let way = if from_column == 0 { "east" } else { "west" };
    let state = match (frame.lost, frame.arrived) {
        (Some(_), _) => "lost",
        (None, true) => "arrived",
        (None, false) => "crossing",
    };
    let pick = look.send.reform(move |_: MouseEvent| Action::Pick(packet));
    let key = format!("w{}", frame.id.0);
    let title = format!("frame of {} bytes: {}", frame.len, contents(&frame.regions, 0));
    // The newest is drawn in full; those that left before it are ahead of it, and smaller.
    let size = if nth == 0 { "full" } else { "small" };
    let style = format!("--top:{}%;--nth:{nth}", row(Layer::Wire).middle());
    html! {
        <div key={key.clone()} data-k={key} class={classes!("train", size, "frame", way, state, selected.then_some("selected"))}
            {style} {title} onclick={pick} data-frame={frame.id.0.to_string()}>
            { cars(&frame.regions, |_| true, size) }
            if let Some(reason) = frame.lost {
                <b class="lost-mark">{ "✕ " }{ reason.name() }</b>
            }
        </div>
    }
}

/// The cars of a train. Headers that were pulled stay in the document, folded, so that they can fold visibly.
fn cars(regions: &[Region], inside: impl Fn(&Region) -> bool, size: &str) -> Html {
    let cars = joined(regions);
    let empty = !cars.iter().any(|(region, _)| inside(region));
    // In a slot there is room for a number or for headers, not for both.
    let crowded = cars.iter().filter(|(region, _)| inside(region)).count() > 1;
    let size = if size == "mini" && crowded { "mini crowded" } else { size };
    html! {
        <>
            if empty {
                <i class="car hollow" data-k="hollow"></i>
            }
            { for cars.iter().map(|(region, len)| car(region, *len, !inside(region), size)) }
        </>
    }
}

/// Each header with its length; payload that lies in several pieces is one car.
fn joined(regions: &[Region]) -> Vec<(&Region, u32)> {
    let mut cars: Vec<(&Region, u32)> = Vec::new();
    for region in regions {
        match cars.last_mut() {
            Some((last, len)) if last.proto == Proto::Payload && region.proto == Proto::Payload => *len += region.len,
            _ => cars.push((region, region.len)),
        }
    }
    cars
}

fn car(region: &Region, len: u32, folded: bool, size: &str) -> Html {
    let text = match (region.proto, size) {
        (Proto::Payload, "full") => printable(&region.bytes[..region.bytes.len().min(12)]),
        (_, "mini crowded") => String::new(),
        (Proto::Payload, _) => short_count(len),
        (proto, _) => letter(proto).to_owned(),
    };
    let class = classes!(
        "car",
        proto_class(region.proto),
        (region.proto == Proto::Payload).then_some("payload"),
        folded.then_some("folded")
    );
    let key = format!("{:?}{}", region.proto, region.at);
    html! { <i key={key.clone()} data-k={key} {class}>{ text }</i> }
}

/// A count in at most four characters.
fn short_count(n: u32) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..10_000 => format!("{}.{}k", n / 1_000, n % 1_000 / 100),
        _ => format!("{}k", n / 1_000),
    }
}

/// The row on which a packet in hand is drawn.
fn visible_layer(layer: Layer) -> Layer {
    match layer {
        Layer::User | Layer::Syscall => Layer::Socket,
        Layer::Wire => Layer::Nic,
        other => other,
    }
}

/// The headers and payload in words.
pub fn contents(regions: &[Region], data: u32) -> String {
    let parts = joined(regions).into_iter().filter(|(region, _)| region.at >= data);
    let parts: Vec<String> = parts.map(|(region, len)| format!("{} {len}", proto_name(region.proto))).collect();
    if parts.is_empty() { "nothing written yet".to_owned() } else { parts.join(", ") }
}
