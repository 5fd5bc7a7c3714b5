//! Playing the past again, and taking another turn in it.

use super::{Lab, RunDigest, RunState, WorldKey, scene_config};
use crate::program::{Executable, Frontier, Playback};
use crate::scenario::{Code, Scenario, WireSpec};
use crate::world::{Stepped, World};
use stack::time::Instant;
use stack::trace::{EventId, Tracer};
use std::fmt;
use std::rc::Rc;

/// What is different in the other future.
#[derive(Clone, PartialEq, Debug)]
pub enum Edit {
    /// Nothing: the same again.
    Nothing,
    /// A program's source. The past is kept as far as the new program would have done the same.
    Source {
        /// Which program of the scenario.
        program: usize,
        /// Its new text.
        text: String,
    },
    /// A wire's properties.
    Wire {
        /// Which wire of the scenario.
        wire: usize,
        /// Its new properties; the ends stay as they were.
        spec: WireSpec,
    },
}

/// Why a run cannot be forked there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ForkError {
    /// The scenario has no such program or wire, or the program is not Python.
    NoSuchThing,
    /// The place lies in the part of the past that is forgotten.
    Forgotten,
    /// The new program has to be asked, and there is no interpreter.
    NeedsInterpreter,
}

impl fmt::Display for ForkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ForkError::NoSuchThing => "the scenario has no such Python program or wire",
            ForkError::Forgotten => "that part of the past is forgotten: the memory for it is spent",
            ForkError::NeedsInterpreter => "the Python interpreter is not there yet",
        })
    }
}

impl std::error::Error for ForkError {}

/// What playing the past again came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replay {
    /// The event after which it began.
    pub from: EventId,
    /// How many events were played.
    pub events: u32,
    /// The digest of the whole run, with these events in place of the recorded ones.
    pub digest: u64,
    /// The first event that differs, if one does.
    pub difference: Option<EventId>,
    /// Did the programs get the same answers?
    pub same_answers: bool,
}

impl Lab {
    /// Restores the nearest keyframe at or before `at` and plays from there to the end of what has happened,
    /// with a fresh tracer. `None` if there is no keyframe.
    pub fn replay_from(&self, at: EventId) -> Option<Replay> {
        let (from, key) = self.world_keys.nearest(at)?;
        let mut digest = key.digest;
        let mut played = Playback::new(self.programs.tapes());
        let (_, tracer) = self.play(key, self.world.steps(), &mut played, |_, _| true);
        digest.update(tracer.log());
        let recorded = self.log();
        let differs = |(id, event): (EventId, &_)| (recorded.get(id) != Some(event)).then_some(id);
        let mut difference = tracer.log().since(EventId(1)).find_map(differs);
        if tracer.log().next_id() != recorded.next_id() {
            difference = difference.or(Some(tracer.log().next_id().min(recorded.next_id())));
        }
        Some(Replay {
            from: *from,
            events: tracer.log().len() as u32,
            digest: digest.value(),
            difference,
            same_answers: played.faithful,
        })
    }

    /// Another run that shares this one's past up to the last step boundary at or before `at`.
    ///
    /// # Errors
    /// If the edit or the place makes no sense.
    pub fn fork(&self, at: EventId, edit: Edit) -> Result<Lab, ForkError> {
        let mut scenario = Scenario::clone(&self.scenario);
        let mut at = at.min(self.last());
        let mut last_step = self.world.steps();
        match &edit {
            Edit::Nothing => {}
            Edit::Wire { wire, spec } => {
                let old = scenario.wires.get_mut(*wire).ok_or(ForkError::NoSuchThing)?;
                (old.there, old.back) = (spec.there, spec.back);
            }
            Edit::Source { program, text } => {
                let old = scenario.programs.get_mut(*program).ok_or(ForkError::NoSuchThing)?;
                let Code::Python(source) = &mut old.code else { return Err(ForkError::NoSuchThing) };
                source.clone_from(text);
                let entries = self.tape(*program).map_or(&[][..], |t| t.entries());
                let interpreter = self.programs.interpreter();
                let same = crate::program::first_difference(&Executable::of(old), entries, interpreter.as_deref())
                    .ok_or(ForkError::NeedsInterpreter)?;
                if let Some(entry) = entries.get(same) {
                    at = at.min(EventId(entry.asked.event.0 - 1));
                    last_step = entry.asked.step;
                }
            }
        }
        if at.0 < self.forgotten() {
            return Err(ForkError::Forgotten);
        }
        let (key_at, key) = self.world_keys.nearest(at).ok_or(ForkError::Forgotten)?;
        if *key_at > at {
            return Err(ForkError::Forgotten);
        }
        let mut boundary = key.world.steps();
        self.play(key, last_step, &mut Playback::new(self.tapes()), |world, tracer| {
            let within = tracer.position().next_event.0 <= at.0 + 1;
            boundary = if within { world.steps() } else { boundary };
            within
        });
        let (mut world, tracer) = self.play(key, boundary, &mut Playback::new(self.tapes()), |_, _| true);
        let mut rewired = self.rewired.clone();
        rewired.retain(|(step, _, _)| *step <= world.steps());
        if let Edit::Wire { wire, spec } = edit {
            world.set_wire(wire, &spec);
            rewired.push((world.steps(), wire, spec));
        }
        for (program, spec) in scenario.programs.iter().enumerate() {
            if let Some(task) = world.task_mut(super::task_of(program)) {
                task.replace(Executable::of(spec));
            }
        }
        let mut digest = key.digest;
        digest.update(tracer.log());
        Ok(Lab { rewired, ..self.branch(scenario, world, tracer, digest) })
    }

    /// The run that begins with `world`, at which `played` stands.
    fn branch(&self, scenario: Scenario, world: World, played: Tracer, digest: RunDigest) -> Lab {
        let position = played.position();
        let last = EventId(position.next_event.0 - 1);
        let mut tracer = Tracer::resume_at(position);
        let mut log = self.log().clone();
        log.cut_after(last, position.next_bytes);
        *tracer.log_mut() = log;

        let mut programs = Frontier::new(self.programs.tapes().clone());
        programs.set_interpreter(self.programs.interpreter());
        programs.tapes_mut().truncate(world.tasks().len());
        for task in world.tasks() {
            let (asked, answered) = task.progress();
            programs.tapes_mut().get_mut(task.id()).truncate(asked, answered);
        }

        let children = world.tasks().len().saturating_sub(scenario.programs.len());
        let history = self.history.branch(Rc::new(scene_config(&scenario)), tracer.log(), children);
        let mut world_keys = self.world_keys.clone();
        world_keys.cut_after(last);
        Lab {
            scenario: Rc::new(scenario),
            world,
            tracer,
            programs,
            state: RunState::Running,
            history,
            digest,
            world_keys,
            cursor: self.cursor.min(last),
            quiet_steps: 0,
            rewired: Vec::new(),
        }
    }

    /// Plays from a keyframe until the world has taken `steps` steps, or `go_on` says no after one.
    fn play(
        &self,
        key: &WorldKey,
        steps: u64,
        played: &mut Playback<'_>,
        mut go_on: impl FnMut(&World, &Tracer) -> bool,
    ) -> (World, Tracer) {
        let until = Instant::ZERO + self.scenario.until;
        let mut world = key.world.clone();
        let mut tracer = Tracer::resume_at(key.position);
        while world.steps() < steps {
            for (step, wire, spec) in &self.rewired {
                if *step == world.steps() {
                    world.set_wire(*wire, spec);
                }
            }
            if world.step(until, played, &mut tracer) != Stepped::Done || !go_on(&world, &tracer) {
                break;
            }
        }
        (world, tracer)
    }
}
