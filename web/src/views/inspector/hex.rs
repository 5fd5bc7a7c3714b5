//! The same bytes in hexadecimal and ASCII, linked with the grid in both directions.

use super::cells::cells;
use super::grid::Lights;
use crate::store::Bits;
use crate::views::hue::ascii;
use lab::dissect::HeaderView;
use lab::scene::Region;
use yew::prelude::*;

/// Bytes a line.
const LINE: usize = 8;
/// Bytes drawn at the most: a header has at most 60.
const BYTES: usize = 128;

/// The lines.
pub fn hex(region: &Region, view: &HeaderView, lights: Lights) -> Html {
    let cells = cells(region.proto, &view.fields);
    let field_of = |byte: usize| {
        let bit = byte as u32 * 8;
        cells
            .iter()
            .map(|cell| cell.bits)
            .filter(|bits| bits.at < bit + 8 && bit < bits.at + bits.len)
            .min_by_key(|bits| bits.len)
    };
    let shown = &region.bytes[..region.bytes.len().min(BYTES)];
    html! {
        <div class="hex mono" aria-label="Bytes in hexadecimal" onmouseleave={lights.point(None)}>
            { for shown.chunks(LINE).enumerate().map(|(i, line)| {
                let at = i * LINE;
                html! {
                    <div class="line" data-k={format!("h{at}")}>
                        <span class="offset">{ format!("{at:04x}") }</span>
                        <span class="octets">{ for line.iter().zip(at..).map(|(b, n)| byte(n, format!("{b:02x}"), field_of(n), region, lights)) }</span>
                        <span class="ascii">{ for line.iter().zip(at..).map(|(b, n)| byte(n, ascii(*b).to_string(), field_of(n), region, lights)) }</span>
                    </div>
                }
            }) }
            if region.len as usize > shown.len() {
                <p class="rest">{ format!("… and {} more bytes", region.len as usize - shown.len()) }</p>
            }
        </div>
    }
}

fn byte(number: usize, text: String, field: Option<Bits>, region: &Region, lights: Lights) -> Html {
    let run = Bits { proto: region.proto, at: number as u32 * 8, len: 8 };
    let old = region.before.as_ref().and_then(|before| before.get(number));
    let fresh = lights.fresh && old.is_some_and(|old| Some(old) != region.bytes.get(number));
    let class = classes!(lights.classes(run), fresh.then_some("changed"));
    let pick = lights.pick(field.unwrap_or(run));
    html! {
        <i {class} data-byte={number.to_string()} onmouseenter={lights.point(Some(field.unwrap_or(run)))} onclick={pick}>{ text }</i>
    }
}
