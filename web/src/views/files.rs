//! Files: the menu, what went wrong with one, and a capture that is open.

use super::inspector::Inspector;
use super::packets::{Follow, Packets};
use crate::engine::{FileOpened, SaveWhat};
use crate::store::{Action, FileAction, FilePage, Files, Pane};
use lab::capture::StreamLine;
use stack::trace::EventId;
use yew::prelude::*;

/// What the menu can do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FileMenuState {
    /// There is a run to save.
    pub can_save: bool,
    /// A drawer is open.
    pub drawer: bool,
    /// The packet's memory is shown.
    pub strip: bool,
    /// The run's packets can be listed.
    pub can_list: bool,
}

/// What the menu needs.
#[derive(Properties, PartialEq)]
pub struct MenuProps {
    /// What it can do.
    pub state: FileMenuState,
    /// Where chosen files go.
    pub onfiles: Callback<Event>,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The menu.
#[function_component]
pub fn FileMenu(props: &MenuProps) -> Html {
    let state = props.state;
    let save = |what: SaveWhat, id: &'static str, name: &'static str, about: &'static str| {
        let onclick = props.send.reform(move |_: MouseEvent| Action::File(FileAction::Save(what)));
        html! {
            <button type="button" {onclick} disabled={!state.can_save} popovertarget="file-menu" popovertargetaction="hide" data-testid={id}>
                <b>{ name }</b><small>{ about }</small>
            </button>
        }
    };
    html! {
        <>
            <button type="button" class="menu-button" popovertarget="file-menu" data-testid="file-menu" data-k="file-menu-button">{ "File" }</button>
            <div class="menu" id="file-menu" popover="" data-k="file-menu">
                <label class="file-label">
                    <input type="file" multiple=true accept=".pcap,.pcapng,.cap,.toml,.py,.pkt" onchange={props.onfiles.clone()} data-testid="file-input" />
                    <b>{ "Open a file" }</b><small>{ "pcap, pcapng, scenario (.toml with its .py files), packetdrill script (.pkt). Or drop it anywhere." }</small>
                </label>
                { save(SaveWhat::Pcapng, "save-pcapng", "Save the packets", "pcapng for Wireshark; comments name each step") }
                { save(SaveWhat::Events, "save-events", "Save the events", "JSON, one event a line, as lab run --events") }
                { save(SaveWhat::Scenario, "save-scenario", "Save the scenario", "TOML with the programs in it; opens here again") }
                <div class="pictures" role="group" aria-label="Save a picture">
                    <b>{ "Save a picture (SVG) of" }</b>
                    { for Pane::ALL.into_iter().map(|pane| {
                        let onclick = props.send.reform(move |_: MouseEvent| Action::File(FileAction::SavePicture(pane)));
                        let can = match pane {
                            Pane::Drawer => state.drawer,
                            Pane::Strip => state.strip,
                            _ => state.can_save,
                        };
                        html! {
                            <button type="button" {onclick} disabled={!can} popovertarget="file-menu" popovertargetaction="hide" data-testid={format!("picture-{}", pane.key())}>{ pane.name() }</button>
                        }
                    }) }
                </div>
            </div>
        </>
    }
}

/// What the notice needs.
#[derive(Properties, PartialEq)]
pub struct NoticeProps {
    /// Files.
    pub files: Files,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// A file is being read, or could not be.
#[function_component]
pub fn FileNotice(props: &NoticeProps) -> Html {
    if let Some(trouble) = &props.files.trouble {
        let close = props.send.reform(|_: MouseEvent| Action::File(FileAction::Dismiss));
        return html! {
            <section class="file-trouble" role="alert" data-testid="file-trouble" data-k="file-trouble">
                <div>
                    <h2>{ &trouble.title }</h2>
                    { for trouble.details.iter().map(|line| html! { <p>{ line }</p> }) }
                </div>
                <button type="button" class="quiet" onclick={close} data-testid="file-trouble-close">{ "Close" }</button>
            </section>
        };
    }
    match props.files.opening {
        true => html! { <p class="file-opening" role="status" data-k="file-opening">{ "Reading the file …" }</p> },
        false => Html::default(),
    }
}

/// What the stage of a capture needs.
#[derive(Properties, PartialEq)]
pub struct CaptureProps {
    /// The capture.
    pub file: FilePage,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// A capture that is open.
#[function_component]
pub fn CaptureStage(props: &CaptureProps) -> Html {
    let CaptureProps { file, send } = props;
    let opened = &file.opened;
    let close = send.reform(|_: MouseEvent| Action::File(FileAction::Close));
    html! {
        <div class="capture" data-k="capture" data-testid="capture">
            <div class="capture-head" data-k="capture-head">
                <h2>{ &opened.name }</h2>
                <span>{ format!("{}, {}", opened.format, counted(opened.packets, "packet")) }</span>
                <div class="switch" role="group" aria-label="Show">
                    { toggle("Packets", false, file, send) }
                    { toggle("TCP streams", true, file, send) }
                </div>
                <span class="spacer"></span>
                <button type="button" class="quiet" onclick={close} data-testid="capture-close">{ "Close the file" }</button>
            </div>
            if let Some(cut) = &opened.cut {
                <p class="capture-cut" role="status" data-testid="capture-cut"><b>{ "Not all of the file could be read. " }</b>{ &cut.what }{ format!(" (byte {})", cut.at) }</p>
            }
            <div class="capture-body" data-k="capture-body">
                if let (true, Some(followed)) = (file.streams, &file.list.followed) {
                    <Follow followed={followed.clone()} send={send.clone()} />
                } else if file.streams {
                    { streams(opened, send) }
                } else {
                    <Packets list={file.list.clone()} send={send.clone()} />
                }
            </div>
            <Inspector scene={file.scene.clone()} selection={file.selection} since={EventId::NONE} send={send.clone()} />
            <p class="capture-caption" role="status" data-k="capture-caption">{ &file.scene.caption }</p>
        </div>
    }
}

fn toggle(name: &'static str, streams: bool, file: &FilePage, send: &Callback<Action>) -> Html {
    let name = if streams { format!("{name} ({})", file.opened.stream_count) } else { name.to_owned() };
    let onclick = send.reform(move |_: MouseEvent| Action::File(FileAction::Streams(streams)));
    let id = if streams { "show-streams" } else { "show-packets" };
    html! { <button type="button" aria-pressed={(file.streams == streams).to_string()} {onclick} data-testid={id}>{ name }</button> }
}

fn streams(opened: &FileOpened, send: &Callback<Action>) -> Html {
    if opened.streams.is_empty() {
        return html! { <p class="nothing" data-k="nothing">{ "There is no TCP connection in this file." }</p> };
    }
    html! {
        <div class="streams" tabindex="0" role="group" aria-label="TCP streams" data-k="streams">
            <table data-testid="streams">
                <thead><tr><th>{ "Stream" }</th><th>{ "From" }</th><th>{ "To" }</th><th>{ "Packets" }</th><th>{ "Bytes there, back" }</th><th>{ "Sent again" }</th><th>{ "Begins" }</th><th><span class="visually-hidden">{ "Look" }</span></th></tr></thead>
                <tbody>{ for opened.streams.iter().map(|stream| stream_row(stream, send)) }</tbody>
            </table>
            if opened.stream_count as usize > opened.streams.len() {
                <p class="nothing">{ format!("The first {} of {} streams.", opened.streams.len(), opened.stream_count) }</p>
            }
        </div>
    }
}

fn stream_row(stream: &StreamLine, send: &Callback<Action>) -> Html {
    let number = stream.stream;
    let follow = send.reform(move |_: MouseEvent| Action::File(FileAction::Follow(Some(number))));
    html! {
        <tr key={number}>
            <td class="mono">{ number }</td><td class="mono">{ &stream.from }</td><td class="mono">{ &stream.to }</td><td class="mono">{ stream.packets }</td>
            <td class="mono">{ format!("{}, {}", stream.bytes[0], stream.bytes[1]) }</td><td class="mono">{ stream.again }</td>
            <td>{ if stream.from_the_beginning { "with its SYN" } else { "in the middle" } }</td>
            <td><button type="button" class="quiet" onclick={follow} data-testid={format!("follow-{number}")} aria-label={format!("Follow stream {number}")}>{ "Follow" }</button></td>
        </tr>
    }
}

fn counted(n: u32, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
