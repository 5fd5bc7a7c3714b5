//! The lines of a list of packets: a list box whose lines far from the window do not exist.
//!
//! A browser draws no element of a hundred million pixels: a list that would be higher than [`MOST_PX`] is
//! squeezed, so that the scroll bar still reaches all of it.

use super::Props;
use crate::store::{Action, FileAction, PacketList};
use lab::capture::PacketLine;
use yew::prelude::*;

/// The highest list, px.
const MOST_PX: f64 = 8e6;
/// A line's height, px, on a narrow screen: the larger of the two.
const LINE_PX: f64 = 48.0;
/// Lines that a page key goes over.
const PAGE: i64 = 12;

/// The lines.
#[function_component]
pub fn Rows(props: &Props) -> Html {
    let Props { list, send } = props;
    let frame = use_node_ref();
    let shown = list.page.shown;
    let current = list.line.or(list.page.here).filter(|line| *line < shown);
    {
        let frame = frame.clone();
        use_effect_with((current, shown > 0), move |(current, _)| {
            if let Some(line) = current {
                bring_into_sight(&frame, *line, shown);
            }
        });
    }
    let onscroll = {
        let (send, frame, now) = (send.clone(), frame.clone(), list.top());
        Callback::from(move |_: Event| {
            if let Some(top) = first_seen(&frame, shown).filter(|top| *top != now) {
                send.emit(Action::File(FileAction::Scroll(top)));
            }
        })
    };
    let onkeydown = {
        let send = send.clone();
        Callback::from(move |event: KeyboardEvent| {
            let by = match event.key().as_str() {
                "ArrowUp" => -1,
                "ArrowDown" => 1,
                "PageUp" => -PAGE,
                "PageDown" => PAGE,
                "Home" => i64::from(i32::MIN),
                "End" => i64::from(i32::MAX),
                _ => return,
            };
            event.prevent_default();
            event.stop_propagation();
            send.emit(Action::File(FileAction::Move(by)));
        })
    };
    let squeezed = f64::from(shown) * LINE_PX > MOST_PX;
    let height = if squeezed { format!("{MOST_PX}px") } else { format!("calc({shown} * var(--line-h))") };
    let style = format!("height:{height};--top:{}", list.top());
    let active = current.filter(|line| list.at(*line).is_some()).map(|line| format!("packet-{line}"));
    html! {
        <>
            <div class="packet-line packet-heads" aria-hidden="true" data-k="heads">
                <span>{ "No." }</span><span>{ "Time, s" }</span><span>{ "Source" }</span><span>{ "Destination" }</span>
                <span>{ "Protocol" }</span><span>{ "Length" }</span><span>{ "Info" }</span>
            </div>
            if shown == 0 {
                <p class="nothing" data-k="nothing">{ nothing(list) }</p>
            } else {
                <div class="packet-frame mono" ref={frame} role="listbox" tabindex="0" aria-label="Packets" aria-activedescendant={active}
                    {onscroll} {onkeydown} data-k="frame" data-testid="packet-list">
                    <div class={classes!("packet-space", squeezed.then_some("squeezed"))} {style} role="presentation">
                        <div class="packet-lines" role="presentation">
                            { for list.page.lines.iter().zip(list.page.from..).map(|(packet, line)| row(packet, line, list, current == Some(line), send)) }
                        </div>
                    </div>
                </div>
            }
        </>
    }
}

fn nothing(list: &PacketList) -> &'static str {
    match (list.page.total, list.is_filtering()) {
        (0, _) => "No packet has been sent yet.",
        (_, true) => "None so far …",
        _ => "No packet passes this filter.",
    }
}

fn row(packet: &PacketLine, line: u32, list: &PacketList, current: bool, send: &Callback<Action>) -> Html {
    let onclick = send.reform(move |_: MouseEvent| Action::File(FileAction::Line(line)));
    let class =
        classes!("packet-line", packet.again.then_some("again"), current.then_some("current"), hue(&packet.protocol));
    html! {
        <div key={line} id={format!("packet-{line}")} role="option" aria-selected={current.to_string()} {class} {onclick}
            style={format!("--k:{}", i64::from(line) - i64::from(list.top()))} data-line={line.to_string()} data-number={packet.number.to_string()}>
            <span>{ packet.number }</span><span>{ seconds(packet.at_ns) }</span><span>{ &packet.source }</span><span>{ &packet.destination }</span>
            <span class="protocol">{ &packet.protocol }</span><span>{ packet.length }</span><span class="info">{ &packet.info }</span>
        </div>
    }
}

fn hue(protocol: &str) -> &'static str {
    match protocol {
        "TCP" | "UDP" => "hue-tcp",
        "ICMP" | "IPv4" => "hue-ip",
        _ => "hue-eth",
    }
}

/// Seconds with microseconds, as Wireshark has them.
fn seconds(ns: u64) -> String {
    format!("{}.{:06}", ns / 1_000_000_000, ns % 1_000_000_000 / 1000)
}

/// The frame, its height in lines, and how far it can be scrolled, px.
#[cfg(target_arch = "wasm32")]
fn measure(frame: &NodeRef) -> Option<(web_sys::Element, f64, f64)> {
    let frame = frame.cast::<web_sys::Element>()?;
    let line = frame.query_selector("[role=option]").ok()?.map_or(0, |line| line.client_height()).max(1);
    let (height, whole) = (f64::from(frame.client_height()), f64::from(frame.scroll_height()));
    Some((frame, height / f64::from(line), (whole - height).max(1.0)))
}

/// The first line that is seen.
#[cfg(target_arch = "wasm32")]
fn first_seen(frame: &NodeRef, shown: u32) -> Option<u32> {
    let (frame, lines, way) = measure(frame)?;
    let share = f64::from(frame.scroll_top()) / way;
    Some((share * (f64::from(shown) - lines).max(0.0)) as u32)
}

/// Scrolls no further than is needed to see a line.
#[cfg(target_arch = "wasm32")]
fn bring_into_sight(frame: &NodeRef, line: u32, shown: u32) {
    let Some((frame, lines, way)) = measure(frame) else { return };
    let more = (f64::from(shown) - lines).max(0.0);
    let top = f64::from(frame.scroll_top()) / way * more;
    let line = f64::from(line);
    let to = match line {
        line if line < top => line,
        line if line > top + lines - 1.0 => line - lines + 1.0,
        _ => return,
    };
    // Rounded towards the line, so that the whole of it is seen.
    let to = to / more.max(1.0) * way;
    frame.set_scroll_top(if line < top { to.floor() } else { to.ceil() } as i32);
}

// Drawn to text, a page has no window.
#[cfg(not(target_arch = "wasm32"))]
fn first_seen(_: &NodeRef, _: u32) -> Option<u32> {
    None
}

#[cfg(not(target_arch = "wasm32"))]
fn bring_into_sight(_: &NodeRef, _: u32, _: u32) {}
