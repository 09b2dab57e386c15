//! Keeping the cases that run at once within a memory bound.

use std::sync::{Condvar, Mutex, PoisonError};

/// A budget of bytes that cases draw from while they run.
#[derive(Debug)]
pub struct Budget {
    total: u64,
    used: Mutex<u64>,
    freed: Condvar,
}

/// Bytes drawn from a budget; given back when dropped.
#[derive(Debug)]
pub struct Drawn<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    /// A budget of this many bytes.
    pub const fn new(total: u64) -> Self {
        Self { total, used: Mutex::new(0), freed: Condvar::new() }
    }

    /// Waits until so many bytes are free, and takes them. What is more than the whole budget runs alone.
    pub fn draw(&self, bytes: u64) -> Drawn<'_> {
        let bytes = bytes.min(self.total);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while *used + bytes > self.total {
            used = self.freed.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        *used += bytes;
        Drawn { budget: self, bytes }
    }
}

impl Drop for Drawn<'_> {
    fn drop(&mut self) {
        *self.budget.used.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.budget.freed.notify_all();
    }
}

/// The memory that is available now, in bytes, where the system says so.
pub fn available() -> Option<u64> {
    of_the_machine("MemAvailable:")
}

/// The memory that the machine has, in bytes, where the system says so.
pub fn total() -> Option<u64> {
    of_the_machine("MemTotal:")
}

fn of_the_machine(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|l| l.starts_with(name))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// The most memory that this process has held at once, in bytes, where the system says so.
pub fn peak() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Says so where so many bytes are more by far than the machine has. A little more may be an estimate that is too
/// generous, or lie on disk in part.
pub fn beyond_by_far(bytes: u64) -> Option<String> {
    let machine = total().filter(|total| bytes / 4 > *total)?;
    let [needed, machine] = [bytes, machine].map(|bytes| bytes.div_ceil(1 << 30));
    Some(format!("about {needed} GiB of memory are needed, and the machine has {machine}"))
}

/// The default budget: four fifths of what is available, 4 GiB where nobody knows.
pub fn default_budget() -> u64 {
    available().map_or(4 << 30, |bytes| bytes / 5 * 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn no_more_than_the_budget_is_in_use() {
        let (budget, now, most) = (Budget::new(10), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for bytes in [3, 4, 5, 6, 99, 2, 7, 1] {
                let (budget, now, most) = (&budget, &now, &most);
                scope.spawn(move || {
                    let drawn = budget.draw(bytes);
                    let sum = now.fetch_add(drawn.bytes, Ordering::SeqCst) + drawn.bytes;
                    most.fetch_max(sum, Ordering::SeqCst);
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    now.fetch_sub(drawn.bytes, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), 10);
        assert_eq!(*budget.used.lock().unwrap(), 0);
    }
}
