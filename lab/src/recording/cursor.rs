//! The cursor: where in the run the viewer looks. Only a [`TimeCommand`] moves it.

use super::{Lab, RunState};
use crate::scene::TimeCommand;
use stack::trace::EventId;

/// How many events to run on when a command leads past the end.
const AHEAD_EVENTS: usize = 512;

impl Lab {
    /// The event the cursor is on; [`EventId::NONE`] before the first.
    pub fn cursor(&self) -> EventId {
        self.cursor
    }

    /// Moves the cursor and gives its new place. A step past the end of what has happened lets the run go on.
    pub fn time(&mut self, command: TimeCommand) -> EventId {
        let forward = match command {
            TimeCommand::Seek(_) => true,
            TimeCommand::StepEvents(n) | TimeCommand::StepBeats(n) | TimeCommand::StepPackets(n) => n > 0,
            TimeCommand::Start | TimeCommand::End => false,
        };
        if self.last() == EventId::NONE {
            self.advance(AHEAD_EVENTS);
        }
        loop {
            let target = self.history.seek(self.cursor, command);
            if !forward
                || target < self.last()
                || command == TimeCommand::Seek(target)
                || self.state != RunState::Running
            {
                self.cursor = target;
                return target;
            }
            self.advance(AHEAD_EVENTS);
        }
    }
}
