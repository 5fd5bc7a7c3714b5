//! Asking the engine for Scenes: one request at a time, stale answers dropped, the last few kept.

use crate::shared::Shared;
use lab::scene::{Scene, TimeCommand};
use stack::trace::EventId;
use std::collections::VecDeque;

/// Scenes kept: enough to step back a screenful of beats without asking.
const KEPT: usize = 48;
/// Steps that wait behind the one under way: more would run on after the key is released.
const WAITING: usize = 3;

/// What is under way between page and engine.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Asking {
    ticket: u32,
    under_way: bool,
    waiting: VecDeque<TimeCommand>,
    kept: VecDeque<(EventId, Shared<Scene>)>,
}

impl Asking {
    /// Wants a move. Gives the ticket and command to send now, if any.
    pub fn want(&mut self, command: TimeCommand) -> Option<(u32, TimeCommand)> {
        if !self.under_way {
            return Some(self.send(command));
        }
        let absolute = matches!(command, TimeCommand::Seek(_) | TimeCommand::Start | TimeCommand::End);
        if absolute {
            // Only the newest place counts while the slider is dragged.
            self.waiting.clear();
        }
        if self.waiting.len() < WAITING {
            self.waiting.push_back(command);
        }
        None
    }

    /// An answer came: is it the one that was waited for? And what to send next?
    pub fn answered(&mut self, ticket: u32) -> (bool, Option<(u32, TimeCommand)>) {
        if ticket != self.ticket || !self.under_way {
            return (false, None);
        }
        self.under_way = false;
        let next = self.waiting.pop_front().map(|command| self.send(command));
        (true, next)
    }

    /// Keeps a Scene.
    pub fn keep(&mut self, scene: &Shared<Scene>) {
        if self.kept.iter().all(|(at, _)| *at != scene.at) {
            self.kept.push_back((scene.at, scene.clone()));
            if self.kept.len() > KEPT {
                self.kept.pop_front();
            }
        }
    }

    /// A kept Scene.
    pub fn kept(&self, at: EventId) -> Option<Shared<Scene>> {
        self.kept.iter().find(|(event, _)| *event == at).map(|(_, scene)| scene.clone())
    }

    /// Is an answer on its way?
    pub fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// Another run: nothing of the old one counts any more.
    pub fn reset(&mut self) {
        *self = Asking { ticket: self.ticket, ..Asking::default() };
    }

    fn send(&mut self, command: TimeCommand) -> (u32, TimeCommand) {
        self.ticket += 1;
        self.under_way = true;
        (self.ticket, command)
    }
}
