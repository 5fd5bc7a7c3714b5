//! The call trace: the kernel's functions that the packet met, nested, on both sides of the wire.

use super::DrawerProps;
use crate::store::Action;
use crate::time::time;
use crate::views::hue::{layer_class, layer_letter};
use lab::panes::{CallRow, CallTrace};
use stack::trace::{Context, EventId, HostId};
use yew::prelude::*;

/// What the head says.
pub fn about(trace: &CallTrace) -> Html {
    let what = match trace.packet {
        true => "The packet's way through the kernels",
        false => "The kernel's work at this moment",
    };
    let more = (trace.left_out > 0).then(|| format!("{} calls further away are not shown.", trace.left_out));
    html! { <p class="about" data-k="about">{ what }<span>{ "The names are the kernel's own. " }{ more }</span></p> }
}

/// The trace.
pub fn calls(trace: &CallTrace, props: &DrawerProps, height: f64) -> Html {
    if trace.rows.is_empty() {
        return super::empty("No kernel function runs at this moment, and no packet is selected.");
    }
    let here =
        trace.rows.iter().rposition(|row| row.enter <= props.at && (row.exit == EventId::NONE || props.at <= row.exit));
    let mut before: Option<(HostId, u8, u64)> = None;
    let rows = trace.rows.iter().enumerate().map(|(i, row)| {
        // A new run of the kernel begins where the nesting ends.
        let begins = row.depth == 0 || before.is_none_or(|(host, ..)| host != row.host);
        let host_changes = before.is_none_or(|(host, ..)| host != row.host);
        let apart = before.map_or(0, |(_, _, at)| row.at_ns.saturating_sub(at));
        before = Some((row.host, row.depth, row.at_ns));
        line(row, props, Line { here: here == Some(i), begins, host_changes, apart })
    });
    html! {
        <div class="calls" data-k="calls" style={format!("height:{height}px")} tabindex="0" role="region" aria-label="Calls">
            <table>
                <thead><tr><th scope="col">{ "who runs" }</th><th scope="col">{ "function" }</th><th scope="col">{ "time" }</th><th scope="col">{ "what it does" }</th><th scope="col">{ "kernel file" }</th></tr></thead>
                <tbody>{ for rows }</tbody>
            </table>
        </div>
    }
}

struct Line {
    /// The cursor is in this call, and in none further in.
    here: bool,
    begins: bool,
    host_changes: bool,
    /// Time since the row before, ns.
    apart: u64,
}

fn line(row: &CallRow, props: &DrawerProps, line: Line) -> Html {
    let enter = row.enter;
    let to = if row.touches() { row.touched } else { enter };
    let onclick = props.send.reform(move |_: MouseEvent| Action::Visit(to, None));
    let later = row.enter > props.at;
    let class = classes!(
        line.here.then_some("here"),
        line.begins.then_some("begins"),
        later.then_some("later"),
        row.touches().then_some("touches"),
        row.dropped.map(|_| "dropped"),
    );
    let host = props.hosts.hosts.get(usize::from(row.host.0)).cloned().unwrap_or_else(|| "switch".to_owned());
    html! {
        <tr {class} aria-current={line.here.then_some("step")} data-event={enter.0.to_string()}>
            <td class={classes!("context", context_class(row.context))}>if line.host_changes || line.begins { <b>{ host }</b> }{ context(row.context) }</td>
            <td class="function" style={format!("--depth:{}", row.depth)}>
                <button type="button" {onclick}>
                    <i class={classes!("chip", layer_class(row.function.layer()))}>{ layer_letter(row.function.layer()) }</i>
                    <code>{ row.function.name() }</code>
                </button>
            </td>
            <td class="mono">if line.apart > 0 || line.begins { { time(row.at_ns) } }if line.apart > 0 { <small>{ " +" }{ time(line.apart) }</small> }</td>
            <td class="notes">
                { for row.notes.iter().map(|note| html! { <span>{ note }</span> }) }
                { for row.dropped.map(|reason| html! { <strong title={reason.text()}>{ "✕ " }{ reason.name() }</strong> }) }
                if !row.differs.is_empty() { <em>{ "differs: " }{ &row.differs }</em> }
            </td>
            <td class="mono file">{ row.function.file() }</td>
        </tr>
    }
}

fn context(context: Context) -> &'static str {
    match context {
        Context::Task => "program",
        Context::Syscall => "task",
        Context::Softirq => "softirq",
        Context::Irq => "irq",
        Context::Nic => "card",
        Context::Wire => "wire",
    }
}

fn context_class(context: Context) -> &'static str {
    match context {
        Context::Task | Context::Syscall => "by-task",
        Context::Softirq => "by-softirq",
        Context::Irq => "by-irq",
        Context::Nic | Context::Wire => "by-hardware",
    }
}
