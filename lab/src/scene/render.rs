//! From the fold's state to the plain data of a [`Scene`].

use super::builder::SceneBuilder;
use super::config::{Calls, HostConfig};
use super::state::{FrameState, Host, STRACE_LINES, Skb, Sock, Task, last_lines};
use super::types::*;
use crate::{captions, strace};
use stack::skb::SkbId;
use stack::syscall::Errno;
use stack::trace::{EventId, HostId, SockId, TimerKind};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::rc::Rc;

/// skbs of a host whose payload bytes are in a Scene: the newest so many.
const SKBS_WITH_BYTES: usize = 128;

impl SceneBuilder {
    /// The moment after the last event. `calls` has the arguments and results of system calls.
    pub fn scene(&self, calls: &dyn Calls) -> Scene {
        let none = HostConfig::default();
        let hosts = self.hosts.iter().enumerate().map(|(i, host)| {
            let config = self.config.hosts.get(i).unwrap_or(&none);
            let mut scene = host_scene(HostId(i as u8), host, config, calls);
            if scene.name.is_empty() {
                scene.name = self.config.host_name(scene.id);
            }
            scene
        });
        Scene {
            at: self.at(),
            now_ns: self.last.map_or(0, |(_, e)| e.at.as_nanos()),
            hosts: hosts.collect(),
            frames: self.frames.iter().map(|f| frame_scene(f)).collect(),
            event: self.last.map(|(id, event)| EventScene {
                id,
                because: event.because,
                host: event.host,
                context: event.context,
                function: event.function,
                layer: captions::layer_of(&event),
                text: captions::kernel_words(&event, &self.last_bytes, self.narrator().data_len(&event)),
            }),
            focus: self.focus.filter(|f| self.packet_exists(f.host, f.skb)).or_else(|| self.touched_last()),
            caption: captions::caption(&self.config, self.fact.0, &self.fact.1),
        }
    }

    /// Of the skbs that are alive, the one that an event was about last.
    fn touched_last(&self) -> Option<SkbRef> {
        let of = |(i, h): (usize, &Rc<Host>)| {
            let (skb, s) = h.skbs.iter().max_by_key(|(_, s)| s.touched)?;
            Some((s.touched, SkbRef { host: HostId(i as u8), skb: *skb }))
        };
        self.hosts.iter().enumerate().filter_map(of).max_by_key(|(touched, _)| *touched).map(|(_, skb)| skb)
    }
}

fn host_scene(id: HostId, host: &Host, config: &HostConfig, calls: &dyn Calls) -> HostScene {
    let detailed_from = host.skbs.len().saturating_sub(SKBS_WITH_BYTES);
    let mut pages = BTreeMap::new();
    host.skbs.values().for_each(|skb| skb.frags.count(&mut pages));
    let skb = |(n, (id, s)): (usize, (&SkbId, &Rc<Skb>))| skb_scene(host, &pages, (*id, s), n >= detailed_from);
    HostScene {
        id,
        name: config.name.clone(),
        interfaces: interfaces(host, config),
        tasks: host.tasks.values().map(|t| task_scene(id, t, calls)).collect(),
        skbs: host.skbs.iter().enumerate().map(skb).collect(),
        sockets: host.sockets.iter().map(|(id, s)| socket_scene(*id, s)).collect(),
        neighbours: host
            .neighbours
            .iter()
            .map(|(addr, n)| NeighScene {
                address: Ipv4Addr::from(*addr).to_string(),
                mac: n.mac.map_or_else(String::new, |m| m.to_string()),
                state: n.state,
                ifindex: n.ifindex,
                event: n.event,
                queue: n.queue.clone(),
            })
            .collect(),
        calls: host.calls.clone(),
        payload_bytes_moved: host.payload_bytes_moved,
    }
}

fn interfaces(host: &Host, config: &HostConfig) -> Vec<InterfaceScene> {
    let queues = |ifindex: u16| host.devices.get(&u32::from(ifindex)).cloned().unwrap_or_default();
    let scene = |i: &super::InterfaceConfig| {
        let queues = queues(i.ifindex);
        InterfaceScene {
            name: i.name.clone(),
            ifindex: i.ifindex,
            mac: i.mac.to_string(),
            address: i.address.map_or_else(String::new, |(a, len)| format!("{a}/{len}")),
            qdisc: queues.qdisc,
            tx_ring: queues.tx_ring,
            rx_ring: queues.rx_ring,
        }
    };
    config.interfaces.iter().map(scene).collect()
}

fn task_scene(host: HostId, task: &Task, calls: &dyn Calls) -> TaskScene {
    let shown = task.calls.len().saturating_sub(STRACE_LINES);
    let line = |c: &super::state::CallLine| {
        let returned = c.exit != EventId::NONE;
        let result = if returned { calls.result(host, task.config.id, c.index) } else { None };
        let text = match (calls.call(host, task.config.id, c.index), result) {
            (Some(call), Some(result)) => strace::format_line(call, result),
            (Some(call), None) if !returned => strace::format_call(call),
            _ => strace::bare_line(c.nr, returned.then(|| return_value(c.ret))),
        };
        StraceLine { text, returned, enter: c.enter, exit: c.exit }
    };
    TaskScene {
        id: task.config.id,
        name: task.config.name.clone(),
        source: task.config.source,
        line: task.line,
        state: task.state,
        strace_cut: task.calls_cut + shown as u32,
        strace: task.calls[shown..].iter().map(line).collect(),
        output: last_lines(&task.output).to_owned(),
    }
}

fn return_value(ret: i32) -> Result<i64, Errno> {
    match ret.checked_neg().filter(|n| *n > 0).and_then(Errno::from_number) {
        Some(errno) => Err(errno),
        None => Ok(ret.into()),
    }
}

fn skb_scene(host: &Host, pages: &BTreeMap<u32, u32>, (id, skb): (SkbId, &Skb), with_bytes: bool) -> SkbScene {
    let area = host.areas.get(&skb.area);
    // The card fills a receive buffer before the driver says how long the packet is (`skb_put`).
    let end = if skb.receiving && skb.tail == skb.data { skb.end } else { skb.tail };
    let data_len = skb.frags.len();
    let linear = area.into_iter().flat_map(|a| a.before_tail(end)).map(|p| p.region(with_bytes));
    SkbScene {
        id,
        clone_of: skb.clone_of,
        references: area.map_or(1, |a| a.references),
        layer: skb.layer,
        place: skb.place,
        receiving: skb.receiving,
        data: skb.data,
        tail: skb.tail,
        end: skb.end,
        truesize: skb.truesize,
        len: skb.tail.saturating_sub(skb.data).saturating_add(data_len),
        data_len,
        frags: skb.frags.scenes(pages),
        gso: skb.gso,
        mac_header: skb.offsets[0],
        network_header: skb.offsets[1],
        transport_header: skb.offsets[2],
        last_move: skb.last_move,
        regions: linear.chain(skb.frags.regions(skb.end, with_bytes)).collect(),
        owner: skb.owner,
        stream: skb.stream,
        touched: skb.touched,
    }
}

fn socket_scene(id: SockId, sock: &Sock) -> SocketScene {
    let name =
        |n: Option<(u32, u16)>| n.map_or_else(String::new, |(addr, port)| format!("{}:{port}", Ipv4Addr::from(addr)));
    let [write, rtx, receive, ofo] = &sock.queues;
    SocketScene {
        id,
        protocol: sock.protocol,
        state: sock.state,
        local: name(sock.local),
        peer: name(sock.peer),
        fd: sock.fd,
        write_queue: write.clone(),
        rtx_queue: rtx.clone(),
        receive_queue: receive.clone(),
        ofo_queue: ofo.clone(),
        variables: sock.variables.iter().map(|(f, (v, e))| (f.name().to_owned(), *v, *e)).collect(),
        timers: sock.timers.iter().map(|(k, (due, e))| (timer_name(*k).to_owned(), *due, *e)).collect(),
    }
}

fn frame_scene(frame: &FrameState) -> FrameScene {
    FrameScene {
        id: frame.id,
        from: frame.from,
        to: frame.to,
        len: frame.len,
        regions: frame.pieces.iter().map(|p| p.region(true)).collect(),
        sent_at_ns: frame.sent_at_ns,
        arrived: frame.arrived,
        lost: frame.lost,
    }
}

/// A timer's name, for a reader.
pub(crate) fn timer_name(kind: TimerKind) -> &'static str {
    match kind {
        TimerKind::Retransmit => "retransmit",
        TimerKind::DelayedAck => "delayed ACK",
        TimerKind::Probe => "window probe",
        TimerKind::ReoTimeout => "reordering",
        TimerKind::LossProbe => "loss probe",
        TimerKind::Pacing => "pacing",
        TimerKind::CompressedAck => "compressed ACK",
        TimerKind::Keepalive => "keepalive",
        TimerKind::SynAck => "SYN-ACK",
        TimerKind::TimeWait => "TIME-WAIT",
        TimerKind::Neigh => "neighbour",
        TimerKind::SocketTimeout => "socket timeout",
        TimerKind::Qdisc => "qdisc watchdog",
    }
}
