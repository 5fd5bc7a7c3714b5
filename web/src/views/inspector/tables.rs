//! The host's tables in the inspector: socket, routes, neighbours, `ss`, in the words of the Linux commands.

use super::Props;
use crate::store::{Action, Inspect, Subject};
use lab::scene::{HostScene, TimeCommand};
use lab::tables::{self, Row, Use};
use stack::trace::{EventId, Proto};
use std::net::Ipv4Addr;
use yew::prelude::*;

/// The tabs: the packet's headers, and the tables of its host.
pub fn tabs(now: Inspect, send: &Callback<Action>) -> Html {
    html! {
        <div class="inspect" role="tablist" aria-label="Inspector" data-k="inspect">
            { for Inspect::ALL.into_iter().map(|tab| {
                let onclick = send.reform(move |_: MouseEvent| Action::Inspect(tab));
                html! {
                    <button type="button" role="tab" aria-selected={(tab == now).to_string()} {onclick} data-k={tab.key()} data-testid={format!("inspect-{}", tab.key())}>{ tab.name() }</button>
                }
            }) }
        </div>
    }
}

/// A table of the host whose packet is shown.
pub fn table(props: &Props, subject: Option<Subject>) -> Html {
    let id = subject.map_or(props.shown, |subject| subject.host());
    let Some(host) = props.scene.hosts.iter().find(|host| host.id == id) else {
        return super::nothing("This host has no tables.");
    };
    let packet = used(subject);
    let routes = props.info.routes.get(usize::from(id.0)).map_or(&[][..], Vec::as_slice);
    let (command, head, rows, empty) = match props.tab {
        Inspect::Route => ("ip route", None, tables::routes(routes, packet), "There are no routes."),
        Inspect::Neigh => (
            "ip neigh",
            None,
            tables::neighbours(host, routes, packet),
            "No neighbour is known yet: ARP has not asked.",
        ),
        Inspect::Ss => (
            "ss -tuni",
            Some("Netid State      Recv-Q Send-Q Local Peer"),
            tables::ss(host, packet),
            "There is no socket at this moment.",
        ),
        Inspect::Socket | Inspect::Header => return socket(props, host, packet),
    };
    html! {
        <div class="table" data-k={props.tab.key()} data-testid="table">
            { command_line(host, command) }
            if rows.is_empty() { <p class="nothing">{ empty }</p> }
            if let Some(head) = head.filter(|_| !rows.is_empty()) { <pre class="columns">{ head }</pre> }
            { list(&rows, props) }
        </div>
    }
}

fn command_line(host: &HostScene, command: &str) -> Html {
    html! { <p class="prompt mono"><b>{ &host.name }</b>{ "$ " }{ command }</p> }
}

fn socket(props: &Props, host: &HostScene, packet: Use) -> Html {
    let Some(sock) = tables::socket_of(host, packet) else {
        return html! { <div class="table" data-testid="table">{ super::nothing("There is no socket at this moment.") }</div> };
    };
    let rows = tables::socket(sock, props.scene.now_ns);
    let fd = sock.fd.map(|(_, fd)| format!("fd {fd}, "));
    html! {
        <div class="table" data-k="socket" data-testid="table">
            <p class="prompt"><b>{ &host.name }</b>{ ": socket " }{ fd }{ sock.state.name() }<br /><code>{ &sock.local }{ " → " }{ &sock.peer }</code></p>
            if rows.is_empty() { <p class="nothing">{ "Nothing of it has been set yet." }</p> }
            { list(&rows, props) }
        </div>
    }
}

fn list(rows: &[Row], props: &Props) -> Html {
    html! {
        <ul>{ for rows.iter().map(|row| {
            let fresh = row.event != EventId::NONE && row.event > props.since && row.event <= props.scene.at;
            html! {
                <li class={classes!(row.used.then_some("used"), fresh.then_some("fresh"))}>
                    <pre>{ row.lines.join("\n      ") }</pre>
                    if row.used { <em>{ "this packet" }</em> }
                    { jump(row.event, props) }
                </li>
            }
        }) }</ul>
    }
}

/// To the event that wrote a row.
fn jump(event: EventId, props: &Props) -> Html {
    if event == EventId::NONE || event == props.scene.at {
        return Html::default();
    }
    let onclick = props.send.reform(move |_: MouseEvent| Action::Time(TimeCommand::Seek(event)));
    html! { <button type="button" {onclick} title={format!("Go to event {}, which wrote it", event.0)} aria-label="Jump to the write">{ "↶" }</button> }
}

/// What the packet uses of the tables.
fn used(subject: Option<Subject>) -> Use {
    let Some(Subject::Skb(_, skb)) = subject else { return Use::default() };
    let ip = skb.regions.iter().find(|region| region.proto == Proto::Ipv4).filter(|_| !skb.receiving);
    let to = ip.and_then(|region| region.bytes.get(16..20)).and_then(|to| <[u8; 4]>::try_from(to).ok());
    Use { to: to.map(Ipv4Addr::from), sock: skb.owner }
}
