//! Cases by name.

use std::collections::BTreeSet;
use std::path::Path;

use wildmatch::WildMatch;

use super::{Case, DatasetError};
use crate::files::read_text;

/// The cases of these names, in their order. A name may be that of a case, a pattern with `*` and `?`, several of these
/// with commas between them, or `@` and a file with one on each line.
///
/// # Errors
/// Where one of them is not there, or a file cannot be read.
pub fn select(cases: Vec<Case>, names: &[String], folder: &Path) -> Result<Vec<Case>, DatasetError> {
    if names.is_empty() {
        return Ok(cases);
    }
    let known: BTreeSet<&str> = cases.iter().map(|c| c.name.case.as_str()).collect();
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for name in names {
        match name.strip_prefix('@').filter(|_| !known.contains(name.as_str())) {
            Some(list) => {
                let problem = |e: crate::files::FileError| DatasetError::List {
                    path: list.into(),
                    problems: vec![e.error.to_string()],
                    outside: false,
                };
                let text = read_text(Path::new(list)).map_err(problem)?;
                for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
                    add(line, &known, folder, &mut wanted)?;
                }
            }
            None if known.contains(name.as_str()) => {
                wanted.insert(name.clone());
            }
            None => name.split(',').map(str::trim).try_for_each(|name| add(name, &known, folder, &mut wanted))?,
        }
    }
    Ok(cases.into_iter().filter(|c| wanted.contains(&c.name.case)).collect())
}

/// Adds the cases of a name or pattern.
fn add(name: &str, known: &BTreeSet<&str>, folder: &Path, wanted: &mut BTreeSet<String>) -> Result<(), DatasetError> {
    if known.contains(name) {
        wanted.insert(name.to_owned());
        return Ok(());
    }
    let mut any = false;
    if name.contains(['*', '?']) {
        let pattern = WildMatch::new(name);
        for case in known.iter().filter(|case| pattern.matches(case)) {
            wanted.insert((*case).to_owned());
            any = true;
        }
    }
    if any {
        return Ok(());
    }
    let near = revoxel_transforms::params::closest(name, known.iter().copied());
    let few: Vec<&str> = known.iter().take(8).copied().collect();
    let more = if known.len() > few.len() { ", …" } else { "" };
    let list = || format!("; cases are: {}{more}", few.join(", "));
    let help = near.map_or_else(list, |near| format!("; did you mean {near:?}?"));
    Err(DatasetError::UnknownCase { case: name.to_owned(), folder: folder.to_owned(), help })
}
