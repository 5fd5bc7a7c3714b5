//! One host of the tower: what stands on its rows. Packets are drawn over it.

use super::rows::{SLOT_STEP, Slots, row, slots};
use super::train::depth;
use crate::views::program::blocked_in;
use lab::scene::{EventScene, HostScene, Scene, SocketScene, TaskScene, TaskState};
use stack::trace::{Layer, NeighState, QueueKind, TcpState};
use yew::prelude::*;

/// The furniture of a host.
pub fn column(scene: &Scene, host: &HostScene, index: usize) -> Html {
    let event = scene.event.as_ref().filter(|event| event.host == host.id);
    html! {
        <div class="column" data-col={index.to_string()} data-k={format!("col{index}")} data-host={host.name.clone()}>
            <div class="rail" data-k="rail"></div>
            { user(host) }
            { syscall(host) }
            { socket(host, index) }
            { for [Layer::Transport, Layer::Ip].into_iter().map(|layer| running(layer, event)) }
            { neigh(host, index, event) }
            { qdisc(host, index) }
            { driver(host, index) }
            { nic(host, event) }
        </div>
    }
}

fn cell(layer: Layer, content: Html) -> Html {
    let key = format!("{layer:?}");
    html! { <div class="cell" data-layer={key.clone()} data-k={key} style={row(layer).style()}>{ content }</div> }
}

fn user(host: &HostScene) -> Html {
    let tasks = host.tasks.iter().filter(|task| task.state != TaskState::Waiting).rev().take(2).collect::<Vec<_>>();
    cell(Layer::User, html! { <div class="tasks">{ for tasks.into_iter().rev().map(task) }</div> })
}

fn task(task: &TaskScene) -> Html {
    let (class, state) = match task.state {
        TaskState::Waiting => ("waiting", "not started".to_owned()),
        TaskState::Running => ("running", "running".to_owned()),
        TaskState::InKernel => ("in-kernel", "in the kernel".to_owned()),
        TaskState::Sleeping { .. } => ("sleeping", format!("zzz {}", blocked_in(task))),
        TaskState::Exited(0) => ("exited", "ended".to_owned()),
        TaskState::Exited(status) => ("exited", format!("ended with {status}")),
    };
    let line = (task.line > 0 && !matches!(task.state, TaskState::Exited(_))).then(|| format!(":{}", task.line));
    html! {
        <div class={classes!("task", class)} data-k={format!("task{}", task.id.0)}>
            <b>{ &task.name }{ line }</b><span>{ state }</span>
        </div>
    }
}

/// The call to show: the one that runs, else the one that sleeps, else the one that returned last.
fn syscall(host: &HostScene) -> Html {
    let awake = |task: &&TaskScene| !matches!(task.state, TaskState::Sleeping { .. } | TaskState::Exited(_));
    let newest = |task: &TaskScene| task.strace.last().map(|line| line.enter.max(line.exit));
    let task = host.tasks.iter().filter(awake).filter(|task| !task.strace.is_empty()).max_by_key(|task| newest(task));
    let task = task.or_else(|| host.tasks.iter().max_by_key(|task| newest(task)));
    let (class, text) = match task.and_then(|task| task.strace.last()) {
        Some(line) if line.returned => ("", short_result(&line.text)),
        Some(line) => ("open", line.text.clone()),
        None => ("", String::new()),
    };
    cell(Layer::Syscall, html! { <div class={classes!("syscall-bar", class)}><span>{ text }</span></div> })
}

/// `sendto(3, "GET …", 37, 0, NULL, 0) = 37` as `sendto() = 37`.
fn short_result(text: &str) -> String {
    let name = text.split('(').next().unwrap_or_default();
    match text.rfind(" = ") {
        Some(at) => format!("{name}() = {}", text[at + 3..].split(' ').next().unwrap_or_default()),
        None => format!("{name}()"),
    }
}

/// The socket to draw: the one that is busiest; a listener only when there is no other.
fn busiest(host: &HostScene) -> Option<&SocketScene> {
    let queued = |sock: &SocketScene| sock.write_queue.len() + sock.rtx_queue.len() + sock.receive_queue.len();
    host.sockets.iter().max_by_key(|sock| (queued(sock), sock.state != TcpState::Listen, sock.id))
}

fn socket(host: &HostScene, index: usize) -> Html {
    let Some(sock) = busiest(host) else { return cell(Layer::Socket, Html::default()) };
    let port = sock.local.rsplit(':').next().filter(|port| !port.is_empty()).map(|port| format!(":{port}"));
    let state = if sock.protocol == 6 { sock.state.name() } else { kind(sock.protocol) };
    cell(
        Layer::Socket,
        html! {
            <>
                <div class="sock-name" title={format!("{} → {}", sock.local, sock.peer)}><b>{ state }</b><span>{ port }</span></div>
                { group("to send", QueueKind::Write, index, host) }
                { group("unacked", QueueKind::Retransmit, index, host) }
                { group("received", QueueKind::Receive, index, host) }
            </>
        },
    )
}

fn kind(protocol: u8) -> &'static str {
    match protocol {
        17 => "UDP",
        1 => "ICMP",
        _ => "socket",
    }
}

/// A queue as slots, with its name and what does not fit.
fn group(name: &'static str, queue: QueueKind, column: usize, host: &HostScene) -> Html {
    let filled = depth(host, queue);
    let slots = slots(queue);
    let round = matches!(queue, QueueKind::TxRing | QueueKind::RxRing).then_some("ring");
    html! {
        <div class={classes!("queue", format!("{queue:?}").to_lowercase(), round)} data-k={format!("{queue:?}")}
            style={format!("--x:{}", local(slots, column))} data-depth={filled.to_string()}>
            <span class="queue-name">{ name }</span>
            { for (0..slots.count).map(|i| html! {
                <i class="slot" style={format!("--i:{}px", i as u32 * SLOT_STEP)}></i>
            }) }
            if filled > slots.count {
                <span class="more" style={format!("--i:{}px", (slots.count as u32 - 1) * SLOT_STEP)}>{ format!("+{}", filled + 1 - slots.count) }</span>
            }
        </div>
    }
}

/// The place of the first slot inside a column.
fn local(slots: Slots, column: usize) -> String {
    slots.left(column, 0).replace("var(--col-x)", "0px").replace("var(--col-w)", "100%")
}

/// The function that runs on a row.
fn running(layer: Layer, event: Option<&EventScene>) -> Html {
    let here = event.filter(|event| event.layer == layer);
    cell(
        layer,
        html! { <span class="function" title={here.map(|event| event.function.file())}>{ here.map(|event| event.function.name()) }</span> },
    )
}

fn neigh(host: &HostScene, index: usize, event: Option<&EventScene>) -> Html {
    let here = event.filter(|event| event.layer == Layer::Neigh);
    let waiting = depth(host, QueueKind::Neigh);
    let newest = host.neighbours.iter().max_by_key(|neigh| neigh.event);
    cell(
        Layer::Neigh,
        match (newest, here) {
            (Some(neigh), _) if neigh.state == NeighState::Incomplete || waiting > 0 => html! {
                <>
                    { group("", QueueKind::Neigh, index, host) }
                    <span class="neigh asking">{ "who has " }{ &neigh.address }{ "?" }</span>
                </>
            },
            (_, Some(event)) => html! { <span class="function">{ event.function.name() }</span> },
            (Some(neigh), None) => html! {
                <span class="neigh">{ last_octet(&neigh.address) }{ " " }{ neigh.state.name() }</span>
            },
            (None, None) => Html::default(),
        },
    )
}

/// `192.168.1.100` as `….100`.
fn last_octet(address: &str) -> String {
    address.rsplit('.').next().map_or_else(|| address.to_owned(), |octet| format!("….{octet}"))
}

fn qdisc(host: &HostScene, index: usize) -> Html {
    cell(Layer::Qdisc, group("", QueueKind::Qdisc, index, host))
}

fn driver(host: &HostScene, index: usize) -> Html {
    cell(
        Layer::Driver,
        html! {
            <>
                { group("tx", QueueKind::TxRing, index, host) }
                { group("rx", QueueKind::RxRing, index, host) }
            </>
        },
    )
}

fn nic(host: &HostScene, event: Option<&EventScene>) -> Html {
    let mac = host.interfaces.iter().find(|dev| dev.name != "lo").map(|dev| dev.mac.clone());
    let here = event.is_some_and(|event| event.layer == Layer::Nic);
    cell(Layer::Nic, html! { <div class={classes!("card", here.then_some("busy"))}><span>{ mac }</span></div> })
}
