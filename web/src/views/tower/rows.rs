//! Where the rows and the packets of the tower are: numbers only, no drawing.

use stack::trace::{Layer, QueueKind};

/// A row's place, in percent of the tower's height.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Row {
    /// The layer.
    pub layer: Layer,
    /// Its upper edge.
    pub top: f32,
    /// Its height.
    pub height: f32,
}

impl Row {
    /// Its middle.
    pub fn middle(&self) -> f32 {
        self.top + self.height / 2.0
    }

    /// The style that puts an element on it.
    pub fn style(&self) -> String {
        format!("top:{}%;height:{}%", self.top, self.height)
    }
}

const ROWS: [(Layer, f32, f32); 10] = [
    (Layer::User, 0.0, 13.0),
    (Layer::Syscall, 13.0, 7.0),
    (Layer::Socket, 20.0, 14.0),
    (Layer::Transport, 34.0, 9.5),
    (Layer::Ip, 43.5, 9.5),
    (Layer::Neigh, 53.0, 9.5),
    (Layer::Qdisc, 62.5, 9.0),
    (Layer::Driver, 71.5, 9.5),
    (Layer::Nic, 81.0, 8.5),
    (Layer::Wire, 89.5, 10.5),
];

/// All rows, top to bottom.
pub fn rows() -> impl Iterator<Item = Row> {
    ROWS.into_iter().map(|(layer, top, height)| Row { layer, top, height })
}

/// A layer's row.
pub fn row(layer: Layer) -> Row {
    let (layer, top, height) = ROWS[layer as usize];
    Row { layer, top, height }
}

/// A queue's slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slots {
    /// The row they are on.
    pub layer: Layer,
    /// How many are drawn.
    pub count: usize,
    from_left: u32,
    from_right: u32,
}

impl Slots {
    /// The left edge of a slot, as a CSS length; the second column is the mirror of the first.
    pub fn left(&self, column: usize, index: usize) -> String {
        let step = index as u32 * SLOT_STEP;
        match column {
            0 if self.layer == Layer::Socket => {
                format!("calc(var(--col-x) + var(--slot-shift) + {}px)", self.from_left + step)
            }
            0 => format!("calc(var(--col-x) + {}px)", self.from_left + step),
            _ => format!("calc(var(--col-x) + var(--col-w) - {}px)", self.from_right.saturating_sub(step)),
        }
    }
}

/// Where a queue's slots are.
pub fn slots(queue: QueueKind) -> Slots {
    let (layer, from_left, from_right, count) = match queue {
        QueueKind::Write => (Layer::Socket, 76, 192, 2),
        QueueKind::Retransmit => (Layer::Socket, 142, 126, 2),
        QueueKind::Receive | QueueKind::OutOfOrder => (Layer::Socket, 208, 60, 2),
        QueueKind::Neigh => (Layer::Neigh, 2, 92, 3),
        QueueKind::Qdisc => (Layer::Qdisc, 2, 122, 4),
        QueueKind::TxRing => (Layer::Driver, 26, 214, 3),
        QueueKind::RxRing => (Layer::Driver, 146, 92, 3),
    };
    Slots { layer, count, from_left, from_right }
}

/// From one slot to the next, px.
pub const SLOT_STEP: u32 = 30;

/// Rows that have slots leave little room for a packet in hand: it is drawn compact there.
pub fn is_narrow(layer: Layer) -> bool {
    matches!(layer, Layer::User | Layer::Syscall | Layer::Socket | Layer::Qdisc | Layer::Driver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_fill_the_tower_in_the_order_of_the_layers() {
        let rows: Vec<Row> = rows().collect();
        assert_eq!(rows.iter().map(|row| row.layer).collect::<Vec<_>>(), Layer::ALL);
        assert!(rows.windows(2).all(|w| w[0].top + w[0].height == w[1].top));
        assert_eq!(rows[9].top + rows[9].height, 100.0);
        assert!(Layer::ALL.into_iter().all(|layer| row(layer).layer == layer));
    }
}
