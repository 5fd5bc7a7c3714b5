//! A list of packets with a display filter. Only the lines near the window are drawn, however long it is.

mod follow;
mod rows;

pub use follow::Follow;

use crate::engine::ListOf;
use crate::store::{Action, FileAction, PacketList};
use rows::Rows;
use yew::prelude::*;

/// What the list shows.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The list.
    pub list: PacketList,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The list.
#[function_component]
pub fn Packets(props: &Props) -> Html {
    let Props { list, send } = props;
    let stream = list.line.or(list.page.here).and_then(|line| list.at(line)).map(|line| line.stream);
    let stream = stream.filter(|stream| *stream != lab::capture::NO_STREAM);
    html! {
        <div class="packets" data-k="packets" data-testid="packets">
            <div class="packets-bar" data-k="bar">
                { filter(list, send) }
                <p class="count" role="status" data-testid="packet-count" data-k="count">{ count(list) }</p>
                if let Some(stream) = stream {
                    <button type="button" class="quiet" onclick={send.reform(move |_: MouseEvent| Action::File(FileAction::Follow(Some(stream))))}
                        data-testid="follow" data-k="follow">{ format!("Follow stream {stream}") }</button>
                }
                if list.of == ListOf::Run {
                    <button type="button" class="quiet" onclick={send.reform(|_: MouseEvent| Action::File(FileAction::ToggleList))}
                        data-testid="list-close" data-k="close">{ "Close list" }</button>
                }
            </div>
            { wrong(list) }
            if let Some(followed) = &list.followed {
                <Follow followed={followed.clone()} send={send.clone()} />
            } else {
                <Rows list={list.clone()} send={send.clone()} />
            }
        </div>
    }
}

fn filter(list: &PacketList, send: &Callback<Action>) -> Html {
    let typed = send.clone();
    let oninput = Callback::from(move |event: InputEvent| {
        if let Some(text) = text_of(&event) {
            typed.emit(Action::File(FileAction::Filter(text)));
        }
    });
    let clear = send.reform(|_: MouseEvent| Action::File(FileAction::Filter(String::new())));
    let wrong = list.wrong.is_some();
    html! {
        <div class={classes!("filter", wrong.then_some("wrong"))} data-k="filter">
            <label for="filter">{ "Filter" }</label>
            <input id="filter" type="text" class="mono" value={list.filter.clone()} {oninput} list="filter-fields" autocomplete="off"
                spellcheck="false" autocapitalize="none" placeholder="tcp.flags.syn == 1 || arp" aria-invalid={wrong.to_string()}
                aria-describedby={wrong.then_some("filter-wrong")} data-testid="filter" data-k="filter-input" />
            <datalist id="filter-fields">{ for lab::filter::names().map(|name| html! { <option value={name} /> }) }</datalist>
            if !list.filter.is_empty() {
                <button type="button" class="quiet" onclick={clear} data-testid="filter-clear" data-k="clear">{ "Clear" }</button>
            }
        </div>
    }
}

/// What is wrong with the filter, with a mark under the place.
fn wrong(list: &PacketList) -> Html {
    let Some(error) = &list.wrong else { return Html::default() };
    let before: String = list.filter.chars().take(error.column as usize - 1).collect();
    let rest: String = list.filter.chars().skip(error.column as usize - 1).collect();
    html! {
        <p class="filter-wrong" id="filter-wrong" role="alert" data-testid="filter-wrong" data-k="wrong">
            <code class="mono">{ before }<u>{ if rest.is_empty() { " ".to_owned() } else { rest } }</u></code>
            <span>{ format!("Column {}: {}", error.column, error.what) }</span>
        </p>
    }
}

fn count(list: &PacketList) -> String {
    let page = &list.page;
    if list.is_filtering() {
        return format!("{} of {} packets looked at …", page.scanned, page.total);
    }
    match (page.shown, page.total) {
        (_, 0) => "No packet yet".to_owned(),
        (shown, total) if shown == total => format!("{total} packets"),
        (shown, total) => format!("{shown} of {total} packets"),
    }
}

#[cfg(target_arch = "wasm32")]
fn text_of(event: &InputEvent) -> Option<String> {
    event.target_dyn_into::<web_sys::HtmlInputElement>().map(|input| input.value())
}

// Drawn to text, a page has no events.
#[cfg(not(target_arch = "wasm32"))]
fn text_of(_: &InputEvent) -> Option<String> {
    None
}
