//! TIME_WAIT: what is left of a connection that we closed first.
use crate::trace::SockId;
/// `struct tcp_timewait_sock`.
#[derive(Clone, Debug)]
pub(crate) struct TimeWaitSock {
    pub(crate) id: SockId,
}
