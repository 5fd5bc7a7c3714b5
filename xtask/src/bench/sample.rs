//! One timed transfer, as the programs print it; and what several say together.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// One line of a program's output.
#[derive(Clone, Deserialize, Debug)]
pub struct Sample {
    /// Who carried the bytes.
    pub variant: String,
    /// Socket buffers, bytes.
    pub buffer: u32,
    /// CPU time.
    pub seconds: f64,
    /// What the reader got.
    pub bytes: u64,
    /// Frames with data.
    pub data_frames: u64,
    /// Frames back.
    pub acks: u64,
    /// Events taken down.
    pub events: u64,
}

impl Sample {
    /// Reads what a program printed.
    pub fn read_all(text: &str) -> Result<Vec<Sample>> {
        let read = |line| serde_json::from_str(line).with_context(|| format!("cannot understand `{line}`"));
        text.lines().map(read).collect()
    }

    /// Throughput.
    pub fn gbit_per_s(&self) -> f64 {
        self.bytes as f64 * 8e-9 / self.seconds
    }
}

/// The middle of several measurements, and how far they lie apart.
#[derive(Clone, Copy, Serialize, PartialEq, Debug)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of at least one number.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut sorted: Vec<f64> = numbers.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Some(Spread { median: (low + high) / 2.0, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).map(|spread| spread.median), Some(2.5));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn a_line_of_the_program_is_understood() {
        let line = r#"{"variant":"off","buffer":65536,"seconds":0.5,"bytes":1000,"data_frames":1,"acks":1,"events":0}"#;
        let samples = Sample::read_all(line).unwrap();
        assert!((samples[0].gbit_per_s() - 16e-6).abs() < 1e-12);
        assert!(Sample::read_all("no JSON").is_err());
    }
}
