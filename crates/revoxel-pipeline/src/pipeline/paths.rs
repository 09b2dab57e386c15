//! The files that a pipeline writes: one path for each of them, for each case and for each copy.

use crate::error::{Fault, Place};
use crate::model::{Input, Output, Restore, Step};
use crate::template::Template;

/// The most copies of a case.
const MOST_COPIES: u32 = 10_000;

/// Copies that would all be the same, or far too many.
pub(super) fn check_copies(copies: Option<u32>, steps: &[Step], place: Place) -> Result<(), Fault> {
    let Some(copies) = copies else { return Ok(()) };
    if !(1..=MOST_COPIES).contains(&copies) {
        return Err(Fault::new(place, format!("copies: {copies} must be 1 to {MOST_COPIES}")));
    }
    if !steps.iter().any(Step::is_random) {
        let problem =
            "copies: all copies would be equal, because no step is random (names of random steps begin with rand_)";
        return Err(Fault::new(place, problem));
    }
    Ok(())
}

/// Two files on one path, or one path for all cases or all copies of one.
pub(super) fn check_paths(
    inputs: &[Input],
    outputs: &[Output],
    restore: &[Restore],
    trace: (&Template, Place),
    copies: bool,
) -> Result<(), Fault> {
    let cases = inputs.iter().any(|i| i.path.has_case());
    let mut seen: Vec<(&str, &Template)> = Vec::new();
    let restored = restore.iter().filter_map(|r| Some((r.name.as_str(), r.path.as_ref()?, r.place)));
    let files = outputs.iter().map(|o| (o.key.as_str(), &o.path, o.place)).chain(restored);
    let files = files.chain([("trace", trace.0, trace.1)]);
    for (key, path, place) in files {
        if cases && !path.has_case() {
            let problem = format!("{:?} is the same path for every case: add {{case}}", path.text());
            return Err(Fault::new(place, problem));
        }
        if copies && !path.has_copy() {
            let problem = format!("{:?} is the same path for every copy: add {{copy}}", path.text());
            return Err(Fault::new(place, problem));
        }
        if !copies && path.has_copy() {
            let problem = format!("{:?} contains {{copy}}, but the pipeline makes no copies", path.text());
            return Err(Fault::new(place, problem).help("set their number at the top level, such as `copies: 4`"));
        }
        if let Some((other, _)) = seen.iter().find(|(_, p)| *p == path) {
            return Err(Fault::new(place, format!("{:?} is written twice: for {other} and for {key}", path.text())));
        }
        seen.push((key, path));
    }
    Ok(())
}
