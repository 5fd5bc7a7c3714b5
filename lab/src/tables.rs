//! The tables of a host in the words of the commands that print them: `ip route`, `ip neigh`, `ss`; and a socket's
//! variables, each with the event that wrote it.

use crate::scene::{HostScene, RouteLine, SocketScene};
use stack::trace::{EventId, SockId, TcpState};
use std::net::Ipv4Addr;

/// A row of a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// As the command prints it; a second line is set in.
    pub lines: Vec<String>,
    /// The packet that the page is about used it.
    pub used: bool,
    /// The event that wrote it last; `NONE` if it was there from the beginning.
    pub event: EventId,
}

/// What a packet uses of the tables: where it goes, and the socket it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Use {
    /// Its IPv4 destination, if it is on its way down.
    pub to: Option<Ipv4Addr>,
    /// Its socket.
    pub sock: Option<SockId>,
}

/// `ip route`.
pub fn routes(routes: &[RouteLine], packet: Use) -> Vec<Row> {
    let chosen = packet.to.and_then(|to| choose(routes, to));
    let row = |(i, route): (usize, &RouteLine)| Row {
        lines: vec![route.text.clone()],
        used: chosen == Some(i),
        event: EventId::NONE,
    };
    routes.iter().enumerate().map(row).collect()
}

/// The place of the route with the longest prefix that holds the address.
fn choose(routes: &[RouteLine], to: Ipv4Addr) -> Option<usize> {
    let holds = |route: &RouteLine| {
        let mask = u32::MAX.checked_shl(32 - u32::from(route.prefix)).unwrap_or(0);
        (u32::from(to) ^ u32::from(route.network)) & mask == 0
    };
    let fitting = routes.iter().enumerate().filter(|(_, route)| holds(route));
    fitting.max_by_key(|(_, route)| route.prefix).map(|(i, _)| i)
}

/// `ip neigh`.
pub fn neighbours(host: &HostScene, routes: &[RouteLine], packet: Use) -> Vec<Row> {
    let next = packet.to.map(|to| choose(routes, to).and_then(|i| routes[i].gateway).unwrap_or(to).to_string());
    let row = |neigh: &crate::scene::NeighScene| {
        let dev = host.interfaces.iter().find(|i| i.ifindex == neigh.ifindex).map_or("?", |i| i.name.as_str());
        let mac = if neigh.mac.is_empty() { String::new() } else { format!(" lladdr {}", neigh.mac) };
        let mut lines = vec![format!("{} dev {dev}{mac} {}", neigh.address, neigh.state.name())];
        if !neigh.queue.is_empty() {
            lines.push(format!("[{} packets wait for it]", neigh.queue.len()));
        }
        Row { lines, used: next.as_deref() == Some(neigh.address.as_str()), event: neigh.event }
    };
    host.neighbours.iter().map(row).collect()
}

/// `ss -tuni`: without the first line, which names the columns.
pub fn ss(host: &HostScene, packet: Use) -> Vec<Row> {
    host.sockets.iter().map(|sock| ss_row(sock, packet.sock == Some(sock.id))).collect()
}

fn ss_row(sock: &SocketScene, used: bool) -> Row {
    let get = |name: &str| sock.variables.iter().find(|(of, ..)| of == name).map(|(_, value, _)| *value);
    let between = |from: &str, to: &str| Some(get(to)?.wrapping_sub(get(from)?));
    let (netid, state) = match sock.protocol {
        6 => ("tcp", sock.state.name()),
        17 => ("udp", if sock.peer.is_empty() { "UNCONN" } else { "ESTAB" }),
        _ => ("icmp", "UNCONN"),
    };
    let open = sock.protocol == 6 && sock.state != TcpState::Listen;
    // What the events do not tell is not guessed.
    let number = |value: Option<u32>| value.filter(|_| open).map_or_else(|| "-".to_owned(), |value| value.to_string());
    let name = |name: &str| if name.is_empty() { "*:*".to_owned() } else { name.to_owned() };
    let mut lines = vec![format!(
        "{netid:<5} {state:<10} {:>6} {:>6} {} {}",
        number(between("copied_seq", "rcv_nxt")),
        number(between("snd_una", "write_seq")),
        name(&sock.local),
        name(&sock.peer)
    )];
    let mut info = Vec::new();
    if open {
        info.extend(get("snd_wscale").zip(get("rcv_wscale")).map(|(snd, rcv)| format!("wscale:{snd},{rcv}")));
        info.extend(get("icsk_rto").map(|us| format!("rto:{}", us / 1_000)));
        info.extend(get("srtt_us").filter(|us| *us > 0).map(|us| format!("rtt:{}", f64::from(us) / 1_000.0)));
        info.extend(get("mss_cache").map(|mss| format!("mss:{mss}")));
        info.extend(get("snd_cwnd").map(|cwnd| format!("cwnd:{cwnd}")));
        info.extend(get("snd_ssthresh").filter(|s| *s < 0x7fff_ffff).map(|s| format!("ssthresh:{s}")));
        info.extend(get("icsk_backoff").filter(|b| *b > 0).map(|b| format!("backoff:{b}")));
        info.extend(get("snd_wnd").map(|window| format!("snd_wnd:{window}")));
    }
    if !info.is_empty() {
        lines.push(info.join(" "));
    }
    let event = sock.variables.iter().map(|(_, _, event)| *event).max().unwrap_or(EventId::NONE);
    Row { lines, used, event }
}

/// A socket's variables and timers, the one written last first.
pub fn socket(sock: &SocketScene, now_ns: u64) -> Vec<Row> {
    let variable = |(name, value, event): &(String, u32, EventId)| Row {
        lines: vec![format!("{name:<16} {value}")],
        used: false,
        event: *event,
    };
    let timer = |(name, due, event): &(String, u64, EventId)| Row {
        lines: vec![format!("{:<16} in {} ms", format!("{name} timer"), due.saturating_sub(now_ns) / 1_000_000)],
        used: false,
        event: *event,
    };
    sock.variables.iter().map(variable).chain(sock.timers.iter().map(timer)).collect()
}

/// The socket that the packet belongs to; else the one of this host that was written last.
pub fn socket_of(host: &HostScene, packet: Use) -> Option<&SocketScene> {
    let newest = |sock: &&SocketScene| sock.variables.iter().map(|(_, _, event)| *event).max();
    let own = host.sockets.iter().find(|sock| Some(sock.id) == packet.sock);
    own.or_else(|| host.sockets.iter().max_by_key(newest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lab;
    use crate::scenario::Scenario;
    use stack::trace::{Field, What};

    fn lab() -> Lab {
        let text = "title = \"t\"\nseed = 3\n\
             [[host]]\nname = \"alice\"\naddress = \"10.0.1.2/24\"\ngateway = \"10.0.1.1\"\n\
             [[host]]\nname = \"bob\"\naddress = \"10.0.1.1/24\"\n\
             [[wire]]\nbetween = [\"alice\", \"bob\"]\ndelay = \"1ms\"\n\
             [[program]]\nhost = \"bob\"\nbuiltin = \"httpd\"\n\
             [[program]]\nhost = \"alice\"\nbuiltin = \"curl -s http://10.0.1.1/\"\nstart = \"1ms\"\n";
        let mut lab = Lab::new(Scenario::parse("t.toml", text, &mut |_| Err("no files".into())).unwrap());
        lab.run();
        lab
    }

    #[test]
    fn routes_read_as_ip_route_prints_them_and_the_one_used_is_marked() {
        let info = lab().info();
        let table = |to: &str| routes(&info.routes[0], Use { to: Some(to.parse().unwrap()), sock: None });
        let lines: Vec<String> = table("10.0.1.1").into_iter().map(|row| row.lines[0].clone()).collect();
        assert_eq!(
            lines,
            ["default via 10.0.1.1 dev eth0", "10.0.1.0/24 dev eth0 proto kernel scope link src 10.0.1.2"]
        );
        let used = |to: &str| table(to).iter().map(|row| row.used).collect::<Vec<bool>>();
        assert_eq!((used("10.0.1.9"), used("8.8.8.8")), (vec![false, true], vec![true, false]));
    }

    #[test]
    fn neighbours_and_sockets_read_as_ip_and_ss_print_them() {
        let lab = lab();
        let set = |e: &stack::trace::Event| matches!(e.what, What::Set { field: Field::SndCwnd, .. }) && e.host.0 == 0;
        let (at, _) = lab.log().since(EventId(1)).filter(|(_, e)| set(e)).last().unwrap();
        let scene = lab.scene(at);
        let packet = Use { to: Some("8.8.8.8".parse().unwrap()), sock: scene.hosts[0].sockets.first().map(|s| s.id) };
        let neigh = neighbours(&scene.hosts[0], &lab.info().routes[0], packet);
        assert_eq!(neigh[0].lines[0], "10.0.1.1 dev eth0 lladdr 02:00:00:00:00:02 REACHABLE");
        assert!(neigh[0].used, "by way of the gateway");
        let ss = ss(&scene.hosts[0], packet);
        assert!(ss[0].lines[0].starts_with("tcp   ESTAB "), "{ss:?}");
        assert!(ss[0].lines[1].contains("cwnd:") && ss[0].lines[1].contains("mss:1448") && ss[0].used, "{ss:?}");
        let variables = socket(&scene.hosts[0].sockets[0], scene.now_ns);
        assert!(variables.iter().any(|row| row.lines[0].starts_with("snd_una ") && row.event <= at), "{variables:?}");
    }
}
