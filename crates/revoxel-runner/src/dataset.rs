//! Finding the cases of a dataset.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
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
    /// Two cases have names that are the same once they are text.
    #[error("two cases of {folder} are called {case:?}: the name of one of them is not UTF-8; rename it")]
    SameName {
        /// The data folder.
        folder: PathBuf,
        /// The name.
        case: String,
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
    let mut names = Names::default();
    for input in &pipeline.inputs {
        if input.path.has_case() {
            let components: Vec<&str> = input.path.text().split('/').filter(|c| !c.is_empty() && *c != ".").collect();
            find(folder, &components, None, &mut names)?;
        } else if folder.join(input.path.text()).exists() && !pipeline.inputs.iter().any(|i| i.path.has_case()) {
            names.cases.insert(ONLY_CASE.to_owned(), ONLY_CASE.into());
        }
    }
    names.tell();
    if let Some(case) = names.twice {
        return Err(DatasetError::SameName { folder: folder.to_owned(), case });
    }
    let names = names.cases;
    if names.is_empty() {
        let patterns: Vec<String> = pipeline.inputs.iter().map(|i| format!("{:?}", i.path.text())).collect();
        return Err(DatasetError::NoCases { folder: folder.to_owned(), patterns: patterns.join(" or ") });
    }
    Ok(names.into_iter().map(|(name, raw)| case(pipeline, folder, name, &raw)).collect())
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

fn case(pipeline: &Pipeline, folder: &Path, name: String, raw: &OsStr) -> Case {
    let mut case = Case { name: CaseName::alone(name), inputs: BTreeMap::new(), missing: Vec::new() };
    for input in &pipeline.inputs {
        let path = folder.join(with_case(input.path.text(), raw));
        if path.exists() {
            case.inputs.insert(input.key.clone(), path);
        } else if !input.optional {
            case.missing.push((input.key.clone(), path));
        }
    }
    case
}

/// The names of cases that were found, and what was passed over.
#[derive(Debug, Default)]
struct Names {
    /// The names as they are in file names, by the text that they are called.
    cases: BTreeMap<String, OsString>,
    /// Files and folders that would have been cases, but for their names.
    passed_over: Vec<(PathBuf, &'static str)>,
    /// A text that two of them are called.
    twice: Option<String>,
}

impl Names {
    fn add(&mut self, name: &Name) {
        let before = self.cases.insert(name.text.clone(), name.raw.clone());
        if before.is_some_and(|before| before != name.raw) {
            self.twice = Some(name.text.clone());
        }
    }

    /// Says what was passed over.
    fn tell(&self) {
        const MOST: usize = 5;
        for (path, why) in self.passed_over.iter().take(MOST) {
            tracing::warn!("{} is passed over: {why}", text_of(path.as_os_str()));
        }
        if self.passed_over.len() > MOST {
            tracing::warn!("… and so are {} more", self.passed_over.len() - MOST);
        }
    }
}

/// The name of a case.
#[derive(Clone, Debug)]
struct Name {
    /// What it is called.
    text: String,
    /// What stands in the names of files.
    raw: OsString,
}

/// A path of a template, for the case that is called so in file names.
fn with_case(text: &str, raw: &OsStr) -> OsString {
    let mut path = OsString::new();
    for (number, piece) in text.split("{case}").enumerate() {
        if number > 0 {
            path.push(raw);
        }
        path.push(piece);
    }
    path
}

/// A name as text. Where it is not UTF-8, each byte that is no character becomes a percent sign and two digits.
fn text_of(name: &OsStr) -> String {
    if let Some(text) = name.to_str() {
        return text.to_owned();
    }
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("%{byte:02X}")));
    }
    text
}

/// The case in a name, where the name fits a component of a template.
fn case_in(component: &str, name: &OsStr) -> Option<Name> {
    if let Some(text) = name.to_str() {
        let case = Template::match_component(component, text)??;
        return Some(Name { text: case.to_owned(), raw: case.into() });
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let (before, after) = component.split_once("{case}")?;
        // Bytes that are no text are looked for in names with one placeholder only.
        let raw = name.as_bytes().strip_prefix(before.as_bytes())?.strip_suffix(after.as_bytes())?;
        let raw = OsStr::from_bytes(raw);
        (!raw.is_empty()).then(|| Name { text: text_of(raw), raw: raw.to_owned() })
    }
    #[cfg(not(unix))]
    None
}

/// Walks the folders that the remaining path components lead through.
fn find(folder: &Path, components: &[&str], known: Option<&Name>, names: &mut Names) -> Result<(), DatasetError> {
    let Some((component, rest)) = components.split_first() else {
        known.iter().for_each(|name| names.add(name));
        return Ok(());
    };
    // A component that is known already needs no listing.
    let fixed = match known {
        Some(case) => Some(with_case(component, &case.raw)),
        None => (!component.contains("{case}")).then(|| OsString::from(*component)),
    };
    if let Some(name) = fixed {
        let next = folder.join(name);
        let there = if rest.is_empty() { next.exists() } else { next.is_dir() };
        return if there { find(&next, rest, known, names) } else { Ok(()) };
    }
    let error = |error| DatasetError::Folder { path: folder.to_owned(), error };
    for entry in fs::read_dir(folder).map_err(error)? {
        let file = entry.map_err(error)?.file_name();
        let Some(case) = case_in(component, &file) else { continue };
        let next = folder.join(&file);
        if !rest.is_empty() && !next.is_dir() {
            continue;
        }
        let why = match case.text.as_str() {
            "." | ".." => Some("the case would be called \".\" or \"..\", which is a folder and no name"),
            _ if file.as_encoded_bytes().starts_with(b".") => {
                Some("a name that begins with a dot is that of a hidden file")
            }
            _ => None,
        };
        match why {
            // Only what leads to a file would have been a case.
            Some(why) => {
                let mut hidden = Names::default();
                find(&next, rest, Some(&case), &mut hidden)?;
                names.passed_over.extend((!hidden.cases.is_empty()).then_some((next, why)));
            }
            None => find(&next, rest, Some(&case), names)?,
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
