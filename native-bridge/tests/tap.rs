//! A real kernel on the other side of a TAP device, each test in a network namespace of its own. Needs root.

mod common;

use std::time::Duration;

use bridge_protocol::{BridgeControl, ClientControl, ImpairCounters, Lease, Mac};
use common::process::{BRIDGE, Bridge, Namespace, installed, must, run};
use common::{Client, PATIENCE};
use nix::sys::signal::Signal;
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// Answers ARP for its lease, ICMP echo, and UDP to port 7, as any host would, for ever.
async fn be_a_host(client: &mut Client, lease: Lease) {
    loop {
        let frame = client.frame().await;
        if let Some(answer) = answer(&frame, lease) {
            client.batch(&[answer]).await;
        }
    }
}

fn answer(frame: &[u8], lease: Lease) -> Option<Vec<u8>> {
    let (mac, address) = (lease.mac.0, lease.address.octets());
    let asker: [u8; 6] = frame[6..12].try_into().unwrap();
    let mut answer = frame.to_vec();
    answer[..6].copy_from_slice(&asker);
    answer[6..12].copy_from_slice(&mac);
    match (frame[12], frame[13]) {
        (8, 6) if frame[20..22] == [0, 1] && frame[38..42] == address => {
            answer[21] = 2;
            answer.copy_within(22..32, 32);
            answer[22..28].copy_from_slice(&mac);
            answer[28..32].copy_from_slice(&address);
            Some(answer)
        }
        (8, 0) if frame[30..34] == address => {
            answer[26..30].copy_from_slice(&address);
            answer[30..34].copy_from_slice(&frame[26..30]);
            match frame[23] {
                1 if frame[34] == 8 => {
                    // Type 8 becomes 0, so the sum grows by what the word lost (RFC 1624).
                    answer[34] = 0;
                    let sum = u32::from(u16::from_be_bytes([frame[36], frame[37]])) + 0x0800;
                    answer[36..38].copy_from_slice(&((sum + (sum >> 16)) as u16).to_be_bytes());
                    Some(answer)
                }
                17 if frame[36..38] == [0, 7] => {
                    answer[34..36].copy_from_slice(&frame[36..38]);
                    answer[36..38].copy_from_slice(&frame[34..36]);
                    answer[40..42].copy_from_slice(&[0, 0]);
                    Some(answer)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// Sends `count` datagrams from the kernel's side and counts what comes back from the client.
async fn datagrams(lease: Lease, count: usize) -> usize {
    let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    socket.connect((lease.address, 7)).await.unwrap();
    let mut answers = 0;
    let mut buffer = [0; 2048];
    for n in 0..count {
        socket.send(&[n as u8; 100]).await.unwrap();
        if n == 0 {
            // The first one waits for ARP.
            let _ = timeout(Duration::from_secs(3), socket.readable()).await;
        }
        while timeout(Duration::from_millis(2), socket.recv(&mut buffer)).await.is_ok() {
            answers += 1;
        }
    }
    while timeout(Duration::from_millis(200), socket.recv(&mut buffer)).await.is_ok() {
        answers += 1;
    }
    answers
}

#[test]
fn a_kernel_reaches_a_client_and_the_device_goes_with_the_bridge() {
    let Some(namespace) = Namespace::new() else {
        return;
    };
    let bridge = Bridge::start(&namespace.wrap(&[BRIDGE]), &[]);
    let on = "on: sendpath0, this machine is 10.77.0.1/24 there, removed at the end";
    assert!(bridge.banner.contains(on), "{}", bridge.banner);
    assert_eq!(bridge.status("Uid"), "65534 65534 65534 65534");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(bridge.status(set), "0000000000000000", "{set}");
    }
    assert_eq!(bridge.status("NoNewPrivs"), "1");
    assert_eq!(bridge.status("Groups"), "65534");

    let address = bridge.address;
    namespace.block_on(async {
        let (mut client, lease) = Client::leased(address, &[]).await;
        assert_eq!(lease.address.to_string(), "10.77.0.2");
        assert_eq!(lease.gateway.unwrap().to_string(), "10.77.0.1");
        let kernel_mac = lease.kernel_mac.unwrap();
        tokio::select! {
            () = be_a_host(&mut client, lease) => {}
            answers = datagrams(lease, 50) => assert_eq!(answers, 50),
        }
        if installed("ping") {
            let ping = tokio::process::Command::new("ping").args(["-c5", "-i0.05", "-W2", "10.77.0.2"]).output();
            tokio::select! {
                () = be_a_host(&mut client, lease) => {}
                ping = timeout(PATIENCE, ping) => {
                    let text = String::from_utf8_lossy(&ping.unwrap().unwrap().stdout).into_owned();
                    assert!(text.contains(" 0% packet loss"), "{text}");
                }
            }
        } else {
            println!("ping is not installed: tried with UDP only");
        }
        let neighbours = must(&["ip", "neigh", "show", "dev", "sendpath0"]);
        assert!(neighbours.contains(&format!("10.77.0.2 lladdr {}", lease.mac)), "{neighbours}");

        // A frame with a foreign source goes no further, and the kernel's own address is nobody's.
        let spoofed = common::frame(Mac::BROADCAST, kernel_mac, &[0; 46]);
        client.batch(&[spoofed]).await;
        client.say(&ClientControl::RequestCounters).await;
        let BridgeControl::Counters(counters) = client.control().await else {
            panic!("expected counters");
        };
        let own = counters.ports.iter().find(|port| port.you).unwrap();
        assert_eq!(own.dropped.values().sum::<u64>(), 1, "{own:?}");
    });
    assert_eq!(bridge.end(Signal::SIGTERM).code(), Some(0));
    assert!(!namespace.run(&["ip", "link", "show", "sendpath0"]).0, "the device is gone");
}

#[test]
fn an_impaired_bridge_loses_and_duplicates_as_its_counters_say() {
    let Some(namespace) = Namespace::new() else {
        return;
    };
    // Nothing but the test's own frames: IPv6 would take part in the counts.
    namespace.must(&["sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6"]);
    let plan = "loss=10%,reorder=10%,duplicate=10%,delay=1ms,seed=7";
    let bridge = Bridge::start(&namespace.wrap(&[BRIDGE]), &["--impair", plan, "--tap", "bad0"]);
    let address = bridge.address;
    namespace.block_on(async {
        let (mut client, lease) = Client::leased(address, &[]).await;
        let answers = tokio::select! {
            () = be_a_host(&mut client, lease) => unreachable!(),
            answers = datagrams(lease, 300) => answers,
        };
        client.say(&ClientControl::RequestCounters).await;
        let BridgeControl::Counters(counters) = client.control().await else {
            panic!("expected counters");
        };
        let ImpairCounters { lost, duplicated, reordered, passed } = counters.impair.unwrap();
        println!("{answers} answers to 300 datagrams; {lost} lost, {duplicated} duplicated, {reordered} reordered, {passed} passed");
        assert!((30..90).contains(&lost) && (30..90).contains(&duplicated) && (30..90).contains(&reordered));
        assert!((200..400).contains(&answers));
    });
    assert_eq!(bridge.end(Signal::SIGTERM).code(), Some(0));
}

#[test]
fn a_device_of_the_users_own_needs_no_privilege_and_stays() {
    let Some(namespace) = Namespace::new() else {
        return;
    };
    let nobody = namespace.as_nobody(BRIDGE);
    namespace.must(&["ip", "tuntap", "add", "dev", "own0", "mode", "tap", "user", "65534"]);

    let bridge = Bridge::start(&nobody, &["--tap", "own0"]);
    assert!(bridge.banner.contains("off: own0 has not that address"), "{}", bridge.banner);
    let command = "sudo ip addr add 10.77.0.1/24 dev own0 && sudo ip link set own0 up";
    assert!(bridge.banner.contains(command), "{}", bridge.banner);
    drop(bridge);
    namespace.must(&["ip", "addr", "add", "10.9.0.1/16", "dev", "own0"]);
    namespace.must(&["ip", "link", "set", "own0", "up"]);

    let bridge = Bridge::start(&nobody, &["--tap", "own0"]);
    assert!(bridge.banner.contains("on: own0, this machine is 10.9.0.1/16 there\n"), "{}", bridge.banner);
    let second = Bridge::start(&nobody, &["--tap", "own0"]);
    assert!(second.banner.contains("off: another program has own0 open"), "{}", second.banner);
    let address = bridge.address;
    namespace.block_on(async {
        let (mut client, lease) = Client::leased(address, &[]).await;
        assert_eq!(lease.address.to_string(), "10.9.0.2");
        tokio::select! {
            () = be_a_host(&mut client, lease) => {}
            answers = datagrams(lease, 5) => assert_eq!(answers, 5),
        }
    });
    assert_eq!(bridge.end(Signal::SIGINT).code(), Some(0));
    namespace.must(&["ip", "link", "show", "own0"]);
}

#[test]
fn a_capability_of_the_file_is_used_for_the_device_and_then_dropped() {
    let Some(namespace) = Namespace::new() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    must(&["chmod", "755", folder.path().to_str().unwrap()]);
    let copy = folder.path().join("native-bridge");
    let copy = copy.to_str().unwrap();
    must(&["cp", BRIDGE, copy]);
    if !run(&["setcap", "cap_net_admin+ep", copy]).0 {
        println!("skipped: cannot set a capability of a file here");
        return;
    }
    let nobody = namespace.as_nobody(copy);
    let bridge = Bridge::start(&nobody, &[]);
    assert!(bridge.banner.contains("on: sendpath0"), "{}", bridge.banner);
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(bridge.status(set), "0000000000000000", "{set}");
    }
    assert_eq!(bridge.status("NoNewPrivs"), "1");
    assert_eq!(bridge.end(Signal::SIGTERM).code(), Some(0));
}

#[test]
fn a_device_that_is_deleted_turns_live_mode_off_for_every_page() {
    let Some(namespace) = Namespace::new() else {
        return;
    };
    let bridge = Bridge::start(&namespace.wrap(&[BRIDGE]), &[]);
    let address = bridge.address;
    namespace.block_on(async {
        let (mut client, _) = Client::leased(address, &[]).await;
        must(&["ip", "link", "del", "sendpath0"]);
        let BridgeControl::Tap { tap } = client.control().await else {
            panic!("expected tap");
        };
        assert!(format!("{tap:?}").contains("sendpath0 is gone"), "{tap:?}");
    });
    assert_eq!(bridge.end(Signal::SIGTERM).code(), Some(0));
}
