//! The page's state and what changes it.

use super::ask::Asking;
use super::drawer::{Drawer, Looking};
use super::is_name;
use super::live::{LivePage, STOP_MS};
use super::{
    Action, BranchPage, Card, Effect, Files, Inspect, Link, Motion, Packed, PacketRef, Phase, Playing, Question, Run,
    Selection, Subject, Why,
};
use crate::engine::{EngineReply, EngineRequest};
use crate::live::LiveRequest;
use crate::shared::Shared;
use crate::time::{Hero, Speed, beat_at, stay_in_journey_ms, stay_ms};
use lab::scene::{RunInfo, Scene, TimeCommand, Timeline};
use stack::trace::{EventId, HostId};

/// Between the end of the journey and the question, ms.
const QUESTION_MS: u32 = 600;

/// The page.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Page {
    /// How far it is.
    pub phase: Phase,
    /// The scenario's name.
    pub scenario: String,
    /// What does not change during the run.
    pub info: Shared<RunInfo>,
    /// The run's stops.
    pub timeline: Shared<Timeline>,
    /// The moment under the cursor.
    pub scene: Shared<Scene>,
    /// The journey.
    pub hero: Option<Hero>,
    /// How the last change is shown.
    pub motion: Motion,
    /// Does it play?
    pub playing: Option<Playing>,
    /// How fast.
    pub speed: Speed,
    /// What is selected.
    pub selection: Selection,
    /// The host whose program is shown.
    pub shown: HostId,
    /// The card that a narrow screen shows.
    pub card: Card,
    /// What the inspector shows.
    pub inspect: Inspect,
    /// The drawers above the timeline.
    pub drawer: Drawer,
    /// The list of keys is open.
    pub help: bool,
    /// The reader, or the machine, wants less motion.
    pub less_motion: bool,
    /// The question.
    pub question: Question,
    /// Something that stopped the run early.
    pub halted: Option<String>,
    /// Live mode, while it is on.
    pub live: Option<Box<LivePage>>,
    /// Files, and the list of packets.
    pub files: Files,
    /// Why the selected field is as it is, while that is told.
    pub why: Option<Why>,
    /// The branches of the run.
    pub branches: BranchPage,
    /// What the link asked for: used up when the run is there.
    pub(super) start: Link,
    /// The flip-book was at this event when the engine came.
    pub(super) taken_over_at: Option<EventId>,
    pub(super) asking: Asking,
    pub(super) looking: Looking,
    pub(super) wait: u32,
}

impl Page {
    /// A page for a link.
    pub fn open(link: Link, less_motion: bool) -> Page {
        let scenario = link.scenario.clone().unwrap_or_else(|| "send".to_owned());
        let packed = link.packed.as_deref().and_then(Packed::read).unwrap_or_default();
        let mut branches = BranchPage { own: packed.source.map(Box::new), ..BranchPage::default() };
        branches.to_take = packed.turns.into_iter().rev().collect();
        Page {
            scenario,
            branches,
            drawer: link.drawer,
            inspect: link.inspect,
            start: link,
            less_motion,
            ..Page::default()
        }
    }

    /// What has to be done first.
    #[must_use]
    pub fn begin(&mut self) -> Vec<Effect> {
        match &self.branches.own {
            Some(source) => vec![Effect::Ask(EngineRequest::Load((**source).clone()))],
            None => vec![Effect::Fetch(self.scenario.clone())],
        }
    }

    /// The flip-book stands at this event: the page goes on from there.
    pub fn take_over_at(&mut self, event: EventId) {
        self.taken_over_at = Some(event);
    }

    /// Is there a moment to see?
    pub fn has_scene(&self) -> bool {
        !self.scene.hosts.is_empty()
    }

    /// The state as a link.
    pub fn link(&self) -> Link {
        let selection = Selection { hover: None, ..self.selection };
        let event = (self.phase == Phase::Ready).then_some(self.scene.at);
        let packed = Packed { source: self.branches.own.as_deref().cloned(), turns: self.branches.turns() }.write();
        let scenario = Some(self.scenario.clone()).filter(|name| is_name(name));
        Link {
            scenario,
            event,
            selection,
            packed,
            token: self.start.token.clone(),
            drawer: self.drawer,
            inspect: self.inspect,
        }
    }

    /// The end of the beat before the cursor: what is newer has just changed.
    pub fn since(&self) -> EventId {
        let done = self.timeline.beats.partition_point(|beat| beat.event < self.scene.at);
        done.checked_sub(1).map_or(EventId::NONE, |i| self.timeline.beats[i].event)
    }

    /// The bridge's token, if the link has one.
    pub fn token(&self) -> Option<&str> {
        self.start.token.as_deref()
    }

    /// The packet the page is about.
    pub fn subject(&self) -> Option<Subject<'_>> {
        Subject::of(&self.scene, &self.selection)
    }

    /// Takes an action in; gives what has to be done outside.
    #[must_use]
    pub fn apply(&mut self, action: Action) -> Vec<Effect> {
        let mut effects = self.act(action);
        effects.extend(self.ask_pane());
        effects
    }

    pub(super) fn act(&mut self, action: Action) -> Vec<Effect> {
        if let Some(file) = &mut self.files.file
            && file.takes(&action)
        {
            return Vec::new();
        }
        match action {
            Action::Engine(reply) => return self.hear(*reply),
            Action::Time(command) => {
                self.playing = None;
                self.question = Question::Hidden;
                let mut effects = self.look_back();
                effects.extend(self.go(command));
                return effects;
            }
            Action::Toggle => return self.toggle(),
            Action::Tick(wait) if wait == self.wait => return self.tick(),
            Action::Tick(_) => {}
            Action::Speed(speed) => self.speed = speed,
            Action::Pick(packet) => {
                self.selection = Selection { packet: Some(packet), ..Selection::default() };
                return self.settle();
            }
            Action::PickProto(proto) => {
                self.selection.proto = Some(proto);
                self.selection.bits = None;
                return self.settle();
            }
            Action::PickBits(bits) => {
                self.selection.bits = bits;
                self.selection.proto = bits.map(|bits| bits.proto).or(self.selection.proto);
                return self.settle();
            }
            Action::Hover(bits) => self.selection.hover = bits,
            Action::Change(direction) => return self.change(direction),
            Action::JumpToWrite => return self.jump_to_write(),
            Action::Why => return self.tell_why(),
            Action::ShowHost(host) => self.shown = host,
            Action::Card(card) => self.card = card,
            Action::Inspect(tab) => {
                self.inspect = tab;
                return vec![Effect::Address];
            }
            Action::Drawer(kind) => return self.toggle_drawer(kind),
            Action::DrawerHeight(height) => return self.drawer_height(height),
            Action::Zoom(direction) => return self.zoom(direction),
            Action::Pan(direction) => return self.pan(direction),
            Action::Fit => {
                self.drawer.window = None;
                return vec![Effect::Address];
            }
            Action::Connection(connection) => {
                (self.drawer.connection, self.drawer.window) = (connection, None);
                return vec![Effect::Address];
            }
            Action::VisitTime(ns) => return self.visit_time(ns),
            Action::Visit(event, packet) => return self.visit(event, packet),
            Action::Help(open) => self.help = open,
            Action::ToggleMotion => {
                self.less_motion = !self.less_motion;
                return vec![Effect::RememberMotion(self.less_motion)];
            }
            Action::Answer(moment) => {
                if let Some(hero) = self.hero.clone() {
                    self.question = Question::Answered(moment);
                    let stop = hero.stops.iter().find(|stop| stop.event == hero.exit);
                    let packet = stop.and_then(|stop| stop.packet).map(PacketRef::Skb);
                    self.selection = Selection { packet, ..Selection::default() };
                    return self.go(TimeCommand::Seek(hero.exit));
                }
            }
            Action::Skip => self.question = Question::Hidden,
            Action::ReplayReturn => {
                if let Some(hero) = self.hero.clone() {
                    self.playing = Some(Playing { until: hero.exit, by_itself: false });
                    return self.go(TimeCommand::Seek(hero.from));
                }
            }
            Action::Scenario(name) => {
                let mut effects = self.restart(&name);
                effects.push(Effect::Fetch(name));
                return effects;
            }
            Action::Fetched(source) => return vec![Effect::Ask(EngineRequest::Load(source))],
            Action::Trouble(trouble) => self.phase = Phase::Failed(trouble),
            Action::EnterLive => return self.enter_live(),
            Action::LeaveLive => {
                let mut effects = vec![Effect::Ask(EngineRequest::Live(LiveRequest::Disconnect))];
                effects.extend(self.act(Action::Scenario(self.scenario.clone())));
                return effects;
            }
            Action::Follow => return self.follow_again(),
            Action::Draft(text) => {
                if let Some(live) = &mut self.live {
                    live.draft = text;
                }
            }
            Action::Run(line) => {
                if let Some(live) = &mut self.live {
                    live.draft.clear();
                }
                return vec![Effect::Ask(EngineRequest::Live(LiveRequest::Run { line }))];
            }
            Action::Kill(task) => return vec![Effect::Ask(EngineRequest::Live(LiveRequest::Kill { task }))],
            Action::Copy(text) => return vec![Effect::Copy(text)],
            Action::File(action) => return self.files(action),
            Action::Branch(action) => return self.branch(action),
        }
        Vec::new()
    }

    /// Another run is to come: nothing of the old one counts any more.
    pub(super) fn restart(&mut self, name: &str) -> Vec<Effect> {
        let drawer = Drawer { window: None, connection: 0, ..self.drawer };
        let token = self.start.token.clone();
        let link = Link { scenario: Some(name.to_owned()), token, drawer, inspect: self.inspect, ..Link::default() };
        let mut page = Page::open(link, self.less_motion);
        page.asking = std::mem::take(&mut self.asking);
        page.asking.reset();
        page.looking = std::mem::take(&mut self.looking);
        page.looking.reset();
        page.speed = self.speed;
        let closing = self.files.file.is_some();
        *self = page;
        closing.then_some(Effect::Ask(EngineRequest::Close)).into_iter().collect()
    }

    fn hear(&mut self, reply: EngineReply) -> Vec<Effect> {
        match reply {
            EngineReply::Ready => {}
            EngineReply::Live(reply) => return self.hear_live(reply),
            EngineReply::Progress { events, now_ns, until_ns } => {
                self.phase = Phase::Running(Run { events, now_ns, until_ns });
            }
            EngineReply::Loaded { info, timeline, halted } => return self.loaded(info, timeline, halted),
            EngineReply::Scene { ticket, scene } => return self.scene(ticket, *scene),
            EngineReply::Pane { ticket, view } => self.hear_pane(ticket, view),
            EngineReply::Failed(trouble) => self.phase = Phase::Failed(trouble),
            reply => return self.hear_files(reply),
        }
        Vec::new()
    }

    fn loaded(&mut self, info: RunInfo, timeline: Timeline, halted: Option<String>) -> Vec<Effect> {
        self.asking.reset();
        self.looking.reset();
        self.hero = Hero::find(&timeline);
        self.info = info.into();
        self.timeline = timeline.into();
        self.halted = halted;
        self.phase = Phase::Ready;
        if let Some(effects) = self.after_turn() {
            return effects;
        }
        self.selection = self.start.selection;
        if let Some(event) = self.start.event {
            return self.go(TimeCommand::Seek(event));
        }
        match self.hero.clone() {
            Some(hero) => {
                let from =
                    self.taken_over_at.take().filter(|at| (hero.from..=hero.to).contains(at)).unwrap_or(hero.from);
                if self.less_motion {
                    // All states are seen at once, the last one first.
                    self.question = Question::Asked;
                    return self.go(TimeCommand::Seek(hero.to));
                }
                self.playing = Some(Playing { until: hero.to, by_itself: true });
                self.go(TimeCommand::Seek(from))
            }
            None => self.go(TimeCommand::Start),
        }
    }

    pub(super) fn scene(&mut self, ticket: u32, scene: Scene) -> Vec<Effect> {
        let (current, next) = self.asking.answered(ticket);
        if !current {
            return Vec::new();
        }
        let scene = Shared::new(scene);
        self.asking.keep(&scene);
        let mut effects = self.show(scene);
        effects.extend(next.map(|(ticket, command)| self.request(ticket, command)));
        effects
    }

    /// Shows a moment, and goes on if the run plays.
    fn show(&mut self, scene: Shared<Scene>) -> Vec<Effect> {
        if let Some(event) = &scene.event {
            self.shown = event.host;
        }
        self.scene = scene;
        self.keep_cursor_in_window();
        // A packet that is gone is not selected any more.
        let gone = self.selection.packet.is_some() && self.subject().map(|s| s.packet()) != self.selection.packet;
        if gone {
            self.selection = Selection::default();
        }
        let mut effects = self.list_follows();
        effects.extend(self.settle());
        effects
    }

    pub(super) fn settle(&mut self) -> Vec<Effect> {
        if self.live.as_ref().is_some_and(|live| live.follows()) {
            self.wait += 1;
            return vec![Effect::Wait(self.wait, STOP_MS)];
        }
        let Some(playing) = self.playing else { return vec![Effect::Address] };
        if self.scene.at >= playing.until {
            self.playing = None;
            if playing.by_itself && self.hero.is_some() {
                // First the bytes are seen where they arrived, then comes the question.
                self.question = Question::Due;
                self.wait += 1;
                return vec![Effect::Address, Effect::Wait(self.wait, QUESTION_MS)];
            }
            return vec![Effect::Address];
        }
        self.wait += 1;
        let beat = beat_at(&self.timeline, self.scene.at).and_then(|i| self.timeline.beats.get(i));
        let ms = match playing.by_itself {
            true => stay_in_journey_ms(beat.map(|beat| beat.layer)),
            false => stay_ms(beat, self.speed),
        };
        vec![Effect::Wait(self.wait, ms)]
    }

    pub(super) fn tick(&mut self) -> Vec<Effect> {
        if self.live.as_ref().is_some_and(|live| live.follows()) {
            return self.follow();
        }
        if self.question == Question::Due {
            self.question = Question::Asked;
        }
        let Some(playing) = self.playing else { return Vec::new() };
        // By itself, it follows the bytes; played by the reader, it shows everything that happens.
        if let Some(stop) = self.hero.as_ref().filter(|_| playing.by_itself).and_then(|hero| hero.next(self.scene.at)) {
            self.selection = Selection { packet: stop.packet.map(PacketRef::Skb), ..Selection::default() };
            return self.go(TimeCommand::Seek(stop.event));
        }
        let next = self.timeline.seek(self.scene.at, TimeCommand::StepBeats(1)).min(playing.until);
        self.go(TimeCommand::Seek(next))
    }

    fn toggle(&mut self) -> Vec<Effect> {
        if self.live.is_some() {
            let back = self.look_back();
            return if back.is_empty() { self.follow_again() } else { back };
        }
        if self.playing.take().is_some() {
            return vec![Effect::Address];
        }
        self.question = Question::Hidden;
        let last = self.timeline.last;
        self.playing = Some(Playing { until: last, by_itself: false });
        if self.scene.at < last {
            return self.settle();
        }
        // At the end, play means: again.
        self.go(self.hero.as_ref().map_or(TimeCommand::Start, |hero| TimeCommand::Seek(hero.from)))
    }

    /// The last or next event that changed what is selected: a field, else the packet.
    fn change(&mut self, direction: i32) -> Vec<Effect> {
        if let Some(effects) = self.change_of_field(direction) {
            return effects;
        }
        let packet = self.subject().map(|subject| subject.packet());
        let skb = match packet {
            Some(PacketRef::Skb(at)) => at,
            _ => return self.act(Action::Time(TimeCommand::StepBeats(direction))),
        };
        let at = self.scene.at;
        let mine = |beat: &&lab::scene::Beat| beat.host == skb.host && beat.skb == Some(skb.skb);
        let mut beats = self.timeline.beats.iter().filter(mine);
        let found =
            if direction > 0 { beats.find(|beat| beat.event > at) } else { beats.rfind(|beat| beat.event < at) };
        match found.map(|beat| beat.event) {
            Some(event) => {
                self.selection.packet = packet;
                self.act(Action::Time(TimeCommand::Seek(event)))
            }
            None => Vec::new(),
        }
    }

    /// Sends a command to the engine, or takes its answer from what is kept.
    pub(super) fn go(&mut self, command: TimeCommand) -> Vec<Effect> {
        let onwards = match command {
            TimeCommand::StepEvents(n) | TimeCommand::StepBeats(n) | TimeCommand::StepPackets(n) => n == 1,
            TimeCommand::Seek(to) => self.playing.is_some() && to > self.scene.at,
            TimeCommand::Start | TimeCommand::End => false,
        };
        self.motion = if onwards { Motion::Travel } else { Motion::Still };
        if self.live.is_none() && !self.asking.is_under_way() {
            let target = self.timeline.seek(self.scene.at, command);
            if let Some(scene) = self.asking.kept(target) {
                return self.show(scene);
            }
        }
        let sent = self.asking.want(command);
        sent.map(|(ticket, command)| self.request(ticket, command)).into_iter().collect()
    }

    fn request(&self, ticket: u32, command: TimeCommand) -> Effect {
        let at = self.scene.at;
        Effect::Ask(match self.live {
            Some(_) => EngineRequest::Live(LiveRequest::Look { ticket, at, command: Some(command) }),
            None => EngineRequest::Time { ticket, at, command },
        })
    }
}
