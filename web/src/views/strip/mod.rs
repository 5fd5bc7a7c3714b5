//! The memory of one `sk_buff`: head, data, tail, end, and what is written between them; behind it, page fragments.

mod frags;
mod scale;

use crate::shared::Shared;
use crate::store::{Action, Bits, PacketRef, Selection, Subject};
use crate::views::hue::{letter, printable, proto_class, proto_short};
use lab::scene::{FrameScene, HostScene, Place, Region, Scene, SkbMoveScene, SkbRef, SkbScene};
use scale::Scale;
use stack::skb::SkbId;
use stack::trace::{Proto, QueueKind, SkbOp};
use yew::prelude::*;

/// What the strip draws.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The moment.
    pub scene: Shared<Scene>,
    /// What is selected.
    pub selection: Selection,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The strip.
#[function_component]
pub fn Strip(props: &Props) -> Html {
    let subject = Subject::of(&props.scene, &props.selection);
    let body = match subject {
        Some(Subject::Skb(host, skb)) => skb_strip(props, host, skb),
        Some(Subject::Frame(frame)) => frame_strip(frame),
        None => empty(&props.scene),
    };
    html! { <section class="strip" aria-label="Memory of the packet" data-k="strip">{ body }</section> }
}

fn empty(scene: &Scene) -> Html {
    let here = scene.event.as_ref().and_then(|event| scene.hosts.iter().find(|host| host.id == event.host));
    let text = match here {
        Some(host) => format!("{} has no packet in memory right now.", host.name),
        None => "No packet is in memory right now.".to_owned(),
    };
    html! {
        <>
            <header data-k="title"><b class="mono">{ "sk_buff" }</b><span>{ text }</span></header>
            <div class="memory none" data-k="memory"></div>
        </>
    }
}

fn skb_strip(props: &Props, host: &HostScene, skb: &SkbScene) -> Html {
    let scale = Scale::of(skb);
    let family: Vec<&SkbScene> = host.skbs.iter().filter(|other| shares(host, skb, other)).collect();
    let fresh = skb.last_move.filter(|step| step.event == skb.touched);
    html! {
        <>
            <header data-k="title">
                <b class="mono">{ format!("sk_buff #{}", skb.id.0) }</b>
                <span class="owner">{ &host.name }</span>
                <span data-k="place">{ place(skb) }</span>
                if let Some(of) = skb.clone_of {
                    <span data-k="clone">{ format!("clone of #{}", of.0) }</span>
                }
                if let Some(step) = fresh {
                    <span class="op mono" data-k={format!("op{}", step.event.0)}>{ format!("{}({})", step.op.name(), step.delta) }</span>
                }
                if let Some(other) = family.first() {
                    <span class="references" data-k="references"><b>{ format!("{} references", skb.references) }</b>
                        { format!(": #{} {} sees the same bytes", other.id.0, place(other)) }</span>
                }
                <span class="spacer"></span>
                if let Some((size, segs)) = skb.gso {
                    <span class="gso mono" data-k="gso" title="it will be cut into so many segments just before the card">{ format!("gso: {segs} × {size}") }</span>
                }
                <span class="mono" data-k="len">{ "len " }<b>{ skb.len }</b></span>
                if skb.data_len > 0 {
                    <span class="mono wide" data-k="data-len" title="of these, in page fragments">{ "data_len " }{ skb.data_len }</span>
                }
                <span class="mono wide" data-k="truesize">{ "truesize " }{ skb.truesize }</span>
                <span class="moved" data-k="moved">{ "payload bytes moved: " }<b class="mono">{ host.payload_bytes_moved }</b></span>
            </header>
            <div class={classes!("memory", paged(skb))} data-k="memory" data-skb={skb.id.0.to_string()} data-data={skb.data.to_string()}
                data-tail={skb.tail.to_string()} data-end={skb.end.to_string()}>
                <div class="linear" data-k="linear">
                    { bar(props, skb, &scale, true) }
                    { flags(skb, &scale, fresh) }
                </div>
                { frags::frags(skb, &props.send) }
            </div>
            { clones(props, host, (skb, &family), &scale) }
        </>
    }
}

/// Does it leave room for page fragments?
fn paged(skb: &SkbScene) -> Option<&'static str> {
    (!skb.frags.is_empty()).then_some("paged")
}

/// What is written in the linear buffer.
fn linear(skb: &SkbScene) -> impl Iterator<Item = &Region> {
    skb.regions.iter().filter(|region| region.at < skb.end)
}

/// Do the two share their bytes?
fn shares(host: &HostScene, skb: &SkbScene, other: &SkbScene) -> bool {
    if other.id == skb.id || other.references < 2 || skb.references < 2 || other.end != skb.end {
        return false;
    }
    root(host, skb) == root(host, other)
}

/// The first of a family of clones. It may be gone while its siblings live: its number still stands for all.
fn root<'a>(host: &'a HostScene, mut skb: &'a SkbScene) -> SkbId {
    for _ in 0..8 {
        let Some(of) = skb.clone_of else { break };
        match host.skbs.iter().find(|skb| skb.id == of) {
            Some(next) => skb = next,
            None => return of,
        }
    }
    skb.id
}

/// Where it is, in words.
fn place(skb: &SkbScene) -> &'static str {
    match skb.place {
        Place::InHand if skb.receiving => "on its way up",
        Place::InHand => "on its way down",
        Place::Queued(QueueKind::Write) => "in the write queue",
        Place::Queued(QueueKind::Retransmit) => "kept in the retransmit queue",
        Place::Queued(QueueKind::Receive) => "in the receive queue",
        Place::Queued(QueueKind::OutOfOrder) => "in the out-of-order queue",
        Place::Queued(QueueKind::Neigh) => "waits for a hardware address",
        Place::Queued(QueueKind::Qdisc) => "in the qdisc",
        Place::Queued(QueueKind::TxRing) => "on the transmit ring",
        Place::Queued(QueueKind::RxRing) => "on the receive ring",
    }
}

/// The bytes: hatched where free, coloured where written.
fn bar(props: &Props, skb: &SkbScene, scale: &Scale, main: bool) -> Html {
    let headroom = scale.span(0, skb.data);
    let tailroom = scale.span(skb.tail, skb.end);
    // Headers that were pulled are headroom again, but still there to be read: the name stays beside them.
    let untouched = linear(skb).next().map_or(skb.data, |region| region.at.min(skb.data));
    let written = linear(skb).map(|region| region.at + region.len).fold(skb.tail, u32::max);
    html! {
        <div class="bytes" data-k="bytes">
            <div class="free head" style={headroom} data-k="headroom"></div>
            if main && skb.data > 0 {
                <div class="free-name" data-k="headroom-name" style={scale.span(0, untouched)}><span>{ format!("headroom {}", skb.data) }</span></div>
            }
            { for linear(skb).map(|region| region_cell(props, skb, region, scale, main)) }
            <div class="free tail" style={tailroom} data-k="tailroom"></div>
            if main && skb.end > skb.tail {
                <div class="free-name after" data-k="tailroom-name" style={scale.span(written, skb.end)}>
                    <span>{ format!("tailroom {}", skb.end - skb.tail) }</span>
                </div>
            }
            { for scale.stretches.iter().filter(|s| s.torn).map(|s| html! {
                <div class="torn" data-k={format!("torn{}", s.from)} style={format!("left:{}%;width:{}%", s.x0, s.x1 - s.x0)}></div>
            }) }
            <div class="shared-info" data-k="info" style={format!("left:{}%;right:0", scale.end())}>
                if main { <span>{ "shared info" }</span> }
            </div>
        </div>
    }
}

fn region_cell(props: &Props, skb: &SkbScene, region: &Region, scale: &Scale, main: bool) -> Html {
    let inside = region.at >= skb.data && region.at + region.len <= skb.tail.max(skb.data);
    let changed = main && region.event == skb.touched;
    let lit = props.selection.hover.or(props.selection.bits).filter(|bits| bits.proto == region.proto);
    let class = classes!(
        "region",
        proto_class(region.proto),
        (!inside).then_some("outside-data"),
        changed.then_some("changed"),
        (region.proto == Proto::Payload).then_some("letters"),
    );
    let proto = region.proto;
    let pick = props.send.reform(move |_: MouseEvent| Action::PickProto(proto));
    let key = format!("{:?}{}", region.proto, region.at);
    html! {
        <div key={key.clone()} data-k={key} {class} style={scale.span(region.at, region.at + region.len)} onclick={pick}
            title={format!("{}, {} bytes, written by {}", proto_short(proto), region.len, region.function.name())}>
            if main {
                <span>{ region_text(region) }</span>
                if let Some(bits) = lit {
                    <i class="lit" style={lit_style(region, bits, scale)}></i>
                }
            }
        </div>
    }
}

/// The stretch of a region that is pointed at, relative to the region.
fn lit_style(region: &Region, bits: Bits, scale: &Scale) -> String {
    let (from, to) = (bits.at / 8, (bits.at + bits.len).div_ceil(8).min(region.len));
    let (x0, x1) = (scale.x(region.at), scale.x(region.at + region.len));
    let (a, b) = (scale.x(region.at + from), scale.x(region.at + to));
    let width = (x1 - x0).max(0.01);
    format!("left:{}%;width:{}%", (a - x0) / width * 100.0, (b - a) / width * 100.0)
}

fn region_text(region: &Region) -> Html {
    match region.proto {
        Proto::Payload => html! { { printable(&region.bytes[..region.bytes.len().min(64)]) } },
        proto => html! { <>{ letter(proto) }<em>{ format!(" {} {}", proto_short(proto), region.len) }</em></> },
    }
}

/// The four pointers. `head` and `end` never move; where `data` and `tail` were before stays as a hollow flag.
fn flags(skb: &SkbScene, scale: &Scale, fresh: Option<SkbMoveScene>) -> Html {
    let op = |moved: &[SkbOp]| {
        fresh.filter(|step| moved.contains(&step.op)).map(|step| {
            let name = format!("{}({})", step.op.name(), step.delta);
            html! { <em key={step.event.0.to_string()} data-k={format!("pop{}", step.event.0)}>{ name }</em> }
        })
    };
    let hollow = |name: &'static str, old: u32, now: u32| {
        (old != now).then(|| html! {
        <div class={classes!("flag", "hollow", name)} data-k={format!("old-{name}")} style={format!("left:{}%", scale.x(old))}></div>
    })
    };
    let at = |byte| format!("left:{}%", scale.x(byte));
    html! {
        <>
            { fresh.and_then(|step| hollow("data", step.old_data, skb.data)) }
            { fresh.and_then(|step| hollow("tail", step.old_tail, skb.tail)) }
            <div class="flag data" data-k="data" style={at(skb.data)}>
                <span>{ op(&[SkbOp::Push, SkbOp::Pull, SkbOp::Reserve]) }<b>{ "data" }</b></span>
            </div>
            <div class="flag tail" data-k="tail" style={at(skb.tail)}>
                <span><b>{ "tail" }</b>{ op(&[SkbOp::Put, SkbOp::Trim]) }</span>
            </div>
            <div class="flag head" data-k="head" style="left:0"><span><b>{ "head" }</b></span></div>
            <div class="flag end" data-k="end" style={format!("left:{}%", scale.end())}><span><b>{ "end" }</b></span></div>
        </>
    }
}

/// The other heads over the same bytes.
fn clones(props: &Props, host: &HostScene, (skb, family): (&SkbScene, &[&SkbScene]), scale: &Scale) -> Html {
    let Some(other) = family.first() else { return html! { <div class="clones" data-k="clones"></div> } };
    let packet = PacketRef::Skb(SkbRef { host: host.id, skb: other.id });
    let pick = props.send.reform(move |_: MouseEvent| Action::Pick(packet));
    html! {
        <div class={classes!("clones", paged(skb))} data-k="clones">
            <div class="thin" onclick={pick} title="the same bytes, seen by the other head">
                { bar(props, other, scale, false) }
                <i class="mark data" style={format!("left:{}%", scale.x(other.data))}></i>
                <i class="mark tail" style={format!("left:{}%", scale.x(other.tail))}></i>
            </div>
        </div>
    }
}

/// On the wire there is no memory: the bytes in their order.
fn frame_strip(frame: &FrameScene) -> Html {
    let with_fcs = frame.regions.iter().any(|region| region.proto == Proto::Fcs);
    let total = frame.regions.iter().map(|region| region.len.clamp(4, 64)).sum::<u32>().max(1) as f32;
    html! {
        <>
            <header data-k="title">
                <b class="mono">{ format!("frame {}", frame.id.0) }</b>
                <span data-k="place">{ "on the wire: in no computer's memory" }</span>
                <span class="spacer"></span>
                <span class="mono" data-k="len">{ frame.len }{ if with_fcs { " bytes, frame check sequence included" } else { " bytes" } }</span>
            </header>
            <div class="memory wire-bytes" data-k="memory">
                { for frame.regions.iter().map(|region| html! {
                    <div class={classes!("region", proto_class(region.proto), (region.proto == Proto::Payload).then_some("letters"))}
                        style={format!("width:{}%", region.len.clamp(4, 64) as f32 / total * 100.0)}>
                        <span>{ region_text(region) }</span>
                    </div>
                }) }
            </div>
        </>
    }
}
