//! The engine proper: requests in, replies out. Knows neither threads nor browser.

use super::desk::{Desk, save};
use super::message::{EngineReply, EngineRequest, Source, Trouble};
use lab::program::Interpreter;
use lab::scenario::{Code, Scenario};
use lab::tape::Tapes;
use lab::{Lab, RunState};
use std::rc::Rc;

/// Events run in one go, so that requests are heard in between.
const EVENTS_A_GO: usize = 8_000;

/// A lab that answers requests.
#[derive(Default)]
pub struct Engine {
    lab: Option<Lab>,
    loading: bool,
    interpreter: Option<Rc<dyn Interpreter>>,
    desk: Desk,
    /// What the run was made of.
    source: Source,
}

impl Engine {
    /// An engine without a scenario.
    pub fn new() -> Engine {
        Engine::default()
    }

    /// Who runs Python from now on.
    pub fn set_interpreter(&mut self, interpreter: Rc<dyn Interpreter>) {
        if let Some(lab) = &mut self.lab {
            lab.set_interpreter(Rc::clone(&interpreter));
            self.loading = true;
        }
        self.interpreter = Some(interpreter);
    }

    /// Does the run wait for an interpreter?
    pub fn wants_interpreter(&self) -> bool {
        let waits = self.lab.as_ref().is_some_and(|lab| lab.progress().state == RunState::NeedsInterpreter);
        waits && self.interpreter.is_none()
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
                    self.lab = Some(lab);
                    self.loading = true;
                    Vec::new()
                }
                Err(trouble) => {
                    self.lab = None;
                    self.loading = false;
                    vec![EngineReply::Failed(trouble)]
                }
            },
            EngineRequest::Time { ticket, at, command } => {
                let Some(lab) = &mut self.lab else { return Vec::new() };
                lab.time(lab::scene::TimeCommand::Seek(at));
                let event = lab.time(command);
                vec![EngineReply::Scene { ticket, scene: Box::new(lab.scene(event)) }]
            }
            EngineRequest::Pane { ticket, query } => {
                let Some(lab) = &self.lab else { return Vec::new() };
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
                let lines = self.desk.lines(&query, self.lab.as_ref());
                lines.map(|page| EngineReply::Lines(query.of, page)).into_iter().collect()
            }
            EngineRequest::Packet(of, number) => {
                let scene = self.desk.packet(of, number, self.lab.as_ref());
                scene.map(|scene| EngineReply::Packet(of, number, Box::new(scene))).into_iter().collect()
            }
            EngineRequest::Follow(of, stream) => {
                let followed = self.desk.follow(of, stream, self.lab.as_ref());
                followed.map(|followed| EngineReply::Followed(of, followed)).into_iter().collect()
            }
            EngineRequest::Save(what) => {
                let text = self.source.in_one_file();
                let saved = save(what, &self.source.name, &text, self.source.script, self.lab.as_ref());
                saved.map(EngineReply::Saved).into_iter().collect()
            }
        }
    }

    /// Is there work to go on with?
    pub fn is_busy(&self) -> bool {
        self.loading
    }

    /// Goes on with it for a while.
    pub fn work(&mut self) -> Vec<EngineReply> {
        let Some(lab) = self.lab.as_mut().filter(|_| self.loading) else { return Vec::new() };
        let progress = lab.advance(EVENTS_A_GO);
        if progress.state == RunState::Running {
            return vec![EngineReply::Progress { events: progress.last.0, now_ns: progress.now.as_nanos() }];
        }
        self.loading = false;
        if self.wants_interpreter() {
            return Vec::new();
        }
        self.loaded(None)
    }

    /// The interpreter cannot be had: shows what there is.
    pub fn without_interpreter(&mut self, reason: String) -> Vec<EngineReply> {
        self.loaded(Some(reason))
    }

    fn loaded(&self, halted: Option<String>) -> Vec<EngineReply> {
        let Some(lab) = &self.lab else { return Vec::new() };
        vec![EngineReply::Loaded { info: lab.info(), timeline: lab.timeline(), halted }]
    }

    /// The run, for those who look deeper than a page does.
    pub fn lab(&self) -> Option<&Lab> {
        self.lab.as_ref()
    }
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
