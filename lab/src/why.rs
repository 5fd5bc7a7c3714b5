//! Why is this so? Which event wrote a field last, and what led to it: the chain that `because` makes.

use crate::Lab;
use crate::scene::EventScene;
use serde::{Deserialize, Serialize};
use stack::skb::SkbId;
use stack::trace::{EventId, HostId, Proto, What};

/// Causes told at the most.
const MOST: usize = 24;

/// A field of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FieldRef {
    /// Whose memory the packet is in.
    pub host: HostId,
    /// Which packet.
    pub skb: SkbId,
    /// Which header.
    pub proto: Proto,
    /// First bit.
    pub bit: u32,
    /// How many bits.
    pub bits: u32,
}

/// One cause.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Cause {
    /// When, ns of virtual time.
    pub at_ns: u64,
    /// The name of the host, or of the switch.
    pub host: String,
    /// What happened.
    pub event: EventScene,
    /// The sentence of that moment.
    pub caption: String,
}

impl Lab {
    /// The events that changed a field, in order. The first is the one that wrote it for the first time.
    pub fn field_writes(&self, field: FieldRef) -> Vec<EventId> {
        let mut last: Option<Vec<u8>> = None;
        let mut writes = Vec::new();
        for (id, event) in self.log().since(EventId(1)).filter(|(_, event)| event.host == field.host) {
            match event.what {
                What::Header { proto, skb, bytes, .. } if proto == field.proto && skb == field.skb => {
                    let now = cut(self.log().bytes(bytes), field.bit, field.bits);
                    if last.as_ref() != Some(&now) {
                        writes.push(id);
                        last = Some(now);
                    }
                }
                _ => {}
            }
        }
        writes
    }

    /// The event that wrote a field last, at or before `at`.
    pub fn write_of(&self, field: FieldRef, at: EventId) -> Option<EventId> {
        self.field_writes(field).into_iter().rfind(|event| *event <= at)
    }

    /// The next (`direction` > 0) or the last change of a field, seen from `at`.
    pub fn change_of(&self, field: FieldRef, at: EventId, direction: i32) -> Option<EventId> {
        let mut writes = self.field_writes(field).into_iter();
        if direction > 0 { writes.find(|event| *event > at) } else { writes.rfind(|event| *event < at) }
    }

    /// An event, what led to it, what led to that, and so on to where it began.
    pub fn causes(&self, event: EventId) -> Vec<Cause> {
        let mut causes = Vec::new();
        let mut next = event;
        while next != EventId::NONE && causes.len() < MOST {
            let scene = self.scene(next);
            let Some(event) = scene.event.filter(|event| event.id == next) else { break };
            // A cause comes before what it leads to.
            next = if event.because < next { event.because } else { EventId::NONE };
            let host = self.config().host_name(event.host);
            causes.push(Cause { at_ns: scene.now_ns, host, event, caption: scene.caption });
        }
        causes
    }
}

/// The bits as bytes, the last one filled up with zeros; bits that are not there are left out.
fn cut(header: &[u8], bit: u32, bits: u32) -> Vec<u8> {
    let mut out = vec![0; bits.div_ceil(8).min(64) as usize];
    for i in 0..bits.min(512) {
        let (byte, in_byte) = (((bit + i) / 8) as usize, (bit + i) % 8);
        let Some(value) = header.get(byte).map(|b| b >> (7 - in_byte) & 1) else { break };
        out[(i / 8) as usize] |= value << (7 - i % 8);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    fn lab() -> Lab {
        let text = include_str!("capture/fetch.toml");
        let mut lab = Lab::new(Scenario::parse("fetch.toml", text, &mut |_| Ok(String::new())).expect("a scenario"));
        lab.run();
        lab
    }

    /// The packets that have an IPv4 header, with the event of its first write.
    fn headers(lab: &Lab) -> Vec<(HostId, SkbId, EventId)> {
        let header = |(id, event): (EventId, &stack::trace::Event)| match event.what {
            What::Header { proto: Proto::Ipv4, skb, .. } => Some((event.host, skb, id)),
            _ => None,
        };
        lab.log().since(EventId(1)).filter_map(header).collect()
    }

    #[test]
    fn the_length_is_written_after_the_address_and_both_are_found() {
        let lab = lab();
        let (host, skb, first) = headers(&lab)[0];
        let field = |bit, bits| FieldRef { host, skb, proto: Proto::Ipv4, bit, bits };
        let (ttl, checksum) = (lab.field_writes(field(64, 8)), lab.field_writes(field(80, 16)));
        assert_eq!(ttl, [first]);
        assert!(checksum.len() >= 2 && checksum[0] == first, "{checksum:?}");
        assert_eq!(lab.write_of(field(80, 16), lab.last()), checksum.last().copied());
        assert_eq!(lab.write_of(field(80, 16), first), Some(first));
        assert_eq!(lab.change_of(field(80, 16), first, 1), Some(checksum[1]));
        assert_eq!(lab.change_of(field(80, 16), checksum[1], -1), Some(first));
        assert_eq!(lab.change_of(field(64, 8), first, 1), None);
    }

    #[test]
    fn every_cause_is_older_and_the_last_has_none() {
        let lab = lab();
        let (_, _, event) = headers(&lab).pop().expect("a header");
        let causes = lab.causes(event);
        assert!(causes.len() > 1);
        assert_eq!(causes[0].event.id, event);
        assert!(causes.windows(2).all(|pair| pair[1].event.id == pair[0].event.because));
        assert!(causes.windows(2).all(|pair| pair[1].event.id < pair[0].event.id));
        assert!(causes.iter().all(|cause| !cause.host.is_empty()));
        assert!(lab.causes(EventId::NONE).is_empty());
    }

    #[test]
    fn bits_that_are_not_there_are_no_reason_to_panic() {
        assert_eq!(cut(&[0xff], 4, 16), [0xf0, 0]);
        assert_eq!(cut(&[], 0, 0), [0u8; 0]);
        assert_eq!(cut(&[1], u32::MAX - 600, 9), [0, 0]);
    }
}
