//! The engine's desk: files that were opened, lists of packets, and what is saved from a run.

use super::message::{FileOpened, ListOf, ListPage, ListQuery, SaveWhat, Saved, Trouble};
use lab::Lab;
use lab::capture::{Followed, Packets};
use lab::filter::Filter;
use lab::scene::Scene;

/// Packets that one request looks at: a list of a million is filtered in several, so that others are heard.
const PACKETS_A_GO: usize = 100_000;
/// Streams told of at the most.
const STREAMS: usize = 2_000;

/// A list with the filter that was asked last.
#[derive(Default)]
struct List {
    packets: Packets,
    text: String,
    filter: Option<Filter>,
    /// Places of packets that pass, among the first `scanned`.
    passed: Vec<u32>,
    scanned: usize,
}

/// The desk.
#[derive(Default)]
pub(super) struct Desk {
    file: Option<List>,
    /// The run's packets, once they were asked for.
    run: Option<List>,
}

impl List {
    fn new(packets: Packets) -> List {
        List { packets, ..List::default() }
    }

    fn filter(&mut self, text: &str) {
        if self.text == text && self.filter.is_some() {
            return;
        }
        self.text = text.to_owned();
        (self.passed, self.scanned) = (Vec::new(), 0);
        // The page asks with filters that it could read; with another, everything passes.
        self.filter = Some(Filter::parse(text).unwrap_or_else(|_| Filter::all()));
    }

    fn scan(&mut self) {
        let Some(filter) = self.filter.as_ref().filter(|filter| !filter.is_empty()) else {
            self.scanned = self.packets.len();
            return;
        };
        let end = self.packets.len().min(self.scanned + PACKETS_A_GO);
        for index in self.scanned..end {
            if self.packets.get(index).is_some_and(|packet| filter.matches(&packet)) {
                self.passed.push(index as u32);
            }
        }
        self.scanned = end;
    }

    fn all_pass(&self) -> bool {
        self.filter.as_ref().is_none_or(Filter::is_empty)
    }

    fn shown(&self) -> u32 {
        if self.all_pass() { self.packets.len() as u32 } else { self.passed.len() as u32 }
    }

    /// The place in the whole list of a line that is shown.
    fn index(&self, line: u32) -> Option<usize> {
        if self.all_pass() { Some(line as usize) } else { self.passed.get(line as usize).map(|at| *at as usize) }
    }

    /// The last line at or before a packet.
    fn line_at(&self, index: usize) -> Option<u32> {
        if self.all_pass() {
            return Some(index as u32);
        }
        self.passed.partition_point(|at| *at as usize <= index).checked_sub(1).map(|line| line as u32)
    }

    fn page(&self, query: &ListQuery) -> ListPage {
        let lines = (query.from..query.from.saturating_add(query.count)).map_while(|line| self.index(line));
        ListPage {
            total: self.packets.len() as u32,
            scanned: self.scanned as u32,
            shown: self.shown(),
            from: query.from,
            lines: lines.map_while(|index| self.packets.line(index)).collect(),
            here: query.at.and_then(|at| self.packets.at_event(at)).and_then(|index| self.line_at(index)),
        }
    }
}

impl Desk {
    /// Opens a capture.
    pub(super) fn open(&mut self, name: String, bytes: &[u8]) -> Result<FileOpened, Trouble> {
        let opened = Packets::open(bytes).map_err(|broken| Trouble {
            title: format!("{name} cannot be opened"),
            details: vec![
                broken.what,
                format!("At byte {} of {}.", broken.at, bytes.len()),
                "Captures (pcap, pcapng), scenarios (.toml) and packetdrill scripts (.pkt) can be opened.".to_owned(),
            ],
        })?;
        let mut streams = opened.packets.streams();
        let stream_count = streams.len() as u32;
        streams.truncate(STREAMS);
        let told = FileOpened {
            name,
            format: opened.format.to_owned(),
            packets: opened.packets.len() as u32,
            streams,
            stream_count,
            cut: opened.cut,
        };
        self.file = Some(List::new(opened.packets));
        Ok(told)
    }

    /// Forgets the file.
    pub(super) fn close(&mut self) {
        self.file = None;
    }

    /// The run has changed.
    pub(super) fn run_changed(&mut self) {
        self.run = None;
    }

    fn list(&mut self, of: ListOf, lab: Option<&Lab>) -> Option<&mut List> {
        match of {
            ListOf::File => self.file.as_mut(),
            ListOf::Run => {
                if self.run.is_none() {
                    let lab = lab?;
                    self.run = Some(List::new(Packets::of_run(lab.log(), lab.config())));
                }
                self.run.as_mut()
            }
        }
    }

    /// Some lines of a list.
    pub(super) fn lines(&mut self, query: &ListQuery, lab: Option<&Lab>) -> Option<ListPage> {
        let list = self.list(query.of, lab)?;
        list.filter(&query.filter);
        list.scan();
        Some(list.page(query))
    }

    /// A packet of a list as a moment of its own.
    pub(super) fn packet(&mut self, of: ListOf, number: u32, lab: Option<&Lab>) -> Option<Scene> {
        self.list(of, lab)?.packets.scene(number.checked_sub(1)? as usize)
    }

    /// What was said in a stream.
    pub(super) fn follow(&mut self, of: ListOf, stream: u32, lab: Option<&Lab>) -> Option<Followed> {
        self.list(of, lab)?.packets.follow(stream)
    }
}

/// A file to save.
pub(super) fn save(what: SaveWhat, name: &str, text: &str, script: bool, lab: Option<&Lab>) -> Option<Saved> {
    let file = |ending: &str, mime: &str, bytes: Vec<u8>| Saved {
        name: format!("{name}.{ending}"),
        mime: mime.to_owned(),
        bytes,
    };
    Some(match what {
        SaveWhat::Pcapng => file("pcapng", "application/x-pcapng", lab?.pcapng()),
        SaveWhat::Events => file("events.jsonl", "application/jsonl", lab?.events_jsonl().into_bytes()),
        SaveWhat::Scenario if script => file("pkt", "text/plain", text.as_bytes().to_vec()),
        SaveWhat::Scenario => file("toml", "application/toml", text.as_bytes().to_vec()),
    })
}
