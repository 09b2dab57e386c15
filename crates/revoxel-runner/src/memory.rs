//! Keeping the cases that run at once within a memory bound.

use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

use revoxel_resample::ResampleError;

use crate::machine::{Bound, Machine, Room, human};

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

/// The most memory that this process can ever have, where the system says so. It is asked once: every case of a dataset
/// is compared with the answer.
pub fn whole() -> Option<Room> {
    static WHOLE: OnceLock<Option<Room>> = OnceLock::new();
    *WHOLE.get_or_init(|| Machine::default().whole())
}

/// The most memory that this process has held at once, in bytes, where the system says so.
pub fn peak() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Says so where `least`, what is needed by any means, is more than there is, or where `most`, an estimate that may be
/// too generous, is by far. `allowed` is what somebody allows: more than there seems to be, or less, which no voxels may
/// exceed by the estimate.
pub fn beyond(least: u64, most: u64, allowed: Option<u64>) -> Option<String> {
    let small = allowed.filter(|allowed| most.saturating_sub(SLABS) > *allowed && whole_is_more(*allowed));
    let told = |allowed| format!("may need {} of memory, but only {} may be taken", human(most), human(allowed));
    small.map(told).or_else(|| beyond_room(whole()?, least, most, allowed))
}

/// Whether there is more memory than this.
fn whole_is_more(bytes: u64) -> bool {
    whole().is_none_or(|room| room.bytes > bytes)
}

/// What a case needs whatever its size: slabs on their way to a file, and the encoder's pieces.
pub(crate) const SLABS: u64 = 32 << 20;

fn beyond_room(room: Room, least: u64, most: u64, allowed: Option<u64>) -> Option<String> {
    let there = room.bytes.max(allowed.unwrap_or_default());
    let needed = if least > there { least } else { most };
    (least > there || most / 4 > there).then(|| format!("needs about {} of memory, but {room}", human(needed)))
}

/// That a volume, or so many bytes, can be had now beside what is there already: asked before what cannot fail any
/// more where there is no memory.
///
/// # Errors
/// Where it cannot.
pub fn room(bytes: u64) -> Result<(), ResampleError> {
    if bytes < SMALL {
        return Ok(());
    }
    revoxel_resample::room(bytes)?;
    // A container ends a program that goes beyond its limit; nothing is refused before.
    match Machine::default().free() {
        Some(Room { bytes: free, bound: Bound::Container }) if free < bytes => Err(ResampleError::Memory(bytes)),
        _ => Ok(()),
    }
}

/// So many bytes are not worth a look.
const SMALL: u64 = 8 << 20;

/// The default budget: four fifths of what is free, 4 GiB where nobody knows.
pub fn default_budget() -> u64 {
    Machine::default().free().map_or(4 << 30, |room| room.bytes / 5 * 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn what_there_is_no_room_for_is_refused_with_both_numbers() {
        let room = Room { bytes: 350 << 20, bound: Bound::Container };
        let t = |least: u64, most: u64, allowed: Option<u64>| beyond_room(room, least << 20, most << 20, allowed);
        assert_eq!(t(350, 1400, None), None);
        let text = "needs about 1.5 GiB of memory, but the container (cgroup) has 350.0 MiB";
        assert_eq!(t(1536, 2000, None).as_deref(), Some(text));
        assert!(t(100, 1500, None).is_some_and(|text| text.contains("1.5 GiB")));
        assert_eq!(t(1536, 2000, Some(2 << 30)), None);
        assert!(t(1536, 2000, Some(1 << 30)).is_some());
    }

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
