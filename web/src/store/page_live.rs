//! The page on the real network: joining, following the frontier, looking back.

use super::live::{Follow, LivePage};
use super::{Card, Effect, Link, Motion, Page, Phase, Selection};
use crate::engine::EngineRequest;
use crate::live::{LinkState, LiveReply, LiveRequest};
use lab::scene::TimeCommand;

impl Page {
    pub(super) fn enter_live(&mut self) -> Vec<Effect> {
        let Some(token) = self.start.token.clone() else { return Vec::new() };
        let mut page = Page::open(Link { token: Some(token.clone()), ..Link::default() }, self.less_motion);
        page.scenario = std::mem::take(&mut self.scenario);
        page.asking = std::mem::take(&mut self.asking);
        page.asking.reset();
        page.looking = std::mem::take(&mut self.looking);
        page.looking.reset();
        page.drawer = self.drawer;
        page.card = Card::Code;
        page.live = Some(Box::new(LivePage::connecting()));
        *self = page;
        vec![Effect::Connect(token), Effect::Address]
    }

    pub(super) fn hear_live(&mut self, reply: LiveReply) -> Vec<Effect> {
        let Some(live) = &mut self.live else { return Vec::new() };
        match reply {
            LiveReply::State(state) => {
                let up = matches!(state, LinkState::Up { .. });
                let down = matches!(state, LinkState::Down(_));
                live.state = state;
                if down && self.scene.at.0 > 0 {
                    // What has happened can still be looked at.
                    return self.look_back();
                }
                if up {
                    self.asking.reset();
                    self.phase = Phase::Ready;
                    return self.follow_again();
                }
                Vec::new()
            }
            LiveReply::News(news) => {
                live.hear(news);
                // At rest there is no wait under way: news set it going again.
                if live.follows() && !self.asking.is_under_way() { self.follow() } else { Vec::new() }
            }
            LiveReply::Scene { ticket, scene } => {
                if scene.at == self.scene.at {
                    live.rest();
                }
                self.scene(ticket, *scene)
            }
            LiveReply::Pane { ticket, view } => {
                self.hear_pane(ticket, view);
                Vec::new()
            }
            LiveReply::Past { info, timeline } => {
                self.info = info.into();
                self.timeline = timeline.into();
                Vec::new()
            }
        }
    }

    /// Draws the next thing to see on the live network.
    pub(super) fn follow(&mut self) -> Vec<Effect> {
        let at = self.scene.at;
        let Some(next) = self.live.as_mut().map(|live| live.follow(at)) else { return Vec::new() };
        self.wait += 1;
        match next {
            Follow::Step => self.go(TimeCommand::StepBeats(1)),
            Follow::Newest => {
                self.motion = Motion::Still;
                let sent = self.asking.want(TimeCommand::End);
                let look =
                    |(ticket, _)| Effect::Ask(EngineRequest::Live(LiveRequest::Look { ticket, at, command: None }));
                sent.map(look).into_iter().collect()
            }
            Follow::Rest => Vec::new(),
        }
    }

    /// The reader takes the cursor from the frontier; the stack goes on.
    pub(super) fn look_back(&mut self) -> Vec<Effect> {
        match &mut self.live {
            Some(live) if live.follows() => {
                live.looking_back_since = Some(live.frames_total());
                self.wait += 1;
                // What was asked for while following must not move the picture any more.
                self.asking.reset();
                vec![Effect::Ask(EngineRequest::Live(LiveRequest::Past))]
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn follow_again(&mut self) -> Vec<Effect> {
        if let Some(live) = &mut self.live {
            live.looking_back_since = None;
        }
        self.playing = None;
        self.selection = Selection::default();
        self.follow()
    }
}
