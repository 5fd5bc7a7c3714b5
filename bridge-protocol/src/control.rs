//! Control messages: one JSON object each, told apart by its `type`.

use core::fmt;
use std::net::Ipv4Addr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Counters, MAX_CONTROL_BYTES, Mac, VERSION};

/// What a client says to the bridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientControl {
    /// Who the client is and what it wants; the bridge's own `hello` needs no answer, so this may come at any time.
    Hello {
        /// [`VERSION`]; taken as 1 when left out.
        #[serde(default = "version")]
        version: u32,
        /// A name for the bridge's log.
        client: String,
        /// What the bridge shall send.
        #[serde(default)]
        want: Vec<Want>,
    },
    /// Asks for an Ethernet and an IP address; the answer is `lease` or `error`. Asking again repeats the same lease.
    RequestLease,
    /// Asks for the counters even if they did not change; they come within a second.
    RequestCounters,
}

/// Something a client can ask for in its `hello`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Want {
    /// Addresses, as by `request_lease`.
    Lease,
    /// `counters` when they changed, at most once a second.
    Counters,
}

/// What the bridge says to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BridgeControl {
    /// The first message on every `sendpath.v1` connection.
    Hello {
        /// [`VERSION`].
        version: u32,
        /// Name and version of the program, for people.
        bridge: String,
        /// Whether there is a real network behind the bridge.
        tap: TapInfo,
    },
    /// The TAP device changed after `hello`, as when somebody deleted it.
    Tap {
        /// Its state now.
        tap: TapInfo,
    },
    /// The client's addresses; they are its own until the socket closes.
    Lease(Lease),
    /// What passed each port of the switch and what was dropped.
    Counters(Counters),
    /// Something was refused. The connection stays open.
    Error {
        /// For the program.
        code: ErrorCode,
        /// For people: what was wrong and what was expected.
        message: String,
    },
}

/// The kernel's end of the bridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TapInfo {
    /// Frames reach the kernel.
    Up {
        /// Name of the device, such as `sendpath0`.
        name: String,
        /// Longest IP packet in bytes.
        mtu: u16,
        /// The kernel's address on it.
        address: Ipv4Addr,
        /// Length of the network prefix.
        prefix: u8,
        /// The kernel's Ethernet address on it.
        mac: Mac,
    },
    /// Live mode is off; clients of the bridge still reach each other.
    Off {
        /// Name of the device that was meant.
        name: String,
        /// Why, in a sentence.
        reason: String,
        /// Commands that would help, each on its own; empty when it is off on request.
        how_to_grant: Vec<String>,
    },
}

/// A client's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The Ethernet address; frames from any other source are dropped.
    pub mac: Mac,
    /// The IP address; packets from any other source are dropped.
    pub address: Ipv4Addr,
    /// Length of the network prefix.
    pub prefix: u8,
    /// The kernel's address, when there is a TAP device.
    pub gateway: Option<Ipv4Addr>,
    /// The kernel's Ethernet address, when there is a TAP device. For display: learn it by ARP.
    pub kernel_mac: Option<Mac>,
    /// Longest IP packet in bytes.
    pub mtu: u16,
}

/// Why the bridge refused something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// A text message that is not one of [`ClientControl`].
    BadControl,
    /// A binary message that is not a batch; the records before the bad one were taken.
    BadBatch,
    /// A frame whose length the bridge does not carry.
    BadFrame,
    /// The client speaks a version that the bridge does not.
    UnsupportedVersion,
    /// No address is free.
    NoFreeLease,
    /// Frames were sent before there was a lease.
    NoLease,
    /// A code that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Why a text message is not a control message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlError {
    /// Longer than [`MAX_CONTROL_BYTES`].
    TooLong(usize),
    /// Not JSON; the reason has line and column.
    NotJson(String),
    /// JSON, but not an object with a text `type`.
    NoType {
        /// The types that would do.
        expected: &'static [&'static str],
    },
    /// A `type` that does not exist.
    UnknownType {
        /// The type, shortened.
        found: String,
        /// The types that would do.
        expected: &'static [&'static str],
    },
    /// A known `type` with wrong fields.
    Fields {
        /// The type.
        kind: &'static str,
        /// Which field, and what was expected of it.
        reason: String,
    },
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ControlError::TooLong(len) => {
                write!(f, "a control message of {len} bytes; expected at most {MAX_CONTROL_BYTES}")
            }
            ControlError::NotJson(reason) => {
                write!(f, "not JSON: {reason}; expected an object with a \"type\"")
            }
            ControlError::NoType { expected } => {
                write!(f, "expected a JSON object whose \"type\" is one of: {}", expected.join(", "))
            }
            ControlError::UnknownType { found, expected } => {
                write!(f, "unknown type {found:?}; expected one of: {}", expected.join(", "))
            }
            ControlError::Fields { kind, reason } => {
                write!(f, "in a message of type \"{kind}\": {reason}")
            }
        }
    }
}

impl core::error::Error for ControlError {}

impl ClientControl {
    /// The `type` of each variant.
    pub const TYPES: &'static [&'static str] = &["hello", "request_lease", "request_counters"];

    /// Reads one text message.
    pub fn decode(text: &str) -> Result<ClientControl, ControlError> {
        if text.len() > MAX_CONTROL_BYTES {
            return Err(ControlError::TooLong(text.len()));
        }
        decode(text, Self::TYPES)
    }

    /// Writes one text message.
    pub fn encode(&self) -> String {
        encode(self)
    }
}

impl BridgeControl {
    /// The `type` of each variant.
    pub const TYPES: &'static [&'static str] = &["hello", "tap", "lease", "counters", "error"];

    /// Reads one text message.
    pub fn decode(text: &str) -> Result<BridgeControl, ControlError> {
        decode(text, Self::TYPES)
    }

    /// Writes one text message.
    pub fn encode(&self) -> String {
        encode(self)
    }
}

fn version() -> u32 {
    VERSION
}

fn decode<T: DeserializeOwned>(text: &str, types: &'static [&'static str]) -> Result<T, ControlError> {
    let value: Value = serde_json::from_str(text).map_err(|e| ControlError::NotJson(e.to_string()))?;
    let Some(Value::String(found)) = value.get("type") else {
        return Err(ControlError::NoType { expected: types });
    };
    let Some(kind) = types.iter().copied().find(|t| t == found) else {
        return Err(ControlError::UnknownType { found: found.chars().take(40).collect(), expected: types });
    };
    serde_json::from_value(value).map_err(|e| ControlError::Fields { kind, reason: e.to_string() })
}

fn encode<T: Serialize>(message: &T) -> String {
    // None of the message types has a map with keys that are not text or a serialiser that fails.
    serde_json::to_string(message).unwrap_or_default()
}
