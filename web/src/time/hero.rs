//! The journey that plays by itself: from one `send()` to the `recv()` that returns its bytes.

use lab::scene::{SkbRef, SyscallSpan, Timeline};
use stack::trace::{EventId, HostId, Layer};

/// The part of a run that is worth watching first, and what it proves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hero {
    /// Where to begin: just before the call.
    pub from: EventId,
    /// The call, e.g. `sendto`.
    pub call: String,
    /// When it was made.
    pub enter: EventId,
    /// When it returned.
    pub exit: EventId,
    /// When its first frame was on the wire.
    pub wire: EventId,
    /// When the receiver's call returned the bytes: where to stop.
    pub to: EventId,
    /// Who sends.
    pub host: HostId,
    /// The stops, in order: one a header, and the moments between.
    pub stops: Vec<Stop>,
}

/// A stop of the journey.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stop {
    /// The event.
    pub event: EventId,
    /// The packet to look at there.
    pub packet: Option<SkbRef>,
}

/// When the sending call returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// Before the frame was on the wire.
    BeforeTheWire,
    /// After the frame was on the wire, before the receiver had the bytes.
    OnItsWay,
    /// After the receiver had the bytes.
    AfterTheReceiver,
}

impl Hero {
    /// Finds it: the first call that receives bytes, and the last call before it that sends, on another host.
    pub fn find(timeline: &Timeline) -> Option<Hero> {
        let calls = &timeline.syscalls;
        let pair = |receive: &'_ SyscallSpan| {
            let sent = |call: &&SyscallSpan| sends(call) && call.host != receive.host && call.enter < receive.exit;
            calls.iter().filter(sent).max_by_key(|call| call.enter).map(|send| send.enter)
        };
        let done = calls.iter().filter(|call| receives(call) && call.exit != EventId::NONE);
        let receive = done
            .filter(|call| pair(call).is_some() && way_up(timeline, call).is_some())
            .min_by_key(|call| call.exit)?;
        let enter = pair(receive)?;
        let send = calls.iter().find(|call| call.enter == enter && call.exit != EventId::NONE)?;
        let (down, wire) = way_down(timeline, send)?;
        let up = way_up(timeline, receive)?;
        let call = Stop { event: send.enter, packet: None };
        let done = Stop { event: receive.exit, packet: None };
        let mut stops: Vec<Stop> = [call].into_iter().chain(down).chain(up).chain([done]).collect();
        stops.sort_by_key(|stop| stop.event);
        stops.dedup_by_key(|stop| stop.event);
        Some(Hero {
            from: send.enter,
            call: send.name.clone(),
            enter: send.enter,
            exit: send.exit,
            wire,
            to: receive.exit,
            host: send.host,
            stops,
        })
    }

    /// The stop after an event.
    pub fn next(&self, at: EventId) -> Option<Stop> {
        self.stops.iter().find(|stop| stop.event > at).copied()
    }

    /// The answer to "when did the call return?", as this run has it.
    pub fn returned(&self) -> Moment {
        if self.exit < self.wire {
            Moment::BeforeTheWire
        } else if self.exit < self.to {
            Moment::OnItsWay
        } else {
            Moment::AfterTheReceiver
        }
    }
}

/// From the call to the wire: the bytes copied in, each header, the return, the wire.
fn way_down(timeline: &Timeline, send: &SyscallSpan) -> Option<(Vec<Stop>, EventId)> {
    let after = || timeline.beats.iter().filter(|beat| beat.host == send.host && beat.event > send.enter);
    let inside = || after().filter(|beat| beat.event <= send.exit && beat.skb.is_some());
    // The skb that reached the card is the one to follow: the original stays behind.
    let sent = inside().filter(|beat| beat.layer == Layer::Driver).find_map(|beat| beat.skb)?;
    let headers = [Layer::Transport, Layer::Ip, Layer::Neigh];
    let mine = headers.into_iter().filter_map(|layer| inside().rfind(|b| b.layer == layer && b.skb == Some(sent)));
    let packet = |skb| Some(SkbRef { host: send.host, skb });
    let mut stops: Vec<Stop> = mine.map(|beat| Stop { event: beat.event, packet: packet(sent) }).collect();
    let first = stops.first().map_or(send.exit, |stop| stop.event);
    let copied = inside().rfind(|beat| beat.event < first && beat.skb != Some(sent));
    stops.extend(copied.and_then(|beat| Some(Stop { event: beat.event, packet: packet(beat.skb?) })));
    stops.push(Stop { event: send.exit, packet: packet(sent) });
    let wire = after().find(|beat| beat.layer == Layer::Wire && beat.skb == Some(sent))?;
    stops.push(Stop { event: wire.event, packet: None });
    Some((stops, wire.event))
}

/// From the wire to the call that returns the bytes: each header taken off.
fn way_up(timeline: &Timeline, receive: &SyscallSpan) -> Option<Vec<Stop>> {
    let here = || timeline.beats.iter().filter(|beat| beat.host == receive.host);
    let read = here().rfind(|beat| beat.event <= receive.exit && beat.event > receive.enter && beat.skb.is_some())?;
    let skb = read.skb?;
    let layers = [Layer::Nic, Layer::Neigh, Layer::Ip, Layer::Transport, Layer::Socket];
    let mine = layers.into_iter().filter_map(|layer| here().find(|beat| beat.layer == layer && beat.skb == Some(skb)));
    let packet = Some(SkbRef { host: receive.host, skb });
    Some(mine.map(|beat| Stop { event: beat.event, packet }).collect())
}

fn sends(call: &SyscallSpan) -> bool {
    matches!(call.name.as_str(), "sendto" | "send" | "write" | "sendmsg")
}

fn receives(call: &SyscallSpan) -> bool {
    matches!(call.name.as_str(), "recvfrom" | "recv" | "read" | "recvmsg")
}
