//! The wires of the scenario, drawn, and what can be done to them from the cursor on.

use crate::engine::{Branches, WireLine};
use crate::shared::Shared;
use crate::store::{Action, BranchAction};
use lab::net::wire::Line;
use lab::rng::Chance;
use yew::prelude::*;

/// What the menu needs.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The branches, with the wires of the one that is shown.
    pub tree: Shared<Branches>,
    /// The wires as the scenario has them.
    pub before: Vec<[Line; 2]>,
    /// Can a turn be taken now?
    pub can: bool,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// What can be done to a wire.
const BREAKS: [(&str, &str); 5] = [
    ("cut", "Cut it"),
    ("slow", "Ten times slower"),
    ("delay", "Ten times the delay"),
    ("loss", "Lose one frame in ten"),
    ("mend", "Mend it"),
];

/// The menu.
#[function_component]
pub fn BreakMenu(props: &Props) -> Html {
    let Props { tree, before, send, .. } = props;
    if tree.wires.is_empty() {
        return Html::default();
    }
    html! {
        <>
            <button type="button" class="menu-button" popovertarget="break-menu" data-testid="break-menu" data-k="break-button">{ "Break it" }</button>
            <div class="menu" id="break-menu" popover="" data-k="break-menu">
                { topology(&tree.wires) }
                <p class="small">{ "From the cursor on. The run as recorded stays, as a branch below." }</p>
                { for tree.wires.iter().zip(0u32..).map(|(wire, index)| {
                    let original = before.get(index as usize).copied().unwrap_or(wire.lines);
                    html! {
                        <fieldset key={index} data-testid={format!("wire-{index}")}>
                            <legend>{ wire.ends.join(" – ") }{ ": " }<span>{ words(&wire.lines) }</span></legend>
                            { for BREAKS.iter().map(|(what, name)| {
                                let lines = broken(what, wire.lines, original);
                                let onclick = send.reform(move |_: MouseEvent| Action::Branch(BranchAction::Wire(index, lines)));
                                html! {
                                    <button type="button" {onclick} disabled={!props.can || lines == wire.lines} popovertarget="break-menu" popovertargetaction="hide"
                                        data-testid={format!("{what}-{index}")}>{ name }</button>
                                }
                            }) }
                        </fieldset>
                    }
                }) }
            </div>
        </>
    }
}

fn broken(what: &str, lines: [Line; 2], original: [Line; 2]) -> [Line; 2] {
    let each = |change: &dyn Fn(Line) -> Line| lines.map(change);
    match what {
        "cut" => each(&|line| Line { loss: Chance::ALWAYS, ..line }),
        "slow" => each(&|line| Line { rate_bps: (line.rate_bps / 10).max(1), ..line }),
        "delay" => each(&|line| Line { delay: line.delay.saturating_mul(10), ..line }),
        "loss" => each(&|line| Line { loss: Chance::percent(10), ..line }),
        _ => original,
    }
}

/// What a wire does, in words: `100 Mbit/s, 1 ms, loses 10 %`.
pub fn words(lines: &[Line; 2]) -> String {
    match lines {
        [there, back] if there == back => one(there),
        [there, back] => format!("there {}; back {}", one(there), one(back)),
    }
}

fn one(line: &Line) -> String {
    if line.loss == Chance::ALWAYS {
        return "cut".to_owned();
    }
    let rate = match line.rate_bps {
        n if n >= 1_000_000_000 => format!("{} Gbit/s", decimal(n, 1_000_000_000)),
        n if n >= 1_000_000 => format!("{} Mbit/s", decimal(n, 1_000_000)),
        n if n >= 1_000 => format!("{} kbit/s", decimal(n, 1_000)),
        n => format!("{n} bit/s"),
    };
    let ns = u64::try_from(line.delay.as_nanos()).unwrap_or(u64::MAX);
    let delay =
        if ns >= 1_000_000 { format!("{} ms", decimal(ns, 1_000_000)) } else { format!("{} µs", decimal(ns, 1_000)) };
    let mut text = format!("{rate}, {delay}");
    for (chance, what) in
        [(line.loss, "loses"), (line.duplicate, "doubles"), (line.reorder, "reorders"), (line.corrupt, "corrupts")]
    {
        if chance != Chance::NEVER {
            text = format!("{text}, {what} {} %", decimal(chance.0.into(), 10_000));
        }
    }
    text
}

/// At most one digit behind the point.
fn decimal(n: u64, unit: u64) -> String {
    match (n / unit, n % unit * 10 / unit) {
        (whole, 0) => whole.to_string(),
        (whole, tenth) => format!("{whole}.{tenth}"),
    }
}

/// Hosts and switches as boxes, wires as lines: cut ones broken, lossy ones dashed.
fn topology(wires: &[WireLine]) -> Html {
    let mut names: Vec<&str> = Vec::new();
    for name in wires.iter().flat_map(|wire| &wire.ends) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let count = |name: &str| wires.iter().filter(|wire| wire.ends.iter().any(|end| end == name)).count();
    // The one with the most wires in the middle, the others around it; two or three in a row.
    names.sort_by_key(|name| std::cmp::Reverse(count(name)));
    let (width, height) = (396.0, if names.len() > 3 { 190.0 } else { 60.0 });
    let place = |name: &str| -> (f64, f64) {
        let index = names.iter().position(|other| *other == name).unwrap_or(0);
        match (names.len(), index) {
            (1 | 2, i) => (70.0 + 256.0 * i as f64, height / 2.0),
            (3, 0) | (_, 0) => (width / 2.0, height / 2.0),
            (3, i) => (56.0 + 284.0 * (i as f64 - 1.0), height / 2.0),
            (n, i) => {
                let angle = std::f64::consts::TAU * (i as f64 - 1.0) / (n as f64 - 1.0);
                (width / 2.0 - 140.0 * angle.cos(), height / 2.0 - 70.0 * angle.sin())
            }
        }
    };
    html! {
        <svg class="topology" viewBox={format!("0 0 {width} {height}")} width={width.to_string()} height={height.to_string()} aria-hidden="true">
            { for wires.iter().map(|wire| {
                let [(x1, y1), (x2, y2)] = [place(&wire.ends[0]), place(&wire.ends[1])];
                let lost = wire.lines.iter().map(|line| line.loss).max().unwrap_or_default();
                let class = if lost == Chance::ALWAYS { "cut" } else if lost > Chance::NEVER { "lossy" } else { "" };
                let (x, y) = ((x1 + x2) / 2.0, (y1 + y2) / 2.0);
                html! {
                    <>
                        <line {class} x1={x1.to_string()} y1={y1.to_string()} x2={x2.to_string()} y2={y2.to_string()} />
                        if class == "cut" { <text x={x.to_string()} y={(y + 7.0).to_string()}>{ "✕" }</text> }
                    </>
                }
            }) }
            { for names.iter().map(|name| {
                let (x, y) = place(name);
                html! {
                    <>
                        <rect x={(x - 46.0).to_string()} y={(y - 15.0).to_string()} width="92" height="30" />
                        <text x={x.to_string()} y={(y + 5.0).to_string()}>{ name }</text>
                    </>
                }
            }) }
        </svg>
    }
}
