//! Files told apart by where they are, whatever they are called.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Where a file is or will be: links followed, as far as there is anything.
pub fn place(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Files, and what each of them is.
#[derive(Debug, Default)]
pub struct Places(HashMap<PathBuf, String>);

impl Places {
    /// Adds a file, with those that are written beside it.
    ///
    /// # Errors
    /// Where one of them is among the others already; the problem, for people.
    pub fn add(&mut self, path: &Path, what: &str) -> Result<(), String> {
        for file in [path.to_owned()].into_iter().chain(revoxel_io::written_beside(path)) {
            if let Some(other) = self.0.insert(place(&file), what.to_owned()) {
                return Err(format!("{} is {other} and cannot also be {what}: use another name", file.display()));
            }
        }
        Ok(())
    }

    /// Adds a file that is read, and the files that belong to it.
    pub fn read(&mut self, path: &Path, parts: &[PathBuf], what: &str) {
        for file in [path].into_iter().chain(parts.iter().map(PathBuf::as_path)) {
            self.0.insert(place(file), what.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_has_many_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("a")).unwrap();
        std::fs::write(at("in.raw"), "").unwrap();
        let mut places = Places::default();
        places.read(&at("in.mhd"), &[at("in.raw")], "the input");
        places.add(&at("a/x.mhd"), "the output").unwrap();
        for same in ["a/x.mhd", "a/../a/x.mhd", "a/x.zraw", "a/../in.raw", "in.mhd"] {
            assert!(places.add(&at(same), "the trace").unwrap_err().contains("is the "), "{same}");
        }
        places.add(&at("a/x.json"), "the trace").unwrap();
    }
}
