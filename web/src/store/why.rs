//! "Why this value?": the field that is selected, the event that wrote it, and what led to that.

use super::{Action, Effect, PacketRef, Page, Selection};
use crate::engine::EngineRequest;
use crate::shared::Shared;
use lab::scene::TimeCommand;
use lab::why::{Cause, FieldRef};
use stack::trace::EventId;

/// Why something is as it is.
#[derive(Clone, PartialEq, Debug)]
pub struct Why {
    /// What was selected when it was asked.
    pub of: Selection,
    /// The write first, then what led to it.
    pub causes: Shared<Vec<Cause>>,
    /// After the answer: go to the write.
    pub(super) jump: bool,
}

impl Page {
    /// The field that is selected, of a packet in a host's memory.
    fn field(&self) -> Option<FieldRef> {
        let bits = self.selection.bits?;
        match self.subject()?.packet() {
            PacketRef::Skb(at) => {
                Some(FieldRef { host: at.host, skb: at.skb, proto: bits.proto, bit: bits.at, bits: bits.len })
            }
            PacketRef::Frame(_) => None,
        }
    }

    fn ask_why(&mut self, jump: bool) -> Vec<Effect> {
        let region = self.subject().and_then(|subject| subject.region(&self.selection));
        let Some(event) = region.map(|region| region.event).filter(|_| self.live.is_none()) else { return Vec::new() };
        let of = Selection { hover: None, packet: self.subject().map(|subject| subject.packet()), ..self.selection };
        let field = self.field();
        self.why = Some(Why { of, causes: Shared::default(), jump });
        vec![Effect::Ask(EngineRequest::Why { at: self.scene.at, field, event })]
    }

    pub(super) fn tell_why(&mut self) -> Vec<Effect> {
        match self.why_here() {
            Some(_) => {
                self.why = None;
                Vec::new()
            }
            None => self.ask_why(false),
        }
    }

    /// What is told of the selection as it is now.
    pub fn why_here(&self) -> Option<&Why> {
        let packet = self.subject().map(|subject| subject.packet());
        let of = Selection { hover: None, packet, ..self.selection };
        self.why.as_ref().filter(|why| why.of == of && !why.jump)
    }

    pub(super) fn jump_to_write(&mut self) -> Vec<Effect> {
        if self.field().is_some() && self.live.is_none() {
            return self.ask_why(true);
        }
        let region = self.subject().and_then(|subject| subject.region(&self.selection));
        match region.map(|region| region.event) {
            Some(event) => self.act(Action::Time(TimeCommand::Seek(event))),
            None => Vec::new(),
        }
    }

    pub(super) fn hear_why(&mut self, causes: Vec<Cause>) -> Vec<Effect> {
        let write = causes.first().map(|cause| cause.event.id);
        let Some(why) = &mut self.why else { return Vec::new() };
        why.causes = causes.into();
        match write.filter(|_| why.jump) {
            Some(write) => {
                let of = why.of;
                self.why = None;
                self.keep(of, write)
            }
            None => Vec::new(),
        }
    }

    /// Goes somewhere and keeps what is selected.
    fn keep(&mut self, selection: Selection, to: EventId) -> Vec<Effect> {
        self.selection = selection;
        self.act(Action::Time(TimeCommand::Seek(to)))
    }

    pub(super) fn change_of_field(&mut self, direction: i32) -> Option<Vec<Effect>> {
        let field = self.field().filter(|_| self.live.is_none())?;
        self.selection.packet = self.subject().map(|subject| subject.packet());
        Some(vec![Effect::Ask(EngineRequest::Change { at: self.scene.at, field, direction })])
    }

    pub(super) fn hear_change(&mut self, event: Option<EventId>) -> Vec<Effect> {
        match event {
            Some(event) => self.keep(self.selection, event),
            None => Vec::new(),
        }
    }
}
