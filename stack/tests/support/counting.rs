//! An allocator that counts what is in use, as the C library's would lay it out.
//!
//! The only `unsafe` code of the project's tests: the trait asks for it.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

static IN_USE: AtomicUsize = AtomicUsize::new(0);

/// Bytes in use.
pub fn in_use() -> usize {
    IN_USE.load(Relaxed)
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What glibc takes for it: a header of 8 bytes, rounded up to 16, at least 32.
fn cost(layout: Layout) -> usize {
    (layout.size() + 8).next_multiple_of(16).max(32)
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(cost(layout), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(cost(layout), Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}
