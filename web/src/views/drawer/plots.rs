//! The plots of one connection, above each other with one axis of time: sequence numbers, windows, queue and
//! round-trip time, and a ribbon that says what holds the sender back.

use super::DrawerProps;
use super::axis::{Scale, mark, round};
use crate::store::{Action, PacketRef};
use crate::time::time;
use lab::panes::{Limit, Plots, SegmentPoint, Steps};
use std::fmt::Write;
use yew::prelude::*;

/// The width of a plot in its own units.
const WIDE: f64 = 1000.0;
/// The ribbon and the axis of time below it.
const RIBBON: f64 = 24.0;
const AXIS: f64 = 20.0;
/// Rows of the table at the most.
const ROWS: usize = 40;
/// Pieces of the ribbon at the most.
const PIECES: usize = 120;

/// What the head says: the connection, and the values under the cursor.
pub fn about(plots: &Plots, props: &DrawerProps) -> Html {
    if plots.connections.len() < 2 {
        let name = plots.connections.first().map(|(name, _)| name.clone());
        return html! { <p class="about" data-k="about"><code>{ name }</code>{ more(plots) }</p> };
    }
    let send = props.send.clone();
    let onchange = Callback::from(move |event: Event| {
        if let Some(connection) = super::pull::chosen(&event) {
            send.emit(Action::Connection(connection));
        }
    });
    html! {
        <p class="about" data-k="about">
            <label><span class="visually-hidden">{ "Connection" }</span>
                <select {onchange} data-testid="connection">{ for plots.connections.iter().enumerate().map(|(i, (name, _))| html! {
                    <option value={i.to_string()} selected={i == plots.shown}>{ name }</option>
                }) }</select>
            </label>
            { more(plots) }
        </p>
    }
}

fn more(plots: &Plots) -> Html {
    match plots.left_out {
        0 => Html::default(),
        more => html! { <span>{ format!("{more} segments not drawn: look closer") }</span> },
    }
}

/// The plots.
pub fn plots(plots: &Plots, props: &DrawerProps, height: f64) -> Html {
    if plots.connections.is_empty() {
        return super::empty("No TCP segment was sent in this run.");
    }
    let room = height - RIBBON - AXIS - 2.0;
    let heights = [room * 0.5, room * 0.3, room * 0.2].map(f64::floor);
    let x = Scale::new(plots.window, WIDE);
    let now = x.holds(props.now_ns).then(|| round(x.at(props.now_ns) / WIDE * 100.0));
    let onclick = click(plots, props);
    html! {
        <>
            <div class="plots" data-k="plots" {onclick} data-testid="plots">
                { sequence(plots, props, &x, heights[0]) }
                { windows(plots, props, &x, heights[1]) }
                { queue(plots, props, &x, heights[2]) }
                { ribbon(plots, &x) }
                <div class="times" aria-hidden="true" data-k="times">{ for x.marks(80.0).into_iter().map(|ns| html! {
                    <span class="mono" style={format!("left:{}%", round(x.at(ns) / WIDE * 100.0))}>{ mark(ns) }</span>
                }) }</div>
                if let Some(now) = now {
                    <div class="over" aria-hidden="true" data-k="over"><i class="now" data-testid="plots-now" style={format!("left:{now}%")}></i></div>
                }
            </div>
            { table(plots) }
        </>
    }
}

/// A click moves time: to the nearest segment, if there is one close by.
fn click(plots: &Plots, props: &DrawerProps) -> Callback<MouseEvent> {
    let (send, window) = (props.send.clone(), plots.window);
    let segments: Vec<SegmentPoint> = plots.segments.clone();
    Callback::from(move |event: MouseEvent| {
        let Some(share) = super::pull::share(&event) else { return };
        let at = window.0 + ((window.1 - window.0) as f64 * share) as u64;
        let near = segments.iter().min_by_key(|s| s.at_ns.abs_diff(at));
        match near.filter(|s| s.at_ns.abs_diff(at) < (window.1 - window.0) / 200) {
            Some(s) => send.emit(Action::Visit(s.event, Some(PacketRef::Frame(s.frame)))),
            None => send.emit(Action::VisitTime(at)),
        }
    })
}

/// A plot's frame: its name, its axis, its picture, its lines' names.
fn plot(
    name: &str,
    height: f64,
    y: &Scale,
    unit: fn(u64) -> String,
    picture: Html,
    names: Vec<(f64, &'static str, String)>,
) -> Html {
    let top = y.marks(28.0);
    html! {
        <div class="plot" data-k={name.to_owned()} style={format!("height:{height}px")}>
            <b class="name">{ name }</b>
            <div class="scale mono" aria-hidden="true">{ for top.iter().filter(|v| (20.0..height - 8.0).contains(&(height - y.at(**v)))).map(|v| html! {
                <span style={format!("top:{}px", round(height - y.at(*v)))}>{ unit(*v) }</span>
            }) }</div>
            <svg aria-hidden="true" preserveAspectRatio="none" viewBox={format!("0 0 {WIDE} {height}")}>
                { for top.iter().map(|v| { let v = round(height - y.at(*v)); html! { <path class="rule" d={format!("M0 {v}H{WIDE}")} /> } }) }
                { picture }
            </svg>
            <div class="lines" aria-hidden="true">{ for apart(names, height).into_iter().map(|(top, class, name)| html! {
                <span {class} style={format!("top:{top}px")}>{ name }</span>
            }) }</div>
        </div>
    }
}

/// The names of lines at their ends, moved apart.
fn apart(mut names: Vec<(f64, &'static str, String)>, height: f64) -> Vec<(f64, &'static str, String)> {
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = 0.0;
    for name in &mut names {
        name.0 = round((name.0 - 9.0).max(free));
        free = name.0 + 17.0;
    }
    let beyond = (free - height).max(0.0);
    for name in &mut names {
        name.0 = round((name.0 - beyond).max(0.0));
    }
    names
}

/// A line in steps, from the left edge to the right.
fn steps(line: &Steps, x: &Scale, y: &Scale, height: f64) -> String {
    let mut path = String::new();
    for (at, value) in line {
        let (x, y) = (x.at(*at).clamp(0.0, WIDE), round(height - y.at(u64::from(*value))));
        // Writing to a String cannot fail.
        let _ = if path.is_empty() { write!(path, "M{x} {y}") } else { write!(path, "H{x}V{y}") };
    }
    if !path.is_empty() {
        let _ = write!(path, "H{WIDE}");
    }
    path
}

fn end(line: &Steps, y: &Scale, height: f64) -> f64 {
    line.last().map_or(0.0, |(_, value)| height - y.at(u64::from(*value)))
}

fn top(lines: &[&Steps]) -> u64 {
    let most = lines.iter().flat_map(|line| line.iter()).map(|(_, value)| u64::from(*value)).max();
    most.unwrap_or(1).max(1) * 21 / 20
}

/// The value a line has at a moment.
fn value(line: &Steps, now: u64) -> Option<u32> {
    let after = line.partition_point(|(at, _)| *at <= now);
    line.get(after.checked_sub(1)?).map(|(_, value)| *value)
}

fn with_value(name: &str, line: &Steps, now: u64, unit: fn(u64) -> String) -> String {
    value(line, now).map_or_else(|| name.to_owned(), |value| format!("{name} {}", unit(value.into())))
}

fn sequence(plots: &Plots, props: &DrawerProps, x: &Scale, height: f64) -> Html {
    let inside = |line: &Steps| line.iter().map(|(_, value)| u64::from(*value)).collect::<Vec<u64>>();
    let ends = plots.segments.iter().map(|s| u64::from(s.seq) + u64::from(s.len));
    let high = ends.chain(inside(&plots.acks)).max().unwrap_or(1);
    let low = plots.segments.iter().map(|s| u64::from(s.seq)).chain(inside(&plots.acks)).min().unwrap_or(0);
    let span = (high - low.min(high)).max(100);
    let y = Scale::new((low, high + span / 12), height - 4.0);
    let bars = |which: &dyn Fn(&SegmentPoint) -> bool| {
        let mut path = String::new();
        for s in plots.segments.iter().filter(|s| which(s)) {
            let from = round(height - y.at(s.seq.into()));
            let to = round(height - y.at(u64::from(s.seq) + u64::from(s.len))).min(from - 3.0);
            let _ = write!(path, "M{} {from}V{to}", x.at(s.at_ns));
        }
        path
    };
    let lit =
        |s: &SegmentPoint| props.lit.frame == Some(s.frame) || props.lit.stream(plots.isn.wrapping_add(s.seq), s.len);
    let mut crosses = String::new();
    for s in plots.segments.iter().filter(|s| s.lost) {
        let (x, y) = (x.at(s.at_ns), round(height - y.at(u64::from(s.seq) + u64::from(s.len) / 2)));
        let _ = write!(
            crosses,
            "M{} {}L{} {}M{} {}L{} {}",
            x - 3.0,
            y - 5.0,
            x + 3.0,
            y + 5.0,
            x + 3.0,
            y - 5.0,
            x - 3.0,
            y + 5.0
        );
    }
    let mut sacks = String::new();
    for (at, from, to) in &plots.sacks {
        let _ = write!(
            sacks,
            "M{} {}V{}",
            x.at(*at),
            round(height - y.at((*from).into())),
            round(height - y.at((*to).into()))
        );
    }
    let picture = html! {
        <>
            <path class="line wend" d={steps(&plots.wends, x, &y, height)} />
            <path class="line ack" d={steps(&plots.acks, x, &y, height)} />
            <path class="sack" d={sacks} />
            <path class="seg lit" d={bars(&lit)} />
            <path class="seg" d={bars(&|s| !s.again)} />
            <path class="seg again" d={bars(&|s| s.again)} />
            <path class="lost" d={crosses} />
        </>
    };
    let now = props.now_ns;
    let mut names = vec![
        (end(&plots.acks, &y, height), "ack", with_value("ACK", &plots.acks, now, plain)),
        (end(&plots.wends, &y, height).max(0.0), "wend", with_value("window", &plots.wends, now, plain)),
    ];
    if plots.segments.iter().any(|s| s.again) {
        names.push((height * 0.5, "again", "sent again".to_owned()));
    }
    if plots.segments.iter().any(|s| s.lost) {
        names.push((height * 0.6, "cross", "✕ lost".to_owned()));
    }
    if !plots.sacks.is_empty() {
        names.push((height * 0.7, "sack", "SACK".to_owned()));
    }
    plot("sequence", height, &y, plain, picture, names)
}

fn windows(plots: &Plots, props: &DrawerProps, x: &Scale, height: f64) -> Html {
    // The peer's window may be far above all else: it does not set the scale.
    let most = top(&[&plots.cwnd, &plots.flight]).max(top(&[&plots.ssthresh]).min(top(&[&plots.cwnd]) * 2));
    let y = Scale::new((0, most), height - 4.0);
    let fill = steps(&plots.flight, x, &y, height);
    let fill = match plots.flight.first() {
        Some((at, _)) => format!("{fill}V{height}H{}Z", x.at(*at).clamp(0.0, WIDE)),
        None => fill,
    };
    let picture = html! {
        <>
            <path class="flight" d={fill} />
            <path class="line rwnd" d={steps(&plots.rwnd, x, &y, height)} />
            <path class="line ssthresh" d={steps(&plots.ssthresh, x, &y, height)} />
            <path class="line cwnd" d={steps(&plots.cwnd, x, &y, height)} />
        </>
    };
    let now = props.now_ns;
    let lines = [
        (&plots.cwnd, "cwnd", "cwnd"),
        (&plots.rwnd, "rwnd", "rwnd"),
        (&plots.flight, "flight", "in flight"),
        (&plots.ssthresh, "ssthresh", "ssthresh"),
    ];
    let names = lines.into_iter().filter(|(line, ..)| !line.is_empty());
    let names =
        names.map(|(line, class, name)| (end(line, &y, height).max(0.0), class, with_value(name, line, now, bytes)));
    plot("windows", height, &y, bytes, picture, names.collect())
}

fn queue(plots: &Plots, props: &DrawerProps, x: &Scale, height: f64) -> Html {
    let y = Scale::new((0, top(&[&plots.queue]).max(4)), height - 4.0);
    let rtt = Scale::new((0, top(&[&plots.srtt])), height - 4.0);
    let picture = html! {
        <>
            <path class="line queue" d={steps(&plots.queue, x, &y, height)} />
            <path class="line srtt" d={steps(&plots.srtt, x, &rtt, height)} />
        </>
    };
    let now = props.now_ns;
    let mut names = vec![(end(&plots.queue, &y, height), "queue", with_value("queue", &plots.queue, now, packets))];
    if !plots.srtt.is_empty() {
        names.push((end(&plots.srtt, &rtt, height), "srtt", with_value("RTT", &plots.srtt, now, micros)));
    }
    plot("queue, RTT", height, &y, packets, picture, names)
}

fn ribbon(plots: &Plots, x: &Scale) -> Html {
    let ends = plots.limits.iter().skip(1).map(|(at, _)| *at).chain([plots.window.1]);
    let mut pieces: Vec<(f64, f64, Limit)> = Vec::new();
    for ((from, limit), to) in plots.limits.iter().zip(ends) {
        let (from, to) = (x.at(*from).clamp(0.0, WIDE), x.at(to).clamp(0.0, WIDE));
        match pieces.last_mut() {
            // What is too short to be seen belongs to its neighbour.
            Some(last) if to - from < WIDE / 400.0 || last.2 == *limit => last.1 = to,
            _ if to > from => pieces.push((from, to, *limit)),
            _ => {}
        }
    }
    pieces.truncate(PIECES);
    html! {
        <div class="ribbon" data-k="ribbon">
            <b class="name">{ "limited by" }</b>
            <div class="pieces">{ for pieces.into_iter().map(|(from, to, limit)| {
                let (class, word) = limit_words(limit);
                let wide = (to - from) / 10.0;
                html! { <i {class} title={format!("limited by {word}")} style={format!("left:{}%;width:{}%", round(from / 10.0), round(wide))}>{ if wide > 4.0 { word } else { "" } }</i> }
            }) }</div>
        </div>
    }
}

fn limit_words(limit: Limit) -> (&'static str, &'static str) {
    match limit {
        Limit::App => ("hue-data", "app"),
        Limit::Rwnd => ("hue-eth", "rwnd"),
        Limit::Cwnd => ("hue-tcp", "cwnd"),
        Limit::Qdisc => ("hue-nic", "sending"),
    }
}

/// The same in words and numbers.
fn table(plots: &Plots) -> Html {
    let step = plots.segments.len().div_ceil(ROWS).max(1);
    let cell = |line: &Steps, at: u64| value(line, at).map(|value| value.to_string()).unwrap_or_default();
    let limit = |at: u64| {
        let after = plots.limits.partition_point(|(from, _)| *from <= at);
        after.checked_sub(1).map(|i| limit_words(plots.limits[i].1).1)
    };
    html! {
        <table class="visually-hidden" data-testid="plots-table">
            <caption>{ "Segments as they leave, and the sender's variables at that moment, in bytes" }</caption>
            <tr>{ for ["time", "sequence", "sent again", "lost", "acknowledged", "window", "cwnd", "in flight", "ssthresh", "queue", "RTT µs", "limited by"].map(|name| html! { <th scope="col">{ name }</th> }) }</tr>
            { for plots.segments.iter().step_by(step).map(|s| html! {
                <tr>
                    <th scope="row">{ time(s.at_ns) }</th>
                    <td>{ format!("{}–{}", s.seq, s.seq.wrapping_add(s.len)) }</td>
                    <td>{ if s.again { "yes" } else { "no" } }</td>
                    <td>{ if s.lost { "yes" } else { "no" } }</td>
                    <td>{ cell(&plots.acks, s.at_ns) }</td>
                    <td>{ cell(&plots.rwnd, s.at_ns) }</td>
                    <td>{ cell(&plots.cwnd, s.at_ns) }</td>
                    <td>{ cell(&plots.flight, s.at_ns) }</td>
                    <td>{ cell(&plots.ssthresh, s.at_ns) }</td>
                    <td>{ cell(&plots.queue, s.at_ns) }</td>
                    <td>{ cell(&plots.srtt, s.at_ns) }</td>
                    <td>{ limit(s.at_ns) }</td>
                </tr>
            }) }
        </table>
    }
}

fn plain(value: u64) -> String {
    value.to_string()
}

fn bytes(value: u64) -> String {
    match value {
        0..10_000 => format!("{value} B"),
        10_000..1_000_000 => format!("{} kB", value / 1_000),
        _ => format!("{:.1} MB", value as f64 / 1e6),
    }
}

fn packets(value: u64) -> String {
    format!("{value} pkt")
}

fn micros(value: u64) -> String {
    time(value * 1_000)
}
