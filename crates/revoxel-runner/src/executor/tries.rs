//! A case that may be tried again.

use std::ops::ControlFlow::{self, Break, Continue};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use revoxel_pipeline::Pipeline;

use super::Outcome;
use crate::case::{self, CaseError, Ready, Way};
use crate::older::Owners;
use crate::preflight::Checked;

/// Before a case is tried again; longer each time.
const PAUSE: Duration = Duration::from_secs(1);

/// A case, and how often it may still be tried.
pub(super) struct Tries<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) checked: &'a Checked,
    pub(super) owners: &'a Owners,
    pub(super) data: &'a Path,
    pub(super) out: &'a Path,
    pub(super) retries: u32,
    pub(super) tried: u32,
}

impl Tries<'_> {
    /// Makes the files of the case. `Break` if the case has ended without files.
    pub(super) fn make(&mut self) -> ControlFlow<Outcome, Box<Ready>> {
        loop {
            match guarded(|| case::make(self.pipeline, self.checked, self.owners, (self.data, self.out)))? {
                Ok(Way::Made(ready)) => return Continue(ready),
                Ok(Way::Skipped(done)) => return Break(Outcome::Done(done)),
                Err(error) => self.wait(error)?,
            }
        }
    }

    /// Names the files. Where that fails for a reason that may pass, the case is made again.
    pub(super) fn name(mut self, ready: Box<Ready>) -> Outcome {
        let mut once = |ready: Box<Ready>| match guarded(|| ready.name())? {
            Ok(done) => Break(Outcome::Done(done)),
            Err(error) => {
                self.wait(error)?;
                self.make()
            }
        };
        let mut ready = ready;
        loop {
            match once(ready) {
                Continue(again) => ready = again,
                Break(outcome) => return outcome,
            }
        }
    }

    /// Waits before the next try. `Break` if no try is left.
    fn wait(&mut self, error: CaseError) -> ControlFlow<Outcome> {
        if self.tried >= self.retries || !error.may_pass() || crate::stop::is_stopped() {
            return Break(Outcome::Failed(error.into()));
        }
        self.tried += 1;
        let (tried, retries) = (self.tried, self.retries);
        tracing::warn!(case = %self.checked.case.name, "{error}; trying again ({tried} of {retries})");
        std::thread::sleep(PAUSE * tried);
        Continue(())
    }
}

/// A panic is a failure of the case, not of the run.
fn guarded<T>(work: impl FnOnce() -> T) -> ControlFlow<Outcome, T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => Continue(done),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Break(Outcome::Failed(format!("internal error, please report it: {text}").into()))
        }
    }
}
