//! Batches: what is written is read back, and no bytes whatever make the reader panic.

use bridge_protocol::{
    BatchBuilder, BatchError, MAX_BATCH_BYTES, MAX_FRAME_BYTES, MAX_RECORD_FRAME_BYTES, MIN_FRAME_BYTES, PushError,
    RECORD_HEADER_BYTES, Record, Records,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn record_bytes(length: u16, frame: &[u8]) -> Vec<u8> {
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend_from_slice(&7u64.to_be_bytes());
    bytes.extend_from_slice(frame);
    bytes
}

#[test]
fn a_record_is_length_timestamp_frame_in_network_order() {
    let mut batch = BatchBuilder::new();
    batch.push(0x0102_0304_0506_0708, &[0xaa; 14]).unwrap();
    assert_eq!(batch.as_bytes()[..RECORD_HEADER_BYTES], [0, 14, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(batch.as_bytes()[RECORD_HEADER_BYTES..], [0xaa; 14]);
}

#[test]
fn an_empty_message_holds_no_records() {
    assert_eq!(Records::new(&[]).next(), None);
}

#[test]
fn frames_that_fit_no_record_are_refused_and_leave_the_batch_alone() {
    let mut batch = BatchBuilder::new();
    batch.push(1, &[0; 60]).unwrap();
    for len in [0, MIN_FRAME_BYTES - 1, MAX_RECORD_FRAME_BYTES + 1, MAX_FRAME_BYTES] {
        assert_eq!(batch.push(2, &vec![0; len]), Err(PushError::FrameLength(len)));
    }
    assert_eq!(Records::new(batch.as_bytes()).count(), 1);
}

#[test]
fn the_longest_frame_fills_a_batch_exactly() {
    let mut batch = BatchBuilder::new();
    batch.push(1, &vec![1; MAX_RECORD_FRAME_BYTES]).unwrap();
    assert_eq!(batch.len(), MAX_BATCH_BYTES);
    assert_eq!(batch.push(2, &[0; 14]), Err(PushError::Full));
    assert_eq!(batch.take().len(), MAX_BATCH_BYTES);
    assert!(batch.is_empty());
    batch.push(2, &[0; 14]).unwrap();
}

#[test]
fn a_truncated_header_says_where_and_ends_the_walk() {
    let mut bytes = record_bytes(14, &[1; 14]);
    bytes.extend_from_slice(&[0, 14, 0]);
    let mut records = Records::new(&bytes);
    assert_eq!(records.next(), Some(Ok(Record { timestamp_ns: 7, frame: &[1; 14] })));
    let error = BatchError::TruncatedHeader { at: 24, have: 3 };
    assert_eq!(records.next(), Some(Err(error)));
    assert_eq!(records.next(), None);
    assert!(error.to_string().contains("expected 10 bytes"));
}

#[test]
fn a_truncated_frame_is_an_error() {
    let bytes = record_bytes(60, &[1; 59]);
    assert_eq!(Records::new(&bytes).next(), Some(Err(BatchError::TruncatedFrame { at: 0, length: 60, have: 59 })));
}

#[test]
fn a_length_below_a_header_is_an_error() {
    let bytes = record_bytes(13, &[1; 13]);
    let mut records = Records::new(&bytes);
    assert_eq!(records.next(), Some(Err(BatchError::FrameLength { at: 0, length: 13 })));
    assert_eq!(records.next(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(frames in vec((any::<u64>(), vec(any::<u8>(), 14..200)), 0..200)) {
        let mut batch = BatchBuilder::new();
        for (timestamp_ns, frame) in &frames {
            batch.push(*timestamp_ns, frame).unwrap();
        }
        let message = batch.take();
        let read: Result<Vec<Record>, BatchError> = Records::new(&message).collect();
        let written: Vec<Record> = frames.iter().map(|(timestamp_ns, frame)| Record { timestamp_ns: *timestamp_ns, frame }).collect();
        prop_assert_eq!(read.unwrap(), written);
    }

    #[test]
    fn a_cut_batch_yields_whole_records_then_at_most_one_error(cut in 0usize..2000, lens in vec(14usize..120, 1..20)) {
        let mut batch = BatchBuilder::new();
        for len in &lens {
            batch.push(1, &vec![9; *len]).unwrap();
        }
        let whole = batch.take();
        let message = &whole[..cut.min(whole.len())];
        let items: Vec<_> = Records::new(message).collect();
        let good = items.iter().filter(|i| i.is_ok()).count();
        let used: usize = lens[..good].iter().map(|len| len + RECORD_HEADER_BYTES).sum();
        prop_assert_eq!(items.len() - good, usize::from(used < message.len()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in vec(prop_oneof![3 => Just(0u8), 1 => 0u8..40, 1 => any::<u8>()], 0..96)) {
        let mut used = 0;
        let mut bad = 0;
        for item in Records::new(&bytes) {
            match item {
                Ok(record) => used += RECORD_HEADER_BYTES + record.frame.len(),
                Err(error) => {
                    bad += 1;
                    prop_assert!(!error.to_string().is_empty());
                }
            }
        }
        prop_assert!(used <= bytes.len() && bad <= 1);
        prop_assert!(bad == 1 || used == bytes.len());
    }
}
