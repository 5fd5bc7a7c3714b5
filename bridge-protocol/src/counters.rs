//! What the bridge counts at each port of its switch, and why it drops.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Mac;

/// Frames and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Frames.
    pub frames: u64,
    /// Bytes of those frames, headers included.
    pub bytes: u64,
}

/// What is connected to a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortKind {
    /// The TAP device: the kernel of the bridge's machine.
    Tap,
    /// A client that speaks `sendpath.v1`.
    Page,
    /// A client that sends one raw frame a message.
    Raw,
}

/// Why a frame (or a message) went no further. Counted at the port named in each reason, never silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// Receiver's port: its queue was full, and no other sender held more of it.
    QueueFull,
    /// Sender's port: shorter than an Ethernet header.
    TooShort,
    /// Sender's port: longer than the longest frame. Receiver's port: too long for a batch record.
    TooLong,
    /// Sender's port: a `sendpath.v1` client sent frames before it had a lease.
    NoLease,
    /// Sender's port: the Ethernet source (or the ARP sender) is not the port's address, or is no station's.
    WrongSourceMac,
    /// Sender's port: the IP source (or the ARP sender) is not the port's lease, or is another port's.
    WrongSourceAddress,
    /// Sender's port: the source address of a raw client belongs to another port already.
    MacInUse,
    /// Sender's port: a VLAN tag hides the addresses from the check, so leased ports may not send one.
    VlanTagged,
    /// Sender's port: the destination is on the port it came from. Not an error: a switch filters these.
    SamePort,
    /// Sender's port: a batch could not be decoded from some record on; counts one a batch.
    BadBatch,
    /// Sender's port: a text message that could not be decoded, or one on a raw connection; counts one a message.
    BadControl,
    /// Receiver's port: control messages (such as error replies) that found the client's reply queue full.
    RepliesFull,
    /// TAP port: the kernel refused the frame.
    TapWrite,
    /// TAP port: lost on purpose, by `--impair`.
    ImpairLoss,
    /// TAP port: `--impair` held too many frames back already.
    ImpairFull,
}

impl DropReason {
    /// Every reason, in the order of their discriminants.
    pub const ALL: [DropReason; 15] = [
        DropReason::QueueFull,
        DropReason::TooShort,
        DropReason::TooLong,
        DropReason::NoLease,
        DropReason::WrongSourceMac,
        DropReason::WrongSourceAddress,
        DropReason::MacInUse,
        DropReason::VlanTagged,
        DropReason::SamePort,
        DropReason::BadBatch,
        DropReason::BadControl,
        DropReason::RepliesFull,
        DropReason::TapWrite,
        DropReason::ImpairLoss,
        DropReason::ImpairFull,
    ];

    /// The name it has in JSON and in the log.
    pub fn name(self) -> &'static str {
        match self {
            DropReason::QueueFull => "queue_full",
            DropReason::TooShort => "too_short",
            DropReason::TooLong => "too_long",
            DropReason::NoLease => "no_lease",
            DropReason::WrongSourceMac => "wrong_source_mac",
            DropReason::WrongSourceAddress => "wrong_source_address",
            DropReason::MacInUse => "mac_in_use",
            DropReason::VlanTagged => "vlan_tagged",
            DropReason::SamePort => "same_port",
            DropReason::BadBatch => "bad_batch",
            DropReason::BadControl => "bad_control",
            DropReason::RepliesFull => "replies_full",
            DropReason::TapWrite => "tap_write",
            DropReason::ImpairLoss => "impair_loss",
            DropReason::ImpairFull => "impair_full",
        }
    }
}

/// The counters of one port since it was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortCounters {
    /// Number of the port; never used again while the bridge runs.
    pub port: u32,
    /// What is connected to it.
    pub kind: PortKind,
    /// Whether this is the port of the client that reads this message.
    #[serde(default)]
    pub you: bool,
    /// The address bound to the port, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// What the switch received from the port (dropped frames included).
    pub rx: Traffic,
    /// What was sent out of the port.
    pub tx: Traffic,
    /// What was dropped, by reason; reasons that never occurred are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<DropReason, u64>,
}

/// What `--impair` has done so far, both directions together. Its losses are also in the TAP port's `dropped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImpairCounters {
    /// Frames thrown away.
    pub lost: u64,
    /// Frames sent twice.
    pub duplicated: u64,
    /// Frames held back so that later ones overtake them.
    pub reordered: u64,
    /// Frames that passed untouched but for the delay.
    pub passed: u64,
}

/// The body of a `counters` message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Every open port, in the order in which they were opened.
    pub ports: Vec<PortCounters>,
    /// Present when the bridge was started with `--impair`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impair: Option<ImpairCounters>,
}
