//! Other turns of a run: programs edited, wires broken, branches switched and compared.

use super::{Action, Effect, Page, Phase};
use crate::engine::{Branches, EngineRequest, ForkEdit, Source, Trouble};
use crate::shared::Shared;
use lab::capture::Compared;
use lab::net::wire::Line;
use lab::scene::TimeCommand;
use stack::trace::{EventId, HostId};

/// What can happen to the branches of a run.
#[derive(Clone, PartialEq, Debug)]
pub enum BranchAction {
    /// Take another turn at the cursor, with nothing different yet.
    Fork,
    /// Change a wire from the cursor on.
    Wire(u32, [Line; 2]),
    /// Show another branch.
    Switch(u32),
    /// Compare with another branch, or stop comparing.
    Compare(Option<u32>),
    /// Stop the run that is under way.
    Stop,
    /// Edit the program of a host.
    Edit {
        /// The host.
        host: HostId,
        /// The program's number in the scenario.
        program: u32,
        /// Its text.
        text: String,
    },
    /// The text is now this.
    Text(String),
    /// Run it.
    Run,
    /// Leave it as it was.
    Cancel,
}

/// A program that is being edited.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Editor {
    /// The host it runs on.
    pub host: HostId,
    /// Its number in the scenario.
    pub program: u32,
    /// The text now.
    pub text: String,
    /// The text before.
    pub before: String,
}

/// How the run that is loaded next came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// It is another branch that was there.
    Switched,
    /// It is new.
    Forked,
}

/// Branches, and what is done with them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct BranchPage {
    /// The branches.
    pub tree: Shared<Branches>,
    /// The program that is being edited.
    pub editor: Option<Box<Editor>>,
    /// A turn is being taken: the run is under way, or the interpreter is fetched.
    pub turning: bool,
    /// The comparison, and with which branch.
    pub compared: Option<(u32, Shared<Vec<Compared>>)>,
    /// The wires as the scenario has them.
    pub wires_before: Vec<[Line; 2]>,
    pub(super) turn: Option<Turn>,
    /// Turns that the link still asks for, the next one last.
    pub(super) to_take: Vec<(EventId, ForkEdit)>,
    /// The scenario, if it is none of the page's own.
    pub(super) own: Option<Box<Source>>,
}

impl BranchPage {
    /// The turns that lead to the branch that is shown, from the recorded run on.
    pub(super) fn turns(&self) -> Vec<(EventId, ForkEdit)> {
        let mut turns = Vec::new();
        let mut now = self.tree.list.get(self.tree.now as usize);
        while let Some((branch, parent)) = now.and_then(|branch| Some((branch, branch.parent?))) {
            turns.push((branch.at, branch.edit.clone()));
            // A branch comes after the one it parts from.
            now = self.tree.list.get(parent as usize).filter(|_| turns.len() <= self.tree.list.len());
        }
        turns.reverse();
        turns
    }
}

impl Page {
    pub(super) fn branch(&mut self, action: BranchAction) -> Vec<Effect> {
        match action {
            BranchAction::Fork => return self.take_turn(self.scene.at, ForkEdit::Nothing),
            BranchAction::Wire(wire, lines) => return self.take_turn(self.scene.at, ForkEdit::Wire { wire, lines }),
            BranchAction::Switch(index) if index != self.branches.tree.now => {
                self.branches.turn = Some(Turn::Switched);
                self.branches.compared = None;
                self.playing = None;
                return vec![Effect::Ask(EngineRequest::Branch(index))];
            }
            BranchAction::Switch(_) => {}
            BranchAction::Compare(None) => self.branches.compared = None,
            BranchAction::Compare(Some(other)) => return vec![Effect::Ask(EngineRequest::Compare(other))],
            BranchAction::Stop => return vec![Effect::Ask(EngineRequest::Stop)],
            BranchAction::Edit { host, program, text } => {
                self.playing = None;
                self.shown = host;
                self.branches.editor = Some(Box::new(Editor { host, program, before: text.clone(), text }));
            }
            BranchAction::Text(text) => {
                if let Some(editor) = &mut self.branches.editor {
                    editor.text = text;
                }
            }
            BranchAction::Run => {
                let Some(editor) = self.branches.editor.take() else { return Vec::new() };
                let edit = ForkEdit::Source { program: editor.program, text: editor.text };
                // From where it first does something else: the past before is the same.
                return self.take_turn(self.timeline.last, edit);
            }
            BranchAction::Cancel => self.branches.editor = None,
        }
        Vec::new()
    }

    fn take_turn(&mut self, at: EventId, edit: ForkEdit) -> Vec<Effect> {
        if self.live.is_some() || self.phase != Phase::Ready || self.branches.turning {
            return Vec::new();
        }
        self.playing = None;
        self.branches.turning = true;
        self.branches.turn = Some(Turn::Forked);
        self.branches.compared = None;
        vec![Effect::Ask(EngineRequest::Fork { at, edit })]
    }

    pub(super) fn not_forked(&mut self, reason: String) -> Vec<Effect> {
        self.branches.turning = false;
        self.branches.turn = None;
        self.branches.to_take.clear();
        self.phase = Phase::Ready;
        self.files.trouble =
            Some(Trouble { title: "There is no other turn to take here".to_owned(), details: vec![reason] });
        Vec::new()
    }

    pub(super) fn hear_branches(&mut self, tree: Branches) -> Vec<Effect> {
        if tree.list.len() == 1 {
            self.branches.wires_before = tree.wires.iter().map(|wire| wire.lines).collect();
        }
        self.branches.tree = tree.into();
        Vec::new()
    }

    /// Where to go in a run that is another turn of the one before.
    pub(super) fn after_turn(&mut self) -> Option<Vec<Effect>> {
        self.branches.turning = false;
        if let Some((at, edit)) = self.branches.to_take.pop() {
            return Some(self.take_turn(at, edit));
        }
        if self.start.event.is_some() && self.scene.hosts.is_empty() {
            // The link's own turns are taken: now its moment counts.
            self.branches.turn = None;
        }
        let turn = self.branches.turn.take()?;
        let here = self.branches.tree.list.get(self.branches.tree.now as usize);
        let at = match (turn, here) {
            (Turn::Forked, Some(branch)) => branch.failed.unwrap_or(branch.at),
            _ => self.scene.at,
        };
        self.list_changed();
        let mut effects = self.act(Action::Time(TimeCommand::Seek(at)));
        effects.extend(self.list_follows());
        Some(effects)
    }
}
