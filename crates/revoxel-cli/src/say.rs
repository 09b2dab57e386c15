//! Saying things on standard error: to people, who may not be listening.

use std::io::Write;

use revoxel_runner::printable::printable;

/// Says a line. Where standard error is closed or full nothing is said, and the work goes on.
pub(crate) fn say(text: &str) {
    let mut line = printable(text).into_owned();
    line.push('\n');
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// [`say`] with a format, as `eprintln!` has it.
macro_rules! say {
    ($($argument:tt)*) => {
        $crate::say(&format!($($argument)*))
    };
}
