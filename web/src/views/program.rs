//! The program: its source with the line it is at, and what it printed.

use crate::shared::Shared;
use crate::store::Action;
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
            { host.and_then(main_task).map(|task| source(task, &props.info)).unwrap_or_default() }
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

fn source(task: &TaskScene, info: &RunInfo) -> Html {
    let text = task.source.and_then(|index| info.sources.get(index)).map(|(_, text)| text.as_str());
    let Some(text) = text else {
        return html! {
            <>
                <p class="built-in" data-k="built-in">{ format!("{} is built in: it has no source to show, but its system calls are below.", task.name) }</p>
                { output(task) }
            </>
        };
    };
    html! {
        <>
            <ol class="source mono" data-k="source" data-line={task.line.to_string()}>
                { for text.lines().zip(1..).map(|(line, number)| source_line(line, number, task)) }
            </ol>
            { output(task) }
        </>
    }
}

fn source_line(line: &str, number: u32, task: &TaskScene) -> Html {
    let here = number == task.line && !matches!(task.state, TaskState::Exited(_));
    let asleep = here && matches!(task.state, TaskState::Sleeping { .. });
    let class = classes!(here.then_some("here"), asleep.then_some("asleep"));
    html! {
        <li {class} data-k={format!("l{number}")} aria-current={here.then_some("step")}>
            <span class="number">{ number }</span><code>{ line }</code>
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
    html! { <pre class="output mono" data-k="output" aria-label="Output">{ &task.output }</pre> }
}
