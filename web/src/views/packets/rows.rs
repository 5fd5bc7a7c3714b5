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
    let pitch = if squeezed { format!("{}px", MOST_PX / f64::from(shown)) } else { "var(--line-h)".to_owned() };
    let style = format!("--count:{shown};--top:{};--pitch:{pitch}", list.top());
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
                    <div class="packet-space" {style} role="presentation">
                        { for list.page.lines.iter().zip(list.page.from..).map(|(packet, line)| row(packet, line, list, current == Some(line), send)) }
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

/// The first line that is seen.
#[cfg(target_arch = "wasm32")]
fn first_seen(frame: &NodeRef, shown: u32) -> Option<u32> {
    let frame = frame.cast::<web_sys::Element>()?;
    let share = f64::from(frame.scroll_top()) / f64::from(frame.scroll_height().max(1));
    Some((share * f64::from(shown)) as u32)
}

/// Scrolls no further than is needed to see a line.
#[cfg(target_arch = "wasm32")]
fn bring_into_sight(frame: &NodeRef, line: u32, shown: u32) {
    let Some(frame) = frame.cast::<web_sys::Element>() else { return };
    let pitch = f64::from(frame.scroll_height()) / f64::from(shown.max(1));
    let (top, height) = (f64::from(frame.scroll_top()), f64::from(frame.client_height()));
    let at = f64::from(line) * pitch;
    // In a squeezed list a screen is fewer pixels than it seems: the line is put first.
    let room = if pitch < 20.0 { pitch } else { height - pitch };
    if at < top || at > top + room {
        let to = if at < top || pitch < 20.0 { at } else { at - height + pitch };
        frame.set_scroll_top(to.round() as i32);
    }
}

// Drawn to text, a page has no window.
#[cfg(not(target_arch = "wasm32"))]
fn first_seen(_: &NodeRef, _: u32) -> Option<u32> {
    None
}

#[cfg(not(target_arch = "wasm32"))]
fn bring_into_sight(_: &NodeRef, _: u32, _: u32) {}
