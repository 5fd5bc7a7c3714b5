//! What the two ends of a TCP stream said, in the order of arrival.

use crate::shared::Shared;
use crate::store::{Action, FileAction};
use lab::capture::{Direction, Followed, Piece};
use yew::prelude::*;

/// Bytes of one piece that are drawn.
const MOST: usize = 8 << 10;

/// What is shown.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The stream.
    pub followed: Shared<Followed>,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The stream.
#[function_component]
pub fn Follow(props: &Props) -> Html {
    let Followed { stream, ends, pieces, left_out } = &*props.followed;
    let close = props.send.reform(|_: MouseEvent| Action::File(FileAction::Follow(None)));
    let of = *stream;
    let only = props.send.reform(move |_: MouseEvent| Action::File(FileAction::Filter(format!("tcp.stream == {of}"))));
    let only = {
        let close = close.clone();
        Callback::from(move |event: MouseEvent| {
            only.emit(event.clone());
            close.emit(event);
        })
    };
    html! {
        <section class="followed" aria-label={format!("TCP stream {stream}")} data-k="followed" data-testid="followed">
            <div class="followed-head">
                <h2>{ format!("TCP stream {stream}") }</h2>
                <span class="mono">{ &ends[0] }{ " ⇄ " }{ &ends[1] }</span>
                <button type="button" class="quiet" onclick={only}>{ "Only its packets" }</button>
                <button type="button" class="quiet" onclick={close} data-testid="follow-close">{ "Back to the list" }</button>
            </div>
            <div class="said" tabindex="0" role="group" aria-label="What was said">
                if pieces.is_empty() { <p class="nothing">{ "No byte of payload went over this connection." }</p> }
                { for pieces.iter().map(|piece| said(piece, ends)) }
                if *left_out > 0 { <p class="nothing">{ format!("… and {left_out} more bytes, which are not shown.") }</p> }
            </div>
        </section>
    }
}

fn said(piece: &Piece, ends: &[String; 2]) -> Html {
    let (class, who, sign) = match piece.direction {
        Direction::There => ("there", &ends[0], "→"),
        Direction::Back => ("back", &ends[1], "←"),
    };
    let shown = &piece.bytes[..piece.bytes.len().min(MOST)];
    html! {
        <>
            if piece.missing > 0 { <p class="missing">{ format!("✕ {} bytes are missing here", piece.missing) }</p> }
            <div class={classes!("piece", class)}>
                <p><b aria-hidden="true">{ sign }</b>{ " " }<span class="mono">{ who }</span>{ format!(", {} bytes, from packet {}", piece.bytes.len(), piece.number) }</p>
                <pre class="mono">{ readable(shown) }</pre>
                if shown.len() < piece.bytes.len() { <p class="nothing">{ format!("… {} more", piece.bytes.len() - shown.len()) }</p> }
            </div>
        </>
    }
}

/// Text as it is; what is not text as dots.
fn readable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let plain = |c: char| c == '\n' || c == '\t' || !c.is_control() && c != char::REPLACEMENT_CHARACTER;
    text.chars().filter(|c| *c != '\r').map(|c| if plain(c) { c } else { '·' }).collect()
}
