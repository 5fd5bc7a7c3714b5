//! The branches of a run: the recorded one, and what came of changes at some moment of it.

use super::message::{BranchInfo, Branches, ForkEdit, WireLine};
use lab::program::Interpreter;
use lab::scenario::End;
use lab::{Edit, ForkError, Lab};
use stack::trace::{EventId, What};
use std::rc::Rc;

/// Branches kept: each has a log and keyframes of its own.
pub(super) const MOST: usize = 6;

struct Branch {
    lab: Lab,
    parent: Option<u32>,
    at: EventId,
    edit: ForkEdit,
}

/// All branches, and the one that is shown.
#[derive(Default)]
pub(super) struct Tree {
    branches: Vec<Branch>,
    now: usize,
}

impl Tree {
    /// Another run.
    pub(super) fn start(&mut self, lab: Lab) {
        self.branches = vec![Branch { lab, parent: None, at: EventId::NONE, edit: ForkEdit::Nothing }];
        self.now = 0;
    }

    /// No run.
    pub(super) fn clear(&mut self) {
        self.branches.clear();
        self.now = 0;
    }

    /// The branch that is shown.
    pub(super) fn lab(&self) -> Option<&Lab> {
        self.branches.get(self.now).map(|branch| &branch.lab)
    }

    /// The branch that is shown.
    pub(super) fn lab_mut(&mut self) -> Option<&mut Lab> {
        self.branches.get_mut(self.now).map(|branch| &mut branch.lab)
    }

    /// Another branch.
    pub(super) fn other(&self, index: u32) -> Option<&Lab> {
        self.branches.get(index as usize).map(|branch| &branch.lab)
    }

    /// Shows another branch.
    pub(super) fn switch(&mut self, index: u32) -> bool {
        let there = (index as usize) < self.branches.len();
        if there {
            self.now = index as usize;
        }
        there
    }

    /// Python is run by this from now on, in every branch.
    pub(super) fn set_interpreter(&mut self, interpreter: &Rc<dyn Interpreter>) {
        for branch in &mut self.branches {
            branch.lab.set_interpreter(Rc::clone(interpreter));
        }
    }

    /// Takes another turn at `at`, and shows it. `Ok(None)`: the interpreter has to be fetched first.
    pub(super) fn fork(&mut self, at: EventId, edit: &ForkEdit) -> Result<Option<()>, String> {
        if self.branches.len() >= MOST {
            return Err(format!(
                "There are {MOST} branches, as many as are kept. Open the scenario again to begin anew."
            ));
        }
        let Some(lab) = self.lab() else { return Err("there is no run".to_owned()) };
        match lab.fork(at, lab_edit(lab, edit)?) {
            Ok(lab) => {
                // A change in a program takes effect where it first does something else.
                let at = at.min(lab.last());
                self.branches.push(Branch { lab, parent: Some(self.now as u32), at, edit: edit.clone() });
                self.now = self.branches.len() - 1;
                Ok(Some(()))
            }
            Err(ForkError::NeedsInterpreter) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What the page is told.
    pub(super) fn told(&self) -> Branches {
        let list = self.branches.iter().map(|branch| BranchInfo {
            parent: branch.parent,
            at: branch.at,
            edit: branch.edit.clone(),
            last: branch.lab.last(),
            failed: failed(branch),
        });
        let wires = self.lab().map(wires).unwrap_or_default();
        let memory = self.lab().map_or((0, 0), |lab| (lab.log().size_bytes() as u64, lab.budget() as u64));
        let forgotten = self.lab().map_or(0, Lab::forgotten);
        Branches { list: list.collect(), now: self.now as u32, wires, memory, forgotten }
    }
}

/// The event at which a program that was edited ended in an error.
fn failed(branch: &Branch) -> Option<EventId> {
    let ForkEdit::Source { program, .. } = branch.edit else { return None };
    let edited = lab::recording::task_of(program as usize);
    let ended = |what: What| matches!(what, What::TaskExit { task, status } if task == edited && status != 0);
    branch.lab.log().since(branch.at).find(|(_, event)| ended(event.what)).map(|(id, _)| id)
}

fn lab_edit(lab: &Lab, edit: &ForkEdit) -> Result<Edit, String> {
    Ok(match edit {
        ForkEdit::Nothing => Edit::Nothing,
        ForkEdit::Source { program, text } => Edit::Source { program: *program as usize, text: text.clone() },
        ForkEdit::Wire { wire, lines } => {
            let wire = *wire as usize;
            let old = lab.scenario().wires.get(wire).ok_or("the scenario has no such wire")?;
            let mut spec = old.clone();
            [spec.there, spec.back] = *lines;
            Edit::Wire { wire, spec }
        }
    })
}

fn wires(lab: &Lab) -> Vec<WireLine> {
    let scenario = lab.scenario();
    let name = |end: &End| match *end {
        End::Host { host, .. } => scenario.hosts.get(host).map(|host| host.config.name.clone()),
        End::Switch { switch, .. } => scenario.switches.get(switch).map(|switch| switch.name.clone()),
    };
    let wire = |wire: &lab::scenario::WireSpec| WireLine {
        ends: [name(&wire.ends[0]).unwrap_or_default(), name(&wire.ends[1]).unwrap_or_default()],
        lines: [wire.there, wire.back],
    };
    scenario.wires.iter().map(wire).collect()
}
