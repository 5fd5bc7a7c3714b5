//! The frames as they come and go, newest first.

use crate::live::FrameLine;
use crate::store::{Action, LivePage};
use crate::time::time;
use lab::scene::TimeCommand;
use stack::trace::EventId;
use yew::prelude::*;

/// The list.
pub fn frames(live: &LivePage, at: EventId, send: &Callback<Action>) -> Html {
    html! {
        <div class="frames" data-k="frames">
            <h2>{ "Frames" }<span class="mono" data-testid="frame-count" data-in={live.frames_in.to_string()} data-out={live.frames_out.to_string()}>
                { format!("{} in, {} out", live.frames_in, live.frames_out) }</span></h2>
            if live.frames.is_empty() {
                <p class="nothing">{ "None yet. Ping this page, or fetch something below." }</p>
            }
            <ol class="mono" data-testid="frames">{ for live.frames.iter().map(|frame| line(frame, live, at, send)) }</ol>
        </div>
    }
}

fn line(frame: &FrameLine, live: &LivePage, at: EventId, send: &Callback<Action>) -> Html {
    let event = frame.event;
    let forgotten = event.0 <= live.forgotten;
    let onclick = send.reform(move |_: MouseEvent| Action::Time(TimeCommand::Seek(event)));
    let (way, arrow) = if frame.out { ("out", "→") } else { ("in", "←") };
    let class = classes!(way, (event == at).then_some("here"));
    html! {
        <li key={frame.number} {class}>
            <button type="button" {onclick} disabled={forgotten} title={format!("{} bytes; look at it", frame.len)} data-way={way}>
                <span class="when">{ time(frame.at_ns) }</span><b aria-label={way}>{ arrow }</b><span>{ &frame.summary }</span>
            </button>
        </li>
    }
}
