//! A run for other programs: events as lines of JSON, frames as pcapng.

use super::Lab;
use crate::captions::{self, Narrator};
use serde_json::{Map, Value, json};
use stack::trace::{BytesRef, Event, EventId, HostId, What};
use std::fmt::Write as _;

impl Lab {
    /// The events that are kept, one JSON object a line: number, time, host, context, kernel function, layer,
    /// cause, the words that the page shows for it, and what happened as its kind and values. Bytes are
    /// hexadecimal.
    pub fn events_jsonl(&self) -> String {
        let mut out = String::new();
        let mut narrator = Narrator::default();
        for (id, event) in self.log().since(EventId(1)) {
            let _ = narrator.tell(event, self.log());
            let _ = writeln!(out, "{}", self.line(id, event, narrator.data_len(event)));
        }
        out
    }

    /// The frames that are kept, as a pcapng file: one interface a tap point.
    pub fn pcapng(&self) -> Vec<u8> {
        crate::pcapng::write(self.log(), self.history.config())
    }

    fn line(&self, id: EventId, event: &Event, data_len: u32) -> Value {
        let mut object = Map::new();
        let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
        let bytes = bytes_of(&event.what).map(|at| self.log().bytes(at));
        put("id", json!(id.0));
        put("at_ns", json!(event.at.as_nanos()));
        put("host", json!(self.node_name(event.host)));
        put("context", json!(event.context));
        put("function", json!(event.function.name()));
        put("layer", json!(captions::layer_of(event)));
        put("because", json!(event.because.0));
        let shown = matches!(event.what, What::Print { .. } | What::Neigh { .. });
        put("text", json!(captions::kernel_words(event, bytes.filter(|_| shown).unwrap_or_default(), data_len)));
        let (kind, values) = match serde_json::to_value(event.what).unwrap_or_default() {
            Value::Object(what) => what.into_iter().next().unwrap_or_default(),
            name => (name.as_str().unwrap_or_default().to_owned(), Value::Null),
        };
        put("event", json!(kind));
        // What refers to bytes gives way to the bytes themselves.
        let refers = |name: &str| name == "bytes" || (name == "mac" && bytes.is_some());
        if let Value::Object(values) = values {
            for (name, value) in values.into_iter().filter(|(name, _)| !refers(name)) {
                put(&name, value);
            }
        }
        if let Some(bytes) = bytes {
            put("bytes", json!(bytes.iter().map(|b| format!("{b:02x}")).collect::<String>()));
        }
        Value::Object(object)
    }

    /// The name of a host, or of a switch: these are numbered after the hosts.
    fn node_name(&self, node: HostId) -> String {
        let switch = usize::from(node.0).checked_sub(self.scenario().hosts.len());
        match switch.and_then(|i| self.scenario().switches.get(i)) {
            Some(switch) => switch.name.clone(),
            None => self.config().host_name(node),
        }
    }
}

/// The bytes that stand beside an event.
pub(crate) fn bytes_of(what: &What) -> Option<BytesRef> {
    match what {
        What::Print { bytes, .. }
        | What::Header { bytes, .. }
        | What::Copy { bytes, .. }
        | What::SkbShift { bytes, .. }
        | What::SkbSplit { bytes, .. }
        | What::SkbTrimHead { bytes, .. }
        | What::FrameBytes { bytes, .. }
        | What::Neigh { mac: bytes, .. } => Some(*bytes),
        _ => None,
    }
}
