//! The program: its source with the line it is at, and what it printed.

use super::editor::ProgramEditor;
use super::python;
use crate::shared::Shared;
use crate::store::{Action, BranchAction, Editor};
use lab::scene::{HostScene, RunInfo, Scene, TaskScene, TaskState};
use stack::trace::HostId;
use yew::prelude::*;

/// What the pane draws.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The moment.
    pub scene: Shared<Scene>,
    /// The sources.
    pub info: Shared<RunInfo>,
    /// The host whose program is shown.
    pub shown: HostId,
    /// The program that is being edited.
    #[prop_or_default]
    pub editor: Option<Editor>,
    /// Can a program be edited?
    #[prop_or_default]
    pub can_edit: bool,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The pane.
#[function_component]
pub fn Program(props: &Props) -> Html {
    let hosts = &props.scene.hosts;
    let host = hosts.iter().find(|host| host.id == props.shown).or(hosts.first());
    html! {
        <section class="program" aria-label="Program" data-k="program">
            <div class="tabs" role="tablist" data-k="tabs">
                { for hosts.iter().map(|host| tab(host, host.id == props.shown, &props.send)) }
            </div>
            { host.and_then(main_task).map(|task| body(props, host.map_or(HostId(0), |host| host.id), task)).unwrap_or_default() }
        </section>
    }
}

/// The task to show of a host: its first with a source, else its newest.
pub fn main_task(host: &HostScene) -> Option<&TaskScene> {
    host.tasks.iter().find(|task| task.source.is_some()).or(host.tasks.last())
}

fn tab(host: &HostScene, shown: bool, send: &Callback<Action>) -> Html {
    let task = main_task(host);
    let asleep = task.is_some_and(|task| matches!(task.state, TaskState::Sleeping { .. }));
    let id = host.id;
    let onclick = send.reform(move |_: MouseEvent| Action::ShowHost(id));
    html! {
        <button type="button" role="tab" aria-selected={shown.to_string()} class={classes!(shown.then_some("shown"))} {onclick}
            data-k={format!("tab{}", id.0)} data-testid={format!("tab-{}", host.name)}>
            <b>{ &host.name }</b><span>{ task.map(|task| task.name.clone()) }</span>
            if asleep { <em title="asleep in the kernel">{ "zzz" }</em> }
        </button>
    }
}

fn body(props: &Props, host: HostId, task: &TaskScene) -> Html {
    let editor = props.editor.clone().filter(|editor| editor.host == host && program_of(task) == Some(editor.program));
    match editor {
        Some(editor) => html! { <ProgramEditor {editor} name={task.name.clone()} send={props.send.clone()} /> },
        None => source(props, host, task),
    }
}

/// The number in the scenario of a program that can be edited.
fn program_of(task: &TaskScene) -> Option<u32> {
    task.source.and(u32::from(task.id.0).checked_sub(1))
}

/// The line that an error is told of, if the program ended in one.
fn error_line(task: &TaskScene) -> Option<u32> {
    let failed = matches!(task.state, TaskState::Exited(status) if status != 0);
    let place = format!("File \"{}\", line ", task.name);
    let at = task.output.rfind(&place).filter(|_| failed)? + place.len();
    let digits: String = task.output[at..].chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn source(props: &Props, host: HostId, task: &TaskScene) -> Html {
    let info = &props.info;
    let text = task.source.and_then(|index| info.sources.get(index)).map(|(_, text)| text.as_str());
    let Some(text) = text else {
        return html! {
            <>
                <p class="built-in" data-k="built-in">{ format!("{} is built in: it has no source to show, but its system calls are below.", task.name) }</p>
                { output(task) }
            </>
        };
    };
    let error = error_line(task);
    html! {
        <>
            if let Some(program) = program_of(task).filter(|_| props.can_edit) {
                { edit_button(host, program, text, &props.send) }
            }
            <ol class="source mono" tabindex="0" aria-label="Source" data-k="source" data-line={task.line.to_string()}>
                { for python::lines(text).iter().zip(1..).map(|(line, number)| source_line(line, number, task, error)) }
            </ol>
            { output(task) }
        </>
    }
}

fn edit_button(host: HostId, program: u32, text: &str, send: &Callback<Action>) -> Html {
    let text = text.to_owned();
    let onclick =
        send.reform(move |_: MouseEvent| Action::Branch(BranchAction::Edit { host, program, text: text.clone() }));
    html! { <button type="button" class="quiet edit" {onclick} data-testid="edit" data-k="edit">{ "Edit" }</button> }
}

fn source_line(line: &[(python::Word, &str)], number: u32, task: &TaskScene, error: Option<u32>) -> Html {
    let here = number == task.line && !matches!(task.state, TaskState::Exited(_));
    let asleep = here && matches!(task.state, TaskState::Sleeping { .. });
    let wrong = error == Some(number);
    let class = classes!(here.then_some("here"), asleep.then_some("asleep"), wrong.then_some("wrong"));
    html! {
        <li {class} data-k={format!("l{number}")} aria-current={here.then_some("step")}>
            <span class="number">{ number }</span><code>{ python::draw(line) }</code>
            if wrong { <em>{ "✕ error here" }</em> }
            if asleep { <em>{ "zzz " }{ blocked_in(task) }</em> }
        </li>
    }
}

/// The call a task sleeps in: `recvfrom()`.
pub fn blocked_in(task: &TaskScene) -> String {
    let call = task.strace.last().filter(|line| !line.returned).and_then(|line| line.text.split('(').next());
    call.map(|name| format!("in {name}()")).unwrap_or_default()
}

fn output(task: &TaskScene) -> Html {
    if task.output.is_empty() {
        return Html::default();
    }
    let failed = matches!(task.state, TaskState::Exited(status) if status != 0);
    html! { <pre class={classes!("output", "mono", failed.then_some("failed"))} data-k="output" aria-label="Output">{ &task.output }</pre> }
}
