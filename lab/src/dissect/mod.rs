//! Frames and headers taken apart, with values and names as Wireshark shows them.
//!
//! Built on the stack's own tables of fields. Never panics, whatever the bytes.

mod header;
mod icmp;
mod options;
mod split;
mod summary;
#[cfg(test)]
mod tests;
mod value;

pub use header::{Dissection, FieldView, HeaderView, frame, header};
pub(crate) use icmp::describe as icmp_words;
pub use split::{Part, split, split_ip, without_fcs};
pub(crate) use summary::push_tcp_options;
pub use summary::summary;
pub(crate) use value::tcp_flags;
