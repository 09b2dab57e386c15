//! The files that a pipeline writes: one path for each of them, for each case and for each copy.

use std::collections::BTreeSet;

use crate::error::{Fault, Place};
use crate::model::{Input, Output, Restore, Step};
use crate::node::Node;
use crate::template::{CASE, CHANNEL, COPY, Template};

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
    (copies, listed): (bool, bool),
) -> Result<(), Fault> {
    let cases = listed || inputs.iter().flat_map(Input::paths).any(Template::has_case);
    let known: BTreeSet<&str> = inputs.iter().flat_map(Input::paths).flat_map(Template::names).collect();
    let sure: BTreeSet<&str> = inputs.iter().flat_map(Input::paths).flat_map(Template::required).collect();
    let mut seen: Vec<(&str, &Template)> = Vec::new();
    let restored = restore.iter().filter_map(|r| Some((r.name.as_str(), r.path.as_ref()?, r.place)));
    let files = outputs.iter().map(|o| (o.key.as_str(), &o.path, o.place)).chain(restored);
    let files = files.chain([("trace", trace.0, trace.1)]);
    for (key, path, place) in files {
        if cases && !path.has_case() {
            let problem = format!("{:?} is the same path for every case: add {{case}}", path.text());
            return Err(Fault::new(place, problem));
        }
        if path.has_any() {
            return Err(Fault::new(place, format!("{:?} contains `*`, which is for inputs only", path.text())));
        }
        let of_cases = |name: &&str| ![CASE, COPY].contains(name);
        if let Some(name) =
            path.names().into_iter().filter(of_cases).find(|name| *name == CHANNEL || !(listed || known.contains(name)))
        {
            let problem = format!("{:?}: no input path contains {{{name}}}", path.text());
            return Err(Fault::new(place, problem).help(placeholders(&known, copies)));
        }
        if let Some(name) = path.required().into_iter().filter(of_cases).find(|name| !listed && !sure.contains(name)) {
            let problem =
                format!("{:?}: not every case has {{{name}}}, which the inputs have in brackets", path.text());
            return Err(Fault::new(place, problem).help(format!("write it in brackets, such as [{name}-{{{name}}}_]")));
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

/// The placeholders that an output may have.
fn placeholders(known: &BTreeSet<&str>, copies: bool) -> String {
    let own = known.iter().filter(|name| ![CASE, CHANNEL].contains(*name)).copied();
    let all = [CASE].into_iter().chain(copies.then_some(COPY)).chain(own);
    format!("its placeholders may be {}", all.map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", "))
}

/// Inputs whose files cannot be put together: one path at least must have all placeholders.
pub(super) fn check_inputs(inputs: &[Input], document: &Node) -> Result<(), Fault> {
    let names = |path: &'_ Template| -> BTreeSet<String> {
        path.names().into_iter().filter(|name| *name != CHANNEL).map(str::to_owned).collect()
    };
    let all: BTreeSet<String> = inputs.iter().flat_map(Input::paths).flat_map(names).collect();
    if inputs.iter().flat_map(Input::paths).any(|path| names(path) == all) {
        return Ok(());
    }
    let lacking = inputs.iter().find(|input| input.paths().any(|path| names(path) != all));
    let key = lacking.map_or("", |input| input.key.as_str());
    let place = document.locate(&["inputs", key, "path"].map(str::to_owned), false);
    let all: Vec<String> = all.iter().map(|name| format!("{{{name}}}")).collect();
    let problem = format!("no input path contains all of {}: which files belong together is not known", all.join(", "));
    Err(Fault::new(place, problem).help("write all of them in the path of one input"))
}
