//! What `cargo xtask bench` measures: one TCP connection between two hosts in memory, ours beside smoltcp's.
//!
//! Both sides of the comparison do the same work: Ethernet frames of at most 1514 bytes pass between two hosts in
//! one thread; every checksum is computed and verified; a program writes from its own buffer and another reads into
//! its own, [`CHUNK`] bytes at a time. Socket buffers have the size under test on both. The clock is virtual: a
//! 10 Gbit/s wire without delay. The program that measures (`main.rs`, or `run.mjs` in Node) times [`Transfer::run`] and
//! nothing else.

mod beside;
#[path = "../../stack/tests/support/crowd.rs"]
mod crowd;
mod smol;
mod traced;
mod untraced;
#[cfg(target_arch = "wasm32")]
mod wasm;

pub use beside::Beside;

/// What a program passes to `write` and asks `read` for, bytes; less where the socket buffer is smaller.
pub const CHUNK: usize = 64 * 1024;

/// Largest IPv4 packet, bytes.
pub const MTU: usize = 1500;

/// Time that a frame takes on the virtual wire, ns: 1538 bytes with preamble and gap at 10 Gbit/s.
pub const FRAME_TIME_NS: u64 = 1_230;

/// What the tracer's log may hold in a run with tracing on, bytes: the page's budget in live mode.
pub const LOG_BUDGET: usize = 24 << 20;

/// Who carries the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variant {
    /// smoltcp.
    Smoltcp,
    /// Ours, tracing compiled out.
    CompiledOut,
    /// Ours, tracing off.
    Off,
    /// Ours, tracing on: the log is cut at [`LOG_BUDGET`].
    On,
}

impl Variant {
    /// In the order in which a round runs them.
    pub const ALL: [Variant; 4] = [Variant::Smoltcp, Variant::CompiledOut, Variant::Off, Variant::On];

    /// Its name in the results.
    pub const fn name(self) -> &'static str {
        match self {
            Variant::Smoltcp => "smoltcp",
            Variant::CompiledOut => "compiled-out",
            Variant::Off => "off",
            Variant::On => "on",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Variant> {
        Variant::ALL.into_iter().find(|variant| variant.name() == name)
    }
}

/// One transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Job {
    /// Send buffer of the one and receive buffer of the other socket, bytes.
    pub buffer: usize,
    /// How much is sent, bytes.
    pub bytes: u64,
}

impl Job {
    /// What a program reads and writes at a time, bytes.
    pub fn chunk(&self) -> usize {
        CHUNK.min(self.buffer)
    }
}

/// What passed between the hosts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Bytes that the reader got.
    pub bytes: u64,
    /// A sum over them, to see that they are the right ones.
    pub sum: u64,
    /// Frames from the writer that carry data.
    pub data_frames: u64,
    /// Frames from the reader: acknowledgments.
    pub acks: u64,
    /// Events taken down.
    pub events: u64,
}

impl Counts {
    /// The fields of a JSON object.
    pub fn json_fields(&self) -> String {
        let Counts { bytes, data_frames, acks, events, .. } = self;
        format!(r#""bytes":{bytes},"data_frames":{data_frames},"acks":{acks},"events":{events}"#)
    }
}

/// A connection that is set up and waits for its bytes.
pub trait Transfer {
    /// Carries them all: what is timed.
    fn run(&mut self) -> Counts;
}

/// Sets up two hosts with a connection.
pub fn prepare(variant: Variant, job: Job) -> Box<dyn Transfer> {
    match variant {
        Variant::Smoltcp => Box::new(smol::Pair::new(job)),
        Variant::CompiledOut => Box::new(untraced::ours::Pair::new(job, false)),
        Variant::Off => Box::new(traced::ours::Pair::new(job, false)),
        Variant::On => Box::new(traced::ours::Pair::new(job, true)),
    }
}

/// What the program sends, over and over.
fn payload(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + (i >> 8) * 7) as u8).collect()
}

/// Adds up a sample of what was read: two bytes of each piece, so that the reader's buffer is looked at.
fn sample(counts: &mut Counts, read: &[u8]) {
    counts.bytes += read.len() as u64;
    let ends = read.first().into_iter().chain(read.last());
    counts.sum = ends.fold(counts.sum, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
}

/// Does a frame of this length carry data?
fn is_data(len: usize) -> bool {
    len > 200
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: Job = Job { buffer: 256 * 1024, bytes: 3 << 20 };

    #[test]
    fn every_variant_carries_every_byte() {
        for variant in Variant::ALL {
            let counts = prepare(variant, JOB).run();
            assert_eq!(counts.bytes, JOB.bytes, "{variant:?}");
        }
    }

    #[test]
    fn ours_acknowledges_at_least_every_second_segment() {
        let counts = prepare(Variant::Off, JOB).run();
        assert!(counts.acks * 2 + 2 >= counts.data_frames, "{counts:?}");
    }

    #[test]
    fn tracing_changes_nothing_but_the_events() {
        let [out, off, on] = [Variant::CompiledOut, Variant::Off, Variant::On].map(|v| prepare(v, JOB).run());
        assert_eq!(out, off);
        assert_eq!(off, Counts { events: 0, ..on });
        assert!(on.events > on.data_frames);
    }
}
