//! Congestion control: the interface and who stands behind it.
use crate::sysctl::Sysctl;

/// `icsk_ca_ops` and its private state.
#[derive(Clone, Debug, Default)]
pub(crate) struct CongState {}

impl CongState {
    pub(crate) fn new(_sysctl: &Sysctl) -> CongState {
        CongState {}
    }
}
