//! The threads that do the work.
//!
//! Threads do not survive `fork`, and the first parallel loop of a child would wait for them for ever. So the pool belongs
//! to a process: a child makes its own.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::errors;

/// A pool and the process that it belongs to.
struct Own {
    process: u32,
    pool: Arc<ThreadPool>,
}

/// Locked only by threads that hold the interpreter, so that no other thread holds it while a process forks.
static POOL: Mutex<Option<Own>> = Mutex::new(None);

/// How many threads were asked for; 0 where nobody did.
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// How often a call looks whether it was interrupted.
const LOOK: Duration = Duration::from_millis(50);

/// Does work on the threads of this process, while other Python threads go on. Ctrl-C ends the call, not the work: that goes on
/// unseen until it is done, and its result is dropped. So it must not leave anything behind.
pub(crate) fn run<R: Send + 'static>(py: Python<'_>, work: impl FnOnce() -> R + Send + 'static) -> PyResult<R> {
    let pool = of_this_process(py)?;
    let (tell, told) = sync_channel(1);
    pool.spawn(move || {
        // Nobody listens any more where the call was interrupted.
        let _ = tell.send(catch_unwind(AssertUnwindSafe(work)));
    });
    let mut told = told;
    loop {
        let (again, heard) = py.detach(move || {
            let heard = told.recv_timeout(LOOK);
            (told, heard)
        });
        told = again;
        match heard {
            Ok(done) => return done.map_err(|panic| panicked(py, &*panic)),
            Err(RecvTimeoutError::Timeout) => py.check_signals().inspect_err(|_| leave(&pool))?,
            Err(RecvTimeoutError::Disconnected) => return Err(errors::internal(py, "the work ended without a word")),
        }
    }
}

/// Leaves a pool to the work that it is still at: the next call gets another one, instead of waiting for its threads.
fn leave(pool: &Arc<ThreadPool>) {
    let mut own = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    own.take_if(|own| Arc::ptr_eq(&own.pool, pool));
}

/// Does work that must not be left alone, such as a file that is being written: Ctrl-C waits for its end.
pub(crate) fn finish<R: Send>(py: Python<'_>, work: impl FnOnce() -> R + Send) -> PyResult<R> {
    let pool = of_this_process(py)?;
    let done = py.detach(|| catch_unwind(AssertUnwindSafe(|| pool.install(work))));
    done.map_err(|panic| panicked(py, &*panic))
}

fn panicked(py: Python<'_>, panic: &(dyn Any + Send)) -> PyErr {
    let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    errors::internal(py, said.unwrap_or("a panic"))
}

fn of_this_process(py: Python<'_>) -> PyResult<Arc<ThreadPool>> {
    let (process, wanted) = (std::process::id(), wanted(py)?);
    let mut own = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    match own.take() {
        Some(known) if known.process == process && known.pool.current_num_threads() == wanted => {
            let pool = Arc::clone(&known.pool);
            *own = Some(known);
            return Ok(pool);
        }
        // The threads of a parent process are not here: to end them would be to wait for them.
        Some(other) if other.process != process => std::mem::forget(other),
        _ => {}
    }
    let named = |number| format!("revoxel-{number}");
    let pool = ThreadPoolBuilder::new().num_threads(wanted).thread_name(named).build();
    let pool = Arc::new(pool.map_err(|e| errors::plain(py, &format!("the system refuses to start threads: {e}")))?);
    *own = Some(Own { process, pool: Arc::clone(&pool) });
    Ok(pool)
}

/// As many threads as were asked for, one in a worker of a data loader of torch, else one for each core.
fn wanted(py: Python<'_>) -> PyResult<usize> {
    match ASKED.load(Ordering::Relaxed) {
        0 if in_loader(py)? => Ok(1),
        0 => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
        asked => Ok(asked),
    }
}

/// Whether this process is a worker of a data loader. torch is looked at where it is loaded, and not loaded.
fn in_loader(py: Python<'_>) -> PyResult<bool> {
    let modules = py.import("sys")?.getattr("modules")?;
    let worker = modules.call_method1("get", ("torch.utils.data._utils.worker",))?;
    if worker.is_none() {
        return Ok(false);
    }
    Ok(!worker.call_method0("get_worker_info")?.is_none())
}

/// How many threads the next call works with.
#[pyfunction]
pub(crate) fn threads(py: Python<'_>) -> PyResult<usize> {
    wanted(py)
}

/// Work with so many threads in this process and in children that fork from it; None for the default: 1 in a worker of a
/// torch DataLoader, else one for each core.
#[pyfunction]
#[pyo3(signature = (count=None))]
pub(crate) fn set_threads(py: Python<'_>, count: Option<i64>) -> PyResult<()> {
    match count {
        Some(count) if !(1..=1024).contains(&count) => {
            Err(errors::plain(py, &format!("{count} threads: choose a number from 1 to 1024, or None for the default")))
        }
        count => {
            ASKED.store(count.and_then(|n| usize::try_from(n).ok()).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }
    }
}
