//! strace: one line a system call, in the tool's own words; the result appears when the call returns.

use super::program::main_task;
use crate::shared::Shared;
use crate::store::Action;
use lab::scene::{HostScene, Scene, StraceLine, TaskScene, TaskState, TimeCommand};
use stack::trace::{EventId, HostId};
use yew::prelude::*;

/// What the pane draws.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The moment.
    pub scene: Shared<Scene>,
    /// The host whose calls are shown.
    pub shown: HostId,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// Lines drawn at the most.
const LINES: usize = 60;

/// The pane.
#[function_component]
pub fn Strace(props: &Props) -> Html {
    let scene = &*props.scene;
    let host = scene.hosts.iter().find(|host| host.id == props.shown).or(scene.hosts.first());
    let tasks: Vec<&TaskScene> = host.map(tasks).unwrap_or_default();
    let cut =
        tasks.iter().map(|task| task.strace_cut as usize + task.strace.len().saturating_sub(LINES)).sum::<usize>();
    html! {
        <section class="strace" aria-label="System calls" data-k="strace">
            <h2>{ "strace" }<span>{ host.map(|host| host.name.clone()) }</span></h2>
            <div class="scroll" data-k="scroll"><ol class="mono" data-k="lines">
                if cut > 0 { <li class="cut">{ format!("… {cut} earlier calls") }</li> }
                { for tasks.iter().flat_map(|task| {
                    let skip = task.strace.len().saturating_sub(LINES);
                    task.strace.iter().skip(skip).map(|line| call(line, task, scene.at, &props.send))
                }) }
            </ol></div>
        </section>
    }
}

fn tasks(host: &HostScene) -> Vec<&TaskScene> {
    // One program's calls read as a story; those of a server's many tasks would not.
    match main_task(host) {
        Some(task) if !task.strace.is_empty() => vec![task],
        _ => host.tasks.iter().rev().find(|task| !task.strace.is_empty()).into_iter().collect(),
    }
}

fn call(line: &StraceLine, task: &TaskScene, at: EventId, send: &Callback<Action>) -> Html {
    let asleep = !line.returned && matches!(task.state, TaskState::Sleeping { .. });
    let fresh = line.returned && line.exit == at;
    let class = classes!((!line.returned).then_some("open"), asleep.then_some("asleep"), fresh.then_some("fresh"),);
    let enter = line.enter;
    let to_call = send.reform(move |_: MouseEvent| Action::Time(TimeCommand::Seek(enter)));
    let (text, result) = split_result(line);
    let exit = line.exit;
    let to_return = send.reform(move |_: MouseEvent| Action::Time(TimeCommand::Seek(exit)));
    html! {
        <li key={enter.0} data-k={format!("c{}", enter.0)} {class} data-enter={enter.0.to_string()} data-exit={line.exit.0.to_string()}>
            <button type="button" class="text" onclick={to_call} title="Go to the call">{ text }</button>
            if let Some(result) = result {
                <button type="button" class="result" onclick={to_return} title="Go to the return">{ result }</button>
            } else {
                <em>{ if asleep { "asleep in the kernel" } else { "in the kernel" } }</em>
            }
        </li>
    }
}

/// The call and its result, which are two things to click.
fn split_result(line: &StraceLine) -> (String, Option<String>) {
    let at = line.text.rfind(" = ").filter(|_| line.returned);
    match at {
        Some(at) => (line.text[..at].trim_end().to_owned(), Some(line.text[at + 1..].to_owned())),
        None => (line.text.clone(), None),
    }
}
