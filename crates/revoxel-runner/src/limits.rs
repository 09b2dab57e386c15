//! The limits that hold for every file that is read, as the command line says them once for the whole process.

use std::sync::OnceLock;

use revoxel_io::{Limits, ReadOptions};

use crate::memory;

static LIMITS: OnceLock<Limits> = OnceLock::new();
static ALLOW_OUTSIDE: OnceLock<bool> = OnceLock::new();

/// Says the limits for the whole process; what is said later is not heard.
pub fn set(limits: Limits) {
    let _ = LIMITS.set(limits);
}

/// Lets headers name files of values outside their own folder, for the whole process.
pub fn allow_outside() {
    let _ = ALLOW_OUTSIDE.set(true);
}

/// The limits as they were said, or those of this machine.
pub fn limits() -> Limits {
    *LIMITS.get_or_init(|| of_machine(memory::whole().map(|room| room.bytes)))
}

/// How files are read for which nothing else was said.
pub fn options() -> ReadOptions {
    ReadOptions { limits: limits(), allow_outside: ALLOW_OUTSIDE.get().is_some(), ..ReadOptions::default() }
}

/// The limits where so much memory is there: three quarters of it for one volume.
pub fn of_machine(memory: Option<u64>) -> Limits {
    let all = Limits::default();
    Limits { memory: memory.map_or(all.memory, |bytes| bytes / 4 * 3), ..all }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_may_take_three_quarters_of_the_memory() {
        assert_eq!(of_machine(Some(400 << 20)).memory, 300 << 20);
        assert_eq!(of_machine(None), Limits::default());
    }
}
