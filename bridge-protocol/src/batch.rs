//! Batches of frames in one binary message: records `length u16 · timestamp u64 (ns) · frame`, big-endian.
//!
//! A browser pays about as much for a message of one frame as for one of 64 KiB, so frames travel together.
//! From the bridge, the timestamp is when the frame reached it, in nanoseconds since the Unix epoch. From the
//! page it is the page's own clock; the bridge does not use it.

use core::fmt;

use crate::{MAX_BATCH_BYTES, MAX_RECORD_FRAME_BYTES, MIN_FRAME_BYTES, RECORD_HEADER_BYTES};

/// One frame of a batch; `frame` borrows from the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// When the frame passed the sender of the batch, in nanoseconds.
    pub timestamp_ns: u64,
    /// The frame, from destination address to the end of the payload.
    pub frame: &'a [u8],
}

/// Why a frame was not added to a batch. The batch is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError {
    /// The batch would become longer than [`MAX_BATCH_BYTES`]: send it, then push again.
    Full,
    /// The frame can be in no batch: it must be [`MIN_FRAME_BYTES`] to [`MAX_RECORD_FRAME_BYTES`] long.
    FrameLength(usize),
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PushError::Full => write!(f, "the batch is full: at most {MAX_BATCH_BYTES} bytes fit"),
            PushError::FrameLength(len) => {
                write!(f, "a frame of {len} bytes; expected {MIN_FRAME_BYTES} to {MAX_RECORD_FRAME_BYTES}")
            }
        }
    }
}

impl core::error::Error for PushError {}

/// Collects frames into one message.
#[derive(Clone, Debug, Default)]
pub struct BatchBuilder {
    bytes: Vec<u8>,
}

impl BatchBuilder {
    /// An empty batch; takes memory with the first frame.
    pub fn new() -> BatchBuilder {
        BatchBuilder::default()
    }

    /// Adds one frame.
    pub fn push(&mut self, timestamp_ns: u64, frame: &[u8]) -> Result<(), PushError> {
        let length = u16::try_from(frame.len()).map_err(|_| PushError::FrameLength(frame.len()))?;
        if frame.len() < MIN_FRAME_BYTES {
            return Err(PushError::FrameLength(frame.len()));
        }
        if !self.has_room(frame.len()) {
            return Err(PushError::Full);
        }
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(&timestamp_ns.to_be_bytes());
        self.bytes.extend_from_slice(frame);
        Ok(())
    }

    /// Whether a frame of this length still fits.
    pub fn has_room(&self, frame_bytes: usize) -> bool {
        self.bytes.len() + RECORD_HEADER_BYTES + frame_bytes <= MAX_BATCH_BYTES
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Length of the message so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The message so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes the message out; the batch is empty again.
    pub fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.bytes)
    }
}

/// What is wrong with a batch, and at which byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchError {
    /// The message ends inside a record's header.
    TruncatedHeader {
        /// Where the record starts.
        at: usize,
        /// Bytes that are there, of [`RECORD_HEADER_BYTES`].
        have: usize,
    },
    /// The message ends inside a frame.
    TruncatedFrame {
        /// Where the record starts.
        at: usize,
        /// The length that the record states.
        length: usize,
        /// Bytes of the frame that are there.
        have: usize,
    },
    /// A record states a length that no frame has. (A `u16` cannot state too great a length.)
    FrameLength {
        /// Where the record starts.
        at: usize,
        /// The length that the record states.
        length: usize,
    },
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BatchError::TruncatedHeader { at, have } => write!(
                f,
                "batch ends in the header of the record at byte {at}: expected {RECORD_HEADER_BYTES} bytes (length u16, timestamp u64), found {have}"
            ),
            BatchError::TruncatedFrame { at, length, have } => {
                write!(f, "batch ends in the frame of the record at byte {at}: expected {length} bytes, found {have}")
            }
            BatchError::FrameLength { at, length } => write!(
                f,
                "the record at byte {at} states a frame of {length} bytes; expected {MIN_FRAME_BYTES} to {MAX_RECORD_FRAME_BYTES}"
            ),
        }
    }
}

impl core::error::Error for BatchError {}

/// Walks over the records of one message without copying. Ends after the last record or after the first error.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    /// Reads `message` from its first byte.
    pub fn new(message: &'a [u8]) -> Records<'a> {
        Records { message, at: 0 }
    }

    fn read(&self) -> Result<Record<'a>, BatchError> {
        let at = self.at;
        let rest = self.message.get(at..).unwrap_or_default();
        let Some((header, rest)) = rest.split_first_chunk::<RECORD_HEADER_BYTES>() else {
            return Err(BatchError::TruncatedHeader { at, have: rest.len() });
        };
        let [l0, l1, timestamp @ ..] = *header;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        if length < MIN_FRAME_BYTES {
            return Err(BatchError::FrameLength { at, length });
        }
        let frame = rest.get(..length).ok_or(BatchError::TruncatedFrame { at, length, have: rest.len() })?;
        Ok(Record { timestamp_ns: u64::from_be_bytes(timestamp), frame })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.message.len() {
            return None;
        }
        let record = self.read();
        self.at = match &record {
            Ok(record) => self.at + RECORD_HEADER_BYTES + record.frame.len(),
            Err(_) => self.message.len(),
        };
        Some(record)
    }
}

impl core::iter::FusedIterator for Records<'_> {}
