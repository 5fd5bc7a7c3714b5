//! A program being edited: a text field with the coloured words behind it.

use super::python;
use crate::store::{Action, BranchAction, Editor};
use yew::prelude::*;

/// What the editor needs.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The program.
    pub editor: Editor,
    /// Its file's name.
    pub name: AttrValue,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The editor.
#[function_component]
pub fn ProgramEditor(props: &Props) -> Html {
    let Props { editor, name, send } = props;
    let oninput = {
        let send = send.clone();
        Callback::from(move |event: InputEvent| {
            if let Some(text) = text_of(&event) {
                send.emit(Action::Branch(BranchAction::Text(text)));
            }
        })
    };
    let onkeydown = {
        let send = send.clone();
        Callback::from(move |event: KeyboardEvent| {
            // No key of the stage means anything here; Tab leaves the field, as everywhere.
            event.stop_propagation();
            let action = match event.key().as_str() {
                "Enter" if event.ctrl_key() || event.meta_key() => BranchAction::Run,
                "Escape" => BranchAction::Cancel,
                _ => return,
            };
            event.prevent_default();
            send.emit(Action::Branch(action));
        })
    };
    let run = send.reform(|_: MouseEvent| Action::Branch(BranchAction::Run));
    let cancel = send.reform(|_: MouseEvent| Action::Branch(BranchAction::Cancel));
    let lines = python::lines(&editor.text);
    // The last line may be empty: it needs its height all the same.
    let count = editor.text.matches('\n').count() + 1;
    html! {
        <div class="editor" data-k="editor" data-testid="editor">
            <div class="editor-bar" data-k="editor-bar">
                <button type="button" class="run" onclick={run} data-testid="run" title="Ctrl+Enter">{ "Run" }</button>
                <button type="button" class="quiet" onclick={cancel} data-testid="edit-cancel" title="Esc">{ "Cancel" }</button>
                <span>{ if editor.text == editor.before { "as recorded" } else { "changed: a new branch" } }</span>
            </div>
            <div class="editor-frame" data-k="editor-frame">
                <div class="editor-text mono" style={format!("--lines:{count}")}>
                    <pre aria-hidden="true">{ for lines.iter().map(|line| html! { <>{ python::draw(line) }{ "\n" }</> }) }</pre>
                    <textarea class="mono" aria-label={format!("Program {name}")} value={editor.text.clone()} {oninput} {onkeydown}
                        spellcheck="false" autocomplete="off" autocapitalize="none" wrap="off" data-testid="editor-text" />
                </div>
            </div>
        </div>
    }
}

#[cfg(target_arch = "wasm32")]
fn text_of(event: &InputEvent) -> Option<String> {
    event.target_dyn_into::<web_sys::HtmlTextAreaElement>().map(|field| field.value())
}

// Drawn to text, a page has no events.
#[cfg(not(target_arch = "wasm32"))]
fn text_of(_: &InputEvent) -> Option<String> {
    None
}
