//! The host on the real network, with the lists that the page shows. Time comes in from outside.

use super::message::{CommandView, FrameLine, News};
use bridge_protocol::Lease;
use lab::dissect::summary;
use lab::live::{LiveConfig, LiveLab};
use lab::scene::{RunInfo, Scene, TimeCommand, Timeline};
use stack::trace::{EventId, TaskId};
use stack::wire::ethernet::MacAddr;
use std::collections::VecDeque;

/// Frames told in one piece of news: more cannot be read anyway.
const FRAMES_TOLD: usize = 64;
/// Programs remembered.
const COMMANDS: usize = 20;
/// Output shown of a program, bytes.
const OUTPUT: usize = 8 << 10;
/// The event log's budget: some minutes of ping, or a few seconds of a full line.
const BUDGET_BYTES: usize = 24 << 20;

struct Command {
    number: u32,
    line: String,
    task: Result<TaskId, String>,
    bytes_at_start: u64,
    /// Bytes that had come when it ended, and its status.
    ended: Option<(u64, i32)>,
}

/// A host on a real network.
pub struct Session {
    lab: LiveLab,
    begin_ns: u64,
    frames: VecDeque<FrameLine>,
    frames_in: u64,
    bytes_in: u64,
    frames_out: u64,
    commands: VecDeque<Command>,
    started: u32,
}

impl Session {
    /// A host with these addresses.
    pub fn new(lease: &Lease, seed: u64, now_ns: u64) -> Session {
        let config = LiveConfig {
            name: "page".to_owned(),
            mac: MacAddr(lease.mac.0),
            address: (lease.address, lease.prefix),
            gateway: lease.gateway,
            mtu: lease.mtu,
            seed,
            budget_bytes: BUDGET_BYTES,
            httpd: true,
        };
        Session {
            lab: LiveLab::new(&config, now_ns),
            begin_ns: now_ns,
            frames: VecDeque::new(),
            frames_in: 0,
            bytes_in: 0,
            frames_out: 0,
            commands: VecDeque::new(),
            started: 0,
        }
    }

    /// A frame has come.
    pub fn frame_in(&mut self, now_ns: u64, bytes: &[u8]) {
        self.frames_in += 1;
        self.bytes_in += bytes.len() as u64;
        let event = EventId(self.lab.last().0 + 1);
        self.note(now_ns, false, bytes, event);
        self.lab.frame_in(now_ns, bytes);
    }

    /// Frames to send now; empty: there are none.
    pub fn frames_out(&mut self, now_ns: u64) -> Vec<Vec<u8>> {
        let frames = self.lab.frames_out(now_ns);
        let event = self.lab.last();
        for frame in &frames {
            self.frames_out += 1;
            self.note(now_ns, true, frame, event);
        }
        frames
    }

    /// Time passes.
    pub fn poll(&mut self, now_ns: u64) {
        self.lab.poll(now_ns);
    }

    /// When to call [`Session::poll`] next.
    pub fn deadline(&self) -> Option<u64> {
        self.lab.deadline()
    }

    /// Runs a program.
    pub fn run(&mut self, now_ns: u64, line: &str) {
        self.started += 1;
        let task = self.lab.run_builtin(now_ns, line);
        if self.commands.len() >= COMMANDS {
            self.commands.pop_front();
        }
        let (number, line, bytes_at_start) = (self.started, line.to_owned(), self.bytes_in);
        self.commands.push_back(Command { number, line, task, bytes_at_start, ended: None });
    }

    /// Ends a program.
    pub fn kill(&mut self, now_ns: u64, task: TaskId) {
        self.lab.kill(now_ns, task);
    }

    /// What happened since the last news.
    pub fn news(&mut self) -> News {
        let (lab, bytes_in) = (&self.lab, self.bytes_in);
        let commands = self.commands.iter_mut().map(|command| view(command, lab, bytes_in)).collect();
        News {
            last: self.lab.last(),
            forgotten: self.lab.forgotten(),
            frames_in: self.frames_in,
            bytes_in: self.bytes_in,
            frames_out: self.frames_out,
            frames: self.frames.drain(..).collect(),
            commands,
        }
    }

    /// The moment that a command leads to; without one, the beginning of the latest exchange.
    pub fn look(&self, at: EventId, command: Option<TimeCommand>) -> Scene {
        let event = match command {
            Some(TimeCommand::StepBeats(1)) => self.next_beat(at),
            Some(command) => self.lab.seek(at, command),
            // Two packets back: what came, and our answer to it.
            None => self.lab.seek(self.lab.last(), TimeCommand::StepPackets(-2)),
        };
        self.lab.scene(event)
    }

    /// The next beat; where there is none, the cursor stays: what comes after the last one is only functions
    /// that return.
    fn next_beat(&self, at: EventId) -> EventId {
        let next = self.lab.seek(at, TimeCommand::StepBeats(1));
        if next < self.lab.last() { next } else { self.lab.seek(next, TimeCommand::StepBeats(-1)).max(at) }
    }

    /// What a drawer shows.
    pub fn pane(&self, query: &lab::panes::PaneQuery) -> lab::panes::PaneView {
        self.lab.pane(query)
    }

    /// The stops so far.
    pub fn past(&self) -> (RunInfo, Timeline) {
        (self.lab.info(), self.lab.timeline())
    }

    fn note(&mut self, now_ns: u64, out: bool, bytes: &[u8], event: EventId) {
        if self.frames.len() >= FRAMES_TOLD {
            self.frames.pop_front();
        }
        self.frames.push_back(FrameLine {
            number: self.frames_in + self.frames_out,
            at_ns: now_ns.saturating_sub(self.begin_ns),
            out,
            len: bytes.len() as u32,
            summary: summary(bytes),
            event,
        });
    }
}

fn view(command: &mut Command, lab: &LiveLab, bytes_in: u64) -> CommandView {
    let status = command.task.as_ref().ok().and_then(|task| lab.exit_status(*task));
    if let (None, Some(status)) = (command.ended, status) {
        command.ended = Some((bytes_in, status));
    }
    let (output, status) = match &command.task {
        Ok(task) => (tail(lab.output(*task)).to_owned(), command.ended.map(|(_, status)| status)),
        Err(reason) => (format!("{reason}\n"), Some(127)),
    };
    CommandView {
        number: command.number,
        line: command.line.clone(),
        task: command.task.as_ref().ok().copied(),
        output,
        status,
        received: command.ended.map_or(bytes_in, |(bytes, _)| bytes) - command.bytes_at_start,
    }
}

fn tail(text: &str) -> &str {
    let mut from = text.len().saturating_sub(OUTPUT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridge_protocol::Mac;

    fn session() -> Session {
        let lease = Lease {
            mac: Mac([2, 0x53, 0x50, 0, 0, 2]),
            address: "10.77.0.2".parse().expect("an address"),
            prefix: 24,
            gateway: Some("10.77.0.1".parse().expect("an address")),
            kernel_mac: None,
            mtu: 1500,
        };
        Session::new(&lease, 1, 0)
    }

    #[test]
    fn a_ping_asks_for_the_kernels_address_and_ends_without_an_answer() {
        let mut session = session();
        session.run(0, "ping -c 1 -W 1 10.77.0.1");
        let frames = session.frames_out(0);
        assert_eq!(&frames[0][12..14], [8, 6], "an ARP request first");
        for second in 1..8 {
            session.poll(second * 1_000_000_000);
        }
        let news = session.news();
        assert_eq!(news.commands.len(), 1);
        assert!(news.commands[0].status.is_some_and(|status| status != 0), "{:?}", news.commands);
        assert!(news.frames.iter().any(|frame| frame.out && frame.summary.contains("10.77.0.1")), "{:?}", news.frames);
    }

    #[test]
    fn an_unknown_program_is_told_in_the_shells_words() {
        let mut session = session();
        session.run(0, "frobnicate");
        let news = session.news();
        assert_eq!(news.commands[0].status, Some(127));
        assert!(news.commands[0].output.contains("command not found"));
    }

    #[test]
    fn looking_back_stops_nothing() {
        let mut session = session();
        session.run(0, "ping -c 3 10.77.0.1");
        let _ = session.frames_out(0);
        let before = session.look(EventId(1), Some(TimeCommand::Seek(EventId(3))));
        session.poll(2_000_000_000);
        let after = session.look(EventId(1), Some(TimeCommand::Seek(EventId(3))));
        assert_eq!(before, after);
        assert!(session.news().last > before.at);
    }

    #[test]
    fn what_curl_tells_can_be_read() {
        let view = CommandView {
            number: 1,
            line: String::new(),
            task: None,
            output: "status=200 bytes=10 sha256=ab\n".to_owned(),
            status: Some(0),
            received: 0,
        };
        assert_eq!((view.told("bytes"), view.told("sha256"), view.told("x")), (Some("10"), Some("ab"), None));
    }
}
