//! Ending on Ctrl-C and SIGTERM.

use std::sync::{Mutex, PoisonError};

use revoxel_runner::stop::Still;
#[cfg(unix)]
use revoxel_runner::stop::{clear_up, stand_still, stop};

use super::show;

type Farewell = Box<dyn Fn(&Stopped, &Still) + Send>;

/// What a command says before the program ends.
static FAREWELL: Mutex<Option<Farewell>> = Mutex::new(None);

/// By what the program was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stopped {
    /// In words, such as `Ctrl-C (SIGINT)`.
    pub(super) by: &'static str,
    /// The exit code.
    pub(super) code: i32,
}

impl Stopped {
    /// Says how far the work is, and how to go on.
    pub(super) fn say(&self, done: usize, all: usize) {
        say!(
            "stopped by {}: {done} of {} done, no partial files left; continue with the same command and --resume",
            self.by,
            show::counted(all, "case")
        );
    }
}

/// What is done and said when the program is stopped, for as long as the result lives.
pub(super) fn farewell(say: impl Fn(&Stopped, &Still) + Send + 'static) -> Registered {
    *FAREWELL.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(say));
    Registered(())
}

/// See [`farewell`].
#[derive(Debug)]
#[must_use]
pub(super) struct Registered(());

impl Drop for Registered {
    fn drop(&mut self) {
        *FAREWELL.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Waits for signals in a thread of its own. The first ends the program once no case is getting its names; the second
/// ends it at once.
#[cfg(unix)]
pub(super) fn listen() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
    use signal_hook::iterator::Signals;

    // A file that becomes larger than the system allows would end the program without a word; the write fails instead.
    let _ = signal_hook::flag::register(SIGXFSZ, std::sync::Arc::default());
    // What is ignored from the beginning stays ignored: `nohup`, and jobs in the background of a script.
    let Some(ignored) = ignored() else { return };
    let heard = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let Ok(mut signals) = Signals::new(heard) else { return };
    let wait = move || {
        for signal in signals.forever() {
            let by = match signal {
                SIGINT => "Ctrl-C (SIGINT)",
                SIGTERM => "SIGTERM",
                _ => "SIGHUP (terminal closed)",
            };
            let stopped = Stopped { by, code: 128 + signal };
            if stop() || std::thread::Builder::new().spawn(move || end(&stopped)).is_err() {
                clear_up();
                exit(stopped.code);
            }
        }
    };
    // Without the thread a signal ends the program as it ends any other.
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(wait);
}

/// The signals that this process ignores, as bits from signal 1 on; `None` where the system does not say.
#[cfg(unix)]
fn ignored() -> Option<u64> {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        // Elsewhere a hang-up is left to whoever started the program.
        return Some(1 << (signal_hook::consts::SIGHUP - 1));
    };
    u64::from_str_radix(status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?.trim(), 16).ok()
}

/// Elsewhere a signal ends the program as it ends any other.
#[cfg(not(unix))]
pub(super) fn listen() {}

#[cfg(unix)]
fn end(stopped: &Stopped) {
    let still = stand_still();
    match FAREWELL.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(say) => say(stopped, &still),
        None => crate::say(&format!("stopped by {}: no partial files left", stopped.by)),
    }
    exit(stopped.code);
}

/// Ends the program while other threads are at work: unfinished files are removed by now.
#[cfg(unix)]
#[allow(clippy::disallowed_methods, reason = "nobody can wait for the threads, and nothing is left to be tidied up")]
fn exit(code: i32) -> ! {
    std::process::exit(code)
}
