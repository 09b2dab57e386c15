//! What the fuzz targets share. `cargo xtask fuzz` builds and runs them; docs/testing.md says how.
//!
//! Each target is a module with `check`, which must not panic, use too much memory or take too long, whatever bytes
//! it gets; `mutate`, which changes bytes in ways that reach deeper than flipped bits, because it knows fields, sizes
//! and checksums; and `seeds`, the inputs that a target starts from, all of them made by code.

pub mod heap;
pub mod mutate;
pub mod object;
pub mod scratch;
pub mod text;
pub mod volume;

pub mod archive;
pub mod compressed;
pub mod dicom_file;
pub mod dicom_labels;
pub mod dicom_series;
pub mod jpeg;
pub mod landmarks;
pub mod matrix;
pub mod metaimage;
pub mod mgh;
pub mod mif;
pub mod nifti;
pub mod nrrd;
pub mod numpy;
pub mod pipeline;
pub mod points;
pub mod trace;

pub use libfuzzer_sys;

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::Mutex;

/// The most bytes that decoding may give: few, so that a limit that does not hold is seen.
pub const MOST_DECODED: u64 = 1 << 20;

/// The most bytes of heap that an input may cost at once.
const MOST_HEAP: usize = 96 << 20;

/// What panicked last.
static LAST: Mutex<String> = Mutex::new(String::new());

/// Prepares the process. libFuzzer ends at the first panic, also at one that is caught: decoders of others may panic,
/// and the program turns that into an error. Only panics that nobody catches are findings.
///
/// With `REVOXEL_FUZZ_SEEDS`, writes the seeds into the folder of that name and ends.
pub fn start(seeds: fn() -> Vec<Vec<u8>>) {
    set_hook(Box::new(|info| {
        let text = format!("{info}\n{}", std::backtrace::Backtrace::force_capture());
        *LAST.lock().unwrap_or_else(|e| e.into_inner()) = text;
    }));
    let ours = || {
        catch_unwind(seeds).unwrap_or_else(|_| {
            eprintln!("the seeds: {}", LAST.lock().unwrap_or_else(|e| e.into_inner()));
            std::process::abort();
        })
    };
    if let Some(folder) = std::env::var_os("REVOXEL_FUZZ_SEEDS") {
        for (number, seed) in ours().into_iter().enumerate() {
            let path = std::path::Path::new(&folder).join(format!("seed-{number:02}"));
            std::fs::write(path, seed).expect("the folder of seeds can be written to");
        }
        #[expect(clippy::disallowed_methods, reason = "libFuzzer has the function main")]
        std::process::exit(0);
    }
}

/// Runs a check on an input and ends the process where it panics or uses more memory than allowed.
pub fn once(check: fn(&[u8]), data: &[u8]) {
    let before = heap::restart();
    if catch_unwind(AssertUnwindSafe(|| check(data))).is_err() {
        eprintln!("{}", LAST.lock().unwrap_or_else(|e| e.into_inner()));
        std::process::abort();
    }
    let used = heap::peak().saturating_sub(before);
    if used > MOST_HEAP {
        eprintln!("{used} bytes of heap for an input of {} bytes; at most {MOST_HEAP} are allowed", data.len());
        std::process::abort();
    }
}

/// The program of a target: its seeds, its check and its mutator.
#[macro_export]
macro_rules! target {
    ($module:ident) => {
        $crate::libfuzzer_sys::fuzz_target!(init: $crate::start($crate::$module::seeds), |data: &[u8]| {
            $crate::once($crate::$module::check, data);
        });
        $crate::libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            $crate::mutate::apply(data, size, max_size, seed, $crate::$module::mutate)
        });
    };
}
