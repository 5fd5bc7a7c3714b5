//! What the page and the native bridge say to each other over one WebSocket.
//!
//! The socket is at [`WS_PATH`], with the token of the bridge's URL: `/ws?token=…`. Two dialects:
//!
//! * Sub-protocol [`SUB_PROTOCOL`]: text messages are control, one JSON object each, told apart by its `type`
//!   ([`ClientControl`], [`BridgeControl`]). Binary messages are batches of timestamped frames
//!   ([`BatchBuilder`], [`Records`]).
//! * No sub-protocol: every binary message is one raw Ethernet frame and there is no control.
//!
//! One conversation in `sendpath.v1`:
//!
//! ```text
//! bridge  {"type":"hello","version":1,"bridge":"native-bridge 0.1.0","tap":{"state":"up",…}}   as soon as the socket opens
//! page    {"type":"hello","client":"sendpath page","want":["lease","counters"]}
//! bridge  {"type":"lease","mac":"02:53:50:00:00:02","address":"10.77.0.2","prefix":24,…}
//! both    batches of frames
//! bridge  {"type":"counters",…}                                                               at most once a second
//! ```
//!
//! A browser does not tell a page why a WebSocket was refused. A plain GET of the same address does: 426 when the token
//! is right, 401 when it is missing or wrong, each with a sentence. (503: too many clients, on the upgrade only.)
//! The bridge closes with 1001 when it stops, 1002 after a message that it could not take.
//!
//! Nothing here panics on any input: what cannot be decoded is an error value that says what was expected.

#![forbid(unsafe_code)]

mod batch;
mod control;
mod counters;
mod mac;

pub use batch::{BatchBuilder, BatchError, PushError, Record, Records};
pub use control::{BridgeControl, ClientControl, ControlError, ErrorCode, Lease, TapInfo, Want};
pub use counters::{Counters, DropReason, ImpairCounters, PortCounters, PortKind, Traffic};
pub use mac::{Mac, MacError};

/// The version that [`BridgeControl::Hello`] and [`ClientControl::Hello`] carry.
pub const VERSION: u32 = 1;

/// Name of the WebSocket sub-protocol that carries control messages and batches.
pub const SUB_PROTOCOL: &str = "sendpath.v1";

/// Path of the WebSocket on the bridge; the token goes into its query: `/ws?token=…`.
pub const WS_PATH: &str = "/ws";

/// Shortest Ethernet frame: two addresses and a type. (No padding to 60 bytes and no FCS cross the bridge.)
pub const MIN_FRAME_BYTES: usize = 14;

/// Longest Ethernet frame the bridge takes from a raw client: the largest IP packet and a header.
pub const MAX_FRAME_BYTES: usize = 65_549;

/// Longest frame that fits a batch record. Its length field is a `u16`, so the last 14 lengths up to
/// [`MAX_FRAME_BYTES`] cannot be written: such a frame is refused, and counted as `too_long`, never cut.
pub const MAX_RECORD_FRAME_BYTES: usize = u16::MAX as usize;

/// Bytes in front of each frame in a batch: `length u16 · timestamp u64`.
pub const RECORD_HEADER_BYTES: usize = 10;

/// Longest batch: one record of the greatest length, so about 64 KiB.
pub const MAX_BATCH_BYTES: usize = RECORD_HEADER_BYTES + MAX_RECORD_FRAME_BYTES;

/// Longest control message that the bridge takes from a client.
pub const MAX_CONTROL_BYTES: usize = 16 * 1024;
