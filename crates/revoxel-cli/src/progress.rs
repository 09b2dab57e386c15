//! How far long work is: a bar for people, lines for programs.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// A bar on a terminal, a line from time to time elsewhere
    Auto,
    /// A line of JSON on standard error for each case that ended
    Json,
}

/// Whether progress is printed as lines of JSON.
static LINES: AtomicBool = AtomicBool::new(false);

/// Sets how progress is shown.
pub(crate) fn set(form: Form) {
    LINES.store(form == Form::Json, Ordering::SeqCst);
}

/// How long a run goes on without a word where there is no terminal.
const SILENT: Duration = Duration::from_secs(10);

/// How far a run is, for a log. `None` in the first seconds, on a terminal (it has a bar), and if progress is JSON.
pub(crate) fn how_far(since: Instant, ended: usize, all: usize) -> Option<String> {
    let elapsed = since.elapsed();
    if elapsed < SILENT || std::io::stderr().is_terminal() || ended == 0 || LINES.load(Ordering::SeqCst) {
        return None;
    }
    let left = elapsed.mul_f64((all.saturating_sub(ended)) as f64 / ended as f64);
    Some(format!("{ended} of {all}, {} s elapsed, about {} s left", elapsed.as_secs(), left.as_secs()))
}

/// How far some work is.
pub(crate) struct Progress {
    bar: ProgressBar,
    unit: String,
}

/// Begins to show how far work on so many things is: a bar on a terminal, lines for programs, and nothing elsewhere.
pub(crate) fn progress(count: usize, unit: &str) -> Progress {
    let lines = LINES.load(Ordering::SeqCst);
    let shown = std::io::stderr().is_terminal() && !crate::say::is_quiet() && !lines;
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(count as u64), target);
    let style = ProgressStyle::with_template(&format!(
        "{{bar:30}} {{pos}}/{{len}} {unit}, {{elapsed}} elapsed, {{eta}} left  {{msg}}"
    ));
    let progress =
        Progress { bar: bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())), unit: unit.to_owned() };
    progress.tell(None);
    progress
}

impl Progress {
    /// One more is done.
    pub(crate) fn one(&self) {
        self.bar.inc(1);
        self.tell(None);
    }

    /// One more is done, and which.
    pub(crate) fn one_of(&self, name: String) {
        self.bar.inc(1);
        self.tell(Some(&name));
        self.bar.set_message(name);
    }

    /// So many are done.
    pub(crate) fn up_to(&self, position: usize) {
        self.bar.set_position(position as u64);
        self.tell(None);
    }

    /// Does something that prints.
    pub(crate) fn suspend<T>(&self, work: impl FnOnce() -> T) -> T {
        self.bar.suspend(work)
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn tell(&self, case: Option<&str>) {
        let (done, all) = (self.bar.position(), self.bar.length().unwrap_or_default());
        if LINES.load(Ordering::SeqCst) && all > 0 {
            let line = json!({ "progress": { "ended": done, "of": all, "unit": self.unit, "case": case } });
            crate::say_error(&line.to_string());
        }
    }
}
