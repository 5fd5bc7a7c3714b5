//! A page over a real run, for tests: the engine answers at once, ticks come when the test says so.

use crate::engine::{Engine, EngineReply, EngineRequest, Source};
use crate::store::{Action, Effect, Link, Page};

/// Two hosts, a web server and one fetch: no interpreter is needed.
pub const SCENARIO: &str = r#"
title = "A fetch"
seed = 7
until = "2s"

[[host]]
name = "alice"
address = "10.0.0.1/24"
neighbours = ["bob"]

[[host]]
name = "bob"
address = "10.0.0.2/24"
neighbours = ["alice"]

[[wire]]
between = ["alice", "bob"]
rate = "100Mbit"
delay = "1ms"

[[program]]
host = "bob"
builtin = "httpd"

[[program]]
host = "alice"
builtin = "curl"
args = ["-s", "http://10.0.0.2/"]
start = "10ms"
"#;

/// A page with its engine.
pub struct Stage {
    /// The page.
    pub page: Page,
    engine: Engine,
    /// The wait that is under way: its number and length.
    pub wait: Option<(u32, u32)>,
    /// Effects that neither engine nor clock serve.
    pub others: Vec<Effect>,
}

impl Stage {
    /// Opens a link and runs a scenario.
    pub fn open(link: &str, scenario: &str) -> Stage {
        Stage::open_source(link, Source { name: "sample".to_owned(), text: scenario.to_owned(), ..Source::default() })
    }

    /// Opens a link and runs a scenario whose programs are Python.
    #[cfg(test)]
    pub fn open_python(link: &str, source: Source) -> Stage {
        let mut page = Page::open(Link::parse(link), false);
        let _ = page.begin();
        let mut engine = Engine::new();
        engine.set_interpreter(std::rc::Rc::new(lab::program::Monty));
        let mut stage = Stage { page, engine, wait: None, others: Vec::new() };
        stage.act(Action::Fetched(source));
        stage
    }

    /// Opens a link and runs what was fetched for it.
    pub fn open_source(link: &str, source: Source) -> Stage {
        let mut page = Page::open(Link::parse(link), false);
        let _ = page.begin();
        let mut stage = Stage { page, engine: Engine::new(), wait: None, others: Vec::new() };
        stage.act(Action::Fetched(source));
        stage
    }

    /// Does something, and all that follows from it at once.
    pub fn act(&mut self, action: Action) {
        let effects = self.page.apply(action);
        self.serve(effects);
    }

    /// Lets the time of the wait pass; false if there is none.
    pub fn tick(&mut self) -> bool {
        let Some((wait, _)) = self.wait.take() else { return false };
        self.act(Action::Tick(wait));
        true
    }

    fn hear(&mut self, replies: Vec<EngineReply>) {
        for reply in replies {
            self.act(Action::Engine(Box::new(reply)));
        }
    }

    fn serve(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask(EngineRequest::Live(request)) => {
                    self.others.push(Effect::Ask(EngineRequest::Live(request)))
                }
                Effect::Ask(request) => {
                    let replies = self.engine.handle(request);
                    self.hear(replies);
                    while self.engine.is_busy() {
                        let replies = self.engine.work();
                        self.hear(replies);
                    }
                }
                Effect::Wait(wait, ms) => self.wait = Some((wait, ms)),
                other => self.others.push(other),
            }
        }
    }
}
