//! What a crowd of idle connections adds to the cost of a segment on another connection of their host.

use stack::host::Frame;
use stack::time::Instant;

use crate::crowd::Crowd;

/// A server with idle connections, and one that is busy: it receives.
pub struct Beside {
    crowd: Crowd,
    busy: usize,
    segments: Vec<(Instant, Frame)>,
}

impl Beside {
    /// A server with so many idle connections, each with its keepalive timer.
    pub fn new(idle: u32) -> Beside {
        let mut crowd = Crowd::new(idle + 1);
        for _ in 0..idle {
            crowd.connect();
        }
        let busy = crowd.connect();
        Beside { crowd, busy, segments: Vec::new() }
    }

    /// Makes the next full segments for the busy connection.
    pub fn prepare(&mut self, segments: usize) {
        self.segments = self.crowd.segments(self.busy, segments);
    }

    /// The server receives, reads and acknowledges them: what is timed.
    pub fn run(&mut self) {
        let segments = core::mem::take(&mut self.segments);
        self.crowd.hand_over(self.busy, segments);
    }
}
