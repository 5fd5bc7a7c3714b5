//! The drawers above the timeline: their buttons, the frame around the open one, and what it shows.

mod axis;
mod calls;
mod ladder;
mod plots;

use crate::shared::Shared;
use crate::store::{Action, Drawer, DrawerKind, FileAction, Lit};
use lab::panes::PaneView;
use lab::scene::RunInfo;
use stack::trace::EventId;
use yew::prelude::*;

/// What the buttons need.
#[derive(Properties, PartialEq)]
pub struct ButtonsProps {
    /// The open drawer.
    pub open: Option<DrawerKind>,
    /// Is the list of packets open? `None`: there is none.
    pub list: Option<bool>,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The buttons that open and close the drawers.
#[function_component]
pub fn Buttons(props: &ButtonsProps) -> Html {
    html! {
        <div class="drawer-buttons" role="group" aria-label="Drawers" data-k="drawer-buttons">
            { for DrawerKind::ALL.into_iter().zip(1..).map(|(kind, key)| {
                let open = props.open == Some(kind);
                let onclick = props.send.reform(move |_: MouseEvent| Action::Drawer(kind));
                html! {
                    <button type="button" aria-expanded={open.to_string()} aria-controls="drawer" {onclick} data-k={kind.key()}
                        title={format!("Key {key}")} data-testid={format!("drawer-{}", kind.key())}><kbd>{ key }</kbd>{ kind.name() }</button>
                }
            }) }
            if let Some(open) = props.list {
                <button type="button" aria-expanded={open.to_string()} onclick={props.send.reform(|_: MouseEvent| Action::File(FileAction::ToggleList))} data-k="packets"
                    title="Key 4" data-testid="drawer-packets"><kbd>{ "4" }</kbd>{ "Packets" }</button>
            }
        </div>
    }
}

/// What the open drawer needs.
#[derive(Properties, PartialEq)]
pub struct DrawerProps {
    /// Which it is.
    pub kind: DrawerKind,
    /// How tall, CSS pixels.
    pub height: u16,
    /// Does it choose its span of time itself?
    pub fitted: bool,
    /// What it shows, once that is there.
    pub view: Option<Shared<PaneView>>,
    /// The moment under the cursor.
    pub now_ns: u64,
    /// Its event.
    pub at: EventId,
    /// The hosts' names.
    pub hosts: Shared<RunInfo>,
    /// What lights up.
    pub lit: Lit,
    /// Does the cursor follow a live network?
    pub following: bool,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The height of the drawer's head and edges.
const HEAD: u16 = 46;

/// The open drawer.
#[function_component]
pub fn DrawerPane(props: &DrawerProps) -> Html {
    let DrawerProps { kind, height, send, .. } = props;
    let body = f64::from(height.saturating_sub(HEAD));
    html! {
        <section class="drawer-pane" data-kind={kind.key()} id="drawer" aria-label={kind.name()} data-k="drawer-pane" data-testid="drawer" style={format!("--drawer:{height}px")}>
            { handle(*height, send) }
            <header data-k="head">
                <h2>{ kind.name() }</h2>
                { about(props) }
                <span class="spacer"></span>
                { tools(props) }
            </header>
            { match props.view.as_deref() {
                Some(PaneView::Ladder(ladder)) => ladder::ladder(ladder, props, body),
                Some(PaneView::Plots(plots)) => plots::plots(plots, props, body),
                Some(PaneView::Calls(trace)) => calls::calls(trace, props, body),
                None if props.following => empty("This drawer shows what has happened: pause or step to look at it."),
                None => empty("Reading the run …"),
            } }
        </section>
    }
}

fn empty(text: &'static str) -> Html {
    html! { <p class="nothing" data-k="nothing">{ text }</p> }
}

/// One line about what is seen.
fn about(props: &DrawerProps) -> Html {
    match props.view.as_deref() {
        Some(PaneView::Ladder(ladder)) => ladder::about(ladder),
        Some(PaneView::Plots(plots)) => plots::about(plots, props),
        Some(PaneView::Calls(trace)) => calls::about(trace),
        None => Html::default(),
    }
}

fn tools(props: &DrawerProps) -> Html {
    let DrawerProps { kind, height, send, .. } = props;
    let button = |id: &'static str, name: &'static str, text: &'static str, action: Action, off: bool| {
        let onclick = send.reform(move |_: MouseEvent| action.clone());
        html! { <button type="button" title={name} aria-label={name} disabled={off} {onclick} data-k={id} data-testid={id}>{ text }</button> }
    };
    let (name, text, to) = match *height < Drawer::TALL {
        true => ("Taller", "Taller", Drawer::TALL),
        false => ("Shorter", "Shorter", kind.height()),
    };
    html! {
        <div class="tools" role="group" aria-label="Span of time" data-k="tools">
            if *kind != DrawerKind::Calls {
            { button("earlier", "Earlier (A)", "←", Action::Pan(-1), false) }
            { button("further", "Further away (S)", "−", Action::Zoom(-1), false) }
            { button("closer", "Closer (W)", "+", Action::Zoom(1), false) }
            { button("later", "Later (D)", "→", Action::Pan(1), false) }
            { button("fit", "Fit (F)", "Fit", Action::Fit, props.fitted) }
            }
            { button("tall", name, text, Action::DrawerHeight(to), false) }
            { button("drawer-close", "Close the drawer", "✕", Action::Drawer(*kind), false) }
        </div>
    }
}

/// The edge to take hold of: by pointer, or by the arrow keys.
fn handle(height: u16, send: &Callback<Action>) -> Html {
    let keys = {
        let send = send.clone();
        Callback::from(move |event: KeyboardEvent| {
            let to = match event.key().as_str() {
                "ArrowUp" => height.saturating_add(24),
                "ArrowDown" => height.saturating_sub(24),
                _ => return,
            };
            event.prevent_default();
            event.stop_propagation();
            send.emit(Action::DrawerHeight(to));
        })
    };
    let take = Callback::from(|event: PointerEvent| pull::take(&event));
    let drag = {
        let send = send.clone();
        Callback::from(move |event: PointerEvent| {
            if let Some(to) = pull::height(&event) {
                send.emit(Action::DrawerHeight(to));
            }
        })
    };
    let (least, most) = Drawer::LIMITS;
    html! {
        <div class="handle" role="separator" aria-orientation="horizontal" aria-label="Height of the drawer" tabindex="0" data-k="handle" data-testid="drawer-handle"
            aria-valuenow={height.to_string()} aria-valuemin={least.to_string()} aria-valuemax={most.to_string()} aria-valuetext={format!("{height} pixels")}
            onkeydown={keys} onpointerdown={take} onpointermove={drag}><i></i></div>
    }
}

#[cfg(target_arch = "wasm32")]
mod pull {
    use web_sys::{Element, Event, HtmlSelectElement, MouseEvent, PointerEvent};
    use yew::TargetCast;

    /// The pointer keeps hold of the edge wherever it goes.
    pub fn take(event: &PointerEvent) {
        if let Some(edge) = event.target_dyn_into::<Element>() {
            let _ = edge.set_pointer_capture(event.pointer_id());
        }
    }

    /// The height that the pointer pulls the drawer to.
    pub fn height(event: &PointerEvent) -> Option<u16> {
        let edge = event.target_dyn_into::<Element>()?;
        if !edge.has_pointer_capture(event.pointer_id()) {
            return None;
        }
        let drawer = edge.closest(".drawer-pane").ok()??.get_bounding_client_rect();
        Some((drawer.bottom() - f64::from(event.client_y())).clamp(0.0, 2_000.0) as u16)
    }

    /// Where in the plots a click is, 0 to 1 from left to right.
    pub fn share(event: &MouseEvent) -> Option<f64> {
        let inside = event.target_dyn_into::<Element>()?.closest(".plots").ok()??;
        let picture = inside.query_selector("svg").ok()??.get_bounding_client_rect();
        let share = (f64::from(event.client_x()) - picture.left()) / picture.width().max(1.0);
        (0.0..=1.0).contains(&share).then_some(share)
    }

    /// What a list of choices is set to.
    pub fn chosen(event: &Event) -> Option<u16> {
        event.target_dyn_into::<HtmlSelectElement>()?.value().parse().ok()
    }
}

// Drawn to text, a page has no pointer.
#[cfg(not(target_arch = "wasm32"))]
mod pull {
    use yew::{Event, MouseEvent, PointerEvent};

    pub fn take(_: &PointerEvent) {}

    pub fn height(_: &PointerEvent) -> Option<u16> {
        None
    }

    pub fn share(_: &MouseEvent) -> Option<f64> {
        None
    }

    pub fn chosen(_: &Event) -> Option<u16> {
        None
    }
}
