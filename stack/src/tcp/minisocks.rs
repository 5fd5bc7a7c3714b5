//! Request sockets: connections whose handshake is not finished.
use crate::trace::SockId;
/// `struct tcp_request_sock`.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) id: SockId,
    pub(crate) listener: SockId,
}
