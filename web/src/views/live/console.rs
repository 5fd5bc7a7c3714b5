//! The host's console: programs that people know, run on the page's own stack.

use crate::live::{CommandView, LinkState};
use crate::store::{Action, LivePage};
use yew::prelude::*;

/// The console.
pub fn console(live: &LivePage, send: &Callback<Action>) -> Html {
    let LinkState::Up { kernel, .. } = &live.state else { return Html::default() };
    let kernel = kernel.clone().unwrap_or_else(|| "10.77.0.1".to_owned());
    let line = live.draft.clone();
    let onsubmit = {
        let (send, line) = (send.clone(), line.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if !line.trim().is_empty() {
                send.emit(Action::Run(expand(line.trim())));
            }
        })
    };
    let oninput = {
        let send = send.clone();
        Callback::from(move |event: InputEvent| {
            if let Some(text) = typed(&event) {
                send.emit(Action::Draft(text));
            }
        })
    };
    html! {
        <div class="console" data-k="console" data-testid="console">
            <h2>{ "Console" }</h2>
            <form {onsubmit}>
                <label><span class="visually-hidden">{ "Command" }</span><b aria-hidden="true">{ "$" }</b>
                    <input type="text" class="mono" value={line} {oninput} placeholder={format!("ping {kernel}")} autocomplete="off"
                        autocapitalize="off" spellcheck="false" data-testid="command" /></label>
                <button type="submit" data-testid="run">{ "Run" }</button>
            </form>
            if live.commands.is_empty() {
            <p class="examples">{ for [format!("ping -c 4 {kernel}"), format!("curl http://{kernel}:8000/")].into_iter().map(|text| {
                let draft = text.clone();
                let onclick = send.reform(move |_: MouseEvent| Action::Draft(draft.clone()));
                html! { <button type="button" class="mono" {onclick}>{ text }</button> }
            }) }</p>
            }
            <ol>{ for live.commands.iter().rev().take(6).map(|command| output(command, send)) }</ol>
        </div>
    }
}

/// A plain `curl URL` is asked to say what came, in place of printing it all.
fn expand(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["curl", url] if !url.starts_with('-') => {
            format!(
                "curl -o body -w \"status=%{{http_code}} bytes=%{{size_download}} sha256=%{{sha256_download}}\\n\" {url}"
            )
        }
        _ => line.to_owned(),
    }
}

fn output(command: &CommandView, send: &Callback<Action>) -> Html {
    let running = command.status.is_none();
    let state = match command.status {
        None => "running".to_owned(),
        Some(status) => status.to_string(),
    };
    let name = command.line.split_whitespace().next().unwrap_or_default().to_owned();
    let kill = command.task.map(|task| send.reform(move |_: MouseEvent| Action::Kill(task)));
    html! {
        <li key={command.number} data-testid={format!("result-{name}")} data-number={command.number.to_string()} data-status={state}
            data-sha256={command.told("sha256").map(str::to_owned)} data-bytes={command.told("bytes").map(str::to_owned)}
            data-received={command.received.to_string()}>
            <p class="mono typed"><b>{ "$ " }</b>{ short(&command.line) }
                if let Some(kill) = kill.filter(|_| running) { <button type="button" onclick={kill}>{ "stop" }</button> }</p>
            if running && name == "curl" {
                <p class="progress" role="progressbar" aria-label="Received">{ amount(command.received) }{ " from the network so far" }</p>
            }
            { told(command) }
            if !command.output.is_empty() && command.told("sha256").is_none() { <pre class="mono">{ &command.output }</pre> }
            if let Some(status) = command.status.filter(|status| *status != 0) { <p class="status">{ format!("ended with status {status}") }</p> }
        </li>
    }
}

/// What curl found, as a card.
fn told(command: &CommandView) -> Html {
    let (Some(bytes), Some(sum)) = (command.told("bytes"), command.told("sha256")) else { return Html::default() };
    html! {
        <dl class="fetched">
            <dt>{ "status" }</dt><dd class="mono">{ command.told("status").unwrap_or_default().to_owned() }</dd>
            <dt>{ "body" }</dt><dd class="mono">{ bytes.parse().map(amount).unwrap_or_default() }{ format!(" ({bytes} bytes)") }</dd>
            <dt>{ "SHA-256" }</dt><dd class="mono sum">{ sum.to_owned() }</dd>
        </dl>
    }
}

/// The line as typed: what [`expand`] added is not shown.
fn short(line: &str) -> String {
    let expanded = line.starts_with("curl -o body -w \"");
    match line.rsplit(' ').next() {
        Some(url) if expanded => format!("curl {url}"),
        _ => line.to_owned(),
    }
}

/// Bytes as a reader likes them.
fn amount(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{:02} MB", bytes / 1_000_000, bytes % 1_000_000 / 10_000),
    }
}

#[cfg(target_arch = "wasm32")]
fn typed(event: &InputEvent) -> Option<String> {
    Some(event.target_dyn_into::<web_sys::HtmlInputElement>()?.value())
}

// Drawn to text, a page has no events.
#[cfg(not(target_arch = "wasm32"))]
fn typed(_: &InputEvent) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_curl_says_what_came_and_shows_as_it_was_typed() {
        let line = expand("curl http://10.77.0.1:8000/file");
        assert!(line.contains("sha256=%{sha256_download}"), "{line}");
        assert_eq!(short(&line), "curl http://10.77.0.1:8000/file");
        assert_eq!(expand("curl -i http://a/"), "curl -i http://a/");
        assert_eq!(expand("ping -c 4 10.0.0.1"), "ping -c 4 10.0.0.1");
    }

    #[test]
    fn amounts_read_in_their_own_unit() {
        assert_eq!(amount(512), "512 bytes");
        assert_eq!(amount(10_485_760), "10.48 MB");
        assert_eq!(amount(65_536), "65.5 kB");
    }
}
