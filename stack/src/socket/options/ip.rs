//! Options of IPv4: `SOL_IP`.
//!
//! Linux: `do_ip_setsockopt`, `do_ip_getsockopt` in `net/ipv4/ip_sockglue.c`.

use super::value_of;
use crate::host::Host;
use crate::ip::tos_priority;
use crate::socket::{Proto, Sock};
use crate::syscall::*;
use crate::trace::SockId;

const IP_ROUTER_ALERT: i32 = 5;
const IP_PASSSEC: i32 = 18;
const IP_RECVORIGDSTADDR: i32 = 20;
const IP_NODEFRAG: i32 = 22;
const IP_RECVFRAGSIZE: i32 = 25;
const IP_RECVERR_RFC4884: i32 = 26;
const IP_MULTICAST_IF: i32 = 32;
const IP_MULTICAST_TTL: i32 = 33;
const IP_MULTICAST_LOOP: i32 = 34;
const IP_MSFILTER: i32 = 41;
const MCAST_MSFILTER: i32 = 48;
const IP_MULTICAST_ALL: i32 = 49;
const IP_UNICAST_IF: i32 = 50;
const IP_PROTOCOL: i32 = 52;
/// `INET_ECN_MASK`
const ECN_MASK: u8 = 3;

impl Sock {
    pub(crate) fn ip_flag(&self, name: i32) -> bool {
        self.ip_flags >> (name & 63) & 1 != 0
    }

    pub(super) fn do_ip_setsockopt(&mut self, name: i32, value: &[u8]) -> Result<(), Errno> {
        // A single byte will do.
        let int = match value.first_chunk() {
            Some(b) => i32::from_le_bytes(*b),
            None => value.first().map_or(0, |b| i32::from(*b)),
        };
        let short = value.is_empty();
        match name {
            IP_TOS => {
                let mut tos = int as u8;
                if self.proto == Proto::Tcp {
                    tos = tos & !ECN_MASK | self.tos & ECN_MASK;
                }
                if tos != self.tos {
                    self.tos = tos;
                    self.priority = u32::from(tos_priority(tos));
                    // `sk_dst_reset`: the route may depend on it.
                    self.dst = None;
                }
            }
            IP_TTL | IP_FREEBIND | IP_TRANSPARENT | IP_MINTTL | IP_MULTICAST_TTL | IP_MULTICAST_LOOP
            | IP_MULTICAST_ALL | IP_RECVORIGDSTADDR
                if short =>
            {
                return Err(Errno::EINVAL);
            }
            IP_TTL if int != -1 && !(1..=255).contains(&int) => return Err(Errno::EINVAL),
            IP_TTL => self.ttl = (int != -1).then_some(int as u8),
            IP_MTU_DISCOVER if !(IP_PMTUDISC_DONT..=IP_PMTUDISC_OMIT).contains(&int) => return Err(Errno::EINVAL),
            IP_MTU_DISCOVER => self.pmtudisc = int as u8,
            IP_RECVERR => {
                self.recverr = int != 0;
                if int == 0 {
                    self.error_queue.clear();
                }
            }
            IP_RECVFRAGSIZE if self.proto == Proto::Tcp => return Err(Errno::EINVAL),
            IP_MINTTL if !(0..=255).contains(&int) => return Err(Errno::EINVAL),
            IP_MINTTL => self.min_ttl = int as u8,
            IP_OPTIONS if value.is_empty() => {}
            IP_OPTIONS => return Err(Errno::EINVAL),
            IP_MULTICAST_TTL | IP_MULTICAST_IF if self.proto == Proto::Tcp => return Err(Errno::EINVAL),
            IP_MULTICAST_TTL if !(-1..=255).contains(&int) => return Err(Errno::EINVAL),
            IP_MULTICAST_IF if value.len() < 4 => return Err(Errno::EINVAL),
            IP_TRANSPARENT if int != 0 => return Err(Errno::EPERM),
            IP_MULTICAST_ALL if !(0..=1).contains(&int) => return Err(Errno::EINVAL),
            IP_PKTINFO
            | IP_RECVTTL
            | IP_RECVTOS
            | IP_RECVOPTS
            | IP_RETOPTS
            | IP_RECVORIGDSTADDR
            | IP_CHECKSUM
            | IP_RECVFRAGSIZE
            | IP_RECVERR_RFC4884
            | IP_PASSSEC
            | IP_FREEBIND
            | IP_TRANSPARENT
            | IP_BIND_ADDRESS_NO_PORT
            | IP_MULTICAST_TTL
            | IP_MULTICAST_LOOP
            | IP_MULTICAST_ALL
            | IP_MULTICAST_IF => {
                self.ip_flags = self.ip_flags & !(1 << name) | u64::from(int != 0) << name;
            }
            IP_UNICAST_IF | IP_LOCAL_PORT_RANGE if value.len() != 4 => return Err(Errno::EINVAL),
            IP_UNICAST_IF if int == 0 => {}
            IP_UNICAST_IF => return Err(Errno::EADDRNOTAVAIL),
            IP_LOCAL_PORT_RANGE => {
                let (low, high) = (int as u32 & 0xffff, int as u32 >> 16);
                if low != 0 && high != 0 && low > high {
                    return Err(Errno::EINVAL);
                }
                self.local_port_range = int as u32;
            }
            _ => return Err(Errno::ENOPROTOOPT),
        }
        Ok(())
    }
}

impl Host {
    pub(super) fn do_ip_getsockopt(&self, sk: SockId, name: i32, len: usize) -> Result<SysRet, Errno> {
        let Some(sock) = self.socks.get(sk) else { return Err(Errno::EBADF) };
        let int = match name {
            IP_TOS => i32::from(sock.tos),
            IP_TTL => sock.ttl.map_or(self.sysctl.ip_default_ttl as i32, i32::from),
            IP_MTU_DISCOVER => i32::from(sock.pmtudisc),
            IP_RECVERR => i32::from(sock.recverr),
            IP_MINTTL => i32::from(sock.min_ttl),
            IP_MTU => self.route_mtu(sock.dst.as_ref().ok_or(Errno::ENOTCONN)?) as i32,
            IP_MULTICAST_TTL | IP_MULTICAST_LOOP | IP_MULTICAST_ALL => 1,
            IP_LOCAL_PORT_RANGE => sock.local_port_range as i32,
            // `inet_num`: of a raw socket the protocol.
            IP_PROTOCOL => i32::from(sock.local.1),
            IP_MSFILTER | MCAST_MSFILTER => return Err(Errno::EINVAL),
            IP_OPTIONS | IP_PKTOPTIONS => return Ok(value_of(&[], len)),
            IP_HDRINCL | IP_ROUTER_ALERT | IP_NODEFRAG | IP_UNICAST_IF | IP_MULTICAST_IF => 0,
            IP_PKTINFO
            | IP_RECVTTL
            | IP_RECVTOS
            | IP_RECVOPTS
            | IP_RETOPTS
            | IP_RECVORIGDSTADDR
            | IP_CHECKSUM
            | IP_RECVFRAGSIZE
            | IP_RECVERR_RFC4884
            | IP_PASSSEC
            | IP_FREEBIND
            | IP_TRANSPARENT
            | IP_BIND_ADDRESS_NO_PORT => i32::from(sock.ip_flag(name)),
            _ => return Err(Errno::ENOPROTOOPT),
        };
        if (1..4).contains(&len) && (0..=255).contains(&int) {
            return Ok(value_of(&[int as u8], 1));
        }
        Ok(value_of(&int.to_le_bytes(), len))
    }
}
