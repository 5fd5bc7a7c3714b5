//! From bytes of an skb's buffer to places on the strip.
//!
//! To scale where it matters; long stretches are torn, so the headers and the letters have room. The scale
//! depends only on what does not change while a packet crosses the layers: bytes that do not move must not
//! move on the screen either.

use lab::scene::SkbScene;
use stack::trace::Proto;

/// Bytes drawn of a long payload, at its beginning and its end.
const PAYLOAD_HEAD: u32 = 48;
const PAYLOAD_TAIL: u32 = 8;
/// Room for the headers that will come: TCP with timestamps 32, IPv4 20, Ethernet 14, and some free bytes.
const HEADERS: u32 = 80;
/// Free bytes shown beside what is written.
const MARGIN: u32 = 14;
/// The width of a torn stretch, in bytes' widths.
const TORN: f32 = 13.0;
/// The cell behind `end`.
const SHARED_INFO: f32 = 20.0;

/// A stretch of the buffer.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Stretch {
    /// First byte.
    pub from: u32,
    /// The byte after the last.
    pub to: u32,
    /// Left edge in percent of the strip.
    pub x0: f32,
    /// Right edge.
    pub x1: f32,
    /// Drawn shorter than it is.
    pub torn: bool,
}

/// The scale of one strip.
#[derive(Clone, PartialEq, Debug)]
pub struct Scale {
    /// The stretches, from head to end.
    pub stretches: Vec<Stretch>,
}

impl Scale {
    /// The scale for an skb's buffer.
    pub fn of(skb: &SkbScene) -> Scale {
        // Page fragments are not in this buffer.
        let linear = || skb.regions.iter().filter(|region| region.at < skb.end);
        let written_from = linear().map(|region| region.at).min().unwrap_or(skb.data).min(skb.data);
        let written_to = linear().map(|region| region.at + region.len).max().unwrap_or(skb.tail).max(skb.tail);
        let payload = linear().find(|region| region.proto == Proto::Payload);
        let headers_end = match payload {
            Some(region) => region.at,
            None => linear().map(|region| region.at + region.len).max().unwrap_or(skb.data),
        };
        let from = if skb.receiving { written_from } else { written_from.min(headers_end.saturating_sub(HEADERS)) };
        let mut cuts = vec![(0, from.saturating_sub(MARGIN))];
        if let Some(region) = payload.filter(|region| region.len > PAYLOAD_HEAD + PAYLOAD_TAIL + TORN as u32) {
            cuts.push((region.at + PAYLOAD_HEAD, region.at + region.len - PAYLOAD_TAIL));
        }
        cuts.push((written_to + MARGIN, skb.end));
        Scale::new(skb.end, &cuts)
    }

    /// A buffer of `end` bytes with these stretches torn, if that makes them shorter.
    fn new(end: u32, cuts: &[(u32, u32)]) -> Scale {
        let mut parts = Vec::new();
        let mut at = 0;
        for &(from, to) in cuts.iter().filter(|(from, to)| *to > from + TORN as u32) {
            parts.push((at, from, false));
            parts.push((from, to, true));
            at = to;
        }
        parts.push((at, end, false));
        parts.retain(|(from, to, _)| to > from);
        let width = |&(from, to, torn): &(u32, u32, bool)| if torn { TORN } else { (to - from) as f32 };
        let total = parts.iter().map(width).sum::<f32>() + SHARED_INFO;
        let mut x = 0.0;
        let stretches = parts.iter().map(|part| {
            let (x0, x1) = (x, x + width(part) / total * 100.0);
            x = x1;
            Stretch { from: part.0, to: part.1, x0, x1, torn: part.2 }
        });
        Scale { stretches: stretches.collect() }
    }

    /// Where a byte's left edge is, in percent.
    pub fn x(&self, byte: u32) -> f32 {
        let Some(stretch) = self.stretches.iter().find(|s| byte < s.to).or(self.stretches.last()) else { return 0.0 };
        let inside = (byte.clamp(stretch.from, stretch.to) - stretch.from) as f32 / (stretch.to - stretch.from) as f32;
        round(stretch.x0 + (stretch.x1 - stretch.x0) * inside)
    }

    /// The style that covers some bytes.
    pub fn span(&self, from: u32, to: u32) -> String {
        let (x0, x1) = (self.x(from), self.x(to));
        format!("left:{x0}%;width:{}%", round(x1 - x0))
    }

    /// Where the buffer ends.
    pub fn end(&self) -> f32 {
        self.stretches.last().map_or(0.0, |stretch| round(stretch.x1))
    }
}

fn round(x: f32) -> f32 {
    (x * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_grow_with_bytes_and_torn_stretches_are_short() {
        let scale = Scale::new(704, &[(0, 200), (400, 700)]);
        let all: Vec<f32> = (0..=704).map(|byte| scale.x(byte)).collect();
        assert!(all.windows(2).all(|w| w[0] <= w[1]));
        assert!(scale.x(200) < scale.x(240) - scale.x(200));
        assert_eq!(scale.x(704), scale.end());
        assert_eq!(scale.x(9_999), scale.end());
    }

    #[test]
    fn a_short_buffer_is_not_torn() {
        let scale = Scale::new(40, &[(0, 5), (30, 40)]);
        assert!(scale.stretches.iter().all(|stretch| !stretch.torn));
    }

    #[test]
    fn no_buffer_is_no_reason_to_panic() {
        let scale = Scale::new(0, &[]);
        assert_eq!((scale.x(0), scale.end()), (0.0, 0.0));
    }
}
