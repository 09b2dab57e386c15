//! Finding the cases of a dataset.

mod choice;
mod dicom;
mod join;
mod manifest;
mod next_time;
mod passed_over;
mod text;
mod walk;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use revoxel_io::SeriesChoice;
use revoxel_pipeline::{CASE, COPY, CaseName, CaseSource, Input, Pipeline, PipelineError, Template};

use crate::problem::Setting;

pub use choice::select;
pub use next_time::taken_next_time;
pub use passed_over::{PassedOver, passed_over};

/// A case: the files that are there, by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its name, and which copy of it this is.
    pub name: CaseName,
    /// Its files: the only one of an input, or the one of its first channel.
    pub inputs: BTreeMap<String, PathBuf>,
    /// The files of the other channels of inputs that are read from several files.
    pub channels: BTreeMap<String, Vec<PathBuf>>,
    /// The DICOM series of inputs that are one of several in their folder, where it is known.
    pub series: BTreeMap<String, OwnSeries>,
    /// Required inputs that are missing, with the paths where they were expected.
    pub missing: Vec<(String, PathBuf)>,
    /// What else keeps it from being read, such as a `*` that several files match.
    pub problems: Vec<String>,
}

impl Case {
    /// A case without files.
    pub(crate) fn new(name: CaseName) -> Self {
        let (inputs, channels, series, missing, problems) = Default::default();
        Self { name, inputs, channels, series, missing, problems }
    }

    /// All files that an input is read from, in the order of its channels.
    pub fn files<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a PathBuf> {
        self.inputs.get(key).into_iter().chain(self.channels.get(key).into_iter().flatten())
    }

    /// Adds the files of an input.
    pub(crate) fn add(&mut self, key: &str, files: Vec<PathBuf>) {
        let mut files = files.into_iter();
        self.inputs.extend(files.next().map(|first| (key.to_owned(), first)));
        let others: Vec<PathBuf> = files.collect();
        if !others.is_empty() {
            self.channels.insert(key.to_owned(), others);
        }
    }
}

/// The DICOM series that an input is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSeries {
    /// SeriesInstanceUID.
    pub uid: String,
    /// Its files, in the order of their paths; `None` if the input is not a folder.
    pub files: Option<Arc<[PathBuf]>>,
}

impl OwnSeries {
    /// The choice of this series.
    pub(crate) fn choice(&self) -> SeriesChoice {
        SeriesChoice { uid: Some(self.uid.clone()), files: self.files.clone(), ..SeriesChoice::default() }
    }
}

/// Why a dataset cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The folder cannot be listed.
    #[error("{path}: {error}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// No file matches.
    #[error("no cases in {folder}: no file matches {patterns}")]
    NoCases {
        /// The data folder.
        folder: PathBuf,
        /// The patterns of the inputs.
        patterns: String,
    },
    /// Two cases have names that are the same once they are text.
    #[error("{folder}: two cases have the name {case:?}{help}")]
    SameName {
        /// The data folder.
        folder: PathBuf,
        /// The name.
        case: String,
        /// What to do.
        help: String,
    },
    /// A case that was asked for is not there.
    #[error("no case {case:?} in {folder}{help}")]
    UnknownCase {
        /// Its name.
        case: String,
        /// The data folder.
        folder: PathBuf,
        /// What may have been meant.
        help: String,
    },
    /// The section `cases` of the pipeline, or what it leads to, is wrong.
    #[error(transparent)]
    Pipeline(Box<PipelineError>),
    /// DICOM series that cannot be cases.
    #[error("{folder}: {}", problems.join("\n  "))]
    Dicom {
        /// The data folder.
        folder: PathBuf,
        /// What is wrong, one entry for each fault.
        problems: Vec<String>,
    },
    /// A list of cases that cannot be used.
    #[error("{path}: {}", problems.join("\n  "))]
    List {
        /// The list.
        path: PathBuf,
        /// What is wrong with it, one entry for each fault.
        problems: Vec<String>,
        /// Whether it names files that would have to be allowed.
        outside: bool,
    },
}

impl DatasetError {
    /// What a caller can set about it.
    pub fn settings(&self) -> Vec<Setting> {
        match self {
            Self::List { outside: true, .. } => vec![Setting::File(revoxel_io::Setting::AllowOutside)],
            _ => Vec::new(),
        }
    }
}

/// How a dataset is looked through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Finding {
    /// Whether lists of cases may name files outside the data folder.
    pub allow_outside: bool,
}

/// The name of the only case of a pipeline whose paths have no placeholder.
const ONLY_CASE: &str = "case";

/// All cases under `folder`, sorted by name: those for which at least one input exists, or those of the list that the
/// pipeline names. What the list says of labels is left aside.
///
/// # Errors
/// Where a folder cannot be listed, or there is no case.
pub fn discover(pipeline: &Pipeline, folder: &Path) -> Result<Vec<Case>, DatasetError> {
    found(pipeline, folder, Finding::default()).map(|(cases, _)| cases)
}

/// [`discover`] in a given way. Labels that the list declares become those of inputs that declare none.
///
/// # Errors
/// As [`discover`], and if steps contradict these labels.
pub fn discover_with(pipeline: &mut Pipeline, folder: &Path, finding: Finding) -> Result<Vec<Case>, DatasetError> {
    let (cases, declared) = found(pipeline, folder, finding)?;
    if let Some(manifest::Declared { from, keys, labels }) = declared {
        for key in keys {
            let given = pipeline.declare_labels(&key, &labels, &from);
            given.map_err(|error| DatasetError::Pipeline(Box::new(error)))?;
        }
    }
    Ok(cases)
}

fn found(
    pipeline: &Pipeline,
    folder: &Path,
    finding: Finding,
) -> Result<(Vec<Case>, Option<manifest::Declared>), DatasetError> {
    fs::read_dir(folder).map_err(|error| DatasetError::Folder { path: folder.to_owned(), error })?;
    let (mut cases, declared) = match &pipeline.cases {
        Some(CaseSource::List(list)) => manifest::cases(pipeline, list, folder, finding)?,
        Some(CaseSource::Dicom(dicom)) => (dicom::cases(pipeline, dicom, folder)?, None),
        None => (join::cases(pipeline, folder)?, None),
    };
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(two) = cases.windows(2).find(|two| two[0].name.case == two[1].name.case) {
        return Err(same_name(pipeline, folder, &two[0], &two[1]));
    }
    if cases.is_empty() {
        let patterns: Vec<String> = pipeline.inputs.iter().map(|i| format!("{:?}", i.path.text())).collect();
        return Err(DatasetError::NoCases { folder: folder.to_owned(), patterns: patterns.join(" or ") });
    }
    Ok((cases, declared))
}

/// What a path with placeholders matches under a folder: the case, or the copy of one, and the file of each.
///
/// # Errors
/// Where a folder cannot be listed.
pub(crate) fn matches(template: &Template, folder: &Path) -> Result<Vec<(CaseName, PathBuf)>, DatasetError> {
    let found = walk::Found::by(template, folder)?;
    let order: Vec<&str> = template.names_in_order().into_iter().filter(|name| *name != COPY).collect();
    let case = |(values, path): (walk::Values, PathBuf)| {
        let copy = values.get(COPY).and_then(|copy| copy.text.parse().ok());
        (CaseName { copy, ..join::name_of(&values, &order) }, path)
    };
    Ok(found.matches.into_iter().map(case).collect())
}

/// Two cases that would be called the same.
fn same_name(pipeline: &Pipeline, folder: &Path, first: &Case, second: &Case) -> DatasetError {
    let case = first.name.case.clone();
    let help = match (&pipeline.cases, first.name.fields == second.name.fields) {
        (Some(CaseSource::Dicom(_)), _) => {
            let shown = |case: &Case| case.series.values().next().map_or_else(String::new, |own| own.uid.clone());
            format!(
                " (with the series {} and {}): write more DICOM keywords into `name` of `cases`",
                shown(first),
                shown(second)
            )
        }
        (Some(CaseSource::List(_)), _) => {
            ": give each its own name, or choose the column of the names with `name` of `cases`".to_owned()
        }
        (None, true) => ", one of them not in UTF-8: rename it".to_owned(),
        (None, false) => {
            let files = [first, second].map(|case| case.inputs.values().next().map(|path| path.display().to_string()));
            let [first, second] = files.map(Option::unwrap_or_default);
            let by_case = pipeline.inputs.iter().flat_map(Input::paths).any(|path| path.names().contains(CASE));
            let advice = match by_case {
                true => "write another placeholder for {case}, and the name is made of all of them",
                false => "the name is made of all placeholders: rename one, or add {case} to the path",
            };
            format!(" ({first} and {second}): {advice}")
        }
    };
    DatasetError::SameName { folder: folder.to_owned(), case, help }
}

/// The cases, each as often as the pipeline makes copies of it.
pub fn copies(pipeline: &Pipeline, cases: Vec<Case>) -> Vec<Case> {
    let copies = |case: Case| pipeline.copies_of(&case.name).into_iter().map(move |name| Case { name, ..case.clone() });
    cases.into_iter().flat_map(copies).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_transforms::Registry;

    #[test]
    fn cases_are_found_by_any_input_and_say_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        for file in
            ["im/a_0000.nii", "im/b_0000.nii", "im/.hid_0000.nii", "im/readme.txt", "lb/b/seg.nii", "lb/c/seg.nii"]
        {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let text = "version: 1\ninputs:\n  image: { kind: image, path: 'im/{case}_0000.nii' }\n  \
                    label: { kind: label, path: 'lb/{case}/seg.nii' }\n  \
                    extra: { kind: label, path: 'ex/{case}.nii', optional: true }\n\
                    outputs: {}\ntrace: '{case}.json'\n";
        let pipeline = Pipeline::parse("p.yaml", text, &[], &Registry::basic()).unwrap();
        let cases = discover(&pipeline, folder.path()).unwrap();
        let summary: Vec<(&str, Vec<&str>)> =
            cases.iter().map(|c| (c.name.case.as_str(), c.missing.iter().map(|m| m.0.as_str()).collect())).collect();
        assert_eq!(summary, [("a", vec!["label"]), ("b", vec![]), ("c", vec!["image"])]);
        let error = select(cases, &["bb".to_owned()], folder.path()).unwrap_err().to_string();
        assert!(error.contains("no case \"bb\""), "{error}");
        let empty = tempfile::tempdir().unwrap();
        assert!(discover(&pipeline, empty.path()).unwrap_err().to_string().contains("im/{case}_0000.nii"));
        assert!(discover(&pipeline, &empty.path().join("none")).is_err());
    }
    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_are_cases_too() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let text = "version: 1\ninputs:\n  image: { kind: image, path: 'i_{case}.nii' }\n  \
                    label: { kind: label, path: 'l/{case}.nii' }\noutputs: {}\ntrace: '{case}.json'\n";
        let pipeline = Pipeline::parse("p.yaml", text, &[], &Registry::basic()).unwrap();
        let touch = |name: &[u8]| {
            let path = folder.path().join(OsStr::from_bytes(name));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        };
        [b"i_b\xff%.nii".as_slice(), b"l/b\xff%.nii", b"i_a.nii", b"l/a.nii", b"i_...nii", b"l/.x.nii"]
            .iter()
            .for_each(|name| touch(name));
        let cases = discover(&pipeline, folder.path()).unwrap();
        let names: Vec<_> = cases.iter().map(|c| (c.name.case.as_str(), c.missing.len())).collect();
        assert_eq!(names, [("a", 0), ("b%FF%", 0)]);
        assert!(cases[1].inputs.values().all(|path| path.exists()));
        touch(b"i_b%FF%.nii");
        assert!(matches!(discover(&pipeline, folder.path()), Err(DatasetError::SameName { .. })));
    }
}
