//! What two runs sent: packets alike side by side, the others marked.

use super::{PacketLine, Packets};
use serde::{Deserialize, Serialize};

/// Rows at the most.
const MOST: usize = 2_000;
/// How far ahead a packet's like is looked for.
const AHEAD: usize = 24;

/// A packet of one run, of the other, or of both.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Compared {
    /// In the first run.
    pub one: Option<PacketLine>,
    /// In the second.
    pub two: Option<PacketLine>,
    /// Both say the same.
    pub same: bool,
}

/// The packets of both, in order. Packets are alike when they say the same, whenever they were sent.
pub fn compare(one: &Packets, two: &Packets) -> Vec<Compared> {
    let lines = |packets: &Packets| -> Vec<PacketLine> { (0..packets.len()).filter_map(|i| packets.line(i)).collect() };
    let (one, two) = (lines(one), lines(two));
    let mut rows = Vec::new();
    let (mut i, mut j) = (0, 0);
    while rows.len() < MOST && (i < one.len() || j < two.len()) {
        let alike = |i: usize, j: usize| matches!((one.get(i), two.get(j)), (Some(a), Some(b)) if words(a) == words(b));
        // The nearest pair of alikes; what lies before it is in one run only.
        let pair = (0..AHEAD * 2).find_map(|sum| {
            (0..=sum).map(|a| (a, sum - a)).filter(|(a, b)| *a < AHEAD && *b < AHEAD).find(|(a, b)| alike(i + a, j + b))
        });
        let (a, b) = pair.unwrap_or((one.len() - i, two.len() - j));
        rows.extend(one[i..i + a].iter().map(|line| Compared { one: Some(line.clone()), two: None, same: false }));
        rows.extend(two[j..j + b].iter().map(|line| Compared { one: None, two: Some(line.clone()), same: false }));
        (i, j) = (i + a, j + b);
        if pair.is_some() {
            rows.push(Compared { one: one.get(i).cloned(), two: two.get(j).cloned(), same: true });
            (i, j) = (i + 1, j + 1);
        }
    }
    rows.truncate(MOST);
    rows
}

/// What a packet says. The clock in its timestamps does not count.
fn words(line: &PacketLine) -> (&str, &str, &str, u32) {
    let info = line.info.split(" TSval=").next().unwrap_or(&line.info);
    (&line.source, &line.destination, info, line.length)
}
