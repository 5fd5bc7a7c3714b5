//! The drawers above the timeline: which is open, how tall, what span of time they show, and asking for it.

use super::{Effect, PacketRef, Page, Phase, Subject};
use crate::engine::EngineRequest;
use crate::live::LiveRequest;
use crate::shared::Shared;
use lab::panes::{PaneQuery, PaneView};
use stack::trace::{EventId, FrameId};

/// A drawer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DrawerKind {
    /// Hosts side by side, time downwards.
    Ladder,
    /// Sequence numbers, windows and queues over time.
    Plots,
    /// The kernel's functions.
    Calls,
}

impl DrawerKind {
    /// All, in the order of their keys: 1, 2, 3.
    pub const ALL: [DrawerKind; 3] = [DrawerKind::Ladder, DrawerKind::Plots, DrawerKind::Calls];

    /// The name it has in links and attributes.
    pub fn key(self) -> &'static str {
        match self {
            DrawerKind::Ladder => "ladder",
            DrawerKind::Plots => "plots",
            DrawerKind::Calls => "calls",
        }
    }

    /// What its button says.
    pub fn name(self) -> &'static str {
        match self {
            DrawerKind::Ladder => "Ladder",
            DrawerKind::Plots => "Plots",
            DrawerKind::Calls => "Calls",
        }
    }

    /// How tall it is at first, CSS pixels.
    pub fn height(self) -> u16 {
        match self {
            DrawerKind::Ladder | DrawerKind::Calls => 264,
            DrawerKind::Plots => 380,
        }
    }

    /// The drawer with this name.
    pub fn from_key(key: &str) -> Option<DrawerKind> {
        DrawerKind::ALL.into_iter().find(|kind| kind.key() == key)
    }
}

/// The drawers' state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drawer {
    /// Which is open.
    pub open: Option<DrawerKind>,
    /// How tall it is, CSS pixels.
    pub height: u16,
    /// The connection that the plots show.
    pub connection: u16,
    /// The span of time that it shows, ns; `None`: as it likes.
    pub window: Option<(u64, u64)>,
}

impl Default for Drawer {
    fn default() -> Drawer {
        Drawer { open: None, height: DrawerKind::Ladder.height(), connection: 0, window: None }
    }
}

impl Drawer {
    /// Its height when it is made tall.
    pub const TALL: u16 = 480;
    /// The least and the most.
    pub const LIMITS: (u16, u16) = (160, 900);
    /// The shortest span that can be shown, ns.
    const SHORTEST: u64 = 1_000;
}

/// What is under way between page and engine for the drawer.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Looking {
    ticket: u32,
    under_way: Option<PaneQuery>,
    answered: Option<PaneQuery>,
    view: Option<Shared<PaneView>>,
}

impl Looking {
    /// Another run: nothing of the old one counts any more.
    pub(super) fn reset(&mut self) {
        *self = Looking { ticket: self.ticket + 1, ..Looking::default() };
    }
}

/// What of the panes lights up: the packet that the page is about, by all its names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lit {
    /// As a frame.
    pub frame: Option<FrameId>,
    /// As an skb.
    pub skb: Option<lab::scene::SkbRef>,
    /// As bytes of a stream: sequence number of the first, count.
    pub stream: Option<(u32, u32)>,
}

impl Lit {
    /// Do these bytes of a stream light up?
    pub fn stream(&self, seq: u32, len: u32) -> bool {
        self.stream.is_some_and(|(first, count)| {
            let (after, before) = (seq.wrapping_sub(first) as i32, first.wrapping_sub(seq) as i32);
            (after >= 0 && after < count as i32) || (before >= 0 && before < len as i32)
        })
    }
}

impl Page {
    /// What the open drawer shows, if it is there.
    pub fn pane(&self) -> Option<&Shared<PaneView>> {
        self.looking.view.as_ref()
    }

    /// What lights up in the drawers.
    pub fn lit(&self) -> Lit {
        match self.subject() {
            Some(Subject::Skb(host, skb)) => Lit {
                frame: None,
                skb: Some(lab::scene::SkbRef { host: host.id, skb: skb.id }),
                stream: skb.stream.filter(|(_, len)| *len > 0),
            },
            Some(Subject::Frame(frame)) => Lit { frame: Some(frame.id), ..Lit::default() },
            None => Lit::default(),
        }
    }

    pub(super) fn toggle_drawer(&mut self, kind: DrawerKind) -> Vec<Effect> {
        let before = self.drawer.open.unwrap_or(DrawerKind::Ladder);
        self.drawer.open = if self.drawer.open == Some(kind) { None } else { Some(kind) };
        if self.drawer.open.is_some() {
            // One drawer at a time.
            self.files.packets = None;
        }
        // A height that was chosen stays.
        if self.drawer.height == before.height() {
            self.drawer.height = self.drawer.open.unwrap_or(DrawerKind::Ladder).height();
        }
        self.looking.reset();
        vec![Effect::Address]
    }

    pub(super) fn drawer_height(&mut self, height: u16) -> Vec<Effect> {
        self.drawer.height = height.clamp(Drawer::LIMITS.0, Drawer::LIMITS.1);
        vec![Effect::Address]
    }

    /// The span of time that the open drawer shows.
    fn shown_window(&self) -> Option<((u64, u64), (u64, u64))> {
        match &**self.looking.view.as_ref()? {
            PaneView::Ladder(ladder) => Some((ladder.window, ladder.run)),
            PaneView::Plots(plots) => Some((plots.window, plots.run)),
            PaneView::Calls(_) => None,
        }
    }

    /// Halves (+1) or doubles (−1) the span around the cursor.
    pub(super) fn zoom(&mut self, direction: i32) -> Vec<Effect> {
        let Some(((from, to), run)) = self.shown_window() else { return Vec::new() };
        let now = self.scene.now_ns;
        let middle = if (from..=to).contains(&now) { now } else { from + (to - from) / 2 };
        let room = (run.1.saturating_sub(run.0)).max(Drawer::SHORTEST) * 2;
        let span = to - from;
        let span = if direction > 0 { span / 2 } else { span.saturating_mul(2) }.clamp(Drawer::SHORTEST, room);
        // What is under the cursor stays where it is.
        let share = (middle - from) as f64 / (to - from).max(1) as f64;
        let from = middle.saturating_sub((span as f64 * share) as u64);
        self.drawer.window = Some((from, from + span));
        vec![Effect::Address]
    }

    /// Moves the span by a quarter of itself.
    pub(super) fn pan(&mut self, direction: i32) -> Vec<Effect> {
        let Some(((from, to), run)) = self.shown_window() else { return Vec::new() };
        let span = to - from;
        let step = i64::try_from(span / 4).unwrap_or(i64::MAX).max(1) * i64::from(direction);
        let from = from.saturating_add_signed(step).min(run.1);
        self.drawer.window = Some((from, from + span));
        vec![Effect::Address]
    }

    /// The cursor has moved: a span that was chosen follows it.
    pub(super) fn keep_cursor_in_window(&mut self) {
        let now = self.scene.now_ns;
        if let Some((from, to)) = self.drawer.window.filter(|(from, to)| !(from..=to).contains(&&now)) {
            let from = now.saturating_sub((to - from) / 3);
            let span = to.saturating_sub(self.drawer.window.map_or(0, |window| window.0));
            self.drawer.window = Some((from, from + span));
        }
    }

    /// Asks for what the open drawer shows, unless it is there or under way.
    pub(super) fn ask_pane(&mut self) -> Option<Effect> {
        let following = self.live.as_ref().is_some_and(|live| live.follows());
        if self.phase != Phase::Ready || !self.has_scene() || following || self.looking.under_way.is_some() {
            return None;
        }
        let query = self.wanted(self.drawer.open?)?;
        self.looking.ticket += 1;
        self.looking.under_way = Some(query);
        let ticket = self.looking.ticket;
        Some(Effect::Ask(match self.live {
            Some(_) => EngineRequest::Live(LiveRequest::Pane { ticket, query }),
            None => EngineRequest::Pane { ticket, query },
        }))
    }

    /// What to ask, if what is there does not do.
    fn wanted(&self, kind: DrawerKind) -> Option<PaneQuery> {
        let (at, window) = (self.scene.at, self.drawer.window);
        let answered = self.looking.answered;
        match kind {
            DrawerKind::Ladder => {
                let shown = self.shown_window().map(|(window, _)| window);
                let does = match answered {
                    Some(PaneQuery::Ladder { window: Some(of), .. }) => window == Some(of),
                    Some(PaneQuery::Ladder { at: of, window: None }) => {
                        window.is_none() && (of == at || shown.is_some_and(|w| within(w, self.scene.now_ns)))
                    }
                    _ => false,
                };
                (!does).then_some(PaneQuery::Ladder { at, window })
            }
            DrawerKind::Calls => {
                let (skb, frame) = match self.subject().map(|subject| subject.packet()) {
                    Some(PacketRef::Skb(skb)) => (Some(skb), None),
                    Some(PacketRef::Frame(frame)) => (None, Some(frame)),
                    None => (None, None),
                };
                let does = match (answered, self.pane().map(|view| &**view)) {
                    // The same packet; and the cursor is where calls are shown.
                    (Some(PaneQuery::Calls { at: of, skb: was, frame: on }), Some(PaneView::Calls(trace))) => {
                        (was, on) == (skb, frame) && (of == at || trace.shows(at))
                    }
                    _ => false,
                };
                (!does).then_some(PaneQuery::Calls { at, skb, frame })
            }
            DrawerKind::Plots => {
                let query = PaneQuery::Plots { connection: self.drawer.connection, window };
                (answered != Some(query)).then_some(query)
            }
        }
    }

    pub(super) fn hear_pane(&mut self, ticket: u32, view: PaneView) {
        if ticket == self.looking.ticket {
            self.looking.answered = self.looking.under_way.take();
            self.looking.view = Some(view.into());
        }
    }

    /// Goes to the last stop at or before a moment.
    pub(super) fn visit_time(&mut self, ns: u64) -> Vec<Effect> {
        let after = self.timeline.beats.partition_point(|beat| beat.at_ns <= ns);
        let event = after.checked_sub(1).map_or(self.timeline.first, |i| self.timeline.beats[i].event);
        self.visit(event, None)
    }

    /// Goes to an event and looks at its packet.
    pub(super) fn visit(&mut self, event: EventId, packet: Option<super::PacketRef>) -> Vec<Effect> {
        if packet.is_some() {
            self.selection = super::Selection { packet, ..super::Selection::default() };
        }
        self.act(super::Action::Time(lab::scene::TimeCommand::Seek(event)))
    }
}

/// Well inside, so that what comes next is seen as well.
fn within((from, to): (u64, u64), now: u64) -> bool {
    let edge = (to - from) / 12;
    (from + edge..=to - edge).contains(&now)
}
