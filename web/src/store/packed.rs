//! What a link carries beside names and numbers: turns that were taken, and a scenario that is not the page's own.
//! Deflated, in letters that an address may have.

use crate::engine::{ForkEdit, Source};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use serde::{Deserialize, Serialize};
use stack::trace::EventId;

/// The form's number: what comes before it in the text.
const FORM: char = '1';
/// Unpacked bytes at the most: a link may come from anybody.
const MOST: usize = 1 << 20;

/// What is packed.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Packed {
    /// The scenario, if it is not the page's own.
    pub source: Option<Source>,
    /// The turns that were taken, in order: where, and what is different.
    pub turns: Vec<(EventId, ForkEdit)>,
}

impl Packed {
    /// As text; `None` if there is nothing to pack.
    pub fn write(&self) -> Option<String> {
        if self.source.is_none() && self.turns.is_empty() {
            return None;
        }
        let bytes = postcard::to_allocvec(self).ok()?;
        Some(format!("{FORM}{}", URL_SAFE_NO_PAD.encode(compress_to_vec(&bytes, 9))))
    }

    /// Reads it. What makes no sense is nothing.
    pub fn read(text: &str) -> Option<Packed> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(FORM)?).ok()?;
        postcard::from_bytes(&decompress_to_vec_with_limit(&bytes, MOST).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_reads_back_and_is_short() {
        assert_eq!(Packed::default().write(), None);
        let text = include_str!("../../../www/programs/hello_server.py").to_owned();
        let turns = vec![(EventId(7), ForkEdit::Source { program: 1, text })];
        let packed = Packed { source: None, turns };
        let text = packed.write().expect("something");
        assert!(text.len() < 400, "{}", text.len());
        assert_eq!(Packed::read(&text), Some(packed));
    }

    #[test]
    fn nonsense_is_nothing() {
        for text in ["", "1", "2AAAA", "1!!!", "1AAAA", "1_____w"] {
            assert_eq!(Packed::read(text), None, "{text}");
        }
    }
}
