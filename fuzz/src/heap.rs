//! Counts the heap: how much is in use, and how much was at most.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static HEAP: Counting = Counting;

fn grown(by: usize) {
    let used = USED.fetch_add(by, Relaxed) + by;
    PEAK.fetch_max(used, Relaxed);
}

fn shrunk(by: usize) {
    // What was allocated before counting began may be freed later.
    let _ = USED.fetch_update(Relaxed, Relaxed, |used| Some(used.saturating_sub(by)));
}

// SAFETY: all calls go to the system's allocator as they are; counting touches no memory of theirs.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller promises what `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        shrunk(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > layout.size() {
            grown(size - layout.size());
        } else {
            shrunk(layout.size() - size);
        }
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Forgets the peak; what is in use.
pub fn restart() -> usize {
    let used = USED.load(Relaxed);
    PEAK.store(used, Relaxed);
    used
}

/// The most that was in use since the last restart.
pub fn peak() -> usize {
    PEAK.load(Relaxed)
}
