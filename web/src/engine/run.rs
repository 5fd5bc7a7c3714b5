//! The engine proper: requests in, replies out. Knows neither threads nor browser.

use super::branches::Tree;
use super::desk::{Desk, save};
use super::message::{EngineReply, EngineRequest, ForkEdit, Source, Trouble};
use lab::capture::{Packets, compare};
use lab::program::Interpreter;
use lab::scenario::{Code, Scenario};
use lab::tape::Tapes;
use lab::{Lab, RunState};
use stack::trace::EventId;
use std::rc::Rc;

/// Events run in one go, so that requests are heard in between.
const EVENTS_A_GO: usize = 8_000;

/// A lab that answers requests.
#[derive(Default)]
pub struct Engine {
    tree: Tree,
    loading: bool,
    interpreter: Option<Rc<dyn Interpreter>>,
    desk: Desk,
    /// What the run was made of.
    source: Source,
    /// A turn that waits for the interpreter.
    turn: Option<(EventId, ForkEdit)>,
}

impl Engine {
    /// An engine without a scenario.
    pub fn new() -> Engine {
        Engine::default()
    }

    /// Who runs Python from now on.
    pub fn set_interpreter(&mut self, interpreter: Rc<dyn Interpreter>) {
        self.tree.set_interpreter(&interpreter);
        self.loading = self.tree.lab().is_some();
        self.interpreter = Some(interpreter);
    }

    /// Does the run wait for an interpreter?
    pub fn wants_interpreter(&self) -> bool {
        let waits = self.tree.lab().is_some_and(|lab| lab.progress().state == RunState::NeedsInterpreter);
        (waits || self.turn.is_some()) && self.interpreter.is_none()
    }

    /// Takes a request; gives what can be said at once.
    pub fn handle(&mut self, request: EngineRequest) -> Vec<EngineReply> {
        match request {
            EngineRequest::Load(source) => match open(&source) {
                Ok(mut lab) => {
                    self.desk.run_changed();
                    self.source = source;
                    if let Some(interpreter) = &self.interpreter {
                        lab.set_interpreter(Rc::clone(interpreter));
                    }
                    self.tree.start(lab);
                    self.turn = None;
                    self.loading = true;
                    Vec::new()
                }
                Err(trouble) => {
                    self.tree.clear();
                    self.loading = false;
                    vec![EngineReply::Failed(trouble)]
                }
            },
            EngineRequest::Time { ticket, at, command } => {
                let Some(lab) = self.tree.lab_mut() else { return Vec::new() };
                lab.time(lab::scene::TimeCommand::Seek(at));
                let event = lab.time(command);
                vec![EngineReply::Scene { ticket, scene: Box::new(lab.scene(event)) }]
            }
            EngineRequest::Pane { ticket, query } => {
                let Some(lab) = self.tree.lab() else { return Vec::new() };
                vec![EngineReply::Pane { ticket, view: lab.pane(&query) }]
            }
            EngineRequest::Live(_) => Vec::new(),
            EngineRequest::Open { name, bytes } => vec![match self.desk.open(name, &bytes) {
                Ok(opened) => EngineReply::Opened(opened),
                Err(trouble) => EngineReply::NotOpened(trouble),
            }],
            EngineRequest::Close => {
                self.desk.close();
                Vec::new()
            }
            EngineRequest::Lines(query) => {
                let lines = self.desk.lines(&query, self.tree.lab());
                lines.map(|page| EngineReply::Lines(query.of, page)).into_iter().collect()
            }
            EngineRequest::Packet(of, number) => {
                let scene = self.desk.packet(of, number, self.tree.lab());
                scene.map(|scene| EngineReply::Packet(of, number, Box::new(scene))).into_iter().collect()
            }
            EngineRequest::Follow(of, stream) => {
                let followed = self.desk.follow(of, stream, self.tree.lab());
                followed.map(|followed| EngineReply::Followed(of, followed)).into_iter().collect()
            }
            EngineRequest::Fork { at, edit } => self.fork(at, edit),
            EngineRequest::Branch(index) => {
                if self.tree.switch(index) {
                    self.desk.run_changed();
                }
                self.loaded(None)
            }
            EngineRequest::Stop => {
                let running = std::mem::take(&mut self.loading);
                if running { self.loaded(Some("You stopped the run here.".to_owned())) } else { Vec::new() }
            }
            EngineRequest::Compare(other) => {
                let (Some(one), Some(two)) = (self.tree.lab(), self.tree.other(other)) else { return Vec::new() };
                let rows = compare(&packets(one), &packets(two));
                vec![EngineReply::Compared { other, rows }]
            }
            EngineRequest::Why { at, field, event } => {
                let Some(lab) = self.tree.lab() else { return Vec::new() };
                let write = field.and_then(|field| lab.write_of(field, at)).unwrap_or(event);
                vec![EngineReply::Why(lab.causes(write))]
            }
            EngineRequest::Change { at, field, direction } => {
                let Some(lab) = self.tree.lab() else { return Vec::new() };
                vec![EngineReply::Change(lab.change_of(field, at, direction))]
            }
            EngineRequest::Save(what) => {
                let text = self.source.in_one_file();
                let saved = save(what, &self.source.name, &text, self.source.script, self.tree.lab());
                saved.map(EngineReply::Saved).into_iter().collect()
            }
        }
    }

    /// Is there work to go on with?
    pub fn is_busy(&self) -> bool {
        self.loading || self.turn.is_some() && self.interpreter.is_some()
    }

    /// Goes on with it for a while.
    pub fn work(&mut self) -> Vec<EngineReply> {
        if let Some((at, edit)) = self.turn.take() {
            return self.fork(at, edit);
        }
        let Some(lab) = self.tree.lab_mut().filter(|_| self.loading) else { return Vec::new() };
        let progress = lab.advance(EVENTS_A_GO);
        if progress.state == RunState::Running {
            let until_ns = u64::try_from(lab.scenario().until.as_nanos()).unwrap_or(u64::MAX);
            return vec![EngineReply::Progress { events: progress.last.0, now_ns: progress.now.as_nanos(), until_ns }];
        }
        self.loading = false;
        if self.wants_interpreter() {
            return Vec::new();
        }
        self.loaded(None)
    }

    /// The interpreter cannot be had: shows what there is.
    pub fn without_interpreter(&mut self, reason: String) -> Vec<EngineReply> {
        if self.turn.take().is_some() {
            return vec![EngineReply::NotForked(reason)];
        }
        self.loaded(Some(reason))
    }

    /// Takes another turn.
    fn fork(&mut self, at: EventId, edit: ForkEdit) -> Vec<EngineReply> {
        match self.tree.fork(at, &edit) {
            Ok(Some(())) => {
                self.desk.run_changed();
                self.loading = true;
                Vec::new()
            }
            Ok(None) if self.interpreter.is_none() => {
                self.turn = Some((at, edit));
                Vec::new()
            }
            Ok(None) => vec![EngineReply::NotForked("the program needs the interpreter".to_owned())],
            Err(reason) => vec![EngineReply::NotForked(reason)],
        }
    }

    fn loaded(&self, halted: Option<String>) -> Vec<EngineReply> {
        let Some(lab) = self.tree.lab() else { return Vec::new() };
        vec![
            EngineReply::Branches(self.tree.told()),
            EngineReply::Loaded { info: lab.info(), timeline: lab.timeline(), halted },
        ]
    }

    /// The run, for those who look deeper than a page does.
    pub fn lab(&self) -> Option<&Lab> {
        self.tree.lab()
    }
}

fn packets(lab: &Lab) -> Packets {
    Packets::of_run(lab.log(), lab.config())
}

/// Reads a scenario.
fn open(source: &Source) -> Result<Lab, Trouble> {
    let file = source.file();
    let mut load = |path: &str| {
        let found = source.programs.iter().find(|(name, _)| name == path);
        found.map(|(_, text)| text.clone()).ok_or_else(|| "it was not found beside the scenario".to_owned())
    };
    let scenario = Scenario::parse(&file, &source.text, &mut load)
        .map_err(|problems| Trouble { title: format!("{file} cannot be run"), details: vec![problems.to_string()] })?;
    let tapes = match &source.tapes {
        Some(text) => serde_json::from_str(text).map_err(|error| Trouble {
            title: format!("the recorded run of {file} cannot be read"),
            details: vec![error.to_string()],
        })?,
        None => Tapes::default(),
    };
    Ok(Lab::with_tapes(scenario, tapes))
}

/// The files that a scenario names.
pub fn files_named(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    // What is wrong with it, the engine says when it runs it.
    let _ = Scenario::parse("scenario.toml", text, &mut |path| {
        names.push(path.to_owned());
        Ok(String::new())
    });
    names.sort();
    names.dedup();
    names
}

/// Does any of its programs need the interpreter?
pub fn has_python(scenario: &Scenario) -> bool {
    scenario.programs.iter().any(|program| matches!(program.code, Code::Python(_)))
}
