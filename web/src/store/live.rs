//! The page's side of live mode: the lists, and whether the cursor follows the frontier.

use crate::live::{CommandView, FrameLine, LinkState, News};
use stack::trace::EventId;
use std::collections::VecDeque;

/// Frames in the list.
const FRAMES: usize = 120;
/// Stops shown of one exchange before the newest is shown instead.
const STOPS: u32 = 22;
/// How long each of them is shown, ms: much slower than life.
pub const STOP_MS: u32 = 170;

/// Live mode.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LivePage {
    /// How the link stands.
    pub state: LinkState,
    /// The newest frames, newest first.
    pub frames: VecDeque<FrameLine>,
    /// Programs, oldest first.
    pub commands: Vec<CommandView>,
    /// Frames that have come and gone.
    pub frames_in: u64,
    /// Frames that have gone.
    pub frames_out: u64,
    /// Bytes that have come.
    pub bytes_in: u64,
    /// The frontier: the last event so far.
    pub last: EventId,
    /// Events forgotten.
    pub forgotten: u32,
    /// Does the page show what is new? Else: frames there were when it stopped.
    pub looking_back_since: Option<u64>,
    /// What is typed in the console.
    pub draft: String,
    /// Stops of the exchange shown so far, and the frontier when it was begun.
    shown: u32,
    begun_at: EventId,
}

/// What to draw next, when following.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Follow {
    /// The next stop of the exchange that is shown.
    Step,
    /// The beginning of the newest one.
    Newest,
    /// There is nothing new.
    Rest,
}

impl LivePage {
    /// On the way to the bridge.
    pub fn connecting() -> LivePage {
        LivePage { state: LinkState::Connecting, ..LivePage::default() }
    }

    /// Takes news in.
    pub fn hear(&mut self, news: News) {
        for frame in news.frames {
            self.frames.push_front(frame);
        }
        self.frames.truncate(FRAMES);
        self.commands = news.commands;
        (self.frames_in, self.frames_out, self.bytes_in) = (news.frames_in, news.frames_out, news.bytes_in);
        (self.last, self.forgotten) = (news.last, news.forgotten);
    }

    /// Frames so far.
    pub fn frames_total(&self) -> u64 {
        self.frames_in + self.frames_out
    }

    /// Does the page show what is new?
    pub fn follows(&self) -> bool {
        self.looking_back_since.is_none()
    }

    /// Frames that came and went since the reader looks back.
    pub fn frames_since(&self) -> u64 {
        self.looking_back_since.map_or(0, |then| self.frames_total().saturating_sub(then))
    }

    /// The exchange that is shown has come to its end.
    pub fn rest(&mut self) {
        self.shown = STOPS;
    }

    /// What to draw after the moment `at`.
    pub fn follow(&mut self, at: EventId) -> Follow {
        let next = match () {
            () if at < self.begun_at && self.shown < STOPS => Follow::Step,
            () if self.last > self.begun_at => Follow::Newest,
            () => Follow::Rest,
        };
        match next {
            Follow::Step => self.shown += 1,
            Follow::Newest => (self.shown, self.begun_at) = (0, self.last),
            Follow::Rest => {}
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(number: u64) -> FrameLine {
        FrameLine { number, at_ns: 0, out: false, len: 60, summary: String::new(), event: EventId(1) }
    }

    #[test]
    fn the_newest_frame_is_first_and_the_list_is_bounded() {
        let mut live = LivePage::default();
        for n in 0..10 {
            let frames = (n * 50..n * 50 + 50).map(frame).collect();
            live.hear(News { frames, frames_in: (n + 1) * 50, ..News::default() });
        }
        assert_eq!((live.frames.len(), live.frames[0].number, live.frames_total()), (FRAMES, 499, 500));
    }

    #[test]
    fn it_shows_an_exchange_to_its_end_then_the_newest() {
        let mut live = LivePage { last: EventId(100), ..LivePage::default() };
        assert_eq!(live.follow(EventId(0)), Follow::Newest);
        live.last = EventId(300);
        assert_eq!(live.follow(EventId(60)), Follow::Step);
        assert_eq!(live.follow(EventId(100)), Follow::Newest);
        assert_eq!(live.follow(EventId(300)), Follow::Rest);
    }

    #[test]
    fn a_long_exchange_does_not_hold_up_the_newest() {
        let mut live = LivePage { last: EventId(10_000), ..LivePage::default() };
        assert_eq!(live.follow(EventId(0)), Follow::Newest);
        live.last = EventId(20_000);
        let steps = (0..1000).take_while(|n| live.follow(EventId(*n)) == Follow::Step).count();
        assert_eq!(steps, STOPS as usize);
    }

    #[test]
    fn looking_back_counts_what_is_missed() {
        let mut live = LivePage { frames_in: 10, ..LivePage::default() };
        live.looking_back_since = Some(live.frames_total());
        live.hear(News { frames_in: 142, ..News::default() });
        assert_eq!((live.follows(), live.frames_since()), (false, 132));
    }
}
