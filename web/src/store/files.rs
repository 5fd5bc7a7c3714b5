//! Files in and out, and the list of packets, of a run or of a file.

use super::{Action, Effect, PacketRef, Page, Selection};
use crate::engine::{
    EngineReply, EngineRequest, FileOpened, ListOf, ListPage, ListQuery, SaveWhat, Source, Trouble, file_name,
    files_named,
};
use crate::shared::Shared;
use lab::capture::Followed;
use lab::filter::{Filter, FilterError};
use lab::scene::{Scene, TimeCommand};
use stack::trace::FrameId;

/// Lines asked for at a time: several screens.
pub const LINES: u32 = 200;
/// Lines kept above the first that is seen.
const ABOVE: u32 = 60;

/// What can happen to files and to the list of packets.
#[derive(Clone, PartialEq, Debug)]
pub enum FileAction {
    /// Files were chosen or dropped: names and contents.
    Chosen(Vec<(String, Vec<u8>)>),
    /// They could not be read.
    Unread(String),
    /// Close the capture.
    Close,
    /// Close the message that a file could not be opened.
    Dismiss,
    /// Save something of the run.
    Save(SaveWhat),
    /// Save the picture of a pane.
    SavePicture(Pane),
    /// Show or hide the list of the run's packets.
    ToggleList,
    /// Another display filter.
    Filter(String),
    /// The list is scrolled: its first line that is seen.
    Scroll(u32),
    /// Select a line of those that pass.
    Line(u32),
    /// Select the line so many further on.
    Move(i64),
    /// Read a TCP stream, or stop reading.
    Follow(Option<u32>),
    /// Show the list of streams, or of packets.
    Streams(bool),
}

/// A pane whose picture can be saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pane {
    /// The two hosts and the wire.
    Tower,
    /// The packet's memory.
    Strip,
    /// The header.
    Inspector,
    /// The open drawer.
    Drawer,
}

impl Pane {
    /// All.
    pub const ALL: [Pane; 4] = [Pane::Tower, Pane::Strip, Pane::Inspector, Pane::Drawer];

    /// What the reader calls it.
    pub fn name(self) -> &'static str {
        match self {
            Pane::Tower => "the hosts",
            Pane::Strip => "the packet's memory",
            Pane::Inspector => "the header",
            Pane::Drawer => "the drawer",
        }
    }

    /// Its name in a file's name.
    pub fn key(self) -> &'static str {
        match self {
            Pane::Tower => "hosts",
            Pane::Strip => "memory",
            Pane::Inspector => "header",
            Pane::Drawer => "drawer",
        }
    }

    /// How it is found in the page.
    pub fn selector(self) -> &'static str {
        match self {
            Pane::Tower => ".tower",
            Pane::Strip => ".strip",
            Pane::Inspector => ".inspector",
            Pane::Drawer => ".drawer-pane",
        }
    }
}

/// A list of packets as it is shown.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PacketList {
    /// Whose.
    pub of: ListOf,
    /// The filter as it is typed.
    pub filter: String,
    /// What is wrong with it.
    pub wrong: Option<FilterError>,
    /// The last filter that could be read.
    applied: String,
    /// The lines that are here.
    pub page: Shared<ListPage>,
    /// The line that is selected, of those that pass.
    pub line: Option<u32>,
    /// The first line that is seen.
    top: u32,
    /// A request is under way.
    asking: bool,
    /// Another one has to follow.
    again: bool,
    /// The stream that is read.
    pub followed: Option<Shared<Followed>>,
}

/// A capture that is open.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FilePage {
    /// What was opened.
    pub opened: Shared<FileOpened>,
    /// Its packets.
    pub list: PacketList,
    /// The packet that is shown.
    pub scene: Shared<Scene>,
    /// What is selected in it.
    pub selection: Selection,
    /// The list of streams is shown, not that of packets.
    pub streams: bool,
}

/// Files, and the run's list of packets.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Files {
    /// A capture that is open.
    pub file: Option<Box<FilePage>>,
    /// A file is being read.
    pub opening: bool,
    /// Why a file could not be opened.
    pub trouble: Option<Trouble>,
    /// The run's packets, while they are shown.
    pub packets: Option<Box<PacketList>>,
}

impl FilePage {
    /// What points into the packet that is shown, and what would move the run, which is not seen.
    pub(super) fn takes(&mut self, action: &Action) -> bool {
        match *action {
            Action::PickProto(proto) => {
                self.selection = Selection { proto: Some(proto), bits: None, ..self.selection };
            }
            Action::PickBits(bits) => {
                self.selection.bits = bits;
                self.selection.proto = bits.map(|bits| bits.proto).or(self.selection.proto);
            }
            Action::Hover(bits) => self.selection.hover = bits,
            Action::Time(_) | Action::Toggle | Action::Change(_) | Action::JumpToWrite => {}
            _ => return false,
        }
        true
    }
}

impl PacketList {
    fn ask(&mut self, at: Option<stack::trace::EventId>) -> Vec<Effect> {
        if self.asking {
            self.again = true;
            return Vec::new();
        }
        (self.asking, self.again) = (true, false);
        let query = ListQuery {
            of: self.of,
            filter: self.applied.clone(),
            from: self.top.saturating_sub(ABOVE),
            count: LINES,
            at,
        };
        vec![Effect::Ask(EngineRequest::Lines(query))]
    }

    /// Is the filter still at work?
    pub fn is_filtering(&self) -> bool {
        self.page.scanned < self.page.total
    }

    /// The first line that is seen.
    pub fn top(&self) -> u32 {
        self.top
    }

    /// The line of a place, if it is here.
    pub fn at(&self, line: u32) -> Option<&lab::capture::PacketLine> {
        self.page.lines.get(line.checked_sub(self.page.from)? as usize)
    }

    fn filter(&mut self, text: String) -> bool {
        self.wrong = Filter::parse(&text).err();
        self.filter = text;
        if self.wrong.is_none() {
            self.applied.clone_from(&self.filter);
            (self.top, self.line) = (0, None);
        }
        self.wrong.is_none()
    }
}

impl Page {
    pub(super) fn files(&mut self, action: FileAction) -> Vec<Effect> {
        match action {
            FileAction::Chosen(files) => return self.open_files(files),
            FileAction::Unread(reason) => {
                let details = vec![reason];
                self.files.trouble = Some(Trouble { title: "The file cannot be read".to_owned(), details });
            }
            FileAction::Close => {
                self.files.file = None;
                return vec![Effect::Ask(EngineRequest::Close)];
            }
            FileAction::Dismiss => self.files.trouble = None,
            FileAction::Save(what) => return vec![Effect::Ask(EngineRequest::Save(what))],
            FileAction::SavePicture(pane) => {
                let name = format!("{}-{}-{}.svg", self.scenario, self.scene.at.0, pane.key());
                return vec![Effect::SavePicture(pane, name)];
            }
            FileAction::ToggleList => {
                if self.files.packets.take().is_none() {
                    // One drawer at a time.
                    self.drawer.open = None;
                    let mut list = PacketList::default();
                    let effects = list.ask(Some(self.scene.at));
                    self.files.packets = Some(Box::new(list));
                    return effects;
                }
            }
            FileAction::Filter(text) => {
                if self.list_mut().is_some_and(|list| list.filter(text)) {
                    return self.ask_list();
                }
            }
            FileAction::Scroll(top) => {
                let Some(list) = self.list_mut() else { return Vec::new() };
                list.top = top;
                let page = &list.page;
                let here = page.from <= top && top + LINES - ABOVE * 2 <= page.from + LINES;
                if !here {
                    return self.ask_list();
                }
            }
            FileAction::Line(line) => return self.pick_line(line),
            FileAction::Move(by) => {
                let Some(list) = self.list_mut().filter(|list| list.page.shown > 0) else { return Vec::new() };
                let from = list.line.or(list.page.here).map_or(-1, i64::from);
                let line = (from + by).clamp(0, i64::from(list.page.shown) - 1) as u32;
                return self.pick_line(line);
            }
            FileAction::Follow(None) => {
                if let Some(list) = self.list_mut() {
                    list.followed = None;
                }
            }
            FileAction::Follow(Some(stream)) => {
                if let Some(list) = self.list_mut() {
                    return vec![Effect::Ask(EngineRequest::Follow(list.of, stream))];
                }
            }
            FileAction::Streams(on) => {
                if let Some(file) = &mut self.files.file {
                    file.streams = on;
                }
            }
        }
        Vec::new()
    }

    /// The list that is shown.
    pub fn list(&self) -> Option<&PacketList> {
        match &self.files.file {
            Some(file) => Some(&file.list),
            None => self.files.packets.as_deref(),
        }
    }

    fn list_mut(&mut self) -> Option<&mut PacketList> {
        match &mut self.files.file {
            Some(file) => Some(&mut file.list),
            None => self.files.packets.as_deref_mut(),
        }
    }

    fn ask_list(&mut self) -> Vec<Effect> {
        let at = self.scene.at;
        let list = self.list_mut();
        list.map(|list| list.ask((list.of == ListOf::Run).then_some(at))).unwrap_or_default()
    }

    /// The cursor has moved: the list of the run follows.
    pub(super) fn list_follows(&mut self) -> Vec<Effect> {
        let at = self.scene.at;
        match self.files.packets.as_deref_mut().filter(|_| self.files.file.is_none()) {
            Some(list) => {
                list.line = None;
                list.ask(Some(at))
            }
            None => Vec::new(),
        }
    }

    /// The run has changed: its list is another one.
    pub(super) fn list_changed(&mut self) {
        if let Some(list) = self.files.packets.as_deref_mut() {
            (list.line, list.followed) = (None, None);
        }
    }

    fn pick_line(&mut self, line: u32) -> Vec<Effect> {
        let Some(list) = self.list_mut() else { return Vec::new() };
        list.line = Some(line);
        let Some(packet) = list.at(line).cloned() else {
            // Beyond the lines that are here: they come first.
            list.top = line;
            return self.ask_list();
        };
        match list.of {
            ListOf::File => vec![Effect::Ask(EngineRequest::Packet(ListOf::File, packet.number))],
            ListOf::Run => {
                let effects = self.act(Action::Time(TimeCommand::Seek(packet.event)));
                self.selection = Selection { packet: Some(PacketRef::Frame(packet.frame)), ..Selection::default() };
                effects
            }
        }
    }

    fn open_files(&mut self, mut files: Vec<(String, Vec<u8>)>) -> Vec<Effect> {
        self.files.trouble = None;
        let ends = |name: &str, ending: &str| name.to_ascii_lowercase().ends_with(ending);
        let run = files.iter().position(|(name, _)| ends(name, ".toml") || ends(name, ".pkt"));
        let Some(at) = run else {
            let Some((name, bytes)) = files.into_iter().next() else { return Vec::new() };
            self.files.opening = true;
            return vec![Effect::Ask(EngineRequest::Open { name, bytes })];
        };
        let (name, bytes) = files.swap_remove(at);
        match source(&name, &bytes, &files) {
            Ok(source) => {
                let mut effects = self.restart(&source.name);
                self.branches.own = Some(Box::new(source.clone()));
                effects.push(Effect::Ask(EngineRequest::Load(source)));
                effects
            }
            Err(trouble) => {
                self.files.trouble = Some(trouble);
                Vec::new()
            }
        }
    }

    pub(super) fn hear_files(&mut self, reply: EngineReply) -> Vec<Effect> {
        match reply {
            EngineReply::Opened(opened) => {
                self.files.opening = false;
                self.playing = None;
                let list = PacketList { of: ListOf::File, ..PacketList::default() };
                self.files.file = Some(Box::new(FilePage { opened: opened.into(), list, ..FilePage::default() }));
                let mut effects = self.ask_list();
                effects.push(Effect::Ask(EngineRequest::Packet(ListOf::File, 1)));
                effects
            }
            EngineReply::NotOpened(trouble) => {
                self.files.opening = false;
                self.files.trouble = Some(trouble);
                Vec::new()
            }
            EngineReply::Lines(of, page) => self.lines(of, page),
            EngineReply::Packet(ListOf::File, number, scene) => {
                if let Some(file) = &mut self.files.file {
                    file.scene = Shared::new(*scene);
                    file.selection.packet = Some(PacketRef::Frame(FrameId(number)));
                    file.selection.bits = None;
                }
                Vec::new()
            }
            EngineReply::Followed(of, followed) => {
                if let Some(list) = self.list_mut().filter(|list| list.of == of) {
                    list.followed = Some(followed.into());
                }
                Vec::new()
            }
            EngineReply::Branches(tree) => self.hear_branches(tree),
            EngineReply::NotForked(reason) => self.not_forked(reason),
            EngineReply::Compared { other, rows } => {
                self.branches.compared = Some((other, rows.into()));
                Vec::new()
            }
            EngineReply::Why(causes) => self.hear_why(causes),
            EngineReply::Change(event) => self.hear_change(event),
            EngineReply::Saved(saved) => vec![Effect::Download(saved)],
            _ => Vec::new(),
        }
    }

    fn lines(&mut self, of: ListOf, page: ListPage) -> Vec<Effect> {
        let Some(list) = self.list_mut().filter(|list| list.of == of) else { return Vec::new() };
        list.asking = false;
        let was_missing = list.line.filter(|line| list.at(*line).is_none());
        list.page = page.into();
        if list.again || list.is_filtering() {
            return self.ask_list();
        }
        if of == ListOf::File && list.line.is_none() && list.page.shown > 0 {
            list.line = Some(list.page.from);
        }
        match was_missing.filter(|line| list.at(*line).is_some()) {
            Some(line) => self.pick_line(line),
            None => Vec::new(),
        }
    }
}

/// A scenario, or a script, that the reader has chosen, with the programs chosen beside it.
fn source(name: &str, bytes: &[u8], beside: &[(String, Vec<u8>)]) -> Result<Source, Trouble> {
    let trouble = |what: String| Trouble { title: format!("{name} cannot be opened"), details: vec![what] };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec());
    let script = name.to_ascii_lowercase().ends_with(".pkt");
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let body = text(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        trouble(format!("It is not text: byte {at} is part of no UTF-8 character."))
    })?;
    let mut programs = Vec::new();
    for path in if script { Vec::new() } else { files_named(&body) } {
        let file = path.rsplit('/').next().unwrap_or(&path);
        let found = beside.iter().find(|(name, _)| name == file);
        let Some((_, bytes)) = found else {
            return Err(Trouble {
                title: format!("{name} names a program that is not here"),
                details: vec![
                    format!("python = \"{path}\": choose {file} together with {}.", file_name(stem, script)),
                    "A scenario saved from this page holds its programs.".to_owned(),
                ],
            });
        };
        let program = text(bytes).map_err(|_| trouble(format!("{file} is not text.")))?;
        programs.push((path, program));
    }
    Ok(Source { name: stem.to_owned(), script, text: body, programs, tapes: None })
}
