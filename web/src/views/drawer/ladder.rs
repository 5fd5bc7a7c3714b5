//! The ladder: hosts side by side, time downwards and true to scale. The slope of a stripe is the wire's delay,
//! its thickness the time that the frame's bits take.

use super::DrawerProps;
use super::axis::{Scale, mark, round};
use crate::store::{Action, Lit, PacketRef};
use crate::time::time;
use crate::views::hue::proto_class;
use lab::panes::{Band, BandKind, Ladder, Node, Rung};
use lab::scene::SkbRef;
use stack::trace::{EventId, HostId};
use yew::prelude::*;

/// A label's height: what can be hit by a finger that is not too thick.
const LABEL: f64 = 24.0;
/// A label is not moved further than this from its stripe.
const FAR: f64 = 60.0;
/// The least thickness of a stripe: shorter times could not be seen.
const THIN: f64 = 3.0;
/// The room between a host's line and its labels, and what each lane of bands adds to it.
const GAP: f64 = 26.0;
const LANE: f64 = 19.0;
/// The room above and below the span.
const EDGE: f64 = 30.0;

/// What the head says.
pub fn about(ladder: &Ladder) -> Html {
    let frames = match ladder.left_out {
        0 => format!("{} frames", ladder.rungs.len()),
        more => format!("{} frames, {more} more not drawn", ladder.rungs.len()),
    };
    html! { <p class="about" data-k="about">{ frames }<span>{ "Slope: delay. Thickness: the time its bits take. Numbers count from the SYN." }</span></p> }
}

/// The ladder.
pub fn ladder(ladder: &Ladder, props: &DrawerProps, height: f64) -> Html {
    if ladder.rungs.is_empty() && ladder.bands.is_empty() {
        return super::empty("No frame is sent in this span of time.");
    }
    let page = Picture::new(ladder, height);
    let bands = bands(ladder, &page);
    let lanes = |left: bool| bands.iter().filter(|(_, of)| of.0 == left).map(|(_, of)| of.1 + 1).max().unwrap_or(0);
    let gaps = [lanes(true), lanes(false)].map(|lanes| GAP + LANE * lanes as f64);
    let (first, last) = (page.columns.first().map_or(0.0, |c| c.1), page.columns.last().map_or(100.0, |c| c.1));
    html! {
        <div class="rungs" data-k="ladder" style={format!("height:{height}px")}>
            <div class="names" aria-hidden="true">{ for ladder.columns.iter().zip(&page.columns).map(|((_, name), (_, x))| html! { <b style={format!("left:{x}%")}>{ name }</b> }) }</div>
            { for page.scale.marks(44.0).into_iter().map(|ns| html! {
                <span class="mark mono" aria-hidden="true" style={format!("top:{}px", page.y(ns))}>{ mark(ns) }</span>
            }) }
            { for page.columns.iter().map(|(_, x)| html! { <i class="life" style={format!("left:{x}%")}></i> }) }
            { for bands.into_iter().map(|(html, _)| html) }
            <svg class="stripes" aria-hidden="true" preserveAspectRatio="none" viewBox={format!("0 0 1000 {height}")}
                style={format!("left:{first}%;width:{}%;height:{height}px", round(last - first))}>
                { for ladder.rungs.iter().map(|rung| stripe(rung, &page, props)) }
            </svg>
            { for ladder.rungs.iter().filter(|rung| rung.lost.is_some()).map(|rung| cross(rung, &page)) }
            { for labels(ladder, &page, gaps, props) }
            if page.scale.holds(props.now_ns) {
                <div class="now" data-k="now" data-testid="ladder-now" style={format!("top:{}px", page.y(props.now_ns))}><b class="mono">{ time(props.now_ns) }</b></div>
            }
            <ol class="visually-hidden" aria-label="The frames in words">
                { for ladder.rungs.iter().map(|rung| html! { <li>{ words(rung, ladder) }</li> }) }
                { for ladder.bands.iter().map(|band| html! { <li>{ &band.text }{ ", from " }{ time(band.from_ns) }</li> }) }
            </ol>
        </div>
    }
}

/// Where everything is.
struct Picture {
    scale: Scale,
    height: f64,
    /// Each node's place, per cent of the width.
    columns: Vec<(Node, f64)>,
}

impl Picture {
    fn new(ladder: &Ladder, height: f64) -> Picture {
        let count = ladder.columns.len().max(2);
        let (left, right) = if count > 2 { (34.0, 66.0) } else { (38.0, 62.0) };
        let step = (right - left) / (count - 1) as f64;
        let columns = ladder.columns.iter().enumerate().map(|(i, (node, _))| (*node, round(left + step * i as f64)));
        Picture { scale: Scale::new(ladder.window, height - 2.0 * EDGE), height, columns: columns.collect() }
    }

    fn y(&self, ns: u64) -> f64 {
        round((self.scale.at(ns) + EDGE).clamp(-self.height, 2.0 * self.height))
    }

    fn x(&self, node: Node) -> f64 {
        self.columns.iter().find(|(of, _)| *of == node).map_or(50.0, |(_, x)| *x)
    }

    /// The place in the picture of the stripes, 0 to 1000.
    fn across(&self, x: f64) -> f64 {
        let (first, last) = (self.columns.first().map_or(0.0, |c| c.1), self.columns.last().map_or(100.0, |c| c.1));
        round((x - first) / (last - first).max(1.0) * 1000.0)
    }

    /// The corners of a stripe: first and last bit where it leaves, first and last bit where it ends; and how far it
    /// came.
    fn corners(&self, rung: &Rung) -> Corners {
        let (from, to) = (self.x(rung.from), self.x(rung.to));
        let (top, out) = (self.y(rung.sent_ns), self.y(rung.out_ns));
        let thick = (out - top).max(THIN);
        let end = if rung.end_ns == u64::MAX { self.height } else { self.y(rung.end_ns) };
        // What is lost on the wire comes half way; what a card refuses, all the way.
        let wire = matches!(rung.lost, Some(stack::skb::DropReason::WireLost));
        let to = if wire { from + (to - from) / 2.0 } else { to };
        Corners { from, to, top, thick, end: (end - thick).max(top) }
    }
}

struct Corners {
    from: f64,
    to: f64,
    top: f64,
    thick: f64,
    /// Where the first bit ends.
    end: f64,
}

fn is_lit(rung: &Rung, lit: &Lit) -> bool {
    let skb = Some(SkbRef { host: HostId(rung.from.0), skb: rung.skb });
    lit.frame == Some(rung.frame)
        || (lit.skb.is_some() && lit.skb == skb)
        || rung.stream.is_some_and(|(seq, len)| lit.stream(seq, len))
}

fn visit(rung: &Rung) -> Action {
    Action::Visit(rung.sent, Some(PacketRef::Frame(rung.frame)))
}

fn stripe(rung: &Rung, page: &Picture, props: &DrawerProps) -> Html {
    let c = page.corners(rung);
    let (x1, x2) = (page.across(c.from), page.across(c.to));
    let points = |shift: f64, thick: f64| {
        let (top, end) = (round(c.top + shift), round(c.end + shift));
        format!("{x1},{top} {x2},{end} {x2},{} {x1},{}", round(end + thick), round(top + thick))
    };
    let action = visit(rung);
    let onclick = props.send.reform(move |_: MouseEvent| action.clone());
    let class = classes!(
        "stripe",
        proto_class(rung.proto),
        is_lit(rung, &props.lit).then_some("lit"),
        (rung.sent > props.at).then_some("later"),
    );
    html! {
        <g {class} {onclick} data-frame={rung.frame.0.to_string()}>
            <polygon class="touch" points={points(-4.0, c.thick + 8.0)} />
            <polygon class="body" points={points(0.0, c.thick)} />
            if rung.again { <polygon class="body second" points={points(c.thick + 4.0, THIN)} /> }
        </g>
    }
}

/// Where a frame was lost: a cross, and the reason in a word.
fn cross(rung: &Rung, page: &Picture) -> Html {
    let c = page.corners(rung);
    let reason = rung.lost.map_or("", |reason| reason.name());
    let word = match rung.lost {
        Some(stack::skb::DropReason::WireLost) => "lost",
        _ => reason,
    };
    html! {
        <span class="lost" aria-hidden="true" title={rung.lost.map(|reason| reason.text())} style={format!("left:{}%;top:{}px", round(c.to), round(c.end + c.thick))}><b>{ "✕" }</b>{ word }</span>
    }
}

/// The labels at both sides, each as near to its stripe as there is room.
fn labels(ladder: &Ladder, page: &Picture, gaps: [f64; 2], props: &DrawerProps) -> Vec<Html> {
    let middle = page.columns.iter().map(|(_, x)| x).sum::<f64>() / page.columns.len().max(1) as f64;
    let mut out = Vec::new();
    for left in [true, false] {
        let side: Vec<&Rung> = ladder
            .rungs
            .iter()
            .filter(|rung| !rung.label.is_empty() && (page.x(rung.from) <= middle) == left)
            .filter(|rung| (0.0..=page.height).contains(&page.y(rung.sent_ns)))
            .collect();
        let mut free = EDGE - 4.0;
        let mut hidden = 0;
        for rung in side {
            let wanted = page.y(rung.sent_ns) - LABEL / 2.0;
            let top = wanted.max(free).min(page.height - LABEL);
            if top < free || top - wanted > FAR {
                hidden += 1;
                continue;
            }
            free = top + LABEL;
            out.push(label(rung, (left, gaps[usize::from(!left)]), top, hidden, page, props));
            hidden = 0;
        }
    }
    out
}

fn label(rung: &Rung, (left, gap): (bool, f64), top: f64, hidden: usize, page: &Picture, props: &DrawerProps) -> Html {
    let action = visit(rung);
    let onclick = props.send.reform(move |_: MouseEvent| action.clone());
    let class = classes!("label", if left { "left" } else { "right" }, is_lit(rung, &props.lit).then_some("lit"));
    let x = page.x(rung.from);
    let style = match left {
        true => format!("--gap:{gap}px;top:{top}px;right:{}%", round(100.0 - x)),
        false => format!("--gap:{gap}px;top:{top}px;left:{x}%"),
    };
    let tilt = round(page.y(rung.sent_ns) - top - LABEL / 2.0);
    html! {
        <button type="button" {class} {style} {onclick} data-frame={rung.frame.0.to_string()} title={rung.label.clone()}>
            <span class="mono long">{ &rung.label }</span><span class="mono short" aria-hidden="true">{ &rung.short }</span>
            if rung.again { <em>{ "again" }</em> }
            if rung.copy { <em>{ "doubled by the wire" }</em> }
            if hidden > 0 { <small>{ format!("+{hidden} above") }</small> }
            <i class="leader" style={format!("--tilt:{tilt}px")}></i>
        </button>
    }
}

/// Sleeping tasks and running timers, outside of their host's line; several at once side by side.
fn bands(ladder: &Ladder, page: &Picture) -> Vec<(Html, (bool, usize))> {
    let middle = page.columns.iter().map(|(_, x)| x).sum::<f64>() / page.columns.len().max(1) as f64;
    let mut lanes: Vec<(Node, usize, f64)> = Vec::new();
    let mut out = Vec::new();
    for band in &ladder.bands {
        let top = page.y(band.from_ns).max(EDGE - 6.0);
        let end = if band.end_ns == u64::MAX { page.height } else { page.y(band.end_ns).min(page.height) };
        let lane = (0..3).find(|lane| !lanes.iter().any(|(n, l, until)| *n == band.node && l == lane && *until > top));
        let Some(lane) = lane else { continue };
        lanes.push((band.node, lane, end));
        let left = page.x(band.node) <= middle;
        out.push((draw_band(band, (top, end), lane, page.x(band.node), left), (left, lane)));
    }
    out
}

fn draw_band(band: &Band, (top, end): (f64, f64), lane: usize, x: f64, left: bool) -> Html {
    let shift = 5.0 + LANE * lane as f64;
    let style = match !left {
        true => format!("left:calc({x}% + {shift}px);top:{top}px;height:{}px", round((end - top).max(4.0))),
        false => format!(
            "right:calc({}% + {shift}px);top:{top}px;height:{}px",
            round(100.0 - x),
            round((end - top).max(4.0))
        ),
    };
    let kind = match band.kind {
        BandKind::Asleep => "asleep",
        BandKind::Timer => "timer",
    };
    // Words fit where there is room for them: about 8 px a letter.
    let fits = band.text.chars().count() as f64 * 7.6 < end - top;
    html! {
        <div class={classes!("band", kind, band.fired.then_some("fired"))} {style} title={band.text.clone()} aria-hidden="true">
            if fits { <span>{ &band.text }</span> }
        </div>
    }
}

/// A frame's way in words.
fn words(rung: &Rung, ladder: &Ladder) -> String {
    let name = |node: Node| ladder.columns.iter().find(|(of, _)| *of == node).map_or("", |(_, name)| name.as_str());
    let label = if rung.label.is_empty() { "the same frame" } else { &rung.label };
    let end = match (rung.lost, rung.end) {
        (Some(reason), _) => format!("lost: {}", reason.text()),
        (None, EventId::NONE) => "under way".to_owned(),
        (None, _) => format!("arrives at {}", time(rung.end_ns)),
    };
    let again = if rung.again { ", sent again" } else { "" };
    format!("{}, {} to {}: {label}{again}, {end}", time(rung.sent_ns), name(rung.from), name(rung.to))
}
