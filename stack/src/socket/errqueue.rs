//! The error queue of a socket: what `recvmsg` with `MSG_ERRQUEUE` reads.
//!
//! Linux: `net/ipv4/ip_sockglue.c` (`ip_icmp_error`, `ip_recv_error`), `include/uapi/linux/errqueue.h`.

use super::{Proto, Sock};
use crate::icmp::Quoted;
use crate::syscall::{
    AF_INET, ControlMsg, Errno, IP_RECVERR, MSG_ERRQUEUE, MSG_TRUNC, Out, SO_EE_ORIGIN_ICMP, SOL_IP, SockAddr, Stop,
    SysRet,
};
use crate::wire::udp::UDP_HLEN;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// Linux bounds the queue by the receive buffer; this is about what a default one holds.
const MAX_ERRORS: usize = 256;

/// One entry: `struct sock_extended_err` and what goes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ExtendedError {
    /// `ee_errno`
    pub(crate) errno: Errno,
    /// `ee_origin`: `SO_EE_ORIGIN_*`.
    pub(crate) origin: u8,
    /// `ee_type`: of the ICMP message.
    pub(crate) kind: u8,
    /// `ee_code`
    pub(crate) code: u8,
    /// `ee_info`
    pub(crate) info: u32,
    /// `ee_data`
    pub(crate) data: u32,
    /// Where the packet in question was sent to.
    pub(crate) destination: Option<(Ipv4Addr, u16)>,
    /// Who sent the ICMP message.
    pub(crate) offender: Ipv4Addr,
    /// The packet, or what an ICMP message quotes of it: of UDP the payload, of TCP from its header on.
    pub(crate) payload: Vec<u8>,
    /// Control messages that go before `IP_RECVERR`: time stamps.
    pub(crate) control: Vec<ControlMsg>,
}

impl ExtendedError {
    /// `struct sock_extended_err` and the `struct sockaddr_in` behind it.
    fn bytes(&self) -> Vec<u8> {
        let mut b = Vec::with_capacity(32);
        b.extend_from_slice(&(self.errno as u32).to_le_bytes());
        b.extend_from_slice(&[self.origin, self.kind, self.code, 0]);
        b.extend_from_slice(&self.info.to_le_bytes());
        b.extend_from_slice(&self.data.to_le_bytes());
        let mut offender = [0; 16];
        if i32::from(self.origin) == SO_EE_ORIGIN_ICMP {
            offender[..2].copy_from_slice(&(AF_INET as u16).to_le_bytes());
            offender[4..8].copy_from_slice(&self.offender.octets());
        }
        b.extend_from_slice(&offender);
        b
    }
}

impl Sock {
    /// Is there something to read with `MSG_ERRQUEUE`?
    pub(crate) fn has_error_queue(&self) -> bool {
        !self.error_queue.is_empty()
    }

    /// `ip_icmp_error`: an ICMP message about a packet of this socket.
    pub(crate) fn ip_icmp_error(&mut self, quoted: &Quoted, errno: Errno) {
        let (kind, code, rest, offender) = quoted.icmp;
        let info = if errno == Errno::EMSGSIZE { rest & 0xffff } else { 0 };
        let destination = Some((quoted.dst, quoted.dst_port));
        let origin = SO_EE_ORIGIN_ICMP as u8;
        let header = if self.proto == Proto::Udp { UDP_HLEN } else { 0 };
        let payload = quoted.transport.get(header..).unwrap_or(&[]).to_vec();
        let (data, control) = (0, Vec::new());
        let error = ExtendedError { errno, origin, kind, code, info, data, destination, offender, payload, control };
        if self.error_queue.len() < MAX_ERRORS {
            self.error_queue.push_back(error);
        }
    }

    /// `ip_recv_error`.
    pub(crate) fn recv_error(&mut self, len: usize) -> Result<SysRet, Stop> {
        let Some(mut error) = self.error_queue.pop_front() else { return Err(Errno::EAGAIN.into()) };
        // The next ICMP error becomes the pending one (`sock_dequeue_err_skb`).
        let next = self.error_queue.front().filter(|e| i32::from(e.origin) == SO_EE_ORIGIN_ICMP);
        self.err = next.map(|e| e.errno).or(self.err.filter(|_| i32::from(error.origin) != SO_EE_ORIGIN_ICMP));
        let mut flags = MSG_ERRQUEUE;
        let bytes = error.bytes();
        let mut data = core::mem::take(&mut error.payload);
        if data.len() > len {
            flags |= MSG_TRUNC;
            data.truncate(len);
        }
        let mut control = error.control;
        control.push(ControlMsg { level: SOL_IP, kind: IP_RECVERR, data: bytes });
        let addr = error.destination.map(|(addr, port)| SockAddr::v4(addr, port));
        Ok(SysRet { value: Ok(data.len() as i64), data, addr, out: Out::Message { control, flags } })
    }
}
