//! What joins the hosts: wires and switches.

pub mod switch;
pub mod wire;
