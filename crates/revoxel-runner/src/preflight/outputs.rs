//! The files that cases write: names that can be written, no two of them the same, and none on top of an input.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use revoxel_pipeline::{CaseName, Pipeline, PipelineError};

use crate::dataset::Case;
use crate::journal;
use crate::places::Folders;
use crate::problem::{Problem, Setting};
use crate::reading::options_of;

/// Outputs, also of predictions, whose names say no format that can be written.
pub fn unwritable(pipeline: &Pipeline) -> Vec<PipelineError> {
    let outputs = pipeline.outputs.iter().filter_map(|output| {
        let wrong = revoxel_io::check_name_for_writing(output.path.text()).err()?;
        Some(pipeline.output_error(output, wrong.to_string()))
    });
    let restored = pipeline.restore.iter().filter_map(|restore| {
        let wrong = revoxel_io::check_name_for_writing(restore.path.as_ref()?.text()).err()?;
        Some(pipeline.restore_error(restore, wrong.to_string()))
    });
    outputs.chain(restored).collect()
}

/// Outputs whose files would be the same, or have the same data file beside them, in every case: `x.mhd` and `x.nhdr`
/// both have their values in `x.raw`.
pub fn colliding(pipeline: &Pipeline) -> Vec<PipelineError> {
    type Located<'a> = Box<dyn Fn(String) -> PipelineError + 'a>;
    let outputs = pipeline.outputs.iter().map(|output| -> (String, &str, Located<'_>) {
        let at = |problem| pipeline.output_error(output, problem);
        (format!("the output {:?}", output.key), output.path.text(), Box::new(at))
    });
    let restored = pipeline.restore.iter().filter_map(|restore| -> Option<(String, &str, Located<'_>)> {
        let at = |problem| pipeline.restore_error(restore, problem);
        Some((format!("the output of restore {:?}", restore.name), restore.path.as_ref()?.text(), Box::new(at)))
    });
    let mut seen: BTreeMap<PathBuf, (String, String)> = BTreeMap::new();
    seen.insert(pipeline.trace.text().into(), ("the trace".to_owned(), pipeline.trace.text().to_owned()));
    let mut problems = Vec::new();
    for (what, path, at) in outputs.chain(restored) {
        let files = [PathBuf::from(path)].into_iter().chain(revoxel_io::written_beside(path));
        let files: Vec<PathBuf> = files.collect();
        if let Some((file, (other, of))) = files.iter().find_map(|file| Some((file, seen.get(file)?))) {
            let problem = format!(
                "{what} ({path:?}) and {other} ({of:?}) would both write {:?}: give one of them another name or ending",
                file.display().to_string()
            );
            problems.push(at(problem));
        }
        seen.extend(files.into_iter().map(|file| (file, (what.clone(), path.to_owned()))));
    }
    problems
}

/// The longest name of a file that file systems take.
const LONGEST_NAME: usize = 255;

/// The files that all cases of a dataset write, whichever of them are run: no path twice, none below another, names that
/// file systems take, every format writable. The problems, for people.
pub fn check_names<'a>(pipeline: &Pipeline, cases: impl Iterator<Item = &'a Case>, out: &Path) -> Vec<String> {
    let colliding = colliding(pipeline);
    let mut problems: Vec<String> = unwritable(pipeline).iter().chain(&colliding).map(ToString::to_string).collect();
    if !colliding.is_empty() {
        return problems;
    }
    let mut seen: HashMap<PathBuf, &CaseName> = HashMap::new();
    for case in cases {
        for path in all_outputs_of(pipeline, case, out) {
            let names = path.components().map(|c| c.as_os_str());
            if names.clone().any(|name| name.len() > LONGEST_NAME) {
                problems.push(format!("{}: a name is longer than {LONGEST_NAME} bytes", path.display()));
            }
            let is_ours = |name: &OsStr| name.as_encoded_bytes().starts_with(b".revoxel-");
            if path.file_name().is_some_and(is_ours) {
                problems.push(format!("{}: names that begin with .revoxel- are reserved", path.display()));
            }
            if path.strip_prefix(out).is_ok_and(|relative| relative.starts_with(journal::FOLDER)) {
                problems.push(format!("{}: the folder {} is reserved", path.display(), journal::FOLDER));
            }
            if let Some(other) = seen.insert(path.clone(), &case.name) {
                problems.push(match *other == case.name {
                    true => format!("case {}: two outputs write {}", case.name, path.display()),
                    false => format!("cases {other} and {} both write {}", case.name, path.display()),
                });
            }
        }
    }
    let above = |path: &Path| path.ancestors().skip(1).find(|folder| seen.contains_key(*folder)).map(Path::to_owned);
    let below = seen.keys().filter_map(|path| Some((path, above(path)?)));
    problems
        .extend(below.map(|(path, file)| format!("{}: {} is a file, not a folder", path.display(), file.display())));
    problems
}

/// The files that the cases will write, checked: none on top of an input or in its folder, none there already (unless the
/// case `replaces` them), no folder in the way. The problems, for people.
pub fn check_outputs<'a>(
    pipeline: &Pipeline,
    cases: impl Iterator<Item = &'a Case> + Clone,
    out: &Path,
    replaces: &dyn Fn(&Case) -> bool,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut folders = Folders::default();
    let mut inputs: HashMap<PathBuf, &CaseName> = HashMap::new();
    for case in cases.clone() {
        for (key, path) in case.inputs.keys().flat_map(|key| case.files(key).map(move |path| (key, path))) {
            if let Some(files) = case.series.get(key).and_then(|own| own.files.as_ref()) {
                inputs.extend(files.iter().map(|file| (folders.place(file).0, &case.name)));
                continue;
            }
            // An unreadable header is reported later, when the file is read.
            let options = pipeline.input(key).map(|input| options_of(pipeline, input, case)).unwrap_or_default();
            let parts = if path.is_dir() { Vec::new() } else { revoxel_io::parts(path, &options).unwrap_or_default() };
            inputs.extend([path.clone()].iter().chain(&parts).map(|file| (folders.place(file).0, &case.name)));
        }
    }
    for case in cases {
        for path in all_outputs_of(pipeline, case, out) {
            let (there, about) = folders.place(&path);
            if let Some(other) = there.ancestors().find_map(|place| inputs.get(place)) {
                let path = path.display();
                let problem = format!("case {}: the output {path} would change an input of case {other}", case.name);
                problems.push(problem.into());
            } else if about.is_some() && path.is_dir() {
                problems.push(format!("{} is a folder: the output needs another path", path.display()).into());
            } else if about.is_some() && !replaces(case) {
                problems.push(Problem::new(format!("{} exists already", path.display()), [Setting::Overwrite]));
            }
        }
    }
    problems
}

/// The files that a case writes. Of some files one of two names is written; both are kept free.
pub(crate) fn all_outputs_of(pipeline: &Pipeline, case: &Case, out: &Path) -> Vec<PathBuf> {
    let named = outputs_of(pipeline, case, out).into_iter();
    named.flat_map(|path| [path.clone()].into_iter().chain(revoxel_io::written_beside(&path))).collect()
}

/// The files that a case writes: its outputs, and its trace as the last.
pub fn outputs_of(pipeline: &Pipeline, case: &Case, out: &Path) -> Vec<PathBuf> {
    let volumes = pipeline.outputs.iter().filter(|o| case.inputs.contains_key(&o.key)).map(|o| &o.path);
    volumes.chain([&pipeline.trace]).map(|template| out.join(template.path(&case.name))).collect()
}
