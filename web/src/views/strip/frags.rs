//! The page fragments of an `sk_buff`: boxes that hang on the shared info behind `end`.

use crate::store::Action;
use crate::views::hue::{printable, proto_class};
use lab::scene::{FragScene, Region, SkbScene};
use stack::trace::Proto;
use yew::prelude::*;

/// Fragments drawn at the most; of more, the last box says how many.
const SHOWN: usize = 3;

/// The boxes, or nothing if all bytes lie in the linear buffer.
pub fn frags(skb: &SkbScene, send: &Callback<Action>) -> Html {
    if skb.frags.is_empty() {
        return Html::default();
    }
    let shown = if skb.frags.len() > SHOWN { SHOWN - 1 } else { skb.frags.len() };
    let payload = skb.regions.iter().filter(|region| region.at >= skb.end);
    html! {
        <div class="frags" data-k="frags" data-count={skb.frags.len().to_string()}>
            { for skb.frags.iter().zip(payload).take(shown).enumerate().map(|(i, (frag, region))| one(skb, i, frag, region, send)) }
            if skb.frags.len() > shown {
                <div class="frag rest" data-k="rest"><i class="link"></i>
                    <div class="frag-page"><span>{ format!("+{} more", skb.frags.len() - shown) }</span></div>
                    <small>{ format!("{} B", skb.frags[shown..].iter().map(|frag| frag.len).sum::<u32>()) }</small>
                </div>
            }
        </div>
    }
}

fn one(skb: &SkbScene, index: usize, frag: &FragScene, region: &Region, send: &Callback<Action>) -> Html {
    let changed = (region.event == skb.touched).then_some("changed");
    let pick = send.reform(|_: MouseEvent| Action::PickProto(Proto::Payload));
    let others = match frag.references {
        0 | 1 => "no other packet refers to it".to_owned(),
        n => format!("{n} fragments of this host's packets refer to it"),
    };
    let title =
        format!("fragment {index}: {} bytes at offset {} of page {}; {others}", frag.len, frag.offset, frag.page);
    let key = format!("frag{}.{}", frag.page, frag.offset);
    html! {
        <div class="frag" key={key.clone()} data-k={key} {title} onclick={pick}>
            <i class="link"></i>
            <div class={classes!("frag-page", "region", "letters", proto_class(Proto::Payload), changed)}>
                <span>{ printable(&region.bytes[..region.bytes.len().min(32)]) }</span>
            </div>
            <small>{ name(frag) }</small>
        </div>
    }
}

fn name(frag: &FragScene) -> String {
    let references = if frag.references > 1 { format!(", {} refs", frag.references) } else { String::new() };
    match frag.page {
        0 => format!("{} B", frag.len),
        page => format!("{} B, page {page}{references}", frag.len),
    }
}
