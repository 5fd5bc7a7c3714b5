//! What can happen to the page, and what it wants done outside.

use super::{Bits, BranchAction, Card, DrawerKind, FileAction, Inspect, PacketRef, Pane};
use crate::engine::{EngineReply, EngineRequest, Saved, Source, Trouble};
use crate::time::{Moment, Speed};
use lab::scene::TimeCommand;
use stack::trace::{EventId, HostId, Proto, TaskId};

/// What can happen to the page.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// The engine says something.
    Engine(Box<EngineReply>),
    /// The reader moves the cursor.
    Time(TimeCommand),
    /// Play, or pause.
    Toggle,
    /// The time for the next beat has come; the number says of which wait.
    Tick(u32),
    /// Another speed.
    Speed(Speed),
    /// Look at a packet.
    Pick(PacketRef),
    /// Look at a header of it.
    PickProto(Proto),
    /// Select a field, or unselect it.
    PickBits(Option<Bits>),
    /// Point at a field.
    Hover(Option<Bits>),
    /// Go to the last (−1) or next (+1) change of the packet.
    Change(i32),
    /// Go to the event that wrote the selected field.
    JumpToWrite,
    /// Tell why the selected field is as it is, or stop telling.
    Why,
    /// Look at a host.
    ShowHost(HostId),
    /// Another card, on a narrow screen.
    Card(Card),
    /// Let the inspector show this.
    Inspect(Inspect),
    /// Open this drawer, or close it.
    Drawer(DrawerKind),
    /// Make the drawer so tall, CSS pixels.
    DrawerHeight(u16),
    /// Look closer (+1) or from further away (−1) in the drawer.
    Zoom(i32),
    /// Earlier (−1) or later (+1) in the drawer.
    Pan(i32),
    /// Let the drawer choose its span of time.
    Fit,
    /// Let the plots show another connection.
    Connection(u16),
    /// Go to a moment, ns.
    VisitTime(u64),
    /// Go to an event, and look at its packet.
    Visit(EventId, Option<PacketRef>),
    /// The list of keys.
    Help(bool),
    /// The switch for motion.
    ToggleMotion,
    /// The question's answer.
    Answer(Moment),
    /// No question, please.
    Skip,
    /// Show again how the call returns.
    ReplayReturn,
    /// Another scenario.
    Scenario(String),
    /// Its files are there.
    Fetched(Source),
    /// They are not.
    Trouble(Trouble),
    /// To the real network.
    EnterLive,
    /// Back from it.
    LeaveLive,
    /// Show what is new again.
    Follow,
    /// Something is typed in the console.
    Draft(String),
    /// Run this in the console.
    Run(String),
    /// End a program.
    Kill(TaskId),
    /// Put this into the clipboard.
    Copy(String),
    /// Something with files or with the list of packets.
    File(FileAction),
    /// Something with the branches of the run.
    Branch(BranchAction),
}

/// What has to be done outside.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Ask the engine.
    Ask(EngineRequest),
    /// Send [`Action::Tick`] with this number after so many ms.
    Wait(u32, u32),
    /// Fetch a scenario's files.
    Fetch(String),
    /// Put the state into the address.
    Address,
    /// Remember the switch for motion.
    RememberMotion(bool),
    /// Join the network behind the bridge that knows this token.
    Connect(String),
    /// Put this into the clipboard.
    Copy(String),
    /// Give this file to the reader.
    Download(Saved),
    /// Save the picture of a pane, under this name.
    SavePicture(Pane, String),
}
