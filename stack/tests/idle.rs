//! What an idle connection costs: at most 2 KiB, with its timer and its places in the tables.

#[path = "support/crowd.rs"]
mod crowd;

use crowd::Crowd;
use peak_alloc::PeakAlloc;
use stack::time::Duration;

/// Counts the bytes that the program asked for.
#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What one may cost, bytes.
const MOST: usize = 2048;
const CONNECTIONS: u32 = 100_000;

#[test]
fn an_idle_connection_costs_at_most_2_kib() {
    let mut crowd = Crowd::new(CONNECTIONS);
    // What the first ones need, all share.
    for _ in 0..10 {
        crowd.connect();
    }
    let before = ALLOCATOR.current_usage();
    let mut worst = 0;
    for n in 1..=CONNECTIONS - 10 {
        crowd.connect();
        // A table is largest, for what is in it, when it has just grown.
        if n > 10_000 && n.is_multiple_of(64) {
            worst = worst.max((ALLOCATOR.current_usage() - before) / n as usize);
        }
    }
    crowd.pass(Duration::from_secs(60));
    let each = (ALLOCATOR.current_usage() - before) / (CONNECTIONS as usize - 10);
    println!("{each} bytes each, {worst} at the worst moment");
    assert!(worst.max(each) <= MOST, "{each} bytes each, {worst} at the worst moment");
    // They are all alive.
    for n in (0..crowd.len()).step_by(997) {
        crowd.exchange(n, 10, 10);
    }
}
