//! The switch, driven without sockets.

use super::*;

const KERNEL: Mac = Mac([0x0a, 0, 0, 0, 0, 1]);

fn tap_up() -> TapInfo {
    TapInfo::Up { name: "t".into(), mtu: 1400, address: Subnet::DEFAULT.address, prefix: 24, mac: KERNEL }
}

fn switch() -> Arc<Switch> {
    Switch::new(Subnet::DEFAULT, tap_up(), None)
}

fn mac(n: u8) -> Mac {
    Mac([0x02, 0, 0, 0, 0, n])
}

fn frame(to: Mac, from: Mac) -> Vec<u8> {
    let mut frame = to.0.to_vec();
    frame.extend(from.0);
    frame.extend([0x88, 0xb5, 1, 2, 3]);
    frame
}

fn send(switch: &Switch, from: &OpenPort, to: Mac, source: Mac) {
    switch.forward(&from.port, 5, [frame(to, source).as_slice()]);
}

fn received(port: &OpenPort) -> usize {
    std::iter::from_fn(|| port.port.next_frame(usize::MAX)).count()
}

fn drops(port: &OpenPort) -> Vec<(DropReason, u64)> {
    port.port.tally.drops().into_iter().collect()
}

#[test]
fn unknown_stations_are_flooded_and_known_ones_are_not() {
    let switch = switch();
    let [a, b, c] = std::array::from_fn(|_| switch.open(PortKind::Raw));
    send(&switch, &a, mac(2), mac(1));
    assert_eq!([received(&a), received(&b), received(&c)], [0, 1, 1]);
    send(&switch, &b, mac(1), mac(2));
    assert_eq!([received(&a), received(&b), received(&c)], [1, 0, 0]);
    send(&switch, &a, mac(2), mac(1));
    assert_eq!([received(&a), received(&b), received(&c)], [0, 1, 0]);
    send(&switch, &c, Mac::BROADCAST, mac(3));
    assert_eq!([received(&a), received(&b), received(&c)], [1, 1, 0]);
}

#[test]
fn a_frame_to_its_own_port_is_filtered_and_counted() {
    let switch = switch();
    let a = switch.open(PortKind::Raw);
    send(&switch, &a, mac(1), mac(1));
    assert_eq!(drops(&a), [(DropReason::SamePort, 1)]);
}

#[test]
fn leases_differ_repeat_and_are_free_after_closing() {
    let switch = switch();
    let a = switch.open(PortKind::Page);
    let b = switch.open(PortKind::Page);
    let lease = switch.lease(&a.port).unwrap();
    assert_eq!(switch.lease(&a.port), Some(lease));
    assert_eq!((lease.gateway, lease.kernel_mac, lease.mtu), (Some(Subnet::DEFAULT.address), Some(KERNEL), 1400));
    assert_eq!(switch.lease(&b.port).unwrap().address, Ipv4Addr::new(10, 77, 0, 3));
    drop(a);
    let c = switch.open(PortKind::Page);
    assert_eq!(switch.lease(&c.port), Some(lease));
}

#[test]
fn a_page_without_a_lease_neither_sends_nor_listens() {
    let switch = switch();
    let page = switch.open(PortKind::Page);
    let raw = switch.open(PortKind::Raw);
    send(&switch, &page, Mac::BROADCAST, mac(1));
    send(&switch, &raw, Mac::BROADCAST, mac(2));
    assert_eq!((received(&page), received(&raw)), (0, 0));
    assert_eq!(drops(&page), [(DropReason::NoLease, 1)]);
}

#[test]
fn nobody_takes_anothers_ethernet_address() {
    let switch = switch();
    let tap = switch.open(PortKind::Tap);
    let page = switch.open(PortKind::Page);
    let raw = switch.open(PortKind::Raw);
    let lease = switch.lease(&page.port).unwrap();
    send(&switch, &raw, Mac::BROADCAST, lease.mac);
    send(&switch, &raw, Mac::BROADCAST, KERNEL);
    assert_eq!(drops(&raw), [(DropReason::MacInUse, 2)]);
    send(&switch, &raw, KERNEL, mac(9));
    send(&switch, &raw, KERNEL, mac(8));
    assert_eq!(drops(&raw), [(DropReason::WrongSourceMac, 1), (DropReason::MacInUse, 2)]);
    send(&switch, &page, KERNEL, mac(9));
    assert_eq!(drops(&page), [(DropReason::WrongSourceMac, 1)]);
    send(&switch, &tap, Mac::BROADCAST, lease.mac);
    assert_eq!(drops(&tap), [(DropReason::WrongSourceMac, 1)]);
    assert_eq!(received(&tap), 1);
}

#[test]
fn a_lease_never_has_the_address_of_a_raw_client() {
    let switch = switch();
    let raw = switch.open(PortKind::Raw);
    send(&switch, &raw, Mac::BROADCAST, Mac([2, 0x53, 0x50, 0, 0, 2]));
    let page = switch.open(PortKind::Page);
    assert_eq!(switch.lease(&page.port).unwrap().address, Ipv4Addr::new(10, 77, 0, 3));
}

#[test]
fn a_frame_too_long_for_a_record_is_dropped_at_the_page_only() {
    let switch = switch();
    let page = switch.open(PortKind::Page);
    let raw = switch.open(PortKind::Raw);
    let other = switch.open(PortKind::Raw);
    switch.lease(&page.port).unwrap();
    let mut long = frame(Mac::BROADCAST, mac(1));
    long.resize(65_549, 0);
    switch.forward(&raw.port, 0, [long.as_slice()]);
    assert_eq!((received(&page), received(&other)), (0, 1));
    assert_eq!(drops(&page), [(DropReason::TooLong, 1)]);
    assert_eq!(drops(&raw), []);
}

#[test]
fn counters_list_every_port_and_mark_the_readers_own() {
    let switch = switch();
    let a = switch.open(PortKind::Raw);
    let b = switch.open(PortKind::Page);
    send(&switch, &a, Mac::BROADCAST, mac(1));
    let counters = switch.counters(Some(b.port.id));
    let seen: Vec<_> = counters.ports.iter().map(|p| (p.kind, p.you, p.mac, p.rx.frames, p.rx.bytes)).collect();
    assert_eq!(seen, [(PortKind::Raw, false, Some(mac(1)), 1, 17), (PortKind::Page, true, None, 0, 0)]);
}

#[test]
fn pages_hear_when_the_tap_device_goes() {
    let switch = switch();
    let page = switch.open(PortKind::Page);
    let off = TapInfo::Off { name: "t".into(), reason: "gone".into(), how_to_grant: vec![] };
    switch.set_tap(off.clone());
    assert_eq!(page.port.next_reply(), Some(BridgeControl::Tap { tap: off }.encode()));
}

/// Bytes that look like a frame up to some point: known addresses and types in front, anything behind.
fn frame_like() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    let address =
        prop_oneof![Just(KERNEL.0), Just([0xff; 6]), Just(mac(1).0), Just([2, 0x53, 0x50, 0, 0, 2]), any::<[u8; 6]>()];
    let kind = prop_oneof![Just([8, 0]), Just([8, 6]), Just([0x86, 0xdd]), Just([0x81, 0]), any::<[u8; 2]>()];
    let rest = proptest::collection::vec(any::<u8>(), 0..48);
    (address.clone(), address, kind, rest, 0usize..70).prop_map(|(to, from, kind, rest, cut)| {
        let mut frame = [&to[..], &from, &kind, &rest].concat();
        frame.truncate(cut);
        frame
    })
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        cases: 20_000,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn random_frames_at_any_port_are_switched_or_counted(frames in proptest::collection::vec(frame_like(), 1..16)) {
        let switch = switch();
        let ports = [PortKind::Tap, PortKind::Page, PortKind::Page, PortKind::Raw].map(|kind| switch.open(kind));
        let lease = switch.lease(&ports[1].port).unwrap();
        for (n, frame) in frames.iter().enumerate() {
            switch.forward(&ports[n % 4].port, 0, [frame.as_slice()]);
        }
        proptest::prop_assert_eq!(received(&ports[2]), 0, "no lease, no frames");
        let foreign = ports.iter().enumerate().filter(|(n, _)| *n != 1);
        for (_, port) in foreign {
            while let Some(frame) = port.port.next_frame(usize::MAX) {
                let from_lease = frame.bytes[6..12] == lease.mac.0;
                proptest::prop_assert!(frame.bytes.len() >= 14);
                proptest::prop_assert!(!from_lease || ports[1].port.tally.rx().frames > 0);
            }
        }
        let taken: u64 = ports.iter().map(|port| port.port.tally.rx().frames).sum();
        proptest::prop_assert_eq!(taken, frames.len() as u64);
    }
}
