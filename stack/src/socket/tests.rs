//! The tables against simple models, and that they neither grow nor slow down.

use super::hash::Secret;
use super::{Proto, Sock, SockTable, Tuple};
use crate::trace::SockId;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::hash::BuildHasher;
use core::net::Ipv4Addr;
use proptest::prelude::*;

fn datagram_socket(table: &mut SockTable) -> SockId {
    let id = table.new_id();
    table.insert(Sock::new(id, Proto::Udp, 4096, 4096));
    id
}

proptest! {
    #[test]
    fn sockets_of_a_port_stand_in_the_order_of_binding(
        ops in prop::collection::vec((0..8u32, 0..4u16, any::<bool>()), 1..200)
    ) {
        let mut table = SockTable::new(1);
        let ids: Vec<SockId> = (0..8).map(|_| datagram_socket(&mut table)).collect();
        let mut model: BTreeMap<u16, Vec<SockId>> = BTreeMap::new();
        for (n, port, remove) in ops {
            let id = ids[n as usize];
            // To bind to the same port again changes nothing.
            if model.get(&port).is_none_or(|ids| !ids.contains(&id)) {
                model.values_mut().for_each(|ids| ids.retain(|other| *other != id));
                if port != 0 {
                    model.entry(port).or_default().push(id);
                }
            }
            if port == 0 {
                table.unbind_port(id);
            } else {
                table.bind_port(17, port, id);
            }
            if remove {
                table.remove(id);
                model.values_mut().for_each(|ids| ids.retain(|other| *other != id));
                prop_assert!(table.get(id).is_none());
                table.insert(Sock::new(id, Proto::Udp, 4096, 4096));
            }
            for port in 1..4 {
                let bound = model.get(&port).cloned().unwrap_or_default();
                prop_assert_eq!(table.is_port_taken(17, port), !bound.is_empty());
                prop_assert_eq!(table.on_port(17, port).collect::<Vec<_>>(), bound);
                prop_assert!(!table.is_port_taken(6, port));
            }
        }
    }
}

#[test]
fn a_socket_that_is_gone_leaves_nothing_behind() {
    let mut table = SockTable::new(1);
    for n in 1..=1_000_000u32 {
        let id = datagram_socket(&mut table);
        assert_eq!(id, SockId(n), "a number is never used twice");
        table.bind_port(17, n as u16 | 1, id);
        table.remove(id);
    }
    assert!(table.is_empty());
    assert!(table.places() <= 64, "{} places are kept for nobody", table.places());
}

#[test]
fn tables_shrink_after_a_crowd() {
    let mut table = SockTable::new(1);
    let ids: Vec<SockId> = (0..100_000).map(|_| datagram_socket(&mut table)).collect();
    for id in &ids[10..] {
        table.remove(*id);
    }
    assert_eq!(table.len(), 10);
    assert!(table.places() <= 64, "{} places are kept for ten sockets", table.places());
}

#[test]
fn connections_spread_over_the_hash() {
    let secret = Secret::new(7);
    let local = (Ipv4Addr::new(10, 0, 0, 1), 80);
    // One peer's ports in a row; a network's peers from one port.
    let ports = (0..65_536u32).map(|n| (Ipv4Addr::new(10, 0, 0, 2), n as u16));
    let peers = (0..65_536u32).map(|n| (Ipv4Addr::from_bits(0x0a01_0000 + n), 40_000));
    for peers in [ports.collect::<Vec<_>>(), peers.collect()] {
        let (mut low, mut high) = ([0u32; 1024], [0u32; 128]);
        for peer in peers {
            let hash = secret.hash_one(Tuple { local, peer });
            low[hash as usize % 1024] += 1;
            high[(hash >> 57) as usize] += 1;
        }
        // 64 and 512 on average; six standard deviations.
        assert!(low.iter().all(|n| (16..=112).contains(n)), "{low:?}");
        assert!(high.iter().all(|n| (376..=648).contains(n)), "{high:?}");
    }
}

#[test]
fn another_seed_gives_another_hash() {
    let tuple = Tuple { local: (Ipv4Addr::LOCALHOST, 1), peer: (Ipv4Addr::LOCALHOST, 2) };
    assert_eq!(Secret::new(1).hash_one(tuple), Secret::new(1).hash_one(tuple));
    assert_ne!(Secret::new(1).hash_one(tuple), Secret::new(2).hash_one(tuple));
}
