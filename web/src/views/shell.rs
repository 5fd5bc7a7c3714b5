//! The page, put together.

use super::branches::{self, Comparison};
use super::caption::Caption;
use super::drawer::{Buttons, DrawerPane};
use super::failure::failure;
use super::files::{CaptureStage, FileMenuState, FileNotice};
use super::header::Header;
use super::help::Help;
use super::inspector::Inspector;
use super::live::{LiveBar, LivePane};
use super::packets::Packets;
use super::program::Program;
use super::question::QuestionCard;
use super::strace::Strace;
use super::strip::Strip;
use super::tower::Tower;
use super::transport::Transport;
use super::tree::Tree;
use crate::live::LinkState;
use crate::store::{Action, BranchAction, Card, Motion, Page, Phase, Question, Subject};
use crate::time::{Hero, time};
use yew::prelude::*;

/// What the page is drawn from.
#[derive(Properties, PartialEq)]
pub struct ShellProps {
    /// Its state.
    pub page: Page,
    /// The scenarios to choose from: name and title.
    pub scenarios: Vec<(String, String)>,
    /// Where clicks go.
    pub send: Callback<Action>,
    /// Where keys go.
    #[prop_or_default]
    pub onkeydown: Callback<KeyboardEvent>,
    /// Where chosen files go.
    #[prop_or_default]
    pub onfiles: Callback<Event>,
}

/// The page.
#[function_component]
pub fn Shell(props: &ShellProps) -> Html {
    let ShellProps { page, scenarios, send, onkeydown, onfiles } = props;
    let motion = if page.motion == Motion::Travel && !page.less_motion { "travel" } else { "still" };
    let phase = match &page.phase {
        Phase::Loading => "loading",
        Phase::Running(_) => "running",
        Phase::Ready => "ready",
        Phase::Failed(_) => "failed",
    };
    html! {
        <div class="page" id="page" data-motion={motion} data-less-motion={page.less_motion.to_string()} data-state={phase}
            data-event={page.scene.at.0.to_string()} data-playing={page.playing.is_some().to_string()} data-live={page.live.as_ref().map(|live| live.state.key())} data-card={page.card.key()} data-drawer={page.drawer.open.map(|kind| kind.key())} data-k="page">
            <Header scenario={page.scenario.clone()} scenarios={scenarios.clone()} live={page.token().map(|_| page.live.is_some())}
                less_motion={page.less_motion} files={menu(page)} tree={page.branches.tree.clone()} wires_before={page.branches.wires_before.clone()} onfiles={onfiles.clone()} send={send.clone()} />
            <FileNotice files={page.files.clone()} send={send.clone()} />
            if let Some(live) = &page.live { <LiveBar live={(**live).clone()} send={send.clone()} /> }
            <main tabindex="-1" id="stage" onkeydown={onkeydown.clone()} data-k="main" aria-describedby="caption">{ stage(page, send) }</main>
            if page.help { <Help less_motion={page.less_motion} onkeydown={onkeydown.clone()} send={send.clone()} /> }
        </div>
    }
}

/// What the menu of files can do now.
fn menu(page: &Page) -> FileMenuState {
    FileMenuState {
        can_save: page.phase == Phase::Ready && page.live.is_none() && page.files.file.is_none(),
        drawer: page.drawer.open.is_some() && page.files.file.is_none(),
        strip: page.files.packets.is_none()
            && page.branches.compared.is_none()
            && page.files.file.is_none()
            && page.phase == Phase::Ready,
        can_list: page.has_scene() && page.live.is_none() && page.files.file.is_none(),
    }
}

fn stage(page: &Page, send: &Callback<Action>) -> Html {
    if let Some(file) = &page.files.file {
        return html! { <CaptureStage file={(**file).clone()} send={send.clone()} /> };
    }
    if let Phase::Failed(trouble) = &page.phase {
        return failure(trouble);
    }
    if let Some(live) = page.live.as_ref().filter(|_| !page.has_scene()) {
        return html! { <div class="no-network" data-k="no-network"><LivePane live={(**live).clone()} at={page.scene.at} send={send.clone()} /></div> };
    }
    let scene = &page.scene;
    let packet = page.subject().map(|subject: Subject| subject.packet());
    html! {
        <>
            <div class="left" data-k="left">
                if let Some(live) = &page.live {
                    <LivePane live={(**live).clone()} at={scene.at} send={send.clone()} />
                } else {
                    <Program scene={scene.clone()} info={page.info.clone()} shown={page.shown}
                        editor={page.branches.editor.as_deref().cloned()} can_edit={page.phase == Phase::Ready && !page.branches.turning} send={send.clone()} />
                    <Strace scene={scene.clone()} shown={page.shown} send={send.clone()} />
                }
            </div>
            <div class="centre" data-k="centre">
                <Tower scene={scene.clone()} {packet} shown={page.shown} outside={outside(page)} send={send.clone()} />
                if let Some(hero) = page.hero.clone().filter(|_| page.question != Question::Hidden) {
                    <QuestionCard question={page.question} call={call(page, &hero)} {hero} send={send.clone()} />
                }
                { progress(page, send) }
            </div>
            <Inspector tab={page.inspect} info={page.info.clone()} shown={page.shown} scene={scene.clone()} selection={page.selection} since={page.since()} why={page.why_here().cloned().filter(|_| page.live.is_none())} send={send.clone()} />
            if let Some((other, rows)) = &page.branches.compared {
                <Comparison rows={rows.clone()} one={branch_name(page, page.branches.tree.now)} two={branch_name(page, *other)} send={send.clone()} />
            } else if let Some(list) = &page.files.packets {
                <section class="drawer" aria-label="Packets" data-k="drawer"><Packets list={(**list).clone()} send={send.clone()} /></section>
            } else {
                <Strip scene={scene.clone()} selection={page.selection} send={send.clone()} />
            }
            <Caption scene={scene.clone()} aloud={page.playing.is_none()} />
            <Buttons open={page.drawer.open} list={menu(page).can_list.then_some(page.files.packets.is_some())} send={send.clone()} />
            { cards(page.card, page.live.is_some(), send) }
            if let Some(kind) = page.drawer.open {
                <DrawerPane {kind} height={page.drawer.height} fitted={page.drawer.window.is_none()} view={page.pane().cloned()}
                    now_ns={scene.now_ns} at={scene.at} hosts={page.info.clone()} lit={page.lit()} following={page.live.as_ref().is_some_and(|live| live.follows())} send={send.clone()} />
            }
            <Transport following={page.live.as_ref().is_some_and(|live| live.follows())} scene={scene.clone()} timeline={page.timeline.clone()} hosts={page.info.clone()} playing={page.playing.is_some() || page.live.as_ref().is_some_and(|live| live.follows())}
                speed={page.speed} flag={flag(page)} story={page.hero.clone().filter(|_| page.less_motion)} tree={page.branches.tree.clone()} compared={page.branches.compared.as_ref().map(|(other, _)| *other)} send={send.clone()} />
            <Tree scene={scene.clone()} />
        </>
    }
}

/// The flag on the timeline where the sending call has returned.
fn flag(page: &Page) -> Option<stack::trace::EventId> {
    page.hero.as_ref().map(|hero| hero.exit).filter(|exit| *exit <= page.scene.at)
}

/// The sending call as the program has it: Python's `sendall()` is the kernel's `sendto()`.
fn call(page: &Page, hero: &Hero) -> String {
    let python = page.info.sources.iter().any(|(_, text)| text.contains(".sendall("));
    if python { "sendall()".to_owned() } else { format!("{}()", hero.call) }
}

/// What is beyond the wire in live mode.
fn outside(page: &Page) -> Option<AttrValue> {
    let live = page.live.as_ref()?;
    Some(match &live.state {
        LinkState::Up { kernel: Some(kernel), .. } => kernel.clone().into(),
        _ => "".into(),
    })
}

fn branch_name(page: &Page, index: u32) -> String {
    let branch = page.branches.tree.list.get(index as usize);
    branch.map(|branch| branches::name(branch, index, &page.branches.tree, &page.info)).unwrap_or_default()
}

fn progress(page: &Page, send: &Callback<Action>) -> Html {
    let stop = send.reform(|_: MouseEvent| Action::Branch(BranchAction::Stop));
    match (&page.phase, &page.halted) {
        (Phase::Running(run), _) => {
            // The run may end long before the time that the scenario sets: the bar only says that it moves.
            let share = run.now_ns.saturating_mul(100) / run.until_ns.max(1);
            html! {
                <div class="notice" role="status" data-k="notice" data-testid="running">
                    <p>{ format!("The run is long: {} events so far, {} of {}.", run.events, time(run.now_ns), time(run.until_ns)) }</p>
                    <progress max="100" value={share.to_string()} aria-label="Virtual time of the run"></progress>
                    <button type="button" class="quiet" onclick={stop} data-testid="stop">{ "Stop here" }</button>
                </div>
            }
        }
        _ if page.branches.turning => {
            html! { <p class="notice" role="status" data-k="notice" data-testid="turning">{ "The programs go another way …" }</p> }
        }
        (_, Some(halted)) => html! { <p class="notice" role="status" data-k="notice">{ halted }</p> },
        _ => Html::default(),
    }
}

/// The cards of a narrow screen: one at a time.
fn cards(now: Card, live: bool, send: &Callback<Action>) -> Html {
    let name = |card: Card| if live && card == Card::Code { "Network" } else { card.name() };
    html! {
        <div class="cards" role="tablist" aria-label="Cards" data-k="cards">
            { for Card::ALL.into_iter().filter(|card| !(live && *card == Card::Calls)).map(|card| {
                let onclick = send.reform(move |_: MouseEvent| Action::Card(card));
                html! {
                    <button type="button" role="tab" aria-selected={(card == now).to_string()} {onclick} data-k={card.key()} data-testid={format!("card-{}", card.key())}>{ name(card) }</button>
                }
            }) }
        </div>
    }
}
