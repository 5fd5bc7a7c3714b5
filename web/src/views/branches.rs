//! The branches of a run on its time axis, and what differs between two.

use crate::engine::{BranchInfo, Branches, ForkEdit};
use crate::shared::Shared;
use crate::store::{Action, BranchAction};
use crate::time::position;
use lab::capture::{Compared, PacketLine};
use lab::scene::{RunInfo, TimeCommand, Timeline};
use yew::prelude::*;

/// What the strip shows.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The branches.
    pub tree: Shared<Branches>,
    /// The axis.
    pub timeline: Shared<Timeline>,
    /// The names of programs.
    pub info: Shared<RunInfo>,
    /// With which one the shown one is compared.
    #[prop_or_default]
    pub compared: Option<u32>,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The strip: nothing while there is only the recorded run.
#[function_component]
pub fn BranchStrip(props: &Props) -> Html {
    let Props { tree, timeline, send, .. } = props;
    if tree.list.len() < 2 {
        return Html::default();
    }
    html! {
        <div class="branches" role="group" aria-label="Branches of the run" data-k="branches" data-testid="branches">
            { for tree.list.iter().zip(0u32..).map(|(branch, index)| {
                let now = index == tree.now;
                let onclick = send.reform(move |_: MouseEvent| Action::Branch(BranchAction::Switch(index)));
                let compare = (props.compared != Some(index)).then_some(index);
                let oncompare = send.reform(move |_: MouseEvent| Action::Branch(BranchAction::Compare(compare)));
                let from = (position(timeline, branch.at) * 1000.0).round() / 10.0;
                let name = name(branch, index, tree, &props.info);
                html! {
                    <div class={classes!("branch", now.then_some("now"))} key={index} style={format!("--from:{from}%")}>
                        <button type="button" class="branch-name" aria-pressed={now.to_string()} {onclick} data-testid={format!("branch-{index}")}>{ &name }</button>
                        if !now {
                            <button type="button" class="quiet" aria-pressed={compare.is_none().to_string()} onclick={oncompare}
                                aria-label={format!("Compare with: {name}")} data-testid={format!("compare-{index}")}>{ "compare" }</button>
                        }
                    </div>
                }
            }) }
        </div>
    }
}

/// What a branch is called: what is different in it.
pub fn name(branch: &BranchInfo, index: u32, tree: &Branches, info: &RunInfo) -> String {
    if branch.parent.is_none() {
        return "As recorded".to_owned();
    }
    let what = match &branch.edit {
        ForkEdit::Nothing => "the same again".to_owned(),
        ForkEdit::Source { text, .. } => {
            let file = info.sources.iter().find(|(_, source)| source == text).map(|(name, _)| name.as_str());
            format!("{} edited", file.unwrap_or("a program"))
        }
        ForkEdit::Wire { wire, lines } => {
            let ends = tree.wires.get(*wire as usize).map(|wire| wire.ends.join("–")).unwrap_or_default();
            format!("{ends}: {}", super::wires::words(lines))
        }
    };
    format!("{index}. {what}, from event {}", branch.at.0)
}

/// What the comparison needs.
#[derive(Properties, PartialEq)]
pub struct CompareProps {
    /// The packets of both.
    pub rows: Shared<Vec<Compared>>,
    /// The name of the branch that is shown.
    pub one: AttrValue,
    /// The name of the other.
    pub two: AttrValue,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// What differs between two branches: packets of both side by side.
#[function_component]
pub fn Comparison(props: &CompareProps) -> Html {
    let close = props.send.reform(|_: MouseEvent| Action::Branch(BranchAction::Compare(None)));
    let different = props.rows.iter().filter(|row| !row.same).count();
    html! {
        <section class="drawer comparison" aria-label="Comparison of two branches" data-k="comparison" data-testid="comparison">
            <div class="packets-bar">
                <p role="status">{ match different {
                    0 => "Both sent the same packets.".to_owned(),
                    1 => "1 packet differs.".to_owned(),
                    n => format!("{n} packets differ."),
                } }</p>
                <span class="spacer"></span>
                <button type="button" class="quiet" onclick={close} data-testid="compare-close">{ "Close" }</button>
            </div>
            <div class="comparison-rows" tabindex="0" role="group" aria-label="Packets of both">
                <table>
                    <thead><tr><th>{ "Shown: " }{ &props.one }</th><th><span class="visually-hidden">{ "Difference" }</span></th><th>{ &props.two }</th></tr></thead>
                    <tbody>{ for folded(&props.rows).into_iter().map(|part| match part {
                        Part::Row(i, row) => compared(i, row, &props.send),
                        Part::Alike(i, n) => html! { <tr key={i} class="alike"><td colspan="3">{ if n == 1 { "… 1 packet alike".to_owned() } else { format!("… {n} packets alike") } }</td></tr> },
                    }) }</tbody>
                </table>
            </div>
        </section>
    }
}

/// A row, or a run of rows that are alike and far from any difference.
enum Part<'a> {
    Row(usize, &'a Compared),
    Alike(usize, usize),
}

/// The differences with two rows around each.
fn folded(rows: &[Compared]) -> Vec<Part<'_>> {
    let near = |i: usize| rows[i.saturating_sub(2)..rows.len().min(i + 3)].iter().any(|row| !row.same);
    let mut parts = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        match (near(i), parts.last_mut()) {
            (true, _) => parts.push(Part::Row(i, row)),
            (false, Some(Part::Alike(_, n))) => *n += 1,
            (false, _) => parts.push(Part::Alike(i, 1)),
        }
    }
    parts
}

fn compared(index: usize, row: &Compared, send: &Callback<Action>) -> Html {
    let (mark, words) = match (row.same, &row.one) {
        (true, _) => ("=", "in both"),
        (false, Some(_)) => ("◀", "only in the shown one"),
        (false, None) => ("▶", "only in the other"),
    };
    let go = row.one.as_ref().map(|line| {
        let event = line.event;
        send.reform(move |_: MouseEvent| Action::Time(TimeCommand::Seek(event)))
    });
    html! {
        <tr key={index} class={classes!((!row.same).then_some("different"))}>
            <td>if let (Some(line), Some(onclick)) = (&row.one, go) { <button type="button" {onclick}>{ packet(line) }</button> }</td>
            <td title={words}><span aria-hidden="true">{ mark }</span><span class="visually-hidden">{ words }</span></td>
            <td>{ row.two.as_ref().map(packet) }</td>
        </tr>
    }
}

fn packet(line: &PacketLine) -> Html {
    html! { <span class="mono">{ format!("{}.{:06} ", line.at_ns / 1_000_000_000, line.at_ns % 1_000_000_000 / 1000) }<b>{ &line.protocol }</b>{ format!(" {}", line.info) }</span> }
}
