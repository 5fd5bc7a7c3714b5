//! The past as it can be looked at: the Scene's fold with its keyframes, the timeline, the budget.

use super::keyframes::Keyframes;
use crate::scene::{Calls, Scene, SceneBuilder, SceneConfig, TaskConfig, TimeCommand, Timeline};
use crate::timeline::TimelineBuilder;
use crate::world::World;
use stack::trace::{EventId, EventLog, HostId, Tracer};
use std::rc::Rc;

/// Events between two clones of the fold at first, and how many clones there are at most.
const KEYS: (u32, usize) = (256, 128);

#[derive(Clone)]
struct Key {
    fold: SceneBuilder,
    /// The arena's offset then, if it was the end of a step: the log can be cut there.
    next_bytes: Option<u32>,
}

/// Folds the log as it grows; cuts it when it is too large.
#[derive(Clone)]
pub(crate) struct History {
    config: Rc<SceneConfig>,
    fold: SceneBuilder,
    timeline: TimelineBuilder,
    /// The last event that was taken in.
    folded: EventId,
    keys: Keyframes<Key>,
    /// Tasks that were not there at the beginning, and the last event before they were.
    children: Vec<(EventId, HostId, TaskConfig)>,
    pub(super) budget_bytes: usize,
}

impl History {
    pub(crate) fn new(config: Rc<SceneConfig>, budget_bytes: usize) -> History {
        let mut history = History {
            fold: SceneBuilder::new(Rc::clone(&config)),
            timeline: TimelineBuilder::new(Rc::clone(&config)),
            folded: EventId::NONE,
            keys: Keyframes::new(KEYS.0, KEYS.1, usize::MAX),
            children: Vec::new(),
            budget_bytes,
            config,
        };
        history.keys.push(EventId::NONE, Key { fold: history.fold.clone(), next_bytes: Some(1) }, 0);
        history
    }

    pub(crate) fn config(&self) -> &Rc<SceneConfig> {
        &self.config
    }

    pub(crate) fn folded(&self) -> EventId {
        self.folded
    }

    /// Takes in what has happened: new tasks, new events. The log must stand at the end of a step.
    pub(crate) fn take_in(&mut self, log: &EventLog, world: &World) {
        let at_beginning: usize = self.config.hosts.iter().map(|h| h.tasks.len()).sum();
        for task in world.tasks().iter().skip(at_beginning + self.children.len()) {
            let config = TaskConfig { id: task.id(), name: task.executable().name.clone(), source: None };
            self.add_task(log, task.host(), config);
        }
        for (id, event) in log.since(EventId(self.folded.0 + 1)) {
            self.fold.apply(id, event, log);
            self.timeline.apply(id, event, log);
            self.folded = id;
        }
        // Not within a step: the budget cuts at a keyframe, and only now is the arena's offset known.
        if self.keys.is_due(self.folded) {
            self.keys.push(self.folded, Key { fold: self.fold.clone(), next_bytes: Some(log.next_bytes()) }, 0);
        }
    }

    /// Takes in the log's rest, in which the children are known; takes keyframes, but none to cut the log at.
    fn fold_in(&mut self, log: &EventLog) {
        for (_, host, task) in &self.children {
            self.timeline.add_task(*host, task.clone());
        }
        let mut fold = self.fold.clone();
        self.name_children(&mut fold, |spawned| spawned <= self.folded);
        for (id, event) in log.since(EventId(self.folded.0 + 1)) {
            fold.apply(id, event, log);
            self.name_children(&mut fold, |spawned| spawned == id);
            self.timeline.apply(id, event, log);
            self.folded = id;
            if self.keys.is_due(id) {
                self.keys.push(id, Key { fold: fold.clone(), next_bytes: None }, 0);
            }
        }
        self.fold = fold;
    }

    /// Names a task that was not there at the beginning.
    pub(crate) fn add_task(&mut self, log: &EventLog, host: HostId, task: TaskConfig) {
        self.fold.add_task(host, task.clone());
        self.timeline.add_task(host, task.clone());
        self.children.push((EventId(log.next_id().0 - 1), host, task));
    }

    /// The Scene after an event, or after the oldest that is kept.
    pub(crate) fn scene(&self, log: &EventLog, at: EventId, calls: &dyn Calls) -> Scene {
        let at = at.min(self.folded);
        let Some((key, snapshot)) = self.keys.nearest(at) else { return self.fold.scene(calls) };
        let mut fold = snapshot.fold.clone();
        fold.set_config(Rc::clone(&self.config));
        self.name_children(&mut fold, |spawned| spawned <= *key);
        for (id, event) in log.since(EventId(key.0 + 1)).take_while(|(id, _)| *id <= at) {
            fold.apply(id, event, log);
            self.name_children(&mut fold, |spawned| spawned == id);
        }
        fold.scene(calls)
    }

    fn name_children(&self, fold: &mut SceneBuilder, which: impl Fn(EventId) -> bool) {
        for (_, host, task) in self.children.iter().filter(|(at, _, _)| which(*at)) {
            fold.add_task(*host, task.clone());
        }
    }

    /// Forgets the oldest events if the log is larger than its budget; gives the last one forgotten.
    pub(crate) fn keep_budget(&mut self, tracer: &mut Tracer) -> Option<EventId> {
        let log = tracer.log();
        if log.size_bytes() <= self.budget_bytes {
            return None;
        }
        // Down to three quarters, and at a keyframe of the fold, so that what is kept can still be shown.
        let (kept, size) = (log.len() as u128, log.size_bytes().max(1) as u128);
        let share = kept * (self.budget_bytes as u128 * 3 / 4) / size;
        let wanted = EventId(log.first_id().0 + (kept - share.min(kept)) as u32);
        let (at, next_bytes) =
            self.keys.iter().filter(|(at, _)| *at >= wanted).find_map(|(at, key)| Some((*at, key.next_bytes?)))?;
        tracer.log_mut().cut_before(EventId(at.0 + 1), next_bytes);
        self.keys.cut_before(at);
        self.timeline.cut_before(EventId(at.0 + 1));
        Some(at)
    }

    /// The history of another branch, which parts from this one after `last`; `log` is what it keeps.
    pub(super) fn branch(&self, config: Rc<SceneConfig>, log: &EventLog, children: usize) -> History {
        let children = self.children[..children.min(self.children.len())].to_vec();
        if log.first_id() == EventId(1) {
            // From the beginning, so that what is told of the past knows the new sources.
            let mut branch = History { children, ..History::new(config, self.budget_bytes) };
            branch.fold_in(log);
            return branch;
        }
        let last = EventId(log.next_id().0 - 1);
        let mut keys = self.keys.clone();
        keys.cut_after(last);
        let (folded, mut fold) = match keys.nearest(last) {
            Some((at, key)) => (*at, key.fold.clone()),
            None => (EventId::NONE, SceneBuilder::new(Rc::clone(&config))),
        };
        let mut timeline = self.timeline.clone();
        timeline.rewind_to(&fold);
        timeline.set_config(Rc::clone(&config));
        fold.set_config(Rc::clone(&config));
        let mut branch = History { config, fold, timeline, folded, keys, children, budget_bytes: self.budget_bytes };
        branch.fold_in(log);
        branch
    }

    pub(crate) fn timeline(&self, ended: bool) -> Timeline {
        let mut timeline = self.timeline.timeline();
        timeline.ended = ended;
        timeline
    }

    /// Where a command leads from `cursor`.
    pub(crate) fn seek(&self, cursor: EventId, command: TimeCommand) -> EventId {
        self.timeline.seek(cursor, command)
    }
}
