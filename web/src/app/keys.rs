//! Keys: live only while the stage has the focus, and never where the focused element uses the key itself.

use super::Sender;
use crate::store::{Action, BranchAction, DrawerKind, FileAction};
use lab::scene::TimeCommand;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};
use yew::Callback;

/// Listens.
pub fn listen(send: Sender) -> Callback<KeyboardEvent> {
    Callback::from(move |event: KeyboardEvent| {
        if event.ctrl_key() || event.alt_key() || event.meta_key() || taken(&event) {
            return;
        }
        if let Some(action) = action(&event.key(), event.shift_key()) {
            event.prevent_default();
            send.emit(action);
        }
    })
}

/// Does the focused element use this key?
fn taken(event: &KeyboardEvent) -> bool {
    let Some(element) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return false };
    match element.tag_name().as_str() {
        "INPUT" if element.get_attribute("type").as_deref() == Some("range") => {
            matches!(event.key().as_str(), "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown" | "Home" | "End")
        }
        "INPUT" | "SELECT" | "TEXTAREA" => true,
        "BUTTON" => matches!(event.key().as_str(), " " | "Enter"),
        _ => false,
    }
}

fn action(key: &str, shift: bool) -> Option<Action> {
    let command = match key {
        "ArrowLeft" if shift => TimeCommand::StepBeats(-1),
        "ArrowRight" if shift => TimeCommand::StepBeats(1),
        "ArrowLeft" => TimeCommand::StepEvents(-1),
        "ArrowRight" => TimeCommand::StepEvents(1),
        "[" => TimeCommand::StepPackets(-1),
        "]" => TimeCommand::StepPackets(1),
        "Home" => TimeCommand::Start,
        "End" => TimeCommand::End,
        " " => return Some(Action::Toggle),
        "," => return Some(Action::Change(-1)),
        "." => return Some(Action::Change(1)),
        "j" | "J" => return Some(Action::JumpToWrite),
        "b" | "B" => return Some(Action::Branch(BranchAction::Fork)),
        "4" => return Some(Action::File(FileAction::ToggleList)),
        "1" | "2" | "3" => {
            let at = key.parse::<usize>().ok()?.checked_sub(1)?;
            return DrawerKind::ALL.get(at).copied().map(Action::Drawer);
        }
        "w" | "W" => return Some(Action::Zoom(1)),
        "s" | "S" => return Some(Action::Zoom(-1)),
        "a" | "A" => return Some(Action::Pan(-1)),
        "d" | "D" => return Some(Action::Pan(1)),
        "f" | "F" => return Some(Action::Fit),
        "m" | "M" => return Some(Action::ToggleMotion),
        "?" => return Some(Action::Help(true)),
        "Escape" => return Some(Action::Help(false)),
        _ => return None,
    };
    Some(Action::Time(command))
}
