//! Finding the cases of a dataset.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use revoxel_pipeline::{CaseName, Pipeline, Template};

/// A case: the files that are there, by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its name, and which copy of it this is.
    pub name: CaseName,
    /// Its files.
    pub inputs: BTreeMap<String, PathBuf>,
    /// Required inputs that are missing, with the paths where they were expected.
    pub missing: Vec<(String, PathBuf)>,
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
    #[error("no cases in {folder}: no file there matches {patterns}")]
    NoCases {
        /// The data folder.
        folder: PathBuf,
        /// The patterns of the inputs.
        patterns: String,
    },
    /// A case that was asked for is not there.
    #[error("there is no case {case:?} in {folder}{help}")]
    UnknownCase {
        /// Its name.
        case: String,
        /// The data folder.
        folder: PathBuf,
        /// What may have been meant.
        help: String,
    },
}

/// The name of the only case of a pipeline without `{case}`.
const ONLY_CASE: &str = "case";

/// All cases under `folder` for which at least one input exists, sorted by name.
///
/// # Errors
/// Where a folder cannot be listed, or there is no case.
pub fn discover(pipeline: &Pipeline, folder: &Path) -> Result<Vec<Case>, DatasetError> {
    fs::read_dir(folder).map_err(|error| DatasetError::Folder { path: folder.to_owned(), error })?;
    let mut names = BTreeSet::new();
    for input in &pipeline.inputs {
        if input.path.has_case() {
            let components: Vec<&str> = input.path.text().split('/').filter(|c| !c.is_empty() && *c != ".").collect();
            find(folder, &components, None, &mut names)?;
        } else if folder.join(input.path.text()).exists() && !pipeline.inputs.iter().any(|i| i.path.has_case()) {
            names.insert(ONLY_CASE.to_owned());
        }
    }
    if names.is_empty() {
        let patterns: Vec<String> = pipeline.inputs.iter().map(|i| format!("{:?}", i.path.text())).collect();
        return Err(DatasetError::NoCases { folder: folder.to_owned(), patterns: patterns.join(" or ") });
    }
    Ok(names.into_iter().map(|name| case(pipeline, folder, name)).collect())
}

/// The cases of these names, in their order.
///
/// # Errors
/// Where one of them is not there.
pub fn select(cases: Vec<Case>, names: &[String], folder: &Path) -> Result<Vec<Case>, DatasetError> {
    if names.is_empty() {
        return Ok(cases);
    }
    for name in names {
        if !cases.iter().any(|c| c.name.case == *name) {
            let near = revoxel_transforms::params::closest(name, cases.iter().map(|c| c.name.case.as_str()));
            let few: Vec<&str> = cases.iter().take(8).map(|c| c.name.case.as_str()).collect();
            let more = if cases.len() > few.len() { ", …" } else { "" };
            let list = || format!("; cases are: {}{more}", few.join(", "));
            let help = near.map_or_else(list, |near| format!("; did you mean {near:?}?"));
            return Err(DatasetError::UnknownCase { case: name.clone(), folder: folder.to_owned(), help });
        }
    }
    Ok(cases.into_iter().filter(|c| names.contains(&c.name.case)).collect())
}

/// The cases, each as often as the pipeline makes copies of it.
pub fn copies(pipeline: &Pipeline, cases: Vec<Case>) -> Vec<Case> {
    let copies =
        |case: Case| pipeline.copies_of(&case.name.case).into_iter().map(move |name| Case { name, ..case.clone() });
    cases.into_iter().flat_map(copies).collect()
}

fn case(pipeline: &Pipeline, folder: &Path, name: String) -> Case {
    let mut case = Case { name: CaseName::alone(name), inputs: BTreeMap::new(), missing: Vec::new() };
    for input in &pipeline.inputs {
        let path = folder.join(input.path.path(&case.name));
        if path.exists() {
            case.inputs.insert(input.key.clone(), path);
        } else if !input.optional {
            case.missing.push((input.key.clone(), path));
        }
    }
    case
}

/// Walks the folders that the remaining path components lead through.
fn find(
    folder: &Path,
    components: &[&str],
    known: Option<&str>,
    names: &mut BTreeSet<String>,
) -> Result<(), DatasetError> {
    let Some((component, rest)) = components.split_first() else {
        names.extend(known.map(ToOwned::to_owned));
        return Ok(());
    };
    // A component that is known already needs no listing.
    let fixed = match known {
        Some(case) => Some(component.replace("{case}", case)),
        None => (!component.contains("{case}")).then(|| (*component).to_owned()),
    };
    if let Some(name) = fixed {
        let next = folder.join(name);
        let there = if rest.is_empty() { next.exists() } else { next.is_dir() };
        return if there { find(&next, rest, known, names) } else { Ok(()) };
    }
    let error = |error| DatasetError::Folder { path: folder.to_owned(), error };
    for entry in fs::read_dir(folder).map_err(error)? {
        let name = entry.map_err(error)?.file_name();
        let Some(name) = name.to_str().filter(|n| !n.starts_with('.')) else { continue };
        if let Some(Some(case)) = Template::match_component(component, name) {
            let next = folder.join(name);
            if rest.is_empty() || next.is_dir() {
                find(&next, rest, Some(case), names)?;
            }
        }
    }
    Ok(())
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
        let pipeline = Pipeline::parse("p.yaml", text, &[], &Registry::builtin()).unwrap();
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
}
