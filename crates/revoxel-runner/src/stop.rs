//! Ending early: what is done stays, what is half done goes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

/// Held while a case gets its names: nobody ends the process in between.
static NAMING: RwLock<()> = RwLock::new(());
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Whether the process is ending: what fails now fails because of that.
pub fn is_stopped() -> bool {
    STOPPED.load(Ordering::SeqCst)
}

/// Says that the process is ending: no further case is begun. Whether that was said before.
pub fn stop() -> bool {
    STOPPED.swap(true, Ordering::SeqCst)
}

/// Does what is not to be interrupted. It is short: files get their names.
pub fn uninterrupted<T>(work: impl FnOnce() -> T) -> T {
    let _naming = NAMING.read().unwrap_or_else(PoisonError::into_inner);
    work()
}

/// While it lives no case gets its names.
#[derive(Debug)]
#[must_use]
pub struct Still {
    _naming: RwLockWriteGuard<'static, ()>,
}

/// Waits until no case is getting its names, then clears up: the process may end.
pub fn stand_still() -> Still {
    let naming = NAMING.write().unwrap_or_else(PoisonError::into_inner);
    clear_up();
    Still { _naming: naming }
}

/// Removes files that are unfinished and gives folders back.
pub fn clear_up() {
    revoxel_io::partial::remove_all();
    crate::lock::give_all_back();
}
