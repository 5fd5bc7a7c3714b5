//! A learning switch: store and forward.
//!
//! IEEE 802.1D §7.8 (learning), §7.7 (forwarding), §7.9.2 (ageing, 300 s). A frame whose FCS is wrong is
//! discarded, a frame to an unknown or group address goes out of every port but the one it came in by.

use stack::host::Frame;
use stack::time::{Duration, Instant};
use stack::wire::checksum;
use stack::wire::ethernet::{EthernetRepr, MacAddr};
use std::collections::{BTreeMap, VecDeque};

/// How long an address is remembered.
pub const AGEING_TIME: Duration = Duration::from_secs(300);
/// How many addresses are remembered.
pub const TABLE_SIZE: usize = 1024;
/// How many frames wait for a port.
pub const QUEUE_FRAMES: usize = 256;

/// A switch at work.
#[derive(Clone, Debug, Default)]
pub struct Switch {
    /// Frames that wait for each port's line.
    queues: Vec<VecDeque<Frame>>,
    table: BTreeMap<MacAddr, (usize, Instant)>,
}

/// Where a frame goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Out of these ports.
    Forward(Vec<usize>),
    /// Its destination is where it came from.
    Filtered,
    /// Its FCS is wrong.
    BadFcs,
    /// It is too short to be a frame.
    Runt,
}

impl Switch {
    /// A switch that has seen nothing yet.
    pub fn new(ports: usize) -> Switch {
        Switch { queues: vec![VecDeque::new(); ports], table: BTreeMap::new() }
    }

    /// Learns the sender's port and decides where the frame goes.
    pub fn decide(&mut self, now: Instant, port: usize, frame: &[u8]) -> Verdict {
        let Some((body, fcs)) = frame.split_last_chunk::<4>() else { return Verdict::Runt };
        if *fcs != checksum::fcs(body) {
            return Verdict::BadFcs;
        }
        let Ok(header) = EthernetRepr::parse(body) else { return Verdict::Runt };
        self.learn(now, header.src, port);
        match self.lookup(now, header.dst) {
            Some(out) if out == port => Verdict::Filtered,
            Some(out) => Verdict::Forward(vec![out]),
            None => Verdict::Forward((0..self.queues.len()).filter(|p| *p != port).collect()),
        }
    }

    /// Puts a frame into a port's queue; gives it back if the queue is full.
    pub fn enqueue(&mut self, port: usize, frame: Frame) -> Result<(), Frame> {
        match self.queues.get_mut(port) {
            Some(queue) if queue.len() < QUEUE_FRAMES => {
                queue.push_back(frame);
                Ok(())
            }
            _ => Err(frame),
        }
    }

    /// The next frame for a port's line.
    pub fn dequeue(&mut self, port: usize) -> Option<Frame> {
        self.queues.get_mut(port)?.pop_front()
    }

    /// The port behind which an address was seen, if that is not too long ago.
    pub fn lookup(&self, now: Instant, mac: MacAddr) -> Option<usize> {
        let (port, seen) = self.table.get(&mac)?;
        (now.since(*seen) < AGEING_TIME).then_some(*port)
    }

    fn learn(&mut self, now: Instant, mac: MacAddr, port: usize) {
        if mac.is_multicast() {
            return;
        }
        if self.table.len() >= TABLE_SIZE && !self.table.contains_key(&mac) {
            self.table.retain(|_, (_, seen)| now.since(*seen) < AGEING_TIME);
        }
        if self.table.len() < TABLE_SIZE || self.table.contains_key(&mac) {
            self.table.insert(mac, (port, now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stack::trace::{EventId, FrameId};

    const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const B: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    fn bytes(dst: MacAddr, src: MacAddr) -> Vec<u8> {
        let mut frame = EthernetRepr { dst, src, ethertype: 0x0800 }.emit().to_vec();
        frame.resize(60, 0);
        let fcs = checksum::fcs(&frame);
        frame.extend_from_slice(&fcs);
        frame
    }

    #[test]
    fn it_floods_what_it_does_not_know_and_learns_from_every_frame() {
        let mut switch = Switch::new(3);
        assert_eq!(switch.decide(Instant::ZERO, 0, &bytes(B, A)), Verdict::Forward(vec![1, 2]));
        assert_eq!(switch.decide(Instant::ZERO, 2, &bytes(A, B)), Verdict::Forward(vec![0]));
        assert_eq!(switch.decide(Instant::ZERO, 0, &bytes(B, A)), Verdict::Forward(vec![2]));
        assert_eq!(switch.decide(Instant::ZERO, 0, &bytes(MacAddr::BROADCAST, A)), Verdict::Forward(vec![1, 2]));
    }

    #[test]
    fn a_frame_to_its_own_side_is_filtered() {
        let mut switch = Switch::new(2);
        switch.decide(Instant::ZERO, 0, &bytes(MacAddr::BROADCAST, A));
        assert_eq!(switch.decide(Instant::ZERO, 0, &bytes(A, B)), Verdict::Filtered);
    }

    #[test]
    fn an_address_is_forgotten_after_five_minutes_and_follows_a_move() {
        let mut switch = Switch::new(3);
        switch.decide(Instant::ZERO, 1, &bytes(B, A));
        let later = Instant::ZERO + AGEING_TIME;
        assert_eq!(switch.lookup(Instant::ZERO, A), Some(1));
        assert_eq!(switch.lookup(later, A), None);
        switch.decide(later, 2, &bytes(B, A));
        assert_eq!(switch.lookup(later, A), Some(2));
    }

    #[test]
    fn broken_frames_go_nowhere_and_teach_nothing() {
        let mut switch = Switch::new(2);
        let mut frame = bytes(B, A);
        frame[20] ^= 1;
        assert_eq!(switch.decide(Instant::ZERO, 0, &frame), Verdict::BadFcs);
        assert_eq!(switch.decide(Instant::ZERO, 0, &[1, 2]), Verdict::Runt);
        assert_eq!(switch.lookup(Instant::ZERO, A), None);
    }

    #[test]
    fn a_full_queue_refuses() {
        let mut switch = Switch::new(1);
        let frame = || Frame { id: FrameId(1), bytes: Vec::new(), sent_by: EventId::NONE };
        for _ in 0..QUEUE_FRAMES {
            assert!(switch.enqueue(0, frame()).is_ok());
        }
        assert!(switch.enqueue(0, frame()).is_err());
        assert!(switch.enqueue(9, frame()).is_err());
    }
}
