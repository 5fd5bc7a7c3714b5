//! The timing wheels: arm, disarm and find the next timer in constant time.
//!
//! Linux: `kernel/time/timer.c`, whose far wheels are coarse and fire late. Ours are exact to the nanosecond. The
//! idea is Varghese and Lauck's, "Hashed and Hierarchical Timing Wheels", 1987: a digit of the time picks a slot.
//!
//! A wheel of level `n` has 64 slots of 64ⁿ ns. A slot holds a list of at most 16 timers or, where there are more,
//! a wheel of the level below. So a few timers are one short list, and a hundred thousand are found in as many steps
//! as the time has digits, at most. Opening a list into a wheel moves each timer down one of ten levels: that, too, is
//! a constant for each arming.
//!
//! Timers of one instant always stand in one list, in the order in which they were armed. In a slot of one nanosecond
//! a list may be of any length, as its first timer is the next.

use crate::time::Instant;
use alloc::vec::Vec;
use core::num::NonZeroU32;

/// Bits of the time that one wheel tells apart.
const BITS: u32 = 6;
/// Slots of a wheel.
const SLOTS: usize = 1 << BITS;
/// The level of the outermost wheel: its slots are told apart by the four topmost bits.
const TOP: u8 = 10;
/// The outermost wheel; it is always there.
const ROOT: u32 = 0;
/// The longest list that is not opened into a wheel. It is searched for the next timer.
const MOST: u8 = 16;
/// Set in a slot's entry that is a wheel; the others are the first timer of a list.
const WHEEL: u32 = 1 << 31;
/// No timer, no wheel.
const NIL: u32 = u32::MAX;

/// A timer that is armed; needed to disarm it. One that fired or was disarmed names nothing any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Token {
    node: u32,
    generation: NonZeroU32,
}

/// A timer, or a place for one. Its list is a ring.
#[derive(Clone, Debug)]
struct Node<T> {
    at: Instant,
    next: u32,
    prev: u32,
    /// The wheel in one of whose slots it stands.
    wheel: u32,
    /// Which arming this is; 0: the place is free.
    generation: u32,
    target: T,
}

#[derive(Clone, Debug)]
struct Wheel {
    /// A bit for each slot that is not empty.
    occupied: u64,
    slots: [u32; SLOTS],
    /// How long each slot's list is; of no use in wheels of level 0, where it may overflow.
    lengths: [u8; SLOTS],
    /// The wheel in one of whose slots this one is, or the next free place.
    parent: u32,
    /// Which slot.
    slot: u8,
    level: u8,
}

impl Wheel {
    fn new(level: u8, parent: u32, slot: usize) -> Wheel {
        Wheel { occupied: 0, slots: [NIL; SLOTS], lengths: [0; SLOTS], parent, slot: slot as u8, level }
    }
}

/// The slot of a wheel of this level for a time.
fn slot_of(level: u8, at: Instant) -> usize {
    (at.as_nanos() >> (u32::from(level) * BITS)) as usize % SLOTS
}

/// What is armed, and which is next.
#[derive(Debug)]
pub(crate) struct TimerWheel<T> {
    nodes: Vec<Node<T>>,
    wheels: Vec<Wheel>,
    /// Free places, chained.
    free_node: u32,
    free_wheel: u32,
    armed: u32,
    generation: u32,
    /// The timer that fires next, and when.
    first: Option<(Instant, u32)>,
    /// Wheels and timers looked at.
    #[cfg(test)]
    steps: core::cell::Cell<u64>,
}

impl<T> Default for TimerWheel<T> {
    fn default() -> Self {
        TimerWheel {
            nodes: Vec::new(),
            wheels: Vec::new(),
            free_node: NIL,
            free_wheel: NIL,
            armed: 0,
            generation: 0,
            first: None,
            #[cfg(test)]
            steps: core::cell::Cell::new(0),
        }
    }
}

// A clone of a host that is at rest copies nothing.
impl<T: Clone> Clone for TimerWheel<T> {
    fn clone(&self) -> Self {
        if self.armed == 0 {
            return TimerWheel { generation: self.generation, ..TimerWheel::default() };
        }
        TimerWheel {
            nodes: self.nodes.clone(),
            wheels: self.wheels.clone(),
            #[cfg(test)]
            steps: self.steps.clone(),
            ..*self
        }
    }
}

impl<T: Copy> TimerWheel<T> {
    /// Arms a timer.
    pub(crate) fn set(&mut self, at: Instant, target: T) -> Token {
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        let generation = self.generation;
        let fresh = Node { at, next: NIL, prev: NIL, wheel: NIL, generation, target };
        let node = match self.nodes.get_mut(self.free_node as usize) {
            Some(free) => {
                let node = core::mem::replace(&mut self.free_node, free.next);
                *free = fresh;
                node
            }
            None => {
                self.nodes.push(fresh);
                self.nodes.len() as u32 - 1
            }
        };
        self.armed += 1;
        self.enter(node, at);
        Token { node, generation: NonZeroU32::new(generation).unwrap_or(NonZeroU32::MIN) }
    }

    /// Disarms a timer. False: it was not armed any more.
    pub(crate) fn cancel(&mut self, token: Token) -> bool {
        let armed = self.is_armed(token);
        if armed {
            self.remove(token.node);
        }
        armed
    }

    /// Linux's `mod_timer`: arms a timer for another time, or anew if it is not armed. The same as [`Self::cancel`]
    /// and [`Self::set`], and cheaper.
    pub(crate) fn modify(&mut self, token: Option<Token>, at: Instant, target: T) -> Token {
        let Some(token) = token.filter(|token| self.is_armed(*token)) else { return self.set(at, target) };
        let was_first = self.is_first(token.node);
        if self.stays_last(token.node, at) {
            let node = &mut self.nodes[token.node as usize];
            (node.at, node.target) = (at, target);
            if self.first.is_none_or(|(first, _)| at < first) {
                self.first = Some((at, token.node));
            }
        } else {
            self.leave(token.node);
            let node = &mut self.nodes[token.node as usize];
            (node.at, node.target) = (at, target);
            if was_first {
                self.first = None;
            }
            self.enter(token.node, at);
        }
        if was_first {
            self.first = self.find_first();
        }
        token
    }

    /// Would the timer stand where it stands, last in its list, for this time too?
    fn stays_last(&mut self, node: u32, at: Instant) -> bool {
        let Node { at: old, next, wheel, .. } = self.nodes[node as usize];
        let wheel = &mut self.wheels[wheel as usize];
        let slot = slot_of(wheel.level, at);
        // A level tells times apart by one digit: those above it must be the same.
        let above = u32::from(wheel.level + 1) * BITS;
        if slot != slot_of(wheel.level, old) || (wheel.level < TOP && (at.as_nanos() ^ old.as_nanos()) >> above != 0) {
            return false;
        }
        if wheel.slots[slot] == node {
            // The ring's first becomes its last.
            wheel.slots[slot] = next;
        }
        next == wheel.slots[slot]
    }

    /// When the next timer fires.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.first.map(|(at, _)| at)
    }

    /// Takes the next timer, if it is due. Of two for the same instant, the one that was armed first.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<T> {
        let (_, node) = self.first.filter(|(at, _)| *at <= now)?;
        let target = self.nodes[node as usize].target;
        self.remove(node);
        Some(target)
    }

    fn is_armed(&self, token: Token) -> bool {
        self.nodes.get(token.node as usize).is_some_and(|n| n.generation == token.generation.get())
    }

    fn is_first(&self, node: u32) -> bool {
        self.first.is_some_and(|(_, first)| first == node)
    }

    /// The earliest timer; of several, the one armed first.
    fn find_first(&self) -> Option<(Instant, u32)> {
        let mut at = ROOT;
        let (level, head) = loop {
            self.step();
            let wheel = self.wheels.get(at as usize)?;
            let entry = *wheel.slots.get(wheel.occupied.trailing_zeros() as usize)?;
            if entry & WHEEL == 0 {
                break (wheel.level, entry);
            }
            at = entry & !WHEEL;
        };
        let first = &self.nodes[head as usize];
        let (mut best, mut node) = ((first.at, head), first.next);
        while level > 0 && node != head {
            self.step();
            let n = &self.nodes[node as usize];
            if n.at < best.0 {
                best = (n.at, node);
            }
            node = n.next;
        }
        Some(best)
    }

    /// Puts a timer into its list, as the last.
    fn enter(&mut self, node: u32, at: Instant) {
        if self.wheels.is_empty() {
            self.wheels.push(Wheel::new(TOP, NIL, 0));
        }
        let mut to = ROOT;
        loop {
            self.step();
            let wheel = &self.wheels[to as usize];
            let slot = slot_of(wheel.level, at);
            let entry = wheel.slots[slot];
            if entry != NIL && entry & WHEEL != 0 {
                to = entry & !WHEEL;
            } else if wheel.level > 0 && wheel.lengths[slot] == MOST {
                to = self.open(to, slot);
            } else {
                self.append(to, slot, node);
                break;
            }
        }
        if self.first.is_none_or(|(first, _)| at < first) {
            self.first = Some((at, node));
        }
    }

    fn append(&mut self, to: u32, slot: usize, node: u32) {
        let wheel = &mut self.wheels[to as usize];
        let head = wheel.slots[slot];
        wheel.lengths[slot] = wheel.lengths[slot].wrapping_add(1);
        let (next, prev) = if head == NIL {
            wheel.occupied |= 1 << slot;
            wheel.slots[slot] = node;
            (node, node)
        } else {
            let last = core::mem::replace(&mut self.nodes[head as usize].prev, node);
            self.nodes[last as usize].next = node;
            (head, last)
        };
        let n = &mut self.nodes[node as usize];
        (n.next, n.prev, n.wheel) = (next, prev, to);
    }

    /// Takes a timer out of its list; wheels that become empty go.
    fn leave(&mut self, node: u32) {
        let Node { at, next, prev, wheel, .. } = self.nodes[node as usize];
        if next != node {
            self.nodes[next as usize].prev = prev;
            self.nodes[prev as usize].next = next;
            let wheel = &mut self.wheels[wheel as usize];
            let slot = slot_of(wheel.level, at);
            wheel.lengths[slot] = wheel.lengths[slot].wrapping_sub(1);
            if wheel.slots[slot] == node {
                wheel.slots[slot] = next;
            }
            return;
        }
        let (mut from, mut slot) = (wheel, slot_of(self.wheels[wheel as usize].level, at));
        loop {
            self.step();
            let wheel = &mut self.wheels[from as usize];
            (wheel.slots[slot], wheel.lengths[slot]) = (NIL, 0);
            wheel.occupied &= !(1 << slot);
            if wheel.occupied != 0 || from == ROOT {
                return;
            }
            slot = usize::from(wheel.slot);
            let parent = core::mem::replace(&mut wheel.parent, self.free_wheel);
            self.free_wheel = core::mem::replace(&mut from, parent);
        }
    }

    /// Takes a timer out, and frees its place.
    fn remove(&mut self, node: u32) {
        self.leave(node);
        self.armed -= 1;
        let n = &mut self.nodes[node as usize];
        n.generation = 0;
        n.next = core::mem::replace(&mut self.free_node, node);
        if self.is_first(node) {
            self.first = self.find_first();
        }
    }

    /// Turns the list of a slot into a wheel of the level below, in the same order. Which one?
    fn open(&mut self, wheel: u32, slot: usize) -> u32 {
        let above = &self.wheels[wheel as usize];
        let head = above.slots[slot];
        let fresh = Wheel::new(above.level - 1, wheel, slot);
        let below = match self.wheels.get_mut(self.free_wheel as usize) {
            Some(free) => {
                let below = core::mem::replace(&mut self.free_wheel, free.parent);
                *free = fresh;
                below
            }
            None => {
                self.wheels.push(fresh);
                self.wheels.len() as u32 - 1
            }
        };
        let level = self.wheels[below as usize].level;
        self.wheels[wheel as usize].slots[slot] = below | WHEEL;
        let mut node = head;
        loop {
            self.step();
            let Node { at, next, .. } = self.nodes[node as usize];
            self.append(below, slot_of(level, at), node);
            if next == head {
                return below;
            }
            node = next;
        }
    }

    #[inline(always)]
    fn step(&self) {
        #[cfg(test)]
        self.steps.set(self.steps.get() + 1);
    }
}

#[cfg(test)]
impl<T: Copy> TimerWheel<T> {
    pub(super) const NODE_SIZE: usize = size_of::<Node<T>>();

    /// Wheels and timers looked at since the last time.
    pub(super) fn take_steps(&self) -> u64 {
        self.steps.take()
    }

    /// Every timer stands in the slot of its time; no wheel but the outermost is empty.
    pub(super) fn check(&self) {
        let mut found = 0;
        let mut todo: Vec<u32> = (0..self.wheels.len().min(1) as u32).collect();
        while let Some(at) = todo.pop() {
            let wheel = &self.wheels[at as usize];
            assert!(at == ROOT || wheel.occupied != 0);
            for (slot, entry) in wheel.slots.iter().copied().enumerate() {
                assert_eq!(wheel.occupied >> slot & 1 == 0, entry == NIL);
                if entry == NIL {
                    continue;
                }
                if entry & WHEEL != 0 {
                    let below = &self.wheels[(entry & !WHEEL) as usize];
                    assert_eq!((below.parent, usize::from(below.slot), below.level), (at, slot, wheel.level - 1));
                    todo.push(entry & !WHEEL);
                    continue;
                }
                let mut node = entry;
                loop {
                    let n = &self.nodes[node as usize];
                    assert_eq!((n.wheel, slot_of(wheel.level, n.at)), (at, slot));
                    assert_eq!(self.nodes[n.next as usize].prev, node);
                    found += 1;
                    node = n.next;
                    if node == entry {
                        break;
                    }
                }
            }
        }
        assert_eq!(found, self.armed);
    }
}
