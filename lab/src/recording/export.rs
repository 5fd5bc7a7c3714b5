//! A run for other programs: events as lines of JSON, frames as pcapng.

use super::Lab;
use crate::scene::SceneConfig;
use serde_json::{Map, Value, json};
use stack::trace::{BytesRef, EventId};
use stack::trace::{Event, EventLog, What};
use std::fmt::Write as _;

impl Lab {
    /// The events that are kept, one JSON object a line: number, time, host, context, kernel function, layer,
    /// cause, and what happened as the kind and its values. Bytes beside the event are hexadecimal.
    pub fn events_jsonl(&self) -> String {
        let mut out = String::new();
        for (id, event) in self.log().since(EventId(1)) {
            let _ = writeln!(out, "{}", line(id, event, self.log(), self.history.config()));
        }
        out
    }

    /// The frames that are kept, as a pcapng file: one interface a tap point.
    pub fn pcapng(&self) -> Vec<u8> {
        crate::pcapng::write(self.log(), self.history.config())
    }
}

fn line(id: EventId, event: &Event, log: &EventLog, config: &SceneConfig) -> Value {
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
    put("id", json!(id.0));
    put("at_ns", json!(event.at.as_nanos()));
    put("host", json!(config.host_name(event.host)));
    put("context", json!(event.context));
    put("function", json!(event.function.name()));
    put("layer", json!(event.function.layer()));
    put("because", json!(event.because.0));
    // An enum with values is an object with one key in serde's JSON, a bare name without.
    match serde_json::to_value(event.what).unwrap_or_default() {
        Value::Object(kinds) => {
            for (kind, values) in kinds {
                put("event", json!(kind));
                if let Value::Object(values) = values {
                    for (name, value) in values {
                        let value =
                            if name == "bytes" || (name == "mac" && value.is_u64()) { Value::Null } else { value };
                        if !value.is_null() {
                            put(&name, value);
                        }
                    }
                }
            }
        }
        kind => {
            put("event", kind);
        }
    }
    if let Some(bytes) = bytes_of(&event.what) {
        let hex: String = log.bytes(bytes).iter().map(|b| format!("{b:02x}")).collect();
        put("bytes", json!(hex));
    }
    Value::Object(object)
}

/// The bytes that stand beside an event.
pub(crate) fn bytes_of(what: &What) -> Option<BytesRef> {
    match what {
        What::Print { bytes, .. }
        | What::Header { bytes, .. }
        | What::Copy { bytes, .. }
        | What::FrameBytes { bytes, .. }
        | What::Neigh { mac: bytes, .. } => Some(*bytes),
        _ => None,
    }
}
