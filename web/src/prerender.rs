//! The first picture, drawn natively from the same views.

use crate::engine::{Engine, EngineReply, EngineRequest, Source, file_name, files_named, has_python};
use crate::store::{Action, Effect, Link, Page};
use crate::views::{Shell, ShellProps};
use lab::program::Monty;
use lab::scenario::Scenario;
use serde::Serialize;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use yew::{Callback, LocalServerRenderer};

/// The scenario that plays by itself.
const HERO: &str = "send";
/// Stops in the flip-book: about the time that a slow network needs to bring the WebAssembly.
const STOPS: usize = 8;
/// Where the template wants the picture and the data.
const APP: &str = "<!-- app -->";
const BOOT: &str = "/* boot */null";

/// What the page finds in itself.
#[derive(Serialize)]
struct Boot {
    scenarios: Vec<(String, String)>,
    source: Source,
    flips: Vec<Flip>,
}

/// One picture of the flip-book.
#[derive(Serialize)]
struct Flip {
    event: u32,
    ms: u32,
    /// What differs from the picture before: pane and HTML.
    panes: Vec<(String, String)>,
}

/// Draws it.
///
/// # Errors
/// If a file cannot be read or written, or a scenario is wrong.
pub fn run(template: &Path, out: &Path) -> Result<(), String> {
    let www = template.parent().ok_or("the template has no folder")?;
    let mut scenarios = Vec::new();
    let mut hero = None;
    for name in names(&www.join("scenarios"))? {
        let source = read(www, &name)?;
        let scenario = parse(&source)?;
        scenarios.push((name.clone(), scenario.title.clone()));
        let (source, engine) = record(source, &scenario)?;
        if let (Some(tapes), Some(folder)) = (&source.tapes, out.parent()) {
            write(&folder.join(format!("scenarios/{name}.tapes.json")), tapes)?;
        }
        if name == HERO {
            hero = Some((source, engine));
        }
    }
    let (source, engine) = hero.ok_or_else(|| format!("there is no scenario {HERO}"))?;
    scenarios.sort_by_key(|(name, _)| name != HERO);
    let (first, flips) = draw(engine, &scenarios)?;
    let boot = serde_json::to_string(&Boot { scenarios, source, flips }).map_err(|e| e.to_string())?;
    // "</" would end the script element that holds it.
    let boot = boot.replace("</", "<\\/");
    let page = fs::read_to_string(template).map_err(|e| format!("{}: {e}", template.display()))?;
    for mark in [APP, BOOT] {
        if !page.contains(mark) {
            return Err(format!("{}: expected the mark {mark}", template.display()));
        }
    }
    write(out, &page.replace(APP, &first).replace(BOOT, &boot))
}

fn names(folder: &Path) -> Result<Vec<String>, String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?;
            name.strip_suffix(".toml").or(name.strip_suffix(".pkt")).map(str::to_owned)
        })
        .collect();
    names.sort();
    Ok(names)
}

fn read(www: &Path, name: &str) -> Result<Source, String> {
    let folder = www.join("scenarios");
    let script = !folder.join(file_name(name, false)).exists();
    let file = folder.join(file_name(name, script));
    let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let named = if script { Vec::new() } else { files_named(&text) };
    let programs = named.into_iter().map(|path| {
        let file = folder.join(&path);
        fs::read_to_string(&file).map(|text| (path, text)).map_err(|e| format!("{}: {e}", file.display()))
    });
    Ok(Source { name: name.to_owned(), script, programs: programs.collect::<Result<_, _>>()?, text, tapes: None })
}

fn parse(source: &Source) -> Result<Scenario, String> {
    let mut load = |path: &str| {
        let found = source.programs.iter().find(|(name, _)| name == path);
        found.map(|(_, text)| text.clone()).ok_or_else(|| "not found".to_owned())
    };
    Scenario::parse(&source.file(), &source.text, &mut load).map_err(|e| e.to_string())
}

/// Runs a scenario with the interpreter; what its programs did becomes its tapes.
fn record(mut source: Source, scenario: &Scenario) -> Result<(Source, Engine), String> {
    let mut engine = Engine::new();
    engine.set_interpreter(Rc::new(Monty));
    for reply in engine.handle(EngineRequest::Load(source.clone())) {
        if let EngineReply::Failed(trouble) = reply {
            return Err(format!("{}\n{}", trouble.title, trouble.details.join("\n")));
        }
    }
    if has_python(scenario) || source.name == HERO {
        while engine.is_busy() {
            let _ = engine.work();
        }
        let tapes = engine.lab().map(|lab| serde_json::to_string(lab.tapes()));
        source.tapes = tapes.transpose().map_err(|e| e.to_string())?;
    }
    Ok((source, engine))
}

/// The first picture, and the pages of the flip-book.
fn draw(mut engine: Engine, scenarios: &[(String, String)]) -> Result<(String, Vec<Flip>), String> {
    let lab = engine.lab().ok_or("nothing has run")?;
    let loaded = EngineReply::Loaded { info: lab.info(), timeline: lab.timeline(), halted: None };
    let mut page = Page::open(Link::default(), false);
    let asked = page.apply(Action::Engine(Box::new(loaded)));
    let mut effects = serve(&mut page, &mut engine, asked);
    if page.hero.is_none() {
        return Err("the scenario that plays by itself has no journey from a send to a receive".to_owned());
    }
    let first = html(&page, scenarios)?;
    let mut flips = Vec::new();
    let mut before = panes(&first);
    while flips.len() < STOPS && page.playing.is_some() {
        // The page plays by itself: each tick is its next stop.
        let Some((wait, ms)) = effects.iter().find_map(|effect| match effect {
            Effect::Wait(wait, ms) => Some((*wait, *ms)),
            _ => None,
        }) else {
            break;
        };
        let asked = page.apply(Action::Tick(wait));
        effects = serve(&mut page, &mut engine, asked);
        let now = panes(&html(&page, scenarios)?);
        let changed = now.iter().filter(|pane| !before.contains(pane)).cloned().collect();
        flips.push(Flip { event: page.scene.at.0, ms, panes: changed });
        before = now;
    }
    Ok((first, flips))
}

/// Answers what the page asks of the engine, until it asks no more; gives the effects that remain.
fn serve(page: &mut Page, engine: &mut Engine, mut effects: Vec<Effect>) -> Vec<Effect> {
    while let Some(request) = effects.iter().find_map(|effect| match effect {
        Effect::Ask(request) => Some(request.clone()),
        _ => None,
    }) {
        let replies = engine.handle(request);
        effects = replies.into_iter().flat_map(|reply| page.apply(Action::Engine(Box::new(reply)))).collect();
    }
    effects
}

fn html(page: &Page, scenarios: &[(String, String)]) -> Result<String, String> {
    let props = ShellProps {
        page: page.clone(),
        scenarios: scenarios.to_vec(),
        send: Callback::noop(),
        onkeydown: Callback::noop(),
        onfiles: Callback::noop(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|e| e.to_string())?;
    let local = tokio::task::LocalSet::new();
    Ok(local.block_on(&runtime, LocalServerRenderer::<Shell>::with_props(props).hydratable(false).render()))
}

/// The panes of a picture: the elements that the flip-book replaces, by their `data-k`.
fn panes(html: &str) -> Vec<(String, String)> {
    ["program", "strace", "tower", "inspector", "strip", "caption", "transport"]
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), section(html, key)?.to_owned())))
        .collect()
}

/// The text of the `section` element with this key. Sections of the stage are not nested.
fn section<'a>(html: &'a str, key: &str) -> Option<&'a str> {
    let mark = format!("data-k=\"{key}\"");
    let starts = html.match_indices("<section").map(|(at, _)| at);
    let start =
        starts.into_iter().find(|at| html[*at..].find('>').is_some_and(|end| html[*at..*at + end].contains(&mark)))?;
    let end = html[start..].find("</section>")? + start + "</section>".len();
    Some(&html[start..end])
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}
