//! Saying things on standard error: to people, who may not be listening.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use revoxel_runner::printable::printable;

/// Whether nothing but errors is to be said.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Says nothing from now on, or says things again.
pub(crate) fn set_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::SeqCst);
}

/// Whether nothing but errors is to be said.
pub(crate) fn is_quiet() -> bool {
    QUIET.load(Ordering::SeqCst)
}

/// [`say`], also where nothing but errors is to be said.
pub(crate) fn say_error(text: &str) {
    let mut line = printable(text).into_owned();
    line.push('\n');
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Says a line. Where standard error is closed or full nothing is said, and the work goes on.
pub(crate) fn say(text: &str) {
    if !is_quiet() {
        say_error(text);
    }
}

/// [`say`] with a format, as `eprintln!` has it.
macro_rules! say {
    ($($argument:tt)*) => {
        $crate::say(&format!($($argument)*))
    };
}
